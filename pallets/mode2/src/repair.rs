//! Repairs: slots whose provider is replaced. The module docs of the crate give the rules.

mod candidates;

use crate::{
	Adoption, Asked, Config, Dismissal, Error, Event, Formers, Lane, Lost, Pace, Pallet, Repair,
	RepairItem, RepairPace, Repairs, Slot, SlotsOf, Stage, Stripe, Stripes, WeightInfo,
};
use alloc::{collections::BTreeMap, vec::Vec};
use frame_support::{
	defensive, ensure,
	pallet_prelude::DispatchError,
	traits::{Defensive, Get},
	weights::Weight,
};
use nil_types::{
	CommitInfo, ContentShape, DealId, G1Compressed, G1Uncompressed, Generation, MduIndex, Profile,
	RepairCause, SlotIndex, SlotState,
	challenge::settle_draw,
	layout::{BLOB_BYTES, MDUS_PER_MANIFEST},
	repair::{repair_gamma, repair_point, repair_seed},
	traits::{
		Allocation, AnswerClaim, AnswerMath, ContentSource, DealHooks, Departure, Evictions,
		ProviderRegistry, RegistryError, RelayBeacon, SlotHooks,
	},
	uniform,
};

pub(crate) type RepairOf<T> = Repair<<T as frame_system::Config>::AccountId>;
type StripeOf<T> = Stripe<<T as frame_system::Config>::AccountId>;

/// Commits that a step of an adoption goes through.
pub const ADOPT_STEPS: u32 = 8;

/// The most that a slot stores of the MDUs up to the end of a commit: those of all rows, live or not.
fn bound(profile: &Profile, commit: &CommitInfo) -> u64 {
	commit
		.first_mdu
		.saturating_add(ContentShape::new(commit.size_bytes).mdus())
		.saturating_mul(profile.rows().into())
		.saturating_mul(BLOB_BYTES as u64)
}

/// The row of an MDU with `live` live blobs that a sample asks for.
pub(crate) fn sampled_row(profile: &Profile, live: u8, pick: [u8; 16]) -> u8 {
	// No more rows than an MDU has.
	uniform(pick, u32::from(profile.live_rows(live)))
		.and_then(|row| u8::try_from(row).ok())
		.unwrap_or_default()
}

// How repairs begin.
impl<T: Config> Pallet<T> {
	/// The pace of repairs where genesis says nothing of it.
	pub(crate) fn constant_pace() -> RepairPace {
		RepairPace { window: T::RepairWindow::get(), cooldown: T::RepairCooldown::get() }
	}

	pub(crate) fn pace() -> RepairPace {
		Pace::<T>::get().unwrap_or_else(Self::constant_pace)
	}

	/// How many slots of a deal drain at once: one at least, which is replaced before it goes.
	pub(crate) fn most_drains(profile: &Profile) -> usize {
		usize::from(profile.m.saturating_sub(1).max(1))
	}

	/// Begins the repair of a slot whose provider stays responsible until it is replaced. Whether it began.
	pub(crate) fn begin(deal: DealId, slot: SlotIndex, cause: RepairCause) -> bool {
		let Some(stripe) = Stripes::<T>::get(deal) else { return false };
		let Some(SlotState::Active { .. }) =
			stripe.slots.get(usize::from(slot)).map(|slot| &slot.state)
		else {
			return false;
		};
		if Repairs::<T>::contains_key(deal, slot) {
			return false;
		}
		let (mut all, mut drains) = (0usize, 0usize);
		for repair in Repairs::<T>::iter_prefix_values(deal) {
			if !matches!(repair.stage, Stage::Adopting(_)) {
				all = all.saturating_add(1);
				drains = drains.saturating_add(usize::from(repair.cause == RepairCause::Drain));
			}
		}
		let full = all >= usize::from(stripe.profile.m)
			|| (cause == RepairCause::Drain && drains >= Self::most_drains(&stripe.profile));
		if full {
			return false;
		}
		Self::ask(deal, slot, cause, None);
		true
	}

