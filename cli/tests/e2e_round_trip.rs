//! What users do: store a directory, lose four providers, read everything back; names, ranges, removal, encryption; and
//! what the commands say when asked for nonsense.

mod common;

use common::{Devnet, assert_same_tree, random_bytes, write};
use serde_json::Value;
use std::{
	fs,
	path::{Path, PathBuf},
	process::{Command, Stdio},
};

/// Milliseconds between blocks. Four providers are dead while much is read without them, and their slots are still needed
/// afterwards: a minute and a half is how long the chain waits then.
const BLOCK_MS: u64 = 800;
/// Bytes of a data blob's payload; sizes around it are where packing could go wrong.
const BLOB_PAYLOAD: usize = 126_976;

#[test]
fn a_directory_survives_the_loss_of_four_providers() {
	let mut devnet = Devnet::start_with_blocks(13, BLOCK_MS);
	let source = devnet.root.join("source");
	let files = make_tree(&source);
	let deal = devnet.deal("8+4", 256);

	let put = devnet.nil([Path::new("put"), &source, Path::new(&format!("{deal}:/tree"))]).ok();
	assert_eq!(put["files"], files.len());
	assert_eq!(put["generation"], 1);
	assert_eq!(put["commits"][0]["signed"], Value::from((0..12).collect::<Vec<_>>()));
	assert_eq!(put["commits"][0]["silent"], Value::Array(Vec::new()));
	// Programs, tables and buffers. It says little about memory and size, as the tree would fit in whole: that a few MDUs are
	// held at a time is for the tests of `nil-client`, which count them.
	let bound = 512 << 20;
	assert!(put["usage"]["peak_rss_bytes"].as_u64().unwrap() < bound, "{}", put["usage"]);

	names_are_listed(&devnet, deal, &files);
	parts_are_read(&devnet, deal, &source);
	let verified = devnet.nil(["verify", &deal.to_string()]).ok();
	assert_eq!((&verified["sound"], &verified["sound_slots"]), (&true.into(), &12.into()));

	// All four in data slots, so that every row has to be rebuilt.
	for holder in &devnet.holders(deal)[..4] {
		devnet.member(holder).kill();
	}
	let restored = devnet.root.join("restored");
	let got = get(&devnet, &format!("{deal}:/tree"), &restored);
	assert_eq!(got["files"], files.len());
	assert_same_tree(&source, &restored);
	assert!(got["usage"]["peak_rss_bytes"].as_u64().unwrap() < bound, "{}", got["usage"]);
	parts_are_read(&devnet, deal, &source);

	let failure = devnet.nil(["verify", &deal.to_string()]).fails(4);
	assert_eq!(failure.code, "providers_unreachable");

	// With a fifth one gone, 7 of 12 are left: no content can be read, and the command says so.
	let fifth = devnet.member(&devnet.holders(deal)[4]);
	fifth.kill();
	let empty = devnet.nil(["cat", &format!("{deal}:/tree/empty")]);
	assert_eq!(
		empty.code,
		Some(0),
		"an empty file needs the index alone, which each has: {empty:?}"
	);
	assert!(empty.stdout.is_empty());
	let target = format!("{deal}:/tree/large.bin");
	let nowhere = devnet.root.join("nowhere");
	let failure = devnet.nil(["get", &target, "-o", nowhere.to_str().unwrap()]).fails(4);
	assert_eq!(failure.code, "too_few_slots");
	assert!(!nowhere.exists(), "nothing half-written is left");

	// The dead come back with what they stored.
	devnet.up_again();
	assert_eq!(devnet.nil(["verify", &deal.to_string()]).ok()["sound"], true);
	removal_and_a_second_generation(&devnet, deal, &source);
	encryption_is_for_its_recipients(&devnet, deal, &source);
	nonsense_is_refused(&devnet, deal, &source);
	what_is_prepared_offline_is_what_a_put_makes(&devnet, &source);
	deals_can_be_funded_and_ended(&devnet);
}

