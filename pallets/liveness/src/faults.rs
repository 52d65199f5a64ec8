//! Misses of slots: what counts as one, how they heal, and what becomes of a slot with too many.

use crate::{
	BookOf, Config, Drawn, DrawnBefore, EpochRecord, Error, Event, EvictionEnds, EvictionQueue,
	Faults, HeldSlot, INDEX_ONE, JournalEnds, Pallet, Slots, WeightInfo, book::HEALTHY,
};
use frame_support::{
	ensure,
	traits::{Defensive, DefensiveSaturating, Get},
	weights::WeightMeter,
};
use nil_types::{
	Amount, DealId, Round, SlotHealth, SlotIndex,
	layout::BLOB_BYTES,
	traits::{EpochClock, Evictions, Slashing},
};

/// What is left of a deficit after so many rounds, an eighth of which each of them heals: by squaring, in 32 steps at most.
fn fade(deficit: u32, mut rounds: Round) -> u32 {
	// Products of two numbers up to 10^9 each.
	let times = |a: u64, b: u64| a.saturating_mul(b).checked_div(INDEX_ONE).unwrap_or_default();
	let (mut left, mut power) = (u64::from(deficit), INDEX_ONE.saturating_sub(INDEX_ONE / 8));
	while rounds > 0 && left > 0 {
		if rounds & 1 == 1 {
			left = times(left, power);
		}
		power = times(power, power);
		rounds >>= 1;
	}
	u32::try_from(left).unwrap_or(HEALTHY)
}

impl Faults {
	/// The same by `round`, when one miss is forgiven in `forgive_rounds` rounds.
	pub(crate) fn healed(self, round: Round, forgive_rounds: u32) -> Self {
		let passed = round.saturating_sub(self.forgiven_at);
		let forgiven = passed.checked_div(forgive_rounds).unwrap_or_default();
		let misses = self.misses.saturating_sub(forgiven);
		let forgiven_at = if misses == 0 {
			// Pardons are not saved up.
			round
		} else {
			self.forgiven_at.saturating_add(forgiven.saturating_mul(forgive_rounds))
		};
		let deficit = fade(self.deficit, round.saturating_sub(self.at));
		Self { misses, forgiven_at, deficit, at: round, queued: self.queued }
	}

	/// Counts a miss.
	pub(crate) fn miss(&mut self) {
		self.misses = self.misses.saturating_add(1);
		self.deficit = self.deficit.saturating_add(self.health() / 8);
	}

	/// Of [`INDEX_ONE`].
	pub(crate) const fn health(&self) -> u32 {
		HEALTHY.saturating_sub(self.deficit)
	}
}

impl<T: Config> Pallet<T> {
	/// The next sample of the round before `round` that stayed open and is to be named, and that round. A book of an earlier
	/// round has none: its provider was silent since.
	pub(crate) fn next_unnamed(book: &BookOf<T>, round: Round) -> Option<(u32, EpochRecord)> {
		if book.round.checked_add(1) != Some(round) {
			return None;
		}
		let ordinal = book.unnamed()?;
		let is_it = |record: &EpochRecord| record.round == book.round;
		let record =
			Drawn::<T>::get().filter(is_it).or_else(DrawnBefore::<T>::get).filter(is_it)?;
		Some((ordinal, record))
	}

	/// Counts a sample that stayed open for the slot that it fell on. The lists must be those that its round found. Returns
	/// how many draws missed.
	pub(crate) fn name_sample(
		provider: &T::AccountId,
		book: &mut BookOf<T>,
		drawn: &EpochRecord,
		ordinal: u32,
	) -> u32 {
		book.named = ordinal.saturating_add(1);
		// What is void is owed by nobody.
		let Ok((found, misses)) = Self::draw(provider, drawn, book, ordinal) else { return 0 };
		let (deal, slot) = found.slot();
		if let Some((at, mut held)) = Self::held(provider, deal, slot)
			&& !held.rent.ended
		{
			Self::miss(provider, &mut held);
			Slots::<T>::insert(provider, at, held);
		}
		misses
	}

