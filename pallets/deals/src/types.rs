//! What the pallet keeps about deals.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{BoundedVec, traits::ConstU32};
use nil_types::{
	Amount, DealId, DealStatus, G1Uncompressed, Generation, Hash32, Hint, Profile, RelayBlock,
	Round, Uploader, deal::MAX_UPLOADERS, layout::MAX_ROOTS,
};
use scale_info::TypeInfo;

/// A deal in state. Its number is the key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Deal<AccountId> {
	/// Who pays, commits and cancels.
	pub owner: AccountId,
	/// How it is striped.
	pub profile: Profile,
	/// Which providers may be drawn.
	pub hint: Hint,
	/// Where it is in its life.
	pub status: DealStatus,
	/// Commits so far.
	pub generation: Generation,
	/// MDUs so far, over all commits.
	pub total_mdus: u64,
	/// Payload bytes so far, over all commits.
	pub size_bytes: u64,
	/// Bytes that all slots together store.
	pub stored_bytes: u64,
	/// Relay block of the request.
	pub created_at: RelayBlock,
	/// The first relay block at which the deal is over.
	pub expires_at: RelayBlock,
	/// The deal's part of the owner's hold.
	pub ledger: Ledger,
	/// What the owner allows to be spent per month beyond rent.
	pub max_monthly_spend: Amount,
}

/// What a deal holds of its owner's money. The parts' sum is on hold in the owner's account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Ledger {
	/// Escrow that no commit has locked yet.
	pub free: Amount,
	/// Rent locked by commits and extensions, and not paid yet.
	pub locked: Amount,
	/// Deposits for commits and authorisations in state.
	pub deposit: Amount,
	/// Deposit for the slots, for as long as the deal keeps them from others.
	pub slots: Amount,
}

impl Ledger {
	/// All that is on hold for the deal.
	///
	/// Saturates, which total issuance makes unreachable: every part was held in full.
	pub const fn total(&self) -> Amount {
		self.free.saturating_add(self.locked).saturating_add(self.deposits())
	}

	/// All deposits.
	pub const fn deposits(&self) -> Amount {
		self.deposit.saturating_add(self.slots)
	}

	/// Moves `rent` and `deposit` out of what is free. `None` when that is less than both together.
	pub fn lock(&self, rent: Amount, deposit: Amount) -> Option<Self> {
		Some(Self {
			free: self.free.checked_sub(rent.checked_add(deposit)?)?,
			locked: self.locked.checked_add(rent)?,
			deposit: self.deposit.checked_add(deposit)?,
			..*self
		})
	}

	/// Moves a deposit back to what is free. `None` when it is not there.
	pub fn release(&self, deposit: Amount) -> Option<Self> {
		Some(Self {
			free: self.free.checked_add(deposit)?,
			deposit: self.deposit.checked_sub(deposit)?,
			..*self
		})
	}
}

/// The rent of a deal that has not ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct DealRent {
	/// What a relay block of the deal costs at the prices that are locked in, times the bytes of a GiB.
	pub rate: Amount,
	/// Ended before this relay block, the deal owes its slots what they would have earned up to it.
	pub least: RelayBlock,
}

/// What a deal that ended still owes its slots. It is on hold in the account of who owned the deal, which stays in the agenda
/// until it is paid or lapses.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Owing<AccountId> {
	/// Who owned the deal, and gets what is not paid in time.
	pub owner: AccountId,
	/// How much.
	pub left: Amount,
	/// The first relay block at which nothing of it can be paid any more.
	pub until: RelayBlock,
	/// What the deal left in state. It is removed once nothing is owed, since payments are made against it.
	pub remnant: Remnant,
}

/// A manifest point, and what the epoch of its last change found in its place. Points are uncompressed: the chain computed
/// them, nobody need check them again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct ManifestPoint {
	/// The point as the last commit left it.
	pub now: G1Uncompressed,
	/// The epoch of the last change.
	pub changed_in: Round,
	/// The point as that epoch found it. `None` when it did not exist.
	pub before: Option<G1Uncompressed>,
}

