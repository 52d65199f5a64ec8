//! How the pallets see each other. Each pallet names the trait that it needs in its `Config`; the runtime wires them.

use crate::{
	Amount, CommitInfo, DealId, G1Compressed, G1Uncompressed, Generation, Hash32, Hint, MduIndex,
	Profile, RelayBlock, Round, ServiceKey, ServiceSignature, SlotIndex,
};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// One randomness record: `ONE_EPOCH_AGO_RANDOMNESS ‖ CURRENT_BLOCK_RANDOMNESS` of a relay block.
pub type Randomness = [u8; 64];

/// The relay chain as the pallets see it: its clock, and the randomness recorded from its state proofs.
pub trait RelayBeacon {
	/// The relay parent of the current block.
	fn now() -> RelayBlock;

	/// The first record at or after relay block `at`. `None` while there is none yet.
	///
	/// `Err` when records that old have been dropped, so that the first one cannot be told any more.
	fn first_at_or_after(at: RelayBlock) -> Result<Option<(RelayBlock, Randomness)>, BeaconPruned>;

	/// Makes the clock and the next record for benchmarks.
	#[cfg(feature = "runtime-benchmarks")]
	fn set_record(at: RelayBlock, randomness: Randomness);
}

/// The records asked for have been dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BeaconPruned;

/// The protocol's epochs, as those see them who ask only whether the present one is that of an earlier moment.
pub trait EpochClock {
	/// The epoch in force, by its round. It changes before the transactions of a block and never between two of them.
	fn round() -> Round;
}

/// The content of deals, as those see it who check proofs about it.
pub trait ContentSource {
	/// Manifest point `index` of `deal` as the epoch in force found it. `None` when it did not exist then. Stays readable
	/// to the end of the epoch in which the deal ends, and as long as the deal owes rent.
	fn manifest(deal: DealId, index: u32) -> Option<G1Uncompressed>;

	/// The commit that made `generation`. Stays readable as long as manifest points do.
	fn commit(deal: DealId, generation: Generation) -> Option<CommitInfo>;

	/// Makes that point, for benchmarks.
	#[cfg(feature = "runtime-benchmarks")]
	fn set_manifest(deal: DealId, index: u32, point: G1Uncompressed);

	/// Makes that commit, for benchmarks.
	#[cfg(feature = "runtime-benchmarks")]
	fn set_commit(deal: DealId, generation: Generation, commit: CommitInfo);
}

/// Until when a deal pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
	/// The first relay block at which it is over, and pays nothing any more.
	pub expires_at: RelayBlock,
	/// Ended earlier than at this relay block, it owes its slots what they would have earned up to there. No later than
	/// `expires_at`.
	pub least: RelayBlock,
}

/// The rent that deals have locked, as those see it who say who has earned it.
pub trait RentPurse<AccountId> {
	/// The term of a deal. `None` when it has ended.
	fn term(deal: DealId) -> Option<Term>;

	/// A deal that is ending keeps `amount` of its locked rent on hold, beside what it was told before, until it is paid or
	/// relay block `until`, a later one, has come. The last `until` of a deal's slots holds for all.
	fn owe(deal: DealId, amount: Amount, until: RelayBlock);

	/// Pays `paid` of the rent that a deal has locked or owes to `to`, and burns `burned` of it: both or neither.
	fn pay(deal: DealId, to: &AccountId, paid: Amount, burned: Amount) -> Result<(), Unpaid>;

	/// Makes a deal that has locked `amount`, for benchmarks.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_locked(deal: DealId, amount: Amount);

	/// Makes a deal that has ended and owes `amount`, where to leave the agenda moves another one, for benchmarks.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_owed(deal: DealId, amount: Amount);

	/// Gives somebody an account, for benchmarks.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_endow(who: &AccountId);
}

/// Rent is not there, its time is over, or who is to get it cannot have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unpaid;

/// The registry of providers, as slots see it.
pub trait ProviderRegistry<AccountId> {
	/// Draws `count` distinct operators for `hint`, each with a weight of its free capacity backed by stake, among
	/// those whose price floor is at most `price`. Work is bounded whatever the number of providers.
	///
	/// `None` when fewer than `count` are eligible; nothing is changed then.
	fn draw(seed: Hash32, count: u32, hint: Hint, price: u128) -> Option<Vec<AccountId>>;

	/// Draws one operator in the same way, which has room for `bytes` more and is none of `excluded`. Those of `excluded` that
	/// could be drawn use their failure domains.
	fn draw_another(
		seed: Hash32,
		hint: Hint,
		price: u128,
		bytes: u64,
		excluded: &[AccountId],
	) -> Option<AccountId>;

	/// Whether the slots of `provider` go to others, and how.
	fn departure(provider: &AccountId) -> Option<Departure>;

