//! Encryption of files and indexes: the `age` format (age-encryption.org/v1) with X25519 recipients.
//!
//! Headers are written and opened by the `age` crate. The payload, `age`'s STREAM of ChaCha20-Poly1305 chunks of 64 KiB,
//! is done here, for two things that the crate's readers and writers cannot do: a put that was interrupted must make the
//! very same bytes again (its header and payload key are kept until it is done), and a range of a file must be readable
//! without the rest. Tests hold both directions against the crate.

use crate::keys::{self, KeyError};
use age::{secrecy::ExposeSecret, x25519};
use age_core::{
	format::{FILE_KEY_BYTES, FileKey, Stanza},
	primitives::hkdf,
};
use chacha20poly1305::{
	ChaCha20Poly1305, KeyInit,
	aead::{Aead, AeadInPlace},
};
use codec::{Decode, Encode};
use nil_slab::Encryption;
use std::{
	cell::RefCell,
	collections::HashSet,
	fmt, io, iter,
	path::{Path, PathBuf},
	str::FromStr,
};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Plaintext bytes of a chunk.
pub const CHUNK: usize = 64 * 1024;
/// Bytes that each chunk grows by.
pub const TAG: usize = 16;
/// The first bytes of every `age` file.
pub const MAGIC: &[u8] = b"age-encryption.org/v1\n";
/// The longest header that is read: room for some thousand recipients.
pub const MAX_HEADER: usize = 1024 * 1024;

const NONCE_BYTES: usize = 16;
const PAYLOAD_LABEL: &[u8] = b"payload";

/// Why something cannot be encrypted, decrypted or read as a key.
#[derive(Debug, thiserror::Error)]
pub enum CryptError {
	/// A recipient's text is none.
	#[error("recipient {text:?}: {reason} (expected age1...)")]
	Recipient {
		/// The text.
		text: String,
		/// What is wrong.
		reason: String,
	},
	/// An identity file holds something else than identities.
	#[error("identity file {}: line {line} is no AGE-SECRET-KEY-1", path.display())]
	Identity {
		/// The file.
		path: PathBuf,
		/// The line among those that are neither empty nor comments, counted from 1.
		line: usize,
	},
	/// An identity file cannot be read or written.
	#[error(transparent)]
	Key(#[from] KeyError),
	/// Nobody to encrypt to.
	#[error("no recipient to encrypt to")]
	NoRecipient,
	/// The header is none that this software reads.
	#[error("not an age file: {reason}")]
	Header {
		/// What is wrong.
		reason: String,
	},
	/// No identity was given that opens the file.
	#[error("none of the {identities} identities given opens this")]
	NoMatchingIdentity {
		/// How many were tried.
		identities: usize,
	},
	/// A chunk was changed, cut or moved.
	#[error("chunk {chunk} is not what was encrypted")]
	Chunk {
		/// The chunk.
		chunk: u64,
	},
	/// The operating system gave no randomness, or memory ran out.
	#[error("encryption failed: {reason}")]
	Failed {
		/// What happened.
		reason: String,
	},
}

/// Keys that open what was encrypted to them.
#[derive(Clone, Default)]
pub struct Identities(Vec<x25519::Identity>);

impl Identities {
	/// No keys: only what is plain can be read.
	pub fn none() -> Self {
		Self::default()
	}

	/// Makes a new one.
	pub fn generate() -> Self {
		Self(vec![x25519::Identity::generate()])
	}

	/// Reads an identity file, as `age-keygen` and [`create_identity_file`] write it.
	pub fn from_file(path: &Path) -> Result<Self, CryptError> {
		let text = keys::read_secret(path)?;
		let identities = (1..)
			.zip(keys::secret_lines(&text))
			.map(|(line, key)| {
				x25519::Identity::from_str(key)
					.map_err(|_| CryptError::Identity { path: path.to_owned(), line })
			})
			.collect::<Result<Vec<_>, _>>()?;
		if identities.is_empty() {
			return Err(CryptError::Identity { path: path.to_owned(), line: 1 });
		}
		Ok(Self(identities))
	}

	/// These and `others`.
	pub fn and(mut self, others: Self) -> Self {
		self.0.extend(others.0);
		self
	}

