//! Openings: the value of a blob's polynomial at a point, and the proof of it.

use crate::{
	BLOB_BYTES, Blob, G1Affine, MsmEngine, SCALARS_PER_BLOB, ScalarBytes, encoding,
	field::{Fr, batch_inverse},
	msm::{self, counted, lagrange_points},
	setup::bit_reversed,
};
use rayon::prelude::*;
use std::{
	collections::BTreeSet,
	sync::{LazyLock, OnceLock},
};

/// A value and the compressed proof of it.
pub type Opened = (ScalarBytes, [u8; 48]);

/// Why nothing can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProverError {
	/// The point at which to open is not below the group order.
	#[error("the evaluation point is not below the group order")]
	BadPoint,
	/// A coefficient of a combination is not below the group order.
	#[error("coefficient {index} is not below the group order")]
	BadCoefficient {
		/// Which coefficient.
		index: usize,
	},
	/// A blob has no scalar at the place.
	#[error("scalar {place}: a blob has {SCALARS_PER_BLOB}")]
	NoPlace {
		/// The place asked for.
		place: usize,
	},
}

/// The value at `z` of the polynomial that `blob` holds.
pub fn evaluate(blob: &Blob, z: &ScalarBytes) -> Result<ScalarBytes, ProverError> {
	let z = parse(z).ok_or(ProverError::BadPoint)?;
	Ok(value_at(&polynomial(blob), z).to_be())
}

/// Opens `blob` at `z`: the value, and the proof that `verify_kzg_proof` of EIP-4844 accepts.
pub fn open(engine: &dyn MsmEngine, blob: &Blob, z: &ScalarBytes) -> Result<Opened, ProverError> {
	let z = parse(z).ok_or(ProverError::BadPoint)?;
	Ok(open_polynomials(engine, vec![(polynomial(blob), z)])[0])
}

/// Opens many blobs, each at its point, with one call of the engine.
pub fn open_batch(
	engine: &dyn MsmEngine,
	items: &[(&Blob, ScalarBytes)],
) -> Result<Vec<Opened>, ProverError> {
	let items = items
		.iter()
		.map(|(blob, z)| Ok((polynomial(blob), parse(z).ok_or(ProverError::BadPoint)?)))
		.collect::<Result<Vec<_>, _>>()?;
	Ok(open_polynomials(engine, items))
}

/// Opens `sum coefficient * blob` at `z`: one proof for all blobs. The verifier combines their commitments with the
/// same coefficients. [`Combination`] does the same for blobs that are not all in memory.
pub fn open_combination(
	engine: &dyn MsmEngine,
	terms: &[(ScalarBytes, &Blob)],
	z: &ScalarBytes,
) -> Result<Opened, ProverError> {
	let mut sum = Combination::new();
	for (coefficient, blob) in terms {
		sum.add(coefficient, blob)?;
	}
	sum.open(engine, z)
}

/// `sum coefficient * blob` over blobs that come one at a time, of which none is kept: 128 KiB, however many there are.
///
/// A blob costs 4,096 multiplications in the scalar field, on all cores of the current rayon pool; opening the sum costs
/// one multi-scalar multiplication.
#[derive(Clone, Debug)]
pub struct Combination {
	/// The values on [`DOMAIN`].
	sum: Vec<Fr>,
	terms: usize,
}

/// Scalars that are worth a task of their own.
const SCALARS_PER_TASK: usize = 512;

impl Combination {
	/// Of no blobs: zero.
	pub fn new() -> Self {
		Self { sum: vec![Fr::ZERO; SCALARS_PER_BLOB], terms: 0 }
	}

	/// Adds `coefficient * blob`. When the coefficient is refused, under the number of blobs so far as its index, nothing
	/// changes.
	pub fn add(&mut self, coefficient: &ScalarBytes, blob: &Blob) -> Result<(), ProverError> {
		let index = self.terms;
		let coefficient = parse(coefficient).ok_or(ProverError::BadCoefficient { index })?;
		// The scalars are taken for Montgomery forms, which saves a multiplication for each of them. What they are too
		// small by, 2^256, is made up for in the coefficient.
		let coefficient =
			coefficient * Fr::from_limbs(&[0, 0, 1, 0]) * Fr::from_limbs(&[0, 0, 1, 0]);
		self.sum.par_iter_mut().zip(blob.scalars()).with_min_len(SCALARS_PER_TASK).for_each(
			|(sum, scalar)| {
				let scalar = Fr::from_montgomery(encoding::be_to_limbs(scalar));
				*sum = *sum + coefficient * scalar;
			},
		);
		self.terms += 1;
		Ok(())
	}

