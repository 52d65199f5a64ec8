//! What proving needs beside content, and what it leaves behind.
//!
//! *Openings* of manifest points, one row of 112 bytes for each MDU that was asked for. A row counts for the one point that it
//! names: when a commit changes the point, its MDUs' openings are made anew as they are asked for, in the place of the
//! former ones. So there are never more rows than MDUs of the deals held, and all of a deal's go with its last holding.
//!
//! *Roots* of commits that the slot has not signed: a manifest point is over the roots of all commits, and a slot may have
//! missed one. They were checked against the chain, and go with the deal as well.
//!
//! *Branches* of the slots' leaves in the trees of MDUs, so that no sample needs a witness: half a kilobyte for each MDU of an
//! 8+4 deal. They come with uploads, go with the shards that they are for, and are checked whenever they are read.
//!
//! *Answers sent*, and settlements, until their outcome is seen: at most one row for each call of a round.
//!
//! *Refusals*: that the chain took an answer or a settlement for wrong, until the operator forgets it.

use super::{
	ContentKey, Store, StoreError,
	index::{BRANCHES, ENDED, OPENINGS, REFUSED, ROOTS, SENT, SETTLING},
	record::HoldingKey,
};
use codec::{Decode, Encode};
use nil_client::chain::Transaction;
use nil_slab::Branch;
use nil_types::{
	CommitInfo, DealId, G1Compressed, Generation, Hash32, MduIndex, Round, SlotIndex, blake2b_256,
	layout::SCALAR_BYTES, messages::roots_hash,
};
use std::{collections::BTreeSet, fs};

/// An opening of a manifest point at the place of an MDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
struct Opened {
	point: G1Compressed,
	opening: G1Compressed,
}

/// An answer that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Sent {
	/// The round.
	pub round: Round,
	/// The block that drew it: where another one did, the answer is void.
	pub block: Hash32,
	/// What it answers, rising; not empty.
	pub ordinals: Vec<u32>,
	/// The transaction.
	pub transaction: Transaction,
}

fn sent_key(round: Round, ordinals: &[u32]) -> [u8; 8] {
	let mut key = [0; 8];
	key[..4].copy_from_slice(&round.to_be_bytes());
	let first = ordinals.first().copied().unwrap_or_default();
	key[4..].copy_from_slice(&first.to_be_bytes());
	key
}

/// A settlement that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Settling {
	/// The period.
	pub period: u32,
	/// The block that drew the round in which it was sent: where another one did, and in other rounds, it is void.
	pub block: Hash32,
	/// What it settles, rising; not empty.
	pub slots: Vec<(DealId, SlotIndex)>,
	/// The transaction.
	pub transaction: Transaction,
}

fn settling_key(period: u32, slots: &[(DealId, SlotIndex)]) -> [u8; 13] {
	let (deal, slot) = slots.first().copied().unwrap_or_default();
	let mut key = [0; 13];
	key[..4].copy_from_slice(&period.to_be_bytes());
	key[4..12].copy_from_slice(&deal.to_be_bytes());
	key[12] = slot;
	key
}

/// What proves something to the chain, which slashes for it when it is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofKind {
	/// Answers to samples.
	Answers,
	/// Settlements of rent.
	Settlements,
}

impl ProofKind {
	/// All kinds.
	pub const ALL: [Self; 2] = [Self::Answers, Self::Settlements];

	/// In words, and in metrics.
	pub const fn name(self) -> &'static str {
		match self {
			Self::Answers => "answers",
			Self::Settlements => "settlements",
		}
	}

	const fn key(self) -> [u8; 1] {
		match self {
			Self::Answers => [0],
			Self::Settlements => [1],
		}
	}
}

/// That the chain took a proof for wrong which had verified here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Refused {
	/// The block with the last such proof.
	pub block: u32,
	/// When that was seen, in seconds since the Unix epoch.
	pub at: u64,
}

/// The roots of one commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitRoots {
	/// The commit's first MDU in the slab.
	pub first_mdu: MduIndex,
	/// One for each of its MDUs.
	pub roots: Vec<Hash32>,
}

fn opening_key(deal: DealId, mdu: MduIndex) -> [u8; 16] {
	let mut key = [0; 16];
	key[..8].copy_from_slice(&deal.to_be_bytes());
	key[8..].copy_from_slice(&mdu.to_be_bytes());
	key
}

fn roots_key(deal: DealId, generation: Generation) -> [u8; 12] {
	let mut key = [0; 12];
	key[..8].copy_from_slice(&deal.to_be_bytes());
	key[8..].copy_from_slice(&generation.to_be_bytes());
	key
}

impl Store {
	/// The opening of manifest `point` of `deal` at the place of `mdu`, if it was made before.
	pub fn opening(
		&self,
		deal: DealId,
		mdu: MduIndex,
		point: &G1Compressed,
	) -> Result<Option<G1Compressed>, StoreError> {
		let found: Option<Opened> = self.index.get(OPENINGS, &opening_key(deal, mdu))?;
		Ok(found.filter(|row| row.point == *point).map(|row| row.opening))
	}

