//! Weights of the beacon.
//!
//! A runtime measures its own with this pallet's benchmarks. Those of `()` are for tests: counted by hand from the storage
//! items that each function touches.

use frame_support::weights::{Weight, constants::RocksDbWeight};

/// What the pallet's functions cost.
pub trait WeightInfo {
	/// [`Pallet::note`](crate::Pallet::note) that makes a record and drops one.
	fn note() -> Weight;
	/// [`Pallet::first_at_or_after`](crate::Pallet::first_at_or_after) in a full ring.
	fn first_at_or_after() -> Weight;
}

impl WeightInfo for () {
	fn note() -> Weight {
		Weight::from_parts(20_000_000, 6_000)
			.saturating_add(RocksDbWeight::get().reads_writes(4, 5))
	}

	fn first_at_or_after() -> Weight {
		Weight::from_parts(40_000_000, 36_000).saturating_add(RocksDbWeight::get().reads(14))
	}
}
