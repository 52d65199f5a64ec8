//! Providers that keep shards in memory, speak the real interface over real sockets, and misbehave when told to.

use super::chain::{DEAL, FakeChain, GENESIS, NOW};
use axum::{
	Json, Router,
	body::Bytes,
	extract::{DefaultBodyLimit, Path, Query, State},
	http::{HeaderMap, StatusCode, header},
	response::{IntoResponse, Response},
	routing::{get, post, put},
};
use codec::{Decode, Encode};
use nil_client::{
	keys::Signer,
	wire::{
		self, Endpoint, ErrorBody, ErrorCode, Receipt, ReceiptRequest, RowRange, SignedToken,
		StagedList, StagedMdu, Stored,
	},
};
use nil_slab::Witness;
use nil_types::{
	Hash32, MduIndex, ReceiptMessage, blake2b_256, deal::SerdeBytes, layout::BLOB_BYTES,
	messages::roots_hash,
};
use std::{
	collections::{BTreeMap, BTreeSet, HashMap},
	sync::{
		Arc, Mutex,
		atomic::{AtomicUsize, Ordering},
	},
	time::Duration,
};
use tokio::net::TcpListener;

/// How late a slow provider is: less than the client's patience with one answer.
pub const LATE: Duration = Duration::from_secs(28);
/// How long a leisurely provider takes.
const MOMENT: Duration = Duration::from_millis(100);

/// How a provider answers reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
	#[default]
	Honest,
	/// One bit of every blob is wrong.
	Flip,
	/// Blobs come in the wrong order.
	Swap,
	/// Some bytes are missing at the end.
	Truncate,
	/// A scalar above the group order that means the same.
	Alias,
	/// The right answer, late.
	Slow,
	/// The right answer after a moment, so that reads that can overlap do.
	Leisurely,
	/// It has lost everything that it signed for.
	Lost,
	/// Witnesses, roots and indexes of its own making.
	LyingObjects,
}

/// By generation and place in the slab: the MDU's root and the slot's blobs.
type Shards = BTreeMap<(u32, MduIndex), (Hash32, Vec<u8>)>;

pub struct Provider {
	pub slot: u8,
	pub operator: Signer,
	pub service: Signer,
	chain: Arc<FakeChain>,
	shards: Mutex<Shards>,
	witnesses: Mutex<HashMap<Hash32, Vec<u8>>>,
	objects: Mutex<HashMap<Hash32, Vec<u8>>>,
	pub manner: Mutex<Manner>,
	/// Uploads taken.
	pub uploads: AtomicUsize,
	/// Reads of blobs answered.
	pub reads: AtomicUsize,
	/// Refuse uploads after so many.
	pub upload_limit: AtomicUsize,
	/// Uploads that are being taken now, over all providers, and the most there ever were.
	gauge: Arc<Gauge>,
	/// The same of reads of blobs.
	reading: Arc<Gauge>,
	server: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

/// Distinct MDUs that are being uploaded, or read, at a time.
#[derive(Default)]
pub struct Gauge {
	now: Mutex<HashMap<MduIndex, usize>>,
	pub most: AtomicUsize,
	/// All that there were.
	pub seen: Mutex<BTreeSet<MduIndex>>,
}

impl Gauge {
	fn enter(&self, mdu: MduIndex) {
		let mut now = self.now.lock().unwrap();
		*now.entry(mdu).or_default() += 1;
		self.most.fetch_max(now.len(), Ordering::SeqCst);
		self.seen.lock().unwrap().insert(mdu);
	}

	fn leave(&self, mdu: MduIndex) {
		let mut now = self.now.lock().unwrap();
		let count = now.get_mut(&mdu).unwrap();
		*count -= 1;
		if *count == 0 {
			now.remove(&mdu);
		}
	}
}

/// An MDU that is being read until this is dropped, as it is when the reader goes away.
struct Read {
	gauge: Arc<Gauge>,
	mdu: MduIndex,
}

impl Read {
	fn of(gauge: &Arc<Gauge>, mdu: MduIndex) -> Self {
		gauge.enter(mdu);
		Self { gauge: gauge.clone(), mdu }
	}
}

impl Drop for Read {
	fn drop(&mut self) {
		self.gauge.leave(self.mdu);
	}
}

impl Provider {
	pub async fn start(
		slot: u8,
		chain: Arc<FakeChain>,
		gauge: Arc<Gauge>,
		reading: Arc<Gauge>,
	) -> Arc<Self> {
		let provider = Arc::new(Self {
			slot,
			operator: Signer::from_uri(&format!("//operator{slot}")).unwrap(),
			service: Signer::from_uri(&format!("//service{slot}")).unwrap(),
			chain,
			shards: Mutex::default(),
			witnesses: Mutex::default(),
			objects: Mutex::default(),
			manner: Mutex::default(),
			uploads: AtomicUsize::new(0),
			reads: AtomicUsize::new(0),
			upload_limit: AtomicUsize::new(usize::MAX),
			gauge,
			reading,
			server: Mutex::default(),
		});
		provider.clone().listen().await;
		provider
	}

