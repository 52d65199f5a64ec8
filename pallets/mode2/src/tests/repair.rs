//! Repairs: who rebuilds, when it has the slot, and what becomes of everybody else.

mod properties;

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok, dispatch::Pays};
use nil_types::{
	RepairCause, SlotState,
	traits::{CommitTerms, Evictions, SlotError, SlotManager},
};

/// A deal with one commit that all have signed.
fn stored() {
	place(0, small());
	commit(0, 0..4);
	events();
	Heard::kill();
}

fn evict(slot: u8) -> AccountId {
	let provider = *state(0, slot).provider().expect("somebody holds it");
	assert!(<Mode2 as Evictions<_>>::evict(&provider, 0, slot));
	provider
}

fn repair(slot: u8) -> Repair<AccountId> {
	Repairs::<Test>::get(0, slot).expect("the slot is repaired")
}

#[test]
fn an_evicted_slot_is_nobodys_until_a_candidate_has_proved_it() {
	run(|| {
		stored();
		let others = holders(0);
		let old = evict(1);
		assert_eq!(state(0, 1), SlotState::Vacant);
		assert_eq!(Heard::get(), [Told::Released(old, 0, 1)]);
		let entry = Registry::get(old).unwrap();
		assert_eq!((entry.slots, entry.used), (0, 0));
		assert_eq!(Mode2::repairs(0)[0].cause, RepairCause::Eviction);
		// It no longer holds it.
		assert!(!<Mode2 as Evictions<_>>::evict(&old, 0, 1));

		let new = candidate(0, 1);
		assert!(!others.contains(&new));
		let SlotState::Repairing { provider: None, candidate, target_gen: 1, .. } = state(0, 1)
		else {
			panic!("{:?}", state(0, 1))
		};
		assert_eq!(candidate, new);
		Heard::kill();
		assert_eq!(complete(new, 0, 1, 1).unwrap().pays_fee, Pays::No);
		assert_eq!(state(0, 1), SlotState::Active { provider: new });
		assert!(matches!(Heard::get()[..], [Told::Signed(who, allocation)]
			if who == new && allocation.slot == 1 && allocation.generation == 1));
		// What was reserved beyond what the commit takes is free again.
		let entry = Registry::get(new).unwrap();
		assert_eq!((entry.slots, entry.used), (1, 131_072));
		assert!(Repairs::<Test>::get(0, 1).is_none());
		assert_noop!(
			Mode2::complete_repair(
				RuntimeOrigin::signed(new),
				0,
				1,
				1,
				Default::default(),
				[1; 32],
				[0; 48]
			),
			Error::<Test>::NoRepair
		);
	});
}

#[test]
fn a_provider_that_drains_is_responsible_until_it_is_replaced() {
	run(|| {
		stored();
		let old = holders(0)[2];
		drain(old);
		idle();
		assert_eq!(state(0, 2), SlotState::Active { provider: old });
		let new = candidate(0, 2);
		assert_eq!(state(0, 2).provider(), Some(&old));
		assert!(Heard::get().is_empty());
		// Its receipts count, and it still owes what it signed.
		assert_eq!(commit(0, 0..4), 2);
		assert_ok!(complete(new, 0, 2, 2));
		assert!(Heard::get().contains(&Told::Released(old, 0, 2)));
		assert_eq!(state(0, 2), SlotState::Active { provider: new });
		assert_eq!(Registry::get(new).unwrap().used, 2 * 131_072);
		let entry = Registry::get(old).unwrap();
		assert_eq!((entry.slots, entry.used), (0, 0));
		// It holds nothing any more, so nobody stands in the queue.
		idle();
		idle();
		assert_eq!(DepartureEnds::<Test>::get().waiting, 0);
	});
}

#[test]
fn the_slots_of_a_jailed_provider_follow() {
	run(|| {
		for deal in 0..6 {
			place(deal, small());
		}
		let jailed = holders(0)[0];
		let held = SlotsOf::<Test>::iter_key_prefix(jailed).count();
		jail(jailed);
		for _ in 0..4 {
			idle();
			advance(DRAW_DELAY);
			record(1);
			serve_all();
		}
		assert_eq!(SlotsOf::<Test>::iter_key_prefix(jailed).count(), 0);
		assert_eq!(Repairs::<Test>::iter().count(), held);
	});
}

