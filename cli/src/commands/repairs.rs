//! The repairs of a deal's slots: `nil deal repair-status`, and what `nil deal show` says of them.

use crate::{
	context::Context,
	error::{CliError, Exit, Result},
	output::{Align, table},
	units,
};
use nil_client::{
	account::AccountId,
	chain::{At, Chain, ChainError},
};
use nil_types::{DealId, RelayBlock, RepairCause, RepairInfo, deal::SerdeBytes};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::sleep;

/// How often `--watch` looks.
const LOOK: Duration = Duration::from_millis(500);

/// The repairs of a deal at one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repairs {
	now: RelayBlock,
	/// Since when fewer than `k` slots have been left.
	lost_since: Option<RelayBlock>,
	all: Vec<RepairInfo<AccountId>>,
}

impl Repairs {
	/// Reads them at the best block.
	pub async fn read(chain: &Chain, deal: DealId) -> std::result::Result<Self, ChainError> {
		let view = chain.at(chain.head(At::Best).await?.hash);
		if view.deal(deal).await?.is_none() {
			return Err(ChainError::NoSuchDeal { deal });
		}
		Ok(Self {
			now: view.terms().await?.relay_block,
			lost_since: view.lost_since(deal).await?,
			all: view.repairs(deal).await?,
		})
	}

	/// As JSON.
	pub fn json(&self) -> Value {
		self.all.iter().map(describe).collect()
	}

	/// Since when the deal has been lost.
	pub fn lost_since(&self) -> Option<RelayBlock> {
		self.lost_since
	}

	/// For people; empty when there is nothing to tell.
	pub fn text(&self) -> String {
		let mut text = String::new();
		if let Some(since) = self.lost_since {
			text.push_str(&format!(
				"lost since relay block {since}: too few slots are left to rebuild the others\n"
			));
		}
		if self.all.is_empty() {
			return text;
		}
		let heading = ["repair", "cause", "responsible", "candidate", "state"];
		let mut rows = vec![heading.map(Into::into).to_vec()];
		let account = |account: &Option<AccountId>| {
			account.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)
		};
		rows.extend(self.all.iter().map(|repair| {
			vec![
				repair.slot.to_string(),
				cause(repair.cause).into(),
				account(&repair.provider),
				account(&repair.candidate),
				state(repair, self.now),
			]
		}));
		use Align::{Left, Right};
		text.push_str(&table(&[Right, Left, Left, Left, Left], &rows));
		text
	}

	/// What is the same while nothing has happened.
	fn happened(&self) -> (Option<RelayBlock>, &[RepairInfo<AccountId>]) {
		(self.lost_since, self.all.as_slice())
	}

	fn tell(&self, deal: DealId, context: &Context) -> Result<()> {
		let document = json!({
			"deal": deal,
			"relay_block": self.now,
			"lost_since": self.lost_since,
			"repairs": self.json(),
		});
		context.output.result(&document, || match self.text() {
			text if text.is_empty() => format!("no slot of deal {deal} is being repaired"),
			text => text,
		})
	}
}

/// `nil deal repair-status`.
pub async fn status(deal: DealId, watch: bool, context: &Context) -> Result<()> {
	let chain = context.chain().await?;
	let mut seen = Repairs::read(&chain, deal).await?;
	seen.tell(deal, context)?;
	while watch && !seen.all.is_empty() {
		sleep(LOOK).await;
		let next = Repairs::read(&chain, deal).await?;
		if next.happened() != seen.happened() {
			next.tell(deal, context)?;
		}
		seen = next;
	}
	match seen.lost_since {
		None => Ok(()),
		Some(since) => Err(CliError::new(
			Exit::Insufficient,
			format_args!("deal {deal} has had too few slots since relay block {since}"),
		)
		.code("deal_lost")),
	}
}

fn describe(repair: &RepairInfo<AccountId>) -> Value {
	json!({
		"slot": repair.slot,
		"cause": repair.cause,
		"since": repair.since,
		"attempts": repair.attempts,
		"provider": repair.provider,
		"candidate": repair.candidate,
		"reserved_bytes": repair.reserved,
		"samples": repair.samples.map(SerdeBytes),
		"due": repair.due,
		"adopting": repair.adopting,
	})
}

fn cause(cause: RepairCause) -> &'static str {
	match cause {
		RepairCause::Eviction => "eviction",
		RepairCause::Drain => "drain",
		RepairCause::MissingReceipt => "missing receipt",
	}
}

/// How far a repair is at relay block `now`.
fn state(repair: &RepairInfo<AccountId>, now: RelayBlock) -> String {
	let left = || units::blocks(repair.due.saturating_sub(now));
	match (repair.adopting, repair.candidate, repair.samples) {
		(Some(generation), ..) => format!("done; commits up to {generation} change hands"),
		(None, None, _) if repair.attempts == 0 => format!("a candidate is drawn in {}", left()),
		(None, None, _) => {
			format!("the next candidate is drawn in {} ({} before)", left(), repair.attempts)
		},
		(None, Some(_), None) => format!("rebuilding; samples are drawn in {}", left()),
		(None, Some(_), Some(_)) => format!("rebuilding, for {} at most", left()),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn repair() -> RepairInfo<AccountId> {
		RepairInfo {
			slot: 3,
			cause: RepairCause::Drain,
			since: 100,
			attempts: 0,
			provider: Some(AccountId([1; 32])),
			candidate: None,
			reserved: 0,
			samples: None,
			due: 110,
			adopting: None,
		}
	}

	#[test]
	fn what_a_repair_waits_for_is_told() {
		let waits = repair();
		let again = RepairInfo { attempts: 2, ..repair() };
		let drawn = RepairInfo { candidate: Some(AccountId([2; 32])), ..repair() };
		let rebuilding = RepairInfo { samples: Some([7; 32]), ..drawn.clone() };
		let adopting = RepairInfo { adopting: Some(9), ..repair() };
		for (repair, starts) in [
			(&waits, "a candidate is drawn in "),
			(&again, "the next candidate is drawn in "),
			(&drawn, "rebuilding; samples are drawn in "),
			(&rebuilding, "rebuilding, for "),
			(&adopting, "done; commits up to 9 "),
		] {
			assert!(state(repair, 104).starts_with(starts), "{}", state(repair, 104));
		}
		let samples = describe(&rebuilding)["samples"].clone();
		assert_eq!(samples, format!("0x{}", "07".repeat(32)));
	}

	#[test]
	fn nothing_is_told_of_nothing() {
		let none = Repairs { now: 1, lost_since: None, all: Vec::new() };
		assert_eq!(none.text(), "");
		let one = Repairs { all: vec![repair()], ..none.clone() };
		assert!(one.text().contains("drain"), "{}", one.text());
		// Time that passes is nothing that happens.
		assert_eq!(one.happened(), Repairs { now: 2, ..one.clone() }.happened());
		let lost = Repairs { lost_since: Some(5), ..none };
		assert!(lost.text().starts_with("lost since relay block 5"), "{}", lost.text());
	}
}
