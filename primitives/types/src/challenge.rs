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
mod tests;
