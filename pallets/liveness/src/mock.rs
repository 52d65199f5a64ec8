//! A runtime for tests: accounts of 32 bytes, a relay beacon that tests feed, content that is always there, and arithmetic
//! that takes hashes for commitments and openings, unless a test brings real ones.

mod reads;

pub use reads::*;

use crate::{self as pallet_liveness, *};
use frame_support::{
	Blake2_128Concat, Twox64Concat, derive_impl,
	dispatch::DispatchResultWithPostInfo,
	pallet_prelude::ValueQuery,
	parameter_types,
	storage::with_storage_layer,
	storage_alias,
	traits::{ConstU16, ConstU32, Hooks},
	weights::WeightMeter,
};
use frame_system::EnsureRoot;
use nil_types::{
	Amount, CommitInfo, DealId, Epoch, G1Compressed, G1Uncompressed, Generation, Hash32, Hint,
	Profile, RelayBlock, SlotIndex, blake2b_256,
	challenge::{evaluation_point, gamma},
	layout::{BLOB_BYTES, MDUS_PER_MANIFEST},
	traits::{
		Allocation, AnswerClaim, AnswerMath, BeaconPruned, ContentSource, Evictions, Randomness,
		RelayBeacon, RentPurse, Slashing, SlotHooks, Term, Unpaid,
	},
};
use sp_runtime::{AccountId32, BuildStorage, traits::IdentityLookup};
use std::collections::BTreeMap;

pub type AccountId = AccountId32;

/// Relay blocks of an epoch.
pub const LENGTH: RelayBlock = 50;
/// Epochs of a settlement period.
pub const SETTLEMENT: u32 = 4;
/// Relay blocks from the start of an epoch to what may draw it.
pub const DELAY: RelayBlock = 4;
/// Relay block at which tests begin, before any round has begun.
pub const START: RelayBlock = 1_003;
/// The epoch that it lies in.
pub const FIRST_EPOCH: Epoch = 20;
/// Items of an answer.
pub const MAX_ITEMS: u32 = 32;
/// What allocations earn, per GiB and relay block.
pub const PRICE: Amount = 1 << 20;
/// Steps of an advance.
pub const MAX_STEPS: u32 = 64;
/// The hash of block 0.
pub const GENESIS: Hash32 = [9; 32];
/// What tests begin with.
pub const PARAMS: LivenessParams = LivenessParams {
	samples_per_epoch: 16,
	hot_factor: 3,
	prompt_blocks: 10,
	late: [
		Tier { within: 20, share: 8_000 },
		Tier { within: 30, share: 5_000 },
		Tier { within: 40, share: 1_000 },
	],
	credit_cap: 5_000,
	settle_samples: 2,
	silent_rounds: 3,
	evict_misses: 4,
	forgive_rounds: 5,
	slash: 500,
	slash_slot: 2_000,
	slash_invalid: 1_000,
	bounty: 1_000,
	slashing: true,
};

