//! Blobs, witnesses, roots lists and indexes out: what a receipt covers, to anybody.

use super::{ApiError, ApiResult, App};
use crate::store::{ContentKey, Readable};
use axum::{
	body::Body,
	extract::{Path, Query, State},
	http::{HeaderValue, StatusCode, header},
	response::{IntoResponse, Response},
};
use nil_client::wire::{ErrorCode, RowRange};
use nil_types::{Hash32, layout::BLOB_BYTES};
use serde::Deserialize;
use std::{
	fs::File,
	io::{Seek, SeekFrom},
	ops::Range,
	sync::Arc,
};
use tokio::{io::AsyncReadExt, task::spawn_blocking};
use tokio_util::io::ReaderStream;

/// The query of a request for blobs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rows {
	rows: Option<String>,
}

/// `GET` of a slot's blobs of an MDU.
#[tracing::instrument(skip_all, fields(deal = deal, mdu = mdu, slot = slot))]
pub async fn blobs(
	State(app): State<Arc<App>>,
	Path((deal, mdu, slot)): Path<(u64, u64, u8)>,
	Query(Rows { rows }): Query<Rows>,
) -> ApiResult<Response> {
	let rows: Option<RowRange> =
		rows.map(|text| text.parse()).transpose().map_err(ApiError::bad_request)?;
	let store = app.store.clone();
	let file = spawn_blocking(move || {
		let Some(shard) = store.shard(deal, slot, mdu)? else {
			let message = format!("MDU {mdu} of deal {deal}, slot {slot}, is not here");
			return Err(ApiError::not_found(message));
		};
		let live = shard.content.len / BLOB_BYTES as u64;
		let wanted = |row: u64| {
			rows.is_none_or(|rows| u64::from(rows.first) <= row && row <= u64::from(rows.last))
		};
		let rotten =
			|row: u64| shard.rotten.checked_shr(row as u32).is_some_and(|bits| bits & 1 == 1);
		if let Some(row) = (0..live).find(|row| rotten(*row) && wanted(*row)) {
			let message = format!("row {row} of MDU {mdu} is damaged here and is being rebuilt");
			return Err(ApiError::internal(message));
		}
		let range = match rows {
			None => 0..shard.content.len,
			Some(rows) if u64::from(rows.last) < live => {
				let at = |row: u64| row.saturating_mul(BLOB_BYTES as u64);
				at(rows.first.into())..at(u64::from(rows.last).saturating_add(1))
			},
			Some(rows) => {
				let message = format!("rows {rows}: the MDU has {live} live ones");
				let status = StatusCode::RANGE_NOT_SATISFIABLE;
				return Err(ApiError::new(status, ErrorCode::NotFound, message));
			},
		};
		open(&shard.content, range)
	})
	.await??;
	Ok(send(&app, file))
}

/// `GET` of a witness.
#[tracing::instrument(skip_all, fields(deal = deal))]
pub async fn witness(
	State(app): State<Arc<App>>,
	Path((deal, root)): Path<(u64, String)>,
) -> ApiResult<Response> {
	content(app, deal, &root, ContentKey::witness).await
}

/// `GET` of a roots list or an index.
#[tracing::instrument(skip_all, fields(deal = deal))]
pub async fn object(
	State(app): State<Arc<App>>,
	Path((deal, hash)): Path<(u64, String)>,
) -> ApiResult<Response> {
	content(app, deal, &hash, ContentKey::object).await
}

async fn content(
	app: Arc<App>,
	deal: u64,
	text: &str,
	key: impl FnOnce(Hash32) -> ContentKey,
) -> ApiResult<Response> {
	let key = key(parse_hash(text)?);
	let store = app.store.clone();
	let file = spawn_blocking(move || {
		let found = store.object(deal, &key)?;
		let found = found
			.ok_or_else(|| ApiError::not_found(format!("deal {deal} has no such content here")))?;
		open(&found, 0..found.len)
	})
	.await??;
	Ok(send(&app, file))
}

fn parse_hash(text: &str) -> ApiResult<Hash32> {
	let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
	let mut hash = [0; 32];
	if !lower || hex::decode_to_slice(text, &mut hash).is_err() {
		return Err(ApiError::bad_request("a hash has 64 lower-case hex digits"));
	}
	Ok(hash)
}

/// A part of a file, ready to be sent.
struct Part {
	file: File,
	len: u64,
}

fn open(content: &Readable, range: Range<u64>) -> ApiResult<Part> {
	let path = content.path.display();
	let damaged = |error: std::io::Error| ApiError::internal(format!("{path}: {error}"));
	let mut file = File::open(&content.path).map_err(damaged)?;
	let found = file.metadata().map_err(damaged)?.len();
	if found != content.len {
		let message = format!("{path} has {found} bytes instead of {}", content.len);
		return Err(ApiError::internal(message));
	}
	file.seek(SeekFrom::Start(range.start)).map_err(damaged)?;
	Ok(Part { file, len: range.end.saturating_sub(range.start) })
}

fn send(app: &App, part: Part) -> Response {
	app.metrics.served_bytes.inc_by(part.len);
	let stream = tokio::fs::File::from_std(part.file).take(part.len);
	let body = Body::from_stream(ReaderStream::with_capacity(stream, BLOB_BYTES));
	let headers = [
		(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
		(header::CONTENT_LENGTH, HeaderValue::from(part.len)),
	];
	(headers, body).into_response()
}
