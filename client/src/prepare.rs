//! A put without a network: everything that one would make, on disk.
//!
//! What a commit is depends on the deal that it is made for: on its generation and its MDUs, and, since an index names
//! every file of its deal, on the deal's present index. All three are given by whoever can see the chain.
//!
//! An index that is not the deal's present one would make files vanish. So a saved index says of what it is, and is held
//! against what is said of the deal. Whether that is true of the deal the chain alone knows, and checks.

use crate::{
	chain::{Call, CommitContent},
	crypt::{CryptError, Identities, MAGIC, Seal, Sealing},
	fs::DealFs,
	progress::{Event, Progress},
	put::{Base, Feed, Plan, PutError, Scan, blocking, check_index, scan},
};
use codec::{Decode, Encode};
use nil_kzg::Engines;
use nil_slab::{
	EncodedMdu, Extent, Index, IndexFile, MduEncoder, encode::EncodeError, manifest,
	witness::WitnessError,
};
use nil_types::{
	DealId, Generation, MduIndex, Profile,
	deal::SerdeBytes,
	layout::{BLOBS_PER_MDU, MAX_MDUS, MAX_ROOTS, MDU_PAYLOAD},
	messages::roots_hash,
};
use serde::Serialize;
use std::{
	fs, io,
	path::{Path, PathBuf},
	sync::Arc,
};

/// How to prepare.
#[derive(Clone, Debug)]
pub struct PrepareOptions {
	/// How to stripe.
	pub profile: Profile,
	/// Whether and to whom to encrypt.
	pub sealing: Sealing,
	/// Place in the deal: as for a put.
	pub target: String,
	/// The deal that the call is for.
	pub deal: DealId,
	/// The generation to build on; 0 for an empty deal.
	pub base_gen: Generation,
	/// MDUs that the deal has already; 0 for an empty deal.
	pub first_mdu: u64,
	/// The deal's present index, see [`Parent::read`]; `None` for an empty deal.
	pub parent: Option<Parent>,
	/// Who is told.
	pub progress: Progress,
}

impl PrepareOptions {
	/// For an empty deal.
	pub fn new(profile: Profile, sealing: Sealing) -> Self {
		Self {
			profile,
			sealing,
			target: String::new(),
			deal: 0,
			base_gen: 0,
			first_mdu: 0,
			parent: None,
			progress: Progress::none(),
		}
	}

	/// Whether there can be such a deal.
	fn check_base(&self) -> Result<(), PutError> {
		let Self { base_gen, first_mdu, .. } = *self;
		let refuse = |reason: String| Err(PutError::Base { reason });
		if base_gen == 0 && first_mdu > 0 {
			return refuse(format!(
				"a deal at generation 0 is empty: its first MDU must be 0, not {first_mdu}"
			));
		}
		// Every commit has brought 1 to 1,024 MDUs.
		let most = u64::from(base_gen).saturating_mul(MAX_ROOTS.into()).min(MAX_MDUS);
		if !(u64::from(base_gen)..=most).contains(&first_mdu) {
			return refuse(format!(
				"a deal at generation {base_gen} has {base_gen} to {most} MDUs, one to {MAX_ROOTS} for each commit: \
				 the first MDU must be their number, not {first_mdu}"
			));
		}
		if base_gen == Generation::MAX {
			return refuse(format!("no generation follows {base_gen}"));
		}
		match &self.parent {
			None if base_gen > 0 => refuse(format!(
				"generation {base_gen} has an index, and the next one must name its files too: without the parent index \
				 they would be removed"
			)),
			Some(_) if base_gen == 0 => {
				refuse("a deal at generation 0 has no index to build on".to_owned())
			},
			Some(Parent { index, at }) => {
				if let Some(at) = at {
					self.check_parent(at)?;
				}
				let end = first_mdu.saturating_mul(MDU_PAYLOAD as u64);
				let outside = index.iter().find(|(_, entry)| {
					entry.extents.iter().map(Extent::range).any(|at| at.end > end)
				});
				match outside {
					Some((path, _)) => refuse(format!(
						"the parent index has {:?} beyond the first {first_mdu} MDUs: it is of a later generation",
						path.as_str()
					)),
					None => Ok(()),
				}
			},
			None => Ok(()),
		}
	}

	/// Whether a parent index of this moment is that of the deal as it is said to be.
	fn check_parent(&self, at: &IndexedAt) -> Result<(), PutError> {
		let Self { deal, base_gen, first_mdu, .. } = *self;
		let reason = if at.deal != deal {
			format!("the parent index is of deal {}, and this is for deal {deal}", at.deal)
		} else if (at.generation, at.total_mdus) != (base_gen, first_mdu) {
			format!(
				"the parent index is of generation {} with {} MDUs, and this is for generation {base_gen} with {first_mdu}: \
				 the files in which they differ would be lost",
				at.generation, at.total_mdus
			)
		} else {
			return Ok(());
		};
		Err(PutError::Base { reason })
	}
}

