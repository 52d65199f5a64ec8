//! How often each blob and each slot is asked for, against what its weight says.
//!
//! The seeds are fixed, so a test passes always or never. Its bound is such that of all seeds less than one in a million
//! would have made it fail although draws are as they should be.

use crate::table::Table;
use nil_types::{
	Hash32, Hint,
	challenge::{Census, Lists, MAX_ROWS, Sample, SizeClass, sample},
};
use std::{collections::BTreeMap, fmt::Debug};

const R_E: Hash32 = [0x5e; 32];
const PROVIDER: [u8; 32] = [0xa1; 32];

/// What a chi-squared variable of so many degrees of freedom is above with a probability of at most 1e-6.
///
/// Laurent and Massart (2000), lemma 1: `P(X >= d + 2 sqrt(d x) + 2 x) <= exp(-x)`, with `x = ln 1e6 = 13.8155`.
fn bound(freedom: f64) -> f64 {
	let x = 1e6f64.ln();
	freedom + 2.0 * (freedom * x).sqrt() + 2.0 * x
}

/// Pearson's statistic, which is as good as chi-squared where every bin is expected to be hit often.
fn statistic<Bin: Ord + Debug>(observed: &BTreeMap<Bin, u32>, weights: &BTreeMap<Bin, f64>) -> f64 {
	for bin in observed.keys() {
		assert!(weights.contains_key(bin), "{bin:?} cannot happen");
	}
	let draws: u32 = observed.values().sum();
	let total: f64 = weights.values().sum();
	let mut sum = 0.0;
	for (bin, weight) in weights {
		let mean = f64::from(draws) * weight / total;
		assert!(mean > 99.0, "{bin:?} is expected {mean} times");
		let seen = f64::from(observed.get(bin).copied().unwrap_or_default());
		sum += (seen - mean).powi(2) / mean;
	}
	sum
}

/// The statistic and its bound.
fn compare<Bin: Ord + Debug>(
	observed: &BTreeMap<Bin, u32>,
	weights: &BTreeMap<Bin, f64>,
) -> (f64, f64) {
	(statistic(observed, weights), bound((weights.len() - 1) as f64))
}

fn assert_fits<Bin: Ord + Debug>(observed: &BTreeMap<Bin, u32>, weights: &BTreeMap<Bin, f64>) {
	let (statistic, bound) = compare(observed, weights);
	assert!(statistic < bound, "{statistic} is not below {bound}");
}

fn assert_noticed<Bin: Ord + Debug>(observed: &BTreeMap<Bin, u32>, weights: &BTreeMap<Bin, f64>) {
	let (statistic, bound) = compare(observed, weights);
	assert!(statistic > 2.0 * bound, "{statistic} is not far above {bound}");
}

/// Hot or not, class, place in the list, and part of an allocation.
type Part = (bool, SizeClass, u32, u64);

/// So many parts that each is a single blob.
const BLOBS: u64 = MAX_ROWS;

/// A provider's lists, and the census of them.
struct World {
	table: Table,
	census: Census,
	hot_factor: u32,
}

impl World {
	fn new(cold: &[u64], hot: &[u64], slots: &[u64], hot_factor: u32) -> Self {
		let table = Table::new(cold, hot, slots);
		Self { census: table.census(), table, hot_factor }
	}

	fn ask(&mut self, r_e: &Hash32, provider: &[u8; 32], ordinal: u32) -> Sample {
		sample(r_e, provider, ordinal, &self.census, self.hot_factor, &mut self.table)
			.expect("nothing is asked for that the census does not have")
			.expect("there is something to ask for")
	}

	/// In which part the sample of an ordinal that draws by weight lies, when allocations are cut into `parts` parts, or
	/// into as many as they have rows.
	fn ask_part(&mut self, r_e: &Hash32, provider: &[u8; 32], ordinal: u32, parts: u64) -> Part {
		let Sample::Listed { hint, class, index, row } = self.ask(r_e, provider, ordinal) else {
			panic!("ordinal {ordinal} draws by weight");
		};
		let rows = self.table.rows(hint, class, index).expect("it was asked for");
		(hint == Hint::Hot, class, index, row * parts.min(rows) / rows)
	}

