//! Random sequences of notes against a list that forgets nothing.

use crate::mock::*;
use nil_types::traits::BeaconPruned;
use proptest::prelude::*;

/// What the ring must answer, from the full list of records ever made.
fn oracle(made: &[u32], at: u32) -> Result<Option<u32>, BeaconPruned> {
	let position = made.iter().position(|relay_block| *relay_block >= at);
	let oldest_kept = made.len().saturating_sub(CAPACITY as usize);
	match position {
		Some(position) if position < oldest_kept => Err(BeaconPruned),
		Some(position) => Ok(Some(made[position])),
		None => Ok(None),
	}
}

proptest! {
	#[test]
	fn the_ring_answers_like_a_full_list(
		steps in prop::collection::vec((0u32..4, any::<bool>(), any::<bool>()), 0..60),
	) {
		new_test_ext().execute_with(|| {
			let (mut clock, mut made) = (0u32, Vec::new());
			for (ahead, one_epoch_ago, current) in steps {
				clock += ahead;
				Beacon::note(
					clock,
					one_epoch_ago.then_some([1; 32]),
					current.then_some([2; 32]),
				);
				if one_epoch_ago && current && made.last().is_none_or(|last| *last < clock) {
					made.push(clock);
				}
				Beacon::do_try_state().unwrap();
				prop_assert_eq!(Beacon::now(), clock);
			}
			for at in 0..=clock + 1 {
				let found = Beacon::first_at_or_after(at).map(|r| r.map(|r| r.relay_block));
				prop_assert_eq!(found, oracle(&made, at), "at {}", at);
			}
			Ok(())
		})?;
	}
}
