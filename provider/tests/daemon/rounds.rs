//! Answers at the ends of rounds.

use super::{
	chain::NOW,
	proving::{NO_SCRUB, answers, draw, quiet, samples, taken, world},
};
use std::sync::atomic::Ordering;

#[tokio::test]
async fn what_expires_is_not_signed_again_for_a_round_that_is_over() {
	let world = world(NO_SCRUB).await;
	world.chain.lapses.store(true, Ordering::SeqCst);
	world.chain.finalised(|state| draw(state, 1, samples()));
	answers(&world, 9).await;
	quiet(&world).await;
	let rounds: Vec<_> = taken(&world).iter().map(|taken| taken.round).collect();
	assert_eq!(rounds, [2]);
	// The one that expired, and that of the next round.
	assert_eq!(world.chain.noted.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_could_come_only_after_the_end_of_its_round_is_not_sent() {
	let world = world(NO_SCRUB).await;
	world.chain.finalised(|state| {
		draw(state, 1, samples());
		state.round.ends_at = NOW + 1;
	});
	quiet(&world).await;
	assert_eq!(world.chain.noted.load(Ordering::SeqCst), 0);
	world.chain.finalised(|state| {
		draw(state, 2, samples());
		state.round.ends_at = NOW + 2;
	});
	answers(&world, 9).await;
	assert_eq!(taken(&world).len(), 1);
}
