//! The checks, generic over the arithmetic.
//!
//! A [`Backend`] does field and curve arithmetic and decides nothing. What is checked, in which order and with which
//! random coefficients stands here once, so backends agree on every input by construction; tests compare them all the
//! same.
//!
//! Batches are checked by a random linear combination. The coefficients are 128-bit, independent, and come from a
//! hash of every input, so whoever makes the inputs cannot know them while making them. A batched check is blind to
//! components of small order; hence every point from outside is subgroup-checked alone, before it is combined.
//!
//! # Coefficients
//! With `H` BLAKE2b-256 and integers little-endian in 8 bytes,
//!
//! ```text
//! transcript  = tag ‖ number of coefficients ‖ inputs
//! coefficient i = the first 16 bytes, little-endian, of H(H(transcript) ‖ i)
//! ```
//!
//! An input is one byte that tells what it is, and its bytes:
//!
//! | | input | bytes |
//! |---|---|---|
//! | 0 | a commitment, compressed | 48 |
//! | 1 | a commitment, uncompressed and trusted | 96 |
//! | 2 | `z` | 32 |
//! | 3 | `y` | 32 |
//! | 4 | a proof | 48 |
//! | 5 | the commitment of a term, compressed | 48 |
//! | 6 | the factor of a term | 32 |
//!
//! * [`openings`], tag `nil/kzg/openings/v1`: a coefficient for each; commitment, `z`, `y` and proof of one after the
//!   other.
//! * [`parity`], tag `nil/kzg/parity/v1`: a coefficient for each parity slot; two bytes `k ‖ m`, then all commitments
//!   in the order of their slots.
//! * [`answer`], tag `nil/kzg/answer/v1`: a coefficient for each opening and one for the combined one; the openings as
//!   in [`openings`], then commitment and factor of one term after the other, then `z`, `y` and proof.

use crate::{
	SCALARS_PER_BLOB,
	encoding::{self, Form},
	stripe,
	types::{CombinedOpening, Opening, PointRef, VerifyError},
};
use alloc::vec::Vec;
use sp_crypto_hashing::blake2_256;

/// Bits of a random coefficient.
const COEFFICIENT_BITS: usize = 128;
/// Bits of a scalar.
const SCALAR_BITS: usize = 255;

const OPENINGS_TAG: &[u8] = b"nil/kzg/openings/v1";
const PARITY_TAG: &[u8] = b"nil/kzg/parity/v1";
const ANSWER_TAG: &[u8] = b"nil/kzg/answer/v1";

/// What an absorbed input is.
mod kind {
	pub const COMPRESSED: u8 = 0;
	pub const TRUSTED: u8 = 1;
	pub const Z: u8 = 2;
	pub const Y: u8 = 3;
	pub const PROOF: u8 = 4;
	pub const TERM: u8 = 5;
	pub const FACTOR: u8 = 6;
}

/// Openings, and terms of the combined one, that an [`answer`] may have: several times what a block has the time to
/// check, under every backend that validators run.
pub const MAX_ANSWER: usize = 4_096;

/// The arithmetic that the checks need.
///
/// Points that reach [`msm`](Self::msm) may lie outside of the prime-order subgroup (a [`PointRef::Trusted`] that the
/// caller should not have trusted). So that backends agree even then, it must not use an endomorphism, nor reduce a
/// scalar: it adds and doubles.
pub trait Backend {
	/// An element of the scalar field.
	type Fr: Copy;
	/// A point of G1's curve, in affine form.
	type G1: Copy;

	/// A scalar from canonical little-endian limbs.
	fn scalar(limbs: &[u64; 4]) -> Self::Fr;
	/// `a + b`.
	fn add(a: Self::Fr, b: Self::Fr) -> Self::Fr;
	/// `a * b`.
	fn mul(a: Self::Fr, b: Self::Fr) -> Self::Fr;
	/// `-a`.
	fn neg(a: Self::Fr) -> Self::Fr;

