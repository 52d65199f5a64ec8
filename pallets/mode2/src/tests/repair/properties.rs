//! Whatever happens, in whatever order, repairs keep the books.

use crate::{mock::*, *};
use frame_support::storage::with_storage_layer;
use nil_types::{
	Profile, SlotState,
	traits::{DepartureHooks, SlotManager},
};
use proptest::{collection::vec, prelude::*};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Action {
	Place { m: u8 },
	Commit { pick: usize, slots: u16 },
	Evict { pick: usize, slot: u8 },
	Replace { pick: usize, slot: u8 },
	Status { provider: AccountId, status: u8 },
	Complete { pick: usize, back: u32, right: bool },
	Decline { pick: usize },
	ComeBack { pick: usize },
	Prod { pick: usize },
	Close { pick: usize },
	Advance { blocks: u32, record: bool },
	Poll { room: u64 },
	Idle,
}

fn action() -> impl Strategy<Value = Action> {
	let pick = 0usize..6;
	prop_oneof![
		2 => (1u8..4).prop_map(|m| Action::Place { m }),
		4 => (pick.clone(), any::<u16>()).prop_map(|(pick, slots)| Action::Commit { pick, slots }),
		3 => (pick.clone(), 0u8..5).prop_map(|(pick, slot)| Action::Evict { pick, slot }),
		2 => (pick.clone(), 0u8..5).prop_map(|(pick, slot)| Action::Replace { pick, slot }),
		3 => (0..PROVIDERS, 0u8..5).prop_map(|(provider, status)| Action::Status { provider, status }),
		6 => (pick.clone(), 0u32..3, 0u8..4)
			.prop_map(|(pick, back, right)| Action::Complete { pick, back, right: right > 0 }),
		1 => pick.clone().prop_map(|pick| Action::Decline { pick }),
		1 => pick.clone().prop_map(|pick| Action::ComeBack { pick }),
		2 => pick.clone().prop_map(|pick| Action::Prod { pick }),
		1 => pick.prop_map(|pick| Action::Close { pick }),
		8 => (1u32..12, 0u8..4)
			.prop_map(|(blocks, record)| Action::Advance { blocks, record: record > 0 }),
		8 => (20u64..400).prop_map(|room| Action::Poll { room }),
		3 => Just(Action::Idle),
	]
}

fn perform(action: Action, next: &mut u64) {
	let deal = |pick: usize| {
		let mut deals: Vec<_> = Stripes::<Test>::iter_keys().collect();
		deals.sort_unstable();
		deals.get(pick).copied()
	};
	let repaired = |pick: usize| {
		let mut repairs: Vec<_> = Repairs::<Test>::iter_keys().collect();
		repairs.sort_unstable();
		repairs.get(pick).copied()
	};
	let refused = |_| sp_runtime::DispatchError::Other("refused");
	let _ = with_storage_layer(|| {
		match action {
			Action::Place { m } => {
				*next += 1;
				return Mode2::request(
					*next,
					Profile { k: 2, m, ..Profile::DEFAULT },
					nil_types::Hint::Hot,
				)
				.map_err(refused);
			},
			Action::Commit { pick, slots } => {
				let Some(deal) = deal(pick) else { return Ok(()) };
				let stripe = Stripes::<Test>::get(deal).unwrap();
				let able: Vec<_> = (0u8..)
					.zip(&stripe.slots)
					.filter(|(slot, held)| {
						held.state != SlotState::Vacant && slots & (1 << slot) == 0
					})
					.map(|(slot, _)| slot)
					.collect();
				if able.len() > 2 {
					commit(deal, able);
				}
			},
			Action::Evict { pick, slot } => {
				let Some(deal) = deal(pick) else { return Ok(()) };
				Mode2::do_evict(deal, slot);
			},
			Action::Replace { pick, slot } => {
				let Some(deal) = deal(pick) else { return Ok(()) };
				return Mode2::replace(deal, slot).map_err(refused);
			},
			Action::Status { provider, status } => {
				Registry::mutate(provider, |entry| {
					let entry = entry.as_mut().expect("registered");
					entry.draining = status == 0;
					entry.jailed = status == 1;
				});
				if status < 2 {
					<Mode2 as DepartureHooks<_>>::departs(&provider);
				}
			},
			Action::Complete { pick, back, right } => {
				let Some((deal, slot)) = repaired(pick) else { return Ok(()) };
				let Some(Repair {
					stage: Stage::Rebuilding(Candidate { provider, samples: Some(_), .. }),
					..
				}) = Repairs::<Test>::get(deal, slot)
				else {
					return Ok(());
				};
				let current = Committed::iter_key_prefix(deal).max().unwrap_or_default();
				let generation = current.saturating_sub(back);
				let items = proof(deal, slot, generation);
				let origin = RuntimeOrigin::signed(provider);
				let y = [u8::from(right); 32];
				Mode2::complete_repair(origin, deal, slot, generation, items, y, [0; 48])
					.map_err(|error| error.error)?;
			},
			Action::Decline { pick } => {
				let Some((deal, slot)) = repaired(pick) else { return Ok(()) };
				let SlotState::Repairing { candidate, .. } = state(deal, slot) else {
					return Ok(());
				};
				Mode2::do_decline(candidate, deal, slot)?;
			},
			Action::ComeBack { pick } => {
				let Some((deal, slot)) = repaired(pick) else { return Ok(()) };
				let former = Repairs::<Test>::get(deal, slot).and_then(|repair| repair.former);
				Mode2::do_come_back(former.unwrap_or_default(), deal, slot)?;
			},
			Action::Prod { pick } => {
				let Some((deal, slot)) = repaired(pick) else { return Ok(()) };
				Mode2::do_repair(deal, slot)?;
			},
			Action::Close { pick } => {
				let Some(deal) = deal(pick) else { return Ok(()) };
				Mode2::close(deal);
				let _ = Committed::clear_prefix(deal, u32::MAX, None);
			},
			Action::Advance { blocks, record: recorded } => {
				advance(blocks);
				if recorded {
					record(Now::get() as u8);
				}
			},
			Action::Poll { room } => {
				let limit =
					frame_support::weights::Weight::from_parts(room * 1_000_000_000, room * 40_000);
				assert!(poll(limit).all_lte(limit), "the hook stays within its meter");
			},
			Action::Idle => {
				idle();
			},
		}
		Ok(())
	});
}

