//! Inside wasm too, in the validators' own executor, the backends answer as blst does, down to the error's variant and
//! index: to the official vectors, to whatever a decoder might let pass, and to random input, valid and not.

#[path = "../../primitives/kzg/tests/common/blob_proofs.rs"]
mod blob_proofs;
#[path = "../../primitives/kzg/tests/common/odd.rs"]
mod odd;
mod support;
#[path = "../../primitives/kzg/tests/common/vectors.rs"]
mod vectors;

use codec::{Decode, Encode};
use nil_host_fixture::Request;
use nil_kzg::{
	BLOB_BYTES, Blob, Engines, G1Affine, Opening, PointRef, VerifyError, combine_commitments,
	encoding, native, prover, setup, stripe, verify::G1_GENERATOR,
};
use nil_types::{CodeKind, G1Compressed, G1Uncompressed, Hash32, Profile, hash_to_fr};
use odd::{INFINITY, KINDS, OFF_CURVE, OFF_SUBGROUP, alias, spoil};
use proptest::{collection::vec as list, prelude::*};
use std::sync::LazyLock;
use support::Backend;
use vectors::Case;

const INFINITY_UNCOMPRESSED: G1Uncompressed = encoding::INFINITY_UNCOMPRESSED;
/// Both coordinates zero, without a flag: arkworks keeps infinity so in memory. It is no encoding of it.
const ZEROS: G1Uncompressed = [0; 96];

/// What the backends are asked.
#[derive(Clone, Debug)]
enum Question {
	Openings(Vec<Opening>),
	Parity(Profile, Vec<G1Compressed>, Vec<G1Compressed>),
	ExtendManifest(G1Uncompressed, u32, Vec<Hash32>),
	Compress(G1Uncompressed),
}

impl Question {
	/// As the fixture is asked.
	fn request(&self, backend: Backend) -> Request {
		let way = backend.way();
		match self.clone() {
			Self::Openings(openings) => Request::Openings(way, openings),
			Self::Parity(profile, data, parity) => Request::Parity(way, profile, data, parity),
			Self::ExtendManifest(manifest, first, roots) => {
				Request::ExtendManifest(way, manifest, first, roots)
			},
			Self::Compress(point) => Request::Compress(way, point),
		}
	}

	/// What blst answers, encoded.
	fn native(&self) -> Vec<u8> {
		match self {
			Self::Openings(openings) => native::verify_openings(openings).encode(),
			Self::Parity(profile, data, parity) => {
				native::verify_parity((profile.k, profile.m), data, parity).encode()
			},
			Self::ExtendManifest(manifest, first, roots) => {
				native::extend_manifest(manifest, *first, roots).encode()
			},
			Self::Compress(point) => native::compress(point).encode(),
		}
	}
}

/// Has each backend answer in one execution and compares with blst, whose answers it returns.
fn ask(questions: &[Question]) -> Vec<Vec<u8>> {
	static ARTIFACTS: LazyLock<[(Backend, Vec<u8>); 2]> =
		LazyLock::new(|| Backend::ALL.map(|backend| (backend, support::fixture(backend))));
	let expected: Vec<_> = questions.iter().map(Question::native).collect();
	for (backend, artifact) in &*ARTIFACTS {
		let requests: Vec<_> =
			questions.iter().map(|question| question.request(*backend)).collect();
		let answers = support::ask_fixture(*backend, artifact, &requests);
		assert_eq!(answers.len(), questions.len());
		for ((question, expected), answer) in questions.iter().zip(&expected).zip(&answers) {
			assert_eq!(answer, expected, "{backend:?}: {question:?}");
		}
	}
	expected
}

/// [`ask`] about batches of openings.
fn verify(batches: Vec<Vec<Opening>>) -> Vec<Result<(), VerifyError>> {
	let questions: Vec<_> = batches.into_iter().map(Question::Openings).collect();
	checks(&questions)
}

/// [`ask`], where the answer is whether something holds.
fn checks(questions: &[Question]) -> Vec<Result<(), VerifyError>> {
	ask(questions)
		.iter()
		.map(|answer| <Result<(), VerifyError>>::decode(&mut &answer[..]).unwrap())
		.collect()
}

