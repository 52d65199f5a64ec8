//! Weights of the calls and of the steps of upkeep.
//!
//! A runtime measures its own with this pallet's benchmarks. Those of `()` are for tests: counted by hand from the storage
//! items that each function touches.

use frame_support::weights::{Weight, constants::RocksDbWeight};

/// Weights that the pallet needs.
pub trait WeightInfo {
	/// [`crate::Call::create_deal`].
	fn create_deal() -> Weight;
	/// [`crate::Call::commit_content`] with `r` roots and `s` receipts, by an uploader.
	fn commit_content(r: u32, s: u32) -> Weight;
	/// [`crate::Call::add_receipt`].
	fn add_receipt() -> Weight;
	/// [`crate::Call::top_up`].
	fn top_up() -> Weight;
	/// [`crate::Call::extend_deal`].
	fn extend_deal() -> Weight;
	/// [`crate::Call::cancel_deal`].
	fn cancel_deal() -> Weight;
	/// [`crate::Call::set_params`].
	fn set_params() -> Weight;
	/// [`crate::Call::authorize_uploader`] that replaces an entry of a full list.
	fn authorize_uploader() -> Weight;
	/// [`crate::Call::revoke_uploader`] of a full list.
	fn revoke_uploader() -> Weight;
	/// [`crate::Call::replace_slot`].
	fn replace_slot() -> Weight;
	/// Upkeep that finds nothing to do.
	fn upkeep_base() -> Weight;
	/// A step of upkeep that ends a deal.
	fn expire_deal() -> Weight;
	/// A step of upkeep that passes an empty bucket.
	fn pass_bucket() -> Weight;
	/// A step of upkeep that removes a commit or a manifest point.
	fn remove_remnant() -> Weight;
}

impl WeightInfo for () {
	fn replace_slot() -> Weight {
		Weight::from_parts(90_000_000, 90_000)
			.saturating_add(RocksDbWeight::get().reads_writes(44, 6))
	}
	fn create_deal() -> Weight {
		Weight::from_parts(90_000_000, 12_000)
			.saturating_add(RocksDbWeight::get().reads_writes(12, 11))
	}
	fn commit_content(r: u32, s: u32) -> Weight {
		// 0.1 ms per root for the multiplication in wasm, 0.1 ms per signature; and for each signer its place in the registry's
		// trees, what it signed for the slot, a note in its journal, its book, and the repair whose candidate it is.
		Weight::from_parts(2_000_000_000, 24_000)
			.saturating_add(Weight::from_parts(100_000_000, 0).saturating_mul(r.into()))
			.saturating_add(Weight::from_parts(110_000_000, 30_000).saturating_mul(s.into()))
			.saturating_add(RocksDbWeight::get().reads_writes(12, 8))
			.saturating_add(RocksDbWeight::get().reads_writes(11, 11).saturating_mul(s.into()))
	}
	fn add_receipt() -> Weight {
		Weight::from_parts(200_000_000, 40_000)
			.saturating_add(RocksDbWeight::get().reads_writes(20, 16))
	}
	fn top_up() -> Weight {
		Weight::from_parts(80_000_000, 10_000)
			.saturating_add(RocksDbWeight::get().reads_writes(6, 5))
	}
	fn extend_deal() -> Weight {
		// Each of 32 slots earns more: what was signed for it, a book, a note and the end of a journal for each.
		Weight::from_parts(600_000_000, 330_000)
			.saturating_add(RocksDbWeight::get().reads_writes(108, 105))
	}
	fn cancel_deal() -> Weight {
		// For each slot: its place, its provider's book, rent and journal, and what a repair and a former provider add.
		Weight::from_parts(1_800_000_000, 900_000)
			.saturating_add(RocksDbWeight::get().reads_writes(720, 700))
	}
	fn set_params() -> Weight {
		Weight::from_parts(10_000_000, 1_500)
			.saturating_add(RocksDbWeight::get().reads_writes(0, 1))
	}
	fn authorize_uploader() -> Weight {
		Weight::from_parts(60_000_000, 8_000)
			.saturating_add(RocksDbWeight::get().reads_writes(4, 2))
	}
	fn revoke_uploader() -> Weight {
		Weight::from_parts(50_000_000, 7_000)
			.saturating_add(RocksDbWeight::get().reads_writes(2, 2))
	}
	fn upkeep_base() -> Weight {
		Weight::from_parts(15_000_000, 6_000)
			.saturating_add(RocksDbWeight::get().reads_writes(8, 0))
	}
	fn expire_deal() -> Weight {
		Self::cancel_deal().saturating_add(RocksDbWeight::get().reads_writes(6, 2))
	}
	fn pass_bucket() -> Weight {
		Weight::from_parts(15_000_000, 6_000)
			.saturating_add(RocksDbWeight::get().reads_writes(4, 1))
	}
	fn remove_remnant() -> Weight {
		Weight::from_parts(25_000_000, 10_000)
			.saturating_add(RocksDbWeight::get().reads_writes(8, 3))
	}
}
