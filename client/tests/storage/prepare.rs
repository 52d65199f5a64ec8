//! What is made offline is what a put makes.

use crate::{World, chain::DEAL, noise};
use nil_client::{
	chain::DealChain,
	crypt::{Identities, Sealing},
	prepare::{IndexedAt, Parent, PrepareOptions, Prepared, prepare},
	put::PutError,
};
use nil_slab::{Index, IndexFile, index::IndexError};
use nil_types::{CodeKind, Profile, deal::SerdeBytes};
use std::{fs, path::Path};

/// A world with one plain file in its deal.
async fn world() -> World {
	let world = World::new(Profile::new(2, 1, CodeKind::Fr).unwrap()).await;
	fs::write(world.path("one"), noise(700_000, 1)).unwrap();
	fs::write(world.path("two"), noise(300_000, 2)).unwrap();
	put_plain(&world, "one", "dir/one").await;
	world
}

async fn put_plain(world: &World, name: &str, target: &str) {
	let mut options = world.put_options();
	options.sealing = Sealing::Plain;
	world.put_with(&world.path(name), target, options).await.unwrap();
}

fn options(world: &World) -> PrepareOptions {
	PrepareOptions { deal: DEAL, ..PrepareOptions::new(world.chain.profile(), Sealing::Plain) }
}

async fn present_index(world: &World) -> Index {
	world.reader().await.fs().index().clone()
}

/// The present index as `nil ls --save-index` writes it, read again.
async fn saved(world: &World) -> Parent {
	let saved = Parent::of(DEAL, world.reader().await.fs());
	let read = Parent::read(&saved.save(), &Identities::none()).unwrap();
	assert_eq!(read, saved);
	read
}

/// The present index as it is stored, without a word about when that was.
async fn unsaid(world: &World) -> Option<Parent> {
	Some(Parent { index: present_index(world).await, at: None })
}

