//! The command line.

use crate::chain_spec::Backend;
use clap::Parser;
use std::path::PathBuf;

/// The options of a node that runs.
#[cfg(not(feature = "collator"))]
pub type RunCmd = sc_cli::RunCmd;
/// The options of a node that runs.
#[cfg(feature = "collator")]
pub type RunCmd = cumulus_client_cli::RunCmd;

#[cfg(not(feature = "collator"))]
const EXAMPLES: &str = "\
Start here:
  nil-node --dev                     a fresh development chain, gone when it stops
  nil-node --dev --base-path DIR     one that continues where it stopped";

#[cfg(feature = "collator")]
const EXAMPLES: &str = "\
Start here:
  nil-node --dev                     a fresh development chain, gone when it stops
  nil-node --dev --base-path DIR     one that continues where it stopped

A collator, with options of its relay chain's node behind `--`:
  nil-node key generate-node-key --chain nil.json --base-path DIR
  nil-node --collator --chain nil.json --base-path DIR -- --sync warp";

/// The NilStore node.
#[derive(Debug, Parser)]
#[command(after_long_help = EXAMPLES)]
pub struct Cli {
	/// What to do instead of running a node.
	#[command(subcommand)]
	pub subcommand: Option<Subcommand>,

	/// How to run the node.
	#[command(flatten)]
	pub run: RunCmd,

	/// How to run a development chain.
	#[command(flatten)]
	pub dev: DevParams,

	/// Options for the relay chain's node, after `--`.
	#[cfg(feature = "collator")]
	#[arg(raw = true)]
	pub relay_chain_args: Vec<String>,
}

impl Cli {
	/// How to serve RPC.
	pub fn rpc_params(&self) -> &sc_cli::RpcParams {
		#[cfg(feature = "collator")]
		return &self.run.base.rpc_params;
		#[cfg(not(feature = "collator"))]
		return &self.run.rpc_params;
	}
}

/// Options of development chains.
#[derive(Clone, Debug, Parser)]
pub struct DevParams {
	/// Milliseconds between blocks of a development chain. 0: only when asked for by the RPC `engine_createBlock`.
	#[arg(long, alias = "block-ms", value_name = "MILLISECONDS", default_value_t = 1_000)]
	pub dev_block_time: u64,

	/// What the made-up relay chain derives its randomness from: the same seed gives the same draws.
	#[arg(long, value_name = "TEXT", default_value = "nil")]
	pub dev_seed: String,
}

/// Which runtime to write, and where.
#[derive(Clone, Debug, Parser)]
pub struct ExportRuntimeCmd {
	/// The arithmetic that the relay chain's validators use.
	#[arg(long, value_enum, default_value_t = Backend::Portable)]
	pub backend: Backend,

	/// The file to write; standard output without it.
	#[arg(value_name = "FILE")]
	pub output: Option<PathBuf>,
}

/// Everything that is not running a node.
#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
	/// Generate, inspect and use keys.
	#[command(subcommand)]
	Key(sc_cli::KeySubcommand),

	/// Print a chain's specification as JSON.
	ExportChainSpec(sc_cli::ExportChainSpecCmd),

	/// Print a chain's specification as JSON (the older command; prefer export-chain-spec).
	BuildSpec(sc_cli::BuildSpecCmd),

	/// Write the genesis block's header: what a relay chain is told when the chain is registered.
	#[cfg(feature = "collator")]
	#[command(alias = "export-genesis-state")]
	ExportGenesisHead(cumulus_client_cli::ExportGenesisHeadCommand),

	/// Write the runtime at genesis: the code by which a relay chain's validators check blocks.
	#[cfg(feature = "collator")]
	ExportGenesisWasm(cumulus_client_cli::ExportGenesisWasmCommand),

	/// Write a runtime's wasm, compressed: what a chain is upgraded to.
	ExportRuntime(ExportRuntimeCmd),

	/// Execute blocks of the database again.
	CheckBlock(sc_cli::CheckBlockCmd),

	/// Write blocks to a file.
	ExportBlocks(sc_cli::ExportBlocksCmd),

	/// Write a block's state as a chain specification.
	ExportState(sc_cli::ExportStateCmd),

	/// Read blocks from a file.
	ImportBlocks(sc_cli::ImportBlocksCmd),

	/// Remove the chain's database.
	PurgeChain(sc_cli::PurgeChainCmd),

	/// Take back the newest blocks.
	Revert(sc_cli::RevertCmd),

	/// Say what the database holds.
	ChainInfo(sc_cli::ChainInfoCmd),

	/// Measure weights.
	#[cfg(feature = "runtime-benchmarks")]
	#[command(subcommand)]
	Benchmark(frame_benchmarking_cli::BenchmarkCmd),
}
