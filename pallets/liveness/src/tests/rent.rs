//! Rent: what slots earn, how it is settled, and that no deal pays more than it locked.

mod properties;

use crate::{mock::*, rent::rate_of, *};
use frame_support::{
	assert_noop, assert_ok, storage::with_storage_layer, traits::Hooks, weights::Weight,
};
use nil_types::{
	Amount, CommitInfo, ContentShape, DealId, Earnings, G1Compressed, Hash32, Hint, RelayBlock,
	RentInfo,
	challenge::{SETTLE_TRIES, settle_draw, settle_gamma, settle_point, settle_seed},
	layout::{BLOB_BYTES, MDU_PAYLOAD, rent},
	traits::{Allocation, RentPurse, SlotHooks},
	uniform,
};
use sp_runtime::DispatchResult;

pub(super) const MDU: u64 = MDU_PAYLOAD as u64;
/// The slot that every provider of these tests has.
pub(super) const SLOT: u8 = 3;
/// What two MDUs earn in a round: 16 rows.
pub(super) const RATE: u64 = 102_400;

/// A deal that pays until a relay block.
pub(super) fn open(deal: DealId, expires_at: RelayBlock) {
	MockRents::insert(deal, MockRent { expires_at, ..Default::default() });
}

/// Commits `size` bytes to a deal, for which exactly what one slot can earn is locked. Signed by the provider's slot, or
/// by others alone.
pub(super) fn commit(provider: &AccountId, deal: DealId, size: u64, signs: bool) {
	let end = |commit: CommitInfo| commit.first_mdu + ContentShape::new(commit.size_bytes).mdus();
	let first_mdu =
		MockCommits::iter_prefix(deal).map(|(_, commit)| end(commit)).max().unwrap_or(0);
	let generation = MockCommits::iter_prefix(deal).count() as u32 + 1;
	let info = CommitInfo {
		first_mdu,
		size_bytes: size,
		index_len: 0,
		index_root: [0; 32],
		roots_hash: [0; 32],
		signed: if signs { 1 << SLOT } else { 1 },
		at: Now::get(),
	};
	MockCommits::insert(deal, generation, info);
	if !signs {
		return;
	}
	let rows = ContentShape::new(size).blobs_per_slot(&COLD);
	lock(deal, PRICE, rows * BLOB_BYTES as u64);
	let allocation = Allocation {
		deal,
		slot: SLOT,
		generation,
		hint: Hint::Cold,
		profile: COLD,
		first_mdu,
		rows,
		price: PRICE,
	};
	sign(provider, allocation);
}

/// Locks the rent of so many bytes to the end of a deal, as deals do.
fn lock(deal: DealId, price: Amount, bytes: u64) {
	MockRents::mutate(deal, |held| {
		let held = held.as_mut().expect("the deal pays");
		held.locked += rent(price, bytes, held.expires_at.saturating_sub(Now::get()));
	});
}

/// Ends a deal as deals do. What returns to its owner.
pub(super) fn end_deal(provider: &AccountId, deal: DealId) -> Amount {
	end(provider, deal);
	close_deal(deal)
}

/// Ends a deal whose slots have told what they are owed.
pub(super) fn close_deal(deal: DealId) -> Amount {
	MockRents::mutate(deal, |held| {
		let held = held.as_mut().expect("the deal pays");
		let refund = held.locked - held.owed;
		(held.ended, held.locked) = (true, held.owed);
		refund
	})
}

pub(super) fn locked(deal: DealId) -> Amount {
	MockRents::get(deal).expect("the deal pays").locked
}

/// A provider with two MDUs of deal 0, in the first round of period 5, epochs 20 to 23.
pub(super) fn provider() -> AccountId {
	let provider = account(1);
	open(0, START + 1_000);
	commit(&provider, 0, 2 * MDU, true);
	begin();
	catch_up(&provider);
	provider
}

pub(super) fn answer(provider: &AccountId) {
	assert_ok!(Submission::of(provider, 0..16).dispatch());
}

/// Answers everything in this round and those up to the next period.
pub(super) fn serve_period(provider: &AccountId) {
	for _ in 0..SETTLEMENT {
		answer(provider);
		next_epoch();
		catch_up(provider);
	}
}

/// A settlement, to be submitted.
#[derive(Clone, Debug)]
pub(super) struct Settlement {
	who: AccountId,
	period: Period,
	block: Hash32,
	pub(super) items: Vec<SettleItem>,
	y: [u8; 32],
	pi: G1Compressed,
}

