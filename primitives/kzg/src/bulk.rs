//! Many blobs against their commitments at once: one multi-scalar multiplication in all.
//!
//! With secret random `rho_i`, `commit(sum rho_i B_i) = sum rho_i C_i` holds for honest blobs and fails, but for a
//! chance of `2^-128`, when any blob is not the one that its commitment commits to. The coefficients are drawn after
//! the blobs are in hand and never leave, so no transcript is hashed.

use crate::{
	Blob, G1Affine, MsmEngine, SCALARS_PER_BLOB, encoding,
	field::{Fr, G1Projective},
	msm,
	prover::{checked, to_blob},
};
use rand::RngCore;
use rayon::prelude::*;

/// Scalars that are summed up together: their sums stay in the first level cache.
const STRIP: usize = 256;
/// Commitments that are multiplied together on one core.
const POINTS_PER_TASK: usize = 256;
/// Products that a sum of 448 bits has room for: products have at most 383 bits.
const MAX_SUMMANDS: usize = 1 << 32;

/// A commitment and the blob that is said to belong to it.
pub type Claim<'a> = (&'a G1Affine, &'a Blob);

/// Whether every blob is the one that its commitment commits to. True for no claims.
///
/// The commitments must be in the prime-order subgroup, as those from [`G1Affine::decompress`] are.
pub fn verify_blobs(engine: &dyn MsmEngine, claims: &[Claim<'_>]) -> bool {
	claims.chunks(MAX_SUMMANDS).all(|claims| verify(engine, claims))
}

/// The claims that are false, by index, in order. Takes one check when all hold, and about `2 log2(n)` for each false
/// claim otherwise.
pub fn find_bad(engine: &dyn MsmEngine, claims: &[Claim<'_>]) -> Vec<usize> {
	let mut bad = Vec::new();
	if !verify_blobs(engine, claims) {
		bisect(engine, claims, 0, &mut bad);
	}
	bad
}

/// Finds the bad ones among `claims`, at least one of which is bad; `offset` is the index of the first.
fn bisect(engine: &dyn MsmEngine, claims: &[Claim<'_>], offset: usize, bad: &mut Vec<usize>) {
	if claims.len() <= 1 {
		bad.extend((0..claims.len()).map(|i| offset + i));
		return;
	}
	let (left, right) = claims.split_at(claims.len() / 2);
	let left_is_bad = !verify_blobs(engine, left);
	if left_is_bad {
		bisect(engine, left, offset, bad);
	}
	// When the left half holds, the right one need not be checked to know that it does not.
	if !left_is_bad || !verify_blobs(engine, right) {
		bisect(engine, right, offset + left.len(), bad);
	}
}

fn verify(engine: &dyn MsmEngine, claims: &[Claim<'_>]) -> bool {
	if claims.is_empty() {
		return true;
	}
	let mut random = rand::rng();
	let coefficients: Vec<[u64; 2]> =
		claims.iter().map(|_| [random.next_u64(), random.next_u64()]).collect();
	let blob = to_blob(&combine(claims, &coefficients));
	let actual = engine.commit(&[checked(&blob)]);
	let expected = claims
		.par_chunks(POINTS_PER_TASK)
		.zip(coefficients.par_chunks(POINTS_PER_TASK))
		.map(|(claims, coefficients)| {
			let points: Vec<_> = claims.iter().map(|(commitment, _)| **commitment).collect();
			let scalars: Vec<_> =
				coefficients.iter().map(|[low, high]| [*low, *high, 0, 0]).collect();
			G1Projective::from_affine(&msm::multiply(&points, &scalars, 128).0)
		})
		.reduce(G1Projective::default, |a, b| a.plus(&b));
	actual == [G1Affine(expected.to_affine())]
}

/// `sum coefficients[i] * blobs[i]`, scalar by scalar. Products are summed as integers and reduced once.
fn combine(claims: &[Claim<'_>], coefficients: &[[u64; 2]]) -> Vec<Fr> {
	let mut sums = vec![Fr::ZERO; SCALARS_PER_BLOB];
	sums.par_chunks_mut(STRIP).enumerate().for_each(|(strip, sums)| {
		let mut wide = [[0u64; 7]; STRIP];
		for ((_, blob), coefficient) in claims.iter().zip(coefficients) {
			let scalars = blob.scalars().iter().skip(strip * STRIP);
			for (sum, scalar) in wide.iter_mut().zip(scalars) {
				multiply_add(sum, coefficient, &encoding::be_to_limbs(scalar));
			}
		}
		for (sum, wide) in sums.iter_mut().zip(&wide) {
			*sum = reduce(wide);
		}
	});
	sums
}

/// `sum += a * b` for 128 by 256 bits. The sum has room for [`MAX_SUMMANDS`] such products.
#[inline(always)]
fn multiply_add(sum: &mut [u64; 7], a: &[u64; 2], b: &[u64; 4]) {
	for (i, a) in a.iter().enumerate() {
		let mut carry = 0;
		for (j, b) in b.iter().enumerate() {
			(sum[i + j], carry) = b.carrying_mul_add(*a, sum[i + j], carry);
		}
		let mut carry = (carry, false);
		for limb in &mut sum[i + 4..] {
			let (value, overflow) = limb.overflowing_add(carry.0);
			*limb = value;
			carry = (u64::from(overflow), overflow);
		}
	}
}

/// A number of 448 bits in the scalar field.
fn reduce(wide: &[u64; 7]) -> Fr {
	// 2^192 splits it into three parts that are canonical by size.
	let part = |limbs: &[u64]| {
		let mut part = [0; 4];
		part[..limbs.len()].copy_from_slice(limbs);
		Fr::from_limbs(&part)
	};
	let shift = Fr::from_limbs(&[0, 0, 0, 1]);
	part(&wide[..3]) + (part(&wide[3..6]) + part(&wide[6..]) * shift) * shift
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::encoding::MODULUS;

	#[test]
	fn wide_sums_agree_with_field_arithmetic() {
		let mut largest = MODULUS;
		largest[0] -= 1;
		let scalars = [[0; 4], [1, 0, 0, 0], [u64::MAX, u64::MAX, u64::MAX, 0], largest];
		let coefficients = [[0, 0], [1, 0], [u64::MAX, 0], [u64::MAX, u64::MAX]];
		let mut wide = [0; 7];
		let mut expected = Fr::ZERO;
		for _ in 0..1000 {
			for scalar in &scalars {
				for coefficient in &coefficients {
					multiply_add(&mut wide, coefficient, scalar);
					let [low, high] = *coefficient;
					expected =
						expected + Fr::from_limbs(&[low, high, 0, 0]) * Fr::from_limbs(scalar);
				}
			}
		}
		assert_eq!(reduce(&wide), expected);
		assert_eq!(reduce(&[u64::MAX; 7]), {
			let two = Fr::from_u64(2);
			two.pow(&[448]) - Fr::from_u64(1)
		});
	}
}
