//! A runtime for tests: balances, and slots that take any receipt that a simple keyed hash binds to its commit.

use crate::{self as pallet_deals, *};
use frame_support::{
	derive_impl,
	pallet_prelude::ValueQuery,
	parameter_types, storage_alias,
	traits::{ConstU32, ConstU128, Hooks, fungible::InspectHold},
	weights::Weight,
};
use frame_system::EnsureRoot;
use nil_types::{
	Amount, ContentShape, DealId, G1Compressed, G1Uncompressed, Hash32, Hint, Profile, RelayBlock,
	Round, SlotIndex, blake2b_256,
	layout::MDUS_PER_MANIFEST,
	messages::roots_hash,
	traits::{
		BeaconPruned, CommitTerms, DealHooks, EpochClock, ManifestMath, Randomness, Receipt,
		RelayBeacon, RentPurse, SlotError, SlotManager,
	},
};
use sp_runtime::BuildStorage;

pub type AccountId = u64;

pub const OWNER: AccountId = 1;
pub const OTHER: AccountId = 2;
pub const SPONSOR: AccountId = 3;
pub const START: Amount = 1_000_000_000_000;
/// Relay block at which tests begin.
pub const GENESIS_RELAY_BLOCK: RelayBlock = 1_000_003;

#[frame_support::runtime]
mod runtime {
	#[runtime::runtime]
	#[runtime::derive(
		RuntimeCall,
		RuntimeEvent,
		RuntimeError,
		RuntimeOrigin,
		RuntimeFreezeReason,
		RuntimeHoldReason,
		RuntimeSlashReason,
		RuntimeLockId,
		RuntimeTask
	)]
	pub struct Test;

	#[runtime::pallet_index(0)]
	pub type System = frame_system;
	#[runtime::pallet_index(1)]
	pub type Balances = pallet_balances;
	#[runtime::pallet_index(2)]
	pub type DealsPallet = pallet_deals;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = frame_system::mocking::MockBlock<Self>;
	type AccountData = pallet_balances::AccountData<Amount>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type AccountStore = System;
	type Balance = Amount;
	type ExistentialDeposit = ConstU128<10>;
}

parameter_types! {
	pub static Now: RelayBlock = GENESIS_RELAY_BLOCK;
	pub static Epoch: Round = 1;
	/// Rent that was burned.
	pub static BurnedRent: Amount = 0;
}

/// Epochs that begin when tests say so.
#[derive(Debug)]
pub struct MockEpochs;

impl EpochClock for MockEpochs {
	fn round() -> Round {
		Epoch::get()
	}
}

/// A relay clock that tests set; nothing here draws.
#[derive(Debug)]
pub struct MockBeacon;

impl RelayBeacon for MockBeacon {
	fn now() -> RelayBlock {
		Now::get()
	}

	fn first_at_or_after(_: RelayBlock) -> Result<Option<(RelayBlock, Randomness)>, BeaconPruned> {
		Ok(None)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn set_record(at: RelayBlock, _: Randomness) {
		Now::set(at);
	}
}

#[storage_alias]
pub type RequestedSlots = StorageMap<Mock, frame_support::Twox64Concat, DealId, Profile>;
/// What the slots of a deal say at its end that they are owed, and until when.
#[storage_alias]
pub type Earned = StorageMap<Mock, frame_support::Twox64Concat, DealId, (Amount, RelayBlock)>;
/// By how much slots were told that they earn more.
#[storage_alias]
pub type Raised = StorageValue<Mock, Vec<(DealId, Amount)>, ValueQuery>;
/// Slots that were asked to be replaced.
#[storage_alias]
pub type Replaced = StorageValue<Mock, Vec<(DealId, SlotIndex)>, ValueQuery>;
#[storage_alias]
pub type PlacedSlots = StorageMap<Mock, frame_support::Twox64Concat, DealId, Profile>;

/// Slots that test code places, and that remember in storage what was asked of them.
#[derive(Debug)]
pub struct MockSlots;

/// Requests that [`MockSlots`] takes.
pub const MAX_REQUESTS: usize = 8;

impl MockSlots {
	/// Gives a deal its slots.
	pub fn place(deal: DealId) {
		let profile = RequestedSlots::take(deal).expect("the deal waits for slots");
		PlacedSlots::insert(deal, profile);
		<DealsPallet as DealHooks>::placed(deal);
	}

