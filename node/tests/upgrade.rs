//! A runtime goes on with the state that another one left.
//!
//! Such states are kept in `snapshots`, whose README says how they are made and what is in them.

mod support;

use codec::Encode;
use frame_support::{
	migrations::MultiStepMigrator,
	traits::{
		GetStorageVersion, NoStorageVersionSet, PalletInfoAccess, PalletsInfoAccess, StorageInfo,
		StorageInfoTrait, StorageVersion,
	},
	weights::Weight,
};
use nil_runtime::{
	AllPalletsWithSystem, Aura, AuraExt, Authorship, Balances, Beacon, CollatorSelection,
	ConvictionVoting, CumulusXcm, Deals, Liveness, MessageQueue, Mode2, MultiBlockMigrations,
	Origins, ParachainInfo, ParachainSystem, PolkadotXcm, Preimage, Providers, Referenda, Runtime,
	RuntimeOrigin, SafeMode, Scheduler, Session, Sudo, System, TechnicalCommittee, Timestamp,
	TransactionPayment, TxPause, Utility, VERSION, WeightReclaim, Whitelist, XcmpQueue,
	configs::RuntimeBlockWeights,
};
use nil_types::{DutyInfo, RepairCause};
use pallet_migrations::{Cursor, MigrationCursor};
use sp_keyring::Sr25519Keyring;
use sp_runtime::transaction_validity::{InvalidTransaction, TransactionValidityError};
use support::{
	Backend, Built, TestChain, deals,
	snapshot::{self, Entries},
};

/// Where the commit stands whose runtime made the state, when the state is to be kept.
const WRITE: &str = "NIL_WRITE_SNAPSHOT";
/// Blocks within which the migrations of a kept state, which is small, are done.
const MIGRATED_WITHIN: u32 = 100;

/// All storage items of our pallets.
fn storage_items() -> Vec<StorageInfo> {
	[
		Beacon::storage_info(),
		Providers::storage_info(),
		Deals::storage_info(),
		Mode2::storage_info(),
		Liveness::storage_info(),
	]
	.concat()
}

/// A storage item's name.
fn name(item: &StorageInfo) -> String {
	let [pallet, item] =
		[&item.pallet_name, &item.storage_name].map(|name| String::from_utf8_lossy(name));
	format!("{pallet}::{item}")
}

/// Entries, and the bytes of their values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
	entries: usize,
	bytes: usize,
}

impl Tally {
	/// Counts what the runtime reads from an item.
	fn read<V: Encode>(&mut self, values: impl IntoIterator<Item = V>) {
		for value in values {
			self.add(value.encoded_size());
		}
	}

	fn add(&mut self, bytes: usize) {
		self.entries += 1;
		self.bytes += bytes;
	}
}

