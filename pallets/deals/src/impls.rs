//! What the calls do, the hooks for slots, and what the runtime API asks.

use crate::{
	CommitPrices, Commits, Config, Deal, DealParams, DealRent, Deals, DealsOf, EndReason, Error,
	Event, HoldReason, Ledger, ManifestPoints, MinTerm, NewContent, NextDealId, Owed, Owing,
	Pallet, Params, Remnant, Rents, Uploaders,
};
use alloc::vec::Vec;
use frame_support::{
	defensive, ensure,
	pallet_prelude::{DispatchError, DispatchResult},
	traits::{
		Defensive, Get, OnUnbalanced,
		fungible::{Balanced, hold::Mutate},
		tokens::{Fortitude, Precision, Preservation},
	},
};
use nil_types::{
	Amount, CommitInfo, ContentShape, DealId, DealInfo, DealStatus, Generation, Hint, Profile,
	RelayBlock, SlotIndex,
	deal::SerdeBytes,
	layout::{MAX_INDEX_BYTES, MAX_MDUS, rent},
	messages::roots_hash,
	traits::{
		CommitTerms, DealHooks, EpochClock, ManifestMath, Receipt, RelayBeacon, SlotError,
		SlotManager,
	},
};

pub(crate) type DealOf<T> = Deal<<T as frame_system::Config>::AccountId>;

impl<T> From<SlotError> for Error<T> {
	fn from(error: SlotError) -> Self {
		match error {
			SlotError::QueueFull => Self::PlacementQueueFull,
			SlotError::NoSuchSlot => Self::NoSuchSlot,
			SlotError::Duplicate => Self::DuplicateReceipt,
			SlotError::Expired => Self::ReceiptExpired,
			SlotError::BadSignature => Self::BadReceiptSignature,
			SlotError::TooFew => Self::TooFewReceipts,
			SlotError::OutOfCapacity => Self::ProviderOutOfCapacity,
			SlotError::OutOfStake => Self::ProviderOutOfStake,
			SlotError::NotReplaceable => Self::SlotNotReplaceable,
		}
	}
}

// Calls.
impl<T: Config> Pallet<T> {
	pub(crate) fn do_create_deal(
		owner: T::AccountId,
		profile: Profile,
		hint: Hint,
		duration: RelayBlock,
		max_monthly_spend: Amount,
		escrow: Amount,
	) -> DispatchResult {
		profile.validate().map_err(|_| Error::<T>::BadProfile)?;
		let params = Params::<T>::get();
		ensure!(
			(params.min_duration..=params.max_duration).contains(&duration),
			Error::<T>::DurationOutOfBounds
		);
		let now = T::Beacon::now();
		let expires_at = now.checked_add(duration).ok_or(Error::<T>::DurationOutOfBounds)?;

		let id = NextDealId::<T>::get();
		NextDealId::<T>::put(id.checked_add(1).ok_or(Error::<T>::TooManyDeals)?);

		let fee = params.creation_fee;
		let credit = T::Currency::withdraw(
			&owner,
			fee,
			Precision::Exact,
			Preservation::Preserve,
			Fortitude::Polite,
		)?;
		T::FeeHandler::on_unbalanced(credit);
		// Bounded by constants, which are checked not to saturate.
		let slots = params.slot_deposit.saturating_mul(profile.n().into());
		// Nobody owns as much as would saturate.
		T::Currency::hold(&HoldReason::Escrow.into(), &owner, escrow.saturating_add(slots))?;

		Self::agenda_enter(id, expires_at);
		DealsOf::<T>::insert(&owner, id, ());
		let least = now.saturating_add(MinTerm::<T>::get()).min(expires_at);
		Rents::<T>::insert(id, DealRent { rate: 0, least });
		Deals::<T>::insert(
			id,
			Deal {
				owner: owner.clone(),
				profile,
				hint,
				status: DealStatus::Placing,
				generation: 0,
				total_mdus: 0,
				size_bytes: 0,
				stored_bytes: 0,
				created_at: now,
				expires_at,
				ledger: Ledger { free: escrow, slots, ..Default::default() },
				max_monthly_spend,
			},
		);
		Self::deposit_event(Event::DealCreated {
			deal: id,
			owner,
			profile,
			hint,
			created_at: now,
			expires_at,
			fee,
			escrow,
			deposit: slots,
			max_monthly_spend,
		});
		T::Slots::request(id, profile, hint).map_err(Error::<T>::from)?;
		Ok(())
	}

