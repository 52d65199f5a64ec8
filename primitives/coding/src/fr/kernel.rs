//! Many scalars at once: combinations of `K` blobs.

use super::{
	field::{self, Limbs},
	weights::Weights,
};
use crate::row::Scalars;
use nil_kzg::encoding;
use nil_types::layout::SCALARS_PER_BLOB;

/// Scalars that are taken from each blob at a time. Blobs lie at multiples of large powers of two, so that places of
/// equal number in all of them fight for the same few lines of the first level cache; taken in runs, they do not.
const BLOCK: usize = 32;
const _: () = assert!(SCALARS_PER_BLOB.is_multiple_of(BLOCK));

/// One combination, ready for the loop over scalars.
enum Combination<const K: usize> {
	/// `scale * sum c_j d_j` with integers `c_j`.
	Small {
		magnitudes: [u64; K],
		/// All ones where the coefficient is negative.
		signs: [u64; K],
		/// Where the columns start, see [`sum`].
		start: [i128; 4],
		scale: Option<Limbs>,
	},
	/// `sum w_j d_j` with field elements `w_j` in Montgomery form.
	Full([Limbs; K]),
}

impl<const K: usize> Combination<K> {
	/// `None` when there are not `K` weights.
	fn new(weights: &Weights) -> Option<Self> {
		Some(match weights {
			Weights::Full(weights) => Self::Full(weights.as_slice().try_into().ok()?),
			Weights::Small { numerators, denominator } => {
				let numerators: [i64; K] = numerators.as_slice().try_into().ok()?;
				let magnitudes = numerators.map(i64::unsigned_abs);
				let signs = numerators.map(|n| if n < 0 { u64::MAX } else { 0 });
				let negative: u64 =
					numerators.iter().filter(|n| **n < 0).map(|n| n.unsigned_abs()).sum();
				// A negative term is added as `c * (2^64 - 1 - limb)` in each column, so `c * (2^64 - 1)` is taken off
				// first; and `negative * r`, which is at least all that negative terms take off, keeps the sum from
				// going below zero.
				let start = encoding::MODULUS
					.map(|limb| i128::from(negative) * (i128::from(limb) - i128::from(u64::MAX)));
				Self::Small { magnitudes, signs, start, scale: Weights::scale(*denominator) }
			},
		})
	}

	#[inline(always)]
	fn apply(&self, data: &[Limbs; K]) -> Limbs {
		match self {
			Self::Small { magnitudes, signs, start, scale } => {
				let value = field::reduce(sum(magnitudes, signs, start, data));
				match scale {
					Some(scale) => field::mont_mul(&value, scale),
					None => value,
				}
			},
			Self::Full(weights) => weights.iter().zip(data).fold([0; 4], |sum, (weight, value)| {
				field::add(&sum, &field::mont_mul(value, weight))
			}),
		}
	}
}

/// The sum of integer multiples, limb by limb in columns of 128 bits, so that carries run once, at the end.
///
/// With magnitudes that sum to less than 2^48, a column stays far below 2^127, and the total is at least 0 and below
/// `2^48 * r`.
#[inline(always)]
fn sum<const K: usize>(
	magnitudes: &[u64; K],
	signs: &[u64; K],
	start: &[i128; 4],
	data: &[Limbs; K],
) -> [u64; 5] {
	let mut columns = *start;
	for j in 0..K {
		for (column, limb) in columns.iter_mut().zip(data[j]) {
			*column += (u128::from(magnitudes[j]) * u128::from(limb ^ signs[j])) as i128;
		}
	}
	let mut limbs = [0; 5];
	let mut carry = 0i128;
	for (limb, column) in limbs.iter_mut().zip(columns) {
		carry += column;
		*limb = carry as u64;
		carry >>= 64;
	}
	limbs[4] = carry as u64;
	limbs
}

/// Writes into each target its combination of `sources`, and returns the largest top limb of each source, by which
/// the caller tells whether its scalars were small enough: looking at them here saves a pass over memory. When they
/// were not, what is written means nothing.
///
/// `None` when the numbers of sources, weights and targets do not agree, or the number of sources is no profile's `k`.
pub(super) fn combine(
	sources: &[&Scalars],
	weights: &[Weights],
	targets: &mut [&mut Scalars],
) -> Option<Vec<u64>> {
	match sources.len() {
		1 => combine_sized::<1>(sources, weights, targets),
		2 => combine_sized::<2>(sources, weights, targets),
		4 => combine_sized::<4>(sources, weights, targets),
		8 => combine_sized::<8>(sources, weights, targets),
		16 => combine_sized::<16>(sources, weights, targets),
		_ => None,
	}
}

fn combine_sized<const K: usize>(
	sources: &[&Scalars],
	weights: &[Weights],
	targets: &mut [&mut Scalars],
) -> Option<Vec<u64>> {
	let sources: &[&Scalars; K] = sources.try_into().ok()?;
	let combinations: Vec<Combination<K>> =
		weights.iter().map(Combination::new).collect::<Option<_>>()?;
	if combinations.len() != targets.len() {
		return None;
	}
	let mut largest = [0; K];
	let mut data = [[[0; 4]; K]; BLOCK];
	for start in (0..SCALARS_PER_BLOB).step_by(BLOCK) {
		for (slot, blob) in sources.iter().enumerate() {
			for (values, scalar) in data.iter_mut().zip(&blob[start..]) {
				let limbs = encoding::be_to_limbs(scalar);
				largest[slot] = limbs[3].max(largest[slot]);
				values[slot] = limbs;
			}
		}
		for (combination, target) in combinations.iter().zip(targets.iter_mut()) {
			for (scalar, values) in target[start..].iter_mut().zip(&data) {
				*scalar = encoding::limbs_to_be(&combination.apply(values));
			}
		}
	}
	Some(largest.to_vec())
}
