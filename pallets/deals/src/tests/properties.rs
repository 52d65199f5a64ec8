//! Random sequences of calls: the invariants hold after each, money is conserved, and in the end nothing is left.

use crate::{mock::*, *};
use frame_support::{storage::with_storage_layer, traits::Hooks, weights::Weight};
use nil_types::{
	DealId, G1Uncompressed, Hint,
	layout::MDU_PAYLOAD,
	traits::{ContentSource, RentPurse},
};
use proptest::{collection::vec, option, prelude::*};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Action {
	Create { who: AccountId, duration: u32, escrow: u128 },
	Place { pick: usize },
	Commit { by: Option<AccountId>, pick: usize, mdus: u64, less: u64, slots: u8, base_off: u32 },
	AddReceipt { pick: usize, slot: u8 },
	TopUp { who: AccountId, pick: usize, amount: u128 },
	Extend { who: AccountId, pick: usize, blocks: u32 },
	Cancel { who: AccountId, pick: usize },
	Authorize { who: AccountId, pick: usize, uploader: AccountId, mdus: u64, blocks: u32 },
	Revoke { who: AccountId, pick: usize, uploader: AccountId },
	SetPrice { price: u128, deposit: u128 },
	Earn { pick: usize, amount: u128, blocks: u32 },
	Pay { ended: bool, pick: usize, paid: u128, burned: u128 },
	Advance { blocks: u32 },
	NextEpoch,
	Idle { room: u64 },
	Upkeep { steps: u32 },
}

fn account() -> impl Strategy<Value = AccountId> {
	OWNER..=SPONSOR
}

fn action() -> impl Strategy<Value = Action> {
	let pick = 0usize..6;
	prop_oneof![
		3 => (account(), 10u32..120, 0u128..1_000_000_000)
			.prop_map(|(who, duration, escrow)| Action::Create { who, duration, escrow }),
		3 => pick.clone().prop_map(|pick| Action::Place { pick }),
		6 => (option::of(account()), pick.clone(), 1u64..4, 0u64..3, 0u8..16, 0u32..8).prop_map(
			|(by, pick, mdus, less, slots, off)| Action::Commit {
				by, pick, mdus, less, slots: slots | 0b0111, base_off: u32::from(off == 0)
			}
		),
		4 => (account(), pick.clone(), account(), 0u64..9, 0u32..80).prop_map(
			|(who, pick, uploader, mdus, blocks)| Action::Authorize {
				who, pick, uploader, mdus, blocks
			}
		),
		2 => (account(), pick.clone(), account())
			.prop_map(|(who, pick, uploader)| Action::Revoke { who, pick, uploader }),
		2 => (pick.clone(), 0u8..5).prop_map(|(pick, slot)| Action::AddReceipt { pick, slot }),
		2 => (account(), pick.clone(), 0u128..1_000_000_000)
			.prop_map(|(who, pick, amount)| Action::TopUp { who, pick, amount }),
		2 => (account(), pick.clone(), 0u32..200)
			.prop_map(|(who, pick, blocks)| Action::Extend { who, pick, blocks }),
		2 => (account(), pick.clone()).prop_map(|(who, pick)| Action::Cancel { who, pick }),
		2 => (pick.clone(), 0u128..20_000_000, 1u32..200)
			.prop_map(|(pick, amount, blocks)| Action::Earn { pick, amount, blocks }),
		4 => (any::<bool>(), pick, 10u128..2_000_000, 0u128..50_000)
			.prop_map(|(ended, pick, paid, burned)| Action::Pay { ended, pick, paid, burned }),
		1 => (0u128..3_000_000, 0u128..500)
			.prop_map(|(price, deposit)| Action::SetPrice { price, deposit }),
		4 => (1u32..40).prop_map(|blocks| Action::Advance { blocks }),
		2 => Just(Action::NextEpoch),
		2 => (0u64..160).prop_map(|room| Action::Idle { room }),
		1 => (0u32..20).prop_map(|steps| Action::Upkeep { steps }),
	]
}

