//! How fast blocks of ours get into the relay chain.

use anyhow::Result;
use nil_zombienet::{
	chain::Chain,
	inclusion::{Inclusion, included_and_final, inclusions},
	network::{FIRST_BLOCK_WITHIN, PARA_ID, RelayOffers, run},
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
	run("pace", RelayOffers::EccRfc163, Duration::from_secs(1_200), async |network| {
		let patience = FIRST_BLOCK_WITHIN + 2 * WARM_UP;
		included_and_final(&network.relay, PARA_ID, WARM_UP, patience).await?;
		let first = network.relay.finalised().await?.number + 1;
		let last = first + WINDOW - 1;
		network
			.relay
			.within(2 * WINDOW, "the window is final", async || {
				Ok((network.relay.finalised().await?.number >= last).then_some(()))
			})
			.await?;
		let included = window(&network.relay, first, last).await?;

		let mut lags: Vec<u32> = included.iter().map(Inclusion::lag).collect();
		lags.sort_unstable();
		let median = lags[lags.len() / 2];
		eprintln!(
			"pace: {} blocks in {WINDOW} relay blocks ({first} to {last}); relay blocks from relay parent to inclusion: \
			 median {median}, least {}, most {}",
			included.len(),
			lags[0],
			lags[lags.len() - 1],
		);
		for pair in included.windows(2) {
			assert_eq!(pair[1].block.number, pair[0].block.number + 1, "none is left out");
		}
		assert!(median <= RELAY_PARENT_OFFSET + LAG, "lags: {lags:?}");
		// 0.9 for each relay block: all but the one after the boundary of each session, which has ten here.
		assert!(included.len() * 10 >= WINDOW as usize * 9, "included: {included:?}");
		// What the relay chain included is final in our chain.
		let newest = included[included.len() - 1].block;
		network
			.para
			.within(WARM_UP, "the newest of them is final", async || {
				Ok((network.para.finalised().await?.number >= newest.number).then_some(()))
			})
			.await?;
		for inclusion in &included {
			assert_eq!(network.para.at(inclusion.block.number).await?, inclusion.block);
		}
		Ok(())
	});
}

async fn window(relay: &Chain, first: u32, last: u32) -> Result<Vec<Inclusion>> {
	let mut found = Vec::new();
	for number in first..=last {
		found.extend(inclusions(relay, relay.at(number).await?, PARA_ID).await?);
	}
	Ok(found)
}
