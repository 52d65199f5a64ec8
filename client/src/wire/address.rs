//! Where a provider can be reached: from multiaddr text to a base URL.

use std::{
	fmt,
	net::{Ipv4Addr, Ipv6Addr},
	str::FromStr,
};

/// The base URL behind an announced address such as `/ip4/127.0.0.1/tcp/4100/http` or `/dns4/a.example/tcp/443/https`.
///
/// Understood are `/ip4`, `/ip6`, `/dns`, `/dns4` or `/dns6`, then `/tcp`, then `/http`, `/https` or `/tls/http`, which are
/// the same. The set is small on purpose: an address comes from the chain, where anybody may write one, and becomes a URL
/// that this program requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
	tls: bool,
	host: Host,
	port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Host {
	V4(Ipv4Addr),
	V6(Ipv6Addr),
	Name(String),
}

/// An address that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
	"address {text:?}: expected /ip4/A/tcp/P/http, /ip6/A/tcp/P/http or /dns/NAME/tcp/P/http, or https in place of http"
)]
pub struct AddressError {
	/// What was announced, with unreadable bytes replaced.
	pub text: String,
}

impl Endpoint {
	/// Reads announced bytes.
	pub fn from_multiaddr(bytes: &[u8]) -> Result<Self, AddressError> {
		match std::str::from_utf8(bytes) {
			Ok(text) => text.parse(),
			Err(_) => Err(AddressError { text: String::from_utf8_lossy(bytes).into_owned() }),
		}
	}

	/// The first usable one of a provider's addresses.
	pub fn first_of(multiaddrs: &[Vec<u8>]) -> Option<Self> {
		multiaddrs.iter().find_map(|bytes| Self::from_multiaddr(bytes).ok())
	}

	/// The URL that paths are appended to, without a slash at its end.
	pub fn base_url(&self) -> String {
		let (scheme, port) = (self.scheme(), self.port);
		match &self.host {
			Host::V4(ip) => format!("{scheme}://{ip}:{port}"),
			Host::V6(ip) => format!("{scheme}://[{ip}]:{port}"),
			Host::Name(name) => format!("{scheme}://{name}:{port}"),
		}
	}

	/// Whether it is reached over TLS.
	pub const fn is_tls(&self) -> bool {
		self.tls
	}

	const fn scheme(&self) -> &'static str {
		if self.tls { "https" } else { "http" }
	}

	/// For a listener on `ip` and `port`, without TLS.
	pub fn of_socket(address: std::net::SocketAddr) -> Self {
		let host = match address.ip() {
			std::net::IpAddr::V4(ip) => Host::V4(ip),
			std::net::IpAddr::V6(ip) => Host::V6(ip),
		};
		Self { tls: false, host, port: address.port() }
	}
}

impl fmt::Display for Endpoint {
	/// The multiaddr text.
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		match &self.host {
			Host::V4(ip) => write!(f, "/ip4/{ip}")?,
			Host::V6(ip) => write!(f, "/ip6/{ip}")?,
			Host::Name(name) => write!(f, "/dns/{name}")?,
		}
		write!(f, "/tcp/{}/{}", self.port, self.scheme())
	}
}

impl FromStr for Endpoint {
	type Err = AddressError;

	fn from_str(text: &str) -> Result<Self, AddressError> {
		let error = || AddressError { text: text.to_owned() };
		let mut parts = text.strip_prefix('/').ok_or_else(error)?.split('/');
		let mut next = || parts.next().ok_or_else(error);
		let host = match (next()?, next()?) {
			("ip4", ip) => Host::V4(ip.parse().map_err(|_| error())?),
			("ip6", ip) => Host::V6(ip.parse().map_err(|_| error())?),
			("dns" | "dns4" | "dns6", name) if is_host_name(name) => Host::Name(name.to_owned()),
			_ => return Err(error()),
		};
		let port = match (next()?, next()?) {
			("tcp", port) => port.parse().map_err(|_| error())?,
			_ => return Err(error()),
		};
		let tls = match (next()?, parts.next(), parts.next()) {
			("http", None, _) => false,
			("https", None, _) | ("tls", Some("http"), None) => true,
			_ => return Err(error()),
		};
		if port == 0 {
			return Err(error());
		}
		Ok(Self { tls, host, port })
	}
}

/// Letters, digits, hyphens and dots only, so that nothing can leave the URL's host part.
fn is_host_name(name: &str) -> bool {
	!name.is_empty()
		&& name.len() <= 253
		&& name.split('.').all(|label| {
			!label.is_empty()
				&& !label.starts_with('-')
				&& label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
		})
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn announced_addresses_become_urls() {
		for (text, url) in [
			("/ip4/127.0.0.1/tcp/4100/http", "http://127.0.0.1:4100"),
			("/ip6/::1/tcp/80/http", "http://[::1]:80"),
			("/dns/a-b.example/tcp/4100/http", "http://a-b.example:4100"),
			("/dns/a-b.example/tcp/443/https", "https://a-b.example:443"),
			("/ip4/127.0.0.1/tcp/4100/https", "https://127.0.0.1:4100"),
		] {
			let endpoint: Endpoint = text.parse().unwrap();
			assert_eq!(endpoint.base_url(), url);
			assert_eq!(endpoint.to_string(), text);
			assert_eq!(endpoint.is_tls(), url.starts_with("https"));
		}
	}

	#[test]
	fn one_endpoint_may_be_written_in_several_ways() {
		let endpoint: Endpoint = "/dns/a.example/tcp/443/https".parse().unwrap();
		for text in [
			"/dns4/a.example/tcp/443/https",
			"/dns6/a.example/tcp/443/tls/http",
			"/dns/a.example/tcp/443/tls/http",
		] {
			assert_eq!(text.parse(), Ok(endpoint.clone()), "{text:?}");
		}
	}

	#[test]
	fn what_could_reach_elsewhere_is_refused() {
		for text in [
			"",
			"/",
			"http://127.0.0.1:4100",
			"/ip4/127.0.0.1/tcp/4100",
			"/ip4/127.0.0.1/udp/4100/http",
			"/ip4/127.0.0.1/tcp/0/http",
			"/ip4/127.0.0.1/tcp/65536/http",
			"/ip4/127.0.0.1/tcp/4100/http/",
			"/ip4/127.0.0.1/tcp/4100/https/",
			"/ip4/127.0.0.1/tcp/4100/tls",
			"/ip4/127.0.0.1/tcp/4100/tls/https",
			"/ip4/127.0.0.1/tcp/4100/tls/http/x",
			"/ip4/127.0.0.1/tcp/4100/http/tls",
			"/ip4/256.0.0.1/tcp/4100/http",
			"/dns/user@host/tcp/80/http",
			"/dns/a..b/tcp/80/http",
			"/dns//tcp/80/http",
			"/dns/host?x/tcp/80/http",
		] {
			assert!(text.parse::<Endpoint>().is_err(), "{text:?}");
		}
		assert!(Endpoint::from_multiaddr(&[0xff, b'/']).is_err());
	}
}
