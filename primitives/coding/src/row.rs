//! The checks that both codes make of a row before they touch it.

use super::{BLOB_BYTES, CodingError, MAX_SLOTS, Profile, SlotIndex};
use nil_types::layout::{SCALAR_BYTES, SCALARS_PER_BLOB};

/// A blob as its scalars.
pub(crate) type Scalars = [[u8; SCALAR_BYTES]; SCALARS_PER_BLOB];

/// A blob's scalars, when it has the length of one.
pub(crate) fn scalars(slot: SlotIndex, blob: &[u8]) -> Result<&Scalars, CodingError> {
	let (scalars, _) = blob.as_chunks();
	let error = CodingError::Length { slot, found: blob.len() };
	if blob.len() != BLOB_BYTES {
		return Err(error);
	}
	scalars.try_into().map_err(|_| error)
}

/// Likewise, to be written.
pub(crate) fn scalars_mut(slot: SlotIndex, blob: &mut [u8]) -> Result<&mut Scalars, CodingError> {
	let error = CodingError::Length { slot, found: blob.len() };
	if blob.len() != BLOB_BYTES {
		return Err(error);
	}
	let (scalars, _) = blob.as_chunks_mut();
	scalars.try_into().map_err(|_| error)
}

/// The blobs of slots `first..first + expected`, checked in number and length.
pub(crate) fn slots<'a>(
	what: &'static str,
	blobs: &[&'a [u8]],
	expected: u8,
) -> Result<Vec<&'a Scalars>, CodingError> {
	if blobs.len() != usize::from(expected) {
		return Err(CodingError::Count { what, found: blobs.len(), expected: expected.into() });
	}
	(0..expected).zip(blobs).map(|(slot, blob)| scalars(slot, blob)).collect()
}

/// Likewise, to be written.
pub(crate) fn slots_mut<'a>(
	what: &'static str,
	blobs: &'a mut [&mut [u8]],
	first: SlotIndex,
	expected: u8,
) -> Result<Vec<&'a mut Scalars>, CodingError> {
	if blobs.len() != usize::from(expected) {
		return Err(CodingError::Count { what, found: blobs.len(), expected: expected.into() });
	}
	(first..).zip(blobs).map(|(slot, blob)| scalars_mut(slot, blob)).collect()
}

/// What is left to compute of a reconstruction after what is present has been copied.
pub(crate) struct Plan<'p, 'w> {
	/// The first `k` of the blobs present, with their slots.
	pub present: Vec<(SlotIndex, &'p Scalars)>,
	/// The blobs to compute.
	pub missing: Vec<(SlotIndex, &'w mut Scalars)>,
}

/// Checks slots and lengths, and copies wanted slots that are present.
pub(crate) fn plan<'p, 'w>(
	profile: &Profile,
	present: &[(SlotIndex, &'p [u8])],
	wanted: &'w mut [(SlotIndex, &mut [u8])],
) -> Result<Plan<'p, 'w>, CodingError> {
	let mut seen = [None; MAX_SLOTS as usize];
	let slots = profile.n();
	for (slot, blob) in present {
		let place = seen
			.get_mut(usize::from(*slot))
			.filter(|_| *slot < slots)
			.ok_or(CodingError::Slot { slot: *slot, slots })?;
		if place.replace(scalars(*slot, blob)?).is_some() {
			return Err(CodingError::Repeated(*slot));
		}
	}
	if present.len() < usize::from(profile.k) {
		return Err(CodingError::TooFew { found: present.len(), needed: profile.k });
	}
	let mut asked = [false; MAX_SLOTS as usize];
	let mut missing = Vec::with_capacity(wanted.len());
	for (slot, blob) in wanted {
		let asked = asked
			.get_mut(usize::from(*slot))
			.filter(|_| *slot < slots)
			.ok_or(CodingError::Slot { slot: *slot, slots })?;
		if std::mem::replace(asked, true) {
			return Err(CodingError::Repeated(*slot));
		}
		let target = scalars_mut(*slot, blob)?;
		match seen[usize::from(*slot)] {
			Some(source) => target.copy_from_slice(source),
			None => missing.push((*slot, target)),
		}
	}
	let present = present
		.iter()
		.take(profile.k.into())
		.map(|(slot, blob)| Ok((*slot, scalars(*slot, blob)?)))
		.collect::<Result<_, CodingError>>()?;
	Ok(Plan { present, missing })
}

/// Checks that byte 0 of every scalar is zero.
pub(crate) fn check_zero_bytes(slot: SlotIndex, blob: &Scalars) -> Result<(), CodingError> {
	// One branch for the blob: the place is looked for only when there is one.
	if blob.iter().fold(0, |all, scalar| all | scalar[0]) == 0 {
		return Ok(());
	}
	let scalar = blob.iter().position(|scalar| scalar[0] != 0).unwrap_or_default() as u16;
	Err(CodingError::Scalar { slot, scalar })
}
