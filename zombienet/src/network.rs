//! The networks: two validators of an unmodified relay chain, two of our collators.
//!
//! [`run`] starts one, lets a test use it and takes it down, whether the test returns, fails, panics or takes too long.
//! The nodes' processes die with the test's should that be killed.

use crate::{
	chain::Chain,
	programs::{Programs, skip},
};
use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use std::{
	fs,
	os::unix::fs::PermissionsExt,
	panic::{AssertUnwindSafe, resume_unwind},
	path::{Path, PathBuf},
	time::{Duration, Instant},
};
use tokio::time::timeout;
use zombienet_sdk::{
	AddCollatorOptions, Arg, LocalFileSystem, NetworkConfig, NetworkConfigBuilder,
	NetworkConfigExt, NetworkNode,
	subxt::ext::futures::{FutureExt, future},
};

/// Our parachain's number.
pub const PARA_ID: u32 = 2_000;
/// The collators' names.
pub const COLLATORS: [&str; 2] = ["collator-one", "collator-two"];
/// The validators' names.
pub const VALIDATORS: [&str; 2] = ["alice", "bob"];

/// A node on a busy machine compiles a runtime or two before it answers.
const NODE_STARTS_WITHIN_SECONDS: u32 = 400;
const NETWORK_STARTS_WITHIN_SECONDS: u32 = 900;
/// Relay blocks until the first of ours may be expected: the parachain is scheduled from the second session on.
pub const FIRST_BLOCK_WITHIN: u32 = 40;
/// Blocks of a session if the relay chain was built for testing. Otherwise one takes an hour, and so would every test.
const LONGEST_SESSION: u64 = 50;
const LOG_LINES_SHOWN: usize = 25;

/// What the relay chain's validators offer to parachains beyond the usual host functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayOffers {
	/// Nothing: the public relay chains of today.
	Nothing,
	/// Arithmetic on BLS12-381, as RFC-163 has it, from the second session on.
	EccRfc163,
}

/// The runtime that our chain begins with, by the arithmetic that its validators use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
	/// The runtime's own, for every relay chain.
	Portable,
	/// The host functions of [`RelayOffers::EccRfc163`].
	Rfc163,
}

impl Backend {
	/// Our node's name for the chain that begins with it.
	fn chain(self) -> &'static str {
		match self {
			Self::Portable => "local",
			Self::Rfc163 => "local-rfc163",
		}
	}
}

/// In what networks differ.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
	/// What the relay chain offers.
	pub offers: RelayOffers,
	/// What our chain begins with.
	pub backend: Backend,
	/// Cores of the relay chain that are ours; at most as many as there are validators, each of which guards one.
	pub cores: u32,
}

impl Plan {
	/// The relay chain is as public ones are.
	pub const PUBLIC: Self =
		Self { offers: RelayOffers::Nothing, backend: Backend::Portable, cores: 1 };
	/// The relay chain offers RFC-163's arithmetic, and our chain uses it from its first block on.
	pub const RFC163: Self =
		Self { offers: RelayOffers::EccRfc163, backend: Backend::Rfc163, cores: 1 };
}

/// A running network.
#[derive(Debug)]
pub struct Network {
	inner: zombienet_sdk::Network<LocalFileSystem>,
	/// The relay chain, at the first validator.
	pub relay: Chain,
	/// Our chain, at the first collator.
	pub para: Chain,
	/// What the network was made of.
	pub programs: Programs,
	/// Where the test may keep files; they share the fate of the logs.
	pub dir: PathBuf,
}

impl Network {
	/// A node by its name.
	pub fn node(&self, name: &str) -> Result<&NetworkNode> {
		self.inner.get_node(name)
	}

	/// A connection to one of our nodes.
	pub async fn connect(&self, name: &str) -> Result<Chain> {
		Chain::connect(self.node(name)?.ws_uri()).await
	}

	/// Adds a full node of our chain and waits until it answers. `arguments` are those of our node.
	pub async fn add_full_node(&mut self, name: &str, arguments: &[(&str, &str)]) -> Result<Chain> {
		let mut arguments: Vec<Arg> = arguments.iter().copied().map(Arg::from).collect();
		// A node that joins later is not told of anybody by zombienet.
		let bootnode = self.node(COLLATORS[0])?.multiaddr().to_owned();
		arguments.push(("--bootnodes", bootnode.as_str()).into());
		let options =
			AddCollatorOptions { args: arguments, is_validator: false, ..Default::default() };
		self.inner.add_collator(name, options, PARA_ID).await?;
		self.node(name)?.wait_until_is_up(NODE_STARTS_WITHIN_SECONDS).await?;
		self.connect(name).await
	}

