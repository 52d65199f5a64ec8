//! The queue of requests for slots: two lanes of tickets, each in the order in which its requests are due.

use crate::{
	Config, Deferral, Event, Head, Lane, LaneEnds, Lanes, Outcome, Pallet, ProviderList, Queue,
	RepairQueue, Repairs, Request, Requests, Slot, SlotKey, SlotList, SlotsOf, Stripe, Stripes,
	WeightInfo,
};
use alloc::vec::Vec;
use frame_support::{
	defensive,
	storage::with_storage_layer,
	traits::{Defensive, DefensiveSaturating, Get},
	weights::{Weight, WeightMeter},
};
use nil_types::{
	DealId, Profile, RelayBlock, SlotIndex,
	messages::PlacementSeed,
	traits::{BeaconPruned, DealHooks, ProviderRegistry, Randomness, RelayBeacon},
};
use sp_runtime::DispatchError;

impl Lane {
	/// The lanes of requests for stripes, in the order in which a round serves them.
	pub(crate) const ALL: [Self; 2] = [Self::Fresh, Self::Retry];
	/// The lanes of repairs, in the order in which a round serves them.
	pub(crate) const REPAIRS: [Self; 5] =
		[Self::Repair, Self::RepairRetry, Self::Sampling, Self::Window, Self::Adopting];
}

impl<T: Config> Pallet<T> {
	/// Requests that may wait in a lane.
	pub(crate) fn lane_capacity(lane: Lane) -> u32 {
		match lane {
			Lane::Fresh => T::MaxFresh::get(),
			Lane::Retry => T::MaxRetrying::get(),
			// Each has a slot of its own, and evictions are not put off.
			Lane::Repair | Lane::RepairRetry | Lane::Sampling | Lane::Window | Lane::Adopting => {
				u32::MAX
			},
		}
	}

	/// Whether more slots of departing providers may ask for candidates.
	pub(crate) fn may_depart() -> bool {
		Lanes::<T>::get(Lane::Repair).waiting < T::MaxRepairs::get()
	}

	/// Takes a ticket at the end of a lane.
	fn take_ticket(lane: Lane) -> u64 {
		Lanes::<T>::mutate(lane, |ends| {
			let ticket = ends.tail;
			// No chain lives long enough to give out so many.
			ends.tail = ticket.defensive_saturating_add(1);
			ends.waiting = ends.waiting.defensive_saturating_add(1);
			ticket
		})
	}

	/// Gives a deal a ticket at the end of a lane of requests. `None` when the lane is full.
	pub(crate) fn enqueue(lane: Lane, deal: DealId) -> Option<(Lane, u64)> {
		if Lanes::<T>::get(lane).waiting >= Self::lane_capacity(lane) {
			return None;
		}
		let ticket = Self::take_ticket(lane);
		Queue::<T>::insert(lane, ticket, deal);
		Some((lane, ticket))
	}

	/// Gives a slot a ticket at the end of a lane of repairs.
	pub(crate) fn enqueue_repair(lane: Lane, slot: SlotKey) -> (Lane, u64) {
		let ticket = Self::take_ticket(lane);
		RepairQueue::<T>::insert(lane, ticket, slot);
		(lane, ticket)
	}

	/// Takes a request or a repair out of the queue, wherever in it it waits.
	pub(crate) fn dequeue((lane, ticket): (Lane, u64)) {
		if Lane::REPAIRS.contains(&lane) {
			RepairQueue::<T>::remove(lane, ticket);
		} else {
			Queue::<T>::remove(lane, ticket);
		}
		Lanes::<T>::mutate(lane, |ends| {
			ends.waiting = ends.waiting.defensive_saturating_sub(1);
			if ends.head == ticket {
				ends.head = ticket.saturating_add(1);
			}
		});
	}

	/// Does what is due for repairs, the lanes in turn, while the meter has room for another step.
	pub(crate) fn serve_repairs(meter: &mut WeightMeter) {
		if meter.try_consume(T::WeightInfo::serve_repairs_base()).is_err() {
			return;
		}
		let now = T::Beacon::now();
		let mut open = Lane::REPAIRS.map(|lane| (lane, Lanes::<T>::get(lane).waiting > 0));
		while open.iter().any(|(_, open)| *open) {
			for (lane, open) in open.iter_mut().filter(|(_, open)| *open) {
				let Some(goes_on) = Self::serve_repair_head(*lane, now, meter) else { return };
				*open = goes_on;
			}
		}
	}

	/// Serves the head of a lane of repairs: whether the lane may hold more that is due, or `None` when the meter is
	/// exhausted.
	pub(crate) fn serve_repair_head(
		lane: Lane,
		now: RelayBlock,
		meter: &mut WeightMeter,
	) -> Option<bool> {
		meter.try_consume(T::WeightInfo::pass_ticket()).ok()?;
		let LaneEnds { head, tail, .. } = Lanes::<T>::get(lane);
		if head >= tail {
			return Some(false);
		}
		let Some((deal, slot)) = RepairQueue::<T>::get(lane, head) else {
			Lanes::<T>::mutate(lane, |ends| ends.head = ends.head.saturating_add(1));
			return Some(true);
		};
		let Some(repair) = Repairs::<T>::get(deal, slot) else {
			defensive!("a ticket stands for a repair");
			Self::dequeue((lane, head));
			return Some(true);
		};
		if now < repair.due {
			return Some(false);
		}
		meter.try_consume(Self::repair_weight()).ok()?;
		Some(Self::serve_repair(deal, slot, repair, now).is_some())
	}

	/// What a step of a repair may weigh, whichever it is.
	pub(crate) fn repair_weight() -> Weight {
		T::WeightInfo::draw_candidate().max(T::WeightInfo::dismiss()).max(T::WeightInfo::adopt())
	}

