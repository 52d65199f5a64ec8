//! Decompression of points of G1's curve, and the tests whether they are on the curve and in the subgroup, on [`Fp`].
//!
//! Coordinates come and go as little-endian words below the modulus.

use crate::fp::Fp;

/// A coordinate.
pub(crate) type Words = [u64; 6];

/// `(p - 1) / 2`: a larger `y` is larger than `-y`.
const HALF: Words = [
	0xdcff_7fff_ffff_d555,
	0x0f55_ffff_58a9_ffff,
	0xb398_6950_7b58_7b12,
	0xb23b_a5c2_79c2_895f,
	0x258d_d3db_21a5_d66b,
	0x0d00_88f5_1cbf_f34d,
];

/// `|u|`, where `u` is the parameter of the curve, from its highest bits on: a 1, then for each entry so many bits, of
/// which only the last is 1, then [`TRAILING_ZEROS`] bits. It is `0xd201_0000_0001_0000`, and `u` is negative.
const RUNS: [u8; 5] = [1, 2, 3, 9, 32];
const TRAILING_ZEROS: u8 = 16;

/// The `y` that belongs to this `x`: the larger or the smaller of the two. `None` when there is none.
pub(crate) fn y_coordinate(x: &Words, larger: bool) -> Option<Words> {
	// Limbs below 2^29, less than 3 p.
	let root = right_side(&Fp::new(x)).sqrt()?;
	let y = root.words();
	// There is no point with y = 0: it would have order 2, and the number of points is odd.
	let is_larger = y.iter().rev().gt(HALF.iter().rev());
	Some(if is_larger == larger { y } else { root.negated().words() })
}

/// Whether `y^2 = x^3 + 4`.
pub(crate) fn is_on_curve(x: &Words, y: &Words) -> bool {
	right_side(&Fp::new(x)).combine::<1, 1, 2>(&Fp::new(y).square()).is_zero()
}

/// `x^3 + 4` for a tight `x`: limbs below `2^29`, less than `3 * p`.
fn right_side(x: &Fp) -> Fp {
	x.square().mul(x).plus(&Fp::FOUR)
}

/// Whether a finite point of the curve is in the prime-order subgroup.
///
/// It is if and only if `phi(P) = -[u^2] P`, where `phi(x, y) = (beta x, y)` (M. Scott, "A note on group membership
/// tests for G1, G2 and GT on BLS pairing-friendly curves", section 6).
///
/// # On every point of the curve
/// `[u^2]` is `[|u|]` twice, and that is doubling and adding, see [`multiply`]. Its additions do not serve where the
/// sum so far is infinity, or the point that is added, or the negative of it; doublings always do, as no point of the
/// curve is its own negative. From an addition that does not serve on, `z` is 0 modulo `p`, for it is a factor of every
/// later `z`. So where the last `z` is another one, the comparison is of right values, and it remains to show that a
/// `z` of 0 means "no". Let `P = R + S`, with `R` of the subgroup, whose order is `r`, and the order of `S` a divisor
/// of the cofactor.
///
/// * If `R` is not infinity, every addition serves. The sum so far is `[c]` times the point that is added, which is `P`
///   or `[|u|] P`, with `2 <= c < 2^64 - 1`; and `r`, a prime of 255 bits, divides none of `c - 1`, `c`, `c + 1` and
///   `|u|`.
/// * If `R` is infinity, `P` is not in the subgroup, for it is finite. Here additions do fail: the first one for points
///   of order 3, such as `(0, 2)`, whose double is their negative; the second one for points of order 11. Where none
///   does, the comparison says "no" as for any other point outside of the subgroup.
pub(crate) fn in_subgroup(x: &Words, y: &Words) -> bool {
	let (x, y) = (Fp::new(x), Fp::new(y));
	let first = multiply(&x, &y);
	// Its x and y alone are an affine point of an isomorphic curve, y^2 = x^3 + 4 z^6. The formulas do not know the
	// constant of the curve; the way back is one more factor of z.
	let second = multiply(&first.x, &first.y);
	let z = second.z.mul(&first.z);
	let zz = z.square();
	let expected_x = x.mul(&Fp::BETA).mul(&zz);
	let negated_y = y.mul(&zz).mul(&z);
	!z.is_zero()
		&& second.x.combine::<1, 1, 2>(&expected_x).is_zero()
		&& second.y.plus(&negated_y).is_zero()
}

/// `|u|` times a point, for coordinates with limbs below `2^28` that are less than `18 * p`.
fn multiply(x: &Fp, y: &Fp) -> Jacobian {
	let mut sum = Jacobian { x: *x, y: *y, z: Fp::ONE };
	for run in RUNS {
		sum.double(run);
		sum.add(x, y);
	}
	sum.double(TRAILING_ZEROS);
	sum
}

/// The point `(x / z^2, y / z^3)`, or infinity where `z` is 0 modulo `p`.
///
/// `x` and `y` have limbs below `2^28` and are less than `18 * p`; `z` has limbs below `2^29` and is less than `4 * p`.
struct Jacobian {
	x: Fp,
	y: Fp,
	z: Fp,
}

impl Jacobian {
	/// Doubles it so many times, each in 3 multiplications and 4 squarings. With `s = x y^2` and `e = 3 x^2`:
	/// `x' = e^2 - 8 s`, `y' = e (4 s - x') - 8 y^4`, `z' = 2 y z`.
	fn double(&mut self, times: u8) {
		for _ in 0..times {
			let yy = self.y.square();
			let s = self.x.mul(&yy);
			// Limbs below 2^30, less than 6 p.
			let e = self.x.square().times::<3>();
			let ee = e.square();
			// 4 s - x' = 12 s - e^2, less than 26 p.
			let difference = s.combine::<12, 1, 2>(&ee);
			self.z = self.y.mul(&self.z).times::<2>();
			// Both less than 18 p.
			self.x = ee.combine::<1, 8, 16>(&s);
			self.y = e.mul(&difference).combine::<1, 8, 16>(&yy.square());
		}
	}

	/// Adds the point `(x, y)`, in 8 multiplications and 3 squarings; its coordinates have the bounds of ours. With
	/// `h = x2 z^2 - x`, `v = x h^2` and `d = y2 z^3 - y`: `x' = d^2 - h^3 - 2 v`, `y' = d (v - x') - y h^3`, `z' = z h`.
	/// So `z` becomes 0 where the sum is infinity, but also where this is infinity or the same point.
	fn add(&mut self, x: &Fp, y: &Fp) {
		let zz = self.z.square();
		// Both less than 20 p.
		let h = x.mul(&zz).combine::<1, 1, 18>(&self.x);
		let d = y.mul(&self.z.mul(&zz)).combine::<1, 1, 18>(&self.y);
		let hh = h.square();
		let hhh = h.mul(&hh);
		let v = self.x.mul(&hh);
		self.z = self.z.mul(&h);
		// What is taken away has limbs below 2^30 and is less than 6 p; so this is less than 8 p, and v - x' less than
		// 10 p.
		self.x = d.square().combine::<1, 1, 6>(&hhh.plus(&v.times::<2>()));
		let product = d.mul(&v.combine::<1, 1, 8>(&self.x));
		// Less than 4 p.
		self.y = product.combine::<1, 1, 2>(&self.y.mul(&hhh));
	}
}
