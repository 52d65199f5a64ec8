//! A reorganisation between making a proof and its inclusion, with an append and a cancellation in the same blocks: answers
//! hold on the other branch as well, and no honest provider is taken for a wrong one.

mod common;

use common::{
	Devnet, eventually,
	following::Following,
	node::{HOUR_MS, Node},
	random_bytes, runtime, write,
};
use nil_client::{
	account::AccountId,
	chain::{At, Chain},
};
use nil_types::{DutyInfo, Hash32};
use serde_json::{Value, json};
use std::{
	path::Path,
	process::{Child, Stdio},
	thread::sleep,
	time::Duration,
};

const SAMPLES: u32 = 8;
const PROVIDERS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(60);
/// What providers get to act upon a block before the next one.
const BETWEEN: Duration = Duration::from_millis(250);

struct Scene {
	devnet: Devnet,
	node: Node,
	chain: Chain,
	holders: Vec<AccountId>,
}

impl Scene {
	/// The round in force at a block, whether it is drawn, and what is owed in it.
	fn look(&self, at: At) -> (u32, bool, Vec<DutyInfo>) {
		runtime().block_on(async {
			let view = self.chain.at(self.chain.head(at).await.unwrap().hash);
			let round = view.round().await.unwrap();
			let mut duties = Vec::new();
			for holder in &self.holders {
				duties.push(view.duty(*holder).await.unwrap());
			}
			(round.round, round.drawn.is_some(), duties)
		})
	}

	/// Makes final blocks, slowly enough that providers act upon each, until `is_there`.
	fn go_until(&self, what: &str, is_there: impl Fn(u32, bool, &[DutyInfo]) -> bool) -> u32 {
		let mut reached = 0;
		eventually(what, PATIENCE, || {
			let (round, drawn, duties) = self.look(At::Best);
			if is_there(round, drawn, &duties) {
				reached = round;
				return true;
			}
			self.node.block_on(&self.node.best(), true);
			sleep(BETWEEN);
			false
		});
		reached
	}

	/// A command that runs.
	fn start(&self, arguments: &[&str]) -> Child {
		let mut command = self.devnet.command(arguments);
		command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
	}

	/// How many commits a deal has; `None` when it has ended.
	fn generation(&self, deal: u64, at: At) -> Option<u32> {
		runtime().block_on(async {
			let hash = self.chain.head(at).await.unwrap().hash;
			self.chain.at(hash).deal(deal).await.unwrap().map(|info| info.generation)
		})
	}
}

fn is_full(duty: &DutyInfo) -> bool {
	duty.due == SAMPLES && duty.answered.len() == SAMPLES as usize
}

fn hash_of(block: &Value) -> Hash32 {
	let mut hash = Hash32::default();
	let digits = block.as_str().unwrap().trim_start_matches("0x");
	hex::decode_to_slice(digits, &mut hash).unwrap();
	hash
}

fn finish(child: Child) {
	let output = child.wait_with_output().unwrap();
	assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn answers_hold_on_another_branch_with_appends_and_cancellations_beside_them() {
	let mut devnet = Devnet::start(PROVIDERS);
	let (kept, ended) = (devnet.deal("2+2", 128), devnet.deal("2+2", 64));
	for (deal, size) in [(kept, 9_000_000), (ended, 2_000_000)] {
		let file = devnet.root.join(format!("file-{deal}"));
		write(&file, &random_bytes(size, deal));
		let target = format!("{deal}:/file");
		let put = devnet.nil([Path::new("put"), &file, Path::new(&target)]).ok();
		assert_eq!(put["commits"][0]["signed"], json!([0, 1, 2, 3]), "{put}");
	}
	let holders = devnet.holders(kept).iter().map(|holder| holder.parse().unwrap()).collect();
	devnet.kill_node();
	let providers = PROVIDERS.to_string();
	let up = ["devnet", "up", "--providers", &providers, "--block-ms", HOUR_MS];
	devnet.describe = devnet.devnet(&up).ok();
	let chain = runtime().block_on(Chain::connect(&devnet.url())).unwrap();
	let following = Following::start(&chain);
	let node = Node::of(&devnet);
	let scene = Scene { devnet, node, chain, holders };
	let node = &scene.node;

	// A round is drawn by a final block, and nobody has answered yet.
	let (begun, ..) = scene.look(At::Best);
	let round =
		scene.go_until("a round is drawn, and all know what they owe", |now, drawn, all| {
			let is_open = |duty: &DutyInfo| duty.due == SAMPLES && duty.answered.is_empty();
			now > begun && drawn && all.iter().all(is_open)
		});
	let (_, _, before) = scene.look(At::Best);
	let drawn = node.best();
	eventually("all answers wait in the pool", PATIENCE, || node.waiting() >= PROVIDERS);

	// An append and a cancellation join them.
	let more = scene.devnet.root.join("more");
	write(&more, &random_bytes(3_000_000, 77));
	let put = scene.start(&["put", more.to_str().unwrap(), &format!("{kept}:/more")]);
	eventually("the commit waits in the pool", PATIENCE, || node.waiting() > PROVIDERS);
	let cancel = scene.start(&["deal", "cancel", &ended.to_string()]);
	eventually("the end waits in the pool", PATIENCE, || node.waiting() > PROVIDERS + 1);

	// One branch has all of it.
	let first = node.block_on(&drawn, false);
	assert_eq!(node.best(), first);
	let at_first = At::Block(hash_of(&first));
	let (_, _, answered) = scene.look(at_first);
	assert!(answered.iter().all(is_full), "{answered:?}");
	assert_eq!(scene.generation(kept, at_first), Some(2));
	assert_eq!(scene.generation(ended, at_first), None);
	finish(put);
	finish(cancel);

	// Another one overtakes it, and has it too in the end, in whatever order.
	let mut tip = node.block_on(&drawn, false);
	tip = node.block_on(&tip, false);
	assert_eq!(node.best(), tip);
	assert_ne!(node.call("chain_getBlockHash", json!([node.number_of(&first)])), first);
	eventually("all of it is built again", PATIENCE, || {
		let (now, _, duties) = scene.look(At::Best);
		assert_eq!(now, round, "the round is over, and answers are missing: {duties:?}");
		let is_there = duties.iter().all(is_full)
			&& scene.generation(kept, At::Best) == Some(2)
			&& scene.generation(ended, At::Best).is_none();
		if !is_there {
			tip = node.block_on(&tip, false);
			sleep(BETWEEN);
		}
		is_there
	});
	node.block_on(&tip, true);

	// Nothing is missing from the round, and the next one is answered like any other.
	scene.go_until("the next round is answered", |now, _, all| {
		now > round && all.iter().all(is_full)
	});
	let (_, _, after) = scene.look(At::Best);
	for (before, after) in before.iter().zip(&after) {
		assert_eq!((before.silent, before.missed), (after.silent, after.missed), "{after:?}");
		assert!(after.index > before.index, "{after:?}");
	}
	let (_, events) = following.stop();
	assert!(!events.iter().any(|event| event.is("Liveness", "InvalidProof")));
	let sent = events.iter().filter(|event| event.is("Liveness", "Answered")).count();
	assert!(sent >= 2 * PROVIDERS, "{sent} answers in two rounds");
	assert_eq!(scene.devnet.nil(["verify", &kept.to_string()]).ok()["sound"], true);
}
