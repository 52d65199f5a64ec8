use super::{
	chain::{NOW, State},
	*,
};
use nil_types::CommitInfo;

/// As if `commit` had been committed as generation 1 with the receipts of `signed`.
pub fn commit(state: &mut State, commit: &Commit, signed: u32) {
	let deal = state.deal.as_mut().unwrap();
	deal.generation = 1;
	deal.total_mdus = commit.mdus.len() as u64;
	let info = CommitInfo {
		first_mdu: 0,
		size_bytes: commit.size,
		index_len: commit.index.len() as u32,
		index_root: blake2b_256(&commit.index),
		roots_hash: roots_hash(&commit.roots()),
		signed,
		at: NOW + 1,
	};
	state.commits.insert(1, info);
}

/// What the metrics say that is held.
async fn held(world: &World, state: &str) -> u64 {
	world.metric(&format!("held{{state=\"{state}\"}}")).await
}

/// Sweeps on nearly every block.
const OFTEN: &str = "store.sweep_secs = 1";

async fn gone(world: &World) -> bool {
	world.chain.finalised(|_| {});
	files(&world.data().join("shards")).is_empty()
}

/// Makes blocks until two more sweeps have begun and ended, of which the second saw what was on the chain before.
async fn swept(world: &World, block: impl Fn(&FakeChain)) {
	let before = world.metric("sweep_seconds_count").await;
	eventually("two sweeps", async || {
		block(&world.chain);
		world.metric("sweep_seconds_count").await >= before + 2
	})
	.await;
}

/// Finalised blocks, and sweeps at them.
pub async fn blocks_pass(world: &World) {
	swept(world, |chain| chain.finalised(|_| {})).await;
}

/// Waits until the follower says that it cannot follow its node.
async fn lost(world: &World) {
	eventually("the node is of no use", async || world.metric("chain_up").await == 0).await;
}

#[tokio::test]
async fn a_promise_that_is_committed_outlives_its_last_block() {
	let world = World::with(OFTEN).await;
	let receipt = world.promised(0, &COMMIT).await;
	world.chain.finalised(|state| commit(state, &COMMIT, 1));
	eventually("the promise is a commit", async || {
		world.chain.finalised(|_| {});
		held(&world, "committed").await == 1
	})
	.await;
	world.chain.finalised(|state| state.terms.relay_block = receipt.until + 1);
	blocks_pass(&world).await;
	assert_eq!(world.blobs(0).await.unwrap(), COMMIT.mdus[0].shards[0]);

	world.chain.finalised(|state| state.deal = None);
	eventually("a deal that ended is forgotten", async || gone(&world).await).await;
	world.blobs(0).await.unwrap_err().is(404, ErrorCode::NotFound);
	assert_eq!(files(&world.data().join("objects")).len(), 0);
	assert_eq!(files(&world.data().join("witnesses")).len(), 0);
}

#[tokio::test]
async fn a_deal_that_ended_is_kept_for_its_round_over_a_restart() {
	let mut world = World::with(OFTEN).await;
	world.promised(0, &COMMIT).await;
	world.chain.finalised(|state| {
		state.round.round = 3;
		commit(state, &COMMIT, 1);
	});
	eventually("the promise is a commit", async || {
		world.chain.finalised(|_| {});
		held(&world, "committed").await == 1
	})
	.await;
	world.chain.finalised(|state| state.deal = None);
	blocks_pass(&world).await;
	world.restart().await;
	blocks_pass(&world).await;
	// Shards, witness, roots and index.
	assert_eq!(world.blobs(0).await.unwrap(), COMMIT.mdus[0].shards[0]);
	assert_eq!(files(&world.data().join("witnesses")).len(), 1);
	assert_eq!(files(&world.data().join("objects")).len(), 2);
	// A round that is not final yet may not come.
	world.chain.best(|state| state.round.round = 4);
	swept(&world, |chain| chain.best(|_| {})).await;
	assert_eq!(world.blobs(0).await.unwrap(), COMMIT.mdus[0].shards[0]);
	world.chain.finalised(|_| {});
	eventually("the round is over", async || gone(&world).await).await;
	assert_eq!(files(&world.data().join("objects")).len(), 0);
}

