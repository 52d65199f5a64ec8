//! Files on disk from their stored bytes.

use super::GetError;
use crate::{
	crypt::{self, Identities, Opener, Seal},
	progress::{Event, Progress},
};
use bytes::Bytes;
use nil_slab::{Encryption, Entry};
use nil_types::Hasher;
use std::{
	fs, io,
	io::Write,
	path::{Path, PathBuf},
	time::{Duration, SystemTime},
};
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

/// A file to be written.
#[derive(Clone, Debug)]
pub(crate) struct Target {
	pub(crate) path: String,
	pub(crate) entry: Entry,
	pub(crate) output: PathBuf,
}

/// Writes files, one after the other, from the stream of all their stored bytes. Blocks.
///
/// Each is written under a temporary name in its directory and renamed when its hash and size are right; dropped half-way
/// it leaves nothing.
pub(crate) fn write_files(
	targets: &[Target],
	mut pieces: mpsc::Receiver<Bytes>,
	identities: &Identities,
	replace: bool,
	progress: &Progress,
) -> Result<u64, GetError> {
	let mut carried = Bytes::new();
	let mut total = 0u64;
	for target in targets {
		progress.emit(Event::File { path: target.path.clone() });
		let mut file = Output::create(target, replace)?;
		let mut content = Content::new(target, identities);
		let mut left = target.entry.stored_len();
		while left > 0 {
			if carried.is_empty() {
				carried = pieces.blocking_recv().ok_or_else(|| GetError::Internal {
					reason: "the stream of bytes ended early".to_owned(),
				})?;
			}
			let taken = usize::try_from(left).unwrap_or(usize::MAX).min(carried.len());
			let piece = carried.split_to(taken);
			left = left.saturating_sub(taken as u64);
			let plain = content.push(&piece)?;
			file.write(&plain)?;
			progress.emit(Event::Advanced { bytes: plain.len() as u64 });
		}
		let rest = content.finish()?;
		file.write(&rest)?;
		progress.emit(Event::Advanced { bytes: rest.len() as u64 });
		total = total.saturating_add(target.entry.size);
		file.finish(target, replace)?;
	}
	Ok(total)
}

/// Turns stored bytes into content and checks both.
#[derive(Debug)]
pub(crate) struct Content<'a> {
	path: &'a str,
	entry: &'a Entry,
	identities: &'a Identities,
	hash: Hasher,
	state: State,
	produced: u64,
}

#[derive(Debug)]
enum State {
	Plain,
	/// The header is not complete.
	Header(Vec<u8>),
	Open(Opener),
}

impl<'a> Content<'a> {
	pub(crate) fn new(target: &'a Target, identities: &'a Identities) -> Self {
		Self {
			path: &target.path,
			entry: &target.entry,
			identities,
			hash: Hasher::new(),
			state: match target.entry.encryption {
				Encryption::Plain => State::Plain,
				Encryption::Age => State::Header(Vec::new()),
			},
			produced: 0,
		}
	}

	/// Takes the next stored bytes; the content that they complete.
	pub(crate) fn push(&mut self, stored: &Bytes) -> Result<Bytes, GetError> {
		self.hash.update(stored);
		let mut plain = Vec::new();
		match &mut self.state {
			State::Plain => {
				self.produced = self.produced.saturating_add(stored.len() as u64);
				return Ok(stored.clone());
			},
			State::Header(header) => {
				header.extend_from_slice(stored);
				if let Some(seal) = Seal::open(header, self.identities)? {
					let mut opener = Opener::new(seal);
					opener.push(header, &mut plain)?;
					self.state = State::Open(opener);
				} else if header.len() > crypt::MAX_HEADER {
					return Err(header_too_long().into());
				}
			},
			State::Open(opener) => opener.push(stored, &mut plain)?,
		}
		self.produced = self.produced.saturating_add(plain.len() as u64);
		Ok(plain.into())
	}

	/// The rest of the content, after the last stored byte.
	pub(crate) fn finish(self) -> Result<Vec<u8>, GetError> {
		let path = || self.path.to_owned();
		if self.hash.finish() != self.entry.hash {
			return Err(GetError::WrongHash { path: path() });
		}
		let mut rest = Vec::new();
		match self.state {
			State::Plain => {},
			State::Header(_) => {
				let reason = "it ends within its header".to_owned();
				return Err(crypt::CryptError::Header { reason }.into());
			},
			State::Open(opener) => opener.finish(&mut rest)?,
		}
		let found = self.produced.saturating_add(rest.len() as u64);
		let expected = self.entry.size;
		if found != expected {
			return Err(GetError::WrongSize { path: self.path.to_owned(), found, expected });
		}
		Ok(rest)
	}
}

pub(crate) fn header_too_long() -> crypt::CryptError {
	crypt::CryptError::Header { reason: format!("it has more than {} bytes", crypt::MAX_HEADER) }
}

/// A file that does not have its name yet.
struct Output {
	path: PathBuf,
	file: NamedTempFile,
}

impl Output {
	fn create(target: &Target, replace: bool) -> Result<Self, GetError> {
		let path = target.output.clone();
		if path.is_dir() || (!replace && path.symlink_metadata().is_ok()) {
			return Err(GetError::Exists { path });
		}
		let parent = match path.parent() {
			Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
			_ => PathBuf::from("."),
		};
		let create = || {
			fs::create_dir_all(&parent)?;
			tempfile::Builder::new().prefix(".nil-").suffix(".part").tempfile_in(&parent)
		};
		let file = create().map_err(|source| failed(&path, source))?;
		Ok(Self { path, file })
	}

	fn write(&mut self, bytes: &[u8]) -> Result<(), GetError> {
		self.file.write_all(bytes).map_err(|source| failed(&self.path, source))
	}

	fn finish(self, target: &Target, replace: bool) -> Result<(), GetError> {
		use std::os::unix::fs::PermissionsExt;
		let Self { path, file } = self;
		let ready = || {
			file.as_file().set_modified(time_of(target.entry.mtime))?;
			// Temporary files are private; the user's files follow the usual permissions instead.
			file.as_file().set_permissions(fs::Permissions::from_mode(0o666 & !umask()))?;
			// A full disk may show itself only here.
			file.as_file().sync_all()
		};
		ready().map_err(|source| failed(&path, source))?;
		let persisted = if replace { file.persist(&path) } else { file.persist_noclobber(&path) };
		match persisted {
			Ok(_) => Ok(()),
			Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
				Err(GetError::Exists { path })
			},
			Err(error) => Err(failed(&path, error.error)),
		}
	}
}

/// The process's file mode creation mask, as the system reports it; 022 where it does not.
fn umask() -> u32 {
	fs::read_to_string("/proc/self/status")
		.ok()
		.and_then(|status| {
			let line = status.lines().find_map(|line| line.strip_prefix("Umask:"))?;
			u32::from_str_radix(line.trim(), 8).ok()
		})
		.unwrap_or(0o022)
}

fn time_of(nanos: i64) -> SystemTime {
	let distance = Duration::from_nanos(nanos.unsigned_abs());
	let time = if nanos < 0 {
		SystemTime::UNIX_EPOCH.checked_sub(distance)
	} else {
		SystemTime::UNIX_EPOCH.checked_add(distance)
	};
	time.unwrap_or(SystemTime::UNIX_EPOCH)
}

fn failed(path: &Path, source: io::Error) -> GetError {
	match source.kind() {
		io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
			GetError::DiskFull { path: path.to_owned() }
		},
		_ => GetError::Output { path: path.to_owned(), source },
	}
}
