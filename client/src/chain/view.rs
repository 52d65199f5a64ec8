//! Typed reads through the runtime API.

use super::{Chain, ChainError};
use crate::account::AccountId;
use codec::{Decode, DecodeAll, Encode};
use nil_types::{
	Amount, Candidacies, CommitInfo, DealId, DealInfo, DealRentInfo, DutyInfo, Generation, Hash32,
	PlacementInfo, ProviderInfo, RelayBlock, RentInfo, RepairInfo, RoundInfo, SampleInfo,
	SettleSampleInfo, SettlementInfo, SlotHealth, SlotIndex, SlotInfo, Terms,
};
use std::ops::Range;

/// Items asked for at a time; the runtime's own limit.
const PAGE: u32 = 256;

/// Which block a read sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
	/// The best block: newest, may yet be replaced.
	Best,
	/// The newest finalised block.
	Finalised,
	/// This block.
	Block(Hash32),
}

/// An account's balance, in the token's smallest unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Decode, serde::Serialize)]
pub struct Balance {
	/// What can be spent or held.
	pub free: Amount,
	/// What is held or reserved: stake, escrow, deposits.
	pub reserved: Amount,
	/// What is frozen.
	pub frozen: Amount,
}

/// Reads at one block, or at the newest of a kind. Lists come whole: pages are joined, all from one block.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
	chain: &'a Chain,
	at: At,
}

impl<'a> View<'a> {
	pub(super) fn new(chain: &'a Chain, at: At) -> Self {
		Self { chain, at }
	}

	/// Prices, fees and deadlines in force, and the relay chain's clock.
	pub async fn terms(&self) -> Result<Terms, ChainError> {
		self.read("terms", &()).await
	}

	/// A deal, while it exists.
	pub async fn deal(&self, deal: DealId) -> Result<Option<DealInfo<AccountId>>, ChainError> {
		self.read("deal", &deal).await
	}

	/// The deals of an owner, in no particular order.
	pub async fn deals_of(&self, owner: AccountId) -> Result<Vec<DealId>, ChainError> {
		let fixed = self.fixed().await?;
		let mut all = Vec::new();
		loop {
			let after: Option<DealId> = all.last().copied();
			let page: Vec<DealId> = fixed.read("deals_of", &(owner, after, PAGE)).await?;
			if !extend(&mut all, page) {
				return Ok(all);
			}
		}
	}

	/// All commits of a deal from generation `from` on, in order.
	pub async fn commits(
		&self,
		deal: DealId,
		from: Generation,
	) -> Result<Vec<(Generation, CommitInfo)>, ChainError> {
		let fixed = self.fixed().await?;
		let mut all: Vec<(Generation, CommitInfo)> = Vec::new();
		loop {
			let next = all.last().map_or(from, |(generation, _)| generation.saturating_add(1));
			let page = fixed.read("commits", &(deal, next, PAGE)).await?;
			if !extend(&mut all, page) {
				return Ok(all);
			}
		}
	}

	/// The slots of a deal, in order; empty while it is being placed.
	pub async fn slots(&self, deal: DealId) -> Result<Vec<SlotInfo<AccountId>>, ChainError> {
		self.read("slots", &deal).await
	}

	/// The deal's request for slots, while it waits.
	pub async fn placement(&self, deal: DealId) -> Result<Option<PlacementInfo>, ChainError> {
		self.read("placement", &deal).await
	}

	/// A provider.
	pub async fn provider(
		&self,
		operator: AccountId,
	) -> Result<Option<ProviderInfo<AccountId>>, ChainError> {
		self.read("provider", &operator).await
	}

	/// All providers, in no particular order.
	pub async fn providers(&self) -> Result<Vec<ProviderInfo<AccountId>>, ChainError> {
		let fixed = self.fixed().await?;
		let mut all: Vec<ProviderInfo<AccountId>> = Vec::new();
		loop {
			let after = all.last().map(|provider| provider.operator);
			let page = fixed.read("providers", &(after, PAGE)).await?;
			if !extend(&mut all, page) {
				return Ok(all);
			}
		}
	}

	/// The slots that a provider holds, in no particular order.
	pub async fn slots_of(
		&self,
		operator: AccountId,
	) -> Result<Vec<(DealId, SlotIndex)>, ChainError> {
		let fixed = self.fixed().await?;
		let mut all: Vec<(DealId, SlotIndex)> = Vec::new();
		loop {
			let after = all.last().copied();
			let page = fixed.read("slots_of", &(operator, after, PAGE)).await?;
			if !extend(&mut all, page) {
				return Ok(all);
			}
		}
	}

	/// The round in force: when it began, what was drawn, when it ends.
	pub async fn round(&self) -> Result<RoundInfo, ChainError> {
		self.read("round", &()).await
	}

	/// What a provider owes in the round in force, what it answered, and its account. All zero for one that never stored
	/// anything.
	pub async fn duty(&self, operator: AccountId) -> Result<DutyInfo, ChainError> {
		self.read("duty", &operator).await
	}

	/// What a provider is asked under those of these ordinals that are due in the round in force, in order. A void ordinal is
	/// left out.
	///
	/// The samples are of the round at this view's block: read it there too ([`Chain::at`]).
	pub async fn samples(
		&self,
		operator: AccountId,
		ordinals: Range<u32>,
	) -> Result<Vec<SampleInfo>, ChainError> {
		let fixed = self.fixed().await?;
		let end = ordinals.end;
		let mut all: Vec<SampleInfo> = Vec::new();
		for from in ordinals.step_by(PAGE as usize) {
			let limit = end.saturating_sub(from).min(PAGE);
			let page: Vec<SampleInfo> = fixed.read("samples", &(operator, from, limit)).await?;
			all.extend(page);
		}
		Ok(all)
	}

