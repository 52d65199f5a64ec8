//! What the chain is for, on a real relay chain: files on providers, slots drawn by the relay chain's randomness, and a
//! node that joins later and knows all of it.

use anyhow::{Context, Result, ensure};
use nil_types::messages::PlacementSeed;
use nil_zombienet::{
	beacon::{draw_of, of_relay_block, records},
	chain::Chain,
	inclusion::included_and_final,
	network::{FIRST_BLOCK_WITHIN, Network, PARA_ID, Plan, run},
	registry,
	storage::{Storage, random_bytes},
};
use std::time::Duration;

/// The slots of a 2+2 deal.
const SLOTS: usize = 4;
/// One provider more, so that there is something to draw.
const PROVIDERS: usize = SLOTS + 1;
/// Relay blocks between the request for slots and the first one whose randomness may decide, as the runtime configures it.
const DRAW_DELAY: u32 = 4;
/// Blocks within which a node that joined has to catch up.
const CATCH_UP: u32 = 40;

#[test]
fn storage() {
	run("storage", Plan::PUBLIC, Duration::from_secs(1_800), async |network| {
		included_and_final(&network.relay, PARA_ID, 1, FIRST_BLOCK_WITHIN).await?;
		let mut storage = Storage::start(network, PROVIDERS).await?;
		let user = storage.user.clone();

		let first = network.para.finalised().await?.number;
		let deal = user.create_deal("2+2", 32).await?;
		the_relay_chain_drew(network, deal, first).await?;

		let bytes = random_bytes(3_000_000, 1);
		user.put(deal, "file", &bytes).await?;
		assert!(user.cat(deal, "file").await? == bytes);
		let holder = user.holders(deal).await?.swap_remove(0);
		storage.held_by(&holder)?.kill().await?;
		assert!(user.cat(deal, "file").await? == bytes, "any two of four bring it back");

		a_node_joins_by_warp_sync(network, deal).await
	});
}

/// The slots of `deal`, asked for after our block `first`, were drawn from what the relay chain came to know later.
async fn the_relay_chain_drew(network: &Network, deal: u64, first: u32) -> Result<()> {
	let Network { relay, para, .. } = network;
	let last = para.finalised().await?.number;
	let draw = draw_of(para, deal, first, last).await?;
	let known = records(para, draw.requested).await?;
	let newest = known.last().context("a record at the request")?;
	assert!(newest.relay_block + DRAW_DELAY <= draw.draw_at, "{newest:?} is too new for {draw:?}");
	let kept = records(para, draw.placed).await?;
	let late_enough = kept.iter().filter(|record| record.relay_block >= draw.draw_at);
	let used = late_enough.min_by_key(|record| record.relay_block);
	let used = used.context("a record that may decide")?;
	assert_eq!(used.relay_block, draw.record, "the first record that may decide does: {draw:?}");
	eprintln!(
		"storage: asked for at relay block {} at most, drawn with relay block {} (from {} on)",
		newest.relay_block, draw.record, draw.draw_at
	);

	// It is what the relay chain has in its own state, and nothing that was known before.
	assert_eq!(of_relay_block(relay, draw.record).await?.as_ref(), Some(used));
	assert_eq!(of_relay_block(relay, newest.relay_block).await?.as_ref(), Some(newest));
	let author = |randomness: &[u8; 64]| randomness[32..].to_vec();
	for record in &known {
		assert_ne!(author(&record.randomness), author(&used.randomness), "{record:?}");
	}

	// And it decides: whoever draws with it among the providers of then gets the same slots.
	let seed = PlacementSeed {
		genesis: para.api.genesis_hash().0,
		deal,
		attempts: draw.attempts,
		randomness: used.randomness,
		relay_block: used.relay_block,
	};
	// Slots are drawn before the transactions of a block, so by the state of the block before.
	let candidates = registry::candidates(para, para.at(draw.placed.number - 1).await?).await?;
	assert_eq!(candidates.len(), PROVIDERS, "{candidates:?}");
	let again = registry::draw(seed.seed(), SLOTS, &candidates)?;
	assert_eq!(again, draw.operators, "drawn from {candidates:?}");
	Ok(())
}

/// A new node takes the state from others instead of all blocks, and answers about the deal as they do.
async fn a_node_joins_by_warp_sync(network: &mut Network, deal: u64) -> Result<()> {
	let target = network.para.finalised().await?;
	// Its relay chain's node downloads everything: the relay chain is too young for warp proofs.
	let late = network.add_full_node("late", &[("--sync", "warp")]).await?;
	network
		.para
		.within(CATCH_UP, "the new node has caught up", async || {
			let warped = took_state(&network.node("late")?.logs().await?)?;
			Ok((warped && late.finalised().await?.number >= target.number).then_some(()))
		})
		.await?;
	let at = late.finalised().await?;
	assert_eq!(
		answers(&late, deal, at.number).await?,
		answers(&network.para, deal, at.number).await?
	);

	// A node that had executed all blocks would still have this state, as the collator has.
	let early = network.para.at(target.number / 2).await?.hash;
	network.para.ask("NilApi_deal", &deal.to_le_bytes(), early).await?;
	let early = late.ask("NilApi_deal", &deal.to_le_bytes(), early).await;
	assert!(early.is_err(), "it has the state of block {}: {early:?}", target.number / 2);
	Ok(())
}

/// Whether a node has taken our chain's state from others, by its log. An error when it gave that up.
fn took_state(log: &str) -> Result<bool> {
	// What the relay chain's node beside it says has that prefix, what our node says has none.
	let mut done = false;
	for line in log.lines().filter(|line| !line.contains("[Relaychain]")) {
		let gave_up = ["Warp sync failed", "State sync failed", "Reverting to full sync"];
		ensure!(!gave_up.iter().any(|words| line.contains(words)), "no warp sync: {line}");
		done |= line.contains("State sync is complete");
	}
	Ok(done)
}

async fn answers(chain: &Chain, deal: u64, number: u32) -> Result<[Vec<u8>; 2]> {
	let at = chain.at(number).await?.hash;
	let found = chain.ask("NilApi_deal", &deal.to_le_bytes(), at).await?;
	assert_eq!(found.first(), Some(&1), "the deal is there");
	Ok([found, chain.ask("NilApi_slots", &deal.to_le_bytes(), at).await?])
}
