//! Why reading fails.

use crate::{chain::ChainError, crypt::CryptError, http::HttpError};
use nil_coding::CodingError;
use nil_slab::{decode::DecodeError, encode::EncodeError, index::IndexError};
use nil_types::{DealId, Generation, MduIndex, SlotIndex};
use std::{io, path::PathBuf};

/// Why reading from a deal failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GetError {
	/// The chain.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// Decryption.
	#[error(transparent)]
	Crypt(#[from] CryptError),
	/// The HTTP client cannot be made.
	#[error(transparent)]
	Http(#[from] HttpError),
	/// The stripe code refused.
	#[error(transparent)]
	Coding(#[from] CodingError),
	/// An MDU cannot be decoded.
	#[error(transparent)]
	Decode(#[from] DecodeError),
	/// An MDU cannot be encoded again.
	#[error(transparent)]
	Encode(#[from] EncodeError),
	/// The index means nothing, though it is the one that was committed.
	#[error("generation {generation}: {source}")]
	Index {
		/// The commit.
		generation: Generation,
		/// What is wrong.
		source: IndexError,
	},
	/// An index builds on one that the deal does not have.
	#[error("the index of generation {generation} builds on one that no earlier commit has")]
	NoParent {
		/// The commit.
		generation: Generation,
	},
	/// Too few slots gave their blobs.
	#[error("MDU {mdu}: only {have} slots gave good blobs, {need} are needed: {failures}")]
	TooFewSlots {
		/// The MDU.
		mdu: MduIndex,
		/// Slots that did.
		have: usize,
		/// `k`.
		need: usize,
		/// What each of the others did.
		failures: String,
	},
	/// Nobody has a roots list, a witness or an index that hashes to what the chain says, and blobs do not lead to it.
	#[error("{what}: no slot has it, and the blobs do not lead to it: {failures}")]
	Missing {
		/// What was looked for.
		what: String,
		/// What each slot did.
		failures: String,
	},
	/// An MDU's root is one of another number of live blobs than the commit's size makes.
	#[error("MDU {mdu} has {found} live blobs by its root: the commit's size makes {expected}")]
	WrongLive {
		/// The MDU.
		mdu: MduIndex,
		/// Live blobs by the root.
		found: u8,
		/// Live blobs by the size.
		expected: u8,
	},
	/// Blobs of other slots, all as committed, do not make the blobs of a slot: what was committed is no codeword.
	#[error("MDU {mdu}: rows {rows:?} of slot {slot} do not follow from the other slots' blobs")]
	NoCodeword {
		/// The MDU.
		mdu: MduIndex,
		/// The slot.
		slot: SlotIndex,
		/// The rows.
		rows: Vec<u8>,
	},
	/// The deal has nothing at the path.
	#[error("deal {deal} has nothing at {path:?}")]
	NotFound {
		/// The deal.
		deal: DealId,
		/// The path.
		path: String,
	},
	/// A file was expected and this is a directory.
	#[error("{path:?} is a directory")]
	IsDirectory {
		/// The path.
		path: String,
	},
	/// A range passes the file's end.
	#[error("{path:?} has {size} bytes: no range {start}..{end}")]
	Range {
		/// The path.
		path: String,
		/// Its bytes.
		size: u64,
		/// The range's start.
		start: u64,
		/// The range's end, not included.
		end: u64,
	},
	/// The index names a place that no commit has.
	#[error("byte {offset} of the slab is in no commit")]
	OutsideSlab {
		/// The place.
		offset: u64,
	},
	/// A file's stored bytes are not those that the index names.
	#[error("{path:?}: the stored bytes do not hash to what the index says")]
	WrongHash {
		/// The path.
		path: String,
	},
	/// A file's content has another length than the index says.
	#[error("{path:?} has {found} bytes: the index says {expected}")]
	WrongSize {
		/// The path.
		path: String,
		/// Bytes found.
		found: u64,
		/// Bytes that the index says.
		expected: u64,
	},
	/// The output exists and was not to be replaced.
	#[error("{} exists", path.display())]
	Exists {
		/// The file.
		path: PathBuf,
	},
	/// The disk is full; nothing half-written was left.
	#[error("{}: no space left on the disk; no part of the file was left there", path.display())]
	DiskFull {
		/// The file.
		path: PathBuf,
	},
	/// The output cannot be written.
	#[error("{}: {source}", path.display())]
	Output {
		/// The file.
		path: PathBuf,
		/// The cause.
		source: io::Error,
	},
	/// A worker ended early.
	#[error("internal: {reason}")]
	Internal {
		/// What happened.
		reason: String,
	},
}

impl GetError {
	/// Whether the same read may succeed later.
	pub const fn is_retryable(&self) -> bool {
		match self {
			Self::Chain(error) => error.is_retryable(),
			Self::Http(error) => error.is_retryable(),
			Self::TooFewSlots { .. } | Self::Missing { .. } => true,
			_ => false,
		}
	}
}
