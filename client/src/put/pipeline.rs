//! One commit: from the feed to the chain.

use super::{
	PutError, PutOptions,
	feed::{Feed, Tail},
	journal::Journal,
	report::{CommitReport, Stages},
	slots::Slots,
};
use crate::{
	chain::{BlockRef, ChainError, CommitContent, DealChain},
	keys::Signer,
	progress::Event,
	wire::ReceiptRequest,
};
use nil_kzg::{Blob, G1Affine, MsmEngine};
use nil_slab::{EncodedMdu, MduEncoder};
use nil_types::{
	ContentShape, DealId, Generation, Hash32, MduIndex, Profile, deal::SerdeBytes,
	layout::MDU_BYTES,
};
use std::{
	collections::{BTreeMap, HashMap},
	fmt,
	sync::Arc,
	time::Instant,
};
use tokio::{
	sync::{OwnedSemaphorePermit, Semaphore, mpsc},
	task::JoinSet,
};
use tracing::Instrument;

/// Bytes of MDUs under way, shards included, that a put may take.
const MEMORY: usize = 256 * 1024 * 1024;
/// MDUs that are encoded at the same time. Each one uses all cores for its commitments; a second one fills the gaps.
const ENCODERS: usize = 2;

/// What stays the same over the commits of a put.
pub(crate) struct Work<'a> {
	pub(crate) chain: &'a dyn DealChain,
	pub(crate) signer: &'a Signer,
	pub(crate) options: &'a PutOptions,
	pub(crate) deal: DealId,
	pub(crate) profile: Profile,
	pub(crate) encoder: MduEncoder,
	pub(crate) stages: Arc<Stages>,
	pub(crate) encoding: Arc<Semaphore>,
}

/// One commit to be made.
pub(crate) struct Job {
	/// Its number within the put.
	pub(crate) number: usize,
	/// The generation that it makes.
	pub(crate) generation: Generation,
	/// Its first MDU in the slab.
	pub(crate) first_mdu: MduIndex,
	/// Payload bytes that it may have, when the signer is not the owner.
	pub(crate) budget: Option<u64>,
	/// Roots of its MDUs as an earlier run made them.
	pub(crate) known: HashMap<(Generation, MduIndex), Hash32>,
}

/// An engine that notes how long it works.
pub(crate) struct Metered {
	pub(crate) engine: Arc<dyn MsmEngine>,
	pub(crate) stages: Arc<Stages>,
}

impl fmt::Debug for Metered {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.debug_tuple("Metered").field(&self.engine).finish()
	}
}

impl MsmEngine for Metered {
	fn name(&self) -> &str {
		self.engine.name()
	}

	fn commit(&self, blobs: &[&Blob]) -> Vec<G1Affine> {
		self.stages.commit.time(|| self.engine.commit(blobs))
	}
}

/// MDUs that may be under way at a time.
pub(crate) fn in_flight(profile: &Profile, wanted: usize) -> usize {
	let one = (MDU_BYTES / usize::from(profile.k.max(1))).saturating_mul(usize::from(profile.n()));
	wanted.min(MEMORY / one.max(1)).max(1)
}

/// Turns for encoding.
pub(crate) fn encoders() -> Arc<Semaphore> {
	Arc::new(Semaphore::new(ENCODERS))
}

