//! Weights of the calls and of the steps of the hooks.
//!
//! Provisional: written by hand from counted storage accesses, rounded up, for a registry that draws 32 operators
//! from an indexed set. They stand until the benchmarks have run on the reference machine.

use core::marker::PhantomData;
use frame_support::{
	traits::Get,
	weights::{Weight, constants::RocksDbWeight},
};

/// Weights that the pallet needs.
pub trait WeightInfo {
	/// [`crate::Call::place`] with 32 slots.
	fn place() -> Weight;
	/// Serving a queue in which nothing waits.
	fn serve_base() -> Weight;
	/// Looking at the head of a lane, and passing over it when its request has left.
	fn pass_ticket() -> Weight;
}

macro_rules! weights {
	($db:ty) => {
		fn place() -> Weight {
			Weight::from_parts(2_000_000_000, 400_000)
				.saturating_add(<$db>::get().reads_writes(600, 240))
		}
		fn serve_base() -> Weight {
			Weight::from_parts(8_000_000, 2_000).saturating_add(<$db>::get().reads_writes(1, 0))
		}
		fn pass_ticket() -> Weight {
			Weight::from_parts(12_000_000, 6_000).saturating_add(<$db>::get().reads_writes(3, 1))
		}
	};
}

/// Weights for a runtime.
#[derive(Debug)]
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	weights!(T::DbWeight);
}

impl WeightInfo for () {
	weights!(RocksDbWeight);
}
