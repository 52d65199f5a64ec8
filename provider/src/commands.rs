//! The commands of [`crate::cli`].

use crate::{
	chain::registration::{self, StakeStanding},
	cli::{Cli, Command, InitArgs, SignerArgs, StakeArgs, StatusArgs},
	config::{Config, Draft, LogConfig, LogFormat, Nil, StakeConfig, render},
	daemon::{self, DaemonError},
	prover::ADVICE,
	store::{ProofKind, Store, StoreError},
};
use nil_client::{
	account::AccountId,
	chain::{At, Call, Chain, ChainConfig, ChainError, Included, View, WaitFor},
	http,
	keys::{Signer, create_key_file},
	wire::{self, Endpoint, Health, RepairHealth},
};
use nil_types::{Amount, DutyInfo, ProviderInfo, ProviderStatus, RelayBlock, RoundInfo};
use serde::Serialize;
use serde_json::{Value as Json, json};
use std::{
	fs::{self, OpenOptions},
	io::{self, IsTerminal, Write},
	net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
	path::{Path, PathBuf},
	time::Duration,
};
use subxt::utils::AccountId32;
use tokio::task::spawn_blocking;
use tracing_subscriber::EnvFilter;

/// How long `status` waits for the daemon and for the node.
const STATUS_PATIENCE: Duration = Duration::from_secs(5);

/// By what an index grows in a round in which everything was answered in time.
const INDEX_ONE: u64 = 1_000_000_000;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
	/// The daemon or one of its parts.
	#[error(transparent)]
	Daemon(#[from] DaemonError),
	/// There is a configuration already.
	#[error("{path} exists: not overwritten", path = path.display())]
	Exists {
		/// The configuration.
		path: PathBuf,
	},
	/// The configuration cannot be written.
	#[error("{path}: {source}", path = path.display())]
	Write {
		/// The configuration.
		path: PathBuf,
		/// Why.
		source: io::Error,
	},
	/// No home directory to put the configuration in.
	#[error("no home directory: say --config FILE")]
	NoHome,
	/// The log's filter cannot be read.
	#[error("configuration field `log.filter`: {0}")]
	LogFilter(String),
	/// No key to sign with.
	#[error("no operator key: set operator.key_file, or say --suri")]
	NoOperatorKey,
	/// The key is another account's.
	#[error("the key is of {found}: expected operator.account, {expected}")]
	OtherOperator {
		/// The key's account.
		found: AccountId,
		/// The account in the configuration.
		expected: AccountId,
	},
	/// The operator cannot pay.
	#[error(
		"the operator {operator} cannot pay for the transaction: send it some NIL (on a devnet: nil devnet fund {operator})"
	)]
	CannotPay {
		/// The operator.
		operator: AccountId,
	},
	/// The provider has left, and its record has not ended yet.
	#[error(
		"{operator} has left: `nil-provider withdraw` ends its record when its stake is released, and then it may register again"
	)]
	HasLeft {
		/// The operator.
		operator: AccountId,
	},
	/// The provider has no record on chain.
	#[error("{operator} is not registered: run `nil-provider register`")]
	NotRegistered {
		/// The operator.
		operator: AccountId,
	},
	/// Standard output is gone.
	#[error(transparent)]
	Output(#[from] io::Error),
}

macro_rules! from_part {
	($($error:ty),*) => {
		$(impl From<$error> for CommandError {
			fn from(error: $error) -> Self {
				Self::Daemon(error.into())
			}
		})*
	};
}

from_part!(crate::config::ConfigError, nil_client::keys::KeyError, ChainError);

/// Runs a command.
pub async fn run(cli: Cli) -> Result<(), CommandError> {
	let path = config_path(cli.config)?;
	match cli.command {
		Command::Init(args) => init(&path, &args),
		Command::Run => {
			let config = Config::load(&path)?;
			start_log(&config.log)?;
			for doubt in config.doubts() {
				tracing::warn!("{doubt}");
			}
			Ok(daemon::run(config).await?)
		},
		Command::Status(args) => status(&Config::load(&path)?, &args).await,
		Command::Register(args) => register(&Config::load(&path)?, &args).await,
		Command::Drain(args) => submit(&Config::load(&path)?, &args, Call::drain()).await,
		Command::Leave(args) => submit(&Config::load(&path)?, &args, Call::leave()).await,
		Command::Stake(args) => stake(&Config::load(&path)?, &args).await,
		Command::Withdraw(args) => {
			submit(&Config::load(&path)?, &args, Call::withdraw_stake()).await
		},
		Command::ProveAgain => prove_again(&Config::load(&path)?).await,
	}
}

