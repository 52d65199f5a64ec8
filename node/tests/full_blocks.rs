//! Blocks as full as they get, through the validators' own executor: what validating them costs, and what bounds them.
//!
//! The figures are printed: `cargo nextest run --workspace --no-capture -E 'binary(full_blocks)'`.

mod support;

use codec::{Decode, Encode};
use cpu_time::ThreadTime;
use frame_support::dispatch::DispatchClass;
use nil_host_fixture::{Request, Sample};
use nil_kzg::{
	Blob, Engines, G1Affine, MsmEngine, Opening, PointRef, combine_commitments, encoding, native,
	prover, verify::G1_GENERATOR,
};
use nil_runtime::{
	Liveness, Runtime, RuntimeOrigin, System,
	configs::{RuntimeBlockLength, RuntimeBlockWeights},
};
use nil_slab::{
	Answer, AnswerBuilder, AnswerPart, CheckedWitness, EncodedMdu, MduEncoder, MduTree, manifest,
	tree::root_from_path,
};
use nil_types::{
	CodeKind, DealId, G1Compressed, G1Uncompressed, Hash32, Hint, Profile, SlotIndex,
	layout::{BLOB_BYTES, MDU_PAYLOAD},
	traits::{Allocation, SlotHooks},
};
use pallet_deals::{ManifestPoint, ManifestPoints};
use pallet_liveness::{Call, Item, Parameters};
use sp_keyring::Sr25519Keyring;
use std::{
	sync::LazyLock,
	time::{Duration, Instant},
};
use support::{Backend, TestChain, deals};

/// What backing validators allow a block of this chain to take. They count the time on a core, as these tests do.
const BACKING: Duration = Duration::from_secs(2);
/// What a block may bring along: body and storage proof together.
const MAX_POV: usize = 10 * 1024 * 1024;

/// Samples that are checked together.
const SAMPLES: usize = 512;
/// Samples for which blobs are made. The others follow from these.
const MADE: u8 = 16;
/// Deals of the chain whose storage proofs are measured. With sixteen times as many, the way to a manifest point is
/// one node longer, which is half a kilobyte for each.
const DEALS: DealId = 16_384;
/// Samples that any backend must check within [`BACKING`]: a third of what the slowest does when nothing else runs
/// (benches/results), for tests run beside each other.
const LEAST: f64 = 150.0;

const ONE: Hash32 = {
	let mut bytes = [0; 32];
	bytes[31] = 1;
	bytes
};

/// The sum of two scalars.
fn sum(a: &Hash32, b: &Hash32) -> Hash32 {
	let mut limbs = encoding::be_to_limbs(a);
	let mut carry = false;
	for (limb, other) in limbs.iter_mut().zip(encoding::be_to_limbs(b)) {
		(*limb, carry) = limb.carrying_add(other, carry);
	}
	// It is less than twice the group's order.
	if !encoding::is_canonical(&encoding::limbs_to_be(&limbs)) {
		let mut borrow = false;
		for (limb, modulus) in limbs.iter_mut().zip(encoding::MODULUS) {
			(*limb, borrow) = limb.borrowing_sub(modulus, borrow);
		}
	}
	encoding::limbs_to_be(&limbs)
}

/// A polynomial that is opened at `z`.
struct Opened {
	commitment: G1Affine,
	z: Hash32,
	y: Hash32,
	proof: G1Affine,
}

impl Opened {
	/// The polynomial of a blob with scalars that follow from `seed`.
	fn new(engine: &dyn MsmEngine, seed: (u8, u8), z: Hash32) -> Self {
		let bytes: Vec<u8> =
			(0u32..4_096).flat_map(|i| nil_types::hash_to_fr(&(seed, i).encode())).collect();
		let blob = Blob::parse(&bytes).unwrap();
		let (y, proof) = prover::open(engine, blob, &z).unwrap();
		let commitment = engine.commit(&[blob])[0];
		Self { commitment, z, y, proof: G1Affine::decompress(&proof).unwrap() }
	}

