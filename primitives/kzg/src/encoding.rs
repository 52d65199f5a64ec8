//! The strict rules for scalars and points, applied before a backend sees them.
//!
//! Backends differ in what they tolerate (flag bits, coordinates above the modulus, the point at infinity with other
//! bytes set). So flags and ranges are decided here, once, after the ZCash serialization of BLS12-381 that EIP-4844
//! uses; backends only do field arithmetic on what passed.

/// The order `r` of the scalar field, as little-endian 64-bit limbs.
pub const MODULUS: [u64; 4] =
	[0xffff_ffff_0000_0001, 0x53bd_a402_fffe_5bfe, 0x3339_d808_09a1_d805, 0x73ed_a753_299d_7d48];

/// The modulus of the base field, big-endian.
const FIELD_MODULUS: [u8; 48] = [
	0x1a, 0x01, 0x11, 0xea, 0x39, 0x7f, 0xe6, 0x9a, 0x4b, 0x1b, 0xa7, 0xb6, 0x43, 0x4b, 0xac, 0xd7,
	0x64, 0x77, 0x4b, 0x84, 0xf3, 0x85, 0x12, 0xbf, 0x67, 0x30, 0xd2, 0xa0, 0xf6, 0xb0, 0xf6, 0x24,
	0x1e, 0xab, 0xff, 0xfe, 0xb1, 0x53, 0xff, 0xff, 0xb9, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xaa, 0xab,
];

const COMPRESSED: u8 = 0x80;
const INFINITY: u8 = 0x40;
const LARGER_Y: u8 = 0x20;
const FLAGS: u8 = COMPRESSED | INFINITY | LARGER_Y;

/// The point at infinity, compressed.
pub const INFINITY_COMPRESSED: [u8; 48] = {
	let mut bytes = [0; 48];
	bytes[0] = COMPRESSED | INFINITY;
	bytes
};

/// The point at infinity, uncompressed.
pub const INFINITY_UNCOMPRESSED: [u8; 96] = {
	let mut bytes = [0; 96];
	bytes[0] = INFINITY;
	bytes
};

/// What the flags of an encoded point say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
	/// The point at infinity.
	Infinity,
	/// A finite point whose coordinates are below the modulus; whether it is on the curve is not known yet.
	Finite,
}

/// Whether a big-endian scalar is canonical, that is below `r`.
#[inline]
pub fn is_canonical(scalar: &[u8; 32]) -> bool {
	// Data scalars have a zero byte 0 and are decided by it.
	scalar[0] < 0x73 || is_below(&be_to_limbs(scalar), &MODULUS)
}

/// A big-endian scalar as little-endian 64-bit limbs.
#[inline]
pub fn be_to_limbs(scalar: &[u8; 32]) -> [u64; 4] {
	let (words, _) = scalar.as_chunks::<8>();
	core::array::from_fn(|i| u64::from_be_bytes(words[3 - i]))
}

/// Little-endian 64-bit limbs as a big-endian scalar.
#[inline]
pub fn limbs_to_be(limbs: &[u64; 4]) -> [u8; 32] {
	let mut bytes = [0; 32];
	let (words, _) = bytes.as_chunks_mut::<8>();
	for (word, limb) in words.iter_mut().zip(limbs.iter().rev()) {
		*word = limb.to_be_bytes();
	}
	bytes
}

/// `r - limbs`, and 0 for 0. `limbs` must be canonical.
pub fn negate(limbs: &[u64; 4]) -> [u64; 4] {
	if limbs == &[0; 4] {
		return [0; 4];
	}
	let mut borrow = false;
	core::array::from_fn(|i| {
		let (difference, first) = MODULUS[i].overflowing_sub(limbs[i]);
		let (difference, second) = difference.overflowing_sub(u64::from(borrow));
		borrow = first || second;
		difference
	})
}

/// Reads the flags of a compressed point. `None` when they, or the coordinate, are not canonical.
pub fn compressed_form(bytes: &[u8; 48]) -> Option<Form> {
	match bytes[0] & FLAGS {
		// Infinity has no sign and no coordinate.
		flags if flags == COMPRESSED | INFINITY => {
			(bytes == &INFINITY_COMPRESSED).then_some(Form::Infinity)
		},
		flags if flags & INFINITY == 0 && flags & COMPRESSED != 0 => {
			let mut x = *bytes;
			x[0] &= !FLAGS;
			(x < FIELD_MODULUS).then_some(Form::Finite)
		},
		_ => None,
	}
}