	/// A slot was given to `provider`.
	fn slot_taken(provider: &AccountId) -> Result<(), RegistryError>;

	/// A slot of `provider` ended.
	fn slot_released(provider: &AccountId);

	/// `provider` stores `bytes` more.
	fn add_used(provider: &AccountId, bytes: u64) -> Result<(), RegistryError>;

	/// `provider` stores `bytes` less.
	fn sub_used(provider: &AccountId, bytes: u64);

	/// The key that signs receipts.
	fn service_key(provider: &AccountId) -> Option<ServiceKey>;

	/// Where the provider can be reached, as multiaddr text.
	fn multiaddrs(provider: &AccountId) -> Vec<Vec<u8>>;

	/// Registers `count` providers that can be drawn for any deal; returns their accounts and service keys. The keys
	/// come from the keystore (`sr25519_generate`) under [`BENCHMARK_KEY_TYPE`], so that benchmarks can sign.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_providers(count: u32) -> Vec<(AccountId, ServiceKey)>;
}

/// Under which type the keystore keeps the service keys that benchmarks sign with.
#[cfg(feature = "runtime-benchmarks")]
pub const BENCHMARK_KEY_TYPE: [u8; 4] = *b"nilb";

/// Why the registry refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryError {
	/// No such provider.
	Unknown,
	/// The provider's free capacity is too small.
	OutOfCapacity,
	/// The provider's stake does not back so many bytes.
	OutOfStake,
}

/// How the slots of a provider that gets no new ones go to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
	/// It leaves, and is responsible for each until somebody else has it.
	Drain,
	/// It was convicted, and holds none any more.
	Eviction,
}

/// Who is told that a provider's slots are to go to others.
pub trait DepartureHooks<AccountId> {
	/// `provider` drains or was jailed.
	fn departs(provider: &AccountId);
}

/// Nobody is told.
impl<AccountId> DepartureHooks<AccountId> for () {
	fn departs(_: &AccountId) {}
}

/// Slots that are taken from their providers, as those see it who find fault with one.
pub trait Evictions<AccountId> {
	/// Takes a slot from `provider`, at once, and lets the chain draw another. Whether it held it.
	fn evict(provider: &AccountId, deal: DealId, slot: SlotIndex) -> bool;

	/// Gives somebody a slot in which it stores something, for benchmarks.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_slot() -> (AccountId, DealId, SlotIndex);
}

/// What providers have at stake, as those see it who punish them.
pub trait Slashing<AccountId> {
	/// The stake that a provider must hold for what it stores. 0 when there is no such provider.
	fn required(provider: &AccountId) -> Amount;

	/// What of that is for `bytes` that it stores.
	fn backing(bytes: u64) -> Amount;

	/// Takes up to `amount` of all that a provider has at stake, what is unbonding included. Of what is taken `share` is
	/// `reporter`'s, if there is one, in units of 1/10,000 and no more than half; the rest is burned. Returns what was taken,
	/// and what of it the reporter got.
	fn slash(
		provider: &AccountId,
		amount: Amount,
		reporter: Option<&AccountId>,
		share: u16,
	) -> (Amount, Amount);

	/// A provider gets no new slots from now on, until it is pardoned. Nothing when it gets none anyway.
	fn jail(provider: &AccountId);

	/// Registers somebody who stores nothing, for benchmarks.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_staked() -> AccountId;
}

/// What slots earned by serving reads, as those see it who ask their providers for samples. A credit is a blob of a retrieval
/// session that was settled, and whose sampled proofs passed. It is spent once.
pub trait CreditSource<AccountId> {
	/// Credits of a slot that `provider` earned in rounds before `round`, the one in force, and that are not spent. Nothing that
	/// happens in the round makes them more, and nothing but [`spend`](Self::spend) makes them less.
	fn credits(provider: &AccountId, deal: DealId, slot: SlotIndex, round: Round) -> u32;

	/// Spends one of those. Whether there was one.
	fn spend(provider: &AccountId, deal: DealId, slot: SlotIndex, round: Round) -> bool;

	/// Lets a slot have earned a credit before `round`, for benchmarks.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_credit(provider: &AccountId, deal: DealId, slot: SlotIndex, round: Round);
}

/// Nobody has credits.
impl<AccountId> CreditSource<AccountId> for () {
	fn credits(_: &AccountId, _: DealId, _: SlotIndex, _: Round) -> u32 {
		0
	}

	fn spend(_: &AccountId, _: DealId, _: SlotIndex, _: Round) -> bool {
		false
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_credit(_: &AccountId, _: DealId, _: SlotIndex, _: Round) {}
}

/// A receipt, as a commit carries it.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Receipt {
	/// The signer's slot.
	pub slot: SlotIndex,
	/// Last relay block at which the receipt counts.
	pub until: RelayBlock,
	/// The slot's provider's signature over the receipt message, by its service key.
	#[cfg_attr(feature = "std", serde(with = "signature_hex"))]
	pub signature: ServiceSignature,
}

