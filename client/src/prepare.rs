//! A put without a network: everything that one would make, on disk.

use crate::{crypt::Sealing, progress::Progress, put::PutError};
use nil_types::{DealId, Generation, Profile, deal::SerdeBytes};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// How to prepare.
#[derive(Clone, Debug)]
pub struct PrepareOptions {
	/// How to stripe.
	pub profile: Profile,
	/// Whether and to whom to encrypt.
	pub sealing: Sealing,
	/// Place in the deal: as for a put.
	pub target: String,
	/// The deal that the call is for.
	pub deal: DealId,
	/// The generation to build on; 0 for an empty deal.
	pub base_gen: Generation,
	/// MDUs that the deal has already.
	pub first_mdu: u64,
	/// Who is told.
	pub progress: Progress,
}

impl PrepareOptions {
	/// For an empty deal.
	pub fn new(profile: Profile, sealing: Sealing) -> Self {
		Self {
			profile,
			sealing,
			target: String::new(),
			deal: 0,
			base_gen: 0,
			first_mdu: 0,
			progress: Progress::none(),
		}
	}
}

/// What was prepared; also written to `prepared.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Prepared {
	/// The directory.
	pub directory: PathBuf,
	/// How it is striped.
	pub profile: Profile,
	/// Files.
	pub files: u64,
	/// Bytes of their content.
	pub bytes: u64,
	/// Payload bytes, index included.
	pub size_bytes: u64,
	/// Length of the index.
	pub index_len: u32,
	/// `H` of the index as stored.
	pub index_root: SerdeBytes<32>,
	/// `H` of the roots.
	pub roots_hash: SerdeBytes<32>,
	/// The MDU roots.
	pub roots: Vec<SerdeBytes<32>>,
	/// The manifest points, compressed, of a deal whose only MDUs these are; none when the deal has others already.
	pub manifests: Vec<SerdeBytes<48>>,
	/// SCALE bytes of `Deals.commit_content` with no receipts, in hex.
	pub call: String,
	/// Links and other special files that were left out.
	pub skipped: Vec<String>,
}

/// Prepares `source` into the new or empty directory `output`.
///
/// ```text
/// prepared.json             all of the above
/// index                     the index as stored
/// roots                     32 bytes per MDU
/// call.scale                the call
/// witnesses/<mdu>.scale     the witness of each MDU
/// slots/<slot>/<mdu>.blobs  the live blobs of each slot, 131,072 bytes each
/// ```
pub async fn prepare(
	source: &Path,
	output: &Path,
	options: PrepareOptions,
) -> Result<Prepared, PutError> {
	todo!()
}
