//! What the pallet keeps about slots and about requests for them.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{BoundedVec, traits::ConstU32};
use nil_types::{
	DealId, G1Compressed, Generation, Hash32, Hint, MduIndex, Profile, RelayBlock, RepairCause,
	SlotIndex, SlotState, layout::MAX_SLOTS,
};
use scale_info::TypeInfo;

/// The slots of a deal, in the stripe's order.
pub type SlotList<AccountId> = BoundedVec<Slot<AccountId>, ConstU32<MAX_SLOTS>>;

/// The providers of a stripe, in the order of its slots.
pub type ProviderList<AccountId> = BoundedVec<AccountId, ConstU32<MAX_SLOTS>>;

/// A deal's slots, once they are drawn.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Stripe<AccountId> {
	/// How the deal is striped: `profile.n()` slots.
	pub profile: Profile,
	/// The slots.
	pub slots: SlotList<AccountId>,
}

/// One slot of a deal.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Slot<AccountId> {
	/// Who holds it.
	pub state: SlotState<AccountId>,
	/// Bytes that its provider signed for, over all commits.
	pub bytes: u64,
	/// Commits that its provider signed.
	pub signed: u32,
}

impl<AccountId> Slot<AccountId> {
	/// A slot that was just given to a provider.
	pub const fn drawn(provider: AccountId) -> Self {
		Self { state: SlotState::Active { provider }, bytes: 0, signed: 0 }
	}

	/// The generation up to whose MDUs its candidate's samples are drawn, whatever that proves: the deal's when the candidate
	/// was drawn, or the first one if it had none then. `None` without a candidate.
	pub fn sampled(&self) -> Option<Generation> {
		match &self.state {
			SlotState::Repairing { target_gen, .. } => Some((*target_gen).max(1)),
			SlotState::Active { .. } | SlotState::Vacant => None,
		}
	}
}

/// A deal's request for slots.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Request {
	/// How many slots, and how.
	pub profile: Profile,
	/// Which providers may be drawn.
	pub hint: Hint,
	/// Relay block of the request.
	pub requested_at: RelayBlock,
	/// The first record of randomness at or after this relay block decides.
	pub draw_at: RelayBlock,
	/// Draws so far that found too few eligible providers.
	pub attempts: u32,
	/// Where the request waits. `None` when it waits for [`crate::Call::place`] alone.
	pub place: Option<(Lane, u64)>,
}

/// The lanes of the queue. In each, requests stand in the order in which they are due.
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
pub enum Lane {
	/// Requests that wait for their first record, or for another one in place of a lost one.
	#[codec(index = 0)]
	Fresh,
	/// Requests that found too few providers.
	#[codec(index = 1)]
	Retry,
	/// Repairs that wait for the record that draws a candidate.
	#[codec(index = 2)]
	Repair,
	/// Repairs that found no candidate.
	#[codec(index = 3)]
	RepairRetry,
	/// Candidates that wait for the record that draws their samples.
	#[codec(index = 4)]
	Sampling,
	/// Candidates that rebuild, by the ends of their windows.
	#[codec(index = 5)]
	Window,
	/// Slots with a new provider that is given their commits.
	#[codec(index = 6)]
	Adopting,
}

/// The ends and the length of a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct LaneEnds {
	/// The first ticket that may still wait.
	pub head: u64,
	/// The ticket to be given out next.
	pub tail: u64,
	/// Tickets that still wait.
	pub waiting: u32,
}

/// Why a draw did not happen, or did not succeed.
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
pub enum Deferral {
	/// Fewer eligible providers than slots.
	#[codec(index = 0)]
	TooFewProviders,
	/// The record that would have decided has been dropped.
	#[codec(index = 1)]
	RecordLost,
}

/// Commits that the candidate for a slot that nobody holds may sign before it has the slot.
pub const MAX_OWN: u32 = 64;
/// Siblings on the longest path in an MDU tree of any profile: 2,048 leaves.
pub const MAX_PATH: u32 = 11;

/// Commits that a candidate signed itself, rising but for late receipts.
pub type OwnCommits = BoundedVec<Generation, ConstU32<MAX_OWN>>;

