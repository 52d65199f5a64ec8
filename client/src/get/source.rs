//! A deal as a place to read from: its commits, roots, witnesses and slots.

use super::{Blame, GetError, ReadOptions};
use crate::{
	account::AccountId,
	chain::DealChain,
	http::{Http, HttpError, ProviderClient},
	peers::{self, Peer, summary},
	progress::Event,
};
use bytes::Bytes;
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use nil_kzg::{Engines, MsmEngine};
use nil_slab::{CheckedWitness, MduDecoder, Witness};
use nil_types::{
	CommitInfo, ContentShape, DealId, DealInfo, Generation, Hash32, MduIndex, Profile, SlotIndex,
	SlotInfo, SlotState, blake2b_256, layout::MDU_PAYLOAD,
};
use std::{
	collections::{HashMap, VecDeque},
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::Duration,
};
use tokio::{
	sync::OnceCell,
	time::{Instant, sleep_until},
};
use tracing::Instrument;

/// Checked witnesses that are kept.
const WITNESSES_KEPT: usize = 64;

/// A deal to read from.
#[derive(Debug)]
pub(crate) struct DealSource {
	pub(crate) deal: DealInfo<AccountId>,
	pub(crate) options: ReadOptions,
	pub(crate) decoder: MduDecoder,
	commits: Vec<Commit>,
	peers: Vec<ReadPeer>,
	absent: Vec<(SlotIndex, String)>,
	engine: OnceCell<Arc<dyn MsmEngine>>,
	witnesses: Mutex<WitnessCache>,
	blamed: Mutex<Vec<Blame>>,
}

/// A commit and its roots, once they are known.
#[derive(Debug)]
pub(crate) struct Commit {
	pub(crate) generation: Generation,
	pub(crate) info: CommitInfo,
	roots: OnceCell<Arc<Vec<Hash32>>>,
}

impl Commit {
	/// How its payload fills MDUs.
	pub(crate) const fn shape(&self) -> ContentShape {
		ContentShape::new(self.info.size_bytes)
	}

	/// First payload byte in the slab.
	pub(crate) const fn offset(&self) -> u64 {
		self.info.first_mdu.saturating_mul(MDU_PAYLOAD as u64)
	}

	/// Where the index lies.
	pub(crate) fn index_range(&self) -> std::ops::Range<u64> {
		let end = self.offset().saturating_add(self.info.size_bytes);
		end.saturating_sub(self.info.index_len.into())..end
	}
}

/// A slot, and how it has done so far.
#[derive(Debug)]
pub(crate) struct ReadPeer {
	pub(crate) peer: Peer,
	record: Mutex<Record>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Record {
	/// Moving average of the time for one blob.
	per_blob: Option<Duration>,
	/// Failures since the last success.
	failures: u32,
	/// It gave wrong bytes.
	blamed: bool,
}

#[derive(Debug, Default)]
struct WitnessCache {
	by_root: HashMap<Hash32, Arc<CheckedWitness>>,
	order: VecDeque<Hash32>,
}

impl ReadPeer {
	pub(crate) fn succeeded(&self, took: Duration, blobs: usize) {
		let now = took / u32::try_from(blobs.max(1)).unwrap_or(u32::MAX);
		let mut record = lock(&self.record);
		record.failures = 0;
		record.per_blob = Some(record.per_blob.map_or(now, |before| (before * 3 + now) / 4));
	}

	/// It still has not answered after `waited`, or was outrun: its average moves up.
	pub(crate) fn was_slow(&self, waited: Duration, blobs: usize) {
		let at_least = waited / u32::try_from(blobs.max(1)).unwrap_or(u32::MAX);
		let mut record = lock(&self.record);
		record.per_blob = Some(record.per_blob.map_or(at_least, |before| before.max(at_least)));
	}

	pub(crate) fn failed(&self) {
		let mut record = lock(&self.record);
		record.failures = record.failures.saturating_add(1);
	}

	pub(crate) fn is_blamed(&self) -> bool {
		lock(&self.record).blamed
	}

	pub(crate) fn has_failed(&self) -> bool {
		lock(&self.record).failures > 0
	}

	pub(crate) fn per_blob(&self) -> Option<Duration> {
		lock(&self.record).per_blob
	}
}

impl DealSource {
	#[tracing::instrument(name = "open", skip_all, fields(deal = deal))]
	pub(crate) async fn open(
		chain: &dyn DealChain,
		deal: DealId,
		options: ReadOptions,
	) -> Result<Arc<Self>, GetError> {
		let info = chain.deal(deal).await?;
		let commits = chain.commits(deal, 1).await?;
		let slots = chain.slots(deal).await?;
		Self::of(info, commits, &slots, options, OnceCell::new())
	}

