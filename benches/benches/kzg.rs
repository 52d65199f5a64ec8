//! Commitments, openings and bulk verification on one core, beside c-kzg in the same run.
//!
//! `cargo bench -p nil-benches --bench kzg`. The table of the bit-column engine comes from the cache directory and is
//! built on the first run.

use ark_ff::PrimeField;
use c_kzg::{Bytes48, ethereum_kzg_settings};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nil_kzg::{
	BLOB_BYTES, Blob, CombinedOpening, Engines, G1Affine, MsmEngine, Opening, PointRef, bulk,
	combine_commitments, encoding,
	msm::cache_dir,
	native::{self, Native},
	portable::{self, Portable},
	prover, stripe,
	verify::{Backend, G1_GENERATOR},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{hint::black_box, sync::Arc};

/// Blobs of one batch: the data blobs of an MDU.
const BLOBS: usize = 64;
/// Sizes of the table's groups: 67, 124 and 230 MB.
const WINDOWS: [usize; 3] = [12, 13, 14];

/// Blobs of random data.
fn data_blobs(count: usize) -> Vec<Vec<u8>> {
	let mut rng = StdRng::seed_from_u64(1);
	(0..count)
		.map(|_| {
			let mut bytes = vec![0; BLOB_BYTES];
			rng.fill(&mut bytes[..]);
			bytes.iter_mut().step_by(32).for_each(|byte| *byte = 0);
			bytes
		})
		.collect()
}

fn parse(bytes: &[Vec<u8>]) -> Vec<&Blob> {
	bytes.iter().map(|bytes| Blob::parse(bytes).expect("canonical scalars")).collect()
}

fn engines() -> Vec<(String, Arc<dyn MsmEngine>)> {
	let dir = cache_dir().expect("a cache directory");
	let mut engines = vec![("pippenger".to_owned(), Engines::pippenger())];
	for window in WINDOWS {
		let engine = Engines::bit_column(&dir, window).expect("a table");
		engines.push((format!("bit-column-w{window}"), engine));
	}
	engines
}

/// Blob to commitment, in batches of eight.
fn commit(c: &mut Criterion) {
	let bytes = data_blobs(8);
	let blobs = parse(&bytes);
	let settings = ethereum_kzg_settings(0);
	let reference = c_kzg::Blob::from_bytes(&bytes[0]).expect("the length of a blob");
	let mut group = c.benchmark_group("commit");
	group.sample_size(10);
	group.throughput(Throughput::Bytes(BLOB_BYTES as u64));
	group.bench_function("c-kzg/1", |b| {
		b.iter(|| settings.blob_to_kzg_commitment(black_box(&reference)));
	});
	for (name, engine) in engines() {
		for count in [1, 8] {
			group.throughput(Throughput::Bytes((count * BLOB_BYTES) as u64));
			group.bench_function(BenchmarkId::new(&name, count), |b| {
				b.iter(|| engine.commit(black_box(&blobs[..count])));
			});
		}
	}
	group.finish();
}

/// Blobs against commitments: a random linear combination here, a proof per blob in EIP-4844.
fn verify_blobs(c: &mut Criterion) {
	let bytes = data_blobs(BLOBS);
	let blobs = parse(&bytes);
	let engines = engines();
	let (_, fastest) = engines.last().expect("engines");
	let commitments = fastest.commit(&blobs);
	let claims: Vec<_> = commitments.iter().zip(blobs).collect();
	let mut group = c.benchmark_group("verify-blobs");
	group.sample_size(10);
	group.throughput(Throughput::Bytes((BLOBS * BLOB_BYTES) as u64));
	for (name, engine) in &engines {
		group.bench_function(BenchmarkId::new(name, BLOBS), |b| {
			b.iter(|| assert!(bulk::verify_blobs(&**engine, black_box(&claims))));
		});
	}

	let settings = ethereum_kzg_settings(0);
	let blobs: Vec<_> = bytes
		.iter()
		.map(|bytes| c_kzg::Blob::from_bytes(bytes).expect("the length of a blob"))
		.collect();
	let commitments: Vec<_> =
		commitments.iter().map(|commitment| Bytes48::from(commitment.compress())).collect();
	let proofs: Vec<_> = blobs
		.iter()
		.zip(&commitments)
		.map(|(blob, commitment)| {
			let proof = settings.compute_blob_kzg_proof(blob, commitment);
			proof.expect("a valid blob").to_bytes()
		})
		.collect();
	group.bench_function(BenchmarkId::new("c-kzg", BLOBS), |b| {
		b.iter(|| {
			let valid = settings.verify_blob_kzg_proof_batch(&blobs, &commitments, &proofs);
			assert!(valid.expect("well-formed inputs"));
		});
	});
	group.finish();
}

/// Openings, proved and verified on every backend.
fn openings(c: &mut Criterion) {
	let bytes = data_blobs(8);
	let engine = Engines::pippenger();
	let openings: Vec<_> = parse(&bytes)
		.into_iter()
		.enumerate()
		.map(|(i, blob)| {
			let z = [i as u8 + 1; 32];
			let (y, proof) = prover::open(&*engine, blob, &z).expect("a canonical point");
			let point = PointRef::Compressed(engine.commit(&[blob])[0].compress());
			Opening { point, z, y, proof }
		})
		.collect();
	let blob = Blob::parse(&bytes[0]).expect("canonical scalars");
	let settings = ethereum_kzg_settings(0);
	let mut group = c.benchmark_group("openings");
	group.sample_size(10);
	group.bench_function("prove", |b| b.iter(|| prover::open(&*engine, blob, &[3; 32])));
	for count in [1, 64] {
		let batch: Vec<_> = openings.iter().copied().cycle().take(count).collect();
		group.throughput(Throughput::Elements(count as u64));
		group.bench_function(BenchmarkId::new("native", count), |b| {
			b.iter(|| native::verify_openings(black_box(&batch)));
		});
		group.bench_function(BenchmarkId::new("portable", count), |b| {
			b.iter(|| portable::verify_openings(black_box(&batch)));
		});
	}
	group.throughput(Throughput::Elements(1));
	group.bench_function("c-kzg/1", |b| {
		let Opening { point, z, y, proof } = openings[0];
		let PointRef::Compressed(point) = point else { unreachable!("made above") };
		b.iter(|| {
			let valid =
				settings.verify_kzg_proof(&point.into(), &z.into(), &y.into(), &proof.into());
			assert!(valid.expect("well-formed inputs"));
		});
	});
	group.finish();
}

/// Answers to samples, each of which has a manifest of its own: blobs combined, and answers verified.
fn answer(c: &mut Criterion) {
	let bytes = data_blobs(8);
	let blobs = parse(&bytes);
	let engine = Engines::pippenger();
	let commitments = engine.commit(&blobs);
	let manifests: Vec<_> = blobs
		.iter()
		.zip(&commitments)
		.map(|(blob, commitment)| {
			let z = prover::domain_point(3).expect("a blob has a fourth scalar");
			let (y, proof) = prover::open(&*engine, blob, &z).expect("a canonical point");
			Opening { point: PointRef::Trusted(commitment.serialize()), z, y, proof }
		})
		.collect();
	let commitments = G1Affine::batch_compress(&commitments);
	let mut group = c.benchmark_group("answer");
	group.sample_size(10);
	group.throughput(Throughput::Bytes(BLOB_BYTES as u64));
	group.bench_function("combine", |b| {
		let mut sum = prover::Combination::new();
		b.iter(|| sum.add(&[5; 32], black_box(blobs[0])));
	});
	for count in [1u8, 64] {
		let factors: Vec<_> = (1..=count).map(|i| [i; 32]).collect();
		let of_blobs: Vec<_> = factors.iter().copied().zip(blobs.iter().copied().cycle()).collect();
		let z = [3; 32];
		let (y, proof) =
			prover::open_combination(&*engine, &of_blobs, &z).expect("canonical scalars");
		let terms = commitments.iter().copied().cycle().zip(factors).collect();
		let combined = CombinedOpening { terms, z, y, proof };
		let openings: Vec<_> = manifests.iter().copied().cycle().take(usize::from(count)).collect();
		assert_eq!(native::verify_answer(&openings, &combined), Ok(()));
		group.throughput(Throughput::Elements(count.into()));
		group.bench_function(BenchmarkId::new("native", count), |b| {
			b.iter(|| native::verify_answer(black_box(&openings), &combined));
		});
		group.bench_function(BenchmarkId::new("portable", count), |b| {
			b.iter(|| portable::verify_answer(black_box(&openings), &combined));
		});
	}
	group.finish();
}

/// One point, read and tested for the subgroup: in the field that is made for wasm, by arkworks and by blst, all as
/// native code.
fn points(c: &mut Criterion) {
	let bytes = &G1_GENERATOR;
	let x = ark_bls12_381::Fq::from_be_bytes_mod_order(&encoding::x_coordinate(bytes));
	let larger = encoding::larger_y(bytes);
	let point = Portable::decompress(bytes).expect("a point of the curve");
	let blst = Native::decompress(bytes).expect("a point of the curve");
	let arkworks = |x| ark_bls12_381::G1Affine::get_point_from_x_unchecked(x, larger);
	assert_eq!(arkworks(x), Some(point));
	let mut group = c.benchmark_group("decompress");
	group.bench_function("portable", |b| b.iter(|| Portable::decompress(black_box(bytes))));
	group.bench_function("arkworks", |b| b.iter(|| arkworks(black_box(x))));
	group.bench_function("native", |b| b.iter(|| Native::decompress(black_box(bytes))));
	group.finish();
	let mut group = c.benchmark_group("subgroup");
	group.bench_function("portable", |b| b.iter(|| Portable::in_subgroup(black_box(&point))));
	group.bench_function("arkworks", |b| {
		b.iter(|| black_box(&point).is_in_correct_subgroup_assuming_on_curve());
	});
	group.bench_function("native", |b| b.iter(|| Native::in_subgroup(black_box(&blst))));
	group.finish();
}

/// The parity commitments of a row of 8 + 4, made and checked.
fn parity(c: &mut Criterion) {
	let bytes = data_blobs(8);
	let data = Engines::pippenger().commit(&parse(&bytes));
	let generator = stripe::generator(8, 4).expect("the default profile");
	let rows: Vec<_> = (0..4).filter_map(|i| generator.row_scalars(i)).collect();
	let combine =
		|| rows.iter().map(|row| combine_commitments(row, &data)).collect::<Result<Vec<_>, _>>();
	let parity = G1Affine::batch_compress(&combine().expect("canonical coefficients"));
	let data = G1Affine::batch_compress(&data);
	let mut group = c.benchmark_group("parity");
	group.sample_size(20);
	group.bench_function("combine", |b| b.iter(combine));
	group.bench_function("verify/native", |b| {
		b.iter(|| native::verify_parity((8, 4), &data, &parity));
	});
	group.bench_function("verify/portable", |b| {
		b.iter(|| portable::verify_parity((8, 4), &data, &parity));
	});
	group.finish();
}

/// The chain's sum over the roots of one commit.
fn manifest(c: &mut Criterion) {
	let mut rng = StdRng::seed_from_u64(2);
	let roots: Vec<[u8; 32]> = (0..1024)
		.map(|_| {
			let mut root: [u8; 32] = rng.random();
			root[0] = 0;
			root
		})
		.collect();
	let empty = encoding::INFINITY_UNCOMPRESSED;
	let mut group = c.benchmark_group("extend-manifest");
	group.sample_size(10);
	for count in [1, 64, 1024] {
		group.bench_function(BenchmarkId::new("native", count), |b| {
			b.iter(|| native::extend_manifest(&empty, 0, black_box(&roots[..count])));
		});
		group.bench_function(BenchmarkId::new("portable", count), |b| {
			b.iter(|| portable::extend_manifest(&empty, 0, black_box(&roots[..count])));
		});
	}
	group.finish();
}

/// Runs everything on one core, so that figures compare with c-kzg's, which uses one.
fn on_one_core(c: &mut Criterion) {
	rayon::ThreadPoolBuilder::new().num_threads(1).build_global().expect("no pool was used yet");
	commit(c);
	verify_blobs(c);
	openings(c);
	answer(c);
	points(c);
	parity(c);
	manifest(c);
}

criterion_group!(benches, on_one_core);
criterion_main!(benches);
