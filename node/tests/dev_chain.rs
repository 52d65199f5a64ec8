//! The binary's development chain: blocks, restarts, forks, and what it says when it cannot do something. And what the
//! binary writes: blocks, runtimes, specifications, and what relay chains are told.

use serde_json::{Value, json};
use std::{
	io::{BufRead, BufReader, Read, Write},
	net::TcpStream,
	path::Path,
	process::{Child, Command, Stdio},
	sync::mpsc::{self, Receiver},
	thread,
	time::{Duration, Instant},
};

/// Longest wait for anything: a debug build on a busy machine compiles the runtime for some seconds.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running node; it ends with the value.
struct Node {
	process: Child,
	port: u16,
	/// What it writes to stderr after its address.
	_log: Receiver<String>,
}

impl Node {
	fn start(base_path: &Path, block_time: u64) -> Self {
		let mut process = Command::new(env!("CARGO_BIN_EXE_nil-node"))
			.args(["--dev", "--rpc-port", "0", "--no-prometheus", "--dev-block-time"])
			.arg(block_time.to_string())
			.arg("--base-path")
			.arg(base_path)
			.stdout(Stdio::null())
			.stderr(Stdio::piped())
			.spawn()
			.unwrap();
		let stderr = BufReader::new(process.stderr.take().unwrap());
		let (lines, log) = mpsc::channel();
		// Reads to the end, so that the node never waits for somebody to read.
		thread::spawn(move || {
			stderr.lines().map_while(Result::ok).for_each(|line| drop(lines.send(line)));
		});
		let deadline = Instant::now() + PATIENCE;
		let mut seen = Vec::new();
		let port = loop {
			let left = deadline.saturating_duration_since(Instant::now());
			let line = log.recv_timeout(left).unwrap_or_else(|_| panic!("no address: {seen:#?}"));
			if let Some((_, port)) = line.split_once("RPC: ws://127.0.0.1:") {
				break port.trim().parse().unwrap();
			}
			seen.push(line);
		};
		Self { process, port, _log: log }
	}

	/// Lets the node end by itself, with everything written.
	fn stop(mut self) {
		let kill = format!("kill {}", self.process.id());
		assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
		self.process.wait().unwrap();
	}

	fn call(&self, method: &str, params: Value) -> Result<Value, Value> {
		let body =
			json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
		let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
		stream.set_read_timeout(Some(PATIENCE)).unwrap();
		write!(
			stream,
			"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
			 Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
			body.len()
		)
		.unwrap();
		let mut answer = String::new();
		stream.read_to_string(&mut answer).unwrap();
		let (_, body) = answer.split_once("\r\n\r\n").unwrap();
		let mut body: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"));
		match body.get_mut("result") {
			Some(result) => Ok(result.take()),
			None => Err(body["error"].take()),
		}
	}

	fn get(&self, method: &str, params: Value) -> Value {
		self.call(method, params).unwrap_or_else(|error| panic!("{method}: {error}"))
	}

	/// Number and hash of the newest finalised block.
	fn finalised(&self) -> (u64, String) {
		let hash = self.get("chain_getFinalizedHead", json!([]));
		(self.number(&hash), hash.as_str().unwrap().to_owned())
	}

	fn number(&self, hash: &Value) -> u64 {
		let header = self.get("chain_getHeader", json!([hash]));
		u64::from_str_radix(&header["number"].as_str().unwrap()[2..], 16).unwrap()
	}

	/// The relay block that a block is built on: the first field of the encoded `Terms`.
	fn relay_block(&self, hash: &str) -> u32 {
		let terms = self.get("state_call", json!(["NilApi_terms", "0x", hash]));
		let bytes: Vec<u8> = (0..4)
			.map(|i| {
				u8::from_str_radix(&terms.as_str().unwrap()[2 + 2 * i..4 + 2 * i], 16).unwrap()
			})
			.collect();
		u32::from_le_bytes(bytes.try_into().unwrap())
	}

	fn wait_for_block(&self, number: u64) -> String {
		let deadline = Instant::now() + PATIENCE;
		loop {
			let (at, hash) = self.finalised();
			if at >= number {
				return hash;
			}
			assert!(Instant::now() < deadline, "stuck at block {at}");
			thread::sleep(Duration::from_millis(50));
		}
	}
}

