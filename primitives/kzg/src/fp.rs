//! The base field of BLS12-381 for processors whose widest multiplication is 32 by 32 bits into 64.
//!
//! WebAssembly is such a processor, and where the runtime checks openings, decompression and subgroup tests take most
//! of the time: about 1,460 multiplications in this field for a point. arkworks has limbs of 64 bits, so wasm puts each
//! of its partial products together from several multiplications and carries. Here a partial product is one
//! multiplication and one addition, and carries are propagated once for a column of them. arkworks remains the oracle
//! of the tests.
//!
//! # Sizes
//! An element `a` stands as `a * R mod p` with `R = 2^392` (Montgomery's form), in 14 limbs of 28 bits. `p` has 381
//! bits, so limbs as well as values have room above what they need, and sums are not reduced. Two bounds tell how far
//! an element has grown:
//!
//! * its *limbs*. A product adds up to 14 partial products of the operands in a column, 14 of the reduction, each of
//!   which is below `2^56`, and a carry below `2^36`. With operands whose limbs are below `2^s` and `2^t`, where
//!   `s + t <= 60`, that is less than `14 * 2^60 + 14 * 2^56 + 2^36 < 2^64`.
//! * its *value*, as a multiple of `p`. The reduction adds less than `R * p` and divides by `R`, so a product of values
//!   below `i * p` and `j * p` is less than `(i * j * p / R + 1) * p`. `R / p` is above 2,520: with `i * j <= 2,520` it
//!   is below `2 * p`.
//!
//! An element is *tight* when its limbs are below `2^28` and its value is below `2 * p`. Products are, whatever their
//! operands were. Every other operation says what it makes of the two bounds, and whoever uses them says why they hold.
//! Neither can be exceeded by an input: they follow from the formulas alone.

/// Limbs of an element.
const LIMBS: usize = 14;
/// Bits of a limb.
const BITS: u32 = 28;
const MASK: u32 = (1 << BITS) - 1;

/// The modulus `p`.
const MODULUS: [u32; LIMBS] = [
	0xfffaaab, 0xfefffff, 0x3ffffb9, 0xfffeb15, 0x6241eab, 0xa0f6b0f, 0xf6730d2, 0xf38512b,
	0x4774b84, 0x4bacd76, 0xba7b643, 0xe69a4b1, 0x1ea397f, 0x001a011,
];
/// `-1 / p mod 2^28`.
const NEGATED_INVERSE: u32 = 0xffcfffd;
/// `R^2 mod p`.
const R_SQUARED: Fp = Fp([
	0x10370ed, 0x6d1c345, 0xe243d62, 0xec45c53, 0x3b1d65a, 0x093317d, 0xb4f36a0, 0x5d74088,
	0xc10ea72, 0x865d118, 0x7320a75, 0xfd5cd50, 0xcc8a759, 0x000c8d4,
]);

/// The exponent of a square root, `(p + 1) / 4`, from its highest bits on: first this, then for each entry of
/// [`SQUARINGS`] so many bits, of which the last are those of the odd number in [`POWERS`], and the others 0.
const FIRST_POWER: u8 = 13;
const SQUARINGS: [u8; 66] = [
	13, 7, 4, 6, 7, 5, 5, 3, 6, 6, 3, 8, 3, 6, 6, 3, 8, 7, 5, 6, 6, 4, 8, 4, 7, 9, 5, 2, 7, 7, 6,
	5, 5, 5, 8, 7, 9, 5, 3, 8, 3, 7, 9, 6, 6, 5, 5, 4, 3, 8, 7, 5, 5, 4, 4, 7, 5, 5, 5, 5, 5, 5, 5,
	4, 6, 5,
];
const POWERS: [u8; 66] = [
	17, 15, 5, 7, 23, 31, 25, 5, 13, 9, 3, 27, 5, 15, 27, 1, 13, 23, 11, 13, 29, 9, 29, 13, 23, 19,
	25, 3, 5, 9, 23, 29, 19, 19, 13, 21, 15, 13, 3, 15, 3, 9, 15, 21, 31, 31, 31, 13, 3, 21, 31,
	31, 31, 15, 7, 31, 29, 31, 31, 31, 31, 31, 31, 13, 21, 11,
];

/// The sums of the partial products of equal weight, of 27 weights and one more for the last carry.
type Columns = [u64; 2 * LIMBS];

/// An element. Different limbs may stand for the same one, so there is no `==`, but [`is_zero`](Self::is_zero) of a
/// difference.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fp([u32; LIMBS]);