#[test]
fn departures_are_looked_at_once_more_when_slots_had_to_wait() {
	run(|| {
		stored();
		let [first, second, ..] = holders(0)[..] else { unreachable!() };
		drain(first);
		drain(second);
		idle();
		idle();
		// One of two parity slots may drain at a time.
		assert_eq!(Repairs::<Test>::iter().count(), 1);
		let slot = Mode2::repairs(0)[0].slot;
		let new = candidate(0, slot);
		assert_ok!(complete(new, 0, slot, 1));
		for _ in 0..4 {
			idle();
		}
		assert_eq!(Mode2::repairs(0).len(), 1);
		assert_ne!(Mode2::repairs(0)[0].slot, slot);
	});
}

#[test]
fn nobody_who_stays_is_relieved() {
	run(|| {
		stored();
		let holder = holders(0)[0];
		let relieve = || Mode2::relieve(RuntimeOrigin::signed(1), holder, 0, 0);
		assert_noop!(relieve(), Error::<Test>::NothingToRelieve);
		drain(holder);
		assert_ok!(relieve());
		assert_noop!(relieve(), Error::<Test>::NothingToRelieve);
		// One that is active again by its turn is passed over.
		Registry::mutate(holder, |entry| entry.as_mut().unwrap().draining = false);
		idle();
		assert_eq!(DepartureEnds::<Test>::get().waiting, 0);
	});
}

#[test]
fn late_candidates_and_those_that_decline_are_replaced() {
	run(|| {
		stored();
		evict(0);
		let late = candidate(0, 0);
		let until = repair(0).due;
		advance(until - Now::get());
		serve_all();
		assert!(matches!(repair(0).stage, Stage::Rebuilding(_)), "the last block is its own");
		advance(1);
		assert_noop!(complete(late, 0, 0, 1), Error::<Test>::WindowOver);
		serve_all();
		assert_eq!(state(0, 0), SlotState::Vacant);
		assert_eq!(Registry::get(late).unwrap().used, 0);
		let second = candidate(0, 0);
		assert_ne!(second, late);
		assert_noop!(
			Mode2::decline(RuntimeOrigin::signed(late), 0, 0),
			Error::<Test>::NotCandidate
		);
		let declined = Mode2::decline(RuntimeOrigin::signed(second), 0, 0);
		assert_eq!(declined.unwrap().pays_fee, Pays::No);
		assert_eq!(Registry::get(second).unwrap().slots, 0);
		assert_ne!(candidate(0, 0), second);
	});
}

#[test]
fn wrong_proofs_change_nothing() {
	run(|| {
		stored();
		evict(0);
		let who = candidate(0, 0);
		let call = |who, generation, items, y| {
			Mode2::complete_repair(
				RuntimeOrigin::signed(who),
				0,
				0,
				generation,
				items,
				[y; 32],
				[0; 48],
			)
		};
		let right = || proof(0, 0, 1);
		assert_noop!(call(who + 100, 1, right(), 1), Error::<Test>::NotCandidate);
		assert_noop!(call(who, 2, right(), 1), Error::<Test>::WrongGeneration);
		let mut short = right();
		short.pop();
		assert_noop!(call(who, 1, short, 1), Error::<Test>::WrongSamples);
		let mut other = right();
		other[0].generation = 2;
		assert_noop!(call(who, 1, other, 1), Error::<Test>::WrongCommit);
		let mut other = right();
		other[0].path.pop();
		assert_noop!(call(who, 1, other, 1), Error::<Test>::BadStructure);
		let before = repair(0);
		events();
		assert_eq!(call(who, 1, right(), 2).unwrap().pays_fee, Pays::Yes);
		assert_eq!(
			events(),
			[Event::InvalidRepair { deal: 0, slot: 0, candidate: who, generation: 1 }]
		);
		assert_eq!(repair(0), before);
		assert_ok!(call(who, 1, right(), 1));
	});
}

#[test]
fn a_stream_of_commits_keeps_nobody_out() {
	run(|| {
		stored();
		let old = holders(0)[3];
		drain(old);
		idle();
		let new = candidate(0, 3);
		for _ in 0..3 {
			commit(0, 0..4);
		}
		// The first generation was current until just now. The others go back to who is to sign them.
		assert_ok!(complete(new, 0, 3, 1));
		let signed = |generation| Committed::get(0, generation).unwrap().signed;
		assert_eq!((1..=4).map(signed).collect::<Vec<_>>(), [15, 7, 7, 7]);
		let terms = CommitTerms { first_mdu: 1, ..terms(0, 2) };
		assert_ok!(Mode2::accept_late(&terms, &sign(&terms, 3, Now::get(), new)));
	});
}

