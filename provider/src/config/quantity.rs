//! Sizes and amounts as people write them.

use nil_client::quantity;
use serde::{Deserialize, Deserializer, de::Error};
use std::{fmt, str::FromStr};

/// Why a size or an amount cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
	/// Not a size, or an amount in NIL that is none.
	#[error(transparent)]
	Text(#[from] quantity::QuantityError),
	/// Not an amount.
	#[error("expected an amount in smallest units or such as \"2.5 NIL\", got {0:?}")]
	Amount(String),
}

/// A number of bytes: an integer, or text with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl FromStr for ByteSize {
	type Err = QuantityError;

	fn from_str(text: &str) -> Result<Self, QuantityError> {
		Ok(Self(quantity::parse_size(text)?))
	}
}

impl fmt::Display for ByteSize {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] {
			let size = 1u64 << shift;
			if self.0 >= size && self.0.is_multiple_of(size) {
				return write!(f, "{} {unit}", self.0 / size);
			}
		}
		write!(f, "{} B", self.0)
	}
}

/// An amount of the native token in smallest units: an integer, or text with `NIL` behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nil(pub u128);

impl FromStr for Nil {
	type Err = QuantityError;

	fn from_str(text: &str) -> Result<Self, QuantityError> {
		let trimmed = text.trim();
		if trimmed.ends_with("NIL") {
			return Ok(Self(quantity::parse_nil(text)?));
		}
		// Digits alone: the standard parser also takes a sign.
		let digits = trimmed.bytes().all(|byte| byte.is_ascii_digit());
		let units = trimmed.parse().ok().filter(|_| digits);
		units.map(Self).ok_or_else(|| QuantityError::Amount(text.into()))
	}
}

impl fmt::Display for Nil {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(&quantity::nil(self.0))
	}
}

fn not_a_size(found: &impl ToString) -> quantity::QuantityError {
	quantity::QuantityError::Size(found.to_string())
}

impl<'de> Deserialize<'de> for ByteSize {
	fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
		match toml::Value::deserialize(deserializer)? {
			toml::Value::Integer(bytes) => {
				u64::try_from(bytes).map(Self).map_err(|_| D::Error::custom(not_a_size(&bytes)))
			},
			toml::Value::String(text) => text.parse().map_err(D::Error::custom),
			other => Err(D::Error::custom(not_a_size(&other))),
		}
	}
}

impl<'de> Deserialize<'de> for Nil {
	fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
		match toml::Value::deserialize(deserializer)? {
			toml::Value::Integer(units) => u128::try_from(units)
				.map(Self)
				.map_err(|_| D::Error::custom(QuantityError::Amount(units.to_string()))),
			toml::Value::String(text) => text.parse().map_err(D::Error::custom),
			other => Err(D::Error::custom(QuantityError::Amount(other.to_string()))),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn amounts_without_a_name_are_smallest_units() {
		for (text, units) in [
			("0", 0),
			("12", 12),
			("1 NIL", quantity::NIL),
			("2.5NIL", 2_500_000_000_000),
			("0.000000000001 NIL", 1),
		] {
			assert_eq!(text.parse(), Ok(Nil(units)), "{text:?}");
		}
		for text in ["", "-1", "+1", "1.5"] {
			assert_eq!(text.parse::<Nil>(), Err(QuantityError::Amount(text.into())), "{text:?}");
		}
		for text in ["NIL", "+1 NIL", "1.0000000000001 NIL"] {
			assert!(matches!(text.parse::<Nil>(), Err(QuantityError::Text(_))), "{text:?}");
		}
	}

	proptest! {
		#[test]
		fn what_is_shown_reads_back(bytes: u64, units: u128) {
			prop_assert_eq!(ByteSize(bytes).to_string().parse(), Ok(ByteSize(bytes)));
			prop_assert_eq!(Nil(units).to_string().parse(), Ok(Nil(units)));
		}
	}
}
