//! What people type and read: amounts of NIL, durations, sizes, profiles and byte ranges.

use nil_types::RelayBlock;
use std::{fmt, time::Duration};

pub use nil_client::quantity::{NIL, nil as amount, parse_nil as parse_amount, parse_size};

/// Seconds per relay block.
pub const RELAY_BLOCK_SECONDS: u64 = 6;

/// Reads a duration as relay blocks: `30d`, `12h`, `45m`, `600s`, or a plain number of relay blocks. Rounded up.
pub fn parse_duration(text: &str) -> Result<RelayBlock, String> {
	let bad = || {
		format!(
			"{text:?} is not a duration: write 30d, 12h, 45m, 600s, or a number of relay blocks"
		)
	};
	let (number, seconds) = match text.strip_suffix(['d', 'h', 'm', 's']) {
		Some(number) => {
			let unit = match text.bytes().last() {
				Some(b'd') => 86_400,
				Some(b'h') => 3_600,
				Some(b'm') => 60,
				_ => 1,
			};
			(number, Some(unit))
		},
		None => (text, None),
	};
	let number: u64 = number.parse().map_err(|_| bad())?;
	let blocks = match seconds {
		Some(unit) => number.checked_mul(unit).ok_or_else(bad)?.div_ceil(RELAY_BLOCK_SECONDS),
		None => number,
	};
	RelayBlock::try_from(blocks).map_err(|_| format!("{text:?} is longer than the chain can count"))
}

/// Relay blocks as people read them: `30d`, `1h 12m`, `42s`.
pub fn blocks(count: RelayBlock) -> String {
	let mut rest = u64::from(count) * RELAY_BLOCK_SECONDS;
	let mut parts = Vec::new();
	for (unit, name) in [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")] {
		if rest >= unit && parts.len() < 2 {
			parts.push(format!("{}{name}", rest / unit));
			rest %= unit;
		}
	}
	if parts.is_empty() { "0s".into() } else { parts.join(" ") }
}

/// Reads a share of a whole, above 0 and at most 1: `0.1` or `10%`.
pub fn parse_fraction(text: &str) -> Result<f64, String> {
	let (number, whole) = match text.strip_suffix('%') {
		Some(number) => (number, 100.0),
		None => (text, 1.0),
	};
	match number.parse::<f64>() {
		Ok(number) if number > 0.0 && number <= whole => Ok(number / whole),
		_ => Err(format!("{text:?} is not a share: write 0.1 or 10%, above 0 and at most 1")),
	}
}

/// A size as people read it: `64.0 MiB`.
pub fn size(bytes: u64) -> String {
	const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
	let mut value = bytes as f64;
	let mut unit = 0;
	while value >= 1024.0 && unit + 1 < UNITS.len() {
		value /= 1024.0;
		unit += 1;
	}
	match UNITS.get(unit) {
		Some(name) if unit > 0 => format!("{value:.1} {name}"),
		_ => format!("{bytes} B"),
	}
}

/// Milliseconds as people read them: `1 s`, `250 ms`.
pub fn milliseconds(count: u64) -> String {
	if count.is_multiple_of(1000) { format!("{} s", count / 1000) } else { format!("{count} ms") }
}

/// Nanoseconds since the Unix epoch as a date and time in UTC: `2026-11-22 18:30:00`.
pub fn timestamp(nanos: i64) -> String {
	let seconds = nanos.div_euclid(1_000_000_000);
	let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
	let (year, month, day) = civil(days);
	format!(
		"{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
		rest / 3600,
		rest / 60 % 60,
		rest % 60
	)
}

/// The proleptic Gregorian date of a day counted from 1970-01-01. Years begin in March, so that the leap day comes last
/// (after Howard Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
	const DAYS_PER_ERA: i64 = 146_097;
	let shifted = days + 719_468;
	let (era, day_of_era) = (shifted.div_euclid(DAYS_PER_ERA), shifted.rem_euclid(DAYS_PER_ERA));
	let year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
	let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	let shifted_month = (5 * day_of_year + 2) / 153;
	let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
	let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
	(era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// Bytes per second, in decimal megabytes as disks and networks are sold.
pub fn rate(bytes: u64, time: Duration) -> f64 {
	let seconds = time.as_secs_f64();
	if seconds > 0.0 { bytes as f64 / 1e6 / seconds } else { 0.0 }
}

/// A range of bytes as HTTP writes it: `a-b` (both included), `a-` (to the end), `-n` (the last `n`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteRange {
	/// From the first number on, to the second one, which is included, or to the end.
	From(u64, Option<u64>),
	/// The last so many bytes.
	Last(u64),
}

