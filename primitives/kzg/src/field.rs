//! blst's fields and curve behind safe operators. All of the crate's calls into blst's C code that take plain values
//! are here; the multi-scalar multiplications are in [`crate::msm`].

use crate::encoding;
use blst::{blst_fp, blst_fr, blst_p1, blst_p1_affine};
use core::{
	mem::MaybeUninit,
	ops::{Add, AddAssign, Mul, MulAssign, Neg, Sub, SubAssign},
};

/// An element of the scalar field, in Montgomery form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Fr(blst_fr);

impl Fr {
	pub(crate) const ZERO: Self = Self(blst_fr { l: [0; 4] });

	/// From canonical little-endian limbs.
	pub(crate) fn from_limbs(limbs: &[u64; 4]) -> Self {
		let mut out = blst_fr::default();
		// SAFETY: `limbs` holds the four limbs that blst reads, `out` the value that it writes.
		unsafe { blst::blst_fr_from_uint64(&mut out, limbs.as_ptr()) };
		Self(out)
	}

	/// The element that these canonical limbs are the Montgomery form of: `limbs / 2^256`. It costs nothing, where
	/// [`from_limbs`](Self::from_limbs) costs a multiplication.
	#[inline(always)]
	pub(crate) const fn from_montgomery(limbs: [u64; 4]) -> Self {
		Self(blst_fr { l: limbs })
	}

	pub(crate) fn from_u64(value: u64) -> Self {
		Self::from_limbs(&[value, 0, 0, 0])
	}

	/// From a canonical big-endian scalar.
	pub(crate) fn from_be(bytes: &[u8; 32]) -> Self {
		Self::from_limbs(&encoding::be_to_limbs(bytes))
	}

	pub(crate) fn to_limbs(self) -> [u64; 4] {
		let mut limbs = [0; 4];
		// SAFETY: `limbs` has room for the four limbs that blst writes.
		unsafe { blst::blst_uint64_from_fr(limbs.as_mut_ptr(), &self.0) };
		limbs
	}

	pub(crate) fn to_be(self) -> [u8; 32] {
		encoding::limbs_to_be(&self.to_limbs())
	}

	/// The inverse; 0 for 0.
	pub(crate) fn inverse(self) -> Self {
		let mut out = blst_fr::default();
		// SAFETY: both point to whole values.
		unsafe { blst::blst_fr_eucl_inverse(&mut out, &self.0) };
		Self(out)
	}

	/// `self` to the power of little-endian limbs.
	pub(crate) fn pow(self, exponent: &[u64]) -> Self {
		let mut out = Self::from_u64(1);
		for limb in exponent.iter().rev() {
			for bit in (0..u64::BITS).rev() {
				out = out * out;
				if limb >> bit & 1 == 1 {
					out = out * self;
				}
			}
		}
		out
	}
}

/// Operators on a transparent wrapper of a blst value, each one call into blst.
macro_rules! operators {
	($wrapper:ident, $inner:ty, $add:ident, $sub:ident, $mul:ident, $cneg:ident) => {
		impl Add for $wrapper {
			type Output = Self;
			#[inline(always)]
			fn add(self, other: Self) -> Self {
				let mut out = MaybeUninit::<$inner>::uninit();
				// SAFETY: the inputs are whole values, the output is none of them, and blst writes all of it.
				Self(unsafe {
					blst::$add(out.as_mut_ptr(), &self.0, &other.0);
					out.assume_init()
				})
			}
		}
		impl Sub for $wrapper {
			type Output = Self;
			#[inline(always)]
			fn sub(self, other: Self) -> Self {
				let mut out = MaybeUninit::<$inner>::uninit();
				// SAFETY: as for addition.
				Self(unsafe {
					blst::$sub(out.as_mut_ptr(), &self.0, &other.0);
					out.assume_init()
				})
			}
		}
		impl Mul for $wrapper {
			type Output = Self;
			#[inline(always)]
			fn mul(self, other: Self) -> Self {
				let mut out = MaybeUninit::<$inner>::uninit();
				// SAFETY: as for addition.
				Self(unsafe {
					blst::$mul(out.as_mut_ptr(), &self.0, &other.0);
					out.assume_init()
				})
			}
		}
		impl Neg for $wrapper {
			type Output = Self;
			#[inline(always)]
			fn neg(self) -> Self {
				let mut out = <$inner>::default();
				// SAFETY: both point to whole values.
				unsafe { blst::$cneg(&mut out, &self.0, true) };
				Self(out)
			}
		}
	};
}

