//! Health: who was silent for too long, and what comes of it.

use crate::{
	BookOf, Books, Config, Error, Event, JournalEnds, Journals, LivenessParams, Pallet, WatchEnds,
	WatchQueue, WeightInfo,
};
use frame_support::{
	ensure,
	traits::{Defensive, DefensiveSaturating, Get},
	weights::{Weight, WeightMeter},
};
use nil_types::{
	Amount,
	traits::{EpochClock, Slashing},
};

/// Steps by which a provider is advanced at a time before it is looked at.
pub(crate) const LOOK_STEPS: u32 = 8;

impl<T: Config> Pallet<T> {
	/// Jails a provider that was silent for too long, and slashes it, once for each time that it was so.
	pub(crate) fn do_report(
		provider: T::AccountId,
		mut book: BookOf<T>,
		reporter: Option<T::AccountId>,
	) -> Result<(), Error<T>> {
		let round = Self::round();
		let params = Self::params();
		// A change that is left may say that nothing was due any more.
		ensure!(
			Self::next_note(&provider, &Journals::<T>::get(&provider), round).is_none(),
			Error::<T>::NotAdvanced
		);
		book.close_until(round);
		let silent = book.silent_row;
		if silent < params.silent_rounds {
			return Err(Error::<T>::NothingToReport);
		}
		book.silent_row = 0;
		Books::<T>::insert(&provider, book);

		T::Stakes::jail(&provider);
		let required = T::Stakes::required(&provider);
		let (slashed, bounty) =
			Self::slash(&params, &provider, required, params.slash, reporter.as_ref());
		Self::deposit_event(Event::Reported { provider, reporter, silent, slashed, bounty });
		Ok(())
	}

	/// Takes a share of a part of its stake from a provider, unless nothing is slashed. What it lost, and what of that the
	/// reporter got.
	pub(crate) fn slash(
		params: &LivenessParams,
		provider: &T::AccountId,
		stake: Amount,
		share: u16,
		reporter: Option<&T::AccountId>,
	) -> (Amount, Amount) {
		if !params.slashing {
			return (0, 0);
		}
		T::Stakes::slash(provider, share_of(stake, share), reporter, params.bounty)
	}

	/// Slashes who submitted wrong proofs, which nobody reported. What it lost.
	pub(crate) fn slash_invalid(provider: &T::AccountId) -> Amount {
		let params = Self::params();
		let required = T::Stakes::required(provider);
		let (slashed, _) = Self::slash(&params, provider, required, params.slash_invalid, None);
		slashed
	}

	/// Has a provider looked at when it may have been silent for too long, counted from the present round.
	pub(crate) fn watch(provider: &T::AccountId) {
		WatchEnds::<T>::mutate(|ends| {
			WatchQueue::<T>::insert(ends.tail, (provider, Self::round()));
			ends.tail = ends.tail.defensive_saturating_add(1);
		});
	}

	/// Looks at providers whose turn it is, while the meter has room.
	pub(crate) fn sweep_silent(meter: &mut WeightMeter) {
		if meter.try_consume(T::WeightInfo::poll()).is_err() {
			return;
		}
		let silent_rounds = Self::params().silent_rounds;
		for _ in 0..T::MaxSweeps::get() {
			let ends = WatchEnds::<T>::get();
			if ends.head >= ends.tail {
				return;
			}
			let Some((provider, entered)) = WatchQueue::<T>::get(ends.head).defensive() else {
				return;
			};
			let is_due = entered.saturating_add(silent_rounds) <= Self::round();
			if !is_due || meter.try_consume(Self::look_weight()).is_err() {
				return;
			}
			Self::look_at(ends, provider);
		}
	}

	/// What looking at a provider may weigh.
	fn look_weight() -> Weight {
		T::WeightInfo::look_at().saturating_add(Self::advance_weight(LOOK_STEPS))
	}

	/// Looks at the first of the providers in the queue, once all is applied that happened to it: nobody else may have done that
	/// for one that is gone. While some of it is left it keeps its turn, and those behind it wait. Who stores something goes to
	/// the end, and of who does not nothing is kept.
	pub(crate) fn look_at(ends: JournalEnds, provider: T::AccountId) {
		Self::apply(&provider, LOOK_STEPS);
		if Self::is_behind(&provider, Self::round()) {
			return;
		}
		WatchQueue::<T>::remove(ends.head);
		let head = ends.head.defensive_saturating_add(1);
		WatchEnds::<T>::put(JournalEnds { head, ..ends });
		let Some(book) = Books::<T>::get(&provider).defensive() else { return };
		let journal = Journals::<T>::get(&provider);
		if book.blobs == 0 && journal.head >= journal.tail {
			// Its slots may have ended since it was looked at last, while it was silent. Then nobody could report that any more.
			let _ = Self::do_report(provider.clone(), book, None);
			Books::<T>::remove(&provider);
			Journals::<T>::remove(&provider);
			Self::deposit_event(Event::Forgotten { provider });
			return;
		}
		Self::watch(&provider);
		// Most were not silent: there is nothing to report.
		let _ = Self::do_report(provider, book, None);
	}
}

/// A share of an amount, in units of 1/10,000, rounded down.
fn share_of(amount: Amount, share: u16) -> Amount {
	amount.saturating_mul(share.into()).checked_div(crate::WHOLE.into()).unwrap_or_default()
}
