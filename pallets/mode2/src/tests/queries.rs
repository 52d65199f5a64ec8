//! What the runtime API asks.

use crate::mock::*;
use nil_types::{PlacementInfo, SlotInfo, SlotState};
use sp_core::Pair;

#[test]
fn slots_are_told_in_order_with_keys_and_addresses() {
	run(|| {
		request(0, small());
		assert!(Mode2::slots(0).is_empty());
		assert_eq!(
			Mode2::placement(0),
			Some(PlacementInfo { requested_at: START, draw_at: START + DRAW_DELAY, attempts: 0 })
		);
		advance(DRAW_DELAY);
		record(1);
		serve_all();
		assert_eq!(Mode2::placement(0), None);
		let expected: Vec<_> = (0u8..)
			.zip(holders(0))
			.map(|(slot, provider)| SlotInfo {
				slot,
				state: SlotState::Active { provider },
				service_key: Some(service_pair(provider).public().0),
				multiaddrs: vec![format!("/ip4/127.0.0.1/tcp/{provider}/http").into_bytes()],
			})
			.collect();
		assert_eq!(Mode2::slots(0), expected);
	});
}

#[test]
fn slots_of_a_provider_are_paged() {
	run(|| {
		// The default profile needs each of the twelve providers once.
		let all = nil_types::Profile::DEFAULT;
		assert_eq!(u64::from(all.n()), PROVIDERS);
		for deal in 0..7 {
			place(deal, all);
		}
		let mut seen = Vec::new();
		loop {
			let page = Mode2::slots_of(&3, seen.last().copied(), 3);
			if page.is_empty() {
				break;
			}
			assert!(page.len() <= 3);
			seen.extend(page);
		}
		let deals: std::collections::BTreeSet<_> = seen.iter().map(|(deal, _)| *deal).collect();
		assert_eq!((seen.len(), deals.len()), (7, 7));
		for (deal, slot) in seen {
			assert_eq!(holders(deal)[usize::from(slot)], 3);
		}
		assert!(Mode2::slots_of(&99, None, 10).is_empty());
	});
}
