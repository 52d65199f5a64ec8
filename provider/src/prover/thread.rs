//! Where proofs are made, and what is held is checked: on one thread of its own, with low priority.
//!
//! A round asks all providers at once, and gives them a window that is many times as long as their work. So nothing is gained
//! by making an answer on all cores, and whoever reads or writes at that moment would wait: on a machine with several
//! providers, for all of them.

use std::sync::LazyLock;
use tokio::task::{JoinError, spawn_blocking};

/// How much the thread yields to others, in the terms of `nice(2)`.
const NICENESS: i32 = 10;

/// A pool of one thread, so that what is parallel in our libraries stays on it.
static POOL: LazyLock<Option<rayon::ThreadPool>> = LazyLock::new(|| {
	let pool = rayon::ThreadPoolBuilder::new()
		.num_threads(1)
		.thread_name(|_| "prover".into())
		.start_handler(|_| {
			// On Linux this is of the calling thread alone.
			if let Err(error) = rustix::process::nice(NICENESS) {
				tracing::warn!(%error, "proofs are made with the priority of everything else");
			}
		})
		.build();
	match pool {
		Ok(pool) => Some(pool),
		Err(error) => {
			tracing::warn!(%error, "proofs are made on the threads of everything else");
			None
		},
	}
});

/// Does work that blocks, when what was asked for before is done.
pub async fn aside<T: Send + 'static>(
	work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
	spawn_blocking(move || match &*POOL {
		Some(pool) => pool.install(work),
		None => work(),
	})
	.await
}

#[cfg(test)]
mod tests {
	use super::*;

	#[tokio::test]
	async fn work_stays_on_a_thread_of_its_own() {
		let name = || std::thread::current().name().map(str::to_owned);
		let found = aside(move || {
			let (here, there) = rayon::join(name, name);
			(here, there, rayon::current_num_threads())
		});
		let prover = Some("prover".to_owned());
		assert_eq!(found.await.unwrap(), (prover.clone(), prover, 1));
	}
}
