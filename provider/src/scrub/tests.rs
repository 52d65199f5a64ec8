use super::*;
use crate::{
	metrics::Metrics,
	store::{Content, ContentKey, Holding, HoldingKey, Room, Store, Upload},
};
use codec::Encode;
use nil_kzg::Engines;
use nil_slab::{Branch, EncodedMdu, MduEncoder, Members};
use nil_types::{CodeKind, blake2b_256, layout::BLOB_PAYLOAD, messages::roots_hash};
use std::fs;
use tempfile::TempDir;

const HELD: StagedKey =
	StagedKey { holding: HoldingKey { deal: 7, generation: 1, slot: 1 }, mdu: 0 };

fn profile() -> Profile {
	Profile::new(2, 2, CodeKind::Fr).unwrap()
}

struct World {
	reader: Reader,
	encoded: EncodedMdu,
	engine: Arc<dyn MsmEngine>,
	_dir: TempDir,
}

impl World {
	/// A store that holds two rows of an MDU.
	fn new() -> Self {
		let dir = tempfile::tempdir().unwrap();
		let (store, _) = Store::open(dir.path()).unwrap();
		let engine = Engines::pippenger();
		let encoder = MduEncoder::new(profile(), engine.clone()).unwrap();
		let payload: Vec<u8> = (0..3 * BLOB_PAYLOAD).map(|at| (at % 251) as u8).collect();
		let encoded = encoder.encode(&payload).unwrap();
		let mut incoming = store.incoming().unwrap();
		incoming.write(&encoded.shards[1]).unwrap();
		let upload = Upload {
			root: encoded.root,
			profile: profile(),
			live: encoded.live,
			witness: &encoded.witness.encode(),
			branch: None,
			at: 1,
		};
		let file = store.stage(HELD, upload, incoming).unwrap().unverified.unwrap();
		store.verified(&[(HELD, file)]).unwrap();
		let holding = Holding {
			first_mdu: 0,
			mdus: 1,
			roots_hash: roots_hash(&[encoded.root]),
			index_root: blake2b_256(b"index"),
			size_bytes: payload.len() as u64,
			index_len: 5,
			bytes: encoded.shards[1].len() as u64,
			until: 9,
			committed: None,
		};
		let content = Content { roots: &[encoded.root], lives: &[encoded.live], index: b"index" };
		let room = Room { bytes: u64::MAX, settled: 0 };
		store.promise(HELD.holding, holding, content, 1, room).unwrap();
		let reader = Reader { store: Arc::new(store), metrics: Arc::new(Metrics::new().unwrap()) };
		Self { reader, encoded, engine, _dir: dir }
	}

	fn check(&self) -> u64 {
		let (held, mdu) = self.reader.store.held_after(None).unwrap().unwrap();
		assert_eq!(held, HELD);
		check(&self.reader, &*self.engine, &held, &mdu, &profile()).unwrap()
	}

	fn rotten(&self) -> Vec<(ContentKey, u64)> {
		let all = self.reader.store.quarantine().unwrap();
		assert_eq!(self.reader.metrics.quarantine.get(), all.len() as i64);
		all.into_iter().map(|(key, rotten)| (key, rotten.rows)).collect()
	}

	fn shard(&self) -> ContentKey {
		ContentKey::shard(self.encoded.root, HELD.holding.slot)
	}

	fn path(&self) -> std::path::PathBuf {
		self.reader.store.held_shard(&HELD).unwrap().unwrap().content.path
	}
}

#[test]
fn what_is_right_is_checked_in_full() {
	let world = World::new();
	assert_eq!(world.check(), 2 * BLOB_BYTES as u64);
	assert_eq!(world.rotten(), []);
	assert_eq!(world.reader.row(&HELD, &shard(&world), 1).unwrap(), row(&world, 1));
}

fn shard(world: &World) -> crate::store::ReadableShard {
	world.reader.store.held_shard(&HELD).unwrap().unwrap()
}

fn row(world: &World, row: usize) -> &[u8] {
	&world.encoded.shards[1][row * BLOB_BYTES..][..BLOB_BYTES]
}

