//! Networks and programs that stop and start again: state survives, and interrupted work is taken up where it stopped.

mod common;

use common::{Devnet, NIL, assert_same_tree, eventually, random_bytes, runtime, write};
use nil_client::{
	chain::Chain,
	http::{Http, HttpTimeouts},
	keys::Signer,
	wire::{Endpoint, SignedToken},
};
use nil_types::UploadToken;
use nix::{
	sys::signal::{Signal, kill},
	unistd::Pid,
};
use serde_json::Value;
use std::{
	collections::BTreeSet,
	fs,
	path::Path,
	process::Stdio,
	time::{Duration, SystemTime, UNIX_EPOCH},
};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn state_survives_down_and_up() {
	let mut devnet = Devnet::start(4);
	let deal = devnet.deal("2+2", 32);
	let file = devnet.root.join("file");
	write(&file, &random_bytes(1_000_000, 1));
	let target = format!("{deal}:/file");
	devnet.nil([Path::new("put"), &file, Path::new(&target)]).ok();
	let before = devnet.nil(["deal", "show", &deal.to_string()]).ok();
	let operators = |describe: &Value| -> Vec<Value> {
		let providers = describe["providers"].as_array().unwrap();
		providers.iter().map(|provider| provider["operator"].clone()).collect()
	};
	let known = operators(&devnet.describe);

	assert_eq!(devnet.devnet(&["devnet", "down"]).ok()["stopped"], 5);
	assert_eq!(devnet.devnet(&["devnet", "down"]).ok()["stopped"], 0);
	assert_eq!(devnet.devnet(&["devnet", "status"]).fails(3).code, "devnet_down");
	devnet.nil(["deal", "show", &deal.to_string()]).fails(7);

	devnet.up_again();
	assert_eq!(operators(&devnet.describe), known);
	let after = devnet.nil(["deal", "show", &deal.to_string()]).ok();
	for field in ["generation", "manifests", "slots", "commits", "owner"] {
		assert_eq!(after[field], before[field], "{field}");
	}
	assert!(after["relay_block"].as_u64() >= before["relay_block"].as_u64());
	let run = devnet.nil(["cat", &target]);
	assert!(run.stdout == fs::read(&file).unwrap());

	// What runs is left alone, what does not is started; more providers may join.
	let pid = |describe: &Value| describe["node"]["pid"].as_u64().unwrap();
	let node = pid(&devnet.describe);
	let holder = devnet.member(&devnet.holders(deal)[0]);
	holder.kill();
	let status = devnet.devnet(&["devnet", "status"]).ok();
	let running = |status: &Value| {
		let providers = status["providers"].as_array().unwrap();
		providers.iter().filter(|provider| provider["running"] == true).count()
	};
	assert_eq!(running(&status), 3);
	devnet.describe = devnet.devnet(&["devnet", "up", "--providers", "5"]).ok();
	assert_eq!(running(&devnet.describe), 5);
	assert_eq!(pid(&devnet.describe), node);
	assert_eq!(devnet.nil(["verify", &deal.to_string()]).ok()["sound"], true);

	// --fresh forgets all of it.
	devnet.describe = devnet.up(&["--fresh", "--providers", "1"]).ok();
	assert_ne!(pid(&devnet.describe), node);
	devnet.nil(["deal", "show", &deal.to_string()]).fails(3);
}

#[test]
fn a_foreground_network_ends_with_its_command() {
	for name in ["nil-node", "nil-provider"] {
		common::program(name);
	}
	for signal in [Signal::SIGINT, Signal::SIGKILL] {
		let dir = tempfile::tempdir().unwrap();
		let mut command = std::process::Command::new(NIL);
		command
			.args(["devnet", "child", "--die-with", &std::process::id().to_string(), "--", NIL])
			.args(["--json", "devnet", "up", "--foreground", "--fresh", "--providers", "1"])
			.args(["--rpc-port", "0", "--block-ms", "200", "--dir"])
			.arg(dir.path())
			.stdout(Stdio::piped());
		let mut child = command.spawn().unwrap();
		let output = child.stdout.take().unwrap();
		let describe: Value = serde_json::Deserializer::from_reader(output)
			.into_iter()
			.next()
			.expect("it prints what it started")
			.unwrap();
		let pids: Vec<u64> = [&describe["node"], &describe["providers"][0]]
			.iter()
			.map(|member| member["pid"].as_u64().unwrap())
			.collect();
		let alive = |pid: &u64| Path::new(&format!("/proc/{pid}")).exists();
		assert!(pids.iter().all(alive));
		kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
		let status = child.wait().unwrap();
		assert_eq!(status.success(), signal == Signal::SIGINT);
		eventually("its processes are gone", PATIENCE, || !pids.iter().any(alive));
	}
}

