//! A whole network on one machine: a `nil-node` development chain and `nil-provider` daemons, each a process of its
//! own.
//!
//! ```text
//! mod.rs       the commands: up, status, fund, down, logs
//! network.rs   bringing a network up and down, step by step
//! members.rs   how a node and a provider are started, and when they are ready
//! process.rs   processes that outlive a command, known by more than their pid
//! state.rs     what is remembered on disk
//! faults.rs    what a tester does to a provider: kill, pause, resume, corrupt
//! demo.rs      store, kill four, read back; then
//! healing.rs   lose a disk and a provider, and watch both slots move
//! ledger.rs    what the chain tells of a deal, and the account of its rent
//! bench.rs     put and get of one large file, measured
//! ```

mod bench;
mod demo;
mod faults;
mod files;
mod healing;
mod ledger;
mod members;
mod network;
mod own;
mod ports;
mod process;
pub mod state;

use crate::{
	args::{DevnetCommand, FundArgs, HomeArgs, UpArgs},
	context::{ALICE, Context},
	error::{CliError, Exit, Result},
	output::{Align, Output, fields, table},
	units,
};
use network::{Network, Wanted};
use nil_client::{
	account::AccountId,
	chain::{Call, Chain, WaitFor},
	keys::Signer,
};
use process::{Lifetime, ProcessId};
use serde_json::{Value, json};
use state::{Home, State};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Runs a devnet command.
pub async fn run(command: DevnetCommand, context: &Context) -> Result<()> {
	let output = &context.output;
	match command {
		DevnetCommand::Up(arguments) => up(arguments, output).await,
		DevnetCommand::Status(home) => status(&home_of(&home)?, output),
		DevnetCommand::Fund(arguments) => fund(&arguments, context).await,
		DevnetCommand::Down(home) => down(&home_of(&home)?, output),
		DevnetCommand::Logs { member, lines, home } => {
			logs(&home_of(&home)?, member.as_deref(), lines, output)
		},
		DevnetCommand::Kill(member) => faults::kill(&member, output),
		DevnetCommand::Pause(member) => faults::pause(&member, true, output),
		DevnetCommand::Resume(member) => faults::pause(&member, false, output),
		DevnetCommand::Corrupt(arguments) => faults::corrupt(&arguments, output),
		DevnetCommand::Demo(arguments) => demo::run(&arguments, output).await,
		DevnetCommand::Bench(arguments) => bench::run(&arguments, output).await,
		DevnetCommand::Child { die_with, program } => match program.split_first() {
			Some((program, arguments)) => {
				Err(process::become_program(die_with, program, arguments))
			},
			None => Err(CliError::usage("the program is missing")),
		},
	}
}

fn home_of(arguments: &HomeArgs) -> Result<Home> {
	match &arguments.dir {
		Some(dir) => {
			let dir =
				std::path::absolute(dir).map_err(|error| CliError::local(dir.display(), &error))?;
			Ok(Home::at(dir))
		},
		None => Home::default_place(),
	}
}

async fn up(arguments: UpArgs, output: &Output) -> Result<()> {
	let home = home_of(&arguments.home)?;
	let lifetime = if arguments.foreground { Lifetime::Bound } else { Lifetime::Detached };
	let wanted = Wanted {
		providers: arguments.providers,
		fresh: arguments.fresh,
		block_ms: arguments.block_ms,
		rpc_port: arguments.rpc_port,
		usual_ports: arguments.rpc_port != Some(0),
		lifetime,
	};
	let network = tokio::select! {
		network = Network::up(home, wanted, output) => network?,
		() = asked_to_stop() => {
			// Detached members that run already are found by `nil devnet down`; bound ones end with us.
			return Err(CliError::new(Exit::Interrupted, "interrupted"));
		},
	};
	let document = describe(network.home(), network.state());
	output.result(&document, || summary(network.home(), network.state()))?;
	if !arguments.foreground {
		return Ok(());
	}
	output.note("running until Ctrl-C ..");
	stay(network, output).await
}

/// Waits for Ctrl-C or SIGTERM, or for the node to end, and then stops everything.
async fn stay(mut network: Network, output: &Output) -> Result<()> {
	let node_ended = async {
		while network.state().node_alive() {
			tokio::time::sleep(Duration::from_millis(200)).await;
		}
	};
	let outcome = tokio::select! {
		() = asked_to_stop() => Ok(()),
		() = node_ended => {
			let log = network.home().log("node");
			Err(CliError::failure(format_args!("the node ended:\n{}", members::tail(&log, 15)))
				.hint(format_args!("its log is {}", log.display())))
		},
	};
	output.note("stopping ..");
	network.stop();
	outcome
}

/// Resolves on Ctrl-C and on SIGTERM.
async fn asked_to_stop() {
	let Ok(mut terminate) = signal(SignalKind::terminate()) else {
		// Without a handler SIGTERM ends the process by itself.
		let _ = tokio::signal::ctrl_c().await;
		return;
	};
	tokio::select! {
		_ = tokio::signal::ctrl_c() => (),
		_ = terminate.recv() => (),
	}
}

fn status(home: &Home, output: &Output) -> Result<()> {
	let state = home.load_existing()?;
	output.result(&describe(home, &state), || summary(home, &state))?;
	if state.node_alive() {
		return Ok(());
	}
	Err(not_running())
}

