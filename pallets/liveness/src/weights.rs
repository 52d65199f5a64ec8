//! Weights of the calls and of the hook.
//!
//! A runtime measures its own with this pallet's benchmarks. Those of `()` are for tests: counted by hand from the storage
//! items that each function touches.

use frame_support::weights::{Weight, constants::RocksDbWeight};

/// Weights that the pallet needs.
pub trait WeightInfo {
	/// [`crate::Call::submit_proofs`] with `n` items of as many deals, none of which was drawn after a miss.
	fn submit_proofs(n: u32) -> Weight;
	/// [`crate::Call::waive`] with `n` ordinals of as many slots, none of which was drawn after a miss.
	fn waive(n: u32) -> Weight;
	/// A draw that misses.
	fn look_up() -> Weight;
	/// [`crate::Call::advance`] by `s` allocations that enter the lists, each with a slot of its own.
	fn advance_listing(s: u32) -> Weight;
	/// [`crate::Call::advance`] by `s` allocations that leave the lists, each with its slot.
	fn advance_unlisting(s: u32) -> Weight;
	/// [`crate::Call::advance`] by `s` samples that are named, of as many slots, none of which was drawn after a miss.
	fn advance_naming(s: u32) -> Weight;
	/// [`crate::Call::set_params`].
	fn set_params() -> Weight;
	/// [`crate::Call::settle`] with `n` items, each of another slot and found at the last try, without the payments.
	fn settle(n: u32) -> Weight;
	/// Paying what one slot is owed that has not ended.
	fn pay_out() -> Weight;
	/// Paying the last of what a deal that ended owes: it leaves the agenda, and what it left in state may go.
	fn pay_last() -> Weight;
	/// [`crate::Call::forfeit`].
	fn forfeit() -> Weight;
	/// Slashing who submitted wrong proofs.
	fn slash_invalid() -> Weight;
	/// [`crate::Call::report`].
	fn report() -> Weight;
	/// [`crate::Call::report_slot`].
	fn report_slot() -> Weight;
	/// Taking the first slot in the queue away.
	fn sweep_slot() -> Weight;
	/// Looking at the first provider in the queue, who was silent for too long.
	fn look_at() -> Weight;
	/// Dropping what a slot that ended did not settle, and a few of its commits; or finding that it may not be dropped yet.
	fn sweep_ending() -> Weight;
	/// Looking whether a round is to begin or to be drawn.
	fn poll() -> Weight;
	/// Beginning and drawing one.
	fn turn() -> Weight;
}

