//! Shards in.

use super::{ApiError, ApiResult, App, auth, auth::Authorised};
use crate::{
	store::{HoldingKey, Incoming, StagedKey, Upload},
	unix_now,
	verifier::{self, Claim},
};
use axum::{
	Json,
	body::{Body, Bytes},
	extract::{Path, State},
	http::{HeaderMap, StatusCode, header},
};
use codec::Encode;
use futures::{Stream, StreamExt};
use nil_client::wire::{ErrorCode, StagedList, StagedMdu, Stored};
use nil_slab::{
	branch::Branch,
	witness::{CheckedWitness, Witness},
};
use nil_types::{
	Hash32, MduIndex, Profile,
	deal::SerdeBytes,
	layout::{BLOB_BYTES, MAX_MDUS, MAX_ROOTS, rent},
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::mpsc, task::spawn_blocking, time::timeout};

/// Bytes of the witness's length in front of a body.
const PREFIX: usize = 4;
/// Blobs of an upload in memory, beside the one that arrives and the one that is written.
const BLOBS_AHEAD: usize = 2;

/// `GET` of what is staged, so that an interrupted put resumes.
#[tracing::instrument(name = "staged", skip_all, fields(deal = deal, generation = generation, slot = slot))]
pub async fn list(
	State(app): State<Arc<App>>,
	Path((deal, generation, slot)): Path<(u64, u32, u8)>,
	headers: HeaderMap,
) -> ApiResult<Json<StagedList>> {
	let key = HoldingKey { deal, generation, slot };
	auth::authorise(&app, &headers, &key, false).await?;
	let store = app.store.clone();
	// What a receipt covers already need not be sent again either.
	let (staged, held) =
		spawn_blocking(move || Ok::<_, ApiError>((store.staged_of(&key)?, store.held_of(&key)?)))
			.await??;
	let staged = staged.into_iter().map(|(mdu, row)| (mdu, row.root));
	let held = held.into_iter().map(|(mdu, held)| (mdu, held.root));
	let mut all: Vec<(MduIndex, Hash32)> = staged.chain(held).collect();
	all.sort_unstable();
	all.dedup_by_key(|(mdu, _)| *mdu);
	let staged = all.into_iter().map(|(mdu, root)| StagedMdu { mdu, root: SerdeBytes(root) });
	Ok(Json(StagedList { staged: staged.collect() }))
}

/// `PUT` of one slot's shards of one MDU.
#[tracing::instrument(
	name = "upload",
	skip_all,
	fields(deal = deal, generation = generation, mdu = mdu, slot = slot)
)]
pub async fn put(
	State(app): State<Arc<App>>,
	Path((deal, generation, mdu, slot)): Path<(u64, u32, u64, u8)>,
	headers: HeaderMap,
	body: Body,
) -> ApiResult<Json<Stored>> {
	let key = StagedKey { holding: HoldingKey { deal, generation, slot }, mdu };
	let authorised = auth::authorise(&app, &headers, &key.holding, false).await?;
	check_place(mdu, authorised.view.deal.total_mdus)?;
	let profile = authorised.view.deal.profile;
	let declared = content_length(&headers)?;
	let longest_witness = Witness::max_encoded_len(&profile);
	let longest = body_len(longest_witness, profile.rows().into());
	if let Some(bytes) = declared.filter(|bytes| *bytes > longest) {
		let message = format!("{bytes} bytes: an upload to this deal has at most {longest}");
		return Err(ApiError::too_large(message));
	}
	let _permit = app.limits.upload()?;

	let mut body = Blobs::new(body.into_data_stream(), app.idle);
	let length = u32::from_le_bytes(body.array().await?) as usize;
	if length > longest_witness {
		return Err(ApiError::bad_shard(format!(
			"a witness of {length} bytes: at most {longest_witness} for profile {profile}"
		)));
	}
	let witness = body.take(length).await?;
	let (witness, checked) = spawn_blocking(move || check_witness(&witness, &profile)).await??;
	let commitments = checked.slot(slot).map_err(ApiError::bad_shard)?.to_vec();
	let branch = Branch::of(&checked, slot).map_err(ApiError::bad_shard)?;
	let rows = commitments.len();
	let exact = body_len(length, rows);
	if let Some(bytes) = declared.filter(|bytes| *bytes != exact) {
		return Err(ApiError::bad_shard(format!(
			"{bytes} bytes: a witness of {length} bytes and {rows} live rows make {exact}"
		)));
	}

	let _reservation = match reserve(&app, key, shard_bytes(rows), &authorised).await {
		// The owner may have allowed an uploader more than a view of seconds ago says.
		Err(error) if authorised.budget.is_some() && error.body.code == ErrorCode::TooLarge => {
			let fresh = auth::authorise(&app, &headers, &key.holding, true).await?;
			reserve(&app, key, shard_bytes(rows), &fresh).await?
		},
		reserved => reserved?,
	};
	let shards = receive(&app, body, rows, profile, slot).await?;
	let root = checked.root();
	let len = shards.len();
	let live = checked.live();
	let store = app.store.clone();
	let claim = spawn_blocking(move || {
		let (witness, branch, at) = (witness.as_slice(), Some(&branch), unix_now());
		let upload = Upload { root, profile, live, witness, branch, at };
		let staged = store.stage(key, upload, shards)?;
		let path = store.unverified_path(&key, &staged);
		Ok::<_, ApiError>(staged.unverified.zip(path).map(|(file, path)| Claim {
			key,
			file,
			path,
			commitments,
		}))
	})
	.await??;
	app.metrics.uploaded_bytes.inc_by(len);
	if let Some(claim) = claim {
		app.verifier.check(claim).await?;
	}
	tracing::debug!(bytes = len, "staged");
	Ok(Json(Stored { root: SerdeBytes(root) }))
}

