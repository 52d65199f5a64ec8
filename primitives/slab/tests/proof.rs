//! Manifests and chained proofs, and every way in which they can be wrong.

mod common;

use codec::Encode;
use common::{CODES, encode, engine, profile, random_bytes};
use nil_kzg::{Blob, PointRef, VerifyError};
use nil_slab::{
	ChainedProof, DealManifests, EncodedMdu,
	manifest::{self, ManifestError},
	proof::{ProofError, verify_many},
	tree::TreeError,
};
use nil_types::{
	CodeKind, Hash32, Profile, hash_to_fr,
	layout::{BLOB_BYTES, BLOB_PAYLOAD, MAX_MDUS},
};
use proptest::prelude::*;
use std::sync::LazyLock;

fn root(i: u64) -> Hash32 {
	hash_to_fr(&i.to_le_bytes())
}

fn roots(count: u64) -> Vec<Hash32> {
	(0..count).map(root).collect()
}

#[test]
fn a_manifest_is_the_commitment_of_the_blob_of_roots() {
	for count in [0, 1, 7, 4096] {
		let roots = roots(count);
		let blob = manifest::roots_blob(&roots);
		let direct = engine().commit(&[Blob::parse(&blob).unwrap()])[0].serialize();
		match manifest::points(&roots).unwrap().as_slice() {
			[] => assert_eq!((count, direct), (0, manifest::EMPTY)),
			points => assert_eq!(points, [direct]),
		}
	}
}

#[test]
fn manifests_grow_as_commits_come() {
	let roots = roots(4096 + 9);
	let whole = manifest::points(&roots).unwrap();
	assert_eq!(whole.len(), 2);
	let mut points = Vec::new();
	let mut total = 0u64;
	for end in [3, 3, 4000, 4096, 4100, 4105] {
		points = manifest::extend(&points, total, &roots[total as usize..end]).unwrap();
		total = end as u64;
		assert_eq!(points, manifest::points(&roots[..end]).unwrap());
	}
	assert_eq!(points, whole);
	// Over a border in one go.
	let before = manifest::points(&roots[..4090]).unwrap();
	assert_eq!(manifest::extend(&before, 4090, &roots[4090..]).unwrap(), whole);
}

#[test]
fn bad_manifests_are_refused() {
	let one = manifest::points(&roots(1)).unwrap();
	assert_eq!(
		manifest::extend(&one, MAX_MDUS, &[root(0)]),
		Err(ManifestError::TooManyRoots { found: MAX_MDUS + 1, max: MAX_MDUS })
	);
	assert_eq!(
		manifest::extend(&one, 4097, &[root(0)]),
		Err(ManifestError::Points { found: 1, expected: 2, mdus: 4097 })
	);
	assert_eq!(
		manifest::points(&[root(0), [0xff; 32]]),
		Err(ManifestError::Verify(VerifyError::BadScalar { index: 1 }))
	);
	let error = manifest::open(engine().as_ref(), &[root(0)], 1);
	assert_eq!(error, Err(ManifestError::Mdu { mdu: 1, mdus: 1 }));
	assert!(matches!(
		manifest::open(engine().as_ref(), &[[1; 32]], 0),
		Err(ManifestError::Roots(_))
	));
	assert!(manifest::compress(&[0xff; 96]).is_err());
}

#[test]
fn openings_made_together_are_those_made_alone() {
	// More than fit one call of the engine, and one place twice.
	let roots = roots(4096 + 70);
	let group = &roots[4096..];
	let places: Vec<usize> = (0..70).chain([3]).collect();
	let together = manifest::open_places(engine().as_ref(), group, &places).unwrap();
	assert_eq!(together.len(), 71);
	for place in [0, 3, 64, 69] {
		let alone = manifest::open(engine().as_ref(), &roots, 4096 + place as u64).unwrap();
		assert_eq!(together[place], alone, "{place}");
	}
	assert_eq!(together[70], together[3]);
	assert_eq!(manifest::open_places(engine().as_ref(), group, &[]), Ok(vec![]));
	assert_eq!(
		manifest::open_places(engine().as_ref(), group, &[70]),
		Err(ManifestError::Mdu { mdu: 70, mdus: 70 })
	);
	assert_eq!(
		manifest::open_places(engine().as_ref(), &roots, &[0]),
		Err(ManifestError::TooManyRoots { found: 4166, max: 4096 })
	);
}

