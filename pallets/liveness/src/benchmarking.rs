//! Benchmarks of the calls and of the hook.
//!
//! Answers are measured with points of the group that prove nothing: a check looks at all of them, and does all of its
//! arithmetic, before it can tell.

use crate::{
	Books, Call, Config, CurrentRound, Drawn, DrawnBefore, Earned, EndedCommits, Ending,
	EndingEnds, EndingQueue, Endings, EpochLength, EpochRecord, Event, EvictionEnds, EvictionQueue,
	HeldSlot, INDEX_ONE, Item, JournalEnds, LivenessParams, MAX_PATH, Pallet, Parameters, Period,
	Planned, Sealed, SettleBlob, SettleItem, SettlementEpochs, Slots, WatchEnds, WatchQueue,
	settle::SWEEP_COMMITS,
};
use alloc::{vec, vec::Vec};
use frame_benchmarking::v2::*;
use frame_support::{
	BoundedVec,
	traits::{EnsureOrigin, Get},
	weights::WeightMeter,
};
use frame_system::RawOrigin;
use nil_types::{
	CodeKind, CommitInfo, DealId, G1Compressed, G1Uncompressed, Generation, Hint, Profile,
	SlotIndex,
	challenge::{SETTLE_TRIES, SizeClass},
	traits::{
		Allocation, ContentSource, CreditSource, EpochClock, Evictions, RelayBeacon, RentPurse,
		Slashing, SlotHooks,
	},
};

/// The profile with the longest paths.
const DEEPEST: Profile = Profile { k: 1, m: 31, code: CodeKind::Fr };
/// Rows of every allocation: so few that no draw misses.
const ROWS: u64 = 8;
/// The slot that signs.
const SLOT: u8 = 31;

/// A point of the group: the generator.
const POINT: G1Uncompressed = [
	0x17, 0xf1, 0xd3, 0xa7, 0x31, 0x97, 0xd7, 0x94, 0x26, 0x95, 0x63, 0x8c, 0x4f, 0xa9, 0xac, 0x0f,
	0xc3, 0x68, 0x8c, 0x4f, 0x97, 0x74, 0xb9, 0x05, 0xa1, 0x4e, 0x3a, 0x3f, 0x17, 0x1b, 0xac, 0x58,
	0x6c, 0x55, 0xe8, 0x3f, 0xf9, 0x7a, 0x1a, 0xef, 0xfb, 0x3a, 0xf0, 0x0a, 0xdb, 0x22, 0xc6, 0xbb,
	0x08, 0xb3, 0xf4, 0x81, 0xe3, 0xaa, 0xa0, 0xf1, 0xa0, 0x9e, 0x30, 0xed, 0x74, 0x1d, 0x8a, 0xe4,
	0xfc, 0xf5, 0xe0, 0x95, 0xd5, 0xd0, 0x0a, 0xf6, 0x00, 0xdb, 0x18, 0xcb, 0x2c, 0x04, 0xb3, 0xed,
	0xd0, 0x3c, 0xc7, 0x44, 0xa2, 0x88, 0x8a, 0xe4, 0x0c, 0xaa, 0x23, 0x29, 0x46, 0xc5, 0xe7, 0xe1,
];

/// The same in 48 bytes. Its second coordinate is the smaller one of the two, which needs no flag.
fn compressed() -> G1Compressed {
	let mut point = [0; 48];
	for (to, from) in point.iter_mut().zip(POINT) {
		*to = from;
	}
	point[0] |= 0x80;
	point
}

fn provider<T: Config>() -> T::AccountId {
	account("provider", 0, 0)
}

/// Begins and draws the next round. Returns its record.
fn next_round<T: Config>() -> EpochRecord {
	let round = Pallet::<T>::round().saturating_add(1);
	let drawn_at = T::Beacon::now();
	let (randomness, hot_factor, block) = ([7; 32], 1, Some([8; 32]));
	let record = EpochRecord { round, epoch: round, randomness, drawn_at, hot_factor, block };
	CurrentRound::<T>::put(round);
	Drawn::<T>::put(record);
	record
}

