//! Messages that somebody signs, and their exact bytes.
//!
//! A message's bytes are its tag, raw and without a length, followed by its fields in order, SCALE fixed-width.
//! What is signed are these bytes themselves.

use crate::{DealId, Generation, Hash32, RelayBlock, SlotIndex, blake2b_256};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Tag of [`ReceiptMessage`].
pub const RECEIPT_TAG: &[u8] = b"nil/receipt/v1";
/// Tag of [`PlacementSeed`].
pub const PLACEMENT_TAG: &[u8] = b"nil/place/v1";
/// Tag of [`UploadToken`].
pub const UPLOAD_TAG: &[u8] = b"nil/upload/v1";

/// `H` of MDU roots, concatenated: what a receipt binds and under which name the list is kept.
pub fn roots_hash(roots: &[Hash32]) -> Hash32 {
	blake2b_256(roots.as_flattened())
}

/// What a slot's provider signs with its service key after it has stored and checked its shards of a commit.
///
/// It binds the payload's and the index's length beside the roots: roots alone would let an owner declare a
/// smaller last MDU than the one that the provider stores.
#[derive(
	Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct ReceiptMessage {
	/// Hash of the chain's block 0.
	pub genesis: Hash32,
	/// The deal.
	pub deal: DealId,
	/// The generation that the commit makes: the current one plus one.
	pub generation: Generation,
	/// The signer's slot.
	pub slot: SlotIndex,
	/// [`roots_hash`] of the commit's MDU roots.
	pub roots_hash: Hash32,
	/// `H` of the index bytes.
	pub index_root: Hash32,
	/// Payload bytes of the commit, index included.
	pub size_bytes: u64,
	/// Length of the index, which is the payload's tail.
	pub index_len: u32,
	/// Last relay block at which the receipt counts.
	pub until: RelayBlock,
}

impl ReceiptMessage {
	/// The bytes to sign.
	pub fn signing_bytes(&self) -> Vec<u8> {
		tagged(RECEIPT_TAG, self)
	}
}

/// What a deal's owner, or whom it authorised to upload, signs so that a slot's provider accepts an upload.
///
/// Who has a token can use it, and its provider has it: it names its slot, so that nobody can play it against another one.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct UploadToken {
	/// Hash of the chain's block 0.
	pub genesis: Hash32,
	/// The deal.
	pub deal: DealId,
	/// The generation that the upload is for: the current one plus one.
	pub generation: Generation,
	/// The slot that the upload is for.
	pub slot: SlotIndex,
	/// Bytes that the slot may be sent under this token.
	pub max_bytes: u64,
	/// Seconds since the Unix epoch after which the token is refused.
	pub expires: u64,
}

impl UploadToken {
	/// The bytes to sign.
	pub fn signing_bytes(&self) -> Vec<u8> {
		tagged(UPLOAD_TAG, self)
	}
}

/// What decides a draw of slots. Everything in it is fixed before the record exists, or is the record.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct PlacementSeed {
	/// Hash of the chain's block 0.
	pub genesis: Hash32,
	/// The deal.
	pub deal: DealId,
	/// Draws before this one that found too few providers.
	pub attempts: u32,
	/// The randomness record.
	pub randomness: [u8; 64],
	/// Relay block of the record.
	pub relay_block: RelayBlock,
}

impl PlacementSeed {
	/// The seed: `H(tag ‖ fields)`.
	pub fn seed(&self) -> Hash32 {
		blake2b_256(&tagged(PLACEMENT_TAG, self))
	}
}

/// The bytes of a message: its tag, then its fields.
pub(crate) fn tagged(tag: &[u8], message: &impl Encode) -> Vec<u8> {
	let mut bytes = tag.to_vec();
	message.encode_to(&mut bytes);
	bytes
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn receipt_bytes_are_pinned() {
		let message = ReceiptMessage {
			genesis: [1; 32],
			deal: 2,
			generation: 3,
			slot: 4,
			roots_hash: [5; 32],
			index_root: [6; 32],
			size_bytes: 7,
			index_len: 8,
			until: 9,
		};
		let expected = [
			hex::encode("nil/receipt/v1"),
			"01".repeat(32),
			"0200000000000000".into(),
			"03000000".into(),
			"04".into(),
			"05".repeat(32),
			"06".repeat(32),
			"0700000000000000".into(),
			"08000000".into(),
			"09000000".into(),
		]
		.concat();
		assert_eq!(hex::encode(message.signing_bytes()), expected);
	}

	#[test]
	fn upload_token_bytes_are_pinned() {
		let token = UploadToken {
			genesis: [1; 32],
			deal: 2,
			generation: 3,
			slot: 4,
			max_bytes: 5,
			expires: 6,
		};
		let expected = [
			hex::encode("nil/upload/v1"),
			"01".repeat(32),
			"0200000000000000".into(),
			"03000000".into(),
			"04".into(),
			"0500000000000000".into(),
			"0600000000000000".into(),
		]
		.concat();
		assert_eq!(hex::encode(token.signing_bytes()), expected);
	}

	#[test]
	fn placement_seed_is_pinned() {
		let seed = PlacementSeed {
			genesis: [1; 32],
			deal: 2,
			attempts: 3,
			randomness: [4; 64],
			relay_block: 5,
		};
		let mut bytes = b"nil/place/v1".to_vec();
		bytes.extend([1; 32]);
		bytes.extend([2, 0, 0, 0, 0, 0, 0, 0]);
		bytes.extend([3, 0, 0, 0]);
		bytes.extend([4; 64]);
		bytes.extend([5, 0, 0, 0]);
		assert_eq!(seed.seed(), blake2b_256(&bytes));
	}

	#[test]
	fn roots_are_hashed_without_lengths() {
		assert_eq!(roots_hash(&[[1; 32], [2; 32]]), blake2b_256(&[[1u8; 32], [2u8; 32]].concat()));
		assert_eq!(roots_hash(&[]), blake2b_256(&[]));
	}
}
