//! The slots that a commit is sent to.

use super::PutError;
use crate::{
	account::AccountId,
	chain::DealChain,
	http::{Http, HttpError, UploadAt},
	keys::{self, Signer},
	peers::{self, Absent, Peer, summary},
	progress::{Event, Progress},
	wire::{self, ErrorCode, Receipt, ReceiptRequest, SignedToken},
};
use bytes::Bytes;
use codec::Encode;
use futures::future::join_all;
use nil_slab::EncodedMdu;
use nil_types::{
	DealId, Generation, Hash32, MduIndex, Profile, ProviderInfo, ReceiptMessage, RelayBlock,
	SlotIndex, SlotState, Terms, UploadToken, blake2b_256, messages::roots_hash,
};
use std::{
	collections::{BTreeMap, HashMap},
	sync::{Mutex, PoisonError},
	time::{Duration, SystemTime},
};
use tokio::time::{Instant, sleep};

/// How long a token is good for.
const TOKEN_SECONDS: u64 = 24 * 3600;
/// Relay blocks that a receipt must still count: time for the commit to be included.
const RECEIPT_MARGIN: RelayBlock = 8;

/// The slots of a deal while one commit is made.
#[derive(Debug)]
pub(crate) struct Slots {
	genesis: Hash32,
	deal: DealId,
	generation: Generation,
	profile: Profile,
	patience: Duration,
	progress: Progress,
	seats: Vec<Seat>,
	/// Slots that work goes on without, and why.
	failed: Mutex<BTreeMap<SlotIndex, String>>,
}

/// A slot's provider, and the token for it. No two slots see the same one: with another's token a provider could upload
/// garbage there, and be promised it, before the owner is.
#[derive(Debug)]
struct Seat {
	peer: Peer,
	token: SignedToken,
}

/// What [`Slots::open`] needs to know.
pub(crate) struct SlotsFor<'a> {
	pub(crate) chain: &'a dyn DealChain,
	pub(crate) http: &'a Http,
	pub(crate) signer: &'a Signer,
	pub(crate) deal: DealId,
	pub(crate) generation: Generation,
	pub(crate) profile: Profile,
	pub(crate) max_bytes: u64,
	pub(crate) patience: Duration,
	pub(crate) progress: &'a Progress,
}

impl Slots {
	/// Finds the deal's slots and signs a token for each.
	pub(crate) async fn open(wanted: SlotsFor<'_>) -> Result<Self, PutError> {
		let SlotsFor { chain, http, signer, deal, generation, profile, .. } = wanted;
		let (peers, absent) = peers::peers(http, &chain.slots(deal).await?, SlotState::signer);
		let genesis = chain.genesis();
		let now = SystemTime::now()
			.duration_since(SystemTime::UNIX_EPOCH)
			.map_or(0, |since| since.as_secs());
		let token = |slot| UploadToken {
			genesis,
			deal,
			generation,
			slot,
			max_bytes: wanted.max_bytes,
			expires: now.saturating_add(TOKEN_SECONDS),
		};
		let seats = peers
			.into_iter()
			.map(|peer| Seat { token: SignedToken::sign(token(peer.slot), signer), peer })
			.collect();
		let slots = Self {
			genesis,
			deal,
			generation,
			profile,
			patience: wanted.patience,
			progress: wanted.progress.clone(),
			seats,
			failed: Mutex::default(),
		};
		for Absent { slot, provider, reason } in absent {
			slots.give_up(slot, provider.unwrap_or_default(), reason);
		}
		slots.enough()?;
		Ok(slots)
	}

	/// Slots that work.
	fn working(&self) -> Vec<&Seat> {
		let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
		self.seats.iter().filter(|seat| !failed.contains_key(&seat.peer.slot)).collect()
	}

	fn give_up(&self, slot: SlotIndex, provider: AccountId, reason: String) {
		let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
		if failed.insert(slot, reason.clone()).is_none() {
			tracing::warn!(slot, %provider, reason, "going on without a slot");
			self.progress.emit(Event::SlotFailed { slot, provider, reason });
		}
	}

	/// Whether so many slots work that a commit can stand.
	fn enough(&self) -> Result<(), PutError> {
		let need = usize::from(self.profile.k).saturating_add(1);
		let have = self.working().len();
		if have >= need {
			return Ok(());
		}
		let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
		let failures: Vec<_> =
			failed.iter().map(|(slot, reason)| (*slot, reason.clone())).collect();
		Err(PutError::TooFewSlots { have, need, failures: summary(&failures) })
	}

