//! What happens to allocations, when it is applied, and that nothing else decides.

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok, dispatch::Pays};
use nil_types::{Hint, challenge::SizeClass, traits::Allocation};

fn class(rows: u64) -> SizeClass {
	SizeClass::of(rows).unwrap()
}

/// The deals and generations in a list of cold deals.
fn listed(provider: &AccountId, rows: u64) -> Vec<(u64, u32)> {
	(0u32..)
		.map_while(|index| Entries::<Test>::get(provider, (Hint::Cold, class(rows), index)))
		.map(|entry| (entry.deal, entry.generation))
		.collect()
}

/// The deals in the list of slots.
fn slots(provider: &AccountId) -> Vec<u64> {
	(0u32..).map_while(|index| Slots::<Test>::get(provider, index)).map(|held| held.deal).collect()
}

#[test]
fn what_happens_in_an_epoch_waits_for_the_next_one() {
	run(|| {
		let provider = account(1);
		begin();
		sign(&provider, allocation(5, 1, 8));
		let note = Note { round: 1, change: Change::Signed(allocation(5, 1, 8)) };
		assert_eq!(Journal::<Test>::get(&provider, 0), Some(note));
		assert_eq!(
			events().last(),
			Some(&Event::Noted {
				provider: provider.clone(),
				ticket: 0,
				round: 1,
				change: note.change
			})
		);
		assert_noop!(advance(&provider, 10), Error::<Test>::NothingToDo);
		assert_eq!(Liveness::due(&provider), 0);

		next_epoch();
		// As long as it is not applied, nothing is asked.
		assert_eq!(Liveness::due(&provider), 0);
		assert_noop!(advance(&provider, 0), Error::<Test>::NothingToDo);
		events();
		assert_ok!(advance(&provider, 10));
		assert_eq!(
			events(),
			[Event::Advanced { provider: provider.clone(), steps: 1, ready: true }]
		);
		assert_eq!(listed(&provider, 8), [(5, 1)]);
		assert_eq!(Liveness::due(&provider), 8);
		assert_eq!(Journal::<Test>::iter_keys().count(), 0);
		assert_noop!(advance(&provider, 10), Error::<Test>::NothingToDo);
	});
}

#[test]
fn anyone_applies_a_bounded_number_of_steps_for_free() {
	run(|| {
		let provider = account(1);
		for deal in 0..5 {
			sign(&provider, allocation(deal, 1, 8));
		}
		begin();
		assert_noop!(advance(&provider, MAX_STEPS + 1), Error::<Test>::TooManySteps);
		let post = advance(&provider, 3).unwrap();
		type W = <Test as Config>::WeightInfo;
		assert_eq!((post.actual_weight, post.pays_fee), (Some(W::advance_listing(3)), Pays::No));
		assert_eq!(listed(&provider, 8).len(), 3);
		assert_eq!(Liveness::due(&provider), 0);
		Liveness::do_try_state().unwrap();

		end(&provider, 0);
		next_epoch();
		let post = advance(&provider, MAX_STEPS).unwrap();
		let expected = W::advance_listing(2).saturating_add(W::advance_unlisting(1));
		assert_eq!(post.actual_weight, Some(expected));
		assert_eq!(listed(&provider, 8), [(4, 1), (1, 1), (2, 1), (3, 1)]);

		// Nothing is free that does nothing: strangers to the journal pay.
		assert_noop!(advance(&account(7), 1), Error::<Test>::NothingToDo);
	});
}

#[test]
fn a_slot_leaves_one_allocation_per_step_the_last_one_first() {
	run(|| {
		let provider = account(1);
		begin();
		sign(&provider, allocation(7, 1, 8));
		for generation in 1..=3 {
			sign(&provider, allocation(5, generation, 8));
		}
		sign(&provider, allocation(6, 1, 8));
		end(&provider, 5);
		sign(&provider, allocation(8, 1, 8));
		next_epoch();

		assert_ok!(advance(&provider, 5));
		assert_eq!(listed(&provider, 8), [(7, 1), (5, 1), (5, 2), (5, 3), (6, 1)]);
		assert_eq!(slots(&provider), [7, 5, 6]);
		let entries = (1u32..4).map(|index| {
			let entry = Entries::<Test>::get(&provider, (Hint::Cold, class(8), index)).unwrap();
			(entry.start, entry.before)
		});
		assert_eq!(entries.collect::<Vec<_>>(), [(0, 0), (8, 1), (16, 2)]);

		for expected in [
			&[(7u64, 1u32), (5, 1), (5, 2), (6, 1)] as &[(u64, u32)],
			&[(7, 1), (5, 1), (6, 1)],
			&[(7, 1), (6, 1)],
		] {
			assert_eq!(slots(&provider), [7, 5, 6]);
			assert_ok!(advance(&provider, 1));
			assert_eq!(listed(&provider, 8), expected);
			Liveness::do_try_state().unwrap();
			assert_eq!(Liveness::due(&provider), 0, "something is left");
		}
		assert_eq!(slots(&provider), [7, 6]);
		assert_ok!(advance(&provider, 1));
		assert_eq!(listed(&provider, 8), [(7, 1), (6, 1), (8, 1)]);
		assert_eq!(Liveness::due(&provider), 16);
	});
}

