//! Stripe codes: the parity of a row, and any `k` of its `n` blobs back to the others.
//!
//! A row is `k` data blobs and `m` parity blobs, one per slot. [`codec_for`] gives the code of a [`Profile`]:
//!
//! * **`Fr`** (the default): scalar by scalar, the data are values of a polynomial over the BLS12-381 scalar field at
//!   consecutive integers and the parity its values at the integers beside them (`nil_kzg::stripe`). By linearity the
//!   parity *commitments* follow from those of the data: [`parity_commitments`].
//! * **`Gf16`**: Reed-Solomon over GF(2^16) by `reed-solomon-simd`. Faster, but parity can only be checked with the
//!   data. Its symbols pair byte `i` with byte `i + 32` of each 64, that is the same byte of two neighbouring scalars:
//!   where every data scalar has a zero byte 0, so has every parity scalar, and stays canonical.
//!
//! Both are strict: exact lengths, each slot once, scalars canonical. Both work on one row in one thread; rows are
//! independent, so callers spread them over threads.
//!
//! ```
//! use nil_types::{Profile, layout::BLOB_BYTES};
//!
//! let code = nil_coding::codec_for(Profile::DEFAULT)?;
//! let data: Vec<Vec<u8>> = (0..8).map(|slot| vec![0, slot].repeat(BLOB_BYTES / 2)).collect();
//! let data: Vec<&[u8]> = data.iter().map(Vec::as_slice).collect();
//! let mut parity = vec![vec![0; BLOB_BYTES]; 4];
//! let mut targets: Vec<&mut [u8]> = parity.iter_mut().map(Vec::as_mut_slice).collect();
//! code.encode_row(&data, &mut targets)?;
//!
//! // Four slots are lost, data slot 0 among them. It comes back from the other eight.
//! let all: Vec<&[u8]> = data.iter().copied().chain(parity.iter().map(Vec::as_slice)).collect();
//! let present: Vec<(u8, &[u8])> = (0..12).zip(all).skip(4).collect();
//! let mut lost = vec![0; BLOB_BYTES];
//! code.reconstruct_row(&present, &mut [(0, &mut lost)])?;
//! assert_eq!(lost, data[0]);
//! # Ok::<(), nil_coding::CodingError>(())
//! ```
#![forbid(unsafe_code)]

mod fr;
mod gf16;
mod row;

pub use fr::parity_commitments;

use nil_types::{
	CodeKind, Profile, ProfileError, SlotIndex,
	layout::{BLOB_BYTES, MAX_SLOTS},
};
use std::{fmt::Debug, sync::Arc};
use thiserror::Error;

/// Why a row cannot be encoded or reconstructed.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum CodingError {
	/// The profile is not one that the protocol allows.
	#[error("profile: {0}")]
	Profile(ProfileError),
	/// The number of blobs or commitments is not the profile's.
	#[error("{found} {what}: this profile needs {expected}")]
	Count {
		/// What was counted.
		what: &'static str,
		/// How many were given.
		found: usize,
		/// How many are needed.
		expected: usize,
	},
	/// A blob has another length than 131,072 bytes.
	#[error("blob of slot {slot} has {found} bytes: a blob has {BLOB_BYTES}")]
	Length {
		/// Its slot.
		slot: SlotIndex,
		/// Its length.
		found: usize,
	},
	/// The slot does not exist.
	#[error("slot {slot}: this profile has {slots} slots")]
	Slot {
		/// The slot named.
		slot: SlotIndex,
		/// Slots of the profile.
		slots: u8,
	},
	/// A slot is named twice.
	#[error("slot {0} is given twice")]
	Repeated(SlotIndex),
	/// Fewer than `k` slots are present.
	#[error("{found} slots are present: {needed} are needed")]
	TooFew {
		/// Slots given.
		found: usize,
		/// Slots needed.
		needed: u8,
	},
	/// A scalar is not below the group order, or a scalar that must have a zero byte 0 has not.
	#[error("blob of slot {slot}: scalar {scalar} is not canonical")]
	Scalar {
		/// The blob's slot.
		slot: SlotIndex,
		/// The scalar's place in the blob.
		scalar: u16,
	},
	/// The code's parity commitments do not follow from the data commitments.
	#[error("code {0}: parity commitments cannot be derived")]
	NotDerivable(CodeKind),
	/// The library that does GF(2^16) refused, which checked input rules out.
	#[error("reed-solomon-simd: {0}")]
	Gf16(reed_solomon_simd::Error),
}

/// The code of one profile, row by row.
pub trait StripeCode: Debug + Send + Sync {
	/// The profile.
	fn profile(&self) -> &Profile;

	/// Makes the parity of a row: `data` are the blobs of slots `0..k`, `parity` takes those of slots `k..n`.
	///
	/// Every blob is 131,072 bytes. Byte 0 of each data scalar must be zero. After an error the targets hold nothing of
	/// meaning.
	fn encode_row(&self, data: &[&[u8]], parity: &mut [&mut [u8]]) -> Result<(), CodingError>;

	/// Brings back the blobs of the `wanted` slots from those `present`, at least `k` of them, in any order.
	///
	/// Blobs beyond the first `k` are not looked at, except that a wanted slot that is present is copied. Wrong blobs
	/// make wrong results: check them against their commitments first. After an error the targets hold nothing of
	/// meaning.
	fn reconstruct_row(
		&self,
		present: &[(SlotIndex, &[u8])],
		wanted: &mut [(SlotIndex, &mut [u8])],
	) -> Result<(), CodingError>;
}

/// The code of `profile`.
pub fn codec_for(profile: Profile) -> Result<Arc<dyn StripeCode>, CodingError> {
	profile.validate().map_err(CodingError::Profile)?;
	Ok(match profile.code {
		CodeKind::Fr => Arc::new(fr::FrCode::new(profile)?),
		CodeKind::Gf16 => Arc::new(gf16::Gf16Code::new(profile)),
	})
}
