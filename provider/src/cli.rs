//! The command line. See [`Cli`] for the commands; [`crate::commands`] runs them.

use crate::config::{ByteSize, Nil};
use clap::{Args, Parser, Subcommand, ValueEnum};
use nil_types::Capability;
use std::{net::SocketAddr, path::PathBuf};
use subxt::utils::AccountId32;

/// Stores slots of NilStore deals, serves them and signs for them.
#[derive(Debug, Parser)]
#[command(name = "nil-provider", version, about)]
pub struct Cli {
	/// Configuration file [default: ~/.nil-provider/provider.toml].
	#[arg(long, global = true, env = "NIL_PROVIDER_CONFIG", value_name = "FILE")]
	pub config: Option<PathBuf>,
	/// What to do.
	#[command(subcommand)]
	pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
	/// Write a commented configuration and make keys.
	Init(Box<InitArgs>),
	/// Run the daemon.
	Run,
	/// Show the daemon, the store and the registration.
	Status(StatusArgs),
	/// Register on chain with the addresses, the capacity and the stake of the configuration.
	Register(SignerArgs),
	/// Take no new slots any more.
	Drain(SignerArgs),
	/// End the registration, when no slot is left. The stake is released after the evidence window.
	Leave(SignerArgs),
	/// Show, add or release stake.
	///
	/// `run` and `register` add what the configuration asks for and never release any. What is released stays answerable
	/// for the evidence window; `withdraw` takes it afterwards.
	Stake(StakeArgs),
	/// Take stake that has been released.
	Withdraw(SignerArgs),
	/// Answer samples and settle rent again, after the chain took proofs for wrong.
	///
	/// `run` sends no more of them then, since each one costs stake. Update first: most likely the chain has rules that this
	/// version does not know. The daemon must be stopped.
	ProveAgain,
}

/// Options of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
	/// WebSocket RPC of the chain node.
	#[arg(long, default_value = "ws://127.0.0.1:9944", value_name = "URL")]
	pub node_url: String,
	/// The operator's account in SS58, whose key stays elsewhere.
	#[arg(long, value_name = "SS58", conflicts_with_all = ["operator_suri"])]
	pub operator: Option<AccountId32>,
	/// Secret URI of the operator's account, such as //Alice; only its account is written down. Without this and
	/// without --operator, a new operator key is made.
	#[arg(long, value_name = "URI")]
	pub operator_suri: Option<String>,
	/// Address of the API.
	#[arg(long, default_value = "127.0.0.1:4100", value_name = "IP:PORT")]
	pub listen: SocketAddr,
	/// Address to announce on chain, as multiaddr text; may be repeated [default: the API's].
	#[arg(long, value_name = "MULTIADDR")]
	pub announce: Vec<String>,
	/// Address of the metrics.
	#[arg(long, default_value = "127.0.0.1:4180", value_name = "IP:PORT")]
	pub metrics_listen: SocketAddr,
	/// Bytes offered.
	#[arg(long, default_value = "10 GiB", value_name = "SIZE")]
	pub capacity: ByteSize,
	/// Free disk space that uploads must leave.
	#[arg(long, default_value = "1 GiB", value_name = "SIZE")]
	pub reserve: ByteSize,
	/// What the provider is built for.
	#[arg(long, default_value = "general")]
	pub capability: CapabilityArg,
	/// Failure domain, say an ASN or a region.
	#[arg(long, default_value = "")]
	pub domain: String,
	/// Lowest storage price taken, per GiB and relay block.
	#[arg(long, default_value = "0", value_name = "AMOUNT")]
	pub price_floor: Nil,
	/// Stake to hold [default: what the chain asks for the whole capacity].
	#[arg(long, value_name = "AMOUNT")]
	pub stake: Option<Nil>,
}

/// [`Capability`] on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum CapabilityArg {
	/// Large and slow: cold deals.
	Archive,
	/// Any deal.
	General,
	/// Small and fast: hot deals.
	Edge,
}

impl From<CapabilityArg> for Capability {
	fn from(arg: CapabilityArg) -> Self {
		match arg {
			CapabilityArg::Archive => Self::Archive,
			CapabilityArg::General => Self::General,
			CapabilityArg::Edge => Self::Edge,
		}
	}
}

/// Options of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
	/// Print one JSON object.
	#[arg(long)]
	pub json: bool,
}

/// Options of `stake`.
#[derive(Debug, Args)]
pub struct StakeArgs {
	/// Hold so much more.
	#[arg(long, value_name = "AMOUNT", conflicts_with = "remove")]
	pub add: Option<Nil>,
	/// Release so much: at most what is beyond the stake for the bytes in use.
	#[arg(long, value_name = "AMOUNT")]
	pub remove: Option<Nil>,
	/// Who signs.
	#[command(flatten)]
	pub signer: SignerArgs,
}

/// Options of the commands that submit a transaction.
#[derive(Debug, Args)]
pub struct SignerArgs {
	/// Secret URI of the operator's account, such as //Alice, in place of the key file. Visible to other users of the
	/// machine: for development.
	#[arg(long, value_name = "URI", env = "NIL_OPERATOR_SURI", hide_env_values = true)]
	pub suri: Option<String>,
	/// Print one JSON object.
	#[arg(long)]
	pub json: bool,
}