	pub(crate) fn do_commit_content(
		who: T::AccountId,
		id: DealId,
		content: NewContent,
		receipts: &[Receipt],
	) -> DispatchResult {
		let now = T::Beacon::now();
		let mut deal = Self::living(id, now)?;
		if deal.owner != who {
			Self::spend_budget(id, &who, content.size_bytes, now)?;
		}
		ensure!(deal.status == DealStatus::Active, Error::<T>::NotActive);
		ensure!(deal.generation == content.base_gen, Error::<T>::WrongGeneration);
		let NewContent { roots, index_root, size_bytes, index_len, .. } = content;

		let shape = ContentShape::new(size_bytes);
		let mdus = u32::try_from(roots.len()).map_err(|_| Error::<T>::RootsMismatch)?;
		ensure!(mdus > 0 && u64::from(mdus) == shape.mdus(), Error::<T>::RootsMismatch);
		ensure!(
			index_len <= MAX_INDEX_BYTES && u64::from(index_len) <= size_bytes,
			Error::<T>::BadIndexLength
		);
		ensure!(roots.iter().all(|root| root.first() == Some(&0)), Error::<T>::NonCanonicalRoot);
		let first_mdu = deal.total_mdus;
		let total_mdus = first_mdu
			.checked_add(u64::from(mdus))
			.filter(|total| *total <= MAX_MDUS)
			.ok_or(Error::<T>::TooManyMdus)?;
		let generation = deal.generation.checked_add(1).ok_or(Error::<T>::TooManyMdus)?;

		// The size is bounded by the number of roots from here on, so that nothing below can saturate.
		let bytes_per_slot = shape.bytes_per_slot(&deal.profile);
		let stored_bytes = bytes_per_slot.saturating_mul(u64::from(deal.profile.n()));
		let params = Params::<T>::get();
		let price = params.storage_price;
		let blocks = deal.expires_at.saturating_sub(now);
		let rent = rent(price, stored_bytes, blocks);
		let deposit = params.commit_deposit;
		deal.ledger = deal.ledger.lock(rent, deposit).ok_or(Error::<T>::InsufficientEscrow)?;

		let roots_hash = roots_hash(&roots);
		let terms = CommitTerms {
			deal: id,
			hint: deal.hint,
			generation,
			first_mdu,
			roots_hash,
			index_root,
			size_bytes,
			index_len,
			bytes_per_slot,
			price,
		};
		let signed = T::Slots::accept(&terms, receipts).map_err(Error::<T>::from)?;
		Self::extend_manifest(id, first_mdu, &roots)?;

		deal.generation = generation;
		deal.total_mdus = total_mdus;
		deal.size_bytes = deal.size_bytes.saturating_add(size_bytes);
		deal.stored_bytes = deal.stored_bytes.saturating_add(stored_bytes);
		Deals::<T>::insert(id, deal);
		Rents::<T>::mutate(id, |rent| {
			rent.rate = rent.rate.saturating_add(price.saturating_mul(stored_bytes.into()));
		});
		CommitPrices::<T>::insert(id, generation, price);
		Commits::<T>::insert(
			id,
			generation,
			CommitInfo {
				first_mdu,
				size_bytes,
				index_len,
				index_root,
				roots_hash,
				signed,
				at: now,
			},
		);
		Self::deposit_event(Event::ContentCommitted {
			deal: id,
			generation,
			first_mdu,
			mdus,
			size_bytes,
			index_len,
			index_root,
			roots_hash,
			signed,
			stored_bytes,
			rent,
			deposit,
			by: who,
			at: now,
		});
		Ok(())
	}

