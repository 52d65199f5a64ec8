//! Running this very command as a process of its own, the way a script would.

use crate::{
	context::ALICE,
	error::{CliError, Exit, Result},
};
use serde_json::Value;
use std::{
	env,
	ffi::OsStr,
	path::{Path, PathBuf},
	process::Stdio,
	time::{Duration, Instant},
};
use tokio::process::Command;

/// `nil --json` against one chain, with keys of its own.
#[derive(Clone, Debug)]
pub struct Nil {
	program: PathBuf,
	url: String,
	config_dir: PathBuf,
}

/// What a run of it gave.
#[derive(Debug)]
pub struct Ran {
	/// The JSON document.
	pub value: Value,
	/// How long it took, start of the process included.
	pub time: Duration,
}

impl Nil {
	/// For the chain at `url`; keys go to `config_dir`.
	pub fn new(url: String, config_dir: &Path) -> Result<Self> {
		let program = env::current_exe().map_err(|error| CliError::local("nil", &error))?;
		Ok(Self { program, url, config_dir: config_dir.into() })
	}

	/// Runs one command as [`ALICE`].
	pub async fn run<S: AsRef<OsStr>>(
		&self,
		arguments: impl IntoIterator<Item = S>,
		limit: Duration,
	) -> Result<Ran> {
		let mut command = Command::new(&self.program);
		command
			.args(["--json", "--url", &self.url, "--key", ALICE])
			.args(arguments)
			.env("NIL_CONFIG_DIR", &self.config_dir)
			.env("NIL_STATE_DIR", self.config_dir.join("state"))
			.env_remove("NIL_IDENTITY")
			.stdin(Stdio::null())
			.kill_on_drop(true);
		let start = Instant::now();
		let output = tokio::time::timeout(limit, command.output())
			.await
			.map_err(|_| {
				CliError::failure(format_args!("nil did not end within {} s", limit.as_secs()))
			})?
			.map_err(|error| CliError::local("nil", &error))?;
		let time = start.elapsed();
		if !output.status.success() {
			let said = String::from_utf8_lossy(&output.stderr);
			return Err(CliError::new(
				Exit::Failure,
				format_args!("nil failed ({}): {}", output.status, said.trim()),
			));
		}
		let value = serde_json::from_slice(&output.stdout)
			.map_err(|error| CliError::failure(format_args!("nil printed no JSON: {error}")))?;
		Ok(Ran { value, time })
	}
}
