//! What the chain asked of a deal's providers and what they answered, in the round in force and in the one before it.
//!
//! The chain keeps the answers of the round in force alone. Those of the round before are read at its last block, as long as
//! the node keeps that block's state; what became of all earlier ones is in the provider's account.

use crate::output::{Align, table};
use futures::future::try_join_all;
use nil_client::{
	account::AccountId,
	chain::{At, BlockRef, Chain, ChainError, View},
};
use nil_types::{
	DealId, DutyInfo, Hash32, Round, RoundInfo, SampleInfo, SlotHealth, SlotIndex, SlotInfo,
};
use serde_json::{Value, json};

/// Samples that a slot's provider was asked for in a round, and how many of them it answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Asked {
	/// Of everything that the provider stores.
	due: usize,
	answered: usize,
	/// Of this slot. A sample that draws nothing is in `due` alone.
	of_slot: usize,
	answered_of_slot: usize,
	/// The provider's account, as the round found it.
	behind: bool,
	silent: u32,
	missed: u64,
}

impl Asked {
	fn of(deal: DealId, slot: SlotIndex, duty: &DutyInfo, samples: &[SampleInfo]) -> Self {
		let of_slot: Vec<_> =
			samples.iter().filter(|sample| (sample.deal, sample.slot) == (deal, slot)).collect();
		let is_answered = |sample: &&&SampleInfo| duty.answered.contains(&sample.ordinal);
		Self {
			due: duty.due as usize,
			answered: duty.answered.len(),
			of_slot: of_slot.len(),
			answered_of_slot: of_slot.iter().filter(is_answered).count(),
			behind: duty.behind,
			silent: duty.silent,
			missed: duty.missed,
		}
	}

	fn json(&self) -> Value {
		json!({
			"due": self.due,
			"answered": self.answered,
			"due_of_slot": self.of_slot,
			"answered_of_slot": self.answered_of_slot,
			"behind": self.behind,
		})
	}

	/// How it did on the whole, and on the slot.
	fn cells(&self) -> [String; 2] {
		let share = |answered: usize, due: usize| match due {
			0 => "-".to_owned(),
			_ => format!("{answered} of {due}"),
		};
		if self.behind {
			return ["behind".into(), "-".into()];
		}
		[share(self.answered, self.due), share(self.answered_of_slot, self.of_slot)]
	}
}

/// A round at one block, with what the provider of each slot was asked; `None` for slots that nobody has.
#[derive(Debug)]
struct Seen {
	round: RoundInfo,
	slots: Vec<Option<Asked>>,
}

impl Seen {
	async fn at(
		view: View<'_>,
		deal: DealId,
		slots: &[SlotInfo<AccountId>],
	) -> Result<Self, ChainError> {
		let round = view.round().await?;
		let asked = slots.iter().map(|slot| ask(view, deal, slot));
		Ok(Self { round, slots: try_join_all(asked).await? })
	}

	fn json(&self) -> Value {
		let RoundInfo { round, epoch, began_at, ends_at, .. } = self.round;
		let drawn = self.round.drawn.is_some();
		json!({
			"round": round,
			"epoch": epoch,
			"drawn": drawn,
			"began_at": began_at,
			"ends_at": ends_at,
		})
	}

	fn slot(&self, index: usize) -> Option<&Asked> {
		self.slots.get(index)?.as_ref()
	}
}

async fn ask(
	view: View<'_>,
	deal: DealId,
	slot: &SlotInfo<AccountId>,
) -> Result<Option<Asked>, ChainError> {
	let Some(provider) = slot.state.provider().copied() else { return Ok(None) };
	let duty = view.duty(provider).await?;
	let samples = view.samples(provider, 0..duty.due).await?;
	Ok(Some(Asked::of(deal, slot.slot, &duty, &samples)))
}

/// How the providers of a deal's slots do.
#[derive(Debug)]
pub struct Health {
	now: Seen,
	/// The round before; `None` when there was none, or the node does not keep it.
	last: Option<Seen>,
	/// What slots have missed, but for those of which nothing is asked.
	slots: Vec<SlotHealth>,
}

impl Health {
	/// Reads it for these slots of a deal.
	pub async fn read(
		chain: &Chain,
		deal: DealId,
		slots: &[SlotInfo<AccountId>],
	) -> Result<Self, ChainError> {
		let head = chain.head(At::Best).await?;
		let now = Seen::at(chain.at(head.hash), deal, slots).await?;
		let health = chain.at(head.hash).slot_health(deal).await?;
		let last = match end_of_last(chain, head, now.round.round).await? {
			Some(block) => Some(Seen::at(chain.at(block), deal, slots).await?),
			None => None,
		};
		Ok(Self { now, last, slots: health })
	}

	/// The rounds.
	pub fn rounds(&self) -> Value {
		json!({ "current": self.now.json(), "last": self.last.as_ref().map(Seen::json) })
	}

	fn of_slot(&self, slot: SlotIndex) -> Option<&SlotHealth> {
		self.slots.iter().find(|health| health.slot == slot)
	}

	/// What became of the slot with this place in the list; null when nobody has it.
	pub fn slot(&self, index: usize) -> Value {
		let Some(now) = self.now.slot(index) else { return Value::Null };
		let last = self.last.as_ref().and_then(|last| last.slot(index));
		let of_slot = SlotIndex::try_from(index).ok().and_then(|slot| self.of_slot(slot));
		json!({
			"health": of_slot.map(|slot| slot.health),
			"misses": of_slot.map(|slot| slot.misses),
			"evict_misses": of_slot.map(|slot| slot.evict_misses),
			"current": now.json(),
			"last": last.map(Asked::json),
			"missed_samples": now.missed,
			"silent_rounds": now.silent,
		})
	}

