//! Answers: of which blobs their items must be, and what comes of proofs that are right and of those that are wrong.

use crate::{
	BookOf, Books, Config, Entries, Entry, EpochRecord, Error, Event, HeldSlot, Item,
	LivenessParams, Pallet, Parameters, Place, Slots, WeightInfo,
};
use alloc::{collections::BTreeMap, vec::Vec};
use frame_support::{
	dispatch::{DispatchResultWithPostInfo, Pays},
	ensure,
	traits::{Defensive, Get},
	weights::Weight,
};
use nil_types::{
	DealId, Epoch, G1Compressed, G1Uncompressed, Hash32, Hint, MduIndex, SlotIndex,
	challenge::{Lists, Sample, SizeClass, evaluation_point, gamma, sample},
	layout::{BLOBS_PER_MDU, MDUS_PER_MANIFEST},
	traits::{AnswerClaim, AnswerMath, ContentSource, RelayBeacon},
};

/// What an ordinal draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
	/// A row of an allocation.
	Allocation(Entry, u32),
	/// A row of a slot.
	Slot(HeldSlot, u32),
}

impl Found {
	/// The slot that it is of.
	pub(crate) const fn slot(&self) -> (DealId, SlotIndex) {
		match self {
			Self::Allocation(entry, _) => (entry.deal, entry.slot),
			Self::Slot(held, _) => (held.deal, held.slot),
		}
	}
}

/// A provider's lists, and what was found last in them.
struct Lookup<'a, T: Config> {
	provider: &'a T::AccountId,
	entry: Option<Entry>,
	held: Option<HeldSlot>,
	reads: u32,
}

impl<T: Config> Lists for Lookup<'_, T> {
	type Error = Error<T>;

	fn rows(&mut self, hint: Hint, class: SizeClass, index: u32) -> Result<u64, Error<T>> {
		self.reads = self.reads.saturating_add(1);
		self.entry = Entries::<T>::get(self.provider, (hint, class, index));
		let entry = self.entry.defensive().ok_or(Error::<T>::Inconsistent)?;
		Ok(u64::from(entry.rows))
	}

	fn slot_rows(&mut self, index: u32) -> Result<u64, Error<T>> {
		self.reads = self.reads.saturating_add(1);
		self.held = Slots::<T>::get(self.provider, index);
		let held = self.held.defensive().ok_or(Error::<T>::Inconsistent)?;
		Ok(u64::from(held.rows))
	}
}

/// Manifest points that were read.
pub(crate) type Points = BTreeMap<(DealId, u32), G1Uncompressed>;

impl<T: Config> Pallet<T> {
	/// Checks an answer and takes note of it, or slashes who gave a wrong one.
	pub(crate) fn do_submit(
		who: T::AccountId,
		epoch: Epoch,
		block: Hash32,
		items: &[Item],
		y: &[u8; 32],
		pi: &G1Compressed,
	) -> DispatchResultWithPostInfo {
		let ordinals: Vec<_> = items.iter().map(|item| item.ordinal).collect();
		let (current, params, mut book) = Self::answerable(&who, epoch, block, &ordinals)?;
		let r_e = current.randomness;
		let id: Hash32 = who.clone().into();
		let mut points = Points::new();
		let mut claims = Vec::with_capacity(items.len());
		let mut misses = 0u32;
		for item in items {
			let (drawn, missed) = Self::draw(&who, &current, &book, item.ordinal)?;
			misses = misses.saturating_add(missed);
			let (entry, row) = Self::allocation(&who, item, drawn)?;
			claims.push(Self::claim(
				item,
				&entry,
				row,
				&mut points,
				gamma(&r_e, &id, item.ordinal),
			)?);
		}

		let count = items.len() as u32;
		let (mut weight, mut pays) = (Self::submit_weight_with(count, misses), Pays::Yes);
		if T::Answers::verify(&claims, &evaluation_point(&r_e, &id), y, pi) {
			let open = book.due.saturating_sub(book.count);
			if items.len() >= open.min(T::MaxItems::get()) as usize {
				pays = Pays::No;
			}
			let share = Self::answer_all(&mut book, &current, &params, &ordinals);
			Self::deposit_event(Event::Answered { provider: who.clone(), epoch, ordinals, share });
		} else {
			let slashed = Self::slash_invalid(&who);
			weight.saturating_accrue(T::WeightInfo::slash_invalid());
			let provider = who.clone();
			Self::deposit_event(Event::InvalidProof { provider, epoch, items: count, slashed });
		}
		Books::<T>::insert(who, book);
		Ok((Some(weight), pays).into())
	}

	/// The round in force, its parameters, and the book of somebody who can answer these ordinals in it.
	pub(crate) fn answerable(
		who: &T::AccountId,
		epoch: Epoch,
		block: Hash32,
		ordinals: &[u32],
	) -> Result<(EpochRecord, LivenessParams, BookOf<T>), Error<T>> {
		let current = Self::epoch().ok_or(Error::<T>::NotDrawn)?;
		ensure!(epoch == current.epoch, Error::<T>::WrongEpoch);
		ensure!(current.block == Some(block), Error::<T>::Stale);
		ensure!(!ordinals.is_empty(), Error::<T>::NoItems);
		ensure!(!Self::is_behind(who, current.round), Error::<T>::NotAdvanced);
		let mut book = Books::<T>::get(who).ok_or(Error::<T>::NothingDue)?;
		let params = Parameters::<T>::get().in_round(current.round);
		book.close_until(current.round);
		book.open(params.samples_per_epoch, Self::period_of(current.epoch));
		ensure!(book.due > 0, Error::<T>::NothingDue);
		Self::check_ordinals(&book, ordinals)?;
		Ok((current, params, book))
	}

