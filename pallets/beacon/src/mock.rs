//! A runtime with the beacon alone.

use crate as pallet_beacon;
use frame_support::{derive_impl, traits::ConstU32};
use sp_runtime::BuildStorage;

/// Records that the mock keeps: few, so that tests fill the ring.
pub const CAPACITY: u32 = 8;

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		Beacon: pallet_beacon,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = frame_system::mocking::MockBlock<Test>;
}

impl pallet_beacon::Config for Test {
	type Capacity = ConstU32<CAPACITY>;
	type WeightInfo = ();
}

/// An empty chain at block 1.
pub fn new_test_ext() -> sp_io::TestExternalities {
	let storage = RuntimeGenesisConfig::default().build_storage().unwrap_or_default();
	let mut ext = sp_io::TestExternalities::new(storage);
	ext.execute_with(|| System::set_block_number(1));
	ext
}
