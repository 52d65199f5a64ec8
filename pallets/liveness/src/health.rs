//! Health: who was silent for too long, and what comes of it.

use crate::{Books, Config, Error, Event, Journals, Pallet, Parameters};
use frame_support::{ensure, pallet_prelude::DispatchError};
use nil_types::{
	Amount,
	traits::{EpochClock, Slashing},
};

impl<T: Config> Pallet<T> {
	/// Jails a provider that was silent for too long, and slashes it, once for each time that it was so.
	pub(crate) fn do_report(
		reporter: T::AccountId,
		provider: T::AccountId,
	) -> Result<(), DispatchError> {
		let round = Self::round();
		let params = Parameters::<T>::get().in_round(round);
		let mut book = Books::<T>::get(&provider).ok_or(Error::<T>::NothingToReport)?;
		// Up to the first change that is left: it may say that nothing was due any more.
		let left = Self::next_note(&provider, &Journals::<T>::get(&provider), round);
		book.close_until(left.map_or(round, |note| note.round.saturating_add(1)));
		let silent = book.silent_row;
		ensure!(silent >= params.silent_rounds, Error::<T>::NothingToReport);
		book.silent_row = 0;
		Books::<T>::insert(&provider, book);

		T::Stakes::jail(&provider);
		let (slashed, bounty) = if params.slashing {
			let amount = share_of(T::Stakes::required(&provider), params.slash);
			T::Stakes::slash(&provider, amount, &reporter, params.bounty)
		} else {
			(0, 0)
		};
		Self::deposit_event(Event::Reported { provider, reporter, silent, slashed, bounty });
		Ok(())
	}
}

/// A share of an amount, in units of 1/10,000, rounded down.
fn share_of(amount: Amount, share: u16) -> Amount {
	amount.saturating_mul(share.into()).checked_div(crate::WHOLE.into()).unwrap_or_default()
}
