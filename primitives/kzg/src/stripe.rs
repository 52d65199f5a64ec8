//! The `Fr` stripe code: how the parity of a row follows from its data.
//!
//! Scalar by scalar, the `k` data values of a row are the values of a polynomial of degree below `k` at the integers
//! `l .. l + k - 1`, with `l = m / 2` rounded down. The parity slots `k, k + 1, ..` take its values at `0 .. l - 1`,
//! then at `l + k .. k + m - 1`. Between consecutive integer nodes the Lagrange coefficients at an integer are
//! integers,
//!
//! `L_j(t) = (-1)^(k-1-j) * C(t, j) * C(t-j-1, k-1-j)` for nodes `0 .. k - 1` and `t >= k`,
//!
//! and the nodes below mirror those above, so parity is a small-integer combination of data, and by linearity the
//! parity *commitments* are the same combination of the data commitments.

use crate::encoding;
use alloc::vec::Vec;

/// Slots that a generator may have. With no more, every coefficient is below `2^126`.
pub const MAX_STRIPE: u8 = 64;

/// A row that no code of this kind has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
	"no stripe code with {k} data and {m} parity slots: both must be at least 1, and the sum at most {MAX_STRIPE}"
)]
pub struct StripeError {
	/// Data slots asked for.
	pub k: u8,
	/// Parity slots asked for.
	pub m: u8,
}

/// The integer node at which `slot` holds the row polynomial's value. `None` when there is no such slot or code.
pub const fn node(k: u8, m: u8, slot: u8) -> Option<u8> {
	let low = m / 2;
	match k.checked_add(m) {
		Some(n) if k > 0 && m > 0 && n <= MAX_STRIPE && slot < n => {},
		_ => return None,
	}
	Some(if slot < k {
		low + slot
	} else if slot - k < low {
		slot - k
	} else {
		slot
	})
}

/// The coefficients of one code: row `i` gives parity slot `k + i` as a combination of the data slots `0 .. k`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generator {
	k: u8,
	m: u8,
	/// `m` rows of `k`.
	coefficients: Vec<i128>,
}

impl Generator {
	/// Data slots.
	pub const fn k(&self) -> u8 {
		self.k
	}

	/// Parity slots.
	pub const fn m(&self) -> u8 {
		self.m
	}

	/// The coefficients of each parity slot, in slot order; each row has `k` integers.
	pub fn rows(&self) -> impl ExactSizeIterator<Item = &[i128]> {
		self.coefficients.chunks_exact(usize::from(self.k))
	}

	/// The coefficients of parity slot `k + parity`.
	pub fn row(&self, parity: u8) -> Option<&[i128]> {
		self.rows().nth(usize::from(parity))
	}

	/// The coefficients of parity slot `k + parity` as canonical big-endian scalars.
	pub fn row_scalars(&self, parity: u8) -> Option<Vec<[u8; 32]>> {
		Some(self.row(parity)?.iter().map(|c| scalar_from_integer(*c)).collect())
	}
}

/// The generator of the code with `k` data and `m` parity slots.
pub fn generator(k: u8, m: u8) -> Result<Generator, StripeError> {
	let error = StripeError { k, m };
	let n = k.checked_add(m).ok_or(error)?;
	if k == 0 || m == 0 || n > MAX_STRIPE {
		return Err(error);
	}
	let low = i64::from(m / 2);
	let last = i64::from(k) - 1;
	let mut coefficients = Vec::with_capacity(usize::from(k) * usize::from(m));
	for slot in k..n {
		// The parity's node, counted from the first data node.
		let t = i64::from(node(k, m, slot).ok_or(error)?) - low;
		for j in 0..=last {
			// A node below the data nodes is the mirror image of one above.
			let (t, j) = if t < 0 { (last - t, last - j) } else { (t, j) };
			let magnitude = binomial(t, j)
				.zip(binomial(t - j - 1, last - j))
				.and_then(|(a, b)| a.checked_mul(b))
				.ok_or(error)?;
			coefficients.push(if (last - j) % 2 == 0 { magnitude } else { -magnitude });
		}
	}
	Ok(Generator { k, m, coefficients })
}

