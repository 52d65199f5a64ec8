//! What goes in comes out.

use crate::{
	World,
	chain::{DEAL, NOW},
	noise,
	provider::Manner,
	shapes,
};
use nil_client::{
	crypt::{Identities, Sealing},
	fs::Listed,
	get::{GetError, ReadOptions, Reader},
	keys::Signer,
	put::{self, PutError},
	verify::verify,
};
use nil_types::{
	CodeKind, ContentShape, DealStatus, Profile,
	layout::{BLOB_PAYLOAD, MDU_PAYLOAD},
};
use std::{fs, sync::atomic::Ordering, time::Duration};
use tokio::io::AsyncReadExt;

fn profile(k: u8, m: u8, code: CodeKind) -> Profile {
	Profile::new(k, m, code).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_of_many_shapes_comes_back_with_its_times() {
	let world = World::new(Profile::DEFAULT).await;
	let source = world.path("source");
	shapes(&source);
	let report = world.put(&source, "some/where").await.unwrap();
	assert_eq!((report.generation, report.files, report.skipped.len()), (1, 13, 1));
	assert_eq!(report.commits[0].signed, (0..12).collect::<Vec<_>>());
	let commit = &report.commits[0];
	assert_eq!(commit.mdus, ContentShape::new(commit.size_bytes).mdus());
	world.assert_same(&source, "some/where").await;
	world.assert_same(&source, "/some/where/".trim_start_matches('/')).await;
	let report = verify(world.chain.clone(), DEAL, world.read_options()).await.unwrap();
	assert!(report.is_sound(), "{report:?}");
	assert!(report.slots.iter().all(|slot| slot.owed > 0 && slot.good == slot.owed));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_profiles_and_codes() {
	for profile in [
		profile(1, 2, CodeKind::Fr),
		profile(2, 1, CodeKind::Fr),
		profile(4, 2, CodeKind::Gf16),
		profile(16, 4, CodeKind::Fr),
	] {
		let world = World::new(profile).await;
		let source = world.path("source");
		fs::create_dir(&source).unwrap();
		fs::write(source.join("x"), noise(700_000, 3)).unwrap();
		let mut options = world.put_options();
		options.sealing = Sealing::Plain;
		world.put_with(&source, "", options).await.unwrap();
		// All parity slots are needed once so many data slots are gone.
		for provider in world.providers.iter().take(profile.m.into()) {
			provider.kill().await;
		}
		world.assert_same(&source, "").await;
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn several_commits_and_files_across_their_borders() {
	let world = World::new(profile(2, 1, CodeKind::Fr)).await;
	let source = world.path("source");
	fs::create_dir(&source).unwrap();
	fs::write(source.join("a"), noise(MDU_PAYLOAD - 1000, 1)).unwrap();
	fs::write(source.join("b"), noise(MDU_PAYLOAD + 500, 2)).unwrap();
	fs::write(source.join("c"), b"").unwrap();
	fs::write(source.join("d"), noise(10, 4)).unwrap();
	let mut options = world.put_options();
	options.mdus_per_commit = 1;
	options.mdus_in_flight = 2;
	let report = world.put_with(&source, "", options).await.unwrap();
	assert_eq!(report.commits.len(), 3);
	assert_eq!(report.generation, 3);
	let b = world.reader().await.fs().stat("b").unwrap();
	assert_eq!(b.extents, 2, "parted by the indexes of the commits");
	world.assert_same(&source, "").await;
	assert!(world.gauge.most.load(Ordering::SeqCst) <= 2, "MDUs under way");
}

#[tokio::test(flavor = "multi_thread")]
async fn few_mdus_are_under_way_however_many_there_are() {
	let world = World::new(profile(8, 1, CodeKind::Fr)).await;
	let source = world.path("large");
	fs::write(&source, noise(3 * MDU_PAYLOAD, 9)).unwrap();
	let mut options = world.put_options();
	options.mdus_in_flight = 2;
	let report = world.put_with(&source, "large", options).await.unwrap();
	assert_eq!(report.commits[0].mdus, 4);
	let most = world.gauge.most.load(Ordering::SeqCst);
	assert!((1..=2).contains(&most), "{most}");
	let timings = report.timings;
	assert!(timings.commit > 0.0 && timings.code > 0.0 && timings.seal > 0.0, "{timings:?}");

	for provider in &world.providers {
		provider.behave(Manner::Leisurely);
	}
	let mut options = world.read_options();
	options.mdus_in_flight = 2;
	// A slot that is asked because another one is slow would still be answering when the next MDU is asked for.
	options.hedge_after = Duration::from_secs(600);
	let reader = Reader::open(world.chain.clone(), DEAL, options).await.unwrap();
	let back = world.path("back");
	reader.get("large", &back, false).await.unwrap();
	assert!(fs::read(&back).unwrap() == fs::read(&source).unwrap());
	let most = world.reading.most.load(Ordering::SeqCst);
	assert!((1..=2).contains(&most), "{most}");

	// Nor are others asked for while nobody takes what is there.
	world.reading.seen.lock().unwrap().clear();
	let (mut sink, mut other_end) = tokio::io::duplex(1);
	let first_byte = async {
		other_end.read_u8().await.unwrap();
		tokio::time::sleep(Duration::from_secs(1)).await;
	};
	tokio::select! {
		report = reader.cat("large", 0..3 * MDU_PAYLOAD as u64, &mut sink) => panic!("{report:?}"),
		() = first_byte => {},
	}
	let seen = world.reading.seen.lock().unwrap().clone();
	assert!((1..=2).contains(&seen.len()), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_equal_slices_and_fetch_little() {
	let world = World::new(Profile::DEFAULT).await;
	let content = noise(MDU_PAYLOAD + 5 * BLOB_PAYLOAD, 5);
	let source = world.path("file");
	fs::write(&source, &content).unwrap();
	let mut plain = world.put_options();
	plain.sealing = Sealing::Plain;
	world.put_with(&source, "plain", plain).await.unwrap();
	world.put(&source, "sealed").await.unwrap();
	let reader = world.reader().await;
	let len = content.len();
	for range in [
		0..0,
		0..1,
		65_535..65_537,
		BLOB_PAYLOAD - 1..BLOB_PAYLOAD + 1,
		MDU_PAYLOAD - 40_000..MDU_PAYLOAD + 40_000,
		len - 1..len,
		len..len,
		1_000_000..3_500_000,
	] {
		for path in ["plain", "sealed"] {
			let before: usize =
				world.providers.iter().map(|p| p.reads.load(Ordering::SeqCst)).sum();
			let mut out = Vec::new();
			let wanted = range.start as u64..range.end as u64;
			let report = reader.cat(path, wanted, &mut out).await.unwrap();
			assert!(out == content[range.clone()], "{path} {range:?}");
			assert_eq!(report.bytes, out.len() as u64);
			let reads: usize = world.providers.iter().map(|p| p.reads.load(Ordering::SeqCst)).sum();
			if out.len() == 1 && path == "plain" {
				assert_eq!(reads - before, 1, "one blob holds it");
			}
		}
	}
	let beyond = reader.cat("plain", 0..len as u64 + 1, &mut Vec::new()).await;
	assert!(matches!(beyond, Err(GetError::Range { .. })));
	assert!(matches!(
		reader.cat("none", 0..0, &mut Vec::new()).await,
		Err(GetError::NotFound { .. })
	));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_replaced_listed_and_removed() {
	let world = World::new(profile(2, 1, CodeKind::Fr)).await;
	let source = world.path("source");
	fs::create_dir_all(source.join("sub")).unwrap();
	fs::write(source.join("sub/one"), b"1").unwrap();
	fs::write(source.join("two"), b"22").unwrap();
	world.put(&source, "").await.unwrap();
	fs::write(source.join("two"), b"two again").unwrap();
	world.put(&source.join("two"), "").await.unwrap();
	world.assert_same(&source, "").await;

	let reader = world.reader().await;
	let names: Vec<_> = reader
		.fs()
		.list("")
		.unwrap()
		.into_iter()
		.map(|listed| match listed {
			Listed::Directory { name } => format!("{name}/"),
			Listed::File { name, stat } => format!("{name} {}", stat.size),
		})
		.collect();
	assert_eq!(names, ["sub/", "two 9"]);
	assert_eq!(reader.fs().list("nowhere"), None);

	let remove = |path: &str| {
		let paths = vec![path.to_owned()];
		let (chain, options) = (world.chain.clone(), world.put_options());
		let owner = world.owner.clone();
		async move { put::remove(chain, &owner, DEAL, &paths, options).await }
	};
	let report = remove("sub").await.unwrap();
	assert_eq!((report.files, report.generation, report.commits[0].mdus), (1, 3, 1));
	assert!(matches!(remove("sub").await, Err(PutError::NotFound { .. })));
	let left: Vec<_> = world.reader().await.fs().walk("").into_iter().map(|s| s.path).collect();
	assert_eq!(left, ["two"]);
	let conflict = world.put(&source.join("two"), "two/below").await;
	assert!(matches!(conflict, Err(PutError::NewIndex(_))), "{conflict:?}");
	assert_eq!(world.chain.generation(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lacks_the_identity_can_add_but_not_read() {
	let world = World::new(profile(2, 1, CodeKind::Fr)).await;
	let source = world.path("file");
	fs::write(&source, b"content").unwrap();
	world.put(&source, "first").await.unwrap();
	let mut blind = world.put_options();
	blind.identities = Identities::none();
	world.put_with(&source, "second", blind.clone()).await.unwrap();
	let paths: Vec<_> = world.reader().await.fs().walk("").into_iter().map(|s| s.path).collect();
	assert_eq!(paths, ["first", "second"]);
	assert_eq!(world.reader().await.fs().depth(), 2);
	let stranger = ReadOptions::new(Identities::generate());
	let refused = Reader::open(world.chain.clone(), DEAL, stranger).await;
	assert!(matches!(refused, Err(GetError::Crypt(_))), "{refused:?}");
	let removal = ["first".to_owned()];
	let removed = put::remove(world.chain.clone(), &world.owner, DEAL, &removal, blind).await;
	assert!(matches!(removed, Err(PutError::IndexSealed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_unplaced_deals_and_unknown_deals_are_refused() {
	let world = World::new(profile(2, 1, CodeKind::Fr)).await;
	let source = world.path("file");
	fs::write(&source, b"content").unwrap();
	let bob = Signer::from_uri("//Bob").unwrap();
	let by_bob = put::put(world.chain.clone(), &bob, DEAL, &source, "", world.put_options()).await;
	assert!(matches!(by_bob, Err(PutError::NotOwner { .. })));
	let nowhere =
		put::put(world.chain.clone(), &world.owner, 99, &source, "", world.put_options()).await;
	assert!(matches!(nowhere, Err(PutError::Chain(_))));
	world.chain.set_status(DealStatus::Placing);
	assert!(matches!(world.put(&source, "").await, Err(PutError::NotActive { .. })));
	assert_eq!(world.chain.generation(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uploader_puts_and_removes_within_its_budget_and_time() {
	let world = World::new(profile(2, 1, CodeKind::Fr)).await;
	let source = world.path("file");
	let size = 3 * BLOB_PAYLOAD;
	fs::write(&source, noise(size, 7)).unwrap();
	let bob = Signer::from_uri("//Bob").unwrap();
	let put = async || {
		let options = world.put_options();
		put::put(world.chain.clone(), &bob, DEAL, &source, "file", options).await
	};

	world.chain.authorise(bob.account_id(), 1 << 30, NOW - 1);
	let late = put().await.unwrap_err();
	assert!(matches!(late, PutError::UploaderExpired { until, now: NOW, .. } if until == NOW - 1));

	// What the files alone need is told before anything is sent.
	world.chain.authorise(bob.account_id(), size as u64, NOW);
	let needed = match put().await.unwrap_err() {
		PutError::BudgetExceeded { deal: DEAL, needed, left } => {
			assert!(needed > size as u64 && left == size as u64);
			needed
		},
		other => panic!("{other:?}"),
	};
	// That is without the index, whose length is known when it is made.
	world.chain.authorise(bob.account_id(), needed, NOW);
	let index = put().await.unwrap_err();
	assert!(
		matches!(index, PutError::BudgetExceeded { needed: more, left, .. } if more > left && left == needed),
		"{index:?}"
	);
	assert_eq!(world.chain.generation(), 0);

	world.chain.authorise(bob.account_id(), 1 << 20, NOW);
	let report = put().await.unwrap();
	let spent = report.commits[0].size_bytes;
	assert_eq!(world.chain.budget(), Some((1 << 20) - spent));
	let options = world.put_options();
	let removed =
		put::remove(world.chain.clone(), &bob, DEAL, &["file".to_owned()], options).await.unwrap();
	assert_eq!((removed.files, removed.generation), (1, 2));
	let index = removed.commits[0].size_bytes;
	assert_eq!(world.chain.budget(), Some((1 << 20) - spent - index));
	// The owner's puts are the owner's business.
	world.put(&source, "file").await.unwrap();
	assert_eq!(world.chain.budget(), Some((1 << 20) - spent - index));
}

#[tokio::test(flavor = "multi_thread")]
async fn outputs_are_whole_or_absent_and_not_replaced_unasked() {
	let world = World::new(profile(2, 1, CodeKind::Fr)).await;
	let source = world.path("file");
	fs::write(&source, noise(200_000, 1)).unwrap();
	world.put(&source, "file").await.unwrap();
	let reader = world.reader().await;
	let output = world.path("out");
	fs::write(&output, b"mine").unwrap();
	assert!(matches!(reader.get("file", &output, false).await, Err(GetError::Exists { .. })));
	assert_eq!(fs::read(&output).unwrap(), b"mine");
	reader.get("file", &output, true).await.unwrap();
	assert_eq!(fs::read(&output).unwrap(), fs::read(&source).unwrap());
	for provider in &world.providers {
		provider.behave(crate::provider::Manner::Lost);
	}
	let fresh = world.path("dir/fresh");
	assert!(matches!(
		world.reader().await.get("file", &fresh, false).await,
		Err(GetError::TooFewSlots { .. })
	));
	assert_eq!(fs::read_dir(fresh.parent().unwrap()).unwrap().count(), 0, "no half file");
}