	/// The point at infinity.
	fn infinity() -> Self::G1;
	/// Whether `point` is the point at infinity.
	fn is_infinity(point: &Self::G1) -> bool;
	/// Reads a finite compressed point whose flags and coordinate passed
	/// [`compressed_form`](encoding::compressed_form). `None` when it is not on the curve.
	fn decompress(bytes: &[u8; 48]) -> Option<Self::G1>;
	/// Reads a finite uncompressed point whose flags and coordinates passed
	/// [`uncompressed_form`](encoding::uncompressed_form). `None` when it is not on the curve.
	fn deserialize(bytes: &[u8; 96]) -> Option<Self::G1>;
	/// The compressed form.
	fn compress(point: &Self::G1) -> [u8; 48];
	/// The uncompressed form.
	fn serialize(point: &Self::G1) -> [u8; 96];
	/// Whether a finite point is in the prime-order subgroup.
	fn in_subgroup(point: &Self::G1) -> bool;
	/// `a + b`.
	fn add_points(a: &Self::G1, b: &Self::G1) -> Self::G1;
	/// `sum scalars[i] * points[i]`, where every scalar has at most `bits` bits.
	fn msm(points: &[Self::G1], scalars: &[Self::Fr], bits: usize) -> Self::G1;
	/// `sum scalars[i] * L[first + i]` with the Lagrange points of the setup; the range was checked.
	fn lagrange_msm(first: usize, scalars: &[Self::Fr]) -> Self::G1;
	/// Whether `e(a, [1]G2) = e(b, [tau]G2)`: two Miller loops, one final exponentiation.
	fn pairings_agree(a: &Self::G1, b: &Self::G1) -> bool;
}

/// Checks openings together: two Miller loops and one final exponentiation, whatever their number.
///
/// An empty batch holds. Otherwise, for opening `i` in turn: `z` ([`VerifyError::BadScalar`] `2i`), `y` (`2i + 1`),
/// the point ([`VerifyError::BadPoint`] and [`VerifyError::NotInSubgroup`] `2i`; a trusted point is not
/// subgroup-checked), the proof (`2i + 1`). Only then the claim itself: [`VerifyError::Rejected`] tells that at least
/// one opening is false.
pub fn openings<B: Backend>(openings: &[Opening]) -> Result<(), VerifyError> {
	if openings.is_empty() {
		return Ok(());
	}
	let mut batch = Batch::<B>::new(OPENINGS_TAG, openings.len());
	for opening in openings {
		batch.read_opening(opening)?;
	}
	batch.verify()
}

/// Checks openings, and one opening of a combination of commitments, together: two Miller loops and one final
/// exponentiation, whatever their number.
///
/// This is the answer to samples: for each an opening of its manifest, and for all of them one value of
/// `sum factor_i * p_i` at one point. The factors and the point must not be up to whoever answers. Without openings the
/// combination alone is checked.
///
/// In order: the size, as [`answer_size`] says; each opening, as [`openings`] says, with its indices; then, with `n`
/// openings, the combined one: `z` ([`VerifyError::BadScalar`] `2n`), `y` (`2n + 1`), for term `i` in turn its factor
/// ([`VerifyError::BadScalar`] `2n + 2 + i`) and its commitment ([`VerifyError::BadPoint`] and
/// [`VerifyError::NotInSubgroup`] `2n + 2 + i`), the proof ([`VerifyError::BadPoint`] and
/// [`VerifyError::NotInSubgroup`] `2n + 1`). Only then the claim itself: [`VerifyError::Rejected`] tells that at least
/// one opening is false.
pub fn answer<B: Backend>(
	openings: &[Opening],
	combined: &CombinedOpening,
) -> Result<(), VerifyError> {
	answer_size(openings, combined)?;
	let mut batch = Batch::<B>::new(ANSWER_TAG, openings.len() + 1);
	for opening in openings {
		batch.read_opening(opening)?;
	}
	batch.read_combined(combined)?;
	batch.verify()
}

/// Whether an answer has a size that [`answer`] looks at.
///
/// In order: the number of openings, then of terms ([`VerifyError::OutOfRange`] above [`MAX_ANSWER`]); that there are
/// terms ([`VerifyError::LengthMismatch`]).
pub fn answer_size(openings: &[Opening], combined: &CombinedOpening) -> Result<(), VerifyError> {
	for actual in [openings.len(), combined.terms.len()] {
		if actual > MAX_ANSWER {
			let (limit, actual) = (MAX_ANSWER as u64, actual as u64);
			return Err(VerifyError::OutOfRange { limit, actual });
		}
	}
	if combined.terms.is_empty() {
		return Err(VerifyError::LengthMismatch { expected: 1, actual: 0 });
	}
	Ok(())
}

