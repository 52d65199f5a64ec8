//! The arithmetic that the runtime asks of whoever executes it: batches of KZG openings, answers to samples, parity
//! commitments and manifest points.
//!
//! A pairing costs 1.2 ms natively and four times as much inside the runtime, so a node answers through host
//! functions ([`host::HostFunctions`], implemented with blst). A relay chain validator offers a fixed set of host
//! functions, in which ours are not, and a missing import traps when it is called. So the runtime carries a second
//! implementation, and the block executor that the runtime registers for validators swaps the host functions for it
//! with `in_runtime::replace` while it executes a block. That is `nil_kzg::portable`, or, on relay chains that have
//! enabled the curve functions of RFC-163, `nil_kzg::rfc163`.
//!
//! ```text
//!            pallet ──> nil_host::verify_openings(..)
//!                              │
//!         node executes        │        validator executes (validate_block)
//!   ext_nil_verify_openings_1  │  in_runtime::replace() swapped it:
//!       nil_kzg::native (blst) ┼──────> nil_kzg::portable (arkworks, in wasm)
//!                              └──────> nil_kzg::rfc163   (arkworks, in wasm; multiplies and pairs natively)
//! ```
//!
//! All give the same answer for every input, valid or not, down to the error's variant and index: otherwise a
//! validator would reject what a collator built. The test of this crate's `fixture` compares them through a real
//! wasm executor.
//!
//! # Wire format
//! Slices go in as SCALE. The answer comes back as the SCALE encoding of a `Result` in a [`Reply`], a buffer of
//! fixed size that the caller owns, so that the host allocates nothing inside the runtime.
//!
//! The names of the imports carry the functions' versions (`ext_nil_verify_answer_version_1`). A node that lacks one which
//! the runtime imports cannot execute that runtime: nodes are updated first.
#![cfg_attr(not(feature = "std"), no_std)]

mod reply;

pub use nil_kzg::{CombinedOpening, Opening, PointRef, VerifyError, verify::MAX_ANSWER};
pub use reply::Reply;

use nil_types::{G1Compressed, G1Uncompressed, Hash32, Profile};
use sp_runtime_interface::{
	pass_by::{
		PassFatPointerAndDecode, PassFatPointerAndDecodeSlice, PassFatPointerAndRead,
		PassPointerAndRead, PassPointerAndWrite,
	},
	runtime_interface,
};

pub use nil as host;

/// Bytes of the reply of a check: `Result<(), VerifyError>`.
pub const CHECK_BYTES: usize = 32;
/// Bytes of the reply that carries an uncompressed point: `Result<[u8; 96], VerifyError>`.
pub const UNCOMPRESSED_BYTES: usize = 97;
/// Bytes of the reply that carries a compressed point: `Result<[u8; 48], VerifyError>`.
pub const COMPRESSED_BYTES: usize = 49;

/// The host functions. Callers use the plain functions of this crate's root, which unpack the replies.
#[runtime_interface]
pub trait Nil {
	/// See [`verify_openings`](crate::verify_openings).
	fn verify_openings(
		openings: PassFatPointerAndDecodeSlice<&[Opening]>,
		reply: PassPointerAndWrite<&mut Reply<CHECK_BYTES>, CHECK_BYTES>,
	) {
		reply.put(&nil_kzg::native::verify_openings(openings));
	}

	/// See [`verify_answer`](crate::verify_answer). What is larger than that function lets pass is refused here too.
	fn verify_answer(
		openings: PassFatPointerAndDecodeSlice<&[Opening]>,
		combined: PassFatPointerAndDecode<CombinedOpening>,
		reply: PassPointerAndWrite<&mut Reply<CHECK_BYTES>, CHECK_BYTES>,
	) {
		reply.put(&nil_kzg::native::verify_answer(openings, &combined));
	}

	/// See [`verify_parity`](crate::verify_parity). The commitments are passed as their bytes, 48 each.
	fn verify_parity(
		k: u8,
		m: u8,
		data: PassFatPointerAndRead<&[u8]>,
		parity: PassFatPointerAndRead<&[u8]>,
		reply: PassPointerAndWrite<&mut Reply<CHECK_BYTES>, CHECK_BYTES>,
	) {
		reply.put(&nil_kzg::native::verify_parity(
			(k, m),
			data.as_chunks().0,
			parity.as_chunks().0,
		));
	}

	/// See [`extend_manifest`](crate::extend_manifest). The roots are passed as their bytes, 32 each.
	fn extend_manifest(
		manifest: PassPointerAndRead<&G1Uncompressed, 96>,
		first: u32,
		roots: PassFatPointerAndRead<&[u8]>,
		reply: PassPointerAndWrite<&mut Reply<UNCOMPRESSED_BYTES>, UNCOMPRESSED_BYTES>,
	) {
		reply.put(&nil_kzg::native::extend_manifest(manifest, first, roots.as_chunks().0));
	}