/// What the runtime reads when it reads every entry of our pallets. An entry that does not decode is passed over, and
/// bytes that are left over are not counted.
fn all_that_decodes() -> Tally {
	let mut tally = Tally::default();

	tally.read(pallet_beacon::LastRelayBlock::<Runtime>::try_get());
	tally.read(pallet_beacon::Ring::<Runtime>::try_get());
	tally.read(pallet_beacon::Records::<Runtime>::iter().map(|(_, value)| value));
	tally.read(pallet_beacon::LastDropped::<Runtime>::try_get());

	tally.read(pallet_providers::Parameters::<Runtime>::try_get());
	tally.read(pallet_providers::Ledgers::<Runtime>::iter().map(|(_, value)| value));
	tally.read(pallet_providers::Profiles::<Runtime>::iter().map(|(_, value)| value));
	tally.read(pallet_providers::ServiceKeys::<Runtime>::iter().map(|(_, value)| value));
	tally.read(pallet_providers::CandidateCount::<Runtime>::iter().map(|(_, value)| value));
	tally.read(pallet_providers::Candidates::<Runtime>::iter().map(|(_, _, value)| value));
	tally.read(pallet_providers::Nodes::<Runtime>::iter().map(|(_, value)| value));
	tally.read(pallet_providers::DomainWeights::<Runtime>::iter().map(|(_, _, value)| value));
	tally.read(pallet_providers::Reweighing::<Runtime>::try_get());

	tally.read(pallet_deals::Params::<Runtime>::try_get());
	tally.read(pallet_deals::NextDealId::<Runtime>::try_get());
	tally.read(pallet_deals::Deals::<Runtime>::iter().map(|(_, value)| value));
	// A counted map keeps its count in an entry of its own.
	tally.read([pallet_deals::Deals::<Runtime>::count()]);
	tally.read(pallet_deals::DealsOf::<Runtime>::iter().map(|(_, _, value)| value));
	tally.read(pallet_deals::Commits::<Runtime>::iter().map(|(_, _, value)| value));
	tally.read(pallet_deals::CommitPrices::<Runtime>::iter().map(|(_, _, value)| value));
	tally.read(pallet_deals::Rents::<Runtime>::iter().map(|(_, value)| value));
	tally.read(pallet_deals::Owed::<Runtime>::iter().map(|(_, value)| value));
	tally.read(pallet_deals::MinTerm::<Runtime>::try_get());
	tally.read(pallet_deals::Uploaders::<Runtime>::iter().map(|(_, value)| value));
	tally.read(pallet_deals::ManifestPoints::<Runtime>::iter().map(|(_, _, value)| value));
	tally.read(pallet_deals::Agenda::<Runtime>::iter().map(|(_, _, value)| value));
	tally.read(pallet_deals::AgendaLen::<Runtime>::iter().map(|(_, value)| value));
	tally.read(pallet_deals::AgendaPlaces::<Runtime>::iter().map(|(_, value)| value));
	tally.read(pallet_deals::AgendaCursor::<Runtime>::try_get());
	tally.read(pallet_deals::Remnants::<Runtime>::iter().map(|(_, value)| value));
	tally.read(pallet_deals::RemnantQueue::<Runtime>::try_get());

	tally.read(pallet_mode2::Stripes::<Runtime>::iter().map(|(_, value)| value));
	tally.read(pallet_mode2::SlotsOf::<Runtime>::iter().map(|(_, _, value)| value));
	tally.read(pallet_mode2::Requests::<Runtime>::iter().map(|(_, value)| value));
	tally.read(pallet_mode2::Queue::<Runtime>::iter().map(|(_, _, value)| value));
	tally.read(pallet_mode2::Lanes::<Runtime>::iter().map(|(_, value)| value));
	tally.read(pallet_mode2::Repairs::<Runtime>::iter().map(|(_, _, value)| value));
	tally.read(pallet_mode2::RepairQueue::<Runtime>::iter().map(|(_, _, value)| value));
	tally.read(pallet_mode2::Formers::<Runtime>::iter().map(|(_, _, value)| value));
	tally.read(pallet_mode2::Asked::<Runtime>::iter().map(|(_, _, value)| value));
	tally.read(pallet_mode2::Lost::<Runtime>::iter().map(|(_, value)| value));
	tally.read(pallet_mode2::Pace::<Runtime>::try_get());
	tally.read(pallet_mode2::Departing::<Runtime>::iter().map(|(_, value)| value));
	tally.read(pallet_mode2::DepartureEnds::<Runtime>::try_get());
	tally.read(pallet_mode2::DepartureCursor::<Runtime>::try_get());

	tally.read(pallet_liveness::EpochLength::<Runtime>::try_get());
	tally.read(pallet_liveness::SettlementEpochs::<Runtime>::try_get());
	tally.read(pallet_liveness::Sealed::<Runtime>::try_get());
	tally.read(pallet_liveness::Tenures::<Runtime>::iter().map(|(_, _, value)| value));
	tally.read(pallet_liveness::EndedCommits::<Runtime>::iter().map(|(_, _, value)| value));
	tally.read(pallet_liveness::Endings::<Runtime>::iter().map(|(_, _, value)| value));
	tally.read(pallet_liveness::EndingQueue::<Runtime>::iter().map(|(_, value)| value));
	tally.read(pallet_liveness::EndingEnds::<Runtime>::try_get());
	tally.read(pallet_liveness::EvictionQueue::<Runtime>::iter().map(|(_, value)| value));
	tally.read(pallet_liveness::EvictionEnds::<Runtime>::try_get());
	tally.read(pallet_liveness::WatchQueue::<Runtime>::iter().map(|(_, value)| value));
	tally.read(pallet_liveness::WatchEnds::<Runtime>::try_get());
	tally.read(pallet_liveness::CurrentRound::<Runtime>::try_get());
	tally.read(pallet_liveness::BeganAt::<Runtime>::try_get());
	tally.read(pallet_liveness::Drawn::<Runtime>::try_get());
	tally.read(pallet_liveness::DrawnBefore::<Runtime>::try_get());
	tally.read(pallet_liveness::Parameters::<Runtime>::try_get());
	tally.read(pallet_liveness::Books::<Runtime>::iter().map(|(_, value)| value));
	tally.read(pallet_liveness::Journals::<Runtime>::iter().map(|(_, value)| value));
	tally.read(pallet_liveness::Journal::<Runtime>::iter().map(|(_, _, value)| value));
	tally.read(pallet_liveness::Entries::<Runtime>::iter().map(|(_, _, value)| value));
	tally.read(pallet_liveness::Places::<Runtime>::iter().map(|(_, _, value)| value));
	tally.read(pallet_liveness::Slots::<Runtime>::iter().map(|(_, _, value)| value));
	tally.read(pallet_liveness::SlotPlaces::<Runtime>::iter().map(|(_, _, value)| value));

	tally
}