	/// Opens the sum at `z`: its value there, and the proof.
	pub fn open(self, engine: &dyn MsmEngine, z: &ScalarBytes) -> Result<Opened, ProverError> {
		let z = parse(z).ok_or(ProverError::BadPoint)?;
		Ok(open_polynomials(engine, vec![(self.sum, z)])[0])
	}
}

impl Default for Combination {
	fn default() -> Self {
		Self::new()
	}
}

/// Openings that are made with one call of the engine: 16 MiB of memory.
const OPENINGS_PER_CALL: usize = 64;
/// Scalars up to which an opening at a place costs a multiplication of these alone. Above, an engine with a table may well
/// be faster with all of them.
const FEW_SCALARS: usize = SCALARS_PER_BLOB / 4;

/// The openings of the Lagrange polynomials, each at its own place, as far as they were asked for, in 416 KiB. They
/// follow from the setup alone.
static OWN_OPENINGS: [OnceLock<G1Affine>; SCALARS_PER_BLOB] =
	[const { OnceLock::new() }; SCALARS_PER_BLOB];

/// Opens `blob` where it has the value of its scalar, for each of `places`: the same proofs as [`open`] at the
/// [`domain_point`]s, with less work while only few scalars, the first ones, are not zero.
///
/// The quotient by such a point is dense even then, for the value is subtracted in every place. But openings are linear: with
/// `p = (p - p_j L_j) + p_j L_j` the first part is zero at place `j`, so that its quotient has no more scalars than `p`; and
/// the opening of `L_j` is the same for all blobs, and made once in the life of a process.
pub fn open_at_places(
	engine: &dyn MsmEngine,
	blob: &Blob,
	places: &[usize],
) -> Result<Vec<[u8; 48]>, ProverError> {
	if let Some(place) = places.iter().copied().find(|place| *place >= SCALARS_PER_BLOB) {
		return Err(ProverError::NoPlace { place });
	}
	let values = polynomial(blob);
	let last = blob.scalars().iter().rposition(|scalar| *scalar != [0; 32]);
	let count = places.iter().copied().chain(last).max().map_or(0, |last| last + 1);
	if count > FEW_SCALARS {
		let openings = places.chunks(OPENINGS_PER_CALL).flat_map(|places| {
			let items = places.iter().map(|place| (values.clone(), DOMAIN[*place])).collect();
			open_polynomials(engine, items).into_iter().map(|(_, proof)| proof)
		});
		return Ok(openings.collect());
	}
	prepare_own_openings(engine, places);
	Ok(places.par_iter().map(|place| open_few(&values[..count], *place)).collect())
}

/// Opens the polynomial of which all values but these first ones are zero at one of their places, whose own opening is
/// there.
fn open_few(values: &[Fr], place: usize) -> [u8; 48] {
	// What the quotient is divided from is zero at `place`: the value there is not looked at.
	let mut scalars = quotient(values.to_vec(), DOMAIN[place], Fr::ZERO);
	scalars.push(values[place]);
	let mut points = lagrange_points()[..values.len()].to_vec();
	points.push(OWN_OPENINGS[place].get().copied().unwrap_or(G1Affine::INFINITY));
	let limbs: Vec<_> = scalars.into_iter().map(Fr::to_limbs).collect();
	counted(|| msm::multiply(&points, &limbs, 255)).compress()
}

/// Makes the own openings of `places` that are not there: a multi-scalar multiplication each.
fn prepare_own_openings(engine: &dyn MsmEngine, places: &[usize]) {
	let missing: BTreeSet<usize> =
		places.iter().copied().filter(|place| OWN_OPENINGS[*place].get().is_none()).collect();
	let missing: Vec<usize> = missing.into_iter().collect();
	for places in missing.chunks(OPENINGS_PER_CALL) {
		let quotients: Vec<_> = places
			.par_iter()
			.map(|place| {
				let one = Fr::from_u64(1);
				let mut values = vec![Fr::ZERO; SCALARS_PER_BLOB];
				values[*place] = one;
				to_blob(&quotient(values, DOMAIN[*place], one))
			})
			.collect();
		let blobs: Vec<&Blob> = quotients.iter().map(|bytes| checked(bytes)).collect();
		for (place, opening) in places.iter().zip(engine.commit(&blobs)) {
			// Made by another thread meanwhile, it is the same.
			let _ = OWN_OPENINGS[*place].set(opening);
		}
	}
}

/// The point at which the polynomial of a blob has the value of scalar `index`: `omega^brp(index)`.
///
/// `None` when a blob has no such scalar.
pub fn domain_point(index: usize) -> Option<ScalarBytes> {
	DOMAIN.get(index).map(|point| point.to_be())
}

