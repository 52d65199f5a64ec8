//! When rounds begin and are drawn, and what holds in them.

use crate::{mock::*, *};
use frame_support::{assert_ok, traits::Hooks, weights::WeightMeter};
use nil_types::{DrawnInfo, DutyInfo, RoundInfo, challenge::epoch_randomness, traits::EpochClock};

/// `R_e` of an epoch whose record is full of this byte.
fn r_e(epoch: u32, byte: u8) -> [u8; 32] {
	epoch_randomness(&GENESIS, epoch, &[byte; 64])
}

#[test]
fn a_round_begins_with_its_epoch_and_is_drawn_later() {
	run(|| {
		assert_eq!((Liveness::epoch(), Liveness::round()), (None, 0));
		// One from before the epoch, and one that is too early in it.
		Records::mutate(|records| records.extend([(999, 1), (1_003, 2)]));
		poll();
		assert_eq!((Liveness::epoch(), Liveness::round()), (None, 1));
		assert_eq!(events(), [Event::RoundBegan { round: 1 }]);
		poll();
		assert_eq!(events().len(), 0);

		wait(2);
		record(3);
		wait(1);
		record(4);
		poll();
		let randomness = r_e(FIRST_EPOCH, 3);
		let hot_factor = PARAMS.hot_factor;
		let (round, epoch, drawn_at, block) = (1, FIRST_EPOCH, 1_006, None);
		let drawn = EpochRecord { round, epoch, randomness, drawn_at, hot_factor, block };
		assert_eq!((Drawn::<Test>::get(), Liveness::round()), (Some(drawn), 1));
		assert_eq!(
			events(),
			[Event::RoundDrawn {
				round: 1,
				epoch: FIRST_EPOCH,
				randomness,
				record: 1_005,
				at: 1_006
			}]
		);

		// It can be answered from the next block on, which knows the hash of this one.
		assert_eq!(Liveness::epoch(), None);
		let block = Some(hash_of(System::block_number()));
		poll();
		let first = EpochRecord { block, ..drawn };
		assert_eq!((Liveness::epoch(), events().len()), (Some(first), 0));

		// It is in force to the end of the epoch, whatever is recorded.
		wait(43);
		record(5);
		poll();
		assert_eq!((Liveness::epoch(), events().len()), (Some(first), 0));

		// Both at once, when the first block of an epoch is late.
		wait(10);
		record(6);
		poll();
		let (round, epoch, randomness) = (2, FIRST_EPOCH + 1, r_e(FIRST_EPOCH + 1, 6));
		let block = Some(hash_of(System::block_number()));
		poll();
		let second = EpochRecord { round, epoch, randomness, drawn_at: 1_059, hot_factor, block };
		assert_eq!((Liveness::epoch(), Liveness::round()), (Some(second), 2));
		assert_eq!(DrawnBefore::<Test>::get(), Some(first));
		assert_eq!(
			events(),
			[
				Event::RoundBegan { round },
				Event::RoundDrawn { round, epoch, randomness, record: 1_059, at: 1_059 },
			]
		);
	});
}

#[test]
fn who_knows_the_record_cannot_add_to_what_it_draws_from() {
	run(|| {
		let provider = account(1);
		begin();
		sign(&provider, allocation(0, 1, 8));
		to_next_epoch();
		// The first block after the boundary. Whatever comes from here on is of the new round.
		poll();
		sign(&provider, allocation(1, 1, 8));
		wait(DELAY);
		record(1);
		poll();
		sign(&provider, allocation(2, 1, 8));
		catch_up(&provider);
		assert_eq!(book(&provider).blobs, 8);
		next_epoch();
		catch_up(&provider);
		assert_eq!(book(&provider).blobs, 24);
	});
}

#[test]
fn a_round_waits_for_an_epoch_with_a_record() {
	run(|| {
		begin();
		// Nothing is recorded in the next two.
		for _ in 0..2 {
			to_next_epoch();
			poll();
			wait(LENGTH - 1);
			poll();
			assert_eq!((Liveness::epoch(), Liveness::round()), (None, 2));
			Liveness::do_try_state().unwrap();
		}
		next_epoch();
		let current = Liveness::epoch().unwrap();
		assert_eq!((current.round, current.epoch), (2, FIRST_EPOCH + 3));
		assert_eq!(DrawnBefore::<Test>::get().map(|record| record.epoch), Some(FIRST_EPOCH));
	});
}

#[test]
fn a_round_whose_record_was_dropped_is_not_drawn_by_another() {
	run(|| {
		wait(1);
		record(1);
		wait(10);
		record(2);
		Oldest::set(1_005);
		poll();
		assert_eq!((Liveness::epoch(), Liveness::round()), (None, 1));
		next_epoch();
		assert_eq!(Liveness::epoch().map(|current| current.round), Some(1));
	});
}