	/// The period whose rent can be settled now, if any can.
	pub async fn settlement(&self) -> Result<Option<SettlementInfo>, ChainError> {
		self.read("settlement", &()).await
	}

	/// What a provider's slots earned and were not paid. Slots in which it signed nothing are not among them.
	pub async fn rents(&self, operator: AccountId) -> Result<Vec<RentInfo>, ChainError> {
		let fixed = self.fixed().await?;
		let mut all: Vec<RentInfo> = Vec::new();
		let mut from = 0u32;
		loop {
			let page = fixed.read("rents", &(operator, from, PAGE)).await?;
			if !extend(&mut all, page) {
				return Ok(all);
			}
			from = from.saturating_add(PAGE);
		}
	}

	/// The same of its slots that ended and can still be settled, now or in the next period, in no particular order.
	pub async fn endings(&self, operator: AccountId) -> Result<Vec<RentInfo>, ChainError> {
		let fixed = self.fixed().await?;
		let mut all: Vec<RentInfo> = Vec::new();
		loop {
			let after = all.last().map(|rent| (rent.deal, rent.slot));
			let page = fixed.read("endings", &(operator, after, PAGE)).await?;
			if !extend(&mut all, page) {
				return Ok(all);
			}
		}
	}

	/// What a provider must prove to settle these slots now, in their order: all `samples` of each. A slot for which nothing
	/// can be settled is left out. The samples are of this view's block, as those of rounds are.
	pub async fn settle_samples(
		&self,
		operator: AccountId,
		slots: &[(DealId, SlotIndex)],
		samples: u32,
	) -> Result<Vec<SettleSampleInfo>, ChainError> {
		let fixed = self.fixed().await?;
		let room = PAGE.checked_div(samples).unwrap_or(1).max(1);
		let mut all: Vec<SettleSampleInfo> = Vec::new();
		for slots in slots.chunks(usize::try_from(room).unwrap_or(1)) {
			let page: Vec<SettleSampleInfo> =
				fixed.read("settle_samples", &(operator, slots)).await?;
			all.extend(page);
		}
		Ok(all)
	}

	/// What a deal's slots earned, and what is left for them.
	pub async fn deal_rent(&self, deal: DealId) -> Result<DealRentInfo, ChainError> {
		self.read("deal_rent", &deal).await
	}

	/// How a deal's slots do, in order. Those in which nothing is stored that samples are drawn from are left out.
	pub async fn slot_health(&self, deal: DealId) -> Result<Vec<SlotHealth>, ChainError> {
		self.read("slot_health", &deal).await
	}

	/// The repairs of a deal's slots, in order.
	pub async fn repairs(&self, deal: DealId) -> Result<Vec<RepairInfo<AccountId>>, ChainError> {
		self.read("repairs", &deal).await
	}

	/// Since when a deal has had fewer than `k` slots left. `None` for others.
	pub async fn lost_since(&self, deal: DealId) -> Result<Option<RelayBlock>, ChainError> {
		self.read("lost_since", &deal).await
	}

	/// The slots that a provider rebuilds, or is being given after it did, in no particular order.
	pub async fn candidacies(
		&self,
		operator: AccountId,
	) -> Result<Vec<(DealId, RepairInfo<AccountId>)>, ChainError> {
		let fixed = self.fixed().await?;
		let mut all = Vec::new();
		let mut after: Option<(DealId, SlotIndex)> = None;
		loop {
			let (page, last): Candidacies<AccountId> =
				fixed.read("candidacies", &(operator, after, PAGE)).await?;
			all.extend(page);
			if last.is_none() {
				return Ok(all);
			}
			after = last;
		}
	}

	/// What the candidate for a slot must prove to get it with what the deal had at `generation`, in order. Empty while that is
	/// not drawn, and when the round in force did not find the generation.
	pub async fn repair_samples(
		&self,
		deal: DealId,
		slot: SlotIndex,
		generation: Generation,
	) -> Result<Vec<SampleInfo>, ChainError> {
		self.read("repair_samples", &(deal, slot, generation)).await
	}

	/// An account's balance; zero for one that does not exist.
	pub async fn balance(&self, account: AccountId) -> Result<Balance, ChainError> {
		let block = self.chain.head(self.at).await?;
		self.chain.client_at(block).await?.balance(account).await
	}

	/// The same view, of one block: pages of a list must not come from different states.
	async fn fixed(&self) -> Result<Self, ChainError> {
		let hash = match self.at {
			At::Block(hash) => hash,
			At::Finalised => self.chain.finalised_hash().await?,
			At::Best => self.chain.block_hash(None).await?.unwrap_or(self.chain.genesis()),
		};
		Ok(Self { chain: self.chain, at: At::Block(hash) })
	}

	async fn read<T: Decode>(
		&self,
		function: &str,
		arguments: &impl Encode,
	) -> Result<T, ChainError> {
		let block = match self.at {
			At::Best => None,
			At::Finalised => Some(self.chain.finalised_hash().await?),
			At::Block(hash) => Some(hash),
		};
		let function = format!("NilApi_{function}");
		let answer = self.chain.runtime_call(&function, &arguments.encode(), block).await?;
		T::decode_all(&mut answer.as_slice())
			.map_err(|error| ChainError::Decode { what: function, reason: error.to_string() })
	}
}

/// Appends a page; whether more may follow.
fn extend<T>(all: &mut Vec<T>, page: Vec<T>) -> bool {
	let more = page.len() >= PAGE as usize;
	all.extend(page);
	more
}
