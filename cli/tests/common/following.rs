//! All that final blocks tell, collected in the background: the node keeps the events of its last blocks only.

use super::runtime;
use nil_client::chain::{BlockRef, Chain, ChainEvent, FinalEvents};
use std::{
	sync::{
		Arc,
		atomic::{AtomicBool, Ordering},
	},
	thread::{self, JoinHandle},
	time::Duration,
};

/// Follows a chain, through restarts of its node.
pub struct Following {
	/// The block after which it begins.
	pub from: BlockRef,
	stop: Arc<AtomicBool>,
	thread: JoinHandle<(BlockRef, Vec<ChainEvent>)>,
}

impl Following {
	pub fn start(chain: &Chain) -> Self {
		const LOOK: Duration = Duration::from_millis(50);
		/// Failures after it was told to stop, with which it gives up. Each is a try over the client's whole patience.
		const MOST: u32 = 3;
		let mut events = runtime().block_on(FinalEvents::from_now(chain.clone())).unwrap();
		let from = events.last();
		let stop = Arc::new(AtomicBool::new(false));
		let stopped = stop.clone();
		let thread = thread::spawn(move || {
			let (mut all, mut failures) = (Vec::new(), 0);
			loop {
				// Asked before the block: what is final when it is told to stop is read.
				let last = stopped.load(Ordering::Relaxed);
				match runtime().block_on(events.next()) {
					Ok(Some((_, more))) => all.extend(more),
					Ok(None) if last => return (events.last(), all),
					Ok(None) => thread::sleep(LOOK),
					Err(error) => {
						eprintln!("the chain cannot be followed: {error}");
						failures += u32::from(last);
						assert!(failures < MOST, "the end of the chain cannot be read: {error}");
						thread::sleep(LOOK);
					},
				}
			}
		});
		Self { from, stop, thread }
	}

	/// The last block that was read, and all events up to it. Panics when the chain cannot be read any more.
	pub fn stop(self) -> (BlockRef, Vec<ChainEvent>) {
		self.stop.store(true, Ordering::Relaxed);
		self.thread.join().unwrap()
	}
}
