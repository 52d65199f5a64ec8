//! The queue: order, lanes, parking, and work within a meter.

use crate::{mock::*, *};
use frame_support::{assert_ok, weights::Weight};
use nil_types::traits::SlotManager;

type W = <Test as Config>::WeightInfo;

fn placed() -> Vec<u64> {
	let mut deals: Vec<_> = Placed::iter_keys().collect();
	deals.sort_unstable();
	deals
}

/// Lets the hook serve `draws` requests at most.
fn serve(draws: u64) {
	let room = W::serve_base()
		.saturating_add(W::pass_ticket().saturating_mul(8 * draws.max(1)))
		.saturating_add(W::place().saturating_mul(draws));
	let used = poll(room);
	assert!(used.all_lte(room));
}

#[test]
fn requests_are_served_first_come_first_served() {
	run(|| {
		for deal in 0..4 {
			request(deal, small());
			advance(1);
		}
		advance(DRAW_DELAY);
		record(1);
		serve(1);
		assert_eq!(placed(), [0]);
		serve(2);
		assert_eq!(placed(), [0, 1, 2]);
		serve(1);
		assert_eq!(placed(), [0, 1, 2, 3]);
	});
}

#[test]
fn no_room_means_no_work() {
	run(|| {
		request(0, small());
		advance(DRAW_DELAY);
		record(1);
		assert_eq!(poll(Weight::zero()), Weight::zero());
		assert_eq!(placed(), [] as [u64; 0]);
	});
}

#[test]
fn a_request_that_cannot_be_placed_holds_nobody_up() {
	run(|| {
		request(0, wide());
		request(1, small());
		advance(DRAW_DELAY);
		record(1);
		serve_all();
		assert_eq!(placed(), [1]);
		// While the wide one waits for its next draw, others come and are served.
		request(2, small());
		advance(DRAW_DELAY);
		record(2);
		serve_all();
		assert_eq!(placed(), [1, 2]);
		assert_eq!(Requests::<Test>::get(0).unwrap().attempts, 1);
	});
}

#[test]
fn requests_beyond_the_retry_lane_are_parked_and_can_be_prodded() {
	run(|| {
		let full = u64::from(LANE);
		for deals in [0..full, full..full + 1] {
			for deal in deals {
				request(deal, wide());
			}
			advance(DRAW_DELAY);
			record(1);
			serve_all();
			Mode2::do_try_state().unwrap();
		}
		let parked = full;
		assert_eq!(Requests::<Test>::get(parked).unwrap().place, None);
		assert!(matches!(
			events().last(),
			Some(Event::PlacementDeferred { parked: true, deal, .. }) if *deal == parked
		));
		// The queue has room for others, and the parked one for a prod.
		request(50, small());
		for id in PROVIDERS..16 {
			register(id);
		}
		advance(RETRY_DELAY + DRAW_DELAY);
		record(2);
		assert_ok!(Mode2::place(RuntimeOrigin::signed(1), parked));
		assert_eq!(holders(parked).len(), 16);
		serve_all();
		assert_eq!(placed(), [0, 1, 2, 3, 4, 5, 50]);
		assert_eq!(Queue::<Test>::iter_keys().count(), 0);
	});
}

#[test]
fn withdrawn_requests_leave_tickets_that_are_passed_over() {
	run(|| {
		for deal in 0..5 {
			request(deal, small());
		}
		for deal in [1, 2, 3] {
			Mode2::close(deal);
			Mode2::do_try_state().unwrap();
		}
		assert_eq!(Lanes::<Test>::get(Lane::Fresh).waiting, 2);
		advance(DRAW_DELAY);
		record(1);
		serve_all();
		assert_eq!(placed(), [0, 4]);
		assert_eq!(Lanes::<Test>::get(Lane::Fresh), LaneEnds { head: 5, tail: 5, waiting: 0 });
	});
}