/// Checks that a row's parity commitments follow from its data commitments under the `Fr` code (`k` data slots, `m`
/// parity slots; [`stripe`]).
///
/// In order: the code ([`VerifyError::OutOfRange`] in slots), the number of data, then of parity commitments
/// ([`VerifyError::LengthMismatch`]), each data, then each parity point ([`VerifyError::BadPoint`] and
/// [`VerifyError::NotInSubgroup`] with its slot as index), the claim ([`VerifyError::Rejected`]).
pub fn parity<B: Backend>(
	(k, m): (u8, u8),
	data: &[[u8; 48]],
	parity: &[[u8; 48]],
) -> Result<(), VerifyError> {
	let generator = stripe::generator(k, m).map_err(|error| VerifyError::OutOfRange {
		limit: u64::from(stripe::MAX_STRIPE),
		actual: u64::from(error.k) + u64::from(error.m),
	})?;
	for (expected, list) in [(k, data), (m, parity)] {
		if list.len() != usize::from(expected) {
			return Err(VerifyError::LengthMismatch {
				expected: expected.into(),
				actual: index(list.len()),
			});
		}
	}
	let mut transcript = Transcript::new(PARITY_TAG, parity.len());
	transcript.absorb(k, &[m]);
	let mut points = Vec::with_capacity(data.len() + parity.len());
	for (slot, bytes) in data.iter().chain(parity).enumerate() {
		points.push(parse_point::<B>(bytes, index(slot))?);
		transcript.absorb(kind::COMPRESSED, bytes);
	}
	let coefficients = transcript.coefficients::<B>();

	// sum over parity slots of rho_i * (parity_i - sum_j c_ij * data_j) must vanish.
	let (data, parity) = points.split_at(data.len());
	let mut weights = alloc::vec![B::scalar(&[0; 4]); data.len()];
	for (row, rho) in generator.rows().zip(&coefficients) {
		for (weight, coefficient) in weights.iter_mut().zip(row) {
			let scalar = stripe::scalar_from_integer(*coefficient);
			let scalar = B::scalar(&encoding::be_to_limbs(&scalar));
			*weight = B::add(*weight, B::neg(B::mul(scalar, *rho)));
		}
	}
	let expected = B::msm(data, &weights, SCALAR_BITS);
	let actual = B::msm(parity, &coefficients, COEFFICIENT_BITS);
	if B::is_infinity(&B::add_points(&expected, &actual)) {
		Ok(())
	} else {
		Err(VerifyError::Rejected)
	}
}

/// `manifest + sum roots[i] * L[first + i]`: a manifest point with more MDU roots under it.
///
/// In order: the range ([`VerifyError::OutOfRange`] when `first + roots.len()` is above 4,096), each root
/// ([`VerifyError::BadScalar`] with its index), the manifest ([`VerifyError::BadPoint`] 0; it is the caller's own and
/// not subgroup-checked).
pub fn extend_manifest<B: Backend>(
	manifest: &[u8; 96],
	first: u32,
	roots: &[[u8; 32]],
) -> Result<[u8; 96], VerifyError> {
	let end = u64::from(first) + roots.len() as u64;
	if end > SCALARS_PER_BLOB as u64 {
		return Err(VerifyError::OutOfRange { limit: SCALARS_PER_BLOB as u64, actual: end });
	}
	let scalars = roots
		.iter()
		.enumerate()
		.map(|(i, root)| parse_scalar::<B>(root, index(i)))
		.collect::<Result<Vec<_>, _>>()?;
	let manifest = parse_trusted::<B>(manifest, 0)?;
	let added = B::lagrange_msm(first as usize, &scalars);
	Ok(B::serialize(&B::add_points(&manifest, &added)))
}

/// The same point in 48 bytes. [`VerifyError::BadPoint`] 0 when it is not a canonical point on the curve.
pub fn compress<B: Backend>(point: &[u8; 96]) -> Result<[u8; 48], VerifyError> {
	Ok(B::compress(&parse_trusted::<B>(point, 0)?))
}

