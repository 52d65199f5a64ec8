//! Weights of the beacon.
//!
//! Provisional: counted by hand from the storage items that each function touches, with the database weights of the
//! runtime. Generated weights replace them in the runtime.

use core::marker::PhantomData;
use frame_support::{
	traits::Get,
	weights::{Weight, constants::RocksDbWeight},
};

/// What the pallet's functions cost.
pub trait WeightInfo {
	/// [`Pallet::note`](crate::Pallet::note) that makes a record and drops one.
	fn note() -> Weight;
	/// [`Pallet::first_at_or_after`](crate::Pallet::first_at_or_after) in a full ring.
	fn first_at_or_after() -> Weight;
}

/// Provisional weights by count of storage items.
#[derive(Debug)]
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	fn note() -> Weight {
		Weight::from_parts(20_000_000, 6_000).saturating_add(T::DbWeight::get().reads_writes(4, 5))
	}

	fn first_at_or_after() -> Weight {
		Weight::from_parts(40_000_000, 36_000).saturating_add(T::DbWeight::get().reads(14))
	}
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