operators!(Fr, blst_fr, blst_fr_add, blst_fr_sub, blst_fr_mul, blst_fr_cneg);
operators!(Fp, blst_fp, blst_fp_add, blst_fp_sub, blst_fp_mul, blst_fp_cneg);

/// Operators in place, each one call into blst.
macro_rules! in_place {
	($($trait:ident, $method:ident, $call:ident;)*) => { $(
		impl $trait<&Fp> for Fp {
			#[inline(always)]
			fn $method(&mut self, other: &Self) {
				let this = &raw mut self.0;
				// SAFETY: both point to whole values. blst's field operations may write to an operand.
				unsafe { blst::$call(this, this, &other.0) };
			}
		}
	)* };
}

in_place! {
	AddAssign, add_assign, blst_fp_add;
	SubAssign, sub_assign, blst_fp_sub;
	MulAssign, mul_assign, blst_fp_mul;
}

/// An element of the base field, in Montgomery form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Fp(pub(crate) blst_fp);

impl Fp {
	/// 1 in Montgomery form.
	pub(crate) fn one() -> Self {
		let mut out = blst_fp::default();
		// SAFETY: the array holds the six limbs that blst reads.
		unsafe { blst::blst_fp_from_uint64(&mut out, [1, 0, 0, 0, 0, 0].as_ptr()) };
		Self(out)
	}

	#[inline(always)]
	pub(crate) fn is_zero(&self) -> bool {
		// Word by word: a comparison of arrays is a call that loads them in vectors (see `set_sub`).
		self.0.l.iter().fold(0, |bits, limb| bits | limb) == 0
	}

	/// `self = a - b`.
	///
	/// This and the other operations in place write where the value will be read from. The operators return copies, and
	/// a copy in wide loads of what blst has just written word by word has to wait for the stores, which tells in a
	/// loop of additions of points.
	#[inline(always)]
	pub(crate) fn set_sub(&mut self, a: &Self, b: &Self) {
		// SAFETY: all three point to whole values.
		unsafe { blst::blst_fp_sub(&mut self.0, &a.0, &b.0) };
	}

	/// `self = a * b`.
	#[inline(always)]
	pub(crate) fn set_mul(&mut self, a: &Self, b: &Self) {
		// SAFETY: all three point to whole values.
		unsafe { blst::blst_fp_mul(&mut self.0, &a.0, &b.0) };
	}

	/// `self = other - self`.
	#[inline(always)]
	pub(crate) fn subtract_from(&mut self, other: &Self) {
		let this = &raw mut self.0;
		// SAFETY: both point to whole values. blst's field operations may write to an operand.
		unsafe { blst::blst_fp_sub(this, &other.0, this) };
	}

	/// `self = -self`.
	#[inline(always)]
	pub(crate) fn negate(&mut self) {
		let this = &raw mut self.0;
		// SAFETY: as for `subtract_from`.
		unsafe { blst::blst_fp_cneg(this, this, true) };
	}

	/// The inverse; 0 for 0.
	pub(crate) fn inverse(&self) -> Self {
		let mut out = blst_fp::default();
		// SAFETY: both point to whole values.
		unsafe { blst::blst_fp_eucl_inverse(&mut out, &self.0) };
		Self(out)
	}
}

/// A point in Jacobian coordinates. Additions are complete: they double and cancel as they should.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct G1Projective(pub(crate) blst_p1);

impl G1Projective {
	pub(crate) fn from_affine(point: &blst_p1_affine) -> Self {
		let mut out = blst_p1::default();
		// SAFETY: both point to whole values.
		unsafe { blst::blst_p1_from_affine(&mut out, point) };
		Self(out)
	}

	pub(crate) fn to_affine(self) -> blst_p1_affine {
		let mut out = blst_p1_affine::default();
		// SAFETY: both point to whole values.
		unsafe { blst::blst_p1_to_affine(&mut out, &self.0) };
		out
	}

	pub(crate) fn double(&self) -> Self {
		let mut out = blst_p1::default();
		// SAFETY: both point to whole values.
		unsafe { blst::blst_p1_double(&mut out, &self.0) };
		Self(out)
	}