	pub async fn listen(self: Arc<Self>) {
		let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
		let address = Endpoint::of_socket(listener.local_addr().unwrap()).to_string();
		self.chain.set_slot(self.slot, &self.operator, &self.service, address);
		let router = Router::new()
			.route(wire::UPLOAD_ROUTE, put(upload))
			.route(wire::STAGED_ROUTE, get(staged))
			.route(wire::RECEIPT_ROUTE, post(receipt))
			.route(wire::BLOBS_ROUTE, get(blobs))
			.route(wire::WITNESS_ROUTE, get(witness))
			.route(wire::OBJECT_ROUTE, get(object))
			.layer(DefaultBodyLimit::disable())
			.with_state(self.clone());
		let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
		*self.server.lock().unwrap() = Some(server);
	}

	/// Stops answering; connections are refused from now on.
	pub async fn kill(&self) {
		let server = self.server.lock().unwrap().take();
		if let Some(server) = server {
			server.abort();
			let _ = server.await;
		}
		// Connections that stand live on in tasks of their own; the address leads nowhere from now on.
		let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
		let address = Endpoint::of_socket(closed.local_addr().unwrap()).to_string();
		self.chain.set_slot(self.slot, &self.operator, &self.service, address);
	}

	/// Loses roots, witnesses and indexes; the shards stay.
	pub fn forget_objects(&self) {
		self.witnesses.lock().unwrap().clear();
		self.objects.lock().unwrap().clear();
	}

	pub fn behave(&self, manner: Manner) {
		*self.manner.lock().unwrap() = manner;
	}

	fn manner(&self) -> Manner {
		*self.manner.lock().unwrap()
	}

