//! Kills between any two steps.

use super::*;
use std::sync::{Arc, Mutex};

/// What had been acknowledged when a copy of the store was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Done {
	Nothing,
	Staged,
	Verified,
	Promised,
	Committed,
	Replaced,
	Dropped,
}

fn copy(from: &Path, to: &Path) {
	fs::create_dir_all(to).unwrap();
	for entry in fs::read_dir(from).unwrap() {
		let path = entry.unwrap().path();
		let target = to.join(path.file_name().unwrap());
		if path.is_dir() {
			copy(&path, &target);
		} else {
			fs::copy(&path, &target).unwrap();
		}
	}
}

/// A copy of the folder between two steps is what a process killed there leaves behind. Each copy must open, hold all that
/// was acknowledged, serve nothing that was not promised, and have no file too many.
#[test]
fn a_kill_between_any_two_steps_loses_nothing_and_leaves_nothing() {
	let dir = tempfile::tempdir().unwrap();
	let copies = tempfile::tempdir().unwrap();
	let (mut store, _) = open(dir.path());
	let done = Arc::new(Mutex::new(Done::Nothing));
	let taken = Arc::new(Mutex::new(Vec::new()));
	{
		let (source, target) = (dir.path().to_owned(), copies.path().to_owned());
		let (done, taken) = (done.clone(), taken.clone());
		store.observe_steps(move |step| {
			let mut taken = taken.lock().unwrap();
			let path = target.join(taken.len().to_string());
			copy(&source, &path);
			taken.push((path, step, *done.lock().unwrap()));
		});
	}
	let reach = |state| *done.lock().unwrap() = state;
	let file = stage(&store, 0).unverified.unwrap();
	reach(Done::Staged);
	store.verified(&[(staged_key(0), file)]).unwrap();
	reach(Done::Verified);
	let promised = promise(&store, &[0], 50, 10).unwrap();
	reach(Done::Promised);
	store.committed(&KEY, &promised, 20).unwrap();
	reach(Done::Committed);
	let next = StagedKey { holding: HoldingKey { generation: 2, ..KEY }, mdu: 1 };
	stage_as(&store, next, b"first attempt");
	let staged = stage_as(&store, next, &bytes(1));
	reach(Done::Replaced);
	store.drop_holding(&KEY, &Holding { committed: Some(20), ..promised }).unwrap();
	store.unstage(&next, &staged).unwrap();
	reach(Done::Dropped);
	assert_eq!(files(dir.path()).len(), 0);
	drop(store);

	let taken = std::mem::take(&mut *taken.lock().unwrap());
	let steps: std::collections::HashSet<_> = taken.iter().map(|(_, step, _)| *step).collect();
	assert_eq!(steps.len(), 7, "every kind of step was reached: {steps:?}");
	for (path, step, done) in taken {
		let place = format!("killed at {step:?} after {done:?}");
		let (store, recovery) = Store::open(&path).unwrap();
		assert_eq!(recovery.damaged, [], "{place}");
		assert_eq!(recovery.lost_uploads, [], "{place}");
		assert_eq!(fs::read_dir(path.join("tmp")).unwrap().count(), 0, "{place}");
		let served = read_shard(&store, 0);
		let held = store.holding(&KEY).unwrap();
		match done {
			Done::Nothing => assert_eq!(served, None, "{place}"),
			Done::Staged => {
				assert_eq!(store.staged_of(&KEY).unwrap().len(), 1, "{place}");
				assert_eq!(served, None, "{place}");
			},
			Done::Verified => {
				let staged = store.staged(&staged_key(0)).unwrap();
				let verified = staged.is_some_and(|row| row.unverified.is_none());
				assert!(verified || served == Some(bytes(0)), "{place}");
			},
			Done::Promised => assert_eq!(served, Some(bytes(0)), "{place}"),
			Done::Committed => {
				assert_eq!(served, Some(bytes(0)), "{place}");
				assert_eq!(held.unwrap().committed, Some(20), "{place}");
			},
			Done::Replaced | Done::Dropped => {
				assert!(served.is_none_or(|shard| shard == bytes(0)), "{place}");
			},
		}
		// What the index names is on disk whole, and nothing else is on disk.
		let usage = store.usage().unwrap();
		let unchecked: u64 = store
			.staged_of_deal(KEY.deal)
			.unwrap()
			.iter()
			.filter(|(_, r)| r.unverified.is_some())
			.count() as u64;
		assert_eq!(files(&path).len() as u64, usage.files.count + unchecked, "{place}");
		assert_eq!(usage, counted(&store), "{place}");
		drop(store);
		let (_, again) = Store::open(&path).unwrap();
		assert_eq!(again.orphans, 0, "{place}");
	}
}
