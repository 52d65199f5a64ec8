//! Processes that outlive the command that starts them, and those that must not.
//!
//! A process is remembered by its pid, its start time and the boot it was started in, as Linux counts them: a pid
//! alone may belong to a stranger by the time it is read back, and nothing of ours is ever signalled by name.
//!
//! Children are started through `nil devnet child`, which prepares its own process (a session of its own, or death
//! with its parent) and then becomes the program: all of it in safe code, and the pid stays the same.

use crate::error::{CliError, Result};
use nix::{
	sys::{prctl, signal::Signal},
	unistd::{Pid, getppid, setsid},
};
use serde::{Deserialize, Serialize};
use std::{
	env,
	ffi::{OsStr, OsString},
	fs::{self, OpenOptions},
	io,
	os::unix::process::CommandExt,
	path::{Path, PathBuf},
	process::{Child, Command, Stdio},
	time::{Duration, Instant},
};

/// How long a process gets between SIGTERM and SIGKILL.
pub const GRACE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// Whether a process belongs to its starter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
	/// Runs on in a session of its own when the starter ends.
	Detached,
	/// Is killed when the starter ends, however it ends.
	Bound,
}

/// A process that we started, in a form that survives on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
	/// The process id.
	pub pid: u32,
	/// Clock ticks between the boot and the process's start.
	start_time: u64,
	/// The boot that the start time counts from.
	boot: String,
}

impl ProcessId {
	/// Describes the running process `pid`. `None` when there is none.
	pub fn of(pid: u32) -> Option<Self> {
		Self::look(pid).map(|(process, _)| process)
	}

	/// The running process `pid`, and the state it is in.
	fn look(pid: u32) -> Option<(Self, char)> {
		let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
		let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
		let (state, start_time) = parse_stat(&stat)?;
		// A zombie has ended; only its parent has not noticed.
		let process = Self { pid, start_time, boot: boot.trim().into() };
		(!matches!(state, 'Z' | 'X')).then_some((process, state))
	}

	/// Whether this very process still runs.
	pub fn is_alive(&self) -> bool {
		Self::of(self.pid).as_ref() == Some(self)
	}

	/// Whether this very process is held by SIGSTOP.
	pub fn is_paused(&self) -> bool {
		Self::look(self.pid).is_some_and(|(process, state)| process == *self && state == 'T')
	}

	/// Sends a signal if the process is still ours; whether it was.
	pub fn signal(&self, signal: Signal) -> bool {
		let Ok(pid) = i32::try_from(self.pid) else { return false };
		self.is_alive() && nix::sys::signal::kill(Pid::from_raw(pid), signal).is_ok()
	}

	/// Waits until the process has ended; whether it did in time.
	pub fn wait(&self, limit: Duration) -> bool {
		wait_until(limit, || !self.is_alive())
	}

	/// Waits until the process is held, or goes on; whether it came to that in time.
	pub fn wait_paused(&self, paused: bool, limit: Duration) -> bool {
		wait_until(limit, || self.is_paused() == paused)
	}
}

fn wait_until(limit: Duration, condition: impl Fn() -> bool) -> bool {
	let deadline = Instant::now() + limit;
	while !condition() {
		if Instant::now() >= deadline {
			return false;
		}
		std::thread::sleep(POLL);
	}
	true
}

/// Ends processes: SIGTERM to all, then SIGKILL to those that are left after [`GRACE`]. Returns how many had to be
/// killed.
pub fn stop_all(processes: &[ProcessId]) -> usize {
	let signalled: Vec<_> =
		processes.iter().filter(|process| process.signal(Signal::SIGTERM)).collect();
	for process in &signalled {
		// One that is held hears of it only when it goes on.
		process.signal(Signal::SIGCONT);
	}
	let deadline = Instant::now() + GRACE;
	let mut killed = 0;
	for process in signalled {
		if !process.wait(deadline.saturating_duration_since(Instant::now()))
			&& process.signal(Signal::SIGKILL)
		{
			killed += 1;
			process.wait(GRACE);
		}
	}
	killed
}

/// The state and the start time in a line of `/proc/<pid>/stat`. The command's name stands in brackets and may itself
/// hold spaces and brackets, so fields are counted from the last bracket.
fn parse_stat(stat: &str) -> Option<(char, u64)> {
	let (_, rest) = stat.rsplit_once(')')?;
	let mut fields = rest.split_ascii_whitespace();
	let state = fields.next()?.chars().next()?;
	// Field 22 of proc(5); the state is field 3.
	let start_time = fields.nth(18)?.parse().ok()?;
	Some((state, start_time))
}

