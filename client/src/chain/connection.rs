//! One connection to a node that is made again whenever it breaks.

use super::{
	BlockRef, ChainError,
	events::BlockClient,
	submit::Accounts,
	view::{At, View},
};
use nil_types::Hash32;
use serde::de::DeserializeOwned;
use std::{fmt, sync::Arc, time::Duration};
use subxt::{
	OnlineClient, SubstrateConfig,
	backend::LegacyBackend,
	rpcs::{
		self, RpcClient,
		client::{RpcParams, rpc_params},
	},
};
use tokio::{
	sync::Mutex,
	time::{Instant, sleep, timeout},
};

/// How a [`Chain`] connects and how patient it is.
#[derive(Clone, Debug)]
pub struct ChainConfig {
	/// The node's WebSocket URL, such as `ws://127.0.0.1:9944`.
	pub url: String,
	/// How long [`Chain::connect_with`] waits for the node.
	pub connect_timeout: Duration,
	/// How long each later request waits for a node that went away.
	pub retry_for: Duration,
	/// How long a node may take for one answer.
	pub request_timeout: Duration,
	/// How often the head is looked at while a transaction is under way.
	pub poll_interval: Duration,
}

impl ChainConfig {
	/// For a node at `url`, with the usual patience: 10 s to connect, 60 s for a node that restarts.
	pub fn new(url: impl Into<String>) -> Self {
		Self {
			url: url.into(),
			connect_timeout: Duration::from_secs(10),
			retry_for: Duration::from_secs(60),
			request_timeout: Duration::from_secs(30),
			poll_interval: Duration::from_millis(250),
		}
	}
}

/// A connection to a node. Clones share it.
#[derive(Clone)]
pub struct Chain {
	pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
	pub(super) config: ChainConfig,
	genesis: Hash32,
	link: Mutex<Option<Arc<Link>>>,
	pub(super) accounts: Accounts,
}

/// One WebSocket, and subxt's view of it (metadata, the form of transactions).
pub(super) struct Link {
	pub(super) rpc: RpcClient,
	pub(super) client: OnlineClient<SubstrateConfig>,
}

impl fmt::Debug for Chain {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.debug_struct("Chain")
			.field("url", &self.inner.config.url)
			.field("genesis", &hex::encode(self.inner.genesis))
			.finish_non_exhaustive()
	}
}

impl Chain {
	/// Connects to the node at `url` with the usual patience.
	pub async fn connect(url: &str) -> Result<Self, ChainError> {
		Self::connect_with(ChainConfig::new(url)).await
	}

	/// Connects to a node; tries again until [`ChainConfig::connect_timeout`] is over.
	pub async fn connect_with(config: ChainConfig) -> Result<Self, ChainError> {
		let link = open(&config, config.connect_timeout).await?;
		Ok(Self::over(link, config))
	}

	fn over(link: Link, config: ChainConfig) -> Self {
		let genesis = link.client.genesis_hash().0;
		let link = Mutex::new(Some(Arc::new(link)));
		Self { inner: Arc::new(Inner { config, genesis, link, accounts: Accounts::default() }) }
	}

	/// Hash of block 0.
	pub fn genesis(&self) -> Hash32 {
		self.inner.genesis
	}

	/// The node's URL.
	pub fn url(&self) -> &str {
		&self.inner.config.url
	}

