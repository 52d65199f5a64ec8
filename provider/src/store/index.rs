//! The index: redb tables, and changes to several of them in one transaction.

mod change;

pub use change::Change;

use super::{
	ContentKey, HeldMdu, Holding, HoldingKey, Located, Staged, StagedKey, StoreError, Usage,
	record::{held_in, mdu_generation, mdu_key, mdu_prefix, parse_mdu_key, readable_prefix},
};
use codec::{Decode, DecodeAll, Encode};
use nil_types::{DealId, Generation, Hash32, MduIndex, SlotIndex};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use std::{collections::BTreeSet, path::Path};

type Bytes = &'static [u8];

/// A table, whose name errors can tell.
#[derive(Clone, Copy)]
pub struct Table {
	name: &'static str,
	definition: TableDefinition<'static, Bytes, Bytes>,
}

impl Table {
	const fn new(name: &'static str) -> Self {
		Self { name, definition: TableDefinition::new(name) }
	}
}

pub const META: Table = Table::new("meta");
const STAGED: Table = Table::new("staged");
const HOLDINGS: Table = Table::new("holdings");
const MDUS: Table = Table::new("mdus");
const CONTENT: Table = Table::new("content");
const REFERENCES: Table = Table::new("references");
/// Bytes of each holding that is promised and not committed: what is asked on every receipt and every block must not cost
/// more the more is stored.
const PROMISES: Table = Table::new("promises");
/// The round in which the chain ended what each of these holdings is owed for: see [`super::retention`].
pub const ENDED: Table = Table::new("ended");
/// Openings of manifests, by deal and MDU: see [`super::proofs`].
pub const OPENINGS: Table = Table::new("openings");
/// Roots of commits that no holding has, by deal and generation.
pub const ROOTS: Table = Table::new("roots");
/// Answers that were sent and whose outcome was not seen, by round and first ordinal.
pub const SENT: Table = Table::new("sent");
/// Settlements that were sent and whose outcome was not seen, by period and first slot.
pub const SETTLING: Table = Table::new("settling");
/// Kinds of proofs that the chain took for wrong: see [`super::proofs`].
pub const REFUSED: Table = Table::new("refused");
/// Branches of the slots' leaves in the trees of MDUs, by content key of the shards that they are for.
pub const BRANCHES: Table = Table::new("branches");
/// Content whose bytes are not what they were: see [`super::rot`].
pub const ROTTEN: Table = Table::new("rotten");

pub const META_SCRUB: &[u8] = b"scrub";
const META_FORMAT: &[u8] = b"format";
const META_GENESIS: &[u8] = b"genesis";
const META_FINALISED: &[u8] = b"finalised";
/// A [`Usage`]: what the rows add up to. Every change keeps it, for the rows are too many to be counted on every block.
const META_USAGE: &[u8] = b"usage";

/// Format of the store that this program reads and writes.
const FORMAT: u32 = 3;
/// The format before [`META_USAGE`], which is counted when such a store is opened.
const FORMAT_WITHOUT_USAGE: u32 = 2;
/// The format before [`PROMISES`], which is made anew when such a store is opened.
const FORMAT_WITHOUT_PROMISES: u32 = 1;
/// Memory for pages of the index.
const CACHE_BYTES: usize = 32 << 20;

#[derive(Debug)]
pub struct Index {
	database: Database,
}

impl Index {
	pub fn open(path: &Path) -> Result<Self, StoreError> {
		let database = Database::builder().set_cache_size(CACHE_BYTES).create(path)?;
		let write = database.begin_write()?;
		{
			let mut meta = write.open_table(META.definition)?;
			let found = value_in(&meta, META_FORMAT, META)?;
			if !matches!(
				found,
				None | Some(FORMAT | FORMAT_WITHOUT_USAGE | FORMAT_WITHOUT_PROMISES)
			) {
				let found = found.unwrap_or_default();
				return Err(StoreError::Format { found, expected: FORMAT });
			}
			let known = [STAGED, HOLDINGS, MDUS, CONTENT, REFERENCES, PROMISES];
			// A store from before one of these lacks nothing when it is empty.
			let later = [ENDED, OPENINGS, ROOTS, SENT, SETTLING, REFUSED, BRANCHES, ROTTEN];
			for table in known.into_iter().chain(later) {
				write.open_table(table.definition)?;
			}
			if found == Some(FORMAT_WITHOUT_PROMISES) {
				list_promises(&write)?;
			}
			if found != Some(FORMAT) {
				meta.insert(META_USAGE, count(&write)?.encode().as_slice())?;
			}
			meta.insert(META_FORMAT, FORMAT.encode().as_slice())?;
		}
		write.commit()?;
		Ok(Self { database })
	}

