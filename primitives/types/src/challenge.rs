//! What a provider is asked in an epoch: the epoch's randomness, points and coefficients, size classes, and draws
//! (RFC 0008).
//!
//! ## Terms
//!
//! * *Epoch*: relay blocks `epoch * length ..= epoch * length + length - 1`.
//! * *`R_e`*: the randomness of an epoch, from a record of the relay chain's that nobody knew when the epoch began.
//! * *Provider*: in hashes the 32 bytes of its operator's account.
//! * *Allocation*: what one commit gives one slot. It weighs as many *rows* as it has blobs, since a slot stores one
//!   blob of every live row.
//! * *Size class*: allocations of nearly the same weight stand in one dense list per provider, hint and class.
//! * *Census*: how long each of a provider's lists is, and how many slots it holds, fixed from the epoch's start.
//! * *Ordinal*: the number of a sample, from 0. Every eighth one, `ordinal % 8 == 7`, draws a slot, and any slot is as
//!   likely as any other; all others draw a blob by weight.
//!
//! ## Draws
//!
//! Attempt `a` at ordinal `i` draws from the 32 bytes of `H("nil/chal/v1" ‖ R_e ‖ provider ‖ i ‖ a)`, in halves, each
//! used by [`uniform`].
//!
//! ```text
//! weight of a list   = length * bound(class), times the hot factor for hot deals
//! u                  = uniform(first half, sum of the weights)
//! list               = the one that u lies in: cold ones in the order of classes, then hot ones
//! v                  = u - weights before the list, divided by the hot factor for hot deals
//! index, offset      = v / bound(class), v % bound(class)
//! ```
//!
//! When `offset` is not below the rows of the allocation at `index` the attempt missed, and the next one draws anew, list
//! and all: so every blob is as likely as every other of its hint, and a blob of a hot deal as likely as `hot factor` cold
//! ones. Bounds exceed what they bound by an eighth at most, so an attempt misses one time in nine at most.
//!
//! A slot is `uniform(first half, slots)`, and a row of it `uniform(second half, rows of the slot)`.
//!
//! A half that [`uniform`] refuses is a miss too. After [`MAX_ATTEMPTS`] misses the ordinal is void: nothing is owed for it.

