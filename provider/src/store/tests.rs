mod crash;

use super::*;
use nil_slab::Branch;
use nil_types::{CodeKind, Profile};
use std::fs;
use tempfile::TempDir;

const KEY: HoldingKey = HoldingKey { deal: 7, generation: 1, slot: 2 };
const INDEX: &[u8] = b"an index";
/// More than any test promises.
const ROOMY: Room = Room { bytes: 1 << 40, settled: 0 };

fn staged_key(mdu: MduIndex) -> StagedKey {
	StagedKey { holding: KEY, mdu }
}

fn root(mdu: MduIndex) -> Hash32 {
	let mut root = [mdu as u8 + 1; 32];
	root[0] = 0;
	root
}

fn bytes(mdu: MduIndex) -> Vec<u8> {
	vec![mdu as u8 + 0x80; 1000]
}

fn witness(mdu: MduIndex) -> Vec<u8> {
	vec![mdu as u8 + 0x40; 50]
}

fn profile() -> Profile {
	Profile::new(2, 1, CodeKind::Fr).unwrap()
}

fn open(dir: &Path) -> (Store, Recovery) {
	Store::open(dir).unwrap()
}

fn fresh() -> (TempDir, Store) {
	let dir = tempfile::tempdir().unwrap();
	let (store, recovery) = open(dir.path());
	assert_eq!(recovery, Recovery::default());
	(dir, store)
}

fn stage_as(store: &Store, key: StagedKey, data: &[u8]) -> Staged {
	stage_with(store, key, data, None)
}

fn stage_with(store: &Store, key: StagedKey, data: &[u8], branch: Option<&Branch>) -> Staged {
	let mut incoming = store.incoming().unwrap();
	incoming.write(data).unwrap();
	let witness = witness(key.mdu);
	let upload = Upload {
		root: root(key.mdu),
		profile: profile(),
		live: 3,
		witness: &witness,
		branch,
		at: 100,
	};
	store.stage(key, upload, incoming).unwrap()
}

fn stage(store: &Store, mdu: MduIndex) -> Staged {
	stage_as(store, staged_key(mdu), &bytes(mdu))
}

#[test]
fn an_upload_repeated_before_its_check_keeps_its_branch() {
	let (_dir, store) = fresh();
	let (key, data) = (staged_key(0), bytes(0));
	let slot = key.holding.slot;
	let branch = Branch { live: 3, commitments: Vec::new(), above: vec![[1; 32]] };
	stage_with(&store, key, &data, Some(&branch));
	let again = stage_with(&store, key, &data, Some(&branch));
	assert_eq!(store.branch(root(0), slot).unwrap().as_ref(), Some(&branch));
	store.verified(&[(key, again.unverified.unwrap())]).unwrap();
	assert_eq!(store.branch(root(0), slot).unwrap(), Some(branch));
	assert!(store.unstage(&key, &store.staged(&key).unwrap().unwrap()).unwrap());
	assert_eq!(store.branch(root(0), slot).unwrap(), None, "nobody needs it");
}

/// Stages MDUs and takes them for checked.
fn stage_verified(store: &Store, mdus: &[MduIndex]) {
	for mdu in mdus {
		if let Some(file) = stage(store, *mdu).unverified {
			store.verified(&[(staged_key(*mdu), file)]).unwrap();
		}
	}
}

fn holding(roots: &[Hash32], until: RelayBlock) -> Holding {
	Holding {
		first_mdu: 0,
		mdus: roots.len() as u32,
		roots_hash: nil_types::messages::roots_hash(roots),
		index_root: blake2b_256(INDEX),
		size_bytes: 12_345,
		index_len: INDEX.len() as u32,
		bytes: 1000 * roots.len() as u64,
		until,
		committed: None,
	}
}

