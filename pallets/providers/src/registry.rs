//! The registry as other pallets see it.

use crate::{Config, Event, Ledger, Ledgers, Pallet, Parameters, Profiles};
use alloc::vec::Vec;
use frame_support::{BoundedVec, defensive};
use nil_types::{
	Amount, Hash32, Hint, ProviderStatus, ServiceKey,
	traits::{Departure, ProviderRegistry, RegistryError},
};

impl<T: Config> Pallet<T> {
	/// Stores a changed ledger with its weight, and says so.
	fn settle(operator: &T::AccountId, ledger: Ledger) {
		Self::reweigh(&ledger, &Parameters::<T>::get());
		Self::deposit_event(Event::UsageChanged {
			operator: operator.clone(),
			slots: ledger.slots,
			used: ledger.used,
		});
		Ledgers::<T>::insert(operator, ledger);
	}
}

impl<T: Config> ProviderRegistry<T::AccountId> for Pallet<T> {
	fn draw(seed: Hash32, count: u32, hint: Hint, price: Amount) -> Option<Vec<T::AccountId>> {
		Self::draw_operators(seed, count, hint, price).operators
	}

	fn draw_another(
		seed: Hash32,
		hint: Hint,
		price: Amount,
		bytes: u64,
		excluded: &[T::AccountId],
	) -> Option<T::AccountId> {
		Self::draw_others(seed, 1, hint, price, bytes, excluded).operators?.pop()
	}

	fn departure(provider: &T::AccountId) -> Option<Departure> {
		match Ledgers::<T>::get(provider)?.status {
			ProviderStatus::Active => None,
			ProviderStatus::Draining | ProviderStatus::Left => Some(Departure::Drain),
			ProviderStatus::Jailed => Some(Departure::Eviction),
		}
	}

	/// Only active providers take slots; others are [`RegistryError::Unknown`].
	fn slot_taken(provider: &T::AccountId) -> Result<(), RegistryError> {
		let mut ledger = Ledgers::<T>::get(provider)
			.filter(|ledger| ledger.status == ProviderStatus::Active)
			.ok_or(RegistryError::Unknown)?;
		ledger.slots = ledger.slots.checked_add(1).ok_or(RegistryError::OutOfCapacity)?;
		Self::settle(provider, ledger);
		Ok(())
	}

	fn slot_released(provider: &T::AccountId) {
		let Some(mut ledger) = Ledgers::<T>::get(provider) else {
			defensive!("a provider with slots has a record");
			return;
		};
		match ledger.slots.checked_sub(1) {
			Some(slots) => ledger.slots = slots,
			None => {
				defensive!("a slot is released once");
			},
		}
		Self::settle(provider, ledger);
	}

	/// A draining or jailed provider may still take bytes for slots that it holds; one that has left may not.
	fn add_used(provider: &T::AccountId, bytes: u64) -> Result<(), RegistryError> {
		let mut ledger = Ledgers::<T>::get(provider)
			.filter(|ledger| !ledger.has_left())
			.ok_or(RegistryError::Unknown)?;
		let used = ledger
			.used
			.checked_add(bytes)
			.filter(|used| *used <= ledger.capacity)
			.ok_or(RegistryError::OutOfCapacity)?;
		if used > Parameters::<T>::get().backed(ledger.stake) {
			return Err(RegistryError::OutOfStake);
		}
		ledger.used = used;
		Self::settle(provider, ledger);
		Ok(())
	}

	fn sub_used(provider: &T::AccountId, bytes: u64) {
		let Some(mut ledger) = Ledgers::<T>::get(provider) else {
			defensive!("a provider with used bytes has a record");
			return;
		};
		match ledger.used.checked_sub(bytes) {
			Some(used) => ledger.used = used,
			None => {
				defensive!("no more is given back than was taken");
				ledger.used = 0;
			},
		}
		Self::settle(provider, ledger);
	}

	/// `None` once the provider has left: it signs nothing any more.
	fn service_key(provider: &T::AccountId) -> Option<ServiceKey> {
		let present = Ledgers::<T>::get(provider).is_some_and(|ledger| !ledger.has_left());
		Profiles::<T>::get(provider).filter(|_| present).map(|profile| profile.service_key)
	}

	fn multiaddrs(provider: &T::AccountId) -> Vec<Vec<u8>> {
		Profiles::<T>::get(provider)
			.map(|profile| profile.multiaddrs.into_iter().map(BoundedVec::into_inner).collect())
			.unwrap_or_default()
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_providers(count: u32) -> Vec<(T::AccountId, ServiceKey)> {
		crate::benchmarking::helpers::providers::<T>(count)
	}
}