impl Drop for Node {
	fn drop(&mut self) {
		// As hard as a power cut: the chain must survive it.
		let _ = self.process.kill();
		let _ = self.process.wait();
	}
}

/// Runs one of the binary's commands to its end. What it wrote to stdout.
fn run(arguments: &[&str]) -> Vec<u8> {
	let output = Command::new(env!("CARGO_BIN_EXE_nil-node")).args(arguments).output().unwrap();
	let said = String::from_utf8_lossy(&output.stderr);
	assert!(output.status.success(), "{arguments:?}: {said}");
	output.stdout
}

/// The specification of a chain that has a name.
fn spec(chain: &str) -> Value {
	serde_json::from_slice(&run(&["export-chain-spec", "--chain", chain])).unwrap()
}

/// What is written in hexadecimal digits.
fn bytes(text: &str) -> Vec<u8> {
	hex::decode(text.strip_prefix("0x").unwrap()).unwrap()
}

#[test]
fn blocks_come_at_an_interval_and_continue_after_a_restart() {
	let folder = tempfile::tempdir().unwrap();
	let node = Node::start(folder.path(), 100);
	let genesis = node.get("chain_getBlockHash", json!([0]));
	let hash = node.wait_for_block(5);
	let (number, relay) = (node.number(&json!(hash)), node.relay_block(&hash));
	assert_eq!(u64::from(relay), 1_000 + number, "one relay block for each block");
	drop(node);

	let node = Node::start(folder.path(), 100);
	assert_eq!(node.get("chain_getBlockHash", json!([0])), genesis);
	let later = node.wait_for_block(number + 3);
	let passed = node.number(&json!(later)) - number;
	assert_eq!(u64::from(node.relay_block(&later)), u64::from(relay) + passed);
}

#[test]
fn forks_can_be_made_on_demand() {
	let folder = tempfile::tempdir().unwrap();
	let node = Node::start(folder.path(), 0);
	assert_eq!(node.finalised().0, 0, "no block unless asked for");
	let create = |finalize: bool, parent: Value| {
		let made = node.get("engine_createBlock", json!([true, finalize, parent]));
		made["hash"].as_str().unwrap().to_owned()
	};
	let first = create(true, Value::Null);
	let left = create(false, json!(first));
	let right = create(false, json!(first));
	assert_ne!(left, right, "siblings differ");
	assert_ne!(node.relay_block(&left), node.relay_block(&right));
	// The longer branch wins.
	let tip = create(false, json!(right));
	assert_eq!(node.get("chain_getBlockHash", json!([])), json!(tip));
	assert_eq!(node.get("chain_getBlockHash", json!([2])), json!(right));
	assert_eq!(node.get("engine_finalizeBlock", json!([tip, null])), json!(true));
	assert_eq!(node.finalised(), (3, tip));
}

#[test]
fn blocks_go_from_one_database_to_another_through_a_file() {
	const BLOCKS: u64 = 30;
	let folder = tempfile::tempdir().unwrap();
	let [from, to, file] = ["from", "to", "blocks"].map(|name| folder.path().join(name));
	let create = |node: &Node| node.get("engine_createBlock", json!([true, true, null]));
	let node = Node::start(&from, 0);
	for _ in 0..BLOCKS {
		create(&node);
	}
	let (number, hash) = node.finalised();
	assert_eq!(number, BLOCKS);
	node.stop();

	for (command, base_path) in [("export-blocks", &from), ("import-blocks", &to)] {
		let [base_path, file] = [base_path, &file].map(|path| path.to_str().unwrap());
		run(&[command, "--chain", "dev", "--binary", "--base-path", base_path, file]);
	}
	let node = Node::start(&to, 0);
	assert_eq!(node.get("chain_getBlockHash", json!([])), json!(hash));
	// The chain goes on from there.
	let next = create(&node);
	assert_eq!(node.finalised(), (BLOCKS + 1, next["hash"].as_str().unwrap().to_owned()));
}

