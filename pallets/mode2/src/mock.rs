//! A runtime for tests: a registry in storage whose providers hold real sr25519 keys, a relay beacon that tests feed, and
//! deals that only remember that they were placed.

mod registry;

pub use registry::*;

use crate::{self as pallet_mode2, *};
use frame_support::{
	Twox64Concat, derive_impl,
	pallet_prelude::ValueQuery,
	parameter_types, storage_alias,
	traits::{ConstU32, Hooks},
	weights::{Weight, WeightMeter},
};
use nil_types::{
	Amount, CommitInfo, ContentShape, DealId, G1Compressed, G1Uncompressed, Generation, Hint,
	Profile, ReceiptMessage, RelayBlock, SlotIndex, SlotState,
	challenge::settle_draw,
	repair::repair_seed,
	traits::{
		Allocation, AnswerClaim, AnswerMath, BeaconPruned, CommitTerms, ContentSource, DealHooks,
		DepartureHooks, Randomness, Receipt, RelayBeacon, SlotHooks, SlotManager,
	},
	uniform,
};
use sp_core::Pair;
use sp_keystore::{KeystoreExt, testing::MemoryKeystore};
use sp_runtime::BuildStorage;
use std::collections::BTreeMap;

pub type AccountId = u64;

/// Providers that tests begin with: accounts `0..PROVIDERS`.
pub const PROVIDERS: u64 = 12;
/// Bytes that each offers.
pub const CAPACITY: u64 = 1_000_000_000;
/// Relay block at which tests begin.
pub const START: RelayBlock = 1_000;
/// The price that the deals ask for.
pub const PRICE: u128 = 77;
/// Relay blocks between a request and its record.
pub const DRAW_DELAY: RelayBlock = 4;
/// Relay blocks between two draws that find too few.
pub const RETRY_DELAY: RelayBlock = 10;
/// Relay blocks of a candidate's window.
pub const WINDOW: RelayBlock = 30;
/// Relay blocks between two repairs of a slot for missing receipts.
pub const COOLDOWN: RelayBlock = 100;
/// Blobs that candidates prove.
pub const SAMPLES: u32 = 3;
/// Relay blocks for which a generation may be proved after the next one was committed.
pub const GRACE: RelayBlock = 20;
/// Requests that may wait in each lane.
pub const LANE: u32 = 5;

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		Mode2: pallet_mode2,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = frame_system::mocking::MockBlock<Self>;
}

parameter_types! {
	pub static Now: RelayBlock = START;
	pub static Records: BTreeMap<RelayBlock, u8> = BTreeMap::new();
	/// Relay blocks below this one have no records any more.
	pub static Oldest: RelayBlock = 0;
}

/// A beacon that tests feed with [`record`].
#[derive(Debug)]
pub struct MockBeacon;

impl RelayBeacon for MockBeacon {
	fn now() -> RelayBlock {
		Now::get()
	}

	fn first_at_or_after(at: RelayBlock) -> Result<Option<(RelayBlock, Randomness)>, BeaconPruned> {
		if at < Oldest::get() {
			return Err(BeaconPruned);
		}
		let records = Records::get();
		Ok(records.range(at..).next().map(|(block, byte)| (*block, [*byte; 64])))
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn set_record(at: RelayBlock, randomness: Randomness) {
		Now::set(at);
		Records::mutate(|records| records.insert(at, randomness[0]));
	}
}

#[storage_alias]
pub type Placed = StorageMap<Mock, Twox64Concat, DealId, ()>;

/// What deals have committed.
#[storage_alias]
pub type Committed =
	StorageDoubleMap<Mock, Twox64Concat, DealId, Twox64Concat, Generation, CommitInfo>;

/// Content as the deals have committed it.
#[derive(Debug)]
pub struct MockContent;

impl ContentSource for MockContent {
	fn manifest(_: DealId, index: u32) -> Option<G1Uncompressed> {
		(index == 0).then_some([5; 96])
	}

