//! The command line.

mod devnet;

pub use devnet::{
	BenchArgs, CorruptArgs, DemoArgs, DevnetCommand, FundArgs, HomeArgs, MemberArgs, UpArgs,
};

use crate::{
	target::Target,
	units::{self, ByteRange},
};
use clap::{Args, Parser, Subcommand, ValueEnum};
use nil_client::account::AccountId;
use nil_types::{Amount, CodeKind, DealId, Generation, Hint, MduIndex, Profile, RelayBlock};
use std::path::PathBuf;

/// Store files on a NilStore network and read them back, checked against the chain.
#[derive(Debug, Parser)]
#[command(name = "nil", version, propagate_version = true, after_help = EXIT_STATUS)]
pub struct Cli {
	#[command(flatten)]
	pub global: Global,
	#[command(subcommand)]
	pub command: Command,
}

const EXIT_STATUS: &str = "\
Exit status:
  0  done
  1  failed for a reason without a status of its own
  2  wrong command line; nothing was tried
  3  no such deal, path, file, key or devnet
  4  too few providers, receipts or shards
  5  the chain refused the call
  6  data did not match what the chain says it is
  7  the node does not answer
  8  a local file or disk failed
  130  ended by Ctrl-C

With --json, a result is one JSON document on stdout, and an error is
{\"error\": {\"code\", \"message\", \"hint\"?}} on stderr.

Examples:
  nil devnet up                          a chain and 13 providers on this machine
  nil deal create --size 10GiB --duration 90d
  nil put photos 1:/photos
  nil get 1:/photos -o restored
";

/// Options that every command takes.
#[derive(Args, Debug)]
pub struct Global {
	/// WebSocket address of a node; by default the running devnet's, else ws://127.0.0.1:9944
	#[arg(long, env = "NIL_URL", global = true, value_name = "WS")]
	pub url: Option<String>,
	/// The account's key: a file made by `nil key new`, or a secret URI such as //Alice. By default the key file
	/// of `nil key new`, and on a devnet without one //Alice
	#[arg(long, env = "NIL_KEY", global = true, value_name = "FILE|URI", hide_env_values = true)]
	pub key: Option<String>,
	/// Machine-readable output
	#[arg(long, global = true)]
	pub json: bool,
	/// No notes and no progress bars
	#[arg(long, short, global = true)]
	pub quiet: bool,
	/// Tell what happens inside; twice for more. RUST_LOG refines it
	#[arg(long, short, global = true, action = clap::ArgAction::Count)]
	pub verbose: u8,
}

#[derive(Debug, Subcommand)]
pub enum Command {
	/// Create, look at, fund, share and end deals
	#[command(subcommand)]
	Deal(DealCommand),
	/// Store a file or a directory in a deal
	Put(PutArgs),
	/// Read a file or a directory back, every byte checked
	Get(GetArgs),
	/// Write a file, or a part of it, to standard output
	Cat(CatArgs),
	/// List what a deal holds
	Ls(LsArgs),
	/// Show one file: size, time, encryption, hash, place
	Stat(StatArgs),
	/// Fetch every live blob of every slot and check it against the chain
	Verify(VerifyArgs),
	/// Remove files: commits an index without them
	Rm(RmArgs),
	/// Make, offline, everything that a put would upload and commit
	Prepare(PrepareArgs),
	/// Make and show keys
	#[command(subcommand)]
	Key(KeyCommand),
	/// Run a whole network on this machine
	#[command(subcommand)]
	Devnet(DevnetCommand),
}

#[derive(Debug, Subcommand)]
pub enum DealCommand {
	/// Ask the chain for a deal and wait until its slots are drawn
	#[command(after_help = "\
Takes the creation fee, and holds the escrow and a deposit for each slot. What is not earned, and the
deposits, return when the deal ends.

Examples:
  nil deal create --size 10GiB --duration 90d
  nil deal create --profile 4+2 --hint hot --escrow 250 --duration 30d")]
	Create(DealCreateArgs),
	/// List the deals of an account
	#[command(after_help = "\
Examples:
  nil deal list
  nil deal list --owner 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty")]
	List {
		/// Another account than one's own
		#[arg(long, value_name = "SS58")]
		owner: Option<String>,
	},
	/// Show a deal with its slots, their health, and commits
	#[command(after_help = "\
Health is what the chain asked of each slot's provider in the round in force and in the one before, and
what was answered: of everything that the provider stores, and of this slot. A provider that lost
something leaves samples open; one that does not answer at all has silent rounds.

Example:
  nil deal show 7")]
	Show {
		/// The deal's number
		deal: DealId,
	},
	/// Tell which slots of a deal get another provider, and how far that is
	#[command(after_help = "\
A slot is repaired when its provider was evicted, leaves, or did not sign a commit in time and the owner
asked for another. The chain draws who rebuilds it, a candidate, which has the slot once it has proved
that it stores it. Until then files are read from the other slots.

With --watch it tells again whenever something happens, each time in full, until no slot is being
repaired. The exit status is 4 when so many slots are nobody's that the deal cannot be rebuilt.

Examples:
  nil deal repair-status 7
  nil deal repair-status 7 --watch
  nil deal repair-status 7 --json")]
	RepairStatus {
		/// The deal's number
		deal: DealId,
		/// Tell again whenever something happens, until no slot is being repaired
		#[arg(long, short)]
		watch: bool,
	},
	/// Add to a deal's escrow; anybody may
	#[command(after_help = "\
Example:
  nil deal top-up 7 2.5")]
	TopUp {
		/// The deal's number
		deal: DealId,
		/// NIL, such as 12 or 0.5
		#[arg(value_parser = units::parse_amount)]
		amount: Amount,
	},
	/// Lengthen a deal at the present price
	#[command(after_help = "\
Example:
  nil deal extend 7 30d")]
	Extend {
		/// The deal's number
		deal: DealId,
		/// 30d, 12h, 45m, 600s or relay blocks
		#[arg(value_parser = units::parse_duration)]
		duration: RelayBlock,
	},
	/// Let another account put to and remove from a deal, at the deal's expense
	#[command(after_help = "\
Bytes are those of commits: files as they are stored, encrypted, and the index of each commit. Doing it
again replaces what the account was allowed. Each account takes a deposit from the deal's escrow, which
revoking returns. `nil deal show` lists who may upload.

The other account signs with its own key (--key) and pays its own transaction fees. Uploading is not
reading: each put should name, with --recipient, everybody else who shall open what it stores, the
deal's owner included.

Examples:
  nil deal authorize 7 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty --bytes 10GiB --for 7d
  nil put photos 7:/photos --key //Bob --recipient age1..    # the account that was authorised")]
	Authorize {
		/// The deal's number
		deal: DealId,
		/// Who may upload
		#[arg(value_name = "SS58")]
		account: AccountId,
		/// How much in all: bytes, or 64KiB, 10MiB, 1GiB
		#[arg(long, value_name = "SIZE", value_parser = units::parse_size)]
		bytes: u64,
		/// How long from now: 30d, 12h, 45m, 600s or relay blocks
		#[arg(long = "for", value_name = "DURATION", value_parser = units::parse_duration)]
		duration: RelayBlock,
	},
	/// Take back what an account was authorised to upload; the owner and the account itself may
	#[command(after_help = "\
What it has committed stays. What it has not is told, and the deposit returns to the deal's escrow.

Example:
  nil deal revoke 7 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty")]
	Revoke {
		/// The deal's number
		deal: DealId,
		/// Who was authorised
		#[arg(value_name = "SS58")]
		account: AccountId,
	},
	/// End a deal; what is not earned yet is returned
	#[command(after_help = "\
Example:
  nil deal cancel 7")]
	Cancel {
		/// The deal's number
		deal: DealId,
	},
}

#[derive(Args, Debug)]
pub struct DealCreateArgs {
	/// Data and parity slots: any 8 of 12 slots are enough to read under 8+4
	#[arg(long, default_value = "8+4", value_name = "K+M")]
	pub profile: Profile,
	/// How parity is made
	#[arg(long, value_enum, default_value_t = Code::Fr)]
	pub code: Code,
	/// How often it will be read
	#[arg(long, value_enum, default_value_t = Use::Cold)]
	pub hint: Use,
	/// How long the deal shall last: 30d, 12h, 45m, 600s or relay blocks
	#[arg(long, default_value = "30d", value_parser = units::parse_duration)]
	pub duration: RelayBlock,
	/// NIL to hold for rent and commits' deposits, beside the deposit for the slots
	#[arg(long, value_parser = units::parse_amount, required_unless_present = "size")]
	pub escrow: Option<Amount>,
	/// Hold as much as this many bytes of files will need at the present price
	#[arg(long, value_parser = units::parse_size, conflicts_with = "escrow")]
	pub size: Option<u64>,
	/// NIL that the chain may spend per month beyond rent
	#[arg(long, default_value = "0", value_parser = units::parse_amount)]
	pub max_monthly_spend: Amount,
	/// Return as soon as the deal is on chain, before its slots are drawn
	#[arg(long)]
	pub no_wait: bool,
	/// Seconds to wait for the draw
	#[arg(long, default_value_t = 300, value_name = "SECONDS")]
	pub timeout: u64,
}

/// How parity is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Code {
	/// Reed-Solomon over the scalar field: anyone can check parity without the data
	Fr,
	/// Reed-Solomon over GF(2^16): decodes faster
	Gf16,
}

