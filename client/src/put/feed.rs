//! From files to the payload of MDUs, one commit at a time.

use super::{
	PutError,
	plan::{Plan, PlannedFile},
	report::Stages,
	scan::mtime,
};
use crate::crypt::{CHUNK, Seal};
use nil_slab::{Entry, Extent, Index, IndexFile, index::IndexError};
use nil_types::{
	Hash32, Hasher, blake2b_256,
	layout::{MAX_INDEX_BYTES, MDU_PAYLOAD},
};
use std::{fs::File, io::Read, ops::Range, path::PathBuf, sync::Arc};

/// A full index up to this size is preferred over a delta: it takes no more than a blob.
const SMALL_INDEX: usize = 96 * 1024;
/// Deltas between full indexes at most.
const MAX_DEPTH: u32 = 16;

/// The index that the next commit builds on.
#[derive(Clone, Debug)]
pub(crate) enum Base {
	/// The deal has no commit.
	Empty,
	/// Its newest index is this one.
	Known {
		/// Merged.
		index: Index,
		/// `H` of the newest commit's index as stored.
		root: Hash32,
		/// Indexes in its chain.
		depth: u32,
	},
	/// Its newest index has this hash and cannot be read.
	Sealed {
		/// `H` of the newest commit's index as stored.
		root: Hash32,
	},
}

impl Base {
	/// Upon a deal whose index is this one and whose stored bytes are not known, so that the next index is a full one.
	pub(crate) fn full_upon(index: Index) -> Self {
		// Nothing refers to the root of a base that is too deep for a delta.
		Self::Known { index, root: Hash32::default(), depth: MAX_DEPTH }
	}

	/// The next commit's index with `entries` put and `removals` taken out, and the base that it makes (without its root).
	fn next(
		&self,
		entries: Vec<(nil_slab::SlabPath, Entry)>,
		removals: &[String],
	) -> Result<(IndexFile, Option<Index>, u32), IndexError> {
		let fresh = || {
			entries.iter().try_fold(Index::new(), |mut index, (path, entry)| {
				index.put(path.clone(), entry.clone()).map(|()| index)
			})
		};
		match self {
			Self::Empty => {
				let index = fresh()?;
				Ok((IndexFile::Full(index.clone()), Some(index), 1))
			},
			Self::Sealed { root } => {
				let delta = Index::new().delta_to(&fresh()?, *root);
				Ok((IndexFile::Delta(delta), None, 0))
			},
			Self::Known { index, root, depth } => {
				let mut next = index.clone();
				for path in removals {
					next.remove(path)?;
				}
				for (path, entry) in entries {
					next.put(path, entry)?;
				}
				let full = IndexFile::Full(next.clone());
				if *depth >= MAX_DEPTH || full.encode().len() <= SMALL_INDEX {
					return Ok((full, Some(next), 1));
				}
				let delta = IndexFile::Delta(index.delta_to(&next, *root));
				Ok((delta, Some(next), depth.saturating_add(1)))
			},
		}
	}

	fn after(root: Hash32, index: Option<Index>, depth: u32) -> Self {
		match index {
			Some(index) => Self::Known { index, root, depth },
			None => Self::Sealed { root },
		}
	}
}

/// The end of a commit's payload.
#[derive(Clone, Debug)]
pub(crate) struct Tail {
	/// The index as stored.
	pub(crate) index: Vec<u8>,
	/// `H` of it.
	pub(crate) index_root: Hash32,
	/// Payload bytes, index included.
	pub(crate) size_bytes: u64,
}

/// Takes the payload of each MDU of a commit, in order. An error ends the work.
pub(crate) type Emit<'a> = &'a mut dyn FnMut(u64, Vec<u8>) -> Result<(), PutError>;

/// Reads the files of a plan from beginning to end.
pub(crate) struct Feed {
	plan: Arc<Plan>,
	stages: Arc<Stages>,
	base: Base,
	/// The file that is being read.
	file: usize,
	open: Option<OpenFile>,
}

/// A file in the middle of being read.
struct OpenFile {
	planned: PlannedFile,
	disk: PathBuf,
	file: File,
	/// Stored bytes that have been handed on.
	done: u64,
	/// Plaintext bytes that have been read.
	read: u64,
	/// Stored bytes that have been made and not yet handed on.
	ready: Vec<u8>,
	used: usize,
	chunk: u64,
	hash: Hasher,
	extents: Vec<Extent>,
}

/// Collects payload into MDUs.
struct Packer<'a> {
	emit: Emit<'a>,
	buffer: Vec<u8>,
	mdu: u64,
	/// Place of the commit's first payload byte in the slab.
	offset: u64,
	total: u64,
	/// Whether bytes are counted only.
	silent: bool,
}

