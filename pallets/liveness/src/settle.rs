//! Settlements: rent is paid against samples of the slot that earned it.

use crate::{
	BookOf, Config, Earned, EndedCommits, Ending, EndingEnds, EndingQueue, Endings, Error, Event,
	HeldSlot, JournalEnds, Pallet, Parameters, Period, Places, SettleBlob, SettleItem, Slots,
	WeightInfo, answers::Points,
};
use alloc::vec::Vec;
use frame_support::{
	ensure,
	pallet_prelude::DispatchError,
	traits::{Defensive, DefensiveSaturating},
	weights::{Weight, WeightMeter},
};
use nil_types::{
	Amount, ContentShape, DealId, G1Compressed, Generation, Hash32, MduIndex, Profile, SlotIndex,
	challenge::{SETTLE_TRIES, settle_draw, settle_gamma, settle_point, settle_seed},
	traits::{AnswerClaim, AnswerMath, ContentSource, EpochClock, RentPurse},
	uniform,
};

/// A slot that is settled.
pub(crate) struct Account {
	pub(crate) profile: Profile,
	/// MDUs to draw from.
	pub(crate) mdus: u32,
	owed: Earned,
	/// What was not settled in the periods before.
	forfeited: Amount,
	/// Where it is listed, and what becomes of it. `None` for one that ended.
	listed: Option<(u32, HeldSlot)>,
}

/// Commits of a slot that ended of which it is forgotten in one step that they were signed.
pub(crate) const SWEEP_COMMITS: usize = 8;

/// What a sample draws: MDU, its live blobs, and the row.
type Drawn = (MduIndex, u8, u8);

impl<T: Config> Pallet<T> {
	pub(crate) fn do_settle(
		who: T::AccountId,
		period: Period,
		block: Hash32,
		items: &[SettleItem],
		y: &[u8; 32],
		pi: &G1Compressed,
	) -> Result<(), DispatchError> {
		let present = Self::period_of(Self::present());
		ensure!(period.checked_add(1) == Some(present), Error::<T>::WrongPeriod);
		// Drawn in the present period: what decides what was earned in the last one lies before it.
		let current = Self::epoch()
			.filter(|current| Self::period_of(current.epoch) == present)
			.ok_or(Error::<T>::NotDrawn)?;
		ensure!(current.block == Some(block), Error::<T>::Stale);
		let r = Self::seal(present).ok_or(Error::<T>::NotDrawn)?.randomness;
		ensure!(!items.is_empty(), Error::<T>::NoItems);
		// So lists say what was signed, and nobody chooses which part of it.
		ensure!(!Self::is_behind(&who, current.round), Error::<T>::NotAdvanced);
		let samples = Parameters::<T>::get().in_round(Self::round()).settle_samples;
		let book = Self::book_or_new(&who);

		let id: Hash32 = who.clone().into();
		let mut points = Points::new();
		let mut claims = Vec::with_capacity(items.len());
		let mut accounts = Vec::new();
		let mut before = None;
		for group in items.chunks(samples.max(1) as usize) {
			let Some(SettleItem { deal, slot, .. }) = group.first() else { break };
			let key = (*deal, *slot);
			// `None` is below every slot.
			ensure!(before < Some(key), Error::<T>::OutOfOrder);
			before = Some(key);
			ensure!(
				group.len() == samples as usize
					&& group.iter().all(|item| (item.deal, item.slot) == key),
				Error::<T>::WrongSamples
			);
			let account = Self::account(&who, key, period, &book)?;
			for (sample, item) in (0u32..).zip(group) {
				let signed = |generation| Self::is_signer(&who, key, period, &account, generation);
				let drawn = Self::draw_settled(&r, &id, item, sample, &account, signed)?;
				let (drawn, blob) = match (drawn, &item.blob) {
					(Some(drawn), Some(blob)) => (drawn, blob),
					(None, None) => continue,
					_ => return Err(Error::<T>::WrongCommit.into()),
				};
				let factor = settle_gamma(&r, &id, key, sample);
				claims.push(Self::settle_claim(key, &account, drawn, blob, &mut points, factor)?);
			}
			accounts.push((key, account));
		}
		if !claims.is_empty() && !T::Answers::verify(&claims, &settle_point(&r, &id), y, pi) {
			let slashed = Self::slash_invalid(&who);
			let (provider, items) = (who, items.len() as u32);
			Self::deposit_event(Event::InvalidSettlement { provider, period, items, slashed });
			return Ok(());
		}
		for (key, account) in accounts {
			Self::pay_out(&who, key, period, account)?;
		}
		Ok(())
	}

