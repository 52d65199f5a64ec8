//! How long a deleter goes unnoticed: providers drop a share of what they hold, answer what is left, and are caught when the
//! pallet's own account of them says that something stayed open.

use crate::{
	Arguments, chain,
	party::{self, Order, Party},
	report::{Progress, interval},
};
use nil_types::{Hash32, blake2b_256, traits::Allocation};
use rand::{Rng, SeedableRng, rngs::StdRng};
use rayon::prelude::*;
use serde::Serialize;

/// Shares of the blobs that are dropped, and by how many fewer providers than are asked for.
const SHARES: [(f64, u32); 5] = [(0.001, 10), (0.005, 10), (ASSERTED, 1), (0.05, 10), (0.1, 10)];
/// The share about which something is claimed.
const ASSERTED: f64 = 0.01;
/// With what probability it is found within a day.
const AIM: f64 = 0.99;
/// Epochs of a day.
pub const DAY: u32 = 24;
/// Epochs after which a deleter that was not caught is let go: two weeks.
const HORIZON: u32 = 14 * DAY;
/// Providers of one network. They have nothing to do with each other, so this bounds memory and no figure.
const NETWORK: u32 = 500;
/// Slots of a provider, commits of a slot, and the power of two up to which a commit has blobs.
const SLOTS: std::ops::RangeInclusive<u64> = 8..=24;
const COMMITS: std::ops::RangeInclusive<u32> = 1..=3;
const MAX_LOG_ROWS: f64 = 12.0;
const MIN_LOG_ROWS: f64 = 3.0;
/// Deals of different providers have different numbers.
const DEALS_EACH: u64 = 1 << 10;

/// What came of deleters of one kind.
#[derive(Debug, Serialize)]
pub struct Detection {
	pub dropped: &'static str,
	pub share: f64,
	pub providers: u32,
	/// Of these, how many were caught within 24 epochs.
	pub within_a_day: u32,
	/// The share of these, and its confidence interval at 95 %.
	pub probability: f64,
	pub low: f64,
	pub high: f64,
	/// Epochs by which half of them, and 99 in 100, were caught. `None` when they were not within two weeks.
	pub half: Option<u32>,
	pub most: Option<u32>,
}

impl Detection {
	/// Whether what is claimed about it holds. `None` when nothing is.
	pub fn holds(&self) -> Option<bool> {
		(self.share == ASSERTED).then_some(self.low >= AIM)
	}
}

/// Lets deleters of every kind go.
pub fn run(arguments: &Arguments, progress: &Progress) -> Vec<Detection> {
	let mut all = Vec::new();
	for (share, fewer) in SHARES {
		for order in Order::ALL {
			progress.say(format_args!("detection: {} %, {}", share * 100.0, order.name()));
			all.push(detect(arguments, order, share, (arguments.providers / fewer).max(1)));
		}
	}
	all
}

fn detect(arguments: &Arguments, order: Order, share: f64, providers: u32) -> Detection {
	let networks: Vec<u32> = (0..providers.div_ceil(NETWORK)).collect();
	let mut caught: Vec<Option<u32>> = networks
		.into_par_iter()
		.flat_map_iter(|number| {
			let here = NETWORK.min(providers - number * NETWORK);
			let kind = (order.name(), (share * 1e6) as u64, number);
			let seed = blake2b_256(&codec::Encode::encode(&(arguments.seed, kind)));
			network(seed, here, (order, share))
		})
		.collect();
	// Those that were never caught stand last.
	caught.sort_by_key(|epoch| epoch.unwrap_or(u32::MAX));
	let within_a_day = caught.iter().flatten().filter(|epoch| **epoch <= DAY).count() as u32;
	let by = |part: f64| {
		let place = (part * caught.len() as f64).ceil() as usize;
		caught.get(place.saturating_sub(1)).copied().flatten()
	};
	let (low, high) = interval(within_a_day, providers);
	Detection {
		dropped: order.name(),
		share,
		providers,
		within_a_day,
		probability: f64::from(within_a_day) / f64::from(providers),
		low,
		high,
		half: by(0.5),
		most: by(0.99),
	}
}

/// What a provider signs for.
fn holdings(number: u32, rng: &mut StdRng) -> Vec<Allocation> {
	let first_deal = u64::from(number) * DEALS_EACH;
	let mut all = Vec::new();
	for deal in 0..rng.random_range(SLOTS) {
		let mut first_mdu = 0;
		for generation in 1..=rng.random_range(COMMITS) {
			let log: f64 = rng.random_range(MIN_LOG_ROWS..=MAX_LOG_ROWS);
			let rows = log.exp2() as u64;
			all.push(chain::allocation(first_deal + deal, generation, first_mdu, rows));
			first_mdu += rows.div_ceil(u64::from(chain::PROFILE.rows()));
		}
	}
	all
}

/// When each deleter of a network was caught, in epochs from its deletion.
fn network(seed: Hash32, providers: u32, drops: (Order, f64)) -> Vec<Option<u32>> {
	let mut rng = StdRng::from_seed(seed);
	chain::network(seed, pallet_liveness::DEFAULT_SETTLEMENT_EPOCHS).execute_with(|| {
		chain::begin(0);
		let parties: Vec<Party> = (0..providers)
			.map(|number| {
				let signed = holdings(number, &mut rng);
				let account = party::account(&seed, number);
				let party = Party::new(account, &signed, drops, &mut rng);
				party.sign(&signed);
				party
			})
			.collect();
		let mut caught = vec![None; parties.len()];
		let mut left: Vec<usize> = (0..parties.len()).collect();
		for epoch in 1..=HORIZON {
			chain::begin(epoch);
			if epoch == 1 {
				parties.iter().for_each(|party| chain::catch_up(&party.account));
			}
			let left_out: Vec<_> = left.iter().map(|number| parties[*number].answer()).collect();
			// The next round closes this one.
			chain::begin(epoch + 1);
			let mut open = Vec::with_capacity(left.len());
			for (number, left_out) in left.into_iter().zip(left_out) {
				let duty = chain::Liveness::duty(&parties[number].account);
				let noticed = duty.missed > 0 || duty.silent > 0;
				assert_eq!(noticed, left_out > 0, "the account is of what was left out");
				if noticed {
					caught[number] = Some(epoch);
				} else {
					open.push(number);
				}
			}
			left = open;
			if left.is_empty() {
				break;
			}
		}
		caught
	})
}