/// An integer as a canonical big-endian scalar.
pub fn scalar_from_integer(value: i128) -> [u8; 32] {
	let magnitude = value.unsigned_abs();
	let limbs = [magnitude as u64, (magnitude >> 64) as u64, 0, 0];
	encoding::limbs_to_be(&if value < 0 { encoding::negate(&limbs) } else { limbs })
}

/// `C(n, k)`; `None` on overflow.
fn binomial(n: i64, k: i64) -> Option<i128> {
	let (n, k) = (i128::from(n), i128::from(k));
	(0..k).try_fold(1i128, |value, i| Some(value.checked_mul(n - i)? / (i + 1)))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn the_default_profile_has_the_published_coefficients() {
		let g = generator(8, 4).unwrap();
		let rows: Vec<_> = g.rows().collect();
		assert_eq!(rows[0], [36, -168, 378, -504, 420, -216, 63, -8]);
		assert_eq!(rows[1], [8, -28, 56, -70, 56, -28, 8, -1]);
		assert_eq!(rows[2], [-1, 8, -28, 56, -70, 56, -28, 8]);
		assert_eq!(rows[3], [-8, 63, -216, 420, -504, 378, -168, 36]);
		assert_eq!((g.k(), g.m()), (8, 4));
		assert_eq!(g.row(4), None);
	}

	#[test]
	fn nodes_are_those_of_the_protocol() {
		let nodes: Vec<_> = (0..12).map(|slot| node(8, 4, slot).unwrap()).collect();
		assert_eq!(nodes, [2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 10, 11]);
		let nodes: Vec<_> = (0..4).map(|slot| node(1, 3, slot).unwrap()).collect();
		assert_eq!(nodes, [1, 0, 2, 3]);
		assert_eq!(node(8, 4, 12), None);
		assert_eq!(node(0, 4, 0), None);
		assert_eq!(node(8, 0, 0), None);
	}

	/// The oracle is Lagrange's formula over exact fractions: products of differences, divided at the end.
	#[test]
	fn every_code_agrees_with_lagranges_formula() {
		for k in 1..=32u8 {
			for m in 1..=(64 - k).min(32) {
				let g = generator(k, m).unwrap();
				let at = |slot| i128::from(node(k, m, slot).unwrap());
				for (i, row) in g.rows().enumerate() {
					let x = at(k + i as u8);
					for (j, coefficient) in row.iter().enumerate() {
						let mut value = (1i128, 1i128);
						for other in (0..k).filter(|o| usize::from(*o) != j) {
							value.0 *= x - at(other);
							value.1 *= at(j as u8) - at(other);
							let common = gcd(value.0.unsigned_abs(), value.1.unsigned_abs());
							value = (value.0 / common as i128, value.1 / common as i128);
						}
						assert_eq!(value.0 / value.1, *coefficient, "{k}+{m}, row {i}, column {j}");
						assert_eq!(value.0 % value.1, 0);
					}
				}
			}
		}
	}

	fn gcd(a: u128, b: u128) -> u128 {
		if b == 0 { a } else { gcd(b, a % b) }
	}

	#[test]
	fn one_data_slot_is_replication() {
		let g = generator(1, 31).unwrap();
		assert_eq!(g.rows().len(), 31);
		assert!(g.rows().all(|row| row == [1]));
	}

	#[test]
	fn impossible_codes_are_named() {
		for (k, m) in [(0, 1), (1, 0), (33, 32), (255, 255)] {
			assert_eq!(generator(k, m), Err(StripeError { k, m }));
		}
		assert!(generator(32, 32).is_ok());
		assert!(generator(63, 1).is_ok());
	}

	#[test]
	fn integers_become_canonical_scalars() {
		assert_eq!(scalar_from_integer(0), [0; 32]);
		assert_eq!(scalar_from_integer(504)[30..], [1, 248]);
		// -1 is r - 1.
		let mut expected = encoding::limbs_to_be(&encoding::MODULUS);
		expected[31] -= 1;
		assert_eq!(scalar_from_integer(-1), expected);
		let row = generator(8, 4).unwrap().row_scalars(1).unwrap();
		assert_eq!(row[7], expected);
	}
}