/// What the state has under the names of our pallets, but for their versions.
fn all_that_is_there(entries: &Entries) -> Tally {
	let ours = [
		Beacon::name_hash(),
		Providers::name_hash(),
		Deals::name_hash(),
		Mode2::name_hash(),
		Liveness::name_hash(),
	];
	let versions = [
		StorageVersion::storage_key::<Beacon>(),
		StorageVersion::storage_key::<Providers>(),
		StorageVersion::storage_key::<Deals>(),
		StorageVersion::storage_key::<Mode2>(),
		StorageVersion::storage_key::<Liveness>(),
	];
	let mut tally = Tally::default();
	for (key, value) in entries {
		let counts = ours.iter().any(|pallet| key.starts_with(pallet))
			&& versions.iter().all(|version| key[..] != version[..]);
		if counts {
			tally.add(value.len());
		}
	}
	tally
}

/// The version of a pallet's layout, as its code has it.
trait InCode {
	fn version(self) -> StorageVersion;
}

impl InCode for StorageVersion {
	fn version(self) -> StorageVersion {
		self
	}
}

/// A pallet that says nothing has the first layout that it ever had.
impl InCode for NoStorageVersionSet {
	fn version(self) -> StorageVersion {
		StorageVersion::new(0)
	}
}

/// Fails when a pallet's layout counts as another one in the code than in the state: its version was raised, and there
/// is no migration that changes the state and raises the version there. Returns the pallet's name.
fn check_version<Pallet>() -> &'static str
where
	Pallet: GetStorageVersion<InCodeStorageVersion: InCode> + PalletInfoAccess,
{
	assert_eq!(
		Pallet::on_chain_storage_version(),
		Pallet::in_code_storage_version().version(),
		"{}: the version in the state is not that in the code; write a migration (runtime/src/migrations.rs)",
		Pallet::name(),
	);
	Pallet::name()
}

