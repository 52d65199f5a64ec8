//! Faults that a tester causes: a provider that is killed, held, or loses what it stores.
//!
//! Nothing is done to anything that is not of the devnet: processes are known by more than their pid, and files are damaged
//! only below the provider's own folder, and only those that are named as a store names its shards.

use super::{
	home_of, members,
	process::{GRACE, ProcessId},
	state::{Home, HomeLock, Provider, State},
};
use crate::{
	args::{CorruptArgs, MemberArgs},
	error::{CliError, Result},
	output::Output,
	units,
};
use nil_types::layout::BLOB_BYTES;
use nix::sys::signal::Signal;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::index};
use serde_json::json;
use std::{
	collections::BTreeSet,
	fs::{self, OpenOptions},
	io,
	os::unix::fs::FileExt,
	path::{Path, PathBuf},
};

/// The folder of shards in a store.
const SHARDS: &str = "shards";

/// Kills a provider.
pub fn kill(arguments: &MemberArgs, output: &Output) -> Result<()> {
	let home = home_of(&arguments.home)?;
	let (_lock, state) = hold(&home)?;
	let member = find(&state, &arguments.provider)?;
	let process = running(member)?;
	if !(process.signal(Signal::SIGKILL) && process.wait(GRACE)) {
		return Err(did_not(member, "die"));
	}
	let document =
		json!({ "provider": member.name, "operator": member.operator, "killed": process.pid });
	output.result(&document, || format!("killed {}; `nil devnet up` brings it back", member.name))
}

/// Holds a provider, or lets it go on.
pub fn pause(arguments: &MemberArgs, paused: bool, output: &Output) -> Result<()> {
	let home = home_of(&arguments.home)?;
	let (_lock, state) = hold(&home)?;
	let member = find(&state, &arguments.provider)?;
	let process = running(member)?;
	let changed = process.is_paused() != paused;
	let signal = if paused { Signal::SIGSTOP } else { Signal::SIGCONT };
	if !(process.signal(signal) && process.wait_paused(paused, GRACE)) {
		return Err(did_not(member, if paused { "stop" } else { "go on" }));
	}
	let document = json!({
		"provider": member.name,
		"operator": member.operator,
		"pid": process.pid,
		"paused": paused,
		"changed": changed,
	});
	let name = &member.name;
	output.result(&document, || match (paused, changed) {
		(true, true) => {
			format!("{name} is paused; `nil devnet resume {name}` lets it go on")
		},
		(true, false) => format!("{name} was paused already"),
		(false, true) => format!("{name} goes on"),
		(false, false) => format!("{name} was not paused"),
	})
}

/// Damages what a provider stores.
pub fn corrupt(arguments: &CorruptArgs, output: &Output) -> Result<()> {
	let home = home_of(&arguments.member.home)?;
	let (_lock, state) = hold(&home)?;
	let member = find(&state, &arguments.member.provider)?;
	let dir = shards_dir(&home, member)?;
	let shards = shards_in(&dir)?;
	if shards.is_empty() {
		return Err(stores_nothing(member));
	}
	let CorruptArgs { fraction, seed, delete, .. } = *arguments;
	let damage = if delete {
		delete_some(&shards, fraction, seed)?
	} else {
		flip_some(&shards, fraction, seed)?
	};
	let (all, all_bytes) = (blobs_of(&shards), bytes_of(&shards));
	let files: Vec<&Path> = damage.files.iter().map(PathBuf::as_path).collect();
	let document = json!({
		"provider": member.name,
		"operator": member.operator,
		"dir": dir,
		"how": if delete { "deleted" } else { "flipped" },
		"fraction": fraction,
		"seed": seed,
		"stored": { "shards": shards.len(), "blobs": all, "bytes": all_bytes },
		"damaged": { "shards": files.len(), "blobs": damage.blobs, "bytes": damage.bytes },
		"files": files,
	});
	output.result(&document, || {
		let name = &member.name;
		let (some, many) = (files.len(), shards.len());
		let what = if delete {
			format!("deleted {some} of {name}'s {many} files of shards")
		} else {
			format!("flipped one bit in each of {} blobs of {name}", damage.blobs)
		};
		format!(
			"{what}: {} of {all} blobs, {} of {}, are wrong or gone\n\
			 it answers no sample that falls on them (`nil deal show`), and readers go round them (`nil verify`)",
			damage.blobs,
			units::size(damage.bytes),
			units::size(all_bytes),
		)
	})
}

