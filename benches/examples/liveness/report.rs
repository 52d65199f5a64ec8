//! What is told: progress, tables, JSON, and a file of results.

use crate::{burden::Burden, detection::Detection, dilution::Dilution};
use serde::Serialize;
use std::{
	fmt, fs, io,
	path::{Path, PathBuf},
	process::Command,
	time::Instant,
};

/// Says on the error output what is being done, and when.
pub struct Progress(Instant);

impl Progress {
	pub fn new() -> Self {
		Self(Instant::now())
	}

	pub fn say(&self, what: fmt::Arguments<'_>) {
		eprintln!("{:>6.1} s  {what}", self.0.elapsed().as_secs_f64());
	}
}

/// Wilson's interval for a share, at a confidence of 95 %.
pub fn interval(hits: u32, trials: u32) -> (f64, f64) {
	const Z: f64 = 1.959_964;
	let n = f64::from(trials);
	let share = f64::from(hits) / n;
	let middle = share + Z * Z / (2.0 * n);
	let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
	let scale = 1.0 + Z * Z / n;
	((middle - half) / scale, (middle + half) / scale)
}

/// Everything that was found.
#[derive(Debug, Serialize)]
pub struct Report {
	pub seed: u64,
	pub providers: u32,
	pub machine: String,
	pub commit: String,
	pub detection: Vec<Detection>,
	pub burden: Burden,
	pub dilution: Vec<Dilution>,
}

impl Report {
	/// What is claimed and does not hold: the reasons to fail.
	pub fn faults(&self) -> Vec<String> {
		let slow = self.detection.iter().filter(|it| it.holds() == Some(false)).map(|it| {
			let (gone, low) = (percent(it.share), it.low);
			format!("{gone} % gone ({}): found within a day with {low:.4} at least", it.dropped)
		});
		let days = self.burden.days.iter();
		let long = days
			.filter(|day| !day.holds())
			.map(|day| format!("{}: {} bytes of samples a day", day.stored, day.bytes));
		let settled = &self.burden.settled;
		let settled = (!settled.holds())
			.then(|| format!("{} bytes per slot and settlement", settled.slot_bytes));
		let paying = self.dilution.iter().filter(|it| !it.holds).map(|it| {
			format!(
				"{} % own data, {} of others' dropped: saves {:.4}, loses {:.4}",
				it.own_percent, it.dropped, it.saved, it.lost
			)
		});
		slow.chain(long).chain(settled).chain(paying).collect()
	}

	/// All tables, as markdown.
	pub fn text(&self) -> String {
		let detection = table(
			"dropped | gone | providers | caught within 24 h | 95 % interval | half of them by | 99 in 100 by | aim",
			self.detection.iter().map(|it| {
				vec![
					it.dropped.to_owned(),
					format!("{} %", percent(it.share)),
					it.providers.to_string(),
					format!("{:.2} %", it.probability * 100.0),
					format!("{:.2} to {:.2} %", it.low * 100.0, it.high * 100.0),
					hours(it.half),
					hours(it.most),
					it.holds().map_or("", verdict).to_owned(),
				]
			}),
		);
		let days = table(
			"stored | samples a day | bytes of calls | bytes of transactions | draws that missed | portable: ms, KiB of proof | rfc163: ms, KiB of proof | aim",
			self.burden.days.iter().map(|day| {
				let mut row = vec![
					day.stored.to_owned(),
					day.samples.to_string(),
					day.call_bytes.to_string(),
					day.bytes.to_string(),
					day.misses.to_string(),
				];
				row.extend(weights(&day.weights));
				row.push(verdict(day.holds()).to_owned());
				row
			}),
		);
		let settled = &self.burden.settled;
		let mut row = vec![settled.slot_bytes.to_string(), settled.alone_bytes.to_string()];
		row.extend(weights(&settled.weights));
		row.push(verdict(settled.holds()).to_owned());
		let settled = table(
			"bytes per slot | a transaction with one slot | portable, per slot: ms, KiB of proof | rfc163, per slot: ms, KiB of proof | aim",
			[row],
		);
		let shares = table(
			"backend | providers | time | proof | body | samples in the 75 % for transactions | bound by | aim",
			self.burden.shares.iter().map(|share| {
				vec![
					share.backend.to_owned(),
					share.providers.to_string(),
					format!("{:.1} %", share.time * 100.0),
					format!("{:.1} %", share.proof * 100.0),
					format!("{:.1} %", share.body * 100.0),
					share.samples_per_block.to_string(),
					share.bound_by.to_owned(),
					verdict(share.holds()).to_owned(),
				]
			}),
		);
		let dilution = table(
			"own data | churn | dropped of others' | saved | rent lost | lost by saved | samples left open | rent for own data | never pays",
			self.dilution.iter().map(|it| {
				let ratio = it.lost / it.saved;
				vec![
					format!("{} %", it.own_percent),
					if it.churn { "yes" } else { "no" }.to_owned(),
					it.dropped.to_owned(),
					format!("{:.2} %", it.saved * 100.0),
					format!("{:.2} %", it.lost * 100.0),
					if it.saved > 0.0 { format!("{ratio:.2}") } else { String::new() },
					format!("{:.2} %", it.open * 100.0),
					format!("{:.1}", it.own_rent),
					verdict(it.holds).to_owned(),
				]
			}),
		);
		format!(
			"## How long a deletion goes unnoticed\n\n\
			 Providers drop a share of their blobs at once, and answer what is left: 22 samples an hour. Caught is who has an open sample\n\
			 in the pallet's own account. Aim: 1 % within 24 h with 99 %, by the lower end of the interval.\n\n{detection}\n\
			 ## What a provider puts on the chain in a day\n\n\
			 Aim: 180,000 bytes, whatever is stored. Weights are those of the runtime.\n\n{days}\n\
			 Settlements, once per slot and period. Aim: 700 bytes.\n\n{settled}\n\
			 ## What a block holds\n\n\
			 Of each block, by the runtime's weights, if one is made per relay block and epochs are hours. Aim: 25 % of each.\n\n{shares}\n\
			 ## Deletion behind data of one's own\n\n\
			 Shares of the cost of keeping others' data, and of the rent for it, over a period. Deletion pays if storage costs more than\n\
			 \"lost by saved\" times its rent. Rent for own data is counted in rents for others' data, and not in any other column: what\n\
			 the other slots of own deals cost at least.\n\n{dilution}"
		)
	}

