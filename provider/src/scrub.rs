//! Scrubbing: everything held is read in the background, slowly, and checked against its commitments, so that damage is
//! found before a sample finds it. And mending: what is in quarantine is rebuilt from what other slots hold.
//!
//! A pass begins once a minute at most, and goes through all held MDUs in the order of their keys: the witness must lead to the MDU's root, and each blob of
//! the slot must be the one that the witness commits to, which costs one multi-scalar multiplication for all of an MDU's
//! rows. How far it has come is written down now and then, so that a restart does not begin again. Deals that the chain does
//! not know any more are passed over: their profile is not known, and they are to be dropped.
//!
//! What is in quarantine is fetched as late receipts are ([`crate::late`]): any `k` other slots give their shards, which are
//! checked; this slot's are made of them, and take the place of what was there in one step.

mod mend;

use crate::{
	chain::ChainView,
	content::{ReadError, Reader, row_bit},
	fetch::MDU_PATIENCE,
	prover::aside,
	store::{HeldMdu, ScrubPosition, StagedKey, StoreError},
	unix_now,
	verifier::parse_blob,
};
use futures::future::join;
use nil_client::{
	chain::{At, ChainError},
	get::GetError,
	http::Reach,
};
use nil_kzg::{MsmEngine, bulk};
use nil_types::{DealId, Profile, layout::BLOB_BYTES};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
	task::{JoinError, spawn_blocking},
	time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

/// Pause when there is nothing to do, and after a failure.
const IDLE: Duration = Duration::from_secs(5);
/// How often a pass begins at most: what is soon checked is not checked over and over.
const PASS_EVERY: Duration = Duration::from_secs(60);
/// How often it is written down how far the scrubber has come.
const NOTE_EVERY: Duration = Duration::from_secs(30);

