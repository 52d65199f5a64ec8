//! The command line of `nil devnet`.

use crate::units;
use clap::{Args, Subcommand};
use nil_types::Amount;
use std::{ffi::OsString, path::PathBuf};

#[derive(Debug, Subcommand)]
pub enum DevnetCommand {
	/// Start a chain and providers, or those of them that do not run
	#[command(after_help = "\
Examples:
  nil devnet up
  nil devnet up --providers 20 --block-ms 500 --fresh
  nil devnet up --foreground          # until Ctrl-C")]
	Up(UpArgs),
	/// Show what runs
	#[command(after_help = "\
Examples:
  nil devnet status
  nil devnet status --json            # addresses, processes and logs, for scripts")]
	Status(HomeArgs),
	/// Pay play money to an account
	#[command(after_help = "\
Examples:
  nil key new && nil devnet fund      # one's own account
  nil devnet fund 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty --amount 50")]
	Fund(FundArgs),
	/// Stop everything; state is kept
	#[command(after_help = "\
Example:
  nil devnet down                     # `nil devnet up` goes on where it stopped")]
	Down(HomeArgs),
	/// Show what a member printed
	#[command(after_help = "\
Examples:
  nil devnet logs node
  nil devnet logs provider-03 -n 200")]
	Logs {
		/// node, or a provider such as provider-03; all of them by default
		member: Option<String>,
		/// Lines from the end
		#[arg(long, short = 'n', default_value_t = 50)]
		lines: usize,
		#[command(flatten)]
		home: HomeArgs,
	},
	/// Kill a provider, as a crash does
	#[command(after_help = "\
It gets no time to finish anything. `nil devnet up` brings it back.

Examples:
  nil devnet kill provider-03
  nil devnet kill 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty   # as `nil deal show` names it")]
	Kill(MemberArgs),
	/// Hold a provider: it keeps its connections open and answers nobody
	#[command(after_help = "\
Example:
  nil devnet pause provider-03        # until `nil devnet resume provider-03`")]
	Pause(MemberArgs),
	/// Let a provider go on that was paused
	#[command(after_help = "\
Example:
  nil devnet resume provider-03")]
	Resume(MemberArgs),
	/// Damage what a provider stores, behind its back
	#[command(after_help = "\
Flips one bit in each of so many blobs, or, with --delete, removes so many files of shards. Nothing but
shards of this devnet is touched, and the same seed finds the same victims in the same store.

A provider finds such damage by itself and rebuilds it from the other slots. One that shall not:
set scrub_rate = 0 and mend = false in the section [prover] of its provider.toml, kill it, and
bring it up again.

Examples:
  nil devnet corrupt provider-03
  nil devnet corrupt provider-03 --fraction 25% --seed 7
  nil devnet corrupt provider-03 --fraction 1 --delete")]
	Corrupt(CorruptArgs),
	/// Store real files on a network of its own, lose providers and a disk, read on while all of it is replaced
	#[command(after_help = "\
Examples:
  nil devnet demo
  nil devnet demo --size 512MiB --keep")]
	Demo(DemoArgs),
	/// Measure a put and a get of one large file on a network of its own
	#[command(after_help = "\
Examples:
  nil devnet bench
  nil devnet bench --size 1GiB --results benches/results")]
	Bench(BenchArgs),
	/// Prepares its process and becomes another program
	#[command(hide = true)]
	Child {
		/// Die when this process, which must be the parent, does
		#[arg(long, value_name = "PID")]
		die_with: Option<u32>,
		/// The program and its arguments
		#[arg(last = true, required = true)]
		program: Vec<OsString>,
	},
}

/// Where a devnet is kept.
#[derive(Args, Clone, Debug, Default)]
pub struct HomeArgs {
	/// State directory; by default $NIL_DEVNET_DIR, else ~/.local/share/nil/devnet
	#[arg(long, value_name = "DIR")]
	pub dir: Option<PathBuf>,
}

/// A provider of a devnet.
#[derive(Args, Debug)]
pub struct MemberArgs {
	/// Its name, such as provider-03, or its operator's account
	#[arg(value_name = "PROVIDER")]
	pub provider: String,
	#[command(flatten)]
	pub home: HomeArgs,
}

#[derive(Args, Debug)]
pub struct CorruptArgs {
	#[command(flatten)]
	pub member: MemberArgs,
	/// How much of what it stores: 0.1 or 10%; rounded, and never nothing
	#[arg(long, default_value = "10%", value_parser = units::parse_fraction)]
	pub fraction: f64,
	/// Chooses the victims
	#[arg(long, default_value_t = 0)]
	pub seed: u64,
	/// Remove files in place of flipping bits
	#[arg(long)]
	pub delete: bool,
}

#[derive(Args, Debug)]
pub struct FundArgs {
	/// Who is paid; by default the account of one's own key
	#[arg(value_name = "SS58")]
	pub account: Option<String>,
	/// NIL, such as 12 or 0.5
	#[arg(long, default_value = "1000", value_parser = units::parse_amount)]
	pub amount: Amount,
	#[command(flatten)]
	pub home: HomeArgs,
}

#[derive(Args, Debug)]
pub struct UpArgs {
	/// How many providers
	#[arg(long, default_value_t = 13, value_parser = clap::value_parser!(u16).range(1..=200))]
	pub providers: u16,
	/// Forget the chain, the keys and the shards of an earlier devnet
	#[arg(long)]
	pub fresh: bool,
	/// Milliseconds between blocks; by default 1000, or as the devnet was started before
	#[arg(long, value_parser = clap::value_parser!(u64).range(50..=3_600_000))]
	pub block_ms: Option<u64>,
	/// Port of the chain's RPC; 0 is any free one. By default 9944 if it is free
	#[arg(long, value_name = "PORT")]
	pub rpc_port: Option<u16>,
	/// Stay, and stop everything on Ctrl-C
	#[arg(long)]
	pub foreground: bool,
	#[command(flatten)]
	pub home: HomeArgs,
}

#[derive(Args, Debug)]
pub struct DemoArgs {
	/// Bytes of the largest file; above 70 MiB blocks come more slowly, above 1 GiB a step may take too long
	#[arg(long, default_value = "64MiB", value_parser = units::parse_size)]
	pub size: u64,
	/// Keep the network's directory and logs even after success
	#[arg(long)]
	pub keep: bool,
}

#[derive(Args, Debug)]
pub struct BenchArgs {
	/// Bytes of the file
	#[arg(long, default_value = "256MiB", value_parser = units::parse_size)]
	pub size: u64,
	/// Also write the results, with machine and commit, to a dated file in this directory
	#[arg(long, value_name = "DIR")]
	pub results: Option<PathBuf>,
	/// Do not encrypt
	#[arg(long)]
	pub plain: bool,
}
