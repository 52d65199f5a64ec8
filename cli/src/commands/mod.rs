//! The commands, one module for each group.

mod deal;
mod fs;
mod get;
mod health;
mod key;
mod prepare;
mod put;
mod repairs;
mod verify;

use crate::{args::Command, context::Context, devnet, error::Result};

/// Runs any command.
pub async fn run(command: Command, context: &Context) -> Result<()> {
	match command {
		Command::Deal(command) => deal::run(command, context).await,
		Command::Put(arguments) => put::run(&arguments, context).await,
		Command::Get(arguments) => get::run(&arguments, context).await,
		Command::Cat(arguments) => get::cat(&arguments, context).await,
		Command::Ls(arguments) => fs::ls(&arguments, context).await,
		Command::Stat(arguments) => fs::stat(&arguments, context).await,
		Command::Rm(arguments) => fs::rm(&arguments, context).await,
		Command::Verify(arguments) => verify::run(&arguments, context).await,
		Command::Prepare(arguments) => prepare::run(&arguments, context).await,
		Command::Key(command) => key::run(command, context),
		Command::Devnet(command) => devnet::run(command, context).await,
	}
}
