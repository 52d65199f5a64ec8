//! What samples depend on: nobody's names, and nothing that happens in the epoch.

use crate::{mock::*, *};
use nil_types::{
	DealId, Generation, Hint,
	traits::{Allocation, SlotHooks},
};
use proptest::{
	collection::{btree_set, vec},
	prelude::*,
	sample::Index,
};
use std::collections::BTreeMap;

/// What a provider is asked.
fn all_asked(provider: &AccountId) -> Vec<Asked> {
	(0..Liveness::due(provider)).filter_map(|i| Liveness::asked(provider, i)).collect()
}

/// Of each deal whether it is hot, and the rows of its commits.
fn shape() -> impl Strategy<Value = Vec<(bool, Vec<u64>)>> {
	vec((any::<bool>(), vec(1u64..100, 1..4)), 1..8)
}

/// What is asked of who stores `shape`, under names: deals, their first generations, and the slot of each. Deals and generations
/// are told by their place.
fn asked_under(
	shape: &[(bool, Vec<u64>)],
	names: &[(DealId, Generation, u8)],
) -> Vec<(usize, Generation, u64, u16, Option<Place>)> {
	new_test_ext().execute_with(|| {
		let provider = account(1);
		let mut places = BTreeMap::new();
		for (at, ((is_hot, commits), (deal, first, slot))) in shape.iter().zip(names).enumerate() {
			places.insert(*deal, (at, *first, *slot));
			let mut first_mdu = 0;
			for (generation, rows) in (*first..).zip(commits) {
				let hint = if *is_hot { Hint::Hot } else { Hint::Cold };
				let allocation = allocation(*deal, generation, *rows);
				sign(&provider, Allocation { hint, slot: *slot, first_mdu, ..allocation });
				first_mdu += rows.div_ceil(8);
			}
		}
		begin();
		catch_up(&provider);
		Liveness::do_try_state().expect("the invariants hold");
		let told = |asked: Asked| {
			let (at, first, slot) = places[&asked.deal];
			assert_eq!(asked.slot, slot);
			let row = asked.leaf - COLD.leaf(slot, 0);
			(at, asked.generation - first, asked.mdu, row, asked.place)
		};
		all_asked(&provider).into_iter().map(told).collect()
	})
}

/// Something that happens in an epoch.
#[derive(Clone, Debug)]
enum Event {
	/// A commit, to a deal that there is or to a new one.
	Commit { provider: u8, deal: DealId, rows: u64 },
	/// A deal is cancelled.
	Cancel { pick: Index },
	/// A repair is complete, after a drain or not: a slot goes over to another provider.
	Repair { pick: Index, to: u8 },
	/// A deal is extended for more.
	Raise { pick: Index },
	/// Somebody applies what can be applied.
	Advance { provider: u8, steps: u32 },
	/// A provider answers a sample.
	Answer { provider: u8, ordinal: u32 },
	/// Relay blocks pass.
	Wait(u32),
}

fn event() -> impl Strategy<Value = Event> {
	let provider = 1u8..4;
	prop_oneof![
		3 => (provider.clone(), 0u64..12, 1u64..60)
			.prop_map(|(provider, deal, rows)| Event::Commit { provider, deal, rows }),
		2 => any::<Index>().prop_map(|pick| Event::Cancel { pick }),
		2 => (any::<Index>(), provider.clone()).prop_map(|(pick, to)| Event::Repair { pick, to }),
		1 => any::<Index>().prop_map(|pick| Event::Raise { pick }),
		2 => (provider.clone(), 1u32..20)
			.prop_map(|(provider, steps)| Event::Advance { provider, steps }),
		2 => (provider, 0u32..16)
			.prop_map(|(provider, ordinal)| Event::Answer { provider, ordinal }),
		1 => (1u32..5).prop_map(Event::Wait),
	]
}

/// Deals that have content: who has slot 3, and what was signed for it.
#[derive(Default)]
struct World {
	deals: BTreeMap<DealId, (u8, Vec<Allocation>)>,
	gone: Vec<DealId>,
}

impl World {
	fn picked(&self, pick: &Index) -> Option<DealId> {
		let deals: Vec<_> = self.deals.keys().copied().collect();
		(!deals.is_empty()).then(|| *pick.get(&deals))
	}

