//! The pallet's invariants, in words and as checks.

use crate::{
	Asked, Config, Departing, DepartureEnds, Formers, Lane, Lanes, Lost, Pallet, Queue,
	RepairQueue, Repairs, Requests, SlotsOf, Stage, Stripes,
};
use alloc::collections::BTreeSet;
use frame_support::ensure;
use nil_types::{RepairCause, SlotIndex, SlotState};
use sp_runtime::DispatchError;

type Checked = Result<(), DispatchError>;

impl<T: Config> Pallet<T> {
	/// Checks every invariant of the pallet. Walks all of its state: for tests and for `try-runtime` alone.
	pub fn do_try_state() -> Checked {
		Self::check_stripes()?;
		Self::check_requests()?;
		Self::check_lanes()?;
		Self::check_repairs()?;
		Self::check_departures()
	}

	/// * A stripe has the `n` slots of its profile, which is valid.
	/// * No provider holds two slots of a stripe, or is a candidate for one and has anything to do with another.
	/// * The index of slots by provider says what the stripes say, candidates included, and nothing else.
	/// * A slot stores bytes exactly if its provider signed a commit or was given one.
	/// * A deal is marked as lost exactly if more than `m` of its slots are nobody's.
	fn check_stripes() -> Checked {
		let mut held = 0usize;
		for (deal, stripe) in Stripes::<T>::iter() {
			ensure!(stripe.profile.validate().is_ok(), "a stripe's profile is valid");
			ensure!(
				stripe.slots.len() == usize::from(stripe.profile.n()),
				"a stripe has the n slots of its profile"
			);
			let mut providers = BTreeSet::new();
			for (index, slot) in (SlotIndex::MIN..).zip(&stripe.slots) {
				ensure!(
					(slot.bytes > 0) == (slot.signed > 0),
					"a slot stores bytes exactly if its provider signed a commit"
				);
				let candidate = match &slot.state {
					SlotState::Repairing { candidate, .. } => Some(candidate),
					SlotState::Active { .. } | SlotState::Vacant => None,
				};
				for provider in slot.state.provider().into_iter().chain(candidate) {
					ensure!(
						providers.insert(provider),
						"no provider has to do with two slots of a stripe"
					);
					ensure!(
						SlotsOf::<T>::contains_key(provider, (deal, index)),
						"the index by provider holds every slot"
					);
				}
			}
			let missing =
				stripe.slots.iter().filter(|slot| slot.state.provider().is_none()).count();
			ensure!(
				Lost::<T>::contains_key(deal) == (missing > usize::from(stripe.profile.m)),
				"a deal is lost exactly if more than m of its slots are nobody's"
			);
			held = held.saturating_add(providers.len());
		}
		ensure!(
			SlotsOf::<T>::iter_keys().count() == held,
			"the index by provider holds nothing but slots"
		);
		Ok(())
	}

	/// * A deal has a request or a stripe, never both.
	/// * A request is for a valid profile and is decided after it was made.
	/// * A request waits where it says, or is parked, and then has found too few providers or lost its record.
	fn check_requests() -> Checked {
		let mut waiting = 0usize;
		for (deal, request) in Requests::<T>::iter() {
			ensure!(
				!Stripes::<T>::contains_key(deal),
				"a deal has a request or a stripe, never both"
			);
			ensure!(request.profile.validate().is_ok(), "a request's profile is valid");
			ensure!(
				request.draw_at > request.requested_at,
				"a request is decided after it was made"
			);
			let Some((lane, ticket)) = request.place else { continue };
			ensure!(Queue::<T>::get(lane, ticket) == Some(deal), "a request waits where it says");
			waiting = waiting.saturating_add(1);
		}
		ensure!(
			Queue::<T>::iter_keys().count() == waiting,
			"the queue holds nothing but requests, each once"
		);
		Ok(())
	}

	/// * Tickets lie between the ends of their lane, whose length is kept and bounded.
	/// * In a lane, requests stand in the order in which they are due.
	fn check_lanes() -> Checked {
		for lane in Lane::ALL {
			let ends = Lanes::<T>::get(lane);
			let mut tickets = Queue::<T>::iter_prefix(lane).collect::<alloc::vec::Vec<_>>();
			tickets.sort_unstable();
			ensure!(tickets.len() == ends.waiting as usize, "a lane's length is kept");
			ensure!(ends.waiting <= Self::lane_capacity(lane), "a lane's length is bounded");
			let mut due = 0;
			for (ticket, deal) in tickets {
				ensure!(
					(ends.head..ends.tail).contains(&ticket),
					"tickets lie between the ends of their lane"
				);
				let request = Requests::<T>::get(deal).ok_or("a ticket stands for a request")?;
				ensure!(due <= request.draw_at, "in a lane, requests stand in order");
				due = request.draw_at;
			}
		}
		Ok(())
	}

