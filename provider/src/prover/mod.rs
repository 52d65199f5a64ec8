//! The prover: answers what the chain asks of this provider in every round.
//!
//! It looks at the chain whenever the follower has seen a block, and each look is complete in itself:
//!
//! 1. Is the round in force on the *best* block the one of the *finalised* block, and drawn by the same block? What is not final
//!    may be drawn anew, and an answer is void where another block drew its round.
//! 2. Are changes of earlier rounds left in the provider's journal? They are applied, a bounded number of steps in each of some
//!    calls at once.
//! 3. Were answers sent whose outcome was not seen? They are waited for, by the very bytes that were written down before
//!    they were sent, which cannot take effect twice. So a restart at any moment sends nothing again that may still come. Of
//!    those of rounds that are over it is looked whether the chain took them for wrong.
//! 4. What is due and not answered, as the best block says? What credits of the slots can waive is waived first. The other
//!    samples are read, and answered together: as many at a time as one call takes, each call with one multi-scalar
//!    multiplication. Samples for which roots must be fetched from other slots are left for a later call: they hold up nothing
//!    else.
//!
//! So no ordinal is answered twice on one branch of the chain. On a branch where another block drew the round, which may have
//! found other content even with the same `R_e`, answers for the former one fail as stale, at the price of a fee, and new ones
//! are made. Wrong ones under the right block are slashed.
//!
//! # What an answer costs
//!
//! For each sample: reading a blob, 4,096 multiplications of scalars, some twenty hashes for an 8+4 deal, and three points to
//! be decompressed and tested in the verification. For each call: one multi-scalar multiplication, and two Miller loops. No
//! witness is read: what a sample needs of it is kept since the upload ([`Store::branch`]), and made of the witness, once,
//! where it was not.
//!
//! Besides, an opening of the deal's manifest for each MDU that was not asked for since the manifest changed, kept on disk
//! ([`Store::opening`]). It takes a multiplication of as many points as there are roots, and for each place in a manifest one
//! of 4,096 points, once in the life of the process and for all deals; where there are more than 1,024 roots, one of 4,096
//! points each time. All roots under a manifest point are needed for that. Those of commits which the slot has missed are
//! fetched from other slots once, and kept as well.
//!
//! All of it is done on one thread of low priority, and rent and repairs are proved there too.
//!
//! # When it is made
//!
//! All providers are asked at once. So that they do not all read, compute and send in the same moment, each one waits for as
//! many relay blocks as follow from the round's randomness and its account, up to a quarter of those within which answers are
//! worth everything. The other three quarters are for what may go wrong. Nothing of that is kept: a provider that starts anew
//! finds the same block, and when it is past, answers at once. Nothing is sent, or signed again after it has expired, that can
//! come no earlier than the round's end.
//!
//! # Rent
//!
//! When a round's samples are answered, the rent of the last period is settled, once: with the same openings,
//! blobs and kind of proof.
//!
//! # What cannot be answered
//!
//! Each answer is verified before it is sent, as the chain does. What is missing or rotten on disk is put into quarantine and
//! left out, and the rest is answered: a loss is meant to show, by the samples that it costs and no more. What was left out
//! is tried again while the round lasts, for [`crate::scrub`] may have rebuilt it.
//!
//! What verifies here and is wrong on the chain all the same is the end of all answers, until the operator says otherwise: see
//! `refused`. So that it costs one call, the first one of a round goes alone, and the others when it was taken; settlements
//! likewise. Nothing new is promised meanwhile: no receipt is signed, and no slot taken over.

mod make;
mod open;
mod refused;
mod send;
mod settle;
mod thread;

pub use make::{LeftOut, Made, Maker, Outcome, Ready, Unopened};
pub use open::{OpenError, Opened, Opener};
pub use refused::ADVICE;
pub use thread::aside;