	/// Asks for a candidate for a slot that has no repair yet.
	fn ask(deal: DealId, slot: SlotIndex, cause: RepairCause, former: Option<T::AccountId>) {
		let now = T::Beacon::now();
		let due = now.saturating_add(T::DrawDelay::get());
		let repair = Repair {
			cause,
			since: now,
			attempts: 0,
			refused: None,
			former,
			anybody: false,
			due,
			stage: Stage::Waiting,
			place: Self::enqueue_repair(Lane::Repair, (deal, slot)),
		};
		Repairs::<T>::insert(deal, slot, repair);
		Self::deposit_event(Event::RepairRequested { deal, slot, cause, draw_at: due });
	}

	/// Takes a slot from its provider, at once. Whether anybody held it.
	pub(crate) fn do_evict(deal: DealId, index: SlotIndex) -> bool {
		let Some(mut stripe) = Stripes::<T>::get(deal) else { return false };
		let Some(slot) = stripe.slots.get_mut(usize::from(index)) else { return false };
		let Some(provider) = slot.state.provider().cloned() else { return false };
		Self::release(deal, index, slot, &provider);
		slot.state = match core::mem::replace(&mut slot.state, SlotState::Vacant) {
			SlotState::Repairing { candidate, since, target_gen, .. } => {
				SlotState::Repairing { provider: None, candidate, since, target_gen }
			},
			SlotState::Active { .. } | SlotState::Vacant => SlotState::Vacant,
		};
		Self::deposit_event(Event::SlotEvicted { deal, slot: index, provider: provider.clone() });
		match Repairs::<T>::get(deal, index) {
			Some(mut repair) if !matches!(repair.stage, Stage::Adopting(_)) => {
				repair.cause = RepairCause::Eviction;
				repair.former = Some(provider);
				Repairs::<T>::insert(deal, index, repair);
			},
			adopting => {
				if let Some(repair) = adopting {
					Self::drop_adoption(deal, index, &repair, &provider);
				}
				Self::ask(deal, index, RepairCause::Eviction, Some(provider));
			},
		}
		Self::check_lost(deal, &stripe);
		Stripes::<T>::insert(deal, stripe);
		true
	}

	/// Gives back what a provider has of a slot, while the deal goes on.
	fn release(
		deal: DealId,
		index: SlotIndex,
		slot: &mut Slot<T::AccountId>,
		provider: &T::AccountId,
	) {
		SlotsOf::<T>::remove(provider, (deal, index));
		if slot.bytes > 0 {
			T::Providers::sub_used(provider, slot.bytes);
			T::Hooks::released(provider, deal, index);
		}
		T::Providers::slot_released(provider);
		Formers::<T>::insert(deal, index, provider);
		let (provider, bytes) = (provider.clone(), slot.bytes);
		Self::deposit_event(Event::SlotReleased { deal, slot: index, provider, bytes });
		slot.bytes = 0;
		slot.signed = 0;
	}

	/// Marks a deal that has lost more slots than it can rebuild, or that it has not any more.
	fn check_lost(deal: DealId, stripe: &StripeOf<T>) {
		let missing = stripe.slots.iter().filter(|slot| slot.state.provider().is_none()).count();
		let lost = missing > usize::from(stripe.profile.m);
		match (lost, Lost::<T>::contains_key(deal)) {
			(true, false) => {
				Lost::<T>::insert(deal, T::Beacon::now());
				// No more than there are slots.
				Self::deposit_event(Event::DealLost { deal, missing: missing as u8 });
			},
			(false, true) => {
				Lost::<T>::remove(deal);
				Self::deposit_event(Event::DealRecovered { deal });
			},
			_ => {},
		}
	}
}