/// Finds one of our programs: beside this one, or on the PATH.
pub fn find_program(name: &str) -> Result<PathBuf> {
	let beside = env::current_exe().ok().and_then(|exe| exe.parent().map(|dir| dir.join(name)));
	let path = env::var_os("PATH").unwrap_or_default();
	let candidates = beside.into_iter().chain(env::split_paths(&path).map(|dir| dir.join(name)));
	candidates.into_iter().find(|candidate| candidate.is_file()).ok_or_else(|| {
		CliError::not_found(format_args!(
			"the program {name} is neither beside nil nor on the PATH"
		))
		.code("program_not_found")
		.hint("build everything with `make build` (or `cargo build --workspace --bins`)")
	})
}

/// A program to start.
#[derive(Debug)]
pub struct Launch<'a> {
	/// The program's file.
	pub program: &'a Path,
	/// Its arguments.
	pub arguments: Vec<OsString>,
	/// Variables beside those that it inherits.
	pub environment: Vec<(&'static str, String)>,
	/// The file that its output is appended to.
	pub log: &'a Path,
	/// Whether it ends with us.
	pub lifetime: Lifetime,
}

/// Starts a program.
pub fn spawn(launch: Launch<'_>) -> Result<Child> {
	let Launch { program, arguments, environment, log, lifetime } = launch;
	let failed = |what: &Path, error: io::Error| CliError::local(what.display(), &error);
	let file =
		OpenOptions::new().create(true).append(true).open(log).map_err(|e| failed(log, e))?;
	let errors = file.try_clone().map_err(|error| failed(log, error))?;
	let own = env::current_exe().map_err(|error| failed(Path::new("nil"), error))?;
	let mut command = Command::new(own);
	command.args(["devnet", "child"]);
	if lifetime == Lifetime::Bound {
		command.arg("--die-with").arg(std::process::id().to_string());
	}
	command.arg("--").arg(program).args(arguments).envs(environment);
	command.stdin(Stdio::null()).stdout(file).stderr(errors);
	command.spawn().map_err(|error| failed(program, error))
}

/// What `nil devnet child` does: becomes `program`, in a session of its own so that a terminal's Ctrl-C and hang-up
/// do not reach it. With `die_with`, the kernel kills it when the thread that started it ends.
///
/// Returns only when it fails.
pub fn become_program(die_with: Option<u32>, program: &OsStr, arguments: &[OsString]) -> CliError {
	// It fails only for the leader of a process group, which has what we want.
	let _ = setsid();
	if let Some(parent) = die_with {
		if let Err(error) = prctl::set_pdeathsig(Signal::SIGKILL) {
			return CliError::failure(format_args!("cannot bind a process to its parent: {error}"));
		}
		// The parent may have ended before the kernel knew of our wish.
		if u32::try_from(getppid().as_raw()) != Ok(parent) {
			return CliError::failure("the parent has ended already");
		}
	}
	let error = Command::new(program).args(arguments).exec();
	CliError::local(Path::new(program).display(), &error)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn stat_lines_with_odd_names() {
		let line = "4711 (a) (b c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 987654 20 21";
		assert_eq!(parse_stat(line), Some(('S', 987_654)));
		assert_eq!(parse_stat("4711 (x) S 1 2"), None);
		assert_eq!(parse_stat(""), None);
	}

	#[test]
	fn a_process_is_known_by_more_than_its_pid() {
		let mut child = Command::new("sleep").arg("60").spawn().unwrap();
		let process = ProcessId::of(child.id()).unwrap();
		assert!(process.is_alive());
		let stranger = ProcessId { start_time: process.start_time + 1, ..process.clone() };
		assert!(!stranger.is_alive());
		assert!(!stranger.signal(Signal::SIGKILL), "a stranger with the same pid is left alone");
		assert!(process.is_alive());
		assert_eq!(stop_all(std::slice::from_ref(&process)), 0, "SIGTERM is enough for sleep");
		assert!(!process.is_alive());
		child.wait().unwrap();
	}

	#[test]
	fn what_is_paused_is_seen_and_ends_like_others() {
		let mut child = Command::new("sleep").arg("60").spawn().unwrap();
		let process = ProcessId::of(child.id()).unwrap();
		assert!(!process.is_paused());
		assert!(process.signal(Signal::SIGSTOP) && process.wait_paused(true, GRACE));
		assert!(process.is_alive());
		assert_eq!(stop_all(std::slice::from_ref(&process)), 0, "it need not be killed");
		assert!(!process.is_paused());
		child.wait().unwrap();
	}

	#[test]
	fn what_ignores_sigterm_is_killed() {
		let mut child = Command::new("sh")
			.args(["-c", "trap '' TERM; echo ready; while :; do sleep 1; done"])
			.stdout(Stdio::piped())
			.spawn()
			.unwrap();
		let mut line = String::new();
		io::BufRead::read_line(&mut io::BufReader::new(child.stdout.as_mut().unwrap()), &mut line)
			.unwrap();
		let process = ProcessId::of(child.id()).unwrap();
		assert!(process.signal(Signal::SIGTERM));
		assert!(!process.wait(Duration::from_millis(200)));
		assert!(process.signal(Signal::SIGKILL));
		child.wait().unwrap();
		assert!(!process.is_alive());
	}
}
