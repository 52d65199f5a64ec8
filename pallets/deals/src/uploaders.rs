//! Who may upload beside the owner.

use crate::{Authorisation, Config, Deals, Error, Event, Pallet, Params, Uploaders, impls::DealOf};
use frame_support::{ensure, pallet_prelude::DispatchResult, traits::Defensive};
use nil_types::{Amount, DealId, RelayBlock, Uploader, traits::RelayBeacon};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_authorize_uploader(
		who: T::AccountId,
		id: DealId,
		uploader: T::AccountId,
		max_bytes: u64,
		until: RelayBlock,
	) -> DispatchResult {
		let now = T::Beacon::now();
		let mut deal = Self::living(id, now)?;
		ensure!(deal.owner == who, Error::<T>::NotOwner);
		ensure!(deal.owner != uploader, Error::<T>::OwnerUploads);
		ensure!(max_bytes > 0, Error::<T>::Zero);
		ensure!(now <= until, Error::<T>::UploaderExpired);
		let deposit = Params::<T>::get().uploader_deposit;
		let account = uploader.clone();
		let entry = Authorisation {
			uploader: Uploader { account, remaining_bytes: max_bytes, until },
			deposit,
		};
		let replaced = Uploaders::<T>::try_mutate(id, |entries| {
			match entries.iter_mut().find(|entry| entry.uploader.account == uploader) {
				Some(before) => Ok(core::mem::replace(before, entry).deposit),
				None => {
					entries.try_push(entry).map(|()| 0).map_err(|_| Error::<T>::TooManyUploaders)
				},
			}
		})?;
		Self::release_deposit(&mut deal, replaced);
		deal.ledger = deal.ledger.lock(0, deposit).ok_or(Error::<T>::InsufficientEscrow)?;
		Deals::<T>::insert(id, deal);
		Self::deposit_event(Event::UploaderAuthorized {
			deal: id,
			uploader,
			max_bytes,
			until,
			deposit,
		});
		Ok(())
	}

	pub(crate) fn do_revoke_uploader(
		who: T::AccountId,
		id: DealId,
		uploader: T::AccountId,
	) -> DispatchResult {
		let mut deal = Deals::<T>::get(id).ok_or(Error::<T>::UnknownDeal)?;
		ensure!(who == deal.owner || who == uploader, Error::<T>::NotOwner);
		let mut entries = Uploaders::<T>::get(id);
		let place = entries
			.iter()
			.position(|entry| entry.uploader.account == uploader)
			.ok_or(Error::<T>::UnknownUploader)?;
		let Authorisation { uploader: revoked, deposit } = entries.remove(place);
		if entries.is_empty() {
			Uploaders::<T>::remove(id);
		} else {
			Uploaders::<T>::insert(id, entries);
		}
		Self::release_deposit(&mut deal, deposit);
		Deals::<T>::insert(id, deal);
		Self::deposit_event(Event::UploaderRevoked {
			deal: id,
			uploader,
			left: revoked.remaining_bytes,
			deposit,
		});
		Ok(())
	}

	/// Takes a commit of `bytes` out of the budget of an account that is not the owner.
	pub(crate) fn spend_budget(
		id: DealId,
		who: &T::AccountId,
		bytes: u64,
		now: RelayBlock,
	) -> DispatchResult {
		Uploaders::<T>::try_mutate(id, |entries| {
			let entry = entries
				.iter_mut()
				.find(|entry| entry.uploader.account == *who)
				.ok_or(Error::<T>::NotOwner)?;
			ensure!(entry.uploader.counts_at(now), Error::<T>::UploaderExpired);
			let left = entry.uploader.remaining_bytes.checked_sub(bytes);
			entry.uploader.remaining_bytes = left.ok_or(Error::<T>::BudgetExceeded)?;
			Ok(())
		})
	}

	/// Moves the deposit of an authorisation that ends back to the free escrow.
	fn release_deposit(deal: &mut DealOf<T>, deposit: Amount) {
		// Each authorisation's deposit is in the ledger, which `try_state` checks.
		deal.ledger = deal.ledger.release(deposit).defensive().unwrap_or(deal.ledger);
	}
}
