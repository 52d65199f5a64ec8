//! What happens to weights when the parameters change.

use super::*;
use crate::{GenesisConfig, Params, Reweighing, Sweep, WeightInfo, candidates::SWEEP_PER_BLOCK};
use frame_support::{
	traits::{GetStorageVersion, Hooks},
	weights::Weight,
};
use nil_types::{
	Hint,
	traits::{ProviderRegistry, RegistryError},
};
use sp_runtime::BuildStorage;

/// Twice the stake for a GiB.
const DEARER: Params = Params { min_stake: 100, stake_per_gib: 20, diversity_threshold: 4 };

fn idle(candidates: u64) -> Weight {
	let weight = <() as WeightInfo>::sweep_base()
		+ <() as WeightInfo>::sweep_candidate().saturating_mul(candidates);
	Providers::on_idle(1, weight)
}

#[test]
fn a_sweep_reweighs_all_candidates_of_all_classes() {
	run(|| {
		candidate(1, Capability::Archive, 1024, None, 0);
		candidate(2, Capability::General, 1024, None, 0);
		candidate(3, Capability::Edge, 1024, None, 0);
		candidate(4, Capability::Edge, 2048, None, 0);
		assert_ok!(send_as_root(Call::set_params { params: DEARER }));
		System::assert_last_event(Event::ParamsSet { params: DEARER }.into());
		assert_eq!(weight(1), 1024);
		Providers::on_idle(1, Weight::MAX);
		System::assert_last_event(Event::Reweighed.into());
		assert!(!Reweighing::<Test>::exists());
		for (who, expected) in [(1, 512), (2, 512), (3, 512), (4, 1024)] {
			assert_eq!(weight(who), expected, "provider {who}");
		}
	});
}

#[test]
fn a_sweep_takes_as_many_blocks_as_its_weight_demands() {
	run(|| {
		for who in 1..=5 {
			candidate(who, Capability::General, 1024, None, 0);
		}
		assert_ok!(send_as_root(Call::set_params { params: DEARER }));
		// No weight at all: nothing happens, and nothing is claimed to have been used.
		assert_eq!(Providers::on_idle(1, Weight::zero()), Weight::zero());
		let used = idle(2);
		assert_eq!(
			used,
			<() as WeightInfo>::sweep_base() + <() as WeightInfo>::sweep_candidate() * 2
		);
		assert_eq!(Reweighing::<Test>::get(), Some(Sweep { class: 1, below: 3 }));
		assert_eq!([1, 2, 3, 4, 5].map(weight), [1024, 1024, 1024, 512, 512]);
		Providers::do_try_state().unwrap();
		idle(2);
		Providers::do_try_state().unwrap();
		idle(2);
		assert!(!Reweighing::<Test>::exists());
		assert_eq!([1, 2, 3, 4, 5].map(weight), [512; 5]);
	});
}

#[test]
fn a_block_reweighs_a_bounded_number() {
	run(|| {
		let count = SWEEP_PER_BLOCK + 3;
		for who in 0..u64::from(count) {
			<Balances as frame_support::traits::fungible::Mutate<_>>::set_balance(&who, 1_000);
			candidate(who, Capability::General, 1024, None, 0);
		}
		assert_ok!(send_as_root(Call::set_params { params: DEARER }));
		Providers::on_idle(1, Weight::MAX);
		assert_eq!(Reweighing::<Test>::get(), Some(Sweep { class: 1, below: 3 }));
		Providers::on_idle(2, Weight::MAX);
		assert!(!Reweighing::<Test>::exists());
	});
}

#[test]
fn candidates_that_move_during_a_sweep_are_not_missed() {
	run(|| {
		for who in 1..=5 {
			candidate(who, Capability::General, 1024, None, 0);
		}
		assert_ok!(send_as_root(Call::set_params { params: DEARER }));
		idle(1);
		// The last, re-weighed one moves into the gap; then the list shrinks below the sweep's place.
		for who in [1, 3, 4] {
			assert_ok!(send(who, Call::drain {}));
			Providers::do_try_state().unwrap();
		}
		candidate(6, Capability::General, 1024, None, 0);
		while Reweighing::<Test>::exists() {
			idle(1);
			Providers::do_try_state().unwrap();
		}
		assert_eq!([2, 5, 6].map(weight), [512, 512, 1024]);
	});
}

#[test]
fn before_the_sweep_nobody_stores_more_than_the_new_parameters_back() {
	run(|| {
		candidate(1, Capability::General, 1024, None, 0);
		let params = Params { min_stake: 1_000, ..PARAMS };
		assert_ok!(send_as_root(Call::set_params { params }));
		assert_eq!(weight(1), 1024);
		assert_eq!(Providers::add_used(&1, 1), Err(RegistryError::OutOfStake));
		// Found by its old weight, refused by its ledger.
		let draw = Providers::draw_operators([0; 32], 1, Hint::Hot, 0);
		assert_eq!((draw.operators, draw.descents), (None, 1));
	});
}

#[test]
fn a_second_change_starts_the_sweep_again() {
	run(|| {
		for who in 1..=3 {
			candidate(who, Capability::General, 1024, None, 0);
		}
		assert_ok!(send_as_root(Call::set_params { params: DEARER }));
		idle(2);
		assert_ok!(send_as_root(Call::set_params { params: PARAMS }));
		Providers::do_try_state().unwrap();
		Providers::on_idle(1, Weight::MAX);
		assert_eq!([1, 2, 3].map(weight), [1024; 3]);
	});
}

#[test]
fn parameters_stay_within_the_constants() {
	run(|| {
		for params in [
			Params { min_stake: 1_000_000_001, ..PARAMS },
			Params { stake_per_gib: 1_000_000_001, ..PARAMS },
			Params { diversity_threshold: 1_001, ..PARAMS },
		] {
			assert_noop!(
				send_as_root(Call::set_params { params }),
				Error::<Test>::ParamsOutOfBounds
			);
		}
		let highest = Params {
			min_stake: 1_000_000_000,
			stake_per_gib: 1_000_000_000,
			diversity_threshold: 1_000,
		};
		assert_ok!(send_as_root(Call::set_params { params: highest }));
		assert_eq!(Providers::params(), highest);
		<Providers as Hooks<u64>>::integrity_test();
	});
}

#[test]
#[should_panic(expected = "out of bounds")]
fn a_genesis_out_of_bounds_does_not_build() {
	let params = Params { min_stake: u128::MAX, ..PARAMS };
	let _ = GenesisConfig::<Test> { params, ..Default::default() }.build_storage();
}

#[test]
fn the_storage_version_is_pinned() {
	run(|| {
		assert_eq!(Providers::in_code_storage_version(), 1);
		assert_eq!(Providers::on_chain_storage_version(), 1);
	});
}