/// The devnet's state, which no other command changes meanwhile.
fn hold(home: &Home) -> Result<(HomeLock, State)> {
	// Where there is no devnet, no folder is made for its lock.
	home.load_existing()?;
	let lock = home.lock()?;
	Ok((lock, home.load_existing()?))
}

/// The provider with this name or operator.
fn find<'a>(state: &'a State, wanted: &str) -> Result<&'a Provider> {
	let is_meant =
		|member: &&Provider| member.name == wanted || member.operator.as_deref() == Some(wanted);
	state.providers.iter().find(is_meant).ok_or_else(|| {
		CliError::not_found(format_args!("the devnet has no provider {wanted}"))
			.code("no_such_provider")
			.hint("`nil devnet status` lists its providers")
	})
}

fn running(member: &Provider) -> Result<&ProcessId> {
	member.process.as_ref().filter(|process| process.is_alive()).ok_or_else(|| {
		CliError::not_found(format_args!("{} does not run", member.name))
			.code("provider_down")
			.hint("start it with `nil devnet up`")
	})
}

fn did_not(member: &Provider, what: &str) -> CliError {
	let seconds = GRACE.as_secs();
	CliError::failure(format_args!("{} did not {what} within {seconds} s", member.name))
		.hint("look at its process: `nil devnet status`")
}

fn stores_nothing(member: &Provider) -> CliError {
	CliError::not_found(format_args!("{} stores no shards", member.name))
		.code("nothing_stored")
		.hint("store something first (`nil put`), or take a provider that `nil deal show` names")
}

/// The folder of a provider's shards. Refused when it is not what this devnet has made.
fn shards_dir(home: &Home, member: &Provider) -> Result<PathBuf> {
	let canonical = |path: &Path| {
		fs::canonicalize(path).map_err(|error| CliError::local(path.display(), &error))
	};
	let config = members::provider_config(home, &member.name);
	let foreign = |why: String| {
		CliError::failure(why).code("not_of_this_devnet").hint(format_args!(
			"nothing was touched; see operator and store in {}",
			config.display()
		))
	};
	let operator = members::operator_of(home, &member.name)?;
	if member.operator.as_ref() != Some(&operator) {
		return Err(foreign(format!("{} belongs to {operator} by now", member.name)));
	}
	let shards = members::store_of(home, &member.name)?.join(SHARDS);
	if !shards.exists() {
		return Err(stores_nothing(member));
	}
	let shards = canonical(&shards)?;
	let own = canonical(home.dir())?.join(&member.name);
	if !shards.starts_with(&own) {
		let why = format!("{} stores in {}, outside of the devnet", member.name, shards.display());
		return Err(foreign(why));
	}
	Ok(shards)
}

/// A file of shards: a slot's blobs of an MDU.
struct Shard {
	path: PathBuf,
	bytes: u64,
}

impl Shard {
	fn blobs(&self) -> u64 {
		self.bytes / BLOB_BYTES as u64
	}
}

fn blobs_of(shards: &[Shard]) -> u64 {
	shards.iter().map(Shard::blobs).sum()
}

fn bytes_of(shards: &[Shard]) -> u64 {
	shards.iter().map(|shard| shard.bytes).sum()
}