#[test]
fn what_was_followed_for_too_long_cannot_be_proved() {
	run(|| {
		stored();
		drain(holders(0)[3]);
		idle();
		let new = candidate(0, 3);
		commit(0, 0..4);
		advance(GRACE + 1);
		assert_noop!(complete(new, 0, 3, 1), Error::<Test>::WrongGeneration);
		assert_ok!(complete(new, 0, 3, 2));
	});
}

#[test]
fn a_candidate_signs_while_nobody_is_responsible() {
	run(|| {
		stored();
		evict(0);
		evict(1);
		let new = candidate(0, 0);
		// Three of four must sign, and the old providers of two slots are gone.
		commit(0, [0, 2, 3]);
		assert!(
			Heard::get().iter().any(|told| matches!(told, Told::Signed(who, _) if *who == new))
		);
		assert_ok!(complete(new, 0, 0, 2));
		let slot = &Stripes::<Test>::get(0).unwrap().slots[0];
		assert_eq!((slot.signed, slot.bytes), (2, 2 * 131_072));
		// Each commit was told once.
		let told = Heard::get();
		let of = |generation| {
			told.iter()
				.filter(|told| {
					matches!(told, Told::Signed(who, allocation)
						if *who == new && allocation.generation == generation)
				})
				.count()
		};
		assert_eq!((of(1), of(2)), (1, 1));
	});
}

#[test]
fn what_a_candidate_signed_ends_with_its_candidacy() {
	run(|| {
		stored();
		evict(0);
		let new = candidate(0, 0);
		commit(0, 0..4);
		Heard::kill();
		assert_ok!(Mode2::decline(RuntimeOrigin::signed(new), 0, 0));
		assert_eq!(Heard::get(), [Told::Released(new, 0, 0)]);
		assert_eq!(Committed::get(0, 2).unwrap().signed, 14);
		assert_eq!(Registry::get(new).unwrap().used, 0);
	});
}

#[test]
fn many_commits_are_given_in_steps() {
	run(|| {
		place(0, small());
		for _ in 0..3 * ADOPT_STEPS {
			commit(0, 0..4);
		}
		let old = evict(2);
		let new = candidate(0, 2);
		Heard::kill();
		assert_ok!(complete(new, 0, 2, 3 * ADOPT_STEPS));
		assert_eq!(Heard::get().len(), ADOPT_STEPS as usize);
		assert_eq!(Mode2::repairs(0)[0].adopting, Some(2 * ADOPT_STEPS));
		// What it is still to be given it does not sign.
		let terms = terms(0, 1);
		assert_eq!(
			Mode2::accept_late(&terms, &sign(&terms, 2, Now::get(), new)),
			Err(SlotError::Duplicate)
		);
		assert_ok!(Mode2::repair(RuntimeOrigin::signed(1), 0, 2));
		serve_all();
		assert_eq!(Heard::get().len(), 3 * ADOPT_STEPS as usize);
		assert!(Repairs::<Test>::get(0, 2).is_none());
		assert_eq!(Registry::get(new).unwrap().used, 3 * u64::from(ADOPT_STEPS) * 131_072);
		assert_ne!(old, new);
	});
}

#[test]
fn an_adoption_ends_with_the_eviction_of_who_adopts() {
	run(|| {
		place(0, small());
		for _ in 0..2 * ADOPT_STEPS {
			commit(0, 0..4);
		}
		evict(2);
		let new = candidate(0, 2);
		assert_ok!(complete(new, 0, 2, 2 * ADOPT_STEPS));
		assert_eq!(evict(2), new);
		assert_eq!(Registry::get(new).unwrap().used, 0);
		assert_eq!(state(0, 2), SlotState::Vacant);
	});
}

#[test]
fn missing_receipts_replace_a_slot_once_in_a_while() {
	run(|| {
		stored();
		assert_ok!(Mode2::replace(0, 1));
		assert_eq!(Mode2::replace(0, 1), Err(SlotError::NotReplaceable));
		let new = candidate(0, 1);
		assert_ok!(complete(new, 0, 1, 1));
		assert_eq!(Mode2::replace(0, 1), Err(SlotError::NotReplaceable));
		advance(COOLDOWN);
		assert_ok!(Mode2::replace(0, 1));
		assert_ok!(Mode2::replace(0, 2));
		// Two slots of four at once.
		assert_eq!(Mode2::replace(0, 3), Err(SlotError::NotReplaceable));
		assert_eq!(Mode2::replace(0, 4), Err(SlotError::NotReplaceable));
	});
}

