//! One provider, over its HTTP interface.
//!
//! Nothing that a provider answers is believed: sizes are bounded before they are read, whoever calls checks contents
//! against the chain, and what it says in words is cut short and made fit for terminals and logs.

use crate::{
	text::legible,
	wire::{
		self, Endpoint, ErrorBody, ErrorCode, Health, Receipt, ReceiptRequest, RowRange,
		SignedToken, StagedList, Stored,
	},
};
use bytes::{Bytes, BytesMut};
use codec::{DecodeAll, Encode};
use futures::{StreamExt, stream};
use nil_types::{
	DealId, Generation, Hash32, MduIndex, SlotIndex,
	layout::{BLOB_BYTES, MAX_INDEX_BYTES},
};
use reqwest::{
	Body, ClientBuilder, Method, RequestBuilder, Response, StatusCode,
	dns::{Addrs, Name, Resolve, Resolving},
	header,
};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use std::{
	io,
	net::SocketAddr,
	sync::{Arc, OnceLock},
	time::Duration,
};

/// The longest JSON answer that is read: a list of staged MDUs, 1,024 entries of about 100 bytes, fits many times.
const MAX_JSON: usize = 1024 * 1024;
/// The longest refusal that is read. A receipt, of some hundred bytes, is held to the same.
const MAX_ERROR: usize = 16 * 1024;
/// Characters of a refusal's words that are passed on.
const MAX_WORDS: usize = 200;

/// How long providers may take.
#[derive(Clone, Copy, Debug)]
pub struct HttpTimeouts {
	/// For a connection.
	pub connect: Duration,
	/// For the answer's next bytes.
	pub read: Duration,
	/// For a receipt: the provider checks every shard before it signs.
	pub receipt: Duration,
}

impl Default for HttpTimeouts {
	fn default() -> Self {
		Self {
			connect: Duration::from_secs(3),
			read: Duration::from_secs(30),
			receipt: Duration::from_secs(300),
		}
	}
}

/// Which addresses are asked. Addresses come from the chain, where anybody may write any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
	/// All: for people, who know their network, and whose deals' providers may stand in it.
	#[default]
	Anywhere,
	/// Those of the public internet alone, whatever names lead to: for a program that asks by itself, and that must not be
	/// made to knock at doors which only the machine that it runs on can reach.
	Public,
}

/// Why a provider did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
	/// It cannot be reached, or broke off.
	#[error("{url}: {reason}")]
	Unreachable {
		/// What was asked for.
		url: String,
		/// What happened.
		reason: String,
	},
	/// It refused.
	#[error("{url}: {status}: {error}")]
	Refused {
		/// What was asked for.
		url: String,
		/// The HTTP status.
		status: u16,
		/// The provider's words, at most some hundred characters and none that a terminal obeys.
		error: String,
		/// The provider's code.
		code: ErrorCode,
		/// Whether it says that a retry can help.
		retry: bool,
	},
	/// Its answer is not what the interface says.
	#[error("{url}: {reason}")]
	Malformed {
		/// What was asked for.
		url: String,
		/// What is wrong.
		reason: String,
	},
}

impl HttpError {
	/// Whether the same request may succeed later.
	pub const fn is_retryable(&self) -> bool {
		match self {
			Self::Unreachable { .. } => true,
			Self::Refused { status, retry, .. } => *retry || *status >= 500 || *status == 429,
			Self::Malformed { .. } => false,
		}
	}

	/// The provider's code when it refused.
	pub const fn code(&self) -> Option<ErrorCode> {
		match self {
			Self::Refused { code, .. } => Some(*code),
			Self::Unreachable { .. } | Self::Malformed { .. } => None,
		}
	}
}

/// Builds HTTP clients that go through no proxy and trust no certificate: for addresses without TLS.
///
/// reqwest is built without a cryptography of its own, so `reqwest::Client::new` panics; this brings ours.
pub fn plain_builder() -> Result<ClientBuilder, HttpError> {
	builder(RootCertStore::empty())
}

