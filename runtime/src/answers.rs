//! Answers to samples for the pallets, through `nil-host`.

use alloc::vec::Vec;
use nil_host::{CombinedOpening, Opening, PointRef};
use nil_kzg::portable::domain_point;
use nil_slab::tree::root_from_path;
use nil_types::{
	G1Compressed,
	layout::MDUS_PER_MANIFEST,
	traits::{AnswerClaim, AnswerMath},
};

/// [`AnswerMath`] by the host functions, or by this runtime where a validator executes it. Paths and points of evaluation
/// are the runtime's own work in any case.
#[derive(Debug)]
pub struct HostAnswers;

/// That a claim's manifest opens at its MDU to the root that its path leads to. `None` when the path has not the form of
/// the profile.
fn membership(claim: &AnswerClaim<'_>) -> Option<Opening> {
	let AnswerClaim { profile, live, leaf, commitment, path, .. } = claim;
	let place = claim.mdu % MDUS_PER_MANIFEST as u64;
	Some(Opening {
		// The chain has computed it.
		point: PointRef::Trusted(claim.manifest),
		z: domain_point(usize::try_from(place).ok()?)?,
		y: root_from_path(profile, *live, *leaf, commitment, path).ok()?,
		proof: *claim.manifest_opening,
	})
}

impl AnswerMath for HostAnswers {
	fn verify(
		claims: &[AnswerClaim<'_>],
		z: &[u8; 32],
		y: &[u8; 32],
		proof: &G1Compressed,
	) -> bool {
		let Some(openings) = claims.iter().map(membership).collect::<Option<Vec<_>>>() else {
			return false;
		};
		let terms = claims.iter().map(|claim| (*claim.commitment, claim.factor)).collect();
		let combined = CombinedOpening { terms, z: *z, y: *y, proof: *proof };
		nil_host::verify_answer(&openings, &combined).is_ok()
	}
}
