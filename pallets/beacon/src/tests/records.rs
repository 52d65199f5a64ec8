//! Which records are made, and which is found.

use crate::{Event, LastDropped, Pallet, Records, Ring, mock::*};
use frame_support::traits::{GetStorageVersion, Hooks};
use nil_types::traits::{BeaconPruned, RelayBeacon};

const ONE: Option<[u8; 32]> = Some([1; 32]);
const TWO: Option<[u8; 32]> = Some([2; 32]);

fn first(at: u32) -> Result<Option<u32>, BeaconPruned> {
	Beacon::first_at_or_after(at).map(|found| found.map(|record| record.relay_block))
}

#[test]
fn a_record_is_both_halves_in_order() {
	new_test_ext().execute_with(|| {
		Beacon::note(10, ONE, TWO);
		let (at, randomness) =
			<Pallet<Test> as RelayBeacon>::first_at_or_after(10).expect("kept").expect("made");
		assert_eq!(at, 10);
		assert_eq!(randomness[..32], [1; 32]);
		assert_eq!(randomness[32..], [2; 32]);
		System::assert_last_event(Event::Recorded { relay_block: 10 }.into());
	});
}

#[test]
fn the_clock_moves_without_a_record() {
	new_test_ext().execute_with(|| {
		for (relay_block, one_epoch_ago, current) in
			[(10, None, TWO), (11, ONE, None), (12, None, None)]
		{
			Beacon::note(relay_block, one_epoch_ago, current);
			assert_eq!(Beacon::now(), relay_block);
			assert_eq!(first(0), Ok(None));
		}
		assert!(System::events().is_empty());
	});
}

#[test]
fn blocks_on_one_relay_parent_make_one_record_and_the_first_stands() {
	new_test_ext().execute_with(|| {
		Beacon::note(10, ONE, TWO);
		Beacon::note(10, TWO, ONE);
		assert_eq!(Ring::<Test>::get().len(), 1);
		assert_eq!(Beacon::first_at_or_after(10).unwrap().unwrap().randomness[0], 1);
	});
}

#[test]
fn records_are_counted_also_when_they_have_made_room() {
	new_test_ext().execute_with(|| {
		// Blocks that share a relay parent count once, and so does a gap.
		let mut count = 0;
		for relay_block in (10..100).step_by(3) {
			Beacon::note(relay_block, ONE, TWO);
			Beacon::note(relay_block, ONE, TWO);
			count += 1;
			assert_eq!(Beacon::recorded(), count);
		}
		assert!(LastDropped::<Test>::exists());
		// A relay block without randomness does not.
		Beacon::note(100, None, TWO);
		assert_eq!(Beacon::recorded(), count);
	});
}

#[test]
fn a_relay_parent_that_goes_back_changes_nothing() {
	new_test_ext().execute_with(|| {
		Beacon::note(10, ONE, TWO);
		Beacon::note(9, ONE, TWO);
		assert_eq!(Beacon::now(), 10);
		assert_eq!(Ring::<Test>::get().len(), 1);
	});
}

#[test]
fn the_first_record_at_or_after_is_found() {
	new_test_ext().execute_with(|| {
		assert_eq!(first(0), Ok(None));
		for relay_block in [10, 12, 13, 20] {
			Beacon::note(relay_block, ONE, TWO);
		}
		for (at, expected) in [
			(0, Some(10)),
			(10, Some(10)),
			(11, Some(12)),
			(12, Some(12)),
			(13, Some(13)),
			(14, Some(20)),
			(20, Some(20)),
			(21, None),
			(u32::MAX, None),
		] {
			assert_eq!(first(at), Ok(expected), "at {at}");
		}
	});
}

#[test]
fn a_question_about_dropped_records_is_refused_and_never_answered_later() {
	new_test_ext().execute_with(|| {
		// Records at 10, 20, .. 100: the ring of eight drops 10 and 20.
		for relay_block in (10..=100).step_by(10) {
			Beacon::note(relay_block, ONE, TWO);
		}
		assert_eq!(LastDropped::<Test>::get(), Some(20));
		assert_eq!(Records::<Test>::iter_keys().count(), CAPACITY as usize);
		for at in [0, 10, 11, 20] {
			assert_eq!(first(at), Err(BeaconPruned), "at {at}");
		}
		// Nothing dropped is at or after 21, so these answers are exact.
		for at in [21, 30] {
			assert_eq!(first(at), Ok(Some(30)), "at {at}");
		}
	});
}

#[test]
fn a_ring_that_is_too_long_shrinks_by_one_per_record() {
	new_test_ext().execute_with(|| {
		// As after an upgrade that lowered the capacity by three.
		let mut bounds = Ring::<Test>::get();
		for relay_block in 1..=u32::from(CAPACITY as u8) + 3 {
			let randomness = [7; 64];
			Records::<Test>::insert(bounds.next, crate::Record { relay_block, randomness });
			bounds.next += 1;
		}
		Ring::<Test>::put(bounds);
		for (note, expected) in [(100, CAPACITY + 2), (101, CAPACITY + 1), (102, CAPACITY)] {
			Beacon::note(note, ONE, TWO);
			assert_eq!(Ring::<Test>::get().len(), u64::from(expected));
			Beacon::do_try_state().unwrap();
		}
	});
}

#[test]
fn the_largest_relay_block_is_recorded() {
	new_test_ext().execute_with(|| {
		Beacon::note(u32::MAX, ONE, TWO);
		assert_eq!(first(u32::MAX), Ok(Some(u32::MAX)));
		Beacon::do_try_state().unwrap();
	});
}

#[test]
fn constants_fit_together_and_the_storage_version_is_pinned() {
	new_test_ext().execute_with(|| {
		<Beacon as Hooks<u64>>::integrity_test();
		assert_eq!(Beacon::in_code_storage_version(), 1);
		assert_eq!(Beacon::on_chain_storage_version(), 1);
	});
}
