//! What the pallet keeps, and what its calls take.

use crate::Config;
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use frame_support::{
	BoundedVec,
	traits::{ConstU32, Get},
};
use nil_types::{
	Amount, DealId, Epoch, G1Compressed, Generation, Hash32, Hint, MduIndex, Profile, RelayBlock,
	Round, SlotIndex,
	challenge::{Census, SETTLE_TRIES, SizeClass},
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

/// Most silent rounds in a row that parameters may ask for before somebody is found silent: six weeks of hours.
pub const MAX_SILENT_ROUNDS: u32 = 1_000;

/// Epochs of a settlement period when genesis says nothing else: 30 days of hours.
pub const DEFAULT_SETTLEMENT_EPOCHS: u32 = 720;

/// A settlement period: `settlement_epochs` epochs, numbered from 0.
pub type Period = u32;

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
	/// How much more likely a blob of a hot deal is drawn in it than one of a cold deal.
	pub hot_factor: u32,
	/// The hash of the block that drew it. `None` in that block alone.
	pub block: Option<Hash32>,
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
	/// Of the samples due, how many credits may waive, in units of 1/10,000.
	pub credit_cap: u16,
	/// Rows of each slot that the rent of a period is settled against. At least 1.
	pub settle_samples: u32,
	/// Rounds in a row in which a provider was silent, after which it may be reported. At least 1.
	pub silent_rounds: u32,
	/// Misses that are not forgiven after which a slot is taken from its provider. At least 1.
	pub evict_misses: u32,
	/// Rounds in which one miss of a slot is forgiven. At least 1.
	pub forgive_rounds: u32,
	/// What silence costs, of the stake that the provider must hold, in units of 1/10,000.
	pub slash: u16,
	/// What losing a slot costs, of the stake that the provider must hold for what the slot stores, in units of 1/10,000.
	pub slash_slot: u16,
	/// What wrong proofs cost, of the stake that the provider must hold, in units of 1/10,000.
	pub slash_invalid: u16,
	/// What of a slash is the reporter's, in units of 1/10,000.
	pub bounty: u16,
	/// Whether anything is slashed. Who was silent is jailed, and slots are taken away, in any case.
	pub slashing: bool,
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
	/// to the end of the hour. Credits may waive a quarter. Who was silent for a day is jailed, a slot with 16 misses is taken
	/// away, and one miss a week is forgiven; nothing is slashed before somebody says so.
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
			credit_cap: 2_500,
			settle_samples: 2,
			silent_rounds: 24,
			evict_misses: 16,
			forgive_rounds: 168,
			slash: 500,
			slash_slot: 2_000,
			slash_invalid: 500,
			bounty: 1_000,
			slashing: false,
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
	/// Samples answered or waived in the round.
	pub count: u32,
	/// What the answers of the round are worth together, each of [`WHOLE`].
	pub credit: u32,
	/// Ordinals below this one that stayed open count for their slots already. 0 until the round is over.
	pub named: u32,
	/// Which samples are answered: bit `i % 8` of byte `i / 8` for ordinal `i`. Empty while none is due.
	pub answered: Bits,
	/// The sum of what closed rounds were worth, each of [`INDEX_ONE`].
	pub index: u64,
	/// The sum of what lateness took from that.
	pub late: u64,
	/// The period of the round, once something is due in it.
	pub period: Period,
	/// The period of the last closed round in which something was answered.
	pub grown_in: Period,
	/// The counters as that period found them, and as the period before it did.
	pub ends: [Counters; 2],
	/// Closed rounds in which something was due and nothing was answered.
	pub silent: u32,
	/// Samples that stayed open in other closed rounds.
	pub missed: u64,
	/// Of the last of those rounds, how many in a row were silent, since it was reported last.
	pub silent_row: u32,
	/// A moving average of the share answered, of [`INDEX_ONE`].
	pub health: u32,
}

/// What a provider's rounds were worth, and what lateness took from it, up to some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Counters {
	/// The sum of what rounds were worth, each of [`INDEX_ONE`].
	pub index: u64,
	/// The sum of what lateness took from that.
	pub late: u64,
}

/// Rent that is spoken for, in the token's smallest unit. No slot earns as much as would saturate: 18 million tokens of 12
/// decimals in a period. What saturates stays with the deal.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Earned {
	/// What the provider gets.
	pub paid: u64,
	/// What is burned with it, because answers were late.
	pub burned: u64,
}

