//! The chains that have names: `dev` and `local`. Any other name is a file.

use sc_chain_spec::{ChainType, Properties};
use sp_genesis_builder::{DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};
use std::path::PathBuf;

pub use extensions::Extensions;

mod extensions {
	#![allow(missing_docs, reason = "the derive makes another struct, without documentation")]

	use sc_chain_spec::{ChainSpecExtension, ChainSpecGroup};
	use serde::{Deserialize, Serialize};

	/// What a specification says beside what every specification says.
	#[derive(
		Clone,
		Debug,
		Default,
		PartialEq,
		Eq,
		Serialize,
		Deserialize,
		ChainSpecGroup,
		ChainSpecExtension,
	)]
	#[serde(deny_unknown_fields, rename_all = "camelCase")]
	pub struct Extensions {
		/// The relay chain, by a name that its node knows. Empty for chains without one.
		#[serde(default, alias = "relay_chain")]
		pub relay_chain: String,
	}
}

/// A specification of a NilStore chain.
pub type ChainSpec = sc_chain_spec::GenericChainSpec<Extensions>;

/// How wallets show amounts and addresses.
fn properties() -> Properties {
	let mut properties = Properties::new();
	properties.insert("tokenSymbol".into(), "NIL".into());
	properties.insert("tokenDecimals".into(), 12.into());
	properties.insert("ss58Format".into(), nil_runtime::SS58_PREFIX.into());
	properties
}

fn preset(
	name: &str,
	id: &str,
	chain_type: ChainType,
	preset: &str,
	relay_chain: &str,
) -> Result<ChainSpec, String> {
	let wasm = nil_runtime::WASM_BINARY
		.ok_or("this binary was built without the runtime's wasm (SKIP_WASM_BUILD)")?;
	Ok(ChainSpec::builder(wasm, Extensions { relay_chain: relay_chain.into() })
		.with_name(name)
		.with_id(id)
		.with_chain_type(chain_type)
		.with_genesis_config_preset_name(preset)
		.with_protocol_id(id)
		.with_properties(properties())
		.build())
}

/// The development chain: one collator, no relay chain.
pub fn dev() -> Result<ChainSpec, String> {
	preset("NilStore Development", "nil-dev", ChainType::Development, DEV_RUNTIME_PRESET, "")
}

/// The local test network: two collators under a local relay chain.
pub fn local() -> Result<ChainSpec, String> {
	preset(
		"NilStore Local Testnet",
		"nil-local",
		ChainType::Local,
		LOCAL_TESTNET_RUNTIME_PRESET,
		"rococo-local",
	)
}

/// The specification called `id`, or in the file of that name.
pub fn load(id: &str) -> Result<Box<dyn sc_service::ChainSpec>, String> {
	Ok(Box::new(match id {
		"dev" => dev()?,
		"" | "local" => local()?,
		path => ChainSpec::from_json_file(PathBuf::from(path))
			.map_err(|error| format!("{error} (chains with names: dev, local)"))?,
	}))
}