	/// What stands at the head of a lane.
	fn head(lane: Lane) -> Head {
		let LaneEnds { head, tail, .. } = Lanes::<T>::get(lane);
		if head >= tail {
			return Head::End;
		}
		Queue::<T>::get(lane, head).map_or(Head::Gone, Head::Waiting)
	}

	/// Serves requests that are due, the lanes in turn, while the meter has room for another draw.
	pub(crate) fn serve_queue(meter: &mut WeightMeter) {
		if meter.try_consume(T::WeightInfo::serve_base()).is_err() {
			return;
		}
		let now = T::Beacon::now();
		let mut open = Lane::ALL.map(|lane| (lane, true));
		while open.iter().any(|(_, open)| *open) {
			for (lane, open) in open.iter_mut().filter(|(_, open)| *open) {
				let Some(goes_on) = Self::serve_head(*lane, now, meter) else { return };
				*open = goes_on;
			}
		}
	}

	/// Serves the head of a lane: whether the lane may hold more that is due, or `None` when the meter is exhausted.
	pub(crate) fn serve_head(lane: Lane, now: RelayBlock, meter: &mut WeightMeter) -> Option<bool> {
		// Both kinds of heads are looked up at the price of passing over one.
		meter.try_consume(T::WeightInfo::pass_ticket()).ok()?;
		match Self::head(lane) {
			Head::End => Some(false),
			Head::Gone => {
				Lanes::<T>::mutate(lane, |ends| ends.head = ends.head.saturating_add(1));
				Some(true)
			},
			Head::Waiting(deal) => {
				let Some(request) = Requests::<T>::get(deal) else {
					defensive!("a ticket stands for a request");
					let LaneEnds { head, .. } = Lanes::<T>::get(lane);
					Self::dequeue((lane, head));
					return Some(true);
				};
				if now < request.draw_at {
					return Some(false);
				}
				meter.try_consume(T::WeightInfo::place()).ok()?;
				Some(Self::serve(deal, request, now).is_some())
			},
		}
	}

	/// Draws for a request, or moves it to when it is due again. `None` when it is not due or its record has not come.
	pub(crate) fn serve(deal: DealId, request: Request, now: RelayBlock) -> Option<Outcome> {
		if now < request.draw_at {
			return None;
		}
		let reason = match T::Beacon::first_at_or_after(request.draw_at) {
			Ok(None) => return None,
			Ok(Some(record)) => {
				if Self::draw(deal, &request, record).is_ok() {
					return Some(Outcome::Placed);
				}
				Deferral::TooFewProviders
			},
			Err(BeaconPruned) => Deferral::RecordLost,
		};
		Self::defer(deal, request, now, reason);
		Some(Outcome::Deferred(reason))
	}

	/// Draws and gives all slots of a stripe, or changes nothing.
	fn draw(
		deal: DealId,
		request: &Request,
		(record, randomness): (RelayBlock, Randomness),
	) -> Result<(), DispatchError> {
		let Request { profile, hint, attempts, place, .. } = *request;
		let seed = PlacementSeed {
			genesis: Self::genesis(),
			deal,
			attempts,
			randomness,
			relay_block: record,
		}
		.seed();
		with_storage_layer(|| {
			let price = T::Deals::storage_price();
			let drawn = T::Providers::draw(seed, profile.n().into(), hint, price)
				.ok_or(DispatchError::Unavailable)?;
			if let Some(place) = place {
				Self::dequeue(place);
			}
			Requests::<T>::remove(deal);
			let providers = Self::give_slots(deal, profile, drawn)?;
			Self::deposit_event(Event::SlotsPlaced { deal, providers, record, attempts });
			T::Deals::placed(deal);
			Ok(())
		})
	}

	/// Gives the slots of a stripe to providers.
	pub(crate) fn give_slots(
		deal: DealId,
		profile: Profile,
		drawn: Vec<T::AccountId>,
	) -> Result<ProviderList<T::AccountId>, DispatchError> {
		let providers =
			ProviderList::try_from(drawn).defensive().map_err(|_| DispatchError::Corruption)?;
		if providers.len() != usize::from(profile.n()) {
			defensive!("the registry draws as many as it was asked for");
			return Err(DispatchError::Corruption);
		}
		for (slot, provider) in (SlotIndex::MIN..).zip(&providers) {
			T::Providers::slot_taken(provider)
				.defensive()
				.map_err(|_| DispatchError::Corruption)?;
			SlotsOf::<T>::insert(provider, (deal, slot), ());
		}
		let slots: Vec<_> = providers.iter().cloned().map(Slot::drawn).collect();
		let slots = SlotList::truncate_from(slots);
		Stripes::<T>::insert(deal, Stripe { profile, slots });
		Ok(providers)
	}

	/// Moves a request to the end of the lane in which it waits for its next record.
	fn defer(deal: DealId, mut request: Request, now: RelayBlock, reason: Deferral) {
		let (lane, delay) = match reason {
			Deferral::TooFewProviders => {
				request.attempts = request.attempts.saturating_add(1);
				(Lane::Retry, T::RetryDelay::get())
			},
			Deferral::RecordLost => (Lane::Fresh, T::DrawDelay::get()),
		};
		if let Some(place) = request.place {
			Self::dequeue(place);
		}
		request.draw_at = now.saturating_add(delay);
		request.place = Self::enqueue(lane, deal);
		Self::deposit_event(Event::PlacementDeferred {
			deal,
			reason,
			attempts: request.attempts,
			draw_at: request.draw_at,
			parked: request.place.is_none(),
		});
		Requests::<T>::insert(deal, request);
	}
}