// How repairs are completed.
impl<T: Config> Pallet<T> {
	/// Checks that a candidate stores a slot up to a generation, and gives it the slot. Whether its proofs were right.
	pub(crate) fn do_complete(
		who: T::AccountId,
		deal: DealId,
		index: SlotIndex,
		generation: Generation,
		items: &[RepairItem],
		y: &[u8; 32],
		pi: &G1Compressed,
	) -> Result<bool, DispatchError> {
		let mut repair = Repairs::<T>::get(deal, index).ok_or(Error::<T>::NoRepair)?;
		let Stage::Rebuilding(candidate) = repair.stage else {
			return Err(Error::<T>::NotCandidate.into());
		};
		ensure!(candidate.provider == who, Error::<T>::NotCandidate);
		let r = candidate.samples.ok_or(Error::<T>::NotDrawn)?;
		let now = T::Beacon::now();
		ensure!(now <= repair.due, Error::<T>::WindowOver);
		let (_, current) = T::Deals::living(deal).ok_or(Error::<T>::NoRepair)?;
		ensure!(generation <= current, Error::<T>::WrongGeneration);
		if generation < current {
			let next = generation.saturating_add(1);
			let (next, _) = T::Deals::stored(deal, next).ok_or(Error::<T>::WrongGeneration)?;
			let until = next.at.saturating_add(T::Deals::receipt_grace());
			ensure!(now <= until, Error::<T>::WrongGeneration);
		}
		let mut stripe = Stripes::<T>::get(deal).ok_or(Error::<T>::NoRepair)?;
		let slot = stripe.slots.get_mut(usize::from(index)).ok_or(Error::<T>::NoRepair)?;
		let profile = stripe.profile;
		let mut reserved = candidate.reserved;
		if current == 0 {
			// A deal without content has nothing to prove.
			ensure!(items.is_empty(), Error::<T>::WrongSamples);
		} else {
			// The candidate chooses the generation, but not what is drawn.
			let sampled = slot.sampled().ok_or(Error::<T>::NoRepair)?;
			ensure!(generation >= sampled, Error::<T>::WrongGeneration);
			let stored = |generation| {
				T::Deals::stored(deal, generation)
					.map(|(commit, _)| commit)
					.ok_or(Error::<T>::WrongGeneration)
			};
			let (drawn, last) = (stored(sampled)?, stored(generation)?);
			ensure!(items.len() as u32 == T::RepairSamples::get(), Error::<T>::WrongSamples);
			let claims = Self::repair_claims((deal, index), &profile, &drawn, &r, items)?;
			if !T::Answers::verify(&claims, &repair_point(&r, generation), y, pi) {
				Self::deposit_event(Event::InvalidRepair {
					deal,
					slot: index,
					candidate: who,
					generation,
				});
				return Ok(false);
			}
			let needed = bound(&profile, &last);
			let more = needed.saturating_sub(reserved);
			if more > 0 {
				T::Providers::add_used(&who, more).map_err(|error| match error {
					RegistryError::Unknown => Error::<T>::NotCandidate,
					RegistryError::OutOfCapacity | RegistryError::OutOfStake => Error::<T>::NoRoom,
				})?;
				reserved = needed;
			}
		}

		if let Some(old) = slot.state.provider().cloned() {
			Self::release(deal, index, slot, &old);
		}
		*slot = Slot {
			state: SlotState::Active { provider: who.clone() },
			bytes: candidate.own_bytes,
			// The list is short.
			signed: candidate.own.len() as u32,
		};
		Self::check_lost(deal, &stripe);
		Stripes::<T>::insert(deal, stripe);
		Self::deposit_event(Event::RepairCompleted {
			deal,
			slot: index,
			provider: who.clone(),
			generation,
			cause: repair.cause,
		});
		let mut adoption = Adoption {
			provider: who,
			proved: generation,
			next: current,
			reserved,
			own: candidate.own,
		};
		if Self::adopt(deal, index, &mut adoption, ADOPT_STEPS) {
			Self::dequeue(repair.place);
			Repairs::<T>::remove(deal, index);
		} else {
			repair.stage = Stage::Adopting(adoption);
			Self::requeue(deal, index, &mut repair, Lane::Adopting, 0);
			Repairs::<T>::insert(deal, index, repair);
		}
		Ok(true)
	}

