//! Points are read and tested for the subgroup as arkworks and blst do it, wherever on the curve they lie.

mod common;

use ark_bls12_381::{Fq, G1Affine, G1Projective};
use ark_ec::{AdditiveGroup, AffineRepr, CurveGroup};
use ark_ff::{PrimeField, Zero};
use common::odd::{OFF_CURVE, OFF_SUBGROUP};
use nil_kzg::{
	encoding::{self, Form},
	native::Native,
	portable::Portable,
	setup,
	verify::{Backend, G1_GENERATOR},
};
use proptest::prelude::*;
use rand::{Rng, rngs::StdRng};

/// The prime factors of the cofactor. All but 3 divide it twice, and no point has an order divisible by the square of
/// one.
const PRIMES: [u64; 5] = [3, 11, 10_177, 859_267, 52_437_899];

/// Reads a compressed point in every way, and tells whether it is in the subgroup; `None` where it is no finite point.
fn check(bytes: &[u8; 48]) -> Option<bool> {
	if encoding::compressed_form(bytes) != Some(Form::Finite) {
		return None;
	}
	let x = Fq::from_be_bytes_mod_order(&encoding::x_coordinate(bytes));
	let expected = G1Affine::get_point_from_x_unchecked(x, encoding::larger_y(bytes));
	let point = Portable::decompress(bytes);
	assert_eq!(point, expected, "{bytes:x?}");
	let native = Native::decompress(bytes);
	assert_eq!(native.is_some(), point.is_some(), "{bytes:x?}");
	let (point, native) = (point?, native?);
	let uncompressed = Native::serialize(&native);
	assert_eq!(Portable::serialize(&point), uncompressed);
	assert_eq!(Portable::deserialize(&uncompressed), Some(point));
	let member = Portable::in_subgroup(&point);
	assert_eq!(member, point.is_in_correct_subgroup_assuming_on_curve(), "{bytes:x?}");
	assert_eq!(member, Native::in_subgroup(&native), "{bytes:x?}");
	Some(member)
}

/// The same for a finite point and its negative.
fn is_member(point: G1Projective) -> bool {
	let [member, negated] = [point, -point].map(|point| {
		let point = point.into_affine();
		let bytes = Portable::compress(&point);
		assert_eq!(Portable::decompress(&bytes), Some(point));
		check(&bytes).expect("a finite point of the curve")
	});
	assert_eq!(member, negated);
	member
}

fn check_uncompressed(bytes: &[u8; 96]) {
	if encoding::uncompressed_form(bytes) == Some(Form::Finite) {
		let point = Portable::deserialize(bytes);
		let native = Native::deserialize(bytes);
		assert_eq!(point.is_some(), native.is_some(), "{bytes:x?}");
		if let Some(point) = point {
			assert!(point.is_on_curve());
			assert_eq!(&Portable::serialize(&point), bytes);
		}
	}
}

/// By doubling and adding: arkworks' own multiplication is for points of the subgroup.
fn times(point: G1Projective, limbs: &[u64]) -> G1Projective {
	let mut sum = G1Projective::zero();
	for limb in limbs.iter().rev() {
		for bit in (0..64).rev() {
			sum.double_in_place();
			if limb >> bit & 1 == 1 {
				sum += &point;
			}
		}
	}
	sum
}

/// A point of the curve.
fn random_point(rng: &mut StdRng) -> G1Projective {
	loop {
		let x = Fq::from_be_bytes_mod_order(&rng.random::<[u8; 48]>());
		if let Some(point) = G1Affine::get_point_from_x_unchecked(x, rng.random()) {
			return point.into();
		}
	}
}

/// A point of the subgroup, not infinity.
fn random_member(rng: &mut StdRng) -> G1Projective {
	times(
		G1Affine::generator().into(),
		&[rng.random_range(1..u64::MAX), rng.random(), rng.random()],
	)
}

/// A point of this order, one of [`PRIMES`].
fn of_order(prime: u64, rng: &mut StdRng) -> G1Projective {
	loop {
		let mut point = times(random_point(rng), &encoding::MODULUS);
		for other in PRIMES.into_iter().filter(|other| *other != prime) {
			point = times(point, &[other]);
		}
		if !point.is_zero() {
			assert!(times(point, &[prime]).is_zero());
			return point;
		}
	}
}

