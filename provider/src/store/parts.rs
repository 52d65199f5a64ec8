//! What goes into the store and what comes out of it.

use super::{ContentKey, HeldMdu, Holding, StagedKey};
use codec::{Decode, Encode};
use nil_slab::Branch;
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

/// Things of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Tally {
	/// How many there are.
	pub count: u64,
	/// Their bytes.
	pub bytes: u64,
}

impl Tally {
	pub(super) const fn insert(&mut self, bytes: u64) {
		self.count = self.count.saturating_add(1);
		self.bytes = self.bytes.saturating_add(bytes);
	}

	pub(super) const fn remove(&mut self, bytes: u64) {
		self.count = self.count.saturating_sub(1);
		self.bytes = self.bytes.saturating_sub(bytes);
	}
}

/// How much the store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Usage {
	/// Staged MDUs, and their shards.
	pub staged: Tally,
	/// Promises that no finalised commit covers yet, and their shards.
	pub promised: Tally,
	/// Commits held, and their shards.
	pub committed: Tally,
	/// Files of checked content.
	pub files: Tally,
}

impl Usage {
	/// Where `holding` counts.
	pub(super) const fn tally(&mut self, holding: &Holding) -> &mut Tally {
		if holding.committed.is_some() { &mut self.committed } else { &mut self.promised }
	}
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
	/// The slot's branch in the MDU's tree, where it is known already. Otherwise it is made of the witness when the slot is
	/// asked for a proof.
	pub branch: Option<&'a Branch>,
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
	/// Rows in quarantine, as bits.
	pub rotten: u64,
}
