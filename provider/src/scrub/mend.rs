//! Mending, beside the checks, so that slow slots hold up none of these.
//!
//! Several deals are mended at a time, each for a short turn, and the quarantine is looked at meanwhile: a deal whose turn is over
//! makes room for the one that has waited longest, however slow the others are. A piece that could not be rebuilt waits. After
//! [`MOST_FAILURES`] in a row all of its deal waits, longer and longer: other slots that do not answer for one piece will not for
//! the next.

use super::{ScrubError, Scrubber};
use crate::{
	content::Reader,
	fetch::MDU_PATIENCE,
	store::{ContentKey, HoldingKey, Kind, Rotten, StagedKey},
};
use codec::Encode;
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
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
/// Pieces of a deal that are mended in one turn.
const PIECES: usize = 32;
/// After how long a turn ends, with the next piece that is rebuilt, or with the last failure in a row.
const TURN: Duration = Duration::from_secs(120);
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

/// A deal's turn.
type Turn<'a> = BoxFuture<'a, (DealId, Result<Tried, ScrubError>)>;

/// What could not be rebuilt, and whose turn it is.
#[derive(Default)]
struct Waiting {
	/// Deals that have their turn now.
	running: HashSet<DealId>,
	/// When deals had their last turn.
	begun: HashMap<DealId, Instant>,
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
		self.begun.retain(|deal, _| deals.contains_key(deal));
		deals.retain(|_, pieces| !pieces.is_empty());
		deals
	}

	/// The deals of these whose turn begins now: those that have waited longest, as many as there is room for.
	fn begin(
		&mut self,
		due: BTreeMap<DealId, Vec<Piece>>,
		now: Instant,
	) -> Vec<(DealId, Vec<Piece>)> {
		let idle = due.into_iter().filter(|(deal, _)| !self.running.contains(deal));
		let mut turns: Vec<_> = idle.collect();
		// Who had none is before all who had one.
		turns.sort_by_key(|(deal, _)| self.begun.get(deal).copied());
		turns.truncate(DEALS_AT_A_TIME.saturating_sub(self.running.len()));
		for (deal, _) in &turns {
			self.running.insert(*deal);
			self.begun.insert(*deal, now);
		}
		turns
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
		let mut turns: FuturesUnordered<Turn<'_>> = FuturesUnordered::new();
		while !self.stop.is_cancelled() {
			match self.on_store(|reader| reader.store.quarantine()).await {
				Ok(all) => {
					let now = Instant::now();
					let due = waiting.due(all, now);
					for (deal, pieces) in waiting.begin(due, now) {
						turns.push(Box::pin(async move { (deal, self.mend_deal(pieces).await) }));
					}
				},
				Err(error) => tracing::warn!(%error, "cannot tell what is damaged, trying again"),
			}
			tokio::select! {
				() = self.stop.cancelled() => {},
				() = sleep(LOOK_EVERY) => {},
				Some((deal, tried)) = turns.next() => {
					waiting.running.remove(&deal);
					match tried {
						Ok(tried) => waiting.note(deal, tried, Instant::now()),
						Err(ScrubError::Stopped) => {},
						Err(error) => {
							tracing::warn!(deal, %error, "cannot rebuild what is damaged, trying again");
						},
					}
				},
			}
		}
		// They end soon, and leave nothing behind that still holds the store.
		while turns.next().await.is_some() {}
	}

	/// Tries to rebuild pieces of one deal.
	async fn mend_deal(&self, pieces: Vec<Piece>) -> Result<Tried, ScrubError> {
		let until = Instant::now() + TURN;
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
			// Not between failures: how many there are in a row decides how long the deal waits.
			let is_over = tried.in_a_row == 0 && Instant::now() >= until;
			if is_over || tried.in_a_row >= MOST_FAILURES {
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
	fn slow_deals_hold_up_no_others_than_those_for_which_there_is_no_room() {
		let now = Instant::now();
		let second = Duration::from_secs(1);
		let mut waiting = Waiting::default();
		let begin = |waiting: &mut Waiting, deals: std::ops::Range<DealId>, now| {
			let due = waiting.due(deals.map(|deal| piece(deal, 0)).collect(), now);
			let turns = waiting.begin(due, now).into_iter();
			turns.map(|(deal, _)| deal).collect::<Vec<_>>()
		};
		assert_eq!(begin(&mut waiting, 1..3, now), [1, 2]);
		// Found damaged while these have their turn.
		assert_eq!(begin(&mut waiting, 1..7, now + second), [3, 4]);
		assert_eq!(begin(&mut waiting, 1..7, now + second), [0u64; 0]);
		// One that had its turn waits for all that had none, or had it before.
		waiting.running.remove(&1);
		assert_eq!(begin(&mut waiting, 1..7, now + second * 2), [5]);
		waiting.running.remove(&3);
		assert_eq!(begin(&mut waiting, 1..7, now + second * 3), [6]);
		waiting.running.remove(&4);
		assert_eq!(begin(&mut waiting, 1..7, now + second * 4), [1]);
		// What was rebuilt is forgotten.
		waiting.due(Vec::new(), now);
		assert!(waiting.begun.is_empty());
	}

	#[test]
	fn a_few_pieces_of_each_deal_are_tried_at_a_time() {
		let mut all: Vec<_> = (0..100).map(|mdu| piece(1, mdu)).collect();
		all.push(piece(2, 0));
		let due = Waiting::default().due(all, Instant::now());
		assert_eq!((due[&1].len(), due[&2].len()), (PIECES, 1));
	}
}