	/// Whether there are none.
	pub fn is_empty(&self) -> bool {
		self.0.is_empty()
	}

	/// Whom to encrypt to, so that these open it.
	pub fn recipients(&self) -> Recipients {
		Recipients(self.0.iter().map(x25519::Identity::to_public).collect())
	}
}

impl fmt::Debug for Identities {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.debug_tuple("Identities").field(&self.recipients()).finish()
	}
}

/// Makes a new identity and writes it to `path` (mode 0600, never over an existing file).
pub fn create_identity_file(path: &Path) -> Result<Identities, CryptError> {
	let identities = Identities::generate();
	for identity in &identities.0 {
		let secret = identity.to_string();
		let text = Zeroizing::new(format!(
			"# age identity; whoever has it reads what was encrypted to it\n# public key: {}\n{}\n",
			identity.to_public(),
			secret.expose_secret()
		));
		keys::write_secret(path, text.as_bytes())?;
	}
	Ok(identities)
}

/// Whom to encrypt to.
#[derive(Clone, Debug, Default)]
pub struct Recipients(Vec<x25519::Recipient>);

impl Recipients {
	/// Reads recipients such as `age1ql3z...`.
	pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, CryptError> {
		texts
			.into_iter()
			.map(|text| {
				let text = text.as_ref().trim();
				x25519::Recipient::from_str(text).map_err(|reason| CryptError::Recipient {
					text: text.to_owned(),
					reason: reason.to_owned(),
				})
			})
			.collect::<Result<_, _>>()
			.map(Self)
	}

	/// These and `others`.
	pub fn and(mut self, others: Self) -> Self {
		self.0.extend(others.0);
		self
	}

	/// Whether there are none.
	pub fn is_empty(&self) -> bool {
		self.0.is_empty()
	}

	/// Their texts.
	pub fn texts(&self) -> Vec<String> {
		self.0.iter().map(ToString::to_string).collect()
	}
}

/// How a put stores files and indexes.
#[derive(Clone, Debug)]
pub enum Sealing {
	/// As they are: anybody can read them.
	Plain,
	/// Encrypted to these recipients.
	To(Recipients),
}

impl Sealing {
	/// The kind, as entries of an index record it.
	pub const fn kind(&self) -> Encryption {
		match self {
			Self::Plain => Encryption::Plain,
			Self::To(_) => Encryption::Age,
		}
	}

	/// What one file or index is sealed with; `None` when it stays plain.
	pub fn seal(&self) -> Result<Option<Seal>, CryptError> {
		match self {
			Self::Plain => Ok(None),
			Self::To(recipients) => Seal::new(recipients).map(Some),
		}
	}
}

/// An `age` file's header and payload key: from them and the plaintext follow all its bytes.
#[derive(Clone, PartialEq, Eq, Encode, Decode, Zeroize, ZeroizeOnDrop)]
pub struct Seal {
	header: Vec<u8>,
	key: [u8; 32],
}

