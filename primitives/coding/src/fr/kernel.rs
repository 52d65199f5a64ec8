//! Many scalars at once: combinations of `K` blobs.

use super::{
	field::{self, Limbs},
	weights::Weights,
};
use crate::row::Scalars;
use nil_kzg::encoding;
use nil_types::layout::SCALARS_PER_BLOB;

/// Scalars that are taken from each blob at a time and combined side by side. Blobs lie at multiples of large powers of
/// two, so that places of equal number in all of them fight for the same few lines of the first level cache; taken in
/// runs, they do not.
const LANES: usize = 32;
const _: () = assert!(SCALARS_PER_BLOB.is_multiple_of(LANES));

/// The limbs of a run of scalars of each of `K` blobs, equal limbs together.
type Run<const K: usize> = [[[u64; LANES]; 4]; K];

/// Sums of magnitudes below this keep a column of [`narrow_sums`] within an `i64`.
const NARROW: u64 = 1 << 30;

/// The low half of a limb.
const LOW: u64 = u32::MAX as u64;

/// One combination, ready for the loop over scalars.
enum Combination<const K: usize> {
	/// `scale * sum c_j d_j` with integers `c_j`, the magnitudes of which sum to less than [`NARROW`]. `start` holds where
	/// the columns of [`narrow_sums`] start.
	Narrow {
		magnitudes: Box<[[u64; LANES]; K]>,
		signs: [u64; K],
		start: [u64; 8],
		scale: Option<Limbs>,
	},
	/// Likewise, below [`field::MAX_MAGNITUDE`].
	Wide { magnitudes: [u64; K], signs: [u64; K], start: [i128; 4], scale: Option<Limbs> },
	/// `sum w_j d_j` with field elements `w_j` in Montgomery form.
	Full([Limbs; K]),
}

impl<const K: usize> Combination<K> {
	/// `None` when there are not `K` weights.
	fn new(weights: &Weights) -> Option<Self> {
		match weights {
			Weights::Full(weights) => Some(Self::Full(weights.as_slice().try_into().ok()?)),
			Weights::Small { numerators, denominator } => {
				let numerators = numerators.as_slice().try_into().ok()?;
				let scale = Weights::scale(*denominator);
				Some(
					Self::narrow(numerators, scale)
						.unwrap_or_else(|| Self::wide(numerators, scale)),
				)
			},
		}
	}

	/// `None` when the magnitudes are too large.
	fn narrow(numerators: &[i64; K], scale: Option<Limbs>) -> Option<Self> {
		let sum = numerators.iter().map(|n| n.unsigned_abs()).fold(0, u64::saturating_add);
		if sum >= NARROW {
			return None;
		}
		// A negative term is added as its complement, which is 1 too little in each column.
		let terms = numerators.iter().filter(|n| **n < 0).count() as u64;
		let negative = negative(numerators);
		let start = std::array::from_fn(|column| {
			let digit = encoding::MODULUS[column / 2] >> (32 * (column % 2)) & LOW;
			negative * digit + terms
		});
		Some(Self::Narrow {
			magnitudes: Box::new(numerators.map(|n| [n.unsigned_abs(); LANES])),
			signs: signs(numerators),
			start,
			scale,
		})
	}

	fn wide(numerators: &[i64; K], scale: Option<Limbs>) -> Self {
		let negative = i128::from(negative(numerators));
		// A negative term is added as `c * (2^64 - 1 - limb)` in each column, so `c * (2^64 - 1)` is taken off first.
		let start =
			encoding::MODULUS.map(|limb| negative * (i128::from(limb) - i128::from(u64::MAX)));
		Self::Wide {
			magnitudes: numerators.map(i64::unsigned_abs),
			signs: signs(numerators),
			start,
			scale,
		}
	}

