//! The invariants of the pallet's state.

use crate::{Config, LastDropped, LastRelayBlock, Pallet, Records, Ring};
use frame_support::ensure;
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
	/// Checks that
	///
	/// * exactly the records between the bounds are kept;
	/// * their relay blocks increase strictly;
	/// * no record is above the clock;
	/// * records have been dropped exactly when the bounds do not start at 0, and none of them is at or above the
	///   oldest one kept.
	///
	/// # Errors
	///
	/// The sentence that does not hold.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		let bounds = Ring::<T>::get();
		ensure!(bounds.first <= bounds.next, "the bounds are in order");
		ensure!(
			Records::<T>::iter_keys().count() as u64 == bounds.len(),
			"exactly the records between the bounds are kept"
		);
		let dropped = LastDropped::<T>::get();
		ensure!(
			dropped.is_some() == (bounds.first > 0),
			"records have been dropped exactly when the bounds do not start at 0"
		);
		let mut previous = dropped;
		for number in bounds.first..bounds.next {
			let record = Records::<T>::get(number)
				.ok_or("exactly the records between the bounds are kept")?;
			ensure!(
				previous.is_none_or(|previous| previous < record.relay_block),
				"relay blocks increase strictly"
			);
			previous = Some(record.relay_block);
		}
		ensure!(
			previous.is_none_or(|newest| newest <= LastRelayBlock::<T>::get()),
			"no record is above the clock"
		);
		Ok(())
	}
}