impl ManifestPoint {
	/// What becomes of `earlier` by a change to `now` in the epoch `round`.
	pub fn changed(earlier: Option<&Self>, now: G1Uncompressed, round: Round) -> Self {
		Self { now, changed_in: round, before: earlier.and_then(|point| point.as_found_in(round)) }
	}

	/// The point as the epoch `round`, which is in force, found it.
	pub fn as_found_in(&self, round: Round) -> Option<G1Uncompressed> {
		if self.changed_in == round { self.before } else { Some(self.now) }
	}
}

/// An account's authorisation to upload to a deal and to commit what it uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Authorisation<AccountId> {
	/// Who may, how much and how long.
	pub uploader: Uploader<AccountId>,
	/// The part of the ledger's deposits that stands for it.
	pub deposit: Amount,
}

/// All authorisations of a deal, each for another account.
pub type Authorisations<AccountId> = BoundedVec<Authorisation<AccountId>, ConstU32<MAX_UPLOADERS>>;

/// Prices, fees and limits that governance sets within the bounds of the pallet's constants.
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
	serde::Serialize,
	serde::Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct DealParams {
	/// Price of new content, per GiB of all slots together and relay block.
	pub storage_price: Amount,
	/// Fee for creating a deal; it is not returned.
	pub creation_fee: Amount,
	/// Deposit for each commit while its deal lives.
	pub commit_deposit: Amount,
	/// Deposit for each slot of a deal while the deal lives, beside its escrow.
	pub slot_deposit: Amount,
	/// Deposit for each account that may upload to a deal beside its owner, until it is revoked.
	pub uploader_deposit: Amount,
	/// Shortest duration of a deal in relay blocks, at least 1.
	pub min_duration: RelayBlock,
	/// Longest duration of a deal in relay blocks, counted from the present.
	pub max_duration: RelayBlock,
}

impl Default for DealParams {
	/// With 12 decimals and relay blocks of 6 s: about 0.43 tokens per GiB and 30 days, fee and deposits for a commit and
	/// for an uploader of 0.01 tokens, deposit of 1 token per slot, durations from an hour to a year.
	fn default() -> Self {
		Self {
			storage_price: 1_000_000,
			creation_fee: 10_000_000_000,
			commit_deposit: 10_000_000_000,
			slot_deposit: 1_000_000_000_000,
			uploader_deposit: 10_000_000_000,
			min_duration: 600,
			max_duration: 5_256_000,
		}
	}
}

/// Why a deal ended.
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
pub enum EndReason {
	/// The owner cancelled it.
	#[codec(index = 0)]
	Cancelled,
	/// Its term ran out.
	#[codec(index = 1)]
	Expired,
}

/// What an ended deal left in state, to be removed step by step once the epoch in which it ended is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Remnant {
	/// The deal that was.
	pub deal: DealId,
	/// Commits that are left: generations `1..=commits`.
	pub commits: Generation,
	/// Manifest points that are left: indices `0..manifests`.
	pub manifests: u32,
	/// The epoch in which the deal ended, or in which what it owed was paid or lapsed: what it left can still be asked for in it.
	pub ended_in: Round,
}

/// First and next ticket of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct QueueEnds {
	/// The ticket to be served next.
	pub head: u64,
	/// The ticket to be given out next.
	pub tail: u64,
}

/// Where the agenda keeps a deal's deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct AgendaPlace {
	/// The bucket of deadlines.
	pub bucket: u32,
	/// The position in it.
	pub index: u32,
}

/// What a commit appends.
pub(crate) struct NewContent {
	/// The generation that the commit builds on.
	pub base_gen: Generation,
	/// The new MDUs' roots.
	pub roots: BoundedVec<Hash32, ConstU32<MAX_ROOTS>>,
	/// `H` of the index bytes.
	pub index_root: Hash32,
	/// Payload bytes, index included.
	pub size_bytes: u64,
	/// Length of the index.
	pub index_len: u32,
}
