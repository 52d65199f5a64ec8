//! Keys and values of the index.
//!
//! Keys are fixed-width and big-endian, so that everything of a deal, of a generation and of a slot lies together.
//! Values are SCALE.

use codec::{Decode, Encode};
use nil_types::{
	CommitInfo, DealId, Generation, Hash32, MduIndex, Profile, ReceiptMessage, RelayBlock,
	SlotIndex,
};
use std::path::PathBuf;

/// One slot's part of one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct HoldingKey {
	/// The deal.
	pub deal: DealId,
	/// The generation that the commit makes.
	pub generation: Generation,
	/// The slot.
	pub slot: SlotIndex,
}

/// One slot's shards of one MDU of a commit to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct StagedKey {
	/// Deal, generation and slot.
	pub holding: HoldingKey,
	/// The MDU's position in the deal's slab.
	pub mdu: MduIndex,
}

/// Uploaded shards that no receipt covers yet.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Staged {
	/// The MDU's root, recomputed from the witness.
	pub root: Hash32,
	/// How the deal is striped.
	pub profile: Profile,
	/// Data blobs of the MDU that hold payload.
	pub live: u8,
	/// Bytes of the shards.
	pub len: u64,
	/// The file, while it is not checked against the commitments; then the content is found by root and slot.
	pub unverified: Option<FileId>,
	/// When it was uploaded, in seconds since the Unix epoch.
	pub at: u64,
}

/// One slot's part of a commit that this provider has signed a receipt for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Holding {
	/// The commit's first MDU in the slab.
	pub first_mdu: MduIndex,
	/// MDUs of the commit.
	pub mdus: u32,
	/// `H` of the commit's MDU roots.
	pub roots_hash: Hash32,
	/// `H` of the index.
	pub index_root: Hash32,
	/// Payload bytes, index included.
	pub size_bytes: u64,
	/// Bytes of the index.
	pub index_len: u32,
	/// Bytes of shards.
	pub bytes: u64,
	/// Last relay block at which the receipt counts.
	pub until: RelayBlock,
	/// Relay block of the commit, once it is finalised.
	pub committed: Option<RelayBlock>,
}

impl Holding {
	/// Whether `other` is about the same content.
	pub fn same_content(&self, other: &Self) -> bool {
		(self.first_mdu, self.roots_hash, self.index_root, self.size_bytes, self.index_len)
			== (
				other.first_mdu,
				other.roots_hash,
				other.index_root,
				other.size_bytes,
				other.index_len,
			)
	}

	/// Whether a commit on the chain is of this content.
	pub fn is_of(&self, commit: &CommitInfo) -> bool {
		(self.first_mdu, self.size_bytes, self.index_len, self.index_root, self.roots_hash)
			== (
				commit.first_mdu,
				commit.size_bytes,
				commit.index_len,
				commit.index_root,
				commit.roots_hash,
			)
	}

	/// What its receipt says.
	pub const fn message(&self, genesis: Hash32, key: &HoldingKey) -> ReceiptMessage {
		ReceiptMessage {
			genesis,
			deal: key.deal,
			generation: key.generation,
			slot: key.slot,
			roots_hash: self.roots_hash,
			index_root: self.index_root,
			size_bytes: self.size_bytes,
			index_len: self.index_len,
			until: self.until,
		}
	}
}

/// One MDU of a holding.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct HeldMdu {
	/// Its root.
	pub root: Hash32,
	/// Data blobs that hold payload.
	pub live: u8,
}

/// Name of a file within its kind; unique over the store's life, so that a file is never replaced.
pub type FileId = u64;

/// What a piece of content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
	/// One slot's live rows of an MDU, checked against the commitments; named by MDU root and slot.
	Shard,
	/// The witness of an MDU, SCALE; named by MDU root.
	Witness,
	/// A roots list or an index; named by its hash.
	Object,
}

impl Kind {
	/// All kinds.
	pub const ALL: [Self; 3] = [Self::Shard, Self::Witness, Self::Object];

	/// The folder of the kind.
	pub const fn folder(self) -> &'static str {
		match self {
			Self::Shard => "shards",
			Self::Witness => "witnesses",
			Self::Object => "objects",
		}
	}

	const fn tag(self) -> u8 {
		match self {
			Self::Shard => 0,
			Self::Witness => 1,
			Self::Object => 2,
		}
	}
}

/// The name of a piece of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentKey {
	/// What it is.
	pub kind: Kind,
	/// MDU root or hash.
	pub hash: Hash32,
	/// The slot for shards, 0 otherwise.
	pub slot: SlotIndex,
}

