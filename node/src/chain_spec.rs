//! The chains that have names: `dev`, `local` and `testnet`, and, in builds that carry that runtime, the same with
//! `-rfc163` behind them. Any other name is a file.
//!
//! `testnet` is a template: whoever starts the public test network writes it to a file and adds its collators there.

use nil_runtime::{
	RuntimeGenesisConfig,
	genesis::{TESTNET_RUNTIME_PRESET, authorities_key},
};
use sc_chain_spec::{ChainType, Properties, json_merge};
use sp_core::storage::{Storage, well_known_keys};
use sp_genesis_builder::{DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};
use sp_maybe_compressed_blob::{CODE_BLOB_BOMB_LIMIT, compress_weakly, decompress};
use sp_runtime::BuildStorage;
use std::{borrow::Cow, path::PathBuf};

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

const NO_WASM: &str = "this binary was built without the runtime's wasm (SKIP_WASM_BUILD)";

/// The runtimes that this binary carries, by the arithmetic that validators use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Backend {
	/// For every relay chain: the runtime's own arithmetic.
	Portable,
	/// For relay chains that have enabled the curve functions of RFC-163.
	#[cfg(feature = "rfc163")]
	Rfc163,
}

impl Backend {
	/// The runtime's wasm as it was built: compressed in optimised builds, as it is in others.
	pub fn wasm(self) -> Result<&'static [u8], String> {
		let wasm = match self {
			Self::Portable => nil_runtime::WASM_BINARY,
			#[cfg(feature = "rfc163")]
			Self::Rfc163 => nil_runtime_rfc163::WASM_BINARY,
		};
		wasm.ok_or_else(|| NO_WASM.into())
	}

	/// The same, compressed in any case: for relay chains, which limit the size of a parachain's code (3 MiB on public
	/// ones), and for transactions.
	pub fn compressed_wasm(self) -> Result<Cow<'static, [u8]>, String> {
		let wasm = self.wasm()?;
		let plain = decompress(wasm, CODE_BLOB_BOMB_LIMIT)
			.map_err(|error| format!("in the runtime's wasm: {error}"))?;
		match plain {
			Cow::Owned(_) => Ok(Cow::Borrowed(wasm)),
			Cow::Borrowed(plain) => compress_weakly(plain, CODE_BLOB_BOMB_LIMIT)
				.map(Cow::Owned)
				.ok_or_else(|| format!("a runtime of {} bytes cannot be compressed", plain.len())),
		}
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

/// A chain that has a name: what its specification says beside the runtime.
struct Named {
	name: &'static str,
	id: &'static str,
	chain_type: ChainType,
	preset: &'static str,
	relay_chain: &'static str,
}

/// One collator, no relay chain.
const DEV: Named = Named {
	name: "NilStore Development",
	id: "nil-dev",
	chain_type: ChainType::Development,
	preset: DEV_RUNTIME_PRESET,
	relay_chain: "",
};

/// Two collators under a local relay chain.
const LOCAL: Named = Named {
	name: "NilStore Local Testnet",
	id: "nil-local",
	chain_type: ChainType::Local,
	preset: LOCAL_TESTNET_RUNTIME_PRESET,
	relay_chain: "rococo-local",
};

/// The template of the public test network: without collators, balances and committee.
const TESTNET: Named = Named {
	name: "NilStore Testnet",
	id: "nil-testnet",
	chain_type: ChainType::Live,
	preset: TESTNET_RUNTIME_PRESET,
	relay_chain: "paseo",
};

impl Named {
	/// The specification with the runtime `wasm`; `suffix` goes behind name and id.
	fn with(&self, wasm: &[u8], suffix: &str) -> ChainSpec {
		let id = format!("{}{suffix}", self.id);
		ChainSpec::builder(wasm, Extensions { relay_chain: self.relay_chain.into() })
			.with_name(&format!("{}{suffix}", self.name))
			.with_id(&id)
			.with_chain_type(self.chain_type.clone())
			.with_genesis_config_preset_name(self.preset)
			.with_protocol_id(&id)
			.with_properties(properties())
			.build()
	}
}

/// The development chain: one collator, no relay chain.
pub fn dev() -> Result<ChainSpec, String> {
	Ok(dev_with(Backend::Portable.wasm()?))
}

/// The development chain with another runtime.
pub fn dev_with(wasm: &[u8]) -> ChainSpec {
	DEV.with(wasm, "")
}

