//! What older runtimes left.

use crate::{
	migrations::{Cursor, V1ToV2, v1},
	mock::*,
	*,
};
use frame_support::{
	assert_ok,
	migrations::{SteppedMigration, SteppedMigrationError},
	traits::{GetStorageVersion, StorageVersion},
	weights::WeightMeter,
};
use nil_types::{layout::MDU_PAYLOAD, traits::ContentSource};

type W = <Test as Config>::WeightInfo;

/// Puts the state into the layout of version 1.
fn as_version_1() {
	for (deal, index, point) in ManifestPoints::<Test>::iter().collect::<Vec<_>>() {
		v1::ManifestPoints::<Test>::insert(deal, index, point.now);
	}
	for (ticket, remnant) in Remnants::<Test>::iter().collect::<Vec<_>>() {
		let Remnant { deal, commits, manifests, .. } = remnant;
		v1::Remnants::<Test>::insert(ticket, v1::Remnant { deal, commits, manifests });
	}
	StorageVersion::new(1).put::<DealsPallet>();
}

/// Migrates with room for `entries` entries per step. The steps that it took.
fn migrate(entries: u64) -> u32 {
	let mut cursor = None;
	for steps in 1..=V1ToV2::<Test>::max_steps().unwrap() {
		let limit = W::remove_remnant().saturating_mul(entries);
		let mut meter = WeightMeter::with_limit(limit);
		cursor = V1ToV2::<Test>::step(cursor, &mut meter).unwrap();
		assert!(meter.consumed().all_lte(limit));
		if cursor.is_none() {
			return steps;
		}
	}
	panic!("stands still at {cursor:?}");
}

#[test]
fn points_and_remnants_get_their_epochs() {
	// One entry per step, some, and all.
	for room in [1, 3, 1_000] {
		run(|| {
			let deals: Vec<_> =
				(0..5).map(|_| create_active(small(), 100, 10_000_000_000)).collect();
			for deal in &deals {
				assert_ok!(Commit::of(*deal, MDU_PAYLOAD as u64).dispatch());
			}
			for deal in &deals[3..] {
				assert_ok!(DealsPallet::cancel_deal(RuntimeOrigin::signed(OWNER), *deal));
			}
			let points: Vec<_> = deals.iter().map(|deal| point(*deal, 0)).collect();
			as_version_1();
			assert!(ManifestPoints::<Test>::iter_values().next().is_none(), "does not decode");

			let steps = migrate(room);
			// Five points, two remnants, and looking for more.
			assert_eq!(u64::from(steps), 8u64.div_ceil(room));
			assert_eq!(DealsPallet::on_chain_storage_version(), 2);
			let found: Vec<_> = deals.iter().map(|deal| DealsPallet::manifest(*deal, 0)).collect();
			assert_eq!(found, points);
			DealsPallet::do_try_state().unwrap();

			// Nothing is asked for of the deals that are gone.
			idle();
			assert_eq!(Remnants::<Test>::iter_keys().count(), 0);
			assert_eq!(ManifestPoints::<Test>::iter_keys().count(), 3);
			assert_ok!(Commit::of(deals[0], 1).dispatch());
		});
	}
}

#[test]
fn a_state_of_this_version_is_left_alone() {
	run(|| {
		let deal = create_active(small(), 100, 10_000_000_000);
		assert_ok!(Commit::of(deal, 1).dispatch());
		let before = ManifestPoints::<Test>::get(deal, 0);
		assert_eq!(migrate(1), 1);
		assert_eq!(ManifestPoints::<Test>::get(deal, 0), before);
		assert_eq!(DealsPallet::on_chain_storage_version(), 2);
	});
}

#[test]
fn a_step_without_room_says_what_it_needs() {
	run(|| {
		as_version_1();
		let required = W::remove_remnant();
		let mut meter = WeightMeter::with_limit(required.saturating_div(2));
		assert_eq!(
			V1ToV2::<Test>::step(Some(Cursor::Remnant(0)), &mut meter),
			Err(SteppedMigrationError::InsufficientWeight { required })
		);
		migrate(1);
	});
}
