//! The daemon's configuration: one TOML file, each field of which an environment variable may override.
//!
//! The variable for `section.field` is `NIL_PROVIDER_SECTION_FIELD` (so `api.listen` is
//! `NIL_PROVIDER_API_LISTEN`); its value is read as a TOML value, or as text when it is none. Unknown fields are
//! refused, and every error names the field and what was expected. Paths are relative to the file's folder.

mod quantity;
mod template;

pub use quantity::{ByteSize, Nil, QuantityError};
pub use template::{Draft, render};

use nil_client::wire::Endpoint;
use nil_types::{
	Capability,
	provider::{MAX_DOMAIN_BYTES, MAX_MULTIADDR_BYTES, MAX_MULTIADDRS},
};
use serde::Deserialize;
use std::{
	net::SocketAddr,
	path::{Path, PathBuf},
};
use subxt::utils::AccountId32;

/// Prefix of the environment variables that override fields.
pub const ENV_PREFIX: &str = "NIL_PROVIDER_";

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
	/// The file cannot be read.
	#[error("cannot read configuration {path}: {source}", path = path.display())]
	Read {
		/// The file.
		path: PathBuf,
		/// Why.
		source: std::io::Error,
	},
	/// The file is not TOML.
	#[error("{path} is not valid TOML: {message}", path = path.display())]
	Syntax {
		/// The file.
		path: PathBuf,
		/// Where and why.
		message: String,
	},
	/// A field is missing, unknown or has a value that cannot be used.
	#[error("configuration field `{field}`: {message}")]
	Field {
		/// The field as `section.field`.
		field: String,
		/// What is wrong and what was expected.
		message: String,
	},
}

impl ConfigError {
	fn field(field: &str, message: impl Into<String>) -> Self {
		Self::Field { field: field.into(), message: message.into() }
	}
}

/// The whole configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
	/// The chain node.
	pub node: NodeConfig,
	/// Who the provider is on chain.
	pub operator: OperatorConfig,
	/// The key that signs receipts.
	pub service: ServiceConfig,
	/// The HTTP API.
	#[serde(default)]
	pub api: ApiConfig,
	/// The metrics listener.
	#[serde(default)]
	pub metrics: MetricsConfig,
	/// Where and how data is kept.
	#[serde(default)]
	pub store: StoreConfig,
	/// What clients may use up.
	#[serde(default)]
	pub limits: LimitsConfig,
	/// What receipts promise.
	#[serde(default)]
	pub receipts: ReceiptsConfig,
	/// Answers to the chain's samples, and the care for what they are about.
	#[serde(default)]
	pub prover: ProverConfig,
	/// Slots that are rebuilt.
	#[serde(default)]
	pub repair: RepairConfig,
	/// What is announced on chain.
	#[serde(default)]
	pub registration: RegistrationConfig,
	/// The log.
	#[serde(default)]
	pub log: LogConfig,
}

/// `[node]`: the chain node.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
	/// WebSocket address of the node's RPC.
	pub url: String,
	/// Hash of block 0 in hex. When set, a node of another chain is refused even at the first start.
	#[serde(default)]
	pub genesis: Option<String>,
}

/// `[operator]`: who the provider is on chain.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorConfig {
	/// The operator's account in SS58.
	#[serde(deserialize_with = "account")]
	pub account: AccountId32,
	/// File with the operator's secret seed. The daemon does not need it; with it, `run` keeps the registration in
	/// step with this file.
	#[serde(default)]
	pub key_file: Option<PathBuf>,
}

fn account<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<AccountId32, D::Error> {
	let text = String::deserialize(deserializer)?;
	text.parse().map_err(|_| {
		serde::de::Error::custom(format!("expected an account in SS58 (5...), got {text:?}"))
	})
}

/// `[service]`: the key that signs receipts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceConfig {
	/// File with the service key's secret seed.
	pub key_file: PathBuf,
}

/// `[api]`: the HTTP API.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiConfig {
	/// Address to listen on.
	pub listen: SocketAddr,
	/// Addresses to announce on chain, as multiaddr text. Empty: the listening address.
	pub announce: Vec<String>,
}

impl Default for ApiConfig {
	fn default() -> Self {
		Self { listen: SocketAddr::from(([127, 0, 0, 1], 4100)), announce: Vec::new() }
	}
}

impl ApiConfig {
	/// The addresses to announce on chain.
	pub fn multiaddrs(&self) -> Vec<String> {
		if !self.announce.is_empty() {
			return self.announce.clone();
		}
		let family = if self.listen.is_ipv4() { "ip4" } else { "ip6" };
		vec![format!("/{family}/{}/tcp/{}/http", self.listen.ip(), self.listen.port())]
	}
}