fn config_path(given: Option<PathBuf>) -> Result<PathBuf, CommandError> {
	given
		.or_else(|| Some(std::env::home_dir()?.join(".nil-provider").join("provider.toml")))
		.ok_or(CommandError::NoHome)
}

fn start_log(config: &LogConfig) -> Result<(), CommandError> {
	let filter = EnvFilter::try_new(&config.filter)
		.map_err(|error| CommandError::LogFilter(error.to_string()))?;
	let log = tracing_subscriber::fmt()
		.with_env_filter(filter)
		.with_ansi(io::stderr().is_terminal())
		.with_writer(io::stderr);
	// A log that somebody set up before stays.
	let _ = match config.format {
		LogFormat::Text => log.try_init(),
		LogFormat::Json => log.json().try_init(),
	};
	Ok(())
}

/// Tells what is most likely not meant, beside what a command prints.
fn warn(config: &Config) {
	for doubt in config.doubts() {
		// Nobody to tell when stderr is closed.
		let _ = writeln!(io::stderr(), "warning: {doubt}");
	}
}

fn print_line(text: impl std::fmt::Display) -> io::Result<()> {
	writeln!(io::stdout(), "{text}")
}

/// Writes configuration and keys. What exists already is kept: keys are taken over, a configuration is refused.
fn init(path: &Path, args: &InitArgs) -> Result<(), CommandError> {
	if path.exists() {
		return Err(CommandError::Exists { path: path.into() });
	}
	let dir = path.parent().unwrap_or_else(|| Path::new("."));
	let service_key_file = "keys/service.key";
	let service =
		key(&dir.join(service_key_file), "Service key of a NilStore provider: signs receipts.")?;
	let mut operator_key_file = None;
	let operator = match (&args.operator, &args.operator_suri) {
		(Some(account), _) => AccountId(account.0),
		(None, Some(uri)) => Signer::from_uri(uri)?.account_id(),
		(None, None) => {
			let file = "keys/operator.key";
			operator_key_file = Some(file.to_owned());
			key(&dir.join(file), "Operator key of a NilStore provider: holds its stake.")?
				.account_id()
		},
	};
	let draft = Draft {
		node_url: args.node_url.clone(),
		operator: AccountId32(operator.0),
		operator_key_file,
		service_key_file: service_key_file.into(),
		listen: args.listen,
		announce: args.announce.clone(),
		metrics_listen: args.metrics_listen,
		capacity: args.capacity,
		reserve: args.reserve,
		capability: args.capability.into(),
		domain: args.domain.clone(),
		price_floor: args.price_floor,
		stake: args.stake.map_or(StakeConfig::Auto, StakeConfig::Fixed),
	};
	let text = render(&draft);
	// Refused now rather than when the daemon starts.
	warn(&Config::parse(&text, path, [])?);
	OpenOptions::new()
		.write(true)
		.create_new(true)
		.open(path)
		.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
		.map_err(|source| CommandError::Write { path: path.into(), source })?;
	print_line(format_args!(
		"configuration  {}\noperator       {operator}\nservice key    0x{}\n\nnext: fund the operator, then `nil-provider register` and `nil-provider run`",
		path.display(),
		hex::encode(service.public_key())
	))?;
	Ok(())
}

/// The key in `path`; made when there is none.
fn key(path: &Path, comment: &str) -> Result<Signer, CommandError> {
	if fs::exists(path).unwrap_or(false) {
		return Ok(Signer::from_file(path)?);
	}
	Ok(create_key_file(path, comment)?)
}

fn signer(config: &Config, args: &SignerArgs) -> Result<Signer, CommandError> {
	let signer = match (&args.suri, &config.operator.key_file) {
		(Some(uri), _) => Signer::from_uri(uri)?,
		(None, Some(path)) => Signer::from_file(path)?,
		(None, None) => return Err(CommandError::NoOperatorKey),
	};
	let expected = AccountId(config.operator.account.0);
	if signer.account_id() != expected {
		return Err(CommandError::OtherOperator { found: signer.account_id(), expected });
	}
	Ok(signer)
}

