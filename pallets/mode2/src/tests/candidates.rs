//! Candidates: who is drawn, in which order, and that none chooses what it proves.

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok};
use nil_types::SlotState;

/// Lets the next draw of every repair have its record.
fn draw(delay: u32, byte: u8) {
	advance(delay);
	record(byte);
	serve_all();
}

#[test]
fn whom_a_slot_was_taken_from_is_drawn_when_there_is_nobody_else() {
	run(|| {
		place(0, small());
		commit(0, 0..4);
		let old = *state(0, 0).provider().unwrap();
		assert!(Mode2::do_evict(0, 0));
		let free = |id: &AccountId| *id != old && !holders(0).contains(id);
		for id in (0..PROVIDERS).filter(free) {
			Registry::mutate(id, |entry| entry.as_mut().unwrap().jailed = true);
		}
		draw(DRAW_DELAY, 1);
		assert_eq!(state(0, 0), SlotState::Vacant);
		draw(RETRY_DELAY, 2);
		assert!(
			matches!(state(0, 0), SlotState::Repairing { candidate, .. } if candidate == old),
			"{:?}",
			state(0, 0)
		);
		// And so it is the next time.
		assert_ok!(Mode2::decline(RuntimeOrigin::signed(old), 0, 0));
		draw(DRAW_DELAY, 3);
		assert_eq!(state(0, 0), SlotState::Vacant);
		draw(RETRY_DELAY, 4);
		assert!(matches!(state(0, 0), SlotState::Repairing { .. }));
	});
}

#[test]
fn no_repair_waits_for_somebody_to_call() {
	run(|| {
		let deals = 0..u64::from(LANE) + 2;
		for deal in deals.clone() {
			place(deal, small());
		}
		for deal in deals.clone() {
			assert!(Mode2::do_evict(deal, 0));
		}
		draw(DRAW_DELAY, 1);
		for deal in deals {
			assert!(matches!(state(deal, 0), SlotState::Repairing { .. }), "{deal}");
		}
	});
}

#[test]
fn slots_of_who_departs_wait_while_many_repairs_do() {
	run(|| {
		let deals = 0..u64::from(LANE) + 1;
		for deal in deals.clone() {
			place(deal, small());
		}
		for deal in 1..=u64::from(LANE) {
			assert!(Mode2::do_evict(deal, 0));
		}
		let leaver = holders(0)[1];
		drain(leaver);
		idle();
		assert!(Repairs::<Test>::get(0, 1).is_none());
		for _ in 0..4 {
			draw(DRAW_DELAY, 1);
			idle();
		}
		assert!(Repairs::<Test>::get(0, 1).is_some());
	});
}

#[test]
fn a_candidate_cannot_choose_its_samples_by_the_generation_that_it_names() {
	run(|| {
		place(0, small());
		for _ in 0..5 {
			commit(0, 0..4);
		}
		drain(holders(0)[3]);
		idle();
		let new = candidate(0, 3);
		let asked = Mode2::repair_targets(0, 3, 5);
		assert_eq!(asked.len(), SAMPLES as usize);
		for generation in 6..12 {
			assert_eq!(commit(0, 0..4), generation);
			assert_eq!(Mode2::repair_targets(0, 3, generation), asked);
		}
		// The fourth was followed by another no longer ago than those.
		assert_noop!(complete(new, 0, 3, 4), Error::<Test>::WrongGeneration);
		assert_ok!(complete(new, 0, 3, 11));
		assert_eq!(state(0, 3), SlotState::Active { provider: new });
	});
}

#[test]
fn nothing_proves_a_slot_only_while_its_deal_has_no_content() {
	run(|| {
		for deal in 0..2 {
			place(deal, small());
			assert!(Mode2::do_evict(deal, 0));
		}
		let empty = candidate(1, 0);
		let new = candidate_of(0);
		assert_ok!(complete(empty, 1, 0, 0));
		// The first content is younger than the grace.
		commit(0, 1..4);
		assert_noop!(complete(new, 0, 0, 0), Error::<Test>::WrongGeneration);
		assert_ok!(complete(new, 0, 0, 1));
		assert_eq!(Stripes::<Test>::get(0).unwrap().slots[0].signed, 1);
	});
}

/// Who rebuilds the first slot of a deal.
fn candidate_of(deal: u64) -> AccountId {
	let SlotState::Repairing { candidate, .. } = state(deal, 0) else {
		panic!("{:?}", state(deal, 0))
	};
	candidate
}
