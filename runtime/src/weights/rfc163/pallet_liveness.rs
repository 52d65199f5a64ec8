
//! Weights for `pallet_liveness`
//!
//! Not measured yet: these are counted by hand, as those that the pallet has for tests.

#![cfg_attr(rustfmt, rustfmt_skip)]
#![allow(unused_parens)]
#![allow(unused_imports)]
#![allow(missing_docs)]

use frame_support::{traits::Get, weights::Weight};
use core::marker::PhantomData;

/// Weight functions for `pallet_liveness`.
pub struct WeightInfo<T>(PhantomData<T>);
impl<T: frame_system::Config> pallet_liveness::WeightInfo for WeightInfo<T> {
	/// The range of component `n` is `[1, 32]`.
	fn submit_proofs(n: u32, ) -> Weight {
		Weight::from_parts(15_000_000_000, 0)
			.saturating_add(Weight::from_parts(0, 12000))
			.saturating_add(Weight::from_parts(2_200_000_000, 0).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(8))
			.saturating_add(T::DbWeight::get().reads((3_u64).saturating_mul(n.into())))
			.saturating_add(T::DbWeight::get().writes(1))
			.saturating_add(Weight::from_parts(0, 6000).saturating_mul(n.into()))
	}
	/// The range of component `n` is `[1, 32]`.
	fn waive(n: u32, ) -> Weight {
		Weight::from_parts(50_000_000, 0)
			.saturating_add(Weight::from_parts(0, 12000))
			.saturating_add(Weight::from_parts(30_000_000, 0).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(8))
			.saturating_add(T::DbWeight::get().reads((2_u64).saturating_mul(n.into())))
			.saturating_add(T::DbWeight::get().writes(1))
			.saturating_add(T::DbWeight::get().writes((1_u64).saturating_mul(n.into())))
			.saturating_add(Weight::from_parts(0, 6000).saturating_mul(n.into()))
	}
	fn look_up() -> Weight {
		Weight::from_parts(8_000_000, 0)
			.saturating_add(Weight::from_parts(0, 2600))
			.saturating_add(T::DbWeight::get().reads(1))
	}
	/// The range of component `s` is `[1, 64]`.
	fn advance_listing(s: u32, ) -> Weight {
		Weight::from_parts(40_000_000, 0)
			.saturating_add(Weight::from_parts(0, 10000))
			.saturating_add(Weight::from_parts(40_000_000, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(8))
			.saturating_add(T::DbWeight::get().reads((6_u64).saturating_mul(s.into())))
			.saturating_add(T::DbWeight::get().writes(2))
			.saturating_add(T::DbWeight::get().writes((5_u64).saturating_mul(s.into())))
			.saturating_add(Weight::from_parts(0, 14000).saturating_mul(s.into()))
	}
	/// The range of component `s` is `[1, 64]`.
	fn advance_unlisting(s: u32, ) -> Weight {
		Weight::from_parts(40_000_000, 0)
			.saturating_add(Weight::from_parts(0, 10000))
			.saturating_add(Weight::from_parts(50_000_000, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(7))
			.saturating_add(T::DbWeight::get().reads((9_u64).saturating_mul(s.into())))
			.saturating_add(T::DbWeight::get().writes(2))
			.saturating_add(T::DbWeight::get().writes((10_u64).saturating_mul(s.into())))
			.saturating_add(Weight::from_parts(0, 22000).saturating_mul(s.into()))
	}
	/// The range of component `s` is `[1, 64]`.
	fn advance_naming(s: u32, ) -> Weight {
		Weight::from_parts(50_000_000, 0)
			.saturating_add(Weight::from_parts(0, 10000))
			.saturating_add(Weight::from_parts(50_000_000, 0).saturating_mul(s.into()))
			.saturating_add(T::DbWeight::get().reads(9))
			.saturating_add(T::DbWeight::get().reads((3_u64).saturating_mul(s.into())))
			.saturating_add(T::DbWeight::get().writes(3))
			.saturating_add(T::DbWeight::get().writes((2_u64).saturating_mul(s.into())))
			.saturating_add(Weight::from_parts(0, 9000).saturating_mul(s.into()))
	}
	fn set_params() -> Weight {
		Weight::from_parts(15_000_000, 0)
			.saturating_add(Weight::from_parts(0, 3000))
			.saturating_add(T::DbWeight::get().reads(2))
			.saturating_add(T::DbWeight::get().writes(1))
	}
	/// The range of component `n` is `[1, 32]`.
	fn settle(n: u32, ) -> Weight {
		Weight::from_parts(15_000_000_000, 0)
			.saturating_add(Weight::from_parts(0, 14000))
			.saturating_add(Weight::from_parts(2_400_000_000, 0).saturating_mul(n.into()))
			.saturating_add(T::DbWeight::get().reads(12))
			.saturating_add(T::DbWeight::get().reads((38_u64).saturating_mul(n.into())))
			.saturating_add(Weight::from_parts(0, 80000).saturating_mul(n.into()))
	}
	fn pay_out() -> Weight {
		Weight::from_parts(90_000_000, 0)
			.saturating_add(Weight::from_parts(0, 20000))
			.saturating_add(T::DbWeight::get().reads(8))
			.saturating_add(T::DbWeight::get().writes(8))
	}
	fn pay_last() -> Weight {
		Weight::from_parts(120_000_000, 0)
			.saturating_add(Weight::from_parts(0, 32000))
			.saturating_add(T::DbWeight::get().reads(13))
			.saturating_add(T::DbWeight::get().writes(14))
	}
	fn forfeit() -> Weight {
		Weight::from_parts(50_000_000, 0)
			.saturating_add(Weight::from_parts(0, 16000))
			.saturating_add(T::DbWeight::get().reads(13))
			.saturating_add(T::DbWeight::get().writes(3))
	}
	fn slash_invalid() -> Weight {
		Weight::from_parts(90_000_000, 0)
			.saturating_add(Weight::from_parts(0, 35000))
			.saturating_add(T::DbWeight::get().reads(15))
			.saturating_add(T::DbWeight::get().writes(13))
	}
	fn report() -> Weight {
		Weight::from_parts(150_000_000, 0)
			.saturating_add(Weight::from_parts(0, 60000))
			.saturating_add(T::DbWeight::get().reads(26))
			.saturating_add(T::DbWeight::get().writes(24))
	}
	fn report_slot() -> Weight {
		Weight::from_parts(260_000_000, 0)
			.saturating_add(Weight::from_parts(0, 100000))
			.saturating_add(T::DbWeight::get().reads(44))
			.saturating_add(T::DbWeight::get().writes(38))
	}
	fn sweep_slot() -> Weight {
		Weight::from_parts(260_000_000, 0)
			.saturating_add(Weight::from_parts(0, 100000))
			.saturating_add(T::DbWeight::get().reads(44))
			.saturating_add(T::DbWeight::get().writes(38))
	}
	fn look_at() -> Weight {
		Weight::from_parts(170_000_000, 0)
			.saturating_add(Weight::from_parts(0, 65000))
			.saturating_add(T::DbWeight::get().reads(34))
			.saturating_add(T::DbWeight::get().writes(28))
	}
	fn sweep_ending() -> Weight {
		Weight::from_parts(60_000_000, 0)
			.saturating_add(Weight::from_parts(0, 30000))
			.saturating_add(T::DbWeight::get().reads(13))
			.saturating_add(T::DbWeight::get().writes(11))
	}
	fn poll() -> Weight {
		Weight::from_parts(8_000_000, 0)
			.saturating_add(Weight::from_parts(0, 4000))
			.saturating_add(T::DbWeight::get().reads(4))
	}
	fn turn() -> Weight {
		Weight::from_parts(60_000_000, 0)
			.saturating_add(Weight::from_parts(0, 40000))
			.saturating_add(T::DbWeight::get().reads(16))
			.saturating_add(T::DbWeight::get().writes(5))
	}
}