/// Lists all that a provider signed, lets it have earned something with it, and have lost the same slots in the period before: that
/// it can settle still, and their deals will owe it.
pub(crate) fn earn<T: Config>(provider: &T::AccountId) {
	next_round::<T>();
	Pallet::<T>::apply(provider, u32::MAX);
	Books::<T>::mutate_extant(provider, |book| {
		book.index = book.index.saturating_add(INDEX_ONE / 2);
		book.late = book.late.saturating_add(INDEX_ONE / 2);
	});
	let owed = Earned { paid: 1, burned: 0 };
	let before = Pallet::<T>::period_of(Pallet::<T>::present()).checked_sub(1);
	for (at, mut held) in Slots::<T>::iter_prefix(provider).collect::<Vec<_>>() {
		let HeldSlot { deal, slot, profile, .. } = held;
		// Whatever the term of the deal is.
		held.rent.open = owed;
		Slots::<T>::insert(provider, at, held);
		if let Some(period) = before {
			let ending = Ending { profile, mdus: 1, round: 0, owed };
			Endings::<T>::insert(provider, (deal, slot, period), ending);
		}
	}
}

/// Puts a record into an epoch, from which it can be drawn.
fn record<T: Config>(epoch: u32) {
	let start = EpochLength::<T>::get().saturating_mul(epoch);
	T::Beacon::set_record(start.saturating_add(T::DrawDelay::get()), [7; 64]);
}

/// The first commit of a deal.
const fn allocation(deal: DealId) -> Allocation {
	Allocation {
		deal,
		slot: SLOT,
		generation: 1,
		hint: Hint::Cold,
		profile: DEEPEST,
		first_mdu: 0,
		rows: ROWS,
		price: 1_000_000,
	}
}

/// Lets the provider sign for one commit of each deal.
fn sign<T: Config>(deals: core::ops::Range<DealId>) {
	for deal in deals {
		<Pallet<T> as SlotHooks<_>>::signed(&provider::<T>(), allocation(deal));
	}
}

/// Parameters that slash.
fn slashing<T: Config>() -> LivenessParams {
	let params = LivenessParams { slashing: true, ..Default::default() };
	Parameters::<T>::put(Planned { now: params, next: None });
	params
}

/// Somebody with an account, who gets a bounty.
fn reporter<T: Config>() -> T::AccountId {
	let reporter = whitelisted_caller();
	T::Purse::benchmark_endow(&reporter);
	reporter
}

/// A provider that was silent for too long.
fn silent<T: Config>() -> T::AccountId {
	let params = slashing::<T>();
	listed::<T>(1);
	let book = Books::<T>::get(provider::<T>()).expect("it has something in its lists");
	let provider = T::Stakes::benchmark_staked();
	Books::<T>::insert(&provider, book);
	CurrentRound::<T>::put(Pallet::<T>::round().saturating_add(params.silent_rounds));
	provider
}

/// A slot with too many misses, which earned something.
fn failed<T: Config>() -> (T::AccountId, DealId, SlotIndex) {
	slashing::<T>();
	let (provider, deal, slot) = T::Evictions::benchmark_slot();
	T::Purse::benchmark_locked(deal, 1 << 70);
	<Pallet<T> as SlotHooks<_>>::signed(&provider, Allocation { slot, ..allocation(deal) });
	next_round::<T>();
	assert_eq!(Pallet::<T>::apply(&provider, 1).steps(), 1);
	let (at, mut held) = Pallet::<T>::held(&provider, deal, slot).expect("the slot is listed");
	held.faults.misses = u32::MAX;
	held.rent.open = Earned { paid: 1 << 60, burned: 0 };
	Slots::<T>::insert(&provider, at, held);
	(provider, deal, slot)
}

