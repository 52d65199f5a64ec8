//! The weight tree against a plain list.

use super::*;
use crate::tree::{LEAVES, Node, NodeKey, State, Store, locate, root};
use proptest::prelude::*;
use std::collections::BTreeMap;

const CLASS: Capability = Capability::Edge;

/// Nodes in memory.
#[derive(Default)]
struct Memory(BTreeMap<NodeKey, Node>);

impl Store for Memory {
	fn load(&mut self, key: NodeKey) -> Node {
		self.0.get(&key).copied().unwrap_or_default()
	}

	fn save(&mut self, key: NodeKey, node: Node) {
		self.0.insert(key, node);
	}
}

/// Where `place` of the running sum lies, by walking it.
fn walk(list: &BTreeMap<u32, u64>, mut place: u64) -> Option<(u32, u64)> {
	for (position, weight) in list {
		if place < *weight {
			return Some((*position, *weight));
		}
		place -= weight;
	}
	None
}

#[test]
fn keys_at_the_edges() {
	assert_eq!(LEAVES, 65_536);
	assert_eq!(root(CLASS), (CLASS, 3, 0));
	for (level, position, expected) in [
		(0, 0, ((CLASS, 0, 0), 0)),
		(0, 15, ((CLASS, 0, 0), 15)),
		(0, 16, ((CLASS, 0, 1), 0)),
		(1, 255, ((CLASS, 1, 0), 15)),
		(1, 256, ((CLASS, 1, 1), 0)),
		(3, 65_535, ((CLASS, 3, 0), 15)),
	] {
		assert_eq!(locate(CLASS, level, position), expected, "{level} {position}");
	}
}

#[test]
fn the_largest_weights_add_up() {
	let mut tree = Memory::default();
	let largest = crate::MAX_CAPACITY >> 20;
	for position in [0, 1, 4_095, 4_096, LEAVES - 1] {
		tree.set_leaf(CLASS, position, largest);
	}
	assert_eq!(tree.total(CLASS), 5 * largest);
	assert_eq!(tree.find(CLASS, 5 * largest - 1), Some((LEAVES - 1, largest)));
	assert_eq!(tree.find(CLASS, 5 * largest), None);
	assert_eq!(tree.find(CLASS, u64::MAX), None);
}

#[test]
fn storage_forgets_empty_nodes() {
	run(|| {
		let mut tree = State::<Test>::new();
		tree.set_leaf(CLASS, 70, 5);
		tree.set_leaf(CLASS, 71, 6);
		assert_eq!(Nodes::<Test>::iter().count(), 4);
		tree.set_leaf(CLASS, 70, 0);
		assert_eq!((tree.total(CLASS), tree.leaf(CLASS, 71)), (6, 6));
		tree.set_leaf(CLASS, 71, 0);
		assert_eq!(Nodes::<Test>::iter().count(), 0);
	});
}

proptest! {
	#[test]
	fn every_place_is_found_as_by_walking(
		writes in prop::collection::vec(
			(prop_oneof![0u32..40, 0u32..LEAVES], 0u64..6),
			1..40,
		),
	) {
		let (mut tree, mut list) = (Memory::default(), BTreeMap::new());
		for (position, weight) in writes {
			tree.set_leaf(CLASS, position, weight);
			list.insert(position, weight);
		}
		let total: u64 = list.values().sum();
		prop_assert_eq!(tree.total(CLASS), total);
		prop_assert_eq!(tree.total(Capability::General), 0);
		for place in 0..=total {
			prop_assert_eq!(tree.find(CLASS, place), walk(&list, place), "place {}", place);
		}
	}
}
