//! The index: paths, strict decoding, deltas.

use codec::{Compact, Encode};
use nil_slab::index::{
	Child, Delta, Encryption, Entry, Extent, Index, IndexError, IndexFile, MAX_PATH_BYTES,
	MAX_SLAB_BYTES, PathError, SlabPath,
};
use proptest::{collection, prelude::*};
use std::collections::BTreeMap;

fn path(text: &str) -> SlabPath {
	SlabPath::parse(text).unwrap()
}

fn plain(offset: u64, len: u64) -> Entry {
	let extents = if len == 0 { vec![] } else { vec![Extent { offset, len }] };
	Entry { extents, size: len, mtime: 7, encryption: Encryption::Plain, hash: [3; 32] }
}

fn index(paths: &[&str]) -> Index {
	let mut index = Index::new();
	for (i, text) in (0..).zip(paths) {
		index.put(path(text), plain(i * 100, 10)).unwrap();
	}
	index
}

#[test]
fn paths() {
	let long = "a".repeat(MAX_PATH_BYTES);
	for good in ["a", "a/b", "a b/ü ☃", "...", ".a/a.", "..a", &long, "~", "a:b"] {
		assert_eq!(SlabPath::parse(good).unwrap().as_str(), good);
	}
	let own = str::to_owned;
	for (bad, error) in [
		("", PathError::Empty),
		("/", PathError::Absolute(own("/"))),
		("/a", PathError::Absolute(own("/a"))),
		("a/", PathError::EmptyComponent(own("a/"))),
		("a//b", PathError::EmptyComponent(own("a//b"))),
		(".", PathError::Dots(own("."))),
		("..", PathError::Dots(own(".."))),
		("a/../b", PathError::Dots(own("a/../b"))),
		("a/./b", PathError::Dots(own("a/./b"))),
		("a/..", PathError::Dots(own("a/.."))),
		("a\0", PathError::Character { path: own("a\0"), character: '\0' }),
		("a\\b", PathError::Character { path: own("a\\b"), character: '\\' }),
	] {
		assert_eq!(SlabPath::parse(bad), Err(error), "{bad:?}");
	}
	assert_eq!(SlabPath::parse(&"a".repeat(1025)), Err(PathError::TooLong(1025)));
	// Bytes count, not characters.
	assert_eq!(SlabPath::parse(&"ü".repeat(513)), Err(PathError::TooLong(1026)));
	let deep = path("a/b/c");
	assert_eq!((deep.name(), deep.parents().collect::<Vec<_>>()), ("c", vec!["a", "a/b"]));
	assert!(deep.is_below("") && deep.is_below("a") && deep.is_below("a/b"));
	assert!(!deep.is_below("a/b/c") && !deep.is_below("a/"));
	assert_eq!(path("a").join("b").unwrap(), path("a/b"));
	assert!(path("a").join("..").is_err());
	assert!(serde_json::from_str::<SlabPath>("\"a/../b\"").is_err());
}

#[test]
fn directories_exist_through_their_files() {
	let index = index(&["a/b", "a/c/d", "a-b", "e", "a/c/e"]);
	assert_eq!(index.len(), 5);
	let names: Vec<_> = index
		.children("")
		.into_iter()
		.map(|child| match child {
			Child::Directory(name) => (name, true),
			Child::File(name, _) => (name, false),
		})
		.collect();
	assert_eq!(names, [("a", true), ("a-b", false), ("e", false)]);
	let below: Vec<_> = index.below("a").map(|(path, _)| path.as_str()).collect();
	assert_eq!(below, ["a/b", "a/c/d", "a/c/e"]);
	assert!(index.is_directory("") && index.is_directory("a/c"));
	assert!(!index.is_directory("e") && !index.is_directory("x"));
	assert_eq!(index.children("a").len(), 2);
}

#[test]
fn a_file_is_no_directory() {
	let mut index = index(&["a/b", "a-b"]);
	let clash = |text: &str| Err(IndexError::FileAndDirectory(text.to_owned()));
	assert_eq!(index.put(path("a"), plain(0, 1)), clash("a"));
	assert_eq!(index.put(path("a/b/c"), plain(0, 1)), clash("a/b"));
	assert_eq!(index.put(path("a/b"), plain(9, 1)), Ok(()));
	assert_eq!(index.get("a/b").unwrap().size, 1);
	assert_eq!(index.remove("a"), Err(IndexError::NoSuchFile("a".into())));
}