/// A provider with one commit of each of so many deals, in an epoch in force.
fn listed<T: Config>(deals: u32) -> EpochRecord {
	sign::<T>(0..deals.into());
	let drawn = next_round::<T>();
	assert_eq!(Pallet::<T>::apply(&provider::<T>(), u32::MAX).steps(), deals);
	drawn
}

/// An item of the right form for what is asked.
fn item<T: Config>(ordinal: u32) -> Item {
	let asked = Pallet::<T>::asked(&provider::<T>(), ordinal).expect("the ordinal is due");
	assert_eq!(DEEPEST.path_len(), MAX_PATH as usize);
	Item {
		ordinal,
		place: asked.place,
		mdu: asked.mdu,
		live: 64,
		leaf: asked.leaf,
		commitment: compressed(),
		path: BoundedVec::truncate_from(vec![[1; 32]; MAX_PATH as usize]),
		manifest_opening: compressed(),
	}
}

#[benchmarks]
mod benches {
	use super::*;

	#[benchmark]
	fn submit_proofs(n: Linear<1, { T::MaxItems::get() }>) {
		// So many that the same deal is hardly drawn twice.
		let deals = T::MaxItems::get().saturating_mul(8);
		for deal in 0..DealId::from(deals) {
			T::Content::set_manifest(deal, 0, POINT);
		}
		let drawn = listed::<T>(deals);
		let samples_per_epoch = T::MaxSamples::get();
		let now = LivenessParams { samples_per_epoch, hot_factor: 1, ..Default::default() };
		Parameters::<T>::put(Planned { now, next: None });
		let items: Vec<_> = (0..n).map(item::<T>).collect();
		let items = BoundedVec::truncate_from(items);
		let provider = provider::<T>();
		let (epoch, block) = (drawn.epoch, [8; 32]);
		#[extrinsic_call]
		_(RawOrigin::Signed(provider.clone()), epoch, block, items, [0; 32], compressed());
		// What a slash weighs beside it is measured by itself.
		let event = Event::<T>::InvalidProof { provider, epoch, items: n, slashed: 0 };
		frame_system::Pallet::<T>::assert_last_event(event.into());
	}

	/// Where nobody has credits, it is refused when all but spending them is done.
	#[benchmark]
	fn waive(n: Linear<1, { T::MaxItems::get() }>) {
		let drawn = listed::<T>(T::MaxItems::get().saturating_mul(8));
		let provider = provider::<T>();
		let (samples_per_epoch, credit_cap) = (T::MaxSamples::get(), T::MaxCreditCap::get());
		let now =
			LivenessParams { samples_per_epoch, credit_cap, hot_factor: 1, ..Default::default() };
		assert!(n <= now.may_waive(samples_per_epoch), "so many may be waived");
		Parameters::<T>::put(Planned { now, next: None });
		for ordinal in 0..n {
			let asked = Pallet::<T>::asked(&provider, ordinal).expect("the ordinal is due");
			T::Credits::benchmark_credit(&provider, asked.deal, asked.slot, drawn.round);
		}
		let waivable = Pallet::<T>::waivable(&provider).len() as u32;
		let ordinals: Vec<_> = (0..n).collect();
		let outcome;
		#[block]
		{
			outcome = Pallet::<T>::do_waive(provider, drawn.epoch, [8; 32], ordinals);
		}
		assert_eq!(outcome.is_ok(), waivable >= n);
	}

	#[benchmark]
	fn look_up() {
		listed::<T>(1);
		let provider = provider::<T>();
		let class = SizeClass::of(ROWS).expect("there is such a class");
		let found;
		#[block]
		{
			found = Pallet::<T>::look_up(&provider, (Hint::Cold, class, 0));
		}
		assert!(found);
	}

	#[benchmark]
	fn advance_listing(s: Linear<1, { T::MaxSteps::get() }>) {
		// Their deals pay: what each earns is reckoned.
		for deal in 0..DealId::from(s) {
			T::Purse::benchmark_locked(deal, 1 << 70);
		}
		sign::<T>(0..s.into());
		next_round::<T>();
		let provider = provider::<T>();
		#[extrinsic_call]
		advance(RawOrigin::Signed(whitelisted_caller()), provider.clone(), s);
		assert_eq!(Books::<T>::get(provider).map(|book| book.census.slots), Some(s));
	}

