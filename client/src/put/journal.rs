//! What survives a put that is killed.
//!
//! One directory per chain and deal, with a lock, the plan (which holds payload keys, hence mode 0600), the commits that were
//! about to be made and the roots of MDUs that were made. All but the lock go when the put is done.

use super::{PutError, plan::Plan};
use codec::{Decode, DecodeAll, Encode};
use nil_types::{DealId, Generation, Hash32, MduIndex};
use std::{
	collections::HashMap,
	fs::{self, File, OpenOptions, TryLockError},
	io::{self, Write},
	os::unix::fs::{DirBuilderExt, OpenOptionsExt},
	path::{Path, PathBuf},
};

const VERSION: u8 = 1;

/// What a journal is for. A put with another header does not go on from it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Header {
	version: u8,
	pub(crate) genesis: Hash32,
	pub(crate) deal: DealId,
	/// The deal's generation when the plan was made.
	pub(crate) base_gen: Generation,
	/// Recipients' texts; empty for plain.
	pub(crate) recipients: Vec<String>,
	pub(crate) mdus_per_commit: u64,
}

impl Header {
	pub(crate) fn new(
		genesis: Hash32,
		deal: DealId,
		base_gen: Generation,
		recipients: Vec<String>,
		mdus_per_commit: u64,
	) -> Self {
		Self { version: VERSION, genesis, deal, base_gen, recipients, mdus_per_commit }
	}

	/// Whether both are for the same put, begun at whatever generation.
	pub(crate) fn same_put(&self, other: &Self) -> bool {
		let other = Self { base_gen: self.base_gen, ..other.clone() };
		*self == other
	}
}

/// The journal of one deal, locked.
#[derive(Debug)]
pub(crate) struct Journal {
	directory: PathBuf,
	_lock: File,
	roots: Option<File>,
}

/// What an earlier put left.
#[derive(Debug)]
pub(crate) struct Left {
	pub(crate) header: Header,
	pub(crate) plan: Plan,
	/// Commits that were about to be made, in order.
	pub(crate) commits: Vec<(Generation, Hash32)>,
	/// Roots of MDUs that were made, by generation and place in the slab.
	pub(crate) roots: HashMap<(Generation, MduIndex), Hash32>,
}

impl Journal {
	/// Locks the journal of a deal.
	pub(crate) fn open(state: &Path, genesis: &Hash32, deal: DealId) -> Result<Self, PutError> {
		let chain = hex::encode(genesis.first_chunk::<8>().unwrap_or(&[0; 8]));
		let directory = state.join("puts").join(format!("{chain}-{deal}"));
		let failed = |source| PutError::State { path: directory.clone(), source };
		fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(failed)?;
		let lock = OpenOptions::new()
			.create(true)
			.truncate(false)
			.write(true)
			.mode(0o600)
			.open(directory.join("lock"))
			.map_err(failed)?;
		match lock.try_lock() {
			Ok(()) => {},
			Err(TryLockError::WouldBlock) => return Err(PutError::Busy { deal }),
			Err(TryLockError::Error(error)) => return Err(failed(error)),
		}
		Ok(Self { directory, _lock: lock, roots: None })
	}

	/// What an earlier put left; `None` when there is nothing, or nothing whole.
	pub(crate) fn left(&self) -> Option<Left> {
		let bytes = fs::read(self.file("plan")).ok()?;
		let (header, plan) = <(Header, Plan)>::decode_all(&mut bytes.as_slice()).ok()?;
		if header.version != VERSION {
			return None;
		}
		// Records may be cut at the end; what is whole counts.
		let commits = records::<(Generation, Hash32), 36>(&self.file("commits"));
		let roots = records::<(Generation, MduIndex, Hash32), 44>(&self.file("roots"));
		let roots =
			roots.into_iter().map(|(generation, mdu, root)| ((generation, mdu), root)).collect();
		Some(Left { header, plan, commits, roots })
	}

	/// Begins a new put: forgets what was left and writes its plan.
	pub(crate) fn begin(&mut self, header: &Header, plan: &Plan) -> Result<(), PutError> {
		self.clear()?;
		let path = self.file("plan");
		let write = || {
			let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
			file.write_all(&(header, plan).encode())?;
			file.as_file().sync_all()?;
			file.persist(&path).map_err(|error| error.error)?;
			File::open(&self.directory)?.sync_all()
		};
		write().map_err(|source| PutError::State { path: path.clone(), source })
	}

