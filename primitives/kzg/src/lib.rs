//! KZG commitments over BLS12-381 for EIP-4844 blobs: openings verified in batches, parity commitments checked,
//! manifests extended, blobs committed to in bulk.
//!
//! The crate has a `no_std` core that decides *what* is checked and in which order, and backends that only do the
//! arithmetic. So every backend answers every input, valid or not, in the same way:
//!
//! * [`types`]: [`Opening`], [`CombinedOpening`], [`PointRef`], [`VerifyError`]: what crosses the host boundary;
//! * [`setup`]: the trusted setup of Ethereum's ceremony, embedded and pinned by hash;
//! * [`stripe`]: the integer coefficients of the `Fr` stripe code;
//! * [`encoding`]: the strict rules for scalars and points, before any backend sees them;
//! * [`verify`]: the checks themselves, generic over a [`verify::Backend`];
//! * `portable` (feature `portable`): the backend on arkworks, `no_std`, for the inside of the runtime;
//! * `rfc163` (feature `rfc163`): the same with the host's curve functions, where it has those of RFC-163;
//! * `native` (feature `native`): the backend on blst, for nodes, providers and clients.
//!
//! With `native` come the parts that make and check bulk data: [`blob`], [`point`],
//! [`msm`] (multi-scalar multiplication engines behind one trait, so that SIMD and GPU engines can join
//! them), [`prover`] and [`bulk`].
//!
//! Blobs are EIP-4844 blobs: 4,096 canonical big-endian scalars in bit-reversed order. A commitment made here equals
//! `blob_to_kzg_commitment` on the same bytes, and an opening made here verifies with `verify_kzg_proof`.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub mod encoding;
pub mod setup;
pub mod stripe;
pub mod types;
pub mod verify;

#[cfg(feature = "portable")]
mod fp;
#[cfg(feature = "portable")]
mod g1;
#[cfg(feature = "portable")]
pub mod portable;
#[cfg(feature = "rfc163")]
pub mod rfc163;

#[cfg(feature = "native")]
pub mod blob;
#[cfg(feature = "native")]
pub mod bulk;
#[cfg(feature = "native")]
mod field;
#[cfg(feature = "native")]
pub mod msm;
#[cfg(feature = "native")]
pub mod native;
#[cfg(feature = "native")]
pub mod point;
#[cfg(feature = "native")]
pub mod prover;

pub use types::{CombinedOpening, Opening, PointRef, VerifyError};

#[cfg(feature = "native")]
pub use blob::{Blob, BlobError};
#[cfg(feature = "native")]
pub use msm::{Engines, MsmEngine};
#[cfg(feature = "native")]
pub use point::{G1Affine, PointError, combine_commitments};

/// Bytes of a scalar: big-endian, below the group order.
pub const SCALAR_BYTES: usize = 32;
/// Scalars of a blob.
pub const SCALARS_PER_BLOB: usize = 4096;
/// Bytes of a blob.
pub const BLOB_BYTES: usize = SCALARS_PER_BLOB * SCALAR_BYTES;
/// Bytes of a compressed G1 point.
pub const G1_COMPRESSED_BYTES: usize = 48;
/// Bytes of an uncompressed G1 point.
pub const G1_UNCOMPRESSED_BYTES: usize = 96;

/// A scalar as it is stored and sent: 32 bytes, big-endian.
pub type ScalarBytes = [u8; SCALAR_BYTES];