async fn register(config: &Config, args: &SignerArgs) -> Result<(), CommandError> {
	warn(config);
	let signer = signer(config, args)?;
	let service = Signer::from_file(&config.service.key_file)?;
	let chain = Chain::connect(&config.node.url).await?;
	let account = signer.account_id();
	if let Some(found) = chain.best().provider(account).await? {
		if found.status == ProviderStatus::Left {
			return Err(CommandError::HasLeft { operator: account });
		}
		// Registered already: what differs is updated, so that the command can be repeated.
		let mut block = None;
		let terms = chain.best().terms().await?;
		for call in registration::changes(config, service.public_key(), &found, &terms) {
			block = Some(send(&chain, &call, &signer).await?.block.number);
		}
		let text = if block.is_some() { "updated" } else { "registered already" };
		return report(args, text, account, block);
	}
	let terms = chain.best().terms().await?;
	let wanted = registration::registration(config, service.public_key(), &terms);
	let included = send(&chain, &Call::register(&wanted), &signer).await?;
	report(args, "registered", account, Some(included.block.number))
}

async fn send(chain: &Chain, call: &Call, signer: &Signer) -> Result<Included, CommandError> {
	chain.submit(call, signer, WaitFor::Best).await.map_err(|error| match error {
		error if error.cannot_pay() => CommandError::CannotPay { operator: signer.account_id() },
		error => error.into(),
	})
}

async fn submit(config: &Config, args: &SignerArgs, call: Call) -> Result<(), CommandError> {
	let signer = signer(config, args)?;
	let chain = Chain::connect(&config.node.url).await?;
	let included = send(&chain, &call, &signer).await?;
	report(args, call.name(), signer.account_id(), Some(included.block.number))
}

fn report(
	args: &SignerArgs,
	done: &str,
	operator: AccountId,
	block: Option<u32>,
) -> Result<(), CommandError> {
	if args.json {
		print_line(json!({ "done": done, "operator": operator, "block": block }))?;
	} else if let Some(block) = block {
		print_line(format_args!("{done}: {operator}, block {block}"))?;
	} else {
		print_line(format_args!("{done}: {operator}"))?;
	}
	Ok(())
}

/// Forgets that the chain took proofs for wrong.
async fn prove_again(config: &Config) -> Result<(), CommandError> {
	let path = config.store.path.clone();
	let forgotten = spawn_blocking(move || {
		let (store, _) = Store::open(&path)?;
		let mut forgotten = Vec::new();
		for kind in ProofKind::ALL {
			if let Some(refused) = store.refused(kind)? {
				store.forget_refused(kind)?;
				forgotten.push((kind.name(), refused.block));
			}
		}
		Ok::<_, StoreError>(forgotten)
	});
	let forgotten = forgotten.await.map_err(DaemonError::from)?.map_err(DaemonError::from)?;
	if forgotten.is_empty() {
		print_line("nothing was refused")?;
	}
	for (kind, block) in forgotten {
		print_line(format_args!(
			"{kind} are sent again; the last one was refused in block {block}"
		))?;
	}
	Ok(())
}

/// Adds or releases stake, or tells how it stands.
async fn stake(config: &Config, args: &StakeArgs) -> Result<(), CommandError> {
	let call = match (args.add, args.remove) {
		(Some(amount), _) => Call::add_stake(amount.0),
		(None, Some(amount)) => Call::remove_stake(amount.0),
		(None, None) => return show_stake(config, args.signer.json).await,
	};
	submit(config, &args.signer, call).await
}

async fn show_stake(config: &Config, as_json: bool) -> Result<(), CommandError> {
	let operator = AccountId(config.operator.account.0);
	let chain = Chain::connect(&config.node.url).await?;
	let found = chain.best().provider(operator).await?;
	let found = found.ok_or(CommandError::NotRegistered { operator })?;
	let terms = chain.best().terms().await?;
	let StakeStanding { held, needed, wanted, releasable, spare } =
		StakeStanding::of(config, &found, &terms);
	if as_json {
		print_line(json!({
			"operator": operator,
			"held": held.to_string(),
			"needed": needed.to_string(),
			"wanted": wanted.to_string(),
			"releasable": releasable.to_string(),
			"spare": spare.to_string(),
		}))?;
		return Ok(());
	}
	print_line(format_args!("held        {}", Nil(held)))?;
	print_line(format_args!("needed      {} for {} bytes in use", Nil(needed), found.used))?;
	print_line(format_args!("configured  {}", Nil(wanted)))?;
	print_line(format_args!("releasable  {}", Nil(releasable)))?;
	if wanted > held && found.status == ProviderStatus::Active {
		print_line("\nless than configured: `nil-provider register` adds what is missing")?;
	} else if spare > 0 {
		print_line(format_args!(
			"\nmore than configured: `nil-provider stake --remove \"{}\"` starts to release it, and \
			 `nil-provider withdraw` takes it after the evidence window",
			Nil(spare)
		))?;
	}
	Ok(())
}

