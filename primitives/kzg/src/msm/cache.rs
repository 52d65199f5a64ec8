//! The file through which processes share a table.
//!
//! A header of one page, then the entries as they are in memory. The file is written under a lock to a temporary name,
//! synced and renamed, so a reader sees a whole file or none. It is hashed when it is opened; a file that does not
//! match is built again.
//!
//! The hash guards against torn and rotten files, not against somebody who can write to the cache: that is the user
//! themself, whose commitments alone it would spoil.

use super::table::{Entries, TableError, build_entries, entry_count};
use crate::{G1Affine, setup::EMBEDDED_G1_SHA256};
use blst::blst_p1_affine;
use memmap2::Mmap;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::{
	fs::{self, File, OpenOptions},
	io::{self, BufWriter, Write},
	path::{Path, PathBuf},
};

/// Bytes before the entries: a page, so that the entries are aligned.
pub(super) const HEADER_BYTES: usize = 4096;
/// Written in the machine's byte order, so a machine of the other one sees a foreign file.
const MAGIC: u64 = u64::from_be_bytes(*b"NILMSMT1");
/// Bytes that are hashed as one piece; pieces are hashed on all cores.
const PIECE: usize = 1 << 20;

/// Where tables are kept: `$NIL_CACHE_DIR`, else `$XDG_CACHE_HOME/nil`, else `~/.cache/nil`.
pub fn cache_dir() -> Option<PathBuf> {
	let variable =
		|name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
	variable("NIL_CACHE_DIR")
		.or_else(|| Some(variable("XDG_CACHE_HOME")?.join("nil")))
		.or_else(|| Some(variable("HOME")?.join(".cache").join("nil")))
}

/// The group size whose table fits well into the memory that is free now. Groups of 14 points would commit to a single
/// blob in 28.5 ms instead of 35.5 ms, and to several at a time no faster (31.1 and 31.6 ms each), from a table of 230 MB
/// instead of 124 MB.
pub(super) fn affordable_window() -> usize {
	const GIB: u64 = 1 << 30;
	match available_memory() {
		Some(bytes) if bytes >= GIB => 13,
		Some(bytes) if bytes < GIB / 2 => 10,
		_ => 12,
	}
}

/// Bytes of memory that programs can have without swapping, where the system tells.
fn available_memory() -> Option<u64> {
	let text = fs::read_to_string("/proc/meminfo").ok()?;
	let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
	line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Maps the table at `path`, after building it if need be.
pub(super) fn open_or_build(
	path: &Path,
	window: usize,
	points: &[G1Affine],
) -> Result<Entries, TableError> {
	match map(path, window, points) {
		Ok(entries) => return Ok(entries),
		Err(TableError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {},
		Err(error) => tracing::warn!("{error}; building it again"),
	}
	let io = |error| TableError::Io { path: path.to_owned(), error };
	if let Some(dir) = path.parent() {
		fs::create_dir_all(dir).map_err(io)?;
	}
	let lock = File::create(path.with_extension("lock")).map_err(io)?;
	lock.lock().map_err(io)?;
	// Another process may have built it while this one waited.
	if let Ok(entries) = map(path, window, points) {
		return Ok(entries);
	}
	tracing::info!("building the commitment table {}", path.display());
	let entries = build_entries(points, window)?;
	write(path, window, points, &entries).map_err(io)?;
	drop(entries);
	map(path, window, points)
}

/// Writes the file so that it appears whole or not at all. The caller holds the lock.
fn write(
	path: &Path,
	window: usize,
	points: &[G1Affine],
	entries: &[blst_p1_affine],
) -> io::Result<()> {
	let temporary = path.with_extension("tmp");
	let mut options = OpenOptions::new();
	options.write(true).create(true).truncate(true);
	#[cfg(unix)]
	std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o644);
	let file = options.open(&temporary)?;
	let mut writer = BufWriter::with_capacity(PIECE, file);
	writer.write_all(&header(window, points.len(), &[0; 32]))?;
	let mut hasher = PieceHasher::default();
	let mut piece = Vec::with_capacity(PIECE);
	for entry in entries {
		for limb in entry.x.l.iter().chain(&entry.y.l) {
			piece.extend_from_slice(&limb.to_ne_bytes());
		}
		if piece.len() >= PIECE {
			let rest = piece.split_off(PIECE);
			hasher.add(&piece);
			writer.write_all(&piece)?;
			piece = rest;
		}
	}
	hasher.add(&piece);
	writer.write_all(&piece)?;
	let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
	write_at_start(&file, &header(window, points.len(), &hasher.finish()))?;
	file.sync_all()?;
	fs::rename(&temporary, path)
}

fn write_at_start(mut file: &File, bytes: &[u8]) -> io::Result<()> {
	io::Seek::rewind(&mut file)?;
	file.write_all(bytes)
}

/// Magic, window, points, SHA-256 of the setup, hash of the entries; zeros to the end of the page.
fn header(window: usize, points: usize, hash: &[u8; 32]) -> Vec<u8> {
	let mut bytes = Vec::with_capacity(HEADER_BYTES);
	for word in [MAGIC, window as u64, points as u64] {
		bytes.extend_from_slice(&word.to_ne_bytes());
	}
	bytes.extend_from_slice(&EMBEDDED_G1_SHA256);
	bytes.extend_from_slice(hash);
	bytes.resize(HEADER_BYTES, 0);
	bytes
}

/// Maps the file and checks all of it.
fn map(path: &Path, window: usize, points: &[G1Affine]) -> Result<Entries, TableError> {
	let io = |error| TableError::Io { path: path.to_owned(), error };
	let damaged = |what| TableError::Damaged { path: path.to_owned(), what };
	let file = File::open(path).map_err(io)?;
	let expected = HEADER_BYTES + entry_count(points.len(), window) * size_of::<blst_p1_affine>();
	if file.metadata().map_err(io)?.len() != expected as u64 {
		return Err(damaged("the length is wrong"));
	}
	// SAFETY: a map may not change while it is read. Tables are replaced by renaming, never written or cut in place;
	// only the user could break that, and only for their own processes.
	let map = unsafe { Mmap::map(&file) }.map_err(io)?;
	let (head, entries) = map.split_at_checked(HEADER_BYTES).ok_or(damaged("no header"))?;
	let mut hasher = PieceHasher::default();
	hasher.add_all(entries);
	if head != header(window, points.len(), &hasher.finish()) {
		return Err(damaged("header or hash do not match"));
	}
	Ok(Entries::Mapped(map))
}

/// SHA-256 of the SHA-256s of pieces of [`PIECE`] bytes.
#[derive(Default)]
struct PieceHasher(Sha256);

impl PieceHasher {
	/// Adds one piece; all but the last have [`PIECE`] bytes.
	fn add(&mut self, piece: &[u8]) {
		if !piece.is_empty() {
			self.0.update(Sha256::digest(piece));
		}
	}

	/// Adds all pieces of `bytes`, hashing on all cores.
	fn add_all(&mut self, bytes: &[u8]) {
		let digests: Vec<_> = bytes.par_chunks(PIECE).map(Sha256::digest).collect();
		for digest in digests {
			self.0.update(digest);
		}
	}

	fn finish(self) -> [u8; 32] {
		self.0.finalize().into()
	}
}
