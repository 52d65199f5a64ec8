//! `<deal>[:/path]`, the way commands name a deal or a file in it.

use nil_types::DealId;
use std::{fmt, str::FromStr};

/// A deal, and perhaps a path in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
	/// The deal's number.
	pub deal: DealId,
	/// The path as the index writes it: relative, without the leading slash. `None` is the whole deal.
	pub path: Option<String>,
}

impl FromStr for Target {
	type Err = String;

	fn from_str(text: &str) -> Result<Self, String> {
		let (deal, path) = match text.split_once(':') {
			Some((deal, path)) => (deal, Some(path)),
			None => (text, None),
		};
		let deal = deal.parse().map_err(|_| {
			format!("{deal:?} is not a deal number: write a target as 7 or 7:/dir/file")
		})?;
		let path = match path {
			None => None,
			Some(path) => match path.strip_prefix('/') {
				Some("") => None,
				Some(path) => Some(path.to_string()),
				None => return Err(format!("paths begin with a slash: {deal}:/{path}")),
			},
		};
		Ok(Self { deal, path })
	}
}

impl fmt::Display for Target {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match &self.path {
			Some(path) => write!(f, "{}:/{path}", self.deal),
			None => write!(f, "{}", self.deal),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn reads_deals_and_paths() {
		let target = |deal, path: Option<&str>| Target { deal, path: path.map(Into::into) };
		assert_eq!("7".parse(), Ok(target(7, None)));
		assert_eq!("7:/".parse(), Ok(target(7, None)));
		assert_eq!("7:/a b/ü:x".parse(), Ok(target(7, Some("a b/ü:x"))));
		for text in ["", ":/x", "x:/y", "-1", "7:x", "7:"] {
			assert!(text.parse::<Target>().is_err(), "{text:?}");
		}
		assert_eq!(target(7, Some("x")).to_string(), "7:/x");
	}
}
