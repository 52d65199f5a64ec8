//! The commitments of an MDU, from which its root follows.
//!
//! A [`Witness`] carries, for each live row in order, the commitments of the row's `k` data blobs (`Fr` code; parity
//! ones are derived) or of all its `n` blobs (`Gf16`). [`Witness::check`] turns it into points, leaves and the root.
//! Whoever holds the root from the chain can thus take a witness from anybody.

use crate::tree::{MduTree, TreeError};
use codec::{Decode, DecodeAll, Encode};
use nil_coding::CodingError;
use nil_kzg::{G1Affine, PointError};
use nil_types::{
	CodeKind, G1Compressed, Hash32, Profile, ProfileError, SlotIndex, layout::BLOBS_PER_MDU,
};
use rayon::prelude::*;
use thiserror::Error;

/// The point at infinity, compressed: what an all-zero blob commits to.
pub const INFINITY: G1Compressed = nil_kzg::encoding::INFINITY_COMPRESSED;

/// The commitments of one MDU's live rows, as stored and sent (SCALE).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Witness {
	/// Data blobs that hold payload, `1..=64`.
	pub live: u8,
	/// Row-major over the live rows: `k` commitments per row for `Fr`, `n` for `Gf16`.
	pub commitments: Vec<G1Compressed>,
}