fn shard_bytes(rows: usize) -> u64 {
	rows.saturating_mul(BLOB_BYTES) as u64
}

/// Bytes of a body with a witness of `witness` bytes and `rows` blobs.
fn body_len(witness: usize, rows: usize) -> u64 {
	shard_bytes(rows).saturating_add(PREFIX.saturating_add(witness) as u64)
}

/// An MDU must be among those that the next commit may make.
fn check_place(mdu: MduIndex, total: u64) -> ApiResult<()> {
	let end = total.saturating_add(MAX_ROOTS.into()).min(MAX_MDUS);
	if (total..end).contains(&mdu) {
		return Ok(());
	}
	Err(ApiError::bad_request(format!(
		"MDU {mdu}: the deal has {total}, so the next commit makes {total} to {}",
		end.saturating_sub(1)
	)))
}

fn content_length(headers: &HeaderMap) -> ApiResult<Option<u64>> {
	headers
		.get(header::CONTENT_LENGTH)
		.map(|value| {
			let text = value.to_str().ok();
			text.and_then(|text| text.parse().ok())
				.ok_or_else(|| ApiError::bad_request("the content length is not a number"))
		})
		.transpose()
}

/// Sets the bytes of an upload's shards aside, within what may be staged, the deal's escrow and the disk.
async fn reserve(
	app: &Arc<App>,
	key: StagedKey,
	bytes: u64,
	authorised: &Authorised,
) -> ApiResult<super::limits::Reservation> {
	let (view, most) = (&authorised.view, authorised.max_staged());
	let (store, reserve) = (app.store.clone(), app.reserve);
	let (staged, free) = spawn_blocking(move || {
		Ok::<_, ApiError>((store.staged_of(&key.holding)?, store.free_bytes(reserve)?))
	})
	.await??;
	// What is sent again replaces what was sent before.
	let staged = staged.iter().filter(|(mdu, _)| *mdu != key.mdu).map(|(_, row)| row.len);
	let staged = staged.fold(0u64, u64::saturating_add);
	let slots = u64::from(view.deal.profile.n());
	let (price, remaining) = (view.terms.storage_price, view.remaining());
	let escrow = view.deal.free_escrow;
	app.limits.reserve(key.holding, bytes, |own, all| {
		let sum = staged.saturating_add(own).saturating_add(bytes);
		if sum > most {
			let message = format!(
				"{sum} bytes for this slot: the token, and what its signer may still commit, allow {most}"
			);
			return Err(ApiError::too_large(message));
		}
		let owed = rent(price, sum.saturating_mul(slots), remaining);
		if owed > escrow {
			let message = format!("rent of {owed} for what is staged: the free escrow is {escrow}");
			return Err(ApiError::new(
				StatusCode::PAYMENT_REQUIRED,
				ErrorCode::EscrowTooSmall,
				message,
			));
		}
		if all.saturating_add(bytes) > free {
			let message = format!("{free} bytes are free for uploads, {all} of them awaited");
			return Err(ApiError::no_space(message));
		}
		Ok(())
	})
}