/// Makes the tree; its files with their sizes, as paths in the deal below `tree`.
fn make_tree(root: &Path) -> Vec<(String, usize)> {
	let mut files = vec![
		("large.bin".to_owned(), 20_000_000),
		("empty".to_owned(), 0),
		("with some spaces.txt".to_owned(), 1),
		("ünï/çødé – 文件 🗄.bin".to_owned(), 300_000),
		("deep/a/b/c/d/e/f.txt".to_owned(), 31),
		(".hidden".to_owned(), 32),
		("edges/blob".to_owned(), BLOB_PAYLOAD),
		("edges/blob-and-one".to_owned(), BLOB_PAYLOAD + 1),
		("edges/blob-less-one".to_owned(), BLOB_PAYLOAD - 1),
	];
	files.extend((0..60).map(|index| (format!("small/{index:02}"), index * 97)));
	for (seed, (name, size)) in files.iter().enumerate() {
		write(&root.join(name), &random_bytes(*size, seed as u64));
	}
	files
}

fn get(devnet: &Devnet, target: &str, output: &Path) -> Value {
	devnet.nil([Path::new("get"), Path::new(target), Path::new("-o"), output]).ok()
}

fn names_are_listed(devnet: &Devnet, deal: u64, files: &[(String, usize)]) {
	let listed = devnet.nil(["ls", &format!("{deal}:/tree")]).ok();
	let entries = listed["entries"].as_array().unwrap();
	let names: Vec<_> = entries.iter().map(|entry| entry["name"].as_str().unwrap()).collect();
	let mut expected: Vec<_> =
		files.iter().map(|(path, _)| path.split('/').next().unwrap()).collect();
	expected.sort_unstable();
	expected.dedup();
	let mut sorted = names.clone();
	sorted.sort_unstable();
	assert_eq!(sorted, expected);
	for (path, size) in files {
		let stat = devnet.nil(["stat", &format!("{deal}:/tree/{path}")]).ok();
		assert_eq!(stat["size"], *size, "{path}");
		assert_eq!(stat["encryption"].as_str().unwrap().to_lowercase(), "age");
		assert!(stat["stored"].as_u64().unwrap() > *size as u64, "encrypted files grow");
		if path.starts_with("small/1") {
			break;
		}
	}
	let top = devnet.nil(["ls", &deal.to_string()]).ok();
	assert_eq!(top["entries"][0]["name"], "tree");
	assert_eq!(top["entries"][0]["kind"], "directory");
}

fn parts_are_read(devnet: &Devnet, deal: u64, source: &Path) {
	let bytes = fs::read(source.join("large.bin")).unwrap();
	let size = bytes.len();
	let target = format!("{deal}:/tree/large.bin");
	for (range, expected) in [
		("0-0", 0..1),
		("65535-65536", 65_535..65_537),
		("8126463-8126500", 8_126_463..8_126_501),
		("19999990-", size - 10..size),
		("-7", size - 7..size),
	] {
		let run = devnet.nil(["cat", &target, "--range", range]);
		assert_eq!(run.code, Some(0), "{}", run.stderr);
		assert!(run.stdout == bytes[expected], "range {range}");
	}
	let run = devnet.nil(["cat", &format!("{deal}:/tree/with some spaces.txt")]);
	assert_eq!(run.stdout, fs::read(source.join("with some spaces.txt")).unwrap());
	let failure = devnet.nil(["cat", &target, "--range", "20000000-"]).fails(2);
	assert_eq!(failure.code, "bad_range");
}

fn removal_and_a_second_generation(devnet: &Devnet, deal: u64, source: &Path) {
	let removed =
		devnet.nil(["rm", &format!("{deal}:/tree/small"), &format!("{deal}:/tree/empty")]).ok();
	assert_eq!(removed["files"], 61);
	assert_eq!(removed["generation"], 2);
	let failure = devnet.nil(["stat", &format!("{deal}:/tree/empty")]).fails(3);
	assert_eq!(failure.code, "path_not_found");
	devnet.nil(["rm", &format!("{deal}:/tree/empty")]).fails(3);

	// A file that is put again is replaced; the others stay.
	let changed = devnet.root.join("changed");
	write(&changed, b"other bytes");
	let target = format!("{deal}:/tree/large.bin");
	let put = devnet.nil([Path::new("put"), &changed, Path::new(&target)]).ok();
	assert_eq!(put["generation"], 3);
	assert_eq!(devnet.nil(["cat", &target]).stdout, b"other bytes");
	let hidden = devnet.nil(["cat", &format!("{deal}:/tree/.hidden")]).stdout;
	assert_eq!(hidden, fs::read(source.join(".hidden")).unwrap());

	let shown = devnet.nil(["deal", "show", &deal.to_string()]).ok();
	assert_eq!(shown["generation"], 3);
	assert_eq!(shown["commits"].as_array().unwrap().len(), 3);
	assert_eq!(shown["slots"].as_array().unwrap().len(), 12);
}