async fn reason_of(source: &Path, output: &Path, options: PrepareOptions) -> String {
	let error = prepare(source, output, options).await.unwrap_err();
	assert!(!output.exists(), "nothing is written");
	match error {
		PutError::Base { reason } => reason,
		other => panic!("{other}"),
	}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_commit_is_the_one_that_a_put_makes() {
	let world = world().await;
	let (base_gen, first_mdu) = (world.chain.generation(), world.chain.total_mdus());
	assert_eq!((base_gen, first_mdu), (1, 1));
	let parent = Some(saved(&world).await);
	let options =
		PrepareOptions { target: "two".into(), base_gen, first_mdu, parent, ..options(&world) };
	let output = world.path("prepared");
	let prepared = prepare(&world.path("two"), &output, options).await.unwrap();
	put_plain(&world, "two", "two").await;

	let (generation, commit) = world.chain.commits(DEAL, 2).await.unwrap().remove(0);
	assert_eq!((generation, commit.first_mdu), (base_gen + 1, prepared.first_mdu));
	assert_eq!(SerdeBytes(commit.index_root), prepared.index_root);
	assert_eq!(SerdeBytes(commit.roots_hash), prepared.roots_hash);
	assert_eq!((commit.size_bytes, commit.index_len), (prepared.size_bytes, prepared.index_len));
	assert_eq!(prepared.manifests, [], "they follow from all roots of the deal");
	assert!(output.join("witnesses/1.scale").is_file() && output.join("slots/2/1.blobs").is_file());
	let written: serde_json::Value =
		serde_json::from_slice(&fs::read(output.join("prepared.json")).unwrap()).unwrap();
	assert_eq!((&written["deal"], &written["base_gen"]), (&DEAL.into(), &1.into()));
	assert_eq!(written["first_mdu"], 1);
	// Both files, as one full index.
	let stored = fs::read(output.join("index")).unwrap();
	let index = Parent::read(&stored, &Identities::none()).unwrap();
	assert_eq!(Some(&index), unsaid(&world).await.as_ref());
	assert_eq!(index.index.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_commit_is_the_one_that_a_put_makes() {
	let world = world().await;
	let output = world.path("prepared");
	let options = PrepareOptions { target: "dir/one".into(), ..options(&world) };
	let prepared: Prepared = prepare(&world.path("one"), &output, options).await.unwrap();
	let (_, commit) = world.chain.commits(DEAL, 1).await.unwrap().remove(0);
	assert_eq!(SerdeBytes(commit.index_root), prepared.index_root);
	assert_eq!(prepared.manifests, world.chain.deal(DEAL).await.unwrap().manifests);
}

#[tokio::test(flavor = "multi_thread")]
async fn deals_that_cannot_be_are_refused_before_anything_is_written() {
	let world = world().await;
	let (source, output) = (world.path("two"), world.path("prepared"));
	let parent = unsaid(&world).await;
	let with = |base_gen, first_mdu, parent: &Option<Parent>| {
		let parent = parent.clone();
		reason_of(
			&source,
			&output,
			PrepareOptions { base_gen, first_mdu, parent, ..options(&world) },
		)
	};
	for (base_gen, first_mdu, parent, expected) in [
		(0, 1, &None, "is empty"),
		(1, 0, &parent, "has 1 to 1024 MDUs"),
		(2, 1, &parent, "has 2 to 2048 MDUs"),
		(2, 2049, &parent, "has 2 to 2048 MDUs"),
		(1, 1, &None, "without the parent index"),
		(0, 0, &parent, "no index to build on"),
	] {
		let reason = with(base_gen, first_mdu, parent).await;
		assert!(reason.contains(expected), "{base_gen}, {first_mdu}: {reason}");
	}
	// An index of a later generation than is said.
	put_plain(&world, "two", "two").await;
	let later = unsaid(&world).await;
	let reason = with(1, 1, &later).await;
	assert!(reason.contains("later generation"), "{reason}");
	// A directory of the deal cannot become a file.
	let options = PrepareOptions {
		target: "dir".into(),
		base_gen: 2,
		first_mdu: 2,
		parent: later,
		..options(&world)
	};
	let error = prepare(&source, &output, options).await.unwrap_err();
	assert!(matches!(error, PutError::NewIndex(IndexError::FileAndDirectory(_))), "{error}");
	assert!(!output.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_index_must_be_of_the_deal_as_it_is_said_to_be() {
	let world = world().await;
	let old = saved(&world).await;
	put_plain(&world, "two", "two").await;
	let new = saved(&world).await;
	let at = |generation, total_mdus| Some(IndexedAt { deal: DEAL, generation, total_mdus });
	assert_eq!((old.at, new.at), (at(1, 1), at(2, 2)));

	let output = world.path("prepared");
	let upon = |deal, base_gen, first_mdu, parent: &Parent| PrepareOptions {
		deal,
		base_gen,
		first_mdu,
		target: "three".into(),
		parent: Some(parent.clone()),
		..options(&world)
	};
	let (of_deal, for_deal) = (format!("of deal {DEAL},"), format!("for deal {}", DEAL + 1));
	for (deal, base_gen, first_mdu, parent, both) in [
		// Built upon, it would take the file of generation 2 out of the deal.
		(DEAL, 2, 2, &old, ["generation 1 with 1 MDUs", "generation 2 with 2"]),
		(DEAL, 1, 1, &new, ["generation 2 with 2 MDUs", "generation 1 with 1"]),
		(DEAL, 2, 3, &new, ["generation 2 with 2 MDUs", "generation 2 with 3"]),
		(DEAL + 1, 2, 2, &new, [of_deal.as_str(), for_deal.as_str()]),
	] {
		let options = upon(deal, base_gen, first_mdu, parent);
		let reason = reason_of(&world.path("two"), &output, options).await;
		assert!(both.iter().all(|said| reason.contains(said)), "{reason}");
	}
	prepare(&world.path("two"), &output, upon(DEAL, 2, 2, &new)).await.unwrap();
	let cut = Parent::read(&new.save()[..30], &Identities::none());
	assert!(matches!(cut, Err(PutError::Base { .. })), "{cut:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_index_is_read_in_clear_and_sealed_but_not_as_a_delta() {
	let world = world().await;
	let index = present_index(&world).await;
	let plain = IndexFile::Full(index.clone()).encode();
	let unsaid = Parent { index: index.clone(), at: None };
	assert_eq!(Parent::read(&plain, &Identities::none()).unwrap(), unsaid);
	assert_eq!(unsaid.save(), plain);
	let sealing = Sealing::To(world.identities.recipients());
	let output = world.path("prepared");
	let sealed =
		PrepareOptions { deal: DEAL, ..PrepareOptions::new(world.chain.profile(), sealing) };
	prepare(&world.path("two"), &output, sealed).await.unwrap();
	let stored = fs::read(output.join("index")).unwrap();
	assert!(Parent::read(&stored, &world.identities).unwrap().index.get("two").is_some());
	assert!(matches!(Parent::read(&stored, &Identities::none()), Err(PutError::Crypt(_))));
	let delta = IndexFile::Delta(Index::new().delta_to(&index, [7; 32])).encode();
	assert!(matches!(Parent::read(&delta, &Identities::none()), Err(PutError::Base { .. })));
	assert!(matches!(Parent::read(b"nonsense", &Identities::none()), Err(PutError::NewIndex(_))));
}
