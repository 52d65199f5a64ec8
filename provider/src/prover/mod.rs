//! The prover: answers what the chain asks of this provider in every round.
//!
//! It looks at the chain whenever the follower has seen a block, and each look is complete in itself:
//!
//! 1. Is the round in force on the *best* block the one of the *finalised* block, and drawn by the same block? What is not final
//!    may be drawn anew, and an answer is void where another block drew its round.
//! 2. Are changes of earlier rounds left in the provider's journal? They are applied, a bounded number of steps at a time.
//! 3. Were answers sent whose outcome was not seen? They are waited for, by the very bytes that were written down before
//!    they were sent, which cannot take effect twice. So a restart at any moment sends nothing again that may still come.
//! 4. What is due and not answered, as the best block says? These samples are read, and answered together: as many at a time
//!    as one call takes, each call with one multi-scalar multiplication.
//!
//! So no ordinal is answered twice on one branch of the chain. On a branch where another block drew the round, which may have
//! found other content even with the same `R_e`, answers for the former one fail as stale, at the price of a fee, and new ones
//! are made. Wrong ones under the right block are slashed.
//!
//! # What an answer costs
//!
//! Reading a blob and a witness for each sample, checking that witness's points, 4,096 multiplications of scalars for each
//! sample, one multi-scalar multiplication for each call, and its verification (two Miller loops). Besides, an opening of
//! the deal's manifest for each MDU that was not asked for since the manifest changed: a multi-scalar multiplication each,
//! many at a time, and kept on disk ([`Store::opening`]). All roots under a manifest point are needed for that. Those of
//! commits which the slot has missed are fetched from other slots once, and kept as well.
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

mod make;
mod settle;

pub use make::{LeftOut, Made, Maker, Outcome, Ready, Unopened};

use crate::{
	chain::{ChainView, follower::Heads},
	content::Reader,
	metrics::{Metrics, clamp},
	store::{Sent, Store, StoreError},
};
use futures::future::{BoxFuture, join_all};
use nil_client::{
	chain::{At, BlockRef, Call, ChainError, SubmitProofs, Transaction},
	crypt::Identities,
	get::{ReadOptions, SlotRebuilder},
	http::Reach,
	keys::Signer,
};
use nil_kzg::{Blob, MsmEngine};
use nil_slab::manifest;
use nil_types::{
	ContentShape, DealId, DutyInfo, Epoch, G1Compressed, Hash32, MduIndex, Round, RoundInfo,
	SampleInfo,
};
use std::{
	collections::{BTreeMap, BTreeSet},
	sync::Arc,
	time::Duration,
};
use tokio::{
	sync::watch,
	task::{JoinError, spawn_blocking},
	time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// The first and the longest pause after a failure.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(120)];
/// After how long what was left out is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(60);
/// How long other slots may take for the roots of a commit.
const ROOTS_PATIENCE: Duration = Duration::from_secs(60);

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
	/// Samples whose answers are final.
	done: BTreeSet<u32>,
	/// Samples that are not tried again.
	given_up: BTreeSet<u32>,
	/// What was done about rent.
	rent: settle::Progress,
}

