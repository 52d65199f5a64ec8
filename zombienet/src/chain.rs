//! A small client for the relay chain and for ours: heads, state, events, transactions.

use anyhow::{Context, Result, anyhow, bail};
use std::slice;
use zombienet_sdk::{
	subxt::{
		OnlineClient, PolkadotConfig,
		backend::{legacy::LegacyRpcMethods, rpc::RpcClient},
		config::polkadot::PolkadotExtrinsicParamsBuilder,
		dynamic::{self, DecodedValue, Value},
		events::Events,
		ext::scale_value::{self, Composite, Primitive, ValueDef},
		tx::{Payload, Signer, TxStatus},
		utils::H256,
	},
	subxt_signer::sr25519::Keypair,
};

/// How both chains encode accounts, headers and transactions.
pub type Config = PolkadotConfig;
/// A header of either chain.
pub type Header = <Config as zombienet_sdk::subxt::Config>::Header;

/// A block by number and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
	/// Its number.
	pub number: u32,
	/// Its hash.
	pub hash: H256,
}

/// A connection to a node.
#[derive(Clone)]
pub struct Chain {
	/// Where it goes, for messages and for other programs.
	pub url: String,
	/// Transactions, events and state, by the metadata of when the connection was made.
	pub api: OnlineClient<Config>,
	rpc: LegacyRpcMethods<Config>,
}

impl std::fmt::Debug for Chain {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		write!(f, "Chain({})", self.url)
	}
}

impl Chain {
	/// Connects to the node at `url`.
	pub async fn connect(url: &str) -> Result<Self> {
		let connected = async {
			let client = RpcClient::from_insecure_url(url).await?;
			let api = OnlineClient::from_rpc_client(client.clone()).await?;
			anyhow::Ok((api, LegacyRpcMethods::new(client)))
		};
		let (api, rpc) = connected.await.with_context(|| format!("connecting to {url}"))?;
		Ok(Self { url: url.into(), api, rpc })
	}

	/// The newest block that is final.
	pub async fn finalised(&self) -> Result<Head> {
		let hash = self.rpc.chain_get_finalized_head().await?;
		Ok(Head { number: self.header(hash).await?.number, hash })
	}

	/// The newest block of the best chain.
	pub async fn best(&self) -> Result<Head> {
		let hash = self.rpc.chain_get_block_hash(None).await?.context("a best block")?;
		Ok(Head { number: self.header(hash).await?.number, hash })
	}

	/// The block with this number on the best chain. Ask for final numbers only, or accept that it changes.
	pub async fn at(&self, number: u32) -> Result<Head> {
		let hash = self.rpc.chain_get_block_hash(Some(number.into())).await?;
		let hash = hash.with_context(|| format!("{} has no block {number} yet", self.url))?;
		Ok(Head { number, hash })
	}

	/// A block's header.
	pub async fn header(&self, block: H256) -> Result<Header> {
		let header = self.rpc.chain_get_header(Some(block)).await?;
		header.with_context(|| format!("{} does not know block {block:?}", self.url))
	}

	/// The encoded transactions of a block.
	pub async fn body(&self, block: H256) -> Result<Vec<Vec<u8>>> {
		let block = self.rpc.chain_get_block(Some(block)).await?.context("a block's body")?;
		Ok(block.block.extrinsics.into_iter().map(|transaction| transaction.0).collect())
	}

	/// The events of a block.
	pub async fn events(&self, block: H256) -> Result<Events<Config>> {
		Ok(self.api.events().at(block).await?)
	}

	/// A stored item, SCALE encoded; `None` when there is nothing at its place.
	pub async fn stored(
		&self,
		block: H256,
		pallet: &str,
		item: &str,
		keys: Vec<Value>,
	) -> Result<Option<Vec<u8>>> {
		let address = dynamic::storage(pallet, item, keys);
		let found = self.api.storage().at(block).fetch(&address).await;
		let found = found.with_context(|| format!("reading {pallet}.{item}"))?;
		Ok(found.map(|found| found.encoded().to_vec()))
	}

	/// A stored item, decoded.
	pub async fn value(
		&self,
		block: H256,
		pallet: &str,
		item: &str,
		keys: Vec<Value>,
	) -> Result<Option<DecodedValue>> {
		let address = dynamic::storage(pallet, item, keys);
		let found = self.api.storage().at(block).fetch(&address).await;
		let found = found.with_context(|| format!("reading {pallet}.{item}"))?;
		Ok(found.map(|found| found.to_value()).transpose()?)
	}

	/// Calls a runtime API with encoded arguments.
	pub async fn ask(&self, function: &str, arguments: &[u8], block: H256) -> Result<Vec<u8>> {
		let answer = self.rpc.state_call(function, Some(arguments), Some(block)).await;
		answer.with_context(|| format!("calling {function} at {}", self.url))
	}

