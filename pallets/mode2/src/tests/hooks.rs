//! Who asks providers for what they store is told of each receipt that counts, and of each end.

use crate::mock::*;
use frame_support::{assert_ok, storage::with_storage_layer};
use nil_types::{
	ContentShape, Hint,
	layout::MDU_PAYLOAD,
	traits::{Allocation, CommitTerms, SlotManager},
};
use sp_runtime::DispatchError;

/// What hooks are told of a receipt.
fn signed(terms: &CommitTerms, slot: u8) -> Told {
	let allocation = Allocation {
		deal: terms.deal,
		slot,
		generation: terms.generation,
		hint: Hint::Hot,
		profile: small(),
		first_mdu: 10 * u64::from(terms.generation),
		rows: ContentShape::new(terms.size_bytes).blobs_per_slot(&small()),
		price: PRICE,
	};
	Told::Signed(holders(terms.deal)[usize::from(slot)], allocation)
}

#[test]
fn raises_are_told_of_slots_that_store_something() {
	run(|| {
		// Nobody is told of a deal that has no slots yet.
		Mode2::raise(0, 5);
		place(0, small());
		let terms = terms(0, 1);
		assert_ok!(Mode2::accept(&terms, &receipts(&terms, [3, 0, 1])));
		Heard::kill();
		Mode2::raise(0, 5);
		let holders = holders(0);
		assert_eq!(
			Heard::get(),
			[0, 1, 3].map(|slot: u8| Told::Raised(holders[usize::from(slot)], 0, slot, 5))
		);
	});
}

#[test]
fn each_receipt_is_told_once_and_refused_ones_never() {
	run(|| {
		place(0, small());
		// Two full MDUs of 32 rows, and a blob.
		let first = CommitTerms {
			size_bytes: 2 * MDU_PAYLOAD as u64 + 1,
			bytes_per_slot: 65 * 131_072,
			..terms(0, 1)
		};
		for holder in holders(0) {
			Registry::mutate(holder, |entry| entry.as_mut().unwrap().capacity = 1 << 40);
		}
		assert_ok!(Mode2::accept(&first, &receipts(&first, [3, 0, 1])));
		let Told::Signed(_, allocation) = signed(&first, 3) else { unreachable!() };
		assert_eq!(allocation.rows, 65);
		let mut told = [3, 0, 1].map(|slot| signed(&first, slot)).to_vec();
		assert_eq!(Heard::get(), told);

		let second = terms(0, 2);
		let mut refused = receipts(&second, 0..4);
		refused[3].signature[0] ^= 1;
		let changed = with_storage_layer(|| {
			Mode2::accept(&second, &refused).map_err(|_| DispatchError::Other("refused"))
		});
		assert!(changed.is_err());
		assert_eq!(Heard::get(), told);
		assert_ok!(Mode2::accept(&second, &receipts(&second, 0..4)));
		told.extend((0..4).map(|slot| signed(&second, slot)));

		assert_ok!(Mode2::accept_late(&first, &receipts(&first, [2])[0]));
		told.push(signed(&first, 2));
		assert_eq!(Heard::get(), told);
	});
}

#[test]
fn the_end_of_slots_that_signed_is_told() {
	run(|| {
		place(0, small());
		place(1, small());
		let terms = terms(0, 1);
		assert_ok!(Mode2::accept(&terms, &receipts(&terms, [0, 1, 3])));
		let holders = holders(0);
		Heard::kill();
		Mode2::close(0);
		let ended = |slot: u8| Told::Ended(holders[usize::from(slot)], 0, slot);
		assert_eq!(Heard::get(), [0, 1, 3].map(ended));
		// Nothing was signed for the other, and a request has no slots.
		request(2, small());
		Mode2::close(1);
		Mode2::close(2);
		assert_eq!(Heard::get().len(), 3);
	});
}
