//! A devnet for tests, and `nil` as a script would run it.
//!
//! The network consists of real processes that outlive commands, so somebody has to end them however a test ends. That
//! is a guardian: a shell that waits on a pipe which the test process holds. When the pipe closes, because the test is
//! done or because it died, the guardian takes the network down; told that all is well it also removes the files.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod following;
pub mod node;
pub mod reading;

use serde_json::Value;
use std::{
	ffi::OsStr,
	fs,
	io::Write,
	path::{Path, PathBuf},
	process::{Child, ChildStdin, Command, Output, Stdio},
	sync::OnceLock,
	time::{Duration, Instant},
};

pub const NIL: &str = env!("CARGO_BIN_EXE_nil");

/// A program of ours beside `nil`.
pub fn program(name: &str) -> PathBuf {
	let path = Path::new(NIL).with_file_name(name);
	assert!(
		path.is_file(),
		"{} is missing: end-to-end tests need every program, so run `cargo build --workspace --bins` first",
		path.display()
	);
	path
}

/// A finished run of a program.
#[derive(Debug)]
pub struct Run {
	pub command: String,
	pub code: Option<i32>,
	pub stdout: Vec<u8>,
	pub stderr: String,
}

impl Run {
	fn of(command: &Command, output: Output) -> Self {
		Self {
			command: format!("{command:?}"),
			code: output.status.code(),
			stdout: output.stdout,
			stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
		}
	}

	/// The JSON document of a run that must have succeeded.
	#[track_caller]
	pub fn ok(&self) -> Value {
		assert_eq!(self.code, Some(0), "{}\n{}", self.command, self.stderr);
		serde_json::from_slice(&self.stdout)
			.unwrap_or_else(|error| panic!("{}\nprinted no JSON: {error}", self.command))
	}

	/// The error of a run that must have failed with this exit status.
	#[track_caller]
	pub fn fails(&self, exit: i32) -> Failure {
		let said =
			format!("{}\n{}\n{}", self.command, self.stderr, String::from_utf8_lossy(&self.stdout));
		assert_eq!(self.code, Some(exit), "{said}");
		let document: Value = serde_json::from_str(self.stderr.lines().last().unwrap_or_default())
			.unwrap_or_else(|error| panic!("no JSON error ({error}): {said}"));
		let text = |field: &str| {
			let found = document.pointer(&format!("/error/{field}")).and_then(Value::as_str);
			found.unwrap_or_else(|| panic!("the error has no {field}: {said}")).to_owned()
		};
		Failure { code: text("code"), message: text("message") }
	}
}

/// A command under way. It does not outlive the test, however that ends.
pub struct Running {
	command: Command,
	/// Taken only by who consumes it.
	child: Option<Child>,
}

impl Running {
	fn start(mut command: Command) -> Self {
		command.stdout(Stdio::piped()).stderr(Stdio::piped());
		let child = Some(command.spawn().unwrap());
		Self { command, child }
	}

	/// Waits for its end.
	pub fn finish(mut self) -> Run {
		let child = self.child.take().expect("only this takes it");
		Run::of(&self.command, child.wait_with_output().unwrap())
	}

	/// Waits for its end, if it prints little: no more than a pipe holds.
	#[track_caller]
	pub fn finish_within(mut self, limit: Duration) -> Run {
		let what = format!("{:?} ends", self.command);
		eventually(&what, limit, || {
			let child = self.child.as_mut().expect("only `finish` takes it");
			child.try_wait().unwrap().is_some()
		});
		self.finish()
	}
}

impl Drop for Running {
	fn drop(&mut self) {
		if let Some(mut child) = self.child.take() {
			// It may have ended by itself.
			let _ = child.kill();
			let _ = child.wait();
		}
	}
}

/// What a failed command said.
#[derive(Debug)]
pub struct Failure {
	pub code: String,
	pub message: String,
}

/// A running devnet.
pub struct Devnet {
	pub root: PathBuf,
	pub describe: Value,
	block_ms: u64,
	guardian: Child,
	line: Option<ChildStdin>,
}

impl Devnet {
	/// A new network of `providers`, with blocks every 200 ms so that tests do not wait for time to pass.
	///
	/// Who answers nothing for six rounds, 23 s then, may lose its slots: tests that need the slots of those that they
	/// keep away for longer have slower blocks.
	pub fn start(providers: usize) -> Self {
		Self::start_with_blocks(providers, 200)
	}

