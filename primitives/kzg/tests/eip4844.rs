//! The consensus specification's vectors for EIP-4844, on both backends.
//!
//! The vectors are in the sources of the crate kzg-rs; none of its code is used.

mod common;

use nil_kzg::{Blob, Opening, PointRef, VerifyError, encoding, native, portable, prover};
use sha2::{Digest, Sha256};
use std::{collections::HashMap, fs};

/// One `data.yaml`: the quoted values under each key, and the expected output.
struct Case {
	name: String,
	values: HashMap<String, Vec<String>>,
	/// `None` where the input is invalid.
	output: Option<bool>,
}

impl Case {
	fn bytes(&self, key: &str) -> Vec<Vec<u8>> {
		let values = self.values.get(key).map(Vec::as_slice).unwrap_or_default();
		values
			.iter()
			.map(|text| {
				let digits = text.strip_prefix("0x").expect("values begin with 0x");
				hex::decode(digits).expect("values are hexadecimal")
			})
			.collect()
	}

	/// The only value under `key`, when it has the right length.
	fn array<const N: usize>(&self, key: &str) -> Option<[u8; N]> {
		let [value] = &self.bytes(key)[..] else { panic!("{}: one {key} expected", self.name) };
		value.as_slice().try_into().ok()
	}
}

/// The cases of one kind; the files use a small part of YAML: keys, quoted strings, lists, braces.
fn cases(kind: &str) -> Vec<Case> {
	let dir = common::sources_of("kzg-rs").join("tests").join(kind);
	let list = fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
	list.map(|entry| {
		let path = entry.expect("a directory entry").path();
		let text = fs::read_to_string(path.join("data.yaml")).expect("a case has data.yaml");
		let mut values: HashMap<String, Vec<String>> = HashMap::new();
		let mut key = String::new();
		let mut output = None;
		let mut rest = text.as_str();
		while let Some(at) = rest.find([':', '\'']) {
			if rest[at..].starts_with('\'') {
				let (value, after) = rest[at + 1..].split_once('\'').expect("closed quotes");
				values.entry(key.clone()).or_default().push(value.to_owned());
				rest = after;
			} else {
				let start = rest[..at].rfind(|c: char| !c.is_alphanumeric() && c != '_');
				rest[start.map_or(0, |i| i + 1)..at].clone_into(&mut key);
				rest = &rest[at + 1..];
				if key == "output" {
					output = Some(match rest.trim() {
						"true" => Some(true),
						"false" => Some(false),
						"null" => None,
						other => panic!("{}: output {other}", path.display()),
					});
				}
			}
		}
		let name = path.file_name().expect("a name").to_string_lossy().into_owned();
		Case { output: output.unwrap_or_else(|| panic!("{name} has no output")), name, values }
	})
	.collect()
}

/// Checks on both backends; `None` for invalid input.
fn verify(openings: &[Opening]) -> Option<bool> {
	let result = native::verify_openings(openings);
	assert_eq!(result, portable::verify_openings(openings));
	match result {
		Ok(()) => Some(true),
		Err(VerifyError::Rejected) => Some(false),
		Err(_) => None,
	}
}

fn opening(case: &Case) -> Option<Opening> {
	Some(Opening {
		point: PointRef::Compressed(case.array("commitment")?),
		z: case.array("z")?,
		y: case.array("y")?,
		proof: case.array("proof")?,
	})
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