	/// Adds the polynomial `X`. Its value at `z` is `z`, and the proof of that is the generator, wherever `z` is.
	fn add_x(&mut self, basis: &Basis) {
		let add = |a, b| combine_commitments(&[ONE; 2], &[a, b]).unwrap();
		self.commitment = add(self.commitment, basis.x);
		self.y = sum(&self.y, &self.z);
		self.proof = add(self.proof, basis.one);
	}

	/// Adds the constant that makes the value `y`. The proof stays.
	fn lift_to(&mut self, y: Hash32, basis: &Basis) {
		let minus = encoding::limbs_to_be(&encoding::negate(&encoding::be_to_limbs(&self.y)));
		self.commitment =
			combine_commitments(&[ONE, sum(&y, &minus)], &[self.commitment, basis.one]).unwrap();
		self.y = y;
	}
}

/// Commitments of polynomials.
struct Basis {
	/// That of 1.
	one: G1Affine,
	/// That of `X`.
	x: G1Affine,
}

impl Basis {
	fn new(engine: &dyn MsmEngine) -> Self {
		let identity: Vec<u8> =
			(0..4_096).flat_map(|i| prover::domain_point(i).expect("below 4,096")).collect();
		Self {
			one: G1Affine::decompress(&G1_GENERATOR).unwrap(),
			x: engine.commit(&[Blob::parse(&identity).unwrap()])[0],
		}
	}
}

/// A blob in a tree, and the manifest that its root is in.
struct Source {
	leaf: u16,
	data: Opened,
	manifest: Opened,
}

impl Source {
	fn new(profile: &Profile, engine: &dyn MsmEngine, seed: u8) -> Self {
		let place = prover::domain_point(usize::from(seed)).unwrap();
		Self {
			leaf: u16::from(seed) % profile.leaves(),
			data: Opened::new(engine, (seed, 0), nil_types::hash_to_fr(&[seed])),
			manifest: Opened::new(engine, (seed, 1), place),
		}
	}

	/// The next sample. It has no point, root or path in common with another one.
	fn sample(&mut self, profile: &Profile, basis: &Basis) -> Sample {
		let Self { leaf, data, manifest } = self;
		data.add_x(basis);
		let commitment = data.commitment.compress();
		let mut leaves = vec![encoding::INFINITY_COMPRESSED; usize::from(profile.leaves())];
		leaves[usize::from(*leaf)] = commitment;
		let live = 64;
		let tree = MduTree::new(profile, live, &leaves).unwrap();
		manifest.add_x(basis);
		manifest.lift_to(tree.root(), basis);
		Sample {
			manifest: Opening {
				point: PointRef::Trusted(manifest.commitment.serialize()),
				z: manifest.z,
				y: manifest.y,
				proof: manifest.proof.compress(),
			},
			live,
			leaf: *leaf,
			commitment,
			path: tree.path(*leaf).unwrap(),
			z: data.z,
			y: data.y,
			proof: data.proof.compress(),
		}
	}
}

/// Samples of as many deals. To make blobs for all of them would take most of a minute.
fn samples(profile: &Profile) -> Vec<Sample> {
	let engine = Engines::pippenger();
	let basis = Basis::new(&*engine);
	let mut sources: Vec<_> = (1..=MADE).map(|seed| Source::new(profile, &*engine, seed)).collect();
	(0..SAMPLES).map(|i| sources[i % usize::from(MADE)].sample(profile, &basis)).collect()
}

/// Bytes of storage proof for each manifest point that is read, of as many deals as there are samples, on a chain that
/// has [`DEALS`].
fn proof_of_manifests(samples: &[Sample]) -> usize {
	let mut chain = TestChain::new();
	chain.alter(|| {
		for (deal, sample) in (0..DEALS).zip(samples.iter().cycle()) {
			let PointRef::Trusted(now) = sample.manifest.point else { panic!("in state") };
			let point = ManifestPoint { now, changed_in: 0, before: None };
			ManifestPoints::<Runtime>::insert(deal, 0u32, point);
		}
	});
	let (read, proof) = chain.inspect_with_proof(|| {
		(0..DEALS)
			.step_by(DEALS as usize / samples.len())
			.filter_map(|deal| ManifestPoints::<Runtime>::get(deal, 0u32))
			.count()
	});
	assert_eq!(read, samples.len());
	proof / read
}

