//! The table of [`BitColumn`](super::BitColumn).
//!
//! After Herold, "Notes on MSMs with Precomputation" (horizontal blocks), with signed sums: let `H_i = P_i / 2`, and
//! cut the points into groups of `window`. For a group the table holds `sum (+-) H_k` for every choice of signs whose
//! last sign is `+`; the other half are their negatives. With `s` the scalars, `b_ij` their bits and `c_ij = 2 b_ij - 1`
//!
//! `sum s_i P_i = sum_j 2^j sum_i b_ij P_i = sum_j 2^j sum_i c_ij H_i + (2^bits - 1) sum H_i`,
//!
//! so every bit column takes one table entry per group and there are no zero digits.

use super::{cache, lagrange_points};
use crate::{
	G1Affine,
	encoding::MODULUS,
	field::{Fr, G1Projective},
};
use blst::{blst_p1, blst_p1_affine};
use memmap2::Mmap;
use rayon::prelude::*;
use std::{
	fmt,
	path::{Path, PathBuf},
	ptr,
};

/// Smallest group.
pub(super) const MIN_WINDOW: usize = 2;
/// Largest group: a table of 805 MB for a blob's points.
pub(super) const MAX_WINDOW: usize = 16;
/// Bits of the two sorts of columns: data blobs and any blobs. Multiples of 8.
pub(super) const DATA_BITS: usize = 248;
pub(super) const FULL_BITS: usize = 256;

/// Why there is no table.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
	/// The window is not supported.
	#[error("windows are {MIN_WINDOW} to {MAX_WINDOW} points, got {0}")]
	Window(usize),
	/// A signed sum of points of one group vanishes; such points have no table.
	#[error("the points of group {0} are linearly dependent")]
	Degenerate(usize),
	/// The file of the table cannot be read or written.
	#[error("{path}: {error}")]
	Io {
		/// The file.
		path: PathBuf,
		/// What failed.
		#[source]
		error: std::io::Error,
	},
	/// The file of the table is damaged, or of another format, machine or setup.
	#[error("{path} is damaged: {what}")]
	Damaged {
		/// The file.
		path: PathBuf,
		/// What is wrong.
		what: &'static str,
	},
}

/// Signed subset sums of groups of fixed points.
pub struct Table {
	points: Vec<G1Affine>,
	window: usize,
	entries: Entries,
	/// `(2^bits - 1) sum H_i` for [`DATA_BITS`] and [`FULL_BITS`].
	corrections: [G1Projective; 2],
}

/// Where the entries are.
pub(super) enum Entries {
	/// In memory of this process.
	Heap(Vec<blst_p1_affine>),
	/// In a file that processes share, behind a header of [`cache::HEADER_BYTES`].
	Mapped(Mmap),
}

impl Entries {
	fn as_slice(&self) -> &[blst_p1_affine] {
		match self {
			Self::Heap(entries) => entries,
			Self::Mapped(map) => {
				let bytes = map.get(cache::HEADER_BYTES..).unwrap_or_default();
				let pointer = bytes.as_ptr().cast::<blst_p1_affine>();
				debug_assert!(pointer.is_aligned());
				// SAFETY: the map lives as long as the slice, is page-aligned, and the header is a page; the entry type
				// is twelve integers, for which any bytes are valid. The file is replaced by renaming and never
				// written in place, so the bytes do not change.
				unsafe {
					std::slice::from_raw_parts(pointer, bytes.len() / size_of::<blst_p1_affine>())
				}
			},
		}
	}
}

impl Table {
	/// The table of the setup's points, from the shared file in `dir`. The file is built when it is absent, damaged,
	/// or of another format; processes that want it at the same time wait for the one that builds.
	pub fn open(dir: &Path, window: usize) -> Result<Self, TableError> {
		check_window(window)?;
		let points = lagrange_points();
		let entries = cache::open_or_build(&Self::path(dir, window), window, points)?;
		Ok(Self::with_entries(points, window, entries))
	}

