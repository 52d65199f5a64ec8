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
//!
//! * [`openings`], tag `nil/kzg/openings/v1`: a coefficient for each; commitment, `z`, `y` and proof of one after the
//!   other.
//! * [`parity`], tag `nil/kzg/parity/v1`: a coefficient for each parity slot; two bytes `k ‖ m`, then all commitments
//!   in the order of their slots.

use crate::{
	SCALARS_PER_BLOB,
	encoding::{self, Form},
	stripe,
	types::{Opening, PointRef, VerifyError},
};
use alloc::vec::Vec;
use sp_crypto_hashing::blake2_256;

/// Bits of a random coefficient.
const COEFFICIENT_BITS: usize = 128;
/// Bits of a scalar.
const SCALAR_BITS: usize = 255;

const OPENINGS_TAG: &[u8] = b"nil/kzg/openings/v1";
const PARITY_TAG: &[u8] = b"nil/kzg/parity/v1";

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
	let mut transcript = Transcript::new(OPENINGS_TAG, openings.len());
	let mut points = Vec::with_capacity(openings.len());
	// Proofs, and at the end the generator.
	let mut proofs = Vec::with_capacity(openings.len() + 1);
	let mut scalars = Vec::with_capacity(openings.len());
	let mut last: Option<(&PointRef, B::G1)> = None;
	for (i, opening) in openings.iter().enumerate() {
		let index = index(i).saturating_mul(2);
		let z = parse_scalar::<B>(&opening.z, index)?;
		let y = parse_scalar::<B>(&opening.y, index + 1)?;
		// Chained proofs name the same manifest many times in a row.
		let point = match last {
			Some((bytes, point)) if bytes == &opening.point => point,
			_ => match &opening.point {
				PointRef::Compressed(bytes) => parse_point::<B>(bytes, index)?,
				PointRef::Trusted(bytes) => parse_trusted::<B>(bytes, index)?,
			},
		};
		last = Some((&opening.point, point));
		let proof = parse_point::<B>(&opening.proof, index + 1)?;
		match &opening.point {
			PointRef::Compressed(bytes) => transcript.absorb(0, bytes),
			PointRef::Trusted(bytes) => transcript.absorb(1, bytes),
		}
		transcript.absorb(2, &opening.z);
		transcript.absorb(3, &opening.y);
		transcript.absorb(4, &opening.proof);
		points.push(point);
		proofs.push(proof);
		scalars.push((z, y));
	}
	let coefficients = transcript.coefficients::<B>();

	// With C the commitments and P the proofs, e(C - yG + zP, [1]) = e(P, [tau]) must hold for each; so it must for
	// their combination.
	let right = B::msm(&proofs, &coefficients, COEFFICIENT_BITS);
	let commitments = B::msm(&points, &coefficients, COEFFICIENT_BITS);
	let mut multipliers = Vec::with_capacity(proofs.len() + 1);
	let mut value = B::scalar(&[0; 4]);
	for ((z, y), rho) in scalars.iter().zip(&coefficients) {
		multipliers.push(B::mul(*z, *rho));
		value = B::add(value, B::mul(*y, *rho));
	}
	proofs.push(generator::<B>());
	multipliers.push(B::neg(value));
	let left = B::add_points(&commitments, &B::msm(&proofs, &multipliers, SCALAR_BITS));
	if B::pairings_agree(&left, &right) { Ok(()) } else { Err(VerifyError::Rejected) }
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
		transcript.absorb(0, bytes);
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
