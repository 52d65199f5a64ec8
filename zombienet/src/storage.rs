//! Providers and a user on a network: real processes, run as their documentation says.

use crate::{
	chain::Chain,
	network::{Network, all, is_alive},
};
use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use std::{
	ffi::OsStr,
	fs::{self, OpenOptions},
	net::TcpListener,
	path::{Path, PathBuf},
	process::Stdio,
};
use tokio::{
	io::{AsyncReadExt, AsyncWriteExt},
	net::TcpStream,
	process::{Child, Command},
};
use zombienet_sdk::{
	subxt::{
		dynamic::{self, Value as Dynamic},
		tx::DynamicPayload,
		utils::AccountId32,
	},
	subxt_signer::sr25519::dev,
};

/// What an operator gets: stake for [`CAPACITY`], deposits and fees.
const FUNDS: u128 = 2_000_000_000_000_000;
/// Bytes that each provider offers. They are promised, not allocated.
const CAPACITY: &str = "16 GiB";
/// Blocks of ours until a registered provider's daemon must answer.
const READY_WITHIN: u32 = 30;

/// Everybody who stores and reads on a network.
#[derive(Debug)]
pub struct Storage {
	/// The providers, each with its process.
	pub providers: Vec<Provider>,
	/// Somebody with files.
	pub user: User,
}

/// A provider.
#[derive(Debug)]
pub struct Provider {
	/// Its failure domain and the name of its folder.
	pub name: String,
	/// The operator's account.
	pub operator: String,
	config: PathBuf,
	log: PathBuf,
	api_port: u16,
	daemon: Option<Child>,
}

/// Runs `nil`.
#[derive(Clone, Debug)]
pub struct User {
	nil: PathBuf,
	url: String,
	dir: PathBuf,
}

impl Storage {
	/// Makes `count` providers, registers them on chain and starts them, against the network's first collator.
	pub async fn start(network: &Network, count: usize) -> Result<Self> {
		let chain = &network.para;
		let made = (0..count).map(|index| Provider::init(network, format!("provider-{index}")));
		let mut providers = all(made).await?;
		let calls = providers.iter().map(fund).collect::<Result<Vec<_>>>()?;
		chain.submit_all(&calls, &dev::alice()).await.context("funding the operators")?;
		all(providers.iter().map(|provider| provider.register(network))).await?;
		for provider in &mut providers {
			provider.run(network)?;
		}
		all(providers.iter().map(|provider| provider.ready(chain))).await?;
		Ok(Self { providers, user: User::new(network)? })
	}

	/// The provider with this operator.
	pub fn held_by(&mut self, operator: &str) -> Result<&mut Provider> {
		let mut providers = self.providers.iter_mut();
		let found = providers.find(|provider| provider.operator == operator);
		found.with_context(|| format!("{operator} is no provider of this network"))
	}
}

fn fund(provider: &Provider) -> Result<DynamicPayload> {
	let operator: AccountId32 = provider.operator.parse().map_err(|error| anyhow!("{error}"))?;
	let to = Dynamic::unnamed_variant("Id", [Dynamic::from_bytes(operator)]);
	Ok(dynamic::tx("Balances", "transfer_keep_alive", vec![to, Dynamic::u128(FUNDS)]))
}

impl Provider {
	async fn init(network: &Network, name: String) -> Result<Self> {
		let dir = network.dir.join(&name);
		fs::create_dir_all(&dir)?;
		let config = dir.join("provider.toml");
		let (api_port, metrics_port) = (free_port()?, free_port()?);
		let mut command = Command::new(&network.programs.provider);
		command.arg("--config").arg(&config).args(["init", "--node-url", &network.para.url]);
		command.args(["--listen", &format!("127.0.0.1:{api_port}")]);
		command.args(["--metrics-listen", &format!("127.0.0.1:{metrics_port}")]);
		command.args(["--capacity", CAPACITY, "--reserve", "64 MiB", "--domain", &name]);
		finish(command).await?;
		let text = fs::read_to_string(&config)?;
		let written: toml::Table = text.parse()?;
		let operator = written.get("operator").and_then(|operator| operator.get("account"));
		let operator = operator.and_then(toml::Value::as_str).context("the operator's account")?;
		let log = network.dir.join(format!("{name}.log"));
		Ok(Self { operator: operator.into(), name, config, log, api_port, daemon: None })
	}

	async fn register(&self, network: &Network) -> Result<()> {
		let mut command = Command::new(&network.programs.provider);
		command.arg("--config").arg(&self.config).args(["register", "--json"]);
		finish(command).await.map(|_| ())
	}

	fn run(&mut self, network: &Network) -> Result<()> {
		let log = OpenOptions::new().create(true).append(true).open(&self.log)?;
		let mut command = Command::new(&network.programs.nil);
		// It ends with this process, however that ends.
		command.args(["devnet", "child", "--die-with", &std::process::id().to_string(), "--"]);
		command.arg(&network.programs.provider).arg("--config").arg(&self.config).arg("run");
		command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
		self.daemon = Some(command.spawn().with_context(|| format!("starting {}", self.name))?);
		Ok(())
	}