	/// The table of any points, in memory.
	pub fn build(points: &[G1Affine], window: usize) -> Result<Self, TableError> {
		check_window(window)?;
		let entries = Entries::Heap(build_entries(points, window)?);
		Ok(Self::with_entries(points, window, entries))
	}

	/// The file in `dir` that [`open`](Self::open) uses.
	pub fn path(dir: &Path, window: usize) -> PathBuf {
		dir.join(format!("commitment-table-w{window}.v1"))
	}

	fn with_entries(points: &[G1Affine], window: usize, entries: Entries) -> Self {
		let sum = points
			.iter()
			.fold(G1Projective::default(), |sum, point| sum.plus_affine(&point.0))
			.times(&half().to_limbs());
		let one = Fr::from_u64(1);
		let corrections = [DATA_BITS, FULL_BITS].map(|bits| {
			let factor = Fr::from_u64(2).pow(&[bits as u64]) - one;
			sum.times(&factor.to_limbs())
		});
		Self { points: points.to_vec(), window, entries, corrections }
	}

	/// Points per group.
	pub fn window(&self) -> usize {
		self.window
	}

	/// Whether the entries are in the file that processes share.
	pub fn is_shared(&self) -> bool {
		matches!(self.entries, Entries::Mapped(_))
	}

	/// The fixed points.
	pub(super) fn points(&self) -> &[G1Affine] {
		&self.points
	}

	/// The groups: where each starts, how many points it has, its entries.
	pub(super) fn groups(&self) -> impl Iterator<Item = Group<'_>> {
		let entries = self.entries.as_slice();
		(0..self.points.len()).step_by(self.window).enumerate().map(move |(g, first)| {
			let size = self.window.min(self.points.len() - first);
			// Only the last group can be smaller, so the others are all of one size.
			let start = g << (self.window - 1);
			Group {
				first,
				size,
				entries: entries.get(start..start + (1 << (size - 1))).unwrap_or_default(),
			}
		})
	}

	/// What is added to the Horner sum of `bits` columns.
	pub(super) fn correction(&self, bits: usize) -> &G1Projective {
		let [data, full] = &self.corrections;
		if bits == DATA_BITS { data } else { full }
	}
}

impl fmt::Debug for Table {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.debug_struct("Table")
			.field("points", &self.points.len())
			.field("window", &self.window)
			.field("shared", &self.is_shared())
			.finish_non_exhaustive()
	}
}

/// One group of points.
pub(super) struct Group<'a> {
	/// Its first point.
	pub(super) first: usize,
	/// Its points.
	pub(super) size: usize,
	/// `2^(size - 1)` signed sums: bit `k` of the index is set where point `first + k` is added, and clear where it is
	/// subtracted. The last point is always added.
	pub(super) entries: &'a [blst_p1_affine],
}

impl<'a> Group<'a> {
	/// Whether `pattern` stands for the negative of its [`entry`](Self::entry): patterns without the last point's bit
	/// take the entry of their complement.
	#[inline(always)]
	pub(super) fn is_negative(&self, pattern: u32) -> bool {
		pattern >> (self.size - 1) & 1 == 0
	}

	/// The entry of `pattern`, up to its sign.
	#[inline(always)]
	pub(super) fn entry(&self, pattern: u32) -> Option<&'a blst_p1_affine> {
		let index = if self.is_negative(pattern) { !pattern } else { pattern };
		// Below `2^(size - 1)`, the number of entries.
		self.entries.get((index & ((1 << (self.size - 1)) - 1)) as usize)
	}
}

/// Entries of a table.
pub(super) fn entry_count(points: usize, window: usize) -> usize {
	let rest = match points % window {
		0 => 0,
		rest => 1 << (rest - 1),
	};
	((points / window) << (window - 1)) + rest
}

