//! Blocks as they come, across restarts of the node.

use super::{BlockRef, Chain, ChainError, connection::Link, view::At};
use futures::{Stream, stream};
use serde::de::IgnoredAny;
use std::{sync::Arc, time::Duration};
use subxt::rpcs::client::{RpcSubscription, rpc_params};
use tokio::time::{Instant, timeout};

/// The longest pause between two looks at the head, should the node stop to notify.
const LONGEST_SILENCE: Duration = Duration::from_secs(6);
/// The method that starts notifications of new best blocks.
const SUBSCRIBE: &str = "chain_subscribeNewHeads";
/// The method that ends them.
const UNSUBSCRIBE: &str = "chain_unsubscribeNewHeads";

impl Chain {
	/// The best block whenever it changes. Blocks may be left out, and one may come that is no child of the one before.
	///
	/// Never ends. When the node is away for longer than the chain's patience an error is yielded, and the stream goes on
	/// when polled again.
	pub fn best_blocks(
		&self,
	) -> impl Stream<Item = Result<BlockRef, ChainError>> + Send + Unpin + 'static {
		let state = (Heads::new(self.clone()), None::<BlockRef>);
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

/// The best block, over and over. Notifications only wake it up; the head itself is asked for, so that nothing depends on
/// how many notifications arrive.
struct Heads {
	chain: Chain,
	subscription: Option<(Arc<Link>, RpcSubscription<IgnoredAny>)>,
	asked: bool,
}

impl Heads {
	fn new(chain: Chain) -> Self {
		Self { chain, subscription: None, asked: false }
	}

	/// Waits for a change (not the first time) and returns the head.
	async fn next(&mut self) -> Result<BlockRef, ChainError> {
		if self.asked {
			self.changed().await?;
		}
		let head = self.chain.head(At::Best).await?;
		self.asked = true;
		Ok(head)
	}

	async fn changed(&mut self) -> Result<(), ChainError> {
		if self.subscription.is_none() {
			let deadline = Instant::now() + self.chain.inner.config.retry_for;
			let link = self.chain.link(deadline).await?;
			match link.subscribe().await {
				// The head may have changed before the subscription stood.
				Ok(subscription) => {
					self.subscription = Some((link, subscription));
					return Ok(());
				},
				Err(reason) => {
					self.chain.drop_link(&link).await;
					return Err(ChainError::Transport { method: SUBSCRIBE.to_owned(), reason });
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
	async fn subscribe(&self) -> Result<RpcSubscription<IgnoredAny>, String> {
		let asked = self.rpc.subscribe(SUBSCRIBE, rpc_params![], UNSUBSCRIBE);
		asked.await.map_err(|error| error.to_string())
	}
}
