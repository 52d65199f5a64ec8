//! Late receipts: what a slot missed of a commit, made good by its own provider.
//!
//! A commit stands on `k + 1` receipts, and a slot that was silent may add its own within the chain's grace. The follower
//! finds such commits ([`crate::gaps`]) on finalised blocks and tells the worker here, which for one commit after the other
//!
//! 1. looks whether the chain still takes the receipt, and whether capacity, stake and disk have room;
//! 2. fetches it from the other slots ([`crate::fetch`]);
//! 3. makes the promise durable, and only then signs;
//! 4. submits `add_receipt` in the operator's name, who pays the fee.
//!
//! Nothing is done while no answers are sent, since the chain took one for wrong.
//!
//! A promise that the owner did not use needs the first step and the last alone. Whatever was staged stays until the grace is
//! over ([`crate::store::staged_fate`]), so that work goes on where it stopped. A failed attempt is repeated with
//! longer and longer pauses, [`MOST_FAILURES`] times at most; a refusal by the chain has cost a fee, and when it is one that
//! does not pass by itself the pause is the longest at once. Once the receipt is on the finalised chain, the follower turns
//! the promise into a commit as always.

use crate::{
	chain::{
		ChainView,
		registration::{self, RoomError},
	},
	fetch::{FetchError, Fetcher, Part},
	gaps::Gaps,
	metrics::clamp,
	store::{Holding, HoldingKey, ProofKind, Room, Store, StoreError, has_signed},
};
use nil_client::{
	chain::{At, Call, ChainError},
	keys::Signer,
	wire::Receipt,
};
use nil_types::{RelayBlock, Terms};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
	sync::watch,
	time::{Instant, sleep_until},
};

