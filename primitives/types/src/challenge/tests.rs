//! What is asked is what the module says, to the byte.

use super::*;
use alloc::collections::BTreeMap;

const R_E: Hash32 = [0xa5; 32];
const PROVIDER: [u8; 32] = [0x5a; 32];

#[test]
fn epochs_at_the_edges() {
	for (block, length, epoch, start) in [
		(0, 600, 0, 0),
		(599, 600, 0, 0),
		(600, 600, 1, 600),
		(1_199, 600, 1, 600),
		(7, 1, 7, 7),
		(u32::MAX, 1, u32::MAX, u32::MAX),
		(u32::MAX, u32::MAX, 1, u32::MAX),
		(u32::MAX - 1, u32::MAX, 0, 0),
		(5, 0, 0, 0),
	] {
		assert_eq!(epoch_of(block, length), epoch, "{block} / {length}");
		assert_eq!(epoch_start(epoch, length), start, "{block} / {length}");
	}
	assert_eq!(epoch_start(u32::MAX, 2), u32::MAX);
}

#[test]
fn hashed_bytes_are_pinned() {
	fn hash(parts: &[&[u8]]) -> Hash32 {
		blake2b_256(&parts.concat())
	}
	fn scalar(parts: &[&[u8]]) -> Hash32 {
		hash_to_fr(&parts.concat())
	}
	let number = 0x0403_0201u32;
	assert_eq!(
		epoch_randomness(&R_E, number, &[7; 64]),
		hash(&[b"nil/epoch/v1", &R_E, &[1, 2, 3, 4], &[7; 64]])
	);
	assert_eq!(evaluation_point(&R_E, &PROVIDER), scalar(&[b"nil/z/v1", &R_E, &PROVIDER]));
	assert_eq!(
		gamma(&R_E, &PROVIDER, number),
		scalar(&[b"nil/gamma/v1", &R_E, &PROVIDER, &[1, 2, 3, 4]])
	);
	assert_eq!(
		challenge_seed(&R_E, &PROVIDER, number, 5),
		hash(&[b"nil/chal/v1", &R_E, &PROVIDER, &[1, 2, 3, 4], &[5, 0, 0, 0]])
	);
}

#[test]
fn hashed_bytes_of_settlements_are_pinned() {
	let (deal, slot) = (0x0807_0605_0403_0201u64, 9);
	let of_slot = [&[1u8, 2, 3, 4, 5, 6, 7, 8][..], &[9]].concat();
	let (sample, attempt) = ([5u8, 0, 0, 0], [6u8, 0, 0, 0]);
	let parts = |tag: &[u8], rest: &[&[u8]]| {
		[&[tag, &R_E[..], &PROVIDER[..]].concat()[..], &rest.concat()].concat()
	};
	assert_eq!(
		settle_seed(&R_E, &PROVIDER, (deal, slot), 5, 6),
		blake2b_256(&parts(b"nil/settle/v1", &[&of_slot, &sample, &attempt]))
	);
	assert_eq!(settle_point(&R_E, &PROVIDER), hash_to_fr(&parts(b"nil/settle/z/v1", &[])));
	assert_eq!(
		settle_gamma(&R_E, &PROVIDER, (deal, slot), 5),
		hash_to_fr(&parts(b"nil/settle/gamma/v1", &[&of_slot, &sample]))
	);
	let mut seed = [0; 32];
	(seed[0], seed[31]) = (9, 7);
	let mut pick = [0; 16];
	pick[15] = 7;
	assert_eq!(settle_draw(&seed, 4), (1, pick));
	assert_eq!(settle_draw(&seed, 0), (0, pick));
	assert_eq!(settle_draw(&[0xff; 32], 3).0, 0);
}

#[test]
fn nobody_is_asked_for_more_than_it_has() {
	for (per_epoch, blobs, samples) in [
		(22, 0, 0),
		(22, 21, 21),
		(22, 22, 22),
		(22, 1 << 32, 22),
		(0, 9, 0),
		(u32::MAX, u64::MAX, u32::MAX),
		(u32::MAX, 9, 9),
	] {
		assert_eq!(samples_of(per_epoch, blobs), samples, "{per_epoch}, {blobs}");
	}
}

