//! Where a provider can be reached: from multiaddr text to a base URL.

use std::{
	fmt,
	net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
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

	/// Whether it leads to the machine of whoever asks.
	pub fn is_loopback(&self) -> bool {
		match &self.host {
			Host::V4(ip) => ip.is_loopback(),
			Host::V6(ip) => ip.is_loopback(),
			Host::Name(name) => name.eq_ignore_ascii_case("localhost"),
		}
	}

	/// The address itself, when it is not a name.
	pub const fn ip(&self) -> Option<IpAddr> {
		match &self.host {
			Host::V4(ip) => Some(IpAddr::V4(*ip)),
			Host::V6(ip) => Some(IpAddr::V6(*ip)),
			Host::Name(_) => None,
		}
	}

	const fn scheme(&self) -> &'static str {
		if self.tls { "https" } else { "http" }
	}

	/// For a listener on `ip` and `port`, without TLS.
	pub fn of_socket(address: SocketAddr) -> Self {
		let host = match address.ip() {
			IpAddr::V4(ip) => Host::V4(ip),
			IpAddr::V6(ip) => Host::V6(ip),
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

/// Letters, digits, hyphens and dots only, so that nothing can leave the URL's host part; and no number at the end, since
/// in URLs `127.1`, `2130706433` and `0x7f.1` are ways to write an IPv4 address, which is not looked up as names are.
fn is_host_name(name: &str) -> bool {
	!name.is_empty()
		&& name.len() <= 253
		&& !name.rsplit('.').next().is_some_and(is_number)
		&& name.split('.').all(|label| {
			!label.is_empty()
				&& !label.starts_with('-')
				&& label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
		})
}

/// Whether the URL standard takes a host whose last label this is for an IPv4 address.
fn is_number(label: &str) -> bool {
	match label.strip_prefix("0x").or_else(|| label.strip_prefix("0X")) {
		Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
		None => label.bytes().all(|byte| byte.is_ascii_digit()),
	}
}

/// Whether an address is one of the public internet, and not of this machine, of a network that it is in, or of those that
/// IANA sets aside for other purposes.
pub(crate) fn is_public(ip: IpAddr) -> bool {
	match ip {
		IpAddr::V4(ip) => is_public_v4(ip),
		IpAddr::V6(ip) => is_public_v6(ip),
	}
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
	let [a, b, c, _] = ip.octets();
	!matches!(
		(a, b, c),
		(0 | 10 | 127 | 224..=255, _, _)
			| (100, 64..=127, _)
			| (169, 254, _)
			| (172, 16..=31, _)
			| (192, 0, 0 | 2)
			| (192, 168, _)
			| (198, 18 | 19, _)
			| (198, 51, 100)
			| (203, 0, 113)
	)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
	match ip.segments() {
		// IPv4 in disguise: mapped, behind NAT64, 6to4.
		[0, 0, 0, 0, 0, 0xffff, high, low]
		| [0x64, 0xff9b, 0, 0, 0, 0, high, low]
		| [0x2002, high, low, ..] => {
			let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
			is_public_v4(Ipv4Addr::new(a, b, c, d))
		},
		// Of protocols, Teredo among them, and of documentation.
		[0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
		[first, ..] => first & 0xe000 == 0x2000,
	}
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
	fn loopback_is_told_from_other_places() {
		for (host, loopback) in [
			("ip4/127.0.0.2", true),
			("ip6/::1", true),
			("dns/Localhost", true),
			("ip4/10.0.0.1", false),
			("ip6/::", false),
			("dns/localhost.example", false),
		] {
			let endpoint: Endpoint = format!("/{host}/tcp/80/http").parse().unwrap();
			assert_eq!(endpoint.is_loopback(), loopback, "{host}");
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
			// Names that a URL takes for addresses.
			"/dns/127.0.0.1/tcp/80/http",
			"/dns4/127.1/tcp/80/http",
			"/dns/2130706433/tcp/80/http",
			"/dns/0x7f000001/tcp/80/http",
			"/dns/a.0X/tcp/80/http",
		] {
			assert!(text.parse::<Endpoint>().is_err(), "{text:?}");
		}
		assert!(Endpoint::from_multiaddr(&[0xff, b'/']).is_err());
		// Digits elsewhere make no address.
		for name in ["1.example", "4100.a4", "0x7f.example", "0xg"] {
			let endpoint: Endpoint = format!("/dns/{name}/tcp/80/http").parse().unwrap();
			let url = reqwest::Url::parse(&endpoint.base_url()).unwrap();
			assert_eq!((url.domain(), endpoint.ip()), (Some(name), None));
		}
	}

	#[test]
	fn addresses_of_machines_and_private_networks_are_not_public() {
		let ip = |text: &str| text.parse::<IpAddr>().unwrap();
		for text in [
			"0.0.0.0",
			"10.1.2.3",
			"100.64.0.1",
			"127.0.0.1",
			"127.255.255.255",
			"169.254.169.254",
			"172.16.0.1",
			"172.31.255.255",
			"192.0.0.1",
			"192.0.2.1",
			"192.168.1.1",
			"198.18.0.1",
			"198.19.255.255",
			"198.51.100.1",
			"203.0.113.1",
			"224.0.0.1",
			"240.0.0.1",
			"255.255.255.255",
			"::",
			"::1",
			"::127.0.0.1",
			"::ffff:127.0.0.1",
			"::ffff:10.0.0.1",
			"64:ff9b::192.168.0.1",
			"64:ff9b:1::1",
			"100::1",
			"2001::1",
			"2001:1ff::1",
			"2001:db8::1",
			"2002:7f00:1::",
			"2002:a00:1::1",
			"3fff::1",
			"fc00::1",
			"fd12:3456::1",
			"fe80::1",
			"ff02::1",
		] {
			assert!(!is_public(ip(text)), "{text}");
		}
		for text in [
			"1.1.1.1",
			"9.255.255.255",
			"11.0.0.0",
			"100.63.255.255",
			"100.128.0.0",
			"172.15.255.255",
			"172.32.0.0",
			"192.0.1.1",
			"192.169.0.1",
			"198.17.0.1",
			"198.51.101.1",
			"203.0.114.1",
			"223.255.255.255",
			"::ffff:1.1.1.1",
			"64:ff9b::1.1.1.1",
			"2001:200::1",
			"2001:4860:4860::8888",
			"2002:101:101::1",
			"2606:4700::1111",
			"3fff:1000::1",
		] {
			assert!(is_public(ip(text)), "{text}");
		}
	}
}
