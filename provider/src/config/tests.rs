//! Configurations, their faults and what overrides them.

use super::*;

const LEAST: &str = r#"
	node.url = "ws://127.0.0.1:9944"
	operator.account = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
	service.key_file = "keys/service.key"
"#;

fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
	let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
	Config::parse(text, Path::new("/base/provider.toml"), variables)
}

/// The field that is blamed when `line` is added to the least configuration.
fn blamed(line: &str) -> (String, String) {
	match parse(&format!("{LEAST}\n{line}"), &[]) {
		Err(ConfigError::Field { field, message }) => (field, message),
		other => panic!("{line}: {other:?}"),
	}
}

#[test]
fn the_least_configuration_has_sound_defaults() {
	let config = parse(LEAST, &[]).unwrap();
	assert!(config.api.listen.ip().is_loopback() && config.metrics.listen.ip().is_loopback());
	assert_eq!(config.api.multiaddrs(), ["/ip4/127.0.0.1/tcp/4100/http"]);
	assert_eq!(config.store.path, Path::new("/base/data"));
	assert_eq!(config.registration.stake, StakeConfig::Auto);
}

#[test]
fn faults_name_their_field_and_what_was_expected() {
	for (line, field, expected) in [
		("api.listen = \"somewhere\"", "api.listen", "socket address"),
		("api.listen = \"0.0.0.0:1\"", "api.announce", "addresses to announce"),
		("api.announce = [\"http://x\"]", "api.announce", "multiaddr"),
		("api.announce = [\"/dns4/a/udp/1/quic\"]", "api.announce", "clients understand"),
		("api.lisen = \"127.0.0.1:1\"", "api.lisen", "expected `listen` or `announce`"),
		("metrics.listen = \"127.0.0.1:4100\"", "metrics.listen", "other than api.listen"),
		("store.reserve = \"1 Gb\"", "store.reserve", "500 MiB"),
		("store.reserve = -1", "store.reserve", "500 MiB"),
		("store.sweep_secs = 0", "store.sweep_secs", "above 0"),
		("limits.uploads = \"many\"", "limits.uploads", "usize"),
		("receipts.valid_blocks = 0", "receipts.valid_blocks", "above 0"),
		("prover.enabled = 1", "prover.enabled", "boolean"),
		("prover.scrub_rate = \"fast\"", "prover.scrub_rate", "500 MiB"),
		("registration.stake = \"much\"", "registration.stake", "\"auto\""),
		("registration.capability = \"huge\"", "registration.capability", "`archive`"),
		(
			"registration.domain = \"a domain with more than 32 bytes!\"",
			"registration.domain",
			"32",
		),
		("log.format = \"xml\"", "log.format", "`text`"),
		("node.genesis = \"0x12\"", "node.genesis", "32 bytes in hex"),
		("nodes = 1", "nodes", "unknown field"),
	] {
		let (found, message) = blamed(line);
		assert_eq!(found, field, "{line}: {message}");
		assert!(message.contains(expected), "{line}: {message}");
	}
	let wrong = LEAST.replace("5Grwva", "5Grwvb");
	let error = parse(&wrong, &[]).unwrap_err().to_string();
	assert!(error.contains("`operator.account`") && error.contains("SS58"), "{error}");
	let error = parse(&LEAST.replace("ws://", "http://"), &[]).unwrap_err().to_string();
	assert!(error.contains("`node.url`") && error.contains("ws://"), "{error}");
	let missing = parse("node.url = \"ws://x\"", &[]).unwrap_err().to_string();
	assert!(missing.contains("operator"), "{missing}");
	assert!(matches!(parse("node = ", &[]), Err(ConfigError::Syntax { .. })));
}

#[test]
fn an_announced_address_that_nobody_serves_is_doubted() {
	let doubts = |listen: &str, announce: &str| {
		let lines = format!("{LEAST}\napi.listen = \"{listen}\"\napi.announce = [{announce}]");
		parse(&lines, &[]).unwrap().doubts()
	};
	let direct = "\"/ip4/203.0.113.7/tcp/4100/http\"";
	let doubted = doubts("127.0.0.1:4100", direct);
	assert_eq!(doubted.len(), 1, "{doubted:?}");
	for said in ["`api.announce`", "/ip4/203.0.113.7/tcp/4100/http", "listen on 0.0.0.0:4100"] {
		assert!(doubted[0].contains(said), "{doubted:?}");
	}
	assert_eq!(doubts("[::1]:4100", "\"/dns/a.example/tcp/80/http\"").len(), 1);
	for (listen, announce) in [
		("0.0.0.0:4100", direct),
		("192.0.2.1:4100", direct),
		("127.0.0.1:4100", "\"/dns4/a.example/tcp/443/https\""),
		("127.0.0.1:4100", "\"/ip4/127.0.0.1/tcp/4100/http\", \"/dns/localhost/tcp/4100/http\""),
		("127.0.0.1:4100", ""),
	] {
		assert_eq!(doubts(listen, announce), Vec::<String>::new(), "{listen} {announce}");
	}
}

#[test]
fn the_environment_overrides_every_kind_of_field() {
	let config = parse(
		LEAST,
		&[
			("NIL_PROVIDER_NODE_URL", "wss://node.example"),
			("NIL_PROVIDER_API_LISTEN", "127.0.0.1:5000"),
			("NIL_PROVIDER_API_ANNOUNCE", "[\"/dns/a/tcp/1/http\"]"),
			("NIL_PROVIDER_STORE_STAGED_TTL_SECS", "7"),
			("NIL_PROVIDER_PROVER_SCRUB_RATE", "0"),
			("NIL_PROVIDER_PROVER_MEND", "false"),
			("NIL_PROVIDER_REGISTRATION_PRICE_FLOOR", "2.5 NIL"),
			("NIL_PROVIDER_CONFIG", "/elsewhere"),
			("PATH", "/bin"),
		],
	)
	.unwrap();
	assert_eq!(config.node.url, "wss://node.example");
	assert_eq!(config.api.listen.port(), 5000);
	assert_eq!(config.api.announce, ["/dns/a/tcp/1/http"]);
	assert_eq!(config.store.staged_ttl_secs, 7);
	assert_eq!((config.prover.scrub_rate, config.prover.mend), (ByteSize(0), false));
	assert_eq!(config.registration.price_floor, Nil(2_500_000_000_000));
	for (name, field) in [
		("NIL_PROVIDER_STORES_PATH", "NIL_PROVIDER_STORES_PATH"),
		("NIL_PROVIDER_API_PORT", "api.port"),
		("NIL_PROVIDER_STORE_SWEEP_SECS", "store.sweep_secs"),
	] {
		let error = parse(LEAST, &[(name, "\"x\"")]).unwrap_err();
		assert!(
			matches!(&error, ConfigError::Field { field: found, .. } if found == field),
			"{error}"
		);
	}
}