/// Builds HTTP clients that accept the certificates that lead to `roots`.
fn builder(roots: RootCertStore) -> Result<ClientBuilder, HttpError> {
	let mut tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
		.with_safe_default_protocol_versions()
		.map_err(|error| no_client(&error))?
		.with_root_certificates(roots)
		.with_no_client_auth();
	tls.alpn_protocols = vec![b"http/1.1".to_vec()];
	Ok(reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls))
}

fn no_client(error: &dyn std::error::Error) -> HttpError {
	HttpError::Unreachable { url: "the HTTP client".to_owned(), reason: error.to_string() }
}

/// The certificate authorities that this machine trusts; `SSL_CERT_FILE` and `SSL_CERT_DIR` override them. Without any,
/// every certificate is refused.
fn system_roots() -> RootCertStore {
	let found = rustls_native_certs::load_native_certs();
	for error in &found.errors {
		tracing::warn!(%error, "cannot read a certificate authority");
	}
	let mut roots = RootCertStore::empty();
	roots.add_parsable_certificates(found.certs);
	roots
}

/// Looks names up as usual, and keeps what is of the public internet. The connection is made to what is returned here, so
/// that no second answer can lead elsewhere.
struct PublicNames;

impl Resolve for PublicNames {
	fn resolve(&self, name: Name) -> Resolving {
		Box::pin(async move {
			match public_addresses(name.as_str()).await {
				Ok(found) => Ok(Box::new(found.into_iter()) as Addrs),
				Err(error) => Err(Box::new(error) as Box<dyn std::error::Error + Send + Sync>),
			}
		})
	}
}

async fn public_addresses(name: &str) -> io::Result<Vec<SocketAddr>> {
	// Port 0 stands for the URL's.
	let found = tokio::net::lookup_host((name, 0)).await?;
	let public: Vec<_> = found.filter(|address| wire::is_public(address.ip())).collect();
	if public.is_empty() {
		return Err(io::Error::other(format!("{name} has no address of the public internet")));
	}
	Ok(public)
}

/// Makes clients for providers; they share connections.
#[derive(Clone, Debug)]
pub struct Http {
	plain: reqwest::Client,
	/// Made when the first address with TLS is met: reading what the machine trusts takes longer than most commands.
	tls: Arc<OnceLock<reqwest::Client>>,
	timeouts: HttpTimeouts,
	reach: Reach,
}

impl Http {
	/// With these timeouts, for all addresses.
	pub fn new(timeouts: HttpTimeouts) -> Result<Self, HttpError> {
		Self::with_reach(timeouts, Reach::Anywhere)
	}

	/// With these timeouts, for the addresses that `reach` says.
	pub fn with_reach(timeouts: HttpTimeouts, reach: Reach) -> Result<Self, HttpError> {
		let plain = Self::client(timeouts, reach, RootCertStore::empty())?;
		Ok(Self { plain, tls: Arc::default(), timeouts, reach })
	}

	fn client(
		timeouts: HttpTimeouts,
		reach: Reach,
		roots: RootCertStore,
	) -> Result<reqwest::Client, HttpError> {
		let builder = builder(roots)?
			.connect_timeout(timeouts.connect)
			.read_timeout(timeouts.read)
			// An announced address must not lead elsewhere, neither by redirection nor through a proxy.
			.redirect(reqwest::redirect::Policy::none());
		let builder = match reach {
			Reach::Anywhere => builder,
			Reach::Public => builder.dns_resolver(PublicNames),
		};
		builder.build().map_err(|error| no_client(&error))
	}

	/// The provider at `endpoint`. Refused when that is an address beyond this client's [`Reach`]; a name is judged whenever
	/// it is looked up.
	pub fn provider(&self, endpoint: Endpoint) -> Result<ProviderClient, HttpError> {
		let barred = endpoint.ip().is_some_and(|ip| !wire::is_public(ip));
		if barred && self.reach == Reach::Public {
			return Err(HttpError::Unreachable {
				url: endpoint.base_url(),
				reason: "not an address of the public internet".to_owned(),
			});
		}
		let client = if endpoint.is_tls() {
			// One that trusts nobody serves as well when none can be made: it refuses, and says so.
			let make = || {
				Self::client(self.timeouts, self.reach, system_roots())
					.unwrap_or_else(|_| self.plain.clone())
			};
			self.tls.get_or_init(make).clone()
		} else {
			self.plain.clone()
		};
		Ok(ProviderClient { client, receipt_timeout: self.timeouts.receipt, endpoint })
	}
}

