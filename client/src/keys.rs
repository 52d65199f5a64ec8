//! Keys on disk and the signer that they make.
//!
//! A key file is text: lines that start with `#` say what it is, the one other line is a *secret URI* (a mnemonic
//! phrase, `0x` and a 32-byte seed, with derivation such as `//Alice` where wanted). It is created with mode 0600 and
//! refused when others could read it.

use crate::account::AccountId;
use std::{
	fmt, fs,
	io::{self, Read, Write},
	os::unix::fs::{OpenOptionsExt, PermissionsExt},
	path::{Path, PathBuf},
	str::FromStr,
};
use subxt_signer::{SecretUri, sr25519};
use zeroize::Zeroizing;

/// The largest key file that is read.
const MAX_KEY_FILE: u64 = 64 * 1024;

/// Why a key cannot be used. No variant carries secret text.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
	/// The text is not a secret URI.
	#[error("not a secret key: {reason} (expected a phrase, 0x and 64 hex digits, or //Name)")]
	Syntax {
		/// What is wrong with it, without the text itself.
		reason: String,
	},
	/// The file cannot be read or written.
	#[error("key file {}: {source}", path.display())]
	Io {
		/// The file.
		path: PathBuf,
		/// The cause.
		source: io::Error,
	},
	/// Others may read the file.
	#[error("key file {} has mode {mode:04o}: must be 0600 (chmod 600 it)", path.display())]
	Permissions {
		/// The file.
		path: PathBuf,
		/// Its mode.
		mode: u32,
	},
	/// The file exists already.
	#[error("key file {} exists: not overwritten", path.display())]
	Exists {
		/// The file.
		path: PathBuf,
	},
	/// The file holds no key, or several.
	#[error("key file {} holds {found} keys: must be 1", path.display())]
	Count {
		/// The file.
		path: PathBuf,
		/// Lines that are not comments.
		found: usize,
	},
}

/// An sr25519 key pair that signs transactions, upload tokens or receipts.
#[derive(Clone)]
pub struct Signer {
	pair: sr25519::Keypair,
}

impl Signer {
	/// From a secret URI: a phrase, `0x` and a seed, with `//hard` and `/soft` junctions; `//Alice` alone derives from
	/// the well-known development phrase.
	pub fn from_uri(uri: &str) -> Result<Self, KeyError> {
		let syntax = |reason: &str| KeyError::Syntax { reason: reason.to_owned() };
		let uri = uri.trim();
		if uri.is_empty() {
			// To subxt nothing at all means the well-known development phrase.
			return Err(syntax("it is empty"));
		}
		let uri = SecretUri::from_str(uri).map_err(|_| syntax("not a secret URI"))?;
		let pair = sr25519::Keypair::from_uri(&uri)
			.map_err(|_| syntax("neither a known phrase nor a 32-byte seed"))?;
		Ok(Self { pair })
	}

	/// From a 32-byte seed.
	pub fn from_seed(seed: [u8; 32]) -> Result<Self, KeyError> {
		let pair = sr25519::Keypair::from_secret_key(seed)
			.map_err(|_| KeyError::Syntax { reason: "the seed is refused".to_owned() })?;
		Ok(Self { pair })
	}

	/// From a key file made by [`create_key_file`].
	pub fn from_file(path: &Path) -> Result<Self, KeyError> {
		let text = read_secret(path)?;
		let mut lines = secret_lines(&text);
		match (lines.next(), lines.count()) {
			(Some(uri), 0) => Self::from_uri(uri),
			(first, rest) => Err(KeyError::Count {
				path: path.to_owned(),
				found: usize::from(first.is_some()).saturating_add(rest),
			}),
		}
	}

	/// The account that the key controls.
	pub fn account_id(&self) -> AccountId {
		AccountId(self.pair.public_key().0)
	}

	/// The public key's bytes.
	pub fn public_key(&self) -> [u8; 32] {
		self.pair.public_key().0
	}

	/// Signs `message` in the context `substrate`, as sr25519 signatures on these chains are.
	pub fn sign(&self, message: &[u8]) -> [u8; 64] {
		self.pair.sign(message).0
	}

	/// The pair, for subxt.
	pub fn pair(&self) -> &sr25519::Keypair {
		&self.pair
	}
}

impl fmt::Debug for Signer {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		f.debug_tuple("Signer").field(&self.account_id()).finish()
	}
}

