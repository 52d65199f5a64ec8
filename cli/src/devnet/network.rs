//! Bringing a devnet up and down.

use super::{
	members::{self, CAPACITY_BYTES, Programs},
	ports::{self, Ports},
	process::{self, Lifetime, ProcessId},
	state::{Home, Provider, State},
};
use crate::{
	context::ALICE,
	error::{CliError, Exit, Result},
	output::Output,
	units::NIL,
};
use futures::future::{join_all, try_join_all};
use nil_client::{
	account::AccountId,
	chain::{At, Call, Chain, WaitFor},
	http,
	keys::Signer,
};
use std::{
	process::Child,
	time::{Duration, Instant},
};

const DEFAULT_RPC_PORT: u16 = 9944;
const FIRST_API_PORT: u16 = 4100;
const FIRST_METRICS_PORT: u16 = 4400;
const DEFAULT_BLOCK_MS: u64 = 1000;
/// What an operator gets beyond its stake, for deposits and fees.
const POCKET_MONEY: u128 = 1000 * NIL;

/// What `up` shall bring about.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
	/// Providers at least.
	pub providers: u16,
	/// Forget what was there.
	pub fresh: bool,
	/// Milliseconds between blocks. `None`: as before.
	pub block_ms: Option<u64>,
	/// Port of the RPC. `None`: as before, else the usual one if it is free; 0: any.
	pub rpc_port: Option<u16>,
	/// Whether providers take the usual ports when these are free.
	pub usual_ports: bool,
	/// Whether the processes outlive this one.
	pub lifetime: Lifetime,
}

/// A running devnet.
#[derive(Debug)]
pub struct Network {
	home: Home,
	state: State,
	programs: Programs,
	lifetime: Lifetime,
	/// Kept to be reaped: processes that ended must not stay as zombies of a long-running command.
	children: Vec<Child>,
}

impl Network {
	/// Starts whatever of `wanted` does not run yet, and waits until it answers.
	pub async fn up(home: Home, wanted: Wanted, output: &Output) -> Result<Self> {
		let programs = Programs::find()?;
		let _lock = home.lock()?;
		if wanted.fresh {
			if let Some(state) = home.load()? {
				process::stop_all(&state.processes());
			}
			home.wipe()?;
		}
		let mut ports = Ports::default();
		let state = match home.load()? {
			Some(mut state) => {
				if !state.node_alive() {
					state.block_ms = wanted.block_ms.unwrap_or(state.block_ms);
					let known = state.node.rpc_port;
					state.node.rpc_port = if !state.providers.iter().any(Provider::is_alive) {
						ports.take(Some(wanted.rpc_port.unwrap_or(known)))?
					} else if wanted.rpc_port.is_none_or(|port| port == 0 || port == known) {
						ports.insist(known)?
					} else {
						return Err(CliError::failure(format_args!(
							"providers run and expect the node at port {known}"
						))
						.hint("stop them first: nil devnet down"));
					};
				} else if wanted.block_ms.is_some_and(|block_ms| block_ms != state.block_ms) {
					return Err(CliError::failure(format_args!(
						"the node runs with blocks of {} ms already",
						state.block_ms
					))
					.hint("stop it first: nil devnet down"));
				}
				state
			},
			None => State::new(
				wanted.block_ms.unwrap_or(DEFAULT_BLOCK_MS),
				ports.take(Some(wanted.rpc_port.unwrap_or(DEFAULT_RPC_PORT)))?,
			),
		};
		let mut network =
			Self { home, state, programs, lifetime: wanted.lifetime, children: Vec::new() };
		let brought_up = network.bring_up(&wanted, &mut ports, output).await;
		// Whatever was started is remembered, so that `down` finds it.
		network.home.save(&network.state)?;
		match brought_up {
			Ok(()) => Ok(network),
			Err(error) => {
				if wanted.lifetime == Lifetime::Bound {
					network.stop();
				}
				Err(error)
			},
		}
	}

	async fn bring_up(
		&mut self,
		wanted: &Wanted,
		ports: &mut Ports,
		output: &Output,
	) -> Result<()> {
		if !self.state.node_alive() {
			output.note(format_args!("starting nil-node on {} ..", self.state.url()));
			self.start_node().await?;
		}
		for index in self.state.providers.len()..usize::from(wanted.providers) {
			let usual = |first: u16| {
				u16::try_from(index)
					.ok()
					.filter(|_| wanted.usual_ports)
					.and_then(|offset| first.checked_add(offset))
			};
			self.state.providers.push(Provider {
				name: format!("provider-{index:02}"),
				api_port: ports.take(usual(FIRST_API_PORT))?,
				metrics_port: ports.take(usual(FIRST_METRICS_PORT))?,
				operator: None,
				process: None,
			});
		}
		self.home.save(&self.state)?;
		self.register_missing(output).await?;
		let missing: Vec<_> = (0..self.state.providers.len())
			.filter(|index| self.state.providers.get(*index).is_some_and(|p| !p.is_alive()))
			.collect();
		if !missing.is_empty() {
			output.note(format_args!("starting {} providers ..", missing.len()));
		}
		self.start_providers(&missing, ports).await
	}

