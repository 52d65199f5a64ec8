//! How often each stored row is asked for, through lists, journal and draws, against what its weight says.
//!
//! The seeds are fixed, so a test passes always or never. Its bound is such that of all seeds less than one in a million
//! would have made it fail although draws are as they should be. `nil_types::challenge` has the same for draws alone.

use crate::{mock::*, *};
use nil_types::{DealId, Generation, Hint, traits::Allocation};
use std::collections::BTreeMap;

/// By how much hot deals are likelier.
const HOT: u32 = 3;
/// Samples of a round, fewer than the blobs of every provider here.
const SAMPLES: u32 = 40;

/// Deal, generation, MDU and leaf.
type Row = (DealId, Generation, u64, u16);

/// What a chi-squared variable of so many degrees of freedom is above with a probability of at most 1e-6.
///
/// Laurent and Massart (2000), lemma 1: `P(X >= d + 2 sqrt(d x) + 2 x) <= exp(-x)`, with `x = ln 1e6 = 13.8155`.
fn bound(freedom: f64) -> f64 {
	let x = 1e6f64.ln();
	freedom + 2.0 * (freedom * x).sqrt() + 2.0 * x
}

/// Pearson's statistic, which is as good as chi-squared where every row is expected to be hit often.
fn statistic(observed: &BTreeMap<Row, u32>, weights: &BTreeMap<Row, f64>) -> f64 {
	for row in observed.keys() {
		assert!(weights.contains_key(row), "{row:?} is not stored");
	}
	let draws: u32 = observed.values().sum();
	let total: f64 = weights.values().sum();
	let mut sum = 0.0;
	for (row, weight) in weights {
		let mean = f64::from(draws) * weight / total;
		assert!(mean > 50.0, "{row:?} is expected {mean} times");
		let seen = f64::from(observed.get(row).copied().unwrap_or_default());
		sum += (seen - mean).powi(2) / mean;
	}
	sum
}

fn assert_fits(observed: &BTreeMap<Row, u32>, weights: &BTreeMap<Row, f64>) {
	let (found, bound) = (statistic(observed, weights), bound((weights.len() - 1) as f64));
	assert!(found < bound, "{found} is not below {bound}");
}

/// What is asked for by weight, and by slot.
#[derive(Default)]
struct Observed {
	by_weight: BTreeMap<Row, u32>,
	by_slot: BTreeMap<Row, u32>,
}

impl Observed {
	/// Adds what a provider is asked in the round that is drawn.
	fn add(&mut self, provider: &AccountId) {
		assert_eq!(Liveness::due(provider), SAMPLES);
		for ordinal in 0..SAMPLES {
			let asked = Liveness::asked(provider, ordinal).unwrap();
			let row = (asked.deal, asked.generation, asked.mdu, asked.leaf);
			let rows = if ordinal % 8 == 7 { &mut self.by_slot } else { &mut self.by_weight };
			*rows.entry(row).or_default() += 1;
		}
	}

	fn assert_fits(&self, stored: &[Allocation]) {
		let mut slots = BTreeMap::<DealId, u64>::new();
		for allocation in stored {
			*slots.entry(allocation.deal).or_default() += allocation.rows;
		}
		let (mut by_weight, mut by_slot) = (BTreeMap::new(), BTreeMap::new());
		for allocation in stored {
			let Allocation { deal, generation, first_mdu, rows, hint, .. } = *allocation;
			let weight = if hint == Hint::Hot { f64::from(HOT) } else { 1.0 };
			for row in 0..rows {
				// Slot 3 of 8+4, which has eight rows of each MDU.
				let place = (deal, generation, first_mdu + row / 8, (3 * 8 + row % 8) as u16);
				by_weight.insert(place, weight);
				by_slot.insert(place, 1.0 / slots[&deal] as f64);
			}
		}
		assert_fits(&self.by_weight, &by_weight);
		assert_fits(&self.by_slot, &by_slot);
	}
}

fn ask_for_many() {
	let params = LivenessParams { samples_per_epoch: SAMPLES, hot_factor: HOT, ..PARAMS };
	Liveness::set_params(RuntimeOrigin::root(), params).unwrap();
}

fn hot(allocation: Allocation) -> Allocation {
	Allocation { hint: Hint::Hot, ..allocation }
}

#[test]
fn every_row_is_as_likely_as_its_weight_after_lists_have_changed() {
	run(|| {
		let provider = account(1);
		ask_for_many();
		// Several of one class, those at the edges of classes, hot ones, and slots with more than one commit.
		let stored = [
			allocation(0, 1, 17),
			allocation(1, 1, 17),
			hot(allocation(2, 1, 3)),
			allocation(3, 1, 1),
			allocation(0, 2, 5),
			hot(allocation(2, 2, 16)),
			allocation(3, 2, 2),
		];
		// Others stand before, between and after these, and leave.
		for deal in [10, 11] {
			sign(&provider, allocation(deal, 1, 17));
			sign(&provider, hot(allocation(deal + 10, 1, 16)));
		}
		for (deal, allocation) in (30..).zip(&stored) {
			sign(&provider, *allocation);
			sign(&provider, Allocation { deal, ..*allocation });
		}
		begin();
		next_epoch();
		catch_up(&provider);
		for deal in [11, 20, 30, 31, 32, 33, 34, 35, 36, 21, 10] {
			end(&provider, deal);
		}
		next_epoch();
		catch_up(&provider);
		assert_eq!(book(&provider).blobs, stored.iter().map(|it| it.rows).sum::<u64>());

		let mut observed = Observed::default();
		for _ in 0..1_000 {
			next_epoch();
			observed.add(&provider);
		}
		observed.assert_fits(&stored);
	});
}

#[test]
fn accounts_that_are_chosen_are_asked_like_all_others() {
	run(|| {
		ask_for_many();
		let stored = [allocation(0, 1, 30), hot(allocation(1, 1, 3)), allocation(1 << 40, 7, 9)];
		// Numbers in a row, with all other bytes the same. There is one round for all.
		let providers: Vec<AccountId> = (0u16..1_000)
			.map(|number| {
				let mut bytes = [0xff; 32];
				bytes[30..].copy_from_slice(&number.to_be_bytes());
				AccountId::new(bytes)
			})
			.collect();
		for provider in &providers {
			stored.iter().for_each(|allocation| sign(provider, *allocation));
		}
		begin();
		let mut observed = Observed::default();
		for provider in &providers {
			catch_up(provider);
			observed.add(provider);
		}
		observed.assert_fits(&stored);
	});
}
