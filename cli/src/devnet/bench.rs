//! The end-to-end bench: put and get of one large file on a network of its own.
//!
//! Everything runs on this machine, so the chain, thirteen providers and the measured process share its cores; the rates
//! are those of the whole network together. The processor times and the memory are those of the `nil` process alone.

use super::{
	demo::{Guard, number},
	files,
	network::{Network, Wanted},
	own::{Nil, Ran},
	process::Lifetime,
	state::Home,
};
use crate::{
	args::BenchArgs,
	error::{CliError, Exit, Result},
	output::{Align, Output, table, write_stdout},
	units,
};
use serde::Serialize;
use serde_json::Value;
use std::{
	fmt::Write,
	fs,
	path::{Path, PathBuf},
	process::Command,
	time::{Duration, SystemTime, UNIX_EPOCH},
};

const PROVIDERS: u16 = 13;
const LIMIT: Duration = Duration::from_secs(1800);
/// The stages that a put reports, in the order of the pipeline.
const STAGES: [&str; 7] = ["read", "seal", "code", "commit", "upload", "receipts", "chain"];

/// What was measured.
#[derive(Debug, Serialize)]
struct Measured {
	date: String,
	machine: String,
	commit: String,
	build: &'static str,
	bytes: u64,
	encrypted: bool,
	put: Side,
	get: Side,
	/// Seconds in each stage of the put; stages overlap.
	stages: Vec<(&'static str, f64)>,
	/// Processor time in the commitment engine by the processor time of the put.
	commit_share_of_cpu: f64,
	/// The get's speed by the put's.
	get_over_put: f64,
}

/// One direction.
#[derive(Debug, Serialize)]
struct Side {
	seconds: f64,
	mb_per_second: f64,
	cpu_seconds: f64,
	peak_rss_bytes: u64,
}

impl Side {
	fn of(bytes: u64, ran: &Ran) -> Result<Self> {
		Ok(Self {
			seconds: ran.time.as_secs_f64(),
			mb_per_second: units::rate(bytes, ran.time),
			cpu_seconds: float(&ran.value, "/usage/cpu_seconds")?,
			peak_rss_bytes: ran
				.value
				.pointer("/usage/peak_rss_bytes")
				.and_then(Value::as_u64)
				.ok_or_else(|| CliError::failure("nil did not tell its memory"))?,
		})
	}
}

/// Runs the bench.
pub async fn run(arguments: &BenchArgs, output: &Output) -> Result<()> {
	let dir = tempfile::Builder::new()
		.prefix("nil-bench-")
		.tempdir()
		.map_err(|error| CliError::local("a temporary directory", &error))?;
	let measured = tokio::select! {
		measured = measure(arguments, dir.path(), output) => measured,
		() = super::asked_to_stop() => Err(CliError::new(Exit::Interrupted, "interrupted")),
	}?;
	if let Some(results) = &arguments.results {
		let path = write_results(results, &measured)?;
		output.note(format_args!("written to {}", path.display()));
	}
	if output.json {
		return output.result(&measured, String::new);
	}
	write_stdout(text(&measured).as_bytes())
}

async fn measure(arguments: &BenchArgs, dir: &Path, output: &Output) -> Result<Measured> {
	let wanted = Wanted {
		providers: PROVIDERS,
		fresh: true,
		block_ms: Some(500),
		rpc_port: Some(0),
		usual_ports: false,
		lifetime: Lifetime::Bound,
	};
	let network = Guard(Network::up(Home::at(dir.join("net")), wanted, output).await?);
	let file = dir.join("file.bin");
	files::write_random(&file, arguments.size, 7)?;
	let nil = Nil::new(network.0.state().url(), &dir.join("config"))?;
	let size = arguments.size.saturating_mul(2).to_string();
	let created = nil.run(["deal", "create", "--size", &size, "--duration", "30d"], LIMIT).await?;
	let deal = number(&created.value, "deal")?;
	let target = format!("{deal}:/file.bin");

	output.note("putting ..");
	let mut put_arguments = vec![Path::new("put"), &file, Path::new(&target)];
	if arguments.plain {
		put_arguments.push(Path::new("--plain"));
	}
	let put = nil.run(put_arguments, LIMIT).await?;
	output.note("getting ..");
	let back = dir.join("back.bin");
	let get =
		nil.run([Path::new("get"), Path::new(&target), Path::new("-o"), &back], LIMIT).await?;
	if !files::same_bytes(&file, &back)? {
		return Err(CliError::new(Exit::Corrupt, "the file came back with other bytes"));
	}

	let stages = STAGES
		.iter()
		.map(|stage| Ok((*stage, float(&put.value, &format!("/timings/{stage}"))?)))
		.collect::<Result<Vec<_>>>()?;
	let in_commitments = float(&put.value, "/timings/commit_cpu")?;
	let (put, get) = (Side::of(arguments.size, &put)?, Side::of(arguments.size, &get)?);
	Ok(Measured {
		date: units::timestamp(now_nanos()),
		machine: machine(),
		commit: revision(),
		build: if cfg!(debug_assertions) { "development" } else { "release" },
		bytes: arguments.size,
		encrypted: !arguments.plain,
		commit_share_of_cpu: in_commitments / put.cpu_seconds.max(f64::EPSILON),
		get_over_put: get.mb_per_second / put.mb_per_second.max(f64::EPSILON),
		put,
		get,
		stages,
	})
}

fn float(value: &Value, pointer: &str) -> Result<f64> {
	value
		.pointer(pointer)
		.and_then(Value::as_f64)
		.ok_or_else(|| CliError::failure(format_args!("nil did not report {pointer}")))
}

fn text(measured: &Measured) -> String {
	let Measured { put, get, .. } = measured;
	let heading = ["", "seconds", "MB/s", "CPU s", "peak memory"].map(Into::into).to_vec();
	let side = |name: &str, side: &Side| {
		vec![
			name.to_owned(),
			format!("{:.1}", side.seconds),
			format!("{:.1}", side.mb_per_second),
			format!("{:.1}", side.cpu_seconds),
			units::size(side.peak_rss_bytes),
		]
	};
	use Align::{Left, Right};
	let sides =
		table(&[Left, Right, Right, Right, Right], &[heading, side("put", put), side("get", get)]);
	let mut rows = vec![vec!["stage of the put".to_owned(), "seconds".to_owned()]];
	rows.extend(
		measured.stages.iter().map(|(name, time)| vec![(*name).to_owned(), format!("{time:.1}")]),
	);
	let mut text = format!(
		"{} of {} bytes, {}, 8+4, {PROVIDERS} providers and the node on the same machine\n\n{sides}\n{}\n",
		units::size(measured.bytes),
		measured.bytes,
		if measured.encrypted { "encrypted" } else { "plain" },
		table(&[Left, Right], &rows),
	);
	// Writing to a string cannot fail.
	let _ = writeln!(
		text,
		"commitments take {:.0} % of the put's CPU; get is {:.1} times as fast as put",
		measured.commit_share_of_cpu * 100.0,
		measured.get_over_put
	);
	text
}

fn write_results(dir: &Path, measured: &Measured) -> Result<PathBuf> {
	let failed = |error: std::io::Error| CliError::local(dir.display(), &error);
	fs::create_dir_all(dir).map_err(failed)?;
	let day = measured.date.split(' ').next().unwrap_or_default();
	let path = dir.join(format!("{day}-end-to-end.md"));
	let text = format!(
		"# End to end: put and get of one file\n\n\
		 Made by `nil devnet bench` on {} UTC.\n\n\
		 - machine: {}\n- commit: {}\n- build: {}\n\n```text\n{}```\n",
		measured.date,
		measured.machine,
		measured.commit,
		measured.build,
		text(measured)
	);
	fs::write(&path, text).map_err(failed)?;
	Ok(path)
}

fn now_nanos() -> i64 {
	let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
	i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// The processor's name and the cores that this process may use.
fn machine() -> String {
	let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
	let model = cpuinfo
		.lines()
		.find_map(|line| line.strip_prefix("model name")?.split_once(':'))
		.map_or("unknown processor", |(_, name)| name.trim());
	let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
	format!("{model}, {cores} cores")
}

fn revision() -> String {
	let output =
		Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"]).output();
	match output {
		Ok(output) if output.status.success() => {
			String::from_utf8_lossy(&output.stdout).trim().to_owned()
		},
		_ => format!("version {}", env!("CARGO_PKG_VERSION")),
	}
}
