//! Changes to the index.

use super::{
	BRANCHES, CONTENT, ENDED, HOLDINGS, MDUS, META, META_USAGE, OPENINGS, PROMISES, REFERENCES,
	ROOTS, ROTTEN, STAGED, Table, has_prefix, scan_in, sum_but, value_in,
};
use crate::store::{
	ContentKey, HeldMdu, Holder, Holding, HoldingKey, Located, Staged, StagedKey, StoreError,
	Usage,
	record::{mdu_key, reference},
};
use codec::{Decode, Encode};
use nil_slab::Branch;
use nil_types::DealId;
use redb::{ReadableTable, WriteTransaction};
use std::{collections::BTreeSet, path::PathBuf};

/// Changes that become durable together, or not at all. There is one at a time: making a second one waits.
pub struct Change {
	pub(super) write: WriteTransaction,
	/// How much there is with these changes.
	pub(super) usage: Usage,
	/// How much there was before them.
	pub(super) counted: Usage,
	/// Content that lost a reference, and perhaps its last.
	pub(super) freed: BTreeSet<ContentKey>,
	/// Shards whose branch came with the change. They have no reference before they are checked.
	pub(super) branched: BTreeSet<ContentKey>,
	/// Files to remove once the change is durable, relative to the store.
	pub(super) removed: Vec<PathBuf>,
}

impl Change {
	pub fn staged(&self, key: &StagedKey) -> Result<Option<Staged>, StoreError> {
		self.get(STAGED, &key.bytes())
	}

	pub fn insert_staged(&mut self, key: &StagedKey, staged: &Staged) -> Result<(), StoreError> {
		if let Some(former) = self.staged(key)? {
			self.usage.staged.remove(former.len);
		}
		self.usage.staged.insert(staged.len);
		self.put(STAGED, &key.bytes(), staged)
	}

	/// Removes a staged row, if there is one, and its references.
	pub fn unstage(&mut self, key: &StagedKey) -> Result<(), StoreError> {
		let Some(staged) = self.staged(key)? else { return Ok(()) };
		self.delete(STAGED, &key.bytes())?;
		self.usage.staged.remove(staged.len);
		let holder = Holder::Staged(*key);
		let shard = ContentKey::shard(staged.root, key.holding.slot);
		match staged.unverified {
			Some(file) => {
				self.remove_file(shard.path(file));
				// Its branch goes too, unless somebody needs the same shards.
				self.freed.insert(shard);
			},
			None => self.release(&shard, &holder)?,
		}
		self.release(&ContentKey::witness(staged.root), &holder)
	}

	pub fn holding(&self, key: &HoldingKey) -> Result<Option<Holding>, StoreError> {
		self.get(HOLDINGS, &key.bytes())
	}

	pub fn insert_holding(
		&mut self,
		key: &HoldingKey,
		holding: &Holding,
	) -> Result<(), StoreError> {
		if let Some(former) = self.holding(key)? {
			self.usage.tally(&former).remove(former.bytes);
		}
		self.usage.tally(holding).insert(holding.bytes);
		match holding.committed {
			None => self.put(PROMISES, &key.bytes(), &holding.bytes)?,
			Some(_) => self.delete(PROMISES, &key.bytes())?,
		}
		self.put(HOLDINGS, &key.bytes(), holding)
	}

	/// Bytes of all promises that no finalised commit covers yet, but `key`'s.
	pub fn promised_bytes(&self, key: &HoldingKey) -> Result<u64, StoreError> {
		let promises = self.write.open_table(PROMISES.definition)?;
		let all: Vec<(_, u64)> = scan_in(&promises, PROMISES, &[], HoldingKey::parse)?;
		Ok(sum_but(key, all))
	}

	/// Removes a holding, which is `holding`, its MDUs and its references.
	pub fn drop_holding(&mut self, key: &HoldingKey, holding: &Holding) -> Result<(), StoreError> {
		for mdu in (holding.first_mdu..).take(holding.mdus as usize) {
			let mdu = StagedKey { holding: *key, mdu };
			let Some(held) = self.held(&mdu)? else { continue };
			self.delete(MDUS, &mdu_key(&mdu))?;
			let holder = Holder::Held(mdu);
			self.release(&ContentKey::shard(held.root, key.slot), &holder)?;
			self.release(&ContentKey::witness(held.root), &holder)?;
		}
		for hash in [holding.roots_hash, holding.index_root] {
			self.release(&ContentKey::object(hash), &Holder::Whole(*key))?;
		}
		self.usage.tally(holding).remove(holding.bytes);
		self.delete(PROMISES, &key.bytes())?;
		self.delete(ENDED, &key.bytes())?;
		self.delete(HOLDINGS, &key.bytes())?;
		if !self.holds(key.deal)? {
			for table in [OPENINGS, ROOTS] {
				self.delete_from(table, &key.deal.to_be_bytes())?;
			}
		}
		Ok(())
	}

