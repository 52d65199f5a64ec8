//! Drawing operators by weight, without replacement, with bounded work. The module docs of the crate give the rules.

use crate::{
	CandidateCount, Candidates, Config, DomainKey, DomainWeights, Ledger, Ledgers, Nodes, Pallet,
	Parameters,
	tree::{Node, NodeKey, Store},
	types::classes,
};
use alloc::{collections::BTreeMap, vec::Vec};
use core::marker::PhantomData;
use frame_support::defensive;
use nil_types::{Amount, Capability, Hash32, Hint, blake2b_256, uniform};

/// Tag of the random numbers of a draw.
pub const DRAW_TAG: &[u8] = b"nil/draw/v1";

/// Descents that a draw of `count` may make.
///
/// While domains count, those still eligible hold at least half of the weight, so a pick takes two descents on average
/// or fewer: twice that, and 64 for small draws, leaves room for candidates that are too dear.
pub const fn max_descents(count: u32) -> u32 {
	count.saturating_mul(4).saturating_add(64)
}

/// The stream of random numbers that belongs to a seed.
#[derive(Debug)]
pub struct Stream {
	seed: Hash32,
	counter: u32,
}

impl Stream {
	/// The stream of `seed`, at its start.
	pub const fn new(seed: Hash32) -> Self {
		Self { seed, counter: 0 }
	}

	/// The next 128 bits: the first 16 bytes of `H(tag ‖ seed ‖ counter)`.
	fn next(&mut self) -> [u8; 16] {
		let mut message = DRAW_TAG.to_vec();
		message.extend_from_slice(&self.seed);
		message.extend_from_slice(&self.counter.to_le_bytes());
		self.counter = self.counter.wrapping_add(1);
		// 32 bytes have a first 16.
		blake2b_256(&message).first_chunk().copied().unwrap_or_default()
	}

	/// A number below `total`, every one as likely as any other. `None` when `total` is 0.
	///
	/// With 64 bits of `total`, [`uniform`] refuses less than one in 2^64 numbers.
	pub fn below(&mut self, total: u64) -> Option<u64> {
		if total == 0 {
			return None;
		}
		loop {
			if let Some(number) = uniform(self.next(), total) {
				return Some(number);
			}
		}
	}
}

/// A candidate as it was found.
#[derive(Clone, Copy, Debug)]
struct Leaf {
	class: Capability,
	position: u32,
	weight: u64,
}

/// The trees as a draw sees them: changes stay in memory.
struct Overlay<T> {
	nodes: BTreeMap<NodeKey, Node>,
	config: PhantomData<T>,
}

impl<T: Config> Store for Overlay<T> {
	fn load(&mut self, key: NodeKey) -> Node {
		*self.nodes.entry(key).or_insert_with(|| Nodes::<T>::get(key))
	}

	fn save(&mut self, key: NodeKey, node: Node) {
		self.nodes.insert(key, node);
	}
}

/// A domain that a draw has met.
#[derive(Clone, Copy, Debug)]
struct Met {
	/// Weight of its candidates, less that of the refused ones.
	weight: u64,
	/// An operator in it was picked.
	used: bool,
}

/// What a draw did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draw<AccountId> {
	/// The operators in the order of their picks; `None` when too few were found.
	pub operators: Option<Vec<AccountId>>,
	/// Descents made.
	pub descents: u32,
}

impl<T: Config> Pallet<T> {
	/// Draws `count` distinct operators for `hint` among those who take `price`. Changes nothing.
	pub fn draw_operators(
		seed: Hash32,
		count: u32,
		hint: Hint,
		price: Amount,
	) -> Draw<T::AccountId> {
		Self::draw_others(seed, count, hint, price, 0, &[])
	}

