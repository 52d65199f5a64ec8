//! What providers and their tools ask.

use crate::{
	Asked, Books, Config, Drawn, Entries, Entry, EpochRecord, HeldSlot, LivenessParams, Pallet,
	Parameters, Place, Places, answers::Found,
};
use nil_types::{challenge::samples_of, traits::EpochClock};

impl<T: Config> Pallet<T> {
	/// The epoch for which the round in force was drawn. `None` while it is not.
	pub fn epoch() -> Option<EpochRecord> {
		Drawn::<T>::get().filter(|record| record.round == Self::round())
	}

	/// The parameters in force.
	pub fn params() -> LivenessParams {
		Parameters::<T>::get().in_round(Self::round())
	}

	/// How many samples `provider` is asked for in the round in force. 0 while it is not drawn, and while changes of
	/// earlier rounds are left.
	pub fn due(provider: &T::AccountId) -> u32 {
		match Self::epoch() {
			Some(EpochRecord { round, .. }) if !Self::is_behind(provider, round) => {
				Books::<T>::get(provider)
					.map_or(0, |book| samples_of(Self::params().samples_per_epoch, book.blobs))
			},
			_ => 0,
		}
	}

	/// What `provider` is asked under `ordinal` in the round in force. `None` when that is nothing.
	///
	/// Goes through the commits of a slot: not for calls.
	pub fn asked(provider: &T::AccountId, ordinal: u32) -> Option<Asked> {
		if ordinal >= Self::due(provider) {
			return None;
		}
		let (current, book) = (Self::epoch()?, Books::<T>::get(provider)?);
		let hot_factor = Self::params().hot_factor;
		let (drawn, _) = Self::draw(provider, &current, &book, hot_factor, ordinal).ok()?;
		let (entry, row, place) = match drawn {
			Found::Allocation(entry, row) => (entry, row, None),
			Found::Slot(held, row) => {
				let (entry, place) = Self::at_row(provider, &held, row)?;
				(entry, row.checked_sub(entry.start)?, Some(place))
			},
		};
		let (mdu, leaf) = entry.blob(row);
		let Entry { deal, slot, generation, profile, .. } = entry;
		Some(Asked { deal, slot, generation, profile, mdu, leaf, place })
	}

	/// The allocation of a slot in which one of its rows lies.
	fn at_row(provider: &T::AccountId, held: &HeldSlot, row: u32) -> Option<(Entry, Place)> {
		let mut generation = held.newest;
		loop {
			let place = Places::<T>::get(provider, (held.deal, held.slot, generation))?;
			let entry = Entries::<T>::get(provider, (held.hint, place.class, place.index))?;
			if entry.start <= row {
				return Some((entry, place));
			}
			// The first one starts at 0, so there is one before.
			generation = entry.before;
		}
	}
}
