//! Points of G1 for native code.

use crate::{
	encoding::{self, Form},
	field::G1Projective,
};
use blst::{BLST_ERROR, blst_p1_affine};
use core::fmt;
use rayon::prelude::*;

/// A point of G1 in affine form: a commitment or a proof.
///
/// Values made by [`decompress`](Self::decompress) and by the engines are in the prime-order subgroup.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct G1Affine(pub(crate) blst_p1_affine);

/// Why bytes are not a point of G1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointError {
	/// Flags or coordinates are not canonical, or the point is not on the curve.
	#[error("not a canonical encoding of a point on the curve")]
	BadEncoding,
	/// The point is on the curve but not in the prime-order subgroup.
	#[error("the point is not in the prime-order subgroup")]
	NotInSubgroup,
}

impl G1Affine {
	/// The point at infinity, which is the commitment of the zero blob.
	pub const INFINITY: Self =
		Self(blst_p1_affine { x: blst::blst_fp { l: [0; 6] }, y: blst::blst_fp { l: [0; 6] } });

	/// Whether this is the point at infinity.
	pub fn is_infinity(&self) -> bool {
		*self == Self::INFINITY
	}

	/// Reads a compressed point; checks flags, coordinate, curve and subgroup.
	pub fn decompress(bytes: &[u8; 48]) -> Result<Self, PointError> {
		match encoding::compressed_form(bytes).ok_or(PointError::BadEncoding)? {
			Form::Infinity => Ok(Self::INFINITY),
			Form::Finite => {
				let point = Self::decompress_finite(bytes).ok_or(PointError::BadEncoding)?;
				if point.in_subgroup() { Ok(point) } else { Err(PointError::NotInSubgroup) }
			},
		}
	}

	/// Reads an uncompressed point; checks flags, coordinates, curve and subgroup.
	pub fn deserialize(bytes: &[u8; 96]) -> Result<Self, PointError> {
		match encoding::uncompressed_form(bytes).ok_or(PointError::BadEncoding)? {
			Form::Infinity => Ok(Self::INFINITY),
			Form::Finite => {
				let point = Self::deserialize_finite(bytes).ok_or(PointError::BadEncoding)?;
				if point.in_subgroup() { Ok(point) } else { Err(PointError::NotInSubgroup) }
			},
		}
	}

	/// The compressed form.
	pub fn compress(&self) -> [u8; 48] {
		let mut bytes = [0; 48];
		// SAFETY: `bytes` has room for the 48 bytes that blst writes.
		unsafe { blst::blst_p1_affine_compress(bytes.as_mut_ptr(), &self.0) };
		bytes
	}

	/// The uncompressed form.
	pub fn serialize(&self) -> [u8; 96] {
		let mut bytes = [0; 96];
		// SAFETY: `bytes` has room for the 96 bytes that blst writes.
		unsafe { blst::blst_p1_affine_serialize(bytes.as_mut_ptr(), &self.0) };
		bytes
	}

	/// The compressed forms of many points.
	pub fn batch_compress(points: &[Self]) -> Vec<[u8; 48]> {
		points.iter().map(Self::compress).collect()
	}

	/// [`decompress`](Self::decompress) of many points, on all cores. The error names the first bad one.
	pub fn batch_decompress(bytes: &[[u8; 48]]) -> Result<Vec<Self>, (usize, PointError)> {
		let points: Vec<_> = bytes.par_iter().map(Self::decompress).collect();
		points.into_iter().enumerate().map(|(i, point)| point.map_err(|error| (i, error))).collect()
	}

	pub(crate) fn decompress_finite(bytes: &[u8; 48]) -> Option<Self> {
		let mut point = blst_p1_affine::default();
		// SAFETY: blst reads 48 bytes and writes a whole value.
		on_curve(unsafe { blst::blst_p1_uncompress(&mut point, bytes.as_ptr()) })
			.then_some(Self(point))
	}

	pub(crate) fn deserialize_finite(bytes: &[u8; 96]) -> Option<Self> {
		let mut point = blst_p1_affine::default();
		// SAFETY: blst reads 96 bytes and writes a whole value.
		on_curve(unsafe { blst::blst_p1_deserialize(&mut point, bytes.as_ptr()) })
			.then_some(Self(point))
	}

	pub(crate) fn in_subgroup(&self) -> bool {
		// SAFETY: points to a whole value.
		unsafe { blst::blst_p1_affine_in_g1(&self.0) }
	}
}

/// blst reports the points `(0, 2)` and `(0, -2)` as outside of the group already when it reads them; they are on the
/// curve, and the subgroup is a question of its own.
fn on_curve(result: BLST_ERROR) -> bool {
	matches!(result, BLST_ERROR::BLST_SUCCESS | BLST_ERROR::BLST_POINT_NOT_IN_GROUP)
}

impl fmt::Debug for G1Affine {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str("G1Affine(")?;
		self.compress().iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
		f.write_str(")")
	}
}

/// Why points cannot be combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CombineError {
	/// Not as many coefficients as points.
	#[error("{coefficients} coefficients for {points} points")]
	LengthMismatch {
		/// Coefficients given.
		coefficients: usize,
		/// Points given.
		points: usize,
	},
	/// A coefficient is not below the group order.
	#[error("coefficient {index} is not below the group order")]
	BadScalar {
		/// Which coefficient.
		index: usize,
	},
}

/// `sum coefficients[i] * points[i]` for canonical big-endian coefficients. Fast when they are small integers or the
/// negatives of such, like those of a [`Generator`](crate::stripe::Generator): time grows with the bits of the
/// largest magnitude.
pub fn combine_commitments(
	coefficients: &[[u8; 32]],
	points: &[G1Affine],
) -> Result<G1Affine, CombineError> {
	if coefficients.len() != points.len() {
		return Err(CombineError::LengthMismatch {
			coefficients: coefficients.len(),
			points: points.len(),
		});
	}
	let mut terms = Vec::with_capacity(points.len());
	for (index, (coefficient, point)) in coefficients.iter().zip(points).enumerate() {
		if !encoding::is_canonical(coefficient) {
			return Err(CombineError::BadScalar { index });
		}
		let limbs = encoding::be_to_limbs(coefficient);
		let negative = encoding::negate(&limbs);
		let projective = G1Projective::from_affine(&point.0);
		terms.push(if bits(&negative) < bits(&limbs) {
			(negative, projective.negated().to_affine())
		} else {
			(limbs, point.0)
		});
	}
	let longest = terms.iter().map(|(limbs, _)| bits(limbs)).max().unwrap_or(0);
	let mut sum = G1Projective::default();
	for bit in (0..longest).rev() {
		sum = sum.double();
		for (limbs, point) in &terms {
			if limbs[bit / 64] >> (bit % 64) & 1 == 1 {
				sum = sum.plus_affine(point);
			}
		}
	}
	Ok(G1Affine(sum.to_affine()))
}

/// Bits of a little-endian number.
fn bits(limbs: &[u64; 4]) -> usize {
	let top = limbs.iter().rposition(|limb| *limb != 0);
	top.map_or(0, |i| i * 64 + 64 - limbs[i].leading_zeros() as usize)
}
