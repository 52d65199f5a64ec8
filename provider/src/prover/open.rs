//! Openings of manifests: made for the samples that are asked for, and kept.

use super::{LeftOut, Ready, Unopened, aside};
use crate::{
	chain::ChainView,
	store::{Store, StoreError},
};
use futures::{StreamExt, TryStreamExt, stream};
use nil_client::{
	chain::{At, ChainError},
	crypt::Identities,
	get::{ReadOptions, SlotRebuilder},
	http::Reach,
};
use nil_kzg::{Blob, MsmEngine};
use nil_slab::manifest;
use nil_types::{ContentShape, DealId, G1Compressed, Hash32, MduIndex, SampleInfo};
use std::{
	collections::{BTreeMap, BTreeSet},
	sync::Arc,
	time::Duration,
};
use tokio::{
	task::{JoinError, spawn_blocking},
	time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

/// How long other slots may take for all roots that are not here.
const ROOTS_PATIENCE: Duration = Duration::from_secs(60);
/// Manifest points whose roots are fetched at a time.
const POINTS_AT_A_TIME: usize = 8;

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

/// What came of a look for openings.
#[derive(Debug, Default)]
pub struct Opened {
	/// Samples with their openings, by rising ordinal.
	pub ready: Vec<Ready>,
	/// Samples under points of which roots are not here.
	pub lacking: Vec<SampleInfo>,
	/// Samples under points that cannot be opened.
	pub left_out: Vec<(SampleInfo, LeftOut)>,
}

impl Opener {
	/// The manifest openings of samples, by rising ordinal, and the samples for which there are none. Roots that are not here
	/// are fetched.
	pub async fn openings(
		&self,
		at: At,
		samples: Vec<SampleInfo>,
	) -> Result<(Vec<Ready>, Vec<(SampleInfo, LeftOut)>), OpenError> {
		let Opened { mut ready, lacking, mut left_out } = self.open(samples).await?;
		let (fetched, unfetched) = self.fetch(at, lacking).await?;
		left_out.extend(unfetched);
		let more = self.open(fetched).await?;
		ready.extend(more.ready);
		ready.sort_by_key(|ready| ready.sample.ordinal);
		left_out.extend(more.left_out);
		left_out.extend(more.lacking.into_iter().map(|sample| {
			let why = Unopened::Roots { mdu: sample.mdu, reason: "they were dropped again".into() };
			(sample, LeftOut::from(why))
		}));
		Ok((ready, left_out))
	}

	/// The openings for which nobody else is asked.
	pub async fn open(&self, samples: Vec<SampleInfo>) -> Result<Opened, OpenError> {
		let mut opened = Opened::default();
		for samples in by_point(samples).into_values() {
			self.open_point(samples, &mut opened).await?;
		}
		opened.ready.sort_by_key(|ready| ready.sample.ordinal);
		Ok(opened)
	}

	/// Opens one manifest point for samples under it.
	async fn open_point(
		&self,
		samples: Vec<SampleInfo>,
		opened: &mut Opened,
	) -> Result<(), OpenError> {
		let Some(first) = samples.first().copied() else { return Ok(()) };
		let (deal, point, base) = (first.deal, first.manifest.0, first.first_mdu);
		let asked: BTreeSet<MduIndex> = samples.iter().map(|sample| sample.mdu).collect();
		let mdus = asked.clone();
		let mut known = self
			.on_store(move |store| {
				let mut found = BTreeMap::new();
				for mdu in mdus {
					if let Some(opening) = store.opening(deal, mdu, &point)? {
						found.insert(mdu, opening);
					}
				}
				Ok(found)
			})
			.await?;
		let missing: Vec<MduIndex> =
			asked.into_iter().filter(|mdu| !known.contains_key(mdu)).collect();
		let mut failure = None;
		if !missing.is_empty() {
			let roots = self.stored_roots(deal, base, first.mdus).await?;
			if first_gap(base, &roots).is_none() {
				let roots: Vec<Hash32> = roots.into_iter().flatten().collect();
				let engine = self.engine.clone();
				let made = aside(move || open_missing(&*engine, &roots, &point, base, missing));
				match made.await? {
					Ok(made) => {
						known.extend(made.iter().copied());
						self.on_store(move |store| store.keep_openings(deal, &point, &made))
							.await?;
					},
					Err(error) => failure = Some(error),
				}
			}
		}
		for sample in samples {
			match (known.get(&sample.mdu).copied(), &failure) {
				(Some(manifest_opening), _) => {
					opened.ready.push(Ready { sample, manifest_opening });
				},
				(None, Some(why)) => opened.left_out.push((sample, why.clone().into())),
				(None, None) => opened.lacking.push(sample),
			}
		}
		Ok(())
	}

	/// Fetches the roots that are not here of these samples' manifest points: for several points at a time, and for all of
	/// them within a minute. The samples whose points can be opened now, and the others.
	pub async fn fetch(
		&self,
		at: At,
		lacking: Vec<SampleInfo>,
	) -> Result<(Vec<SampleInfo>, Vec<(SampleInfo, LeftOut)>), OpenError> {
		let until = Instant::now() + ROOTS_PATIENCE;
		let points = by_point(lacking);
		let fetches: Vec<_> = points
			.values()
			.filter_map(|samples| samples.first().copied())
			.map(|first| async move {
				let outcome = self.complete(at, first, until).await?;
				Ok::<_, OpenError>(((first.deal, first.first_mdu), outcome))
			})
			.collect();
		let outcomes: BTreeMap<(DealId, MduIndex), Result<(), Unopened>> =
			stream::iter(fetches).buffer_unordered(POINTS_AT_A_TIME).try_collect().await?;
		let (mut fetched, mut left_out) = (Vec::new(), Vec::new());
		for (point, samples) in points {
			match outcomes.get(&point) {
				Some(Err(why)) => {
					left_out.extend(
						samples.into_iter().map(|sample| (sample, LeftOut::from(why.clone()))),
					);
				},
				_ => fetched.extend(samples),
			}
		}
		Ok((fetched, left_out))
	}

	/// Sees to it that all roots under a sample's manifest point are here.
	async fn complete(
		&self,
		at: At,
		sample: SampleInfo,
		until: Instant,
	) -> Result<Result<(), Unopened>, OpenError> {
		let SampleInfo { deal, slot, first_mdu, mdus, .. } = sample;
		let roots = self.stored_roots(deal, first_mdu, mdus).await?;
		let Some(mdu) = first_gap(first_mdu, &roots) else { return Ok(Ok(())) };
		// The slot has missed a commit.
		let fetched = timeout_at(until, self.fetch_roots(at, deal, slot, first_mdu, &roots)).await;
		let fetched = match fetched {
			Ok(fetched) => fetched?,
			Err(_) => Err("the other slots took too long".into()),
		};
		if let Err(reason) = fetched {
			return Ok(Err(Unopened::Roots { mdu, reason }));
		}
		let roots = self.stored_roots(deal, first_mdu, mdus).await?;
		Ok(match first_gap(first_mdu, &roots) {
			Some(mdu) => {
				let reason = "no commit on the chain has it".into();
				Err(Unopened::Roots { mdu, reason })
			},
			None => Ok(()),
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
			let fetched = match self.until_stopped(others.roots()).await? {
				Ok(fetched) => fetched,
				Err(error) => return Ok(Err(error.to_string())),
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

/// Samples by the manifest point that they are under.
fn by_point(samples: Vec<SampleInfo>) -> BTreeMap<(DealId, MduIndex), Vec<SampleInfo>> {
	let mut points: BTreeMap<_, Vec<_>> = BTreeMap::new();
	for sample in samples {
		points.entry((sample.deal, sample.first_mdu)).or_default().push(sample);
	}
	points
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