#[test]
fn places_are_roots_of_unity_in_bit_reversed_order() {
	let one = nil_kzg::stripe::scalar_from_integer(1);
	assert_eq!(manifest::place_of(0), one);
	assert_eq!(manifest::place_of(1), nil_kzg::stripe::scalar_from_integer(-1));
	assert_eq!(manifest::place_of(4096), one);
	assert_eq!((manifest::group_of(4095), manifest::group_of(4096)), (0, 1));
}

/// A deal of five MDUs; the one at `MDU` is real.
struct Deal {
	profile: Profile,
	roots: Vec<Hash32>,
	points: Vec<PointRef>,
	mdu: EncodedMdu,
}

const MDU: u64 = 3;

impl Deal {
	fn new(code: CodeKind) -> Self {
		let profile = profile(4, 2, code);
		let mdu = encode(profile, &random_bytes(5 * BLOB_PAYLOAD + 9, 4));
		let mut roots = roots(5);
		roots[MDU as usize] = mdu.root;
		let points = manifest::points(&roots).unwrap().into_iter().map(PointRef::Trusted).collect();
		Self { profile, roots, points, mdu }
	}

	fn view(&self) -> DealManifests<'_> {
		DealManifests {
			profile: self.profile,
			total_mdus: self.roots.len() as u64,
			points: &self.points,
		}
	}

	/// Proves `slot`'s blob of `row`.
	fn prove(&self, slot: u8, row: u8, z: &[u8; 32]) -> ChainedProof {
		let witness = self.mdu.witness.check(&self.profile).unwrap();
		let shard = &self.mdu.shards[usize::from(slot)];
		let blob = Blob::parse(&shard[usize::from(row) * BLOB_BYTES..][..BLOB_BYTES]).unwrap();
		let leaf = self.profile.leaf(slot, row);
		ChainedProof::make(engine().as_ref(), &self.roots, MDU, &witness, leaf, blob, z).unwrap()
	}
}

static FR: LazyLock<(Deal, ChainedProof)> = LazyLock::new(|| {
	let deal = Deal::new(CodeKind::Fr);
	let proof = deal.prove(5, 1, &root(77));
	(deal, proof)
});

#[test]
fn proofs_of_any_slot_hold_alone_and_together() {
	for code in CODES {
		let deal = Deal::new(code);
		let proofs: Vec<_> = [(0, 0), (3, 1), (4, 0), (5, 1)]
			.map(|(slot, row)| deal.prove(slot, row, &root(5)))
			.into();
		for proof in &proofs {
			assert_eq!(proof.verify(&deal.view()), Ok(()));
		}
		let batch: Vec<_> = proofs.iter().map(|proof| (deal.view(), proof)).collect();
		assert_eq!(verify_many(&batch), Ok(()));
		// Against the compressed manifest, as a client gets it from the chain.
		let points = manifest::points(&deal.roots).unwrap();
		let compressed = [PointRef::Compressed(manifest::compress(&points[0]).unwrap())];
		let view = DealManifests { points: &compressed, ..deal.view() };
		assert_eq!(proofs[0].verify(&view), Ok(()));
		// One false proof spoils the batch.
		let mut wrong = proofs[2].clone();
		wrong.y = root(1);
		let batch: Vec<_> =
			[&proofs[0], &wrong, &proofs[1]].map(|proof| (deal.view(), proof)).into();
		assert_eq!(verify_many(&batch), Err(ProofError::Openings(VerifyError::Rejected)));
	}
	assert_eq!(verify_many(&[]), Ok(()));
}

