//! NilFS: the index of a slab, from paths to the places of files.
//!
//! An index is data: the last extent of its commit's payload, stored and encrypted like a file. The chain keeps the
//! hash of the stored bytes. In clear it is one version byte, 1, and SCALE:
//!
//! ```text
//! 1 ‖ 0 ‖ Vec<(path, entry)>                       every file of the deal
//! 1 ‖ 1 ‖ parent ‖ Vec<(path, entry)> ‖ Vec<path>  files put and removed since the index whose stored bytes hash to `parent`
//! ```
//!
//! Lists are sorted by the bytes of the path and each path stands once, so one index has one encoding. A path is
//! never both a file and a directory of another file. Directories exist through the files in them.

mod entry;
mod path;

pub use entry::{Encryption, Entry, Extent, MAX_SLAB_BYTES};
pub use path::{MAX_PATH_BYTES, PathError, SlabPath};

use codec::{Compact, Decode, Encode, Input};
use nil_types::{Hash32, layout::MAX_INDEX_BYTES};
use path::DecodePathError;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// The version that this code writes and reads.
pub const VERSION: u8 = 1;

/// Why an index or a change of one is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IndexError {
	/// More bytes than a commit may carry.
	#[error("index of {found} bytes: at most {MAX_INDEX_BYTES} are allowed")]
	TooLong {
		/// Bytes given.
		found: usize,
	},
	/// Another version.
	#[error("index version {0}: this software reads version {VERSION}")]
	Version(u8),
	/// Neither a full index nor a delta.
	#[error("index kind {0}: must be 0 (full) or 1 (delta)")]
	Kind(u8),
	/// Bytes are missing or mean nothing.
	#[error("index: {0}")]
	Encoding(codec::Error),
	/// Bytes are left over.
	#[error("index has {0} bytes after its end")]
	TrailingBytes(usize),
	/// A path is refused.
	#[error("index: {0}")]
	Path(#[from] PathError),
	/// Paths are not in order, or one stands twice.
	#[error("index: {path:?} does not come after {previous:?}")]
	Order {
		/// The path before.
		previous: String,
		/// The path that should come after it.
		path: String,
	},
	/// An entry contradicts itself.
	#[error("index: {path:?}: {fault}")]
	Entry {
		/// The file.
		path: String,
		/// What is wrong.
		fault: String,
	},
	/// A path is both a file and a directory.
	#[error("{0:?} is both a file and a directory")]
	FileAndDirectory(String),
	/// A file to be removed is not there.
	#[error("{0:?}: no such file")]
	NoSuchFile(String),
	/// A chain of indexes does not begin with a full one.
	#[error("a chain of indexes must begin with a full one")]
	ChainStart,
	/// An index of a chain does not build on the one before it.
	#[error("index {0} of the chain is not a delta on the one before it")]
	Chain(usize),
	/// A delta puts and removes the same path.
	#[error("index: {0:?} is both put and removed")]
	PutAndRemoved(String),
}

impl From<DecodePathError> for IndexError {
	fn from(error: DecodePathError) -> Self {
		match error {
			DecodePathError::Encoding(error) => Self::Encoding(error),
			DecodePathError::Path(error) => Self::Path(error),
		}
	}
}

impl From<codec::Error> for IndexError {
	fn from(error: codec::Error) -> Self {
		Self::Encoding(error)
	}
}

/// Every file of a deal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
	entries: BTreeMap<SlabPath, Entry>,
}

/// What one commit changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
	/// `H` of the parent index's stored bytes.
	pub parent: Hash32,
	put: BTreeMap<SlabPath, Entry>,
	remove: BTreeSet<SlabPath>,
}

/// The index of one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexFile {
	/// Every file of the deal.
	Full(Index),
	/// What changed since the parent.
	Delta(Delta),
}

/// What stands directly in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Child<'a> {
	/// A directory, by name.
	Directory(&'a str),
	/// A file, by name.
	File(&'a str, &'a Entry),
}

impl Index {
	/// No files.
	pub fn new() -> Self {
		Self::default()
	}

	/// How many files.
	pub fn len(&self) -> usize {
		self.entries.len()
	}

	/// Whether there are none.
	pub fn is_empty(&self) -> bool {
		self.entries.is_empty()
	}

	/// The file at `path`.
	pub fn get(&self, path: &str) -> Option<&Entry> {
		self.entries.get(path)
	}

