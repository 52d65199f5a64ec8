//! Candidates: who is drawn to rebuild a slot, and lets go of it again.

use super::{ADOPT_STEPS, RepairOf, StripeOf, bound};
use crate::{
	Candidate, Config, Dismissal, Error, Event, Lane, Lost, OwnCommits, Pallet, Repairs, SlotsOf,
	Stage, Stripes,
};
use alloc::vec::Vec;
use frame_support::{
	ensure, pallet_prelude::DispatchError, storage::with_storage_layer, traits::Get,
};
use nil_types::{
	DealId, Generation, RelayBlock, SlotIndex, SlotState,
	repair::RepairDraw,
	traits::{BeaconPruned, DealHooks, ProviderRegistry, Randomness, RelayBeacon, SlotHooks},
};

type CandidateOf<T> = Candidate<<T as frame_system::Config>::AccountId>;

impl<T: Config> Pallet<T> {
	/// Does for a repair what is due. `None` when nothing is, or the record for it has not come.
	pub(crate) fn serve_repair(
		deal: DealId,
		slot: SlotIndex,
		mut repair: RepairOf<T>,
		now: RelayBlock,
	) -> Option<()> {
		if now < repair.due {
			return None;
		}
		match core::mem::replace(&mut repair.stage, Stage::Waiting) {
			Stage::Waiting => match T::Beacon::first_at_or_after(repair.due) {
				Ok(None) => return None,
				Ok(Some(record)) => {
					let drawn = with_storage_layer(|| {
						Self::draw_candidate(deal, slot, &mut repair, record)
					});
					if drawn.is_err() {
						let attempts = repair.attempts;
						Self::wait(deal, slot, &mut repair, Lane::RepairRetry);
						let draw_at = repair.due;
						Self::deposit_event(Event::RepairDeferred {
							deal,
							slot,
							attempts,
							draw_at,
						});
					}
				},
				Err(BeaconPruned) => Self::wait(deal, slot, &mut repair, Lane::Repair),
			},
			Stage::Rebuilding(mut candidate) if candidate.samples.is_none() => {
				match T::Beacon::first_at_or_after(repair.due) {
					Ok(None) => return None,
					Ok(Some(record)) => {
						let samples =
							Self::repair_draw(deal, slot, candidate.attempt, record).samples();
						candidate.samples = Some(samples);
						let delay = Self::pace().window;
						Self::requeue(deal, slot, &mut repair, Lane::Window, delay);
						Self::deposit_event(Event::SamplesDrawn {
							deal,
							slot,
							candidate: candidate.provider.clone(),
							samples,
							until: repair.due,
						});
					},
					// Another record is no redraw: nobody has seen what this one would have been.
					Err(BeaconPruned) => {
						let delay = T::DrawDelay::get();
						Self::requeue(deal, slot, &mut repair, Lane::Sampling, delay);
					},
				}
				repair.stage = Stage::Rebuilding(candidate);
			},
			Stage::Rebuilding(candidate) => {
				// The last relay block of the window is the candidate's.
				if now == repair.due {
					return None;
				}
				Self::dismiss(deal, slot, &mut repair, candidate, Dismissal::Late);
			},
			Stage::Adopting(mut adoption) => {
				if Self::adopt(deal, slot, &mut adoption, ADOPT_STEPS) {
					Self::dequeue(repair.place);
					Repairs::<T>::remove(deal, slot);
					return Some(());
				}
				repair.stage = Stage::Adopting(adoption);
			},
		}
		Repairs::<T>::insert(deal, slot, repair);
		Some(())
	}

	fn repair_draw(
		deal: DealId,
		slot: SlotIndex,
		attempts: u32,
		(relay_block, randomness): (RelayBlock, Randomness),
	) -> RepairDraw {
		let genesis = Self::genesis();
		RepairDraw { genesis, deal, slot, attempts, randomness, relay_block }
	}

