//! The agenda: a calendar queue of deadlines, and the upkeep that serves it.
//!
//! A deal's deadline is the end of its term, and then, while it still owes something, when that lapses.
//!
//! Bucket `b` holds the deals whose deadline lies in `(b-1)*L + 1 ..= b*L` with `L` = [`Config::BucketLength`]; it is due
//! at `b*L`, when all of them are over. A bucket is a dense list, one storage entry per deal; leaving swaps the last
//! entry into the gap.

use crate::{
	Agenda, AgendaCursor, AgendaLen, AgendaPlace, AgendaPlaces, CommitPrices, Commits, Config,
	Deals, EndReason, Event, ManifestPoints, Owed, Pallet, QueueEnds, Remnant, RemnantQueue,
	Remnants, WeightInfo,
};
use frame_support::{
	defensive,
	traits::{Defensive, DefensiveSaturating, Get},
	weights::{Weight, WeightMeter},
};
use nil_types::{
	DealId, RelayBlock,
	traits::{EpochClock, RelayBeacon},
};

/// The next thing for upkeep to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
	/// A deal's term is over, or what it owes can no longer be paid.
	Expire(DealId),
	/// A bucket that is due has no deals any more.
	PassBucket(u32),
	/// A deal that ended in an earlier epoch left something, and owes nothing.
	RemoveRemnant(u64, Remnant),
}

impl<T: Config> Pallet<T> {
	/// The bucket in which a deadline lies.
	pub(crate) fn bucket_of(deadline: RelayBlock) -> u32 {
		deadline.div_ceil(T::BucketLength::get().max(1))
	}

	/// The relay block at which a bucket is due.
	fn bucket_due_at(bucket: u32) -> RelayBlock {
		bucket.saturating_mul(T::BucketLength::get())
	}

	/// Whether nothing stands in the agenda.
	fn agenda_is_empty() -> bool {
		Deals::<T>::count() == 0 && Owed::<T>::iter_keys().next().is_none()
	}

	/// Enters a deal's deadline. A new deal is entered before it is counted in [`Deals`], and one that ends while it is.
	pub(crate) fn agenda_enter(deal: DealId, deadline: RelayBlock) {
		let mut cursor = AgendaCursor::<T>::get();
		if Self::agenda_is_empty() {
			// Nothing lies between the cursor and the present: skip what was never used instead of walking it.
			cursor = cursor.max(Self::bucket_of(T::Beacon::now()));
			AgendaCursor::<T>::put(cursor);
		}
		// A deadline lies in the future and the cursor stops at the present, so this is the deadline's own bucket.
		let bucket = Self::bucket_of(deadline).max(cursor);
		let index = AgendaLen::<T>::get(bucket);
		Agenda::<T>::insert(bucket, index, deal);
		AgendaPlaces::<T>::insert(deal, AgendaPlace { bucket, index });
		AgendaLen::<T>::insert(bucket, index.defensive_saturating_add(1));
	}

	/// Takes a deal out of the agenda.
	pub(crate) fn agenda_leave(deal: DealId) {
		let Some(AgendaPlace { bucket, index }) = AgendaPlaces::<T>::take(deal).defensive() else {
			return;
		};
		let last = AgendaLen::<T>::get(bucket).defensive_saturating_sub(1);
		match Agenda::<T>::take(bucket, last).defensive() {
			Some(moved) if index != last => {
				Agenda::<T>::insert(bucket, index, moved);
				AgendaPlaces::<T>::insert(moved, AgendaPlace { bucket, index });
			},
			_ => {},
		}
		if last == 0 {
			AgendaLen::<T>::remove(bucket);
		} else {
			AgendaLen::<T>::insert(bucket, last);
		}
	}

