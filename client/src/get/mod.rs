//! Reading from a deal.
//!
//! A reader needs the chain and the deal's number. What it fetches it checks: roots and index against their hashes on the
//! chain, witnesses against roots, blobs against witnesses, all blobs of an MDU by one random linear combination. When
//! that fails it bisects, names the slots that gave wrong blobs, leaves them out from then on and fetches from others.
//! Roots and witnesses that nobody has kept follow from the blobs of any `k` slots, and are rebuilt.

mod error;
mod fetch;
mod files;
mod output;
mod rebuild;
mod slot;
mod source;
mod stream;

pub use error::GetError;
pub(crate) use fetch::wrong_rows;
pub use slot::{RebuiltMdu, SlotRebuilder};
pub(crate) use source::{DealSource, ReadPeer, blocking};

use crate::{
	chain::DealChain,
	crypt::{CHUNK, Identities, MAX_HEADER, Seal, TAG},
	fs::DealFs,
	http::{HttpTimeouts, Reach},
	progress::{Event, Progress},
};
use bytes::BytesMut;
use futures::StreamExt;
use nil_slab::{Encryption, Entry, Extent};
use nil_types::{DealId, MduIndex, SlotIndex};
use output::Target;
use serde::Serialize;
use std::{
	ops::Range,
	path::Path,
	pin::pin,
	sync::Arc,
	time::{Duration, Instant},
};
use tokio::{
	io::{AsyncWrite, AsyncWriteExt},
	sync::mpsc,
};

/// Pieces between the fetching and the writing side.
const PIECES_AHEAD: usize = 4;

/// How to read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
	/// Keys that open what is encrypted.
	pub identities: Identities,
	/// MDUs fetched ahead, `1..`.
	pub mdus_in_flight: usize,
	/// The shortest time after which another slot is asked as well.
	pub hedge_after: Duration,
	/// How long providers may take.
	pub timeouts: HttpTimeouts,
	/// Which of their addresses are asked.
	pub reach: Reach,
	/// Who is told.
	pub progress: Progress,
}

impl ReadOptions {
	/// The usual ones.
	pub fn new(identities: Identities) -> Self {
		Self {
			identities,
			mdus_in_flight: 3,
			hedge_after: Duration::from_millis(250),
			timeouts: HttpTimeouts::default(),
			reach: Reach::default(),
			progress: Progress::none(),
		}
	}
}

/// What a get did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct GetReport {
	/// Files written.
	pub files: u64,
	/// Bytes of their content.
	pub bytes: u64,
	/// Seconds it took.
	pub seconds: f64,
	/// Slots that were blamed, over the reader's life.
	pub blamed: Vec<Blame>,
}

/// A slot that gave wrong bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Blame {
	/// The slot.
	pub slot: SlotIndex,
	/// Who holds it.
	pub provider: crate::account::AccountId,
	/// The MDU.
	pub mdu: MduIndex,
	/// The rows that were wrong; all that were asked for when the answer had another length.
	pub rows: Vec<u8>,
}

/// An open deal.
#[derive(Debug)]
pub struct Reader {
	source: Arc<DealSource>,
	fs: DealFs,
}

impl Reader {
	/// Opens a deal: reads the chain and the newest index, with those that it builds on.
	pub async fn open(
		chain: Arc<dyn DealChain>,
		deal: DealId,
		options: ReadOptions,
	) -> Result<Self, GetError> {
		let source = DealSource::open(&*chain, deal, options).await?;
		let fs = source.files().await?;
		Ok(Self { source, fs })
	}

	/// The deal's files.
	pub fn fs(&self) -> &DealFs {
		&self.fs
	}