impl Work<'_> {
	/// Makes one commit. The feed comes back, to go on with the next one.
	#[tracing::instrument(skip_all, fields(generation = job.generation))]
	pub(crate) async fn commit(
		&self,
		mut feed: Feed,
		slots: Arc<Slots>,
		job: Job,
		journal: &mut Journal,
	) -> Result<(Feed, CommitReport), PutError> {
		let staged =
			Arc::new(if job.known.is_empty() { HashMap::new() } else { slots.staged().await });
		let permits =
			Arc::new(Semaphore::new(in_flight(&self.profile, self.options.mdus_in_flight)));
		let (sender, mut payloads) = mpsc::channel::<(u64, Vec<u8>)>(1);
		let (number, first_mdu) = (job.number, job.first_mdu);
		let feeding = tokio::task::spawn_blocking(move || {
			let tail = feed.commit(number, first_mdu, &mut |mdu, payload| {
				sender
					.blocking_send((mdu, payload))
					.map_err(|_| PutError::Internal { reason: "the pipeline has ended".to_owned() })
			});
			(feed, tail)
		});

		let mut roots: BTreeMap<u64, Hash32> = BTreeMap::new();
		let mut resumed = 0u64;
		let mut payload_bytes = 0u64;
		let mut running: JoinSet<Result<Made, PutError>> = JoinSet::new();
		let mut failure = None;
		loop {
			tokio::select! {
				Some(made) = running.join_next() => {
					let made = made.unwrap_or_else(|error| {
						Err(PutError::Internal { reason: error.to_string() })
					});
					match made {
						Ok(made) => self.note(&made, &job, journal, &mut roots)?,
						Err(error) => {
							failure = Some(error);
							break;
						},
					}
				},
				next = next_payload(&permits, &mut payloads) => {
					let Some((permit, place, payload)) = next? else { break };
					payload_bytes = payload_bytes.saturating_add(payload.len() as u64);
					if let Some(left) = job.budget.filter(|left| payload_bytes > *left) {
						// Every provider would refuse this MDU, each in its own words.
						let (deal, needed) = (self.deal, payload_bytes);
						failure = Some(PutError::BudgetExceeded { deal, needed, left });
						break;
					}
					let mdu = job.first_mdu.saturating_add(place);
					let known = job.known.get(&(job.generation, mdu));
					match known {
						Some(root) if slots.all_have(&staged, mdu, root) => {
							resumed = resumed.saturating_add(1);
							roots.insert(place, *root);
							let bytes = payload.len() as u64;
							self.options.progress.emit(Event::Advanced { bytes });
						},
						_ => {
							let staged = staged.clone();
							running.spawn(self.make(mdu, payload, slots.clone(), staged, permit));
						},
					}
				},
			}
		}
		// Ends the feed when it is not at its end.
		drop(payloads);
		while failure.is_none() {
			let Some(made) = running.join_next().await else { break };
			match made.unwrap_or_else(|error| Err(PutError::Internal { reason: error.to_string() }))
			{
				Ok(made) => self.note(&made, &job, journal, &mut roots)?,
				Err(error) => failure = Some(error),
			}
		}
		running.abort_all();
		let (feed, tail) =
			feeding.await.map_err(|error| PutError::Internal { reason: error.to_string() })?;
		if let Some(failure) = failure {
			return Err(failure);
		}
		let tail = tail?;
		if resumed > 0 {
			self.options.progress.emit(Event::Resumed { mdus: resumed });
		}
		let report =
			self.conclude(tail, roots.into_values().collect(), &slots, &job, journal).await?;
		Ok((feed, report))
	}

	/// Takes note of an MDU that is with the slots.
	fn note(
		&self,
		made: &Made,
		job: &Job,
		journal: &mut Journal,
		roots: &mut BTreeMap<u64, Hash32>,
	) -> Result<(), PutError> {
		let Made { mdu, root, slots, bytes } = *made;
		journal.made(job.generation, mdu, root)?;
		roots.insert(mdu.saturating_sub(job.first_mdu), root);
		self.options.progress.emit(Event::Uploaded { mdu, slots });
		self.options.progress.emit(Event::Advanced { bytes });
		Ok(())
	}

	/// Encodes and uploads one MDU. Its permit ends with it.
	fn make(
		&self,
		mdu: MduIndex,
		payload: Vec<u8>,
		slots: Arc<Slots>,
		staged: Arc<HashMap<u8, HashMap<MduIndex, Hash32>>>,
		permit: OwnedSemaphorePermit,
	) -> impl Future<Output = Result<Made, PutError>> + Send + 'static + use<> {
		let encoder = self.encoder.clone();
		let stages = self.stages.clone();
		let encoding = self.encoding.clone();
		let span = tracing::info_span!("make", mdu);
		async move {
			let bytes = payload.len() as u64;
			let internal = |reason: String| PutError::Internal { reason };
			let turn = encoding.acquire_owned().await.map_err(|e| internal(e.to_string()))?;
			let measure = stages.clone();
			let encoded: EncodedMdu = tokio::task::spawn_blocking(move || {
				let _turn = turn;
				measure.encode.time(|| encoder.encode(&payload))
			})
			.await
			.map_err(|error| internal(error.to_string()))??;
			let root = encoded.root;
			let started = Instant::now();
			let slots = slots.upload(mdu, encoded, &staged).await?;
			stages.upload.add(started.elapsed());
			drop(permit);
			Ok(Made { mdu, root, slots, bytes })
		}
		.instrument(span)
	}

	/// Receipts, the call, and the proof that it took effect.
	async fn conclude(
		&self,
		tail: Tail,
		roots: Vec<Hash32>,
		slots: &Slots,
		job: &Job,
		journal: &Journal,
	) -> Result<CommitReport, PutError> {
		let Tail { index, index_root, size_bytes } = tail;
		let index_len = u32::try_from(index.len()).unwrap_or(u32::MAX);
		let request = ReceiptRequest { roots, index, size_bytes };
		let started = Instant::now();
		let now = self.chain.terms().await?.relay_block;
		let receipts = slots.receipts(&request, now).await?;
		self.stages.receipts.add(started.elapsed());

		let started = Instant::now();
		journal.committing(job.generation, index_root)?;
		let mut commit = CommitContent {
			deal: self.deal,
			base_gen: job.generation.saturating_sub(1),
			roots: request.roots,
			index_root,
			size_bytes,
			index_len,
			receipts,
		};
		let per_slot = ContentShape::new(size_bytes).bytes_per_slot(&self.profile);
		loop {
			let submitted = self.chain.commit_content(self.signer, &commit).await;
			let refused = match self.confirm(submitted, job.generation, index_root).await {
				Ok(()) => break,
				Err(PutError::Chain(refused)) if refused.is_signer_full() => refused,
				Err(error) => return Err(error),
			};
			// Its capacity or its stake went elsewhere after it had signed. Each round goes on with fewer signers.
			let left = slots.without_full_signers(self.chain, &commit.receipts, per_slot).await?;
			commit.receipts = left.ok_or(refused)?;
		}
		self.stages.chain.add(started.elapsed());
		let signed: Vec<u8> = commit.receipts.iter().map(|receipt| receipt.slot).collect();
		let silent: Vec<u8> = (0..self.profile.n()).filter(|slot| !signed.contains(slot)).collect();
		let (deal, generation) = (self.deal, job.generation);
		self.options.progress.emit(Event::Committed { deal, generation });
		if !silent.is_empty() {
			self.options.progress.warn(format!(
				"generation {generation} of deal {deal} stands on {} of {} slots; missing: {silent:?}",
				signed.len(),
				self.profile.n()
			));
		}
		Ok(CommitReport {
			generation,
			first_mdu: job.first_mdu,
			mdus: commit.roots.len() as u64,
			size_bytes,
			index_root: SerdeBytes(index_root),
			signed,
			silent,
		})
	}

	/// The chain decides whether a commit stands, whatever became of the submission.
	async fn confirm(
		&self,
		submitted: Result<BlockRef, ChainError>,
		generation: Generation,
		index_root: Hash32,
	) -> Result<(), PutError> {
		let found = self.chain.commits(self.deal, generation).await?;
		match (found.first(), submitted) {
			(Some((number, info)), _) if *number == generation && info.index_root == index_root => {
				Ok(())
			},
			(_, Err(error)) => Err(error.into()),
			(_, Ok(_)) => Err(PutError::NotCommitted { deal: self.deal, generation }),
		}
	}
}

/// An MDU that is with the slots.
struct Made {
	mdu: MduIndex,
	root: Hash32,
	slots: u8,
	/// Payload bytes.
	bytes: u64,
}

/// The next payload, once there is room for it; `None` at the end.
async fn next_payload(
	permits: &Arc<Semaphore>,
	payloads: &mut mpsc::Receiver<(u64, Vec<u8>)>,
) -> Result<Option<(OwnedSemaphorePermit, u64, Vec<u8>)>, PutError> {
	let permit = permits
		.clone()
		.acquire_owned()
		.await
		.map_err(|error| PutError::Internal { reason: error.to_string() })?;
	Ok(payloads.recv().await.map(|(mdu, payload)| (permit, mdu, payload)))
}
