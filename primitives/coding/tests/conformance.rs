//! One suite for both codes, over every profile that the protocol allows.

use nil_coding::{CodingError, StripeCode, codec_for, parity_commitments};
use nil_kzg::{Blob, Engines, G1Affine, encoding, stripe};
use nil_types::{
	CodeKind, Profile, ProfileError,
	layout::{BLOB_BYTES, SCALAR_BYTES, SCALARS_PER_BLOB},
};
use num_bigint::{BigInt, BigUint, Sign};
use rand::{Rng, RngCore, SeedableRng, rngs::StdRng, seq::SliceRandom};
use std::sync::Arc;

const CODES: [CodeKind; 2] = [CodeKind::Fr, CodeKind::Gf16];

fn every_profile() -> impl Iterator<Item = Profile> {
	CODES.into_iter().flat_map(Profile::all)
}

fn rng(profile: &Profile) -> StdRng {
	StdRng::seed_from_u64(u64::from(profile.k) << 16 | u64::from(profile.m) << 8)
}

/// Random data blobs with the edges in: the first scalars are zero, the last ones as large as they may be.
fn data_blobs(profile: &Profile, rng: &mut StdRng) -> Vec<Vec<u8>> {
	(0..profile.k)
		.map(|slot| {
			let mut blob = vec![0; BLOB_BYTES];
			rng.fill_bytes(&mut blob);
			let scalars = blob.as_chunks_mut::<SCALAR_BYTES>().0;
			scalars[0].fill(0);
			scalars[1].fill(if slot % 2 == 0 { 0xff } else { 0 });
			scalars[2].fill(if slot % 2 == 1 { 0xff } else { 0 });
			scalars[SCALARS_PER_BLOB - 1].fill(0xff);
			scalars.iter_mut().for_each(|scalar| scalar[0] = 0);
			blob
		})
		.collect()
}

fn slices(blobs: &[Vec<u8>]) -> Vec<&[u8]> {
	blobs.iter().map(Vec::as_slice).collect()
}

/// All `n` blobs of a row.
fn encode(code: &dyn StripeCode, data: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
	let mut parity = vec![vec![0xa5; BLOB_BYTES]; code.profile().m.into()];
	let mut targets: Vec<&mut [u8]> = parity.iter_mut().map(Vec::as_mut_slice).collect();
	code.encode_row(&slices(&data), &mut targets).unwrap();
	[data, parity].concat()
}

/// Rebuilds every slot outside of `present` and compares it.
fn check_reconstruction(code: &dyn StripeCode, row: &[Vec<u8>], present: &[u8]) {
	let given: Vec<(u8, &[u8])> =
		present.iter().map(|slot| (*slot, row[usize::from(*slot)].as_slice())).collect();
	let lost: Vec<u8> = (0..code.profile().n()).filter(|slot| !present.contains(slot)).collect();
	let mut blobs = vec![vec![0xa5; BLOB_BYTES]; lost.len()];
	let mut wanted: Vec<(u8, &mut [u8])> =
		lost.iter().copied().zip(blobs.iter_mut().map(Vec::as_mut_slice)).collect();
	code.reconstruct_row(&given, &mut wanted).unwrap();
	for (slot, blob) in lost.iter().zip(&blobs) {
		let profile = code.profile();
		assert!(
			*blob == row[usize::from(*slot)],
			"{profile} {:?}: slot {slot} from {present:?}",
			profile.code
		);
	}
}

#[test]
fn any_k_slots_bring_back_the_others() {
	for profile in every_profile() {
		let mut rng = rng(&profile);
		let code = codec_for(profile).unwrap();
		let row = encode(code.as_ref(), data_blobs(&profile, &mut rng));
		let mut slots: Vec<u8> = (0..profile.n()).collect();
		// As much parity as there is, then some at random, in any order.
		slots.reverse();
		check_reconstruction(code.as_ref(), &row, &slots[..profile.k.into()]);
		for _ in 0..2 {
			slots.shuffle(&mut rng);
			check_reconstruction(code.as_ref(), &row, &slots[..profile.k.into()]);
		}
	}
}

#[test]
fn every_eight_of_twelve() {
	for kind in CODES {
		let profile = Profile::new(8, 4, kind).unwrap();
		let code = codec_for(profile).unwrap();
		let row = encode(code.as_ref(), data_blobs(&profile, &mut rng(&profile)));
		for set in (0u16..1 << 12).filter(|set| set.count_ones() == 8) {
			let present: Vec<u8> = (0..12).filter(|slot| set >> slot & 1 == 1).collect();
			check_reconstruction(code.as_ref(), &row, &present);
		}
	}
}

