//! Openings and a combined opening, checked together: what holds, what does not, and what is refused.

mod common;

use common::odd::{INFINITY, OFF_CURVE, OFF_SUBGROUP, alias, spoil};
use nil_kzg::{
	Blob, CombinedOpening, Engines, G1Affine, Opening, PointRef, VerifyError, combine_commitments,
	native::{self, Native},
	portable, prover, rfc163,
	verify::{self, Backend, MAX_ANSWER},
};
use proptest::prelude::*;
use std::sync::LazyLock;

/// Openings that hold: of one blob, two of them against the same trusted point in a row.
static OPENINGS: LazyLock<Vec<Opening>> = LazyLock::new(|| {
	let engine = Engines::pippenger();
	let mut rng = common::rng(40);
	let bytes = common::random_data(&mut rng);
	let blob = Blob::parse(&bytes).unwrap();
	let commitment = engine.commit(&[blob])[0];
	let trusted = PointRef::Trusted(commitment.serialize());
	let compressed = PointRef::Compressed(commitment.compress());
	let places = [
		(trusted, prover::domain_point(0).unwrap()),
		(trusted, prover::domain_point(77).unwrap()),
		(compressed, common::random_scalar(&mut rng)),
	];
	let open = |(point, z): (PointRef, [u8; 32])| {
		let (y, proof) = prover::open(&*engine, blob, &z).unwrap();
		Opening { point, z, y, proof }
	};
	places.map(open).to_vec()
});

/// Combined openings that hold: of one blob, of zeros, of blobs at the edges and random ones, and with a blob twice.
/// Where there are several terms, the second has the factor zero.
static COMBINED: LazyLock<Vec<CombinedOpening>> = LazyLock::new(|| {
	let engine = Engines::pippenger();
	let mut rng = common::rng(41);
	let mut bytes: Vec<_> = common::edge_blobs().into_iter().map(|(_, bytes)| bytes).collect();
	bytes.push(common::random_data(&mut rng));
	bytes.push(common::random_full(&mut rng));
	let blobs: Vec<_> = bytes.iter().map(|bytes| Blob::parse(bytes).unwrap()).collect();
	let commitments = G1Affine::batch_compress(&engine.commit(&blobs));
	let mut combine = |picks: &[usize]| {
		let mut factors: Vec<_> = picks.iter().map(|_| common::random_scalar(&mut rng)).collect();
		if let Some(second) = factors.get_mut(1) {
			*second = [0; 32];
		}
		let z = common::random_scalar(&mut rng);
		let of_blobs: Vec<_> =
			factors.iter().zip(picks).map(|(factor, pick)| (*factor, blobs[*pick])).collect();
		let (y, proof) = prover::open_combination(&*engine, &of_blobs, &z).unwrap();
		let terms =
			factors.iter().zip(picks).map(|(factor, pick)| (commitments[*pick], *factor)).collect();
		CombinedOpening { terms, z, y, proof }
	};
	vec![
		combine(&[7]),
		combine(&[0]),
		combine(&[0, 1, 2, 3, 4, 5, 6, 7, 8]),
		combine(&[8, 7, 8, 0]),
	]
});

/// The one with nine terms.
const NINE: usize = 2;

/// Checks on every backend.
fn on_all(openings: &[Opening], combined: &CombinedOpening) -> Result<(), VerifyError> {
	let result = native::verify_answer(openings, combined);
	assert_eq!(portable::verify_answer(openings, combined), result, "{openings:?} {combined:?}");
	assert_eq!(rfc163::verify_answer(openings, combined), result, "{openings:?} {combined:?}");
	result
}

/// Checks on every backend, and by parts.
fn verify(openings: &[Opening], combined: &CombinedOpening) -> Result<(), VerifyError> {
	let result = on_all(openings, combined);
	assert_eq!(holds_by_parts(openings, combined), result.is_ok(), "{openings:?} {combined:?}");
	result
}

/// The oracle: sums up the commitments, and verifies one opening after the other.
fn holds_by_parts(openings: &[Opening], combined: &CombinedOpening) -> bool {
	let (commitments, factors): (Vec<_>, Vec<_>) = combined.terms.iter().copied().unzip();
	let Ok(commitments) = G1Affine::batch_decompress(&commitments) else { return false };
	let Ok(sum) = combine_commitments(&factors, &commitments) else { return false };
	let point = PointRef::Compressed(sum.compress());
	let last = Opening { point, z: combined.z, y: combined.y, proof: combined.proof };
	!combined.terms.is_empty()
		&& openings.iter().chain([&last]).all(|alone| native::verify_openings(&[*alone]).is_ok())
}

/// [`verify`] of all openings and of nine terms that are changed before.
fn changed(change: fn(&mut CombinedOpening)) -> Result<(), VerifyError> {
	let mut combined = COMBINED[NINE].clone();
	change(&mut combined);
	verify(&OPENINGS, &combined)
}