	/// See [`compress`](crate::compress).
	fn compress(
		point: PassPointerAndRead<&G1Uncompressed, 96>,
		reply: PassPointerAndWrite<&mut Reply<COMPRESSED_BYTES>, COMPRESSED_BYTES>,
	) {
		reply.put(&nil_kzg::native::compress(point));
	}
}

/// Checks a batch of openings together: two Miller loops and one final exponentiation, whatever the number.
///
/// Every point is checked to be in the subgroup on its own, every scalar to be canonical. An empty batch passes.
pub fn verify_openings(openings: &[Opening]) -> Result<(), VerifyError> {
	let mut reply = Reply::default();
	host::verify_openings(openings, &mut reply);
	reply.take()
}

/// Checks an answer to samples: `openings` of manifests and one combined opening of the sampled blobs, together: two
/// Miller loops and one final exponentiation, whatever their number.
///
/// Every point is checked to be in the subgroup on its own, every scalar to be canonical. At most [`MAX_ANSWER`] openings
/// and as many terms, and at least one term: anything else is refused before it is copied to the host. In which order
/// inputs are looked at, and what the indices of errors mean, is written at [`nil_kzg::verify::answer`].
pub fn verify_answer(openings: &[Opening], combined: &CombinedOpening) -> Result<(), VerifyError> {
	nil_kzg::verify::answer_size(openings, combined)?;
	let mut reply = Reply::default();
	// The interface takes what is not a slice by value.
	host::verify_answer(openings, combined.clone(), &mut reply);
	reply.take()
}

/// Checks that the parity commitments of one row follow from its data commitments, for the `Fr` code.
pub fn verify_parity(
	profile: &Profile,
	data: &[G1Compressed],
	parity: &[G1Compressed],
) -> Result<(), VerifyError> {
	let mut reply = Reply::default();
	host::verify_parity(
		profile.k,
		profile.m,
		data.as_flattened(),
		parity.as_flattened(),
		&mut reply,
	);
	reply.take()
}

/// `manifest + sum roots[i] * L[first + i]` over the Lagrange points of the trusted setup.
pub fn extend_manifest(
	manifest: &G1Uncompressed,
	first: u32,
	roots: &[Hash32],
) -> Result<G1Uncompressed, VerifyError> {
	let mut reply = Reply::default();
	host::extend_manifest(manifest, first, roots.as_flattened(), &mut reply);
	reply.take()
}

/// The same point in 48 bytes.
pub fn compress(point: &G1Uncompressed) -> Result<G1Compressed, VerifyError> {
	let mut reply = Reply::default();
	host::compress(point, &mut reply);
	reply.take()
}

/// The implementations inside the runtime, and the swap that puts one in the place of the host's.
#[cfg(all(feature = "portable", substrate_runtime))]
pub mod in_runtime {
	use super::*;
	use nil_kzg::verify::{self, Backend};

	pub use nil_kzg::portable::Portable;
	#[cfg(feature = "rfc163")]
	pub use nil_kzg::rfc163::Rfc163;

	fn verify_openings<B: Backend>(openings: &[Opening], reply: &mut Reply<CHECK_BYTES>) {
		reply.put(&verify::openings::<B>(openings));
	}

	fn verify_answer<B: Backend>(
		openings: &[Opening],
		combined: CombinedOpening,
		reply: &mut Reply<CHECK_BYTES>,
	) {
		reply.put(&verify::answer::<B>(openings, &combined));
	}

	fn verify_parity<B: Backend>(
		k: u8,
		m: u8,
		data: &[u8],
		parity: &[u8],
		reply: &mut Reply<CHECK_BYTES>,
	) {
		reply.put(&verify::parity::<B>((k, m), data.as_chunks().0, parity.as_chunks().0));
	}

	fn extend_manifest<B: Backend>(
		manifest: &G1Uncompressed,
		first: u32,
		roots: &[u8],
		reply: &mut Reply<UNCOMPRESSED_BYTES>,
	) {
		reply.put(&verify::extend_manifest::<B>(manifest, first, roots.as_chunks().0));
	}

	fn compress<B: Backend>(point: &G1Uncompressed, reply: &mut Reply<COMPRESSED_BYTES>) {
		reply.put(&verify::compress::<B>(point));
	}

	/// Swaps every host function of this crate for `B` inside the runtime, until the returned guard is dropped. To be
	/// held around the execution of one block: swapping twice at the same time panics.
	#[must_use = "the host functions come back when the guard is dropped"]
	pub fn replace<B: Backend>() -> impl Sized {
		(
			host::host_verify_openings.replace_implementation(verify_openings::<B>),
			host::host_verify_answer.replace_implementation(verify_answer::<B>),
			host::host_verify_parity.replace_implementation(verify_parity::<B>),
			host::host_extend_manifest.replace_implementation(extend_manifest::<B>),
			host::host_compress.replace_implementation(compress::<B>),
		)
	}
}