/// From these nodes some weights of 16+16 are too large for integer arithmetic and are field elements.
#[test]
fn slots_far_apart_bring_back_the_others() {
	let profile = Profile::new(16, 16, CodeKind::Fr).unwrap();
	let code = codec_for(profile).unwrap();
	let row = encode(code.as_ref(), data_blobs(&profile, &mut rng(&profile)));
	let nodes = [0, 1, 3, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 27, 29, 31];
	let present: Vec<u8> =
		(0..32).filter(|slot| nodes.contains(&stripe::node(16, 16, *slot).unwrap())).collect();
	check_reconstruction(code.as_ref(), &row, &present);
}

#[test]
fn all_parity_is_canonical() {
	for profile in every_profile() {
		let code = codec_for(profile).unwrap();
		let row = encode(code.as_ref(), data_blobs(&profile, &mut rng(&profile)));
		for blob in &row {
			let scalars = blob.as_chunks::<SCALAR_BYTES>().0;
			match profile.code {
				CodeKind::Fr => assert!(scalars.iter().all(encoding::is_canonical), "{profile}"),
				CodeKind::Gf16 => assert!(scalars.iter().all(|s| s[0] == 0), "{profile}"),
			}
		}
	}
}

#[test]
fn one_data_slot_is_replication() {
	for profile in every_profile().filter(|profile| profile.k == 1) {
		let code = codec_for(profile).unwrap();
		let row = encode(code.as_ref(), data_blobs(&profile, &mut rng(&profile)));
		assert!(row.iter().all(|blob| *blob == row[0]), "{profile} {:?}", profile.code);
	}
}

#[test]
fn zeros_have_zero_parity() {
	for profile in every_profile() {
		let code = codec_for(profile).unwrap();
		let row = encode(code.as_ref(), vec![vec![0; BLOB_BYTES]; profile.k.into()]);
		assert!(row.iter().flatten().all(|byte| *byte == 0), "{profile} {:?}", profile.code);
	}
}

/// Parity by its definition: the interpolation polynomial's value, in big integers modulo `r`.
fn naive_parity(profile: &Profile, data: &[Vec<u8>], slot: u8, scalar: usize) -> [u8; 32] {
	let modulus = BigInt::from(BigUint::from_bytes_be(&encoding::limbs_to_be(&encoding::MODULUS)));
	let (k, low) = (i64::from(profile.k), i64::from(profile.m / 2));
	// Parity slots take the nodes below the data, then those above.
	let parity = i64::from(slot) - k;
	let x = if parity < low { parity } else { k + parity };
	let mut value = BigInt::ZERO;
	for (j, blob) in (low..).zip(data) {
		let mut term =
			BigInt::from(BigUint::from_bytes_be(&blob[scalar * SCALAR_BYTES..][..SCALAR_BYTES]));
		for other in (low..low + k).filter(|other| *other != j) {
			let inverse = BigInt::from(j - other).modinv(&modulus).unwrap();
			term = term * (x - other) * inverse % &modulus;
		}
		value += term;
	}
	let value = ((value % &modulus) + &modulus) % &modulus;
	let (sign, digits) = value.to_bytes_be();
	assert_ne!(sign, Sign::Minus);
	let mut bytes = [0; 32];
	bytes[32 - digits.len()..].copy_from_slice(&digits);
	bytes
}

#[test]
fn fr_parity_is_the_row_polynomials_value() {
	for profile in Profile::all(CodeKind::Fr) {
		let mut rng = rng(&profile);
		let code = codec_for(profile).unwrap();
		let row = encode(code.as_ref(), data_blobs(&profile, &mut rng));
		let (data, parity) = row.split_at(profile.k.into());
		for scalar in [0, 1, 2, SCALARS_PER_BLOB - 1, rng.random_range(3..SCALARS_PER_BLOB)] {
			for (slot, blob) in (profile.k..).zip(parity) {
				assert_eq!(
					blob[scalar * SCALAR_BYTES..][..SCALAR_BYTES],
					naive_parity(&profile, data, slot, scalar),
					"{profile}, slot {slot}, scalar {scalar}"
				);
			}
		}
	}
}

