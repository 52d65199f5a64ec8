//! What this provider's slots lost of commits, fetched from the other slots.
//!
//! After a disk was changed for an empty one, or for an older copy, the store lacks commits that its slots have signed. The
//! chain asks for them all the same, and the scrubber does not miss them, since it checks what the index names. The
//! follower finds them with each sweep ([`crate::gaps`]). The worker here fetches them ([`crate::fetch`]), some at a
//! time, and makes them holdings at once: the chain's account of the provider has them already.
//!
//! Before these come the roots of commits that nothing here has the roots of, so that samples of others can be answered when
//! the deal has ended, and nobody gives these roots any more.
//!
//! A failed attempt is repeated with longer and longer pauses, for as long as the follower finds the gap. What is staged by
//! then is not fetched again.

use crate::{
	chain::ChainView,
	fetch::{FetchError, Fetcher, Part},
	gaps::{Gap, Gaps},
	metrics::clamp,
	store::{HoldingKey, Room},
};
use futures::{StreamExt, stream};
use nil_client::chain::{At, ChainError};
use nil_types::{CommitInfo, RelayBlock};
use std::{
	collections::{BTreeMap, HashMap},
	sync::Arc,
	time::Duration,
};
use tokio::{
	sync::watch,
	time::{Instant, sleep_until},
};

/// Gaps that are worked on before the follower is listened to again.
const BATCH: usize = 16;
/// The longest pause between attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// When to look again at what needed nothing more, should the follower still name it then: it has not swept since.
const LOOK_AGAIN: Duration = Duration::from_secs(300);

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
enum RestoreError {
	/// The chain could not be asked.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// It could not be fetched or kept.
	#[error(transparent)]
	Fetch(#[from] FetchError),
}

/// What is needed of a commit. Roots come first: they are little, and hold up answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Need {
	Roots,
	All,
}

/// What is needed, and of what.
type Task = (Need, HoldingKey);

/// Attempts at one of them.
struct Attempts {
	failures: u32,
	/// When the next one may be.
	due: Instant,
}

/// The worker.
#[derive(Debug)]
pub struct Restorer {
	/// The chain.
	pub chain: Arc<dyn ChainView>,
	/// Fetches what is missing.
	pub fetcher: Fetcher,
	/// Commits that are fetched at a time.
	pub parallel: usize,
	/// The pause after the first failure.
	pub first_pause: Duration,
	/// What is lacking, as the follower saw it last.
	pub gaps: watch::Receiver<Gaps>,
}

impl Restorer {
	/// Works until it is stopped, or the follower is gone.
	pub async fn run(self) {
		let this = &self;
		let mut gaps = self.gaps.clone();
		let mut attempts: HashMap<Task, Attempts> = HashMap::new();
		loop {
			let open = tasks(&gaps.borrow_and_update());
			let lost = open.keys().filter(|(need, _)| *need == Need::All).count();
			self.fetcher.metrics.lost_open.set(clamp(lost as u64));
			attempts.retain(|task, _| open.contains_key(task));
			let now = Instant::now();
			let mut tries = Vec::new();
			for (task, commit) in open {
				let attempt = attempts.entry(task).or_insert(Attempts { failures: 0, due: now });
				if attempt.due <= now && tries.len() < BATCH {
					tries.push(async move { (task, this.attempt(task, commit).await) });
				}
			}
			let mut tries = stream::iter(tries).buffer_unordered(self.parallel.max(1));
			while let Some((task, outcome)) = tries.next().await {
				if matches!(&outcome, Err(RestoreError::Fetch(FetchError::Stopped))) {
					return;
				}
				if let Some(attempt) = attempts.get_mut(&task) {
					self.note(task, outcome, attempt);
				}
			}
			let next = attempts.values().map(|attempt| attempt.due).min();
			tokio::select! {
				() = self.fetcher.stop.cancelled() => return,
				changed = gaps.changed() => if changed.is_err() { return },
				() = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {},
			}
		}
	}

