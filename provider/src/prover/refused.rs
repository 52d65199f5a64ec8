//! What the chain takes for wrong.
//!
//! A proof that verified here and that the chain takes for wrong follows from rules that differ: after an upgrade of the runtime,
//! say. The next one would be slashed as well. So it is written down before the transaction is forgotten, and from then on no
//! proof of that kind is sent, after restarts neither, until the operator says so (`nil-provider prove-again`).

use super::{ProveError, Prover};
use crate::{
	store::{ProofKind, Refused},
	unix_now,
};
use nil_client::chain::BlockRef;

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
							"not sent any more, since the chain took some for wrong: update, and then say `nil-provider prove-again`"
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

	/// The chain took a proof in this block for wrong.
	pub(super) async fn note_refused(
		&self,
		kind: ProofKind,
		block: BlockRef,
	) -> Result<(), ProveError> {
		let refused = Refused { block: block.number, at: unix_now() };
		self.on_store(move |store| store.note_refused(kind, &refused)).await?;
		self.tell_refused().await;
		Ok(())
	}
}
