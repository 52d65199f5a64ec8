//! The chain of the simulator: the real pallet in a runtime of its own, with bounds as the runtime has them. Around it stands
//! what no figure depends on: a relay clock, content that is always there, deals that pay, and hashes in the place of
//! commitments and openings.
//!
//! Block numbers stay 0, for which FRAME keeps no events.

use codec::Encode;
use frame_support::{
	Blake2_128Concat, Twox64Concat, construct_runtime, derive_impl,
	dispatch::DispatchResultWithPostInfo,
	pallet_prelude::ValueQuery,
	storage_alias,
	traits::{ConstU16, ConstU32, Hooks, UnfilteredDispatchable},
	weights::{WeightMeter, constants::ParityDbWeight},
};
use frame_system::EnsureRoot;
use nil_types::{
	Amount, CommitInfo, DealId, Epoch, G1Compressed, G1Uncompressed, Generation, Hash32, Hint,
	Profile, RelayBlock, blake2b_256,
	challenge::{epoch_start, evaluation_point, gamma, settle_gamma, settle_point},
	layout::MDUS_PER_MANIFEST,
	traits::{
		Allocation, AnswerClaim, AnswerMath, BeaconPruned, ContentSource, Evictions, Randomness,
		RelayBeacon, RentPurse, Slashing, Term, Unpaid,
	},
};
use pallet_liveness::{
	Asked, DEFAULT_EPOCH_LENGTH, EpochRecord, Item, SettleBlob, SettleDraw, SettleItem,
};
use sp_runtime::{AccountId32, BuildStorage, traits::IdentityLookup};

pub type AccountId = AccountId32;
pub type Call = pallet_liveness::Call<Runtime>;

/// Relay blocks from the start of an epoch to what may draw it, as in the runtime.
const DRAW_DELAY: RelayBlock = 4;
/// Items of a call, as in the runtime.
pub const MAX_ITEMS: u32 = 32;
/// Steps of an advance, as in the runtime.
const MAX_STEPS: u32 = 64;
/// What allocations earn, per GiB and relay block.
const PRICE: Amount = 1 << 20;
/// How all deals are striped.
pub const PROFILE: Profile = Profile::DEFAULT;
/// The slot that providers hold, whatever the deal.
pub const SLOT: u8 = 3;

construct_runtime!(
	pub enum Runtime {
		System: frame_system,
		Liveness: pallet_liveness,
	}
);

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Runtime {
	type AccountId = AccountId;
	type Block = frame_system::mocking::MockBlock<Self>;
	type DbWeight = ParityDbWeight;
	type Lookup = IdentityLookup<AccountId>;
}

impl pallet_liveness::Config for Runtime {
	type AdminOrigin = EnsureRoot<AccountId>;
	type Answers = Hashes;
	type Beacon = Relay;
	type Content = Slabs;
	type Credits = ();
	type DrawDelay = ConstU32<DRAW_DELAY>;
	type Evictions = Keepers;
	type MaxBounty = ConstU16<5_000>;
	type MaxCreditCap = ConstU16<5_000>;
	type MaxHotFactor = ConstU32<16>;
	type MaxItems = ConstU32<MAX_ITEMS>;
	type MaxSamples = ConstU32<256>;
	type MaxSlash = ConstU16<2_000>;
	type MaxSteps = ConstU32<MAX_STEPS>;
	type MaxSweeps = ConstU32<16>;
	type MinEpochLength = ConstU32<10>;
	type MinEvictMisses = ConstU32<4>;
	type MinSilentRounds = ConstU32<6>;
	type Purse = Payers;
	type Stakes = NoStakes;
	type WeightInfo = ();
}

/// What all randomness of a network follows from.
#[storage_alias]
type Seed = StorageValue<Simulator, Hash32, ValueQuery>;

/// The relay clock.
#[storage_alias]
type Now = StorageValue<Simulator, RelayBlock, ValueQuery>;

/// The only commit of deals that pay, by deal.
#[storage_alias]
type Commits = StorageMap<Simulator, Twox64Concat, DealId, CommitInfo>;

/// What was paid to each provider.
#[storage_alias]
type Wallets = StorageMap<Simulator, Blake2_128Concat, AccountId, Amount, ValueQuery>;

/// A relay chain with a record for every block.
#[derive(Debug)]
pub struct Relay;

impl RelayBeacon for Relay {
	fn now() -> RelayBlock {
		Now::get()
	}

	fn first_at_or_after(at: RelayBlock) -> Result<Option<(RelayBlock, Randomness)>, BeaconPruned> {
		if at > Now::get() {
			return Ok(None);
		}
		let seed = Seed::get();
		let half = |part: u8| blake2b_256(&(seed, at, part).encode());
		let mut randomness = [0; 64];
		randomness[..32].copy_from_slice(&half(0));
		randomness[32..].copy_from_slice(&half(1));
		Ok(Some((at, randomness)))
	}
}

