//! The pallet's invariants, in words and as checks.

use crate::{Config, Lane, Lanes, Pallet, Queue, Requests, SlotsOf, Stripes};
use alloc::collections::BTreeSet;
use frame_support::ensure;
use nil_types::SlotIndex;
use sp_runtime::DispatchError;

type Checked = Result<(), DispatchError>;

impl<T: Config> Pallet<T> {
	/// Checks every invariant of the pallet. Walks all of its state: for tests and for `try-runtime` alone.
	pub fn do_try_state() -> Checked {
		Self::check_stripes()?;
		Self::check_requests()?;
		Self::check_lanes()
	}

	/// * A stripe has the `n` slots of its profile, which is valid.
	/// * No provider holds two slots of a stripe.
	/// * The index of slots by provider says what the stripes say, and nothing else.
	/// * A slot stores bytes exactly if its provider signed a commit.
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
				let Some(provider) = slot.state.provider() else { continue };
				ensure!(providers.insert(provider), "no provider holds two slots of a stripe");
				ensure!(
					SlotsOf::<T>::contains_key(provider, (deal, index)),
					"the index by provider holds every slot"
				);
			}
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
}
