//! What the global options mean: which chain, which account, which identity.

use crate::{
	args::{self, Global, Opening},
	devnet::state::{Home, State},
	error::{CliError, Exit, Result},
	output::Output,
	progress::Watch,
};
use nil_client::{
	chain::{Chain, ChainConfig},
	crypt::{self, Identities, Recipients, Sealing},
	dirs::{self, Kept},
	get::ReadOptions,
	keys::Signer,
	put::{self, PutOptions},
};
use std::{
	path::{Path, PathBuf},
	time::Duration,
};

/// Where a node listens by default.
const DEFAULT_URL: &str = "ws://127.0.0.1:9944";
/// The development account that a devnet makes rich: who pays there, and who signs without a key of one's own.
pub const ALICE: &str = "//Alice";

/// The global options, and how to talk to the user.
#[derive(Debug)]
pub struct Context {
	global: Global,
	/// How to tell the user.
	pub output: Output,
}

/// A chain, and how it was chosen.
#[derive(Debug, PartialEq, Eq)]
struct Place {
	url: String,
	/// It is the devnet on this machine.
	devnet: bool,
}

impl Context {
	/// Keeps the options.
	pub fn new(global: Global, output: Output) -> Self {
		Self { global, output }
	}

	fn place(&self) -> Place {
		let devnet = Home::default_place()
			.and_then(|home| home.load())
			.ok()
			.flatten()
			.filter(State::node_alive)
			.map(|state| state.url());
		match (&self.global.url, devnet) {
			(Some(url), devnet) => Place { url: url.clone(), devnet: devnet.as_ref() == Some(url) },
			(None, Some(url)) => Place { url, devnet: true },
			(None, None) => Place { url: DEFAULT_URL.into(), devnet: false },
		}
	}

	/// Connects to the chain.
	pub async fn chain(&self) -> Result<Chain> {
		let place = self.place();
		if !["ws://", "wss://"].iter().any(|scheme| place.url.starts_with(scheme)) {
			return Err(CliError::usage(format_args!(
				"--url {:?}: a node's address begins with ws:// or wss://",
				place.url
			)));
		}
		let mut config = ChainConfig::new(place.url);
		config.connect_timeout = Duration::from_secs(5);
		Ok(Chain::connect_with(config).await?)
	}

	/// The account's key.
	pub fn signer(&self) -> Result<Signer> {
		match &self.global.key {
			Some(text) => signer_from(text),
			None => {
				let path = key_path()?;
				if path.exists() {
					return Ok(Signer::from_file(&path)?);
				}
				if self.place().devnet {
					self.output
						.note(format_args!("no key of your own: using the devnet's {ALICE}"));
					return Ok(Signer::from_uri(ALICE)?);
				}
				Err(CliError::not_found(format_args!("there is no key in {}", path.display()))
					.code("no_key")
					.hint(
						"make one with `nil key new`, or name one with --key FILE or --key //Name",
					))
			},
		}
	}
}

fn signer_from(text: &str) -> Result<Signer> {
	let is_uri = text.starts_with("//") || text.starts_with("0x") || text.contains(' ');
	let path = Path::new(text);
	if is_uri && !path.is_file() {
		return Ok(Signer::from_uri(text)?);
	}
	Ok(Signer::from_file(path)?)
}

/// The directory of keys: `$NIL_CONFIG_DIR`, or `nil` among the user's configuration.
pub fn config_dir() -> Result<PathBuf> {
	dirs::user_dir("NIL_CONFIG_DIR", Kept::Config, "nil").ok_or_else(|| {
		CliError::new(Exit::NotFound, "there is no home directory to keep keys in")
			.hint("name a directory in NIL_CONFIG_DIR, or the files with --key and --identity")
	})
}

/// The account's key file.
pub fn key_path() -> Result<PathBuf> {
	Ok(config_dir()?.join("account.key"))
}

/// The age identity's file.
pub fn identity_path() -> Result<PathBuf> {
	Ok(config_dir()?.join("identity.txt"))
}

/// The recipients that one's own identity opens; `None` while there is no identity.
pub fn own_recipients() -> Result<Option<Recipients>> {
	let path = identity_path()?;
	if !path.exists() {
		return Ok(None);
	}
	Ok(Some(Identities::from_file(&path)?.recipients()))
}

/// Keys that open what is encrypted: those of `file`, else one's own, else none.
fn identities(file: Option<&Path>) -> Result<Identities> {
	match file {
		Some(path) => Ok(Identities::from_file(path)?),
		None => {
			let path = identity_path()?;
			if path.exists() { Ok(Identities::from_file(&path)?) } else { Ok(Identities::none()) }
		},
	}
}

/// How to read.
pub fn read_options(opening: &Opening, watch: &Watch) -> Result<ReadOptions> {
	let mut options = ReadOptions::new(identities(opening.identity.as_deref())?);
	options.progress = watch.progress();
	Ok(options)
}

/// How to seal, and what opens it again. Makes one's own identity when it is needed for the first time.
pub fn sealing(arguments: &args::Sealing, output: &Output) -> Result<(Sealing, Identities)> {
	let mut own = identities(arguments.identity.as_deref())?;
	if arguments.plain {
		return Ok((Sealing::Plain, own));
	}
	let others = Recipients::parse(&arguments.recipient)?;
	if own.is_empty() {
		let path = identity_path()?;
		own = crypt::create_identity_file(&path)?;
		output.note(format_args!(
			"made an age identity in {}: keep a copy, without it nothing can be decrypted",
			path.display()
		));
	}
	Ok((Sealing::To(own.recipients().and(others)), own))
}

/// How to put.
pub fn put_options(
	arguments: &args::Sealing,
	watch: &Watch,
	output: &Output,
) -> Result<PutOptions> {
	let (sealing, identities) = sealing(arguments, output)?;
	let state = put::default_state_dir().ok_or_else(|| {
		CliError::new(Exit::NotFound, "there is no home directory to keep the state of puts in")
			.hint("name a directory in NIL_STATE_DIR")
	})?;
	let mut options = PutOptions::new(sealing, identities, state);
	options.progress = watch.progress();
	Ok(options)
}
