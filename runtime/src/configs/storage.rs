//! Storage: the relay chain's randomness, providers, deals, their slots, and samples of them; and how the runtime API
//! reads them.
//!
//! All durations are in relay blocks of 6 seconds.

use super::governance::StorageAdmin;
use crate::{
	AccountId, Balances, Beacon, Deals, Liveness, Mode2, Providers, Runtime, RuntimeHoldReason,
	UNIT, answers::HostAnswers, manifest::HostManifest, weights,
};
use alloc::{collections::BTreeMap, vec::Vec};
use frame_support::traits::{ConstU32, ConstU128, EitherOf};
use frame_system::EnsureRoot;
use nil_types::{
	DealId, G1Compressed, RelayBlock, SampleInfo, Terms,
	deal::SerdeBytes,
	layout::MDUS_PER_MANIFEST,
	traits::{ContentSource, ManifestMath, RelayBeacon},
};
use pallet_liveness::Asked;

/// Relay blocks of a day.
const DAY: RelayBlock = 24 * 60 * 60 / 6;

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
	type Departures = Mode2;
	type EvidenceWindow = ConstU32<{ 7 * DAY }>;
	type MaxDiversityThreshold = ConstU32<256>;
	type MaxMinStake = ConstU128<{ 10_000 * UNIT }>;
	type MaxRetiredKeys = ConstU32<4>;
	type MaxStakePerGib = ConstU128<{ 1_000 * UNIT }>;
	type MaxUnbonding = ConstU32<8>;
	type RuntimeHoldReason = RuntimeHoldReason;
	type WeightInfo = weights::pallet_providers::WeightInfo<Self>;
}

impl pallet_deals::Config for Runtime {
	type AdminOrigin = Admin;
	type Beacon = Beacon;
	/// Ten minutes.
	type BucketLength = ConstU32<100>;
	type Currency = Balances;
	type Epochs = Liveness;
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
	type Answers = HostAnswers;
	type Beacon = Beacon;
	type Content = Deals;
	type Deals = Deals;
	type DrawDelay = ConstU32<4>;
	type Hooks = Liveness;
	type MaxDepartureSteps = ConstU32<16>;
	type MaxFresh = ConstU32<1_024>;
	type MaxRepairs = ConstU32<1_024>;
	type MaxRetrying = ConstU32<1_024>;
	type Providers = Providers;
	type RepairCooldown = ConstU32<{ 7 * DAY }>;
	/// Finds a tenth of a slot missing with a probability of four in five. Samples of every round go on from there.
	type RepairSamples = ConstU32<16>;
	type RepairWindow = ConstU32<DAY>;
	/// Two minutes.
	type RetryDelay = ConstU32<20>;
	type WeightInfo = weights::Mode2Weight;
}

impl pallet_liveness::Config for Runtime {
	type AdminOrigin = Admin;
	type Answers = HostAnswers;
	type Beacon = Beacon;
	type Content = Deals;
	/// As for placements: by then no block comes any more whose relay parent is from before the epoch.
	type DrawDelay = ConstU32<4>;
	type MaxHotFactor = ConstU32<16>;
	/// All of an hour, and some more: 11 KiB.
	type MaxItems = ConstU32<32>;
	type MaxSamples = ConstU32<256>;
	type MaxSteps = ConstU32<64>;
	/// A minute, for development chains.
	type MinEpochLength = ConstU32<10>;
	type WeightInfo = weights::LivenessWeight;
}

/// What a provider is asked under `limit` ordinals from `from` on, as far as they are due.
pub fn samples(operator: &AccountId, from: u32, limit: u32) -> Vec<SampleInfo> {
	const PER_POINT: u64 = MDUS_PER_MANIFEST as u64;
	let began_at = Liveness::round_info().began_at;
	// Many samples are of the same deal.
	let mut manifests = BTreeMap::<(DealId, u32), G1Compressed>::new();
	let mut mdus = BTreeMap::<DealId, u64>::new();
	let sample = |ordinal: u32| {
		let asked = Liveness::asked(operator, ordinal)?;
		let Asked { deal, slot, generation, profile, mdu, leaf, place } = asked;
		let index = u32::try_from(mdu / PER_POINT).ok()?;
		let manifest = match manifests.get(&(deal, index)) {
			Some(manifest) => *manifest,
			None => {
				let manifest =
					HostManifest::compress(&<Deals as ContentSource>::manifest(deal, index)?);
				manifests.insert((deal, index), manifest);
				manifest
			},
		};
		let had = match mdus.get(&deal) {
			Some(had) => *had,
			None => {
				let had = Deals::mdus_before(deal, generation, began_at)?;
				mdus.insert(deal, had);
				had
			},
		};
		let first_mdu = u64::from(index).saturating_mul(PER_POINT);
		Some(SampleInfo {
			ordinal,
			deal,
			slot,
			generation,
			profile,
			mdu,
			leaf,
			place,
			manifest: SerdeBytes(manifest),
			first_mdu,
			mdus: u32::try_from(had.saturating_sub(first_mdu).min(PER_POINT)).ok()?,
		})
	};
	let end = from.saturating_add(limit).min(Liveness::due(operator));
	(from..end).filter_map(sample).collect()
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