/// Calls a function for every limb, with the index as a constant: then everything that depends on it is one too, and
/// the columns need no memory.
macro_rules! for_each_limb {
	($function:ident $arguments:tt) => {
		$function::<0> $arguments;
		$function::<1> $arguments;
		$function::<2> $arguments;
		$function::<3> $arguments;
		$function::<4> $arguments;
		$function::<5> $arguments;
		$function::<6> $arguments;
		$function::<7> $arguments;
		$function::<8> $arguments;
		$function::<9> $arguments;
		$function::<10> $arguments;
		$function::<11> $arguments;
		$function::<12> $arguments;
		$function::<13> $arguments;
	};
}

/// Adds limb `I` of `a` times `b`.
#[inline(always)]
fn product_row<const I: usize>(columns: &mut Columns, a: &[u32; LIMBS], b: &[u32; LIMBS]) {
	let limb = u64::from(a[I]);
	for (column, other) in columns[I..].iter_mut().zip(b) {
		*column += limb * u64::from(*other);
	}
}

/// Adds limb `I` of `a` times itself, and twice that limb times those above it.
#[inline(always)]
fn square_row<const I: usize>(columns: &mut Columns, a: &[u32; LIMBS]) {
	let limb = u64::from(a[I]);
	columns[2 * I] += limb * limb;
	let double = 2 * limb;
	for (column, other) in columns[2 * I + 1..].iter_mut().zip(&a[I + 1..]) {
		*column += double * u64::from(*other);
	}
}

/// Adds the multiple of `p` that makes the 28 low bits of column `I` zero, and carries the others over.
#[inline(always)]
fn reduce_column<const I: usize>(columns: &mut Columns) {
	// Only the low bits count, so the cast may cut off what it likes.
	let factor = u64::from((columns[I] as u32).wrapping_mul(NEGATED_INVERSE) & MASK);
	for (column, limb) in columns[I..].iter_mut().zip(&MODULUS) {
		*column += factor * u64::from(*limb);
	}
	columns[I + 1] += columns[I] >> BITS;
}

/// The columns divided by `R`, modulo `p`.
#[inline(always)]
fn reduce(columns: &mut Columns) -> Fp {
	for_each_limb!(reduce_column(columns));
	let mut limbs = [0; LIMBS];
	let mut carry = 0;
	// The value is far below R, so the last limb is below 2^28 and nothing is left to carry.
	for (limb, column) in limbs.iter_mut().zip(&columns[LIMBS..]) {
		let sum = *column + carry;
		*limb = (sum & u64::from(MASK)) as u32;
		carry = sum >> BITS;
	}
	Fp(limbs)
}

impl Fp {
	/// 1.
	pub const ONE: Self = Self([
		0x347fcb8, 0xd800000, 0x002b119, 0x0cde6d2, 0xc7212e0, 0x83a2090, 0x037669f, 0xda0f73e,
		0x9b09b42, 0x1297bb0, 0x515d98f, 0x012ca7c, 0x659fcfa, 0x000577a,
	]);
	/// 4, the constant of the curve.
	pub const FOUR: Self = Self([
		0xd1ff2e0, 0x6000000, 0x00ac467, 0x3379b48, 0x1c84b80, 0x0e88243, 0x0dd9a7e, 0x683dcf8,
		0x6c26d0b, 0x4a5eec2, 0x457663c, 0x04b29f1, 0x967f3e8, 0x0015de9,
	]);
	/// A cube root of 1 that is not 1. On the subgroup `(x, y) -> (BETA * x, y)` is the multiplication by `-u^2`, where
	/// `u` is the parameter of the curve; with the other such root it is that by `u^2 - 1`.
	pub const BETA: Self = Self([
		0xa75929a, 0x681b798, 0x22a3e9d, 0xabc02bf, 0x4e5bb45, 0x55e6e7e, 0x4814117, 0x6d04f1b,
		0xae3387d, 0x54acb0c, 0x0a4c74b, 0x56138b5, 0xb64e066, 0x00076f2,
	]);

	/// An integer, as little-endian words, modulo `p`: tight.
	pub fn new(words: &[u64; 6]) -> Self {
		let at = |i: usize| words.get(i).copied().unwrap_or(0);
		let limbs = core::array::from_fn(|i| {
			let bit = i * BITS as usize;
			let (word, shift) = (bit / 64, bit % 64);
			let mut bits = at(word) >> shift;
			if shift + BITS as usize > 64 {
				bits |= at(word + 1) << (64 - shift);
			}
			// Only the low bits count.
			bits as u32 & MASK
		});
		// Limbs below 2^28 and a value below 2^384 < 16 p, whatever the words are.
		Self(limbs).mul(&R_SQUARED)
	}

