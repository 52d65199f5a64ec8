//! Health, and reports of who was silent.

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok, traits::Hooks, weights::Weight};

/// A provider of whom 16 samples are asked in every epoch, from the first one on.
fn provider() -> AccountId {
	let provider = account(1);
	sign(&provider, allocation(0, 1, 100));
	begin();
	catch_up(&provider);
	provider
}

fn report(provider: &AccountId) -> sp_runtime::DispatchResult {
	frame_support::storage::with_storage_layer(|| {
		Liveness::report(RuntimeOrigin::signed(account(9)), provider.clone())
	})
}

fn health(provider: &AccountId) -> u32 {
	Liveness::closed_book(provider).expect("the provider has a book").health
}

#[test]
fn health_is_a_moving_average_of_what_was_answered() {
	run(|| {
		let provider = provider();
		assert_eq!(health(&provider), 1_000_000_000);
		assert_ok!(Submission::of(&provider, 0..16).dispatch());
		next_epoch();
		assert_eq!(health(&provider), 1_000_000_000);
		// Half of it, and late: that is another matter.
		wait(43);
		assert_ok!(Submission::of(&provider, 0..8).dispatch());
		next_epoch();
		assert_eq!(health(&provider), 1_000_000_000 - 62_500_000);
		// Nothing.
		next_epoch();
		let after = 937_500_000 - 937_500_000 / 8;
		assert_eq!(health(&provider), after);
		// And one round at once is as good as many.
		assert_ok!(Submission::of(&provider, 0..16).dispatch());
		next_epoch();
		assert_eq!(health(&provider), after - after / 8 + 125_000_000);
		for _ in 0..200 {
			next_epoch();
		}
		assert!(health(&provider) < 8);
	});
}

#[test]
fn who_was_silent_for_too_long_is_jailed_and_slashed_once_for_it() {
	run(|| {
		let provider = provider();
		assert_noop!(report(&account(7)), Error::<Test>::NothingToReport);
		for _ in 0..3 {
			assert_noop!(report(&provider), Error::<Test>::NothingToReport);
			next_epoch();
		}
		events();
		assert_ok!(report(&provider));
		let reporter = account(9);
		assert_eq!(
			events(),
			[Event::Reported {
				provider: provider.clone(),
				reporter: Some(reporter.clone()),
				silent: 3,
				slashed: 500,
				bounty: 50,
			}]
		);
		assert!(Prison::contains_key(&provider));
		assert_eq!(SlashedSums::get(&provider), Some((500, Some(reporter.clone()), 1_000)));
		assert_noop!(report(&provider), Error::<Test>::NothingToReport);

		// Who goes on with it is reported again.
		for _ in 0..3 {
			assert_noop!(report(&provider), Error::<Test>::NothingToReport);
			next_epoch();
		}
		assert_ok!(report(&provider));
		assert_eq!(SlashedSums::get(&provider), Some((1_000, Some(reporter), 1_000)));
	});
}

#[test]
fn an_answer_ends_a_row() {
	run(|| {
		let provider = provider();
		for _ in 0..3 {
			next_epoch();
			next_epoch();
			assert_ok!(Submission::of(&provider, [3]).dispatch());
			next_epoch();
			assert_noop!(report(&provider), Error::<Test>::NothingToReport);
		}
	});
}

#[test]
fn who_owes_nothing_any_more_is_not_silent() {
	run(|| {
		let provider = provider();
		assert_ok!(Submission::of(&provider, 0..16).dispatch());
		next_epoch();
		end(&provider, 0);
		// As long as nobody applies it, nobody is reported; one round is silent, the one in which it ended.
		for _ in 0..6 {
			next_epoch();
			assert_noop!(report(&provider), Error::<Test>::NotAdvanced);
		}
		catch_up(&provider);
		assert_noop!(report(&provider), Error::<Test>::NothingToReport);
		assert_eq!(book(&provider).silent, 1);
	});
}

