//! Rent: what slots earn, period by period.

use crate::{
	BookOf, Books, Config, Counters, Earned, Ending, EndingEnds, EndingQueue, Endings, EpochLength,
	EpochRecord, Event, Faults, HeldSlot, INDEX_ONE, Pallet, Period, Sealed, SettlementEpochs,
	SlotRent, Slots, Tenure, Tenures, lists::end_of,
};
use frame_support::traits::DefensiveSaturating;
use nil_types::{
	Amount, DealId, Epoch, RelayBlock, Round, SlotIndex,
	challenge::{epoch_of, epoch_start},
	layout::BLOB_BYTES,
	traits::{Allocation, EpochClock, RelayBeacon, RentPurse, Term},
};

/// What a round is worth to so many rows at a price per GiB and relay block, when epochs are `length` relay blocks long.
pub(crate) fn rate_of(price: Amount, rows: u32, length: RelayBlock) -> u64 {
	const GIB: Amount = 1 << 30;
	// Below 2^112 with any price that deals may have.
	let bytes = Amount::from(rows).saturating_mul(BLOB_BYTES as Amount);
	let rate = price.saturating_mul(bytes).saturating_mul(length.into()) / GIB;
	u64::try_from(rate).unwrap_or(u64::MAX)
}

/// What `units` of the index are worth at a rate per [`INDEX_ONE`], rounded down.
pub(crate) fn worth(rate: u64, units: u64) -> u64 {
	// Two numbers of 64 bits.
	let worth = u128::from(rate).saturating_mul(units.into()) / u128::from(INDEX_ONE);
	u64::try_from(worth).unwrap_or(u64::MAX)
}

/// The moment up to which rent is reckoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
	/// The epoch in which it lies.
	pub(crate) epoch: Epoch,
	/// The first epoch for which nothing is earned any more.
	pub(crate) last: Epoch,
	/// Epochs of a period.
	pub(crate) period: u32,
	/// The provider's counters at the end of the period before the last one, at the end of the last one, and now.
	pub(crate) counters: [Counters; 3],
}

impl Earned {
	/// Both parts.
	pub fn total(&self) -> Amount {
		Amount::from(self.paid).saturating_add(self.burned.into())
	}

	/// Both together.
	pub(crate) const fn plus(self, other: Self) -> Self {
		Self {
			paid: self.paid.saturating_add(other.paid),
			burned: self.burned.saturating_add(other.burned),
		}
	}
}

impl SlotRent {
	/// Reckons up to a moment. Returns what is forfeited: what was earned in periods before the last one, and not settled in
	/// time.
	pub(crate) fn reckon(&mut self, moment: &Moment) -> Amount {
		let Moment { epoch, last, period, counters: [earlier, before, now] } = *moment;
		let number = |epoch: Epoch| epoch.checked_div(period).unwrap_or_default();
		// No epoch has more than one round, and none from the last one on earns anything.
		let mut budget = u64::from(last.saturating_sub(self.since)).saturating_mul(INDEX_ONE);
		let mut forfeited = 0;
		match number(epoch).saturating_sub(number(self.since)) {
			0 => self.open = self.open.plus(self.earn(now, &mut budget)),
			1 => {
				forfeited = self.closed.total();
				let rest = self.earn(before, &mut budget);
				self.closed = self.open.plus(rest);
				self.closed_mdus = self.mdus;
				self.open = self.earn(now, &mut budget);
			},
			_ => {
				let rest = self.earn(earlier, &mut budget);
				forfeited = self.closed.plus(self.open).plus(rest).total();
				self.closed = self.earn(before, &mut budget);
				self.closed_mdus = self.mdus;
				self.open = self.earn(now, &mut budget);
			},
		}
		self.since = epoch;
		forfeited
	}

	/// What the growth of the counters is worth, within a budget.
	fn earn(&mut self, to: Counters, budget: &mut u64) -> Earned {
		let mut grown = |from: u64, to: u64| {
			let units = to.saturating_sub(from).min(*budget);
			*budget = budget.saturating_sub(units);
			worth(self.rate, units)
		};
		let paid = grown(self.mark.index, to.index);
		let burned = grown(self.mark.late, to.late);
		self.mark = to;
		Earned { paid, burned }
	}
}

impl<T: Config> Pallet<T> {
	/// The period in which an epoch lies.
	pub(crate) fn period_of(epoch: Epoch) -> Period {
		epoch.checked_div(SettlementEpochs::<T>::get()).unwrap_or_default()
	}

