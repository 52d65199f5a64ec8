//! A reorganisation of a real chain under real providers: a commit is built, undone, and built again on another branch.

mod common;

use common::{Devnet, eventually, random_bytes, runtime, write};
use serde_json::{Value, json};
use std::{fs, path::Path, process::Stdio, time::Duration};

const PATIENCE: Duration = Duration::from_secs(60);
/// So rarely does the node seal by itself that the test makes all blocks but the first.
const HOUR_MS: &str = "3600000";

/// The node's RPC.
struct Node {
	url: String,
	http: reqwest::Client,
}

impl Node {
	fn of(devnet: &Devnet) -> Self {
		let http = nil_client::http::plain_builder().unwrap().build().unwrap();
		Self { url: devnet.url().replace("ws://", "http://"), http }
	}

	/// What each provider's metrics say of `name`; `None` while one does not say anything.
	fn gauges(&self, devnet: &Devnet, name: &str) -> Option<Vec<u64>> {
		let providers = devnet.describe["providers"].as_array().unwrap();
		let ask = |provider: &Value| {
			let url = provider["metrics"].as_str().unwrap();
			let text = runtime()
				.block_on(async { self.http.get(url).send().await?.text().await })
				.unwrap();
			let line = text.lines().find_map(|line| line.strip_prefix(name))?;
			line.trim().parse().ok()
		};
		providers.iter().map(ask).collect()
	}

	fn call(&self, method: &str, params: Value) -> Value {
		let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
		let answer: Value = runtime().block_on(async {
			self.http.post(&self.url).json(&request).send().await.unwrap().json().await.unwrap()
		});
		assert!(answer.get("error").is_none(), "{method}: {answer}");
		answer["result"].clone()
	}

	/// Makes a block on `parent`; its hash.
	fn block_on(&self, parent: &Value, finalise: bool) -> Value {
		self.call("engine_createBlock", json!([true, finalise, parent]))["hash"].clone()
	}

	fn best(&self) -> Value {
		self.call("chain_getBlockHash", json!([]))
	}

	fn number_of(&self, block: &Value) -> u64 {
		let header = self.call("chain_getHeader", json!([block]));
		u64::from_str_radix(header["number"].as_str().unwrap().trim_start_matches("0x"), 16)
			.unwrap()
	}

	fn waiting(&self) -> usize {
		self.call("author_pendingExtrinsics", json!([])).as_array().unwrap().len()
	}
}

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
	let mut put = devnet.command([Path::new("put"), &file, Path::new(&target)]);
	let put = put.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
	eventually("the commit waits in the pool", PATIENCE, || node.waiting() > 0);
	let holder = node.block_on(&first, false);
	assert_eq!(node.best(), holder);
	assert_eq!(generation(), 1, "the first branch has the commit");
	let put = put.wait_with_output().unwrap();
	assert!(put.status.success(), "{}", String::from_utf8_lossy(&put.stderr));
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
