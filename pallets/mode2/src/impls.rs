//! What the calls do, and slots as deals see them.

use crate::{
	Asked, Config, Dismissal, Error, Event, Lane, Pallet, Repair, Repairs, Request, Requests,
	SlotsOf, Stage, Stripe, Stripes, WeightInfo,
};
#[cfg(feature = "runtime-benchmarks")]
use alloc::vec::Vec;
use frame_support::{
	ensure,
	pallet_prelude::DispatchResult,
	traits::{Defensive, Get},
};
use nil_types::{
	Amount, ContentShape, DealId, Hash32, Hint, Profile, ReceiptMessage, RelayBlock, RepairCause,
	SlotIndex,
	traits::{
		Allocation, CommitTerms, ProviderRegistry, Receipt, RegistryError, RelayBeacon, SlotError,
		SlotHooks, SlotManager,
	},
};
use sp_core::sr25519;
use sp_runtime::traits::Zero;

impl<T: Config> Pallet<T> {
	pub(crate) fn do_place(deal: DealId) -> DispatchResult {
		let request = Requests::<T>::get(deal).ok_or(Error::<T>::NoRequest)?;
		Self::serve(deal, request, T::Beacon::now()).ok_or(Error::<T>::NotDue)?;
		Ok(())
	}

	pub(crate) fn do_repair(deal: DealId, slot: SlotIndex) -> DispatchResult {
		let repair = Repairs::<T>::get(deal, slot).ok_or(Error::<T>::NoRepair)?;
		Self::serve_repair(deal, slot, repair, T::Beacon::now()).ok_or(Error::<T>::NotDue)?;
		Ok(())
	}

	pub(crate) fn do_decline(who: T::AccountId, deal: DealId, slot: SlotIndex) -> DispatchResult {
		let declined = Self::dismiss_if(deal, slot, &who, Dismissal::Declined);
		ensure!(declined, Error::<T>::NotCandidate);
		Ok(())
	}

	/// The hash of block 0, which every signed or hashed message binds.
	pub(crate) fn genesis() -> Hash32 {
		frame_system::Pallet::<T>::block_hash(
			frame_system::pallet_prelude::BlockNumberFor::<T>::zero(),
		)
		.into()
	}

	/// Relations between constants.
	pub(crate) fn check_constants() {
		assert!(T::DrawDelay::get() > 0, "placement could use randomness that is already known");
		assert!(
			T::RetryDelay::get() >= T::DrawDelay::get(),
			"a second draw could use randomness that is already known"
		);
		assert!(T::MaxFresh::get() > 0, "no deal could ever ask for slots");
		assert!(T::MaxRepairs::get() > 0, "no provider could ever be replaced");
		assert!(T::RepairSamples::get() > 0, "candidates would have nothing to prove");
		assert!(T::RepairWindow::get() > 0, "no candidate could ever be in time");
		let quarter = T::BlockWeights::get().max_block.saturating_div(4);
		assert!(
			T::WeightInfo::serve_repairs_base()
				.saturating_add(T::WeightInfo::pass_ticket())
				.saturating_add(Self::repair_weight())
				.all_lte(quarter),
			"no block has room for a step of a repair"
		);
		assert!(
			Self::complete_weight(T::RepairSamples::get()).all_lte(quarter.saturating_mul(2)),
			"no block has room for the end of a repair"
		);
		let draw = T::WeightInfo::serve_base()
			.saturating_add(T::WeightInfo::pass_ticket())
			.saturating_add(T::WeightInfo::place());
		assert!(
			draw.all_lte(T::BlockWeights::get().max_block.saturating_div(4)),
			"no block has room for a draw"
		);
	}

	/// Checks a receipt and books its bytes with the signer, in the registry and in `stripe`.
	fn book(
		stripe: &mut Stripe<T::AccountId>,
		terms: &CommitTerms,
		receipt: &Receipt,
		genesis: Hash32,
		now: RelayBlock,
	) -> Result<(), SlotError> {
		let profile = stripe.profile;
		let slot = stripe.slots.get_mut(usize::from(receipt.slot)).ok_or(SlotError::NoSuchSlot)?;
		// While nobody is responsible for the slot its candidate may sign, so that a deal under repair can grow.
		let provider = slot.state.signer().cloned().ok_or(SlotError::NoSuchSlot)?;
		let is_candidate = slot.state.provider().is_none();
		ensure!(receipt.until >= now, SlotError::Expired);
		let key = T::Providers::service_key(&provider).ok_or(SlotError::BadSignature)?;
		let message = ReceiptMessage {
			genesis,
			deal: terms.deal,
			generation: terms.generation,
			slot: receipt.slot,
			roots_hash: terms.roots_hash,
			index_root: terms.index_root,
			size_bytes: terms.size_bytes,
			index_len: terms.index_len,
			until: receipt.until,
		};
		ensure!(
			sp_io::crypto::sr25519_verify(
				&sr25519::Signature::from_raw(receipt.signature),
				&message.signing_bytes(),
				&sr25519::Public::from_raw(key),
			),
			SlotError::BadSignature
		);
		T::Providers::add_used(&provider, terms.bytes_per_slot).map_err(|error| match error {
			RegistryError::Unknown => SlotError::NoSuchSlot,
			RegistryError::OutOfCapacity => SlotError::OutOfCapacity,
			RegistryError::OutOfStake => SlotError::OutOfStake,
		})?;
		if is_candidate {
			Self::note_own(terms, receipt.slot)?;
		} else {
			slot.bytes = slot.bytes.saturating_add(terms.bytes_per_slot);
			slot.signed = slot.signed.saturating_add(1);
		}
		let allocation = Allocation {
			deal: terms.deal,
			slot: receipt.slot,
			generation: terms.generation,
			hint: terms.hint,
			profile,
			first_mdu: terms.first_mdu,
			rows: ContentShape::new(terms.size_bytes).blobs_per_slot(&profile),
			price: terms.price,
		};
		T::Hooks::signed(&provider, allocation);
		Self::deposit_event(Event::ReceiptAccepted {
			deal: terms.deal,
			generation: terms.generation,
			slot: receipt.slot,
			provider,
			bytes: terms.bytes_per_slot,
		});
		Ok(())
	}

