//! What a put did and where its time went.

use nil_kzg::msm;
use nil_types::{DealId, Generation, SlotIndex, deal::SerdeBytes};
use serde::Serialize;
use std::{
	sync::atomic::{AtomicU64, Ordering},
	time::{Duration, Instant},
};

/// What a put, or a removal, did.
#[derive(Clone, Debug, Serialize)]
pub struct PutReport {
	/// The deal.
	pub deal: DealId,
	/// The deal's generation now.
	pub generation: Generation,
	/// The commits made, in order.
	pub commits: Vec<CommitReport>,
	/// Files stored (put) or removed.
	pub files: u64,
	/// Bytes of their content.
	pub bytes: u64,
	/// Bytes that all slots together store for it.
	pub stored_bytes: u64,
	/// Links and other special files that were left out.
	pub skipped: Vec<String>,
	/// Whether an interrupted put went on.
	pub resumed: bool,
	/// Where the time went.
	pub timings: Timings,
}

/// One commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommitReport {
	/// The generation that it made.
	pub generation: Generation,
	/// Its first MDU in the slab.
	pub first_mdu: u64,
	/// Its MDUs.
	pub mdus: u64,
	/// Its payload bytes, index included.
	pub size_bytes: u64,
	/// `H` of its index as stored.
	pub index_root: SerdeBytes<32>,
	/// Slots that signed.
	pub signed: Vec<SlotIndex>,
	/// Slots that did not.
	pub silent: Vec<SlotIndex>,
}

/// Time spent in each stage. Stages overlap, so the sum may be above `total`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Timings {
	/// Wall-clock time in all, seconds.
	pub total: f64,
	/// Reading files.
	pub read: f64,
	/// Encrypting and hashing.
	pub seal: f64,
	/// Packing, parity and trees.
	pub code: f64,
	/// Commitments.
	pub commit: f64,
	/// The processor time of the commitments, over all cores.
	pub commit_cpu: f64,
	/// Uploads: the time during which at least one MDU's was under way, summed over MDUs.
	pub upload: f64,
	/// Waiting for receipts.
	pub receipts: f64,
	/// Waiting for the chain.
	pub chain: f64,
}

/// A stopwatch that many threads add to.
#[derive(Debug, Default)]
pub(crate) struct Stage(AtomicU64);

impl Stage {
	/// Adds the time that `work` takes.
	pub(crate) fn time<T>(&self, work: impl FnOnce() -> T) -> T {
		let started = Instant::now();
		let result = work();
		self.add(started.elapsed());
		result
	}

	/// Adds `time`.
	pub(crate) fn add(&self, time: Duration) {
		let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
		self.0.fetch_add(nanos, Ordering::Relaxed);
	}

	/// Seconds so far.
	pub(crate) fn seconds(&self) -> f64 {
		Duration::from_nanos(self.0.load(Ordering::Relaxed)).as_secs_f64()
	}
}

/// The stopwatches of a put.
#[derive(Debug, Default)]
pub(crate) struct Stages {
	/// What the engines of this process had used before.
	engines_before: Duration,
	pub(crate) read: Stage,
	pub(crate) seal: Stage,
	/// Packing, parity, commitments, trees.
	pub(crate) encode: Stage,
	pub(crate) commit: Stage,
	pub(crate) upload: Stage,
	pub(crate) receipts: Stage,
	pub(crate) chain: Stage,
}

impl Stages {
	pub(crate) fn start() -> Self {
		Self { engines_before: msm::processor_time(), ..Self::default() }
	}

	pub(crate) fn timings(&self, total: Duration) -> Timings {
		let commit = self.commit.seconds();
		Timings {
			total: total.as_secs_f64(),
			read: self.read.seconds(),
			seal: self.seal.seconds(),
			code: (self.encode.seconds() - commit).max(0.0),
			commit,
			commit_cpu: msm::processor_time().saturating_sub(self.engines_before).as_secs_f64(),
			upload: self.upload.seconds(),
			receipts: self.receipts.seconds(),
			chain: self.chain.seconds(),
		}
	}
}
