//! The provider's disk: plain files with content, and an index that says which of them count.
//!
//! # Layout
//!
//! ```text
//! data/
//!   lock                                 held while a daemon runs
//!   index.redb                           the index, below
//!   tmp/<id>                             bytes that arrive; emptied at start
//!   shards/<2>/<mdu root>.<slot>.<id>    a slot's live rows of an MDU, blob after blob
//!   witnesses/<2>/<mdu root>.<id>        SCALE witnesses
//!   objects/<2>/<hash>.<id>              roots lists and indexes
//! ```
//!
//! A file is written in `tmp`, fsynced, renamed to its place, its folder fsynced; then *the index* learns of it in a
//! transaction. A file's name holds a random number, so it is never written twice and never replaced. Hence a file
//! that the index does not name is rubbish, whatever interrupted its maker, and is removed at the next start; and what
//! the index names is whole. Removal goes the other way round: first the row, then the file.
//!
//! # Index
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | name | format, genesis, highest finalised block seen, [`Usage`], [`ScrubPosition`] |
//! | `staged` | deal, generation, slot, MDU | [`Staged`]: uploaded, not promised |
//! | `holdings` | deal, generation, slot | [`Holding`]: promised by a receipt, or committed |
//! | `promises` | deal, generation, slot | bytes of each holding that is not committed |
//! | `mdus` | deal, slot, MDU, generation | [`HeldMdu`]: what can be read |
//! | `content` | kind, hash, slot | [`Located`]: the file |
//! | `references` | content key, holder | nothing: content without a row here is removed |
//! | `ended` | deal, generation, slot | the round to whose end the holding is owed |
//! | `openings` | deal, MDU | an opening of the deal's manifest, for proofs |
//! | `roots` | deal, generation | roots of a commit that no holding has |
//! | `sent` | round, ordinal | [`Sent`]: an answer whose outcome was not seen |
//! | `settling` | period, deal, slot | [`Settling`]: a settlement whose outcome was not seen |
//! | `refused` | [`ProofKind`] | [`Refused`]: proofs that the chain took for wrong |
//! | `branches` | content key of shards | the slot's branch in the tree of the MDU, for proofs |
//! | `rotten` | content key | [`Rotten`]: what must not be used |
//!
//! Shards whose bytes have not been checked against the commitments are files of one staged row alone and are not in
//! `content`. So one deal's wrong bytes never stand for another deal's right ones, though their roots be equal.
//!
//! All methods block; call them from blocking threads.

mod error;
mod files;
mod index;
mod parts;
mod proofs;
mod record;
mod retention;
mod rot;

pub use error::StoreError;
pub use files::{Incoming, Step};
pub use parts::{Content, Readable, ReadableShard, Recovery, Room, Tally, Upload, Usage};
pub use proofs::{CommitRoots, ProofKind, Refused, Sent, Settling};
pub use record::{
	ContentKey, FileId, HeldMdu, Holder, Holding, HoldingKey, Kind, Located, Staged, StagedKey,
};
pub use retention::{DealFacts, Fate, Now, has_signed, holding_fate, staged_fate};
pub use rot::{Rotten, ScrubPosition};

use files::Files;
use index::{Change, Index, sum_but};
use nil_types::{
	CommitInfo, DealId, Generation, Hash32, MduIndex, RelayBlock, SlotIndex, blake2b_256,
};
use std::{
	collections::BTreeSet,
	path::{Path, PathBuf},
	sync::atomic::{AtomicU64, Ordering},
};

/// The store. Cheap to share behind an `Arc`.
#[derive(Debug)]
pub struct Store {
	files: Files,
	index: Index,
	/// Bytes of promises that became commits since the store was opened.
	settled: AtomicU64,
}

impl Store {
	/// Opens the store in `path`, making it when it is not there, and removes what an interruption left.
	pub fn open(path: &Path) -> Result<(Self, Recovery), StoreError> {
		let files = Files::open(path)?;
		let index = Index::open(&path.join("index.redb"))?;
		let store = Self { files, index, settled: AtomicU64::new(0) };
		let recovery = store.recover()?;
		Ok((store, recovery))
	}

