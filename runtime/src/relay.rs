//! What the runtime takes from the relay chain's state, beside what the parachain system takes.

use crate::{Beacon, BlockNumber, Runtime};
use cumulus_pallet_parachain_system::{
	OnSystemEvent, RelayChainStateProof, RelaychainDataProvider, relay_state_snapshot::Error,
};
use cumulus_primitives_core::{PersistedValidationData, relay_chain::well_known_keys};
use frame_support::weights::Weight;
use nil_types::RelayBlock;
use sp_runtime::traits::BlockNumberProvider;

/// Records the randomness of each block's relay parent in the beacon.
///
/// The relay chain's state proof is part of the block and a collator chooses what goes into it, so an entry that
/// the proof does not cover makes the block invalid: otherwise a collator could leave out randomness that it
/// dislikes. Only an entry that is *proven* to be empty is skipped.
#[derive(Debug)]
pub struct RecordRandomness;

/// Randomness of the relay parent's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayRandomness {
	/// BABE's randomness of the epoch before the current one; stands for an epoch.
	pub one_epoch_ago: Option<[u8; 32]>,
	/// The VRF output of the relay parent's author.
	pub current_block: Option<[u8; 32]>,
}

impl RelayRandomness {
	/// Reads both entries. `Err` when the proof does not cover one of them or when one does not decode.
	pub fn read(proof: &RelayChainStateProof) -> Result<Self, Error> {
		Ok(Self {
			one_epoch_ago: proof.read_optional_entry(well_known_keys::ONE_EPOCH_AGO_RANDOMNESS)?,
			// The relay chain stores an `Option` here: empty when the author claimed its slot without a VRF output.
			current_block: proof
				.read_optional_entry::<Option<[u8; 32]>>(well_known_keys::CURRENT_BLOCK_RANDOMNESS)?
				.flatten(),
		})
	}
}

impl OnSystemEvent for RecordRandomness {
	fn on_validation_data(_: &PersistedValidationData) {}

	fn on_validation_code_applied() {}

	fn on_relay_state_proof(proof: &RelayChainStateProof) -> Weight {
		let randomness = RelayRandomness::read(proof)
			.expect("the relay chain's randomness must be covered by the state proof");
		Beacon::note(relay_parent(), randomness.one_epoch_ago, randomness.current_block)
	}
}

/// The relay parent of the current block: that of the block before until the inherent has run.
pub fn relay_parent() -> RelayBlock {
	RelaychainDataProvider::<Runtime>::current_block_number()
}

/// Counts the relay blocks in which this chain had a block: the clock of governance.
///
/// It goes on by one however many blocks of this chain share a relay parent, and stands still with this chain.
#[derive(Debug)]
pub struct SharedBlocks;

impl BlockNumberProvider for SharedBlocks {
	type BlockNumber = BlockNumber;

	fn current_block_number() -> BlockNumber {
		// The clock would stop after 800 years.
		BlockNumber::try_from(Beacon::recorded()).unwrap_or(BlockNumber::MAX)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn set_block_number(block: BlockNumber) {
		Beacon::set_recorded(block.into());
	}
}