	/// Keeps openings of manifest `point` of `deal`, in one transaction. Does nothing when the deal is gone.
	pub fn keep_openings(
		&self,
		deal: DealId,
		point: &G1Compressed,
		openings: &[(MduIndex, G1Compressed)],
	) -> Result<(), StoreError> {
		let change = self.index.change()?;
		if change.holds(deal)? {
			for (mdu, opening) in openings {
				let row = Opened { point: *point, opening: *opening };
				change.put(OPENINGS, &opening_key(deal, *mdu), &row)?;
			}
		}
		self.commit(change)
	}

	/// Forgets all openings of `deal`: one of them may be wrong.
	pub fn forget_openings(&self, deal: DealId) -> Result<(), StoreError> {
		let change = self.index.change()?;
		change.delete_from(OPENINGS, &deal.to_be_bytes())?;
		self.commit(change)
	}

	/// What was kept for the branch of `slot` in the tree of an MDU with `root`. It is not checked.
	pub fn branch(&self, root: Hash32, slot: SlotIndex) -> Result<Option<Branch>, StoreError> {
		self.index.get(BRANCHES, &ContentKey::shard(root, slot).bytes())
	}

	/// Keeps the branch of `slot` in the tree of an MDU with `root`. Does nothing when the slot's shards are gone.
	pub fn keep_branch(
		&self,
		root: Hash32,
		slot: SlotIndex,
		branch: &Branch,
	) -> Result<(), StoreError> {
		let shards = ContentKey::shard(root, slot);
		let change = self.index.change()?;
		if change.content(&shards)?.is_some() {
			change.put(BRANCHES, &shards.bytes(), branch)?;
		}
		self.commit(change)
	}

	/// Keeps the roots of a commit of `deal` that no holding has. Does nothing when the deal is gone.
	pub fn keep_roots(
		&self,
		deal: DealId,
		generation: Generation,
		first_mdu: MduIndex,
		roots: &[Hash32],
	) -> Result<(), StoreError> {
		let change = self.index.change()?;
		if change.holds(deal)? {
			let row = (first_mdu, roots.to_vec());
			change.put(ROOTS, &roots_key(deal, generation), &row)?;
		}
		self.commit(change)
	}

	/// The roots that are here of `deal`'s commits with MDUs in `first .. first + mdus`: by MDU, committed ones before
	/// promised ones, and those that were kept for the commit's sake first. A list whose bytes are not what they were is
	/// left out.
	pub fn roots_of(
		&self,
		deal: DealId,
		first: MduIndex,
		mdus: u32,
	) -> Result<Vec<CommitRoots>, StoreError> {
		let end = first.saturating_add(u64::from(mdus));
		let wanted = |from: MduIndex, count: u64| from < end && from.saturating_add(count) > first;
		let mut found = Vec::new();
		let kept: Vec<(Generation, (MduIndex, Vec<Hash32>))> =
			self.index.scan(ROOTS, &deal.to_be_bytes(), generation_of)?;
		for (_, (first_mdu, roots)) in kept {
			if wanted(first_mdu, roots.len() as u64) {
				found.push((0u8, CommitRoots { first_mdu, roots }));
			}
		}
		let mut read = Vec::new();
		for (_, holding) in self.holdings_of(deal)? {
			// Several slots of a deal have the same list; the same list may stand elsewhere as well.
			let list = (holding.roots_hash, holding.first_mdu);
			if read.contains(&list) || !wanted(holding.first_mdu, u64::from(holding.mdus)) {
				continue;
			}
			read.push(list);
			let rank = if holding.committed.is_some() { 1 } else { 2 };
			if let Some(roots) = self.read_roots(&holding.roots_hash)? {
				found.push((rank, CommitRoots { first_mdu: holding.first_mdu, roots }));
			}
		}
		found.sort_by_key(|(rank, roots)| (*rank, roots.first_mdu));
		Ok(found.into_iter().map(|(_, roots)| roots).collect())
	}

	/// Those of these commits of `deal` whose roots are here, in a holding or kept for their sake. `None` when nothing of the
	/// deal is held: then none are kept.
	pub fn with_roots(
		&self,
		deal: DealId,
		commits: &[(Generation, CommitInfo)],
	) -> Result<Option<BTreeSet<Generation>>, StoreError> {
		let holdings = self.holdings_of(deal)?;
		if holdings.is_empty() {
			return Ok(None);
		}
		let held: BTreeSet<(Generation, Hash32)> =
			holdings.iter().map(|(key, holding)| (key.generation, holding.roots_hash)).collect();
		let mut found = BTreeSet::new();
		for (generation, commit) in commits {
			if held.contains(&(*generation, commit.roots_hash)) {
				found.insert(*generation);
				continue;
			}
			let kept: Option<(MduIndex, Vec<Hash32>)> =
				self.index.get(ROOTS, &roots_key(deal, *generation))?;
			// They may be of a commit that a reorganisation has undone.
			if kept.is_some_and(|(_, roots)| roots_hash(&roots) == commit.roots_hash) {
				found.insert(*generation);
			}
		}
		Ok(Some(found))
	}

