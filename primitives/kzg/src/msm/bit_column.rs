//! Fixed-base multiplication by bit columns, with batched affine additions.
//!
//! For bit `j` of the scalars, the bits of a group of points form a pattern, which selects an entry of the
//! [`Table`]; the entries of all groups add up to `S_j`. The commitment is `sum 2^j S_j` plus a constant. There are no
//! buckets, nothing is sorted, and the work does not depend on the data.
//!
//! All columns of a few blobs go through a group together, so one field inversion serves a thousand additions: an
//! addition costs five multiplications and a squaring instead of the eleven or more of projective formulas. These
//! formulas fail when two points have the same `x`. For independent points that is as hard to hit as the discrete
//! logarithm, but it is detected, and the blob is then multiplied in another way.

use super::{
	MsmEngine, counted,
	pippenger::multiply,
	table::{DATA_BITS, FULL_BITS, Group, Table},
};
use crate::{
	Blob, G1Affine, SCALAR_BYTES, encoding,
	field::{Fp, G1Projective},
};
use blst::blst_p1_affine;
use rayon::prelude::*;

/// Blobs that go through the table together on one core: enough to share the inversion, few enough that their columns
/// and the entries on their way stay in the second level cache.
const BATCH: usize = 4;

/// Commits with a [`Table`].
#[derive(Debug)]
pub struct BitColumn {
	table: Table,
}

impl BitColumn {
	/// An engine on `table`.
	pub fn new(table: Table) -> Self {
		Self { table }
	}

	/// The table.
	pub fn table(&self) -> &Table {
		&self.table
	}

	/// `sum scalars[i] * points[i]` for each list of big-endian scalars, all of which have at most `bits` bits.
	fn multiply(&self, lists: &[&[[u8; SCALAR_BYTES]]], bits: usize) -> Vec<G1Affine> {
		let columns = Columns::of(self.table.groups(), lists, bits);
		columns
			.sums
			.chunks_exact(bits)
			.zip(lists)
			.zip(&columns.collided)
			.map(|((sums, scalars), collided)| {
				if *collided {
					let limbs: Vec<_> = scalars.iter().map(encoding::be_to_limbs).collect();
					multiply(self.table.points(), &limbs, bits.min(255))
				} else {
					let sum = horner(sums).plus(self.table.correction(bits));
					G1Affine(sum.to_affine())
				}
			})
			.collect()
	}
}

impl MsmEngine for BitColumn {
	fn name(&self) -> &str {
		"bit-column"
	}

	fn commit(&self, blobs: &[&Blob]) -> Vec<G1Affine> {
		let batch = blobs.len().div_ceil(rayon::current_num_threads()).clamp(1, BATCH);
		blobs
			.par_chunks(batch)
			.flat_map_iter(|blobs| {
				let bits =
					if blobs.iter().all(|blob| blob.is_data()) { DATA_BITS } else { FULL_BITS };
				let lists: Vec<_> = blobs.iter().map(|blob| blob.scalars()).collect();
				counted(|| self.multiply(&lists, bits))
			})
			.collect()
	}
}

/// `sum 2^j sums[j]`. The columns are finite, but sums of them need not be: complete additions.
fn horner(sums: &[Affine]) -> G1Projective {
	sums.iter().rev().fold(G1Projective::default(), |sum, column| {
		sum.double().plus_affine(&blst_p1_affine { x: column.x.0, y: column.y.0 })
	})
}

/// A finite point.
#[derive(Clone, Copy, Default)]
struct Affine {
	x: Fp,
	y: Fp,
}

/// The column sums of some blobs, and room for one round of additions.
struct Columns {
	bits: usize,
	/// `S_j` of each blob, blob by blob.
	sums: Vec<Affine>,
	/// Which blobs met two points of the same `x`; their sums are void.
	collided: Vec<bool>,
	/// What is added in this round.
	addends: Vec<Affine>,
	/// Differences of the `x`.
	differences: Vec<Fp>,
	/// The product of the differences before each, and of all of them at the end.
	products: Vec<Fp>,
	/// The patterns of the columns in the group that comes next.
	patterns: Vec<u32>,
}

impl Columns {
	fn new(blobs: usize, bits: usize) -> Self {
		let count = blobs * bits;
		Self {
			bits,
			sums: vec![Affine::default(); count],
			collided: vec![false; blobs],
			addends: vec![Affine::default(); count],
			differences: vec![Fp::default(); count],
			products: vec![Fp::one(); count + 1],
			patterns: vec![0; count],
		}
	}

