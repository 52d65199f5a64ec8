//! The HTTP API, version 1; [`nil_client::wire`] has its table of requests.
//!
//! Every request passes a gate per client address ([`limits`]) before anything is done for it. No request runs a curve
//! operation or touches the disk on an asynchronous thread. No `Access-Control` header is ever sent: a web page cannot
//! use a provider on loopback behind its user's back.

mod auth;
mod error;
pub mod limits;
mod read;
mod receipt;
mod upload;

pub use error::{ApiError, ApiResult};

use crate::{
	chain::{ChainView, DealCache, follower::Heads},
	config::Config,
	metrics::Metrics,
	store::Store,
	verifier::Verifier,
};
use axum::{
	Json, Router,
	extract::{ConnectInfo, DefaultBodyLimit, MatchedPath, Request, State},
	http::StatusCode,
	middleware::{self, Next},
	response::{IntoResponse, Response},
	routing::{get, post, put},
};
use limits::Limits;
use nil_client::{
	account::AccountId,
	keys::Signer,
	wire::{self, ChainHealth, Health},
};
use nil_types::{RelayBlock, deal::SerdeBytes};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{sync::watch, task::spawn_blocking};

/// What the handlers share.
#[derive(Debug)]
pub struct App {
	/// The operator's account.
	pub operator: AccountId,
	/// The service key.
	pub service: Signer,
	/// The chain.
	pub chain: Arc<dyn ChainView>,
	/// Deals of late.
	pub deals: DealCache,
	/// The disk.
	pub store: Arc<Store>,
	/// The check of staged shards.
	pub verifier: Verifier,
	/// What is counted.
	pub metrics: Arc<Metrics>,
	/// What clients may use up.
	pub limits: Arc<Limits>,
	/// How far the chain was followed.
	pub heads: watch::Receiver<Heads>,
	/// Free disk space that uploads must leave.
	pub reserve: u64,
	/// Relay blocks for which a receipt counts.
	pub valid_blocks: RelayBlock,
	/// How long a client may pause inside a body.
	pub idle: Duration,
}

impl App {
	/// The parts put together as `config` says.
	pub fn new(
		config: &Config,
		service: Signer,
		chain: Arc<dyn ChainView>,
		store: Arc<Store>,
		verifier: Verifier,
		metrics: Arc<Metrics>,
		heads: watch::Receiver<Heads>,
	) -> Self {
		Self {
			operator: AccountId(config.operator.account.0),
			service,
			deals: DealCache::new(chain.clone()),
			chain,
			store,
			verifier,
			metrics,
			limits: Arc::new(Limits::new(&config.limits)),
			heads,
			reserve: config.store.reserve.0,
			valid_blocks: config.receipts.valid_blocks,
			idle: Duration::from_secs(config.limits.idle_secs),
		}
	}
}

/// The API's routes.
pub fn router(app: Arc<App>) -> Router {
	let receipts = post(receipt::post)
		.layer(DefaultBodyLimit::max(wire::MAX_RECEIPT_REQUEST_BYTES))
		.layer(middleware::from_fn_with_state(app.clone(), admit_receipt));
	Router::new()
		.route(wire::HEALTH, get(health))
		// Uploads are streams with limits of their own.
		.route(wire::UPLOAD_ROUTE, put(upload::put).layer(DefaultBodyLimit::disable()))
		.route(wire::STAGED_ROUTE, get(upload::list))
		.route(wire::RECEIPT_ROUTE, receipts)
		.route(wire::BLOBS_ROUTE, get(read::blobs))
		.route(wire::WITNESS_ROUTE, get(read::witness))
		.route(wire::OBJECT_ROUTE, get(read::object))
		.fallback(|| async { ApiError::not_found("no such path") })
		.method_not_allowed_fallback(|| async {
			let code = wire::ErrorCode::BadRequest;
			ApiError::new(StatusCode::METHOD_NOT_ALLOWED, code, "no such method here")
		})
		.layer(middleware::from_fn(plain_errors))
		.layer(middleware::from_fn_with_state(app.clone(), admit))
		.with_state(app)
}

/// The gate of every request, and its count.
async fn admit(
	State(app): State<Arc<App>>,
	ConnectInfo(client): ConnectInfo<SocketAddr>,
	request: Request,
	next: Next,
) -> Response {
	let route = request.extensions().get::<MatchedPath>().cloned();
	let route = route.as_ref().map_or("other", |path| path.as_str());
	let response = match app.limits.admit(client.ip()) {
		// Held until the answer's head is made: a body that is read slowly costs a file and no more.
		Ok(_admitted) => next.run(request).await,
		Err(error) => error.into_response(),
	};
	app.metrics.requests.with_label_values(&[route, response.status().as_str()]).inc();
	response
}

/// Room in memory for a receipt's request, before its body is read.
async fn admit_receipt(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
	match app.limits.receipt().await {
		Ok(_permit) => next.run(request).await,
		Err(error) => error.into_response(),
	}
}

/// Gives the framework's own refusals (a path that does not parse, a body too long) the form of all others.
async fn plain_errors(request: Request, next: Next) -> Response {
	let response = next.run(request).await;
	let status = response.status();
	let is_json = response
		.headers()
		.get(axum::http::header::CONTENT_TYPE)
		.is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
	if is_json || !(status.is_client_error() || status.is_server_error()) {
		return response;
	}
	let code = match status {
		StatusCode::PAYLOAD_TOO_LARGE => wire::ErrorCode::TooLarge,
		StatusCode::NOT_FOUND => wire::ErrorCode::NotFound,
		status if status.is_client_error() => wire::ErrorCode::BadRequest,
		_ => wire::ErrorCode::Internal,
	};
	let text = axum::body::to_bytes(response.into_body(), 1024).await.unwrap_or_default();
	let text = String::from_utf8_lossy(&text);
	let reason = status.canonical_reason().unwrap_or("refused");
	ApiError::new(status, code, if text.is_empty() { reason } else { &text }).into_response()
}

/// `GET` of who this is and how it fares.
async fn health(State(app): State<Arc<App>>) -> ApiResult<Json<Health>> {
	let (store, reserve) = (app.store.clone(), app.reserve);
	let free_bytes = spawn_blocking(move || store.free_bytes(reserve)).await??;
	let heads = *app.heads.borrow();
	Ok(Json(Health {
		operator: app.operator,
		service_key: SerdeBytes(app.service.public_key()),
		version: env!("CARGO_PKG_VERSION").into(),
		genesis: SerdeBytes(app.chain.genesis()),
		chain: ChainHealth { best: heads.best.number, finalised: heads.finalised.number },
		free_bytes,
		// What is counted already: anybody may ask.
		quarantine: u64::try_from(app.metrics.quarantine.get()).unwrap_or_default(),
		refused: app.metrics.refused_kinds(),
		repairs: app.metrics.repair_health(),
	}))
}

/// The metrics' routes, for a listener of their own.
pub fn metrics_router(metrics: Arc<Metrics>) -> Router {
	let render = move || async move {
		metrics
			.render()
			.map_err(ApiError::internal)
			.map(|text| ([(axum::http::header::CONTENT_TYPE, "text/plain; version=0.0.4")], text))
	};
	Router::new().route("/metrics", get(render))
}