impl Settlement {
	/// An honest provider's settlement of its slots of these deals.
	pub(super) fn of(provider: &AccountId, deals: &[DealId]) -> Self {
		let present = Liveness::period_of(Liveness::present());
		let r = Liveness::seal(present).expect("a round was drawn before").randomness;
		let id: Hash32 = provider.clone().into();
		let (mut items, mut terms) = (Vec::new(), Vec::new());
		for deal in deals {
			let mdus = mdus_of(provider, *deal);
			for sample in 0..PARAMS.settle_samples {
				let (item, term) = item_of(&r, &id, *deal, sample, mdus);
				items.push(item);
				terms.extend(term);
			}
		}
		let y = value_at(&settle_point(&r, &id), &terms);
		let who = provider.clone();
		let block = Liveness::epoch().and_then(|current| current.block).expect("it is drawn");
		Self { who, period: present - 1, block, items, y, pi: opening_of(&y) }
	}

	pub(super) fn dispatch(self) -> DispatchResult {
		let Self { who, period, block, items, y, pi } = self;
		let items = items.try_into().expect("no more items than a call may have");
		with_storage_layer(|| {
			Liveness::settle(RuntimeOrigin::signed(who), period, block, items, y, pi)
		})
	}
}

/// Of how many MDUs samples of a slot are drawn.
fn mdus_of(provider: &AccountId, deal: DealId) -> u32 {
	let last = Liveness::period_of(Liveness::present()) - 1;
	if let Some(ending) = Endings::<Test>::get(provider, (deal, SLOT, last)) {
		return ending.mdus;
	}
	// Of one that is gone nothing is owed.
	let Some((_, mut held)) = Liveness::held(provider, deal, SLOT) else { return 1 };
	if let Some(term) = MockPurse::term(deal) {
		let book = Liveness::closed_book(provider).expect("the provider has a book");
		Liveness::reckon(&book, &mut held, &term);
	}
	held.rent.closed_mdus
}

/// An honest provider's item, and what it adds to the opening.
fn item_of(
	r: &Hash32,
	id: &Hash32,
	deal: DealId,
	sample: u32,
	mdus: u32,
) -> (SettleItem, Option<(G1Compressed, [u8; 32])>) {
	let mut commits = Vec::new();
	for attempt in 0..SETTLE_TRIES {
		let (mdu, pick) = settle_draw(&settle_seed(r, id, (deal, SLOT), sample, attempt), mdus);
		let mdu = u64::from(mdu);
		let found = MockCommits::iter_prefix(deal).find(|(_, commit)| {
			let shape = ContentShape::new(commit.size_bytes);
			(commit.first_mdu..commit.first_mdu + shape.mdus()).contains(&mdu)
		});
		let Some((generation, commit)) = found else { break };
		commits.push(generation);
		if commit.signed & (1 << SLOT) == 0 {
			continue;
		}
		let live = ContentShape::new(commit.size_bytes).live(mdu - commit.first_mdu);
		let row = uniform(pick, u32::from(COLD.live_rows(live))).unwrap_or(0);
		let commitment = commitment_of(&point_of(deal, 0), mdu, COLD.leaf(SLOT, row as u8));
		let blob = SettleBlob {
			commitment,
			path: vec![SIBLING; COLD.path_len()].try_into().expect("no path is longer"),
			manifest_opening: OPENING,
		};
		let commits = commits.try_into().expect("no more tries than there are");
		let item = SettleItem { deal, slot: SLOT, commits, blob: Some(blob) };
		return (item, Some((commitment, settle_gamma(r, id, (deal, SLOT), sample))));
	}
	let commits = commits.try_into().expect("no more tries than there are");
	(SettleItem { deal, slot: SLOT, commits, blob: None }, None)
}

#[test]
fn rates_are_what_a_round_costs() {
	assert_eq!(rate_of(PRICE, 16, LENGTH), RATE);
	assert_eq!(Amount::from(RATE), rent(PRICE, 16 * BLOB_BYTES as u64, LENGTH));
	assert_eq!(rate_of(1, 1, 1), 0);
	assert_eq!(rate_of(Amount::MAX, u32::MAX, u32::MAX), u64::MAX);
	for (rate, units, expected) in [
		(RATE, INDEX_ONE, RATE),
		(RATE, INDEX_ONE / 2, RATE / 2),
		(3, INDEX_ONE / 2, 1),
		(1, INDEX_ONE - 1, 0),
		(u64::MAX, INDEX_ONE, u64::MAX),
		(u64::MAX, u64::MAX, u64::MAX),
	] {
		assert_eq!(crate::rent::worth(rate, units), expected, "{rate} * {units}");
	}
}