/// [`check_version`] for every pallet, the SDK's among them.
fn check_versions() {
	let mut checked = [
		check_version::<System>(),
		check_version::<ParachainSystem>(),
		check_version::<Timestamp>(),
		check_version::<ParachainInfo>(),
		check_version::<WeightReclaim>(),
		check_version::<Utility>(),
		check_version::<MultiBlockMigrations>(),
		check_version::<Balances>(),
		check_version::<TransactionPayment>(),
		check_version::<Sudo>(),
		check_version::<Authorship>(),
		check_version::<CollatorSelection>(),
		check_version::<Session>(),
		check_version::<Aura>(),
		check_version::<AuraExt>(),
		check_version::<XcmpQueue>(),
		check_version::<PolkadotXcm>(),
		check_version::<CumulusXcm>(),
		check_version::<MessageQueue>(),
		check_version::<Beacon>(),
		check_version::<Providers>(),
		check_version::<Deals>(),
		check_version::<Mode2>(),
		check_version::<Liveness>(),
		check_version::<Preimage>(),
		check_version::<Scheduler>(),
		check_version::<ConvictionVoting>(),
		check_version::<Referenda>(),
		check_version::<Origins>(),
		check_version::<Whitelist>(),
		check_version::<TechnicalCommittee>(),
		check_version::<SafeMode>(),
		check_version::<TxPause>(),
	];
	let mut all: Vec<_> =
		AllPalletsWithSystem::infos().into_iter().map(|pallet| pallet.name).collect();
	checked.sort_unstable();
	all.sort_unstable();
	assert_eq!(all, checked, "`check_versions` leaves out a pallet");
}

/// What must hold of every state that a runtime leaves.
fn check(chain: &TestChain) {
	chain.inspect(check_versions);

	let entries = chain.entries();
	assert_eq!(
		chain.inspect(all_that_decodes),
		all_that_is_there(&entries),
		"an entry does not decode, or `all_that_decodes` does not know its item",
	);
	for item in storage_items() {
		let bound = item.max_size.expect("all items of our pallets are bounded") as usize;
		for (key, value) in entries.iter().filter(|(key, _)| key.starts_with(&item.prefix)) {
			let size = key.len() - item.prefix.len() + value.len();
			assert!(size <= bound, "{}: {size} bytes where {bound} are allowed", name(&item));
		}
	}

	chain.inspect(|| {
		Beacon::do_try_state().unwrap();
		Providers::do_try_state().unwrap();
		Deals::do_try_state().unwrap();
		Mode2::do_try_state().unwrap();
		Liveness::do_try_state().unwrap();
	});
}

/// What the newest block weighs.
fn weight(chain: &TestChain) -> Weight {
	chain.inspect(|| System::block_weight().total())
}

/// The version of the runtime whose hooks for upgrades ran last.
fn last_upgrade(chain: &TestChain) -> u32 {
	chain.inspect(|| {
		frame_system::LastRuntimeUpgrade::<Runtime>::get().expect("genesis counts").spec_version.0
	})
}

/// Lets the runtime of `backend` take over a state. Returns its first block, in which its hooks for upgrades ran.
fn take_over(backend: Backend, mut entries: Entries) -> (TestChain, Built) {
	// Hooks run when the version is above that of the runtime that ran last. Versions are raised for releases and not
	// with each change of a runtime, so forget which one ran last: then every runtime is a newer one.
	entries.remove(&frame_system::LastRuntimeUpgrade::<Runtime>::hashed_key()[..]);
	let mut chain = TestChain::restore(backend, entries);
	// As in the block that brings new code: until the hooks have run, nobody is told what is in the state.
	chain.ask("NilApi_deal", &0u64).unwrap_err();
	let first = chain.build_all_good(Vec::new());
	(chain, first)
}