	/// Calls `observer` between any two steps of every change from now on. For tests of crashes.
	pub fn observe_steps(&mut self, observer: impl Fn(Step) + Send + Sync + 'static) {
		self.files.observe(observer);
	}

	/// Takes what `free` says for the free bytes of the disk from now on. For tests of full disks.
	pub fn pretend_free(&mut self, free: impl Fn() -> u64 + Send + Sync + 'static) {
		self.files.pretend_free(free);
	}

	/// The store's folder.
	pub fn path(&self) -> &Path {
		self.files.root()
	}

	/// Bytes that may still be written while `reserve` bytes of the disk stay free.
	pub fn free_bytes(&self, reserve: u64) -> Result<u64, StoreError> {
		Ok(self.files.available()?.saturating_sub(reserve))
	}

	/// Binds the store to the chain with `genesis`, or checks that it is bound to it.
	pub fn bind(&self, genesis: &Hash32) -> Result<(), StoreError> {
		match self.index.genesis()? {
			Some(found) if found != *genesis => {
				Err(StoreError::OtherChain { found, expected: *genesis })
			},
			Some(_) => Ok(()),
			None => self.index.set_genesis(genesis),
		}
	}

	/// The highest finalised block that [`Store::note_finalised`] was told.
	pub fn finalised(&self) -> Result<u32, StoreError> {
		self.index.finalised()
	}

	/// Remembers that block `number` was seen finalised.
	pub fn note_finalised(&self, number: u32) -> Result<(), StoreError> {
		self.index.raise_finalised(number)
	}

	/// A file for bytes that arrive. Dropped unused, it is removed.
	pub fn incoming(&self) -> Result<Incoming, StoreError> {
		self.files.incoming()
	}

	/// Records uploaded shards, whose bytes are not checked yet, and their witness. What was staged for the same MDU
	/// before is replaced. When this returns, everything is on disk.
	pub fn stage(
		&self,
		key: StagedKey,
		upload: Upload<'_>,
		shards: Incoming,
	) -> Result<Staged, StoreError> {
		let Upload { root, profile, live, witness, branch, at } = upload;
		let content = ContentKey::shard(root, key.holding.slot);
		// What is in quarantine is taken anew: once it is checked, it takes the place of the former bytes.
		let known =
			self.index.content(&content)?.is_some() && self.quarantined(&content)?.is_none();
		let len = shards.len();
		let placed = if known { None } else { Some(self.files.place(&content, shards)?) };
		let witness_key = ContentKey::witness(root);
		let witness_file = self.place_unless_known(&witness_key, witness)?;
		let mut change = self.index.change()?;
		// Collected in the meantime, or found rotten: the content that made a file of our own needless.
		let known = change.content(&content)?.is_some() && !change.is_rotten(&content)?;
		if !known && placed.is_none() {
			return Err(StoreError::Raced);
		}
		let unverified = if known { None } else { placed.as_ref().map(files::Placed::id) };
		let staged = Staged { root, profile, live, len, unverified, at };
		change.unstage(&key)?;
		if known {
			change.refer(&content, &Holder::Staged(key))?;
		}
		let witness_kept = self.settle(&mut change, &witness_key, witness_file.as_ref())?;
		change.refer(&witness_key, &Holder::Staged(key))?;
		change.insert_staged(&key, &staged)?;
		if let Some(branch) = branch {
			change.keep_branch(&content, branch)?;
		}
		keep(placed, staged.unverified.is_some());
		keep(witness_file, witness_kept);
		self.commit(change)?;
		Ok(staged)
	}