/// Whether `signature` is `public_key`'s over `message`.
pub fn verify_signature(public_key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
	sr25519::verify(&sr25519::Signature(*signature), message, &sr25519::PublicKey(*public_key))
}

/// Makes a new random key, writes it to `path` (mode 0600, fsynced, never over an existing file) and returns it.
/// `comment` becomes lines of `#` text above the key.
pub fn create_key_file(path: &Path, comment: &str) -> Result<Signer, KeyError> {
	let seed = Zeroizing::new(rand::random::<[u8; 32]>());
	let signer = Signer::from_seed(*seed)?;
	let mut text = Zeroizing::new(String::new());
	for line in comment.lines() {
		text.push_str(&format!("# {line}\n"));
	}
	text.push_str(&format!("# account: {}\n", signer.account_id()));
	text.push_str(&Zeroizing::new(format!("0x{}\n", hex::encode(*seed))));
	write_secret(path, text.as_bytes())?;
	Ok(signer)
}

/// Writes `contents` to a new file that its owner alone can read.
pub fn write_secret(path: &Path, contents: &[u8]) -> Result<(), KeyError> {
	let error = |source: io::Error| match source.kind() {
		io::ErrorKind::AlreadyExists => KeyError::Exists { path: path.to_owned() },
		_ => KeyError::Io { path: path.to_owned(), source },
	};
	if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
		fs::create_dir_all(parent).map_err(error)?;
	}
	let mut file = fs::OpenOptions::new()
		.write(true)
		.create_new(true)
		.mode(0o600)
		.open(path)
		.map_err(error)?;
	let written = file.write_all(contents).and_then(|()| file.sync_all());
	if let Err(source) = written {
		// A half-written key must not be taken for a key later.
		let _ = fs::remove_file(path);
		return Err(error(source));
	}
	Ok(())
}

/// Reads a small file that nobody but its owner can read.
pub fn read_secret(path: &Path) -> Result<Zeroizing<String>, KeyError> {
	let error = |source| KeyError::Io { path: path.to_owned(), source };
	let file = fs::File::open(path).map_err(error)?;
	let mode = file.metadata().map_err(error)?.permissions().mode() & 0o7777;
	if mode & 0o077 != 0 {
		return Err(KeyError::Permissions { path: path.to_owned(), mode });
	}
	let mut text = Zeroizing::new(String::new());
	file.take(MAX_KEY_FILE).read_to_string(&mut text).map_err(error)?;
	Ok(text)
}

/// The lines of a secret file that are neither empty nor comments.
pub(crate) fn secret_lines(text: &str) -> impl Iterator<Item = &str> {
	text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_key_file_brings_the_same_key_back_and_is_private() {
		let dir = tempfile::tempdir().unwrap();
		let path = dir.path().join("a/b/key");
		let signer = create_key_file(&path, "a key\nof two lines").unwrap();
		assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
		assert_eq!(Signer::from_file(&path).unwrap().account_id(), signer.account_id());
		assert!(matches!(create_key_file(&path, ""), Err(KeyError::Exists { .. })));

		fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
		assert!(matches!(Signer::from_file(&path), Err(KeyError::Permissions { mode: 0o640, .. })));
	}

	#[test]
	fn files_without_exactly_one_key_are_refused() {
		let dir = tempfile::tempdir().unwrap();
		for (name, text, expected) in [("none", "# nothing\n", 0), ("two", "//Alice\n//Bob\n", 2)] {
			let path = dir.path().join(name);
			write_secret(&path, text.as_bytes()).unwrap();
			match Signer::from_file(&path) {
				Err(KeyError::Count { found, .. }) => assert_eq!(found, expected),
				other => panic!("{other:?}"),
			}
		}
	}

	#[test]
	fn the_development_account_is_the_known_one() {
		let alice = Signer::from_uri("//Alice").unwrap();
		assert_eq!(
			alice.account_id().to_string(),
			"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
		);
		let signature = alice.sign(b"message");
		assert!(verify_signature(&alice.public_key(), b"message", &signature));
		assert!(!verify_signature(&alice.public_key(), b"massage", &signature));
		assert!(!format!("{alice:?}").contains("secret"));
		for text in ["", "0x12", "one two three"] {
			assert!(matches!(Signer::from_uri(text), Err(KeyError::Syntax { .. })), "{text:?}");
		}
	}
}
