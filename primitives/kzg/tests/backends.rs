//! The backends give the same answer to every input, valid or not.

mod common;

use common::odd::{self, INFINITY, KINDS, OFF_CURVE, OFF_SUBGROUP, spoil};
use nil_kzg::{
	Blob, Engines, G1Affine, Opening, PointRef, VerifyError, combine_commitments, encoding, native,
	portable, prover, rfc163, setup, stripe,
	verify::{Backend, G1_GENERATOR},
};
use proptest::prelude::*;
use std::sync::LazyLock;

/// Openings that hold, some against trusted points.
static VALID: LazyLock<Vec<Opening>> = LazyLock::new(|| {
	let engine = Engines::pippenger();
	let mut rng = common::rng(20);
	let mut blobs = common::edge_blobs();
	blobs.push(("data", common::random_data(&mut rng)));
	let mut openings = Vec::new();
	for (i, (_, bytes)) in blobs.iter().enumerate() {
		let blob = Blob::parse(bytes).unwrap();
		let commitment = engine.commit(&[blob])[0];
		let z = common::random_scalar(&mut rng);
		let (y, proof) = prover::open(&*engine, blob, &z).unwrap();
		openings.push(Opening {
			point: if i % 2 == 0 {
				PointRef::Trusted(commitment.serialize())
			} else {
				PointRef::Compressed(commitment.compress())
			},
			z,
			y,
			proof,
		});
	}
	openings
});

fn verify(openings: &[Opening]) -> Result<(), VerifyError> {
	let result = native::verify_openings(openings);
	assert_eq!(portable::verify_openings(openings), result, "{openings:?}");
	assert_eq!(rfc163::verify_openings(openings), result, "{openings:?}");
	result
}

fn parity(profile: (u8, u8), data: &[[u8; 48]], parity: &[[u8; 48]]) -> Result<(), VerifyError> {
	let result = native::verify_parity(profile, data, parity);
	assert_eq!(portable::verify_parity(profile, data, parity), result);
	assert_eq!(rfc163::verify_parity(profile, data, parity), result);
	result
}

fn extend(manifest: &[u8; 96], first: u32, roots: &[[u8; 32]]) -> Result<[u8; 96], VerifyError> {
	let result = native::extend_manifest(manifest, first, roots);
	assert_eq!(portable::extend_manifest(manifest, first, roots), result);
	assert_eq!(rfc163::extend_manifest(manifest, first, roots), result);
	result
}

fn compress(point: &[u8; 96]) -> Result<[u8; 48], VerifyError> {
	let result = native::compress(point);
	assert_eq!(portable::compress(point), result);
	assert_eq!(rfc163::compress(point), result);
	result
}

#[test]
fn test_points_are_what_they_are_meant_to_be() {
	assert!(OFF_SUBGROUP.len() >= 10);
	assert_eq!(OFF_SUBGROUP[0][1..], [0; 47]);
	assert!(OFF_CURVE.len() >= 15);
	for bytes in &*OFF_SUBGROUP {
		assert_eq!(G1Affine::decompress(bytes), Err(nil_kzg::PointError::NotInSubgroup));
	}
	for bytes in &*OFF_CURVE {
		assert_eq!(G1Affine::decompress(bytes), Err(nil_kzg::PointError::BadEncoding));
	}
	let generator = portable::Portable::decompress(&G1_GENERATOR).unwrap();
	assert!(portable::Portable::in_subgroup(&generator));
	assert_eq!(portable::Portable::compress(&generator), G1_GENERATOR);
	assert!(G1Affine::decompress(&G1_GENERATOR).is_ok());
}

#[test]
fn valid_openings_hold_alone_and_together() {
	assert_eq!(verify(&[]), Ok(()));
	for opening in &*VALID {
		assert_eq!(verify(&[*opening]), Ok(()));
	}
	assert_eq!(verify(&VALID), Ok(()));
	assert_eq!(verify(&VALID.repeat(5)), Ok(()));
}

