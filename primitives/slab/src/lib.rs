//! From payload bytes to MDU roots and back: everything between a file and what the chain keeps of it.
//!
//! ```text
//! payload ─ pack ─▶ data blobs ─ code ─▶ shards ─ commit ─▶ witness ─ tree ─▶ MDU root ─ manifest ─▶ chain
//! ```
//!
//! * [`pack`]: the one place of every payload byte, and blobs from bytes;
//! * [`encode`]: one MDU at a time, payload to shards, witness and root; [`decode`]: the way back from any `k` slots;
//! * [`witness`]: the commitments of an MDU, checked; [`tree`]: the Merkle tree over them and its root; [`branch`]: one
//!   slot's part of it;
//! * [`manifest`]: the point over MDU roots, and its openings;
//! * [`proof`]: the chained proof from one scalar of one blob up to the manifest; [`answer`]: many of them, with one
//!   opening for all blobs;
//! * [`index`]: paths, extents and deltas (NilFS).
//!
//! A put holds a few MDUs at a time: each [`EncodedMdu`](encode::EncodedMdu) stands alone, so reading, coding,
//! committing and sending can overlap without a slab ever being in memory as a whole.
//!
//! Everything that is read from outside is decoded strictly: each error names the value found and what was expected.
//!
//! Without the feature `std` only the [`tree`] is left, for the inside of runtimes.
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(feature = "std")]
pub mod answer;
#[cfg(feature = "std")]
pub mod branch;
#[cfg(feature = "std")]
pub mod decode;
#[cfg(feature = "std")]
pub mod encode;
#[cfg(feature = "std")]
pub mod index;
#[cfg(feature = "std")]
pub mod manifest;
#[cfg(feature = "std")]
pub mod pack;
#[cfg(feature = "std")]
pub mod proof;
pub mod tree;
#[cfg(feature = "std")]
pub mod witness;

pub use tree::MduTree;
#[cfg(feature = "std")]
pub use {
	answer::{Answer, AnswerBuilder, AnswerItem, AnswerPart},
	branch::{Branch, CheckedBranch, Members},
	decode::MduDecoder,
	encode::{EncodedMdu, MduEncoder},
	index::{Delta, Encryption, Entry, Extent, Index, IndexFile, SlabPath},
	pack::Place,
	proof::{ChainedProof, DealManifests},
	witness::{CheckedWitness, Witness},
};
