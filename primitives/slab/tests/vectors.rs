//! The vectors under `tests/vectors`, which other implementations can hold themselves to.
//!
//! `tree.json`: MDU roots and paths from made-up commitments (any 48 bytes will do for a tree). `mdu.json`: MDUs from
//! payload to root. Run with `NIL_WRITE_VECTORS=1` to write them anew after a change of the protocol.

mod common;

use common::{encode, profile};
use nil_slab::tree::{self, MduTree};
use nil_types::{CodeKind, G1Compressed, Hash32, Profile, blake2b_256, layout::BLOB_PAYLOAD};
use serde_json::{Value, json};
use std::path::PathBuf;

fn check(name: &str, found: &Value) {
	let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name);
	if std::env::var_os("NIL_WRITE_VECTORS").is_some() {
		let text = serde_json::to_string_pretty(found).unwrap() + "\n";
		std::fs::write(&path, text).unwrap();
	}
	let text = std::fs::read_to_string(&path).unwrap();
	let expected: Value = serde_json::from_str(&text).unwrap();
	assert_eq!(*found, expected, "{}", path.display());
}

/// Commitment `i` of a vector: byte `j` is `i * 7 + j` modulo 256.
fn commitment(i: usize) -> G1Compressed {
	std::array::from_fn(|j| (i * 7 + j) as u8)
}

/// Byte `i` of a vector's payload: `i * 31 + i / 251` modulo 256.
fn payload(len: usize) -> Vec<u8> {
	(0..len).map(|i| (i * 31 + i / 251) as u8).collect()
}

/// The root by the protocol's words: recursion over the padded leaves, every hash spelt out.
fn naive_root(profile: &Profile, live: u8, commitments: &[G1Compressed]) -> Hash32 {
	fn top(leaves: &[Hash32]) -> Hash32 {
		match leaves {
			[leaf] => *leaf,
			_ => {
				let (left, right) = leaves.split_at(leaves.len() / 2);
				blake2b_256(&[&[1][..], &top(left), &top(right)].concat())
			},
		}
	}
	let mut leaves: Vec<Hash32> =
		commitments.iter().map(|c| blake2b_256(&[&[0][..], c].concat())).collect();
	while !leaves.len().is_power_of_two() {
		leaves.push([0; 32]);
	}
	let code = u8::from(profile.code == CodeKind::Gf16);
	let head = [2, profile.k, profile.m, code, live];
	let mut root = blake2b_256(&[&head[..], &top(&leaves)].concat());
	root[0] = 0;
	root
}

#[test]
fn trees() {
	let mut vectors = Vec::new();
	for (k, m, code, live) in [
		(8, 4, CodeKind::Fr, 64),
		(8, 4, CodeKind::Fr, 1),
		(8, 4, CodeKind::Gf16, 64),
		(1, 2, CodeKind::Fr, 3),
		(16, 16, CodeKind::Fr, 33),
		(1, 31, CodeKind::Gf16, 64),
		(16, 1, CodeKind::Fr, 64),
	] {
		let profile = profile(k, m, code);
		let commitments: Vec<_> = (0..profile.leaves().into()).map(commitment).collect();
		let tree = MduTree::new(&profile, live, &commitments).unwrap();
		assert_eq!(tree.root(), naive_root(&profile, live, &commitments));
		assert_eq!(tree.root(), tree::mdu_root(&profile, live, &commitments).unwrap());
		for (leaf, commitment) in (0..).zip(&commitments) {
			let path = tree.path(leaf).unwrap();
			assert_eq!(path.len(), profile.path_len());
			let root = tree::root_from_path(&profile, live, leaf, commitment, &path);
			assert_eq!(root, Ok(tree.root()));
			let wrong = tree::root_from_path(&profile, live, leaf ^ 1, commitment, &path);
			assert_ne!(wrong, Ok(tree.root()));
		}
		assert!(tree.path(profile.leaves()).is_err());
		let leaf = profile.leaves() - 1;
		vectors.push(json!({
			"k": k, "m": m, "code": code.to_string(), "live": live,
			"root": hex::encode(tree.root()),
			"leaf": leaf,
			"path": tree.path(leaf).unwrap().iter().map(hex::encode).collect::<Vec<_>>(),
		}));
	}
	check(
		"tree.json",
		&json!({
			"commitments": "byte j of the commitment of leaf i is (7 i + j) mod 256",
			"vectors": vectors,
		}),
	);
}

#[test]
fn mdus() {
	let mut vectors = Vec::new();
	for (k, m, code, len) in [
		(8, 4, CodeKind::Fr, 1),
		(8, 4, CodeKind::Fr, 9 * BLOB_PAYLOAD + 5),
		(8, 4, CodeKind::Gf16, 9 * BLOB_PAYLOAD + 5),
		(1, 2, CodeKind::Fr, BLOB_PAYLOAD),
		(2, 3, CodeKind::Fr, 2 * BLOB_PAYLOAD + 1),
	] {
		let mdu = encode(profile(k, m, code), &payload(len));
		let hashes = |list: &[Vec<u8>]| -> Vec<String> {
			list.iter().map(|bytes| hex::encode(blake2b_256(bytes))).collect()
		};
		vectors.push(json!({
			"k": k, "m": m, "code": code.to_string(), "payload_len": len,
			"live": mdu.live,
			"shards_blake2b_256": hashes(&mdu.shards),
			"witness": hex::encode(codec::Encode::encode(&mdu.witness)),
			"root": hex::encode(mdu.root),
		}));
	}
	check(
		"mdu.json",
		&json!({
			"payload": "byte i is (31 i + floor(i / 251)) mod 256",
			"vectors": vectors,
		}),
	);
}