impl WeightInfo for () {
	fn submit_proofs(n: u32) -> Weight {
		// 15 ms for the pairings in wasm, 2.2 ms per item; two entries per item, and one in eight times a slot.
		Weight::from_parts(15_000_000_000, 12_000)
			.saturating_add(Weight::from_parts(2_200_000_000, 6_000).saturating_mul(n.into()))
			.saturating_add(RocksDbWeight::get().reads_writes(8, 1))
			.saturating_add(RocksDbWeight::get().reads_writes(3, 0).saturating_mul(n.into()))
	}
	fn waive(n: u32) -> Weight {
		// An entry or a slot per ordinal, and its credits.
		Weight::from_parts(50_000_000, 12_000)
			.saturating_add(Weight::from_parts(30_000_000, 6_000).saturating_mul(n.into()))
			.saturating_add(RocksDbWeight::get().reads_writes(8, 1))
			.saturating_add(RocksDbWeight::get().reads_writes(2, 1).saturating_mul(n.into()))
	}
	fn look_up() -> Weight {
		Weight::from_parts(8_000_000, 2_600).saturating_add(RocksDbWeight::get().reads_writes(1, 0))
	}
	fn advance_listing(s: u32) -> Weight {
		Weight::from_parts(40_000_000, 10_000)
			.saturating_add(Weight::from_parts(40_000_000, 14_000).saturating_mul(s.into()))
			.saturating_add(RocksDbWeight::get().reads_writes(8, 2))
			.saturating_add(RocksDbWeight::get().reads_writes(6, 5).saturating_mul(s.into()))
	}
	fn advance_unlisting(s: u32) -> Weight {
		Weight::from_parts(40_000_000, 10_000)
			.saturating_add(Weight::from_parts(50_000_000, 22_000).saturating_mul(s.into()))
			.saturating_add(RocksDbWeight::get().reads_writes(7, 2))
			.saturating_add(RocksDbWeight::get().reads_writes(9, 10).saturating_mul(s.into()))
	}
	fn advance_naming(s: u32) -> Weight {
		// The draw, the slot it fell on, and the queue of those that are taken away.
		Weight::from_parts(50_000_000, 10_000)
			.saturating_add(Weight::from_parts(50_000_000, 9_000).saturating_mul(s.into()))
			.saturating_add(RocksDbWeight::get().reads_writes(9, 3))
			.saturating_add(RocksDbWeight::get().reads_writes(3, 2).saturating_mul(s.into()))
	}
	fn set_params() -> Weight {
		Weight::from_parts(15_000_000, 3_000)
			.saturating_add(RocksDbWeight::get().reads_writes(2, 1))
	}
	fn settle(n: u32) -> Weight {
		// The pairings in wasm, and per item its proof, its slot, the deal, and for each try the commit and whether it was signed.
		Weight::from_parts(15_000_000_000, 14_000)
			.saturating_add(Weight::from_parts(2_400_000_000, 80_000).saturating_mul(n.into()))
			.saturating_add(RocksDbWeight::get().reads_writes(12, 0))
			.saturating_add(RocksDbWeight::get().reads_writes(38, 0).saturating_mul(n.into()))
	}
	fn pay_out() -> Weight {
		// The deal, both accounts, the hold, the issuance, the slot, and a miss that has it taken away.
		Weight::from_parts(90_000_000, 20_000)
			.saturating_add(RocksDbWeight::get().reads_writes(8, 8))
	}
	fn pay_last() -> Weight {
		// The same money; what is owed, its place in the agenda and that of another deal, and what is left of it.
		Weight::from_parts(120_000_000, 32_000)
			.saturating_add(RocksDbWeight::get().reads_writes(13, 14))
	}
	fn forfeit() -> Weight {
		Weight::from_parts(50_000_000, 16_000)
			.saturating_add(RocksDbWeight::get().reads_writes(13, 3))
	}
	fn slash_invalid() -> Weight {
		// Its stake, its weight among candidates, and what is burned.
		Weight::from_parts(90_000_000, 35_000)
			.saturating_add(RocksDbWeight::get().reads_writes(15, 13))
	}
	fn report() -> Weight {
		// Jailing and re-weighing a candidate, and two payments.
		Weight::from_parts(150_000_000, 60_000)
			.saturating_add(RocksDbWeight::get().reads_writes(26, 24))
	}
	fn report_slot() -> Weight {
		// The stripe and its repair, what the slot is owed, its provider's weight, and two payments.
		Weight::from_parts(260_000_000, 100_000)
			.saturating_add(RocksDbWeight::get().reads_writes(44, 38))
	}
	fn sweep_slot() -> Weight {
		Weight::from_parts(260_000_000, 100_000)
			.saturating_add(RocksDbWeight::get().reads_writes(44, 38))
	}
	fn look_at() -> Weight {
		Weight::from_parts(170_000_000, 65_000)
			.saturating_add(RocksDbWeight::get().reads_writes(34, 28))
	}
	fn sweep_ending() -> Weight {
		// Eight commits with it.
		Weight::from_parts(60_000_000, 30_000)
			.saturating_add(RocksDbWeight::get().reads_writes(13, 11))
	}
	fn poll() -> Weight {
		Weight::from_parts(8_000_000, 4_000).saturating_add(RocksDbWeight::get().reads_writes(4, 0))
	}
	fn turn() -> Weight {
		// The round, when it began, its record, the one before it, and that of its period.
		Weight::from_parts(60_000_000, 40_000)
			.saturating_add(RocksDbWeight::get().reads_writes(16, 5))
	}
}