fn encryption_is_for_its_recipients(devnet: &Devnet, deal: u64, source: &Path) {
	// Somebody else's keys: the deal is readable on chain, its names are not.
	let elsewhere = devnet.root.join("elsewhere");
	let stranger = |arguments: &[&str]| {
		let mut command = devnet.command(arguments);
		command.env("NIL_CONFIG_DIR", &elsewhere);
		devnet.run(command)
	};
	let failure = stranger(&["ls", &deal.to_string()]).fails(3);
	assert_eq!(failure.code, "no_matching_identity");

	// Told to whom, they read what was put for them.
	let plain_deal = devnet.deal("4+2", 32);
	let target = format!("{plain_deal}:/open");
	let file = source.join("edges/blob");
	devnet.nil(["put", file.to_str().unwrap(), &target, "--plain"]).ok();
	assert!(stranger(&["cat", &target]).stdout == fs::read(&file).unwrap());
	assert_eq!(
		devnet.nil(["stat", &target]).ok()["encryption"].as_str().unwrap().to_lowercase(),
		"plain"
	);
	devnet.nil(["put", file.to_str().unwrap(), "9", "--plain", "--recipient", "age1x"]).fails(2);
	let failure =
		devnet.nil(["put", file.to_str().unwrap(), &target, "--recipient", "age1x"]).fails(2);
	assert_eq!(failure.code, "bad_recipient");
}

fn what_is_prepared_offline_is_what_a_put_makes(devnet: &Devnet, source: &Path) {
	let (file, output) = (source.join("large.bin"), devnet.root.join("prepared"));
	let mut command = devnet.command(["prepare", "--profile", "4+2", "--plain", "-o"]);
	// Nothing of the network is needed.
	command.arg(&output).arg(&file).env("NIL_DEVNET_DIR", devnet.root.join("none"));
	command.args(["--url", "ws://127.0.0.1:1"]);
	let prepared = devnet.run(command).ok();
	assert_eq!(prepared["files"], 1);
	assert_eq!(prepared["roots"].as_array().unwrap().len(), 3);

	let deal = devnet.deal("4+2", 64);
	let put = devnet.nil(["put", file.to_str().unwrap(), &deal.to_string(), "--plain"]).ok();
	assert_eq!(put["commits"][0]["index_root"], prepared["index_root"]);
	let shown = devnet.nil(["deal", "show", &deal.to_string()]).ok();
	assert_eq!(shown["manifests"], prepared["manifests"]);
	assert_eq!(shown["commits"][0]["roots_hash"], prepared["roots_hash"]);

	// The second commit is told what the deal has.
	let (deal, second) = (deal.to_string(), source.join("edges/blob"));
	let index = devnet.root.join("index");
	let arguments = ["--plain", "--profile", "4+2", "--base-gen", "1", "--first-mdu", "3"];
	let mut command = devnet.command(["prepare", "--deal", &format!("{deal}:/second")]);
	command.args(arguments).arg("-o").arg(devnet.root.join("too early")).arg(&second);
	assert_eq!(devnet.run(command).fails(2).code, "bad_base", "without the index");
	devnet.nil([Path::new("ls"), Path::new(&deal), Path::new("--save-index"), &index]).ok();
	let mut command = devnet.command(["prepare", "--deal", &format!("{deal}:/second")]);
	command.args(arguments).arg("--parent-index").arg(&index);
	command.arg("-o").arg(devnet.root.join("second")).arg(&second);
	let prepared = devnet.run(command).ok();
	assert_eq!((&prepared["base_gen"], &prepared["first_mdu"]), (&1.into(), &3.into()));
	let put =
		devnet.nil(["put", second.to_str().unwrap(), &format!("{deal}:/second"), "--plain"]).ok();
	assert_eq!(put["commits"][0]["index_root"], prepared["index_root"]);
	let shown = devnet.nil(["deal", "show", &deal]).ok();
	assert_eq!(shown["commits"][1]["roots_hash"], prepared["roots_hash"]);
	devnet.nil([Path::new("ls"), Path::new(&deal), Path::new("--save-index"), &index]).fails(8);
	// With the deal's numbers of now, the index of then would remove what came in between.
	let mdus = shown["total_mdus"].to_string();
	let mut command = devnet.command(["prepare", "--deal", &format!("{deal}:/third"), "--plain"]);
	command.args(["--profile", "4+2", "--base-gen", "2", "--first-mdu", &mdus, "--parent-index"]);
	command.arg(&index).arg("-o").arg(devnet.root.join("third")).arg(&second);
	let stale = devnet.run(command).fails(2);
	assert_eq!(stale.code, "bad_base");
	assert!(stale.message.contains("of generation 1 with 3 MDUs"), "{}", stale.message);

	let again =
		devnet.nil([Path::new("prepare"), Path::new("--plain"), Path::new("-o"), &output, &file]);
	assert_ne!(again.code, Some(0), "a directory that holds something is not written to");
}

