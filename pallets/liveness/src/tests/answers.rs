//! Answers: what is refused and why, what counts, and what wrong proofs do.

use crate::{mock::*, *};
use codec::{Decode, Encode};
use frame_support::{assert_noop, assert_ok, dispatch::Pays, storage::with_storage_layer};
use nil_types::{
	Generation, Hint, Profile,
	challenge::{Lists, Sample, SizeClass, sample},
	traits::Allocation,
};
use std::collections::BTreeSet;

/// A provider with several hundred blobs, in several lists and slots, in an epoch in force.
fn provider() -> AccountId {
	let provider = account(1);
	give(&provider, 10);
	begin();
	catch_up(&provider);
	provider
}

/// Lets a provider sign for the same content as any other.
fn give(provider: &AccountId, deals: u64) {
	for deal in 0..deals {
		for generation in 1..=3 {
			let hint = if deal % 3 == 0 { Hint::Hot } else { Hint::Cold };
			let rows = 5 + 7 * deal + 11 * u64::from(generation);
			sign(provider, Allocation { hint, ..allocation(deal, generation, rows) });
		}
	}
}

/// Submissions that are refused change nothing.
fn refused(submission: Submission, error: Error<Test>) {
	assert_noop!(submission.dispatch(), error);
}

#[test]
fn a_full_answer_counts_once() {
	run(|| {
		let provider = provider();
		let answer = Submission::of(&provider, 0..16);
		events();
		assert_ok!(answer.clone().dispatch());
		assert_eq!(
			events(),
			[Event::Answered {
				provider: provider.clone(),
				epoch: FIRST_EPOCH,
				ordinals: (0..16).collect(),
				share: WHOLE,
			}]
		);
		let held = book(&provider);
		assert_eq!((held.due, held.count, held.credit), (16, 16, 160_000));
		assert_eq!(held.answered.to_vec(), [0xff, 0xff]);
		refused(answer, Error::AlreadyAnswered);
	});
}

#[test]
fn an_answer_to_all_that_is_open_is_free() {
	run(|| {
		let provider = provider();
		let pays = |ordinals: core::ops::Range<u32>| {
			Submission::of(&provider, ordinals).dispatch().unwrap().pays_fee
		};
		assert_eq!(pays(0..15), Pays::Yes);
		assert_eq!(pays(15..16), Pays::No);
		next_epoch();
		assert_eq!(pays(0..16), Pays::No);
		// And one to as much as a call may answer.
		let params = LivenessParams { samples_per_epoch: MAX_ITEMS + 16, ..PARAMS };
		assert_ok!(Liveness::set_params(RuntimeOrigin::root(), params));
		next_epoch();
		assert_eq!(pays(0..MAX_ITEMS), Pays::No);
		assert_eq!(pays(MAX_ITEMS..MAX_ITEMS + 15), Pays::Yes);
	});
}

#[test]
fn an_answer_may_come_in_parts_and_partly() {
	run(|| {
		let provider = provider();
		assert_ok!(Submission::of(&provider, [3, 7, 15]).dispatch());
		assert_ok!(Submission::of(&provider, [0, 8]).dispatch());
		assert_eq!(book(&provider).answered.to_vec(), [0b1000_1001, 0b1000_0001]);
		// An ordinal twice spoils the rest of its call.
		refused(Submission::of(&provider, [1, 2, 3]), Error::AlreadyAnswered);
		assert_ok!(Submission::of(&provider, [1, 2]).dispatch());
		assert_eq!(book(&provider).count, 7);
	});
}

#[test]
fn ordinals_increase_and_are_due() {
	run(|| {
		let provider = provider();
		for ordinals in [&[1u32, 1] as &[u32], &[2, 1], &[0, 5, 5]] {
			refused(Submission::of(&provider, ordinals.iter().copied()), Error::OutOfOrder);
		}
		let mut beyond = Submission::of(&provider, [14, 15]);
		beyond.items[1].ordinal = 16;
		refused(beyond.opened(), Error::NoSuchOrdinal);
		let mut none = Submission::of(&provider, [0]);
		none.items.clear();
		refused(none, Error::NoItems);
	});
}

