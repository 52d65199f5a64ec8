//! The backend on arkworks: `no_std`, for the inside of the runtime and for hosts without blst.
//!
//! Points are read and tested in a base field of our own that suits wasm better, and are arkworks' afterwards.

use crate::{
	SCALARS_PER_BLOB, ScalarBytes, encoding, g1, setup,
	types::{CombinedOpening, Opening, VerifyError},
	verify::{self, Backend},
};
use alloc::{vec, vec::Vec};
use ark_bls12_381::{
	Bls12_381, Fq, Fq2, Fr, G1Affine, G1Projective, G2Affine, g1::Config as G1Config,
};
use ark_ec::{AdditiveGroup, AffineRepr, CurveGroup, pairing::Pairing, short_weierstrass::Bucket};
use ark_ff::{BigInt, FftField, Field, PrimeField, Zero};

/// [`verify::openings`] on this backend.
pub fn verify_openings(openings: &[Opening]) -> Result<(), VerifyError> {
	verify::openings::<Portable>(openings)
}

/// [`verify::answer`] on this backend.
pub fn verify_answer(openings: &[Opening], combined: &CombinedOpening) -> Result<(), VerifyError> {
	verify::answer::<Portable>(openings, combined)
}

/// [`verify::parity`] on this backend.
pub fn verify_parity(
	profile_k_m: (u8, u8),
	data: &[[u8; 48]],
	parity: &[[u8; 48]],
) -> Result<(), VerifyError> {
	verify::parity::<Portable>(profile_k_m, data, parity)
}

/// [`verify::extend_manifest`] on this backend.
pub fn extend_manifest(
	manifest: &[u8; 96],
	first: u32,
	roots: &[[u8; 32]],
) -> Result<[u8; 96], VerifyError> {
	verify::extend_manifest::<Portable>(manifest, first, roots)
}

/// [`verify::compress`] on this backend.
pub fn compress(point: &[u8; 96]) -> Result<[u8; 48], VerifyError> {
	verify::compress::<Portable>(point)
}

/// The point at which the polynomial of a blob has the value of scalar `index`: `omega^brp(index)`. There a manifest opens
/// to the root of its MDU `index`.
///
/// `None` when a blob has no such scalar. Provers have all of them in a table, for which a runtime has no room.
pub fn domain_point(index: usize) -> Option<ScalarBytes> {
	if index >= SCALARS_PER_BLOB {
		return None;
	}
	let bits = SCALARS_PER_BLOB.ilog2();
	let mut power = Fr::TWO_ADIC_ROOT_OF_UNITY;
	for _ in bits..Fr::TWO_ADICITY {
		power.square_in_place();
	}
	// From omega on, one square after the other: the exponent's bits from the lowest, which are the index's from the
	// highest.
	let mut point = Fr::ONE;
	for bit in (0..bits).rev() {
		if index >> bit & 1 == 1 {
			point *= power;
		}
		power.square_in_place();
	}
	Some(encoding::limbs_to_be(&point.into_bigint().0))
}

/// arkworks.
#[derive(Clone, Copy, Debug)]
pub struct Portable;

impl Backend for Portable {
	type Fr = Fr;
	type G1 = G1Affine;

	fn scalar(limbs: &[u64; 4]) -> Fr {
		// Reduces what is not canonical, which cannot happen here.
		Fr::from(BigInt(*limbs))
	}

	fn add(a: Fr, b: Fr) -> Fr {
		a + b
	}

	fn mul(a: Fr, b: Fr) -> Fr {
		a * b
	}

	fn neg(a: Fr) -> Fr {
		-a
	}

	fn infinity() -> G1Affine {
		G1Affine::identity()
	}

	fn is_infinity(point: &G1Affine) -> bool {
		point.is_zero()
	}

	fn decompress(bytes: &[u8; 48]) -> Option<G1Affine> {
		let x = words(&encoding::x_coordinate(bytes));
		let y = g1::y_coordinate(&x, encoding::larger_y(bytes))?;
		Some(G1Affine::new_unchecked(from_words(x)?, from_words(y)?))
	}

	fn deserialize(bytes: &[u8; 96]) -> Option<G1Affine> {
		let (coordinates, _) = bytes.as_chunks::<48>();
		let (x, y) = (words(&coordinates[0]), words(&coordinates[1]));
		// (0, 0) is not on the curve. For arkworks it is infinity, which has an encoding of its own and is no finite point.
		if !g1::is_on_curve(&x, &y) {
			return None;
		}
		Some(G1Affine::new_unchecked(from_words(x)?, from_words(y)?))
	}

	fn compress(point: &G1Affine) -> [u8; 48] {
		match point.xy() {
			None => encoding::INFINITY_COMPRESSED,
			Some((x, y)) => encoding::compress_coordinates(&coordinate_bytes(&x), y > -y),
		}
	}

	fn serialize(point: &G1Affine) -> [u8; 96] {
		match point.xy() {
			None => encoding::INFINITY_UNCOMPRESSED,
			Some((x, y)) => {
				let mut bytes = [0; 96];
				bytes[..48].copy_from_slice(&coordinate_bytes(&x));
				bytes[48..].copy_from_slice(&coordinate_bytes(&y));
				bytes
			},
		}
	}