/// What slot `slot` of the deal has staged for generation `generation`: MDUs with their roots.
fn staged(devnet: &Devnet, deal: u64, generation: u32, slot: u8) -> BTreeSet<(u64, Vec<u8>)> {
	runtime().block_on(async {
		let chain = Chain::connect(&devnet.url()).await.unwrap();
		let alice = Signer::from_uri("//Alice").unwrap();
		let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
		let token = UploadToken {
			genesis: chain.genesis(),
			deal,
			generation,
			slot,
			max_bytes: 1 << 30,
			expires: now + 600,
		};
		let token = SignedToken::sign(token, &alice);
		let slots = chain.best().slots(deal).await.unwrap();
		let endpoint = Endpoint::first_of(&slots[usize::from(slot)].multiaddrs).unwrap();
		let provider = Http::new(HttpTimeouts::default()).unwrap().provider(endpoint).unwrap();
		let list = provider.staged(deal, generation, slot, &token).await.unwrap();
		list.staged.iter().map(|mdu| (mdu.mdu, mdu.root.0.to_vec())).collect()
	})
}

#[test]
fn a_killed_put_goes_on_where_it_stopped() {
	let mut devnet = Devnet::start(4);
	let deal = devnet.deal("2+2", 512);
	let source = devnet.root.join("source");
	write(&source.join("large"), &random_bytes(100_000_000, 3));
	write(&source.join("small"), &random_bytes(1000, 4));
	let target = format!("{deal}:/x");

	let put = devnet.start_nil([Path::new("put"), &source, Path::new(&target)]);
	// At most two MDUs are made at a time, so that a third one at every slot means that the put has noted another.
	eventually("three MDUs are with every slot", PATIENCE * 2, || {
		(0..4).all(|slot| staged(&devnet, deal, 1, slot).len() >= 3)
	});
	drop(put);
	assert_eq!(devnet.nil(["deal", "show", &deal.to_string()]).ok()["generation"], 0);

	// Nothing that a provider has acknowledged is lost when it is killed too.
	let before = staged(&devnet, deal, 1, 0);
	devnet.member(&devnet.holders(deal)[0]).kill();
	devnet.up_again();
	let after = staged(&devnet, deal, 1, 0);
	assert!(after.is_superset(&before), "{} staged, {} after the crash", before.len(), after.len());

	let put = devnet.nil([Path::new("put"), &source, Path::new(&target)]).ok();
	assert_eq!(put["resumed"], true, "{put}");
	assert!(put["resumed_mdus"].as_u64().unwrap() >= 1, "{put}");
	assert_eq!(put["generation"], 1);
	let restored = devnet.root.join("restored");
	devnet.nil([Path::new("get"), Path::new(&target), Path::new("-o"), &restored]).ok();
	assert_same_tree(&source, &restored);
	assert_eq!(devnet.nil(["verify", &deal.to_string()]).ok()["sound"], true);
}

#[test]
fn a_put_survives_the_loss_of_a_provider_and_of_the_node() {
	let mut devnet = Devnet::start(4);
	let deal = devnet.deal("2+2", 512);
	let file = devnet.root.join("file");
	write(&file, &random_bytes(100_000_000, 5));
	let target = format!("{deal}:/file");

	let put = devnet.start_nil([Path::new("put"), &file, Path::new(&target)]);
	eventually("an MDU is staged", PATIENCE * 2, || !staged(&devnet, deal, 1, 0).is_empty());
	devnet.member(&devnet.holders(deal)[3]).kill();
	devnet.kill_node();
	// The node comes back under the same address; the put and the providers find it again.
	devnet.up_again();
	let put = put.finish().ok();
	assert_eq!(put["generation"], 1);
	// Three of four slots are enough; the fourth signs only if it was back in time.
	let signed = put["commits"][0]["signed"].as_array().unwrap().len();
	assert!((3..=4).contains(&signed), "{put}");
	let back = devnet.root.join("back");
	devnet.nil([Path::new("get"), Path::new(&target), Path::new("-o"), &back]).ok();
	assert!(fs::read(&file).unwrap() == fs::read(&back).unwrap());

	// The chain went on from where it was, and takes new content.
	let put = devnet.nil([Path::new("put"), &file, Path::new(&format!("{deal}:/again"))]).ok();
	assert_eq!(put["generation"], 2);
}
