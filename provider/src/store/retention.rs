//! What is kept, and until when: pure decisions from facts of the *finalised* chain.
//!
//! | what | kept until |
//! |---|---|
//! | staged shards | their generation was made by a commit, unless the slot has signed it and does not hold it; the deal ended, the slot went elsewhere, or `ttl` seconds passed |
//! | a promise | a finalised commit of its generation shows that other content was committed, the deal ended, or `until` passed without a commit that the slot signed or that is being rebuilt |
//! | a commit | the round is over in which the chain ended the deal, or gave the slot elsewhere, and its rent is settled or forfeited |
//!
//! What ends in a round is still asked for in it, so it is *owed* until a later round is in force on the finalised chain. A
//! deal that has expired is asked for as well, until the chain has ended it. It is not known whether a promise of a deal that
//! is gone was committed at the last moment, so that promises of such deals are owed, too. When the end is first seen in a
//! later round than it happened in, the holding stays for that round: too long rather than too short.
//!
//! A slot that ended is owed rent, which is paid in the next period against samples of what it held. So all of it is kept until
//! the chain says that nothing can be settled any more.
//!
//! When the daemon signs late ([`crate::late`]), staged shards and promises of a commit that lacks the slot's receipt are
//! kept until the commit's grace is over, whatever else has passed.
//!
//! A slot that is rebuilt is kept like one that is held, from when this provider is its candidate until the chain has given it
//! all commits; also what is staged or promised of commits of before, signed or not. Those that it has as a whole are committed from the start. Who
//! drains holds its slots until others have proved them.
//!
//! Commits are asked for from the first generation on that anything is staged or promised for. What is begun for an earlier
//! one while the answer is under way is left to the next look.

use super::{Holding, HoldingKey, Staged, StagedKey};
use nil_types::{CommitInfo, DealInfo, Generation, RelayBlock, Round, SlotIndex};
use std::collections::{BTreeMap, BTreeSet};

/// What the finalised chain says about a deal.
#[derive(Clone, Debug)]
pub struct DealFacts<AccountId> {
	/// The deal; `None` when there is none (any more).
	pub deal: Option<DealInfo<AccountId>>,
	/// The slots for which this provider signs.
	pub slots: BTreeSet<SlotIndex>,
	/// The slots that it rebuilds, or is being given after it did.
	pub rebuilt: BTreeSet<SlotIndex>,
	/// Its slots that ended, and whose rent this provider can still settle.
	pub unsettled: BTreeSet<SlotIndex>,
	/// The generation from which on its commits were asked for; `None` when they were not.
	pub asked_from: Option<Generation>,
	/// Its commits from that generation on.
	pub commits: BTreeMap<Generation, CommitInfo>,
}

impl<AccountId> DealFacts<AccountId> {
	/// Whether this provider has to do with a slot.
	fn has(&self, slot: SlotIndex) -> bool {
		self.slots.contains(&slot) || self.rebuilt.contains(&slot)
	}

	/// Whether a commit of `generation` would be among the commits.
	fn cover(&self, generation: Generation) -> bool {
		self.asked_from.is_some_and(|from| from <= generation)
	}
}

/// The moment of the decision.
#[derive(Clone, Copy, Debug)]
pub struct Now {
	/// The finalised chain's relay block.
	pub relay_block: RelayBlock,
	/// The round in force there. 0 while nothing is asked for.
	pub round: Round,
	/// Seconds since the Unix epoch.
	pub unix: u64,
	/// Seconds that staged shards are kept.
	pub staged_ttl: u64,
	/// Relay blocks after a commit within which this daemon still signs for it; `None` when it does not.
	pub grace: Option<RelayBlock>,
}

impl Now {
	/// Whether `slot` may still sign for `commit`, and this daemon will.
	fn may_sign_late(&self, commit: &CommitInfo, slot: SlotIndex) -> bool {
		self.grace.is_some_and(|grace| {
			!has_signed(commit, slot) && self.relay_block <= commit.at.saturating_add(grace)
		})
	}
}

