//! What the pallet keeps, and what its calls take.

use crate::Config;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use frame_support::{
	BoundedVec,
	traits::{ConstU32, Get},
};
use nil_types::{
	DealId, Epoch, G1Compressed, Generation, Hash32, Hint, MduIndex, Profile, RelayBlock, Round,
	SlotIndex,
	challenge::{Census, SizeClass},
	traits::Allocation,
};
use scale_info::TypeInfo;

pub use nil_types::challenge::Place;

/// Relay blocks of an epoch when genesis says nothing else: an hour.
pub const DEFAULT_EPOCH_LENGTH: RelayBlock = 600;
/// Siblings on the longest path in an MDU tree of any profile: 2,048 leaves.
pub const MAX_PATH: u32 = 11;
/// Steps in which late answers lose worth.
pub const TIERS: usize = 3;
/// The share that stands for all. Shares are in units of 1/10,000.
pub const WHOLE: u16 = 10_000;
/// By what a provider's index grows in a round in which it answered everything in time.
pub const INDEX_ONE: u64 = 1_000_000_000;

/// A round that was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct EpochRecord {
	/// The round.
	pub round: Round,
	/// The epoch for which it was drawn.
	pub epoch: Epoch,
	/// `R_e`.
	pub randomness: Hash32,
	/// The relay parent of the block that drew it.
	pub drawn_at: RelayBlock,
}

/// What answers are worth up to a delay.
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
pub struct Tier {
	/// Relay blocks since the round was drawn.
	pub within: RelayBlock,
	/// What an answer is worth, of [`WHOLE`].
	pub share: u16,
}

/// How much is asked, and what answers are worth. Governance sets it within the bounds of the pallet's constants.
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
pub struct LivenessParams {
	/// Samples that an epoch asks a provider for, unless it has fewer blobs. At least 1.
	pub samples_per_epoch: u32,
	/// How much more likely a blob of a hot deal is drawn than one of a cold deal. At least 1.
	pub hot_factor: u32,
	/// Relay blocks since the round was drawn within which answers are worth everything. Should span several collators.
	pub prompt_blocks: RelayBlock,
	/// What later answers are worth: by rising delay above that, with falling share. Those after the last are worth nothing.
	pub late: [Tier; TIERS],
}

impl LivenessParams {
	/// What an answer is worth that comes `delay` relay blocks after the round was drawn, of [`WHOLE`].
	pub fn share(&self, delay: RelayBlock) -> u16 {
		if delay <= self.prompt_blocks {
			return WHOLE;
		}
		self.late.iter().find(|tier| delay <= tier.within).map_or(0, |tier| tier.share)
	}
}

impl Default for LivenessParams {
	/// With epochs of an hour: 528 samples a day, hot deals twice as often, twenty minutes to answer, and three more steps
	/// to the end of the hour.
	fn default() -> Self {
		Self {
			samples_per_epoch: 22,
			hot_factor: 2,
			prompt_blocks: 200,
			late: [
				Tier { within: 300, share: 8_000 },
				Tier { within: 420, share: 5_000 },
				Tier { within: 600, share: 2_500 },
			],
		}
	}
}

/// The parameters, and those that take their place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Planned {
	/// What holds until then.
	pub now: LivenessParams,
	/// What holds from a round on.
	pub next: Option<(Round, LivenessParams)>,
}

impl Planned {
	/// What holds in the round in force.
	pub fn in_round(&self, round: Round) -> LivenessParams {
		match self.next {
			Some((from, params)) if from <= round => params,
			_ => self.now,
		}
	}
}

/// Bytes with a bit for each sample that an epoch may ask for.
#[derive(Debug)]
pub struct BitmapBytes<T>(PhantomData<T>);

impl<T: Config> Get<u32> for BitmapBytes<T> {
	fn get() -> u32 {
		T::MaxSamples::get().div_ceil(8)
	}
}

/// The [`Book`] of the runtime's bounds.
pub type BookOf<T> = Book<BoundedVec<u8, BitmapBytes<T>>>;