	fn in_subgroup(point: &G1Affine) -> bool {
		point.xy().is_none_or(|(x, y)| g1::in_subgroup(&x.into_bigint().0, &y.into_bigint().0))
	}

	fn add_points(a: &G1Affine, b: &G1Affine) -> G1Affine {
		(*a + *b).into_affine()
	}

	fn msm(points: &[G1Affine], scalars: &[Fr], bits: usize) -> G1Affine {
		let limbs: Vec<_> = scalars.iter().map(|scalar| scalar.into_bigint().0).collect();
		pippenger(points, &limbs, bits).into_affine()
	}

	fn lagrange_msm(first: usize, scalars: &[Fr]) -> G1Affine {
		Self::msm(&lagrange_points(first, scalars.len()), scalars, Fr::MODULUS_BIT_SIZE as usize)
	}

	fn pairings_agree(a: &G1Affine, b: &G1Affine) -> bool {
		let product = Bls12_381::multi_miller_loop([*a, -*b], g2_points());
		Bls12_381::final_exponentiation(product).is_some_and(|output| output.is_zero())
	}
}

/// Pippenger's method with unsigned windows. arkworks has one too, but it works on all 255 bits of every scalar, and
/// its single multiplications use the curve's endomorphism, which [`Backend::msm`] must not.
fn pippenger(points: &[G1Affine], scalars: &[[u64; 4]], bits: usize) -> G1Projective {
	let window = match points.len() {
		0..=3 => 3,
		4..=15 => 4,
		n => n.ilog2() as usize + 1 - usize::from(n >= 64),
	};
	let mut sum = G1Projective::zero();
	let mut buckets: Vec<Bucket<G1Config>> = vec![Bucket::default(); (1 << window) - 1];
	for low in (0..bits).step_by(window).collect::<Vec<_>>().into_iter().rev() {
		for _ in 0..window {
			sum.double_in_place();
		}
		buckets.fill(Bucket::default());
		for (point, scalar) in points.iter().zip(scalars) {
			if let Some(bucket) =
				digit(scalar, low, window).checked_sub(1).and_then(|i| buckets.get_mut(i))
			{
				*bucket += point;
			}
		}
		// sum of i * bucket[i] as the sum of running sums from the top.
		let mut running = Bucket::default();
		let mut total = Bucket::default();
		for bucket in buckets.iter().rev() {
			running += bucket;
			total += &running;
		}
		sum += &total;
	}
	sum
}

/// `width` bits of a little-endian number from bit `low` on; bits past its end are 0.
fn digit(limbs: &[u64; 4], low: usize, width: usize) -> usize {
	let at = |i: usize| limbs.get(i).copied().unwrap_or(0);
	let (limb, shift) = (low / 64, low % 64);
	let mut value = at(limb) >> shift;
	if shift + width > 64 {
		value |= at(limb + 1) << (64 - shift);
	}
	(value & ((1 << width) - 1)) as usize
}

/// `count` Lagrange points of the setup from `first` on, as many as there are.
pub(crate) fn lagrange_points(first: usize, count: usize) -> Vec<G1Affine> {
	setup::g1_lagrange().iter().skip(first).take(count).filter_map(read_uncompressed).collect()
}

/// The setup's points of G2: the generator, and `tau` times it.
pub(crate) fn g2_points() -> Vec<G2Affine> {
	setup::g2().iter().filter_map(read_g2).collect()
}

/// A big-endian coordinate as little-endian words.
fn words(bytes: &[u8; 48]) -> g1::Words {
	let (words, _) = bytes.as_chunks::<8>();
	core::array::from_fn(|i| u64::from_be_bytes(words[5 - i]))
}

fn from_words(words: g1::Words) -> Option<Fq> {
	Fq::from_bigint(BigInt(words))
}

fn coordinate(bytes: &[u8; 48]) -> Option<Fq> {
	from_words(words(bytes))
}

fn coordinate_bytes(value: &Fq) -> [u8; 48] {
	let mut bytes = [0; 48];
	let (words, _) = bytes.as_chunks_mut::<8>();
	for (word, limb) in words.iter_mut().rev().zip(value.into_bigint().0) {
		*word = limb.to_be_bytes();
	}
	bytes
}

fn read_uncompressed(bytes: &[u8; 96]) -> Option<G1Affine> {
	let (coordinates, _) = bytes.as_chunks::<48>();
	Some(G1Affine::new_unchecked(coordinate(&coordinates[0])?, coordinate(&coordinates[1])?))
}

fn read_g2(bytes: &[u8; 192]) -> Option<G2Affine> {
	let (c, _) = bytes.as_chunks::<48>();
	Some(G2Affine::new_unchecked(
		Fq2::new(coordinate(&c[1])?, coordinate(&c[0])?),
		Fq2::new(coordinate(&c[3])?, coordinate(&c[2])?),
	))
}
