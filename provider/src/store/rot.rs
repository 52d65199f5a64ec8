//! Rot: content whose bytes on disk are not what they were when they were checked, or are not there any more.
//!
//! What is found rotten is put in *quarantine*: it is not served, and no answer is made of it. It leaves quarantine when right
//! bytes take its place, from other slots ([`crate::scrub`]) or by an upload, or when nothing needs it any more.

use super::{
	ContentKey, HeldMdu, Incoming, Kind, Located, Readable, ReadableShard, Store, StoreError,
	index::{META, META_SCRUB, ROTTEN},
	record::StagedKey,
};
use codec::{Decode, Encode};
use nil_types::Hash32;

/// Content in quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Rotten {
	/// Which rows of a shard: bit `i` for row `i`. All bits for content without rows.
	pub rows: u64,
	/// The held MDU through which it was found, for whoever rebuilds it. It may end before others that share the content.
	pub held: StagedKey,
	/// When, in seconds since the Unix epoch.
	pub at: u64,
}

/// How far the scrubber has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct ScrubPosition {
	/// What it checked last; nothing at the start of a pass.
	pub after: Option<StagedKey>,
	/// When the last pass ended, in seconds since the Unix epoch; 0 before the first one has.
	pub completed: u64,
}

impl Store {
	/// The shards of exactly this holding's MDU.
	pub fn held_shard(&self, key: &StagedKey) -> Result<Option<ReadableShard>, StoreError> {
		let Some(mdu) = self.index.held(key)? else { return Ok(None) };
		self.readable_shard(mdu, key.holding.slot)
	}

	pub(super) fn readable_shard(
		&self,
		mdu: HeldMdu,
		slot: u8,
	) -> Result<Option<ReadableShard>, StoreError> {
		let key = ContentKey::shard(mdu.root, slot);
		let Some(content) = self.readable(&key)? else { return Ok(None) };
		let rotten = self.quarantined(&key)?.map_or(0, |rotten| rotten.rows);
		Ok(Some(ReadableShard { mdu, content, rotten }))
	}

	/// The witness of an MDU that is held.
	pub fn held_witness(&self, root: Hash32) -> Result<Option<Readable>, StoreError> {
		self.readable(&ContentKey::witness(root))
	}

	/// What is wrong with a piece of content, as far as it is known.
	pub fn quarantined(&self, key: &ContentKey) -> Result<Option<Rotten>, StoreError> {
		self.index.get(ROTTEN, &key.bytes())
	}

	/// The held MDUs that a piece of content is of: several deals and commits may share it.
	pub fn holders(&self, key: &ContentKey) -> Result<Vec<StagedKey>, StoreError> {
		self.index.holders(key)
	}

	/// All content in quarantine.
	pub fn quarantine(&self) -> Result<Vec<(ContentKey, Rotten)>, StoreError> {
		self.index.scan(ROTTEN, &[], ContentKey::parse)
	}

	/// Puts content in quarantine, with the rows that are so already. `read` is what was found wrong: when another file
	/// has taken its place meanwhile, or nothing needs it any more, nothing happens. Whether anything is new.
	pub fn put_in_quarantine(
		&self,
		key: &ContentKey,
		read: &Readable,
		rotten: Rotten,
	) -> Result<bool, StoreError> {
		let change = self.index.change()?;
		let path = |located: &Located| self.files.root().join(key.path(located.file));
		let still = change.content(key)?.is_some_and(|located| path(&located) == read.path);
		if !still {
			return Ok(false);
		}
		let former: Option<Rotten> = change.get(ROTTEN, &key.bytes())?;
		let known = former.map_or(0, |former| former.rows);
		let all = Rotten { rows: known | rotten.rows, ..former.unwrap_or(rotten) };
		if former == Some(all) {
			return Ok(false);
		}
		change.put(ROTTEN, &key.bytes(), &all)?;
		self.commit(change)?;
		Ok(true)
	}

	/// Puts checked bytes in the place of content in quarantine, which ends that. Whether it was still there.
	pub fn replace(&self, key: &ContentKey, right: Incoming) -> Result<bool, StoreError> {
		debug_assert!(key.kind != Kind::Object, "objects are not rebuilt");
		let placed = self.files.place(key, right)?;
		let mut change = self.index.change()?;
		let rotten: Option<Rotten> = change.get(ROTTEN, &key.bytes())?;
		let (Some(former), Some(_)) = (change.content(key)?, rotten) else { return Ok(false) };
		change.replace_content(key, &former, &Located { file: placed.id(), len: placed.len() })?;
		placed.keep();
		self.commit(change)?;
		Ok(true)
	}

	/// What comes after `after` of all that is held, in the order in which it is scrubbed.
	pub fn held_after(
		&self,
		after: Option<&StagedKey>,
	) -> Result<Option<(StagedKey, HeldMdu)>, StoreError> {
		self.index.held_after(after)
	}

	/// How far the scrubber had come when it last told.
	pub fn scrub_position(&self) -> Result<ScrubPosition, StoreError> {
		Ok(self.index.get(META, META_SCRUB)?.unwrap_or_default())
	}

	/// Remembers how far the scrubber has come.
	pub fn set_scrub_position(&self, position: &ScrubPosition) -> Result<(), StoreError> {
		let change = self.index.change()?;
		change.put(META, META_SCRUB, position)?;
		self.commit(change)
	}
}
