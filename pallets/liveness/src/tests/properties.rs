//! Random calls and time, against a model that is told everything at once and keeps plain lists.

use crate::{book::growth, mock::*, *};
use frame_support::{storage::with_storage_layer, traits::Hooks, weights::Weight};
use nil_types::{
	DealId, Generation, Hash32, Hint, Profile, SlotIndex,
	challenge::{Census, Lists, Sample, SizeClass, sample, samples_of},
	layout::MAX_MDUS,
	traits::{Allocation, CreditSource, EpochClock, SlotHooks},
};
use proptest::{collection::vec, prelude::*};
use std::collections::{BTreeMap, BTreeSet};

/// Providers, each of which has one slot of every deal.
const PROVIDERS: u8 = 3;

#[derive(Clone, Debug)]
enum Action {
	Create { hot: bool },
	Commit { pick: usize, rows: u64, signers: u8 },
	End { pick: usize },
	Wait { blocks: u32 },
	NextEpoch { recorded: bool },
	Advance { provider: u8, steps: u32 },
	Answer { provider: u8, from: u32, count: u32, tamper: u8 },
	Earn { provider: u8, pick: usize, count: u32 },
	Waive { provider: u8, from: u32, count: u32 },
	SetParams { samples: u32, hot: u32, cap: u16 },
	Idle,
}

fn action() -> impl Strategy<Value = Action> {
	let pick = 0usize..6;
	let rows = prop_oneof![4 => 1u64..40, 1 => 40u64..3_000];
	prop_oneof![
		2 => any::<bool>().prop_map(|hot| Action::Create { hot }),
		8 => (pick.clone(), rows, 1u8..8)
			.prop_map(|(pick, rows, signers)| Action::Commit { pick, rows, signers }),
		2 => pick.clone().prop_map(|pick| Action::End { pick }),
		3 => (1u32..30).prop_map(|blocks| Action::Wait { blocks }),
		5 => (0u8..8).prop_map(|recorded| Action::NextEpoch { recorded: recorded > 0 }),
		6 => (0..PROVIDERS, 1u32..12)
			.prop_map(|(provider, steps)| Action::Advance { provider, steps }),
		6 => (0..PROVIDERS, 0u32..20, 1u32..17, 0u8..12).prop_map(
			|(provider, from, count, tamper)| Action::Answer { provider, from, count, tamper }
		),
		4 => (0..PROVIDERS, pick, 1u32..4)
			.prop_map(|(provider, pick, count)| Action::Earn { provider, pick, count }),
		4 => (0..PROVIDERS, 0u32..10, 1u32..4)
			.prop_map(|(provider, from, count)| Action::Waive { provider, from, count }),
		1 => (1u32..20, 1u32..5, 0u16..=7_500)
			.prop_map(|(samples, hot, cap)| Action::SetParams { samples, hot, cap }),
		2 => Just(Action::Idle),
	]
}

/// A provider's lists as they are when everything that happened before the round is applied at once.
#[derive(Clone, Default)]
struct Plain {
	lists: BTreeMap<(bool, SizeClass), Vec<Allocation>>,
	/// Slots, each with what was signed for it, in order.
	slots: Vec<(DealId, Vec<Allocation>)>,
}

impl Plain {
	fn apply(&mut self, change: &Change) {
		match change {
			Change::Signed(allocation) => {
				let class = SizeClass::of(allocation.rows).unwrap();
				let list = (allocation.hint == Hint::Hot, class);
				self.lists.entry(list).or_default().push(*allocation);
				match self.slots.iter_mut().find(|(deal, _)| *deal == allocation.deal) {
					Some((_, signed)) => signed.push(*allocation),
					None => self.slots.push((allocation.deal, vec![*allocation])),
				}
			},
			Change::Raised { .. } => {},
			Change::Ended { deal, .. } => {
				let at = self.slots.iter().position(|(slot, _)| slot == deal).unwrap();
				let (_, signed) = self.slots.swap_remove(at);
				for allocation in signed.into_iter().rev() {
					let class = SizeClass::of(allocation.rows).unwrap();
					let key = (allocation.hint == Hint::Hot, class);
					let list = self.lists.get_mut(&key).unwrap();
					let place = list.iter().position(|other| *other == allocation).unwrap();
					list.swap_remove(place);
					if list.is_empty() {
						self.lists.remove(&key);
					}
				}
			},
		}
	}