	/// Whether anything of `deal` is held.
	pub fn holds(&self, deal: DealId) -> Result<bool, StoreError> {
		has_prefix(&self.write.open_table(HOLDINGS.definition)?, &deal.to_be_bytes())
	}

	pub fn held(&self, key: &StagedKey) -> Result<Option<HeldMdu>, StoreError> {
		self.get(MDUS, &mdu_key(key))
	}

	/// Makes an MDU readable.
	pub fn hold(&self, key: &StagedKey, held: &HeldMdu) -> Result<(), StoreError> {
		self.put(MDUS, &mdu_key(key), held)?;
		let holder = Holder::Held(*key);
		self.refer(&ContentKey::shard(held.root, key.holding.slot), &holder)?;
		self.refer(&ContentKey::witness(held.root), &holder)
	}

	pub fn content(&self, key: &ContentKey) -> Result<Option<Located>, StoreError> {
		self.get(CONTENT, &key.bytes())
	}

	pub fn insert_content(
		&mut self,
		key: &ContentKey,
		located: &Located,
	) -> Result<(), StoreError> {
		if let Some(former) = self.content(key)? {
			self.usage.files.remove(former.len);
		}
		self.usage.files.insert(located.len);
		self.put(CONTENT, &key.bytes(), located)
	}

	/// Whether content is in quarantine.
	pub fn is_rotten(&self, content: &ContentKey) -> Result<bool, StoreError> {
		let rotten = self.write.open_table(ROTTEN.definition)?;
		Ok(rotten.get(content.bytes().as_slice())?.is_some())
	}

	/// Another file, checked, takes the place of content's `former` one; whatever was wrong with that one is forgotten.
	pub fn replace_content(
		&mut self,
		key: &ContentKey,
		former: &Located,
		located: &Located,
	) -> Result<(), StoreError> {
		self.remove_file(key.path(former.file));
		self.delete(ROTTEN, &key.bytes())?;
		self.insert_content(key, located)
	}

	/// `holder` needs `content`.
	pub fn refer(&self, content: &ContentKey, holder: &Holder) -> Result<(), StoreError> {
		self.put(REFERENCES, &reference(content, holder), &())
	}

	/// `holder` needs `content` no more. Without a reference at the end of the change, it is removed.
	fn release(&mut self, content: &ContentKey, holder: &Holder) -> Result<(), StoreError> {
		self.freed.insert(*content);
		self.delete(REFERENCES, &reference(content, holder))
	}

	/// Keeps the branch of shards that are staged, in the place of a former one.
	pub fn keep_branch(&mut self, shards: &ContentKey, branch: &Branch) -> Result<(), StoreError> {
		self.branched.insert(*shards);
		self.put(BRANCHES, &shards.bytes(), branch)
	}

	/// Removes a file (relative to the store) once the change is durable.
	pub fn remove_file(&mut self, path: PathBuf) {
		self.removed.push(path);
	}

	/// Makes the change durable. Returns the files that nothing needs any more.
	pub fn commit(mut self) -> Result<Vec<PathBuf>, StoreError> {
		for content in std::mem::take(&mut self.freed) {
			if has_prefix(&self.write.open_table(REFERENCES.definition)?, &content.bytes())? {
				continue;
			}
			if !self.branched.contains(&content) {
				self.delete(BRANCHES, &content.bytes())?;
			}
			if let Some(located) = self.content(&content)? {
				self.delete(CONTENT, &content.bytes())?;
				self.delete(ROTTEN, &content.bytes())?;
				self.usage.files.remove(located.len);
				self.removed.push(content.path(located.file));
			}
		}
		if self.usage != self.counted {
			self.put(META, META_USAGE, &self.usage)?;
		}
		self.write.commit()?;
		Ok(self.removed)
	}

	/// What all rows add up to, counted one by one.
	#[cfg(test)]
	pub fn recounted(&self) -> Result<Usage, StoreError> {
		super::count(&self.write)
	}

	pub fn get<V: Decode>(&self, table: Table, key: &[u8]) -> Result<Option<V>, StoreError> {
		value_in(&self.write.open_table(table.definition)?, key, table)
	}

	pub fn put(&self, table: Table, key: &[u8], value: &impl Encode) -> Result<(), StoreError> {
		self.write.open_table(table.definition)?.insert(key, value.encode().as_slice())?;
		Ok(())
	}

	pub fn delete(&self, table: Table, key: &[u8]) -> Result<(), StoreError> {
		self.write.open_table(table.definition)?.remove(key)?;
		Ok(())
	}

	/// Removes all rows whose keys start with `prefix`.
	pub fn delete_from(&self, table: Table, prefix: &[u8]) -> Result<(), StoreError> {
		let mut rows = self.write.open_table(table.definition)?;
		let mut keys = Vec::new();
		for row in rows.range(prefix..)? {
			let (key, _) = row?;
			if !key.value().starts_with(prefix) {
				break;
			}
			keys.push(key.value().to_vec());
		}
		for key in &keys {
			rows.remove(key.as_slice())?;
		}
		Ok(())
	}
}