/// `[metrics]`: the metrics listener.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
	/// Whether metrics are served at all.
	pub enabled: bool,
	/// Address to listen on.
	pub listen: SocketAddr,
}

impl Default for MetricsConfig {
	fn default() -> Self {
		Self { enabled: true, listen: SocketAddr::from(([127, 0, 0, 1], 4180)) }
	}
}

/// `[store]`: where and how data is kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreConfig {
	/// Folder of shards, witnesses, objects and the index.
	pub path: PathBuf,
	/// Free disk space that uploads must leave.
	pub reserve: ByteSize,
	/// Seconds after which an upload that no receipt followed is removed.
	pub staged_ttl_secs: u64,
	/// Seconds between two sweeps over everything held.
	pub sweep_secs: u64,
}

impl Default for StoreConfig {
	fn default() -> Self {
		Self {
			path: "data".into(),
			reserve: ByteSize(1 << 30),
			staged_ttl_secs: 24 * 60 * 60,
			sweep_secs: 60,
		}
	}
}

/// `[limits]`: what clients may use up.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
	/// Connections that may be open at a time; others wait.
	pub connections: usize,
	/// Seconds that a client may take from one request to the head of its next.
	pub head_secs: u64,
	/// Uploads that may run at a time.
	pub uploads: usize,
	/// Requests of one client address that may run at a time.
	pub per_client: usize,
	/// Requests per second of one client address, averaged.
	pub requests_per_sec: u32,
	/// Requests of one client address that may come at once before the rate counts.
	pub burst: u32,
	/// Seconds that a client may pause inside a body.
	pub idle_secs: u64,
}

impl Default for LimitsConfig {
	fn default() -> Self {
		Self {
			connections: 1024,
			head_secs: 60,
			uploads: 32,
			per_client: 64,
			requests_per_sec: 500,
			burst: 1000,
			idle_secs: 30,
		}
	}
}

/// `[receipts]`: what receipts promise.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReceiptsConfig {
	/// Relay blocks for which a receipt counts. Until then the bytes are kept for the owner to commit.
	pub valid_blocks: u32,
	/// Whether the daemon fetches what a slot missed of a commit and adds its receipt (needs `operator.key_file`).
	pub sign_late: bool,
	/// Seconds after which a failed attempt to do so is repeated; doubles with every failure.
	pub late_pause_secs: u64,
	/// Whether it asks other providers at addresses of private networks and of its own machine, too. Anybody may announce
	/// such an address, and so choose what the daemon asks there.
	pub private_peers: bool,
}

impl Default for ReceiptsConfig {
	fn default() -> Self {
		Self { valid_blocks: 100, sign_late: true, late_pause_secs: 10, private_peers: false }
	}
}

/// `[prover]`: answers to the chain's samples, and the care for what they are about.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProverConfig {
	/// Whether the daemon answers samples (needs `operator.key_file`).
	pub enabled: bool,
	/// Bytes per second that it reads in the background and checks against their commitments. 0: none.
	pub scrub_rate: ByteSize,
	/// Whether what is found damaged, or missing as a whole, is rebuilt from what other slots hold.
	pub mend: bool,
}

impl Default for ProverConfig {
	fn default() -> Self {
		Self { enabled: true, scrub_rate: ByteSize(4 << 20), mend: true }
	}
}

/// `[repair]`: slots that the chain has this provider rebuild.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RepairConfig {
	/// Whether they are rebuilt; otherwise they are declined (either needs `operator.key_file`).
	pub enabled: bool,
	/// Slots that are rebuilt at a time, with one MDU of each in memory; and so many commits that the disk has lost.
	pub parallel: usize,
	/// Seconds after which a failed attempt is repeated; doubles with every failure.
	pub pause_secs: u64,
}

impl Default for RepairConfig {
	fn default() -> Self {
		Self { enabled: true, parallel: 2, pause_secs: 10 }
	}
}

/// `[registration]`: what is announced on chain.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegistrationConfig {
	/// What the provider is built for.
	pub capability: Capability,
	/// Failure domain, say an ASN or a region.
	pub domain: String,
	/// Bytes offered.
	pub capacity: ByteSize,
	/// Lowest storage price taken, per GiB and relay block.
	pub price_floor: Nil,
	/// Stake to hold. `"auto"`: what the chain asks for the whole capacity.
	pub stake: StakeConfig,
	/// Whether `run` submits an update when the chain and this file differ (needs `operator.key_file`).
	pub keep_updated: bool,
}