	pub fn change(&self) -> Result<Change, StoreError> {
		let write = self.database.begin_write()?;
		let known: Option<Usage> = value_in(&write.open_table(META.definition)?, META_USAGE, META)?;
		let counted = known.unwrap_or_default();
		Ok(Change {
			write,
			usage: counted,
			counted,
			freed: BTreeSet::new(),
			branched: BTreeSet::new(),
			removed: Vec::new(),
		})
	}

	/// How much there is.
	pub fn usage(&self) -> Result<Usage, StoreError> {
		Ok(self.get(META, META_USAGE)?.unwrap_or_default())
	}

	pub fn genesis(&self) -> Result<Option<Hash32>, StoreError> {
		self.get(META, META_GENESIS)
	}

	pub fn set_genesis(&self, genesis: &Hash32) -> Result<(), StoreError> {
		let change = self.change()?;
		change.put(META, META_GENESIS, genesis)?;
		change.commit().map(drop)
	}

	pub fn finalised(&self) -> Result<u32, StoreError> {
		Ok(self.get(META, META_FINALISED)?.unwrap_or_default())
	}

	pub fn raise_finalised(&self, number: u32) -> Result<(), StoreError> {
		if self.finalised()? < number {
			let change = self.change()?;
			change.put(META, META_FINALISED, &number)?;
			change.commit()?;
		}
		Ok(())
	}

	pub fn staged(&self, key: &StagedKey) -> Result<Option<Staged>, StoreError> {
		self.get(STAGED, &key.bytes())
	}

	/// Staged rows whose keys start with `prefix`.
	pub fn staged_from(&self, prefix: &[u8]) -> Result<Vec<(StagedKey, Staged)>, StoreError> {
		self.scan(STAGED, prefix, StagedKey::parse)
	}

	/// The first staged row whose key starts with `prefix`.
	pub fn first_staged(&self, prefix: &[u8]) -> Result<Option<StagedKey>, StoreError> {
		let read = self.database.begin_read()?;
		let rows = read.open_table(STAGED.definition)?;
		let Some((key, _)) = rows.range(prefix..)?.next().transpose()? else { return Ok(None) };
		if !key.value().starts_with(prefix) {
			return Ok(None);
		}
		let corrupt = || StoreError::Corrupt { table: STAGED.name };
		StagedKey::parse(key.value()).map(Some).ok_or_else(corrupt)
	}

	pub fn holding(&self, key: &HoldingKey) -> Result<Option<Holding>, StoreError> {
		self.get(HOLDINGS, &key.bytes())
	}

	/// Holdings whose keys start with `prefix`.
	pub fn holdings_from(&self, prefix: &[u8]) -> Result<Vec<(HoldingKey, Holding)>, StoreError> {
		self.scan(HOLDINGS, prefix, HoldingKey::parse)
	}

	/// Holdings that are promised and not committed, and their bytes, whose keys start with `prefix`.
	pub fn promises_from(&self, prefix: &[u8]) -> Result<Vec<(HoldingKey, u64)>, StoreError> {
		self.scan(PROMISES, prefix, HoldingKey::parse)
	}

	pub fn content(&self, key: &ContentKey) -> Result<Option<Located>, StoreError> {
		self.get(CONTENT, &key.bytes())
	}

	pub fn all_content(&self) -> Result<Vec<(ContentKey, Located)>, StoreError> {
		self.scan(CONTENT, &[], ContentKey::parse)
	}

	pub fn held(&self, key: &StagedKey) -> Result<Option<HeldMdu>, StoreError> {
		self.get(MDUS, &mdu_key(key))
	}

