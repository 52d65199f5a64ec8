//! Blocks as full as the runtime allows, once of bytes and once of arithmetic.

use anyhow::{Context, Result};
use nil_zombienet::{
	chain::{Chain, Head},
	inclusion::{Inclusion, included_and_final, inclusions},
	network::{FIRST_BLOCK_WITHIN, Network, PARA_ID, Plan, run},
	paper::PaperProviders,
	storage::{User, random_bytes},
};
use std::{collections::BTreeSet, time::Duration};
use zombienet_sdk::{
	subxt::{
		dynamic::{At, Value},
		tx::{DefaultPayload, Payload},
	},
	subxt_signer::sr25519::dev,
};

/// Bytes of one large transaction.
const REMARK: usize = 900_000;
/// More than two blocks' worth of them.
const REMARKS: u64 = 12;
/// Transactions' bytes in a full block, at least: three quarters of 5 MiB, less one that does not fit any more.
const FULL_LENGTH: usize = 3 * 5 * 1024 * 1024 / 4 - REMARK - 10_000;

/// MDUs of a commit, as many as one may have.
const ROOTS: u32 = 1_024;
/// Room that a deal has for each commit.
const MIB_EACH: u32 = 9 * 1_024;
/// Picoseconds that transactions may take of a block: three quarters of two seconds.
const FULL_TIME: u128 = 1_500_000_000_000;
/// Relay blocks until a block that is full is included and final.
const PATIENCE: u32 = 20;

/// Commits of 8 GiB each, more than two blocks' worth.
#[derive(Clone, Copy, Debug)]
struct Commits {
	/// Deals that they are made to: one has room for 64.
	deals: u32,
	/// To each of the deals.
	each: u32,
}

#[test]
fn full_blocks() {
	// A block takes 4 of them.
	fill("full_blocks", Plan::PUBLIC, Commits { deals: 1, each: 9 });
}

#[test]
fn full_blocks_rfc163() {
	// A block takes 40 of them.
	fill("full_blocks_rfc163", Plan::RFC163, Commits { deals: 2, each: 45 });
}

fn fill(name: &str, plan: Plan, commits: Commits) {
	run(name, plan, Duration::from_secs(1_500), async |network| {
		included_and_final(&network.relay, PARA_ID, 2, FIRST_BLOCK_WITHIN).await?;
		full_of_bytes(name, network).await?;
		full_of_arithmetic(name, network, commits).await
	});
}

/// Noise, so that nothing on the way can compress it.
async fn full_of_bytes(name: &str, network: &Network) -> Result<()> {
	let calls: Vec<_> = (0..REMARKS)
		.map(|seed| DefaultPayload::new("System", "remark", (random_bytes(REMARK, seed),)))
		.collect();
	let (blocks, inclusions) = submit_and_follow(network, &calls).await?;
	let mut sizes = Vec::new();
	for block in &blocks {
		let body = network.para.body(block.hash).await?;
		sizes.push(body.iter().map(Vec::len).sum::<usize>());
	}
	let largest = sizes.iter().max().copied().context("a block")?;
	eprintln!(
		"{name}: {sizes:?} bytes of transactions in a block; included {:?} relay blocks after their relay parents",
		lags(&inclusions)
	);
	assert!(largest >= FULL_LENGTH, "the largest block has {largest} bytes of transactions");
	Ok(())
}

/// Commits with as many roots as one may have: each is a multiplication of 1,024 curve points by scalars.
async fn full_of_arithmetic(name: &str, network: &Network, commits: Commits) -> Result<()> {
	let para = &network.para;
	let providers = PaperProviders::register(para).await?;
	let user = User::new(network)?;
	let Commits { each, .. } = commits;
	let mut deals = Vec::new();
	let mut calls = Vec::new();
	for _ in 0..commits.deals {
		let deal = user.create_deal("2+2", each * MIB_EACH).await?;
		let holders = user.holders(deal).await?;
		let now = network.relay.finalised().await?.number;
		calls.extend(providers.commits(para, deal, &holders, now, each, ROOTS)?);
		deals.push(deal);
	}
	let (blocks, inclusions) = submit_and_follow(network, &calls).await?;
	let mut times = Vec::new();
	for block in &blocks {
		times.push(normal_time(para, *block).await?);
	}
	let longest = times.iter().max().copied().context("a block")?;
	let shares: Vec<_> = times.iter().map(|time| time * 100 / FULL_TIME).collect();
	eprintln!(
		"{name}: {} commits of {ROOTS} roots in blocks {shares:?} % full of weight; included {:?} relay \
		 blocks after their relay parents",
		calls.len(),
		lags(&inclusions)
	);
	assert!(blocks.len() < calls.len(), "each commit has a block of its own: {blocks:?}");
	// Less one more commit, which would not have fitted. All weigh the same.
	let one = times.iter().sum::<u128>() / u128::try_from(calls.len())?;
	assert!(
		longest + one >= FULL_TIME,
		"the fullest block takes {longest} ps, and one commit takes {one} ps"
	);
	for deal in deals {
		assert_eq!(user.deal(deal).await?["generation"], each);
	}
	Ok(())
}

/// Sends `calls`, and waits until the relay chain has included, and finalised, all blocks with them. Those blocks and their
/// inclusions.
async fn submit_and_follow(
	network: &Network,
	calls: &[impl Payload],
) -> Result<(Vec<Head>, Vec<Inclusion>)> {
	let Network { relay, para, .. } = network;
	let start = relay.finalised().await?.number;
	let heads = para.submit_all(calls, &dev::alice()).await?;
	let numbers: BTreeSet<_> = heads.iter().map(|head| head.number).collect();
	let last = numbers.last().copied().context("a block")?;
	included_and_final(relay, PARA_ID, last, PATIENCE).await?;
	let mut blocks = Vec::new();
	for number in numbers {
		blocks.push(para.at(number).await?);
	}
	let mut included = Vec::new();
	for number in start..=relay.finalised().await?.number {
		included.extend(inclusions(relay, relay.at(number).await?, PARA_ID).await?);
	}
	included.retain(|inclusion| blocks.contains(&inclusion.block));
	assert_eq!(included.len(), blocks.len(), "the relay chain included all of {blocks:?}");
	Ok((blocks, included))
}

fn lags(inclusions: &[Inclusion]) -> Vec<u32> {
	inclusions.iter().map(Inclusion::lag).collect()
}

/// Picoseconds that a block's usual transactions take by their weights.
async fn normal_time(para: &Chain, block: Head) -> Result<u128> {
	let weights = para.value(block.hash, "System", "BlockWeight", Vec::new()).await?;
	let weights = weights.context("the weight of a block")?;
	let time = weights.at("normal").at("ref_time").and_then(Value::as_u128);
	time.context("the weight of a block's transactions")
}