/// Openings that hold, every other one against a trusted point. The first is of the polynomial that is zero everywhere.
static VALID: LazyLock<Vec<Opening>> = LazyLock::new(|| {
	let engine = Engines::pippenger();
	(0..6u8)
		.map(|seed| {
			let bytes: Vec<u8> = if seed == 0 {
				vec![0; BLOB_BYTES]
			} else {
				(0u32..4_096).flat_map(|i| hash_to_fr(&(seed, i).encode())).collect()
			};
			let blob = Blob::parse(&bytes).unwrap();
			let commitment = engine.commit(&[blob])[0];
			let z = hash_to_fr(&[seed]);
			let (y, proof) = prover::open(&*engine, blob, &z).unwrap();
			let point = if seed.is_multiple_of(2) {
				PointRef::Trusted(commitment.serialize())
			} else {
				PointRef::Compressed(commitment.compress())
			};
			Opening { point, z, y, proof }
		})
		.collect()
});

/// Asks about the official vectors of one kind, of which there are `total`. From `without` of them come no openings: a
/// commitment, a proof or a scalar has another length, a blob is none, lists differ in length. All these are invalid.
fn check_vectors(
	kind: &str,
	total: usize,
	without: usize,
	openings: impl Fn(&Case) -> Option<Vec<Opening>>,
) {
	let cases = vectors::cases(kind);
	assert_eq!(cases.len(), total);
	let mut asked = Vec::new();
	let mut batches = Vec::new();
	for case in &cases {
		if let Some(batch) = openings(case) {
			asked.push(case);
			batches.push(batch);
		} else {
			assert_eq!(case.output, None, "{}", case.name);
		}
	}
	assert_eq!(total - asked.len(), without);
	for (case, answer) in asked.iter().zip(verify(batches)) {
		let actual = match answer {
			Ok(()) => Some(true),
			Err(VerifyError::Rejected) => Some(false),
			Err(_) => None,
		};
		assert_eq!(actual, case.output, "{}", case.name);
	}
}

#[test]
fn official_vectors() {
	check_vectors("verify_kzg_proof", 122, 8, |case| Some(vec![vectors::opening(case)?]));
	check_vectors("verify_blob_kzg_proof", 29, 8, |case| Some(vec![blob_proofs::single(case)?]));
	check_vectors("verify_blob_kzg_proof_batch", 24, 11, blob_proofs::batch);
}

/// Compressed points with which no opening of [`VALID`] but the first holds: off the curve, outside of the subgroup, or
/// infinity.
fn odd_points() -> Vec<G1Compressed> {
	[&OFF_SUBGROUP[..], &OFF_CURVE[..], &[INFINITY][..]].concat()
}

/// The same, uncompressed.
fn odd_uncompressed_points() -> Vec<G1Uncompressed> {
	let mut points: Vec<_> = OFF_SUBGROUP.iter().map(odd::uncompressed).collect();
	points.extend([ZEROS, INFINITY_UNCOMPRESSED, [1; 96], [0xff; 96]]);
	// Infinity with other flags, or with something in it.
	for flags in [0x20, 0x60, 0x80, 0xc0, 0xe0] {
		let mut point = ZEROS;
		point[0] = flags;
		points.push(point);
	}
	for byte in [47, 95] {
		let mut point = INFINITY_UNCOMPRESSED;
		point[byte] = 1;
		points.push(point);
	}
	// A point of the group with a flag, or with a coordinate that is a little off.
	for (byte, bit) in [(0, 0x80), (0, 0x40), (0, 0x20), (47, 1), (48, 0x80), (95, 1)] {
		let mut point = setup::g1_lagrange()[0];
		point[byte] ^= bit;
		points.push(point);
	}
	points
}

/// Scalars of which no two are the same number: the smallest and the largest ones. The last ones are not canonical.
fn odd_scalars() -> Vec<Hash32> {
	let order = encoding::limbs_to_be(&encoding::MODULUS);
	let [mut below, mut above] = [order; 2];
	below[31] -= 1;
	above[31] += 1;
	vec![[0; 32], below, order, above, [0xff; 32]]
}