/// Strict decoding, every point, and the root that follows.
fn check_witness(bytes: &[u8], profile: &Profile) -> ApiResult<(Vec<u8>, CheckedWitness)> {
	let witness = Witness::decode_strict(bytes).map_err(ApiError::bad_shard)?;
	let checked = witness.check(profile).map_err(ApiError::bad_shard)?;
	Ok((witness.encode(), checked))
}

/// Receives `rows` blobs and nothing more. A blocking thread parses and writes each one while the next arrives.
async fn receive(
	app: &App,
	mut body: Blobs<impl Stream<Item = Result<Bytes, axum::Error>> + Unpin>,
	rows: usize,
	profile: Profile,
	slot: u8,
) -> ApiResult<Incoming> {
	let (blobs, mut queue) = mpsc::channel::<Vec<u8>>(BLOBS_AHEAD);
	let store = app.store.clone();
	let writer = spawn_blocking(move || {
		let mut file = store.incoming()?;
		let mut row = 0usize;
		while let Some(blob) = queue.blocking_recv() {
			verifier::parse_blob(&profile, slot, &blob)
				.map_err(|error| ApiError::bad_shard(format!("row {row}: {error}")))?;
			file.write(&blob)?;
			row = row.saturating_add(1);
		}
		Ok::<_, ApiError>(file)
	});
	let mut fault = None;
	for _ in 0..rows {
		let blob = match body.take(BLOB_BYTES).await {
			Ok(blob) => blob,
			Err(error) => {
				fault = Some(error);
				break;
			},
		};
		if blobs.send(blob).await.is_err() {
			// The writer has stopped; it says why.
			break;
		}
	}
	drop(blobs);
	let file = writer.await??;
	if let Some(error) = fault {
		return Err(error);
	}
	body.end().await?;
	Ok(file)
}

/// A body cut into pieces of the lengths asked for. Never holds more than the piece and one frame.
struct Blobs<S> {
	frames: S,
	rest: Bytes,
	idle: Duration,
}

impl<S: Stream<Item = Result<Bytes, axum::Error>> + Unpin> Blobs<S> {
	fn new(frames: S, idle: Duration) -> Self {
		Self { frames, rest: Bytes::new(), idle }
	}

	/// The next frame with bytes; `None` at the end.
	async fn frame(&mut self) -> ApiResult<Option<Bytes>> {
		loop {
			let Ok(frame) = timeout(self.idle, self.frames.next()).await else {
				let message = format!("nothing came for {} s", self.idle.as_secs());
				let code = ErrorCode::BadRequest;
				return Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, code, message).retry());
			};
			match frame {
				Some(Ok(bytes)) if bytes.is_empty() => {},
				Some(Ok(bytes)) => return Ok(Some(bytes)),
				Some(Err(error)) => {
					return Err(
						ApiError::bad_request(format!("the body broke off: {error}")).retry()
					);
				},
				None => return Ok(None),
			}
		}
	}

	/// The next `length` bytes.
	async fn take(&mut self, length: usize) -> ApiResult<Vec<u8>> {
		let mut piece = Vec::with_capacity(length);
		while piece.len() < length {
			if self.rest.is_empty() {
				self.rest = self.frame().await?.ok_or_else(|| {
					ApiError::bad_shard(format!(
						"the body ends {} bytes early",
						length.saturating_sub(piece.len())
					))
				})?;
			}
			let more = self.rest.len().min(length.saturating_sub(piece.len()));
			piece.extend_from_slice(&self.rest.split_to(more));
		}
		Ok(piece)
	}

	async fn array(&mut self) -> ApiResult<[u8; PREFIX]> {
		let bytes = self.take(PREFIX).await?;
		bytes.try_into().map_err(|_| ApiError::bad_shard("the body has no witness"))
	}

	/// Nothing must follow.
	async fn end(mut self) -> ApiResult<()> {
		if self.rest.is_empty() && self.frame().await?.is_none() {
			return Ok(());
		}
		Err(ApiError::bad_shard("bytes follow the last live row"))
	}
}
