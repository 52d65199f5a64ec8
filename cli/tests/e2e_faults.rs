//! Providers that break or cheat: damaged and deleted shards are found and named by `nil verify`, and `nil get` rebuilds
//! what they hold from others; providers without room are left out of a put.

mod common;

use common::{Devnet, Member, random_bytes, write};
use serde_json::Value;
use std::{fs, path::Path};

/// Milliseconds between blocks where providers never answer again: they could lose their slots after 46 s.
const SLOW_BLOCKS_MS: u64 = 400;

fn slot_of(report: &Value, slot: usize) -> &Value {
	&report["slots"][slot]
}

/// Flips one bit in every file, at different places.
fn corrupt(member: &Member) {
	let shards = member.shards();
	assert!(!shards.is_empty(), "{} stores shards", member.name);
	for (index, path) in shards.iter().enumerate() {
		let mut bytes = fs::read(path).unwrap();
		let place = (index * 7919 + 40_000) % bytes.len();
		bytes[place] ^= 1;
		fs::write(path, bytes).unwrap();
	}
}

#[test]
fn wrong_and_missing_shards_are_blamed_and_routed_around() {
	let mut devnet = Devnet::start_with_blocks(6, SLOW_BLOCKS_MS);
	let deal = devnet.deal("2+4", 64);
	let file = devnet.root.join("file");
	write(&file, &random_bytes(10_000_000, 9));
	let target = format!("{deal}:/file");
	devnet.nil([Path::new("put"), &file, Path::new(&target)]).ok();
	assert_eq!(devnet.nil(["verify", &deal.to_string()]).ok()["sound"], true);
	let members: Vec<_> = devnet.holders(deal).iter().map(|holder| devnet.member(holder)).collect();

	// Slot 0 serves other bytes than it signed for, slot 1 has thrown everything away. Neither finds out by itself.
	for member in &members[..2] {
		member.kill();
		member.leave_damage();
		member.answer_nothing();
	}
	devnet.up_again();
	corrupt(&members[0]);
	for shard in members[1].shards() {
		fs::remove_file(shard).unwrap();
	}

	let run = devnet.nil(["verify", &deal.to_string()]);
	assert_eq!(run.fails(6).code, "not_sound");
	let report: Value = serde_json::from_slice(&run.stdout).unwrap();
	assert_eq!(report["sound"], false);
	assert_eq!(report["sound_slots"], 4);
	assert_eq!(report["manifest"], true, "the chain's own part is right");
	let wrong = slot_of(&report, 0);
	assert_eq!(wrong["faults"][0]["fault"], "wrong", "{wrong}");
	assert!(wrong["good"].as_u64() < wrong["owed"].as_u64());
	let missing = slot_of(&report, 1);
	assert_eq!(missing["faults"][0]["fault"], "missing", "{missing}");
	assert_eq!(missing["good"], 0);
	for slot in 2..6 {
		let honest = slot_of(&report, slot);
		assert_eq!(honest["faults"], Value::Array(Vec::new()), "{honest}");
		assert_eq!(honest["good"], honest["owed"]);
	}

	// Both data slots are useless: every row is rebuilt from parity. A reader that knows nothing yet asks the data slots
	// first, so the liar is asked and named, and nobody else.
	let back = devnet.root.join("back");
	let got = devnet.nil([Path::new("get"), Path::new(&target), Path::new("-o"), &back]).ok();
	assert!(fs::read(&file).unwrap() == fs::read(&back).unwrap());
	let blamed = got["blamed"].as_array().unwrap();
	assert!(!blamed.is_empty(), "{got}");
	for blame in blamed {
		assert_eq!(blame["slot"], 0, "{got}");
	}

	// With the honest parity slots but one gone, too few are left, and wrong bytes are never passed off as right ones.
	for member in &members[3..] {
		member.kill();
	}
	let nowhere = devnet.root.join("nowhere");
	let failure =
		devnet.nil([Path::new("get"), Path::new(&target), Path::new("-o"), &nowhere]).fails(4);
	assert_eq!(failure.code, "too_few_slots");
	assert!(!nowhere.exists());
}

#[test]
fn a_provider_without_room_is_left_out() {
	let mut devnet = Devnet::start(4);
	let deal = devnet.deal("2+2", 64);
	let full = devnet.member(&devnet.holders(deal)[2]);
	// Its operator shrinks what it offers; the daemon puts the new offer on chain when it starts.
	let config = full.dir.join("provider.toml");
	let text = fs::read_to_string(&config).unwrap();
	let offer = text.lines().find(|line| line.starts_with("capacity")).unwrap().to_owned();
	fs::write(&config, text.replace(&offer, "capacity = \"256 KiB\"")).unwrap();
	full.kill();
	devnet.up_again();
	let shown = |devnet: &Devnet| devnet.nil(["deal", "show", &deal.to_string()]).ok();
	common::eventually("the new offer is on chain", std::time::Duration::from_secs(60), || {
		use nil_client::{account::AccountId, chain::Chain};
		common::runtime().block_on(async {
			let chain = Chain::connect(&devnet.url()).await.unwrap();
			let account: AccountId = devnet.holders(deal)[2].parse().unwrap();
			chain.best().provider(account).await.unwrap().unwrap().capacity == 256 << 10
		})
	});

	let file = devnet.root.join("file");
	write(&file, &random_bytes(5_000_000, 11));
	let target = format!("{deal}:/file");
	let put = devnet.nil([Path::new("put"), &file, Path::new(&target)]).ok();
	assert_eq!(put["commits"][0]["signed"], serde_json::json!([0, 1, 3]), "{put}");
	assert_eq!(put["commits"][0]["silent"], serde_json::json!([2]));
	assert_eq!(put["failed"][0]["slot"], 2, "{put}");
	assert_eq!(shown(&devnet)["commits"][0]["signed"], serde_json::json!([0, 1, 3]));
	assert_eq!(devnet.nil(["cat", &target]).stdout, fs::read(&file).unwrap());

	// Nothing is owed by who did not sign.
	let report = devnet.nil(["verify", &deal.to_string()]).ok();
	assert_eq!(slot_of(&report, 2)["owed"], 0);
	assert_eq!(slot_of(&report, 2)["unsigned"], serde_json::json!([1]));

	// With another one gone, two are left: fewer than k + 1.
	devnet.member(&devnet.holders(deal)[0]).kill();
	let failure =
		devnet.nil([Path::new("put"), &file, Path::new(&format!("{deal}:/more"))]).fails(4);
	assert_eq!(failure.code, "too_few_slots");
	assert_eq!(shown(&devnet)["generation"], 1);
}

