//! A deal's files, from the chain of its indexes.

use nil_slab::{Encryption, Entry, Index, index::Child};
use nil_types::{Generation, deal::SerdeBytes};
use serde::Serialize;

/// The files of a deal at one generation.
#[derive(Clone, Debug, Default)]
pub struct DealFs {
	index: Index,
	generation: Generation,
	/// MDUs of the deal at that generation.
	total_mdus: u64,
	/// Indexes that were read to make this one: 1 is a full one.
	depth: u32,
}

/// What stands in a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Listed {
	/// A directory.
	Directory {
		/// Its name.
		name: String,
	},
	/// A file.
	File {
		/// Its name.
		name: String,
		/// What is known of it.
		#[serde(flatten)]
		stat: Stat,
	},
}

/// What the index says of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stat {
	/// Its path in the deal.
	pub path: String,
	/// Bytes of its content.
	pub size: u64,
	/// Bytes stored for it before coding: more than `size` when encrypted.
	pub stored: u64,
	/// Last modification: nanoseconds since the Unix epoch.
	pub mtime: i64,
	/// Whether it is encrypted.
	pub encryption: Encryption,
	/// BLAKE2b-256 of the stored bytes.
	pub hash: SerdeBytes<32>,
	/// Runs of the slab that hold it.
	pub extents: usize,
}

impl DealFs {
	/// From a merged index.
	pub(crate) fn new(index: Index, generation: Generation, total_mdus: u64, depth: u32) -> Self {
		Self { index, generation, total_mdus, depth }
	}

	/// The generation that this shows.
	pub fn generation(&self) -> Generation {
		self.generation
	}

	/// MDUs that the deal has at that generation.
	pub fn total_mdus(&self) -> u64 {
		self.total_mdus
	}

	/// The index itself.
	pub fn index(&self) -> &Index {
		&self.index
	}

	/// Indexes in the chain from the last full one on.
	pub fn depth(&self) -> u32 {
		self.depth
	}

	/// What stands directly in the directory `path` (the empty path is the top), or the one file at `path`. `None` when
	/// there is neither.
	pub fn list(&self, path: &str) -> Option<Vec<Listed>> {
		let path = path.trim_end_matches('/');
		if let Some(entry) = self.index.get(path) {
			let name = path.rsplit('/').next().unwrap_or(path).to_owned();
			return Some(vec![Listed::File { name, stat: stat(path, entry) }]);
		}
		if !self.index.is_directory(path) {
			return None;
		}
		let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
		let listed = self.index.children(path).into_iter().map(|child| match child {
			Child::Directory(name) => Listed::Directory { name: name.to_owned() },
			Child::File(name, entry) => Listed::File {
				name: name.to_owned(),
				stat: stat(&format!("{prefix}{name}"), entry),
			},
		});
		Some(listed.collect())
	}

	/// Every file below the directory `path`, or the one at it.
	pub fn walk(&self, path: &str) -> Vec<Stat> {
		let path = path.trim_end_matches('/');
		match self.index.get(path) {
			Some(entry) => vec![stat(path, entry)],
			None => {
				self.index.below(path).map(|(path, entry)| stat(path.as_str(), entry)).collect()
			},
		}
	}

	/// The file at `path`.
	pub fn stat(&self, path: &str) -> Option<Stat> {
		self.index.get(path).map(|entry| stat(path, entry))
	}
}

fn stat(path: &str, entry: &Entry) -> Stat {
	Stat {
		path: path.to_owned(),
		size: entry.size,
		stored: entry.stored_len(),
		mtime: entry.mtime,
		encryption: entry.encryption,
		hash: SerdeBytes(entry.hash),
		extents: entry.extents.len(),
	}
}
