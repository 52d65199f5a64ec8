//! Sizes, and the arithmetic from payload bytes to MDUs, blobs and scalars.

use crate::{Profile, RelayBlock};

/// Bytes of a scalar as stored, big-endian.
pub const SCALAR_BYTES: usize = 32;
/// Payload bytes in a data scalar: bytes 1..32. Byte 0 is zero, which keeps the scalar canonical.
pub const SCALAR_PAYLOAD: usize = 31;
/// Scalars in a blob, exactly those of an EIP-4844 blob.
pub const SCALARS_PER_BLOB: usize = 4096;
/// Bytes of a blob as stored and sent.
pub const BLOB_BYTES: usize = SCALARS_PER_BLOB * SCALAR_BYTES;
/// Payload bytes in a data blob.
pub const BLOB_PAYLOAD: usize = SCALARS_PER_BLOB * SCALAR_PAYLOAD;
/// Data blobs in an MDU.
pub const BLOBS_PER_MDU: usize = 64;
/// Bytes of the data blobs of an MDU.
pub const MDU_BYTES: usize = BLOBS_PER_MDU * BLOB_BYTES;
/// Payload bytes in an MDU.
pub const MDU_PAYLOAD: usize = BLOBS_PER_MDU * BLOB_PAYLOAD;
/// MDU roots under one manifest point.
pub const MDUS_PER_MANIFEST: usize = SCALARS_PER_BLOB;
/// Manifest points that a deal may have.
pub const MAX_MANIFESTS: u32 = 16;
/// MDUs that a deal may have: 512 GiB.
pub const MAX_MDUS: u64 = MAX_MANIFESTS as u64 * MDUS_PER_MANIFEST as u64;
/// MDU roots that one commit may carry.
pub const MAX_ROOTS: u32 = 1_024;
/// Slots that a deal may have.
pub const MAX_SLOTS: u32 = 32;
/// Bytes of an index that one commit may carry.
pub const MAX_INDEX_BYTES: u32 = 64 * 1024 * 1024;

/// The shape of a commit, which follows from the length of its payload alone: how many MDUs, and how many data
/// blobs of each hold payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentShape {
	size_bytes: u64,
}

impl ContentShape {
	/// The shape of a commit of `size_bytes` payload bytes (files and index together).
	pub const fn new(size_bytes: u64) -> Self {
		Self { size_bytes }
	}

	/// Payload bytes.
	pub const fn size_bytes(&self) -> u64 {
		self.size_bytes
	}

	/// MDUs that the payload fills, the last one perhaps in part.
	pub const fn mdus(&self) -> u64 {
		self.size_bytes.div_ceil(MDU_PAYLOAD as u64)
	}

	/// Data blobs of the commit's MDU `index` (counted from the commit's first) that hold payload: `1..=64`, and 0
	/// past the end.
	pub const fn live(&self, index: u64) -> u8 {
		let before = index.saturating_mul(MDU_PAYLOAD as u64);
		let rest = self.size_bytes.saturating_sub(before);
		if rest >= MDU_PAYLOAD as u64 {
			BLOBS_PER_MDU as u8
		} else {
			rest.div_ceil(BLOB_PAYLOAD as u64) as u8
		}
	}

	/// Blobs that each slot stores for the whole commit. Rows without payload are not stored.
	pub fn blobs_per_slot(&self, profile: &Profile) -> u64 {
		let full = self.size_bytes / MDU_PAYLOAD as u64;
		let tail = self.live(full);
		full.saturating_mul(profile.rows() as u64).saturating_add(profile.live_rows(tail) as u64)
	}

	/// Bytes that each slot stores for the whole commit.
	pub fn bytes_per_slot(&self, profile: &Profile) -> u64 {
		self.blobs_per_slot(profile).saturating_mul(BLOB_BYTES as u64)
	}
}

/// Rent for `bytes` stored during `blocks` relay blocks at `price` (smallest units per GiB and relay block),
/// rounded up.
pub fn rent(price: u128, bytes: u64, blocks: RelayBlock) -> u128 {
	const GIB: u128 = 1 << 30;
	price.saturating_mul(u128::from(bytes)).saturating_mul(u128::from(blocks)).div_ceil(GIB)
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::CodeKind;
	use proptest::prelude::*;

	#[test]
	fn constants_are_those_of_the_protocol() {
		assert_eq!(BLOB_BYTES, 131_072);
		assert_eq!(BLOB_PAYLOAD, 126_976);
		assert_eq!(MDU_BYTES, 8 * 1024 * 1024);
		assert_eq!(MDU_PAYLOAD, 8_126_464);
		assert_eq!(MAX_MDUS as usize * MDU_BYTES, 512 * 1024 * 1024 * 1024);
	}

	#[test]
	fn shape_at_the_edges() {
		let mdu = MDU_PAYLOAD as u64;
		let blob = BLOB_PAYLOAD as u64;
		for (size, mdus, live) in [
			(0, 0, &[0u8] as &[u8]),
			(1, 1, &[1, 0]),
			(blob, 1, &[1]),
			(blob + 1, 1, &[2]),
			(mdu - 1, 1, &[64, 0]),
			(mdu, 1, &[64, 0]),
			(mdu + 1, 2, &[64, 1, 0]),
		] {
			let shape = ContentShape::new(size);
			assert_eq!(shape.mdus(), mdus, "size {size}");
			for (index, live) in live.iter().enumerate() {
				assert_eq!(shape.live(index as u64), *live, "size {size}, MDU {index}");
			}
		}
		assert_eq!(ContentShape::new(u64::MAX).live(u64::MAX), 0);
	}

	proptest! {
		#[test]
		fn blobs_per_slot_is_the_sum_over_mdus(size in 0u64..40 * MDU_PAYLOAD as u64, k in 0u32..5) {
			let profile = Profile::new(1 << k, 1, CodeKind::Fr).unwrap();
			let shape = ContentShape::new(size);
			let sum: u64 = (0..shape.mdus()).map(|i| profile.live_rows(shape.live(i)) as u64).sum();
			prop_assert_eq!(shape.blobs_per_slot(&profile), sum);
		}

		#[test]
		fn rent_rounds_up_and_never_overflows(price: u128, bytes: u64, blocks: u32) {
			let _ = rent(price, bytes, blocks);
			let small = rent(1, bytes, 1);
			prop_assert!(small * (1 << 30) >= u128::from(bytes));
			prop_assert!(bytes == 0 || (small - 1) * (1 << 30) < u128::from(bytes));
		}
	}
}
