//! The relay chain of a development chain: made up, but consistent.
//!
//! * *Clock.* Every block of this chain is built on the next relay block, one slot of 6 s later, however fast blocks
//!   are made. So durations that count relay blocks pass quickly, and time on chain runs ahead of the wall clock. The
//!   first block starts at the wall clock; all others continue from their parent, so a restart makes no jump.
//! * *Forks.* No two blocks that one process makes share a relay block, so siblings differ.
//! * *Randomness.* Both entries that the runtime records are hashes of the seed and the relay block, the older one of
//!   the relay block's epoch. They are known to whoever knows the seed, which is what tests want.

use crate::service::FullClient;
use codec::Encode;
use cumulus_client_parachain_inherent::MockValidationDataInherentDataProvider;
use cumulus_primitives_core::{
	GetParachainInfo, ParaId,
	relay_chain::{HeadData, Slot, well_known_keys},
};
use nil_runtime::{RELAY_PARENT_OFFSET, SLOT_DURATION_MILLIS, opaque::Header};
use nil_runtime_api::NilApi;
use nil_types::{RelayBlock, blake2b_256};
use sp_api::ProvideRuntimeApi;
use sp_consensus_aura::digests::CompatibleDigestItem;
use sp_core::{H256, sr25519::Signature};
use sp_runtime::traits::Header as _;
use sp_timestamp::Timestamp;
use std::{
	error::Error,
	sync::{
		Arc,
		atomic::{AtomicU64, Ordering},
	},
};

/// The relay block under the chain's genesis.
const FIRST_RELAY_BLOCK: RelayBlock = 1_000;

/// Relay blocks of an epoch: one minute of relay time.
const EPOCH: RelayBlock = 10;

/// What a block needs from outside: the time, and the relay chain.
pub type Inherents = (sp_timestamp::InherentDataProvider, MockValidationDataInherentDataProvider);

/// A place on the relay chain: a block and its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
	/// The relay block's number.
	pub block: RelayBlock,
	/// The relay block's slot.
	pub slot: u64,
}

impl Place {
	/// The place for a child of a block at `self`, after every slot up to `used`.
	///
	/// The relay chain has a block in every slot.
	#[must_use]
	pub fn next(self, used: u64) -> Self {
		let slot = self.slot.max(used).saturating_add(1);
		let passed =
			RelayBlock::try_from(slot.saturating_sub(self.slot)).unwrap_or(RelayBlock::MAX);
		Self { block: self.block.saturating_add(passed), slot }
	}
}

/// The randomness of relay block `block`: that of the epoch before its own, and its own.
pub fn randomness(seed: &[u8], block: RelayBlock) -> ([u8; 32], [u8; 32]) {
	let hash = |kind: &str, number: RelayBlock| blake2b_256(&(kind, seed, number).encode());
	(hash("epoch", (block / EPOCH).saturating_sub(1)), hash("block", block))
}

/// Makes up the relay chain.
pub struct MockRelay {
	client: Arc<FullClient>,
	seed: Vec<u8>,
	/// The last slot for which this process made a block.
	used: AtomicU64,
}

impl std::fmt::Debug for MockRelay {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		f.debug_struct("MockRelay").field("used", &self.used).finish_non_exhaustive()
	}
}

impl MockRelay {
	/// A relay chain for the chain of `client`, with the randomness of `seed`.
	pub fn new(client: Arc<FullClient>, seed: &[u8]) -> Self {
		Self { client, seed: seed.to_vec(), used: AtomicU64::new(0) }
	}

	/// What a block on `parent` needs.
	pub fn next(&self, parent: H256) -> Result<Inherents, Box<dyn Error + Send + Sync>> {
		let header = self.client.header(parent)?.ok_or_else(|| format!("no block {parent:?}"))?;
		let place = self.place(&header, parent)?.next(self.used.load(Ordering::SeqCst));
		self.used.fetch_max(place.slot, Ordering::SeqCst);

		let para_id = self.client.runtime_api().parachain_id(parent)?;
		let time = place.slot.saturating_mul(SLOT_DURATION_MILLIS);
		Ok((
			sp_timestamp::InherentDataProvider::new(Timestamp::new(time)),
			relay_state(&self.seed, place, para_id, &header),
		))
	}

	/// Where on the relay chain a block is.
	fn place(&self, header: &Header, hash: H256) -> Result<Place, Box<dyn Error + Send + Sync>> {
		if *header.number() == 0 {
			let now = Timestamp::current().as_millis();
			return Ok(Place { block: FIRST_RELAY_BLOCK, slot: now / SLOT_DURATION_MILLIS });
		}
		let slot = header
			.digest()
			.logs()
			.iter()
			.find_map(CompatibleDigestItem::<Signature>::as_aura_pre_digest)
			.ok_or("the parent's header has no slot")?;
		Ok(Place { block: self.client.runtime_api().terms(hash)?.relay_block, slot: *slot })
	}
}

/// The relay chain's state at `place`, for a block on `parent`.
pub fn relay_state(
	seed: &[u8],
	place: Place,
	para_id: ParaId,
	parent: &Header,
) -> MockValidationDataInherentDataProvider {
	let (one_epoch_ago, current_block) = randomness(seed, place.block);
	MockValidationDataInherentDataProvider {
		para_id,
		relay_offset: place.block,
		relay_parent_offset: RELAY_PARENT_OFFSET,
		// The parent counts as included at once: there is nobody who could back it later.
		current_para_block_head: Some(HeadData(parent.encode())),
		// These win over what the provider puts there itself: it takes the block's number for the slot and for the
		// randomness.
		additional_key_values: Some(vec![
			(well_known_keys::CURRENT_SLOT.to_vec(), Slot::from(place.slot).encode()),
			(well_known_keys::ONE_EPOCH_AGO_RANDOMNESS.to_vec(), one_epoch_ago.encode()),
			(well_known_keys::CURRENT_BLOCK_RANDOMNESS.to_vec(), Some(current_block).encode()),
		]),
		// No messages, and the heads of queues that never had any.
		..Default::default()
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_child_is_one_slot_later() {
		let parent = Place { block: 1_000, slot: 70 };
		assert_eq!(parent.next(0), Place { block: 1_001, slot: 71 });
		assert_eq!(parent.next(70), Place { block: 1_001, slot: 71 });
	}

	#[test]
	fn siblings_do_not_share_a_relay_block() {
		let parent = Place { block: 1_000, slot: 70 };
		let first = parent.next(0);
		let second = parent.next(first.slot);
		assert_eq!(second, Place { block: 1_002, slot: 72 });
		assert_eq!(first.next(second.slot), Place { block: 1_003, slot: 73 });
	}

	#[test]
	fn randomness_depends_on_seed_and_relay_block() {
		let (epoch, block) = randomness(b"a", 1_000);
		assert_ne!(block, randomness(b"a", 1_001).1);
		assert_ne!(block, randomness(b"b", 1_000).1);
		assert_eq!(epoch, randomness(b"a", 1_009).0);
		assert_ne!(epoch, randomness(b"a", 1_010).0);
		assert_ne!(epoch, block);
	}
}
