//! The Merkle tree over an MDU's commitments, and its root.
//!
//! | | |
//! |---|---|
//! | leaf | `H(0x00 ‖ commitment)` |
//! | node | `H(0x01 ‖ left ‖ right)` |
//! | padding | leaf level, 32 zero bytes each, to a power of two |
//! | root | `H(0x02 ‖ k ‖ m ‖ code ‖ live ‖ top)` with byte 0 set to 0 |
//!
//! Leaves are slot-major over all rows, those without payload included, so a path's length depends on the profile
//! alone. The root is 31 bytes of hash in a canonical scalar, which the manifest commits to.

use alloc::vec::Vec;
use nil_types::{
	G1Compressed, Hash32, Profile, ProfileError, SlotIndex, blake2b_256, hash_to_fr,
	layout::BLOBS_PER_MDU,
};
use thiserror::Error;

/// Why a tree, a path or its parts are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TreeError {
	/// The profile is not one that the protocol allows.
	#[error("profile: {0}")]
	Profile(ProfileError),
	/// The number of live blobs is outside 1..=64.
	#[error("{0} live blobs: must be 1 to 64")]
	Live(u8),
	/// The number of commitments does not fit the profile.
	#[error("{found} commitments: this profile has {expected} leaves")]
	Leaves {
		/// Commitments given.
		found: usize,
		/// Leaves of the profile.
		expected: usize,
	},
	/// The leaf is past the profile's last one.
	#[error("leaf {leaf}: this profile has {leaves} leaves")]
	Leaf {
		/// The leaf asked for.
		leaf: u16,
		/// Leaves of the profile.
		leaves: u16,
	},
	/// The leaf is of another slot than the one whose branch it is looked for in.
	#[error("leaf {leaf} is not one of slot {slot}'s")]
	OtherSlot {
		/// The leaf asked for.
		leaf: u16,
		/// The slot whose leaves are known.
		slot: SlotIndex,
	},
	/// The path's length is not the profile's.
	#[error("path of {found} hashes: this profile's paths have {expected}")]
	PathLength {
		/// Hashes given.
		found: usize,
		/// Hashes in a path of the profile.
		expected: usize,
	},
}

/// All nodes of an MDU's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MduTree {
	/// Levels from the padded leaves up to the top, which has one node.
	levels: Vec<Vec<Hash32>>,
	root: Hash32,
	leaves: u16,
}

impl MduTree {
	/// Builds the tree over `commitments`, slot-major, one for every leaf of the profile (the point at infinity for
	/// those without payload).
	pub fn new(
		profile: &Profile,
		live: u8,
		commitments: &[G1Compressed],
	) -> Result<Self, TreeError> {
		check(profile, live)?;
		let expected = usize::from(profile.leaves());
		if commitments.len() != expected {
			return Err(TreeError::Leaves { found: commitments.len(), expected });
		}
		let mut lowest: Vec<Hash32> = commitments.iter().map(leaf_hash).collect();
		lowest.resize(expected.next_power_of_two(), [0; 32]);
		let levels = levels(lowest);
		let root = mdu_root_from_top(profile, live, &top(&levels));
		Ok(Self { levels, root, leaves: profile.leaves() })
	}

	/// The MDU root.
	pub const fn root(&self) -> Hash32 {
		self.root
	}

	/// The siblings of `leaf` from the leaves up.
	pub fn path(&self, leaf: u16) -> Result<Vec<Hash32>, TreeError> {
		if leaf >= self.leaves {
			return Err(TreeError::Leaf { leaf, leaves: self.leaves });
		}
		Ok(siblings(&self.levels, leaf.into()))
	}
}

/// The levels of nodes over `lowest`, whose number is a power of two, from these up to the one at the top.
pub(crate) fn levels(lowest: Vec<Hash32>) -> Vec<Vec<Hash32>> {
	let mut level = lowest;
	let mut levels = Vec::new();
	while level.len() > 1 {
		let (pairs, _) = level.as_chunks::<2>();
		let above = pairs.iter().map(|[left, right]| node_hash(left, right)).collect();
		levels.push(core::mem::replace(&mut level, above));
	}
	levels.push(level);
	levels
}

/// The node at the top.
fn top(levels: &[Vec<Hash32>]) -> Hash32 {
	levels.last().and_then(|level| level.first()).copied().unwrap_or_default()
}

/// The siblings on the way up from node `place` of the lowest level.
pub(crate) fn siblings(levels: &[Vec<Hash32>], place: usize) -> Vec<Hash32> {
	let below_top = levels.split_last().map_or(&[][..], |(_, below)| below);
	let mut at = place;
	below_top
		.iter()
		.map(|level| {
			let sibling = level[at ^ 1];
			at /= 2;
			sibling
		})
		.collect()
}

/// The root of an MDU from its commitments, one for every leaf.
pub fn mdu_root(
	profile: &Profile,
	live: u8,
	commitments: &[G1Compressed],
) -> Result<Hash32, TreeError> {
	MduTree::new(profile, live, commitments).map(|tree| tree.root())
}

/// The root that `path` leads to from `commitment` at `leaf`. It proves membership when it is the MDU's root.
pub fn root_from_path(
	profile: &Profile,
	live: u8,
	leaf: u16,
	commitment: &G1Compressed,
	path: &[Hash32],
) -> Result<Hash32, TreeError> {
	check(profile, live)?;
	if leaf >= profile.leaves() {
		return Err(TreeError::Leaf { leaf, leaves: profile.leaves() });
	}
	if path.len() != profile.path_len() {
		return Err(TreeError::PathLength { found: path.len(), expected: profile.path_len() });
	}
	let mut at = leaf;
	let top = path.iter().fold(leaf_hash(commitment), |node, sibling| {
		let (left, right) = if at & 1 == 0 { (&node, sibling) } else { (sibling, &node) };
		at >>= 1;
		node_hash(left, right)
	});
	Ok(mdu_root_from_top(profile, live, &top))
}

fn check(profile: &Profile, live: u8) -> Result<(), TreeError> {
	profile.validate().map_err(TreeError::Profile)?;
	if live == 0 || usize::from(live) > BLOBS_PER_MDU {
		return Err(TreeError::Live(live));
	}
	Ok(())
}

pub(crate) fn leaf_hash(commitment: &G1Compressed) -> Hash32 {
	let mut bytes = [0; 49];
	bytes[1..].copy_from_slice(commitment);
	blake2b_256(&bytes)
}

fn node_hash(left: &Hash32, right: &Hash32) -> Hash32 {
	let mut bytes = [1; 65];
	bytes[1..33].copy_from_slice(left);
	bytes[33..].copy_from_slice(right);
	blake2b_256(&bytes)
}

fn mdu_root_from_top(profile: &Profile, live: u8, top: &Hash32) -> Hash32 {
	let mut bytes = [0; 37];
	bytes[..5].copy_from_slice(&[2, profile.k, profile.m, profile.code.tag(), live]);
	bytes[5..].copy_from_slice(top);
	hash_to_fr(&bytes)
}
