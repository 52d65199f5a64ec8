//! Node and providers crash at random for a while, and come back: nobody answers wrongly, nobody loses a slot, and no read
//! fails.
//!
//! For 40 seconds by default. `NIL_RESTART_SECS` and `NIL_RESTART_SEED` say for how long, and in which order.

mod common;

use common::{
	Devnet, eventually, following::Following, random_bytes, reading::Reading, runtime, write,
};
use nil_client::{
	account::AccountId,
	chain::{At, Chain},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::json;
use std::{
	env,
	path::Path,
	thread::sleep,
	time::{Duration, Instant},
};

const BLOCK_MS: u64 = 300;
const SAMPLES: u32 = 8;
const PATIENCE: Duration = Duration::from_secs(90);

fn setting(name: &str, usual: u64) -> u64 {
	env::var(name).map_or(usual, |text| {
		text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}, expected a number"))
	})
}

#[test]
fn crashes_of_node_and_providers_cost_nobody_a_slot() {
	let mut devnet = Devnet::start_with_blocks(4, BLOCK_MS);
	let chain = runtime().block_on(Chain::connect(&devnet.url())).unwrap();
	let following = Following::start(&chain);
	let deal = devnet.deal("2+2", 64);
	let bytes = random_bytes(9_000_000, 4);
	let file = devnet.root.join("file");
	write(&file, &bytes);
	let target = format!("{deal}:/file");
	devnet.nil([Path::new("put"), &file, Path::new(&target), Path::new("--plain")]).ok();
	let before = devnet.holders(deal);
	let reading = Reading::start(chain.clone(), deal, bytes);

	let seed = setting("NIL_RESTART_SEED", 1);
	let mut random = StdRng::seed_from_u64(seed);
	let deadline = Instant::now() + Duration::from_secs(setting("NIL_RESTART_SECS", 40));
	let mut crashes = [0; 2];
	while Instant::now() < deadline {
		reading.goes_on();
		// One more than there are providers: the node. It is the first, so that it is among them in every order.
		let victim = match crashes {
			[_, 0] => before.len(),
			_ => random.random_range(0..=before.len()),
		};
		match before.get(victim) {
			Some(holder) => devnet.member(holder).kill(),
			None => devnet.kill_node(),
		}
		crashes[usize::from(victim == before.len())] += 1;
		sleep(Duration::from_millis(random.random_range(0..1500)));
		devnet.up_again();
		sleep(Duration::from_millis(random.random_range(0..3000)));
	}
	println!("seed {seed}: {} crashes of providers, {} of the node", crashes[0], crashes[1]);
	assert!(crashes.iter().all(|crashes| *crashes > 0), "seed {seed}: {crashes:?}");

	// Everything is as if nothing had happened.
	let holders: Vec<AccountId> = before.iter().map(|holder| holder.parse().unwrap()).collect();
	eventually("everybody answers everything in one round", PATIENCE, || {
		runtime().block_on(async {
			let view = chain.at(chain.head(At::Best).await.unwrap().hash);
			let mut full = true;
			for holder in &holders {
				let duty = view.duty(*holder).await.unwrap();
				full &= duty.due == SAMPLES && duty.answered.len() == SAMPLES as usize;
			}
			full
		})
	});
	assert!(reading.stop() > 0);
	assert_eq!(devnet.holders(deal), before);
	let report = devnet.nil(["verify", &deal.to_string()]).ok();
	assert_eq!((&report["sound"], &report["sound_slots"]), (&json!(true), &json!(4)), "{report}");
	let (_, events) = following.stop();
	let wrong: Vec<_> = events
		.iter()
		.filter(|event| {
			["InvalidProof", "InvalidSettlement", "Reported", "SlotTaken"]
				.iter()
				.any(|name| event.is("Liveness", name))
		})
		.collect();
	assert!(wrong.is_empty(), "seed {seed}: {wrong:?}");
	assert!(events.iter().any(|event| event.is("Liveness", "Answered")));
}