#[test]
fn an_answer_is_for_the_epoch_in_force_and_its_randomness() {
	run(|| {
		let before_any = Submission {
			who: account(1),
			epoch: FIRST_EPOCH,
			r_e: [0; 32],
			block: [0; 32],
			items: Vec::new(),
			y: [0; 32],
			pi: [0; 48],
		};
		refused(before_any, Error::NotDrawn);
		let provider = provider();
		let answer = Submission::of(&provider, 0..16);
		for epoch in [FIRST_EPOCH - 1, FIRST_EPOCH + 1] {
			refused(Submission { epoch, ..answer.clone() }, Error::WrongEpoch);
		}
		// On another branch of the chain another block drew the round, from the same record or another one.
		let (block, r_e) = ([1; 32], [1; 32]);
		refused(Submission { block, ..answer.clone() }, Error::Stale);
		refused(Submission { block, r_e, ..answer.clone() }.opened(), Error::Stale);

		// Yesterday's proofs: while today's questions are not drawn, and then as they were and under today's name.
		to_next_epoch();
		poll();
		refused(answer.clone(), Error::NotDrawn);
		begin();
		refused(answer.clone(), Error::WrongEpoch);
		let epoch = FIRST_EPOCH + 1;
		refused(Submission { epoch, ..answer.clone() }, Error::Stale);
		let EpochRecord { randomness: r_e, block, .. } = Liveness::epoch().unwrap();
		let renamed = Submission { epoch, r_e, block: block.unwrap(), ..answer }.opened();
		assert!(renamed.dispatch().is_err());
		assert_ok!(Submission::of(&provider, 0..16).dispatch());
	});
}

#[test]
fn who_is_behind_or_owes_nothing_answers_nothing() {
	run(|| {
		let provider = provider();
		let answer = Submission::of(&provider, 0..16);
		refused(Submission { who: account(2), ..answer }.opened(), Error::NothingDue);

		sign(&provider, allocation(50, 1, 8));
		next_epoch();
		let current = Liveness::epoch().unwrap();
		let early = Submission {
			who: provider.clone(),
			epoch: current.epoch,
			r_e: current.randomness,
			block: current.block.unwrap(),
			items: vec![Item {
				ordinal: 0,
				place: None,
				mdu: 0,
				live: 1,
				leaf: 0,
				commitment: [0; 48],
				path: Default::default(),
				manifest_opening: [0; 48],
			}],
			y: [0; 32],
			pi: [0; 48],
		};
		refused(early.clone(), Error::NotAdvanced);
		assert_ok!(advance(&provider, 1));
		assert_ok!(Submission::of(&provider, 0..16).dispatch());

		// Nothing is left of its lists.
		for deal in (0..10).chain([50]) {
			end(&provider, deal);
		}
		next_epoch();
		catch_up(&provider);
		let current = Liveness::epoch().unwrap();
		let (epoch, block) = (current.epoch, current.block.unwrap());
		refused(Submission { epoch, block, ..early }, Error::NothingDue);
	});
}

#[test]
fn other_blobs_than_those_asked_for_are_refused() {
	run(|| {
		let (first, second) = (account(1), account(2));
		give(&first, 10);
		give(&second, 10);
		begin();
		catch_up(&first);
		catch_up(&second);
		// The same content, but each is asked for its own.
		let copied = Submission { who: second.clone(), ..Submission::of(&first, 0..16) }.opened();
		assert!(copied.dispatch().is_err());

		let answer = Submission::of(&first, 0..16);
		let changed = |ordinal: usize, change: &dyn Fn(&mut Item)| {
			let mut answer = answer.clone();
			change(&mut answer.items[ordinal]);
			answer.opened()
		};
		refused(changed(2, &|item| item.mdu += 1), Error::WrongMdu);
		refused(changed(15, &|item| item.mdu = u64::MAX), Error::WrongMdu);
		refused(changed(3, &|item| item.leaf ^= 1), Error::WrongLeaf);
		refused(changed(4, &|item| item.leaf += 8), Error::WrongLeaf);
		// Only those who were drawn by their slot say where the allocation stands.
		let place = answer.items[7].place;
		assert!(place.is_some() && answer.items[6].place.is_none());
		refused(changed(6, &|item| item.place = place), Error::WrongPlace);
		refused(changed(7, &|item| item.place = None), Error::WrongPlace);
		let class = SizeClass::of(8).unwrap();
		refused(
			changed(7, &|item| item.place = Some(Place { class, index: 7 })),
			Error::WrongPlace,
		);
	});
}

#[test]
fn the_allocation_of_a_slots_row_is_the_one_that_has_it() {
	run(|| {
		let provider = provider();
		let answer = Submission::of(&provider, [7, 15]);
		let asked = Liveness::asked(&provider, 15).unwrap();
		// Every other allocation of the provider, those of the same slot among them, has not the row.
		let mut others = 0;
		for ((hint, class, index), entry) in Entries::<Test>::iter_prefix(&provider) {
			let place = Place { class, index };
			let held = (entry.deal, entry.generation) == (asked.deal, asked.generation);
			let same_hint = (hint == Hint::Hot) == asked.deal.is_multiple_of(3);
			if held || !same_hint {
				continue;
			}
			let mut wrong = answer.clone();
			wrong.items[1].place = Some(place);
			refused(wrong.opened(), Error::WrongPlace);
			others += u32::from(entry.deal == asked.deal);
		}
		assert_eq!(others, 2);
		assert_ok!(answer.dispatch());
	});
}