use crate::{
	chain::{ChainView, follower::Heads},
	content::Reader,
	metrics::{Metrics, clamp},
	store::{ProofKind, Store, StoreError},
};
use futures::future::{join, join_all};
use nil_client::{
	chain::{At, Call, ChainError, SubmitProofs},
	http::Reach,
	keys::Signer,
};
use nil_kzg::MsmEngine;
use nil_types::{
	DrawnInfo, DutyInfo, Hash32, RelayBlock, Round, RoundInfo, SampleInfo,
	challenge::evaluation_point,
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{
	sync::watch,
	task::{JoinError, spawn_blocking},
	time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

/// The first and the longest pause after a failure.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(120)];
/// After how long what was left out is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(60);
/// Calls that apply the journal at a time: more would fill blocks, and the pool has room for few of one account.
const MOST_ADVANCES: u64 = 16;
/// A call is in the next relay block's round at the earliest.
const NEXT_BLOCK: RelayBlock = 1;
/// Providers spread their answers over this part of the relay blocks within which these are worth everything: a quarter.
const SPREAD: RelayBlock = 4;

/// Why a look came to nothing.
#[derive(Debug, thiserror::Error)]
enum ProveError {
	/// The chain could not be asked, or refused.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// The disk.
	#[error(transparent)]
	Store(#[from] StoreError),
	/// A task broke off.
	#[error(transparent)]
	Task(#[from] JoinError),
	/// The node does not know the finalised chain that was acted upon before.
	#[error(
		"the node's finalised block is {found}, and block {known} was seen finalised before: let it synchronise"
	)]
	Behind {
		/// The node's finalised block.
		found: u32,
		/// The highest one acted upon.
		known: u32,
	},
	/// The daemon stops.
	#[error("the daemon stops")]
	Stopped,
}

impl From<OpenError> for ProveError {
	fn from(error: OpenError) -> Self {
		match error {
			OpenError::Chain(error) => error.into(),
			OpenError::Store(error) => error.into(),
			OpenError::Task(error) => error.into(),
			OpenError::Stopped => Self::Stopped,
		}
	}
}

/// Which round is in force, and the block that drew it.
fn of(round: &RoundInfo) -> Option<(Round, Hash32)> {
	round.drawn.map(|drawn| (round.round, drawn.block))
}

/// When to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
	/// At once.
	Now,
	/// After the next block.
	Block,
}

/// What was done in a round, beside what the chain and the store know.
#[derive(Debug, Default)]
struct Work {
	/// Which round it was, and the block that drew it.
	of: Option<(Round, Hash32)>,
	/// Samples that were left out.
	left_out: BTreeSet<u32>,
	/// When they are tried again.
	again: Option<Instant>,
	/// Samples that are not tried again.
	given_up: BTreeSet<u32>,
	/// Whether the chain took an answer.
	is_proven: bool,
	/// Whether waiving failed: then everything is answered.
	waives_nothing: bool,
	/// What was done about rent.
	rent: settle::Progress,
	/// Whether all of this is final: until the next round, there is nothing to be done.
	is_over: bool,
	/// The blocks that were looked at, if nothing was done since.
	looked_at: Option<Heads>,
}

impl Work {
	/// What of `wanted` credits can waive, if that has not failed: as much as one call takes.
	fn waivable(&self, duty: &DutyInfo, wanted: &BTreeSet<u32>, max_items: u32) -> Vec<u32> {
		if self.waives_nothing {
			return Vec::new();
		}
		let waivable = duty.waivable.iter().copied().filter(|ordinal| wanted.contains(ordinal));
		waivable.take(usize::try_from(max_items).unwrap_or(usize::MAX)).collect()
	}

	/// What is due, open, and worth a try.
	fn wanted(&mut self, duty: &DutyInfo) -> BTreeSet<u32> {
		let open: BTreeSet<u32> =
			(0..duty.due).filter(|ordinal| !duty.answered.contains(ordinal)).collect();
		if self.again.is_some_and(|again| Instant::now() >= again) {
			self.again = None;
		}
		let waits = self.again.is_some();
		open.into_iter()
			.filter(|ordinal| !self.given_up.contains(ordinal))
			.filter(|ordinal| !waits || !self.left_out.contains(ordinal))
			.collect()
	}
}

/// The prover.
#[derive(Debug)]
pub struct Prover {
	/// The chain.
	pub chain: Arc<dyn ChainView>,
	/// The disk.
	pub store: Arc<Store>,
	/// What is counted.
	pub metrics: Arc<Metrics>,
	/// Signs answers, and pays for them.
	pub operator: Signer,
	/// Multiplies.
	pub engine: Arc<dyn MsmEngine>,
	/// Which addresses of other providers are asked for roots.
	pub reach: Reach,
	/// Changes with every block that the follower sees.
	pub heads: watch::Receiver<Heads>,
	/// Ends the prover.
	pub stop: CancellationToken,
}

impl Prover {
	/// Works until it is stopped, or the follower is gone.
	pub async fn run(mut self) {
		let [first, longest] = PAUSES;
		let mut work = Work::default();
		let mut pause = first;
		self.tell_refused().await;
		loop {
			// A block that comes while this one is looked at is looked at next.
			self.heads.mark_unchanged();
			let wait = match self.look(&mut work).await {
				Ok(Next::Now) => continue,
				Ok(Next::Block) => {
					pause = first;
					None
				},
				Err(ProveError::Stopped) => return,
				Err(error) => {
					self.metrics.prover_failures.inc();
					self.report(&error, pause);
					let wait = pause;
					pause = pause.saturating_mul(2).min(longest);
					Some(wait)
				},
			};
			let stop = self.stop.clone();
			tokio::select! {
				() = stop.cancelled() => return,
				changed = self.heads.changed(), if wait.is_none() => if changed.is_err() { return },
				() = sleep(wait.unwrap_or_default()), if wait.is_some() => {},
			}
		}
	}

	fn report(&self, error: &ProveError, again_in: Duration) {
		match error {
			ProveError::Chain(chain) if chain.cannot_pay() => {
				let operator = self.operator.account_id();
				tracing::error!(
					%error, %operator,
					"the operator cannot pay for its answers, and earns nothing without them: send it NIL"
				);
			},
			_ => tracing::warn!(%error, ?again_in, "cannot answer samples, trying again"),
		}
	}

	async fn look(&self, work: &mut Work) -> Result<Next, ProveError> {
		let heads = self.newest(work.looked_at.take()).await?;
		let next = self.look_at(heads, work).await?;
		work.looked_at = (next == Next::Block).then_some(heads);
		Ok(next)
	}

	/// The newest blocks. The follower knows them, which saves the node from being asked, unless it is behind what was seen
	/// here: what was answered since would be answered again.
	async fn newest(&self, looked_at: Option<Heads>) -> Result<Heads, ProveError> {
		let followed = *self.heads.borrow();
		if looked_at.is_some_and(|before| {
			followed.best.number >= before.best.number
				&& followed.finalised.number >= before.finalised.number
		}) {
			return Ok(followed);
		}
		let finalised = self.unless_stopped(self.chain.head(At::Finalised)).await?;
		let best = self.unless_stopped(self.chain.head(At::Best)).await?;
		Ok(Heads { best, finalised })
	}

	async fn look_at(&self, heads: Heads, work: &mut Work) -> Result<Next, ProveError> {
		let operator = self.operator.account_id();
		let Heads { best, finalised } = heads;
		let known = self.on_store(Store::finalised).await?;
		if finalised.number < known {
			return Err(ProveError::Behind { found: finalised.number, known });
		}
		let (at, final_block) = (At::Block(best.hash), At::Block(finalised.hash));
		let round = self.unless_stopped(self.chain.round(at)).await?;
		// What was worked on was final.
		let is_known = work.of.is_some() && work.of == of(&round);
		if is_known && work.is_over {
			return Ok(Next::Block);
		}
		let settled = match is_known {
			true => round,
			false => self.unless_stopped(self.chain.round(final_block)).await?,
		};
		if round.round == 0 || round.round != settled.round {
			return Ok(Next::Block);
		}
		let duty = self.unless_stopped(self.chain.duty(at, operator)).await?;
		self.tell(&round, &duty);
		if duty.behind {
			return self.advance(&round, &duty).await;
		}
		let Some(drawn) = round.drawn.filter(|drawn| settled.drawn == Some(*drawn)) else {
			return Ok(Next::Block);
		};
		if work.of != of(&round) {
			tracing::info!(
				round = round.round,
				epoch = round.epoch,
				due = duty.due,
				answered = duty.answered.len(),
				"a round is drawn"
			);
			*work = Work { of: of(&round), ..Work::default() };
		}
		if self.resume(&round, drawn.block, work).await? {
			return Ok(Next::Now);
		}
		let refused = self.is_refused(ProofKind::Answers).await?;
		let wanted = if refused { BTreeSet::new() } else { work.wanted(&duty) };
		if wanted.is_empty() {
			let next = self.settle(at, final_block, &round, drawn.block, work).await?;
			work.is_over = next == Next::Block
				&& work.left_out.is_empty()
				&& work.rent.is_over()
				&& self.unless_stopped(self.chain.duty(final_block, operator)).await? == duty;
			return Ok(next);
		}
		let from = answers_from(&drawn, round.prompt_blocks, &operator.0);
		let now = self.unless_stopped(self.chain.terms(at)).await?.relay_block;
		if now < from || now.saturating_add(NEXT_BLOCK) >= round.ends_at {
			return Ok(Next::Block);
		}
		let waivable = work.waivable(&duty, &wanted, round.max_items);
		if !waivable.is_empty() {
			tracing::info!(round = round.round, samples = waivable.len(), "waiving samples");
			let call = Call::waive(round.epoch, drawn.block, &waivable);
			let sent = self.send_all(round.round, drawn.block, vec![(waivable, call)], work).await;
			work.waives_nothing = sent.is_err();
			sent?;
			return Ok(Next::Now);
		}
		let samples = self.unless_stopped(self.chain.samples(at, operator, 0..duty.due)).await?;
		// What draws nothing is not among them, and owed by nobody.
		work.given_up.extend(
			wanted.iter().filter(|wanted| samples.iter().all(|sample| sample.ordinal != **wanted)),
		);
		let samples: Vec<_> =
			samples.into_iter().filter(|sample| wanted.contains(&sample.ordinal)).collect();
		let (made, lacking) = self.answers(&round, drawn.randomness, samples, work).await?;
		if made.is_empty() && lacking.is_empty() {
			return self.settle(at, final_block, &round, drawn.block, work).await;
		}
		let calls = made.into_iter().map(|Made { items, y, pi }| {
			let ordinals: Vec<u32> = items.iter().map(|item| item.ordinal).collect();
			let (epoch, block) = (round.epoch, drawn.block);
			(ordinals, Call::submit_proofs(&SubmitProofs { epoch, block, items, y, pi }))
		});
		// What others must give first holds up nothing else, and is answered in a call of its own.
		let opener = self.opener();
		let sending = self.send_proofs(round.round, drawn.block, calls.collect(), work);
		let (sent, fetched) = join(sending, opener.fetch(at, lacking)).await;
		let (_, unfetched) = fetched?;
		self.leave_out(&round, unfetched, work);
		sent?;
		Ok(Next::Now)
	}

	fn tell(&self, round: &RoundInfo, duty: &DutyInfo) {
		self.metrics.round.set(round.round.into());
		let samples = &self.metrics.samples;
		samples.with_label_values(&["due"]).set(duty.due.into());
		samples.with_label_values(&["answered"]).set(clamp(duty.answered.len() as u64));
		let account = &self.metrics.account;
		account.with_label_values(&["index"]).set(clamp(duty.index));
		account.with_label_values(&["silent_rounds"]).set(duty.silent.into());
		account.with_label_values(&["missed_samples"]).set(clamp(duty.missed));
	}

	/// Applies what happened in earlier rounds. Anybody may, so that a refusal may mean that somebody has.
	async fn advance(&self, round: &RoundInfo, duty: &DutyInfo) -> Result<Next, ProveError> {
		let steps = round.max_steps.max(1);
		// At once, since each waits until it is final. Some may find nothing to do: of what waits, a part may be of this round.
		let calls = duty.waiting.div_ceil(steps.into()).clamp(1, MOST_ADVANCES);
		let waiting = duty.waiting;
		tracing::info!(round = round.round, waiting, steps, calls, "applying the journal");
		let call = Call::advance(self.operator.account_id(), steps);
		let sends = (0..calls).map(|_| self.chain.submit(&call, &self.operator));
		let (mut applied, mut refusal) = (false, None);
		for outcome in self.until_stopped(join_all(sends)).await? {
			match outcome {
				Ok(_) => applied = true,
				Err(error) if error.is_dispatch("Liveness", "NothingToDo") => refusal = Some(error),
				Err(error) => return Err(error.into()),
			}
		}
		match refusal {
			Some(error) if !applied => Err(error.into()),
			_ => Ok(Next::Now),
		}
	}

	/// Answers what can be answered with what is here, and the samples for which roots are to be fetched.
	async fn answers(
		&self,
		round: &RoundInfo,
		r_e: Hash32,
		samples: Vec<SampleInfo>,
		work: &mut Work,
	) -> Result<(Vec<Made>, Vec<SampleInfo>), ProveError> {
		let timer = self.metrics.opening_seconds.start_timer();
		let Opened { ready, lacking, mut left_out } = self.opener().open(samples).await?;
		timer.observe_duration();
		let maker = Maker {
			reader: Reader { store: self.store.clone(), metrics: self.metrics.clone() },
			engine: self.engine.clone(),
			r_e,
			provider: self.operator.account_id().0,
			max_items: usize::try_from(round.max_items).unwrap_or(usize::MAX),
		};
		let outcome = aside(move || maker.make(ready)).await?;
		self.metrics.read_seconds.observe(outcome.reading.as_secs_f64());
		self.metrics.answer_seconds.observe(outcome.answering.as_secs_f64());
		for deal in outcome.doubtful {
			self.on_store(move |store| store.forget_openings(deal)).await?;
		}
		left_out.extend(outcome.left_out);
		for item in outcome.made.iter().flat_map(|made| &made.items) {
			work.left_out.remove(&item.ordinal);
		}
		self.leave_out(round, left_out, work);
		Ok((outcome.made, lacking))
	}

	/// Takes note of samples that cannot be answered now.
	fn leave_out(&self, round: &RoundInfo, left_out: Vec<(SampleInfo, LeftOut)>, work: &mut Work) {
		for (sample, why) in left_out {
			if work.left_out.insert(sample.ordinal) {
				self.metrics.left_out.inc();
				tracing::error!(
					round = round.round,
					ordinal = sample.ordinal,
					deal = sample.deal,
					slot = sample.slot,
					mdu = sample.mdu,
					%why,
					"a sample cannot be answered"
				);
			}
		}
		if !work.left_out.is_empty() {
			work.again.get_or_insert(Instant::now() + TRY_AGAIN);
		}
		let gone = clamp(work.left_out.len() as u64);
		self.metrics.samples.with_label_values(&["left_out"]).set(gone);
	}

	/// What the openings of manifests are made with.
	fn opener(&self) -> Opener {
		Opener {
			chain: self.chain.clone(),
			store: self.store.clone(),
			engine: self.engine.clone(),
			reach: self.reach,
			stop: self.stop.clone(),
		}
	}

	/// Asks the store, away from asynchronous threads.
	async fn on_store<T: Send + 'static>(
		&self,
		work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
	) -> Result<T, ProveError> {
		let store = self.store.clone();
		Ok(spawn_blocking(move || work(&store)).await??)
	}

	/// Waits for something that may take long, but not longer than the daemon runs.
	async fn until_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, ProveError> {
		tokio::select! {
			() = self.stop.cancelled() => Err(ProveError::Stopped),
			done = work => Ok(done),
		}
	}

	/// As [`Self::until_stopped`], for what may fail.
	async fn unless_stopped<T, E>(
		&self,
		work: impl Future<Output = Result<T, E>>,
	) -> Result<T, ProveError>
	where
		ProveError: From<E>,
	{
		Ok(self.until_stopped(work).await??)
	}
}

/// The relay block from which on `provider` answers a round.
fn answers_from(drawn: &DrawnInfo, prompt_blocks: RelayBlock, provider: &Hash32) -> RelayBlock {
	// It differs from provider to provider and from round to round, and nobody chooses it.
	let number = evaluation_point(&drawn.randomness, provider);
	let number = number.last_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
	drawn.at.saturating_add(number % (prompt_blocks / SPREAD + 1))
}

#[cfg(test)]
mod tests;