#[test]
fn lists_are_apart_by_hint_and_class() {
	run(|| {
		let provider = account(1);
		let hot = Allocation { hint: Hint::Hot, ..allocation(1, 1, 8) };
		for allocation in [allocation(0, 1, 8), hot, allocation(2, 1, 9), allocation(3, 1, 16)] {
			sign(&provider, allocation);
		}
		// 16 and 17 are of one class.
		sign(&provider, allocation(4, 1, 17));
		begin();
		catch_up(&provider);
		let all = book(&provider);
		assert_eq!(all.census.cold, [(class(8), 1), (class(9), 1), (class(16), 2)]);
		assert_eq!(all.census.hot, [(class(8), 1)]);
		assert_eq!((all.census.slots, all.blobs), (5, 58));
		for deal in [0, 1] {
			end(&provider, deal);
		}
		next_epoch();
		catch_up(&provider);
		let left = book(&provider);
		assert_eq!(left.census.cold, [(class(9), 1), (class(16), 2)]);
		assert!(left.census.hot.is_empty());
		assert_eq!((left.census.slots, left.blobs), (3, 42));
	});
}

#[test]
fn what_ends_in_an_epoch_is_owed_to_its_end() {
	run(|| {
		let provider = account(1);
		for deal in 0..4 {
			sign(&provider, allocation(deal, 1, 30));
		}
		begin();
		catch_up(&provider);
		let asked = || (0..16).map(|i| Liveness::asked(&provider, i).unwrap()).collect::<Vec<_>>();
		let before = asked();
		for deal in 0..4 {
			end(&provider, deal);
		}
		sign(&provider, allocation(9, 1, 1_000));
		assert_noop!(advance(&provider, MAX_STEPS), Error::<Test>::NothingToDo);
		assert_eq!(asked(), before);
		assert_ok!(Submission::of(&provider, 0..16).dispatch());
		assert_eq!(book(&provider).count, 16);

		next_epoch();
		catch_up(&provider);
		assert!(listed(&provider, 30).is_empty());
		assert_eq!((slots(&provider), book(&provider).blobs), (vec![9], 1_000));
		assert!((0..16).all(|i| Liveness::asked(&provider, i).unwrap().deal == 9));
	});
}

type Everything = (Vec<(EntryKey, Entry)>, Vec<(u32, HeldSlot)>, Option<BookOf<Test>>, JournalEnds);

/// What the pallet keeps about a provider.
fn everything(provider: &AccountId) -> Everything {
	let mut entries: Vec<_> = Entries::<Test>::iter_prefix(provider).collect();
	entries.sort_by_key(|(key, _)| (key.0 == Hint::Hot, key.1, key.2));
	let mut slots: Vec<_> = Slots::<Test>::iter_prefix(provider).collect();
	slots.sort_by_key(|(index, _)| *index);
	// The epoch up to which rent is reckoned is the one in which that is done. Nothing follows from it: while a change waits to
	// be applied, no index grows.
	slots.iter_mut().for_each(|(_, held)| held.rent.since = 0);
	(entries, slots, Books::<Test>::get(provider), Journals::<Test>::get(provider))
}

#[test]
fn who_applies_it_when_and_in_how_many_steps_decides_nothing() {
	let script = |steps: &[u32]| {
		let mut found = None;
		run(|| {
			let provider = account(1);
			begin();
			for round in 0..6u64 {
				for deal in 0..4 {
					sign(&provider, allocation(10 * round + deal, 1, 7 + deal));
					sign(&provider, allocation(10 * round + deal, 2, 20 * (round + 1)));
				}
				if round > 1 {
					end(&provider, 10 * (round - 2) + 1);
					end(&provider, 10 * (round - 1) + 3);
				}
				next_epoch();
				for steps in steps {
					wait(1);
					let _ = advance(&provider, *steps);
				}
			}
			catch_up(&provider);
			found = Some(everything(&provider));
		});
		found
	};
	let all_at_once = script(&[MAX_STEPS]);
	for steps in [&[] as &[u32], &[1], &[3, 2, 5], &[1; 40]] {
		assert_eq!(script(steps), all_at_once, "{steps:?}");
	}
}