#[test]
fn members_are_members() {
	let mut rng = common::rng(50);
	assert_eq!(check(&G1_GENERATOR), Some(true));
	for _ in 0..100 {
		assert!(is_member(random_member(&mut rng)));
	}
	for bytes in setup::g1_lagrange().iter().take(20) {
		let point = Portable::deserialize(bytes).unwrap();
		assert!(is_member(point.into()));
	}
	// Small multiples: the additions of the test meet small multiples of their point.
	let generator = G1Projective::from(G1Affine::generator());
	for i in 1..150 {
		assert!(is_member(times(generator, &[i])));
	}
	assert!(Portable::in_subgroup(&Portable::infinity()));
}

#[test]
fn other_points_are_not() {
	let mut rng = common::rng(51);
	for _ in 0..100 {
		let point = random_point(&mut rng);
		assert!(!is_member(point));
		// Without its part in the subgroup.
		assert!(!is_member(times(point, &encoding::MODULUS)));
	}
	for bytes in &*OFF_SUBGROUP {
		assert_eq!(check(bytes), Some(false));
	}
	for bytes in &*OFF_CURVE {
		assert_eq!(check(bytes), None);
	}
}

#[test]
fn points_of_small_order_are_not() {
	let mut rng = common::rng(52);
	for prime in PRIMES {
		for _ in 0..4 {
			let small = of_order(prime, &mut rng);
			assert!(!is_member(small), "{prime}");
			assert!(!is_member(small + random_member(&mut rng)), "{prime}");
		}
	}
	// Every multiple of a point of order 33, and the same beside a member.
	let small = of_order(3, &mut rng) + of_order(11, &mut rng);
	let member = random_member(&mut rng);
	for i in 1..33 {
		let multiple = times(small, &[i]);
		assert!(!multiple.is_zero());
		assert!(!is_member(multiple), "{i}");
		assert!(!is_member(multiple + member), "{i}");
	}
}

#[test]
fn coordinates_at_the_ends_of_their_range() {
	for small in 0..200u8 {
		for flags in [0x80, 0xa0] {
			let mut bytes = [0u8; 48];
			bytes[47] = small;
			bytes[0] |= flags;
			check(&bytes);
			// From the modulus down.
			let x = -Fq::from(u64::from(small) + 1);
			let (chunks, _) = bytes.as_chunks_mut::<8>();
			for (chunk, word) in chunks.iter_mut().rev().zip(x.into_bigint().0) {
				*chunk = word.to_be_bytes();
			}
			bytes[0] |= flags;
			check(&bytes);
		}
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(512))]

	#[test]
	fn any_bytes(mut bytes: [u8; 48], flags in 0..8u8, zeros in 0..48usize) {
		bytes[..zeros].fill(0);
		bytes[0] = bytes[0] & 0x1f | flags << 5;
		check(&bytes);
	}

	#[test]
	fn any_coordinates(mut bytes: [u8; 96], seed: u64, spoilt in 0..3u8, at in 0..96usize) {
		if spoilt < 2 {
			let point = random_point(&mut common::rng(seed)).into_affine();
			bytes = Portable::serialize(&point);
		} else {
			bytes[0] &= 0x1f;
			bytes[48] &= 0x1f;
		}
		if spoilt == 1 {
			bytes[at] ^= 1 << (seed % 8);
		}
		check_uncompressed(&bytes);
	}

	#[test]
	fn sums_of_small_orders(
		seed in 0..4u64,
		multiples in proptest::collection::vec(0..120u64, PRIMES.len()),
		factor in 0..3u64,
	) {
		let mut rng = common::rng(seed);
		let mut sum = G1Projective::zero();
		for (prime, multiple) in PRIMES.into_iter().zip(multiples) {
			sum += &times(of_order(prime, &mut rng), &[multiple]);
		}
		let expected = sum.is_zero();
		sum += &times(random_member(&mut rng), &[factor]);
		if !sum.is_zero() {
			prop_assert_eq!(is_member(sum), expected);
		}
	}
}