	/// The integer below `p`, as little-endian words.
	pub fn words(&self) -> [u64; 6] {
		let mut words = [0; 6];
		let mut bit = 0usize;
		for limb in self.canonical() {
			let (word, shift) = (bit / 64, bit % 64);
			if let Some(word) = words.get_mut(word) {
				*word |= u64::from(limb) << shift;
			}
			if shift + BITS as usize > 64
				&& let Some(word) = words.get_mut(word + 1)
			{
				*word |= u64::from(limb) >> (64 - shift);
			}
			bit += BITS as usize;
		}
		words
	}

	/// The integer below `p`, as limbs.
	#[inline(never)]
	fn canonical(&self) -> [u32; LIMBS] {
		let mut columns = [0; 2 * LIMBS];
		for (column, limb) in columns.iter_mut().zip(&self.0) {
			*column = u64::from(*limb);
		}
		// A value below R, and less than R times p, together divided by R: that is at most p, and p only for a multiple of
		// it. As the limbs are below 2^28, they are p's own then.
		let Self(limbs) = reduce(&mut columns);
		if limbs == MODULUS { [0; LIMBS] } else { limbs }
	}

	/// Whether this is 0 modulo `p`. For every value that is below `R`.
	pub fn is_zero(&self) -> bool {
		self.canonical() == [0; LIMBS]
	}

	/// `self * other`: tight. Limbs below `2^s` and `2^t` with `s + t <= 60`, values below `i * p` and `j * p` with
	/// `i * j <= 2,520`.
	// Without loops this is more than a thousand instructions; one copy will do.
	#[inline(never)]
	pub fn mul(&self, other: &Self) -> Self {
		let mut columns = [0; 2 * LIMBS];
		for_each_limb!(product_row(&mut columns, &self.0, &other.0));
		reduce(&mut columns)
	}

	/// `self * self`: tight. Limbs below `2^30`, value below `50 * p`.
	#[inline(never)]
	pub fn square(&self) -> Self {
		let mut columns = [0; 2 * LIMBS];
		for_each_limb!(square_row(&mut columns, &self.0));
		reduce(&mut columns)
	}

	/// `self + other`; the bounds of both add up. Limbs below `2^31`.
	pub fn plus(&self, other: &Self) -> Self {
		let mut limbs = self.0;
		for (limb, other) in limbs.iter_mut().zip(&other.0) {
			*limb += other;
		}
		Self(limbs)
	}

	/// `K * self`, and both bounds too. Limbs below `2^32 / K`.
	pub fn times<const K: u32>(&self) -> Self {
		let mut limbs = self.0;
		for limb in &mut limbs {
			*limb *= K;
		}
		Self(limbs)
	}

	/// `J * self - K * other + M * p`: limbs below `2^28`, and where `self` is below `i * p` a value below
	/// `(J * i + M) * p`. `M * p` must be at least `K * other`, so that nothing is negative in the end, and `J * i + M` at
	/// most 2,520.
	pub fn combine<const J: i64, const K: i64, const M: i64>(&self, other: &Self) -> Self {
		let mut limbs = [0; LIMBS];
		let mut carry = 0;
		// In between limbs and carries may be negative; the shift rounds down.
		for (((limb, a), b), p) in limbs.iter_mut().zip(&self.0).zip(&other.0).zip(&MODULUS) {
			let sum = carry + J * i64::from(*a) - K * i64::from(*b) + M * i64::from(*p);
			*limb = (sum & i64::from(MASK)) as u32;
			carry = sum >> BITS;
		}
		Self(limbs)
	}

	/// `-self`, for a value below `2 * p`: limbs below `2^28`, a value of at most `2 * p`.
	pub fn negated(&self) -> Self {
		self.combine::<0, 1, 2>(self)
	}

