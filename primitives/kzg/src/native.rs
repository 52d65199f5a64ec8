//! The backend on blst, for nodes, providers and clients.

use crate::{
	field::{Fr, G1Projective},
	msm,
	point::G1Affine,
	setup,
	types::{CombinedOpening, Opening, VerifyError},
	verify::{self, Backend},
};
use blst::{blst_fp6, blst_fp12, blst_p2_affine};
use std::sync::LazyLock;

/// [`verify::openings`] on this backend.
pub fn verify_openings(openings: &[Opening]) -> Result<(), VerifyError> {
	verify::openings::<Native>(openings)
}

/// [`verify::answer`] on this backend.
pub fn verify_answer(openings: &[Opening], combined: &CombinedOpening) -> Result<(), VerifyError> {
	verify::answer::<Native>(openings, combined)
}

/// [`verify::parity`] on this backend.
pub fn verify_parity(
	profile_k_m: (u8, u8),
	data: &[[u8; 48]],
	parity: &[[u8; 48]],
) -> Result<(), VerifyError> {
	verify::parity::<Native>(profile_k_m, data, parity)
}

/// [`verify::extend_manifest`] on this backend.
pub fn extend_manifest(
	manifest: &[u8; 96],
	first: u32,
	roots: &[[u8; 32]],
) -> Result<[u8; 96], VerifyError> {
	verify::extend_manifest::<Native>(manifest, first, roots)
}

/// [`verify::compress`] on this backend.
pub fn compress(point: &[u8; 96]) -> Result<[u8; 48], VerifyError> {
	verify::compress::<Native>(point)
}

/// blst.
#[derive(Clone, Copy, Debug)]
pub struct Native;

/// A scalar of [`Native`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NativeFr(Fr);

impl Backend for Native {
	type Fr = NativeFr;
	type G1 = G1Affine;

	fn scalar(limbs: &[u64; 4]) -> NativeFr {
		NativeFr(Fr::from_limbs(limbs))
	}

	fn add(a: NativeFr, b: NativeFr) -> NativeFr {
		NativeFr(a.0 + b.0)
	}

	fn mul(a: NativeFr, b: NativeFr) -> NativeFr {
		NativeFr(a.0 * b.0)
	}

	fn neg(a: NativeFr) -> NativeFr {
		NativeFr(-a.0)
	}

	fn infinity() -> G1Affine {
		G1Affine::INFINITY
	}

	fn is_infinity(point: &G1Affine) -> bool {
		point.is_infinity()
	}

	fn decompress(bytes: &[u8; 48]) -> Option<G1Affine> {
		G1Affine::decompress_finite(bytes)
	}

	fn deserialize(bytes: &[u8; 96]) -> Option<G1Affine> {
		G1Affine::deserialize_finite(bytes)
	}

	fn compress(point: &G1Affine) -> [u8; 48] {
		point.compress()
	}

	fn serialize(point: &G1Affine) -> [u8; 96] {
		point.serialize()
	}

	fn in_subgroup(point: &G1Affine) -> bool {
		point.in_subgroup()
	}

	fn add_points(a: &G1Affine, b: &G1Affine) -> G1Affine {
		G1Affine(G1Projective::from_affine(&a.0).plus_affine(&b.0).to_affine())
	}

	fn msm(points: &[G1Affine], scalars: &[NativeFr], bits: usize) -> G1Affine {
		let limbs: Vec<_> = scalars.iter().map(|scalar| scalar.0.to_limbs()).collect();
		msm::multiply(points, &limbs, bits)
	}

	fn lagrange_msm(first: usize, scalars: &[NativeFr]) -> G1Affine {
		let points = msm::lagrange_points().get(first..).unwrap_or_default();
		Self::msm(points.get(..scalars.len()).unwrap_or(points), scalars, 255)
	}

	fn pairings_agree(a: &G1Affine, b: &G1Affine) -> bool {
		let [generator, tau] = &*PREPARED_G2;
		let minus_b = G1Projective::from_affine(&b.0).negated().to_affine();
		let mut product = blst_fp12::default();
		for (lines, point) in [(generator, &a.0), (tau, &minus_b)] {
			// A pairing with infinity is 1.
			if *point == G1Affine::INFINITY.0 {
				continue;
			}
			let mut factor = blst_fp12::default();
			// SAFETY: `lines` holds the 68 values that `blst_precompute_lines` wrote, which is what blst reads here.
			unsafe { blst::blst_miller_loop_lines(&mut factor, lines.as_ptr(), point) };
			product *= factor;
		}
		product.final_exp() == blst_fp12::default()
	}
}

/// Line functions of a Miller loop with a fixed point of G2.
type Lines = [blst_fp6; 68];

static PREPARED_G2: LazyLock<[Lines; 2]> = LazyLock::new(|| {
	let g2 = setup::g2();
	std::array::from_fn(|i| {
		let mut point = blst_p2_affine::default();
		let mut lines = [blst_fp6::default(); 68];
		// SAFETY: blst reads 192 bytes and writes a whole value; the setup's points are on the curve and finite.
		unsafe { blst::blst_p2_deserialize(&mut point, g2[i].as_ptr()) };
		// SAFETY: blst writes 68 values.
		unsafe { blst::blst_precompute_lines(lines.as_mut_ptr(), &point) };
		lines
	})
});
