//! Settlements: rent of the last period is paid against samples of the slots that earned it.
//!
//! Once a round, when its samples are answered, the chain is asked what can be settled: what slots earned in the last period,
//! and what those are owed that ended in it. So a period is settled in its first rounds, and what could not be proven is
//! tried again in each round that is left of it.
//!
//! Many slots share a call and its one opening. A slot stands or falls as a whole: if one of its samples cannot be proven,
//! it is left out, and nothing else is. Manifests are opened as the round in force found them, so that a settlement holds
//! for that round alone, and names the block that drew it; none is sent when the round is about to end.

use super::{
	LeftOut, Maker, Next, Outcome, ProveError, Prover, Ready, TRY_AGAIN, Work, aside,
	send::{is_over, still_lasts},
};
use crate::{
	content::Reader,
	metrics::clamp,
	store::{ProofKind, Settling, Store},
};
use futures::future::{BoxFuture, join_all};
use nil_client::chain::{At, Call, ChainError, Included, Settle, SettleItem, Transaction};
use nil_slab::{AnswerBuilder, AnswerItem};
use nil_types::{
	DealId, G1Compressed, Generation, Hash32, RelayBlock, RentInfo, Round, RoundInfo, SampleInfo,
	SettleSampleInfo, SettlementInfo, SlotIndex,
	challenge::{settle_gamma, settle_point},
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tokio::{task::spawn_blocking, time::Instant};

/// A slot of a deal.
pub(super) type SlotKey = (DealId, SlotIndex);

/// Slots that are settled at a time.
const BATCH: usize = 128;
/// Relay blocks that must be left of a round for a settlement to be in it.
const MARGIN: RelayBlock = 5;

/// Refusals of a settlement that the chain would repeat in the same round.
const LASTING: [&str; 7] = [
	"OutOfOrder",
	"WrongSamples",
	"NothingOwed",
	"WrongCommit",
	"BadStructure",
	"Inconsistent",
	"Unpaid",
];

/// What was done about rent in a round.
#[derive(Debug, Default)]
pub(super) struct Progress {
	/// Nothing is left to be done in the round.
	over: bool,
	/// Whether the chain took a settlement with a proof.
	is_proven: bool,
	/// Slots that were left out, and when each is tried again.
	left_out: BTreeMap<SlotKey, Instant>,
	/// Slots that are not tried again in the round.
	given_up: BTreeSet<SlotKey>,
}

impl Progress {
	/// Slots that can be settled and are worth a try, rising.
	fn wanted(&mut self, rents: &[RentInfo]) -> Vec<SlotKey> {
		let mut owed = owed(rents);
		owed.retain(|slot| !self.given_up.contains(slot));
		self.left_out.retain(|slot, _| owed.contains(slot));
		owed.into_iter().filter(|slot| !self.waits(slot)).collect()
	}

	/// Whether nothing is left to be done in the round, and nothing is to be tried again.
	pub(super) fn is_over(&self) -> bool {
		self.over && self.left_out.is_empty()
	}

	/// Whether a slot was left out, and it is too early to try it again.
	fn waits(&self, slot: &SlotKey) -> bool {
		self.left_out.get(slot).is_some_and(|again| Instant::now() < *again)
	}
}

/// Slots that can be settled.
fn owed(rents: &[RentInfo]) -> BTreeSet<SlotKey> {
	let owed = rents.iter().filter(|rent| rent.closed.total() > 0);
	owed.map(|rent| (rent.deal, rent.slot)).collect()
}

/// What a slot must prove.
#[derive(Clone, Debug)]
struct Claim {
	slot: SlotKey,
	/// For each sample the commits of its tries, and the blob unless there is none to be proven.
	samples: Vec<(Vec<Generation>, Option<Ready>)>,
}

/// One call's settlement.
#[derive(Clone, Debug)]
struct Made {
	slots: Vec<SlotKey>,
	items: Vec<SettleItem>,
	y: [u8; 32],
	pi: G1Compressed,
}

impl Maker {
	/// Settles all of these slots, rising, that can be settled, and says why others cannot.
	fn settle(
		&self,
		claims: &[Claim],
		samples: usize,
		outcome: &mut Outcome,
	) -> (Vec<Made>, Vec<(SlotKey, LeftOut)>) {
		let together = self.max_items.checked_div(samples).unwrap_or(1).max(1);
		let (mut made, mut left_out) = (Vec::new(), Vec::new());
		for claims in claims.chunks(together) {
			if claims.len() > 1
				&& let Ok(all) = self.settle_call(claims, outcome)
			{
				made.push(all);
				continue;
			}
			// One of them cannot be settled, or there is but one.
			for claim in claims {
				match self.settle_call(std::slice::from_ref(claim), outcome) {
					Ok(one) => made.push(one),
					Err(why) => left_out.push((claim.slot, why)),
				}
			}
		}
		(made, left_out)
	}

	/// One call for all of these slots.
	fn settle_call(&self, claims: &[Claim], outcome: &mut Outcome) -> Result<Made, LeftOut> {
		let mut builder = AnswerBuilder::new(&self.r_e, &self.provider);
		let (mut taken, mut factors, mut ordinal) = (Vec::new(), Vec::new(), 0u32);
		for Claim { slot, samples } in claims {
			for (sample, (_, ready)) in (0u32..).zip(samples) {
				let Some(ready) = ready else { continue };
				let factor = settle_gamma(&self.r_e, &self.provider, *slot, sample);
				self.add(&mut builder, ready, ordinal, Some(&factor), outcome)?;
				ordinal = ordinal.saturating_add(1);
				taken.push(ready.clone());
				factors.push(factor);
			}
		}
		let mut proven = VecDeque::<AnswerItem>::new();
		let (mut y, mut pi) = ([0; 32], [0; 48]);
		if !taken.is_empty() {
			let z = settle_point(&self.r_e, &self.provider);
			let started = std::time::Instant::now();
			let answer = builder.finish_at(&*self.engine, &z)?;
			let verdict = self.verify(&answer, &taken, Some((&z, factors.as_slice())));
			outcome.answering += started.elapsed();
			if let Err(error) = verdict {
				let why = LeftOut::Wrong(error.to_string());
				if claims.len() == 1 {
					// What is rotten is put into quarantine, or the deal's openings are in doubt.
					let why = LeftOut::Wrong(error.to_string());
					self.sort_out(taken, why, &mut VecDeque::new(), outcome);
				}
				return Err(why);
			}
			(y, pi) = (answer.y, answer.pi);
			proven.extend(answer.items);
		}
		let mut items = Vec::new();
		for Claim { slot: (deal, slot), samples } in claims {
			for (commits, ready) in samples {
				let blob = ready.as_ref().and_then(|_| proven.pop_front()).map(Into::into);
				items.push(SettleItem { deal: *deal, slot: *slot, commits: commits.clone(), blob });
			}
		}
		Ok(Made { slots: claims.iter().map(|claim| claim.slot).collect(), items, y, pi })
	}
}

impl Prover {
	/// Settles what can be settled. `at` and `finalised` are the blocks that the round was read at, `block` the one that drew it.
	pub(super) async fn settle(
		&self,
		at: At,
		finalised: At,
		round: &RoundInfo,
		block: Hash32,
		work: &mut Work,
	) -> Result<Next, ProveError> {
		let progress = &mut work.rent;
		if progress.over && progress.left_out.keys().all(|slot| progress.waits(slot)) {
			return Ok(Next::Block);
		}
		progress.over = false;
		let info = self.unless_stopped(self.chain.settlement(at)).await?;
		let settled = self.unless_stopped(self.chain.settlement(finalised)).await?;
		if info != settled {
			return Ok(Next::Block);
		}
		if self.resume_settlements(info.as_ref(), block, progress).await? {
			return Ok(Next::Now);
		}
		let rents = self.rents(at).await?;
		self.tell_rent(&rents);
		if self.is_refused(ProofKind::Settlements).await? {
			progress.over = true;
			return Ok(Next::Block);
		}
		let wanted = progress.wanted(&rents);
		let Some(info) = info.filter(|_| !wanted.is_empty()) else {
			progress.over = true;
			return Ok(Next::Block);
		};
		let now = self.unless_stopped(self.chain.terms(at)).await?.relay_block;
		if now.saturating_add(MARGIN) >= round.ends_at.min(info.until) {
			// The next round's, or too late.
			return Ok(Next::Block);
		}
		let batch: Vec<SlotKey> = wanted.into_iter().take(BATCH).collect();
		let made = self.settlements(at, &info, batch, progress).await?;
		if made.is_empty() {
			return Ok(Next::Now);
		}
		self.send_settlements(&info, (round.round, block), made, progress).await?;
		Ok(Next::Now)
	}

	/// What slots earned, and what those are owed that ended.
	async fn rents(&self, at: At) -> Result<Vec<RentInfo>, ProveError> {
		let operator = self.operator.account_id();
		let mut rents = self.unless_stopped(self.chain.rents(at, operator)).await?;
		rents.extend(self.unless_stopped(self.chain.endings(at, operator)).await?);
		Ok(rents)
	}

	fn tell_rent(&self, rents: &[RentInfo]) {
		let sum = |part: fn(&RentInfo) -> u64| {
			clamp(rents.iter().fold(0, |sum: u64, rent| sum.saturating_add(part(rent))))
		};
		let gauges = &self.metrics.rent;
		gauges.with_label_values(&["earned"]).set(sum(|rent| rent.open.paid));
		gauges.with_label_values(&["owed"]).set(sum(|rent| rent.closed.paid));
	}

	/// Makes settlements of slots. Each of these is in one of them, or left out.
	async fn settlements(
		&self,
		at: At,
		info: &SettlementInfo,
		batch: Vec<SlotKey>,
		progress: &mut Progress,
	) -> Result<Vec<Made>, ProveError> {
		let asked =
			self.chain.settle_samples(at, self.operator.account_id(), batch.clone(), info.samples);
		let mut asked_of = BTreeMap::<SlotKey, Vec<SettleSampleInfo>>::new();
		for sample in self.unless_stopped(asked).await? {
			asked_of.entry((sample.deal, sample.slot)).or_default().push(sample);
		}
		let blobs: Vec<SampleInfo> =
			asked_of.values().flatten().filter_map(|sample| sample.blob).collect();
		let (ready, unopened) = self.opener().openings(at, blobs).await?;
		let key = |sample: &SampleInfo| (sample.deal, sample.slot, sample.ordinal);
		let ready: BTreeMap<_, Ready> =
			ready.into_iter().map(|ready| (key(&ready.sample), ready)).collect();
		let mut left_out: BTreeMap<SlotKey, String> = unopened
			.into_iter()
			.map(|(sample, why)| ((sample.deal, sample.slot), why.to_string()))
			.collect();

		let samples = usize::try_from(info.samples).unwrap_or(usize::MAX);
		let mut claims = Vec::new();
		for slot in batch {
			let Some(asked) = asked_of.remove(&slot).filter(|asked| asked.len() == samples) else {
				left_out.insert(slot, "the chain does not say what is to be proven".into());
				continue;
			};
			if left_out.contains_key(&slot) {
				continue;
			}
			let claimed: Option<Vec<_>> = asked
				.into_iter()
				.map(|sample| {
					let ready = match &sample.blob {
						Some(blob) => Some(ready.get(&key(blob))?.clone()),
						None => None,
					};
					Some((sample.commits, ready))
				})
				.collect();
			match claimed {
				Some(samples) => claims.push(Claim { slot, samples }),
				None => {
					left_out.insert(slot, "a manifest was not opened".into());
				},
			}
		}
		let maker = Maker {
			reader: Reader { store: self.store.clone(), metrics: self.metrics.clone() },
			engine: self.engine.clone(),
			r_e: info.randomness,
			provider: self.operator.account_id().0,
			max_items: usize::try_from(info.max_items).unwrap_or(usize::MAX),
		};
		let (made, failed, outcome) = aside(move || {
			let mut outcome = Outcome::default();
			let (made, failed) = maker.settle(&claims, samples, &mut outcome);
			(made, failed, outcome)
		})
		.await?;
		for deal in outcome.doubtful {
			self.on_store(move |store| store.forget_openings(deal)).await?;
		}
		left_out.extend(failed.into_iter().map(|(slot, why)| (slot, why.to_string())));
		for (slot, why) in left_out {
			let (deal, slot_index) = slot;
			if progress.left_out.insert(slot, Instant::now() + TRY_AGAIN).is_none() {
				self.metrics.unsettled.inc();
				tracing::error!(
					period = info.period,
					until = info.until,
					deal,
					slot = slot_index,
					%why,
					"the rent of a slot cannot be settled, and is lost unless it can in time"
				);
			}
		}
		Ok(made)
	}

	/// Waits for settlements that were sent before; whether there were any.
	async fn resume_settlements(
		&self,
		info: Option<&SettlementInfo>,
		block: Hash32,
		progress: &mut Progress,
	) -> Result<bool, ProveError> {
		let now = info.map(|info| (info.period, block));
		let all = self.on_store(Store::settling).await?;
		let (current, over): (Vec<_>, Vec<_>) =
			all.into_iter().partition(|sent| Some((sent.period, sent.block)) == now);
		for sent in over {
			self.look_back(ProofKind::Settlements, &sent.transaction).await?;
			self.on_store(move |store| store.forget_settling(sent.period, &sent.slots)).await?;
		}
		let Some(info) = info.filter(|_| !current.is_empty()) else { return Ok(false) };
		tracing::info!(
			period = info.period,
			transactions = current.len(),
			"settlements were sent before the last stop, waiting for them"
		);
		let outcomes = join_all(current.iter().map(|sent| self.chain.resume(&sent.transaction)));
		let outcomes = self.until_stopped(outcomes).await?;
		let slots = current.into_iter().map(|sent| sent.slots).collect();
		self.settlements_done(info.period, slots, outcomes, progress).await?;
		Ok(true)
	}

	/// Sends settlements: one after the other until the chain took a proof in the round, and then all at once. Should its rules
	/// differ, the others would be as wrong as the first one, and each is slashed.
	async fn send_settlements(
		&self,
		info: &SettlementInfo,
		round: (Round, Hash32),
		made: Vec<Made>,
		progress: &mut Progress,
	) -> Result<(), ProveError> {
		let mut rest = made.into_iter();
		while !progress.is_proven {
			let Some(first) = rest.next() else { return Ok(()) };
			let proves = first.items.iter().any(|item| item.blob.is_some());
			self.send_together(info, round, vec![first], progress).await?;
			if self.is_refused(ProofKind::Settlements).await? {
				return Ok(());
			}
			progress.is_proven = proves;
		}
		self.send_together(info, round, rest.collect(), progress).await
	}

	/// Sends settlements, all at once, and waits until they are final.
	async fn send_together(
		&self,
		info: &SettlementInfo,
		round: (Round, Hash32),
		made: Vec<Made>,
		progress: &mut Progress,
	) -> Result<(), ProveError> {
		let slots: Vec<Vec<SlotKey>> = made.iter().map(|made| made.slots.clone()).collect();
		let sends = made.into_iter().map(|made| self.send_settlement(info, round, made));
		let outcomes = self.until_stopped(join_all(sends)).await?;
		self.settlements_done(info.period, slots, outcomes, progress).await
	}

	async fn send_settlement(
		&self,
		info: &SettlementInfo,
		round: (Round, Hash32),
		made: Made,
	) -> Result<Included, ChainError> {
		let (_, block) = round;
		let period = info.period;
		let Made { slots, items, y, pi } = made;
		let call = Call::settle(&Settle { period, block, items, y, pi });
		let (chain, store) = (self.chain.clone(), self.store.clone());
		let note = move |transaction: &Transaction| -> BoxFuture<'static, Result<(), String>> {
			let (chain, store) = (chain.clone(), store.clone());
			let transaction = transaction.clone();
			let sent = Settling { period, block, slots: slots.clone(), transaction };
			Box::pin(async move {
				still_lasts(&*chain, round).await?;
				let noted = spawn_blocking(move || store.note_settling(&sent)).await;
				let noted = noted.map_err(|error| error.to_string())?;
				noted.map_err(|error| error.to_string())
			})
		};
		self.chain.submit_noted(&call, &self.operator, &note).await
	}

	/// Takes note of what became of settlements. The first failure is told when all are through.
	async fn settlements_done(
		&self,
		period: u32,
		slots: Vec<Vec<SlotKey>>,
		outcomes: Vec<Result<Included, ChainError>>,
		progress: &mut Progress,
	) -> Result<(), ProveError> {
		let mut failure = None;
		for (slots, outcome) in slots.into_iter().zip(outcomes) {
			match outcome {
				Ok(included) => {
					if !self.was_wrong(ProofKind::Settlements, &included).await? {
						self.metrics.settlements.inc();
						tracing::info!(
							period,
							slots = slots.len(),
							block = included.block.number,
							"settled rent"
						);
					}
				},
				Err(error) => {
					let over = is_over(&error);
					if LASTING.iter().any(|name| error.is_dispatch("Liveness", name)) {
						progress.given_up.extend(&slots);
					}
					failure.get_or_insert(error);
					if !over {
						// It may still take effect: the next look takes it up.
						continue;
					}
				},
			}
			self.on_store(move |store| store.forget_settling(period, &slots)).await?;
		}
		failure.map_or(Ok(()), |error| Err(error.into()))
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use nil_types::Earnings;

	#[test]
	fn each_slot_that_was_left_out_waits_for_its_own_time() {
		let closed = Earnings { paid: 1, burned: 0 };
		let rents: Vec<RentInfo> = (0..4)
			.map(|slot| {
				let open = Earnings::default();
				RentInfo { deal: 7, slot, rate: 0, open, closed, ended: false }
			})
			.collect();
		let now = Instant::now();
		let mut progress = Progress::default();
		progress.left_out.extend([((7, 0), now + TRY_AGAIN), ((7, 1), now), ((8, 0), now)]);
		progress.given_up.insert((7, 2));
		assert_eq!(progress.wanted(&rents), [(7, 1), (7, 3)]);
		// What is owed nothing any more does not keep the round open.
		assert_eq!(progress.left_out.keys().collect::<Vec<_>>(), [&(7, 0), &(7, 1)]);
	}
}
