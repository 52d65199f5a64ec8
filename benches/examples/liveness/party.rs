//! Providers, and what those of them have dropped that do not keep what they are paid for.

use crate::chain::{self, AccountId, Liveness, PROFILE, SLOT};
use nil_types::{DealId, Generation, Hash32, blake2b_256, traits::Allocation};
use pallet_liveness::Item;
use rand::{Rng, rngs::StdRng, seq::SliceRandom};
use std::collections::BTreeMap;

/// The account of one of a network's providers.
pub fn account(network: &Hash32, number: u32) -> AccountId {
	AccountId::new(blake2b_256(&codec::Encode::encode(&(network, number))))
}

/// In which order a deleter drops what it holds, until a share of its blobs is gone. The last slot or commit goes in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
	/// Blobs, wherever they lie.
	Blobs,
	/// Slots, one after the other.
	Slots,
	/// Slots, the largest first: a slot that is drawn by itself finds least of them.
	LargeSlots,
	/// Commits, those first that were signed first.
	Oldest,
}

impl Order {
	pub const ALL: [Self; 4] = [Self::Blobs, Self::Slots, Self::LargeSlots, Self::Oldest];

	/// What is told of such a deleter.
	pub const fn name(self) -> &'static str {
		match self {
			Self::Blobs => "blobs",
			Self::Slots => "slots",
			Self::LargeSlots => "largest slots",
			Self::Oldest => "oldest commits",
		}
	}

	fn sort(self, allocations: &mut [Allocation], rng: &mut StdRng) {
		let mut rows = BTreeMap::<DealId, u64>::new();
		for allocation in &*allocations {
			*rows.entry(allocation.deal).or_default() += allocation.rows;
		}
		match self {
			Self::Blobs => {},
			Self::Slots => {
				let mut deals: Vec<_> = rows.into_keys().collect();
				deals.shuffle(rng);
				let rank: BTreeMap<_, _> = (0u32..).zip(deals).map(|(i, deal)| (deal, i)).collect();
				allocations.sort_by_key(|one| (rank.get(&one.deal).copied(), one.generation));
			},
			Self::LargeSlots => allocations.sort_by_key(|one| {
				let rows = rows.get(&one.deal).copied().unwrap_or_default();
				(std::cmp::Reverse(rows), one.deal, one.generation)
			}),
			Self::Oldest => allocations.sort_by_key(|one| (one.generation, one.deal)),
		}
	}
}

/// An allocation, and where its first row stands among all that may be dropped.
struct Holding {
	first_mdu: u64,
	stands_at: u64,
}

/// A provider, with what it has lost.
pub struct Party {
	pub account: AccountId,
	holdings: BTreeMap<(DealId, Generation), Holding>,
	/// Blobs of these.
	pub blobs: u64,
	/// How many of them are gone: those that stand first.
	pub lost: u64,
	/// Factor and shift by which blobs are dealt out again when any may be dropped.
	deal_out: Option<(u64, u64)>,
}

impl Party {
	/// A provider that drops `share` of what it holds, no less, in an order. Deals have a slot each.
	pub fn new(
		account: AccountId,
		allocations: &[Allocation],
		(order, share): (Order, f64),
		rng: &mut StdRng,
	) -> Self {
		let mut sorted = allocations.to_vec();
		order.sort(&mut sorted, rng);
		let mut blobs = 0;
		let mut holdings = BTreeMap::new();
		for Allocation { deal, generation, first_mdu, rows, .. } in sorted {
			holdings.insert((deal, generation), Holding { first_mdu, stands_at: blobs });
			blobs += rows;
		}
		let lost = ((blobs as f64 * share).ceil() as u64).min(blobs);
		let deal_out = (order == Order::Blobs && blobs > 1).then(|| {
			let factor = loop {
				let factor = rng.random_range(1..blobs);
				if gcd(factor, blobs) == 1 {
					break factor;
				}
			};
			(factor, rng.random_range(0..blobs))
		});
		Self { account, holdings, blobs, lost, deal_out }
	}

	/// Lets it sign for all of it, in the order of commits.
	pub fn sign(&self, allocations: &[Allocation]) {
		for allocation in allocations {
			sign(&self.account, *allocation);
		}
	}

	/// Whether it has the blob. What it never counted among its holdings it makes again at will.
	pub fn has(&self, deal: DealId, generation: Generation, mdu: u64, leaf: u16) -> bool {
		let Some(holding) = self.holdings.get(&(deal, generation)) else { return true };
		let row = u64::from(leaf - PROFILE.leaf(SLOT, 0));
		let place = holding.stands_at + (mdu - holding.first_mdu) * u64::from(PROFILE.rows()) + row;
		let place = match self.deal_out {
			// Both are below 2^64, and the factor is prime to the number of blobs: every place is taken once.
			Some((factor, shift)) => {
				let wide = u128::from(place) * u128::from(factor) + u128::from(shift);
				(wide % u128::from(self.blobs)) as u64
			},
			None => place,
		};
		place >= self.lost
	}

	/// Answers what it can of the round that is drawn. How many samples it had to leave out.
	pub fn answer(&self) -> usize {
		let due = Liveness::due(&self.account);
		let mut left_out = 0;
		let mut items: Vec<Item> = Vec::new();
		for ordinal in 0..due {
			let asked = Liveness::asked(&self.account, ordinal);
			match asked.filter(|it| self.has(it.deal, it.generation, it.mdu, it.leaf)) {
				Some(asked) => items.push(chain::item(ordinal, &asked)),
				None => left_out += 1,
			}
		}
		if !items.is_empty() {
			let answered = chain::dispatch(&self.account, chain::answer(&self.account, items));
			assert!(answered.is_ok(), "a right answer is refused: {answered:?}");
		}
		left_out
	}
}

/// Lets a provider sign.
pub fn sign(account: &AccountId, allocation: Allocation) {
	<Liveness as nil_types::traits::SlotHooks<_>>::signed(account, allocation);
}

fn gcd(a: u64, b: u64) -> u64 {
	if b == 0 { a } else { gcd(b, a % b) }
}