	/// Takes staged shards, file `file`, for checked: from now on they are content. Does nothing when the row has
	/// been replaced or removed meanwhile.
	pub fn verified(&self, checked: &[(StagedKey, FileId)]) -> Result<(), StoreError> {
		let mut change = self.index.change()?;
		for (key, file) in checked {
			let Some(staged) = change.staged(key)?.filter(|row| row.unverified == Some(*file))
			else {
				continue;
			};
			let content = ContentKey::shard(staged.root, key.holding.slot);
			let located = Located { file: *file, len: staged.len };
			match change.content(&content)? {
				Some(former) if change.is_rotten(&content)? => {
					change.replace_content(&content, &former, &located)?;
				},
				Some(_) => change.remove_file(content.path(*file)),
				None => change.insert_content(&content, &located)?,
			}
			change.refer(&content, &Holder::Staged(*key))?;
			change.insert_staged(key, &Staged { unverified: None, ..staged })?;
		}
		self.commit(change)
	}

	/// Drops staged shards whose bytes, file `file`, do not match their commitments. Does nothing when the row has
	/// been replaced or removed meanwhile.
	pub fn reject(&self, key: &StagedKey, file: FileId) -> Result<bool, StoreError> {
		let mut change = self.index.change()?;
		let found = change.staged(key)?.is_some_and(|row| row.unverified == Some(file));
		if found {
			change.unstage(key)?;
		}
		self.commit(change)?;
		Ok(found)
	}

	/// Drops staged shards. The row must still be `expected`: the MDU may have been uploaded anew since it was judged.
	pub fn unstage(&self, key: &StagedKey, expected: &Staged) -> Result<bool, StoreError> {
		let mut change = self.index.change()?;
		let found = change.staged(key)?.as_ref() == Some(expected);
		if found {
			change.unstage(key)?;
		}
		self.commit(change)?;
		Ok(found)
	}

	/// A staged row.
	pub fn staged(&self, key: &StagedKey) -> Result<Option<Staged>, StoreError> {
		self.index.staged(key)
	}

	/// What is staged for one slot of one commit, by MDU.
	pub fn staged_of(&self, key: &HoldingKey) -> Result<Vec<(MduIndex, Staged)>, StoreError> {
		let rows = self.index.staged_from(&key.bytes())?;
		Ok(rows.into_iter().map(|(key, row)| (key.mdu, row)).collect())
	}

	/// Everything that is staged for a deal.
	pub fn staged_of_deal(&self, deal: DealId) -> Result<Vec<(StagedKey, Staged)>, StoreError> {
		self.index.staged_from(&deal.to_be_bytes())
	}

	/// The file of staged shards that are not checked yet.
	pub fn unverified_path(&self, key: &StagedKey, staged: &Staged) -> Option<PathBuf> {
		let content = ContentKey::shard(staged.root, key.holding.slot);
		Some(self.files.root().join(content.path(staged.unverified?)))
	}

	/// The witness of staged shards.
	pub fn staged_witness(&self, staged: &Staged) -> Result<Option<Readable>, StoreError> {
		self.readable(&ContentKey::witness(staged.root))
	}