/// The generator of G1, compressed.
pub const G1_GENERATOR: [u8; 48] = [
	0x97, 0xf1, 0xd3, 0xa7, 0x31, 0x97, 0xd7, 0x94, 0x26, 0x95, 0x63, 0x8c, 0x4f, 0xa9, 0xac, 0x0f,
	0xc3, 0x68, 0x8c, 0x4f, 0x97, 0x74, 0xb9, 0x05, 0xa1, 0x4e, 0x3a, 0x3f, 0x17, 0x1b, 0xac, 0x58,
	0x6c, 0x55, 0xe8, 0x3f, 0xf9, 0x7a, 0x1a, 0xef, 0xfb, 0x3a, 0xf0, 0x0a, 0xdb, 0x22, 0xc6, 0xbb,
];

fn generator<B: Backend>() -> B::G1 {
	// The constant is on the curve; a test holds every backend to it.
	B::decompress(&G1_GENERATOR).unwrap_or_else(B::infinity)
}

fn index(i: usize) -> u32 {
	u32::try_from(i).unwrap_or(u32::MAX)
}

fn parse_scalar<B: Backend>(bytes: &[u8; 32], index: u32) -> Result<B::Fr, VerifyError> {
	if encoding::is_canonical(bytes) {
		Ok(B::scalar(&encoding::be_to_limbs(bytes)))
	} else {
		Err(VerifyError::BadScalar { index })
	}
}

fn parse_point<B: Backend>(bytes: &[u8; 48], index: u32) -> Result<B::G1, VerifyError> {
	let bad = VerifyError::BadPoint { index };
	match encoding::compressed_form(bytes).ok_or(bad)? {
		Form::Infinity => Ok(B::infinity()),
		Form::Finite => {
			let point = B::decompress(bytes).ok_or(bad)?;
			if B::in_subgroup(&point) {
				Ok(point)
			} else {
				Err(VerifyError::NotInSubgroup { index })
			}
		},
	}
}

fn parse_trusted<B: Backend>(bytes: &[u8; 96], index: u32) -> Result<B::G1, VerifyError> {
	let bad = VerifyError::BadPoint { index };
	match encoding::uncompressed_form(bytes).ok_or(bad)? {
		Form::Infinity => Ok(B::infinity()),
		Form::Finite => B::deserialize(bytes).ok_or(bad),
	}
}

/// Openings that are checked together.
struct Batch<'a, B: Backend> {
	transcript: Transcript,
	/// Where each is evaluated, and the value there.
	values: Vec<(B::Fr, B::Fr)>,
	/// The proof of each.
	proofs: Vec<B::G1>,
	/// The commitment of each but a combination, which comes last.
	points: Vec<B::G1>,
	/// What a combination is the sum of: commitments and their factors.
	terms: Vec<(B::G1, B::Fr)>,
	/// The commitment that was read last.
	last: Option<(&'a PointRef, B::G1)>,
}

impl<'a, B: Backend> Batch<'a, B> {
	/// For `count` openings under `tag`.
	fn new(tag: &[u8], count: usize) -> Self {
		Self {
			transcript: Transcript::new(tag, count),
			values: Vec::with_capacity(count),
			// At the end also the generator.
			proofs: Vec::with_capacity(count + 1),
			points: Vec::with_capacity(count),
			terms: Vec::new(),
			last: None,
		}
	}

	/// Reads what every opening has: its scalars, then its commitment by `read_commitment`, which is told the index of
	/// the first scalar, then its proof.
	fn read(
		&mut self,
		(z, y, proof): (&[u8; 32], &[u8; 32], &[u8; 48]),
		read_commitment: impl FnOnce(&mut Self, u32) -> Result<(), VerifyError>,
	) -> Result<(), VerifyError> {
		let first = index(2 * self.values.len());
		let second = first.saturating_add(1);
		self.values.push((parse_scalar::<B>(z, first)?, parse_scalar::<B>(y, second)?));
		read_commitment(self, first)?;
		self.proofs.push(parse_point::<B>(proof, second)?);
		self.transcript.absorb(kind::Z, z);
		self.transcript.absorb(kind::Y, y);
		self.transcript.absorb(kind::PROOF, proof);
		Ok(())
	}