	/// The combination of each lane, as scalars.
	#[inline(always)]
	fn apply(&self, data: &Run<K>, targets: &mut [[u8; 32]]) {
		match self {
			Self::Narrow { magnitudes, signs, start, scale } => {
				let columns = narrow_sums(magnitudes, signs, start, data);
				each(targets, |lane| scaled(carried(&columns, lane), scale));
			},
			Self::Wide { magnitudes, signs, start, scale } => each(targets, |lane| {
				scaled(wide_sum(magnitudes, signs, start, &lane_of(data, lane)), scale)
			}),
			Self::Full(weights) => each(targets, |lane| {
				let mut sum = [0; 4];
				for (weight, value) in weights.iter().zip(lane_of(data, lane)) {
					sum = field::add(&sum, &field::mont_mul(&value, weight));
				}
				sum
			}),
		}
	}
}

#[inline(always)]
fn each(targets: &mut [[u8; 32]], value: impl Fn(usize) -> Limbs) {
	for (lane, target) in targets.iter_mut().enumerate() {
		*target = encoding::limbs_to_be(&value(lane));
	}
}

#[inline(always)]
fn scaled(value: [u64; 5], scale: &Option<Limbs>) -> Limbs {
	let value = field::reduce(value);
	match scale {
		Some(scale) => field::mont_mul(&value, scale),
		None => value,
	}
}

/// The sum of the negative coefficients' magnitudes. This many times `r` is at least all that negative terms take off, so
/// sums that start with it do not go below zero.
fn negative(numerators: &[i64]) -> u64 {
	numerators.iter().filter(|n| **n < 0).map(|n| n.unsigned_abs()).sum()
}

/// All ones where the coefficient is negative.
fn signs<const K: usize>(numerators: &[i64; K]) -> [u64; K] {
	numerators.map(|n| if n < 0 { u64::MAX } else { 0 })
}

#[inline(always)]
fn lane_of<const K: usize>(data: &Run<K>, lane: usize) -> [Limbs; K] {
	let mut scalars = [[0; 4]; K];
	for (scalar, limbs) in scalars.iter_mut().zip(data) {
		for (value, lanes) in scalar.iter_mut().zip(limbs) {
			*value = lanes[lane];
		}
	}
	scalars
}

/// Sums of integer multiples in columns of 32 bits, lane by lane. Every vector unit multiplies 32-bit halves of 64-bit
/// lanes. The compiler uses that when it sees, where it multiplies, that the upper halves are zero; of a magnitude which is
/// the same for all lanes it forgets that outside the loop. Hence one copy for each lane, masked beside the product.
///
/// With magnitudes that sum to less than [`NARROW`], a column stays within an `i64`; the total is at least 0 and below
/// `2^31 * r`.
#[inline(always)]
fn narrow_sums<const K: usize>(
	magnitudes: &[[u64; LANES]; K],
	signs: &[u64; K],
	start: &[u64; 8],
	data: &Run<K>,
) -> [[u64; LANES]; 8] {
	let mut columns = [[0; LANES]; 8];
	for limb in 0..4 {
		for lane in 0..LANES {
			let (mut low, mut high) = (start[2 * limb], start[2 * limb + 1]);
			for j in 0..K {
				let (value, magnitude) = (data[j][limb][lane], magnitudes[j][lane] & LOW);
				low = low.wrapping_add(((value & LOW) * magnitude) ^ signs[j]);
				high = high.wrapping_add(((value >> 32) * magnitude) ^ signs[j]);
			}
			columns[2 * limb][lane] = low;
			columns[2 * limb + 1][lane] = high;
		}
	}
	columns
}

/// One lane of columns of 32 bits as five limbs.
#[inline(always)]
fn carried(columns: &[[u64; LANES]; 8], lane: usize) -> [u64; 5] {
	let mut limbs = [0; 5];
	let mut carry = 0i64;
	for (limb, [low, high]) in limbs.iter_mut().zip(columns.as_chunks().0) {
		carry = carry.wrapping_add(low[lane] as i64);
		*limb = carry as u64 & LOW;
		carry = (carry >> 32).wrapping_add(high[lane] as i64);
		*limb |= (carry as u64) << 32;
		carry >>= 32;
	}
	limbs[4] = carry as u64;
	limbs
}