/// The 4,096th roots of unity in bit-reversed order.
static DOMAIN: LazyLock<Vec<Fr>> = LazyLock::new(|| {
	// 7 generates the multiplicative group, as in EIP-4844.
	let [a, b, c, d] = encoding::MODULUS;
	let shift = SCALARS_PER_BLOB.ilog2();
	let up = u64::BITS - shift;
	// (r - 1) / 4096; the subtraction only clears the lowest bit.
	let exponent =
		[(a - 1) >> shift | b << up, b >> shift | c << up, c >> shift | d << up, d >> shift];
	let omega = Fr::from_u64(7).pow(&exponent);
	let mut powers = Vec::with_capacity(SCALARS_PER_BLOB);
	let mut power = Fr::from_u64(1);
	for _ in 0..SCALARS_PER_BLOB {
		powers.push(power);
		power = power * omega;
	}
	(0..SCALARS_PER_BLOB as u16).map(|i| powers[usize::from(bit_reversed(i))]).collect()
});

fn parse(scalar: &ScalarBytes) -> Option<Fr> {
	encoding::is_canonical(scalar).then(|| Fr::from_be(scalar))
}

/// The values of a blob's polynomial on [`DOMAIN`].
fn polynomial(blob: &Blob) -> Vec<Fr> {
	blob.scalars().iter().map(Fr::from_be).collect()
}

fn open_polynomials(engine: &dyn MsmEngine, items: Vec<(Vec<Fr>, Fr)>) -> Vec<Opened> {
	let (values, quotients): (Vec<_>, Vec<_>) = items
		.into_par_iter()
		.map(|(values, z)| {
			let y = value_at(&values, z);
			(y.to_be(), to_blob(&quotient(values, z, y)))
		})
		.unzip();
	let blobs: Vec<&Blob> = quotients.iter().map(|bytes| checked(bytes)).collect();
	let proofs = engine.commit(&blobs);
	values.into_iter().zip(proofs.iter().map(crate::G1Affine::compress)).collect()
}

/// The barycentric formula: `p(z) = (z^n - 1) / n * sum p_i w_i / (z - w_i)`.
fn value_at(values: &[Fr], z: Fr) -> Fr {
	if let Some(i) = DOMAIN.iter().position(|w| *w == z) {
		return values[i];
	}
	let mut inverses: Vec<_> = DOMAIN.iter().map(|w| z - *w).collect();
	batch_inverse(&mut inverses);
	let sum = values
		.iter()
		.zip(DOMAIN.iter())
		.zip(&inverses)
		.fold(Fr::ZERO, |sum, ((value, w), inverse)| sum + *value * *w * *inverse);
	let n = SCALARS_PER_BLOB as u64;
	(z.pow(&[n]) - Fr::from_u64(1)) * Fr::from_u64(n).inverse() * sum
}

/// The values of `(p(X) - y) / (X - z)` on [`DOMAIN`], where `y = p(z)`. When only the first values are given, the others are
/// taken for `y`, which makes those of the quotient zero; then `z` is the point of one of those given.
fn quotient(mut values: Vec<Fr>, z: Fr, y: Fr) -> Vec<Fr> {
	let hit = DOMAIN.iter().position(|w| *w == z);
	let mut inverses: Vec<_> = DOMAIN.iter().take(values.len()).map(|w| *w - z).collect();
	if let Some(hit) = hit {
		inverses[hit] = Fr::from_u64(1);
	}
	batch_inverse(&mut inverses);
	for (value, inverse) in values.iter_mut().zip(&inverses) {
		*value = (*value - y) * *inverse;
	}
	if let Some(hit) = hit {
		// In its own node the quotient is the derivative: -sum q_i w_i / z over the others.
		values[hit] = Fr::ZERO;
		let sum = values.iter().zip(DOMAIN.iter()).fold(Fr::ZERO, |sum, (q, w)| sum + *q * *w);
		values[hit] = -(sum * z.inverse());
	}
	values
}

/// Scalars as the bytes of a blob.
pub(crate) fn to_blob(scalars: &[Fr]) -> Vec<u8> {
	debug_assert_eq!(scalars.len() * 32, BLOB_BYTES);
	scalars.iter().flat_map(|scalar| scalar.to_be()).collect()
}

