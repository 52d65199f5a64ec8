//! Fetching and checking every live blob of every slot of a deal.

use crate::{
	account::AccountId,
	chain::DealChain,
	get::{GetError, ReadOptions},
};
use nil_types::{DealId, Generation, MduIndex, SlotIndex};
use serde::Serialize;
use std::sync::Arc;

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
	/// The deal.
	pub deal: DealId,
	/// Its generation.
	pub generation: Generation,
	/// Its MDUs.
	pub mdus: u64,
	/// Whether the manifest points on the chain follow from the roots.
	pub manifest: bool,
	/// Each slot.
	pub slots: Vec<SlotReport>,
}

impl VerifyReport {
	/// Whether every slot has everything that it signed for, and the manifest is right.
	pub fn is_sound(&self) -> bool {
		self.manifest && self.slots.iter().all(SlotReport::is_sound)
	}

	/// Whether every MDU can be read: at least `k` slots have good blobs of it. Judged by whole slots.
	pub fn sound_slots(&self) -> usize {
		self.slots.iter().filter(|slot| slot.is_sound()).count()
	}
}

/// What a slot has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlotReport {
	/// The slot.
	pub slot: SlotIndex,
	/// Who holds it; `None` when nobody does.
	pub provider: Option<AccountId>,
	/// Blobs that are there and right.
	pub good: u64,
	/// Blobs that the slot signed for.
	pub owed: u64,
	/// What is wrong.
	pub faults: Vec<Fault>,
	/// Generations that the slot did not sign; nothing of them is owed.
	pub unsigned: Vec<Generation>,
}

impl SlotReport {
	/// Whether everything that is owed is there and right.
	pub fn is_sound(&self) -> bool {
		self.provider.is_some() && self.faults.is_empty() && self.good >= self.owed
	}
}

/// Something wrong with a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "lowercase")]
pub enum Fault {
	/// Blobs that are not the committed ones.
	Wrong {
		/// The MDU.
		mdu: MduIndex,
		/// The rows.
		rows: Vec<u8>,
	},
	/// Blobs that the provider did not give.
	Missing {
		/// The MDU.
		mdu: MduIndex,
		/// What it said.
		reason: String,
	},
	/// The provider does not answer; nothing more was asked of it.
	Unreachable {
		/// What happened.
		reason: String,
	},
}

/// Verifies a deal.
pub async fn verify(
	chain: Arc<dyn DealChain>,
	deal: DealId,
	options: ReadOptions,
) -> Result<VerifyReport, GetError> {
	todo!()
}
