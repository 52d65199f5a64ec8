//! Repairs: slots that this provider was drawn for, rebuilt from the others and proved to the chain.
//!
//! With every finalised block the worker asks the chain for which slots the provider is the candidate, and works on so many of
//! them at a time, each of which goes on until it can do no more ([`Plan`]):
//!
//! 1. commits that the round in force found and that are not held are fetched, the first one first ([`crate::fetch`]): from the
//!    slot's present provider where there is one, else from any `k` others. They are committed, so that they become holdings
//!    at once: what the chain has booked with the candidate is their room.
//! 2. when all are held and the chain has drawn the candidate's samples, these are proved ([`Call::complete_repair`]), and the
//!    slot is this provider's. What was committed since is a late receipt then ([`crate::late`]).
//!
//! Every look is complete in itself, and what it finds on disk is not fetched again: a stop or a kill at any moment costs one
//! MDU for each slot. What is remembered of earlier looks saves questions to the node, and no more. What a candidate holds is
//! kept while it is one ([`crate::store::holding_fate`]), and goes the way of all that ended when the chain lets it go.
//!
//! It declines, free of charge, what it cannot store, what too few others hold for it to be rebuilt, and everything when the
//! configuration says so, or while no answers are sent. Nothing else that fails is given up before the chain does.

mod look;
mod plan;
mod prove;

pub use plan::{Facts, HURRY, Plan};

use crate::{
	chain::{ChainView, follower::Heads},
	config::RepairConfig,
	content::Reader,
	fetch::{FetchError, Fetcher},
	metrics::clamp,
	prover::{LeftOut, Maker, OpenError, Opener, Outcome as ProofOutcome, aside},
	store::{ProofKind, Room, Store},
};
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use look::{Glance, Look, Memory};
use nil_client::{
	chain::{At, Call, ChainError},
	keys::Signer,
};
use nil_kzg::MsmEngine;
use nil_types::{ContentShape, DealId, Generation, Hash32, Round, SlotIndex};
use std::{
	collections::{BTreeMap, BTreeSet},
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::Duration,
};
use tokio::{sync::watch, task::JoinError, time::Instant};

/// A slot of a deal.
type SlotKey = (DealId, SlotIndex);

/// Commits that are rebuilt before the chain is looked at again.
const BATCH: usize = 16;
/// The longest pause between attempts: a window is a day.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Refusals of a proof that the chain would repeat in the same round: another try costs a fee and nothing more.
const LASTING: [&str; 8] = [
	"NoRepair",
	"NotCandidate",
	"WindowOver",
	"WrongGeneration",
	"WrongSamples",
	"WrongCommit",
	"BadStructure",
	"TooRecent",
];