	/// The same among those who have room for `bytes` and are none of `excluded`. The domains of those of `excluded` that are
	/// candidates are used.
	pub fn draw_others(
		seed: Hash32,
		count: u32,
		hint: Hint,
		price: Amount,
		bytes: u64,
		excluded: &[T::AccountId],
	) -> Draw<T::AccountId> {
		let classes = classes(hint);
		let candidates = classes
			.iter()
			.fold(0u32, |sum, class| sum.saturating_add(CandidateCount::<T>::get(class)));
		let mut draw = Draw { operators: None, descents: 0 };
		if candidates < count {
			return draw;
		}
		let params = Parameters::<T>::get();
		let domains_count = Self::active_count() >= params.diversity_threshold;
		let mut stream = Stream::new(seed);
		let mut trees = Overlay::<T> { nodes: BTreeMap::new(), config: PhantomData };
		let mut picked = Vec::new();

		// Weight of all candidates that are not refused, and of those of them that are in domains of picked ones.
		let mut eligible = classes.iter().fold(0u64, |sum, c| sum.saturating_add(trees.total(*c)));
		let mut used = 0u64;
		let mut domains = BTreeMap::<DomainKey, Met>::new();
		// Candidates taken out for their domain alone.
		let mut aside = Vec::<Leaf>::new();

		for operator in excluded {
			let Some(ledger) = Ledgers::<T>::get(operator) else { continue };
			let class = ledger.capability;
			let Some(position) = ledger.position.filter(|_| classes.contains(&class)) else {
				continue;
			};
			let weight = trees.leaf(class, position);
			trees.set_leaf(class, position, 0);
			let domain = Self::meet(&mut domains, &ledger, &classes);
			if !domain.used {
				domain.used = true;
				used = used.saturating_add(domain.weight);
			}
			domain.weight = domain.weight.saturating_sub(weight);
			used = used.saturating_sub(weight);
			eligible = eligible.saturating_sub(weight);
		}

		while (picked.len() as u64) < u64::from(count) {
			let others = eligible.saturating_sub(used);
			let one_per_domain = domains_count && others >= eligible.saturating_sub(others);
			if !one_per_domain {
				for leaf in aside.drain(..) {
					trees.set_leaf(leaf.class, leaf.position, leaf.weight);
				}
			}
			let total = classes.iter().fold(0u64, |sum, c| sum.saturating_add(trees.total(*c)));
			if draw.descents >= max_descents(count) {
				return draw;
			}
			let Some(place) = stream.below(total) else { return draw };
			draw.descents = draw.descents.saturating_add(1);
			let Some(leaf) = find(&mut trees, classes, place) else {
				defensive!("a place below the total is in some class");
				return draw;
			};
			trees.set_leaf(leaf.class, leaf.position, 0);
			let found = Candidates::<T>::get(leaf.class, leaf.position)
				.and_then(|operator| Ledgers::<T>::get(&operator).map(|ledger| (operator, ledger)));
			let Some((operator, ledger)) = found else {
				defensive!("every candidate has a ledger");
				return draw;
			};
			let domain = Self::meet(&mut domains, &ledger, &classes);

			if ledger.price_floor > price
				|| ledger.weight(&params) == 0
				|| ledger.free(&params) < bytes
			{
				eligible = eligible.saturating_sub(leaf.weight);
				domain.weight = domain.weight.saturating_sub(leaf.weight);
				if domain.used {
					used = used.saturating_sub(leaf.weight);
				}
			} else if one_per_domain && domain.used {
				aside.push(leaf);
			} else {
				if !domain.used {
					domain.used = true;
					used = used.saturating_add(domain.weight);
				}
				picked.push(operator);
			}
		}
		draw.operators = Some(picked);
		draw
	}

	/// The domain of a candidate, as a draw has met it or meets it now.
	fn meet<'a>(
		domains: &'a mut BTreeMap<DomainKey, Met>,
		ledger: &Ledger,
		classes: &[Capability; 2],
	) -> &'a mut Met {
		domains.entry(ledger.domain_key()).or_insert_with_key(|key| {
			let weight = classes
				.iter()
				.fold(0u64, |sum, class| sum.saturating_add(DomainWeights::<T>::get(class, key)));
			Met { weight, used: false }
		})
	}
}

/// The candidate at `place` of the running sum over the classes, one after the other.
fn find(trees: &mut impl Store, classes: [Capability; 2], place: u64) -> Option<Leaf> {
	let mut place = place;
	for class in classes {
		match place.checked_sub(trees.total(class)) {
			Some(rest) => place = rest,
			None => {
				return trees.find(class, place).map(|(position, weight)| Leaf {
					class,
					position,
					weight,
				});
			},
		}
	}
	None
}
