//! Files for the demo, the bench and the tests: real bytes from a seeded generator, and comparison bit for bit.

use crate::error::{CliError, Result};
use rand::{RngCore, SeedableRng, rngs::StdRng};
use std::{
	fs::{self, File},
	io::{self, BufWriter, Read, Write},
	path::{Path, PathBuf},
};

/// Writes `size` bytes that no compressor shortens and that `seed` alone decides.
pub fn write_random(path: &Path, size: u64, seed: u64) -> Result<()> {
	let failed = |error: io::Error| CliError::local(path.display(), &error);
	if let Some(parent) = path.parent() {
		fs::create_dir_all(parent).map_err(failed)?;
	}
	let mut file = BufWriter::new(File::create(path).map_err(failed)?);
	let mut random = StdRng::seed_from_u64(seed);
	let mut buffer = vec![0; 1 << 20];
	let mut left = size;
	while left > 0 {
		let count = left.min(buffer.len() as u64) as usize;
		let Some(part) = buffer.get_mut(..count) else { break };
		random.fill_bytes(part);
		file.write_all(part).map_err(failed)?;
		left -= count as u64;
	}
	file.flush().map_err(failed)
}

/// What [`make_tree`] makes.
#[derive(Clone, Copy, Debug)]
pub struct Tree {
	/// Bytes of the largest file.
	pub large: u64,
	/// How many small files.
	pub small: u32,
}

/// Makes a directory as people have them: one large file, many small ones, an empty one, and names with spaces,
/// Unicode and leading dots in nested directories. Returns the number of files and their bytes.
pub fn make_tree(root: &Path, tree: Tree) -> Result<(usize, u64)> {
	write_random(&root.join("large.bin"), tree.large, 1)?;
	for index in 0..tree.small {
		// Sizes around the borders of scalars (31 bytes) and blobs (126,976 bytes) among them.
		let size = match index % 6 {
			0 => 31 * u64::from(index),
			1 => 1,
			2 => 126_976,
			3 => 126_977,
			4 => 4096 + u64::from(index),
			_ => u64::from(index) * 997,
		};
		let path = root.join(format!("small/{:02}/{index:03}.dat", index % 7));
		write_random(&path, size, 1000 + u64::from(index))?;
	}
	for (index, name) in [
		"empty",
		"with some spaces.txt",
		"ünï/çødé – 文件 🗄.bin",
		".hidden",
		"deep/a/b/c/d/e/f.txt",
	]
	.iter()
	.enumerate()
	{
		let size = if index == 0 { 0 } else { 10_000 + index as u64 };
		write_random(&root.join(name), size, 5000 + index as u64)?;
	}
	let files = list(root)?;
	let bytes = files.iter().map(|(_, size)| size).sum();
	Ok((files.len(), bytes))
}

/// All files below `root` with their sizes, sorted by path.
pub fn list(root: &Path) -> Result<Vec<(PathBuf, u64)>> {
	let mut found = Vec::new();
	let mut open = vec![root.to_path_buf()];
	while let Some(dir) = open.pop() {
		let failed = |error: io::Error| CliError::local(dir.display(), &error);
		for entry in fs::read_dir(&dir).map_err(failed)? {
			let entry = entry.map_err(failed)?;
			let kind = entry.file_type().map_err(failed)?;
			if kind.is_dir() {
				open.push(entry.path());
			} else {
				let size = entry.metadata().map_err(failed)?.len();
				let path = entry.path();
				let relative = path.strip_prefix(root).map_err(CliError::failure)?;
				found.push((relative.to_path_buf(), size));
			}
		}
	}
	found.sort();
	Ok(found)
}

/// Compares two directories bit for bit. The error names the first difference.
pub fn compare(expected: &Path, actual: &Path) -> Result<()> {
	let differ = |what: String| Err(CliError::new(crate::error::Exit::Corrupt, what));
	let (left, right) = (list(expected)?, list(actual)?);
	if let Some((path, _)) = left.iter().find(|file| !right.contains(file)) {
		return differ(format!("{} is missing or has another size", path.display()));
	}
	if let Some((path, _)) = right.iter().find(|file| !left.contains(file)) {
		return differ(format!("{} was not there before", path.display()));
	}
	for (path, _) in &left {
		if !same_bytes(&expected.join(path), &actual.join(path))? {
			return differ(format!("{} came back with other bytes", path.display()));
		}
	}
	Ok(())
}

/// Whether two files hold the same bytes.
pub fn same_bytes(left: &Path, right: &Path) -> Result<bool> {
	let open =
		|path: &Path| File::open(path).map_err(|error| CliError::local(path.display(), &error));
	let (mut one, mut other) = (open(left)?, open(right)?);
	let (mut a, mut b) = (Vec::new(), Vec::new());
	const CHUNK: u64 = 1 << 20;
	loop {
		a.clear();
		b.clear();
		let failed = |error: io::Error| CliError::local(left.display(), &error);
		(&mut one).take(CHUNK).read_to_end(&mut a).map_err(failed)?;
		(&mut other).take(CHUNK).read_to_end(&mut b).map_err(failed)?;
		if a != b {
			return Ok(false);
		}
		if a.is_empty() {
			return Ok(true);
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn trees_are_reproducible_and_differences_are_named() {
		let dir = tempfile::tempdir().unwrap();
		let (one, other) = (dir.path().join("one"), dir.path().join("other"));
		let tree = Tree { large: 100_000, small: 12 };
		assert_eq!(make_tree(&one, tree).unwrap(), make_tree(&other, tree).unwrap());
		compare(&one, &other).unwrap();

		let changed = other.join("small/02/002.dat");
		let mut bytes = fs::read(&changed).unwrap();
		bytes[100_000] ^= 1;
		fs::write(&changed, &bytes).unwrap();
		assert!(compare(&one, &other).unwrap_err().to_string().contains("002.dat"));
		fs::write(&changed, &bytes[1..]).unwrap();
		assert!(compare(&one, &other).unwrap_err().to_string().contains("another size"));
		fs::remove_file(&changed).unwrap();
		assert!(compare(&one, &other).unwrap_err().to_string().contains("missing"));
		assert!(compare(&other, &one).unwrap_err().to_string().contains("not there before"));
	}
}
