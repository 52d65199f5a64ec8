//! Sizes and amounts as people write them, the same on every command line and in every configuration.

use nil_types::Amount;

/// Smallest units in one NIL.
pub const NIL: Amount = 1_000_000_000_000;
/// Digits after the point that an amount in NIL may have.
const DECIMALS: usize = 12;

/// Why a size or an amount cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
	/// Not a size.
	#[error(
		"expected a size in bytes or such as \"500 MiB\" (KiB, MiB, GiB, TiB, kB, MB, GB, TB), got {0:?}"
	)]
	Size(String),
	/// Not an amount.
	#[error("expected an amount of NIL such as 12 or 0.5, got {0:?}")]
	Amount(String),
	/// An amount finer than the smallest unit.
	#[error("expected an amount of NIL with at most {DECIMALS} decimals, got {0:?}")]
	TooFine(String),
	/// An amount that no account can hold.
	#[error("{0:?} is more NIL than can exist")]
	TooLarge(String),
}

/// Reads a number of bytes: `4096`, `64KiB`, `10 MiB`, `1G` (the same as `1GiB`), `2 GB`.
pub fn parse_size(text: &str) -> Result<u64, QuantityError> {
	let fault = || QuantityError::Size(text.into());
	let trimmed = text.trim();
	let end = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
	let (digits, unit) = trimmed.split_at(end);
	let factor: u64 = match unit.trim_start() {
		"" | "B" => 1,
		"K" | "KiB" => 1 << 10,
		"M" | "MiB" => 1 << 20,
		"G" | "GiB" => 1 << 30,
		"T" | "TiB" => 1 << 40,
		"kB" => 1_000,
		"MB" => 1_000_000,
		"GB" => 1_000_000_000,
		"TB" => 1_000_000_000_000,
		_ => return Err(fault()),
	};
	let count: u64 = digits.parse().map_err(|_| fault())?;
	count.checked_mul(factor).ok_or_else(fault)
}

/// Reads an amount in NIL, with or without the name behind it: `12`, `0.5`, `3.25 NIL`.
pub fn parse_nil(text: &str) -> Result<Amount, QuantityError> {
	let trimmed = text.trim();
	let number = trimmed.strip_suffix("NIL").unwrap_or(trimmed).trim_end();
	let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
	// Digits alone: the standard parser also takes a sign.
	let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
	if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
		return Err(QuantityError::Amount(text.into()));
	}
	if fraction.len() > DECIMALS {
		return Err(QuantityError::TooFine(text.into()));
	}
	let too_large = || QuantityError::TooLarge(text.into());
	let whole: Amount =
		if whole.is_empty() { 0 } else { whole.parse().map_err(|_| too_large())? };
	let fraction: Amount = format!("{fraction:0<DECIMALS$}").parse().map_err(|_| too_large())?;
	whole.checked_mul(NIL).and_then(|sum| sum.checked_add(fraction)).ok_or_else(too_large)
}

/// An amount as [`parse_nil`] reads it: `12.5 NIL`.
pub fn nil(amount: Amount) -> String {
	let (whole, fraction) = (amount / NIL, amount % NIL);
	if fraction == 0 {
		return format!("{whole} NIL");
	}
	let fraction = format!("{fraction:0DECIMALS$}");
	format!("{whole}.{} NIL", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn sizes() {
		for (text, bytes) in [
			("0", 0),
			("4096", 4096),
			("7 B", 7),
			("2kB", 2_000),
			("3 KiB", 3 << 10),
			("3K", 3 << 10),
			("64MiB", 64 << 20),
			(" 10 GiB ", 10 << 30),
		] {
			assert_eq!(parse_size(text), Ok(bytes), "{text:?}");
		}
		for text in ["", "-1", "+1", "1.5 GiB", "1 gib", "GiB", "1XB", "99999999 TiB", "1 GiB x"] {
			assert_eq!(parse_size(text), Err(QuantityError::Size(text.into())));
		}
	}

	#[test]
	fn amounts_are_exact_both_ways() {
		for (text, value) in [
			("0", 0),
			("12", 12 * NIL),
			("0.5", NIL / 2),
			(".5NIL", NIL / 2),
			("3.", 3 * NIL),
			("2.5 NIL", 2 * NIL + NIL / 2),
			("1.000000000001", NIL + 1),
		] {
			assert_eq!(parse_nil(text), Ok(value), "{text:?}");
		}
		for text in ["", ".", "NIL", "x", "-1", "+1 NIL", "1e3", "1,5", "1. 5 NIL", "1.5.0"] {
			assert_eq!(parse_nil(text), Err(QuantityError::Amount(text.into())), "{text:?}");
		}
		let fine = "1.0000000000001".to_owned();
		assert_eq!(parse_nil(&fine), Err(QuantityError::TooFine(fine)));
		for large in [Amount::MAX.to_string(), format!("{}0", Amount::MAX)] {
			assert_eq!(parse_nil(&large), Err(QuantityError::TooLarge(large)));
		}
		assert_eq!(nil(NIL + 1), "1.000000000001 NIL");
		assert_eq!(nil(12 * NIL + NIL / 2), "12.5 NIL");
		assert_eq!(nil(0), "0 NIL");
	}

	proptest! {
		#[test]
		fn what_is_shown_reads_back(amount: u128) {
			prop_assert_eq!(parse_nil(&nil(amount)), Ok(amount));
		}
	}
}
