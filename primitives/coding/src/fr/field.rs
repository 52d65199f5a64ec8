//! The BLS12-381 scalar field on four little-endian 64-bit limbs: what a stripe code needs of it, and no more.

use nil_kzg::encoding::MODULUS;

/// A scalar as little-endian limbs; canonical unless said otherwise.
pub(super) type Limbs = [u64; 4];

/// `floor(2^304 / r)`, for Barrett's reduction.
const RECIPROCAL: u64 = 621_570_165_702_366;
/// `-r^-1 mod 2^64`, for Montgomery's.
const NEGATED_INVERSE: u64 = 0xffff_fffe_ffff_ffff;
/// `2^512 mod r`.
const R_SQUARED: Limbs =
	[0xc999_e990_f3f2_9c6d, 0x2b6c_edcb_8792_5c23, 0x05d3_1496_7254_398f, 0x0748_d9d9_9f59_ff11];

/// The largest sum of coefficients' magnitudes for which [`reduce`] is exact.
pub(super) const MAX_MAGNITUDE: u64 = 1 << 48;

/// `value mod r` for a `value` below `2^48 * r`, given as five limbs.
#[inline(always)]
pub(super) fn reduce(value: [u64; 5]) -> Limbs {
	// `value / 2^240` has at most 63 bits. Both truncations make the quotient too small, by less than 1 together.
	let top = (value[4] << 16) | (value[3] >> 48);
	let quotient = ((u128::from(top) * u128::from(RECIPROCAL)) >> 64) as u64;
	let mut rest = [0; 5];
	let mut carry = 0u64;
	let mut borrow = false;
	for i in 0..5 {
		let product = match MODULUS.get(i) {
			Some(limb) => u128::from(quotient) * u128::from(*limb) + u128::from(carry),
			None => u128::from(carry),
		};
		carry = (product >> 64) as u64;
		(rest[i], borrow) = subtract(value[i], product as u64, borrow);
	}
	// Below `2 r`, so the fifth limb is zero.
	subtract_modulus_once([rest[0], rest[1], rest[2], rest[3]])
}

/// `value` if it is below `r`, else `value - r`.
#[inline(always)]
fn subtract_modulus_once(value: Limbs) -> Limbs {
	let mut less = [0; 4];
	let mut borrow = false;
	for i in 0..4 {
		(less[i], borrow) = subtract(value[i], MODULUS[i], borrow);
	}
	if borrow { value } else { less }
}

#[inline(always)]
const fn subtract(a: u64, b: u64, borrow: bool) -> (u64, bool) {
	let (difference, first) = a.overflowing_sub(b);
	let (difference, second) = difference.overflowing_sub(borrow as u64);
	(difference, first | second)
}

/// `a + b mod r`.
#[inline(always)]
pub(super) fn add(a: &Limbs, b: &Limbs) -> Limbs {
	let mut sum = [0; 4];
	let mut carry = 0u128;
	for i in 0..4 {
		// No carry leaves the top: both are below 2^255.
		carry += u128::from(a[i]) + u128::from(b[i]);
		sum[i] = carry as u64;
		carry >>= 64;
	}
	subtract_modulus_once(sum)
}

/// Montgomery's product `a * b / 2^256 mod r` (coarsely integrated operand scanning).
#[inline(always)]
pub(super) fn mont_mul(a: &Limbs, b: &Limbs) -> Limbs {
	let mut t = [0u64; 5];
	for limb in a {
		let mut carry = 0u128;
		for i in 0..4 {
			carry += u128::from(t[i]) + u128::from(*limb) * u128::from(b[i]);
			t[i] = carry as u64;
			carry >>= 64;
		}
		let top = u128::from(t[4]) + carry;
		let factor = t[0].wrapping_mul(NEGATED_INVERSE);
		let mut carry = (u128::from(t[0]) + u128::from(factor) * u128::from(MODULUS[0])) >> 64;
		for i in 1..4 {
			carry += u128::from(t[i]) + u128::from(factor) * u128::from(MODULUS[i]);
			t[i - 1] = carry as u64;
			carry >>= 64;
		}
		let top = top + carry;
		t[3] = top as u64;
		t[4] = (top >> 64) as u64;
	}
	// Below `2 r`, so the fifth limb is zero.
	subtract_modulus_once([t[0], t[1], t[2], t[3]])
}

