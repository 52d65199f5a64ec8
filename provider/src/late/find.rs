//! Which commits lack a receipt of this provider that the chain would still take.

use crate::{
	chain::ChainView,
	store::{HoldingKey, has_signed},
};
use nil_client::{
	account::AccountId,
	chain::{At, BlockRef, ChainError},
};
use nil_types::{CommitInfo, DealId, Generation, RelayBlock, SlotIndex};
use std::{
	collections::{BTreeSet, HashMap},
	sync::{Mutex, MutexGuard, PoisonError},
};

type Slot = (DealId, SlotIndex);

/// For each slot the last generation up to which nothing is missed and nothing can be added: a look asks for newer commits
/// alone. Forgotten when the daemon stops.
#[derive(Debug, Default)]
pub struct Settled(Mutex<HashMap<Slot, Generation>>);

impl Settled {
	/// The commits, and slots of them, that are missed at the finalised block `at`.
	pub async fn missed(
		&self,
		chain: &dyn ChainView,
		at: BlockRef,
		operator: AccountId,
	) -> Result<Vec<HoldingKey>, ChainError> {
		let block = At::Block(at.hash);
		let terms = chain.terms(block).await?;
		// What a slot that is rebuilt lacks is nobody's to sign late before it has changed hands, and all of it anew then.
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
		let mut all = Vec::new();
		for (deal, slot) in slots {
			let before = known.get(&(deal, slot)).copied().unwrap_or_default();
			let commits = chain.commits(block, deal, before.saturating_add(1)).await?;
			let (missed, settled) =
				sort_out((deal, slot), before, commits, terms.relay_block, terms.receipt_grace);
			self.lock().insert((deal, slot), settled);
			all.extend(missed);
		}
		Ok(all)
	}

	fn lock(&self) -> MutexGuard<'_, HashMap<Slot, Generation>> {
		self.0.lock().unwrap_or_else(PoisonError::into_inner)
	}
}

/// What a slot has missed of `commits`, which are those after the generation `settled`, and what is settled then.
fn sort_out(
	(deal, slot): Slot,
	mut settled: Generation,
	commits: Vec<(Generation, CommitInfo)>,
	now: RelayBlock,
	grace: RelayBlock,
) -> (Vec<HoldingKey>, Generation) {
	let mut missed = Vec::new();
	for (generation, commit) in commits {
		if !has_signed(&commit, slot) && now <= commit.at.saturating_add(grace) {
			missed.push(HoldingKey { deal, generation, slot });
		} else if missed.is_empty() {
			settled = generation;
		}
	}
	(missed, settled)
}

#[cfg(test)]
mod tests {
	use super::*;

	fn commit(signed: u32, at: RelayBlock) -> CommitInfo {
		CommitInfo {
			first_mdu: 0,
			size_bytes: 1,
			index_len: 1,
			index_root: [0; 32],
			roots_hash: [0; 32],
			signed,
			at,
		}
	}

	#[test]
	fn what_was_signed_or_is_too_old_is_settled_up_to_the_first_that_was_missed() {
		let commits = || {
			vec![
				(3, commit(0b000, 10)),
				(4, commit(0b100, 50)),
				(5, commit(0b011, 60)),
				(6, commit(0b100, 70)),
				(7, commit(0b000, 80)),
			]
		};
		let look = |now| {
			let (missed, settled) = sort_out((9, 2), 2, commits(), now, 20);
			(missed.iter().map(|missed| missed.generation).collect::<Vec<_>>(), settled)
		};
		assert_eq!(look(30), (vec![3, 5, 7], 2));
		assert_eq!(look(80), (vec![5, 7], 4));
		assert_eq!(look(81), (vec![7], 6));
		assert_eq!(look(101), (vec![], 7));
		assert_eq!(sort_out((9, 2), 7, vec![], 80, 20), (vec![], 7));
	}
}