	/// The receipt of a slot.
	pub fn receipt(terms: &CommitTerms, slot: u8, until: RelayBlock) -> Receipt {
		let mut signature = [slot; 64];
		signature[..32].copy_from_slice(&blake2b_256(format!("{terms:?}{slot}{until}").as_bytes()));
		Receipt { slot, until, signature }
	}

	fn check(terms: &CommitTerms, receipt: &Receipt) -> Result<(), SlotError> {
		let profile = PlacedSlots::get(terms.deal).ok_or(SlotError::NoSuchSlot)?;
		if receipt.slot >= profile.n() {
			return Err(SlotError::NoSuchSlot);
		}
		if receipt.until < Now::get() {
			return Err(SlotError::Expired);
		}
		if *receipt != Self::receipt(terms, receipt.slot, receipt.until) {
			return Err(SlotError::BadSignature);
		}
		Ok(())
	}
}

impl SlotManager<AccountId> for MockSlots {
	fn request(deal: DealId, profile: Profile, _: Hint) -> Result<(), SlotError> {
		if RequestedSlots::iter_keys().count() >= MAX_REQUESTS {
			return Err(SlotError::QueueFull);
		}
		RequestedSlots::insert(deal, profile);
		Ok(())
	}

	fn accept(terms: &CommitTerms, receipts: &[Receipt]) -> Result<u32, SlotError> {
		let profile = PlacedSlots::get(terms.deal).ok_or(SlotError::NoSuchSlot)?;
		let mut signed = 0u32;
		for receipt in receipts {
			Self::check(terms, receipt)?;
			if signed & 1 << receipt.slot != 0 {
				return Err(SlotError::Duplicate);
			}
			signed |= 1 << receipt.slot;
		}
		if signed.count_ones() <= profile.k.into() {
			return Err(SlotError::TooFew);
		}
		Ok(signed)
	}

	fn accept_late(terms: &CommitTerms, receipt: &Receipt) -> Result<(), SlotError> {
		Self::check(terms, receipt)
	}

	fn raise(deal: DealId, price: Amount) {
		Raised::append((deal, price));
	}

	fn replace(deal: DealId, slot: SlotIndex) -> Result<(), SlotError> {
		let profile = PlacedSlots::get(deal).ok_or(SlotError::NoSuchSlot)?;
		if Replaced::get().contains(&(deal, slot)) || slot >= profile.n() {
			return Err(SlotError::NotReplaceable);
		}
		Replaced::append((deal, slot));
		Ok(())
	}