	fn read_opening(&mut self, opening: &'a Opening) -> Result<(), VerifyError> {
		let Opening { point, z, y, proof } = opening;
		self.read((z, y, proof), |batch, index| {
			let parsed = match batch.last {
				// Chained proofs name the same manifest many times in a row.
				Some((bytes, parsed)) if bytes == point => parsed,
				_ => match point {
					PointRef::Compressed(bytes) => parse_point::<B>(bytes, index)?,
					PointRef::Trusted(bytes) => parse_trusted::<B>(bytes, index)?,
				},
			};
			batch.last = Some((point, parsed));
			batch.points.push(parsed);
			match point {
				PointRef::Compressed(bytes) => batch.transcript.absorb(kind::COMPRESSED, bytes),
				PointRef::Trusted(bytes) => batch.transcript.absorb(kind::TRUSTED, bytes),
			}
			Ok(())
		})
	}

	/// Nothing may be read after it.
	fn read_combined(&mut self, combined: &CombinedOpening) -> Result<(), VerifyError> {
		let CombinedOpening { terms, z, y, proof } = combined;
		self.read((z, y, proof), |batch, first| {
			batch.terms.reserve(terms.len());
			for (i, (commitment, factor)) in terms.iter().enumerate() {
				// Behind the two numbers that every opening has.
				let index = index(i).saturating_add(2).saturating_add(first);
				let scalar = parse_scalar::<B>(factor, index)?;
				let point = parse_point::<B>(commitment, index)?;
				batch.terms.push((point, scalar));
				batch.transcript.absorb(kind::TERM, commitment);
				batch.transcript.absorb(kind::FACTOR, factor);
			}
			Ok(())
		})
	}

	/// Whether everything that was read holds.
	fn verify(self) -> Result<(), VerifyError> {
		let coefficients = self.transcript.coefficients::<B>();

		// With C the commitments and P the proofs, e(C - yG + zP, [1]) = e(P, [tau]) must hold for each; so it must for
		// their combination.
		let right = B::msm(&self.proofs, &coefficients, COEFFICIENT_BITS);
		// There are as many coefficients as commitments, and one more where the last is that of a combination.
		let (own, combined) = coefficients.split_at(self.points.len());
		let commitments = B::msm(&self.points, own, COEFFICIENT_BITS);
		let mut points = self.proofs;
		let mut multipliers = Vec::with_capacity(points.len() + 1 + self.terms.len());
		let mut value = B::scalar(&[0; 4]);
		for ((z, y), rho) in self.values.iter().zip(&coefficients) {
			multipliers.push(B::mul(*z, *rho));
			value = B::add(value, B::mul(*y, *rho));
		}
		points.push(generator::<B>());
		multipliers.push(B::neg(value));
		for rho in combined {
			for (commitment, factor) in &self.terms {
				points.push(*commitment);
				multipliers.push(B::mul(*factor, *rho));
			}
		}
		let left = B::add_points(&commitments, &B::msm(&points, &multipliers, SCALAR_BITS));
		if B::pairings_agree(&left, &right) { Ok(()) } else { Err(VerifyError::Rejected) }
	}
}

/// Every input of a check, and the coefficients that follow from them.
struct Transcript {
	bytes: Vec<u8>,
	count: usize,
}

impl Transcript {
	fn new(tag: &[u8], count: usize) -> Self {
		let mut bytes = tag.to_vec();
		bytes.extend((count as u64).to_le_bytes());
		Self { bytes, count }
	}

	/// Appends one input. `kind` tells forms of different length apart.
	fn absorb(&mut self, kind: u8, input: &[u8]) {
		self.bytes.push(kind);
		self.bytes.extend(input);
	}

	/// One coefficient per claim: the first 16 bytes, little-endian, of `H(H(inputs) ‖ index)`.
	fn coefficients<B: Backend>(&self) -> Vec<B::Fr> {
		let mut preimage = [0; 40];
		preimage[..32].copy_from_slice(&blake2_256(&self.bytes));
		(0..self.count as u64)
			.map(|i| {
				preimage[32..].copy_from_slice(&i.to_le_bytes());
				let digest = blake2_256(&preimage);
				let (words, _) = digest.as_chunks::<8>();
				B::scalar(&[u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1]), 0, 0])
			})
			.collect()
	}
}
