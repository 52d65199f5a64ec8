//! Witnesses and roots from blobs alone, for when no slot has kept them.
//!
//! A witness tells of each blob whether it is right. Without one the code tells: shards of more than `k` slots that
//! belong to one codeword are right, unless as many slots lie in agreement. So the fewest slots are suspected that leave
//! all others in agreement. What is rebuilt counts only when it hashes to what the chain has.

use super::{
	GetError,
	source::{Commit, DealSource, ReadPeer, blocking},
};
use crate::wire::RowRange;
use bytes::Bytes;
use futures::future::join_all;
use itertools::Itertools;
use nil_kzg::Blob;
use nil_slab::{CheckedWitness, MduDecoder, MduEncoder, encode::EncodeError};
use nil_types::{
	Hash32, MduIndex, SlotIndex,
	layout::{BLOB_BYTES, BLOB_PAYLOAD},
	messages::roots_hash,
};
use std::sync::Arc;

/// Slots that are suspected at a time, which bounds the combinations that are tried: 794 of twelve slots.
const MOST_SUSPECTS: usize = 4;

impl DealSource {
	/// The roots of a commit. `missing` is the error when blobs do not lead to them.
	pub(super) async fn rebuild_roots(
		&self,
		commit: &Commit,
		missing: GetError,
	) -> Result<Arc<Vec<Hash32>>, GetError> {
		let (generation, mdus) = (commit.generation, commit.shape().mdus());
		self.options.progress.warn(format!(
			"no slot gave the roots of generation {generation}: rebuilding them from the blobs of {mdus} MDUs"
		));
		let mut roots = Vec::new();
		for place in 0..mdus {
			let mdu = commit.info.first_mdu.saturating_add(place);
			let Some(witness) = self.rebuild(commit, mdu, None).await? else { return Err(missing) };
			roots.push(witness.root());
			self.remember(Arc::new(witness));
		}
		if roots_hash(&roots) == commit.info.roots_hash {
			Ok(Arc::new(roots))
		} else {
			Err(missing)
		}
	}

	/// The witness of the MDU with `root`. `missing` is the error when blobs do not lead to it.
	pub(super) async fn rebuild_witness(
		&self,
		commit: &Commit,
		mdu: MduIndex,
		root: Hash32,
		missing: GetError,
	) -> Result<Arc<CheckedWitness>, GetError> {
		self.options
			.progress
			.warn(format!("no slot gave the witness of MDU {mdu}: rebuilding it from blobs"));
		self.rebuild(commit, mdu, Some(root)).await?.map(Arc::new).ok_or(missing)
	}

	/// The witness that the blobs of an MDU lead to, if one can be made out; with `root`, the one that leads there.
	#[tracing::instrument(skip_all, fields(deal = self.id(), mdu = mdu))]
	async fn rebuild(
		&self,
		commit: &Commit,
		mdu: MduIndex,
		root: Option<Hash32>,
	) -> Result<Option<CheckedWitness>, GetError> {
		let live = commit.shape().live(mdu.saturating_sub(commit.info.first_mdu));
		let Some(last) = self.profile().live_rows(live).checked_sub(1) else { return Ok(None) };
		let shards = self.unchecked_shards(mdu, RowRange { first: 0, last }).await;
		let decoder = self.decoder.clone();
		let encoder = MduEncoder::new(*self.profile(), self.engine().await?)?;
		blocking(move || codeword(&decoder, &encoder, live, &shards, root)).await?
	}

	/// Well-formed blobs in `rows` of an MDU from everybody who answers; from those that failed before only when the others
	/// are too few to agree.
	async fn unchecked_shards(&self, mdu: MduIndex, rows: RowRange) -> Vec<(SlotIndex, Bytes)> {
		let k = self.profile().k;
		let ask = |peer: &ReadPeer| {
			let (slot, client) = (peer.peer.slot, peer.peer.client.clone());
			let deal = self.id();
			async move { client.blobs(deal, mdu, slot, rows).await }
		};
		let (doubtful, usual): (Vec<&ReadPeer>, Vec<_>) =
			self.peers().iter().partition(|peer| peer.is_blamed() || peer.has_failed());
		let mut shards = Vec::new();
		for peers in [usual, doubtful] {
			let answers = join_all(peers.iter().map(|peer| ask(peer))).await;
			for (peer, answer) in peers.into_iter().zip(answers) {
				let slot = peer.peer.slot;
				match answer {
					Ok(bytes) if well_formed(slot < k, &bytes) => shards.push((slot, bytes)),
					_ => peer.failed(),
				}
			}
			if shards.len() > usize::from(k) {
				break;
			}
		}
		shards
	}
}

fn well_formed(data: bool, shard: &[u8]) -> bool {
	let mut blobs = shard.chunks(BLOB_BYTES);
	blobs.all(|blob| if data { Blob::parse_data(blob) } else { Blob::parse(blob) }.is_ok())
}

/// The witness of the codeword that all but the fewest of `shards` belong to, all of them over the live rows.
///
/// `None` when there is none, or when one cannot be told from another. Without a `root`, exactly `k` shards are taken as
/// they are: the caller holds the result against a hash.
fn codeword(
	decoder: &MduDecoder,
	encoder: &MduEncoder,
	live: u8,
	shards: &[(SlotIndex, Bytes)],
	root: Option<Hash32>,
) -> Result<Option<CheckedWitness>, GetError> {
	let profile = decoder.profile();
	let k = usize::from(profile.k);
	let Some(spare) = shards.len().checked_sub(k) else { return Ok(None) };
	let places =
		(0..=spare.min(MOST_SUSPECTS)).flat_map(|count| (0..shards.len()).combinations(count));
	for suspects in places {
		let trusted: Vec<(SlotIndex, &[u8])> = shards
			.iter()
			.enumerate()
			.filter(|(place, _)| !suspects.contains(place))
			.map(|(_, (slot, shard))| (*slot, shard.as_ref()))
			.collect();
		let Some((given, others)) = trusted.split_at_checked(k) else { continue };
		if others.is_empty() && spare > 0 && root.is_none() {
			continue;
		}
		let agree = others
			.iter()
			.all(|(slot, shard)| decoder.repair(*slot, given).is_ok_and(|made| made == *shard));
		if !agree {
			continue;
		}
		let payload = 0..usize::from(live).saturating_mul(BLOB_PAYLOAD);
		let Ok(payload) = decoder.decode(0..profile.live_rows(live), given, payload) else {
			continue;
		};
		let encoded = encoder.encode(&payload)?;
		if root.is_none_or(|root| root == encoded.root) {
			return Ok(Some(encoded.witness.check(profile).map_err(EncodeError::from)?));
		}
	}
	Ok(None)
}