/// Reads the flags of an uncompressed point. `None` when they, or a coordinate, are not canonical.
pub fn uncompressed_form(bytes: &[u8; 96]) -> Option<Form> {
	match bytes[0] & FLAGS {
		INFINITY => (bytes == &INFINITY_UNCOMPRESSED).then_some(Form::Infinity),
		0 => {
			let (x, y) = bytes.split_at(48);
			(x < FIELD_MODULUS.as_slice() && y < FIELD_MODULUS.as_slice()).then_some(Form::Finite)
		},
		_ => None,
	}
}

/// Whether the sign flag of a finite compressed point asks for the larger of the two `y`.
pub fn larger_y(bytes: &[u8; 48]) -> bool {
	bytes[0] & LARGER_Y != 0
}

/// The `x` coordinate of a finite compressed point, big-endian, without flags.
pub fn x_coordinate(bytes: &[u8; 48]) -> [u8; 48] {
	let mut x = *bytes;
	x[0] &= !FLAGS;
	x
}

/// The compressed form of a finite point with this big-endian `x`, and the larger or the smaller `y`.
pub fn compress_coordinates(x: &[u8; 48], larger_y: bool) -> [u8; 48] {
	let mut bytes = *x;
	bytes[0] |= if larger_y { COMPRESSED | LARGER_Y } else { COMPRESSED };
	bytes
}

/// `a < b` on little-endian limbs.
pub(crate) fn is_below(a: &[u64; 4], b: &[u64; 4]) -> bool {
	a.iter().rev().lt(b.iter().rev())
}

#[cfg(test)]
mod tests {
	use super::*;

	fn minus_one(mut limbs: [u64; 4]) -> [u64; 4] {
		limbs[0] -= 1;
		limbs
	}

	#[test]
	fn scalars_are_canonical_below_the_order() {
		assert!(is_canonical(&[0; 32]));
		assert!(is_canonical(&limbs_to_be(&minus_one(MODULUS))));
		assert!(!is_canonical(&limbs_to_be(&MODULUS)));
		assert!(!is_canonical(&[0xff; 32]));
		let mut one_more = MODULUS;
		one_more[0] += 1;
		assert!(!is_canonical(&limbs_to_be(&one_more)));
	}

	#[test]
	fn limbs_and_bytes_are_inverse() {
		let bytes: [u8; 32] = core::array::from_fn(|i| i as u8 * 7);
		assert_eq!(limbs_to_be(&be_to_limbs(&bytes)), bytes);
		assert_eq!(be_to_limbs(&bytes)[0] & 0xff, u64::from(bytes[31]));
	}

	#[test]
	fn negation() {
		assert_eq!(negate(&[0; 4]), [0; 4]);
		assert_eq!(negate(&[1, 0, 0, 0]), minus_one(MODULUS));
		assert_eq!(negate(&negate(&[5, 6, 7, 8])), [5, 6, 7, 8]);
	}

	#[test]
	fn compressed_flags() {
		assert_eq!(compressed_form(&INFINITY_COMPRESSED), Some(Form::Infinity));
		let with = |first, last| {
			let mut bytes = [0; 48];
			bytes[0] = first;
			bytes[47] = last;
			compressed_form(&bytes)
		};
		assert_eq!(with(0x80, 1), Some(Form::Finite));
		assert_eq!(with(0xa0, 1), Some(Form::Finite));
		for (first, last) in [(0, 1), (0x20, 1), (0x40, 0), (0x60, 0), (0xc0, 1), (0xe0, 0)] {
			assert_eq!(with(first, last), None, "{first:#x} {last}");
		}
		let mut modulus = FIELD_MODULUS;
		modulus[0] |= 0x80;
		assert_eq!(compressed_form(&modulus), None);
		modulus[47] -= 1;
		assert_eq!(compressed_form(&modulus), Some(Form::Finite));
		assert_eq!(x_coordinate(&modulus)[0], FIELD_MODULUS[0]);
	}

	#[test]
	fn uncompressed_flags() {
		assert_eq!(uncompressed_form(&INFINITY_UNCOMPRESSED), Some(Form::Infinity));
		let with = |first, last| {
			let mut bytes = [0; 96];
			bytes[0] = first;
			bytes[95] = last;
			uncompressed_form(&bytes)
		};
		assert_eq!(with(0, 1), Some(Form::Finite));
		for (first, last) in [(0x80, 1), (0x20, 1), (0x40, 1), (0x60, 0), (0xc0, 0), (0xe0, 0)] {
			assert_eq!(with(first, last), None, "{first:#x} {last}");
		}
		for coordinate in [0, 48] {
			let mut bytes = [0; 96];
			bytes[coordinate..coordinate + 48].copy_from_slice(&FIELD_MODULUS);
			assert_eq!(uncompressed_form(&bytes), None);
			bytes[coordinate + 47] -= 1;
			assert_eq!(uncompressed_form(&bytes), Some(Form::Finite));
		}
	}
}
