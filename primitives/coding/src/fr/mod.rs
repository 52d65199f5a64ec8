//! The code over the scalar field.

mod field;
mod kernel;
mod weights;

use crate::{
	CodingError, StripeCode,
	row::{self, Plan, Scalars},
};
use nil_kzg::{G1Affine, combine_commitments, encoding, stripe};
use nil_types::{CodeKind, Profile, ProfileError, SlotIndex};
use weights::Weights;

/// The `Fr` code of one profile.
#[derive(Debug)]
pub(crate) struct FrCode {
	profile: Profile,
	/// For each parity slot, its combination of the data slots.
	generator: Vec<Weights>,
}

impl FrCode {
	/// `profile` must be valid.
	pub(crate) fn new(profile: Profile) -> Result<Self, CodingError> {
		let generator = generator(&profile)?.rows().map(Weights::integers).collect();
		Ok(Self { profile, generator })
	}

	fn node(&self, slot: SlotIndex) -> Result<u8, CodingError> {
		let Profile { k, m, .. } = self.profile;
		stripe::node(k, m, slot).ok_or(CodingError::Slot { slot, slots: self.profile.n() })
	}

	/// Combines the blobs of `slots` into the targets and checks their scalars.
	fn combine(
		&self,
		slots: impl Iterator<Item = SlotIndex>,
		sources: &[&Scalars],
		weights: &[Weights],
		targets: &mut [&mut Scalars],
	) -> Result<(), CodingError> {
		// The numbers agree, and the kernel has an instance for every `k` that a profile may have.
		let largest = kernel::combine(sources, weights, targets)
			.ok_or(CodingError::Profile(ProfileError::DataSlots(self.profile.k)))?;
		for ((slot, blob), top) in slots.zip(sources).zip(largest) {
			let limit = if slot < self.profile.k { 1 << 56 } else { encoding::MODULUS[3] };
			if top >= limit {
				self.check(slot, blob)?;
			}
		}
		Ok(())
	}

	/// Checks the scalars of `slot`'s blob.
	fn check(&self, slot: SlotIndex, blob: &Scalars) -> Result<(), CodingError> {
		if slot < self.profile.k {
			return row::check_zero_bytes(slot, blob);
		}
		match blob.iter().position(|scalar| !encoding::is_canonical(scalar)) {
			Some(scalar) => Err(CodingError::Scalar { slot, scalar: scalar as u16 }),
			None => Ok(()),
		}
	}
}

impl StripeCode for FrCode {
	fn profile(&self) -> &Profile {
		&self.profile
	}

	fn encode_row(&self, data: &[&[u8]], parity: &mut [&mut [u8]]) -> Result<(), CodingError> {
		let Profile { k, m, .. } = self.profile;
		let data = row::slots("data blobs", data, k)?;
		let mut parity = row::slots_mut("parity blobs", parity, k, m)?;
		self.combine(0.., &data, &self.generator, &mut parity)
	}

	fn reconstruct_row(
		&self,
		present: &[(SlotIndex, &[u8])],
		wanted: &mut [(SlotIndex, &mut [u8])],
	) -> Result<(), CodingError> {
		let Plan { present, missing } = row::plan(&self.profile, present, wanted)?;
		if missing.is_empty() {
			return present.iter().try_for_each(|(slot, blob)| self.check(*slot, blob));
		}
		let (given, sources): (Vec<_>, Vec<_>) = present.into_iter().unzip();
		let nodes = given.iter().map(|slot| self.node(*slot)).collect::<Result<Vec<_>, _>>()?;
		let (slots, mut targets): (Vec<_>, Vec<_>) = missing.into_iter().unzip();
		let weights = slots
			.into_iter()
			.map(|slot| Ok(Weights::interpolate(&nodes, self.node(slot)?)))
			.collect::<Result<Vec<_>, CodingError>>()?;
		self.combine(given.into_iter(), &sources, &weights, &mut targets)
	}
}

fn generator(profile: &Profile) -> Result<stripe::Generator, CodingError> {
	profile.validate().map_err(CodingError::Profile)?;
	stripe::generator(profile.k, profile.m)
		.map_err(|_| CodingError::Profile(ProfileError::TooManySlots(profile.n().into())))
}

/// The commitments of a row's parity blobs from those of its `k` data blobs, in slot order. For the `Fr` code only.
pub fn parity_commitments(
	profile: &Profile,
	data: &[G1Affine],
) -> Result<Vec<G1Affine>, CodingError> {
	if profile.code != CodeKind::Fr {
		return Err(CodingError::NotDerivable(profile.code));
	}
	let generator = generator(profile)?;
	let expected = usize::from(profile.k);
	if data.len() != expected {
		return Err(CodingError::Count { what: "data commitments", found: data.len(), expected });
	}
	(0..profile.m)
		.filter_map(|parity| generator.row_scalars(parity))
		.map(|coefficients| {
			combine_commitments(&coefficients, data).map_err(|_| CodingError::Count {
				what: "data commitments",
				found: data.len(),
				expected,
			})
		})
		.collect()
}
