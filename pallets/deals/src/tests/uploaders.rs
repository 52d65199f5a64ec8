//! Uploading and committing on the owner's behalf.

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok, traits::fungible::Inspect};
use nil_types::{
	DealId, RelayBlock, Uploader,
	deal::MAX_UPLOADERS,
	layout::{MDU_PAYLOAD, rent},
};
use sp_runtime::DispatchResult;

const MDU: u64 = MDU_PAYLOAD as u64;
const ESCROW: u128 = 100_000_000_000;

fn active() -> DealId {
	create_active(small(), 100, ESCROW)
}

fn authorize(
	who: AccountId,
	deal: DealId,
	uploader: AccountId,
	max_bytes: u64,
	until: RelayBlock,
) -> DispatchResult {
	frame_support::storage::with_storage_layer(|| {
		let origin = RuntimeOrigin::signed(who);
		DealsPallet::authorize_uploader(origin, deal, uploader, max_bytes, until)
	})
}

fn revoke(who: AccountId, deal: DealId, uploader: AccountId) -> DispatchResult {
	DealsPallet::revoke_uploader(RuntimeOrigin::signed(who), deal, uploader)
}

/// `who`'s commit of `size` bytes on top of what the deal has.
fn commit(who: AccountId, deal: DealId, size: u64) -> DispatchResult {
	Commit { who, ..Commit::of(deal, size) }.dispatch()
}

fn ledger(deal: DealId) -> Ledger {
	Deals::<Test>::get(deal).unwrap().ledger
}

/// What `who` may still commit.
fn left(deal: DealId, who: AccountId) -> Option<u64> {
	let info = DealsPallet::deal_info(deal).unwrap();
	info.uploader(&who).map(|uploader| uploader.remaining_bytes)
}

#[test]
fn an_uploader_commits_within_its_budget_at_the_deals_expense() {
	run(|| {
		let deal = active();
		events();
		let until = Now::get() + 50;
		assert_ok!(authorize(OWNER, deal, OTHER, 3 * MDU, until));
		let deposit = PARAMS.uploader_deposit;
		assert_eq!(
			events(),
			[Event::UploaderAuthorized {
				deal,
				uploader: OTHER,
				max_bytes: 3 * MDU,
				until,
				deposit
			}]
		);
		assert_eq!((ledger(deal).free, ledger(deal).deposit), (ESCROW - deposit, deposit));
		assert_eq!(
			DealsPallet::deal_info(deal).unwrap().uploaders,
			[Uploader { account: OTHER, remaining_bytes: 3 * MDU, until }]
		);

		let before = Balances::total_balance(&OTHER);
		assert_ok!(commit(OTHER, deal, 2 * MDU));
		assert_eq!(Balances::total_balance(&OTHER), before);
		let stored = Deals::<Test>::get(deal).unwrap().stored_bytes;
		let rent = rent(PARAMS.storage_price, stored, 100);
		let paid = deposit + rent + PARAMS.commit_deposit;
		assert_eq!((ledger(deal).free, ledger(deal).locked), (ESCROW - paid, rent));
		assert!(matches!(
			events()[..],
			[Event::ContentCommitted { generation: 1, by: OTHER, size_bytes, .. }]
				if size_bytes == 2 * MDU
		));
		assert_eq!(left(deal, OTHER), Some(MDU));

		// A byte beyond what is left, and what is left.
		assert_noop!(commit(OTHER, deal, MDU + 1), Error::<Test>::BudgetExceeded);
		assert_ok!(commit(OTHER, deal, MDU));
		assert_noop!(commit(OTHER, deal, 1), Error::<Test>::BudgetExceeded);
		// The owner's own commits spend nobody's budget.
		assert_ok!(commit(OWNER, deal, MDU));
		assert_eq!(left(deal, OTHER), Some(0));
	});
}

#[test]
fn a_commit_that_is_refused_spends_nothing() {
	run(|| {
		let deal = active();
		assert_ok!(authorize(OWNER, deal, OTHER, MDU, Now::get()));
		let other_gen = Commit { who: OTHER, base_gen: 1, ..Commit::of(deal, MDU) };
		assert_noop!(other_gen.dispatch(), Error::<Test>::WrongGeneration);
		let unsigned = Commit { who: OTHER, ..Commit::of(deal, MDU) }.signed_by([0]);
		assert_noop!(unsigned.dispatch(), Error::<Test>::TooFewReceipts);
		assert_eq!(left(deal, OTHER), Some(MDU));
		// Only content is an uploader's business.
		let other = RuntimeOrigin::signed(OTHER);
		assert_noop!(DealsPallet::cancel_deal(other.clone(), deal), Error::<Test>::NotOwner);
		assert_noop!(DealsPallet::extend_deal(other, deal, 5), Error::<Test>::NotOwner);
		assert_noop!(authorize(OTHER, deal, SPONSOR, 1, Now::get()), Error::<Test>::NotOwner);
	});
}

#[test]
fn an_uploaders_time_ends_by_its_number() {
	run(|| {
		let deal = active();
		let now = Now::get();
		assert_noop!(authorize(OWNER, deal, OTHER, MDU, now - 1), Error::<Test>::UploaderExpired);
		assert_ok!(authorize(OWNER, deal, OTHER, MDU, now + 10));
		advance(10);
		assert_ok!(commit(OTHER, deal, 1));
		advance(1);
		assert_noop!(commit(OTHER, deal, 1), Error::<Test>::UploaderExpired);
		// It keeps its place, and can get more time.
		assert_eq!(left(deal, OTHER), Some(MDU - 1));
		assert_ok!(authorize(OWNER, deal, OTHER, MDU, now + 11));
		assert_ok!(commit(OTHER, deal, 1));
	});
}