	/// As [`Self::start`], with blocks every `block_ms`: for those who have only so many blocks for something.
	pub fn start_with_blocks(providers: usize, block_ms: u64) -> Self {
		for name in ["nil-node", "nil-provider"] {
			program(name);
		}
		let root = tempfile::Builder::new().prefix("nil-e2e-").tempdir().unwrap().keep();
		let net = root.join("net");
		let script = r#"read -r word; "$0" devnet down --dir "$1/net" >/dev/null 2>&1; [ "$word" = clean ] && rm -rf "$1""#;
		let mut guardian = Command::new(NIL)
			.args(["devnet", "child", "--", "sh", "-c", script, NIL])
			.arg(&root)
			.stdin(Stdio::piped())
			.stdout(Stdio::null())
			.stderr(Stdio::null())
			.spawn()
			.unwrap();
		let line = guardian.stdin.take();
		let mut devnet = Self { root, describe: Value::Null, block_ms, guardian, line };
		fs::create_dir_all(&net).unwrap();
		devnet.describe = devnet.up(&["--fresh", "--providers", &providers.to_string()]).ok();
		devnet
	}

	/// `nil devnet up` with further arguments.
	pub fn up(&self, arguments: &[&str]) -> Run {
		let block_ms = self.block_ms.to_string();
		let mut all = vec!["devnet", "up", "--rpc-port", "0", "--block-ms", &block_ms];
		all.extend(arguments);
		let run = self.devnet(&all);
		if run.code != Some(0) {
			self.show_logs();
		}
		run
	}

	/// Starts what does not run, and takes note of new ports and pids.
	pub fn up_again(&mut self) {
		let run = self.devnet(&["devnet", "up", "--providers", "1"]);
		if run.code != Some(0) {
			self.show_logs();
		}
		self.describe = run.ok();
	}

	/// A devnet command on this network's directory.
	pub fn devnet(&self, arguments: &[&str]) -> Run {
		let mut command = Command::new(NIL);
		command.arg("--json").args(arguments).arg("--dir").arg(self.root.join("net"));
		let output = command.stdin(Stdio::null()).output().unwrap();
		Run::of(&command, output)
	}

	/// Where the chain answers.
	pub fn url(&self) -> String {
		self.describe["url"].as_str().unwrap().to_owned()
	}

	/// `nil --json` as //Alice, not yet started.
	pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
		let mut command = Command::new(NIL);
		command
			.args(["--json", "--url", &self.url()])
			.args(arguments)
			.env("NIL_KEY", "//Alice")
			.env("NIL_CONFIG_DIR", self.root.join("config"))
			.env("NIL_DEVNET_DIR", self.root.join("net"))
			.env("NIL_STATE_DIR", self.root.join("state"))
			.env_remove("NIL_IDENTITY")
			.env_remove("NIL_URL")
			.stdin(Stdio::null());
		command
	}

	/// Starts `nil --json` as //Alice.
	pub fn start_nil<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Running {
		Running::start(self.command(arguments))
	}

	/// Runs `nil --json` as //Alice.
	pub fn nil<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Run {
		let mut command = self.command(arguments);
		let output = command.output().unwrap();
		Run::of(&command, output)
	}

	/// Runs a prepared command.
	pub fn run(&self, mut command: Command) -> Run {
		let output = command.output().unwrap();
		Run::of(&command, output)
	}

	/// A new deal with escrow for `mib` MiB; its number.
	pub fn deal(&self, profile: &str, mib: u64) -> u64 {
		let size = format!("{mib}MiB");
		let created =
			self.nil(["deal", "create", "--profile", profile, "--size", &size, "--duration", "2d"]);
		if created.code != Some(0) {
			self.show_logs();
		}
		created.ok()["deal"].as_u64().unwrap()
	}

	/// The operators that hold a deal's slots, in the order of slots.
	pub fn holders(&self, deal: u64) -> Vec<String> {
		let shown = self.nil(["deal", "show", &deal.to_string()]).ok();
		let slots = shown["slots"].as_array().unwrap();
		slots.iter().map(|slot| slot["provider"].as_str().unwrap().to_owned()).collect()
	}

	/// A provider by its operator's account.
	pub fn member(&self, operator: &str) -> Member {
		let providers = self.describe["providers"].as_array().unwrap();
		let found = providers
			.iter()
			.find(|provider| provider["operator"] == operator)
			.unwrap_or_else(|| panic!("{operator} is no provider of this network"));
		Member {
			name: found["name"].as_str().unwrap().into(),
			dir: found["dir"].as_str().unwrap().into(),
			url: found["url"].as_str().unwrap().into(),
			pid: found["pid"].as_u64().and_then(|pid| i32::try_from(pid).ok()),
		}
	}

	/// Lets a provider leave, in its operator's name.
	pub fn drain(&self, member: &Member) {
		let drained = Command::new(program("nil-provider"))
			.arg("--config")
			.arg(member.dir.join("provider.toml"))
			.args(["drain", "--json"])
			.env("NIL_PROVIDER_NODE_URL", self.url())
			.stdin(Stdio::null())
			.output()
			.unwrap();
		assert!(drained.status.success(), "{}", String::from_utf8_lossy(&drained.stderr));
	}

	/// Ends the node as a crash does.
	pub fn kill_node(&self) {
		kill_and_wait(i32::try_from(self.describe["node"]["pid"].as_u64().unwrap()).unwrap());
	}

	fn show_logs(&self) {
		let logs = self.devnet(&["devnet", "logs", "-n", "12"]);
		if let Ok(Value::Array(members)) = serde_json::from_slice(&logs.stdout) {
			for member in members {
				eprintln!(
					"--- {}\n{}",
					member["member"].as_str().unwrap_or_default(),
					member["text"].as_str().unwrap_or_default()
				);
			}
		}
	}
}

