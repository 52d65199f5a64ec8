//! Parameters, origins and constants.

use crate::{mock::*, *};
use frame_support::{
	assert_noop, assert_ok,
	traits::{Get, GetStorageVersion, Hooks},
};
use nil_types::{Amount, RelayBlock};
use sp_runtime::{BuildStorage, DispatchError};

#[test]
fn only_the_admin_sets_parameters() {
	run(|| {
		assert_noop!(
			DealsPallet::set_params(RuntimeOrigin::signed(OWNER), PARAMS),
			DispatchError::BadOrigin
		);
		let params = DealParams { storage_price: 5, ..PARAMS };
		assert_ok!(DealsPallet::set_params(RuntimeOrigin::root(), params));
		assert_eq!(DealsPallet::params(), params);
		assert_eq!(<DealsPallet as nil_types::traits::DealHooks>::storage_price(), 5);
		assert_eq!(events(), [Event::ParamsSet { params }]);
	});
}

#[test]
fn parameters_stay_within_the_constants() {
	run(|| {
		let above = |bound: Amount| bound + 1;
		let storage_price = above(<Test as Config>::MaxStoragePrice::get());
		let creation_fee = above(<Test as Config>::MaxCreationFee::get());
		let commit_deposit = above(<Test as Config>::MaxCommitDeposit::get());
		let slot_deposit = above(<Test as Config>::MaxSlotDeposit::get());
		let uploader_deposit = above(<Test as Config>::MaxUploaderDeposit::get());
		let longest: RelayBlock = <Test as Config>::MaxDuration::get();
		let max_duration = longest + 1;
		for params in [
			DealParams { storage_price, ..PARAMS },
			DealParams { creation_fee, ..PARAMS },
			DealParams { commit_deposit, ..PARAMS },
			DealParams { slot_deposit, ..PARAMS },
			DealParams { uploader_deposit, ..PARAMS },
			DealParams { min_duration: 0, ..PARAMS },
			DealParams { min_duration: PARAMS.max_duration + 1, ..PARAMS },
			DealParams { max_duration, ..PARAMS },
		] {
			assert_noop!(
				DealsPallet::set_params(RuntimeOrigin::root(), params),
				Error::<Test>::ParamsOutOfBounds
			);
		}
	});
}

#[test]
#[should_panic(expected = "out of bounds")]
fn a_genesis_out_of_bounds_does_not_build() {
	let params = DealParams { min_duration: 0, ..PARAMS };
	let _ = GenesisConfig::<Test> { params, ..Default::default() }.build_storage();
}

#[test]
fn constants_fit_together_and_the_storage_version_is_pinned() {
	run(|| {
		<DealsPallet as Hooks<u64>>::integrity_test();
		assert_eq!(DealsPallet::in_code_storage_version(), 2);
		assert_eq!(DealsPallet::on_chain_storage_version(), 2);
	});
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
			("create_deal", 0),
			("commit_content", 1),
			("add_receipt", 2),
			("top_up", 3),
			("extend_deal", 4),
			("cancel_deal", 5),
			("set_params", 6),
			("upkeep", 7),
			("authorize_uploader", 8),
			("revoke_uploader", 9),
			("set_min_term", 10),
			("replace_slot", 11),
		]
	);
}
