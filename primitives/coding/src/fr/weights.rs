//! Coefficients that bring one slot of a row back from `k` others: Lagrange's at integer nodes.
//!
//! They are fractions of integers. Over their common denominator they are small for nearly every choice of slots of
//! every profile (below 2^16 for 8+4), and then one multiplication by the denominator's inverse at the end is all the
//! field arithmetic that a scalar costs. Where they are not, they are taken as field elements.

use super::field::{self, Limbs, MAX_MAGNITUDE};

/// The combination of `k` scalars that gives another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Weights {
	/// Integers over one denominator, the magnitudes of which sum to less than [`MAX_MAGNITUDE`].
	Small {
		/// The integers.
		numerators: Vec<i64>,
		/// What they are divided by, positive.
		denominator: i64,
	},
	/// Field elements in Montgomery form.
	Full(Vec<Limbs>),
}

impl Weights {
	/// Integers as weights.
	pub(super) fn integers(coefficients: &[i128]) -> Self {
		let fractions: Vec<_> =
			coefficients.iter().map(|c| Fraction { numerator: *c, denominator: 1 }).collect();
		Self::new(&fractions)
	}

	/// The value at `target` of the polynomial of degree below `nodes.len()` through its values at `nodes`, which are
	/// distinct and at most 16.
	pub(super) fn interpolate(nodes: &[u8], target: u8) -> Self {
		let x = i128::from(target);
		let fractions: Vec<_> = nodes
			.iter()
			.map(|node| {
				let node = i128::from(*node);
				// At most 15 factors below 32: far from overflow.
				nodes
					.iter()
					.map(|other| i128::from(*other))
					.filter(|other| *other != node)
					.fold(Fraction { numerator: 1, denominator: 1 }, |value, other| {
						value.times(x - other, node - other)
					})
			})
			.collect();
		Self::new(&fractions)
	}

	fn new(fractions: &[Fraction]) -> Self {
		small(fractions).unwrap_or_else(|| {
			Self::Full(
				fractions
					.iter()
					.map(|f| {
						let inverse =
							field::invert_montgomery(&field::integer_to_montgomery(f.denominator));
						field::mont_mul(&field::integer_to_montgomery(f.numerator), &inverse)
					})
					.collect(),
			)
		})
	}

	/// What a sum of integer multiples is multiplied by, in Montgomery form; `None` for a denominator of 1.
	pub(super) fn scale(denominator: i64) -> Option<Limbs> {
		(denominator != 1)
			.then(|| field::invert_montgomery(&field::integer_to_montgomery(denominator.into())))
	}
}

/// The fractions over their common denominator, when all of it is small.
fn small(fractions: &[Fraction]) -> Option<Weights> {
	let denominator = fractions
		.iter()
		.try_fold(1i128, |lcm, f| lcm.checked_mul(f.denominator / gcd(lcm, f.denominator)))?;
	let mut magnitude = 0u128;
	let numerators = fractions
		.iter()
		.map(|f| {
			let numerator = f.numerator.checked_mul(denominator / f.denominator)?;
			magnitude = magnitude.checked_add(numerator.unsigned_abs())?;
			i64::try_from(numerator).ok()
		})
		.collect::<Option<Vec<_>>>()?;
	let denominator = i64::try_from(denominator).ok()?;
	(magnitude < MAX_MAGNITUDE.into()).then_some(Weights::Small { numerators, denominator })
}

/// A fraction in lowest terms with a positive denominator.
#[derive(Clone, Copy)]
struct Fraction {
	numerator: i128,
	denominator: i128,
}

impl Fraction {
	/// This times `numerator / denominator`.
	fn times(self, numerator: i128, denominator: i128) -> Self {
		let (numerator, denominator) = (self.numerator * numerator, self.denominator * denominator);
		let common = gcd(numerator, denominator) * denominator.signum();
		Self { numerator: numerator / common, denominator: denominator / common }
	}
}

/// The greatest common divisor, positive unless both are zero.
fn gcd(a: i128, b: i128) -> i128 {
	let (mut a, mut b) = (a.abs(), b.abs());
	while b != 0 {
		(a, b) = (b, a % b);
	}
	a
}

#[cfg(test)]
mod tests {
	use super::*;
	use nil_kzg::stripe;

	#[test]
	fn the_generator_is_interpolation_from_the_data_slots() {
		for (k, m) in [(1, 31), (2, 3), (8, 4), (16, 16)] {
			let generator = stripe::generator(k, m).unwrap();
			let nodes: Vec<u8> = (0..k).map(|slot| stripe::node(k, m, slot).unwrap()).collect();
			for (slot, row) in (k..).zip(generator.rows()) {
				let target = stripe::node(k, m, slot).unwrap();
				assert_eq!(Weights::interpolate(&nodes, target), Weights::integers(row));
				assert!(matches!(Weights::integers(row), Weights::Small { denominator: 1, .. }));
			}
		}
	}

	#[test]
	fn the_default_profile_is_small_from_any_eight_slots() {
		let mut largest = 0;
		for present in (0u16..1 << 12).filter(|set| set.count_ones() == 8) {
			let nodes: Vec<u8> = (0..12).filter(|node| present >> node & 1 == 1).collect();
			for target in (0..12).filter(|node| present >> node & 1 == 0) {
				let Weights::Small { numerators, denominator } =
					Weights::interpolate(&nodes, target)
				else {
					panic!("{nodes:?} to {target} is not small");
				};
				largest =
					numerators.iter().map(|n| n.abs()).max().unwrap().max(denominator).max(largest);
			}
		}
		assert_eq!(largest, 20_790);
	}

	#[test]
	fn a_node_among_the_targets_has_weight_one() {
		assert_eq!(
			Weights::interpolate(&[3, 5, 9], 5),
			Weights::Small { numerators: vec![0, 1, 0], denominator: 1 }
		);
	}

	#[test]
	fn far_apart_nodes_need_the_field() {
		// Of 16+16: every second node and a spread of others.
		let nodes = [0, 1, 3, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 27, 29, 31];
		let full = (0..32)
			.filter(|target| !nodes.contains(target))
			.any(|target| matches!(Weights::interpolate(&nodes, target), Weights::Full(_)));
		assert!(full);
	}
}