/// Why an attempt came to nothing.
#[derive(Debug, thiserror::Error)]
enum RepairError {
	/// The chain could not be asked, or refused.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// A commit could not be fetched or kept.
	#[error(transparent)]
	Fetch(#[from] FetchError),
	/// The disk has no room for all that is missing.
	#[error(transparent)]
	Full(FetchError),
	/// The manifest could not be opened.
	#[error(transparent)]
	Open(#[from] OpenError),
	/// A sample cannot be proved.
	#[error("sample {sample} of generation {generation}: {why}")]
	LeftOut {
		/// Which sample.
		sample: u32,
		/// The commit that it is in.
		generation: Generation,
		/// Why.
		why: LeftOut,
	},
	/// The proof could not be made.
	#[error(transparent)]
	Proof(#[from] LeftOut),
	/// The chain did not take a proof that had verified here.
	#[error(
		"the chain took the proof of generation {generation} for wrong; it is made anew in the next round"
	)]
	Wrong {
		/// What was proved.
		generation: Generation,
	},
	/// A task broke off.
	#[error(transparent)]
	Task(#[from] JoinError),
}

impl RepairError {
	/// Whether the daemon stops.
	const fn is_stop(&self) -> bool {
		matches!(self, Self::Fetch(FetchError::Stopped) | Self::Open(OpenError::Stopped))
	}

	/// Whether this provider has not the room, so that another one had better try.
	fn is_full(&self) -> bool {
		match self {
			Self::Full(_) => true,
			Self::Chain(error) => error.is_dispatch("Mode2", "NoRoom"),
			_ => false,
		}
	}
}

/// How an attempt ended.
enum Outcome {
	/// The slot is this provider's.
	Done,
	/// The chain has let it go, or the deal has ended.
	Over,
	/// Another one is drawn.
	Declined,
	/// It waits for the chain.
	Waits(&'static str),
}

/// How far a repair has come.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
	/// Bytes of all that can be proved now.
	needed: u64,
	/// Bytes of those commits of it that are held.
	held: u64,
	/// Bytes of the MDUs of others that are there.
	staged: u64,
}

type Attempt<'a> = BoxFuture<'a, (SlotKey, Result<Outcome, RepairError>)>;

/// Attempts at one slot.
#[derive(Default)]
struct Attempts {
	/// One is under way.
	runs: bool,
	failures: u32,
	/// When the next one may be.
	due: Option<Instant>,
	/// The finalised block at which it had to wait for the chain.
	waits_at: Option<u32>,
	/// Why it waits, as it was told last.
	told: &'static str,
}

/// A proof that was sent: for these samples, of this generation, in this round.
type Sent = (Hash32, Generation, Round);

/// The worker.
#[derive(Debug)]
pub struct Repairer {
	chain: Arc<dyn ChainView>,
	/// Fetches what is missing.
	fetcher: Fetcher,
	/// Multiplies.
	engine: Arc<dyn MsmEngine>,
	/// Signs proofs, and pays for those that are wrong.
	operator: Signer,
	/// Whether slots are rebuilt, and not declined.
	enabled: bool,
	/// Slots that are worked on at a time.
	parallel: usize,
	/// The pause after the first failure.
	first_pause: Duration,
	/// Changes with every block that the follower sees.
	heads: watch::Receiver<Heads>,
	/// The slots that the chain had this provider rebuild when it was asked last.
	open: Mutex<BTreeMap<SlotKey, Progress>>,
	/// What was learned of each of them.
	memory: Mutex<BTreeMap<SlotKey, Memory>>,
}

impl Repairer {
	/// A worker that has looked at nothing yet.
	pub fn new(
		chain: Arc<dyn ChainView>,
		fetcher: Fetcher,
		engine: Arc<dyn MsmEngine>,
		operator: Signer,
		config: &RepairConfig,
		heads: watch::Receiver<Heads>,
	) -> Self {
		Self {
			chain,
			fetcher,
			engine,
			operator,
			enabled: config.enabled,
			parallel: config.parallel,
			first_pause: Duration::from_secs(config.pause_secs),
			heads,
			open: Mutex::default(),
			memory: Mutex::default(),
		}
	}

	/// Works until it is stopped, or the follower is gone.
	pub async fn run(self) {
		let mut heads = self.heads.clone();
		let this = &self;
		let mut attempts: BTreeMap<SlotKey, Attempts> = BTreeMap::new();
		let mut running: FuturesUnordered<Attempt<'_>> = FuturesUnordered::new();
		let mut seen = None;
		let stop = this.fetcher.stop.clone();
		// Until the follower has seen a block, there is none to look at.
		tokio::select! {
			() = stop.cancelled() => return,
			changed = heads.changed() => if changed.is_err() { return },
		}
		loop {
			let block = heads.borrow_and_update().finalised;
			let finalised = block.number;
			if seen != Some(finalised) {
				match this.candidacies(At::Block(block.hash)).await {
					Ok(()) => seen = Some(finalised),
					Err(error) if error.is_stop() => return,
					Err(error) => {
						tracing::warn!(%error, "cannot ask which slots are to be rebuilt");
					},
				}
			}
			let open: Vec<SlotKey> = lock(&this.open).keys().copied().collect();
			attempts.retain(|key, attempt| attempt.runs || open.contains(key));
			for key in open {
				let attempt = attempts.entry(key).or_default();
				let is_due = attempt.due.is_none_or(|due| due <= Instant::now())
					&& attempt.waits_at != Some(finalised);
				if running.len() < this.parallel.max(1) && !attempt.runs && is_due {
					attempt.runs = true;
					running.push(Box::pin(async move { (key, this.attempt(key).await) }));
				}
			}
			tokio::select! {
				() = stop.cancelled() => return,
				changed = heads.changed() => if changed.is_err() { return },
				Some((key, outcome)) = running.next() => {
					if matches!(&outcome, Err(error) if error.is_stop()) {
						return;
					}
					this.note(key, outcome, attempts.entry(key).or_default(), finalised);
				},
			}
		}
	}

	/// Asks which slots are to be rebuilt, as the finalised block `at` says.
	async fn candidacies(&self, at: At) -> Result<(), RepairError> {
		let operator = self.operator.account_id();
		let asked = self.unless_stopped(self.chain.candidacies(at, operator)).await?;
		let mine = asked.into_iter().filter(|(_, repair)| repair.candidate == Some(operator));
		let mine: BTreeSet<SlotKey> = mine.map(|(deal, repair)| (deal, repair.slot)).collect();
		let keys = mine.clone();
		let staged = self.fetcher.on_store(move |store| {
			let mut staged = BTreeMap::new();
			for (deal, slot) in keys {
				let rows = store.staged_of_deal(deal)?;
				let rows = rows.iter().filter(|(key, _)| key.holding.slot == slot);
				let bytes = rows.map(|(_, row)| row.len).fold(0, u64::saturating_add);
				staged.insert((deal, slot), bytes);
			}
			Ok(staged)
		});
		let staged = staged.await?;
		lock(&self.memory).retain(|key, _| mine.contains(key));
		let mut open = lock(&self.open);
		open.retain(|key, _| mine.contains(key));
		for (key, bytes) in staged {
			open.entry(key).or_default().staged = bytes;
		}
		drop(open);
		self.tell();
		Ok(())
	}

	fn tell(&self) {
		let open = lock(&self.open);
		let sum = |part: fn(&Progress) -> u64| {
			clamp(open.values().fold(0, |sum: u64, progress| sum.saturating_add(part(progress))))
		};
		let metrics = &self.fetcher.metrics;
		metrics.repairs_open.set(clamp(open.len() as u64));
		let bytes = &metrics.repair_bytes;
		bytes.with_label_values(&["needed"]).set(sum(|progress| progress.needed));
		bytes.with_label_values(&["held"]).set(sum(|progress| {
			progress.held.saturating_add(progress.staged).min(progress.needed)
		}));
	}

	fn note(
		&self,
		(deal, slot): SlotKey,
		outcome: Result<Outcome, RepairError>,
		attempt: &mut Attempts,
		finalised: u32,
	) {
		let metrics = &self.fetcher.metrics;
		attempt.runs = false;
		attempt.due = None;
		match outcome {
			Ok(outcome) => {
				attempt.failures = 0;
				match outcome {
					Outcome::Waits(why) => {
						attempt.waits_at = Some(finalised);
						if attempt.told != why {
							attempt.told = why;
							tracing::info!(deal, slot, why, "the repair of a slot waits");
						}
						return;
					},
					Outcome::Done => {
						metrics.repaired.inc();
						tracing::info!(
							deal,
							slot,
							"a slot was rebuilt, and is this provider's now"
						);
					},
					Outcome::Declined => {
						metrics.declined.inc();
					},
					Outcome::Over => tracing::info!(deal, slot, "the repair of a slot is over"),
				}
				lock(&self.open).remove(&(deal, slot));
				self.tell();
			},
			Err(error) => {
				self.forget((deal, slot));
				metrics.repair_failures.inc();
				attempt.failures = attempt.failures.saturating_add(1);
				let doublings = attempt.failures.saturating_sub(1).min(31);
				let pause = self.first_pause.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
				attempt.due = Some(Instant::now() + pause);
				tracing::warn!(
					deal, slot, %error, failures = attempt.failures, again_in = ?pause,
					"cannot rebuild a slot"
				);
			},
		}
	}

	/// Goes on with a slot until nothing more can be done.
	async fn attempt(&self, key: SlotKey) -> Result<Outcome, RepairError> {
		if !self.enabled {
			return self.decline(key, "repair.enabled is false").await;
		}
		let refused = |store: &Store| store.refused(ProofKind::Answers);
		if self.fetcher.on_store(refused).await?.is_some() {
			return self
				.decline(key, "no answers are sent, since the chain took one for wrong")
				.await;
		}
		match self.work(key).await {
			Err(error) if error.is_full() => self.decline(key, &error.to_string()).await,
			outcome => outcome,
		}
	}

	async fn work(&self, key: SlotKey) -> Result<Outcome, RepairError> {
		loop {
			let Some((at, glance)) = self.glance(key).await? else { return Ok(Outcome::Over) };
			if let Some(why) = self.still_waits(key, &glance) {
				return Ok(Outcome::Waits(why));
			}
			let Some(look) = self.look(key, at, glance).await? else { return Ok(Outcome::Over) };
			self.measure(&look);
			let plan = look.facts().plan(|generation| look.held.contains(&generation));
			match plan {
				Plan::Wait(why) => return Ok(self.wait(&look, why)),
				Plan::Prove(generation) => return self.prove(&look, generation).await,
				Plan::Rebuild if !look.can_be_rebuilt() => {
					return self.decline(key, "too few slots of the deal are left").await;
				},
				Plan::Rebuild => {
					if !self.rebuild(&look).await? {
						return Ok(Outcome::Over);
					}
				},
			}
		}
	}

	/// Takes note of how far it is.
	fn measure(&self, look: &Look) {
		let (mut needed, mut held) = (0u64, 0u64);
		for (generation, commit) in look.facts().provable() {
			let shape = ContentShape::new(commit.size_bytes);
			let bytes = shape.bytes_per_slot(&look.deal.profile);
			needed = needed.saturating_add(bytes);
			if look.held.contains(generation) {
				held = held.saturating_add(bytes);
			}
		}
		if let Some(progress) = lock(&self.open).get_mut(&look.key) {
			(progress.needed, progress.held) = (needed, held);
		}
		self.tell();
	}

	/// Fetches the first commits that are missing, and holds them. Whether the slot is still this provider's to rebuild.
	async fn rebuild(&self, look: &Look) -> Result<bool, RepairError> {
		let missing = look.missing();
		// What is short later, while uploads run, may pass: the next attempt looks here again.
		self.fetcher.check_disk(&missing).await.map_err(|error| match error {
			full @ FetchError::DiskFull { .. } => RepairError::Full(full),
			other => other.into(),
		})?;
		let (deal, slot) = look.key;
		for part in missing.iter().take(BATCH) {
			let generation = part.key.generation;
			tracing::info!(deal, slot, generation, bytes = part.bytes(), "rebuilding a commit");
			let wanted = || lock(&self.open).contains_key(&look.key);
			let fetched = self.fetcher.fetch(part, look.blocks_left(), wanted).await?;
			let Some(whole) = fetched else { return Ok(false) };
			// It is on the finalised chain, and its room is booked there.
			let (at, booked) = (part.commit.at, Room { bytes: 0, settled: 0 });
			let now = look.terms.relay_block;
			self.fetcher.hold(part, whole, (at, Some(at)), now, booked).await?;
		}
		Ok(true)
	}

	/// Proves that all up to a generation is held.
	async fn prove(&self, look: &Look, generation: Generation) -> Result<Outcome, RepairError> {
		let (deal, slot) = look.key;
		let Glance { repair, round } = &look.glance;
		let Some(r) = repair.samples else { return Ok(self.wait(look, "no samples")) };
		let sent: Sent = (r, generation, round.round);
		if self.is_refused(look.key, &sent) {
			let why = "the next round, since the chain did not take its proof";
			return Ok(self.wait(look, why));
		}
		let best = self.unless_stopped(self.chain.round(At::Best)).await?;
		if best.round != round.round {
			// The best block may change, and what is final stay.
			return Ok(Outcome::Waits("a round that has begun is not final"));
		}
		let asked = self.chain.repair_samples(look.at, deal, slot, generation);
		let samples = self.unless_stopped(asked).await?;
		if samples.is_empty() && generation > 0 {
			return Ok(self.wait(look, "the next round finds what is to be proved"));
		}
		let opener = self.opener();
		let (ready, unopened) = opener.openings(look.at, samples).await?;
		if let Some((sample, why)) = unopened.into_iter().next() {
			let (sample, generation) = (sample.ordinal, sample.generation);
			return Err(RepairError::LeftOut { sample, generation, why });
		}
		let maker = Maker {
			reader: Reader {
				store: self.fetcher.store.clone(),
				metrics: self.fetcher.metrics.clone(),
			},
			engine: self.engine.clone(),
			r_e: r,
			provider: self.operator.account_id().0,
			max_items: ready.len(),
		};
		let (call, outcome) = aside(move || {
			let mut outcome = ProofOutcome::default();
			let call = prove::complete(&maker, (deal, slot, generation), ready, &mut outcome);
			(call, outcome)
		})
		.await?;
		for deal in outcome.doubtful {
			self.fetcher.on_store(move |store| store.forget_openings(deal)).await?;
		}
		let call = Call::complete_repair(&call?);
		let submitted =
			self.fetcher.until_stopped(self.chain.submit(&call, &self.operator)).await?;
		if let Err(error) = &submitted
			&& LASTING.iter().any(|name| error.is_dispatch("Mode2", name))
		{
			self.refuse(look.key, sent);
		}
		submitted?;
		if self.glance(look.key).await?.is_some() {
			self.refuse(look.key, sent);
			return Err(RepairError::Wrong { generation });
		}
		Ok(Outcome::Done)
	}

	async fn decline(&self, (deal, slot): SlotKey, why: &str) -> Result<Outcome, RepairError> {
		tracing::warn!(deal, slot, why, "declining to rebuild a slot");
		let call = Call::decline(deal, slot);
		self.unless_stopped(self.chain.submit(&call, &self.operator)).await?;
		Ok(Outcome::Declined)
	}

	fn opener(&self) -> Opener {
		Opener {
			chain: self.chain.clone(),
			store: self.fetcher.store.clone(),
			engine: self.engine.clone(),
			reach: self.fetcher.reach,
			stop: self.fetcher.stop.clone(),
		}
	}

	/// Waits for something that may take long, but not longer than the daemon runs.
	async fn unless_stopped<T>(
		&self,
		work: impl Future<Output = Result<T, ChainError>>,
	) -> Result<T, RepairError> {
		Ok(self.fetcher.until_stopped(work).await??)
	}
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
	mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