	/// Writes the file at `path`, or everything below the directory `path`, to `output` on disk. The empty path is the
	/// top. Files appear whole, under their names, or not at all. A file goes into `output` under its own name when
	/// `output` is a directory.
	pub async fn get(
		&self,
		path: &str,
		output: &Path,
		replace: bool,
	) -> Result<GetReport, GetError> {
		let started = Instant::now();
		let targets = self.targets(path, output)?;
		let files = targets.len() as u64;
		let bytes = targets.iter().fold(0u64, |sum, target| sum.saturating_add(target.entry.size));
		let options = &self.source.options;
		options.progress.emit(Event::Total { bytes, files });
		let ranges: Vec<_> = targets
			.iter()
			.flat_map(|target| target.entry.extents.iter().map(Extent::range))
			.collect();

		let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
		let (identities, progress) = (options.identities.clone(), options.progress.clone());
		let writer = tokio::task::spawn_blocking(move || {
			output::write_files(&targets, receiver, &identities, replace, &progress)
		});
		let mut pieces = pin!(self.source.read(ranges));
		let mut failure = None;
		while let Some(piece) = pieces.next().await {
			match piece {
				Ok(piece) => {
					if sender.send(piece).await.is_err() {
						// The writer has ended early, with an error that is taken up below.
						break;
					}
				},
				Err(error) => {
					failure = Some(error);
					break;
				},
			}
		}
		drop(sender);
		let written =
			writer.await.map_err(|error| GetError::Internal { reason: error.to_string() })?;
		if let Some(failure) = failure {
			return Err(failure);
		}
		let bytes = written?;
		let seconds = started.elapsed().as_secs_f64();
		Ok(GetReport { files, bytes, seconds, blamed: self.blamed() })
	}

	/// Writes bytes `range` of a file's content to `sink`. Only the blobs in question are fetched; they are checked
	/// against the chain, the hash of the whole file is not.
	pub async fn cat(
		&self,
		path: &str,
		range: Range<u64>,
		sink: &mut (dyn AsyncWrite + Send + Unpin),
	) -> Result<GetReport, GetError> {
		let started = Instant::now();
		let entry = self.file(path)?;
		if range.start > range.end || range.end > entry.size {
			return Err(GetError::Range {
				path: path.to_owned(),
				size: entry.size,
				start: range.start,
				end: range.end,
			});
		}
		let progress = &self.source.options.progress;
		progress.emit(Event::Total { bytes: range.end.saturating_sub(range.start), files: 1 });
		let written = match entry.encryption {
			_ if range.is_empty() => 0,
			Encryption::Plain => self.cat_plain(entry, range, sink).await?,
			Encryption::Age => self.cat_sealed(entry, range, sink).await?,
		};
		sink.flush().await.map_err(sink_failed)?;
		let seconds = started.elapsed().as_secs_f64();
		Ok(GetReport { files: 1, bytes: written, seconds, blamed: self.blamed() })
	}

	/// Slots blamed so far.
	pub fn blamed(&self) -> Vec<Blame> {
		self.source.blamed()
	}

	fn file(&self, path: &str) -> Result<&Entry, GetError> {
		match self.fs.index().get(path) {
			Some(entry) => Ok(entry),
			None if self.fs.index().is_directory(path.trim_end_matches('/')) => {
				Err(GetError::IsDirectory { path: path.to_owned() })
			},
			None => Err(GetError::NotFound { deal: self.source.id(), path: path.to_owned() }),
		}
	}

	/// What to write where, in the order of the slab, so that each MDU is fetched once.
	fn targets(&self, path: &str, output: &Path) -> Result<Vec<Target>, GetError> {
		let index = self.fs.index();
		if let Some(entry) = index.get(path) {
			let name = path.rsplit('/').next().unwrap_or(path);
			let output = if output.is_dir() { output.join(name) } else { output.to_owned() };
			return Ok(vec![Target { path: path.to_owned(), entry: entry.clone(), output }]);
		}
		let directory = path.trim_end_matches('/');
		let skip = if directory.is_empty() { 0 } else { directory.len().saturating_add(1) };
		let mut targets: Vec<_> = index
			.below(directory)
			.map(|(path, entry)| Target {
				path: path.as_str().to_owned(),
				entry: entry.clone(),
				// Paths of an index are relative and without `..`, so this stays below `output`.
				output: output.join(path.as_str().get(skip..).unwrap_or_default()),
			})
			.collect();
		if targets.is_empty() && !directory.is_empty() {
			return Err(GetError::NotFound { deal: self.source.id(), path: path.to_owned() });
		}
		targets.sort_by_key(|target| target.entry.extents.first().map(|extent| extent.offset));
		Ok(targets)
	}