fn not_running() -> CliError {
	CliError::not_found("the node does not run")
		.code("devnet_down")
		.hint("start it with `nil devnet up`")
}

async fn fund(arguments: &FundArgs, context: &Context) -> Result<()> {
	let state = home_of(&arguments.home)?.load_existing()?;
	if !state.node_alive() {
		return Err(not_running());
	}
	let account = match &arguments.account {
		Some(text) => text.parse::<AccountId>().map_err(CliError::usage)?,
		None => context.signer()?.account_id(),
	};
	let chain = Chain::connect(&state.url()).await?;
	let rich = Signer::from_uri(ALICE)?;
	let call = Call::transfer(account, arguments.amount);
	let block = chain.submit(&call, &rich, WaitFor::Best).await?.block.number;
	let amount = arguments.amount;
	let document = json!({ "account": account, "amount": amount.to_string(), "block": block });
	context.output.result(&document, || format!("paid {} to {account}", units::amount(amount)))
}

fn down(home: &Home, output: &Output) -> Result<()> {
	let mut state = home.load_existing()?;
	let _lock = home.lock()?;
	let alive = state.processes().iter().filter(|process| process.is_alive()).count();
	let killed = process::stop_all(&state.processes());
	state.node.process = None;
	for provider in &mut state.providers {
		provider.process = None;
	}
	home.save(&state)?;
	let stopped = json!({ "stopped": alive, "killed": killed, "dir": home.dir() });
	output.result(&stopped, || match alive {
		0 => "nothing was running".into(),
		_ => format!("stopped {alive} processes; their state is kept in {}", home.dir().display()),
	})
}

fn logs(home: &Home, member: Option<&str>, lines: usize, output: &Output) -> Result<()> {
	let state = home.load_existing()?;
	let known = std::iter::once("node").chain(state.providers.iter().map(|p| p.name.as_str()));
	let chosen: Vec<_> = known.filter(|name| member.is_none_or(|member| member == *name)).collect();
	if chosen.is_empty() {
		return Err(CliError::not_found(format_args!(
			"the devnet has no member {}",
			member.unwrap_or_default()
		))
		.hint("nil devnet status lists its members"));
	}
	let logs: Vec<_> = chosen
		.iter()
		.map(|name| {
			let path = home.log(name);
			let text = members::tail(&path, lines);
			json!({ "member": name, "path": path, "text": text })
		})
		.collect();
	output.result(&logs, || {
		let text = |log: &Value, field| {
			log.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
		};
		let parts = logs.iter().map(|log| {
			format!("==> {} ({})\n{}\n", text(log, "member"), text(log, "path"), text(log, "text"))
		});
		parts.collect::<Vec<_>>().join("\n")
	})
}

/// Where polkadot.js shows a chain.
fn explorer(state: &State) -> String {
	format!(
		"https://polkadot.js.org/apps/?rpc=ws%3A%2F%2F127.0.0.1%3A{}#/explorer",
		state.node.rpc_port
	)
}

fn pid(process: &Option<ProcessId>) -> Option<u32> {
	process.as_ref().filter(|process| process.is_alive()).map(|process| process.pid)
}

/// The devnet as JSON output shows it.
fn describe(home: &Home, state: &State) -> Value {
	let providers: Vec<_> = state
		.providers
		.iter()
		.map(|provider| {
			json!({
				"name": provider.name,
				"operator": provider.operator,
				"pid": pid(&provider.process),
				"running": provider.is_alive(),
				"paused": provider.is_paused(),
				"url": provider.url(),
				"metrics": format!("http://127.0.0.1:{}/metrics", provider.metrics_port),
				"dir": home.provider_dir(&provider.name),
				"log": home.log(&provider.name),
			})
		})
		.collect();
	json!({
		"dir": home.dir(),
		"url": state.url(),
		"explorer": explorer(state),
		"block_ms": state.block_ms,
		"node": {
			"pid": pid(&state.node.process),
			"running": state.node_alive(),
			"log": home.log("node"),
		},
		"providers": providers,
	})
}

fn summary(home: &Home, state: &State) -> String {
	let running = |yes| if yes { "running" } else { "stopped" }.to_owned();
	let number = |pid: Option<u32>| pid.map_or("-".into(), |pid| pid.to_string());
	let mut rows = vec![
		["member", "", "pid", "address", "operator"].map(Into::into).to_vec(),
		vec![
			"node".into(),
			running(state.node_alive()),
			number(pid(&state.node.process)),
			state.url(),
			String::new(),
		],
	];
	rows.extend(state.providers.iter().map(|provider| {
		vec![
			provider.name.clone(),
			if provider.is_paused() { "paused".into() } else { running(provider.is_alive()) },
			number(pid(&provider.process)),
			provider.url(),
			provider.operator.clone().unwrap_or_default(),
		]
	}));
	let align = [Align::Left, Align::Left, Align::Right, Align::Left, Align::Left];
	let alive = state.providers.iter().filter(|provider| provider.is_alive()).count();
	let heads = [
		("chain", state.url()),
		("polkadot.js", explorer(state)),
		("block time", units::milliseconds(state.block_ms)),
		("providers", format!("{alive} of {} running", state.providers.len())),
		("state", home.dir().display().to_string()),
	];
	format!("{}\n{}", fields(&heads), table(&align, &rows))
}
