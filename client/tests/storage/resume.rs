//! Puts that are interrupted and run again.

use crate::{World, noise};
use nil_client::{
	progress::{Event, Progress},
	put::PutError,
};
use nil_types::{CodeKind, Profile, layout::MDU_PAYLOAD};
use std::{
	fs,
	path::PathBuf,
	sync::{
		Arc,
		atomic::{AtomicUsize, Ordering},
	},
	time::Duration,
};
use tokio::sync::Notify;

async fn world() -> (World, PathBuf) {
	let world = World::new(Profile::new(2, 1, CodeKind::Fr).unwrap()).await;
	let source = world.path("source");
	fs::create_dir(&source).unwrap();
	fs::write(source.join("a"), noise(MDU_PAYLOAD + 5, 1)).unwrap();
	fs::write(source.join("b"), noise(1000, 2)).unwrap();
	(world, source)
}

/// Runs a put and drops it when it reports for the `count`th time something that `at` likes.
async fn interrupted(
	world: &World,
	source: &std::path::Path,
	mdus_per_commit: u64,
	count: usize,
	at: fn(&Event) -> bool,
) {
	let reached = Arc::new(Notify::new());
	let seen = AtomicUsize::new(0);
	let mut options = world.put_options();
	options.mdus_in_flight = 1;
	options.mdus_per_commit = mdus_per_commit;
	let notify = reached.clone();
	options.progress = Progress::to(move |event: Event| {
		if at(&event) && seen.fetch_add(1, Ordering::SeqCst) + 1 == count {
			notify.notify_one();
		}
	});
	tokio::select! {
		biased;
		() = reached.notified() => {},
		report = world.put_with(source, "", options) => panic!("not interrupted: {report:?}"),
	}
}

/// Runs it again, as often as the killed one still holds its lock.
async fn again(
	world: &World,
	source: &std::path::Path,
	mdus_per_commit: u64,
) -> nil_client::put::PutReport {
	loop {
		let mut options = world.put_options();
		options.mdus_per_commit = mdus_per_commit;
		match world.put_with(source, "", options).await {
			Err(PutError::Busy { .. }) => tokio::time::sleep(Duration::from_millis(20)).await,
			report => return report.unwrap(),
		}
	}
}

fn uploads(world: &World) -> usize {
	world.providers.iter().map(|provider| provider.uploads.load(Ordering::SeqCst)).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_staged_is_not_sent_again() {
	let (world, source) = world().await;
	interrupted(&world, &source, 100, 1, |event| matches!(event, Event::Uploaded { .. })).await;
	assert_eq!(world.chain.generation(), 0);
	let report = again(&world, &source, 100).await;
	assert!(report.resumed);
	assert_eq!(report.commits.len(), 1);
	world.assert_same(&source, "").await;
	// One of two MDUs stood; the other one may have been sent to some slots before the end.
	assert!((3 * 2..3 * 3).contains(&uploads(&world)), "{}", uploads(&world));
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_between_receipts_and_commit() {
	let (world, source) = world().await;
	world.chain.hold.store(true, Ordering::SeqCst);
	interrupted(&world, &source, 100, 3, |event| matches!(event, Event::Receipt { .. })).await;
	world.chain.hold.store(false, Ordering::SeqCst);
	let before = uploads(&world);
	let report = again(&world, &source, 100).await;
	assert!(report.resumed);
	assert_eq!((report.commits.len(), world.chain.generation()), (1, 1));
	assert_eq!(uploads(&world), before, "everything was staged");
	world.assert_same(&source, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_after_a_commit_of_several() {
	let (world, source) = world().await;
	interrupted(&world, &source, 1, 1, |event| matches!(event, Event::Committed { .. })).await;
	let landed = world.chain.generation();
	assert_eq!(landed, 1);
	let report = again(&world, &source, 1).await;
	assert!(report.resumed);
	assert_eq!(report.commits[0].generation, landed + 1);
	assert_eq!(report.generation, 2);
	world.assert_same(&source, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_lost_after_the_commit_is_no_failure() {
	let (world, source) = world().await;
	world.chain.lose_answer.store(true, Ordering::SeqCst);
	let report = world.put(&source, "").await.unwrap();
	assert_eq!(report.generation, 1);
	world.assert_same(&source, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_files_begin_a_new_put() {
	let (world, source) = world().await;
	interrupted(&world, &source, 100, 1, |event| matches!(event, Event::Uploaded { .. })).await;
	fs::write(source.join("b"), noise(2000, 3)).unwrap();
	let report = again(&world, &source, 100).await;
	assert!(!report.resumed);
	world.assert_same(&source, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_commit_begins_a_new_put() {
	let (world, source) = world().await;
	interrupted(&world, &source, 100, 1, |event| matches!(event, Event::Uploaded { .. })).await;
	let other = world.path("other");
	fs::write(&other, b"other").unwrap();
	let mut options = world.put_options();
	options.state_dir = world.path("another machine");
	world.put_with(&other, "other", options).await.unwrap();
	let report = again(&world, &source, 100).await;
	assert_eq!((report.resumed, report.generation), (false, 2));
	let paths: Vec<_> = world.reader().await.fs().walk("").into_iter().map(|s| s.path).collect();
	assert_eq!(paths, ["a", "b", "other"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_put_leaves_no_keys_behind() {
	let (world, source) = world().await;
	world.put(&source, "").await.unwrap();
	let journal = fs::read_dir(world.path("state/puts")).unwrap().next().unwrap().unwrap().path();
	let left: Vec<_> = fs::read_dir(journal).unwrap().map(|e| e.unwrap().file_name()).collect();
	assert_eq!(left, ["lock"]);
}
