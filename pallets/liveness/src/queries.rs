//! What providers and their tools ask.

use crate::{
	Asked, BeganAt, Books, Config, Drawn, Entries, Entry, EpochLength, EpochRecord, HeldSlot,
	Journals, LivenessParams, Pallet, Parameters, Place, Places, answers::Found,
};
use alloc::vec::Vec;
use frame_support::traits::Get;
use nil_types::{
	DrawnInfo, DutyInfo, RoundInfo,
	challenge::{epoch_of, epoch_start, samples_of},
	traits::{EpochClock, RelayBeacon},
};

impl<T: Config> Pallet<T> {
	/// The epoch for which the round in force was drawn. `None` while it is not, and in the block that draws it, whose hash
	/// nobody knows yet.
	pub fn epoch() -> Option<EpochRecord> {
		Drawn::<T>::get().filter(|record| record.round == Self::round() && record.block.is_some())
	}

	/// The parameters in force.
	pub fn params() -> LivenessParams {
		Parameters::<T>::get().in_round(Self::round())
	}

	/// The round in force, as the runtime API returns it.
	pub fn round_info() -> RoundInfo {
		let length = EpochLength::<T>::get();
		let drawn = Self::epoch();
		let epoch = drawn.map_or_else(|| epoch_of(T::Beacon::now(), length), |drawn| drawn.epoch);
		let params = Self::params();
		RoundInfo {
			round: Self::round(),
			epoch,
			began_at: BeganAt::<T>::get(),
			draw_from: epoch_start(epoch, length).saturating_add(T::DrawDelay::get()),
			drawn: drawn.and_then(|EpochRecord { randomness, drawn_at: at, block, .. }| {
				Some(DrawnInfo { randomness, at, block: block? })
			}),
			ends_at: epoch_start(epoch.saturating_add(1), length),
			prompt_blocks: params.prompt_blocks,
			samples: params.samples_per_epoch,
			max_items: T::MaxItems::get(),
			max_steps: T::MaxSteps::get(),
		}
	}

	/// What `provider` owes in the round in force, and its account: closed up to that round, or to the first change that waits
	/// to be applied.
	pub fn duty(provider: &T::AccountId) -> DutyInfo {
		let round = Self::round();
		let journal = Journals::<T>::get(provider);
		let behind = Self::is_behind(provider, round);
		let waiting = journal.tail.saturating_sub(journal.head);
		let Some(mut book) = Books::<T>::get(provider) else {
			return DutyInfo { behind, waiting, ..Default::default() };
		};
		let left = Self::next_note(provider, &journal, round);
		book.close_until(left.map_or(round, |note| note.round.saturating_add(1)));
		let mut answered = Vec::new();
		if !behind {
			answered = (0..book.due).filter(|ordinal| book.is_answered(*ordinal)).collect();
		}
		DutyInfo {
			behind,
			waiting,
			due: Self::due(provider),
			answered,
			waivable: Self::waivable(provider),
			blobs: book.blobs,
			slots: book.census.slots,
			index: book.index,
			silent: book.silent,
			missed: book.missed,
		}
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
		let (drawn, _) = Self::draw(provider, &current, &book, ordinal).ok()?;
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
