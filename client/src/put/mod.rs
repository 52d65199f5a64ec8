//! Storing files in a deal.
//!
//! ```text
//! read ─▶ encrypt, hash ─▶ pack, code, commit ─▶ upload to all slots ─▶ receipts ─▶ commit on the chain
//! ```
//!
//! A few MDUs are under way at a time, so memory is bounded whatever the size. Files are packed back to back; the index
//! is the tail of each commit's payload. What does not fit one commit (1,024 MDUs, about 8 GB) becomes several; a file
//! stands in the index of the commit that completes it.
//!
//! A put can be killed at any moment and run again. It keeps a journal (mode 0600, for it holds payload keys until the put
//! is done) with what decides the bytes: files, sizes, times, seals. Run again with the same source and target, it makes
//! the same MDUs, asks the providers what they staged and sends the rest.

mod error;
mod feed;
mod journal;
mod pipeline;
mod plan;
mod report;
mod scan;
mod slots;

pub use error::PutError;
pub(crate) use feed::{Base, Feed, check as check_index};
pub(crate) use plan::Plan;
pub use report::{CommitReport, PutReport, Timings};
pub(crate) use scan::{Scan, scan};

use crate::{
	account::AccountId,
	chain::DealChain,
	crypt::{CryptError, Identities, Sealing},
	dirs,
	get::{GetError, ReadOptions, Reader},
	http::{Http, HttpTimeouts},
	keys::Signer,
	progress::{Event, Progress},
};
use journal::{Header, Journal};
use nil_kzg::Engines;
use nil_slab::MduEncoder;
use nil_types::{
	ContentShape, DealId, DealInfo, DealStatus, Generation, Hash32, MduIndex,
	layout::{BLOBS_PER_MDU, MAX_MDUS, MAX_ROOTS, MDU_PAYLOAD},
};
use pipeline::{Job, Metered, Work};
use report::Stages;
use slots::{Slots, SlotsFor};
use std::{
	collections::HashMap,
	path::{Path, PathBuf},
	sync::Arc,
	time::{Duration, Instant},
};

/// MDUs of a commit that are kept free for its index: 64 MiB.
const INDEX_MDUS: u64 = 9;

/// How to put.
#[derive(Clone, Debug)]
pub struct PutOptions {
	/// Whether and to whom to encrypt.
	pub sealing: Sealing,
	/// Keys that open the deal's present index. Without one the new index is a delta on a parent unseen.
	pub identities: Identities,
	/// Where journals are kept; see [`default_state_dir`].
	pub state_dir: PathBuf,
	/// MDUs under way at a time, `1..`; fewer are when shards are large.
	pub mdus_in_flight: usize,
	/// MDUs of files in one commit, `1..=1015`; the rest of 1,024 is for the index.
	pub mdus_per_commit: u64,
	/// How long a slot is tried before the put goes on without it.
	pub slot_patience: Duration,
	/// How long providers may take.
	pub timeouts: HttpTimeouts,
	/// Who is told.
	pub progress: Progress,
}

impl PutOptions {
	/// The usual ones, with journals in `state_dir`.
	pub fn new(sealing: Sealing, identities: Identities, state_dir: PathBuf) -> Self {
		Self {
			sealing,
			identities,
			state_dir,
			mdus_in_flight: 3,
			mdus_per_commit: 1_015,
			slot_patience: Duration::from_secs(10),
			timeouts: HttpTimeouts::default(),
			progress: Progress::none(),
		}
	}
}

/// Where journals of puts are kept: `$NIL_STATE_DIR`, or `nil` in the user's state directory.
pub fn default_state_dir() -> Option<PathBuf> {
	dirs::user_dir("NIL_STATE_DIR", dirs::Kept::State, "nil")
}

