//! Receipts: whose they are, what they bind, and what they book.

use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok, assert_storage_noop, storage::with_storage_layer};
use nil_types::traits::{CommitTerms, Receipt, SlotError, SlotManager};

/// As a call does it: nothing is changed by a failure.
fn accept(terms: &CommitTerms, receipts: &[Receipt]) -> Result<u32, SlotError> {
	let mut refused = None;
	with_storage_layer(|| {
		Mode2::accept(terms, receipts).map_err(|error| {
			refused = Some(error);
			sp_runtime::DispatchError::Other("refused")
		})
	})
	.map_err(|_| refused.expect("refused"))
}

#[test]
fn all_slots_may_sign_and_k_plus_1_must() {
	run(|| {
		place(0, small());
		events();
		let terms = terms(0, 1);
		for slots in [&[] as &[u8], &[0], &[0, 1]] {
			assert_noop!(
				accept(&terms, &receipts(&terms, slots.iter().copied())),
				SlotError::TooFew
			);
		}
		assert_eq!(accept(&terms, &receipts(&terms, [3, 0, 1])), Ok(0b1011));
		let accepted: Vec<_> = events()
			.into_iter()
			.filter_map(|event| match event {
				Event::ReceiptAccepted { deal: 0, generation: 1, slot, provider, bytes } => {
					Some((slot, provider, bytes))
				},
				_ => None,
			})
			.collect();
		let holders = holders(0);
		let expected = [3, 0, 1].map(|slot| (slot, holders[usize::from(slot)], 131_072));
		assert_eq!(accepted, expected);
		for (slot, provider) in (0u8..).zip(&holders) {
			let (bytes, signed) = if slot == 2 { (0, 0) } else { (131_072, 1) };
			let held = &Stripes::<Test>::get(0).unwrap().slots[usize::from(slot)];
			assert_eq!((held.bytes, held.signed), (bytes, signed));
			assert_eq!(Registry::get(provider).unwrap().used, bytes);
		}
	});
}

#[test]
fn a_receipt_binds_every_field() {
	run(|| {
		place(0, small());
		place(1, small());
		let good = terms(0, 1);
		let signed = receipts(&good, 0..4);
		for changed in [
			CommitTerms { deal: 1, ..good.clone() },
			CommitTerms { generation: 2, ..good.clone() },
			CommitTerms { roots_hash: [9; 32], ..good.clone() },
			CommitTerms { index_root: [9; 32], ..good.clone() },
			CommitTerms { size_bytes: 4, ..good.clone() },
			CommitTerms { index_len: 2, ..good.clone() },
		] {
			assert_noop!(accept(&changed, &signed), SlotError::BadSignature);
		}
		let mut later = signed.clone();
		later[3].until += 1;
		assert_noop!(accept(&good, &later), SlotError::BadSignature);
		let mut swapped = signed.clone();
		swapped[0].slot = 1;
		swapped[1].slot = 0;
		assert_noop!(accept(&good, &swapped), SlotError::BadSignature);
		let mut flipped = signed.clone();
		flipped[2].signature[10] ^= 1;
		assert_noop!(accept(&good, &flipped), SlotError::BadSignature);
		// Another chain's receipts are void here.
		frame_system::BlockHash::<Test>::insert(0, sp_core::H256([8; 32]));
		assert_noop!(accept(&good, &signed), SlotError::BadSignature);
		frame_system::BlockHash::<Test>::insert(0, sp_core::H256([9; 32]));
		assert_ok!(accept(&good, &signed));
	});
}

#[test]
fn only_the_slots_own_provider_signs() {
	run(|| {
		place(0, small());
		let terms = terms(0, 1);
		let holders = holders(0);
		let stranger = (0..PROVIDERS).find(|id| !holders.contains(id)).unwrap();
		for signer in [stranger, holders[0]] {
			let mut signed = receipts(&terms, 0..4);
			signed[3] = sign(&terms, 3, Now::get(), signer);
			assert_noop!(accept(&terms, &signed), SlotError::BadSignature);
		}
	});
}

#[test]
fn a_receipt_counts_until_its_last_relay_block_and_once() {
	run(|| {
		place(0, small());
		let terms = terms(0, 1);
		let signed = receipts(&terms, 0..4);
		assert_noop!(accept(&terms, &[&signed[..3], &signed[2..3]].concat()), SlotError::Duplicate);
		advance(10);
		assert_ok!(accept(&terms, &signed));
		advance(1);
		assert_noop!(accept(&terms, &signed), SlotError::Expired);
	});
}

#[test]
fn slots_that_do_not_exist_sign_nothing() {
	run(|| {
		place(0, small());
		let terms = terms(0, 1);
		for slot in [4, 31, 32, 255] {
			let mut signed = receipts(&terms, 0..4);
			signed[3].slot = slot;
			assert_noop!(accept(&terms, &signed), SlotError::NoSuchSlot);
		}
		assert_noop!(accept(&terms_of_unknown(), &[]), SlotError::NoSuchSlot);
	});
}

fn terms_of_unknown() -> CommitTerms {
	terms(77, 1)
}

#[test]
fn a_provider_without_room_fails_the_commit_and_books_nothing() {
	run(|| {
		place(0, small());
		let last = holders(0)[3];
		Registry::mutate(last, |entry| entry.as_mut().unwrap().capacity = 131_071);
		let terms = terms(0, 1);
		let signed = receipts(&terms, 0..4);
		assert_noop!(accept(&terms, &signed), SlotError::OutOfCapacity);
		// Without it the commit stands.
		assert_eq!(accept(&terms, &signed[..3]), Ok(0b0111));
		assert_storage_noop!(assert!(Mode2::accept_late(&terms, &signed[3]).is_err()));
	});
}

#[test]
fn a_late_receipt_is_checked_and_booked_like_others() {
	run(|| {
		place(0, small());
		let terms = terms(0, 1);
		let signed = receipts(&terms, 0..4);
		assert_ok!(accept(&terms, &signed[..3]));
		let late = &signed[3];
		let forged = sign(&terms, 3, late.until, holders(0)[1]);
		assert_noop!(Mode2::accept_late(&terms, &forged), SlotError::BadSignature);
		assert_noop!(Mode2::accept_late(&terms_of_unknown(), late), SlotError::NoSuchSlot);
		assert_ok!(Mode2::accept_late(&terms, late));
		assert_eq!(Stripes::<Test>::get(0).unwrap().slots[3].bytes, 131_072);
		advance(11);
		assert_noop!(Mode2::accept_late(&terms, late), SlotError::Expired);
	});
}