	/// Ordinals increase, are due, and are open.
	fn check_ordinals(book: &BookOf<T>, ordinals: &[u32]) -> Result<(), Error<T>> {
		let mut before = None;
		for ordinal in ordinals {
			// `None` is below every ordinal.
			ensure!(before < Some(*ordinal), Error::<T>::OutOfOrder);
			ensure!(*ordinal < book.due, Error::<T>::NoSuchOrdinal);
			ensure!(!book.is_answered(*ordinal), Error::<T>::AlreadyAnswered);
			before = Some(*ordinal);
		}
		Ok(())
	}

	/// Takes note of answers to samples that were open. What each is worth now, of [`WHOLE`](crate::WHOLE).
	pub(crate) fn answer_all(
		book: &mut BookOf<T>,
		current: &EpochRecord,
		params: &LivenessParams,
		ordinals: &[u32],
	) -> u16 {
		let share = params.share(T::Beacon::now().saturating_sub(current.drawn_at));
		for ordinal in ordinals {
			book.answer(*ordinal, share);
		}
		share
	}

	/// What an ordinal draws, and after how many misses. The book must be of the round.
	pub(crate) fn draw(
		provider: &T::AccountId,
		round: &EpochRecord,
		book: &BookOf<T>,
		ordinal: u32,
	) -> Result<(Found, u32), Error<T>> {
		let id: Hash32 = provider.clone().into();
		let mut lookup = Lookup::<T> { provider, entry: None, held: None, reads: 0 };
		let EpochRecord { randomness, hot_factor, .. } = round;
		let found = sample(randomness, &id, ordinal, &book.census, *hot_factor, &mut lookup)?;
		// The last that was looked up is what was found.
		let Lookup { entry, held, reads, .. } = lookup;
		let row = |row: u64| u32::try_from(row).map_err(|_| Error::<T>::Inconsistent);
		let drawn = match (found.ok_or(Error::<T>::VoidOrdinal)?, entry, held) {
			(Sample::Listed { row: at, .. }, Some(entry), _) => Found::Allocation(entry, row(at)?),
			(Sample::Slot { row: at, .. }, _, Some(held)) => Found::Slot(held, row(at)?),
			_ => return Err(Error::<T>::Inconsistent),
		};
		Ok((drawn, reads.saturating_sub(1)))
	}

	/// The allocation that an item must be of, and the row in it.
	fn allocation(
		provider: &T::AccountId,
		item: &Item,
		drawn: Found,
	) -> Result<(Entry, u32), Error<T>> {
		match (drawn, item.place) {
			(Found::Allocation(entry, row), None) => Ok((entry, row)),
			(Found::Slot(held, row), Some(Place { class, index })) => {
				let entry = Entries::<T>::get(provider, (held.hint, class, index))
					.ok_or(Error::<T>::WrongPlace)?;
				let of_slot = (entry.deal, entry.slot) == (held.deal, held.slot);
				ensure!(of_slot, Error::<T>::WrongPlace);
				let row = row.checked_sub(entry.start).filter(|row| *row < entry.rows);
				Ok((entry, row.ok_or(Error::<T>::WrongPlace)?))
			},
			_ => Err(Error::<T>::WrongPlace),
		}
	}

	/// What an item must prove, when it is of the right blob and has the form of its profile.
	fn claim<'a>(
		item: &'a Item,
		entry: &Entry,
		row: u32,
		points: &mut Points,
		factor: [u8; 32],
	) -> Result<AnswerClaim<'a>, Error<T>> {
		let profile = entry.profile;
		let (mdu, leaf) = entry.blob(row);
		ensure!(item.mdu == mdu, Error::<T>::WrongMdu);
		ensure!(item.leaf == leaf, Error::<T>::WrongLeaf);
		ensure!(
			(1..=BLOBS_PER_MDU).contains(&usize::from(item.live))
				&& item.path.len() == profile.path_len(),
			Error::<T>::BadStructure
		);
		Ok(AnswerClaim {
			profile,
			manifest: Self::manifest(points, entry.deal, mdu)?,
			mdu,
			live: item.live,
			leaf,
			commitment: &item.commitment,
			path: &item.path,
			manifest_opening: &item.manifest_opening,
			factor,
		})
	}

	/// The manifest point over an MDU as the round found it.
	pub(crate) fn manifest(
		points: &mut Points,
		deal: DealId,
		mdu: MduIndex,
	) -> Result<G1Uncompressed, Error<T>> {
		let index = u32::try_from(mdu / MDUS_PER_MANIFEST as MduIndex)
			.map_err(|_| Error::<T>::Inconsistent)?;
		if let Some(point) = points.get(&(deal, index)) {
			return Ok(*point);
		}
		let point =
			T::Content::manifest(deal, index).defensive().ok_or(Error::<T>::Inconsistent)?;
		points.insert((deal, index), point);
		Ok(point)
	}

	/// What an answer of so many items may weigh: more draws than items never miss but by a chance that is not worth
	/// paying for.
	pub(crate) fn submit_weight(items: u32) -> Weight {
		Self::submit_weight_with(items, items).saturating_add(T::WeightInfo::slash_invalid())
	}

	/// What a right answer of so many items weighs of whose draws so many missed.
	pub(crate) fn submit_weight_with(items: u32, misses: u32) -> Weight {
		T::WeightInfo::submit_proofs(items)
			.saturating_add(T::WeightInfo::look_up().saturating_mul(misses.into()))
	}

	/// One draw that misses, for benchmarks.
	#[cfg(feature = "runtime-benchmarks")]
	pub(crate) fn look_up(provider: &T::AccountId, (hint, class, index): crate::EntryKey) -> bool {
		let mut lookup = Lookup::<T> { provider, entry: None, held: None, reads: 0 };
		lookup.rows(hint, class, index).is_ok()
	}
}
