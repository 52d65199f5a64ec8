//! The candidate lists, their weights, and the sweep that re-weighs them.

use crate::{
	CandidateCount, Candidates, Config, DomainKey, DomainWeights, Error, Event, Ledger, Ledgers,
	Pallet, Parameters, Params, Reweighing, Sweep, WeightInfo,
	tree::{LEAVES, State, Store},
	types::CLASSES,
};
use frame_support::{
	defensive, ensure,
	weights::{Weight, WeightMeter},
};
use nil_types::Capability;
use sp_runtime::DispatchResult;

/// Candidates that one block re-weighs at most.
pub const SWEEP_PER_BLOCK: u32 = 64;

impl<T: Config> Pallet<T> {
	/// Appends a provider to its class's candidates and gives it its weight.
	pub(crate) fn enlist(
		operator: &T::AccountId,
		ledger: &mut Ledger,
		params: &Params,
	) -> DispatchResult {
		let class = ledger.capability;
		let position = CandidateCount::<T>::get(class);
		ensure!(position < LEAVES, Error::<T>::ClassFull);
		Candidates::<T>::insert(class, position, operator);
		CandidateCount::<T>::insert(class, position.saturating_add(1));
		ledger.position = Some(position);
		Self::reweigh(ledger, params);
		Ok(())
	}

	/// Takes a provider out of its class's candidates; the last one moves to its position.
	pub(crate) fn delist(ledger: &mut Ledger) {
		Self::set_weight(ledger, 0);
		let Some(position) = ledger.position.take() else { return };
		let class = ledger.capability;
		let Some(last) = CandidateCount::<T>::get(class).checked_sub(1) else {
			defensive!("a list with a position is not empty");
			return;
		};
		let moved = Candidates::<T>::take(class, last);
		if position != last {
			if let Some(operator) = moved {
				let mut tree = State::<T>::new();
				let weight = tree.leaf(class, last);
				tree.set_leaf(class, last, 0);
				tree.set_leaf(class, position, weight);
				Ledgers::<T>::mutate_extant(&operator, |ledger| ledger.position = Some(position));
				Candidates::<T>::insert(class, position, operator);
			} else {
				defensive!("every position below the count has a candidate");
			}
		}
		if last == 0 {
			CandidateCount::<T>::remove(class);
		} else {
			CandidateCount::<T>::insert(class, last);
		}
	}

	/// Gives a candidate the weight that follows from its ledger; does nothing for others.
	pub(crate) fn reweigh(ledger: &Ledger, params: &Params) {
		Self::set_weight(ledger, ledger.weight(params));
	}

	/// Sets a candidate's weight in its class's tree and in its domain.
	pub(crate) fn set_weight(ledger: &Ledger, weight: u64) {
		let Some(position) = ledger.position else { return };
		let (class, mut tree) = (ledger.capability, State::<T>::new());
		let before = tree.leaf(class, position);
		if before == weight {
			return;
		}
		tree.set_leaf(class, position, weight);
		Self::move_domain_weight(class, &ledger.domain_key(), before, weight);
	}

	fn move_domain_weight(class: Capability, key: &DomainKey, before: u64, after: u64) {
		DomainWeights::<T>::mutate_exists(class, key, |entry| {
			let others = entry.unwrap_or_default().saturating_sub(before);
			*entry = Some(others.saturating_add(after)).filter(|weight| *weight > 0);
		});
	}

	/// Active providers of all classes.
	pub fn active_count() -> u32 {
		CLASSES.iter().fold(0, |sum, class| sum.saturating_add(CandidateCount::<T>::get(class)))
	}

	/// Re-weighs candidates after a change of the parameters, as many as `remaining` and [`SWEEP_PER_BLOCK`] allow.
	///
	/// Each class is swept from its last position down: a candidate that moves goes from the last position to a
	/// lower one, so none can slip from the part that is still to do into the part that is done.
	pub(crate) fn sweep(remaining: Weight) -> Weight {
		let mut meter = WeightMeter::with_limit(remaining);
		if meter.try_consume(T::WeightInfo::sweep_base()).is_err() {
			return meter.consumed();
		}
		let Some(mut sweep) = Reweighing::<T>::get() else { return meter.consumed() };
		let params = Parameters::<T>::get();
		let mut budget = SWEEP_PER_BLOCK;
		while let Some(class) = CLASSES.get(usize::from(sweep.class)) {
			let below = sweep.below.min(CandidateCount::<T>::get(class));
			let Some(position) = below.checked_sub(1) else {
				sweep = Sweep { class: sweep.class.saturating_add(1), below: u32::MAX };
				continue;
			};
			let affordable = meter.try_consume(T::WeightInfo::sweep_candidate()).is_ok();
			let Some(rest) = budget.checked_sub(1).filter(|_| affordable) else {
				Reweighing::<T>::put(sweep);
				return meter.consumed();
			};
			budget = rest;
			match Candidates::<T>::get(class, position).and_then(Ledgers::<T>::get) {
				Some(ledger) => Self::reweigh(&ledger, &params),
				None => {
					defensive!("every candidate has a ledger");
				},
			}
			sweep.below = position;
		}
		Reweighing::<T>::kill();
		Self::deposit_event(Event::Reweighed);
		meter.consumed()
	}
}