impl Drop for Devnet {
	fn drop(&mut self) {
		if std::thread::panicking() {
			eprintln!("the network's files and logs are kept in {}", self.root.display());
		} else if let Some(line) = &mut self.line {
			let _ = line.write_all(b"clean\n");
		}
		self.line = None;
		let _ = self.guardian.wait();
	}
}

/// One provider process.
#[derive(Clone, Debug)]
pub struct Member {
	pub name: String,
	pub dir: PathBuf,
	pub url: String,
	pub pid: Option<i32>,
}

impl Member {
	/// Ends it as a crash does.
	pub fn kill(&self) {
		kill_and_wait(self.pid.expect("it runs"));
	}

	/// From its next start on it neither looks for damage by itself nor mends it.
	pub fn leave_damage(&self) {
		let config = self.dir.join("provider.toml");
		let mut text = fs::read_to_string(&config).unwrap();
		for (from, to) in
			[("scrub_rate = \"4 MiB\"", "scrub_rate = 0"), ("mend = true", "mend = false")]
		{
			assert!(text.contains(from), "{text}");
			text = text.replace(from, to);
		}
		fs::write(config, text).unwrap();
	}

	/// From its next start on it answers no sample either, for which it would look at what it stores.
	pub fn answer_nothing(&self) {
		let config = self.dir.join("provider.toml");
		let text = fs::read_to_string(&config).unwrap();
		let (before, prover) = text.split_once("[prover]").unwrap();
		assert!(prover.contains("enabled = true"), "{text}");
		let prover = prover.replacen("enabled = true", "enabled = false", 1);
		fs::write(config, format!("{before}[prover]{prover}")).unwrap();
	}

	/// The files with the blobs that it stores.
	pub fn shards(&self) -> Vec<PathBuf> {
		files_below(&self.dir.join("data/shards"))
	}
}

fn kill_and_wait(pid: i32) {
	use nix::{
		sys::signal::{Signal, kill},
		unistd::Pid,
	};
	kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
	let path = PathBuf::from(format!("/proc/{pid}/stat"));
	eventually("a killed process is gone", Duration::from_secs(20), || {
		!fs::read_to_string(&path).is_ok_and(|stat| !stat.contains(") Z"))
	});
}

/// Waits for a condition.
#[track_caller]
pub fn eventually(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
	let deadline = Instant::now() + limit;
	while !condition() {
		assert!(Instant::now() < deadline, "not within {} s: {what}", limit.as_secs());
		std::thread::sleep(Duration::from_millis(25));
	}
}

/// All files below a directory.
pub fn files_below(root: &Path) -> Vec<PathBuf> {
	let mut found = Vec::new();
	let mut open = vec![root.to_path_buf()];
	while let Some(dir) = open.pop() {
		// Stores are alive: what vanishes between listing and looking is no file any more.
		for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
			match entry.file_type() {
				Ok(kind) if kind.is_dir() => open.push(entry.path()),
				Ok(_) => found.push(entry.path()),
				Err(_) => {},
			}
		}
	}
	found.sort();
	found
}

/// Bytes that no compressor shortens and that `seed` alone decides.
pub fn random_bytes(size: usize, seed: u64) -> Vec<u8> {
	use rand::{RngCore, SeedableRng};
	let mut bytes = vec![0; size];
	rand::rngs::StdRng::seed_from_u64(seed).fill_bytes(&mut bytes);
	bytes
}

/// Writes a file and the directories above it.
pub fn write(path: &Path, bytes: &[u8]) {
	fs::create_dir_all(path.parent().unwrap()).unwrap();
	fs::write(path, bytes).unwrap();
}

/// Asserts that two directories hold the same files with the same bytes.
#[track_caller]
pub fn assert_same_tree(expected: &Path, actual: &Path) {
	let names = |root: &Path| {
		let strip = |path: PathBuf| path.strip_prefix(root).unwrap().to_path_buf();
		files_below(root).into_iter().map(strip).collect::<Vec<_>>()
	};
	assert_eq!(names(expected), names(actual));
	for name in names(expected) {
		let (left, right) = (fs::read(expected.join(&name)), fs::read(actual.join(&name)));
		assert!(left.unwrap() == right.unwrap(), "{} differs", name.display());
	}
}

/// The test's async runtime.
pub fn runtime() -> &'static tokio::runtime::Runtime {
	static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
	RUNTIME.get_or_init(|| tokio::runtime::Runtime::new().unwrap())
}
