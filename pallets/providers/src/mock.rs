//! A runtime with balances and the registry.

use crate as pallet_providers;
use crate::{Domain, Multiaddrs, Params};
use frame_support::{
	derive_impl, parameter_types,
	traits::{ConstU32, ConstU128},
};
use frame_system::EnsureRoot;
use nil_types::{
	RelayBlock,
	traits::{BeaconPruned, Randomness, RelayBeacon},
};
use sp_runtime::BuildStorage;

pub type AccountId = u64;

/// Bytes of a GiB.
pub const GIB: u64 = 1 << 30;
/// What every account of the mock owns.
pub const ENDOWMENT: u128 = 1_000_000;
/// Accounts `0..ACCOUNTS` are endowed.
pub const ACCOUNTS: u64 = 64;
/// Relay blocks for which what ends stays answerable.
pub const WINDOW: u32 = 100;
/// The parameters at the start.
pub const PARAMS: Params = Params { min_stake: 100, stake_per_gib: 10, diversity_threshold: 4 };

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		Balances: pallet_balances,
		Providers: pallet_providers,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = frame_system::mocking::MockBlock<Test>;
	type AccountData = pallet_balances::AccountData<u128>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type Balance = u128;
	type ExistentialDeposit = ConstU128<1>;
	type AccountStore = System;
	type RuntimeHoldReason = RuntimeHoldReason;
}

parameter_types! {
	/// The relay chain's clock.
	pub static Clock: RelayBlock = 1;
}

/// A clock without randomness.
#[derive(Debug)]
pub struct MockBeacon;

impl RelayBeacon for MockBeacon {
	fn now() -> RelayBlock {
		Clock::get()
	}

	fn first_at_or_after(_: RelayBlock) -> Result<Option<(RelayBlock, Randomness)>, BeaconPruned> {
		Ok(None)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn set_record(at: RelayBlock, _: Randomness) {
		Clock::set(at);
	}
}

impl pallet_providers::Config for Test {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type Beacon = MockBeacon;
	type Departures = ();
	type AdminOrigin = EnsureRoot<AccountId>;
	type AttestOrigin = EnsureRoot<AccountId>;
	type EvidenceWindow = ConstU32<WINDOW>;
	type MaxUnbonding = ConstU32<4>;
	type MaxRetiredKeys = ConstU32<2>;
	type MaxMinStake = ConstU128<1_000_000_000>;
	type MaxStakePerGib = ConstU128<1_000_000_000>;
	type MaxDiversityThreshold = ConstU32<1_000>;
	type WeightInfo = ();
}

/// Endowed accounts at block 1 and relay block 1.
pub fn new_test_ext() -> sp_io::TestExternalities {
	let genesis = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: (0..ACCOUNTS).map(|who| (who, ENDOWMENT)).collect(),
			..Default::default()
		},
		providers: pallet_providers::GenesisConfig { params: PARAMS, ..Default::default() },
		..Default::default()
	};
	let mut ext = sp_io::TestExternalities::new(genesis.build_storage().unwrap_or_default());
	#[cfg(feature = "runtime-benchmarks")]
	ext.register_extension(sp_keystore::KeystoreExt::new(
		sp_keystore::testing::MemoryKeystore::new(),
	));
	ext.execute_with(|| {
		System::set_block_number(1);
		Clock::set(1);
	});
	ext
}

/// A service key that no other account of the mock uses.
pub fn key(number: u64) -> [u8; 32] {
	let mut key = [0; 32];
	key[..8].copy_from_slice(&number.to_le_bytes());
	key
}

/// Addresses from text.
pub fn multiaddrs(texts: &[&str]) -> Multiaddrs {
	let bounded = |text: &&str| text.as_bytes().to_vec().try_into().expect("short enough");
	texts.iter().map(bounded).collect::<Vec<_>>().try_into().expect("few enough")
}

/// A domain from text.
pub fn domain(name: &str) -> Domain {
	name.as_bytes().to_vec().try_into().expect("short enough")
}
