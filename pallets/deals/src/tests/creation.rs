//! Creating deals.

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};
use nil_types::{CodeKind, DealStatus, Hint, Profile};
use sp_runtime::TokenError;

fn create_with(profile: Profile, duration: u32, escrow: u128) -> sp_runtime::DispatchResult {
	frame_support::storage::with_storage_layer(|| {
		DealsPallet::create_deal(
			RuntimeOrigin::signed(OWNER),
			profile,
			Hint::Hot,
			duration,
			9,
			escrow,
		)
	})
}

#[test]
fn a_new_deal_pays_its_fee_holds_its_escrow_and_waits_for_slots() {
	run(|| {
		let issuance = Balances::total_issuance();
		assert_ok!(create_with(small(), 100, 10_000));
		assert_eq!(
			Deals::<Test>::get(0),
			Some(Deal {
				owner: OWNER,
				profile: small(),
				hint: Hint::Hot,
				status: DealStatus::Placing,
				generation: 0,
				total_mdus: 0,
				size_bytes: 0,
				stored_bytes: 0,
				created_at: GENESIS_RELAY_BLOCK,
				expires_at: GENESIS_RELAY_BLOCK + 100,
				ledger: Ledger { free: 10_000, locked: 0, deposit: 0, slots: 210 },
				max_monthly_spend: 9,
			})
		);
		assert_eq!(RequestedSlots::get(0), Some(small()));
		assert_eq!(held(OWNER), 10_210);
		assert_eq!(Balances::total_balance(&OWNER), START - PARAMS.creation_fee);
		// The handler of this runtime burns fees.
		assert_eq!(Balances::total_issuance(), issuance - PARAMS.creation_fee);
		assert_eq!(
			events(),
			[Event::DealCreated {
				deal: 0,
				owner: OWNER,
				profile: small(),
				hint: Hint::Hot,
				created_at: GENESIS_RELAY_BLOCK,
				expires_at: GENESIS_RELAY_BLOCK + 100,
				fee: PARAMS.creation_fee,
				escrow: 10_000,
				deposit: 210,
				max_monthly_spend: 9,
			}]
		);
	});
}

#[test]
fn keeping_slots_has_a_deposit_from_the_start_at_the_rate_of_the_creation() {
	run(|| {
		let free = || Balances::balance(&OWNER);
		let deal = create_active(small(), 100, 0);
		assert_eq!(free(), START - PARAMS.creation_fee - slots_deposit(small()));
		let params = DealParams { slot_deposit: 1_000, ..PARAMS };
		assert_ok!(DealsPallet::set_params(RuntimeOrigin::root(), params));
		let dearer = create_active(small(), 100, 0);
		assert_eq!(free(), START - 2 * PARAMS.creation_fee - slots_deposit(small()) - 3_000);
		// No commit is paid with it.
		assert_noop!(Commit::of(dearer, 1).dispatch(), Error::<Test>::InsufficientEscrow);
		// Both ways to end return it.
		assert_ok!(DealsPallet::cancel_deal(RuntimeOrigin::signed(OWNER), deal));
		assert_eq!(free(), START - 2 * PARAMS.creation_fee - 3_000);
		advance(110);
		idle();
		assert_eq!(Deals::<Test>::get(dearer), None);
		assert_eq!(free(), START - 2 * PARAMS.creation_fee);
	});
}

#[test]
fn an_owner_that_has_the_escrow_and_not_the_deposit_creates_nothing() {
	run(|| {
		let escrow = START - PARAMS.creation_fee - 10 - slots_deposit(small());
		assert_noop!(create_with(small(), 100, escrow + 1), TokenError::FundsUnavailable);
		assert_noop!(create_with(small(), 100, u128::MAX), TokenError::FundsUnavailable);
		assert_ok!(create_with(small(), 100, escrow));
	});
}

#[test]
fn numbers_are_never_used_twice() {
	run(|| {
		assert_eq!(create(small(), 100, 0), 0);
		assert_ok!(DealsPallet::cancel_deal(RuntimeOrigin::signed(OWNER), 0));
		assert_eq!(create(small(), 100, 0), 1);
	});
}

#[test]
fn profiles_that_the_protocol_does_not_allow_are_refused() {
	run(|| {
		for (k, m) in [(0, 1), (3, 1), (8, 0), (16, 17), (64, 255)] {
			let profile = Profile { k, m, code: CodeKind::Fr };
			assert_noop!(create_with(profile, 100, 0), Error::<Test>::BadProfile);
		}
	});
}

#[test]
fn durations_stay_within_the_parameters() {
	run(|| {
		for duration in [0, PARAMS.min_duration - 1, PARAMS.max_duration + 1, u32::MAX] {
			assert_noop!(create_with(small(), duration, 0), Error::<Test>::DurationOutOfBounds);
		}
		for duration in [PARAMS.min_duration, PARAMS.max_duration] {
			assert_ok!(create_with(small(), duration, 0));
		}
	});
}

#[test]
fn an_owner_that_cannot_pay_creates_nothing() {
	run(|| {
		assert_noop!(create_with(small(), 100, START), TokenError::FundsUnavailable);
		assert_noop!(
			DealsPallet::create_deal(RuntimeOrigin::signed(99), small(), Hint::Hot, 100, 0, 0),
			TokenError::FundsUnavailable
		);
	});
}

#[test]
fn a_full_placement_queue_refuses_and_takes_no_fee() {
	run(|| {
		for _ in 0..MAX_REQUESTS {
			assert_ok!(create_with(small(), 100, 0));
		}
		assert_noop!(create_with(small(), 100, 0), Error::<Test>::PlacementQueueFull);
		assert_ok!(DealsPallet::cancel_deal(RuntimeOrigin::signed(OWNER), 3));
		assert_ok!(create_with(small(), 100, 0));
	});
}

#[test]
fn slots_activate_a_deal_once() {
	run(|| {
		let deal = create_active(small(), 100, 0);
		assert_eq!(Deals::<Test>::get(deal).unwrap().status, DealStatus::Active);
		assert!(events().contains(&Event::DealActivated { deal }));
	});
}
