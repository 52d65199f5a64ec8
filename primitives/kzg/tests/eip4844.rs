//! The consensus specification's vectors for EIP-4844, on every backend.

#[path = "common/vectors.rs"]
mod vectors;

use nil_kzg::{Blob, Opening, PointRef, VerifyError, encoding, native, portable, prover, rfc163};
use sha2::{Digest, Sha256};
use vectors::{cases, opening};

/// Checks on every backend; `None` for invalid input.
fn verify(openings: &[Opening]) -> Option<bool> {
	let result = native::verify_openings(openings);
	assert_eq!(result, portable::verify_openings(openings));
	assert_eq!(result, rfc163::verify_openings(openings));
	match result {
		Ok(()) => Some(true),
		Err(VerifyError::Rejected) => Some(false),
		Err(_) => None,
	}
}

/// The opening that a blob proof stands for: at the challenge that the specification derives.
fn blob_opening(blob: &[u8], commitment: &[u8], proof: &[u8]) -> Option<Opening> {
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

#[test]
fn verify_kzg_proof() {
	let cases = cases("verify_kzg_proof");
	assert_eq!(cases.len(), 122);
	for case in &cases {
		let actual = opening(case).and_then(|opening| verify(&[opening]));
		assert_eq!(actual, case.output, "{}", case.name);
	}
	assert_eq!(cases.iter().filter(|case| case.output == Some(true)).count(), 54);
}

#[test]
fn all_valid_openings_together_and_with_one_false() {
	let cases = cases("verify_kzg_proof");
	let mut openings: Vec<_> =
		cases.iter().filter(|case| case.output == Some(true)).filter_map(opening).collect();
	assert_eq!(verify(&openings), Some(true));
	for case in cases.iter().filter(|case| case.output == Some(false)) {
		openings.push(opening(case).expect("well formed"));
		assert_eq!(verify(&openings), Some(false), "{}", case.name);
		openings.pop();
	}
}

#[test]
fn verify_blob_kzg_proof() {
	let cases = cases("verify_blob_kzg_proof");
	assert_eq!(cases.len(), 29);
	for case in &cases {
		let (blob, commitment, proof) =
			(case.bytes("blob"), case.bytes("commitment"), case.bytes("proof"));
		let actual = blob_opening(&blob[0], &commitment[0], &proof[0])
			.and_then(|opening| verify(&[opening]));
		assert_eq!(actual, case.output, "{}", case.name);
	}
	assert_eq!(cases.iter().filter(|case| case.output == Some(true)).count(), 9);
}

#[test]
fn verify_blob_kzg_proof_batch() {
	let cases = cases("verify_blob_kzg_proof_batch");
	assert_eq!(cases.len(), 24);
	for case in &cases {
		let (blobs, commitments, proofs) =
			(case.bytes("blobs"), case.bytes("commitments"), case.bytes("proofs"));
		let openings = if blobs.len() == commitments.len() && blobs.len() == proofs.len() {
			blobs
				.iter()
				.zip(&commitments)
				.zip(&proofs)
				.map(|((blob, commitment), proof)| blob_opening(blob, commitment, proof))
				.collect::<Option<Vec<_>>>()
		} else {
			None
		};
		assert_eq!(openings.and_then(|openings| verify(&openings)), case.output, "{}", case.name);
	}
	assert_eq!(cases.iter().filter(|case| case.output == Some(true)).count(), 7);
}
