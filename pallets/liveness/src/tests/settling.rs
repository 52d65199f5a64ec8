//! Against what slots are settled: which round draws it, and who signed what.

use super::rent::{
	MDU, RATE, SLOT, Settlement, answer, close_deal, commit, end_deal, locked, open, provider,
	serve_period,
};
use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok, traits::Hooks, weights::Weight};
use nil_types::{
	Amount, CommitInfo, DealId, Generation,
	challenge::SETTLE_TRIES,
	traits::{Allocation, SlotHooks},
};

/// Takes a slot from its provider.
fn release(provider: &AccountId, deal: DealId) {
	<Liveness as SlotHooks<_>>::released(provider, deal, SLOT);
}

/// Writes down that the slot has signed a commit, or not, whoever has it.
fn set_signed(deal: DealId, generation: Generation, signed: bool) {
	MockCommits::mutate(deal, generation, |commit| {
		let commit: &mut CommitInfo = commit.as_mut().expect("there is such a commit");
		commit.signed = if signed { 1 << SLOT } else { 0 };
	});
}

/// Claims that nothing of what was drawn was signed.
fn voids(mut settlement: Settlement) -> Settlement {
	for item in &mut settlement.items {
		item.commits = vec![1; SETTLE_TRIES as usize].try_into().expect("as many as there are");
		item.blob = None;
	}
	settlement
}

#[test]
fn a_period_is_settled_against_the_first_round_after_it() {
	run(|| {
		let provider = provider();
		serve_period(&provider);
		let first = Liveness::epoch().map(|current| current.randomness);
		let present = Liveness::period_of(Liveness::present());
		assert_eq!(Liveness::seal(present).map(|sealed| sealed.randomness), first);
		assert_eq!(Liveness::settlement().map(|info| info.randomness), first);
		assert_eq!(Liveness::seal(present - 1), None);
		answer(&provider);
		next_epoch();
		assert_eq!(Liveness::seal(present).map(|sealed| sealed.randomness), first);
		answer(&provider);
		next_epoch();
		answer(&provider);
		next_epoch();
		// Before a round of the next one is drawn, nobody knows what it will be.
		to_next_epoch();
		poll();
		assert_eq!((Liveness::seal(present + 1), Liveness::settlement()), (None, None));
	});
}

#[test]
fn nobody_settles_before_what_happened_is_applied() {
	run(|| {
		let provider = provider();
		serve_period(&provider);
		commit(&provider, 0, MDU, true);
		answer(&provider);
		next_epoch();
		assert_noop!(Settlement::of(&provider, &[0]).dispatch(), Error::<Test>::NotAdvanced);
		assert_eq!(Liveness::settle_draws(&provider, 0, SLOT), []);
		catch_up(&provider);
		assert_ok!(Settlement::of(&provider, &[0]).dispatch());
	});
}

#[test]
fn who_signed_is_said_by_its_lists_and_not_by_the_slot() {
	run(|| {
		let provider = account(1);
		open(0, START + 1_000);
		commit(&provider, 0, 2 * MDU, false);
		commit(&provider, 0, 30 * MDU, true);
		begin();
		catch_up(&provider);
		serve_period(&provider);
		let right = Settlement::of(&provider, &[0]);
		let told = Liveness::settle_draws(&provider, 0, SLOT);
		// Another one that has the slot now was given the first commit, and lost the second.
		set_signed(0, 1, true);
		set_signed(0, 2, false);
		assert_eq!(Liveness::settle_draws(&provider, 0, SLOT), told);
		assert_noop!(voids(right.clone()).dispatch(), Error::<Test>::WrongCommit);
		assert_ok!(right.dispatch());
		assert_eq!(Wallets::get(&provider), 4 * 15 * Amount::from(RATE));
	});
}

#[test]
fn a_slot_that_was_lost_is_settled_against_what_its_provider_had_signed() {
	run(|| {
		let provider = provider();
		for _ in 1..SETTLEMENT {
			answer(&provider);
			next_epoch();
		}
		answer(&provider);
		release(&provider, 0);
		next_epoch();
		catch_up(&provider);
		assert_eq!(Slots::<Test>::iter_keys().count(), 0);
		assert_eq!(
			EndedCommits::<Test>::iter_keys().collect::<Vec<_>>(),
			[((provider.clone(), 0, SLOT, 5), 1)]
		);
		let right = Settlement::of(&provider, &[0]);
		set_signed(0, 1, false);
		assert_noop!(voids(right.clone()).dispatch(), Error::<Test>::WrongCommit);
		let told = Liveness::settle_draws(&provider, 0, SLOT);
		assert!(told.len() == 2 && told.iter().all(|draw| draw.target.is_some()));
		assert_ok!(right.dispatch());
		assert_eq!(Wallets::get(&provider), 3 * Amount::from(RATE));
		// What it had signed is forgotten in its turn.
		Liveness::on_idle(1, Weight::MAX);
		assert_eq!(EndedCommits::<Test>::iter_keys().count(), 0);
		assert_eq!(EndingQueue::<Test>::iter_keys().count(), 0);
	});
}

