//! A reorganisation of a real chain under real providers: a commit is built, undone, and built again on another branch.

mod common;

use common::{
	Devnet, eventually,
	node::{HOUR_MS, Node},
	random_bytes, write,
};
use serde_json::json;
use std::{fs, path::Path, time::Duration};

const PATIENCE: Duration = Duration::from_secs(60);
/// Commits that a provider knows to stand.
const COMMITTED: &str = "nil_provider_held{state=\"committed\"}";
/// The best block that a provider has seen.
const BEST: &str = "nil_provider_chain_block{kind=\"best\"}";

#[test]
fn a_commit_moves_to_another_branch_and_stands() {
	let mut devnet = Devnet::start(4);
	let deal = devnet.deal("2+2", 64);
	devnet.kill_node();
	devnet.describe =
		devnet.devnet(&["devnet", "up", "--providers", "4", "--block-ms", HOUR_MS]).ok();
	let node = Node::of(&devnet);
	let generation =
		|| devnet.nil(["deal", "show", &deal.to_string()]).ok()["generation"].as_u64().unwrap();

	// Two branches of one block each on what is final; the first is the best chain.
	let root = node.best();
	let first = node.block_on(&root, false);
	let second = node.block_on(&root, false);
	assert_eq!(node.best(), first);

	let file = devnet.root.join("file");
	write(&file, &random_bytes(3_000_000, 8));
	let target = format!("{deal}:/file");
	let put = devnet.start_nil([Path::new("put"), &file, Path::new(&target)]);
	eventually("the commit waits in the pool", PATIENCE, || node.waiting() > 0);
	let holder = node.block_on(&first, false);
	assert_eq!(node.best(), holder);
	assert_eq!(generation(), 1, "the first branch has the commit");
	put.finish().ok();
	let number = node.number_of(&holder);
	eventually("all providers see the block with the commit", PATIENCE, || {
		node.gauges(&devnet, BEST).is_some_and(|best| best.iter().all(|best| *best >= number))
	});
	assert_eq!(
		node.gauges(&devnet, COMMITTED),
		Some(vec![0; 4]),
		"what is not final changes nothing"
	);

	// The second branch overtakes it.
	let mut tip = node.block_on(&second, false);
	tip = node.block_on(&tip, false);
	assert_eq!(node.best(), tip);
	let now_there = node.call("chain_getBlockHash", json!([number]));
	assert_ne!(now_there, holder, "the block with the commit is not on the best chain any more");

	// The commit is valid there too, and comes back with it; then the branch becomes final.
	eventually("the commit is built again", PATIENCE, || {
		tip = node.block_on(&tip, false);
		generation() == 1
	});
	node.block_on(&tip, true);
	eventually("all signers know that it stands", PATIENCE, || {
		node.gauges(&devnet, COMMITTED) == Some(vec![1; 4])
	});
	assert_eq!(devnet.nil(["verify", &deal.to_string()]).ok()["sound"], true);
	let back = devnet.root.join("back");
	devnet.nil([Path::new("get"), Path::new(&target), Path::new("-o"), &back]).ok();
	assert!(fs::read(&file).unwrap() == fs::read(&back).unwrap());
}