/// What a slot earns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct SlotRent {
	/// What a round is worth in which everything is answered in time. Saturates as [`Earned`] does.
	pub rate: u64,
	/// The provider's counters up to which the slot's rent is reckoned.
	pub mark: Counters,
	/// The epoch in which that was done.
	pub since: Epoch,
	/// What it earned in the period of that epoch, up to there.
	pub open: Earned,
	/// What it earned in the period before, and was not settled.
	pub closed: Earned,
	/// MDUs of the slab up to the last one of what is listed.
	pub mdus: u32,
	/// The same when that period ended: what it is settled against.
	pub closed_mdus: u32,
	/// Whether the slot has ended and earns nothing any more, though it may still be listed.
	pub ended: bool,
}

/// All that a provider signed for a slot since it got it, whether it is in its lists yet or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Tenure {
	/// How the deal is striped.
	pub profile: Profile,
	/// Blobs.
	pub rows: u32,
	/// MDUs of the slab up to the last one of these.
	pub mdus: u32,
	/// What a round is worth in which everything is answered in time, once all of it is listed.
	pub rate: u64,
}

/// A slot, and a period in which it was taken from a provider, or ended with its deal.
pub type EndingKey = (DealId, SlotIndex, Period);

/// What a provider is owed for a slot that it lost or that ended. One that lost it twice in a period has both in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Ending {
	/// How the deal is striped.
	pub profile: Profile,
	/// MDUs of the slab that it is settled against.
	pub mdus: u32,
	/// The round in force when it ended, by whose note its allocations leave the lists.
	pub round: Round,
	/// How much.
	pub owed: Earned,
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
	/// All that it signed for a slot so far earns more.
	#[codec(index = 2)]
	Raised {
		/// The deal.
		deal: DealId,
		/// The slot.
		slot: SlotIndex,
		/// How much more, per GiB and relay block.
		price: Amount,
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
	/// How the deal is striped.
	pub profile: Profile,
	/// What it earns.
	pub rent: SlotRent,
	/// What its provider failed to prove of it.
	pub faults: Faults,
}

/// What a provider failed to prove of a slot. It heals with the rounds that pass, which is reckoned when it is next touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, MaxEncodedLen, TypeInfo)]
pub struct Faults {
	/// Misses that are not forgiven.
	pub misses: u32,
	/// The round from which the time to the next pardon counts.
	pub forgiven_at: Round,
	/// What its health lacks of [`INDEX_ONE`].
	pub deficit: u32,
	/// The round up to which both are reckoned.
	pub at: Round,
	/// Whether the slot stands in the queue of those that are to be taken away.
	pub queued: bool,
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

/// The proof of one sample of a slot that is settled.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct SettleItem {
	/// The deal.
	#[codec(compact)]
	pub deal: DealId,
	/// The slot.
	pub slot: SlotIndex,
	/// The generation whose commit has the MDU that was drawn, for each try. All but the last were not signed by the provider.
	pub commits: BoundedVec<Generation, ConstU32<SETTLE_TRIES>>,
	/// The blob. `None` when no try found anything that it signed.
	pub blob: Option<SettleBlob>,
}

/// How a blob's commitment leads up to its deal's manifest.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct SettleBlob {
	/// Commitment of the blob.
	pub commitment: G1Compressed,
	/// Siblings from the leaf up.
	pub path: BoundedVec<Hash32, ConstU32<MAX_PATH>>,
	/// Opening of the manifest at the MDU's place to its root.
	pub manifest_opening: G1Compressed,
}

/// A sample of a slot's settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettleDraw {
	/// Which of the slot's samples.
	pub sample: u32,
	/// What [`SettleItem::commits`] must be.
	pub commits: Vec<Generation>,
	/// What is to be proven. `None` when nothing is.
	pub target: Option<SettleTarget>,
}

/// The blob that a sample of a settlement drew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettleTarget {
	/// The generation whose commit has it.
	pub generation: Generation,
	/// How the deal is striped.
	pub profile: Profile,
	/// MDU in the slab.
	pub mdu: MduIndex,
	/// Leaf of the MDU tree.
	pub leaf: u16,
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