/// The entries of all groups, one group behind the other.
pub(super) fn build_entries(
	points: &[G1Affine],
	window: usize,
) -> Result<Vec<blst_p1_affine>, TableError> {
	let half = half().to_limbs();
	let mut entries = vec![blst_p1_affine::default(); entry_count(points.len(), window)];
	entries
		.par_chunks_mut(1 << (window - 1))
		.zip(points.par_chunks(window))
		.enumerate()
		.try_for_each(|(g, (entries, points))| {
			let halves: Vec<_> =
				points.iter().map(|p| G1Projective::from_affine(&p.0).times(&half)).collect();
			let Some((last, others)) = halves.split_last() else { return Ok(()) };
			// Index 0 subtracts all but the last; setting bit k adds twice H_k, which is the point itself.
			let mut sums = Vec::with_capacity(entries.len());
			sums.push(others.iter().fold(*last, |sum, half| sum.plus(&half.negated())));
			for (k, point) in points.iter().enumerate().take(others.len()) {
				for i in 0..1 << k {
					sums.push(sums[i].plus_affine(&point.0));
				}
			}
			if sums.iter().any(G1Projective::is_infinity) {
				return Err(TableError::Degenerate(g));
			}
			normalise(&sums, entries);
			Ok(())
		})?;
	Ok(entries)
}

/// Writes the affine forms of `sums` to `out`, which has the same length.
fn normalise(sums: &[G1Projective], out: &mut [blst_p1_affine]) {
	debug_assert_eq!(sums.len(), out.len());
	let list = [sums.as_ptr().cast::<blst_p1>(), ptr::null()];
	let count = sums.len().min(out.len());
	// SAFETY: `G1Projective` is a transparent wrapper of the type that blst reads; a list of one pointer and a null tells
	// it that `count` values lie one behind the other, and `out` has room for as many.
	unsafe { blst::blst_p1s_to_affine(out.as_mut_ptr(), list.as_ptr(), count) };
}

/// 1/2 in the scalar field: `(r + 1) / 2`.
fn half() -> Fr {
	let [a, b, c, d] = MODULUS;
	Fr::from_limbs(&[(a >> 1 | b << 63) + 1, b >> 1 | c << 63, c >> 1 | d << 63, d >> 1])
}

fn check_window(window: usize) -> Result<(), TableError> {
	if (MIN_WINDOW..=MAX_WINDOW).contains(&window) {
		Ok(())
	} else {
		Err(TableError::Window(window))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn half_is_half() {
		assert_eq!(half() + half(), Fr::from_u64(1));
	}

	#[test]
	fn entries_are_the_signed_sums() {
		let points = &lagrange_points()[..7];
		let table = Table::build(points, 3).unwrap();
		let half = half().to_limbs();
		let halves: Vec<_> =
			points.iter().map(|p| G1Projective::from_affine(&p.0).times(&half)).collect();
		let groups: Vec<_> = table.groups().collect();
		assert_eq!(
			groups.iter().map(|g| (g.first, g.size)).collect::<Vec<_>>(),
			[(0, 3), (3, 3), (6, 1)]
		);
		for group in &groups {
			assert_eq!(group.entries.len(), 1 << (group.size - 1));
			for (index, entry) in group.entries.iter().enumerate() {
				let mut sum = halves[group.first + group.size - 1];
				for k in 0..group.size - 1 {
					let half = halves[group.first + k];
					sum = sum.plus(&if index >> k & 1 == 1 { half } else { half.negated() });
				}
				assert_eq!(sum.to_affine(), *entry);
			}
		}
		assert_eq!(entry_count(7, 3), 9);
	}

	#[test]
	fn dependent_points_have_no_table() {
		let point = lagrange_points()[0];
		let result = Table::build(&[point, point], 2);
		assert!(matches!(result, Err(TableError::Degenerate(0))), "{result:?}");
	}

	#[test]
	fn windows_are_bounded() {
		for window in [0, 1, 17] {
			let result = Table::build(lagrange_points(), window);
			assert!(matches!(result, Err(TableError::Window(w)) if w == window), "{result:?}");
		}
	}
}