fn nonsense_is_refused(devnet: &Devnet, deal: u64, source: &Path) {
	let file = source.join("edges/blob");
	let file = file.to_str().unwrap();
	let before = devnet.nil(["deal", "show", &deal.to_string()]).ok();
	// Paths in the deal.
	let long = "x".repeat(1025);
	for path in ["../up", "a/../b", "./a", "a//b", "back\\slash", &long] {
		let failure = devnet.nil(["put", file, &format!("{deal}:/{path}")]).fails(2);
		assert_eq!(failure.code, "bad_path", "{path}: {}", failure.message);
	}
	devnet.nil(["put", file, &format!("{deal}:no-slash")]).fails(2);
	devnet.nil(["put", file, "seven:/x"]).fails(2);
	// What does not exist.
	devnet.nil(["put", "/no/such/file", &deal.to_string()]).fails(3);
	for arguments in [
		vec!["put", file, "987654:/x"],
		vec!["get", "987654:/x"],
		vec!["ls", "987654"],
		vec!["cat", "987654:/x"],
		vec!["verify", "987654"],
		vec!["rm", "987654:/x"],
		vec!["deal", "show", "987654"],
		vec!["deal", "cancel", "987654"],
	] {
		let failure = devnet.nil(&arguments).fails(3);
		assert!(failure.message.contains("987654"), "{arguments:?}: {}", failure.message);
	}
	let failure = devnet.nil(["get", &format!("{deal}:/nothing/here")]).fails(3);
	assert_eq!(failure.code, "path_not_found");
	devnet.nil(["cat", &format!("{deal}:/tree")]).fails(2);
	// Others' deals.
	let mut command = devnet.command(["put", file, &format!("{deal}:/x")]);
	command.env("NIL_KEY", "//Bob");
	assert_eq!(devnet.run(command).fails(5).code, "not_owner");
	// Files that exist are not overwritten unless told so.
	let existing = devnet.root.join("existing");
	write(&existing, b"precious");
	let target = format!("{deal}:/tree/.hidden");
	let failure =
		devnet.nil([Path::new("get"), Path::new(&target), Path::new("-o"), &existing]).fails(8);
	assert_eq!(failure.code, "exists");
	assert_eq!(fs::read(&existing).unwrap(), b"precious");
	devnet
		.nil([Path::new("get"), Path::new(&target), Path::new("-o"), &existing, Path::new("-f")])
		.ok();
	assert_eq!(fs::read(&existing).unwrap(), fs::read(source.join(".hidden")).unwrap());
	// A node that is not there.
	let mut command = devnet.command(["deal", "list"]);
	command.args(["--url", "ws://127.0.0.1:1"]);
	assert_eq!(devnet.run(command).fails(7).code, "node_unreachable");
	assert_eq!(
		devnet.nil(["deal", "show", &deal.to_string()]).ok()["generation"],
		before["generation"]
	);
	a_full_disk_is_told(devnet, deal);
}

