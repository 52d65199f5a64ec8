//! A reader that must never see an error.

use super::runtime;
use nil_client::{
	chain::Chain,
	crypt::Identities,
	get::{GetError, ReadOptions, Reader},
};
use std::{
	sync::{
		Arc,
		atomic::{AtomicBool, Ordering},
	},
	thread::{self, JoinHandle},
	time::Duration,
};

/// Reads a deal's file `file` piece by piece, over and over, through the restart of whatever is restarted.
pub struct Reading {
	stop: Arc<AtomicBool>,
	thread: JoinHandle<usize>,
}

impl Reading {
	/// Of a file that has these bytes.
	pub fn start(chain: Chain, deal: u64, expected: Vec<u8>) -> Self {
		/// Bytes that are read at a time.
		const PIECE: usize = 1_000_000;
		/// Leaves the machine to those who have to answer in time.
		const PAUSE: Duration = Duration::from_millis(100);
		let stop = Arc::new(AtomicBool::new(false));
		let stopped = stop.clone();
		let thread = thread::spawn(move || {
			let mut reads = 0;
			for start in (0..expected.len()).step_by(PIECE).cycle() {
				if stopped.load(Ordering::Relaxed) {
					break;
				}
				let end = expected.len().min(start + PIECE);
				let piece = runtime().block_on(read(&chain, deal, start as u64, end as u64));
				let piece = piece.unwrap_or_else(|error| panic!("after {reads} reads: {error}"));
				assert!(piece == expected[start..end], "other bytes at {start}");
				reads += 1;
				thread::sleep(PAUSE);
			}
			reads
		});
		Self { stop, thread }
	}

	/// No read has failed.
	#[track_caller]
	pub fn goes_on(&self) {
		assert!(!self.thread.is_finished(), "the reader has failed");
	}

	/// How many reads there were, all of them right.
	pub fn stop(self) -> usize {
		self.stop.store(true, Ordering::Relaxed);
		self.thread.join().expect("every read succeeds")
	}
}

async fn read(chain: &Chain, deal: u64, start: u64, end: u64) -> Result<Vec<u8>, GetError> {
	let options = ReadOptions::new(Identities::none());
	let reader = Reader::open(Arc::new(chain.clone()), deal, options).await?;
	let mut bytes = Vec::new();
	reader.cat("file", start..end, &mut bytes).await?;
	Ok(bytes)
}