	/// What samples must prove that are drawn from the MDUs up to the end of commit `last`, when items are of their form.
	pub(crate) fn repair_claims<'a>(
		(deal, slot): (DealId, SlotIndex),
		profile: &Profile,
		last: &CommitInfo,
		r: &[u8; 32],
		items: &'a [RepairItem],
	) -> Result<Vec<AnswerClaim<'a>>, Error<T>> {
		let mdus = last.first_mdu.saturating_add(ContentShape::new(last.size_bytes).mdus());
		let mdus = u32::try_from(mdus).map_err(|_| Error::<T>::WrongGeneration)?;
		let mut points = BTreeMap::<u32, G1Uncompressed>::new();
		let mut claims = Vec::with_capacity(items.len());
		for (sample, item) in (0u32..).zip(items) {
			let (mdu, pick) = settle_draw(&repair_seed(r, sample), mdus);
			let mdu = MduIndex::from(mdu);
			let commit =
				T::Content::commit(deal, item.generation).ok_or(Error::<T>::WrongCommit)?;
			let shape = ContentShape::new(commit.size_bytes);
			let within = mdu.checked_sub(commit.first_mdu).filter(|within| *within < shape.mdus());
			let live = shape.live(within.ok_or(Error::<T>::WrongCommit)?);
			let row = sampled_row(profile, live, pick);
			ensure!(item.path.len() == profile.path_len(), Error::<T>::BadStructure);
			let point = u32::try_from(mdu / MDUS_PER_MANIFEST as MduIndex)
				.map_err(|_| Error::<T>::WrongCommit)?;
			let manifest = match points.get(&point) {
				Some(manifest) => *manifest,
				None => {
					let manifest =
						T::Content::manifest(deal, point).ok_or(Error::<T>::TooRecent)?;
					points.insert(point, manifest);
					manifest
				},
			};
			claims.push(AnswerClaim {
				profile: *profile,
				manifest,
				mdu,
				live,
				leaf: profile.leaf(slot, row),
				commitment: &item.commitment,
				path: &item.path,
				manifest_opening: &item.manifest_opening,
				factor: repair_gamma(r, sample),
			});
		}
		Ok(claims)
	}

	/// Gives the next commits of a slot to its new provider, the last one first: up to the one that it proved it owes them, and
	/// those after it may be signed anew. Whether all are through.
	pub(crate) fn adopt(
		deal: DealId,
		index: SlotIndex,
		adoption: &mut Adoption<T::AccountId>,
		steps: u32,
	) -> bool {
		let Some(mut stripe) = Stripes::<T>::get(deal).defensive() else { return true };
		let profile = stripe.profile;
		let Some(slot) = stripe.slots.get_mut(usize::from(index)).defensive() else { return true };
		let hint = T::Deals::living(deal).map(|(hint, _)| hint);
		for _ in 0..steps {
			let generation = adoption.next;
			let (Some(below), Some(hint)) = (generation.checked_sub(1), hint) else { break };
			adoption.next = below;
			if adoption.own.contains(&generation) {
				continue;
			}
			if generation > adoption.proved {
				T::Deals::set_signed(deal, generation, index, false);
				continue;
			}
			let Some((commit, price)) = T::Deals::stored(deal, generation).defensive() else {
				continue;
			};
			let shape = ContentShape::new(commit.size_bytes);
			let bytes = shape.bytes_per_slot(&profile);
			adoption.reserved = match adoption.reserved.checked_sub(bytes) {
				Some(rest) => rest,
				None => {
					defensive!("as much is reserved as the slot can have");
					break;
				},
			};
			slot.bytes = slot.bytes.saturating_add(bytes);
			slot.signed = slot.signed.saturating_add(1);
			T::Deals::set_signed(deal, generation, index, true);
			let allocation = Allocation {
				deal,
				slot: index,
				generation,
				hint,
				profile,
				first_mdu: commit.first_mdu,
				rows: shape.blobs_per_slot(&profile),
				price,
			};
			let provider = adoption.provider.clone();
			T::Hooks::signed(&provider, allocation);
			Self::deposit_event(Event::CommitAdopted {
				deal,
				slot: index,
				generation,
				provider,
				bytes,
			});
		}
		Stripes::<T>::insert(deal, stripe);
		// Of a deal whose term is over nothing more is given to anybody.
		let through = adoption.next == 0 || hint.is_none();
		if through && adoption.reserved > 0 {
			T::Providers::sub_used(&adoption.provider, adoption.reserved);
			adoption.reserved = 0;
		}
		through
	}

	/// Ends an adoption before it is through.
	fn drop_adoption(deal: DealId, slot: SlotIndex, repair: &RepairOf<T>, provider: &T::AccountId) {
		if let Stage::Adopting(adoption) = &repair.stage
			&& adoption.reserved > 0
		{
			T::Providers::sub_used(provider, adoption.reserved);
		}
		Self::dequeue(repair.place);
		Repairs::<T>::remove(deal, slot);
	}

	/// The deal ends, and all repairs of its slots with it.
	pub(crate) fn close_repairs(deal: DealId) {
		// Before anything ends: what ends now adds to what its provider was owed for the slot, if it lost that before.
		let formers: Vec<_> = Formers::<T>::drain_prefix(deal).collect();
		for (slot, provider) in formers {
			T::Hooks::ended_after_release(&provider, deal, slot);
		}
		let repairs: Vec<_> = Repairs::<T>::drain_prefix(deal).collect();
		for (slot, repair) in repairs {
			Self::dequeue(repair.place);
			match &repair.stage {
				Stage::Waiting => {},
				Stage::Rebuilding(candidate) => {
					Self::free_candidate(deal, slot, candidate);
					if !candidate.own.is_empty() {
						T::Hooks::ended(&candidate.provider, deal, slot);
					}
				},
				Stage::Adopting(adoption) => {
					if adoption.reserved > 0 {
						T::Providers::sub_used(&adoption.provider, adoption.reserved);
					}
				},
			}
			Self::deposit_event(Event::RepairWithdrawn { deal, slot });
		}
		// As many as there are slots at most.
		let asked: Vec<_> = Asked::<T>::iter_key_prefix(deal).collect();
		for slot in asked {
			Asked::<T>::remove(deal, slot);
		}
		Lost::<T>::remove(deal);
	}
}