#[test]
fn every_size_has_a_close_class() {
	assert_eq!(SizeClass::of(0), None);
	assert_eq!(SizeClass::of(MAX_ROWS + 1), None);
	assert_eq!(SizeClass::of(u64::MAX), None);
	let mut last = SizeClass(0);
	for rows in 1..=MAX_ROWS {
		let class = SizeClass::of(rows).unwrap();
		if class != last {
			assert_eq!(class.0, last.0 + 1, "no class is left out at {rows}");
			assert!(rows <= 16 || rows == last.bound(), "a bound is the next class's start");
			last = class;
		}
		if rows < 16 {
			assert_eq!((class.0, class.bound()), (rows as u8, rows));
		} else {
			assert!(rows < class.bound() && 8 * class.bound() <= 9 * rows, "{rows}");
		}
	}
	assert_eq!(u32::from(last.number()), SizeClass::COUNT);
}

#[test]
fn bounds_of_what_is_no_class_are_numbers_too() {
	assert_eq!(SizeClass(0).bound(), 0);
	assert_eq!(SizeClass(u8::MAX).bound(), 16 << 30);
}

/// A seed from which [`uniform`] takes `first` and `last`, when what they are to be below is above them.
fn seed(first: u128, last: u128) -> Hash32 {
	let mut seed = [0; 32];
	seed[..16].copy_from_slice(&first.to_le_bytes());
	seed[16..].copy_from_slice(&last.to_le_bytes());
	seed
}

fn census() -> Census {
	Census {
		cold: [(SizeClass(2), 3), (SizeClass(16), 2)].to_vec(),
		hot: [(SizeClass(1), 2), (SizeClass(23), 1)].to_vec(),
		slots: 5,
	}
}

/// Draws from every number below the total, and counts.
#[test]
fn places_are_drawn_by_their_weight() {
	const FACTOR: u32 = 3;
	let mut expected = BTreeMap::new();
	for (list, hot, factor) in [(census().cold, false, 1), (census().hot, true, FACTOR)] {
		for (class, len) in list {
			for index in 0..len {
				for offset in 0..class.bound() {
					expected.insert((hot, class, index, offset), factor);
				}
			}
		}
	}
	let total: u32 = expected.values().sum();
	assert_eq!(total, 3 * 2 + 2 * 18 + FACTOR * (2 + 32));
	let mut found = BTreeMap::new();
	let mut last = None;
	for number in 0..total {
		let drawn = census().draw(&seed(number.into(), 9), 0, FACTOR);
		let Some(Draw::Listed { hint, class, index, offset }) = drawn else {
			panic!("{number} drew {drawn:?}");
		};
		let place = (hint == Hint::Hot, class, index, offset);
		assert!(last <= Some(place), "cold first, by class, in order");
		last = Some(place);
		*found.entry(place).or_insert(0) += 1;
	}
	assert_eq!(found, expected);
}

#[test]
fn every_eighth_ordinal_draws_a_slot() {
	let pick = 77u128.to_le_bytes();
	for ordinal in (0..32).chain(u32::MAX - 8..=u32::MAX) {
		let drawn = census().draw(&seed(4, 77), ordinal, 1);
		if ordinal % 8 == 7 {
			assert_eq!(drawn, Some(Draw::Slot { index: 4, pick }));
		} else {
			assert!(matches!(drawn, Some(Draw::Listed { hint: Hint::Cold, index: 2, .. })));
		}
	}
}

#[test]
fn nothing_is_drawn_from_nothing() {
	let empty = Census::default();
	assert_eq!(empty.draw(&R_E, 0, 1), None);
	assert_eq!(empty.draw(&R_E, 7, 1), None);
	let hot = Census { cold: Vec::new(), ..census() };
	assert!(hot.draw(&R_E, 0, 1).is_some());
	assert_eq!(hot.draw(&R_E, 0, 0), None);
}

#[test]
fn the_last_incomplete_run_is_a_miss() {
	let total = 3 * 2 + 2 * 18 + 2 + 32u128;
	let last = u128::MAX - (u128::MAX % total + 1) % total;
	assert!(census().draw(&seed(last, 0), 0, 1).is_some());
	assert_eq!(census().draw(&seed(last + 1, 0), 0, 1), None);
}

#[test]
fn a_full_census_is_as_long_as_its_bound_allows() {
	let all: Vec<_> = (1..=SizeClass::COUNT as u8).map(|n| (SizeClass(n), u32::MAX)).collect();
	let full = Census { cold: all.clone(), hot: all, slots: u32::MAX };
	// The bound allows five bytes for a list's length, which takes two.
	assert_eq!(full.encoded_size() + 6, Census::max_encoded_len());
}
