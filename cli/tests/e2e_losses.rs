//! Two providers die while a third leaves and the owner appends: all three slots move, nothing is lost, and no read fails.
//!
//! Of the five slots of 2+3 any two are enough to read, and three have to sign a commit: those that are left, and the one that
//! leaves, which is responsible until it is replaced. Candidates sign too, for slots that nobody holds.

mod common;

use common::{
	Devnet, Run, assert_same_tree, eventually, following::Following, random_bytes,
	reading::Reading, runtime, write,
};
use nil_client::{account::AccountId, chain::Chain};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

/// Milliseconds between blocks: a round lasts 4 s, and after six to twelve silent ones a provider is jailed.
const BLOCK_MS: u64 = 200;
/// For twelve rounds and three repairs. Three times as much is less than what a test may take.
const PATIENCE: Duration = Duration::from_secs(120);
const SLOTS: usize = 5;
/// Slots whose providers die. The first holds data.
const DEAD: [usize; 2] = [0, 3];
/// The slot whose provider leaves. It holds data.
const LEAVING: usize = 1;
/// How long the owner waits between two appends.
const BETWEEN: Duration = Duration::from_secs(4);

#[test]
fn two_die_one_leaves_and_the_owner_appends() {
	let devnet = Devnet::start_with_blocks(9, BLOCK_MS);
	let chain = runtime().block_on(Chain::connect(&devnet.url())).unwrap();
	let following = Following::start(&chain);
	let number = devnet.deal("2+3", 256);
	let deal = number.to_string();
	let files = devnet.root.join("files");
	let put = |name: &str, size: usize| -> Run {
		let path = files.join(name);
		// The time of its last change is content too: written again it would be another put, which no provider signs that has
		// signed the first.
		if !path.exists() {
			write(&path, &random_bytes(size, size as u64));
		}
		let target = format!("{deal}:/{name}");
		devnet.nil([Path::new("put"), &path, Path::new(&target), Path::new("--plain")])
	};
	let first = put("file", 9_000_000).ok();
	assert_eq!(first["commits"][0]["signed"], json!([0, 1, 2, 3, 4]), "{first}");
	let before = devnet.holders(number);
	let file = random_bytes(9_000_000, 9_000_000);
	let reading = Reading::start(chain.clone(), number, file);

	// From its first answer on the chain looks whether somebody is silent.
	let accounts: Vec<AccountId> = before.iter().map(|holder| holder.parse().unwrap()).collect();
	let mut left = accounts.clone();
	eventually("everybody answers", PATIENCE, || {
		left.retain(|holder| {
			let duty = runtime().block_on(chain.best().duty(*holder)).unwrap();
			duty.due == 0 || duty.answered.len() < duty.due as usize
		});
		left.is_empty()
	});
	for slot in DEAD {
		devnet.member(&before[slot]).kill();
	}
	devnet.drain(&devnet.member(&before[LEAVING]));

	// The owner appends as long as any of it lasts.
	let show = || devnet.nil(["deal", "show", &deal]).ok();
	let has_moved = |shown: &Value, slot: usize| {
		let slot_now = &shown["slots"][slot];
		slot_now["state"] == "active" && slot_now["provider"] != json!(before[slot])
	};
	let (mut appends, mut refused) = (0, 0);
	eventually("three slots have moved", PATIENCE, || {
		reading.goes_on();
		let run = put(&format!("append-{appends}"), 10_000 + appends);
		// A slot may change hands between a receipt and the commit, and then one too few has signed. The owner tries again.
		if run.code == Some(0) {
			appends += 1;
		} else {
			refused += 1;
			assert!(refused <= DEAD.len() + 1, "{}", run.stderr);
			return false;
		}
		std::thread::sleep(BETWEEN);
		let shown = show();
		assert_eq!(shown["lost_since"], Value::Null, "{shown}");
		DEAD.iter().chain([&LEAVING]).all(|slot| has_moved(&shown, *slot))
	});
	let after = devnet.holders(number);
	for slot in 0..SLOTS {
		let moves = DEAD.contains(&slot) || slot == LEAVING;
		assert_eq!(before[slot] != after[slot], moves, "slot {slot}: {before:?}, {after:?}");
	}
	assert_eq!(show()["generation"], 1 + appends);

	// Every commit has the signature of every slot, and every blob is there.
	let mut report = Value::Null;
	eventually("all slots have signed everything", PATIENCE, || {
		reading.goes_on();
		report = devnet.nil(["verify", &deal]).ok();
		let slots = report["slots"].as_array().unwrap();
		slots.iter().all(|slot| slot["unsigned"] == json!([]))
	});
	assert_eq!((&report["sound"], &report["sound_slots"]), (&json!(true), &json!(SLOTS)));
	assert!(reading.stop() > 0);

	// Those that died were jailed for their silence; the one that left was released when it was replaced, and never missed.
	let (_, events) = following.stop();
	let reported: Vec<AccountId> = events
		.iter()
		.filter(|event| event.is("Liveness", "Reported"))
		.map(|event| event.account("provider").unwrap())
		.collect();
	assert_eq!(reported.len(), DEAD.len(), "{reported:?}");
	assert!(DEAD.iter().all(|slot| reported.contains(&accounts[*slot])), "{reported:?}");
	let evicted = |slot: usize| {
		events.iter().any(|event| {
			event.is("Mode2", "SlotEvicted") && event.account("provider") == Some(accounts[slot])
		})
	};
	assert_eq!((0..SLOTS).filter(|slot| evicted(*slot)).collect::<Vec<_>>(), DEAD);
	assert!(!events.iter().any(|event| event.is("Liveness", "InvalidProof")));

	// Nobody of those that were there at first is needed any more.
	let back = devnet.root.join("back");
	for slot in [2, 4] {
		devnet.member(&after[slot]).kill();
	}
	devnet.nil([Path::new("get"), Path::new(&deal), Path::new("-o"), &back]).ok();
	assert_same_tree(&files, &back);
}
