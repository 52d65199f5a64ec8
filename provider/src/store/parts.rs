//! What goes into the store and what comes out of it.

use super::{ContentKey, HeldMdu, StagedKey};
use nil_types::{Hash32, Profile};
use std::path::PathBuf;

/// Room for promises, as the chain was read: see [`Store::promise`](super::Store::promise).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
	/// Bytes that all promises together may have.
	pub bytes: u64,
	/// [`Store::settled_bytes`](super::Store::settled_bytes) from before the chain was read.
	pub settled: u64,
}

/// What the store found when it opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
	/// Files removed that the index does not name.
	pub orphans: u64,
	/// Unchecked uploads dropped whose file is missing or has another length.
	pub lost_uploads: Vec<StagedKey>,
	/// Content whose file is missing or has another length. Something outside this program has touched it.
	pub damaged: Vec<ContentKey>,
	/// Uploads that are not checked yet.
	pub unverified: Vec<StagedKey>,
}

/// How much the store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
	/// Staged MDUs.
	pub staged: u64,
	/// Bytes of staged shards.
	pub staged_bytes: u64,
	/// Promises that no finalised commit covers yet.
	pub promised: u64,
	/// Bytes of shards promised.
	pub promised_bytes: u64,
	/// Commits held.
	pub committed: u64,
	/// Bytes of shards committed.
	pub committed_bytes: u64,
	/// Files of checked content.
	pub files: u64,
	/// Their bytes.
	pub file_bytes: u64,
}

/// What comes with shards when they are staged.
#[derive(Clone, Copy, Debug)]
pub struct Upload<'a> {
	/// The MDU's root, computed from the witness.
	pub root: Hash32,
	/// How the deal is striped.
	pub profile: Profile,
	/// Data blobs of the MDU that hold payload.
	pub live: u8,
	/// The witness, SCALE, checked.
	pub witness: &'a [u8],
	/// Now, in seconds since the Unix epoch.
	pub at: u64,
}

/// What comes with a receipt.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
	/// The commit's MDU roots.
	pub roots: &'a [Hash32],
	/// For each MDU, the data blobs that hold payload.
	pub lives: &'a [u8],
	/// The index bytes.
	pub index: &'a [u8],
}

/// A piece of content to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readable {
	/// The file.
	pub path: PathBuf,
	/// Its bytes, as recorded.
	pub len: u64,
}

/// Shards of an MDU to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadableShard {
	/// The MDU.
	pub mdu: HeldMdu,
	/// The blobs.
	pub content: Readable,
}
