//! Escrow, rent, sponsors and refunds.

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};
use nil_types::{
	ContentShape,
	layout::{MDU_PAYLOAD, rent},
};
use sp_runtime::TokenError;

const MDU: u64 = MDU_PAYLOAD as u64;

fn ledger(deal: u64) -> Ledger {
	Deals::<Test>::get(deal).unwrap().ledger
}

#[test]
fn a_sponsors_money_is_held_on_the_owner() {
	run(|| {
		let deal = create(small(), 100, 1_000);
		events();
		assert_ok!(DealsPallet::top_up(RuntimeOrigin::signed(SPONSOR), deal, 700));
		assert_eq!(ledger(deal).free, 1_700);
		assert_eq!((held(OWNER), held(SPONSOR)), (1_700 + slots_deposit(small()), 0));
		assert_eq!(Balances::total_balance(&SPONSOR), START - 700);
		assert_eq!(events(), [Event::ToppedUp { deal, by: SPONSOR, amount: 700 }]);

		assert_ok!(DealsPallet::top_up(RuntimeOrigin::signed(OWNER), deal, 300));
		assert_eq!(ledger(deal).free, 2_000);
		assert_eq!(held(OWNER), 2_000 + slots_deposit(small()));
		assert_eq!(Balances::total_balance(&OWNER), START - PARAMS.creation_fee + 700);
	});
}

#[test]
fn a_top_up_needs_a_living_deal_and_money() {
	run(|| {
		let deal = create(small(), 100, 0);
		let top_up =
			|who, deal, amount| DealsPallet::top_up(RuntimeOrigin::signed(who), deal, amount);
		assert_noop!(top_up(SPONSOR, deal, 0), Error::<Test>::Zero);
		assert_noop!(top_up(SPONSOR, 9, 1), Error::<Test>::UnknownDeal);
		// A sponsor keeps its account.
		assert_noop!(top_up(SPONSOR, deal, START), TokenError::FundsUnavailable);
		assert_noop!(top_up(OWNER, deal, START), TokenError::FundsUnavailable);
		advance(100);
		assert_noop!(top_up(SPONSOR, deal, 1), Error::<Test>::DealExpired);
	});
}

#[test]
fn what_was_committed_is_not_repriced() {
	run(|| {
		let deal = create_active(small(), 100, 10_000_000_000);
		assert_ok!(Commit::of(deal, MDU).dispatch());
		let before = ledger(deal);
		let params = DealParams { storage_price: 9_000_000, commit_deposit: 1, ..PARAMS };
		assert_ok!(DealsPallet::set_params(RuntimeOrigin::root(), params));
		assert_eq!(ledger(deal), before);

		let stored = ContentShape::new(MDU).bytes_per_slot(&small()) * 3;
		advance(40);
		assert_ok!(Commit::of(deal, MDU).dispatch());
		let after = ledger(deal);
		assert_eq!(after.locked - before.locked, rent(9_000_000, stored, 60));
		assert_eq!(after.deposit, PARAMS.commit_deposit + 1);
	});
}

#[test]
fn extending_locks_rent_at_the_present_price_for_all_that_is_stored() {
	run(|| {
		let deal = create_active(small(), 100, 10_000_000_000);
		assert_ok!(Commit::of(deal, MDU).dispatch());
		assert_ok!(Commit::of(deal, 3 * MDU).dispatch());
		let before = ledger(deal);
		let params = DealParams { storage_price: 2_000_000, ..PARAMS };
		assert_ok!(DealsPallet::set_params(RuntimeOrigin::root(), params));
		events();
		advance(50);
		assert_ok!(DealsPallet::extend_deal(RuntimeOrigin::signed(OWNER), deal, 200));

		let stored = ContentShape::new(4 * MDU).bytes_per_slot(&small()) * 3;
		let rent = rent(2_000_000, stored, 200);
		assert_eq!(
			ledger(deal),
			Ledger { free: before.free - rent, locked: before.locked + rent, ..before }
		);
		let expires_at = GENESIS_RELAY_BLOCK + 300;
		assert_eq!(Deals::<Test>::get(deal).unwrap().expires_at, expires_at);
		// A raise of 1,000,000 in the last 200 relay blocks is one of 800,000 over the 250 that are left.
		assert_eq!(
			events(),
			[
				Event::RentRaised { deal, price: 800_000 },
				Event::DealExtended { deal, expires_at, rent }
			]
		);
		assert_eq!(Raised::get(), [(deal, 800_000)]);
	});
}