	/// The epoch in which the relay clock is.
	pub(crate) fn present() -> Epoch {
		epoch_of(T::Beacon::now(), EpochLength::<T>::get())
	}

	/// The first relay block of a period.
	pub(crate) fn period_start(period: Period) -> RelayBlock {
		epoch_start(period.saturating_mul(SettlementEpochs::<T>::get()), EpochLength::<T>::get())
	}

	/// The first round that was drawn in a period, which is the present one: it decides against what the one before is settled.
	pub fn seal(period: Period) -> Option<EpochRecord> {
		Sealed::<T>::get().filter(|record| Self::period_of(record.epoch) == period)
	}

	/// Takes note of what a provider signed for a slot.
	pub(crate) fn promise(provider: &T::AccountId, allocation: &Allocation) {
		let Allocation { deal, slot, profile, first_mdu, rows, price, .. } = *allocation;
		// What is larger is refused by the lists.
		let (Ok(rows), Ok(first_mdu)) = (u32::try_from(rows), u32::try_from(first_mdu)) else {
			return;
		};
		let rate = rate_of(price, rows, EpochLength::<T>::get());
		let mut tenure = Tenures::<T>::get(provider, (deal, slot)).unwrap_or(Tenure {
			profile,
			rows: 0,
			mdus: 0,
			rate: 0,
		});
		tenure.rows = tenure.rows.saturating_add(rows);
		tenure.mdus = tenure.mdus.max(end_of(&profile, first_mdu, rows));
		tenure.rate = tenure.rate.saturating_add(rate);
		Tenures::<T>::insert(provider, (deal, slot), tenure);
	}

	/// Takes note that all that a provider signed for a slot earns more.
	pub(crate) fn promise_more(
		provider: &T::AccountId,
		deal: DealId,
		slot: SlotIndex,
		price: Amount,
	) {
		let Some(mut tenure) = Tenures::<T>::get(provider, (deal, slot)) else { return };
		let rate = rate_of(price, tenure.rows, EpochLength::<T>::get());
		tenure.rate = tenure.rate.saturating_add(rate);
		Tenures::<T>::insert(provider, (deal, slot), tenure);
	}

	/// The rent of a slot that begins now.
	pub(crate) fn new_rent(book: &BookOf<T>) -> SlotRent {
		SlotRent { mark: book.counters(), since: Self::present(), ..Default::default() }
	}

	/// Reckons a slot's rent up to the rounds that a book has closed. Returns what is forfeited.
	pub(crate) fn reckon(book: &BookOf<T>, held: &mut HeldSlot, term: &Term) -> Amount {
		let epoch = Self::present();
		let period = Self::period_of(epoch);
		let moment = Moment {
			epoch,
			last: epoch_of(term.expires_at, EpochLength::<T>::get()),
			period: SettlementEpochs::<T>::get(),
			counters: [
				book.at_end_of(period.saturating_sub(2)),
				book.at_end_of(period.saturating_sub(1)),
				book.counters(),
			],
		};
		held.rent.reckon(&moment)
	}

	/// Tells what a slot forfeited, if anything.
	pub(crate) fn tell_forfeit(
		provider: &T::AccountId,
		deal: DealId,
		slot: SlotIndex,
		amount: Amount,
	) {
		if amount > 0 {
			let provider = provider.clone();
			Self::deposit_event(Event::RentForfeited { provider, deal, slot, amount });
		}
	}

	/// Lets so many rows of a slot earn a price from now on.
	pub(crate) fn add_rent(
		book: &BookOf<T>,
		provider: &T::AccountId,
		held: &mut HeldSlot,
		price: Amount,
		rows: u32,
	) {
		if held.rent.ended {
			return;
		}
		// A deal that is gone earns nobody anything: its end is in the journal.
		let Some(term) = T::Purse::term(held.deal) else { return };
		let forfeited = Self::reckon(book, held, &term);
		Self::note_forfeit(provider, held, forfeited);
		let rate = rate_of(price, rows, EpochLength::<T>::get());
		held.rent.rate = held.rent.rate.saturating_add(rate);
	}

	/// A provider's account with all rounds closed that are over.
	pub(crate) fn closed_book(provider: &T::AccountId) -> Option<BookOf<T>> {
		let mut book = Books::<T>::get(provider)?;
		book.close_until(Self::round());
		Some(book)
	}

