//! Rounds, what providers are asked in them, and what they answered, as the runtime API returns it.
//!
//! All of it is of the block that was asked. What belongs together, such as a round and the samples of it, is read at one
//! block.

use crate::{
	Amount, DealId, Epoch, Generation, Hash32, MduIndex, Profile, RelayBlock, Round, SlotIndex,
	challenge::Place, deal::SerdeBytes,
};
use alloc::vec::Vec;
use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// What a round asks for, once it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct DrawnInfo {
	/// `R_e`, the epoch's randomness, from which all samples follow.
	pub randomness: Hash32,
	/// Relay block from which the delays of answers count.
	pub at: RelayBlock,
	/// The hash of the block that drew it. Answers and settlements name it: on a branch of the chain without that block they are
	/// void.
	pub block: Hash32,
}

/// The round in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct RoundInfo {
	/// Its number. 0 before the first one.
	pub round: Round,
	/// The epoch for which it was drawn, or for which it waits.
	pub epoch: Epoch,
	/// The relay parent of the block in which it began. What blocks upon earlier ones left is what the round found.
	pub began_at: RelayBlock,
	/// The first record of the relay chain's at or after this relay block draws it.
	pub draw_from: RelayBlock,
	/// What was drawn. `None` while the round waits, and in the block that draws it, whose hash is known in the next one.
	pub drawn: Option<DrawnInfo>,
	/// The first relay block after the epoch. A round that was drawn is over in the first block upon that relay parent or a
	/// later one; one that was not waits for the next epoch then.
	pub ends_at: RelayBlock,
	/// Relay blocks since it was drawn within which answers are worth everything.
	pub prompt_blocks: RelayBlock,
	/// Samples that it asks a provider for, unless that has fewer blobs.
	pub samples: u32,
	/// Samples that one call may answer.
	pub max_items: u32,
	/// Steps by which one call may advance a provider.
	pub max_steps: u32,
}

/// What a provider owes in the round in force, and its account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct DutyInfo {
	/// Whether changes of earlier rounds are left, which `advance` applies. Until then nothing can be answered.
	pub behind: bool,
	/// Changes that wait, those of this round among them.
	pub waiting: u64,
	/// Samples due: the ordinals below. 0 while the round is not drawn, and while the provider is behind.
	pub due: u32,
	/// Ordinals that are answered or waived, rising.
	pub answered: Vec<u32>,
	/// Open ordinals that credits of their slots can waive, rising.
	pub waivable: Vec<u32>,
	/// Blobs that samples are drawn from.
	pub blobs: u64,
	/// Slots that samples are drawn from.
	pub slots: u32,
	/// What the answers of earlier rounds were worth: 10^9 for each round in which all were in time.
	pub index: u64,
	/// Earlier rounds in which something was due and nothing was answered.
	pub silent: u32,
	/// Samples that stayed open in other earlier rounds.
	pub missed: u64,
}

/// A sample that a provider is asked for, with what an answer to it needs from the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct SampleInfo {
	/// Which sample of the round.
	pub ordinal: u32,
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
	/// Leaf of the MDU tree: `slot * rows + row`.
	pub leaf: u16,
	/// What the answer's item must say about where the allocation stands.
	pub place: Option<Place>,
	/// The manifest point over the MDU, as the round found it. An answer opens this one.
	pub manifest: SerdeBytes<48>,
	/// The first MDU that the point covers.
	pub first_mdu: MduIndex,
	/// MDUs that the point covered then: the roots of `first_mdu .. first_mdu + mdus` make it.
	pub mdus: u32,
}

/// The period whose rent can be settled now: the one before the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct SettlementInfo {
	/// Its number.
	pub period: u32,
	/// `R` of the first round after it, from which all samples follow.
	pub randomness: Hash32,
	/// Samples that each slot is settled against.
	pub samples: u32,
	/// The first relay block at which it cannot be settled any more.
	pub until: RelayBlock,
	/// Items that one call may have: one for each sample.
	pub max_items: u32,
}

/// Rent that is earned and not settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Earnings {
	/// What the provider gets.
	pub paid: u64,
	/// What is burned with it, because answers were late.
	pub burned: u64,
}

impl Earnings {
	/// Both together.
	pub fn total(&self) -> Amount {
		Amount::from(self.paid).saturating_add(self.burned.into())
	}
}

/// What a slot earned and was not paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct RentInfo {
	/// The deal.
	pub deal: DealId,
	/// The slot.
	pub slot: SlotIndex,
	/// What a round is worth in which everything is answered in time. 0 for a slot that ended.
	pub rate: u64,
	/// What it earned in the present period. It can be settled in the next one.
	pub open: Earnings,
	/// What can be settled now.
	pub closed: Earnings,
	/// Whether the slot has ended: then nothing is added.
	pub ended: bool,
}

/// A sample that a slot is settled against.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct SettleSampleInfo {
	/// The deal.
	pub deal: DealId,
	/// The slot.
	pub slot: SlotIndex,
	/// Which of the slot's samples.
	pub sample: u32,
	/// The generation whose commit has the MDU that was drawn, for each try.
	pub commits: Vec<Generation>,
	/// The blob, with the sample's number for an ordinal and the manifest as the round in force found it. `None` when no try
	/// found anything that the slot signed: then nothing is to be proven.
	pub blob: Option<SampleInfo>,
}

/// How a slot does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct SlotHealth {
	/// The slot.
	pub slot: SlotIndex,
	/// Of 10^9, which is that of a slot that misses nothing. Each miss takes an eighth of it, and each round gives an eighth
	/// back of what it lacks.
	pub health: u32,
	/// Samples that stayed open, and settlements that did not come in time, that are not forgiven.
	pub misses: u32,
	/// With how many of them the slot is taken from its provider.
	pub evict_misses: u32,
}

/// The rent of a deal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct DealRentInfo {
	/// What is locked and not paid; of a deal that ended, what it still owes.
	pub left: Amount,
	/// What of that its slots earned.
	pub earned: Amount,
	/// What of it belongs to the past and was earned by nobody.
	pub reserve: Amount,
	/// Of a deal that ended: the first relay block at which nothing is paid any more.
	pub until: Option<RelayBlock>,
}