	fn commit(deal: DealId, generation: Generation) -> Option<CommitInfo> {
		Committed::get(deal, generation)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn set_manifest(_: DealId, _: u32, _: G1Uncompressed) {}

	#[cfg(feature = "runtime-benchmarks")]
	fn set_commit(deal: DealId, generation: Generation, commit: CommitInfo) {
		Committed::insert(deal, generation, commit);
	}
}

/// Proofs that are right when `y` is 1 and each commitment names its leaf.
#[derive(Debug)]
pub struct MockMath;

impl AnswerMath for MockMath {
	fn verify(claims: &[AnswerClaim<'_>], _: &[u8; 32], y: &[u8; 32], _: &G1Compressed) -> bool {
		assert!(!claims.is_empty(), "an answer has items");
		*y == [1; 32] && claims.iter().all(|claim| *claim.commitment == commitment(claim.leaf))
	}
}

/// The commitment that stands for a leaf.
pub fn commitment(leaf: u16) -> G1Compressed {
	[leaf as u8; 48]
}

/// Deals that remember which of them were placed.
#[derive(Debug)]
pub struct MockDeals;

impl DealHooks for MockDeals {
	fn placed(deal: DealId) {
		assert!(!Placed::contains_key(deal), "a deal is placed once");
		Placed::insert(deal, ());
	}

	fn storage_price() -> u128 {
		PRICE
	}

	fn living(deal: DealId) -> Option<(Hint, Generation)> {
		Some((Hint::Hot, Committed::iter_key_prefix(deal).max().unwrap_or_default()))
	}

	fn stored(deal: DealId, generation: Generation) -> Option<(CommitInfo, Amount)> {
		Some((Committed::get(deal, generation)?, PRICE))
	}

	fn set_signed(deal: DealId, generation: Generation, slot: SlotIndex, signed: bool) {
		Committed::mutate(deal, generation, |commit| {
			let commit = commit.as_mut().expect("the commit is there");
			commit.signed = (commit.signed & !(1 << slot)) | (u32::from(signed) << slot);
		});
	}

	fn receipt_grace() -> RelayBlock {
		GRACE
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_deal(profile: Profile, hint: Hint) -> DealId {
		let deal = Requests::<Test>::iter_keys().count() as DealId;
		Mode2::request(deal, profile, hint).expect("the queue has room");
		deal
	}
}

/// What hooks are told.
#[derive(Clone, Debug, PartialEq, Eq, codec::Encode, codec::Decode)]
pub enum Told {
	Signed(AccountId, Allocation),
	Raised(AccountId, DealId, SlotIndex, u128),
	Ended(AccountId, DealId, SlotIndex),
	Released(AccountId, DealId, SlotIndex),
	EndedAfterRelease(AccountId, DealId, SlotIndex),
}

/// All that hooks were told, in order.
#[storage_alias]
pub type Heard = StorageValue<Mock, Vec<Told>, ValueQuery>;

/// Hooks that remember what they were told.
#[derive(Debug)]
pub struct MockHooks;

impl SlotHooks<AccountId> for MockHooks {
	fn signed(provider: &AccountId, allocation: Allocation) {
		Heard::append(Told::Signed(*provider, allocation));
	}

	fn raised(provider: &AccountId, deal: DealId, slot: SlotIndex, price: u128) {
		Heard::append(Told::Raised(*provider, deal, slot, price));
	}

	fn ended(provider: &AccountId, deal: DealId, slot: SlotIndex) {
		Heard::append(Told::Ended(*provider, deal, slot));
	}

	fn released(provider: &AccountId, deal: DealId, slot: SlotIndex) {
		Heard::append(Told::Released(*provider, deal, slot));
	}