	/// Kills a node as a crash does.
	pub fn kill(&self, name: &str) -> Result<()> {
		use nix::{sys::signal, unistd::Pid};
		let pid = pid_of(self.node(name)?)?;
		Ok(signal::kill(Pid::from_raw(pid), signal::Signal::SIGKILL)?)
	}
}

fn pid_of(node: &NetworkNode) -> Result<i32> {
	let described = serde_json::to_value(node)?;
	let pid = described.pointer("/inner/process_handle").and_then(Value::as_i64);
	Ok(i32::try_from(pid.with_context(|| format!("{} has no process", node.name()))?)?)
}

/// Starts a network and runs `test` on it, for at most `limit`. Prints why and returns when programs are missing.
///
/// # Panics
/// When the test fails in whatever way. The logs are kept then, and stderr says where.
pub fn run(
	name: &str,
	plan: Plan,
	limit: Duration,
	test: impl AsyncFnOnce(&mut Network) -> Result<()>,
) {
	let programs = match Programs::find() {
		Ok(programs) => programs,
		Err(why) => return skip(name, &why),
	};
	// Silent unless RUST_LOG asks. Another test of this process may have been first.
	let _ = tracing_subscriber::fmt()
		.with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
		.with_writer(std::io::stderr)
		.try_init();
	let folder = Folder::new(name);
	// The test's own thread starts the nodes, which the kernel kills when that thread ends.
	let runtime = tokio::runtime::Builder::new_multi_thread()
		.worker_threads(2)
		.enable_all()
		.build()
		.expect("an async runtime");
	let outcome = runtime.block_on(async {
		let started = Instant::now();
		let mut network = start(programs, plan, &folder.dir).await?;
		eprintln!("{name}: the network took {} s to start", started.elapsed().as_secs());
		let bounded = timeout(limit, test(&mut network));
		let outcome = AssertUnwindSafe(bounded).catch_unwind().await;
		let stopped = stop(network).await;
		match outcome {
			Ok(Ok(done)) => done.and(stopped),
			Ok(Err(_)) => Err(anyhow!("the test did not end within {} s", limit.as_secs())),
			Err(panicked) => resume_unwind(panicked),
		}
	});
	if let Err(error) = outcome {
		panic!("{name}: {error:?}");
	}
}

/// A test's files: removed when it has passed, kept and shown when it panics.
struct Folder {
	name: String,
	dir: PathBuf,
}

impl Folder {
	fn new(name: &str) -> Self {
		let dir = tempfile::Builder::new().prefix(&format!("nil-zombienet-{name}-")).tempdir();
		Self { name: name.into(), dir: dir.expect("a directory for logs").keep() }
	}
}

impl Drop for Folder {
	fn drop(&mut self) {
		if std::thread::panicking() {
			show_logs(&self.name, &self.dir);
		} else {
			let _ = fs::remove_dir_all(&self.dir);
		}
	}
}

async fn start(programs: Programs, plan: Plan, dir: &Path) -> Result<Network> {
	let config = definition(&programs, plan, dir)?;
	let inner = config.spawn_native().await?;
	let first = |name: &str| Ok::<_, anyhow::Error>(inner.get_node(name)?.ws_uri().to_owned());
	let relay = Chain::connect(&first(VALIDATORS[0])?).await?;
	let para = Chain::connect(&first(COLLATORS[0])?).await?;
	let network = Network { inner, relay, para, programs, dir: dir.into() };
	if let Err(error) = check_sessions(&network.relay) {
		stop(network).await?;
		return Err(error);
	}
	Ok(network)
}

/// A relay chain that was not built for testing is told apart at once, not after an hour.
fn check_sessions(relay: &Chain) -> Result<()> {
	let address = zombienet_sdk::subxt::dynamic::constant("Babe", "EpochDuration");
	let length = relay.api.constants().at(&address)?.as_type::<u64>()?;
	if length > LONGEST_SESSION {
		bail!(
			"the relay chain's sessions have {length} blocks: build `polkadot` with `--features fast-runtime`"
		);
	}
	Ok(())
}