	fn close(deal: DealId) {
		if let Some((amount, until)) = Earned::take(deal) {
			assert!(Deals::<Test>::contains_key(deal), "the deal can be read");
			// What is owed lapses after the deal's end.
			<DealsPallet as RentPurse<_>>::owe(deal, amount, until.max(Now::get() + 1));
		}
		RequestedSlots::remove(deal);
		PlacedSlots::remove(deal);
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_place(deal: DealId, profile: Profile, _: Hint) {
		RequestedSlots::remove(deal);
		PlacedSlots::insert(deal, profile);
		<DealsPallet as DealHooks>::placed(deal);
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_receipts(terms: &CommitTerms) -> Vec<Receipt> {
		let profile = PlacedSlots::get(terms.deal).expect("placed");
		(0..profile.n()).map(|slot| Self::receipt(terms, slot, Now::get())).collect()
	}
}

/// A homomorphic stand-in for the curve: byte-wise sums of hashes of roots with their positions. Like a commitment, it
/// is the same however roots are split over calls, and differs when a root or its position does.
#[derive(Debug)]
pub struct MockManifests;

impl ManifestMath for MockManifests {
	fn extend(manifest: &G1Uncompressed, first: u32, roots: &[Hash32]) -> Option<G1Uncompressed> {
		if first as usize + roots.len() > MDUS_PER_MANIFEST {
			return None;
		}
		let mut sum = *manifest;
		for (index, root) in (first..).zip(roots) {
			if root[0] != 0 {
				return None;
			}
			let term = blake2b_256(&[&index.to_le_bytes()[..], root].concat());
			for (byte, term) in sum[1..].iter_mut().zip(term) {
				*byte = byte.wrapping_add(term);
			}
		}
		Some(sum)
	}

	fn compress(manifest: &G1Uncompressed) -> G1Compressed {
		manifest[..48].try_into().expect("48 bytes")
	}
}

impl pallet_deals::Config for Test {
	type AdminOrigin = EnsureRoot<AccountId>;
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type FeeHandler = ();
	type Slots = MockSlots;
	type Beacon = MockBeacon;
	type Epochs = MockEpochs;
	type Manifests = MockManifests;
	type ReceiptGrace = ConstU32<20>;
	type BucketLength = ConstU32<10>;
	type MaxUpkeepSteps = ConstU32<64>;
	type MaxStoragePrice = ConstU128<1_000_000_000>;
	type MaxCreationFee = ConstU128<10_000_000_000>;
	type MaxCommitDeposit = ConstU128<10_000_000_000>;
	type MaxSlotDeposit = ConstU128<1_000_000_000_000>;
	type MaxUploaderDeposit = ConstU128<10_000_000_000>;
	type MaxDuration = ConstU32<10_000_000>;
	type WeightInfo = ();
}

/// What tests begin with.
pub const PARAMS: DealParams = DealParams {
	storage_price: 1_000_000,
	creation_fee: 500,
	commit_deposit: 300,
	slot_deposit: 70,
	uploader_deposit: 40,
	min_duration: 20,
	max_duration: 1_000,
};

/// Storage with [`PARAMS`] and three rich accounts.
pub fn new_test_ext() -> sp_io::TestExternalities {
	Now::set(GENESIS_RELAY_BLOCK);
	Epoch::set(1);
	BurnedRent::set(0);
	let storage = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: vec![(OWNER, START), (OTHER, START), (SPONSOR, START)],
			..Default::default()
		},
		deals_pallet: pallet_deals::GenesisConfig { params: PARAMS, ..Default::default() },
		..Default::default()
	}
	.build_storage()
	.expect("a valid genesis");
	let mut ext = sp_io::TestExternalities::new(storage);
	ext.execute_with(|| System::set_block_number(1));
	ext
}

/// Runs a test on fresh storage and checks the invariants at its end.
pub fn run(test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		test();
		DealsPallet::do_try_state().expect("the invariants hold");
	});
}

/// Moves the relay clock.
pub fn advance(blocks: RelayBlock) {
	Now::mutate(|now| *now += blocks);
}

/// Begins the next epoch.
pub fn next_epoch() {
	Epoch::mutate(|round| *round += 1);
}

/// A manifest point as the last commit left it.
pub fn point(deal: DealId, index: u32) -> Option<G1Uncompressed> {
	ManifestPoints::<Test>::get(deal, index).map(|point| point.now)
}

/// Runs the idle hook with room for everything.
pub fn idle() -> Weight {
	DealsPallet::on_idle(1, Weight::MAX)
}

/// What is on hold for deals of `who`.
pub fn held(who: AccountId) -> Amount {
	Balances::balance_on_hold(&HoldReason::Escrow.into(), &who)
}

/// The events of this pallet since the last call.
pub fn events() -> Vec<Event<Test>> {
	let events = System::events()
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::DealsPallet(event) => Some(event),
			_ => None,
		})
		.collect();
	System::reset_events();
	events
}

