//! What answers put on the chain: bytes and weight per provider and day, by how much it stores; and what of a block ten
//! thousand providers take.
//!
//! An exbibyte has a thousand million commits. So only those are laid out that draws look at; the book says how many there
//! are, and the pallet draws, checks and counts as it always does.

use crate::{
	Arguments,
	chain::{self, AccountId, Liveness, PROFILE, RuntimeCall, SLOT},
	detection::DAY,
	party,
	report::Progress,
	weights::Backend,
};
use codec::Encode;
use frame_support::weights::{Weight, constants::ExtrinsicBaseWeight};
use nil_types::{
	Hash32, Hint, blake2b_256,
	challenge::{Lists, Place, SizeClass, sample},
};
use pallet_liveness::{
	Books, DEFAULT_EPOCH_LENGTH, DEFAULT_SETTLEMENT_EPOCHS, Entries, Entry, Faults, HeldSlot,
	Places, SettleDraw, SettleTarget, SlotRent, Slots,
};
use serde::Serialize;
use std::convert::Infallible;

/// MDUs of every commit: as many as one may have. With 8+4 a slot stores a GiB of each.
const MDUS: u32 = 1_024;
/// Blobs of a slot for such a commit.
const ROWS: u32 = MDUS * PROFILE.rows() as u32;
/// Commits of a full slot, of 64 GiB.
const COMMITS: u32 = 64;
/// GiB that providers store: from one to an exbibyte.
const STORED: [(&str, u32); 4] =
	[("1 GiB", 1), ("1 TiB", 1 << 10), ("1 PiB", 1 << 20), ("1 EiB", 1 << 30)];
/// What a transaction has beside its call: its length (2) and version (1), the signer (33) and the signature (65), and of the
/// extensions era (1), nonce (up to 4), tip (1) and the mode of the metadata's hash (1).
const ENVELOPE: usize = 2 + 1 + 33 + 65 + 1 + 4 + 1 + 1;
/// Most bytes per day that samples may put on the chain.
const MAX_DAY_BYTES: usize = 180_000;
/// Most bytes per slot and settlement period.
const MAX_SLOT_BYTES: usize = 700;

/// Time and proof that a block may take, and bytes of its body, as in the runtime.
const BLOCK: Weight = Weight::from_parts(2_000_000_000_000, 10 * 1024 * 1024);
const BODY: usize = 5 * 1024 * 1024;
/// Providers that blocks are to have room for, and the share of them that these may take.
const PROVIDERS: u32 = 10_000;
const PART: f64 = 0.25;

/// What a provider puts on the chain that stores so much.
#[derive(Debug, Serialize)]
pub struct Day {
	pub stored: &'static str,
	pub samples: u32,
	/// Bytes of calls, and of the transactions that carry them.
	pub call_bytes: usize,
	pub bytes: usize,
	/// Draws that missed.
	pub misses: u32,
	/// What the day's transactions weigh, for each backend: milliseconds and KiB of proof.
	pub weights: Vec<(&'static str, f64, f64)>,
}

impl Day {
	pub const fn holds(&self) -> bool {
		self.bytes <= MAX_DAY_BYTES
	}
}

/// What a slot's settlement puts on the chain.
#[derive(Debug, Serialize)]
pub struct Settled {
	/// Bytes of each further slot in a call.
	pub slot_bytes: usize,
	/// Bytes of a transaction that settles one.
	pub alone_bytes: usize,
	/// What each of many slots in a call weighs, for each backend: milliseconds and KiB of proof.
	pub weights: Vec<(&'static str, f64, f64)>,
}

impl Settled {
	pub const fn holds(&self) -> bool {
		self.slot_bytes <= MAX_SLOT_BYTES
	}
}

/// What of each block [`PROVIDERS`] take with hourly epochs, when one block is made per relay block.
#[derive(Debug, Serialize)]
pub struct Share {
	pub backend: &'static str,
	pub providers: u32,
	/// Shares of the block's time, proof and body.
	pub time: f64,
	pub proof: f64,
	pub body: f64,
	/// Samples that a block holds, up to the share of transactions (75 %), and by what it is bound.
	pub samples_per_block: u64,
	pub bound_by: &'static str,
}

impl Share {
	pub fn holds(&self) -> bool {
		[self.time, self.proof, self.body].into_iter().all(|share| share <= PART)
	}
}

/// All of it.
#[derive(Debug, Serialize)]
pub struct Burden {
	pub days: Vec<Day>,
	pub settled: Settled,
	pub shares: Vec<Share>,
}

pub fn run(arguments: &Arguments, progress: &Progress) -> Burden {
	let days: Vec<_> = STORED
		.into_iter()
		.map(|(name, gib)| {
			progress.say(format_args!("bytes and weight: {name}"));
			day(arguments.seed, name, gib)
		})
		.collect();
	// What is larger has larger numbers, if anything.
	let largest = days.iter().max_by_key(|day| day.bytes);
	let shares = Backend::ALL
		.into_iter()
		.filter_map(|backend| largest.map(|day| share(backend, day)))
		.collect();
	Burden { shares, settled: settled(), days }
}

/// A provider's lists, of which each part is made when a draw looks at it.
struct Filler<'a> {
	account: &'a AccountId,
	commits: u32,
	lookups: u32,
}

impl Filler<'_> {
	/// Lays out commit `number` of all.
	fn lay_out(&self, class: SizeClass, number: u32) {
		let (deal, place) = (u64::from(number / COMMITS), number % COMMITS);
		let entry = Entry {
			deal,
			slot: SLOT,
			generation: place + 1,
			profile: PROFILE,
			first_mdu: place * MDUS,
			rows: ROWS,
			start: place * ROWS,
			before: place,
		};
		let at = Place { class, index: number };
		Entries::<chain::Runtime>::insert(self.account, (Hint::Cold, class, number), entry);
		Places::<chain::Runtime>::insert(self.account, (deal, SLOT, entry.generation), at);
	}