/// Why a witness is refused.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum WitnessError {
	/// The bytes are not a SCALE witness, or some are left over.
	#[error("not a witness: {0}")]
	Encoding(codec::Error),
	/// The profile is not one that the protocol allows.
	#[error("profile: {0}")]
	Profile(ProfileError),
	/// The number of live blobs is outside 1..=64.
	#[error("{0} live blobs: must be 1 to 64")]
	Live(u8),
	/// The number of commitments does not follow from `live`.
	#[error("{found} commitments: {expected} are needed for this profile and live count")]
	Count {
		/// Commitments given.
		found: usize,
		/// Commitments needed.
		expected: usize,
	},
	/// A commitment is not a point of the group.
	#[error("commitment {index}: {source}")]
	Point {
		/// Which commitment.
		index: usize,
		/// What is wrong with it.
		source: PointError,
	},
	/// A data blob past the payload's end has a commitment other than that of zeros.
	#[error(
		"data blob {blob} is past the {live} live ones, but its commitment is not that of zeros"
	)]
	NotZero {
		/// Data blob in the MDU.
		blob: u8,
		/// Live blobs.
		live: u8,
	},
	/// The slot does not exist.
	#[error("slot {slot}: this profile has {slots} slots")]
	Slot {
		/// The slot asked for.
		slot: SlotIndex,
		/// Slots of the profile.
		slots: u8,
	},
	/// Parity commitments could not be derived.
	#[error(transparent)]
	Coding(#[from] CodingError),
	/// The tree was refused.
	#[error(transparent)]
	Tree(#[from] TreeError),
}

/// A witness whose points are all valid, with everything that follows from it.
#[derive(Clone, Debug)]
pub struct CheckedWitness {
	profile: Profile,
	live: u8,
	/// Slot-major: `points[slot * live_rows + row]`.
	points: Vec<G1Affine>,
	/// Slot-major over all rows, one for each leaf.
	leaves: Vec<G1Compressed>,
	tree: MduTree,
}

impl Witness {
	/// Reads a witness. Nothing but its form is checked: [`Self::check`] does the rest.
	pub fn decode_strict(mut bytes: &[u8]) -> Result<Self, WitnessError> {
		Self::decode_all(&mut bytes).map_err(WitnessError::Encoding)
	}

	/// Commitments that a witness carries for `profile` with `live` blobs.
	pub fn expected_len(profile: &Profile, live: u8) -> usize {
		usize::from(profile.live_rows(live)) * per_row(profile)
	}

	/// The longest SCALE encoding that a witness of `profile` has: a bound for readers.
	pub fn max_encoded_len(profile: &Profile) -> usize {
		// `live`, the list's length (at most 2^14 - 1 fits two bytes), and the points.
		1 + 2 + Self::expected_len(profile, BLOBS_PER_MDU as u8) * 48
	}

	/// Checks every point and derives the rest.
	pub fn check(&self, profile: &Profile) -> Result<CheckedWitness, WitnessError> {
		profile.validate().map_err(WitnessError::Profile)?;
		if self.live == 0 || usize::from(self.live) > BLOBS_PER_MDU {
			return Err(WitnessError::Live(self.live));
		}
		let expected = Self::expected_len(profile, self.live);
		if self.commitments.len() != expected {
			return Err(WitnessError::Count { found: self.commitments.len(), expected });
		}
		let per_row = per_row(profile);
		for (row, commitments) in (0u8..).zip(self.commitments.chunks_exact(per_row)) {
			for (slot, commitment) in (0..profile.k).zip(commitments) {
				let blob = row * profile.k + slot;
				if blob >= self.live && *commitment != INFINITY {
					return Err(WitnessError::NotZero { blob, live: self.live });
				}
			}
		}
		let points = G1Affine::batch_decompress(&self.commitments)
			.map_err(|(index, source)| WitnessError::Point { index, source })?;
		CheckedWitness::derive(*profile, self.live, &points, &self.commitments)
	}

	/// The commitment of every leaf, slot-major, infinity for rows without payload.
	pub fn leaves(&self, profile: &Profile) -> Result<Vec<G1Compressed>, WitnessError> {
		self.check(profile).map(|checked| checked.leaves)
	}

	/// The MDU root that this witness leads to.
	pub fn mdu_root(&self, profile: &Profile) -> Result<Hash32, WitnessError> {
		self.check(profile).map(|checked| checked.root())
	}
}

fn per_row(profile: &Profile) -> usize {
	usize::from(match profile.code {
		CodeKind::Fr => profile.k,
		CodeKind::Gf16 => profile.n(),
	})
}

impl CheckedWitness {
	/// Derives everything from the witness's points and their compressed forms, which were checked in number.
	pub(crate) fn derive(
		profile: Profile,
		live: u8,
		points: &[G1Affine],
		compressed: &[G1Compressed],
	) -> Result<Self, WitnessError> {
		let rows = points
			.par_chunks_exact(per_row(&profile))
			.zip(compressed.par_chunks_exact(per_row(&profile)))
			.map(|(points, compressed)| match profile.code {
				CodeKind::Gf16 => Ok((points.to_vec(), compressed.to_vec())),
				CodeKind::Fr => {
					let parity = nil_coding::parity_commitments(&profile, points)?;
					let compressed = [compressed, &G1Affine::batch_compress(&parity)].concat();
					Ok(([points, &parity].concat(), compressed))
				},
			})
			.collect::<Result<Vec<_>, CodingError>>()?;
		let slots = || 0..usize::from(profile.n());
		let points = slots().flat_map(|slot| rows.iter().map(move |(row, _)| row[slot])).collect();
		let dead = usize::from(profile.rows()) - rows.len();
		let leaves: Vec<_> = slots()
			.flat_map(|slot| {
				let live = rows.iter().map(move |(_, row)| row[slot]);
				live.chain(std::iter::repeat_n(INFINITY, dead))
			})
			.collect();
		let tree = MduTree::new(&profile, live, &leaves)?;
		Ok(Self { profile, live, points, leaves, tree })
	}

	/// The profile that it was checked for.
	pub const fn profile(&self) -> &Profile {
		&self.profile
	}

	/// Data blobs that hold payload.
	pub const fn live(&self) -> u8 {
		self.live
	}

	/// Rows that hold payload.
	pub const fn live_rows(&self) -> u8 {
		self.profile.live_rows(self.live)
	}

	/// The MDU root.
	pub const fn root(&self) -> Hash32 {
		self.tree.root()
	}

	/// The tree over the leaves.
	pub const fn tree(&self) -> &MduTree {
		&self.tree
	}

	/// The commitment of every leaf, slot-major.
	pub fn leaves(&self) -> &[G1Compressed] {
		&self.leaves
	}

	/// The commitment of `leaf`, and the siblings on its path up to the root.
	pub fn member(&self, leaf: u16) -> Result<(G1Compressed, Vec<Hash32>), TreeError> {
		let path = self.tree.path(leaf)?;
		let leaves = self.profile.leaves();
		let commitment =
			self.leaves.get(usize::from(leaf)).ok_or(TreeError::Leaf { leaf, leaves })?;
		Ok((*commitment, path))
	}

	/// The witness that this was checked from.
	pub fn to_witness(&self) -> Witness {
		let rows = usize::from(self.profile.rows());
		let commitments = (0..usize::from(self.live_rows()))
			.flat_map(|row| (0..per_row(&self.profile)).map(move |slot| slot * rows + row))
			.filter_map(|leaf| self.leaves.get(leaf).copied())
			.collect();
		Witness { live: self.live, commitments }
	}

	/// The commitments of `slot`'s blobs in row order, live rows only.
	pub fn slot(&self, slot: SlotIndex) -> Result<&[G1Affine], WitnessError> {
		let rows = usize::from(self.live_rows());
		let start = usize::from(slot) * rows;
		self.points
			.get(start..start + rows)
			.ok_or(WitnessError::Slot { slot, slots: self.profile.n() })
	}
}
