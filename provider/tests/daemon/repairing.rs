//! Slots that the chain has this provider rebuild.

use super::{
	chain::{NOW, State},
	following::commit,
	late::{LARGE, OTHERS, SLOT, serves},
	peers::Peers,
	proving::sample,
	*,
};
use nil_provider::store::Kind;
use nil_types::{RepairCause, RepairInfo, SampleInfo};
use std::sync::atomic::Ordering;

/// From which the candidate's samples follow.
const R: Hash32 = [5; 32];
/// Second attempts soon, and nothing from the scrubber.
const FAST: &str = "repair.pause_secs = 1\nprover.scrub_rate = 0\nprover.mend = false";
/// Who held the slot.
const FORMER: AccountId = AccountId([0xdd; 32]);

fn settings(more: &str) -> String {
	format!("{}\n{FAST}\n{more}", late::SOON)
}

/// Makes the provider the candidate for a slot that `provider` holds, with samples that are not drawn.
fn ask(state: &mut State, provider: Option<AccountId>) {
	state.repair = Some(RepairInfo {
		slot: SLOT,
		cause: if provider.is_some() { RepairCause::Drain } else { RepairCause::Eviction },
		since: NOW,
		attempts: 1,
		provider,
		candidate: Some(operator()),
		reserved: 1 << 30,
		samples: None,
		due: NOW + 5_000,
		adopting: None,
	});
}

/// Draws the candidate's samples: of each MDU of `content` the first row, and of the first one the second row as well.
fn draw(state: &mut State, content: &Commit) {
	state.repair.as_mut().unwrap().samples = Some(R);
	let roots = content.roots();
	let first = (0u32..).zip(0..roots.len() as u64).map(|(ordinal, mdu)| SampleInfo {
		mdu,
		place: None,
		..sample(ordinal, SLOT, 0, &roots)
	});
	let mut samples: Vec<_> = first.collect();
	let last = samples.len() as u32;
	samples.push(SampleInfo { place: None, ..sample(last, SLOT, 1, &roots) });
	state.repair_samples.insert(1, samples);
}

/// A provider that is the candidate for a slot of a deal with `content`, not started yet. All others have it, and so does the
/// slot's provider, if there is one. The round in force has found the content.
async fn candidate(
	content: &'static Commit,
	provider: Option<AccountId>,
	more: &str,
) -> (World, Arc<Peers>) {
	let mut world = World::stopped(&settings(more));
	world.operator = Some(Signer::from_uri("//Operator").unwrap());
	let peers = Peers::start(content).await;
	world.chain.finalised(|state| {
		for slot in 0..4 {
			state.slots.insert(slot, AccountId([0xe0 + slot; 32]));
			state.addresses.insert(slot, peers.address.clone());
		}
		// The slot's former provider has not signed it in time.
		commit(state, content, if provider.is_some() { 0b1111 } else { OTHERS });
		ask(state, provider);
		state.round.round = 1;
		state.round.began_at = NOW + 2;
	});
	(world, peers)
}

/// Bytes that the slot stores of `content`.
fn size(content: &Commit) -> u64 {
	content.mdus.iter().map(|mdu| mdu.shards[usize::from(SLOT)].len() as u64).sum()
}

/// Waits until everything is there, while blocks pass.
async fn rebuilt(world: &World, content: &Commit) {
	eventually("the slot is rebuilt", async || {
		world.chain.finalised(|_| {});
		world.metric("repair_bytes{state=\"held\"}").await == size(content)
			&& world.metric("held{state=\"committed\"}").await == 1
	})
	.await;
}

/// Waits until the candidacy has ended, while blocks pass, and how.
async fn ended(world: &World) -> Option<u32> {
	eventually("the candidacy ends", async || {
		world.chain.finalised(|_| {});
		!world.chain.repaired.lock().unwrap().is_empty()
	})
	.await;
	let [outcome] = world.chain.repaired.lock().unwrap()[..] else { panic!("it ended twice") };
	outcome
}

#[tokio::test]
async fn a_slot_is_rebuilt_while_its_samples_are_drawn_and_then_proved() {
	let (mut world, peers) = candidate(&LARGE, None, "").await;
	world.start().await;
	rebuilt(&world, &LARGE).await;
	serves(&world, &LARGE).await;
	assert_eq!(world.metric("repairs_open").await, 1);
	assert_eq!(world.metric("repair_bytes{state=\"needed\"}").await, size(&LARGE));
	assert_eq!(world.metric("rebuilt_bytes_total").await, size(&LARGE));
	assert!(world.chain.repaired.lock().unwrap().is_empty());

	world.chain.finalised(|state| draw(state, &LARGE));
	assert_eq!(ended(&world).await, Some(1));
	eventually("it is counted", async || {
		world.metric("repaired_total").await == 1 && world.metric("repairs_open").await == 0
	})
	.await;
	// It is kept, and nothing is fetched or signed again.
	let asked = peers.asked.lock().unwrap().len();
	following::blocks_pass(&world).await;
	serves(&world, &LARGE).await;
	assert_eq!(peers.asked.lock().unwrap().len(), asked);
	assert_eq!(world.chain.repaired.lock().unwrap().len(), 1);
	assert!(world.chain.added.lock().unwrap().is_empty());
	assert_eq!(world.metric("repair_failures_total").await, 0);
}

