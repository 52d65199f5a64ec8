//! The protocol's one hash function.

use crate::Hash32;

/// BLAKE2b with a 32-byte digest, the protocol's `H`. A host call inside the runtime.
pub fn blake2b_256(data: &[u8]) -> Hash32 {
	#[cfg(substrate_runtime)]
	return sp_io::hashing::blake2_256(data);
	#[cfg(not(substrate_runtime))]
	sp_crypto_hashing::blake2_256(data)
}

/// `H(x)` with byte 0 set to 0: 31 bytes of hash, always a canonical big-endian BLS12-381 scalar.
pub fn hash_to_fr(data: &[u8]) -> Hash32 {
	let mut digest = blake2b_256(data);
	digest[0] = 0;
	digest
}

/// [`blake2b_256`] of bytes that come in pieces.
#[cfg(feature = "std")]
#[derive(Clone, Debug)]
pub struct Hasher(blake2b_simd::State);

#[cfg(feature = "std")]
impl Hasher {
	/// Of nothing yet.
	pub fn new() -> Self {
		Self(blake2b_simd::Params::new().hash_length(32).to_state())
	}

	/// Appends `bytes`.
	pub fn update(&mut self, bytes: &[u8]) {
		self.0.update(bytes);
	}

	/// The hash of everything so far.
	pub fn finish(&self) -> Hash32 {
		let mut digest = Hash32::default();
		// The state was made for 32 bytes.
		digest.copy_from_slice(self.0.finalize().as_bytes());
		digest
	}
}

#[cfg(feature = "std")]
impl Default for Hasher {
	fn default() -> Self {
		Self::new()
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn matches_the_published_vector_of_blake2b_256() {
		// BLAKE2b-256 of "abc", from the reference implementation's test data.
		assert_eq!(
			hex::encode(blake2b_256(b"abc")),
			"bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"
		);
	}

	#[test]
	fn pieces_hash_like_the_whole() {
		let bytes: alloc::vec::Vec<u8> = (0..1_000u32).map(|i| i as u8).collect();
		let mut hasher = Hasher::new();
		assert_eq!(hasher.finish(), blake2b_256(&[]));
		for piece in bytes.chunks(77) {
			hasher.update(piece);
		}
		assert_eq!(hasher.finish(), blake2b_256(&bytes));
	}

	#[test]
	fn scalars_from_hashes_differ_from_the_hash_in_byte_zero_alone() {
		let digest = blake2b_256(b"abc");
		let scalar = hash_to_fr(b"abc");
		assert_eq!(scalar[0], 0);
		assert_eq!(scalar[1..], digest[1..]);
	}
}
