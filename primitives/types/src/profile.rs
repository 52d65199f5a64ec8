//! How a deal is striped over slots.

use crate::layout::{BLOBS_PER_MDU, MAX_SLOTS};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use core::{fmt, str::FromStr};
use scale_info::TypeInfo;

/// The stripe code that makes the parity blobs of a row.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Hash,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
#[cfg_attr(
	feature = "std",
	derive(serde::Serialize, serde::Deserialize),
	serde(rename_all = "lowercase")
)]
pub enum CodeKind {
	/// Polynomials over the scalar field: parity commitments follow from the data commitments.
	#[default]
	#[codec(index = 0)]
	Fr,
	/// Reed-Solomon over GF(2^16): faster to decode, parity can only be checked with the data.
	#[codec(index = 1)]
	Gf16,
}

impl CodeKind {
	/// The byte that stands for the code in an MDU root.
	pub const fn tag(self) -> u8 {
		match self {
			Self::Fr => 0,
			Self::Gf16 => 1,
		}
	}
}

impl fmt::Display for CodeKind {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(match self {
			Self::Fr => "fr",
			Self::Gf16 => "gf16",
		})
	}
}

impl FromStr for CodeKind {
	type Err = ProfileError;

	fn from_str(text: &str) -> Result<Self, ProfileError> {
		match text {
			"fr" => Ok(Self::Fr),
			"gf16" => Ok(Self::Gf16),
			_ => Err(ProfileError::Syntax),
		}
	}
}

/// `k` data slots, `m` parity slots and the code between them. Any `k` of the `n = k + m` slots bring everything
/// back. `k = 1` keeps full replicas.
///
/// Values from outside are checked with [`Profile::validate`]; the methods are total, but mean something for valid
/// profiles only.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Hash,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Profile {
	/// Data slots; divides 64.
	pub k: u8,
	/// Parity slots, at least 1.
	pub m: u8,
	/// The stripe code.
	pub code: CodeKind,
}

/// Why a profile is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileError {
	/// `k` is zero or does not divide 64.
	DataSlots(u8),
	/// `m` is zero.
	NoParity,
	/// `k + m` is above 32.
	TooManySlots(u16),
	/// The text is not of the form `8+4`, or the code is neither `fr` nor `gf16`.
	Syntax,
}

impl fmt::Display for ProfileError {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::DataSlots(k) => write!(f, "{k} data slots: must divide 64"),
			Self::NoParity => f.write_str("0 parity slots: at least 1 is needed"),
			Self::TooManySlots(n) => write!(f, "{n} slots in all: at most {MAX_SLOTS} are allowed"),
			Self::Syntax => {
				f.write_str("expected a profile such as 8+4, and fr or gf16 for its code")
			},
		}
	}
}

impl core::error::Error for ProfileError {}

impl Profile {
	/// The default: any 8 of 12 slots bring a file back.
	pub const DEFAULT: Self = Self { k: 8, m: 4, code: CodeKind::Fr };

	/// A checked profile.
	pub const fn new(k: u8, m: u8, code: CodeKind) -> Result<Self, ProfileError> {
		let profile = Self { k, m, code };
		match profile.validate() {
			Ok(()) => Ok(profile),
			Err(error) => Err(error),
		}
	}

	/// Whether the protocol allows this profile.
	pub const fn validate(&self) -> Result<(), ProfileError> {
		if self.k == 0 || !(BLOBS_PER_MDU as u8).is_multiple_of(self.k) {
			return Err(ProfileError::DataSlots(self.k));
		}
		if self.m == 0 {
			return Err(ProfileError::NoParity);
		}
		let slots = self.k as u16 + self.m as u16;
		if slots > MAX_SLOTS as u16 {
			return Err(ProfileError::TooManySlots(slots));
		}
		Ok(())
	}

	/// Slots in all.
	pub const fn n(&self) -> u8 {
		self.k.saturating_add(self.m)
	}

