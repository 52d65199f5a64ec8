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
use frame_support::traits::{ConstU16, ConstU32, ConstU128, EitherOf};
use frame_system::EnsureRoot;
use nil_types::{
	Amount, DealId, DealRentInfo, G1Compressed, Generation, RelayBlock, SampleInfo,
	SettleSampleInfo, SettlementInfo, SlotHealth, SlotIndex, Terms,
	deal::SerdeBytes,
	layout::MDUS_PER_MANIFEST,
	traits::{ContentSource, ManifestMath, RelayBeacon},
};
use pallet_deals::Owing;
use pallet_liveness::{Asked, SettleDraw, SettleTarget};
use pallet_mode2::RepairTarget;

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
	type WeightInfo = weights::DealsWeight;
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
	/// There are no retrieval sessions yet.
	type Credits = ();
	type Evictions = Mode2;
	/// As for placements: by then no block comes any more whose relay parent is from before the epoch.
	type DrawDelay = ConstU32<4>;
	/// Half of a slash burns at least, as providers say.
	type MaxBounty = ConstU16<{ pallet_providers::MAX_REPORTER_SHARE }>;
	/// Half of what is asked must be proven, whatever a provider serves.
	type MaxCreditCap = ConstU16<5_000>;
	type MaxHotFactor = ConstU32<16>;
	/// All of an hour, and some more: 11 KiB.
	type MaxItems = ConstU32<32>;
	type MaxSamples = ConstU32<256>;
	/// A fifth.
	type MaxSlash = ConstU16<2_000>;
	type MaxSteps = ConstU32<64>;
	/// As many slots of departing providers are looked at.
	type MaxSweeps = ConstU32<16>;
	/// A minute, for development chains.
	type MinEpochLength = ConstU32<10>;
	/// More than one bad answer brings.
	type MinEvictMisses = ConstU32<4>;
	/// Hours, where epochs are hours: who restarts a machine, or moves it, is not reported.
	type MinSilentRounds = ConstU32<6>;
	type Purse = Deals;
	type Stakes = Providers;
	type WeightInfo = weights::LivenessWeight;
}

/// Manifest points as the round in force found them: many samples are of the same deal.
struct Manifests {
	/// The relay block in which the round began.
	began_at: RelayBlock,
	points: BTreeMap<(DealId, u32), G1Compressed>,
	/// MDUs of deals.
	mdus: BTreeMap<DealId, u64>,
}

impl Manifests {
	fn new() -> Self {
		let began_at = Liveness::round_info().began_at;
		Self { began_at, points: BTreeMap::new(), mdus: BTreeMap::new() }
	}

	/// What a provider is told about a sample.
	fn sample(&mut self, ordinal: u32, asked: Asked) -> Option<SampleInfo> {
		const PER_POINT: u64 = MDUS_PER_MANIFEST as u64;
		let Asked { deal, slot, generation, profile, mdu, leaf, place } = asked;
		let index = u32::try_from(mdu / PER_POINT).ok()?;
		let manifest = match self.points.get(&(deal, index)) {
			Some(manifest) => *manifest,
			None => {
				let manifest =
					HostManifest::compress(&<Deals as ContentSource>::manifest(deal, index)?);
				self.points.insert((deal, index), manifest);
				manifest
			},
		};
		let had = match self.mdus.get(&deal) {
			Some(had) => *had,
			None => {
				let had = Deals::mdus_before(deal, generation, self.began_at)?;
				self.mdus.insert(deal, had);
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
	}
}

/// What a provider is asked under `limit` ordinals from `from` on, as far as they are due.
pub fn samples(operator: &AccountId, from: u32, limit: u32) -> Vec<SampleInfo> {
	let mut manifests = Manifests::new();
	let end = from.saturating_add(limit).min(Liveness::due(operator));
	(from..end)
		.filter_map(|ordinal| manifests.sample(ordinal, Liveness::asked(operator, ordinal)?))
		.collect()
}

/// What a provider must prove to settle these slots: up to `limit` samples.
pub fn settle_samples(
	operator: &AccountId,
	slots: Vec<(DealId, SlotIndex)>,
	limit: u32,
) -> Vec<SettleSampleInfo> {
	let Some(SettlementInfo { samples, .. }) = Liveness::settlement() else { return Vec::new() };
	let room = limit.checked_div(samples).unwrap_or_default();
	let mut manifests = Manifests::new();
	let mut all = Vec::new();
	for (deal, slot) in slots.into_iter().take(room as usize) {
		for SettleDraw { sample, commits, target } in Liveness::settle_draws(operator, deal, slot) {
			let blob = target.and_then(|SettleTarget { generation, profile, mdu, leaf }| {
				let asked = Asked { deal, slot, generation, profile, mdu, leaf, place: None };
				manifests.sample(sample, asked)
			});
			if blob.is_some() == target.is_some() {
				all.push(SettleSampleInfo { deal, slot, sample, commits, blob });
			}
		}
	}
	all
}

/// What the candidate for a slot must prove to get it with what the deal had at `generation`. Nothing when it does not get it
/// with that, or not in this round.
pub fn repair_samples(deal: DealId, slot: SlotIndex, generation: Generation) -> Vec<SampleInfo> {
	let mut manifests = Manifests::new();
	let found = <Deals as ContentSource>::commit(deal, generation)
		.is_some_and(|commit| commit.at < manifests.began_at);
	if !found {
		return Vec::new();
	}
	let targets = Mode2::repair_targets(deal, slot, generation);
	let samples = targets.into_iter().filter_map(|target| {
		let RepairTarget { sample, generation, profile, mdu, leaf } = target;
		let asked = Asked { deal, slot, generation, profile, mdu, leaf, place: None };
		manifests.sample(sample, asked)
	});
	samples.collect()
}

/// What a deal's slots earned, and what is left for them.
pub fn deal_rent(deal: DealId) -> DealRentInfo {
	if let Some(Owing { left, until, .. }) = pallet_deals::Owed::<Runtime>::get(deal) {
		return DealRentInfo { left, earned: left, reserve: 0, until: Some(until) };
	}
	let Some(held) = pallet_deals::Deals::<Runtime>::get(deal) else {
		return DealRentInfo::default();
	};
	let earned = (SlotIndex::MIN..)
		.zip(Mode2::slots(deal))
		.filter_map(|(slot, info)| Liveness::rent_of(info.state.provider()?, deal, slot))
		.map(|rent| rent.open.total().saturating_add(rent.closed.total()))
		.fold(0, Amount::saturating_add);
	DealRentInfo {
		left: held.ledger.locked,
		earned,
		reserve: Deals::repair_reserve(deal, <Beacon as RelayBeacon>::now(), earned),
		until: None,
	}
}

/// How a deal's slots do, in order: those of which their providers have something to prove.
pub fn slot_health(deal: DealId) -> Vec<SlotHealth> {
	(SlotIndex::MIN..)
		.zip(Mode2::slots(deal))
		.filter_map(|(slot, info)| Liveness::slot_health(info.state.provider()?, deal, slot))
		.collect()
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