	/// Writes down that the candidate for a slot signed a commit.
	fn note_own(terms: &CommitTerms, slot: SlotIndex) -> Result<(), SlotError> {
		let mut repair = Repairs::<T>::get(terms.deal, slot).ok_or(SlotError::NoSuchSlot)?;
		let Stage::Rebuilding(candidate) = &mut repair.stage else {
			return Err(SlotError::NoSuchSlot);
		};
		candidate.own.try_push(terms.generation).map_err(|_| SlotError::OutOfCapacity)?;
		candidate.own_bytes = candidate.own_bytes.saturating_add(terms.bytes_per_slot);
		Repairs::<T>::insert(terms.deal, slot, repair);
		Ok(())
	}
}

impl<T: Config> SlotManager<T::AccountId> for Pallet<T> {
	fn request(deal: DealId, profile: Profile, hint: Hint) -> Result<(), SlotError> {
		let place = Self::enqueue(Lane::Fresh, deal).ok_or(SlotError::QueueFull)?;
		let now = T::Beacon::now();
		let draw_at = now.saturating_add(T::DrawDelay::get());
		Requests::<T>::insert(
			deal,
			Request { profile, hint, requested_at: now, draw_at, attempts: 0, place: Some(place) },
		);
		Self::deposit_event(Event::SlotsRequested { deal, profile, hint, draw_at });
		Ok(())
	}

	fn accept(terms: &CommitTerms, receipts: &[Receipt]) -> Result<u32, SlotError> {
		let mut stripe = Stripes::<T>::get(terms.deal).ok_or(SlotError::NoSuchSlot)?;
		ensure!(receipts.len() > usize::from(stripe.profile.k), SlotError::TooFew);
		let (genesis, now) = (Self::genesis(), T::Beacon::now());
		let mut signed = 0u32;
		for receipt in receipts {
			let bit = 1u32.checked_shl(receipt.slot.into()).ok_or(SlotError::NoSuchSlot)?;
			ensure!(signed & bit == 0, SlotError::Duplicate);
			signed |= bit;
			Self::book(&mut stripe, terms, receipt, genesis, now)?;
		}
		Stripes::<T>::insert(terms.deal, stripe);
		Ok(signed)
	}

	fn accept_late(terms: &CommitTerms, receipt: &Receipt) -> Result<(), SlotError> {
		let mut stripe = Stripes::<T>::get(terms.deal).ok_or(SlotError::NoSuchSlot)?;
		// What a new provider has yet to be given it does not sign.
		if let Some(Repair { stage: Stage::Adopting(adoption), .. }) =
			Repairs::<T>::get(terms.deal, receipt.slot)
		{
			ensure!(terms.generation > adoption.next, SlotError::Duplicate);
		}
		Self::book(&mut stripe, terms, receipt, Self::genesis(), T::Beacon::now())?;
		Stripes::<T>::insert(terms.deal, stripe);
		Ok(())
	}

	fn raise(deal: DealId, price: Amount) {
		let Some(stripe) = Stripes::<T>::get(deal) else { return };
		for (index, slot) in (SlotIndex::MIN..).zip(stripe.slots) {
			if slot.bytes == 0 {
				continue;
			}
			if let Some(provider) = slot.state.provider() {
				T::Hooks::raised(provider, deal, index, price);
			}
		}
	}

	fn replace(deal: DealId, slot: SlotIndex) -> Result<(), SlotError> {
		let now = T::Beacon::now();
		let rested = Asked::<T>::get(deal, slot)
			.is_none_or(|at| now >= at.saturating_add(Self::pace().cooldown));
		ensure!(
			rested && Self::begin(deal, slot, RepairCause::MissingReceipt),
			SlotError::NotReplaceable
		);
		Asked::<T>::insert(deal, slot, now);
		Ok(())
	}

	fn close(deal: DealId) {
		if let Some(request) = Requests::<T>::take(deal) {
			if let Some(place) = request.place {
				Self::dequeue(place);
			}
			Self::deposit_event(Event::RequestWithdrawn { deal });
			return;
		}
		Self::close_repairs(deal);
		let Some(stripe) = Stripes::<T>::take(deal).defensive() else { return };
		for (index, slot) in (SlotIndex::MIN..).zip(stripe.slots) {
			let Some(provider) = slot.state.provider().cloned() else { continue };
			SlotsOf::<T>::remove(&provider, (deal, index));
			if slot.bytes > 0 {
				T::Providers::sub_used(&provider, slot.bytes);
				T::Hooks::ended(&provider, deal, index);
			}
			T::Providers::slot_released(&provider);
			Self::deposit_event(Event::SlotReleased {
				deal,
				slot: index,
				provider,
				bytes: slot.bytes,
			});
		}
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_place(deal: DealId, profile: Profile, _hint: Hint) {
		crate::benchmarking::place::<T>(deal, profile);
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_receipts(terms: &CommitTerms) -> Vec<Receipt> {
		crate::benchmarking::receipts::<T>(terms)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_aged(deal: DealId) {
		crate::benchmarking::age::<T>(deal);
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_candidates(deal: DealId) {
		crate::benchmarking::leave_to_candidates::<T>(deal);
	}
}