	/// Writes the file of results into a folder. Its path.
	pub fn write(&self, folder: &Path) -> io::Result<PathBuf> {
		let day = of_command("date", &["-u", "+%F"]).unwrap_or_else(|| "undated".to_owned());
		fs::create_dir_all(folder)?;
		let path = folder.join(format!("{day}-liveness.md"));
		let text = format!(
			"# Samples: detection, burden and deletion behind one's own data, {day}\n\n\
			 Command: `cargo run --release --package nil-benches --example liveness -- --seed {} --providers {} \
			 --results benches/results`.\n\n\
			 - machine: {}\n- commit: {}\n\n{}",
			self.seed,
			self.providers,
			self.machine,
			self.commit,
			self.text()
		);
		fs::write(&path, text)?;
		Ok(path)
	}
}

/// A table. Its heading has the cells of its first line, between bars.
fn table(heading: &str, rows: impl IntoIterator<Item = Vec<String>>) -> String {
	let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
	let columns = heading.split(" | ").count();
	let mut text = format!("| {heading} |\n|{}\n", "---|".repeat(columns));
	for row in rows {
		text.push_str(&line(&row));
	}
	text
}

fn weights(all: &[(&'static str, f64, f64)]) -> Vec<String> {
	all.iter().map(|(_, time, proof)| format!("{time:.1}, {proof:.0}")).collect()
}

fn hours(epochs: Option<u32>) -> String {
	epochs.map_or_else(|| "later than 14 d".to_owned(), |epochs| format!("{epochs} h"))
}

const fn verdict(holds: bool) -> &'static str {
	if holds { "met" } else { "missed" }
}

/// A share in per cent, without the noise of binary fractions.
fn percent(share: f64) -> f64 {
	(share * 1e4).round() / 100.0
}

/// The processor's name, and the cores that this process may use.
pub fn machine() -> String {
	let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
	let model = cpuinfo
		.lines()
		.find_map(|line| line.strip_prefix("model name")?.split_once(':'))
		.map_or("unknown processor", |(_, name)| name.trim());
	let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
	format!("{model}, {cores} cores")
}

/// The commit of the sources.
pub fn commit() -> String {
	of_command("git", &["describe", "--always", "--dirty", "--abbrev=12"])
		.unwrap_or_else(|| "unknown".to_owned())
}

/// The first line that a command prints. `None` when it fails.
fn of_command(program: &str, arguments: &[&str]) -> Option<String> {
	let output = Command::new(program).args(arguments).output().ok()?;
	let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
	text.lines().next().map(str::to_owned)
}
