//! Reading from a deal.
//!
//! A reader needs the chain and the deal's number. What it fetches it checks: roots and index against their hashes on the
//! chain, witnesses against roots, blobs against witnesses, all blobs of an MDU by one random linear combination. When
//! that fails it bisects, names the slots that gave wrong blobs, leaves them out from then on and fetches from others.

mod error;

pub use error::GetError;

use crate::{
	chain::DealChain, crypt::Identities, fs::DealFs, http::HttpTimeouts, progress::Progress,
};
use nil_types::{DealId, MduIndex, SlotIndex};
use serde::Serialize;
use std::{ops::Range, path::Path, sync::Arc, time::Duration};
use tokio::io::AsyncWrite;

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
pub struct Reader {}

impl Reader {
	/// Opens a deal: reads the chain and the newest index.
	pub async fn open(
		chain: Arc<dyn DealChain>,
		deal: DealId,
		options: ReadOptions,
	) -> Result<Self, GetError> {
		todo!()
	}

	/// The deal's files.
	pub fn fs(&self) -> &DealFs {
		todo!()
	}

	/// Writes the file at `path`, or everything below the directory `path`, to `output` on disk. The empty path is the
	/// top. Files appear whole, under their names, or not at all.
	pub async fn get(
		&self,
		path: &str,
		output: &Path,
		replace: bool,
	) -> Result<GetReport, GetError> {
		todo!()
	}

	/// Writes bytes `range` of a file's content to `sink`; no more than the blobs in question are fetched.
	pub async fn cat(
		&self,
		path: &str,
		range: Range<u64>,
		sink: &mut (dyn AsyncWrite + Send + Unpin),
	) -> Result<GetReport, GetError> {
		todo!()
	}

	/// Slots blamed so far.
	pub fn blamed(&self) -> Vec<Blame> {
		todo!()
	}
}
