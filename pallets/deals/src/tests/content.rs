//! Committing content and adding receipts.

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok};
use nil_types::{
	CommitInfo, ContentShape, DealId, Profile,
	layout::{MAX_INDEX_BYTES, MAX_MDUS, MAX_ROOTS, MDU_PAYLOAD, MDUS_PER_MANIFEST, rent},
	messages::roots_hash,
	traits::ManifestMath,
};

const MDU: u64 = MDU_PAYLOAD as u64;
const ESCROW: u128 = 100_000_000_000;

fn active() -> DealId {
	create_active(small(), 100, ESCROW)
}

#[test]
fn a_commit_extends_the_manifest_locks_rent_and_makes_a_generation() {
	run(|| {
		let deal = active();
		advance(10);
		events();
		let size = 2 * MDU + 5;
		let commit = Commit::of(deal, size).signed_by([0, 1, 2]);
		let (roots, hash) = (commit.roots.clone(), roots_hash(&commit.roots));
		assert_ok!(commit.dispatch());

		let stored = ContentShape::new(size).bytes_per_slot(&small()) * 3;
		let rent = rent(PARAMS.storage_price, stored, 90);
		assert!(rent > 0);
		let held_deal = Deals::<Test>::get(deal).unwrap();
		assert_eq!(
			held_deal.ledger,
			Ledger {
				free: ESCROW - rent - PARAMS.commit_deposit,
				locked: rent,
				deposit: PARAMS.commit_deposit,
				slots: slots_deposit(small()),
			}
		);
		assert_eq!(
			(held_deal.generation, held_deal.total_mdus, held_deal.size_bytes),
			(1, 3, size)
		);
		assert_eq!(held_deal.stored_bytes, stored);
		assert_eq!(held(OWNER), ESCROW + slots_deposit(small()));
		assert_eq!(point(deal, 0), MockManifests::extend(&MockManifests::empty(), 0, &roots));
		assert_eq!(
			Commits::<Test>::get(deal, 1),
			Some(CommitInfo {
				first_mdu: 0,
				size_bytes: size,
				index_len: 100,
				index_root: [7; 32],
				roots_hash: hash,
				signed: 0b111,
				at: Now::get(),
			})
		);
		assert_eq!(
			events(),
			[Event::ContentCommitted {
				deal,
				generation: 1,
				first_mdu: 0,
				mdus: 3,
				size_bytes: size,
				index_len: 100,
				index_root: [7; 32],
				roots_hash: hash,
				signed: 0b111,
				stored_bytes: stored,
				rent,
				deposit: PARAMS.commit_deposit,
				by: OWNER,
				at: Now::get(),
			}]
		);
	});
}

#[test]
fn commits_follow_one_another_in_the_slab() {
	run(|| {
		let deal = active();
		for size in [1, MDU, MDU + 1, 3 * MDU] {
			assert_ok!(Commit::of(deal, size).dispatch());
		}
		let firsts: Vec<_> =
			(1..=4).map(|g| Commits::<Test>::get(deal, g).unwrap().first_mdu).collect();
		assert_eq!(firsts, [0, 1, 2, 4]);
		let all: Vec<_> = (0..7).map(root).collect();
		assert_eq!(point(deal, 0), MockManifests::extend(&MockManifests::empty(), 0, &all));
	});
}

#[test]
fn a_commit_may_span_two_manifest_points_and_the_last_mdu_is_the_cap() {
	run(|| {
		let deal = create_active(small(), 30, 900_000_000_000);
		let price = DealParams { storage_price: 1, ..PARAMS };
		assert_ok!(DealsPallet::set_params(RuntimeOrigin::root(), price));
		// 4 * 1,023 = 4,092, so that the fifth commit covers 4 MDUs of point 0 and 1,020 of point 1.
		for _ in 0..4 {
			assert_ok!(Commit::of(deal, 1_023 * MDU).dispatch());
		}
		assert_ok!(Commit::of(deal, 1_024 * MDU).dispatch());
		let roots: Vec<_> = (0..5_116).map(root).collect();
		let (first, second) = roots.split_at(MDUS_PER_MANIFEST);
		let empty = MockManifests::empty();
		assert_eq!(point(deal, 0), MockManifests::extend(&empty, 0, first));
		assert_eq!(point(deal, 1), MockManifests::extend(&empty, 0, second));

		let mut total = 5_116;
		while total < MAX_MDUS {
			let next = u64::from(MAX_ROOTS).min(MAX_MDUS - total);
			if next < u64::from(MAX_ROOTS) {
				assert_noop!(
					Commit::of(deal, (next + 1) * MDU).dispatch(),
					Error::<Test>::TooManyMdus
				);
			}
			assert_ok!(Commit::of(deal, next * MDU).dispatch());
			total += next;
		}
		assert_eq!(Deals::<Test>::get(deal).unwrap().total_mdus, MAX_MDUS);
		assert_noop!(Commit::of(deal, 1).dispatch(), Error::<Test>::TooManyMdus);
		assert_eq!(DealsPallet::deal_info(deal).unwrap().manifests.len(), 16);
	});
}