	/// * Only slots of stripes are repaired, and every slot that is nobody's is.
	/// * A slot has a candidate exactly while its repair has the same one.
	/// * A slot whose new provider is given its commits is that provider's, with none of those left that it signed before.
	/// * No more slots of a deal drain at once than may, and none has more repairs that are no evictions than `m`.
	/// * A repair waits where it says, in the lane of its stage, and the queue holds nothing else.
	/// * What is kept about slots besides is kept about slots of stripes.
	fn check_repairs() -> Checked {
		let mut waiting = 0usize;
		for (deal, slot, repair) in Repairs::<T>::iter() {
			let stripe = Stripes::<T>::get(deal).ok_or("only slots of stripes are repaired")?;
			let held =
				stripe.slots.get(usize::from(slot)).ok_or("only slots of stripes are repaired")?;
			let lanes: &[Lane] = match (&repair.stage, &held.state) {
				(Stage::Waiting, SlotState::Active { .. } | SlotState::Vacant) => {
					&[Lane::Repair, Lane::RepairRetry]
				},
				(Stage::Rebuilding(rebuilding), SlotState::Repairing { candidate, .. })
					if rebuilding.provider == *candidate =>
				{
					if rebuilding.samples.is_some() {
						&[Lane::Window]
					} else {
						&[Lane::Sampling]
					}
				},
				(Stage::Adopting(adoption), SlotState::Active { provider })
					if adoption.provider == *provider =>
				{
					&[Lane::Adopting]
				},
				_ => return Err("a slot's state is that of its repair".into()),
			};
			let (lane, ticket) = repair.place;
			ensure!(lanes.contains(&lane), "a repair waits in the lane of its stage");
			ensure!(
				RepairQueue::<T>::get(lane, ticket) == Some((deal, slot)),
				"a repair waits where it says"
			);
			waiting = waiting.saturating_add(1);
		}
		ensure!(
			RepairQueue::<T>::iter_keys().count() == waiting,
			"the queue of repairs holds nothing but repairs, each once"
		);
		for (deal, stripe) in Stripes::<T>::iter() {
			for (index, slot) in (SlotIndex::MIN..).zip(&stripe.slots) {
				ensure!(
					matches!(slot.state, SlotState::Active { .. })
						|| Repairs::<T>::contains_key(deal, index),
					"every slot that is nobody's is repaired, and so is one that has a candidate"
				);
			}
			let running = |cause: RepairCause| {
				Repairs::<T>::iter_prefix_values(deal)
					.filter(|repair| {
						repair.cause == cause && !matches!(repair.stage, Stage::Adopting(_))
					})
					.count()
			};
			let (drains, missing) =
				(running(RepairCause::Drain), running(RepairCause::MissingReceipt));
			ensure!(
				drains <= Self::most_drains(&stripe.profile)
					&& drains.saturating_add(missing) <= usize::from(stripe.profile.m),
				"no more slots of a deal are replaced at once than may be"
			);
		}
		ensure!(
			Formers::<T>::iter_keys()
				.map(|(deal, _)| deal)
				.chain(Asked::<T>::iter_keys().map(|(deal, _)| deal))
				.chain(Lost::<T>::iter_keys())
				.all(Stripes::<T>::contains_key),
			"what is kept about slots is kept about slots of stripes"
		);
		for lane in Lane::REPAIRS {
			let ends = Lanes::<T>::get(lane);
			let mut tickets = RepairQueue::<T>::iter_prefix(lane).collect::<alloc::vec::Vec<_>>();
			tickets.sort_unstable();
			ensure!(tickets.len() == ends.waiting as usize, "a lane's length is kept");
			let mut due = 0;
			for (ticket, (deal, slot)) in tickets {
				ensure!(
					(ends.head..ends.tail).contains(&ticket),
					"tickets lie between the ends of their lane"
				);
				let repair = Repairs::<T>::get(deal, slot).ok_or("a ticket stands for a repair")?;
				ensure!(due <= repair.due, "in a lane, repairs stand in order");
				due = repair.due;
			}
		}
		Ok(())
	}

	/// * The queue of departing providers is dense between its ends.
	fn check_departures() -> Checked {
		let ends = DepartureEnds::<T>::get();
		ensure!(
			(ends.head..ends.tail).all(Departing::<T>::contains_key)
				&& Departing::<T>::iter_keys().count() == ends.waiting as usize
				&& ends.tail.saturating_sub(ends.head) == u64::from(ends.waiting),
			"the queue of departing providers is dense between its ends"
		);
		Ok(())
	}
}
