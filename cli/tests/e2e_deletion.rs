//! A provider deletes a tenth of its blobs, answers what it still can, and does not mend: it is found out in as many rounds as
//! chance allows, loses the slot, and another one rebuilds it. A reader sees nothing of it.
//!
//! There is one deal with one commit, so that each of the 8 samples of a round falls on each of the provider's blobs alike. With
//! a share `f` of them gone a round finds nothing with a probability of `(1 - f)^8`, and 8 rounds that find something take the
//! slot. For a tenth that is 43 %: it shows within 17 rounds, and costs the slot within 39, but for one time in a million each.

mod common;

use common::{
	Devnet, eventually, following::Following, random_bytes, reading::Reading, runtime, write,
};
use nil_client::{
	account::AccountId,
	chain::{At, Chain, ChainEvent},
};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

/// Milliseconds between blocks: a round lasts 5 s.
const BLOCK_MS: u64 = 250;
/// Samples of a round, and the misses with which a slot is lost, on development chains.
const SAMPLES: u32 = 8;
const EVICT_MISSES: u32 = 8;
/// Bytes of the file: ten MDUs, so that its slots have ten files each.
const SIZE: usize = 80_000_000;
/// The slot whose provider deletes. It holds data.
const VICTIM: usize = 1;
/// How seldom chance alone makes this test fail.
const SELDOM: f64 = 1e-6;
/// Rounds in which it may be silent, because it has just been started or the machine is busy.
const LOST: u32 = 2;
const PATIENCE: Duration = Duration::from_secs(60);
/// For 39 rounds, and a repair: less than what is left of the time that a test may take.
const LONG: Duration = Duration::from_secs(270);

/// Rounds in which at least `hits` find something, but for [`SELDOM`], when each does with this probability.
fn rounds_for(hits: usize, found: f64) -> u32 {
	// By how many rounds found something, as far as they are too few.
	let mut chances = vec![0.0; hits];
	chances[0] = 1.0;
	let mut rounds = 0;
	while chances.iter().sum::<f64>() > SELDOM {
		for hit in (0..hits).rev() {
			let before = if hit == 0 { 0.0 } else { chances[hit - 1] };
			chances[hit] = chances[hit] * (1.0 - found) + before * found;
		}
		rounds += 1;
	}
	rounds
}

/// Rounds that began before each event of the victim's slot with this name.
fn rounds_of(events: &[ChainEvent], name: &str, victim: AccountId) -> Vec<u32> {
	let mut round = 0;
	let mut found = Vec::new();
	for event in events {
		if event.is("Liveness", "RoundBegan") {
			round = event.number("round").unwrap() as u32;
		} else if event.is("Liveness", name) && event.account("provider") == Some(victim) {
			assert_eq!(event.number("slot"), Some(VICTIM as u64), "{event:?}");
			found.push(round);
		}
	}
	found
}

#[test]
fn who_deletes_a_tenth_is_found_out_and_replaced() {
	let tenth = 1.0 - 0.9f64.powi(8);
	assert_eq!((rounds_for(1, tenth), rounds_for(8, tenth)), (17, 39));
	let mut devnet = Devnet::start_with_blocks(6, BLOCK_MS);
	let chain = runtime().block_on(Chain::connect(&devnet.url())).unwrap();
	let following = Following::start(&chain);
	let deal = devnet.deal("2+2", 128);
	let bytes = random_bytes(SIZE, 10);
	let file = devnet.root.join("file");
	write(&file, &bytes);
	let target = format!("{deal}:/file");
	let put = [Path::new("put"), &file, Path::new(&target), Path::new("--plain")];
	let put = devnet.nil(put).ok();
	assert_eq!(put["commits"][0]["signed"], json!([0, 1, 2, 3]), "{put}");
	let before = devnet.holders(deal);
	let victim: AccountId = before[VICTIM].parse().unwrap();
	let reading = Reading::start(chain.clone(), deal, bytes);

	let look = || {
		runtime().block_on(async {
			let view = chain.at(chain.head(At::Best).await.unwrap().hash);
			(view.round().await.unwrap().round, view.duty(victim).await.unwrap())
		})
	};
	eventually("the victim answers everything", PATIENCE, || {
		let (_, duty) = look();
		duty.due == SAMPLES && duty.answered.len() == SAMPLES as usize
	});

	// From now on it looks after nothing by itself, and a tenth is gone.
	let member = devnet.member(&before[VICTIM]);
	member.kill();
	member.leave_damage();
	devnet.up_again();
	let corrupt =
		["devnet", "corrupt", &member.name, "--fraction", "0.1", "--seed", "5", "--delete"];
	let deleted = devnet.devnet(&corrupt).ok();
	let (gone_in, _) = look();
	let files = |which: &str| deleted[which]["shards"].as_u64();
	assert_eq!((files("stored"), files("damaged")), (Some(10), Some(1)), "{deleted}");
	let blobs = |which: &str| deleted[which]["blobs"].as_u64().unwrap() as f64;
	let gone = blobs("damaged") / blobs("stored");
	assert!((0.08..0.11).contains(&gone), "{deleted}");

	let mut shown = Value::Null;
	eventually("the slot has moved", LONG, || {
		reading.goes_on();
		shown = devnet.nil(["deal", "show", &deal.to_string()]).ok();
		let slot = &shown["slots"][VICTIM];
		slot["state"] == "active" && slot["provider"] != json!(before[VICTIM])
	});
	let after = devnet.holders(deal);
	for (slot, (before, after)) in before.iter().zip(&after).enumerate() {
		assert_eq!(before != after, slot == VICTIM, "slot {slot}: {shown}");
	}
	let mut report = Value::Null;
	eventually("who has the slot now has signed for it", PATIENCE, || {
		reading.goes_on();
		report = devnet.nil(["verify", &deal.to_string()]).ok();
		report["slots"][VICTIM]["unsigned"] == json!([])
	});
	assert_eq!((&report["sound"], &report["sound_slots"]), (&json!(true), &json!(4)), "{report}");
	assert!(reading.stop() > 0);

	// Misses are named in the round after, and the slot is taken at the end of the block that names the last.
	let (_, events) = following.stop();
	let found = 1.0 - (1.0 - gone).powi(SAMPLES as i32);
	let misses = rounds_of(&events, "SlotMissed", victim);
	let taken = rounds_of(&events, "SlotTaken", victim);
	println!(
		"{gone:.3} gone in round {gone_in}; misses told in {misses:?}, slot taken in {taken:?}"
	);
	assert!(misses.len() >= EVICT_MISSES as usize && taken.len() == 1, "{misses:?}, {taken:?}");
	let within = |rounds: u32| gone_in + rounds + 1 + LOST;
	let first = gone_in..=within(rounds_for(1, found));
	assert!(first.contains(&misses[0]), "{misses:?}, from {gone_in} on");
	assert!(taken[0] <= within(rounds_for(EVICT_MISSES as usize, found)), "{taken:?}, {gone_in}");
	// Nobody else lost anything, nobody was gone, and nobody proved anything wrong.
	let count = |name: &str| events.iter().filter(|event| event.is("Liveness", name)).count();
	let names = ["SlotTaken", "Reported", "InvalidProof", "InvalidSettlement"];
	assert_eq!(names.map(count), [1, 0, 0, 0]);
}
