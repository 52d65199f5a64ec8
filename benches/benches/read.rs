//! The verified read of 64 blobs (one MDU) on one core, commitments in hand: one random linear combination and one
//! multi-scalar multiplication, then four lost slots rebuilt and the payload unpacked. The peer is c-kzg's batch
//! verification of 64 blobs with their proofs. Throughput in bytes of data blobs.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nil_kzg::{Blob, Engines, G1Affine, bulk};
use nil_slab::{MduDecoder, MduEncoder};
use nil_types::{
	Profile,
	layout::{BLOB_BYTES, MDU_BYTES, MDU_PAYLOAD},
};
use rand::{RngCore, SeedableRng, rngs::StdRng};
use std::hint::black_box;

fn read(criterion: &mut Criterion) {
	let profile = Profile::DEFAULT;
	let mut payload = vec![0; MDU_PAYLOAD];
	StdRng::seed_from_u64(3).fill_bytes(&mut payload);
	let encoder = MduEncoder::new(profile, Engines::pippenger());
	let Ok(mdu) = encoder.and_then(|encoder| encoder.encode(&payload)) else {
		unreachable!("the payload is that of one MDU");
	};
	let Ok(witness) = mdu.witness.check(&profile) else {
		unreachable!("the encoder made the witness");
	};
	let Ok(decoder) = MduDecoder::new(profile) else {
		unreachable!("the default profile is valid");
	};
	// Slots 4 to 11: four data slots are lost, four parity slots stand in.
	let shards: Vec<(u8, &[u8])> =
		(0..).zip(mdu.shards.iter().map(Vec::as_slice)).skip(4).collect();
	let claims: Vec<(&G1Affine, &Blob)> = shards
		.iter()
		.filter_map(|(slot, shard)| Some((witness.slot(*slot).ok()?, shard)))
		.flat_map(|(points, shard)| points.iter().zip(shard.chunks(BLOB_BYTES)))
		.filter_map(|(point, blob)| Some((point, Blob::parse(blob).ok()?)))
		.collect();
	assert_eq!(claims.len(), 64);

	// Both sides of the comparison get one core.
	let Ok(pool) = rayon::ThreadPoolBuilder::new().num_threads(1).build() else {
		unreachable!("a pool of one thread can be had");
	};
	let mut group = criterion.benchmark_group("read");
	group.sample_size(10).throughput(Throughput::Bytes(MDU_BYTES as u64));
	for (name, engine) in
		[("pippenger", Engines::pippenger()), ("engine chosen for 1024", Engines::choose(1024))]
	{
		group.bench_function(format!("verify 64 blobs, {name}"), |bencher| {
			pool.install(|| {
				bencher.iter(|| assert!(bulk::verify_blobs(engine.as_ref(), black_box(&claims))));
			});
		});
		group.bench_function(format!("verify, rebuild 4 slots, unpack, {name}"), |bencher| {
			pool.install(|| {
				bencher.iter(|| {
					assert!(bulk::verify_blobs(engine.as_ref(), black_box(&claims)));
					black_box(decoder.decode(0..8, &shards, 0..MDU_PAYLOAD))
				});
			});
		});
	}
	group.bench_function("rebuild 4 slots, unpack", |bencher| {
		pool.install(|| {
			bencher.iter(|| black_box(decoder.decode(0..8, black_box(&shards), 0..MDU_PAYLOAD)));
		});
	});
	group.finish();
	c_kzg_peer(criterion, &mdu.shards[..8]);
}

fn c_kzg_peer(criterion: &mut Criterion, shards: &[Vec<u8>]) {
	let settings = c_kzg::ethereum_kzg_settings(0);
	let blobs: Vec<c_kzg::Blob> = shards
		.iter()
		.flat_map(|shard| shard.chunks(BLOB_BYTES))
		.filter_map(|blob| c_kzg::Blob::from_bytes(blob).ok())
		.collect();
	let (commitments, proofs): (Vec<_>, Vec<_>) = blobs
		.iter()
		.filter_map(|blob| {
			let commitment = settings.blob_to_kzg_commitment(blob).ok()?.to_bytes();
			let proof = settings.compute_blob_kzg_proof(blob, &commitment).ok()?.to_bytes();
			Some((commitment, proof))
		})
		.unzip();
	let mut group = criterion.benchmark_group("read");
	group.sample_size(10).throughput(Throughput::Bytes(MDU_BYTES as u64));
	group.bench_function("verify 64 blobs, c-kzg batch", |bencher| {
		bencher.iter(|| {
			let valid = settings.verify_blob_kzg_proof_batch(&blobs, &commitments, &proofs);
			assert!(matches!(valid, Ok(true)));
		});
	});
	group.finish();
}

criterion_group!(benches, read);
criterion_main!(benches);