impl Seal {
	/// A fresh one for `recipients`.
	pub fn new(recipients: &Recipients) -> Result<Self, CryptError> {
		/// Passes the file key on and keeps it.
		struct Capture<'a>(&'a x25519::Recipient, &'a RefCell<Zeroizing<[u8; FILE_KEY_BYTES]>>);
		impl age::Recipient for Capture<'_> {
			fn wrap_file_key(
				&self,
				file_key: &FileKey,
			) -> Result<(Vec<Stanza>, HashSet<String>), age::EncryptError> {
				**self.1.borrow_mut() = *file_key.expose_secret();
				self.0.wrap_file_key(file_key)
			}
		}
		if recipients.is_empty() {
			return Err(CryptError::NoRecipient);
		}
		let failed = |reason: String| CryptError::Failed { reason };
		let file_key = RefCell::default();
		let captures: Vec<_> =
			recipients.0.iter().map(|recipient| Capture(recipient, &file_key)).collect();
		let encryptor = age::Encryptor::with_recipients(
			captures.iter().map(|capture| capture as &dyn age::Recipient),
		)
		.map_err(|error| failed(error.to_string()))?;
		let mut header = Vec::new();
		// Nothing is written through it, so no chunk follows the header.
		encryptor.wrap_output(&mut header).map_err(|error| failed(error.to_string()))?;
		let nonce = header.last_chunk::<NONCE_BYTES>().ok_or_else(|| failed("no nonce".into()))?;
		let key = hkdf(nonce, PAYLOAD_LABEL, &**file_key.borrow());
		Ok(Self { header, key })
	}

	/// Opens a header with one of `identities`. `bytes` are the file's first bytes; what follows the header is ignored.
	/// `None` when the header does not end within them.
	pub fn open(bytes: &[u8], identities: &Identities) -> Result<Option<Self>, CryptError> {
		/// Passes the file key on and keeps it.
		struct Capture<'a>(&'a x25519::Identity, &'a RefCell<Zeroizing<[u8; FILE_KEY_BYTES]>>);
		impl age::Identity for Capture<'_> {
			fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, age::DecryptError>> {
				let unwrapped = self.0.unwrap_stanza(stanza)?;
				Some(unwrapped.inspect(|file_key| {
					**self.1.borrow_mut() = *file_key.expose_secret();
				}))
			}
		}
		let known = bytes.len().min(MAGIC.len());
		if bytes[..known] != MAGIC[..known] {
			return Err(CryptError::Header { reason: "it begins with other bytes".to_owned() });
		}
		let mut rest = bytes;
		let decryptor = match age::Decryptor::new(&mut rest) {
			Ok(decryptor) => decryptor,
			Err(age::DecryptError::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
				return Ok(None);
			},
			Err(error) => return Err(CryptError::Header { reason: error.to_string() }),
		};
		let file_key = RefCell::default();
		let captures: Vec<_> =
			identities.0.iter().map(|identity| Capture(identity, &file_key)).collect();
		// The crate checks the header's MAC here.
		match decryptor.decrypt(captures.iter().map(|capture| capture as &dyn age::Identity)) {
			Ok(_) => {},
			Err(age::DecryptError::NoMatchingKeys) => {
				return Err(CryptError::NoMatchingIdentity { identities: identities.0.len() });
			},
			Err(error) => return Err(CryptError::Header { reason: error.to_string() }),
		}
		let header = bytes[..bytes.len().saturating_sub(rest.len())].to_vec();
		let nonce = header
			.last_chunk::<NONCE_BYTES>()
			.ok_or_else(|| CryptError::Header { reason: "it has no nonce".to_owned() })?;
		let key = hkdf(nonce, PAYLOAD_LABEL, &**file_key.borrow());
		Ok(Some(Self { header, key }))
	}

	/// The header with the payload's nonce: the first bytes of the file.
	pub fn header(&self) -> &[u8] {
		&self.header
	}

	/// Bytes of the whole file for `plain` bytes of content.
	pub fn stored_len(&self, plain: u64) -> u64 {
		let chunks = plain.div_ceil(CHUNK as u64).max(1);
		(self.header.len() as u64)
			.saturating_add(plain)
			.saturating_add(chunks.saturating_mul(TAG as u64))
	}

	/// Encrypts chunk `number` in place: `chunk` is its plaintext and grows by [`TAG`] bytes. `last` ends the file; every
	/// other chunk has [`CHUNK`] bytes.
	pub fn seal_chunk(
		&self,
		number: u64,
		last: bool,
		chunk: &mut Vec<u8>,
	) -> Result<(), CryptError> {
		self.cipher()
			.encrypt_in_place(&chunk_nonce(number, last).into(), b"", chunk)
			.map_err(|_| CryptError::Failed { reason: "a chunk is too long".to_owned() })
	}

	/// Decrypts chunk `number`.
	pub fn open_chunk(&self, number: u64, last: bool, chunk: &[u8]) -> Result<Vec<u8>, CryptError> {
		self.cipher()
			.decrypt(&chunk_nonce(number, last).into(), chunk)
			.map_err(|_| CryptError::Chunk { chunk: number })
	}

	/// A whole file from its content.
	pub fn seal_all(&self, plain: &[u8]) -> Result<Vec<u8>, CryptError> {
		let mut file = self.header.clone();
		let count = plain.len().div_ceil(CHUNK).max(1) as u64;
		let chunks =
			plain.chunks(CHUNK).chain(iter::repeat_n(&[][..], usize::from(plain.is_empty())));
		for (number, part) in (0..).zip(chunks) {
			let mut chunk = part.to_vec();
			self.seal_chunk(number, number.saturating_add(1) == count, &mut chunk)?;
			file.extend(chunk);
		}
		Ok(file)
	}

	/// The content of a whole file, which begins with this header.
	pub fn open_all(&self, file: &[u8]) -> Result<Vec<u8>, CryptError> {
		let mut opener = Opener::new(self.clone());
		let mut plain = Vec::with_capacity(file.len());
		opener.push(file, &mut plain)?;
		opener.finish(&mut plain)?;
		Ok(plain)
	}

	fn cipher(&self) -> ChaCha20Poly1305 {
		ChaCha20Poly1305::new(&self.key.into())
	}
}