#[test]
fn what_is_earned_in_a_period_is_paid_in_the_next_one() {
	run(|| {
		let provider = provider();
		let before = locked(0);
		answer(&provider);
		// Nothing can be settled in the period in which it is earned.
		assert_noop!(
			Settlement { period: 5, ..settlement_of_nothing(&provider) }.dispatch(),
			Error::<Test>::WrongPeriod
		);
		for _ in 1..SETTLEMENT {
			next_epoch();
			answer(&provider);
		}
		next_epoch();
		events();
		assert_ok!(Settlement::of(&provider, &[0]).dispatch());
		let owed = Earned { paid: 4 * RATE, burned: 0 };
		assert_eq!(
			events(),
			[Event::Settled { provider: provider.clone(), deal: 0, slot: SLOT, period: 5, owed }]
		);
		assert_eq!(Wallets::get(&provider), 4 * Amount::from(RATE));
		assert_eq!(locked(0), before - 4 * Amount::from(RATE));
		// Once.
		assert_noop!(Settlement::of(&provider, &[0]).dispatch(), Error::<Test>::NothingOwed);
	});
}

/// A call whose items are not looked at.
fn settlement_of_nothing(who: &AccountId) -> Settlement {
	let item = SettleItem { deal: 0, slot: SLOT, commits: Default::default(), blob: None };
	Settlement {
		who: who.clone(),
		period: 0,
		block: [0; 32],
		items: vec![item],
		y: [0; 32],
		pi: [0; 48],
	}
}

#[test]
fn lateness_is_burned_and_failure_stays_with_the_deal() {
	run(|| {
		let provider = provider();
		let before = locked(0);
		wait(15);
		answer(&provider);
		next_epoch();
		assert_ok!(Submission::of(&provider, 0..8).dispatch());
		// Nothing in the third one, and after all tiers in the fourth.
		next_epoch();
		next_epoch();
		wait(43);
		answer(&provider);
		next_epoch();
		assert_ok!(Settlement::of(&provider, &[0]).dispatch());
		let (paid, burned) = (RATE * 8 / 10 + RATE / 2, RATE * 2 / 10 + RATE);
		assert_eq!(Wallets::get(&provider), Amount::from(paid));
		assert_eq!(BurnedSum::get(), Amount::from(burned));
		assert_eq!(locked(0), before - Amount::from(paid + burned));
	});
}

#[test]
fn what_is_not_settled_in_the_next_period_is_forfeited() {
	run(|| {
		let provider = provider();
		let forfeit =
			|| Liveness::forfeit(RuntimeOrigin::signed(account(9)), provider.clone(), 0, SLOT);
		serve_period(&provider);
		assert_noop!(with_storage_layer(forfeit), Error::<Test>::NothingToDo);
		serve_period(&provider);
		events();
		assert_ok!(with_storage_layer(forfeit));
		let amount = 4 * Amount::from(RATE);
		let expected =
			Event::RentForfeited { provider: provider.clone(), deal: 0, slot: SLOT, amount };
		let missed = Event::SlotMissed {
			provider: provider.clone(),
			deal: 0,
			slot: SLOT,
			misses: 1,
			health: 875_000_000,
		};
		assert_eq!(events(), [expected, missed]);
		assert_noop!(with_storage_layer(forfeit), Error::<Test>::NothingToDo);
		// What came after it is not touched by that.
		assert_ok!(Settlement::of(&provider, &[0]).dispatch());
		assert_eq!(Wallets::get(&provider), amount);

		// Two periods that nobody looked at, of which only the last one can be settled.
		for _ in 0..3 {
			serve_period(&provider);
		}
		events();
		assert_ok!(Settlement::of(&provider, &[0]).dispatch());
		assert_eq!(Wallets::get(&provider), 2 * amount);
		let Some(Event::RentForfeited { amount: lost, .. }) = events().into_iter().next() else {
			panic!("the others are forfeited");
		};
		assert_eq!(lost, 2 * amount);
	});
}

#[test]
fn a_commit_earns_from_the_round_after_it_and_a_raise_too() {
	run(|| {
		let provider = provider();
		answer(&provider);
		commit(&provider, 0, 2 * MDU, true);
		next_epoch();
		catch_up(&provider);
		// 1 + 2 of the first two rounds.
		answer(&provider);
		lock(0, PRICE, 32 * BLOB_BYTES as u64);
		<Liveness as SlotHooks<_>>::raised(&provider, 0, SLOT, PRICE);
		next_epoch();
		catch_up(&provider);
		answer(&provider);
		next_epoch();
		answer(&provider);
		next_epoch();
		// And 4 of the others.
		assert_ok!(Settlement::of(&provider, &[0]).dispatch());
		assert_eq!(Wallets::get(&provider), (1 + 2 + 4 + 4) * Amount::from(RATE));
	});
}