	fn blobs(&self) -> u64 {
		self.lists.values().flatten().map(|allocation| allocation.rows).sum()
	}

	fn census(&self) -> Census {
		let lengths = |hot: bool| {
			let of_hint = self.lists.iter().filter(move |((is_hot, _), _)| *is_hot == hot);
			of_hint.map(|((_, class), list)| (*class, list.len() as u32)).collect()
		};
		Census { cold: lengths(false), hot: lengths(true), slots: self.slots.len() as u32 }
	}

	/// What is asked under an ordinal: deal, generation, MDU and leaf.
	fn asked(
		&self,
		provider: u8,
		r_e: &Hash32,
		hot_factor: u32,
		ordinal: u32,
	) -> (DealId, Generation, u64, u16) {
		let id = [provider; 32];
		let drawn = sample(r_e, &id, ordinal, &self.census(), hot_factor, self).unwrap();
		let (allocation, row) = match drawn.unwrap() {
			Sample::Listed { hint, class, index, row } => {
				(self.lists[&(hint == Hint::Hot, class)][index as usize], row)
			},
			Sample::Slot { index, mut row } => {
				let (_, signed) = &self.slots[index as usize];
				let allocation = signed.iter().find(|allocation| {
					let within = row < allocation.rows;
					if !within {
						row -= allocation.rows;
					}
					within
				});
				(*allocation.unwrap(), row)
			},
		};
		let Allocation { deal, slot, generation, profile, first_mdu, .. } = allocation;
		let per_mdu = u64::from(profile.rows());
		let leaf = profile.leaf(slot, (row % per_mdu) as u8);
		(deal, generation, first_mdu + row / per_mdu, leaf)
	}
}

impl Lists for &Plain {
	type Error = ();

	fn rows(&mut self, hint: Hint, class: SizeClass, index: u32) -> Result<u64, ()> {
		let list = self.lists.get(&(hint == Hint::Hot, class)).ok_or(())?;
		list.get(index as usize).map(|allocation| allocation.rows).ok_or(())
	}

	fn slot_rows(&mut self, index: u32) -> Result<u64, ()> {
		let (_, signed) = self.slots.get(index as usize).ok_or(())?;
		Ok(signed.iter().map(|allocation| allocation.rows).sum())
	}
}

/// What the model knows of a provider.
#[derive(Clone, Default)]
struct Party {
	/// What the round in force found.
	found: Plain,
	/// What happened since.
	since: Vec<Change>,
	/// Credits that the round found and that are not spent, of its slot of each deal.
	credits: BTreeMap<DealId, u32>,
	/// Credits that were earned since.
	earned: BTreeMap<DealId, u32>,
	/// The ordinals answered in the round, each with what it is worth.
	answered: BTreeMap<u32, u16>,
	index: u64,
	silent: u32,
	missed: u64,
}

struct Living {
	hint: Hint,
	profile: Profile,
	generation: Generation,
	mdus: u64,
	/// Slots with something signed.
	signed: BTreeSet<SlotIndex>,
}

struct Model {
	parties: Vec<Party>,
	deals: BTreeMap<DealId, Living>,
	next_deal: DealId,
	/// Parameters in force, and those that were set.
	params: LivenessParams,
	next_params: LivenessParams,
}

fn provider(number: u8) -> AccountId {
	account(number + 1)
}

/// The slot of a deal that a provider has.
fn slot_of(number: u8, deal: DealId) -> SlotIndex {
	(number + PROVIDERS - (deal % u64::from(PROVIDERS)) as u8) % PROVIDERS
}

/// How many samples are asked of a party.
fn due(params: &LivenessParams, party: &Party) -> u32 {
	samples_of(params.samples_per_epoch, party.found.blobs())
}

impl Model {
	fn new() -> Self {
		Self {
			parties: vec![Party::default(); usize::from(PROVIDERS)],
			deals: BTreeMap::new(),
			next_deal: 0,
			params: PARAMS,
			next_params: PARAMS,
		}
	}

