//! Mending, beside the checks, so that slow slots hold up none of these.
//!
//! Several deals are mended at a time, and a few pieces of each before the quarantine is looked at again. A piece that could not
//! be rebuilt waits. After [`MOST_FAILURES`] in a row all of its deal waits, longer and longer: other slots that do not answer
//! for one piece will not for the next.

use super::{ScrubError, Scrubber};
use crate::{
	content::Reader,
	fetch::MDU_PATIENCE,
	store::{ContentKey, HoldingKey, Kind, Rotten, StagedKey},
};
use codec::Encode;
use futures::{StreamExt, stream};
use nil_client::{
	chain::{At, ChainError},
	crypt::Identities,
	get::{ReadOptions, SlotRebuilder},
};
use nil_types::DealId;
use std::{
	collections::{BTreeMap, HashMap, HashSet},
	time::Duration,
};
use tokio::time::{Instant, sleep, timeout};

/// Pause before the quarantine is looked at again.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Deals that are mended at a time.
const DEALS_AT_A_TIME: usize = 4;
/// Pieces of a deal that are mended before the quarantine is looked at again.
const PIECES: usize = 32;
/// Failures in a row after which the rest of the deal waits.
const MOST_FAILURES: u32 = 3;
/// Others that share a piece of content and that the chain is asked about.
const MOST_HOLDERS: usize = 8;
/// After how long another attempt is made at what could not be rebuilt.
const AGAIN: Duration = Duration::from_secs(300);
/// The longest that a deal waits.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Content in quarantine.
type Piece = (ContentKey, Rotten);

/// What came of some pieces of a deal.
#[derive(Default)]
struct Tried {
	/// Those that could not be rebuilt.
	failed: Vec<ContentKey>,
	/// How many of the last ones are among them.
	in_a_row: u32,
}

/// What could not be rebuilt.
#[derive(Default)]
struct Waiting {
	/// When pieces are tried again.
	pieces: HashMap<ContentKey, Instant>,
	/// How often in a row deals had to wait, and until when.
	deals: HashMap<DealId, (u32, Instant)>,
}

impl Waiting {
	/// What is tried now of all that is in quarantine, by deal.
	fn due(&mut self, all: Vec<Piece>, now: Instant) -> BTreeMap<DealId, Vec<Piece>> {
		let here: HashSet<ContentKey> = all.iter().map(|(key, _)| *key).collect();
		self.pieces.retain(|key, _| here.contains(key));
		let mut deals: BTreeMap<DealId, Vec<Piece>> = BTreeMap::new();
		for (key, rotten) in all {
			let deal = rotten.held.holding.deal;
			let pieces = deals.entry(deal).or_default();
			let waits = self.deals.get(&deal).is_some_and(|(_, due)| now < *due)
				|| self.pieces.get(&key).is_some_and(|due| now < *due);
			if !waits && pieces.len() < PIECES {
				pieces.push((key, rotten));
			}
		}
		self.deals.retain(|deal, _| deals.contains_key(deal));
		deals.retain(|_, pieces| !pieces.is_empty());
		deals
	}

	/// Takes note of what came of some pieces of `deal`.
	fn note(&mut self, deal: DealId, tried: Tried, now: Instant) {
		self.pieces.extend(tried.failed.into_iter().map(|key| (key, now + AGAIN)));
		if tried.in_a_row < MOST_FAILURES {
			self.deals.remove(&deal);
			return;
		}
		let before = self.deals.get(&deal).map_or(0, |(times, _)| *times);
		let pause = AGAIN.saturating_mul(1 << before.min(31)).min(LONGEST_PAUSE);
		self.deals.insert(deal, (before.saturating_add(1), now + pause));
		tracing::warn!(deal, again_in = ?pause, "other slots give nothing to rebuild a deal with");
	}
}

impl Scrubber {
	/// Mends until it is stopped.
	pub(super) async fn mend_on(&self) {
		let mut waiting = Waiting::default();
		while !self.stop.is_cancelled() {
			match self.mend_some(&mut waiting).await {
				Ok(()) => {},
				Err(ScrubError::Stopped) => return,
				Err(error) => {
					tracing::warn!(%error, "cannot rebuild what is damaged, trying again");
				},
			}
			tokio::select! {
				() = self.stop.cancelled() => {},
				() = sleep(LOOK_EVERY) => {},
			}
		}
	}

	/// Tries to rebuild some of what is in quarantine and whose time has come.
	async fn mend_some(&self, waiting: &mut Waiting) -> Result<(), ScrubError> {
		let all = self.on_store(|reader| reader.store.quarantine()).await?;
		let tries: Vec<_> = waiting
			.due(all, Instant::now())
			.into_iter()
			.map(|(deal, pieces)| async move { (deal, self.mend_deal(pieces).await) })
			.collect();
		let mut tries = stream::iter(tries).buffer_unordered(DEALS_AT_A_TIME);
		while let Some((deal, tried)) = tries.next().await {
			waiting.note(deal, tried?, Instant::now());
		}
		Ok(())
	}

	/// Tries to rebuild pieces of one deal.
	async fn mend_deal(&self, pieces: Vec<Piece>) -> Result<Tried, ScrubError> {
		let mut tried = Tried::default();
		for (key, rotten) in pieces {
			let StagedKey { holding, mdu } = rotten.held;
			let HoldingKey { deal, generation, slot } = holding;
			match self.mend_for_any(key, rotten.held).await {
				Ok(bytes) => {
					tried.in_a_row = 0;
					self.reader.metrics.mended.inc();
					self.reader.metrics.rebuilt_bytes.inc_by(bytes);
					tracing::info!(deal, generation, slot, mdu, "rebuilt what was damaged");
				},
				Err(ScrubError::Stopped) => return Err(ScrubError::Stopped),
				Err(error) => {
					tried.failed.push(key);
					tried.in_a_row = tried.in_a_row.saturating_add(1);
					tracing::warn!(
						deal, generation, slot, mdu, %error, again_in = ?AGAIN,
						"cannot rebuild what is damaged"
					);
				},
			}
			if tried.in_a_row >= MOST_FAILURES {
				break;
			}
		}
		self.on_store(Reader::tell).await?;
		Ok(tried)
	}