/// The library's own decoder is not consulted: any data blob must follow from the others by its encoder's linearity.
#[test]
fn gf16_is_linear() {
	let profile = Profile::new(8, 4, CodeKind::Gf16).unwrap();
	let code = codec_for(profile).unwrap();
	let mut rng = rng(&profile);
	let (a, b) = (data_blobs(&profile, &mut rng), data_blobs(&profile, &mut rng));
	let xor = |a: &[Vec<u8>], b: &[Vec<u8>]| -> Vec<Vec<u8>> {
		a.iter().zip(b).map(|(a, b)| a.iter().zip(b).map(|(a, b)| a ^ b).collect()).collect()
	};
	let sum = encode(code.as_ref(), xor(&a, &b));
	assert!(sum == xor(&encode(code.as_ref(), a), &encode(code.as_ref(), b)));
}

#[test]
fn derived_parity_commitments_are_those_of_the_parity_blobs() {
	let engine = Engines::pippenger();
	for (k, m) in [(1, 2), (2, 3), (8, 4), (16, 16)] {
		let profile = Profile::new(k, m, CodeKind::Fr).unwrap();
		let code = codec_for(profile).unwrap();
		let row = encode(code.as_ref(), data_blobs(&profile, &mut rng(&profile)));
		let blobs: Vec<&Blob> = row.iter().map(|blob| Blob::parse(blob).unwrap()).collect();
		let commitments = engine.commit(&blobs);
		let (data, parity) = commitments.split_at(k.into());
		assert_eq!(parity_commitments(&profile, data).unwrap(), parity, "{profile}");
	}
}

#[test]
fn parity_commitments_are_strict() {
	let fr = Profile::DEFAULT;
	for found in [0, 7, 9] {
		assert_eq!(
			parity_commitments(&fr, &vec![G1Affine::INFINITY; found]),
			Err(CodingError::Count { what: "data commitments", found, expected: 8 })
		);
	}
	let gf16 = Profile { code: CodeKind::Gf16, ..fr };
	assert_eq!(
		parity_commitments(&gf16, &[G1Affine::INFINITY; 8]),
		Err(CodingError::NotDerivable(CodeKind::Gf16))
	);
	assert_eq!(
		parity_commitments(&Profile { k: 3, ..fr }, &[G1Affine::INFINITY; 3]),
		Err(CodingError::Profile(ProfileError::DataSlots(3)))
	);
	let zeros = parity_commitments(&fr, &[G1Affine::INFINITY; 8]).unwrap();
	assert_eq!(zeros, [G1Affine::INFINITY; 4]);
}

#[test]
fn the_generator_covers_every_profile() {
	for profile in Profile::all(CodeKind::Fr) {
		let generator = stripe::generator(profile.k, profile.m).unwrap();
		// What makes the fast path of encoding apply to every profile.
		for row in generator.rows() {
			assert!(row.iter().map(|c| c.unsigned_abs()).sum::<u128>() < 1 << 48, "{profile}");
		}
	}
}

fn codes() -> impl Iterator<Item = Arc<dyn StripeCode>> {
	CODES.into_iter().map(|code| codec_for(Profile::new(2, 2, code).unwrap()).unwrap())
}

#[test]
fn invalid_profiles_have_no_code() {
	for code in CODES {
		for (k, m, error) in [
			(0, 4, ProfileError::DataSlots(0)),
			(32, 1, ProfileError::TooManySlots(33)),
			(8, 0, ProfileError::NoParity),
			(3, 1, ProfileError::DataSlots(3)),
		] {
			assert_eq!(codec_for(Profile { k, m, code }).unwrap_err(), CodingError::Profile(error));
		}
	}
}

#[test]
fn encoding_is_strict() {
	for code in codes() {
		let blob = vec![0; BLOB_BYTES];
		let mut parity = [vec![0; BLOB_BYTES], vec![0; BLOB_BYTES]];
		let mut run = |data: &[&[u8]], count: usize, len: usize| {
			let mut targets: Vec<&mut [u8]> =
				parity.iter_mut().take(count).map(|blob| &mut blob[..len]).collect();
			code.encode_row(data, &mut targets)
		};
		let count = |what, found| Err(CodingError::Count { what, found, expected: 2 });
		assert_eq!(run(&[&blob], 2, BLOB_BYTES), count("data blobs", 1));
		assert_eq!(run(&[&blob, &blob, &blob], 2, BLOB_BYTES), count("data blobs", 3));
		assert_eq!(run(&[&blob, &blob], 1, BLOB_BYTES), count("parity blobs", 1));
		for found in [0, BLOB_BYTES - 1, BLOB_BYTES - 32] {
			assert_eq!(
				run(&[&blob, &blob[..found]], 2, BLOB_BYTES),
				Err(CodingError::Length { slot: 1, found })
			);
			assert_eq!(run(&[&blob, &blob], 2, found), Err(CodingError::Length { slot: 2, found }));
		}
		let long = vec![0; BLOB_BYTES + 1];
		assert_eq!(
			run(&[&long, &blob], 2, BLOB_BYTES),
			Err(CodingError::Length { slot: 0, found: BLOB_BYTES + 1 })
		);
		let mut bad = blob.clone();
		bad[4095 * 32] = 1;
		assert_eq!(
			run(&[&blob, &bad], 2, BLOB_BYTES),
			Err(CodingError::Scalar { slot: 1, scalar: 4095 })
		);
		assert_eq!(run(&[&blob, &blob], 2, BLOB_BYTES), Ok(()));
	}
}

