//! Credits: which samples they waive, that each does so once, and what they never excuse.

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok, dispatch::Pays, storage::with_storage_layer};
use nil_types::DealId;
use std::collections::BTreeMap;

/// The samples that [`PARAMS`] let credits waive.
const MAY: u32 = 8;

/// A provider with a slot of each of three deals, in the first round, which asks for 16 samples.
fn provider() -> AccountId {
	let provider = account(1);
	for deal in 0..3 {
		sign(&provider, allocation(deal, 1, 40));
	}
	begin();
	catch_up(&provider);
	provider
}

/// On which deal each of the samples due falls.
fn deals(provider: &AccountId) -> Vec<DealId> {
	let asked = |ordinal| Liveness::asked(provider, ordinal).unwrap().deal;
	(0..Liveness::due(provider)).map(asked).collect()
}

/// The samples that credits may waive and that fall on a deal, and all the others.
fn split(provider: &AccountId, deal: DealId) -> (Vec<u32>, Vec<u32>) {
	let deals = deals(provider);
	(0u32..16).partition(|ordinal| *ordinal < MAY && deals[*ordinal as usize] == deal)
}

/// The deal on which most of the samples fall that may be waived, which are three at least.
fn busiest(provider: &AccountId) -> DealId {
	(0..3).max_by_key(|deal| split(provider, *deal).0.len()).unwrap()
}

/// Lets a deal's slot have earned credits before the first round.
fn found(provider: &AccountId, deal: DealId, count: usize) {
	MockCredits::mutate(provider, (deal, 3), |credits| credits.extend(vec![0u32; count]));
}

#[test]
fn credits_waive_samples_of_their_slot_alone() {
	run(|| {
		let provider = provider();
		let deal = busiest(&provider);
		found(&provider, deal, 100);
		let (mine, others) = split(&provider, deal);
		assert_eq!(Liveness::duty(&provider).waivable, mine);
		let of_others = others[0];
		assert!(of_others < MAY, "not all of the first samples fall on one deal");
		assert_noop!(waive(&provider, &[of_others]), Error::<Test>::NoCredit);
		// Credits of another provider are of no use, nor are those of another slot of the deal.
		let other = deals(&provider)[of_others as usize];
		earn(&account(2), other, 3, 9);
		earn(&provider, other, 4, 9);
		next_epoch();
		assert_eq!(Liveness::duty(&provider).waivable, split(&provider, deal).0);
	});
}

#[test]
fn what_is_waived_is_answered() {
	run(|| {
		let provider = provider();
		let deal = busiest(&provider);
		found(&provider, deal, 100);
		let (mine, others) = split(&provider, deal);
		events();
		let post = waive(&provider, &mine).unwrap();
		assert_eq!(post.pays_fee, Pays::No);
		assert!(post.actual_weight.unwrap().all_lte(Liveness::waive_weight(mine.len() as u32)));
		let (epoch, ordinals) = (FIRST_EPOCH, mine.clone());
		let provider_told = provider.clone();
		assert_eq!(
			events(),
			[Event::Waived { provider: provider_told, epoch, ordinals, share: WHOLE }]
		);
		let duty = Liveness::duty(&provider);
		assert_eq!((&duty.answered, duty.waivable), (&mine, Vec::new()));
		assert_noop!(waive(&provider, &mine), Error::<Test>::AlreadyAnswered);
		let again = Submission::of(&provider, mine.iter().copied());
		assert_noop!(again.dispatch(), Error::<Test>::AlreadyAnswered);
		// An answer to the rest leaves nothing open, and is free.
		let answer = Submission::of(&provider, others.iter().copied());
		assert_eq!(answer.dispatch().unwrap().pays_fee, Pays::No);
		next_epoch();
		let duty = Liveness::duty(&provider);
		assert_eq!((duty.index, duty.missed, duty.silent), (INDEX_ONE, 0, 0));
		assert!(!duty.behind, "nothing is left to be named");
	});
}

#[test]
fn late_waivers_are_worth_what_late_answers_are() {
	run(|| {
		let provider = provider();
		let deal = busiest(&provider);
		found(&provider, deal, 100);
		wait(PARAMS.prompt_blocks + 1);
		assert_ok!(waive(&provider, &split(&provider, deal).0[..1]));
		let held = book(&provider);
		assert_eq!((held.count, held.credit), (1, 8_000));
	});
}