#[test]
fn answers_hold_with_and_without_openings() {
	for combined in &*COMBINED {
		for count in [0, 1, OPENINGS.len()] {
			assert_eq!(verify(&OPENINGS[..count], combined), Ok(()));
		}
	}
	// The order of terms is not part of the claim.
	assert_eq!(changed(|combined| combined.terms.reverse()), Ok(()));
}

#[test]
fn false_answers_are_rejected() {
	let rejected = Err(VerifyError::Rejected);
	assert_eq!(changed(|c| c.y = c.z), rejected);
	assert_eq!(changed(|c| c.z = c.y), rejected);
	assert_eq!(changed(|c| c.proof = OPENINGS[0].proof), rejected);
	assert_eq!(changed(|c| c.proof = INFINITY), rejected);
	// A wrong factor, and factors or commitments that changed places.
	assert_eq!(changed(|c| c.terms[8].1[31] ^= 1), rejected);
	assert_eq!(
		changed(|c| {
			let (left, right) = c.terms.split_at_mut(8);
			std::mem::swap(&mut left[7].0, &mut right[0].0);
		}),
		rejected
	);
	// A term too few, one too many, another commitment.
	assert_eq!(changed(|c| c.terms.truncate(8)), rejected);
	assert_eq!(changed(|c| c.terms.push(c.terms[8])), rejected);
	assert_eq!(changed(|c| c.terms[8].0 = INFINITY), rejected);
	assert_eq!(changed(|c| c.terms[0].0 = c.terms[8].0), rejected);

	for i in 0..OPENINGS.len() {
		let mut openings = OPENINGS.clone();
		openings[i].y = openings[i].z;
		assert_eq!(verify(&openings, &COMBINED[NINE]), rejected);
		// Two proofs that changed places.
		let mut openings = OPENINGS.clone();
		let mut combined = COMBINED[NINE].clone();
		std::mem::swap(&mut openings[i].proof, &mut combined.proof);
		assert_eq!(verify(&openings, &combined), rejected);
	}
}

/// Without coefficients, an error in one value and its opposite in another one would cancel.
#[test]
fn errors_do_not_cancel() {
	let mut openings = OPENINGS.clone();
	let mut combined = COMBINED[NINE].clone();
	for byte in openings[0].y.iter_mut().rev() {
		*byte = byte.wrapping_add(1);
		if *byte != 0 {
			break;
		}
	}
	for byte in combined.y.iter_mut().rev() {
		*byte = byte.wrapping_sub(1);
		if *byte != 0xff {
			break;
		}
	}
	assert_eq!(verify(&openings, &combined), Err(VerifyError::Rejected));
}

#[test]
fn bad_inputs_are_named_in_order() {
	let scalar = |index| Err(VerifyError::BadScalar { index });
	let point = |index| Err(VerifyError::BadPoint { index });
	let outside = |index| Err(VerifyError::NotInSubgroup { index });
	// Three openings have the indices 0 to 5.
	assert_eq!(changed(|c| c.z = alias(&c.z)), scalar(6));
	assert_eq!(changed(|c| c.y = alias(&c.y)), scalar(7));
	assert_eq!(changed(|c| c.proof = OFF_CURVE[0]), point(7));
	assert_eq!(changed(|c| c.proof = OFF_SUBGROUP[1]), outside(7));
	assert_eq!(changed(|c| c.terms[0].1 = alias(&c.terms[0].1)), scalar(8));
	assert_eq!(changed(|c| c.terms[8].1 = alias(&c.terms[8].1)), scalar(16));
	assert_eq!(changed(|c| c.terms[8].0 = OFF_CURVE[0]), point(16));
	assert_eq!(changed(|c| c.terms[8].0 = OFF_SUBGROUP[1]), outside(16));
	// `z`, `y`, one term after the other with its factor first, the proof.
	assert_eq!(changed(|c| (c.z, c.y) = ([0xff; 32], [0xff; 32])), scalar(6));
	assert_eq!(changed(|c| (c.y, c.terms[0].1) = ([0xff; 32], [0xff; 32])), scalar(7));
	assert_eq!(changed(|c| c.terms[2] = (OFF_CURVE[0], [0xff; 32])), scalar(10));
	assert_eq!(changed(|c| (c.terms[1].0, c.terms[2].1) = (OFF_CURVE[0], [0xff; 32])), point(9));
	assert_eq!(changed(|c| (c.terms[8].0, c.proof) = (OFF_CURVE[0], OFF_CURVE[0])), point(16));

	// Without openings the indices begin at 0; with them, these come first, with their own errors.
	let mut combined = COMBINED[NINE].clone();
	combined.y = [0xff; 32];
	assert_eq!(verify(&[], &combined), scalar(1));
	let bad = Opening { proof: OFF_CURVE[0], ..OPENINGS[2] };
	assert_eq!(verify(&[OPENINGS[0], OPENINGS[1], bad], &combined), point(5));
	let bad = Opening { point: PointRef::Trusted([1; 96]), ..OPENINGS[2] };
	assert_eq!(verify(&[OPENINGS[0], bad], &combined), point(2));
}