impl ByteRange {
	/// Reads a range.
	pub fn parse(text: &str) -> Result<Self, String> {
		let bad = || format!("{text:?} is not a byte range: write 0-99, 100- or -50");
		let number = |text: &str| text.parse::<u64>().map_err(|_| bad());
		let (first, last) = text.split_once('-').ok_or_else(bad)?;
		match (first, last) {
			("", last) => number(last).map(Self::Last),
			(first, "") => Ok(Self::From(number(first)?, None)),
			(first, last) => {
				let (first, last) = (number(first)?, number(last)?);
				if last < first {
					return Err(format!("{text:?} ends before it begins"));
				}
				Ok(Self::From(first, Some(last)))
			},
		}
	}

	/// Offset and length inside a file of `size` bytes. `None` when the range begins past the end.
	pub fn within(self, size: u64) -> Option<(u64, u64)> {
		match self {
			Self::Last(count) => {
				let count = count.min(size);
				Some((size - count, count))
			},
			Self::From(first, _) if first > size || (first == size && size > 0) => None,
			Self::From(first, last) => {
				let end = last.map_or(size, |last| last.saturating_add(1).min(size));
				Some((first, end.saturating_sub(first)))
			},
		}
	}
}

impl fmt::Display for ByteRange {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match self {
			Self::From(first, Some(last)) => write!(f, "{first}-{last}"),
			Self::From(first, None) => write!(f, "{first}-"),
			Self::Last(count) => write!(f, "-{count}"),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn shares_are_of_something_and_of_no_more_than_all() {
		for (text, share) in [("0.25", 0.25), ("25%", 0.25), ("1", 1.0), ("100%", 1.0)] {
			assert_eq!(parse_fraction(text), Ok(share), "{text}");
		}
		for text in ["", "%", "0", "0%", "-1", "1.5", "101%", "NaN", "inf", "half"] {
			assert!(parse_fraction(text).is_err(), "{text}");
		}
	}

	#[test]
	fn durations_round_up_to_relay_blocks() {
		for (text, blocks) in
			[("30d", 432_000), ("12h", 7_200), ("1m", 10), ("1s", 1), ("7s", 2), ("42", 42)]
		{
			assert_eq!(parse_duration(text), Ok(blocks), "{text}");
		}
		for text in ["", "d", "1w", "-1d", "1.5h", "99999999999d", "4294967296"] {
			assert!(parse_duration(text).is_err(), "{text}");
		}
		assert_eq!(blocks(432_000), "30d");
		assert_eq!(blocks(721), "1h 12m");
		assert_eq!(blocks(0), "0s");
	}

	#[test]
	fn sizes() {
		assert_eq!(size(512), "512 B");
		assert_eq!(size(64 << 20), "64.0 MiB");
	}

	#[test]
	fn timestamps_are_utc() {
		for (seconds, text) in [
			(0, "1970-01-01 00:00:00"),
			(951_782_400, "2000-02-29 00:00:00"),
			(1_795_372_200, "2026-11-22 18:30:00"),
			(-1, "1969-12-31 23:59:59"),
			(4_107_542_399, "2100-02-28 23:59:59"),
		] {
			assert_eq!(timestamp(seconds * 1_000_000_000), text);
		}
	}

	#[test]
	fn ranges_follow_http() {
		for (text, size, expected) in [
			("0-99", 1000, Some((0, 100))),
			("0-99", 50, Some((0, 50))),
			("100-", 1000, Some((100, 900))),
			("-50", 1000, Some((950, 50))),
			("-5000", 1000, Some((0, 1000))),
			("1000-", 1000, None),
			("1001-2000", 1000, None),
			("0-0", 0, Some((0, 0))),
			("5-5", 6, Some((5, 1))),
		] {
			assert_eq!(ByteRange::parse(text).unwrap().within(size), expected, "{text} of {size}");
		}
		for text in ["", "-", "5", "9-3", "a-b", "1-2-3", "0x1-2"] {
			assert!(ByteRange::parse(text).is_err(), "{text}");
		}
	}
}
