//! The consensus specification's vectors for EIP-4844, on every backend.

#[path = "common/blob_proofs.rs"]
mod blob_proofs;
#[path = "common/vectors.rs"]
mod vectors;

use nil_kzg::{Opening, VerifyError, native, portable, rfc163};
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
		let actual = blob_proofs::single(case).and_then(|opening| verify(&[opening]));
		assert_eq!(actual, case.output, "{}", case.name);
	}
	assert_eq!(cases.iter().filter(|case| case.output == Some(true)).count(), 9);
}

#[test]
fn verify_blob_kzg_proof_batch() {
	let cases = cases("verify_blob_kzg_proof_batch");
	assert_eq!(cases.len(), 24);
	for case in &cases {
		let actual = blob_proofs::batch(case).and_then(|openings| verify(&openings));
		assert_eq!(actual, case.output, "{}", case.name);
	}
	assert_eq!(cases.iter().filter(|case| case.output == Some(true)).count(), 7);
}
