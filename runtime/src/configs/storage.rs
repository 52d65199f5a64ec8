//! Storage: the relay chain's randomness, providers, deals and their slots; and how the runtime API reads them.
//!
//! All durations are in relay blocks of 6 seconds.

use super::governance::StorageAdmin;
use crate::{
	AccountId, Balances, Beacon, Deals, Mode2, Providers, Runtime, RuntimeHoldReason, UNIT,
	manifest::HostManifest, weights,
};
use frame_support::traits::{ConstU32, ConstU128, EitherOf};
use frame_system::EnsureRoot;
use nil_types::{
	RelayBlock, Round, Terms,
	traits::{EpochClock, RelayBeacon},
};

/// Relay blocks of a day.
const DAY: RelayBlock = 24 * 60 * 60 / 6;
/// Relay blocks of an hour.
const HOUR: RelayBlock = 60 * 60 / 6;

/// Sets prices and stakes, attests domains: a referendum on the track `storage_admin`, or the administrator through
/// `sudo` where there is one.
type Admin = EitherOf<EnsureRoot<AccountId>, StorageAdmin>;

impl pallet_beacon::Config for Runtime {
	/// Nearly seven hours of relay blocks: placements that wait longer draw again.
	type Capacity = ConstU32<4_096>;
	type WeightInfo = weights::pallet_beacon::WeightInfo<Self>;
}

impl pallet_providers::Config for Runtime {
	type AdminOrigin = Admin;
	type AttestOrigin = Admin;
	type Beacon = Beacon;
	type Currency = Balances;
	type EvidenceWindow = ConstU32<{ 7 * DAY }>;
	type MaxDiversityThreshold = ConstU32<256>;
	type MaxMinStake = ConstU128<{ 10_000 * UNIT }>;
	type MaxRetiredKeys = ConstU32<4>;
	type MaxStakePerGib = ConstU128<{ 1_000 * UNIT }>;
	type MaxUnbonding = ConstU32<8>;
	type RuntimeHoldReason = RuntimeHoldReason;
	type WeightInfo = weights::pallet_providers::WeightInfo<Self>;
}

/// Epochs of an hour, while nobody draws samples: each begins by its number.
#[derive(Debug)]
pub struct Hours;

impl EpochClock for Hours {
	fn round() -> Round {
		<Beacon as RelayBeacon>::now().saturating_div(HOUR).saturating_add(1)
	}
}

impl pallet_deals::Config for Runtime {
	type AdminOrigin = Admin;
	type Beacon = Beacon;
	/// Ten minutes.
	type BucketLength = ConstU32<100>;
	type Currency = Balances;
	type Epochs = Hours;
	/// The creation fee is burned.
	type FeeHandler = ();
	type Manifests = HostManifest;
	type MaxCommitDeposit = ConstU128<UNIT>;
	type MaxCreationFee = ConstU128<{ 1_000 * UNIT }>;
	/// Five years.
	type MaxDuration = ConstU32<{ 5 * 365 * DAY }>;
	type MaxSlotDeposit = ConstU128<{ 100 * UNIT }>;
	type MaxStoragePrice = ConstU128<UNIT>;
	type MaxUploaderDeposit = ConstU128<UNIT>;
	type MaxUpkeepSteps = ConstU32<1_000>;
	type ReceiptGrace = ConstU32<DAY>;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Slots = Mode2;
	type WeightInfo = weights::pallet_deals::WeightInfo<Self>;
}

impl pallet_mode2::Config for Runtime {
	type Beacon = Beacon;
	type Deals = Deals;
	type DrawDelay = ConstU32<4>;
	/// Nobody draws samples yet.
	type Hooks = ();
	type MaxFresh = ConstU32<1_024>;
	type MaxRetrying = ConstU32<1_024>;
	type Providers = Providers;
	/// Two minutes.
	type RetryDelay = ConstU32<20>;
	type WeightInfo = weights::Mode2Weight;
}

/// Prices, fees and deadlines in force, and the relay chain's clock.
pub fn terms() -> Terms {
	let deals = Deals::params();
	let providers = Providers::params();
	Terms {
		relay_block: <Beacon as RelayBeacon>::now(),
		storage_price: deals.storage_price,
		creation_fee: deals.creation_fee,
		commit_deposit: deals.commit_deposit,
		slot_deposit: deals.slot_deposit,
		uploader_deposit: deals.uploader_deposit,
		min_duration: deals.min_duration,
		max_duration: deals.max_duration,
		receipt_grace: Deals::receipt_grace(),
		min_stake: providers.min_stake,
		stake_per_gib: providers.stake_per_gib,
	}
}