#[test]
fn exported_runtimes_are_those_of_the_chains() {
	let plain = |wasm: &[u8]| {
		sp_maybe_compressed_blob::decompress(wasm, 64 * 1024 * 1024).unwrap().into_owned()
	};
	let code =
		|spec: &Value| bytes(spec["genesis"]["runtimeGenesis"]["code"].as_str().expect("the code"));
	let mut exported = Vec::new();
	for (backend, suffix) in [
		("portable", ""),
		#[cfg(feature = "rfc163")]
		("rfc163", "-rfc163"),
	] {
		let runtime = run(&["export-runtime", "--backend", backend]);
		let uncompressed = plain(&runtime);
		assert!(runtime.len() < uncompressed.len());
		assert_eq!(plain(&code(&spec(&format!("dev{suffix}")))), uncompressed);
		for (name, relay_chain) in [("local", "rococo-local"), ("testnet", "paseo")] {
			let spec = spec(&format!("{name}{suffix}"));
			let id = format!("nil-{name}{suffix}");
			assert_eq!(spec["id"], id);
			assert_eq!(spec["protocolId"], id);
			assert_eq!(spec["relayChain"], relay_chain);
			assert!(code(&spec) == runtime, "{id} has another runtime");
		}
		exported.push(runtime);
	}
	let all = exported.len();
	exported.dedup();
	assert_eq!(exported.len(), all, "the runtimes differ");
}

#[test]
#[cfg(feature = "collator")]
fn exported_genesis_is_what_a_relay_chain_registers() {
	/// The root of a trie with nothing in it.
	const NOTHING: &str = "03170a2e7597b7b7e3d84c05391d139a62b157e78786d8c082f29dcf4c111314";
	let text = |output: Vec<u8>| bytes(str::from_utf8(&output).unwrap());
	for (chain, backend) in [("local", "portable"), ("local-rfc163", "rfc163")] {
		let code = text(run(&["export-genesis-wasm", "--chain", chain]));
		assert!(code == run(&["export-runtime", "--backend", backend]), "{chain}");
	}

	// The header: parent, number, the roots of the state and of the transactions, an empty digest.
	let head = text(run(&["export-genesis-head", "--chain", "local"]));
	assert_eq!(head.len(), 32 + 1 + 32 + 32 + 1);
	assert_eq!(head[..33], [0u8; 33]);
	assert_ne!(head[33..65], [0u8; 32]);
	assert_eq!(hex::encode(&head[65..97]), NOTHING);
	assert_eq!(head[97], 0);

	// A chain that could never make a block is not registered.
	let output = Command::new(env!("CARGO_BIN_EXE_nil-node"))
		.args(["export-genesis-head", "--chain", "testnet"])
		.output()
		.unwrap();
	let said = String::from_utf8_lossy(&output.stderr);
	assert!(!output.status.success() && said.contains("no collators"), "{said}");
}

#[test]
#[cfg(not(feature = "collator"))]
fn a_chain_under_a_relay_chain_is_refused_with_advice() {
	let folder = tempfile::tempdir().unwrap();
	let output = Command::new(env!("CARGO_BIN_EXE_nil-node"))
		.args(["--chain", "local", "--rpc-port", "0", "--no-prometheus", "--base-path"])
		.arg(folder.path())
		.output()
		.unwrap();
	assert!(!output.status.success());
	let said = String::from_utf8_lossy(&output.stderr).into_owned();
	assert!(said.contains("--features collator") && said.contains("nil-node --dev"), "{said}");
}

#[test]
fn chain_specifications_name_the_token() {
	let spec = spec("dev");
	assert_eq!(spec["properties"]["tokenSymbol"], "NIL");
	assert_eq!(spec["properties"]["tokenDecimals"], 12);
	assert_eq!(spec["properties"]["ss58Format"], 42);
}

#[test]
fn a_taken_rpc_port_is_an_error() {
	let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
	let address = taken.local_addr().unwrap();
	let output = Command::new(env!("CARGO_BIN_EXE_nil-node"))
		.args(["--dev", "--no-prometheus", "--rpc-port", &address.port().to_string()])
		.output()
		.unwrap();
	let said = String::from_utf8_lossy(&output.stderr);
	assert!(!output.status.success(), "{said}");
	assert!(said.contains(&format!("cannot listen for RPC on {address}")), "{said}");
	assert!(said.contains("--rpc-port"), "{said}");
}