	/// As [`Self::mend`], or as another one that shares the content when the chain does not know `held` any more.
	async fn mend_for_any(&self, key: ContentKey, held: StagedKey) -> Result<u64, ScrubError> {
		let first = self.mend(key, held).await;
		if !matches!(first, Err(ScrubError::Gone)) {
			return first;
		}
		let all = self.on_store(move |reader| reader.store.holders(&key)).await?;
		for other in all.into_iter().filter(|other| *other != held).take(MOST_HOLDERS) {
			let outcome = self.mend(key, other).await;
			if !matches!(outcome, Err(ScrubError::Gone)) {
				return outcome;
			}
		}
		Err(ScrubError::Gone)
	}

	/// Rebuilds a piece of content in quarantine as the held MDU that it is of. How many bytes it has.
	async fn mend(&self, key: ContentKey, held: StagedKey) -> Result<u64, ScrubError> {
		let StagedKey { holding, mdu } = held;
		let HoldingKey { deal, generation, slot } = holding;
		let asked = async {
			let at = At::Block(self.chain.head(At::Finalised).await?.hash);
			let Some(info) = self.chain.deal(at, deal).await? else { return Ok(None) };
			let slots = self.chain.slots(at, deal).await?;
			let commits = self.chain.commits(at, deal, generation).await?;
			let commit = commits.into_iter().find(|(found, _)| *found == generation);
			Ok::<_, ChainError>(commit.map(|commit| (info, slots, commit)))
		};
		let Some((info, slots, commit)) = self.unless_stopped(asked).await? else {
			return Err(ScrubError::Gone);
		};
		let options = ReadOptions { reach: self.reach, ..ReadOptions::new(Identities::none()) };
		let others = SlotRebuilder::new(info, commit, &slots, slot, options)?;
		let rebuilt = tokio::select! {
			() = self.stop.cancelled() => return Err(ScrubError::Stopped),
			done = timeout(MDU_PATIENCE, others.mdu(mdu)) => done.map_err(|_| ScrubError::TooSlow)??,
		};
		if rebuilt.witness.root() != key.hash {
			return Err(ScrubError::Gone);
		}
		let bytes = match key.kind {
			Kind::Shard => rebuilt.shards,
			Kind::Witness => rebuilt.witness.to_witness().encode(),
			Kind::Object => return Err(ScrubError::Gone),
		};
		let len = bytes.len() as u64;
		self.on_store(move |reader| {
			let mut incoming = reader.store.incoming()?;
			incoming.write(&bytes)?;
			reader.store.replace(&key, incoming)
		})
		.await?;
		Ok(len)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn piece(deal: DealId, mdu: u64) -> Piece {
		let held = StagedKey { holding: HoldingKey { deal, generation: 1, slot: 2 }, mdu };
		let mut hash = [deal as u8; 32];
		hash[0] = mdu as u8;
		(ContentKey::shard(hash, 2), Rotten { rows: 1, held, at: 0 })
	}

	fn tried(pieces: &[Piece], in_a_row: u32) -> Tried {
		Tried { failed: pieces.iter().map(|(key, _)| *key).collect(), in_a_row }
	}

	#[test]
	fn what_fails_waits_and_a_deal_that_fails_waits_longer_and_longer() {
		let now = Instant::now();
		let all = || vec![piece(1, 0), piece(1, 1), piece(2, 0)];
		let mut waiting = Waiting::default();
		assert_eq!(waiting.due(all(), now).len(), 2);
		// One piece alone.
		waiting.note(1, tried(&[piece(1, 0)], 1), now);
		let due = waiting.due(all(), now);
		assert_eq!(due[&1], [piece(1, 1)]);
		assert_eq!(waiting.due(all(), now + AGAIN)[&1].len(), 2);
		// All of the deal, the second time for twice as long, and the other one not at all.
		waiting.note(1, tried(&[piece(1, 0)], MOST_FAILURES), now);
		assert_eq!(waiting.due(all(), now).into_keys().collect::<Vec<_>>(), [2]);
		assert_eq!(waiting.due(all(), now + AGAIN).len(), 2);
		waiting.note(1, tried(&[], MOST_FAILURES), now);
		assert_eq!(waiting.due(all(), now + AGAIN).len(), 1);
		assert_eq!(waiting.due(all(), now + AGAIN * 2).len(), 2);
		for _ in 0..40 {
			waiting.note(1, tried(&[], MOST_FAILURES), now);
		}
		assert_eq!(waiting.due(all(), now + LONGEST_PAUSE).len(), 2);
		// What was rebuilt is forgotten, and so is its deal.
		waiting.due(Vec::new(), now);
		assert!(waiting.pieces.is_empty() && waiting.deals.is_empty());
	}

	#[test]
	fn a_few_pieces_of_each_deal_are_tried_at_a_time() {
		let mut all: Vec<_> = (0..100).map(|mdu| piece(1, mdu)).collect();
		all.push(piece(2, 0));
		let due = Waiting::default().due(all, Instant::now());
		assert_eq!((due[&1].len(), due[&2].len()), (PIECES, 1));
	}
}