#[test]
fn proofs_of_two_deals_do_not_mix() {
	let (fr, proof) = &*FR;
	let gf16 = Deal::new(CodeKind::Gf16);
	let other = gf16.prove(0, 0, &root(5));
	assert_eq!(verify_many(&[(fr.view(), proof), (gf16.view(), &other)]), Ok(()));
	let rejected = Err(ProofError::Openings(VerifyError::Rejected));
	assert_eq!(verify_many(&[(gf16.view(), proof), (fr.view(), &other)]), rejected);
}

fn tampered(change: impl FnOnce(&mut ChainedProof)) -> Result<(), ProofError> {
	let (deal, proof) = &*FR;
	let mut proof = proof.clone();
	change(&mut proof);
	proof.verify(&deal.view())
}

#[test]
fn each_false_claim_is_rejected() {
	assert_eq!(tampered(|_| ()), Ok(()));
	let rejected = Err(ProofError::Openings(VerifyError::Rejected));
	assert_eq!(tampered(|p| p.mdu = 2), rejected);
	assert_eq!(tampered(|p| p.live += 1), rejected);
	assert_eq!(tampered(|p| p.leaf ^= 1), rejected);
	assert_eq!(tampered(|p| p.path[2][7] ^= 1), rejected);
	assert_eq!(tampered(|p| p.path.swap(0, 1)), rejected);
	assert_eq!(tampered(|p| p.z[31] ^= 1), rejected);
	assert_eq!(tampered(|p| p.y[31] ^= 1), rejected);
	assert_eq!(tampered(|p| p.opening = p.manifest_opening), rejected);
	assert_eq!(tampered(|p| p.manifest_opening = p.opening), rejected);
	// Another blob of the MDU, properly opened, under this one's path.
	let (deal, _) = &*FR;
	let other = deal.prove(4, 1, &root(77));
	assert_eq!(
		tampered(|p| (p.commitment, p.y, p.opening) = (other.commitment, other.y, other.opening)),
		rejected
	);
	// The value and opening of another blob.
	assert_eq!(tampered(|p| (p.y, p.opening) = (other.y, other.opening)), rejected);
}

#[test]
fn each_malformed_part_is_named() {
	let structure = |source| Err(ProofError::Structure { index: 0, source });
	// 4+2: 6 slots of 16 rows, 96 leaves under 128.
	assert_eq!(tampered(|p| p.leaf = 96), structure(TreeError::Leaf { leaf: 96, leaves: 96 }));
	for live in [0, 65] {
		assert_eq!(tampered(|p| p.live = live), structure(TreeError::Live(live)));
	}
	let length = |found| structure(TreeError::PathLength { found, expected: 7 });
	assert_eq!(tampered(|p| p.path.truncate(6)), length(6));
	assert_eq!(tampered(|p| p.path.push([0; 32])), length(8));
	assert_eq!(tampered(|p| p.mdu = 5), Err(ProofError::Mdu { index: 0, mdu: 5, total_mdus: 5 }));
	let openings = |error| Err(ProofError::Openings(error));
	assert_eq!(tampered(|p| p.z = [0xff; 32]), openings(VerifyError::BadScalar { index: 2 }));
	assert_eq!(tampered(|p| p.y = [0xff; 32]), openings(VerifyError::BadScalar { index: 3 }));
	assert_eq!(
		tampered(|p| p.manifest_opening = [0xff; 48]),
		openings(VerifyError::BadPoint { index: 1 })
	);
	assert_eq!(tampered(|p| p.opening = [0; 48]), openings(VerifyError::BadPoint { index: 3 }));
	// (0, 2) is on the curve but of order 3.
	let mut torsion = [0; 48];
	torsion[0] = 0x80;
	assert_eq!(
		tampered(|p| p.opening = torsion),
		openings(VerifyError::NotInSubgroup { index: 3 })
	);
}