	/// Counts a miss of a slot that has not ended, once in a round. One that has too many is to be taken away.
	fn miss(provider: &T::AccountId, held: &mut HeldSlot) {
		// Nothing but a miss reckons faults.
		if held.faults.at == Self::round() {
			return;
		}
		let params = Self::params();
		let HeldSlot { deal, slot, .. } = *held;
		let mut faults = held.faults.healed(Self::round(), params.forgive_rounds);
		faults.miss();
		if faults.misses >= params.evict_misses && !faults.queued {
			faults.queued = true;
			EvictionEnds::<T>::mutate(|ends| {
				EvictionQueue::<T>::insert(ends.tail, (provider, deal, slot));
				ends.tail = ends.tail.defensive_saturating_add(1);
			});
		}
		held.faults = faults;
		let (provider, misses, health) = (provider.clone(), faults.misses, faults.health());
		Self::deposit_event(Event::SlotMissed { provider, deal, slot, misses, health });
	}

	/// Tells what a slot that has not ended forfeited, if anything, and counts it as a miss.
	pub(crate) fn note_forfeit(provider: &T::AccountId, held: &mut HeldSlot, amount: Amount) {
		if amount > 0 {
			Self::tell_forfeit(provider, held.deal, held.slot, amount);
			Self::miss(provider, held);
		}
	}

	/// Takes a slot with too many misses from its provider, and slashes that for it.
	pub(crate) fn take_slot(
		provider: T::AccountId,
		deal: DealId,
		slot: SlotIndex,
		reporter: Option<T::AccountId>,
	) -> Result<(), Error<T>> {
		let params = Self::params();
		let (_, held) = Self::held(&provider, deal, slot)
			.filter(|(_, held)| !held.rent.ended)
			.ok_or(Error::<T>::NothingToReport)?;
		let misses = held.faults.healed(Self::round(), params.forgive_rounds).misses;
		ensure!(misses >= params.evict_misses, Error::<T>::NothingToReport);
		// The end of the slot comes back through the hooks: nothing that was read before holds after it.
		ensure!(T::Evictions::evict(&provider, deal, slot), Error::<T>::NothingToReport);
		let stored = u64::from(held.rows).saturating_mul(BLOB_BYTES as u64);
		let backing = T::Stakes::backing(stored);
		let (slashed, bounty) =
			Self::slash(&params, &provider, backing, params.slash_slot, reporter.as_ref());
		Self::deposit_event(Event::SlotTaken {
			provider,
			deal,
			slot,
			reporter,
			misses,
			slashed,
			bounty,
		});
		Ok(())
	}

	/// Takes slots away that have too many misses, in the order in which they had, while the meter has room.
	pub(crate) fn sweep_slots(meter: &mut WeightMeter) {
		if meter.try_consume(T::WeightInfo::poll()).is_err() {
			return;
		}
		for _ in 0..T::MaxSweeps::get() {
			let ends = EvictionEnds::<T>::get();
			if ends.head >= ends.tail || meter.try_consume(T::WeightInfo::sweep_slot()).is_err() {
				return;
			}
			Self::sweep_slot(ends);
		}
	}

	/// Takes the first of the slots in the queue away, or passes over it: it ended, its misses were forgiven, or it is not its
	/// provider's to lose, who is a candidate.
	pub(crate) fn sweep_slot(ends: JournalEnds) {
		let Some((provider, deal, slot)) = EvictionQueue::<T>::take(ends.head).defensive() else {
			return;
		};
		let head = ends.head.defensive_saturating_add(1);
		EvictionEnds::<T>::put(JournalEnds { head, ..ends });
		if Self::take_slot(provider.clone(), deal, slot, None).is_err()
			&& let Some((at, mut held)) = Self::held(&provider, deal, slot)
		{
			// The next miss brings it back.
			held.faults.queued = false;
			Slots::<T>::insert(&provider, at, held);
		}
	}

	/// How a slot of `provider` that has not ended does. `None` for one in which nothing is listed.
	pub fn slot_health(
		provider: &T::AccountId,
		deal: DealId,
		slot: SlotIndex,
	) -> Option<SlotHealth> {
		let params = Self::params();
		let (_, held) = Self::held(provider, deal, slot).filter(|(_, held)| !held.rent.ended)?;
		let faults = held.faults.healed(Self::round(), params.forgive_rounds);
		let (health, misses) = (faults.health(), faults.misses);
		Some(SlotHealth { slot, health, misses, evict_misses: params.evict_misses })
	}
}