	/// Waits until the daemon answers.
	async fn ready(&self, chain: &Chain) -> Result<()> {
		let what = format!("{} answers", self.name);
		chain
			.within(READY_WITHIN, &what, async || {
				if !self.is_running() {
					bail!("{} has ended: {}", self.name, self.log.display());
				}
				Ok(self.is_healthy().await.then_some(()))
			})
			.await
	}

	async fn is_healthy(&self) -> bool {
		let ask = async {
			let mut stream = TcpStream::connect(("127.0.0.1", self.api_port)).await?;
			stream.write_all(b"GET /v1/health HTTP/1.0\r\nHost: localhost\r\n\r\n").await?;
			let mut answer = String::new();
			stream.read_to_string(&mut answer).await?;
			std::io::Result::Ok(answer)
		};
		ask.await.is_ok_and(|answer| answer.split(' ').nth(1) == Some("200"))
	}

	fn is_running(&self) -> bool {
		let pid = self.daemon.as_ref().and_then(Child::id);
		pid.and_then(|pid| i32::try_from(pid).ok()).is_some_and(is_alive)
	}

	/// Ends the daemon with SIGKILL, as a crash does, and waits until it is gone.
	pub async fn kill(&mut self) -> Result<()> {
		let mut daemon = self.daemon.take().with_context(|| format!("{} runs", self.name))?;
		Ok(daemon.kill().await?)
	}
}

impl User {
	/// A user at the network's first collator.
	pub fn new(network: &Network) -> Result<Self> {
		let dir = network.dir.join("user");
		fs::create_dir_all(&dir)?;
		Ok(Self { nil: network.programs.nil.clone(), url: network.para.url.clone(), dir })
	}

	/// Runs `nil --json` as //Alice and returns what it printed.
	pub async fn run<S: AsRef<OsStr>>(
		&self,
		arguments: impl IntoIterator<Item = S>,
	) -> Result<Vec<u8>> {
		let mut command = Command::new(&self.nil);
		command
			.args(["--json", "--url", &self.url])
			.args(arguments)
			.env("NIL_KEY", "//Alice")
			.env("NIL_CONFIG_DIR", self.dir.join("config"))
			.env("NIL_STATE_DIR", self.dir.join("state"))
			.env("NIL_DEVNET_DIR", self.dir.join("devnet"))
			.env_remove("NIL_IDENTITY")
			.env_remove("NIL_URL");
		finish(command).await
	}

	/// Like [`Self::run`], for commands that print a JSON document.
	pub async fn ask(&self, arguments: &[&str]) -> Result<Value> {
		let printed = self.run(arguments).await?;
		serde_json::from_slice(&printed).with_context(|| format!("nil {arguments:?}"))
	}

	/// Makes a deal for `mib` MiB and waits until its slots are drawn in a final block; its number.
	pub async fn create_deal(&self, profile: &str, mib: u32) -> Result<u64> {
		let size = format!("{mib}MiB");
		let arguments =
			["deal", "create", "--profile", profile, "--size", &size, "--duration", "2d"];
		let created = self.ask(&arguments).await?;
		created["deal"].as_u64().with_context(|| format!("a number in {created}"))
	}

	/// A deal as the chain has it, without what changes by itself.
	pub async fn deal(&self, deal: u64) -> Result<Value> {
		let mut shown = self.ask(&["deal", "show", &deal.to_string()]).await?;
		if let Some(fields) = shown.as_object_mut() {
			fields.remove("relay_block");
		}
		Ok(shown)
	}

	/// The operators that hold a deal's slots, in the order of slots.
	pub async fn holders(&self, deal: u64) -> Result<Vec<String>> {
		let shown = self.deal(deal).await?;
		let slots = shown["slots"].as_array().context("a deal's slots")?;
		let holder = |slot: &Value| slot["provider"].as_str().map(str::to_owned);
		slots.iter().map(|slot| holder(slot).context("a slot's provider")).collect()
	}

	/// Stores `bytes` in a deal as the file `name`.
	pub async fn put(&self, deal: u64, name: &str, bytes: &[u8]) -> Result<()> {
		let file = self.dir.join(name);
		fs::write(&file, bytes)?;
		let target = format!("{deal}:/{name}");
		self.run([Path::new("put"), &file, Path::new(&target)]).await.map(|_| ())
	}

	/// Reads a file of a deal.
	pub async fn cat(&self, deal: u64, name: &str) -> Result<Vec<u8>> {
		self.run(["cat", &format!("{deal}:/{name}")]).await
	}
}

/// Bytes that no compressor shortens and that `seed` alone decides.
pub fn random_bytes(size: usize, seed: u64) -> Vec<u8> {
	use rand::{RngCore, SeedableRng};
	let mut bytes = vec![0; size];
	rand::rngs::StdRng::seed_from_u64(seed).fill_bytes(&mut bytes);
	bytes
}

/// Runs a command to its end; what it printed if it succeeded.
async fn finish(mut command: Command) -> Result<Vec<u8>> {
	let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
	let output = output.with_context(|| format!("{:?}", command.as_std()))?;
	if !output.status.success() {
		let said = [output.stdout, output.stderr].concat();
		let said = String::from_utf8_lossy(&said);
		bail!("{:?} failed ({}): {}", command.as_std(), output.status, said.trim());
	}
	Ok(output.stdout)
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
	Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