/// What a saved index begins with. Of those that are stored, sealed ones begin like any age file, others with a version.
const SAVED: &[u8] = b"nil/saved-index/v1";

/// When an index was a deal's present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct IndexedAt {
	/// The deal.
	pub deal: DealId,
	/// Its generation.
	pub generation: Generation,
	/// How many MDUs it had.
	pub total_mdus: u64,
}

/// An index that names every file of a deal, for the next commit to build on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
	/// The files.
	pub index: Index,
	/// Of which deal they are, and when; not known of an index as it is stored.
	pub at: Option<IndexedAt>,
}

impl Parent {
	/// What a reader of `deal` sees.
	pub fn of(deal: DealId, fs: &DealFs) -> Self {
		let (generation, total_mdus) = (fs.generation(), fs.total_mdus());
		let at = Some(IndexedAt { deal, generation, total_mdus });
		Self { index: fs.index().clone(), at }
	}

	/// As a file, in clear: a tag, deal, generation and MDUs in SCALE, and the index.
	pub fn save(&self) -> Vec<u8> {
		let mut bytes = Vec::new();
		if let Some(at) = &self.at {
			bytes.extend(SAVED);
			at.encode_to(&mut bytes);
		}
		bytes.extend(IndexFile::Full(self.index.clone()).encode());
		bytes
	}

	/// Reads what [`Parent::save`] (`nil ls --save-index`) writes, or an index as stored, when one of `identities` opens it.
	/// A delta alone does not say what it builds on and is refused.
	pub fn read(bytes: &[u8], identities: &Identities) -> Result<Self, PutError> {
		let opened;
		let mut at = None;
		let plain: &[u8] = if bytes.starts_with(MAGIC) {
			let seal = Seal::open(bytes, identities)?.ok_or_else(|| CryptError::Header {
				reason: "the index ends within its header".to_owned(),
			})?;
			opened = seal.open_all(bytes)?;
			&opened
		} else if let Some(mut rest) = bytes.strip_prefix(SAVED) {
			at = Some(IndexedAt::decode(&mut rest).map_err(|_| PutError::Base {
				reason: "the saved index ends before it says of what it is".to_owned(),
			})?);
			rest
		} else {
			bytes
		};
		match IndexFile::decode(plain)? {
			IndexFile::Full(index) => Ok(Self { index, at }),
			IndexFile::Delta(_) => Err(PutError::Base {
				reason: "the parent index is a delta: the deal's whole index is needed".to_owned(),
			}),
		}
	}
}

/// What was prepared; also written to `prepared.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Prepared {
	/// The directory.
	pub directory: PathBuf,
	/// The deal that the call is for.
	pub deal: DealId,
	/// The generation that it builds on. Receipts are signed for the one after it.
	pub base_gen: Generation,
	/// MDUs of the deal before it: the place of the first prepared one.
	pub first_mdu: MduIndex,
	/// How it is striped.
	pub profile: Profile,
	/// Files.
	pub files: u64,
	/// Bytes of their content.
	pub bytes: u64,
	/// Payload bytes, index included.
	pub size_bytes: u64,
	/// Length of the index.
	pub index_len: u32,
	/// `H` of the index as stored.
	pub index_root: SerdeBytes<32>,
	/// `H` of the roots.
	pub roots_hash: SerdeBytes<32>,
	/// The MDU roots.
	pub roots: Vec<SerdeBytes<32>>,
	/// The manifest points, compressed, of a deal whose only MDUs these are; none when the deal has others already.
	pub manifests: Vec<SerdeBytes<48>>,
	/// SCALE bytes of `Deals.commit_content` with no receipts, in hex.
	pub call: String,
	/// Links and other special files that were left out.
	pub skipped: Vec<String>,
}

/// Prepares `source` into the new or empty directory `output`.
///
/// ```text
/// prepared.json             all of the above
/// index                     the index as stored
/// roots                     32 bytes per MDU
/// call.scale                the call
/// witnesses/<mdu>.scale     the witness of each MDU
/// slots/<slot>/<mdu>.blobs  the live blobs of each slot, 131,072 bytes each
/// ```
pub async fn prepare(
	source: &Path,
	output: &Path,
	options: PrepareOptions,
) -> Result<Prepared, PutError> {
	let (source, output) = (source.to_owned(), output.to_owned());
	blocking(move || run(&source, &output, &options)).await?
}

