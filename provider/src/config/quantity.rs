//! Sizes and amounts as people write them.

use serde::{Deserialize, Deserializer, de::Error};
use std::{fmt, str::FromStr};

/// Smallest units in one NIL.
const UNITS_PER_NIL: u128 = 1_000_000_000_000;
/// Digits after the point that an amount in NIL may have.
const NIL_DECIMALS: usize = 12;

/// Why a size or an amount cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
	/// Not a size.
	#[error(
		"expected a size in bytes or such as \"500 MiB\" (KiB, MiB, GiB, TiB, kB, MB, GB, TB), got {0:?}"
	)]
	Size(String),
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
		let fault = || QuantityError::Size(text.into());
		let trimmed = text.trim();
		let end = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
		let (digits, unit) = trimmed.split_at(end);
		let factor: u64 = match unit.trim_start() {
			"" | "B" => 1,
			"kB" => 1_000,
			"MB" => 1_000_000,
			"GB" => 1_000_000_000,
			"TB" => 1_000_000_000_000,
			"KiB" => 1 << 10,
			"MiB" => 1 << 20,
			"GiB" => 1 << 30,
			"TiB" => 1 << 40,
			_ => return Err(fault()),
		};
		let count: u64 = digits.parse().map_err(|_| fault())?;
		count.checked_mul(factor).map(Self).ok_or_else(fault)
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
		let fault = || QuantityError::Amount(text.into());
		let trimmed = text.trim();
		let Some(number) = trimmed.strip_suffix("NIL").map(str::trim_end) else {
			return decimal(trimmed).map(Self).ok_or_else(fault);
		};
		let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
		if fraction.len() > NIL_DECIMALS {
			return Err(fault());
		}
		let scale = 10u128.pow((NIL_DECIMALS - fraction.len()) as u32);
		decimal(whole)
			.and_then(|whole| whole.checked_mul(UNITS_PER_NIL))
			.zip(decimal(fraction).and_then(|fraction| fraction.checked_mul(scale)))
			.and_then(|(whole, fraction)| whole.checked_add(fraction))
			.map(Self)
			.ok_or_else(fault)
	}
}

/// Digits alone: the standard parser also takes a sign.
fn decimal(text: &str) -> Option<u128> {
	text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl fmt::Display for Nil {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		let (whole, rest) = (self.0 / UNITS_PER_NIL, self.0 % UNITS_PER_NIL);
		if rest == 0 {
			return write!(f, "{whole} NIL");
		}
		let fraction = format!("{rest:0NIL_DECIMALS$}");
		write!(f, "{whole}.{} NIL", fraction.trim_end_matches('0'))
	}
}

impl<'de> Deserialize<'de> for ByteSize {
	fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
		match toml::Value::deserialize(deserializer)? {
			toml::Value::Integer(bytes) => u64::try_from(bytes)
				.map(Self)
				.map_err(|_| D::Error::custom(QuantityError::Size(bytes.to_string()))),
			toml::Value::String(text) => text.parse().map_err(D::Error::custom),
			other => Err(D::Error::custom(QuantityError::Size(other.to_string()))),
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
	fn sizes() {
		for (text, bytes) in [
			("0", 0),
			("7", 7),
			("7 B", 7),
			("2kB", 2_000),
			("3 KiB", 3 << 10),
			("10 GiB", 10 << 30),
		] {
			assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text:?}");
		}
		for text in ["", "-1", "+1", "1.5 GiB", "1 gib", "GiB", "99999999 TiB", "1 GiB x"] {
			assert_eq!(text.parse::<ByteSize>(), Err(QuantityError::Size(text.into())));
		}
	}

	#[test]
	fn amounts() {
		for (text, units) in [
			("0", 0),
			("12", 12),
			("1 NIL", UNITS_PER_NIL),
			("2.5NIL", 2_500_000_000_000),
			("0.000000000001 NIL", 1),
		] {
			assert_eq!(text.parse(), Ok(Nil(units)), "{text:?}");
		}
		for text in ["", "-1", "1.5", "1.0000000000001 NIL", "NIL", "1. 5 NIL", "+1 NIL", ".5 NIL"]
		{
			assert_eq!(text.parse::<Nil>(), Err(QuantityError::Amount(text.into())), "{text:?}");
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
