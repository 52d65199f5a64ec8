//! What the tests share.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use nil_kzg::{Engines, MsmEngine};
use nil_slab::{EncodedMdu, MduEncoder};
use nil_types::{CodeKind, Profile};
use rand::{RngCore, SeedableRng, rngs::StdRng};
use std::sync::Arc;

pub const CODES: [CodeKind; 2] = [CodeKind::Fr, CodeKind::Gf16];

pub fn engine() -> Arc<dyn MsmEngine> {
	Engines::pippenger()
}

pub fn profile(k: u8, m: u8, code: CodeKind) -> Profile {
	Profile::new(k, m, code).unwrap()
}

pub fn random_bytes(len: usize, seed: u64) -> Vec<u8> {
	let mut bytes = vec![0; len];
	StdRng::seed_from_u64(seed).fill_bytes(&mut bytes);
	bytes
}

pub fn encode(profile: Profile, payload: &[u8]) -> EncodedMdu {
	MduEncoder::new(profile, engine()).unwrap().encode(payload).unwrap()
}