	fn read_roots(&self, hash: &Hash32) -> Result<Option<Vec<Hash32>>, StoreError> {
		let key = ContentKey::object(*hash);
		let Some(readable) = self.readable(&key)? else { return Ok(None) };
		let bytes = match fs::read(&readable.path) {
			Ok(bytes) if blake2b_256(&bytes) == *hash => bytes,
			outcome => {
				let error = outcome.err().map(|error| error.to_string());
				let error = error.unwrap_or_else(|| "its bytes are not what they were".into());
				let path = readable.path.display();
				tracing::error!(%path, %error, "cannot use a list of roots");
				return Ok(None);
			},
		};
		let (roots, rest) = bytes.as_chunks::<SCALAR_BYTES>();
		Ok(rest.is_empty().then(|| roots.to_vec()))
	}

	/// Writes down an answer that is about to be sent.
	pub fn note_sent(&self, sent: &Sent) -> Result<(), StoreError> {
		let change = self.index.change()?;
		change.put(SENT, &sent_key(sent.round, &sent.ordinals), sent)?;
		self.commit(change)
	}

	/// The answers that were sent and whose outcome was not seen.
	pub fn sent(&self) -> Result<Vec<Sent>, StoreError> {
		let rows: Vec<((), Sent)> = self.index.scan(SENT, &[], |_| Some(()))?;
		Ok(rows.into_iter().map(|((), sent)| sent).collect())
	}

	/// The outcome of the answer to `ordinals` was seen, or does not matter any more.
	pub fn forget_sent(&self, round: Round, ordinals: &[u32]) -> Result<(), StoreError> {
		let change = self.index.change()?;
		change.delete(SENT, &sent_key(round, ordinals))?;
		self.commit(change)
	}

	/// Writes down a settlement that is about to be sent.
	pub fn note_settling(&self, sent: &Settling) -> Result<(), StoreError> {
		let change = self.index.change()?;
		change.put(SETTLING, &settling_key(sent.period, &sent.slots), sent)?;
		self.commit(change)
	}

	/// The settlements that were sent and whose outcome was not seen.
	pub fn settling(&self) -> Result<Vec<Settling>, StoreError> {
		let rows: Vec<((), Settling)> = self.index.scan(SETTLING, &[], |_| Some(()))?;
		Ok(rows.into_iter().map(|((), sent)| sent).collect())
	}

	/// The outcome of the settlement of `slots` was seen, or does not matter any more.
	pub fn forget_settling(
		&self,
		period: u32,
		slots: &[(DealId, SlotIndex)],
	) -> Result<(), StoreError> {
		let change = self.index.change()?;
		change.delete(SETTLING, &settling_key(period, slots))?;
		self.commit(change)
	}

	/// Remembers that the chain took a proof for wrong.
	pub fn note_refused(&self, kind: ProofKind, refused: &Refused) -> Result<(), StoreError> {
		let change = self.index.change()?;
		change.put(REFUSED, &kind.key(), refused)?;
		self.commit(change)
	}

	/// Whether the chain took a proof of this kind for wrong, and the operator has not forgotten it since.
	pub fn refused(&self, kind: ProofKind) -> Result<Option<Refused>, StoreError> {
		self.index.get(REFUSED, &kind.key())
	}

	/// Forgets that the chain took proofs of this kind for wrong: they are sent again.
	pub fn forget_refused(&self, kind: ProofKind) -> Result<(), StoreError> {
		let change = self.index.change()?;
		change.delete(REFUSED, &kind.key())?;
		self.commit(change)
	}

	/// The round in which the chain ended what a holding is owed for, as far as it was seen.
	pub fn ended(&self, key: &HoldingKey) -> Result<Option<Round>, StoreError> {
		self.index.get(ENDED, &key.bytes())
	}

	/// Remembers in which round the chain ended what a holding is owed for; `None`: it has not, after all.
	pub fn note_ended(&self, key: &HoldingKey, round: Option<Round>) -> Result<(), StoreError> {
		let change = self.index.change()?;
		match round {
			// Dropped meanwhile, it leaves no row behind.
			Some(round) if change.holding(key)?.is_some() => {
				change.put(ENDED, &key.bytes(), &round)?;
			},
			Some(_) => {},
			None => change.delete(ENDED, &key.bytes())?,
		}
		self.commit(change)
	}
}

fn generation_of(key: &[u8]) -> Option<Generation> {
	key.last_chunk().map(|generation| u32::from_be_bytes(*generation))
}