/// Manifests of every deal there could be.
#[derive(Debug)]
pub struct Slabs;

/// The manifest point of a deal.
fn point_of(deal: DealId, index: u32) -> G1Uncompressed {
	let mut point = [0; 96];
	point[..8].copy_from_slice(&deal.to_le_bytes());
	point[8..12].copy_from_slice(&index.to_le_bytes());
	point
}

impl ContentSource for Slabs {
	fn manifest(deal: DealId, index: u32) -> Option<G1Uncompressed> {
		Some(point_of(deal, index))
	}

	fn commit(deal: DealId, generation: Generation) -> Option<CommitInfo> {
		Commits::get(deal).filter(|_| generation == 1)
	}
}

/// Deals that pay for ever: those with a commit.
#[derive(Debug)]
pub struct Payers;

impl RentPurse<AccountId> for Payers {
	fn term(deal: DealId) -> Option<Term> {
		Commits::contains_key(deal).then_some(Term { expires_at: RelayBlock::MAX, least: 0 })
	}

	fn owe(_: DealId, _: Amount, _: RelayBlock) {}

	fn pay(_: DealId, to: &AccountId, paid: Amount, _: Amount) -> Result<(), Unpaid> {
		Wallets::mutate(to, |sum| *sum += paid);
		Ok(())
	}
}

/// Nobody has anything at stake: what is slashed is no part of any figure.
#[derive(Debug)]
pub struct NoStakes;

impl Slashing<AccountId> for NoStakes {
	fn required(_: &AccountId) -> Amount {
		0
	}

	fn backing(_: u64) -> Amount {
		0
	}

	fn slash(_: &AccountId, _: Amount, _: Option<&AccountId>, _: u16) -> (Amount, Amount) {
		(0, 0)
	}

	fn jail(_: &AccountId) {}
}

/// Nobody loses a slot: how long it takes until one is noticed is the figure.
#[derive(Debug)]
pub struct Keepers;

impl Evictions<AccountId> for Keepers {
	fn evict(_: &AccountId, _: DealId, _: u8) -> bool {
		false
	}
}

/// Hashes in the place of commitments and openings: who has no blob has no commitment, and any part of an answer that is
/// not right is found.
#[derive(Debug)]
pub struct Hashes;

/// Every sibling of every path.
const SIBLING: Hash32 = [7; 32];
/// Every opening of a manifest.
const OPENING: G1Compressed = [8; 48];

fn commitment_of(manifest: &G1Uncompressed, mdu: u64, leaf: u16) -> G1Compressed {
	let mut commitment = [0; 48];
	commitment[..32].copy_from_slice(&blake2b_256(&(manifest, mdu, leaf).encode()));
	commitment
}

/// What blobs combine to at a point.
fn value_at(z: &[u8; 32], terms: &[(G1Compressed, [u8; 32])]) -> [u8; 32] {
	blake2b_256(&(z, terms).encode())
}

fn opening_of(y: &[u8; 32]) -> G1Compressed {
	let mut proof = [0; 48];
	proof[..32].copy_from_slice(&blake2b_256(y));
	proof
}

