//! The chain as the daemon sees it.
//!
//! * [`ChainView`]: what is read of it, so that tests can put their own in its place;
//! * [`DealCache`]: what requests read, from the best block, for a few seconds;
//! * [`follower`]: what is acted upon, from finalised blocks only;
//! * [`registration`]: transactions about the provider itself.

mod cache;
pub mod follower;
pub mod registration;

pub use cache::{DealCache, DealView};

use futures::{StreamExt, future::BoxFuture, stream::BoxStream};
use nil_client::{
	account::AccountId,
	chain::{At, BlockRef, Call, Chain, ChainError, Included, Noter, Transaction, View, WaitFor},
	keys::Signer,
};
use nil_types::{
	CommitInfo, DealId, DealInfo, DutyInfo, Generation, Hash32, ProviderInfo, RentInfo, RepairInfo,
	RoundInfo, SampleInfo, SettleSampleInfo, SettlementInfo, SlotIndex, SlotInfo, Terms,
};
use std::ops::Range;

/// The answer to a question to the chain.
pub type Asked<'a, T> = BoxFuture<'a, Result<T, ChainError>>;

/// What the daemon reads of the chain, and how it writes to it.
pub trait ChainView: Send + Sync + std::fmt::Debug + 'static {
	/// Hash of block 0.
	fn genesis(&self) -> Hash32;

	/// The block that `at` means now.
	fn head(&self, at: At) -> Asked<'_, BlockRef>;

	/// Prices, fees, deadlines and the relay chain's clock.
	fn terms(&self, at: At) -> Asked<'_, Terms>;

	/// A deal, while it exists.
	fn deal(&self, at: At, deal: DealId) -> Asked<'_, Option<DealInfo<AccountId>>>;

	/// The slots of a deal, in order; empty while it is being placed.
	fn slots(&self, at: At, deal: DealId) -> Asked<'_, Vec<SlotInfo<AccountId>>>;

	/// All commits of a deal from generation `from` on, in order.
	fn commits(
		&self,
		at: At,
		deal: DealId,
		from: Generation,
	) -> Asked<'_, Vec<(Generation, CommitInfo)>>;

	/// A provider.
	fn provider(&self, at: At, operator: AccountId) -> Asked<'_, Option<ProviderInfo<AccountId>>>;

	/// The slots that a provider holds.
	fn slots_of(&self, at: At, operator: AccountId) -> Asked<'_, Vec<(DealId, SlotIndex)>>;

	/// The round in force.
	fn round(&self, at: At) -> Asked<'_, RoundInfo>;

	/// What a provider owes in the round in force, and its account.
	fn duty(&self, at: At, operator: AccountId) -> Asked<'_, DutyInfo>;

	/// What a provider is asked under those of these ordinals that are due.
	fn samples(
		&self,
		at: At,
		operator: AccountId,
		ordinals: Range<u32>,
	) -> Asked<'_, Vec<SampleInfo>>;

	/// The period whose rent can be settled now, if any can.
	fn settlement(&self, at: At) -> Asked<'_, Option<SettlementInfo>>;

	/// What a provider's slots earned and were not paid.
	fn rents(&self, at: At, operator: AccountId) -> Asked<'_, Vec<RentInfo>>;

	/// The same of its slots that ended and can still be settled.
	fn endings(&self, at: At, operator: AccountId) -> Asked<'_, Vec<RentInfo>>;

	/// What a provider must prove to settle these slots now: all `samples` of each, in their order.
	fn settle_samples(
		&self,
		at: At,
		operator: AccountId,
		slots: Vec<(DealId, SlotIndex)>,
		samples: u32,
	) -> Asked<'_, Vec<SettleSampleInfo>>;

	/// The repairs of a deal's slots, in order.
	fn repairs(&self, at: At, deal: DealId) -> Asked<'_, Vec<RepairInfo<AccountId>>>;

	/// The slots that a provider rebuilds, or is being given after it did.
	fn candidacies(
		&self,
		at: At,
		operator: AccountId,
	) -> Asked<'_, Vec<(DealId, RepairInfo<AccountId>)>>;

	/// What the candidate for a slot must prove to get it with what the deal had at `generation`, in order.
	fn repair_samples(
		&self,
		at: At,
		deal: DealId,
		slot: SlotIndex,
		generation: Generation,
	) -> Asked<'_, Vec<SampleInfo>>;

	/// Submits a transaction and waits until its block is final. Those of one account enter the node's pool one after the
	/// other.
	fn submit<'a>(&'a self, call: &'a Call, signer: &'a Signer) -> Asked<'a, BlockRef>;

	/// As [`Self::submit`], and `note` has written each transaction down before it is sent.
	fn submit_noted<'a>(
		&'a self,
		call: &'a Call,
		signer: &'a Signer,
		note: &'a Noter<'a>,
	) -> Asked<'a, Included>;

	/// Waits until a transaction that was noted before is final; it is sent again should the node have forgotten it.
	fn resume<'a>(&'a self, transaction: &'a Transaction) -> Asked<'a, Included>;

	/// What became of a transaction that was noted before, if it is in a final block. It is not sent again.
	fn find<'a>(&'a self, transaction: &'a Transaction) -> Asked<'a, Option<Included>>;

	/// The best block whenever it changes, across restarts of the node; never ends.
	fn best_blocks(&self) -> BoxStream<'static, Result<BlockRef, ChainError>>;
}

