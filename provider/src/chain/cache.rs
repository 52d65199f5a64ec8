//! What requests need to know of a deal, kept for a few seconds so that a thousand uploads ask the node once.

use super::ChainView;
use nil_client::{
	account::AccountId,
	chain::{At, ChainError},
};
use nil_types::{DealId, DealInfo, RelayBlock, SlotIndex, SlotInfo, Terms};
use std::{
	collections::HashMap,
	sync::{Arc, Mutex, PoisonError},
	time::Duration,
};
use tokio::time::{Instant, timeout};

/// How long an answer is used.
const FRESH: Duration = Duration::from_secs(3);
/// How long a view serves while the node does not answer. Staging goes on meanwhile; receipts need the node.
const SERVES_ALONE: Duration = Duration::from_secs(600);
/// How long the node may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Deals kept at most; beyond, all are forgotten.
const MOST_DEALS: usize = 4096;

/// A deal at one best block.
#[derive(Clone, Debug)]
pub struct DealView {
	/// The deal.
	pub deal: DealInfo<AccountId>,
	/// Its slots.
	pub slots: Vec<SlotInfo<AccountId>>,
	/// Prices, and the relay chain's clock.
	pub terms: Terms,
}

impl DealView {
	/// Whose receipts count for `slot`. Slots are found by their number, never by their place in the list.
	pub fn signer_of(&self, slot: SlotIndex) -> Option<AccountId> {
		self.slots.iter().find(|info| info.slot == slot)?.state.signer().copied()
	}

	/// Relay blocks until the deal expires.
	pub fn remaining(&self) -> RelayBlock {
		self.deal.expires_at.saturating_sub(self.terms.relay_block)
	}
}

type Entry = Arc<tokio::sync::Mutex<Option<(Instant, Arc<DealView>)>>>;

/// Deals by number.
#[derive(Debug)]
pub struct DealCache {
	chain: Arc<dyn ChainView>,
	entries: Mutex<HashMap<DealId, Entry>>,
}

impl DealCache {
	/// An empty cache before `chain`.
	pub fn new(chain: Arc<dyn ChainView>) -> Self {
		Self { chain, entries: Mutex::default() }
	}

	/// The deal as it was at most a few seconds ago; `None` when there is none.
	///
	/// Whoever finds a deal unfit on a cached view asks again with `fresh` before refusing: the owner may know a newer
	/// block. While the node does not answer, an older view serves those who did not ask for a fresh one.
	pub async fn get(
		&self,
		deal: DealId,
		fresh: bool,
	) -> Result<Option<Arc<DealView>>, ChainError> {
		let asked = Instant::now();
		let entry = self.entry(deal);
		// Held while the node is asked, so that concurrent requests ask once.
		let mut cached = entry.lock().await;
		if let Some((at, view)) = &*cached {
			// An answer that came while this call waited is fresh.
			if *at >= asked || (!fresh && at.elapsed() < FRESH) {
				return Ok(Some(view.clone()));
			}
		}
		let at = Instant::now();
		let answer = timeout(PATIENCE, self.ask(deal)).await.unwrap_or_else(|_| {
			Err(ChainError::Transport {
				method: "NilApi_deal".into(),
				reason: format!("no answer within {PATIENCE:?}"),
			})
		});
		match (answer, &*cached) {
			(Ok(found), _) => {
				let view = found.map(Arc::new);
				*cached = view.clone().map(|view| (at, view));
				Ok(view)
			},
			(Err(error), Some((at, view))) if !fresh && at.elapsed() < SERVES_ALONE => {
				tracing::warn!(deal, %error, "the node does not answer: going on with what it said");
				Ok(Some(view.clone()))
			},
			(Err(error), _) => Err(error),
		}
	}

	async fn ask(&self, deal: DealId) -> Result<Option<DealView>, ChainError> {
		let block = At::Block(self.chain.head(At::Best).await?.hash);
		let Some(found) = self.chain.deal(block, deal).await? else {
			return Ok(None);
		};
		let slots = self.chain.slots(block, deal).await?;
		let terms = self.chain.terms(block).await?;
		Ok(Some(DealView { deal: found, slots, terms }))
	}

	fn entry(&self, deal: DealId) -> Entry {
		let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
		if entries.len() >= MOST_DEALS && !entries.contains_key(&deal) {
			entries.clear();
		}
		entries.entry(deal).or_default().clone()
	}
}
