//! The clock of rounds, and what holds in each.

use crate::{
	BeganAt, Config, CurrentRound, Drawn, DrawnBefore, EpochLength, EpochRecord, Event,
	LivenessParams, MAX_SILENT_ROUNDS, Pallet, Parameters, Planned, Sealed, WHOLE, WeightInfo,
};
use frame_support::{
	traits::{DefensiveSaturating, Get},
	weights::WeightMeter,
};
use nil_types::{
	Hash32, Round,
	challenge::{epoch_of, epoch_randomness, epoch_start},
	traits::{EpochClock, RelayBeacon},
};
use sp_runtime::traits::Zero;

impl<T: Config> Pallet<T> {
	/// Begins a round when it is time for one, draws the one in force when its randomness is known, and keeps the hash of the
	/// block in which that was done.
	pub(crate) fn turn(meter: &mut WeightMeter) {
		if meter.try_consume(T::WeightInfo::poll()).is_err() {
			return;
		}
		let now = T::Beacon::now();
		let length = EpochLength::<T>::get();
		let epoch = epoch_of(now, length);
		let mut last = Drawn::<T>::get();
		let mut round = CurrentRound::<T>::get();
		let is_drawn = last.map_or(0, |last| last.round) == round;
		let in_force = last.is_some_and(|last| is_drawn && last.epoch >= epoch);
		let bound = last.is_none_or(|last| last.block.is_some());
		if (in_force && bound) || meter.try_consume(T::WeightInfo::turn()).is_err() {
			return;
		}
		// The parent of the first block after it. When that one had no room: of a later one, which has it among its ancestors.
		if let Some(last) = last.as_mut().filter(|_| !bound) {
			last.block = Some(frame_system::Pallet::<T>::parent_hash().into());
			Drawn::<T>::put(*last);
		}
		if in_force {
			return;
		}
		if is_drawn {
			round = round.defensive_saturating_add(1);
			CurrentRound::<T>::put(round);
			BeganAt::<T>::put(now);
			Self::deposit_event(Event::RoundBegan { round });
		}
		let from = epoch_start(epoch, length).saturating_add(T::DrawDelay::get());
		// Without a record the round waits. When the first one was dropped already, it waits for the next epoch: another
		// one would be a redraw.
		let Ok(Some((record, randomness))) = T::Beacon::first_at_or_after(from) else { return };
		let randomness = epoch_randomness(&Self::genesis(), epoch, &randomness);
		let hot_factor = Parameters::<T>::get().in_round(round).hot_factor;
		let block = None;
		let drawn = EpochRecord { round, epoch, randomness, drawn_at: now, hot_factor, block };
		if last.is_none_or(|last| Self::period_of(last.epoch) < Self::period_of(epoch)) {
			Sealed::<T>::put(drawn);
		}
		if let Some(last) = last {
			DrawnBefore::<T>::put(last);
		}
		Drawn::<T>::put(drawn);
		Self::deposit_event(Event::RoundDrawn { round, epoch, randomness, record, at: now });
	}

	/// The hash of block 0, which every hashed message binds.
	fn genesis() -> Hash32 {
		frame_system::Pallet::<T>::block_hash(
			frame_system::pallet_prelude::BlockNumberFor::<T>::zero(),
		)
		.into()
	}

	/// Lets parameters hold from the next round on.
	pub(crate) fn plan(params: LivenessParams) {
		let round = Self::round();
		let from = round.saturating_add(1);
		Parameters::<T>::mutate(|planned| {
			*planned = Planned { now: planned.in_round(round), next: Some((from, params)) };
		});
		Self::deposit_event(Event::ParamsSet { params, from });
	}

	/// Whether parameters lie within the pallet's constants, and make sense.
	pub(crate) fn within_bounds(params: &LivenessParams) -> bool {
		let mut last = (params.prompt_blocks, WHOLE);
		let falls = params.late.iter().all(|tier| {
			let (within, share) = core::mem::replace(&mut last, (tier.within, tier.share));
			within <= tier.within && tier.share <= share
		});
		(1..=T::MaxSamples::get()).contains(&params.samples_per_epoch)
			&& (1..=T::MaxHotFactor::get()).contains(&params.hot_factor)
			&& params.credit_cap <= T::MaxCreditCap::get()
			&& (1..=T::MaxItems::get()).contains(&params.settle_samples)
			&& params.silent_rounds >= T::MinSilentRounds::get().max(1)
			&& params.silent_rounds <= MAX_SILENT_ROUNDS
			&& params.evict_misses >= T::MinEvictMisses::get().max(1)
			&& params.forgive_rounds > 0
			&& params.slash <= T::MaxSlash::get()
			&& params.slash_slot <= T::MaxSlash::get()
			&& params.slash_invalid <= T::MaxSlash::get()
			&& params.bounty <= T::MaxBounty::get()
			&& falls
	}

	/// Relations between constants.
	pub(crate) fn check_constants() {
		assert!(
			T::DrawDelay::get() < T::MinEpochLength::get(),
			"epochs could end before they are drawn"
		);
		assert!(T::MaxSamples::get() > 0, "nothing could be asked for");
		assert!(
			T::MaxSamples::get().checked_mul(WHOLE.into()).is_some(),
			"the credit of an epoch saturates"
		);
		assert!(T::MaxHotFactor::get() > 0, "hot deals could never be asked for");
		assert!(T::MaxItems::get() > 0, "nothing could be answered");
		assert!(
			T::MaxItems::get() <= T::MaxSamples::get(),
			"answers are longer than epochs ask for"
		);
		assert!(T::MaxCreditCap::get() < WHOLE, "credits could waive everything");
		assert!(T::MaxSteps::get() > 0, "nothing could be applied");
		assert!(
			T::MinSilentRounds::get() <= MAX_SILENT_ROUNDS,
			"no number of silent rounds is allowed"
		);
		assert!(T::MaxSweeps::get() > 0, "nobody would be found unless somebody reports it");
		assert!(T::MaxSlash::get() <= WHOLE, "more could be slashed than must be at stake");
		assert!(T::MaxBounty::get() <= WHOLE / 2, "less than half of a slash could be burned");
		let most = T::BlockWeights::get().max_block.saturating_div(4).saturating_mul(3);
		assert!(
			Self::submit_weight(T::MaxItems::get()).all_lte(most),
			"no block has room for the longest answer"
		);
		assert!(
			Self::settle_weight(T::MaxItems::get()).all_lte(most),
			"no block has room for the longest settlement"
		);
		assert!(
			Self::advance_weight(T::MaxSteps::get()).all_lte(most),
			"no block has room for the most steps"
		);
	}
}

impl<T: Config> EpochClock for Pallet<T> {
	fn round() -> Round {
		CurrentRound::<T>::get()
	}
}