frame_support::construct_runtime!(
	pub enum Test {
		System: frame_system,
		Liveness: pallet_liveness,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type AccountId = AccountId;
	type Block = frame_system::mocking::MockBlock<Self>;
	type Lookup = IdentityLookup<AccountId>;
}

parameter_types! {
	pub static Now: RelayBlock = START;
	pub static Records: BTreeMap<RelayBlock, u8> = BTreeMap::new();
	/// Relay blocks below this one have no records any more.
	pub static Oldest: RelayBlock = 0;
	/// Manifest points of content that is real. When there is any, so is the arithmetic.
	pub static RealPoints: BTreeMap<(DealId, u32), G1Uncompressed> = BTreeMap::new();
	/// Whether slots can be taken from their providers.
	pub static Evictable: bool = false;
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

/// Content of every deal there could be.
#[derive(Debug)]
pub struct MockContent;

/// The manifest point of a deal.
pub fn point_of(deal: DealId, index: u32) -> G1Uncompressed {
	let mut point = [0; 96];
	point[..8].copy_from_slice(&deal.to_le_bytes());
	point[8..12].copy_from_slice(&index.to_le_bytes());
	point
}

impl ContentSource for MockContent {
	fn manifest(deal: DealId, index: u32) -> Option<G1Uncompressed> {
		let real = RealPoints::get().get(&(deal, index)).copied();
		Some(real.unwrap_or_else(|| point_of(deal, index)))
	}

	fn commit(deal: DealId, generation: Generation) -> Option<CommitInfo> {
		MockCommits::get(deal, generation)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn set_manifest(_: DealId, _: u32, _: G1Uncompressed) {}

	#[cfg(feature = "runtime-benchmarks")]
	fn set_commit(deal: DealId, generation: Generation, commit: CommitInfo) {
		MockCommits::insert(deal, generation, commit);
	}
}

/// Commits that tests make.
#[storage_alias]
pub type MockCommits =
	StorageDoubleMap<Mock, Twox64Concat, DealId, Twox64Concat, Generation, CommitInfo>;

/// A deal's money.
#[derive(Clone, Debug, Default, PartialEq, Eq, codec::Encode, codec::Decode)]
pub struct MockRent {
	pub locked: Amount,
	pub expires_at: RelayBlock,
	pub least: RelayBlock,
	/// Whether it has ended. Then what is locked is what it owes, until `until`.
	pub ended: bool,
	pub owed: Amount,
	pub until: RelayBlock,
}

/// The money of deals that pay. Others pay nothing.
#[storage_alias]
pub type MockRents = StorageMap<Mock, Twox64Concat, DealId, MockRent>;

/// What was paid to each provider.
#[storage_alias]
pub type Wallets = StorageMap<Mock, Blake2_128Concat, AccountId, Amount, ValueQuery>;

/// What was burned.
#[storage_alias]
pub type BurnedSum = StorageValue<Mock, Amount, ValueQuery>;

/// Deals that pay out of what tests give them.
#[derive(Debug)]
pub struct MockPurse;

impl RentPurse<AccountId> for MockPurse {
	fn term(deal: DealId) -> Option<Term> {
		let rent = MockRents::get(deal).filter(|rent| !rent.ended)?;
		Some(Term { expires_at: rent.expires_at, least: rent.least })
	}

	fn owe(deal: DealId, amount: Amount, until: RelayBlock) {
		MockRents::mutate(deal, |rent| {
			let rent = rent.as_mut().expect("the deal pays");
			assert!(!rent.ended);
			rent.owed += amount;
			rent.until = rent.until.max(until);
			assert!(rent.owed <= rent.locked, "no more is owed than is locked");
		});
	}

	fn pay(deal: DealId, to: &AccountId, paid: Amount, burned: Amount) -> Result<(), Unpaid> {
		let mut rent = MockRents::get(deal).ok_or(Unpaid)?;
		assert!(!rent.ended || Now::get() < rent.until, "nothing is paid too late");
		rent.locked = rent.locked.checked_sub(paid + burned).expect("no more is paid than locked");
		MockRents::insert(deal, rent);
		Wallets::mutate(to, |sum| *sum += paid);
		BurnedSum::mutate(|sum| *sum += burned);
		Ok(())
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_locked(deal: DealId, locked: Amount) {
		let (expires_at, least) = (RelayBlock::MAX, 0);
		MockRents::insert(deal, MockRent { locked, expires_at, least, ..Default::default() });
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_owed(deal: DealId, owed: Amount) {
		let until = RelayBlock::MAX;
		let rent = MockRent { locked: owed, ended: true, owed, until, ..Default::default() };
		MockRents::insert(deal, rent);
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_endow(_: &AccountId) {}
}

/// What everybody must have at stake.
pub const REQUIRED: Amount = 10_000;

/// What was taken from each provider, by whom, and with which share.
#[storage_alias]
pub type SlashedSums =
	StorageMap<Mock, Blake2_128Concat, AccountId, (Amount, Option<AccountId>, u16)>;

/// Who is jailed.
#[storage_alias]
pub type Prison = StorageMap<Mock, Blake2_128Concat, AccountId, ()>;

/// Stake of which there is enough.
#[derive(Debug)]
pub struct MockStakes;

impl Slashing<AccountId> for MockStakes {
	fn required(_: &AccountId) -> Amount {
		REQUIRED
	}

	/// A unit for each blob.
	fn backing(bytes: u64) -> Amount {
		Amount::from(bytes) / BLOB_BYTES as Amount
	}

	fn slash(
		provider: &AccountId,
		amount: Amount,
		reporter: Option<&AccountId>,
		share: u16,
	) -> (Amount, Amount) {
		let before = SlashedSums::get(provider).map_or(0, |(sum, ..)| sum);
		SlashedSums::insert(provider, (before + amount, reporter.cloned(), share));
		let bounty = reporter.map_or(0, |_| amount * Amount::from(share) / 10_000);
		(amount, bounty)
	}

	fn jail(provider: &AccountId) {
		Prison::insert(provider, ());
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_staked() -> AccountId {
		account(1)
	}
}

/// Slots, as far as it is of any interest who holds them.
#[derive(Debug)]
pub struct MockSlots;

impl Evictions<AccountId> for MockSlots {
	fn evict(provider: &AccountId, deal: DealId, slot: SlotIndex) -> bool {
		if Evictable::get() {
			<Liveness as SlotHooks<_>>::released(provider, deal, slot);
		}
		Evictable::get()
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_slot() -> (AccountId, DealId, SlotIndex) {
		Evictable::set(true);
		(account(1), 0, 3)
	}
}

/// Hashes in the place of commitments, paths and openings.
#[derive(Debug)]
pub struct MockMath;

/// The commitment of a blob.
pub fn commitment_of(manifest: &G1Uncompressed, mdu: u64, leaf: u16) -> G1Compressed {
	let parts = [&manifest[..], &mdu.to_le_bytes(), &leaf.to_le_bytes()];
	let mut commitment = [0; 48];
	commitment[..32].copy_from_slice(&blake2b_256(&parts.concat()));
	commitment
}

/// Every sibling of every path.
pub const SIBLING: Hash32 = [7; 32];
/// Every opening of a manifest.
pub const OPENING: G1Compressed = [8; 48];

/// What blobs combine to, given their commitments and factors.
pub fn value_at(z: &[u8; 32], terms: &[(G1Compressed, [u8; 32])]) -> [u8; 32] {
	let mut bytes = z.to_vec();
	for (commitment, factor) in terms {
		bytes.extend(commitment);
		bytes.extend(factor);
	}
	blake2b_256(&bytes)
}

/// The opening of a combination.
pub fn opening_of(y: &[u8; 32]) -> G1Compressed {
	let mut proof = [0; 48];
	proof[..32].copy_from_slice(&blake2b_256(y));
	proof
}

impl AnswerMath for MockMath {
	fn verify(
		claims: &[AnswerClaim<'_>],
		z: &[u8; 32],
		y: &[u8; 32],
		proof: &G1Compressed,
	) -> bool {
		assert!(!claims.is_empty(), "an answer has items");
		if !RealPoints::get().is_empty() {
			return crate::tests::arithmetic::verify(claims, z, y, proof);
		}
		let members = claims.iter().all(|claim| {
			assert_eq!(claim.path.len(), claim.profile.path_len());
			assert!((1..=64).contains(&claim.live) && claim.leaf < claim.profile.leaves());
			*claim.commitment == commitment_of(&claim.manifest, claim.mdu, claim.leaf)
				&& claim.path.iter().all(|sibling| *sibling == SIBLING)
				&& *claim.manifest_opening == OPENING
		});
		let terms: Vec<_> = claims.iter().map(|claim| (*claim.commitment, claim.factor)).collect();
		members && *y == value_at(z, &terms) && *proof == opening_of(y)
	}
}

impl pallet_liveness::Config for Test {
	type AdminOrigin = EnsureRoot<AccountId>;
	type Answers = MockMath;
	type Beacon = MockBeacon;
	type Content = MockContent;
	type Credits = MockReads;
	type Evictions = MockSlots;
	type MaxBounty = ConstU16<5_000>;
	type MaxSlash = ConstU16<5_000>;
	type MaxSweeps = ConstU32<2>;
	type MinEvictMisses = ConstU32<2>;
	type MinSilentRounds = ConstU32<2>;
	type Purse = MockPurse;
	type Stakes = MockStakes;
	type DrawDelay = ConstU32<DELAY>;
	type MaxCreditCap = ConstU16<7_500>;
	type MaxHotFactor = ConstU32<8>;
	type MaxItems = ConstU32<MAX_ITEMS>;
	type MaxSamples = ConstU32<64>;
	type MaxSteps = ConstU32<MAX_STEPS>;
	type MinEpochLength = ConstU32<10>;
	type WeightInfo = ();
}

/// Storage with [`PARAMS`], epochs of [`LENGTH`] and a hash for block 0.
pub fn new_test_ext() -> sp_io::TestExternalities {
	Now::set(START);
	Records::set(BTreeMap::new());
	Oldest::set(0);
	RealPoints::set(BTreeMap::new());
	Evictable::set(false);
	let storage = RuntimeGenesisConfig {
		liveness: pallet_liveness::GenesisConfig {
			epoch_length: LENGTH,
			settlement_epochs: SETTLEMENT,
			params: PARAMS,
			..Default::default()
		},
		..Default::default()
	}
	.build_storage()
	.expect("a valid genesis");
	let mut ext = sp_io::TestExternalities::new(storage);
	ext.execute_with(|| {
		System::set_block_number(1);
		frame_system::BlockHash::<Test>::insert(0, sp_core::H256(GENESIS));
	});
	ext
}

/// Runs a test on fresh storage and checks the invariants at its end.
pub fn run(test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		test();
		Liveness::do_try_state().expect("the invariants hold");
	});
}

/// One of the accounts.
pub fn account(number: u8) -> AccountId {
	AccountId32::new([number; 32])
}

/// Moves the relay clock.
pub fn wait(blocks: RelayBlock) {
	Now::mutate(|now| *now += blocks);
}

/// Records randomness for the present relay block.
pub fn record(byte: u8) {
	Records::mutate(|records| records.insert(Now::get(), byte));
}

/// The hash of a block.
pub fn hash_of(number: u64) -> Hash32 {
	blake2b_256(&number.to_le_bytes())
}

/// Begins a block, whose hook has room for everything.
pub fn poll() {
	let parent = System::block_number();
	System::set_parent_hash(sp_core::H256(hash_of(parent)));
	System::set_block_number(parent + 1);
	Liveness::on_poll(parent + 1, &mut WeightMeter::new());
}

/// Moves the relay clock to the start of the next epoch.
pub fn to_next_epoch() {
	Now::mutate(|now| *now = (*now / LENGTH + 1) * LENGTH);
}

/// Begins and draws a round in the next epoch.
pub fn next_epoch() {
	to_next_epoch();
	begin();
}

/// Begins and draws a round in the epoch in which the relay clock is. The present block is the one after that.
pub fn begin() {
	poll();
	let epoch = Now::get() / LENGTH;
	Now::mutate(|now| *now = (*now).max(epoch * LENGTH + DELAY));
	record(epoch as u8);
	poll();
	poll();
	assert_eq!(Liveness::epoch().map(|record| record.epoch), Some(epoch));
}

/// Any 8 of 12 slots: 8 rows per MDU.
pub const COLD: Profile = Profile::DEFAULT;

/// What slot 3 of a cold deal owes for a commit.
pub fn allocation(deal: DealId, generation: Generation, rows: u64) -> Allocation {
	Allocation {
		deal,
		slot: 3,
		generation,
		hint: Hint::Cold,
		profile: COLD,
		first_mdu: 100 * u64::from(generation),
		rows,
		price: PRICE,
	}
}

/// Lets a provider sign.
pub fn sign(provider: &AccountId, allocation: Allocation) {
	<Liveness as SlotHooks<_>>::signed(provider, allocation);
}

/// Ends slot 3 of a deal.
pub fn end(provider: &AccountId, deal: DealId) {
	<Liveness as SlotHooks<_>>::ended(provider, deal, 3);
}

/// As a call does it: nothing is changed by a failure.
pub fn advance(provider: &AccountId, steps: u32) -> DispatchResultWithPostInfo {
	with_storage_layer(|| {
		Liveness::advance(RuntimeOrigin::signed(account(99)), provider.clone(), steps)
	})
}

/// Applies all that can be applied.
pub fn catch_up(provider: &AccountId) {
	while advance(provider, MAX_STEPS).is_ok() {}
}

/// The account of a provider.
pub fn book(provider: &AccountId) -> BookOf<Test> {
	Books::<Test>::get(provider).expect("the provider has a book")
}

/// An answer, to be submitted.
#[derive(Clone, Debug)]
pub struct Submission {
	pub who: AccountId,
	pub epoch: Epoch,
	/// With what it is made.
	pub r_e: Hash32,
	/// What it names.
	pub block: Hash32,
	pub items: Vec<pallet_liveness::Item>,
	pub y: [u8; 32],
	pub pi: G1Compressed,
}

impl Submission {
	/// An honest provider's answer under these ordinals.
	pub fn of(provider: &AccountId, ordinals: impl IntoIterator<Item = u32>) -> Self {
		let current = Liveness::epoch().expect("the round is drawn");
		let items = ordinals.into_iter().map(|ordinal| item(provider, ordinal)).collect();
		Self {
			who: provider.clone(),
			epoch: current.epoch,
			r_e: current.randomness,
			block: current.block.expect("it is known"),
			items,
			y: [0; 32],
			pi: [0; 48],
		}
		.opened()
	}

	/// With the value and the opening that belong to its items.
	pub fn opened(mut self) -> Self {
		let id: Hash32 = self.who.clone().into();
		let terms: Vec<_> = self
			.items
			.iter()
			.map(|item| (item.commitment, gamma(&self.r_e, &id, item.ordinal)))
			.collect();
		self.y = value_at(&evaluation_point(&self.r_e, &id), &terms);
		self.pi = opening_of(&self.y);
		self
	}

	/// Dispatches the call, in a storage layer of its own as FRAME does it.
	pub fn dispatch(self) -> DispatchResultWithPostInfo {
		let Self { who, epoch, block, items, y, pi, .. } = self;
		let items = items.try_into().expect("no more items than a call may have");
		with_storage_layer(|| {
			Liveness::submit_proofs(RuntimeOrigin::signed(who), epoch, block, items, y, pi)
		})
	}
}

/// Waives these ordinals in the round that is drawn, in a storage layer of its own as FRAME does it.
pub fn waive(provider: &AccountId, ordinals: &[u32]) -> DispatchResultWithPostInfo {
	let current = Liveness::epoch().expect("the round is drawn");
	let block = current.block.expect("it is known");
	let ordinals = ordinals.to_vec().try_into().expect("no more ordinals than a call may have");
	let origin = RuntimeOrigin::signed(provider.clone());
	with_storage_layer(|| Liveness::waive(origin, current.epoch, block, ordinals))
}

/// An honest provider's item.
pub fn item(provider: &AccountId, ordinal: u32) -> pallet_liveness::Item {
	let asked = Liveness::asked(provider, ordinal).expect("the ordinal is due");
	let index = (asked.mdu / MDUS_PER_MANIFEST as u64) as u32;
	pallet_liveness::Item {
		ordinal,
		place: asked.place,
		mdu: asked.mdu,
		live: 64,
		leaf: asked.leaf,
		commitment: commitment_of(&point_of(asked.deal, index), asked.mdu, asked.leaf),
		path: vec![SIBLING; asked.profile.path_len()].try_into().expect("no path is longer"),
		manifest_opening: OPENING,
	}
}

/// The events of this pallet since the last call.
pub fn events() -> Vec<Event<Test>> {
	let events = System::events()
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::Liveness(event) => Some(event),
			_ => None,
		})
		.collect();
	System::reset_events();
	events
}