#[test]
fn entries_must_not_contradict_themselves() {
	let mut index = Index::new();
	let mut put = |change: &dyn Fn(&mut Entry)| {
		let mut entry = plain(0, 10);
		change(&mut entry);
		match index.put(path("a"), entry) {
			Err(IndexError::Entry { path, fault }) => {
				assert_eq!(path, "a");
				Some(fault)
			},
			result => {
				assert_eq!(result, Ok(()));
				None
			},
		}
	};
	let extent = |offset, len| Extent { offset, len };
	assert_eq!(put(&|_| {}), None);
	assert!(put(&|e| e.size = 11).is_some());
	assert!(put(&|e| e.extents.clear()).is_some());
	assert!(put(&|e| e.extents.push(extent(50, 0))).unwrap().contains("extent 1 is empty"));
	assert!(put(&|e| e.extents[0] = extent(MAX_SLAB_BYTES - 9, 10)).is_some());
	assert!(put(&|e| e.extents[0] = extent(u64::MAX, 10)).is_some());
	assert_eq!(put(&|e| e.extents[0] = extent(MAX_SLAB_BYTES - 10, 10)), None);
	assert!(put(&|e| e.extents = vec![extent(0, 4), extent(4, 6)]).unwrap().contains("one run"));
	assert_eq!(put(&|e| e.extents = vec![extent(4, 6), extent(0, 4)]), None);
	assert!(put(&|e| e.encryption = Encryption::Age).is_some());
	assert_eq!(put(&|e| (e.encryption, e.size) = (Encryption::Age, 3)), None);
}

#[test]
fn ranges_of_stored_bytes_are_located() {
	let mut entry = plain(0, 0);
	entry.extents = vec![Extent { offset: 100, len: 10 }, Extent { offset: 50, len: 5 }];
	let at = |range| entry.locate(range).map(|e| (e.offset, e.len)).collect::<Vec<_>>();
	assert_eq!(entry.stored_len(), 15);
	assert_eq!(at(0..15), [(100, 10), (50, 5)]);
	assert_eq!(at(9..11), [(109, 1), (50, 1)]);
	assert_eq!(at(10..99), [(50, 5)]);
	assert_eq!(at(3..3), []);
	assert_eq!(at(15..20), []);
}

#[test]
fn the_encoding_is_pinned() {
	let full = IndexFile::Full(index(&["b"]));
	let expected = [
		"01 00",                                // version, full
		"04",                                   // one entry
		"04 62",                                // path
		"04 0000000000000000 0a00000000000000", // one extent
		"0a00000000000000",                     // size
		"0700000000000000",                     // mtime
		"00",                                   // plain
		&"03".repeat(32),                       // hash
	]
	.concat()
	.replace(' ', "");
	assert_eq!(hex::encode(full.encode()), expected);
	let delta = index(&["b"]).delta_to(&index(&["c"]), [9; 32]);
	let bytes = IndexFile::Delta(delta).encode();
	assert_eq!(bytes[..2], [1, 1]);
	assert_eq!(bytes[2..34], [9; 32]);
	assert_eq!(bytes[bytes.len() - 3..], [4, 4, b'b']);
}

#[test]
fn malformed_indexes_are_refused() {
	let entry = plain(0, 1).encode();
	let list = |paths: &[&str]| {
		let mut bytes = Compact(paths.len() as u32).encode();
		for path in paths {
			bytes.extend(path.encode());
			bytes.extend(&entry);
		}
		bytes
	};
	let full = |paths: &[&str]| IndexFile::decode(&[vec![1, 0], list(paths)].concat());
	assert!(full(&["a", "b"]).is_ok());
	for paths in [["b", "a"], ["a", "a"]] {
		let [previous, path] = paths.map(str::to_owned);
		assert_eq!(full(&paths), Err(IndexError::Order { previous, path }));
	}
	for paths in [&["a", "a/b"][..], &["a", "a-", "a/b"], &["a", "a-", "a-/x"], &["x", "x/y/z"]] {
		assert!(matches!(full(paths), Err(IndexError::FileAndDirectory(_))), "{paths:?}");
	}
	assert!(full(&["a", "a-", "a-b", "ab/c", "b"]).is_ok());
	assert!(matches!(full(&[".."]), Err(IndexError::Path(PathError::Dots(_)))));
	assert_eq!(full(&[&"a".repeat(1025)]), Err(IndexError::Path(PathError::TooLong(1025))));
	assert_eq!(IndexFile::decode(&[2, 0, 0]), Err(IndexError::Version(2)));
	assert_eq!(IndexFile::decode(&[1, 2, 0]), Err(IndexError::Kind(2)));
	assert_eq!(IndexFile::decode(&[1, 0, 0, 0]), Err(IndexError::TrailingBytes(1)));
	for empty in [&[][..], &[1], &[1, 0]] {
		assert!(matches!(IndexFile::decode(empty), Err(IndexError::Encoding(_))));
	}
	// A count of 0 in the four-byte form, and one that promises more than there is.
	assert!(matches!(IndexFile::decode(&[1, 0, 2, 0, 0, 0]), Err(IndexError::Encoding(_))));
	let promise = [vec![1, 0], Compact(u32::MAX).encode()].concat();
	assert!(matches!(IndexFile::decode(&promise), Err(IndexError::Encoding(_))));
	// Not UTF-8.
	let bytes = [vec![1, 0, 4, 8, b'a', 0xff], entry.clone()].concat();
	assert_eq!(IndexFile::decode(&bytes), Err(IndexError::Path(PathError::NotUtf8(1))));
	let both = [vec![1, 1], vec![0; 32], list(&["a"]), vec!["a"].encode()].concat();
	assert_eq!(IndexFile::decode(&both), Err(IndexError::PutAndRemoved("a".into())));
	let found = 64 * 1024 * 1024 + 1;
	assert_eq!(IndexFile::decode(&vec![0; found]), Err(IndexError::TooLong { found }));
}

