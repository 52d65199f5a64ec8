//! Answers to samples, beside the chained proofs that say the same one by one.

mod common;

use codec::Encode;
use common::{encode, engine, profile, random_bytes};
use nil_kzg::{Blob, G1Affine, PointRef, VerifyError, combine_commitments, verify::G1_GENERATOR};
use nil_slab::{
	Answer, AnswerBuilder, AnswerPart, ChainedProof, DealManifests,
	answer::{AnswerError, AnswerMakeError},
	manifest,
	proof::{ProofError, verify_many},
	tree::TreeError,
	witness::{CheckedWitness, INFINITY},
};
use nil_types::{
	CodeKind, G1Compressed, Hash32, MduIndex, Profile,
	challenge::{evaluation_point, gamma},
	hash_to_fr,
	layout::{BLOB_BYTES, BLOB_PAYLOAD},
};
use proptest::prelude::*;
use std::sync::LazyLock;

const R_E: Hash32 = [3; 32];
const PROVIDER: Hash32 = [4; 32];

/// A deal of which one MDU, the last but one, is real.
struct Deal {
	profile: Profile,
	roots: Vec<Hash32>,
	points: Vec<PointRef>,
	mdu: MduIndex,
	shards: Vec<Vec<u8>>,
	witness: CheckedWitness,
	manifest_opening: G1Compressed,
}

fn points(roots: &[Hash32]) -> Vec<PointRef> {
	manifest::points(roots).unwrap().into_iter().map(PointRef::Trusted).collect()
}

impl Deal {
	fn new(profile: Profile, mdu: MduIndex, payload: usize) -> Self {
		let encoded = encode(profile, &random_bytes(payload, mdu));
		let mut roots: Vec<_> = (0..mdu + 2).map(|i| hash_to_fr(&i.to_le_bytes())).collect();
		roots[mdu as usize] = encoded.root;
		let witness = encoded.witness.check(&profile).unwrap();
		let manifest_opening = manifest::open(engine().as_ref(), &roots, mdu).unwrap();
		let points = points(&roots);
		Self { profile, roots, points, mdu, shards: encoded.shards, witness, manifest_opening }
	}

	fn view(&self) -> DealManifests<'_> {
		DealManifests {
			profile: self.profile,
			total_mdus: self.roots.len() as u64,
			points: &self.points,
		}
	}
}

/// A blob that may be sampled.
#[derive(Clone, Copy, Debug)]
struct Place {
	deal: usize,
	slot: u8,
	row: u8,
}

static DEALS: LazyLock<[Deal; 3]> = LazyLock::new(|| {
	[
		Deal::new(profile(4, 2, CodeKind::Fr), 3, 5 * BLOB_PAYLOAD + 9),
		Deal::new(profile(2, 1, CodeKind::Gf16), 0, 3 * BLOB_PAYLOAD),
		// Under its second manifest, and with data blobs of zeros.
		Deal::new(Profile::DEFAULT, 4_097, 77),
	]
});

/// Some blobs of every deal, those of data, of parity and of zeros, and their chained proofs at the point that the epoch
/// asks for.
static PLACES: LazyLock<Vec<(Place, ChainedProof)>> = LazyLock::new(|| {
	let places = [
		(0, 0, 0),
		(0, 3, 0),
		(0, 1, 1),
		(0, 4, 0),
		(0, 5, 1),
		(1, 0, 0),
		(1, 1, 0),
		(1, 2, 1),
		(2, 0, 0),
		(2, 11, 0),
		(2, 7, 0),
	];
	let z = evaluation_point(&R_E, &PROVIDER);
	let prove = |(deal, slot, row)| {
		let place = Place { deal, slot, row };
		let Deal { roots, mdu, witness, .. } = &DEALS[deal];
		let AnswerPart { leaf, blob, .. } = place.part(0);
		let proof = ChainedProof::make(engine().as_ref(), roots, *mdu, witness, leaf, blob, &z);
		(place, proof.unwrap())
	};
	places.map(prove).into()
});

/// Places from which on blobs are zero.
const ZEROS: usize = 10;

impl Place {
	fn part(&self, ordinal: u32) -> AnswerPart<'static> {
		let Deal { profile, mdu, shards, witness, manifest_opening, .. } = &DEALS[self.deal];
		let shard = &shards[usize::from(self.slot)];
		let blob = Blob::parse(&shard[usize::from(self.row) * BLOB_BYTES..][..BLOB_BYTES]).unwrap();
		AnswerPart {
			ordinal,
			mdu: *mdu,
			manifest_opening: *manifest_opening,
			witness,
			leaf: profile.leaf(self.slot, self.row),
			blob,
		}
	}
}

