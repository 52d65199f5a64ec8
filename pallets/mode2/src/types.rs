//! What the pallet keeps about slots and about requests for them.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{BoundedVec, traits::ConstU32};
use nil_types::{DealId, Hint, Profile, RelayBlock, SlotState, layout::MAX_SLOTS};
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
