//! What an index says of one file.

use super::IndexError;
use codec::{Decode, Encode};
use nil_types::{
	Hash32,
	layout::{MAX_MDUS, MDU_PAYLOAD},
};
use std::ops::Range;

/// Payload bytes that a deal's slab can hold.
pub const MAX_SLAB_BYTES: u64 = MAX_MDUS * MDU_PAYLOAD as u64;

/// How a file's stored bytes are made from its content.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Hash,
	Encode,
	Decode,
	serde::Serialize,
	serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
	/// They are the content.
	#[codec(index = 0)]
	Plain,
	/// They are an `age` file (age-encryption.org/v1, binary) that holds the content.
	#[default]
	#[codec(index = 1)]
	Age,
}

/// A run of payload bytes of the slab, never empty.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Hash,
	Encode,
	Decode,
	serde::Serialize,
	serde::Deserialize,
)]
pub struct Extent {
	/// First payload byte in the deal's slab.
	pub offset: u64,
	/// How many.
	pub len: u64,
}

impl Extent {
	/// The bytes as a range, empty at the end of the number line when it would pass it.
	pub const fn range(&self) -> Range<u64> {
		self.offset..self.offset.saturating_add(self.len)
	}
}

/// One file.
#[derive(
	Clone, Debug, PartialEq, Eq, Hash, Encode, Decode, serde::Serialize, serde::Deserialize,
)]
pub struct Entry {
	/// Where the stored bytes lie, in the order of the file. None for no bytes; adjacent runs are one.
	pub extents: Vec<Extent>,
	/// Bytes of the content, before encryption.
	pub size: u64,
	/// Time of last modification: nanoseconds since the Unix epoch, negative before it.
	pub mtime: i64,
	/// How the stored bytes are made from the content.
	pub encryption: Encryption,
	/// BLAKE2b-256 of the stored bytes.
	pub hash: Hash32,
}

impl Entry {
	/// Bytes that are stored for this file.
	pub fn stored_len(&self) -> u64 {
		self.extents.iter().fold(0, |sum, extent| sum.saturating_add(extent.len))
	}

	/// The runs of the slab that hold bytes `range` of the stored bytes, in order; clipped to what is stored.
	pub fn locate(&self, range: Range<u64>) -> impl Iterator<Item = Extent> {
		let mut before = 0u64;
		self.extents.iter().filter_map(move |extent| {
			let start = range.start.max(before);
			let end = range.end.min(before.saturating_add(extent.len));
			let found = (start < end).then(|| Extent {
				offset: extent.offset.saturating_add(start - before),
				len: end - start,
			});
			before = before.saturating_add(extent.len);
			found
		})
	}

	/// Checks what every entry must satisfy.
	pub(super) fn check(&self, path: &str) -> Result<(), IndexError> {
		let fail = |fault: String| IndexError::Entry { path: path.to_owned(), fault };
		let mut stored = 0u64;
		for (number, extent) in self.extents.iter().enumerate() {
			if extent.len == 0 {
				return Err(fail(format!("extent {number} is empty")));
			}
			match extent.offset.checked_add(extent.len) {
				Some(end) if end <= MAX_SLAB_BYTES => {},
				_ => {
					return Err(fail(format!(
						"extent {number} of {} bytes at {} passes the end of the largest slab, {MAX_SLAB_BYTES}",
						extent.len, extent.offset
					)));
				},
			}
			stored = stored
				.checked_add(extent.len)
				.ok_or_else(|| fail("extents of more than 2^64 bytes".into()))?;
		}
		if let Some(number) =
			self.extents.windows(2).position(|pair| pair[0].range().end == pair[1].offset)
		{
			return Err(fail(format!("extents {number} and {} are one run", number + 1)));
		}
		match self.encryption {
			Encryption::Plain if stored != self.size => Err(fail(format!(
				"{stored} bytes stored: a plain file of {} needs as many",
				self.size
			))),
			Encryption::Age if stored <= self.size => Err(fail(format!(
				"{stored} bytes stored: an encrypted file of {} needs more",
				self.size
			))),
			_ => Ok(()),
		}
	}
}
