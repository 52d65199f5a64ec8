//! Proofs that the chain takes for wrong, though they verified here.

use super::{
	chain::{NOW, State},
	following, late,
	proving::{
		NO_SCRUB, answered, answers, draw, owed, quiet, samples, settle_samples, taken, world,
	},
	*,
};
use nil_provider::store::{ProofKind, Refused};
use nil_types::{RentInfo, SettlementInfo};
use std::sync::atomic::Ordering;

/// Waits until it is told that proofs of this kind are not sent any more, while blocks pass.
async fn refused(world: &World, kind: &str) {
	eventually("it is told", async || {
		world.chain.finalised(|_| {});
		world.metric(&format!("refused{{kind=\"{kind}\"}}")).await == 1
	})
	.await;
}

/// Waits for the first proof, while blocks pass.
async fn sent(world: &World) {
	eventually("a proof is sent", async || {
		world.chain.finalised(|_| {});
		world.chain.noted.load(Ordering::SeqCst) == 1
	})
	.await;
}

/// As if slots 0 to 2 had ended in a period that can be settled, so many samples in a call.
fn settle_all(state: &mut State, max_items: u32) {
	let (randomness, until) = ([9; 32], NOW + 5_000);
	state.settlement = Some(SettlementInfo { period: 4, randomness, samples: 2, until, max_items });
	state.endings = (0..3).map(owed).collect();
	state.settle_samples = (0..3).flat_map(settle_samples).collect();
}

/// As if the chain had taken an answer for wrong, while the daemon is stopped.
pub fn refuse_answers(world: &World) {
	let (store, _) = Store::open(&world.data()).unwrap();
	store.note_refused(ProofKind::Answers, &Refused { block: 1, at: 1 }).unwrap();
}

/// The operator's word, while the daemon is stopped.
fn forget_refusals(world: &World) {
	let (store, _) = Store::open(&world.data()).unwrap();
	for kind in ProofKind::ALL {
		store.forget_refused(kind).unwrap();
	}
}

#[tokio::test]
async fn after_an_answer_that_the_chain_takes_for_wrong_none_is_sent() {
	let mut world = world(NO_SCRUB).await;
	world.chain.doubts.store(1, Ordering::SeqCst);
	world.chain.finalised(|state| draw(state, 1, samples()));
	refused(&world, "answers").await;
	// Neither in this round nor in the next one, nor after a restart.
	quiet(&world).await;
	world.chain.finalised(|state| draw(state, 2, samples()));
	quiet(&world).await;
	world.restart().await;
	quiet(&world).await;
	assert_eq!(world.metric("refused{kind=\"answers\"}").await, 1);
	assert_eq!(world.chain.noted.load(Ordering::SeqCst), 1);
	assert_eq!(taken(&world), []);

	world.daemon.take().unwrap().stop().await.unwrap();
	forget_refusals(&world);
	world.start().await;
	answers(&world, 9).await;
	assert_eq!(world.metric("refused{kind=\"answers\"}").await, 0);
}

