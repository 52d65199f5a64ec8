//! `nil`: the command with which people and scripts use a NilStore network.
//!
//! * [`args`] is the command line; [`commands`] has one module for each group of commands;
//! * [`devnet`] runs a whole network on one machine, with its demo and its bench;
//! * [`context`] turns global options into a chain, a signer and an identity;
//! * [`output`] and [`error`] are what comes out: text or JSON, and an exit status; [`explain`] says what to do next.
//!
//! All storage work is done by `nil-client`; this crate asks, shows and explains.

mod args;
mod commands;
mod context;
mod devnet;
mod error;
mod explain;
mod output;
mod progress;
mod target;
mod units;

use args::{Cli, Command};
use clap::{Parser, error::ErrorKind};
use context::Context;
use error::{CliError, Exit, Result};
use output::Output;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
	let cli = match Cli::try_parse() {
		Ok(cli) => cli,
		Err(error) => return refuse(&error),
	};
	let output = Output { json: cli.global.json, quiet: cli.global.quiet };
	start_tracing(cli.global.verbose);
	let outcome = tokio::runtime::Builder::new_multi_thread()
		.enable_all()
		.build()
		.map_err(|error| CliError::local("the async runtime", &error))
		.and_then(|runtime| {
			let outcome = runtime.block_on(run(cli, output));
			// What is still under way, a hedged read for instance, is of no use any more.
			runtime.shutdown_background();
			outcome
		});
	match outcome {
		Ok(()) => ExitCode::SUCCESS,
		Err(error) => {
			if !error.is_told() {
				output.error(&error);
			}
			error.exit().into()
		},
	}
}

/// Runs a command; Ctrl-C ends all but those that clean up by themselves.
async fn run(cli: Cli, output: Output) -> Result<()> {
	let Cli { global, command } = cli;
	let context = Context::new(global, output);
	let cleans_up = matches!(command, Command::Devnet(_));
	let outcome = commands::run(command, &context);
	if cleans_up {
		return outcome.await;
	}
	tokio::select! {
		outcome = outcome => outcome,
		_ = tokio::signal::ctrl_c() => Err(CliError::new(Exit::Interrupted, "interrupted")),
	}
}

/// Reports a command line that cannot be read, or prints the help that was asked for.
fn refuse(error: &clap::Error) -> ExitCode {
	let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
	let json = std::env::args_os().any(|argument| argument == "--json");
	if asked || !json {
		// Nobody to tell when the stream is closed.
		let _ = error.print();
	} else {
		let text = error.to_string();
		let text = text.strip_prefix("error: ").unwrap_or(&text);
		let output = Output { json, quiet: false };
		let said: Vec<_> =
			text.lines().take_while(|line| !line.starts_with("Usage:")).map(str::trim).collect();
		output.error(&CliError::usage(said.join(" ").trim_end()));
	}
	if asked { ExitCode::SUCCESS } else { Exit::Usage.into() }
}

fn start_tracing(verbose: u8) {
	let default = match verbose {
		0 => "error",
		1 => "warn,nil=info,nil_client=info",
		_ => "info,nil=debug,nil_client=debug",
	};
	let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
	tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