	pub(crate) fn do_add_receipt(
		id: DealId,
		generation: Generation,
		receipt: &Receipt,
	) -> DispatchResult {
		let now = T::Beacon::now();
		let deal = Self::living(id, now)?;
		let mut commit = Commits::<T>::get(id, generation).ok_or(Error::<T>::UnknownCommit)?;
		ensure!(now <= commit.at.saturating_add(T::ReceiptGrace::get()), Error::<T>::GraceOver);
		let bit = 1u32.checked_shl(receipt.slot.into()).ok_or(Error::<T>::NoSuchSlot)?;
		ensure!(commit.signed & bit == 0, Error::<T>::DuplicateReceipt);
		let terms = CommitTerms {
			deal: id,
			hint: deal.hint,
			generation,
			first_mdu: commit.first_mdu,
			roots_hash: commit.roots_hash,
			index_root: commit.index_root,
			size_bytes: commit.size_bytes,
			index_len: commit.index_len,
			bytes_per_slot: ContentShape::new(commit.size_bytes).bytes_per_slot(&deal.profile),
			price: CommitPrices::<T>::get(id, generation),
		};
		T::Slots::accept_late(&terms, receipt).map_err(Error::<T>::from)?;
		commit.signed |= bit;
		Commits::<T>::insert(id, generation, commit);
		Self::deposit_event(Event::ReceiptAdded { deal: id, generation, slot: receipt.slot });
		Ok(())
	}

	pub(crate) fn do_replace_slot(
		who: T::AccountId,
		id: DealId,
		slot: SlotIndex,
		generation: Generation,
	) -> DispatchResult {
		let now = T::Beacon::now();
		let deal = Self::living(id, now)?;
		ensure!(deal.owner == who, Error::<T>::NotOwner);
		ensure!(slot < deal.profile.n(), Error::<T>::NoSuchSlot);
		let commit = Commits::<T>::get(id, generation).ok_or(Error::<T>::UnknownCommit)?;
		let bit = 1u32.checked_shl(slot.into()).ok_or(Error::<T>::NoSuchSlot)?;
		let late = now > commit.at.saturating_add(T::ReceiptGrace::get());
		ensure!(late && commit.signed & bit == 0, Error::<T>::ReceiptNotMissing);
		T::Slots::replace(id, slot).map_err(Error::<T>::from)?;
		Ok(())
	}

	pub(crate) fn do_top_up(who: T::AccountId, id: DealId, amount: Amount) -> DispatchResult {
		ensure!(amount > 0, Error::<T>::Zero);
		let mut deal = Self::living(id, T::Beacon::now())?;
		let reason = HoldReason::Escrow.into();
		if who == deal.owner {
			T::Currency::hold(&reason, &who, amount)?;
		} else {
			T::Currency::transfer_and_hold(
				&reason,
				&who,
				&deal.owner,
				amount,
				Precision::Exact,
				Preservation::Preserve,
				Fortitude::Polite,
			)?;
		}
		deal.ledger.free = deal.ledger.free.saturating_add(amount);
		Deals::<T>::insert(id, deal);
		Self::deposit_event(Event::ToppedUp { deal: id, by: who, amount });
		Ok(())
	}

	pub(crate) fn do_extend_deal(
		who: T::AccountId,
		id: DealId,
		blocks: RelayBlock,
	) -> DispatchResult {
		ensure!(blocks > 0, Error::<T>::Zero);
		let now = T::Beacon::now();
		let mut deal = Self::living(id, now)?;
		ensure!(deal.owner == who, Error::<T>::NotOwner);
		let params = Params::<T>::get();
		let expires_at = deal
			.expires_at
			.checked_add(blocks)
			.filter(|end| end.saturating_sub(now) <= params.max_duration)
			.ok_or(Error::<T>::DurationOutOfBounds)?;
		// Bounded by constants, which are checked not to saturate.
		let spot = params.storage_price.saturating_mul(deal.stored_bytes.into());
		let rate = Rents::<T>::get(id).rate;
		let rent = rent(spot.max(rate), 1, blocks);
		deal.ledger = deal.ledger.lock(rent, 0).ok_or(Error::<T>::InsufficientEscrow)?;
		deal.expires_at = expires_at;
		Self::raise(id, spot.saturating_sub(rate), blocks, expires_at.saturating_sub(now), &deal);
		Self::agenda_leave(id);
		Self::agenda_enter(id, expires_at);
		Deals::<T>::insert(id, deal);
		Self::deposit_event(Event::DealExtended { deal: id, expires_at, rent });
		Ok(())
	}