fn promise(
	store: &Store,
	mdus: &[MduIndex],
	until: RelayBlock,
	now: RelayBlock,
) -> Result<Holding, StoreError> {
	let roots: Vec<_> = mdus.iter().map(|mdu| root(*mdu)).collect();
	let lives = vec![3; roots.len()];
	let content = Content { roots: &roots, lives: &lives, index: INDEX };
	store.promise(KEY, holding(&roots, until), content, now, ROOMY)
}

/// What the rows add up to, one by one.
fn counted(store: &Store) -> Usage {
	store.index.change().unwrap().recounted().unwrap()
}

/// Files of content under `dir`, relative to it.
fn files(dir: &Path) -> BTreeSet<PathBuf> {
	let mut found = BTreeSet::new();
	for kind in Kind::ALL {
		for folder in fs::read_dir(dir.join(kind.folder())).unwrap() {
			for file in fs::read_dir(folder.unwrap().path()).unwrap() {
				let path = file.unwrap().path();
				found.insert(path.strip_prefix(dir).unwrap().to_owned());
			}
		}
	}
	found
}

fn read_shard(store: &Store, mdu: MduIndex) -> Option<Vec<u8>> {
	let shard = store.shard(KEY.deal, KEY.slot, mdu).unwrap()?;
	assert_eq!(shard.mdu.root, root(mdu));
	Some(fs::read(shard.content.path).unwrap())
}

#[test]
fn staged_shards_are_listed_and_not_served() {
	let (_dir, store) = fresh();
	let staged = stage(&store, 0);
	assert_eq!(store.staged_of(&KEY).unwrap(), [(0, staged.clone())]);
	assert_eq!(read_shard(&store, 0), None);
	store.verified(&[(staged_key(0), staged.unverified.unwrap())]).unwrap();
	assert_eq!(read_shard(&store, 0), None);
	assert_eq!(store.object(KEY.deal, &ContentKey::witness(root(0))).unwrap(), None);
}

#[test]
fn a_promise_serves_what_it_covers_and_nothing_to_other_deals() {
	let (_dir, store) = fresh();
	stage_verified(&store, &[0, 1]);
	promise(&store, &[0, 1], 50, 10).unwrap();
	assert_eq!(read_shard(&store, 0), Some(bytes(0)));
	assert_eq!(read_shard(&store, 1), Some(bytes(1)));
	assert_eq!(store.staged_of(&KEY).unwrap(), []);
	let expected = [
		(ContentKey::witness(root(0)), witness(0)),
		(ContentKey::object(blake2b_256(INDEX)), INDEX.to_vec()),
		(
			ContentKey::object(nil_types::messages::roots_hash(&[root(0), root(1)])),
			[root(0), root(1)].concat(),
		),
	];
	for (key, content) in expected {
		let found = store.object(KEY.deal, &key).unwrap().unwrap();
		assert_eq!(fs::read(found.path).unwrap(), content);
		assert_eq!(store.object(KEY.deal + 1, &key).unwrap(), None);
	}
	assert_eq!(store.shard(KEY.deal + 1, KEY.slot, 0).unwrap(), None);
	assert_eq!(store.shard(KEY.deal, KEY.slot + 1, 0).unwrap(), None);
}

#[test]
fn unchecked_or_missing_mdus_are_not_promised() {
	let (dir, store) = fresh();
	stage_verified(&store, &[0]);
	stage(&store, 1);
	let error = promise(&store, &[0, 1, 2], 50, 10).unwrap_err();
	assert!(matches!(&error, StoreError::NotStaged { mdus } if mdus == &[1, 2]), "{error}");
	assert_eq!(store.holdings().unwrap(), []);
	// Nothing of the attempt is left: two shards and two witnesses were there before.
	assert_eq!(files(dir.path()).len(), 4);
}

