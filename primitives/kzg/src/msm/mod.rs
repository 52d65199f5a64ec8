//! Multi-scalar multiplication engines: from blobs to commitments.
//!
//! An engine takes a batch of blobs and gives back one commitment each. [`MsmEngine`] is all that callers see, so an
//! engine for other hardware joins by implementing it. Two are here:
//!
//! * [`Pippenger`]: blst's bucket method; no memory and no preparation;
//! * [`BitColumn`]: a table of signed subset sums of the fixed points, about half the time per blob, for jobs that are
//!   large enough to pay for building or loading the table.
//!
//! Every engine gives the same points, which tests hold against a sum of single multiplications and against c-kzg.

mod bit_column;
mod cache;
mod pippenger;
mod table;

pub use bit_column::BitColumn;
pub use cache::cache_dir;
pub use pippenger::Pippenger;
pub use table::{Table, TableError};

use crate::{Blob, G1Affine, setup};
use std::{
	fmt::Debug,
	path::Path,
	sync::{
		Arc, LazyLock, OnceLock,
		atomic::{AtomicU64, Ordering},
	},
	time::Duration,
};

pub(crate) use pippenger::multiply;

/// Commits to blobs.
pub trait MsmEngine: Send + Sync + Debug {
	/// A short name for logs and metrics.
	fn name(&self) -> &str;

	/// The commitments of `blobs`, in their order. Uses all cores of the current rayon pool.
	///
	/// Scalars may be of full size; blobs of data, whose scalars are below `2^248`, may be faster.
	fn commit(&self, blobs: &[&Blob]) -> Vec<G1Affine>;
}

/// The engine that is asked for in the environment variable of this name, whatever the job: `pippenger` or
/// `bit-column`.
pub const ENGINE_VARIABLE: &str = "NIL_MSM";

/// Blobs that make up for building a table.
const WORTH_BUILDING: usize = 256;
/// Blobs that make up for loading a table that another process has built.
const WORTH_LOADING: usize = 16;

/// Processor time, over all threads, that this process has spent in engines.
pub fn processor_time() -> Duration {
	Duration::from_nanos(SPENT.load(Ordering::Relaxed))
}

/// What [`processor_time`] tells, in nanoseconds.
static SPENT: AtomicU64 = AtomicU64::new(0);

/// Does a piece of an engine's work that stays on this thread, and counts its processor time.
pub(crate) fn counted<T>(work: impl FnOnce() -> T) -> T {
	let start = cpu_time::ThreadTime::try_now();
	let result = work();
	if let Ok(spent) = start.and_then(|start| start.try_elapsed()) {
		SPENT.fetch_add(u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
	}
	result
}

/// Chooses engines.
#[derive(Clone, Copy, Debug)]
pub struct Engines;

impl Engines {
	/// The fastest engine for a job of about `expected_blobs` blobs. The table of [`BitColumn`] is shared: in this
	/// process by all callers, on this machine through a file in the [`cache_dir`].
	///
	/// [`ENGINE_VARIABLE`] overrides the choice.
	pub fn choose(expected_blobs: usize) -> Arc<dyn MsmEngine> {
		match std::env::var(ENGINE_VARIABLE).as_deref() {
			Ok("pippenger") => return Self::pippenger(),
			Ok("bit-column") => return Self::shared_bit_column(),
			Ok(other) => tracing::warn!(
				"{ENGINE_VARIABLE}={other} names no engine (pippenger, bit-column); choosing one"
			),
			Err(_) => {},
		}
		let worth_it = expected_blobs >= WORTH_BUILDING
			|| (expected_blobs >= WORTH_LOADING && Self::table_exists())
			|| SHARED.get().is_some();
		if worth_it { Self::shared_bit_column() } else { Self::pippenger() }
	}

	/// The engine without preparation.
	pub fn pippenger() -> Arc<dyn MsmEngine> {
		Arc::new(Pippenger)
	}

	/// The engine with a table in `dir` and groups of `window` points; built when the file is absent or damaged.
	pub fn bit_column(dir: &Path, window: usize) -> Result<Arc<BitColumn>, TableError> {
		Ok(Arc::new(BitColumn::new(Table::open(dir, window)?)))
	}

	fn shared_bit_column() -> Arc<dyn MsmEngine> {
		let engine = SHARED.get_or_init(|| {
			let window = cache::affordable_window();
			let table = match cache_dir() {
				Some(dir) => Table::open(&dir, window).or_else(|error| {
					tracing::warn!(
						"cannot share the commitment table in {}: {error}; keeping it in memory",
						dir.display()
					);
					Table::build(lagrange_points(), window)
				}),
				None => Table::build(lagrange_points(), window),
			};
			table.map(|table| Arc::new(BitColumn::new(table)))
		});
		match engine {
			Ok(engine) => engine.clone(),
			Err(error) => {
				tracing::warn!("no commitment table: {error}");
				Self::pippenger()
			},
		}
	}

	fn table_exists() -> bool {
		cache_dir().is_some_and(|dir| Table::path(&dir, cache::affordable_window()).is_file())
	}
}

/// The table of this process.
static SHARED: OnceLock<Result<Arc<BitColumn>, TableError>> = OnceLock::new();

/// The Lagrange points of the setup, in the order of a blob's scalars.
pub(crate) fn lagrange_points() -> &'static [G1Affine] {
	static POINTS: LazyLock<Vec<G1Affine>> = LazyLock::new(|| {
		setup::g1_lagrange()
			.iter()
			.map(|bytes| {
				// A test holds the embedded points to the official setup, so this never happens.
				G1Affine::deserialize_finite(bytes).unwrap_or(G1Affine::INFINITY)
			})
			.collect()
	});
	&POINTS
}
