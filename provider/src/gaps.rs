//! What this provider's slots lack of their deals' commits, found by comparing the finalised chain with the store.
//!
//! * *missed*: commits without a slot's receipt, which the chain would still take ([`crate::late`]);
//! * *lost*: commits that a slot has signed and the store does not hold, after the disk was changed for an empty one or an
//!   older copy of it ([`crate::restore`]);
//! * *rootless*: commits whose roots are neither in a holding nor kept. Samples of other commits need them when the manifests
//!   have these roots under one point, also after the deal has ended and nobody gives them any more ([`crate::restore`]).

use crate::{
	chain::{ChainView, follower::FollowError},
	store::{HoldingKey, Store, StoreError, has_signed},
};
use nil_client::{
	account::AccountId,
	chain::{At, BlockRef},
};
use nil_types::{CommitInfo, DealId, Generation, RelayBlock, SlotIndex};
use std::{
	collections::{BTreeSet, HashMap},
	sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::task::spawn_blocking;

type Slot = (DealId, SlotIndex);

/// A slot's part of a commit.
pub type Gap = (HoldingKey, CommitInfo);

/// What slots lack at a finalised block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
	/// What can still be signed.
	pub missed: Vec<HoldingKey>,
	/// What was signed and is not held.
	pub lost: Vec<Gap>,
	/// Commits whose roots are not here.
	pub rootless: Vec<Gap>,
}

/// What is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
	/// What was missed.
	pub missed: bool,
	/// What was lost.
	pub lost: bool,
	/// Roots.
	pub roots: bool,
}

/// Looks for gaps.
#[derive(Debug, Default)]
pub struct Finder {
	/// For what.
	pub wanted: Wanted,
	/// For each slot the last generation up to which nothing is lacking and nothing can be added: a look asks for newer commits
	/// alone. Forgotten when the daemon stops.
	settled: Mutex<HashMap<Slot, Generation>>,
}

/// A commit, and what is here of it.
#[derive(Clone, Debug)]
struct Seen {
	generation: Generation,
	commit: CommitInfo,
	/// Whether the slot's part is held.
	held: bool,
	/// Whether its roots are here; `None` where nothing of the deal is held, and so nothing is asked for that needs them.
	roots: Option<bool>,
}

impl Finder {
	/// Looks for these.
	pub fn new(wanted: Wanted) -> Self {
		Self { wanted, settled: Mutex::default() }
	}

	/// What is lacking at the finalised block `at`.
	pub async fn look(
		&self,
		chain: &dyn ChainView,
		store: &Arc<Store>,
		at: BlockRef,
		operator: AccountId,
	) -> Result<Gaps, FollowError> {
		let mut gaps = Gaps::default();
		if self.wanted == Wanted::default() {
			return Ok(gaps);
		}
		let block = At::Block(at.hash);
		let terms = chain.terms(block).await?;
		// What a slot that is rebuilt lacks is the repair's to fetch, and nobody's to sign before it has changed hands.
		let rebuilt = chain.candidacies(block, operator).await?;
		let rebuilt: BTreeSet<Slot> =
			rebuilt.into_iter().map(|(deal, repair)| (deal, repair.slot)).collect();
		let mut slots = chain.slots_of(block, operator).await?;
		slots.retain(|slot| !rebuilt.contains(slot));
		let known = {
			let mut settled = self.lock();
			settled.retain(|slot, _| slots.contains(slot));
			settled.clone()
		};
		for slot in slots {
			let before = known.get(&slot).copied().unwrap_or_default();
			let commits = chain.commits(block, slot.0, before.saturating_add(1)).await?;
			if commits.is_empty() {
				continue;
			}
			let store = store.clone();
			let seen = spawn_blocking(move || see(&store, slot, commits)).await??;
			let now = (terms.relay_block, terms.receipt_grace);
			let settled = sort_out(self.wanted, slot, before, seen, now, &mut gaps);
			self.lock().insert(slot, settled);
		}
		Ok(gaps)
	}

	fn lock(&self) -> MutexGuard<'_, HashMap<Slot, Generation>> {
		self.settled.lock().unwrap_or_else(PoisonError::into_inner)
	}
}

/// What is here of commits.
fn see(
	store: &Store,
	(deal, slot): Slot,
	commits: Vec<(Generation, CommitInfo)>,
) -> Result<Vec<Seen>, StoreError> {
	let with_roots = store.with_roots(deal, &commits)?;
	let mut all = Vec::new();
	for (generation, commit) in commits {
		let holding = store.holding(&HoldingKey { deal, generation, slot })?;
		let held = holding.is_some_and(|holding| holding.is_of(&commit));
		let roots = with_roots.as_ref().map(|with_roots| with_roots.contains(&generation));
		all.push(Seen { generation, commit, held, roots });
	}
	Ok(all)
}