	/// All files, by path.
	pub fn iter(&self) -> impl Iterator<Item = (&SlabPath, &Entry)> {
		self.entries.iter()
	}

	/// All files below the directory `dir`, at any depth; the empty text is the top.
	pub fn below<'a>(&'a self, dir: &'a str) -> impl Iterator<Item = (&'a SlabPath, &'a Entry)> {
		// Paths below `dir` begin with `dir/` and so are neighbours.
		let prefix = if dir.is_empty() { String::new() } else { format!("{dir}/") };
		self.entries
			.range::<str, _>((
				std::ops::Bound::Included(prefix.as_str()),
				std::ops::Bound::Unbounded,
			))
			.take_while(move |(path, _)| path.is_below(dir))
	}

	/// Whether `path` is a directory: some file lies below it. The top is one even without files.
	pub fn is_directory(&self, path: &str) -> bool {
		path.is_empty() || self.below(path).next().is_some()
	}

	/// What stands directly in the directory `dir`, by name; the empty text is the top.
	pub fn children<'a>(&'a self, dir: &'a str) -> Vec<Child<'a>> {
		let skip = if dir.is_empty() { 0 } else { dir.len() + 1 };
		let mut children = BTreeMap::new();
		for (path, entry) in self.below(dir) {
			match path.as_str()[skip..].split_once('/') {
				Some((name, _)) => children.insert(name, Child::Directory(name)),
				None => {
					let name = &path.as_str()[skip..];
					children.insert(name, Child::File(name, entry))
				},
			};
		}
		children.into_values().collect()
	}

	/// Adds a file or replaces the one at `path`.
	pub fn put(&mut self, path: SlabPath, entry: Entry) -> Result<(), IndexError> {
		entry.check(path.as_str())?;
		if let Some(file) = path.parents().find(|parent| self.entries.contains_key(*parent)) {
			return Err(IndexError::FileAndDirectory(file.to_owned()));
		}
		if self.below(path.as_str()).next().is_some() {
			return Err(IndexError::FileAndDirectory(path.as_str().to_owned()));
		}
		self.entries.insert(path, entry);
		Ok(())
	}

	/// Takes the file at `path` out.
	pub fn remove(&mut self, path: &str) -> Result<Entry, IndexError> {
		self.entries.remove(path).ok_or_else(|| IndexError::NoSuchFile(path.to_owned()))
	}

	/// This index with the changes of `delta` made: removals first, then files put.
	///
	/// The caller knows by the hash whether `delta.parent` is this index; [`Self::merge`] checks it.
	pub fn apply(mut self, delta: Delta) -> Result<Self, IndexError> {
		for path in &delta.remove {
			self.remove(path.as_str())?;
		}
		for (path, entry) in delta.put {
			self.put(path, entry)?;
		}
		Ok(self)
	}

	/// The index at the end of `chain`: a full index, then deltas, oldest first, each with the hash of its stored
	/// bytes. Every delta must build on the one before it.
	pub fn merge(chain: impl IntoIterator<Item = (Hash32, IndexFile)>) -> Result<Self, IndexError> {
		let mut chain = chain.into_iter();
		let Some((mut last, IndexFile::Full(mut index))) = chain.next() else {
			return Err(IndexError::ChainStart);
		};
		for (number, (hash, file)) in chain.enumerate() {
			match file {
				IndexFile::Delta(delta) if delta.parent == last => index = index.apply(delta)?,
				_ => return Err(IndexError::Chain(number + 1)),
			}
			last = hash;
		}
		Ok(index)
	}

	/// The delta that makes `next` of this index, whose stored bytes hash to `parent`.
	pub fn delta_to(&self, next: &Self, parent: Hash32) -> Delta {
		let put =
			next.entries.iter().filter(|(path, entry)| self.entries.get(*path) != Some(*entry));
		let remove = self.entries.keys().filter(|path| !next.entries.contains_key(*path));
		Delta {
			parent,
			put: put.map(|(path, entry)| (path.clone(), entry.clone())).collect(),
			remove: remove.cloned().collect(),
		}
	}
}

impl Delta {
	/// No changes to the index whose stored bytes hash to `parent`.
	pub const fn new(parent: Hash32) -> Self {
		Self { parent, put: BTreeMap::new(), remove: BTreeSet::new() }
	}

	/// Files added or replaced, by path.
	pub fn puts(&self) -> impl Iterator<Item = (&SlabPath, &Entry)> {
		self.put.iter()
	}