/// The openings of samples whose paths hold, as the fixture makes them.
fn openings(profile: &Profile, samples: &[Sample]) -> Option<Vec<Opening>> {
	let mut openings = Vec::with_capacity(2 * samples.len());
	for sample in samples {
		let Sample { manifest, live, leaf, commitment, path, z, y, proof } = sample;
		if root_from_path(profile, *live, *leaf, commitment, path).ok()? != manifest.y {
			return None;
		}
		let point = PointRef::Compressed(*commitment);
		openings.extend([*manifest, Opening { point, z: *z, y: *y, proof: *proof }]);
	}
	Some(openings)
}

#[test]
fn openings_with_paths() {
	let profile = Profile::new(8, 4, CodeKind::Fr).unwrap();
	let samples = samples(&profile);
	let mut forged = samples.clone();
	forged[300].y[31] ^= 1;
	// Manifest points come from state, and what they are opened to from the path.
	let body = samples[0].encoded_size() - samples[0].manifest.encoded_size()
		+ samples[0].manifest.proof.encoded_size();
	let proof = proof_of_manifests(&samples);

	let report = |name: &str, taken: Duration| {
		let each = taken / samples.len() as u32;
		let in_time = BACKING.as_secs_f64() / each.as_secs_f64();
		let in_size = MAX_POV / (body + proof);
		println!(
			"{name}: {:.0} us each, {in_time:.0} in 2 s of one core; {body} bytes of body and {proof} of proof each \
			 ({DEALS} deals; the manifest point alone), {in_size} in 10 MiB: bound by {}",
			each.as_secs_f64() * 1e6,
			if in_time < in_size as f64 { "time" } else { "size" },
		);
		assert!(in_time > LEAST, "{name}: {in_time:.0}");
	};
	for backend in Backend::ALL {
		let artifact = support::fixture(backend);
		let hold = |samples: &[Sample]| {
			let requests = [Request::Samples(backend.way(), profile, samples.to_vec())];
			let start = ThreadTime::now();
			let answers = support::ask_fixture(backend, &artifact, &requests);
			(bool::decode(&mut &answers[0][..]).unwrap(), start.elapsed())
		};
		let (holds, taken) = hold(&samples);
		assert!(holds, "{backend:?}");
		assert!(!hold(&forged).0, "{backend:?}");
		report(&format!("{backend:?}"), taken);
	}

	let start = Instant::now();
	let all = openings(&profile, &samples).unwrap();
	assert_eq!(native::verify_openings(&all), Ok(()));
	report("Native", start.elapsed());
	assert!(native::verify_openings(&openings(&profile, &forged).unwrap()).is_err());
}

/// More commits than fit: a proposer leaves out what a block has no room for. Not more than a deal has MDUs for.
const MOST: u32 = 60;

#[test]
fn commits() {
	for backend in Backend::ALL {
		let profile = Profile::new(8, 4, CodeKind::Fr).unwrap();
		let mut chain = deals::placed_with(backend, profile);
		let roots = 1_024;
		let commits: Vec<_> = (0..MOST).map(|i| deals::commit(&chain, profile, i, roots)).collect();
		let built = chain.build(commits);
		let fitted = built.outcomes.iter().filter(|outcome| outcome.is_ok()).count();
		for outcome in built.outcomes.iter().take(fitted) {
			outcome.unwrap().unwrap();
		}
		let deal = deals::info(&chain);
		assert_eq!(deal.total_mdus, fitted as u64 * u64::from(roots));
		assert!((1..MOST as usize).contains(&fitted), "{fitted}");

		let [block] = built.pov.blocks() else { panic!("one block was built") };
		let (body, pov) = (block.extrinsics.encoded_size(), built.pov.encoded_size());
		let artifact = support::artifact(backend);
		let start = ThreadTime::now();
		let result = support::validate(backend, &artifact, &built).unwrap();
		let taken = start.elapsed();
		assert_eq!(result.head_data.0, block.header.encode());
		assert!(pov < MAX_POV, "{pov}");
		println!(
			"{backend:?}: {fitted} commits of {roots} roots with {} receipts fill a block; validated in {:.2} s; body {body} bytes, proof {} bytes",
			profile.n(),
			taken.as_secs_f64(),
			pov - body,
		);
		// The weights put such a block at 1.5 s, which it takes when nothing else runs. Other tests do, and share caches and
		// cores. But a block that takes more than twice what backing allows weighs less than it should.
		assert!(taken < 2 * BACKING, "{backend:?}: {taken:?}");
	}
}

