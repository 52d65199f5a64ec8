//! The `nil-node` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
	match nil_node::command::run() {
		Ok(()) => ExitCode::SUCCESS,
		Err(error) => {
			eprintln!("Error: {error}");
			ExitCode::FAILURE
		},
	}
}