	/// Takes note of an attempt, which has brought something or found nothing to do.
	fn note(&self, (need, key): Task, outcome: Result<bool, RestoreError>, attempt: &mut Attempts) {
		let HoldingKey { deal, generation, slot } = key;
		let metrics = &self.fetcher.metrics;
		match outcome {
			Ok(brought) => {
				attempt.failures = 0;
				attempt.due = Instant::now() + LOOK_AGAIN;
				if brought && need == Need::All {
					metrics.restored.inc();
					tracing::info!(deal, generation, slot, "a commit that was lost is here again");
				}
			},
			Err(error) => {
				metrics.restore_failures.inc();
				attempt.failures = attempt.failures.saturating_add(1);
				let doublings = attempt.failures.saturating_sub(1).min(31);
				let pause = self.first_pause.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
				attempt.due = Instant::now() + pause;
				tracing::warn!(
					deal, generation, slot, ?need, %error, again_in = ?pause,
					"cannot fetch what is lacking of a commit"
				);
			},
		}
	}

	/// Fetches what is needed. Whether it still was.
	async fn attempt(&self, (need, key): Task, commit: CommitInfo) -> Result<bool, RestoreError> {
		let Some((part, now)) = self.look(key, commit).await? else { return Ok(false) };
		let blocks = part.deal.expires_at.saturating_sub(now);
		match need {
			Need::Roots => {
				let roots = self.fetcher.roots(&part, blocks).await?;
				let HoldingKey { deal, generation, .. } = key;
				let first_mdu = part.commit.first_mdu;
				let keep = self
					.fetcher
					.on_store(move |store| store.keep_roots(deal, generation, first_mdu, &roots));
				keep.await?;
				Ok(true)
			},
			Need::All => self.restore(&part, blocks, now).await,
		}
	}

	/// The part at the finalised block, and its relay block, while the slot is this provider's and the deal has not expired.
	async fn look(
		&self,
		key: HoldingKey,
		commit: CommitInfo,
	) -> Result<Option<(Part, RelayBlock)>, RestoreError> {
		let chain = &self.chain;
		let asked = async {
			let at = At::Block(chain.head(At::Finalised).await?.hash);
			let Some(deal) = chain.deal(at, key.deal).await? else { return Ok(None) };
			let slots = chain.slots(at, key.deal).await?;
			let now = chain.terms(at).await?.relay_block;
			Ok::<_, ChainError>(Some((deal, slots, now)))
		};
		let Some((deal, slots, now)) = self.fetcher.until_stopped(asked).await?? else {
			return Ok(None);
		};
		let own = slots.iter().find(|info| info.slot == key.slot);
		let operator = &self.fetcher.operator;
		let holds = own.is_some_and(|info| info.state.provider() == Some(operator));
		if !holds || now >= deal.expires_at {
			return Ok(None);
		}
		let part = Part { key, deal: Arc::new(deal), slots: Arc::new(slots), commit };
		Ok(Some((part, now)))
	}

	/// Fetches and holds a part that was lost.
	async fn restore(
		&self,
		part: &Part,
		blocks: RelayBlock,
		now: RelayBlock,
	) -> Result<bool, RestoreError> {
		let key = part.key;
		let holding = self.fetcher.on_store(move |store| store.holding(&key)).await?;
		if holding.is_some_and(|holding| holding.is_of(&part.commit)) {
			return Ok(false);
		}
		self.fetcher.check_disk(std::slice::from_ref(part)).await?;
		let HoldingKey { deal, generation, slot } = key;
		let bytes = part.bytes();
		tracing::info!(
			deal,
			generation,
			slot,
			bytes,
			"a commit that the slot has signed is not here, fetching"
		);
		let wanted = || self.gaps.borrow().lost.iter().any(|(lost, _)| *lost == key);
		let fetched = self.fetcher.fetch(part, blocks, wanted).await?;
		let Some(whole) = fetched else { return Ok(false) };
		// It is on the finalised chain, and its room is booked there.
		let (at, booked) = (part.commit.at, Room { bytes: 0, settled: 0 });
		self.fetcher.hold(part, whole, (at, Some(at)), now, booked).await?;
		Ok(true)
	}
}

/// What is to be done, in order.
fn tasks(gaps: &Gaps) -> BTreeMap<Task, CommitInfo> {
	let of = |need: Need| move |(key, commit): &Gap| ((need, *key), commit.clone());
	let roots = gaps.rootless.iter().map(of(Need::Roots));
	roots.chain(gaps.lost.iter().map(of(Need::All))).collect()
}
