//! Reed-Solomon over GF(2^16).

use crate::{
	CodingError, StripeCode,
	row::{self, Plan, Scalars},
};
use nil_types::{Profile, SlotIndex, layout::BLOB_BYTES};
use reed_solomon_simd::{ReedSolomonDecoder, ReedSolomonEncoder};

/// The `Gf16` code of one profile.
#[derive(Debug)]
pub(crate) struct Gf16Code {
	profile: Profile,
}

impl Gf16Code {
	/// `profile` must be valid.
	pub(crate) const fn new(profile: Profile) -> Self {
		Self { profile }
	}

	/// The parity blobs `k..n` from the data blobs, each handed to `sink` with its slot.
	fn parity(
		&self,
		data: &[&Scalars],
		mut sink: impl FnMut(SlotIndex, &[u8]),
	) -> Result<(), CodingError> {
		let Profile { k, m, .. } = self.profile;
		let mut encoder =
			ReedSolomonEncoder::new(k.into(), m.into(), BLOB_BYTES).map_err(CodingError::Gf16)?;
		for blob in data {
			encoder.add_original_shard(blob.as_flattened()).map_err(CodingError::Gf16)?;
		}
		let result = encoder.encode().map_err(CodingError::Gf16)?;
		(k..).zip(result.recovery_iter()).for_each(|(slot, blob)| sink(slot, blob));
		Ok(())
	}

	/// All data blobs from any `k` blobs.
	fn data(&self, present: &[(SlotIndex, &Scalars)]) -> Result<Vec<Box<[u8]>>, CodingError> {
		let Profile { k, m, .. } = self.profile;
		let mut data = vec![Box::<[u8]>::default(); k.into()];
		let mut decoder =
			ReedSolomonDecoder::new(k.into(), m.into(), BLOB_BYTES).map_err(CodingError::Gf16)?;
		for (slot, blob) in present {
			let blob = blob.as_flattened();
			match data.get_mut(usize::from(*slot)) {
				Some(place) => {
					*place = blob.into();
					decoder.add_original_shard((*slot).into(), blob)
				},
				None => decoder.add_recovery_shard((*slot - k).into(), blob),
			}
			.map_err(CodingError::Gf16)?;
		}
		let result = decoder.decode().map_err(CodingError::Gf16)?;
		for (slot, blob) in result.restored_original_iter() {
			data[slot] = blob.into();
		}
		Ok(data)
	}
}

impl StripeCode for Gf16Code {
	fn profile(&self) -> &Profile {
		&self.profile
	}

	fn encode_row(&self, data: &[&[u8]], parity: &mut [&mut [u8]]) -> Result<(), CodingError> {
		let Profile { k, m, .. } = self.profile;
		let data = row::slots("data blobs", data, k)?;
		let mut targets = row::slots_mut("parity blobs", parity, k, m)?;
		for (slot, blob) in (0..).zip(&data) {
			row::check_zero_bytes(slot, blob)?;
		}
		self.parity(&data, |slot, blob| {
			targets[usize::from(slot - k)].as_flattened_mut().copy_from_slice(blob);
		})
	}

	fn reconstruct_row(
		&self,
		present: &[(SlotIndex, &[u8])],
		wanted: &mut [(SlotIndex, &mut [u8])],
	) -> Result<(), CodingError> {
		let Plan { present, mut missing } = row::plan(&self.profile, present, wanted)?;
		for (slot, blob) in &present {
			row::check_zero_bytes(*slot, blob)?;
		}
		if missing.is_empty() {
			return Ok(());
		}
		let data = self.data(&present)?;
		let k = self.profile.k;
		for (slot, target) in missing.iter_mut().filter(|(slot, _)| *slot < k) {
			target.as_flattened_mut().copy_from_slice(&data[usize::from(*slot)]);
		}
		if missing.iter().any(|(slot, _)| *slot >= k) {
			let data = (0..)
				.zip(&data)
				.map(|(slot, blob)| row::scalars(slot, blob))
				.collect::<Result<Vec<_>, _>>()?;
			self.parity(&data, |slot, blob| {
				if let Some((_, target)) = missing.iter_mut().find(|(wanted, _)| *wanted == slot) {
					target.as_flattened_mut().copy_from_slice(blob);
				}
			})?;
		}
		Ok(())
	}
}
