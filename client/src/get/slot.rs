//! One slot's part of a commit, made again from the other slots: for a provider that missed the upload, or that is the slot's
//! next one.

use super::{
	GetError, ReadOptions,
	fetch::wrong_rows,
	source::{Commit, DealSource, blocking},
};
use crate::{account::AccountId, wire::RowRange};
use bytes::Bytes;
use nil_kzg::Engines;
use nil_slab::CheckedWitness;
use nil_types::{
	CommitInfo, DealInfo, Generation, Hash32, MduIndex, SlotIndex, SlotInfo, layout::MDU_PAYLOAD,
};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Rebuilds what one slot holds of one commit. Everything that the other slots give is checked against what the chain says
/// of the commit. Holds one MDU at a time.
#[derive(Debug)]
pub struct SlotRebuilder {
	source: Arc<DealSource>,
	slot: SlotIndex,
}

/// What a slot holds of an MDU.
#[derive(Clone, Debug)]
pub struct RebuiltMdu {
	/// The MDU's witness, which makes its root.
	pub witness: Arc<CheckedWitness>,
	/// The slot's live rows, blob after blob, checked against the witness.
	pub shards: Vec<u8>,
}

impl SlotRebuilder {
	/// For `slot` and the commit of `generation`, from the others among `slots`.
	pub fn new(
		deal: DealInfo<AccountId>,
		(generation, commit): (Generation, CommitInfo),
		slots: &[SlotInfo<AccountId>],
		slot: SlotIndex,
		options: ReadOptions,
	) -> Result<Self, GetError> {
		let others: Vec<_> = slots.iter().filter(|info| info.slot != slot).cloned().collect();
		Self::replacing(deal, (generation, commit), &others, slot, options)
	}

	/// As [`Self::new`], for somebody else than the slot's provider, who is asked as well: one slot's blobs are all that it
	/// takes then.
	pub fn replacing(
		deal: DealInfo<AccountId>,
		commit: (Generation, CommitInfo),
		slots: &[SlotInfo<AccountId>],
		slot: SlotIndex,
		options: ReadOptions,
	) -> Result<Self, GetError> {
		// A few commitments per MDU are not worth a table.
		let engine = OnceCell::new_with(Some(Engines::pippenger()));
		let source = DealSource::of(deal, vec![commit], slots, options, engine)?;
		Ok(Self { source, slot })
	}

	fn commit(&self) -> Result<&Commit, GetError> {
		self.source.commits().first().ok_or(GetError::OutsideSlab { offset: 0 })
	}

	/// The roots of the commit's MDUs.
	pub async fn roots(&self) -> Result<Arc<Vec<Hash32>>, GetError> {
		self.source.roots(self.commit()?).await
	}

	/// The commit's index as stored.
	pub async fn index(&self) -> Result<Vec<u8>, GetError> {
		self.source.index_bytes(self.commit()?).await
	}

	/// The slot's part of one of the commit's MDUs.
	pub async fn mdu(&self, mdu: MduIndex) -> Result<RebuiltMdu, GetError> {
		let (source, slot) = (&self.source, self.slot);
		let commit = source.commit_of(mdu)?;
		let expected = commit.shape().live(mdu.saturating_sub(commit.info.first_mdu));
		let profile = *source.profile();
		let Some(last) = profile.live_rows(expected).checked_sub(1) else {
			return Err(GetError::OutsideSlab { offset: mdu.saturating_mul(MDU_PAYLOAD as u64) });
		};
		let rows = RowRange { first: 0, last };
		let witness = source.witness(mdu).await?;
		if witness.live() != expected {
			return Err(GetError::WrongLive { mdu, found: witness.live(), expected });
		}
		// Where the slot itself is not among those that are asked, any `k` others are waited for.
		let shards = source.shards(mdu, rows, 1 << slot, commit.info.signed).await?;
		if let Some(own) = shards.get(&slot) {
			return Ok(RebuiltMdu { witness, shards: own.to_vec() });
		}
		let (decoder, engine) = (source.decoder.clone(), source.engine().await?);
		let checked = witness.clone();
		let (shards, wrong) = blocking(move || {
			let given: Vec<(SlotIndex, &[u8])> = shards
				.iter()
				.take(profile.k.into())
				.map(|(slot, bytes)| (*slot, bytes.as_ref()))
				.collect();
			let made = Bytes::from(decoder.repair(slot, &given)?);
			let wrong = wrong_rows(&*engine, &checked, profile.k, rows, &[(slot, made.clone())]);
			Ok::<_, GetError>((made, wrong))
		})
		.await??;
		if let Some(rows) = wrong.get(&slot) {
			return Err(GetError::NoCodeword { mdu, slot, rows: rows.clone() });
		}
		Ok(RebuiltMdu { witness, shards: shards.into() })
	}
}
