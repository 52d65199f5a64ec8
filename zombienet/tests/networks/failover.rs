//! A collator stops and the other one carries on.

use anyhow::{Context, Result};
use nil_zombienet::{
	chain::Chain,
	inclusion::included_and_final,
	network::{COLLATORS, FIRST_BLOCK_WITHIN, Network, PARA_ID, Plan, run},
};
use std::{collections::BTreeSet, time::Duration};
use zombienet_sdk::subxt::{config::substrate::DigestItem, ext::codec::Decode};

/// Blocks that one collator makes alone.
const ALONE: u32 = 10;
/// Relay blocks for each of ours: every second slot stays empty, each end of a session costs a block, and the one that is left
/// first builds on blocks that were on their way, up to five relay blocks long, and then makes those again too.
const RELAY_BLOCKS_EACH: u32 = 6;
/// Relay blocks within which a collator that was started, or started again, has a block in the final chain.
const RETURN: u32 = 60;

#[test]
fn failover() {
	run("failover", Plan::PUBLIC, Duration::from_secs(1_500), async |network| {
		let [stays, stops] = COLLATORS;
		included_and_final(&network.relay, PARA_ID, 1, FIRST_BLOCK_WITHIN).await?;
		both_make_blocks(network, 1).await?;

		network.kill(stops)?;
		let newest = network.para.best().await?.number;
		let patience = RELAY_BLOCKS_EACH * ALONE;
		let head = included_and_final(&network.relay, PARA_ID, newest + ALONE, patience).await?;
		network
			.para
			.within(ALONE, &format!("{stays} finalises what the relay chain did"), async || {
				Ok((network.para.finalised().await?.number >= head.number).then_some(()))
			})
			.await?;
		// The block after the newest may have been on its way.
		let alone = authors(&network.para, newest + 2, head.number).await?;
		assert_eq!(alone.len(), 1, "{stays} made all of them: {alone:?}");
		eprintln!(
			"failover: {stays} alone brought blocks {} to {} into the relay chain",
			newest + 2,
			head.number
		);

		network.node(stops)?.restart(None).await?;
		both_make_blocks(network, head.number + 1).await
	});
}

/// Waits until our chain has final blocks of both collators from block `first` on.
async fn both_make_blocks(network: &Network, first: u32) -> Result<()> {
	let Network { relay, para, .. } = network;
	relay
		.within(RETURN, "both collators make blocks", async || {
			let last = para.finalised().await?.number;
			Ok((authors(para, first, last).await?.len() == COLLATORS.len()).then_some(()))
		})
		.await
}

/// Whose digest items name slots.
const AURA: [u8; 4] = *b"aura";

/// Which of the two authorities made our blocks `first..=last`: Aura takes them in turn, slot by slot.
async fn authors(para: &Chain, first: u32, last: u32) -> Result<BTreeSet<u64>> {
	let mut found = BTreeSet::new();
	for number in first..=last {
		let at = para.at(number).await?;
		let header = para.header(at.hash).await?;
		let slot = header.digest.logs.iter().find_map(|item| match item {
			DigestItem::PreRuntime(AURA, data) => u64::decode(&mut data.as_slice()).ok(),
			_ => None,
		});
		let authorities = para.stored(at.hash, "Aura", "Authorities", Vec::new()).await?;
		let authorities = authorities.context("the authorities")?;
		let authorities = Vec::<[u8; 32]>::decode(&mut authorities.as_slice())?;
		assert_eq!(authorities.len(), COLLATORS.len());
		found.insert(slot.context("a slot")? % 2);
	}
	Ok(found)
}
