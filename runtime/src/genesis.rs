//! Genesis presets: `dev` (one collator, instant chain), `local` (two collators, under a local relay chain) and `testnet`
//! (parameters alone).
//!
//! Epochs of the first two are short, and so are the windows of repairs; those of `testnet` last an hour and a day, as those
//! of any network that is meant.
//!
//! The first two endow the well-known development accounts, whose keys everybody knows, give Alice the administration, and
//! make Alice, Bob and Charlie the technical committee.
//!
//! `testnet` is what the public test network begins with. It has no administrator: what `sudo` does elsewhere, referenda
//! do. It knows no account either: whoever starts the network adds collators, balances and the committee, and until then
//! nobody can make a block ([`authorities_key`] tells). Every list to be filled is in it, empty.

use crate::{
	AccountId, AuraId, Balance, BalancesConfig, CollatorSelectionConfig, DEFAULT_PARA_ID,
	DealsConfig, EXISTENTIAL_DEPOSIT, LivenessConfig, Mode2Config, ParachainInfoConfig,
	PolkadotXcmConfig, ProvidersConfig, Runtime, RuntimeGenesisConfig, SessionConfig, SessionKeys,
	SudoConfig, TechnicalCommitteeConfig, UNIT, configs::CollatorPot,
};
use alloc::vec::Vec;
use cumulus_primitives_core::ParaId;
use frame_support::build_struct_json_patch;
use nil_types::RelayBlock;
use pallet_liveness::{LivenessParams, Tier};
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

/// When providers are asked for samples, and for how many.
struct Epochs {
	/// Relay blocks of an epoch.
	length: RelayBlock,
	/// Epochs of a settlement period.
	settlement: u32,
	/// How much is asked, and what answers are worth.
	params: LivenessParams,
}

/// Epochs of two minutes, and rent settled every sixteen, so that somebody who looks on sees rounds pass. Every eighth sample
/// is drawn by its slot: one. Patience is short likewise: who causes a fault shall see what comes of it.
const SHORT_EPOCHS: Epochs = Epochs {
	length: 20,
	settlement: 8,
	params: LivenessParams {
		samples_per_epoch: 8,
		hot_factor: 2,
		prompt_blocks: 8,
		late: [
			Tier { within: 10, share: 8_000 },
			Tier { within: 13, share: 5_000 },
			Tier { within: 16, share: 2_500 },
		],
		credit_cap: 2_500,
		settle_samples: 2,
		silent_rounds: 6,
		evict_misses: 8,
		forgive_rounds: 168,
		slash: 500,
		slash_slot: 2_000,
		slash_invalid: 500,
		bounty: 1_000,
		slashing: false,
	},
};

/// Epochs of an hour with 22 samples each, which is 528 a day: 525 are needed, and do not divide by 24. Rent is settled every
/// 30 days. Who was silent for a day may be reported and is jailed; nothing is slashed while the network starts.
const HOURS: Epochs = Epochs {
	length: 600,
	settlement: 720,
	params: LivenessParams {
		samples_per_epoch: 22,
		hot_factor: 2,
		prompt_blocks: 200,
		late: [
			Tier { within: 300, share: 8_000 },
			Tier { within: 420, share: 5_000 },
			Tier { within: 600, share: 2_500 },
		],
		credit_cap: 2_500,
		settle_samples: 2,
		silent_rounds: 24,
		evict_misses: 16,
		forgive_rounds: 168,
		slash: 500,
		slash_slot: 2_000,
		slash_invalid: 500,
		bounty: 1_000,
		slashing: false,
	},
};

/// Repairs of a development network: candidates that do nothing are let go, and slots may be replaced again, after ten
/// minutes of relay time, five epochs. On a development chain with a block each second these are 100 seconds.
fn fast_repairs() -> Mode2Config {
	Mode2Config { repair_window: 100, repair_cooldown: 100, ..Default::default() }
}

/// The preset of the public test network.
pub const TESTNET_RUNTIME_PRESET: &str = "testnet";

/// Whom a chain begins with.
#[derive(Default)]
struct Parties {
	/// Who makes blocks, with the keys for it.
	collators: Vec<(AccountId, AuraId)>,
	/// Who holds [`ENDOWMENT`].
	endowed: Vec<AccountId>,
	/// The technical committee.
	committee: Vec<AccountId>,
	/// The administrator.
	root: Option<AccountId>,
}

impl Parties {
	/// The development accounts, some of which make blocks.
	fn development(collators: &[Sr25519Keyring]) -> Self {
		let committee = [Sr25519Keyring::Alice, Sr25519Keyring::Bob, Sr25519Keyring::Charlie];
		Self {
			collators: collators
				.iter()
				.map(|account| (account.to_account_id(), account.public().into()))
				.collect(),
			endowed: Sr25519Keyring::iter().map(Sr25519Keyring::to_account_id).collect(),
			committee: committee.map(Sr25519Keyring::to_account_id).to_vec(),
			root: Some(Sr25519Keyring::Alice.to_account_id()),
		}
	}
}

fn genesis(parties: Parties, epochs: Epochs, repairs: Mode2Config) -> Value {
	let Parties { collators, endowed, committee, root } = parties;
	// The pot must exist from the start: fees below the existential deposit could not be paid into it.
	let pot = CollatorPot::get();
	let balances = endowed
		.into_iter()
		.map(|account| (account, ENDOWMENT))
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
		deals: DealsConfig { params: pallet_deals::DealParams::default() },
		liveness: LivenessConfig {
			epoch_length: epochs.length,
			settlement_epochs: epochs.settlement,
			params: epochs.params,
		},
		mode_2: repairs,
		session: SessionConfig {
			keys: collators
				.into_iter()
				.map(|(account, aura)| (account.clone(), account, SessionKeys { aura }))
				.collect(),
		},
		technical_committee: TechnicalCommitteeConfig { members: committee },
		sudo: SudoConfig { key: root },
	})
}

/// The genesis patch of a preset, as JSON.
pub fn get_preset(id: &PresetId) -> Option<Vec<u8>> {
	let development = |collators: &[Sr25519Keyring]| {
		(Parties::development(collators), SHORT_EPOCHS, fast_repairs())
	};
	let (parties, epochs, repairs) = match id.as_ref() {
		DEV_RUNTIME_PRESET => development(&[Sr25519Keyring::Alice]),
		LOCAL_TESTNET_RUNTIME_PRESET => development(&[Sr25519Keyring::Alice, Sr25519Keyring::Bob]),
		TESTNET_RUNTIME_PRESET => (Parties::default(), HOURS, Mode2Config::default()),
		_ => return None,
	};
	// A `Value` of strings, numbers and lists always serialises.
	serde_json::to_vec(&genesis(parties, epochs, repairs)).ok()
}

/// The presets' names.
pub fn preset_names() -> Vec<PresetId> {
	[DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET, TESTNET_RUNTIME_PRESET]
		.into_iter()
		.map(PresetId::from)
		.collect()
}

/// Where a chain's state says who may make blocks. A genesis without it can have no block after it.
pub fn authorities_key() -> [u8; 32] {
	pallet_aura::Authorities::<Runtime>::hashed_key()
}
