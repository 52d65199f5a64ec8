//! Stripe codes on one core: rows of 8+4, throughput in bytes of data. `reed-solomon-simd` (the `gf16` rows) is the
//! peer of the code over the scalar field.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nil_coding::codec_for;
use nil_types::{CodeKind, Profile, layout::BLOB_BYTES};
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

criterion_group!(benches, rows);
criterion_main!(benches);