fn run(source: &Path, output: &Path, options: &PrepareOptions) -> Result<Prepared, PutError> {
	options
		.profile
		.validate()
		.map_err(|error| EncodeError::Witness(WitnessError::Profile(error)))?;
	options.check_base()?;
	let Scan { files, skipped } = scan(source, &options.target)?;
	for skipped in &skipped {
		options.progress.warn(format!("{}: not a file, left out", skipped.display()));
	}
	let plan = Arc::new(Plan::new(&files, Vec::new(), MAX_ROOTS.into(), &options.sealing)?);
	let needed = plan.stored_len().div_ceil(MDU_PAYLOAD as u64);
	if plan.commits() > 1 {
		return Err(PutError::DealFull { needed, allowed: MAX_ROOTS.into() });
	}
	let total = options.first_mdu.saturating_add(needed);
	if total > MAX_MDUS {
		return Err(PutError::DealFull { needed: total, allowed: MAX_MDUS });
	}
	if options.parent.as_ref().is_some_and(|parent| parent.at.is_none()) {
		options.progress.warn(format!(
			"the parent index does not say when it was the deal's: unless it is that of generation {}, files are lost",
			options.base_gen
		));
	}
	let index = options.parent.as_ref().map(|parent| parent.index.clone());
	let base = index.map_or(Base::Empty, Base::full_upon);
	check_index(&plan, &base)?;
	let (bytes, count) = (plan.stored_len(), files.len() as u64);
	options.progress.emit(Event::Total { bytes, files: count });

	let folder = Folder::create(output, &options.profile)?;
	let blobs = needed.saturating_mul(BLOBS_PER_MDU as u64);
	let engine = Engines::choose(usize::try_from(blobs).unwrap_or(usize::MAX));
	let encoder = MduEncoder::new(options.profile, engine)?;
	let mut roots = Vec::new();
	let mut feed = Feed::new(plan.clone(), Arc::default(), base);
	let tail = feed.commit(0, options.first_mdu, &mut |place, payload| {
		let mdu = options.first_mdu.saturating_add(place);
		let encoded = encoder.encode(&payload)?;
		folder.keep(mdu, &encoded)?;
		roots.push(encoded.root);
		options.progress.emit(Event::Advanced { bytes: payload.len() as u64 });
		Ok(())
	})?;
	if roots.len() > MAX_ROOTS as usize {
		let needed = roots.len() as u64;
		return Err(PutError::DealFull { needed, allowed: MAX_ROOTS.into() });
	}
	folder.write("index", &tail.index)?;
	folder.write("roots", roots.as_flattened())?;
	let commit = CommitContent {
		deal: options.deal,
		base_gen: options.base_gen,
		roots: roots.clone(),
		index_root: tail.index_root,
		size_bytes: tail.size_bytes,
		index_len: u32::try_from(tail.index.len()).unwrap_or(u32::MAX),
		receipts: Vec::new(),
	};
	let call = Call::commit_content(&commit);
	folder.write("call.scale", call.bytes())?;
	let manifests = if options.first_mdu == 0 {
		manifest::points(&roots)
			.and_then(|points| points.iter().map(manifest::compress).collect())
			.map_err(|error| PutError::Internal { reason: error.to_string() })?
	} else {
		Vec::new()
	};
	let prepared = Prepared {
		directory: output.to_owned(),
		deal: options.deal,
		base_gen: options.base_gen,
		first_mdu: options.first_mdu,
		profile: options.profile,
		files: count,
		bytes: plan.content_len(),
		size_bytes: tail.size_bytes,
		index_len: commit.index_len,
		index_root: SerdeBytes(tail.index_root),
		roots_hash: SerdeBytes(roots_hash(&roots)),
		roots: roots.into_iter().map(SerdeBytes).collect(),
		manifests: manifests.into_iter().map(SerdeBytes).collect(),
		call: format!("0x{}", hex::encode(call.bytes())),
		skipped: skipped.iter().map(|path| path.display().to_string()).collect(),
	};
	let json = serde_json::to_vec_pretty(&prepared)
		.map_err(|error| PutError::Internal { reason: error.to_string() })?;
	folder.write("prepared.json", &json)?;
	Ok(prepared)
}

/// The directory that is written to.
struct Folder<'a>(&'a Path);

impl<'a> Folder<'a> {
	/// Makes it, or takes an empty one.
	fn create(path: &'a Path, profile: &Profile) -> Result<Self, PutError> {
		let failed = |source| PutError::Output { path: path.to_owned(), source };
		fs::create_dir_all(path).map_err(failed)?;
		if fs::read_dir(path).map_err(failed)?.next().is_some() {
			return Err(failed(io::Error::new(
				io::ErrorKind::DirectoryNotEmpty,
				"the directory is not empty",
			)));
		}
		let folder = Self(path);
		folder.directory("witnesses")?;
		for slot in 0..profile.n() {
			folder.directory(&format!("slots/{slot}"))?;
		}
		Ok(folder)
	}

	fn directory(&self, name: &str) -> Result<(), PutError> {
		let path = self.0.join(name);
		fs::create_dir_all(&path).map_err(|source| PutError::Output { path, source })
	}

	fn write(&self, name: &str, bytes: &[u8]) -> Result<(), PutError> {
		let path = self.0.join(name);
		fs::write(&path, bytes).map_err(|source| PutError::Output { path, source })
	}

	fn keep(&self, mdu: MduIndex, encoded: &EncodedMdu) -> Result<(), PutError> {
		self.write(&format!("witnesses/{mdu}.scale"), &encoded.witness.encode())?;
		for (slot, shard) in encoded.shards.iter().enumerate() {
			self.write(&format!("slots/{slot}/{mdu}.blobs"), shard)?;
		}
		Ok(())
	}
}
