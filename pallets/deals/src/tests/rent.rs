//! Rent: who is paid, what ended deals owe, and for how long.

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};
use nil_types::{
	Amount, DealId,
	layout::{MDU_PAYLOAD, rent},
	traits::{RentPurse, Term, Unpaid},
};

const MDU: u64 = MDU_PAYLOAD as u64;
/// A provider with an account.
const PROVIDER: AccountId = OTHER;

fn ledger(deal: DealId) -> Ledger {
	Deals::<Test>::get(deal).unwrap().ledger
}

fn pay(deal: DealId, paid: Amount, burned: Amount) -> Result<(), Unpaid> {
	<DealsPallet as RentPurse<_>>::pay(deal, &PROVIDER, paid, burned)
}

/// A deal of 100 relay blocks with a commit, and what is locked for it.
fn committed() -> (DealId, Amount) {
	let deal = create_active(small(), 100, 10_000_000_000);
	assert_ok!(Commit::of(deal, MDU).dispatch());
	(deal, ledger(deal).locked)
}

#[test]
fn rent_is_paid_and_burned_out_of_what_is_locked() {
	run(|| {
		let (deal, locked) = committed();
		let issuance = Balances::total_issuance();
		let before = held(OWNER);
		events();
		assert_ok!(pay(deal, 700, 30));
		assert_eq!(ledger(deal).locked, locked - 730);
		assert_eq!(held(OWNER), before - 730);
		assert_eq!(Balances::total_balance(&PROVIDER), START + 700);
		assert_eq!(Balances::total_issuance(), issuance - 30);
		assert_eq!(events(), [Event::RentPaid { deal, to: PROVIDER, paid: 700, burned: 30 }]);
		DealsPallet::do_try_state().unwrap();

		// Not a unit more than there is, and nothing of no deal.
		assert_noop!(pay(deal, locked - 730, 1), Unpaid);
		assert_noop!(pay(9, 1, 0), Unpaid);
		assert_noop!(pay(deal, Amount::MAX, 1), Unpaid);
		assert_ok!(pay(deal, locked - 730, 0));
		assert_eq!(ledger(deal).locked, 0);
	});
}

#[test]
fn who_cannot_have_an_account_is_not_paid() {
	run(|| {
		let (deal, _) = committed();
		// Below the existential deposit, of somebody who has nothing.
		assert_noop!(<DealsPallet as RentPurse<_>>::pay(deal, &77, 5, 5), Unpaid);
		assert_ok!(<DealsPallet as RentPurse<_>>::pay(deal, &77, 10, 5));
	});
}

#[test]
fn an_ended_deal_keeps_what_it_owes_until_it_is_paid() {
	run(|| {
		let (deal, locked) = committed();
		let until = Now::get() + 50;
		Earned::insert(deal, (1_000, until));
		let total = ledger(deal).total();
		events();
		assert_ok!(DealsPallet::cancel_deal(RuntimeOrigin::signed(OWNER), deal));
		assert!(locked > 1_000);
		assert_eq!(
			events(),
			[
				Event::RentOwed { deal, amount: 1_000, until },
				Event::DealEnded {
					deal,
					owner: OWNER,
					reason: EndReason::Cancelled,
					refunded: total - 1_000,
				}
			]
		);
		assert_eq!(held(OWNER), 1_000);
		DealsPallet::do_try_state().unwrap();

		// What it left stays with it.
		next_epoch();
		idle();
		assert_eq!(Commits::<Test>::iter_keys().count(), 1);
		assert_ok!(pay(deal, 300, 100));
		assert_noop!(pay(deal, 601, 0), Unpaid);
		advance(49);
		assert_ok!(pay(deal, 600, 0));
		assert_eq!((held(OWNER), Owed::<Test>::iter_keys().count()), (0, 0));
		DealsPallet::do_try_state().unwrap();
		next_epoch();
		idle();
		assert_eq!(Commits::<Test>::iter_keys().count(), 0);
		assert_eq!(CommitPrices::<Test>::iter_keys().count(), 0);
		assert_eq!(Rents::<Test>::iter_keys().count(), 0);
	});
}

#[test]
fn what_is_not_paid_in_time_is_the_owners() {
	run(|| {
		let (deal, _) = committed();
		Earned::insert(deal, (1_000, Now::get() + 50));
		assert_ok!(DealsPallet::cancel_deal(RuntimeOrigin::signed(OWNER), deal));
		next_epoch();
		advance(50);
		// By its number, whether or not anything has cleaned up.
		assert_noop!(pay(deal, 1, 0), Unpaid);
		events();
		// Upkeep looks at buckets of ten relay blocks.
		advance(10);
		idle();
		assert_eq!(events(), [Event::OwedReleased { deal, owner: OWNER, amount: 1_000 }]);
		assert_eq!(held(OWNER), 0);
		next_epoch();
		idle();
		assert_eq!(events(), [Event::RemnantsRemoved { deal }]);
	});
}

