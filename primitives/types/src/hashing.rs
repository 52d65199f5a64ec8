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
	fn scalars_from_hashes_differ_from_the_hash_in_byte_zero_alone() {
		let digest = blake2b_256(b"abc");
		let scalar = hash_to_fr(b"abc");
		assert_eq!(scalar[0], 0);
		assert_eq!(scalar[1..], digest[1..]);
	}
}