/// All files of shards, in the order of their names.
fn shards_in(dir: &Path) -> Result<Vec<Shard>> {
	let read = || -> io::Result<Vec<Shard>> {
		let mut found = Vec::new();
		for folder in fs::read_dir(dir)? {
			let folder = folder?;
			if !folder.file_type()?.is_dir() {
				continue;
			}
			for entry in fs::read_dir(folder.path())? {
				let entry = entry?;
				if !entry.file_type()?.is_file() || !is_shard(&entry.file_name().to_string_lossy())
				{
					continue;
				}
				match entry.metadata() {
					Ok(data) => found.push(Shard { path: entry.path(), bytes: data.len() }),
					// The provider has just removed it.
					Err(error) if error.kind() == io::ErrorKind::NotFound => {},
					Err(error) => return Err(error),
				}
			}
		}
		found.sort_by(|one, other| one.path.cmp(&other.path));
		Ok(found)
	};
	read().map_err(|error| CliError::local(dir.display(), &error))
}

/// Whether a store names shards so: the MDU's root, the slot, and a number of the file's own.
fn is_shard(name: &str) -> bool {
	let is_hex =
		|text: &str, digits| text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
	let Some((root, rest)) = name.split_once('.') else { return false };
	let Some((slot, file)) = rest.split_once('.') else { return false };
	is_hex(root, 64) && slot.parse::<u8>().is_ok() && is_hex(file, 16)
}

/// What was done.
#[derive(Debug)]
struct Damage {
	files: Vec<PathBuf>,
	blobs: u64,
	bytes: u64,
}

/// Which of `count` things, rising: the share `fraction` of them, at least one.
fn choose(count: usize, fraction: f64, random: &mut StdRng) -> Vec<usize> {
	let wanted = (count as f64 * fraction).round() as usize;
	let mut chosen = index::sample(random, count, wanted.max(1).min(count)).into_vec();
	chosen.sort_unstable();
	chosen
}

fn delete_some(shards: &[Shard], fraction: f64, seed: u64) -> Result<Damage> {
	let chosen = choose(shards.len(), fraction, &mut StdRng::seed_from_u64(seed));
	let mut damage = Damage { files: Vec::new(), blobs: 0, bytes: 0 };
	for shard in chosen.into_iter().filter_map(|index| shards.get(index)) {
		fs::remove_file(&shard.path)
			.map_err(|error| CliError::local(shard.path.display(), &error))?;
		damage.files.push(shard.path.clone());
		damage.blobs += shard.blobs();
		damage.bytes += shard.bytes;
	}
	Ok(damage)
}

/// Flips one bit in each of some blobs. One bit is enough: a blob is right as a whole or not at all.
fn flip_some(shards: &[Shard], fraction: f64, seed: u64) -> Result<Damage> {
	let mut random = StdRng::seed_from_u64(seed);
	let blobs: Vec<(&Shard, u64)> =
		shards.iter().flat_map(|shard| (0..shard.blobs()).map(move |blob| (shard, blob))).collect();
	let mut files = BTreeSet::new();
	let mut count = 0;
	for (shard, blob) in
		choose(blobs.len(), fraction, &mut random).into_iter().filter_map(|index| blobs.get(index))
	{
		let start = blob * BLOB_BYTES as u64;
		let (place, bit) =
			(start + random.random_range(0..BLOB_BYTES as u64), random.random_range(0..8u32));
		flip(&shard.path, place, bit)
			.map_err(|error| CliError::local(shard.path.display(), &error))?;
		files.insert(shard.path.clone());
		count += 1;
	}
	Ok(Damage {
		files: files.into_iter().collect(),
		blobs: count,
		bytes: count * BLOB_BYTES as u64,
	})
}

/// Flips one bit of a file, whose length and other bytes stay.
fn flip(path: &Path, place: u64, bit: u32) -> io::Result<()> {
	let file = OpenOptions::new().read(true).write(true).open(path)?;
	let mut byte = [0u8];
	file.read_exact_at(&mut byte, place)?;
	file.write_all_at(&[byte[0] ^ (1 << bit)], place)
}

#[cfg(test)]
mod tests {
	use super::*;

	fn shard_name(number: u8) -> String {
		format!("{}.{:02}.{:016x}", "0b".repeat(32), 3, number)
	}

