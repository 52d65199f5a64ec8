//! What an epoch found stays readable to its end.

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok};
use nil_types::{DealId, layout::MDU_PAYLOAD, traits::ContentSource};

const MDU: u64 = MDU_PAYLOAD as u64;

fn active() -> DealId {
	create_active(small(), 100, 400_000_000_000)
}

fn cancel(deal: DealId) {
	assert_ok!(DealsPallet::cancel_deal(RuntimeOrigin::signed(OWNER), deal));
}

#[test]
fn a_manifest_is_read_as_the_epoch_found_it() {
	run(|| {
		let deal = active();
		assert_ok!(Commit::of(deal, MDU).dispatch());
		assert_ok!(Commit::of(deal, MDU).dispatch());
		// It is of this epoch, however often it is changed.
		assert_eq!(DealsPallet::manifest(deal, 0), None);

		next_epoch();
		let found = point(deal, 0);
		assert!(found.is_some());
		for _ in 0..2 {
			assert_ok!(Commit::of(deal, MDU).dispatch());
			assert_ne!(point(deal, 0), found);
			assert_eq!(DealsPallet::manifest(deal, 0), found);
		}

		// Epochs may pass without a change.
		let changed = point(deal, 0);
		for _ in 0..3 {
			next_epoch();
			assert_eq!(DealsPallet::manifest(deal, 0), changed);
		}
		assert_eq!(DealsPallet::manifest(deal, 1), None);
		assert_eq!(DealsPallet::manifest(deal + 1, 0), None);
	});
}

#[test]
fn each_point_has_its_own_past() {
	run(|| {
		let params = DealParams { storage_price: 1, ..PARAMS };
		assert_ok!(DealsPallet::set_params(RuntimeOrigin::root(), params));
		let deal = active();
		for _ in 0..4 {
			assert_ok!(Commit::of(deal, 1_023 * MDU).dispatch());
		}
		next_epoch();
		let first = point(deal, 0);
		// Fills the first point and begins the second one.
		assert_ok!(Commit::of(deal, 1_024 * MDU).dispatch());
		assert!(point(deal, 1).is_some());
		assert_eq!(DealsPallet::manifest(deal, 0), first);
		assert_eq!(DealsPallet::manifest(deal, 1), None);

		next_epoch();
		let both = [point(deal, 0), point(deal, 1)];
		assert_ok!(Commit::of(deal, MDU).dispatch());
		assert_eq!([0, 1].map(|index| DealsPallet::manifest(deal, index)), both);
		assert_eq!(point(deal, 0), both[0]);
		assert_ne!(point(deal, 1), both[1]);
	});
}

#[test]
fn what_a_deal_leaves_outlasts_the_epoch_in_which_it_ended() {
	run(|| {
		let upkeep = || DealsPallet::upkeep(RuntimeOrigin::signed(OTHER), 64);
		let (first, second) = (active(), active());
		for deal in [first, second] {
			assert_ok!(Commit::of(deal, MDU).dispatch());
		}
		next_epoch();
		let found = [first, second].map(|deal| DealsPallet::manifest(deal, 0));
		assert_ok!(Commit::of(first, MDU).dispatch());
		cancel(first);
		idle();
		assert_noop!(upkeep(), Error::<Test>::NothingToDo);
		assert_eq!([first, second].map(|deal| DealsPallet::manifest(deal, 0)), found);
		assert_eq!(Commits::<Test>::iter_key_prefix(first).count(), 2);

		next_epoch();
		cancel(second);
		// Two commits and a manifest point of the first, and nothing of the second.
		idle();
		assert_eq!(Commits::<Test>::iter_key_prefix(first).count(), 0);
		assert_eq!(DealsPallet::manifest(first, 0), None);
		assert_eq!(DealsPallet::manifest(second, 0), found[1]);
		assert_noop!(upkeep(), Error::<Test>::NothingToDo);

		next_epoch();
		assert_ok!(upkeep());
		assert_eq!(Remnants::<Test>::iter_keys().count(), 0);
		assert_eq!(ManifestPoints::<Test>::iter_keys().count(), 0);
	});
}

#[test]
fn what_a_deal_had_before_a_relay_block_is_told() {
	run(|| {
		let params = DealParams { storage_price: 1, ..PARAMS };
		assert_ok!(DealsPallet::set_params(RuntimeOrigin::root(), params));
		let deal = active();
		// Two in each relay block, but for the last.
		for index in 0..11u64 {
			assert_ok!(Commit::of(deal, (1 + index) * MDU).dispatch());
			if index % 2 == 1 {
				advance(1);
			}
		}
		advance(1);
		let end = Now::get();
		let check = || {
			for known in 1..=11 {
				for block in GENESIS_RELAY_BLOCK..=end {
					let commits = Commits::<Test>::iter_prefix(deal);
					let expected = commits
						.filter(|(generation, commit)| *generation <= known || commit.at < block)
						.map(|(_, commit)| commit.first_mdu + commit.size_bytes / MDU)
						.max();
					assert_eq!(DealsPallet::mdus_before(deal, known, block), expected);
				}
			}
			assert_eq!(DealsPallet::mdus_before(deal, 12, end), None);
		};
		check();
		assert_eq!(DealsPallet::mdus_before(deal, 1, end), Some(66));
		cancel(deal);
		check();
		assert_eq!(DealsPallet::mdus_before(deal + 1, 1, end), None);
	});
}
