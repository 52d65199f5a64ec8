//! Late receipts: what a slot missed of a commit, made good by its own provider.
//!
//! A commit stands on `k + 1` receipts, and a slot that was silent may add its own within the chain's grace. The follower
//! finds such commits ([`Settled`]) on finalised blocks and tells the worker here, which for one commit after the other
//!
//! 1. looks whether the chain still takes the receipt, and whether capacity, stake and disk have room;
//! 2. fetches the roots, and MDU by MDU the witness and the blobs of any `k` other slots, checks all of it against the
//!    chain ([`SlotRebuilder`]), makes the slot's own shards of them and stages those like an upload;
//! 3. fetches the index, makes the promise durable, and only then signs;
//! 4. submits `add_receipt` in the operator's name, who pays the fee.
//!
//! A promise that the owner did not use needs the first step and the last alone. One MDU is in memory at a time, and its disk
//! space is set aside beside that of uploads. Whatever was staged stays until the grace is over
//! ([`crate::store::staged_fate`]), so that work goes on where it stopped, after a kill too. A failed attempt is repeated with
//! longer and longer pauses, [`MOST_FAILURES`] times at most; a refusal by the chain has cost a fee, and when it is one that
//! does not pass by itself the pause is the longest at once. Once the receipt is on the finalised chain, the follower turns
//! the promise into a commit as always.

mod find;

pub use find::Settled;

