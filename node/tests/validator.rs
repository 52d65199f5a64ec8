//! What a stock relay chain validator makes of our blocks.
//!
//! A validator has a fixed set of host functions, in which ours are not. So a block that commits content, and thereby
//! extends a manifest point, must pass `validate_block` in the validator's own executor.

mod support;

use codec::Encode;
use cumulus_pallet_parachain_system::{
	RelayChainStateProof,
	relay_state_snapshot::{Error, ReadEntryErr},
};
use nil_node::dev::relay::randomness;
use nil_runtime::{DEFAULT_PARA_ID, relay::RelayRandomness};
use sp_trie::StorageProof;
use std::collections::BTreeSet;
use support::{Backend, TestChain, artifact, deals, uncompressed, validate};

/// Imports that stock validators offer: `HostFunctions` of `polkadot-node-core-pvf-common`.
const OFFERED: &[&str] =
	&["ext_allocator_", "ext_crypto_", "ext_hashing_", "ext_logging_", "ext_misc_", "ext_trie_"];
/// Imports that are replaced while a validator executes a block: by the parachain system, and ours by our executor.
const REPLACED: &[&str] =
	&["ext_default_child_storage_", "ext_nil_", "ext_offchain_index_", "ext_storage_"];
/// Imports that validators offer beside those where the relay chain has enabled RFC-163, and that we use.
const RFC163: &[&str] = &[
	"ext_host_calls_bls12_381_final_exponentiation_",
	"ext_host_calls_bls12_381_msm_g1_",
	"ext_host_calls_bls12_381_mul_g1_",
	"ext_host_calls_bls12_381_multi_miller_loop_",
];
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

#[test]
fn the_runtime_imports_only_what_validators_offer_or_what_is_replaced() {
	for (backend, curve_functions) in [(Backend::Portable, &[][..]), (Backend::Rfc163, RFC163)] {
		let imports = imports(&uncompressed(backend.wasm()));
		assert!(imports.contains("ext_nil_extend_manifest_version_1"), "{imports:?}");
		let unknown: Vec<_> = imports
			.iter()
			.filter(|name| {
				[OFFERED, REPLACED, NEVER_CALLED, curve_functions]
					.concat()
					.iter()
					.all(|prefix| !name.starts_with(prefix))
			})
			.collect();
		assert!(unknown.is_empty(), "{backend:?}: a validator traps on these: {unknown:?}");
		for function in curve_functions {
			assert!(imports.iter().any(|name| name.starts_with(function)), "{function}");
		}
	}
}

#[test]
fn a_validator_accepts_a_commit_and_computes_the_same_manifest() {
	let mut manifests = Vec::new();
	for backend in Backend::ALL {
		let (mut chain, profile) = deals::placed(backend);
		let commit = deals::commit(&chain, profile, 0, 2);
		let built = chain.build_all_good(vec![commit]);
		let deal = deals::info(&chain);
		assert_eq!((deal.generation, deal.total_mdus, deal.manifests.len()), (1, 2, 1));
		manifests.push(deal.manifests);

		let artifact = artifact(backend);
		let result = validate(backend, &artifact, &built).unwrap();
		// The head names the state's root, and the manifest is in that state.
		let [block] = built.pov.blocks() else { panic!("one block was built") };
		assert_eq!(result.head_data.0, block.header.encode());

		// A block whose state root is another one, as it would be if validators computed another manifest, is refused.
		let mut forged = built;
		let [block] = forged.pov.blocks_mut() else { panic!("one block was built") };
		block.header.state_root = Default::default();
		support::reseal(&mut block.header);
		validate(backend, &artifact, &forged).unwrap_err();
	}
	assert_eq!(manifests[0], manifests[1]);
}

#[test]
fn the_runtime_for_rfc163_traps_where_the_relay_chain_has_not_enabled_it() {
	let (mut chain, profile) = deals::placed(Backend::Rfc163);
	let artifact = artifact(Backend::Rfc163);
	let empty = chain.build_all_good(Vec::new());
	validate(Backend::Portable, &artifact, &empty).unwrap();
	let commit = deals::commit(&chain, profile, 0, 2);
	let built = chain.build_all_good(vec![commit]);
	let error = validate(Backend::Portable, &artifact, &built).unwrap_err();
	assert!(error.contains("ext_host_calls_bls12_381_msm_g1"), "{error}");
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
