//! What the README tells a new user to type, with a key of one's own.

mod common;

use common::{Devnet, assert_same_tree, random_bytes, write};
use std::{ffi::OsStr, path::Path};

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
	say("deal create --size 10GiB").fails(5);
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
