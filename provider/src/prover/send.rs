//! Sending answers, and what becomes of them.

use super::{ProveError, Prover, Work};
use crate::{
	chain::ChainView,
	store::{ProofKind, Sent, Store},
};
use futures::future::{BoxFuture, join_all};
use nil_client::chain::{At, Call, ChainError, Included, Transaction};
use nil_types::{Hash32, Round, RoundInfo};
use tokio::task::spawn_blocking;

/// Refusals of an answer that the chain would repeat: another try costs a fee and nothing more.
const LASTING: [&str; 7] = [
	"OutOfOrder",
	"VoidOrdinal",
	"WrongPlace",
	"WrongMdu",
	"WrongLeaf",
	"BadStructure",
	"Inconsistent",
];

impl Prover {
	/// Waits for answers that were sent before; whether there were any.
	pub(super) async fn resume(
		&self,
		round: &RoundInfo,
		block: Hash32,
		work: &mut Work,
	) -> Result<bool, ProveError> {
		let all = self.on_store(Store::sent).await?;
		let (current, over): (Vec<_>, Vec<_>) =
			all.into_iter().partition(|sent| (sent.round, sent.block) == (round.round, block));
		for sent in over {
			self.look_back(ProofKind::Answers, &sent.transaction).await?;
			self.on_store(move |store| store.forget_sent(sent.round, &sent.ordinals)).await?;
		}
		if current.is_empty() {
			return Ok(false);
		}
		tracing::info!(
			round = round.round,
			transactions = current.len(),
			"answers were sent before the last stop, waiting for them"
		);
		let outcomes = join_all(current.iter().map(|sent| self.chain.resume(&sent.transaction)));
		let outcomes = self.until_stopped(outcomes).await?;
		let ordinals = current.into_iter().map(|sent| sent.ordinals).collect();
		self.settle_all(round.round, ordinals, outcomes, work).await?;
		Ok(true)
	}

	/// Sends calls that answer these ordinals: the round's first one alone, and when the chain took it, all others at once. Should
	/// its rules differ, they would be as wrong, and each is slashed.
	pub(super) async fn send_proofs(
		&self,
		round: Round,
		block: Hash32,
		calls: Vec<(Vec<u32>, Call)>,
		work: &mut Work,
	) -> Result<(), ProveError> {
		let mut calls = calls.into_iter();
		if !work.is_proven {
			let Some(first) = calls.next() else { return Ok(()) };
			self.send_all(round, block, vec![first], work).await?;
			if self.is_refused(ProofKind::Answers).await? {
				return Ok(());
			}
			work.is_proven = true;
		}
		self.send_all(round, block, calls.collect(), work).await
	}

	/// Sends calls that answer or waive these ordinals, all at once, and waits until they are final.
	pub(super) async fn send_all(
		&self,
		round: Round,
		block: Hash32,
		calls: Vec<(Vec<u32>, Call)>,
		work: &mut Work,
	) -> Result<(), ProveError> {
		let ordinals: Vec<Vec<u32>> = calls.iter().map(|(ordinals, _)| ordinals.clone()).collect();
		let sends =
			calls.into_iter().map(|(ordinals, call)| self.send(round, block, ordinals, call));
		let outcomes = self.until_stopped(join_all(sends)).await?;
		self.settle_all(round, ordinals, outcomes, work).await
	}

	async fn send(
		&self,
		round: Round,
		block: Hash32,
		ordinals: Vec<u32>,
		call: Call,
	) -> Result<Included, ChainError> {
		let (chain, store) = (self.chain.clone(), self.store.clone());
		let note = move |transaction: &Transaction| -> BoxFuture<'static, Result<(), String>> {
			let (chain, store) = (chain.clone(), store.clone());
			let transaction = transaction.clone();
			let sent = Sent { round, block, ordinals: ordinals.clone(), transaction };
			Box::pin(async move {
				still_lasts(&*chain, (round, block)).await?;
				let noted = spawn_blocking(move || store.note_sent(&sent)).await;
				let noted = noted.map_err(|error| error.to_string())?;
				noted.map_err(|error| error.to_string())
			})
		};
		self.chain.submit_noted(&call, &self.operator, &note).await
	}

	/// Takes note of what became of answers. The first failure is told when all are settled.
	async fn settle_all(
		&self,
		round: Round,
		ordinals: Vec<Vec<u32>>,
		outcomes: Vec<Result<Included, ChainError>>,
		work: &mut Work,
	) -> Result<(), ProveError> {
		let mut failure = None;
		for (ordinals, outcome) in ordinals.into_iter().zip(outcomes) {
			match outcome {
				Ok(included) => {
					if !self.was_wrong(ProofKind::Answers, &included).await? {
						self.metrics.answers.inc();
						tracing::info!(
							round,
							samples = ordinals.len(),
							block = included.block.number,
							"answered samples"
						);
					}
				},
				Err(error) => {
					let over = is_over(&error);
					if LASTING.iter().any(|name| error.is_dispatch("Liveness", name)) {
						work.given_up.extend(&ordinals);
					}
					failure.get_or_insert(error);
					if !over {
						// It may still take effect: the next look takes it up.
						continue;
					}
				},
			}
			self.on_store(move |store| store.forget_sent(round, &ordinals)).await?;
		}
		failure.map_or(Ok(()), |error| Err(error.into()))
	}
}

/// Why a transaction is not sent for a round, with the block that drew it, if it is over. One that expires is signed again, and
/// this is asked each time: what comes late costs a fee and nothing more.
pub(super) async fn still_lasts(
	chain: &dyn ChainView,
	(round, block): (Round, Hash32),
) -> Result<(), String> {
	let found = chain.round(At::Best).await.map_err(|error| error.to_string())?;
	if found.round == round && found.drawn.is_some_and(|drawn| drawn.block == block) {
		Ok(())
	} else {
		Err(format!("round {round} is over, or another block has drawn it"))
	}
}

/// Whether a transaction with this outcome can take effect no more. One whose events are gone has taken it: what is open on the
/// best block tells what is left to do.
pub(super) fn is_over(error: &ChainError) -> bool {
	matches!(
		error,
		ChainError::Dispatch { .. }
			| ChainError::DispatchOther { .. }
			| ChainError::Refused { .. }
			| ChainError::Expired { .. }
			| ChainError::Usurped { .. }
			| ChainError::Incompatible { .. }
			| ChainError::Build { .. }
			| ChainError::NotNoted { .. }
			| ChainError::StateGone { .. }
	)
}
