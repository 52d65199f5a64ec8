//! The answer to 100 samples on one core, beside an opening for each of them, and what comes on top by itself: reading the
//! blobs, what leads from them to their MDUs' roots, and the openings of manifests. Aim: at most 100 ms beyond reading and
//! the openings of manifests, which provers keep.
//!
//! Every sample is of another blob, which is in its file on disk when reading is measured. The system keeps files in memory:
//! what a disk takes comes on top.

use codec::{DecodeAll, Encode};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nil_kzg::{Blob, Engines, MsmEngine, prover};
use nil_slab::{
	Answer, AnswerBuilder, AnswerPart, Branch, CheckedWitness, MduEncoder, Members, Witness,
	manifest,
};
use nil_types::{
	Hash32, Profile,
	challenge::{evaluation_point, gamma},
	hash_to_fr,
	layout::{BLOB_BYTES, MDU_PAYLOAD},
};
use rand::{RngCore, SeedableRng, rngs::StdRng};
use std::{fs::File, hint::black_box, io::Write, os::unix::fs::FileExt};

const SAMPLES: usize = 100;
const R_E: Hash32 = [0x5e; 32];
const PROVIDER: Hash32 = [0xa1; 32];
/// Nothing here depends on it: it is made once per commit, and kept.
const MANIFEST_OPENING: [u8; 48] = [0xc0; 48];

/// Blobs of all slots of two MDUs: 192, of which the first hundred are asked for.
struct Stored {
	mdus: Vec<(Vec<Vec<u8>>, CheckedWitness)>,
}

impl Stored {
	fn new(profile: Profile) -> Self {
		let encoder = MduEncoder::new(profile, Engines::choose(128)).expect("a valid profile");
		let mut rng = StdRng::seed_from_u64(5);
		let mdus = (0..2)
			.map(|_| {
				let mut payload = vec![0; MDU_PAYLOAD];
				rng.fill_bytes(&mut payload);
				let mdu = encoder.encode(&payload).expect("the payload is that of one MDU");
				let witness = mdu.witness.check(&profile).expect("the encoder made the witness");
				(mdu.shards, witness)
			})
			.collect();
		Self { mdus }
	}

	/// The blob that is asked for under an ordinal: its MDU, leaf, witness and bytes.
	fn blob(&self, ordinal: usize) -> (usize, u16, &CheckedWitness, &[u8]) {
		let mdu = ordinal % self.mdus.len();
		let leaf = ordinal / self.mdus.len();
		let (shards, witness) = &self.mdus[mdu];
		let rows = usize::from(witness.profile().rows());
		let bytes = &shards[leaf / rows][leaf % rows * BLOB_BYTES..][..BLOB_BYTES];
		(mdu, leaf as u16, witness, bytes)
	}

	fn answer(&self, engine: &dyn MsmEngine) -> Answer {
		let mut builder = AnswerBuilder::new(&R_E, &PROVIDER);
		for ordinal in 0..SAMPLES {
			let (mdu, leaf, witness, bytes) = self.blob(ordinal);
			let part = AnswerPart {
				ordinal: ordinal as u32,
				mdu: mdu as u64,
				manifest_opening: MANIFEST_OPENING,
				witness,
				leaf,
				blob: Blob::parse(bytes).expect("what the encoder made"),
			};
			builder.add(&part).expect("ordinals rise, and the leaf is one of the witness");
		}
		builder.finish(engine).expect("there are samples")
	}
}