	/// Records a promise: that the staged and checked MDUs with `roots` are kept at least until the receipt is void.
	/// With it go the roots list and the index. The staged rows become the holding's.
	///
	/// A promise of the same content is prolonged, never cut short. One of other content is replaced when `now`, the clock
	/// of the *finalised* chain, is past its `until`, and is a [`StoreError::Conflict`] before: the owner may still commit it,
	/// and so may whoever the owner authorises, since a receipt names no account. What is returned is what the receipt must
	/// say.
	///
	/// The promise must fit into `room` together with all others, which are counted in the transaction that records it: of
	/// several promises at once each one sees those before. Promises that became commits since the chain was read count
	/// too, for the chain did not count them yet.
	pub fn promise(
		&self,
		key: HoldingKey,
		holding: Holding,
		content: Content<'_>,
		now: RelayBlock,
		room: Room,
	) -> Result<Holding, StoreError> {
		let Content { roots, lives, index } = content;
		let roots_key = ContentKey::object(holding.roots_hash);
		let index_key = ContentKey::object(holding.index_root);
		let roots_file = self.place_unless_known(&roots_key, roots.as_flattened())?;
		// An index may well equal the roots list; one file then serves as both.
		let index_file =
			if index_key == roots_key { None } else { self.place_unless_known(&index_key, index)? };
		let mut change = self.index.change()?;
		let mut holding = holding;
		if let Some(former) = change.holding(&key)? {
			if former.same_content(&holding) {
				holding.until = holding.until.max(former.until);
				holding.committed = former.committed;
			} else if former.committed.is_some() || former.until >= now {
				return Err(StoreError::Conflict { key, until: former.until });
			} else {
				change.drop_holding(&key, &former)?;
			}
		}
		self.check_room(&change, &key, &holding, room)?;
		let mut missing = Vec::new();
		for ((root, live), mdu) in roots.iter().zip(lives).zip(holding.first_mdu..) {
			let staged_key = StagedKey { holding: key, mdu };
			let ready =
				|row: &Staged| row.root == *root && row.live == *live && row.unverified.is_none();
			let held = HeldMdu { root: *root, live: *live };
			if change.staged(&staged_key)?.as_ref().is_some_and(ready) {
				change.hold(&staged_key, &held)?;
				change.unstage(&staged_key)?;
			} else if change.held(&staged_key)?.as_ref() != Some(&held) {
				missing.push(mdu);
			}
		}
		if !missing.is_empty() {
			return Err(StoreError::NotStaged { mdus: missing });
		}
		let roots_kept = self.settle(&mut change, &roots_key, roots_file.as_ref())?;
		let index_kept = self.settle(&mut change, &index_key, index_file.as_ref())?;
		change.refer(&roots_key, &Holder::Whole(key))?;
		change.refer(&index_key, &Holder::Whole(key))?;
		change.insert_holding(&key, &holding)?;
		keep(roots_file, roots_kept);
		keep(index_file, index_kept);
		self.commit(change)?;
		Ok(holding)
	}

	/// Lets a promise of the content of `commit` count until `until` at least. What its receipt must say then; `None` when
	/// there is none, or it is of other content. It must fit into `room` like a new one: there may be less than there was.
	pub fn prolong(
		&self,
		key: &HoldingKey,
		commit: &CommitInfo,
		until: RelayBlock,
		room: Room,
	) -> Result<Option<Holding>, StoreError> {
		let mut change = self.index.change()?;
		let Some(holding) = change.holding(key)?.filter(|holding| holding.is_of(commit)) else {
			return Ok(None);
		};
		self.check_room(&change, key, &holding, room)?;
		let holding = Holding { until: holding.until.max(until), ..holding };
		change.insert_holding(key, &holding)?;
		self.commit(change)?;
		Ok(Some(holding))
	}

	/// Whether a promise fits into `room` beside all others.
	fn check_room(
		&self,
		change: &Change,
		key: &HoldingKey,
		holding: &Holding,
		room: Room,
	) -> Result<(), StoreError> {
		// What was committed before is in the chain's account.
		if holding.committed.is_some() {
			return Ok(());
		}
		let since = self.settled_bytes().saturating_sub(room.settled);
		let others = change.promised_bytes(key)?.saturating_add(since);
		let wanted = holding.bytes;
		if others.saturating_add(wanted) > room.bytes {
			return Err(StoreError::NoRoom { wanted, others, room: room.bytes });
		}
		Ok(())
	}

	/// A holding.
	pub fn holding(&self, key: &HoldingKey) -> Result<Option<Holding>, StoreError> {
		self.index.holding(key)
	}

	/// The MDUs of a holding.
	pub fn held_of(&self, key: &HoldingKey) -> Result<Vec<(MduIndex, HeldMdu)>, StoreError> {
		let Some(holding) = self.index.holding(key)? else { return Ok(Vec::new()) };
		let mut held = Vec::new();
		for mdu in (holding.first_mdu..).take(holding.mdus as usize) {
			let row = self.index.held(&StagedKey { holding: *key, mdu })?;
			held.extend(row.map(|row| (mdu, row)));
		}
		Ok(held)
	}