	fn ended_after_release(provider: &AccountId, deal: DealId, slot: SlotIndex) {
		Heard::append(Told::EndedAfterRelease(*provider, deal, slot));
	}
}

impl pallet_mode2::Config for Test {
	type Providers = MockRegistry;
	type Beacon = MockBeacon;
	type Deals = MockDeals;
	type Hooks = MockHooks;
	type DrawDelay = ConstU32<DRAW_DELAY>;
	type RetryDelay = ConstU32<RETRY_DELAY>;
	type MaxFresh = ConstU32<LANE>;
	type MaxRetrying = ConstU32<LANE>;
	type Content = MockContent;
	type Answers = MockMath;
	type MaxRepairs = ConstU32<LANE>;
	type RepairWindow = ConstU32<WINDOW>;
	type RepairCooldown = ConstU32<COOLDOWN>;
	type RepairSamples = ConstU32<SAMPLES>;
	type MaxDepartureSteps = ConstU32<4>;
	type WeightInfo = ();
}

/// Storage with [`PROVIDERS`] providers and a hash for block 0.
pub fn new_test_ext() -> sp_io::TestExternalities {
	Now::set(START);
	Records::set(BTreeMap::new());
	Oldest::set(0);
	let storage = RuntimeGenesisConfig::default().build_storage().expect("a valid genesis");
	let mut ext = sp_io::TestExternalities::new(storage);
	ext.register_extension(KeystoreExt::new(MemoryKeystore::new()));
	ext.execute_with(|| {
		System::set_block_number(1);
		frame_system::BlockHash::<Test>::insert(0, sp_core::H256([9; 32]));
		for id in 0..PROVIDERS {
			register(id);
		}
	});
	ext
}

/// Runs a test on fresh storage and checks the invariants at its end.
pub fn run(test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		test();
		Mode2::do_try_state().expect("the invariants hold");
	});
}

/// Registers a provider.
pub fn register(id: AccountId) {
	Registry::insert(id, Registered { capacity: CAPACITY, ..Default::default() });
}

/// Moves the relay clock.
pub fn advance(blocks: RelayBlock) {
	Now::mutate(|now| *now += blocks);
}

/// Records randomness for the present relay block.
pub fn record(byte: u8) {
	Records::mutate(|records| records.insert(Now::get(), byte));
}

/// Runs the hook with room for everything.
pub fn serve_all() -> Weight {
	poll(Weight::MAX)
}

/// Runs the hook in a block of which it may use `room`; what it used.
pub fn poll(room: Weight) -> Weight {
	let mut meter = WeightMeter::with_limit(room.saturating_mul(2));
	Mode2::on_poll(1, &mut meter);
	meter.consumed()
}

/// A small profile: any 2 of 4 slots.
pub fn small() -> Profile {
	Profile { k: 2, m: 2, ..Profile::DEFAULT }
}

/// A profile with more slots than there are providers.
pub fn wide() -> Profile {
	Profile { k: 8, m: 8, ..Profile::DEFAULT }
}

/// Asks for slots as the deals do.
pub fn request(deal: DealId, profile: Profile) {
	Mode2::request(deal, profile, Hint::Cold).expect("the queue has room");
}

/// A deal with slots.
pub fn place(deal: DealId, profile: Profile) {
	request(deal, profile);
	advance(DRAW_DELAY);
	record(deal as u8);
	Mode2::place(RuntimeOrigin::signed(1), deal).expect("the request is due");
	assert!(Placed::contains_key(deal));
}

/// Who holds the slots of a deal.
pub fn holders(deal: DealId) -> Vec<AccountId> {
	Stripes::<Test>::get(deal)
		.map(|stripe| {
			stripe.slots.iter().filter_map(|slot| slot.state.provider().copied()).collect()
		})
		.unwrap_or_default()
}

/// What receipts of a commit have in common.
pub fn terms(deal: DealId, generation: u32) -> CommitTerms {
	CommitTerms {
		deal,
		hint: Hint::Hot,
		generation,
		first_mdu: 10 * u64::from(generation),
		roots_hash: [1; 32],
		index_root: [2; 32],
		size_bytes: 3,
		index_len: 1,
		bytes_per_slot: 131_072,
		price: PRICE,
	}
}

/// A receipt over `terms`, signed by `signer`'s service key.
pub fn sign(terms: &CommitTerms, slot: SlotIndex, until: RelayBlock, signer: AccountId) -> Receipt {
	let message = ReceiptMessage {
		genesis: [9; 32],
		deal: terms.deal,
		generation: terms.generation,
		slot,
		roots_hash: terms.roots_hash,
		index_root: terms.index_root,
		size_bytes: terms.size_bytes,
		index_len: terms.index_len,
		until,
	};
	Receipt { slot, until, signature: service_pair(signer).sign(&message.signing_bytes()).0 }
}

/// Receipts of these slots by their holders, good for ten relay blocks.
pub fn receipts(terms: &CommitTerms, slots: impl IntoIterator<Item = SlotIndex>) -> Vec<Receipt> {
	let holders = holders(terms.deal);
	slots
		.into_iter()
		.map(|slot| sign(terms, slot, Now::get() + 10, holders[usize::from(slot)]))
		.collect()
}

/// The events of this pallet since the last call.
pub fn events() -> Vec<Event<Test>> {
	let events = System::events()
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::Mode2(event) => Some(event),
			_ => None,
		})
		.collect();
	System::reset_events();
	events
}

