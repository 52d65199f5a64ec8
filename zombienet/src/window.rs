//! What becomes of our blocks in a number of relay blocks, one after the other.

use crate::{
	chain::Chain,
	inclusion::{Inclusion, inclusions},
};
use anyhow::{Context, Result, ensure};
use zombienet_sdk::subxt::ext::codec::Decode;

/// A relay block of a window.
#[derive(Clone, Debug)]
pub struct RelayBlock {
	/// Its number.
	pub number: u32,
	/// Whether its parent was the last one to work for the session before. At the end of that the relay chain drops what it
	/// had not included yet, so that there is nothing to include here.
	pub starts_session: bool,
	/// The blocks of ours that it included.
	pub ours: Vec<Inclusion>,
}

/// Final relay blocks without a gap.
#[derive(Clone, Debug)]
pub struct Window {
	/// The first one comes first.
	pub blocks: Vec<RelayBlock>,
}

impl Window {
	/// The next `length` relay blocks, once all are final; what they say of parachain `para_id`.
	pub async fn next(relay: &Chain, para_id: u32, length: u32) -> Result<Self> {
		let first = relay.finalised().await?.number + 1;
		let last = first + length - 1;
		relay
			.within(2 * length, "the window is final", async || {
				Ok((relay.finalised().await?.number >= last).then_some(()))
			})
			.await?;
		let mut blocks = Vec::new();
		// A new session is announced in a relay block and in force when that one is done.
		let mut before = session(relay, first - 2).await?;
		let mut now = session(relay, first - 1).await?;
		for number in first..=last {
			let ours = inclusions(relay, relay.at(number).await?, para_id).await?;
			blocks.push(RelayBlock { number, starts_session: now != before, ours });
			before = now;
			now = session(relay, number).await?;
		}
		Ok(Self { blocks })
	}

	/// Our blocks, in the order of their inclusion.
	pub fn included(&self) -> Vec<Inclusion> {
		self.blocks.iter().flat_map(|block| block.ours.clone()).collect()
	}

	/// The relay blocks that do not start a session.
	pub fn within_sessions(&self) -> Vec<&RelayBlock> {
		self.blocks.iter().filter(|block| !block.starts_session).collect()
	}

	/// What was measured, as a row of the table whose head stands in zombienet's README.
	pub fn row(&self, network: &str) -> String {
		let included = self.included();
		let length = self.blocks.len();
		let ratio = included.len() as f64 / length as f64;
		let counted = self.within_sessions();
		let fruitful = counted.iter().filter(|block| !block.ours.is_empty()).count();
		let mut lags: Vec<u32> = included.iter().map(Inclusion::lag).collect();
		lags.sort_unstable();
		let lag = |place: usize| lags.get(place).map_or_else(|| "none".into(), u32::to_string);
		let (least, median, most) =
			(lag(0), lag(lags.len() / 2), lag(lags.len().saturating_sub(1)));
		format!(
			"| {network} | {length} | {} | {ratio:.2} | {fruitful} of {} | {median} | {least} | {most} |",
			included.len(),
			counted.len(),
		)
	}

	/// Checks that the relay chain left out none of our blocks, waits until the newest is final in our chain, for at most
	/// `patience` blocks of it, and checks that all are in it.
	pub async fn check(&self, para: &Chain, patience: u32) -> Result<()> {
		let included = self.included();
		for pair in included.windows(2) {
			ensure!(
				pair[1].block.number == pair[0].block.number + 1,
				"left out after {:?}",
				pair[0]
			);
		}
		let newest = included.last().context("a block of ours")?.block;
		para.within(patience, "the newest block in the window is final", async || {
			Ok((para.finalised().await?.number >= newest.number).then_some(()))
		})
		.await?;
		for inclusion in &included {
			let ours = para.at(inclusion.block.number).await?;
			ensure!(ours == inclusion.block, "our chain has {ours:?} for {inclusion:?}");
		}
		Ok(())
	}
}

/// The session that a relay block ended in.
async fn session(relay: &Chain, number: u32) -> Result<u32> {
	let at = relay.at(number).await?;
	let index = relay.stored(at.hash, "Session", "CurrentIndex", Vec::new()).await?;
	Ok(u32::decode(&mut index.context("a session")?.as_slice())?)
}