use crate::{
	DealId, Hash32, Hint, RelayBlock, SlotIndex, blake2b_256, hash_to_fr,
	layout::{BLOBS_PER_MDU, MAX_MDUS},
	messages::tagged,
	traits::Randomness,
	uniform,
};
use alloc::vec::Vec;
use codec::{Compact, Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// Number of an epoch.
pub type Epoch = u32;

/// Tag of [`epoch_randomness`].
pub const EPOCH_TAG: &[u8] = b"nil/epoch/v1";
/// Tag of [`evaluation_point`].
pub const POINT_TAG: &[u8] = b"nil/z/v1";
/// Tag of [`gamma`].
pub const GAMMA_TAG: &[u8] = b"nil/gamma/v1";
/// Tag of [`challenge_seed`].
pub const SEED_TAG: &[u8] = b"nil/chal/v1";

/// Tag of [`settle_seed`].
pub const SETTLE_TAG: &[u8] = b"nil/settle/v1";
/// Tag of [`settle_point`].
pub const SETTLE_POINT_TAG: &[u8] = b"nil/settle/z/v1";
/// Tag of [`settle_gamma`].
pub const SETTLE_GAMMA_TAG: &[u8] = b"nil/settle/gamma/v1";

/// MDUs that are drawn for a sample of a slot's settlement, until one is found that the slot signed.
pub const SETTLE_TRIES: u32 = 16;

/// Attempts at an ordinal before it is void. Where there is something to draw that is less likely than one in 2^200.
pub const MAX_ATTEMPTS: u32 = 64;
/// Rows that an allocation may have: those of a full slot with `k = 1`.
pub const MAX_ROWS: u64 = MAX_MDUS * BLOBS_PER_MDU as u64;

/// Of so many ordinals one draws a slot, the last.
const SLOT_PERIOD: u32 = 8;

/// The epoch that relay block `block` lies in when epochs are `length` relay blocks long. 0 when `length` is 0.
pub const fn epoch_of(block: RelayBlock, length: RelayBlock) -> Epoch {
	match block.checked_div(length) {
		Some(epoch) => epoch,
		None => 0,
	}
}

/// The first relay block of an epoch; the last number there is for epochs that no block lies in.
pub const fn epoch_start(epoch: Epoch, length: RelayBlock) -> RelayBlock {
	epoch.saturating_mul(length)
}

/// `R_e`, from the epoch's record.
pub fn epoch_randomness(genesis: &Hash32, epoch: Epoch, randomness: &Randomness) -> Hash32 {
	blake2b_256(&tagged(EPOCH_TAG, &(genesis, epoch, randomness)))
}

/// Where all polynomials of a provider are evaluated in an epoch: a canonical scalar, big-endian.
pub fn evaluation_point(r_e: &Hash32, provider: &[u8; 32]) -> [u8; 32] {
	hash_to_fr(&tagged(POINT_TAG, &(r_e, provider)))
}

/// By what the blob of an ordinal is multiplied in a provider's answer: a canonical scalar, big-endian.
pub fn gamma(r_e: &Hash32, provider: &[u8; 32], ordinal: u32) -> [u8; 32] {
	hash_to_fr(&tagged(GAMMA_TAG, &(r_e, provider, ordinal)))
}

/// What decides one attempt at an ordinal.
pub fn challenge_seed(r_e: &Hash32, provider: &[u8; 32], ordinal: u32, attempt: u32) -> Hash32 {
	blake2b_256(&tagged(SEED_TAG, &(r_e, provider, ordinal, attempt)))
}

/// What decides try `attempt` at sample number `sample` of the settlement of a slot. `r` is the randomness of the last epoch
/// of the period that is settled.
pub fn settle_seed(
	r: &Hash32,
	provider: &[u8; 32],
	(deal, slot): (DealId, SlotIndex),
	sample: u32,
	attempt: u32,
) -> Hash32 {
	blake2b_256(&tagged(SETTLE_TAG, &(r, provider, deal, slot, sample, attempt)))
}

/// The MDU that a [`settle_seed`] draws of `mdus`, and what decides the row: [`uniform`] below the rows of the MDU that hold
/// payload. 0 where [`uniform`] refuses, which is less likely than one in 2^100.
pub fn settle_draw(seed: &Hash32, mdus: u32) -> (u32, [u8; 16]) {
	// 32 bytes have a first 16 and a last 16.
	let first: [u8; 16] = seed.first_chunk().copied().unwrap_or_default();
	let pick: [u8; 16] = seed.last_chunk().copied().unwrap_or_default();
	(uniform(first, mdus).unwrap_or_default(), pick)
}

/// Where all polynomials of a provider's settlement are evaluated: a canonical scalar, big-endian.
pub fn settle_point(r: &Hash32, provider: &[u8; 32]) -> [u8; 32] {
	hash_to_fr(&tagged(SETTLE_POINT_TAG, &(r, provider)))
}

/// By what the blob of a sample is multiplied in a provider's settlement: a canonical scalar, big-endian.
pub fn settle_gamma(
	r: &Hash32,
	provider: &[u8; 32],
	(deal, slot): (DealId, SlotIndex),
	sample: u32,
) -> [u8; 32] {
	hash_to_fr(&tagged(SETTLE_GAMMA_TAG, &(r, provider, deal, slot, sample)))
}

/// How many ordinals an epoch has for a provider that stores `blobs` blobs: `per_epoch`, and no more than it has blobs.
pub fn samples_of(per_epoch: u32, blobs: u64) -> u32 {
	u32::try_from(blobs).map_or(per_epoch, |blobs| blobs.min(per_epoch))
}

/// Allocations of nearly the same number of rows.
///
/// Up to 15 rows each number is a class of its own. Above, every power of two and what follows up to the next one is
/// cut into eight classes of equal width.
///
/// What is decoded may be no class at all. The methods are total all the same.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Hash,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct SizeClass(u8);

impl SizeClass {
	/// Classes that there are. They are numbered `1..=COUNT`, by size.
	pub const COUNT: u32 = 160;

	/// The class of an allocation of `rows` rows. `None` for 0 and for more than [`MAX_ROWS`].
	pub const fn of(rows: u64) -> Option<Self> {
		match rows {
			1..=15 => Some(Self(rows as u8)),
			16..=MAX_ROWS => {
				// 4..=22
				let exponent = rows.ilog2();
				// Of the four highest bits the first is set.
				let eighth = (rows >> (exponent - 3)) as u32 & 7;
				Some(Self((16 + 8 * (exponent - 4) + eighth) as u8))
			},
			_ => None,
		}
	}

	/// What no allocation of the class has more rows than. Above 15 rows it is the fewest rows of the next class, and
	/// at most 9/8 of what any allocation of this class has.
	pub const fn bound(self) -> u64 {
		match self.0 {
			0..=15 => self.0 as u64,
			_ => {
				let above = self.0 - 16;
				(9 + above % 8) as u64 * (2u64 << (above / 8))
			},
		}
	}

	/// The class's number.
	pub const fn number(self) -> u8 {
		self.0
	}
}

/// Where an allocation stands in the lists of its hint.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Place {
	/// The list.
	pub class: SizeClass,
	/// The place in it.
	pub index: u32,
}

