//! What providers and their tools ask about rent and settlements. Nothing here is for calls.

use crate::{
	Books, Config, Earned, Ending, Endings, HeldSlot, Pallet, Parameters, Period, SettleDraw,
	SettleTarget, Slots,
};
use alloc::vec::Vec;
use frame_support::traits::Get;
use nil_types::{
	CommitInfo, ContentShape, DealId, Earnings, Generation, Hash32, MduIndex, RentInfo,
	SettlementInfo, SlotIndex,
	challenge::{SETTLE_TRIES, settle_draw, settle_seed},
	traits::{ContentSource, EpochClock, RentPurse},
	uniform,
};

impl From<Earned> for Earnings {
	fn from(Earned { paid, burned }: Earned) -> Self {
		Self { paid, burned }
	}
}

impl<T: Config> Pallet<T> {
	/// The period that can be settled now. `None` in the first one, and while no round was drawn in the present one.
	pub fn settlement() -> Option<SettlementInfo> {
		let present = Self::period_of(Self::present());
		let period = present.checked_sub(1)?;
		Some(SettlementInfo {
			period,
			randomness: Self::seal(present)?.randomness,
			samples: Parameters::<T>::get().in_round(Self::round()).settle_samples,
			until: Self::period_start(present.saturating_add(1)),
			max_items: T::MaxItems::get(),
		})
	}

	/// What listed slots of `provider` earned: those at `limit` places of its list from `from` on. Fewer at its end.
	pub fn rents(provider: &T::AccountId, from: u32, limit: u32) -> Vec<RentInfo> {
		let slots = Books::<T>::get(provider).map_or(0, |book| book.census.slots);
		let end = from.saturating_add(limit).min(slots);
		(from..end)
			.filter_map(|at| Slots::<T>::get(provider, at))
			.map(|held| Self::rent_info(provider, held))
			.collect()
	}

	/// What up to `limit` slots that ended are owed and can still settle, now or in the next period, after the last one of the
	/// page before. In no particular order.
	pub fn endings(
		provider: &T::AccountId,
		after: Option<(DealId, SlotIndex)>,
		limit: u32,
	) -> Vec<RentInfo> {
		let entries = match after {
			None => Endings::<T>::iter_prefix(provider),
			// No period is later.
			Some((deal, slot)) => Endings::<T>::iter_prefix_from(
				provider,
				Endings::<T>::hashed_key_for(provider, (deal, slot, Period::MAX)),
			),
		};
		let present = Self::period_of(Self::present());
		let mut found: Vec<RentInfo> = Vec::new();
		for ((deal, slot, period), Ending { owed, .. }) in entries {
			if period.saturating_add(1) < present {
				continue;
			}
			// One that ended twice stands in both periods, one after the other.
			let is_it = |last: &RentInfo| (last.deal, last.slot) == (deal, slot);
			if !found.last().is_some_and(is_it) {
				if found.len() >= limit as usize {
					break;
				}
				let none = Earnings::default();
				found.push(RentInfo { deal, slot, rate: 0, open: none, closed: none, ended: true });
			}
			if let Some(info) = found.last_mut() {
				let part = if period < present { &mut info.closed } else { &mut info.open };
				*part = owed.into();
			}
		}
		found
	}

	/// What a slot of `provider` that has not ended earned and was not paid.
	pub fn rent_of(provider: &T::AccountId, deal: DealId, slot: SlotIndex) -> Option<RentInfo> {
		let (_, held) = Self::held(provider, deal, slot)?;
		Some(Self::rent_info(provider, held))
	}

	/// A slot's rent, reckoned to the round in force.
	fn rent_info(provider: &T::AccountId, mut held: HeldSlot) -> RentInfo {
		if !held.rent.ended
			&& let (Some(book), Some(term)) =
				(Self::closed_book(provider), T::Purse::term(held.deal))
		{
			Self::reckon(&book, &mut held, &term);
		}
		let HeldSlot { deal, slot, rent, .. } = held;
		RentInfo {
			deal,
			slot,
			rate: rent.rate,
			open: rent.open.into(),
			closed: rent.closed.into(),
			ended: rent.ended,
		}
	}

	/// What a slot must prove to settle the last period, sample by sample. Nothing when nothing can be settled.
	pub fn settle_draws(provider: &T::AccountId, deal: DealId, slot: SlotIndex) -> Vec<SettleDraw> {
		let Some(SettlementInfo { period, randomness, samples, .. }) = Self::settlement() else {
			return Vec::new();
		};
		if Self::is_behind(provider, Self::round()) {
			return Vec::new();
		}
		let book = Self::book_or_new(provider);
		let Ok(account) = Self::account(provider, (deal, slot), period, &book) else {
			return Vec::new();
		};
		let id: Hash32 = provider.clone().into();
		let draw = |sample: u32| {
			let mut commits = Vec::new();
			for attempt in 0..SETTLE_TRIES {
				let seed = settle_seed(&randomness, &id, (deal, slot), sample, attempt);
				let (mdu, pick) = settle_draw(&seed, account.mdus);
				let mdu = MduIndex::from(mdu);
				let (generation, commit) = Self::commit_with(deal, mdu)?;
				commits.push(generation);
				if !Self::is_signer(provider, (deal, slot), period, &account, generation) {
					continue;
				}
				let live =
					ContentShape::new(commit.size_bytes).live(mdu.saturating_sub(commit.first_mdu));
				let rows = u32::from(account.profile.live_rows(live));
				let row = uniform(pick, rows).and_then(|row| u8::try_from(row).ok());
				let leaf = account.profile.leaf(slot, row.unwrap_or_default());
				let target = SettleTarget { generation, profile: account.profile, mdu, leaf };
				return Some(SettleDraw { sample, commits, target: Some(target) });
			}
			Some(SettleDraw { sample, commits, target: None })
		};
		(0..samples).filter_map(draw).collect()
	}

	/// The commit that has an MDU of a deal's slab: the last one that does not begin after it. Commits have no gaps.
	fn commit_with(deal: DealId, mdu: MduIndex) -> Option<(Generation, CommitInfo)> {
		let upto = |generation: Option<Generation>| {
			let commit = T::Content::commit(deal, generation?)?;
			(commit.first_mdu <= mdu).then_some((generation?, commit))
		};
		let mut last = upto(Some(1))?;
		let mut step: Generation = 1;
		while let Some(found) = upto(last.0.checked_add(step)) {
			last = found;
			step = step.saturating_mul(2);
		}
		while step > 1 {
			step /= 2;
			last = upto(last.0.checked_add(step)).unwrap_or(last);
		}
		Some(last)
	}
}
