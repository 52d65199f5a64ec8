//! Blocks as they come, across restarts of the node.

use super::{BlockRef, Chain, ChainError, connection::Link, view::At};
use futures::{Stream, stream};
use serde::de::IgnoredAny;
use std::{sync::Arc, time::Duration};
use subxt::rpcs::client::{RpcSubscription, rpc_params};
use tokio::time::{Instant, timeout};

/// The longest pause between two looks at the head, should the node stop to notify.
const LONGEST_SILENCE: Duration = Duration::from_secs(6);

impl Chain {
	/// Every finalised block once, in order, from the one after `after` (`None`: from the current one) on.
	///
	/// Never ends. When the node is away for longer than the chain's patience an error is yielded, and the stream goes on
	/// where it stood when polled again.
	pub fn finalised_blocks(
		&self,
		after: Option<u32>,
	) -> impl Stream<Item = Result<BlockRef, ChainError>> + Send + Unpin + 'static {
		let follower = Follower {
			heads: Heads::new(self.clone(), At::Finalised),
			next: after.map(|number| number.saturating_add(1)),
			known: None,
		};
		Box::pin(stream::unfold(follower, |mut follower| async {
			let item = follower.next().await;
			Some((item, follower))
		}))
	}

	/// The best block whenever it changes. Blocks may be left out, and one may come that is no child of the one before.
	///
	/// Never ends; errors as in [`Chain::finalised_blocks`].
	pub fn best_blocks(
		&self,
	) -> impl Stream<Item = Result<BlockRef, ChainError>> + Send + Unpin + 'static {
		let state = (Heads::new(self.clone(), At::Best), None::<BlockRef>);
		Box::pin(stream::unfold(state, |(mut heads, mut last)| async move {
			loop {
				match heads.next().await {
					Ok(head) if last == Some(head) => {},
					Ok(head) => {
						last = Some(head);
						return Some((Ok(head), (heads, last)));
					},
					Err(error) => return Some((Err(error), (heads, last))),
				}
			}
		}))
	}
}

/// Fills the gaps between finalised heads.
struct Follower {
	heads: Heads,
	/// The next number to yield.
	next: Option<u32>,
	/// The newest finalised head that is known.
	known: Option<BlockRef>,
}

impl Follower {
	async fn next(&mut self) -> Result<BlockRef, ChainError> {
		loop {
			if let Some(known) = self.known {
				let next = *self.next.get_or_insert(known.number);
				if next == known.number {
					self.next = Some(next.saturating_add(1));
					return Ok(known);
				}
				if next < known.number {
					let hash = self.heads.chain.block_hash(Some(next)).await?;
					let hash = hash.ok_or_else(|| ChainError::Decode {
						what: format!("block {next}"),
						reason: "the node lacks this finalised block".to_owned(),
					})?;
					self.next = Some(next.saturating_add(1));
					return Ok(BlockRef { number: next, hash });
				}
			}
			self.known = Some(self.heads.next().await?);
		}
	}
}

/// Heads of one kind. Notifications only wake it up; the head itself is asked for, so that nothing depends on how many
/// notifications arrive.
struct Heads {
	chain: Chain,
	at: At,
	subscription: Option<(Arc<Link>, RpcSubscription<IgnoredAny>)>,
	asked: bool,
}

impl Heads {
	fn new(chain: Chain, at: At) -> Self {
		Self { chain, at, subscription: None, asked: false }
	}

	/// Waits for a change (not the first time) and returns the head.
	async fn next(&mut self) -> Result<BlockRef, ChainError> {
		if self.asked {
			self.changed().await?;
		}
		let head = self.chain.head(self.at).await?;
		self.asked = true;
		Ok(head)
	}

	async fn changed(&mut self) -> Result<(), ChainError> {
		if self.subscription.is_none() {
			let deadline = Instant::now() + self.chain.inner.config.retry_for;
			let link = self.chain.link(deadline).await?;
			let (start, stop) = match self.at {
				At::Finalised => {
					("chain_subscribeFinalizedHeads", "chain_unsubscribeFinalizedHeads")
				},
				At::Best | At::Block(_) => ("chain_subscribeNewHeads", "chain_unsubscribeNewHeads"),
			};
			match link.subscribe(start, stop).await {
				// The head may have changed before the subscription stood.
				Ok(subscription) => {
					self.subscription = Some((link, subscription));
					return Ok(());
				},
				Err(reason) => {
					self.chain.drop_link(&link).await;
					return Err(ChainError::Transport { method: start.to_owned(), reason });
				},
			}
		}
		if let Some((link, subscription)) = &mut self.subscription {
			match timeout(LONGEST_SILENCE, subscription.next()).await {
				Ok(Some(Ok(_))) | Err(_) => {},
				Ok(Some(Err(_)) | None) => {
					self.chain.drop_link(link).await;
					self.subscription = None;
				},
			}
		}
		Ok(())
	}
}

impl Link {
	async fn subscribe(
		&self,
		start: &str,
		stop: &str,
	) -> Result<RpcSubscription<IgnoredAny>, String> {
		self.rpc.subscribe(start, rpc_params![], stop).await.map_err(|error| error.to_string())
	}
}