	async fn cat_plain(
		&self,
		entry: &Entry,
		range: Range<u64>,
		sink: &mut (dyn AsyncWrite + Send + Unpin),
	) -> Result<u64, GetError> {
		let ranges: Vec<_> = entry.locate(range).map(|extent| extent.range()).collect();
		let mut pieces = pin!(self.source.read(ranges));
		let mut written = 0u64;
		while let Some(piece) = pieces.next().await {
			let piece = piece?;
			sink.write_all(&piece).await.map_err(sink_failed)?;
			written = written.saturating_add(piece.len() as u64);
			self.source.options.progress.emit(Event::Advanced { bytes: piece.len() as u64 });
		}
		Ok(written)
	}

	async fn cat_sealed(
		&self,
		entry: &Entry,
		range: Range<u64>,
		sink: &mut (dyn AsyncWrite + Send + Unpin),
	) -> Result<u64, GetError> {
		let seal = self.seal_of(entry).await?;
		let header = seal.header().len() as u64;
		let (chunk, sealed) = (CHUNK as u64, (CHUNK + TAG) as u64);
		let stored = entry.stored_len();
		let last = stored.saturating_sub(header).div_ceil(sealed).saturating_sub(1);
		let first = range.start / chunk;
		let end = range.end.div_ceil(chunk);
		let stored_range = header.saturating_add(first.saturating_mul(sealed))
			..header.saturating_add(end.saturating_mul(sealed)).min(stored);
		let ranges: Vec<_> = entry.locate(stored_range).map(|extent| extent.range()).collect();
		let mut pieces = pin!(self.source.read(ranges));
		let mut pending = BytesMut::new();
		let mut number = first;
		let mut written = 0u64;
		while number < end {
			while pending.len() < CHUNK + TAG {
				match pieces.next().await {
					Some(piece) => pending.extend_from_slice(&piece?),
					None => break,
				}
			}
			let bytes = pending.split_to(pending.len().min(CHUNK + TAG));
			let plain = seal.open_chunk(number, number == last, &bytes)?;
			let base = number.saturating_mul(chunk);
			let place = |at: u64| {
				usize::try_from(at.saturating_sub(base)).unwrap_or(usize::MAX).min(plain.len())
			};
			let part = plain.get(place(range.start)..place(range.end)).unwrap_or_default();
			sink.write_all(part).await.map_err(sink_failed)?;
			written = written.saturating_add(part.len() as u64);
			self.source.options.progress.emit(Event::Advanced { bytes: part.len() as u64 });
			number = number.saturating_add(1);
		}
		Ok(written)
	}

	/// Opens an encrypted file's header, reading as little of it as is needed.
	async fn seal_of(&self, entry: &Entry) -> Result<Seal, GetError> {
		const USUAL_HEADER: u64 = 4 * 1024;
		let mut length = USUAL_HEADER;
		loop {
			let ranges: Vec<_> = entry.locate(0..length).map(|extent| extent.range()).collect();
			let bytes = self.source.read_all(ranges).await?;
			match Seal::open(&bytes, &self.source.options.identities)? {
				Some(seal) => return Ok(seal),
				None if (bytes.len() as u64) < length || length > MAX_HEADER as u64 => {
					return Err(output::header_too_long().into());
				},
				None => length = length.saturating_mul(8),
			}
		}
	}
}

fn sink_failed(source: std::io::Error) -> GetError {
	GetError::Output { path: "output".into(), source }
}
