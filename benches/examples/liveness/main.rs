//! A simulator of samples, on the real `pallet-liveness`: its lists, journal, draws and accounts, with providers that delete.
//!
//! * [`detection`]: how long it takes until a deletion shows, by how much was deleted and in which order;
//! * [`burden`]: bytes and weight per provider and day from 1 GiB to 1 EiB, and what of a block 10,000 providers take;
//! * [`dilution`]: what it brings to delete behind data of one's own.
//!
//! ```sh
//! cargo run --release --package nil-benches --example liveness -- --results benches/results
//! ```
//!
//! The same seed gives the same figures, on any number of cores. It takes minutes in a release build, by far most of them for
//! the share of which something is claimed, and in proportion to `--providers`. What is claimed and does not hold makes it
//! fail, after everything was told.

mod burden;
mod chain;
mod detection;
mod dilution;
mod party;
mod report;
mod weights;

use clap::Parser;
use report::{Progress, Report};
use std::{path::PathBuf, process::ExitCode};

/// Simulates providers that delete, and what samples cost.
#[derive(Debug, Parser)]
#[command(name = "liveness")]
pub struct Arguments {
	/// What all chance follows from.
	#[arg(long, default_value_t = 1)]
	seed: u64,
	/// Providers that drop 1 % in each order; of other shares a tenth. With far fewer the interval is too wide for what is
	/// claimed.
	#[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
	providers: u32,
	/// Print JSON instead of tables.
	#[arg(long)]
	json: bool,
	/// Write a dated file of results into this folder.
	#[arg(long, value_name = "DIR")]
	results: Option<PathBuf>,
}

fn main() -> ExitCode {
	let arguments = Arguments::parse();
	let progress = Progress::new();
	let report = Report {
		seed: arguments.seed,
		providers: arguments.providers,
		machine: report::machine(),
		commit: report::commit(),
		burden: burden::run(&arguments, &progress),
		dilution: dilution::run(&arguments, &progress),
		detection: detection::run(&arguments, &progress),
	};
	if arguments.json {
		match serde_json::to_string_pretty(&report) {
			Ok(text) => println!("{text}"),
			Err(error) => return failed(format_args!("JSON: {error}")),
		}
	} else {
		println!("{}", report.text());
	}
	if let Some(folder) = &arguments.results {
		match report.write(folder) {
			Ok(path) => progress.say(format_args!("written to {}", path.display())),
			Err(error) => return failed(format_args!("{}: {error}", folder.display())),
		}
	}
	let faults = report.faults();
	if faults.is_empty() {
		return ExitCode::SUCCESS;
	}
	failed(format_args!("{}", faults.join("\n")))
}

fn failed(why: std::fmt::Arguments<'_>) -> ExitCode {
	eprintln!("{why}");
	ExitCode::FAILURE
}
