//! What errors of `nil-client` mean to the user: exit status, code, and what to do next.

use crate::error::{CliError, Exit};
use nil_client::{
	chain::ChainError, crypt::CryptError, get::GetError, http::HttpError, keys::KeyError,
	put::PutError,
};

impl From<ChainError> for CliError {
	fn from(error: ChainError) -> Self {
		let message = error.to_string();
		match error {
			ChainError::Connect { .. } | ChainError::Transport { .. } => {
				Self::new(Exit::Unreachable, message).code("node_unreachable").hint(
					"start a local network with `nil devnet up`, or name a node with --url ws://..",
				)
			},
			ChainError::NoSuchDeal { .. } => Self::not_found(message)
				.code("deal_not_found")
				.hint("`nil deal list` shows the deals of your account"),
			ChainError::NotPlaced { deal, .. } => {
				Self::new(Exit::Insufficient, message).code("not_placed").hint(format_args!(
					"the chain keeps trying: look again with `nil deal show {deal}`, or get everything \
					 back with `nil deal cancel {deal}`"
				))
			},
			error if error.cannot_pay() => Self::new(Exit::Refused, message)
				.code("cannot_pay")
				.hint("the account has too few NIL; on a devnet: nil devnet fund"),
			ChainError::Dispatch { pallet, error, .. } => {
				let exit = match (pallet.as_str(), error.as_str()) {
					("Deals", "UnknownDeal" | "UnknownCommit") => Exit::NotFound,
					(
						"Deals",
						"TooFewReceipts" | "ProviderOutOfCapacity" | "ProviderOutOfStake",
					) => Exit::Insufficient,
					_ => Exit::Refused,
				};
				let refused = Self::new(exit, message).code(format!("{pallet}.{error}"));
				match advice(&pallet, &error) {
					Some(advice) => refused.hint(advice),
					None => refused,
				}
			},
			ChainError::DispatchOther { .. } => Self::new(Exit::Refused, message),
			ChainError::Refused { .. } => Self::new(Exit::Refused, message),
			ChainError::Incompatible { .. } | ChainError::Decode { .. } => Self::failure(message)
				.code("incompatible_node")
				.hint("this nil and the node are of different versions: update the older one"),
			ChainError::OutcomeUnknown { .. } => Self::failure(message)
				.code("outcome_unknown")
				.hint("look at the chain before trying again: nil deal list"),
			_ => Self::failure(message),
		}
	}
}

/// What to do about a pallet's refusal.
fn advice(pallet: &str, error: &str) -> Option<&'static str> {
	let advice = match (pallet, error) {
		("Deals", "InsufficientEscrow") => "add to the escrow: nil deal top-up DEAL AMOUNT",
		("Deals", "NotOwner") => {
			"sign with the key of the deal's owner: --key FILE; to upload, the owner may authorise your \
			 account: nil deal authorize"
		},
		("Deals", "OwnerUploads") => "name another account: the owner may always upload",
		("Deals", "TooManyUploaders") => {
			"make room: nil deal revoke DEAL ACCOUNT; `nil deal show DEAL` lists them"
		},
		("Deals", "UnknownUploader") => "`nil deal show DEAL` lists who may upload",
		("Deals", "UploaderExpired" | "BudgetExceeded") => {
			"the deal's owner may allow more: nil deal authorize DEAL ACCOUNT --bytes SIZE --for DURATION"
		},
		("Deals", "UnknownDeal") => "`nil deal list` shows the deals of your account",
		("Deals", "NotActive") => "its slots are not drawn yet: look with `nil deal show DEAL`",
		("Deals", "DealExpired") => {
			"its term is over: get what is left with `nil deal cancel DEAL`"
		},
		("Deals", "WrongGeneration") => {
			"somebody committed to this deal meanwhile: run the command again"
		},
		("Deals", "TooFewReceipts") => {
			"too few providers signed: see which ones answer with `nil verify DEAL`, then try again"
		},
		("Deals", "ProviderOutOfCapacity" | "ProviderOutOfStake") => {
			"a provider of this deal is full: create another deal for these files"
		},
		("Deals", "PlacementQueueFull") => "try again in a few minutes",
		_ => return None,
	};
	Some(advice)
}

impl From<KeyError> for CliError {
	fn from(error: KeyError) -> Self {
		let message = error.to_string();
		match error {
			KeyError::Syntax { .. } | KeyError::Count { .. } => Self::usage(message)
				.code("bad_key")
				.hint("--key takes a file of `nil key new`, or //Name"),
			KeyError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
				Self::not_found(message).code("no_key").hint("make one with `nil key new`")
			},
			KeyError::Io { .. } => Self::new(Exit::Local, message),
			KeyError::Permissions { .. } => Self::new(Exit::Local, message).code("key_permissions"),
			KeyError::Exists { .. } => Self::new(Exit::Local, message)
				.code("key_exists")
				.hint("name another file with -o, or move the old one away"),
		}
	}
}

