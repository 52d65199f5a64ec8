//! Every engine makes the commitments that c-kzg makes, and tables survive what happens to files.

mod common;

use nil_kzg::{
	Blob, Engines, G1Affine, MsmEngine, combine_commitments,
	msm::{BitColumn, Table, TableError},
	setup,
};
use std::{
	fs,
	path::Path,
	process::{Command, Stdio},
	sync::{Arc, LazyLock},
};

fn engines() -> Vec<Arc<dyn MsmEngine>> {
	// Groups that divide the points, that leave a rest, and that cross a byte.
	static TABLES: LazyLock<Vec<Arc<BitColumn>>> = LazyLock::new(|| {
		let points: Vec<_> = setup::g1_lagrange()
			.iter()
			.map(|bytes| G1Affine::deserialize(bytes).expect("a point of the setup"))
			.collect();
		[4, 7, 10]
			.map(|window| Arc::new(BitColumn::new(Table::build(&points, window).expect("a table"))))
			.to_vec()
	});
	let mut engines = vec![Engines::pippenger()];
	engines.extend(TABLES.iter().map(|engine| engine.clone() as Arc<dyn MsmEngine>));
	engines
}

fn reference(bytes: &[u8]) -> [u8; 48] {
	let settings = c_kzg::ethereum_kzg_settings(0);
	let blob = c_kzg::Blob::from_bytes(bytes).expect("the length of a blob");
	settings.blob_to_kzg_commitment(&blob).expect("canonical scalars").to_bytes().into_inner()
}

#[test]
fn commitments_equal_those_of_c_kzg() {
	let mut rng = common::rng(1);
	let mut blobs: Vec<_> = common::edge_blobs().into_iter().map(|(_, blob)| blob).collect();
	for _ in 0..3 {
		blobs.push(common::random_data(&mut rng));
		blobs.push(common::random_full(&mut rng));
	}
	let expected: Vec<_> = blobs.iter().map(|blob| reference(blob)).collect();
	let parsed: Vec<_> = blobs.iter().map(|blob| Blob::parse(blob).unwrap()).collect();
	for engine in engines() {
		// Mixed batches and blobs alone.
		let together = G1Affine::batch_compress(&engine.commit(&parsed));
		assert_eq!(together, expected, "{engine:?}");
		for (blob, expected) in parsed.iter().zip(&expected).step_by(3) {
			assert_eq!(engine.commit(&[blob])[0].compress(), *expected, "{engine:?}");
		}
		assert!(engine.commit(&[]).is_empty());
		assert!(engine.commit(&[Blob::zero()])[0].is_infinity());
	}
}

#[test]
fn commitments_equal_a_naive_sum() {
	let mut rng = common::rng(2);
	let bytes = common::random_full(&mut rng);
	let blob = Blob::parse(&bytes).unwrap();
	let mut sum = G1Affine::INFINITY;
	for (scalar, point) in blob.scalars().iter().zip(setup::g1_lagrange()) {
		let point = G1Affine::deserialize(point).unwrap();
		let mut one = [0; 32];
		one[31] = 1;
		sum = combine_commitments(&[one, *scalar], &[sum, point]).unwrap();
	}
	for engine in engines() {
		assert_eq!(engine.commit(&[blob]), [sum], "{engine:?}");
	}
}

/// A window whose table is small.
const WINDOW: usize = 4;

fn commits_correctly(engine: &BitColumn) {
	let bytes = common::random_data(&mut common::rng(3));
	let blob = Blob::parse(&bytes).unwrap();
	assert_eq!(engine.commit(&[blob]), Engines::pippenger().commit(&[blob]));
}

#[test]
fn tables_are_shared_through_a_file() {
	let dir = tempfile::tempdir().unwrap();
	let first = Engines::bit_column(dir.path(), WINDOW).unwrap();
	assert!(first.table().is_shared());
	let path = Table::path(dir.path(), WINDOW);
	let written = fs::metadata(&path).unwrap().modified().unwrap();
	let second = Engines::bit_column(dir.path(), WINDOW).unwrap();
	assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written, "not built again");
	commits_correctly(&first);
	commits_correctly(&second);
	#[cfg(unix)]
	{
		use std::os::unix::fs::PermissionsExt;
		assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
	}
	let names: Vec<_> =
		fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
	assert_eq!(names.len(), 2, "the table and its lock: {names:?}");
}

#[test]
fn damaged_tables_are_built_again() {
	let dir = tempfile::tempdir().unwrap();
	drop(Engines::bit_column(dir.path(), WINDOW).unwrap());
	let path = Table::path(dir.path(), WINDOW);
	let good = fs::read(&path).unwrap();
	let flipped = |at: usize| {
		let mut bytes = good.clone();
		bytes[at] ^= 1;
		bytes
	};
	let other_window = {
		drop(Engines::bit_column(dir.path(), WINDOW + 1).unwrap());
		fs::read(Table::path(dir.path(), WINDOW + 1)).unwrap()
	};
	let mut longer = good.clone();
	longer.push(0);
	for (name, bad) in [
		("empty", Vec::new()),
		("cut", good[..good.len() - 1].to_vec()),
		("longer", longer),
		("magic", flipped(0)),
		("setup", flipped(30)),
		("hash", flipped(60)),
		("header padding", flipped(4000)),
		("first entry", flipped(4096)),
		("last entry", flipped(good.len() - 1)),
		("another window", other_window),
	] {
		fs::write(&path, bad).unwrap();
		let engine = Engines::bit_column(dir.path(), WINDOW).unwrap();
		assert!(fs::read(&path).unwrap() == good, "{name}");
		if name == "first entry" {
			commits_correctly(&engine);
		}
	}
}

#[test]
fn unusable_directories_are_named() {
	let dir = tempfile::tempdir().unwrap();
	let file = dir.path().join("file");
	fs::write(&file, b"").unwrap();
	let error = Engines::bit_column(&file, WINDOW).unwrap_err();
	assert!(matches!(error, TableError::Io { .. }), "{error}");
	assert!(error.to_string().contains("file"), "{error}");
}

const DIR_VARIABLE: &str = "NIL_KZG_TEST_TABLE_DIR";

#[test]
fn processes_build_one_table() {
	let dir = tempfile::tempdir().unwrap();
	let this = std::env::current_exe().unwrap();
	let children: Vec<_> = (0..4)
		.map(|_| {
			Command::new(&this)
				.args(["--exact", "a_process_that_opens_the_table", "--ignored"])
				.env(DIR_VARIABLE, dir.path())
				.stdout(Stdio::piped())
				.spawn()
				.unwrap()
		})
		.collect();
	for child in children {
		let output = child.wait_with_output().unwrap();
		let text = String::from_utf8_lossy(&output.stdout);
		assert!(output.status.success() && text.contains("1 passed"), "{text}");
	}
	let names: Vec<_> =
		fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
	assert_eq!(names.len(), 2, "nothing is left over: {names:?}");
}

#[test]
#[ignore = "run by processes_build_one_table"]
fn a_process_that_opens_the_table() {
	let dir = std::env::var_os(DIR_VARIABLE).expect("the directory is given");
	commits_correctly(&Engines::bit_column(Path::new(&dir), WINDOW).unwrap());
}

#[test]
fn small_jobs_need_no_table() {
	// The variable is for users; tests must not be steered by it.
	if std::env::var_os(nil_kzg::msm::ENGINE_VARIABLE).is_none() {
		assert_eq!(Engines::choose(1).name(), "pippenger");
	}
}