use crate::{
	api::limits::{Limits, Reservation},
	chain::{
		ChainView,
		registration::{self, RoomError},
	},
	metrics::{Metrics, clamp},
	store::{Content, Holding, HoldingKey, Room, StagedKey, Store, StoreError, Upload, has_signed},
	unix_now,
};
use codec::Encode;
use nil_client::{
	account::AccountId,
	chain::{At, Call, ChainError},
	crypt::Identities,
	get::{GetError, ReadOptions, RebuiltMdu, SlotRebuilder},
	http::Reach,
	keys::Signer,
	wire::Receipt,
};
use nil_types::{
	CommitInfo, ContentShape, DealInfo, Hash32, MduIndex, RelayBlock, SlotInfo, Terms,
	layout::BLOB_BYTES,
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
	sync::watch,
	task::{JoinError, spawn_blocking},
	time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

/// Failures after which a commit is given up until the daemon starts again: a day of attempts, as long as the usual grace.
pub const MOST_FAILURES: u32 = 30;
/// The longest pause between attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// When to look again at a commit that needed nothing more, should the follower still name it then: the node may have been
/// behind.
const LOOK_AGAIN: Duration = Duration::from_secs(300);

/// How long the other slots may take for one MDU, so that one who trickles does not hold up all other commits.
const MDU_PATIENCE: Duration = Duration::from_secs(120);
/// MDUs that the longest index fills.
const INDEX_MDUS: u32 = 9;

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
enum LateError {
	/// The chain could not be asked, or refused the receipt.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// The other slots did not give what is needed.
	#[error(transparent)]
	Get(#[from] GetError),
	/// The other slots took too long.
	#[error("the other slots did not give {what} within {} s", patience.as_secs())]
	TooSlow {
		/// What was asked for.
		what: &'static str,
		/// How long was waited.
		patience: Duration,
	},
	/// The disk, or promises that leave no room.
	#[error(transparent)]
	Store(#[from] StoreError),
	/// Capacity or stake, as the chain sees them.
	#[error(transparent)]
	Room(#[from] RoomError),
	/// The disk has no room.
	#[error("{needed} bytes are missing, and {free} are free on disk")]
	DiskFull {
		/// Bytes that are not there yet: of the whole commit, or of the MDU whose turn it is.
		needed: u64,
		/// Bytes that may still be written.
		free: u64,
	},
	/// A task broke off.
	#[error(transparent)]
	Task(#[from] JoinError),
	/// The daemon stops.
	#[error("the daemon stops")]
	Stopped,
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
}

/// The worker.
#[derive(Debug)]
pub struct LateSigner {
	/// The chain.
	pub chain: Arc<dyn ChainView>,
	/// The disk.
	pub store: Arc<Store>,
	/// What is counted.
	pub metrics: Arc<Metrics>,
	/// Signs receipts.
	pub service: Signer,
	/// Signs transactions, and pays for them.
	pub operator: Signer,
	/// Where uploads set disk space aside, too.
	pub limits: Arc<Limits>,
	/// Free disk space that must be left.
	pub reserve: u64,
	/// Relay blocks for which a receipt counts.
	pub valid_blocks: RelayBlock,
	/// The pause after the first failure.
	pub first_pause: Duration,
	/// Which addresses of other providers are asked.
	pub reach: Reach,
	/// What is missed, as the follower saw it last.
	pub missed: watch::Receiver<Vec<HoldingKey>>,
	/// Ends the worker.
	pub stop: CancellationToken,
}

/// Attempts at one commit.
struct Attempts {
	failures: u32,
	/// When the next one may be.
	due: Instant,
}

/// A missed commit at a finalised block at which its receipt can still be added.
struct Open {
	key: HoldingKey,
	deal: DealInfo<AccountId>,
	slots: Vec<SlotInfo<AccountId>>,
	commit: CommitInfo,
	terms: Terms,
}

impl Open {
	const fn shape(&self) -> ContentShape {
		ContentShape::new(self.commit.size_bytes)
	}

	fn bytes(&self) -> u64 {
		self.shape().bytes_per_slot(&self.deal.profile)
	}

	/// What the slot stores of an MDU with `live` live blobs.
	fn mdu_bytes(&self, live: u8) -> u64 {
		u64::from(self.deal.profile.live_rows(live)).saturating_mul(BLOB_BYTES as u64)
	}

	/// Position in the slab, root and live blobs of each MDU.
	fn mdus<'a>(&self, roots: &'a [Hash32]) -> impl Iterator<Item = (MduIndex, Hash32, u8)> + 'a {
		let (shape, first) = (self.shape(), self.commit.first_mdu);
		(0u64..)
			.zip(roots)
			.map(move |(place, root)| (first.saturating_add(place), *root, shape.live(place)))
	}
}

impl LateSigner {
	/// Works until it is stopped, or the follower is gone.
	pub async fn run(mut self) {
		let mut attempts: HashMap<HoldingKey, Attempts> = HashMap::new();
		loop {
			let list = self.missed.borrow_and_update().clone();
			self.metrics.late_open.set(clamp(list.len() as u64));
			attempts.retain(|key, _| list.contains(key));
			for key in &list {
				let now = Instant::now();
				let attempt = attempts.entry(*key).or_insert(Attempts { failures: 0, due: now });
				if attempt.due > now {
					continue;
				}
				match self.attempt(key).await {
					Err(LateError::Stopped) => return,
					outcome => self.note(key, outcome, attempt),
				}
			}
			let next = attempts.values().map(|attempt| attempt.due).min();
			let stop = self.stop.clone();
			tokio::select! {
				() = stop.cancelled() => return,
				changed = self.missed.changed() => if changed.is_err() { return },
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
				self.metrics.late_receipts.inc();
				tracing::info!(deal, generation, slot, "added a late receipt");
			},
			Ok(Outcome::Moot) => {
				tracing::debug!(deal, generation, slot, "no late receipt is needed any more");
			},
			Err(error) => {
				self.metrics.late_failures.inc();
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
		self.metrics.receipts.inc();
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
			key: *key,
			deal,
			slots,
			commit,
			terms,
		}))
	}

	/// The last relay block at which a receipt made now counts.
	fn until(&self, open: &Open) -> RelayBlock {
		open.terms.relay_block.saturating_add(self.valid_blocks).min(open.deal.expires_at)
	}

	/// Prolongs a promise that was made for this commit and that it lacks, if there is one.
	async fn renew(&self, open: &Open, room: Room) -> Result<Option<Holding>, LateError> {
		let (store, key, commit) = (self.store.clone(), open.key, open.commit.clone());
		let until = self.until(open);
		Ok(spawn_blocking(move || store.prolong(&key, &commit, until, room)).await??)
	}

	/// Fetches what is missing and promises it; `None` when that is of no use any more.
	async fn fetch(&self, open: &Open, room: Room) -> Result<Option<Holding>, LateError> {
		self.check_room(open, room.bytes).await?;
		let key = open.key;
		let commit = (key.generation, open.commit.clone());
		let options = ReadOptions { reach: self.reach, ..ReadOptions::new(Identities::none()) };
		let others = SlotRebuilder::new(open.deal.clone(), commit, &open.slots, key.slot, options)?;
		// Should nobody have kept the roots, they are made from all blobs.
		let mdus = u32::try_from(open.shape().mdus()).unwrap_or(u32::MAX);
		let patience = MDU_PATIENCE.saturating_mul(mdus);
		let roots = self.within(patience, "the roots", others.roots()).await?;
		for (mdu, root, live) in open.mdus(&roots) {
			// The follower drops from its list what has ended meanwhile.
			if !self.missed.borrow().contains(&key) {
				return Ok(None);
			}
			if !self.has(StagedKey { holding: key, mdu }, root, live).await? {
				// Much may have been uploaded since the whole was found to fit.
				let _space = self.set_aside(key, open.mdu_bytes(live)).await?;
				let rebuilt = self.within(MDU_PATIENCE, "an MDU", others.mdu(mdu)).await?;
				self.stage(StagedKey { holding: key, mdu }, rebuilt).await?;
			}
		}
		let patience = MDU_PATIENCE.saturating_mul(INDEX_MDUS);
		let index = self.within(patience, "the index", others.index()).await?;
		// All this may have taken long.
		let Some(open) = self.look(&key).await? else { return Ok(None) };
		self.promise(&open, roots, index).await.map(Some)
	}

	/// Before anything is fetched: whether it could be kept and signed for.
	async fn check_room(&self, open: &Open, room: u64) -> Result<(), LateError> {
		let (store, reserve, key) = (self.store.clone(), self.reserve, open.key);
		let (others, staged, free) = spawn_blocking(move || {
			Ok::<_, StoreError>((
				store.promised_bytes(&key)?,
				store.staged_of(&key)?,
				store.free_bytes(reserve)?,
			))
		})
		.await??;
		let wanted = open.bytes();
		if others.saturating_add(wanted) > room {
			return Err(StoreError::NoRoom { wanted, others, room }.into());
		}
		// What is staged has its place already, or makes place for what comes instead of it.
		let first = open.commit.first_mdu;
		let mdus = first..first.saturating_add(open.shape().mdus());
		let staged = staged.iter().filter(|(mdu, _)| mdus.contains(mdu)).map(|(_, row)| row.len);
		let needed = wanted.saturating_sub(staged.fold(0, u64::saturating_add));
		if needed > free {
			return Err(LateError::DiskFull { needed, free });
		}
		Ok(())
	}

	/// Sets the bytes of an MDU aside on disk, beside those of the uploads that run.
	async fn set_aside(&self, key: HoldingKey, needed: u64) -> Result<Reservation, LateError> {
		let (store, reserve) = (self.store.clone(), self.reserve);
		let free = spawn_blocking(move || store.free_bytes(reserve)).await??;
		let reserved = self.limits.reserve(key, needed, |_, awaited| {
			let free = free.saturating_sub(awaited);
			if needed > free { Err(free) } else { Ok(()) }
		});
		reserved.map_err(|free| LateError::DiskFull { needed, free })
	}

	async fn room(&self, terms: &Terms) -> Result<Room, RoomError> {
		let (operator, key) = (self.operator.account_id(), self.service.public_key());
		registration::room(&*self.chain, &self.store, operator, &key, terms).await
	}

	/// Whether shards of an MDU are staged and checked: before a stop, or by an upload that got no further.
	async fn has(&self, key: StagedKey, root: Hash32, live: u8) -> Result<bool, LateError> {
		let store = self.store.clone();
		let staged = spawn_blocking(move || store.staged(&key)).await??;
		Ok(staged.is_some_and(|row| (row.root, row.live, row.unverified) == (root, live, None)))
	}

	async fn stage(&self, key: StagedKey, rebuilt: RebuiltMdu) -> Result<(), LateError> {
		let store = self.store.clone();
		let RebuiltMdu { witness, shards } = rebuilt;
		let bytes = shards.len() as u64;
		spawn_blocking(move || {
			let mut incoming = store.incoming()?;
			incoming.write(&shards)?;
			let upload = Upload {
				root: witness.root(),
				profile: *witness.profile(),
				live: witness.live(),
				witness: &witness.to_witness().encode(),
				at: unix_now(),
			};
			let staged = store.stage(key, upload, incoming)?;
			// They were checked against the witness when they were made.
			match staged.unverified {
				Some(file) => store.verified(&[(key, file)]),
				None => Ok(()),
			}
		})
		.await??;
		self.metrics.rebuilt_bytes.inc_by(bytes);
		Ok(())
	}

	async fn promise(
		&self,
		open: &Open,
		roots: Arc<Vec<Hash32>>,
		index: Vec<u8>,
	) -> Result<Holding, LateError> {
		let commit = &open.commit;
		let holding = Holding {
			first_mdu: commit.first_mdu,
			mdus: u32::try_from(roots.len()).unwrap_or(u32::MAX),
			roots_hash: commit.roots_hash,
			index_root: commit.index_root,
			size_bytes: commit.size_bytes,
			index_len: commit.index_len,
			bytes: open.bytes(),
			until: self.until(open),
			committed: None,
		};
		let lives: Vec<u8> = open.mdus(&roots).map(|(_, _, live)| live).collect();
		let room = self.unless_stopped(self.room(&open.terms)).await?;
		let (store, key, now) = (self.store.clone(), open.key, open.terms.relay_block);
		Ok(spawn_blocking(move || {
			let content = Content { roots: &roots, lives: &lives, index: &index };
			store.promise(key, holding, content, now, room)
		})
		.await??)
	}

	/// Waits for what other slots give, for so long and no longer.
	async fn within<T>(
		&self,
		patience: Duration,
		what: &'static str,
		work: impl Future<Output = Result<T, GetError>>,
	) -> Result<T, LateError> {
		tokio::select! {
			() = self.stop.cancelled() => Err(LateError::Stopped),
			done = timeout(patience, work) => {
				Ok(done.map_err(|_| LateError::TooSlow { what, patience })??)
			},
		}
	}

	/// Waits for something that may take long, but not longer than the daemon runs.
	async fn unless_stopped<T, E>(
		&self,
		work: impl Future<Output = Result<T, E>>,
	) -> Result<T, LateError>
	where
		LateError: From<E>,
	{
		tokio::select! {
			() = self.stop.cancelled() => Err(LateError::Stopped),
			done = work => Ok(done?),
		}
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
		let pause = |failures| pause(first, failures, &LateError::Stopped);
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