#[test]
fn odd_openings() {
	let good = [VALID[1], VALID[2]];
	let mut batches = vec![Vec::new(), good.to_vec(), VALID.clone(), VALID.repeat(3)];
	let hold = batches.len();
	for (index, opening) in good.into_iter().enumerate() {
		let mut spoilt = Vec::new();
		for point in odd_points() {
			spoilt.push(Opening { proof: point, ..opening });
			spoilt.push(Opening { point: PointRef::Compressed(point), ..opening });
		}
		for point in odd_uncompressed_points() {
			spoilt.push(Opening { point: PointRef::Trusted(point), ..opening });
		}
		for scalar in odd_scalars() {
			spoilt.push(Opening { z: scalar, ..opening });
			spoilt.push(Opening { y: scalar, ..opening });
		}
		spoilt.push(Opening { z: alias(&opening.z), ..opening });
		spoilt.push(Opening { y: alias(&opening.y), ..opening });
		for bad in spoilt {
			let mut batch = good.to_vec();
			batch[index] = bad;
			batches.push(batch);
		}
	}
	let answers = verify(batches);
	assert!(answers[..hold].iter().all(Result::is_ok), "{:?}", &answers[..hold]);
	assert!(answers[hold..].iter().all(Result::is_err));

	// Infinity, which the zero polynomial's opening takes for its commitment, has one spelling in either form.
	let zero = VALID[0];
	let spelled = |point| vec![Opening { point, ..zero }];
	let bad = Err(VerifyError::BadPoint { index: 0 });
	let mut spellings = vec![
		(spelled(PointRef::Compressed(INFINITY)), Ok(())),
		(spelled(PointRef::Trusted(INFINITY_UNCOMPRESSED)), Ok(())),
		(spelled(PointRef::Trusted(ZEROS)), bad),
	];
	for flags in [0x00, 0x20, 0x40, 0x60, 0x80, 0xa0, 0xc0, 0xe0] {
		let mut short = [0; 48];
		short[0] = flags;
		// (0, 2) and (0, -2) are on the curve.
		let expected = match flags {
			0x80 | 0xa0 => Err(VerifyError::NotInSubgroup { index: 0 }),
			0xc0 => Ok(()),
			_ => bad,
		};
		spellings.push((spelled(PointRef::Compressed(short)), expected));
		let mut long = ZEROS;
		long[0] = flags;
		let expected = if flags == 0x40 { Ok(()) } else { bad };
		spellings.push((spelled(PointRef::Trusted(long)), expected));
	}
	let (batches, expected): (Vec<_>, Vec<_>) = spellings.into_iter().unzip();
	assert_eq!(verify(batches), expected);
}

/// Data commitments and the parity commitments that follow from them.
fn row(profile: Profile, seed: u8) -> (Vec<G1Compressed>, Vec<G1Compressed>) {
	let generator = G1Affine::decompress(&G1_GENERATOR).unwrap();
	let data: Vec<_> = (0..profile.k)
		.map(|i| combine_commitments(&[hash_to_fr(&[seed, i])], &[generator]).unwrap())
		.collect();
	let code = stripe::generator(profile.k, profile.m).unwrap();
	let parity = (0..profile.m)
		.map(|i| combine_commitments(&code.row_scalars(i).unwrap(), &data).unwrap().compress())
		.collect();
	(G1Affine::batch_compress(&data), parity)
}

fn profile(k: u8, m: u8) -> Profile {
	Profile { k, m, code: CodeKind::Fr }
}

#[test]
fn parity() {
	let mut questions = Vec::new();
	for (k, m) in [(1, 1), (2, 1), (8, 4), (16, 16), (32, 32)] {
		let (data, parity) = row(profile(k, m), 0);
		questions.push(Question::Parity(profile(k, m), data, parity));
	}
	let usual = profile(8, 4);
	questions.push(Question::Parity(usual, vec![INFINITY; 8], vec![INFINITY; 4]));
	let hold = questions.len();

	let (data, parity) = row(usual, 1);
	let mut swapped = parity.clone();
	swapped.swap(0, 1);
	questions.extend([
		Question::Parity(usual, data.clone(), swapped),
		Question::Parity(usual, data[1..].to_vec(), parity.clone()),
		Question::Parity(usual, data.clone(), parity[1..].to_vec()),
		Question::Parity(usual, Vec::new(), Vec::new()),
		Question::Parity(profile(0, 4), Vec::new(), parity.clone()),
		Question::Parity(profile(64, 255), data.clone(), parity.clone()),
	]);
	for (i, point) in odd_points().into_iter().enumerate() {
		let mut bad = data.clone();
		bad[i % 8] = point;
		questions.push(Question::Parity(usual, bad, parity.clone()));
		let mut bad = parity.clone();
		bad[i % 4] = point;
		questions.push(Question::Parity(usual, data.clone(), bad));
	}
	let answers = checks(&questions);
	assert!(answers[..hold].iter().all(Result::is_ok), "{:?}", &answers[..hold]);
	assert!(answers[hold..].iter().all(Result::is_err));
}

