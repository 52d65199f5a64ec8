//! Weights of the calls and of the steps of the hooks.
//!
//! A runtime measures its own with this pallet's benchmarks. Those of `()` are for tests: counted by hand from the storage
//! items that each function touches.

use frame_support::weights::{Weight, constants::RocksDbWeight};

/// Weights that the pallet needs.
pub trait WeightInfo {
	/// [`crate::Call::place`] with 32 slots.
	fn place() -> Weight;
	/// Serving a queue in which nothing waits.
	fn serve_base() -> Weight;
	/// Looking at the head of a lane, and passing over it when its request has left.
	fn pass_ticket() -> Weight;
}

impl WeightInfo for () {
	fn place() -> Weight {
		Weight::from_parts(2_000_000_000, 400_000)
			.saturating_add(RocksDbWeight::get().reads_writes(600, 240))
	}
	fn serve_base() -> Weight {
		Weight::from_parts(8_000_000, 2_000).saturating_add(RocksDbWeight::get().reads_writes(1, 0))
	}
	fn pass_ticket() -> Weight {
		Weight::from_parts(12_000_000, 6_000)
			.saturating_add(RocksDbWeight::get().reads_writes(3, 1))
	}
}