	pub(crate) fn do_cancel_deal(who: T::AccountId, id: DealId) -> DispatchResult {
		let deal = Deals::<T>::get(id).ok_or(Error::<T>::UnknownDeal)?;
		ensure!(deal.owner == who, Error::<T>::NotOwner);
		Self::end_deal(id, deal, EndReason::Cancelled);
		Ok(())
	}
}

// Steps that calls share.
impl<T: Config> Pallet<T> {
	/// A deal whose term is not over.
	pub(crate) fn living(id: DealId, now: RelayBlock) -> Result<DealOf<T>, DispatchError> {
		let deal = Deals::<T>::get(id).ok_or(Error::<T>::UnknownDeal)?;
		ensure!(now < deal.expires_at, Error::<T>::DealExpired);
		Ok(deal)
	}

	/// Ends a deal: gives its slots back, releases its ledger exactly, but for what they are owed, and leaves its commits to
	/// upkeep.
	pub(crate) fn end_deal(id: DealId, deal: DealOf<T>, reason: EndReason) {
		// Slots say what they are owed while the deal can be read.
		T::Slots::close(id);
		let owing = Owed::<T>::get(id);
		let owed = owing.as_ref().map_or(0, |owing| owing.left);
		let total = deal.ledger.total().saturating_sub(owed);
		let hold = HoldReason::Escrow.into();
		let refunded = T::Currency::release(&hold, &deal.owner, total, Precision::BestEffort)
			.defensive()
			.unwrap_or_default();
		if refunded != total {
			defensive!("the hold is the sum of the ledgers");
		}
		Self::agenda_leave(id);
		match owing {
			Some(Owing { until, .. }) => Self::agenda_enter(id, until),
			None => Self::leave_remnant(Self::remnant_of(id, &deal)),
		}
		Deals::<T>::remove(id);
		DealsOf::<T>::remove(&deal.owner, id);
		Rents::<T>::remove(id);
		Uploaders::<T>::remove(id);
		Self::deposit_event(Event::DealEnded { deal: id, owner: deal.owner, reason, refunded });
	}

	/// What a deal that ends now leaves in state.
	pub(crate) fn remnant_of(id: DealId, deal: &DealOf<T>) -> Remnant {
		Remnant {
			deal: id,
			commits: deal.generation,
			manifests: Self::manifests_of(deal.total_mdus),
			ended_in: T::Epochs::round(),
		}
	}

	/// Whether parameters lie within the pallet's constants.
	pub(crate) fn within_bounds(params: &DealParams) -> bool {
		params.storage_price <= T::MaxStoragePrice::get()
			&& params.creation_fee <= T::MaxCreationFee::get()
			&& params.commit_deposit <= T::MaxCommitDeposit::get()
			&& params.slot_deposit <= T::MaxSlotDeposit::get()
			&& params.uploader_deposit <= T::MaxUploaderDeposit::get()
			&& params.min_duration >= 1
			&& params.min_duration <= params.max_duration
			&& params.max_duration <= T::MaxDuration::get()
	}

	/// Relations between constants.
	pub(crate) fn check_constants() {
		assert!(T::BucketLength::get() > 0, "a bucket of the agenda spans no relay block");
		assert!(T::MaxUpkeepSteps::get() > 0, "upkeep may take no step");
		assert!(T::MaxDuration::get() > 0, "no duration is allowed");
		assert!(
			T::ReceiptGrace::get() <= T::MaxDuration::get(),
			"receipts may come later than any deal lives"
		);
		let half_a_block = T::BlockWeights::get().max_block.saturating_div(2);
		assert!(
			Self::upkeep_weight(1).all_lte(half_a_block),
			"no block has room for a step of upkeep"
		);
		let bytes = Amount::from(nil_types::layout::MAX_MDUS)
			.checked_mul(nil_types::layout::MDU_BYTES as Amount)
			.and_then(|data| data.checked_mul(nil_types::layout::MAX_SLOTS.into()));
		assert!(
			bytes
				.and_then(|bytes| bytes.checked_mul(T::MaxStoragePrice::get()))
				.is_some_and(|price| price.checked_mul(T::MaxDuration::get().into()).is_some()),
			"the highest rent of a deal saturates"
		);
		assert!(
			T::MaxSlotDeposit::get()
				.checked_mul(nil_types::layout::MAX_SLOTS.into())
				.is_some_and(|deposit| deposit < Amount::MAX / 2),
			"the highest deposit of a deal saturates"
		);
	}
}