	/// What is held of an MDU, by generation.
	pub fn held_generations(
		&self,
		deal: DealId,
		slot: SlotIndex,
		mdu: MduIndex,
	) -> Result<Vec<(Generation, HeldMdu)>, StoreError> {
		self.scan(MDUS, &mdu_prefix(deal, slot, mdu), mdu_generation)
	}

	/// The first MDU that can be read and comes after `after` in the order of keys.
	pub fn held_after(
		&self,
		after: Option<&StagedKey>,
	) -> Result<Option<(StagedKey, HeldMdu)>, StoreError> {
		// Nothing lies between a key and the same with a zero behind it.
		let from = after.map(|key| [mdu_key(key).as_slice(), &[0]].concat()).unwrap_or_default();
		let read = self.database.begin_read()?;
		let rows = read.open_table(MDUS.definition)?;
		let Some((key, value)) = rows.range(from.as_slice()..)?.next().transpose()? else {
			return Ok(None);
		};
		let corrupt = || StoreError::Corrupt { table: MDUS.name };
		let key = parse_mdu_key(key.value()).ok_or_else(corrupt)?;
		let held = HeldMdu::decode_all(&mut value.value()).map_err(|_| corrupt())?;
		Ok(Some((key, held)))
	}

	/// The held MDUs that `content` is of.
	pub fn holders(&self, content: &ContentKey) -> Result<Vec<StagedKey>, StoreError> {
		let all: Vec<(Option<StagedKey>, ())> =
			self.scan(REFERENCES, &content.bytes(), |key| Some(held_in(key)))?;
		Ok(all.into_iter().filter_map(|(held, ())| held).collect())
	}

	/// Whether a holding of `deal` needs `content`.
	pub fn is_readable(&self, content: &ContentKey, deal: DealId) -> Result<bool, StoreError> {
		let read = self.database.begin_read()?;
		let table = read.open_table(REFERENCES.definition)?;
		has_prefix(&table, &readable_prefix(content, deal))
	}

	pub fn get<V: Decode>(&self, table: Table, key: &[u8]) -> Result<Option<V>, StoreError> {
		let read = self.database.begin_read()?;
		value_in(&read.open_table(table.definition)?, key, table)
	}

	pub fn scan<K, V: Decode>(
		&self,
		table: Table,
		prefix: &[u8],
		parse: impl Fn(&[u8]) -> Option<K>,
	) -> Result<Vec<(K, V)>, StoreError> {
		let read = self.database.begin_read()?;
		scan_in(&read.open_table(table.definition)?, table, prefix, parse)
	}
}

/// Fills [`PROMISES`] from the holdings.
fn list_promises(write: &WriteTransaction) -> Result<(), StoreError> {
	let holdings = write.open_table(HOLDINGS.definition)?;
	let mut promises = write.open_table(PROMISES.definition)?;
	let all: Vec<(_, Holding)> = scan_in(&holdings, HOLDINGS, &[], HoldingKey::parse)?;
	for (key, holding) in all.iter().filter(|(_, holding)| holding.committed.is_none()) {
		promises.insert(key.bytes().as_slice(), holding.bytes.encode().as_slice())?;
	}
	Ok(())
}

/// What all rows add up to.
fn count(write: &WriteTransaction) -> Result<Usage, StoreError> {
	let mut usage = Usage::default();
	let staged: Vec<(_, Staged)> =
		scan_in(&write.open_table(STAGED.definition)?, STAGED, &[], StagedKey::parse)?;
	for (_, staged) in &staged {
		usage.staged.insert(staged.len);
	}
	let holdings: Vec<(_, Holding)> =
		scan_in(&write.open_table(HOLDINGS.definition)?, HOLDINGS, &[], HoldingKey::parse)?;
	for (_, holding) in &holdings {
		usage.tally(holding).insert(holding.bytes);
	}
	let content: Vec<(_, Located)> =
		scan_in(&write.open_table(CONTENT.definition)?, CONTENT, &[], ContentKey::parse)?;
	for (_, located) in &content {
		usage.files.insert(located.len);
	}
	Ok(usage)
}

