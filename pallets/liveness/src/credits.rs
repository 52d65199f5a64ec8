//! Credits: samples that a provider need not prove, since it served reads of their slots.

use crate::{Books, Config, Error, Event, LivenessParams, Pallet, WHOLE, WeightInfo};
use alloc::{collections::BTreeMap, vec::Vec};
use frame_support::{
	dispatch::{DispatchResultWithPostInfo, Pays},
	ensure,
	weights::Weight,
};
use nil_types::{Epoch, Hash32, traits::CreditSource};

impl LivenessParams {
	/// How many of the samples due credits may waive: the first ones.
	pub fn may_waive(&self, due: u32) -> u32 {
		// No more is due than a round may ask for, which times `WHOLE` fits.
		due.saturating_mul(self.credit_cap.into()).checked_div(WHOLE.into()).unwrap_or_default()
	}
}

impl<T: Config> Pallet<T> {
	/// Spends a credit for each of these samples, and takes note of them as answered.
	pub(crate) fn do_waive(
		who: T::AccountId,
		epoch: Epoch,
		block: Hash32,
		ordinals: Vec<u32>,
	) -> DispatchResultWithPostInfo {
		let (current, params, mut book) = Self::answerable(&who, epoch, block, &ordinals)?;
		let bound = params.may_waive(book.due);
		ensure!(ordinals.iter().all(|ordinal| *ordinal < bound), Error::<T>::NotWaivable);
		let mut slots = Vec::with_capacity(ordinals.len());
		let mut misses = 0u32;
		for ordinal in &ordinals {
			let (drawn, missed) = Self::draw(&who, &current, &book, *ordinal)?;
			misses = misses.saturating_add(missed);
			slots.push(drawn.slot());
		}
		for (deal, slot) in slots {
			ensure!(T::Credits::spend(&who, deal, slot, current.round), Error::<T>::NoCredit);
		}
		let share = Self::answer_all(&mut book, &current, &params, &ordinals);
		Books::<T>::insert(&who, book);
		let weight = Self::waive_weight_with(ordinals.len() as u32, misses);
		Self::deposit_event(Event::Waived { provider: who, epoch, ordinals, share });
		Ok((Some(weight), Pays::No).into())
	}

	/// The samples of the round in force that are open, and that `provider` has credits to waive, rising. When these do not
	/// reach for all of a slot, it is the first ones.
	///
	/// Draws all that credits may waive: not for calls.
	pub fn waivable(provider: &T::AccountId) -> Vec<u32> {
		let bound = Self::params().may_waive(Self::due(provider));
		let (Some(current), Some(mut book)) = (Self::epoch(), Books::<T>::get(provider)) else {
			return Vec::new();
		};
		book.close_until(current.round);
		let mut credits = BTreeMap::new();
		let has_credit = |ordinal: &u32| {
			let Ok((drawn, _)) = Self::draw(provider, &current, &book, *ordinal) else {
				return false;
			};
			let (deal, slot) = drawn.slot();
			let left = credits
				.entry((deal, slot))
				.or_insert_with(|| T::Credits::credits(provider, deal, slot, current.round));
			let has = *left > 0;
			*left = left.saturating_sub(1);
			has
		};
		(0..bound).filter(|ordinal| !book.is_answered(*ordinal)).filter(has_credit).collect()
	}

	/// What waiving so many samples may weigh: as for answers, more draws than samples hardly ever miss.
	pub(crate) fn waive_weight(ordinals: u32) -> Weight {
		Self::waive_weight_with(ordinals, ordinals)
	}

	/// What waiving so many samples weighs of whose draws so many missed.
	fn waive_weight_with(ordinals: u32, misses: u32) -> Weight {
		T::WeightInfo::waive(ordinals)
			.saturating_add(T::WeightInfo::look_up().saturating_mul(misses.into()))
	}
}