	/// Notes what an ended deal leaves in state.
	pub(crate) fn leave_remnant(remnant: Remnant) {
		if remnant.commits == 0 && remnant.manifests == 0 {
			return;
		}
		RemnantQueue::<T>::mutate(|ends| {
			Remnants::<T>::insert(ends.tail, remnant);
			ends.tail = ends.tail.defensive_saturating_add(1);
		});
	}

	/// What `steps` steps of upkeep may weigh.
	pub(crate) fn upkeep_weight(steps: u32) -> Weight {
		let step = T::WeightInfo::expire_deal()
			.max(T::WeightInfo::pass_bucket())
			.max(T::WeightInfo::remove_remnant());
		T::WeightInfo::upkeep_base().saturating_add(step.saturating_mul(steps.into()))
	}

	/// Takes up to `steps` steps while the meter has room for the next one. Returns how many it took.
	pub(crate) fn run_upkeep(meter: &mut WeightMeter, steps: u32) -> u32 {
		if meter.try_consume(T::WeightInfo::upkeep_base()).is_err() {
			return 0;
		}
		let now = T::Beacon::now();
		let mut done = 0u32;
		while done < steps {
			let Some(step) = Self::next_step(now) else { break };
			let weight = match step {
				Step::Expire(_) => T::WeightInfo::expire_deal(),
				Step::PassBucket(_) => T::WeightInfo::pass_bucket(),
				Step::RemoveRemnant(..) => T::WeightInfo::remove_remnant(),
			};
			if meter.try_consume(weight).is_err() {
				break;
			}
			Self::take_step(step);
			done = done.saturating_add(1);
		}
		done
	}

	/// What is to be done next: deadlines first, for they free money and space.
	fn next_step(now: RelayBlock) -> Option<Step> {
		let bucket = AgendaCursor::<T>::get();
		if now >= Self::bucket_due_at(bucket) && !Self::agenda_is_empty() {
			let Some(last) = AgendaLen::<T>::get(bucket).checked_sub(1) else {
				return Some(Step::PassBucket(bucket));
			};
			if let Some(deal) = Agenda::<T>::get(bucket, last).defensive() {
				return Some(Step::Expire(deal));
			}
		}
		let QueueEnds { head, tail } = RemnantQueue::<T>::get();
		if head >= tail {
			return None;
		}
		// Deals enter in the order of these epochs: behind one that is still asked for, all are.
		let remnant = Remnants::<T>::get(head).defensive()?;
		(remnant.ended_in != T::Epochs::round()).then_some(Step::RemoveRemnant(head, remnant))
	}

	fn take_step(step: Step) {
		match step {
			Step::Expire(id) => match Deals::<T>::get(id) {
				Some(deal) => Self::end_deal(id, deal, EndReason::Expired),
				// It did much more when it ended.
				None => match Owed::<T>::get(id) {
					Some(owing) => Self::release_owed(id, owing),
					None => {
						defensive!("the agenda holds deals that live or owe something");
						Self::agenda_leave(id);
					},
				},
			},
			Step::PassBucket(bucket) => {
				AgendaCursor::<T>::put(bucket.defensive_saturating_add(1));
			},
			Step::RemoveRemnant(ticket, mut remnant) => {
				if let Some(index) = remnant.manifests.checked_sub(1) {
					ManifestPoints::<T>::remove(remnant.deal, index);
					remnant.manifests = index;
				} else if let Some(before) = remnant.commits.checked_sub(1) {
					Commits::<T>::remove(remnant.deal, remnant.commits);
					CommitPrices::<T>::remove(remnant.deal, remnant.commits);
					remnant.commits = before;
				}
				if remnant.manifests == 0 && remnant.commits == 0 {
					Remnants::<T>::remove(ticket);
					RemnantQueue::<T>::mutate(|ends| {
						ends.head = ticket.defensive_saturating_add(1);
					});
					Self::deposit_event(Event::RemnantsRemoved { deal: remnant.deal });
				} else {
					Remnants::<T>::insert(ticket, remnant);
				}
			},
		}
	}
}