	pub(crate) fn plus(&self, other: &Self) -> Self {
		let mut out = blst_p1::default();
		// SAFETY: all three point to whole values.
		unsafe { blst::blst_p1_add_or_double(&mut out, &self.0, &other.0) };
		Self(out)
	}

	pub(crate) fn plus_affine(&self, other: &blst_p1_affine) -> Self {
		let mut out = blst_p1::default();
		// SAFETY: all three point to whole values.
		unsafe { blst::blst_p1_add_or_double_affine(&mut out, &self.0, other) };
		Self(out)
	}

	pub(crate) fn negated(mut self) -> Self {
		// SAFETY: points to a whole value.
		unsafe { blst::blst_p1_cneg(&mut self.0, true) };
		self
	}

	pub(crate) fn is_infinity(&self) -> bool {
		// SAFETY: points to a whole value.
		unsafe { blst::blst_p1_is_inf(&self.0) }
	}

	/// `scalar * self` for canonical little-endian limbs.
	pub(crate) fn times(&self, scalar: &[u64; 4]) -> Self {
		let bytes = limbs_to_le(scalar);
		let mut out = blst_p1::default();
		// SAFETY: `bytes` holds the 32 bytes that 255 bits take.
		unsafe { blst::blst_p1_mult(&mut out, &self.0, bytes.as_ptr(), 255) };
		Self(out)
	}
}

/// Limbs as the little-endian bytes that blst's multiplications take.
pub(crate) fn limbs_to_le(limbs: &[u64; 4]) -> [u8; 32] {
	let mut bytes = [0; 32];
	let (words, _) = bytes.as_chunks_mut::<8>();
	for (word, limb) in words.iter_mut().zip(limbs) {
		*word = limb.to_le_bytes();
	}
	bytes
}

/// Inverts all values with one inversion. A zero among them makes all results 0.
pub(crate) fn batch_inverse(values: &mut [Fr]) {
	let mut product = Fr::from_u64(1);
	let prefixes: Vec<Fr> = values
		.iter()
		.map(|value| {
			let before = product;
			product = product * *value;
			before
		})
		.collect();
	let mut inverse = product.inverse();
	for (value, prefix) in values.iter_mut().zip(prefixes).rev() {
		let next = inverse * *value;
		*value = inverse * prefix;
		inverse = next;
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn batch_inversion_inverts() {
		let mut values: Vec<Fr> = (1..50).map(Fr::from_u64).collect();
		let originals = values.clone();
		batch_inverse(&mut values);
		for (value, original) in values.iter().zip(originals) {
			assert_eq!(*value * original, Fr::from_u64(1));
			assert_eq!(*value, original.inverse());
		}
	}

	#[test]
	fn montgomery_form() {
		let two = Fr::from_u64(2);
		for limbs in [[0; 4], [1, 0, 0, 0], [5, 6, 7, 8]] {
			assert_eq!(Fr::from_montgomery(limbs) * two.pow(&[256]), Fr::from_limbs(&limbs));
		}
	}

	#[test]
	fn powers_and_negation() {
		let three = Fr::from_u64(3);
		assert_eq!(three.pow(&[5]), Fr::from_u64(243));
		assert_eq!(three + -three, Fr::ZERO);
		assert_eq!((Fr::ZERO - Fr::from_u64(1)).to_be(), crate::stripe::scalar_from_integer(-1));
		assert_eq!(Fr::ZERO.inverse(), Fr::ZERO);
	}

	#[test]
	fn base_field() {
		let two = Fp::one() + Fp::one();
		assert_eq!(two * two, two + two);
		assert_eq!(two.inverse() * two, Fp::one());
		assert!((two - two).is_zero());
	}

	#[test]
	fn in_place_as_by_value() {
		let two = Fp::one() + Fp::one();
		let (a, b) = (two.inverse(), two + Fp::one());
		let of = |operation: &dyn Fn(&mut Fp)| {
			let mut value = a;
			operation(&mut value);
			value
		};
		assert_eq!(of(&|value| *value += &b), a + b);
		assert_eq!(of(&|value| *value -= &b), a - b);
		assert_eq!(of(&|value| *value *= &b), a * b);
		assert_eq!(of(&|value| value.subtract_from(&b)), b - a);
		assert_eq!(of(&|value| value.set_sub(&b, &two)), b - two);
		assert_eq!(of(&|value| value.set_mul(&b, &two)), b * two);
		assert_eq!(of(&Fp::negate), -a);
	}
}