	/// How often each part is drawn, by the ordinals that draw by weight up to `ordinals`.
	fn observe(&mut self, ordinals: u32, parts: u64) -> BTreeMap<Part, u32> {
		count((0..ordinals).filter(|ordinal| ordinal % 8 != 7), |ordinal| {
			self.ask_part(&R_E, &PROVIDER, ordinal, parts)
		})
	}

	/// What each part weighs, given what an allocation of so many rows does.
	fn weights(&self, parts: u64, weigh: impl Fn(Hint, u64) -> f64) -> BTreeMap<Part, f64> {
		let mut weights = BTreeMap::new();
		for (hint, class, index, rows) in self.table.allocations() {
			let parts = parts.min(rows);
			for part in 0..parts {
				let first = |part: u64| (part * rows).div_ceil(parts);
				let share = (first(part + 1) - first(part)) as f64 / rows as f64;
				let bin = (hint == Hint::Hot, class, index, part);
				weights.insert(bin, share * weigh(hint, rows));
			}
		}
		weights
	}

	/// Weights as they should be.
	fn due(&self, parts: u64) -> BTreeMap<Part, f64> {
		let hot_factor = f64::from(self.hot_factor);
		self.weights(parts, |hint, rows| match hint {
			Hint::Cold => rows as f64,
			Hint::Hot => hot_factor * rows as f64,
		})
	}
}

/// How often each bin is hit.
fn count<Bin: Ord>(
	numbers: impl Iterator<Item = u32>,
	mut bin: impl FnMut(u32) -> Bin,
) -> BTreeMap<Bin, u32> {
	let mut observed = BTreeMap::new();
	for number in numbers {
		*observed.entry(bin(number)).or_default() += 1;
	}
	observed
}

/// Small and larger allocations, those at the edges of classes among them, several of one class, and hot ones.
fn mixed() -> World {
	let cold = [1, 2, 3, 15, 15, 16, 17, 18, 19, 31, 32, 35, 36, 39, 40, 63, 64, 71, 72, 100];
	World::new(&cold, &[1, 16, 17, 33, 40], &[], 3)
}

const MIXED_ORDINALS: u32 = 180_000;

#[test]
fn every_blob_is_as_likely_as_its_weight() {
	let mut world = mixed();
	assert_fits(&world.observe(MIXED_ORDINALS, BLOBS), &world.due(BLOBS));
}

/// The statistic is sharp enough to tell the draws from such as are nearly right.
#[test]
fn other_weights_would_be_noticed() {
	let mut world = mixed();
	let observed = world.observe(MIXED_ORDINALS, 1);
	assert_fits(&observed, &world.due(1));
	// As if a miss drew another offset in the same allocation.
	let bounds = world.weights(1, |hint, rows| {
		let bound = SizeClass::of(rows).expect("an allocation has a class").bound() as f64;
		if hint == Hint::Hot { 3.0 * bound } else { bound }
	});
	assert_noticed(&observed, &bounds);
	// As if nothing were hot.
	assert_noticed(&observed, &world.weights(1, |_, rows| rows as f64));
}

#[test]
fn every_part_of_large_allocations_is_as_likely_as_its_weight() {
	let edge = 9 << 18;
	let cold = [MAX_ROWS, MAX_ROWS - 1, 1 << 21, (1 << 21) + 1, edge, edge - 1, 1 << 20];
	let mut world = World::new(&cold, &[edge - 1], &[], 2);
	assert_fits(&world.observe(80_000, 16), &world.due(16));
}