	/// Reads at the best block of the moment of each read.
	pub fn best(&self) -> View<'_> {
		View::new(self, At::Best)
	}

	/// Reads at the finalised block of the moment of each read.
	pub fn finalised(&self) -> View<'_> {
		View::new(self, At::Finalised)
	}

	/// Reads at one block.
	pub fn at(&self, block: Hash32) -> View<'_> {
		View::new(self, At::Block(block))
	}

	/// The block that `at` means now.
	pub async fn head(&self, at: At) -> Result<BlockRef, ChainError> {
		let hash = match at {
			At::Best => self.block_hash(None).await?.unwrap_or(self.inner.genesis),
			At::Finalised => self.finalised_hash().await?,
			At::Block(hash) => hash,
		};
		let number = self.block_number(hash).await?.ok_or_else(|| ChainError::Decode {
			what: format!("block 0x{}", hex::encode(hash)),
			reason: "the node does not have it".to_owned(),
		})?;
		Ok(BlockRef { number, hash })
	}

	/// Whether `block` is final. That finality has come as far as its number is not enough: it may have come there on another
	/// branch.
	pub(super) async fn is_final(&self, block: BlockRef) -> Result<bool, ChainError> {
		let head = self.head(At::Finalised).await?;
		Ok(head.number >= block.number
			&& self.block_hash(Some(block.number)).await? == Some(block.hash))
	}

	/// The hash of block `number` on the best chain, or of the best block.
	pub async fn block_hash(&self, number: Option<u32>) -> Result<Option<Hash32>, ChainError> {
		let hash: Option<String> =
			self.request("chain_getBlockHash", || rpc_params![number]).await?;
		hash.map(|text| parse_hash("a block's hash", &text)).transpose()
	}

	pub(super) async fn finalised_hash(&self) -> Result<Hash32, ChainError> {
		let hash: String = self.request("chain_getFinalizedHead", || rpc_params![]).await?;
		parse_hash("the finalised head", &hash)
	}

	pub(super) async fn block_number(&self, hash: Hash32) -> Result<Option<u32>, ChainError> {
		let header: Option<Header> =
			self.request("chain_getHeader", || rpc_params![to_hex(&hash)]).await?;
		header.map(|header| header.number()).transpose()
	}

	/// Calls a runtime API at `block` (`None`: the best one).
	pub(super) async fn runtime_call(
		&self,
		function: &str,
		arguments: &[u8],
		block: Option<Hash32>,
	) -> Result<Vec<u8>, ChainError> {
		let arguments = to_hex(arguments);
		let block = block.map(|hash| to_hex(&hash));
		let answer: String =
			self.request("state_call", || rpc_params![function, &arguments, &block]).await?;
		parse_hex(function, &answer)
	}

	/// One request; waits for a node that is away.
	pub(super) async fn request<T: DeserializeOwned>(
		&self,
		method: &str,
		params: impl Fn() -> RpcParams,
	) -> Result<T, ChainError> {
		let deadline = Instant::now() + self.inner.config.retry_for;
		loop {
			let link = self.link(deadline).await?;
			let asked = link.rpc.request(method, params());
			let reason = match timeout(self.inner.config.request_timeout, asked).await {
				Ok(Ok(answer)) => return Ok(answer),
				Ok(Err(rpcs::Error::User(refusal))) => {
					return Err(ChainError::Rpc {
						method: method.to_owned(),
						code: refusal.code,
						message: match refusal.data {
							Some(data) => format!("{}: {data}", refusal.message),
							None => refusal.message,
						},
					});
				},
				Ok(Err(rpcs::Error::Deserialization(error))) => {
					return Err(ChainError::Decode {
						what: method.to_owned(),
						reason: error.to_string(),
					});
				},
				Ok(Err(error)) => error.to_string(),
				Err(_) => "no answer in time".to_owned(),
			};
			self.drop_link(&link).await;
			if Instant::now() >= deadline {
				return Err(ChainError::Transport { method: method.to_owned(), reason });
			}
			tracing::debug!(method, reason, "the node is away, connecting again");
		}
	}

	/// The connection, made again when it broke.
	pub(super) async fn link(&self, deadline: Instant) -> Result<Arc<Link>, ChainError> {
		let mut slot = self.inner.link.lock().await;
		if let Some(link) = slot.as_ref() {
			return Ok(link.clone());
		}
		let patience = deadline.saturating_duration_since(Instant::now());
		let link = open(&self.inner.config, patience).await?;
		let found = link.client.genesis_hash().0;
		if found != self.inner.genesis {
			return Err(ChainError::OtherChain { expected: self.inner.genesis, found });
		}
		let link = Arc::new(link);
		*slot = Some(link.clone());
		Ok(link)
	}

	/// Forgets a connection that broke, unless somebody made a new one meanwhile.
	pub(super) async fn drop_link(&self, broken: &Arc<Link>) {
		let mut slot = self.inner.link.lock().await;
		if slot.as_ref().is_some_and(|link| Arc::ptr_eq(link, broken)) {
			*slot = None;
		}
	}

	/// subxt's client at `block`, for what needs metadata. Tried again once when the connection broke.
	pub(super) async fn client_at(&self, block: BlockRef) -> Result<BlockClient, ChainError> {
		let deadline = Instant::now() + self.inner.config.retry_for;
		loop {
			let link = self.link(deadline).await?;
			let at = link
				.client
				.at_block_hash_and_number(subxt::utils::H256(block.hash), block.number.into());
			match timeout(self.inner.config.request_timeout, at).await {
				Ok(Ok(client)) => return Ok(BlockClient::new(block, client)),
				other => {
					let reason = match other {
						Ok(Err(error)) => error.to_string(),
						_ => "no answer in time".to_owned(),
					};
					self.drop_link(&link).await;
					if Instant::now() >= deadline {
						return Err(ChainError::Transport { method: "metadata".into(), reason });
					}
					sleep(self.inner.config.poll_interval).await;
				},
			}
		}
	}
}