	/// Commits of a slot.
	fn commits_of(&self, slot: u32) -> u32 {
		(self.commits - slot * COMMITS).min(COMMITS)
	}
}

impl Lists for Filler<'_> {
	type Error = Infallible;

	fn rows(&mut self, _: Hint, class: SizeClass, index: u32) -> Result<u64, Infallible> {
		self.lookups += 1;
		self.lay_out(class, index);
		Ok(ROWS.into())
	}

	fn slot_rows(&mut self, index: u32) -> Result<u64, Infallible> {
		self.lookups += 1;
		let commits = self.commits_of(index);
		let class = class();
		(0..commits).for_each(|commit| self.lay_out(class, index * COMMITS + commit));
		let held = HeldSlot {
			deal: index.into(),
			slot: SLOT,
			hint: Hint::Cold,
			rows: commits * ROWS,
			newest: commits,
			profile: PROFILE,
			rent: SlotRent::default(),
			faults: Faults::default(),
		};
		Slots::<chain::Runtime>::insert(self.account, index, held);
		Ok(held.rows.into())
	}
}

fn class() -> SizeClass {
	SizeClass::of(ROWS.into()).expect("commits have blobs, and fewer than a deal may have")
}

/// What answering for a day takes when `gib` GiB are stored.
fn day(seed: u64, stored: &'static str, gib: u32) -> Day {
	let network = blake2b_256(&("burden", seed, gib).encode());
	chain::network(network, DEFAULT_SETTLEMENT_EPOCHS).execute_with(|| {
		let account = party::account(&network, 0);
		chain::begin(0);
		party::sign(&account, chain::allocation(0, 1, 0, ROWS.into()));
		let (mut samples, mut misses, mut call_bytes, mut bytes) = (0, 0, 0, 0);
		for epoch in 1..=DAY {
			chain::begin(epoch);
			if epoch == 1 {
				chain::catch_up(&account);
				grow(&account, gib);
			}
			let call = answer(&account, gib, &mut misses);
			let length = RuntimeCall::Liveness(call.clone()).encoded_size();
			let due = Liveness::due(&account);
			let answered = chain::dispatch(&account, call);
			assert!(answered.is_ok(), "a right answer is refused: {answered:?}");
			assert_eq!(Liveness::duty(&account).answered.len(), due as usize);
			samples += due;
			call_bytes += length;
			bytes += length + ENVELOPE;
		}
		let weights = Backend::ALL
			.into_iter()
			.map(|backend| {
				let each = backend.submit_proofs(samples / DAY).saturating_add(base());
				let all = each.saturating_mul(DAY.into());
				told(backend, all.saturating_add(backend.look_up().saturating_mul(misses.into())))
			})
			.collect();
		Day { stored, samples, call_bytes, bytes, misses, weights }
	})
}

