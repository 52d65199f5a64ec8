//! Blocks as full as they get, through the validators' own executor: what validating them costs, and what bounds them.
//!
//! The figures are printed: `cargo nextest run --workspace --no-capture -E 'binary(full_blocks)'`.

mod support;

use codec::{Decode, Encode};
use nil_host_fixture::{Request, Sample, Way};
use nil_kzg::{Blob, Engines, MsmEngine, Opening, PointRef, native, prover};
use nil_slab::{MduTree, tree::root_from_path};
use nil_types::{CodeKind, Profile};
use polkadot_node_core_pvf_common::executor_interface::{execute_artifact, prepare, prevalidate};
use std::time::{Duration, Instant};
use support::{Backend, deals};

/// What backing validators allow a block of this chain to take.
const BACKING: Duration = Duration::from_secs(2);
/// What a block may bring along: body and storage proof together.
const MAX_POV: usize = 10 * 1024 * 1024;

fn sample(profile: &Profile, seed: u8, engine: &dyn MsmEngine) -> Sample {
	let blob = |salt: u8| -> Vec<u8> {
		(0u32..4_096).flat_map(|i| nil_types::hash_to_fr(&(seed, salt, i).encode())).collect()
	};
	let (data, mut roots) = (blob(0), blob(1));
	let data = Blob::parse(&data).unwrap();
	let commitment = engine.commit(&[data])[0].compress();
	let leaf = u16::from(seed) % profile.leaves();
	let mut leaves = vec![nil_kzg::encoding::INFINITY_COMPRESSED; usize::from(profile.leaves())];
	leaves[usize::from(leaf)] = commitment;
	let live = 64;
	let tree = MduTree::new(profile, live, &leaves).unwrap();
	let (z, place) = (nil_types::hash_to_fr(&[seed]), usize::from(seed));
	let (y, proof) = prover::open(engine, data, &z).unwrap();
	roots[place * 32..][..32].copy_from_slice(&tree.root());
	let roots = Blob::parse(&roots).unwrap();
	let at = prover::domain_point(place).unwrap();
	let (root, opening) = prover::open(engine, roots, &at).unwrap();
	assert_eq!(root, tree.root());
	let point = PointRef::Trusted(engine.commit(&[roots])[0].serialize());
	Sample {
		manifest: Opening { point, z: at, y: root, proof: opening },
		live,
		leaf,
		commitment,
		path: tree.path(leaf).unwrap(),
		z,
		y,
		proof,
	}
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
	let engine = Engines::pippenger();
	// Every sample is another deal's. A few are made and repeated, never next to themselves.
	let made: Vec<_> = (1..=16).map(|seed| sample(&profile, seed, &*engine)).collect();
	let samples: Vec<_> = made.iter().cycle().take(512).cloned().collect();
	let mut forged = samples.clone();
	forged[300].y[31] ^= 1;
	// Manifest points come from state, and what they are opened to from the path.
	let body = samples[0].encoded_size() - samples[0].manifest.encoded_size()
		+ samples[0].manifest.proof.encoded_size();

	let wasm = nil_host_fixture::WASM_BINARY.expect("the tests need the fixture's wasm");
	let code = sp_maybe_compressed_blob::decompress(wasm, 64 * 1024 * 1024).unwrap();
	let report = |name: &str, each: Duration| {
		let in_time = BACKING.as_secs_f64() / each.as_secs_f64();
		let in_size = MAX_POV / body;
		println!(
			"{name}: {:.0} us each, {in_time:.0} in 2 s of one core; {body} bytes each, {in_size} in 10 MiB: bound by {}",
			each.as_secs_f64() * 1e6,
			if in_time < in_size as f64 { "time" } else { "size" },
		);
	};
	for (backend, way) in [(Backend::Portable, Way::Portable), (Backend::Rfc163, Way::Rfc163)] {
		let params = backend.executor_params();
		let artifact = prepare(prevalidate(&code).unwrap(), &params).unwrap();
		let hold = |samples: &[Sample]| {
			let request = Request::Samples(way, profile, samples.to_vec()).encode();
			let start = Instant::now();
			// SAFETY: the artifact comes from `prepare` and was not modified.
			let answer = unsafe { execute_artifact(&artifact, &params, &request) }.unwrap();
			let taken = start.elapsed();
			let answer = Vec::<u8>::decode(&mut &answer[..]).unwrap();
			(bool::decode(&mut &answer[..]).unwrap(), taken)
		};
		let (holds, taken) = hold(&samples);
		assert!(holds, "{backend:?}");
		assert!(!hold(&forged).0, "{backend:?}");
		report(&format!("{backend:?}"), taken / samples.len() as u32);
	}

	let start = Instant::now();
	let all = openings(&profile, &samples).unwrap();
	assert_eq!(native::verify_openings(&all), Ok(()));
	report("Native", start.elapsed() / samples.len() as u32);
	assert!(native::verify_openings(&openings(&profile, &forged).unwrap()).is_err());
}

/// More commits than fit: a proposer leaves out what a block has no room for. Not more than a deal has MDUs for.
const MOST: u32 = 60;

#[test]
fn commits() {
	for backend in Backend::ALL {
		let (mut chain, profile) = deals::placed(backend);
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
		let start = Instant::now();
		let result = support::validate(backend, &artifact, &built).unwrap();
		let taken = start.elapsed();
		assert_eq!(result.head_data.0, block.header.encode());
		assert!(pov < MAX_POV, "{pov}");
		println!(
			"{backend:?}: {fitted} commits of {roots} roots fill a block; validated in {:.2} s; body {body} bytes, proof {} bytes",
			taken.as_secs_f64(),
			pov - body,
		);
	}
}
