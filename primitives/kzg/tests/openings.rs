//! Openings made here verify everywhere, and bulk checks find what is false.

mod common;

use nil_kzg::{
	Blob, Engines, G1Affine, Opening, PointRef, VerifyError, bulk, combine_commitments, native,
	portable,
	prover::{self, ProverError},
};

fn scalar(value: u64) -> [u8; 32] {
	let mut bytes = [0; 32];
	bytes[24..].copy_from_slice(&value.to_be_bytes());
	bytes
}

#[test]
fn proofs_equal_those_of_c_kzg() {
	let engine = Engines::pippenger();
	let settings = c_kzg::ethereum_kzg_settings(0);
	let mut rng = common::rng(10);
	let mut blobs = common::edge_blobs();
	blobs.push(("data", common::random_data(&mut rng)));
	blobs.push(("full", common::random_full(&mut rng)));
	let points = [
		common::random_scalar(&mut rng),
		scalar(0),
		common::largest_scalar(),
		prover::domain_point(0).unwrap(),
		prover::domain_point(4095).unwrap(),
		prover::domain_point(77).unwrap(),
	];
	let mut openings = Vec::new();
	for (i, (name, bytes)) in blobs.iter().enumerate() {
		let blob = Blob::parse(bytes).unwrap();
		let commitment = engine.commit(&[blob])[0].compress();
		// Every blob at two points, and every point with some blob.
		for z in [points[i % points.len()], points[(i + 1) % points.len()]] {
			let (y, proof) = prover::open(&*engine, blob, &z).unwrap();
			let reference = c_kzg::Blob::from_bytes(bytes).unwrap();
			let (expected, value) = settings.compute_kzg_proof(&reference, &z.into()).unwrap();
			assert_eq!(proof, expected.to_bytes().into_inner(), "{name}");
			assert_eq!(y, *value, "{name}");
			assert_eq!(prover::evaluate(blob, &z), Ok(y));
			openings.push(Opening { point: PointRef::Compressed(commitment), z, y, proof });
		}
	}
	assert_eq!(native::verify_openings(&openings), Ok(()));
	assert_eq!(portable::verify_openings(&openings), Ok(()));
}

#[test]
fn values_at_the_domain_are_the_scalars() {
	let bytes = common::random_full(&mut common::rng(11));
	let blob = Blob::parse(&bytes).unwrap();
	for index in [0, 1, 2, 2047, 4095] {
		let z = prover::domain_point(index).unwrap();
		assert_eq!(prover::evaluate(blob, &z), Ok(blob.scalars()[index]));
	}
	assert_eq!(prover::domain_point(4096), None);
}

#[test]
fn the_domain_is_the_same_inside_runtimes() {
	for index in 0..4097 {
		assert_eq!(portable::domain_point(index), prover::domain_point(index), "{index}");
	}
}

#[test]
fn a_combination_opens_as_the_combination_of_commitments() {
	let engine = Engines::pippenger();
	let mut rng = common::rng(12);
	let bytes: Vec<_> = (0..3).map(|_| common::random_full(&mut rng)).collect();
	let blobs: Vec<_> = bytes.iter().map(|bytes| Blob::parse(bytes).unwrap()).collect();
	let coefficients: Vec<_> = (0..3).map(|_| common::random_scalar(&mut rng)).collect();
	let terms: Vec<_> = coefficients.iter().copied().zip(blobs.iter().copied()).collect();
	let z = common::random_scalar(&mut rng);
	let (y, proof) = prover::open_combination(&*engine, &terms, &z).unwrap();
	let commitment = combine_commitments(&coefficients, &engine.commit(&blobs)).unwrap();
	let point = PointRef::Compressed(commitment.compress());
	let opening = Opening { point, z, y, proof };
	assert_eq!(native::verify_openings(&[opening]), Ok(()));
	let wrong = Opening { y: z, ..opening };
	assert_eq!(native::verify_openings(&[wrong]), Err(VerifyError::Rejected));

	let single = prover::open_combination(&*engine, &[(scalar(1), blobs[0])], &z).unwrap();
	assert_eq!(single, prover::open(&*engine, blobs[0], &z).unwrap());
	let batch = prover::open_batch(&*engine, &[(blobs[0], z), (blobs[1], scalar(5))]).unwrap();
	assert_eq!(batch[0], single);
	assert_eq!(batch[1], prover::open(&*engine, blobs[1], &scalar(5)).unwrap());
}

#[test]
fn provers_refuse_aliased_scalars() {
	let engine = Engines::pippenger();
	let blob = Blob::zero();
	let bad = [0xff; 32];
	assert_eq!(prover::open(&*engine, blob, &bad), Err(ProverError::BadPoint));
	assert_eq!(prover::evaluate(blob, &bad), Err(ProverError::BadPoint));
	assert_eq!(prover::open_batch(&*engine, &[(blob, bad)]), Err(ProverError::BadPoint));
	assert_eq!(prover::open_combination(&*engine, &[], &bad), Err(ProverError::BadPoint));
	let terms = [(scalar(1), blob), (bad, blob)];
	assert_eq!(
		prover::open_combination(&*engine, &terms, &scalar(1)),
		Err(ProverError::BadCoefficient { index: 1 })
	);
}

#[test]
fn bulk_checks_find_exactly_what_is_false() {
	let engine = Engines::pippenger();
	let mut rng = common::rng(13);
	let mut bytes: Vec<_> = (0..9).map(|_| common::random_data(&mut rng)).collect();
	bytes.push(common::random_full(&mut rng));
	bytes.push(vec![0; nil_kzg::BLOB_BYTES]);
	let commitments = {
		let blobs: Vec<_> = bytes.iter().map(|bytes| Blob::parse(bytes).unwrap()).collect();
		engine.commit(&blobs)
	};
	let check = |bytes: &[Vec<u8>]| {
		let claims: Vec<_> = commitments
			.iter()
			.zip(bytes)
			.map(|(commitment, bytes)| (commitment, Blob::parse(bytes).unwrap()))
			.collect();
		let bad = bulk::find_bad(&*engine, &claims);
		assert_eq!(bulk::verify_blobs(&*engine, &claims), bad.is_empty());
		bad
	};
	assert!(check(&bytes).is_empty());
	for bad in [vec![0], vec![10], vec![4, 5], vec![0, 3, 9, 10], (0..11).collect()] {
		let mut changed = bytes.clone();
		for index in &bad {
			// The smallest change there is, in a different scalar each time.
			changed[*index][32 * (index * 400) + 31] ^= 1;
		}
		assert_eq!(check(&changed), bad);
	}
	// Two blobs that changed places have the right sum, but not under random coefficients.
	bytes.swap(1, 2);
	assert_eq!(check(&bytes), [1, 2]);
	assert!(bulk::verify_blobs(&*engine, &[]));
	assert!(bulk::verify_blobs(&*engine, &[(&G1Affine::INFINITY, Blob::zero())]));
	assert!(!bulk::verify_blobs(&*engine, &[(&commitments[0], Blob::zero())]));
}