/// What a provider is drawn from in an epoch. Fixed from the epoch's start.
///
/// Each list of lengths is sorted by class, has every class once, and no length of 0. Draws from other ones are total,
/// but mean nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Census {
	/// Lengths of the lists of allocations of cold deals.
	pub cold: Vec<(SizeClass, u32)>,
	/// Lengths of the lists of allocations of hot deals.
	pub hot: Vec<(SizeClass, u32)>,
	/// Slots with content that the provider holds.
	pub slots: u32,
}

impl MaxEncodedLen for Census {
	/// Of a census with every class in both lists.
	fn max_encoded_len() -> usize {
		let list = <(SizeClass, u32)>::max_encoded_len()
			.saturating_mul(SizeClass::COUNT as usize)
			.saturating_add(Compact::<u32>::max_encoded_len());
		list.saturating_mul(2).saturating_add(u32::max_encoded_len())
	}
}

/// What one attempt found. Whether it hits is for the lists to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
	/// A place in an allocation.
	Listed {
		/// Whether the list is of hot or of cold deals.
		hint: Hint,
		/// The list's class.
		class: SizeClass,
		/// The allocation's place in the list, below the list's length.
		index: u32,
		/// The place, below the class's bound. The attempt hits when it is below the allocation's rows.
		offset: u64,
	},
	/// A slot.
	Slot {
		/// The slot's place among the provider's slots, below their number.
		index: u32,
		/// What decides the row: [`uniform`] below the rows of the slot.
		pick: [u8; 16],
	},
}

/// One of a census's lists.
struct List {
	hint: Hint,
	class: SizeClass,
	/// By what the weight of hot deals is multiplied.
	factor: u128,
	/// Weight of the whole list.
	weight: u128,
}

impl Census {
	/// All lists in the order in which they are drawn from.
	fn lists(&self, hot_factor: u32) -> impl Iterator<Item = List> {
		let list = |hint: Hint, factor: u32, (class, len): (SizeClass, u32)| {
			let factor = u128::from(factor);
			// Below 2^98, and there are few: saturation is out of reach.
			let places = u128::from(len).saturating_mul(u128::from(class.bound()));
			List { hint, class, factor, weight: factor.saturating_mul(places) }
		};
		let cold = self.cold.iter().map(move |entry| list(Hint::Cold, 1, *entry));
		let hot = self.hot.iter().map(move |entry| list(Hint::Hot, hot_factor, *entry));
		cold.chain(hot)
	}