#[test]
fn the_owner_of_a_living_deal_authorises_others_to_something() {
	run(|| {
		let deal = create(small(), 100, ESCROW);
		let now = Now::get();
		assert_noop!(authorize(OTHER, deal, OTHER, 1, now), Error::<Test>::NotOwner);
		assert_noop!(authorize(OWNER, 9, OTHER, 1, now), Error::<Test>::UnknownDeal);
		assert_noop!(authorize(OWNER, deal, OWNER, 1, now), Error::<Test>::OwnerUploads);
		assert_noop!(authorize(OWNER, deal, OTHER, 0, now), Error::<Test>::Zero);
		// While the deal waits for its slots its uploaders wait with it.
		assert_ok!(authorize(OWNER, deal, OTHER, MDU, RelayBlock::MAX));
		assert_noop!(commit(OTHER, deal, 1), Error::<Test>::NotActive);
		MockSlots::place(deal);
		assert_ok!(commit(OTHER, deal, 1));
		advance(100);
		assert_noop!(commit(OTHER, deal, 1), Error::<Test>::DealExpired);
		assert_noop!(authorize(OWNER, deal, OTHER, 1, RelayBlock::MAX), Error::<Test>::DealExpired);
	});
}

#[test]
fn a_deal_has_few_uploaders_each_with_a_deposit() {
	run(|| {
		let deposit = PARAMS.uploader_deposit;
		let most = u64::from(MAX_UPLOADERS);
		let deal = create_active(small(), 100, u128::from(most) * deposit);
		let until = Now::get() + 10;
		for uploader in 100..100 + most {
			assert_ok!(authorize(OWNER, deal, uploader, MDU, until));
		}
		assert_eq!((ledger(deal).free, ledger(deal).deposit), (0, u128::from(most) * deposit));
		assert_noop!(authorize(OWNER, deal, OTHER, 1, until), Error::<Test>::TooManyUploaders);
		// One of them again: its deposit serves the new authorisation.
		assert_ok!(authorize(OWNER, deal, 103, 7, until + 1));
		assert_eq!(left(deal, 103), Some(7));
		assert_eq!(ledger(deal).free, 0);
		// At another rate the difference counts.
		let params = DealParams { uploader_deposit: deposit + 1, ..PARAMS };
		assert_ok!(DealsPallet::set_params(RuntimeOrigin::root(), params));
		assert_noop!(authorize(OWNER, deal, 103, 7, until), Error::<Test>::InsufficientEscrow);
		assert_ok!(revoke(OWNER, deal, 100));
		assert_ok!(authorize(OWNER, deal, 103, 7, until));
		assert_eq!(ledger(deal).free, deposit - 1);
		assert_noop!(authorize(OWNER, deal, OTHER, 1, until), Error::<Test>::InsufficientEscrow);
		assert_eq!(held(OWNER), u128::from(most) * deposit + slots_deposit(small()));
	});
}

#[test]
fn either_side_revokes_and_gets_back_what_is_left() {
	run(|| {
		let deal = active();
		let deposit = PARAMS.uploader_deposit;
		for uploader in [OTHER, SPONSOR] {
			assert_ok!(authorize(OWNER, deal, uploader, 2 * MDU, RelayBlock::MAX));
		}
		assert_ok!(commit(OTHER, deal, MDU));
		let before = ledger(deal);
		events();
		assert_noop!(revoke(SPONSOR, deal, OTHER), Error::<Test>::NotOwner);
		assert_noop!(revoke(OWNER, 9, OTHER), Error::<Test>::UnknownDeal);
		assert_ok!(revoke(OTHER, deal, OTHER));
		assert_eq!(
			events(),
			[Event::UploaderRevoked { deal, uploader: OTHER, left: MDU, deposit }]
		);
		assert_eq!(
			ledger(deal),
			Ledger { free: before.free + deposit, deposit: before.deposit - deposit, ..before }
		);
		assert_noop!(commit(OTHER, deal, 1), Error::<Test>::NotOwner);
		assert_noop!(revoke(OTHER, deal, OTHER), Error::<Test>::UnknownUploader);

		// Also after the deadline.
		advance(200);
		assert_ok!(revoke(OWNER, deal, SPONSOR));
		assert_eq!(
			events(),
			[Event::UploaderRevoked { deal, uploader: SPONSOR, left: 2 * MDU, deposit }]
		);
		assert!(!Uploaders::<Test>::contains_key(deal));
	});
}

#[test]
fn authorisations_end_with_their_deal() {
	run(|| {
		let [cancelled, expired] = [active(), active()];
		for deal in [cancelled, expired] {
			assert_ok!(authorize(OWNER, deal, OTHER, MDU, RelayBlock::MAX));
		}
		assert_ok!(DealsPallet::cancel_deal(RuntimeOrigin::signed(OWNER), cancelled));
		assert!(!Uploaders::<Test>::contains_key(cancelled));
		assert!(Uploaders::<Test>::contains_key(expired));
		advance(110);
		idle();
		assert_eq!(Uploaders::<Test>::iter_keys().count(), 0);
		assert_eq!(held(OWNER), 0);
		assert_eq!(Balances::total_balance(&OWNER), START - 2 * PARAMS.creation_fee);
	});
}
