//! What a stock relay chain validator makes of our blocks.
//!
//! A validator has a fixed set of host functions, in which ours are not. So a block that commits content, and thereby
//! extends a manifest point, must pass `validate_block` in the validator's own executor.

mod support;

use codec::{Decode, Encode};
use cumulus_pallet_parachain_system::{
	RelayChainStateProof,
	relay_state_snapshot::{Error, ReadEntryErr},
};
use nil_node::dev::relay::randomness;
use nil_runtime::{DEFAULT_PARA_ID, UNIT, relay::RelayRandomness};
use nil_types::{
	Capability, CodeKind, ContentShape, DealInfo, DealStatus, Generation, Hint, Profile,
	ReceiptMessage, SlotInfo, SlotState, messages::roots_hash, traits::Receipt,
};
use polkadot_node_core_pvf_common::executor_interface::{execute_artifact, prepare, prevalidate};
use polkadot_parachain_primitives::primitives::{
	BlockData, HeadData, ValidationParams, ValidationResult,
};
use polkadot_primitives::ExecutorParams;
use sp_core::Pair;
use sp_keyring::Sr25519Keyring;
use sp_trie::StorageProof;
use std::collections::BTreeSet;
use support::{Built, TestChain, wasm};

type AccountId = [u8; 32];

/// Imports that stock validators offer: `HostFunctions` of `polkadot-node-core-pvf-common`.
const OFFERED: &[&str] =
	&["ext_allocator_", "ext_crypto_", "ext_hashing_", "ext_logging_", "ext_misc_", "ext_trie_"];
/// Imports that are replaced while a validator executes a block: by the parachain system, and ours by our executor.
const REPLACED: &[&str] =
	&["ext_default_child_storage_", "ext_nil_", "ext_offchain_index_", "ext_storage_"];
/// Imports that no block calls: off-chain workers and the generation of session keys.
const NEVER_CALLED: &[&str] = &["ext_offchain_"];

/// Names of the functions that a wasm blob imports.
fn imports(blob: &[u8]) -> BTreeSet<String> {
	let mut names = BTreeSet::new();
	for payload in wasmparser::Parser::new(0).parse_all(blob) {
		if let wasmparser::Payload::ImportSection(section) = payload.unwrap() {
			for import in section {
				let import = import.unwrap();
				if matches!(import.ty, wasmparser::TypeRef::Func(_)) {
					names.insert(import.name.to_owned());
				}
			}
		}
	}
	names
}

fn uncompressed() -> Vec<u8> {
	sp_maybe_compressed_blob::decompress(wasm(), 64 * 1024 * 1024).unwrap().into_owned()
}

/// Executes `validate_block` as a validator does.
fn validate(artifact: &[u8], built: &Built) -> Result<ValidationResult, String> {
	let params = ValidationParams {
		parent_head: HeadData(built.parent.encode()),
		block_data: BlockData(built.pov.encode()),
		relay_parent_number: built.validation.relay_parent_number,
		relay_parent_storage_root: built.validation.relay_parent_storage_root,
	};
	// SAFETY: the artifact comes from `prepare` and was not modified.
	let result =
		unsafe { execute_artifact(artifact, &ExecutorParams::default(), &params.encode()) };
	let bytes = result.map_err(|error| error.to_string())?;
	ValidationResult::decode(&mut &bytes[..]).map_err(|error| error.to_string())
}

fn artifact() -> Vec<u8> {
	let blob = prevalidate(&uncompressed()).unwrap();
	prepare(blob, &ExecutorParams::default()).unwrap()
}

/// The service key of the provider that `operator` runs.
fn service_key(operator: Sr25519Keyring) -> sp_core::sr25519::Pair {
	sp_core::sr25519::Pair::from_string(&format!("//{operator}//service"), None).unwrap()
}

const OPERATORS: [Sr25519Keyring; 4] =
	[Sr25519Keyring::Bob, Sr25519Keyring::Charlie, Sr25519Keyring::Dave, Sr25519Keyring::Eve];

/// A chain on which Alice's deal 0 of profile 2+1 has its slots.
fn placed_deal() -> (TestChain, Profile) {
	let mut chain = TestChain::new();
	let registrations = OPERATORS
		.map(|operator| {
			chain.sign(
				operator,
				0,
				pallet_providers::Call::register {
					service_key: service_key(operator).public().0,
					multiaddrs: vec![b"/ip4/127.0.0.1/tcp/4100/http".to_vec().try_into().unwrap()]
						.try_into()
						.unwrap(),
					capability: Capability::General,
					domain: Default::default(),
					capacity: 1 << 40,
					price_floor: 0,
					stake: 1_000_000 * UNIT,
				},
			)
		})
		.to_vec();
	chain.build_all_good(registrations);

	let profile = Profile::new(2, 1, CodeKind::Fr).unwrap();
	let create = pallet_deals::Call::create_deal {
		profile,
		hint: Hint::Cold,
		duration: 100_000,
		max_monthly_spend: 0,
		escrow: 1_000 * UNIT,
	};
	let create = chain.sign(Sr25519Keyring::Alice, 0, create);
	chain.build_all_good(vec![create]);
	for _ in 0..20 {
		if deal(&chain).status == DealStatus::Active {
			return (chain, profile);
		}
		chain.build(Vec::new());
	}
	panic!("the deal was not placed: {:?}", deal(&chain));
}

