//! What a devnet is made of, as it is kept in its state directory.
//!
//! ```text
//! devnet.json          this file's State, rewritten atomically
//! devnet.lock          held by the command that changes the devnet
//! node/                nil-node's base path
//! provider-NN/         a provider's configuration, keys and store
//! logs/<member>.log    what each process printed
//! ```

use super::process::ProcessId;
use crate::error::{CliError, Exit, Result};
use nil_client::dirs::{self, Kept};
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use std::{
	fs::{self, File, OpenOptions},
	io::{self, Write},
	path::{Path, PathBuf},
};

const VERSION: u32 = 1;
/// The variable that names another state directory.
pub const DIR_VARIABLE: &str = "NIL_DEVNET_DIR";

/// A devnet, as it is remembered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
	version: u32,
	/// Milliseconds between blocks.
	pub block_ms: u64,
	/// The chain.
	pub node: Node,
	/// The providers, in the order in which they joined.
	pub providers: Vec<Provider>,
}

/// The chain's node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Node {
	/// Port of its JSON-RPC.
	pub rpc_port: u16,
	/// The process, if it was started and not stopped.
	pub process: Option<ProcessId>,
}

/// A provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Provider {
	/// `provider-NN`.
	pub name: String,
	/// Port of its HTTP API.
	pub api_port: u16,
	/// Port of its metrics.
	pub metrics_port: u16,
	/// The operator's account, once its keys exist.
	pub operator: Option<String>,
	/// The process, if it was started and not stopped.
	pub process: Option<ProcessId>,
}

impl State {
	/// A devnet without processes.
	pub fn new(block_ms: u64, rpc_port: u16) -> Self {
		Self {
			version: VERSION,
			block_ms,
			node: Node { rpc_port, process: None },
			providers: Vec::new(),
		}
	}

	/// Where the chain answers.
	pub fn url(&self) -> String {
		format!("ws://127.0.0.1:{}", self.node.rpc_port)
	}

	/// Every process that was started, the providers first: they stop before the chain they follow.
	pub fn processes(&self) -> Vec<ProcessId> {
		let providers = self.providers.iter().filter_map(|provider| provider.process.clone());
		providers.chain(self.node.process.clone()).collect()
	}

	/// Whether the node runs.
	pub fn node_alive(&self) -> bool {
		self.node.process.as_ref().is_some_and(ProcessId::is_alive)
	}
}

impl Provider {
	/// Whether its process runs.
	pub fn is_alive(&self) -> bool {
		self.process.as_ref().is_some_and(ProcessId::is_alive)
	}

	/// Whether its process is held.
	pub fn is_paused(&self) -> bool {
		self.process.as_ref().is_some_and(ProcessId::is_paused)
	}

	/// Where its API answers.
	pub fn url(&self) -> String {
		format!("http://127.0.0.1:{}", self.api_port)
	}
}

/// A devnet's state directory.
#[derive(Clone, Debug)]
pub struct Home {
	dir: PathBuf,
}

impl Home {
	/// The directory `dir`.
	pub fn at(dir: impl Into<PathBuf>) -> Self {
		Self { dir: dir.into() }
	}

	/// `$NIL_DEVNET_DIR`, or `nil/devnet` among the user's data.
	pub fn default_place() -> Result<Self> {
		let dir = dirs::user_dir(DIR_VARIABLE, Kept::Data, "nil/devnet").ok_or_else(|| {
			CliError::not_found("there is no home directory to keep the devnet in")
				.hint(format_args!("name a directory in {DIR_VARIABLE}"))
		})?;
		Ok(Self::at(dir))
	}

	/// The directory itself.
	pub fn dir(&self) -> &Path {
		&self.dir
	}

	/// The node's base path.
	pub fn node_dir(&self) -> PathBuf {
		self.dir.join("node")
	}

	/// A provider's own directory.
	pub fn provider_dir(&self, name: &str) -> PathBuf {
		self.dir.join(name)
	}

	/// What a member printed.
	pub fn log(&self, member: &str) -> PathBuf {
		self.dir.join("logs").join(format!("{member}.log"))
	}

	fn state_file(&self) -> PathBuf {
		self.dir.join("devnet.json")
	}