/// Points of small order add nothing to a sum where their multiples vanish. So every point is checked alone.
#[test]
fn torsion_never_hides() {
	let plus = |bytes: &[u8; 48], torsion: &[u8; 48]| {
		let [point, torsion] = [bytes, torsion].map(|bytes| Native::decompress(bytes).unwrap());
		Native::compress(&Native::add_points(&point, &torsion))
	};
	let good = &COMBINED[NINE];
	let check = |change: &dyn Fn(&mut CombinedOpening)| {
		let mut combined = good.clone();
		change(&mut combined);
		verify(&OPENINGS, &combined)
	};
	let outside = |index| Err(VerifyError::NotInSubgroup { index });
	for torsion in &*OFF_SUBGROUP {
		// The factor of term 1 is zero: no sum would show what its commitment has too much.
		for (term, index) in [(1, 9), (8, 16)] {
			let with = |c: &mut CombinedOpening| c.terms[term].0 = plus(&c.terms[term].0, torsion);
			assert_eq!(check(&with), outside(index));
		}
		assert_eq!(check(&|c| c.proof = plus(&c.proof, torsion)), outside(7));
	}
	// A point of order 3, and its opposite.
	let three = OFF_SUBGROUP[0];
	let mut opposite = three;
	opposite[0] ^= 0x20;
	let both = |c: &mut CombinedOpening| {
		c.terms[7].0 = plus(&c.terms[7].0, &three);
		c.terms[8].0 = plus(&c.terms[8].0, &opposite);
	};
	assert_eq!(check(&both), outside(15));
}

#[test]
fn sizes_are_looked_at_first() {
	let mut combined = CombinedOpening { z: [0xff; 32], ..COMBINED[0].clone() };
	let openings = vec![Opening { z: [0xff; 32], ..OPENINGS[0] }; MAX_ANSWER + 1];
	let term = combined.terms[0];
	let check = |openings: &[Opening], combined: &CombinedOpening| {
		let result = on_all(openings, combined);
		assert_eq!(verify::answer_size(openings, combined), result);
		result
	};
	let too_many = Err(VerifyError::OutOfRange { limit: 4_096, actual: 4_097 });
	combined.terms.clear();
	let none = Err(VerifyError::LengthMismatch { expected: 1, actual: 0 });
	assert_eq!(check(&[], &combined), none);
	assert_eq!(check(&openings[1..], &combined), none);
	assert_eq!(check(&openings, &combined), too_many);
	combined.terms = vec![term; MAX_ANSWER + 1];
	assert_eq!(check(&[], &combined), too_many);
	combined.terms.pop();
	assert_eq!(on_all(&openings[1..], &combined), Err(VerifyError::BadScalar { index: 0 }));
}

/// One of 21 ways to spoil a combined opening.
fn spoil_combined(combined: &mut CombinedOpening, kind: u8, at: usize, byte: u8) {
	let outside = OFF_SUBGROUP[at % OFF_SUBGROUP.len()];
	let invalid = OFF_CURVE[at % OFF_CURVE.len()];
	let terms = &mut combined.terms;
	let count = terms.len();
	let Some((commitment, factor)) = terms.get_mut(at % count.max(1)) else { return };
	match kind {
		0 => combined.z[at % 32] ^= byte,
		1 => combined.y[at % 32] ^= byte,
		2 => combined.proof[at % 48] ^= byte,
		3 => commitment[at % 48] ^= byte,
		4 => factor[at % 32] ^= byte,
		5 => combined.z = alias(&combined.z),
		6 => combined.y = alias(&combined.y),
		7 => *factor = alias(factor),
		8 => combined.proof = outside,
		9 => combined.proof = invalid,
		10 => combined.proof = INFINITY,
		11 => *commitment = outside,
		12 => *commitment = invalid,
		13 => *commitment = INFINITY,
		14 => commitment[0] ^= byte & 0xe0,
		15 => combined.proof[0] ^= byte & 0xe0,
		16 => *factor = [0; 32],
		17 => terms.rotate_left(at % count),
		18 => terms.truncate(at % count),
		19 => terms.push(terms[at % count]),
		_ => {
			let other = terms[usize::from(byte) % count].0;
			terms[at % count].0 = other;
		},
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(192))]

	#[test]
	fn backends_agree_on_spoilt_answers(
		openings in 0..4usize,
		pick in 0..4usize,
		spoils in proptest::collection::vec((0..21u8, 0..96usize, 1..=255u8), 0..3),
		spoils_of_openings in
			proptest::collection::vec((0..3usize, 0..15u8, 0..96usize, 1..=255u8), 0..2),
	) {
		let mut openings = OPENINGS[..openings].to_vec();
		let mut combined = COMBINED[pick].clone();
		let valid = (openings.clone(), combined.clone());
		for (kind, at, byte) in spoils {
			spoil_combined(&mut combined, kind, at, byte);
		}
		for (index, kind, at, byte) in spoils_of_openings {
			if let Some(opening) = openings.get_mut(index) {
				spoil(opening, kind, at, byte);
			}
		}
		let result = verify(&openings, &combined);
		if (openings, combined) == valid {
			prop_assert_eq!(result, Ok(()));
		}
	}
}
