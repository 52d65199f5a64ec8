//! What epochs leave in the accounts: the index, silence and misses.

use crate::{book::growth, mock::*, *};
use frame_support::{assert_noop, assert_ok};

/// A provider of whom 16 samples are asked in every epoch, from the first one on.
fn provider() -> AccountId {
	let provider = account(1);
	sign(&provider, allocation(0, 1, 100));
	begin();
	catch_up(&provider);
	provider
}

/// A provider's account with all epochs closed but the one in force: `(index, silent, missed)`.
fn closed(provider: &AccountId) -> (u64, u32, u64) {
	let mut book = book(provider);
	book.close_until(Liveness::epoch().expect("the round is drawn").round);
	(book.index, book.silent, book.missed)
}

#[test]
fn an_index_grows_by_the_share_that_was_answered() {
	for (credit, due, expected) in [
		(0, 16, 0),
		(160_000, 16, INDEX_ONE),
		(80_000, 16, INDEX_ONE / 2),
		(10_000, 3, 333_333_333),
		(30_000, 3, INDEX_ONE),
		(1, 64, 1_562),
		(64 * 10_000, 64, INDEX_ONE),
		(u32::MAX, u32::MAX / 10_000, 1_000_001_698),
		(5, 0, 0),
	] {
		assert_eq!(growth(credit, due), expected, "{credit} of {due}");
	}
}

#[test]
fn full_answers_in_time_make_a_whole_per_epoch() {
	run(|| {
		let provider = provider();
		for epochs in 1..=5 {
			wait(10);
			assert_ok!(Submission::of(&provider, 0..16).dispatch());
			// It counts when the epoch is over.
			assert_eq!(closed(&provider), ((epochs - 1) * INDEX_ONE, 0, 0));
			next_epoch();
			assert_eq!(closed(&provider), (epochs * INDEX_ONE, 0, 0));
		}
	});
}

#[test]
fn late_answers_are_worth_less() {
	for (delay, share) in [
		(0, 10_000),
		(10, 10_000),
		(11, 8_000),
		(20, 8_000),
		(21, 5_000),
		(30, 5_000),
		(31, 1_000),
		(40, 1_000),
		(41, 0),
		(45, 0),
	] {
		run(|| {
			let provider = provider();
			wait(delay);
			assert_ok!(Submission::of(&provider, 0..16).dispatch());
			assert!(
				matches!(events().last(), Some(Event::Answered { share: found, .. }) if *found == share)
			);
			next_epoch();
			// It is late, and neither silent nor missed.
			assert_eq!(closed(&provider), (u64::from(share) * 100_000, 0, 0));
		});
	}
}

#[test]
fn delays_count_from_the_block_that_drew_the_round() {
	run(|| {
		let provider = provider();
		to_next_epoch();
		poll();
		wait(20);
		begin();
		wait(10);
		assert_ok!(Submission::of(&provider, 0..16).dispatch());
		next_epoch();
		// The first one was silent.
		assert_eq!(closed(&provider), (INDEX_ONE, 1, 0));
	});
}

#[test]
fn parts_are_worth_what_they_are_when_they_come() {
	run(|| {
		let provider = provider();
		assert_ok!(Submission::of(&provider, 0..5).dispatch());
		wait(15);
		assert_ok!(Submission::of(&provider, 5..9).dispatch());
		wait(30);
		assert_ok!(Submission::of(&provider, 9..10).dispatch());
		next_epoch();
		let expected = (5 * 10_000 + 4 * 8_000) * INDEX_ONE / 160_000;
		assert_eq!(closed(&provider), (expected, 0, 6));
		// What stayed open is named before anything else is answered.
		assert_ok!(advance(&provider, 6));
		assert_noop!(advance(&provider, 1), Error::<Test>::NothingToDo);
		assert_ok!(Submission::of(&provider, 0..16).dispatch());
		assert_eq!(book(&provider).index, expected);
	});
}