	/// Notes a commit that is about to be submitted. On disk when this returns.
	pub(crate) fn committing(
		&self,
		generation: Generation,
		index_root: Hash32,
	) -> Result<(), PutError> {
		let path = self.file("commits");
		append(&path)
			.and_then(|mut file| {
				file.write_all(&(generation, index_root).encode())?;
				file.sync_all()
			})
			.map_err(|source| PutError::State { path, source })
	}

	/// Notes the root of an MDU that all slots were sent.
	pub(crate) fn made(
		&mut self,
		generation: Generation,
		mdu: MduIndex,
		root: Hash32,
	) -> Result<(), PutError> {
		let path = self.file("roots");
		let failed = |source| PutError::State { path: path.clone(), source };
		let file = match &mut self.roots {
			Some(file) => file,
			none => none.insert(append(&path).map_err(failed)?),
		};
		file.write_all(&(generation, mdu, root).encode()).map_err(failed)
	}

	/// Forgets everything: the put is done, or another one begins.
	pub(crate) fn clear(&mut self) -> Result<(), PutError> {
		self.roots = None;
		for name in ["plan", "commits", "roots"] {
			let path = self.file(name);
			match fs::remove_file(&path) {
				Err(source) if source.kind() != io::ErrorKind::NotFound => {
					return Err(PutError::State { path, source });
				},
				_ => {},
			}
		}
		Ok(())
	}

	fn file(&self, name: &str) -> PathBuf {
		self.directory.join(name)
	}
}

fn append(path: &Path) -> io::Result<File> {
	OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

/// Records of a fixed size, one after the other.
fn records<T: Decode, const SIZE: usize>(path: &Path) -> Vec<T> {
	let bytes = fs::read(path).unwrap_or_default();
	bytes.chunks_exact(SIZE).map_while(|record| T::decode_all(&mut &record[..]).ok()).collect()
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::crypt::{Identities, Sealing};
	use std::os::unix::fs::PermissionsExt;

	fn header(base_gen: Generation) -> Header {
		Header::new([1; 32], 7, base_gen, Vec::new(), 10)
	}

	fn plan() -> Plan {
		Plan::new(&[], Vec::new(), 10, &Sealing::To(Identities::generate().recipients())).unwrap()
	}

	#[test]
	fn what_was_noted_is_there_after_a_kill_even_with_a_cut_record() {
		let dir = tempfile::tempdir().unwrap();
		let plan = plan();
		let mut journal = Journal::open(dir.path(), &[1; 32], 7).unwrap();
		assert!(journal.left().is_none());
		journal.begin(&header(3), &plan).unwrap();
		journal.committing(4, [9; 32]).unwrap();
		journal.made(5, 100, [8; 32]).unwrap();
		journal.made(5, 101, [7; 32]).unwrap();
		assert!(matches!(Journal::open(dir.path(), &[1; 32], 7), Err(PutError::Busy { deal: 7 })));
		let path = journal.file("roots");
		let mode = fs::metadata(journal.file("plan")).unwrap().permissions().mode() & 0o777;
		assert_eq!(mode, 0o600);
		drop(journal);
		let whole = fs::read(&path).unwrap();
		fs::write(&path, &whole[..whole.len() - 1]).unwrap();

		let mut journal = Journal::open(dir.path(), &[1; 32], 7).unwrap();
		let left = journal.left().unwrap();
		assert_eq!((&left.header, &left.plan), (&header(3), &plan));
		assert_eq!(left.commits, [(4, [9; 32])]);
		assert_eq!(left.roots, HashMap::from([((5, 100), [8; 32])]));
		assert!(left.header.same_put(&header(9)));
		journal.clear().unwrap();
		assert!(journal.left().is_none());
	}

	#[test]
	fn a_damaged_plan_is_no_plan() {
		let dir = tempfile::tempdir().unwrap();
		let mut journal = Journal::open(dir.path(), &[1; 32], 7).unwrap();
		journal.begin(&header(0), &plan()).unwrap();
		let path = journal.file("plan");
		let whole = fs::read(&path).unwrap();
		fs::write(&path, &whole[..whole.len() - 1]).unwrap();
		assert!(journal.left().is_none());
	}
}
