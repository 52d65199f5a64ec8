//! The coefficients of batched checks, which every implementation must draw alike.
//!
//! The expected values were computed with another implementation of BLAKE2b (Python's `hashlib`), from the transcript
//! that the documentation of [`verify`] writes down.

use nil_kzg::{
	CombinedOpening, Opening, PointRef, VerifyError,
	verify::{self, Backend},
};
use std::cell::RefCell;

/// No arithmetic: it takes every input for valid and keeps the coefficients that it is to multiply with.
struct Recorder;

thread_local! {
	static COEFFICIENTS: RefCell<Vec<u128>> = const { RefCell::new(Vec::new()) };
}

impl Backend for Recorder {
	type Fr = [u64; 4];
	type G1 = u8;

	fn scalar(limbs: &[u64; 4]) -> [u64; 4] {
		*limbs
	}

	fn add(_: [u64; 4], _: [u64; 4]) -> [u64; 4] {
		[0; 4]
	}

	fn mul(_: [u64; 4], _: [u64; 4]) -> [u64; 4] {
		[0; 4]
	}

	fn neg(_: [u64; 4]) -> [u64; 4] {
		[0; 4]
	}

	fn infinity() -> u8 {
		0
	}

	fn is_infinity(_: &u8) -> bool {
		true
	}

	fn decompress(_: &[u8; 48]) -> Option<u8> {
		Some(0)
	}

	fn deserialize(_: &[u8; 96]) -> Option<u8> {
		Some(0)
	}

	fn compress(_: &u8) -> [u8; 48] {
		[0; 48]
	}

	fn serialize(_: &u8) -> [u8; 96] {
		[0; 96]
	}

	fn in_subgroup(_: &u8) -> bool {
		true
	}

	fn add_points(_: &u8, _: &u8) -> u8 {
		0
	}

	fn msm(_: &[u8], scalars: &[[u64; 4]], bits: usize) -> u8 {
		// The proofs, or the parity points, are multiplied with all coefficients and other points with some of them.
		if bits == 128 {
			let list: Vec<_> = scalars
				.iter()
				.map(|[low, high, rest @ ..]| {
					assert_eq!(rest, &[0; 2]);
					u128::from(*low) | u128::from(*high) << 64
				})
				.collect();
			COEFFICIENTS.with_borrow_mut(|longest| {
				if list.len() > longest.len() {
					*longest = list;
				}
			});
		}
		0
	}

	fn lagrange_msm(_: usize, _: &[[u64; 4]]) -> u8 {
		0
	}

	fn pairings_agree(_: &u8, _: &u8) -> bool {
		true
	}
}

/// The coefficients that `check` drew.
fn drawn(check: impl FnOnce() -> Result<(), VerifyError>) -> Vec<u128> {
	COEFFICIENTS.take();
	assert_eq!(check(), Ok(()));
	COEFFICIENTS.take()
}

/// Something of the form of a compressed point.
fn point(byte: u8) -> [u8; 48] {
	let mut bytes = [byte; 48];
	bytes[0] |= 0x80;
	bytes
}

fn two_openings() -> [Opening; 2] {
	[
		Opening { point: PointRef::Trusted([1; 96]), z: [2; 32], y: [3; 32], proof: point(4) },
		Opening { point: PointRef::Compressed(point(5)), z: [6; 32], y: [7; 32], proof: point(8) },
	]
}

#[test]
fn coefficients_of_openings_are_pinned() {
	assert_eq!(
		drawn(|| verify::openings::<Recorder>(&two_openings())),
		[0x77d5_3885_6dd9_6c9f_6300_0bb7_5eb9_9074, 0xb0a4_c6e4_7063_20e6_d994_5a07_02dc_91c2]
	);
}

fn two_terms() -> CombinedOpening {
	CombinedOpening {
		terms: vec![(point(9), [10; 32]), (point(11), [12; 32])],
		z: [13; 32],
		y: [14; 32],
		proof: point(15),
	}
}