	/// Moves a repair to the end of a lane, where it is due after `delay`.
	pub(super) fn requeue(
		deal: DealId,
		slot: SlotIndex,
		repair: &mut RepairOf<T>,
		lane: Lane,
		delay: RelayBlock,
	) {
		Self::dequeue(repair.place);
		repair.due = T::Beacon::now().saturating_add(delay);
		repair.place = Self::enqueue_repair(lane, (deal, slot));
	}

	/// Lets a repair wait for another draw.
	fn wait(deal: DealId, slot: SlotIndex, repair: &mut RepairOf<T>, lane: Lane) {
		let delay =
			if lane == Lane::RepairRetry { T::RetryDelay::get() } else { T::DrawDelay::get() };
		repair.stage = Stage::Waiting;
		Self::requeue(deal, slot, repair, lane, delay);
	}

	/// Draws a candidate. When that fails, nothing changes but that the next draw has another seed and may take anybody, also
	/// whom the slot was taken from.
	fn draw_candidate(
		deal: DealId,
		slot: SlotIndex,
		repair: &mut RepairOf<T>,
		record: (RelayBlock, Randomness),
	) -> Result<(), DispatchError> {
		let attempt = repair.attempts;
		repair.attempts = attempt.saturating_add(1);
		let anybody = core::mem::replace(&mut repair.anybody, true);
		let unavailable = DispatchError::Unavailable;
		let (hint, generation) = T::Deals::living(deal).ok_or(unavailable)?;
		let stripe = Stripes::<T>::get(deal).ok_or(unavailable)?;
		let reserved = T::Deals::stored(deal, generation)
			.map_or(0, |(commit, _)| bound(&stripe.profile, &commit));
		let mut excluded: Vec<_> = if anybody {
			Vec::new()
		} else {
			repair.refused.iter().chain(&repair.former).cloned().collect()
		};
		for held in &stripe.slots {
			excluded.extend(held.state.provider().cloned());
			if let SlotState::Repairing { candidate, .. } = &held.state {
				excluded.push(candidate.clone());
			}
		}
		let seed = Self::repair_draw(deal, slot, attempt, record).candidate_seed();
		let price = T::Deals::storage_price();
		let provider = T::Providers::draw_another(seed, hint, price, reserved, &excluded)
			.ok_or(unavailable)?;
		Self::propose(deal, slot, repair, provider, stripe, generation, reserved, attempt)
	}

	/// Makes somebody the candidate of a slot.
	#[allow(clippy::too_many_arguments, reason = "what was drawn, and from what")]
	pub(crate) fn propose(
		deal: DealId,
		index: SlotIndex,
		repair: &mut RepairOf<T>,
		provider: T::AccountId,
		mut stripe: StripeOf<T>,
		target_gen: Generation,
		reserved: u64,
		attempt: u32,
	) -> Result<(), DispatchError> {
		let unavailable = DispatchError::Unavailable;
		let slot = stripe.slots.get_mut(usize::from(index)).ok_or(unavailable)?;
		T::Providers::slot_taken(&provider).map_err(|_| unavailable)?;
		T::Providers::add_used(&provider, reserved).map_err(|_| unavailable)?;
		SlotsOf::<T>::insert(&provider, (deal, index), ());
		slot.state = SlotState::Repairing {
			provider: slot.state.provider().cloned(),
			candidate: provider.clone(),
			since: repair.since,
			target_gen,
		};
		Stripes::<T>::insert(deal, stripe);
		let delay = T::DrawDelay::get();
		Self::requeue(deal, index, repair, Lane::Sampling, delay);
		Self::deposit_event(Event::CandidateDrawn {
			deal,
			slot: index,
			candidate: provider.clone(),
			generation: target_gen,
			reserved,
			samples_at: repair.due,
		});
		repair.anybody = false;
		repair.stage = Stage::Rebuilding(Candidate {
			provider,
			attempt,
			samples: None,
			reserved,
			own: OwnCommits::default(),
			own_bytes: 0,
		});
		Ok(())
	}

