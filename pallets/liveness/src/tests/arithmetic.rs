//! Answers with real commitments, paths and openings, as providers make them and runtimes check them.

use crate::{mock::*, *};
use frame_support::assert_ok;
use nil_kzg::{Blob, CombinedOpening, Engines, Opening, PointRef, native};
use nil_slab::{
	Answer, AnswerBuilder, AnswerPart, CheckedWitness, EncodedMdu, MduEncoder, manifest, tree,
};
use nil_types::{
	G1Compressed, Hash32, Hint, Profile,
	layout::{BLOB_BYTES, BLOB_PAYLOAD},
	traits::{Allocation, AnswerClaim},
};
use std::sync::LazyLock;

/// What a runtime does with the functions of its host.
pub(crate) fn verify(
	claims: &[AnswerClaim<'_>],
	z: &[u8; 32],
	y: &[u8; 32],
	proof: &G1Compressed,
) -> bool {
	let opening = |claim: &AnswerClaim<'_>| {
		let AnswerClaim { profile, live, leaf, commitment, path, .. } = claim;
		let root = tree::root_from_path(profile, *live, *leaf, commitment, path).ok()?;
		Some(Opening {
			point: PointRef::Trusted(claim.manifest),
			z: manifest::place_of(claim.mdu),
			y: root,
			proof: *claim.manifest_opening,
		})
	};
	let openings: Option<Vec<_>> = claims.iter().map(opening).collect();
	let terms = claims.iter().map(|claim| (*claim.commitment, claim.factor)).collect();
	let combined = CombinedOpening { terms, z: *z, y: *y, proof: *proof };
	openings.is_some_and(|openings| native::verify_answer(&openings, &combined).is_ok())
}

/// Any 2 of 3 slots.
const STRIPE: Profile = Profile { k: 2, m: 1, ..Profile::DEFAULT };
/// The slot that the provider holds: parity.
const SLOT: u8 = 2;
/// Live blobs of the only MDU of each commit.
const LIVE: [u8; 5] = [5, 3, 1, 4, 6];

/// The content of deal 0.
struct Content {
	mdus: Vec<(EncodedMdu, CheckedWitness)>,
	roots: Vec<Hash32>,
	/// Of the manifest, at each MDU.
	openings: Vec<G1Compressed>,
}

static CONTENT: LazyLock<Content> = LazyLock::new(|| {
	let engine = Engines::pippenger();
	let encoder = MduEncoder::new(STRIPE, engine.clone()).unwrap();
	let mdus: Vec<_> = LIVE
		.into_iter()
		.map(|live| {
			let length = usize::from(live) * BLOB_PAYLOAD - 7;
			let payload: Vec<_> = (0..length).map(|i| (i * 31 / 7) as u8 ^ live).collect();
			let encoded = encoder.encode(&payload).unwrap();
			assert_eq!(encoded.live, live);
			let witness = encoded.witness.check(&STRIPE).unwrap();
			(encoded, witness)
		})
		.collect();
	let roots: Vec<_> = mdus.iter().map(|(mdu, _)| mdu.root).collect();
	let open = |mdu| manifest::open(engine.as_ref(), &roots, mdu).unwrap();
	let openings = (0..LIVE.len() as u64).map(open).collect();
	Content { mdus, roots, openings }
});

/// A provider that holds the slot, in a round that is drawn.
fn provider() -> AccountId {
	let provider = account(1);
	let point = manifest::points(&CONTENT.roots).unwrap()[0];
	RealPoints::mutate(|points| points.insert((0, 0), point));
	for (mdu, live) in LIVE.into_iter().enumerate() {
		let allocation = Allocation {
			deal: 0,
			slot: SLOT,
			generation: mdu as u32 + 1,
			hint: Hint::Cold,
			profile: STRIPE,
			first_mdu: mdu as u64,
			rows: STRIPE.live_rows(live).into(),
			price: PRICE,
		};
		sign(&provider, allocation);
	}
	begin();
	catch_up(&provider);
	provider
}