	/// Adds to every column the entries of all groups that it selects.
	fn of<'a>(
		mut groups: impl Iterator<Item = Group<'a>>,
		lists: &[&[[u8; SCALAR_BYTES]]],
		bits: usize,
	) -> Self {
		let mut columns = Self::new(lists.len(), bits);
		let Some(first) = groups.next() else { return columns };
		columns.read(&first, lists);
		select(&first, &columns.patterns, &mut columns.sums);
		let mut current = groups.next();
		if let Some(group) = &current {
			columns.read(group, lists);
		}
		while let Some(group) = current {
			select(&group, &columns.patterns, &mut columns.addends);
			current = groups.next();
			if let Some(next) = &current {
				columns.read(next, lists);
			}
			columns.add_addends(current.as_ref());
		}
		columns
	}

	/// Reads the patterns of `group`.
	fn read(&mut self, group: &Group<'_>, lists: &[&[[u8; SCALAR_BYTES]]]) {
		for (scalars, patterns) in lists.iter().zip(self.patterns.chunks_exact_mut(self.bits)) {
			let scalars = scalars.get(group.first..group.first + group.size).unwrap_or_default();
			transpose(scalars, patterns);
		}
	}

	/// Affine additions with one inversion for all (Montgomery's trick).
	///
	/// Tables are far larger than caches. The entries of the `next` group, whose patterns have been read already, are
	/// asked for along the way, so that they are there when they are needed.
	fn add_addends(&mut self, next: Option<&Group<'_>>) {
		let one = Fp::one();
		let points = self.sums.iter().zip(&self.addends).zip(&mut self.differences);
		for (i, (((sum, addend), difference), pattern)) in points.zip(&self.patterns).enumerate() {
			if let Some(entry) = next.and_then(|group| group.entry(*pattern)) {
				prefetch(entry);
			}
			difference.set_sub(&addend.x, &sum.x);
			if difference.is_zero() {
				if let Some(collided) = self.collided.get_mut(i / self.bits) {
					*collided = true;
				}
				*difference = one;
			}
			if let [before, product] = &mut self.products[i..i + 2] {
				product.set_mul(before, difference);
			}
		}
		let Some((product, products)) = self.products.split_last() else { return };
		let mut inverse = product.inverse();
		let points = self.sums.iter_mut().zip(&self.addends);
		let [mut slope, mut rise, mut square] = [Fp::default(); 3];
		for ((sum, addend), (difference, before)) in
			points.zip(self.differences.iter().zip(products)).rev()
		{
			slope.set_mul(&inverse, before);
			inverse *= difference;
			rise.set_sub(&addend.y, &sum.y);
			slope *= &rise;
			// x' = slope^2 - x - x2, y' = (x - x') slope - y, where x - x' = 2 x - (slope^2 - x2).
			square.set_mul(&slope, &slope);
			square -= &addend.x;
			rise.set_sub(&sum.x, &square);
			rise += &sum.x;
			rise *= &slope;
			sum.x.subtract_from(&square);
			sum.y.subtract_from(&rise);
		}
	}
}

/// Looks up the entry of each pattern.
fn select(group: &Group<'_>, patterns: &[u32], addends: &mut [Affine]) {
	for (pattern, addend) in patterns.iter().zip(addends) {
		let Some(entry) = group.entry(*pattern) else { continue };
		*addend = Affine { x: Fp(entry.x), y: Fp(entry.y) };
		if group.is_negative(*pattern) {
			addend.y.negate();
		}
	}
}

/// Asks for the cache lines of a table's entry.
#[inline(always)]
fn prefetch(entry: &blst_p1_affine) {
	#[cfg(target_arch = "x86_64")]
	{
		use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
		let start = std::ptr::from_ref(entry).cast::<i8>();
		// An entry lies on two cache lines, for tables are aligned to pages and entries are 96 bytes long.
		for offset in [0, size_of::<blst_p1_affine>() - 1] {
			// SAFETY: both addresses are inside the entry, and every x86-64 processor has the instruction.
			unsafe { _mm_prefetch::<_MM_HINT_T0>(start.add(offset)) };
		}
	}
	#[cfg(not(target_arch = "x86_64"))]
	let _ = entry;
}

/// Turns scalars into bit columns: bit `k` of `patterns[j]` is bit `j` of scalar `k`.
fn transpose(scalars: &[[u8; SCALAR_BYTES]], patterns: &mut [u32]) {
	patterns.fill(0);
	for (block, eight) in scalars.chunks(8).enumerate() {
		for (byte, columns) in patterns.chunks_exact_mut(8).enumerate() {
			let Some(position) = SCALAR_BYTES.checked_sub(1 + byte) else { break };
			let mut square = 0;
			for (k, scalar) in eight.iter().enumerate() {
				square |= u64::from(scalar[position]) << (8 * k);
			}
			let turned = transpose_8x8(square).to_le_bytes();
			for (column, bits) in columns.iter_mut().zip(turned) {
				*column |= u32::from(bits) << (8 * block);
			}
		}
	}
}

