//! States that are kept in files, and the state that becomes the next one.

use super::{Backend, TestChain, deals};
use codec::{Decode, Encode};
use frame_support::traits::Get;
use nil_runtime::{Liveness, Mode2, Runtime, RuntimeCall, UNIT};
use nil_types::{
	CodeKind, DealId, DealStatus, Profile,
	traits::{DepartureHooks, Evictions},
};
use pallet_beacon::{Bounds, LastDropped, Records, Ring};
use pallet_deals::{
	Agenda, AgendaLen, AgendaPlace, AgendaPlaces, Commits, Deals, ManifestPoints, Owed, Owing,
	QueueEnds, Remnant, RemnantQueue, Remnants,
};
use pallet_liveness::{
	Earned, EndedCommits, Ending, EndingEnds, EndingQueue, Endings, EvictionEnds, EvictionQueue,
	JournalEnds,
};
use pallet_mode2::{Asked, DepartureCursor};
use pallet_providers::{Reweighing, Sweep};
use sp_core::{Pair, storage::well_known_keys};
use sp_keyring::Sr25519Keyring;
use std::{
	collections::BTreeMap,
	fs,
	path::{Path, PathBuf},
};

/// The entries of a state, by their keys.
pub type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// The ending of the files' names.
const ENDING: &str = "state";
/// More than this is not kept in the repository.
const MAX_FILE: usize = 300 * 1024;
/// More than this a file does not hold.
const MAX_STATE: usize = 16 * 1024 * 1024;

/// A kept state.
pub struct Snapshot {
	/// The `spec_version` of the runtime that left it.
	pub spec_version: u32,
	/// The commit that this runtime is of.
	pub commit: String,
	/// The state.
	pub entries: Entries,
}

/// Where the files lie.
fn folder() -> PathBuf {
	Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots")
}

/// All kept states, the oldest version first.
pub fn all() -> Vec<Snapshot> {
	let mut all: Vec<_> = fs::read_dir(folder())
		.unwrap()
		.map(|file| file.unwrap().path())
		.filter(|path| path.extension().is_some_and(|ending| ending == ENDING))
		.map(|path| read(&path))
		.collect();
	all.sort_by_key(|snapshot| snapshot.spec_version);
	all
}

fn read(path: &Path) -> Snapshot {
	let name = path.file_stem().and_then(|name| name.to_str()).unwrap();
	let (spec_version, commit) = name.split_once('-').unwrap_or_else(|| panic!("{name}"));
	let file = fs::read(path).unwrap();
	let bytes = sp_maybe_compressed_blob::decompress(&file, MAX_STATE).unwrap();
	Snapshot {
		spec_version: spec_version.parse().unwrap(),
		commit: commit.to_owned(),
		entries: Entries::decode(&mut &bytes[..]).unwrap(),
	}
}

/// Keeps the state of `chain`, made by the runtime of `commit`. Returns the file.
pub fn write(chain: &TestChain, spec_version: u32, commit: &str) -> PathBuf {
	let mut entries = chain.entries();
	// The runtime is no part of what it leaves, and the next block drops the events before it looks at anything else.
	entries.remove(well_known_keys::CODE);
	for item in ["Events", "EventCount", "EventTopics"] {
		let prefix = frame_support::storage::storage_prefix(b"System", item.as_bytes());
		entries.retain(|key, _| !key.starts_with(&prefix));
	}
	let file = sp_maybe_compressed_blob::compress_strongly(&entries.encode(), MAX_STATE).unwrap();
	assert!(file.len() <= MAX_FILE, "{} bytes are too many to keep", file.len());
	let path = folder().join(format!("{spec_version}-{commit}.{ENDING}"));
	fs::write(&path, file).unwrap();
	path
}

/// A block with one transaction, which succeeds.
fn send(chain: &mut TestChain, signer: Sr25519Keyring, call: impl Into<RuntimeCall>) {
	let transaction = chain.sign(signer, chain.nonce(signer), call);
	chain.build_all_good(vec![transaction]);
}

