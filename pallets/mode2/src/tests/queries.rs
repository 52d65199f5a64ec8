//! What the runtime API asks.

use crate::mock::*;
use nil_types::{PlacementInfo, RepairCause, SlotInfo, SlotState, traits::Evictions};
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

#[test]
fn candidates_are_told_what_they_rebuild_and_what_they_prove() {
	run(|| {
		place(0, small());
		commit(0, 0..4);
		commit(0, 0..4);
		let others = holders(0);
		let old = others[1];
		assert!(<Mode2 as Evictions<_>>::evict(&old, 0, 1));
		assert!(Mode2::repair_targets(0, 1, 2).is_empty());
		let new = candidate(0, 1);

		let told = Mode2::repairs(0).remove(0);
		assert_eq!((told.slot, told.cause), (1, RepairCause::Eviction));
		assert_eq!((told.provider, told.candidate), (None, Some(new)));
		assert_eq!(told.reserved, Registry::get(new).unwrap().used);
		assert_eq!(Mode2::candidacies(&new, None, 9), (vec![(0, told)], None));
		let slot = (0, 1);
		assert_eq!(Mode2::candidacies(&new, None, 1).1, Some(slot), "there may be more");
		assert_eq!(Mode2::candidacies(&new, Some(slot), 1), (vec![], None));
		assert_eq!(Mode2::candidacies(&others[0], None, 9), (vec![], None));

		let (asked, proven) = (Mode2::repair_targets(0, 1, 2), proof(0, 1, 2));
		assert_eq!(asked.len(), proven.len());
		for (number, (asked, proven)) in (0u32..).zip(asked.into_iter().zip(proven)) {
			assert_eq!((asked.sample, asked.generation), (number, proven.generation));
			// In the mock each commit has one MDU.
			assert_eq!(asked.mdu + 1, u64::from(asked.generation));
			assert_eq!(commitment(asked.leaf), proven.commitment);
		}
		assert!(Mode2::repair_targets(0, 1, 3).is_empty(), "there is no such commit");
		assert!(Mode2::repair_targets(0, 1, 1).is_empty(), "it is drawn for more");
		assert!(Mode2::repair_targets(0, 0, 2).is_empty(), "nobody rebuilds that slot");
	});
}

#[test]
fn genesis_sets_the_pace_of_repairs() {
	run(|| {
		use sp_runtime::BuildStorage;
		assert_eq!(Mode2::pace(), Mode2::constant_pace());
		let genesis = crate::GenesisConfig::<Test> { repair_window: 3, ..Default::default() };
		let storage = genesis.build_storage().unwrap();
		sp_io::TestExternalities::new(storage).execute_with(|| {
			assert_eq!((Mode2::pace().window, Mode2::pace().cooldown), (3, COOLDOWN));
		});
	});
}