/// The deposit for the slots of a deal.
pub fn slots_deposit(profile: Profile) -> Amount {
	PARAMS.slot_deposit * Amount::from(profile.n())
}

/// The number of the deal that the next creation makes.
pub fn next_deal() -> DealId {
	NextDealId::<Test>::get()
}

/// A small profile: any 2 of 3 slots.
pub fn small() -> Profile {
	Profile { k: 2, m: 1, ..Profile::DEFAULT }
}

/// A deal of [`OWNER`] that waits for its slots.
pub fn create(profile: Profile, duration: RelayBlock, escrow: Amount) -> DealId {
	let deal = next_deal();
	DealsPallet::create_deal(
		RuntimeOrigin::signed(OWNER),
		profile,
		Hint::Cold,
		duration,
		0,
		escrow,
	)
	.expect("the deal is created");
	deal
}

/// A deal of [`OWNER`] with slots.
pub fn create_active(profile: Profile, duration: RelayBlock, escrow: Amount) -> DealId {
	let deal = create(profile, duration, escrow);
	MockSlots::place(deal);
	deal
}

/// A commit to be made.
#[derive(Clone)]
pub struct Commit {
	pub who: AccountId,
	pub deal: DealId,
	pub base_gen: u32,
	pub roots: Vec<Hash32>,
	pub index_root: Hash32,
	pub size_bytes: u64,
	pub index_len: u32,
	pub receipts: Vec<Receipt>,
}

impl Commit {
	/// The owner's commit of `size_bytes` on top of what the deal has, signed by all slots.
	pub fn of(deal: DealId, size_bytes: u64) -> Self {
		let held = Deals::<Test>::get(deal).expect("the deal exists");
		let roots = (0..ContentShape::new(size_bytes).mdus())
			.map(|index| root(held.total_mdus + index))
			.collect();
		let commit = Self {
			who: held.owner,
			deal,
			base_gen: held.generation,
			roots,
			index_root: [7; 32],
			size_bytes,
			index_len: size_bytes.min(100) as u32,
			receipts: Vec::new(),
		};
		commit.signed_by(0..held.profile.n())
	}

	/// The same with receipts of these slots alone, over the commit as it is now.
	pub fn signed_by(mut self, slots: impl IntoIterator<Item = u8>) -> Self {
		let terms = self.terms();
		self.receipts = slots
			.into_iter()
			.map(|slot| MockSlots::receipt(&terms, slot, Now::get() + 50))
			.collect();
		self
	}

	pub fn terms(&self) -> CommitTerms {
		let deal = Deals::<Test>::get(self.deal);
		let profile = deal.as_ref().map_or(small(), |deal| deal.profile);
		CommitTerms {
			deal: self.deal,
			hint: Hint::Cold,
			generation: self.base_gen + 1,
			first_mdu: deal.map_or(0, |deal| deal.total_mdus),
			roots_hash: roots_hash(&self.roots),
			index_root: self.index_root,
			size_bytes: self.size_bytes,
			index_len: self.index_len,
			bytes_per_slot: ContentShape::new(self.size_bytes).bytes_per_slot(&profile),
			price: Params::<Test>::get().storage_price,
		}
	}

	/// Dispatches the call, in a storage layer of its own as FRAME does it.
	pub fn dispatch(self) -> sp_runtime::DispatchResult {
		frame_support::storage::with_storage_layer(|| {
			DealsPallet::commit_content(
				RuntimeOrigin::signed(self.who),
				self.deal,
				self.base_gen,
				self.roots.try_into().expect("at most 1,024 roots"),
				self.index_root,
				self.size_bytes,
				self.index_len,
				self.receipts.try_into().expect("at most 32 receipts"),
			)
		})
	}
}

/// A canonical root that differs for each number.
pub fn root(number: u64) -> Hash32 {
	nil_types::hash_to_fr(&number.to_le_bytes())
}
