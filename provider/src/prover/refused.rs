//! What the chain takes for wrong.
//!
//! A proof that verified here and that the chain takes for wrong follows from rules that differ: after an upgrade of the runtime,
//! say. The next one would be slashed as well. So it is written down before the transaction is forgotten, and from then on no
//! proof of that kind is sent, after restarts neither, until the operator says so (`nil-provider prove-again`).
//!
//! The events of the proof's own transaction tell it, also when its round is over by then. What is still open, or owed, does not: one
//! slot may be owed for two terms of a period, and a right settlement pays one of them.

use super::{ProveError, Prover};
use crate::{
	store::{ProofKind, Refused},
	unix_now,
};
use nil_client::chain::{ChainError, Included, Transaction};

/// What an operator does about it, in this order: the store is the daemon's while that runs.
pub const ADVICE: &str =
	"stop the daemon, update it, say `nil-provider prove-again`, and start it again";

impl Prover {
	/// Tells which proofs are not sent.
	pub(super) async fn tell_refused(&self) {
		for kind in ProofKind::ALL {
			match self.is_refused(kind).await {
				Ok(refused) => {
					self.metrics.refused.with_label_values(&[kind.name()]).set(refused.into());
					if refused {
						let kind = kind.name();
						tracing::error!(
							kind,
							"not sent any more, since the chain took some for wrong. To go on, {ADVICE}"
						);
					}
				},
				Err(error) => tracing::warn!(%error, "cannot tell what the chain took for wrong"),
			}
		}
	}

	/// Whether proofs of this kind are not sent, because the chain took one for wrong.
	pub(super) async fn is_refused(&self, kind: ProofKind) -> Result<bool, ProveError> {
		Ok(self.on_store(move |store| store.refused(kind)).await?.is_some())
	}

	/// Whether the chain took a proof for wrong, which is written down then.
	pub(super) async fn was_wrong(
		&self,
		kind: ProofKind,
		included: &Included,
	) -> Result<bool, ProveError> {
		let event = match kind {
			ProofKind::Answers => "InvalidProof",
			ProofKind::Settlements => "InvalidSettlement",
		};
		if included.event("Liveness", event).is_none() {
			return Ok(false);
		}
		let refused = Refused { block: included.block.number, at: unix_now() };
		self.on_store(move |store| store.note_refused(kind, &refused)).await?;
		self.tell_refused().await;
		Ok(true)
	}

	/// Looks what became of a proof whose round is over, before it is forgotten.
	pub(super) async fn look_back(
		&self,
		kind: ProofKind,
		transaction: &Transaction,
	) -> Result<(), ProveError> {
		match self.until_stopped(self.chain.find(transaction)).await? {
			Ok(Some(included)) => self.was_wrong(kind, &included).await.map(|_| ()),
			Ok(None) | Err(ChainError::Dispatch { .. } | ChainError::DispatchOther { .. }) => {
				Ok(())
			},
			// Another try would not tell more, and would hold up all that comes after it.
			Err(error @ (ChainError::StateGone { .. } | ChainError::Decode { .. })) => {
				let kind = kind.name();
				tracing::warn!(kind, %error, "cannot tell what became of what was sent");
				Ok(())
			},
			Err(error) => Err(error.into()),
		}
	}
}
