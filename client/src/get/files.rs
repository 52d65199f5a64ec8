//! The index of a deal, from the chain of its commits' indexes.

use super::{
	GetError,
	source::{Commit, DealSource},
};
use crate::{
	crypt::{CryptError, MAGIC, Seal},
	fs::DealFs,
};
use nil_slab::{Index, IndexFile, index::IndexError};
use nil_types::{Hash32, blake2b_256};
use std::sync::Arc;

impl DealSource {
	/// The files at the newest generation.
	#[tracing::instrument(skip_all, fields(deal = self.id()))]
	pub(crate) async fn files(self: &Arc<Self>) -> Result<DealFs, GetError> {
		let Some(newest) = self.commits().last() else { return Ok(DealFs::default()) };
		let mut chain: Vec<(Hash32, IndexFile)> = Vec::new();
		let mut place = self.commits().len().saturating_sub(1);
		let mut commit = newest;
		loop {
			let file = self.index_file(commit).await?;
			let parent = file.parent();
			chain.push((commit.info.index_root, file));
			let Some(parent) = parent else { break };
			let earlier = self.commits().get(..place).unwrap_or_default();
			place = earlier
				.iter()
				.rposition(|earlier| earlier.info.index_root == parent)
				.ok_or(GetError::NoParent { generation: commit.generation })?;
			commit = earlier.get(place).unwrap_or(commit);
		}
		let depth = u32::try_from(chain.len()).unwrap_or(u32::MAX);
		let index = Index::merge(chain.into_iter().rev())
			.map_err(|source| GetError::Index { generation: newest.generation, source })?;
		// Of the commit, and not of the deal, which was read in another request.
		let total_mdus = newest.info.first_mdu.saturating_add(newest.shape().mdus());
		Ok(DealFs::new(index, newest.generation, total_mdus, depth))
	}

	/// The index of one commit, opened and decoded.
	async fn index_file(self: &Arc<Self>, commit: &Commit) -> Result<IndexFile, GetError> {
		let stored = self.index_bytes(commit).await?;
		let bad = |source: IndexError| GetError::Index { generation: commit.generation, source };
		if !stored.starts_with(MAGIC) {
			return IndexFile::decode(&stored).map_err(bad);
		}
		let seal = Seal::open(&stored, &self.options.identities)?.ok_or_else(|| {
			CryptError::Header { reason: "the index ends within its header".to_owned() }
		})?;
		IndexFile::decode(&seal.open_all(&stored)?).map_err(bad)
	}

	/// The stored bytes of an index: as one object from whoever keeps it, else out of the slab like any file.
	pub(super) async fn index_bytes(
		self: &Arc<Self>,
		commit: &Commit,
	) -> Result<Vec<u8>, GetError> {
		let missing = match self.index_object(commit).await {
			Ok(bytes) => return Ok(bytes.into()),
			Err(missing @ GetError::Missing { .. }) => missing,
			Err(error) => return Err(error),
		};
		tracing::debug!(generation = commit.generation, %missing, "reading the index from the slab");
		let bytes = self.read_all(vec![commit.index_range()]).await?;
		if blake2b_256(&bytes) != commit.info.index_root {
			return Err(missing);
		}
		Ok(bytes)
	}
}
