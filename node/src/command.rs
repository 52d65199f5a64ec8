//! Carries out what the command line asks for.

use crate::{
	chain_spec,
	cli::{Cli, ExportRuntimeCmd, Subcommand},
	dev, rpc,
	service::Parts,
};
use nil_runtime::opaque::Block;
use sc_cli::{Result, SubstrateCli};
use sc_network::config::NetworkBackendType;
use sc_service::{ChainType, Configuration, TaskManager};
use std::io::Write;

impl SubstrateCli for Cli {
	fn impl_name() -> String {
		"NilStore node".into()
	}

	fn impl_version() -> String {
		env!("SUBSTRATE_CLI_IMPL_VERSION").into()
	}

	fn description() -> String {
		"The NilStore node: development chains, full nodes and collators.".into()
	}

	fn author() -> String {
		env!("CARGO_PKG_AUTHORS").into()
	}

	fn support_url() -> String {
		"the documentation in docs/".into()
	}

	fn copyright_start_year() -> i32 {
		2026
	}

	fn load_spec(&self, id: &str) -> std::result::Result<Box<dyn sc_service::ChainSpec>, String> {
		// Only a node that runs is in a hurry; the other commands show how the genesis came to be.
		if id == "dev" && self.subcommand.is_none() {
			return Ok(Box::new(chain_spec::dev_with_state()?));
		}
		chain_spec::load(id)
	}
}

/// What the subcommands on a chain's database need.
struct Opened {
	parts: Parts,
	import_queue: sc_consensus::BasicQueue<Block>,
}

/// Opens the chain's database. Blocks are imported without a check of their seal: what these commands read is the
/// operator's own.
fn open(config: &Configuration) -> Result<Opened> {
	let parts = Parts::new(config, false)?;
	let import_queue = sc_consensus_manual_seal::import_queue(
		Box::new(parts.client.clone()),
		&parts.tasks.spawn_essential_handle(),
		config.prometheus_registry(),
	);
	Ok(Opened { parts, import_queue })
}

/// Reads the command line and does what it says.
pub fn run() -> Result<()> {
	let cli = Cli::from_args();
	match &cli.subcommand {
		None => run_node(&cli),
		Some(Subcommand::Key(cmd)) => cmd.run(&cli),
		Some(Subcommand::ExportChainSpec(cmd)) => {
			let spec = cli.load_spec(&cmd.chain)?;
			cmd.run(spec)
		},
		Some(Subcommand::BuildSpec(cmd)) => {
			cli.create_runner(cmd)?.sync_run(|config| cmd.run(config.chain_spec, config.network))
		},
		#[cfg(feature = "collator")]
		Some(Subcommand::ExportGenesisHead(cmd)) => cli.create_runner(cmd)?.sync_run(|config| {
			// Whoever asks is about to register the chain.
			chain_spec::ensure_collators(&*config.chain_spec)?;
			let parts = Parts::new(&config, false)?;
			cmd.run(parts.client)
		}),
		#[cfg(feature = "collator")]
		Some(Subcommand::ExportGenesisWasm(cmd)) => {
			cli.create_runner(cmd)?.sync_run(|config| cmd.run(&*config.chain_spec))
		},
		Some(Subcommand::ExportRuntime(cmd)) => export_runtime(cmd),
		Some(Subcommand::CheckBlock(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
			let Opened { parts, import_queue } = open(&config)?;
			Ok((cmd.run(parts.client, import_queue), parts.tasks))
		}),
		Some(Subcommand::ExportBlocks(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
			let parts = Parts::new(&config, false)?;
			Ok((cmd.run(parts.client, config.database), parts.tasks))
		}),
		Some(Subcommand::ExportState(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
			let parts = Parts::new(&config, false)?;
			Ok((cmd.run(parts.client, config.chain_spec), parts.tasks))
		}),
		Some(Subcommand::ImportBlocks(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
			let Opened { parts, import_queue } = open(&config)?;
			Ok((cmd.run(parts.client, import_queue), parts.tasks))
		}),
		Some(Subcommand::Revert(cmd)) => cli.create_runner(cmd)?.async_run(|config| {
			let parts = Parts::new(&config, false)?;
			Ok((cmd.run(parts.client, parts.backend, None), parts.tasks))
		}),
		Some(Subcommand::PurgeChain(cmd)) => {
			cli.create_runner(cmd)?.sync_run(|config| cmd.run(config.database))
		},
		Some(Subcommand::ChainInfo(cmd)) => {
			cli.create_runner(cmd)?.sync_run(|config| cmd.run::<Block>(&config))
		},
		#[cfg(feature = "runtime-benchmarks")]
		Some(Subcommand::Benchmark(cmd)) => benchmark(&cli, cmd),
	}
}