/// Failures after which a commit is given up until the daemon starts again: a day of attempts, as long as the usual grace.
pub const MOST_FAILURES: u32 = 30;
/// The longest pause between attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// When to look again at a commit that needed nothing more, should the follower still name it then: the node may have been
/// behind.
const LOOK_AGAIN: Duration = Duration::from_secs(300);

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
enum LateError {
	/// The chain could not be asked, or refused the receipt.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// The rest could not be fetched, kept or promised.
	#[error(transparent)]
	Fetch(#[from] FetchError),
	/// Capacity or stake, as the chain sees them.
	#[error(transparent)]
	Room(#[from] RoomError),
}

/// Refusals of a receipt that the chain would repeat: for a while at least, only others can change anything.
const LASTING: [&str; 7] = [
	"UnknownDeal",
	"DealExpired",
	"UnknownCommit",
	"GraceOver",
	"NoSuchSlot",
	"DuplicateReceipt",
	"BadReceiptSignature",
];

impl LateError {
	fn is_lasting(&self) -> bool {
		let Self::Chain(error) = self else { return false };
		LASTING.iter().any(|name| error.is_dispatch("Deals", name))
	}
}

/// How an attempt ended well.
enum Outcome {
	/// The receipt is on the chain.
	Signed,
	/// There is nothing to do any more.
	Moot,
	/// This provider sends no answers, so that it would lose what it promises.
	Withheld,
}

/// The worker.
#[derive(Debug)]
pub struct LateSigner {
	/// The chain.
	pub chain: Arc<dyn ChainView>,
	/// Fetches what is missing.
	pub fetcher: Fetcher,
	/// Signs receipts.
	pub service: Signer,
	/// Signs transactions, and pays for them.
	pub operator: Signer,
	/// Relay blocks for which a receipt counts.
	pub valid_blocks: RelayBlock,
	/// The pause after the first failure.
	pub first_pause: Duration,
	/// What is lacking, as the follower saw it last.
	pub gaps: watch::Receiver<Gaps>,
}

/// Attempts at one commit.
struct Attempts {
	failures: u32,
	/// When the next one may be.
	due: Instant,
}

/// A missed commit at a finalised block at which its receipt can still be added.
struct Open {
	part: Part,
	terms: Terms,
}

impl LateSigner {
	/// Works until it is stopped, or the follower is gone.
	pub async fn run(mut self) {
		let mut attempts: HashMap<HoldingKey, Attempts> = HashMap::new();
		loop {
			let list = self.gaps.borrow_and_update().missed.clone();
			self.fetcher.metrics.late_open.set(clamp(list.len() as u64));
			attempts.retain(|key, _| list.contains(key));
			for key in &list {
				let now = Instant::now();
				let attempt = attempts.entry(*key).or_insert(Attempts { failures: 0, due: now });
				if attempt.due > now {
					continue;
				}
				match self.attempt(key).await {
					Err(LateError::Fetch(FetchError::Stopped)) => return,
					outcome => self.note(key, outcome, attempt),
				}
			}
			let next = attempts.values().map(|attempt| attempt.due).min();
			let stop = self.fetcher.stop.clone();
			tokio::select! {
				() = stop.cancelled() => return,
				changed = self.gaps.changed() => if changed.is_err() { return },
				() = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {},
			}
		}
	}

	fn note(&self, key: &HoldingKey, outcome: Result<Outcome, LateError>, attempt: &mut Attempts) {
		let HoldingKey { deal, generation, slot } = *key;
		attempt.due = Instant::now() + LOOK_AGAIN;
		match outcome {
			Ok(Outcome::Signed) => {
				attempt.failures = 0;
				self.fetcher.metrics.late_receipts.inc();
				tracing::info!(deal, generation, slot, "added a late receipt");
			},
			Ok(Outcome::Moot) => {
				tracing::debug!(deal, generation, slot, "no late receipt is needed any more");
			},
			Ok(Outcome::Withheld) => {
				tracing::debug!(
					deal,
					generation,
					slot,
					"no late receipt while no answers are sent"
				);
			},
			Err(error) => {
				self.fetcher.metrics.late_failures.inc();
				attempt.failures = attempt.failures.saturating_add(1);
				if attempt.failures >= MOST_FAILURES {
					attempt.due += Duration::from_secs(365 * 24 * 3600);
					tracing::error!(deal, generation, slot, %error, "giving up on a late receipt");
					return;
				}
				let pause = pause(self.first_pause, attempt.failures, &error);
				attempt.due = Instant::now() + pause;
				tracing::warn!(
					deal, generation, slot, %error, failures = attempt.failures, again_in = ?pause,
					"cannot add a late receipt"
				);
			},
		}
	}

	async fn attempt(&self, key: &HoldingKey) -> Result<Outcome, LateError> {
		let refused = |store: &Store| store.refused(ProofKind::Answers);
		if self.fetcher.on_store(refused).await?.is_some() {
			return Ok(Outcome::Withheld);
		}
		let Some(open) = self.look(key).await? else { return Ok(Outcome::Moot) };
		// Read once for both: neither may sign for what the chain would refuse, at the operator's expense.
		let room = self.unless_stopped(self.room(&open.terms)).await?;
		let holding = match self.renew(&open, room).await? {
			Some(holding) => holding,
			None => {
				let HoldingKey { deal, generation, slot } = *key;
				tracing::info!(
					deal,
					generation,
					slot,
					"a commit lacks this slot's receipt, fetching"
				);
				match self.fetch(&open, room).await? {
					Some(holding) => holding,
					None => return Ok(Outcome::Moot),
				}
			},
		};
		let message = holding.message(self.chain.genesis(), key);
		let signature = self.service.sign(&message.signing_bytes());
		self.fetcher.metrics.receipts.inc();
		let receipt = Receipt { slot: key.slot, until: holding.until, signature };
		let call = Call::add_receipt(key.deal, key.generation, &receipt);
		self.unless_stopped(self.chain.submit(&call, &self.operator)).await?;
		Ok(Outcome::Signed)
	}

	/// The commit, if the finalised chain still takes this slot's receipt for it.
	async fn look(&self, key: &HoldingKey) -> Result<Option<Open>, LateError> {
		let chain = &self.chain;
		let HoldingKey { deal: id, generation, slot } = *key;
		let asked = async {
			let at = At::Block(chain.head(At::Finalised).await?.hash);
			let Some(deal) = chain.deal(at, id).await? else { return Ok(None) };
			let slots = chain.slots(at, id).await?;
			let commits = chain.commits(at, id, generation).await?;
			let terms = chain.terms(at).await?;
			Ok::<_, ChainError>(Some((deal, slots, commits, terms)))
		};
		let Some((deal, slots, commits, terms)) = self.unless_stopped(asked).await? else {
			return Ok(None);
		};
		let now = terms.relay_block;
		let operator = self.operator.account_id();
		let commit = commits.into_iter().find(|(found, _)| *found == generation);
		let commit = commit.map(|(_, commit)| commit).filter(|commit| {
			!has_signed(commit, slot) && now <= commit.at.saturating_add(terms.receipt_grace)
		});
		let own = slots.iter().find(|info| info.slot == slot);
		let holds = own.is_some_and(|info| info.state.provider() == Some(&operator));
		Ok(commit.filter(|_| holds && now < deal.expires_at).map(|commit| Open {
			part: Part { key: *key, deal: Arc::new(deal), slots: Arc::new(slots), commit },
			terms,
		}))
	}

	/// The last relay block at which a receipt made now counts.
	fn until(&self, open: &Open) -> RelayBlock {
		open.terms.relay_block.saturating_add(self.valid_blocks).min(open.part.deal.expires_at)
	}

	/// Prolongs a promise that was made for this commit and that it lacks, if there is one.
	async fn renew(&self, open: &Open, room: Room) -> Result<Option<Holding>, LateError> {
		let (key, commit, until) = (open.part.key, open.part.commit.clone(), self.until(open));
		let prolong = move |store: &Store| store.prolong(&key, &commit, until, room);
		Ok(self.fetcher.on_store(prolong).await?)
	}

	/// Fetches what is missing and promises it; `None` when that is of no use any more.
	async fn fetch(&self, open: &Open, room: Room) -> Result<Option<Holding>, LateError> {
		let Open { part, .. } = open;
		self.check_room(part, room.bytes).await?;
		// The follower drops from its list what has ended meanwhile.
		let wanted = || self.gaps.borrow().missed.contains(&part.key);
		let last = part.commit.at.saturating_add(open.terms.receipt_grace);
		let blocks = last.saturating_sub(open.terms.relay_block);
		let Some(whole) = self.fetcher.fetch(part, blocks, wanted).await? else { return Ok(None) };
		// All this may have taken long.
		let Some(open) = self.look(&part.key).await? else { return Ok(None) };
		let room = self.unless_stopped(self.room(&open.terms)).await?;
		let (until, now) = (self.until(&open), open.terms.relay_block);
		Ok(Some(self.fetcher.hold(&open.part, whole, (until, None), now, room).await?))
	}

	/// Before anything is fetched: whether it could be kept and signed for.
	async fn check_room(&self, part: &Part, room: u64) -> Result<(), FetchError> {
		let (key, wanted) = (part.key, part.bytes());
		let others = self.fetcher.on_store(move |store| store.promised_bytes(&key)).await?;
		if others.saturating_add(wanted) > room {
			return Err(StoreError::NoRoom { wanted, others, room }.into());
		}
		self.fetcher.check_disk(std::slice::from_ref(part)).await
	}

	async fn room(&self, terms: &Terms) -> Result<Room, RoomError> {
		let (operator, key) = (self.operator.account_id(), self.service.public_key());
		registration::room(&*self.chain, &self.fetcher.store, operator, &key, terms).await
	}

	/// As [`Fetcher::until_stopped`], for what may fail.
	async fn unless_stopped<T, E>(
		&self,
		work: impl Future<Output = Result<T, E>>,
	) -> Result<T, LateError>
	where
		LateError: From<E>,
	{
		Ok(self.fetcher.until_stopped(work).await??)
	}
}

/// The pause after so many failures, of which `last` was the last.
fn pause(first: Duration, failures: u32, last: &LateError) -> Duration {
	if last.is_lasting() {
		return LONGEST_PAUSE;
	}
	let doublings = failures.saturating_sub(1).min(31);
	first.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
	use super::*;
	use nil_client::chain::BlockRef;

	/// As the chain refuses a call with the error `name`.
	fn refused(name: &str) -> LateError {
		let block = BlockRef { number: 1, hash: [0; 32] };
		let (pallet, error, docs) = ("Deals".into(), name.into(), String::new());
		LateError::Chain(ChainError::Dispatch { pallet, error, docs, block })
	}

	#[test]
	fn pauses_double_up_to_an_hour_and_attempts_last_for_a_day() {
		let first = Duration::from_secs(10);
		let pause = |failures| pause(first, failures, &LateError::Fetch(FetchError::Stopped));
		assert_eq!(pause(1), first);
		assert_eq!(pause(3), first * 4);
		assert_eq!(pause(10), LONGEST_PAUSE);
		assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
		let all: Duration = (1..MOST_FAILURES).map(pause).sum();
		assert!(all > Duration::from_secs(18 * 3600), "{all:?}");
	}

	#[test]
	fn fees_for_refusals_that_do_not_pass_are_an_hour_apart() {
		let first = Duration::from_secs(10);
		for lasting in LASTING {
			assert_eq!(pause(first, 1, &refused(lasting)), LONGEST_PAUSE, "{lasting}");
		}
		// The next receipt counts for longer, and room may come back.
		for passing in ["ReceiptExpired", "ProviderOutOfCapacity", "ProviderOutOfStake"] {
			assert_eq!(pause(first, 1, &refused(passing)), first, "{passing}");
		}
		let pool = ChainError::Refused { reason: "GraceOver".into() };
		assert_eq!(pause(first, 1, &pool.into()), first);
	}
}