	/// Of what a chain says. `commits` may be some of the deal's, in order; `engine` is chosen when it is needed and not set.
	pub(crate) fn of(
		deal: DealInfo<AccountId>,
		commits: Vec<(Generation, CommitInfo)>,
		slots: &[SlotInfo<AccountId>],
		options: ReadOptions,
		engine: OnceCell<Arc<dyn MsmEngine>>,
	) -> Result<Arc<Self>, GetError> {
		let http = Http::with_reach(options.timeouts, options.reach)?;
		let (peers, absent) = peers::peers(&http, slots, SlotState::provider);
		Ok(Arc::new(Self {
			decoder: MduDecoder::new(deal.profile)?,
			deal,
			options,
			commits: commits
				.into_iter()
				.map(|(generation, info)| Commit { generation, info, roots: OnceCell::new() })
				.collect(),
			peers: peers
				.into_iter()
				.map(|peer| ReadPeer { peer, record: Mutex::default() })
				.collect(),
			absent: absent.into_iter().map(|absent| (absent.slot, absent.reason)).collect(),
			engine,
			witnesses: Mutex::default(),
			blamed: Mutex::default(),
		}))
	}

	pub(crate) fn id(&self) -> DealId {
		self.deal.id
	}

	pub(crate) fn profile(&self) -> &Profile {
		&self.deal.profile
	}

	pub(crate) fn commits(&self) -> &[Commit] {
		&self.commits
	}

	pub(crate) fn peers(&self) -> &[ReadPeer] {
		&self.peers
	}

	/// Slots that cannot be reached at all, and why.
	pub(crate) fn absent(&self) -> &[(SlotIndex, String)] {
		&self.absent
	}

	/// The commit that made an MDU.
	pub(crate) fn commit_of(&self, mdu: MduIndex) -> Result<&Commit, GetError> {
		let after = self.commits.partition_point(|commit| commit.info.first_mdu <= mdu);
		after
			.checked_sub(1)
			.and_then(|place| self.commits.get(place))
			.filter(|commit| mdu - commit.info.first_mdu < commit.shape().mdus())
			.ok_or(GetError::OutsideSlab { offset: mdu.saturating_mul(MDU_PAYLOAD as u64) })
	}

	/// The engine that checks blobs: one commitment per MDU read. Chosen once, for the deal's size.
	pub(crate) async fn engine(&self) -> Result<Arc<dyn MsmEngine>, GetError> {
		let mdus = usize::try_from(self.deal.total_mdus).unwrap_or(usize::MAX);
		let engine =
			self.engine.get_or_try_init(|| blocking(move || Engines::choose(mdus))).await?;
		Ok(engine.clone())
	}

	/// The roots of a commit, checked against their hash on the chain.
	#[tracing::instrument(skip_all, fields(deal = self.id(), generation = commit.generation))]
	pub(crate) async fn roots(&self, commit: &Commit) -> Result<Arc<Vec<Hash32>>, GetError> {
		let expected = commit.shape().mdus();
		let hash = commit.info.roots_hash;
		let roots = commit
			.roots
			.get_or_try_init(|| async {
				let what = format!("the roots of generation {}", commit.generation);
				let read = move |bytes: Bytes| {
					let (roots, rest) = bytes.as_chunks::<32>();
					let right = rest.is_empty()
						&& roots.len() as u64 == expected
						&& blake2b_256(&bytes) == hash;
					right.then(|| Arc::new(roots.to_vec())).ok_or_else(wrong_hash)
				};
				let found = self.first_good(
					what,
					move |client, deal| Box::pin(async move { client.object(deal, &hash).await }),
					read,
				);
				match found.await {
					Err(missing @ GetError::Missing { .. }) => {
						self.rebuild_roots(commit, missing).await
					},
					found => found,
				}
			})
			.await?;
		Ok(roots.clone())
	}

	/// The witness of an MDU, checked against its root.
	#[tracing::instrument(skip_all, fields(deal = self.id(), mdu = mdu))]
	pub(crate) async fn witness(&self, mdu: MduIndex) -> Result<Arc<CheckedWitness>, GetError> {
		let commit = self.commit_of(mdu)?;
		let roots = self.roots(commit).await?;
		let place = usize::try_from(mdu - commit.info.first_mdu).unwrap_or(usize::MAX);
		let root = *roots
			.get(place)
			.ok_or(GetError::OutsideSlab { offset: mdu.saturating_mul(MDU_PAYLOAD as u64) })?;
		if let Some(known) = lock(&self.witnesses).by_root.get(&root) {
			return Ok(known.clone());
		}
		let profile = *self.profile();
		let read = move |bytes: Bytes| {
			let checked = Witness::decode_strict(&bytes)
				.and_then(|witness| witness.check(&profile))
				.map_err(|error| error.to_string())?;
			(checked.root() == root).then(|| Arc::new(checked)).ok_or_else(wrong_hash)
		};
		let what = format!("the witness of MDU {mdu}");
		let found = self.first_good(
			what,
			move |client, deal| Box::pin(async move { client.witness(deal, &root).await }),
			read,
		);
		let witness = match found.await {
			Err(missing @ GetError::Missing { .. }) => {
				self.rebuild_witness(commit, mdu, root, missing).await?
			},
			found => found?,
		};
		self.remember(witness.clone());
		Ok(witness)
	}

