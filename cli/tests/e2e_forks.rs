//! A reorganisation between making a proof and its inclusion, with an append and a cancellation in the same blocks: answers
//! hold on the other branch as well, and no honest provider is taken for a wrong one.

mod common;

use common::{
	Devnet, Running, eventually,
	following::Following,
	node::{HOUR_MS, Node},
	random_bytes, runtime, write,
};
use nil_client::{
	account::AccountId,
	chain::{At, Chain},
	keys::Signer,
};
use nil_types::DutyInfo;
use serde_json::json;
use std::{path::Path, thread::sleep, time::Duration};

const SAMPLES: u32 = 8;
const PROVIDERS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(60);
/// What providers get to act upon a block before the next one.
const BETWEEN: Duration = Duration::from_millis(250);
/// What they get on the first branch, which shall be short: no two blocks share a relay block, so what it takes of the round
/// is gone for the second one.
const ANSWERING: Duration = Duration::from_secs(1);

struct Scene {
	devnet: Devnet,
	node: Node,
	chain: Chain,
	holders: Vec<AccountId>,
}

impl Scene {
	/// The round in force at the best block, whether it is drawn, and what is owed in it.
	fn look(&self) -> (u32, bool, Vec<DutyInfo>) {
		runtime().block_on(async {
			let view = self.chain.at(self.chain.head(At::Best).await.unwrap().hash);
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
			let (round, drawn, duties) = self.look();
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

	/// Whether the best chain has all of it: everything is answered in this round, one deal has its second commit, and the
	/// other one has ended.
	fn has_all(&self, round: u32, kept: u64, ended: u64) -> bool {
		let (now, _, duties) = self.look();
		assert_eq!(now, round, "the round is over, and answers are missing: {duties:?}");
		duties.iter().all(is_full)
			&& self.generation(kept) == Some(2)
			&& self.generation(ended).is_none()
	}

	/// Starts a command of Alice, and waits until its transaction is in the pool.
	fn start(&self, arguments: &[&str]) -> Running {
		let alice = Signer::from_uri("//Alice").unwrap().account_id();
		let next = self.node.next_nonce(alice);
		let running = self.devnet.start_nil(arguments);
		let what = format!("the transaction of {arguments:?} waits in the pool");
		eventually(&what, PATIENCE, || self.node.next_nonce(alice) > next);
		running
	}

	/// How many commits a deal has on the best chain; `None` when it has ended.
	fn generation(&self, deal: u64) -> Option<u32> {
		let info = runtime().block_on(self.chain.best().deal(deal)).unwrap();
		info.map(|info| info.generation)
	}
}

fn is_full(duty: &DutyInfo) -> bool {
	duty.due == SAMPLES && duty.answered.len() == SAMPLES as usize
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
	let (begun, ..) = scene.look();
	let round =
		scene.go_until("a round is drawn, and all know what they owe", |now, drawn, all| {
			let is_open = |duty: &DutyInfo| duty.due == SAMPLES && duty.answered.is_empty();
			now > begun && drawn && all.iter().all(is_open)
		});
	let (_, _, before) = scene.look();
	let drawn = node.best();

	// An append and a cancellation wait beside the answers.
	let more = scene.devnet.root.join("more");
	write(&more, &random_bytes(3_000_000, 77));
	let put = scene.start(&["put", more.to_str().unwrap(), &format!("{kept}:/more")]);
	let cancel = scene.start(&["deal", "cancel", &ended.to_string()]);

	// One branch gets all of it, in some blocks: providers wait for up to a quarter of those in which answers are prompt.
	let mut first = drawn.clone();
	eventually("one branch has all of it", PATIENCE, || {
		if scene.has_all(round, kept, ended) {
			return true;
		}
		first = node.block_on(&first, false);
		assert_eq!(node.best(), first);
		sleep(ANSWERING);
		false
	});
	put.finish().ok();
	cancel.finish().ok();

	// Another one overtakes it, and has it too in the end, in whatever order.
	let number = node.number_of(&first);
	let mut tip = drawn.clone();
	while node.number_of(&tip) <= number {
		tip = node.block_on(&tip, false);
	}
	assert_eq!(node.best(), tip);
	assert_ne!(node.call("chain_getBlockHash", json!([number])), first);
	eventually("all of it is built again", PATIENCE, || {
		if scene.has_all(round, kept, ended) {
			return true;
		}
		tip = node.block_on(&tip, false);
		sleep(BETWEEN);
		false
	});
	node.block_on(&tip, true);

	// Nothing is missing from the round, and the next one is answered like any other.
	scene.go_until("the next round is answered", |now, _, all| {
		now > round && all.iter().all(is_full)
	});
	let (_, _, after) = scene.look();
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