#[test]
fn a_slot_that_ended_is_settled_in_the_period_after() {
	run(|| {
		let provider = provider();
		serve_period(&provider);
		answer(&provider);
		next_epoch();
		// The round in which it ends is owed, and not paid.
		answer(&provider);
		events();
		let before = locked(0);
		let refund = end_deal(&provider, 0);
		let owed = Earned { paid: 5 * RATE, burned: 0 };
		assert!(events().contains(&Event::RentEnded {
			provider: provider.clone(),
			deal: 0,
			slot: SLOT,
			period: 6,
			owed
		}));
		assert_eq!(refund, before - owed.total());
		Liveness::do_try_state().unwrap();
		assert_noop!(Settlement::of(&provider, &[0]).dispatch(), Error::<Test>::NothingOwed);
		for _ in 0..3 {
			next_epoch();
			catch_up(&provider);
		}
		assert_eq!(Slots::<Test>::iter_keys().count(), 0);
		assert_ok!(Settlement::of(&provider, &[0]).dispatch());
		assert_eq!(Wallets::get(&provider), owed.total());
		assert_eq!((locked(0), Endings::<Test>::iter_keys().count()), (0, 0));
	});
}

#[test]
fn an_ending_that_is_not_settled_is_dropped() {
	run(|| {
		let provider = provider();
		serve_period(&provider);
		end_deal(&provider, 0);
		let forfeit =
			|| Liveness::forfeit(RuntimeOrigin::signed(account(9)), provider.clone(), 0, SLOT);
		for _ in 0..2 * SETTLEMENT {
			Liveness::on_idle(1, Weight::MAX);
			assert_eq!(Endings::<Test>::iter_keys().count(), 1);
			next_epoch();
			catch_up(&provider);
		}
		assert_eq!(EndedCommits::<Test>::iter_keys().count(), 1);
		assert_noop!(Settlement::of(&provider, &[0]).dispatch(), Error::<Test>::NothingOwed);
		assert_noop!(with_storage_layer(forfeit), Error::<Test>::NothingToDo);
		Liveness::on_idle(1, Weight::MAX);
		assert_eq!(Endings::<Test>::iter_keys().count(), 0);
		assert_eq!(EndedCommits::<Test>::iter_keys().count(), 0);
		assert_eq!(Wallets::get(&provider), 0);
	});
}

#[test]
fn on_idle_drops_what_is_not_settled_in_time() {
	run(|| {
		let provider = provider();
		open(1, START + 1_000);
		commit(&provider, 1, 2 * MDU, true);
		serve_period(&provider);
		end_deal(&provider, 0);
		serve_period(&provider);
		end_deal(&provider, 1);
		let idle = |room| Liveness::on_idle(1, room);
		idle(Weight::MAX);
		assert_eq!(Endings::<Test>::iter_keys().count(), 2);
		for _ in 0..SETTLEMENT {
			next_epoch();
		}
		catch_up(&provider);
		// Without room it does nothing.
		assert_eq!(idle(Weight::zero()), Weight::zero());
		assert_eq!(Endings::<Test>::iter_keys().count(), 2);
		events();
		idle(Weight::MAX);
		assert!(matches!(
			events()[..],
			[Event::Forgotten { .. }, Event::RentForfeited { deal: 0, .. }]
		));
		// What ended can be settled by one that has nothing else.
		assert!(Endings::<Test>::iter_key_prefix(&provider).all(|(deal, ..)| deal == 1));
		assert_ok!(Settlement::of(&provider, &[1]).dispatch());
		idle(Weight::MAX);
		assert_eq!(EndingQueue::<Test>::iter_keys().count(), 0);
	});
}

#[test]
fn a_deal_that_ends_early_owes_its_least_term() {
	run(|| {
		let provider = provider();
		answer(&provider);
		MockRents::mutate(0, |held| held.as_mut().unwrap().least = 24 * LENGTH + 7);
		next_epoch();
		// One round earned, and those of epochs 21, 22 and 23.
		end_deal(&provider, 0);
		assert_eq!(locked(0), 4 * Amount::from(RATE));
	});
}