#[tokio::test]
async fn who_leaves_is_asked_first() {
	let (mut world, peers) = candidate(&COMMIT, Some(FORMER), "").await;
	world.chain.finalised(|state| draw(state, &COMMIT));
	world.start().await;
	assert_eq!(ended(&world).await, Some(1));
	serves(&world, &COMMIT).await;
	let asked = peers.asked.lock().unwrap();
	let first = asked.iter().find(|asked| asked.starts_with("blobs/"));
	assert_eq!(first.map(String::as_str), Some("blobs/0/2"));
}

#[tokio::test]
async fn who_leaves_and_lies_or_has_nothing_is_not_needed() {
	for lies in [true, false] {
		let (mut world, peers) = candidate(&COMMIT, Some(FORMER), "").await;
		world.chain.finalised(|state| draw(state, &COMMIT));
		let which = if lies { &peers.liars } else { &peers.lost };
		which.lock().unwrap().insert(SLOT);
		world.start().await;
		assert_eq!(ended(&world).await, Some(1));
		serves(&world, &COMMIT).await;
	}
}

/// Waits for a failed attempt, while blocks pass.
async fn failed(world: &World) {
	eventually("an attempt fails", async || {
		world.chain.finalised(|_| {});
		world.metric("repair_failures_total").await >= 1
	})
	.await;
}

#[tokio::test]
async fn a_stop_half_way_costs_nothing_that_was_fetched() {
	let (mut world, peers) = candidate(&LARGE, None, "").await;
	world.chain.finalised(|state| draw(state, &LARGE));
	peers.withheld.lock().unwrap().insert(1);
	world.start().await;
	failed(&world).await;
	following::blocks_pass(&world).await;
	assert_eq!(world.metric("held{state=\"staged\"}").await, 1, "the first one is kept");
	let first = peers.asked_for("blobs/0/");
	world.restart().await;
	failed(&world).await;
	let there = LARGE.mdus[0].shards[usize::from(SLOT)].len() as u64;
	eventually("progress is told", async || {
		world.chain.finalised(|_| {});
		world.metric("repair_bytes{state=\"held\"}").await == there
	})
	.await;
	peers.withheld.lock().unwrap().clear();
	assert_eq!(ended(&world).await, Some(1));
	serves(&world, &LARGE).await;
	assert_eq!(peers.asked_for("blobs/0/"), first, "the first MDU was fetched once");

	// Neither is what was held as a whole.
	let (mut world, peers) = candidate(&LARGE, None, "").await;
	world.start().await;
	rebuilt(&world, &LARGE).await;
	let blobs = peers.asked_for("blobs/");
	world.restart().await;
	world.chain.finalised(|state| draw(state, &LARGE));
	assert_eq!(ended(&world).await, Some(1));
	assert_eq!(peers.asked_for("blobs/"), blobs);
}

#[tokio::test]
async fn what_the_round_did_not_find_is_proved_in_the_next_one() {
	let (mut world, peers) = candidate(&COMMIT, None, "").await;
	world.chain.finalised(|state| {
		draw(state, &COMMIT);
		state.round.began_at = NOW + 1;
	});
	world.start().await;
	following::blocks_pass(&world).await;
	assert_eq!(peers.asked_for("blobs/"), 0);
	assert!(world.chain.repaired.lock().unwrap().is_empty());
	world.chain.finalised(|state| {
		state.round.round = 2;
		state.round.began_at = NOW + 2;
	});
	assert_eq!(ended(&world).await, Some(1));
}

#[tokio::test]
async fn a_candidate_that_waits_asks_for_no_commit_and_then_for_new_ones_alone() {
	let (mut world, _peers) = candidate(&COMMIT, None, "").await;
	world.start().await;
	rebuilt(&world, &COMMIT).await;
	following::blocks_pass(&world).await;
	let asked = || world.chain.commits_asked.lock().unwrap().clone();
	let before = asked();
	assert!(before.contains(&1));
	following::blocks_pass(&world).await;
	assert_eq!(asked(), before);
	world.chain.finalised(|state| {
		draw(state, &COMMIT);
		state.round.round = 2;
	});
	assert_eq!(ended(&world).await, Some(1));
	assert_eq!(asked()[before.len()], 2, "those that it has seen are known");
}