fn prove(criterion: &mut Criterion) {
	let stored = Stored::new(Profile::DEFAULT);
	let blobs: Vec<&Blob> = (0..SAMPLES)
		.map(|ordinal| Blob::parse(stored.blob(ordinal).3).expect("what the encoder made"))
		.collect();
	let z = evaluation_point(&R_E, &PROVIDER);
	// The fast way says what the slow one does: one opening of the combination.
	let terms: Vec<_> =
		(0u32..).zip(&blobs).map(|(i, blob)| (gamma(&R_E, &PROVIDER, i), *blob)).collect();
	let engine = Engines::pippenger();
	let expected = prover::open_combination(engine.as_ref(), &terms, &z);
	let made = stored.answer(engine.as_ref());
	assert_eq!(Ok((made.y, made.pi)), expected);

	let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
	let pool = pool.expect("a pool of one thread");
	let mut group = criterion.benchmark_group("prove");
	group.sample_size(10).throughput(Throughput::Elements(SAMPLES as u64));
	for (name, engine) in
		[("pippenger", Engines::pippenger()), ("engine chosen for 1024", Engines::choose(1024))]
	{
		group.bench_function(format!("100 samples, {name}"), |bencher| {
			pool.install(|| bencher.iter(|| black_box(stored.answer(engine.as_ref()))));
		});
		group.bench_function(format!("100 samples, an opening each, {name}"), |bencher| {
			let items: Vec<_> = blobs.iter().map(|blob| (*blob, z)).collect();
			pool.install(|| {
				bencher.iter(|| black_box(prover::open_batch(engine.as_ref(), black_box(&items))));
			});
		});
	}

	let mut file = tempfile::tempfile().expect("a temporary file");
	for blob in &blobs {
		file.write_all(blob.as_bytes()).expect("room for 13 MB");
	}
	group.bench_function("100 samples, reading alone", |bencher| {
		let mut bytes = vec![0; BLOB_BYTES];
		bencher.iter(|| read(&file, &mut bytes));
	});
	group.finish();
}

/// Reads all blobs, one after the other into the same memory.
fn read(file: &File, bytes: &mut [u8]) {
	for index in 0..SAMPLES {
		let at = (index * BLOB_BYTES) as u64;
		file.read_exact_at(black_box(bytes), at).expect("the blobs were written");
	}
}

/// What leads from a blob to its MDU's root: the kept branch of its slot, and the witness, which says the same.
fn lead_to_roots(criterion: &mut Criterion) {
	let profile = Profile::DEFAULT;
	let stored = Stored::new(profile);
	let kept: Vec<_> = (0..SAMPLES)
		.map(|ordinal| {
			let (_, leaf, witness, _) = stored.blob(ordinal);
			let slot = (leaf / u16::from(profile.rows())) as u8;
			let branch = Branch::of(witness, slot).expect("a slot of the profile");
			(slot, leaf, witness.root(), branch.encode(), witness.to_witness().encode())
		})
		.collect();
	let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
	let pool = pool.expect("a pool of one thread");
	let mut group = criterion.benchmark_group("lead to roots");
	group.sample_size(10).throughput(Throughput::Elements(SAMPLES as u64));
	group.bench_function("100 samples, branches", |bencher| {
		bencher.iter(|| {
			for (slot, leaf, root, branch, _) in &kept {
				let branch = Branch::decode_all(&mut branch.as_slice()).expect("a branch");
				let checked = branch.check(&profile, *slot, root).expect("it leads to the root");
				black_box(checked.member(*leaf).expect("a leaf of the slot"));
			}
		});
	});
	group.bench_function("100 samples, witnesses", |bencher| {
		pool.install(|| {
			bencher.iter(|| {
				for (_, leaf, root, _, witness) in &kept {
					let witness = Witness::decode_strict(witness).expect("a witness");
					let checked = witness.check(&profile).expect("what the encoder made");
					assert_eq!(checked.root(), *root);
					black_box(checked.member(*leaf).expect("a leaf of the profile"));
				}
			});
		});
	});
	group.finish();
}

/// One opening of a manifest over so many roots, where its place was opened before in another manifest, and by itself.
fn open_manifests(criterion: &mut Criterion) {
	let roots: Vec<Hash32> = (0..2_048u32).map(|mdu| hash_to_fr(&mdu.to_le_bytes())).collect();
	let engine = Engines::pippenger();
	let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
	let pool = pool.expect("a pool of one thread");
	let mut group = criterion.benchmark_group("open a manifest");
	group.sample_size(10);
	for count in [1, 9, 64, 256, 1_024, 2_048] {
		let roots = &roots[..count];
		let open = || manifest::open_places(engine.as_ref(), roots, &[0]).expect("there is a root");
		let alone = || manifest::open(engine.as_ref(), roots, 0).expect("there is a root");
		assert_eq!(open(), [alone()]);
		group.bench_function(format!("{count} roots"), |bencher| {
			pool.install(|| bencher.iter(|| black_box(open())));
		});
		group.bench_function(format!("{count} roots, by itself"), |bencher| {
			pool.install(|| bencher.iter(|| black_box(alone())));
		});
	}
	group.finish();
}

criterion_group!(benches, prove, lead_to_roots, open_manifests);
criterion_main!(benches);
