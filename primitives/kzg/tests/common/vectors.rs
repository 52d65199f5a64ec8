//! Reads the consensus specification's vectors for EIP-4844.
//!
//! They are in the sources of the crate kzg-rs; none of its code is used.
#![allow(dead_code, reason = "no test uses all of it")]

#[path = "sources.rs"]
mod sources;

use nil_kzg::{Opening, PointRef};
use sources::sources_of;
use std::{collections::HashMap, fs};

/// One `data.yaml`: the quoted values under each key, and the expected output.
pub struct Case {
	/// Its folder.
	pub name: String,
	values: HashMap<String, Vec<String>>,
	/// `None` where the input is invalid.
	pub output: Option<bool>,
}

impl Case {
	/// All values under `key`.
	pub fn bytes(&self, key: &str) -> Vec<Vec<u8>> {
		let values = self.values.get(key).map(Vec::as_slice).unwrap_or_default();
		values
			.iter()
			.map(|text| {
				let digits = text.strip_prefix("0x").expect("values begin with 0x");
				hex::decode(digits).expect("values are hexadecimal")
			})
			.collect()
	}

	/// The only value under `key`, when it has the right length.
	pub fn array<const N: usize>(&self, key: &str) -> Option<[u8; N]> {
		let [value] = &self.bytes(key)[..] else { panic!("{}: one {key} expected", self.name) };
		value.as_slice().try_into().ok()
	}
}

/// The cases of one kind; the files use a small part of YAML: keys, quoted strings, lists, braces.
pub fn cases(kind: &str) -> Vec<Case> {
	let dir = sources_of("kzg-rs").join("tests").join(kind);
	let list = fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
	list.map(|entry| {
		let path = entry.expect("a directory entry").path();
		let text = fs::read_to_string(path.join("data.yaml")).expect("a case has data.yaml");
		let mut values: HashMap<String, Vec<String>> = HashMap::new();
		let mut key = String::new();
		let mut output = None;
		let mut rest = text.as_str();
		while let Some(at) = rest.find([':', '\'']) {
			if rest[at..].starts_with('\'') {
				let (value, after) = rest[at + 1..].split_once('\'').expect("closed quotes");
				values.entry(key.clone()).or_default().push(value.to_owned());
				rest = after;
			} else {
				let start = rest[..at].rfind(|c: char| !c.is_alphanumeric() && c != '_');
				rest[start.map_or(0, |i| i + 1)..at].clone_into(&mut key);
				rest = &rest[at + 1..];
				if key == "output" {
					output = Some(match rest.trim() {
						"true" => Some(true),
						"false" => Some(false),
						"null" => None,
						other => panic!("{}: output {other}", path.display()),
					});
				}
			}
		}
		let name = path.file_name().expect("a name").to_string_lossy().into_owned();
		Case { output: output.unwrap_or_else(|| panic!("{name} has no output")), name, values }
	})
	.collect()
}

/// The opening that a case of `verify_kzg_proof` claims; `None` where a length is wrong.
pub fn opening(case: &Case) -> Option<Opening> {
	Some(Opening {
		point: PointRef::Compressed(case.array("commitment")?),
		z: case.array("z")?,
		y: case.array("y")?,
		proof: case.array("proof")?,
	})
}
