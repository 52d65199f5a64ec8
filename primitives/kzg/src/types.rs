//! What crosses the boundary between a verifier and its caller.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode};

/// A committed point, in one of the two forms in which verifiers meet them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub enum PointRef {
	/// A point from outside, compressed. It must be on the curve and in the prime-order subgroup.
	#[codec(index = 0)]
	Compressed([u8; 48]),
	/// A point that the verifier computed itself and kept uncompressed (a manifest). It must be canonical and on the
	/// curve; the subgroup check is left out, since sums of subgroup points stay in the subgroup. What is said of a point
	/// outside means nothing, and is not the same in all backends.
	#[codec(index = 1)]
	Trusted([u8; 96]),
}

/// The claim that the polynomial committed to by `point` has the value `y` at `z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct Opening {
	/// The commitment.
	pub point: PointRef,
	/// Where the polynomial is evaluated: a canonical big-endian scalar.
	pub z: [u8; 32],
	/// The claimed value: a canonical big-endian scalar.
	pub y: [u8; 32],
	/// The commitment to `(p(X) - y) / (X - z)`, compressed.
	pub proof: [u8; 48],
}

/// The claim that `sum factor_i * p_i`, over the polynomials committed to by the terms, has the value `y` at `z`.
///
/// It says something of every polynomial when neither the factors nor `z` are up to whoever makes the claim: they come
/// from a hash that was not known when the commitments were made.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct CombinedOpening {
	/// For each polynomial its commitment, compressed, and its factor: a canonical big-endian scalar.
	pub terms: Vec<([u8; 48], [u8; 32])>,
	/// Where the sum is evaluated: a canonical big-endian scalar.
	pub z: [u8; 32],
	/// The claimed value: a canonical big-endian scalar.
	pub y: [u8; 32],
	/// The commitment to `(p(X) - y) / (X - z)`, where `p` is the sum, compressed.
	pub proof: [u8; 48],
}

/// Why a check fails. Every backend returns the same variant for the same input; the order in which inputs are
/// looked at is stated at each function of [`verify`](crate::verify). Indices are part of the encoding.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, thiserror::Error,
)]
pub enum VerifyError {
	/// A scalar is not below the group order.
	#[codec(index = 0)]
	#[error("scalar {index} is not below the group order")]
	BadScalar {
		/// Which input, counted as the function's documentation says.
		index: u32,
	},
	/// A point has bad flags, a coordinate that is not below the field's modulus, or is not on the curve.
	#[codec(index = 1)]
	#[error("point {index} is not a canonical encoding of a point on the curve")]
	BadPoint {
		/// Which input, counted as the function's documentation says.
		index: u32,
	},
	/// A point is on the curve but not in the prime-order subgroup.
	#[codec(index = 2)]
	#[error("point {index} is not in the prime-order subgroup")]
	NotInSubgroup {
		/// Which input, counted as the function's documentation says.
		index: u32,
	},
	/// Every input is well formed, and the claim is false.
	#[codec(index = 3)]
	#[error("the claim does not hold")]
	Rejected,
	/// Lists do not have the lengths that the profile, or the check, asks for.
	#[codec(index = 4)]
	#[error("expected {expected} items, got {actual}")]
	LengthMismatch {
		/// Items that belong there.
		expected: u32,
		/// Items given.
		actual: u32,
	},
	/// An index or a size lies outside of what is allowed.
	#[codec(index = 5)]
	#[error("{actual} is above the limit of {limit}")]
	OutOfRange {
		/// The largest value allowed.
		limit: u64,
		/// The value given.
		actual: u64,
	},
}