#[test]
fn false_openings_are_rejected() {
	for (i, opening) in VALID.iter().enumerate() {
		let mut wrong = *opening;
		wrong.y = wrong.z;
		assert_eq!(verify(&[wrong]), Err(VerifyError::Rejected));
		let mut batch = VALID.clone();
		batch[i] = wrong;
		assert_eq!(verify(&batch), Err(VerifyError::Rejected));
	}
	// Errors that cancel without coefficients: two values exchanged for one polynomial and one point.
	let [a, b] = [VALID[7], VALID[6]];
	let exchanged = [Opening { proof: b.proof, ..a }, Opening { proof: a.proof, ..b }];
	assert_eq!(verify(&exchanged), Err(VerifyError::Rejected));
}

#[test]
fn bad_inputs_are_named_in_order() {
	let good = VALID[1];
	let alias = encoding::limbs_to_be(&encoding::MODULUS);
	let off_subgroup = OFF_SUBGROUP[1];
	let off_curve = OFF_CURVE[0];
	let point = PointRef::Compressed;
	for (bad, error) in [
		(Opening { z: alias, ..good }, VerifyError::BadScalar { index: 2 }),
		(Opening { y: alias, ..good }, VerifyError::BadScalar { index: 3 }),
		(Opening { point: point(off_curve), ..good }, VerifyError::BadPoint { index: 2 }),
		(Opening { point: point(off_subgroup), ..good }, VerifyError::NotInSubgroup { index: 2 }),
		(Opening { proof: off_curve, ..good }, VerifyError::BadPoint { index: 3 }),
		(Opening { proof: off_subgroup, ..good }, VerifyError::NotInSubgroup { index: 3 }),
		(Opening { point: PointRef::Trusted([1; 96]), ..good }, VerifyError::BadPoint { index: 2 }),
		// Scalars come before points, and earlier openings before later ones.
		(Opening { y: alias, proof: off_curve, ..good }, VerifyError::BadScalar { index: 3 }),
	] {
		assert_eq!(verify(&[good, bad]), Err(error));
		assert_eq!(verify(&[good, bad, Opening { z: alias, ..good }]), Err(error));
	}
	// A trusted point outside of the subgroup is not looked at closely, but the claim is still false.
	for bytes in &*OFF_SUBGROUP {
		let bad = Opening { point: PointRef::Trusted(odd::uncompressed(bytes)), ..good };
		assert_eq!(verify(&[good, bad]), Err(VerifyError::Rejected));
	}
}

