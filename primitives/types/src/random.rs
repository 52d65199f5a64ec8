//! Numbers from random bytes.

/// The number below `total` that 16 random bytes stand for, read as a little-endian integer; every number is as
/// likely as any other.
///
/// `None` when `total` is 0, and for integers in the last incomplete run of `total`, which would favour the small
/// numbers: the caller then takes other bytes. Of all 2^128 integers fewer than `total` are lost in this way.
pub fn uniform<T: Into<u128> + TryFrom<u128>>(bytes: [u8; 16], total: T) -> Option<T> {
	let total: u128 = total.into();
	// 2^128 mod total, without 2^128.
	let excess = u128::MAX.checked_rem(total)?.saturating_add(1).checked_rem(total)?;
	let last = u128::MAX.saturating_sub(excess);
	let integer = u128::from_le_bytes(bytes);
	if integer > last {
		return None;
	}
	integer.checked_rem(total).and_then(|number| T::try_from(number).ok())
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn the_last_incomplete_run_is_refused() {
		let max = u128::MAX;
		for (integer, total, number) in [
			(0, 1, Some(0)),
			(max, 1, Some(0)),
			(0, 0, None),
			(max, 0, None),
			// 2^128 is 1 modulo 3, 4 modulo 7 and 0 modulo powers of two.
			(max - 1, 3, Some(2)),
			(max, 3, None),
			(max - 4, 7, Some(6)),
			(max - 3, 7, None),
			(max, 8, Some(7)),
			(max, 1 << 127, Some((1 << 127) - 1)),
			// Nearly every second integer is lost.
			(1 << 127, (1 << 127) + 1, Some(1 << 127)),
			((1 << 127) + 1, (1 << 127) + 1, None),
			(max - 1, max, Some(max - 1)),
			(max, max, None),
		] {
			let found = uniform(u128::to_le_bytes(integer), total);
			assert_eq!(found, number, "{integer} below {total}");
		}
	}

	#[test]
	fn bytes_are_little_endian() {
		let mut bytes = [0; 16];
		bytes[1] = 1;
		assert_eq!(uniform(bytes, 1_000u32), Some(256));
		// Python: int.from_bytes(bytes([7] * 16), "little") % 1000
		assert_eq!(uniform([7; 16], 1_000u64), Some(687));
	}

	proptest! {
		#[test]
		fn widths_agree_and_stay_below(bytes: [u8; 16], total: u32) {
			let number = uniform(bytes, total);
			prop_assert!(number.is_none_or(|number| number < total));
			prop_assert_eq!(uniform(bytes, u64::from(total)), number.map(u64::from));
			prop_assert_eq!(uniform(bytes, u128::from(total)), number.map(u128::from));
		}
	}
}