#[test]
fn items_have_the_form_of_their_profile() {
	run(|| {
		let provider = provider();
		let answer = Submission::of(&provider, [0, 1]);
		for live in [0, 65, 255] {
			let mut bad = answer.clone();
			bad.items[1].live = live;
			refused(bad.opened(), Error::BadStructure);
		}
		for length in [0, COLD.path_len() - 1, COLD.path_len() + 1] {
			let mut bad = answer.clone();
			bad.items[1].path = vec![SIBLING; length].try_into().unwrap();
			refused(bad.opened(), Error::BadStructure);
		}
	});
}

#[test]
fn wrong_proofs_answer_nothing_and_are_slashed() {
	run(|| {
		type W = <Test as Config>::WeightInfo;
		let provider = provider();
		let answer = Submission::of(&provider, 0..4);
		let wrong = |change: &dyn Fn(&mut Submission)| {
			let mut answer = answer.clone();
			change(&mut answer);
			answer
		};
		let (mut forged, mut swapped) = (answer.clone(), answer.clone());
		forged.items[2].commitment[0] ^= 1;
		let commitments = [1, 2].map(|index: usize| swapped.items[index].commitment);
		swapped.items[1].commitment = commitments[1];
		swapped.items[2].commitment = commitments[0];
		for wrong in [
			wrong(&|answer| answer.y[31] ^= 1),
			wrong(&|answer| answer.pi[0] ^= 1),
			wrong(&|answer| answer.items[3].path[6][0] ^= 1),
			wrong(&|answer| answer.items[0].manifest_opening[47] ^= 1),
			forged.opened(),
			swapped.opened(),
			// The opening is that of all four.
			wrong(&|answer| drop(answer.items.pop())),
		] {
			let items = wrong.items.len() as u32;
			events();
			let post = wrong.dispatch().unwrap();
			// All of it is paid for, the slash included.
			assert_eq!(post.pays_fee, Pays::Yes);
			let least = W::submit_proofs(items).saturating_add(W::slash_invalid());
			assert!(post.actual_weight.unwrap().all_gte(least));
			let (provider, epoch) = (provider.clone(), FIRST_EPOCH);
			let slashed = REQUIRED / 10;
			assert_eq!(events(), [Event::InvalidProof { provider, epoch, items, slashed }]);
		}
		// Each of the seven, and nobody gets a share.
		assert_eq!(SlashedSums::get(&provider), Some((7 * REQUIRED / 10, None, 1_000)));
		let held = book(&provider);
		assert_eq!((held.count, held.credit), (0, 0));
		assert_ok!(answer.dispatch());
		assert_eq!(book(&provider).count, 4);
	});
}

#[test]
fn a_network_that_starts_does_not_slash_wrong_proofs() {
	run(|| {
		let params = LivenessParams { slashing: false, ..PARAMS };
		assert_ok!(Liveness::set_params(RuntimeOrigin::root(), params));
		let provider = provider();
		let mut wrong = Submission::of(&provider, 0..4);
		wrong.pi[0] ^= 1;
		events();
		assert_ok!(wrong.dispatch());
		let (provider, epoch) = (provider, FIRST_EPOCH);
		assert_eq!(SlashedSums::get(&provider), None);
		assert_eq!(events(), [Event::InvalidProof { provider, epoch, items: 4, slashed: 0 }]);
	});
}

#[test]
fn an_answer_is_the_same_on_every_branch_after_the_block_that_drew_its_round() {
	run(|| {
		let provider = provider();
		sign(&provider, allocation(50, 1, 8));
		next_epoch();
		// One branch applies the journal first and answers then, the other goes on for a while before it does.
		let branch = |blocks: u32| {
			let mut answer = None;
			let _ = with_storage_layer(|| {
				for block in 0..blocks {
					sign(&provider, allocation(60 + u64::from(block), 1, 100));
					end(&provider, u64::from(block));
					poll();
				}
				catch_up(&provider);
				let made = Submission::of(&provider, 0..16);
				assert_ok!(made.clone().dispatch());
				answer = Some((made.block, made.items, made.y, made.pi));
				Err::<(), _>(sp_runtime::DispatchError::Other("undone"))
			});
			answer.expect("it was made")
		};
		assert_eq!(branch(0), branch(3));
	});
}

