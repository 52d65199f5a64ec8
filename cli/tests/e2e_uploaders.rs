//! An account that the owner of a deal lets upload to it.

mod common;

use common::{Devnet, random_bytes, write};
use nil_client::keys::Signer;
use serde_json::Value;
use std::fs;

const BUDGET: u64 = 1 << 20;

#[test]
fn an_uploader_puts_within_its_budget_until_it_is_revoked() {
	let devnet = Devnet::start(4);
	let deal = devnet.deal("2+2", 32).to_string();
	let bob = Signer::from_uri("//Bob").unwrap().account_id().to_string();
	let as_bob = |arguments: &[&str]| {
		let mut command = devnet.command(arguments);
		command.env("NIL_KEY", "//Bob");
		devnet.run(command)
	};
	let show = || devnet.nil(["deal", "show", &deal]).ok();
	let amount = |document: &Value, field: &str| -> u128 {
		document[field].as_str().unwrap().parse().unwrap()
	};
	let file = |name: &str, size: usize, seed: u64| {
		let path = devnet.root.join(name);
		write(&path, &random_bytes(size, seed));
		path.to_str().unwrap().to_owned()
	};
	let (small, large) = (file("small", 300_000, 1), file("large", 2_000_000, 2));
	let target = format!("{deal}:/small");

	// A stranger is told who can change that, and cannot do it itself.
	assert_eq!(as_bob(&["put", &small, &target]).fails(5).code, "not_owner");
	let allow = ["deal", "authorize", &deal, &bob, "--bytes", "1MiB", "--for", "1d"];
	assert_eq!(as_bob(&allow).fails(5).code, "Deals.NotOwner");
	devnet.nil(["deal", "authorize", &deal, "nobody", "--bytes", "1", "--for", "1d"]).fails(2);

	let before = show();
	let allowed = devnet.nil(allow).ok();
	let uploader = |document: &Value| document["uploaders"][0].clone();
	assert_eq!(uploader(&allowed)["account"], bob.as_str());
	assert_eq!(uploader(&allowed)["remaining_bytes"], BUDGET);
	assert_eq!(amount(&allowed, "deposit"), amount(&before, "deposit") + 10_000_000_000);
	assert_eq!(amount(&allowed, "free_escrow"), amount(&before, "free_escrow") - 10_000_000_000);

	// It puts, reads and removes; every commit is taken out of its budget.
	let spent = |document: &Value| -> u64 {
		let commits = document["commits"].as_array().unwrap();
		commits.iter().map(|commit| commit["size_bytes"].as_u64().unwrap()).sum()
	};
	as_bob(&["put", &small, &target]).ok();
	let shown = show();
	assert_eq!(shown["generation"], 1);
	assert_eq!(uploader(&shown)["remaining_bytes"], BUDGET - spent(&shown));
	assert!(as_bob(&["cat", &target]).stdout == fs::read(&small).unwrap());
	as_bob(&["rm", &target]).ok();
	let shown = show();
	assert_eq!(shown["generation"], 2);
	let left = BUDGET - spent(&shown);
	assert_eq!(uploader(&shown)["remaining_bytes"], left);

	// What exceeds the budget is refused, by name and before anything is sent.
	let failure = as_bob(&["put", &large, &format!("{deal}:/large")]).fails(5);
	assert_eq!(failure.code, "budget_exceeded");
	assert!(failure.message.contains(&left.to_string()), "{}", failure.message);
	assert_eq!(show()["generation"], 2);

	// Revoked, it gets no further; its content stays the deal's.
	as_bob(&["put", &small, &target]).ok();
	let left = uploader(&show())["remaining_bytes"].clone();
	let revoked = devnet.nil(["deal", "revoke", &deal, &bob]).ok();
	assert_eq!((&revoked["left_bytes"], &revoked["account"]), (&left, &bob.as_str().into()));
	let shown = show();
	assert_eq!(shown["uploaders"].as_array().map(Vec::len), Some(0));
	assert_eq!(amount(&shown, "deposit"), amount(&before, "deposit") + 3 * 10_000_000_000);
	assert_eq!(as_bob(&["put", &small, &target]).fails(5).code, "not_owner");
	assert_eq!(as_bob(&["deal", "revoke", &deal, &bob]).fails(5).code, "Deals.UnknownUploader");
	assert!(devnet.nil(["cat", &target]).stdout == fs::read(&small).unwrap());
	devnet.nil(["put", &large, &format!("{deal}:/large")]).ok();
	assert_eq!(devnet.nil(["verify", &deal]).ok()["sound"], true);
}
