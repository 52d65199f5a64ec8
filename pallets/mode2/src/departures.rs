//! Providers whose slots go to others: those that drain, and those that were jailed.

use crate::{
	Config, Departing, DepartureCursor, DepartureEnds, LaneEnds, Pallet, SlotsOf, WeightInfo,
};
use frame_support::{
	traits::{DefensiveSaturating, Get},
	weights::WeightMeter,
};
use nil_types::traits::{DepartureHooks, ProviderRegistry};

impl<T: Config> Pallet<T> {
	/// Looks at the next slots of providers that depart, while the meter has room and repairs may be asked for.
	pub(crate) fn serve_departures(meter: &mut WeightMeter) {
		if meter.try_consume(T::WeightInfo::serve_repairs_base()).is_err()
			|| DepartureEnds::<T>::get().waiting == 0
		{
			return;
		}
		for _ in 0..T::MaxDepartureSteps::get() {
			if meter.try_consume(T::WeightInfo::departure_step()).is_err()
				|| !Self::may_depart()
				|| !Self::departure_step()
			{
				return;
			}
		}
	}

	/// Looks at the next slot of the provider at the head. When there is none, the provider is through, or goes to the end
	/// because some of its slots had to wait. Whether anybody departs.
	pub(crate) fn departure_step() -> bool {
		let LaneEnds { head, tail, .. } = DepartureEnds::<T>::get();
		if head >= tail {
			return false;
		}
		let provider = Departing::<T>::get(head)
			.filter(|provider| T::Providers::departure(provider).is_some());
		let Some(provider) = provider else {
			Self::pass_departure();
			return true;
		};
		let next = match DepartureCursor::<T>::get() {
			None => SlotsOf::<T>::iter_key_prefix(&provider).next(),
			Some(last) => SlotsOf::<T>::iter_key_prefix_from(
				&provider,
				SlotsOf::<T>::hashed_key_for(&provider, last),
			)
			.next(),
		};
		match next {
			Some((deal, slot)) => {
				DepartureCursor::<T>::put((deal, slot));
				Self::do_relieve(&provider, deal, slot);
			},
			None => {
				Self::pass_departure();
				if SlotsOf::<T>::iter_key_prefix(&provider).next().is_some() {
					<Self as DepartureHooks<_>>::departs(&provider);
				}
			},
		}
		true
	}

	fn pass_departure() {
		DepartureCursor::<T>::kill();
		DepartureEnds::<T>::mutate(|ends| {
			Departing::<T>::remove(ends.head);
			ends.head = ends.head.defensive_saturating_add(1);
			ends.waiting = ends.waiting.defensive_saturating_sub(1);
		});
	}
}

impl<T: Config> DepartureHooks<T::AccountId> for Pallet<T> {
	fn departs(provider: &T::AccountId) {
		DepartureEnds::<T>::mutate(|ends| {
			Departing::<T>::insert(ends.tail, provider);
			ends.tail = ends.tail.defensive_saturating_add(1);
			ends.waiting = ends.waiting.defensive_saturating_add(1);
		});
	}
}
