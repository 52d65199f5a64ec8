//! Stake in, stake out.

use super::*;
use crate::{Params, Profiles, Unbonding};
use nil_types::traits::ProviderRegistry;
use proptest::prelude::*;

#[test]
fn stake_can_be_added_and_backs_more() {
	run(|| {
		candidate(1, Capability::General, 1024, None, 0);
		assert_eq!(held(1), 110);
		let grow = Call::update {
			multiaddrs: None,
			capability: None,
			domain: None,
			capacity: Some(3 * GIB),
			price_floor: None,
		};
		assert_ok!(send(1, grow));
		assert_eq!(weight(1), 1024);
		assert_ok!(send(1, Call::add_stake { amount: 20 }));
		assert_eq!(weight(1), 3 * 1024);
		assert_eq!(held(1), 130);
		System::assert_last_event(Event::StakeAdded { operator: 1, amount: 20, stake: 130 }.into());
		assert_noop!(send(1, Call::add_stake { amount: 0 }), Error::<Test>::ZeroAmount);
	});
}

#[test]
fn removed_stake_stays_held_for_the_evidence_window() {
	run(|| {
		register(1);
		assert_ok!(send(1, Call::remove_stake { amount: 150 }));
		System::assert_last_event(
			Event::StakeUnbonding { operator: 1, amount: 150, stake: 150, until: 1 + WINDOW }
				.into(),
		);
		assert_eq!((held(1), ledger(1).stake), (300, 150));
		// (150 - 100) / 10 per GiB.
		assert_eq!(weight(1), 5 * 1024);
		Clock::set(WINDOW);
		assert_noop!(send(1, Call::withdraw_stake {}), Error::<Test>::NothingToWithdraw);
		Clock::set(1 + WINDOW);
		assert_ok!(send(1, Call::withdraw_stake {}));
		System::assert_last_event(Event::StakeWithdrawn { operator: 1, amount: 150 }.into());
		assert_eq!(held(1), 150);
		assert_eq!(Balances::free_balance(1), ENDOWMENT - 150);
		assert_noop!(send(1, Call::withdraw_stake {}), Error::<Test>::NothingToWithdraw);
	});
}

#[test]
fn what_is_used_keeps_its_stake() {
	run(|| {
		register(1);
		assert_ok!(Providers::add_used(&1, 7 * GIB + 1));
		// 100 + ceil(70 + 10 / 2^30) = 171 must stay.
		for amount in [130, 301, u128::MAX] {
			assert_noop!(send(1, Call::remove_stake { amount }), Error::<Test>::StakeTooLow);
		}
		assert_noop!(send(1, Call::remove_stake { amount: 0 }), Error::<Test>::ZeroAmount);
		assert_ok!(send(1, Call::remove_stake { amount: 129 }));
		// 171 back 7.1 GiB: a tenth of a GiB, less one byte, is left.
		assert_eq!(weight(1), 102);
	});
}

#[test]
fn removals_are_bounded_and_one_relay_block_is_one_removal() {
	run(|| {
		register(1);
		for relay_block in [1, 1, 2, 3] {
			Clock::set(relay_block);
			assert_ok!(send(1, Call::remove_stake { amount: 10 }));
		}
		let unbonding = Profiles::<Test>::get(1).unwrap().unbonding.into_inner();
		assert_eq!(
			unbonding,
			[
				Unbonding { amount: 20, until: 1 + WINDOW },
				Unbonding { amount: 10, until: 2 + WINDOW },
				Unbonding { amount: 10, until: 3 + WINDOW },
			]
		);
		// The fourth entry is kept for leaving.
		Clock::set(4);
		let removal = Call::remove_stake { amount: 10 };
		assert_noop!(send(1, removal.clone()), Error::<Test>::TooManyUnbonding);
		Clock::set(2 + WINDOW);
		assert_ok!(send(1, Call::withdraw_stake {}));
		assert_eq!(held(1), 300 - 30);
		assert_ok!(send(1, removal));
	});
}

#[test]
fn a_free_market_without_stake_works() {
	run(|| {
		let params = Params { min_stake: 0, stake_per_gib: 0, diversity_threshold: 0 };
		assert_ok!(send_as_root(Call::set_params { params }));
		let mut call = registration(1);
		if let Call::register { stake, .. } = &mut call {
			*stake = 0;
		}
		assert_ok!(send(1, call));
		assert_eq!((held(1), weight(1)), (0, 10 * 1024));
		assert_ok!(send(1, Call::drain {}));
		assert_ok!(send(1, Call::leave {}));
		Clock::set(1 + WINDOW);
		assert_ok!(send(1, Call::withdraw_stake {}));
		assert_eq!(Providers::provider_info(&1), None);
	});
}

proptest! {
	/// What is required for some bytes backs at least these bytes, and one unit less does not back them.
	#[test]
	fn required_and_backed_agree(
		min_stake in 0u128..1 << 64,
		stake_per_gib in 1u128..1 << 64,
		used in 1u64..1 << 60,
	) {
		let params = Params { min_stake, stake_per_gib, diversity_threshold: 0 };
		let required = params.required(used);
		prop_assert!(params.backed(required) >= used);
		prop_assert!(params.backed(required - 1) < used);
		prop_assert_eq!(params.backed(min_stake), 0);
	}

	#[test]
	fn the_arithmetic_of_stake_never_overflows(
		min_stake: u128,
		stake_per_gib: u128,
		stake: u128,
		used: u64,
	) {
		let params = Params { min_stake, stake_per_gib, diversity_threshold: 0 };
		prop_assert!(params.required(used) >= min_stake);
		prop_assert!(stake >= min_stake || params.backed(stake) == 0);
	}
}
