//! The embedded setup is the official one.

#[path = "common/sources.rs"]
mod sources;

use nil_kzg::{G1Affine, setup};
use sha2::{Digest, Sha256};
use std::fs;

fn official(file: &str) -> Vec<u8> {
	let path =
		sources::sources_of("c-kzg").join("bindings/rust/src/ethereum_kzg_settings").join(file);
	fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn lagrange_points_are_those_of_the_ceremony() {
	let compressed = official("g1_lagrange_bytes.bin");
	assert_eq!(Sha256::digest(&compressed)[..], setup::SETUP_G1_SHA256);
	let (points, rest) = compressed.as_chunks::<48>();
	assert!(rest.is_empty());
	let derived: Vec<u8> = (0..4096u16)
		.flat_map(|i| {
			let bytes = &points[usize::from(setup::bit_reversed(i))];
			G1Affine::decompress(bytes).expect("a point of the ceremony").serialize()
		})
		.collect();
	// The way to make the file, of which any 393,216 bytes will do to compile this test.
	if std::env::var_os("NIL_KZG_WRITE_SETUP").is_some() {
		let path = concat!(env!("CARGO_MANIFEST_DIR"), "/data/g1_lagrange_brp.bin");
		fs::write(path, &derived).expect("the file can be written");
	}
	assert_eq!(Sha256::digest(&derived)[..], setup::EMBEDDED_G1_SHA256);
	assert!(derived == setup::G1_LAGRANGE[..]);
	assert_eq!(setup::g1_lagrange().len(), 4096);
}

#[test]
fn g2_points_are_those_of_the_ceremony() {
	let compressed = official("g2_monomial_bytes.bin");
	assert_eq!(Sha256::digest(&compressed)[..], setup::SETUP_G2_SHA256);
	assert_eq!(setup::g2().len(), 2);
	for (bytes, embedded) in compressed.as_chunks::<96>().0.iter().zip(setup::g2()) {
		let point = blst::min_pk::Signature::sig_validate(bytes, true).expect("a point of G2");
		assert_eq!(point.serialize(), *embedded);
	}
}

#[test]
fn bit_reversal_is_an_involution() {
	assert_eq!(setup::bit_reversed(1), 2048);
	assert_eq!(setup::bit_reversed(0b0000_0000_0110), 0b0110_0000_0000);
	assert!((0..4096).all(|i| setup::bit_reversed(setup::bit_reversed(i)) == i));
}