/// The registry's books are what slots, candidates and adoptions say.
fn check_books() {
	let mut books = BTreeMap::<AccountId, (u32, u64)>::new();
	let mut book = |who: AccountId, slots: u32, bytes: u64| {
		let entry = books.entry(who).or_default();
		entry.0 += slots;
		entry.1 += bytes;
	};
	for stripe in Stripes::<Test>::iter_values() {
		for slot in stripe.slots {
			if let Some(provider) = slot.state.provider() {
				book(*provider, 1, slot.bytes);
			}
		}
	}
	for repair in Repairs::<Test>::iter_values() {
		match repair.stage {
			Stage::Waiting => {},
			Stage::Rebuilding(candidate) => {
				book(candidate.provider, 1, candidate.reserved + candidate.own_bytes);
			},
			Stage::Adopting(adoption) => book(adoption.provider, 0, adoption.reserved),
		}
	}
	for (id, provider) in Registry::iter() {
		assert_eq!(books.get(&id).copied().unwrap_or_default(), (provider.slots, provider.used));
	}
}

/// What is told of a slot and commit is told of one provider at a time: each owes what it was told of last.
fn check_told() {
	let mut owed = BTreeMap::<(AccountId, u64, u8), Vec<u32>>::new();
	for told in Heard::get() {
		match told {
			Told::Signed(who, allocation) => {
				let commits = owed.entry((who, allocation.deal, allocation.slot)).or_default();
				assert!(!commits.contains(&allocation.generation), "a commit is told once");
				commits.push(allocation.generation);
			},
			Told::Ended(who, deal, slot) | Told::Released(who, deal, slot) => {
				assert!(
					owed.remove(&(who, deal, slot)).is_some(),
					"nothing ends that was not told"
				);
			},
			Told::Raised(..) | Told::EndedAfterRelease(..) => {},
		}
	}
	for ((who, deal, slot), mut commits) in owed {
		let held = &Stripes::<Test>::get(deal).expect("it did not end").slots[usize::from(slot)];
		if held.state.provider() == Some(&who) {
			assert_eq!(commits.len(), held.signed as usize);
		} else {
			let Some(Repair { stage: Stage::Rebuilding(candidate), .. }) =
				Repairs::<Test>::get(deal, slot)
			else {
				panic!("{who} owes a slot that it does not hold")
			};
			assert_eq!(candidate.provider, who);
			let mut own = candidate.own.to_vec();
			own.sort_unstable();
			commits.sort_unstable();
			assert_eq!(own, commits);
		}
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(96))]

	#[test]
	fn repairs_keep_the_invariants(actions in vec(action(), 1..80)) {
		new_test_ext().execute_with(|| {
			place(1_000, small());
			commit(1_000, 0..4);
			let mut next = 0;
			for action in actions {
				let described = format!("{action:?}");
				perform(action, &mut next);
				Mode2::do_try_state().unwrap_or_else(|why| panic!("{described}: {why:?}"));
				check_books();
				check_told();
			}
			for deal in Stripes::<Test>::iter_keys().collect::<Vec<_>>() {
				Mode2::close(deal);
			}
			Mode2::do_try_state().unwrap();
			check_books();
			assert_eq!(RepairQueue::<Test>::iter_keys().count(), 0);
			assert_eq!(SlotsOf::<Test>::iter_keys().count(), 0);
		});
	}
}