	fn poll(&mut self) {
		let before = Liveness::round();
		poll();
		if Liveness::round() > before {
			self.turn(before > 0);
		}
	}

	/// The round in force is over, if there was one, and another one begins.
	fn turn(&mut self, had_round: bool) {
		for party in &mut self.parties {
			let due = due(&self.params, party);
			if had_round && due > 0 {
				let answered = party.answered.len() as u32;
				if answered == 0 {
					party.silent += 1;
				} else {
					let credit: u32 = party.answered.values().map(|share| u32::from(*share)).sum();
					party.index += growth(credit, due);
					party.missed += u64::from(due - answered);
				}
			}
			party.answered.clear();
			for (deal, count) in std::mem::take(&mut party.earned) {
				*party.credits.entry(deal).or_default() += count;
			}
			for change in std::mem::take(&mut party.since) {
				party.found.apply(&change);
			}
		}
		self.params = self.next_params;
	}

	fn picked(&self, pick: usize) -> Option<DealId> {
		self.deals.keys().nth(pick).copied()
	}

	fn perform(&mut self, action: Action) {
		match action {
			Action::Create { hot } => {
				let hint = if hot { Hint::Hot } else { Hint::Cold };
				// Every other deal has other rows.
				let k = if self.next_deal.is_multiple_of(2) { 2 } else { 16 };
				let profile = Profile { k, m: 1, ..Profile::DEFAULT };
				let signed = BTreeSet::new();
				let deal = Living { hint, profile, generation: 0, mdus: 0, signed };
				self.deals.insert(self.next_deal, deal);
				self.next_deal += 1;
			},
			Action::Commit { pick, rows, signers } => {
				let Some(number) = self.picked(pick) else { return };
				let deal = self.deals.get_mut(&number).unwrap();
				let first_mdu = deal.mdus;
				let mdus = rows.div_ceil(u64::from(deal.profile.rows()));
				if first_mdu + mdus > MAX_MDUS {
					return;
				}
				deal.mdus += mdus;
				deal.generation += 1;
				for slot in (0..PROVIDERS).filter(|slot| signers & 1 << slot != 0) {
					let allocation = Allocation {
						deal: number,
						slot,
						generation: deal.generation,
						hint: deal.hint,
						profile: deal.profile,
						first_mdu,
						rows,
						price: PRICE,
					};
					// Each has another slot of each deal.
					let holder = (slot + (number % 3) as u8) % PROVIDERS;
					sign(&provider(holder), allocation);
					self.parties[usize::from(holder)].since.push(Change::Signed(allocation));
					deal.signed.insert(slot);
				}
			},
			Action::End { pick } => {
				let Some(number) = self.picked(pick) else { return };
				let deal = self.deals.remove(&number).unwrap();
				for slot in deal.signed {
					let holder = (slot + (number % 3) as u8) % PROVIDERS;
					<Liveness as SlotHooks<_>>::ended(&provider(holder), number, slot);
					let change = Change::Ended { deal: number, slot };
					self.parties[usize::from(holder)].since.push(change);
				}
			},
			Action::Wait { blocks } => {
				// Within the epoch.
				wait(blocks.min(LENGTH - 1 - Now::get() % LENGTH));
				self.poll();
			},
			Action::NextEpoch { recorded } => {
				to_next_epoch();
				self.poll();
				if recorded {
					begin();
				}
			},
			Action::Advance { provider: number, steps } => {
				let _ = advance(&provider(number), steps);
			},
			Action::Answer { provider: number, from, count, tamper } => {
				self.answer(number, from..from + count, tamper);
			},
			Action::Earn { provider: number, pick, count } => {
				let Some(deal) = self.picked(pick) else { return };
				earn(&provider(number), deal, slot_of(number, deal), count);
				*self.parties[usize::from(number)].earned.entry(deal).or_default() += count;
			},
			Action::Waive { provider: number, from, count } => {
				self.waive(number, from..from + count);
			},
			Action::SetParams { samples, hot, cap } => {
				let params = LivenessParams {
					samples_per_epoch: samples,
					hot_factor: hot,
					credit_cap: cap,
					..PARAMS
				};
				Liveness::set_params(RuntimeOrigin::root(), params).unwrap();
				self.next_params = params;
			},
			// Who is found silent, and which slots have missed too much, changes nothing that is asked.
			Action::Idle => {
				Liveness::on_idle(1, Weight::MAX);
				// Of who has nothing left to answer for there may be nothing left.
				for (number, party) in (0..PROVIDERS).zip(&mut self.parties) {
					if !Books::<Test>::contains_key(provider(number)) {
						assert!(party.found.blobs() == 0 && party.since.is_empty());
						(party.index, party.silent, party.missed) = (0, 0, 0);
					}
				}
			},
		}
	}