	/// The account of a slot, when something of it is to be settled for a period.
	pub(crate) fn account(
		who: &T::AccountId,
		(deal, slot): (DealId, SlotIndex),
		period: Period,
		book: &BookOf<T>,
	) -> Result<Account, Error<T>> {
		let account = if let Some(ending) = Endings::<T>::get(who, (deal, slot, period)) {
			let Ending { profile, mdus, owed, round } = ending;
			// What it had signed has left the lists.
			ensure!(round < Self::round(), Error::<T>::NotAdvanced);
			Account { profile, mdus, owed, forfeited: 0, listed: None }
		} else {
			let (at, mut held) = Self::held(who, deal, slot).ok_or(Error::<T>::NothingOwed)?;
			let term = T::Purse::term(deal).ok_or(Error::<T>::NothingOwed)?;
			ensure!(!held.rent.ended, Error::<T>::NothingOwed);
			let forfeited = Self::reckon(book, &mut held, &term);
			let (profile, mdus) = (held.profile, held.rent.closed_mdus);
			let owed = core::mem::take(&mut held.rent.closed);
			Account { profile, mdus, owed, forfeited, listed: Some((at, held)) }
		};
		ensure!(account.owed.total() > 0, Error::<T>::NothingOwed);
		Ok(account)
	}

	/// The account of a provider up to now. That of one of whom nothing is kept is empty.
	pub(crate) fn book_or_new(who: &T::AccountId) -> BookOf<T> {
		Self::closed_book(who).unwrap_or_else(|| BookOf::<T>::new(Self::round()))
	}

	/// Whether who settles signed a commit for the slot. Who else did so for it, before or after, does not matter.
	pub(crate) fn is_signer(
		who: &T::AccountId,
		(deal, slot): (DealId, SlotIndex),
		period: Period,
		account: &Account,
		generation: Generation,
	) -> bool {
		match account.listed {
			Some(_) => Places::<T>::contains_key(who, (deal, slot, generation)),
			None => EndedCommits::<T>::contains_key((who, deal, slot, period), generation),
		}
	}

	/// What a sample draws of what was signed. `None` when no try found anything.
	fn draw_settled(
		r: &Hash32,
		id: &Hash32,
		item: &SettleItem,
		sample: u32,
		account: &Account,
		signed: impl Fn(Generation) -> bool,
	) -> Result<Option<Drawn>, Error<T>> {
		for (attempt, generation) in (0u32..).zip(&item.commits) {
			let seed = settle_seed(r, id, (item.deal, item.slot), sample, attempt);
			let (mdu, pick) = settle_draw(&seed, account.mdus);
			let commit =
				T::Content::commit(item.deal, *generation).ok_or(Error::<T>::WrongCommit)?;
			let shape = ContentShape::new(commit.size_bytes);
			let mdu = MduIndex::from(mdu);
			let within = mdu.checked_sub(commit.first_mdu).filter(|within| *within < shape.mdus());
			let within = within.ok_or(Error::<T>::WrongCommit)?;
			if !signed(*generation) {
				continue;
			}
			ensure!(
				attempt.saturating_add(1) == item.commits.len() as u32,
				Error::<T>::WrongCommit
			);
			let live = shape.live(within);
			let rows = u32::from(account.profile.live_rows(live));
			// No more rows than an MDU has.
			let row = uniform(pick, rows).and_then(|row| u8::try_from(row).ok());
			return Ok(Some((mdu, live, row.unwrap_or_default())));
		}
		ensure!(item.commits.len() as u32 == SETTLE_TRIES, Error::<T>::WrongCommit);
		Ok(None)
	}

