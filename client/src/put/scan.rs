//! What lies on disk and shall be stored.

use super::PutError;
use nil_slab::SlabPath;
use std::{
	fs, io,
	os::unix::fs::MetadataExt,
	path::{Path, PathBuf},
};

/// A file on disk and its path in the deal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceFile {
	pub(crate) disk: PathBuf,
	pub(crate) path: SlabPath,
	pub(crate) size: u64,
	/// Nanoseconds since the Unix epoch.
	pub(crate) mtime: i64,
}

/// Files in the order of their paths, and what was left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scan {
	pub(crate) files: Vec<SourceFile>,
	/// Links, sockets and other things that are neither files nor directories.
	pub(crate) skipped: Vec<PathBuf>,
}

/// Lists what a put of `source` to `target` stores. Links below `source` are left out; `source` itself may be one.
pub(crate) fn scan(source: &Path, target: &str) -> Result<Scan, PutError> {
	let unreadable = |error| PutError::Source { path: source.to_owned(), source: error };
	let metadata = fs::metadata(source).map_err(unreadable)?;
	let mut scan = Scan::default();
	let directory = target.trim_start_matches('/').trim_end_matches('/');
	if metadata.is_dir() {
		walk(source, directory, &mut scan)?;
	} else if metadata.is_file() {
		let path = if directory.is_empty() || target.ends_with('/') {
			let real = fs::canonicalize(source).map_err(unreadable)?;
			let named = source.file_name().or(real.file_name()).unwrap_or_default();
			join(directory, utf8(source, named)?)
		} else {
			directory.to_owned()
		};
		scan.files.push(file(source, &path, &metadata)?);
	} else {
		return Err(unreadable(io::Error::new(
			io::ErrorKind::InvalidInput,
			"neither a file nor a directory",
		)));
	}
	scan.files.sort_by(|a, b| a.path.cmp(&b.path));
	Ok(scan)
}

fn walk(directory: &Path, prefix: &str, scan: &mut Scan) -> Result<(), PutError> {
	// Depth is bounded by the length of a path, 1,024 bytes; still, no recursion.
	let mut open = vec![(directory.to_owned(), prefix.to_owned())];
	while let Some((directory, prefix)) = open.pop() {
		let unreadable = |source| PutError::Source { path: directory.clone(), source };
		for entry in fs::read_dir(&directory).map_err(unreadable)? {
			let entry = entry.map_err(unreadable)?;
			let disk = entry.path();
			let kind = entry
				.file_type()
				.map_err(|source| PutError::Source { path: disk.clone(), source })?;
			if kind.is_dir() {
				let path = join(&prefix, utf8(&disk, &entry.file_name())?);
				// Checked here, for a directory without files would pass unseen, and a deep one would be walked in vain.
				parse(&disk, &path)?;
				open.push((disk, path));
			} else if kind.is_file() {
				let path = join(&prefix, utf8(&disk, &entry.file_name())?);
				let metadata = entry
					.metadata()
					.map_err(|source| PutError::Source { path: disk.clone(), source })?;
				scan.files.push(file(&disk, &path, &metadata)?);
			} else {
				scan.skipped.push(disk);
			}
		}
	}
	Ok(())
}

fn file(disk: &Path, path: &str, metadata: &fs::Metadata) -> Result<SourceFile, PutError> {
	Ok(SourceFile {
		disk: disk.to_owned(),
		path: parse(disk, path)?,
		size: metadata.len(),
		mtime: mtime(metadata),
	})
}

/// Last modification in nanoseconds since the Unix epoch; times beyond the years 1678 to 2262 are cut.
pub(crate) fn mtime(metadata: &fs::Metadata) -> i64 {
	metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec())
}

fn utf8<'a>(disk: &Path, name: &'a std::ffi::OsStr) -> Result<&'a str, PutError> {
	name.to_str().ok_or_else(|| PutError::NameNotUtf8 { path: disk.to_owned() })
}

fn parse(disk: &Path, path: &str) -> Result<SlabPath, PutError> {
	SlabPath::parse(path).map_err(|source| PutError::Path { path: disk.to_owned(), source })
}

fn join(prefix: &str, name: &str) -> String {
	if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") }
}

#[cfg(test)]
mod tests {
	use super::*;
	use nil_slab::index::PathError;

	fn paths(scan: &Scan) -> Vec<&str> {
		scan.files.iter().map(|file| file.path.as_str()).collect()
	}

	#[test]
	fn directories_are_walked_and_links_left_out() {
		let dir = tempfile::tempdir().unwrap();
		let root = dir.path();
		fs::create_dir_all(root.join("a b/ü")).unwrap();
		fs::create_dir(root.join("empty")).unwrap();
		fs::write(root.join("a b/ü/file name.txt"), b"12345").unwrap();
		fs::write(root.join("zero"), b"").unwrap();
		std::os::unix::fs::symlink("/etc/passwd", root.join("link")).unwrap();
		let scan = scan(root, "/in/here/").unwrap();
		assert_eq!(paths(&scan), ["in/here/a b/ü/file name.txt", "in/here/zero"]);
		assert_eq!(scan.files[0].size, 5);
		assert!(scan.files[0].mtime > 1_500_000_000_000_000_000);
		assert_eq!(scan.skipped, [root.join("link")]);
	}

	#[test]
	fn a_file_keeps_its_name_or_takes_the_targets() {
		let dir = tempfile::tempdir().unwrap();
		let disk = dir.path().join("name");
		fs::write(&disk, b"x").unwrap();
		for (target, path) in
			[("", "name"), ("/", "name"), ("dir/", "dir/name"), ("/dir/other", "dir/other")]
		{
			assert_eq!(paths(&scan(&disk, target).unwrap()), [path], "{target:?}");
		}
		assert!(matches!(scan(&dir.path().join("none"), ""), Err(PutError::Source { .. })));
	}

	#[test]
	fn names_that_no_deal_takes_are_refused() {
		let dir = tempfile::tempdir().unwrap();
		let disk = dir.path().join("back\\slash");
		fs::write(&disk, b"x").unwrap();
		let refused = |target: &str| match scan(&disk, target) {
			Err(PutError::Path { source, .. }) => source,
			other => panic!("{target:?}: {other:?}"),
		};
		assert!(matches!(refused(""), PathError::Character { character: '\\', .. }));
		assert!(matches!(refused("a/../b"), PathError::Dots(_)));
		assert!(matches!(refused("a//b"), PathError::EmptyComponent(_)));
		assert!(matches!(refused("a\0b"), PathError::Character { character: '\0', .. }));
		assert_eq!(refused(&"a".repeat(1025)), PathError::TooLong(1025));
	}
}
