//! Finds the sources of dependencies.

use std::{path::PathBuf, process::Command, sync::LazyLock};

/// The directory of a dependency's sources, as cargo unpacked them. Their test data is used from there.
pub fn sources_of(package: &str) -> PathBuf {
	static METADATA: LazyLock<serde_json::Value> = LazyLock::new(|| {
		let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
		let output = Command::new(cargo)
			.args(["metadata", "--offline", "--format-version", "1", "--manifest-path"])
			.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
			.output()
			.expect("cargo runs");
		assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
		serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
	});
	let manifest = METADATA["packages"]
		.as_array()
		.expect("a list of packages")
		.iter()
		.find(|entry| entry["name"] == package)
		.unwrap_or_else(|| panic!("{package} is not among the dependencies"))["manifest_path"]
		.as_str()
		.expect("a path");
	PathBuf::from(manifest).parent().expect("a directory").to_owned()
}
