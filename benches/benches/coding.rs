//! Stripe codes on one core: rows of 8+4, throughput in bytes of data. `reed-solomon-simd` (the `gf16` rows) is the
//! peer of the code over the scalar field.
//!
//! And a repair: the part of one MDU that a lost slot held, throughput in bytes rebuilt, beside Lagrange's formula in
//! arkworks' field, scalar by scalar. Aim: 100 MB/s with the code over the scalar field.

use ark_bls12_381::Fr;
use ark_ff::{BigInteger, Field, PrimeField, Zero};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nil_coding::codec_for;
use nil_kzg::{Engines, stripe};
use nil_slab::{MduDecoder, MduEncoder};
use nil_types::{
	CodeKind, Profile,
	layout::{BLOB_BYTES, MDU_PAYLOAD, SCALAR_BYTES},
};
use rand::{RngCore, SeedableRng, rngs::StdRng};
use std::hint::black_box;

const K: usize = 8;

fn rows(criterion: &mut Criterion) {
	for kind in [CodeKind::Fr, CodeKind::Gf16] {
		let profile = Profile { code: kind, ..Profile::DEFAULT };
		let Ok(code) = codec_for(profile) else {
			unreachable!("the default profile is valid");
		};
		let mut group = criterion.benchmark_group(format!("coding/{kind}"));
		group.throughput(Throughput::Bytes((K * BLOB_BYTES) as u64));
		let mut row = vec![vec![0; BLOB_BYTES]; 12];
		for blob in &mut row[..K] {
			StdRng::seed_from_u64(1).fill_bytes(blob);
			blob.iter_mut().step_by(32).for_each(|byte| *byte = 0);
		}
		group.bench_function("encode 8+4", |bencher| {
			let (data, parity) = row.split_at_mut(K);
			let data: Vec<&[u8]> = data.iter().map(Vec::as_slice).collect();
			bencher.iter(|| {
				let mut parity: Vec<&mut [u8]> = parity.iter_mut().map(Vec::as_mut_slice).collect();
				black_box(code.encode_row(black_box(&data), &mut parity))
			});
		});
		for lost in [1, 4] {
			let name = format!("reconstruct {lost} of 8");
			group.bench_function(name, |bencher| {
				let present: Vec<(u8, &[u8])> =
					(0..).zip(row.iter().map(Vec::as_slice)).skip(lost).take(K).collect();
				let mut out = vec![vec![0; BLOB_BYTES]; lost];
				bencher.iter(|| {
					let mut wanted: Vec<(u8, &mut [u8])> =
						(0..).zip(out.iter_mut().map(Vec::as_mut_slice)).collect();
					black_box(code.reconstruct_row(black_box(&present), &mut wanted))
				});
			});
		}
		group.finish();
	}
}

/// The slot that is lost: data, so that parity stands in for it.
const LOST: u8 = 0;

/// A scalar of the lost slot by its definition: the value at the slot's node of the polynomial through the others.
fn naive(factors: &[Fr], shards: &[(u8, &[u8])], at: usize) -> [u8; SCALAR_BYTES] {
	let value = factors.iter().zip(shards).fold(Fr::zero(), |sum, (factor, (_, shard))| {
		sum + *factor * Fr::from_be_bytes_mod_order(&shard[at..][..SCALAR_BYTES])
	});
	let mut bytes = [0; SCALAR_BYTES];
	bytes.copy_from_slice(&value.into_bigint().to_bytes_be());
	bytes
}

/// By what the values at the nodes of these slots are multiplied to give the one at that of the lost slot.
fn lagrange(profile: &Profile, slots: &[u8]) -> Vec<Fr> {
	let node = |slot: u8| {
		let node = stripe::node(profile.k, profile.m, slot).expect("a slot of the profile");
		Fr::from(u64::from(node))
	};
	slots
		.iter()
		.map(|slot| {
			let others = slots.iter().filter(|other| *other != slot);
			others.fold(Fr::from(1u64), |product, other| {
				let difference = node(*slot) - node(*other);
				let inverse = difference.inverse().expect("slots have different nodes");
				product * (node(LOST) - node(*other)) * inverse
			})
		})
		.collect()
}

fn repair(criterion: &mut Criterion) {
	let mut payload = vec![0; MDU_PAYLOAD];
	StdRng::seed_from_u64(4).fill_bytes(&mut payload);
	// One core.
	let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
	let pool = pool.expect("a pool of one thread");
	for code in [CodeKind::Fr, CodeKind::Gf16] {
		let profile = Profile { code, ..Profile::DEFAULT };
		let encoder = MduEncoder::new(profile, Engines::pippenger()).expect("a valid profile");
		let mdu = encoder.encode(&payload).expect("the payload is that of one MDU");
		let decoder = MduDecoder::new(profile).expect("a valid profile");
		let lost = &mdu.shards[usize::from(LOST)];
		let shards: Vec<(u8, &[u8])> =
			(0..).zip(mdu.shards.iter().map(Vec::as_slice)).skip(1).take(K).collect();
		let rebuild = || decoder.repair(LOST, black_box(&shards));
		assert!(rebuild().as_ref() == Ok(lost));

		let mut group = criterion.benchmark_group(format!("repair/{code}"));
		group.throughput(Throughput::Bytes(lost.len() as u64));
		group.bench_function("rebuild a slot of 8+4", |bencher| {
			pool.install(|| bencher.iter(|| black_box(rebuild())));
		});
		if code == CodeKind::Fr {
			let slots: Vec<u8> = shards.iter().map(|(slot, _)| *slot).collect();
			let factors = lagrange(&profile, &slots);
			let rebuild = || -> Vec<u8> {
				let places = (0..lost.len()).step_by(SCALAR_BYTES);
				places.flat_map(|at| naive(&factors, black_box(&shards), at)).collect()
			};
			assert!(rebuild() == *lost);
			group.sample_size(10);
			group.bench_function("rebuild a slot of 8+4, naive", |bencher| {
				bencher.iter(|| black_box(rebuild()));
			});
		}
		group.finish();
	}
}

criterion_group!(benches, rows, repair);
criterion_main!(benches);
