//! One slot's part of an MDU's tree: what whoever stores the slot needs to prove its blobs.
//!
//! A witness has the commitments of all slots. To read one takes a decompression for each, and parity ones are derived from
//! those. A provider proves blobs of its own slot alone, whose leaves are neighbours in the tree; and since their number,
//! the profile's rows, is a power of two, they are all the leaves below one node. So a slot's commitments and the siblings
//! above that node give the MDU's root by hashes alone, whichever of the blobs is asked for:
//!
//! | profile | a branch | a witness |
//! |---|---|---|
//! | 8+4, all rows live | 8 commitments, 4 hashes | 64 commitments |
//! | 1+2, all rows live | 64 commitments, 2 hashes | 64 commitments |
//!
//! A [`Branch`] is made from a checked witness, once, and is checked against the root whenever it is read.

use crate::{
	tree::{self, TreeError},
	witness::{CheckedWitness, INFINITY, WitnessError},
};
use codec::{Decode, Encode};
use nil_types::{G1Compressed, Hash32, Profile, SlotIndex};
use std::fmt::Debug;

/// Something that knows how commitments of an MDU lead to its root.
pub trait Members: Debug + Send + Sync {
	/// Data blobs of the MDU that hold payload.
	fn live(&self) -> u8;

	/// The commitment of `leaf`, and the siblings on its path up to the root.
	fn member(&self, leaf: u16) -> Result<(G1Compressed, Vec<Hash32>), TreeError>;
}

/// One slot's part of an MDU's tree, as stored (SCALE).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Branch {
	/// Data blobs of the MDU that hold payload.
	pub live: u8,
	/// The commitments of the slot's live rows, in order.
	pub commitments: Vec<G1Compressed>,
	/// The siblings on the path from the node over the slot's leaves up to the root.
	pub above: Vec<Hash32>,
}

/// A branch that leads to its MDU's root.
#[derive(Clone, Debug)]
pub struct CheckedBranch {
	profile: Profile,
	slot: SlotIndex,
	live: u8,
	/// One for each row.
	leaves: Vec<G1Compressed>,
	/// The nodes from the slot's leaves up to the one over all of them.
	levels: Vec<Vec<Hash32>>,
	above: Vec<Hash32>,
}

impl Branch {
	/// The branch of `slot`.
	pub fn of(witness: &CheckedWitness, slot: SlotIndex) -> Result<Self, WitnessError> {
		let profile = witness.profile();
		if slot >= profile.n() {
			return Err(WitnessError::Slot { slot, slots: profile.n() });
		}
		let first = profile.leaf(slot, 0);
		let leaves = witness.leaves().iter().skip(first.into());
		let commitments = leaves.take(witness.live_rows().into()).copied().collect();
		let path = witness.tree().path(first)?;
		let below = profile.rows().trailing_zeros() as usize;
		let above = path.into_iter().skip(below).collect();
		Ok(Self { live: witness.live(), commitments, above })
	}

	/// Checks that it is the branch of `slot` in an MDU with `root`. `None` when it is not.
	pub fn check(self, profile: &Profile, slot: SlotIndex, root: &Hash32) -> Option<CheckedBranch> {
		let Self { live, commitments: mut leaves, above } = self;
		// More live blobs than there are, and paths of another length, are found by the tree.
		if profile.validate().is_err()
			|| slot >= profile.n()
			|| leaves.len() != usize::from(profile.live_rows(live))
			|| leaves.len() > usize::from(profile.rows())
		{
			return None;
		}
		leaves.resize(profile.rows().into(), INFINITY);
		let levels = tree::levels(leaves.iter().map(tree::leaf_hash).collect());
		let checked = CheckedBranch { profile: *profile, slot, live, leaves, levels, above };
		// All leaves are below the node that the first one leads to.
		let first = profile.leaf(slot, 0);
		let (commitment, path) = checked.member(first).ok()?;
		let found = tree::root_from_path(profile, live, first, &commitment, &path).ok()?;
		(found == *root).then_some(checked)
	}
}

impl Members for CheckedBranch {
	fn live(&self) -> u8 {
		self.live
	}

	fn member(&self, leaf: u16) -> Result<(G1Compressed, Vec<Hash32>), TreeError> {
		let row = leaf.checked_sub(self.profile.leaf(self.slot, 0)).map(usize::from);
		let found = row.and_then(|row| Some((row, *self.leaves.get(row)?)));
		let (row, commitment) = found.ok_or(TreeError::OtherSlot { leaf, slot: self.slot })?;
		let mut path = tree::siblings(&self.levels, row);
		path.extend_from_slice(&self.above);
		Ok((commitment, path))
	}
}

impl Members for CheckedWitness {
	fn live(&self) -> u8 {
		Self::live(self)
	}

	fn member(&self, leaf: u16) -> Result<(G1Compressed, Vec<Hash32>), TreeError> {
		Self::member(self, leaf)
	}
}