/// Commits one MDU to a deal as the deals do, with receipts of these slots. Its generation.
pub fn commit(deal: DealId, slots: impl IntoIterator<Item = SlotIndex>) -> Generation {
	let generation = Committed::iter_key_prefix(deal).max().unwrap_or_default() + 1;
	let terms = CommitTerms { first_mdu: u64::from(generation) - 1, ..terms(deal, generation) };
	let signed = signers(deal);
	let receipts: Vec<_> = slots
		.into_iter()
		.map(|slot| sign(&terms, slot, Now::get() + 10, signed[usize::from(slot)]))
		.collect();
	let signed = Mode2::accept(&terms, &receipts).expect("the receipts are right");
	let CommitTerms { first_mdu, size_bytes, index_len, index_root, roots_hash, .. } = terms;
	let at = Now::get();
	let info = CommitInfo { first_mdu, size_bytes, index_len, index_root, roots_hash, signed, at };
	Committed::insert(deal, generation, info);
	generation
}

/// Whose receipts count for each slot; nobody's account for those of which nobody's does.
pub fn signers(deal: DealId) -> Vec<AccountId> {
	let signer = |slot: &Slot<AccountId>| match &slot.state {
		SlotState::Repairing { provider: None, candidate, .. } => *candidate,
		state => state.provider().copied().unwrap_or(AccountId::MAX - 1),
	};
	Stripes::<Test>::get(deal)
		.map(|stripe| stripe.slots.iter().map(signer).collect())
		.unwrap_or_default()
}

/// The state of a slot.
pub fn state(deal: DealId, slot: SlotIndex) -> SlotState<AccountId> {
	Stripes::<Test>::get(deal).expect("placed").slots[usize::from(slot)].state.clone()
}

/// Runs the hook until a slot has a candidate that knows its samples. Who that is.
pub fn candidate(deal: DealId, slot: SlotIndex) -> AccountId {
	for _ in 0..2 {
		advance(DRAW_DELAY);
		record(deal as u8);
		serve_all();
	}
	let repair = Repairs::<Test>::get(deal, slot).expect("the slot is repaired");
	let Stage::Rebuilding(candidate) = repair.stage else { panic!("{repair:?}") };
	assert!(candidate.samples.is_some());
	candidate.provider
}

/// The right proof of a candidate for a generation.
pub fn proof(
	deal: DealId,
	slot: SlotIndex,
	generation: Generation,
) -> frame_support::BoundedVec<RepairItem, ConstU32<SAMPLES>> {
	let repair = Repairs::<Test>::get(deal, slot).expect("the slot is repaired");
	let Stage::Rebuilding(Candidate { samples: Some(r), .. }) = repair.stage else {
		panic!("{repair:?}")
	};
	let stripe = Stripes::<Test>::get(deal).expect("placed");
	let profile = stripe.profile;
	let sampled = stripe.slots[usize::from(slot)].sampled().expect("it has a candidate");
	let items = (0..if generation == 0 { 0 } else { SAMPLES }).map(|sample| {
		// Every commit of tests has one MDU.
		let (mdu, pick) = settle_draw(&repair_seed(&r, sample), sampled);
		let commit = Committed::get(deal, mdu + 1).expect("committed");
		let live = ContentShape::new(commit.size_bytes).live(0);
		let row = uniform(pick, u32::from(profile.live_rows(live))).unwrap_or_default();
		RepairItem {
			generation: mdu + 1,
			commitment: commitment(profile.leaf(slot, row as u8)),
			path: frame_support::BoundedVec::truncate_from(vec![[0; 32]; profile.path_len()]),
			manifest_opening: [0; 48],
		}
	});
	frame_support::BoundedVec::truncate_from(items.collect())
}

/// Lets a candidate prove a generation.
pub fn complete(
	who: AccountId,
	deal: DealId,
	slot: SlotIndex,
	generation: Generation,
) -> frame_support::pallet_prelude::DispatchResultWithPostInfo {
	let items = proof(deal, slot, generation);
	let origin = RuntimeOrigin::signed(who);
	Mode2::complete_repair(origin, deal, slot, generation, items, [1; 32], [0; 48])
}

/// Lets a provider drain, and tells the pallet.
pub fn drain(provider: AccountId) {
	Registry::mutate(provider, |entry| entry.as_mut().expect("registered").draining = true);
	<Mode2 as DepartureHooks<_>>::departs(&provider);
}

/// Jails a provider, and tells the pallet.
pub fn jail(provider: AccountId) {
	Registry::mutate(provider, |entry| entry.as_mut().expect("registered").jailed = true);
	<Mode2 as DepartureHooks<_>>::departs(&provider);
}

/// Runs the idle hook with room for everything.
pub fn idle() -> Weight {
	Mode2::on_idle(1, Weight::MAX)
}
