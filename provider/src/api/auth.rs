//! Who may upload: the deal's owner, or whom it authorised on the chain, by a signed token, for the generation to come, to
//! the slot's provider.
//!
//! Whoever has seen a token can show it, the deal's other providers first of all. So it must name the slot that it is shown
//! for: one for all slots would let a single provider have garbage promised at each of them, and a promise stands in the
//! way of the owner's next receipt until it is void.

use super::{ApiError, ApiResult, App};
use crate::{chain::DealView, store::HoldingKey, unix_now};
use axum::http::{HeaderMap, StatusCode, header};
use nil_client::{
	account::AccountId,
	wire::{ErrorCode, SignedToken, TokenError},
};
use nil_types::{ContentShape, DealStatus, UploadToken};
use std::sync::Arc;

/// A request that its token covers.
#[derive(Clone, Debug)]
pub struct Authorised {
	/// What the token allows.
	pub token: UploadToken,
	/// The deal on the best block.
	pub view: Arc<DealView>,
	/// Payload bytes that an uploader may still commit; `None` for the owner.
	pub budget: Option<u64>,
}

impl Authorised {
	/// Bytes that the slot may stage: what the token allows, and no more than what the slot stores of the largest commit
	/// that the chain would take from an uploader.
	pub fn max_staged(&self) -> u64 {
		let of_budget = self
			.budget
			.map(|bytes| ContentShape::new(bytes).bytes_per_slot(&self.view.deal.profile));
		of_budget.map_or(self.token.max_bytes, |bytes| bytes.min(self.token.max_bytes))
	}
}

/// Checks the token in `headers` against the chain for `key`.
///
/// The form and the signature come first, so that only who signed something makes the provider ask its node. A deal that
/// does not fit is read again from the newest block before it is refused; with `fresh` it is read from there at once.
pub async fn authorise(
	app: &App,
	headers: &HeaderMap,
	key: &HoldingKey,
	mut fresh: bool,
) -> ApiResult<Authorised> {
	let header = headers.get(header::AUTHORIZATION).ok_or(TokenError::Malformed)?;
	let header = header.to_str().map_err(|_| TokenError::Malformed)?;
	let signed = SignedToken::from_header(header)?;
	signed.verify(&app.chain.genesis(), unix_now())?;
	let UploadToken { deal, generation, slot, .. } = signed.token;
	if (deal, generation, slot) != (key.deal, key.generation, key.slot) {
		return Err(ApiError::forbidden(format!(
			"the token is for deal {deal}, generation {generation}, slot {slot}, the request for deal {}, \
			 generation {}, slot {}",
			key.deal, key.generation, key.slot
		)));
	}
	loop {
		let view = app.deals.get(key.deal, fresh).await?;
		let fit = match view.as_ref() {
			Some(view) => fits(app, view, &signed, key),
			None => Err(ApiError::not_found(format!("deal {} does not exist", key.deal))),
		};
		match (view, fit) {
			(Some(view), Ok(budget)) => {
				return Ok(Authorised { token: signed.token, view, budget });
			},
			(_, Err(error)) if fresh => return Err(error),
			_ => fresh = true,
		}
	}
}

/// Whether a token is one of the owner or of an uploader, for a commit that could be made; the uploader's budget.
fn fits(
	app: &App,
	view: &DealView,
	signed: &SignedToken,
	key: &HoldingKey,
) -> ApiResult<Option<u64>> {
	let deal = &view.deal;
	let budget = budget(view, AccountId(signed.signer))?;
	if deal.status != DealStatus::Active {
		return Err(ApiError::forbidden("the deal's slots are not drawn yet").retry());
	}
	if view.remaining() == 0 {
		return Err(ApiError::forbidden(format!(
			"the deal expired at relay block {}",
			deal.expires_at
		)));
	}
	let next = deal.generation.saturating_add(1);
	if key.generation != next {
		let message = format!("generation {}: the deal's next one is {next}", key.generation);
		return Err(ApiError::new(StatusCode::CONFLICT, ErrorCode::WrongGeneration, message));
	}
	if view.signer_of(key.slot) != Some(app.operator) {
		let message =
			format!("slot {} of deal {} is not held by {}", key.slot, key.deal, app.operator);
		return Err(ApiError::new(StatusCode::FORBIDDEN, ErrorCode::NotMySlot, message));
	}
	Ok(budget)
}

/// Payload bytes that the chain would take from `signer`; `None` without a limit of its own, for the owner.
fn budget(view: &DealView, signer: AccountId) -> ApiResult<Option<u64>> {
	let deal = &view.deal;
	if deal.owner == signer {
		return Ok(None);
	}
	let Some(uploader) = deal.uploader(&signer) else {
		return Err(ApiError::forbidden(
			"the token's signer does not own the deal and is not authorised to upload to it",
		));
	};
	if !uploader.counts_at(view.terms.relay_block) {
		return Err(ApiError::forbidden(format!(
			"{signer} was authorised to upload until relay block {}",
			uploader.until
		)));
	}
	if uploader.remaining_bytes == 0 {
		return Err(ApiError::forbidden(format!(
			"{signer} has uploaded all that it was authorised to"
		)));
	}
	Ok(Some(uploader.remaining_bytes))
}
