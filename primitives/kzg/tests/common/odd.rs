//! Input that no proof should hold with: points and scalars of every kind that a decoder might let pass.
#![allow(dead_code, reason = "no test uses all of it")]

use nil_kzg::{
	Opening, PointRef, encoding, native,
	verify::{Backend, G1_GENERATOR},
};
use std::sync::LazyLock;

pub const INFINITY: [u8; 48] = encoding::INFINITY_COMPRESSED;

/// Points on the curve and outside of the subgroup, compressed.
pub static OFF_SUBGROUP: LazyLock<Vec<[u8; 48]>> = LazyLock::new(|| {
	// (0, 2) has order 3; the others have large order.
	(0..40u8)
		.map(|x| {
			let mut bytes = [0; 48];
			bytes[0] = if x % 3 == 0 { 0xa0 } else { 0x80 };
			bytes[47] = x;
			bytes
		})
		.filter(|bytes| {
			native::Native::decompress(bytes)
				.is_some_and(|point| !native::Native::in_subgroup(&point))
		})
		.collect()
});

/// Bytes that are no point of the curve, for every reason there is.
pub static OFF_CURVE: LazyLock<Vec<[u8; 48]>> = LazyLock::new(|| {
	let with = |first, last| {
		let mut bytes = [0; 48];
		bytes[0] = first;
		bytes[47] = last;
		bytes
	};
	let mut list: Vec<_> = (0..40)
		.map(|x| with(0x80, x))
		.filter(|b| native::Native::decompress(b).is_none())
		.collect();
	list.extend([with(0, 0), with(0x40, 0), with(0xe0, 0), with(0xc0, 1), [0xff; 48], [0x9f; 48]]);
	let mut uncompressed_flag = G1_GENERATOR;
	uncompressed_flag[0] &= 0x7f;
	list.push(uncompressed_flag);
	list
});

/// The uncompressed form of a compressed point on the curve, wherever it lies.
pub fn uncompressed(bytes: &[u8; 48]) -> [u8; 96] {
	native::Native::serialize(&native::Native::decompress(bytes).expect("a point on the curve"))
}

/// The same scalar with the group's order added to it, where that fits into 32 bytes.
pub fn alias(scalar: &[u8; 32]) -> [u8; 32] {
	let mut carry = false;
	let mut limbs = encoding::be_to_limbs(scalar);
	for (limb, modulus) in limbs.iter_mut().zip(encoding::MODULUS) {
		(*limb, carry) = limb.carrying_add(modulus, carry);
	}
	encoding::limbs_to_be(&limbs)
}

/// Ways to [`spoil`] an opening.
pub const KINDS: u8 = 15;

/// One way to spoil an opening.
pub fn spoil(opening: &mut Opening, kind: u8, at: usize, byte: u8) {
	let outside = OFF_SUBGROUP[at % OFF_SUBGROUP.len()];
	let invalid = OFF_CURVE[at % OFF_CURVE.len()];
	match kind {
		0 => opening.z[at % 32] ^= byte,
		1 => opening.y[at % 32] ^= byte,
		2 => opening.proof[at % 48] ^= byte,
		3 => match &mut opening.point {
			PointRef::Compressed(bytes) => bytes[at % 48] ^= byte,
			PointRef::Trusted(bytes) => bytes[at % 96] ^= byte,
		},
		4 => opening.z = alias(&opening.z),
		5 => opening.y = alias(&opening.y),
		6 => opening.proof = outside,
		7 => opening.proof = invalid,
		8 => opening.point = PointRef::Compressed(outside),
		9 => opening.point = PointRef::Compressed(invalid),
		10 => opening.proof = INFINITY,
		11 => opening.point = PointRef::Trusted(encoding::INFINITY_UNCOMPRESSED),
		12 => opening.proof[0] ^= byte & 0xe0,
		13 => match &mut opening.point {
			PointRef::Compressed(bytes) => bytes[0] ^= byte & 0xe0,
			PointRef::Trusted(bytes) => bytes[0] ^= byte & 0xe0,
		},
		// One of large order. The first one's is 3: a coefficient that is a multiple of 3 takes it away, but backends that
		// multiply by way of the curve's endomorphism do so only in the subgroup.
		_ => {
			let outside = OFF_SUBGROUP[1 + at % (OFF_SUBGROUP.len() - 1)];
			opening.point = PointRef::Trusted(uncompressed(&outside));
		},
	}
}
