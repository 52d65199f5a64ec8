//! The distribution of draws against one that is computed exactly, by walking through all outcomes.

use super::*;
use crate::Params;
use nil_types::Hint;
use std::collections::{BTreeMap, BTreeSet};

/// Draws per scenario.
const DRAWS: u32 = 4_000;

/// A candidate of a scenario: weight in MiB and attested domain.
type Plain = (u64, Option<&'static str>);

/// The probability of every ordered outcome, by the rules alone: no tree, no rejection.
fn exact(candidates: &[Plain], count: usize, domains_count: bool) -> BTreeMap<Vec<u64>, f64> {
	fn pick(
		candidates: &[Plain],
		count: usize,
		domains_count: bool,
		picked: &[u64],
		probability: f64,
		outcomes: &mut BTreeMap<Vec<u64>, f64>,
	) {
		if picked.len() == count {
			outcomes.insert(picked.to_vec(), probability);
			return;
		}
		let used: BTreeSet<_> = picked.iter().map(|who| candidates[*who as usize].1).collect();
		let sum = |keep: &dyn Fn(&Plain) -> bool| -> u64 {
			candidates.iter().filter(|one| keep(one)).map(|one| one.0).sum()
		};
		let others = sum(&|one| !used.contains(&one.1));
		let one_per_domain = domains_count && 2 * others >= sum(&|_| true);
		let pool: Vec<_> = (0u64..)
			.zip(candidates)
			.filter(|(who, (_, domain))| {
				!picked.contains(who) && (!one_per_domain || !used.contains(domain))
			})
			.map(|(who, (weight, _))| (who, *weight))
			.collect();
		let total: u64 = pool.iter().map(|(_, weight)| weight).sum();
		for (who, weight) in pool {
			let next: Vec<_> = picked.iter().copied().chain([who]).collect();
			let probability = probability * weight as f64 / total as f64;
			pick(candidates, count, domains_count, &next, probability, outcomes);
		}
	}
	let mut outcomes = BTreeMap::new();
	pick(candidates, count, domains_count, &[], 1.0, &mut outcomes);
	outcomes
}

/// Pearson's statistic over the outcomes, rare ones in one bin, and its bound: five standard deviations above the mean.
fn chi_square(
	observed: &BTreeMap<Vec<u64>, u32>,
	expected: &BTreeMap<Vec<u64>, f64>,
) -> (f64, f64) {
	let mut bins = vec![(0.0, 0.0)];
	for (outcome, probability) in expected {
		let seen = f64::from(observed.get(outcome).copied().unwrap_or_default());
		let mean = probability * f64::from(DRAWS);
		if mean < 5.0 {
			bins[0].0 += seen;
			bins[0].1 += mean;
		} else {
			bins.push((seen, mean));
		}
	}
	bins.retain(|(_, mean)| *mean > 0.0);
	let statistic = bins.iter().map(|(seen, mean)| (seen - mean).powi(2) / mean).sum();
	let freedom = (bins.len() - 1) as f64;
	(statistic, freedom + 5.0 * (2.0 * freedom).sqrt())
}

fn observe(count: u32, hint: Hint, price: Amount) -> BTreeMap<Vec<u64>, u32> {
	let mut observed = BTreeMap::new();
	for number in 0..DRAWS {
		let seed = nil_types::blake2b_256(&number.to_le_bytes());
		let drawn = Providers::draw_operators(seed, count, hint, price);
		*observed.entry(drawn.operators.expect("enough are eligible")).or_default() += 1;
	}
	observed
}

fn assert_fits(observed: &BTreeMap<Vec<u64>, u32>, expected: &BTreeMap<Vec<u64>, f64>) {
	for outcome in observed.keys() {
		assert!(expected.contains_key(outcome), "{outcome:?} cannot happen");
	}
	let (statistic, bound) = chi_square(observed, expected);
	assert!(statistic < bound, "{statistic} is not below {bound}");
}

/// More providers than tests have: domains do not count.
const BOOTSTRAP: u32 = 1_000;

fn set_threshold(diversity_threshold: u32) {
	let params = Params { diversity_threshold, ..PARAMS };
	assert_ok!(send_as_root(Call::set_params { params }));
	crate::Reweighing::<Test>::kill();
}

fn check(candidates: &[Plain], count: u32, domains_count: bool) {
	run(|| {
		set_threshold(if domains_count { 0 } else { BOOTSTRAP });
		for (who, (weight, domain)) in (0u64..).zip(candidates) {
			candidate(who, Capability::General, *weight, *domain, 0);
		}
		let expected = exact(candidates, count as usize, domains_count);
		assert_fits(&observe(count, Hint::Hot, 0), &expected);
	});
}

#[test]
fn weights_decide_and_nobody_is_drawn_twice() {
	check(&[(1, None), (2, None), (3, None), (4, None)], 2, false);
}

#[test]
fn bootstrap_mode_does_not_look_at_domains() {
	check(&[(3, Some("a")), (4, Some("a")), (2, Some("b")), (3, None)], 3, false);
}

#[test]
fn one_per_domain_while_the_others_hold_half_of_the_weight() {
	check(
		&[(3, Some("a")), (2, Some("a")), (4, Some("b")), (3, None), (2, None), (5, Some("c"))],
		3,
		true,
	);
}

#[test]
fn a_dominant_domain_may_repeat() {
	check(&[(30, None), (20, None), (10, None), (5, Some("a")), (4, Some("b"))], 3, true);
}

#[test]
fn all_in_one_domain_may_repeat() {
	check(&[(5, Some("a")), (6, Some("a")), (7, Some("a"))], 2, true);
}

#[test]
fn classes_count_by_the_weight_of_their_candidates() {
	run(|| {
		set_threshold(BOOTSTRAP);
		candidate(0, Capability::Edge, 2, None, 0);
		candidate(1, Capability::General, 3, None, 0);
		candidate(2, Capability::Edge, 4, None, 0);
		candidate(3, Capability::Archive, 50, None, 0);
		let expected = exact(&[(2, None), (3, None), (4, None)], 2, false);
		assert_fits(&observe(2, Hint::Hot, 0), &expected);
	});
}

#[test]
fn who_is_too_dear_might_as_well_not_be_there() {
	run(|| {
		set_threshold(BOOTSTRAP);
		for (who, weight) in [(0, 2), (1, 3), (2, 5)] {
			candidate(who, Capability::General, weight, None, 10);
		}
		for who in 3..8 {
			candidate(who, Capability::General, 20, None, 11);
		}
		let expected = exact(&[(2, None), (3, None), (5, None)], 2, false);
		assert_fits(&observe(2, Hint::Cold, 10), &expected);
	});
}

/// The statistic is sharp enough to tell these weights from equal ones.
#[test]
fn another_distribution_would_be_noticed() {
	run(|| {
		set_threshold(BOOTSTRAP);
		for (who, weight) in [(0, 10), (1, 11), (2, 12)] {
			candidate(who, Capability::General, weight, None, 0);
		}
		let observed = observe(2, Hint::Hot, 0);
		assert_fits(&observed, &exact(&[(10, None), (11, None), (12, None)], 2, false));
		let (statistic, bound) =
			chi_square(&observed, &exact(&[(1, None), (1, None), (1, None)], 2, false));
		assert!(statistic > 2.0 * bound, "{statistic} is not far above {bound}");
	});
}