	/// A store with two shards of three blobs each, and what else a store has.
	fn store(dir: &Path) -> Vec<Shard> {
		for number in 0..2 {
			let folder = dir.join(format!("{number:02x}"));
			fs::create_dir_all(&folder).unwrap();
			fs::write(folder.join(shard_name(number)), vec![0; 3 * BLOB_BYTES]).unwrap();
			fs::write(folder.join("notes"), "precious").unwrap();
		}
		fs::write(dir.join(shard_name(9)), "in no folder of the store").unwrap();
		shards_in(dir).unwrap()
	}

	#[test]
	fn shards_alone_are_found() {
		let dir = tempfile::tempdir().unwrap();
		let shards = store(dir.path());
		assert_eq!((shards.len(), blobs_of(&shards)), (2, 6));
		for name in ["notes", "a.00.b", &format!("{}.xx.{:016x}", "0b".repeat(32), 1)] {
			assert!(!is_shard(name), "{name}");
		}
	}

	#[test]
	fn each_chosen_blob_loses_one_bit_and_the_seed_decides_which() {
		let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
		let bits = |shards: &[Shard]| -> Vec<Vec<u32>> {
			let of_blob = |blob: &[u8]| -> u32 { blob.iter().copied().map(u8::count_ones).sum() };
			let files = shards.iter().map(|shard| fs::read(&shard.path).unwrap());
			files.map(|bytes| bytes.chunks(BLOB_BYTES).map(of_blob).collect()).collect()
		};
		let [one, other] = dirs.each_ref().map(|dir| {
			let shards = store(dir.path());
			let damage = flip_some(&shards, 0.5, 7).unwrap();
			assert_eq!((damage.blobs, damage.bytes), (3, 3 * BLOB_BYTES as u64));
			bits(&shards)
		});
		assert_eq!(one, other);
		assert_eq!(one.concat().into_iter().sum::<u32>(), 3);
		assert!(one.concat().into_iter().all(|bits| bits <= 1), "{one:?}");
	}

	#[test]
	fn a_small_share_is_one_file_and_all_is_all() {
		let dir = tempfile::tempdir().unwrap();
		let shards = store(dir.path());
		assert_eq!(delete_some(&shards, 0.01, 1).unwrap().files.len(), 1);
		let left = shards_in(dir.path()).unwrap();
		assert_eq!(left.len(), 1);
		assert_eq!(delete_some(&left, 1.0, 1).unwrap().blobs, 3);
		assert!(shards_in(dir.path()).unwrap().is_empty());
		assert_eq!(fs::read_to_string(dir.path().join("00/notes")).unwrap(), "precious");
	}

	#[test]
	fn a_store_elsewhere_and_a_stranger_are_refused() {
		let dir = tempfile::tempdir().unwrap();
		let home = Home::at(dir.path().join("net"));
		let elsewhere = dir.path().join("elsewhere");
		fs::create_dir_all(elsewhere.join(SHARDS)).unwrap();
		fs::create_dir_all(home.provider_dir("provider-00").join("data/shards")).unwrap();
		let config = |store: &str| {
			let text = format!("[operator]\naccount = \"me\"\n[store]\npath = {store:?}\n");
			fs::write(members::provider_config(&home, "provider-00"), text).unwrap();
		};
		let mut member = Provider {
			name: "provider-00".into(),
			api_port: 1,
			metrics_port: 2,
			operator: Some("me".into()),
			process: None,
		};
		config("data");
		assert!(shards_dir(&home, &member).unwrap().ends_with("provider-00/data/shards"));
		for outside in [elsewhere.to_str().unwrap(), "../../elsewhere"] {
			config(outside);
			let error = shards_dir(&home, &member).unwrap_err();
			assert_eq!(error.to_json()["error"]["code"], "not_of_this_devnet", "{error}");
		}
		config("data");
		member.operator = Some("somebody else".into());
		let error = shards_dir(&home, &member).unwrap_err();
		assert_eq!(error.to_json()["error"]["code"], "not_of_this_devnet", "{error}");
		assert!(running(&member).is_err());
	}
}