#[test]
fn coefficients_of_answers_are_pinned() {
	let [opening, _] = two_openings();
	assert_eq!(
		drawn(|| verify::answer::<Recorder>(&[opening], &two_terms())),
		[0x061a_3154_4379_3d70_6380_8c46_eaf7_78a4, 0x8b95_20c5_fff6_ee9e_3df0_f633_57aa_e58d]
	);
	assert_eq!(
		drawn(|| verify::answer::<Recorder>(&[], &two_terms())),
		[0xd8b1_de0c_9e6e_db0e_f6f8_7861_0d76_2e8d]
	);
}

#[test]
fn coefficients_of_parity_are_pinned() {
	let points = [1, 2, 3, 4].map(point);
	assert_eq!(
		drawn(|| verify::parity::<Recorder>((2, 2), &points[..2], &points[2..])),
		[0x96a4_1f9a_4b20_1f01_92f4_77fd_6199_c035, 0x68f8_5a3e_62fd_5acf_e94f_1be4_d943_5ae9]
	);
}

/// Coefficients that did not depend on an input would let its maker choose it after them.
#[test]
fn every_input_of_openings_counts() {
	let expected = drawn(|| verify::openings::<Recorder>(&two_openings()));
	for i in 0..2 {
		let changes: [fn(&mut Opening); 5] = [
			|opening| opening.z[31] ^= 1,
			|opening| opening.y[31] ^= 1,
			|opening| opening.proof[47] ^= 1,
			|opening| opening.point = PointRef::Trusted([9; 96]),
			|opening| opening.point = PointRef::Compressed(point(9)),
		];
		for change in changes {
			let mut openings = two_openings();
			change(&mut openings[i]);
			let actual = drawn(|| verify::openings::<Recorder>(&openings));
			assert!(actual.iter().zip(&expected).all(|(a, b)| a != b));
		}
	}
	let mut exchanged = two_openings();
	exchanged.reverse();
	assert_ne!(drawn(|| verify::openings::<Recorder>(&exchanged)), expected);
}

#[test]
fn every_input_of_answers_counts() {
	let check = |change: fn(&mut [Opening; 2], &mut CombinedOpening)| {
		let (mut openings, mut combined) = (two_openings(), two_terms());
		change(&mut openings, &mut combined);
		drawn(|| verify::answer::<Recorder>(&openings, &combined))
	};
	let expected = check(|_, _| ());
	assert_eq!(expected.len(), 3);
	let changes: [fn(&mut [Opening; 2], &mut CombinedOpening); 11] = [
		|openings, _| openings[0].y[31] ^= 1,
		|openings, _| openings[1].proof[47] ^= 1,
		|_, combined| combined.z[31] ^= 1,
		|_, combined| combined.y[31] ^= 1,
		|_, combined| combined.proof[47] ^= 1,
		|_, combined| combined.terms[0].0[47] ^= 1,
		|_, combined| combined.terms[1].0[47] ^= 1,
		|_, combined| combined.terms[0].1[31] ^= 1,
		|_, combined| combined.terms[1].1[31] ^= 1,
		|_, combined| combined.terms.reverse(),
		|_, combined| combined.terms.truncate(1),
	];
	for change in changes {
		let actual = check(change);
		assert!(actual.iter().zip(&expected).all(|(a, b)| a != b));
	}
}

#[test]
fn every_input_of_parity_counts() {
	let points = [1, 2, 3, 4].map(point);
	let check = |points: &[[u8; 48]], k: u8| {
		let (data, parity) = points.split_at(usize::from(k));
		drawn(|| verify::parity::<Recorder>((k, 4 - k), data, parity))
	};
	let expected = check(&points, 2);
	for i in 0..4 {
		let mut changed = points;
		changed[i][47] ^= 1;
		let actual = check(&changed, 2);
		assert!(actual.iter().zip(&expected).all(|(a, b)| a != b));
	}
	for k in [1, 3] {
		assert_ne!(check(&points, k)[0], expected[0]);
	}
}