async fn status(config: &Config, args: &StatusArgs) -> Result<(), CommandError> {
	let operator = AccountId(config.operator.account.0);
	let daemon = health(config, operator).await;
	let chain = on_chain(config, operator).await;
	if args.json {
		let part = |part: Result<Json, String>| match part {
			Ok(value) => value,
			Err(error) => json!({ "error": error }),
		};
		let daemon = daemon.map(|health| json!(health));
		let (chain, round) = apart(chain);
		let line = json!({
			"operator": operator,
			"daemon": part(daemon),
			"chain": part(chain),
			"round": part(round.map(|standing| json!(standing))),
		});
		print_line(line)?;
		return Ok(());
	}
	print_line(format_args!("operator   {operator}"))?;
	match daemon {
		Ok(health) => {
			print_line(format_args!(
				"daemon     running at {}, version {}, {} bytes free, block {} ({} finalised)",
				config.api.listen,
				health.version,
				health.free_bytes,
				health.chain.best,
				health.chain.finalised
			))?;
			if health.quarantine > 0 {
				print_line(format_args!(
					"           {} damaged files are not used until they are rebuilt: look at the log, and at the disk",
					health.quarantine
				))?;
			}
			if !health.refused.is_empty() {
				print_line(format_args!(
					"           sends no {}: the chain took some for wrong. To go on, {ADVICE}",
					health.refused.join(" and no ")
				))?;
			}
			let RepairHealth { slots, needed_bytes, held_bytes } = health.repairs;
			if slots > 0 {
				print_line(format_args!(
					"           rebuilding {slots} slots: {held_bytes} of {needed_bytes} bytes are here"
				))?;
			}
		},
		Err(error) => print_line(format_args!("daemon     not reached: {error}"))?,
	}
	let (chain, round) = apart(chain);
	match chain {
		Ok(Json::Null) => print_line("chain      not registered")?,
		Ok(info) => {
			let field = |name: &str| match info.get(name) {
				Some(Json::String(text)) => text.clone(),
				Some(other) => other.to_string(),
				None => "?".into(),
			};
			print_line(format_args!(
				"chain      {}, {} slots, {} of {} bytes used, stake {}",
				field("status"),
				field("slots"),
				field("used"),
				field("capacity"),
				field("stake")
			))?;
		},
		Err(error) => print_line(format_args!("chain      not reached: {error}"))?,
	}
	if let Ok(round) = round {
		show_round(&round)?;
	}
	Ok(())
}

/// The registration and the round, each with the failure if there was one.
fn apart(chain: Result<OnChain, String>) -> (Result<Json, String>, Result<Standing, String>) {
	match chain {
		Ok(OnChain { registration, standing }) => (Ok(registration), Ok(standing)),
		Err(error) => (Err(error.clone()), Err(error)),
	}
}

/// Tells what the round in force asks for, and what earlier ones have left.
fn show_round(Standing { round, duty, rent }: &Standing) -> io::Result<()> {
	let state = match &round.drawn {
		_ if round.round == 0 => return print_line("round      none yet"),
		_ if duty.behind => "waits for changes of earlier rounds to be applied".to_owned(),
		None => format!("is drawn from relay block {} on", round.draw_from),
		Some(_) => format!("{} of {} samples answered", duty.answered.len(), duty.due),
	};
	print_line(format_args!("round      {}: {state}, ends at {}", round.round, round.ends_at))?;
	print_line(format_args!(
		"account    index {}.{:03}, {} rounds without any answer, {} samples missed in others",
		duty.index / INDEX_ONE,
		duty.index % INDEX_ONE / (INDEX_ONE / 1000),
		duty.silent,
		duty.missed
	))?;
	let owed = match rent.until.filter(|_| rent.owed > 0) {
		Some(until) => format!("{} to be settled before relay block {until}", Nil(rent.owed)),
		None => "nothing to be settled".to_owned(),
	};
	print_line(format_args!("rent       {} earned in this period, {owed}", Nil(rent.earned)))
}

