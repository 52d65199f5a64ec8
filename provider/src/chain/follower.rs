//! Follows the chain and brings the store in step with it.
//!
//! *Best* blocks only tell that something may have changed. What is done follows from *finalised* state alone: a promise
//! becomes a commit, and a thing is removed, when a finalised block says so. Hence a reorganisation changes nothing here.
//!
//! Two guards stand before every removal. The node must be on the store's chain (by genesis), and its finalised block must
//! not be below the highest one ever acted upon: a node that synchronises, or whose database was set back, does not know
//! deals that exist, and must not make the provider forget them.
//!
//! A sweep also looks for what this provider's slots lack of commits ([`crate::gaps`]), and tells [`crate::late`] and
//! [`crate::restore`], which do the work.
//!
//! Promises are looked at on every finalised block; everything else on a sweep: at the start, after the node was away, and
//! every [`StoreConfig::sweep_secs`](crate::config::StoreConfig). Nothing about the node is remembered in between, so a
//! restart of either side, or blocks missed, need no special case.

use super::ChainView;
use crate::{
	gaps::{Finder, Gaps},
	metrics::{Metrics, clamp},
	store::{
		DealFacts, Fate, HoldingKey, Now, Store, StoreError, Usage, holding_fate, staged_fate,
	},
	unix_now,
};
use futures::StreamExt;
use nil_client::{
	account::AccountId,
	chain::{At, BlockRef, ChainError},
};
use nil_types::DealId;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{
	sync::watch,
	task::{JoinError, spawn_blocking},
	time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

/// How long to wait after the node failed to answer.
const PAUSE: Duration = Duration::from_secs(1);

/// How far the chain was followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heads {
	/// The best block.
	pub best: BlockRef,
	/// The finalised block.
	pub finalised: BlockRef,
}