	/// Keeps a witness for the next reader, and lets the oldest one go.
	pub(super) fn remember(&self, witness: Arc<CheckedWitness>) {
		let root = witness.root();
		let mut cache = lock(&self.witnesses);
		if cache.by_root.insert(root, witness).is_none() {
			cache.order.push_back(root);
		}
		while cache.order.len() > WITNESSES_KEPT {
			if let Some(oldest) = cache.order.pop_front() {
				cache.by_root.remove(&oldest);
			}
		}
	}

	/// The stored bytes of a commit's index from whoever has them as a whole.
	pub(crate) async fn index_object(&self, commit: &Commit) -> Result<Bytes, GetError> {
		let hash = commit.info.index_root;
		let length = commit.info.index_len as usize;
		let what = format!("the index of generation {}", commit.generation);
		let read = move |bytes: Bytes| {
			let right = bytes.len() == length && blake2b_256(&bytes) == hash;
			right.then_some(bytes).ok_or_else(wrong_hash)
		};
		self.first_good(
			what,
			move |client, deal| Box::pin(async move { client.object(deal, &hash).await }),
			read,
		)
		.await
	}

	/// Asks slots one after the other, the next one also when one is slow, and takes the first answer that `read` likes.
	async fn first_good<T: Send + 'static>(
		&self,
		what: String,
		ask: impl Fn(ProviderClient, DealId) -> BoxFuture<'static, Result<Bytes, HttpError>>,
		read: impl Fn(Bytes) -> Result<T, String> + Clone + Send + 'static,
	) -> Result<T, GetError> {
		let mut order: Vec<&ReadPeer> = self.peers.iter().collect();
		order.sort_by_key(|peer| (peer.is_blamed(), peer.has_failed(), peer.per_blob()));
		let mut order = order.into_iter();
		let mut failures = self.absent.clone();
		let mut asked = FuturesUnordered::new();
		let mut hedge = Instant::now();
		loop {
			if asked.is_empty() || Instant::now() >= hedge {
				match order.next() {
					Some(peer) => {
						let answer = ask(peer.peer.client.clone(), self.id());
						let span = tracing::info_span!("ask", slot = peer.peer.slot);
						asked.push(async move { (peer, answer.await) }.instrument(span));
						hedge = Instant::now() + self.options.hedge_after;
					},
					None if asked.is_empty() => {
						return Err(GetError::Missing { what, failures: summary(&failures) });
					},
					None => hedge = Instant::now() + Duration::from_secs(3600),
				}
			}
			tokio::select! {
				Some((peer, answer)) = asked.next() => match answer {
					Ok(bytes) => {
						let read = read.clone();
						match blocking(move || read(bytes)).await? {
							Ok(value) => return Ok(value),
							Err(reason) => failures.push((peer.peer.slot, reason)),
						}
					},
					Err(error) => {
						peer.failed();
						failures.push((peer.peer.slot, error.to_string()));
					},
				},
				() = sleep_until(hedge) => {},
			}
		}
	}

	/// Records wrong bytes; the slot is not asked for blobs again.
	pub(crate) fn blame(&self, peer: &ReadPeer, mdu: MduIndex, rows: Vec<u8>) {
		lock(&peer.record).blamed = true;
		let Peer { slot, provider, .. } = peer.peer;
		tracing::warn!(slot, %provider, mdu, ?rows, "a slot gave wrong blobs");
		self.options.progress.emit(Event::Blamed { slot, provider, mdu, rows: rows.clone() });
		lock(&self.blamed).push(Blame { slot, provider, mdu, rows });
	}

	pub(crate) fn blamed(&self) -> Vec<Blame> {
		lock(&self.blamed).clone()
	}
}

fn wrong_hash() -> String {
	"it gave something else".to_owned()
}

/// Runs heavy work off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
	work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, GetError> {
	tokio::task::spawn_blocking(work)
		.await
		.map_err(|error| GetError::Internal { reason: error.to_string() })
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
	mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
