//! Fetching and checking every live blob of every slot of a deal.

use crate::{
	account::AccountId,
	chain::DealChain,
	get::{DealSource, GetError, ReadOptions, ReadPeer, blocking, wrong_rows},
	http::HttpError,
	progress::Event,
	wire::RowRange,
};
use futures::future::join_all;
use nil_slab::manifest;
use nil_types::{
	DealId, G1Compressed, Generation, MduIndex, SlotIndex, SlotInfo, layout::BLOB_BYTES,
};
use serde::Serialize;
use std::sync::Arc;

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
	/// The deal.
	pub deal: DealId,
	/// Its generation.
	pub generation: Generation,
	/// Its MDUs.
	pub mdus: u64,
	/// Whether the manifest points on the chain follow from the roots.
	pub manifest: bool,
	/// Each slot.
	pub slots: Vec<SlotReport>,
}

impl VerifyReport {
	/// Whether every slot has everything that it signed for, and the manifest is right.
	pub fn is_sound(&self) -> bool {
		self.manifest && self.slots.iter().all(SlotReport::is_sound)
	}

	/// Slots that have everything that they signed for.
	pub fn sound_slots(&self) -> usize {
		self.slots.iter().filter(|slot| slot.is_sound()).count()
	}
}

/// What a slot has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlotReport {
	/// The slot.
	pub slot: SlotIndex,
	/// Who holds it; `None` when nobody does.
	pub provider: Option<AccountId>,
	/// Blobs that are there and right.
	pub good: u64,
	/// Blobs that the slot signed for.
	pub owed: u64,
	/// What is wrong.
	pub faults: Vec<Fault>,
	/// Generations that the slot did not sign; nothing of them is owed.
	pub unsigned: Vec<Generation>,
}

impl SlotReport {
	/// Whether everything that is owed is there and right.
	pub fn is_sound(&self) -> bool {
		self.provider.is_some() && self.faults.is_empty() && self.good >= self.owed
	}
}

/// Something wrong with a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "lowercase")]
pub enum Fault {
	/// Blobs that are not the committed ones.
	Wrong {
		/// The MDU.
		mdu: MduIndex,
		/// The rows.
		rows: Vec<u8>,
	},
	/// Blobs that the provider did not give.
	Missing {
		/// The MDU.
		mdu: MduIndex,
		/// What it said.
		reason: String,
	},
	/// The provider does not answer; nothing more was asked of it.
	Unreachable {
		/// What happened.
		reason: String,
	},
}

/// Verifies a deal: the manifest against the roots, and every live blob of every slot against the witnesses. MDUs are
/// taken one after the other for each slot, all slots at the same time.
#[tracing::instrument(skip_all, fields(deal = deal))]
pub async fn verify(
	chain: Arc<dyn DealChain>,
	deal: DealId,
	options: ReadOptions,
) -> Result<VerifyReport, GetError> {
	let slots = chain.slots(deal).await?;
	let source = DealSource::open(&*chain, deal, options).await?;
	let profile = *source.profile();
	let blobs: u64 = source
		.commits()
		.iter()
		.map(|commit| {
			let per_slot = commit.shape().blobs_per_slot(&profile);
			per_slot.saturating_mul(commit.info.signed.count_ones().into())
		})
		.fold(0, u64::saturating_add);
	let bytes = blobs.saturating_mul(BLOB_BYTES as u64);
	source.options.progress.emit(Event::Total { bytes, files: 0 });
	let manifest = manifest_follows(&source).await?;
	let reports = join_all(slots.iter().map(|info| {
		let peer = source.peers().iter().find(|peer| peer.peer.slot == info.slot);
		verify_slot(&source, info, peer)
	}))
	.await;
	Ok(VerifyReport {
		deal,
		generation: source.deal.generation,
		mdus: source.deal.total_mdus,
		manifest,
		slots: reports.into_iter().collect::<Result<_, _>>()?,
	})
}

