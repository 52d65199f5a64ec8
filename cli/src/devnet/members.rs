//! How the members of a devnet are started, and when they count as ready.

use super::{
	process::{self, Launch, Lifetime, ProcessId},
	state::{Home, Provider, State},
};
use crate::error::{CliError, Exit, Result};
use serde::Deserialize;
use std::{
	fmt::Display,
	fs,
	net::{Ipv4Addr, SocketAddr, TcpStream},
	path::{Path, PathBuf},
	process::{Child, Stdio},
	time::{Duration, Instant},
};
use tokio::process::Command;

/// How long a member may take until it answers, on a busy machine.
pub const READY: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(50);
/// Bytes that a devnet's provider offers. They are promised, not allocated.
pub const CAPACITY: &str = "16 GiB";
/// What [`CAPACITY`] is in bytes.
pub const CAPACITY_BYTES: u64 = 16 << 30;

/// The programs of a devnet.
#[derive(Clone, Debug)]
pub struct Programs {
	node: PathBuf,
	provider: PathBuf,
}

impl Programs {
	/// Finds them, so that a missing one is told before anything is started.
	pub fn find() -> Result<Self> {
		Ok(Self {
			node: process::find_program("nil-node")?,
			provider: process::find_program("nil-provider")?,
		})
	}

	/// Starts the node.
	pub fn start_node(&self, home: &Home, state: &State, lifetime: Lifetime) -> Result<Child> {
		let base = home.node_dir();
		fs::create_dir_all(&base).map_err(|error| CliError::local(base.display(), &error))?;
		let arguments = vec![
			"--dev".into(),
			"--base-path".into(),
			base.into_os_string(),
			"--rpc-port".into(),
			state.node.rpc_port.to_string().into(),
			"--block-ms".into(),
			state.block_ms.to_string().into(),
			// No peers are wanted, and the usual ports may be somebody else's.
			"--port".into(),
			"0".into(),
			"--no-prometheus".into(),
			"--no-telemetry".into(),
			"--no-mdns".into(),
		];
		process::spawn(Launch {
			program: &self.node,
			arguments,
			environment: Vec::new(),
			log: &home.log("node"),
			lifetime,
		})
	}

	/// Makes a provider's configuration and keys, once.
	pub async fn init_provider(&self, home: &Home, state: &State, member: &Provider) -> Result<()> {
		let config = provider_config(home, &member.name);
		if config.is_file() {
			return Ok(());
		}
		let dir = home.provider_dir(&member.name);
		fs::create_dir_all(&dir).map_err(|error| CliError::local(dir.display(), &error))?;
		let mut command = self.provider_command(home, state, member);
		command
			.arg("init")
			.args(["--node-url", &state.url()])
			.args(["--listen", &format!("127.0.0.1:{}", member.api_port)])
			.args(["--metrics-listen", &format!("127.0.0.1:{}", member.metrics_port)])
			.args(["--capacity", CAPACITY, "--reserve", "64 MiB", "--domain", &member.name]);
		run(command, &format!("{} init", member.name)).await
	}

	/// Puts a provider on chain. Its operator has been funded.
	pub async fn register_provider(
		&self,
		home: &Home,
		state: &State,
		member: &Provider,
	) -> Result<()> {
		let mut command = self.provider_command(home, state, member);
		command.args(["register", "--json"]);
		run(command, &format!("{} register", member.name)).await
	}

	/// Starts a provider's daemon.
	pub fn start_provider(
		&self,
		home: &Home,
		state: &State,
		member: &Provider,
		lifetime: Lifetime,
	) -> Result<Child> {
		process::spawn(Launch {
			program: &self.provider,
			arguments: vec![
				"--config".into(),
				provider_config(home, &member.name).into(),
				"run".into(),
			],
			// What the configuration says was true when it was written; ports may have changed since.
			environment: vec![
				("NIL_PROVIDER_NODE_URL", state.url()),
				("NIL_PROVIDER_API_LISTEN", format!("127.0.0.1:{}", member.api_port)),
				("NIL_PROVIDER_METRICS_LISTEN", format!("127.0.0.1:{}", member.metrics_port)),
				("NIL_PROVIDER_RECEIPTS_VALID_BLOCKS", receipt_blocks(state.block_ms).to_string()),
				// All of them are on this machine.
				("NIL_PROVIDER_RECEIPTS_PRIVATE_PEERS", "true".into()),
			],
			log: &home.log(&member.name),
			lifetime,
		})
	}

	fn provider_command(&self, home: &Home, state: &State, member: &Provider) -> Command {
		let mut command = Command::new(&self.provider);
		command
			.arg("--config")
			.arg(provider_config(home, &member.name))
			.env("NIL_PROVIDER_NODE_URL", state.url())
			.stdin(Stdio::null())
			.kill_on_drop(true);
		command
	}
}

/// Relay blocks for which receipts count. A devnet's relay clock advances with every block, much faster than a real
/// one, and all providers share one machine; a commit gets ten minutes all the same.
fn receipt_blocks(block_ms: u64) -> u64 {
	const LONG_ENOUGH_MS: u64 = 600_000;
	(LONG_ENOUGH_MS / block_ms.max(1)).max(100)
}