impl ContentKey {
	/// Shards of an MDU.
	pub const fn shard(root: Hash32, slot: SlotIndex) -> Self {
		Self { kind: Kind::Shard, hash: root, slot }
	}

	/// The witness of an MDU.
	pub const fn witness(root: Hash32) -> Self {
		Self { kind: Kind::Witness, hash: root, slot: 0 }
	}

	/// A roots list or an index.
	pub const fn object(hash: Hash32) -> Self {
		Self { kind: Kind::Object, hash, slot: 0 }
	}

	/// The key in the index.
	pub fn bytes(&self) -> [u8; 34] {
		let mut bytes = [0; 34];
		bytes[0] = self.kind.tag();
		bytes[1..33].copy_from_slice(&self.hash);
		bytes[33] = self.slot;
		bytes
	}

	/// The key of `bytes`.
	pub fn parse(bytes: &[u8]) -> Option<Self> {
		let (kind, rest) = bytes.split_first()?;
		let (slot, hash) = rest.split_last()?;
		let kind = Kind::ALL.into_iter().find(|known| known.tag() == *kind)?;
		Some(Self { kind, hash: hash.try_into().ok()?, slot: *slot })
	}

	/// The path of file `id` of this content, relative to the store. Shards carry their slot in the name, for
	/// whoever looks after the disk. The folder is the hash's second byte: the first one of an MDU root is always 0.
	pub fn path(&self, id: FileId) -> PathBuf {
		let hash = hex::encode(self.hash);
		let folder = hash.get(2..4).unwrap_or_default().to_owned();
		let name = match self.kind {
			Kind::Shard => format!("{hash}.{:02}.{id:016x}", self.slot),
			Kind::Witness | Kind::Object => format!("{hash}.{id:016x}"),
		};
		[self.kind.folder(), &folder, &name].iter().collect()
	}
}

/// Where a piece of content lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Located {
	/// Its file.
	pub file: FileId,
	/// Its bytes.
	pub len: u64,
}

/// Who needs a piece of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
	/// Staged shards: content is kept, but not served.
	Staged(StagedKey),
	/// An MDU of a holding.
	Held(StagedKey),
	/// A holding as a whole.
	Whole(HoldingKey),
}

/// First byte of a [`Holder`] that makes content readable.
const HELD: u8 = 1;

impl Holder {
	fn bytes(&self) -> [u8; 23] {
		let (tag, key, mdu) = match self {
			Self::Staged(key) => ([0, 0], key.holding, key.mdu),
			Self::Held(key) => ([HELD, 0], key.holding, key.mdu),
			Self::Whole(key) => ([HELD, 1], *key, 0),
		};
		let mut bytes = [0; 23];
		bytes[0] = tag[0];
		bytes[1..14].copy_from_slice(&key.bytes());
		bytes[14] = tag[1];
		bytes[15..].copy_from_slice(&mdu.to_be_bytes());
		bytes
	}
}

/// The key of a reference: the content, then who needs it.
pub fn reference(content: &ContentKey, holder: &Holder) -> [u8; 57] {
	let mut bytes = [0; 57];
	bytes[..34].copy_from_slice(&content.bytes());
	bytes[34..].copy_from_slice(&holder.bytes());
	bytes
}

/// The held MDU that a reference is of, unless something else needs the content.
pub fn held_in(reference: &[u8]) -> Option<StagedKey> {
	let (holding, rest) = reference.get(34..)?.strip_prefix(&[HELD])?.split_at_checked(13)?;
	let mdu = u64::from_be_bytes(rest.strip_prefix(&[0u8])?.try_into().ok()?);
	Some(StagedKey { holding: HoldingKey::parse(holding)?, mdu })
}

/// What the references start with that let `deal` read `content`.
pub fn readable_prefix(content: &ContentKey, deal: DealId) -> [u8; 43] {
	let mut bytes = [0; 43];
	bytes[..34].copy_from_slice(&content.bytes());
	bytes[34] = HELD;
	bytes[35..].copy_from_slice(&deal.to_be_bytes());
	bytes
}

impl HoldingKey {
	/// The key in the index.
	pub fn bytes(&self) -> [u8; 13] {
		let mut bytes = [0; 13];
		bytes[..8].copy_from_slice(&self.deal.to_be_bytes());
		bytes[8..12].copy_from_slice(&self.generation.to_be_bytes());
		bytes[12] = self.slot;
		bytes
	}

