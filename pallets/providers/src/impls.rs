//! What the calls do, and what others may read.

use crate::{
	Config, Domain, Error, Event, HoldReason, Ledger, Ledgers, MAX_CAPACITY, Multiaddr, Multiaddrs,
	Pallet, Parameters, Params, Profile, ProfileOf, Profiles, RetiredKey, Reweighing, ServiceKeys,
	Sweep, Unbonding, tree,
};
use alloc::vec::Vec;
use frame_support::{
	BoundedVec, ensure,
	traits::{DefensiveSaturating, Get, fungible::MutateHold, tokens::Precision},
};
use nil_types::{
	Amount, Capability, ProviderInfo, ProviderStatus, RelayBlock, ServiceKey,
	traits::{DepartureHooks, RelayBeacon},
};
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_register(
		operator: T::AccountId,
		service_key: ServiceKey,
		multiaddrs: Multiaddrs,
		mut ledger: Ledger,
	) -> DispatchResult {
		ensure!(!Ledgers::<T>::contains_key(&operator), Error::<T>::AlreadyRegistered);
		ensure!(!ServiceKeys::<T>::contains_key(service_key), Error::<T>::ServiceKeyInUse);
		Self::check_multiaddrs(&multiaddrs)?;
		Self::check_domain(&ledger.domain)?;
		Self::check_capacity(ledger.capacity)?;
		let params = Parameters::<T>::get();
		ensure!(ledger.stake >= params.min_stake, Error::<T>::StakeTooLow);

		Self::hold(&operator, ledger.stake)?;
		Self::enlist(&operator, &mut ledger, &params)?;
		ServiceKeys::<T>::insert(service_key, &operator);
		let profile = Profile {
			service_key,
			retired_keys: BoundedVec::new(),
			multiaddrs: multiaddrs.clone(),
			unbonding: BoundedVec::new(),
			since: T::Beacon::now(),
		};
		Profiles::<T>::insert(&operator, profile);
		Ledgers::<T>::insert(&operator, &ledger);
		Self::deposit_event(Event::Registered {
			operator,
			service_key,
			multiaddrs,
			capability: ledger.capability,
			domain: ledger.domain,
			capacity: ledger.capacity,
			price_floor: ledger.price_floor,
			stake: ledger.stake,
		});
		Ok(())
	}

	pub(crate) fn do_update(
		operator: T::AccountId,
		multiaddrs: Option<Multiaddrs>,
		capability: Option<Capability>,
		domain: Option<Domain>,
		capacity: Option<u64>,
		price_floor: Option<Amount>,
	) -> DispatchResult {
		let mut ledger = Self::present(&operator)?;
		let params = Parameters::<T>::get();
		if let Some(multiaddrs) = &multiaddrs {
			Self::check_multiaddrs(multiaddrs)?;
			Profiles::<T>::mutate_extant(&operator, |profile| {
				profile.multiaddrs = multiaddrs.clone();
			});
		}
		if let Some(domain) = &domain {
			Self::check_domain(domain)?;
			if *domain != ledger.domain {
				// The weight must leave the old domain before the key changes.
				Self::set_weight(&ledger, 0);
				ledger.domain = domain.clone();
				ledger.attested = false;
			}
		}
		if let Some(capacity) = capacity {
			Self::check_capacity(capacity)?;
			ensure!(capacity >= ledger.used, Error::<T>::CapacityBelowUsed);
			ledger.capacity = capacity;
		}
		if let Some(price_floor) = price_floor {
			ledger.price_floor = price_floor;
		}
		match capability {
			Some(capability) if capability != ledger.capability => {
				let listed = ledger.position.is_some();
				Self::delist(&mut ledger);
				ledger.capability = capability;
				if listed {
					Self::enlist(&operator, &mut ledger, &params)?;
				}
			},
			_ => Self::reweigh(&ledger, &params),
		}
		Ledgers::<T>::insert(&operator, ledger);
		Self::deposit_event(Event::Updated {
			operator,
			multiaddrs,
			capability,
			domain,
			capacity,
			price_floor,
		});
		Ok(())
	}

	pub(crate) fn do_rotate_service_key(operator: T::AccountId, new: ServiceKey) -> DispatchResult {
		Self::present(&operator)?;
		let now = T::Beacon::now();
		Profiles::<T>::try_mutate(&operator, |profile| {
			let profile = profile.as_mut().ok_or(Error::<T>::NotRegistered)?;
			profile.retired_keys.retain(|retired| {
				let answerable = retired.until > now;
				if !answerable {
					ServiceKeys::<T>::remove(retired.key);
				}
				answerable
			});
			ensure!(!ServiceKeys::<T>::contains_key(new), Error::<T>::ServiceKeyInUse);
			let old = profile.service_key;
			let until = Self::answerable_until();
			profile
				.retired_keys
				.try_push(RetiredKey { key: old, until })
				.map_err(|_| Error::<T>::TooManyRetiredKeys)?;
			profile.service_key = new;
			ServiceKeys::<T>::insert(new, &operator);
			Self::deposit_event(Event::ServiceKeyRotated {
				operator: operator.clone(),
				old,
				new,
				until,
			});
			Ok(())
		})
	}

	pub(crate) fn do_add_stake(operator: T::AccountId, amount: Amount) -> DispatchResult {
		ensure!(amount > 0, Error::<T>::ZeroAmount);
		let mut ledger = Self::present(&operator)?;
		Self::hold(&operator, amount)?;
		// Held amounts add up below the total issuance.
		ledger.stake = ledger.stake.defensive_saturating_add(amount);
		Self::reweigh(&ledger, &Parameters::<T>::get());
		Ledgers::<T>::insert(&operator, &ledger);
		Self::deposit_event(Event::StakeAdded { operator, amount, stake: ledger.stake });
		Ok(())
	}

	pub(crate) fn do_remove_stake(operator: T::AccountId, amount: Amount) -> DispatchResult {
		ensure!(amount > 0, Error::<T>::ZeroAmount);
		let mut ledger = Self::present(&operator)?;
		let params = Parameters::<T>::get();
		let stake = ledger.stake.checked_sub(amount).ok_or(Error::<T>::StakeTooLow)?;
		ensure!(stake >= params.required(ledger.used), Error::<T>::StakeTooLow);
		ledger.stake = stake;
		Self::unbond(&operator, amount, T::MaxUnbonding::get().saturating_sub(1), stake)?;
		Self::reweigh(&ledger, &params);
		Ledgers::<T>::insert(&operator, ledger);
		Ok(())
	}

	pub(crate) fn do_withdraw_stake(operator: T::AccountId) -> DispatchResult {
		let ledger = Ledgers::<T>::get(&operator).ok_or(Error::<T>::NotRegistered)?;
		let mut profile = Profiles::<T>::get(&operator).ok_or(Error::<T>::NotRegistered)?;
		let now = T::Beacon::now();
		let before = profile.unbonding.len();
		let mut amount: Amount = 0;
		profile.unbonding.retain(|part| {
			let answerable = part.until > now;
			if !answerable {
				amount = amount.saturating_add(part.amount);
			}
			answerable
		});
		ensure!(profile.unbonding.len() < before, Error::<T>::NothingToWithdraw);
		T::Currency::release(&HoldReason::Stake.into(), &operator, amount, Precision::Exact)?;
		Self::deposit_event(Event::StakeWithdrawn { operator: operator.clone(), amount });
		if ledger.has_left() && profile.unbonding.is_empty() {
			// The stake of the leaving itself was the last to unbond, so no replaced key is answerable any more.
			Self::remove(operator, &profile);
		} else {
			Profiles::<T>::insert(&operator, profile);
		}
		Ok(())
	}

	pub(crate) fn do_drain(operator: T::AccountId) -> DispatchResult {
		let mut ledger = Self::present(&operator)?;
		ensure!(ledger.status == ProviderStatus::Active, Error::<T>::NotActive);
		Self::delist(&mut ledger);
		ledger.status = ProviderStatus::Draining;
		Ledgers::<T>::insert(&operator, ledger);
		T::Departures::departs(&operator);
		Self::deposit_event(Event::Draining { operator });
		Ok(())
	}

	pub(crate) fn do_leave(operator: T::AccountId) -> DispatchResult {
		let mut ledger = Self::present(&operator)?;
		ensure!(
			matches!(ledger.status, ProviderStatus::Draining | ProviderStatus::Jailed),
			Error::<T>::NotDraining
		);
		ensure!(ledger.slots == 0 && ledger.used == 0, Error::<T>::StillInUse);
		// Also when the stake is 0: the entry keeps the record, and its keys, for the evidence window.
		Self::unbond(&operator, ledger.stake, T::MaxUnbonding::get(), 0)?;
		ledger.stake = 0;
		ledger.status = ProviderStatus::Left;
		Ledgers::<T>::insert(&operator, ledger);
		Self::deposit_event(Event::Left { operator });
		Ok(())
	}

	pub(crate) fn do_attest(operator: T::AccountId, domain: Option<Domain>) -> DispatchResult {
		let mut ledger = Self::present(&operator)?;
		if let Some(domain) = &domain {
			let declared = !domain.is_empty() && *domain == ledger.domain;
			ensure!(declared, Error::<T>::DomainMismatch);
		}
		Self::set_weight(&ledger, 0);
		ledger.attested = domain.is_some();
		Self::reweigh(&ledger, &Parameters::<T>::get());
		Ledgers::<T>::insert(&operator, ledger);
		Self::deposit_event(Event::Attested { operator, domain });
		Ok(())
	}

	/// Whether parameters lie within the pallet's constants.
	pub(crate) fn within_bounds(params: &Params) -> bool {
		params.min_stake <= T::MaxMinStake::get()
			&& params.stake_per_gib <= T::MaxStakePerGib::get()
			&& params.diversity_threshold <= T::MaxDiversityThreshold::get()
	}

	/// Relations between constants.
	pub(crate) fn check_constants() {
		assert!(T::EvidenceWindow::get() > 0, "stake must be answerable for some time");
		assert!(T::MaxUnbonding::get() >= 2, "one removal beside the one kept for leaving");
		assert!(T::MaxRetiredKeys::get() >= 1, "a key must be replaceable");
		assert!(
			u128::from(MAX_CAPACITY >> 20) * u128::from(tree::LEAVES) * 3 <= u128::from(u64::MAX),
			"the weights of all classes must add up in 64 bits"
		);
		assert!(
			T::MaxStakePerGib::get()
				.checked_mul(MAX_CAPACITY.into())
				.is_some_and(|stake| stake < Amount::MAX / 2),
			"the stake of the largest provider saturates"
		);
		assert!(T::MaxMinStake::get() < Amount::MAX / 2, "the least stake saturates with more");
	}

	pub(crate) fn do_set_params(params: Params) -> DispatchResult {
		ensure!(Self::within_bounds(&params), Error::<T>::ParamsOutOfBounds);
		Parameters::<T>::put(params);
		Reweighing::<T>::put(Sweep { class: 0, below: u32::MAX });
		Self::deposit_event(Event::ParamsSet { params });
		Ok(())
	}

	/// The ledger of a provider that has not left.
	fn present(operator: &T::AccountId) -> Result<Ledger, DispatchError> {
		let ledger = Ledgers::<T>::get(operator).ok_or(Error::<T>::NotRegistered)?;
		ensure!(!ledger.has_left(), Error::<T>::HasLeft);
		Ok(ledger)
	}

	/// Holds stake; 0 leaves no trace.
	fn hold(operator: &T::AccountId, amount: Amount) -> DispatchResult {
		if amount == 0 {
			return Ok(());
		}
		T::Currency::hold(&HoldReason::Stake.into(), operator, amount)
	}

	/// Books `amount` as unbonding, with at most `bound` entries. Entries of one relay block are one.
	fn unbond(
		operator: &T::AccountId,
		amount: Amount,
		bound: u32,
		stake: Amount,
	) -> DispatchResult {
		let until = Self::answerable_until();
		Profiles::<T>::try_mutate(operator, |profile| {
			let profile = profile.as_mut().ok_or(Error::<T>::NotRegistered)?;
			match profile.unbonding.last_mut() {
				Some(last) if last.until == until => {
					last.amount = last.amount.defensive_saturating_add(amount);
				},
				_ => {
					ensure!(
						(profile.unbonding.len() as u64) < u64::from(bound),
						Error::<T>::TooManyUnbonding
					);
					profile
						.unbonding
						.try_push(Unbonding { amount, until })
						.map_err(|_| Error::<T>::TooManyUnbonding)?;
				},
			}
			DispatchResult::Ok(())
		})?;
		Self::deposit_event(Event::StakeUnbonding {
			operator: operator.clone(),
			amount,
			stake,
			until,
		});
		Ok(())
	}

	/// Ends a record.
	fn remove(operator: T::AccountId, profile: &ProfileOf<T>) {
		ServiceKeys::<T>::remove(profile.service_key);
		for retired in &profile.retired_keys {
			ServiceKeys::<T>::remove(retired.key);
		}
		Profiles::<T>::remove(&operator);
		Ledgers::<T>::remove(&operator);
		Self::deposit_event(Event::Removed { operator });
	}

	/// The first relay block at which what ends now is no longer answerable.
	fn answerable_until() -> RelayBlock {
		T::Beacon::now().saturating_add(T::EvidenceWindow::get())
	}

	fn check_multiaddrs(multiaddrs: &Multiaddrs) -> DispatchResult {
		let valid =
			|text: &Multiaddr| core::str::from_utf8(text).is_ok_and(|text| text.starts_with('/'));
		ensure!(!multiaddrs.is_empty(), Error::<T>::NoMultiaddr);
		ensure!(multiaddrs.iter().all(valid), Error::<T>::BadMultiaddr);
		Ok(())
	}

	fn check_domain(domain: &Domain) -> DispatchResult {
		ensure!(core::str::from_utf8(domain).is_ok(), Error::<T>::BadDomain);
		Ok(())
	}

	fn check_capacity(capacity: u64) -> DispatchResult {
		ensure!((1..=MAX_CAPACITY).contains(&capacity), Error::<T>::BadCapacity);
		Ok(())
	}

	/// A provider, while its record stands.
	pub fn provider_info(operator: &T::AccountId) -> Option<ProviderInfo<T::AccountId>> {
		Ledgers::<T>::get(operator).and_then(|ledger| Self::info(operator.clone(), ledger))
	}

	/// Up to `limit` providers in the order of storage, from the one after `after` on. The caller bounds `limit`.
	///
	/// `after` need not be registered any more.
	pub fn providers(after: Option<T::AccountId>, limit: u32) -> Vec<ProviderInfo<T::AccountId>> {
		let ledgers = match after {
			Some(after) => Ledgers::<T>::iter_from(Ledgers::<T>::hashed_key_for(after)),
			None => Ledgers::<T>::iter(),
		};
		ledgers
			.filter_map(|(operator, ledger)| Self::info(operator, ledger))
			.take(limit as usize)
			.collect()
	}

	/// The parameters in force.
	pub fn params() -> Params {
		Parameters::<T>::get()
	}

	/// The provider that answers for a service key, replaced ones included.
	pub fn operator_of(key: &ServiceKey) -> Option<T::AccountId> {
		let operator = ServiceKeys::<T>::get(key)?;
		let profile = Profiles::<T>::get(&operator)?;
		let now = T::Beacon::now();
		let retired = |key: &ServiceKey| {
			profile.retired_keys.iter().any(|retired| retired.key == *key && retired.until > now)
		};
		(profile.service_key == *key || retired(key)).then_some(operator)
	}

	fn info(operator: T::AccountId, ledger: Ledger) -> Option<ProviderInfo<T::AccountId>> {
		let profile = Profiles::<T>::get(&operator)?;
		Some(ProviderInfo {
			operator,
			service_key: profile.service_key,
			multiaddrs: profile.multiaddrs.into_iter().map(BoundedVec::into_inner).collect(),
			capability: ledger.capability,
			domain: ledger.domain.into_inner(),
			attested: ledger.attested,
			capacity: ledger.capacity,
			used: ledger.used,
			price_floor: ledger.price_floor,
			stake: ledger.stake,
			slots: ledger.slots,
			status: ledger.status,
			since: profile.since,
		})
	}
}
