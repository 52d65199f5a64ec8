//! The lists of a provider's allocations and slots. All of them are dense: what leaves is replaced by the last.

use crate::{
	BookOf, Config, EndedCommits, Entries, Entry, Faults, HeldSlot, Pallet, Place, Places,
	SlotPlaces, Slots,
};
use alloc::vec::Vec;
use frame_support::{
	defensive,
	traits::{Defensive, DefensiveSaturating},
};
use nil_types::{
	Amount, DealId, Hint, Profile, Round, SlotIndex,
	challenge::{Census, SizeClass},
	traits::Allocation,
};

impl<T: Config> Pallet<T> {
	/// Appends an allocation to its list, and to the rows of its slot, which is appended to the slots if it is new.
	pub(crate) fn list(book: &mut BookOf<T>, provider: &T::AccountId, allocation: &Allocation) {
		let Allocation { deal, slot, generation, hint, profile, first_mdu, rows, price } =
			*allocation;
		let (Some(class), Ok(rows), Ok(first_mdu)) =
			(SizeClass::of(rows), u32::try_from(rows), u32::try_from(first_mdu))
		else {
			defensive!("a commit has a blob per slot at least, and no more than a deal may have");
			return;
		};
		if Places::<T>::contains_key(provider, (deal, slot, generation)) {
			defensive!("a slot signs a commit once");
			return;
		}
		let (at, mut held) = Self::held(provider, deal, slot).unwrap_or_else(|| {
			let at = book.census.slots;
			book.census.slots = at.defensive_saturating_add(1);
			SlotPlaces::<T>::insert(provider, (deal, slot), at);
			let rent = Self::new_rent(book);
			let faults = Faults::default();
			(at, HeldSlot { deal, slot, hint, rows: 0, newest: 0, profile, rent, faults })
		});
		let place = Place { class, index: lengthen(&mut book.census, held.hint, class) };
		let entry = Entry {
			deal,
			slot,
			generation,
			profile,
			first_mdu,
			rows,
			start: held.rows,
			before: held.newest,
		};
		Entries::<T>::insert(provider, (held.hint, place.class, place.index), entry);
		Places::<T>::insert(provider, (deal, slot, generation), place);
		Self::add_rent(book, provider, &mut held, price, rows);
		held.rent.mdus = held.rent.mdus.max(end_of(&profile, first_mdu, rows));
		held.rows = held.rows.defensive_saturating_add(rows);
		held.newest = generation;
		Slots::<T>::insert(provider, at, held);
		book.blobs = book.blobs.defensive_saturating_add(u64::from(rows));
	}

	/// Takes the allocation of a slot that was signed last out of its list, and the slot out of the slots when it was the
	/// only one. What it is owed for a slot that ended in `round` is settled against it. Whether the slot is gone.
	pub(crate) fn unlist(
		book: &mut BookOf<T>,
		provider: &T::AccountId,
		(deal, slot): (DealId, SlotIndex),
		round: Round,
	) -> bool {
		let Some((at, mut held)) = Self::held(provider, deal, slot) else {
			defensive!("a slot that ends had something signed");
			return true;
		};
		let Some(entry) = Self::take_newest(book, provider, &held).defensive() else { return true };
		if let Some(period) = Self::ended_in(provider, deal, slot, round) {
			EndedCommits::<T>::insert((provider, deal, slot, period), entry.generation, ());
		}
		if entry.before == 0 {
			Self::drop_slot(book, provider, at, &held);
			return true;
		}
		held.rows = entry.start;
		held.newest = entry.before;
		Slots::<T>::insert(provider, at, held);
		false
	}

	/// Lets all that is listed of a slot earn more. One that has ended earns nothing, and nothing is done then.
	pub(crate) fn raise(
		book: &BookOf<T>,
		provider: &T::AccountId,
		deal: DealId,
		slot: SlotIndex,
		price: Amount,
	) {
		let Some((at, mut held)) = Self::held(provider, deal, slot) else { return };
		let rows = held.rows;
		Self::add_rent(book, provider, &mut held, price, rows);
		Slots::<T>::insert(provider, at, held);
	}

	/// A slot, and where it stands.
	pub(crate) fn held(
		provider: &T::AccountId,
		deal: DealId,
		slot: SlotIndex,
	) -> Option<(u32, HeldSlot)> {
		let at = SlotPlaces::<T>::get(provider, (deal, slot))?;
		Some((at, Slots::<T>::get(provider, at).defensive()?))
	}

	fn take_newest(
		book: &mut BookOf<T>,
		provider: &T::AccountId,
		held: &HeldSlot,
	) -> Option<Entry> {
		let HeldSlot { deal, slot, hint, newest, .. } = *held;
		let place = Places::<T>::take(provider, (deal, slot, newest))?;
		let Place { class, index } = place;
		let entry = Entries::<T>::take(provider, (hint, class, index))?;
		let last = shorten(&mut book.census, hint, class)?;
		if index != last {
			let moved = Entries::<T>::take(provider, (hint, class, last))?;
			Places::<T>::insert(provider, (moved.deal, moved.slot, moved.generation), place);
			Entries::<T>::insert(provider, (hint, class, index), moved);
		}
		book.blobs = book.blobs.defensive_saturating_sub(u64::from(entry.rows));
		Some(entry)
	}

	fn drop_slot(book: &mut BookOf<T>, provider: &T::AccountId, at: u32, held: &HeldSlot) {
		SlotPlaces::<T>::remove(provider, (held.deal, held.slot));
		let last = book.census.slots.defensive_saturating_sub(1);
		book.census.slots = last;
		let Some(moved) = Slots::<T>::take(provider, last).defensive() else { return };
		if at != last {
			SlotPlaces::<T>::insert(provider, (moved.deal, moved.slot), at);
			Slots::<T>::insert(provider, at, moved);
		}
	}
}

/// MDUs of the slab up to the last one of an allocation.
pub(crate) fn end_of(profile: &Profile, first_mdu: u32, rows: u32) -> u32 {
	first_mdu.saturating_add(rows.div_ceil(profile.rows().max(1).into()))
}

fn lengths(census: &mut Census, hint: Hint) -> &mut Vec<(SizeClass, u32)> {
	match hint {
		Hint::Cold => &mut census.cold,
		Hint::Hot => &mut census.hot,
	}
}

/// Makes a list one longer. The place that it gains.
fn lengthen(census: &mut Census, hint: Hint, class: SizeClass) -> u32 {
	let lengths = lengths(census, hint);
	match lengths.binary_search_by_key(&class, |(class, _)| *class) {
		Ok(at) => lengths.get_mut(at).map_or(0, |(_, length)| {
			let gained = *length;
			*length = gained.defensive_saturating_add(1);
			gained
		}),
		Err(at) => {
			lengths.insert(at, (class, 1));
			0
		},
	}
}

/// Makes a list one shorter. The place that it loses.
fn shorten(census: &mut Census, hint: Hint, class: SizeClass) -> Option<u32> {
	let lengths = lengths(census, hint);
	let at = lengths.binary_search_by_key(&class, |(class, _)| *class).ok()?;
	let (_, length) = lengths.get_mut(at)?;
	let lost = length.checked_sub(1)?;
	*length = lost;
	if lost == 0 {
		lengths.remove(at);
	}
	Some(lost)
}
