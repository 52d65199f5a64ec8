//! Where payload bytes lie in blobs.
//!
//! Payload byte `o` of a slab has one place, whatever the files in it: MDU `o / 8126464`, then its blob, scalar and
//! byte. Byte 0 of every data scalar is zero; bytes 1 to 31 are payload. Bytes past the end of the payload are zero.

use nil_types::{
	MduIndex, Profile,
	layout::{
		BLOB_PAYLOAD, BLOBS_PER_MDU, MDU_PAYLOAD, SCALAR_BYTES, SCALAR_PAYLOAD, SCALARS_PER_BLOB,
	},
};
use std::ops::Range;

/// The place of one payload byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
	/// MDU in the slab.
	pub mdu: MduIndex,
	/// Data blob in the MDU, `0..64`.
	pub blob: u8,
	/// Scalar in the blob, `0..4096`.
	pub scalar: u16,
	/// Byte in the scalar, `1..32`.
	pub byte: u8,
}

impl Place {
	/// The place of payload byte `offset` of a slab.
	pub const fn of(offset: u64) -> Self {
		let in_mdu = offset % MDU_PAYLOAD as u64;
		let in_blob = in_mdu % BLOB_PAYLOAD as u64;
		Self {
			mdu: offset / MDU_PAYLOAD as u64,
			blob: (in_mdu / BLOB_PAYLOAD as u64) as u8,
			scalar: (in_blob / SCALAR_PAYLOAD as u64) as u16,
			byte: 1 + (in_blob % SCALAR_PAYLOAD as u64) as u8,
		}
	}

	/// The payload byte that has this place; `None` when no byte has it.
	pub const fn offset(&self) -> Option<u64> {
		if self.blob as usize >= BLOBS_PER_MDU
			|| self.scalar as usize >= SCALARS_PER_BLOB
			|| self.byte == 0
			|| self.byte as usize >= SCALAR_BYTES
		{
			return None;
		}
		let in_mdu = self.blob as u64 * BLOB_PAYLOAD as u64
			+ self.scalar as u64 * SCALAR_PAYLOAD as u64
			+ (self.byte as u64 - 1);
		match self.mdu.checked_mul(MDU_PAYLOAD as u64) {
			Some(start) => start.checked_add(in_mdu),
			None => None,
		}
	}
}

/// How many data blobs `payload` bytes of one MDU fill: 0 for none, at most 64.
pub const fn live_blobs(payload: usize) -> u8 {
	let blobs = payload.div_ceil(BLOB_PAYLOAD);
	if blobs > BLOBS_PER_MDU { BLOBS_PER_MDU as u8 } else { blobs as u8 }
}

/// The data blobs of an MDU that hold its payload bytes `range`. Empty for an empty range; clipped to the MDU.
pub fn blobs_of(range: &Range<usize>) -> Range<u8> {
	if range.is_empty() {
		return 0..0;
	}
	let first = (range.start / BLOB_PAYLOAD).min(BLOBS_PER_MDU) as u8;
	first..live_blobs(range.end)
}

/// The rows of an MDU that hold its payload bytes `range`.
pub fn rows_of(profile: &Profile, range: &Range<usize>) -> Range<u8> {
	let blobs = blobs_of(range);
	if blobs.is_empty() || profile.k == 0 {
		return 0..0;
	}
	blobs.start / profile.k..blobs.end.div_ceil(profile.k)
}

/// Splits payload bytes `range` of a slab at the borders of MDUs: the MDU, and the range inside its payload.
pub fn split(range: Range<u64>) -> impl Iterator<Item = (MduIndex, Range<usize>)> {
	let size = MDU_PAYLOAD as u64;
	let mut at = range.start;
	std::iter::from_fn(move || {
		if at >= range.end {
			return None;
		}
		let mdu = at / size;
		let base = mdu * size;
		let end = range.end.min(base.saturating_add(size));
		let part = (at - base) as usize..(end - base) as usize;
		at = end;
		Some((mdu, part))
	})
}

/// Writes `payload` into the data blob `blob` (131,072 bytes) and zeroes the rest of it. Returns how many bytes it
/// took: all of them, or what the blob holds when there are more.
pub fn pack_blob(payload: &[u8], blob: &mut [u8]) -> usize {
	let (scalars, _) = blob.as_chunks_mut::<SCALAR_BYTES>();
	let taken = payload.len().min(scalars.len() * SCALAR_PAYLOAD);
	let mut parts = payload[..taken].chunks(SCALAR_PAYLOAD);
	for scalar in scalars {
		match parts.next() {
			Some(part) => {
				scalar[0] = 0;
				let (used, rest) = scalar[1..].split_at_mut(part.len());
				used.copy_from_slice(part);
				rest.fill(0);
			},
			None => scalar.fill(0),
		}
	}
	taken
}

/// Copies payload bytes out of consecutive data blobs, which `blobs` holds back to back, beginning with payload byte
/// `start` of them. Returns how many it copied: `out.len()`, or what there is when that is less.
pub fn unpack(blobs: &[u8], start: usize, out: &mut [u8]) -> usize {
	let (scalars, _) = blobs.as_chunks::<SCALAR_BYTES>();
	let mut done = 0;
	let mut from = start % SCALAR_PAYLOAD;
	for scalar in scalars.iter().skip(start / SCALAR_PAYLOAD) {
		let rest = &mut out[done..];
		if rest.is_empty() {
			break;
		}
		let len = rest.len().min(SCALAR_PAYLOAD - from);
		rest[..len].copy_from_slice(&scalar[1 + from..][..len]);
		done += len;
		from = 0;
	}
	done
}