/// Lets a book with one commit say that there are many.
fn grow(account: &AccountId, gib: u32) {
	Books::<chain::Runtime>::mutate(account, |book| {
		let book = book.as_mut().expect("the provider has signed a commit");
		assert_eq!(book.census.cold, [(class(), 1)]);
		book.census.cold = vec![(class(), gib)];
		book.census.slots = gib.div_ceil(COMMITS);
		book.blobs = u64::from(gib) * u64::from(ROWS);
	});
}

/// The answer to all of a round's samples, after what they look at was laid out.
fn answer(account: &AccountId, gib: u32, misses: &mut u32) -> chain::Call {
	let drawn = Liveness::epoch().expect("the round is drawn");
	let book = Books::<chain::Runtime>::get(account).expect("the provider has a book");
	let id: Hash32 = account.clone().into();
	let hot_factor = Liveness::params().hot_factor;
	let items = (0..Liveness::due(account))
		.map(|ordinal| {
			let mut filler = Filler { account, commits: gib, lookups: 0 };
			let Ok(found) =
				sample(&drawn.randomness, &id, ordinal, &book.census, hot_factor, &mut filler);
			assert!(found.is_some(), "there is something to draw");
			*misses += filler.lookups - 1;
			let asked = Liveness::asked(account, ordinal).expect("the ordinal is due");
			chain::item(ordinal, &asked)
		})
		.collect();
	chain::answer(account, items)
}

/// What a settlement puts on the chain, with the largest numbers that there are.
fn settled() -> Settled {
	let seed = blake2b_256(b"settled");
	chain::network(seed, 1).execute_with(|| {
		for epoch in 0..2 {
			chain::begin(epoch);
		}
		let account = party::account(&seed, 0);
		let samples = Liveness::params().settle_samples;
		let draws = |deal: u64| {
			let target = SettleTarget {
				generation: COMMITS,
				profile: PROFILE,
				mdu: u64::from(COMMITS * MDUS) - 1,
				leaf: PROFILE.leaf(SLOT, 0),
			};
			let draw = |sample| SettleDraw { sample, commits: vec![COMMITS], target: Some(target) };
			(deal, (0..samples).map(draw).collect::<Vec<_>>())
		};
		let size = |slots: u64| {
			let slots: Vec<_> = (0..slots).map(|slot| draws((1 << 24) - 1 - slot)).collect();
			let call = chain::settlement(&account, &slots);
			RuntimeCall::Liveness(call).encoded_size()
		};
		let most = chain::MAX_ITEMS / samples;
		let weights = Backend::ALL
			.into_iter()
			.map(|backend| {
				let items = most * samples;
				let paid = backend.pay_out().saturating_mul(most.into());
				let all = backend.settle(items).saturating_add(paid).saturating_add(base());
				told(backend, all.saturating_div(most.into()))
			})
			.collect();
		Settled { slot_bytes: size(2) - size(1), alone_bytes: size(1) + ENVELOPE, weights }
	})
}

/// What of a block such days take.
fn share(backend: Backend, day: &Day) -> Share {
	let calls = f64::from(PROVIDERS) / f64::from(DEFAULT_EPOCH_LENGTH);
	let per_call = f64::from(day.samples) / f64::from(DAY);
	let lookups = backend.look_up().saturating_mul((day.misses / DAY).into());
	let weight =
		backend.submit_proofs(day.samples / DAY).saturating_add(lookups).saturating_add(base());
	let length = day.bytes as f64 / f64::from(DAY);
	// The body is part of what validators get, so it counts as proof too.
	let shares = [
		("time", calls * weight.ref_time() as f64 / BLOCK.ref_time() as f64),
		("proof", calls * (weight.proof_size() as f64 + length) / BLOCK.proof_size() as f64),
		("body", calls * length / BODY as f64),
	];
	let (bound_by, most) = shares
		.into_iter()
		.fold(("nothing", 0.0), |most, one| if one.1 > most.1 { one } else { most });
	let [(_, time), (_, proof), (_, body)] = shares;
	Share {
		backend: backend.name(),
		providers: PROVIDERS,
		time,
		proof,
		body,
		samples_per_block: (0.75 / most * calls).floor() as u64 * per_call as u64,
		bound_by,
	}
}

/// What every transaction weighs.
fn base() -> Weight {
	ExtrinsicBaseWeight::get()
}

fn told(backend: Backend, weight: Weight) -> (&'static str, f64, f64) {
	(backend.name(), weight.ref_time() as f64 / 1e9, weight.proof_size() as f64 / 1024.0)
}