	/// Answers those of the ordinals that are open, perhaps with something wrong about it.
	fn answer(&mut self, number: u8, ordinals: std::ops::Range<u32>, tamper: u8) {
		let who = provider(number);
		let due = Liveness::due(&who);
		let party = &mut self.parties[usize::from(number)];
		let open: Vec<_> =
			ordinals.filter(|i| *i < due && !party.answered.contains_key(i)).collect();
		if open.is_empty() {
			return;
		}
		let mut answer = Submission::of(&who, open.iter().copied());
		match tamper {
			0 => answer.y[7] ^= 1,
			1 => answer.block[0] ^= 1,
			2 => answer.items[0].mdu += 1,
			3 => answer.items[0].ordinal = due,
			_ => {},
		}
		let outcome = answer.dispatch();
		assert_eq!(outcome.is_ok(), tamper == 0 || tamper > 3);
		if tamper > 3 {
			let delay = Now::get() - Liveness::epoch().unwrap().drawn_at;
			let share = Liveness::params().share(delay);
			party.answered.extend(open.into_iter().map(|ordinal| (ordinal, share)));
		}
	}

	/// Whether credits waive these ordinals of a party, one after the other; and those that are left then.
	fn credited(
		&self,
		number: u8,
		randomness: &Hash32,
		ordinals: &[u32],
	) -> (Vec<bool>, BTreeMap<DealId, u32>) {
		let party = &self.parties[usize::from(number)];
		let may = due(&self.params, party) * u32::from(self.params.credit_cap) / 10_000;
		let mut left = party.credits.clone();
		let waived = ordinals.iter().map(|ordinal| {
			let (deal, ..) =
				party.found.asked(number + 1, randomness, self.params.hot_factor, *ordinal);
			let credit = left.get_mut(&deal).filter(|credit| *ordinal < may && **credit > 0);
			credit.map(|credit| *credit -= 1).is_some()
		});
		let waived = waived.collect();
		(waived, left)
	}

	/// Waives those of the ordinals that are open, if there are credits for all of them.
	fn waive(&mut self, number: u8, ordinals: std::ops::Range<u32>) {
		let who = provider(number);
		let due = Liveness::due(&who);
		let answered = &self.parties[usize::from(number)].answered;
		let open: Vec<_> = ordinals.filter(|i| *i < due && !answered.contains_key(i)).collect();
		if open.is_empty() {
			return;
		}
		let current = Liveness::epoch().unwrap();
		let (waived, left) = self.credited(number, &current.randomness, &open);
		let all = waived.iter().all(|waived| *waived);
		assert_eq!(waive(&who, &open).is_ok(), all);
		if all {
			let share = Liveness::params().share(Now::get() - current.drawn_at);
			let party = &mut self.parties[usize::from(number)];
			party.credits = left;
			party.answered.extend(open.into_iter().map(|ordinal| (ordinal, share)));
		}
	}