	/// Files removed, by path.
	pub fn removals(&self) -> impl Iterator<Item = &SlabPath> {
		self.remove.iter()
	}

	/// Whether nothing changes.
	pub fn is_empty(&self) -> bool {
		self.put.is_empty() && self.remove.is_empty()
	}
}

impl IndexFile {
	/// The bytes in clear.
	pub fn encode(&self) -> Vec<u8> {
		let mut bytes = vec![VERSION];
		match self {
			Self::Full(index) => {
				bytes.push(0);
				encode_entries(&index.entries, &mut bytes);
			},
			Self::Delta(delta) => {
				bytes.push(1);
				delta.parent.encode_to(&mut bytes);
				encode_entries(&delta.put, &mut bytes);
				Compact(delta.remove.len() as u32).encode_to(&mut bytes);
				delta.remove.iter().for_each(|path| path.encode_to(&mut bytes));
			},
		}
		bytes
	}

	/// Reads the bytes in clear. There is one encoding of an index; anything else is refused.
	pub fn decode(bytes: &[u8]) -> Result<Self, IndexError> {
		if bytes.len() > MAX_INDEX_BYTES as usize {
			return Err(IndexError::TooLong { found: bytes.len() });
		}
		let mut input = bytes;
		let version = input.read_byte()?;
		if version != VERSION {
			return Err(IndexError::Version(version));
		}
		let file = match input.read_byte()? {
			0 => Self::Full(Index { entries: decode_entries(&mut input)? }),
			1 => {
				let parent = Hash32::decode(&mut input)?;
				let put = decode_entries(&mut input)?;
				let remove =
					decode_sorted(&mut input, |_, _| Ok(()))?.into_keys().collect::<BTreeSet<_>>();
				if let Some(path) = remove.iter().find(|path| put.contains_key(*path)) {
					return Err(IndexError::PutAndRemoved(path.as_str().to_owned()));
				}
				Self::Delta(Delta { parent, put, remove })
			},
			kind => return Err(IndexError::Kind(kind)),
		};
		if !input.is_empty() {
			return Err(IndexError::TrailingBytes(input.len()));
		}
		Ok(file)
	}

	/// The index that this one builds on.
	pub const fn parent(&self) -> Option<Hash32> {
		match self {
			Self::Full(_) => None,
			Self::Delta(delta) => Some(delta.parent),
		}
	}
}

fn encode_entries(entries: &BTreeMap<SlabPath, Entry>, bytes: &mut Vec<u8>) {
	// At most `MAX_INDEX_BYTES` are ever committed, so lists are far shorter than 2^32.
	Compact(entries.len() as u32).encode_to(bytes);
	for (path, entry) in entries {
		path.encode_to(bytes);
		entry.encode_to(bytes);
	}
}

fn decode_entries(input: &mut &[u8]) -> Result<BTreeMap<SlabPath, Entry>, IndexError> {
	let entries = decode_sorted(input, |path, input| {
		let entry = Entry::decode(input)?;
		entry.check(path.as_str())?;
		Ok(entry)
	})?;
	// A file `p` stands before every `p/..`, and all paths between them begin with `p`: those files that the current
	// path begins with are the only ones that could be its directory.
	let mut begins: Vec<&str> = Vec::new();
	for path in entries.keys().map(SlabPath::as_str) {
		while begins.pop_if(|file| !path.starts_with(*file)).is_some() {}
		if let Some(file) =
			begins.iter().find(|file| path.as_bytes().get(file.len()) == Some(&b'/'))
		{
			return Err(IndexError::FileAndDirectory((*file).to_owned()));
		}
		begins.push(path);
	}
	Ok(entries)
}

/// Reads a list whose items begin with a path, in strict order of the paths.
fn decode_sorted<T>(
	input: &mut &[u8],
	mut value: impl FnMut(&SlabPath, &mut &[u8]) -> Result<T, IndexError>,
) -> Result<BTreeMap<SlabPath, T>, IndexError> {
	let count = Compact::<u32>::decode(input)?.0;
	let mut list = BTreeMap::<SlabPath, T>::new();
	for _ in 0..count {
		let path = SlabPath::decode_strict(input)?;
		if let Some((previous, _)) = list.last_key_value()
			&& *previous >= path
		{
			return Err(IndexError::Order {
				previous: previous.as_str().to_owned(),
				path: path.as_str().to_owned(),
			});
		}
		let item = value(&path, input)?;
		list.insert(path, item);
	}
	Ok(list)
}