	/// What each slot has staged of the commit: the roots by MDU.
	pub(crate) async fn staged(&self) -> HashMap<SlotIndex, HashMap<MduIndex, Hash32>> {
		let asked = self.working().into_iter().map(|Seat { peer, token }| async move {
			let list = peer
				.client
				.staged(self.deal, self.generation, peer.slot, token)
				.await
				.unwrap_or_default();
			let roots = list.staged.into_iter().map(|staged| (staged.mdu, staged.root.0)).collect();
			(peer.slot, roots)
		});
		join_all(asked).await.into_iter().collect()
	}

	/// Whether every slot that works has `mdu` with this root.
	pub(crate) fn all_have(
		&self,
		staged: &HashMap<SlotIndex, HashMap<MduIndex, Hash32>>,
		mdu: MduIndex,
		root: &Hash32,
	) -> bool {
		self.working()
			.iter()
			.all(|seat| staged.get(&seat.peer.slot).and_then(|roots| roots.get(&mdu)) == Some(root))
	}

	/// Sends an MDU to every slot that works, except those that have it; how many slots have it then.
	pub(crate) async fn upload(
		&self,
		mdu: MduIndex,
		encoded: EncodedMdu,
		staged: &HashMap<SlotIndex, HashMap<MduIndex, Hash32>>,
	) -> Result<u8, PutError> {
		let prefix = Bytes::from(wire::upload_prefix(&encoded.witness.encode()));
		let mut shards: Vec<Bytes> = encoded.shards.into_iter().map(Bytes::from).collect();
		let root = encoded.root;
		let sends: Vec<_> = self
			.working()
			.into_iter()
			.filter_map(|seat| {
				let slot = seat.peer.slot;
				let has = staged.get(&slot).and_then(|roots| roots.get(&mdu)) == Some(&root);
				let shard = shards.get_mut(usize::from(slot)).map(std::mem::take)?;
				(!has).then_some((seat, shard))
			})
			.map(|(seat, shard)| self.upload_to(seat, mdu, root, prefix.clone(), shard))
			.collect();
		drop(shards);
		join_all(sends).await;
		self.enough()?;
		Ok(u8::try_from(self.working().len()).unwrap_or(u8::MAX))
	}

	#[tracing::instrument(name = "upload", skip_all, fields(slot = peer.slot))]
	async fn upload_to(
		&self,
		Seat { peer, token }: &Seat,
		mdu: MduIndex,
		root: Hash32,
		prefix: Bytes,
		shard: Bytes,
	) {
		let at = UploadAt { deal: self.deal, generation: self.generation, mdu, slot: peer.slot };
		let stored =
			self.patiently(|| peer.client.upload(at, token, prefix.clone(), shard.clone())).await;
		let reason = match stored {
			Ok(stored) if stored.root.0 == root => return,
			Ok(stored) => format!("it took MDU {mdu} for {:?}", stored.root),
			Err(error) => error.to_string(),
		};
		self.give_up(peer.slot, peer.provider, reason);
	}

	/// Gathers the receipts of all slots that work.
	pub(crate) async fn receipts(
		&self,
		request: &ReceiptRequest,
		now: RelayBlock,
	) -> Result<Vec<Receipt>, PutError> {
		let asked = self.working().into_iter().map(|seat| self.receipt_of(seat, request, now));
		let receipts: Vec<Receipt> = join_all(asked).await.into_iter().flatten().collect();
		self.enough()?;
		Ok(receipts)
	}

	#[tracing::instrument(name = "receipt", skip_all, fields(slot = peer.slot))]
	async fn receipt_of(
		&self,
		Seat { peer, token }: &Seat,
		request: &ReceiptRequest,
		now: RelayBlock,
	) -> Option<Receipt> {
		let (deal, generation, slot) = (self.deal, self.generation, peer.slot);
		let answer =
			self.patiently(|| peer.client.receipt(deal, generation, slot, token, request)).await;
		let reason = match answer {
			Ok(receipt) => match self.check(peer, request, &receipt, now) {
				Ok(()) => {
					self.progress.emit(Event::Receipt { slot });
					return Some(receipt);
				},
				Err(reason) => reason,
			},
			Err(error) => error.to_string(),
		};
		self.give_up(slot, peer.provider, reason);
		None
	}