/// Stores the file or directory `source` at `target` in `deal`; the empty target is the top. A file put at the top, or at
/// a target that ends in `/`, keeps its name; a directory's content comes to lie below the target.
pub async fn put(
	chain: Arc<dyn DealChain>,
	signer: &Signer,
	deal: DealId,
	source: &Path,
	target: &str,
	options: PutOptions,
) -> Result<PutReport, PutError> {
	let (from, to) = (source.to_owned(), target.to_owned());
	let scan = blocking(move || scan(&from, &to)).await??;
	for skipped in &scan.skipped {
		options.progress.warn(format!("{}: not a file, left out", skipped.display()));
	}
	run(chain, signer, deal, scan, Vec::new(), options).await
}

/// Removes files, or directories with everything in them, from a deal: commits an index without them.
pub async fn remove(
	chain: Arc<dyn DealChain>,
	signer: &Signer,
	deal: DealId,
	paths: &[String],
	options: PutOptions,
) -> Result<PutReport, PutError> {
	let reader = open_index(&chain, deal, &options).await?.ok_or(PutError::IndexSealed)?;
	let mut removals = Vec::new();
	for path in paths {
		let path = path.trim_matches('/');
		let found = reader.fs().walk(path);
		if found.is_empty() {
			return Err(PutError::NotFound { deal, path: path.to_owned() });
		}
		removals.extend(found.into_iter().map(|stat| stat.path));
	}
	removals.sort_unstable();
	removals.dedup();
	let files = removals.len() as u64;
	let report = run(chain, signer, deal, Scan::default(), removals, options).await?;
	Ok(PutReport { files, ..report })
}

/// A put that is ready to run: what to send, and what has been done of it.
struct Prepared {
	plan: Arc<Plan>,
	/// The deal's generation when the plan was made.
	base_gen: Generation,
	/// Commits that stand on the chain.
	landed: usize,
	known: HashMap<(Generation, MduIndex), Hash32>,
	resumed: bool,
}