#[test]
fn nobody_is_asked_for_more_than_it_has() {
	run(|| {
		let provider = account(1);
		sign(&provider, allocation(0, 1, 3));
		begin();
		catch_up(&provider);
		assert_eq!(Liveness::due(&provider), 3);
		let mut beyond = Submission::of(&provider, 0..3);
		beyond.items.push(Item { ordinal: 3, ..beyond.items[2].clone() });
		refused(beyond.opened(), Error::NoSuchOrdinal);
		assert_ok!(Submission::of(&provider, 0..3).dispatch());
		assert_eq!(book(&provider).answered.to_vec(), [0b111]);
	});
}

#[test]
fn what_is_too_long_does_not_decode() {
	run(|| {
		let provider = provider();
		let good = Submission::of(&provider, [0]);
		let item = good.items[0].clone();
		let call = |items: Vec<u8>| {
			let mut bytes = vec![0];
			(good.epoch, good.block).encode_to(&mut bytes);
			bytes.extend(items);
			(good.y, good.pi).encode_to(&mut bytes);
			Call::<Test>::decode(&mut &bytes[..])
		};
		assert!(call(vec![item.clone(); MAX_ITEMS as usize].encode()).is_ok());
		assert!(call(vec![item.clone(); MAX_ITEMS as usize + 1].encode()).is_err());
		// A path of twelve hashes in the place of seven.
		let long = {
			let mut bytes = item.encode();
			let path = bytes.len() - 48 - 32 * item.path.len() - 1;
			assert_eq!(bytes[path], 4 * 7);
			bytes[path] = 4 * 12;
			let rest = bytes.split_off(path + 1);
			bytes.extend([0; 5 * 32]);
			[vec![4], bytes, rest].concat()
		};
		assert!(call(long).is_err());
		assert!(call(vec![item].encode()).is_ok());
	});
}

#[test]
fn an_item_takes_little_room() {
	run(|| {
		let provider = provider();
		let sizes: Vec<_> =
			Submission::of(&provider, 0..16).items.iter().map(Encode::encoded_size).collect();
		assert!(sizes.iter().sum::<usize>() <= 16 * 340, "{sizes:?}");
	});
}

/// A provider's lists, read from the pallet's storage.
struct Stored(AccountId);

impl Lists for Stored {
	type Error = ();

	fn rows(&mut self, hint: Hint, class: SizeClass, index: u32) -> Result<u64, ()> {
		Entries::<Test>::get(&self.0, (hint, class, index)).map(|entry| entry.rows.into()).ok_or(())
	}

	fn slot_rows(&mut self, index: u32) -> Result<u64, ()> {
		Slots::<Test>::get(&self.0, index).map(|held| held.rows.into()).ok_or(())
	}
}

#[test]
fn what_is_asked_is_what_is_drawn() {
	run(|| {
		let provider = provider();
		let (current, book) = (Liveness::epoch().unwrap(), book(&provider));
		let rows_before = |deal: u64, generation: Generation| -> u64 {
			(1..generation).map(|earlier| 5 + 7 * deal + 11 * u64::from(earlier)).sum()
		};
		let mut deals = BTreeSet::new();
		for ordinal in 0..16 {
			let drawn = sample(
				&current.randomness,
				&[1; 32],
				ordinal,
				&book.census,
				PARAMS.hot_factor,
				Stored(provider.clone()),
			);
			let asked = Liveness::asked(&provider, ordinal).unwrap();
			let per_mdu = u64::from(COLD.rows());
			// Back from MDU and leaf to the row of the allocation.
			let in_mdu = asked.leaf - COLD.leaf(3, 0);
			let row = (asked.mdu - 100 * u64::from(asked.generation)) * per_mdu + u64::from(in_mdu);
			let place = Places::<Test>::get(&provider, (asked.deal, 3, asked.generation)).unwrap();
			match drawn.unwrap().unwrap() {
				Sample::Listed { hint, class, index, row: drawn } => {
					assert_eq!((place, row), (Place { class, index }, drawn));
					assert_eq!(hint == Hint::Hot, asked.deal.is_multiple_of(3));
					assert_eq!(asked.place, None);
				},
				Sample::Slot { index, row: drawn } => {
					assert_eq!(Slots::<Test>::get(&provider, index).unwrap().deal, asked.deal);
					assert_eq!(rows_before(asked.deal, asked.generation) + row, drawn);
					assert_eq!(asked.place, Some(place));
				},
			}
			assert_eq!(asked.profile, COLD);
			deals.insert(asked.deal);
		}
		assert!(deals.len() > 3, "{deals:?}");
		assert_eq!(Liveness::asked(&provider, 16), None);
	});
}

#[test]
fn no_profile_has_longer_paths() {
	let longest = Profile::all(nil_types::CodeKind::Fr).map(|profile| profile.path_len()).max();
	assert_eq!(longest, Some(MAX_PATH as usize));
}