impl Packer<'_> {
	fn place(&self) -> u64 {
		self.offset.saturating_add(self.total)
	}

	fn push(&mut self, mut bytes: &[u8]) -> Result<(), PutError> {
		self.total = self.total.saturating_add(bytes.len() as u64);
		if self.silent {
			return Ok(());
		}
		while !bytes.is_empty() {
			if self.buffer.capacity() == 0 {
				self.buffer.reserve_exact(MDU_PAYLOAD);
			}
			let room = MDU_PAYLOAD.saturating_sub(self.buffer.len());
			let (now, later) = bytes.split_at(room.min(bytes.len()));
			self.buffer.extend_from_slice(now);
			bytes = later;
			if self.buffer.len() == MDU_PAYLOAD {
				self.flush()?;
			}
		}
		Ok(())
	}

	fn flush(&mut self) -> Result<(), PutError> {
		if !self.buffer.is_empty() {
			(self.emit)(self.mdu, std::mem::take(&mut self.buffer))?;
			self.mdu = self.mdu.saturating_add(1);
		}
		Ok(())
	}
}

impl Feed {
	/// From the first file on, upon `base`.
	pub(crate) fn new(plan: Arc<Plan>, stages: Arc<Stages>, base: Base) -> Self {
		Self { plan, stages, base, file: 0, open: None }
	}

	/// The payload of commit `number`, whose first MDU has place `first_mdu` in the slab. Blocks.
	pub(crate) fn commit(
		&mut self,
		number: usize,
		first_mdu: u64,
		emit: Emit<'_>,
	) -> Result<Tail, PutError> {
		let offset = first_mdu.saturating_mul(MDU_PAYLOAD as u64);
		let mut packer =
			Packer { emit, buffer: Vec::new(), mdu: 0, offset, total: 0, silent: false };
		let entries = self.run(self.plan.range_of(number), &mut packer)?;
		let removals = if number == 0 { self.plan.removals() } else { &[] };
		let (index, next, depth) = self.base.next(entries, removals)?;
		let plain = index.encode();
		let index = match self.plan.index_seals.get(number).and_then(Option::as_ref) {
			Some(seal) => self.stages.seal.time(|| seal.seal_all(&plain))?,
			None => plain,
		};
		if index.len() > MAX_INDEX_BYTES as usize {
			let (found, allowed) = (index.len(), MAX_INDEX_BYTES as usize);
			return Err(PutError::IndexTooLong { found, allowed });
		}
		packer.push(&index)?;
		packer.flush()?;
		let size_bytes = packer.total;
		let index_root = blake2b_256(&index);
		self.base = Base::after(index_root, next, depth);
		Ok(Tail { index, index_root, size_bytes })
	}

	/// Passes over a commit that stands on the chain already. Files that end in it are not read.
	pub(crate) fn skip(&mut self, number: usize, first_mdu: u64) -> Result<(), PutError> {
		let range = self.plan.range_of(number);
		let offset = first_mdu.saturating_mul(MDU_PAYLOAD as u64);
		let mut left = range.end.saturating_sub(range.start);
		let mut total = 0u64;
		if self.open.is_none() {
			while let Some(file) = self.plan.files.get(self.file) {
				let len = file.stored_len();
				// As in `run`: without bytes left, a file without bytes waits for the next commit, if there is one.
				if len > left || (left == 0 && range.end < self.plan.stored_len()) {
					break;
				}
				left = left.saturating_sub(len);
				total = total.saturating_add(len);
				self.file = self.file.saturating_add(1);
			}
		}
		let mut nothing = |_, _| Ok(());
		let mut packer =
			Packer { emit: &mut nothing, buffer: Vec::new(), mdu: 0, offset, total, silent: true };
		let end = range.end;
		self.run(end.saturating_sub(left)..end, &mut packer)?;
		Ok(())
	}

	/// Hands the files' bytes of `range` on; the entries of files that end in it.
	fn run(
		&mut self,
		range: Range<u64>,
		packer: &mut Packer<'_>,
	) -> Result<Vec<(nil_slab::SlabPath, Entry)>, PutError> {
		let mut left = range.end.saturating_sub(range.start);
		let mut entries = Vec::new();
		let plan = self.plan.clone();
		let last = range.end == plan.stored_len();
		// A file without bytes belongs to the commit in which its predecessor ends; at the very end to the last one.
		while left > 0 || self.open.is_some() || last {
			let mut open = match self.open.take() {
				Some(open) => open,
				None => {
					let Some(planned) = plan.files.get(self.file) else { break };
					OpenFile::new(planned.clone())?
				},
			};
			let stored = open.planned.stored_len();
			if left == 0 && open.done < stored {
				self.open = Some(open);
				break;
			}
			open.advance(&mut left, packer, &self.stages)?;
			if open.done < stored {
				self.open = Some(open);
				break;
			}
			entries.push(open.finish()?);
			self.file = self.file.saturating_add(1);
		}
		Ok(entries)
	}
}