#[tracing::instrument(name = "put", skip_all, fields(deal = deal))]
async fn run(
	chain: Arc<dyn DealChain>,
	signer: &Signer,
	deal: DealId,
	scan: Scan,
	removals: Vec<String>,
	options: PutOptions,
) -> Result<PutReport, PutError> {
	let started = Instant::now();
	let info = chain.deal(deal).await?;
	let budget = check_deal(&*chain, &info, signer.account_id()).await?;
	let mut journal = Journal::open(&options.state_dir, &chain.genesis(), deal)?;
	let prepared = prepare_run(&*chain, &info, &scan, removals, &options, &mut journal).await?;
	let plan = prepared.plan.clone();
	let base = match open_index(&chain, deal, &options).await? {
		_ if info.generation == 0 => Base::Empty,
		Some(reader) => Base::Known {
			index: reader.fs().index().clone(),
			root: newest_root(&*chain, &info).await?,
			depth: reader.fs().depth(),
		},
		None => Base::Sealed { root: newest_root(&*chain, &info).await? },
	};
	if prepared.landed == 0 {
		feed::check(&plan, &base)?;
	}
	check_room(&plan, &info, prepared.landed)?;
	check_budget(&plan, &info, prepared.landed, budget)?;
	options
		.progress
		.emit(Event::Total { bytes: plan.stored_len(), files: plan.files.len() as u64 });

	let stages = Arc::new(Stages::start());
	let blobs = plan.stored_len().div_ceil(MDU_PAYLOAD as u64).saturating_mul(BLOBS_PER_MDU as u64);
	let engine =
		blocking(move || Engines::choose(usize::try_from(blobs).unwrap_or(usize::MAX))).await?;
	let engine = Arc::new(Metered { engine, stages: stages.clone() });
	let work = Work {
		chain: &*chain,
		signer,
		options: &options,
		deal,
		profile: info.profile,
		encoder: MduEncoder::new(info.profile, engine)?,
		stages: stages.clone(),
		encoding: pipeline::encoders(),
	};
	let http = Http::new(options.timeouts)?;
	let landed = chain.commits(deal, prepared.base_gen.saturating_add(1)).await?;
	let mut feed = Feed::new(plan.clone(), stages.clone(), base);
	for (number, (_, commit)) in landed.iter().take(prepared.landed).enumerate() {
		let first_mdu = commit.first_mdu;
		feed = blocking(move || feed.skip(number, first_mdu).map(|()| feed)).await??;
	}
	let mut commits = Vec::new();
	for number in prepared.landed..plan.commits() {
		let now = chain.deal(deal).await?;
		let made = Generation::try_from(number).unwrap_or(Generation::MAX);
		let expected = prepared.base_gen.saturating_add(made);
		if now.generation != expected {
			return Err(PutError::Overtaken { deal, found: now.generation, expected });
		}
		let generation = expected.saturating_add(1);
		let slots = Slots::open(SlotsFor {
			chain: &*chain,
			http: &http,
			signer,
			deal,
			generation,
			profile: info.profile,
			max_bytes: max_bytes(&plan, number, &info),
			patience: options.slot_patience,
			progress: &options.progress,
		})
		.await?;
		let job = Job {
			number,
			generation,
			first_mdu: now.total_mdus,
			budget: check_deal(&*chain, &now, signer.account_id()).await?,
			known: prepared.known.clone(),
		};
		let (next, report) = work.commit(feed, Arc::new(slots), job, &mut journal).await?;
		feed = next;
		commits.push(report);
	}
	journal.clear()?;
	let generation = chain.deal(deal).await?.generation;
	let stored = |report: &CommitReport| {
		let per_slot = ContentShape::new(report.size_bytes).bytes_per_slot(&info.profile);
		per_slot.saturating_mul(info.profile.n().into())
	};
	Ok(PutReport {
		deal,
		generation,
		files: plan.files.len() as u64,
		bytes: plan.content_len(),
		stored_bytes: commits.iter().map(stored).fold(0, u64::saturating_add),
		commits,
		skipped: scan.skipped.iter().map(|path| path.display().to_string()).collect(),
		resumed: prepared.resumed,
		timings: stages.timings(started.elapsed()),
	})
}

/// Goes on with what the journal holds when that is this very put and nobody else has committed since; else begins anew.
async fn prepare_run(
	chain: &dyn DealChain,
	info: &DealInfo<AccountId>,
	scan: &Scan,
	removals: Vec<String>,
	options: &PutOptions,
	journal: &mut Journal,
) -> Result<Prepared, PutError> {
	let recipients = match &options.sealing {
		Sealing::Plain => Vec::new(),
		Sealing::To(recipients) => recipients.texts(),
	};
	let mdus = options.mdus_per_commit.clamp(1, u64::from(MAX_ROOTS) - INDEX_MDUS);
	let header = Header::new(chain.genesis(), info.id, info.generation, recipients, mdus);
	if let Some(left) = journal.left() {
		let base_gen = left.header.base_gen;
		if left.header.same_put(&header) && left.plan.matches(&scan.files, &removals) {
			let on_chain = chain.commits(info.id, base_gen.saturating_add(1)).await?;
			let landed = on_chain
				.iter()
				.take_while(|(generation, commit)| {
					left.commits.contains(&(*generation, commit.index_root))
				})
				.count();
			if landed == on_chain.len() && landed <= left.plan.commits() {
				let plan = Arc::new(left.plan);
				return Ok(Prepared { plan, base_gen, landed, known: left.roots, resumed: true });
			}
			options
				.progress
				.warn("the deal has changed since this put was interrupted: starting over");
		}
	}
	let plan = Plan::new(&scan.files, removals, mdus, &options.sealing)?;
	journal.begin(&header, &plan)?;
	Ok(Prepared {
		plan: Arc::new(plan),
		base_gen: info.generation,
		landed: 0,
		known: HashMap::new(),
		resumed: false,
	})
}