#[test]
fn promises_are_prolonged_and_conflicts_refused_until_the_former_is_void() {
	let (dir, store) = fresh();
	stage_verified(&store, &[0, 1]);
	promise(&store, &[0, 1], 50, 10).unwrap();
	assert_eq!(promise(&store, &[0, 1], 40, 11).unwrap().until, 50, "never cut short");
	assert_eq!(promise(&store, &[0, 1], 60, 11).unwrap().until, 60);

	stage_verified(&store, &[0]);
	let error = promise(&store, &[0], 90, 60).unwrap_err();
	assert!(matches!(error, StoreError::Conflict { until: 60, .. }), "{error}");
	assert_eq!(read_shard(&store, 1), Some(bytes(1)), "the former promise stands");

	promise(&store, &[0], 90, 61).unwrap();
	assert_eq!(read_shard(&store, 0), Some(bytes(0)));
	assert_eq!(read_shard(&store, 1), None);
	// Shard, witness, roots and index.
	assert_eq!(files(dir.path()).len(), 4);
}

#[test]
fn a_promise_is_prolonged_for_its_own_commit_and_within_the_room_alone() {
	let (_dir, store) = fresh();
	stage_verified(&store, &[0]);
	let promised = promise(&store, &[0], 50, 10).unwrap();
	let commit = CommitInfo {
		first_mdu: promised.first_mdu,
		size_bytes: promised.size_bytes,
		index_len: promised.index_len,
		index_root: promised.index_root,
		roots_hash: promised.roots_hash,
		signed: 0,
		at: 40,
	};
	let prolong = |commit: &CommitInfo, bytes| {
		store.prolong(&KEY, commit, 90, Room { bytes, settled: store.settled_bytes() })
	};
	let other = CommitInfo { size_bytes: 1, ..commit.clone() };
	assert_eq!(prolong(&other, 1000).unwrap(), None);
	let error = prolong(&commit, 999).unwrap_err();
	assert!(matches!(error, StoreError::NoRoom { wanted: 1000, others: 0, room: 999 }), "{error}");
	assert_eq!(store.holding(&KEY).unwrap().unwrap().until, 50);
	assert_eq!(prolong(&commit, 1000).unwrap().unwrap().until, 90);
}

#[test]
fn promises_fit_into_the_room_that_all_of_them_have() {
	let (dir, store) = fresh();
	let promise_in = |generation: Generation, mdu: MduIndex, room: Room| {
		let key = HoldingKey { generation, ..KEY };
		let staged = stage_as(&store, StagedKey { holding: key, mdu }, &bytes(mdu));
		if let Some(file) = staged.unverified {
			store.verified(&[(StagedKey { holding: key, mdu }, file)]).unwrap();
		}
		let roots = [root(mdu)];
		let holding = Holding { first_mdu: mdu, ..holding(&roots, 50) };
		let content = Content { roots: &roots, lives: &[3], index: INDEX };
		store.promise(key, holding, content, 10, room)
	};
	let room = |bytes| Room { bytes, settled: store.settled_bytes() };
	let before = room(2000);
	let first = promise_in(1, 0, before).unwrap();
	let error = promise_in(2, 1, room(1999)).unwrap_err();
	assert!(
		matches!(error, StoreError::NoRoom { wanted: 1000, others: 1000, room: 1999 }),
		"{error}"
	);
	promise_in(2, 1, before).unwrap();
	// The same once more is not counted twice.
	promise_in(2, 1, before).unwrap();
	assert_eq!(store.promised_bytes(&KEY).unwrap(), 1000);
	assert_eq!(store.promised_deals().unwrap(), [KEY.deal].into());

	// A promise that became a commit after the chain was asked is in neither account: the room of then is taken.
	assert!(store.committed(&KEY, &first, 20).unwrap());
	assert!(!store.committed(&KEY, &first, 20).unwrap());
	assert_eq!(store.first_open(KEY.deal).unwrap(), Some(2));
	assert!(matches!(promise_in(3, 2, before), Err(StoreError::NoRoom { others: 2000, .. })));
	promise_in(3, 2, room(2000)).unwrap();
	// What is committed needs no room any more.
	assert_eq!(promise_in(1, 0, room(0)).unwrap().committed, Some(20));
	let usage = store.usage().unwrap();
	assert_eq!(usage, counted(&store));
	assert_eq!(usage.promised, Tally { count: 2, bytes: 2000 });
	assert_eq!(usage.committed, Tally { count: 1, bytes: 1000 });

	drop(store);
	let (store, _) = open(dir.path());
	assert_eq!(store.promised_bytes(&KEY).unwrap(), 2000);
	let open = store.holding(&HoldingKey { generation: 2, ..KEY }).unwrap().unwrap();
	assert!(store.drop_holding(&HoldingKey { generation: 2, ..KEY }, &open).unwrap());
	assert_eq!(store.first_open(KEY.deal).unwrap(), Some(3));
	assert_eq!(store.promised_bytes(&KEY).unwrap(), 1000);
}

