//! Identifiers, profiles, limits and hashed messages: the vocabulary that the chain, the providers and the
//! clients of NilStore share.
//!
//! * [`layout`]: the sizes of scalars, blobs, MDUs and slabs, and the arithmetic between them;
//! * [`profile`]: how a deal is striped over slots;
//! * [`messages`]: every message that somebody signs or hashes, with its domain tag;
//! * [`challenge`]: what a provider is asked in an epoch;
//! * [`repair`]: what decides who rebuilds a slot, and what it proves;
//! * [`uniform`]: numbers without bias from hashes;
//! * [`deal`], [`provider`], [`liveness`]: what the chain keeps and the runtime API returns;
//! * [`traits`]: how the pallets see each other.
//!
//! The crate is `no_std` and depends on nothing else of the project. Integers inside hashed messages are SCALE
//! fixed-width little-endian; a tag stands first, as raw bytes without a length.
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod challenge;
pub mod deal;
pub mod hashing;
pub mod layout;
pub mod liveness;
pub mod messages;
pub mod profile;
pub mod provider;
mod random;
pub mod repair;
pub mod traits;

pub use challenge::Epoch;
pub use deal::{
	Candidacies, CommitInfo, DealInfo, DealStatus, Hint, PlacementInfo, RepairCause, RepairInfo,
	SlotInfo, SlotState, Terms, Uploader,
};
#[cfg(feature = "std")]
pub use hashing::Hasher;
pub use hashing::{blake2b_256, hash_to_fr};
pub use layout::ContentShape;
pub use liveness::{
	DealRentInfo, DrawnInfo, DutyInfo, Earnings, RentInfo, RoundInfo, SampleInfo, SettleSampleInfo,
	SettlementInfo, SlotHealth,
};
pub use messages::{ReceiptMessage, UploadToken};
pub use profile::{CodeKind, Profile, ProfileError};
pub use provider::{Capability, ProviderInfo, ProviderStatus};
pub use random::uniform;

/// Number of a deal; assigned by the chain, never used twice.
pub type DealId = u64;
/// How many commits a deal has had. 0 is the empty deal.
pub type Generation = u32;
/// Position of a slot in its deal's stripe, `0..n`. Data slots come first.
pub type SlotIndex = u8;
/// Position of an MDU in its deal's slab.
pub type MduIndex = u64;
/// A relay chain block number. All durations and deadlines count these.
pub type RelayBlock = u32;
/// An epoch by its place among those that began, counted from 1 without gaps. 0 stands for the time before the first.
pub type Round = u32;
/// A BLAKE2b-256 digest, an MDU root, a block hash.
pub type Hash32 = [u8; 32];
/// An amount of the native token in its smallest unit.
pub type Amount = u128;
/// A compressed BLS12-381 G1 point.
pub type G1Compressed = [u8; 48];
/// An uncompressed BLS12-381 G1 point, as it is kept in state: it was checked once.
pub type G1Uncompressed = [u8; 96];
/// An sr25519 public key.
pub type ServiceKey = [u8; 32];
/// An sr25519 signature.
pub type ServiceSignature = [u8; 64];
