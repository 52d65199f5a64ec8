//! One MDU: blobs of any `k` slots back to payload, or to the blobs of other slots (repair).
//!
//! Nothing here checks blobs against their commitments: verify them first (in bulk, `nil_kzg::bulk`), for wrong blobs
//! decode to wrong bytes.

use crate::pack;
use nil_coding::{CodingError, StripeCode};
use nil_types::{
	Profile, SlotIndex,
	layout::{BLOB_BYTES, BLOB_PAYLOAD},
};
use rayon::prelude::*;
use std::{ops::Range, sync::Arc};
use thiserror::Error;

/// Why an MDU cannot be decoded.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum DecodeError {
	/// A shard's length is not that of the rows asked for.
	#[error("shard of slot {slot} has {found} bytes: {expected} are needed for these rows")]
	Length {
		/// The slot.
		slot: SlotIndex,
		/// Bytes given.
		found: usize,
		/// Bytes needed.
		expected: usize,
	},
	/// The buffer for a row's data blobs has another length than they.
	#[error("buffer of {found} bytes: the data blobs of a row have {expected}")]
	Output {
		/// Bytes of the buffer.
		found: usize,
		/// Bytes of the row's data blobs.
		expected: usize,
	},
	/// The payload range is not inside the rows given.
	#[error("payload bytes {start}..{end}: the rows given hold {first}..{last}")]
	Range {
		/// First byte asked for.
		start: usize,
		/// One past the last byte asked for.
		end: usize,
		/// First byte that the rows hold.
		first: usize,
		/// One past the last byte that the rows hold.
		last: usize,
	},
	/// The stripe code refused.
	#[error(transparent)]
	Coding(#[from] CodingError),
}

/// Decodes MDUs of one profile. Cheap to clone; used from many threads at once.
#[derive(Clone, Debug)]
pub struct MduDecoder {
	profile: Profile,
	code: Arc<dyn StripeCode>,
}

impl MduDecoder {
	/// A decoder for `profile`.
	pub fn new(profile: Profile) -> Result<Self, CodingError> {
		Ok(Self { profile, code: nil_coding::codec_for(profile)? })
	}

	/// The profile.
	pub const fn profile(&self) -> &Profile {
		&self.profile
	}

	/// Brings back the `k` data blobs of one row from `present` (slot and blob, any `k` or more slots), back to back
	/// into `out`, which is `k * 131072` bytes.
	pub fn decode_row(
		&self,
		present: &[(SlotIndex, &[u8])],
		out: &mut [u8],
	) -> Result<(), DecodeError> {
		let expected = usize::from(self.profile.k) * BLOB_BYTES;
		if out.len() != expected {
			return Err(DecodeError::Output { found: out.len(), expected });
		}
		let mut wanted: Vec<_> = (0..).zip(out.chunks_exact_mut(BLOB_BYTES)).collect();
		Ok(self.code.reconstruct_row(present, &mut wanted)?)
	}

	/// Payload bytes `range` of an MDU from shards of any `k` slots.
	///
	/// `rows` are the rows that each shard holds, one blob after the other; see [`rows_of`](crate::pack::rows_of) for
	/// those that a range needs. `range` counts from the first payload byte of the MDU. Works on the global rayon pool.
	pub fn decode(
		&self,
		rows: Range<u8>,
		shards: &[(SlotIndex, &[u8])],
		range: Range<usize>,
	) -> Result<Vec<u8>, DecodeError> {
		let row_payload = usize::from(self.profile.k) * BLOB_PAYLOAD;
		let count = rows.len();
		let first = usize::from(rows.start) * row_payload;
		let last = first + count * row_payload;
		if range.start > range.end
			|| range.start < first
			|| range.end > last
			|| rows.end > self.profile.rows()
		{
			return Err(DecodeError::Range { start: range.start, end: range.end, first, last });
		}
		check_lengths(shards, count * BLOB_BYTES)?;
		let mut out = vec![0; range.len()];
		// The first row's part may begin, and the last one's end, inside the row.
		let (from, mut rest) = (range.start - first, out.as_mut_slice());
		let mut parts = Vec::with_capacity(count);
		for row in 0..count {
			let start = from.saturating_sub(row * row_payload).min(row_payload);
			let (part, after) = rest.split_at_mut(rest.len().min(row_payload - start));
			rest = after;
			parts.push((row, start, part));
		}
		parts.into_par_iter().filter(|(.., part)| !part.is_empty()).try_for_each_init(
			|| vec![0; usize::from(self.profile.k) * BLOB_BYTES],
			|blobs, (row, start, part)| {
				self.decode_row(&row_of(shards, row), blobs)?;
				pack::unpack(blobs, start, part);
				Ok::<_, DecodeError>(())
			},
		)?;
		Ok(out)
	}

	/// Rebuilds the shard of slot `wanted` from shards of any `k` others, all over the same rows.
	pub fn repair(
		&self,
		wanted: SlotIndex,
		shards: &[(SlotIndex, &[u8])],
	) -> Result<Vec<u8>, DecodeError> {
		let len = shards.first().map_or(0, |(_, shard)| shard.len()).next_multiple_of(BLOB_BYTES);
		check_lengths(shards, len)?;
		let mut out = vec![0; len];
		out.par_chunks_exact_mut(BLOB_BYTES).enumerate().try_for_each(|(row, blob)| {
			self.code.reconstruct_row(&row_of(shards, row), &mut [(wanted, blob)])
		})?;
		Ok(out)
	}
}

/// The blobs of row `row`, counted from the first that the shards hold; lengths were checked.
fn row_of<'a>(shards: &[(SlotIndex, &'a [u8])], row: usize) -> Vec<(SlotIndex, &'a [u8])> {
	shards.iter().map(|(slot, shard)| (*slot, &shard[row * BLOB_BYTES..][..BLOB_BYTES])).collect()
}

fn check_lengths(shards: &[(SlotIndex, &[u8])], expected: usize) -> Result<(), DecodeError> {
	match shards.iter().find(|(_, shard)| shard.len() != expected) {
		Some((slot, shard)) => {
			Err(DecodeError::Length { slot: *slot, found: shard.len(), expected })
		},
		None => Ok(()),
	}
}