/// A slot, by its deal.
pub type SlotKey = (DealId, SlotIndex);

/// A slot that gets another provider.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Repair<AccountId> {
	/// Why.
	pub cause: RepairCause,
	/// Relay block at which it began.
	pub since: RelayBlock,
	/// Draws so far.
	pub attempts: u32,
	/// The last candidate. Draws leave it out.
	pub refused: Option<AccountId>,
	/// Whom the slot was taken from. Draws leave it out too.
	pub former: Option<AccountId>,
	/// The last draw found nobody, so the next one leaves out neither.
	pub anybody: bool,
	/// From which relay block on the next step may be taken; the end of the window of a candidate that has its samples.
	pub due: RelayBlock,
	/// How far it is.
	pub stage: Stage<AccountId>,
	/// Where it waits.
	pub place: (Lane, u64),
}

/// How far a repair is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub enum Stage<AccountId> {
	/// It waits for the draw of a candidate.
	#[codec(index = 0)]
	Waiting,
	/// A candidate rebuilds the slot.
	#[codec(index = 1)]
	Rebuilding(Candidate<AccountId>),
	/// The slot has its new provider, which is given the commits.
	#[codec(index = 2)]
	Adopting(Adoption<AccountId>),
}

/// Who rebuilds a slot.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Candidate<AccountId> {
	/// The provider.
	pub provider: AccountId,
	/// Draws of the repair before the one that it came from.
	pub attempt: u32,
	/// `R`, from which its samples follow, once that is known.
	pub samples: Option<Hash32>,
	/// Bytes that are booked with it for what it rebuilds.
	pub reserved: u64,
	/// Commits that it signed itself.
	pub own: OwnCommits,
	/// Bytes of these.
	pub own_bytes: u64,
}

/// What a slot's new provider is still to be given.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Adoption<AccountId> {
	/// The new provider.
	pub provider: AccountId,
	/// The generation that it proved.
	pub proved: Generation,
	/// The generation to be looked at next, downwards. 0 when all are through.
	pub next: Generation,
	/// Bytes that are booked with it and belong to no commit yet.
	pub reserved: u64,
	/// Commits that it signed as a candidate.
	pub own: OwnCommits,
}

/// How long repairs may take, and how often they may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct RepairPace {
	/// Relay blocks of a candidate's window.
	pub window: RelayBlock,
	/// Relay blocks between two repairs of a slot for missing receipts.
	pub cooldown: RelayBlock,
}

/// The proof of one sample of a candidate: how a blob's commitment leads up to the deal's manifest.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct RepairItem {
	/// The generation whose commit has the MDU that was drawn.
	#[codec(compact)]
	pub generation: Generation,
	/// Commitment of the blob.
	pub commitment: G1Compressed,
	/// Siblings from the leaf up.
	pub path: BoundedVec<Hash32, ConstU32<MAX_PATH>>,
	/// Opening of the manifest at the MDU's place to its root.
	pub manifest_opening: G1Compressed,
}

/// What a sample of a candidate asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepairTarget {
	/// Which sample.
	pub sample: u32,
	/// The generation whose commit has the MDU.
	pub generation: Generation,
	/// How the deal is striped.
	pub profile: Profile,
	/// MDU in the slab.
	pub mdu: MduIndex,
	/// Leaf of the MDU tree.
	pub leaf: u16,
}

/// Why a candidate was let go.
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
pub enum Dismissal {
	/// Its window was over.
	#[codec(index = 0)]
	Late,
	/// It declined.
	#[codec(index = 1)]
	Declined,
	/// It drains or was jailed.
	#[codec(index = 2)]
	Departs,
	/// The provider that the slot was taken from came back, to save a lost deal.
	#[codec(index = 3)]
	FormerCameBack,
}

/// What came of serving a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
	/// All slots are drawn.
	Placed,
	/// The request waits on.
	Deferred(Deferral),
}

/// A ticket at the head of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Head {
	/// A request that may be due.
	Waiting(DealId),
	/// The request left before its turn.
	Gone,
	/// The lane is empty.
	End,
}