#[test]
fn faults_are_caused_by_command() {
	let mut devnet = Devnet::start(3);
	let deal = devnet.deal("2+1", 64);
	let file = devnet.root.join("file");
	write(&file, &random_bytes(10_000_000, 13));
	let target = format!("{deal}:/file");
	devnet.nil([Path::new("put"), &file, Path::new(&target)]).ok();
	let operator = devnet.holders(deal)[0].clone();
	let victim = devnet.member(&operator);
	let name = victim.name.as_str();
	let fault = |devnet: &Devnet, words: &[&str]| {
		let mut all = vec!["devnet"];
		all.extend(words);
		devnet.devnet(&all)
	};
	let whole = |devnet: &Devnet| devnet.nil(["cat", &target]).stdout == fs::read(&file).unwrap();

	// What is not of this devnet is refused, and what is nonsense.
	assert_eq!(fault(&devnet, &["kill", "provider-03"]).fails(3).code, "no_such_provider");
	fault(&devnet, &["corrupt", name, "--fraction", "0"]).fails(2);
	let nowhere = devnet.root.join("nowhere");
	let kill = ["devnet", "kill", name, "--dir", nowhere.to_str().unwrap()];
	assert_eq!(devnet.nil(kill).fails(3).code, "no_devnet");
	assert!(!nowhere.exists());

	// Killed by its operator's account, it is down until it is brought up.
	let killed = fault(&devnet, &["kill", &operator]).ok();
	assert_eq!((&killed["provider"], &killed["killed"]), (&name.into(), &victim.pid.into()));
	assert_eq!(fault(&devnet, &["pause", name]).fails(3).code, "provider_down");
	assert!(whole(&devnet));
	victim.leave_damage();
	devnet.up_again();

	// Some blobs are wrong, and the seed tells which; then all are gone.
	let corrupt = ["corrupt", name, "--fraction", "25%", "--seed", "1"];
	let damaged = fault(&devnet, &corrupt).ok();
	let blobs = |report: &Value, which: &str| report[which]["blobs"].as_u64().unwrap();
	let (some, all) = (blobs(&damaged, "damaged"), blobs(&damaged, "stored"));
	assert!(some >= all / 4 && some <= all / 4 + 1, "{damaged}");
	let verify = |devnet: &Devnet| -> Value {
		let run = devnet.nil(["verify", &deal.to_string()]);
		run.fails(6);
		serde_json::from_slice(&run.stdout).unwrap()
	};
	let report = verify(&devnet);
	// A provider that knows of a wrong blob does not serve those beside it either.
	assert!(slot_of(&report, 0)["good"].as_u64().unwrap() <= all - some, "{report}");
	assert_eq!(report["sound_slots"], 2);
	assert!(whole(&devnet));
	// The same once more: the same bits are flipped back.
	assert_eq!(fault(&devnet, &corrupt).ok()["files"], damaged["files"]);
	let deleted = fault(&devnet, &["corrupt", name, "--fraction", "1", "--delete"]).ok();
	assert_eq!(deleted["damaged"], deleted["stored"]);
	assert!(victim.shards().is_empty());
	assert_eq!(slot_of(&verify(&devnet), 0)["good"], 0);
	assert_eq!(fault(&devnet, &["corrupt", name]).fails(3).code, "nothing_stored");

	// One that is held is seen to be so, and is no burden.
	let paused = |devnet: &Devnet| {
		let status = fault(devnet, &["status"]).ok();
		let providers = status["providers"].as_array().unwrap();
		providers.iter().find(|provider| provider["name"] == name).unwrap()["paused"].clone()
	};
	assert_eq!(fault(&devnet, &["resume", name]).ok()["changed"], false);
	assert_eq!(fault(&devnet, &["pause", name]).ok()["changed"], true);
	assert_eq!((paused(&devnet), whole(&devnet)), (true.into(), true));
	assert_eq!(fault(&devnet, &["resume", name]).ok()["changed"], true);
	assert_eq!(paused(&devnet), false);
	fault(&devnet, &["pause", name]).ok();
	assert_eq!(fault(&devnet, &["down"]).ok()["stopped"], 4);
}