	/// The number of the runtime's version in force at a block.
	pub async fn spec_version(&self, block: H256) -> Result<u32> {
		Ok(self.rpc.state_get_runtime_version(Some(block)).await?.spec_version)
	}

	/// Asks `ready` at every new best block until it answers, and gives up after `patience` blocks.
	pub async fn within<T>(
		&self,
		patience: u32,
		what: &str,
		mut ready: impl AsyncFnMut() -> Result<Option<T>>,
	) -> Result<T> {
		let mut heads = self.rpc.chain_subscribe_new_heads().await?;
		let mut first = None;
		while let Some(head) = heads.next().await {
			let number = head?.number;
			if let Some(answer) = ready().await.context(what.to_owned())? {
				return Ok(answer);
			}
			if number > first.get_or_insert(number).saturating_add(patience) {
				bail!("not within {patience} blocks of {}: {what}", self.url);
			}
		}
		bail!("{} ended the subscription to its blocks while waiting: {what}", self.url)
	}

	/// Sends a transaction and waits until it is in a final block and has succeeded.
	pub async fn submit(&self, call: &impl Payload, signer: &Keypair) -> Result<Head> {
		let heads = self.submit_all(slice::from_ref(call), signer).await?;
		heads.into_iter().next().context("the transaction's block")
	}

	/// Sends transactions one after another without waiting between them, then waits until all are in final blocks
	/// and have succeeded. All are signed first: that takes seconds where they are large, and blocks shall not be made
	/// of the few that are there already.
	pub async fn submit_all(&self, calls: &[impl Payload], signer: &Keypair) -> Result<Vec<Head>> {
		let account = <Keypair as Signer<Config>>::account_id(signer);
		let mut nonce = self.rpc.system_account_next_index(&account).await?;
		let mut signed = Vec::with_capacity(calls.len());
		for call in calls {
			let parameters = PolkadotExtrinsicParamsBuilder::new().nonce(nonce).build();
			let mut transactions = self.api.tx();
			signed.push(transactions.create_signed(call, signer, parameters).await?);
			nonce = nonce.saturating_add(1);
		}
		let mut sent = Vec::with_capacity(signed.len());
		for transaction in &signed {
			sent.push(transaction.submit_and_watch().await?);
		}
		let mut heads = Vec::with_capacity(sent.len());
		for mut progress in sent {
			let block = loop {
				match progress.next().await.context("a transaction vanished")?? {
					TxStatus::InFinalizedBlock(block) => break block,
					TxStatus::Error { message }
					| TxStatus::Invalid { message }
					| TxStatus::Dropped { message } => bail!("a transaction was refused: {message}"),
					_ => {},
				}
			};
			block.wait_for_success().await?;
			let hash = block.block_hash();
			heads.push(Head { number: self.header(hash).await?.number, hash });
		}
		Ok(heads)
	}
}

/// The hash of both chains.
pub fn blake2b(bytes: &[u8]) -> H256 {
	H256(nil_types::blake2b_256(bytes))
}

/// The bytes of a decoded hash, account or list of bytes, however deeply it is wrapped.
pub fn bytes_of<T>(value: &scale_value::Value<T>) -> Result<Vec<u8>> {
	fn collect<T>(value: &scale_value::Value<T>, bytes: &mut Vec<u8>) -> Result<()> {
		match &value.value {
			ValueDef::Primitive(Primitive::U128(number)) => bytes.push(u8::try_from(*number)?),
			ValueDef::Composite(Composite::Unnamed(values)) => {
				values.iter().try_for_each(|value| collect(value, bytes))?;
			},
			ValueDef::Composite(Composite::Named(values)) => {
				values.iter().try_for_each(|(_, value)| collect(value, bytes))?;
			},
			_ => return Err(anyhow!("a decoded value is not made of bytes")),
		}
		Ok(())
	}
	let mut bytes = Vec::new();
	collect(value, &mut bytes)?;
	Ok(bytes)
}

/// A decoded number, however deeply it is wrapped.
pub fn number_of<T>(value: &scale_value::Value<T>) -> Result<u32> {
	match &value.value {
		ValueDef::Primitive(Primitive::U128(number)) => Ok(u32::try_from(*number)?),
		ValueDef::Composite(composite) if composite.len() == 1 => {
			composite.values().next().context("one value").and_then(number_of)
		},
		_ => bail!("a decoded value is no number"),
	}
}

/// A decoded hash.
pub fn hash_of<T>(value: &scale_value::Value<T>) -> Result<H256> {
	let bytes = bytes_of(value)?;
	let bytes: [u8; 32] = bytes.try_into().map_err(|_| anyhow!("a hash has 32 bytes"))?;
	Ok(H256(bytes))
}
