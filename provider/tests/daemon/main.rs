//! The daemon over HTTP, with a chain that the test sets.

mod chain;
mod following;
mod late;
mod peers;
mod proving;
mod receipts;
mod refusing;
mod repairing;
mod restoring;
mod rounds;
mod uploads;

use chain::{DEAL, FakeChain, GENESIS};
use codec::{Decode, Encode};
use nil_client::{
	account::AccountId,
	keys::{Signer, verify_signature},
	wire::{self, ErrorBody, ErrorCode, Receipt, ReceiptRequest, SignedToken},
};
use nil_kzg::Engines;
use nil_provider::{config::Config, daemon::Daemon, store::Store, unix_now};
use nil_slab::encode::{EncodedMdu, MduEncoder};
use nil_types::{
	CodeKind, Hash32, Profile, ReceiptMessage, UploadToken, blake2b_256,
	layout::{BLOB_PAYLOAD, MDU_PAYLOAD},
	messages::roots_hash,
};
use reqwest::{Response, StatusCode, header::AUTHORIZATION};
use std::{
	path::Path,
	sync::{Arc, LazyLock},
	time::Duration,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// 2 rows of 32 for 3 live blobs of an MDU; slot 0 and 1 hold data, 2 and 3 parity. Slot 3 is a stranger's.
fn profile() -> Profile {
	Profile::new(2, 2, CodeKind::Fr).unwrap()
}

/// A commit: its payload is 3 data blobs long, so 2 rows are live.
struct Commit {
	mdus: Vec<EncodedMdu>,
	index: Vec<u8>,
	size: u64,
}

impl Commit {
	fn of(size: usize) -> Self {
		let encoder = MduEncoder::new(profile(), Engines::pippenger()).unwrap();
		let payload: Vec<u8> = (0..size).map(|at| (at * 31 % 251) as u8).collect();
		let mdus = payload.chunks(MDU_PAYLOAD).map(|mdu| encoder.encode(mdu).unwrap()).collect();
		Self { mdus, index: payload[size - 9..].to_vec(), size: size as u64 }
	}

	fn roots(&self) -> Vec<Hash32> {
		self.mdus.iter().map(|mdu| mdu.root).collect()
	}

	fn body(&self, slot: u8) -> Vec<u8> {
		let mut body = wire::upload_prefix(&self.mdus[0].witness.encode());
		body.extend(&self.mdus[0].shards[usize::from(slot)]);
		body
	}

	fn request(&self) -> ReceiptRequest {
		ReceiptRequest { roots: self.roots(), index: self.index.clone(), size_bytes: self.size }
	}
}

/// The commit that most tests upload.
static COMMIT: LazyLock<Commit> = LazyLock::new(|| Commit::of(2 * BLOB_PAYLOAD + 100));
/// Another one of the same shape.
static OTHER: LazyLock<Commit> = LazyLock::new(|| Commit::of(2 * BLOB_PAYLOAD + 101));

/// What takes the place of asking the disk how many bytes are free.
type Disk = Arc<dyn Fn() -> u64 + Send + Sync>;

struct World {
	chain: Arc<FakeChain>,
	owner: Signer,
	service: Signer,
	/// The operator's key, when the daemon has it.
	operator: Option<Signer>,
	daemon: Option<Daemon>,
	/// The disk, when it is not the real one.
	disk: Option<Disk>,
	http: reqwest::Client,
	settings: String,
	dir: TempDir,
}

impl World {
	async fn new() -> Self {
		Self::with("").await
	}

	/// With further settings, TOML.
	async fn with(settings: &str) -> Self {
		let mut world = Self::stopped(settings);
		world.start().await;
		world
	}

	/// With further settings, TOML, and not started yet.
	fn stopped(settings: &str) -> Self {
		let owner = Signer::from_uri("//Alice").unwrap();
		let operator = operator();
		let service = Signer::from_uri("//Service").unwrap();
		let chain = FakeChain::new(owner.account_id(), operator, service.public_key(), profile());
		Self {
			chain: Arc::new(chain),
			owner,
			service,
			operator: None,
			daemon: None,
			disk: None,
			http: nil_client::http::plain_builder().unwrap().build().unwrap(),
			settings: settings.into(),
			dir: tempfile::tempdir().unwrap(),
		}
	}

	fn data(&self) -> std::path::PathBuf {
		self.dir.path().join("data")
	}

	async fn start(&mut self) {
		let text = format!(
			"node.url = \"ws://unused\"\noperator.account = \"{}\"\nservice.key_file = \"unused\"\n\
			 api.listen = \"127.0.0.1:0\"\nmetrics.listen = \"127.0.0.1:0\"\n{}",
			operator(),
			self.settings
		);
		let config = Config::parse(&text, &self.dir.path().join("provider.toml"), []).unwrap();
		let (mut store, recovery) = Store::open(&config.store.path).unwrap();
		if let Some(disk) = self.disk.clone() {
			store.pretend_free(move || disk());
		}
		let daemon = Daemon::start(
			&config,
			self.service.clone(),
			self.operator.clone(),
			self.chain.clone(),
			store,
			recovery,
			CancellationToken::new(),
		);
		self.daemon = Some(daemon.await.unwrap());
	}

	async fn restart(&mut self) {
		self.daemon.take().unwrap().stop().await.unwrap();
		self.start().await;
	}

	fn url(&self, path: &str) -> String {
		format!("http://{}{path}", self.daemon.as_ref().unwrap().api)
	}

	fn token(&self, slot: u8) -> UploadToken {
		UploadToken {
			genesis: GENESIS,
			deal: DEAL,
			generation: 1,
			slot,
			max_bytes: 1 << 30,
			expires: unix_now() + 60,
		}
	}

	fn auth(&self, slot: u8) -> String {
		SignedToken::sign(self.token(slot), &self.owner).to_header()
	}

	async fn upload(&self, slot: u8, body: Vec<u8>) -> Result<wire::Stored, Refusal> {
		self.upload_with(&self.auth(slot), 1, 0, slot, body).await
	}

	async fn upload_with(
		&self,
		auth: &str,
		generation: u32,
		mdu: u64,
		slot: u8,
		body: Vec<u8>,
	) -> Result<wire::Stored, Refusal> {
		let url = self.url(&wire::upload_path(DEAL, generation, mdu, slot));
		let response = self.http.put(url).header(AUTHORIZATION, auth).body(body).send().await;
		Ok(answer(response.unwrap()).await?.json().await.unwrap())
	}

	async fn staged(&self, slot: u8) -> Vec<wire::StagedMdu> {
		let url = self.url(&wire::staged_path(DEAL, 1, slot));
		let request = self.http.get(url).header(AUTHORIZATION, self.auth(slot));
		let response = request.send().await.unwrap();
		answer(response).await.unwrap().json::<wire::StagedList>().await.unwrap().staged
	}

	async fn receipt(&self, slot: u8, request: &ReceiptRequest) -> Result<Receipt, Refusal> {
		self.receipt_with(&self.auth(slot), slot, request).await
	}

	async fn receipt_with(
		&self,
		auth: &str,
		slot: u8,
		request: &ReceiptRequest,
	) -> Result<Receipt, Refusal> {
		let url = self.url(&wire::receipt_path(DEAL, 1, slot));
		let request = self.http.post(url).header(AUTHORIZATION, auth).body(request.encode());
		let bytes = answer(request.send().await.unwrap()).await?.bytes().await.unwrap();
		Ok(Receipt::decode(&mut &*bytes).unwrap())
	}

	/// Uploads `commit` to `slot` and gets its receipt.
	async fn promised(&self, slot: u8, commit: &Commit) -> Receipt {
		self.upload(slot, commit.body(slot)).await.unwrap();
		self.receipt(slot, &commit.request()).await.unwrap()
	}

	async fn get(&self, path: &str) -> Result<Vec<u8>, Refusal> {
		let response = self.http.get(self.url(path)).send().await.unwrap();
		Ok(answer(response).await?.bytes().await.unwrap().to_vec())
	}

	async fn blobs(&self, slot: u8) -> Result<Vec<u8>, Refusal> {
		self.get(&wire::blobs_path(DEAL, 0, slot, None)).await
	}

	/// The value of the metric `name`, without the prefix that all have; 0 when it was never set.
	async fn metric(&self, name: &str) -> u64 {
		let url = format!("http://{}/metrics", self.daemon.as_ref().unwrap().metrics.unwrap());
		let text = self.http.get(url).send().await.unwrap().text().await.unwrap();
		let name = format!("nil_provider_{name} ");
		let line = text.lines().find_map(|line| line.strip_prefix(&name));
		line.map_or(0, |value| value.parse().unwrap())
	}

	/// Whether `receipt` is one for `commit`.
	fn holds(&self, receipt: &Receipt, commit: &Commit) -> bool {
		let message = ReceiptMessage {
			genesis: GENESIS,
			deal: DEAL,
			generation: 1,
			slot: receipt.slot,
			roots_hash: roots_hash(&commit.roots()),
			index_root: blake2b_256(&commit.index),
			size_bytes: commit.size,
			index_len: commit.index.len() as u32,
			until: receipt.until,
		};
		let key = self.service.public_key();
		verify_signature(&key, &message.signing_bytes(), &receipt.signature)
	}
}

fn operator() -> AccountId {
	Signer::from_uri("//Operator").unwrap().account_id()
}

/// An answer that is not a success.
#[derive(Debug)]
struct Refusal {
	status: StatusCode,
	body: ErrorBody,
}

impl Refusal {
	#[track_caller]
	fn is(&self, status: u16, code: ErrorCode) {
		assert_eq!((self.status.as_u16(), self.body.code), (status, code), "{self:?}");
		assert!(!self.body.error.is_empty());
	}
}

async fn answer(response: Response) -> Result<Response, Refusal> {
	let status = response.status();
	if status.is_success() {
		return Ok(response);
	}
	Err(Refusal { status, body: response.json().await.unwrap() })
}

/// Files below `dir`, however deep.
fn files(dir: &Path) -> Vec<std::path::PathBuf> {
	let mut found = Vec::new();
	for entry in std::fs::read_dir(dir).unwrap() {
		let path = entry.unwrap().path();
		if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
	}
	found
}

/// Waits for a condition.
async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
	for _ in 0..400 {
		if condition().await {
			return;
		}
		tokio::time::sleep(Duration::from_millis(25)).await;
	}
	panic!("not within 10 s: {what}");
}