/// `value * 2^256 mod r`: multiplying by this with [`mont_mul`] multiplies by `value`.
pub(super) fn to_montgomery(value: &Limbs) -> Limbs {
	mont_mul(value, &R_SQUARED)
}

/// An integer in Montgomery form.
pub(super) fn integer_to_montgomery(value: i128) -> Limbs {
	let magnitude = value.unsigned_abs();
	let limbs = [magnitude as u64, (magnitude >> 64) as u64, 0, 0];
	to_montgomery(&if value < 0 { nil_kzg::encoding::negate(&limbs) } else { limbs })
}

/// The inverse of a value in Montgomery form, by Fermat: `value^(r - 2)`. Zero for zero.
pub(super) fn invert_montgomery(value: &Limbs) -> Limbs {
	let exponent = [MODULUS[0] - 2, MODULUS[1], MODULUS[2], MODULUS[3]];
	let mut power = to_montgomery(&[1, 0, 0, 0]);
	for limb in exponent.iter().rev() {
		for bit in (0..64).rev() {
			power = mont_mul(&power, &power);
			if limb >> bit & 1 == 1 {
				power = mont_mul(&power, value);
			}
		}
	}
	power
}

#[cfg(test)]
mod tests {
	use super::*;
	use num_bigint::BigUint;
	use proptest::prelude::*;

	fn big(limbs: &[u64]) -> BigUint {
		limbs.iter().rev().fold(BigUint::ZERO, |value, limb| (value << 64) + *limb)
	}

	fn order() -> BigUint {
		big(&MODULUS)
	}

	fn scalar() -> impl Strategy<Value = Limbs> {
		prop_oneof![
			any::<[u64; 4]>().prop_map(|limbs| reduce([limbs[0], limbs[1], limbs[2], limbs[3], 0])),
			Just([0; 4]),
			Just([1, 0, 0, 0]),
			Just([MODULUS[0] - 1, MODULUS[1], MODULUS[2], MODULUS[3]]),
		]
	}

	#[test]
	fn constants() {
		let r = order();
		assert_eq!(BigUint::from(RECIPROCAL), (BigUint::from(1u8) << 304) / &r);
		assert_eq!(big(&R_SQUARED), (BigUint::from(1u8) << 512) % &r);
		assert_eq!(MODULUS[0].wrapping_mul(NEGATED_INVERSE), u64::MAX);
	}

	#[test]
	fn reduction_at_the_edges() {
		let r = order();
		for factor in [0u64, 1, 2, 3, 12_345, MAX_MAGNITUDE - 1] {
			for offset in 0..3u64 {
				for value in [&r * factor + offset, &r * (factor + 1) - (offset + 1)] {
					let mut limbs = [0; 5];
					for (limb, digit) in limbs.iter_mut().zip(value.to_u64_digits()) {
						*limb = digit;
					}
					assert_eq!(big(&reduce(limbs)), value % &r);
				}
			}
		}
	}

	proptest! {
		#[test]
		fn reduction_agrees_with_division(limbs: [u64; 5]) {
			let bound = order() * MAX_MAGNITUDE;
			let value = big(&limbs) % bound;
			let mut limbs = [0; 5];
			for (limb, digit) in limbs.iter_mut().zip(value.to_u64_digits()) {
				*limb = digit;
			}
			prop_assert_eq!(big(&reduce(limbs)), value % order());
		}

		#[test]
		fn arithmetic_agrees_with_big_integers(a in scalar(), b in scalar()) {
			prop_assert_eq!(big(&add(&a, &b)), (big(&a) + big(&b)) % order());
			let product = mont_mul(&a, &to_montgomery(&b));
			prop_assert_eq!(big(&product), big(&a) * big(&b) % order());
			let inverse = invert_montgomery(&to_montgomery(&a));
			let one = mont_mul(&a, &inverse);
			prop_assert_eq!(one, if a == [0; 4] { a } else { [1, 0, 0, 0] });
		}

		#[test]
		fn integers_enter_the_field(value: i128) {
			let found = big(&mont_mul(&integer_to_montgomery(value), &[1, 0, 0, 0]));
			let magnitude = BigUint::from(value.unsigned_abs());
			let expected = if value < 0 { order() - magnitude } else { magnitude };
			prop_assert_eq!(found, expected % order());
		}
	}
}