#[test]
fn only_the_owner_commits_and_only_to_a_living_active_deal() {
	run(|| {
		let deal = active();
		let commit = Commit::of(deal, 1);
		assert_noop!(Commit { who: OTHER, ..commit.clone() }.dispatch(), Error::<Test>::NotOwner);
		assert_noop!(Commit { deal: 77, ..commit.clone() }.dispatch(), Error::<Test>::UnknownDeal);
		let waiting = create(small(), 100, ESCROW);
		assert_noop!(Commit::of(waiting, 1).dispatch(), Error::<Test>::NotActive);
		// The deadline counts by its number, whether or not anything has cleaned up.
		advance(99);
		assert_ok!(Commit::of(deal, 1).dispatch());
		advance(1);
		assert_noop!(Commit::of(deal, 1).dispatch(), Error::<Test>::DealExpired);
	});
}

#[test]
fn a_commit_for_another_generation_is_refused() {
	run(|| {
		let deal = active();
		let first = Commit::of(deal, 1);
		assert_noop!(
			Commit { base_gen: 1, ..first.clone() }.dispatch(),
			Error::<Test>::WrongGeneration
		);
		assert_ok!(first.clone().dispatch());
		// The same call again: a replay.
		assert_noop!(first.clone().dispatch(), Error::<Test>::WrongGeneration);
		// Its receipts do not serve the next generation either.
		assert_noop!(
			Commit { base_gen: 1, ..first }.dispatch(),
			Error::<Test>::BadReceiptSignature
		);
	});
}

#[test]
fn the_number_of_roots_follows_from_the_size() {
	run(|| {
		let deal = active();
		let commit = Commit::of(deal, 2 * MDU);
		for size_bytes in [0, 1, MDU, 2 * MDU + 1, u64::MAX] {
			assert_noop!(
				Commit { size_bytes, ..commit.clone() }.dispatch(),
				Error::<Test>::RootsMismatch
			);
		}
		let none = Commit { roots: Vec::new(), size_bytes: 0, index_len: 0, ..commit };
		assert_noop!(none.dispatch(), Error::<Test>::RootsMismatch);
	});
}

#[test]
fn an_index_is_no_longer_than_its_payload_and_the_protocol_allow() {
	run(|| {
		let deal = active();
		assert_noop!(
			Commit { index_len: 11, ..Commit::of(deal, 10) }.dispatch(),
			Error::<Test>::BadIndexLength
		);
		let large = Commit::of(deal, 10 * MDU);
		assert_noop!(
			Commit { index_len: MAX_INDEX_BYTES + 1, ..large.clone() }.dispatch(),
			Error::<Test>::BadIndexLength
		);
		assert_ok!(Commit { index_len: MAX_INDEX_BYTES, ..large }.signed_by([0, 1, 2]).dispatch());
	});
}

#[test]
fn a_root_with_a_non_zero_byte_0_is_refused() {
	run(|| {
		let deal = active();
		let mut commit = Commit::of(deal, 2 * MDU);
		commit.roots[1][0] = 1;
		assert_noop!(commit.signed_by([0, 1, 2]).dispatch(), Error::<Test>::NonCanonicalRoot);
	});
}

#[test]
fn rent_and_deposit_must_be_covered_to_the_last_unit() {
	run(|| {
		let stored = ContentShape::new(MDU).bytes_per_slot(&small()) * 3;
		let needed = rent(PARAMS.storage_price, stored, 100) + PARAMS.commit_deposit;
		let poor = create_active(small(), 100, needed - 1);
		assert_noop!(Commit::of(poor, MDU).dispatch(), Error::<Test>::InsufficientEscrow);
		let exact = create_active(small(), 100, needed);
		assert_ok!(Commit::of(exact, MDU).dispatch());
		assert_eq!(Deals::<Test>::get(exact).unwrap().ledger.free, 0);
	});
}