/// Whether `signer` may commit to the deal; payload bytes up to which it may, and `None` for the owner, who always may.
async fn check_deal(
	chain: &dyn DealChain,
	info: &DealInfo<AccountId>,
	signer: AccountId,
) -> Result<Option<u64>, PutError> {
	let (deal, owner) = (info.id, info.owner);
	let mut budget = None;
	if owner != signer {
		let uploader = info.uploader(&signer).ok_or(PutError::NotOwner { deal, owner, signer })?;
		let now = chain.terms().await?.relay_block;
		if !uploader.counts_at(now) {
			return Err(PutError::UploaderExpired { deal, signer, until: uploader.until, now });
		}
		budget = Some(uploader.remaining_bytes);
	}
	match info.status {
		DealStatus::Active => Ok(budget),
		status => Err(PutError::NotActive { deal, status }),
	}
}

/// Whether an uploader may commit the files that are left to be committed, with a byte of index for each commit. How long
/// the indexes are is known when they are made, and checked then.
fn check_budget(
	plan: &Plan,
	info: &DealInfo<AccountId>,
	landed: usize,
	budget: Option<u64>,
) -> Result<(), PutError> {
	let Some(left) = budget else { return Ok(()) };
	let indexes = plan.commits().saturating_sub(landed) as u64;
	let files = plan.stored_len().saturating_sub(plan.range_of(landed).start);
	let needed = files.saturating_add(indexes);
	if indexes > 0 && needed > left {
		return Err(PutError::BudgetExceeded { deal: info.id, needed, left });
	}
	Ok(())
}

/// Whether the deal has room for the MDUs of files; the index is left to the chain to judge.
fn check_room(plan: &Plan, info: &DealInfo<AccountId>, landed: usize) -> Result<(), PutError> {
	let more: u64 = (landed..plan.commits())
		.map(|number| {
			let range = plan.range_of(number);
			range.end.saturating_sub(range.start).div_ceil(MDU_PAYLOAD as u64)
		})
		.fold(0, u64::saturating_add);
	let needed = info.total_mdus.saturating_add(more);
	if needed > MAX_MDUS {
		return Err(PutError::DealFull { needed, allowed: MAX_MDUS });
	}
	Ok(())
}

/// What each slot may be sent for commit `number`: its files, the longest index, and everything once more for retries.
fn max_bytes(plan: &Plan, number: usize, info: &DealInfo<AccountId>) -> u64 {
	let range = plan.range_of(number);
	let index = INDEX_MDUS.saturating_mul(MDU_PAYLOAD as u64);
	let payload = range.end.saturating_sub(range.start).saturating_add(index);
	ContentShape::new(payload).bytes_per_slot(&info.profile).saturating_mul(2)
}

/// The deal's present index; `None` when no identity opens it.
async fn open_index(
	chain: &Arc<dyn DealChain>,
	deal: DealId,
	options: &PutOptions,
) -> Result<Option<Reader>, PutError> {
	let mut read = ReadOptions::new(options.identities.clone());
	read.timeouts = options.timeouts;
	match Reader::open(chain.clone(), deal, read).await {
		Ok(reader) => Ok(Some(reader)),
		Err(GetError::Crypt(CryptError::NoMatchingIdentity { .. })) => Ok(None),
		Err(error) => Err(error.into()),
	}
}

async fn newest_root(
	chain: &dyn DealChain,
	info: &DealInfo<AccountId>,
) -> Result<Hash32, PutError> {
	let (deal, generation) = (info.id, info.generation);
	chain
		.commits(deal, generation)
		.await?
		.first()
		.map(|(_, commit)| commit.index_root)
		.ok_or(PutError::NotCommitted { deal, generation })
}

/// Runs heavy work off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
	work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PutError> {
	tokio::task::spawn_blocking(work)
		.await
		.map_err(|error| PutError::Internal { reason: error.to_string() })
}