#[test]
fn who_loses_a_slot_twice_is_owed_for_both_times() {
	run(|| {
		let provider = provider();
		answer(&provider);
		next_epoch();
		// A round is owed, and it signs again what it signed before.
		release(&provider, 0);
		sign(&provider, Allocation { first_mdu: 0, ..allocation(0, 1, 16) });
		next_epoch();
		catch_up(&provider);
		answer(&provider);
		next_epoch();
		release(&provider, 0);
		let paid = |period: Period| {
			Endings::<Test>::get(&provider, (0, SLOT, period)).map(|ending| ending.owed.paid)
		};
		assert_eq!(paid(5), Some(2 * RATE));
		assert_eq!(EndingQueue::<Test>::iter_keys().count(), 1);
		Liveness::do_try_state().unwrap();

		// And once more in the next period, in which the first two are settled.
		sign(&provider, Allocation { first_mdu: 0, ..allocation(0, 1, 16) });
		next_epoch();
		catch_up(&provider);
		answer(&provider);
		next_epoch();
		release(&provider, 0);
		assert_eq!((paid(5), paid(6)), (Some(2 * RATE), Some(RATE)));
		assert_eq!(Liveness::endings(&provider, None, 9).len(), 1);
		assert_ok!(Settlement::of(&provider, &[0]).dispatch());
		assert_eq!(Wallets::get(&provider), 2 * Amount::from(RATE));
		assert_eq!((paid(5), paid(6)), (None, Some(RATE)));
		Liveness::do_try_state().unwrap();
	});
}

#[test]
fn a_deal_that_ends_owes_all_times_that_a_slot_was_lost() {
	run(|| {
		let provider = provider();
		answer(&provider);
		next_epoch();
		release(&provider, 0);
		sign(&provider, Allocation { first_mdu: 0, ..allocation(0, 1, 16) });
		next_epoch();
		catch_up(&provider);
		answer(&provider);
		next_epoch();
		// As slots tell it: first of those that were taken, then of those that end.
		<Liveness as SlotHooks<_>>::ended_after_release(&provider, 0, SLOT);
		end_deal(&provider, 0);
		assert_eq!(locked(0), 2 * Amount::from(RATE));
		next_epoch();
		catch_up(&provider);
		assert_ok!(Settlement::of(&provider, &[0]).dispatch());
		assert_eq!((locked(0), Wallets::get(&provider)), (0, 2 * Amount::from(RATE)));
	});
}

#[test]
fn a_deal_that_ends_owes_what_was_lost_in_either_period() {
	run(|| {
		let provider = provider();
		answer(&provider);
		next_epoch();
		release(&provider, 0);
		sign(&provider, Allocation { first_mdu: 0, ..allocation(0, 1, 16) });
		// Epochs 22 and 23 are of period 5 still.
		for _ in 0..2 {
			next_epoch();
			catch_up(&provider);
			answer(&provider);
		}
		next_epoch();
		release(&provider, 0);
		<Liveness as SlotHooks<_>>::ended_after_release(&provider, 0, SLOT);
		let rate = Amount::from(RATE);
		let rent = MockRents::get(0).unwrap();
		// What is lost last can be settled until period 8 begins.
		assert_eq!((rent.owed, rent.until), (3 * rate, Liveness::period_start(8)));
		close_deal(0);
		assert_ok!(Settlement::of(&provider, &[0]).dispatch());
		assert_eq!((locked(0), Wallets::get(&provider)), (2 * rate, rate));
		for _ in 0..SETTLEMENT {
			next_epoch();
			catch_up(&provider);
		}
		assert_ok!(Settlement::of(&provider, &[0]).dispatch());
		assert_eq!((locked(0), Wallets::get(&provider)), (0, 3 * rate));
	});
}

#[test]
fn the_least_term_counts_what_is_not_listed_yet() {
	run(|| {
		let provider = account(1);
		begin();
		open(0, START + 1_000);
		MockRents::mutate(0, |held| held.as_mut().unwrap().least = 24 * LENGTH + 7);
		commit(&provider, 0, 2 * MDU, true);
		<Liveness as SlotHooks<_>>::raised(&provider, 0, SLOT, PRICE);
		// In the round of its commit: epochs 21, 22 and 23 would have earned, each twice as much.
		end_deal(&provider, 0);
		assert_eq!(locked(0), 6 * Amount::from(RATE));
		next_epoch();
		catch_up(&provider);
		assert_eq!(Slots::<Test>::iter_keys().count(), 0);
		assert_eq!(Tenures::<Test>::iter_keys().count(), 0);
		for _ in 1..SETTLEMENT {
			next_epoch();
		}
		let settlement = Settlement::of(&provider, &[0]);
		assert_noop!(voids(settlement.clone()).dispatch(), Error::<Test>::WrongCommit);
		assert_ok!(settlement.dispatch());
		assert_eq!(Wallets::get(&provider), 6 * Amount::from(RATE));
	});
}