#[test]
fn no_deal_waits_for_the_debts_of_another() {
	run(|| {
		let [(first, _), (second, _), (third, _)] = [committed(), committed(), committed()];
		Earned::insert(first, (1_000, Now::get() + 500));
		Earned::insert(second, (1_000, Now::get() + 60));
		for deal in [first, second, third] {
			assert_ok!(DealsPallet::cancel_deal(RuntimeOrigin::signed(OWNER), deal));
		}
		let left = |deal| Commits::<Test>::iter_key_prefix(deal).count();
		next_epoch();
		idle();
		assert_eq!([first, second, third].map(left), [1, 1, 0]);
		// A deal that is made while only such are left passes over none of them.
		advance(70);
		create(small(), 100, 0);
		idle();
		next_epoch();
		idle();
		assert_eq!([first, second].map(left), [1, 0]);
		assert_eq!(held(OWNER), 1_000 + slots_deposit(small()));
		assert_ok!(pay(first, 1_000, 0));
		next_epoch();
		idle();
		assert_eq!(left(first), 0);
	});
}

#[test]
fn no_more_is_owed_than_was_locked() {
	run(|| {
		let (deal, locked) = committed();
		Earned::insert(deal, (locked + 5, Now::get() + 50));
		let total = ledger(deal).total();
		assert_ok!(DealsPallet::cancel_deal(RuntimeOrigin::signed(OWNER), deal));
		assert_eq!(held(OWNER), locked);
		assert_eq!(Balances::balance(&OWNER), START - PARAMS.creation_fee - locked);
		assert!(total > locked);
	});
}

#[test]
fn an_extension_never_costs_less_than_what_is_locked_in() {
	run(|| {
		let (deal, locked) = committed();
		let params = DealParams { storage_price: 10, ..PARAMS };
		assert_ok!(DealsPallet::set_params(RuntimeOrigin::root(), params));
		let rate = Rents::<Test>::get(deal).rate;
		assert_eq!(rent(rate, 1, 100), locked);
		events();
		assert_ok!(DealsPallet::extend_deal(RuntimeOrigin::signed(OWNER), deal, 50));
		assert_eq!(ledger(deal).locked, locked + rent(rate, 1, 50));
		assert_eq!(Rents::<Test>::get(deal).rate, rate);
		assert!(matches!(events()[..], [Event::DealExtended { .. }]));
		assert!(Raised::get().is_empty());
	});
}

#[test]
fn what_is_locked_covers_the_rest_of_the_term() {
	run(|| {
		let deal = create_active(small(), 100, 100_000_000_000);
		for (step, price) in [3, 7_000_001, 5, 13_000_000, 999_983].into_iter().enumerate() {
			let params = DealParams { storage_price: price, ..PARAMS };
			assert_ok!(DealsPallet::set_params(RuntimeOrigin::root(), params));
			assert_ok!(Commit::of(deal, 1 + step as u64 * MDU).dispatch());
			advance(7);
			let extend = DealsPallet::extend_deal(RuntimeOrigin::signed(OWNER), deal, 11);
			assert_ok!(extend);
			let held = Deals::<Test>::get(deal).unwrap();
			let rest = rent(Rents::<Test>::get(deal).rate, 1, held.expires_at - Now::get());
			assert!(held.ledger.locked >= rest);
			// Nothing was paid, so all that belongs to the past is reserve, but for what is owed.
			let reserve = DealsPallet::repair_reserve(deal, Now::get(), 0);
			assert_eq!(reserve, held.ledger.locked - rest);
			assert_eq!(DealsPallet::repair_reserve(deal, Now::get(), reserve + 1), 0);
		}
		assert_eq!(DealsPallet::repair_reserve(9, Now::get(), 0), 0);
	});
}

#[test]
fn the_least_term_is_that_of_the_creation() {
	run(|| {
		let term = |deal| <DealsPallet as RentPurse<_>>::term(deal);
		let set = |blocks| DealsPallet::set_min_term(RuntimeOrigin::root(), blocks);
		let (now, before) = (Now::get(), create(small(), 100, 0));
		assert_ok!(set(40));
		let deal = create(small(), 100, 0);
		let short = create(small(), 30, 0);
		assert_ok!(set(0));
		assert_eq!(term(before), Some(Term { expires_at: now + 100, least: now }));
		assert_eq!(term(deal), Some(Term { expires_at: now + 100, least: now + 40 }));
		assert_eq!(term(short), Some(Term { expires_at: now + 30, least: now + 30 }));
		assert_eq!(term(9), None);
		assert_noop!(set(10_000_001), Error::<Test>::ParamsOutOfBounds);
		assert_noop!(
			DealsPallet::set_min_term(RuntimeOrigin::signed(OWNER), 1),
			sp_runtime::DispatchError::BadOrigin
		);
	});
}
