//! The commented file that `nil-provider init` writes.

use super::{ByteSize, Nil, StakeConfig};
use nil_types::Capability;
use std::net::SocketAddr;
use subxt::utils::AccountId32;

/// What `init` knows; all else gets its default.
#[derive(Clone, Debug)]
pub struct Draft {
	/// The chain node's RPC.
	pub node_url: String,
	/// The operator's account.
	pub operator: AccountId32,
	/// The operator's key file, relative to the configuration, when the daemon shall have it.
	pub operator_key_file: Option<String>,
	/// The service key file, relative to the configuration.
	pub service_key_file: String,
	/// The API's address.
	pub listen: SocketAddr,
	/// Addresses to announce; empty: the API's address.
	pub announce: Vec<String>,
	/// The metrics' address.
	pub metrics_listen: SocketAddr,
	/// Bytes offered.
	pub capacity: ByteSize,
	/// Free disk space that uploads must leave.
	pub reserve: ByteSize,
	/// What the provider is built for.
	pub capability: Capability,
	/// Failure domain.
	pub domain: String,
	/// Lowest storage price taken.
	pub price_floor: Nil,
	/// Stake to hold.
	pub stake: StakeConfig,
}

/// The configuration file for `draft`.
pub fn render(draft: &Draft) -> String {
	let Draft { listen, metrics_listen, capacity, reserve, price_floor, operator, .. } = draft;
	let text = |text: &str| toml::Value::String(text.into()).to_string();
	let announce: Vec<_> = draft.announce.iter().map(|address| text(address)).collect();
	let announce = announce.join(", ");
	let operator_key = match &draft.operator_key_file {
		Some(path) => format!("key_file = {}", text(path)),
		None => "# key_file = \"keys/operator.key\"".into(),
	};
	let capability = match draft.capability {
		Capability::Archive => "archive",
		Capability::General => "general",
		Capability::Edge => "edge",
	};
	let stake = match draft.stake {
		StakeConfig::Auto => "auto".into(),
		StakeConfig::Fixed(amount) => amount.to_string(),
	};
	format!(
		r#"# Configuration of nil-provider. Paths are relative to this file. Every field can be overridden by an environment
# variable: section.field is NIL_PROVIDER_SECTION_FIELD, so api.listen is NIL_PROVIDER_API_LISTEN.

[node]
# WebSocket RPC of a chain node. Run your own: the daemon believes what its node says.
url = {node_url}
# Hash of block 0. When set, a node of another chain is refused. (The store remembers it from the first start on.)
# genesis = "0x..."

[operator]
# The account that registered the provider and holds its stake.
account = "{operator}"
# Secret seed of that account. Optional: the daemon stores, serves and signs receipts without it. With it, `run` keeps
# the registration in step with this file, and adds receipts that commits have missed.
{operator_key}

[service]
# Secret seed of the key that signs receipts. It holds no funds.
key_file = {service_key}

[api]
# Where clients upload and read, without TLS. Keep it on loopback behind a reverse proxy, or open it to the world.
listen = "{listen}"
# Addresses to announce on chain, as multiaddr text: /ip4/192.0.2.1/tcp/4100/http, or /dns4/a.example/tcp/443/https behind
# a reverse proxy with TLS. Clients take the first that they understand. Empty: the address above.
announce = [{announce}]

[metrics]
# Prometheus metrics at http://<listen>/metrics.
enabled = true
listen = "{metrics_listen}"

[store]
# Folder of shards, witnesses, objects and their index. One daemon at a time.
path = "data"
# Free disk space that uploads must leave; below it they are answered with 507.
reserve = "{reserve}"
# Seconds after which an upload that no receipt followed is removed.
staged_ttl_secs = 86400
# Seconds between two sweeps that compare everything held with the chain.
sweep_secs = 60

[limits]
# Connections that may be open at a time; others wait.
connections = 1024
# Seconds that a client may take from one request to the head of its next; then its connection is closed.
head_secs = 60
# Uploads that may run at a time, over all clients.
uploads = 32
# Requests of one client address that may run at a time.
per_client = 64
# Requests per second of one client address, averaged, and how many may come at once.
requests_per_sec = 500
burst = 1000
# Seconds that a client may pause inside a body.
idle_secs = 30

[receipts]
# Relay blocks for which a receipt counts. Until then the bytes are kept for the owner to commit.
valid_blocks = 100
# Whether `run` makes good what a slot of yours missed of a commit, by a stop say: it fetches the parts of other slots,
# checks them, rebuilds your shards and adds your receipt while the chain takes it. Needs operator.key_file: the operator
# pays the fee.
sign_late = true
# Seconds after which a failed attempt is repeated; doubles with every failure, up to an hour.
late_pause_secs = 10
# Whether that asks other providers at addresses of private networks and of this machine, too. Anybody may announce such
# addresses on chain: true is for networks whose providers all are in one place, such as a devnet.
private_peers = false

[prover]
# Whether `run` answers the samples that the chain asks for in every round. Without answers nothing is earned. Needs
# operator.key_file.
enabled = true
# Bytes per second that are read in the background and checked against their commitments, so that damage on disk is found
# before a sample finds it. What is damaged is neither served nor answered with. 0: none.
scrub_rate = "4 MiB"
# Whether what is found damaged or missing is rebuilt from what other slots hold, whole commits too, after a new disk say.
# receipts.private_peers tells which addresses are asked.
mend = true

[repair]
# Whether `run` rebuilds slots whose provider failed or leaves, when the chain draws this provider for them: it fetches from
# the other slots what they hold, proves to the chain that it has the slot, and earns its rent from then on. false: it
# declines them, so that others are drawn at once. Needs operator.key_file.
enabled = true
# Slots that are rebuilt at a time, with some 20 MiB of memory each; and so many commits that the disk has lost.
parallel = 2
# Seconds after which a failed attempt is repeated; doubles with every failure, up to five minutes.
pause_secs = 10

[registration]
# "archive" (large and slow: cold deals), "general" (any deal) or "edge" (small and fast: hot deals).
capability = "{capability}"
# Failure domain, say an ASN or a region. Placement counts attested domains only.
domain = {domain}
# Bytes offered.
capacity = "{capacity}"
# Lowest storage price taken, per GiB and relay block.
price_floor = "{price_floor}"
# Stake to hold, such as "100 NIL", or "auto": what the chain asks for the whole capacity. More than this is never
# released by itself: `nil-provider stake` shows what is held and what could be released.
stake = "{stake}"
# Whether `run` submits an update, and adds missing stake, when the chain and this section (or the addresses) differ.
keep_updated = true

[log]
# "text" or "json", on standard error.
format = "text"
# What is logged, such as "info,nil_provider=debug".
filter = "info"
"#,
		node_url = text(&draft.node_url),
		service_key = text(&draft.service_key_file),
		domain = text(&draft.domain),
	)
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::config::{Config, LogFormat};
	use std::path::Path;

	#[test]
	fn what_init_writes_reads_back_with_the_defaults() {
		let draft = Draft {
			node_url: "ws://127.0.0.1:9944".into(),
			operator: AccountId32([7; 32]),
			operator_key_file: Some("keys/operator.key".into()),
			service_key_file: "keys/service.key".into(),
			listen: "127.0.0.1:4107".parse().unwrap(),
			announce: vec![
				"/dns/a \"quoted\" host/tcp/1/http".into(),
				"/dns4/a.example/tcp/443/https".into(),
			],
			metrics_listen: "[::1]:4187".parse().unwrap(),
			capacity: ByteSize(3 << 30),
			reserve: ByteSize(5),
			capability: Capability::Edge,
			domain: "a\\b".into(),
			price_floor: Nil(3),
			stake: StakeConfig::Fixed(Nil(2_500_000_000_000)),
		};
		let config = Config::parse(&render(&draft), Path::new("/base/provider.toml"), []).unwrap();
		assert_eq!(config.operator.account, draft.operator);
		assert_eq!(config.operator.key_file.as_deref(), Some(Path::new("/base/keys/operator.key")));
		assert_eq!(config.service.key_file, Path::new("/base/keys/service.key"));
		assert_eq!(
			(config.api.listen, config.metrics.listen),
			(draft.listen, draft.metrics_listen)
		);
		assert_eq!(config.api.multiaddrs(), draft.announce);
		assert_eq!(config.store.path, Path::new("/base/data"));
		assert_eq!(config.store.reserve, draft.reserve);
		let registration = config.registration;
		assert_eq!(registration.capacity, draft.capacity);
		assert_eq!(registration.capability, draft.capability);
		assert_eq!(registration.domain, draft.domain);
		assert_eq!(registration.price_floor, draft.price_floor);
		assert_eq!(registration.stake, draft.stake);
		assert_eq!(config.log.format, LogFormat::Text);
		// The fields that the template spells out have the values that are the defaults without it.
		let (limits, default) = (config.limits, crate::config::LimitsConfig::default());
		assert_eq!(
			(limits.connections, limits.head_secs),
			(default.connections, default.head_secs)
		);
		assert_eq!((limits.uploads, limits.per_client), (default.uploads, default.per_client));
		assert_eq!(
			(limits.requests_per_sec, limits.burst),
			(default.requests_per_sec, default.burst)
		);
		let default = crate::config::StoreConfig::default();
		assert_eq!(config.store.staged_ttl_secs, default.staged_ttl_secs);
		assert_eq!(config.store.sweep_secs, default.sweep_secs);
		let default = crate::config::ReceiptsConfig::default();
		let receipts = config.receipts;
		assert_eq!(receipts.valid_blocks, default.valid_blocks);
		assert_eq!(
			(receipts.sign_late, receipts.late_pause_secs, receipts.private_peers),
			(default.sign_late, default.late_pause_secs, default.private_peers)
		);
		assert!(!receipts.private_peers);
		let (prover, default) = (config.prover, crate::config::ProverConfig::default());
		assert_eq!(
			(prover.enabled, prover.scrub_rate, prover.mend),
			(default.enabled, default.scrub_rate, default.mend)
		);
		let (repair, default) = (config.repair, crate::config::RepairConfig::default());
		assert_eq!(
			(repair.enabled, repair.parallel, repair.pause_secs),
			(default.enabled, default.parallel, default.pause_secs)
		);
	}
}