#[test]
fn the_hook_keeps_within_its_meter() {
	run(|| {
		type W = <Test as Config>::WeightInfo;
		wait(1);
		record(1);
		for (room, turns) in [
			(W::poll().saturating_div(2), false),
			(W::poll(), false),
			(W::poll().saturating_add(W::turn()), true),
		] {
			let mut meter = WeightMeter::with_limit(room);
			Liveness::on_poll(1, &mut meter);
			assert!(meter.consumed().all_lte(room));
			assert_eq!((Drawn::<Test>::exists(), Liveness::round() > 0), (turns, turns));
		}
		// The hash of the block that drew waits for room too.
		for (room, known) in [(W::poll(), false), (W::poll().saturating_add(W::turn()), true)] {
			Liveness::on_poll(1, &mut WeightMeter::with_limit(room));
			assert_eq!(Liveness::epoch().is_some(), known);
		}
		// Looking at the clock is all that other blocks pay for.
		let mut meter = WeightMeter::new();
		Liveness::on_poll(1, &mut meter);
		assert_eq!(meter.consumed(), W::poll());
	});
}

#[test]
fn parameters_hold_from_the_next_round_on() {
	run(|| {
		let set = |samples_per_epoch| {
			let params = LivenessParams { samples_per_epoch, ..PARAMS };
			assert_ok!(Liveness::set_params(RuntimeOrigin::root(), params));
			params
		};
		let asked = || Liveness::params().samples_per_epoch;
		// Before the first round nothing is asked.
		set(10);
		assert_eq!(asked(), 16);
		begin();
		assert_eq!(asked(), 10);
		events();
		let params = set(11);
		assert_eq!(events(), [Event::ParamsSet { params, from: 2 }]);
		// The last one before the round counts, and one that is set before it is drawn does not.
		set(12);
		assert_eq!(asked(), 10);
		to_next_epoch();
		poll();
		set(13);
		begin();
		assert_eq!(asked(), 12);
		next_epoch();
		assert_eq!(asked(), 13);
		set(14);
		Liveness::do_try_state().unwrap();
		next_epoch();
		next_epoch();
		assert_eq!(asked(), 14);
	});
}

#[test]
fn clients_are_told_of_rounds_and_of_accounts() {
	run(|| {
		let provider = account(1);
		assert_eq!(Liveness::duty(&provider), DutyInfo::default());
		let first = Liveness::round_info();
		assert_eq!((first.round, first.epoch, first.drawn), (0, FIRST_EPOCH, None));

		begin();
		let randomness = r_e(FIRST_EPOCH, FIRST_EPOCH as u8);
		let expected = RoundInfo {
			round: 1,
			epoch: FIRST_EPOCH,
			began_at: START,
			draw_from: 1_004,
			drawn: Some(DrawnInfo { randomness, at: 1_004, block: System::parent_hash().0 }),
			ends_at: 1_050,
			prompt_blocks: PARAMS.prompt_blocks,
			samples: PARAMS.samples_per_epoch,
			max_items: MAX_ITEMS,
			max_steps: MAX_STEPS,
		};
		assert_eq!(Liveness::round_info(), expected);
		sign(&provider, allocation(0, 1, 8));
		assert_eq!(Liveness::duty(&provider), DutyInfo { waiting: 1, ..Default::default() });

		to_next_epoch();
		poll();
		let expected = RoundInfo {
			round: 2,
			epoch: FIRST_EPOCH + 1,
			began_at: 1_050,
			draw_from: 1_054,
			drawn: None,
			ends_at: 1_100,
			..expected
		};
		assert_eq!(Liveness::round_info(), expected);
		let expected = DutyInfo { behind: true, waiting: 1, ..Default::default() };
		assert_eq!(Liveness::duty(&provider), expected);

		begin();
		catch_up(&provider);
		let expected = DutyInfo { due: 8, blobs: 8, slots: 1, ..Default::default() };
		assert_eq!(Liveness::duty(&provider), expected);
		assert_ok!(Submission::of(&provider, [1, 7]).dispatch());
		let expected = DutyInfo { answered: vec![1, 7], ..expected };
		assert_eq!(Liveness::duty(&provider), expected);

		// An epoch without a record: the round goes on into the next one.
		to_next_epoch();
		poll();
		to_next_epoch();
		poll();
		// What stayed open is named, in the round after.
		assert!(Liveness::duty(&provider).behind);
		catch_up(&provider);
		let waits = Liveness::round_info();
		assert_eq!((waits.epoch, waits.began_at, waits.drawn), (FIRST_EPOCH + 3, 1_100, None));
		let expected =
			DutyInfo { due: 0, answered: Vec::new(), index: INDEX_ONE / 4, missed: 6, ..expected };
		assert_eq!(Liveness::duty(&provider), expected);
		begin();
		let drawn = Liveness::round_info();
		assert_eq!((drawn.round, drawn.began_at, drawn.ends_at), (3, 1_100, 1_200));
		assert_eq!(Liveness::duty(&provider), DutyInfo { due: 8, ..expected });
	});
}