#[test]
fn content_is_found_by_all_that_hold_it() {
	let world = World::new();
	let store = &world.reader.store;
	for key in [world.shard(), ContentKey::witness(world.encoded.root)] {
		assert_eq!(store.holders(&key).unwrap(), [HELD]);
	}
	// A list of roots is of no MDU.
	let roots = ContentKey::object(roots_hash(&[world.encoded.root]));
	assert_eq!(store.holders(&roots).unwrap(), []);
	let holding = store.holding(&HELD.holding).unwrap().unwrap();
	assert!(store.drop_holding(&HELD.holding, &holding).unwrap());
	assert_eq!(store.holders(&world.shard()).unwrap(), []);
}

#[test]
fn a_flipped_bit_condemns_its_row_alone() {
	let world = World::new();
	let mut bytes = world.encoded.shards[1].clone();
	// A scalar stays one: what is wrong shows in the commitment alone.
	bytes[BLOB_BYTES + 31] ^= 1;
	fs::write(world.path(), &bytes).unwrap();
	assert_eq!(world.check(), 0);
	assert_eq!(world.rotten(), [(world.shard(), 0b10)]);
	let shard = shard(&world);
	assert!(matches!(world.reader.row(&HELD, &shard, 1), Err(ReadError::Quarantined)));
	assert_eq!(world.reader.row(&HELD, &shard, 0).unwrap(), row(&world, 0));
	// No scalar at all.
	bytes[..32].fill(0xff);
	fs::write(world.path(), &bytes).unwrap();
	world.check();
	assert_eq!(world.rotten(), [(world.shard(), 0b11)]);
}

#[test]
fn what_is_gone_or_cut_short_is_condemned_as_a_whole() {
	for cut in [false, true] {
		let world = World::new();
		let path = world.path();
		if cut {
			fs::write(path, "short").unwrap();
		} else {
			fs::remove_file(path).unwrap();
		}
		assert_eq!(world.check(), 0);
		assert_eq!(world.rotten(), [(world.shard(), u64::MAX)]);
	}
}

#[test]
fn proofs_need_the_witness_until_the_branch_is_kept() {
	let world = World::new();
	let (store, root, slot) = (&world.reader.store, world.encoded.root, HELD.holding.slot);
	let witness = world.encoded.witness.check(&profile()).unwrap();
	let right = Branch::of(&witness, slot).unwrap();
	let wrong = Branch::of(&witness, 0).unwrap();
	assert_eq!(store.branch(root, slot).unwrap(), None);
	// It is made where there is none, found, and made anew where there is a wrong one.
	for kept in [None, Some(&right), Some(&wrong)] {
		if let Some(kept) = kept {
			store.keep_branch(root, slot, kept).unwrap();
		}
		let branch = world.reader.branch(&HELD, root, &profile()).unwrap();
		for leaf in [profile().leaf(slot, 0), profile().leaf(slot, 1)] {
			assert_eq!(branch.member(leaf), witness.member(leaf));
		}
		assert_eq!(store.branch(root, slot).unwrap().as_ref(), Some(&right));
	}
	fs::remove_file(store.held_witness(root).unwrap().unwrap().path).unwrap();
	assert!(world.reader.branch(&HELD, root, &profile()).is_ok());
	// It goes with the shards, and is not kept without them.
	let holding = store.holding(&HELD.holding).unwrap().unwrap();
	assert!(store.drop_holding(&HELD.holding, &holding).unwrap());
	assert_eq!(store.branch(root, slot).unwrap(), None);
	store.keep_branch(root, slot, &right).unwrap();
	assert_eq!(store.branch(root, slot).unwrap(), None);
}

#[test]
fn a_witness_that_leads_elsewhere_is_condemned_and_no_blob_for_it() {
	let world = World::new();
	let path = world.reader.store.held_witness(world.encoded.root).unwrap().unwrap().path;
	let mut bytes = fs::read(&path).unwrap();
	// One live blob fewer: another root, if it is a witness at all.
	bytes[0] -= 1;
	fs::write(path, &bytes).unwrap();
	assert_eq!(world.check(), 0);
	assert_eq!(world.rotten(), [(ContentKey::witness(world.encoded.root), u64::MAX)]);
	assert!(matches!(
		world.reader.witness(&HELD, world.encoded.root, &profile()),
		Err(ReadError::Quarantined)
	));
}
