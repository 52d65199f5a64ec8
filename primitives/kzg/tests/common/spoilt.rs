//! Inputs that no check may accept, and ways to spoil good ones.

use nil_kzg::{
	Opening, PointRef, encoding, native,
	verify::{Backend, G1_GENERATOR},
};
use std::sync::LazyLock;

/// The point at infinity, compressed.
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

/// The same number with the group order added: another encoding of the same scalar.
pub fn alias(scalar: &mut [u8; 32]) {
	let mut carry = false;
	let mut limbs = encoding::be_to_limbs(scalar);
	for (limb, modulus) in limbs.iter_mut().zip(encoding::MODULUS) {
		(*limb, carry) = limb.carrying_add(modulus, carry);
	}
	*scalar = encoding::limbs_to_be(&limbs);
}

/// One of 15 ways to spoil an opening.
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
		4 => alias(&mut opening.z),
		5 => alias(&mut opening.y),
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
		_ => {
			let point = native::Native::decompress(&outside).unwrap();
			opening.point = PointRef::Trusted(native::Native::serialize(&point));
		},
	}
}
