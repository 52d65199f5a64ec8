//! How the state that an older runtime left becomes one of the present layout.

use crate::{
	Config, ManifestPoint, ManifestPoints, Pallet, QueueEnds, Remnant, RemnantQueue, Remnants,
	WeightInfo,
};
use codec::{Decode, Encode, MaxEncodedLen};
use core::marker::PhantomData;
use frame_support::{
	migrations::{MigrationId, SteppedMigration, SteppedMigrationError},
	traits::{GetStorageVersion, StorageVersion},
	weights::WeightMeter,
};
use nil_types::DealId;

/// What version 1 kept otherwise.
pub(crate) mod v1 {
	use crate::{Config, Pallet};
	use codec::{Decode, Encode};
	use frame_support::{Twox64Concat, storage_alias};
	use nil_types::{DealId, G1Uncompressed, Generation};

	/// The manifest points of each deal, as the last commit left them.
	#[storage_alias]
	pub type ManifestPoints<T: Config> =
		StorageDoubleMap<Pallet<T>, Twox64Concat, DealId, Twox64Concat, u32, G1Uncompressed>;

	/// What ended deals left behind, by ticket.
	#[storage_alias]
	pub type Remnants<T: Config> = StorageMap<Pallet<T>, Twox64Concat, u64, Remnant>;

	/// What an ended deal left in state.
	#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
	pub struct Remnant {
		/// The deal that was.
		pub deal: DealId,
		/// Commits that are left.
		pub commits: Generation,
		/// Manifest points that are left.
		pub manifests: u32,
	}
}

/// The version that [`V1ToV2`] begins with.
const FROM: u16 = 1;
/// The version that it ends with.
const TO: u16 = 2;

/// The entry that [`V1ToV2`] changed last.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, MaxEncodedLen)]
pub enum Cursor {
	/// A manifest point.
	#[codec(index = 0)]
	Manifest(DealId, u32),
	/// A remnant. All manifest points are done.
	#[codec(index = 1)]
	Remnant(u64),
}

/// Manifest points and remnants get to know their epochs: the points that are there were never changed, and the deals that
/// are gone ended, before the first.
#[derive(Debug)]
pub struct V1ToV2<T>(PhantomData<T>);

impl<T: Config> V1ToV2<T> {
	/// Changes one entry and returns where it stands. `None` when all are done.
	fn next(cursor: Option<&Cursor>) -> Option<Cursor> {
		let mut points = match cursor {
			None => v1::ManifestPoints::<T>::iter(),
			Some(Cursor::Manifest(deal, index)) => {
				let last = v1::ManifestPoints::<T>::hashed_key_for(deal, index);
				v1::ManifestPoints::<T>::iter_from(last)
			},
			Some(Cursor::Remnant(ticket)) => return Self::next_remnant(ticket.saturating_add(1)),
		};
		match points.next() {
			Some((deal, index, now)) => {
				let point = ManifestPoint { now, changed_in: 0, before: None };
				ManifestPoints::<T>::insert(deal, index, point);
				Some(Cursor::Manifest(deal, index))
			},
			None => Self::next_remnant(RemnantQueue::<T>::get().head),
		}
	}

	fn next_remnant(ticket: u64) -> Option<Cursor> {
		let QueueEnds { tail, .. } = RemnantQueue::<T>::get();
		if ticket >= tail {
			return None;
		}
		if let Some(v1::Remnant { deal, commits, manifests }) = v1::Remnants::<T>::get(ticket) {
			Remnants::<T>::insert(ticket, Remnant { deal, commits, manifests, ended_in: 0 });
		}
		Some(Cursor::Remnant(ticket))
	}
}

impl<T: Config> SteppedMigration for V1ToV2<T> {
	type Cursor = Cursor;
	type Identifier = MigrationId<5>;

	fn id() -> Self::Identifier {
		MigrationId { pallet_id: *b"deals", version_from: 1, version_to: 2 }
	}

	/// A fault would show by then: each step changes an entry at least, and most as many as a block has room for.
	fn max_steps() -> Option<u32> {
		Some(100_000)
	}

	fn step(
		mut cursor: Option<Self::Cursor>,
		meter: &mut WeightMeter,
	) -> Result<Option<Self::Cursor>, SteppedMigrationError> {
		if Pallet::<T>::on_chain_storage_version() != StorageVersion::new(FROM) {
			return Ok(None);
		}
		// Removing an entry reads and writes more than changing one does.
		let required = T::WeightInfo::remove_remnant();
		if !meter.can_consume(required) {
			return Err(SteppedMigrationError::InsufficientWeight { required });
		}
		while meter.try_consume(required).is_ok() {
			cursor = Self::next(cursor.as_ref());
			if cursor.is_none() {
				StorageVersion::new(TO).put::<Pallet<T>>();
				break;
			}
		}
		Ok(cursor)
	}

	#[cfg(feature = "try-runtime")]
	fn pre_upgrade() -> Result<alloc::vec::Vec<u8>, sp_runtime::TryRuntimeError> {
		let points = v1::ManifestPoints::<T>::iter_keys().count() as u64;
		let remnants = v1::Remnants::<T>::iter_keys().count() as u64;
		Ok((points, remnants).encode())
	}

	/// As many points and remnants as there were can be read.
	#[cfg(feature = "try-runtime")]
	fn post_upgrade(state: alloc::vec::Vec<u8>) -> Result<(), sp_runtime::TryRuntimeError> {
		let points = ManifestPoints::<T>::iter_values().count() as u64;
		let remnants = Remnants::<T>::iter_values().count() as u64;
		frame_support::ensure!((points, remnants).encode() == state, "entries were lost");
		Ok(())
	}
}