/// 32 bytes that somebody might choose: a number, and zeros.
fn chosen(number: u32) -> [u8; 32] {
	let mut bytes = [0; 32];
	bytes[..4].copy_from_slice(&number.to_le_bytes());
	bytes
}

#[test]
fn whoever_is_asked_gets_the_same_chances() {
	let mut world = World::new(&[1, 2, 17, 33], &[], &[], 1);
	let observed = count(0..20_000, |number| world.ask_part(&R_E, &chosen(number), 0, BLOBS));
	assert_fits(&observed, &world.due(BLOBS));
}

#[test]
fn every_epoch_has_the_same_chances() {
	let mut world = World::new(&[1, 2, 17, 33], &[], &[], 1);
	let observed = count(0..20_000, |number| world.ask_part(&chosen(number), &PROVIDER, 0, BLOBS));
	assert_fits(&observed, &world.due(BLOBS));
}

#[test]
fn one_ordinal_says_nothing_about_the_next() {
	let mut world = World::new(&[1, 2, 17], &[], &[], 1);
	let observed = count(0..60_000, |number| {
		[8 * number, 8 * number + 1].map(|ordinal| world.ask_part(&R_E, &PROVIDER, ordinal, BLOBS))
	});
	let blobs = world.due(BLOBS);
	let pairs = blobs.keys().flat_map(|one| blobs.keys().map(move |next| ([*one, *next], 1.0)));
	let weights: BTreeMap<_, _> = pairs.collect();
	assert_fits(&observed, &weights);
}

#[test]
fn slots_are_uniform_and_so_are_their_rows() {
	let slots = [1, 3, 10, 100, 7];
	let mut world = World::new(&[], &[], &slots, 1);
	let observed = count(0..60_000, |number| {
		let Sample::Slot { index, row } = world.ask(&R_E, &PROVIDER, 8 * number + 7) else {
			panic!("every eighth ordinal draws a slot");
		};
		(index, row)
	});
	let mut weights = BTreeMap::new();
	for (index, rows) in (0..).zip(slots) {
		for row in 0..rows {
			weights.insert((index, row), 1.0 / rows as f64);
		}
	}
	assert_fits(&observed, &weights);
	// As if every row of every slot were as likely.
	let equal: BTreeMap<_, _> = weights.keys().map(|bin| (*bin, 1.0)).collect();
	assert_noticed(&observed, &equal);
}

/// Attempts per sample are as many as bounds are larger than what they bound: 9/8 where every size is the smallest of its
/// class, less than 1.1 where sizes are spread over their classes.
#[test]
fn attempts_are_few() {
	let spread: Vec<u64> =
		(5..22).flat_map(|exponent| (32u64..64).map(move |m| (m << exponent) >> 5)).collect();
	let smallest: Vec<u64> = (4..23).map(|exponent| 1 << exponent).collect();
	for (sizes, limit) in [(spread, 1.1), (smallest, 1.125)] {
		let mut world = World::new(&sizes, &[], &[], 1);
		let bounds = sizes.iter().filter_map(|rows| SizeClass::of(*rows)).map(SizeClass::bound);
		let expected = bounds.sum::<u64>() as f64 / sizes.iter().sum::<u64>() as f64;
		assert!(expected <= limit, "{expected} attempts are expected");

		let ordinals: Vec<u32> = (0..60_000).filter(|ordinal| ordinal % 8 != 7).collect();
		for ordinal in &ordinals {
			world.ask(&R_E, &PROVIDER, *ordinal);
		}
		let asked = ordinals.len() as f64;
		let mean = world.table.lookups as f64 / asked;
		// Geometric, with the variance q / (1 - q)^2 for a share q of misses. Of a normal variable 4.892 standard deviations
		// to either side leave out 1e-6.
		let misses = 1.0 - 1.0 / expected;
		let deviation = (misses / (1.0 - misses).powi(2) / asked).sqrt();
		assert!((mean - expected).abs() < 4.892 * deviation, "{mean} for {expected}");
	}
}