/// The value plus the group order is the same number, but another encoding.
#[test]
fn aliased_scalars_never_verify() {
	let alias = |scalar: &mut [u8; 32]| {
		let modulus = nil_kzg::encoding::limbs_to_be(&nil_kzg::encoding::MODULUS);
		let mut carry = 0u16;
		for (byte, add) in scalar.iter_mut().zip(modulus).rev() {
			carry += u16::from(*byte) + u16::from(add);
			*byte = carry as u8;
			carry >>= 8;
		}
	};
	let bad = |index| Err(ProofError::Openings(VerifyError::BadScalar { index }));
	assert_eq!(tampered(|p| alias(&mut p.z)), bad(2));
	assert_eq!(tampered(|p| alias(&mut p.y)), bad(3));
}

#[test]
fn the_deal_must_be_the_proofs() {
	let (deal, proof) = &*FR;
	let view = deal.view();
	let error = proof.verify(&DealManifests { points: &[], ..view });
	assert_eq!(error, Err(ProofError::Manifest { index: 0, group: 0, manifests: 0 }));
	let rejected = Err(ProofError::Openings(VerifyError::Rejected));
	let code = CodeKind::Gf16;
	let profile = Profile { code, ..deal.profile };
	assert_eq!(proof.verify(&DealManifests { profile, ..view }), rejected);
	let other = manifest::points(&roots(5)).unwrap();
	assert_eq!(
		proof.verify(&DealManifests { points: &[PointRef::Trusted(other[0])], ..view }),
		rejected
	);
	let profile = Profile { k: 0, ..deal.profile };
	assert!(matches!(
		proof.verify(&DealManifests { profile, ..view }),
		Err(ProofError::Structure { .. })
	));
}

#[test]
fn proofs_cannot_be_made_for_what_is_not_there() {
	let (deal, _) = &*FR;
	let witness = deal.mdu.witness.check(&deal.profile).unwrap();
	let make = |mdu, leaf, z: [u8; 32]| {
		ChainedProof::make(engine().as_ref(), &deal.roots, mdu, &witness, leaf, Blob::zero(), &z)
	};
	assert!(make(MDU, 96, root(0)).is_err());
	assert!(make(5, 0, root(0)).is_err());
	assert!(make(MDU, 0, [0xff; 32]).is_err());
	// A proof with the wrong blob can be made, but does not hold.
	let wrong = make(MDU, 0, root(0)).unwrap();
	assert_eq!(wrong.verify(&deal.view()), Err(ProofError::Openings(VerifyError::Rejected)));
}

#[test]
fn proofs_are_read_strictly() {
	let (_, proof) = &*FR;
	let bytes = proof.encode();
	assert_eq!(bytes.len(), 8 + 1 + 2 + 48 + 1 + 7 * 32 + 48 + 32 + 32 + 48);
	assert_eq!(ChainedProof::decode_strict(&bytes).as_ref(), Ok(proof));
	assert!(ChainedProof::decode_strict(&[bytes.as_slice(), &[0]].concat()).is_err());
	assert!(ChainedProof::decode_strict(&bytes[..bytes.len() - 1]).is_err());
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(48))]

	#[test]
	fn no_flipped_bit_verifies(at: prop::sample::Index, bit in 0..8u8) {
		let (deal, proof) = &*FR;
		let mut bytes = proof.encode();
		let at = at.index(bytes.len());
		bytes[at] ^= 1 << bit;
		if let Ok(other) = ChainedProof::decode_strict(&bytes) {
			prop_assert!(other.verify(&deal.view()).is_err());
		}
	}

	#[test]
	fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
		if let Ok(proof) = ChainedProof::decode_strict(&bytes) {
			prop_assert_eq!(proof.encode(), bytes);
		}
	}
}
