//! `nil-provider`: see [`nil_provider`].

use clap::Parser;
use nil_provider::{cli::Cli, commands};
use std::{error::Error, process::ExitCode};

fn main() -> ExitCode {
	let cli = Cli::parse();
	let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
		Ok(runtime) => runtime,
		Err(error) => return fail(&error),
	};
	let outcome = runtime.block_on(commands::run(cli));
	// A blocking check that still runs is not waited for: what it does is done again after the next start.
	runtime.shutdown_background();
	match outcome {
		Ok(()) => ExitCode::SUCCESS,
		Err(error) => fail(&error),
	}
}

fn fail(error: &dyn Error) -> ExitCode {
	eprintln!("nil-provider: {error}");
	ExitCode::FAILURE
}