#[cfg(feature = "std")]
mod signature_hex {
	use crate::deal::SerdeBytes;
	use serde::{Deserialize, Deserializer, Serialize, Serializer};

	pub fn serialize<S: Serializer>(bytes: &[u8; 64], serializer: S) -> Result<S::Ok, S::Error> {
		SerdeBytes(*bytes).serialize(serializer)
	}

	pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 64], D::Error> {
		SerdeBytes::deserialize(deserializer).map(|bytes| bytes.0)
	}
}

/// What every receipt of a commit has in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitTerms {
	/// The deal.
	pub deal: DealId,
	/// What the deal is used for.
	pub hint: Hint,
	/// The generation that the commit makes.
	pub generation: Generation,
	/// First MDU of the commit in the slab.
	pub first_mdu: MduIndex,
	/// `H` of the commit's MDU roots.
	pub roots_hash: Hash32,
	/// `H` of the index bytes.
	pub index_root: Hash32,
	/// Payload bytes, index included.
	pub size_bytes: u64,
	/// Length of the index.
	pub index_len: u32,
	/// Bytes that each slot stores for this commit.
	pub bytes_per_slot: u64,
	/// The price that was locked in for it, per GiB and relay block.
	pub price: Amount,
}

/// Slots of deals, as deals see them.
pub trait SlotManager<AccountId> {
	/// Asks for slots. They are drawn later, from randomness that does not exist yet; [`DealHooks::placed`] tells.
	fn request(deal: DealId, profile: Profile, hint: Hint) -> Result<(), SlotError>;

	/// Checks receipts of a commit, books the bytes with the signers and returns the signers as bits. Changes
	/// nothing when it fails: the caller runs it in a storage layer.
	fn accept(terms: &CommitTerms, receipts: &[Receipt]) -> Result<u32, SlotError>;

	/// Checks one receipt of a commit that stands already, and books the bytes with the signer. That the slot has
	/// not signed this commit before, and that it still may, is the caller's to check. Changes nothing when it
	/// fails: the caller runs it in a storage layer.
	fn accept_late(terms: &CommitTerms, receipt: &Receipt) -> Result<(), SlotError>;

	/// All that the slots of `deal` have signed earns `price` more, per GiB and relay block.
	fn raise(deal: DealId, price: Amount);

	/// Lets the chain draw another provider for a slot whose provider lacks a commit, for good. That it does, and that the
	/// caller may ask for it, is the caller's to check.
	fn replace(deal: DealId, slot: SlotIndex) -> Result<(), SlotError>;

	/// The deal ends: its slots, or its request for slots, are given back. It can still be read.
	fn close(deal: DealId);

	/// Requests slots and draws them at once, for benchmarks. Returns valid receipts for `terms` from all slots when
	/// given.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_place(deal: DealId, profile: Profile, hint: Hint);

	/// Receipts for `terms` from every slot, for benchmarks.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_receipts(terms: &CommitTerms) -> Vec<Receipt>;

	/// Lets every slot of a deal with one commit have earned rent, for a former provider and for its present one, and have a
	/// candidate, for benchmarks.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_aged(_deal: DealId) {}

	/// Leaves every slot of a deal to a candidate that may sign one commit more, for benchmarks.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_candidates(_deal: DealId) {}
}

/// Why slots refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotError {
	/// Too many requests wait for their draw.
	QueueFull,
	/// No slot of that number, or nobody holds it.
	NoSuchSlot,
	/// Two receipts for one slot, or the slot has signed this commit before.
	Duplicate,
	/// The receipt's last relay block has passed.
	Expired,
	/// The signature is not the slot provider's over this commit.
	BadSignature,
	/// Fewer than `k + 1` slots have signed.
	TooFew,
	/// A signer's free capacity is too small.
	OutOfCapacity,
	/// A signer's stake does not back so many bytes.
	OutOfStake,
	/// The slot is being repaired, or was replaced for a missing receipt not long ago, or too many of its deal are.
	NotReplaceable,
}

/// What a slot's provider owes for one commit: a blob of each live row, from the first row of the first MDU on.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Allocation {
	/// The deal.
	pub deal: DealId,
	/// The slot.
	pub slot: SlotIndex,
	/// The generation that the commit made.
	pub generation: Generation,
	/// What the deal is used for.
	pub hint: Hint,
	/// How the deal is striped.
	pub profile: Profile,
	/// First MDU of the commit in the slab.
	pub first_mdu: MduIndex,
	/// Rows that hold payload, over all MDUs of the commit. Only the last MDU may have fewer than the profile's.
	pub rows: u64,
	/// What it earns, per GiB of these rows and relay block.
	pub price: Amount,
}