	/// A table of all of it, with what its numbers mean. Empty before the first round.
	pub fn text(&self, slots: &[SlotInfo<AccountId>]) -> String {
		let round = self.now.round.round;
		if round == 0 {
			return String::new();
		}
		let name = |seen: Option<&Seen>| {
			seen.map_or_else(
				|| "last round".to_owned(),
				|seen| format!("round {}", seen.round.round),
			)
		};
		let heading: [String; 9] = [
			"slot".into(),
			name(Some(&self.now)),
			"slot's".into(),
			name(self.last.as_ref()),
			"slot's".into(),
			"missed".into(),
			"silent".into(),
			"health".into(),
			"misses".into(),
		];
		let mut rows = vec![heading.to_vec()];
		for (index, slot) in slots.iter().enumerate() {
			let Some(now) = self.now.slot(index) else { continue };
			let last = self.last.as_ref().and_then(|last| last.slot(index));
			let unknown = || ["?".to_owned(), "?".to_owned()];
			let mut row = vec![slot.slot.to_string()];
			row.extend(now.cells());
			row.extend(last.map_or_else(unknown, Asked::cells));
			row.extend([now.missed.to_string(), now.silent.to_string()]);
			row.extend(self.of_slot(slot.slot).map_or_else(|| ["-".into(), "-".into()], cells));
			rows.push(row);
		}
		let waits = match self.now.round.drawn {
			Some(_) => String::new(),
			None => {
				format!("; round {round} is drawn from relay block {} on", self.now.round.draw_from)
			},
		};
		use Align::{Left, Right};
		format!(
			"samples answered, of all that a provider stores and of the slot; missed samples and silent rounds before, of all; \
			 the slot's health and misses{waits}\n{}",
			table(&[Right, Left, Left, Left, Left, Right, Right, Right, Right], &rows)
		)
	}
}

/// Health in percent, and misses of those with which the slot is lost.
fn cells(slot: &SlotHealth) -> [String; 2] {
	let SlotHealth { health, misses, evict_misses, .. } = *slot;
	[format!("{} %", health / 10_000_000), format!("{misses} of {evict_misses}")]
}

/// The last block of the round before `round`, which is in force at `head`.
async fn end_of_last(
	chain: &Chain,
	head: BlockRef,
	round: Round,
) -> Result<Option<Hash32>, ChainError> {
	let is_before = |found: &Option<(Hash32, Round)>| {
		// A state that the node has dropped is older than those that it keeps.
		found.is_none_or(|(_, found)| found < round)
	};
	// The first block known to be of the round, and one that is before it.
	let mut first = head.number;
	let mut step = 1u32;
	let (mut number, mut before) = loop {
		if round <= 1 || first == 0 {
			return Ok(None);
		}
		let number = first.saturating_sub(step);
		let found = round_at(chain, number).await?;
		if is_before(&found) {
			break (number, found);
		}
		first = number;
		step = step.saturating_mul(2);
	};
	while first.saturating_sub(number) > 1 {
		let middle = number.midpoint(first);
		let found = round_at(chain, middle).await?;
		if is_before(&found) {
			(number, before) = (middle, found);
		} else {
			first = middle;
		}
	}
	Ok(before.map(|(hash, _)| hash))
}

/// The block with this number and the round in force there; `None` when the node does not know any more.
async fn round_at(chain: &Chain, number: u32) -> Result<Option<(Hash32, Round)>, ChainError> {
	let Some(hash) = chain.block_hash(Some(number)).await? else { return Ok(None) };
	match chain.at(hash).round().await {
		Ok(info) => Ok(Some((hash, info.round))),
		Err(ChainError::Rpc { .. }) => Ok(None),
		Err(error) => Err(error),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use nil_types::{Profile, deal::SerdeBytes};

	fn sample(ordinal: u32, deal: DealId, slot: SlotIndex) -> SampleInfo {
		SampleInfo {
			ordinal,
			deal,
			slot,
			generation: 1,
			profile: Profile::DEFAULT,
			mdu: 0,
			leaf: 0,
			place: None,
			manifest: SerdeBytes([0; 48]),
			first_mdu: 0,
			mdus: 1,
		}
	}

	#[test]
	fn health_is_told_in_percent() {
		let slot = SlotHealth { slot: 1, health: 999_999_999, misses: 3, evict_misses: 16 };
		assert_eq!(cells(&slot), ["99 %", "3 of 16"]);
	}

	#[test]
	fn answers_are_counted_for_the_provider_and_for_the_slot() {
		let samples = [sample(0, 7, 1), sample(1, 7, 2), sample(2, 8, 1), sample(3, 7, 1)];
		let duty = DutyInfo { due: 5, answered: vec![0, 1, 2], ..DutyInfo::default() };
		let asked = Asked::of(7, 1, &duty, &samples);
		assert_eq!((asked.due, asked.answered), (5, 3));
		assert_eq!((asked.of_slot, asked.answered_of_slot), (2, 1));
		assert_eq!(asked.cells(), ["3 of 5", "1 of 2"]);
		let other = Asked::of(9, 0, &DutyInfo::default(), &[]);
		assert_eq!(other.cells(), ["-", "-"]);
		let behind = Asked { behind: true, ..other };
		assert_eq!(behind.cells(), ["behind", "-"]);
	}
}
