//! What commands print: one JSON document on stdout under `--json`, plain text otherwise. Notes, progress and
//! errors go to stderr, so that stdout can always be piped.
//!
//! Names in an index, and what providers say, are other people's text. Whatever of it a terminal would obey is escaped here,
//! on its way out, so that no command needs to think of it; JSON has it as it is.

use crate::error::{CliError, Result};
use nil_client::text::{legible, legible_lines};
use serde::Serialize;
use std::{
	borrow::Cow,
	io::{self, IsTerminal, Write},
};

/// How the user wants to be told.
#[derive(Clone, Copy, Debug)]
pub struct Output {
	/// Machine-readable documents, and nothing else.
	pub json: bool,
	/// No notes and no progress.
	pub quiet: bool,
}

impl Output {
	/// Prints a command's result: `value` as JSON, or the text that `human` makes.
	pub fn result<T: Serialize>(&self, value: &T, human: impl FnOnce() -> String) -> Result<()> {
		let text = if self.json {
			serde_json::to_string_pretty(value).map_err(CliError::failure)?
		} else {
			legible_lines(&human()).into_owned()
		};
		let text = text.trim_end_matches('\n');
		if text.is_empty() { Ok(()) } else { write_stdout(format!("{text}\n").as_bytes()) }
	}

	/// Tells a person something that is no part of the result.
	pub fn note(&self, text: impl std::fmt::Display) {
		if !self.json && !self.quiet {
			// Nobody to tell when stderr is closed.
			let _ = writeln!(io::stderr(), "{}", legible_lines(&text.to_string()));
		}
	}

	/// Whether progress bars may be drawn.
	pub fn progress(&self) -> bool {
		!self.json && !self.quiet && io::stderr().is_terminal()
	}

	/// Prints an error.
	pub fn error(&self, error: &CliError) {
		let mut stderr = io::stderr().lock();
		// Nobody to tell when stderr is closed.
		let _ = if self.json {
			writeln!(stderr, "{}", error.to_json())
		} else {
			writeln!(stderr, "error: {}", legible_lines(&error.to_string()))
		};
	}
}

/// Writes to stdout. A reader that has seen enough (`nil cat .. | head`) is not an error.
pub fn write_stdout(bytes: &[u8]) -> Result<()> {
	let mut stdout = io::stdout().lock();
	match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
		Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
			Err(CliError::local("standard output", &error))
		},
		_ => Ok(()),
	}
}

/// Whether the columns of a [`table`] are flush left or right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
	/// Text.
	Left,
	/// Numbers.
	Right,
}

/// Lays rows out in columns. The first row is the heading. A cell is one line, whatever is in it: a name with a line break
/// must not look like two rows.
pub fn table(align: &[Align], rows: &[Vec<String>]) -> String {
	let rows: Vec<Vec<Cow<'_, str>>> =
		rows.iter().map(|row| row.iter().map(|cell| legible(cell)).collect()).collect();
	let width = |column: usize| {
		rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
	};
	let widths: Vec<usize> = (0..align.len()).map(|column| width(column).unwrap_or(0)).collect();
	let mut text = String::new();
	for row in &rows {
		let cells = row.iter().zip(align).zip(&widths).map(|((cell, align), width)| match align {
			Align::Left => format!("{cell:<width$}"),
			Align::Right => format!("{cell:>width$}"),
		});
		let line = cells.collect::<Vec<_>>().join("  ");
		text.push_str(line.trim_end());
		text.push('\n');
	}
	text
}

/// Lays out `name: value` lines with the values in one column.
pub fn fields(pairs: &[(&str, String)]) -> String {
	let rows: Vec<_> =
		pairs.iter().map(|(name, value)| vec![format!("{name}:"), value.clone()]).collect();
	table(&[Align::Left, Align::Left], &rows)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn tables_align_by_characters_and_leave_no_trailing_space() {
		let rows = [
			vec!["name".into(), "bytes".into(), "".into()],
			vec!["übung".into(), "7".into(), "ok".into()],
		];
		let text = table(&[Align::Left, Align::Right, Align::Left], &rows);
		assert_eq!(text, "name   bytes\nübung      7  ok\n");
	}

	#[test]
	fn names_make_no_rows_and_command_no_terminal() {
		let rows = [
			vec!["7".into(), "a\n9  b".into(), "x".into()],
			vec!["8".into(), "\u{1b}[2Jc".into(), "y".into()],
		];
		let text = table(&[Align::Right, Align::Left, Align::Left], &rows);
		assert_eq!(text, "7  a\\n9  b     x\n8  \\u{1b}[2Jc  y\n");
	}
}
