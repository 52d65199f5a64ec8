//! The end of deals, the agenda and upkeep.

use crate::{mock::*, *};
use frame_support::{
	assert_noop, assert_ok,
	traits::{Hooks, fungible::Inspect},
	weights::Weight,
};
use nil_types::layout::MDU_PAYLOAD;

const MDU: u64 = MDU_PAYLOAD as u64;

fn upkeep(steps: u32) -> frame_support::pallet_prelude::DispatchResultWithPostInfo {
	DealsPallet::upkeep(RuntimeOrigin::signed(OTHER), steps)
}

fn ended() -> Vec<u64> {
	events()
		.into_iter()
		.filter_map(|event| match event {
			Event::DealEnded { deal, reason: EndReason::Expired, .. } => Some(deal),
			_ => None,
		})
		.collect()
}

#[test]
fn idle_ends_a_deal_when_its_bucket_is_due_and_refunds_it() {
	run(|| {
		let deal = create_active(small(), 100, 10_000_000_000);
		assert_ok!(Commit::of(deal, MDU).dispatch());
		advance(100);
		// 1,000,103 lies in the bucket that is due at 1,000,110.
		idle();
		assert_eq!(ended(), [] as [u64; 0]);
		advance(7);
		idle();
		assert_eq!(ended(), [deal]);
		assert_eq!(held(OWNER), 0);
		assert_eq!(Balances::total_balance(&OWNER), START - PARAMS.creation_fee);
		assert!(PlacedSlots::get(deal).is_none());
	});
}

#[test]
fn an_extended_deal_moves_to_its_new_deadline() {
	run(|| {
		let deals: Vec<_> = (0..4).map(|_| create(small(), 57, 0)).collect();
		assert_ok!(DealsPallet::extend_deal(RuntimeOrigin::signed(OWNER), deals[1], 100));
		advance(60);
		idle();
		let mut gone = ended();
		gone.sort_unstable();
		assert_eq!(gone, [deals[0], deals[2], deals[3]]);
		advance(100);
		idle();
		assert_eq!(ended(), [deals[1]]);
	});
}

#[test]
fn an_owner_may_cancel_after_the_deadline_before_anything_has_cleaned_up() {
	run(|| {
		let deal = create(small(), 100, 1_000);
		advance(500);
		assert_ok!(DealsPallet::cancel_deal(RuntimeOrigin::signed(OWNER), deal));
		assert_eq!(held(OWNER), 0);
		idle();
		assert_eq!(ended(), [] as [u64; 0]);
	});
}

#[test]
fn idle_works_within_its_meter_and_goes_on_later() {
	run(|| {
		for _ in 0..5 {
			let deal = create_active(small(), 50, 1_000_000_000);
			assert_ok!(Commit::of(deal, MDU).dispatch());
		}
		advance(60);
		type W = <Test as Config>::WeightInfo;
		assert_eq!(DealsPallet::on_idle(1, Weight::zero()), Weight::zero());

		// Room to pass five empty buckets and to end two deals.
		let room = W::upkeep_base()
			.saturating_add(W::pass_bucket().saturating_mul(5))
			.saturating_add(W::expire_deal().saturating_mul(2));
		assert_eq!(DealsPallet::on_idle(1, room), room);
		assert_eq!(Deals::<Test>::count(), 3);
		DealsPallet::do_try_state().unwrap();

		idle();
		assert_eq!(Deals::<Test>::count(), 0);
		next_epoch();
		idle();
		assert_eq!(Commits::<Test>::iter_keys().count(), 0);
	});
}

#[test]
fn what_an_ended_deal_leaves_goes_step_by_step() {
	run(|| {
		let deal = create_active(small(), 100, 10_000_000_000);
		for _ in 0..3 {
			assert_ok!(Commit::of(deal, MDU).dispatch());
		}
		assert_ok!(DealsPallet::cancel_deal(RuntimeOrigin::signed(OWNER), deal));
		let left =
			|| Commits::<Test>::iter_keys().count() + ManifestPoints::<Test>::iter_keys().count();
		assert_eq!(left(), 4);
		// Ended deals have no commits for a reader, whatever is left of them.
		assert!(DealsPallet::commits(deal, 0, 10).is_empty());
		assert_noop!(upkeep(1), Error::<Test>::NothingToDo);
		next_epoch();
		for expected in [3, 2, 1, 0] {
			assert_ok!(upkeep(1));
			assert_eq!(left(), expected);
			DealsPallet::do_try_state().unwrap();
		}
		assert_eq!(events().last(), Some(&Event::RemnantsRemoved { deal }));
		assert_noop!(upkeep(1), Error::<Test>::NothingToDo);
	});
}

#[test]
fn anyone_may_do_the_upkeep_and_pays_for_what_was_done() {
	run(|| {
		let deal = create(small(), 20, 0);
		advance(40);
		assert_noop!(upkeep(65), Error::<Test>::TooManySteps);
		let paid = upkeep(64).unwrap().actual_weight.unwrap();
		assert_eq!(ended(), [deal]);
		type W = <Test as Config>::WeightInfo;
		let expected = W::upkeep_base()
			.saturating_add(W::pass_bucket().saturating_mul(2))
			.saturating_add(W::expire_deal());
		assert_eq!(paid, expected);
	});
}

#[test]
fn the_cursor_skips_what_was_never_used() {
	run(|| {
		// A chain that begins at relay block 1,000,003 does not walk 100,000 empty buckets.
		create(small(), 20, 0);
		assert_eq!(AgendaCursor::<Test>::get(), 100_001);
		advance(30);
		idle();
		assert_eq!(Deals::<Test>::count(), 0);
		advance(5_000);
		create(small(), 20, 0);
		assert_eq!(AgendaCursor::<Test>::get(), Now::get().div_ceil(10));
	});
}

#[test]
fn any_number_of_deals_may_end_together() {
	run(|| {
		let params = DealParams { creation_fee: 0, ..PARAMS };
		assert_ok!(DealsPallet::set_params(RuntimeOrigin::root(), params));
		let mut deals: Vec<_> = (0..200)
			.map(|_| {
				let deal = create(small(), 20, 1);
				MockSlots::place(deal);
				deal
			})
			.collect();
		// Leaving from the middle, the front and the end of the list.
		for index in [100, 0, 197] {
			assert_ok!(DealsPallet::cancel_deal(RuntimeOrigin::signed(OWNER), deals.remove(index)));
			DealsPallet::do_try_state().unwrap();
		}
		advance(30);
		idle();
		let mut gone = ended();
		gone.sort_unstable();
		assert_eq!(gone, deals);
	});
}