	/// What a sample must prove.
	fn settle_claim<'a>(
		(deal, slot): (DealId, SlotIndex),
		account: &Account,
		(mdu, live, row): Drawn,
		blob: &'a SettleBlob,
		points: &mut Points,
		factor: [u8; 32],
	) -> Result<AnswerClaim<'a>, Error<T>> {
		let profile = account.profile;
		ensure!(blob.path.len() == profile.path_len(), Error::<T>::BadStructure);
		Ok(AnswerClaim {
			profile,
			manifest: Self::manifest(points, deal, mdu)?,
			mdu,
			live,
			leaf: profile.leaf(slot, row),
			commitment: &blob.commitment,
			path: &blob.path,
			manifest_opening: &blob.manifest_opening,
			factor,
		})
	}

	/// Pays what a slot is owed.
	fn pay_out(
		who: &T::AccountId,
		(deal, slot): (DealId, SlotIndex),
		period: Period,
		account: Account,
	) -> Result<(), Error<T>> {
		let Account { owed, forfeited, listed, .. } = account;
		T::Purse::pay(deal, who, owed.paid.into(), owed.burned.into())
			.map_err(|_| Error::<T>::Unpaid)?;
		match listed {
			Some((at, mut held)) => {
				Self::note_forfeit(who, &mut held, forfeited);
				Slots::<T>::insert(who, at, held);
			},
			None => Endings::<T>::remove(who, (deal, slot, period)),
		}
		let provider = who.clone();
		Self::deposit_event(Event::Settled { provider, deal, slot, period, owed });
		Ok(())
	}

	/// Pays what a slot is owed, `listed` or ended in period 0, that forfeited something, for benchmarks.
	#[cfg(feature = "runtime-benchmarks")]
	pub(crate) fn benchmark_pay(
		who: &T::AccountId,
		slot: (DealId, SlotIndex),
		listed: Option<(u32, HeldSlot)>,
		owed: Earned,
	) -> bool {
		let account = Account { profile: Profile::DEFAULT, mdus: 0, owed, forfeited: 1, listed };
		Self::pay_out(who, slot, 0, account).is_ok()
	}

	/// What a settlement of so many samples may weigh: as many slots may be paid, and each the last one that its deal owes.
	pub(crate) fn settle_weight(items: u32) -> Weight {
		let payment = T::WeightInfo::pay_out().max(T::WeightInfo::pay_last());
		T::WeightInfo::settle(items)
			.saturating_add(payment.saturating_mul(items.into()))
			.saturating_add(T::WeightInfo::slash_invalid())
	}

	/// Drops what nobody can settle any more of slots that ended, in the order in which they did, while the meter has room.
	pub(crate) fn sweep_endings(meter: &mut WeightMeter) {
		if meter.try_consume(T::WeightInfo::poll()).is_err() {
			return;
		}
		let present = Self::period_of(Self::present());
		loop {
			let ends = EndingEnds::<T>::get();
			if ends.head >= ends.tail
				|| meter.try_consume(T::WeightInfo::sweep_ending()).is_err()
				|| !Self::sweep_ending(ends, present)
			{
				return;
			}
		}
	}

	/// Drops what is kept of the first of the slots that ended, if it was settled, or cannot be any more: of its commits a few
	/// at a time. Whether anything was done.
	pub(crate) fn sweep_ending(ends: JournalEnds, present: Period) -> bool {
		if let Some((provider, deal, slot, period)) = EndingQueue::<T>::get(ends.head).defensive() {
			if let Some(ending) = Endings::<T>::get(&provider, (deal, slot, period)) {
				if period.saturating_add(1) >= present {
					return false;
				}
				Endings::<T>::remove(&provider, (deal, slot, period));
				Self::tell_forfeit(&provider, deal, slot, ending.owed.total());
			}
			let key = (&provider, deal, slot, period);
			let mut commits = EndedCommits::<T>::iter_key_prefix(key);
			for generation in commits.by_ref().take(SWEEP_COMMITS).collect::<Vec<_>>() {
				EndedCommits::<T>::remove(key, generation);
			}
			if commits.next().is_some() {
				return true;
			}
		}
		EndingQueue::<T>::remove(ends.head);
		let head = ends.head.defensive_saturating_add(1);
		EndingEnds::<T>::put(JournalEnds { head, ..ends });
		true
	}

	/// Writes down what a slot that has not ended forfeited.
	pub(crate) fn do_forfeit(
		provider: &T::AccountId,
		deal: DealId,
		slot: SlotIndex,
	) -> Result<(), Error<T>> {
		let (at, mut held) = Self::held(provider, deal, slot).ok_or(Error::<T>::NothingToDo)?;
		let term = T::Purse::term(deal).ok_or(Error::<T>::NothingToDo)?;
		let book = Self::closed_book(provider).ok_or(Error::<T>::NothingToDo)?;
		ensure!(!held.rent.ended, Error::<T>::NothingToDo);
		let forfeited = Self::reckon(&book, &mut held, &term);
		ensure!(forfeited > 0, Error::<T>::NothingToDo);
		Self::note_forfeit(provider, &mut held, forfeited);
		Slots::<T>::insert(provider, at, held);
		Ok(())
	}
}