/// Why a step came to nothing.
#[derive(Debug, thiserror::Error)]
enum ScrubError {
	/// The chain could not be asked.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// The disk.
	#[error(transparent)]
	Store(#[from] StoreError),
	/// The other slots did not give what is needed.
	#[error(transparent)]
	Get(#[from] GetError),
	/// The other slots took too long.
	#[error("the other slots did not give the MDU within {} s", MDU_PATIENCE.as_secs())]
	TooSlow,
	/// The chain does not know the commit any more.
	#[error("the commit is not on the chain any more")]
	Gone,
	/// A task broke off.
	#[error(transparent)]
	Task(#[from] JoinError),
	/// The daemon stops.
	#[error("the daemon stops")]
	Stopped,
}

/// The scrubber.
#[derive(Debug)]
pub struct Scrubber {
	/// The chain.
	pub chain: Arc<dyn ChainView>,
	/// The disk.
	pub reader: Reader,
	/// Multiplies.
	pub engine: Arc<dyn MsmEngine>,
	/// Bytes per second that are checked. 0: none.
	pub rate: u64,
	/// Whether what is in quarantine is rebuilt.
	pub mend: bool,
	/// Which addresses of other providers are asked for that.
	pub reach: Reach,
	/// Ends the scrubber.
	pub stop: CancellationToken,
}

/// What a step did.
enum Step {
	/// It checked so many bytes.
	Checked(u64),
	/// There is nothing more in this pass.
	PassOver,
}

/// How far the scrubber has come, and what it has learned.
#[derive(Default)]
struct Pass {
	position: ScrubPosition,
	/// When it began to check.
	began: Option<Instant>,
	/// When the position was written down.
	noted: Option<Instant>,
	/// How deals are striped; `None` for those that the chain does not know.
	profiles: HashMap<DealId, Option<Profile>>,
}

impl Scrubber {
	/// Works until it is stopped.
	pub async fn run(self) {
		if self.mend {
			join(self.check_on(), self.mend_on()).await;
		} else {
			self.check_on().await;
		}
	}

	/// Checks until it is stopped.
	async fn check_on(&self) {
		let mut pass = Pass::default();
		match self.on_store(|reader| Ok((reader.store.scrub_position()?, reader.tell()?))).await {
			Ok((position, ())) => pass.position = position,
			Err(error) => tracing::warn!(%error, "cannot tell how far the scrubber has come"),
		}
		while !self.stop.is_cancelled() {
			let pause = match self.work(&mut pass).await {
				Ok(pause) => pause,
				Err(ScrubError::Stopped) => break,
				Err(error) => {
					tracing::warn!(%error, "cannot check what is held, trying again");
					IDLE
				},
			};
			tokio::select! {
				() = self.stop.cancelled() => {},
				() = sleep(pause) => {},
			}
		}
		let position = pass.position;
		if let Err(error) =
			self.on_store(move |reader| reader.store.set_scrub_position(&position)).await
		{
			tracing::warn!(%error, "cannot write down how far the scrubber has come");
		}
	}

	/// Takes a step. How long to pause then.
	async fn work(&self, pass: &mut Pass) -> Result<Duration, ScrubError> {
		if self.rate == 0 {
			return Ok(IDLE);
		}
		let began = Instant::now();
		let step = self.step(pass).await?;
		let position = pass.position;
		let due = pass.noted.is_none_or(|noted| noted.elapsed() >= NOTE_EVERY);
		if due || matches!(step, Step::PassOver) {
			self.on_store(move |reader| reader.store.set_scrub_position(&position)).await?;
			pass.noted = Some(Instant::now());
		}
		Ok(match step {
			Step::Checked(bytes) => {
				let seconds = bytes as f64 / self.rate as f64;
				Duration::from_secs_f64(seconds).saturating_sub(began.elapsed())
			},
			Step::PassOver => {
				let began = pass.began.take();
				began.map_or(IDLE, |began| PASS_EVERY.saturating_sub(began.elapsed()).max(IDLE))
			},
		})
	}

	/// Checks one MDU.
	async fn step(&self, pass: &mut Pass) -> Result<Step, ScrubError> {
		let after = pass.position.after;
		let next = self.on_store(move |reader| reader.store.held_after(after.as_ref())).await?;
		let Some((held, mdu)) = next else {
			if after.is_some() {
				self.reader.metrics.scrub_passes.inc();
				pass.position.completed = unix_now();
				tracing::debug!("everything held was checked");
			}
			pass.position.after = None;
			pass.profiles.clear();
			return Ok(Step::PassOver);
		};
		let deal = held.holding.deal;
		let profile = match pass.profiles.get(&deal) {
			Some(profile) => *profile,
			None => {
				let asked = self.chain.deal(At::Finalised, deal);
				let profile = self.unless_stopped(asked).await?.map(|info| info.profile);
				pass.profiles.insert(deal, profile);
				profile
			},
		};
		pass.began.get_or_insert_with(Instant::now);
		// An MDU that cannot be checked does not hold up the others.
		pass.position.after = Some(held);
		let mut checked = 0;
		if let Some(profile) = profile {
			let (reader, engine) = (self.reader.clone(), self.engine.clone());
			let done = aside(move || check(&reader, &*engine, &held, &mdu, &profile));
			checked = done.await?.inspect_err(|_| self.reader.metrics.unchecked.inc())?;
			self.reader.metrics.scrubbed_bytes.inc_by(checked);
		}
		Ok(Step::Checked(checked))
	}

	/// Asks the disk, away from asynchronous threads.
	async fn on_store<T: Send + 'static>(
		&self,
		work: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
	) -> Result<T, ScrubError> {
		let reader = self.reader.clone();
		Ok(spawn_blocking(move || work(&reader)).await??)
	}

	/// Waits for something that may take long, but not longer than the daemon runs.
	async fn unless_stopped<T>(
		&self,
		work: impl Future<Output = Result<T, ChainError>>,
	) -> Result<T, ScrubError> {
		tokio::select! {
			() = self.stop.cancelled() => Err(ScrubError::Stopped),
			done = work => Ok(done?),
		}
	}
}

/// Checks a held MDU: the witness and the slot's rows. What is wrong is put into quarantine. How many bytes were read.
fn check(
	reader: &Reader,
	engine: &dyn MsmEngine,
	held: &StagedKey,
	mdu: &HeldMdu,
	profile: &Profile,
) -> Result<u64, StoreError> {
	match check_bytes(reader, engine, held, mdu, profile) {
		Ok(bytes) => Ok(bytes),
		Err(ReadError::Store(error)) => Err(error),
		// Told and counted where it was found.
		Err(ReadError::Rotten { .. } | ReadError::Quarantined | ReadError::NotHeld) => Ok(0),
		Err(error @ ReadError::Io { .. }) => {
			tracing::warn!(%error, "cannot check what is held, going on with the next");
			Ok(0)
		},
	}
}

fn check_bytes(
	reader: &Reader,
	engine: &dyn MsmEngine,
	held: &StagedKey,
	mdu: &HeldMdu,
	profile: &Profile,
) -> Result<u64, ReadError> {
	// Dropped since it was found, it is nobody's any more.
	let shard = reader.store.held_shard(held)?.ok_or(ReadError::NotHeld)?;
	let witness = reader.witness(held, mdu.root, profile)?;
	let bytes = reader.rows(held, &shard)?;
	let slot = held.holding.slot;
	let points = witness.slot(slot).map_err(|_| ReadError::NotHeld)?;
	let (blobs, _) = bytes.as_chunks::<BLOB_BYTES>();
	let mut wrong = 0u64;
	let mut claims: Vec<bulk::Claim<'_>> = Vec::new();
	let mut rows = Vec::new();
	for (row, point) in (0u8..).zip(points) {
		match blobs.get(usize::from(row)).map(|blob| parse_blob(profile, slot, blob)) {
			Some(Ok(blob)) => {
				claims.push((point, blob));
				rows.push(row);
			},
			_ => wrong |= row_bit(row),
		}
	}
	for claim in bulk::find_bad(engine, &claims) {
		wrong |= rows.get(claim).copied().map_or(0, row_bit);
	}
	// Of what is in quarantine already nothing new is to be told.
	if wrong & !shard.rotten != 0 {
		return Err(reader.condemn_rows(held, &shard, wrong));
	}
	Ok(bytes.len() as u64)
}

#[cfg(test)]
mod tests;