/// The blob of bytes made by [`to_blob`].
pub(crate) fn checked(bytes: &[u8]) -> &Blob {
	// Field elements are written in canonical form, and there are 4,096 of them.
	Blob::parse(bytes).unwrap_or(Blob::zero())
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	/// The oracle: one product after the other, in the form that field elements have everywhere else.
	fn naive(terms: &[(ScalarBytes, &Blob)]) -> Vec<Fr> {
		let mut sum = vec![Fr::ZERO; SCALARS_PER_BLOB];
		for (coefficient, blob) in terms {
			for (sum, scalar) in sum.iter_mut().zip(blob.scalars()) {
				*sum = *sum + Fr::from_be(coefficient) * Fr::from_be(scalar);
			}
		}
		sum
	}

	#[test]
	fn combinations_agree_with_field_arithmetic() {
		let largest = (-Fr::from_u64(1)).to_be();
		let random = |seed: u64| {
			let factor = Fr::from_u64(seed).pow(&[77]);
			let powers = std::iter::successors(Some(factor), |power| Some(*power * factor));
			to_blob(&powers.take(SCALARS_PER_BLOB).collect::<Vec<_>>())
		};
		let bytes = [random(3), random(5), largest.repeat(SCALARS_PER_BLOB)];
		let blobs = bytes.each_ref().map(|bytes| Blob::parse(bytes).unwrap());
		let mut sum = Combination::new();
		let mut terms = Vec::new();
		assert_eq!(sum.sum, naive(&terms));
		for coefficient in [Fr::ZERO, Fr::from_u64(1), Fr::from_u64(7).pow(&[99]), -Fr::from_u64(1)]
		{
			for blob in blobs.into_iter().chain([Blob::zero()]) {
				let coefficient = coefficient.to_be();
				sum.add(&coefficient, blob).unwrap();
				terms.push((coefficient, blob));
				assert_eq!(sum.sum, naive(&terms));
			}
		}
	}

	/// The blob with a power of each number, less one, in its place.
	fn sparse(scalars: &[(usize, u64)]) -> Vec<u8> {
		let mut values = vec![Fr::ZERO; SCALARS_PER_BLOB];
		for (place, scalar) in scalars {
			values[*place] = Fr::from_u64(*scalar).pow(&[77]) - Fr::from_u64(1);
		}
		to_blob(&values)
	}

	#[test]
	fn openings_at_places_are_those_of_the_division() {
		let engine = crate::msm::Pippenger;
		// Nothing; one scalar; the last that count as few, and one more; another at the end.
		let edge = FEW_SCALARS - 1;
		for (scalars, places) in [
			(vec![], vec![0, 9]),
			(vec![(0, 2)], vec![0, 1]),
			(vec![(3, 5), (5, 1)], vec![3, 5, 0, 7, 3]),
			(vec![(0, 3), (edge, 4)], vec![edge, 1, 0]),
			(vec![(0, 3), (edge + 1, 4)], vec![edge, edge + 1, 0]),
			(vec![(4095, 6)], vec![4095, 0]),
		] {
			let bytes = sparse(&scalars);
			let blob = Blob::parse(&bytes).unwrap();
			let opened = open_at_places(&engine, blob, &places).unwrap();
			let naive: Vec<_> = places
				.iter()
				.map(|place| open(&engine, blob, &domain_point(*place).unwrap()).unwrap().1)
				.collect();
			assert_eq!(opened, naive, "{scalars:?} at {places:?}");
		}
		let none = open_at_places(&engine, Blob::zero(), &[0, SCALARS_PER_BLOB]);
		assert_eq!(none, Err(ProverError::NoPlace { place: SCALARS_PER_BLOB }));
		assert_eq!(open_at_places(&engine, Blob::zero(), &[]), Ok(vec![]));
	}

	proptest! {
		#![proptest_config(ProptestConfig::with_cases(16))]

		#[test]
		fn openings_at_places_of_few_scalars_are_those_of_the_division(
			scalars in proptest::collection::vec((0..40usize, any::<u64>()), 0..20),
			place in 0..48usize,
		) {
			let engine = crate::msm::Pippenger;
			let bytes = sparse(&scalars);
			let blob = Blob::parse(&bytes).unwrap();
			let (_, naive) = open(&engine, blob, &domain_point(place).unwrap()).unwrap();
			prop_assert_eq!(open_at_places(&engine, blob, &[place]), Ok(vec![naive]));
		}
	}

	#[test]
	fn what_is_refused_changes_nothing() {
		let largest = (-Fr::from_u64(1)).to_be();
		let bytes = largest.repeat(SCALARS_PER_BLOB);
		let blob = Blob::parse(&bytes).unwrap();
		let mut sum = Combination::new();
		sum.add(&largest, blob).unwrap();
		let before = sum.sum.clone();
		let order = encoding::limbs_to_be(&encoding::MODULUS);
		for _ in 0..2 {
			assert_eq!(sum.add(&order, blob), Err(ProverError::BadCoefficient { index: 1 }));
			assert_eq!(sum.sum, before);
		}
		assert_eq!(sum.open(&crate::msm::Pippenger, &order), Err(ProverError::BadPoint));
	}
}