/// Both coordinates zero, without a flag: arkworks keeps infinity so in memory. It is no encoding of it.
#[test]
fn zeros_are_no_point() {
	const ZEROS: [u8; 96] = [0; 96];
	assert_eq!(compress(&ZEROS), Err(VerifyError::BadPoint { index: 0 }));
	assert_eq!(extend(&ZEROS, 0, &[]), Err(VerifyError::BadPoint { index: 0 }));
	// An opening that infinity would satisfy: of the polynomial that is zero everywhere.
	let zero = Opening { point: PointRef::Trusted(ZEROS), y: [0; 32], proof: INFINITY, ..VALID[0] };
	assert_eq!(verify(&[zero]), Err(VerifyError::BadPoint { index: 0 }));
	let proper = PointRef::Trusted(encoding::INFINITY_UNCOMPRESSED);
	assert_eq!(verify(&[Opening { point: proper, ..zero }]), Ok(()));
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(192))]

	#[test]
	fn backends_agree_on_spoilt_openings(
		picks in proptest::collection::vec(0..8usize, 1..6),
		spoils in proptest::collection::vec((0..6usize, 0..KINDS, 0..96usize, 1..=255u8), 0..3),
	) {
		let mut openings: Vec<_> = picks.iter().map(|i| VALID[*i]).collect();
		let valid = openings.clone();
		for (index, kind, at, byte) in spoils {
			let index = index % openings.len();
			spoil(&mut openings[index], kind, at, byte);
		}
		let result = verify(&openings);
		if openings == valid {
			prop_assert_eq!(result, Ok(()));
		}
	}

	#[test]
	fn backends_agree_on_points(mut bytes: [u8; 48], flags in 0..8u8, small: bool) {
		if small {
			bytes[..47].fill(0);
		}
		bytes[0] = bytes[0] & 0x1f | flags << 5;
		// The zero blob's opening holds for its own commitment, infinity, and for no other bytes.
		let opening = Opening { point: PointRef::Compressed(bytes), ..VALID[0] };
		prop_assert_eq!(verify(&[opening]).is_ok(), bytes == INFINITY);
	}

	#[test]
	fn backends_agree_on_manifests(
		first in 0..4200u32,
		seed: u64,
		count in 0..20usize,
		spoilt in 0..6u8,
	) {
		let mut rng = common::rng(seed);
		let mut roots: Vec<_> = (0..count).map(|_| common::random_scalar(&mut rng)).collect();
		let mut manifest = setup::g1_lagrange()[seed as usize % 4096];
		match spoilt {
			0 => manifest[seed as usize % 96] ^= 1 << (seed % 8),
			1 => if let Some(root) = roots.last_mut() {
				*root = [0xff; 32];
			},
			2 => manifest = encoding::INFINITY_UNCOMPRESSED,
			_ => {},
		}
		let _ = extend(&manifest, first, &roots);
		let _ = compress(&manifest);
	}

	#[test]
	fn backends_agree_on_rows(k in 0..6u8, m in 1..9u8, seed: u64, spoilt in 0..8usize) {
		let k = if k == 5 { 3 } else { 1 << k };
		let (data, mut rest) = row(k, m, seed);
		let at = seed as usize % rest.len();
		let error = match spoilt {
			0 => { rest[at] = OFF_SUBGROUP[at % OFF_SUBGROUP.len()]; true },
			1 => { rest[at] = OFF_CURVE[at % OFF_CURVE.len()]; true },
			2 => { rest[at] = INFINITY; true },
			3 => { rest[at][0] ^= 0x20; true },
			4 => { rest.pop(); true },
			_ => false,
		};
		prop_assert_eq!(parity((k, m), &data, &rest).is_err(), error);
	}
}

/// Random data commitments and their parity commitments.
fn row(k: u8, m: u8, seed: u64) -> (Vec<[u8; 48]>, Vec<[u8; 48]>) {
	let mut rng = common::rng(seed);
	let base = G1Affine::decompress(&G1_GENERATOR).unwrap();
	let data: Vec<_> = (0..k)
		.map(|_| combine_commitments(&[common::random_scalar(&mut rng)], &[base]).unwrap())
		.collect();
	let generator = stripe::generator(k, m).unwrap();
	let parity = (0..m)
		.map(|i| combine_commitments(&generator.row_scalars(i).unwrap(), &data).unwrap().compress())
		.collect();
	(G1Affine::batch_compress(&data), parity)
}

