//! The openings that proofs of EIP-4844 for whole blobs stand for.

use crate::vectors::Case;
use nil_kzg::{Blob, Opening, PointRef, encoding, prover};
use sha2::{Digest, Sha256};

/// The opening that a blob proof stands for: at the challenge that the specification derives.
fn opening(blob: &[u8], commitment: &[u8], proof: &[u8]) -> Option<Opening> {
	let (commitment, proof) = (commitment.try_into().ok()?, proof.try_into().ok()?);
	let blob = Blob::parse(blob).ok()?;
	let mut hasher = Sha256::new();
	hasher.update(b"FSBLOBVERIFY_V1_");
	hasher.update(4096u128.to_be_bytes());
	hasher.update(blob.as_bytes());
	hasher.update(commitment);
	let mut z: [u8; 32] = hasher.finalize().into();
	while !encoding::is_canonical(&z) {
		let mut borrow = false;
		let mut limbs = encoding::be_to_limbs(&z);
		for (limb, modulus) in limbs.iter_mut().zip(encoding::MODULUS) {
			(*limb, borrow) = limb.borrowing_sub(modulus, borrow);
		}
		z = encoding::limbs_to_be(&limbs);
	}
	let y = prover::evaluate(blob, &z).expect("the challenge was reduced");
	Some(Opening { point: PointRef::Compressed(commitment), z, y, proof })
}

/// The opening that a case of `verify_blob_kzg_proof` claims; `None` where a length is wrong or the blob is no blob.
pub fn single(case: &Case) -> Option<Opening> {
	let [blob, commitment, proof] = ["blob", "commitment", "proof"].map(|key| case.bytes(key));
	opening(&blob[0], &commitment[0], &proof[0])
}

/// The openings that a case of `verify_blob_kzg_proof_batch` claims; `None` where one of them is none, as in [`single`],
/// or the lists differ in length.
pub fn batch(case: &Case) -> Option<Vec<Opening>> {
	let [blobs, commitments, proofs] =
		["blobs", "commitments", "proofs"].map(|key| case.bytes(key));
	if blobs.len() != commitments.len() || blobs.len() != proofs.len() {
		return None;
	}
	blobs
		.iter()
		.zip(&commitments)
		.zip(&proofs)
		.map(|((blob, commitment), proof)| opening(blob, commitment, proof))
		.collect()
}
