//! Random sequences: the invariants hold after each step, and the registry's books agree with the slots.

use crate::{mock::*, *};
use frame_support::{storage::with_storage_layer, weights::Weight};
use nil_types::{Hint, Profile, traits::SlotManager};
use proptest::{collection::vec, prelude::*};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Action {
	Request { profile: Profile },
	Prod { pick: usize },
	Accept { pick: usize, slots: u16, stale: bool },
	Late { pick: usize, slot: u8 },
	Close { pick: usize },
	Advance { blocks: u32, record: bool },
	Prune,
	Poll { room: u64 },
	Drain { provider: AccountId, draining: bool },
}

fn action() -> impl Strategy<Value = Action> {
	let pick = 0usize..8;
	let profile =
		(0u32..4, 1u8..9).prop_map(|(log, m)| Profile { k: 1 << log, m, ..Profile::DEFAULT });
	prop_oneof![
		4 => profile.prop_map(|profile| Action::Request { profile }),
		2 => pick.clone().prop_map(|pick| Action::Prod { pick }),
		5 => (pick.clone(), any::<u16>(), 0u8..6)
			.prop_map(|(pick, slots, stale)| Action::Accept { pick, slots, stale: stale == 0 }),
		2 => (pick.clone(), 0u8..17).prop_map(|(pick, slot)| Action::Late { pick, slot }),
		3 => pick.prop_map(|pick| Action::Close { pick }),
		6 => (1u32..8, 0u8..4)
			.prop_map(|(blocks, record)| Action::Advance { blocks, record: record > 0 }),
		1 => Just(Action::Prune),
		5 => (0u64..120).prop_map(|room| Action::Poll { room }),
		1 => (0..PROVIDERS, any::<bool>())
			.prop_map(|(provider, draining)| Action::Drain { provider, draining }),
	]
}

fn perform(action: Action, next: &mut u64) {
	let picked = |pick: usize| {
		let mut deals: Vec<_> =
			Stripes::<Test>::iter_keys().chain(Requests::<Test>::iter_keys()).collect();
		deals.sort_unstable();
		deals.get(pick).copied()
	};
	let refused = |_| sp_runtime::DispatchError::Other("refused");
	// Refused steps are as good as others: they must change nothing, which the invariants show.
	let _ = with_storage_layer(|| match action {
		Action::Request { profile } => {
			*next += 1;
			Mode2::request(*next, profile, Hint::Cold).map_err(refused)
		},
		Action::Prod { pick } => {
			let mut waiting: Vec<_> = Requests::<Test>::iter_keys().collect();
			waiting.sort_unstable();
			waiting.get(pick).map_or(Ok(()), |deal| Mode2::place(RuntimeOrigin::signed(1), *deal))
		},
		Action::Accept { pick, slots, stale } => {
			let Some(deal) = picked(pick) else { return Ok(()) };
			let terms = terms(deal, 1);
			let count = holders(deal).len() as u8;
			let mut signed =
				receipts(&terms, (0..count).filter(|slot| slots & 1 << slot != 0 || *slot > 3));
			if let (true, Some(last)) = (stale, signed.last_mut()) {
				last.until = 0;
			}
			Mode2::accept(&terms, &signed).map(|_| ()).map_err(refused)
		},
		Action::Late { pick, slot } => {
			let Some(deal) = picked(pick) else { return Ok(()) };
			let terms = terms(deal, 2);
			let signer = holders(deal).get(usize::from(slot)).copied().unwrap_or_default();
			let receipt = sign(&terms, slot, Now::get(), signer);
			Mode2::accept_late(&terms, &receipt).map_err(refused)
		},
		Action::Close { pick } => {
			if let Some(deal) = picked(pick) {
				Mode2::close(deal);
			}
			Ok(())
		},
		Action::Advance { blocks, record: recorded } => {
			advance(blocks);
			if recorded {
				record(Now::get() as u8);
			}
			Ok(())
		},
		Action::Prune => {
			Oldest::set(Now::get());
			Ok(())
		},
		Action::Poll { room } => {
			let limit = Weight::from_parts(room * 1_000_000_000, room * 40_000);
			assert!(poll(limit).all_lte(limit), "the hook stays within its meter");
			Ok(())
		},
		Action::Drain { provider, draining } => {
			Registry::mutate(provider, |entry| {
				entry.as_mut().expect("registered").draining = draining;
			});
			Ok(())
		},
	});
}

/// The registry's books are what the slots say.
fn check_books() {
	let mut books = BTreeMap::<AccountId, (u32, u64)>::new();
	for stripe in Stripes::<Test>::iter_values() {
		for slot in stripe.slots {
			let book = books.entry(*slot.state.provider().expect("held")).or_default();
			book.0 += 1;
			book.1 += slot.bytes;
		}
	}
	for (id, provider) in Registry::iter() {
		assert_eq!(books.get(&id).copied().unwrap_or_default(), (provider.slots, provider.used));
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(96))]

	#[test]
	fn invariants_hold_after_every_action(actions in vec(action(), 1..60)) {
		new_test_ext().execute_with(|| {
			let mut next = 0;
			for action in actions {
				let described = format!("{action:?}");
				perform(action, &mut next);
				Mode2::do_try_state().unwrap_or_else(|why| panic!("{described}: {why:?}"));
				check_books();
			}
			for deal in 0..=next {
				if Stripes::<Test>::contains_key(deal) || Requests::<Test>::contains_key(deal) {
					Mode2::close(deal);
				}
			}
			Mode2::do_try_state().unwrap();
			check_books();
			assert_eq!(SlotsOf::<Test>::iter_keys().count(), 0);
			assert_eq!(Queue::<Test>::iter_keys().count(), 0);
		});
	}

	/// With providers and randomness, every request is placed after its delays, whatever came before it.
	#[test]
	fn nobody_starves(sizes in vec(1u8..8, 1..5), wide_first in any::<bool>()) {
		new_test_ext().execute_with(|| {
			if wide_first {
				request(99, wide());
			}
			for (deal, m) in (0u64..).zip(&sizes) {
				if Mode2::request(deal, Profile { k: 2, m: *m, ..Profile::DEFAULT }, Hint::Hot).is_ok() {
					advance(DRAW_DELAY);
					record(deal as u8);
					serve_all();
					assert_eq!(holders(deal).len(), usize::from(m + 2));
				}
			}
		});
	}
}