/// Who is told what providers owe, and asks them for it.
pub trait SlotHooks<AccountId> {
	/// The slot's provider signed a commit, at once or within the time for late receipts: each once.
	fn signed(provider: &AccountId, allocation: Allocation);

	/// All that the slot's provider signed so far earns `price` more, per GiB and relay block.
	fn raised(provider: &AccountId, deal: DealId, slot: SlotIndex, price: Amount);

	/// A slot whose provider had signed something ended with its deal, which can still be read: it owes nothing more for any
	/// of its commits.
	fn ended(provider: &AccountId, deal: DealId, slot: SlotIndex);

	/// A slot was taken from a provider that had signed something, while its deal goes on: it owes nothing more for any of its
	/// commits, and earned what it earned.
	fn released(provider: &AccountId, deal: DealId, slot: SlotIndex);

	/// A deal ends, which can still be read, one of whose slots was taken from `provider` before.
	fn ended_after_release(provider: &AccountId, deal: DealId, slot: SlotIndex);

	/// Lets a provider have earned something with all that was told of it, for benchmarks.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_earn(_provider: &AccountId) {}
}

/// Nobody is told anything.
impl<AccountId> SlotHooks<AccountId> for () {
	fn signed(_: &AccountId, _: Allocation) {}

	fn raised(_: &AccountId, _: DealId, _: SlotIndex, _: Amount) {}

	fn ended(_: &AccountId, _: DealId, _: SlotIndex) {}

	fn released(_: &AccountId, _: DealId, _: SlotIndex) {}

	fn ended_after_release(_: &AccountId, _: DealId, _: SlotIndex) {}
}

/// Deals, as slots see them.
pub trait DealHooks {
	/// All slots of `deal` are drawn.
	fn placed(deal: DealId);

	/// The price at which new content is stored now, per GiB and relay block.
	fn storage_price() -> u128;

	/// What `deal` is used for, and its generation. `None` once its term is over.
	fn living(deal: DealId) -> Option<(Hint, Generation)>;

	/// The commit that made `generation`, and the price that was locked in for it.
	fn stored(deal: DealId, generation: Generation) -> Option<(CommitInfo, Amount)>;

	/// Writes down that a slot's provider owes a commit, or that it does not.
	fn set_signed(deal: DealId, generation: Generation, slot: SlotIndex, signed: bool);

	/// Relay blocks for which what a commit followed may still be proved.
	fn receipt_grace() -> RelayBlock;

	/// Creates a deal that waits for its slots, for benchmarks.
	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_deal(profile: Profile, hint: Hint) -> DealId;
}

/// The arithmetic on manifest points, so that pallets need no curve.
pub trait ManifestMath {
	/// `manifest + sum roots[i] * L[first + i]` with the Lagrange points of the trusted setup.
	///
	/// `None` when a root is not a canonical scalar, `first + roots.len()` is above 4,096 or the point is invalid.
	fn extend(manifest: &G1Uncompressed, first: u32, roots: &[Hash32]) -> Option<G1Uncompressed>;

	/// The manifest of no MDUs: the point at infinity.
	fn empty() -> G1Uncompressed {
		let mut point = [0; 96];
		point[0] = 0x40;
		point
	}

	/// The same point in 48 bytes.
	fn compress(manifest: &G1Uncompressed) -> G1Compressed;
}

/// One item of an answer to samples, with all that its proof is checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerClaim<'a> {
	/// How the deal is striped.
	pub profile: Profile,
	/// The manifest point over the MDU.
	pub manifest: G1Uncompressed,
	/// MDU in the slab.
	pub mdu: MduIndex,
	/// Data blobs of that MDU that hold payload, `1..=64`.
	pub live: u8,
	/// Leaf of the MDU tree, one of the profile's.
	pub leaf: u16,
	/// Commitment of the blob.
	pub commitment: &'a G1Compressed,
	/// Siblings from the leaf up, as many as the profile's paths have.
	pub path: &'a [Hash32],
	/// Opening of the manifest at the MDU's place to its root.
	pub manifest_opening: &'a G1Compressed,
	/// By what the blob is multiplied: a canonical big-endian scalar.
	pub factor: [u8; 32],
}

/// The arithmetic of answers to samples, so that pallets need no curve.
pub trait AnswerMath {
	/// Whether each claim's commitment is that of its leaf in its MDU, and its MDU one of its manifest's; and whether the sum
	/// of all blobs, each multiplied by its factor, has the value `y` at `z`, as `proof` shows. Checks all together.
	///
	/// `z` is a canonical big-endian scalar; `y` and what claims borrow come from outside, and may be anything. There is one
	/// claim at least.
	fn verify(claims: &[AnswerClaim<'_>], z: &[u8; 32], y: &[u8; 32], proof: &G1Compressed)
	-> bool;
}