#[test]
fn what_happened_is_applied_before_a_report() {
	run(|| {
		let provider = provider();
		for _ in 0..3 {
			next_epoch();
		}
		sign(&provider, allocation(1, 1, 100));
		for _ in 0..4 {
			next_epoch();
		}
		assert_noop!(report(&provider), Error::<Test>::NotAdvanced);
		catch_up(&provider);
		assert_ok!(report(&provider));
		assert_eq!(book(&provider).silent, 7);
		assert_noop!(report(&provider), Error::<Test>::NothingToReport);
	});
}

#[test]
fn on_idle_finds_who_is_silent_behind_what_goes_on_happening() {
	run(|| {
		let provider = provider();
		// One that never answered, and to which something happens in every round.
		let other = account(2);
		for deal in 0..5 {
			sign(&other, allocation(deal, 1, 100));
		}
		for deal in 1..8 {
			for generation in 1..4 {
				sign(&provider, allocation(deal, generation, 100));
			}
			if deal > 3 {
				end(&provider, deal - 3);
			}
			next_epoch();
		}
		assert!(!Prison::contains_key(&provider) && !Prison::contains_key(&other));
		// A few steps in a block: who has more to apply keeps its turn.
		let waits = || Liveness::is_behind(&provider, CurrentRound::<Test>::get());
		Liveness::on_idle(1, Weight::MAX);
		Liveness::do_try_state().unwrap();
		assert!(waits() && !Prison::contains_key(&provider));
		for _ in 0..6 {
			Liveness::on_idle(1, Weight::MAX);
			Liveness::do_try_state().unwrap();
		}
		assert!(!waits());
		assert!(Prison::contains_key(&provider) && Prison::contains_key(&other));
		assert_eq!(WatchQueue::<Test>::iter_keys().count(), 2);
	});
}

#[test]
fn a_turn_in_the_queue_follows_the_parameters_of_the_present() {
	run(|| {
		let provider = provider();
		let set = |silent_rounds| {
			let params = LivenessParams { silent_rounds, ..PARAMS };
			assert_ok!(Liveness::set_params(RuntimeOrigin::root(), params));
		};
		set(MAX_SILENT_ROUNDS);
		for _ in 0..5 {
			next_epoch();
			Liveness::on_idle(1, Weight::MAX);
		}
		assert_eq!(WatchQueue::<Test>::get(0), Some((provider.clone(), 0)));
		set(3);
		next_epoch();
		Liveness::on_idle(1, Weight::MAX);
		assert!(Prison::contains_key(&provider));
	});
}

#[test]
fn a_network_that_starts_jails_and_does_not_slash() {
	run(|| {
		let provider = provider();
		let params = LivenessParams { slashing: false, ..PARAMS };
		assert_ok!(Liveness::set_params(RuntimeOrigin::root(), params));
		for _ in 0..3 {
			next_epoch();
		}
		assert_ok!(report(&provider));
		assert!(Prison::contains_key(&provider));
		assert_eq!(SlashedSums::get(&provider), None);
	});
}