	/// All holdings.
	pub fn holdings(&self) -> Result<Vec<(HoldingKey, Holding)>, StoreError> {
		self.index.holdings_from(&[])
	}

	/// The holdings of a deal.
	pub fn holdings_of(&self, deal: DealId) -> Result<Vec<(HoldingKey, Holding)>, StoreError> {
		self.index.holdings_from(&deal.to_be_bytes())
	}

	/// The first generation of a deal of which anything is staged, or promised and not committed.
	pub fn first_open(&self, deal: DealId) -> Result<Option<Generation>, StoreError> {
		let prefix = deal.to_be_bytes();
		// In the order of keys, so that the first of each is the one.
		let promised = self.index.promises_from(&prefix)?.first().map(|(key, _)| key.generation);
		let staged = self.index.first_staged(&prefix)?.map(|key| key.holding.generation);
		Ok(promised.into_iter().chain(staged).min())
	}

	/// The deals with promises that no finalised commit covers yet.
	pub fn promised_deals(&self) -> Result<BTreeSet<DealId>, StoreError> {
		Ok(self.index.promises_from(&[])?.into_iter().map(|(key, _)| key.deal).collect())
	}

	/// Bytes of all promises that no finalised commit covers yet, but `key`'s.
	pub fn promised_bytes(&self, key: &HoldingKey) -> Result<u64, StoreError> {
		Ok(sum_but(key, self.index.promises_from(&[])?))
	}

	/// Bytes of promises that became commits since the store was opened; grows only. Whoever asks the chain how much the
	/// provider holds notes this first, so that no byte falls between the chain's account and this one.
	pub fn settled_bytes(&self) -> u64 {
		self.settled.load(Ordering::SeqCst)
	}

	/// The deals of which anything is staged or held.
	pub fn deals(&self) -> Result<BTreeSet<DealId>, StoreError> {
		let staged = self.index.staged_from(&[])?.into_iter().map(|(key, _)| key.holding.deal);
		let held = self.index.holdings_from(&[])?.into_iter().map(|(key, _)| key.deal);
		Ok(staged.chain(held).collect())
	}

	/// Marks a holding as committed at relay block `at`, on the finalised chain. The row must still be `expected`: a promise
	/// may have been renewed, or have made way for another one, since it was judged.
	pub fn committed(
		&self,
		key: &HoldingKey,
		expected: &Holding,
		at: RelayBlock,
	) -> Result<bool, StoreError> {
		let mut change = self.index.change()?;
		let found = change.holding(key)?.as_ref() == Some(expected);
		if found {
			if expected.committed.is_none() {
				// Before anybody can see that the promise is gone; too many after a failure, which does no harm.
				self.settled.fetch_add(expected.bytes, Ordering::SeqCst);
			}
			change.insert_holding(key, &Holding { committed: Some(at), ..expected.clone() })?;
		}
		self.commit(change)?;
		Ok(found)
	}

	/// Drops a holding and everything that nothing else needs. The row must still be `expected`: a promise may have
	/// been renewed since it was judged.
	pub fn drop_holding(&self, key: &HoldingKey, expected: &Holding) -> Result<bool, StoreError> {
		let mut change = self.index.change()?;
		let found = change.holding(key)?.as_ref() == Some(expected);
		if found {
			change.drop_holding(key, expected)?;
		}
		self.commit(change)?;
		Ok(found)
	}

	/// The shards of an MDU that `deal` may read from `slot`. Committed ones come before promised ones, later
	/// generations before earlier ones.
	pub fn shard(
		&self,
		deal: DealId,
		slot: SlotIndex,
		mdu: MduIndex,
	) -> Result<Option<ReadableShard>, StoreError> {
		let mut best: Option<((bool, Generation), HeldMdu)> = None;
		for (generation, held) in self.index.held_generations(deal, slot, mdu)? {
			let holding = self.index.holding(&HoldingKey { deal, generation, slot })?;
			let rank = (holding.is_some_and(|holding| holding.committed.is_some()), generation);
			if best.as_ref().is_none_or(|(other, _)| *other < rank) {
				best = Some((rank, held));
			}
		}
		let Some((_, mdu)) = best else { return Ok(None) };
		self.readable_shard(mdu, slot)
	}