impl fmt::Debug for Seal {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.debug_struct("Seal").field("header_len", &self.header.len()).finish_non_exhaustive()
	}
}

/// STREAM's nonce: a counter of 11 bytes, big-endian, and whether the chunk is the last.
fn chunk_nonce(number: u64, last: bool) -> [u8; 12] {
	let mut nonce = [0; 12];
	nonce[3..11].copy_from_slice(&number.to_be_bytes());
	nonce[11] = u8::from(last);
	nonce
}

/// Decrypts a file as its bytes arrive, from the header on.
#[derive(Debug)]
pub struct Opener {
	seal: Seal,
	/// Header bytes that have not come yet.
	header_left: usize,
	/// A chunk that is not complete, or complete but perhaps the last.
	pending: Vec<u8>,
	number: u64,
}

impl Opener {
	/// For the file whose header is in `seal`.
	pub fn new(seal: Seal) -> Self {
		let header_left = seal.header.len();
		Self { seal, header_left, pending: Vec::with_capacity(CHUNK + TAG), number: 0 }
	}

	/// Takes the file's next bytes and appends what they decrypt to.
	pub fn push(&mut self, mut bytes: &[u8], plain: &mut Vec<u8>) -> Result<(), CryptError> {
		let skipped = self.header_left.min(bytes.len());
		self.header_left -= skipped;
		bytes = &bytes[skipped..];
		while !bytes.is_empty() {
			if self.pending.len() == CHUNK + TAG {
				// More follows, so this one is not the last.
				self.flush(false, plain)?;
			}
			let taken = bytes.len().min(CHUNK + TAG - self.pending.len());
			self.pending.extend_from_slice(&bytes[..taken]);
			bytes = &bytes[taken..];
		}
		Ok(())
	}

	/// Decrypts the last chunk. A file that was cut at a chunk's border fails here.
	pub fn finish(mut self, plain: &mut Vec<u8>) -> Result<(), CryptError> {
		self.flush(true, plain)
	}

	fn flush(&mut self, last: bool, plain: &mut Vec<u8>) -> Result<(), CryptError> {
		let chunk = self.seal.open_chunk(self.number, last, &self.pending)?;
		// The format allows an empty last chunk for an empty file only.
		if last && chunk.is_empty() && self.number > 0 {
			return Err(CryptError::Chunk { chunk: self.number });
		}
		plain.extend(chunk);
		self.pending.clear();
		self.number = self.number.saturating_add(1);
		Ok(())
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;
	use std::io::{Read, Write};

	fn age_encrypt(recipients: &Recipients, plain: &[u8]) -> Vec<u8> {
		let encryptor = age::Encryptor::with_recipients(
			recipients.0.iter().map(|recipient| recipient as &dyn age::Recipient),
		)
		.unwrap();
		let mut file = Vec::new();
		let mut writer = encryptor.wrap_output(&mut file).unwrap();
		writer.write_all(plain).unwrap();
		writer.finish().unwrap();
		file
	}

	fn age_decrypt(identities: &Identities, file: &[u8]) -> Vec<u8> {
		let decryptor = age::Decryptor::new(file).unwrap();
		let identities = identities.0.iter().map(|identity| identity as &dyn age::Identity);
		let mut plain = Vec::new();
		decryptor.decrypt(identities).unwrap().read_to_end(&mut plain).unwrap();
		plain
	}

	fn bytes(len: usize) -> Vec<u8> {
		(0..len).map(|i| (i * 31 + i / 251) as u8).collect()
	}

	#[test]
	fn the_age_crate_reads_what_we_write_and_we_read_what_it_writes() {
		let alice = Identities::generate();
		let bob = Identities::generate();
		let both = alice.recipients().and(bob.recipients());
		for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7] {
			let plain = bytes(len);
			let seal = Seal::new(&both).unwrap();
			let file = seal.seal_all(&plain).unwrap();
			assert_eq!(file.len() as u64, seal.stored_len(len as u64));
			assert_eq!(file, seal.seal_all(&plain).unwrap(), "the same bytes again");
			for identities in [&alice, &bob] {
				assert!(age_decrypt(identities, &file) == plain, "{len}");
			}
			let theirs = age_encrypt(&both, &plain);
			let seal = Seal::open(&theirs, &bob).unwrap().unwrap();
			assert_eq!(theirs.len() as u64, seal.stored_len(len as u64));
			assert!(seal.open_all(&theirs).unwrap() == plain, "{len}");
		}
	}