#[test]
fn an_extension_is_the_owners_bounded_and_paid() {
	run(|| {
		let deal = create_active(small(), 100, 0);
		let extend =
			|who, deal, blocks| DealsPallet::extend_deal(RuntimeOrigin::signed(who), deal, blocks);
		assert_noop!(extend(OTHER, deal, 1), Error::<Test>::NotOwner);
		assert_noop!(extend(OWNER, 9, 1), Error::<Test>::UnknownDeal);
		assert_noop!(extend(OWNER, deal, 0), Error::<Test>::Zero);
		// The term counts from the present, not from the deal's beginning.
		advance(10);
		for blocks in [911, u32::MAX] {
			assert_noop!(extend(OWNER, deal, blocks), Error::<Test>::DurationOutOfBounds);
		}
		assert_ok!(extend(OWNER, deal, 910));
		let full = create_active(small(), 100, 2_400_000 + 10_000);
		assert_ok!(Commit::of(full, MDU).dispatch());
		assert_noop!(extend(OWNER, full, 900), Error::<Test>::InsufficientEscrow);
		advance(100);
		assert_noop!(extend(OWNER, full, 1), Error::<Test>::DealExpired);
	});
}

#[test]
fn cancelling_returns_everything_but_the_fee() {
	run(|| {
		let deal = create_active(small(), 100, 10_000_000_000);
		let other = create_active(small(), 100, 5_000);
		assert_ok!(DealsPallet::top_up(RuntimeOrigin::signed(SPONSOR), deal, 700));
		assert_ok!(Commit::of(deal, MDU).dispatch());
		assert_ok!(DealsPallet::extend_deal(RuntimeOrigin::signed(OWNER), deal, 30));
		events();
		assert_noop!(
			DealsPallet::cancel_deal(RuntimeOrigin::signed(SPONSOR), deal),
			Error::<Test>::NotOwner
		);
		assert_ok!(DealsPallet::cancel_deal(RuntimeOrigin::signed(OWNER), deal));
		// What is held for the other deal stays.
		assert_eq!(held(OWNER), 5_000 + slots_deposit(small()));
		assert_eq!(Balances::total_balance(&OWNER), START - 2 * PARAMS.creation_fee + 700);
		assert_eq!(
			events(),
			[Event::DealEnded {
				deal,
				owner: OWNER,
				reason: EndReason::Cancelled,
				refunded: 10_000_000_700 + slots_deposit(small()),
			}]
		);
		assert!(PlacedSlots::get(deal).is_none() && PlacedSlots::get(other).is_some());
		assert_noop!(
			DealsPallet::cancel_deal(RuntimeOrigin::signed(OWNER), deal),
			Error::<Test>::UnknownDeal
		);
	});
}

#[test]
fn a_deal_that_waits_for_slots_can_be_cancelled_too() {
	run(|| {
		let deal = create(small(), 100, 10_000);
		assert_ok!(DealsPallet::cancel_deal(RuntimeOrigin::signed(OWNER), deal));
		assert_eq!(held(OWNER), 0);
		assert_eq!(Balances::total_balance(&OWNER), START - PARAMS.creation_fee);
		assert!(RequestedSlots::get(deal).is_none());
		// Nothing was committed, so nothing is left to be removed.
		assert_eq!(RemnantQueue::<Test>::get(), QueueEnds::default());
	});
}

#[test]
fn an_owner_that_is_held_to_the_last_unit_gets_everything_back() {
	run(|| {
		let all = START - PARAMS.creation_fee - 10;
		let deal = create(small(), 100, all - slots_deposit(small()));
		assert_eq!(held(OWNER), all);
		assert_ok!(DealsPallet::cancel_deal(RuntimeOrigin::signed(OWNER), deal));
		assert_eq!(Balances::total_balance(&OWNER), START - PARAMS.creation_fee);
		assert_eq!(held(OWNER), 0);
	});
}
