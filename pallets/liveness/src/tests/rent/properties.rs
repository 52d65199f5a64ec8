//! Whatever happens, in whatever order, rent adds up.

use super::{MDU, SLOT, Settlement, commit, end_deal, lock, locked, open};
use crate::{mock::*, *};
use frame_support::{storage::with_storage_layer, traits::Hooks, weights::Weight};
use nil_types::{
	Amount, ContentShape, DealId,
	layout::BLOB_BYTES,
	traits::{RentPurse, SlotHooks},
};
use proptest::{collection::vec, prelude::*};

#[derive(Clone, Debug)]
enum Action {
	Open { blocks: u32 },
	Commit { pick: usize, mdus: u64, less: u64, signs: bool },
	Raise { pick: usize, price: Amount },
	End { pick: usize },
	Wait { blocks: u32 },
	NextEpochs { count: u32, answers: u32, advances: bool },
	Settle { pick: usize, wrong: bool },
	Forfeit { pick: usize },
	Idle,
}

fn action() -> impl Strategy<Value = Action> {
	let pick = 0usize..5;
	prop_oneof![
		2 => (60u32..2_000).prop_map(|blocks| Action::Open { blocks }),
		6 => (pick.clone(), 1u64..4, 0..MDU, any::<bool>())
			.prop_map(|(pick, mdus, less, signs)| Action::Commit { pick, mdus, less, signs }),
		1 => (pick.clone(), 0u128..3 * PRICE)
			.prop_map(|(pick, price)| Action::Raise { pick, price }),
		1 => pick.clone().prop_map(|pick| Action::End { pick }),
		3 => (1u32..45).prop_map(|blocks| Action::Wait { blocks }),
		10 => (1u32..4, 0u32..20, any::<bool>()).prop_map(|(count, answers, advances)| {
			Action::NextEpochs { count, answers, advances }
		}),
		6 => (pick.clone(), any::<bool>()).prop_map(|(pick, wrong)| Action::Settle { pick, wrong }),
		1 => pick.prop_map(|pick| Action::Forfeit { pick }),
		1 => Just(Action::Idle),
	]
}

/// All that was ever locked, and all that returned to owners.
#[derive(Default)]
struct Sums {
	locked: Amount,
	refunded: Amount,
}

fn living(pick: usize) -> Option<DealId> {
	let mut deals: Vec<_> =
		MockRents::iter().filter(|(_, held)| !held.ended).map(|(deal, _)| deal).collect();
	deals.sort_unstable();
	deals.get(pick).copied()
}

fn perform(provider: &AccountId, action: Action, sums: &mut Sums) {
	match action {
		Action::Open { blocks } => {
			let deal = MockRents::iter_keys().count() as DealId;
			open(deal, Now::get() + blocks);
		},
		Action::Commit { pick, mdus, less, signs } => {
			let Some(deal) = living(pick) else { return };
			if Now::get() < MockRents::get(deal).unwrap().expires_at {
				let before = locked(deal);
				commit(provider, deal, mdus * MDU - less, signs);
				sums.locked += locked(deal) - before;
			}
		},
		Action::Raise { pick, price } => {
			let Some(deal) = living(pick) else { return };
			let rows: u64 = MockCommits::iter_prefix(deal)
				.filter(|(_, commit)| commit.signed & (1 << SLOT) != 0)
				.map(|(_, commit)| ContentShape::new(commit.size_bytes).blobs_per_slot(&COLD))
				.sum();
			if rows > 0 {
				let before = locked(deal);
				lock(deal, price, rows * BLOB_BYTES as u64);
				sums.locked += locked(deal) - before;
				<Liveness as SlotHooks<_>>::raised(provider, deal, SLOT, price);
			}
		},
		Action::End { pick } => {
			let Some(deal) = living(pick) else { return };
			let mut signed = MockCommits::iter_prefix(deal);
			if signed.any(|(_, commit)| commit.signed & (1 << SLOT) != 0) {
				sums.refunded += end_deal(provider, deal);
			}
		},
		Action::Wait { blocks } => {
			wait(blocks.min(LENGTH - 1 - Now::get() % LENGTH));
			poll();
		},
		Action::NextEpochs { count, answers, advances } => {
			for _ in 0..count {
				next_epoch();
				if advances {
					catch_up(provider);
				}
				let due = Liveness::due(provider);
				if answers.min(due) > 0 {
					let _ = Submission::of(provider, 0..answers.min(due)).dispatch();
				}
			}
		},
		Action::Settle { pick, wrong } => {
			let mut slots: Vec<_> = Slots::<Test>::iter_prefix_values(provider)
				.map(|held| held.deal)
				.chain(Endings::<Test>::iter_key_prefix(provider).map(|(deal, ..)| deal))
				.collect();
			slots.sort_unstable();
			slots.dedup();
			let present = Liveness::period_of(Liveness::present());
			let (Some(deal), Some(_)) = (slots.get(pick), Liveness::seal(present)) else { return };
			let mut settlement = Settlement::of(provider, &[*deal]);
			if wrong {
				settlement.y[3] ^= 1;
			}
			let _ = settlement.dispatch();
		},
		Action::Idle => {
			Liveness::on_idle(1, Weight::MAX);
		},
		Action::Forfeit { pick } => {
			let origin = RuntimeOrigin::signed(account(9));
			let _ = with_storage_layer(|| {
				Liveness::forfeit(origin, provider.clone(), pick as DealId, SLOT)
			});
		},
	}
}

/// What a deal has locked covers what its slot earned, and all that it can still earn.
fn check_covered(provider: &AccountId, described: &str) {
	for held in Slots::<Test>::iter_prefix_values(provider) {
		let (Some(term), false) = (MockPurse::term(held.deal), held.rent.ended) else { continue };
		let mut reckoned = held;
		let book = Liveness::closed_book(provider).unwrap();
		Liveness::reckon(&book, &mut reckoned, &term);
		let HeldSlot { deal, rent, .. } = reckoned;
		let rest = (term.expires_at / LENGTH).saturating_sub(rent.since);
		let future = Amount::from(rent.rate) * Amount::from(rest);
		let owed = rent.open.total() + rent.closed.total();
		assert!(owed + future <= locked(deal), "{described}: deal {deal} cannot pay its slot");
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(96))]

	/// No unit is made or lost, no deal pays more than it locked, and none cannot pay what is earned.
	#[test]
	fn rent_adds_up(actions in vec(action(), 1..70)) {
		new_test_ext().execute_with(|| {
			let provider = account(1);
			let mut sums = Sums::default();
			begin();
			for action in actions {
				let described = format!("{action:?}");
				perform(&provider, action, &mut sums);
				Liveness::do_try_state().unwrap_or_else(|why| panic!("{described}: {why:?}"));
				check_covered(&provider, &described);
				let held: Amount = MockRents::iter_values().map(|held| held.locked).sum();
				assert_eq!(
					sums.locked,
					held + sums.refunded + Wallets::get(&provider) + BurnedSum::get(),
					"{described}"
				);
			}
		});
	}
}