	/// The pallet asks what the model asks, of everybody who can answer.
	fn check(&self) {
		let current = Liveness::epoch();
		for (number, party) in (0..PROVIDERS).zip(&self.parties) {
			let who = provider(number);
			let ready = current.filter(|current| !Liveness::is_behind(&who, current.round));
			let Some(current) = ready else {
				assert_eq!((Liveness::due(&who), Liveness::asked(&who, 0)), (0, None));
				continue;
			};
			let due = due(&self.params, party);
			assert_eq!(Liveness::due(&who), due);
			for ordinal in 0..due {
				let asked = Liveness::asked(&who, ordinal).unwrap();
				let expected = party.found.asked(
					number + 1,
					&current.randomness,
					self.params.hot_factor,
					ordinal,
				);
				assert_eq!((asked.deal, asked.generation, asked.mdu, asked.leaf), expected);
			}
			let open: Vec<_> = (0..due).filter(|i| !party.answered.contains_key(i)).collect();
			let (waived, _) = self.credited(number, &current.randomness, &open);
			let waivable = open.into_iter().zip(waived).filter(|(_, waived)| *waived);
			let waivable: Vec<_> = waivable.map(|(ordinal, _)| ordinal).collect();
			assert_eq!(Liveness::duty(&who).waivable, waivable);
			for (deal, left) in &party.credits {
				let slot = slot_of(number, *deal);
				assert_eq!(MockReads::credits(&who, *deal, slot, current.round), *left);
			}
			if let Some(mut book) = Books::<Test>::get(&who) {
				book.close_until(current.round);
				assert_eq!(book.blobs, party.found.blobs());
				assert_eq!(book.census, party.found.census());
				assert_eq!(book.count as usize, party.answered.len());
				assert_eq!(
					(book.index, book.silent, book.missed),
					(party.index, party.silent, party.missed)
				);
			}
		}
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(96))]

	/// Nobody's samples depend on anything that happens in the epoch, nor on who applies what happened before it, in how
	/// many steps; accounts are those of epochs that are closed one by one. Credits waive what they may, each once.
	#[test]
	fn samples_and_accounts_are_those_of_the_model(actions in vec(action(), 1..80)) {
		new_test_ext().execute_with(|| {
			let mut model = Model::new();
			for action in actions {
				let described = format!("{action:?}");
				model.perform(action);
				Liveness::do_try_state().unwrap_or_else(|why| panic!("{described}: {why:?}"));
				model.check();
			}
			// Everything ends, and nothing is left but accounts.
			while !model.deals.is_empty() {
				model.perform(Action::End { pick: 0 });
			}
			// The first may draw a round that waits, in which what ends is still owed.
			for _ in 0..2 {
				model.perform(Action::NextEpoch { recorded: true });
			}
			for number in 0..PROVIDERS {
				catch_up(&provider(number));
			}
			Liveness::do_try_state().unwrap();
			model.check();
			assert_eq!(Journal::<Test>::iter_keys().count(), 0);
			assert_eq!(Entries::<Test>::iter_keys().count(), 0);
			assert_eq!(Places::<Test>::iter_keys().count(), 0);
			assert_eq!(Slots::<Test>::iter_keys().count(), 0);
			assert_eq!(SlotPlaces::<Test>::iter_keys().count(), 0);
		});
	}

	/// Closing epochs one by one or all at once is the same.
	#[test]
	fn epochs_are_closed_in_any_portions(
		answers in vec((any::<bool>(), 0u32..16, 0u16..=WHOLE), 1..12),
		stops in vec(any::<bool>(), 12),
	) {
		let fresh = || {
			let mut book = BookOf::<Test>::new(1);
			book.blobs = 100;
			book
		};
		let (mut lazy, mut eager) = (fresh(), fresh());
		for (round, ((answered, ordinal, share), stop)) in (1..).zip(answers.iter().zip(&stops)) {
			eager.close_until(round);
			for book in [&mut lazy, &mut eager] {
				if *answered {
					book.close_until(round);
					book.open(16, 0);
					book.answer(*ordinal, *share);
				}
			}
			if *stop {
				lazy.close_until(round);
			}
		}
		for book in [&mut lazy, &mut eager] {
			book.close_until(100);
		}
		prop_assert_eq!(lazy, eager);
	}
}

#[test]
fn refusals_undo_everything() {
	run(|| {
		let provider = account(1);
		sign(&provider, allocation(0, 1, 20));
		begin();
		catch_up(&provider);
		let answer = Submission::of(&provider, 0..4);
		let before = book(&provider);
		let outcome = with_storage_layer(|| {
			answer.dispatch().map_err(|error| error.error)?;
			Err::<(), _>(sp_runtime::DispatchError::Other("undone"))
		});
		assert!(outcome.is_err());
		assert_eq!(book(&provider), before);
	});
}
