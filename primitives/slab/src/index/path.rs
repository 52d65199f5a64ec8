//! Paths inside a slab.

use codec::{Encode, Input};
use std::{borrow::Borrow, fmt, str::FromStr};
use thiserror::Error;

/// Longest path in bytes.
pub const MAX_PATH_BYTES: usize = 1024;

/// A checked path: UTF-8, relative, components parted by `/`, none of them empty, `.` or `..`, no NUL and no
/// backslash, 1 to 1,024 bytes. Ordered by bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
pub struct SlabPath(String);

/// Why a path is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PathError {
	/// No bytes at all.
	#[error("empty path")]
	Empty,
	/// More than 1,024 bytes.
	#[error("path of {0} bytes: at most {MAX_PATH_BYTES} are allowed")]
	TooLong(usize),
	/// Not UTF-8.
	#[error("path is not UTF-8 after byte {0}")]
	NotUtf8(usize),
	/// A leading slash.
	#[error("{0:?} begins with '/': paths are relative")]
	Absolute(String),
	/// Two slashes in a row, or one at the end.
	#[error("{0:?} has an empty component")]
	EmptyComponent(String),
	/// A component that means another directory.
	#[error("{0:?} has a component '.' or '..'")]
	Dots(String),
	/// A NUL or a backslash.
	#[error("{path:?} has the character {character:?}, which is not allowed")]
	Character {
		/// The path.
		path: String,
		/// The character.
		character: char,
	},
}

impl SlabPath {
	/// Checks `text`.
	pub fn parse(text: &str) -> Result<Self, PathError> {
		check(text)?;
		Ok(Self(text.to_owned()))
	}

	/// The path as text.
	pub fn as_str(&self) -> &str {
		&self.0
	}

	/// The last component.
	pub fn name(&self) -> &str {
		self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
	}

	/// The directories that hold this path, outermost first; none for a path at the top.
	pub fn parents(&self) -> impl Iterator<Item = &str> {
		self.0.match_indices('/').map(|(at, _)| &self.0[..at])
	}

	/// Whether this path lies below the directory `dir` (the empty text is the top).
	pub fn is_below(&self, dir: &str) -> bool {
		dir.is_empty() || self.0.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
	}

	/// `name` inside this directory.
	pub fn join(&self, name: &str) -> Result<Self, PathError> {
		Self::parse(&format!("{}/{name}", self.0))
	}

	/// Reads a path, refusing an oversized one before it is taken in.
	pub(super) fn decode_strict<I: Input>(input: &mut I) -> Result<Self, DecodePathError> {
		let len = <codec::Compact<u32> as codec::Decode>::decode(input)?.0 as usize;
		if len > MAX_PATH_BYTES {
			return Err(PathError::TooLong(len).into());
		}
		let mut bytes = vec![0; len];
		input.read(&mut bytes)?;
		let text = String::from_utf8(bytes)
			.map_err(|error| PathError::NotUtf8(error.utf8_error().valid_up_to()))?;
		check(&text)?;
		Ok(Self(text))
	}
}

/// What can go wrong with the bytes of a path.
#[derive(Debug)]
pub(super) enum DecodePathError {
	Encoding(codec::Error),
	Path(PathError),
}

impl From<codec::Error> for DecodePathError {
	fn from(error: codec::Error) -> Self {
		Self::Encoding(error)
	}
}

impl From<PathError> for DecodePathError {
	fn from(error: PathError) -> Self {
		Self::Path(error)
	}
}

fn check(text: &str) -> Result<(), PathError> {
	if text.is_empty() {
		return Err(PathError::Empty);
	}
	if text.len() > MAX_PATH_BYTES {
		return Err(PathError::TooLong(text.len()));
	}
	if let Some(character) = text.chars().find(|character| matches!(character, '\0' | '\\')) {
		return Err(PathError::Character { path: text.to_owned(), character });
	}
	if text.starts_with('/') {
		return Err(PathError::Absolute(text.to_owned()));
	}
	for component in text.split('/') {
		match component {
			"" => return Err(PathError::EmptyComponent(text.to_owned())),
			"." | ".." => return Err(PathError::Dots(text.to_owned())),
			_ => {},
		}
	}
	Ok(())
}

impl fmt::Display for SlabPath {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(&self.0)
	}
}

impl fmt::Debug for SlabPath {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		fmt::Debug::fmt(&self.0, f)
	}
}

impl FromStr for SlabPath {
	type Err = PathError;

	fn from_str(text: &str) -> Result<Self, PathError> {
		Self::parse(text)
	}
}

impl AsRef<str> for SlabPath {
	fn as_ref(&self) -> &str {
		&self.0
	}
}

impl Borrow<str> for SlabPath {
	fn borrow(&self) -> &str {
		&self.0
	}
}

impl serde::Serialize for SlabPath {
	fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
		serializer.serialize_str(&self.0)
	}
}

impl<'de> serde::Deserialize<'de> for SlabPath {
	fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
		let text = String::deserialize(deserializer)?;
		check(&text).map_err(serde::de::Error::custom)?;
		Ok(Self(text))
	}
}