/// The development chain with its genesis state in it.
///
/// The state is what the runtime's wasm builds from the preset (a test compares them), but built by the runtime that is
/// linked into this binary: otherwise a node that starts compiles the wasm twice more, for several seconds each.
pub fn dev_with_state() -> Result<ChainSpec, String> {
	let mut spec = dev()?;
	let state = native_genesis(DEV_RUNTIME_PRESET, Backend::Portable.wasm()?)?;
	sc_chain_spec::ChainSpec::set_storage(&mut spec, state);
	Ok(spec)
}

/// The genesis state of a preset with the runtime `wasm`.
fn native_genesis(preset: &str, wasm: &[u8]) -> Result<Storage, String> {
	let patch = nil_runtime::genesis::get_preset(&preset.into())
		.ok_or_else(|| format!("the runtime has no genesis preset called {preset}"))?;
	let explain = |error: serde_json::Error| format!("in the genesis preset {preset}: {error}");
	let mut config = serde_json::to_value(RuntimeGenesisConfig::default()).map_err(explain)?;
	json_merge(&mut config, serde_json::from_slice(&patch).map_err(explain)?);
	let config: RuntimeGenesisConfig = serde_json::from_value(config).map_err(explain)?;
	let mut storage = config.build_storage()?;
	storage.top.insert(well_known_keys::CODE.to_vec(), wasm.to_vec());
	Ok(storage)
}

/// The local test network: two collators under a local relay chain.
pub fn local() -> Result<ChainSpec, String> {
	Ok(LOCAL.with(&Backend::Portable.compressed_wasm()?, ""))
}

/// The template of the public test network.
pub fn testnet() -> Result<ChainSpec, String> {
	Ok(TESTNET.with(&Backend::Portable.compressed_wasm()?, ""))
}

/// Refuses a chain whose genesis has no collators: it would be registered, started, and never make a block.
///
/// Builds the genesis state, for which the wasm is compiled unless the specification is raw: not for chains for trying out,
/// which have theirs.
pub fn ensure_collators(spec: &dyn sc_service::ChainSpec) -> Result<(), String> {
	let can_make_blocks = spec.chain_type() != ChainType::Live
		|| has_collators(&spec.as_storage_builder().build_storage()?);
	if can_make_blocks {
		return Ok(());
	}
	Err(format!(
		"the genesis of `{}` has no collators, so nobody could ever make a block. Write it to a file with \
		 `nil-node export-chain-spec`, and there add collators to `collatorSelection.invulnerables` and their keys to \
		 `session.keys` (docs/src/operate-node.md, \"Starting a public test network\")",
		spec.name()
	))
}

fn has_collators(genesis: &Storage) -> bool {
	genesis.top.contains_key(&authorities_key()[..])
}

/// The specification called `id`, or in the file of that name.
pub fn load(id: &str) -> Result<Box<dyn sc_service::ChainSpec>, String> {
	Ok(Box::new(match id {
		"dev" => dev()?,
		"" | "local" => local()?,
		"testnet" => testnet()?,
		#[cfg(feature = "rfc163")]
		"dev-rfc163" => DEV.with(Backend::Rfc163.wasm()?, "-rfc163"),
		#[cfg(feature = "rfc163")]
		"local-rfc163" => LOCAL.with(&Backend::Rfc163.compressed_wasm()?, "-rfc163"),
		#[cfg(feature = "rfc163")]
		"testnet-rfc163" => TESTNET.with(&Backend::Rfc163.compressed_wasm()?, "-rfc163"),
		path => ChainSpec::from_json_file(PathBuf::from(path))
			.map_err(|error| format!("{error} (chains with names: {})", NAMES.join(", ")))?,
	}))
}

/// The names that [`load`] knows.
const NAMES: &[&str] = &[
	"dev",
	"local",
	"testnet",
	#[cfg(feature = "rfc163")]
	"dev-rfc163",
	#[cfg(feature = "rfc163")]
	"local-rfc163",
	#[cfg(feature = "rfc163")]
	"testnet-rfc163",
];

#[cfg(test)]
mod tests {
	use super::*;
	use frame_support::traits::fungible::Inspect;
	use nil_runtime::{
		AccountId, Balances, EXISTENTIAL_DEPOSIT, Runtime, UNIT,
		configs::{CollatorPot, governance::TechnicalCollective},
	};
	use sc_chain_spec::GenesisConfigBuilderRuntimeCaller;
	use serde_json::{Value, json};
	use sp_keyring::Sr25519Keyring;

