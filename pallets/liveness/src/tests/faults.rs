//! Misses of slots: how they are named, how they heal, and how slots are lost for them.

use crate::{book::HEALTHY, mock::*, *};
use frame_support::{
	assert_noop, assert_ok, storage::with_storage_layer, traits::Hooks, weights::Weight,
};
use nil_types::{DealId, Hint, SlotHealth, traits::Allocation};
use std::collections::BTreeMap;

/// The slot that every provider of these tests has.
const SLOT: u8 = 3;

/// A provider with so many deals of 100 rows, of whom 16 samples are asked in every epoch.
fn provider(deals: DealId) -> AccountId {
	let provider = account(1);
	for deal in 0..deals {
		let expires_at = START + 10_000;
		MockRents::insert(deal, MockRent { expires_at, ..Default::default() });
		let hint = if deal == 0 { Hint::Hot } else { Hint::Cold };
		sign(&provider, Allocation { hint, ..allocation(deal, 1, 100) });
	}
	begin();
	catch_up(&provider);
	provider
}

fn faults(provider: &AccountId, deal: DealId) -> Faults {
	Liveness::held(provider, deal, SLOT).expect("the slot is listed").1.faults
}

fn report(provider: &AccountId, deal: DealId) -> sp_runtime::DispatchResult {
	let reporter = RuntimeOrigin::signed(account(9));
	with_storage_layer(|| Liveness::report_slot(reporter, provider.clone(), deal, SLOT))
}

/// On which deals these ordinals fall, and how many on each.
fn asked(provider: &AccountId, ordinals: impl IntoIterator<Item = u32>) -> BTreeMap<DealId, u32> {
	let mut deals = BTreeMap::new();
	for ordinal in ordinals {
		let asked = Liveness::asked(provider, ordinal).expect("the ordinal is due");
		*deals.entry(asked.deal).or_default() += 1;
	}
	deals
}

/// Lets a provider of one slot leave a sample open in so many rounds.
fn miss(provider: &AccountId, rounds: u32) {
	for _ in 0..rounds {
		assert_ok!(Submission::of(provider, 0..15).dispatch());
		next_epoch();
		catch_up(provider);
	}
}

#[test]
fn health_fades_and_misses_are_forgiven_with_rounds() {
	let mut faults = Faults::default();
	for _ in 0..2 {
		faults = faults.healed(10, 5);
		faults.miss();
	}
	// An eighth, and an eighth of what was left.
	assert_eq!((faults.misses, faults.health()), (2, 765_625_000));
	assert_eq!(faults.forgiven_at, 10);
	// Round by round or at once, but for what is rounded down.
	let mut by_round = faults;
	for round in 11..=17 {
		by_round = by_round.healed(round, 5);
	}
	let at_once = faults.healed(17, 5);
	assert_eq!((at_once.misses, at_once.forgiven_at, at_once.at), (1, 15, 17));
	assert_eq!((by_round.misses, by_round.forgiven_at), (1, 15));
	assert!(by_round.health().abs_diff(at_once.health()) < 20);
	// 234,375,000 * (7/8)^7 are lacking.
	assert!(at_once.deficit.abs_diff(92_038_102) < 20, "{}", at_once.deficit);
	// All is well in the end, and no pardon is saved up.
	let healed = faults.healed(u32::MAX, 5);
	let well = Faults { forgiven_at: u32::MAX, at: u32::MAX, ..Faults::default() };
	assert_eq!((healed, healed.health()), (well, HEALTHY));
	// However many there are, health is not below nothing.
	let mut bad = Faults::default();
	for _ in 0..1_000 {
		bad.miss();
	}
	assert!(bad.health() < 8);
}

