//! What the chain tells of a deal: who lost and who got its slots, and the account of its rent.
//!
//! Final blocks are read in the background, because a node keeps the events of its last blocks only.

use crate::{
	error::{CliError, Result},
	output::{Align, table},
	units,
};
use nil_client::chain::{At, BlockRef, Chain, ChainError, ChainEvent, FinalEvents};
use nil_types::{Amount, DealId, DealRentInfo, layout};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{sync::mpsc, task::JoinHandle, time::sleep};

/// How often it is looked whether another block is final.
const LOOK: Duration = Duration::from_millis(100);
/// Blocks that may wait until somebody looks at them: hours.
const WAITING: usize = 1 << 16;

/// A final block, and what happened in it.
type Told = std::result::Result<(BlockRef, Vec<ChainEvent>), ChainError>;

/// The events of a chain's final blocks.
#[derive(Debug)]
pub struct News {
	told: mpsc::Receiver<Told>,
	task: JoinHandle<()>,
}

impl News {
	/// Begins with the next block that becomes final.
	pub async fn of(chain: Chain) -> Result<Self> {
		let mut events = FinalEvents::from_now(chain).await?;
		let (tell, told) = mpsc::channel(WAITING);
		let task = tokio::spawn(async move {
			loop {
				let next = match events.next().await {
					Ok(Some(next)) => Ok(next),
					Ok(None) => {
						sleep(LOOK).await;
						continue;
					},
					Err(error) => Err(error),
				};
				let failed = next.is_err();
				if tell.send(next).await.is_err() || failed {
					return;
				}
			}
		});
		Ok(Self { told, task })
	}

	async fn next(&mut self) -> Result<(BlockRef, Vec<ChainEvent>)> {
		let told = self.told.recv().await;
		Ok(told.ok_or_else(|| CliError::failure("nobody follows the chain any more"))??)
	}
}

impl Drop for News {
	fn drop(&mut self) {
		self.task.abort();
	}
}

/// What has become of a deal's rent up to a block.
#[derive(Debug)]
pub struct Ledger {
	deal: DealId,
	news: News,
	locked: Amount,
	paid: Amount,
	burned: Amount,
}

impl Ledger {
	/// Of a deal that was created after the news began.
	pub fn new(deal: DealId, news: News) -> Self {
		Self { deal, news, locked: 0, paid: 0, burned: 0 }
	}

	/// Waits for the next block. Returns its events.
	pub async fn next(&mut self) -> Result<(BlockRef, Vec<ChainEvent>)> {
		let (block, events) = self.news.next().await?;
		let deal = Some(self.deal);
		let of_deal = |event: &&ChainEvent| event.pallet == "Deals" && event.number("deal") == deal;
		for event in events.iter().filter(of_deal) {
			let amount = |field| event.amount(field).unwrap_or_default();
			match event.name.as_str() {
				"ContentCommitted" | "DealExtended" => self.locked += amount("rent"),
				"RentPaid" => {
					self.paid += amount("paid");
					self.burned += amount("burned");
				},
				_ => {},
			}
		}
		Ok((block, events))
	}

	/// The account at the newest final block, once providers were paid: what events told against what the chain has, and that
	/// against what the rest of the term costs.
	pub async fn account(&mut self, chain: &Chain) -> Result<Account> {
		let head = chain.head(At::Finalised).await?.number;
		loop {
			let (block, _) = self.next().await?;
			if block.number >= head && self.paid > 0 {
				let view = chain.at(block.hash);
				let (rent, terms) = (view.deal_rent(self.deal).await?, view.terms().await?);
				let deal = view.deal(self.deal).await?;
				let deal = deal.ok_or_else(|| CliError::failure("the deal has ended"))?;
				let term = deal.expires_at.saturating_sub(terms.relay_block);
				// Its content was committed at this price.
				let to_come = layout::rent(terms.storage_price, deal.stored_bytes, term);
				return Account::new(self, rent, to_come);
			}
		}
	}
}

/// Where a deal's rent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
	/// All that was ever locked.
	locked: Amount,
	/// What providers were paid.
	paid: Amount,
	/// What was burned, because answers came late.
	burned: Amount,
	/// What slots earned, and providers have not settled yet.
	earned: Amount,
	/// What none of the slots' present providers earned: nobody did, or one before them, who can still settle it.
	reserve: Amount,
	/// What is for the rest of the term.
	to_come: Amount,
}

impl Account {
	fn new(ledger: &Ledger, rent: DealRentInfo, to_come: Amount) -> Result<Self> {
		let Ledger { locked, paid, burned, .. } = *ledger;
		let DealRentInfo { left, earned, reserve, .. } = rent;
		let wrong = || {
			CliError::failure(format_args!(
				"the rent does not add up: {locked} locked, but {paid} paid, {burned} burned, and {left} left, \
				 with {earned} earned of it, {reserve} in reserve, and {to_come} for the rest of the term"
			))
		};
		let sum = |of: [Amount; 3]| of.into_iter().fold(0, Amount::saturating_add);
		if locked == 0
			|| sum([paid, burned, left]) != locked
			|| sum([earned, reserve, to_come]) != left
		{
			return Err(wrong());
		}
		Ok(Self { locked, paid, burned, earned, reserve, to_come })
	}

	fn parts(&self) -> [(&'static str, &'static str, Amount); 6] {
		let Self { locked, paid, burned, earned, reserve, to_come } = *self;
		[
			("locked", "locked by the owner", locked),
			("paid", "paid to providers", paid),
			("burned", "burned for late answers", burned),
			("earned", "earned, to be settled", earned),
			("reserve", "not earned by who holds the slots", reserve),
			("to_come", "for the rest of the term", to_come),
		]
	}

	/// For people, to the last unit.
	pub fn table(&self) -> String {
		let mut rows = vec![["rent", "units", ""].map(Into::into).to_vec()];
		for (_, what, amount) in self.parts() {
			rows.push(vec![what.to_owned(), amount.to_string(), units::amount(amount)]);
		}
		table(&[Align::Left, Align::Right, Align::Right], &rows)
	}

	/// As JSON.
	pub fn json(&self) -> Value {
		let parts = self.parts().into_iter();
		parts.map(|(name, _, amount)| (name.to_owned(), json!(amount.to_string()))).collect()
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[tokio::test]
	async fn an_account_that_does_not_add_up_is_refused() {
		let (_, told) = mpsc::channel(1);
		let news = News { told, task: tokio::spawn(async {}) };
		let ledger = Ledger { locked: 100, paid: 20, burned: 1, ..Ledger::new(7, news) };
		let rent = DealRentInfo { left: 79, earned: 9, reserve: 10, until: None };
		let account = Account::new(&ledger, rent, 60).unwrap();
		assert_eq!(account.json()["reserve"], "10");
		for (wrong, to_come) in [
			(DealRentInfo { left: 78, ..rent }, 59),
			(DealRentInfo { earned: 8, ..rent }, 60),
			(rent, 61),
		] {
			let refused = Account::new(&ledger, wrong, to_come).unwrap_err();
			assert!(refused.to_string().contains("100 locked"), "{refused}");
		}
	}
}