#[test]
fn nothing_is_earned_after_the_term_whenever_the_deal_is_ended() {
	run(|| {
		let provider = account(1);
		open(0, START + 120);
		commit(&provider, 0, 2 * MDU, true);
		begin();
		catch_up(&provider);
		// Epochs 20 and 21 lie within it, and the deadline in 22.
		for _ in 0..7 {
			answer(&provider);
			next_epoch();
		}
		let before = locked(0);
		assert_eq!(end_deal(&provider, 0), before - 2 * Amount::from(RATE));
	});
}

#[test]
fn wrong_settlements_are_refused_and_wrong_proofs_settle_nothing() {
	run(|| {
		let provider = provider();
		open(1, START + 1_000);
		serve_period(&provider);
		let good = Settlement::of(&provider, &[0]);
		let with = |change: fn(&mut Settlement)| {
			let mut changed = good.clone();
			change(&mut changed);
			changed.dispatch()
		};
		assert_noop!(with(|call| call.period = 4), Error::<Test>::WrongPeriod);
		assert_noop!(with(|call| call.block[0] ^= 1), Error::<Test>::Stale);
		assert_noop!(with(|call| call.items.clear()), Error::<Test>::NoItems);
		assert_noop!(with(|call| call.who = account(2)), Error::<Test>::NothingOwed);
		assert_noop!(with(|call| drop(call.items.pop())), Error::<Test>::WrongSamples);
		assert_noop!(with(|call| call.items[1].slot = 4), Error::<Test>::WrongSamples);
		assert_noop!(with(|call| call.items.extend(call.items.clone())), Error::<Test>::OutOfOrder);
		assert_noop!(with(|call| call.items[0].commits[0] = 2), Error::<Test>::WrongCommit);
		assert_noop!(
			with(|call| call.items[0].commits = Default::default()),
			Error::<Test>::WrongCommit
		);
		assert_noop!(with(|call| call.items[0].blob = None), Error::<Test>::WrongCommit);
		assert_noop!(
			with(|call| {
				call.items[0].blob.as_mut().unwrap().path.pop();
			}),
			Error::<Test>::BadStructure
		);
		events();
		let wrong: [fn(&mut Settlement); 2] =
			[|call| call.y[0] ^= 1, |call| call.items[0].blob.as_mut().unwrap().commitment[0] ^= 1];
		for change in wrong {
			assert_ok!(with(change));
			assert!(matches!(
				events()[..],
				[Event::InvalidSettlement { items: 2, slashed: 1_000, .. }]
			));
			assert_eq!(Wallets::get(&provider), 0);
		}
		assert_eq!(SlashedSums::get(&provider), Some((2 * REQUIRED / 10, None, 1_000)));
		// The next round finds other manifests, and is drawn by another block.
		let late = good.clone();
		assert_ok!(good.dispatch());
		to_next_epoch();
		poll();
		assert_noop!(late.clone().dispatch(), Error::<Test>::NotDrawn);
		begin();
		assert_noop!(late.dispatch(), Error::<Test>::Stale);
	});
}

#[test]
fn what_the_slot_did_not_sign_is_passed_over() {
	run(|| {
		let provider = account(1);
		open(0, START + 1_000);
		commit(&provider, 0, 60 * MDU, false);
		commit(&provider, 0, 2 * MDU, true);
		begin();
		catch_up(&provider);
		serve_period(&provider);
		let settlement = Settlement::of(&provider, &[0]);
		let tries = settlement.items.iter().map(|item| item.commits.len()).max().unwrap();
		assert!(tries > 1);
		// Providers are told the same.
		let told = Liveness::settle_draws(&provider, 0, SLOT);
		assert_eq!(told.len(), settlement.items.len());
		for (told, item) in told.iter().zip(&settlement.items) {
			assert_eq!(told.commits, item.commits.to_vec());
			let target = told.target;
			assert!(target.is_none_or(|target| target.generation == 2));
			let commitment =
				target.map(|target| commitment_of(&point_of(0, 0), target.mdu, target.leaf));
			assert_eq!(item.blob.as_ref().map(|blob| blob.commitment), commitment);
		}
		let owed = |paid: u64| RentInfo {
			deal: 0,
			slot: SLOT,
			rate: RATE,
			open: Earnings::default(),
			closed: Earnings { paid, burned: 0 },
			ended: false,
		};
		assert_eq!(Liveness::rents(&provider, 0, 9), [owed(4 * RATE)]);
		assert_eq!(Liveness::rents(&provider, 1, 9), []);
		assert_ok!(settlement.dispatch());
		assert_eq!(Wallets::get(&provider), 4 * Amount::from(RATE));
		assert_eq!(Liveness::rents(&provider, 0, 9), [owed(0)]);
		assert_eq!(Liveness::settle_draws(&provider, 0, SLOT), []);
	});
}