/// The daemon's own word, over its API.
async fn health(config: &Config, operator: AccountId) -> Result<Health, String> {
	let mut address = config.api.listen;
	if address.ip().is_unspecified() {
		let loopback: IpAddr = match address {
			SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
			SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
		};
		address.set_ip(loopback);
	}
	let url = format!("{}{}", Endpoint::of_socket(address).base_url(), wire::HEALTH);
	let builder = http::plain_builder().map_err(|error| error.to_string())?;
	let client = builder.timeout(STATUS_PATIENCE).build();
	let asked = async {
		let response = client?.get(url).send().await?.error_for_status()?;
		response.json::<Health>().await
	};
	let health = asked.await.map_err(|error: reqwest::Error| error.to_string())?;
	if health.operator == operator {
		Ok(health)
	} else {
		Err(format!("{} at {address} is another provider", health.operator))
	}
}

/// The round in force and what the provider owes in it.
#[derive(Serialize)]
struct Standing {
	#[serde(flatten)]
	round: RoundInfo,
	duty: DutyInfo,
	rent: Rent,
}

/// What the provider's slots earned and were not paid.
#[derive(Default, Serialize)]
struct Rent {
	/// In the present period. JSON has it as text: amounts are beyond what its numbers hold exactly.
	#[serde(serialize_with = "as_text")]
	earned: Amount,
	/// What can be settled now.
	#[serde(serialize_with = "as_text")]
	owed: Amount,
	/// The first relay block at which that is lost.
	until: Option<RelayBlock>,
}

fn as_text<S: serde::Serializer>(amount: &Amount, serializer: S) -> Result<S::Ok, S::Error> {
	serializer.collect_str(amount)
}

impl Rent {
	async fn of(view: &View<'_>, operator: AccountId) -> Result<Self, ChainError> {
		let mut rents = view.rents(operator).await?;
		rents.extend(view.endings(operator).await?);
		let until = view.settlement().await?.map(|settlement| settlement.until);
		let mut all = Self { until, ..Self::default() };
		for rent in rents {
			all.earned = all.earned.saturating_add(rent.open.paid.into());
			all.owed = all.owed.saturating_add(rent.closed.paid.into());
		}
		Ok(all)
	}
}

/// What the chain knows.
struct OnChain {
	/// The registration, as JSON; null when there is none.
	registration: Json,
	standing: Standing,
}

async fn on_chain(config: &Config, operator: AccountId) -> Result<OnChain, String> {
	let mut patience = ChainConfig::new(&config.node.url);
	patience.connect_timeout = STATUS_PATIENCE;
	patience.retry_for = STATUS_PATIENCE;
	let asked = async {
		let chain = Chain::connect_with(patience).await?;
		let block = chain.head(At::Best).await?;
		let view = chain.at(block.hash);
		let found = view.provider(operator).await?;
		let (round, duty) = (view.round().await?, view.duty(operator).await?);
		Ok((found, Standing { round, duty, rent: Rent::of(&view, operator).await? }))
	};
	let (found, standing) = asked.await.map_err(|error: ChainError| error.to_string())?;
	let registration = found.map_or(Json::Null, |info| registration_json(&info));
	Ok(OnChain { registration, standing })
}

fn registration_json(info: &ProviderInfo<AccountId>) -> Json {
	// Amounts are beyond what JSON numbers hold exactly.
	json!({
		"service_key": format!("0x{}", hex::encode(info.service_key)),
		"multiaddrs": info.multiaddrs.iter().map(|a| String::from_utf8_lossy(a)).collect::<Vec<_>>(),
		"capability": info.capability,
		"domain": String::from_utf8_lossy(&info.domain),
		"attested": info.attested,
		"capacity": info.capacity,
		"used": info.used,
		"price_floor": info.price_floor.to_string(),
		"stake": info.stake.to_string(),
		"slots": info.slots,
		"status": info.status,
		"since": info.since,
	})
}