impl Work {
	/// What is due, open, and worth a try.
	fn wanted(&mut self, duty: &DutyInfo) -> BTreeSet<u32> {
		let open: BTreeSet<u32> =
			(0..duty.due).filter(|ordinal| !duty.answered.contains(ordinal)).collect();
		// Answered in a block that is final, and open all the same: the chain found the proof wrong.
		let wrong: Vec<u32> = open.intersection(&self.done).copied().collect();
		if !wrong.is_empty() {
			tracing::error!(
				ordinals = ?wrong,
				"the chain took answers for wrong that had verified here; they are not sent again: report this"
			);
			self.done.retain(|ordinal| !wrong.contains(ordinal));
			self.given_up.extend(wrong);
		}
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
		let operator = self.operator.account_id();
		let finalised = self.unless_stopped(self.chain.head(At::Finalised)).await?;
		let known = self.on_store(Store::finalised).await?;
		if finalised.number < known {
			return Err(ProveError::Behind { found: finalised.number, known });
		}
		let settled = self.unless_stopped(self.chain.round(At::Block(finalised.hash))).await?;
		let best = self.unless_stopped(self.chain.head(At::Best)).await?;
		let at = At::Block(best.hash);
		let round = self.unless_stopped(self.chain.round(at)).await?;
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
		if work.of != Some((round.round, drawn.block)) {
			tracing::info!(
				round = round.round,
				epoch = round.epoch,
				due = duty.due,
				answered = duty.answered.len(),
				"a round is drawn"
			);
			*work = Work { of: Some((round.round, drawn.block)), ..Work::default() };
		}
		if self.resume(&round, drawn.block, work).await? {
			return Ok(Next::Now);
		}
		let wanted = work.wanted(&duty);
		let final_block = At::Block(finalised.hash);
		if wanted.is_empty() {
			return self.settle(at, final_block, &round, drawn.block, work).await;
		}
		let samples = self.unless_stopped(self.chain.samples(at, operator, 0..duty.due)).await?;
		// What draws nothing is not among them, and owed by nobody.
		work.given_up.extend(
			wanted.iter().filter(|wanted| samples.iter().all(|sample| sample.ordinal != **wanted)),
		);
		let samples: Vec<_> =
			samples.into_iter().filter(|sample| wanted.contains(&sample.ordinal)).collect();
		let made = self.answers(at, &round, drawn.randomness, samples, work).await?;
		if made.is_empty() {
			return self.settle(at, final_block, &round, drawn.block, work).await;
		}
		self.send_all(&round, drawn.block, made, work).await?;
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
		tracing::info!(round = round.round, waiting = duty.waiting, steps, "applying the journal");
		let call = Call::advance(self.operator.account_id(), steps);
		self.unless_stopped(self.chain.submit(&call, &self.operator)).await?;
		Ok(Next::Now)
	}