/// A chain that has something in every storage item of our pallets. Everything in it that is signed for, is signed by
/// the development accounts, so that a later runtime can be asked to go on with it:
///
/// * deal 0 of Alice, profile 2+1, with two commits and an uploader, on slots of three of Bob, Charlie, Dave and Eve, whose
///   service keys are `//Bob//service` and so on; the holder of slot 0 is asked for samples of both commits, those of the
///   others wait in journals, in the second round that was drawn;
/// * deal 1, cancelled, whose remnants are not removed yet; and one that ended before and owes something;
/// * deal 2, for which there are too few providers: it waits in the second lane;
/// * deal 3, just requested: it waits in the first lane;
/// * One, a provider with an attested domain, a replaced key and unbonding stake; Two, who has left.
pub fn busy() -> TestChain {
	/// The deal with content.
	const FIRST: DealId = 0;
	/// The one that ends.
	const ENDED: DealId = 1;
	/// One that ended before and owes something.
	const OWING: DealId = 1_000;
	type BucketLength = <Runtime as pallet_deals::Config>::BucketLength;
	let (alice, one, two) = (Sr25519Keyring::Alice, Sr25519Keyring::One, Sr25519Keyring::Two);
	let (mut chain, profile) = deals::placed(Backend::Portable);
	for index in 0..2 {
		let commit = deals::commit(&chain, profile, index, 2 + index);
		chain.build_all_good(vec![commit]);
	}
	let authorize = RuntimeCall::Deals(pallet_deals::Call::authorize_uploader {
		deal: FIRST,
		uploader: Sr25519Keyring::Ferdie.to_account_id(),
		max_bytes: 1 << 30,
		until: chain.place().block + 10_000,
	});
	send(&mut chain, alice, authorize);

	send(&mut chain, one, deals::registration(one, "as64496"));
	let attest = RuntimeCall::Providers(pallet_providers::Call::attest {
		provider: one.to_account_id(),
		domain: Some(b"as64496".to_vec().try_into().unwrap()),
	});
	let attest = RuntimeCall::Sudo(pallet_sudo::Call::sudo { call: Box::new(attest) });
	send(&mut chain, alice, attest);
	let new = sp_core::sr25519::Pair::from_string("//One//service//2", None).unwrap().public().0;
	send(&mut chain, one, pallet_providers::Call::rotate_service_key { new });
	send(&mut chain, one, pallet_providers::Call::remove_stake { amount: 1_000 * UNIT });
	send(&mut chain, two, deals::registration(two, ""));
	send(&mut chain, two, pallet_providers::Call::drain {});
	send(&mut chain, two, pallet_providers::Call::leave {});

	send(&mut chain, alice, deals::request(profile));
	send(&mut chain, alice, deals::request(Profile::new(8, 4, CodeKind::Fr).unwrap()));
	for _ in 0..10 {
		chain.build_all_good(Vec::new());
	}
	while chain.inspect(Liveness::epoch).is_none_or(|drawn| drawn.round < 2) {
		chain.build_all_good(Vec::new());
	}
	let provider = deals::holder(&chain, 0).to_account_id();
	send(&mut chain, two, pallet_liveness::Call::advance { provider, steps: 2 });
	send(&mut chain, alice, pallet_deals::Call::cancel_deal { deal: ENDED });
	send(&mut chain, alice, deals::request(profile));
	assert_eq!(deals::info(&chain).status, DealStatus::Active);

	let failed = [1, 2].map(|slot| deals::holder(&chain, slot).to_account_id());

	// What hooks do at once while blocks have room is left over by hand here, as full blocks leave it over.
	chain.alter(|| {
		// More slots than the deal can do without; the third one was replaced before.
		for (slot, provider) in (1..).zip(&failed) {
			assert!(<Mode2 as Evictions<_>>::evict(provider, FIRST, slot));
		}
		Asked::<Runtime>::insert(FIRST, 0u8, 1);
		<Mode2 as DepartureHooks<_>>::departs(&failed[0]);
		DepartureCursor::<Runtime>::put((FIRST, 0u8));
		let remnants = [ENDED, OWING].map(|deal| {
			for generation in 1..=2u32 {
				let commit = Commits::<Runtime>::get(FIRST, generation).unwrap();
				Commits::<Runtime>::insert(deal, generation, commit);
			}
			let point = ManifestPoints::<Runtime>::get(FIRST, 0u32).unwrap();
			ManifestPoints::<Runtime>::insert(deal, 0u32, point);
			Remnant { deal, commits: 2, manifests: 1, ended_in: 1 }
		});
		let [remnant_of_ended, remnant] = remnants;
		let QueueEnds { head, tail } = RemnantQueue::<Runtime>::get();
		Remnants::<Runtime>::insert(tail, remnant_of_ended);
		RemnantQueue::<Runtime>::put(QueueEnds { head, tail: tail + 1 });
		// The other still owes something, out of what was on hold for it, and lapses a long time from now.
		let (bucket, until) = (1_000_000u32, 1_000_000 * <BucketLength as Get<u32>>::get());
		Agenda::<Runtime>::insert(bucket, 0u32, OWING);
		AgendaLen::<Runtime>::insert(bucket, 1);
		AgendaPlaces::<Runtime>::insert(OWING, AgendaPlace { bucket, index: 0 });
		let left = 1_000;
		let owner = Deals::<Runtime>::mutate(FIRST, |deal| {
			let deal = deal.as_mut().unwrap();
			deal.ledger.free = deal.ledger.free.checked_sub(left).unwrap();
			deal.owner.clone()
		});
		Owed::<Runtime>::insert(OWING, Owing { owner, left, until, remnant });

		// So does what its slot did not settle in time.
		let (period, owed) = (0u32, Earned { paid: 900, burned: 100 });
		let ending = Ending { profile, mdus: 1, round: 0, owed };
		let provider = one.to_account_id();
		Endings::<Runtime>::insert(&provider, (OWING, 0u8, period), ending);
		EndedCommits::<Runtime>::insert((&provider, OWING, 0u8, period), 1u32, ());
		EndingQueue::<Runtime>::insert(0u64, (provider, OWING, 0u8, period));
		EndingEnds::<Runtime>::put(JournalEnds { head: 0, tail: 1 });
		// And one that had too many misses before it ended.
		EvictionQueue::<Runtime>::insert(0u64, (one.to_account_id(), ENDED, 0u8));
		EvictionEnds::<Runtime>::put(JournalEnds { head: 0, tail: 1 });

		Reweighing::<Runtime>::put(Sweep { class: 1, below: 1 });

		let ring = Ring::<Runtime>::get();
		let oldest = Records::<Runtime>::take(ring.first).unwrap();
		LastDropped::<Runtime>::put(oldest.relay_block);
		Ring::<Runtime>::put(Bounds { first: ring.first + 1, ..ring });
	});
	chain
}
