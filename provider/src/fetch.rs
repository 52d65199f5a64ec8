//! A slot's part of a commit, fetched: of a commit that the slot missed ([`crate::late`]), of those before a slot's new
//! provider came ([`crate::repair`]), and of those that the store has lost ([`crate::restore`]).
//!
//! The roots come first, then MDU by MDU the witness and the blobs of any `k` other slots, or of the slot's present provider,
//! all of it checked against the chain ([`SlotRebuilder`]). The slot's own shards are made of them and staged like an upload;
//! the index comes last. One MDU is in memory at a time, and its disk space is set aside beside that of uploads. What is
//! staged is not fetched again, so that work goes on where it stopped, after a kill too.

use crate::{
	api::limits::{Limits, Reservation},
	metrics::Metrics,
	store::{Content, Holding, HoldingKey, Room, StagedKey, Store, StoreError, Upload},
	unix_now,
};
use codec::Encode;
use nil_client::{
	account::AccountId,
	crypt::Identities,
	get::{GetError, ReadOptions, RebuiltMdu, SlotRebuilder},
	http::Reach,
};
use nil_slab::Branch;
use nil_types::{
	CommitInfo, ContentShape, DealInfo, Hash32, MduIndex, RelayBlock, SlotInfo, layout::BLOB_BYTES,
};
use std::{sync::Arc, time::Duration};
use tokio::{
	task::{JoinError, spawn_blocking},
	time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

/// How long the other slots may take for one MDU, so that one who trickles does not hold up everything else.
pub const MDU_PATIENCE: Duration = Duration::from_secs(120);
/// The least time between relay blocks.
const RELAY_BLOCK: Duration = Duration::from_secs(6);
/// MDUs that the longest index fills.
const INDEX_MDUS: u32 = 9;

/// Why something could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
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
	/// The disk has no room.
	#[error("{needed} bytes are missing, and {free} are free on disk")]
	DiskFull {
		/// Bytes that are not there yet: of all that is to be fetched, or of the MDU whose turn it is.
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

/// One slot's part of a commit that is on the chain.
#[derive(Clone, Debug)]
pub struct Part {
	/// Which it is.
	pub key: HoldingKey,
	/// The deal.
	pub deal: Arc<DealInfo<AccountId>>,
	/// Its slots.
	pub slots: Arc<Vec<SlotInfo<AccountId>>>,
	/// The commit.
	pub commit: CommitInfo,
}

/// What belongs to a commit as a whole.
#[derive(Clone, Debug)]
pub struct Whole {
	/// Its roots.
	pub roots: Arc<Vec<Hash32>>,
	/// Its index.
	pub index: Vec<u8>,
}

impl Part {
	const fn shape(&self) -> ContentShape {
		ContentShape::new(self.commit.size_bytes)
	}

	/// What the slot stores.
	pub fn bytes(&self) -> u64 {
		self.shape().bytes_per_slot(&self.deal.profile)
	}

	/// How long its roots may take: should nobody have kept them, they are made from all blobs.
	fn roots_patience(&self) -> Duration {
		MDU_PATIENCE.saturating_mul(u32::try_from(self.shape().mdus()).unwrap_or(u32::MAX))
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

	/// The other slots to ask; the slot itself too, when another provider holds it.
	fn others(&self, own: &AccountId, reach: Reach) -> Result<SlotRebuilder, GetError> {
		let slot = self.key.slot;
		let commit = (self.key.generation, self.commit.clone());
		let options = ReadOptions { reach, ..ReadOptions::new(Identities::none()) };
		let is_own = |info: &SlotInfo<AccountId>| info.state.provider() == Some(own);
		let make = match self.slots.iter().find(|info| info.slot == slot) {
			Some(info) if !is_own(info) => SlotRebuilder::replacing,
			_ => SlotRebuilder::new,
		};
		make((*self.deal).clone(), commit, &self.slots, slot, options)
	}
}

/// Fetches and stages.
#[derive(Clone, Debug)]
pub struct Fetcher {
	/// The disk.
	pub store: Arc<Store>,
	/// What is counted.
	pub metrics: Arc<Metrics>,
	/// Where uploads set disk space aside, too.
	pub limits: Arc<Limits>,
	/// Free disk space that must be left.
	pub reserve: u64,
	/// Who this provider is.
	pub operator: AccountId,
	/// Which addresses of other providers are asked.
	pub reach: Reach,
	/// Ends everything.
	pub stop: CancellationToken,
}

impl Fetcher {
	/// Fetches and stages all of a part that is not staged, within so many relay blocks: later it is of no use. `None` when
	/// `wanted` says that it is of none before.
	pub async fn fetch(
		&self,
		part: &Part,
		blocks: RelayBlock,
		wanted: impl Fn() -> bool,
	) -> Result<Option<Whole>, FetchError> {
		let key = part.key;
		let until = Instant::now() + RELAY_BLOCK.saturating_mul(blocks);
		let others = part.others(&self.operator, self.reach)?;
		let roots = self.within(part.roots_patience(), until, "the roots", others.roots()).await?;
		for (mdu, root, live) in part.mdus(&roots) {
			if !wanted() {
				return Ok(None);
			}
			if !self.has(StagedKey { holding: key, mdu }, root, live).await? {
				// Much may have been uploaded since the whole was found to fit.
				let _space = self.set_aside(key, part.mdu_bytes(live)).await?;
				let rebuilt = self.within(MDU_PATIENCE, until, "an MDU", others.mdu(mdu)).await?;
				self.stage(StagedKey { holding: key, mdu }, rebuilt).await?;
			}
		}
		let patience = MDU_PATIENCE.saturating_mul(INDEX_MDUS);
		let index = self.within(patience, until, "the index", others.index()).await?;
		Ok(Some(Whole { roots, index }))
	}

	/// Fetches the roots of a part's commit alone, within so many relay blocks.
	pub async fn roots(
		&self,
		part: &Part,
		blocks: RelayBlock,
	) -> Result<Arc<Vec<Hash32>>, FetchError> {
		let until = Instant::now() + RELAY_BLOCK.saturating_mul(blocks);
		let others = part.others(&self.operator, self.reach)?;
		self.within(part.roots_patience(), until, "the roots", others.roots()).await
	}

	/// Makes a part that was fetched a holding. `room` counts for one that is not committed yet.
	pub async fn hold(
		&self,
		part: &Part,
		whole: Whole,
		(until, committed): (RelayBlock, Option<RelayBlock>),
		now: RelayBlock,
		room: Room,
	) -> Result<Holding, FetchError> {
		let Whole { roots, index } = whole;
		let (key, commit) = (part.key, &part.commit);
		let holding = Holding {
			first_mdu: commit.first_mdu,
			mdus: u32::try_from(roots.len()).unwrap_or(u32::MAX),
			roots_hash: commit.roots_hash,
			index_root: commit.index_root,
			size_bytes: commit.size_bytes,
			index_len: commit.index_len,
			bytes: part.bytes(),
			until,
			committed,
		};
		let lives: Vec<u8> = part.mdus(&roots).map(|(_, _, live)| live).collect();
		self.on_store(move |store| {
			let content = Content { roots: &roots, lives: &lives, index: &index };
			store.promise(key, holding, content, now, room)
		})
		.await
	}

	/// Before anything is fetched: whether the disk has room for all of these parts.
	pub async fn check_disk(&self, parts: &[Part]) -> Result<(), FetchError> {
		let reserve = self.reserve;
		let parts: Vec<_> = parts
			.iter()
			.map(|part| {
				let first = part.commit.first_mdu;
				(part.key, first..first.saturating_add(part.shape().mdus()), part.bytes())
			})
			.collect();
		let checked = self.on_store(move |store| {
			let mut needed = 0u64;
			for (key, mdus, bytes) in parts {
				// What is staged has its place already, or makes place for what comes instead of it.
				let staged = store.staged_of(&key)?;
				let staged = staged.iter().filter(|(mdu, _)| mdus.contains(mdu));
				let staged = staged.map(|(_, row)| row.len).fold(0, u64::saturating_add);
				needed = needed.saturating_add(bytes.saturating_sub(staged));
			}
			Ok((needed, store.free_bytes(reserve)?))
		});
		let (needed, free) = checked.await?;
		if needed > free {
			return Err(FetchError::DiskFull { needed, free });
		}
		Ok(())
	}

	/// Sets the bytes of an MDU aside on disk, beside those of the uploads that run.
	async fn set_aside(&self, key: HoldingKey, needed: u64) -> Result<Reservation, FetchError> {
		let reserve = self.reserve;
		let free = self.on_store(move |store| store.free_bytes(reserve)).await?;
		let reserved = self.limits.reserve(key, needed, |_, awaited| {
			let free = free.saturating_sub(awaited);
			if needed > free { Err(free) } else { Ok(()) }
		});
		reserved.map_err(|free| FetchError::DiskFull { needed, free })
	}

	/// Whether shards of an MDU are staged and checked: before a stop, or by an upload that got no further.
	async fn has(&self, key: StagedKey, root: Hash32, live: u8) -> Result<bool, FetchError> {
		let staged = self.on_store(move |store| store.staged(&key)).await?;
		Ok(staged.is_some_and(|row| (row.root, row.live, row.unverified) == (root, live, None)))
	}

	async fn stage(&self, key: StagedKey, rebuilt: RebuiltMdu) -> Result<(), FetchError> {
		let RebuiltMdu { witness, shards } = rebuilt;
		let bytes = shards.len() as u64;
		self.on_store(move |store| {
			let mut incoming = store.incoming()?;
			incoming.write(&shards)?;
			// A slot that the profile does not have has no shards to be rebuilt.
			let branch = Branch::of(&witness, key.holding.slot).ok();
			let upload = Upload {
				root: witness.root(),
				profile: *witness.profile(),
				live: witness.live(),
				witness: &witness.to_witness().encode(),
				branch: branch.as_ref(),
				at: unix_now(),
			};
			let staged = store.stage(key, upload, incoming)?;
			// They were checked against the witness when they were made.
			match staged.unverified {
				Some(file) => store.verified(&[(key, file)]),
				None => Ok(()),
			}
		})
		.await?;
		self.metrics.rebuilt_bytes.inc_by(bytes);
		Ok(())
	}

	/// Asks the store, away from asynchronous threads.
	pub async fn on_store<T: Send + 'static>(
		&self,
		work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
	) -> Result<T, FetchError> {
		let store = self.store.clone();
		Ok(spawn_blocking(move || work(&store)).await??)
	}

	/// Waits for what other slots give, for so long and no longer, and not past `until`.
	async fn within<T>(
		&self,
		patience: Duration,
		until: Instant,
		what: &'static str,
		work: impl Future<Output = Result<T, GetError>>,
	) -> Result<T, FetchError> {
		let patience = patience.min(until.saturating_duration_since(Instant::now()));
		let done = timeout(patience, work);
		let done = self.until_stopped(done).await?;
		Ok(done.map_err(|_| FetchError::TooSlow { what, patience })??)
	}

	/// Waits for something that may take long, but not longer than the daemon runs.
	pub async fn until_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, FetchError> {
		tokio::select! {
			() = self.stop.cancelled() => Err(FetchError::Stopped),
			done = work => Ok(done),
		}
	}
}