impl<T: Config> DealHooks for Pallet<T> {
	fn placed(deal: DealId) {
		let placed = Deals::<T>::mutate(deal, |deal| match deal {
			Some(deal) if deal.status == DealStatus::Placing => {
				deal.status = DealStatus::Active;
				true
			},
			_ => false,
		});
		if placed {
			Self::deposit_event(Event::DealActivated { deal });
		} else {
			defensive!("only a deal that waits for slots is placed");
		}
	}

	fn storage_price() -> Amount {
		Params::<T>::get().storage_price
	}

	fn living(deal: DealId) -> Option<(Hint, Generation)> {
		let deal = Self::living(deal, T::Beacon::now()).ok()?;
		Some((deal.hint, deal.generation))
	}

	fn stored(deal: DealId, generation: Generation) -> Option<(CommitInfo, Amount)> {
		let commit = Commits::<T>::get(deal, generation)?;
		Some((commit, CommitPrices::<T>::get(deal, generation)))
	}

	fn set_signed(deal: DealId, generation: Generation, slot: SlotIndex, signed: bool) {
		let Some(bit) = 1u32.checked_shl(slot.into()) else { return };
		let Some(mut commit) = Commits::<T>::get(deal, generation) else { return };
		let before = commit.signed;
		if signed {
			commit.signed |= bit;
		} else {
			commit.signed &= !bit;
		}
		if commit.signed != before {
			Commits::<T>::insert(deal, generation, commit);
		}
	}

	fn receipt_grace() -> RelayBlock {
		T::ReceiptGrace::get()
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_deal(profile: Profile, hint: Hint) -> DealId {
		crate::benchmarking::create::<T>(profile, hint)
	}
}

// What the runtime API asks.
impl<T: Config> Pallet<T> {
	/// Prices, fees and durations in force.
	pub fn params() -> DealParams {
		Params::<T>::get()
	}

	/// Relay blocks within which a slot that missed a commit may still sign it.
	pub fn receipt_grace() -> RelayBlock {
		T::ReceiptGrace::get()
	}

	/// A deal, while it exists.
	pub fn deal_info(id: DealId) -> Option<DealInfo<T::AccountId>> {
		let deal = Deals::<T>::get(id)?;
		let manifests = (0..Self::manifests_of(deal.total_mdus))
			.filter_map(|index| ManifestPoints::<T>::get(id, index))
			.map(|point| SerdeBytes(T::Manifests::compress(&point.now)))
			.collect();
		Some(DealInfo {
			id,
			owner: deal.owner,
			profile: deal.profile,
			hint: deal.hint,
			status: deal.status,
			generation: deal.generation,
			total_mdus: deal.total_mdus,
			size_bytes: deal.size_bytes,
			stored_bytes: deal.stored_bytes,
			manifests,
			created_at: deal.created_at,
			expires_at: deal.expires_at,
			free_escrow: deal.ledger.free,
			locked_rent: deal.ledger.locked,
			deposit: deal.ledger.deposits(),
			max_monthly_spend: deal.max_monthly_spend,
			uploaders: Uploaders::<T>::get(id).into_iter().map(|entry| entry.uploader).collect(),
		})
	}

	/// Up to `limit` deals of `owner`, in no particular order, after the last one of the page before.
	pub fn deals_of(owner: &T::AccountId, after: Option<DealId>, limit: u32) -> Vec<DealId> {
		let keys = match after {
			None => DealsOf::<T>::iter_key_prefix(owner),
			Some(last) => {
				DealsOf::<T>::iter_key_prefix_from(owner, DealsOf::<T>::hashed_key_for(owner, last))
			},
		};
		keys.take(limit as usize).collect()
	}

	/// Up to `limit` commits of a living deal from generation `from` on, in order.
	pub fn commits(id: DealId, from: Generation, limit: u32) -> Vec<(Generation, CommitInfo)> {
		let Some(deal) = Deals::<T>::get(id) else { return Vec::new() };
		(from.max(1)..=deal.generation)
			.take(limit as usize)
			.filter_map(|generation| Some((generation, Commits::<T>::get(id, generation)?)))
			.collect()
	}
}