	fn commit(&mut self, provider: u8, deal: DealId, rows: u64) {
		if self.gone.contains(&deal) {
			return;
		}
		if !self.deals.contains_key(&deal) {
			let rent = MockRent { locked: 1 << 100, expires_at: 1 << 30, ..Default::default() };
			MockRents::insert(deal, rent);
		}
		let (holder, signed) = self.deals.entry(deal).or_insert_with(|| (provider, Vec::new()));
		let allocation = allocation(deal, signed.len() as u32 + 1, rows);
		sign(&account(*holder), allocation);
		signed.push(allocation);
	}

	fn happen(&mut self, event: &Event) {
		match event {
			Event::Commit { provider, deal, rows } => self.commit(*provider, *deal, *rows),
			Event::Cancel { pick } => {
				let Some(deal) = self.picked(pick) else { return };
				let Some((holder, _)) = self.deals.remove(&deal) else { return };
				end(&account(holder), deal);
				MockRents::mutate(deal, |rent| {
					rent.as_mut().expect("every deal pays").ended = true;
				});
				self.gone.push(deal);
			},
			Event::Repair { pick, to } => {
				let Some(deal) = self.picked(pick) else { return };
				let Some((holder, signed)) = self.deals.get_mut(&deal) else { return };
				// What was taken from a provider may not come back while it is in its lists.
				if *to <= *holder {
					return;
				}
				<Liveness as SlotHooks<_>>::released(&account(*holder), deal, 3);
				*holder = *to;
				signed.iter().for_each(|allocation| sign(&account(*to), *allocation));
			},
			Event::Raise { pick } => {
				let Some(deal) = self.picked(pick) else { return };
				let Some((holder, _)) = self.deals.get(&deal) else { return };
				<Liveness as SlotHooks<_>>::raised(&account(*holder), deal, 3, PRICE);
			},
			Event::Advance { provider, steps } => {
				let _ = advance(&account(*provider), *steps);
			},
			Event::Answer { provider, ordinal } => {
				let provider = account(*provider);
				let open = !Liveness::duty(&provider).answered.contains(ordinal);
				if open && *ordinal < Liveness::due(&provider) {
					Submission::of(&provider, [*ordinal]).dispatch().unwrap();
				}
			},
			Event::Wait(blocks) => wait((*blocks).min(LENGTH - 1 - Now::get() % LENGTH)),
		}
		poll();
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(64))]

	/// Whoever chooses deals, generations and slots chooses names for what is asked, and not what is asked.
	#[test]
	fn names_decide_nothing(
		shape in shape(),
		deals in btree_set(any::<DealId>(), 8),
		firsts in vec(1u32..1 << 30, 8),
		slots in vec(0u8..12, 8),
	) {
		let plain: Vec<_> = (0..8).map(|deal| (deal, 1, 3)).collect();
		// In another order than that of their numbers.
		let chosen: Vec<_> =
			deals.into_iter().rev().zip(firsts).zip(slots).map(|((d, f), s)| (d, f, s)).collect();
		prop_assert_eq!(asked_under(&shape, &plain), asked_under(&shape, &chosen));
	}

	/// No commit, cancellation, repair or extension changes what the epoch asks of anybody; nor does who applies what, and who
	/// answers what.
	#[test]
	fn nothing_in_an_epoch_changes_what_it_asks(
		epochs in vec(vec(event(), 0..20), 2..6),
	) {
		new_test_ext().execute_with(|| {
			let mut world = World::default();
			for (provider, deal) in [1u8, 2, 3, 1, 2, 3].into_iter().zip(0..) {
				world.commit(provider, deal, 20 + deal);
			}
			let everybody = || (1u8..4).map(account);
			for events in epochs {
				next_epoch();
				everybody().for_each(|provider| catch_up(&provider));
				let asked: Vec<_> = everybody().map(|provider| all_asked(&provider)).collect();
				for event in &events {
					world.happen(event);
					let now: Vec<_> = everybody().map(|provider| all_asked(&provider)).collect();
					assert_eq!(now, asked, "{event:?}");
					Liveness::do_try_state().unwrap_or_else(|why| panic!("{event:?}: {why:?}"));
				}
			}
		});
	}
}
