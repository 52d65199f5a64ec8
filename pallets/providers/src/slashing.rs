//! Slashing: what providers lose, and who must wait for a pardon.

use crate::{Config, Error, Event, HoldReason, Ledger, Ledgers, Pallet, Parameters, Profiles};
use frame_support::{
	defensive, ensure,
	traits::{
		fungible::MutateHold,
		tokens::{Fortitude, Precision, Restriction},
	},
};
use nil_types::{
	Amount, ProviderStatus,
	traits::{DepartureHooks, RelayBeacon, Slashing},
};
use sp_runtime::DispatchResult;

/// The largest share of a slash that a reporter gets, in units of 1/10,000: at least half is burned.
pub const MAX_REPORTER_SHARE: u16 = 5_000;
/// The share that stands for all.
const WHOLE: u16 = 10_000;

impl<T: Config> Pallet<T> {
	/// Takes up to `amount` out of a provider's books: of its stake, and of what unbonds and is still answerable, the oldest
	/// first, when that is not enough. How much it was.
	fn take_stake(provider: &T::AccountId, ledger: &mut Ledger, amount: Amount) -> Amount {
		let from_stake = amount.min(ledger.stake);
		ledger.stake = ledger.stake.saturating_sub(from_stake);
		let mut taken = from_stake;
		if taken < amount {
			let now = T::Beacon::now();
			Profiles::<T>::mutate_extant(provider, |profile| {
				for part in profile.unbonding.iter_mut().filter(|part| part.until > now) {
					let here = part.amount.min(amount.saturating_sub(taken));
					part.amount = part.amount.saturating_sub(here);
					taken = taken.saturating_add(here);
				}
			});
		}
		taken
	}

	pub(crate) fn do_pardon(operator: T::AccountId) -> DispatchResult {
		let mut ledger = Ledgers::<T>::get(&operator).ok_or(Error::<T>::NotRegistered)?;
		ensure!(ledger.status == ProviderStatus::Jailed, Error::<T>::NotJailed);
		ledger.status = ProviderStatus::Active;
		Self::enlist(&operator, &mut ledger, &Parameters::<T>::get())?;
		Ledgers::<T>::insert(&operator, ledger);
		Self::deposit_event(Event::Pardoned { operator });
		Ok(())
	}
}

impl<T: Config> Slashing<T::AccountId> for Pallet<T> {
	fn required(provider: &T::AccountId) -> Amount {
		Ledgers::<T>::get(provider).map_or(0, |ledger| Parameters::<T>::get().required(ledger.used))
	}

	fn backing(bytes: u64) -> Amount {
		Parameters::<T>::get().backing(bytes)
	}

	fn slash(
		provider: &T::AccountId,
		amount: Amount,
		reporter: Option<&T::AccountId>,
		share: u16,
	) -> (Amount, Amount) {
		let Some(mut ledger) = Ledgers::<T>::get(provider) else { return (0, 0) };
		let taken = Self::take_stake(provider, &mut ledger, amount);
		if taken == 0 {
			return (0, 0);
		}
		Self::reweigh(&ledger, &Parameters::<T>::get());
		let stake = ledger.stake;
		Ledgers::<T>::insert(provider, ledger);

		let hold = HoldReason::Stake.into();
		let share = Amount::from(share.min(MAX_REPORTER_SHARE));
		let bounty = taken.saturating_mul(share).checked_div(WHOLE.into()).unwrap_or_default();
		// Who reports itself, or has no account for so little, gets nothing.
		let bounty = match reporter {
			Some(reporter) if bounty > 0 && reporter != provider => T::Currency::transfer_on_hold(
				&hold,
				provider,
				reporter,
				bounty,
				Precision::Exact,
				Restriction::Free,
				Fortitude::Force,
			)
			.unwrap_or_default(),
			_ => 0,
		};
		let burned = T::Currency::burn_held(
			&hold,
			provider,
			taken.saturating_sub(bounty),
			Precision::BestEffort,
			Fortitude::Force,
		)
		.unwrap_or_default();
		if burned.saturating_add(bounty) != taken {
			defensive!("what is at stake is on hold");
		}
		Self::deposit_event(Event::Slashed {
			operator: provider.clone(),
			taken,
			reporter: reporter.cloned(),
			bounty,
			stake,
		});
		(taken, bounty)
	}

	fn jail(provider: &T::AccountId) {
		// Who drains is responsible for its slots, and can fail them as others do.
		let holds = |ledger: &Ledger| {
			matches!(ledger.status, ProviderStatus::Active | ProviderStatus::Draining)
		};
		let Some(mut ledger) = Ledgers::<T>::get(provider).filter(holds) else { return };
		Self::delist(&mut ledger);
		ledger.status = ProviderStatus::Jailed;
		Ledgers::<T>::insert(provider, ledger);
		T::Departures::departs(provider);
		Self::deposit_event(Event::Jailed { operator: provider.clone() });
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_staked() -> T::AccountId {
		crate::benchmarking::helpers::providers::<T>(1)
			.into_iter()
			.map(|(operator, _)| operator)
			.next()
			.expect("one was asked for")
	}
}
