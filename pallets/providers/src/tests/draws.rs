//! Who may be drawn, and how much work a draw is.

use super::*;
use crate::{
	Domain, Params,
	draw::{Stream, max_descents},
};
use frame_support::traits::fungible::Mutate;
use nil_types::{Hint, traits::ProviderRegistry};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// From Python's `hashlib.blake2b(b"nil/draw/v1" + seed + counter, digest_size=32)`.
#[test]
fn random_numbers_are_pinned() {
	for (total, expected) in [
		(1_000, [356, 510, 136, 851]),
		(
			u64::MAX,
			[11176671672580382871, 1811724205475021820, 10941821580843364626, 9521538266587327981],
		),
	] {
		let mut stream = Stream::new([7; 32]);
		assert_eq!([(); 4].map(|()| stream.below(total)), expected.map(Some), "below {total}");
	}
}

#[test]
fn random_numbers_at_the_edges() {
	let mut stream = Stream::new([0; 32]);
	assert_eq!(stream.below(0), None);
	assert_eq!(stream.below(1), Some(0));
	for total in [2, 3, 1 << 63, u64::MAX] {
		assert!((0..100).all(|_| stream.below(total).is_some_and(|number| number < total)));
	}
}

#[test]
fn a_draw_is_a_function_of_its_seed() {
	run(|| {
		for who in 0..20 {
			candidate(who, Capability::General, 100, None, 0);
		}
		let draw = |seed| Providers::draw([seed; 32], 12, Hint::Hot, 0);
		assert_eq!(draw(1), draw(1));
		assert_ne!(draw(1), draw(2));
	});
}

#[test]
fn hints_choose_the_classes() {
	run(|| {
		candidate(0, Capability::Archive, 100, None, 0);
		candidate(1, Capability::General, 100, None, 0);
		candidate(2, Capability::Edge, 100, None, 0);
		let draw = |hint| -> BTreeSet<u64> {
			let drawn = Providers::draw([1; 32], 2, hint, 0).expect("two are eligible");
			drawn.into_iter().collect()
		};
		assert_eq!(draw(Hint::Cold), BTreeSet::from([0, 1]));
		assert_eq!(draw(Hint::Hot), BTreeSet::from([1, 2]));
		assert_eq!(Providers::draw([1; 32], 3, Hint::Hot, 0), None);
	});
}

#[test]
fn too_few_eligible_is_none_and_none_at_all_is_an_empty_draw() {
	run(|| {
		assert_eq!(Providers::draw([1; 32], 0, Hint::Hot, 0), Some(vec![]));
		assert_eq!(Providers::draw([1; 32], 1, Hint::Hot, 0), None);
		candidate(0, Capability::General, 100, None, 5);
		candidate(1, Capability::General, 100, None, 6);
		assert_eq!(Providers::draw([1; 32], 1, Hint::Hot, 4), None);
		assert_eq!(Providers::draw([1; 32], 1, Hint::Hot, 5), Some(vec![0]));
		assert_eq!(Providers::draw([1; 32], 2, Hint::Hot, 5), None);
	});
}

#[test]
fn full_draining_and_unbacked_providers_are_not_drawn() {
	run(|| {
		for who in 0..4 {
			candidate(who, Capability::General, 100, None, 0);
		}
		assert_ok!(Providers::add_used(&0, 100 << 20));
		assert_ok!(send(1, Call::drain {}));
		assert_ok!(send(2, Call::remove_stake { amount: 1 }));
		for seed in 0..50 {
			assert_eq!(Providers::draw([seed; 32], 1, Hint::Hot, 0), Some(vec![3]));
		}
		assert_eq!(Providers::draw([0; 32], 2, Hint::Hot, 0), None);
	});
}

#[test]
fn attested_domains_are_distinct_where_there_are_enough() {
	run(|| {
		for who in 0..24 {
			let name = format!("AS{}", who % 12);
			candidate(who, Capability::General, 100, Some(&name), 0);
		}
		for seed in 0..50 {
			// With 12 equal domains, the others hold half of the weight until six are used.
			let drawn = Providers::draw([seed; 32], 7, Hint::Hot, 0).expect("enough");
			let domains: BTreeSet<Domain> = drawn.iter().map(|who| ledger(*who).domain).collect();
			assert_eq!(domains.len(), 7);
		}
	});
}

#[test]
fn a_claimed_domain_without_attestation_is_none() {
	run(|| {
		// Eleven claims, and one attested domain with as much weight as all of them.
		for who in 0..11 {
			candidate(who, Capability::General, 10, None, 0);
			let call = Call::update {
				multiaddrs: None,
				capability: None,
				domain: Some(domain(&format!("AS{who}"))),
				capacity: None,
				price_floor: None,
			};
			assert_ok!(send(who, call));
		}
		candidate(11, Capability::General, 110, Some("AS"), 0);
		for seed in 0..50 {
			let drawn = Providers::draw([seed; 32], 2, Hint::Hot, 0).expect("enough");
			assert!(drawn.contains(&11), "{drawn:?}: two claims are one domain");
		}
	});
}

/// Registers 10,000 providers; those at every tenth position take price 0, the others ask for `floor`.
fn crowd(attested: impl Fn(u64) -> Option<&'static str>, floor: Amount) {
	for who in 0..10_000 {
		Balances::set_balance(&who, 10_000);
		let floor = if who % 10 == 0 { 0 } else { floor };
		candidate(who, Capability::General, 1 + who % 100, attested(who), floor);
	}
}