#[test]
fn a_credit_is_spent_once() {
	run(|| {
		let provider = provider();
		let deal = busiest(&provider);
		found(&provider, deal, 1);
		let (mine, _) = split(&provider, deal);
		assert_eq!(Liveness::duty(&provider).waivable, mine[..1]);
		// Any of them, but not two; and what is refused spends nothing.
		assert_noop!(waive(&provider, &mine), Error::<Test>::NoCredit);
		assert_ok!(waive(&provider, &mine[1..2]));
		assert_noop!(waive(&provider, &mine[..1]), Error::<Test>::NoCredit);
		assert_eq!(MockCredits::get(&provider, (deal, 3)), Vec::<u32>::new());
		next_epoch();
		catch_up(&provider);
		assert_eq!(Liveness::duty(&provider).waivable, Vec::<u32>::new());
	});
}

#[test]
fn credits_count_from_the_round_after_they_were_earned() {
	run(|| {
		let provider = provider();
		for deal in 0..3 {
			earn(&provider, deal, 3, MAY);
		}
		assert_eq!(Liveness::duty(&provider).waivable, Vec::<u32>::new());
		assert_noop!(waive(&provider, &[0]), Error::<Test>::NoCredit);
		next_epoch();
		let all: Vec<u32> = (0..MAY).collect();
		assert_eq!(Liveness::duty(&provider).waivable, all);
		assert_ok!(waive(&provider, &all));
	});
}

#[test]
fn no_more_than_the_first_samples_are_waived() {
	run(|| {
		let provider = provider();
		for credit_cap in [0, 624, 625, 7_500] {
			let params = LivenessParams { credit_cap, ..PARAMS };
			assert_ok!(Liveness::set_params(RuntimeOrigin::root(), params));
			for deal in 0..3 {
				earn(&provider, deal, 3, 16);
			}
			next_epoch();
			catch_up(&provider);
			let may = u32::from(credit_cap) * 16 / 10_000;
			assert_eq!(Liveness::duty(&provider).waivable, (0..may).collect::<Vec<_>>());
			for beyond in [may, 15] {
				assert_noop!(waive(&provider, &[beyond]), Error::<Test>::NotWaivable);
			}
			for ordinal in 0..may {
				assert_ok!(waive(&provider, &[ordinal]));
			}
			// It is no matter of how many were waived.
			assert_noop!(waive(&provider, &[may]), Error::<Test>::NotWaivable);
		}
	});
}

#[test]
fn waivers_are_refused_as_answers_are() {
	run(|| {
		let provider = provider();
		let deal = busiest(&provider);
		found(&provider, deal, 100);
		let (mine, _) = split(&provider, deal);
		let current = Liveness::epoch().unwrap();
		let (epoch, drawn_by) = (current.epoch, current.block.unwrap());
		let call = |who: u8, epoch: u32, block: [u8; 32], ordinals: &[u32]| {
			let ordinals = ordinals.to_vec().try_into().unwrap();
			let origin = RuntimeOrigin::signed(account(who));
			with_storage_layer(|| Liveness::waive(origin, epoch, block, ordinals))
		};
		assert_noop!(call(1, epoch + 1, drawn_by, &mine), Error::<Test>::WrongEpoch);
		assert_noop!(call(1, epoch, [1; 32], &mine), Error::<Test>::Stale);
		assert_noop!(call(1, epoch, drawn_by, &[]), Error::<Test>::NoItems);
		assert_noop!(call(2, epoch, drawn_by, &mine), Error::<Test>::NothingDue);
		let twice = [mine[0], mine[0]];
		assert_noop!(call(1, epoch, drawn_by, &twice), Error::<Test>::OutOfOrder);
		assert_noop!(call(1, epoch, drawn_by, &[16]), Error::<Test>::NoSuchOrdinal);
		sign(&provider, allocation(9, 1, 8));
		next_epoch();
		assert_noop!(waive(&provider, &mine), Error::<Test>::NotAdvanced);
		to_next_epoch();
		poll();
		assert_noop!(call(1, epoch, drawn_by, &mine), Error::<Test>::NotDrawn);
	});
}

#[test]
fn what_is_neither_waived_nor_proven_is_named() {
	run(|| {
		let provider = provider();
		let mut missed = BTreeMap::new();
		for (ordinal, deal) in (0u32..).zip(deals(&provider)) {
			found(&provider, deal, 1);
			// However many samples of a slot are missed in a round, it is one miss.
			*missed.entry(deal).or_insert(0u32) |= u32::from(ordinal >= MAY);
		}
		assert_ok!(waive(&provider, &(0..MAY).collect::<Vec<_>>()));
		next_epoch();
		assert!(Liveness::duty(&provider).behind);
		catch_up(&provider);
		for (deal, missed) in missed {
			let health = Liveness::slot_health(&provider, deal, 3).unwrap();
			assert_eq!(health.misses, missed, "deal {deal}");
		}
		assert_eq!(book(&provider).missed, u64::from(16 - MAY));
	});
}
