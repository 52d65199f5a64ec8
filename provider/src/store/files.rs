//! Files: written aside, fsynced, renamed.

use super::{ContentKey, FileId, Kind, StoreError};
use nix::sys::statvfs::statvfs;
use std::{
	collections::BTreeSet,
	fmt,
	fs::{self, File, TryLockError},
	io::{self, Write},
	path::{Path, PathBuf},
};

const TMP: &str = "tmp";

/// A place between two steps of a change, where a crash may fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
	/// Bytes are written to a temporary file.
	Written,
	/// A temporary file is on disk.
	Synced,
	/// A file has its final name.
	Renamed,
	/// Its name is on disk.
	Placed,
	/// All files of a change are in place, the index does not know.
	BeforeRecord,
	/// The index knows, on disk.
	Recorded,
	/// A file that nothing needs is removed.
	Removed,
}

type Observer = Box<dyn Fn(Step) + Send + Sync>;
type FreeSpace = Box<dyn Fn() -> u64 + Send + Sync>;

/// The folder of the store.
pub struct Files {
	root: PathBuf,
	observer: Option<Observer>,
	/// What to take for the free bytes of the disk in place of asking it.
	free: Option<FreeSpace>,
	/// Locked while the store is open.
	_lock: File,
}

impl fmt::Debug for Files {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.debug_struct("Files").field("root", &self.root).finish_non_exhaustive()
	}
}

impl Files {
	pub fn open(root: &Path) -> Result<Self, StoreError> {
		let tmp = root.join(TMP);
		fs::create_dir_all(&tmp).map_err(StoreError::io(&tmp))?;
		let lock_path = root.join("lock");
		let lock = File::create(&lock_path).map_err(StoreError::io(&lock_path))?;
		lock.try_lock().map_err(|error| match error {
			TryLockError::WouldBlock => StoreError::Locked { path: root.into() },
			TryLockError::Error(source) => StoreError::Io { path: lock_path, source },
		})?;
		for kind in Kind::ALL {
			let folder = root.join(kind.folder());
			fs::create_dir_all(&folder).map_err(StoreError::io(&folder))?;
		}
		sync_folder(root)?;
		for path in entries(&tmp)? {
			fs::remove_file(&path).map_err(StoreError::io(&path))?;
		}
		Ok(Self { root: root.into(), observer: None, free: None, _lock: lock })
	}

	pub fn observe(&mut self, observer: impl Fn(Step) + Send + Sync + 'static) {
		self.observer = Some(Box::new(observer));
	}

	pub fn pretend_free(&mut self, free: impl Fn() -> u64 + Send + Sync + 'static) {
		self.free = Some(Box::new(free));
	}

	pub fn step(&self, step: Step) {
		if let Some(observer) = &self.observer {
			observer(step);
		}
	}

	pub fn root(&self) -> &Path {
		&self.root
	}

	/// Free bytes of the disk, for an ordinary user.
	pub fn available(&self) -> Result<u64, StoreError> {
		if let Some(free) = &self.free {
			return Ok(free());
		}
		let stats = statvfs(&self.root)
			.map_err(|errno| StoreError::Io { path: self.root.clone(), source: errno.into() })?;
		Ok(stats.blocks_available().saturating_mul(stats.fragment_size()))
	}

	pub fn incoming(&self) -> Result<Incoming, StoreError> {
		let id = rand::random();
		let path = self.root.join(TMP).join(format!("{id:016x}"));
		let file = File::create_new(&path).map_err(StoreError::io(&path))?;
		Ok(Incoming { id, len: 0, file, path: Unlinked(path) })
	}

	/// Gives `incoming` its place as a file of `key`, on disk. It is removed again unless it is kept.
	pub fn place(&self, key: &ContentKey, incoming: Incoming) -> Result<Placed, StoreError> {
		let Incoming { id, len, file, path } = incoming;
		self.step(Step::Written);
		file.sync_all().map_err(StoreError::io(&path.0))?;
		self.step(Step::Synced);
		let target = self.root.join(key.path(id));
		if let Some(folder) = target.parent() {
			make_folder(folder)?;
		}
		fs::rename(&path.0, &target).map_err(StoreError::io(&target))?;
		path.keep();
		let placed = Placed { id, len, path: Unlinked(target) };
		self.step(Step::Renamed);
		if let Some(folder) = placed.path.0.parent() {
			sync_folder(folder)?;
		}
		self.step(Step::Placed);
		Ok(placed)
	}

