//! The answer to an epoch's samples: for each sample the hops from its blob's commitment up to the manifest, and one
//! opening for all blobs.
//!
//! With the samples' blobs as polynomials `p_i` and their commitments as `C_i`, the epoch's randomness `R_e` and the
//! provider's account give one point `z` and a factor `gamma_i` for each sample ([`nil_types::challenge`]).
//!
//! 1. *Identity*, for each item: `commitment` and `path` give the MDU root; `manifest_opening` opens the deal's manifest,
//!    *as it stood when the epoch began*, to it.
//! 2. *Structure*, for each item: the path itself, at `leaf`, for the deal's profile.
//! 3. *Data*, for all at once: `pi` opens `sum gamma_i C_i` at `z` to `y = sum gamma_i p_i(z)`.
//!
//! To make the third takes one multi-scalar multiplication, whatever the number of samples, and one blob's memory
//! ([`AnswerBuilder`]); all three are verified with two Miller loops and one final exponentiation. An answer may be split
//! into several, each with samples of its own: point and factors stay what they are.
//!
//! Which samples are asked for, and that none is answered twice, is known where the lists of allocations are. Here it is
//! checked that an answer's ordinals increase, so that one answer has no sample twice.
//!
//! An item has 112 bytes and 32 for each hash of its path, in SCALE. Profile 8+4 has paths of 7 hashes: 336 bytes.

use crate::{
	branch::Members,
	proof::{DealManifests, Membership, ProofError},
	tree::TreeError,
};
use codec::{Decode, DecodeAll, Encode};
use nil_kzg::{
	Blob, CombinedOpening, MsmEngine, VerifyError, native,
	prover::{Combination, ProverError},
};
use nil_types::{
	G1Compressed, Hash32, MduIndex,
	challenge::{evaluation_point, gamma},
};
use thiserror::Error;

/// One sample of an answer (SCALE).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct AnswerItem {
	/// Which sample of the epoch.
	pub ordinal: u32,
	/// MDU in the slab.
	pub mdu: MduIndex,
	/// Data blobs of that MDU that hold payload.
	pub live: u8,
	/// Leaf of the MDU tree: `slot * rows + row`.
	pub leaf: u16,
	/// Commitment of the blob.
	pub commitment: G1Compressed,
	/// Siblings from the leaf up.
	pub path: Vec<Hash32>,
	/// Opening of the manifest at the MDU's place to its root.
	pub manifest_opening: G1Compressed,
}

/// A provider's answer to samples of one epoch, or to some of them (SCALE).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Answer {
	/// The samples, by increasing ordinal.
	pub items: Vec<AnswerItem>,
	/// `sum gamma_i p_i(z)`: a canonical big-endian scalar.
	pub y: [u8; 32],
	/// Opening of `sum gamma_i C_i` at `z` to `y`.
	pub pi: G1Compressed,
}

/// What an answer is made of, for each sample.
#[derive(Clone, Copy, Debug)]
pub struct AnswerPart<'a> {
	/// Which sample of the epoch.
	pub ordinal: u32,
	/// MDU in the slab.
	pub mdu: MduIndex,
	/// Opening of the manifest at the MDU's place: [`manifest::open`](crate::manifest::open) over the roots that the deal
	/// had when the epoch began.
	pub manifest_opening: G1Compressed,
	/// The MDU's witness, or the branch of the leaf's slot.
	pub witness: &'a dyn Members,
	/// Leaf of the MDU tree: `slot * rows + row`.
	pub leaf: u16,
	/// The blob at that leaf.
	pub blob: &'a Blob,
}

/// Why an answer is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AnswerError {
	/// The bytes are not a SCALE answer, or some are left over.
	#[error("not an answer: {0}")]
	Encoding(codec::Error),
	/// Not as many deals as items.
	#[error("{found} deals: the answer has {expected} items")]
	Deals {
		/// Deals given.
		found: usize,
		/// Items of the answer.
		expected: usize,
	},
	/// An ordinal is not above the one before it.
	#[error("item {index}: ordinals must increase")]
	Order {
		/// Which item.
		index: usize,
	},
	/// An item's MDU, leaf, path or live count do not fit its deal; the item is named as the proof.
	#[error(transparent)]
	Item(#[from] ProofError),
	/// An opening was refused, or there are no items, or too many. In the error, item `i` of `n` has index `2i` for its
	/// manifest, `2i + 1` for the opening of that and `2n + 2 + i` for its commitment; `y` and `pi` have `2n + 1`.
	#[error("openings: {0}")]
	Openings(VerifyError),
}

/// Why an answer could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AnswerMakeError {
	/// There are no samples to answer.
	#[error("an answer has at least one sample")]
	Empty,
	/// The ordinal is not above the one before it.
	#[error("sample {ordinal} comes after sample {before}: ordinals must increase")]
	Order {
		/// The ordinal given.
		ordinal: u32,
		/// The last one before it.
		before: u32,
	},
	/// The leaf does not exist.
	#[error(transparent)]
	Tree(#[from] TreeError),
	/// The blobs could not be combined or opened.
	#[error(transparent)]
	Prover(#[from] ProverError),
}

impl AnswerItem {
	fn membership(&self) -> Membership<'_> {
		Membership {
			mdu: self.mdu,
			live: self.live,
			leaf: self.leaf,
			commitment: &self.commitment,
			path: &self.path,
			manifest_opening: &self.manifest_opening,
		}
	}
}

