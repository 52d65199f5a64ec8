//! The chained proof: from one value of one blob, through its MDU, up to the manifest on chain.
//!
//! 1. *Identity*: `commitment` and `path` give the MDU root; `manifest_opening` opens the manifest to it.
//! 2. *Structure*: the path itself, at `leaf`, for the deal's profile: exact length, `leaf < n * rows`,
//!    `1 <= live <= 64`.
//! 3. *Data*: `opening` opens `commitment` at `z` to `y`.
//!
//! Any number of proofs is verified together, with two Miller loops and one final exponentiation in all.

use crate::{
	manifest::{self, ManifestError},
	tree::{self, TreeError},
	witness::CheckedWitness,
};
use codec::{Decode, DecodeAll, Encode};
use nil_kzg::{
	Blob, MsmEngine, Opening, PointRef, VerifyError, native,
	prover::{self, ProverError},
};
use nil_types::{G1Compressed, Hash32, MduIndex, Profile};
use thiserror::Error;

/// A proof that a blob of a deal has value `y` at `z` (SCALE).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ChainedProof {
	/// MDU in the slab.
	pub mdu: MduIndex,
	/// Data blobs of that MDU that hold payload.
	pub live: u8,
	/// Leaf of the MDU tree: `slot * rows + row`.
	pub leaf: u16,
	/// Commitment of the blob.
	pub commitment: G1Compressed,
	/// Siblings from the leaf up.
	pub path: Vec<Hash32>,
	/// Opening of the manifest at the MDU's place to its root.
	pub manifest_opening: G1Compressed,
	/// Point of evaluation.
	pub z: [u8; 32],
	/// Value of the blob at `z`.
	pub y: [u8; 32],
	/// Opening of `commitment` at `z` to `y`.
	pub opening: G1Compressed,
}

/// What the chain says of a deal: all that a proof is checked against.
#[derive(Clone, Copy, Debug)]
pub struct DealManifests<'a> {
	/// The deal's profile.
	pub profile: Profile,
	/// MDUs of the deal.
	pub total_mdus: u64,
	/// Its manifest points, one per 4,096 MDUs.
	pub points: &'a [PointRef],
}

/// Why proofs are refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProofError {
	/// The bytes are not a SCALE proof, or some are left over.
	#[error("not a chained proof: {0}")]
	Encoding(codec::Error),
	/// The MDU is not one of the deal.
	#[error("proof {index}: MDU {mdu}: the deal has {total_mdus} MDUs")]
	Mdu {
		/// Which proof.
		index: usize,
		/// The MDU that it names.
		mdu: MduIndex,
		/// MDUs of the deal.
		total_mdus: u64,
	},
	/// The deal has fewer manifest points than its MDUs need.
	#[error("proof {index}: manifest {group} is needed: {manifests} are known")]
	Manifest {
		/// Which proof.
		index: usize,
		/// Number of the manifest needed.
		group: u64,
		/// Manifests given.
		manifests: usize,
	},
	/// Leaf, path or live count do not fit the profile.
	#[error("proof {index}: {source}")]
	Structure {
		/// Which proof.
		index: usize,
		/// What does not fit.
		source: TreeError,
	},
	/// An opening was refused. Openings come in pairs, manifest first, and each has two scalars and two points, so proof
	/// `i` has the indices `4i .. 4i + 4` of the error.
	#[error("openings: {0}")]
	Openings(VerifyError),
}

/// Why a proof could not be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProveError {
	/// The leaf does not exist.
	#[error(transparent)]
	Tree(#[from] TreeError),
	/// The manifest could not be opened.
	#[error(transparent)]
	Manifest(#[from] ManifestError),
	/// The blob could not be opened.
	#[error(transparent)]
	Prover(#[from] ProverError),
}

impl ChainedProof {
	/// Proves the value at `z` of `blob`, the blob of `leaf` in MDU `mdu`.
	///
	/// `roots` are the roots of all MDUs of the deal, `witness` that of the MDU. A blob or witness other than the
	/// committed one makes a proof that does not verify.
	pub fn make(
		engine: &dyn MsmEngine,
		roots: &[Hash32],
		mdu: MduIndex,
		witness: &CheckedWitness,
		leaf: u16,
		blob: &Blob,
		z: &[u8; 32],
	) -> Result<Self, ProveError> {
		let (commitment, path) = witness.member(leaf)?;
		let manifest_opening = manifest::open(engine, roots, mdu)?;
		let (y, opening) = prover::open(engine, blob, z)?;
		Ok(Self {
			mdu,
			live: witness.live(),
			leaf,
			commitment,
			path,
			manifest_opening,
			z: *z,
			y,
			opening,
		})
	}

	/// Reads a proof. Nothing but its form is checked.
	pub fn decode_strict(mut bytes: &[u8]) -> Result<Self, ProofError> {
		Self::decode_all(&mut bytes).map_err(ProofError::Encoding)
	}

	/// Verifies this proof alone. Many are cheaper together: [`verify_many`].
	pub fn verify(&self, deal: &DealManifests<'_>) -> Result<(), ProofError> {
		verify_many(&[(*deal, self)])
	}

	fn membership(&self) -> Membership<'_> {
		Membership {
			mdu: self.mdu,
			live: self.live,
			leaf: self.leaf,
			commitment: &self.commitment,
			path: &self.path,
			manifest_opening: &self.manifest_opening,
		}
	}
}

/// The hops from a blob's commitment up to the manifest.
pub(crate) struct Membership<'a> {
	pub(crate) mdu: MduIndex,
	pub(crate) live: u8,
	pub(crate) leaf: u16,
	pub(crate) commitment: &'a G1Compressed,
	pub(crate) path: &'a [Hash32],
	pub(crate) manifest_opening: &'a G1Compressed,
}

impl Membership<'_> {
	/// Checks the structure. What is left to verify is the opening of the manifest to the root that the path leads to.
	///
	/// Errors name the proof as `index`.
	pub(crate) fn opening(
		&self,
		index: usize,
		deal: &DealManifests<'_>,
	) -> Result<Opening, ProofError> {
		let Self { mdu, live, leaf, commitment, path, manifest_opening } = *self;
		let total_mdus = deal.total_mdus;
		if mdu >= total_mdus {
			return Err(ProofError::Mdu { index, mdu, total_mdus });
		}
		let group = manifest::group_of(mdu);
		let point = usize::try_from(group)
			.ok()
			.and_then(|group| deal.points.get(group))
			.ok_or(ProofError::Manifest { index, group, manifests: deal.points.len() })?;
		let root = tree::root_from_path(&deal.profile, live, leaf, commitment, path)
			.map_err(|source| ProofError::Structure { index, source })?;
		let z = manifest::place_of(mdu);
		Ok(Opening { point: *point, z, y: root, proof: *manifest_opening })
	}
}

/// Verifies all `proofs`, each against its deal. No proofs are valid.
pub fn verify_many(proofs: &[(DealManifests<'_>, &ChainedProof)]) -> Result<(), ProofError> {
	let mut openings = Vec::with_capacity(2 * proofs.len());
	for (index, (deal, proof)) in proofs.iter().enumerate() {
		openings.push(proof.membership().opening(index, deal)?);
		openings.push(Opening {
			point: PointRef::Compressed(proof.commitment),
			z: proof.z,
			y: proof.y,
			proof: proof.opening,
		});
	}
	native::verify_openings(&openings).map_err(ProofError::Openings)
}
