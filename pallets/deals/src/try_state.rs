//! The pallet's invariants, in words and as checks.

use crate::{
	Agenda, AgendaCursor, AgendaLen, AgendaPlaces, CommitPrices, Commits, Config, Deals, DealsOf,
	HoldReason, ManifestPoints, NextDealId, Owed, Pallet, QueueEnds, RemnantQueue, Remnants, Rents,
	Uploaders,
};
use alloc::collections::{BTreeMap, BTreeSet};
use frame_support::{ensure, traits::fungible::hold::Inspect};
use nil_types::{Amount, ContentShape, DealStatus, layout::MAX_MDUS};
use sp_runtime::DispatchError;

type Checked = Result<(), DispatchError>;

impl<T: Config> Pallet<T> {
	/// Checks every invariant of the pallet. Walks all of its state: for tests and for `try-runtime` alone.
	pub fn do_try_state() -> Checked {
		Self::check_params()?;
		Self::check_deals()?;
		Self::check_money()?;
		Self::check_rent()?;
		Self::check_uploaders()?;
		Self::check_content()?;
		Self::check_agenda()?;
		Self::check_remnants()
	}

	/// * The parameters lie within the pallet's constants.
	fn check_params() -> Checked {
		ensure!(
			Self::within_bounds(&crate::Params::<T>::get()),
			"the parameters lie within the pallet's constants"
		);
		Ok(())
	}

	/// * Every deal's number is below the next one.
	/// * Every deal has a valid profile and ends after it began.
	/// * The deals' counter is their number.
	/// * The index by owner holds each deal once, under its owner, and nothing else.
	fn check_deals() -> Checked {
		let next = NextDealId::<T>::get();
		let mut deals = 0usize;
		for (id, deal) in Deals::<T>::iter() {
			deals = deals.saturating_add(1);
			ensure!(id < next, "every deal's number is below the next one");
			ensure!(deal.profile.validate().is_ok(), "every deal has a valid profile");
			ensure!(deal.created_at < deal.expires_at, "every deal ends after it began");
			ensure!(
				DealsOf::<T>::contains_key(&deal.owner, id),
				"the index by owner holds each deal under its owner"
			);
		}
		ensure!(deals == Deals::<T>::count() as usize, "the deals' counter is their number");
		ensure!(
			deals == DealsOf::<T>::iter_keys().count(),
			"the index by owner holds nothing but the deals"
		);
		Ok(())
	}

	/// * What each account has on hold for [`HoldReason::Escrow`] is the sum of the ledgers of the deals that it owns, and of
	///   what those that ended still owe.
	/// * A deal's ledger holds the deposits of its uploaders; without commits it has no others, and no locked rent.
	/// * A deal's deposit for slots is the same for each of them.
	fn check_money() -> Checked {
		let mut owed = BTreeMap::<T::AccountId, Amount>::new();
		for (id, deal) in Deals::<T>::iter() {
			let sum = owed.entry(deal.owner).or_default();
			*sum = sum.saturating_add(deal.ledger.total());
			let uploaders = Uploaders::<T>::get(id)
				.iter()
				.fold(0, |sum: Amount, entry| sum.saturating_add(entry.deposit));
			ensure!(
				deal.ledger.deposit >= uploaders,
				"a deal's ledger holds the deposits of its uploaders"
			);
			if deal.generation == 0 {
				ensure!(
					deal.ledger.deposit == uploaders && deal.ledger.locked == 0,
					"a deal without commits has neither locked rent nor a deposit for commits"
				);
			}
			ensure!(
				deal.ledger.slots.checked_rem(deal.profile.n().into()) == Some(0),
				"a deal's deposit for slots is the same for each of them"
			);
		}
		for owing in Owed::<T>::iter_values() {
			let sum = owed.entry(owing.owner).or_default();
			*sum = sum.saturating_add(owing.left);
		}
		for account in frame_system::Account::<T>::iter_keys() {
			let sum = owed.remove(&account).unwrap_or_default();
			ensure!(
				T::Currency::balance_on_hold(&HoldReason::Escrow.into(), &account) == sum,
				"an account's hold is the sum of the ledgers of its deals and of what those that ended owe"
			);
		}
		ensure!(
			owed.into_values().all(|sum| sum == 0),
			"an owner that is owed something has an account"
		);
		Ok(())
	}

