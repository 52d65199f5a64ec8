//! Free ports on the loopback interface.

use crate::error::{CliError, Result};
use rand::Rng;
use std::{
	collections::BTreeSet,
	net::{Ipv4Addr, TcpListener},
	ops::RangeInclusive,
	time::{Duration, Instant},
};

/// Where ports are taken from. Below the range from which Linux takes the ports of outgoing connections: a port among those
/// may be used up by any connection while its listener restarts, even by one that tries to reach that listener.
const RANGE: RangeInclusive<u16> = 20_000..=31_999;
/// How long a port that must become free is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

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
		for _ in 0..256 {
			let port = rand::rng().random_range(RANGE);
			if is_free(port) && self.taken.insert(port) {
				return Ok(port);
			}
		}
		Err(CliError::failure(format_args!("no port in {RANGE:?} is free")))
	}

	/// This port and no other, for processes that run expect somebody there. Waits a little for it to become free.
	pub fn insist(&mut self, port: u16) -> Result<u16> {
		let deadline = Instant::now() + PATIENCE;
		while !is_free(port) {
			if Instant::now() >= deadline {
				return Err(CliError::failure(format_args!(
					"port {port} is taken by another program"
				))
				.hint("the running providers expect the node there; stop all: nil devnet down"));
			}
			std::thread::sleep(PAUSE);
		}
		self.taken.insert(port);
		Ok(port)
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
		drop(listener);
		assert_eq!(ports.insist(used).unwrap(), used);
	}
}