#[test]
fn open_samples_are_a_miss_of_each_slot_that_they_fell_on() {
	run(|| {
		let provider = provider(4);
		assert_ok!(Submission::of(&provider, [2, 3, 5, 7, 11, 13]).dispatch());
		let open: Vec<u32> = (0..16).filter(|i| ![2, 3, 5, 7, 11, 13].contains(i)).collect();
		let expected = asked(&provider, open);
		// What changes in the round, and what is set in it, does not change where they fell.
		sign(&provider, allocation(9, 1, 5_000));
		let params = LivenessParams { hot_factor: 1, ..PARAMS };
		assert_ok!(Liveness::set_params(RuntimeOrigin::root(), params));
		to_next_epoch();
		poll();
		let params = LivenessParams { hot_factor: 2, ..PARAMS };
		assert_ok!(Liveness::set_params(RuntimeOrigin::root(), params));
		// Before the next round is drawn as well as after it.
		assert_ok!(advance(&provider, 4));
		assert_eq!(book(&provider).named, 7);
		Liveness::do_try_state().unwrap();
		begin();
		assert_eq!(Liveness::due(&provider), 0);
		assert!(Liveness::duty(&provider).behind);
		assert_ok!(advance(&provider, 6));
		// Once each, however many there were.
		let missed = events().iter().filter(|e| matches!(e, Event::SlotMissed { .. })).count();
		assert_eq!(missed, expected.len());
		assert!(expected.values().any(|count| *count > 1));
		// The change comes after all of them.
		assert_eq!((book(&provider).missed, Liveness::due(&provider)), (0, 0));
		assert_ok!(advance(&provider, 1));
		assert_eq!((book(&provider).missed, book(&provider).named), (10, 0));
		for deal in 0..4 {
			let misses = u32::from(expected.contains_key(&deal));
			assert_eq!(faults(&provider, deal).misses, misses, "deal {deal}");
		}
		assert_ok!(Submission::of(&provider, 0..16).dispatch());
	});
}

#[test]
fn nobody_answers_before_its_misses_are_named() {
	run(|| {
		let provider = provider(1);
		assert_ok!(Submission::of(&provider, 0..15).dispatch());
		next_epoch();
		let current = Liveness::epoch().unwrap();
		let answer = Submission {
			who: provider.clone(),
			epoch: current.epoch,
			r_e: current.randomness,
			block: current.block.unwrap(),
			items: vec![Item {
				ordinal: 0,
				place: None,
				mdu: 0,
				live: 1,
				leaf: 0,
				commitment: [0; 48],
				path: Default::default(),
				manifest_opening: [0; 48],
			}],
			y: [0; 32],
			pi: [0; 48],
		};
		assert_noop!(answer.dispatch(), Error::<Test>::NotAdvanced);
		// Anybody may name them, free of fees.
		let post = advance(&provider, 5).unwrap();
		assert_eq!(post.pays_fee, frame_support::dispatch::Pays::No);
		assert_eq!(faults(&provider, 0).misses, 1);
		assert_ok!(Submission::of(&provider, 0..16).dispatch());
	});
}

#[test]
fn what_nobody_named_in_the_next_round_is_not_named_any_more() {
	run(|| {
		let provider = provider(1);
		assert_ok!(Submission::of(&provider, 0..8).dispatch());
		next_epoch();
		assert_ok!(advance(&provider, 3));
		next_epoch();
		assert_noop!(advance(&provider, 1), Error::<Test>::NothingToDo);
		assert_eq!((faults(&provider, 0).misses, book(&provider).named), (1, 11));
		assert_ok!(Submission::of(&provider, 0..16).dispatch());
		assert_eq!((book(&provider).missed, book(&provider).silent), (8, 1));

		// The same when changes of that round are left.
		next_epoch();
		assert_ok!(Submission::of(&provider, 0..8).dispatch());
		sign(&provider, allocation(5, 1, 8));
		next_epoch();
		next_epoch();
		let before = faults(&provider, 0);
		catch_up(&provider);
		assert_eq!(faults(&provider, 0), before);
		assert_eq!((book(&provider).missed, book(&provider).silent), (16, 2));
		assert_ok!(Submission::of(&provider, 0..16).dispatch());
	});
}

#[test]
fn a_slot_that_ended_misses_nothing() {
	run(|| {
		let provider = provider(2);
		assert_ok!(Submission::of(&provider, [0]).dispatch());
		let expected = asked(&provider, 1..16);
		end(&provider, 0);
		next_epoch();
		assert_ok!(advance(&provider, 15));
		assert_eq!(faults(&provider, 0).misses, 0);
		assert_eq!(faults(&provider, 1).misses, u32::from(expected.contains_key(&1)));
		catch_up(&provider);
		assert!(Liveness::held(&provider, 0, SLOT).is_none());
	});
}