/// Operators whose answers fill a block, each with a slot of its own of all its deals.
const ANSWERERS: u8 = 12;
/// Deals of each.
const DEALS_EACH: DealId = 16;
/// MDUs of each deal.
const MDUS: usize = 16;
/// Samples that each is asked for, so that all together are more than fit.
const ASKED: u32 = 128;
/// What a sample may take in a call.
const MAX_ITEM: usize = 340;

/// What all of these deals hold: one MDU, at every place. So samples have commitments and paths in common where they are of
/// the same leaf, of which nothing that checks them makes use; their manifest points, openings and factors are their own.
struct Content {
	mdu: EncodedMdu,
	witness: CheckedWitness,
	manifest: G1Uncompressed,
	/// Of the manifest, at each MDU.
	openings: Vec<G1Compressed>,
}

static CONTENT: LazyLock<Content> = LazyLock::new(|| {
	let engine = Engines::pippenger();
	let encoder = MduEncoder::new(Profile::DEFAULT, engine.clone()).unwrap();
	let payload: Vec<u8> = (0..MDU_PAYLOAD).map(|i| (i * 31 / 7) as u8).collect();
	let mdu = encoder.encode(&payload).unwrap();
	let witness = mdu.witness.check(&Profile::DEFAULT).unwrap();
	let roots = [mdu.root; MDUS];
	let places: Vec<usize> = (0..MDUS).collect();
	let openings = manifest::open_places(&*engine, &roots, &places).unwrap();
	Content { manifest: manifest::points(&roots).unwrap()[0], mdu, witness, openings }
});

/// A chain in a round that is drawn, with operators that are asked for samples. Deals and slots are written into its state:
/// who paid for them, and signed, is nothing to answers.
fn asked(backend: Backend) -> TestChain {
	let mut chain = TestChain::with(backend);
	chain.alter(|| {
		Parameters::<Runtime>::mutate(|planned| planned.now.samples_per_epoch = ASKED);
		for deal in 0..DEALS {
			let point = ManifestPoint { now: CONTENT.manifest, changed_in: 0, before: None };
			ManifestPoints::<Runtime>::insert(deal, 0u32, point);
		}
		for slot in 0..ANSWERERS {
			let account = operator(slot).to_account_id();
			for deal in (0..DEALS_EACH).map(|deal| DealId::from(slot) * DEALS_EACH + deal) {
				let profile = Profile::DEFAULT;
				let allocation = Allocation {
					deal,
					slot,
					generation: 1,
					hint: Hint::Cold,
					profile,
					first_mdu: 0,
					rows: MDUS as u64 * u64::from(profile.rows()),
					price: 0,
				};
				<Liveness as SlotHooks<_>>::signed(&account, allocation);
			}
		}
	});
	for _ in 0..100 {
		if chain.inspect(Liveness::epoch).is_some() {
			break;
		}
		chain.build_all_good(Vec::new());
	}
	chain.alter(|| {
		for account in (0..ANSWERERS).map(|slot| operator(slot).to_account_id()) {
			let origin = RuntimeOrigin::signed(account.clone());
			Liveness::advance(origin, account.clone(), DEALS_EACH as u32).unwrap();
			assert_eq!(Liveness::due(&account), ASKED);
		}
	});
	chain
}

fn operator(slot: SlotIndex) -> Sr25519Keyring {
	deals::OPERATORS[usize::from(slot)]
}