/// Samples: ordinals, and indices of places.
type Samples = [(u32, usize)];

fn parts(samples: &Samples) -> impl Iterator<Item = AnswerPart<'static>> {
	samples.iter().map(|(ordinal, place)| PLACES[*place].0.part(*ordinal))
}

fn make(samples: &Samples) -> Answer {
	Answer::make(engine().as_ref(), &R_E, &PROVIDER, parts(samples)).unwrap()
}

fn deals(samples: &Samples) -> Vec<DealManifests<'static>> {
	samples.iter().map(|(_, place)| DEALS[PLACES[*place].0.deal].view()).collect()
}

fn verify(answer: &Answer, samples: &Samples) -> Result<(), AnswerError> {
	answer.verify(&R_E, &PROVIDER, &deals(samples))
}

const REJECTED: Result<(), AnswerError> = Err(AnswerError::Openings(VerifyError::Rejected));

/// `[scalar]G1`, in which sums of scalars can be compared.
fn on_curve(scalar: &[u8; 32]) -> G1Affine {
	let generator = G1Affine::decompress(&G1_GENERATOR).unwrap();
	combine_commitments(&[*scalar], &[generator]).unwrap()
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(24))]

	/// The oracle is what the chained proofs of the same samples add up to.
	#[test]
	fn an_answer_is_the_sum_of_chained_proofs(
		samples in prop::collection::btree_map(any::<u32>(), 0..11usize, 1..8),
		cut: prop::sample::Index,
	) {
		let samples: Vec<_> = samples.into_iter().collect();
		let answer = make(&samples);
		let proofs: Vec<_> = samples.iter().map(|(_, place)| &PLACES[*place].1).collect();
		for (((ordinal, _), proof), item) in samples.iter().zip(&proofs).zip(&answer.items) {
			prop_assert_eq!(item.ordinal, *ordinal);
			prop_assert_eq!(item.mdu, proof.mdu);
			prop_assert_eq!(item.live, proof.live);
			prop_assert_eq!(item.leaf, proof.leaf);
			prop_assert_eq!(item.commitment, proof.commitment);
			prop_assert_eq!(&item.path, &proof.path);
			prop_assert_eq!(item.manifest_opening, proof.manifest_opening);
		}
		prop_assert_eq!(answer.items.len(), samples.len());

		let gammas: Vec<_> =
			samples.iter().map(|(ordinal, _)| gamma(&R_E, &PROVIDER, *ordinal)).collect();
		let sum = |points: &[G1Affine]| combine_commitments(&gammas, points).unwrap();
		let values: Vec<_> = proofs.iter().map(|proof| on_curve(&proof.y)).collect();
		prop_assert_eq!(sum(&values), on_curve(&answer.y));
		let openings: Vec<_> =
			proofs.iter().map(|proof| G1Affine::decompress(&proof.opening).unwrap()).collect();
		prop_assert_eq!(sum(&openings).compress(), answer.pi);

		let deals = deals(&samples);
		prop_assert_eq!(verify(&answer, &samples), Ok(()));
		let chained: Vec<_> = deals.iter().copied().zip(proofs).collect();
		prop_assert_eq!(verify_many(&chained), Ok(()));
		prop_assert_eq!(Answer::decode_strict(&answer.encode()), Ok(answer));

		// Two answers to a part of the samples each are as good as one.
		let (first, second) = samples.split_at(cut.index(samples.len()));
		for part in [first, second] {
			if !part.is_empty() {
				prop_assert_eq!(verify(&make(part), part), Ok(()));
			}
		}
	}
}

/// Three samples, none of which is a blob of zeros.
const THREE: &Samples = &[(2, 1), (7, 4), (8, 7)];

static ANSWER: LazyLock<Answer> = LazyLock::new(|| make(THREE));

fn tampered(change: impl FnOnce(&mut Answer)) -> Result<(), AnswerError> {
	let mut answer = ANSWER.clone();
	change(&mut answer);
	verify(&answer, THREE)
}

#[test]
fn places_are_what_they_are_meant_to_be() {
	for (index, (_, proof)) in PLACES.iter().enumerate() {
		assert_eq!(proof.commitment == INFINITY, index >= ZEROS, "{index}");
	}
}

