//! How fast blocks of ours get into the relay chain.

use anyhow::Context;
use nil_zombienet::{
	inclusion::{Inclusion, included_and_final},
	network::{FIRST_BLOCK_WITHIN, PARA_ID, Plan, run},
	window::Window,
};
use std::time::Duration;

/// Relay blocks that are looked at.
const WINDOW: u32 = 50;
/// Blocks of ours that pass before, so that everybody has found everybody.
const WARM_UP: u32 = 5;
/// What the runtime configures: blocks are built on the newest relay block.
const RELAY_PARENT_OFFSET: u32 = 0;
/// Relay blocks between the relay parent and the inclusion, beyond that offset, at most in the median.
const LAG: u32 = 3;

#[test]
fn pace() {
	run("pace", Plan::RFC163, Duration::from_secs(1_200), async |network| {
		let patience = FIRST_BLOCK_WITHIN + 2 * WARM_UP;
		included_and_final(&network.relay, PARA_ID, WARM_UP, patience).await?;
		let window = Window::next(&network.relay, PARA_ID, WINDOW).await?;
		eprintln!("{}", window.row("pace"));

		let mut lags: Vec<u32> = window.included().iter().map(Inclusion::lag).collect();
		lags.sort_unstable();
		let median = lags.get(lags.len() / 2).context("a block of ours")?;
		assert!(*median <= RELAY_PARENT_OFFSET + LAG, "lags: {lags:?}");
		// 0.9 for each relay block that may include one. A block that was built on a fork of the relay chain is lost.
		let counted = window.within_sessions();
		let fruitful = counted.iter().filter(|block| !block.ours.is_empty()).count();
		assert!(fruitful * 10 >= counted.len() * 9, "{window:?}");
		assert!(counted.len() < window.blocks.len(), "no session starts in {window:?}");
		window.check(&network.para, WARM_UP).await
	});
}