fn export_runtime(cmd: &ExportRuntimeCmd) -> Result<()> {
	let wasm = cmd.backend.compressed_wasm()?;
	match &cmd.output {
		Some(path) => std::fs::write(path, &wasm)
			.map_err(|error| format!("cannot write {}: {error}", path.display()).into()),
		None => std::io::stdout().lock().write_all(&wasm).map_err(Into::into),
	}
}

#[cfg(feature = "runtime-benchmarks")]
fn benchmark(cli: &Cli, cmd: &frame_benchmarking_cli::BenchmarkCmd) -> Result<()> {
	use crate::service::HostFunctions;
	use frame_benchmarking_cli::{BenchmarkCmd, SUBSTRATE_REFERENCE_HARDWARE};

	let runner = cli.create_runner(cmd)?;
	match cmd {
		BenchmarkCmd::Pallet(cmd) => runner.sync_run(|config| {
			cmd.run_with_spec::<sp_runtime::traits::HashingFor<Block>, HostFunctions>(Some(
				config.chain_spec,
			))
		}),
		BenchmarkCmd::Block(cmd) => runner.sync_run(|config| {
			let parts = Parts::new(&config, false)?;
			cmd.run(parts.client)
		}),
		BenchmarkCmd::Machine(cmd) => {
			runner.sync_run(|config| cmd.run(&config, SUBSTRATE_REFERENCE_HARDWARE.clone()))
		},
		_ => Err("this node measures pallets, blocks and the machine".into()),
	}
}

/// Whether a chain is sealed by the node itself, without a relay chain.
fn is_dev(config: &Configuration) -> bool {
	config.chain_spec.chain_type() == ChainType::Development
}

fn run_node(cli: &Cli) -> Result<()> {
	#[cfg(feature = "collator")]
	let runner = cli.create_runner(&cli.run.normalize())?;
	#[cfg(not(feature = "collator"))]
	let runner = cli.create_runner(&cli.run)?;
	runner.run_node_until_exit(|mut config| async move {
		rpc::hold_port(cli, &mut config)?;
		if is_dev(&config) { start_dev(cli, config) } else { start_collator(cli, config).await }
	})
}

fn start_dev(cli: &Cli, config: Configuration) -> Result<TaskManager> {
	let started = match config.network.network_backend {
		NetworkBackendType::Libp2p => {
			dev::start::<sc_network::NetworkWorker<_, _>>(config, &cli.dev)
		},
		NetworkBackendType::Litep2p => {
			dev::start::<sc_network::Litep2pNetworkBackend>(config, &cli.dev)
		},
	};
	started.map_err(Into::into)
}

#[cfg(feature = "collator")]
async fn start_collator(cli: &Cli, config: Configuration) -> Result<TaskManager> {
	chain_spec::ensure_collators(&*config.chain_spec)?;
	crate::collator::start(cli, config).await
}

#[cfg(not(feature = "collator"))]
#[expect(clippy::unused_async, reason = "the build with collators waits here")]
async fn start_collator(_: &Cli, config: Configuration) -> Result<TaskManager> {
	Err(sc_service::Error::Other(format!(
		"`{}` runs under a relay chain, and this binary was built for development chains alone. Build it with \
		 `cargo build --release -p nil-node --features collator`, or run a development chain with `nil-node --dev`",
		config.chain_spec.name()
	))
	.into())
}
