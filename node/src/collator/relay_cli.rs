//! The command line of the relay chain's node that a collator runs beside its own.

use crate::chain_spec::Extensions;
use sc_chain_spec::get_extension;
use sc_cli::{
	CliConfiguration, DefaultConfigurationValues, ImportParams, KeystoreParams, NetworkParams,
	Result, RpcEndpoint, SharedParams, SubstrateCli,
};
use sc_service::{
	BasePath, ChainSpec, Configuration, Role,
	config::{PrometheusConfig, RpcMethods, TelemetryEndpoints, TransactionPoolOptions},
};
use std::path::PathBuf;

/// The options after `--`, with defaults that do not collide with the parachain node's.
#[derive(Debug)]
pub struct RelayChainCli {
	base: polkadot_cli::RunCmd,
	/// The relay chain that the parachain's specification names.
	chain_id: Option<String>,
	/// A folder inside the parachain node's.
	base_path: PathBuf,
}

impl RelayChainCli {
	/// Reads `args` for the relay chain of the parachain of `config`.
	pub fn new(config: &Configuration, args: &[String]) -> Result<Self> {
		let chain_id = get_extension::<Extensions>(config.chain_spec.extensions())
			.map(|extensions| extensions.relay_chain.clone())
			.filter(|chain| !chain.is_empty());
		let name = Self::executable_name();
		let args = std::iter::once(name.as_str()).chain(args.iter().map(String::as_str));
		let base = <polkadot_cli::RunCmd as clap::Parser>::try_parse_from(args)
			.map_err(|error| error.to_string())?;
		Ok(Self { base, chain_id, base_path: config.base_path.path().join("relay") })
	}
}

impl SubstrateCli for RelayChainCli {
	fn impl_name() -> String {
		"NilStore node, relay chain".into()
	}

	fn impl_version() -> String {
		env!("SUBSTRATE_CLI_IMPL_VERSION").into()
	}

	fn description() -> String {
		"The relay chain's node beside a collator; its options follow `--`.".into()
	}

	fn author() -> String {
		env!("CARGO_PKG_AUTHORS").into()
	}

	fn support_url() -> String {
		"the documentation in docs/".into()
	}

	fn copyright_start_year() -> i32 {
		2026
	}

	fn load_spec(&self, id: &str) -> std::result::Result<Box<dyn ChainSpec>, String> {
		<polkadot_cli::Cli as SubstrateCli>::from_iter([Self::executable_name()]).load_spec(id)
	}
}

impl DefaultConfigurationValues for RelayChainCli {
	fn p2p_listen_port() -> u16 {
		30_334
	}

	fn rpc_listen_port() -> u16 {
		9_945
	}

	fn prometheus_listen_port() -> u16 {
		9_616
	}
}

impl CliConfiguration<Self> for RelayChainCli {
	fn shared_params(&self) -> &SharedParams {
		self.base.base.shared_params()
	}

	fn import_params(&self) -> Option<&ImportParams> {
		self.base.base.import_params()
	}

	fn network_params(&self) -> Option<&NetworkParams> {
		self.base.base.network_params()
	}

	fn keystore_params(&self) -> Option<&KeystoreParams> {
		self.base.base.keystore_params()
	}

	fn base_path(&self) -> Result<Option<BasePath>> {
		Ok(self.shared_params().base_path()?.or_else(|| Some(self.base_path.clone().into())))
	}

	fn rpc_addr(&self, default_listen_port: u16) -> Result<Option<Vec<RpcEndpoint>>> {
		self.base.base.rpc_addr(default_listen_port)
	}

	fn rpc_methods(&self) -> Result<RpcMethods> {
		self.base.base.rpc_methods()
	}

	fn rpc_cors(&self, is_dev: bool) -> Result<Option<Vec<String>>> {
		self.base.base.rpc_cors(is_dev)
	}

	fn prometheus_config(
		&self,
		default_listen_port: u16,
		chain_spec: &Box<dyn ChainSpec>,
	) -> Result<Option<PrometheusConfig>> {
		self.base.base.prometheus_config(default_listen_port, chain_spec)
	}

	/// Where the relay chain's specification says, unless `--no-telemetry` or `--telemetry-url` say otherwise.
	fn telemetry_endpoints(
		&self,
		chain_spec: &Box<dyn ChainSpec>,
	) -> Result<Option<TelemetryEndpoints>> {
		self.base.base.telemetry_endpoints(chain_spec)
	}

	fn chain_id(&self, is_dev: bool) -> Result<String> {
		let chain_id = self.base.base.chain_id(is_dev)?;
		Ok(if chain_id.is_empty() { self.chain_id.clone().unwrap_or_default() } else { chain_id })
	}

	fn role(&self, is_dev: bool) -> Result<Role> {
		self.base.base.role(is_dev)
	}

	fn transaction_pool(&self, is_dev: bool) -> Result<TransactionPoolOptions> {
		self.base.base.transaction_pool(is_dev)
	}

	fn node_name(&self) -> Result<String> {
		self.base.base.node_name()
	}
}
