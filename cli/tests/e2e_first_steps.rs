//! What the documentation tells a new user, and a new provider, to type, with keys of their own.

mod common;

use common::{Devnet, assert_same_tree, program, random_bytes, write};
use serde_json::Value;
use std::{
	ffi::OsStr,
	fs,
	path::Path,
	process::{Command, Stdio},
};

#[test]
fn a_new_user_follows_the_readme() {
	let devnet = Devnet::start(13);
	let own = |arguments: &[&OsStr]| {
		let mut command = devnet.command(arguments);
		command.env_remove("NIL_KEY");
		devnet.run(command)
	};
	let say = |line: &str| own(&line.split(' ').map(OsStr::new).collect::<Vec<_>>());
	let account = say("key new").ok()["account"].clone();
	assert_eq!(say("key show").ok()["account"], account);

	// A new account has nothing, and is told what to do.
	let poor = say("deal create --size 10GiB");
	assert!(poor.stderr.contains("nil devnet fund"), "{}", poor.stderr);
	assert_eq!(poor.fails(5).code, "cannot_pay");
	let paid = say("devnet fund --amount 0.5").ok();
	assert_eq!((&paid["account"], &paid["amount"]), (&account, &"500000000000".into()));
	// Enough for the fee now, and not for what the deal holds.
	let poor = say("deal create --size 10GiB");
	assert!(poor.stderr.contains("nil devnet fund"), "{}", poor.stderr);
	assert_eq!(poor.fails(5).code, "cannot_pay");
	say("devnet fund").ok();
	assert_eq!(say("devnet fund nobody").fails(2).code, "usage");

	let deal = say("deal create --size 10GiB").ok();
	assert_eq!((&deal["deal"], &deal["status"]), (&0.into(), &"active".into()));
	let photos = devnet.root.join("photos");
	write(&photos.join("a.jpg"), &random_bytes(300_000, 1));
	write(&photos.join("a holiday/b \u{fc}.png"), &random_bytes(20_000, 2));
	write(&photos.join("empty"), &[]);
	let stored = own(&[OsStr::new("put"), photos.as_ref(), OsStr::new("0:/photos")]).ok();
	assert_eq!(stored["files"], 3);
	assert_eq!(say("deal show 0").ok()["owner"], account);
	say("ls 0:/").ok();
	let again = devnet.root.join("photos-again");
	own(&[OsStr::new("get"), OsStr::new("0:/photos"), OsStr::new("-o"), again.as_ref()]).ok();
	assert_same_tree(Path::new(&photos), &again);
	assert_eq!(say("verify 0").ok()["sound"], true);
}

#[test]
fn a_new_provider_registers_and_leaves() {
	let devnet = Devnet::start(1);
	let config = devnet.root.join("provider/provider.toml");
	let run = |arguments: &[&str]| {
		let mut command = Command::new(program("nil-provider"));
		command.arg("--config").arg(&config).args(arguments).stdin(Stdio::null());
		let output = command.output().unwrap();
		let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
		(output.status.success(), text(&output.stdout), text(&output.stderr))
	};
	let done = |arguments: &[&str]| {
		let (success, said, errors) = run(&[arguments, &["--json"]].concat());
		assert!(success, "{arguments:?}: {errors}");
		serde_json::from_str::<Value>(&said).unwrap()
	};
	let refused = |arguments: &[&str], expected: &str| {
		let (success, _, errors) = run(arguments);
		assert!(!success && errors.contains(expected), "{arguments:?}: {errors}");
	};
	fs::create_dir_all(config.parent().unwrap()).unwrap();
	// It listens where somebody else does, who must not be taken for it.
	let taken = devnet.describe["providers"][0]["url"].as_str().unwrap();
	let listen = taken.strip_prefix("http://").unwrap();
	let init = ["init", "--capacity", "5 GiB", "--node-url", &devnet.url(), "--listen", listen];
	assert!(run(&init).0);
	refused(&init, "not overwritten");

	refused(&["register"], "nil devnet fund");
	let status = done(&["status"]);
	let operator = status["operator"].as_str().unwrap();
	assert_eq!(status["chain"], Value::Null);
	assert!(
		status["daemon"]["error"].as_str().unwrap().contains("is another provider"),
		"{status}"
	);
	devnet
		.nil(["devnet", "fund", operator, "--dir", devnet.root.join("net").to_str().unwrap()])
		.ok();
	assert_eq!(done(&["register"])["done"], "registered");
	assert_eq!(done(&["register"])["done"], "registered already");
	assert_eq!(done(&["status"])["chain"]["status"], "active");

	// An operator who offers more holds the stake for it first; one who offers less gets nothing back unasked.
	let amount =
		|field: &str| -> u128 { done(&["stake"])[field].as_str().unwrap().parse().unwrap() };
	let (held, spare) = (amount("held"), amount("spare"));
	assert_eq!((amount("wanted"), spare), (held, 0));
	let offer = |from: &str, to: &str| {
		let text = fs::read_to_string(&config).unwrap();
		assert!(text.contains(from), "{text}");
		fs::write(&config, text.replace(from, to)).unwrap();
		assert_eq!(done(&["register"])["done"], "updated");
	};
	offer("capacity = \"5 GiB\"", "capacity = \"6 GiB\"");
	let larger = amount("held");
	assert!(larger > held, "{larger} after {held}");
	assert_eq!(done(&["status"])["chain"]["capacity"], 6u64 << 30);
	offer("capacity = \"6 GiB\"", "capacity = \"5 GiB\"");
	assert_eq!((amount("held"), amount("spare")), (larger, larger - held));
	done(&["stake", "--remove", &(larger - held).to_string()]);
	assert_eq!((amount("held"), amount("spare")), (held, 0));
	let all = amount("releasable") + 1;
	refused(&["stake", "--remove", &all.to_string()], "StakeTooLow");
	done(&["stake", "--add", "0.5 NIL"]);
	assert_eq!(amount("spare"), 500_000_000_000);

	refused(&["leave"], "NotDraining");
	done(&["drain"]);
	assert_eq!(done(&["status"])["chain"]["status"], "draining");
	done(&["leave"]);
	assert_eq!(done(&["status"])["chain"]["status"], "left");
	refused(&["register"], "has left");
	// The stake stays answerable for a while.
	refused(&["withdraw"], "NothingToWithdraw");
}
