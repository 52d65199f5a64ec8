//! What a candidate sees of a slot at a finalised block.
//!
//! Finalised commits stay, so those that were seen are kept, and a look asks for newer ones alone. While the candidate waits,
//! a look asks for the repair and the round, and for nothing more until one of them has changed. After a failure everything
//! is asked for anew: receipts that came since tell which slots to ask.

use super::{Facts, Outcome, RepairError, Repairer, Sent, SlotKey, lock};
use crate::{fetch::Part, store::HoldingKey};
use nil_client::{
	account::AccountId,
	chain::{At, ChainError},
};
use nil_types::{
	CommitInfo, DealInfo, Generation, RelayBlock, RepairInfo, RoundInfo, SlotInfo, SlotState, Terms,
};
use std::{collections::BTreeSet, sync::Arc};

/// What a candidate that waits is waiting for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glance {
	/// The repair.
	pub repair: RepairInfo<AccountId>,
	/// The round in force.
	pub round: RoundInfo,
}

/// What was learned of a slot, for as long as this provider is its candidate.
#[derive(Debug, Default)]
pub(super) struct Memory {
	/// Its deal's commits, in order, as far as they were seen.
	commits: Vec<(Generation, CommitInfo)>,
	/// At what it waits, and why.
	waits: Option<(Glance, &'static str)>,
	/// The last proof that the chain did not take.
	refused: Option<Sent>,
}

/// A slot that this provider rebuilds, at a finalised block.
pub(super) struct Look {
	pub at: At,
	pub key: SlotKey,
	pub glance: Glance,
	pub deal: Arc<DealInfo<AccountId>>,
	pub slots: Arc<Vec<SlotInfo<AccountId>>>,
	pub commits: Vec<(Generation, CommitInfo)>,
	pub terms: Terms,
	pub held: BTreeSet<Generation>,
}

impl Look {
	pub fn facts(&self) -> Facts<'_, AccountId> {
		let slot = self.slots.iter().find(|info| info.slot == self.key.1);
		let target = match slot.map(|info| &info.state) {
			Some(SlotState::Repairing { target_gen, .. }) => *target_gen,
			_ => 0,
		};
		Facts {
			repair: &self.glance.repair,
			target,
			commits: self.commits.as_slice(),
			now: self.terms.relay_block,
			grace: self.terms.receipt_grace,
			round: &self.glance.round,
		}
	}

	fn part(&self, (generation, commit): &(Generation, CommitInfo)) -> Part {
		let (deal, slot) = self.key;
		Part {
			key: HoldingKey { deal, generation: *generation, slot },
			deal: self.deal.clone(),
			slots: self.slots.clone(),
			commit: commit.clone(),
		}
	}

	/// What is to be fetched, in order.
	pub fn missing(&self) -> Vec<Part> {
		let facts = self.facts();
		let missing = facts.provable().iter().filter(|commit| !self.held.contains(&commit.0));
		missing.map(|commit| self.part(commit)).collect()
	}

	/// Whether enough others hold the deal for what is missing to be rebuilt.
	pub fn can_be_rebuilt(&self) -> bool {
		let has_provider = self.glance.repair.provider.is_some();
		let holders = self.slots.iter().filter(|info| info.state.provider().is_some());
		has_provider || holders.count() >= usize::from(self.deal.profile.k)
	}

	/// Relay blocks within which the slot must be proved.
	pub const fn blocks_left(&self) -> RelayBlock {
		self.glance.repair.due.saturating_sub(self.terms.relay_block)
	}
}

impl Repairer {
	/// The repair at the finalised block, if this provider is the candidate there.
	pub(super) async fn glance(
		&self,
		(id, slot): SlotKey,
	) -> Result<Option<(At, Glance)>, RepairError> {
		let chain = &self.chain;
		let operator = self.operator.account_id();
		let asked = async {
			let at = At::Block(chain.head(At::Finalised).await?.hash);
			let mut repairs = chain.repairs(at, id).await?.into_iter();
			let repair = repairs.find(|repair| repair.slot == slot);
			let Some(repair) = repair.filter(|repair| repair.candidate == Some(operator)) else {
				return Ok(None);
			};
			let round = chain.round(at).await?;
			Ok::<_, ChainError>(Some((at, Glance { repair, round })))
		};
		self.unless_stopped(asked).await
	}

	/// Everything else at the same block; `None` when the deal has ended.
	pub(super) async fn look(
		&self,
		key: SlotKey,
		at: At,
		glance: Glance,
	) -> Result<Option<Look>, RepairError> {
		let (id, slot) = key;
		let chain = &self.chain;
		let mut commits = lock(&self.memory).entry(key).or_default().commits.clone();
		let from = commits.last().map_or(1, |(generation, _)| generation.saturating_add(1));
		let asked = async {
			let Some(deal) = chain.deal(at, id).await? else { return Ok(None) };
			let slots = chain.slots(at, id).await?;
			let newer = chain.commits(at, id, from).await?;
			let terms = chain.terms(at).await?;
			Ok::<_, ChainError>(Some((deal, slots, newer, terms)))
		};
		let Some((deal, slots, newer, terms)) = self.unless_stopped(asked).await? else {
			return Ok(None);
		};
		commits.extend(newer);
		lock(&self.memory).entry(key).or_default().commits.clone_from(&commits);
		let known = commits.clone();
		let held = self.fetcher.on_store(move |store| {
			let mut held = BTreeSet::new();
			for (generation, commit) in known {
				let holding = store.holding(&HoldingKey { deal: id, generation, slot })?;
				if holding.is_some_and(|holding| holding.is_of(&commit)) {
					held.insert(generation);
				}
			}
			Ok(held)
		});
		let held = held.await?;
		let (deal, slots) = (Arc::new(deal), Arc::new(slots));
		Ok(Some(Look { at, key, glance, deal, slots, commits, terms, held }))
	}

	/// Nothing more can be done until the repair or the round changes.
	pub(super) fn wait(&self, look: &Look, why: &'static str) -> Outcome {
		lock(&self.memory).entry(look.key).or_default().waits = Some((look.glance.clone(), why));
		Outcome::Waits(why)
	}

	/// Why a slot still waits, if nothing has changed.
	pub(super) fn still_waits(&self, key: SlotKey, glance: &Glance) -> Option<&'static str> {
		let memory = lock(&self.memory);
		let (seen, why) = memory.get(&key)?.waits.as_ref()?;
		(seen == glance).then_some(*why)
	}

	/// An attempt has failed: everything is looked at anew.
	pub(super) fn forget(&self, key: SlotKey) {
		if let Some(memory) = lock(&self.memory).get_mut(&key) {
			memory.commits.clear();
			memory.waits = None;
		}
	}

	/// The chain did not take a proof.
	pub(super) fn refuse(&self, key: SlotKey, sent: Sent) {
		lock(&self.memory).entry(key).or_default().refused = Some(sent);
	}

	/// Whether the chain did not take this very proof.
	pub(super) fn is_refused(&self, key: SlotKey, sent: &Sent) -> bool {
		let memory = lock(&self.memory);
		memory.get(&key).is_some_and(|memory| memory.refused.as_ref() == Some(sent))
	}
}