	#[benchmark]
	fn advance_unlisting(s: Linear<1, { T::MaxSteps::get() }>) {
		// For each that leaves, one takes its place.
		listed::<T>(s.saturating_mul(2));
		let provider = provider::<T>();
		for deal in 0..DealId::from(s) {
			// It is owed something, so that what it had signed is kept.
			T::Purse::benchmark_locked(deal, 1 << 70);
			if let Some((at, mut held)) = Pallet::<T>::held(&provider, deal, SLOT) {
				held.rent.open = Earned { paid: 1 << 60, burned: 0 };
				Slots::<T>::insert(&provider, at, held);
			}
			<Pallet<T> as SlotHooks<_>>::ended(&provider, deal, SLOT);
		}
		assert_eq!(Endings::<T>::iter_key_prefix(&provider).count(), s as usize);
		next_round::<T>();
		#[extrinsic_call]
		advance(RawOrigin::Signed(whitelisted_caller()), provider.clone(), s);
		assert_eq!(Books::<T>::get(provider).map(|book| book.census.slots), Some(s));
	}

	#[benchmark]
	fn advance_naming(
		s: Linear<1, { T::MaxSteps::get().min(T::MaxSamples::get().saturating_sub(1)) }>,
	) {
		// So many that the same slot is hardly drawn twice, each of which is to be taken away after this miss.
		let slots = T::MaxSteps::get().saturating_mul(8);
		let record = listed::<T>(slots);
		let provider = provider::<T>();
		for (at, mut held) in Slots::<T>::iter_prefix(&provider).collect::<Vec<_>>() {
			held.faults.misses = u32::MAX;
			Slots::<T>::insert(&provider, at, held);
		}
		Books::<T>::mutate_extant(&provider, |book| {
			book.open(s.saturating_add(1), 0);
			book.answer(s, 0);
		});
		let next = next_round::<T>();
		assert_eq!(next.round, record.round.saturating_add(1));
		DrawnBefore::<T>::put(record);
		#[extrinsic_call]
		advance(RawOrigin::Signed(whitelisted_caller()), provider.clone(), s);
		assert_eq!(Books::<T>::get(provider).map(|book| book.missed), Some(s.into()));
	}