	/// A witness, roots list or index that `deal` may read. Nothing while it is in quarantine.
	pub fn object(&self, deal: DealId, key: &ContentKey) -> Result<Option<Readable>, StoreError> {
		if self.index.is_readable(key, deal)? && self.quarantined(key)?.is_none() {
			self.readable(key)
		} else {
			Ok(None)
		}
	}

	/// How much there is. Costs the same however much that is.
	pub fn usage(&self) -> Result<Usage, StoreError> {
		self.index.usage()
	}

	fn readable(&self, key: &ContentKey) -> Result<Option<Readable>, StoreError> {
		Ok(self.index.content(key)?.map(|located| Readable {
			path: self.files.root().join(key.path(located.file)),
			len: located.len,
		}))
	}

	/// Writes `bytes` as a file of `key`, unless there is one.
	fn place_unless_known(
		&self,
		key: &ContentKey,
		bytes: &[u8],
	) -> Result<Option<files::Placed>, StoreError> {
		debug_assert!(key.kind != Kind::Object || key.hash == blake2b_256(bytes));
		if self.index.content(key)?.is_some() {
			return Ok(None);
		}
		let mut incoming = self.files.incoming()?;
		incoming.write(bytes)?;
		self.files.place(key, incoming).map(Some)
	}

	/// Makes `placed` the file of `key`, unless another one came first. Whether it was made.
	fn settle(
		&self,
		change: &mut Change,
		key: &ContentKey,
		placed: Option<&files::Placed>,
	) -> Result<bool, StoreError> {
		match (change.content(key)?, placed) {
			(None, Some(placed)) => {
				let located = Located { file: placed.id(), len: placed.len() };
				change.insert_content(key, &located)?;
				Ok(true)
			},
			// Known before, and collected since: a retry writes it anew.
			(None, None) => Err(StoreError::Raced),
			(Some(_), _) => Ok(false),
		}
	}

	/// Makes a change durable, then removes the files that it set free.
	fn commit(&self, change: Change) -> Result<(), StoreError> {
		self.files.step(Step::BeforeRecord);
		let removed = change.commit()?;
		self.files.step(Step::Recorded);
		for path in removed {
			self.files.remove(&path);
			self.files.step(Step::Removed);
		}
		Ok(())
	}

	fn recover(&self) -> Result<Recovery, StoreError> {
		let mut recovery = Recovery::default();
		let mut known = BTreeSet::new();
		let mut lost = Vec::new();
		for (key, row) in self.index.staged_from(&[])? {
			let content = ContentKey::shard(row.root, key.holding.slot);
			let Some(file) = row.unverified else { continue };
			let path = content.path(file);
			if self.files.has(&path, row.len) {
				known.insert(path);
				recovery.unverified.push(key);
			} else {
				lost.push((key, row));
			}
		}
		for (key, located) in self.index.all_content()? {
			let path = key.path(located.file);
			if !self.files.has(&path, located.len) {
				recovery.damaged.push(key);
			}
			known.insert(path);
		}
		recovery.orphans = self.files.remove_unknown(&known)?;
		for (key, row) in lost {
			self.unstage(&key, &row)?;
			recovery.lost_uploads.push(key);
		}
		Ok(recovery)
	}
}

/// Leaves a file in its place when `kept`, and removes it otherwise. Before the commit that names it: should that fail,
/// nobody knows whether it reached the disk, and a file too many does no harm.
fn keep(placed: Option<files::Placed>, kept: bool) {
	if let Some(file) = placed.filter(|_| kept) {
		file.keep();
	}
}

#[cfg(test)]
mod tests;