	/// * Only deals have a rent, which no term outlasts; only commits have a price.
	/// * A deal's rate is what its commits were locked in at, or more.
	/// * What is owed is owed by a deal that ended, is not nothing, and keeps the commits that the deal left.
	fn check_rent() -> Checked {
		for (id, rent) in Rents::<T>::iter() {
			let deal = Deals::<T>::get(id).ok_or("only deals have a rent")?;
			ensure!(rent.least <= deal.expires_at, "no deal owes rent for longer than it lasts");
			let mut rate: Amount = 0;
			for (generation, price) in CommitPrices::<T>::iter_prefix(id) {
				let commit =
					Commits::<T>::get(id, generation).ok_or("only commits have a price")?;
				let shape = ContentShape::new(commit.size_bytes);
				let stored = u128::from(shape.bytes_per_slot(&deal.profile))
					.saturating_mul(deal.profile.n().into());
				rate = rate.saturating_add(price.saturating_mul(stored));
			}
			ensure!(
				rent.rate >= rate,
				"a deal's rate is what its commits were locked in at, or more"
			);
		}
		ensure!(
			CommitPrices::<T>::iter_keys()
				.all(|(id, generation)| Commits::<T>::contains_key(id, generation)),
			"only commits have a price"
		);
		for (id, owing) in Owed::<T>::iter() {
			ensure!(!Deals::<T>::contains_key(id), "what is owed is owed by a deal that ended");
			ensure!(owing.left > 0, "what is owed is not nothing");
			ensure!(
				owing.remnant.deal == id && owing.remnant.commits > 0,
				"a deal that owes something left commits"
			);
			ensure!(
				Remnants::<T>::iter_values().all(|remnant| remnant.deal != id),
				"what a deal left does not go while it owes something"
			);
		}
		Ok(())
	}

	/// * Only deals have uploaders, every list of them can be read, and none is empty.
	/// * The uploaders of a deal are different accounts, and none is its owner.
	fn check_uploaders() -> Checked {
		// Going through the entries passes over those that do not decode, for example because they are too long.
		let (lists, keys) = (Uploaders::<T>::iter().count(), Uploaders::<T>::iter_keys().count());
		ensure!(lists == keys, "a list of uploaders cannot be read");
		for (id, entries) in Uploaders::<T>::iter() {
			let deal = Deals::<T>::get(id).ok_or("only deals have uploaders")?;
			ensure!(!entries.is_empty(), "no list of uploaders is empty");
			let accounts: BTreeSet<_> =
				entries.iter().map(|entry| entry.uploader.account.clone()).collect();
			ensure!(accounts.len() == entries.len(), "a deal's uploaders are different accounts");
			ensure!(!accounts.contains(&deal.owner), "the owner is no uploader of its deal");
		}
		Ok(())
	}

	/// * A deal that waits for slots has no commits.
	/// * A deal has the commits of generations `1 ..= generation`; each starts where the one before ended.
	/// * Only slots of the deal have signed a commit. (At least `k + 1` did when it was made. A repair takes a signature back
	///   while the slot's new provider lacks the commit.)
	/// * MDUs, payload bytes and stored bytes of a deal are the sums over its commits.
	/// * A deal has at most [`MAX_MDUS`] MDUs, and one manifest point per 4,096 of them.
	fn check_content() -> Checked {
		for (id, deal) in Deals::<T>::iter() {
			ensure!(
				deal.status == DealStatus::Active || deal.generation == 0,
				"a deal that waits for slots has no commits"
			);
			let (mut mdus, mut size, mut stored) = (0u64, 0u64, 0u64);
			for generation in 1..=deal.generation {
				let commit = Commits::<T>::get(id, generation)
					.ok_or("a deal has the commits of all its generations")?;
				ensure!(commit.first_mdu == mdus, "a commit starts where the one before ended");
				ensure!(
					commit.signed.checked_shr(deal.profile.n().into()).is_none_or(|rest| rest == 0),
					"only slots of the deal have signed a commit"
				);
				let shape = ContentShape::new(commit.size_bytes);
				mdus = mdus.saturating_add(shape.mdus());
				size = size.saturating_add(commit.size_bytes);
				stored = stored.saturating_add(
					shape.bytes_per_slot(&deal.profile).saturating_mul(u64::from(deal.profile.n())),
				);
			}
			ensure!(
				Commits::<T>::iter_key_prefix(id).count() == deal.generation as usize,
				"a deal has no other commits than those of its generations"
			);
			ensure!(
				(mdus, size, stored) == (deal.total_mdus, deal.size_bytes, deal.stored_bytes),
				"a deal's MDUs and bytes are the sums over its commits"
			);
			ensure!(mdus <= MAX_MDUS, "a deal has at most MAX_MDUS MDUs");
			let points = Self::manifests_of(mdus);
			ensure!(
				(0..points).all(|index| ManifestPoints::<T>::contains_key(id, index))
					&& ManifestPoints::<T>::iter_key_prefix(id).count() == points as usize,
				"a deal has one manifest point per 4,096 MDUs"
			);
		}
		Ok(())
	}

