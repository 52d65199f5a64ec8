//! Storing files in a deal.
//!
//! ```text
//! read ─▶ encrypt, hash ─▶ pack, code, commit ─▶ upload to all slots ─▶ receipts ─▶ commit on the chain
//! ```
//!
//! A few MDUs are under way at a time, so memory is bounded whatever the size. Files are packed back to back; the index
//! is the tail of each commit's payload. What does not fit one commit (1,024 MDUs, about 8 GB) becomes several; a file
//! stands in the index of the commit that completes it.
//!
//! A put can be killed at any moment and run again. It keeps a journal (mode 0600, for it holds payload keys until the put
//! is done) with what decides the bytes: files, sizes, times, seals. Run again with the same source and target, it makes
//! the same MDUs, asks the providers what they staged and sends the rest.

mod error;
mod report;

pub use error::PutError;
pub use report::{CommitReport, PutReport, Timings};

use crate::{
	chain::DealChain,
	crypt::{Identities, Sealing},
	http::HttpTimeouts,
	keys::Signer,
	progress::Progress,
};
use nil_types::DealId;
use std::{
	path::{Path, PathBuf},
	sync::Arc,
	time::Duration,
};

/// How to put.
#[derive(Clone, Debug)]
pub struct PutOptions {
	/// Whether and to whom to encrypt.
	pub sealing: Sealing,
	/// Keys that open the deal's present index. Without one the new index is a delta on a parent unseen.
	pub identities: Identities,
	/// Where journals are kept; see [`default_state_dir`].
	pub state_dir: PathBuf,
	/// MDUs under way at a time, `1..`; fewer are when shards are large.
	pub mdus_in_flight: usize,
	/// MDUs of files in one commit, `1..=1015`; the rest of 1,024 is for the index.
	pub mdus_per_commit: u64,
	/// How long a slot is tried before the put goes on without it.
	pub slot_patience: Duration,
	/// How long providers may take.
	pub timeouts: HttpTimeouts,
	/// Who is told.
	pub progress: Progress,
}

impl PutOptions {
	/// The usual ones, with journals in `state_dir`.
	pub fn new(sealing: Sealing, identities: Identities, state_dir: PathBuf) -> Self {
		Self {
			sealing,
			identities,
			state_dir,
			mdus_in_flight: 3,
			mdus_per_commit: 1_015,
			slot_patience: Duration::from_secs(10),
			timeouts: HttpTimeouts::default(),
			progress: Progress::none(),
		}
	}
}

/// Where journals of puts are kept: `$NIL_STATE_DIR`, or `nil` in the user's state directory.
pub fn default_state_dir() -> Option<PathBuf> {
	let variable =
		|name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
	variable("NIL_STATE_DIR")
		.or_else(|| variable("XDG_STATE_HOME").map(|dir| dir.join("nil")))
		.or_else(|| variable("HOME").map(|home| home.join(".local/state/nil")))
}

/// Stores the file or directory `source` at `target` in `deal`; the empty target is the top. A file put at the top, or at
/// a target that ends in `/`, keeps its name; a directory's content comes to lie below the target.
pub async fn put(
	chain: Arc<dyn DealChain>,
	signer: &Signer,
	deal: DealId,
	source: &Path,
	target: &str,
	options: PutOptions,
) -> Result<PutReport, PutError> {
	todo!()
}

/// Removes files, or directories with everything in them, from a deal: commits an index without them.
pub async fn remove(
	chain: Arc<dyn DealChain>,
	signer: &Signer,
	deal: DealId,
	paths: &[String],
	options: PutOptions,
) -> Result<PutReport, PutError> {
	todo!()
}