/// One of the deals, mostly.
fn picked(pick: usize) -> u64 {
	let mut deals: Vec<_> = Deals::<Test>::iter_keys().collect();
	deals.sort_unstable();
	deals.get(pick).copied().unwrap_or(pick as u64)
}

fn perform(action: Action) {
	let profile = nil_types::Profile { k: 2, m: 2, ..Default::default() };
	let signed = RuntimeOrigin::signed;
	// Refused calls are as good as others: they must change nothing, which the invariants show.
	let _ = with_storage_layer(|| match action {
		Action::Create { who, duration, escrow } => {
			DealsPallet::create_deal(signed(who), profile, Hint::Cold, duration, 0, escrow)
		},
		Action::Place { pick } => {
			let mut waiting: Vec<_> = RequestedSlots::iter_keys().collect();
			waiting.sort_unstable();
			if let Some(deal) = waiting.get(pick) {
				MockSlots::place(*deal);
			}
			Ok(())
		},
		Action::Commit { by, pick, mdus, less, slots, base_off } => {
			let deal = picked(pick);
			if Deals::<Test>::contains_key(deal) {
				let mut commit = Commit::of(deal, mdus * MDU_PAYLOAD as u64 - less);
				commit.base_gen += base_off;
				commit.who = by.unwrap_or(commit.who);
				commit.signed_by((0..4).filter(|slot| slots & 1 << slot != 0)).dispatch()?;
			}
			Ok(())
		},
		Action::AddReceipt { pick, slot } => {
			let deal = picked(pick);
			let Some((generation, commit)) = DealsPallet::commits(deal, 1, 9).pop() else {
				return Ok(());
			};
			let terms = nil_types::traits::CommitTerms {
				deal,
				hint: Hint::Cold,
				generation,
				first_mdu: commit.first_mdu,
				roots_hash: commit.roots_hash,
				index_root: commit.index_root,
				size_bytes: commit.size_bytes,
				index_len: commit.index_len,
				bytes_per_slot: nil_types::ContentShape::new(commit.size_bytes)
					.bytes_per_slot(&profile),
				price: CommitPrices::<Test>::get(deal, generation),
			};
			let receipt = MockSlots::receipt(&terms, slot, Now::get());
			DealsPallet::add_receipt(signed(OTHER), deal, generation, receipt)
		},
		Action::TopUp { who, pick, amount } => {
			DealsPallet::top_up(signed(who), picked(pick), amount)
		},
		Action::Extend { who, pick, blocks } => {
			DealsPallet::extend_deal(signed(who), picked(pick), blocks)
		},
		Action::Cancel { who, pick } => DealsPallet::cancel_deal(signed(who), picked(pick)),
		Action::Authorize { who, pick, uploader, mdus, blocks } => {
			let (bytes, until) = (mdus * MDU_PAYLOAD as u64, Now::get() + blocks);
			DealsPallet::authorize_uploader(signed(who), picked(pick), uploader, bytes, until)
		},
		Action::Revoke { who, pick, uploader } => {
			DealsPallet::revoke_uploader(signed(who), picked(pick), uploader)
		},
		Action::SetPrice { price, deposit } => DealsPallet::set_params(
			RuntimeOrigin::root(),
			DealParams {
				storage_price: price,
				commit_deposit: deposit,
				slot_deposit: deposit,
				uploader_deposit: deposit,
				..PARAMS
			},
		),
		Action::Earn { pick, amount, blocks } => {
			let deal = picked(pick);
			if Deals::<Test>::contains_key(deal) {
				Earned::insert(deal, (amount, Now::get() + blocks));
			}
			Ok(())
		},
		Action::Pay { ended, pick, paid, burned } => {
			let mut owing: Vec<_> = Owed::<Test>::iter_keys().collect();
			owing.sort_unstable();
			let deal = if ended { owing.get(pick).copied() } else { Some(picked(pick)) };
			let done =
				deal.map(|deal| <DealsPallet as RentPurse<_>>::pay(deal, &SPONSOR, paid, burned));
			if done == Some(Ok(())) {
				BurnedRent::mutate(|sum| *sum += burned);
			}
			Ok(())
		},
		Action::Advance { blocks } => {
			advance(blocks);
			Ok(())
		},
		Action::NextEpoch => {
			next_epoch();
			Ok(())
		},
		Action::Idle { room } => {
			let limit = Weight::from_parts(room * 1_000_000_000, room * 40_000);
			let used = DealsPallet::on_idle(1, limit);
			assert!(used.all_lte(limit), "the hook stays within its meter");
			Ok(())
		},
		Action::Upkeep { steps } => {
			DealsPallet::upkeep(signed(OTHER), steps).map(|_| ()).map_err(|error| error.error)
		},
	});
}

