//! Reading what is held, for proofs and for checks of it, and what happens when it turns out to be rotten.

use crate::{
	metrics::{Metrics, clamp},
	store::{ContentKey, Readable, ReadableShard, Rotten, StagedKey, Store, StoreError},
	unix_now,
};
use nil_slab::{
	branch::{Branch, CheckedBranch},
	witness::{CheckedWitness, Witness},
};
use nil_types::{Hash32, Profile, layout::BLOB_BYTES};
use std::{
	fs::{self, File},
	io::{self, Read, Seek, SeekFrom},
	path::PathBuf,
	sync::Arc,
};

/// What a disk answers that cannot read a sector (`EIO`).
const IO_FAILURE: i32 = 5;

/// Why something held cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
	/// The index refuses.
	#[error(transparent)]
	Store(#[from] StoreError),
	/// Nothing of it is here.
	#[error("it is not stored here")]
	NotHeld,
	/// It is in quarantine.
	#[error("it was found damaged before and is in quarantine")]
	Quarantined,
	/// The file cannot be read, which says nothing of its bytes.
	#[error("{path}: {source}", path = path.display())]
	Io {
		/// The file.
		path: PathBuf,
		/// Why.
		source: io::Error,
	},
	/// It is rotten, and in quarantine now.
	#[error("{path}: {reason}; it is in quarantine now", path = path.display())]
	Rotten {
		/// The file.
		path: PathBuf,
		/// How.
		reason: String,
	},
}

/// Reads what is held, and puts into quarantine what is not what it was.
#[derive(Clone, Debug)]
pub struct Reader {
	/// The disk.
	pub store: Arc<Store>,
	/// What is counted.
	pub metrics: Arc<Metrics>,
}

impl Reader {
	/// The witness of a held MDU with `root`, checked.
	pub fn witness(
		&self,
		held: &StagedKey,
		root: Hash32,
		profile: &Profile,
	) -> Result<CheckedWitness, ReadError> {
		let key = ContentKey::witness(root);
		let file = self.store.held_witness(root)?.ok_or(ReadError::NotHeld)?;
		if self.store.quarantined(&key)?.is_some() {
			return Err(ReadError::Quarantined);
		}
		let bytes = fs::read(&file.path)
			.map_err(|error| self.unreadable(&key, &file, held, u64::MAX, error))?;
		let checked = Witness::decode_strict(&bytes)
			.and_then(|witness| witness.check(profile))
			.map_err(|error| error.to_string())
			.and_then(|checked| {
				let right = checked.root() == root;
				right.then_some(checked).ok_or_else(|| "it does not lead to the MDU's root".into())
			});
		checked.map_err(|reason| self.condemn(&key, &file, held, u64::MAX, reason))
	}

	/// The slot's branch in the tree of a held MDU with `root`, checked. The witness is read only when there is no right one
	/// yet.
	pub fn branch(
		&self,
		held: &StagedKey,
		root: Hash32,
		profile: &Profile,
	) -> Result<CheckedBranch, ReadError> {
		let slot = held.holding.slot;
		let kept = self.store.branch(root, slot)?;
		if let Some(branch) = kept.and_then(|branch| branch.check(profile, slot, &root)) {
			return Ok(branch);
		}
		let witness = self.witness(held, root, profile)?;
		// Of a slot that the profile does not have nothing is held.
		let branch = Branch::of(&witness, slot).map_err(|_| ReadError::NotHeld)?;
		self.store.keep_branch(root, slot, &branch)?;
		branch.check(profile, slot, &root).ok_or(ReadError::NotHeld)
	}

	/// One row of a held MDU's shards.
	pub fn row(
		&self,
		held: &StagedKey,
		shard: &ReadableShard,
		row: u8,
	) -> Result<Vec<u8>, ReadError> {
		if shard.rotten & row_bit(row) != 0 {
			return Err(ReadError::Quarantined);
		}
		let read = || -> io::Result<Vec<u8>> {
			let mut file = open(&shard.content)?;
			file.seek(SeekFrom::Start(u64::from(row).saturating_mul(BLOB_BYTES as u64)))?;
			let mut blob = vec![0; BLOB_BYTES];
			file.read_exact(&mut blob)?;
			Ok(blob)
		};
		let key = shard_key(held, shard);
		read().map_err(|error| self.unreadable(&key, &shard.content, held, u64::MAX, error))
	}

	/// All rows of a held MDU's shards.
	pub fn rows(&self, held: &StagedKey, shard: &ReadableShard) -> Result<Vec<u8>, ReadError> {
		let read = || -> io::Result<Vec<u8>> {
			let mut file = open(&shard.content)?;
			let mut bytes = Vec::new();
			file.read_to_end(&mut bytes)?;
			Ok(bytes)
		};
		let key = shard_key(held, shard);
		read().map_err(|error| self.unreadable(&key, &shard.content, held, u64::MAX, error))
	}

	/// Rows of shards are not what their commitments say.
	pub fn condemn_rows(&self, held: &StagedKey, shard: &ReadableShard, rows: u64) -> ReadError {
		let reason = format!("its bytes are not what was committed to (rows {rows:#b})");
		self.condemn(&shard_key(held, shard), &shard.content, held, rows, reason)
	}

	/// A file that cannot be read: rotten when it is gone, cut short, or on a bad place of the disk.
	fn unreadable(
		&self,
		key: &ContentKey,
		file: &Readable,
		held: &StagedKey,
		rows: u64,
		error: io::Error,
	) -> ReadError {
		let lost = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof)
			|| error.raw_os_error() == Some(IO_FAILURE);
		if lost {
			self.condemn(key, file, held, rows, error.to_string())
		} else {
			ReadError::Io { path: file.path.clone(), source: error }
		}
	}

	/// Puts content into quarantine.
	fn condemn(
		&self,
		key: &ContentKey,
		file: &Readable,
		held: &StagedKey,
		rows: u64,
		reason: String,
	) -> ReadError {
		let rotten = Rotten { rows, held: *held, at: unix_now() };
		match self.store.put_in_quarantine(key, file, rotten) {
			Err(error) => return error.into(),
			Ok(false) => {},
			Ok(true) => {
				let StagedKey { holding, mdu } = *held;
				tracing::error!(
					deal = holding.deal,
					slot = holding.slot,
					mdu,
					path = %file.path.display(),
					%reason,
					"content on disk is damaged: check the disk"
				);
				if let Err(error) = self.tell() {
					return error.into();
				}
			},
		}
		ReadError::Rotten { path: file.path.clone(), reason }
	}

	/// Tells how much is in quarantine.
	pub fn tell(&self) -> Result<(), StoreError> {
		self.metrics.quarantine.set(clamp(self.store.quarantine()?.len() as u64));
		Ok(())
	}
}

/// The bit of a row.
pub fn row_bit(row: u8) -> u64 {
	1u64.checked_shl(row.into()).unwrap_or_default()
}

const fn shard_key(held: &StagedKey, shard: &ReadableShard) -> ContentKey {
	ContentKey::shard(shard.mdu.root, held.holding.slot)
}

/// Opens a file that must have as many bytes as the index says.
fn open(content: &Readable) -> io::Result<File> {
	let file = File::open(&content.path)?;
	let (found, expected) = (file.metadata()?.len(), content.len);
	if found != expected {
		let message = format!("{found} bytes instead of {expected}");
		return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
	}
	Ok(file)
}
