//! Finds the programs that a network is made of.

use std::{
	env, fs,
	os::unix::fs::PermissionsExt,
	path::{Path, PathBuf},
	process::{Command, Stdio},
};

/// The variable that names the directory with `nil-node`, `nil-provider` and `nil`.
pub const BINARIES_VARIABLE: &str = "NIL_BIN_DIR";
/// When this variable is set, tests that cannot run fail instead of being skipped.
pub const REQUIRED_VARIABLE: &str = "NIL_ZOMBIENET_REQUIRED";

/// Where each program lies.
#[derive(Clone, Debug)]
pub struct Programs {
	/// The relay chain's node, unmodified. Its two PVF workers lie beside it.
	pub polkadot: PathBuf,
	/// Our node, with the collator in it.
	pub node: PathBuf,
	/// The provider's daemon.
	pub provider: PathBuf,
	/// The user's command.
	pub nil: PathBuf,
}

impl Programs {
	/// Finds all of them. `Err` says what is missing and how to get it.
	pub fn find() -> Result<Self, String> {
		let ours = our_directory()?;
		let program = |name: &str| {
			let path = ours.join(name);
			is_program(&path).then_some(path).ok_or_else(|| {
				format!(
					"{name} is not in {}: run `make collator`, or name another directory in {BINARIES_VARIABLE}",
					ours.display()
				)
			})
		};
		let programs = Self {
			polkadot: find_polkadot()?,
			node: program("nil-node")?,
			provider: program("nil-provider")?,
			nil: program("nil")?,
		};
		if !has_collator(&programs.node) {
			return Err(format!(
				"{} was built without the collator: run `make collator`",
				programs.node.display()
			));
		}
		Ok(programs)
	}
}

/// `NIL_BIN_DIR`, else where the main workspace is built.
fn our_directory() -> Result<PathBuf, String> {
	if let Some(dir) = env::var_os(BINARIES_VARIABLE).filter(|dir| !dir.is_empty()) {
		return Ok(dir.into());
	}
	cache().map(|cache| cache.join("target/debug"))
}

/// The project's folder among the user's caches.
fn cache() -> Result<PathBuf, String> {
	let named = |name: &str| env::var_os(name).filter(|dir| !dir.is_empty()).map(PathBuf::from);
	named("NIL_CACHE_DIR")
		.or_else(|| named("XDG_CACHE_HOME").map(|dir| dir.join("nil")))
		.or_else(|| env::home_dir().map(|home| home.join(".cache/nil")))
		.ok_or_else(|| "there is no home directory to look for programs in".into())
}

/// `polkadot` on the search path, else the newest one in `~/.cache/nil-relay/<version>`. `scripts/relay-chain.sh` looks in
/// the same places.
fn find_polkadot() -> Result<PathBuf, String> {
	let path = env::var_os("PATH").unwrap_or_default();
	let on_path = env::split_paths(&path).find(|dir| is_relay_installation(dir));
	let kept = || {
		let home = env::home_dir()?.join(".cache/nil-relay");
		let versions = fs::read_dir(home).ok()?.flatten().map(|entry| entry.path());
		versions
			.filter(|dir| is_relay_installation(dir))
			.max_by_key(|dir| version(&dir.file_name().unwrap_or_default().to_string_lossy()))
	};
	on_path.or_else(kept).map(|dir| dir.join("polkadot")).ok_or_else(|| {
		"there is no relay chain node: `polkadot`, `polkadot-prepare-worker` and `polkadot-execute-worker` are \
		 neither on PATH nor in ~/.cache/nil-relay/<version> (zombienet/README.md says how to get them)"
			.into()
	})
}

fn is_relay_installation(dir: &Path) -> bool {
	["polkadot", "polkadot-prepare-worker", "polkadot-execute-worker"]
		.iter()
		.all(|name| is_program(&dir.join(name)))
}

/// The numbers of a version, so that 41.0.0 comes after 9.1.0.
fn version(name: &str) -> Vec<u64> {
	name.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

fn is_program(path: &Path) -> bool {
	fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

fn has_collator(node: &Path) -> bool {
	let help = Command::new(node).arg("--help").stdin(Stdio::null()).output();
	help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains("--collator"))
}

/// Says on stderr that `test` does not run, and why.
///
/// # Panics
/// When [`REQUIRED_VARIABLE`] is set: then a test that cannot run is a failure.
pub fn skip(test: &str, why: &str) {
	assert!(env::var_os(REQUIRED_VARIABLE).is_none(), "{test} cannot run: {why}");
	eprintln!("SKIPPED {test}: {why}");
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn versions_are_ordered_by_number() {
		assert!(version("41.0.0") > version("9.12.3"));
		assert!(version("41.0.1") > version("41.0.0"));
	}

	#[test]
	fn directories_and_plain_files_are_no_programs() {
		let dir = tempfile::tempdir().unwrap();
		let file = dir.path().join("polkadot");
		fs::write(&file, "").unwrap();
		assert!(!is_program(dir.path()) && !is_program(&file));
		fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
		assert!(is_program(&file) && !is_relay_installation(dir.path()));
	}
}
