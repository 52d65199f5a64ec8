//! The invariants of the pallet's state.

use crate::{
	CandidateCount, Candidates, Config, DomainKey, DomainWeights, HoldReason, Ledger, Ledgers,
	MAX_CAPACITY, Nodes, Pallet, Parameters, Profiles, Reweighing, ServiceKeys,
	tree::{LEVELS, Node, State, Store, locate},
	types::CLASSES,
};
use alloc::collections::BTreeMap;
use frame_support::{ensure, traits::fungible::InspectHold};
use nil_types::{Amount, Capability, ProviderStatus};
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
	/// Checks that
	///
	/// * the parameters lie within the pallet's constants;
	/// * every ledger has a profile and every profile a ledger;
	/// * an operator's hold is its stake and its unbonding stake, exactly;
	/// * the service keys known are the current and the replaced ones of all providers, and no two providers share one;
	/// * used bytes are within the capacity, and that within the limit; what was attested is not the empty domain;
	/// * a provider that left is draining and has neither slots, used bytes nor stake, but something that unbonds;
	/// * the candidates are exactly the active providers, each at its position in its class's dense list;
	/// * each candidate's weight follows from its ledger and the parameters, unless it is still to be re-weighed;
	/// * nodes of the weight trees are the sums of their children, and no empty node is stored;
	/// * each domain's weight is the sum of its candidates' weights, and no zero is stored.
	///
	/// # Errors
	///
	/// The sentence that does not hold.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		ensure!(
			Self::within_bounds(&Parameters::<T>::get()),
			"the parameters lie within the pallet's constants"
		);
		Self::check_records()?;
		Self::check_candidates()?;
		Self::check_trees()
	}

	fn check_records() -> Result<(), TryRuntimeError> {
		let mut keys = 0usize;
		for (operator, ledger) in Ledgers::<T>::iter() {
			let profile = Profiles::<T>::get(&operator).ok_or("every ledger has a profile")?;
			let unbonding: Amount = profile.unbonding.iter().map(|part| part.amount).sum();
			ensure!(
				T::Currency::balance_on_hold(&HoldReason::Stake.into(), &operator)
					== ledger.stake.saturating_add(unbonding),
				"an operator's hold is its stake and its unbonding stake, exactly"
			);
			ensure!(
				profile.unbonding.is_sorted_by(|one, next| one.until < next.until),
				"unbonding stake is in order"
			);
			for key in
				profile.retired_keys.iter().map(|retired| retired.key).chain([profile.service_key])
			{
				keys += 1;
				ensure!(
					ServiceKeys::<T>::get(key).as_ref() == Some(&operator),
					"no two providers share a service key"
				);
			}
			ensure!(
				ledger.used <= ledger.capacity && ledger.capacity <= MAX_CAPACITY,
				"used bytes are within the capacity"
			);
			ensure!(
				!ledger.attested || !ledger.domain.is_empty(),
				"what was attested is not the empty domain"
			);
			if ledger.has_left() {
				ensure!(
					ledger.slots == 0
						&& ledger.used == 0
						&& ledger.stake == 0
						&& !profile.unbonding.is_empty(),
					"a provider that left has nothing but what unbonds"
				);
			}
		}
		ensure!(
			Profiles::<T>::iter_keys().all(Ledgers::<T>::contains_key),
			"every profile has a ledger"
		);
		ensure!(
			ServiceKeys::<T>::iter_keys().count() == keys,
			"the service keys known are those of the providers"
		);
		Ok(())
	}

	fn check_candidates() -> Result<(), TryRuntimeError> {
		let mut active = 0u32;
		for (operator, ledger) in Ledgers::<T>::iter() {
			ensure!(
				ledger.position.is_some() == (ledger.status == ProviderStatus::Active),
				"the candidates are exactly the active providers"
			);
			if let Some(position) = ledger.position {
				active += 1;
				ensure!(
					position < CandidateCount::<T>::get(ledger.capability)
						&& Candidates::<T>::get(ledger.capability, position).as_ref()
							== Some(&operator),
					"each candidate is at its position in its class's dense list"
				);
			}
		}
		ensure!(
			active == Self::active_count() && Candidates::<T>::iter().count() == active as usize,
			"the candidates are exactly the active providers"
		);
		ensure!(
			CandidateCount::<T>::iter_values().all(|count| count > 0),
			"the count of an empty list is not stored"
		);
		Ok(())
	}

	fn check_trees() -> Result<(), TryRuntimeError> {
		let params = Parameters::<T>::get();
		let mut tree = State::<T>::new();
		let mut domains = BTreeMap::<(Capability, DomainKey), u64>::new();
		let mut nodes = BTreeMap::new();
		for ledger in Ledgers::<T>::iter_values() {
			let Some(position) = ledger.position else { continue };
			let weight = tree.leaf(ledger.capability, position);
			ensure!(
				weight == ledger.weight(&params) || Self::is_to_be_reweighed(&ledger, position),
				"each candidate's weight follows from its ledger and the parameters"
			);
			if weight == 0 {
				continue;
			}
			*domains.entry((ledger.capability, ledger.domain_key())).or_default() += weight;
			for level in 0..LEVELS {
				let (key, child) = locate(ledger.capability, level, position);
				let node: &mut Node = nodes.entry(key).or_default();
				node.set(child, node.get(child).saturating_add(weight));
			}
		}
		ensure!(
			Nodes::<T>::iter().collect::<BTreeMap<_, _>>() == nodes,
			"nodes of the weight trees are the sums of their children"
		);
		ensure!(
			DomainWeights::<T>::iter()
				.map(|(class, key, weight)| ((class, key), weight))
				.collect::<BTreeMap<_, _>>()
				== domains,
			"each domain's weight is the sum of its candidates' weights"
		);
		Ok(())
	}

	/// Whether the sweep has yet to reach a candidate.
	fn is_to_be_reweighed(ledger: &Ledger, position: u32) -> bool {
		Reweighing::<T>::get().is_some_and(|sweep| {
			let class = CLASSES.iter().position(|class| *class == ledger.capability);
			let at = usize::from(sweep.class);
			class.is_some_and(|class| class > at || (class == at && position < sweep.below))
		})
	}
}