impl AnswerMath for Hashes {
	fn verify(
		claims: &[AnswerClaim<'_>],
		z: &[u8; 32],
		y: &[u8; 32],
		proof: &G1Compressed,
	) -> bool {
		let members = claims.iter().all(|claim| {
			*claim.commitment == commitment_of(&claim.manifest, claim.mdu, claim.leaf)
				&& claim.path.iter().all(|sibling| *sibling == SIBLING)
				&& *claim.manifest_opening == OPENING
		});
		let terms: Vec<_> = claims.iter().map(|claim| (*claim.commitment, claim.factor)).collect();
		members && *y == value_at(z, &terms) && *proof == opening_of(y)
	}
}

/// A chain with periods of so many epochs, whose randomness follows from `seed`. Parameters are those of a public network.
pub fn network(seed: Hash32, settlement_epochs: u32) -> sp_io::TestExternalities {
	let storage = RuntimeGenesisConfig {
		liveness: pallet_liveness::GenesisConfig { settlement_epochs, ..Default::default() },
		..Default::default()
	}
	.build_storage()
	.expect("the default parameters are within the bounds above");
	let mut ext = sp_io::TestExternalities::new(storage);
	ext.execute_with(|| Seed::put(seed));
	ext
}

/// Begins and draws the round of an epoch.
pub fn begin(epoch: Epoch) {
	let start = epoch_start(epoch, DEFAULT_EPOCH_LENGTH);
	// It begins, is drawn, and is bound to the block that drew it.
	for now in [start, start + DRAW_DELAY, start + DRAW_DELAY + 1] {
		Now::put(now);
		Liveness::on_poll(0, &mut WeightMeter::new());
	}
	let drawn = Liveness::epoch().expect("there is a record for every relay block");
	assert_eq!(drawn.epoch, epoch);
}

/// What a provider owes for a commit to a cold deal.
pub fn allocation(deal: DealId, generation: Generation, first_mdu: u64, rows: u64) -> Allocation {
	Allocation {
		deal,
		slot: SLOT,
		generation,
		hint: Hint::Cold,
		profile: PROFILE,
		first_mdu,
		rows,
		price: PRICE,
	}
}

/// Lets a deal pay for a commit of full MDUs, which is all that it has.
pub fn fund(deal: DealId, size_bytes: u64) {
	let commit = CommitInfo {
		first_mdu: 0,
		size_bytes,
		index_len: 1,
		index_root: [0; 32],
		roots_hash: [0; 32],
		signed: 1 << SLOT,
		at: 0,
	};
	Commits::insert(deal, commit);
}

/// What was paid to a provider.
pub fn paid_to(account: &AccountId) -> Amount {
	Wallets::get(account)
}

/// Applies all of a provider's journal that can be applied.
pub fn catch_up(account: &AccountId) {
	let advance = || Call::advance { provider: account.clone(), steps: MAX_STEPS };
	while dispatch(account, advance()).is_ok() {}
}

/// Dispatches a call as a block does: a failure changes nothing.
pub fn dispatch(account: &AccountId, call: Call) -> DispatchResultWithPostInfo {
	call.dispatch_bypass_filter(RuntimeOrigin::signed(account.clone()))
}

fn manifest_of(deal: DealId, mdu: u64) -> G1Uncompressed {
	// A deal has 16 points.
	point_of(deal, (mdu / MDUS_PER_MANIFEST as u64) as u32)
}

/// The item of who has the blob that is asked for.
pub fn item(ordinal: u32, asked: &Asked) -> Item {
	let Asked { deal, mdu, leaf, place, profile, .. } = *asked;
	let path = vec![SIBLING; profile.path_len()];
	Item {
		ordinal,
		place,
		mdu,
		live: 64,
		leaf,
		commitment: commitment_of(&manifest_of(deal, mdu), mdu, leaf),
		path: path.try_into().expect("no profile has longer paths"),
		manifest_opening: OPENING,
	}
}

/// The block that drew a round.
fn block_of(drawn: &EpochRecord) -> Hash32 {
	drawn.block.expect("a round that can be answered knows its block")
}

/// The call that answers with these items in the round that is drawn.
pub fn answer(account: &AccountId, items: Vec<Item>) -> Call {
	let drawn = Liveness::epoch().expect("answers are made in rounds that are drawn");
	let (id, r_e): (Hash32, _) = (account.clone().into(), drawn.randomness);
	let terms: Vec<_> =
		items.iter().map(|item| (item.commitment, gamma(&r_e, &id, item.ordinal))).collect();
	let y = value_at(&evaluation_point(&r_e, &id), &terms);
	let items = items.try_into().expect("no epoch asks for more than a call may have");
	Call::submit_proofs {
		epoch: drawn.epoch,
		block: block_of(&drawn),
		items,
		y,
		pi: opening_of(&y),
	}
}

/// The call that settles slots for the last period, each with what it draws. At most [`MAX_ITEMS`] samples together.
pub fn settlement(account: &AccountId, slots: &[(DealId, Vec<SettleDraw>)]) -> Call {
	let info = Liveness::settlement().expect("a period is over");
	let drawn = Liveness::epoch().expect("settlements are made in rounds that are drawn");
	let (id, r): (Hash32, _) = (account.clone().into(), info.randomness);
	let mut items = Vec::new();
	let mut terms = Vec::new();
	for (deal, draws) in slots {
		for draw in draws {
			let blob = draw.target.map(|target| {
				let commitment =
					commitment_of(&manifest_of(*deal, target.mdu), target.mdu, target.leaf);
				terms.push((commitment, settle_gamma(&r, &id, (*deal, SLOT), draw.sample)));
				let path = vec![SIBLING; target.profile.path_len()];
				let path = path.try_into().expect("no profile has longer paths");
				SettleBlob { commitment, path, manifest_opening: OPENING }
			});
			let commits = draw.commits.clone().try_into().expect("no more tries than there are");
			items.push(SettleItem { deal: *deal, slot: SLOT, commits, blob });
		}
	}
	let y = value_at(&settle_point(&r, &id), &terms);
	let items = items.try_into().expect("the caller keeps to the limit");
	Call::settle { period: info.period, block: block_of(&drawn), items, y, pi: opening_of(&y) }
}
