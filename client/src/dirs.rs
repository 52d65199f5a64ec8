//! Where a user's programs keep what is theirs.

use std::{env, ffi::OsString, path::PathBuf};

/// A kind of thing that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
	/// What the user decides, keys among it: `$XDG_CONFIG_HOME`, else `~/.config`.
	Config,
	/// What makes up for an interruption: `$XDG_STATE_HOME`, else `~/.local/state`.
	State,
	/// What is worth keeping: `$XDG_DATA_HOME`, else `~/.local/share`.
	Data,
}

impl Kept {
	const fn places(self) -> (&'static str, &'static str) {
		match self {
			Self::Config => ("XDG_CONFIG_HOME", ".config"),
			Self::State => ("XDG_STATE_HOME", ".local/state"),
			Self::Data => ("XDG_DATA_HOME", ".local/share"),
		}
	}
}

/// The directory that the variable `own` names, else `below` among the user's things of this kind. `None` for a user
/// without a home. Empty variables count as unset.
pub fn user_dir(own: &str, kind: Kept, below: &str) -> Option<PathBuf> {
	find(own, kind, below, |name| env::var_os(name), env::home_dir())
}

fn find(
	own: &str,
	kind: Kept,
	below: &str,
	variable: impl Fn(&str) -> Option<OsString>,
	home: Option<PathBuf>,
) -> Option<PathBuf> {
	let path = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
	let (xdg, beside_home) = kind.places();
	let home = home.filter(|home| !home.as_os_str().is_empty());
	path(own)
		.or_else(|| Some(path(xdg)?.join(below)))
		.or_else(|| Some(home?.join(beside_home).join(below)))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn ones_own_variable_comes_before_the_desktops_and_that_before_home() {
		let look = |variables: &[(&str, &str)], home: Option<&str>| {
			let variable = |name: &str| {
				let found = variables.iter().find(|(known, _)| *known == name);
				found.map(|(_, value)| OsString::from(value))
			};
			find("NIL_STATE_DIR", Kept::State, "nil", variable, home.map(PathBuf::from))
		};
		let all =
			[("NIL_STATE_DIR", "/own"), ("XDG_STATE_HOME", "/xdg"), ("XDG_DATA_HOME", "/data")];
		assert_eq!(look(&all, Some("/home/a")), Some("/own".into()));
		assert_eq!(look(&all[1..], Some("/home/a")), Some("/xdg/nil".into()));
		assert_eq!(look(&all[2..], Some("/home/a")), Some("/home/a/.local/state/nil".into()));
		let empty = [("NIL_STATE_DIR", ""), ("XDG_STATE_HOME", "")];
		assert_eq!(look(&empty, Some("/home/a")), Some("/home/a/.local/state/nil".into()));
		assert_eq!(look(&empty, Some("")), None);
		assert_eq!(look(&[], None), None);
	}
}