#[test]
fn a_verdict_on_a_promise_that_made_way_commits_nothing() {
	let (_dir, store) = fresh();
	stage_verified(&store, &[0, 1]);
	let first = promise(&store, &[0, 1], 50, 10).unwrap();
	let renewed = promise(&store, &[0, 1], 60, 11).unwrap();
	assert!(!store.committed(&KEY, &first, 20).unwrap());
	stage_verified(&store, &[0]);
	let other = promise(&store, &[0], 90, 61).unwrap();
	assert!(!store.committed(&KEY, &renewed, 20).unwrap());
	assert_eq!(store.holding(&KEY).unwrap(), Some(other));
}

#[test]
fn a_commit_stands_against_other_content_for_ever() {
	let (_dir, store) = fresh();
	stage_verified(&store, &[0, 1]);
	let promised = promise(&store, &[0, 1], 50, 10).unwrap();
	store.committed(&KEY, &promised, 20).unwrap();
	stage_verified(&store, &[0]);
	assert!(matches!(promise(&store, &[0], 2000, 1000), Err(StoreError::Conflict { .. })));
	assert_eq!(promise(&store, &[0, 1], 50, 1000).unwrap().committed, Some(20));
}

#[test]
fn wrong_bytes_of_one_deal_never_stand_for_right_ones_of_another() {
	let (dir, store) = fresh();
	let other = StagedKey { holding: HoldingKey { deal: 8, ..KEY }, mdu: 0 };
	let wrong = stage_as(&store, other, b"wrong");
	stage_verified(&store, &[0]);
	promise(&store, &[0], 50, 10).unwrap();
	assert_eq!(read_shard(&store, 0), Some(bytes(0)));
	assert!(store.reject(&other, wrong.unverified.unwrap()).unwrap());
	assert_eq!(read_shard(&store, 0), Some(bytes(0)));
	assert_eq!(files(dir.path()).len(), 4);
	// Checked content is shared from then on.
	assert_eq!(stage_as(&store, other, &bytes(0)).unverified, None);
	assert_eq!(files(dir.path()).len(), 4);
}

#[test]
fn dropping_one_holder_keeps_what_another_needs() {
	let (dir, store) = fresh();
	let other = StagedKey { holding: HoldingKey { deal: 8, ..KEY }, mdu: 0 };
	stage_verified(&store, &[0, 1]);
	let staged = stage_as(&store, other, &bytes(0));
	let promised = promise(&store, &[0, 1], 50, 10).unwrap();
	assert!(store.drop_holding(&KEY, &promised).unwrap());
	assert!(!store.drop_holding(&KEY, &promised).unwrap());
	assert_eq!(files(dir.path()).len(), 2, "the shard and the witness that deal 8 staged");
	assert!(store.unstage(&other, &staged).unwrap());
	assert!(!store.unstage(&other, &staged).unwrap());
	assert_eq!(files(dir.path()).len(), 0);
	assert_eq!(store.usage().unwrap(), Usage::default());
}