#[test]
fn epochs_without_an_answer_are_silent() {
	run(|| {
		let provider = provider();
		for _ in 0..3 {
			next_epoch();
		}
		// Wrong proofs are no answer.
		let mut wrong = Submission::of(&provider, 0..16);
		wrong.y[0] ^= 1;
		assert_ok!(wrong.dispatch());
		assert_eq!(closed(&provider), (0, 3, 0));
		next_epoch();
		assert_eq!(closed(&provider), (0, 4, 0));
		assert_ok!(Submission::of(&provider, [2]).dispatch());
		for _ in 0..2 {
			next_epoch();
		}
		assert_eq!(closed(&provider), (INDEX_ONE / 16, 5, 15));
	});
}

#[test]
fn epochs_that_were_never_drawn_are_not_silent() {
	run(|| {
		let provider = provider();
		assert_ok!(Submission::of(&provider, 0..16).dispatch());
		for _ in 0..7 {
			to_next_epoch();
			poll();
		}
		begin();
		assert_eq!(closed(&provider), (INDEX_ONE, 0, 0));
	});
}

#[test]
fn nothing_is_owed_in_the_epoch_in_which_it_was_signed() {
	run(|| {
		let provider = account(1);
		begin();
		sign(&provider, allocation(0, 1, 100));
		next_epoch();
		// It is owed in this one, whether or not anybody applies it.
		assert_eq!(book(&provider).blobs, 0);
		catch_up(&provider);
		assert_eq!(closed(&provider), (0, 0, 0));
		next_epoch();
		assert_eq!(closed(&provider), (0, 1, 0));
	});
}

#[test]
fn who_is_not_caught_up_is_silent() {
	run(|| {
		let provider = account(1);
		sign(&provider, allocation(0, 1, 100));
		for _ in 0..4 {
			next_epoch();
		}
		end(&provider, 0);
		for _ in 0..4 {
			next_epoch();
		}
		sign(&provider, allocation(1, 1, 100));
		next_epoch();
		next_epoch();
		// In four epochs it owed something: those after the signature up to that of the end. Then again in one.
		catch_up(&provider);
		assert_eq!(closed(&provider), (0, 5, 0));
	});
}

#[test]
fn who_has_nothing_owes_nothing() {
	run(|| {
		let provider = provider();
		assert_ok!(Submission::of(&provider, 0..16).dispatch());
		next_epoch();
		assert_ok!(Submission::of(&provider, 0..16).dispatch());
		end(&provider, 0);
		for _ in 0..5 {
			next_epoch();
		}
		catch_up(&provider);
		assert_eq!(closed(&provider), (2 * INDEX_ONE, 0, 0));
		// And has an account all the same.
		sign(&provider, allocation(1, 1, 100));
		next_epoch();
		catch_up(&provider);
		assert_ok!(Submission::of(&provider, 0..16).dispatch());
		next_epoch();
		assert_eq!(closed(&provider), (3 * INDEX_ONE, 0, 0));
	});
}

#[test]
fn changes_that_come_while_something_is_answered_close_the_epoch_first() {
	run(|| {
		let provider = provider();
		sign(&provider, allocation(1, 1, 100));
		assert_ok!(Submission::of(&provider, 0..8).dispatch());
		end(&provider, 0);
		next_epoch();
		// Eight samples stayed open, and then one step of two: the epoch is closed by what was due in it.
		assert_ok!(advance(&provider, 9));
		let held = book(&provider);
		assert_eq!((held.index, held.silent, held.missed), (INDEX_ONE / 2, 0, 8));
		assert_eq!((held.due, held.count, held.answered.len()), (0, 0, 0));
		Liveness::do_try_state().unwrap();
		assert_ok!(advance(&provider, 1));
		assert_ok!(Submission::of(&provider, 0..16).dispatch());
		next_epoch();
		assert_eq!(closed(&provider), (INDEX_ONE / 2 + INDEX_ONE, 0, 8));
	});
}

#[test]
fn what_is_due_follows_the_parameters_of_the_epoch() {
	run(|| {
		let provider = provider();
		let params = LivenessParams { samples_per_epoch: 5, ..PARAMS };
		assert_ok!(Liveness::set_params(RuntimeOrigin::root(), params));
		assert_ok!(Submission::of(&provider, 0..8).dispatch());
		next_epoch();
		catch_up(&provider);
		assert_eq!(Liveness::due(&provider), 5);
		assert_ok!(Submission::of(&provider, 0..5).dispatch());
		next_epoch();
		assert_eq!(closed(&provider), (INDEX_ONE / 2 + INDEX_ONE, 0, 8));
	});
}