/// Adds what a slot lacks of commits, which are those after the generation `settled`, to `gaps`. What is settled then.
fn sort_out(
	wanted: Wanted,
	(deal, slot): Slot,
	mut settled: Generation,
	commits: Vec<Seen>,
	(now, grace): (RelayBlock, RelayBlock),
	gaps: &mut Gaps,
) -> Generation {
	let mut complete = true;
	for Seen { generation, commit, held, roots } in commits {
		let key = HoldingKey { deal, generation, slot };
		let signed = has_signed(&commit, slot);
		let missed = wanted.missed && !signed && now <= commit.at.saturating_add(grace);
		let lost = wanted.lost && signed && !held;
		let rootless = wanted.roots && roots != Some(true);
		complete &= !(missed || lost || rootless);
		if complete {
			settled = generation;
		}
		if missed {
			gaps.missed.push(key);
		}
		if rootless && roots.is_some() {
			gaps.rootless.push((key, commit.clone()));
		}
		if lost {
			gaps.lost.push((key, commit));
		}
	}
	settled
}

#[cfg(test)]
mod tests {
	use super::*;

	const ALL: Wanted = Wanted { missed: true, lost: true, roots: true };

	fn seen(generation: Generation, signed: u32, at: RelayBlock) -> Seen {
		let commit = CommitInfo {
			first_mdu: 0,
			size_bytes: 1,
			index_len: 1,
			index_root: [0; 32],
			roots_hash: [0; 32],
			signed,
			at,
		};
		Seen { generation, commit, held: true, roots: Some(true) }
	}

	fn generations(gaps: &[Gap]) -> Vec<Generation> {
		gaps.iter().map(|(key, _)| key.generation).collect()
	}

	#[test]
	fn what_was_signed_or_is_too_old_is_settled_up_to_the_first_that_was_missed() {
		let commits = || {
			vec![
				seen(3, 0b000, 10),
				seen(4, 0b100, 50),
				seen(5, 0b011, 60),
				seen(6, 0b100, 70),
				seen(7, 0b000, 80),
			]
		};
		let look = |now| {
			let mut gaps = Gaps::default();
			let settled = sort_out(ALL, (9, 2), 2, commits(), (now, 20), &mut gaps);
			assert_eq!((&gaps.lost, &gaps.rootless), (&Vec::new(), &Vec::new()));
			(gaps.missed.iter().map(|missed| missed.generation).collect::<Vec<_>>(), settled)
		};
		assert_eq!(look(30), (vec![3, 5, 7], 2));
		assert_eq!(look(80), (vec![5, 7], 4));
		assert_eq!(look(81), (vec![7], 6));
		assert_eq!(look(101), (vec![], 7));
		assert_eq!(sort_out(ALL, (9, 2), 7, vec![], (80, 20), &mut Gaps::default()), 7);
	}

	#[test]
	fn what_was_signed_and_is_not_held_is_lost_and_roots_are_asked_for_while_anything_is_held() {
		let commits = |roots| {
			vec![
				seen(1, 0b100, 10),
				Seen { held: false, roots, ..seen(2, 0b100, 10) },
				Seen { held: false, roots, ..seen(3, 0b011, 10) },
				Seen { held: false, ..seen(4, 0b011, 10) },
			]
		};
		let look = |wanted, roots| {
			let mut gaps = Gaps::default();
			let settled = sort_out(wanted, (9, 2), 0, commits(roots), (100, 20), &mut gaps);
			assert_eq!(gaps.missed, []);
			(generations(&gaps.lost), generations(&gaps.rootless), settled)
		};
		assert_eq!(look(ALL, Some(false)), (vec![2], vec![2, 3], 1));
		assert_eq!(look(ALL, Some(true)), (vec![2], vec![], 1));
		// They may be needed yet.
		assert_eq!(look(ALL, None), (vec![2], vec![], 1));
		let missed = Wanted { missed: true, ..Wanted::default() };
		assert_eq!(look(missed, Some(false)), (vec![], vec![], 4));
		let roots = Wanted { roots: true, ..Wanted::default() };
		assert_eq!(look(roots, Some(false)), (vec![], vec![2, 3], 1));
		assert_eq!(look(roots, Some(true)), (vec![], vec![], 4));
	}
}