	/// Ends what a slot earns, at the beginning of the round in force. What it is owed stays with its deal: locked while that
	/// goes on, on hold when it ends `with_deal`. Only then is the deal's least term owed, for what is not listed yet as well.
	pub(crate) fn stop_rent(
		provider: &T::AccountId,
		deal: DealId,
		slot: SlotIndex,
		with_deal: bool,
	) {
		let (Some(tenure), Some(term)) =
			(Tenures::<T>::take(provider, (deal, slot)), T::Purse::term(deal))
		else {
			return;
		};
		let (mut earned, mut listed) = (Earned::default(), 0);
		if let Some((at, mut held)) = Self::held(provider, deal, slot)
			&& !held.rent.ended
			&& let Some(book) = Self::closed_book(provider)
		{
			let forfeited = Self::reckon(&book, &mut held, &term);
			Self::tell_forfeit(provider, deal, slot, forfeited);
			// What is listed may be of an earlier tenure, whose end is still in the journal.
			(earned, listed) =
				(held.rent.closed.plus(held.rent.open), held.rent.rate.min(tenure.rate));
			let mdus = held.rent.mdus;
			held.rent = SlotRent { ended: true, mdus, ..Default::default() };
			held.faults = Faults::default();
			Slots::<T>::insert(provider, at, held);
		}
		let (now, length) = (T::Beacon::now(), EpochLength::<T>::get());
		let rest = if with_deal {
			epoch_of(term.least, length).saturating_sub(epoch_of(now, length))
		} else {
			0
		};
		// What is not listed may have been signed in this epoch, and would earn from the next one on.
		let unlisted = tenure.rate.saturating_sub(listed);
		let least = listed
			.saturating_mul(rest.into())
			.saturating_add(unlisted.saturating_mul(rest.saturating_sub(1).into()));
		let owed = earned.plus(Earned { paid: least, burned: 0 });
		if owed.total() > 0 {
			Self::owe_slot(provider, deal, slot, &tenure, owed, with_deal);
		}
	}

	/// Writes down what a slot that ended is owed, beside what it is owed when it ended before in this period.
	fn owe_slot(
		provider: &T::AccountId,
		deal: DealId,
		slot: SlotIndex,
		tenure: &Tenure,
		owed: Earned,
		with_deal: bool,
	) {
		let period = Self::period_of(Self::present());
		if with_deal {
			T::Purse::owe(deal, owed.total(), Self::period_start(period.saturating_add(2)));
		}
		let before = Endings::<T>::get(provider, (deal, slot, period));
		if before.is_none() {
			EndingEnds::<T>::mutate(|ends| {
				EndingQueue::<T>::insert(ends.tail, (provider, deal, slot, period));
				ends.tail = ends.tail.defensive_saturating_add(1);
			});
		}
		let (mdus, sum) = before.map_or((0, Earned::default()), |other| (other.mdus, other.owed));
		let ending = Ending {
			profile: tenure.profile,
			mdus: tenure.mdus.max(mdus),
			round: Self::round(),
			owed: sum.plus(owed),
		};
		Endings::<T>::insert(provider, (deal, slot, period), ending);
		let provider = provider.clone();
		Self::deposit_event(Event::RentEnded { provider, deal, slot, period, owed });
	}

	/// The periods of which a slot that ended in them can still be settled, now or in the next one.
	fn unsettled_periods() -> impl Iterator<Item = Period> {
		let present = Self::period_of(Self::present());
		present.checked_sub(1).into_iter().chain(core::iter::once(present))
	}

	/// The period in which a slot ended that left the lists by a note of `round`, if it is owed anything.
	pub(crate) fn ended_in(
		provider: &T::AccountId,
		deal: DealId,
		slot: SlotIndex,
		round: Round,
	) -> Option<Period> {
		Self::unsettled_periods().find(|period| {
			Endings::<T>::get(provider, (deal, slot, *period))
				.is_some_and(|ending| round <= ending.round)
		})
	}

	/// A deal ends that lost a slot's provider before: what that can still settle is kept.
	pub(crate) fn owe_ending(provider: &T::AccountId, deal: DealId, slot: SlotIndex) {
		for period in Self::unsettled_periods() {
			if let Some(ending) = Endings::<T>::get(provider, (deal, slot, period)) {
				let until = Self::period_start(period.saturating_add(2));
				T::Purse::owe(deal, ending.owed.total(), until);
			}
		}
	}
}
