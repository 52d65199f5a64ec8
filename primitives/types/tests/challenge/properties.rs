//! Any lists: what is asked for exists, and nothing decides it but what may.

use crate::table::Table;
use codec::Decode;
use nil_types::{
	Hint,
	challenge::{Census, Draw, Lists, MAX_ROWS, Sample, SizeClass, sample},
};
use proptest::{
	collection::{btree_map, vec},
	prelude::*,
};
use std::{collections::BTreeMap, vec::IntoIter};

fn bound_of(rows: u64) -> u64 {
	SizeClass::of(rows).expect("an allocation has a class").bound()
}

/// Rows of an allocation: of every order of magnitude, and at the edges of classes.
fn some_rows() -> impl Strategy<Value = u64> {
	let rows = (0..23u32, any::<u32>()).prop_map(|(exponent, bits)| {
		let lowest = 1u64 << exponent;
		(lowest + u64::from(bits) % lowest).min(MAX_ROWS)
	});
	prop_oneof![
		rows.clone(),
		rows.clone().prop_map(|rows| bound_of(rows).min(MAX_ROWS)),
		rows.prop_map(|rows| (bound_of(rows) - 1).clamp(1, MAX_ROWS)),
	]
}

fn some_table() -> impl Strategy<Value = Table> {
	let lists = (vec(some_rows(), 0..40), vec(some_rows(), 0..40), vec(some_rows(), 0..10));
	lists.prop_map(|(cold, hot, slots)| Table::new(&cold, &hot, &slots))
}

/// Passes questions on and keeps the answers.
struct Recorder<'a> {
	table: &'a mut Table,
	answers: Vec<u64>,
}

impl Lists for Recorder<'_> {
	type Error = String;

	fn rows(&mut self, hint: Hint, class: SizeClass, index: u32) -> Result<u64, String> {
		let rows = self.table.rows(hint, class, index)?;
		self.answers.push(rows);
		Ok(rows)
	}

	fn slot_rows(&mut self, index: u32) -> Result<u64, String> {
		let rows = self.table.slot_rows(index)?;
		self.answers.push(rows);
		Ok(rows)
	}
}

/// Gives these answers, one after another, and knows nothing else.
struct Replay(IntoIter<u64>);

impl Lists for Replay {
	type Error = ();

	fn rows(&mut self, _: Hint, _: SizeClass, _: u32) -> Result<u64, ()> {
		self.0.next().ok_or(())
	}

	fn slot_rows(&mut self, _: u32) -> Result<u64, ()> {
		self.0.next().ok_or(())
	}
}

proptest! {
	#[test]
	fn what_is_asked_for_exists(
		mut table in some_table(),
		r_e in any::<[u8; 32]>(),
		provider in any::<[u8; 32]>(),
		ordinal in any::<u32>(),
		hot_factor in 1..u32::MAX,
	) {
		let census = table.census();
		let found = sample(&r_e, &provider, ordinal, &census, hot_factor, &mut table);
		let found = found.expect("nothing is asked for that the census does not have");
		let something = if ordinal % 8 == 7 {
			census.slots > 0
		} else {
			!(census.cold.is_empty() && census.hot.is_empty())
		};
		prop_assert_eq!(found.is_some(), something);
		match found {
			Some(Sample::Listed { hint, class, index, row }) => {
				prop_assert_ne!(ordinal % 8, 7);
				prop_assert!(row < table.rows(hint, class, index).expect("it was asked for"));
			},
			Some(Sample::Slot { index, row }) => {
				prop_assert_eq!(ordinal % 8, 7);
				prop_assert!(row < table.slot_rows(index).expect("it was asked for"));
			},
			None => {},
		}
	}

	/// Numbers of classes that are none, lengths and factors of any size: a draw is total, and within what it draws from.
	#[test]
	fn draws_are_within_any_census(
		cold in btree_map(any::<u8>(), any::<u32>(), 0..20),
		hot in btree_map(any::<u8>(), any::<u32>(), 0..20),
		slots in any::<u32>(),
		seed in any::<[u8; 32]>(),
		ordinal in any::<u32>(),
		hot_factor in any::<u32>(),
	) {
		let lengths = |lists: &BTreeMap<u8, u32>| -> Vec<(SizeClass, u32)> {
			let class = |number: u8| SizeClass::decode(&mut &[number][..]).expect("one byte");
			lists.iter().map(|(number, len)| (class(*number), *len)).collect()
		};
		let census = Census { cold: lengths(&cold), hot: lengths(&hot), slots };
		match census.draw(&seed, ordinal, hot_factor) {
			Some(Draw::Listed { hint, class, index, offset }) => {
				let lists = match hint {
					Hint::Cold => &cold,
					Hint::Hot => &hot,
				};
				prop_assert!(lists.get(&class.number()).is_some_and(|len| index < *len));
				prop_assert!(offset < class.bound());
			},
			Some(Draw::Slot { index, .. }) => prop_assert!(index < slots),
			None => {},
		}
	}

	/// Whose deals stand in the lists, and how large those are that were not drawn, changes nothing.
	#[test]
	fn only_the_rows_of_what_is_drawn_decide(
		mut table in some_table(),
		r_e in any::<[u8; 32]>(),
		ordinal in 0..64u32,
		hot_factor in 1..9u32,
	) {
		let census = table.census();
		let provider = [1; 32];
		let mut recorder = Recorder { table: &mut table, answers: Vec::new() };
		let found = sample(&r_e, &provider, ordinal, &census, hot_factor, &mut recorder);
		let replay = Replay(recorder.answers.into_iter());
		let again = sample(&r_e, &provider, ordinal, &census, hot_factor, replay);
		prop_assert_eq!(found.ok(), again.ok());
	}

	/// What comes after the census was taken does not change what is asked for.
	#[test]
	fn later_allocations_change_nothing(
		mut table in some_table(),
		later in vec((any::<bool>(), some_rows()), 1..20),
		r_e in any::<[u8; 32]>(),
	) {
		let census = table.census();
		let asked = |table: &mut Table| -> Vec<_> {
			let sample = |ordinal| sample(&r_e, &[1; 32], ordinal, &census, 3, &mut *table);
			(0..24).map(sample).collect()
		};
		let before = asked(&mut table);
		for (hot, rows) in later {
			table.append(if hot { Hint::Hot } else { Hint::Cold }, rows);
		}
		prop_assert_eq!(asked(&mut table), before);
	}
}