fn view(chain: &Chain, at: At) -> View<'_> {
	match at {
		At::Best => chain.best(),
		At::Finalised => chain.finalised(),
		At::Block(hash) => chain.at(hash),
	}
}

impl ChainView for Chain {
	fn genesis(&self) -> Hash32 {
		Chain::genesis(self)
	}

	fn head(&self, at: At) -> Asked<'_, BlockRef> {
		Box::pin(Chain::head(self, at))
	}

	fn terms(&self, at: At) -> Asked<'_, Terms> {
		Box::pin(async move { view(self, at).terms().await })
	}

	fn deal(&self, at: At, deal: DealId) -> Asked<'_, Option<DealInfo<AccountId>>> {
		Box::pin(async move { view(self, at).deal(deal).await })
	}

	fn slots(&self, at: At, deal: DealId) -> Asked<'_, Vec<SlotInfo<AccountId>>> {
		Box::pin(async move { view(self, at).slots(deal).await })
	}

	fn commits(
		&self,
		at: At,
		deal: DealId,
		from: Generation,
	) -> Asked<'_, Vec<(Generation, CommitInfo)>> {
		Box::pin(async move { view(self, at).commits(deal, from).await })
	}

	fn provider(&self, at: At, operator: AccountId) -> Asked<'_, Option<ProviderInfo<AccountId>>> {
		Box::pin(async move { view(self, at).provider(operator).await })
	}

	fn slots_of(&self, at: At, operator: AccountId) -> Asked<'_, Vec<(DealId, SlotIndex)>> {
		Box::pin(async move { view(self, at).slots_of(operator).await })
	}

	fn round(&self, at: At) -> Asked<'_, RoundInfo> {
		Box::pin(async move { view(self, at).round().await })
	}

	fn submit<'a>(&'a self, call: &'a Call, signer: &'a Signer) -> Asked<'a, BlockRef> {
		Box::pin(
			async move { Ok(Chain::submit(self, call, signer, WaitFor::Finalised).await?.block) },
		)
	}

	fn duty(&self, at: At, operator: AccountId) -> Asked<'_, DutyInfo> {
		Box::pin(async move { view(self, at).duty(operator).await })
	}

	fn samples(
		&self,
		at: At,
		operator: AccountId,
		ordinals: Range<u32>,
	) -> Asked<'_, Vec<SampleInfo>> {
		Box::pin(async move { view(self, at).samples(operator, ordinals).await })
	}

	fn settlement(&self, at: At) -> Asked<'_, Option<SettlementInfo>> {
		Box::pin(async move { view(self, at).settlement().await })
	}

	fn rents(&self, at: At, operator: AccountId) -> Asked<'_, Vec<RentInfo>> {
		Box::pin(async move { view(self, at).rents(operator).await })
	}

	fn endings(&self, at: At, operator: AccountId) -> Asked<'_, Vec<RentInfo>> {
		Box::pin(async move { view(self, at).endings(operator).await })
	}

	fn settle_samples(
		&self,
		at: At,
		operator: AccountId,
		slots: Vec<(DealId, SlotIndex)>,
		samples: u32,
	) -> Asked<'_, Vec<SettleSampleInfo>> {
		Box::pin(async move { view(self, at).settle_samples(operator, &slots, samples).await })
	}

	fn repairs(&self, at: At, deal: DealId) -> Asked<'_, Vec<RepairInfo<AccountId>>> {
		Box::pin(async move { view(self, at).repairs(deal).await })
	}

	fn candidacies(
		&self,
		at: At,
		operator: AccountId,
	) -> Asked<'_, Vec<(DealId, RepairInfo<AccountId>)>> {
		Box::pin(async move { view(self, at).candidacies(operator).await })
	}

	fn repair_samples(
		&self,
		at: At,
		deal: DealId,
		slot: SlotIndex,
		generation: Generation,
	) -> Asked<'_, Vec<SampleInfo>> {
		Box::pin(async move { view(self, at).repair_samples(deal, slot, generation).await })
	}

	fn submit_noted<'a>(
		&'a self,
		call: &'a Call,
		signer: &'a Signer,
		note: &'a Noter<'a>,
	) -> Asked<'a, Included> {
		Box::pin(Chain::submit_noted(self, call, signer, WaitFor::Finalised, note))
	}

	fn resume<'a>(&'a self, transaction: &'a Transaction) -> Asked<'a, Included> {
		Box::pin(Chain::resume(self, transaction, WaitFor::Finalised))
	}

	fn find<'a>(&'a self, transaction: &'a Transaction) -> Asked<'a, Option<Included>> {
		Box::pin(Chain::find(self, transaction))
	}

	fn best_blocks(&self) -> BoxStream<'static, Result<BlockRef, ChainError>> {
		Chain::best_blocks(self).boxed()
	}
}