#[test]
fn deltas_lead_from_one_index_to_the_next() {
	let (before, after) = (index(&["a", "b", "c/d"]), index(&["a", "c", "e", "x"]));
	let delta = before.delta_to(&after, [1; 32]);
	assert_eq!(before.clone().apply(delta.clone()).unwrap(), after);
	let removed: Vec<_> = delta.removals().map(SlabPath::as_str).collect();
	assert_eq!(removed, ["b", "c/d"]);
	assert!(before.delta_to(&before, [0; 32]).is_empty());
	assert!(Delta::new([0; 32]).is_empty());
	assert_eq!(after.apply(delta), Err(IndexError::NoSuchFile("b".into())));
}

#[test]
fn chains_are_merged_in_order() {
	let steps = [index(&["a"]), index(&["a", "b"]), index(&["b"]), index(&["b", "c"])];
	let mut chain = vec![([0; 32], IndexFile::Full(steps[0].clone()))];
	for (i, pair) in steps.windows(2).enumerate() {
		let delta = pair[0].delta_to(&pair[1], [i as u8; 32]);
		chain.push(([i as u8 + 1; 32], IndexFile::Delta(delta)));
	}
	for (i, step) in steps.iter().enumerate() {
		assert_eq!(Index::merge(chain[..=i].to_vec()).unwrap(), *step);
	}
	assert_eq!(Index::merge([]), Err(IndexError::ChainStart));
	assert_eq!(Index::merge(chain[1..].to_vec()), Err(IndexError::ChainStart));
	let gap = vec![chain[0].clone(), chain[2].clone()];
	assert_eq!(Index::merge(gap), Err(IndexError::Chain(1)));
	let twice = vec![chain[0].clone(), chain[0].clone()];
	assert_eq!(Index::merge(twice), Err(IndexError::Chain(1)));
	assert_eq!(chain[1].1.parent(), Some([0; 32]));
	assert_eq!(chain[0].1.parent(), None);
}

fn some_path() -> impl Strategy<Value = String> {
	collection::vec("[a-c-]{1,3}", 1..4).prop_map(|parts| parts.join("/"))
}

fn some_entry() -> impl Strategy<Value = Entry> {
	(
		collection::vec((0..1u64 << 30, 1..1u64 << 20), 0..4),
		any::<i64>(),
		any::<bool>(),
		any::<[u8; 32]>(),
	)
		.prop_map(|(extents, mtime, age, hash)| {
			let mut runs: Vec<Extent> = Vec::new();
			for (offset, len) in extents {
				if runs.last().is_none_or(|last| last.range().end != offset) {
					runs.push(Extent { offset, len });
				}
			}
			let stored: u64 = runs.iter().map(|run| run.len).sum();
			let age = age && stored > 0;
			let encryption = if age { Encryption::Age } else { Encryption::Plain };
			Entry { extents: runs, size: stored - u64::from(age), mtime, encryption, hash }
		})
}

fn some_index() -> impl Strategy<Value = Index> {
	collection::btree_map(some_path(), some_entry(), 0..12).prop_map(
		|entries: BTreeMap<String, Entry>| {
			let mut index = Index::new();
			for (text, entry) in entries {
				// What clashes with a file put before is left out.
				let _ = index.put(path(&text), entry);
			}
			index
		},
	)
}

fn some_file() -> impl Strategy<Value = IndexFile> {
	(some_index(), some_index(), any::<Option<[u8; 32]>>()).prop_map(
		|(a, b, parent)| match parent {
			Some(parent) => IndexFile::Delta(a.delta_to(&b, parent)),
			None => IndexFile::Full(a),
		},
	)
}

proptest! {
	#[test]
	fn decoding_is_the_inverse_of_encoding(file in some_file()) {
		prop_assert_eq!(IndexFile::decode(&file.encode()), Ok(file));
	}

	#[test]
	fn random_bytes_never_panic(mut bytes in collection::vec(any::<u8>(), 0..300), start in 0..3u8) {
		if let [version, kind, ..] = bytes.as_mut_slice() {
			(*version, *kind) = (1, start);
		}
		if let Ok(file) = IndexFile::decode(&bytes) {
			prop_assert_eq!(file.encode(), bytes);
		}
	}

	#[test]
	fn mutated_encodings_never_alias(file in some_file(), at: prop::sample::Index, byte: u8) {
		let bytes = file.encode();
		let mut mutated = bytes.clone();
		let at = at.index(bytes.len());
		mutated[at] ^= byte.max(1);
		match IndexFile::decode(&mutated) {
			Ok(other) => {
				prop_assert_ne!(&other, &file);
				prop_assert_eq!(other.encode(), mutated);
			},
			Err(error) => prop_assert!(!error.to_string().is_empty()),
		}
		prop_assert!(IndexFile::decode(&bytes[..at]).is_err());
	}

	#[test]
	fn any_index_is_reached_by_its_delta(a in some_index(), b in some_index()) {
		prop_assert_eq!(a.clone().apply(a.delta_to(&b, [0; 32])), Ok(b));
	}
}