/// Makes blocks until all migrations are done.
fn finish_migrations(chain: &mut TestChain) {
	for _ in 0..MIGRATED_WITHIN {
		if !chain.inspect(<MultiBlockMigrations as MultiStepMigrator>::ongoing) {
			return;
		}
		chain.build_all_good(Vec::new());
	}
	panic!("stands still: {:?}", chain.inspect(Cursor::<Runtime>::get));
}

#[test]
fn the_state_to_be_kept_has_something_of_everything() {
	let chain = snapshot::busy();
	check(&chain);
	let entries = chain.entries();
	for item in storage_items() {
		assert!(
			entries.keys().any(|key| key.starts_with(&item.prefix)),
			"{} is empty: let `snapshot::busy` put something there",
			name(&item)
		);
	}
	if let Ok(commit) = std::env::var(WRITE) {
		let path = snapshot::write(&chain, VERSION.spec_version, &commit);
		println!("written: {}", path.display());
	}
}

#[test]
fn kept_states_go_on_under_this_runtime() {
	let kept = snapshot::all();
	assert!(!kept.is_empty(), "no state is kept; `make snapshot` makes one");
	for backend in Backend::ALL {
		let artifact = support::artifact(backend);
		for state in &kept {
			assert!(
				backend.spec_version() >= state.spec_version,
				"the runtime of {} had a higher version, {}: a chain would refuse this one",
				state.commit,
				state.spec_version
			);
			let (mut chain, first) = take_over(backend, state.entries.clone());
			assert_eq!(last_upgrade(&chain), backend.spec_version());
			let (taken, limit) = (weight(&chain), RuntimeBlockWeights::get().max_block);
			assert!(taken.all_lte(limit), "the hooks take {taken} of {limit}");
			support::validate(backend, &artifact, &first).unwrap();
			finish_migrations(&mut chain);
			check(&chain);

			// What was stored before anybody was asked for it is asked for from now on.
			let before = deals::info(&chain);
			for slot in 0..before.profile.n() {
				let holder = deals::holder(&chain, slot).to_raw_public();
				let duty: DutyInfo = chain.query("NilApi_duty", &holder);
				assert_eq!(duty.waiting, u64::from(before.generation));
			}

			// And content goes on where it was.
			let nonce = chain.nonce(Sr25519Keyring::Alice);
			let commit = deals::commit_upon(&chain, before.profile, before.generation, nonce, 2);
			let block = chain.build_all_good(vec![commit]);
			assert_eq!(deals::info(&chain).generation, before.generation + 1);
			support::validate(backend, &artifact, &block).unwrap();
			check(&chain);
		}
	}
}

#[test]
fn who_drained_before_the_upgrade_is_replaced() {
	for state in snapshot::all() {
		let mut chain = TestChain::restore(Backend::Portable, state.entries);
		// As the older runtime did it, which told nobody.
		let leaver = chain.alter(|| {
			let stripe = pallet_mode2::Stripes::<Runtime>::get(0u64).expect("deal 0 is placed");
			let leaver = stripe.slots[0].state.provider().cloned().expect("somebody holds it");
			Providers::drain(RuntimeOrigin::signed(leaver.clone())).unwrap();
			pallet_mode2::Departing::<Runtime>::remove(0u64);
			pallet_mode2::DepartureEnds::<Runtime>::kill();
			leaver
		});
		let (mut chain, _) = take_over(Backend::Portable, chain.entries());
		finish_migrations(&mut chain);
		chain.build_all_good(Vec::new());
		check(&chain);
		let repair = chain.inspect(|| pallet_mode2::Repairs::<Runtime>::get(0u64, 0u8));
		let cause = repair.map(|repair| repair.cause);
		assert_eq!(cause, Some(RepairCause::Drain), "{leaver:?} is not replaced");
	}
}

/// What every pallet, the SDK's among them, has to say about an upgrade, in the runtime that is built for it.
#[cfg(feature = "try-runtime")]
mod checked {
	use super::*;
	use frame_support::migrations::SteppedMigrations;
	use nil_runtime::migrations::MultiBlock;