/// An answer to `count` samples.
fn answer(chain: &TestChain, operator: Sr25519Keyring, from: u32, count: u32) -> Call<Runtime> {
	let account = operator.to_account_id();
	let drawn = chain.inspect(Liveness::epoch).expect("the round is drawn");
	let mut builder = AnswerBuilder::new(&drawn.randomness, &operator.to_raw_public());
	let mut places = Vec::new();
	for ordinal in from..from + count {
		let asked = chain.inspect(|| Liveness::asked(&account, ordinal)).unwrap();
		let row = usize::from(asked.leaf - asked.profile.leaf(asked.slot, 0));
		let shard = &CONTENT.mdu.shards[usize::from(asked.slot)];
		let part = AnswerPart {
			ordinal,
			mdu: asked.mdu,
			manifest_opening: CONTENT.openings[asked.mdu as usize],
			witness: &CONTENT.witness,
			leaf: asked.leaf,
			blob: Blob::parse(&shard[row * BLOB_BYTES..][..BLOB_BYTES]).unwrap(),
		};
		builder.add(&part).unwrap();
		places.push(asked.place);
	}
	let Answer { items, y, pi } = builder.finish(&*Engines::pippenger()).unwrap();
	let items: Vec<_> = items
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
	assert!(items.iter().all(|item| item.encoded_size() <= MAX_ITEM));
	let items = items.try_into().unwrap();
	let block = drawn.block.expect("a round that can be answered knows its block");
	Call::submit_proofs { epoch: drawn.epoch, block, items, y, pi }
}

#[test]
fn answers() {
	for backend in Backend::ALL {
		let mut chain = asked(backend);
		let per_call = chain.inspect(Liveness::round_info).max_items;
		let mut calls = Vec::new();
		for operator in (0..ANSWERERS).map(operator) {
			for (nonce, from) in (0..).zip((0..ASKED).step_by(per_call as usize)) {
				let call = answer(&chain, operator, from, per_call);
				calls.push(chain.sign(operator, nonce, call));
			}
		}
		let lengths: Vec<usize> = calls.iter().map(Encode::encoded_size).collect();
		let built = chain.build(calls);
		let fitted = built.outcomes.iter().filter(|outcome| outcome.is_ok()).count();
		for outcome in built.outcomes.iter().take(fitted) {
			outcome.unwrap().unwrap();
		}
		assert!((1..lengths.len()).contains(&fitted), "{fitted}: {:?}", built.outcomes.first());
		let samples = fitted * per_call as usize;
		let answered = |slot| {
			let account = operator(slot).to_account_id();
			chain.inspect(|| Liveness::duty(&account)).answered.len()
		};
		assert_eq!((0..ANSWERERS).map(answered).sum::<usize>(), samples);

		// Of what transactions may take together.
		let class = DispatchClass::Normal;
		let (used, limit) = chain.inspect(|| {
			let limit = RuntimeBlockWeights::get().get(class).max_total;
			(*System::block_weight().get(class), limit.expect("transactions have a limit"))
		});
		let body: usize = lengths.iter().take(fitted).sum();
		let room = *RuntimeBlockLength::get().max.get(class);
		let shares = [
			("time", used.ref_time() as f64 / limit.ref_time() as f64),
			("proof", used.proof_size() as f64 / limit.proof_size() as f64),
			("body", body as f64 / f64::from(room)),
		];

		let [block] = built.pov.blocks() else { panic!("one block was built") };
		let pov = built.pov.encoded_size();
		let proof = pov - block.extrinsics.encoded_size();
		let artifact = support::artifact(backend);
		let start = ThreadTime::now();
		let result = support::validate(backend, &artifact, &built).unwrap();
		let taken = start.elapsed();
		assert_eq!(result.head_data.0, block.header.encode());
		assert!(pov < MAX_POV, "{pov}");
		let each = taken / samples as u32;
		let [time, proof_share, body_share] =
			shares.map(|(what, share)| format!("{what} {:.0} %", share * 100.0));
		println!(
			"{backend:?}: {samples} samples in {fitted} answers fill a block ({time}, {proof_share}, {body_share} of what \
			 transactions get); validated in {:.2} s, {:.0} us each, {:.0} in 75 % of 2 s; each {} bytes of body and {} of proof",
			taken.as_secs_f64(),
			each.as_secs_f64() * 1e6,
			0.75 * BACKING.as_secs_f64() / each.as_secs_f64(),
			body / samples,
			proof / samples,
		);
		// As for commits: a block that takes more than twice what backing allows weighs less than it should.
		assert!(taken < 2 * BACKING, "{backend:?}: {taken:?}");
	}
}