	fn inspect<R>(state: Storage, read: impl FnOnce() -> R) -> R {
		sp_io::TestExternalities::new(state).execute_with(read)
	}

	fn committee() -> Vec<AccountId> {
		pallet_collective::Members::<Runtime, TechnicalCollective>::get()
	}

	#[test]
	fn the_native_genesis_is_the_one_of_the_wasm() {
		let wasm = Backend::Portable.wasm().unwrap();
		let runtime = GenesisConfigBuilderRuntimeCaller::<()>::new(wasm);
		for preset in [DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET, TESTNET_RUNTIME_PRESET] {
			let mut expected =
				runtime.get_storage_for_named_preset(Some(&preset.to_owned())).unwrap();
			expected.top.insert(well_known_keys::CODE.to_vec(), wasm.to_vec());
			let actual = native_genesis(preset, wasm).unwrap();
			assert_eq!(actual.top, expected.top, "{preset}");
			assert!(actual.children_default.is_empty() && expected.children_default.is_empty());
		}
	}

	#[test]
	fn what_goes_to_a_relay_chain_is_compressed() {
		const LIMIT: usize = 3 * 1024 * 1024;
		let plain = Backend::Portable.wasm().unwrap();
		let compressed = Backend::Portable.compressed_wasm().unwrap();
		assert!(compressed.len() < LIMIT, "{} bytes", compressed.len());
		assert_eq!(
			decompress(&compressed, CODE_BLOB_BOMB_LIMIT).unwrap(),
			decompress(plain, CODE_BLOB_BOMB_LIMIT).unwrap()
		);
		for spec in [local(), testnet()] {
			let spec: Value = serde_json::from_str(&spec.unwrap().as_json(false).unwrap()).unwrap();
			let code = spec["genesis"]["runtimeGenesis"]["code"].as_str().unwrap();
			assert_eq!(sp_core::bytes::from_hex(code).unwrap(), *compressed);
		}
	}

	#[test]
	fn nobody_has_anything_on_the_test_network_before_it_is_started() {
		inspect(native_genesis(TESTNET_RUNTIME_PRESET, &[]).unwrap(), || {
			assert_eq!(pallet_sudo::Key::<Runtime>::get(), None);
			assert!(committee().is_empty());
			for account in Sr25519Keyring::iter() {
				assert_eq!(Balances::total_balance(&account.to_account_id()), 0, "{account}");
			}
			assert_eq!(Balances::total_issuance(), EXISTENTIAL_DEPOSIT);
			assert_eq!(Balances::total_balance(&CollatorPot::get()), EXISTENTIAL_DEPOSIT);
		});
	}

	#[test]
	fn the_test_network_is_refused_until_it_has_collators() {
		for preset in [DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET] {
			assert!(has_collators(&native_genesis(preset, &[]).unwrap()));
		}
		let refused = ensure_collators(&testnet().unwrap()).unwrap_err();
		assert!(refused.contains("no collators"), "{refused}");

		// As operate-node.md says it.
		let collator = Sr25519Keyring::Dave.to_account_id();
		let address = serde_json::to_value(&collator).unwrap();
		let mut spec: Value =
			serde_json::from_str(&testnet().unwrap().as_json(false).unwrap()).unwrap();
		assert_eq!(spec["relayChain"], "paseo");
		assert_eq!(spec["protocolId"], "nil-testnet");
		let patch = &mut spec["genesis"]["runtimeGenesis"]["patch"];
		patch["balances"]["balances"]
			.as_array_mut()
			.unwrap()
			.push(json!([address, 5 * UNIT as u64]));
		json_merge(
			patch,
			json!({
				"parachainInfo": { "parachainId": 4_321 },
				"collatorSelection": { "invulnerables": [address] },
				"session": { "keys": [[address, address, { "aura": address }]] },
				"technicalCommittee": { "members": [address] },
			}),
		);
		let spec = ChainSpec::from_json_bytes(serde_json::to_vec(&spec).unwrap()).unwrap();
		assert_eq!(sc_service::ChainSpec::chain_type(&spec), ChainType::Live);
		let genesis = spec.build_storage().unwrap();
		assert!(has_collators(&genesis));
		inspect(genesis, || {
			assert_eq!(pallet_sudo::Key::<Runtime>::get(), None);
			assert_eq!(committee(), std::slice::from_ref(&collator));
			assert_eq!(Balances::total_balance(&collator), 5 * UNIT);
			assert_eq!(Balances::total_balance(&CollatorPot::get()), EXISTENTIAL_DEPOSIT);
		});
	}
}