/// Transposes a square of bits: bit `8a + b` moves to `8b + a`. Three rounds of delta swaps (Hacker's Delight, 7-3).
const fn transpose_8x8(mut square: u64) -> u64 {
	let mut swap = (square ^ (square >> 7)) & 0x00aa_00aa_00aa_00aa;
	square ^= swap ^ (swap << 7);
	swap = (square ^ (square >> 14)) & 0x0000_cccc_0000_cccc;
	square ^= swap ^ (swap << 14);
	swap = (square ^ (square >> 28)) & 0x0000_0000_f0f0_f0f0;
	square ^ swap ^ (swap << 28)
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::msm::lagrange_points;
	use proptest::prelude::*;

	#[test]
	fn squares_of_bits_are_transposed() {
		for a in 0..8 {
			for b in 0..8 {
				assert_eq!(transpose_8x8(1 << (8 * a + b)), 1 << (8 * b + a));
			}
		}
	}

	#[test]
	fn patterns_are_the_columns() {
		let scalars: Vec<[u8; 32]> = (0..11u8)
			.map(|k| core::array::from_fn(|i| k.wrapping_mul(37) ^ (i as u8) << 3))
			.collect();
		let mut patterns = vec![0; FULL_BITS];
		transpose(&scalars, &mut patterns);
		for (j, pattern) in patterns.iter().enumerate() {
			for (k, scalar) in scalars.iter().enumerate() {
				let bit = scalar[31 - j / 8] >> (j % 8) & 1;
				assert_eq!(pattern >> k & 1, u32::from(bit), "bit {j} of scalar {k}");
			}
		}
		assert!(patterns.iter().all(|pattern| pattern >> 11 == 0));
	}

	/// Points that repeat from group to group, so that equal patterns select equal points.
	#[test]
	fn collisions_are_found_and_computed_otherwise() {
		let mut points = lagrange_points()[..5].to_vec();
		points.extend_from_within(..);
		let engine = BitColumn::new(Table::build(&points, 5).unwrap());
		let mut scalars = vec![[0; SCALAR_BYTES]; 10];
		for (i, scalar) in scalars.iter_mut().enumerate() {
			scalar[31] = i as u8;
		}
		let columns = Columns::of(engine.table.groups(), &[&scalars], DATA_BITS);
		assert_eq!(columns.collided, [true]);
		let limbs: Vec<_> = scalars.iter().map(encoding::be_to_limbs).collect();
		assert_eq!(engine.multiply(&[&scalars], DATA_BITS), [multiply(&points, &limbs, 255)]);
	}

	/// A collision voids its own blob and leaves those that share the inversion alone.
	#[test]
	fn collisions_do_not_spread() {
		let mut points = lagrange_points()[..2].to_vec();
		points.extend_from_within(..);
		let table = Table::build(&points, 2).unwrap();
		// In every column, the two groups of the first list select the same entry, and those of the second list
		// entries of different x.
		let (none, all) = ([0; SCALAR_BYTES], [0xff; SCALAR_BYTES]);
		let colliding = [none, none, none, none];
		let fine = [none, all, all, all];
		let columns = Columns::of(table.groups(), &[&colliding, &fine], DATA_BITS);
		assert_eq!(columns.collided, [true, false]);
		let mut limbs = encoding::be_to_limbs(&all);
		limbs[3] &= u64::MAX >> 8;
		let expected = multiply(&points, &[[0; 4], limbs, limbs, limbs], 248);
		let actual = horner(&columns.sums[DATA_BITS..]).plus(table.correction(DATA_BITS));
		assert_eq!(G1Affine(actual.to_affine()), expected);
	}

	proptest! {
		#![proptest_config(ProptestConfig::with_cases(24))]

		#[test]
		fn any_points_and_scalars(
			count in 1..40usize,
			window in 2..9usize,
			lists in proptest::collection::vec(
				proptest::collection::vec(any::<[u8; 32]>(), 40), 1..4),
		) {
			let points = &lagrange_points()[100..100 + count];
			let engine = BitColumn::new(Table::build(points, window).unwrap());
			let mut lists = lists;
			// Canonical by size.
			lists.iter_mut().flatten().for_each(|scalar| scalar[0] &= 0x3f);
			let refs: Vec<_> = lists.iter().map(|list| &list[..count]).collect();
			let actual = engine.multiply(&refs, FULL_BITS);
			for (list, actual) in refs.iter().zip(actual) {
				let mut sum = G1Projective::default();
				for (scalar, point) in list.iter().zip(points) {
					let point = G1Projective::from_affine(&point.0);
					sum = sum.plus(&point.times(&encoding::be_to_limbs(scalar)));
				}
				prop_assert_eq!(actual, G1Affine(sum.to_affine()));
			}
		}
	}
}