	#[benchmark]
	fn set_params() -> Result<(), BenchmarkError> {
		let origin =
			T::AdminOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;
		let params = Parameters::<T>::get().now;
		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, params);
		assert_eq!(Parameters::<T>::get().next.map(|(_, next)| next), Some(params));
		Ok(())
	}

	#[benchmark]
	fn settle(n: Linear<1, { T::MaxItems::get() }>) -> Result<(), BenchmarkError> {
		let params = LivenessParams { settle_samples: 1, ..Default::default() };
		Parameters::<T>::put(Planned { now: params, next: None });
		let record = listed::<T>(n);
		let provider = provider::<T>();
		// A period that is over, in which every slot earned something.
		let period = 1;
		T::Beacon::set_record(Pallet::<T>::period_start(period + 1), [7; 64]);
		let present = Pallet::<T>::present();
		let epoch = present.saturating_sub(1);
		Sealed::<T>::put(EpochRecord { epoch: present, ..record });
		Drawn::<T>::put(EpochRecord { epoch: present, ..record });
		let block = [8; 32];
		let mut items = Vec::new();
		for deal in 0..DealId::from(n) {
			T::Purse::benchmark_locked(deal, 1 << 70);
			T::Content::set_manifest(deal, 0, POINT);
			let commit = CommitInfo {
				first_mdu: 0,
				size_bytes: 1,
				index_len: 1,
				index_root: [1; 32],
				roots_hash: [2; 32],
				signed: u32::MAX,
				at: 0,
			};
			// Each try looks for another commit, and the last one finds what the slot signed.
			let commits: Vec<Generation> = (1..=SETTLE_TRIES).rev().collect();
			for generation in &commits {
				T::Content::set_commit(deal, *generation, commit.clone());
			}
			let (at, mut held) =
				Pallet::<T>::held(&provider, deal, SLOT).ok_or(BenchmarkError::Weightless)?;
			held.rent.since = epoch;
			held.rent.open = Earned { paid: 1 << 60, burned: 0 };
			held.rent.mdus = 1;
			Slots::<T>::insert(&provider, at, held);
			let path = BoundedVec::truncate_from(vec![[1; 32]; MAX_PATH as usize]);
			let (commitment, manifest_opening) = (compressed(), compressed());
			items.push(SettleItem {
				deal,
				slot: SLOT,
				commits: BoundedVec::truncate_from(commits),
				blob: Some(SettleBlob { commitment, path, manifest_opening }),
			});
		}
		let items = BoundedVec::truncate_from(items);
		#[extrinsic_call]
		_(RawOrigin::Signed(provider.clone()), period, block, items, [0; 32], compressed());
		// Proofs that are wrong are looked at like those that are right; what is paid then is in the weight of a payment.
		let event = Event::<T>::InvalidSettlement { provider, period, items: n, slashed: 0 };
		frame_system::Pallet::<T>::assert_last_event(event.into());
		Ok(())
	}

	#[benchmark]
	fn pay_out() -> Result<(), BenchmarkError> {
		listed::<T>(1);
		let provider = provider::<T>();
		T::Purse::benchmark_locked(0, 1 << 70);
		T::Purse::benchmark_endow(&provider);
		let mut held = Pallet::<T>::held(&provider, 0, SLOT).ok_or(BenchmarkError::Weightless)?;
		held.1.faults.misses = u32::MAX;
		let owed = Earned { paid: 1 << 60, burned: 1 << 50 };
		let paid;
		#[block]
		{
			paid = Pallet::<T>::benchmark_pay(&provider, (0, SLOT), Some(held), owed);
		}
		assert!(paid);
		Ok(())
	}

	#[benchmark]
	fn pay_last() {
		let provider = provider::<T>();
		let owed = Earned { paid: 1 << 60, burned: 1 << 50 };
		T::Purse::benchmark_owed(0, owed.total());
		T::Purse::benchmark_endow(&provider);
		let ending = Ending { profile: DEEPEST, mdus: 1, round: 0, owed };
		Endings::<T>::insert(&provider, (0, SLOT, 0), ending);
		let paid;
		#[block]
		{
			paid = Pallet::<T>::benchmark_pay(&provider, (0, SLOT), None, owed);
		}
		assert!(paid && Endings::<T>::iter_key_prefix(&provider).next().is_none());
	}

	#[benchmark]
	fn forfeit() -> Result<(), BenchmarkError> {
		listed::<T>(1);
		let provider = provider::<T>();
		T::Purse::benchmark_locked(0, 1 << 70);
		T::Beacon::set_record(Pallet::<T>::period_start(4), [7; 64]);
		let (at, mut held) =
			Pallet::<T>::held(&provider, 0, SLOT).ok_or(BenchmarkError::Weightless)?;
		held.rent.since = 0;
		held.rent.open = Earned { paid: 1 << 60, burned: 0 };
		held.faults.misses = u32::MAX;
		Slots::<T>::insert(&provider, at, held);
		#[extrinsic_call]
		_(RawOrigin::Signed(whitelisted_caller()), provider.clone(), 0, SLOT);
		let slot = Slots::<T>::get(provider, at).map(|held| held.rent.open);
		assert_eq!(slot, Some(Earned::default()));
		Ok(())
	}

	#[benchmark]
	fn slash_invalid() {
		let params = slashing::<T>();
		let provider = T::Stakes::benchmark_staked();
		let most = T::Stakes::required(&provider);
		let slashed;
		#[block]
		{
			slashed = Pallet::<T>::slash_invalid(&provider);
		}
		assert!(params.slashing && slashed <= most);
	}

	#[benchmark]
	fn report() {
		let (provider, reporter) = (silent::<T>(), reporter::<T>());
		#[extrinsic_call]
		_(RawOrigin::Signed(reporter), provider.clone());
		assert_eq!(Books::<T>::get(provider).map(|book| book.silent_row), Some(0));
	}

	#[benchmark]
	fn report_slot() {
		let (provider, deal, slot) = failed::<T>();
		let reporter = reporter::<T>();
		#[extrinsic_call]
		_(RawOrigin::Signed(reporter), provider.clone(), deal, slot);
		let period = Pallet::<T>::period_of(Pallet::<T>::present());
		assert!(Endings::<T>::contains_key(provider, (deal, slot, period)));
	}

	#[benchmark]
	fn sweep_slot() {
		let (provider, deal, slot) = failed::<T>();
		EvictionQueue::<T>::insert(0u64, (&provider, deal, slot));
		EvictionEnds::<T>::put(JournalEnds { head: 0, tail: 1 });
		#[block]
		{
			Pallet::<T>::sweep_slot(EvictionEnds::<T>::get());
		}
		let period = Pallet::<T>::period_of(Pallet::<T>::present());
		assert!(Endings::<T>::contains_key(provider, (deal, slot, period)));
	}

	#[benchmark]
	fn look_at() {
		let provider = silent::<T>();
		WatchQueue::<T>::insert(0u64, (&provider, 1u32));
		WatchEnds::<T>::put(JournalEnds { head: 0, tail: 1 });
		#[block]
		{
			Pallet::<T>::look_at(WatchEnds::<T>::get(), provider.clone());
		}
		assert_eq!(Books::<T>::get(provider).map(|book| book.silent_row), Some(0));
	}

	#[benchmark]
	fn sweep_ending() {
		let (provider, present) = (provider::<T>(), 9);
		let owed = Earned { paid: 1, burned: 1 };
		let ending = Ending { profile: DEEPEST, mdus: 1, round: 1, owed };
		let (deal, period): (DealId, Period) = (0, 1);
		Endings::<T>::insert(&provider, (deal, SLOT, period), ending);
		for generation in 1..=SWEEP_COMMITS as Generation {
			EndedCommits::<T>::insert((&provider, deal, SLOT, period), generation, ());
		}
		EndingQueue::<T>::insert(0, (&provider, deal, SLOT, period));
		EndingEnds::<T>::put(JournalEnds { head: 0, tail: 1 });
		let passed;
		#[block]
		{
			passed = Pallet::<T>::sweep_ending(EndingEnds::<T>::get(), present);
		}
		assert!(passed && Endings::<T>::get(&provider, (deal, SLOT, period)).is_none());
		assert_eq!(EndedCommits::<T>::iter_keys().count(), 0);
	}

	#[benchmark]
	fn poll() {
		record::<T>(1_000);
		Pallet::<T>::turn(&mut WeightMeter::new());
		Pallet::<T>::turn(&mut WeightMeter::new());
		let before = Drawn::<T>::get();
		assert!(before.is_some());
		#[block]
		{
			Pallet::<T>::turn(&mut WeightMeter::new());
		}
		assert_eq!(Drawn::<T>::get(), before);
	}

	#[benchmark]
	fn turn() {
		// The first round of a period, which seals the one before.
		let first = SettlementEpochs::<T>::get().saturating_mul(100);
		record::<T>(first.saturating_sub(1));
		Pallet::<T>::turn(&mut WeightMeter::new());
		record::<T>(first);
		let round = Pallet::<T>::round();
		let before = Sealed::<T>::get();
		#[block]
		{
			Pallet::<T>::turn(&mut WeightMeter::new());
		}
		let drawn = Drawn::<T>::get();
		assert_eq!(drawn.map(|record| record.round), round.checked_add(1));
		assert!(before != drawn && Sealed::<T>::get() == drawn);
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