#[test]
fn reconstruction_is_strict() {
	for code in codes() {
		let blob = vec![0; BLOB_BYTES];
		let mut out = vec![0; BLOB_BYTES];
		let mut run = |present: &[(u8, &[u8])], wanted: u8| {
			code.reconstruct_row(present, &mut [(wanted, &mut out)])
		};
		let b = blob.as_slice();
		assert_eq!(run(&[], 0), Err(CodingError::TooFew { found: 0, needed: 2 }));
		assert_eq!(run(&[(1, b)], 0), Err(CodingError::TooFew { found: 1, needed: 2 }));
		assert_eq!(run(&[(1, b), (1, b)], 0), Err(CodingError::Repeated(1)));
		for slot in [4, 31, 32, 255] {
			let error = Err(CodingError::Slot { slot, slots: 4 });
			assert_eq!(run(&[(1, b), (slot, b)], 0), error);
			assert_eq!(run(&[(1, b), (2, b)], slot), error);
		}
		assert_eq!(
			run(&[(1, b), (2, &b[1..])], 0),
			Err(CodingError::Length { slot: 2, found: BLOB_BYTES - 1 })
		);
		let mut bad = blob.clone();
		bad[64] = 0xff;
		for slot in [1, 2] {
			assert_eq!(
				run(&[(3, b), (slot, &bad)], 0),
				Err(CodingError::Scalar { slot, scalar: 2 })
			);
		}
		assert_eq!(run(&[(3, b), (1, b)], 0), Ok(()));
		let mut twice = [vec![0; BLOB_BYTES], vec![0; BLOB_BYTES]];
		let [first, second] = &mut twice;
		assert_eq!(
			code.reconstruct_row(&[(0, b), (1, b)], &mut [(3, first), (3, second)]),
			Err(CodingError::Repeated(3))
		);
		let mut short = vec![0; 1];
		assert_eq!(
			code.reconstruct_row(&[(0, b), (1, b)], &mut [(3, &mut short)]),
			Err(CodingError::Length { slot: 3, found: 1 })
		);
	}
}

#[test]
fn a_scalar_equal_to_the_order_is_refused() {
	let code = codec_for(Profile::new(2, 2, CodeKind::Fr).unwrap()).unwrap();
	let blob = vec![0; BLOB_BYTES];
	let mut parity = blob.clone();
	parity[32..64].copy_from_slice(&encoding::limbs_to_be(&encoding::MODULUS));
	let mut out = vec![0; BLOB_BYTES];
	let mut run =
		|parity: &[u8]| code.reconstruct_row(&[(0, &blob), (3, parity)], &mut [(1, &mut out)]);
	assert_eq!(run(&parity), Err(CodingError::Scalar { slot: 3, scalar: 1 }));
	parity[63] -= 1;
	assert_eq!(run(&parity), Ok(()));
}

#[test]
fn wanted_slots_that_are_present_are_copied_and_more_than_k_may_be_given() {
	for code in codes() {
		let profile = *code.profile();
		let row = encode(code.as_ref(), data_blobs(&profile, &mut rng(&profile)));
		let present: Vec<(u8, &[u8])> = (0..4).zip(slices(&row)).collect();
		let mut out = [vec![0; BLOB_BYTES], vec![0; BLOB_BYTES]];
		let [a, b] = &mut out;
		code.reconstruct_row(&present, &mut [(3, a), (0, b)]).unwrap();
		assert!(out[0] == row[3] && out[1] == row[0]);
		let [a, b] = &mut out;
		code.reconstruct_row(&present[..3], &mut [(1, a), (3, b)]).unwrap();
		assert!(out[0] == row[1] && out[1] == row[3]);
	}
}