#[test]
fn who_reports_a_slot_with_too_many_misses_gets_a_share() {
	run(|| {
		let provider = provider(1);
		Evictable::set(true);
		miss(&provider, 3);
		assert_noop!(report(&provider, 0), Error::<Test>::NothingToReport);
		miss(&provider, 1);
		let health = SlotHealth {
			slot: SLOT,
			health: faults(&provider, 0).health(),
			misses: 4,
			evict_misses: 4,
		};
		assert_eq!(Liveness::slot_health(&provider, 0, SLOT), Some(health));
		assert_noop!(report(&provider, 1), Error::<Test>::NothingToReport);
		// One who is a candidate alone does not lose it.
		Evictable::set(false);
		assert_noop!(report(&provider, 0), Error::<Test>::NothingToReport);
		Evictable::set(true);
		events();
		assert_ok!(report(&provider, 0));
		// A fifth of what 100 blobs need, of which a tenth is the reporter's.
		assert_eq!(
			events().last(),
			Some(&Event::SlotTaken {
				provider: provider.clone(),
				deal: 0,
				slot: SLOT,
				reporter: Some(account(9)),
				misses: 4,
				slashed: 20,
				bounty: 2,
			})
		);
		assert!(!Prison::contains_key(&provider));
		assert_eq!(Liveness::slot_health(&provider, 0, SLOT), None);
		assert_noop!(report(&provider, 0), Error::<Test>::NothingToReport);
		// The queue knows of it too, and passes over it.
		Liveness::on_idle(1, Weight::MAX);
		assert_eq!(EvictionQueue::<Test>::iter_keys().count(), 0);
		assert_eq!(SlashedSums::get(&provider), Some((20, Some(account(9)), 1_000)));
		next_epoch();
		catch_up(&provider);
		assert_eq!(Slots::<Test>::iter_keys().count(), 0);
	});
}

#[test]
fn a_network_that_starts_takes_slots_and_does_not_slash() {
	run(|| {
		let params = LivenessParams { slashing: false, ..PARAMS };
		assert_ok!(Liveness::set_params(RuntimeOrigin::root(), params));
		let provider = provider(1);
		Evictable::set(true);
		miss(&provider, 4);
		assert_ok!(report(&provider, 0));
		assert_eq!(SlashedSums::get(&provider), None);
		assert_eq!(Liveness::slot_health(&provider, 0, SLOT), None);
	});
}

#[test]
fn on_idle_takes_slots_away_a_few_in_a_block() {
	run(|| {
		let provider = provider(4);
		Evictable::set(true);
		// Four deals share fifteen samples in a round.
		for _ in 0..4 {
			assert_ok!(Submission::of(&provider, [0]).dispatch());
			next_epoch();
			catch_up(&provider);
		}
		let mut expected: Vec<DealId> =
			(0..4).filter(|deal| faults(&provider, *deal).misses >= 4).collect();
		assert!(!expected.is_empty(), "at least one missed in every round");
		assert_eq!(EvictionQueue::<Test>::iter_keys().count(), expected.len());
		assert_eq!(Liveness::on_idle(1, Weight::zero()), Weight::zero());
		let mut taken = Vec::new();
		while taken.len() < expected.len() {
			let before = taken.len();
			events();
			Liveness::on_idle(1, Weight::MAX);
			Liveness::do_try_state().unwrap();
			for event in events() {
				if let Event::SlotTaken { deal, reporter, bounty, .. } = event {
					assert_eq!((reporter, bounty), (None, 0));
					taken.push(deal);
				}
			}
			assert_eq!(taken.len(), (before + 2).min(expected.len()));
		}
		taken.sort_unstable();
		expected.sort_unstable();
		assert_eq!(taken, expected);
		assert_eq!(EvictionQueue::<Test>::iter_keys().count(), 0);
	});
}

#[test]
fn what_was_forgiven_meanwhile_is_passed_over_and_comes_back_with_the_next_miss() {
	run(|| {
		let provider = provider(1);
		Evictable::set(true);
		miss(&provider, 4);
		assert!(faults(&provider, 0).queued);
		for _ in 0..PARAMS.forgive_rounds {
			next_epoch();
		}
		Liveness::on_idle(1, Weight::MAX);
		assert!(!faults(&provider, 0).queued);
		assert_eq!(EvictionQueue::<Test>::iter_keys().count(), 0);
		miss(&provider, 1);
		assert_eq!((faults(&provider, 0).misses, faults(&provider, 0).queued), (4, true));
	});
}
