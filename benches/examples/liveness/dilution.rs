//! Deletion behind data of one's own: providers that fill their lists with data that they can make again at will, so that they
//! are asked about others' data less often, delete some of that, and settle what they still can.
//!
//! Their own data costs them nothing here, and commits and cancellations neither, so what they gain is too much if anything.
//! A period is a day: rent, and what is lost of it, are both in proportion to it.

use crate::{
	Arguments,
	chain::{self, Liveness, SLOT},
	detection::DAY,
	party::{self, Order, Party},
	report::Progress,
};
use codec::Encode;
use nil_types::{
	Amount, DealId, blake2b_256,
	layout::MDU_PAYLOAD,
	traits::{Allocation, SlotHooks},
};
use pallet_liveness::SettleDraw;
use rand::{SeedableRng, rngs::StdRng};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::VecDeque;

/// Providers of each kind.
const PROVIDERS: u32 = 60;
/// Others' slots of each, and the MDUs that each stores its part of.
const OTHERS: u64 = 50;
const MDUS: u64 = 64;
/// Blobs of each of these slots.
const ROWS: u64 = MDUS * chain::PROFILE.rows() as u64;
/// Blobs of a commit to a deal of one's own: 1,024 MDUs, as many as a commit may have.
const OWN_ROWS: u64 = 1_024 * chain::PROFILE.rows() as u64;
/// The first deal of one's own.
const OWN: DealId = 1 << 32;
/// Where commits and cancels come in masses, this part of one's own deals is new in each epoch.
const CHURN: usize = 4;

/// What providers do, of one kind.
#[derive(Clone, Copy, Debug)]
struct Kind {
	/// Per cent of its data that are its own.
	own: u64,
	/// Whether it commits and cancels in masses.
	churn: bool,
	order: Order,
	/// The share of others' data that it drops.
	drops: f64,
}

/// What came of them.
#[derive(Debug, Serialize)]
pub struct Dilution {
	pub own_percent: u64,
	pub churn: bool,
	pub dropped: &'static str,
	/// The share of others' data that is gone, and so of the cost of keeping it.
	pub saved: f64,
	/// The share of the rent for others' data that was not paid.
	pub lost: f64,
	/// Samples that stayed open, of all.
	pub open: f64,
	/// Rent for the other slots of its own deals, by that for others' data: with the fewest slots that a deal can have, two.
	pub own_rent: f64,
	/// Whether no less was lost than saved, with storage that costs as much as its rent.
	pub holds: bool,
}

fn kinds() -> Vec<Kind> {
	let mut kinds = vec![Kind { own: 0, churn: false, order: Order::Blobs, drops: 0.0 }];
	for (own, churn) in [(0, false), (90, false), (90, true), (98, false), (98, true)] {
		for (order, drops) in
			[(Order::Blobs, 0.01), (Order::Blobs, 0.1), (Order::Slots, 0.1), (Order::Blobs, 1.0)]
		{
			kinds.push(Kind { own, churn, order, drops });
		}
	}
	kinds
}

pub fn run(arguments: &Arguments, progress: &Progress) -> Vec<Dilution> {
	let kinds = kinds();
	progress.say(format_args!("dilution: {} kinds of {PROVIDERS} providers", kinds.len()));
	kinds
		.into_par_iter()
		.map(|kind| {
			let made = dilute(arguments.seed, kind);
			progress.say(format_args!(
				"dilution: {} % own, {} % of others' dropped: done",
				kind.own,
				kind.drops * 100.0
			));
			made
		})
		.collect()
}

/// A provider's own deals, the oldest first.
struct Own {
	deals: VecDeque<DealId>,
	next: DealId,
}

impl Own {
	/// Commits to new deals.
	fn commit(&mut self, party: &Party, deals: usize) {
		for _ in 0..deals {
			party::sign(&party.account, chain::allocation(self.next, 1, 0, OWN_ROWS));
			self.deals.push_back(self.next);
			self.next += 1;
		}
	}

	/// Cancels some, and commits to as many.
	fn churn(&mut self, party: &Party) {
		let changed = self.deals.len() / CHURN;
		for deal in self.deals.drain(..changed) {
			<Liveness as SlotHooks<_>>::ended(&party.account, deal, SLOT);
		}
		self.commit(party, changed);
	}
}

