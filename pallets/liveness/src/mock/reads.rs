//! Reads that tests say were served, and the credits for them.

use super::{AccountId, Liveness};
use frame_support::{Blake2_128Concat, Twox64Concat, pallet_prelude::ValueQuery, storage_alias};
use nil_types::{
	DealId, Round, SlotIndex,
	traits::{CreditSource, EpochClock},
};

/// Credits of slots, each by the round in which it was earned.
#[storage_alias]
pub type MockCredits = StorageDoubleMap<
	Mock,
	Blake2_128Concat,
	AccountId,
	Twox64Concat,
	(DealId, SlotIndex),
	Vec<Round>,
	ValueQuery,
>;

/// The credits that tests let slots [`earn`].
#[derive(Debug)]
pub struct MockReads;

impl CreditSource<AccountId> for MockReads {
	fn credits(provider: &AccountId, deal: DealId, slot: SlotIndex, round: Round) -> u32 {
		let credits = MockCredits::get(provider, (deal, slot));
		credits.iter().filter(|earned| **earned < round).count() as u32
	}

	fn spend(provider: &AccountId, deal: DealId, slot: SlotIndex, round: Round) -> bool {
		MockCredits::mutate(provider, (deal, slot), |credits| {
			let found = credits.iter().position(|earned| *earned < round);
			found.map(|at| credits.swap_remove(at)).is_some()
		})
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_credit(provider: &AccountId, deal: DealId, slot: SlotIndex, round: Round) {
		MockCredits::mutate(provider, (deal, slot), |credits| credits.push(round - 1));
	}
}

/// Lets a slot earn credits in the round in force.
pub fn earn(provider: &AccountId, deal: DealId, slot: SlotIndex, count: u32) {
	let round = Liveness::round();
	MockCredits::mutate(provider, (deal, slot), |credits| {
		credits.extend(std::iter::repeat_n(round, count as usize));
	});
}
