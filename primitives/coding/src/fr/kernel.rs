//! Many scalars at once: combinations of `K` blobs.

use super::{
	field::{self, Limbs},
	weights::Weights,
};
use crate::row::Scalars;
use nil_kzg::encoding;

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

/// Writes into each target its combination of `sources`. Returns whether it did: not when the numbers of sources and
/// weights do not agree or `k` does not divide 64.
pub(super) fn combine(
	sources: &[&Scalars],
	weights: &[Weights],
	targets: &mut [&mut Scalars],
) -> bool {
	match sources.len() {
		1 => combine_sized::<1>(sources, weights, targets),
		2 => combine_sized::<2>(sources, weights, targets),
		4 => combine_sized::<4>(sources, weights, targets),
		8 => combine_sized::<8>(sources, weights, targets),
		16 => combine_sized::<16>(sources, weights, targets),
		_ => None,
	}
	.is_some()
}

fn combine_sized<const K: usize>(
	sources: &[&Scalars],
	weights: &[Weights],
	targets: &mut [&mut Scalars],
) -> Option<()> {
	let sources: &[&Scalars; K] = sources.try_into().ok()?;
	let combinations: Vec<Combination<K>> =
		weights.iter().map(Combination::new).collect::<Option<_>>()?;
	if combinations.len() != targets.len() {
		return None;
	}
	for place in 0..sources[0].len() {
		let data = sources.map(|blob| encoding::be_to_limbs(&blob[place]));
		for (combination, target) in combinations.iter().zip(targets.iter_mut()) {
			target[place] = encoding::limbs_to_be(&combination.apply(&data));
		}
	}
	Some(())
}