	/// Gives back what a candidate has, but for what it signed itself.
	pub(super) fn free_candidate(deal: DealId, slot: SlotIndex, candidate: &CandidateOf<T>) {
		let provider = &candidate.provider;
		SlotsOf::<T>::remove(provider, (deal, slot));
		let bytes = candidate.reserved.saturating_add(candidate.own_bytes);
		if bytes > 0 {
			T::Providers::sub_used(provider, bytes);
		}
		T::Providers::slot_released(provider);
	}

	/// Lets a candidate go, and asks for another.
	fn dismiss(
		deal: DealId,
		index: SlotIndex,
		repair: &mut RepairOf<T>,
		candidate: CandidateOf<T>,
		reason: Dismissal,
	) {
		Self::free_candidate(deal, index, &candidate);
		if !candidate.own.is_empty() {
			T::Hooks::released(&candidate.provider, deal, index);
			for generation in &candidate.own {
				T::Deals::set_signed(deal, *generation, index, false);
			}
		}
		Stripes::<T>::mutate_extant(deal, |stripe| {
			if let Some(slot) = stripe.slots.get_mut(usize::from(index)) {
				slot.state = match slot.state.provider().cloned() {
					Some(provider) => SlotState::Active { provider },
					None => SlotState::Vacant,
				};
			}
		});
		let provider = candidate.provider;
		repair.refused = Some(provider.clone());
		Self::wait(deal, index, repair, Lane::Repair);
		Self::deposit_event(Event::CandidateDismissed {
			deal,
			slot: index,
			candidate: provider,
			reason,
			draw_at: repair.due,
		});
	}

	/// Lets the candidate of a slot go when it is `who`. Whether it was.
	pub(crate) fn dismiss_if(
		deal: DealId,
		slot: SlotIndex,
		who: &T::AccountId,
		reason: Dismissal,
	) -> bool {
		let Some(mut repair) = Repairs::<T>::get(deal, slot) else { return false };
		match core::mem::replace(&mut repair.stage, Stage::Waiting) {
			Stage::Rebuilding(candidate) if candidate.provider == *who => {
				Self::dismiss(deal, slot, &mut repair, candidate, reason);
				Repairs::<T>::insert(deal, slot, repair);
				true
			},
			_ => false,
		}
	}

	/// Makes the evicted provider of a slot its candidate, while its deal is lost.
	pub(crate) fn do_come_back(
		who: T::AccountId,
		deal: DealId,
		slot: SlotIndex,
	) -> Result<(), DispatchError> {
		ensure!(Lost::<T>::contains_key(deal), Error::<T>::NotLost);
		let mut repair = Repairs::<T>::get(deal, slot).ok_or(Error::<T>::NoRepair)?;
		ensure!(!matches!(repair.stage, Stage::Adopting(_)), Error::<T>::NoRepair);
		ensure!(repair.former.as_ref() == Some(&who), Error::<T>::NotFormer);
		if let Stage::Rebuilding(candidate) = core::mem::replace(&mut repair.stage, Stage::Waiting)
		{
			ensure!(candidate.provider != who, Error::<T>::NotFormer);
			Self::dismiss(deal, slot, &mut repair, candidate, Dismissal::FormerCameBack);
		}
		let stripe = Stripes::<T>::get(deal).ok_or(Error::<T>::NoRepair)?;
		// It may have got another slot of the deal meanwhile.
		let elsewhere = stripe.slots.iter().any(|slot| match &slot.state {
			SlotState::Repairing { candidate, provider, .. } => {
				*candidate == who || provider.as_ref() == Some(&who)
			},
			state => state.provider() == Some(&who),
		});
		ensure!(!elsewhere, Error::<T>::NotFormer);
		let (_, generation) = T::Deals::living(deal).ok_or(Error::<T>::NoRepair)?;
		let reserved = T::Deals::stored(deal, generation)
			.map_or(0, |(commit, _)| bound(&stripe.profile, &commit));
		let attempt = repair.attempts;
		repair.attempts = attempt.saturating_add(1);
		Self::propose(deal, slot, &mut repair, who, stripe, generation, reserved, attempt)
			.map_err(|_| Error::<T>::NoRoom)?;
		Repairs::<T>::insert(deal, slot, repair);
		Ok(())
	}
}
