//! The manifest: one point over MDU roots.
//!
//! `C = sum root_i * L_i` is the commitment of the blob whose scalar `i` is `root_i`. One point covers 4,096 MDUs; a
//! deal has up to 16. The chain extends the point by the new roots of each commit; a client computes the same from
//! the list of roots, and opens it at the place of one MDU.

use nil_kzg::{
	Blob, BlobError, MsmEngine, VerifyError, encoding, native,
	prover::{self, ProverError},
};
use nil_types::{
	G1Compressed, G1Uncompressed, Hash32, MduIndex,
	layout::{BLOB_BYTES, MAX_MDUS, MDUS_PER_MANIFEST, SCALAR_BYTES},
};
use thiserror::Error;

/// The manifest of no MDUs: the point at infinity, uncompressed.
pub const EMPTY: G1Uncompressed = encoding::INFINITY_UNCOMPRESSED;

/// Why a manifest cannot be made or opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ManifestError {
	/// More roots than MDUs that a deal may have.
	#[error("{found} roots: a deal has at most {max} MDUs")]
	TooManyRoots {
		/// Roots given.
		found: u64,
		/// The most a deal may have.
		max: u64,
	},
	/// There are not as many points as the MDUs need.
	#[error("{found} manifest points: {mdus} MDUs have {expected}")]
	Points {
		/// Points given.
		found: usize,
		/// Points needed.
		expected: usize,
		/// MDUs under them.
		mdus: u64,
	},
	/// The MDU is not among the roots.
	#[error("MDU {mdu}: there are {mdus} MDUs")]
	Mdu {
		/// The MDU asked for.
		mdu: MduIndex,
		/// MDUs that there are.
		mdus: u64,
	},
	/// A root is not a canonical scalar, or a point is none.
	#[error("manifest: {0}")]
	Verify(VerifyError),
	/// A root is not an MDU root: those have byte 0 zero.
	#[error("roots: {0}")]
	Roots(BlobError),
	/// The opening could not be made.
	#[error("manifest opening: {0}")]
	Prover(ProverError),
}

/// The manifest points over all MDUs of a deal, in order: one per 4,096 roots, none for no roots.
pub fn points(roots: &[Hash32]) -> Result<Vec<G1Uncompressed>, ManifestError> {
	extend(&[], 0, roots)
}

/// The manifest points after a commit of `roots` to a deal whose first `total_mdus` MDUs have `points`.
pub fn extend(
	points: &[G1Uncompressed],
	total_mdus: u64,
	roots: &[Hash32],
) -> Result<Vec<G1Uncompressed>, ManifestError> {
	let found = total_mdus.saturating_add(roots.len() as u64);
	if found > MAX_MDUS {
		return Err(ManifestError::TooManyRoots { found, max: MAX_MDUS });
	}
	let expected = total_mdus.div_ceil(MDUS_PER_MANIFEST as u64) as usize;
	if points.len() != expected {
		let found = points.len();
		return Err(ManifestError::Points { found, expected, mdus: total_mdus });
	}
	let mut points = points.to_vec();
	let mut first = place_in_group(total_mdus);
	let mut rest = roots;
	while !rest.is_empty() {
		let (now, later) = rest.split_at(rest.len().min(MDUS_PER_MANIFEST - first));
		// A group that is begun is the last of the points; any other is new.
		let before = if first == 0 { EMPTY } else { points.pop().unwrap_or(EMPTY) };
		let after = native::extend_manifest(&before, first as u32, now);
		points.push(after.map_err(ManifestError::Verify)?);
		(first, rest) = (0, later);
	}
	Ok(points)
}

/// The 48-byte form of a manifest point.
pub fn compress(point: &G1Uncompressed) -> Result<G1Compressed, ManifestError> {
	native::compress(point).map_err(ManifestError::Verify)
}

/// Number of the manifest point that covers `mdu`.
pub const fn group_of(mdu: MduIndex) -> u64 {
	mdu / MDUS_PER_MANIFEST as u64
}

/// The point of evaluation at which a manifest opens to the root of `mdu`: `omega^brp(mdu % 4096)`.
pub fn place_of(mdu: MduIndex) -> Hash32 {
	// A blob has a domain point for each of its 4,096 scalars.
	prover::domain_point(place_in_group(mdu)).unwrap_or_default()
}

/// Opens the manifest over `roots` (all MDUs of the deal, in order) at `mdu`: the proof that its root stands there.
pub fn open(
	engine: &dyn MsmEngine,
	roots: &[Hash32],
	mdu: MduIndex,
) -> Result<G1Compressed, ManifestError> {
	let mdus = roots.len() as u64;
	if mdu >= mdus {
		return Err(ManifestError::Mdu { mdu, mdus });
	}
	let first = group_of(mdu) as usize * MDUS_PER_MANIFEST;
	let group = &roots[first..roots.len().min(first + MDUS_PER_MANIFEST)];
	let blob = roots_blob(group);
	let blob = Blob::parse_data(&blob).map_err(ManifestError::Roots)?;
	prover::open(engine, blob, &place_of(mdu))
		.map(|(_, proof)| proof)
		.map_err(ManifestError::Prover)
}

/// Opens one manifest point, the one over `roots` (at most 4,096, those of all MDUs that it covers, in order), at each of
/// `places` among them. What an opening costs grows with the number of roots, up to a multiplication of a whole blob
/// ([`prover::open_at_places`]).
pub fn open_places(
	engine: &dyn MsmEngine,
	roots: &[Hash32],
	places: &[usize],
) -> Result<Vec<G1Compressed>, ManifestError> {
	let mdus = roots.len() as u64;
	if roots.len() > MDUS_PER_MANIFEST {
		return Err(ManifestError::TooManyRoots { found: mdus, max: MDUS_PER_MANIFEST as u64 });
	}
	if let Some(place) = places.iter().find(|place| **place >= roots.len()) {
		return Err(ManifestError::Mdu { mdu: *place as u64, mdus });
	}
	let blob = roots_blob(roots);
	let blob = Blob::parse_data(&blob).map_err(ManifestError::Roots)?;
	prover::open_at_places(engine, blob, places).map_err(ManifestError::Prover)
}

/// The blob that the manifest over `roots` (at most 4,096; more are left out) commits to.
pub fn roots_blob(roots: &[Hash32]) -> Vec<u8> {
	let mut blob = vec![0; BLOB_BYTES];
	for (scalar, root) in blob.chunks_exact_mut(SCALAR_BYTES).zip(roots) {
		scalar.copy_from_slice(root);
	}
	blob
}

const fn place_in_group(mdu: MduIndex) -> usize {
	(mdu % MDUS_PER_MANIFEST as u64) as usize
}