impl From<Code> for CodeKind {
	fn from(code: Code) -> Self {
		match code {
			Code::Fr => Self::Fr,
			Code::Gf16 => Self::Gf16,
		}
	}
}

/// What a deal is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Use {
	/// Read often
	Hot,
	/// Read rarely
	Cold,
}

impl From<Use> for Hint {
	fn from(hint: Use) -> Self {
		match hint {
			Use::Hot => Self::Hot,
			Use::Cold => Self::Cold,
		}
	}
}

/// Who shall be able to read.
#[derive(Args, Debug)]
pub struct Sealing {
	/// age identity file; by default one's own, made on first use
	#[arg(long, env = "NIL_IDENTITY", value_name = "FILE")]
	pub identity: Option<PathBuf>,
	/// Encrypt for this age recipient as well as for one's own identity; may be given more than once
	#[arg(long, value_name = "AGE1..", conflicts_with = "plain")]
	pub recipient: Vec<String>,
	/// Do not encrypt: providers and everybody else can read names and contents
	#[arg(long)]
	pub plain: bool,
}

/// Who reads.
#[derive(Args, Debug)]
pub struct Opening {
	/// age identity file; by default one's own
	#[arg(long, env = "NIL_IDENTITY", value_name = "FILE")]
	pub identity: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(after_help = "\
A put that was interrupted is simply run again: what providers hold already is not sent twice.

Examples:
  nil put report.pdf 1:/2026/report.pdf
  nil put photos 1:/photos
  nil put public 2 --plain
  nil put secrets 3 --recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p")]
pub struct PutArgs {
	/// File or directory to store
	pub path: PathBuf,
	/// Deal, and the place in it: 7 or 7:/dir/name
	#[arg(value_name = "DEAL[:/PATH]")]
	pub target: Target,
	#[command(flatten)]
	pub sealing: Sealing,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nil get 1:/2026/report.pdf
  nil get 1:/photos -o restored
  nil get 1 -o everything")]
pub struct GetArgs {
	/// Deal, and what to read from it: a file, a directory, or everything
	#[arg(value_name = "DEAL[:/PATH]")]
	pub target: Target,
	/// Where to write: a file's name, or the directory for a directory. By default its own name, here
	#[arg(long, short, value_name = "PATH")]
	pub output: Option<PathBuf>,
	/// Replace files that exist
	#[arg(long, short)]
	pub force: bool,
	#[command(flatten)]
	pub opening: Opening,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nil cat 1:/notes.txt
  nil cat 1:/film.mkv --range 1000000-1999999 > part
  nil cat 1:/access.log --range -4096")]
pub struct CatArgs {
	/// The file
	#[arg(value_name = "DEAL:/PATH")]
	pub target: Target,
	/// Bytes to write: 0-99 (both included), 100- (to the end), -50 (the last 50)
	#[arg(long, value_parser = ByteRange::parse, allow_hyphen_values = true, value_name = "A-B")]
	pub range: Option<ByteRange>,
	#[command(flatten)]
	pub opening: Opening,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  nil ls 1:/photos
  nil ls 1 --save-index index-of-1")]
pub struct LsArgs {
	/// Deal, and perhaps a directory in it
	#[arg(value_name = "DEAL[:/PATH]")]
	pub target: Target,
	/// Also write the whole deal's index, in clear, with the deal's generation and MDUs, to this new file: what
	/// `nil prepare --parent-index` takes
	#[arg(long, value_name = "FILE")]
	pub save_index: Option<PathBuf>,
	#[command(flatten)]
	pub opening: Opening,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  nil stat 1:/2026/report.pdf")]
pub struct StatArgs {
	/// The file
	#[arg(value_name = "DEAL:/PATH")]
	pub target: Target,
	#[command(flatten)]
	pub opening: Opening,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Names every slot whose provider does not answer, lacks blobs, or serves blobs that do not match the
chain. The exit status is 6 when anything is wrong or gone, and 4 when all that is amiss is providers
that do not answer. No identity is needed: what is stored is checked, not what it says.

Example:
  nil verify 7")]
pub struct VerifyArgs {
	/// The deal's number
	pub deal: DealId,
}

#[derive(Args, Debug)]
#[command(after_help = "\
The space of removed files is kept until the deal ends; what is removed is their names and places.

Example:
  nil rm 1:/2025 1:/draft.txt")]
pub struct RmArgs {
	/// Files or directories of one deal
	#[arg(value_name = "DEAL:/PATH", required = true)]
	pub targets: Vec<Target>,
	#[command(flatten)]
	pub sealing: Sealing,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Writes shards per slot, the witness, MDU roots, the manifest point, the index and the arguments of
commit_content, for whoever signs elsewhere and for independent checks. Needs no network.

One run makes one commit, and a commit has at most 1,024 MDUs, some 8 GB as they are stored, index
included. More is refused: prepare it in parts, each upon the one before it.

Without further options all of it is for the first commit of deal 0. A deal that has content is told
by its generation and its MDUs, which `nil deal show` gives, and by its present index: an index names
every file of its deal, so a new one made without it would remove what is there. With it the new index
is a full one. An index saved at another generation than --base-gen is refused.

Examples:
  nil prepare photos --profile 8+4 --plain -o prepared --json
  nil ls 7 --save-index index-of-7
  nil prepare photos --deal 7:/photos --base-gen 2 --first-mdu 31 --parent-index index-of-7 -o prepared")]
pub struct PrepareArgs {
	/// File or directory
	pub path: PathBuf,
	/// Data and parity slots
	#[arg(long, default_value = "8+4", value_name = "K+M")]
	pub profile: Profile,
	/// How parity is made
	#[arg(long, value_enum, default_value_t = Code::Fr)]
	pub code: Code,
	/// Directory to write to; must be new or empty
	#[arg(long, short, value_name = "DIR")]
	pub output: PathBuf,
	/// The deal that the call is for, and the place in it
	#[arg(long, default_value = "0", value_name = "DEAL[:/PATH]")]
	pub deal: Target,
	/// The deal's present generation; 0 for an empty deal
	#[arg(long, default_value_t = 0, value_name = "GENERATION")]
	pub base_gen: Generation,
	/// How many MDUs the deal has; 0 for an empty deal
	#[arg(long, default_value_t = 0, value_name = "MDUS")]
	pub first_mdu: MduIndex,
	/// The deal's present index, as `nil ls DEAL --save-index FILE` writes it; none for an empty deal
	#[arg(long, value_name = "FILE")]
	pub parent_index: Option<PathBuf>,
	#[command(flatten)]
	pub sealing: Sealing,
}

#[derive(Debug, Subcommand)]
pub enum KeyCommand {
	/// Make an account key
	#[command(after_help = "\
Examples:
  nil key new
  nil key new -o second.key           # for commands with --key second.key")]
	New {
		/// Another place than the default one
		#[arg(long, short, value_name = "FILE")]
		output: Option<PathBuf>,
	},
	/// Show the account, and the age recipient, that commands use
	#[command(after_help = "\
Examples:
  nil key show
  nil key show --key second.key")]
	Show,
}

#[cfg(test)]
mod tests;