/// One provider.
#[derive(Clone, Debug)]
pub struct ProviderClient {
	client: reqwest::Client,
	receipt_timeout: Duration,
	endpoint: Endpoint,
}

impl ProviderClient {
	/// Where it is.
	pub fn endpoint(&self) -> &Endpoint {
		&self.endpoint
	}

	/// `GET /v1/health`.
	pub async fn health(&self) -> Result<Health, HttpError> {
		let answer = self.send(self.request(Method::GET, wire::HEALTH)).await?;
		answer.json().await
	}

	/// Uploads one slot's live blobs of an MDU. `prefix` is [`wire::upload_prefix`] of the witness; both are shared, not
	/// copied.
	pub async fn upload(
		&self,
		at: UploadAt,
		token: &SignedToken,
		prefix: Bytes,
		blobs: Bytes,
	) -> Result<Stored, HttpError> {
		let length = prefix.len().saturating_add(blobs.len());
		// Pieces of a blob, so that the connection's buffers stay small.
		let pieces: Vec<io::Result<Bytes>> =
			std::iter::once(prefix)
				.chain((0..blobs.len()).step_by(BLOB_BYTES).map(|start| {
					blobs.slice(start..start.saturating_add(BLOB_BYTES).min(blobs.len()))
				}))
				.map(Ok)
				.collect();
		let UploadAt { deal, generation, mdu, slot } = at;
		let request = self
			.request(Method::PUT, &wire::upload_path(deal, generation, mdu, slot))
			.header(header::AUTHORIZATION, token.to_header())
			.header(header::CONTENT_TYPE, "application/octet-stream")
			.header(header::CONTENT_LENGTH, length)
			.body(Body::wrap_stream(stream::iter(pieces)));
		self.send(request).await?.json().await
	}

	/// What is staged for a slot of a commit.
	pub async fn staged(
		&self,
		deal: DealId,
		generation: Generation,
		slot: SlotIndex,
		token: &SignedToken,
	) -> Result<StagedList, HttpError> {
		let request = self
			.request(Method::GET, &wire::staged_path(deal, generation, slot))
			.header(header::AUTHORIZATION, token.to_header());
		self.send(request).await?.json().await
	}

	/// Asks for a slot's receipt of a commit.
	pub async fn receipt(
		&self,
		deal: DealId,
		generation: Generation,
		slot: SlotIndex,
		token: &SignedToken,
		body: &ReceiptRequest,
	) -> Result<Receipt, HttpError> {
		let request = self
			.request(Method::POST, &wire::receipt_path(deal, generation, slot))
			.header(header::AUTHORIZATION, token.to_header())
			.header(header::CONTENT_TYPE, "application/octet-stream")
			.timeout(self.receipt_timeout)
			.body(body.encode());
		let answer = self.send(request).await?;
		let url = answer.url.clone();
		let bytes = answer.bytes(MAX_ERROR).await?;
		Receipt::decode_all(&mut bytes.as_ref())
			.map_err(|error| HttpError::Malformed { url, reason: error.to_string() })
	}

	/// A slot's blobs of an MDU in rows `rows`, back to back; exactly so many.
	pub async fn blobs(
		&self,
		deal: DealId,
		mdu: MduIndex,
		slot: SlotIndex,
		rows: RowRange,
	) -> Result<Bytes, HttpError> {
		let path = wire::blobs_path(deal, mdu, slot, Some(rows));
		let answer = self.send(self.request(Method::GET, &path)).await?;
		let url = answer.url.clone();
		let expected = rows.count().saturating_mul(BLOB_BYTES);
		let bytes = answer.bytes(expected).await?;
		if bytes.len() != expected {
			let reason = format!("{} bytes: {expected} were asked for", bytes.len());
			return Err(HttpError::Malformed { url, reason });
		}
		Ok(bytes)
	}

