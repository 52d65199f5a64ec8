//! The journal: what happened to allocations, until it is applied to the lists in a later round.

use crate::{
	BookOf, Books, Change, Config, Event, Journal, JournalEnds, Journals, Note, Pallet, WeightInfo,
};
use frame_support::{
	traits::{Defensive, DefensiveSaturating},
	weights::Weight,
};
use nil_types::{
	Amount, DealId, Round, SlotIndex,
	traits::{Allocation, EpochClock, SlotHooks},
};

/// The steps that a call took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Applied {
	/// Allocations that entered the lists, and raises.
	pub(crate) listed: u32,
	/// Allocations that left them.
	pub(crate) unlisted: u32,
	/// Samples that were named.
	pub(crate) named: u32,
	/// Draws of these that missed.
	pub(crate) misses: u32,
}

impl Applied {
	/// All steps.
	pub(crate) const fn steps(&self) -> u32 {
		self.listed.saturating_add(self.unlisted).saturating_add(self.named)
	}
}

impl<T: Config> Pallet<T> {
	/// Writes down what happened. Whom something happens to is watched from then on, whether or not it ever applies it.
	fn note(provider: &T::AccountId, change: Change) {
		let round = Self::round();
		if !Books::<T>::contains_key(provider) {
			Books::<T>::insert(provider, BookOf::<T>::new(round));
			Self::watch(provider);
		}
		let ticket = Journals::<T>::mutate(provider, |ends| {
			let ticket = ends.tail;
			ends.tail = ticket.defensive_saturating_add(1);
			ticket
		});
		Journal::<T>::insert(provider, ticket, Note { round, change });
		Self::deposit_event(Event::Noted { provider: provider.clone(), ticket, round, change });
	}

	/// The note that is to be applied next, when it is of a round before `round`.
	pub(crate) fn next_note(
		provider: &T::AccountId,
		ends: &JournalEnds,
		round: Round,
	) -> Option<Note> {
		if ends.head >= ends.tail {
			return None;
		}
		Journal::<T>::get(provider, ends.head).defensive().filter(|note| note.round < round)
	}

	/// Whether something of a round before `round` is not applied yet, or samples of the one before it are not named.
	pub(crate) fn is_behind(provider: &T::AccountId, round: Round) -> bool {
		Self::next_note(provider, &Journals::<T>::get(provider), round).is_some()
			|| Books::<T>::get(provider)
				.is_some_and(|book| Self::next_unnamed(&book, round).is_some())
	}

	/// Takes up to `steps` steps: names the samples of the last round that stayed open, and then applies what happened in
	/// earlier rounds, in order. What is applied is found by the round after its own, so all up to its own are closed before;
	/// and all up to the one in force when nothing is left.
	pub(crate) fn apply(provider: &T::AccountId, steps: u32) -> Applied {
		let round = Self::round();
		let mut ends = Journals::<T>::get(provider);
		let mut applied = Applied::default();
		// Who has a journal has a book.
		let Some(mut book) = Books::<T>::get(provider) else { return applied };
		while applied.steps() < steps {
			if let Some((ordinal, drawn)) = Self::next_unnamed(&book, round) {
				let misses = Self::name_sample(provider, &mut book, &drawn, ordinal);
				applied.named = applied.named.saturating_add(1);
				applied.misses = applied.misses.saturating_add(misses);
				continue;
			}
			let Some(note) = Self::next_note(provider, &ends, round) else { break };
			book.close_until(note.round.saturating_add(1));
			let done = match note.change {
				Change::Signed(allocation) => {
					Self::list(&mut book, provider, &allocation);
					applied.listed = applied.listed.saturating_add(1);
					true
				},
				Change::Raised { deal, slot, price } => {
					Self::raise(&book, provider, deal, slot, price);
					// Less than listing an allocation, and accounted for as one.
					applied.listed = applied.listed.saturating_add(1);
					true
				},
				Change::Ended { deal, slot } => {
					applied.unlisted = applied.unlisted.saturating_add(1);
					Self::unlist(&mut book, provider, (deal, slot), note.round)
				},
			};
			if done {
				Journal::<T>::remove(provider, ends.head);
				ends.head = ends.head.defensive_saturating_add(1);
			}
		}
		if applied.steps() == 0 {
			return applied;
		}
		let ready = Self::next_note(provider, &ends, round).is_none()
			&& Self::next_unnamed(&book, round).is_none();
		if ready {
			book.close_until(round);
		}
		Books::<T>::insert(provider, book);
		Journals::<T>::insert(provider, ends);
		let (provider, steps) = (provider.clone(), applied.steps());
		Self::deposit_event(Event::Advanced { provider, steps, ready });
		applied
	}

	/// What `steps` steps may weigh.
	pub(crate) fn advance_weight(steps: u32) -> Weight {
		// As for answers, more draws than steps hardly ever miss.
		let naming = T::WeightInfo::advance_naming(steps)
			.saturating_add(T::WeightInfo::look_up().saturating_mul(steps.into()));
		T::WeightInfo::advance_listing(steps)
			.max(T::WeightInfo::advance_unlisting(steps))
			.max(naming)
	}

	/// What steps weigh that were taken.
	pub(crate) fn applied_weight(applied: &Applied) -> Weight {
		let part = |steps: u32, weight: fn(u32) -> Weight| match steps {
			0 => Weight::zero(),
			_ => weight(steps),
		};
		// The share of a call that has nothing to do with its steps is in each part.
		part(applied.listed, T::WeightInfo::advance_listing)
			.saturating_add(part(applied.unlisted, T::WeightInfo::advance_unlisting))
			.saturating_add(part(applied.named, T::WeightInfo::advance_naming))
			.saturating_add(T::WeightInfo::look_up().saturating_mul(applied.misses.into()))
	}
}

impl<T: Config> SlotHooks<T::AccountId> for Pallet<T> {
	fn signed(provider: &T::AccountId, allocation: Allocation) {
		Self::promise(provider, &allocation);
		Self::note(provider, Change::Signed(allocation));
	}

	fn raised(provider: &T::AccountId, deal: DealId, slot: SlotIndex, price: Amount) {
		Self::promise_more(provider, deal, slot, price);
		Self::note(provider, Change::Raised { deal, slot, price });
	}

	fn ended(provider: &T::AccountId, deal: DealId, slot: SlotIndex) {
		Self::stop_rent(provider, deal, slot, true);
		Self::note(provider, Change::Ended { deal, slot });
	}

	fn released(provider: &T::AccountId, deal: DealId, slot: SlotIndex) {
		Self::stop_rent(provider, deal, slot, false);
		Self::note(provider, Change::Ended { deal, slot });
	}

	fn ended_after_release(provider: &T::AccountId, deal: DealId, slot: SlotIndex) {
		Self::owe_ending(provider, deal, slot);
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_earn(provider: &T::AccountId) {
		crate::benchmarking::earn::<T>(provider);
	}
}