#[test]
fn a_verdict_on_replaced_shards_changes_nothing() {
	let (dir, store) = fresh();
	let former = stage(&store, 0);
	let first = former.unverified.unwrap();
	let second = stage(&store, 0).unverified.unwrap();
	assert_ne!(first, second);
	assert!(!store.reject(&staged_key(0), first).unwrap());
	assert!(!store.unstage(&staged_key(0), &former).unwrap());
	store.verified(&[(staged_key(0), first)]).unwrap();
	assert_eq!(store.staged(&staged_key(0)).unwrap().unwrap().unverified, Some(second));
	assert_eq!(files(dir.path()).len(), 2);
}

#[test]
fn orphans_go_and_losses_are_told_at_the_next_start() {
	let (dir, store) = fresh();
	stage_verified(&store, &[0, 1]);
	promise(&store, &[0, 1], 50, 10).unwrap();
	let lost = stage(&store, 2);
	let lost_path = store.unverified_path(&staged_key(2), &lost).unwrap();
	let shard = store.shard(KEY.deal, KEY.slot, 1).unwrap().unwrap().content.path;
	drop(store);
	fs::create_dir(dir.path().join("shards/zz")).unwrap();
	fs::write(dir.path().join("shards/zz/junk"), "junk").unwrap();
	fs::write(dir.path().join("tmp/junk"), "junk").unwrap();
	fs::remove_file(lost_path).unwrap();
	fs::write(shard, "cut short").unwrap();

	let (store, recovery) = open(dir.path());
	assert_eq!(recovery.orphans, 1);
	assert_eq!(recovery.lost_uploads, [staged_key(2)]);
	assert_eq!(recovery.damaged, [ContentKey::shard(root(1), KEY.slot)]);
	assert_eq!(store.staged_of(&KEY).unwrap(), []);
	assert_eq!(read_shard(&store, 0), Some(bytes(0)));
	assert_eq!(fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
}

#[test]
fn a_store_has_one_user_and_one_chain() {
	let (dir, store) = fresh();
	assert!(matches!(Store::open(dir.path()), Err(StoreError::Locked { .. })));
	store.bind(&[1; 32]).unwrap();
	store.bind(&[1; 32]).unwrap();
	assert!(matches!(store.bind(&[2; 32]), Err(StoreError::OtherChain { .. })));
	store.note_finalised(9).unwrap();
	store.note_finalised(8).unwrap();
	drop(store);
	let (store, _) = open(dir.path());
	assert!(matches!(store.bind(&[2; 32]), Err(StoreError::OtherChain { .. })));
	assert_eq!(store.finalised().unwrap(), 9);
}

const POINT: nil_types::G1Compressed = [0xa0; 48];
const OPENING: nil_types::G1Compressed = [0xb0; 48];

#[test]
fn openings_count_for_their_point_and_go_with_the_last_holding_of_the_deal() {
	let (dir, store) = fresh();
	// Nothing is kept for a deal of which nothing is held: it would stay for ever.
	store.keep_openings(KEY.deal, &POINT, &[(0, OPENING)]).unwrap();
	assert_eq!(store.opening(KEY.deal, 0, &POINT).unwrap(), None);
	stage_verified(&store, &[0]);
	let promised = promise(&store, &[0], 50, 10).unwrap();
	store.keep_openings(KEY.deal, &POINT, &[(0, OPENING), (9, OPENING)]).unwrap();
	store.keep_roots(KEY.deal, 3, 5, &[root(5), root(6)]).unwrap();
	drop(store);
	let (store, _) = open(dir.path());
	assert_eq!(store.opening(KEY.deal, 0, &POINT).unwrap(), Some(OPENING));
	assert_eq!(store.opening(KEY.deal, 1, &POINT).unwrap(), None);
	assert_eq!(store.opening(KEY.deal + 1, 0, &POINT).unwrap(), None);
	// A commit has changed the point: the row makes way for the new one.
	let (point, opening) = ([0xa1; 48], [0xb1; 48]);
	assert_eq!(store.opening(KEY.deal, 0, &point).unwrap(), None);
	store.keep_openings(KEY.deal, &point, &[(0, opening)]).unwrap();
	assert_eq!(store.opening(KEY.deal, 0, &point).unwrap(), Some(opening));
	assert_eq!(store.opening(KEY.deal, 0, &POINT).unwrap(), None);

	let kept = |first_mdu, roots: &[Hash32]| CommitRoots { first_mdu, roots: roots.to_vec() };
	let found = store.roots_of(KEY.deal, 0, 7).unwrap();
	assert_eq!(found, [kept(5, &[root(5), root(6)]), kept(0, &[root(0)])]);
	assert_eq!(store.roots_of(KEY.deal, 0, 5).unwrap(), [kept(0, &[root(0)])]);
	assert_eq!(store.roots_of(KEY.deal, 7, 9).unwrap(), []);
	// Of the third one other roots are kept than those of this commit.
	let commit = |roots: &[Hash32]| CommitInfo {
		first_mdu: 0,
		size_bytes: 1,
		index_len: 1,
		index_root: [0; 32],
		roots_hash: nil_types::messages::roots_hash(roots),
		signed: 0,
		at: 1,
	};
	let third = commit(&[root(5), root(6)]);
	let commits = |third| [(1, commit(&[root(0)])), (2, commit(&[root(9)])), (3, third)];
	let found = |third| store.with_roots(KEY.deal, &commits(third)).unwrap();
	assert_eq!(found(third.clone()), Some([1, 3].into()));
	assert_eq!(found(commit(&[root(5)])), Some([1].into()));
	assert_eq!(store.with_roots(KEY.deal + 1, &commits(third)).unwrap(), None);

	assert!(store.drop_holding(&KEY, &promised).unwrap());
	assert_eq!(store.opening(KEY.deal, 9, &POINT).unwrap(), None);
	assert_eq!(store.roots_of(KEY.deal, 0, 9).unwrap(), []);
}

#[test]
fn answers_are_written_down_until_their_outcome_is_seen() {
	let (dir, store) = fresh();
	let block = nil_client::chain::BlockRef { number: 9, hash: [9; 32] };
	let sent = |first: u32| Sent {
		round: 3,
		block: [5; 32],
		ordinals: vec![first, first + 1],
		transaction: nil_client::chain::Transaction {
			account: nil_client::account::AccountId([1; 32]),
			nonce: first.into(),
			encoded: "0x00".into(),
			birth: block,
		},
	};
	store.note_sent(&sent(0)).unwrap();
	store.note_sent(&sent(7)).unwrap();
	let again = Sent { transaction: sent(8).transaction, ..sent(7) };
	store.note_sent(&again).unwrap();
	drop(store);
	let (store, _) = open(dir.path());
	assert_eq!(store.sent().unwrap(), [sent(0), again.clone()]);
	store.forget_sent(3, &[0, 1]).unwrap();
	assert_eq!(store.sent().unwrap(), [again]);
}

#[test]
fn what_is_rotten_is_not_used_until_right_bytes_take_its_place() {
	let (dir, store) = fresh();
	stage_verified(&store, &[0, 1]);
	let promised = promise(&store, &[0, 1], 50, 10).unwrap();
	let shard = || store.shard(KEY.deal, KEY.slot, 0).unwrap().unwrap();
	let key = ContentKey::shard(root(0), KEY.slot);
	let read = shard().content;
	let rotten = |rows| Rotten { rows, held: staged_key(0), at: 7 };
	assert!(store.put_in_quarantine(&key, &read, rotten(0b10)).unwrap());
	assert!(!store.put_in_quarantine(&key, &read, rotten(0b10)).unwrap(), "known already");
	assert!(store.put_in_quarantine(&key, &read, rotten(0b01)).unwrap());
	assert_eq!(store.quarantine().unwrap(), [(key, rotten(0b11))]);
	assert_eq!(shard().rotten, 0b11);
	assert_eq!(store.held_shard(&staged_key(1)).unwrap().unwrap().rotten, 0);
	let witness_key = ContentKey::witness(root(0));
	let witness_file = store.held_witness(root(0)).unwrap().unwrap();
	assert!(store.put_in_quarantine(&witness_key, &witness_file, rotten(u64::MAX)).unwrap());
	assert_eq!(store.object(KEY.deal, &witness_key).unwrap(), None);

	let incoming = |bytes: &[u8]| {
		let mut incoming = store.incoming().unwrap();
		incoming.write(bytes).unwrap();
		incoming
	};
	let files_before = files(dir.path()).len();
	assert!(store.replace(&key, incoming(&bytes(0))).unwrap());
	assert!(!store.replace(&key, incoming(&bytes(0))).unwrap(), "nothing is wrong any more");
	assert!(store.replace(&witness_key, incoming(&witness(0))).unwrap());
	assert_eq!(shard().rotten, 0);
	assert_ne!(shard().content.path, read.path);
	assert_eq!(read_shard(&store, 0), Some(bytes(0)));
	assert!(store.object(KEY.deal, &witness_key).unwrap().is_some());
	assert_eq!(files(dir.path()).len(), files_before);
	// A verdict on the former file says nothing of the new one.
	assert!(!store.put_in_quarantine(&key, &read, rotten(0b10)).unwrap());

	// An upload of the same shards heals as well.
	assert!(store.put_in_quarantine(&key, &shard().content, rotten(0b10)).unwrap());
	stage_verified(&store, &[0]);
	assert_eq!(store.quarantine().unwrap(), []);
	assert_eq!(read_shard(&store, 0), Some(bytes(0)));
	assert!(
		store.unstage(&staged_key(0), &store.staged(&staged_key(0)).unwrap().unwrap()).unwrap()
	);

	// What nothing needs any more is not in quarantine either.
	assert!(store.put_in_quarantine(&key, &shard().content, rotten(0b10)).unwrap());
	assert!(store.drop_holding(&KEY, &promised).unwrap());
	assert_eq!(store.quarantine().unwrap(), []);
	assert_eq!(files(dir.path()).len(), 0);
	assert_eq!(store.usage().unwrap(), counted(&store));
}

#[test]
fn all_that_is_held_is_gone_through_in_order_and_the_place_is_kept() {
	let (dir, store) = fresh();
	stage_verified(&store, &[0, 1]);
	promise(&store, &[0, 1], 50, 10).unwrap();
	let first = store.held_after(None).unwrap().unwrap();
	assert_eq!(first, (staged_key(0), HeldMdu { root: root(0), live: 3 }));
	let (second, _) = store.held_after(Some(&first.0)).unwrap().unwrap();
	assert_eq!(second, staged_key(1));
	assert_eq!(store.held_after(Some(&second)).unwrap(), None);
	assert_eq!(store.scrub_position().unwrap(), ScrubPosition::default());
	let position = ScrubPosition { after: Some(second), completed: 5 };
	store.set_scrub_position(&position).unwrap();
	drop(store);
	let (store, _) = open(dir.path());
	assert_eq!(store.scrub_position().unwrap(), position);
}

#[test]
fn an_end_is_remembered_with_its_holding() {
	let (_dir, store) = fresh();
	store.note_ended(&KEY, Some(4)).unwrap();
	assert_eq!(store.ended(&KEY).unwrap(), None, "nothing is held");
	stage_verified(&store, &[0]);
	let promised = promise(&store, &[0], 50, 10).unwrap();
	store.note_ended(&KEY, Some(4)).unwrap();
	assert_eq!(store.ended(&KEY).unwrap(), Some(4));
	store.note_ended(&KEY, None).unwrap();
	assert_eq!(store.ended(&KEY).unwrap(), None);
	store.note_ended(&KEY, Some(5)).unwrap();
	store.drop_holding(&KEY, &promised).unwrap();
	assert_eq!(store.ended(&KEY).unwrap(), None);
}
