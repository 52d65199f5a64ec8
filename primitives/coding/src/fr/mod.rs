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

	fn combine(
		&self,
		sources: &[&Scalars],
		weights: &[Weights],
		targets: &mut [&mut Scalars],
	) -> Result<(), CodingError> {
		if kernel::combine(sources, weights, targets) {
			return Ok(());
		}
		// Both numbers are checked before; the kernel has an instance for every `k` that a profile may have.
		Err(CodingError::Profile(ProfileError::DataSlots(self.profile.k)))
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
		for (slot, blob) in (0..).zip(&data) {
			row::check_zero_bytes(slot, blob)?;
		}
		self.combine(&data, &self.generator, &mut parity)
	}

	fn reconstruct_row(
		&self,
		present: &[(SlotIndex, &[u8])],
		wanted: &mut [(SlotIndex, &mut [u8])],
	) -> Result<(), CodingError> {
		let Plan { present, missing } = row::plan(&self.profile, present, wanted)?;
		for (slot, blob) in &present {
			if *slot < self.profile.k {
				row::check_zero_bytes(*slot, blob)?;
			} else {
				check_canonical(*slot, blob)?;
			}
		}
		if missing.is_empty() {
			return Ok(());
		}
		let (slots, sources): (Vec<_>, Vec<_>) = present.into_iter().unzip();
		let nodes = slots.into_iter().map(|slot| self.node(slot)).collect::<Result<Vec<_>, _>>()?;
		let (slots, mut targets): (Vec<_>, Vec<_>) = missing.into_iter().unzip();
		let weights = slots
			.into_iter()
			.map(|slot| Ok(Weights::interpolate(&nodes, self.node(slot)?)))
			.collect::<Result<Vec<_>, CodingError>>()?;
		self.combine(&sources, &weights, &mut targets)
	}
}

/// Checks that every scalar is below the group order.
fn check_canonical(slot: SlotIndex, blob: &Scalars) -> Result<(), CodingError> {
	match blob.iter().position(|scalar| !encoding::is_canonical(scalar)) {
		Some(scalar) => Err(CodingError::Scalar { slot, scalar: scalar as u16 }),
		None => Ok(()),
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
