//! Taking and finding records.

#[cfg(feature = "runtime-benchmarks")]
use crate::Bounds;
use crate::{
	Config, Event, LastDropped, LastRelayBlock, Pallet, Record, Records, Ring, WeightInfo,
};
use frame_support::{defensive, traits::Get, weights::Weight};
use nil_types::{
	Hash32, RelayBlock,
	traits::{BeaconPruned, Randomness, RelayBeacon},
};

/// Records dropped for one that is added, at most. One is enough while the capacity stands; two let the ring shrink
/// after an upgrade that lowers it.
const DROPS_PER_NOTE: u64 = 2;

impl<T: Config> Pallet<T> {
	/// Takes note of the block's relay parent and of the two randomness entries that its state proves.
	///
	/// The clock moves in any case. A record is made when both entries are there and `relay_parent` is above that of
	/// the newest record. Returns the weight of the work, for the runtime to add to that of the inherent.
	pub fn note(
		relay_parent: RelayBlock,
		one_epoch_ago: Option<Hash32>,
		current: Option<Hash32>,
	) -> Weight {
		// Cumulus already demands that relay parents do not go back; a clock that could would undo deadlines.
		LastRelayBlock::<T>::mutate(|last| *last = relay_parent.max(*last));
		if let (Some(one_epoch_ago), Some(current)) = (one_epoch_ago, current) {
			let mut randomness = [0; 64];
			let (left, right) = randomness.split_at_mut(32);
			left.copy_from_slice(&one_epoch_ago);
			right.copy_from_slice(&current);
			Self::push(Record { relay_block: relay_parent, randomness });
		}
		T::WeightInfo::note()
	}

	/// The relay parent of the current block.
	pub fn now() -> RelayBlock {
		LastRelayBlock::<T>::get()
	}

	/// How many records were made, those that have made room included: relay blocks of which this chain took note.
	pub fn recorded() -> u64 {
		Ring::<T>::get().next
	}

	/// Drops all records and goes on as if `count` had been made.
	#[cfg(feature = "runtime-benchmarks")]
	pub fn set_recorded(count: u64) {
		let Bounds { first, next } = Ring::<T>::get();
		(first..next).for_each(Records::<T>::remove);
		Ring::<T>::put(Bounds { first: count, next: count });
		LastDropped::<T>::put(LastRelayBlock::<T>::get());
	}

	/// The first record at or after relay block `at`; `None` while there is none yet.
	///
	/// # Errors
	///
	/// [`BeaconPruned`] when the first such record may have been dropped.
	pub fn first_at_or_after(at: RelayBlock) -> Result<Option<Record>, BeaconPruned> {
		if LastDropped::<T>::get().is_some_and(|dropped| at <= dropped) {
			return Err(BeaconPruned);
		}
		// The records below `low` are before `at`, those from `high` on are not.
		let bounds = Ring::<T>::get();
		let (mut low, mut high) = (bounds.first, bounds.next);
		let mut found = None;
		while low < high {
			let middle = low.midpoint(high);
			let Some(record) = Records::<T>::get(middle) else {
				defensive!("every record between the bounds is kept");
				return Err(BeaconPruned);
			};
			if record.relay_block < at {
				low = middle.saturating_add(1);
			} else {
				high = middle;
				found = Some(record);
			}
		}
		Ok(found)
	}

	/// Adds a record unless it is not newer than the newest, and drops the oldest above the capacity.
	fn push(record: Record) {
		let mut bounds = Ring::<T>::get();
		let newest = match bounds.next.checked_sub(1) {
			Some(last) if !bounds.is_empty() => {
				Records::<T>::get(last).map(|record| record.relay_block)
			},
			_ => None,
		};
		if newest.is_some_and(|newest| record.relay_block <= newest) {
			return;
		}
		Records::<T>::insert(bounds.next, record);
		// 2^64 records are never made.
		bounds.next = bounds.next.saturating_add(1);
		for _ in 0..DROPS_PER_NOTE {
			if bounds.len() <= u64::from(T::Capacity::get()) {
				break;
			}
			if let Some(oldest) = Records::<T>::take(bounds.first) {
				LastDropped::<T>::put(oldest.relay_block);
			}
			bounds.first = bounds.first.saturating_add(1);
		}
		Ring::<T>::put(bounds);
		Self::deposit_event(Event::Recorded { relay_block: record.relay_block });
	}
}

impl<T: Config> RelayBeacon for Pallet<T> {
	fn now() -> RelayBlock {
		Self::now()
	}

	fn first_at_or_after(at: RelayBlock) -> Result<Option<(RelayBlock, Randomness)>, BeaconPruned> {
		let found = Self::first_at_or_after(at)?;
		Ok(found.map(|record| (record.relay_block, record.randomness)))
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn set_record(at: RelayBlock, randomness: Randomness) {
		LastRelayBlock::<T>::mutate(|last| *last = at.max(*last));
		Self::push(Record { relay_block: at, randomness });
	}
}