/// All manifest points as they are.
fn points() -> BTreeMap<(DealId, u32), G1Uncompressed> {
	ManifestPoints::<Test>::iter().map(|(deal, index, point)| ((deal, index), point.now)).collect()
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(96))]

	#[test]
	fn invariants_hold_after_every_action(actions in vec(action(), 1..60)) {
		new_test_ext().execute_with(|| {
			let issuance = Balances::total_issuance();
			let mut found = BTreeMap::new();
			for action in actions {
				let described = format!("{action:?}");
				let begins = matches!(action, Action::NextEpoch);
				perform(action);
				if begins {
					// What deals left behind that ended before may go in this epoch.
					found = points();
					found.retain(|(deal, _), _| Deals::<Test>::contains_key(deal));
				}
				for ((deal, index), point) in &found {
					assert_eq!(DealsPallet::manifest(*deal, *index), Some(*point), "{described}");
				}
				for (deal, index) in points().into_keys().filter(|key| !found.contains_key(key)) {
					if Deals::<Test>::contains_key(deal) {
						assert_eq!(DealsPallet::manifest(deal, index), None, "{described}");
					}
				}
				DealsPallet::do_try_state().unwrap_or_else(|why| panic!("{described}: {why:?}"));
				// Fees and burned rent are all that ever leaves.
				let fees = u128::from(next_deal()) * PARAMS.creation_fee;
				let left = issuance - fees - BurnedRent::get();
				assert_eq!(Balances::total_issuance(), left);
			}
			// Whatever happened, time and upkeep end it all.
			advance(PARAMS.max_duration + 20);
			idle();
			// What deals owed at their end lapses at last.
			advance(PARAMS.max_duration + 20);
			idle();
			next_epoch();
			idle();
			DealsPallet::do_try_state().unwrap();
			assert_eq!(Deals::<Test>::count(), 0);
			assert_eq!(Commits::<Test>::iter_keys().count(), 0);
			assert_eq!(ManifestPoints::<Test>::iter_keys().count(), 0);
			assert_eq!(Uploaders::<Test>::iter_keys().count(), 0);
			assert_eq!(Owed::<Test>::iter_keys().count(), 0);
			assert_eq!(CommitPrices::<Test>::iter_keys().count(), 0);
			assert_eq!(Rents::<Test>::iter_keys().count(), 0);
			for who in OWNER..=SPONSOR {
				assert_eq!(held(who), 0);
			}
		});
	}

	/// The agenda against a naive model: deals end exactly when their bucket is due, in any order of creation and
	/// extension.
	#[test]
	fn deals_end_when_their_bucket_is_due(
		durations in vec((20u32..200, 0u32..100), 1..8),
		steps in vec(1u32..30, 1..20),
	) {
		new_test_ext().execute_with(|| {
			let mut deadlines = Vec::new();
			for (duration, extension) in durations {
				let deal = create(small(), duration, 0);
				let _ = DealsPallet::extend_deal(RuntimeOrigin::signed(OWNER), deal, extension);
				deadlines.push((deal, GENESIS_RELAY_BLOCK + duration + extension));
			}
			for step in steps {
				advance(step);
				idle();
				let mut living: Vec<_> = Deals::<Test>::iter_keys().collect();
				living.sort_unstable();
				let expected: Vec<_> = deadlines
					.iter()
					.filter(|(_, deadline)| Now::get() < deadline.next_multiple_of(10))
					.map(|(deal, _)| *deal)
					.collect();
				assert_eq!(living, expected);
			}
		});
	}
}