	/// The key of `bytes`.
	pub fn parse(bytes: &[u8]) -> Option<Self> {
		let (deal, rest) = bytes.split_first_chunk()?;
		let (generation, rest) = rest.split_first_chunk()?;
		let [slot] = rest else { return None };
		Some(Self {
			deal: u64::from_be_bytes(*deal),
			generation: u32::from_be_bytes(*generation),
			slot: *slot,
		})
	}
}

impl StagedKey {
	/// The key in the index.
	pub fn bytes(&self) -> [u8; 21] {
		let mut bytes = [0; 21];
		bytes[..13].copy_from_slice(&self.holding.bytes());
		bytes[13..].copy_from_slice(&self.mdu.to_be_bytes());
		bytes
	}

	/// The key of `bytes`.
	pub fn parse(bytes: &[u8]) -> Option<Self> {
		let (holding, mdu) = bytes.split_at_checked(13)?;
		let mdu = u64::from_be_bytes(mdu.try_into().ok()?);
		Some(Self { holding: HoldingKey::parse(holding)?, mdu })
	}
}

/// The key of an MDU that can be read: `(deal, slot, mdu, generation)`. Generations of a deal do not overlap on the
/// finalised chain, but a receipt of a commit that a reorganisation undid may live on until it is void.
pub fn mdu_key(key: &StagedKey) -> [u8; 21] {
	let mut bytes = [0; 21];
	bytes[..17].copy_from_slice(&mdu_prefix(key.holding.deal, key.holding.slot, key.mdu));
	bytes[17..].copy_from_slice(&key.holding.generation.to_be_bytes());
	bytes
}

/// What the keys of an MDU start with in all generations.
pub fn mdu_prefix(deal: DealId, slot: SlotIndex, mdu: MduIndex) -> [u8; 17] {
	let mut bytes = [0; 17];
	bytes[..8].copy_from_slice(&deal.to_be_bytes());
	bytes[8] = slot;
	bytes[9..].copy_from_slice(&mdu.to_be_bytes());
	bytes
}

/// The key of [`mdu_key`]'s bytes.
pub fn parse_mdu_key(bytes: &[u8]) -> Option<StagedKey> {
	let (deal, rest) = bytes.split_first_chunk()?;
	let (slot, rest) = rest.split_first()?;
	let (mdu, rest) = rest.split_first_chunk()?;
	let holding = HoldingKey {
		deal: u64::from_be_bytes(*deal),
		generation: u32::from_be_bytes(rest.try_into().ok()?),
		slot: *slot,
	};
	Some(StagedKey { holding, mdu: u64::from_be_bytes(*mdu) })
}

/// The generation of [`mdu_key`]'s bytes.
pub fn mdu_generation(bytes: &[u8]) -> Option<Generation> {
	bytes.last_chunk().map(|generation| u32::from_be_bytes(*generation))
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	proptest! {
		#[test]
		fn keys_read_back_and_sort_by_their_fields(a: (u64, u32, u8, u64), b: (u64, u32, u8, u64)) {
			let key = |(deal, generation, slot, mdu)| {
				StagedKey { holding: HoldingKey { deal, generation, slot }, mdu }
			};
			let (a, b) = (key(a), key(b));
			prop_assert_eq!(StagedKey::parse(&a.bytes()), Some(a));
			prop_assert_eq!(HoldingKey::parse(&a.holding.bytes()), Some(a.holding));
			prop_assert_eq!(a.bytes().cmp(&b.bytes()), a.cmp(&b));
			prop_assert_eq!(mdu_generation(&mdu_key(&a)), Some(a.holding.generation));
			prop_assert_eq!(parse_mdu_key(&mdu_key(&a)), Some(a));
		}

		#[test]
		fn content_keys_read_back(hash: [u8; 32], slot: u8) {
			for key in [ContentKey::shard(hash, slot), ContentKey::witness(hash), ContentKey::object(hash)] {
				prop_assert_eq!(ContentKey::parse(&key.bytes()), Some(key));
			}
		}
	}

	#[test]
	fn staged_references_make_nothing_readable() {
		let content = ContentKey::witness([3; 32]);
		let key = StagedKey { holding: HoldingKey { deal: 7, generation: 1, slot: 2 }, mdu: 9 };
		let prefix = readable_prefix(&content, 7);
		assert!(!reference(&content, &Holder::Staged(key)).starts_with(&prefix));
		assert!(reference(&content, &Holder::Held(key)).starts_with(&prefix));
		assert!(reference(&content, &Holder::Whole(key.holding)).starts_with(&prefix));
		assert!(
			!reference(&content, &Holder::Held(key)).starts_with(&readable_prefix(&content, 8))
		);
	}
}
