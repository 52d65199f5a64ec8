//! What can go wrong between a client and the chain.

use super::BlockRef;
use nil_types::{DealId, Hash32};

/// Why a request to the chain failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
	/// No node answers at the URL.
	#[error("no node at {url}: {reason}")]
	Connect {
		/// The URL.
		url: String,
		/// The last attempt's failure.
		reason: String,
	},
	/// The connection broke, or the node did not answer in time.
	#[error("{method}: {reason}")]
	Transport {
		/// The request.
		method: String,
		/// What happened.
		reason: String,
	},
	/// The node refused the request.
	#[error("{method}: {message} (code {code})")]
	Rpc {
		/// The request.
		method: String,
		/// JSON-RPC's code.
		code: i32,
		/// The node's words.
		message: String,
	},
	/// An answer that this client cannot read: another version of the runtime.
	#[error("cannot read {what}: {reason}")]
	Decode {
		/// What was read.
		what: String,
		/// Why it cannot be.
		reason: String,
	},
	/// The node serves another chain than before.
	#[error("the node's genesis is 0x{}: expected 0x{}", hex::encode(found), hex::encode(expected))]
	OtherChain {
		/// Hash of block 0 that was seen first.
		expected: Hash32,
		/// Hash of the node's block 0.
		found: Hash32,
	},
	/// The runtime has no such call, or one with other arguments.
	#[error("the runtime does not take {pallet}.{call} as this client writes it: {reason}")]
	Incompatible {
		/// The pallet that was meant.
		pallet: &'static str,
		/// The call that was meant.
		call: &'static str,
		/// The difference.
		reason: String,
	},
	/// The transaction could not be built or signed.
	#[error("cannot build the transaction: {reason}")]
	Build {
		/// Why not.
		reason: String,
	},
	/// Whoever writes the transaction down before it is sent could not, or did not want it to be sent.
	#[error("the transaction was not sent: {reason}")]
	NotNoted {
		/// Why not.
		reason: String,
	},
	/// The pool refused the transaction.
	#[error("the node refused the transaction: {reason}")]
	Refused {
		/// The pool's words.
		reason: String,
	},
	/// The call was executed and failed, with an error of a pallet.
	#[error("{pallet}::{error}: {docs}")]
	Dispatch {
		/// The pallet.
		pallet: String,
		/// The error's name.
		error: String,
		/// The error's documentation, in one line.
		docs: String,
		/// The block in which the call was executed.
		block: BlockRef,
	},
	/// The call was executed and failed with an error of the runtime itself.
	#[error("{reason}")]
	DispatchOther {
		/// The runtime's words.
		reason: String,
		/// The block in which the call was executed.
		block: BlockRef,
	},
	/// The transaction was in no block of its era.
	#[error("the transaction was in no block up to {last}, where its era ended")]
	Expired {
		/// The era's last block.
		last: u32,
	},
	/// Another transaction of the same account took its nonce.
	#[error("another transaction took nonce {nonce}")]
	Usurped {
		/// The nonce.
		nonce: u64,
	},
	/// The transaction's outcome was not seen in time. It may still take effect.
	#[error("the transaction's outcome is unknown after {seconds} s")]
	OutcomeUnknown {
		/// How long was waited.
		seconds: u64,
	},
	/// The transaction succeeded without the event that tells its result.
	#[error("no event {event} in block {}", block.number)]
	MissingEvent {
		/// The event.
		event: &'static str,
		/// The block of the transaction.
		block: BlockRef,
	},
	/// The node has the transaction's block, but not its state any more, in which events are.
	#[error("the node has not kept what happened in block {}", block.number)]
	StateGone {
		/// The block of the transaction.
		block: BlockRef,
	},
	/// No such deal.
	#[error("deal {deal} does not exist")]
	NoSuchDeal {
		/// The deal.
		deal: DealId,
	},
	/// The deal's slots were not drawn in time.
	#[error(
		"deal {deal} is not placed after {seconds} s ({attempts} draws found too few providers)"
	)]
	NotPlaced {
		/// The deal.
		deal: DealId,
		/// How long was waited.
		seconds: u64,
		/// Draws that failed so far.
		attempts: u32,
	},
}

impl ChainError {
	/// Whether the same request may succeed later without a change.
	pub const fn is_retryable(&self) -> bool {
		matches!(
			self,
			Self::Connect { .. }
				| Self::Transport { .. }
				| Self::Expired { .. }
				| Self::Usurped { .. }
				| Self::NotPlaced { .. }
		)
	}

	/// Whether the signer has too little money, for the fee or for what the call takes.
	pub fn cannot_pay(&self) -> bool {
		match self {
			// The pool's answer has one code for every invalid transaction; its words tell them apart.
			Self::Refused { reason } => reason.contains("pay some fees"),
			error => {
				error.is_dispatch("Balances", "InsufficientBalance")
					|| error.is_dispatch("Token", "FundsUnavailable")
			},
		}
	}

	/// Whether a commit was refused because one of its signers cannot take the bytes. The error does not say which one.
	pub fn is_signer_full(&self) -> bool {
		["ProviderOutOfCapacity", "ProviderOutOfStake"]
			.iter()
			.any(|name| self.is_dispatch("Deals", name))
	}

	/// Whether this is `pallet`'s error `name`.
	pub fn is_dispatch(&self, wanted_pallet: &str, name: &str) -> bool {
		matches!(self, Self::Dispatch { pallet, error, .. } if pallet == wanted_pallet && error == name)
	}
}
