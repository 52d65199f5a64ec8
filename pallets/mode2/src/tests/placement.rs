//! Requests, draws and what decides them.

use crate::{mock::*, *};
use frame_support::{
	assert_noop, assert_ok,
	traits::{GetStorageVersion, Hooks},
};
use nil_types::{
	Hint, SlotState,
	messages::PlacementSeed,
	traits::{ProviderRegistry, SlotError, SlotManager},
};

fn prod(deal: u64) -> sp_runtime::DispatchResult {
	Mode2::place(RuntimeOrigin::signed(1), deal)
}

#[test]
fn a_request_waits_for_randomness_that_did_not_exist() {
	run(|| {
		record(1);
		request(0, small());
		assert_eq!(
			events(),
			[Event::SlotsRequested {
				deal: 0,
				profile: small(),
				hint: Hint::Cold,
				draw_at: START + DRAW_DELAY
			}]
		);
		for _ in 0..DRAW_DELAY {
			record(1);
			serve_all();
			assert_noop!(prod(0), Error::<Test>::NotDue);
			advance(1);
		}
		// Due, but nothing was recorded since.
		serve_all();
		assert_noop!(prod(0), Error::<Test>::NotDue);
		advance(3);
		record(2);
		serve_all();
		assert!(Placed::contains_key(0));
		assert_eq!(Requests::<Test>::get(0), None);
		assert_noop!(prod(0), Error::<Test>::NoRequest);
	});
}

#[test]
fn the_seed_is_that_of_the_first_record_whoever_serves_it_and_when() {
	let expected = |attempts| {
		PlacementSeed {
			genesis: [9; 32],
			deal: 0,
			attempts,
			randomness: [5; 64],
			relay_block: START + 6,
		}
		.seed()
	};
	let serve = |late: u32, by_call: bool| {
		let mut drawn = Vec::new();
		run(|| {
			request(0, small());
			advance(6);
			record(5);
			for byte in 0..late {
				advance(1);
				record(byte as u8);
			}
			if by_call {
				assert_ok!(prod(0));
			} else {
				serve_all();
			}
			drawn = holders(0);
			assert_eq!(
				Some(&drawn),
				MockRegistry::draw(expected(0), 4, Hint::Cold, PRICE).as_ref()
			);
			assert_eq!(
				events().last(),
				Some(&Event::SlotsPlaced {
					deal: 0,
					providers: drawn.clone().try_into().unwrap(),
					record: START + 6,
					attempts: 0
				})
			);
		});
		drawn
	};
	let prompt = serve(0, false);
	assert_eq!(prompt.len(), 4);
	assert_eq!(serve(9, false), prompt);
	assert_eq!(serve(9, true), prompt);
	assert_ne!(expected(0), expected(1));
}

#[test]
fn drawn_slots_are_empty_active_and_known_to_the_registry() {
	run(|| {
		place(0, small());
		let stripe = Stripes::<Test>::get(0).unwrap();
		assert_eq!(stripe.profile, small());
		for (index, slot) in (0u8..).zip(stripe.slots) {
			let SlotState::Active { provider } = slot.state else { panic!("{slot:?}") };
			assert_eq!((slot.bytes, slot.signed), (0, 0));
			assert_eq!(Registry::get(provider).unwrap().slots, 1);
			assert!(SlotsOf::<Test>::contains_key(provider, (0, index)));
		}
	});
}

#[test]
fn too_few_providers_defer_and_never_shrink_a_stripe() {
	run(|| {
		request(0, wide());
		advance(DRAW_DELAY);
		record(1);
		events();
		serve_all();
		let draw_at = Now::get() + RETRY_DELAY;
		assert_eq!(
			events(),
			[Event::PlacementDeferred {
				deal: 0,
				reason: Deferral::TooFewProviders,
				attempts: 1,
				draw_at,
				parked: false
			}]
		);
		assert!(holders(0).is_empty() && !Placed::contains_key(0));
		assert!(Registry::iter_values().all(|provider| provider.slots == 0));
		// Prodding does not bring it forward.
		assert_noop!(prod(0), Error::<Test>::NotDue);

		for id in PROVIDERS..16 {
			register(id);
		}
		advance(RETRY_DELAY);
		record(1);
		serve_all();
		assert_eq!(holders(0).len(), 16);
		let seed = PlacementSeed {
			genesis: [9; 32],
			deal: 0,
			attempts: 1,
			randomness: [1; 64],
			relay_block: draw_at,
		};
		let expected = MockRegistry::draw(seed.seed(), 16, Hint::Cold, PRICE).unwrap();
		assert_eq!(holders(0), expected);
	});
}

#[test]
fn a_lost_record_is_replaced_by_a_later_one() {
	run(|| {
		request(0, small());
		advance(DRAW_DELAY);
		record(1);
		advance(500);
		Oldest::set(START + 100);
		record(2);
		events();
		serve_all();
		let draw_at = Now::get() + DRAW_DELAY;
		assert_eq!(
			events(),
			[Event::PlacementDeferred {
				deal: 0,
				reason: Deferral::RecordLost,
				attempts: 0,
				draw_at,
				parked: false
			}]
		);
		advance(DRAW_DELAY);
		record(3);
		serve_all();
		assert_eq!(holders(0).len(), 4);
	});
}

#[test]
fn only_signed_accounts_prod() {
	run(|| {
		assert_noop!(Mode2::place(RuntimeOrigin::root(), 0), sp_runtime::DispatchError::BadOrigin);
		assert_noop!(prod(0), Error::<Test>::NoRequest);
	});
}

#[test]
fn a_full_lane_refuses_requests() {
	run(|| {
		for deal in 0..u64::from(LANE) {
			request(deal, small());
		}
		assert_noop!(Mode2::request(9, small(), Hint::Hot), SlotError::QueueFull);
		Mode2::close(2);
		request(9, small());
	});
}

#[test]
fn constants_fit_together_and_versions_are_pinned() {
	use frame_support::traits::{GetCallIndex, GetCallName};
	run(|| {
		<Mode2 as Hooks<u64>>::integrity_test();
		assert_eq!(Mode2::in_code_storage_version(), 1);
		assert_eq!(Mode2::on_chain_storage_version(), 1);
		let names = Call::<Test>::get_call_names().iter().copied();
		let pairs: Vec<_> = names.zip(Call::<Test>::get_call_indices().iter().copied()).collect();
		assert_eq!(
			pairs,
			[
				("place", 0),
				("repair", 1),
				("decline", 2),
				("complete_repair", 3),
				("relieve", 4),
				("come_back", 5),
			]
		);
	});
}
