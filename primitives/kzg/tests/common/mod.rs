//! What the integration tests share.
#![allow(dead_code)] // Each test crate uses its own part of this.

pub mod odd;

use nil_kzg::{BLOB_BYTES, encoding};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// Reproducible randomness.
pub fn rng(seed: u64) -> StdRng {
	StdRng::seed_from_u64(seed)
}

/// A canonical scalar, of full size.
pub fn random_scalar(rng: &mut StdRng) -> [u8; 32] {
	loop {
		let mut bytes: [u8; 32] = rng.random();
		bytes[0] &= 0x7f;
		if encoding::is_canonical(&bytes) {
			return bytes;
		}
	}
}

/// A blob of data: byte 0 of every scalar is zero.
pub fn random_data(rng: &mut StdRng) -> Vec<u8> {
	let mut bytes = vec![0; BLOB_BYTES];
	rng.fill(&mut bytes[..]);
	bytes.iter_mut().step_by(32).for_each(|byte| *byte = 0);
	bytes
}

/// A blob of full-size scalars.
pub fn random_full(rng: &mut StdRng) -> Vec<u8> {
	(0..BLOB_BYTES / 32).flat_map(|_| random_scalar(rng)).collect()
}

/// The largest canonical scalar.
pub fn largest_scalar() -> [u8; 32] {
	let mut bytes = encoding::limbs_to_be(&encoding::MODULUS);
	bytes[31] -= 1;
	bytes
}

/// Blobs at the edges of what is allowed, with names.
pub fn edge_blobs() -> Vec<(&'static str, Vec<u8>)> {
	let single = |index: usize, scalar: [u8; 32]| {
		let mut bytes = vec![0; BLOB_BYTES];
		bytes[index * 32..index * 32 + 32].copy_from_slice(&scalar);
		bytes
	};
	let mut one = [0; 32];
	one[31] = 1;
	let mut largest_data = [0xff; 32];
	largest_data[0] = 0;
	vec![
		("zero", vec![0; BLOB_BYTES]),
		("first scalar one", single(0, one)),
		("last scalar one", single(4095, one)),
		("last scalar largest", single(4095, largest_scalar())),
		("all ones", one.repeat(4096)),
		("all largest", largest_scalar().repeat(4096)),
		("all largest data", largest_data.repeat(4096)),
	]
}
