//! Benchmarks of the beacon, in a full ring.

use crate::{Config, LastDropped, LastRelayBlock, Pallet, Records, Ring};
use frame_benchmarking::v2::*;
use frame_support::traits::Get;

#[benchmarks]
mod benches {
	use super::*;

	/// Fills the ring with records of every second relay block and returns the newest one's.
	fn fill<T: Config>() -> u32 {
		let newest = T::Capacity::get().saturating_mul(2);
		for relay_block in (2..=newest).step_by(2) {
			Pallet::<T>::note(relay_block, Some([1; 32]), Some([2; 32]));
		}
		newest
	}

	#[benchmark]
	fn note() {
		let newest = fill::<T>();
		#[block]
		{
			Pallet::<T>::note(newest.saturating_add(1), Some([3; 32]), Some([4; 32]));
		}
		assert_eq!(LastRelayBlock::<T>::get(), newest + 1);
		assert_eq!(LastDropped::<T>::get(), Some(2));
		assert_eq!(Ring::<T>::get().len(), u64::from(T::Capacity::get()));
	}

	#[benchmark]
	fn first_at_or_after() {
		let newest = fill::<T>();
		let found;
		#[block]
		{
			found = Pallet::<T>::first_at_or_after(newest.saturating_sub(1));
		}
		assert_eq!(found.ok().flatten().map(|record| record.relay_block), Some(newest));
		assert!(Records::<T>::contains_key(Ring::<T>::get().first));
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