	/// One attempt at `ordinal`, from its [`challenge_seed`]. A place in an allocation of a hot deal weighs `hot_factor`
	/// (1 or more) of those of cold ones.
	///
	/// `None` when the attempt missed already, or there is nothing to draw from.
	pub fn draw(&self, seed: &Hash32, ordinal: u32, hot_factor: u32) -> Option<Draw> {
		// 32 bytes have a first 16 and a last 16.
		let first: [u8; 16] = seed.first_chunk().copied().unwrap_or_default();
		if ordinal % SLOT_PERIOD == SLOT_PERIOD - 1 {
			let pick: [u8; 16] = seed.last_chunk().copied().unwrap_or_default();
			return uniform(first, self.slots).map(|index| Draw::Slot { index, pick });
		}
		let total = self.lists(hot_factor).fold(0u128, |sum, list| sum.saturating_add(list.weight));
		let mut place = uniform(first, total)?;
		for List { hint, class, factor, weight } in self.lists(hot_factor) {
			match place.checked_sub(weight) {
				Some(rest) => place = rest,
				// A list with a place has a weight, so neither its factor nor its bound is 0.
				None => {
					let place = place.checked_div(factor)?;
					let bound = u128::from(class.bound());
					let index = u32::try_from(place.checked_div(bound)?).ok()?;
					let offset = u64::try_from(place.checked_rem(bound)?).ok()?;
					return Some(Draw::Listed { hint, class, index, offset });
				},
			}
		}
		None
	}
}

/// A provider's lists, as far as draws need them. They must have what the census says.
pub trait Lists {
	/// Why something could not be found.
	type Error;

	/// Rows of the allocation at `index` of the list of `hint` and `class`.
	fn rows(&mut self, hint: Hint, class: SizeClass, index: u32) -> Result<u64, Self::Error>;

	/// Rows of the slot at `index`: those of all its allocations.
	fn slot_rows(&mut self, index: u32) -> Result<u64, Self::Error>;
}

impl<L: Lists + ?Sized> Lists for &mut L {
	type Error = L::Error;

	fn rows(&mut self, hint: Hint, class: SizeClass, index: u32) -> Result<u64, Self::Error> {
		(**self).rows(hint, class, index)
	}

	fn slot_rows(&mut self, index: u32) -> Result<u64, Self::Error> {
		(**self).slot_rows(index)
	}
}

/// The blob that is asked for under an ordinal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
	/// A row of an allocation.
	Listed {
		/// Whether the allocation's list is of hot or of cold deals.
		hint: Hint,
		/// The list's class.
		class: SizeClass,
		/// The allocation's place in the list.
		index: u32,
		/// The row, counted from the allocation's first.
		row: u64,
	},
	/// A row of a slot.
	Slot {
		/// The slot's place among the provider's slots.
		index: u32,
		/// The row among all rows of the slot, its allocations in the order in which the provider signed for them.
		row: u64,
	},
}

/// What is asked of `provider` under `ordinal`. `None` when the ordinal is void.
///
/// Depends on its arguments and on the rows that `lists` tells, and on nothing else. Asks `lists` once per attempt that
/// draws something, so at most [`MAX_ATTEMPTS`] times; what it asks for last is what it samples. Fails when `lists` does.
pub fn sample<L: Lists>(
	r_e: &Hash32,
	provider: &[u8; 32],
	ordinal: u32,
	census: &Census,
	hot_factor: u32,
	mut lists: L,
) -> Result<Option<Sample>, L::Error> {
	for attempt in 0..MAX_ATTEMPTS {
		let seed = challenge_seed(r_e, provider, ordinal, attempt);
		let drawn = match census.draw(&seed, ordinal, hot_factor) {
			Some(Draw::Listed { hint, class, index, offset }) => {
				let sample = Sample::Listed { hint, class, index, row: offset };
				(offset < lists.rows(hint, class, index)?).then_some(sample)
			},
			Some(Draw::Slot { index, pick }) => {
				uniform(pick, lists.slot_rows(index)?).map(|row| Sample::Slot { index, row })
			},
			None => None,
		};
		if drawn.is_some() {
			return Ok(drawn);
		}
	}
	Ok(None)
}

#[cfg(test)]
mod tests {
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
}
