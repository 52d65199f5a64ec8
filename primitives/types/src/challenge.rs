//! What an epoch asks of a provider: where blobs are evaluated, and how they are combined.
//!
//! Everything follows by hashing from `R_e`, the randomness of the epoch, which nobody knows before the epoch begins. So
//! nothing that a provider computed earlier helps it. Providers are named by the 32 bytes of their operator's account.

use crate::{Hash32, hash_to_fr};

/// Tag of [`evaluation_point`].
pub const EVALUATION_POINT_TAG: &[u8] = b"nil/z/v1";
/// Tag of [`gamma`].
pub const GAMMA_TAG: &[u8] = b"nil/gamma/v1";

/// Where `provider` evaluates all blobs that it is asked for in the epoch of `r_e`:
/// `hash_to_Fr("nil/z/v1" ‖ R_e ‖ provider)`.
pub fn evaluation_point(r_e: &Hash32, provider: &Hash32) -> Hash32 {
	hash_to_fr(&[EVALUATION_POINT_TAG, r_e, provider].concat())
}

/// The factor of the blob of sample `ordinal` in the answer of `provider` in the epoch of `r_e`:
/// `hash_to_Fr("nil/gamma/v1" ‖ R_e ‖ provider ‖ ordinal)`.
pub fn gamma(r_e: &Hash32, provider: &Hash32, ordinal: u32) -> Hash32 {
	hash_to_fr(&[GAMMA_TAG, r_e, provider, &ordinal.to_le_bytes()].concat())
}

#[cfg(test)]
mod tests {
	use super::*;

	/// Computed with another implementation of BLAKE2b (Python's `hashlib`).
	#[test]
	fn hashes_are_pinned() {
		let (r_e, provider) = ([1; 32], [2; 32]);
		assert_eq!(
			hex::encode(evaluation_point(&r_e, &provider)),
			"00e3b4698e3e2947c52047bbf337c606cb80e581e1b32b6b12df70170f957036"
		);
		assert_eq!(
			hex::encode(gamma(&r_e, &provider, 0)),
			"00c4bbd5a868f8fc8a866f5f836f7bb0cbd689357f38deebccf02a6274d5ff1a"
		);
		assert_eq!(
			hex::encode(gamma(&r_e, &provider, 0x0102_0304)),
			"00b15806a98fa89d11f0500fac45f0fc4474bcafba9e32c629cab3904bc9b071"
		);
	}
}