#[tokio::test]
async fn an_answer_that_was_wrong_before_a_restart_is_found_after_it() {
	let mut world = world(NO_SCRUB).await;
	world.chain.doubts.store(1, Ordering::SeqCst);
	world.chain.hold.store(true, Ordering::SeqCst);
	world.chain.finalised(|state| draw(state, 1, samples()));
	sent(&world).await;
	world.chain.hold.store(false, Ordering::SeqCst);
	world.restart().await;
	refused(&world, "answers").await;
	quiet(&world).await;
	assert_eq!(world.chain.noted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn after_a_settlement_that_the_chain_takes_for_wrong_samples_alone_are_answered() {
	let mut world = world(NO_SCRUB).await;
	world.chain.doubts.store(1, Ordering::SeqCst);
	world.chain.finalised(|state| {
		settle_all(state, 6);
		draw(state, 1, Vec::new());
	});
	refused(&world, "settlements").await;
	world.restart().await;
	world.chain.finalised(|state| draw(state, 2, samples()));
	answers(&world, 9).await;
	quiet(&world).await;
	assert!(world.chain.settled.lock().unwrap().is_empty());
	// One settlement and one answer.
	assert_eq!(world.chain.noted.load(Ordering::SeqCst), 2);
	assert_eq!(world.metric("refused{kind=\"answers\"}").await, 0);
	assert_eq!(world.metric("rent{state=\"owed\"}").await, 2_700);
}

#[tokio::test]
async fn of_many_calls_one_alone_is_wrong() {
	let world = world(NO_SCRUB).await;
	world.chain.doubts.store(100, Ordering::SeqCst);
	world.chain.finalised(|state| {
		state.round.max_items = 4;
		draw(state, 1, samples());
	});
	refused(&world, "answers").await;
	quiet(&world).await;
	assert_eq!(world.chain.noted.load(Ordering::SeqCst), 1, "of three");

	world.chain.finalised(|state| {
		settle_all(state, 2);
		draw(state, 2, Vec::new());
	});
	refused(&world, "settlements").await;
	quiet(&world).await;
	assert_eq!(world.chain.noted.load(Ordering::SeqCst), 2, "of three more");
}

#[tokio::test]
async fn what_was_wrong_in_a_round_that_is_over_is_found_after_it() {
	for kind in ["answers", "settlements"] {
		let mut world = world(NO_SCRUB).await;
		world.chain.doubts.store(1, Ordering::SeqCst);
		world.chain.unseen.store(true, Ordering::SeqCst);
		world.chain.finalised(|state| match kind {
			"answers" => draw(state, 1, samples()),
			_ => {
				settle_all(state, 6);
				draw(state, 1, Vec::new());
			},
		});
		sent(&world).await;
		world.daemon.take().unwrap().stop().await.unwrap();
		world.chain.unseen.store(false, Ordering::SeqCst);
		world.chain.finalised(|state| {
			let samples = std::mem::take(&mut state.samples);
			draw(state, 2, samples);
			state.round.drawn.as_mut().unwrap().block = [5; 32];
		});
		world.start().await;
		refused(&world, kind).await;
		quiet(&world).await;
		assert_eq!(world.chain.noted.load(Ordering::SeqCst), 1, "{kind}");
	}
}

#[tokio::test]
async fn a_block_of_which_nothing_is_known_any_more_holds_up_no_answer() {
	let mut world = world(NO_SCRUB).await;
	world.chain.unseen.store(true, Ordering::SeqCst);
	world.chain.finalised(|state| {
		state.round.max_items = 4;
		draw(state, 1, samples());
	});
	sent(&world).await;
	world.daemon.take().unwrap().stop().await.unwrap();
	assert_eq!(answered(&world), [0, 1, 2, 3]);
	world.chain.unseen.store(false, Ordering::SeqCst);
	world.chain.pruned.store(true, Ordering::SeqCst);
	world.start().await;
	answers(&world, 9).await;
	quiet(&world).await;
	assert_eq!(answered(&world), (0..9).collect::<Vec<_>>());
	assert_eq!(world.chain.noted.load(Ordering::SeqCst), 3);
	assert_eq!(world.metric("refused{kind=\"answers\"}").await, 0);
}

#[tokio::test]
async fn a_slot_that_is_owed_for_two_terms_is_settled_for_both() {
	let world = world(NO_SCRUB).await;
	world.chain.finalised(|state| {
		settle_all(state, 6);
		// It ended, and came back within the period.
		state.endings.truncate(1);
		state.rents = vec![RentInfo { ended: false, ..owed(0) }];
		draw(state, 1, Vec::new());
	});
	eventually("both are settled", async || {
		world.chain.finalised(|_| {});
		world.chain.settled.lock().unwrap().len() >= 2
	})
	.await;
	quiet(&world).await;
	assert_eq!(*world.chain.settled.lock().unwrap(), [[0], [0]]);
	assert_eq!(world.metric("refused{kind=\"settlements\"}").await, 0);
	assert_eq!(world.metric("rent{state=\"owed\"}").await, 0);
}

#[tokio::test]
async fn who_sends_no_answers_signs_no_receipt() {
	let mut world = World::stopped("");
	refuse_answers(&world);
	world.start().await;
	world.upload(0, COMMIT.body(0)).await.unwrap();
	let refusal = world.receipt(0, &COMMIT.request()).await.unwrap_err();
	refusal.is(503, ErrorCode::Internal);
	world.daemon.take().unwrap().stop().await.unwrap();
	forget_refusals(&world);
	world.start().await;
	assert!(world.holds(&world.receipt(0, &COMMIT.request()).await.unwrap(), &COMMIT));
}

#[tokio::test]
async fn who_sends_no_answers_adds_no_late_receipt() {
	let (mut world, peers) = late::away(&COMMIT, late::SOON).await;
	refuse_answers(&world);
	world.start().await;
	following::blocks_pass(&world).await;
	assert_eq!(world.metric("late_open").await, 1);
	assert_eq!(peers.asked_for("blobs/"), 0);
	assert!(world.chain.added.lock().unwrap().is_empty());
	assert_eq!(world.metric("late_failures_total").await, 0);
}
