//! The backend on the curve functions of [RFC-163](https://github.com/polkadot-fellows/RFCs/pull/163), for the inside of
//! the runtime where a relay chain has enabled them: its validators then multiply and pair natively.
//!
//! What those functions do with points outside of the prime-order subgroup is nowhere specified (arkworks' scalar
//! multiplication uses an endomorphism there, so it gives another point than doubling and adding). So subgroups are
//! checked in the runtime itself, only members go to the host, and everything else is left to [`Portable`].

use crate::{
	portable::{self, Portable},
	types::{CombinedOpening, Opening, VerifyError},
	verify::{self, Backend},
};
use alloc::vec::Vec;
use ark_bls12_381::{Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup, pairing::Pairing, short_weierstrass::SWCurveConfig};
use ark_ff::Zero;
use sp_crypto_ec_utils::bls12_381 as host;

/// [`verify::openings`] on this backend.
pub fn verify_openings(openings: &[Opening]) -> Result<(), VerifyError> {
	verify::openings::<Rfc163>(openings)
}

/// [`verify::answer`] on this backend.
pub fn verify_answer(openings: &[Opening], combined: &CombinedOpening) -> Result<(), VerifyError> {
	verify::answer::<Rfc163>(openings, combined)
}

/// [`verify::parity`] on this backend.
pub fn verify_parity(
	profile_k_m: (u8, u8),
	data: &[[u8; 48]],
	parity: &[[u8; 48]],
) -> Result<(), VerifyError> {
	verify::parity::<Rfc163>(profile_k_m, data, parity)
}

/// [`verify::extend_manifest`] on this backend.
pub fn extend_manifest(
	manifest: &[u8; 96],
	first: u32,
	roots: &[[u8; 32]],
) -> Result<[u8; 96], VerifyError> {
	verify::extend_manifest::<Rfc163>(manifest, first, roots)
}

/// [`verify::compress`] on this backend.
pub fn compress(point: &[u8; 96]) -> Result<[u8; 48], VerifyError> {
	verify::compress::<Rfc163>(point)
}

/// arkworks, with the host's multi-scalar multiplication and pairing.
#[derive(Clone, Copy, Debug)]
pub struct Rfc163;

/// A point of the curve.
#[derive(Clone, Copy, Debug)]
pub struct Point {
	affine: G1Affine,
	/// Whether the host may see it: it is in the subgroup, or was decompressed and is about to be tested, as the
	/// checks do with every point that they decompress.
	member: bool,
}

impl Point {
	fn member(affine: G1Affine) -> Self {
		Self { affine, member: true }
	}
}

impl Backend for Rfc163 {
	type Fr = Fr;
	type G1 = Point;

	fn scalar(limbs: &[u64; 4]) -> Fr {
		Portable::scalar(limbs)
	}

	fn add(a: Fr, b: Fr) -> Fr {
		Portable::add(a, b)
	}

	fn mul(a: Fr, b: Fr) -> Fr {
		Portable::mul(a, b)
	}

	fn neg(a: Fr) -> Fr {
		Portable::neg(a)
	}

	fn infinity() -> Point {
		Point::member(Portable::infinity())
	}

	fn is_infinity(point: &Point) -> bool {
		Portable::is_infinity(&point.affine)
	}

	fn decompress(bytes: &[u8; 48]) -> Option<Point> {
		Portable::decompress(bytes).map(Point::member)
	}

	fn deserialize(bytes: &[u8; 96]) -> Option<Point> {
		// Nobody will test this one: its origin is trusted.
		let affine = Portable::deserialize(bytes)?;
		Some(Point { affine, member: Portable::in_subgroup(&affine) })
	}

	fn compress(point: &Point) -> [u8; 48] {
		Portable::compress(&point.affine)
	}

	fn serialize(point: &Point) -> [u8; 96] {
		Portable::serialize(&point.affine)
	}

	fn in_subgroup(point: &Point) -> bool {
		Portable::in_subgroup(&point.affine)
	}

	fn add_points(a: &Point, b: &Point) -> Point {
		Point { affine: Portable::add_points(&a.affine, &b.affine), member: a.member && b.member }
	}

	fn msm(points: &[Point], scalars: &[Fr], bits: usize) -> Point {
		if points.iter().all(|point| point.member) {
			let points: Vec<_> = points.iter().map(|point| to_host(&point.affine)).collect();
			return Point::member(host_msm(&points, scalars));
		}
		let points: Vec<_> = points.iter().map(|point| point.affine).collect();
		Point { affine: Portable::msm(&points, scalars, bits), member: false }
	}

	fn lagrange_msm(first: usize, scalars: &[Fr]) -> Point {
		let points: Vec<_> =
			portable::lagrange_points(first, scalars.len()).iter().map(to_host).collect();
		Point::member(host_msm(&points, scalars))
	}

	fn pairings_agree(a: &Point, b: &Point) -> bool {
		if !(a.member && b.member) {
			return Portable::pairings_agree(&a.affine, &b.affine);
		}
		let g1 = [to_host(&a.affine), to_host(&-b.affine)];
		let g2 = portable::g2_points().iter().map(g2_to_host).collect::<Vec<_>>();
		let product = host::Bls12_381::multi_miller_loop(g1, g2);
		host::Bls12_381::final_exponentiation(product).is_some_and(|output| output.is_zero())
	}
}

/// The host takes no fewer scalars than points; both come from the same list.
fn host_msm(points: &[host::G1Affine], scalars: &[Fr]) -> G1Affine {
	if points.is_empty() {
		return G1Affine::identity();
	}
	let sum = host::G1Config::msm(points, scalars).map(CurveGroup::into_affine);
	sum.ok()
		.and_then(|sum| sum.xy())
		.map_or_else(G1Affine::identity, |(x, y)| G1Affine::new_unchecked(x, y))
}

fn to_host(point: &G1Affine) -> host::G1Affine {
	point.xy().map_or_else(host::G1Affine::identity, |(x, y)| host::G1Affine::new_unchecked(x, y))
}

fn g2_to_host(point: &G2Affine) -> host::G2Affine {
	point.xy().map_or_else(host::G2Affine::identity, |(x, y)| host::G2Affine::new_unchecked(x, y))
}