#[tokio::test]
async fn the_gauges_do_not_wait_for_a_sweep() {
	// The only sweep is that of the start: the next one is a minute away.
	let world = World::new().await;
	world.promised(0, &COMMIT).await;
	world.chain.finalised(|state| commit(state, &COMMIT, 1));
	eventually("the commit is counted", async || {
		world.chain.finalised(|_| {});
		held(&world, "committed").await == 1
	})
	.await;
}

#[tokio::test]
async fn a_promise_that_nobody_commits_ends_when_it_is_void() {
	let world = World::with(OFTEN).await;
	let receipt = world.promised(0, &COMMIT).await;
	world.chain.finalised(|state| state.terms.relay_block = receipt.until);
	blocks_pass(&world).await;
	assert_eq!(world.blobs(0).await.unwrap(), COMMIT.mdus[0].shards[0]);
	world.chain.finalised(|state| state.terms.relay_block = receipt.until + 1);
	eventually("a void promise is forgotten", async || gone(&world).await).await;
}

#[tokio::test]
async fn a_commit_of_other_content_ends_the_promise() {
	let world = World::with(OFTEN).await;
	world.promised(0, &COMMIT).await;
	world.chain.finalised(|state| commit(state, &OTHER, 1));
	eventually("the promise is forgotten", async || gone(&world).await).await;
}

#[tokio::test]
async fn what_is_not_final_changes_nothing() {
	let world = World::with(OFTEN).await;
	world.promised(0, &COMMIT).await;
	// A best block in which the deal is gone, undone by a reorganisation.
	world.chain.best(|state| state.deal = None);
	swept(&world, |chain| chain.best(|_| {})).await;
	assert_eq!(world.blobs(0).await.unwrap(), COMMIT.mdus[0].shards[0]);
	world.chain.reorganise();
	// A commit on a branch that is undone, then another one of the same content that is final.
	world.chain.best(|state| commit(state, &OTHER, 1));
	world.chain.reorganise();
	world.chain.finalised(|state| commit(state, &COMMIT, 1));
	eventually("the final commit counts", async || {
		world.chain.finalised(|_| {});
		held(&world, "committed").await == 1
	})
	.await;
	assert_eq!(world.blobs(0).await.unwrap(), COMMIT.mdus[0].shards[0]);
}

#[tokio::test]
async fn a_node_that_is_behind_makes_it_forget_nothing() {
	let world = World::with(OFTEN).await;
	world.promised(0, &COMMIT).await;
	blocks_pass(&world).await;
	swept(&world, |chain| chain.set_back(3, |state| state.deal = None)).await;
	lost(&world).await;
	assert_eq!(world.blobs(0).await.unwrap(), COMMIT.mdus[0].shards[0]);
}

#[tokio::test]
async fn an_outage_delays_and_no_more() {
	let world = World::with(OFTEN).await;
	world.promised(0, &COMMIT).await;
	world.chain.set_down(true);
	world.chain.finalised(|state| commit(state, &COMMIT, 1));
	lost(&world).await;
	world.chain.set_down(false);
	eventually("the commit is found afterwards", async || {
		world.chain.finalised(|_| {});
		held(&world, "committed").await == 1
	})
	.await;
}

#[tokio::test]
async fn staged_shards_end_and_live_ones_stay() {
	let world = World::with(OFTEN).await;
	world.promised(0, &COMMIT).await;
	world.upload(1, OTHER.body(1)).await.unwrap();
	assert_eq!(files(&world.data().join("shards")).len(), 2);
	world.chain.finalised(|state| commit(state, &COMMIT, 1));
	eventually("shards of a generation that is over go", async || {
		world.chain.finalised(|_| {});
		files(&world.data().join("shards")).len() == 1
	})
	.await;
	assert_eq!(world.blobs(0).await.unwrap(), COMMIT.mdus[0].shards[0]);
}

#[tokio::test]
async fn a_slot_that_went_elsewhere_is_forgotten() {
	let world = World::with(OFTEN).await;
	world.promised(0, &COMMIT).await;
	world.promised(1, &COMMIT).await;
	world.chain.finalised(|state| {
		state.slots.insert(0, AccountId([0xee; 32]));
	});
	eventually("one of two slots goes", async || {
		world.chain.finalised(|_| {});
		files(&world.data().join("shards")).len() == 1
	})
	.await;
	world.blobs(0).await.unwrap_err().is(404, ErrorCode::NotFound);
	assert_eq!(world.blobs(1).await.unwrap(), COMMIT.mdus[0].shards[1]);
}