	/// A square root: tight. `None` when there is none. Limbs below `2^29`, value below `4 * p`.
	///
	/// As `p` is 3 modulo 4, `self^((p + 1) / 4)` is a root if there is one: 376 squarings and 81 multiplications, and a
	/// squaring that tells whether it is.
	pub fn sqrt(&self) -> Option<Self> {
		// self, self^3, self^5 and so on.
		let square = self.square();
		let mut power = *self;
		let odd_powers: [Self; 16] = core::array::from_fn(|i| {
			if i > 0 {
				power = power.mul(&square);
			}
			power
		});
		let odd_power = |exponent: u8| &odd_powers[usize::from(exponent / 2 % 16)];
		let mut root = *odd_power(FIRST_POWER);
		for (squarings, power) in SQUARINGS.iter().zip(&POWERS) {
			for _ in 0..*squarings {
				root = root.square();
			}
			root = root.mul(odd_power(*power));
		}
		root.square().combine::<1, 1, 4>(self).is_zero().then_some(root)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use ark_bls12_381::{Fq, g1};
	use ark_ff::{AdditiveGroup, Field, PrimeField};
	use proptest::prelude::*;

	/// The number that the limbs are, modulo `p`.
	fn raw(element: &Fp) -> Fq {
		let radix = Fq::from(1u64 << BITS);
		element.0.iter().rev().fold(Fq::ZERO, |sum, limb| sum * radix + Fq::from(u64::from(*limb)))
	}

	/// The element that they stand for.
	fn value(element: &Fp) -> Fq {
		raw(element) / raw(&Fp::ONE)
	}

	fn has_small_limbs(element: &Fp) -> bool {
		element.0.iter().all(|limb| *limb <= MASK)
	}

	fn is_tight(element: &Fp) -> bool {
		let twice = Fp(MODULUS).combine::<2, 0, 0>(&Fp(MODULUS));
		has_small_limbs(element) && element.0.iter().rev().lt(twice.0.iter().rev())
	}

	/// These limbs, made smaller than `2^bits`, and the value smaller than `40 * p`.
	fn grown(mut limbs: [u32; LIMBS], bits: u32) -> Fp {
		for limb in &mut limbs {
			*limb &= (1 << bits) - 1;
		}
		limbs[LIMBS - 1] &= (1 << 22) - 1;
		Fp(limbs)
	}

	/// 0, 1 and their like, by more than one name, and limbs that are as large as operands of products may have them.
	fn edges() -> Vec<Fp> {
		let tight = |element: Fp| element.combine::<1, 0, 0>(&element);
		let mut list = vec![
			Fp([0; LIMBS]),
			Fp(MODULUS),
			tight(Fp(MODULUS).times::<2>()),
			Fp::ONE,
			Fp::ONE.negated(),
			Fp::FOUR,
			Fp::BETA,
			R_SQUARED,
			Fp::ONE.plus(&Fp(MODULUS)),
		];
		// p - 1 and 2 p - 1 as numbers.
		let one = Fp(core::array::from_fn(|i| u32::from(i == 0)));
		list.push(Fp(MODULUS).combine::<1, 1, 0>(&one));
		list.push(Fp(MODULUS).combine::<1, 1, 1>(&one));
		for bits in 28..=30 {
			list.push(grown([u32::MAX; LIMBS], bits));
			list.push(grown(core::array::from_fn(|i| if i % 2 == 0 { u32::MAX } else { 0 }), bits));
			list.push(grown(core::array::from_fn(|i| if i < 7 { u32::MAX } else { 0 }), bits));
			list.push(grown(core::array::from_fn(|i| if i < 7 { 0 } else { u32::MAX }), bits));
		}
		list
	}

	/// Limbs below `2^30`, many of them at the ends of their range, and a value below `40 * p`.
	fn operand() -> impl Strategy<Value = Fp> {
		let limb = prop_oneof![
			any::<u32>(),
			Just(0u32),
			Just(1u32),
			Just(MASK),
			Just(MASK + 1),
			Just(u32::MAX),
		];
		(proptest::array::uniform14(limb), 28..=30u32).prop_map(|(limbs, bits)| grown(limbs, bits))
	}

	fn check_products(a: &Fp, b: &Fp) {
		let product = a.mul(b);
		assert!(is_tight(&product), "{a:?} {b:?}");
		assert_eq!(value(&product), value(a) * value(b), "{a:?} {b:?}");
		let square = a.square();
		assert!(is_tight(&square), "{a:?}");
		assert_eq!(value(&square), value(a).square(), "{a:?}");
	}

	fn check_root(square: &Fp) {
		match (square.sqrt(), value(square).sqrt()) {
			(None, None) => {},
			(Some(root), Some(expected)) => {
				assert!(is_tight(&root));
				assert!([expected, -expected].contains(&value(&root)), "{square:?}");
			},
			(root, expected) => panic!("{square:?}: {root:?}, {expected:?}"),
		}
	}

	#[test]
	fn constants_are_what_they_are_meant_to_be() {
		let two = Fq::from(2u64);
		// A multiple of p that is less than 2^381, which is less than 2 p.
		assert_eq!(raw(&Fp(MODULUS)), Fq::ZERO);
		assert!((1 << 16..1 << 17).contains(&MODULUS[LIMBS - 1]));
		assert_eq!(MODULUS[0].wrapping_mul(NEGATED_INVERSE) & MASK, MASK);
		assert_eq!(raw(&Fp::ONE), two.pow([392u64]));
		assert_eq!(raw(&R_SQUARED), two.pow([784u64]));
		assert_eq!(value(&Fp::FOUR), Fq::from(4u64));
		assert_eq!(value(&Fp::BETA), g1::BETA);
		for constant in [Fp::ONE, Fp::FOUR, Fp::BETA, R_SQUARED] {
			assert!(is_tight(&constant));
			assert!(constant.0.iter().rev().lt(MODULUS.iter().rev()));
		}
	}

	#[test]
	fn products_of_edges() {
		let edges = edges();
		for a in &edges {
			for b in &edges {
				check_products(a, b);
			}
		}
		// One operand may have larger limbs where the other's are smaller.
		let (large, small) = (grown([u32::MAX; LIMBS], 31), grown([u32::MAX; LIMBS], 29));
		assert_eq!(value(&large.mul(&small)), value(&large) * value(&small));
		assert!(is_tight(&small.mul(&large)));
	}

	#[test]
	fn multiples_of_the_modulus_are_zero() {
		let p = Fp(MODULUS);
		for zero in
			[Fp([0; LIMBS]), p, p.times::<2>(), p.times::<15>(), p.combine::<2000, 0, 519>(&p)]
		{
			assert!(zero.is_zero(), "{zero:?}");
			assert_eq!(zero.words(), [0; 6]);
			assert!(!zero.plus(&Fp::ONE).is_zero());
			assert_eq!(zero.plus(&Fp::ONE).words(), [1, 0, 0, 0, 0, 0]);
		}
		assert!(Fp::ONE.plus(&Fp::ONE.negated()).is_zero());
		assert!(Fp([0; LIMBS]).negated().is_zero());
	}

	#[test]
	fn roots_of_edges() {
		for edge in edges() {
			let tight = edge.mul(&Fp::ONE);
			check_root(&tight);
			check_root(&tight.square());
			check_root(&tight.square().negated());
			check_root(&tight.plus(&tight));
		}
	}

	proptest! {
		#![proptest_config(ProptestConfig::with_cases(1024))]

		#[test]
		fn products(a in operand(), b in operand()) {
			check_products(&a, &b);
		}

		#[test]
		fn sums(a in operand(), b in operand()) {
			let (x, y) = (value(&a), value(&b));
			prop_assert_eq!(value(&a.plus(&b)), x + y);
			prop_assert_eq!(value(&a.times::<3>()), x + x + x);
			for (combination, expected) in [
				(a.combine::<1, 1, 40>(&b), x - y),
				(a.combine::<12, 1, 40>(&b), Fq::from(12u64) * x - y),
				(a.combine::<1, 8, 320>(&b), x - Fq::from(8u64) * y),
			] {
				prop_assert!(has_small_limbs(&combination));
				prop_assert_eq!(value(&combination), expected);
				prop_assert_eq!(combination.is_zero(), expected == Fq::ZERO);
			}
			prop_assert!(a.combine::<1, 1, 40>(&a).is_zero());
			let tight = a.mul(&b);
			prop_assert_eq!(value(&tight.negated()), -value(&tight));
		}

		#[test]
		fn words_of_any_size(mut words: [u64; 6], small in 0..7usize) {
			words.iter_mut().skip(small).for_each(|word| *word = 0);
			let radix = Fq::from(2u64).pow([64u64]);
			let expected = words.iter().rev().fold(Fq::ZERO, |sum, word| sum * radix + Fq::from(*word));
			let element = Fp::new(&words);
			prop_assert!(is_tight(&element));
			prop_assert_eq!(value(&element), expected);
			prop_assert_eq!(element.words(), expected.into_bigint().0);
		}
	}

	proptest! {
		#![proptest_config(ProptestConfig::with_cases(128))]

		#[test]
		fn roots(a in operand(), b in operand()) {
			let tight = a.mul(&b);
			check_root(&tight);
			check_root(&tight.square());
			// As large as it may be.
			check_root(&tight.plus(&a.square()));
		}
	}
}