#[test]
fn receipts_are_those_of_k_plus_1_distinct_slots_over_this_commit() {
	run(|| {
		let deal = active();
		let commit = Commit::of(deal, MDU);
		let refused = |commit: Commit, error: Error<Test>| {
			assert_noop!(commit.dispatch(), error);
		};
		refused(commit.clone().signed_by([]), Error::TooFewReceipts);
		refused(commit.clone().signed_by([0, 1]), Error::TooFewReceipts);
		refused(commit.clone().signed_by([0, 1, 1]), Error::DuplicateReceipt);
		refused(commit.clone().signed_by([0, 1, 3]), Error::NoSuchSlot);
		let late = {
			let mut commit = commit.clone();
			commit.receipts[2] = MockSlots::receipt(&commit.terms(), 2, Now::get() - 1);
			commit
		};
		refused(late, Error::ReceiptExpired);
		// A receipt binds the content, sizes included.
		for changed in [
			Commit { index_root: [8; 32], ..commit.clone() },
			Commit { index_len: 99, ..commit.clone() },
			Commit { size_bytes: MDU - 1, ..commit.clone() },
			Commit { roots: vec![root(99)], ..commit.clone() },
		] {
			refused(changed, Error::BadReceiptSignature);
		}
		let other = active();
		refused(Commit { deal: other, ..commit.clone() }, Error::BadReceiptSignature);
		assert_ok!(commit.dispatch());
	});
}

fn profile_4() -> Profile {
	Profile { k: 2, m: 2, ..Profile::DEFAULT }
}

#[test]
fn a_silent_slot_may_sign_within_the_grace_period_once() {
	run(|| {
		let deal = create_active(profile_4(), 100, ESCROW);
		let commit = Commit::of(deal, MDU).signed_by([0, 1, 3]);
		let terms = commit.terms();
		assert_ok!(commit.dispatch());
		assert_eq!(Commits::<Test>::get(deal, 1).unwrap().signed, 0b1011);
		events();

		advance(20);
		let add = |generation, slot, until| {
			let receipt = MockSlots::receipt(&terms, slot, until);
			frame_support::storage::with_storage_layer(|| {
				DealsPallet::add_receipt(RuntimeOrigin::signed(OTHER), deal, generation, receipt)
			})
		};
		let until = Now::get();
		assert_noop!(add(2, 2, until), Error::<Test>::UnknownCommit);
		assert_noop!(add(1, 4, until), Error::<Test>::NoSuchSlot);
		assert_noop!(add(1, 255, until), Error::<Test>::NoSuchSlot);
		assert_noop!(add(1, 3, until), Error::<Test>::DuplicateReceipt);
		assert_noop!(add(1, 2, until - 1), Error::<Test>::ReceiptExpired);
		assert_ok!(add(1, 2, until));
		assert_eq!(Commits::<Test>::get(deal, 1).unwrap().signed, 0b1111);
		assert_eq!(events(), [Event::ReceiptAdded { deal, generation: 1, slot: 2 }]);
		assert_noop!(add(1, 2, until), Error::<Test>::DuplicateReceipt);
	});
}

#[test]
fn after_the_grace_period_or_the_deadline_no_receipt_is_added() {
	run(|| {
		let deal = create_active(profile_4(), 100, ESCROW);
		let commit = Commit::of(deal, MDU).signed_by([0, 1, 3]);
		let receipt = MockSlots::receipt(&commit.terms(), 2, Now::get() + 90);
		assert_ok!(commit.dispatch());
		let origin = || RuntimeOrigin::signed(OTHER);
		advance(21);
		assert_noop!(
			DealsPallet::add_receipt(origin(), deal, 1, receipt.clone()),
			Error::<Test>::GraceOver
		);
		advance(79);
		assert_noop!(
			DealsPallet::add_receipt(origin(), deal, 1, receipt),
			Error::<Test>::DealExpired
		);
	});
}

#[test]
fn an_owner_replaces_slots_whose_receipts_are_missing_for_good() {
	run(|| {
		let deal = create_active(profile_4(), 100, ESCROW);
		assert_ok!(Commit::of(deal, MDU).signed_by([0, 1, 3]).dispatch());
		let replace = |who, slot, generation| {
			DealsPallet::replace_slot(RuntimeOrigin::signed(who), deal, slot, generation)
		};
		advance(20);
		assert_noop!(replace(OWNER, 2, 1), Error::<Test>::ReceiptNotMissing);
		advance(1);
		assert_noop!(replace(OTHER, 2, 1), Error::<Test>::NotOwner);
		assert_noop!(replace(OWNER, 2, 2), Error::<Test>::UnknownCommit);
		assert_noop!(replace(OWNER, 1, 1), Error::<Test>::ReceiptNotMissing);
		assert_noop!(replace(OWNER, 4, 1), Error::<Test>::NoSuchSlot);
		assert_ok!(replace(OWNER, 2, 1));
		assert_eq!(Replaced::get(), [(deal, 2)]);
		assert_noop!(replace(OWNER, 2, 1), Error::<Test>::SlotNotReplaceable);
		advance(79);
		assert_noop!(replace(OWNER, 2, 1), Error::<Test>::DealExpired);
	});
}
