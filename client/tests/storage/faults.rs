//! Providers that are dead, late, or lie.

use crate::{
	World,
	chain::{DEAL, MIN_STAKE, Means},
	noise,
	provider::{LATE, Manner},
};
use nil_client::{
	get::GetError,
	put::PutError,
	verify::{Fault, verify},
};
use nil_types::{
	Profile,
	layout::{BLOB_BYTES, MDU_PAYLOAD},
};
use std::{fs, sync::atomic::Ordering, time::Instant};

/// A deal with one file of three rows, or of more than an MDU when `large`.
async fn stored(large: bool) -> (World, std::path::PathBuf) {
	let world = World::new(Profile::DEFAULT).await;
	let source = world.path("source");
	fs::create_dir(&source).unwrap();
	let len = if large { MDU_PAYLOAD + 100_000 } else { 2_100_000 };
	fs::write(source.join("file"), noise(len, 1)).unwrap();
	world.put(&source, "").await.unwrap();
	(world, source)
}

#[tokio::test(flavor = "multi_thread")]
async fn any_four_of_twelve_may_be_dead() {
	let (world, source) = stored(false).await;
	for dead in [[0, 1, 2, 3], [8, 9, 10, 11], [0, 5, 9, 11]] {
		for slot in dead {
			world.providers[slot].kill().await;
		}
		world.assert_same(&source, "").await;
		for slot in dead {
			world.providers[slot].clone().listen().await;
		}
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn five_dead_are_too_many_and_the_error_says_so() {
	let (world, _) = stored(false).await;
	let reader = world.reader().await;
	for provider in &world.providers[..5] {
		provider.behave(Manner::Lost);
	}
	match reader.get("", &world.path("out"), false).await {
		Err(GetError::TooFewSlots { have: 7, need: 8, failures, .. }) => {
			for slot in 0..5 {
				assert!(failures.contains(&format!("slot {slot}: ")), "{failures}");
			}
		},
		other => panic!("{other:?}"),
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn liars_are_named_and_routed_around() {
	for manner in [Manner::Flip, Manner::Swap, Manner::Truncate, Manner::Alias] {
		let (world, source) = stored(false).await;
		for slot in [1, 6] {
			world.providers[slot].behave(manner);
		}
		let reader = world.reader().await;
		let out = world.path("out");
		let report = reader.get("", &out, false).await.unwrap();
		assert_eq!(crate::tree(&source), crate::tree(&out));
		let mut blamed: Vec<_> = report.blamed.iter().map(|blame| blame.slot).collect();
		blamed.sort_unstable();
		blamed.dedup();
		assert_eq!(blamed, [1, 6], "{manner:?}");
		for blame in &report.blamed {
			let operator = world.providers[usize::from(blame.slot)].operator.account_id();
			assert_eq!(blame.provider, operator);
			match manner {
				Manner::Alias => assert_eq!(blame.rows[0], 0),
				_ => assert!(!blame.rows.is_empty()),
			}
		}
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_slots_are_hedged() {
	let (world, source) = stored(false).await;
	for slot in [0, 3] {
		world.providers[slot].behave(Manner::Slow);
	}
	let started = Instant::now();
	world.assert_same(&source, "").await;
	assert!(started.elapsed() < LATE, "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn lies_about_roots_witnesses_and_index_do_no_harm() {
	let (world, source) = stored(false).await;
	for provider in &world.providers[..11] {
		provider.behave(Manner::LyingObjects);
	}
	world.assert_same(&source, "").await;
	world.providers[11].behave(Manner::LyingObjects);
	world.assert_same(&source, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roots_witnesses_and_index_follow_from_the_blobs_of_any_eight() {
	let (world, source) = stored(true).await;
	for provider in &world.providers {
		provider.forget_objects();
	}
	for slot in [0, 1, 9, 10] {
		world.providers[slot].kill().await;
	}
	world.assert_same(&source, "").await;
	let report = verify(world.chain.clone(), DEAL, world.read_options()).await.unwrap();
	assert_eq!((report.manifest, report.sound_slots()), (true, 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_roots_and_witnesses_the_code_tells_who_lies() {
	let (world, source) = stored(false).await;
	for provider in &world.providers {
		provider.forget_objects();
	}
	for (slot, manner) in [(1, Manner::Flip), (6, Manner::Swap), (7, Manner::Alias)] {
		world.providers[slot].behave(manner);
	}
	let reader = world.reader().await;
	let out = world.path("out");
	let report = reader.get("", &out, false).await.unwrap();
	assert_eq!(crate::tree(&source), crate::tree(&out));
	let blamed: Vec<_> = report.blamed.iter().map(|blame| blame.slot).collect();
	assert!(!blamed.is_empty() && blamed.iter().all(|slot| [1, 6, 7].contains(slot)), "{blamed:?}");

	// One more makes four: eight are right, and nobody is left to confirm it.
	world.providers[11].behave(Manner::Flip);
	let opened = nil_client::get::Reader::open(world.chain.clone(), DEAL, world.read_options());
	assert!(matches!(opened.await, Err(GetError::Missing { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn verification_names_who_signed_for_what_it_does_not_hold() {
	let (world, _) = stored(true).await;
	world.providers[2].behave(Manner::Lost);
	world.providers[7].behave(Manner::Flip);
	world.providers[10].kill().await;
	let report = verify(world.chain.clone(), DEAL, world.read_options()).await.unwrap();
	assert!(report.manifest && !report.is_sound());
	let unsound: Vec<_> =
		report.slots.iter().filter(|slot| !slot.is_sound()).map(|slot| slot.slot).collect();
	assert_eq!(unsound, [2, 7, 10]);
	assert!(matches!(
		report.slots[2].faults[..],
		[Fault::Missing { mdu: 0, .. }, Fault::Missing { mdu: 1, .. }]
	));
	assert_eq!(report.slots[7].faults[0], Fault::Wrong { mdu: 0, rows: (0..8).collect() });
	assert!(matches!(report.slots[10].faults[..], [Fault::Unreachable { .. }]));
	assert_eq!((report.slots[2].good, report.slots[7].good), (0, 0));
	assert_eq!(report.slots[0].good, report.slots[0].owed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_stands_on_nine_of_twelve_and_not_on_eight() {
	let world = World::new(Profile::DEFAULT).await;
	let source = world.path("source");
	fs::create_dir(&source).unwrap();
	fs::write(source.join("file"), noise(100_000, 1)).unwrap();
	for slot in [0, 4] {
		world.providers[slot].kill().await;
	}
	// This one fails in the middle.
	world.providers[9].upload_limit.store(0, Ordering::SeqCst);
	let report = world.put(&source, "").await.unwrap();
	assert_eq!(report.commits[0].silent, [0, 4, 9]);
	world.assert_same(&source, "").await;
	let verified = verify(world.chain.clone(), DEAL, world.read_options()).await.unwrap();
	assert_eq!(verified.slots[9].unsigned, [1]);
	assert_eq!(verified.slots[9].owed, 0);

	world.providers[1].kill().await;
	match world.put(&source, "again").await {
		Err(PutError::TooFewSlots { have: 8, need: 9, failures }) => {
			assert!(failures.contains("slot 9: "), "{failures}");
		},
		other => panic!("{other:?}"),
	}
	assert_eq!(world.chain.generation(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn signers_that_are_full_when_the_chain_counts_are_left_out() {
	let world = World::new(Profile::DEFAULT).await;
	let source = world.path("source");
	fs::create_dir(&source).unwrap();
	fs::write(source.join("file"), noise(100_000, 1)).unwrap();
	// A file and an index of one row: a blob at each slot. These signed, and then another deal took what was free.
	let blob = BLOB_BYTES as u64;
	let enough = u128::from(blob) + MIN_STAKE;
	let limit = |slot: usize, capacity: u64, stake: u128| {
		world.chain.limit(&world.providers[slot].operator, Means { capacity, stake });
	};
	limit(3, blob - 1, enough);
	limit(8, blob, enough - 1);
	limit(5, blob, enough);
	let report = world.put(&source, "").await.unwrap();
	assert_eq!(report.commits[0].silent, [3, 8]);
	assert_eq!(report.commits[0].signed, [0, 1, 2, 4, 5, 6, 7, 9, 10, 11]);
	world.assert_same(&source, "").await;
	let verified = verify(world.chain.clone(), DEAL, world.read_options()).await.unwrap();
	assert!(verified.is_sound());
	assert_eq!((&verified.slots[3].unsigned[..], verified.slots[3].owed), (&[1][..], 0));

	// Now 5 is full too, and one more makes 8 that are left: a commit needs 9.
	limit(6, 0, 0);
	match world.put(&source, "again").await {
		Err(PutError::TooFewSlots { have: 8, need: 9, failures }) => {
			for (slot, what) in [(3, "capacity"), (5, "capacity"), (6, "capacity"), (8, "stake")] {
				let said =
					failures.split("; ").find(|said| said.starts_with(&format!("slot {slot}: ")));
				assert!(said.is_some_and(|said| said.contains(what)), "{failures}");
			}
		},
		other => panic!("{other:?}"),
	}
	assert_eq!(world.chain.generation(), 1);
}
