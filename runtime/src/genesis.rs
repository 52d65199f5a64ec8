//! Genesis presets: `dev` (one collator, instant chain) and `local` (two collators, under a local relay chain).
//!
//! Both endow the well-known development accounts, whose keys everybody knows, and give Alice the administration.

use crate::{
	AccountId, AuraId, Balance, BalancesConfig, CollatorSelectionConfig, DEFAULT_PARA_ID,
	EXISTENTIAL_DEPOSIT, ParachainInfoConfig, PolkadotXcmConfig, ProvidersConfig,
	RuntimeGenesisConfig, SessionConfig, SessionKeys, SudoConfig, UNIT, configs::CollatorPot,
};
use alloc::{vec, vec::Vec};
use cumulus_primitives_core::ParaId;
use frame_support::build_struct_json_patch;
use serde_json::Value;
use sp_genesis_builder::{DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET, PresetId};
use sp_keyring::Sr25519Keyring;
use staging_xcm::prelude::XCM_VERSION;

/// What each development account holds.
const ENDOWMENT: Balance = 1_000_000_000 * UNIT;

/// What a collator that is not invulnerable must reserve.
const CANDIDACY_BOND: Balance = 1_000 * UNIT;

/// What registered providers must hold: enough that stake is felt, little enough that testers have it.
const PROVIDER_PARAMS: pallet_providers::Params = pallet_providers::Params {
	min_stake: 100 * UNIT,
	stake_per_gib: 10 * UNIT,
	diversity_threshold: 8,
};

fn genesis(collators: Vec<(AccountId, AuraId)>, root: AccountId) -> Value {
	// The pot must exist from the start: fees below the existential deposit could not be paid into it.
	let pot = CollatorPot::get();
	let balances = Sr25519Keyring::iter()
		.map(|account| (account.to_account_id(), ENDOWMENT))
		.chain([(pot, EXISTENTIAL_DEPOSIT)])
		.collect();
	build_struct_json_patch!(RuntimeGenesisConfig {
		balances: BalancesConfig { balances },
		parachain_info: ParachainInfoConfig { parachain_id: ParaId::from(DEFAULT_PARA_ID) },
		collator_selection: CollatorSelectionConfig {
			invulnerables: collators.iter().map(|(account, _)| account.clone()).collect(),
			candidacy_bond: CANDIDACY_BOND,
		},
		// What chains are assumed to understand until they say what they do.
		polkadot_xcm: PolkadotXcmConfig { safe_xcm_version: Some(XCM_VERSION) },
		providers: ProvidersConfig { params: PROVIDER_PARAMS },
		session: SessionConfig {
			keys: collators
				.into_iter()
				.map(|(account, aura)| (account.clone(), account, SessionKeys { aura }))
				.collect(),
		},
		sudo: SudoConfig { key: Some(root) },
	})
}

fn collator(account: Sr25519Keyring) -> (AccountId, AuraId) {
	(account.to_account_id(), account.public().into())
}

/// The genesis patch of a preset, as JSON.
pub fn get_preset(id: &PresetId) -> Option<Vec<u8>> {
	let collators = match id.as_ref() {
		DEV_RUNTIME_PRESET => vec![collator(Sr25519Keyring::Alice)],
		LOCAL_TESTNET_RUNTIME_PRESET => {
			vec![collator(Sr25519Keyring::Alice), collator(Sr25519Keyring::Bob)]
		},
		_ => return None,
	};
	let patch = genesis(collators, Sr25519Keyring::Alice.to_account_id());
	// A `Value` of strings, numbers and lists always serialises.
	serde_json::to_vec(&patch).ok()
}

/// The presets' names.
pub fn preset_names() -> Vec<PresetId> {
	vec![PresetId::from(DEV_RUNTIME_PRESET), PresetId::from(LOCAL_TESTNET_RUNTIME_PRESET)]
}