	/// `UpgradeCheckSelect`, which FRAME has with `try-runtime` alone: which checks there shall be.
	#[derive(Clone, Copy, Encode)]
	enum Checks {
		/// None.
		#[codec(index = 0)]
		None,
		/// The hooks before and after the upgrade, the versions of pallets, the decoding of the whole state, all
		/// invariants.
		#[codec(index = 1)]
		All,
		/// The decoding of the whole state, all invariants.
		#[codec(index = 3)]
		State,
	}

	/// Runs the hooks of an upgrade on the newest block's state, which stays as it is. They fail the test when a check
	/// fails.
	fn hooks(chain: &TestChain, checks: Checks) {
		let (taken, limit): (Weight, Weight) =
			chain.query("TryRuntime_on_runtime_upgrade", &checks);
		assert!(taken.all_lte(limit), "the hooks take {taken} of {limit}");
	}

	#[test]
	fn kept_states_pass_every_check() {
		// What is migrated in steps does not decode, and has the old version, until the last step is done. The steps'
		// own hooks run when blocks are made.
		let at_once = if MultiBlock::len() == 0 { Checks::All } else { Checks::None };
		for state in snapshot::all() {
			hooks(&TestChain::restore(Backend::Checked, state.entries.clone()), at_once);
			let (mut chain, _) = take_over(Backend::Checked, state.entries);
			finish_migrations(&mut chain);
			hooks(&chain, Checks::State);
		}
	}

	#[test]
	fn a_state_of_this_runtime_passes_every_check() {
		hooks(&TestChain::restore(Backend::Checked, snapshot::busy().entries()), Checks::All);
	}

	#[test]
	fn a_pallet_whose_version_is_not_that_of_its_state_is_found() {
		let mut chain = TestChain::restore(Backend::Checked, snapshot::busy().entries());
		chain.alter(|| StorageVersion::new(0).put::<Deals>());
		let error = chain.ask("TryRuntime_on_runtime_upgrade", &Checks::All).unwrap_err();
		assert!(error.contains("storage version"), "{error}");
	}
}

#[test]
fn a_transaction_is_for_one_version_and_receipts_are_for_all() {
	let (old, profile) = deals::placed(Backend::Portable);
	let commit = deals::commit(&old, profile, 0, 2);

	// The other runtime has a higher version, so its hooks run as they do on a chain that goes over to it.
	let mut new = TestChain::restore(Backend::Rfc163, old.entries());
	new.build_all_good(Vec::new());
	finish_migrations(&mut new);
	let refused = new.build(vec![commit.clone()]);
	assert_eq!(last_upgrade(&new), Backend::Rfc163.spec_version());
	let outcome = refused.outcomes[0].unwrap_err();
	assert_eq!(outcome, TransactionValidityError::Invalid(InvalidTransaction::BadProof));

	// The same call with the same receipts, signed anew.
	let commit = new.sign(Sr25519Keyring::Alice, 1, commit.function);
	new.build_all_good(vec![commit]);
	assert_eq!(deals::info(&new).generation, 1);
	check(&new);
}

#[test]
fn a_failed_migration_stops_transactions_and_nothing_else() {
	let (mut chain, profile) = deals::placed(Backend::Portable);
	let artifact = support::artifact(Backend::Portable);
	let commit = deals::commit(&chain, profile, 0, 2);
	chain.alter(|| Cursor::<Runtime>::put(MigrationCursor::Stuck));

	let empty = chain.build_all_good(Vec::new());
	support::validate(Backend::Portable, &artifact, &empty).unwrap();
	check(&chain);
	chain.ask("NilApi_deal", &0u64).unwrap_err();
	// The test's own collator puts in what an honest one leaves out.
	let full = chain.build_all_good(vec![commit]);
	support::validate(Backend::Portable, &artifact, &full).unwrap_err();
}