#[test]
fn on_idle_finds_who_was_silent_and_nobody_gets_a_bounty() {
	run(|| {
		let provider = provider();
		let idle = |room| Liveness::on_idle(1, room);
		// It is looked at first three rounds after it signed something, and not silent for so long by then.
		assert_eq!(WatchQueue::<Test>::get(0), Some((provider.clone(), 0)));
		assert_ok!(Submission::of(&provider, 0..16).dispatch());
		for round in 2..=3 {
			next_epoch();
			assert_eq!(WatchEnds::<Test>::get().head, 0, "round {round}");
			idle(Weight::MAX);
		}
		assert_eq!(WatchQueue::<Test>::get(1), Some((provider.clone(), 3)));
		assert!(!Prison::contains_key(&provider));
		for _ in 0..3 {
			next_epoch();
		}
		assert_eq!(idle(Weight::zero()), Weight::zero());
		events();
		idle(Weight::MAX);
		assert_eq!(
			events(),
			[Event::Reported {
				provider: provider.clone(),
				reporter: None,
				silent: 4,
				slashed: 500,
				bounty: 0,
			}]
		);
		assert!(Prison::contains_key(&provider));
		assert_eq!(SlashedSums::get(&provider), Some((500, None, 1_000)));
		assert_noop!(report(&provider), Error::<Test>::NothingToReport);
		assert_eq!(WatchQueue::<Test>::iter_keys().count(), 1);

		// Of who stores nothing any more nothing is kept, until it signs something.
		end(&provider, 0);
		next_epoch();
		catch_up(&provider);
		for _ in 0..4 {
			next_epoch();
		}
		events();
		idle(Weight::MAX);
		assert_eq!(events(), [Event::Forgotten { provider: provider.clone() }]);
		assert_eq!(WatchQueue::<Test>::iter_keys().count(), 0);
		assert_eq!(Books::<Test>::iter_keys().count(), 0);
		assert_eq!(Journals::<Test>::iter_keys().count(), 0);
		Liveness::do_try_state().unwrap();
		sign(&provider, allocation(1, 1, 100));
		assert_eq!(WatchQueue::<Test>::iter_keys().count(), 1);
		next_epoch();
		catch_up(&provider);
		assert_ok!(Submission::of(&provider, 0..16).dispatch());
	});
}

#[test]
fn who_was_silent_and_then_lost_everything_is_found_before_it_is_forgotten() {
	run(|| {
		let provider = provider();
		let idle = || Liveness::on_idle(1, Weight::MAX);
		// It is looked at in the third round, after two silent ones.
		next_epoch();
		next_epoch();
		idle();
		assert_eq!(WatchQueue::<Test>::get(1), Some((provider.clone(), 3)));
		// In the next one its slot goes to somebody else, and it goes on answering nothing.
		next_epoch();
		end(&provider, 0);
		next_epoch();
		catch_up(&provider);
		next_epoch();
		events();
		idle();
		assert_eq!(
			events(),
			[
				Event::Reported {
					provider: provider.clone(),
					reporter: None,
					silent: 4,
					slashed: 500,
					bounty: 0,
				},
				Event::Forgotten { provider: provider.clone() },
			]
		);
		assert!(Prison::contains_key(&provider));
		assert_eq!(Books::<Test>::iter_keys().count(), 0);
		assert_noop!(report(&provider), Error::<Test>::NothingToReport);
	});
}

#[test]
fn what_is_dropped_leaves_room_for_who_is_looked_at() {
	run(|| {
		let gone = account(2);
		sign(&gone, allocation(1, 1, 100));
		let provider = super::rent::provider();
		super::rent::answer(&provider);
		next_epoch();
		super::rent::end_deal(&provider, 0);
		for _ in 0..2 * SETTLEMENT {
			next_epoch();
		}
		catch_up(&provider);
		// Room for one of both: to look at who is gone, or to drop what ended two periods ago.
		let look = <() as WeightInfo>::look_at()
			.saturating_add(Liveness::advance_weight(crate::health::LOOK_STEPS));
		let room = look.saturating_add(<() as WeightInfo>::poll().saturating_mul(3));
		Liveness::on_idle(1, room);
		assert!(Prison::contains_key(&gone));
		assert_eq!(EndingQueue::<Test>::iter_keys().count(), 1);
		Liveness::on_idle(1, Weight::MAX);
		assert_eq!(EndingQueue::<Test>::iter_keys().count(), 0);
	});
}

#[test]
fn a_block_looks_at_a_few_providers_alone() {
	run(|| {
		for number in 1..=5 {
			sign(&account(number), allocation(0, 1, 100));
		}
		begin();
		for number in 1..=5 {
			catch_up(&account(number));
		}
		for _ in 0..3 {
			next_epoch();
		}
		for found in [2, 4, 5, 5] {
			Liveness::on_idle(1, Weight::MAX);
			assert_eq!(Prison::iter_keys().count(), found);
			Liveness::do_try_state().unwrap();
		}
	});
}
