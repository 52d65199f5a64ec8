//! The chain as a client sees it: typed reads, transactions, blocks as they come.
//!
//! Reads go through the runtime API (`NilApi`), never through storage layouts. Every request waits for the node when it is
//! away (restarted, say) up to [`ChainConfig::retry_for`], and refuses a node of another chain.
//!
//! ```no_run
//! # async fn example() -> Result<(), nil_client::chain::ChainError> {
//! use nil_client::chain::Chain;
//!
//! let chain = Chain::connect("ws://127.0.0.1:9944").await?;
//! let terms = chain.best().terms().await?;
//! let slots = chain.finalised().slots(7).await?;
//! # Ok(())
//! # }
//! ```

mod calls;
mod connection;
mod error;
mod events;
mod follow;
mod submit;
mod view;

pub use calls::{
	BlobProof, Call, CommitContent, CompleteRepair, CreateDeal, ProofItem, RegisterProvider,
	RepairItem, Settle, SettleItem, SubmitProofs, UpdateProvider,
};
pub use connection::{Chain, ChainConfig};
pub use error::ChainError;
pub use events::{ChainEvent, FinalEvents};
pub use submit::{Included, Noter, Transaction, WaitFor};
pub use view::{At, Balance, View};

use crate::{account::AccountId, keys::Signer};
use codec::{Decode, Encode};
use futures::future::BoxFuture;
use nil_types::{CommitInfo, DealId, DealInfo, Generation, Hash32, ProviderInfo, SlotInfo, Terms};
use serde::{Deserialize, Serialize};

/// A block's number and hash.
#[derive(
	Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize,
)]
pub struct BlockRef {
	/// Its number.
	pub number: u32,
	/// Its hash.
	#[serde(with = "hash_hex")]
	pub hash: Hash32,
}

mod hash_hex {
	use nil_types::deal::SerdeBytes;
	use serde::{Deserialize, Deserializer, Serialize, Serializer};

	pub fn serialize<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
		SerdeBytes(*bytes).serialize(serializer)
	}

	pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
		SerdeBytes::deserialize(deserializer).map(|bytes| bytes.0)
	}
}

/// What reading and writing content needs of the chain. [`Chain`] is the real one; tests put their own in its place.
///
/// Reads see the best block.
pub trait DealChain: Send + Sync + std::fmt::Debug {
	/// Hash of block 0.
	fn genesis(&self) -> Hash32;

	/// Prices, fees, deadlines and the relay chain's clock.
	fn terms(&self) -> BoxFuture<'_, Result<Terms, ChainError>>;

	/// A deal; [`ChainError::NoSuchDeal`] when there is none.
	fn deal(&self, deal: DealId) -> BoxFuture<'_, Result<DealInfo<AccountId>, ChainError>>;

	/// All commits of a deal from generation `from` on, in order.
	fn commits(
		&self,
		deal: DealId,
		from: Generation,
	) -> BoxFuture<'_, Result<Vec<(Generation, CommitInfo)>, ChainError>>;

	/// The slots of a deal, in order; empty while it is being placed.
	fn slots(&self, deal: DealId) -> BoxFuture<'_, Result<Vec<SlotInfo<AccountId>>, ChainError>>;

	/// A provider, while its record stands.
	fn provider(
		&self,
		operator: AccountId,
	) -> BoxFuture<'_, Result<Option<ProviderInfo<AccountId>>, ChainError>>;

	/// Submits `Deals.commit_content` and waits until it is in a block.
	fn commit_content<'a>(
		&'a self,
		signer: &'a Signer,
		commit: &'a CommitContent,
	) -> BoxFuture<'a, Result<BlockRef, ChainError>>;
}

impl DealChain for Chain {
	fn genesis(&self) -> Hash32 {
		Chain::genesis(self)
	}

	fn terms(&self) -> BoxFuture<'_, Result<Terms, ChainError>> {
		Box::pin(async { self.best().terms().await })
	}

	fn deal(&self, deal: DealId) -> BoxFuture<'_, Result<DealInfo<AccountId>, ChainError>> {
		Box::pin(
			async move { self.best().deal(deal).await?.ok_or(ChainError::NoSuchDeal { deal }) },
		)
	}

	fn commits(
		&self,
		deal: DealId,
		from: Generation,
	) -> BoxFuture<'_, Result<Vec<(Generation, CommitInfo)>, ChainError>> {
		Box::pin(async move { self.best().commits(deal, from).await })
	}

	fn slots(&self, deal: DealId) -> BoxFuture<'_, Result<Vec<SlotInfo<AccountId>>, ChainError>> {
		Box::pin(async move { self.best().slots(deal).await })
	}

	fn provider(
		&self,
		operator: AccountId,
	) -> BoxFuture<'_, Result<Option<ProviderInfo<AccountId>>, ChainError>> {
		Box::pin(async move { self.best().provider(operator).await })
	}

	fn commit_content<'a>(
		&'a self,
		signer: &'a Signer,
		commit: &'a CommitContent,
	) -> BoxFuture<'a, Result<BlockRef, ChainError>> {
		Box::pin(async move {
			let included =
				self.submit(&Call::commit_content(commit), signer, WaitFor::Best).await?;
			Ok(included.block)
		})
	}
}