#[test]
fn work_is_bounded_with_ten_thousand_providers() {
	new_test_ext().execute_with(|| {
		crowd(|_| None, 1);
		for seed in 0..20 {
			// At price 1 all are eligible: one domain, so nobody is refused for it.
			let draw = Providers::draw_operators([seed; 32], 32, Hint::Hot, 1);
			assert_eq!(draw.operators.map(|drawn| drawn.len()), Some(32));
			assert_eq!(draw.descents, 32);
			// At price 0 only a tenth is: the draw of 32 gives up, at its bound.
			let draw = Providers::draw_operators([seed; 32], 32, Hint::Hot, 0);
			assert_eq!((draw.operators, draw.descents), (None, max_descents(32)));
			// A small draw still has room for nine refusals in ten.
			let draw = Providers::draw_operators([seed; 32], 1, Hint::Hot, 0);
			assert!(draw.operators.is_some());
		}
	});
}

#[test]
fn domains_refuse_every_second_descent_at_most() {
	new_test_ext().execute_with(|| {
		// One domain with nearly half of the weight, all others small.
		const NAMES: [&str; 26] = [
			"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q",
			"r", "s", "t", "u", "v", "w", "x", "y", "z",
		];
		crowd(
			|who| if who % 2 == 0 { None } else { NAMES.get((who / 2 % 26) as usize).copied() },
			0,
		);
		for seed in 0..50 {
			let draw = Providers::draw_operators([seed; 32], 32, Hint::Hot, 0);
			assert!(draw.operators.is_some());
			assert!(draw.descents < 32 * 3, "{} descents", draw.descents);
		}
	});
}

/// Weight in MiB, class, domain, price floor.
type Plan = (u64, u8, u8, u8);

fn class(number: u8) -> Capability {
	match number {
		0 => Capability::Archive,
		1 => Capability::General,
		_ => Capability::Edge,
	}
}

fn name(number: u8) -> Option<&'static str> {
	[None, Some("a"), Some("b"), Some("c")].get(usize::from(number)).copied().flatten()
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(64))]

	/// Whatever the registry: a draw is found exactly when enough are eligible, consists of distinct eligible ones, and
	/// keeps the rule of domains at every pick.
	#[test]
	fn draws_keep_the_rules(
		plans in prop::collection::vec((1u64..50, 0u8..3, 0u8..4, 0u8..2), 0..16),
		seed: [u8; 32],
		count in 0u32..12,
		hot: bool,
		price in 0u128..2,
		threshold in 0u32..16,
	) {
		new_test_ext().execute_with(|| {
			let params = Params { diversity_threshold: threshold, ..PARAMS };
			send_as_root(Call::set_params { params }).expect("root may");
			let plan = |who: u64| -> Plan { plans[who as usize] };
			for (who, (weight, number, domain, floor)) in (0u64..).zip(&plans) {
				candidate(who, class(*number), *weight, name(*domain), u128::from(*floor));
			}
			let hint = if hot { Hint::Hot } else { Hint::Cold };
			let allowed = |who: u64| {
				class(plan(who).1) != if hot { Capability::Archive } else { Capability::Edge }
			};
			let eligible = |who: u64| allowed(who) && u128::from(plan(who).3) <= price;
			let all: Vec<u64> = (0..plans.len() as u64).filter(|who| eligible(*who)).collect();

			let drawn = Providers::draw(seed, count, hint, price);
			prop_assert_eq!(drawn.is_some(), all.len() >= count as usize);
			let drawn = drawn.unwrap_or_default();
			let distinct: BTreeSet<_> = drawn.iter().collect();
			prop_assert_eq!(distinct.len(), drawn.len());
			prop_assert!(drawn.iter().all(|who| eligible(*who)));

			// With nobody refused for the price, the rule can be replayed exactly.
			let weight = |who: &[u64]| -> u64 { who.iter().map(|who| plan(*who).0).sum() };
			let nobody_too_dear = (0..plans.len() as u64).all(|who| eligible(who) == allowed(who));
			if nobody_too_dear && plans.len() as u32 >= threshold {
				let mut used = BTreeSet::new();
				for who in drawn {
					let others: Vec<u64> =
						all.iter().copied().filter(|who| !used.contains(&plan(*who).2)).collect();
					if 2 * weight(&others) >= weight(&all) {
						prop_assert!(!used.contains(&plan(who).2), "a domain repeats too early");
					}
					used.insert(plan(who).2);
				}
			}
			Ok(())
		})?;
	}
}

#[test]
fn another_is_none_of_the_excluded_and_has_room() {
	run(|| {
		for who in 0..6 {
			candidate(who, Capability::General, 100 + who, None, 0);
		}
		let excluded = [0, 1, 2, 3];
		let another = |seed: u8, bytes, excluded: &[u64]| {
			Providers::draw_another([seed; 32], Hint::Hot, 0, bytes, excluded)
		};
		let drawn: BTreeSet<_> = (0..40).filter_map(|seed| another(seed, 0, &excluded)).collect();
		assert_eq!(drawn, BTreeSet::from([4, 5]));
		assert_eq!(another(1, 0, &[0, 1, 2, 3, 4, 5]), None);
		// Whoever is excluded need not be there.
		assert_eq!(another(1, 0, &[0, 1, 2, 3, 4, 77]), Some(5));
		assert_eq!(another(1, u64::MAX, &excluded), None);
	});
}

#[test]
fn another_is_in_a_domain_of_its_own_while_domains_count() {
	run(|| {
		for who in 0..8 {
			let domain = if who < 4 { "a" } else { "b" };
			candidate(who, Capability::General, 100, Some(domain), 0);
		}
		for seed in 0..40 {
			let drawn = Providers::draw_another([seed; 32], Hint::Hot, 0, 0, &[0]);
			assert!(drawn.is_some_and(|who| who >= 4));
		}
	});
}
