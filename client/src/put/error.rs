//! Why a put fails.

use crate::{
	account::AccountId, chain::ChainError, crypt::CryptError, get::GetError, http::HttpError,
};
use nil_slab::{encode::EncodeError, index::IndexError, index::PathError};
use nil_types::{DealId, DealStatus, Generation, RelayBlock};
use std::{io, path::PathBuf};

/// Why a put, or a removal, failed. Run again it goes on where it stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PutError {
	/// The chain.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// The deal's present index cannot be read.
	#[error("the deal's present index: {0}")]
	Index(#[from] Box<GetError>),
	/// Encryption.
	#[error(transparent)]
	Crypt(#[from] CryptError),
	/// A file on disk cannot be read.
	#[error("{}: {source}", path.display())]
	Source {
		/// The file.
		path: PathBuf,
		/// The cause.
		source: io::Error,
	},
	/// A file changed while it was stored.
	#[error("{} changed while it was stored; run the put again", path.display())]
	SourceChanged {
		/// The file.
		path: PathBuf,
	},
	/// A name on disk is no path in a deal.
	#[error("{}: {source}", path.display())]
	Path {
		/// The file.
		path: PathBuf,
		/// Why not.
		source: PathError,
	},
	/// A name on disk is not UTF-8.
	#[error("{}: the name is not UTF-8", path.display())]
	NameNotUtf8 {
		/// The file.
		path: PathBuf,
	},
	/// The new index contradicts itself or the deal's present one.
	#[error(transparent)]
	NewIndex(#[from] IndexError),
	/// The index would be too long for a commit.
	#[error("the index would have {found} bytes: at most {allowed} are allowed")]
	IndexTooLong {
		/// Its bytes.
		found: usize,
		/// The most that a commit carries.
		allowed: usize,
	},
	/// The signer neither owns the deal nor may upload to it.
	#[error("deal {deal} is owned by {owner}, who has not authorised {signer} to upload to it")]
	NotOwner {
		/// The deal.
		deal: DealId,
		/// Its owner.
		owner: AccountId,
		/// The signer.
		signer: AccountId,
	},
	/// The time for which the signer was authorised is over.
	#[error("{signer} could upload to deal {deal} until relay block {until}, and it is {now}")]
	UploaderExpired {
		/// The deal.
		deal: DealId,
		/// The signer.
		signer: AccountId,
		/// The last relay block at which it could.
		until: RelayBlock,
		/// The present one.
		now: RelayBlock,
	},
	/// The put is larger than what the signer may still commit.
	#[error(
		"this takes at least {needed} bytes, encryption and index included: the owner of deal {deal} has \
		 authorised {left} more"
	)]
	BudgetExceeded {
		/// The deal.
		deal: DealId,
		/// Payload bytes that the put has at least.
		needed: u64,
		/// Payload bytes that the signer may still commit.
		left: u64,
	},
	/// The deal takes no content yet.
	#[error("deal {deal} is {status:?}: its slots are not drawn yet")]
	NotActive {
		/// The deal.
		deal: DealId,
		/// Its status.
		status: DealStatus,
	},
	/// The deal cannot take so many MDUs.
	#[error("the deal would have {needed} MDUs: at most {allowed} are allowed")]
	DealFull {
		/// MDUs in all.
		needed: u64,
		/// The most that a deal has.
		allowed: u64,
	},
	/// Too few slots work.
	#[error("only {have} slots work, {need} are needed: {failures}")]
	TooFewSlots {
		/// Slots that work.
		have: usize,
		/// `k + 1`.
		need: usize,
		/// What each of the others said.
		failures: String,
	},
	/// Encoding an MDU.
	#[error(transparent)]
	Encode(#[from] EncodeError),
	/// The HTTP client cannot be made.
	#[error(transparent)]
	Http(#[from] HttpError),
	/// The state of an interrupted put cannot be kept or read.
	#[error("state in {}: {source}", path.display())]
	State {
		/// The file or directory.
		path: PathBuf,
		/// The cause.
		source: io::Error,
	},
	/// Prepared files cannot be written.
	#[error("{}: {source}", path.display())]
	Output {
		/// The file or directory.
		path: PathBuf,
		/// The cause.
		source: io::Error,
	},
	/// What is said of the deal that files are prepared for contradicts itself.
	#[error("{reason}")]
	Base {
		/// What is wrong.
		reason: String,
	},
	/// Another put to the same deal runs on this machine.
	#[error("another put to deal {deal} runs on this machine")]
	Busy {
		/// The deal.
		deal: DealId,
	},
	/// Somebody else committed to the deal meanwhile.
	#[error("deal {deal} is at generation {found}, this put built on {expected}; run it again")]
	Overtaken {
		/// The deal.
		deal: DealId,
		/// Its generation.
		found: Generation,
		/// The generation that the put built on.
		expected: Generation,
	},
	/// The chain has something else than what was committed.
	#[error("generation {generation} of deal {deal} is not what was committed")]
	NotCommitted {
		/// The deal.
		deal: DealId,
		/// The generation.
		generation: Generation,
	},
	/// A path to be removed is neither a file nor a directory of the deal.
	#[error("deal {deal} has nothing at {path:?}")]
	NotFound {
		/// The deal.
		deal: DealId,
		/// The path.
		path: String,
	},
	/// To remove files the present index must be read, and no identity opens it.
	#[error("the deal's index is encrypted and no identity opens it")]
	IndexSealed,
	/// A worker ended early.
	#[error("internal: {reason}")]
	Internal {
		/// What happened.
		reason: String,
	},
}

impl PutError {
	/// Whether the same put may succeed later.
	pub fn is_retryable(&self) -> bool {
		match self {
			Self::Chain(error) => error.is_retryable(),
			Self::Index(error) => error.is_retryable(),
			Self::Http(error) => error.is_retryable(),
			Self::SourceChanged { .. }
			| Self::NotActive { .. }
			| Self::TooFewSlots { .. }
			| Self::Busy { .. }
			| Self::Overtaken { .. } => true,
			_ => false,
		}
	}
}

impl From<GetError> for PutError {
	fn from(error: GetError) -> Self {
		Self::Index(Box::new(error))
	}
}