/// What others have a provider store.
fn others(number: u32) -> Vec<Allocation> {
	let first = u64::from(number) * OTHERS;
	(first..first + OTHERS).map(|deal| chain::allocation(deal, 1, 0, ROWS)).collect()
}

fn dilute(seed: u64, kind: Kind) -> Dilution {
	let Kind { own, churn, order, drops } = kind;
	let what = (own, churn, (drops * 1e6) as u64, order.name());
	let network = blake2b_256(&("dilution", seed, what).encode());
	let mut rng = StdRng::from_seed(network);
	chain::network(network, DAY).execute_with(|| {
		// The last epoch of the first period.
		chain::begin(DAY - 1);
		let own_blobs = OTHERS * ROWS * own / (100 - own);
		let own_deals = own_blobs.div_ceil(OWN_ROWS) as usize;
		let mut parties: Vec<(Party, Own)> = (0..PROVIDERS)
			.map(|number| {
				let signed = others(number);
				for allocation in &signed {
					chain::fund(allocation.deal, MDUS * MDU_PAYLOAD as u64);
				}
				let account = party::account(&network, number);
				let party = Party::new(account, &signed, (order, drops), &mut rng);
				party.sign(&signed);
				// Deals of different providers have different numbers.
				let mut own = Own { deals: VecDeque::new(), next: OWN + (u64::from(number) << 24) };
				own.commit(&party, own_deals);
				(party, own)
			})
			.collect();

		let mut open = 0;
		for epoch in DAY..2 * DAY {
			chain::begin(epoch);
			for (party, own) in &mut parties {
				chain::catch_up(&party.account);
				open += party.answer();
				if churn {
					own.churn(party);
				}
			}
		}
		chain::begin(2 * DAY);
		let (mut full, mut paid, mut blobs, mut gone) = (0, 0, 0, 0);
		for (number, (party, _)) in (0..).zip(&parties) {
			chain::catch_up(&party.account);
			full += full_rent(party, &others(number));
			settle(party, &others(number));
			paid += chain::paid_to(&party.account);
			blobs += party.blobs;
			gone += party.lost;
		}
		assert!(drops > 0.0 || (paid == full && open == 0), "who keeps everything loses nothing");
		let asked = PROVIDERS * DAY * Liveness::params().samples_per_epoch;
		Dilution {
			own_percent: own,
			churn,
			dropped: order.name(),
			saved: gone as f64 / blobs as f64,
			lost: (full - paid) as f64 / full as f64,
			open: open as f64 / f64::from(asked),
			own_rent: (own_deals as u64 * OWN_ROWS) as f64 / (OTHERS * ROWS) as f64,
			holds: (full - paid) * Amount::from(blobs) >= full * Amount::from(gone),
		}
	})
}

/// What the period was worth if everything had been answered in time and all slots were settled.
fn full_rent(party: &Party, slots: &[Allocation]) -> Amount {
	slots
		.iter()
		.filter_map(|slot| Liveness::rent_of(&party.account, slot.deal, SLOT))
		.map(|rent| Amount::from(rent.rate) * Amount::from(DAY))
		.sum()
}

/// Settles the slots whose samples the provider has. Of others it cannot prove anything.
fn settle(party: &Party, slots: &[Allocation]) {
	let provable: Vec<(DealId, Vec<SettleDraw>)> = slots
		.iter()
		.map(|slot| (slot.deal, Liveness::settle_draws(&party.account, slot.deal, SLOT)))
		.filter(|(deal, draws)| {
			let has = |draw: &SettleDraw| {
				draw.target.is_none_or(|it| party.has(*deal, it.generation, it.mdu, it.leaf))
			};
			!draws.is_empty() && draws.iter().all(has)
		})
		.collect();
	let samples = Liveness::params().settle_samples;
	for slots in provable.chunks((chain::MAX_ITEMS / samples) as usize) {
		let settled = chain::dispatch(&party.account, chain::settlement(&party.account, slots));
		assert!(settled.is_ok(), "a right settlement is refused: {settled:?}");
	}
}