fn scan_in<K, V: Decode>(
	rows: &impl ReadableTable<Bytes, Bytes>,
	table: Table,
	prefix: &[u8],
	parse: impl Fn(&[u8]) -> Option<K>,
) -> Result<Vec<(K, V)>, StoreError> {
	let corrupt = || StoreError::Corrupt { table: table.name };
	let mut found = Vec::new();
	for row in rows.range(prefix..)? {
		let (key, value) = row?;
		if !key.value().starts_with(prefix) {
			break;
		}
		let key = parse(key.value()).ok_or_else(corrupt)?;
		let value = V::decode_all(&mut value.value()).map_err(|_| corrupt())?;
		found.push((key, value));
	}
	Ok(found)
}

fn value_in<V: Decode>(
	rows: &impl ReadableTable<Bytes, Bytes>,
	key: &[u8],
	table: Table,
) -> Result<Option<V>, StoreError> {
	rows.get(key)?
		.map(|value| V::decode_all(&mut value.value()))
		.transpose()
		.map_err(|_| StoreError::Corrupt { table: table.name })
}

fn has_prefix(table: &impl ReadableTable<Bytes, Bytes>, prefix: &[u8]) -> Result<bool, StoreError> {
	let first = table.range(prefix..)?.next().transpose()?;
	Ok(first.is_some_and(|(key, _)| key.value().starts_with(prefix)))
}

/// The bytes of all `promises` but `key`'s.
pub fn sum_but(key: &HoldingKey, promises: Vec<(HoldingKey, u64)>) -> u64 {
	let others = promises.into_iter().filter(|(other, _)| other != key);
	others.fold(0, |sum, (_, bytes)| sum.saturating_add(bytes))
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::store::Tally;

	fn holding(committed: Option<u32>) -> Holding {
		Holding {
			first_mdu: 0,
			mdus: 1,
			roots_hash: [1; 32],
			index_root: [2; 32],
			size_bytes: 9,
			index_len: 1,
			bytes: 1000,
			until: 50,
			committed,
		}
	}

	fn key(generation: Generation) -> HoldingKey {
		HoldingKey { deal: 7, generation, slot: 2 }
	}

	/// Makes a store in `path` as a program before this one left it: with holdings, but no list of promises in format 1,
	/// and no count before format 3.
	fn leave(path: &Path, format: u32) {
		let index = Index::open(path).unwrap();
		let mut change = index.change().unwrap();
		change.insert_holding(&key(1), &holding(Some(20))).unwrap();
		change.insert_holding(&key(2), &holding(None)).unwrap();
		change.usage = change.counted;
		if format < FORMAT_WITHOUT_USAGE {
			change.delete(PROMISES, &key(2).bytes()).unwrap();
		}
		change.delete(META, META_USAGE).unwrap();
		change.put(META, META_FORMAT, &format).unwrap();
		change.commit().unwrap();
	}

	#[test]
	fn an_older_store_gets_what_it_lacks() {
		for format in [FORMAT_WITHOUT_PROMISES, FORMAT_WITHOUT_USAGE] {
			let dir = tempfile::tempdir().unwrap();
			let path = dir.path().join("index.redb");
			leave(&path, format);
			for _ in 0..2 {
				let index = Index::open(&path).unwrap();
				assert_eq!(index.promises_from(&[]).unwrap(), [(key(2), 1000)], "{format}");
				let one = Tally { count: 1, bytes: 1000 };
				let expected = Usage { promised: one, committed: one, ..Usage::default() };
				assert_eq!(index.usage().unwrap(), expected, "{format}");
				assert_eq!(index.get::<u32>(META, META_FORMAT).unwrap(), Some(FORMAT));
			}
		}
	}

	#[test]
	fn a_store_of_another_format_is_refused() {
		for format in [0, FORMAT + 1] {
			let dir = tempfile::tempdir().unwrap();
			let path = dir.path().join("index.redb");
			leave(&path, format);
			let refused = Index::open(&path);
			assert!(
				matches!(refused, Err(StoreError::Format { found, expected: FORMAT }) if found == format)
			);
		}
	}
}
