//! A provider that was away during a put makes good what it missed, by itself.

mod common;

use common::{Devnet, eventually, random_bytes, write};
use serde_json::{Value, json};
use std::{fs, path::Path, time::Duration};

/// Milliseconds between blocks: who is away for two puts may be so for 46 s before it could lose its slot.
const BLOCK_MS: u64 = 400;
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn a_provider_that_was_away_fetches_what_it_missed_and_signs() {
	let mut devnet = Devnet::start_with_blocks(4, BLOCK_MS);
	let deal = devnet.deal("2+2", 128);
	let first = devnet.root.join("first");
	write(&first, &random_bytes(1_000_000, 21));
	devnet.nil([Path::new("put"), &first, Path::new(&format!("{deal}:/first"))]).ok();

	// Slot 1 holds data. It is away for two commits, one of them of several MDUs.
	let away = devnet.member(&devnet.holders(deal)[1]);
	away.kill();
	let held = away.shards().len();
	let large = devnet.root.join("large");
	write(&large, &random_bytes(20_000_000, 22));
	let second = devnet.root.join("second");
	write(&second, &random_bytes(3_000, 23));
	for (file, name) in [(&large, "large"), (&second, "second")] {
		let put = devnet.nil([Path::new("put"), file, Path::new(&format!("{deal}:/{name}"))]).ok();
		assert_eq!(put["commits"][0]["silent"], json!([1]), "{put}");
	}
	let signed = |devnet: &Devnet| -> Vec<Value> {
		let shown = devnet.nil(["deal", "show", &deal.to_string()]).ok();
		let commits = shown["commits"].as_array().unwrap();
		commits.iter().map(|commit| commit["signed"].clone()).collect()
	};
	let (all, most) = (json!([0, 1, 2, 3]), json!([0, 2, 3]));
	assert_eq!(signed(&devnet), [all.clone(), most.clone(), most]);
	assert_eq!(away.shards().len(), held);

	// Back again it needs nobody's help; killed once more on the way, it goes on.
	devnet.up_again();
	let away = devnet.member(&devnet.holders(deal)[1]);
	eventually("it has fetched something", PATIENCE, || away.shards().len() > held);
	away.kill();
	devnet.up_again();
	eventually("every commit has its receipt", PATIENCE, || {
		signed(&devnet).iter().all(|signed| *signed == all)
	});

	let report = devnet.nil(["verify", &deal.to_string()]).ok();
	assert_eq!((&report["sound"], &report["sound_slots"]), (&json!(true), &json!(4)), "{report}");
	let slot = &report["slots"][1];
	assert_eq!((&slot["unsigned"], &slot["faults"]), (&json!([]), &json!([])), "{slot}");
	assert_eq!(slot["good"], slot["owed"]);
	assert_eq!(slot["owed"], report["slots"][0]["owed"]);

	// Others may go now: every row is read from it and one more.
	for slot in [0, 2] {
		devnet.member(&devnet.holders(deal)[slot]).kill();
	}
	for (file, name) in [(&first, "first"), (&large, "large"), (&second, "second")] {
		let run = devnet.nil(["cat", &format!("{deal}:/{name}")]);
		assert!(run.stdout == fs::read(file).unwrap(), "{name}: {}", run.stderr);
	}
}
