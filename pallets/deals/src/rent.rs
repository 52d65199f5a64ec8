//! Rent: what extensions add to it, how it is paid, and what ended deals still owe.

use crate::{
	Config, DealRent, Deals, Event, HoldReason, Owed, Owing, Pallet, Remnant, Rents, impls::DealOf,
};
use frame_support::{
	defensive,
	storage::with_storage_layer,
	traits::{
		Defensive,
		fungible::hold::Mutate,
		tokens::{Fortitude, Precision, Restriction},
	},
};
use nil_types::{
	Amount, DealId, RelayBlock,
	layout::rent,
	traits::{EpochClock, RelayBeacon, RentPurse, SlotManager, Term, Unpaid},
};
use sp_runtime::DispatchError;

impl<T: Config> Pallet<T> {
	/// Lets all that a deal's slots have signed earn more, when an extension by `blocks` costs `surplus` more per relay block
	/// (times the bytes of a GiB) than what was locked in. It is spread over the `rest` of the term.
	pub(crate) fn raise(
		id: DealId,
		surplus: Amount,
		blocks: RelayBlock,
		rest: RelayBlock,
		deal: &DealOf<T>,
	) {
		let price = surplus
			.saturating_mul(blocks.into())
			.checked_div(rest.into())
			.and_then(|rate| rate.checked_div(deal.stored_bytes.into()))
			.unwrap_or_default();
		if price == 0 {
			return;
		}
		Rents::<T>::mutate(id, |rent| {
			let more = price.saturating_mul(deal.stored_bytes.into());
			rent.rate = rent.rate.saturating_add(more);
		});
		T::Slots::raise(id, price);
		Self::deposit_event(Event::RentRaised { deal: id, price });
	}

	/// What of a deal's locked rent belongs to relay blocks before `now` and is not among the `owed` that its slots have
	/// earned: they failed to earn it, and a repair may spend it.
	pub fn repair_reserve(id: DealId, now: RelayBlock, owed: Amount) -> Amount {
		let Some(deal) = Deals::<T>::get(id) else { return 0 };
		let DealRent { rate, .. } = Rents::<T>::get(id);
		let future = rent(rate, 1, deal.expires_at.saturating_sub(now));
		deal.ledger.locked.saturating_sub(future).saturating_sub(owed)
	}

	/// Gives what a deal that ended owes, and nobody can claim any more, back to who owned it.
	pub(crate) fn release_owed(id: DealId, owing: Owing<T::AccountId>) {
		Self::settle_up(id, owing.remnant);
		let Owing { owner, left, .. } = owing;
		let hold = HoldReason::Escrow.into();
		let amount = T::Currency::release(&hold, &owner, left, Precision::BestEffort)
			.defensive()
			.unwrap_or_default();
		if amount != left {
			defensive!("what is owed is on hold");
		}
		Self::deposit_event(Event::OwedReleased { deal: id, owner, amount });
	}

	/// A deal that ended owes nothing more: what it left in state may go.
	fn settle_up(id: DealId, remnant: Remnant) {
		Owed::<T>::remove(id);
		Self::agenda_leave(id);
		Self::leave_remnant(Remnant { ended_in: T::Epochs::round(), ..remnant });
	}

	/// Takes `amount` out of what a deal has locked or owes. Whose it is.
	fn take_rent(id: DealId, amount: Amount) -> Result<T::AccountId, Unpaid> {
		if let Some(mut deal) = Deals::<T>::get(id) {
			deal.ledger.locked = deal.ledger.locked.checked_sub(amount).ok_or(Unpaid)?;
			let owner = deal.owner.clone();
			Deals::<T>::insert(id, deal);
			return Ok(owner);
		}
		let mut owing =
			Owed::<T>::get(id).filter(|owing| T::Beacon::now() < owing.until).ok_or(Unpaid)?;
		owing.left = owing.left.checked_sub(amount).ok_or(Unpaid)?;
		let owner = owing.owner.clone();
		if owing.left == 0 {
			Self::settle_up(id, owing.remnant);
		} else {
			Owed::<T>::insert(id, owing);
		}
		Ok(owner)
	}
}

impl<T: Config> RentPurse<T::AccountId> for Pallet<T> {
	fn term(deal: DealId) -> Option<Term> {
		let expires_at = Deals::<T>::get(deal)?.expires_at;
		Some(Term { expires_at, least: Rents::<T>::get(deal).least.min(expires_at) })
	}

	fn owe(deal: DealId, amount: Amount, until: RelayBlock) {
		let Some(held) = Deals::<T>::get(deal) else {
			defensive!("a deal that is ending can be read");
			return;
		};
		let (locked, remnant) = (held.ledger.locked, Self::remnant_of(deal, &held));
		let mut owing =
			Owed::<T>::get(deal).unwrap_or(Owing { owner: held.owner, left: 0, until, remnant });
		// No more than there is, whatever slots say.
		let amount = amount.min(locked.saturating_sub(owing.left));
		if amount == 0 {
			return;
		}
		owing.left = owing.left.saturating_add(amount);
		owing.until = owing.until.max(until);
		Owed::<T>::insert(deal, owing);
		Self::deposit_event(Event::RentOwed { deal, amount, until });
	}

	fn pay(deal: DealId, to: &T::AccountId, paid: Amount, burned: Amount) -> Result<(), Unpaid> {
		let hold = HoldReason::Escrow.into();
		with_storage_layer(|| {
			let amount = paid.checked_add(burned).ok_or(DispatchError::Unavailable)?;
			let owner =
				Self::take_rent(deal, amount).map_err(|Unpaid| DispatchError::Unavailable)?;
			if paid > 0 {
				// Whoever owns the account of the hold, what is in it is owed.
				T::Currency::transfer_on_hold(
					&hold,
					&owner,
					to,
					paid,
					Precision::Exact,
					Restriction::Free,
					Fortitude::Force,
				)?;
			}
			if burned > 0 {
				T::Currency::burn_held(&hold, &owner, burned, Precision::Exact, Fortitude::Force)?;
			}
			Self::deposit_event(Event::RentPaid { deal, to: to.clone(), paid, burned });
			Ok::<(), DispatchError>(())
		})
		.map_err(|_| Unpaid)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_locked(deal: DealId, amount: Amount) {
		crate::benchmarking::locked::<T>(deal, amount);
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_owed(deal: DealId, amount: Amount) {
		crate::benchmarking::owed::<T>(deal, amount);
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_endow(who: &T::AccountId) {
		crate::benchmarking::endow::<T>(who);
	}
}