#[tokio::test]
async fn what_nobody_gives_is_not_waited_for_past_the_window() {
	let (mut world, peers) = candidate(&COMMIT, None, "").await;
	*peers.stalls.lock().unwrap() = true;
	world.chain.finalised(|state| state.repair.as_mut().unwrap().due = NOW);
	world.start().await;
	failed(&world).await;
	*peers.stalls.lock().unwrap() = false;
	world.chain.finalised(|state| {
		draw(state, &COMMIT);
		state.repair.as_mut().unwrap().due = NOW + 5_000;
	});
	assert_eq!(ended(&world).await, Some(1));
}

#[tokio::test]
async fn a_proof_that_the_chain_does_not_take_is_made_anew_in_the_next_round() {
	let (mut world, _peers) = candidate(&COMMIT, None, "").await;
	world.chain.finalised(|state| draw(state, &COMMIT));
	world.chain.doubts.store(1, Ordering::SeqCst);
	world.start().await;
	failed(&world).await;
	following::blocks_pass(&world).await;
	assert!(world.chain.repaired.lock().unwrap().is_empty(), "it is not sent again");
	world.chain.finalised(|state| state.round.round = 2);
	assert_eq!(ended(&world).await, Some(1));
}

#[tokio::test]
async fn a_refusal_that_the_chain_would_repeat_waits_for_the_next_round() {
	let (mut world, _peers) = candidate(&COMMIT, None, "").await;
	world.chain.finalised(|state| draw(state, &COMMIT));
	*world.chain.refusal.lock().unwrap() = Some("TooRecent");
	world.start().await;
	failed(&world).await;
	following::blocks_pass(&world).await;
	assert_eq!(world.chain.repairs_sent.load(Ordering::SeqCst), 1);
	*world.chain.refusal.lock().unwrap() = None;
	world.chain.finalised(|state| state.round.round = 2);
	assert_eq!(ended(&world).await, Some(1));
	assert_eq!(world.chain.repairs_sent.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_cannot_be_stored_or_rebuilt_or_is_not_wanted_is_declined() {
	type Prepare = fn(&mut World);
	let full: Prepare = |world| world.disk = Some(Arc::new(|| 0u64));
	let lost: Prepare = |world| {
		world.chain.finalised(|state| state.slots.retain(|slot, _| [0, SLOT].contains(slot)));
	};
	let wrong: Prepare = |world| refusing::refuse_answers(world);
	let unwanted: Prepare = |_| {};
	let all = [(full, ""), (lost, ""), (wrong, ""), (unwanted, "repair.enabled = false")];
	for (prepare, more) in all {
		let (mut world, peers) = candidate(&COMMIT, None, more).await;
		prepare(&mut world);
		world.start().await;
		assert_eq!(ended(&world).await, None);
		eventually("it is counted", async || world.metric("declined_total").await == 1).await;
		assert_eq!(peers.asked_for("blobs/"), 0);
		assert_eq!(files(&world.data().join(Kind::Shard.folder())).len(), 0);
	}
}

#[tokio::test]
async fn what_a_candidate_has_goes_when_the_chain_lets_it_go() {
	let (mut world, _peers) = candidate(&COMMIT, None, "").await;
	world.start().await;
	rebuilt(&world, &COMMIT).await;
	world.chain.finalised(|state| state.repair = None);
	// It may be asked for in this round, like all that ended.
	following::blocks_pass(&world).await;
	assert_eq!(world.metric("repairs_open").await, 0);
	world.chain.finalised(|state| state.round.round = 2);
	eventually("nothing is kept", async || {
		world.chain.finalised(|_| {});
		files(&world.data().join(Kind::Shard.folder())).is_empty()
	})
	.await;
	assert!(world.chain.repaired.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_candidate_takes_uploads_while_nobody_else_is_responsible() {
	let ungiven = |state: &mut State, provider| {
		state.slots.insert(SLOT, FORMER);
		ask(state, provider);
	};
	let mut world = World::stopped(&settings(""));
	world.chain.finalised(|state| ungiven(state, Some(FORMER)));
	world.start().await;
	let refused = world.upload(SLOT, COMMIT.body(SLOT)).await.unwrap_err();
	refused.is(403, ErrorCode::NotMySlot);
	world.chain.finalised(|state| ungiven(state, None));
	let receipt = world.promised(SLOT, &COMMIT).await;
	assert!(world.holds(&receipt, &COMMIT));
	world.chain.finalised(|state| commit(state, &COMMIT, 0b1111));
	eventually("the promise is a commit", async || {
		world.chain.finalised(|_| {});
		world.metric("held{state=\"committed\"}").await == 1
	})
	.await;
}