/// A disk that is full half-way through a file: told as such, and nothing half-written is left.
fn a_full_disk_is_told(devnet: &Devnet, deal: u64) {
	let target = format!("{deal}:/tree/edges/blob-and-one");
	// `/dev/full` takes no byte.
	let into_full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
	let mut command = devnet.command(["cat", &target]);
	command.stdout(Stdio::from(into_full)).stderr(Stdio::piped());
	let output = command.spawn().unwrap().wait_with_output().unwrap();
	assert_eq!(output.status.code(), Some(8), "{}", String::from_utf8_lossy(&output.stderr));
	// A file may grow to 64 KiB: half of this one. The shell ignores the signal, so that writes fail.
	let output = devnet.root.join("too-large");
	let inner = devnet.command(["get", &target, "-o", output.to_str().unwrap()]);
	let mut limited = Command::new("sh");
	limited
		.args(["-c", r#"trap '' XFSZ; ulimit -f 128; exec "$@""#, "sh"])
		.arg(inner.get_program());
	limited.args(inner.get_args());
	for (name, value) in inner.get_envs() {
		match value {
			Some(value) => limited.env(name, value),
			None => limited.env_remove(name),
		};
	}
	let failure = devnet.run(limited).fails(8);
	assert_eq!(failure.code, "disk_full", "{failure:?}");
	assert!(!output.exists(), "nothing half-written is left");
	let left: Vec<PathBuf> = fs::read_dir(&devnet.root)
		.unwrap()
		.map(|entry| entry.unwrap().path())
		.filter(|path| path.to_string_lossy().contains("too-large"))
		.collect();
	assert_eq!(left, Vec::<PathBuf>::new());
}

fn deals_can_be_funded_and_ended(devnet: &Devnet) {
	let deal = devnet.deal("2+1", 1).to_string();
	let amount = |document: &Value, field: &str| -> u128 {
		document[field].as_str().unwrap().parse().unwrap()
	};
	let before = devnet.nil(["deal", "show", &deal]).ok();
	// A deposit for each of three slots.
	assert_eq!(amount(&before, "deposit"), 3_000_000_000_000);
	let after = devnet.nil(["deal", "top-up", &deal, "2.5"]).ok();
	assert_eq!(amount(&after, "free_escrow"), amount(&before, "free_escrow") + 2_500_000_000_000);
	let longer = devnet.nil(["deal", "extend", &deal, "1h"]).ok();
	assert_eq!(longer["expires_at"].as_u64(), before["expires_at"].as_u64().map(|at| at + 600));
	let listed = devnet.nil(["deal", "list"]).ok();
	let numbers: Vec<_> =
		listed.as_array().unwrap().iter().map(|deal| deal["deal"].to_string()).collect();
	assert!(numbers.contains(&deal), "{numbers:?}");
	devnet.nil(["deal", "cancel", &deal]).ok();
	devnet.nil(["deal", "show", &deal]).fails(3);
	devnet.nil(["deal", "create"]).fails(2);
	devnet.nil(["deal", "create", "--escrow", "1", "--profile", "3+1"]).fails(2);
	devnet.nil(["deal", "create", "--escrow", "1", "--duration", "1s"]).fails(2);
	let too_dear = devnet.nil(["deal", "create", "--escrow", "99999999999999999"]).fails(5);
	assert!(!too_dear.code.is_empty());
	// 13 providers cannot hold 20 slots: the deal waits, the command does not wait for ever, the money comes back.
	let waiting = ["deal", "create", "--escrow", "5", "--profile", "16+4", "--timeout", "3"];
	let failure = devnet.nil(waiting).fails(4);
	assert_eq!(failure.code, "not_placed");
	let listed = devnet.nil(["deal", "list"]).ok();
	let placing =
		listed.as_array().unwrap().iter().find(|deal| deal["status"] == "placing").unwrap();
	devnet.nil(["deal", "cancel", &placing["deal"].to_string()]).ok();
}
