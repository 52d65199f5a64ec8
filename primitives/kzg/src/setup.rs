//! The trusted setup: Ethereum's KZG ceremony, 4,096 points in Lagrange form.
//!
//! The points are embedded uncompressed and in bit-reversed order, the order of the scalars of a blob: scalar `i` of
//! a blob belongs to point `i`. A test derives the data back from the official compressed list and pins that list's
//! hash, so the embedded form cannot drift.

use crate::{G1_UNCOMPRESSED_BYTES, SCALARS_PER_BLOB};

/// SHA-256 of the ceremony's Lagrange points, compressed and in natural order (196,608 bytes).
pub const SETUP_G1_SHA256: [u8; 32] = [
	0x52, 0xc7, 0x61, 0x5a, 0x9b, 0xd3, 0xeb, 0x20, 0xdf, 0x67, 0xeb, 0x5a, 0x81, 0xee, 0x70, 0x1c,
	0x96, 0x78, 0x7c, 0x82, 0xa5, 0xff, 0x63, 0x87, 0x40, 0xb5, 0x4f, 0xba, 0xdf, 0xde, 0x96, 0x0b,
];

/// SHA-256 of the ceremony's powers of tau in G2, compressed (65 points, 6,240 bytes).
pub const SETUP_G2_SHA256: [u8; 32] = [
	0xd0, 0xd2, 0xcb, 0xf4, 0x0c, 0x8f, 0x01, 0xe7, 0x07, 0xf1, 0xc0, 0xb9, 0xac, 0x1d, 0xbb, 0xce,
	0xb8, 0x9a, 0x18, 0x04, 0x1c, 0xbc, 0xe0, 0x9e, 0xb3, 0xec, 0x02, 0x5d, 0x5e, 0xcd, 0x6d, 0x43,
];

/// SHA-256 of the embedded [`G1_LAGRANGE`].
pub const EMBEDDED_G1_SHA256: [u8; 32] = [
	0xf3, 0x9d, 0x3c, 0xb8, 0x4a, 0x0b, 0x8e, 0x5d, 0xbb, 0xa3, 0x60, 0x1a, 0xd5, 0x06, 0xe5, 0xa6,
	0xfc, 0x89, 0xdb, 0x22, 0xb3, 0x61, 0xb5, 0x9b, 0x10, 0x20, 0x77, 0x68, 0xa8, 0x2b, 0xa6, 0x23,
];

/// The Lagrange points, bit-reversed order, uncompressed: 4,096 points of 96 bytes.
pub static G1_LAGRANGE: &[u8; SCALARS_PER_BLOB * G1_UNCOMPRESSED_BYTES] =
	include_bytes!("../data/g1_lagrange_brp.bin");

/// The generator of G2 and `[tau]G2`, uncompressed: 2 points of 192 bytes.
static G2: &[u8; 384] = include_bytes!("../data/g2.bin");

/// The Lagrange points one by one, bit-reversed order, uncompressed.
pub fn g1_lagrange() -> &'static [[u8; G1_UNCOMPRESSED_BYTES]] {
	G1_LAGRANGE.as_chunks().0
}

/// The generator of G2 and `[tau]G2`, uncompressed: `x.c1 ‖ x.c0 ‖ y.c1 ‖ y.c0`, big-endian.
pub fn g2() -> &'static [[u8; 192]] {
	G2.as_chunks().0
}

/// `i` with its 12 bits in reverse order: where point `i` of the natural order stands in a blob.
pub const fn bit_reversed(i: u16) -> u16 {
	i.reverse_bits() >> (u16::BITS - SCALARS_PER_BLOB.ilog2())
}