fn definition(programs: &Programs, plan: Plan, dir: &Path) -> Result<NetworkConfig> {
	let polkadot = bound_program(dir, &programs.nil, &programs.polkadot)?;
	let node = bound_program(dir, &programs.nil, &programs.node)?;
	let built = NetworkConfigBuilder::new()
		.with_relaychain(|relay| {
			relay
				.with_chain("rococo-local")
				.with_default_command(polkadot.as_str())
				// A benchmark of the machine would only delay the start.
				.with_default_args(vec!["--no-hardware-benchmarks".into()])
				.with_genesis_overrides(relay_genesis(plan.offers))
				.with_validator(|node| node.with_name(VALIDATORS[0]))
				.with_validator(|node| node.with_name(VALIDATORS[1]))
		})
		.with_parachain(|para| {
			para.with_id(PARA_ID)
				.with_chain(plan.backend.chain())
				// Given to us in the relay chain's genesis, whose preset has groups of one validator.
				.with_num_cores(plan.cores)
				.cumulus_based(true)
				.with_default_command(node.as_str())
				.with_collator(|node| node.with_name(COLLATORS[0]))
				.with_collator(|node| node.with_name(COLLATORS[1]))
		})
		.with_global_settings(|settings| {
			settings
				.with_base_dir(dir.join("net"))
				// Or a node that a test kills would take all others with it.
				.with_tear_down_on_failure(false)
				.with_node_spawn_timeout(NODE_STARTS_WITHIN_SECONDS)
				.with_network_spawn_timeout(NETWORK_STARTS_WITHIN_SECONDS)
		})
		.build();
	built.map_err(|errors| anyhow!("the network's definition: {errors:?}"))
}

/// The preset is from before asynchronous backing; these are the values that the SDK's guide and the public relay chains
/// have.
fn relay_genesis(offers: RelayOffers) -> Value {
	let mut config = json!({
		"async_backing_params": { "max_candidate_depth": 3, "allowed_ancestry_len": 2 },
	});
	if offers == RelayOffers::EccRfc163 {
		// In force from session 1 on, when parachains start; session 0 must not be overridden.
		config["executor_params"] = json!([{ "EnabledHostFunction": "EccRfc163" }]);
	}
	json!({ "configuration": { "config": config } })
}

/// A script that runs `program` such that it cannot outlive this test, even if that is killed.
fn bound_program(dir: &Path, nil: &Path, program: &Path) -> Result<String> {
	let name = program.file_name().context("a program's name")?;
	let scripts = dir.join("bin");
	fs::create_dir_all(&scripts)?;
	let script = scripts.join(name);
	let own = std::process::id();
	let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
	let text = format!(
		"#!/bin/sh\nexec {} devnet child --die-with {own} -- {} \"$@\"\n",
		quoted(nil),
		quoted(program)
	);
	fs::write(&script, text)?;
	fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
	Ok(script.display().to_string())
}

/// Ends every process of the network, and checks that they have ended.
async fn stop(network: Network) -> Result<()> {
	let pids: Vec<i32> =
		network.inner.nodes().into_iter().filter_map(|node| pid_of(node).ok()).collect();
	network.inner.destroy().await?;
	let left: Vec<_> = pids.iter().filter(|pid| is_alive(**pid)).collect();
	if left.is_empty() { Ok(()) } else { Err(anyhow!("processes {left:?} still run")) }
}

/// Whether a process runs; one that has ended and was not waited for does not.
pub fn is_alive(pid: i32) -> bool {
	let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
	stat.is_ok_and(|stat| !stat.contains(") Z"))
}

/// The end of every log below `dir`, and where they are.
fn show_logs(name: &str, dir: &Path) {
	for log in logs_below(dir) {
		let text = fs::read(&log).unwrap_or_default();
		let text = String::from_utf8_lossy(&text);
		let lines: Vec<_> = text.lines().collect();
		let tail = lines.get(lines.len().saturating_sub(LOG_LINES_SHOWN)..).unwrap_or_default();
		eprintln!("--- {}\n{}", log.display(), tail.join("\n"));
	}
	eprintln!("{name}: all logs are kept in {}", dir.display());
}

fn logs_below(dir: &Path) -> Vec<PathBuf> {
	let mut found = Vec::new();
	for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
		let path = entry.path();
		match entry.file_type() {
			// Databases have logs of their own, which say nothing here.
			Ok(kind)
				if kind.is_dir() && !path.ends_with("data") && !path.ends_with("relay-data") =>
			{
				found.extend(logs_below(&path));
			},
			Ok(kind) if kind.is_file() && path.extension().is_some_and(|end| end == "log") => {
				found.push(path);
			},
			_ => {},
		}
	}
	found
}

/// Waits for several things at once and returns the first error, if any.
pub async fn all<T>(
	waits: impl IntoIterator<Item = impl Future<Output = Result<T>>>,
) -> Result<Vec<T>> {
	future::try_join_all(waits).await
}
