//! How commands fail: a stable code for scripts, a sentence for people, what to do next, and an exit status.

use serde_json::json;
use std::{fmt, io, process::ExitCode};

/// What a failed command tells its caller through the exit status. Documented in `nil --help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
	/// Anything that has no status of its own.
	Failure = 1,
	/// The command line is wrong; nothing was tried.
	Usage = 2,
	/// No such deal, path, file, key or devnet.
	NotFound = 3,
	/// Too few providers, receipts or shards for what was asked.
	Insufficient = 4,
	/// The chain refused the call.
	Refused = 5,
	/// Data did not match what the chain says it is.
	Corrupt = 6,
	/// The node does not answer.
	Unreachable = 7,
	/// A local file or disk failed.
	Local = 8,
	/// Ended by Ctrl-C.
	Interrupted = 130,
}

impl Exit {
	const ALL: [(Self, &'static str); 9] = [
		(Self::Failure, "failure"),
		(Self::Usage, "usage"),
		(Self::NotFound, "not_found"),
		(Self::Insufficient, "insufficient"),
		(Self::Refused, "refused"),
		(Self::Corrupt, "corrupt"),
		(Self::Unreachable, "unreachable"),
		(Self::Local, "local_io"),
		(Self::Interrupted, "interrupted"),
	];

	/// The name under which JSON output reports it.
	pub fn name(self) -> &'static str {
		Self::ALL.iter().find(|(exit, _)| *exit == self).map_or("failure", |(_, name)| name)
	}
}

impl From<Exit> for ExitCode {
	fn from(exit: Exit) -> Self {
		Self::from(exit as u8)
	}
}

/// Why a command failed.
#[derive(Debug)]
pub struct CliError {
	exit: Exit,
	code: String,
	message: String,
	hint: Option<String>,
	told: bool,
}

/// What commands return.
pub type Result<T> = std::result::Result<T, CliError>;

impl CliError {
	/// An error of kind `exit`; its code is the kind's name until [`Self::code`] gives a finer one.
	pub fn new(exit: Exit, message: impl fmt::Display) -> Self {
		Self {
			exit,
			code: exit.name().into(),
			message: message.to_string(),
			hint: None,
			told: false,
		}
	}

	/// A wrong command line.
	pub fn usage(message: impl fmt::Display) -> Self {
		Self::new(Exit::Usage, message)
	}

	/// Something that does not exist.
	pub fn not_found(message: impl fmt::Display) -> Self {
		Self::new(Exit::NotFound, message)
	}

	/// Anything else.
	pub fn failure(message: impl fmt::Display) -> Self {
		Self::new(Exit::Failure, message)
	}

	/// A local file that could not be used.
	pub fn local(what: impl fmt::Display, error: &io::Error) -> Self {
		let exit =
			if error.kind() == io::ErrorKind::NotFound { Exit::NotFound } else { Exit::Local };
		let failed = Self::new(exit, format_args!("{what}: {error}"));
		match error.kind() {
			io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
				failed.hint("free some space there, or name another place with -o")
			},
			io::ErrorKind::FileTooLarge => {
				failed.hint("raise the file size limit (ulimit -f), or name another place with -o")
			},
			_ => failed,
		}
	}

	/// Gives a finer code, such as the pallet's own name of a refusal.
	#[must_use]
	pub fn code(mut self, code: impl Into<String>) -> Self {
		self.code = code.into();
		self
	}

	/// Says what to do next.
	#[must_use]
	pub fn hint(mut self, hint: impl fmt::Display) -> Self {
		self.hint = Some(hint.to_string());
		self
	}

	/// The same error for an exit status alone: the user has been told.
	#[must_use]
	pub fn told(mut self) -> Self {
		self.told = true;
		self
	}

	/// Whether the user has been told already.
	pub fn is_told(&self) -> bool {
		self.told
	}

	/// The exit status.
	pub fn exit(&self) -> Exit {
		self.exit
	}

	/// `{"error": {"code", "message", "hint"?}}`.
	pub fn to_json(&self) -> serde_json::Value {
		let mut error = json!({ "code": self.code, "message": self.message });
		if let (Some(hint), Some(fields)) = (&self.hint, error.as_object_mut()) {
			fields.insert("hint".into(), hint.as_str().into());
		}
		json!({ "error": error })
	}
}

impl fmt::Display for CliError {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.write_str(&self.message)?;
		match &self.hint {
			Some(hint) => write!(f, "\n  {hint}"),
			None => Ok(()),
		}
	}
}

impl std::error::Error for CliError {}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn json_carries_code_message_and_hint() {
		let error = CliError::not_found("no deal 7").code("deal_not_found").hint("nil deal list");
		assert_eq!(
			error.to_json(),
			json!({ "error": {
				"code": "deal_not_found", "message": "no deal 7", "hint": "nil deal list"
			} })
		);
		assert_eq!(error.exit() as u8, 3);
	}

	#[test]
	fn every_kind_has_its_own_status_and_name() {
		let mut seen = std::collections::BTreeSet::new();
		for (exit, name) in Exit::ALL {
			assert_eq!(exit.name(), name);
			assert!(seen.insert((exit as u8).to_string()) && seen.insert(name.to_string()));
		}
	}

	#[test]
	fn a_full_disk_is_local_and_says_what_to_do() {
		let error = io::Error::from(io::ErrorKind::StorageFull);
		let error = CliError::local("out.bin", &error);
		assert_eq!(error.exit(), Exit::Local);
		assert!(error.to_string().contains("-o"));
		assert_eq!(
			CliError::local("in", &io::Error::from(io::ErrorKind::NotFound)).exit(),
			Exit::NotFound
		);
	}
}
