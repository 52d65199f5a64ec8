//! Openings of manifests: made for the samples that are asked for, and kept.

use super::{LeftOut, Ready, Unopened, aside};
use crate::{
	chain::ChainView,
	store::{Store, StoreError},
};
use nil_client::{
	chain::{At, ChainError},
	crypt::Identities,
	get::{ReadOptions, SlotRebuilder},
	http::Reach,
};
use nil_kzg::{Blob, MsmEngine};
use nil_slab::manifest;
use nil_types::{ContentShape, DealId, G1Compressed, Hash32, MduIndex, SampleInfo};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
	task::{JoinError, spawn_blocking},
	time::timeout,
};
use tokio_util::sync::CancellationToken;

/// How long other slots may take for the roots of a commit.
const ROOTS_PATIENCE: Duration = Duration::from_secs(60);

/// Why a look for openings came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
	/// The chain could not be asked.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// The disk.
	#[error(transparent)]
	Store(#[from] StoreError),
	/// A task broke off.
	#[error(transparent)]
	Task(#[from] JoinError),
	/// The daemon stops.
	#[error("the daemon stops")]
	Stopped,
}

/// Opens manifests, or finds openings that were made before.
#[derive(Clone, Debug)]
pub struct Opener {
	/// The chain.
	pub chain: Arc<dyn ChainView>,
	/// The disk.
	pub store: Arc<Store>,
	/// Multiplies.
	pub engine: Arc<dyn MsmEngine>,
	/// Which addresses of other providers are asked for roots.
	pub reach: Reach,
	/// Ends everything.
	pub stop: CancellationToken,
}

impl Opener {
	/// The manifest openings of samples, by rising ordinal, and the samples for which there are none.
	pub async fn openings(
		&self,
		at: At,
		samples: Vec<SampleInfo>,
	) -> Result<(Vec<Ready>, Vec<(SampleInfo, LeftOut)>), OpenError> {
		let mut points: BTreeMap<(DealId, MduIndex), Vec<SampleInfo>> = BTreeMap::new();
		for sample in samples {
			points.entry((sample.deal, sample.first_mdu)).or_default().push(sample);
		}
		let mut ready: Vec<Ready> = Vec::new();
		let mut left_out: Vec<(SampleInfo, LeftOut)> = Vec::new();
		for samples in points.into_values() {
			match self.open_point(at, &samples).await? {
				Ok(openings) => ready.extend(
					samples
						.into_iter()
						.zip(openings)
						.map(|(sample, manifest_opening)| Ready { sample, manifest_opening }),
				),
				Err(why) => {
					let why = |sample| (sample, LeftOut::from(why.clone()));
					left_out.extend(samples.into_iter().map(why));
				},
			}
		}
		ready.sort_by_key(|ready| ready.sample.ordinal);
		Ok((ready, left_out))
	}

	/// The openings of one manifest point for samples under it, in their order.
	async fn open_point(
		&self,
		at: At,
		samples: &[SampleInfo],
	) -> Result<Result<Vec<G1Compressed>, Unopened>, OpenError> {
		let Some(first) = samples.first().copied() else { return Ok(Ok(Vec::new())) };
		let (deal, point) = (first.deal, first.manifest.0);
		let mdus: Vec<MduIndex> = samples.iter().map(|sample| sample.mdu).collect();
		let asked = mdus.clone();
		let known = self
			.on_store(move |store| {
				let mut found = BTreeMap::new();
				for mdu in asked {
					found.insert(mdu, store.opening(deal, mdu, &point)?);
				}
				Ok(found)
			})
			.await?;
		let missing: Vec<MduIndex> =
			known.iter().filter(|(_, opening)| opening.is_none()).map(|(mdu, _)| *mdu).collect();
		let mut all: BTreeMap<MduIndex, G1Compressed> =
			known.into_iter().filter_map(|(mdu, opening)| Some((mdu, opening?))).collect();
		if !missing.is_empty() {
			let roots = match self.roots(at, &first).await? {
				Ok(roots) => roots,
				Err((mdu, reason)) => return Ok(Err(Unopened::Roots { mdu, reason })),
			};
			let (engine, base) = (self.engine.clone(), first.first_mdu);
			let made = aside(move || open_missing(&*engine, &roots, &point, base, missing)).await?;
			let made = match made {
				Ok(made) => made,
				Err(error) => return Ok(Err(error)),
			};
			all.extend(made.iter().copied());
			self.on_store(move |store| store.keep_openings(deal, &point, &made)).await?;
		}
		Ok(Ok(mdus.iter().filter_map(|mdu| all.get(mdu).copied()).collect()))
	}

	/// The roots of all MDUs that a sample's manifest point covers; the first MDU without one, and why, when some are not to
	/// be had.
	async fn roots(
		&self,
		at: At,
		sample: &SampleInfo,
	) -> Result<Result<Vec<Hash32>, (MduIndex, String)>, OpenError> {
		let SampleInfo { deal, slot, first_mdu, mdus, .. } = *sample;
		let mut roots = self.stored_roots(deal, first_mdu, mdus).await?;
		if let Some(gap) = first_gap(first_mdu, &roots) {
			// The slot has missed a commit.
			if let Err(reason) = self.fetch_roots(at, deal, slot, first_mdu, &roots).await? {
				return Ok(Err((gap, reason)));
			}
			roots = self.stored_roots(deal, first_mdu, mdus).await?;
		}
		Ok(match first_gap(first_mdu, &roots) {
			Some(gap) => Err((gap, "no commit on the chain has it".into())),
			None => Ok(roots.into_iter().flatten().collect()),
		})
	}

	async fn stored_roots(
		&self,
		deal: DealId,
		first: MduIndex,
		mdus: u32,
	) -> Result<Vec<Option<Hash32>>, OpenError> {
		let lists = self.on_store(move |store| store.roots_of(deal, first, mdus)).await?;
		let mut roots: Vec<Option<Hash32>> = vec![None; usize::try_from(mdus).unwrap_or_default()];
		for list in lists {
			for (mdu, root) in (list.first_mdu..).zip(list.roots) {
				let place = mdu.checked_sub(first).and_then(|place| usize::try_from(place).ok());
				// Those that come first count.
				if let Some(place) = place.and_then(|place| roots.get_mut(place)) {
					place.get_or_insert(root);
				}
			}
		}
		Ok(roots)
	}

	/// Fetches the roots of commits with MDUs that have none in `roots`, which begin at `first`, and keeps them.
	async fn fetch_roots(
		&self,
		at: At,
		deal: DealId,
		slot: u8,
		first: MduIndex,
		roots: &[Option<Hash32>],
	) -> Result<Result<(), String>, OpenError> {
		let asked = async {
			let Some(info) = self.chain.deal(at, deal).await? else { return Ok(None) };
			let slots = self.chain.slots(at, deal).await?;
			let commits = self.chain.commits(at, deal, 1).await?;
			Ok::<_, ChainError>(Some((info, slots, commits)))
		};
		let Some((info, slots, commits)) = self.unless_stopped(asked).await? else {
			return Ok(Err("the deal has ended".into()));
		};
		let lacks = |from: MduIndex, count: u64| {
			let end = from.saturating_add(count);
			let mut gaps = (first..).zip(roots).filter(|(_, root)| root.is_none());
			gaps.any(|(mdu, _)| (from..end).contains(&mdu))
		};
		for (generation, commit) in commits {
			let first_mdu = commit.first_mdu;
			if !lacks(first_mdu, ContentShape::new(commit.size_bytes).mdus()) {
				continue;
			}
			let options = ReadOptions { reach: self.reach, ..ReadOptions::new(Identities::none()) };
			let others =
				SlotRebuilder::new(info.clone(), (generation, commit), &slots, slot, options);
			let others = match others {
				Ok(others) => others,
				Err(error) => return Ok(Err(error.to_string())),
			};
			tracing::info!(deal, generation, "fetching the roots of a commit that the slot missed");
			let fetched = self.until_stopped(timeout(ROOTS_PATIENCE, others.roots())).await?;
			let fetched = match fetched {
				Ok(Ok(fetched)) => fetched,
				Ok(Err(error)) => return Ok(Err(error.to_string())),
				Err(_) => return Ok(Err("the other slots took too long".into())),
			};
			self.on_store(move |store| store.keep_roots(deal, generation, first_mdu, &fetched))
				.await?;
		}
		Ok(Ok(()))
	}

	/// Asks the store, away from asynchronous threads.
	async fn on_store<T: Send + 'static>(
		&self,
		work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
	) -> Result<T, OpenError> {
		let store = self.store.clone();
		Ok(spawn_blocking(move || work(&store)).await??)
	}

	/// Waits for something that may take long, but not longer than the daemon runs.
	async fn until_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, OpenError> {
		tokio::select! {
			() = self.stop.cancelled() => Err(OpenError::Stopped),
			done = work => Ok(done),
		}
	}

	/// As [`Self::until_stopped`], of the chain.
	async fn unless_stopped<T>(
		&self,
		work: impl Future<Output = Result<T, ChainError>>,
	) -> Result<T, OpenError> {
		Ok(self.until_stopped(work).await??)
	}
}

/// Opens the manifest over `roots`, those of the MDUs from `base` on, at each of `mdus`.
pub(super) fn open_missing(
	engine: &dyn MsmEngine,
	roots: &[Hash32],
	point: &G1Compressed,
	base: MduIndex,
	mdus: Vec<MduIndex>,
) -> Result<Vec<(MduIndex, G1Compressed)>, Unopened> {
	let blob = manifest::roots_blob(roots);
	let is_right = Blob::parse_data(&blob).is_ok_and(|blob| {
		engine.commit(&[blob]).first().is_some_and(|found| found.compress() == *point)
	});
	if !is_right {
		return Err(Unopened::OtherManifest);
	}
	let places: Vec<usize> = mdus
		.iter()
		.map(|mdu| usize::try_from(mdu.saturating_sub(base)).unwrap_or(usize::MAX))
		.collect();
	let openings = manifest::open_places(engine, roots, &places)?;
	Ok(mdus.into_iter().zip(openings).collect())
}

/// The first MDU, of those from `first` on, that has no root.
pub(super) fn first_gap(first: MduIndex, roots: &[Option<Hash32>]) -> Option<MduIndex> {
	(first..).zip(roots).find(|(_, root)| root.is_none()).map(|(mdu, _)| mdu)
}
