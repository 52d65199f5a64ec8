//! What can go wrong in the store.

use super::HoldingKey;
use nil_types::{Hash32, MduIndex, RelayBlock};
use std::{io, path::PathBuf};

/// Why the store refuses or fails.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
	/// The file system refuses.
	#[error("{path}: {source}", path = path.display())]
	Io {
		/// Where.
		path: PathBuf,
		/// Why.
		source: io::Error,
	},
	/// The index refuses.
	#[error("index: {0}")]
	Index(Box<redb::Error>),
	/// A row of the index cannot be read.
	#[error("index table {table} holds a row that cannot be read")]
	Corrupt {
		/// The table.
		table: &'static str,
	},
	/// Another process uses the store.
	#[error("{path} is in use by another process", path = path.display())]
	Locked {
		/// The store's folder.
		path: PathBuf,
	},
	/// The store was made by another version.
	#[error("the store has format {found}; this program reads format {expected}")]
	Format {
		/// The store's.
		found: u32,
		/// This program's.
		expected: u32,
	},
	/// The store belongs to another chain.
	#[error(
		"the store belongs to the chain with genesis 0x{}, the node is on 0x{}",
		hex::encode(found),
		hex::encode(expected)
	)]
	OtherChain {
		/// The store's.
		found: Hash32,
		/// The node's.
		expected: Hash32,
	},
	/// MDUs of a commit are not staged, or with another root or size.
	#[error("MDUs {mdus:?} are not staged with the roots asked for")]
	NotStaged {
		/// The MDUs.
		mdus: Vec<MduIndex>,
	},
	/// All promises together would be more than capacity and stake allow.
	#[error(
		"{wanted} bytes beside {others} that are promised: capacity and stake leave room for {room}"
	)]
	NoRoom {
		/// Bytes of the promise.
		wanted: u64,
		/// Bytes of all others.
		others: u64,
		/// Bytes that all may have.
		room: u64,
	},
	/// Content was removed between the moment it was found and the moment it was needed.
	#[error("content was removed meanwhile; the same request will write it again")]
	Raced,
	/// A receipt for other content of this slot and generation still counts.
	#[error(
		"a receipt for other content of deal {}, generation {}, slot {} counts until relay block {until}",
		key.deal,
		key.generation,
		key.slot
	)]
	Conflict {
		/// What it is for.
		key: HoldingKey,
		/// Its last relay block.
		until: RelayBlock,
	},
}

impl StoreError {
	/// Whether it is about free space.
	pub fn is_full(&self) -> bool {
		let full = |error: &io::Error| {
			matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
		};
		match self {
			Self::Io { source, .. } => full(source),
			Self::Index(error) => matches!(&**error, redb::Error::Io(source) if full(source)),
			_ => false,
		}
	}

	pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
		let path = path.into();
		move |source| Self::Io { path, source }
	}
}

macro_rules! from_index {
	($($error:ident),*) => {
		$(impl From<redb::$error> for StoreError {
			fn from(error: redb::$error) -> Self {
				Self::Index(Box::new(error.into()))
			}
		})*
	};
}

from_index!(StorageError, TableError, DatabaseError, TransactionError, CommitError);