impl Answer {
	/// Makes the answer of `provider` in the epoch of `r_e` from all of its parts, by increasing ordinal. Where the blobs
	/// are not all in memory, [`AnswerBuilder`] takes one after the other.
	pub fn make<'a>(
		engine: &dyn MsmEngine,
		r_e: &Hash32,
		provider: &Hash32,
		parts: impl IntoIterator<Item = AnswerPart<'a>>,
	) -> Result<Self, AnswerMakeError> {
		let mut builder = AnswerBuilder::new(r_e, provider);
		for part in parts {
			builder.add(&part)?;
		}
		builder.finish(engine)
	}

	/// Reads an answer. Nothing but its form is checked.
	pub fn decode_strict(mut bytes: &[u8]) -> Result<Self, AnswerError> {
		Self::decode_all(&mut bytes).map_err(AnswerError::Encoding)
	}

	/// Verifies the answer of `provider` in the epoch of `r_e`, each item against its deal in `deals`, with the manifests
	/// as they stood when the epoch began.
	///
	/// In order: the number of deals; for each item its ordinal, MDU, manifest, structure; then everything else as
	/// [`nil_kzg::verify::answer`] says, which refuses an answer without items.
	pub fn verify(
		&self,
		r_e: &Hash32,
		provider: &Hash32,
		deals: &[DealManifests<'_>],
	) -> Result<(), AnswerError> {
		let factors: Vec<_> =
			self.items.iter().map(|item| gamma(r_e, provider, item.ordinal)).collect();
		self.verify_with(&evaluation_point(r_e, provider), &factors, deals)
	}

	/// As [`Self::verify`], with a point and factors of the caller's in the place of the epoch's: one factor for each item.
	pub fn verify_with(
		&self,
		z: &[u8; 32],
		factors: &[[u8; 32]],
		deals: &[DealManifests<'_>],
	) -> Result<(), AnswerError> {
		for found in [deals.len(), factors.len()] {
			if found != self.items.len() {
				return Err(AnswerError::Deals { found, expected: self.items.len() });
			}
		}
		let mut openings = Vec::with_capacity(self.items.len());
		let mut terms = Vec::with_capacity(self.items.len());
		let mut before: Option<u32> = None;
		for (index, ((item, factor), deal)) in self.items.iter().zip(factors).zip(deals).enumerate()
		{
			// `None` is below every ordinal.
			if before >= Some(item.ordinal) {
				return Err(AnswerError::Order { index });
			}
			before = Some(item.ordinal);
			openings.push(item.membership().opening(index, deal)?);
			terms.push((item.commitment, *factor));
		}
		let combined = CombinedOpening { terms, z: *z, y: self.y, proof: self.pi };
		native::verify_answer(&openings, &combined).map_err(AnswerError::Openings)
	}
}

/// Makes an answer from samples that come one at a time, of whose blobs none is kept.
///
/// A blob or witness other than the committed one makes an answer that does not verify. Since a chain takes such an answer
/// for an attempt at fraud, verify it before it is sent, and find the bad blob with [`nil_kzg::bulk`] if it fails.
#[derive(Clone, Debug)]
pub struct AnswerBuilder {
	r_e: Hash32,
	provider: Hash32,
	items: Vec<AnswerItem>,
	sum: Combination,
}

impl AnswerBuilder {
	/// Begins the answer of `provider` in the epoch of `r_e`.
	pub fn new(r_e: &Hash32, provider: &Hash32) -> Self {
		Self { r_e: *r_e, provider: *provider, items: Vec::new(), sum: Combination::new() }
	}

	/// Adds a sample. Its ordinal must be above those before it. A sample that is refused leaves the answer as it was.
	pub fn add(&mut self, part: &AnswerPart<'_>) -> Result<(), AnswerMakeError> {
		let factor = gamma(&self.r_e, &self.provider, part.ordinal);
		self.add_with(part, &factor)
	}

	/// As [`Self::add`], with a factor of the caller's in the place of the epoch's: a canonical big-endian scalar.
	pub fn add_with(
		&mut self,
		part: &AnswerPart<'_>,
		factor: &[u8; 32],
	) -> Result<(), AnswerMakeError> {
		let AnswerPart { ordinal, mdu, manifest_opening, witness, leaf, blob } = *part;
		if let Some(last) = self.items.last()
			&& ordinal <= last.ordinal
		{
			return Err(AnswerMakeError::Order { ordinal, before: last.ordinal });
		}
		let (commitment, path) = witness.member(leaf)?;
		self.sum.add(factor, blob)?;
		let live = witness.live();
		self.items.push(AnswerItem {
			ordinal,
			mdu,
			live,
			leaf,
			commitment,
			path,
			manifest_opening,
		});
		Ok(())
	}

	/// Opens the combination of all blobs: one multi-scalar multiplication.
	pub fn finish(self, engine: &dyn MsmEngine) -> Result<Answer, AnswerMakeError> {
		let z = evaluation_point(&self.r_e, &self.provider);
		self.finish_at(engine, &z)
	}

	/// As [`Self::finish`], at a point of the caller's in the place of the epoch's: a canonical big-endian scalar.
	pub fn finish_at(
		self,
		engine: &dyn MsmEngine,
		z: &[u8; 32],
	) -> Result<Answer, AnswerMakeError> {
		if self.items.is_empty() {
			return Err(AnswerMakeError::Empty);
		}
		let (y, pi) = self.sum.open(engine, z)?;
		Ok(Answer { items: self.items, y, pi })
	}
}