/// Whether a commit has `slot`'s receipt.
pub fn has_signed(commit: &CommitInfo, slot: SlotIndex) -> bool {
	1u32.checked_shl(slot.into()).is_some_and(|bit| commit.signed & bit != 0)
}

/// What becomes of something held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
	/// Nothing changes.
	Keep,
	/// It was committed at this relay block.
	Commit(RelayBlock),
	/// It has ended, and why; what is left of the round may still ask for it, or the settlement of its rent.
	Owed(&'static str),
	/// Nobody needs it any more, and why.
	Drop(&'static str),
}

/// What becomes of a holding. `ended` is the round in which it was first seen to have ended, if it was.
pub fn holding_fate<AccountId>(
	key: &HoldingKey,
	holding: &Holding,
	facts: &DealFacts<AccountId>,
	now: &Now,
	ended: Option<Round>,
) -> Fate {
	let over = |reason| {
		let asked = now.round > 0 && ended.is_none_or(|ended| now.round <= ended);
		if asked || facts.unsettled.contains(&key.slot) {
			Fate::Owed(reason)
		} else {
			Fate::Drop(reason)
		}
	};
	let Some(deal) = &facts.deal else { return over("the deal ended") };
	if !facts.has(key.slot) {
		return over("the slot went elsewhere");
	}
	if holding.committed.is_some() || !facts.cover(key.generation) {
		return Fate::Keep;
	}
	let void = now.relay_block > holding.until.min(deal.expires_at);
	match facts.commits.get(&key.generation) {
		Some(commit) if !holding.is_of(commit) => Fate::Drop("other content was committed"),
		Some(commit) if has_signed(commit, key.slot) => Fate::Commit(commit.at),
		Some(commit) if now.may_sign_late(commit, key.slot) => Fate::Keep,
		// When the chain gives the slot here, this is owed, whoever has signed it.
		Some(_) if facts.rebuilt.contains(&key.slot) => Fate::Keep,
		// The owner may still add the receipt to the commit, as long as it counts.
		_ if void => Fate::Drop("the receipt is void"),
		_ => Fate::Keep,
	}
}

/// What becomes of staged shards. `held` tells whether their slot has the commit that they are for.
pub fn staged_fate<AccountId>(
	key: &StagedKey,
	staged: &Staged,
	facts: &DealFacts<AccountId>,
	now: &Now,
	held: bool,
) -> Fate {
	let Some(deal) = &facts.deal else { return Fate::Drop("the deal ended") };
	if now.relay_block > deal.expires_at {
		return Fate::Drop("the deal expired");
	}
	if !facts.has(key.holding.slot) {
		return Fate::Drop("the slot went elsewhere");
	}
	if facts.rebuilt.contains(&key.holding.slot) && key.holding.generation <= deal.generation {
		return Fate::Keep;
	}
	if !facts.cover(key.holding.generation) {
		return Fate::Keep;
	}
	let commit = facts.commits.get(&key.holding.generation);
	if commit.is_some_and(|commit| now.may_sign_late(commit, key.holding.slot)) {
		return Fate::Keep;
	}
	// It was lost, and is being fetched again.
	if !held && commit.is_some_and(|commit| has_signed(commit, key.holding.slot)) {
		return Fate::Keep;
	}
	if key.holding.generation <= deal.generation {
		return Fate::Drop("its generation was committed");
	}
	if now.unix > staged.at.saturating_add(now.staged_ttl) {
		return Fate::Drop("no receipt was asked for");
	}
	Fate::Keep
}

#[cfg(test)]
mod tests {
	use super::*;
	use nil_types::{DealStatus, Hint, Profile};

	const KEY: HoldingKey = HoldingKey { deal: 7, generation: 3, slot: 2 };
	const NOW: Now = Now { relay_block: 100, round: 0, unix: 1000, staged_ttl: 50, grace: None };

	fn holding() -> Holding {
		Holding {
			first_mdu: 4,
			mdus: 1,
			roots_hash: [1; 32],
			index_root: [2; 32],
			size_bytes: 10,
			index_len: 3,
			bytes: 131_072,
			until: 100,
			committed: None,
		}
	}

	fn commit(signed: u32) -> CommitInfo {
		CommitInfo {
			first_mdu: 4,
			size_bytes: 10,
			index_len: 3,
			index_root: [2; 32],
			roots_hash: [1; 32],
			signed,
			at: 90,
		}
	}

	fn facts(commit: Option<CommitInfo>) -> DealFacts<u8> {
		let deal = DealInfo {
			id: 7,
			owner: 0,
			profile: Profile::DEFAULT,
			hint: Hint::Cold,
			status: DealStatus::Active,
			generation: 2 + u32::from(commit.is_some()),
			total_mdus: 4,
			size_bytes: 0,
			stored_bytes: 0,
			manifests: Vec::new(),
			created_at: 0,
			expires_at: 200,
			free_escrow: 0,
			locked_rent: 0,
			deposit: 0,
			max_monthly_spend: 0,
			uploaders: Vec::new(),
		};
		DealFacts {
			deal: Some(deal),
			slots: [2].into(),
			rebuilt: BTreeSet::new(),
			unsettled: BTreeSet::new(),
			asked_from: Some(3),
			commits: commit.map(|commit| (3, commit)).into_iter().collect(),
		}
	}

	fn fate(facts: &DealFacts<u8>) -> Fate {
		holding_fate(&KEY, &holding(), facts, &NOW, None)
	}

	#[test]
	fn a_promise_waits_for_its_last_block_and_no_longer() {
		assert_eq!(fate(&facts(None)), Fate::Keep);
		let later = Now { relay_block: 101, ..NOW };
		let void = holding_fate(&KEY, &holding(), &facts(None), &later, None);
		assert_eq!(void, Fate::Drop("the receipt is void"));
	}

	#[test]
	fn a_promise_follows_the_commit_of_its_generation() {
		assert_eq!(fate(&facts(Some(commit(1 << 2)))), Fate::Commit(90));
		assert_eq!(fate(&facts(Some(commit(!(1 << 2))))), Fate::Keep, "may still be added");
		let later = Now { relay_block: 101, ..NOW };
		let committed = facts(Some(commit(1 << 2)));
		assert_eq!(holding_fate(&KEY, &holding(), &committed, &later, None), Fate::Commit(90));
		for other in [
			CommitInfo { roots_hash: [9; 32], ..commit(1 << 2) },
			CommitInfo { index_root: [9; 32], ..commit(1 << 2) },
			CommitInfo { size_bytes: 11, ..commit(1 << 2) },
			CommitInfo { index_len: 4, ..commit(1 << 2) },
			CommitInfo { first_mdu: 5, ..commit(1 << 2) },
		] {
			assert_eq!(fate(&facts(Some(other))), Fate::Drop("other content was committed"));
		}
	}

	#[test]
	fn what_a_late_receipt_needs_is_kept_while_it_may_come() {
		// The commit is of block 90.
		let missed = facts(Some(commit(!(1 << 2))));
		let key = StagedKey { holding: KEY, mdu: 4 };
		let old = Staged {
			root: [1; 32],
			profile: Profile::DEFAULT,
			live: 1,
			len: 131_072,
			unverified: None,
			at: 0,
		};
		let at = |relay_block, grace| Now { relay_block, grace, ..NOW };
		let void = Fate::Drop("the receipt is void");
		let over = Fate::Drop("its generation was committed");
		for (now, promise, staged) in [
			(at(101, None), void, over),
			(at(101, Some(30)), Fate::Keep, Fate::Keep),
			(at(120, Some(30)), Fate::Keep, Fate::Keep),
			(at(121, Some(30)), void, over),
		] {
			assert_eq!(holding_fate(&KEY, &holding(), &missed, &now, None), promise, "{now:?}");
			assert_eq!(staged_fate(&key, &old, &missed, &now, false), staged, "{now:?}");
		}
		let signed = facts(Some(commit(1 << 2)));
		assert_eq!(staged_fate(&key, &old, &signed, &at(101, Some(30)), true), over);
		// What it needs that was signed and lost is kept, however long that takes.
		assert_eq!(staged_fate(&key, &old, &signed, &at(150, None), false), Fate::Keep);
		let ended = DealFacts { deal: None, ..missed };
		let ended = staged_fate(&key, &old, &ended, &at(101, Some(30)), false);
		assert_eq!(ended, Fate::Drop("the deal ended"));
	}

	/// The deal is at a later generation, and nothing of the one in question was there when the commits were asked for.
	#[test]
	fn what_was_begun_since_the_commits_were_asked_for_waits_for_the_next_look() {
		let key = StagedKey { holding: KEY, mdu: 4 };
		let staged = Staged {
			root: [1; 32],
			profile: Profile::DEFAULT,
			live: 1,
			len: 131_072,
			unverified: None,
			at: 0,
		};
		let now = Now { relay_block: 101, grace: Some(30), ..NOW };
		let mut facts = facts(None);
		facts.deal.as_mut().unwrap().generation = 5;
		for asked_from in [None, Some(4)] {
			facts.asked_from = asked_from;
			let fate = staged_fate(&key, &staged, &facts, &now, false);
			assert_eq!(fate, Fate::Keep, "{asked_from:?}");
			let kept = holding_fate(&KEY, &holding(), &facts, &now, None);
			assert_eq!(kept, Fate::Keep, "{asked_from:?}");
		}
		facts.asked_from = Some(3);
		let over = Fate::Drop("its generation was committed");
		assert_eq!(staged_fate(&key, &staged, &facts, &now, false), over);
		let void = Fate::Drop("the receipt is void");
		assert_eq!(holding_fate(&KEY, &holding(), &facts, &now, None), void);
		// The deal and the slot need no commits.
		let elsewhere = DealFacts { slots: [1].into(), asked_from: None, ..facts };
		let gone = Fate::Drop("the slot went elsewhere");
		assert_eq!(staged_fate(&key, &staged, &elsewhere, &now, false), gone);
	}

	#[test]
	fn a_commit_ends_with_its_deal_or_slot_alone() {
		let held = Holding { committed: Some(90), until: 0, ..holding() };
		let judge = |facts: &DealFacts<u8>, now: &Now| holding_fate(&KEY, &held, facts, now, None);
		assert_eq!(judge(&facts(None), &NOW), Fate::Keep);
		// An expired deal is asked for until the chain has ended it.
		assert_eq!(judge(&facts(None), &Now { relay_block: 201, ..NOW }), Fate::Keep);
		let elsewhere = DealFacts { slots: [1].into(), ..facts(None) };
		assert_eq!(judge(&elsewhere, &NOW), Fate::Drop("the slot went elsewhere"));
		let ended = DealFacts { deal: None, ..facts(None) };
		assert_eq!(judge(&ended, &NOW), Fate::Drop("the deal ended"));
	}

	#[test]
	fn what_ended_is_owed_until_a_later_round_is_in_force() {
		let held = Holding { committed: Some(90), until: 0, ..holding() };
		let gone = DealFacts { deal: None, ..facts(None) };
		let elsewhere = DealFacts { slots: [1].into(), ..facts(None) };
		for (facts, reason) in [(&gone, "the deal ended"), (&elsewhere, "the slot went elsewhere")]
		{
			for held in [&held, &holding()] {
				let judge =
					|round, ended| holding_fate(&KEY, held, facts, &Now { round, ..NOW }, ended);
				assert_eq!(judge(0, None), Fate::Drop(reason), "nothing was ever asked for");
				assert_eq!(judge(7, None), Fate::Owed(reason), "seen for the first time");
				assert_eq!(judge(7, Some(7)), Fate::Owed(reason));
				assert_eq!(judge(8, Some(7)), Fate::Drop(reason));
			}
		}
		let back = holding_fate(&KEY, &held, &facts(None), &Now { round: 9, ..NOW }, Some(7));
		assert_eq!(back, Fate::Keep);
		// A promise that nobody committed is owed to nobody.
		let later = Now { relay_block: 101, round: 7, ..NOW };
		let void = holding_fate(&KEY, &holding(), &facts(None), &later, None);
		assert_eq!(void, Fate::Drop("the receipt is void"));
	}

	#[test]
	fn what_is_rebuilt_is_kept_while_this_provider_is_the_candidate() {
		let staged = Staged {
			root: [1; 32],
			profile: Profile::DEFAULT,
			live: 1,
			len: 131_072,
			unverified: None,
			at: 0,
		};
		let key = StagedKey { holding: KEY, mdu: 4 };
		let held = Holding { committed: Some(90), until: 90, ..holding() };
		// The former provider's signature, long ago.
		let now = Now { relay_block: 150, ..NOW };
		let elsewhere = DealFacts { slots: [1].into(), ..facts(Some(commit(1 << 2))) };
		let gone = Fate::Drop("the slot went elsewhere");
		assert_eq!(staged_fate(&key, &staged, &elsewhere, &now, true), gone);
		assert_eq!(holding_fate(&KEY, &held, &elsewhere, &now, None), gone);
		let mine = DealFacts { rebuilt: [2].into(), ..elsewhere };
		assert_eq!(staged_fate(&key, &staged, &mine, &now, true), Fate::Keep);
		assert_eq!(holding_fate(&KEY, &held, &mine, &now, None), Fate::Keep);
		// Nor does a promise of what was committed end with its receipt, whether or not the slot has signed.
		let unsigned = DealFacts { commits: [(3, commit(0))].into(), ..mine.clone() };
		assert_eq!(holding_fate(&KEY, &holding(), &unsigned, &now, None), Fate::Keep);
		assert_eq!(holding_fate(&KEY, &holding(), &mine, &now, None), Fate::Commit(90));
		let void = Fate::Drop("the receipt is void");
		let elsewhere = DealFacts { slots: [2].into(), rebuilt: BTreeSet::new(), ..unsigned };
		assert_eq!(holding_fate(&KEY, &holding(), &elsewhere, &now, None), void);
		// What was uploaded for a commit to come waits for its receipt no longer than usual.
		let next = StagedKey { holding: HoldingKey { generation: 4, ..KEY }, mdu: 5 };
		let late = Fate::Drop("no receipt was asked for");
		assert_eq!(staged_fate(&next, &staged, &mine, &now, false), late);
		// The slot is this provider's: nothing more is to be rebuilt.
		let held_now = DealFacts { slots: [2].into(), rebuilt: BTreeSet::new(), ..mine };
		let over = Fate::Drop("its generation was committed");
		assert_eq!(staged_fate(&key, &staged, &held_now, &now, true), over);
		assert_eq!(holding_fate(&KEY, &held, &held_now, &now, None), Fate::Keep);
	}

	#[test]
	fn what_ended_is_owed_until_its_rent_is_settled() {
		let held = Holding { committed: Some(90), until: 0, ..holding() };
		let now = Now { round: 9, ..NOW };
		let judge = |facts: &DealFacts<u8>| holding_fate(&KEY, &held, facts, &now, Some(7));
		let gone = DealFacts { deal: None, ..facts(None) };
		assert_eq!(judge(&gone), Fate::Drop("the deal ended"));
		let unsettled = DealFacts { unsettled: [2].into(), ..gone.clone() };
		assert_eq!(judge(&unsettled), Fate::Owed("the deal ended"));
		let other = DealFacts { unsettled: [1].into(), ..gone };
		assert_eq!(judge(&other), Fate::Drop("the deal ended"));
	}

	#[test]
	fn staged_shards_end_with_their_generation_or_time() {
		let key = StagedKey { holding: KEY, mdu: 4 };
		let staged = Staged {
			root: [1; 32],
			profile: Profile::DEFAULT,
			live: 1,
			len: 131_072,
			unverified: None,
			at: 950,
		};
		let judge =
			|facts: &DealFacts<u8>, now: &Now| staged_fate(&key, &staged, facts, now, false);
		assert_eq!(judge(&facts(None), &NOW), Fate::Keep);
		let late = judge(&facts(None), &Now { unix: 1001, ..NOW });
		assert_eq!(late, Fate::Drop("no receipt was asked for"));
		let committed = judge(&facts(Some(commit(0))), &NOW);
		assert_eq!(committed, Fate::Drop("its generation was committed"));
	}
}