	/// A receipt that the chain would refuse would fail the whole commit.
	fn check(
		&self,
		peer: &Peer,
		request: &ReceiptRequest,
		receipt: &Receipt,
		now: RelayBlock,
	) -> Result<(), String> {
		if receipt.slot != peer.slot {
			return Err(format!("its receipt is for slot {}", receipt.slot));
		}
		let earliest = now.saturating_add(RECEIPT_MARGIN);
		if receipt.until < earliest {
			return Err(format!(
				"its receipt counts until relay block {} only: {earliest} is needed",
				receipt.until
			));
		}
		let message = ReceiptMessage {
			genesis: self.genesis,
			deal: self.deal,
			generation: self.generation,
			slot: peer.slot,
			roots_hash: roots_hash(&request.roots),
			index_root: blake2b_256(&request.index),
			size_bytes: request.size_bytes,
			index_len: u32::try_from(request.index.len()).unwrap_or(u32::MAX),
			until: receipt.until,
		};
		let signed = peer.service_key.is_some_and(|key| {
			keys::verify_signature(&key, &message.signing_bytes(), &receipt.signature)
		});
		signed.then_some(()).ok_or_else(|| "its receipt's signature is wrong".to_owned())
	}

	/// Gives up the signers of `receipts` that cannot take `bytes` more, as the chain sees them; the receipts of the
	/// others. `None` when all of them can: then something else was the matter. Fails when too few are left.
	pub(crate) async fn without_full_signers(
		&self,
		chain: &dyn DealChain,
		receipts: &[Receipt],
		bytes: u64,
	) -> Result<Option<Vec<Receipt>>, PutError> {
		let terms = chain.terms().await?;
		let mut left = Vec::new();
		for receipt in receipts {
			let mut peers = self.seats.iter().map(|seat| &seat.peer);
			let Some(peer) = peers.find(|peer| peer.slot == receipt.slot) else { continue };
			let info = chain.provider(peer.provider).await?;
			match cannot_take(info.as_ref(), &terms, bytes) {
				Some(reason) => self.give_up(peer.slot, peer.provider, reason),
				None => left.push(receipt.clone()),
			}
		}
		if left.len() == receipts.len() {
			return Ok(None);
		}
		self.enough()?;
		Ok(Some(left))
	}

	/// Tries again what may succeed later, for as long as the slot is worth waiting for.
	async fn patiently<T, F: Future<Output = Result<T, HttpError>>>(
		&self,
		mut request: impl FnMut() -> F,
	) -> Result<T, HttpError> {
		const FIRST_PAUSE: Duration = Duration::from_millis(200);
		const LONGEST_PAUSE: Duration = Duration::from_secs(2);
		// What a node takes to restart. The provider is there meanwhile and has what it was sent.
		const NODE_PATIENCE: Duration = Duration::from_secs(120);
		let mut pause = FIRST_PAUSE;
		let mut since = None;
		loop {
			let error = match request().await {
				Ok(answer) => return Ok(answer),
				Err(error) => error,
			};
			// A provider may not have seen the newest blocks yet.
			let behind = matches!(
				error.code(),
				Some(ErrorCode::NotMySlot | ErrorCode::WrongGeneration | ErrorCode::NotFound)
			);
			let patience = match error.code() {
				Some(ErrorCode::ChainUnavailable) => self.patience.max(NODE_PATIENCE),
				_ => self.patience,
			};
			let since = *since.get_or_insert_with(Instant::now);
			if !(error.is_retryable() || behind) || since.elapsed() + pause > patience {
				return Err(error);
			}
			sleep(pause).await;
			pause = (pause * 2).min(LONGEST_PAUSE);
		}
	}
}

/// Why the chain lets a provider not sign for `bytes` more, if it does not.
fn cannot_take(
	info: Option<&ProviderInfo<AccountId>>,
	terms: &Terms,
	bytes: u64,
) -> Option<String> {
	let Some(info) = info else { return Some("its provider is not registered any more".into()) };
	let total = info.used.saturating_add(bytes);
	if total > info.capacity {
		return Some(format!(
			"{total} bytes with this commit are more than its capacity of {}",
			info.capacity
		));
	}
	let backed = terms.backed_bytes(info.stake);
	(total > backed).then(|| {
		format!("{total} bytes with this commit are more than the {backed} that its stake backs")
	})
}
