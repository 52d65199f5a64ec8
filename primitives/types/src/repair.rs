//! What decides a repair: who is drawn to rebuild a slot, and which blobs it proves (RFC 0010).
//!
//! Both follow from records of the relay chain's that nobody knew when they were asked for. `attempts` counts the draws of a
//! repair, so no two candidates of a slot have the same numbers.

use crate::{
	DealId, Generation, Hash32, RelayBlock, SlotIndex, blake2b_256, hash_to_fr, messages::tagged,
	traits::Randomness,
};
use codec::Encode;

/// Tag of the seed that draws a candidate.
pub const CANDIDATE_TAG: &[u8] = b"nil/repair/place/v1";
/// Tag of the randomness of a candidate's samples.
pub const REPAIR_TAG: &[u8] = b"nil/repair/v1";
/// Tag of [`repair_seed`].
pub const REPAIR_SEED_TAG: &[u8] = b"nil/repair/chal/v1";
/// Tag of [`repair_point`].
pub const REPAIR_POINT_TAG: &[u8] = b"nil/repair/z/v1";
/// Tag of [`repair_gamma`].
pub const REPAIR_GAMMA_TAG: &[u8] = b"nil/repair/gamma/v1";

/// What decides a step of a repair. Everything in it is fixed before the record exists, or is the record.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct RepairDraw {
	/// Hash of the chain's block 0.
	pub genesis: Hash32,
	/// The deal.
	pub deal: DealId,
	/// The slot.
	pub slot: SlotIndex,
	/// Draws of the repair before this candidate's.
	pub attempts: u32,
	/// The randomness record.
	pub randomness: Randomness,
	/// Relay block of the record.
	pub relay_block: RelayBlock,
}

impl RepairDraw {
	/// The seed by which the registry draws a candidate.
	pub fn candidate_seed(&self) -> Hash32 {
		blake2b_256(&tagged(CANDIDATE_TAG, self))
	}

	/// `R`, from which all samples of a candidate follow.
	pub fn samples(&self) -> Hash32 {
		blake2b_256(&tagged(REPAIR_TAG, self))
	}
}

/// What decides sample number `sample` of a candidate: [`settle_draw`](crate::challenge::settle_draw) of it says which MDU of those
/// that the deal had when the candidate was drawn, and what decides the row. Whichever generation the candidate proves, the
/// sample is the same.
pub fn repair_seed(r: &Hash32, sample: u32) -> Hash32 {
	blake2b_256(&tagged(REPAIR_SEED_TAG, &(r, sample)))
}

/// Where a candidate that proves `generation` evaluates all polynomials: a canonical scalar, big-endian.
pub fn repair_point(r: &Hash32, generation: Generation) -> [u8; 32] {
	hash_to_fr(&tagged(REPAIR_POINT_TAG, &(r, generation)))
}

/// By what the blob of a sample is multiplied: a canonical scalar, big-endian.
pub fn repair_gamma(r: &Hash32, sample: u32) -> [u8; 32] {
	hash_to_fr(&tagged(REPAIR_GAMMA_TAG, &(r, sample)))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn draws_are_pinned() {
		let draw = RepairDraw {
			genesis: [1; 32],
			deal: 2,
			slot: 3,
			attempts: 4,
			randomness: [5; 64],
			relay_block: 6,
		};
		let mut fields = vec![1u8; 32];
		fields.extend([2, 0, 0, 0, 0, 0, 0, 0]);
		fields.push(3);
		fields.extend([4, 0, 0, 0]);
		fields.extend([5; 64]);
		fields.extend([6, 0, 0, 0]);
		let hash = |tag: &[u8]| blake2b_256(&[tag, &fields].concat());
		assert_eq!(draw.candidate_seed(), hash(b"nil/repair/place/v1"));
		assert_eq!(draw.samples(), hash(b"nil/repair/v1"));
	}

	#[test]
	fn samples_are_pinned() {
		let r = [7; 32];
		let bytes = |tag: &[u8], number: u32| [tag, &r, &number.to_le_bytes()].concat();
		assert_eq!(repair_seed(&r, 8), blake2b_256(&bytes(b"nil/repair/chal/v1", 8)));
		assert_eq!(repair_point(&r, 9), hash_to_fr(&bytes(b"nil/repair/z/v1", 9)));
		assert_eq!(repair_gamma(&r, 10), hash_to_fr(&bytes(b"nil/repair/gamma/v1", 10)));
	}
}