	fn authorised(&self, headers: &HeaderMap, generation: u32) -> Result<(), Response> {
		let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
		let token = value.and_then(|value| SignedToken::from_header(value).ok());
		let good = token.is_some_and(|token| {
			token.verify(&GENESIS, 1).is_ok()
				&& (token.token.deal, token.token.generation) == (DEAL, generation)
				&& token.token.slot == self.slot
		});
		good.then_some(()).ok_or_else(|| refuse(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized))
	}
}

fn refuse(status: StatusCode, code: ErrorCode) -> Response {
	let body = ErrorBody { error: format!("{code:?}"), code, retry: false };
	(status, Json(body)).into_response()
}

type Refusable<T> = Result<T, Response>;

async fn upload(
	State(provider): State<Arc<Provider>>,
	Path((deal, generation, mdu, slot)): Path<(u64, u32, u64, u8)>,
	headers: HeaderMap,
	body: Bytes,
) -> Refusable<Json<Stored>> {
	provider.authorised(&headers, generation)?;
	if deal != DEAL || slot != provider.slot {
		return Err(refuse(StatusCode::FORBIDDEN, ErrorCode::NotMySlot));
	}
	if generation != provider.chain.generation() + 1 || mdu < provider.chain.total_mdus() {
		return Err(refuse(StatusCode::CONFLICT, ErrorCode::WrongGeneration));
	}
	if provider.uploads.load(Ordering::SeqCst) >= provider.upload_limit.load(Ordering::SeqCst) {
		return Err(refuse(StatusCode::INSUFFICIENT_STORAGE, ErrorCode::BadRequest));
	}
	provider.gauge.enter(mdu);
	let profile = provider.chain.profile();
	let length = u32::from_le_bytes(body[..4].try_into().unwrap()) as usize;
	let witness = Witness::decode_strict(&body[4..4 + length]).unwrap();
	let blobs = &body[4 + length..];
	let rows = usize::from(profile.live_rows(witness.live));
	assert_eq!(blobs.len(), rows * BLOB_BYTES, "a whole shard");
	let root = witness.mdu_root(&profile).unwrap();
	provider.shards.lock().unwrap().insert((generation, mdu), (root, blobs.to_vec()));
	provider.witnesses.lock().unwrap().insert(root, witness.encode());
	provider.uploads.fetch_add(1, Ordering::SeqCst);
	tokio::task::yield_now().await;
	provider.gauge.leave(mdu);
	Ok(Json(Stored { root: SerdeBytes(root) }))
}

async fn staged(
	State(provider): State<Arc<Provider>>,
	Path((_, generation, _)): Path<(u64, u32, u8)>,
	headers: HeaderMap,
) -> Refusable<Json<StagedList>> {
	provider.authorised(&headers, generation)?;
	let shards = provider.shards.lock().unwrap();
	let staged = shards
		.range((generation, 0)..=(generation, u64::MAX))
		.map(|((_, mdu), (root, _))| StagedMdu { mdu: *mdu, root: SerdeBytes(*root) })
		.collect();
	Ok(Json(StagedList { staged }))
}

async fn receipt(
	State(provider): State<Arc<Provider>>,
	Path((_, generation, slot)): Path<(u64, u32, u8)>,
	headers: HeaderMap,
	body: Bytes,
) -> Refusable<Vec<u8>> {
	provider.authorised(&headers, generation)?;
	let request = ReceiptRequest::decode(&mut body.as_ref()).unwrap();
	let first = provider.chain.total_mdus();
	{
		let shards = provider.shards.lock().unwrap();
		for (place, root) in request.roots.iter().enumerate() {
			let kept = shards.get(&(generation, first + place as u64));
			if kept.is_none_or(|(kept, _)| kept != root) {
				return Err(refuse(StatusCode::CONFLICT, ErrorCode::NotStaged));
			}
		}
	}
	let roots = request.roots.as_flattened().to_vec();
	let index_root = blake2b_256(&request.index);
	let until = NOW + 600;
	let message = ReceiptMessage {
		genesis: GENESIS,
		deal: DEAL,
		generation,
		slot,
		roots_hash: roots_hash(&request.roots),
		index_root,
		size_bytes: request.size_bytes,
		index_len: request.index.len() as u32,
		until,
	};
	let mut objects = provider.objects.lock().unwrap();
	objects.insert(blake2b_256(&roots), roots);
	objects.insert(index_root, request.index);
	let signature = provider.service.sign(&message.signing_bytes());
	Ok(Receipt { slot, until, signature }.encode())
}

async fn blobs(
	State(provider): State<Arc<Provider>>,
	Path((_, mdu, slot)): Path<(u64, u64, u8)>,
	Query(query): Query<HashMap<String, String>>,
) -> Refusable<Vec<u8>> {
	let missing = || refuse(StatusCode::NOT_FOUND, ErrorCode::NotFound);
	assert_eq!(slot, provider.slot);
	let _read = Read::of(&provider.reading, mdu);
	let rows: RowRange = query["rows"].parse().map_err(|_| missing())?;
	let mut bytes = {
		let shards = provider.shards.lock().unwrap();
		// The newest generation that has this MDU: older ones were never committed.
		let (_, (_, shard)) =
			shards.iter().rev().find(|((_, place), _)| *place == mdu).ok_or_else(missing)?;
		let range = usize::from(rows.first) * BLOB_BYTES..(usize::from(rows.last) + 1) * BLOB_BYTES;
		shard.get(range).ok_or_else(missing)?.to_vec()
	};
	provider.reads.fetch_add(1, Ordering::SeqCst);
	match provider.manner() {
		Manner::Honest | Manner::LyingObjects => {},
		Manner::Flip => bytes.chunks_mut(BLOB_BYTES).for_each(|blob| blob[40] ^= 1),
		Manner::Swap => {
			if bytes.len() > BLOB_BYTES {
				bytes.rotate_left(BLOB_BYTES);
			} else {
				bytes.rotate_left(32);
			}
		},
		Manner::Truncate => bytes.truncate(bytes.len() - 7),
		Manner::Alias => bytes[..32].fill(0xff),
		Manner::Slow => tokio::time::sleep(LATE).await,
		Manner::Leisurely => tokio::time::sleep(MOMENT).await,
		Manner::Lost => return Err(missing()),
	}
	Ok(bytes)
}

async fn witness(
	State(provider): State<Arc<Provider>>,
	Path((_, root)): Path<(u64, String)>,
) -> Refusable<Vec<u8>> {
	by_hash(&provider, &provider.witnesses, &root)
}

async fn object(
	State(provider): State<Arc<Provider>>,
	Path((_, hash)): Path<(u64, String)>,
) -> Refusable<Vec<u8>> {
	by_hash(&provider, &provider.objects, &hash)
}

fn by_hash(
	provider: &Provider,
	all: &Mutex<HashMap<Hash32, Vec<u8>>>,
	hash: &str,
) -> Refusable<Vec<u8>> {
	let mut key = [0; 32];
	hex::decode_to_slice(hash, &mut key).unwrap();
	let found = all.lock().unwrap().get(&key).cloned();
	let mut bytes = found.ok_or_else(|| refuse(StatusCode::NOT_FOUND, ErrorCode::NotFound))?;
	if provider.manner() == Manner::LyingObjects {
		let last = bytes.len() - 1;
		bytes[last] ^= 1;
	}
	Ok(bytes)
}
