//! What the runtime API asks.

use crate::{mock::*, *};
use frame_support::assert_ok;
use nil_types::{
	DealInfo, DealStatus, Hint, deal::SerdeBytes, layout::MDU_PAYLOAD, traits::ManifestMath,
};

#[test]
fn a_deal_is_told_with_its_compressed_manifests() {
	run(|| {
		assert_eq!(DealsPallet::deal_info(0), None);
		let deal = create_active(small(), 100, 10_000_000_000);
		assert_ok!(Commit::of(deal, 5).dispatch());
		let held = Deals::<Test>::get(deal).unwrap();
		let point = MockManifests::extend(&MockManifests::empty(), 0, &[root(0)]).unwrap();
		assert_eq!(
			DealsPallet::deal_info(deal),
			Some(DealInfo {
				id: deal,
				owner: OWNER,
				profile: small(),
				hint: Hint::Cold,
				status: DealStatus::Active,
				generation: 1,
				total_mdus: 1,
				size_bytes: 5,
				stored_bytes: held.stored_bytes,
				manifests: vec![SerdeBytes(MockManifests::compress(&point))],
				created_at: GENESIS_RELAY_BLOCK,
				expires_at: GENESIS_RELAY_BLOCK + 100,
				free_escrow: held.ledger.free,
				locked_rent: held.ledger.locked,
				deposit: PARAMS.commit_deposit + slots_deposit(small()),
				max_monthly_spend: 0,
				uploaders: Vec::new(),
			})
		);
	});
}

#[test]
fn deals_are_paged_by_owner() {
	run(|| {
		let deals: Vec<_> = (0..7).map(|_| create(small(), 100, 0)).collect();
		assert_ok!(DealsPallet::create_deal(
			RuntimeOrigin::signed(OTHER),
			small(),
			Hint::Hot,
			50,
			0,
			0
		));
		let mut seen = Vec::new();
		loop {
			let page = DealsPallet::deals_of(&OWNER, seen.last().copied(), 3);
			if page.is_empty() {
				break;
			}
			assert!(page.len() <= 3);
			seen.extend(page);
		}
		seen.sort_unstable();
		assert_eq!(seen, deals);
		assert_eq!(DealsPallet::deals_of(&OTHER, None, 10), [7]);
		assert!(DealsPallet::deals_of(&SPONSOR, None, 10).is_empty());
		assert!(DealsPallet::deals_of(&OWNER, None, 0).is_empty());
	});
}

#[test]
fn commits_are_paged_from_a_generation_on() {
	run(|| {
		let deal = create_active(small(), 100, 100_000_000_000);
		for size in 1..=5 {
			assert_ok!(Commit::of(deal, size * MDU_PAYLOAD as u64).dispatch());
		}
		let generations = |from, limit| -> Vec<_> {
			DealsPallet::commits(deal, from, limit)
				.into_iter()
				.map(|(generation, _)| generation)
				.collect()
		};
		assert_eq!(generations(0, 100), [1, 2, 3, 4, 5]);
		assert_eq!(generations(1, 2), [1, 2]);
		assert_eq!(generations(4, 100), [4, 5]);
		assert_eq!(generations(6, 100), [] as [u32; 0]);
		assert_eq!(DealsPallet::commits(deal, 5, 1)[0].1, Commits::<Test>::get(deal, 5).unwrap());
		assert!(DealsPallet::commits(99, 0, 100).is_empty());
	});
}