/// The parts of a header that are read.
#[derive(serde::Deserialize)]
struct Header {
	number: String,
}

impl Header {
	fn number(&self) -> Result<u32, ChainError> {
		let digits = self.number.strip_prefix("0x").unwrap_or(&self.number);
		u32::from_str_radix(digits, 16).map_err(|error| ChainError::Decode {
			what: "a header's number".to_owned(),
			reason: error.to_string(),
		})
	}
}

/// Connects, trying again with growing pauses until `patience` is over.
async fn open(config: &ChainConfig, patience: Duration) -> Result<Link, ChainError> {
	const FIRST_PAUSE: Duration = Duration::from_millis(100);
	const LONGEST_PAUSE: Duration = Duration::from_secs(2);
	let deadline = Instant::now() + patience;
	let mut pause = FIRST_PAUSE;
	loop {
		let reason = match timeout(config.request_timeout, open_once(&config.url)).await {
			Ok(Ok(link)) => return Ok(link),
			Ok(Err(reason)) => reason,
			Err(_) => "no answer in time".to_owned(),
		};
		if Instant::now() + pause >= deadline {
			return Err(ChainError::Connect { url: config.url.clone(), reason });
		}
		sleep(pause).await;
		pause = (pause * 2).min(LONGEST_PAUSE);
	}
}

async fn open_once(url: &str) -> Result<Link, String> {
	let rpc = RpcClient::from_insecure_url(url).await.map_err(|error| error.to_string())?;
	Link::over(rpc).await
}

impl Link {
	async fn over(rpc: RpcClient) -> Result<Self, String> {
		let backend: LegacyBackend<SubstrateConfig> = LegacyBackend::builder().build(rpc.clone());
		let client = OnlineClient::from_backend(Arc::new(backend))
			.await
			.map_err(|error| error.to_string())?;
		Ok(Self { rpc, client })
	}
}

pub(super) fn to_hex(bytes: &[u8]) -> String {
	format!("0x{}", hex::encode(bytes))
}

pub(super) fn parse_hex(what: &str, text: &str) -> Result<Vec<u8>, ChainError> {
	hex::decode(text.strip_prefix("0x").unwrap_or(text))
		.map_err(|error| ChainError::Decode { what: what.to_owned(), reason: error.to_string() })
}

