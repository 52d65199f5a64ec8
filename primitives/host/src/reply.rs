//! Answers of fixed size.

use codec::{Decode, Encode};

/// A buffer of `N` bytes for the SCALE encoding of an answer, zeros behind it.
///
/// It belongs to the caller: the runtime passes its address, the host fills it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply<const N: usize>([u8; N]);

impl<const N: usize> Default for Reply<N> {
	fn default() -> Self {
		Self([0; N])
	}
}

impl<const N: usize> AsRef<[u8]> for Reply<N> {
	fn as_ref(&self) -> &[u8] {
		&self.0
	}
}

impl<const N: usize> AsMut<[u8]> for Reply<N> {
	fn as_mut(&mut self) -> &mut [u8] {
		&mut self.0
	}
}

impl<const N: usize> Reply<N> {
	/// Writes `answer`. What does not fit is cut off; the sizes in this crate's root fit every answer, which its
	/// tests check.
	pub(crate) fn put(&mut self, answer: &impl Encode) {
		let encoded = answer.encode();
		debug_assert!(encoded.len() <= N, "{} bytes do not fit in {N}", encoded.len());
		for (byte, encoded) in self.0.iter_mut().zip(encoded) {
			*byte = encoded;
		}
	}

	/// Reads the answer.
	pub(crate) fn take<T: Decode>(&self) -> T {
		// Both ends are this crate: an answer that cannot be read means a node and a runtime that disagree about the
		// version of a function, which its name excludes.
		T::decode(&mut &self.0[..]).expect("the answer was written by `put` of the same version")
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn answers_come_back_as_they_were_put() {
		let mut reply = Reply::<16>::default();
		for answer in [Ok(7u64), Err(3u32), Ok(u64::MAX)] {
			reply.put(&answer);
			assert_eq!(reply.take::<Result<u64, u32>>(), answer);
		}
	}
}
