//! Receipts: what the provider promises, after it has checked everything that it will be held to.

use super::{ApiError, ApiResult, App, auth, auth::Authorised};
use crate::{
	chain::{DealView, registration::room},
	store::{Content, Holding, HoldingKey, ProofKind, StagedKey, StoreError},
};
use axum::{
	body::Bytes,
	extract::{Path, State},
	http::{HeaderMap, StatusCode},
};
use codec::{DecodeAll, Encode};
use nil_client::{
	chain::At,
	wire::{ErrorCode, Receipt, ReceiptRequest},
};
use nil_types::{
	ContentShape, RelayBlock, blake2b_256,
	layout::{MAX_INDEX_BYTES, MAX_MDUS, MAX_ROOTS, rent},
	messages::roots_hash,
};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// `POST` of a request for a receipt.
#[tracing::instrument(name = "receipt", skip_all, fields(deal = deal, generation = generation, slot = slot))]
pub async fn post(
	State(app): State<Arc<App>>,
	Path((deal, generation, slot)): Path<(u64, u32, u8)>,
	headers: HeaderMap,
	body: Bytes,
) -> ApiResult<Vec<u8>> {
	let key = HoldingKey { deal, generation, slot };
	let Authorised { view, budget, .. } = auth::authorise(&app, &headers, &key, true).await?;
	let store = app.store.clone();
	if spawn_blocking(move || store.refused(ProofKind::Answers)).await??.is_some() {
		// Stake would be bound to what is not proved, and the deal would count on a slot that it is about to lose.
		let message = "the provider promises nothing before its operator has updated it";
		let (status, code) = (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Internal);
		return Err(ApiError::new(status, code, message));
	}
	let request = ReceiptRequest::decode_all(&mut &*body)
		.map_err(|error| ApiError::bad_request(format!("not a request for a receipt: {error}")))?;
	drop(body);
	if let Some(budget) = budget.filter(|budget| request.size_bytes > *budget) {
		// The chain would refuse the commit, and the promise would bind space for nothing.
		return Err(ApiError::too_large(format!(
			"a commit of {} bytes: the token's signer may still commit {budget}",
			request.size_bytes
		)));
	}
	let (wanted, lives) = wanted(&app, &view, &request)?;
	check_escrow(&view, &wanted)?;

	// Every verdict on what was uploaded before this request is in after this.
	app.verifier.settle().await?;
	let key_on_chain = app.service.public_key();
	let room = room(&*app.chain, &app.store, app.operator, &key_on_chain, &view.terms).await?;
	let now = finalised_clock(&app, &key).await?;
	let (mdus, store) = (wanted.mdus, app.store.clone());
	let promised = spawn_blocking(move || {
		let content = Content { roots: &request.roots, lives: &lives, index: &request.index };
		store.promise(key, wanted, content, now, room)
	})
	.await?;
	let holding = promised.map_err(|error| blame(&app, &key, error))?;

	let message = holding.message(app.chain.genesis(), &key);
	let signature = app.service.sign(&message.signing_bytes());
	app.metrics.receipts.inc();
	tracing::info!(mdus, until = holding.until, "signed a receipt");
	Ok(Receipt { slot, until: holding.until, signature }.encode())
}

/// The clock by which a former promise is void: the finalised chain's. By that of a best block which another branch
/// replaces, bytes could go that a commit there rests on.
async fn finalised_clock(app: &App, key: &HoldingKey) -> ApiResult<RelayBlock> {
	let block = At::Block(app.chain.head(At::Finalised).await?.hash);
	// The deal was read from a best block, whose branch may have lost since: then this clock is of a chain that may have
	// committed the former promise, and goes on past its end.
	let deal = app.chain.deal(block, key.deal).await?;
	if deal.is_some_and(|deal| deal.generation >= key.generation) {
		let message = format!("generation {} of deal {} is committed", key.generation, key.deal);
		return Err(ApiError::new(StatusCode::CONFLICT, ErrorCode::WrongGeneration, message));
	}
	Ok(app.chain.terms(block).await?.relay_block)
}

/// The promise asked for, and the live blobs of each of its MDUs, when the request is sound in itself.
fn wanted(app: &App, view: &DealView, request: &ReceiptRequest) -> ApiResult<(Holding, Vec<u8>)> {
	let ReceiptRequest { roots, index, size_bytes } = request;
	let shape = ContentShape::new(*size_bytes);
	let count = roots.len() as u64;
	if count == 0 || count > MAX_ROOTS.into() {
		return Err(ApiError::bad_request(format!("{count} roots: a commit has 1 to {MAX_ROOTS}")));
	}
	if shape.mdus() != count {
		return Err(ApiError::bad_request(format!(
			"{count} roots: {size_bytes} bytes make {} MDUs",
			shape.mdus()
		)));
	}
	let index_len = u32::try_from(index.len()).ok().filter(|len| *len <= MAX_INDEX_BYTES);
	let index_len = index_len.filter(|len| u64::from(*len) <= *size_bytes);
	let Some(index_len) = index_len else {
		return Err(ApiError::bad_request(format!(
			"an index of {} bytes: it is the tail of the payload's {size_bytes} bytes and has at most \
			 {MAX_INDEX_BYTES}",
			index.len()
		)));
	};
	let first_mdu = view.deal.total_mdus;
	if first_mdu.saturating_add(count) > MAX_MDUS {
		return Err(ApiError::bad_request(format!(
			"{count} MDUs after {first_mdu}: a deal has at most {MAX_MDUS}"
		)));
	}
	let until = view.terms.relay_block.saturating_add(app.valid_blocks).min(view.deal.expires_at);
	let holding = Holding {
		first_mdu,
		mdus: count as u32,
		roots_hash: roots_hash(roots),
		index_root: blake2b_256(index),
		size_bytes: *size_bytes,
		index_len,
		bytes: shape.bytes_per_slot(&view.deal.profile),
		until,
		committed: None,
	};
	Ok((holding, (0..count).map(|mdu| shape.live(mdu)).collect()))
}

/// Whether the deal can pay for what is promised.
fn check_escrow(view: &DealView, wanted: &Holding) -> ApiResult<()> {
	let stored = wanted.bytes.saturating_mul(view.deal.profile.n().into());
	let owed = rent(view.terms.storage_price, stored, view.remaining())
		.saturating_add(view.terms.commit_deposit);
	if owed > view.deal.free_escrow {
		let message = format!(
			"rent and deposit of {owed} for {stored} bytes: the free escrow is {}",
			view.deal.free_escrow
		);
		let code = ErrorCode::EscrowTooSmall;
		return Err(ApiError::new(StatusCode::PAYMENT_REQUIRED, code, message));
	}
	Ok(())
}

/// Says which MDUs failed their check, where the store only knows that they are not there.
fn blame(app: &App, key: &HoldingKey, error: StoreError) -> ApiError {
	let StoreError::NotStaged { mdus } = &error else { return error.into() };
	let rejected: Vec<_> = mdus
		.iter()
		.copied()
		.filter(|mdu| app.verifier.was_rejected(&StagedKey { holding: *key, mdu: *mdu }))
		.collect();
	if rejected.is_empty() {
		return error.into();
	}
	ApiError::bad_shard(format!("the blobs of MDUs {rejected:?} do not match their commitments"))
}
