//! What the beacon keeps.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use nil_types::{RelayBlock, traits::Randomness};
use scale_info::TypeInfo;

/// The randomness of one relay block.
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
pub struct Record {
	/// The relay parent in whose state the randomness stands.
	pub relay_block: RelayBlock,
	/// `ONE_EPOCH_AGO_RANDOMNESS ‖ CURRENT_BLOCK_RANDOMNESS`.
	pub randomness: Randomness,
}

/// The sequence numbers of the records kept: `first..next`.
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
pub struct Bounds {
	/// Number of the oldest record kept.
	pub first: u64,
	/// Number that the next record gets.
	pub next: u64,
}

impl Bounds {
	/// How many records are kept.
	pub const fn len(&self) -> u64 {
		self.next.saturating_sub(self.first)
	}

	/// Whether no record is kept.
	pub const fn is_empty(&self) -> bool {
		self.len() == 0
	}
}