#[test]
fn each_false_claim_is_rejected() {
	assert_eq!(tampered(|_| ()), Ok(()));
	assert_eq!(tampered(|a| a.items[0].ordinal = 1), REJECTED);
	assert_eq!(tampered(|a| a.items[2].ordinal += 1), REJECTED);
	assert_eq!(tampered(|a| a.items[0].mdu = 2), REJECTED);
	assert_eq!(tampered(|a| a.items[0].live += 1), REJECTED);
	assert_eq!(tampered(|a| a.items[1].leaf ^= 1), REJECTED);
	assert_eq!(tampered(|a| a.items[1].path[2][7] ^= 1), REJECTED);
	assert_eq!(tampered(|a| a.items[0].commitment = a.items[1].commitment), REJECTED);
	assert_eq!(tampered(|a| a.items[0].manifest_opening = a.pi), REJECTED);
	assert_eq!(tampered(|a| a.y[31] ^= 1), REJECTED);
	assert_eq!(tampered(|a| a.pi = a.items[0].manifest_opening), REJECTED);
	// Another blob of the same MDU, with a path that is right.
	let other = make(&[(2, 0)]);
	assert_eq!(tampered(|a| a.items[0] = other.items[0].clone()), REJECTED);

	// A sample too few, and one that nobody added up.
	let mut short = ANSWER.clone();
	short.items.pop();
	assert_eq!(verify(&short, &THREE[..2]), REJECTED);
	let mut long = ANSWER.clone();
	long.items.push(make(&[(9, 0)]).items.remove(0));
	assert_eq!(verify(&long, &[THREE, &[(9, 0)]].concat()), REJECTED);
}

#[test]
fn an_answer_is_for_one_epoch_and_one_provider() {
	let deals = deals(THREE);
	assert_eq!(ANSWER.verify(&R_E, &PROVIDER, &deals), Ok(()));
	assert_eq!(ANSWER.verify(&PROVIDER, &PROVIDER, &deals), REJECTED);
	assert_eq!(ANSWER.verify(&R_E, &R_E, &deals), REJECTED);
}

#[test]
fn answers_are_against_manifests_as_the_epoch_found_them() {
	let deal = &DEALS[0];
	let mut grown = deal.roots.clone();
	grown.push(hash_to_fr(b"more"));
	let later = points(&grown);
	let later = DealManifests { total_mdus: grown.len() as u64, points: &later, ..deal.view() };
	let answer = make(&[(0, 0)]);
	assert_eq!(answer.verify(&R_E, &PROVIDER, &[deal.view()]), Ok(()));
	assert_eq!(answer.verify(&R_E, &PROVIDER, &[later]), REJECTED);
	let part = AnswerPart {
		manifest_opening: manifest::open(engine().as_ref(), &grown, deal.mdu).unwrap(),
		..PLACES[0].0.part(0)
	};
	let answer = Answer::make(engine().as_ref(), &R_E, &PROVIDER, [part]).unwrap();
	assert_eq!(answer.verify(&R_E, &PROVIDER, &[later]), Ok(()));
	assert_eq!(answer.verify(&R_E, &PROVIDER, &[deal.view()]), REJECTED);
}

#[test]
fn each_malformed_part_is_named() {
	// (0, 2) is on the curve but of order 3.
	let mut torsion = [0; 48];
	torsion[0] = 0x80;
	let openings = |error| Err(AnswerError::Openings(error));
	// Of three items, 2i and 2i + 1 are the hops, then come `y` and `pi`, then the commitments.
	for i in 0..3u32 {
		let item = i as usize;
		assert_eq!(
			tampered(|a| a.items[item].manifest_opening = [0xff; 48]),
			openings(VerifyError::BadPoint { index: 2 * i + 1 })
		);
		assert_eq!(
			tampered(|a| a.items[item].commitment = torsion),
			openings(VerifyError::NotInSubgroup { index: 8 + i })
		);
	}
	assert_eq!(tampered(|a| a.y = [0xff; 32]), openings(VerifyError::BadScalar { index: 7 }));
	assert_eq!(tampered(|a| a.pi = [0; 48]), openings(VerifyError::BadPoint { index: 7 }));
	assert_eq!(tampered(|a| a.pi = torsion), openings(VerifyError::NotInSubgroup { index: 7 }));

	let item = |error| Err(AnswerError::Item(error));
	let structure = |source| item(ProofError::Structure { index: 1, source });
	// 4+2 has 96 leaves, under 128.
	assert_eq!(
		tampered(|a| a.items[1].leaf = 96),
		structure(TreeError::Leaf { leaf: 96, leaves: 96 })
	);
	for live in [0, 65] {
		assert_eq!(tampered(|a| a.items[1].live = live), structure(TreeError::Live(live)));
	}
	let length = |found| structure(TreeError::PathLength { found, expected: 7 });
	assert_eq!(tampered(|a| a.items[1].path.truncate(6)), length(6));
	assert_eq!(tampered(|a| a.items[1].path.push([0; 32])), length(8));
	assert_eq!(
		tampered(|a| a.items[1].mdu = 5),
		item(ProofError::Mdu { index: 1, mdu: 5, total_mdus: 5 })
	);
	let mut views = deals(THREE);
	views[1].points = &[];
	assert_eq!(
		ANSWER.verify(&R_E, &PROVIDER, &views),
		item(ProofError::Manifest { index: 1, group: 0, manifests: 0 })
	);
}