#[test]
fn parity_holds_for_every_profile_and_names_what_is_wrong() {
	for (k, m) in [(1, 1), (1, 31), (2, 30), (4, 1), (8, 4), (16, 16), (32, 8), (32, 32)] {
		let (data, rest) = row(k, m, 5);
		assert_eq!(parity((k, m), &data, &rest), Ok(()), "{k}+{m}");
	}
	let (data, rest) = row(8, 4, 6);
	let mut swapped = rest.clone();
	swapped.swap(0, 1);
	assert_eq!(parity((8, 4), &data, &swapped), Err(VerifyError::Rejected));
	let zeros = |n| vec![INFINITY; n];
	assert_eq!(parity((8, 4), &zeros(8), &zeros(4)), Ok(()));
	assert_eq!(parity((8, 4), &data, &zeros(4)), Err(VerifyError::Rejected));
	let mismatch = |expected, actual| Err(VerifyError::LengthMismatch { expected, actual });
	assert_eq!(parity((8, 4), &data[1..], &rest), mismatch(8, 7));
	assert_eq!(parity((8, 4), &data, &rest[1..]), mismatch(4, 3));
	let range = |actual| Err(VerifyError::OutOfRange { limit: 64, actual });
	assert_eq!(parity((0, 4), &[], &rest), range(4));
	assert_eq!(parity((255, 255), &data, &rest), range(510));
	let mut bad = rest.clone();
	bad[2] = OFF_SUBGROUP[2];
	assert_eq!(parity((8, 4), &data, &bad), Err(VerifyError::NotInSubgroup { index: 10 }));
	bad[1] = OFF_CURVE[1];
	assert_eq!(parity((8, 4), &data, &bad), Err(VerifyError::BadPoint { index: 9 }));
}

#[test]
fn manifests_are_commitments_of_their_roots() {
	let engine = Engines::pippenger();
	let mut bytes = common::random_data(&mut common::rng(30));
	bytes[40 * 32..4000 * 32].fill(0);
	let roots: Vec<[u8; 32]> = bytes.as_chunks().0.to_vec();
	let mut manifest = encoding::INFINITY_UNCOMPRESSED;
	manifest = extend(&manifest, 0, &roots[..1]).unwrap();
	manifest = extend(&manifest, 1, &[]).unwrap();
	manifest = extend(&manifest, 1, &roots[1..40]).unwrap();
	manifest = extend(&manifest, 4000, &roots[4000..]).unwrap();
	let expected = engine.commit(&[Blob::parse(&bytes).unwrap()])[0];
	assert_eq!(manifest, expected.serialize());
	assert_eq!(compress(&manifest), Ok(expected.compress()));
	assert_eq!(G1Affine::deserialize(&manifest), Ok(expected));

	// Taking back what was added leads to infinity.
	let negated: Vec<_> = [&roots[..40], &roots[4000..]]
		.concat()
		.iter()
		.map(|root| encoding::limbs_to_be(&encoding::negate(&encoding::be_to_limbs(root))))
		.collect();
	let manifest = extend(&manifest, 0, &negated[..40]).unwrap();
	let manifest = extend(&manifest, 4000, &negated[40..]).unwrap();
	assert_eq!(manifest, encoding::INFINITY_UNCOMPRESSED);
	assert_eq!(compress(&manifest), Ok(INFINITY));
}

#[test]
fn manifests_refuse_what_is_out_of_range() {
	let manifest = encoding::INFINITY_UNCOMPRESSED;
	let range = |actual| Err(VerifyError::OutOfRange { limit: 4096, actual });
	assert_eq!(extend(&manifest, 4096, &[[0; 32]]), range(4097));
	assert_eq!(extend(&manifest, 4095, &[[0; 32], [0xff; 32]]), range(4097));
	assert_eq!(extend(&manifest, u32::MAX, &[]), range(u64::from(u32::MAX)));
	assert_eq!(extend(&manifest, 4096, &[]), Ok(manifest));
	assert_eq!(
		extend(&[1; 96], 0, &[[0; 32], [0xff; 32]]),
		Err(VerifyError::BadScalar { index: 1 })
	);
	assert_eq!(extend(&[1; 96], 0, &[[0; 32]]), Err(VerifyError::BadPoint { index: 0 }));
	assert_eq!(compress(&[1; 96]), Err(VerifyError::BadPoint { index: 0 }));
	// The sum is complete: a manifest that equals what is added is doubled.
	let point = setup::g1_lagrange()[3];
	let mut one = [0; 32];
	one[31] = 1;
	let doubled = extend(&point, 3, &[one]).unwrap();
	one[31] = 2;
	assert_eq!(extend(&manifest, 3, &[one]), Ok(doubled));
}