/// A provider's account.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Book<Bits> {
	/// The first round that is not closed. The lists are those that it found, once nothing is left in the journal that
	/// happened before it.
	pub round: Round,
	/// How long the lists are.
	pub census: Census,
	/// Blobs in all lists.
	pub blobs: u64,
	/// Samples due in the round. 0 until one of them is answered, or proofs for it were wrong.
	pub due: u32,
	/// Samples answered in the round.
	pub count: u32,
	/// What the answers of the round are worth together, each of [`WHOLE`].
	pub credit: u32,
	/// Which samples are answered: bit `i % 8` of byte `i / 8` for ordinal `i`. Empty while none is due.
	pub answered: Bits,
	/// The sum of what closed rounds were worth, each of [`INDEX_ONE`].
	pub index: u64,
	/// Closed rounds in which something was due and nothing was answered.
	pub silent: u32,
	/// Samples that stayed open in other closed rounds.
	pub missed: u64,
}

/// The ends of a journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct JournalEnds {
	/// The note that is applied next.
	pub head: u64,
	/// The number of the next note.
	pub tail: u64,
}

/// Something that happened to a provider's allocations.
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
pub enum Change {
	/// It signed a commit.
	#[codec(index = 0)]
	Signed(Allocation),
	/// A slot ended, and all its allocations with it.
	#[codec(index = 1)]
	Ended {
		/// The deal.
		deal: DealId,
		/// The slot.
		slot: SlotIndex,
	},
}

/// A change, and when it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Note {
	/// The round in force.
	pub round: Round,
	/// What happened.
	pub change: Change,
}

/// A place in a provider's lists: which list, and where in it.
pub type EntryKey = (Hint, SizeClass, u32);

/// An allocation in its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Entry {
	/// The deal.
	pub deal: DealId,
	/// The slot.
	pub slot: SlotIndex,
	/// The generation that the commit made.
	pub generation: Generation,
	/// How the deal is striped.
	pub profile: Profile,
	/// First MDU of the commit in the slab.
	pub first_mdu: u32,
	/// Blobs.
	pub rows: u32,
	/// Rows of the slot's allocations that were signed before.
	pub start: u32,
	/// The generation of the last of these. 0 when this is the first one.
	pub before: Generation,
}

impl Entry {
	/// MDU and leaf of the blob that lies `row` rows into the allocation.
	pub fn blob(&self, row: u32) -> (MduIndex, u16) {
		let per_mdu = u32::from(self.profile.rows());
		let (mdu, rest) =
			(row.checked_div(per_mdu).unwrap_or(0), row.checked_rem(per_mdu).unwrap_or(0));
		let mdu = MduIndex::from(self.first_mdu).saturating_add(MduIndex::from(mdu));
		// An MDU has 64 rows at most.
		(mdu, self.profile.leaf(self.slot, u8::try_from(rest).unwrap_or(u8::MAX)))
	}
}

/// A slot in its provider's list of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct HeldSlot {
	/// The deal.
	pub deal: DealId,
	/// The slot.
	pub slot: SlotIndex,
	/// What the deal is used for: in which lists the slot's allocations stand.
	pub hint: Hint,
	/// Rows of all its allocations.
	pub rows: u32,
	/// The generation that was signed last.
	pub newest: Generation,
}

/// The answer to one sample: how the blob's commitment leads up to the deal's manifest.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Item {
	/// Which sample.
	#[codec(compact)]
	pub ordinal: u32,
	/// For ordinals that draw a slot: where the allocation of the row stands. Nothing for others.
	pub place: Option<Place>,
	/// MDU in the slab.
	#[codec(compact)]
	pub mdu: MduIndex,
	/// Data blobs of that MDU that hold payload.
	pub live: u8,
	/// Leaf of the MDU tree: `slot * rows + row`.
	pub leaf: u16,
	/// Commitment of the blob.
	pub commitment: G1Compressed,
	/// Siblings from the leaf up.
	pub path: BoundedVec<Hash32, ConstU32<MAX_PATH>>,
	/// Opening of the manifest at the MDU's place to its root.
	pub manifest_opening: G1Compressed,
}

/// What a provider is asked under an ordinal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Asked {
	/// The deal.
	pub deal: DealId,
	/// The slot.
	pub slot: SlotIndex,
	/// The generation whose commit has the blob.
	pub generation: Generation,
	/// How the deal is striped.
	pub profile: Profile,
	/// MDU in the slab.
	pub mdu: MduIndex,
	/// Leaf of the MDU tree.
	pub leaf: u16,
	/// What [`Item::place`] must be.
	pub place: Option<Place>,
}