	/// The SCALE witness of the MDU with this root.
	pub async fn witness(&self, deal: DealId, mdu_root: &Hash32) -> Result<Bytes, HttpError> {
		let path = wire::witness_path(deal, mdu_root);
		self.send(self.request(Method::GET, &path)).await?.bytes(wire::MAX_WITNESS_BYTES).await
	}

	/// A roots list or an index with this hash.
	pub async fn object(&self, deal: DealId, hash: &Hash32) -> Result<Bytes, HttpError> {
		let path = wire::object_path(deal, hash);
		self.send(self.request(Method::GET, &path)).await?.bytes(MAX_INDEX_BYTES as usize).await
	}

	fn request(&self, method: Method, path: &str) -> RequestBuilder {
		self.client.request(method, format!("{}{path}", self.endpoint.base_url()))
	}

	async fn send(&self, request: RequestBuilder) -> Result<Answer, HttpError> {
		let response = request.send().await.map_err(|error| HttpError::Unreachable {
			url: error.url().map_or_else(|| self.endpoint.base_url(), ToString::to_string),
			reason: root_cause(&error),
		})?;
		let url = response.url().to_string();
		let status = response.status();
		let answer = Answer { url, response };
		if status == StatusCode::OK {
			return Ok(answer);
		}
		let url = answer.url.clone();
		let body = answer.bytes(MAX_ERROR).await.unwrap_or_default();
		let (error, code, retry) = match serde_json::from_slice(&body) {
			Ok(ErrorBody { error, code, retry }) => (error, code, retry),
			Err(_) => (String::from_utf8_lossy(&body).into_owned(), ErrorCode::Internal, false),
		};
		Err(HttpError::Refused { url, status: status.as_u16(), error: words(&error), code, retry })
	}
}

/// The place of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadAt {
	/// The deal.
	pub deal: DealId,
	/// The generation that the commit will make.
	pub generation: Generation,
	/// The MDU in the slab.
	pub mdu: MduIndex,
	/// The slot.
	pub slot: SlotIndex,
}

/// A successful answer whose body has not been read.
struct Answer {
	url: String,
	response: Response,
}

impl Answer {
	/// The body, refused when longer than `limit`.
	async fn bytes(self, limit: usize) -> Result<Bytes, HttpError> {
		let Self { url, response } = self;
		let too_long =
			|url: String| HttpError::Malformed { url, reason: format!("more than {limit} bytes") };
		let announced = response.content_length().and_then(|length| usize::try_from(length).ok());
		if announced.is_some_and(|length| length > limit) {
			return Err(too_long(url));
		}
		let mut body = BytesMut::with_capacity(announced.unwrap_or(0).min(limit));
		let mut pieces = response.bytes_stream();
		while let Some(piece) = pieces.next().await {
			let piece = piece.map_err(|error| HttpError::Unreachable {
				url: url.clone(),
				reason: root_cause(&error),
			})?;
			if body.len().saturating_add(piece.len()) > limit {
				return Err(too_long(url));
			}
			body.extend_from_slice(&piece);
		}
		Ok(body.freeze())
	}

	async fn json<T: serde::de::DeserializeOwned>(self) -> Result<T, HttpError> {
		let url = self.url.clone();
		let body = self.bytes(MAX_JSON).await?;
		// What is wrong may be told in the provider's own words.
		serde_json::from_slice(&body)
			.map_err(|error| HttpError::Malformed { url, reason: words(&error.to_string()) })
	}
}

/// What a provider said, for people.
fn words(text: &str) -> String {
	let short: String = text.chars().take(MAX_WORDS).collect();
	let cut = if short.len() < text.len() { "…" } else { "" };
	format!("{}{cut}", legible(&short))
}

/// The innermost cause: reqwest's own words only repeat the URL.
fn root_cause(error: &reqwest::Error) -> String {
	let mut cause: &dyn std::error::Error = error;
	while let Some(inner) = cause.source() {
		cause = inner;
	}
	// A certificate's names, say, are the other side's.
	legible(&cause.to_string()).into_owned()
}

#[cfg(test)]
mod tests;