// What others ask for.
impl<T: Config> Pallet<T> {
	/// What is due by the status of a slot's provider. Whether anything was done.
	pub(crate) fn do_relieve(provider: &T::AccountId, deal: DealId, slot: SlotIndex) -> bool {
		let Some(departure) = T::Providers::departure(provider) else { return false };
		if Self::dismiss_if(deal, slot, provider, Dismissal::Departs) {
			return true;
		}
		let held = Stripes::<T>::get(deal).and_then(|stripe| {
			stripe.slots.get(usize::from(slot)).and_then(|slot| slot.state.provider().cloned())
		});
		if held.as_ref() != Some(provider) {
			return false;
		}
		match departure {
			Departure::Eviction => Self::do_evict(deal, slot),
			Departure::Drain => Self::begin(deal, slot, RepairCause::Drain),
		}
	}

	/// What completing a repair weighs: the first commits are adopted at once.
	pub(crate) fn complete_weight(items: u32) -> Weight {
		T::WeightInfo::complete_repair(items).saturating_add(T::WeightInfo::adopt())
	}
}

impl<T: Config> Evictions<T::AccountId> for Pallet<T> {
	fn evict(provider: &T::AccountId, deal: DealId, slot: SlotIndex) -> bool {
		let held = Stripes::<T>::get(deal).is_some_and(|stripe| {
			let slot = stripe.slots.get(usize::from(slot));
			slot.and_then(|slot| slot.state.provider()) == Some(provider)
		});
		held && Self::do_evict(deal, slot)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_slot() -> (T::AccountId, DealId, SlotIndex) {
		crate::benchmarking::held::<T>()
	}
}
