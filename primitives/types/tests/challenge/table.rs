//! A provider's lists in memory.

use nil_types::{
	Hint,
	challenge::{Census, Lists, SizeClass},
};
use std::collections::BTreeMap;

/// Rows of every allocation by class and place, and of every slot.
#[derive(Clone, Debug, Default)]
pub struct Table {
	cold: BTreeMap<SizeClass, Vec<u64>>,
	hot: BTreeMap<SizeClass, Vec<u64>>,
	slots: Vec<u64>,
	/// How often something was asked for.
	pub lookups: u64,
}

impl Table {
	/// Allocations of so many rows each, in the order in which they came, and slots.
	pub fn new(cold: &[u64], hot: &[u64], slots: &[u64]) -> Self {
		let mut table = Self { slots: slots.to_vec(), ..Self::default() };
		for rows in cold {
			table.append(Hint::Cold, *rows);
		}
		for rows in hot {
			table.append(Hint::Hot, *rows);
		}
		table
	}

	/// Appends an allocation to its list.
	pub fn append(&mut self, hint: Hint, rows: u64) {
		let class = SizeClass::of(rows).expect("an allocation has a class");
		let lists = match hint {
			Hint::Cold => &mut self.cold,
			Hint::Hot => &mut self.hot,
		};
		lists.entry(class).or_default().push(rows);
	}

	/// How long the lists are now.
	pub fn census(&self) -> Census {
		let lengths = |lists: &BTreeMap<SizeClass, Vec<u64>>| {
			lists.iter().map(|(class, rows)| (*class, rows.len() as u32)).collect()
		};
		Census {
			cold: lengths(&self.cold),
			hot: lengths(&self.hot),
			slots: self.slots.len() as u32,
		}
	}

	/// Every allocation: hint, class, place in its list, and rows.
	pub fn allocations(&self) -> Vec<(Hint, SizeClass, u32, u64)> {
		[(Hint::Cold, &self.cold), (Hint::Hot, &self.hot)]
			.into_iter()
			.flat_map(|(hint, lists)| lists.iter().map(move |(class, rows)| (hint, *class, rows)))
			.flat_map(|(hint, class, rows)| {
				(0..).zip(rows).map(move |(index, rows)| (hint, class, index, *rows))
			})
			.collect()
	}
}

impl Lists for Table {
	type Error = String;

	fn rows(&mut self, hint: Hint, class: SizeClass, index: u32) -> Result<u64, String> {
		self.lookups += 1;
		let lists = match hint {
			Hint::Cold => &self.cold,
			Hint::Hot => &self.hot,
		};
		let rows = lists.get(&class).and_then(|list| list.get(index as usize));
		rows.copied().ok_or_else(|| format!("nothing at {index} of {hint:?} {class:?}"))
	}

	fn slot_rows(&mut self, index: u32) -> Result<u64, String> {
		self.lookups += 1;
		let rows = self.slots.get(index as usize);
		rows.copied().ok_or_else(|| format!("no slot {index}"))
	}
}
