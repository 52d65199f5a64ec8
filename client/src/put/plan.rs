//! What decides the bytes of a put, fixed before the first of them is sent.

use super::{PutError, scan::SourceFile};
use crate::crypt::{Seal, Sealing};
use codec::{Decode, Encode};
use nil_slab::SlabPath;
use nil_types::layout::MDU_PAYLOAD;
use std::{
	ffi::OsString,
	os::unix::ffi::{OsStrExt, OsStringExt},
	path::PathBuf,
};

/// A file and how it is sealed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct PlannedFile {
	disk: Vec<u8>,
	path: String,
	pub(crate) size: u64,
	pub(crate) mtime: i64,
	pub(crate) seal: Option<Seal>,
}

impl PlannedFile {
	pub(crate) fn disk(&self) -> PathBuf {
		OsString::from_vec(self.disk.clone()).into()
	}

	pub(crate) fn path(&self) -> Result<SlabPath, PutError> {
		SlabPath::parse(&self.path).map_err(|source| PutError::Path { path: self.disk(), source })
	}

	/// Bytes that are stored for it.
	pub(crate) fn stored_len(&self) -> u64 {
		self.seal.as_ref().map_or(self.size, |seal| seal.stored_len(self.size))
	}

	fn is(&self, file: &SourceFile) -> bool {
		self.disk == file.disk.as_os_str().as_bytes()
			&& self.path == file.path.as_str()
			&& (self.size, self.mtime) == (file.size, file.mtime)
	}
}

/// All files of a put, how they are cut into commits, and the seals of the commits' indexes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Plan {
	pub(crate) files: Vec<PlannedFile>,
	/// Paths that the first commit takes out.
	removals: Vec<String>,
	/// Bytes of files in each commit but the last.
	pub(crate) bytes_per_commit: u64,
	pub(crate) index_seals: Vec<Option<Seal>>,
}

impl Plan {
	/// Draws fresh seals for `files`.
	pub(crate) fn new(
		files: &[SourceFile],
		removals: Vec<String>,
		mdus_per_commit: u64,
		sealing: &Sealing,
	) -> Result<Self, PutError> {
		let files = files
			.iter()
			.map(|file| {
				Ok(PlannedFile {
					disk: file.disk.as_os_str().as_bytes().to_vec(),
					path: file.path.as_str().to_owned(),
					size: file.size,
					mtime: file.mtime,
					seal: sealing.seal()?,
				})
			})
			.collect::<Result<Vec<_>, PutError>>()?;
		let mut plan = Self {
			files,
			removals,
			bytes_per_commit: mdus_per_commit.max(1).saturating_mul(MDU_PAYLOAD as u64),
			index_seals: Vec::new(),
		};
		plan.index_seals = (0..plan.stored_len().div_ceil(plan.bytes_per_commit).max(1))
			.map(|_| sealing.seal())
			.collect::<Result<_, _>>()?;
		Ok(plan)
	}

	/// Commits in all.
	pub(crate) fn commits(&self) -> usize {
		self.index_seals.len()
	}

	/// Bytes of all files as stored.
	pub(crate) fn stored_len(&self) -> u64 {
		self.files.iter().fold(0, |sum, file| sum.saturating_add(file.stored_len()))
	}

	/// Bytes of all files' content.
	pub(crate) fn content_len(&self) -> u64 {
		self.files.iter().fold(0, |sum, file| sum.saturating_add(file.size))
	}

	/// Where the files' bytes of commit `number` lie among those of all files.
	pub(crate) fn range_of(&self, number: usize) -> std::ops::Range<u64> {
		let start = (number as u64).saturating_mul(self.bytes_per_commit);
		let total = self.stored_len();
		start.min(total)..start.saturating_add(self.bytes_per_commit).min(total)
	}

	pub(crate) fn removals(&self) -> &[String] {
		&self.removals
	}

	/// Whether this plan is for just these files and removals.
	pub(crate) fn matches(&self, files: &[SourceFile], removals: &[String]) -> bool {
		self.files.len() == files.len()
			&& self.files.iter().zip(files).all(|(planned, file)| planned.is(file))
			&& self.removals == removals
	}
}