#[test]
fn samples_come_once_and_in_order() {
	let order = |index| Err(AnswerError::Order { index });
	assert_eq!(tampered(|a| a.items[1].ordinal = 2), order(1));
	assert_eq!(tampered(|a| a.items[2].ordinal = 0), order(2));
	assert_eq!(verify(&ANSWER, &THREE[..2]), Err(AnswerError::Deals { found: 2, expected: 3 }));
	let none = Answer { items: Vec::new(), y: [0; 32], pi: INFINITY };
	assert_eq!(
		verify(&none, &[]),
		Err(AnswerError::Openings(VerifyError::LengthMismatch { expected: 1, actual: 0 }))
	);
}

#[test]
fn answers_cannot_be_made_of_what_is_not_there() {
	let make = |parts: &[AnswerPart<'_>]| {
		Answer::make(engine().as_ref(), &R_E, &PROVIDER, parts.iter().copied())
	};
	let part = |ordinal| PLACES[0].0.part(ordinal);
	assert_eq!(make(&[]), Err(AnswerMakeError::Empty));
	for ordinal in [0, 5] {
		assert_eq!(
			make(&[part(5), part(ordinal)]),
			Err(AnswerMakeError::Order { ordinal, before: 5 })
		);
	}
	let missing = AnswerPart { leaf: 96, ..part(0) };
	let error = TreeError::Leaf { leaf: 96, leaves: 96 };
	assert_eq!(make(&[missing]), Err(AnswerMakeError::Tree(error)));
	// An answer with a wrong blob can be made, but does not hold.
	let wrong = AnswerPart { blob: Blob::zero(), ..part(5) };
	let wrong = make(&[part(4), wrong]).unwrap();
	assert_eq!(verify(&wrong, &[(4, 0), (5, 0)]), REJECTED);
}

#[test]
fn a_refused_sample_leaves_the_answer_as_it_was() {
	let mut builder = AnswerBuilder::new(&R_E, &PROVIDER);
	for part in parts(THREE) {
		builder.add(&part).unwrap();
		builder.add(&part).unwrap_err();
		builder.add(&AnswerPart { ordinal: u32::MAX, leaf: u16::MAX, ..part }).unwrap_err();
	}
	assert_eq!(builder.finish(engine().as_ref()).as_ref(), Ok(&*ANSWER));
}

#[test]
fn answers_are_read_strictly() {
	let bytes = ANSWER.encode();
	assert_eq!(Answer::decode_strict(&bytes).as_ref(), Ok(&*ANSWER));
	assert!(Answer::decode_strict(&[bytes.as_slice(), &[0]].concat()).is_err());
	assert!(Answer::decode_strict(&bytes[..bytes.len() - 1]).is_err());
	// A length that takes more bytes than it needs.
	assert!(Answer::decode_strict(&[&[0x0d, 0][..], &bytes[1..]].concat()).is_err());
}

#[test]
fn an_item_of_the_default_profile_has_336_bytes() {
	let answer = make(&[(3, 8), (4, 9)]);
	for item in &answer.items {
		assert_eq!(item.encode().len(), 4 + 8 + 1 + 2 + 48 + 1 + 7 * 32 + 48);
		assert_eq!(item.encode().len(), 336);
	}
	assert_eq!(answer.encode().len(), 1 + 2 * 336 + 32 + 48);
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(96))]

	#[test]
	fn no_flipped_bit_verifies(at: prop::sample::Index, bit in 0..8u8) {
		let mut bytes = ANSWER.encode();
		let at = at.index(bytes.len());
		bytes[at] ^= 1 << bit;
		if let Ok(other) = Answer::decode_strict(&bytes) {
			prop_assert!(verify(&other, THREE).is_err());
		}
	}

	#[test]
	fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..800)) {
		if let Ok(answer) = Answer::decode_strict(&bytes) {
			prop_assert_eq!(answer.encode(), bytes);
		}
	}
}
