//! What a new disk lacks of commits.

use super::{
	late::{LARGE, SOON, away, serves},
	peers::Peers,
	proving::{NO_SCRUB, among, answers, draw, miss_another, sample},
	*,
};
use nil_provider::store::Kind;

/// A provider whose slot has signed [`LARGE`], and whose disk is empty.
async fn bereft(more: &str) -> (World, Arc<Peers>) {
	let settings = format!("{SOON}\nrepair.pause_secs = 1\nprover.scrub_rate = 0\n{more}");
	let (world, peers) = away(&LARGE, &settings).await;
	world.chain.finalised(|state| state.commits.get_mut(&1).unwrap().signed = 0b1111);
	(world, peers)
}

/// Waits until all is there, while blocks pass.
async fn restored(world: &World) {
	eventually("the commit is here again", async || {
		world.chain.finalised(|_| {});
		world.metric("restored_total").await == 1
			&& world.metric("held{state=\"committed\"}").await == 1
			&& world.metric("lost_open").await == 0
	})
	.await;
}

/// Waits for a failed attempt, while blocks pass.
async fn failed(world: &World) {
	eventually("an attempt fails", async || {
		world.chain.finalised(|_| {});
		world.metric("restore_failures_total").await >= 1
	})
	.await;
}

#[tokio::test]
async fn what_was_signed_and_is_not_here_is_fetched_and_held() {
	let (mut world, peers) = bereft("").await;
	// It costs no transaction, and so needs no key.
	world.operator = None;
	world.start().await;
	restored(&world).await;
	serves(&world, &LARGE).await;
	// That was all.
	let asked = peers.asked.lock().unwrap().len();
	following::blocks_pass(&world).await;
	assert_eq!(peers.asked.lock().unwrap().len(), asked);
	assert_eq!(world.metric("restored_total").await, 1);
	assert_eq!(world.metric("held{state=\"staged\"}").await, 0);
	// The chain ends it as it ends everything.
	world.chain.finalised(|state| state.deal = None);
	eventually("the deal is forgotten", async || {
		world.chain.finalised(|_| {});
		files(&world.data().join(Kind::Shard.folder())).is_empty()
	})
	.await;
}

#[tokio::test]
async fn what_was_fetched_before_a_stop_is_kept_and_not_fetched_again() {
	let (mut world, peers) = bereft("").await;
	peers.withheld.lock().unwrap().insert(1);
	world.start().await;
	failed(&world).await;
	following::blocks_pass(&world).await;
	assert_eq!(world.metric("held{state=\"staged\"}").await, 1, "the first MDU");
	assert_eq!(world.metric("lost_open").await, 1);
	let first = peers.asked_for("blobs/0/");
	world.restart().await;
	failed(&world).await;
	peers.withheld.lock().unwrap().clear();
	restored(&world).await;
	serves(&world, &LARGE).await;
	assert_eq!(peers.asked_for("blobs/0/"), first);
}

#[tokio::test]
async fn nothing_is_fetched_where_nothing_is_mended() {
	let (mut world, peers) = bereft("prover.mend = false").await;
	world.start().await;
	following::blocks_pass(&world).await;
	assert_eq!(*peers.asked.lock().unwrap(), Vec::<String>::new());
	assert_eq!(world.metric("lost_open").await, 0);
}

#[tokio::test]
async fn roots_of_a_missed_commit_are_here_when_its_deal_has_ended() {
	let peers = Peers::start(&OTHER).await;
	let settings = format!("{NO_SCRUB}\nstore.sweep_secs = 1\nreceipts.sign_late = false");
	let world = among(&peers, &settings).await;
	world.chain.finalised(|state| miss_another(state, 1));
	let asked = format!("object/{}", hex::encode(roots_hash(&OTHER.roots())));
	eventually("its roots are asked for", async || {
		world.chain.finalised(|_| {});
		peers.asked_for(&asked) > 0
	})
	.await;
	following::blocks_pass(&world).await;
	let times = peers.asked_for(&asked);
	following::blocks_pass(&world).await;
	assert_eq!(peers.asked_for(&asked), times, "they are here");
	*peers.objects.lock().unwrap() = false;
	world.chain.finalised(|state| {
		state.deal = None;
		let roots = [COMMIT.roots(), OTHER.roots()].concat();
		draw(state, 1, (0..4).map(|i| sample(i, 0, (i % 2) as u8, &roots)).collect());
	});
	answers(&world, 4).await;
	assert_eq!(peers.asked_for("blobs/"), 0);
}
