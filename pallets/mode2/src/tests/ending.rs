//! The end of deals: slots and space go back.

use crate::{mock::*, *};
use frame_support::assert_ok;
use nil_types::traits::SlotManager;

#[test]
fn closing_gives_back_slots_and_exactly_the_bytes_that_were_signed_for() {
	run(|| {
		place(0, small());
		place(1, small());
		for generation in 1..=3 {
			let terms = terms(0, generation);
			let signers = if generation == 2 { 0..3 } else { 0..4 };
			assert_ok!(Mode2::accept(&terms, &receipts(&terms, signers)));
		}
		let other = terms(1, 1);
		assert_ok!(Mode2::accept(&other, &receipts(&other, 0..4)));
		let stripe = holders(0);
		events();
		Mode2::close(0);
		let released: Vec<_> = (0u8..)
			.zip(&stripe)
			.map(|(slot, provider)| Event::SlotReleased {
				deal: 0,
				slot,
				provider: *provider,
				bytes: if slot == 3 { 2 * 131_072 } else { 3 * 131_072 },
			})
			.collect();
		assert_eq!(events(), released);
		assert_eq!(Stripes::<Test>::get(0), None);
		for (id, provider) in Registry::iter() {
			let holds = u32::from(holders(1).contains(&id));
			assert_eq!((provider.slots, provider.used), (holds, u64::from(holds) * 131_072));
		}
	});
}

#[test]
fn closing_withdraws_a_request_wherever_it_waits() {
	run(|| {
		request(0, small());
		request(1, wide());
		advance(DRAW_DELAY);
		record(1);
		serve_all();
		request(2, small());
		events();
		Mode2::close(1);
		Mode2::close(2);
		assert_eq!(
			events(),
			[Event::RequestWithdrawn { deal: 1 }, Event::RequestWithdrawn { deal: 2 }]
		);
		assert_eq!(Requests::<Test>::iter_keys().count(), 0);
		assert_eq!(Queue::<Test>::iter_keys().count(), 0);
		assert_eq!(holders(0).len(), 4);
	});
}