impl Default for RegistrationConfig {
	fn default() -> Self {
		Self {
			capability: Capability::General,
			domain: String::new(),
			capacity: ByteSize(10 << 30),
			price_floor: Nil(0),
			stake: StakeConfig::Auto,
			keep_updated: true,
		}
	}
}

/// How much stake to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StakeConfig {
	/// What the chain asks for the whole capacity.
	Auto,
	/// This much.
	Fixed(Nil),
}

impl<'de> Deserialize<'de> for StakeConfig {
	fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
		let value = toml::Value::deserialize(deserializer)?;
		match value.as_str() {
			Some("auto") => Ok(Self::Auto),
			_ => Nil::deserialize(value).map(Self::Fixed).map_err(|error| {
				serde::de::Error::custom(format!("{} or \"auto\"", error.message()))
			}),
		}
	}
}

/// `[log]`: the log, which goes to standard error.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
	/// Form of a line.
	pub format: LogFormat,
	/// What is logged, in the syntax of `tracing_subscriber::EnvFilter`.
	pub filter: String,
}

impl Default for LogConfig {
	fn default() -> Self {
		Self { format: LogFormat::Text, filter: "info".into() }
	}
}

/// Form of a line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
	/// For people.
	Text,
	/// One JSON object per line.
	Json,
}

impl Config {
	/// Reads `path`, applies the overrides of the process's environment and checks every field.
	pub fn load(path: &Path) -> Result<Self, ConfigError> {
		let text = std::fs::read_to_string(path)
			.map_err(|source| ConfigError::Read { path: path.into(), source })?;
		let variables = std::env::vars_os().filter_map(|(name, value)| {
			Some((name.into_string().ok()?, value.into_string().ok()?))
		});
		Self::parse(&text, path, variables)
	}

	/// As [`Config::load`], of `text` and with `variables` in place of the environment.
	pub fn parse(
		text: &str,
		path: &Path,
		variables: impl IntoIterator<Item = (String, String)>,
	) -> Result<Self, ConfigError> {
		let mut table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
			ConfigError::Syntax { path: path.into(), message: error.to_string() }
		})?;
		override_fields(&mut table, variables)?;
		let mut config: Self = serde_path_to_error::deserialize(table).map_err(|error| {
			let field = error.path().to_string();
			ConfigError::Field { field, message: error.into_inner().message().into() }
		})?;
		config.resolve_paths(path.parent().unwrap_or_else(|| Path::new(".")));
		config.validate()?;
		Ok(config)
	}

	/// What can be used and is most likely not meant.
	pub fn doubts(&self) -> Vec<String> {
		let listen = self.api.listen;
		let unserved = |address: &&String| {
			let direct = |endpoint: Endpoint| !endpoint.is_tls() && !endpoint.is_loopback();
			listen.ip().is_loopback() && address.parse::<Endpoint>().is_ok_and(direct)
		};
		let doubt = |address: &String| {
			format!(
				"configuration field `api.announce`: {address} is reached without TLS, so most likely without a proxy, and \
				 api.listen ({listen}) takes only clients of this machine: listen on 0.0.0.0:{} to take others",
				listen.port()
			)
		};
		self.api.announce.iter().filter(unserved).map(doubt).collect()
	}

	/// The hash of block 0 that `node.genesis` asks for.
	pub fn expected_genesis(&self) -> Result<Option<[u8; 32]>, ConfigError> {
		let Some(text) = &self.node.genesis else { return Ok(None) };
		let mut hash = [0; 32];
		hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut hash).map_err(|_| {
			ConfigError::field("node.genesis", format!("expected 32 bytes in hex, got {text:?}"))
		})?;
		Ok(Some(hash))
	}

	fn resolve_paths(&mut self, base: &Path) {
		let paths = [&mut self.service.key_file, &mut self.store.path];
		for path in paths.into_iter().chain(self.operator.key_file.as_mut()) {
			if path.is_relative() {
				*path = base.join(&*path);
			}
		}
	}

	fn validate(&self) -> Result<(), ConfigError> {
		let url = &self.node.url;
		if !["ws://", "wss://"].iter().any(|scheme| url.starts_with(scheme)) {
			let message =
				format!("expected an address that starts with ws:// or wss://, got {url:?}");
			return Err(ConfigError::field("node.url", message));
		}
		self.expected_genesis()?;
		self.validate_addresses()?;
		let positive = [
			("store.staged_ttl_secs", self.store.staged_ttl_secs),
			("store.sweep_secs", self.store.sweep_secs),
			("limits.connections", self.limits.connections as u64),
			("limits.head_secs", self.limits.head_secs),
			("limits.uploads", self.limits.uploads as u64),
			("limits.per_client", self.limits.per_client as u64),
			("limits.requests_per_sec", self.limits.requests_per_sec.into()),
			("limits.burst", self.limits.burst.into()),
			("limits.idle_secs", self.limits.idle_secs),
			("receipts.valid_blocks", self.receipts.valid_blocks.into()),
			("receipts.late_pause_secs", self.receipts.late_pause_secs),
			("repair.parallel", self.repair.parallel as u64),
			("repair.pause_secs", self.repair.pause_secs),
			("registration.capacity", self.registration.capacity.0),
		];
		if let Some((field, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
			return Err(ConfigError::field(field, "expected a number above 0, got 0"));
		}
		let domain = self.registration.domain.len();
		if domain > MAX_DOMAIN_BYTES as usize {
			let message = format!("expected at most {MAX_DOMAIN_BYTES} bytes, got {domain}");
			return Err(ConfigError::field("registration.domain", message));
		}
		Ok(())
	}

	fn validate_addresses(&self) -> Result<(), ConfigError> {
		let listed = self.api.announce.len();
		if listed > MAX_MULTIADDRS as usize {
			let message = format!("expected at most {MAX_MULTIADDRS} addresses, got {listed}");
			return Err(ConfigError::field("api.announce", message));
		}
		if self.api.announce.is_empty() && self.api.listen.ip().is_unspecified() {
			let message = format!(
				"expected the addresses to announce, since api.listen ({}) is not one to reach",
				self.api.listen
			);
			return Err(ConfigError::field("api.announce", message));
		}
		for address in &self.api.announce {
			if address.len() > MAX_MULTIADDR_BYTES as usize || !address.starts_with('/') {
				let message = format!(
					"expected a multiaddr such as /ip4/192.0.2.1/tcp/4100/http of at most \
					 {MAX_MULTIADDR_BYTES} bytes, got {address:?}"
				);
				return Err(ConfigError::field("api.announce", message));
			}
		}
		// Others may stand beside it, for clients of another time.
		let readings = self.api.announce.iter().map(|address| address.parse::<Endpoint>());
		if let Some(Err(error)) = readings.reduce(Result::or) {
			let message = format!("expected an address that clients understand, got {error}");
			return Err(ConfigError::field("api.announce", message));
		}
		if self.metrics.enabled
			&& self.metrics.listen == self.api.listen
			&& self.metrics.listen.port() != 0
		{
			let message =
				format!("expected an address other than api.listen ({})", self.api.listen);
			return Err(ConfigError::field("metrics.listen", message));
		}
		Ok(())
	}
}

