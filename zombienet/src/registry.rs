//! Draws slots once more: the rules of our chain's registry of providers, written again without its trees. For networks
//! so small that failure domains do not count, of providers who take any price.

use crate::chain::{Chain, Head};
use anyhow::{Context, Result, ensure};
use nil_types::{Hash32, blake2b_256};
use zombienet_sdk::subxt::{dynamic::Value, ext::codec::Decode};

/// Tag of the random numbers of a draw.
const DRAW_TAG: &[u8] = b"nil/draw/v1";
/// The classes that deals which are read rarely are drawn from, in the order in which their weights are added up.
const CLASSES: [&str; 2] = ["Archive", "General"];
/// Weights that the registry keeps in one item.
const FAN_OUT: usize = 16;

/// Somebody who may be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
	/// The operator's account.
	pub operator: [u8; 32],
	/// The weight in draws.
	pub weight: u64,
}

/// Who may be drawn for a deal that is read rarely, by the state of our block `at`.
pub async fn candidates(para: &Chain, at: Head) -> Result<Vec<Candidate>> {
	let mut found = Vec::new();
	for class in CLASSES {
		let class = Value::unnamed_variant(class, []);
		let item = |item: &'static str, rest: Vec<Value>| {
			let keys = [vec![class.clone()], rest].concat();
			para.stored(at.hash, "Providers", item, keys)
		};
		let Some(count) = item("CandidateCount", Vec::new()).await? else { continue };
		for position in 0..u32::decode(&mut count.as_slice())? {
			let operator = item("Candidates", vec![Value::u128(position.into())]).await?;
			let operator = operator.with_context(|| format!("candidate {position}"))?;
			let position = usize::try_from(position)?;
			// The lowest level of the tree has the weights of the candidates themselves.
			let place = vec![Value::u128(0), Value::u128(u128::try_from(position / FAN_OUT)?)];
			let weights = match item("Nodes", place).await? {
				Some(weights) => <[u64; FAN_OUT]>::decode(&mut weights.as_slice())?,
				None => [0; FAN_OUT],
			};
			found.push(Candidate {
				operator: <[u8; 32]>::decode(&mut operator.as_slice())?,
				weight: weights[position % FAN_OUT],
			});
		}
	}
	Ok(found)
}

/// The operators of `count` slots that `seed` draws, in the order of the slots.
pub fn draw(seed: Hash32, count: usize, candidates: &[Candidate]) -> Result<Vec<[u8; 32]>> {
	let mut left = candidates.to_vec();
	let mut drawn = Vec::new();
	for number in (0_u32..).take(count) {
		let total: u64 = left.iter().map(|candidate| candidate.weight).sum();
		ensure!(total > 0, "only {number} of {count} can be drawn from {candidates:?}");
		let mut place = random_number(seed, number, total)?;
		let picked = left.iter_mut().find(|candidate| match place.checked_sub(candidate.weight) {
			Some(rest) => {
				place = rest;
				false
			},
			None => true,
		});
		let picked = picked.context("a place below the total is somebody's")?;
		// Nobody gets two slots of a deal.
		picked.weight = 0;
		drawn.push(picked.operator);
	}
	Ok(drawn)
}

/// The random number below `total` that belongs to a seed and a place in its stream. The chain passes over numbers in the
/// last incomplete run of `total`, but among 2^128 of them none is ever met.
fn random_number(seed: Hash32, number: u32, total: u64) -> Result<u64> {
	let digest = blake2b_256(&[DRAW_TAG, &seed[..], &number.to_le_bytes()[..]].concat());
	let mut bits = [0; 16];
	bits.copy_from_slice(&digest[..16]);
	Ok(u64::try_from(u128::from_le_bytes(bits) % u128::from(total))?)
}

#[cfg(test)]
mod tests {
	use super::*;

	/// The same numbers as in the registry's own tests.
	#[test]
	fn random_numbers_are_pinned() {
		let numbers = [0, 1, 2, 3].map(|number| random_number([7; 32], number, 1_000).unwrap());
		assert_eq!(numbers, [356, 510, 136, 851]);
	}

	#[test]
	fn everybody_with_weight_is_drawn_once() {
		let candidate = |index: u8| Candidate { operator: [index; 32], weight: index.into() };
		let candidates: Vec<_> = (0..6_u8).map(candidate).collect();
		let expected = [4_u8, 5, 1, 2, 3].map(|index| [index; 32]);
		assert_eq!(draw([7; 32], 5, &candidates).unwrap(), expected);
		assert!(draw([7; 32], 6, &candidates).is_err());
	}
}