/// The provider's answer to all that it is asked, with the blobs that `read` makes of those that it has.
fn answer(provider: &AccountId, read: impl Fn(u32, &'static Blob) -> &'static Blob) -> Submission {
	let current = Liveness::epoch().unwrap();
	let id: Hash32 = provider.clone().into();
	let mut builder = AnswerBuilder::new(&current.randomness, &id);
	let mut places = Vec::new();
	for ordinal in 0..Liveness::due(provider) {
		let asked = Liveness::asked(provider, ordinal).unwrap();
		let content: &'static Content = &CONTENT;
		let (mdu, witness) = &content.mdus[asked.mdu as usize];
		let row = usize::from(asked.leaf - STRIPE.leaf(SLOT, 0));
		let shard = &mdu.shards[usize::from(SLOT)];
		let blob = Blob::parse(&shard[row * BLOB_BYTES..][..BLOB_BYTES]).unwrap();
		let part = AnswerPart {
			ordinal,
			mdu: asked.mdu,
			manifest_opening: content.openings[asked.mdu as usize],
			witness,
			leaf: asked.leaf,
			blob: read(ordinal, blob),
		};
		builder.add(&part).unwrap();
		places.push(asked.place);
	}
	let Answer { items, y, pi } = builder.finish(Engines::pippenger().as_ref()).unwrap();
	let items = items
		.into_iter()
		.zip(places)
		.map(|(item, place)| Item {
			ordinal: item.ordinal,
			place,
			mdu: item.mdu,
			live: item.live,
			leaf: item.leaf,
			commitment: item.commitment,
			path: item.path.try_into().unwrap(),
			manifest_opening: item.manifest_opening,
		})
		.collect();
	let (epoch, r_e, block) = (current.epoch, current.randomness, current.block.unwrap());
	Submission { who: provider.clone(), epoch, r_e, block, items, y, pi }
}

#[test]
fn what_a_provider_makes_is_what_the_pallet_asks_for() {
	run(|| {
		let provider = provider();
		let honest = answer(&provider, |_, blob| blob);
		// 3 + 2 + 1 + 2 + 3 rows, of which one ordinal is drawn by its slot.
		assert_eq!(honest.items.len(), 11);
		assert!(honest.items[7].place.is_some());
		assert_ok!(honest.dispatch());
		let held = book(&provider);
		assert_eq!((held.due, held.count, held.credit), (11, 11, 110_000));
	});
}

#[test]
fn what_is_false_in_any_part_is_found() {
	run(|| {
		let provider = provider();
		let honest = answer(&provider, |_, blob| blob);
		let changed = |change: &dyn Fn(&mut Submission)| {
			let mut answer = honest.clone();
			change(&mut answer);
			answer
		};
		for wrong in [
			// One blob of eleven is lost.
			answer(&provider, |ordinal, blob| if ordinal == 4 { Blob::zero() } else { blob }),
			changed(&|answer| answer.y[31] ^= 1),
			changed(&|answer| answer.pi = answer.items[0].manifest_opening),
			changed(&|answer| answer.items[3].path[0][9] ^= 1),
			changed(&|answer| answer.items[5].live += 1),
			changed(&|answer| answer.items[2].manifest_opening = answer.pi),
			changed(&|answer| answer.items[1].commitment = [0xff; 48]),
			// The opening is that of all eleven.
			changed(&|answer| drop(answer.items.pop())),
		] {
			let items = wrong.items.len() as u32;
			events();
			assert_ok!(wrong.dispatch());
			let (provider, epoch) = (provider.clone(), FIRST_EPOCH);
			let slashed = REQUIRED / 10;
			assert_eq!(events(), [Event::InvalidProof { provider, epoch, items, slashed }]);
		}
		assert_ok!(honest.dispatch());
		assert_eq!(book(&provider).count, 11);
	});
}
