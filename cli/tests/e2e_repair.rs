//! A provider is gone for good: its slots move to another one by themselves, and every file reads back.

mod common;

use common::{Devnet, assert_same_tree, eventually, random_bytes, write};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

/// Milliseconds between blocks: an epoch, after which what was committed in it can be proved, lasts 8 s.
const BLOCK_MS: u64 = 400;
/// For each step. Four times as much is less than what a test may take.
const PATIENCE: Duration = Duration::from_secs(90);
/// The slot whose provider is gone. It holds data.
const GONE: usize = 1;

#[test]
fn the_slot_of_a_provider_that_is_gone_moves_and_every_file_reads_back() {
	let devnet = Devnet::start_with_blocks(6, BLOCK_MS);
	let deal = devnet.deal("2+2", 128).to_string();
	let files = devnet.root.join("files");
	// The second commit has several MDUs.
	for (name, size) in [("first", 1_000_000), ("large", 20_000_000), ("small", 3_000)] {
		let path = files.join(name);
		write(&path, &random_bytes(size, size as u64));
		let target = format!("{deal}:/{name}");
		let put = devnet.nil([Path::new("put"), &path, Path::new(&target)]).ok();
		assert_eq!(put["commits"][0]["signed"], json!([0, 1, 2, 3]), "{put}");
	}
	let status = |more: &[&str]| -> Value {
		devnet.nil([["deal", "repair-status", &deal].as_slice(), more].concat()).ok()
	};
	assert_eq!(status(&[])["repairs"], json!([]));

	// It never comes back. Its operator still has the key.
	let number = deal.parse().unwrap();
	let before = devnet.holders(number);
	let gone = devnet.member(&before[GONE]);
	gone.kill();
	devnet.drain(&gone);
	let mut candidate = Value::Null;
	eventually("somebody rebuilds the slot", PATIENCE, || {
		let told = status(&[]);
		let Some(repair) = told["repairs"].get(0) else { return false };
		assert_eq!((&repair["slot"], &repair["cause"]), (&json!(GONE), &json!("drain")), "{told}");
		assert_eq!(repair["provider"], json!(before[GONE]), "it is responsible until then");
		candidate = repair["candidate"].clone();
		!candidate.is_null()
	});
	assert!(!before.iter().any(|holder| *holder == candidate), "{candidate}");

	// Told of all that happens, until nothing is left to be repaired.
	let watched = devnet.start_nil(["deal", "repair-status", &deal, "--watch"]);
	let watched = watched.finish_within(PATIENCE);
	assert_eq!(watched.code, Some(0), "{}", watched.stderr);
	let documents = serde_json::Deserializer::from_slice(&watched.stdout).into_iter::<Value>();
	let last = documents.last().unwrap().unwrap();
	assert_eq!(last["repairs"], json!([]), "{last}");
	eventually("the slot has another provider", PATIENCE, || {
		let shown = devnet.nil(["deal", "show", &deal]).ok();
		shown["slots"][GONE]["state"] == "active"
			&& shown["slots"][GONE]["provider"] != json!(before[GONE])
			&& shown["repairs"] == json!([])
	});
	let after = devnet.holders(number);
	for (slot, (before, after)) in before.iter().zip(&after).enumerate() {
		assert_eq!(before == after, slot != GONE, "slot {slot}");
	}

	// It has all of the slot, and owes it: also what it did not prove, for which it signs late.
	let mut report = Value::Null;
	eventually("it has signed everything", PATIENCE, || {
		report = devnet.nil(["verify", &deal]).ok();
		report["slots"][GONE]["unsigned"] == json!([])
	});
	assert_eq!((&report["sound"], &report["sound_slots"]), (&json!(true), &json!(4)), "{report}");
	let slot = &report["slots"][GONE];
	assert_eq!((&slot["faults"], &slot["good"]), (&json!([]), &slot["owed"]), "{slot}");

	// Others may go now: every row is read from it and one more.
	for slot in [0, 2] {
		devnet.member(&after[slot]).kill();
	}
	let back = devnet.root.join("back");
	devnet.nil([Path::new("get"), Path::new(&deal), Path::new("-o"), &back]).ok();
	assert_same_tree(&files, &back);
}