	#[test]
	fn strangers_and_cut_or_changed_files_get_nothing() {
		let alice = Identities::generate();
		let plain = bytes(2 * CHUNK);
		let file = age_encrypt(&alice.recipients(), &plain);
		assert!(matches!(
			Seal::open(&file, &Identities::generate()),
			Err(CryptError::NoMatchingIdentity { identities: 1 })
		));
		assert!(matches!(Seal::open(b"plain text", &alice), Err(CryptError::Header { .. })));
		let seal = Seal::open(&file, &alice).unwrap().unwrap();
		let header = seal.header().len();
		for len in 0..header {
			assert!(matches!(Seal::open(&file[..len], &alice), Ok(None)), "{len}");
		}
		for cut in [header, header + 1, header + CHUNK + TAG, file.len() - 1] {
			assert!(seal.open_all(&file[..cut]).is_err(), "{cut}");
		}
		for place in [header, header + CHUNK + TAG, file.len() - 1] {
			let mut changed = file.clone();
			changed[place] ^= 1;
			assert!(matches!(seal.open_all(&changed), Err(CryptError::Chunk { .. })), "{place}");
		}
		let mut changed = file.clone();
		changed[header - NONCE_BYTES - 2] ^= 1;
		assert!(Seal::open(&changed, &alice).is_err(), "the header's MAC");
	}

	#[test]
	fn identity_files_are_private_and_bring_the_identity_back() {
		let dir = tempfile::tempdir().unwrap();
		let path = dir.path().join("identity.txt");
		let made = create_identity_file(&path).unwrap();
		let read = Identities::from_file(&path).unwrap();
		assert_eq!(read.recipients().texts(), made.recipients().texts());
		assert!(Recipients::parse(made.recipients().texts()).is_ok());
		assert!(matches!(
			create_identity_file(&path),
			Err(CryptError::Key(KeyError::Exists { .. }))
		));
		let other = dir.path().join("other");
		keys::write_secret(&other, b"# none\nAGE-SECRET-KEY-1NONSENSE\n").unwrap();
		assert!(matches!(Identities::from_file(&other), Err(CryptError::Identity { line: 1, .. })));
		assert!(matches!(Recipients::parse(["age1x"]), Err(CryptError::Recipient { .. })));
	}

	proptest! {
		#![proptest_config(ProptestConfig::with_cases(16))]
		#[test]
		fn arrival_in_pieces_does_not_matter(len in 0usize..3 * CHUNK, piece in 1usize..90_000) {
			let alice = Identities::generate();
			let plain = bytes(len);
			let file = age_encrypt(&alice.recipients(), &plain);
			let mut opener = Opener::new(Seal::open(&file, &alice).unwrap().unwrap());
			let mut read = Vec::new();
			for part in file.chunks(piece) {
				opener.push(part, &mut read).unwrap();
			}
			opener.finish(&mut read).unwrap();
			prop_assert!(read == plain);
		}
	}
}