#[test]
fn manifests() {
	let roots: Vec<Hash32> = (0..20u8).map(|i| hash_to_fr(&[i])).collect();
	let extend = |manifest: G1Uncompressed, first, roots: &[Hash32]| {
		Question::ExtendManifest(manifest, first, roots.to_vec())
	};
	let point = setup::g1_lagrange()[3];
	let mut one = [0; 32];
	one[31] = 1;
	let mut questions = vec![
		extend(INFINITY_UNCOMPRESSED, 0, &roots),
		extend(INFINITY_UNCOMPRESSED, 4_095, &roots[..1]),
		extend(INFINITY_UNCOMPRESSED, 4_095, &roots[..2]),
		extend(INFINITY_UNCOMPRESSED, 4_096, &[]),
		extend(INFINITY_UNCOMPRESSED, u32::MAX, &roots),
		// A point that is doubled, and one that is taken away.
		extend(point, 3, &[one]),
		extend(point, 3, &[odd_scalars()[1]]),
	];
	for scalar in odd_scalars() {
		questions.push(extend(point, 7, &[roots[0], scalar]));
	}
	for manifest in odd_uncompressed_points() {
		questions.push(extend(manifest, 0, &[]));
		questions.push(extend(manifest, 0, &roots[..2]));
		questions.push(Question::Compress(manifest));
	}
	questions.push(Question::Compress(point));
	ask(&questions);
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(16))]

	#[test]
	fn random_batches(
		asked in list(
			(
				list(0..6usize, 1..6),
				list((0..6usize, 0..KINDS, 0..96usize, 1..=255u8), 0..3),
			),
			8,
		),
	) {
		let mut batches = Vec::new();
		let mut valid = Vec::new();
		for (picks, spoils) in asked {
			let good: Vec<_> = picks.iter().map(|i| VALID[*i]).collect();
			let mut batch = good.clone();
			for (index, kind, at, byte) in spoils {
				let index = index % batch.len();
				spoil(&mut batch[index], kind, at, byte);
			}
			valid.push(batch == good);
			batches.push(batch);
		}
		for (answer, valid) in verify(batches).into_iter().zip(valid) {
			prop_assert!(answer == Ok(()) || !valid, "{answer:?}");
		}
	}

	#[test]
	fn random_manifests(
		asked in list((0..4_200u32, 0..6u8, 0..96usize, list(any::<Hash32>(), 0..6)), 8),
	) {
		let mut questions = Vec::new();
		for (first, kind, at, mut roots) in asked {
			// Of random bytes, more than half are no scalar.
			for root in roots.iter_mut().skip(usize::from(kind == 0)) {
				*root = hash_to_fr(&root[..]);
			}
			let mut manifest = setup::g1_lagrange()[first as usize % 4_096];
			match kind {
				1 => manifest = INFINITY_UNCOMPRESSED,
				2 => manifest[at] ^= 1,
				3 => manifest = odd::uncompressed(&OFF_SUBGROUP[at % OFF_SUBGROUP.len()]),
				_ => {},
			}
			questions.push(Question::Compress(manifest));
			questions.push(Question::ExtendManifest(manifest, first, roots));
		}
		ask(&questions);
	}

	#[test]
	fn random_rows(asked in list((0..4u8, 1..6u8, any::<u8>(), 0..6u8, 0..64usize), 8)) {
		let mut questions = Vec::new();
		let mut valid = Vec::new();
		for (k, m, seed, kind, at) in asked {
			let profile = profile(1 << k, m);
			let (data, mut parity) = row(profile, seed);
			let at = at % parity.len();
			match kind {
				0 => parity[at] = OFF_SUBGROUP[at % OFF_SUBGROUP.len()],
				1 => parity[at] = OFF_CURVE[at % OFF_CURVE.len()],
				2 => parity[at][0] ^= 0x20,
				3 => {
					parity.pop();
				},
				_ => {},
			}
			valid.push(kind > 3);
			questions.push(Question::Parity(profile, data, parity));
		}
		let answers: Vec<_> = checks(&questions).iter().map(Result::is_ok).collect();
		prop_assert_eq!(answers, valid);
	}
}