/// Why a look at the chain came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
	/// The chain could not be asked.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// The store failed.
	#[error(transparent)]
	Store(#[from] StoreError),
	/// A task broke off.
	#[error(transparent)]
	Task(#[from] JoinError),
	/// The node does not know the finalised chain that was acted upon before.
	#[error("the node's finalised block is {found}, and block {known} was seen finalised before")]
	Behind {
		/// The node's finalised block.
		found: u32,
		/// The highest one acted upon.
		known: u32,
	},
}

/// The follower and what it works on.
#[derive(Debug)]
pub struct Follower {
	/// The chain.
	pub chain: Arc<dyn ChainView>,
	/// The disk.
	pub store: Arc<Store>,
	/// What is counted.
	pub metrics: Arc<Metrics>,
	/// Who the provider is.
	pub operator: AccountId,
	/// Seconds that staged shards are kept.
	pub staged_ttl: u64,
	/// Time between sweeps.
	pub sweep_every: Duration,
	/// Free disk space that uploads must leave, for the gauge.
	pub reserve: u64,
	/// Finds what slots lack.
	pub finder: Finder,
	/// Who is told of it.
	pub gaps: watch::Sender<Gaps>,
}

impl Follower {
	/// Follows until `stop`. Reports how far to `heads`.
	pub async fn run(self, heads: watch::Sender<Heads>, stop: CancellationToken) {
		let this = Arc::new(self);
		let mut blocks = this.chain.best_blocks();
		let mut sweep_at = Instant::now();
		loop {
			let best = tokio::select! {
				() = stop.cancelled() => return,
				best = blocks.next() => best,
			};
			let outcome = match best {
				Some(Ok(best)) => this.step(best, &heads, &mut sweep_at).await,
				Some(Err(error)) => Err(error.into()),
				None => return,
			};
			this.metrics.chain_up.set(outcome.is_ok().into());
			if let Err(error) = outcome {
				tracing::warn!(%error, "cannot follow the chain, trying again");
				// Whatever happened while the node was away is found by a sweep.
				sweep_at = Instant::now();
				tokio::select! {
					() = stop.cancelled() => return,
					() = sleep(PAUSE) => {},
				}
			}
		}
	}

	async fn step(
		self: &Arc<Self>,
		best: BlockRef,
		heads: &watch::Sender<Heads>,
		sweep_at: &mut Instant,
	) -> Result<(), FollowError> {
		let finalised = self.chain.head(At::Finalised).await?;
		let now = Heads { best, finalised };
		let before = heads.send_replace(now);
		self.metrics.blocks.with_label_values(&["best"]).set(now.best.number.into());
		self.metrics.blocks.with_label_values(&["finalised"]).set(now.finalised.number.into());
		if Instant::now() >= *sweep_at {
			self.sweep(finalised).await?;
			*sweep_at = Instant::now() + self.sweep_every;
		} else if before.finalised != now.finalised {
			self.look_at_promises(finalised).await?;
		}
		Ok(())
	}

	/// Brings everything in step with the finalised block `at`.
	pub async fn sweep(self: &Arc<Self>, at: BlockRef) -> Result<(), FollowError> {
		let _timer = self.metrics.sweep_seconds.start_timer();
		let this = self.clone();
		let deals = spawn_blocking(move || {
			let known = this.store.finalised()?;
			if at.number < known {
				return Err(FollowError::Behind { found: at.number, known });
			}
			this.store.note_finalised(at.number)?;
			Ok(this.store.deals()?)
		})
		.await??;
		self.judge(at, &deals).await?;
		let found = self.finder.look(&*self.chain, &self.store, at, self.operator).await?;
		self.gaps.send_replace(found);
		self.tell_usage().await
	}

	/// Settles what became of promises at the finalised block `at`.
	pub async fn look_at_promises(self: &Arc<Self>, at: BlockRef) -> Result<(), FollowError> {
		let this = self.clone();
		let deals: BTreeSet<DealId> = spawn_blocking(move || {
			let deals = this.store.promised_deals()?;
			let known = this.store.finalised()?;
			if !deals.is_empty() {
				if at.number < known {
					return Err(FollowError::Behind { found: at.number, known });
				}
				this.store.note_finalised(at.number)?;
			}
			Ok(deals)
		})
		.await??;
		// What the gauges say must not wait for the next sweep when something has changed.
		if self.judge(at, &deals).await? { self.tell_usage().await } else { Ok(()) }
	}

	async fn tell_usage(self: &Arc<Self>) -> Result<(), FollowError> {
		let this = self.clone();
		spawn_blocking(move || this.measure()).await??;
		Ok(())
	}

	/// Whether anything held of `deals` has changed.
	async fn judge(
		self: &Arc<Self>,
		at: BlockRef,
		deals: &BTreeSet<DealId>,
	) -> Result<bool, FollowError> {
		if deals.is_empty() {
			return Ok(false);
		}
		let mut changed = false;
		let block = At::Block(at.hash);
		let terms = self.chain.terms(block).await?;
		let round = self.chain.round(block).await?.round;
		let now = Now {
			relay_block: terms.relay_block,
			round,
			unix: unix_now(),
			staged_ttl: self.staged_ttl,
			grace: self.finder.wanted.missed.then_some(terms.receipt_grace),
		};
		let endings = self.chain.endings(block, self.operator).await?;
		let candidacies = self.chain.candidacies(block, self.operator).await?;
		for deal in deals {
			let mut facts = self.facts(block, *deal).await?;
			let rebuilt = candidacies.iter().filter(|(of, _)| of == deal);
			facts.rebuilt = rebuilt.map(|(_, repair)| repair.slot).collect();
			let unsettled = endings.iter().filter(|rent| rent.deal == *deal);
			facts.unsettled = unsettled.map(|rent| rent.slot).collect();
			let (this, deal) = (self.clone(), *deal);
			changed |= spawn_blocking(move || this.apply(deal, &facts, &now)).await??;
		}
		Ok(changed)
	}

	async fn facts(&self, at: At, deal: DealId) -> Result<DealFacts<AccountId>, FollowError> {
		let info = self.chain.deal(at, deal).await?;
		if info.is_none() {
			return Ok(DealFacts {
				deal: None,
				slots: BTreeSet::new(),
				rebuilt: BTreeSet::new(),
				unsettled: BTreeSet::new(),
				asked_from: None,
				commits: Default::default(),
			});
		}
		let slots = self.chain.slots(at, deal).await?;
		let slots = slots
			.into_iter()
			.filter(|slot| slot.state.signer() == Some(&self.operator))
			.map(|slot| slot.slot)
			.collect();
		let store = self.store.clone();
		let asked_from = spawn_blocking(move || store.first_open(deal)).await??;
		let commits = match asked_from {
			Some(first) => self.chain.commits(at, deal, first).await?.into_iter().collect(),
			None => Default::default(),
		};
		let (rebuilt, unsettled) = (BTreeSet::new(), BTreeSet::new());
		Ok(DealFacts { deal: info, slots, rebuilt, unsettled, asked_from, commits })
	}

	/// Applies what the finalised chain says about `deal` to everything held of it; whether anything has changed.
	fn apply(
		&self,
		deal: DealId,
		facts: &DealFacts<AccountId>,
		now: &Now,
	) -> Result<bool, StoreError> {
		let mut changed = false;
		for (key, holding) in self.store.holdings_of(deal)? {
			let HoldingKey { deal, generation, slot } = key;
			let ended = self.store.ended(&key)?;
			let fate = holding_fate(&key, &holding, facts, now, ended);
			match fate {
				Fate::Owed(reason) if ended.is_none() => {
					let round = now.round;
					self.store.note_ended(&key, Some(round))?;
					tracing::info!(deal, generation, slot, reason, round, "kept for its round");
				},
				Fate::Keep | Fate::Commit(_) if ended.is_some() => {
					// Somebody gave the slot back, or the node had been set back.
					self.store.note_ended(&key, None)?;
				},
				_ => {},
			}
			match fate {
				Fate::Keep | Fate::Owed(_) => {},
				Fate::Commit(at) => {
					if self.store.committed(&key, &holding, at)? {
						changed = true;
						tracing::info!(deal, generation, slot, at, "committed");
					}
				},
				Fate::Drop(reason) => {
					if self.store.drop_holding(&key, &holding)? {
						changed = true;
						self.metrics.dropped.with_label_values(&[reason]).inc();
						tracing::info!(deal, generation, slot, reason, "dropped");
					}
				},
			}
		}
		for (key, staged) in self.store.staged_of_deal(deal)? {
			let held = self.store.holding(&key.holding)?.is_some();
			if let Fate::Drop(reason) = staged_fate(&key, &staged, facts, now, held)
				&& self.store.unstage(&key, &staged)?
			{
				changed = true;
				self.metrics.dropped.with_label_values(&[reason]).inc();
				let HoldingKey { deal, generation, slot } = key.holding;
				tracing::debug!(deal, generation, slot, mdu = key.mdu, reason, "unstaged");
			}
		}
		Ok(changed)
	}

	fn measure(&self) -> Result<Usage, StoreError> {
		let usage = self.store.usage()?;
		self.metrics.set_usage(&usage);
		self.metrics.free_bytes.set(clamp(self.store.free_bytes(self.reserve)?));
		Ok(usage)
	}
}
