//! Transactions: nonces, mortality, inclusion.
//!
//! A transaction's nonce is asked of the node, whose answer counts what waits in its pool, and the next transaction of the
//! same account is made only after the pool took this one. So several can be under way without gaps, and nothing about
//! nonces has to be remembered over a restart of either side.
//!
//! Inclusion is looked for in the blocks themselves rather than in notifications: a node that restarts forgets its pool
//! and its subscribers, but not its blocks. Until the transaction is found it is offered to the pool again now and then;
//! the same bytes cannot take effect twice.

use super::{
	BlockRef, Chain, ChainError, ChainEvent, CreateDeal,
	calls::Call,
	connection::to_hex,
	events::{ERA_BLOCKS, state_nonce},
	view::At,
};
use crate::{account::AccountId, keys::Signer};
use codec::{Decode, Encode};
use futures::future::BoxFuture;
use nil_types::{DealId, DealInfo, DealStatus};
use serde::{Deserialize, de::IgnoredAny};
use std::{
	collections::HashMap,
	sync::{Arc, Mutex},
	time::Duration,
};
use subxt::rpcs::client::rpc_params;
use tokio::time::{Instant, sleep};

/// Attempts to get a nonce that nobody else takes, and to be included before the era ends.
const ATTEMPTS: u32 = 4;
/// How often an unseen transaction is offered to the pool again.
const OFFER_AGAIN: Duration = Duration::from_secs(3);
/// How long an outcome is waited for when the chain makes no blocks.
const OUTCOME_PATIENCE: Duration = Duration::from_secs(600);
/// How a node says that it keeps a block's state no more: `sc-client-db`'s words.
const STATE_GONE: &str = "State already discarded";

/// How long to wait for a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitFor {
	/// Until it is in a best block.
	Best,
	/// Until its block is finalised.
	Finalised,
}

/// A transaction that took effect.
#[derive(Clone, Debug)]
pub struct Included {
	/// Its block.
	pub block: BlockRef,
	/// Its place in the block.
	pub extrinsic: u32,
	/// What it emitted.
	pub events: Vec<ChainEvent>,
}

impl Included {
	/// The first event `name` of `pallet`.
	pub fn event(&self, pallet: &str, name: &str) -> Option<&ChainEvent> {
		self.events.iter().find(|event| event.is(pallet, name))
	}
}

/// One lock per account, held from asking for the nonce until the pool took the transaction.
#[derive(Default)]
pub(super) struct Accounts {
	locks: Mutex<HashMap<AccountId, Arc<tokio::sync::Mutex<()>>>>,
}

impl Accounts {
	fn lock_of(&self, account: AccountId) -> Arc<tokio::sync::Mutex<()>> {
		let mut locks = self.locks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
		locks.entry(account).or_default().clone()
	}
}

/// A signed transaction and where to look for it. Whoever writes it down before it is sent can take it up again after a
/// restart ([`Chain::resume`]): the same bytes cannot take effect twice.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Transaction {
	/// Who signed it.
	pub account: AccountId,
	/// Its nonce.
	pub nonce: u64,
	/// Its bytes in hex, as nodes take and give them.
	pub encoded: String,
	/// The block that its era starts from.
	pub birth: BlockRef,
}

/// Who writes transactions down before they are sent; why not, if that fails, or if one would come too late.
pub type Noter<'a> =
	dyn Fn(&Transaction) -> BoxFuture<'static, Result<(), String>> + Send + Sync + 'a;

