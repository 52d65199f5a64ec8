//! The command line reads as it says.

use super::*;
use clap::CommandFactory;

#[test]
fn the_command_line_is_consistent() {
	Cli::command().debug_assert();
}

#[test]
fn every_command_has_help() {
	fn check(command: &clap::Command, path: &str) {
		for sub in command.get_subcommands() {
			let path = format!("{path} {}", sub.get_name());
			assert!(sub.get_about().is_some(), "{path} has no help");
			for argument in sub.get_arguments() {
				assert!(argument.get_help().is_some(), "{path} {} has no help", argument.get_id());
			}
			if !sub.has_subcommands() && !sub.is_hide_set() {
				check_examples(sub, &path);
			}
			check(sub, &path);
		}
	}
	check(&Cli::command(), "nil");
}

/// The help of a command ends in examples: at least one of that command, and all of them command lines that are read.
fn check_examples(command: &clap::Command, path: &str) {
	let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
	let examples = help.split_once("Example").map_or("", |(_, examples)| examples);
	assert!(examples.contains(&format!("\n  {path}")), "{path} has no example");
	for line in examples.lines().filter_map(|line| line.strip_prefix("  ")) {
		let command = line.split(" #").next().unwrap().split(" > ").next().unwrap();
		for command in command.split(" && ") {
			let parsed = Cli::try_parse_from(command.split_whitespace());
			assert!(parsed.is_ok(), "{command}: {}", parsed.unwrap_err());
		}
	}
}

#[test]
fn escrow_or_size_is_needed() {
	assert!(Cli::try_parse_from(["nil", "deal", "create"]).is_err());
	assert!(Cli::try_parse_from(["nil", "deal", "create", "--size", "1GiB"]).is_ok());
	assert!(
		Cli::try_parse_from(["nil", "deal", "create", "--size", "1", "--escrow", "1"]).is_err()
	);
	assert!(Cli::try_parse_from(["nil", "cat", "1:/x", "--range", "-50"]).is_ok());
}

#[test]
fn what_is_prepared_is_for_the_first_commit_of_deal_0_unless_told_otherwise() {
	let parse = |more: &[&str]| {
		let arguments = ["nil", "prepare", "x", "-o", "y"];
		match Cli::try_parse_from(arguments.iter().chain(more)).map(|cli| cli.command) {
			Ok(Command::Prepare(arguments)) => arguments,
			other => panic!("{other:?}"),
		}
	};
	let first = parse(&[]);
	assert_eq!((first.deal.deal, first.deal.path.as_deref()), (0, None));
	assert_eq!((first.base_gen, first.first_mdu, first.parent_index), (0, 0, None));
	let later = ["--deal", "7:/a", "--base-gen", "2", "--first-mdu", "31", "--parent-index", "i"];
	let later = parse(&later);
	assert_eq!((later.deal.deal, later.deal.path.as_deref()), (7, Some("a")));
	assert_eq!((later.base_gen, later.first_mdu), (2, 31));
	assert_eq!(later.parent_index, Some("i".into()));
}