#[test]
fn a_lost_deal_says_so_and_recovers() {
	run(|| {
		stored();
		let old: Vec<_> = (0..3).map(evict).collect();
		assert!(events().contains(&Event::DealLost { deal: 0, missing: 3 }));
		assert!(Mode2::lost_since(0).is_some());
		let set_jailed = |who: AccountId, jailed| {
			Registry::mutate(who, |entry| entry.as_mut().unwrap().jailed = jailed);
		};
		for who in &old {
			set_jailed(*who, true);
		}
		let come_back = |who, slot| Mode2::come_back(RuntimeOrigin::signed(who), 0, slot);
		assert_noop!(come_back(old[0], 1), Error::<Test>::NotFormer);
		// It takes the place of the candidate that was drawn.
		let drawn = candidate(0, 0);
		assert_noop!(come_back(old[0], 0), Error::<Test>::NoRoom);
		set_jailed(old[0], false);
		assert_ok!(come_back(old[0], 0));
		assert_eq!(Registry::get(drawn).unwrap().slots, 0);
		advance(DRAW_DELAY);
		record(3);
		serve_all();
		assert_ok!(complete(old[0], 0, 0, 1));
		assert!(events().contains(&Event::DealRecovered { deal: 0 }));
		assert_noop!(come_back(old[1], 1), Error::<Test>::NotLost);
	});
}

#[test]
fn repairs_end_with_their_deal() {
	run(|| {
		stored();
		let old = evict(0);
		evict(1);
		let new = candidate(0, 0);
		commit(0, [0, 2, 3]);
		drain(holders(0)[0]);
		idle();
		Heard::kill();
		Mode2::close(0);
		assert!(Heard::get().contains(&Told::Ended(new, 0, 0)));
		assert!(Heard::get().contains(&Told::EndedAfterRelease(old, 0, 0)));
		assert_eq!(Repairs::<Test>::iter().count(), 0);
		assert_eq!(SlotsOf::<Test>::iter().count(), 0);
		assert!(Registry::iter().all(|(_, entry)| (entry.slots, entry.used) == (0, 0)));
	});
}

#[test]
fn what_was_lost_is_told_before_what_its_loser_signed_again_ends() {
	run(|| {
		stored();
		let old = evict(0);
		// Nobody else is left, so that the second draw finds it again.
		let free = |id: &AccountId| *id != old && !holders(0).contains(id);
		for id in Registry::iter_keys().filter(free).collect::<Vec<_>>() {
			Registry::mutate(id, |entry| entry.as_mut().unwrap().draining = true);
		}
		advance(DRAW_DELAY);
		record(1);
		serve_all();
		assert_eq!(repair(0).place.0, Lane::RepairRetry);
		advance(RETRY_DELAY);
		record(2);
		serve_all();
		assert_eq!(signers(0)[0], old);
		commit(0, [0, 2, 3]);
		Heard::kill();
		Mode2::close(0);
		let heard = Heard::get();
		let at = |told: Told| heard.iter().position(|other| *other == told).expect("it was told");
		assert!(at(Told::EndedAfterRelease(old, 0, 0)) < at(Told::Ended(old, 0, 0)));
	});
}

#[test]
fn without_candidates_a_repair_waits() {
	run(|| {
		stored();
		evict(0);
		let free: Vec<_> = Registry::iter_keys().filter(|id| !holders(0).contains(id)).collect();
		for id in &free {
			Registry::mutate(id, |entry| entry.as_mut().unwrap().draining = true);
		}
		advance(DRAW_DELAY);
		record(1);
		serve_all();
		assert_eq!(repair(0).place.0, Lane::RepairRetry);
		Registry::mutate(free[0], |entry| entry.as_mut().unwrap().draining = false);
		advance(RETRY_DELAY);
		record(2);
		serve_all();
		assert!(matches!(repair(0).stage, Stage::Rebuilding(_)));
	});
}

#[test]
fn lost_records_are_replaced_by_later_ones() {
	run(|| {
		stored();
		evict(0);
		advance(DRAW_DELAY);
		Oldest::set(Now::get() + 1);
		serve_all();
		assert!(matches!(repair(0).stage, Stage::Waiting));
		assert_eq!(repair(0).attempts, 0);
		advance(DRAW_DELAY);
		record(1);
		serve_all();
		Oldest::set(Now::get() + DRAW_DELAY + 1);
		advance(DRAW_DELAY);
		serve_all();
		let waiting = repair(0);
		assert!(matches!(waiting.stage, Stage::Rebuilding(Candidate { samples: None, .. })));
		assert_eq!(waiting.due, Now::get() + DRAW_DELAY);
	});
}