pub(super) fn parse_hash(what: &str, text: &str) -> Result<Hash32, ChainError> {
	Hash32::try_from(parse_hex(what, text)?).map_err(|bytes| ChainError::Decode {
		what: what.to_owned(),
		reason: format!("{} bytes: must be 32", bytes.len()),
	})
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{account::AccountId, chain::Transaction};
	use serde_json::{Value, json};
	use subxt::rpcs::client::{RawRpcFuture, RawRpcSubscription, RawValue, RpcClientT};

	/// A node whose blocks have their number in every byte of their hash, and one transaction, which is the same byte. Block 5 is
	/// final, and no state is kept.
	struct Node;

	fn block(number: u8) -> BlockRef {
		BlockRef { number: number.into(), hash: [number; 32] }
	}

	fn answer(method: &str, params: &[Value]) -> Value {
		let hash = |number: u8| json!(to_hex(&block(number).hash));
		match (method, params) {
			("chain_getFinalizedHead", []) => hash(5),
			("chain_getBlockHash", [number]) => {
				hash(u8::try_from(number.as_u64().unwrap()).unwrap())
			},
			("chain_getHeader", [hash]) => {
				let hash = parse_hash("a hash", hash.as_str().unwrap()).unwrap();
				json!({ "number": format!("{:#x}", hash[0]) })
			},
			("chain_getBlock", [hash]) => {
				let hash = parse_hash("a hash", hash.as_str().unwrap()).unwrap();
				json!({ "block": { "extrinsics": [to_hex(&hash[..1])] } })
			},
			other => panic!("{other:?}"),
		}
	}

	impl RpcClientT for Node {
		fn request_raw<'a>(
			&'a self,
			method: &'a str,
			params: Option<Box<RawValue>>,
		) -> RawRpcFuture<'a, Box<RawValue>> {
			if method == "state_getRuntimeVersion" {
				let message = "UnknownBlock: State already discarded for 0x03".to_owned();
				let gone = rpcs::UserError { code: 4003, message, data: None };
				return Box::pin(async move { Err(rpcs::Error::User(gone)) });
			}
			let params: Vec<Value> =
				params.map(|raw| serde_json::from_str(raw.get()).unwrap()).unwrap_or_default();
			let answer = RawValue::from_string(answer(method, &params).to_string()).unwrap();
			Box::pin(async move { Ok(answer) })
		}

		fn subscribe_raw<'a>(
			&'a self,
			method: &'a str,
			_: Option<Box<RawValue>>,
			_: &'a str,
		) -> RawRpcFuture<'a, RawRpcSubscription> {
			panic!("{method}")
		}
	}

	#[tokio::test]
	async fn a_block_is_final_when_finality_came_to_it_and_not_past_it() {
		let link = Link::over(RpcClient::new(Node)).await.unwrap();
		let chain = Chain::over(link, ChainConfig::new("ws://unused"));
		assert!(chain.is_final(block(3)).await.unwrap());
		assert!(chain.is_final(block(5)).await.unwrap());
		assert!(!chain.is_final(block(6)).await.unwrap(), "finality is not there yet");
		// A block that the best chain had for a while.
		let dropped = BlockRef { number: 3, hash: [0xaa; 32] };
		assert!(!chain.is_final(dropped).await.unwrap(), "another one became final in its place");
	}

	#[tokio::test]
	async fn what_is_in_a_final_block_is_found_and_it_is_told_that_its_events_are_gone() {
		let link = Link::over(RpcClient::new(Node)).await.unwrap();
		let chain = Chain::over(link, ChainConfig::new("ws://unused"));
		let sent = |number: u8, birth: u8| Transaction {
			account: AccountId([1; 32]),
			nonce: 0,
			encoded: to_hex(&[number]),
			birth: block(birth),
		};
		let found = chain.find(&sent(3, 1)).await;
		assert!(matches!(&found, Err(ChainError::StateGone { block: b }) if *b == block(3)));
		assert!(chain.find(&sent(6, 1)).await.unwrap().is_none(), "it is not final");
		assert!(chain.find(&sent(1, 2)).await.unwrap().is_none(), "it was not sent before");
	}
}
