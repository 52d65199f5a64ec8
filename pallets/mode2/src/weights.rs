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
	/// Serving lanes of repairs in which nothing waits.
	fn serve_repairs_base() -> Weight;
	/// [`crate::Call::repair`] that draws a candidate, or its samples, for a deal of 32 slots.
	fn draw_candidate() -> Weight;
	/// Letting a candidate go that signed as many commits as it may.
	fn dismiss() -> Weight;
	/// Giving [`crate::ADOPT_STEPS`] commits to a new provider.
	fn adopt() -> Weight;
	/// [`crate::Call::complete_repair`] with `n` items, but for the commits that are adopted.
	fn complete_repair(n: u32) -> Weight;
	/// Looking at a slot of a provider that departs, and taking it.
	fn departure_step() -> Weight;
	/// [`crate::Call::come_back`] in the place of nobody.
	fn come_back() -> Weight;
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
	fn serve_repairs_base() -> Weight {
		Weight::from_parts(12_000_000, 10_000)
			.saturating_add(RocksDbWeight::get().reads_writes(6, 0))
	}
	fn draw_candidate() -> Weight {
		Weight::from_parts(1_000_000_000, 400_000)
			.saturating_add(RocksDbWeight::get().reads_writes(420, 34))
	}
	fn dismiss() -> Weight {
		// Each commit that it signed, its own rent, and its place in the registry.
		Weight::from_parts(400_000_000, 280_000)
			.saturating_add(RocksDbWeight::get().reads_writes(110, 110))
	}
	fn adopt() -> Weight {
		// For each commit: it, its price, the deal, the journal and its end.
		Weight::from_parts(200_000_000, 80_000)
			.saturating_add(RocksDbWeight::get().reads_writes(60, 60))
	}
	fn complete_repair(n: u32) -> Weight {
		// The old provider is released with its rent, and its place in the registry's trees, beside the new one's.
		Weight::from_parts(6_000_000_000, 140_000)
			.saturating_add(Weight::from_parts(2_000_000_000, 6_000).saturating_mul(n.into()))
			.saturating_add(RocksDbWeight::get().reads_writes(80, 60))
			.saturating_add(RocksDbWeight::get().reads_writes(3, 0).saturating_mul(n.into()))
	}
	fn departure_step() -> Weight {
		// As many reads again for what the slot earned, and the end of an adoption.
		Weight::from_parts(500_000_000, 380_000)
			.saturating_add(RocksDbWeight::get().reads_writes(160, 130))
	}
	fn come_back() -> Weight {
		Self::draw_candidate()
	}
}