	/// Starts the node and waits until its RPC answers.
	pub async fn start_node(&mut self) -> Result<()> {
		let child = self.programs.start_node(&self.home, &self.state, self.lifetime)?;
		let process = self.adopt(child, "node")?;
		self.state.node.process = Some(process.clone());
		self.home.save(&self.state)?;
		let log = self.home.log("node");
		members::wait_for_port(&process, self.state.node.rpc_port, "nil-node", &log).await
	}

	/// Starts the providers with these numbers and waits until they answer.
	pub async fn start_providers(&mut self, indices: &[usize], ports: &mut Ports) -> Result<()> {
		for index in indices {
			let Some(member) = self.state.providers.get_mut(*index) else { continue };
			// Somebody may have taken a port since; the provider announces the new one by itself.
			if !ports::is_free(member.api_port) {
				member.api_port = ports.take(None)?;
			}
			if !ports::is_free(member.metrics_port) {
				member.metrics_port = ports.take(None)?;
			}
			let member = member.clone();
			let child =
				self.programs.start_provider(&self.home, &self.state, &member, self.lifetime)?;
			let process = self.adopt(child, &member.name)?;
			if let Some(member) = self.state.providers.get_mut(*index) {
				member.process = Some(process);
			}
		}
		self.home.save(&self.state)?;
		let http = http::plain_builder()?.build().map_err(CliError::failure)?;
		let started = indices.iter().filter_map(|index| self.state.providers.get(*index));
		let waits = started.map(|member| {
			let log = self.home.log(&member.name);
			let http = &http;
			async move { members::wait_for_provider(http, member, &log).await }
		});
		try_join_all(waits).await.map(|_| ())
	}

	async fn register_missing(&mut self, output: &Output) -> Result<()> {
		let mut operators = Vec::with_capacity(self.state.providers.len());
		for member in &self.state.providers {
			self.programs.init_provider(&self.home, &self.state, member).await?;
			operators.push(members::operator_of(&self.home, &member.name)?);
		}
		for (member, operator) in self.state.providers.iter_mut().zip(&operators) {
			member.operator = Some(operator.clone());
		}
		let chain = Chain::connect(&self.state.url()).await?;
		let mut missing = Vec::new();
		for (index, operator) in operators.iter().enumerate() {
			let account = operator.parse::<AccountId>().map_err(CliError::failure)?;
			if chain.best().provider(account).await?.is_none() {
				missing.push((index, account));
			}
		}
		if missing.is_empty() {
			return Ok(());
		}
		output.note(format_args!("funding and registering {} providers ..", missing.len()));
		settle(&chain).await?;
		let terms = chain.best().terms().await?;
		let amount = terms.required_stake(CAPACITY_BYTES).saturating_add(POCKET_MONEY);
		let alice = Signer::from_uri(ALICE)?;
		let accounts: Vec<_> = missing.iter().map(|(_, account)| *account).collect();
		let transfers = accounts.iter().map(|account| {
			let (chain, alice) = (&chain, &alice);
			let call = Call::transfer(*account, amount);
			async move { chain.submit(&call, alice, WaitFor::Best).await }
		});
		try_join_all(transfers).await?;
		let members = missing.iter().filter_map(|(index, _)| self.state.providers.get(*index));
		let registrations =
			members.map(|member| self.programs.register_provider(&self.home, &self.state, member));
		join_all(registrations).await.into_iter().collect()
	}

	fn adopt(&mut self, child: Child, name: &str) -> Result<ProcessId> {
		let process = ProcessId::of(child.id());
		self.children.push(child);
		process.ok_or_else(|| {
			let log = self.home.log(name);
			CliError::failure(format_args!("{name} ended at once:\n{}", members::tail(&log, 15)))
		})
	}

	/// What the network is made of.
	pub fn state(&self) -> &State {
		&self.state
	}

	/// Where it is kept.
	pub fn home(&self) -> &Home {
		&self.home
	}

	/// Stops every process that still is ours, the providers first. Returns how many had to be killed.
	pub fn stop(&mut self) -> usize {
		let killed = process::stop_all(&self.state.processes());
		for child in &mut self.children {
			// It has ended, or it is none of ours any more.
			let _ = child.try_wait();
		}
		killed
	}
}

/// Waits until a young chain makes blocks: its first one is out before its node can judge transactions.
async fn settle(chain: &Chain) -> Result<()> {
	const FIRST_BLOCKS: u32 = 3;
	let deadline = Instant::now() + members::READY;
	while chain.head(At::Finalised).await?.number < FIRST_BLOCKS {
		if Instant::now() >= deadline {
			return Err(CliError::new(Exit::Unreachable, "the node makes no blocks")
				.hint("see its log: nil devnet logs node"));
		}
		tokio::time::sleep(Duration::from_millis(50)).await;
	}
	Ok(())
}
