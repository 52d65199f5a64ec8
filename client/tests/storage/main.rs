//! Puts and gets against providers that keep shards in memory and a chain that keeps one deal.

#![expect(clippy::result_large_err, reason = "handlers refuse with axum's own response type")]

mod chain;
mod faults;
mod prepare;
mod provider;
mod resume;
mod roundtrip;

use chain::{DEAL, FakeChain};
use nil_client::{
	crypt::{Identities, Sealing},
	get::{ReadOptions, Reader},
	keys::Signer,
	put::{self, PutError, PutOptions, PutReport},
};
use nil_types::Profile;
use provider::{Gauge, Provider};
use std::{
	fs,
	path::{Path, PathBuf},
	sync::Arc,
	time::Duration,
};
use tempfile::TempDir;

/// A deal with a provider for each slot.
pub(crate) struct World {
	pub(crate) chain: Arc<FakeChain>,
	pub(crate) providers: Vec<Arc<Provider>>,
	pub(crate) gauge: Arc<Gauge>,
	pub(crate) reading: Arc<Gauge>,
	pub(crate) owner: Signer,
	pub(crate) identities: Identities,
	pub(crate) dir: TempDir,
}

impl World {
	pub(crate) async fn new(profile: Profile) -> Self {
		let owner = Signer::from_uri("//Alice").unwrap();
		let chain = Arc::new(FakeChain::new(owner.account_id(), profile));
		let (gauge, reading) = (Arc::new(Gauge::default()), Arc::new(Gauge::default()));
		let mut providers = Vec::new();
		for slot in 0..profile.n() {
			let gauges = (gauge.clone(), reading.clone());
			providers.push(Provider::start(slot, chain.clone(), gauges.0, gauges.1).await);
		}
		let dir = tempfile::tempdir().unwrap();
		let identities = Identities::generate();
		Self { chain, providers, gauge, reading, owner, identities, dir }
	}

	pub(crate) fn path(&self, name: &str) -> PathBuf {
		self.dir.path().join(name)
	}

	pub(crate) fn put_options(&self) -> PutOptions {
		let sealing = Sealing::To(self.identities.recipients());
		let mut options = PutOptions::new(sealing, self.identities.clone(), self.path("state"));
		options.slot_patience = Duration::from_millis(500);
		options
	}

	pub(crate) async fn put(&self, source: &Path, target: &str) -> Result<PutReport, PutError> {
		self.put_with(source, target, self.put_options()).await
	}

	pub(crate) async fn put_with(
		&self,
		source: &Path,
		target: &str,
		options: PutOptions,
	) -> Result<PutReport, PutError> {
		put::put(self.chain.clone(), &self.owner, DEAL, source, target, options).await
	}

	pub(crate) fn read_options(&self) -> ReadOptions {
		ReadOptions::new(self.identities.clone())
	}

	pub(crate) async fn reader(&self) -> Reader {
		Reader::open(self.chain.clone(), DEAL, self.read_options()).await.unwrap()
	}

	/// Reads everything back and holds it against `source`.
	pub(crate) async fn assert_same(&self, source: &Path, target: &str) {
		let out = tempfile::tempdir().unwrap();
		self.reader().await.get(target, out.path(), false).await.unwrap();
		assert_eq!(tree(source), tree(out.path()));
	}
}

/// Every file below `root`: path, content and modification time.
pub(crate) fn tree(root: &Path) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
	let mut files = Vec::new();
	let mut open = vec![root.to_owned()];
	while let Some(dir) = open.pop() {
		for entry in fs::read_dir(dir).unwrap() {
			let path = entry.unwrap().path();
			let metadata = path.symlink_metadata().unwrap();
			if metadata.is_dir() {
				open.push(path);
			} else if metadata.is_file() {
				let name = path.strip_prefix(root).unwrap().to_owned();
				files.push((name, fs::read(&path).unwrap(), metadata.modified().unwrap()));
			}
		}
	}
	files.sort();
	files
}

/// Bytes without a pattern that a code or a hash could hide in.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<u8> {
	let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
	(0..len)
		.map(|_| {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			(state >> 24) as u8
		})
		.collect()
}

/// A directory of many shapes: sizes around the borders of scalars, chunks and blobs, empty files, odd names.
pub(crate) fn shapes(root: &Path) {
	let sizes =
		[0, 1, 30, 31, 32, 65_535, 65_536, 65_537, 126_975, 126_976, 126_977, 300_000, 2_000_000];
	for (number, size) in sizes.into_iter().enumerate() {
		let dir = root.join(["", "a b", "ü/deep/er"][number % 3]);
		fs::create_dir_all(&dir).unwrap();
		fs::write(dir.join(format!("file {number} – {size}")), noise(size, number as u64)).unwrap();
	}
	fs::create_dir_all(root.join("nothing in here")).unwrap();
	std::os::unix::fs::symlink("elsewhere", root.join("link")).unwrap();
}
