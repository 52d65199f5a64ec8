//! Free ports on the loopback interface.

use crate::error::{CliError, Result};
use std::{
	collections::BTreeSet,
	net::{Ipv4Addr, TcpListener},
};

/// Hands out ports that nobody listens on and that it has not handed out before.
///
/// Somebody else may take a port between this and its use; the process that then fails to listen says so in its log.
#[derive(Debug, Default)]
pub struct Ports {
	taken: BTreeSet<u16>,
}

impl Ports {
	/// `preferred` if it is free, else any other.
	pub fn take(&mut self, preferred: Option<u16>) -> Result<u16> {
		if let Some(port) = preferred
			&& port != 0
			&& !self.taken.contains(&port)
			&& is_free(port)
		{
			self.taken.insert(port);
			return Ok(port);
		}
		// The kernel's choice can repeat one that was handed out and is not in use yet.
		for _ in 0..64 {
			let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
				.and_then(|listener| listener.local_addr())
				.map_err(|error| CliError::local("a free port", &error))?
				.port();
			if self.taken.insert(port) {
				return Ok(port);
			}
		}
		Err(CliError::failure("the system has no free port left"))
	}
}

/// Whether nobody listens on `port`.
pub fn is_free(port: u16) -> bool {
	TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn ports_are_free_and_differ() {
		let mut ports = Ports::default();
		let first = ports.take(None).unwrap();
		let second = ports.take(Some(first)).unwrap();
		assert_ne!(first, second);
		let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
		let used = listener.local_addr().unwrap().port();
		assert!(!is_free(used));
		assert_ne!(ports.take(Some(used)).unwrap(), used);
	}
}
