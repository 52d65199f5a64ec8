//! blst's bucket method.

use super::{MsmEngine, counted, lagrange_points};
use crate::{
	Blob, G1Affine, SCALARS_PER_BLOB, encoding,
	field::{G1Projective, limbs_to_le},
};
use blst::{blst_p1, blst_p1_affine};
use rayon::prelude::*;
use std::ptr;

/// Commits with blst's Pippenger multiplication: no table, and good latency for a single blob, which is split over
/// the cores.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pippenger;

impl MsmEngine for Pippenger {
	fn name(&self) -> &str {
		"pippenger"
	}

	fn commit(&self, blobs: &[&Blob]) -> Vec<G1Affine> {
		let points = lagrange_points();
		if blobs.is_empty() {
			return Vec::new();
		}
		// Splitting a blob costs more adds in all, so it pays only while cores would idle.
		let parts = (rayon::current_num_threads() / blobs.len()).clamp(1, 8);
		let chunk = SCALARS_PER_BLOB.div_ceil(parts);
		blobs
			.par_iter()
			.map(|blob| {
				let bits = if blob.is_data() { 248 } else { 255 };
				let part = |(points, scalars): (&[G1Affine], &[[u8; 32]])| {
					counted(|| {
						let limbs: Vec<_> = scalars.iter().map(encoding::be_to_limbs).collect();
						raw_multiply(points, &limbs, bits)
					})
				};
				let sum = points
					.par_chunks(chunk)
					.zip(blob.scalars().par_chunks(chunk))
					.map(part)
					.reduce(G1Projective::default, |a, b| a.plus(&b));
				G1Affine(sum.to_affine())
			})
			.collect()
	}
}

/// `sum scalars[i] * points[i]` on the current thread. Scalars are little-endian limbs of at most `bits` bits.
pub(crate) fn multiply(points: &[G1Affine], scalars: &[[u64; 4]], bits: usize) -> G1Affine {
	G1Affine(raw_multiply(points, scalars, bits).to_affine())
}

fn raw_multiply(points: &[G1Affine], scalars: &[[u64; 4]], bits: usize) -> G1Projective {
	// blst steps from scalar to scalar by the bytes that `bits` take, so scalars are packed that tightly.
	let width = bits.div_ceil(8);
	let mut bytes = Vec::with_capacity(points.len() * width + 8);
	let mut terms: Vec<blst_p1_affine> = Vec::with_capacity(points.len());
	for (point, scalar) in points.iter().zip(scalars) {
		if *scalar != [0; 4] && !point.is_infinity() {
			terms.push(point.0);
			bytes.extend_from_slice(&limbs_to_le(scalar)[..width]);
		}
	}
	if terms.is_empty() {
		return G1Projective::default();
	}
	let mut sum = blst_p1::default();
	let point_list = [terms.as_ptr(), ptr::null()];
	let scalar_list = [bytes.as_ptr(), ptr::null()];
	// SAFETY: the scratch space has the size that blst asks for. A list of one pointer and a null tells blst that the
	// values lie one behind the other: `terms.len()` points, and as many scalars of `width` bytes each.
	unsafe {
		let size = blst::blst_p1s_mult_pippenger_scratch_sizeof(terms.len());
		let mut scratch = vec![0u64; size.div_ceil(8)];
		blst::blst_p1s_mult_pippenger(
			&mut sum,
			point_list.as_ptr(),
			terms.len(),
			scalar_list.as_ptr(),
			bits,
			scratch.as_mut_ptr(),
		);
	}
	G1Projective(sum)
}
