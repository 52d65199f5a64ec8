//! Parameters, origins and constants.

use crate::{mock::*, *};
use frame_support::{
	assert_noop,
	traits::{GetStorageVersion, Hooks},
};
use sp_runtime::{BuildStorage, DispatchError};

#[test]
fn only_the_admin_sets_parameters() {
	run(|| {
		assert_noop!(
			Liveness::set_params(RuntimeOrigin::signed(account(1)), PARAMS),
			DispatchError::BadOrigin
		);
	});
}

/// Parameters that do not lie within the constants, or make no sense.
fn bad() -> Vec<LivenessParams> {
	let late = |changes: &[(usize, u32, u16)]| {
		let mut params = PARAMS;
		for (index, within, share) in changes {
			params.late[*index] = Tier { within: *within, share: *share };
		}
		params
	};
	vec![
		LivenessParams { samples_per_epoch: 0, ..PARAMS },
		LivenessParams { samples_per_epoch: 65, ..PARAMS },
		LivenessParams { hot_factor: 0, ..PARAMS },
		LivenessParams { hot_factor: 9, ..PARAMS },
		LivenessParams { prompt_blocks: 21, ..PARAMS },
		LivenessParams { credit_cap: 7_501, ..PARAMS },
		LivenessParams { settle_samples: 0, ..PARAMS },
		LivenessParams { silent_rounds: 1, ..PARAMS },
		LivenessParams { silent_rounds: MAX_SILENT_ROUNDS + 1, ..PARAMS },
		LivenessParams { evict_misses: 1, ..PARAMS },
		LivenessParams { forgive_rounds: 0, ..PARAMS },
		LivenessParams { slash: 5_001, ..PARAMS },
		LivenessParams { slash_slot: 5_001, ..PARAMS },
		LivenessParams { slash_invalid: 5_001, ..PARAMS },
		LivenessParams { bounty: 5_001, ..PARAMS },
		LivenessParams { settle_samples: MAX_ITEMS + 1, ..PARAMS },
		late(&[(0, 20, 10_001)]),
		late(&[(1, 19, 5_000)]),
		late(&[(1, 30, 8_001)]),
		late(&[(2, 40, 5_001)]),
	]
}

#[test]
fn parameters_stay_within_the_constants() {
	run(|| {
		for params in bad() {
			assert_noop!(
				Liveness::set_params(RuntimeOrigin::root(), params),
				Error::<Test>::ParamsOutOfBounds
			);
		}
		for params in [
			PARAMS,
			LivenessParams { samples_per_epoch: 64, hot_factor: 8, ..PARAMS },
			LivenessParams { credit_cap: 0, ..PARAMS },
			LivenessParams { credit_cap: 7_500, ..PARAMS },
			LivenessParams { silent_rounds: MAX_SILENT_ROUNDS, ..PARAMS },
			// No tiers at all.
			LivenessParams { late: [Tier { within: 10, share: 0 }; TIERS], ..PARAMS },
		] {
			Liveness::set_params(RuntimeOrigin::root(), params).unwrap();
		}
	});
	// They are what a chain begins with that says nothing else.
	run(|| assert!(Liveness::within_bounds(&LivenessParams::default())));
}

#[test]
#[should_panic(expected = "out of bounds")]
fn a_genesis_out_of_bounds_does_not_build() {
	let params = LivenessParams { samples_per_epoch: 0, ..PARAMS };
	let _ = GenesisConfig::<Test> { params, ..Default::default() }.build_storage();
}

#[test]
#[should_panic(expected = "too short")]
fn a_genesis_with_short_epochs_does_not_build() {
	let _ = GenesisConfig::<Test> { epoch_length: 9, ..Default::default() }.build_storage();
}

#[test]
#[should_panic(expected = "has no epoch")]
fn a_genesis_with_empty_periods_does_not_build() {
	let _ = GenesisConfig::<Test> { settlement_epochs: 0, ..Default::default() }.build_storage();
}

#[test]
fn constants_fit_together_and_the_storage_version_is_pinned() {
	run(|| {
		<Liveness as Hooks<u64>>::integrity_test();
		assert_eq!(Liveness::in_code_storage_version(), 1);
		assert_eq!(Liveness::on_chain_storage_version(), 1);
		assert_eq!(EpochLength::<Test>::get(), LENGTH);
	});
}

#[test]
fn a_settlement_weighs_as_if_each_payment_were_the_last_of_its_deal() {
	let payments = <() as WeightInfo>::pay_last().saturating_mul(3);
	let most = <() as WeightInfo>::settle(3).saturating_add(payments);
	assert!(Liveness::settle_weight(3).all_gte(most));
}

#[test]
fn call_indices_are_pinned() {
	use frame_support::traits::{GetCallIndex, GetCallName};
	let names = Call::<Test>::get_call_names();
	let indices = Call::<Test>::get_call_indices();
	let pairs: Vec<_> = names.iter().copied().zip(indices.iter().copied()).collect();
	assert_eq!(
		pairs,
		[
			("submit_proofs", 0),
			("advance", 1),
			("set_params", 2),
			("settle", 3),
			("forfeit", 4),
			("report", 5),
			("report_slot", 6),
			("waive", 7)
		]
	);
}