impl From<CryptError> for CliError {
	fn from(error: CryptError) -> Self {
		let message = error.to_string();
		match error {
			CryptError::Key(error) => error.into(),
			CryptError::Recipient { .. } => Self::usage(message).code("bad_recipient"),
			CryptError::Identity { .. } => Self::usage(message).code("bad_identity"),
			CryptError::NoRecipient => Self::usage(message)
				.code("no_recipient")
				.hint("name one with --recipient, or use --plain"),
			CryptError::NoMatchingIdentity { .. } => Self::not_found(message)
				.code("no_matching_identity")
				.hint("name the identity that it was encrypted to with --identity FILE"),
			CryptError::Chunk { .. } | CryptError::Header { .. } => {
				Self::new(Exit::Corrupt, message)
			},
			CryptError::Failed { .. } => Self::failure(message),
		}
	}
}

impl From<HttpError> for CliError {
	fn from(error: HttpError) -> Self {
		Self::failure(error).code("provider_error")
	}
}

impl From<GetError> for CliError {
	fn from(error: GetError) -> Self {
		let message = error.to_string();
		match error {
			GetError::Chain(error) => error.into(),
			GetError::Crypt(error) => error.into(),
			GetError::Http(error) => error.into(),
			GetError::TooFewSlots { .. } | GetError::Missing { .. } => {
				Self::new(Exit::Insufficient, message)
					.code("too_few_slots")
					.hint("try again when more providers answer; `nil verify DEAL` shows which do")
			},
			GetError::NotFound { deal, .. } => Self::not_found(message)
				.code("path_not_found")
				.hint(format_args!("`nil ls {deal}` lists what there is")),
			GetError::IsDirectory { .. } => Self::usage(message).code("is_directory"),
			GetError::Range { .. } => Self::usage(message).code("bad_range"),
			GetError::Exists { .. } => Self::new(Exit::Local, message)
				.code("exists")
				.hint("replace it with --force, or name another place with -o"),
			GetError::DiskFull { .. } => Self::new(Exit::Local, message)
				.code("disk_full")
				.hint("free some space there, or name another place with -o"),
			GetError::Output { path, source } => Self::local(path.display(), &source),
			GetError::Coding(_)
			| GetError::Decode(_)
			| GetError::Index { .. }
			| GetError::NoParent { .. }
			| GetError::OutsideSlab { .. }
			| GetError::WrongHash { .. }
			| GetError::WrongSize { .. } => Self::new(Exit::Corrupt, message),
			_ => Self::failure(message),
		}
	}
}

impl From<PutError> for CliError {
	fn from(error: PutError) -> Self {
		let message = error.to_string();
		match error {
			PutError::Chain(error) => error.into(),
			PutError::Index(error) => (*error).into(),
			PutError::Crypt(error) => error.into(),
			PutError::Http(error) => error.into(),
			PutError::Source { path, source } => Self::local(path.display(), &source),
			PutError::State { path, source } => Self::local(path.display(), &source),
			PutError::Path { .. } | PutError::NameNotUtf8 { .. } => {
				Self::usage(message).code("bad_path")
			},
			PutError::Base { .. } => Self::usage(message).code("bad_base").hint(
				"`nil deal show DEAL` says generation and MDUs, `nil ls DEAL --save-index FILE` writes the index",
			),
			PutError::NewIndex(_) => Self::usage(message).code("bad_index"),
			PutError::SourceChanged { .. } => {
				Self::new(Exit::Local, message).code("source_changed")
			},
			PutError::IndexTooLong { .. } | PutError::DealFull { .. } => {
				Self::new(Exit::Refused, message)
					.code("deal_full")
					.hint("create another deal for the rest")
			},
			PutError::NotOwner { deal, signer, .. } => {
				Self::new(Exit::Refused, message).code("not_owner").hint(format_args!(
					"sign with the key of the deal's owner: --key FILE; or the owner runs: nil deal \
					 authorize {deal} {signer} --bytes SIZE --for DURATION"
				))
			},
			PutError::UploaderExpired { deal, signer, .. } => {
				Self::new(Exit::Refused, message).code("uploader_expired").hint(format_args!(
					"the owner may allow more time: nil deal authorize {deal} {signer} --bytes SIZE --for \
					 DURATION"
				))
			},
			PutError::BudgetExceeded { deal, .. } => {
				Self::new(Exit::Refused, message).code("budget_exceeded").hint(format_args!(
					"put less, or the owner allows more: nil deal authorize {deal} ACCOUNT --bytes SIZE \
					 --for DURATION"
				))
			},
			PutError::NotActive { deal, .. } => Self::new(Exit::Refused, message)
				.code("not_active")
				.hint(format_args!("wait until they are: nil deal show {deal}")),
			PutError::TooFewSlots { .. } => Self::new(Exit::Insufficient, message)
				.code("too_few_slots")
				.hint("run the same command again later: what is stored is not sent twice"),
			PutError::Busy { .. } => Self::failure(message).code("busy").hint("wait for it to end"),
			PutError::Overtaken { .. } | PutError::NotCommitted { .. } => {
				Self::new(Exit::Refused, message).code("overtaken")
			},
			PutError::NotFound { deal, .. } => Self::not_found(message)
				.code("path_not_found")
				.hint(format_args!("`nil ls {deal}` lists what there is")),
			PutError::IndexSealed => Self::not_found(message)
				.code("no_matching_identity")
				.hint("name the identity that the index was encrypted to with --identity FILE"),
			_ => Self::failure(message),
		}
	}
}