/// Sections and fields, for the names of environment variables: field names hold underscores themselves, so a
/// name alone does not tell where the section ends.
const SECTIONS: [&str; 12] = [
	"node",
	"operator",
	"service",
	"api",
	"metrics",
	"store",
	"limits",
	"receipts",
	"prover",
	"repair",
	"registration",
	"log",
];

/// Variables with the prefix that are no fields.
const OTHER_VARIABLES: [&str; 1] = ["CONFIG"];

fn override_fields(
	table: &mut toml::Table,
	variables: impl IntoIterator<Item = (String, String)>,
) -> Result<(), ConfigError> {
	for (name, text) in variables {
		let Some(rest) = name.strip_prefix(ENV_PREFIX) else { continue };
		if OTHER_VARIABLES.contains(&rest) {
			continue;
		}
		let lower = rest.to_ascii_lowercase();
		let (section, field) = SECTIONS
			.iter()
			.find_map(|section| {
				Some((*section, lower.strip_prefix(section)?.strip_prefix('_')?.to_owned()))
			})
			.ok_or_else(|| {
				let message = format!(
					"the variable names no section; expected {ENV_PREFIX}<SECTION>_<FIELD> with one of {}",
					SECTIONS.join(", ")
				);
				ConfigError::field(&name, message)
			})?;
		let entry = table
			.entry(section)
			.or_insert_with(|| toml::Value::Table(toml::Table::new()))
			.as_table_mut()
			.ok_or_else(|| ConfigError::field(section, "expected a table"))?;
		entry.insert(field, toml_or_text(&text));
	}
	Ok(())
}

fn toml_or_text(text: &str) -> toml::Value {
	format!("value = {text}")
		.parse::<toml::Table>()
		.ok()
		.and_then(|mut table| table.remove("value").filter(|_| table.is_empty()))
		.unwrap_or_else(|| toml::Value::String(text.into()))
}

#[cfg(test)]
mod tests;
