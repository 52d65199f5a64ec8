//! What the runtime API asks.

use crate::{
	Adoption, Candidate, Config, Lost, Pallet, Repair, RepairTarget, Repairs, Requests, Slot,
	SlotKey, SlotsOf, Stage, Stripes,
	repair::{RepairOf, sampled_row},
};
use alloc::vec::Vec;
use frame_support::traits::Get;
use nil_types::{
	Candidacies, CommitInfo, ContentShape, DealId, Generation, MduIndex, PlacementInfo, RelayBlock,
	RepairInfo, SlotIndex, SlotInfo,
	challenge::settle_draw,
	repair::repair_seed,
	traits::{ContentSource, ProviderRegistry},
};

impl<T: Config> Pallet<T> {
	/// The slots of a deal, in order; empty while it waits for them.
	pub fn slots(deal: DealId) -> Vec<SlotInfo<T::AccountId>> {
		let Some(stripe) = Stripes::<T>::get(deal) else { return Vec::new() };
		(SlotIndex::MIN..)
			.zip(stripe.slots)
			.map(|(slot, held)| {
				let provider = held.state.signer();
				SlotInfo {
					slot,
					service_key: provider.and_then(T::Providers::service_key),
					multiaddrs: provider.map(T::Providers::multiaddrs).unwrap_or_default(),
					state: held.state,
				}
			})
			.collect()
	}

	/// The request for slots, while it waits.
	pub fn placement(deal: DealId) -> Option<PlacementInfo> {
		Requests::<T>::get(deal).map(|request| PlacementInfo {
			requested_at: request.requested_at,
			draw_at: request.draw_at,
			attempts: request.attempts,
		})
	}

	/// Up to `limit` slots of `provider`, in no particular order, after the last one of the page before.
	pub fn slots_of(
		provider: &T::AccountId,
		after: Option<(DealId, SlotIndex)>,
		limit: u32,
	) -> Vec<(DealId, SlotIndex)> {
		let keys = match after {
			None => SlotsOf::<T>::iter_key_prefix(provider),
			Some(last) => SlotsOf::<T>::iter_key_prefix_from(
				provider,
				SlotsOf::<T>::hashed_key_for(provider, last),
			),
		};
		keys.take(limit as usize).collect()
	}

	/// The repairs of a deal's slots, in order.
	pub fn repairs(deal: DealId) -> Vec<RepairInfo<T::AccountId>> {
		let slots = Stripes::<T>::get(deal).map(|stripe| stripe.slots).unwrap_or_default();
		let mut repairs: Vec<_> = Repairs::<T>::iter_prefix(deal)
			.map(|(slot, repair)| Self::repair_info(&slots, slot, repair))
			.collect();
		repairs.sort_unstable_by_key(|repair| repair.slot);
		repairs
	}

	/// The slots that `provider` rebuilds, or is being given, among `limit` of its slots after `after`; and the last of these,
	/// unless there are no more.
	pub fn candidacies(
		provider: &T::AccountId,
		after: Option<SlotKey>,
		limit: u32,
	) -> Candidacies<T::AccountId> {
		let page = Self::slots_of(provider, after, limit);
		let next = page.last().copied().filter(|_| page.len() >= limit as usize);
		let repairs = page.into_iter().filter_map(|(deal, slot)| {
			let repair = Repairs::<T>::get(deal, slot)?;
			let is_mine = match &repair.stage {
				Stage::Waiting => false,
				Stage::Rebuilding(candidate) => candidate.provider == *provider,
				Stage::Adopting(adoption) => adoption.provider == *provider,
			};
			if !is_mine {
				return None;
			}
			Some((deal, Self::repair_info(&Stripes::<T>::get(deal)?.slots, slot, repair)))
		});
		(repairs.collect(), next)
	}

	fn repair_info(
		slots: &[Slot<T::AccountId>],
		slot: SlotIndex,
		repair: RepairOf<T>,
	) -> RepairInfo<T::AccountId> {
		let Repair { cause, since, attempts, due, stage, .. } = repair;
		let (candidate, reserved, samples, adopting) = match stage {
			Stage::Waiting => (None, 0, None, None),
			Stage::Rebuilding(Candidate { provider, reserved, samples, .. }) => {
				(Some(provider), reserved, samples, None)
			},
			Stage::Adopting(Adoption { next, reserved, .. }) => (None, reserved, None, Some(next)),
		};
		let held = slots.get(usize::from(slot));
		let provider = held.and_then(|held| held.state.provider().cloned());
		RepairInfo {
			slot,
			cause,
			since,
			attempts,
			provider,
			candidate,
			reserved,
			samples,
			due,
			adopting,
		}
	}

	/// What the candidate for a slot proves to get it with what the deal had at `generation`. Nothing before its samples are
	/// drawn, and when it does not get it with that.
	pub fn repair_targets(
		deal: DealId,
		slot: SlotIndex,
		generation: Generation,
	) -> Vec<RepairTarget> {
		let Some(Repair { stage: Stage::Rebuilding(Candidate { samples: Some(r), .. }), .. }) =
			Repairs::<T>::get(deal, slot)
		else {
			return Vec::new();
		};
		let Some(stripe) = Stripes::<T>::get(deal) else { return Vec::new() };
		let profile = stripe.profile;
		let Some(sampled) = stripe.slots.get(usize::from(slot)).and_then(Slot::sampled) else {
			return Vec::new();
		};
		if generation < sampled || T::Content::commit(deal, generation).is_none() {
			return Vec::new();
		}
		let Some(last) = T::Content::commit(deal, sampled) else { return Vec::new() };
		let mdus = last.first_mdu.saturating_add(ContentShape::new(last.size_bytes).mdus());
		let mdus = u32::try_from(mdus).unwrap_or(u32::MAX);
		let target = |sample| {
			let (mdu, pick) = settle_draw(&repair_seed(&r, sample), mdus);
			let mdu = MduIndex::from(mdu);
			let (generation, commit) = Self::commit_with(deal, sampled, mdu)?;
			let within = mdu.saturating_sub(commit.first_mdu);
			let live = ContentShape::new(commit.size_bytes).live(within);
			let leaf = profile.leaf(slot, sampled_row(&profile, live, pick));
			Some(RepairTarget { sample, generation, profile, mdu, leaf })
		};
		(0..T::RepairSamples::get()).filter_map(target).collect()
	}

	/// The commit with an MDU, among those up to a generation. For clients, not for calls.
	fn commit_with(
		deal: DealId,
		generation: Generation,
		mdu: MduIndex,
	) -> Option<(Generation, CommitInfo)> {
		// The last one that begins no later than the MDU, which is neither below `low` nor above `high`.
		let (mut low, mut high) = (1, generation);
		while low < high {
			let middle = high.saturating_sub(high.saturating_sub(low) / 2);
			if T::Content::commit(deal, middle)?.first_mdu <= mdu {
				low = middle;
			} else {
				high = middle.saturating_sub(1);
			}
		}
		Some((low, T::Content::commit(deal, low)?))
	}

	/// Since when a deal has had fewer than `k` slots left. `None` for others.
	pub fn lost_since(deal: DealId) -> Option<RelayBlock> {
		Lost::<T>::get(deal)
	}
}