impl OpenFile {
	fn new(planned: PlannedFile) -> Result<Self, PutError> {
		let disk = planned.disk();
		let file =
			File::open(&disk).map_err(|source| PutError::Source { path: disk.clone(), source })?;
		let ready = planned.seal.as_ref().map_or_else(Vec::new, |seal| seal.header().to_vec());
		Ok(Self {
			planned,
			disk,
			file,
			done: 0,
			read: 0,
			ready,
			used: 0,
			chunk: 0,
			hash: Hasher::new(),
			extents: Vec::new(),
		})
	}

	/// Hands on up to `left` stored bytes.
	fn advance(
		&mut self,
		left: &mut u64,
		packer: &mut Packer<'_>,
		stages: &Stages,
	) -> Result<(), PutError> {
		let stored = self.planned.stored_len();
		while *left > 0 && self.done < stored {
			if self.used == self.ready.len() {
				self.make(stages)?;
			}
			let available = self.ready.get(self.used..).unwrap_or_default();
			let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(available.len());
			let (now, _) = available.split_at(taken);
			let len = taken as u64;
			match self.extents.last_mut() {
				Some(extent) if extent.range().end == packer.place() => {
					extent.len = extent.len.saturating_add(len);
				},
				_ => self.extents.push(Extent { offset: packer.place(), len }),
			}
			stages.seal.time(|| self.hash.update(now));
			packer.push(now)?;
			self.used = self.used.saturating_add(taken);
			self.done = self.done.saturating_add(len);
			*left = left.saturating_sub(len);
		}
		Ok(())
	}

	/// Reads and seals the next chunk.
	fn make(&mut self, stages: &Stages) -> Result<(), PutError> {
		let rest = self.planned.size.saturating_sub(self.read);
		let len = usize::try_from(rest).unwrap_or(usize::MAX).min(CHUNK);
		self.ready.clear();
		self.ready.resize(len, 0);
		self.used = 0;
		stages.read.time(|| self.file.read_exact(&mut self.ready)).map_err(
			|source| match source.kind() {
				std::io::ErrorKind::UnexpectedEof => self.changed(),
				_ => PutError::Source { path: self.disk.clone(), source },
			},
		)?;
		self.read = self.read.saturating_add(len as u64);
		let last = self.read == self.planned.size;
		if let Some(seal) = &self.planned.seal {
			seal_chunk(seal, self.chunk, last, &mut self.ready, stages)?;
			self.chunk = self.chunk.saturating_add(1);
		}
		Ok(())
	}

	fn finish(self) -> Result<(nil_slab::SlabPath, Entry), PutError> {
		let metadata = self
			.file
			.metadata()
			.map_err(|source| PutError::Source { path: self.disk.clone(), source })?;
		if (metadata.len(), mtime(&metadata)) != (self.planned.size, self.planned.mtime) {
			return Err(self.changed());
		}
		let hash = self.hash.finish();
		let entry = Entry {
			extents: self.extents,
			size: self.planned.size,
			mtime: self.planned.mtime,
			encryption: match self.planned.seal {
				Some(_) => nil_slab::Encryption::Age,
				None => nil_slab::Encryption::Plain,
			},
			hash,
		};
		Ok((self.planned.path()?, entry))
	}

	fn changed(&self) -> PutError {
		PutError::SourceChanged { path: self.disk.clone() }
	}
}

fn seal_chunk(
	seal: &Seal,
	number: u64,
	last: bool,
	chunk: &mut Vec<u8>,
	stages: &Stages,
) -> Result<(), PutError> {
	Ok(stages.seal.time(|| seal.seal_chunk(number, last, chunk))?)
}

/// Finds out before anything is sent whether `plan` can be put upon `base`.
pub(crate) fn check(plan: &Plan, base: &Base) -> Result<(), PutError> {
	let entries = plan
		.files
		.iter()
		.map(|file| {
			let nothing = Entry {
				extents: Vec::new(),
				size: 0,
				mtime: 0,
				encryption: nil_slab::Encryption::Plain,
				hash: Hash32::default(),
			};
			Ok((file.path()?, nothing))
		})
		.collect::<Result<Vec<_>, PutError>>()?;
	base.next(entries, plan.removals())?;
	Ok(())
}
