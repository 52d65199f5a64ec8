//! What a candidate does next: a pure decision from what the finalised chain says and what is held.

use nil_types::{CommitInfo, Generation, RelayBlock, RepairInfo, RoundInfo};

/// Relay blocks before the end of its window from which on a candidate proves less than it might, if it can: a proof has to
/// be made, sent and included.
pub const HURRY: RelayBlock = 20;

/// The next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
	/// Commits that can be proved are missing.
	Rebuild,
	/// All up to this generation is held and can be proved.
	Prove(Generation),
	/// Nothing can be done now, and why.
	Wait(&'static str),
}

/// What decides.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a, AccountId> {
	/// The repair, of which this provider is the candidate.
	pub repair: &'a RepairInfo<AccountId>,
	/// The deal's generation when the candidate was drawn: nothing before it can be proved.
	pub target: Generation,
	/// All commits of the deal, in order.
	pub commits: &'a [(Generation, CommitInfo)],
	/// The relay chain's clock.
	pub now: RelayBlock,
	/// Relay blocks for which a generation may be proved after the next one was committed.
	pub grace: RelayBlock,
	/// The round in force, as whose manifests proofs are checked against.
	pub round: &'a RoundInfo,
}

impl<AccountId> Facts<'_, AccountId> {
	/// The commits that the round in force found: what can be proved in it.
	pub fn provable(&self) -> &[(Generation, CommitInfo)] {
		let found = self.commits.partition_point(|(_, commit)| commit.at < self.round.began_at);
		self.commits.get(..found).unwrap_or_default()
	}

	/// Whether the chain still takes a proof of what the first `count` commits left, of which the last one made `generation`.
	fn is_taken(&self, generation: Generation, count: usize) -> bool {
		let next = self.commits.get(count);
		let is_fresh = next.is_none_or(|(_, next)| self.now <= next.at.saturating_add(self.grace));
		is_fresh && generation >= self.target
	}

	/// What to do next, given which generations are held.
	pub fn plan(&self, is_held: impl Fn(Generation) -> bool) -> Plan {
		let is_drawn = self.repair.samples.is_some();
		if self.commits.is_empty() {
			return if is_drawn { Plan::Prove(0) } else { Plan::Wait("its samples are not drawn") };
		}
		let provable = self.provable();
		let Some((last, _)) = provable.last() else {
			return Plan::Wait("the next round finds the deal's first commit");
		};
		let missing = provable.iter().position(|(generation, _)| !is_held(*generation));
		let Some(held) = missing else {
			return match (is_drawn, self.is_taken(*last, provable.len())) {
				(false, _) => Plan::Wait("its samples are not drawn"),
				(true, false) => Plan::Wait("the next round finds a commit that is recent enough"),
				(true, true) => Plan::Prove(*last),
			};
		};
		// Those before the first that is missing.
		let before = held.checked_sub(1).and_then(|place| provable.get(place));
		let hurries = is_drawn && self.now.saturating_add(HURRY) >= self.repair.due;
		if let Some((generation, _)) = before
			&& hurries
			&& self.is_taken(*generation, held)
		{
			return Plan::Prove(*generation);
		}
		Plan::Rebuild
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use nil_types::RepairCause;

	const GRACE: RelayBlock = 50;
	const DUE: RelayBlock = 1_000;

	fn commits(at: &[RelayBlock]) -> Vec<(Generation, CommitInfo)> {
		let commit = |at: &RelayBlock| CommitInfo {
			first_mdu: 0,
			size_bytes: 1,
			index_len: 1,
			index_root: [0; 32],
			roots_hash: [0; 32],
			signed: 0,
			at: *at,
		};
		(1..).zip(at.iter().map(commit)).collect()
	}

	fn round(began_at: RelayBlock) -> RoundInfo {
		RoundInfo {
			round: 3,
			epoch: 3,
			began_at,
			draw_from: 0,
			drawn: None,
			ends_at: began_at + 100,
			prompt_blocks: 1,
			samples: 1,
			max_items: 1,
			max_steps: 1,
		}
	}

	/// With commits at these relay blocks, of which those of `held` are here, in a round that began at 100.
	fn plan(at: &[RelayBlock], held: &[Generation], drawn: bool, now: RelayBlock) -> Plan {
		let repair = RepairInfo::<u8> {
			slot: 0,
			cause: RepairCause::Eviction,
			since: 0,
			attempts: 1,
			provider: None,
			candidate: Some(1),
			reserved: 0,
			samples: drawn.then_some([1; 32]),
			due: DUE,
			adopting: None,
		};
		let (commits, round) = (commits(at), round(100));
		let (grace, target) = (GRACE, 0);
		let facts = Facts { repair: &repair, target, commits: &commits, now, grace, round: &round };
		facts.plan(|generation| held.contains(&generation))
	}

	#[test]
	fn commits_are_rebuilt_and_then_the_last_one_is_proved() {
		let at = [10, 20, 30];
		assert_eq!(plan(&at, &[], false, 110), Plan::Rebuild);
		assert_eq!(plan(&at, &[1, 3], false, 110), Plan::Rebuild);
		assert!(matches!(plan(&at, &[1, 2, 3], false, 110), Plan::Wait(_)));
		assert_eq!(plan(&at, &[1, 2, 3], true, 110), Plan::Prove(3));
	}

	#[test]
	fn what_the_round_did_not_find_waits_for_the_next_one() {
		assert!(matches!(plan(&[100], &[], true, 110), Plan::Wait(_)));
		// The commit before it may be proved while the grace lasts.
		assert_eq!(plan(&[10, 100], &[], true, 110), Plan::Rebuild);
		assert_eq!(plan(&[10, 100], &[1], true, 150), Plan::Prove(1));
		assert!(matches!(plan(&[10, 100], &[1], true, 151), Plan::Wait(_)));
	}

	#[test]
	fn a_window_that_ends_takes_what_is_there_if_it_is_recent() {
		let late = DUE - HURRY;
		assert_eq!(plan(&[10, 99], &[1], true, late - 1), Plan::Rebuild);
		assert_eq!(plan(&[10, 99], &[1], true, late), Plan::Rebuild, "the second is too old");
		let (commits, round) = (commits(&[10, 950]), round(960));
		let repair = RepairInfo::<u8> {
			slot: 0,
			cause: RepairCause::Drain,
			since: 0,
			attempts: 1,
			provider: Some(2),
			candidate: Some(1),
			reserved: 0,
			samples: Some([1; 32]),
			due: DUE,
			adopting: None,
		};
		let facts = |now, target| {
			let (repair, commits, round) = (&repair, commits.as_slice(), &round);
			Facts { repair, target, commits, now, grace: GRACE, round }
		};
		let first = |generation: Generation| generation == 1;
		assert_eq!(facts(late - 1, 1).plan(first), Plan::Rebuild);
		assert_eq!(facts(late, 1).plan(first), Plan::Prove(1));
		assert_eq!(facts(late, 2).plan(first), Plan::Rebuild, "its samples are of the second too");
		assert_eq!(facts(late, 1).plan(|_| false), Plan::Rebuild, "nothing is there");
	}

	#[test]
	fn a_deal_without_content_is_proved_by_nothing() {
		assert!(matches!(plan(&[], &[], false, 110), Plan::Wait(_)));
		assert_eq!(plan(&[], &[], true, 110), Plan::Prove(0));
	}
}