/// Whether the chain's manifest points are those of the roots.
async fn manifest_follows(source: &DealSource) -> Result<bool, GetError> {
	let mut roots = Vec::new();
	for commit in source.commits() {
		roots.extend_from_slice(&source.roots(commit).await?);
	}
	let expected: Vec<G1Compressed> = source.deal.manifests.iter().map(|point| point.0).collect();
	blocking(move || {
		let points = manifest::points(&roots).and_then(|points| {
			points.iter().map(manifest::compress).collect::<Result<Vec<_>, _>>()
		});
		points.is_ok_and(|points| points == expected)
	})
	.await
}

#[tracing::instrument(skip_all, fields(slot = info.slot))]
async fn verify_slot(
	source: &Arc<DealSource>,
	info: &SlotInfo<AccountId>,
	peer: Option<&ReadPeer>,
) -> Result<SlotReport, GetError> {
	let profile = *source.profile();
	let mut report = SlotReport {
		slot: info.slot,
		provider: info.state.provider().copied(),
		good: 0,
		owed: 0,
		faults: Vec::new(),
		unsigned: Vec::new(),
	};
	let absent = source.absent().iter().find(|(slot, _)| *slot == info.slot);
	let mut unreachable = absent.map(|(_, reason)| reason.clone());
	for commit in source.commits() {
		if commit.info.signed.checked_shr(info.slot.into()).unwrap_or(0) & 1 == 0 {
			report.unsigned.push(commit.generation);
			continue;
		}
		report.owed = report.owed.saturating_add(commit.shape().blobs_per_slot(&profile));
		for place in 0..commit.shape().mdus() {
			let (Some(peer), None) = (peer, &unreachable) else { break };
			let mdu = commit.info.first_mdu.saturating_add(place);
			let live_rows = profile.live_rows(commit.shape().live(place));
			let Some(last) = live_rows.checked_sub(1) else { continue };
			let rows = RowRange { first: 0, last };
			match verify_mdu(source, peer, mdu, rows).await? {
				Checked::Rows(wrong) => {
					let wrong_count = wrong.len() as u64;
					let good = u64::from(live_rows).saturating_sub(wrong_count);
					report.good = report.good.saturating_add(good);
					if !wrong.is_empty() {
						source.blame(peer, mdu, wrong.clone());
						report.faults.push(Fault::Wrong { mdu, rows: wrong });
					}
				},
				Checked::Missing(reason) => report.faults.push(Fault::Missing { mdu, reason }),
				Checked::Unreachable(reason) => unreachable = Some(reason),
			}
			let bytes = u64::from(live_rows).saturating_mul(BLOB_BYTES as u64);
			source.options.progress.emit(Event::Advanced { bytes });
		}
	}
	if let Some(reason) = unreachable {
		if let Some(provider) = report.provider {
			let (slot, reason) = (info.slot, reason.clone());
			source.options.progress.emit(Event::SlotFailed { slot, provider, reason });
		}
		report.faults.push(Fault::Unreachable { reason });
	}
	Ok(report)
}

/// What came of asking a slot for an MDU.
enum Checked {
	/// The rows that are wrong.
	Rows(Vec<u8>),
	/// The provider does not give it.
	Missing(String),
	/// The provider does not answer.
	Unreachable(String),
}

#[tracing::instrument(skip_all, fields(mdu = mdu))]
async fn verify_mdu(
	source: &Arc<DealSource>,
	peer: &ReadPeer,
	mdu: MduIndex,
	rows: RowRange,
) -> Result<Checked, GetError> {
	let slot = peer.peer.slot;
	let bytes = match peer.peer.client.blobs(source.id(), mdu, slot, rows).await {
		Ok(bytes) => bytes,
		Err(HttpError::Malformed { .. }) => {
			return Ok(Checked::Rows((rows.first..=rows.last).collect()));
		},
		Err(error @ HttpError::Refused { .. }) => return Ok(Checked::Missing(error.to_string())),
		Err(error @ HttpError::Unreachable { .. }) => {
			return Ok(Checked::Unreachable(error.to_string()));
		},
	};
	let witness = source.witness(mdu).await?;
	let engine = source.engine().await?;
	let k = source.profile().k;
	let mut wrong =
		blocking(move || wrong_rows(&*engine, &witness, k, rows, &[(slot, bytes)])).await?;
	Ok(Checked::Rows(wrong.remove(&slot).unwrap_or_default()))
}