/// A provider's configuration file.
pub fn provider_config(home: &Home, name: &str) -> PathBuf {
	home.provider_dir(name).join("provider.toml")
}

/// What a devnet asks of a provider's configuration.
#[derive(Deserialize)]
struct Config {
	operator: Operator,
	#[serde(default)]
	store: StorePlace,
}

#[derive(Deserialize)]
struct Operator {
	account: String,
}

#[derive(Deserialize)]
#[serde(default)]
struct StorePlace {
	path: PathBuf,
}

impl Default for StorePlace {
	fn default() -> Self {
		Self { path: "data".into() }
	}
}

fn read_config(home: &Home, name: &str) -> Result<Config> {
	let path = provider_config(home, name);
	let text =
		fs::read_to_string(&path).map_err(|error| CliError::local(path.display(), &error))?;
	toml::from_str(&text)
		.map_err(|error| CliError::failure(format_args!("{}: {error}", path.display())))
}

/// Has a provider care for nothing from its next start on: it neither finds nor mends what its disk loses, and takes no slots
/// over.
pub fn neglect(home: &Home, name: &str) -> Result<()> {
	let path = provider_config(home, name);
	let wrong = |what: &dyn Display| CliError::failure(format_args!("{}: {what}", path.display()));
	let text =
		fs::read_to_string(&path).map_err(|error| CliError::local(path.display(), &error))?;
	let mut config: toml::Table = toml::from_str(&text).map_err(|error| wrong(&error))?;
	for (section, field, value) in [
		("prover", "scrub_rate", toml::Value::Integer(0)),
		("prover", "mend", toml::Value::Boolean(false)),
		("repair", "enabled", toml::Value::Boolean(false)),
	] {
		let found = config.get_mut(section).and_then(toml::Value::as_table_mut);
		let found = found.ok_or_else(|| wrong(&format_args!("it has no section {section}")))?;
		found.insert(field.to_owned(), value);
	}
	let text = toml::to_string(&config).map_err(|error| wrong(&error))?;
	fs::write(&path, text).map_err(|error| CliError::local(path.display(), &error))
}

/// The operator's account, as a provider's configuration names it.
pub fn operator_of(home: &Home, name: &str) -> Result<String> {
	Ok(read_config(home, name)?.operator.account)
}

/// The folder of a provider's store, as its configuration names it.
pub fn store_of(home: &Home, name: &str) -> Result<PathBuf> {
	Ok(home.provider_dir(name).join(read_config(home, name)?.store.path))
}

async fn run(mut command: Command, what: &str) -> Result<()> {
	let output = tokio::time::timeout(READY, command.output())
		.await
		.map_err(|_| {
			CliError::failure(format_args!("{what} did not end within {} s", READY.as_secs()))
		})?
		.map_err(|error| CliError::local(what, &error))?;
	if output.status.success() {
		return Ok(());
	}
	let said = [output.stdout, output.stderr].concat();
	let said = String::from_utf8_lossy(&said);
	Err(CliError::failure(format_args!("{what} failed ({}): {}", output.status, said.trim())))
}

/// Waits until a TCP port answers; fails at once when the process ends before.
pub async fn wait_for_port(process: &ProcessId, port: u16, name: &str, log: &Path) -> Result<()> {
	let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
	wait_until(process, name, log, async || {
		TcpStream::connect_timeout(&address, Duration::from_millis(250)).is_ok()
	})
	.await
}

/// Waits until a provider's health says that it follows the chain.
pub async fn wait_for_provider(
	http: &reqwest::Client,
	member: &Provider,
	log: &Path,
) -> Result<()> {
	let Some(process) = &member.process else {
		return Err(CliError::failure(format_args!("{} was not started", member.name)));
	};
	let url = format!("{}/v1/health", member.url());
	wait_until(process, &member.name, log, async || {
		let answer = http.get(&url).timeout(Duration::from_secs(2)).send().await;
		answer.is_ok_and(|answer| answer.status().is_success())
	})
	.await
}

async fn wait_until(
	process: &ProcessId,
	name: &str,
	log: &Path,
	ready: impl AsyncFn() -> bool,
) -> Result<()> {
	let deadline = Instant::now() + READY;
	loop {
		if ready().await {
			return Ok(());
		}
		if !process.is_alive() {
			return Err(CliError::new(
				Exit::Failure,
				format_args!("{name} ended while it was starting:\n{}", tail(log, 15)),
			)
			.code("member_ended")
			.hint(format_args!("its log is {}", log.display())));
		}
		if Instant::now() >= deadline {
			return Err(CliError::new(
				Exit::Unreachable,
				format_args!("{name} does not answer after {} s", READY.as_secs()),
			)
			.hint(format_args!("its log is {}", log.display())));
		}
		tokio::time::sleep(POLL).await;
	}
}

/// The last lines of a log; empty when there is none.
pub fn tail(log: &Path, lines: usize) -> String {
	let bytes = fs::read(log).unwrap_or_default();
	let text = String::from_utf8_lossy(&bytes);
	let all: Vec<_> = text.lines().collect();
	all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
}
