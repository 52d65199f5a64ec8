//! How fast blocks of ours get into the relay chain.

use anyhow::{Context, Result};
use nil_zombienet::{
	chain::Chain,
	inclusion::{Inclusion, included_and_final, inclusions},
	network::{FIRST_BLOCK_WITHIN, PARA_ID, Plan, run},
};
use std::time::Duration;
use zombienet_sdk::subxt::ext::codec::Decode;

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
		let first = network.relay.finalised().await?.number + 1;
		let last = first + WINDOW - 1;
		network
			.relay
			.within(2 * WINDOW, "the window is final", async || {
				Ok((network.relay.finalised().await?.number >= last).then_some(()))
			})
			.await?;
		let window = window(&network.relay, first, last).await?;
		let included: Vec<Inclusion> = window.iter().flat_map(|block| block.ours.clone()).collect();
		let (lost, counted): (Vec<_>, Vec<_>) =
			window.iter().partition(|block| block.starts_session);
		let fruitful = counted.iter().filter(|block| !block.ours.is_empty()).count();

		let mut lags: Vec<u32> = included.iter().map(Inclusion::lag).collect();
		lags.sort_unstable();
		let median = lags[lags.len() / 2];
		eprintln!(
			"pace: {} blocks in {WINDOW} relay blocks ({first} to {last}), {fruitful} of them in the {} that do not start a \
			 session; relay blocks from relay parent to inclusion: median {median}, least {}, most {}",
			included.len(),
			counted.len(),
			lags[0],
			lags[lags.len() - 1],
		);
		for pair in included.windows(2) {
			assert_eq!(pair[1].block.number, pair[0].block.number + 1, "none is left out");
		}
		assert!(median <= RELAY_PARENT_OFFSET + LAG, "lags: {lags:?}");
		// 0.9 for each relay block that may include one.
		assert!(fruitful * 10 >= counted.len() * 9, "{window:?}");
		assert!(!lost.is_empty(), "no session starts in {window:?}");
		// The next one may.
		for pair in window.windows(2) {
			let empty = pair.iter().filter(|block| block.ours.is_empty()).count();
			assert!(!pair[0].starts_session || empty <= 1, "a session cost two: {window:?}");
		}
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

/// A relay block of the window.
#[derive(Debug)]
struct RelayBlock {
	/// Whether its parent was the last one to work for the session before. At the end of that the relay chain drops what it
	/// had not included yet, so that there is nothing to include here.
	starts_session: bool,
	/// The blocks of ours that it included.
	ours: Vec<Inclusion>,
}

async fn window(relay: &Chain, first: u32, last: u32) -> Result<Vec<RelayBlock>> {
	let mut found = Vec::new();
	// A new session is announced in a relay block and in force when that one is done.
	let mut before = session(relay, first - 2).await?;
	let mut now = session(relay, first - 1).await?;
	for number in first..=last {
		let ours = inclusions(relay, relay.at(number).await?, PARA_ID).await?;
		found.push(RelayBlock { starts_session: now != before, ours });
		before = now;
		now = session(relay, number).await?;
	}
	Ok(found)
}

/// The session that a relay block ended in.
async fn session(relay: &Chain, number: u32) -> Result<u32> {
	let at = relay.at(number).await?;
	let index = relay.stored(at.hash, "Session", "CurrentIndex", Vec::new()).await?;
	Ok(u32::decode(&mut index.context("a session")?.as_slice())?)
}