/// The sum of integer multiples, limb by limb in columns of 128 bits, so that carries run once, at the end.
///
/// With magnitudes that sum to less than 2^48, a column stays far below 2^127, and the total is at least 0 and below
/// `2^48 * r`.
#[inline(always)]
fn wide_sum<const K: usize>(
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
	let mut data = [[[0; LANES]; 4]; K];
	for start in (0..SCALARS_PER_BLOB).step_by(LANES) {
		for ((limbs, largest), blob) in data.iter_mut().zip(&mut largest).zip(sources) {
			for (lane, scalar) in blob[start..start + LANES].iter().enumerate() {
				let value = encoding::be_to_limbs(scalar);
				*largest = value[3].max(*largest);
				for (lanes, limb) in limbs.iter_mut().zip(value) {
					lanes[lane] = limb;
				}
			}
		}
		for (combination, target) in combinations.iter().zip(targets.iter_mut()) {
			combination.apply(&data, &mut target[start..start + LANES]);
		}
	}
	Some(largest.to_vec())
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	const MINUS_ONE: Limbs = {
		let [first, rest @ ..] = encoding::MODULUS;
		[first - 1, rest[0], rest[1], rest[2]]
	};

	fn scalar() -> impl Strategy<Value = Limbs> {
		prop_oneof![
			any::<[u64; 4]>().prop_map(|[a, b, c, d]| field::reduce([a, b, c, d, 0])),
			Just(MINUS_ONE),
			Just([0; 4]),
		]
	}

	/// Coefficients with magnitudes that sum to at most `NARROW - 1`, often to exactly that.
	fn coefficients() -> impl Strategy<Value = [i64; 4]> {
		let largest = NARROW as i64 - 1;
		prop_oneof![
			any::<[i64; 4]>().prop_map(move |c| c.map(|c| c % (largest / 4))),
			(0..4usize, any::<bool>()).prop_map(move |(at, negative)| {
				let mut coefficients = [0; 4];
				coefficients[at] = if negative { -largest } else { largest };
				coefficients
			}),
			any::<[bool; 4]>().prop_map(move |signs| {
				signs.map(|sign| if sign { -(largest / 4) } else { largest / 4 })
			}),
		]
	}

	proptest! {
		#[test]
		fn all_ways_agree(
			coefficients in coefficients(),
			denominator in 1..1_000i64,
			lanes in proptest::array::uniform32(proptest::array::uniform4(scalar())),
		) {
			let mut data: Run<4> = [[[0; LANES]; 4]; 4];
			for (lane, values) in lanes.iter().enumerate() {
				for (slot, value) in values.iter().enumerate() {
					for limb in 0..4 {
						data[slot][limb][lane] = value[limb];
					}
				}
			}
			let scale = Weights::scale(denominator);
			let full = coefficients.map(|c| {
				let c = field::integer_to_montgomery(c.into());
				scale.map_or(c, |scale| field::mont_mul(&c, &scale))
			});
			let applied = |combination: Combination<4>| {
				let mut scalars = [[0; 32]; LANES];
				combination.apply(&data, &mut scalars);
				scalars
			};
			let expected = applied(Combination::Full(full));
			let narrow = Combination::narrow(&coefficients, scale).expect("they are small enough");
			prop_assert_eq!(applied(narrow), expected);
			prop_assert_eq!(applied(Combination::wide(&coefficients, scale)), expected);
		}
	}

	#[test]
	fn large_magnitudes_are_not_narrow() {
		assert!(Combination::narrow(&[NARROW as i64 - 1, 0], None).is_some());
		assert!(Combination::narrow(&[NARROW as i64 - 1, -1], None).is_none());
		assert!(Combination::narrow(&[i64::MIN, i64::MIN], None).is_none());
	}
}
