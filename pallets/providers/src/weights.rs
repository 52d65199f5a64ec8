//! Weights of the registry.
//!
//! A runtime measures its own with this pallet's benchmarks. Those of `()` are for tests: counted by hand from the storage
//! items that each function touches.

use frame_support::weights::{Weight, constants::RocksDbWeight};

/// What the pallet's functions cost.
pub trait WeightInfo {
	/// [`Call::register`](crate::Call::register).
	fn register() -> Weight;
	/// [`Call::update`](crate::Call::update) that changes everything and moves another candidate.
	fn update() -> Weight;
	/// [`Call::rotate_service_key`](crate::Call::rotate_service_key) after all replaced keys have lapsed.
	fn rotate_service_key() -> Weight;
	/// [`Call::add_stake`](crate::Call::add_stake).
	fn add_stake() -> Weight;
	/// [`Call::remove_stake`](crate::Call::remove_stake).
	fn remove_stake() -> Weight;
	/// [`Call::withdraw_stake`](crate::Call::withdraw_stake) that ends a record.
	fn withdraw_stake() -> Weight;
	/// [`Call::drain`](crate::Call::drain) that moves another candidate.
	fn drain() -> Weight;
	/// [`Call::leave`](crate::Call::leave).
	fn leave() -> Weight;
	/// [`Call::attest`](crate::Call::attest).
	fn attest() -> Weight;
	/// [`Call::set_params`](crate::Call::set_params).
	fn set_params() -> Weight;
	/// `on_idle` when nothing is to be re-weighed.
	fn sweep_base() -> Weight;
	/// One candidate re-weighed by `on_idle`.
	fn sweep_candidate() -> Weight;
	/// A draw of `n` operators that makes as many descents as it may.
	fn draw(n: u32) -> Weight;
}

/// Bytes of proof per storage item, a generous mean.
const PROOF_PER_ITEM: u64 = 3_000;

/// A weight for `reads` items read, `writes` written, and some computing for each.
fn counted(reads: u64, writes: u64) -> Weight {
	let computing = 3_000_000u64.saturating_mul(reads.saturating_add(writes));
	Weight::from_parts(computing.saturating_add(10_000_000), PROOF_PER_ITEM.saturating_mul(reads))
		.saturating_add(RocksDbWeight::get().reads_writes(reads, writes))
}

impl WeightInfo for () {
	fn register() -> Weight {
		counted(13, 14)
	}
	fn update() -> Weight {
		counted(22, 22)
	}
	fn rotate_service_key() -> Weight {
		counted(5, 8)
	}
	fn add_stake() -> Weight {
		counted(10, 9)
	}
	fn remove_stake() -> Weight {
		counted(10, 8)
	}
	fn withdraw_stake() -> Weight {
		counted(6, 10)
	}
	fn drain() -> Weight {
		counted(15, 17)
	}
	fn leave() -> Weight {
		counted(4, 3)
	}
	fn attest() -> Weight {
		counted(9, 8)
	}
	fn set_params() -> Weight {
		counted(1, 3)
	}
	fn sweep_base() -> Weight {
		counted(5, 1)
	}
	fn sweep_candidate() -> Weight {
		counted(8, 6)
	}
	fn draw(n: u32) -> Weight {
		let descents = u64::from(crate::draw::max_descents(n));
		// Three nodes below the root, the candidate, its ledger and its domain in two classes.
		counted(descents.saturating_mul(7).saturating_add(7), 0)
	}
}
