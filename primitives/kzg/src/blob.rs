//! Blobs whose scalars have been checked.

use crate::{BLOB_BYTES, SCALAR_BYTES, encoding};
use std::fmt;

/// A blob: 4,096 canonical big-endian scalars, 131,072 bytes. Whoever holds one need not check it again.
///
/// ```
/// use nil_kzg::{BLOB_BYTES, Blob};
/// let bytes = vec![0; BLOB_BYTES];
/// assert!(Blob::parse_data(&bytes)?.is_zero());
/// # Ok::<(), nil_kzg::BlobError>(())
/// ```
#[derive(PartialEq, Eq)]
#[repr(transparent)]
pub struct Blob([u8; BLOB_BYTES]);

/// Why bytes are not a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
	/// The length is wrong.
	#[error("a blob has {BLOB_BYTES} bytes, got {actual}")]
	Length {
		/// Bytes given.
		actual: usize,
	},
	/// A scalar is not below the group order.
	#[error("scalar {index} is not below the group order")]
	BadScalar {
		/// Which scalar.
		index: usize,
	},
	/// A scalar of a data blob does not begin with a zero byte.
	#[error("scalar {index} of a data blob begins with {byte:#04x} instead of zero")]
	BadPadding {
		/// Which scalar.
		index: usize,
		/// Its byte 0.
		byte: u8,
	},
}

static ZERO: Blob = Blob([0; BLOB_BYTES]);

impl Blob {
	/// Checks length and scalars; every scalar must be below the group order.
	pub fn parse(bytes: &[u8]) -> Result<&Self, BlobError> {
		let array = array(bytes)?;
		match scalars(array).iter().position(|scalar| !encoding::is_canonical(scalar)) {
			Some(index) => Err(BlobError::BadScalar { index }),
			None => Ok(Self::from_checked(array)),
		}
	}

	/// Checks length and scalars of a data blob; byte 0 of every scalar must be zero.
	pub fn parse_data(bytes: &[u8]) -> Result<&Self, BlobError> {
		let array = array(bytes)?;
		match scalars(array).iter().position(|scalar| scalar[0] != 0) {
			Some(index) => Err(BlobError::BadPadding { index, byte: scalars(array)[index][0] }),
			None => Ok(Self::from_checked(array)),
		}
	}

	/// The blob of zeros, whose commitment is the point at infinity.
	pub fn zero() -> &'static Self {
		&ZERO
	}

	/// The bytes.
	pub fn as_bytes(&self) -> &[u8; BLOB_BYTES] {
		&self.0
	}

	/// The scalars, big-endian.
	pub fn scalars(&self) -> &[[u8; SCALAR_BYTES]] {
		scalars(&self.0)
	}

	/// Whether byte 0 of every scalar is zero, so that every scalar is below `2^248`.
	pub fn is_data(&self) -> bool {
		self.scalars().iter().fold(0, |bits, scalar| bits | scalar[0]) == 0
	}

	/// Whether every scalar is zero.
	pub fn is_zero(&self) -> bool {
		self.0 == ZERO.0
	}

	fn from_checked(bytes: &[u8; BLOB_BYTES]) -> &Self {
		// SAFETY: `Blob` is a transparent wrapper of this array, so the layouts and the lifetimes are the same.
		unsafe { &*std::ptr::from_ref(bytes).cast::<Self>() }
	}
}

impl AsRef<[u8]> for Blob {
	fn as_ref(&self) -> &[u8] {
		&self.0
	}
}

impl fmt::Debug for Blob {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let [a, b, c, d, ..] = self.0;
		write!(f, "Blob({a:02x}{b:02x}{c:02x}{d:02x}..)")
	}
}

fn array(bytes: &[u8]) -> Result<&[u8; BLOB_BYTES], BlobError> {
	bytes.try_into().map_err(|_| BlobError::Length { actual: bytes.len() })
}

fn scalars(bytes: &[u8; BLOB_BYTES]) -> &[[u8; SCALAR_BYTES]] {
	bytes.as_chunks().0
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn lengths_off_by_one_are_refused() {
		for actual in [0, BLOB_BYTES - 1, BLOB_BYTES + 1] {
			assert_eq!(Blob::parse(&vec![0; actual]), Err(BlobError::Length { actual }));
			assert_eq!(Blob::parse_data(&vec![0; actual]), Err(BlobError::Length { actual }));
		}
	}

	#[test]
	fn the_first_bad_scalar_is_named() {
		let mut bytes = vec![0; BLOB_BYTES];
		let order = encoding::limbs_to_be(&encoding::MODULUS);
		bytes[4095 * 32..].copy_from_slice(&order);
		assert_eq!(Blob::parse(&bytes), Err(BlobError::BadScalar { index: 4095 }));
		bytes[4095 * 32 + 31] -= 1;
		assert!(!Blob::parse(&bytes).unwrap().is_data());
		assert_eq!(
			Blob::parse_data(&bytes),
			Err(BlobError::BadPadding { index: 4095, byte: 0x73 })
		);
		bytes[4095 * 32] = 0;
		bytes[64] = 1;
		assert_eq!(Blob::parse_data(&bytes), Err(BlobError::BadPadding { index: 2, byte: 1 }));
	}

	#[test]
	fn zero_is_zero() {
		assert!(Blob::zero().is_zero() && Blob::zero().is_data());
		let mut bytes = vec![0; BLOB_BYTES];
		bytes[31] = 1;
		let blob = Blob::parse_data(&bytes).unwrap();
		assert!(!blob.is_zero() && blob.is_data());
		assert_eq!(blob.scalars()[0][31], 1);
		assert_eq!(format!("{blob:?}"), "Blob(00000000..)");
	}
}