	/// * The agenda holds each deal once, in the bucket of its deadline, at the place that is noted; so it does each that ended and
	///   owes something, in the bucket of when that lapses; and nothing else.
	/// * A bucket's list is dense, and its length is kept.
	/// * No deal lies before the cursor.
	fn check_agenda() -> Checked {
		let cursor = AgendaCursor::<T>::get();
		let terms = Deals::<T>::iter().map(|(id, deal)| (id, deal.expires_at));
		let lapses = Owed::<T>::iter().map(|(id, owing)| (id, owing.until));
		let mut deals = 0usize;
		for (id, deadline) in terms.chain(lapses) {
			deals = deals.saturating_add(1);
			let place = AgendaPlaces::<T>::get(id).ok_or("the agenda holds each deal")?;
			ensure!(
				Agenda::<T>::get(place.bucket, place.index) == Some(id),
				"the agenda holds each deal at the place that is noted"
			);
			ensure!(
				place.bucket == Self::bucket_of(deadline),
				"a deal lies in the bucket of its deadline"
			);
			ensure!(place.bucket >= cursor, "no deal lies before the cursor");
		}
		ensure!(
			Agenda::<T>::iter_keys().count() == deals
				&& AgendaPlaces::<T>::iter_keys().count() == deals,
			"the agenda holds nothing but the deals"
		);
		let mut sum = 0usize;
		for (bucket, len) in AgendaLen::<T>::iter() {
			ensure!(len > 0, "an empty bucket keeps no length");
			ensure!(
				(0..len).all(|index| Agenda::<T>::contains_key(bucket, index)),
				"a bucket's list is dense"
			);
			sum = sum.saturating_add(len as usize);
		}
		ensure!(sum == deals, "the buckets' lengths are kept");
		Ok(())
	}

	/// * The queue of remnants is dense between its ends, and in the order of the epochs in which they entered.
	/// * A remnant, be it in the queue or of a deal that owes something, is of a deal that is no more, and names what is left of it exactly.
	/// * Every commit and every manifest point in state belongs to a deal or to a remnant.
	fn check_remnants() -> Checked {
		let QueueEnds { head, tail } = RemnantQueue::<T>::get();
		ensure!(
			Remnants::<T>::iter_keys().all(|ticket| (head..tail).contains(&ticket))
				&& Remnants::<T>::iter_keys().count() as u64 == tail.saturating_sub(head),
			"the queue of remnants is dense between its ends"
		);
		let mut ended_in = 0;
		for remnant in (head..tail).filter_map(Remnants::<T>::get) {
			ensure!(
				ended_in <= remnant.ended_in,
				"the queue of remnants is in the order in which they entered"
			);
			ended_in = remnant.ended_in;
		}
		let (mut commits, mut points) = (0usize, 0usize);
		let owed = Owed::<T>::iter_values().map(|owing| owing.remnant);
		for remnant in Remnants::<T>::iter_values().chain(owed) {
			ensure!(
				!Deals::<T>::contains_key(remnant.deal),
				"a remnant is of a deal that is no more"
			);
			ensure!(
				remnant.commits > 0 || remnant.manifests > 0,
				"a remnant of which nothing is left is removed"
			);
			ensure!(
				(1..=remnant.commits)
					.all(|generation| Commits::<T>::contains_key(remnant.deal, generation))
					&& (0..remnant.manifests)
						.all(|index| ManifestPoints::<T>::contains_key(remnant.deal, index)),
				"a remnant names what is left"
			);
			commits = commits.saturating_add(remnant.commits as usize);
			points = points.saturating_add(remnant.manifests as usize);
		}
		for deal in Deals::<T>::iter_values() {
			commits = commits.saturating_add(deal.generation as usize);
			points = points.saturating_add(Self::manifests_of(deal.total_mdus) as usize);
		}
		ensure!(
			Commits::<T>::iter_keys().count() == commits
				&& ManifestPoints::<T>::iter_keys().count() == points,
			"every commit and manifest point belongs to a deal or to a remnant"
		);
		Ok(())
	}
}