	/// Makes the directory and holds it until the guard is dropped, so that two commands do not change one devnet.
	pub fn lock(&self) -> Result<HomeLock> {
		self.make_logs_dir()?;
		let path = self.dir.join("devnet.lock");
		let file = OpenOptions::new()
			.create(true)
			.truncate(false)
			.write(true)
			.open(&path)
			.map_err(|error| CliError::local(path.display(), &error))?;
		match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
			Ok(lock) => Ok(HomeLock { _file: lock }),
			Err((_, errno)) => Err(CliError::new(
				Exit::Failure,
				format_args!(
					"another command is changing the devnet in {} ({errno})",
					self.dir.display()
				),
			)
			.code("devnet_busy")
			.hint("wait for it to end, or use another directory: --dir DIR")),
		}
	}

	fn make_logs_dir(&self) -> Result<()> {
		let logs = self.dir.join("logs");
		fs::create_dir_all(&logs).map_err(|error| CliError::local(logs.display(), &error))
	}

	/// What is remembered; `None` when there was no devnet here.
	pub fn load(&self) -> Result<Option<State>> {
		let path = self.state_file();
		let text = match fs::read_to_string(&path) {
			Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
			other => other.map_err(|error| CliError::local(path.display(), &error))?,
		};
		let state: State = serde_json::from_str(&text).map_err(|error| {
			CliError::failure(format_args!("{} is damaged: {error}", path.display()))
				.hint("start anew with `nil devnet up --fresh`")
		})?;
		if state.version != VERSION {
			return Err(CliError::failure(format_args!(
				"{} has version {}, this nil reads {VERSION}",
				path.display(),
				state.version
			))
			.hint("start anew with `nil devnet up --fresh`"));
		}
		Ok(Some(state))
	}

	/// Like [`Self::load`], for commands that need a devnet.
	pub fn load_existing(&self) -> Result<State> {
		self.load()?.ok_or_else(|| {
			CliError::not_found(format_args!("there is no devnet in {}", self.dir.display()))
				.code("no_devnet")
				.hint("start one with `nil devnet up`")
		})
	}

	/// Remembers `state`: the file is either the old or the new one, never half of both.
	pub fn save(&self, state: &State) -> Result<()> {
		let path = self.state_file();
		let write = || -> io::Result<()> {
			let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
			serde_json::to_writer_pretty(&mut file, state)?;
			file.flush()?;
			file.as_file().sync_all()?;
			file.persist(&path)?;
			Ok(())
		};
		write().map_err(|error| CliError::local(path.display(), &error))
	}

	/// Forgets everything. Only what a devnet makes is removed, so a wrong `--dir` loses nothing else. The lock is
	/// held.
	pub fn wipe(&self) -> Result<()> {
		let entries =
			fs::read_dir(&self.dir).map_err(|error| CliError::local(self.dir.display(), &error))?;
		for entry in entries {
			let entry = entry.map_err(|error| CliError::local(self.dir.display(), &error))?;
			let name = entry.file_name();
			let name = name.to_string_lossy();
			let removed = match &*name {
				"node" | "logs" => fs::remove_dir_all(entry.path()),
				"devnet.json" => fs::remove_file(entry.path()),
				name if is_provider_name(name) => fs::remove_dir_all(entry.path()),
				_ => continue,
			};
			removed.map_err(|error| CliError::local(entry.path().display(), &error))?;
		}
		self.make_logs_dir()
	}
}

fn is_provider_name(name: &str) -> bool {
	name.strip_prefix("provider-").is_some_and(|number| number.parse::<u32>().is_ok())
}

/// Holds a state directory; given back when dropped or when the process ends.
#[derive(Debug)]
pub struct HomeLock {
	_file: Flock<File>,
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn state_survives_and_wiping_spares_strangers() {
		let dir = tempfile::tempdir().unwrap();
		let home = Home::at(dir.path().join("net"));
		assert!(home.load().unwrap().is_none());
		let lock = home.lock().unwrap();
		assert!(home.lock().is_err(), "one command at a time");
		drop(lock);
		let _lock = home.lock().unwrap();

		let mut state = State::new(500, 9944);
		state.node.process = ProcessId::of(std::process::id());
		home.save(&state).unwrap();
		let read = home.load_existing().unwrap();
		assert_eq!((read.block_ms, read.url().as_str()), (500, "ws://127.0.0.1:9944"));
		assert!(read.node_alive());

		for made in ["node", "provider-00", "provider-x", "precious"] {
			fs::create_dir_all(home.dir().join(made)).unwrap();
		}
		home.wipe().unwrap();
		let mut left: Vec<_> = fs::read_dir(home.dir())
			.unwrap()
			.map(|entry| entry.unwrap().file_name().into_string().unwrap())
			.collect();
		left.sort();
		assert_eq!(left, ["devnet.lock", "logs", "precious", "provider-x"]);
		assert_eq!(home.load_existing().unwrap_err().exit(), Exit::NotFound);
	}
}