fn deal(chain: &TestChain) -> DealInfo<AccountId> {
	chain.query::<Option<_>>("NilApi_deal", &0u64).expect("deal 0 exists")
}

/// A signed commit of two MDUs to deal 0 of `placed_deal`, with the receipts of all its slots.
fn commit(chain: &TestChain, profile: Profile) -> nil_runtime::UncheckedExtrinsic {
	let size_bytes = nil_types::layout::MDU_PAYLOAD as u64 + 1;
	assert_eq!(ContentShape::new(size_bytes).mdus(), 2);
	let roots = [b"first MDU", b"other MDU"].map(|text| nil_types::hash_to_fr(text));
	let index_root = nil_types::blake2b_256(b"index");
	let index_len = 5;
	let until = chain.place().block + 100;
	let slots: Vec<SlotInfo<AccountId>> = chain.query("NilApi_slots", &0u64);
	assert_eq!(slots.len(), usize::from(profile.n()));
	let receipts: Vec<_> = slots
		.iter()
		.map(|slot| {
			let SlotState::Active { provider } = slot.state else { panic!("{slot:?}") };
			let operator = OPERATORS.into_iter().find(|o| o.to_raw_public() == provider).unwrap();
			let message = ReceiptMessage {
				genesis: chain.genesis().0,
				deal: 0,
				generation: 1,
				slot: slot.slot,
				roots_hash: roots_hash(&roots),
				index_root,
				size_bytes,
				index_len,
				until,
			};
			let signature = service_key(operator).sign(&message.signing_bytes()).0;
			Receipt { slot: slot.slot, until, signature }
		})
		.collect();
	let base_gen: Generation = 0;
	chain.sign(
		Sr25519Keyring::Alice,
		1,
		pallet_deals::Call::commit_content {
			deal: 0,
			base_gen,
			roots: roots.to_vec().try_into().unwrap(),
			index_root,
			size_bytes,
			index_len,
			receipts: receipts.try_into().unwrap(),
		},
	)
}

#[test]
fn the_runtime_imports_only_what_validators_offer_or_what_is_replaced() {
	let imports = imports(&uncompressed());
	assert!(imports.contains("ext_nil_extend_manifest_version_1"), "{imports:?}");
	let unknown: Vec<_> = imports
		.iter()
		.filter(|name| {
			[OFFERED, REPLACED, NEVER_CALLED]
				.concat()
				.iter()
				.all(|prefix| !name.starts_with(prefix))
		})
		.collect();
	assert!(unknown.is_empty(), "a validator traps on these: {unknown:?}");
}

#[test]
fn a_validator_accepts_a_commit_and_computes_the_same_manifest() {
	let (mut chain, profile) = placed_deal();
	let commit = commit(&chain, profile);
	let built = chain.build_all_good(vec![commit]);
	let deal = deal(&chain);
	assert_eq!((deal.generation, deal.total_mdus, deal.manifests.len()), (1, 2, 1));

	let artifact = artifact();
	let result = validate(&artifact, &built).unwrap();
	// The head names the state's root, and the manifest is in that state.
	let [block] = built.pov.blocks() else { panic!("one block was built") };
	assert_eq!(result.head_data.0, block.header.encode());

	// A block whose state root is another one, as it would be if validators computed another manifest, is refused.
	let mut forged = built;
	let [block] = forged.pov.blocks_mut() else { panic!("one block was built") };
	block.header.state_root = Default::default();
	support::reseal(&mut block.header);
	validate(&artifact, &forged).unwrap_err();
}

/// The same relay chain state, in a proof that leaves out what holds `value`.
fn without(proof: StorageProof, value: &[u8]) -> StorageProof {
	let all = proof.iter_nodes().count();
	let kept = StorageProof::new(
		proof
			.into_iter_nodes()
			.filter(|node| !node.windows(value.len()).any(|window| window == value)),
	);
	assert_eq!(kept.iter_nodes().count(), all - 1);
	kept
}

#[test]
fn a_proof_that_leaves_out_randomness_makes_the_block_invalid() {
	let mut chain = TestChain::new();
	chain.build_all_good(Vec::new());
	let (_, current_block) = randomness(support::SEED, chain.place().next(0).block);
	let mut shown = None;
	let refused = chain.build_with(Vec::new(), |data| {
		data.relay_chain_state = without(data.relay_chain_state.clone(), &current_block);
		let root = data.validation_data.relay_parent_storage_root;
		let state = data.relay_chain_state.clone();
		shown = RelayChainStateProof::new(DEFAULT_PARA_ID.into(), root, state).ok();
	});
	// The proof is good for everything else, and that entry cannot be read from it.
	let proof = shown.expect("the root is still that of the relay chain");
	proof.read_slot().unwrap();
	let unreadable = RelayRandomness::read(&proof).unwrap_err();
	assert!(matches!(unreadable, Error::ReadOptionalEntry(ReadEntryErr::Proof)), "{unreadable:?}");
	let error = refused.err().expect("the runtime must refuse the block");
	assert!(error.starts_with("BlockBuilder_apply_extrinsic"), "{error}");
	// Nothing is wrong with the chain otherwise.
	chain.build_all_good(Vec::new());
}
