//! Manifest points: how commits extend them, and how the epoch in force found them.

use crate::{Commits, Config, Error, ManifestPoint, ManifestPoints, Pallet};
use frame_support::pallet_prelude::DispatchResult;
use nil_types::{
	CommitInfo, ContentShape, DealId, G1Uncompressed, Generation, Hash32, RelayBlock,
	layout::{MAX_MANIFESTS, MDUS_PER_MANIFEST},
	traits::{ContentSource, EpochClock, ManifestMath},
};

/// MDUs that one point covers.
const PER_POINT: u64 = MDUS_PER_MANIFEST as u64;

impl<T: Config> Pallet<T> {
	/// Adds roots at `first_mdu` and after to the deal's manifest points. A commit may span two of them.
	pub(crate) fn extend_manifest(id: DealId, first_mdu: u64, roots: &[Hash32]) -> DispatchResult {
		let round = T::Epochs::round();
		let mut next = first_mdu;
		let mut rest = roots;
		while !rest.is_empty() {
			let (Ok(index), Ok(first)) =
				(u32::try_from(next / PER_POINT), u32::try_from(next % PER_POINT))
			else {
				return Err(Error::<T>::TooManyMdus.into());
			};
			let room = MDUS_PER_MANIFEST.saturating_sub(first as usize);
			let (here, after) = rest.split_at_checked(room).unwrap_or((rest, Default::default()));
			let earlier = ManifestPoints::<T>::get(id, index);
			let extended = match &earlier {
				Some(point) => T::Manifests::extend(&point.now, first, here),
				None => T::Manifests::extend(&T::Manifests::empty(), first, here),
			};
			let extended = extended.ok_or(Error::<T>::NonCanonicalRoot)?;
			let changed = ManifestPoint::changed(earlier.as_ref(), extended, round);
			ManifestPoints::<T>::insert(id, index, changed);
			next = next.saturating_add(here.len() as u64);
			rest = after;
		}
		Ok(())
	}

	/// MDUs that a deal had before relay block `block`, by when it had generation `known`. Holds for deals that have ended
	/// too, while their commits are in state.
	///
	/// Searches the commits after `known`: for clients, not for calls.
	pub fn mdus_before(id: DealId, known: Generation, block: RelayBlock) -> Option<u64> {
		let before = |generation: Option<Generation>| {
			let commit = Commits::<T>::get(id, generation?).filter(|commit| commit.at < block)?;
			Some((generation?, commit))
		};
		let mut last = (known, Commits::<T>::get(id, known)?);
		// Generations have no gaps and come one after another, so each was there if one after it was.
		let mut step: Generation = 1;
		while let Some(found) = before(last.0.checked_add(step)) {
			last = found;
			step = step.saturating_mul(2);
		}
		while step > 1 {
			step /= 2;
			last = before(last.0.checked_add(step)).unwrap_or(last);
		}
		let (_, commit) = last;
		Some(commit.first_mdu.saturating_add(ContentShape::new(commit.size_bytes).mdus()))
	}

	/// Manifest points of a deal with so many MDUs.
	pub(crate) fn manifests_of(total_mdus: u64) -> u32 {
		u32::try_from(total_mdus.div_ceil(PER_POINT)).unwrap_or(MAX_MANIFESTS)
	}
}

impl<T: Config> ContentSource for Pallet<T> {
	fn manifest(deal: DealId, index: u32) -> Option<G1Uncompressed> {
		ManifestPoints::<T>::get(deal, index)?.as_found_in(T::Epochs::round())
	}

	fn commit(deal: DealId, generation: Generation) -> Option<CommitInfo> {
		Commits::<T>::get(deal, generation)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn set_commit(deal: DealId, generation: Generation, commit: CommitInfo) {
		Commits::<T>::insert(deal, generation, commit);
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn set_manifest(deal: DealId, index: u32, point: G1Uncompressed) {
		let other_epoch = T::Epochs::round().wrapping_sub(1);
		ManifestPoints::<T>::insert(deal, index, ManifestPoint::changed(None, point, other_epoch));
	}
}