	/// Rows of an MDU, which is also the blobs of an MDU that one slot stores.
	pub const fn rows(&self) -> u8 {
		match (BLOBS_PER_MDU as u8).checked_div(self.k) {
			Some(rows) => rows,
			None => 0,
		}
	}

	/// Rows that hold payload when `live` data blobs do. Only these are stored, sent and challenged.
	pub const fn live_rows(&self, live: u8) -> u8 {
		if self.k == 0 { 0 } else { live.div_ceil(self.k) }
	}

	/// Leaves of an MDU tree: one for every blob of every slot.
	pub const fn leaves(&self) -> u16 {
		self.n() as u16 * self.rows() as u16
	}

	/// The leaf of `slot`'s blob in `row`: slot-major, so that a slot's leaves are neighbours.
	pub const fn leaf(&self, slot: u8, row: u8) -> u16 {
		slot as u16 * self.rows() as u16 + row as u16
	}

	/// Siblings on the path from a leaf to the top of an MDU tree.
	pub const fn path_len(&self) -> usize {
		self.leaves().next_power_of_two().trailing_zeros() as usize
	}

	/// Row and slot of data blob `blob` (`0..64`).
	pub const fn place(&self, blob: u8) -> (u8, u8) {
		match self.k {
			0 => (0, 0),
			k => (blob / k, blob % k),
		}
	}

	/// Every profile that the protocol allows for `code`.
	pub fn all(code: CodeKind) -> impl Iterator<Item = Self> {
		(0..=4u32).flat_map(move |log| {
			(1..MAX_SLOTS as u8).filter_map(move |m| Self::new(1 << log, m, code).ok())
		})
	}
}

impl Default for Profile {
	fn default() -> Self {
		Self::DEFAULT
	}
}

impl fmt::Display for Profile {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		write!(f, "{}+{}", self.k, self.m)
	}
}

impl FromStr for Profile {
	type Err = ProfileError;

	/// Reads `8+4`; the code is `Fr` until the caller sets another.
	fn from_str(text: &str) -> Result<Self, ProfileError> {
		let (k, m) = text.split_once('+').ok_or(ProfileError::Syntax)?;
		let number = |text: &str| text.parse::<u8>().map_err(|_| ProfileError::Syntax);
		Self::new(number(k)?, number(m)?, CodeKind::Fr)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn the_default_profile() {
		let p = Profile::DEFAULT;
		assert_eq!((p.n(), p.rows(), p.leaves(), p.path_len()), (12, 8, 96, 7));
		assert_eq!((p.live_rows(1), p.live_rows(8), p.live_rows(9), p.live_rows(64)), (1, 1, 2, 8));
		assert_eq!(
			(p.place(0), p.place(7), p.place(8), p.place(63)),
			((0, 0), (0, 7), (1, 0), (7, 7))
		);
		assert_eq!("8+4".parse(), Ok(p));
	}

	#[test]
	fn bad_profiles_name_their_fault() {
		let new = |k, m| Profile::new(k, m, CodeKind::Fr);
		assert_eq!(new(0, 1), Err(ProfileError::DataSlots(0)));
		assert_eq!(new(3, 1), Err(ProfileError::DataSlots(3)));
		assert_eq!(new(8, 0), Err(ProfileError::NoParity));
		assert_eq!(new(16, 17), Err(ProfileError::TooManySlots(33)));
		assert_eq!(new(64, 255), Err(ProfileError::TooManySlots(319)));
		for text in ["", "8", "8+", "+4", "8+4+1", "8-4", "256+1", "8 + 4"] {
			assert_eq!(text.parse::<Profile>(), Err(ProfileError::Syntax), "{text:?}");
		}
	}

	#[test]
	fn all_lists_valid_profiles_once() {
		let all: alloc::vec::Vec<_> = Profile::all(CodeKind::Fr).collect();
		assert_eq!(all.len(), 31 + 30 + 28 + 24 + 16);
		assert!(all.iter().all(|p| p.validate().is_ok()));
	}
}