impl Chain {
	/// Signs and submits a call, and waits until it took effect. A call that is executed and fails is an error that
	/// names the pallet's error.
	pub async fn submit(
		&self,
		call: &Call,
		signer: &Signer,
		wait: WaitFor,
	) -> Result<Included, ChainError> {
		let nobody = |_: &Transaction| -> BoxFuture<'static, Result<(), String>> {
			Box::pin(async { Ok(()) })
		};
		self.submit_noted(call, signer, wait, &nobody).await
	}

	/// As [`Chain::submit`], and `note` has written each transaction down before it is sent. There are several when the
	/// first ones can take effect no more; the last one that was noted is the one that may.
	pub async fn submit_noted(
		&self,
		call: &Call,
		signer: &Signer,
		wait: WaitFor,
		note: &Noter<'_>,
	) -> Result<Included, ChainError> {
		let mut attempt = 1;
		loop {
			let outcome = match self.enter_pool(call, signer, note).await {
				Ok(pending) => self.outcome_of(&pending, wait).await,
				Err(error) => Err(error),
			};
			match outcome {
				// Neither can take effect any more, so a new transaction is no repetition.
				Err(ChainError::Expired { .. } | ChainError::Usurped { .. })
					if attempt < ATTEMPTS =>
				{
					tracing::debug!(call = call.name(), attempt, "signing the transaction again");
					attempt += 1;
				},
				outcome => return outcome,
			}
		}
	}

	/// Waits until a transaction that was noted before took effect, and offers it to the pool again, which may have
	/// forgotten it.
	pub async fn resume(
		&self,
		transaction: &Transaction,
		wait: WaitFor,
	) -> Result<Included, ChainError> {
		// Whether the pool takes it or not, the blocks tell what became of it.
		if let Err(Offer::Failed(error)) = self.offer(transaction).await {
			return Err(error);
		}
		self.outcome_of(transaction, wait).await
	}

	/// What became of a transaction that was noted before, as final blocks tell; `None` when none of them has it. It is not sent
	/// again.
	pub async fn find(&self, transaction: &Transaction) -> Result<Option<Included>, ChainError> {
		let head = self.head(At::Finalised).await?;
		let last = transaction.birth.number.saturating_add(ERA_BLOCKS);
		let head = BlockRef { number: head.number.min(last), ..head };
		let mut searched = transaction.birth;
		let found = self.search(transaction, &mut searched, head).await?;
		let Some((block, extrinsic)) = found else { return Ok(None) };
		self.included(block, extrinsic).await.map(Some)
	}

	/// Creates a deal; its number, which is final: on another branch the deal could have another one. Slots are drawn
	/// later: [`Chain::wait_placed`].
	pub async fn create_deal(
		&self,
		deal: &CreateDeal,
		signer: &Signer,
	) -> Result<DealId, ChainError> {
		let included = self.submit(&Call::create_deal(deal), signer, WaitFor::Finalised).await?;
		included
			.events
			.iter()
			.filter(|event| event.pallet == "Deals")
			.find_map(|event| event.number("deal"))
			.ok_or(ChainError::MissingEvent { event: "Deals::DealCreated", block: included.block })
	}

	/// Waits until a deal's slots are drawn, at most for `patience`. Another branch draws others, so the block must be
	/// final: providers sign for the slots that they hold there.
	pub async fn wait_placed(
		&self,
		deal: DealId,
		patience: Duration,
	) -> Result<DealInfo<AccountId>, ChainError> {
		let deadline = Instant::now() + patience;
		loop {
			let info = self.finalised().deal(deal).await?.ok_or(ChainError::NoSuchDeal { deal })?;
			if info.status == DealStatus::Active {
				return Ok(info);
			}
			if Instant::now() >= deadline {
				let attempts = self.best().placement(deal).await?.map_or(0, |wait| wait.attempts);
				let seconds = patience.as_secs();
				return Err(ChainError::NotPlaced { deal, seconds, attempts });
			}
			sleep(self.inner.config.poll_interval).await;
		}
	}

	/// Signs a call with the account's next nonce and gets it into the node's pool.
	async fn enter_pool(
		&self,
		call: &Call,
		signer: &Signer,
		note: &Noter<'_>,
	) -> Result<Transaction, ChainError> {
		let account = signer.account_id();
		let lock = self.inner.accounts.lock_of(account);
		let _turn = lock.lock().await;
		let mut attempt = 1;
		loop {
			let best = self.head(At::Best).await?;
			let birth = self.birth(best).await?;
			let nonce: u64 = self
				.request("system_accountNextIndex", || rpc_params![account.to_string()])
				.await?;
			let bytes = self.client_at(best).await?.sign(call, signer, nonce, birth)?;
			let pending = Transaction { account, nonce, encoded: to_hex(&bytes), birth };
			note(&pending).await.map_err(|reason| ChainError::NotNoted { reason })?;
			match self.offer(&pending).await {
				Ok(()) => return Ok(pending),
				Err(Offer::NonceTaken(reason)) if attempt < ATTEMPTS => {
					tracing::debug!(nonce, reason, "the nonce is taken, asking again");
					attempt += 1;
					sleep(self.inner.config.poll_interval).await;
				},
				Err(Offer::NonceTaken(reason) | Offer::Refused(reason)) => {
					return Err(ChainError::Refused { reason });
				},
				Err(Offer::Failed(error)) => return Err(error),
			}
		}
	}

	/// The block that a transaction's era starts from: the finalised one, which no reorganisation removes, unless
	/// finality is so late that the era would be half over.
	async fn birth(&self, best: BlockRef) -> Result<BlockRef, ChainError> {
		let finalised = self.head(At::Finalised).await?;
		let late = best.number.saturating_sub(finalised.number) > ERA_BLOCKS / 2;
		Ok(if late { best } else { finalised })
	}

	async fn offer(&self, pending: &Transaction) -> Result<(), Offer> {
		// https://github.com/paritytech/polkadot-sdk: `sc-rpc-api`'s error codes of the pool.
		const INVALID: i32 = 1010;
		const BANNED: i32 = 1012;
		const ALREADY_IMPORTED: i32 = 1013;
		const TOO_LOW_PRIORITY: i32 = 1014;
		let submitted: Result<String, _> =
			self.request("author_submitExtrinsic", || rpc_params![&pending.encoded]).await;
		match submitted {
			Ok(_) | Err(ChainError::Rpc { code: ALREADY_IMPORTED, .. }) => Ok(()),
			Err(ChainError::Rpc { code: TOO_LOW_PRIORITY, message, .. }) => {
				Err(Offer::NonceTaken(message))
			},
			Err(ChainError::Rpc { code: INVALID | BANNED, message, .. }) => {
				let stale =
					["outdated", "Stale", "stale", "Future", "future", "banned", "ancient birth"];
				if stale.iter().any(|word| message.contains(word)) {
					Err(Offer::NonceTaken(message))
				} else {
					Err(Offer::Refused(message))
				}
			},
			Err(ChainError::Rpc { message, .. }) => Err(Offer::Refused(message)),
			Err(error) => Err(Offer::Failed(error)),
		}
	}

	/// Looks for a transaction in the blocks after its birth until it is found or cannot come any more.
	async fn outcome_of(
		&self,
		pending: &Transaction,
		wait: WaitFor,
	) -> Result<Included, ChainError> {
		let deadline = Instant::now() + OUTCOME_PATIENCE;
		let mut offered = Instant::now();
		// The last block known not to hold the transaction.
		let mut searched = pending.birth;
		loop {
			let head = self.head(At::Best).await?;
			if self.block_hash(Some(searched.number)).await? != Some(searched.hash) {
				// A reorganisation: what was searched is not on the best chain any more.
				searched = pending.birth;
			}
			if let Some(found) = self.search(pending, &mut searched, head).await? {
				let (block, extrinsic) = found;
				// Dropped by a reorganisation it is looked for again.
				if wait == WaitFor::Best || self.is_final(block).await? {
					return self.included(block, extrinsic).await;
				}
			} else {
				if state_nonce(self, pending.account, head.hash).await? > pending.nonce {
					// Taken at `head`, and no block up to `head` holds this transaction.
					return Err(ChainError::Usurped { nonce: pending.nonce });
				}
				let last = pending.birth.number.saturating_add(ERA_BLOCKS);
				if head.number > last {
					return Err(ChainError::Expired { last });
				}
				if offered.elapsed() >= OFFER_AGAIN {
					offered = Instant::now();
					// Whether the pool has it or not is told by the blocks.
					if let Err(Offer::Failed(error)) = self.offer(pending).await {
						return Err(error);
					}
				}
			}
			if Instant::now() >= deadline {
				return Err(ChainError::OutcomeUnknown { seconds: OUTCOME_PATIENCE.as_secs() });
			}
			sleep(self.inner.config.poll_interval).await;
		}
	}

	/// What a transaction in a block emitted, or the error with which it failed.
	async fn included(&self, block: BlockRef, extrinsic: u32) -> Result<Included, ChainError> {
		// Asked first, since subxt's failure would look like a node that is away.
		let version: Result<IgnoredAny, _> =
			self.request("state_getRuntimeVersion", || rpc_params![to_hex(&block.hash)]).await;
		match version {
			Err(ChainError::Rpc { message, .. }) if message.contains(STATE_GONE) => {
				return Err(ChainError::StateGone { block });
			},
			Err(error) => return Err(error),
			Ok(_) => {},
		}
		let events = self.client_at(block).await?.outcome(extrinsic).await?;
		Ok(Included { block, extrinsic, events })
	}

	/// Searches the blocks after `searched` up to `head`; moves `searched` on over those without the transaction.
	async fn search(
		&self,
		pending: &Transaction,
		searched: &mut BlockRef,
		head: BlockRef,
	) -> Result<Option<(BlockRef, u32)>, ChainError> {
		#[derive(Deserialize)]
		struct Signed {
			block: Body,
		}
		#[derive(Deserialize)]
		struct Body {
			extrinsics: Vec<String>,
		}
		while searched.number < head.number {
			let number = searched.number.saturating_add(1);
			let Some(hash) = self.block_hash(Some(number)).await? else { break };
			let block: Option<Signed> =
				self.request("chain_getBlock", || rpc_params![to_hex(&hash)]).await?;
			let Some(Signed { block }) = block else { break };
			let block_ref = BlockRef { number, hash };
			let position = block.extrinsics.iter().position(|bytes| *bytes == pending.encoded);
			if let Some(index) = position.and_then(|index| u32::try_from(index).ok()) {
				return Ok(Some((block_ref, index)));
			}
			*searched = block_ref;
		}
		Ok(None)
	}
}

/// Why the pool did not take a transaction.
enum Offer {
	/// Another transaction has this nonce.
	NonceTaken(String),
	/// It is not valid.
	Refused(String),
	/// The node could not be asked.
	Failed(ChainError),
}