	/// Waits for answers that were sent before; whether there were any.
	async fn resume(
		&self,
		round: &RoundInfo,
		block: Hash32,
		work: &mut Work,
	) -> Result<bool, ProveError> {
		let all = self.on_store(Store::sent).await?;
		let (current, over): (Vec<_>, Vec<_>) =
			all.into_iter().partition(|sent| (sent.round, sent.block) == (round.round, block));
		for sent in over {
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

	async fn answers(
		&self,
		at: At,
		round: &RoundInfo,
		r_e: Hash32,
		samples: Vec<SampleInfo>,
		work: &mut Work,
	) -> Result<Vec<Made>, ProveError> {
		let timer = self.metrics.opening_seconds.start_timer();
		let (ready, mut left_out) = self.openings(at, samples).await?;
		timer.observe_duration();
		let maker = Maker {
			reader: Reader { store: self.store.clone(), metrics: self.metrics.clone() },
			engine: self.engine.clone(),
			r_e,
			provider: self.operator.account_id().0,
			max_items: usize::try_from(round.max_items).unwrap_or(usize::MAX),
		};
		let outcome = spawn_blocking(move || maker.make(ready)).await?;
		self.metrics.read_seconds.observe(outcome.reading.as_secs_f64());
		self.metrics.answer_seconds.observe(outcome.answering.as_secs_f64());
		for deal in outcome.doubtful {
			self.on_store(move |store| store.forget_openings(deal)).await?;
		}
		left_out.extend(outcome.left_out);
		for (sample, why) in &left_out {
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
		for item in outcome.made.iter().flat_map(|made| &made.items) {
			work.left_out.remove(&item.ordinal);
		}
		if !work.left_out.is_empty() {
			work.again.get_or_insert(Instant::now() + TRY_AGAIN);
		}
		let gone = clamp(work.left_out.len() as u64);
		self.metrics.samples.with_label_values(&["left_out"]).set(gone);
		Ok(outcome.made)
	}

	/// The manifest openings of samples, by rising ordinal, and the samples for which there are none.
	async fn openings(
		&self,
		at: At,
		samples: Vec<SampleInfo>,
	) -> Result<(Vec<Ready>, Vec<(SampleInfo, LeftOut)>), ProveError> {
		let mut points: BTreeMap<(DealId, MduIndex), Vec<SampleInfo>> = BTreeMap::new();
		for sample in samples {
			points.entry((sample.deal, sample.first_mdu)).or_default().push(sample);
		}
		let mut ready: Vec<Ready> = Vec::new();
		let mut left_out: Vec<(SampleInfo, LeftOut)> = Vec::new();
		for samples in points.into_values() {
			match self.open_point(at, &samples).await? {
				Ok(openings) => ready.extend(
					samples
						.into_iter()
						.zip(openings)
						.map(|(sample, manifest_opening)| Ready { sample, manifest_opening }),
				),
				Err(why) => {
					let why = |sample| (sample, LeftOut::from(why.clone()));
					left_out.extend(samples.into_iter().map(why));
				},
			}
		}
		ready.sort_by_key(|ready| ready.sample.ordinal);
		Ok((ready, left_out))
	}

	/// The openings of one manifest point for samples under it, in their order.
	async fn open_point(
		&self,
		at: At,
		samples: &[SampleInfo],
	) -> Result<Result<Vec<G1Compressed>, Unopened>, ProveError> {
		let Some(first) = samples.first().copied() else { return Ok(Ok(Vec::new())) };
		let (deal, point) = (first.deal, first.manifest.0);
		let mdus: Vec<MduIndex> = samples.iter().map(|sample| sample.mdu).collect();
		let asked = mdus.clone();
		let known = self
			.on_store(move |store| {
				let mut found = BTreeMap::new();
				for mdu in asked {
					found.insert(mdu, store.opening(deal, mdu, &point)?);
				}
				Ok(found)
			})
			.await?;
		let missing: Vec<MduIndex> =
			known.iter().filter(|(_, opening)| opening.is_none()).map(|(mdu, _)| *mdu).collect();
		let mut all: BTreeMap<MduIndex, G1Compressed> =
			known.into_iter().filter_map(|(mdu, opening)| Some((mdu, opening?))).collect();
		if !missing.is_empty() {
			let roots = match self.roots(at, &first).await? {
				Ok(roots) => roots,
				Err((mdu, reason)) => return Ok(Err(Unopened::Roots { mdu, reason })),
			};
			let (engine, base) = (self.engine.clone(), first.first_mdu);
			let made =
				spawn_blocking(move || open_missing(&*engine, &roots, &point, base, missing))
					.await?;
			let made = match made {
				Ok(made) => made,
				Err(error) => return Ok(Err(error)),
			};
			all.extend(made.iter().copied());
			self.on_store(move |store| store.keep_openings(deal, &point, &made)).await?;
		}
		Ok(Ok(mdus.iter().filter_map(|mdu| all.get(mdu).copied()).collect()))
	}

	/// The roots of all MDUs that a sample's manifest point covers; the first MDU without one, and why, when some are not to
	/// be had.
	async fn roots(
		&self,
		at: At,
		sample: &SampleInfo,
	) -> Result<Result<Vec<Hash32>, (MduIndex, String)>, ProveError> {
		let SampleInfo { deal, slot, first_mdu, mdus, .. } = *sample;
		let mut roots = self.stored_roots(deal, first_mdu, mdus).await?;
		if let Some(gap) = first_gap(first_mdu, &roots) {
			// The slot has missed a commit.
			if let Err(reason) = self.fetch_roots(at, deal, slot, first_mdu, &roots).await? {
				return Ok(Err((gap, reason)));
			}
			roots = self.stored_roots(deal, first_mdu, mdus).await?;
		}
		Ok(match first_gap(first_mdu, &roots) {
			Some(gap) => Err((gap, "no commit on the chain has it".into())),
			None => Ok(roots.into_iter().flatten().collect()),
		})
	}

	async fn stored_roots(
		&self,
		deal: DealId,
		first: MduIndex,
		mdus: u32,
	) -> Result<Vec<Option<Hash32>>, ProveError> {
		let lists = self.on_store(move |store| store.roots_of(deal, first, mdus)).await?;
		let mut roots: Vec<Option<Hash32>> = vec![None; usize::try_from(mdus).unwrap_or_default()];
		for list in lists {
			for (mdu, root) in (list.first_mdu..).zip(list.roots) {
				let place = mdu.checked_sub(first).and_then(|place| usize::try_from(place).ok());
				// Those that come first count.
				if let Some(place) = place.and_then(|place| roots.get_mut(place)) {
					place.get_or_insert(root);
				}
			}
		}
		Ok(roots)
	}

	/// Fetches the roots of commits with MDUs that have none in `roots`, which begin at `first`, and keeps them.
	async fn fetch_roots(
		&self,
		at: At,
		deal: DealId,
		slot: u8,
		first: MduIndex,
		roots: &[Option<Hash32>],
	) -> Result<Result<(), String>, ProveError> {
		let asked = async {
			let Some(info) = self.chain.deal(at, deal).await? else { return Ok(None) };
			let slots = self.chain.slots(at, deal).await?;
			let commits = self.chain.commits(at, deal, 1).await?;
			Ok::<_, ChainError>(Some((info, slots, commits)))
		};
		let Some((info, slots, commits)) = self.unless_stopped(asked).await? else {
			return Ok(Err("the deal has ended".into()));
		};
		let lacks = |from: MduIndex, count: u64| {
			let end = from.saturating_add(count);
			let mut gaps = (first..).zip(roots).filter(|(_, root)| root.is_none());
			gaps.any(|(mdu, _)| (from..end).contains(&mdu))
		};
		for (generation, commit) in commits {
			let first_mdu = commit.first_mdu;
			if !lacks(first_mdu, ContentShape::new(commit.size_bytes).mdus()) {
				continue;
			}
			let options = ReadOptions { reach: self.reach, ..ReadOptions::new(Identities::none()) };
			let others =
				SlotRebuilder::new(info.clone(), (generation, commit), &slots, slot, options);
			let others = match others {
				Ok(others) => others,
				Err(error) => return Ok(Err(error.to_string())),
			};
			tracing::info!(deal, generation, "fetching the roots of a commit that the slot missed");
			let fetched = self.until_stopped(timeout(ROOTS_PATIENCE, others.roots())).await?;
			let fetched = match fetched {
				Ok(Ok(fetched)) => fetched,
				Ok(Err(error)) => return Ok(Err(error.to_string())),
				Err(_) => return Ok(Err("the other slots took too long".into())),
			};
			self.on_store(move |store| store.keep_roots(deal, generation, first_mdu, &fetched))
				.await?;
		}
		Ok(Ok(()))
	}

	/// Sends answers, all at once, and waits until they are final.
	async fn send_all(
		&self,
		round: &RoundInfo,
		block: Hash32,
		made: Vec<Made>,
		work: &mut Work,
	) -> Result<(), ProveError> {
		let ordinals: Vec<Vec<u32>> =
			made.iter().map(|made| made.items.iter().map(|item| item.ordinal).collect()).collect();
		let sends = made.into_iter().map(|made| self.send(round.round, round.epoch, block, made));
		let outcomes = self.until_stopped(join_all(sends)).await?;
		self.settle_all(round.round, ordinals, outcomes, work).await
	}

	async fn send(
		&self,
		round: Round,
		epoch: Epoch,
		block: Hash32,
		made: Made,
	) -> Result<BlockRef, ChainError> {
		let ordinals: Vec<u32> = made.items.iter().map(|item| item.ordinal).collect();
		let Made { items, y, pi } = made;
		let call = Call::submit_proofs(&SubmitProofs { epoch, block, items, y, pi });
		let store = self.store.clone();
		let note = move |transaction: &Transaction| -> BoxFuture<'static, Result<(), String>> {
			let (store, transaction) = (store.clone(), transaction.clone());
			let sent = Sent { round, block, ordinals: ordinals.clone(), transaction };
			Box::pin(async move {
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
		outcomes: Vec<Result<BlockRef, ChainError>>,
		work: &mut Work,
	) -> Result<(), ProveError> {
		let mut failure = None;
		for (ordinals, outcome) in ordinals.into_iter().zip(outcomes) {
			match outcome {
				Ok(block) => {
					self.metrics.answers.inc();
					tracing::info!(
						round,
						samples = ordinals.len(),
						block = block.number,
						"answered samples"
					);
					work.done.extend(&ordinals);
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

/// Opens the manifest over `roots`, those of the MDUs from `base` on, at each of `mdus`.
fn open_missing(
	engine: &dyn MsmEngine,
	roots: &[Hash32],
	point: &G1Compressed,
	base: MduIndex,
	mdus: Vec<MduIndex>,
) -> Result<Vec<(MduIndex, G1Compressed)>, Unopened> {
	let blob = manifest::roots_blob(roots);
	let is_right = Blob::parse_data(&blob).is_ok_and(|blob| {
		engine.commit(&[blob]).first().is_some_and(|found| found.compress() == *point)
	});
	if !is_right {
		return Err(Unopened::OtherManifest);
	}
	let places: Vec<usize> = mdus
		.iter()
		.map(|mdu| usize::try_from(mdu.saturating_sub(base)).unwrap_or(usize::MAX))
		.collect();
	let openings = manifest::open_places(engine, roots, &places)?;
	Ok(mdus.into_iter().zip(openings).collect())
}

/// The first MDU, of those from `first` on, that has no root.
fn first_gap(first: MduIndex, roots: &[Option<Hash32>]) -> Option<MduIndex> {
	(first..).zip(roots).find(|(_, root)| root.is_none()).map(|(mdu, _)| mdu)
}

/// Whether a transaction with this outcome can take effect no more.
fn is_over(error: &ChainError) -> bool {
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
	)
}

#[cfg(test)]
mod tests;
