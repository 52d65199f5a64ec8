//! What is kept, and until when: pure decisions from facts of the *finalised* chain.
//!
//! | what | kept until |
//! |---|---|
//! | staged shards | their generation was made by a commit, the deal ended, the slot went elsewhere, or `ttl` seconds passed |
//! | a promise | a finalised commit of its generation shows that other content was committed, the deal ended, or `until` passed without a commit that the slot signed |
//! | a commit | the deal ended or expired, or the slot went elsewhere |

use super::{Holding, HoldingKey, Staged, StagedKey};
use nil_types::{CommitInfo, DealInfo, Generation, RelayBlock, SlotIndex};
use std::collections::{BTreeMap, BTreeSet};

/// What the finalised chain says about a deal.
#[derive(Clone, Debug)]
pub struct DealFacts<AccountId> {
	/// The deal; `None` when there is none (any more).
	pub deal: Option<DealInfo<AccountId>>,
	/// The slots that this provider holds or rebuilds.
	pub slots: BTreeSet<SlotIndex>,
	/// Its commits, at least those of the generations in question.
	pub commits: BTreeMap<Generation, CommitInfo>,
}

/// The moment of the decision.
#[derive(Clone, Copy, Debug)]
pub struct Now {
	/// The finalised chain's relay block.
	pub relay_block: RelayBlock,
	/// Seconds since the Unix epoch.
	pub unix: u64,
	/// Seconds that staged shards are kept.
	pub staged_ttl: u64,
}

/// What becomes of something held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
	/// Nothing changes.
	Keep,
	/// It was committed at this relay block.
	Commit(RelayBlock),
	/// Nobody needs it any more, and why.
	Drop(&'static str),
}

/// What becomes of a holding.
pub fn holding_fate<AccountId>(
	key: &HoldingKey,
	holding: &Holding,
	facts: &DealFacts<AccountId>,
	now: &Now,
) -> Fate {
	let Some(deal) = &facts.deal else { return Fate::Drop("the deal ended") };
	if now.relay_block > deal.expires_at {
		return Fate::Drop("the deal expired");
	}
	if !facts.slots.contains(&key.slot) {
		return Fate::Drop("the slot went elsewhere");
	}
	if holding.committed.is_some() {
		return Fate::Keep;
	}
	let void = now.relay_block > holding.until;
	match facts.commits.get(&key.generation) {
		Some(commit) if !is_of(holding, commit) => Fate::Drop("other content was committed"),
		Some(commit)
			if 1u32.checked_shl(key.slot.into()).is_some_and(|bit| commit.signed & bit != 0) =>
		{
			Fate::Commit(commit.at)
		},
		// The owner may still add the receipt to the commit, as long as it counts.
		_ if void => Fate::Drop("the receipt is void"),
		_ => Fate::Keep,
	}
}

fn is_of(holding: &Holding, commit: &CommitInfo) -> bool {
	(
		holding.first_mdu,
		holding.size_bytes,
		holding.index_len,
		holding.index_root,
		holding.roots_hash,
	) == (
		commit.first_mdu,
		commit.size_bytes,
		commit.index_len,
		commit.index_root,
		commit.roots_hash,
	)
}

/// What becomes of staged shards.
pub fn staged_fate<AccountId>(
	key: &StagedKey,
	staged: &Staged,
	facts: &DealFacts<AccountId>,
	now: &Now,
) -> Fate {
	let Some(deal) = &facts.deal else { return Fate::Drop("the deal ended") };
	if now.relay_block > deal.expires_at {
		return Fate::Drop("the deal expired");
	}
	if !facts.slots.contains(&key.holding.slot) {
		return Fate::Drop("the slot went elsewhere");
	}
	if key.holding.generation <= deal.generation {
		return Fate::Drop("its generation was committed");
	}
	if now.unix > staged.at.saturating_add(now.staged_ttl) {
		return Fate::Drop("no receipt was asked for");
	}
	Fate::Keep
}
