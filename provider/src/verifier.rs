//! Checks staged shards against the commitments of their witnesses, in the background and many at a time.
//!
//! One check costs one multi-scalar multiplication however many blobs are in it ([`nil_kzg::bulk`]), so the worker
//! waits a moment for more, up to [`BATCH_MDUS`] MDUs or [`BATCH_BYTES`]. Whoever needs the verdict, a receipt, asks for
//! it with [`Verifier::settle`], which ends the wait.
//!
//! The queue is in memory; the index knows what is not checked, and the daemon queues that again when it starts. When
//! the worker is dropped half-way nothing is lost but its time.

use crate::{
	metrics::Metrics,
	store::{FileId, Staged, StagedKey, Store, StoreError},
};
use nil_kzg::{Blob, BlobError, Engines, G1Affine, MsmEngine, bulk};
use nil_slab::witness::{Witness, WitnessError};
use nil_types::{Profile, SlotIndex, layout::BLOB_BYTES};
use std::{
	collections::BTreeSet,
	fs, io,
	path::PathBuf,
	sync::{Arc, Mutex, PoisonError},
	time::Duration,
};
use tokio::{
	sync::{mpsc, oneshot},
	time::{Instant, timeout_at},
};

/// MDUs in a check at most.
pub const BATCH_MDUS: usize = 8;
/// Bytes in a check, beyond which no MDU is added.
pub const BATCH_BYTES: u64 = 64 << 20;
/// How long a check waits for more.
const LINGER: Duration = Duration::from_millis(200);
/// Shards that may wait for their check before uploads wait too.
const QUEUE: usize = 256;
/// Verdicts remembered against shards, for the error that a receipt gets.
const MOST_REJECTED: usize = 4096;

/// Shards to check.
#[derive(Clone, Debug)]
pub struct Claim {
	/// Which they are.
	pub key: StagedKey,
	/// Their file's name in the index.
	pub file: FileId,
	/// Their file.
	pub path: PathBuf,
	/// The commitments of the slot's live rows, in order.
	pub commitments: Vec<G1Affine>,
}

impl Claim {
	fn bytes(&self) -> u64 {
		(self.commitments.len() as u64).saturating_mul(BLOB_BYTES as u64)
	}
}

/// Whether a blob's encoding is what its slot must hold: canonical scalars, and for data slots a zero in front of each.
pub fn parse_blob<'a>(
	profile: &Profile,
	slot: SlotIndex,
	bytes: &'a [u8],
) -> Result<&'a Blob, BlobError> {
	if slot < profile.k { Blob::parse_data(bytes) } else { Blob::parse(bytes) }
}

/// The commitments that `slot`'s shards must match.
pub fn commitments(
	witness: &Witness,
	profile: &Profile,
	slot: SlotIndex,
) -> Result<Vec<G1Affine>, WitnessError> {
	Ok(witness.check(profile)?.slot(slot)?.to_vec())
}

enum Job {
	Check(Claim),
	Settle(oneshot::Sender<()>),
}

/// The worker's handle. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Verifier {
	jobs: mpsc::Sender<Job>,
	rejected: Arc<Mutex<BTreeSet<StagedKey>>>,
}

/// The worker is gone: the daemon is shutting down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the daemon is shutting down")]
pub struct Stopped;

impl Verifier {
	/// A handle of a worker over `store`, and its work, which ends when every handle is dropped and the queue is empty.
	pub fn new(
		store: Arc<Store>,
		metrics: Arc<Metrics>,
	) -> (Self, impl Future<Output = ()> + Send + 'static) {
		let (jobs, queue) = mpsc::channel(QUEUE);
		let rejected = Arc::<Mutex<BTreeSet<StagedKey>>>::default();
		let worker =
			Worker { store, metrics, rejected: rejected.clone(), engine: Engines::pippenger() };
		(Self { jobs, rejected }, worker.run(queue))
	}

	/// Queues a check. Waits while the queue is full.
	pub async fn check(&self, claim: Claim) -> Result<(), Stopped> {
		self.rejected().remove(&claim.key);
		self.jobs.send(Job::Check(claim)).await.map_err(|_| Stopped)
	}

	/// Waits until everything that was queued before has its verdict.
	pub async fn settle(&self) -> Result<(), Stopped> {
		let (done, settled) = oneshot::channel();
		self.jobs.send(Job::Settle(done)).await.map_err(|_| Stopped)?;
		settled.await.map_err(|_| Stopped)
	}

	/// Whether the last shards uploaded for `key` did not match their commitments.
	pub fn was_rejected(&self, key: &StagedKey) -> bool {
		self.rejected().contains(key)
	}

	fn rejected(&self) -> std::sync::MutexGuard<'_, BTreeSet<StagedKey>> {
		self.rejected.lock().unwrap_or_else(PoisonError::into_inner)
	}
}

struct Worker {
	store: Arc<Store>,
	metrics: Arc<Metrics>,
	rejected: Arc<Mutex<BTreeSet<StagedKey>>>,
	engine: Arc<dyn MsmEngine>,
}