	/// Whether `path` (relative) is a file of `len` bytes.
	pub fn has(&self, path: &Path, len: u64) -> bool {
		fs::metadata(self.root.join(path)).is_ok_and(|data| data.is_file() && data.len() == len)
	}

	/// Removes a file that the index does not name any more. What cannot be removed now is an orphan, and goes at the
	/// next start.
	pub fn remove(&self, path: &Path) {
		if let Err(error) = fs::remove_file(self.root.join(path)) {
			tracing::warn!(path = %path.display(), %error, "cannot remove a file that nothing needs");
		}
	}

	/// Removes every file of content but `known` ones (relative). Returns how many.
	pub fn remove_unknown(&self, known: &BTreeSet<PathBuf>) -> Result<u64, StoreError> {
		let mut removed = 0u64;
		for kind in Kind::ALL {
			for folder in entries(&self.root.join(kind.folder()))? {
				for path in entries(&folder)? {
					let relative = path.strip_prefix(&self.root).unwrap_or(&path);
					if !known.contains(relative) {
						self.remove(relative);
						removed = removed.saturating_add(1);
					}
				}
			}
		}
		Ok(removed)
	}
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
	let entries = fs::read_dir(folder).map_err(StoreError::io(folder))?;
	entries.map(|entry| Ok(entry.map_err(StoreError::io(folder))?.path())).collect()
}

/// Makes a folder, on disk, unless it is there.
fn make_folder(path: &Path) -> Result<(), StoreError> {
	match fs::create_dir(path) {
		Ok(()) => path.parent().map_or(Ok(()), sync_folder),
		Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
		Err(error) => Err(StoreError::io(path)(error)),
	}
}

fn sync_folder(path: &Path) -> Result<(), StoreError> {
	File::open(path).and_then(|folder| folder.sync_all()).map_err(StoreError::io(path))
}

/// A file that goes when this is dropped.
#[derive(Debug)]
struct Unlinked(PathBuf);

impl Unlinked {
	fn keep(mut self) {
		self.0 = PathBuf::new();
	}
}

impl Drop for Unlinked {
	fn drop(&mut self) {
		if !self.0.as_os_str().is_empty() {
			// Left behind, it is removed at the next start.
			let _ = fs::remove_file(&self.0);
		}
	}
}

/// A file for bytes that arrive. Dropped unused, it is removed.
#[derive(Debug)]
pub struct Incoming {
	id: FileId,
	len: u64,
	file: File,
	path: Unlinked,
}

impl Incoming {
	/// Appends `bytes`.
	pub fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
		self.file.write_all(bytes).map_err(StoreError::io(&self.path.0))?;
		self.len = self.len.saturating_add(bytes.len() as u64);
		Ok(())
	}

	/// Bytes so far.
	pub const fn len(&self) -> u64 {
		self.len
	}

	/// Whether nothing was written yet.
	pub const fn is_empty(&self) -> bool {
		self.len == 0
	}
}

/// A file in its place that the index does not name yet. Dropped unless kept, it is removed.
#[derive(Debug)]
pub struct Placed {
	id: FileId,
	len: u64,
	path: Unlinked,
}

impl Placed {
	pub const fn id(&self) -> FileId {
		self.id
	}

	pub const fn len(&self) -> u64 {
		self.len
	}

	/// The index names it now.
	pub fn keep(self) {
		self.path.keep();
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_write_to_a_full_disk_is_told_from_other_failures() {
		let incoming = |file| Incoming { id: 1, len: 0, file, path: Unlinked(PathBuf::new()) };
		// `/dev/full` takes no byte, and what is open for reading alone takes none either.
		let full = File::options().write(true).open("/dev/full").unwrap();
		assert!(incoming(full).write(b"x").unwrap_err().is_full());
		let unwritable = File::open("/dev/full").unwrap();
		assert!(!incoming(unwritable).write(b"x").unwrap_err().is_full());
	}
}
