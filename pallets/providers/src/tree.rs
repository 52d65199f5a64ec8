//! A sum tree over the weights of a class's candidates, kept in storage.
//!
//! A node holds the weights of its 16 children, so the root's sum is the total and a candidate is found by its place in
//! the running sum with one node per level. A node whose children all weigh nothing is not stored.

use crate::{Config, Nodes};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use nil_types::Capability;
use scale_info::TypeInfo;

/// Bits of a position that one level decides: 16 children per node.
const BITS: u32 = 4;
/// Children of a node.
pub const FAN_OUT: usize = 1 << BITS;
/// Levels, leaves to root.
pub const LEVELS: u8 = 4;
/// Candidates that a tree can weigh.
pub const LEAVES: u32 = 1 << (BITS * LEVELS as u32);

/// Where a node is: class, level (0 holds the candidates' own weights), index in its level.
pub type NodeKey = (Capability, u8, u32);

/// The weights of a node's children.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct Node(pub [u64; FAN_OUT]);

impl Node {
	/// The weight of all children. Cannot saturate: the pallet's integrity test bounds the sum of all weights.
	pub fn sum(&self) -> u64 {
		self.0.iter().fold(0, |sum, weight| sum.saturating_add(*weight))
	}

	/// The weight of one child.
	pub fn get(&self, child: usize) -> u64 {
		self.0.get(child).copied().unwrap_or_default()
	}

	/// Sets the weight of one child.
	pub fn set(&mut self, child: usize, weight: u64) {
		if let Some(slot) = self.0.get_mut(child) {
			*slot = weight;
		}
	}

	/// The child in which `place` of the running sum lies, and the place inside it.
	pub fn find(&self, mut place: u64) -> Option<(usize, u64)> {
		for (child, weight) in self.0.iter().enumerate() {
			match place.checked_sub(*weight) {
				Some(rest) => place = rest,
				None => return Some((child, place)),
			}
		}
		None
	}
}

/// The node that holds `position` at `level`, and the child there.
pub const fn locate(class: Capability, level: u8, position: u32) -> (NodeKey, usize) {
	// At most 4 * 4 bits are shifted out of 32.
	let at = position >> (BITS * level as u32);
	((class, level, at >> BITS), (at as usize) & (FAN_OUT - 1))
}

/// The key of a class's root.
pub const fn root(class: Capability) -> NodeKey {
	(class, LEVELS - 1, 0)
}

/// Somewhere that nodes are read from and written to.
pub trait Store {
	/// The node under `key`.
	fn load(&mut self, key: NodeKey) -> Node;
	/// Replaces the node under `key`.
	fn save(&mut self, key: NodeKey, node: Node);

	/// The weight of all candidates of `class`.
	fn total(&mut self, class: Capability) -> u64 {
		self.load(root(class)).sum()
	}

	/// The weight of one candidate.
	fn leaf(&mut self, class: Capability, position: u32) -> u64 {
		let (key, child) = locate(class, 0, position);
		self.load(key).get(child)
	}

	/// Sets the weight of one candidate and of the nodes above it.
	fn set_leaf(&mut self, class: Capability, position: u32, weight: u64) {
		let mut weight = weight;
		for level in 0..LEVELS {
			let (key, child) = locate(class, level, position);
			let mut node = self.load(key);
			node.set(child, weight);
			weight = node.sum();
			self.save(key, node);
		}
	}

	/// The candidate in which `place` of the running sum lies, and its weight. `None` when the sum is not above it.
	fn find(&mut self, class: Capability, place: u64) -> Option<(u32, u64)> {
		let (mut position, mut place) = (0u32, place);
		let mut weight = 0;
		for level in (0..LEVELS).rev() {
			let node = self.load((class, level, position));
			let (child, rest) = node.find(place)?;
			weight = node.get(child);
			position = (position << BITS) | child as u32;
			place = rest;
		}
		Some((position, weight))
	}
}

/// The trees in the chain's state.
#[derive(Debug)]
pub struct State<T>(core::marker::PhantomData<T>);

impl<T> State<T> {
	/// A handle; all of them mean the same trees.
	pub const fn new() -> Self {
		Self(core::marker::PhantomData)
	}
}

impl<T: Config> Store for State<T> {
	fn load(&mut self, key: NodeKey) -> Node {
		Nodes::<T>::get(key)
	}

	fn save(&mut self, key: NodeKey, node: Node) {
		if node == Node::default() {
			Nodes::<T>::remove(key);
		} else {
			Nodes::<T>::insert(key, node);
		}
	}
}