impl Worker {
	async fn run(self, mut queue: mpsc::Receiver<Job>) {
		let this = Arc::new(self);
		while let Some(job) = queue.recv().await {
			let (batch, waiting) = collect(job, &mut queue).await;
			if !batch.is_empty() {
				let worker = this.clone();
				let checked = tokio::task::spawn_blocking(move || worker.check(&batch)).await;
				if let Err(error) = checked {
					tracing::error!(%error, "a check of shards broke off");
				}
			}
			for done in waiting {
				// Whoever asked may have gone.
				let _ = done.send(());
			}
		}
	}

	fn check(&self, batch: &[Claim]) {
		let timer = self.metrics.verify_seconds.start_timer();
		let mut good = Vec::new();
		let mut bad = Vec::new();
		// Files that cannot be read now are neither: their rows stay unchecked, and no receipt covers them.
		let read: Vec<_> = batch
			.iter()
			.filter_map(|claim| match fs::read(&claim.path) {
				Ok(bytes) => Some((claim, bytes)),
				// Replaced or dropped since it was queued.
				Err(error) if error.kind() == io::ErrorKind::NotFound => None,
				Err(error) => {
					tracing::error!(path = %claim.path.display(), %error, "cannot read staged shards");
					None
				},
			})
			.collect();
		let mut claims = Vec::new();
		let mut owners = Vec::new();
		for (index, (claim, bytes)) in read.iter().enumerate() {
			match pair(&claim.commitments, bytes) {
				Some(pairs) => {
					owners.extend(std::iter::repeat_n(index, pairs.len()));
					claims.extend(pairs);
				},
				None => bad.push(index),
			}
		}
		let wrong = bulk::find_bad(&*self.engine, &claims);
		bad.extend(wrong.into_iter().filter_map(|blob| owners.get(blob).copied()));
		for (index, (claim, _)) in read.iter().enumerate() {
			if !bad.contains(&index) {
				good.push((claim.key, claim.file));
			}
		}
		drop(timer);
		self.metrics.verified_blobs.inc_by(claims.len() as u64);
		if let Err(error) = self.record(&read, &bad, &good) {
			tracing::error!(%error, "cannot record the verdict on shards");
		}
	}

	fn record(
		&self,
		read: &[(&Claim, Vec<u8>)],
		bad: &[usize],
		good: &[(StagedKey, FileId)],
	) -> Result<(), StoreError> {
		self.store.verified(good)?;
		for (claim, _) in bad.iter().filter_map(|index| read.get(*index)) {
			let StagedKey { holding, mdu } = claim.key;
			if self.store.reject(&claim.key, claim.file)? {
				tracing::warn!(
					deal = holding.deal,
					generation = holding.generation,
					slot = holding.slot,
					mdu,
					"shards do not match their commitments"
				);
				self.metrics.rejected_mdus.inc();
				let mut rejected = self.rejected.lock().unwrap_or_else(PoisonError::into_inner);
				if rejected.len() >= MOST_REJECTED {
					rejected.clear();
				}
				rejected.insert(claim.key);
			}
		}
		Ok(())
	}
}

/// Commitments with their blobs; `None` when the bytes are not that many blobs.
fn pair<'a>(commitments: &'a [G1Affine], bytes: &'a [u8]) -> Option<Vec<bulk::Claim<'a>>> {
	let (blobs, []) = bytes.as_chunks::<BLOB_BYTES>() else { return None };
	if blobs.len() != commitments.len() {
		return None;
	}
	commitments
		.iter()
		.zip(blobs)
		.map(|(point, blob)| Some((point, Blob::parse(blob).ok()?)))
		.collect()
}

/// Takes jobs until a batch is full, nothing more comes for a moment, or somebody waits for the verdict.
async fn collect(
	first: Job,
	queue: &mut mpsc::Receiver<Job>,
) -> (Vec<Claim>, Vec<oneshot::Sender<()>>) {
	let deadline = Instant::now() + LINGER;
	let mut batch = Vec::new();
	let mut bytes = 0u64;
	let mut next = Some(first);
	while let Some(job) = next {
		match job {
			Job::Check(claim) => {
				bytes = bytes.saturating_add(claim.bytes());
				batch.push(claim);
			},
			Job::Settle(done) => return (batch, vec![done]),
		}
		if batch.len() >= BATCH_MDUS || bytes >= BATCH_BYTES {
			break;
		}
		next = timeout_at(deadline, queue.recv()).await.ok().flatten();
	}
	(batch, Vec::new())
}

/// Queues what `staged` says is not checked, from its witness on disk: after a restart.
pub fn claim_of(
	store: &Store,
	key: StagedKey,
	staged: &Staged,
) -> Result<Option<Claim>, StoreError> {
	let (Some(file), Some(path)) = (staged.unverified, store.unverified_path(&key, staged)) else {
		return Ok(None);
	};
	let Some(witness) = store.staged_witness(staged)? else { return Ok(None) };
	let bytes = fs::read(&witness.path)
		.map_err(|source| StoreError::Io { path: witness.path.clone(), source })?;
	let points = Witness::decode_strict(&bytes)
		.and_then(|witness| commitments(&witness, &staged.profile, key.holding.slot));
	Ok(points.ok().map(|commitments| Claim { key, file, path, commitments }))
}
