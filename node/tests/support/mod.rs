//! A chain in memory: blocks are made with the runtime's wasm and the node's host functions, as a collator makes them,
//! with their storage proof recorded and sealed by Alice.
#![allow(dead_code, reason = "no test uses all of it")]

pub mod deals;
pub mod samples;
pub mod snapshot;

use codec::{Decode, Encode};
use cumulus_client_parachain_inherent::{
	INHERENT_IDENTIFIER, MockXcmConfig, ParachainInherentData,
};
use cumulus_pallet_parachain_system::{LastDmqMqcHead, LastHrmpMqcHeads};
use cumulus_primitives_core::{ParaId, ParachainBlockData, PersistedValidationData};
use futures::executor::block_on;
use nil_host_fixture::{Request, Way};
use nil_node::{
	chain_spec,
	dev::relay::{Place, relay_state},
	service::Executor,
};
use nil_runtime::{
	Beacon, Block, BlockNumber, DEFAULT_PARA_ID, Hash, Header, Nonce, Runtime, RuntimeCall,
	SLOT_DURATION_MILLIS, SignedPayload, System, TxExtension, UncheckedExtrinsic, VERSION,
};
use nil_types::{blake2b_256, traits::RelayBeacon};
use pallet_beacon::{Bounds, LastDropped, LastRelayBlock, Records, Ring};
use polkadot_node_core_pvf_common::executor_interface::{execute_artifact, prepare, prevalidate};
use polkadot_parachain_primitives::primitives::{
	BlockData, HeadData, ValidationParams, ValidationResult,
};
use polkadot_primitives::{ExecutorHostFunction, ExecutorParam, ExecutorParams};
use sc_chain_spec::construct_genesis_block;
use sc_executor::WasmExecutor;
use snapshot::Entries;
use sp_consensus_aura::digests::CompatibleDigestItem;
use sp_core::{
	Pair, sr25519,
	storage::{StateVersion, Storage, well_known_keys},
	traits::{CallContext, CodeExecutor, RuntimeCode, WrappedRuntimeCode},
};
use sp_externalities::{Extensions, set_and_run_with_externalities};
use sp_inherents::{InherentData, InherentDataProvider};
use sp_keyring::Sr25519Keyring;
use sp_runtime::{
	ApplyExtrinsicResult, BuildStorage, Digest, DigestItem, DispatchResult,
	generic::Era,
	traits::{BlakeTwo256, Block as _, Header as _},
};
use sp_state_machine::{
	Backend as StateBackend, Ext, InMemoryBackend, IterArgs, OverlayedChanges, TrieBackendBuilder,
};
use sp_timestamp::Timestamp;
use sp_trie::{proof_size_extension::ProofSizeExt, recorder::Recorder};
use std::{
	fs,
	io::Write,
	path::Path,
	sync::{LazyLock, OnceLock},
};

/// What the made-up relay chain derives its randomness from.
pub const SEED: &[u8] = b"test";

/// Compiling the runtime takes seconds, so the compiled one is kept, also for the test's next process.
static EXECUTOR: LazyLock<Executor> = LazyLock::new(|| {
	WasmExecutor::builder()
		.with_cache_path(concat!(env!("CARGO_TARGET_TMPDIR"), "/compiled-runtimes"))
		.build()
});

/// The runtimes, by the arithmetic that validators use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
	Portable,
	Rfc163,
	/// As the first, with the checks of `try-runtime` in it.
	#[cfg(feature = "try-runtime")]
	Checked,
}

impl Backend {
	/// Those that chains run.
	pub const ALL: [Self; 2] = [Self::Portable, Self::Rfc163];

	/// The runtime's wasm, as it goes into a chain's state.
	pub fn wasm(self) -> &'static [u8] {
		match self {
			Self::Portable => nil_runtime::WASM_BINARY,
			Self::Rfc163 => nil_runtime_rfc163::WASM_BINARY,
			#[cfg(feature = "try-runtime")]
			Self::Checked => nil_runtime_try::WASM_BINARY,
		}
		.expect("the tests need the runtimes' wasm")
	}

	/// Its last digit tells the arithmetic.
	pub fn spec_version(self) -> u32 {
		VERSION.spec_version + u32::from(self == Self::Rfc163)
	}

	/// The same, as `nil-host-fixture` is told.
	pub fn way(self) -> Way {
		match self {
			Self::Rfc163 => Way::Rfc163,
			_ => Way::Portable,
		}
	}

	/// How a relay chain's validators execute it.
	pub fn executor_params(self) -> ExecutorParams {
		match self {
			Self::Rfc163 => {
				[ExecutorParam::EnabledHostFunction(ExecutorHostFunction::EccRfc163)][..].into()
			},
			_ => ExecutorParams::default(),
		}
	}

	/// The development chain's state at genesis.
	fn genesis(self) -> Storage {
		static GENESES: [OnceLock<Storage>; 3] = [const { OnceLock::new() }; 3];
		GENESES[self as usize]
			.get_or_init(|| {
				let made = || chain_spec::dev_with(self.wasm()).build_storage().unwrap().top;
				let top = decode(&kept("genesis", self.wasm(), || made().encode()));
				Storage { top, ..Default::default() }
			})
			.clone()
	}
}

/// A block, and what a validator is given to check it.
pub struct Built {
	/// What each transaction led to, inherents left out.
	pub outcomes: Vec<ApplyExtrinsicResult>,
	/// The sealed block and its storage proof, as a collator sends them.
	pub pov: ParachainBlockData<Block>,
	/// The header of the block before.
	pub parent: Header,
	/// What the block says about the relay chain.
	pub validation: PersistedValidationData,
}

/// Messages that come with a block, as the relay chain carries them.
#[derive(Default)]
pub struct Messages {
	/// Those of the relay chain.
	pub from_relay: Vec<Vec<u8>>,
	/// Pages of those of other parachains.
	pub from_siblings: Vec<(ParaId, Vec<u8>)>,
}

/// A chain in memory.
pub struct TestChain {
	backend: Backend,
	state: InMemoryBackend<BlakeTwo256>,
	executor: Executor,
	head: Header,
	genesis: Hash,
	place: Place,
}

impl TestChain {
	/// The development chain before its first block.
	pub fn new() -> Self {
		Self::with(Backend::Portable)
	}

	/// The development chain with another runtime, before its first block.
	pub fn with(backend: Backend) -> Self {
		let state = InMemoryBackend::from((backend.genesis(), StateVersion::V1));
		let genesis = construct_genesis_block::<Block>(*state.root(), StateVersion::V1);
		Self {
			backend,
			state,
			executor: EXECUTOR.clone(),
			genesis: genesis.header.hash(),
			head: genesis.header,
			place: Place { block: 1_000, slot: 300_000_000 },
		}
	}

	/// A chain that goes on from a state, under the runtime of `backend`, whichever made the state.
	///
	/// The state is enough: the newest block is made up from what its state says about it, and nothing but its child
	/// ever looks at it.
	pub fn restore(backend: Backend, entries: Entries) -> Self {
		let mut storage = Storage { top: entries, ..Default::default() };
		storage.top.insert(well_known_keys::CODE.to_vec(), backend.wasm().to_vec());
		let state: InMemoryBackend<BlakeTwo256> = (storage, StateVersion::V1).into();
		let state_root = *state.root();
		let nothing = Header::new(
			Default::default(),
			Default::default(),
			state_root,
			Default::default(),
			Default::default(),
		);
		let mut chain = Self {
			backend,
			state,
			executor: EXECUTOR.clone(),
			head: nothing,
			genesis: Hash::default(),
			place: Place { block: 0, slot: 0 },
		};
		let (number, parent, genesis) = chain
			.inspect(|| (System::block_number(), System::parent_hash(), System::block_hash(0u32)));
		let (relay_block, time) =
			chain.inspect(|| (<Beacon as RelayBeacon>::now(), nil_runtime::Timestamp::get()));
		assert_ne!(genesis, Hash::default(), "the state has forgotten the hash of block 0");
		chain.head =
			Header::new(number, Default::default(), state_root, parent, Default::default());
		chain.genesis = genesis;
		chain.place = Place { block: relay_block, slot: time / SLOT_DURATION_MILLIS };
		chain
	}

	/// The newest block's state.
	pub fn entries(&self) -> Entries {
		self.state.pairs(IterArgs::default()).unwrap().map(Result::unwrap).collect()
	}

	/// How many transactions `signer` has sent.
	pub fn nonce(&self, signer: Sr25519Keyring) -> Nonce {
		self.inspect(|| System::account_nonce(signer.to_account_id()))
	}

	/// Hash of block 0.
	pub fn genesis(&self) -> Hash {
		self.genesis
	}

	/// Where on the relay chain the newest block is.
	pub fn place(&self) -> Place {
		self.place
	}

	/// Asks the runtime something about the newest block.
	pub fn query<R: Decode>(&self, method: &str, arguments: &impl Encode) -> R {
		decode(&self.ask(method, arguments).unwrap())
	}

	/// As [`TestChain::query`]; `Err` says why there is no answer.
	pub fn ask(&self, method: &str, arguments: &impl Encode) -> Result<Vec<u8>, String> {
		let mut overlay = OverlayedChanges::default();
		let mut ext = Ext::new(&mut overlay, &self.state, None);
		self.call(&mut ext, method, &arguments.encode())
	}

	fn call(
		&self,
		ext: &mut dyn sp_externalities::Externalities,
		method: &str,
		arguments: &[u8],
	) -> Result<Vec<u8>, String> {
		let code = WrappedRuntimeCode(self.backend.wasm().into());
		// The executor knows compiled runtimes by this hash.
		let hash = vec![self.backend as u8];
		let code = RuntimeCode { code_fetcher: &code, heap_pages: None, hash };
		let context = CallContext::Onchain { import: false };
		let (result, _) = self.executor.call(ext, &code, method, arguments, context);
		result.map_err(|error| format!("{method}: {error}"))
	}

	/// Reads the newest block's state through the pallets' own functions.
	pub fn inspect<R>(&self, read: impl FnOnce() -> R) -> R {
		let mut overlay = OverlayedChanges::default();
		let mut ext = Ext::new(&mut overlay, &self.state, None);
		set_and_run_with_externalities(&mut ext, read)
	}

	/// As [`TestChain::inspect`], with the bytes of the storage proof from which a validator reads the same.
	pub fn inspect_with_proof<R>(&self, read: impl FnOnce() -> R) -> (R, usize) {
		let recorder = Recorder::<BlakeTwo256>::default();
		let recording =
			TrieBackendBuilder::wrap(&self.state).with_recorder(recorder.clone()).build();
		let mut overlay = OverlayedChanges::default();
		let result = {
			let mut ext = Ext::new(&mut overlay, &recording, None);
			set_and_run_with_externalities(&mut ext, read)
		};
		let proof = recorder.drain_storage_proof();
		let proof = proof.into_compact_proof::<BlakeTwo256>(*self.state.root()).unwrap();
		(result, proof.encoded_size())
	}

	/// Lets the clock of governance show `ticks` when the next block begins, as if blocks had passed in which nothing was to
	/// be done. In every one of them it would have gone on by one, so the next block has the number that follows.
	pub fn skip_to(&mut self, ticks: BlockNumber) {
		assert!(ticks >= self.head.number, "block {} is the newest", self.head.number);
		self.head.number = ticks;
		self.alter(|| {
			System::set_block_number(ticks);
			let Bounds { first, next } = Ring::<Runtime>::get();
			(first..next).for_each(Records::<Runtime>::remove);
			Ring::<Runtime>::put(Bounds { first: ticks.into(), next: ticks.into() });
			LastDropped::<Runtime>::put(LastRelayBlock::<Runtime>::get());
			// Where the scheduler goes on: it would look at every number on the way.
			pallet_scheduler::IncompleteSince::<Runtime>::put(ticks);
		});
	}

	/// Puts a transaction into a block of its own. What came of it.
	pub fn send(&mut self, signer: Sr25519Keyring, call: impl Into<RuntimeCall>) -> DispatchResult {
		let transaction = self.sign(signer, self.nonce(signer), call);
		self.build(vec![transaction]).outcomes[0].expect("the transaction is valid")
	}

	/// Changes the newest block's state through the pallets' own functions, as no block does.
	pub fn alter<R>(&mut self, change: impl FnOnce() -> R) -> R {
		let mut overlay = OverlayedChanges::default();
		let result = {
			let mut ext = Ext::new(&mut overlay, &self.state, None);
			set_and_run_with_externalities(&mut ext, change)
		};
		let changes = overlay.drain_storage_changes(&self.state, StateVersion::V1).unwrap();
		self.state.apply_transaction(changes.transaction_storage_root, changes.transaction);
		self.head.state_root = *self.state.root();
		if self.head.number == 0 {
			self.genesis = self.head.hash();
		}
		result
	}

	/// A transaction that `signer` signs with its nonce `nonce`.
	pub fn sign(
		&self,
		signer: Sr25519Keyring,
		nonce: Nonce,
		call: impl Into<RuntimeCall>,
	) -> UncheckedExtrinsic {
		let extension: TxExtension = cumulus_pallet_weight_reclaim::StorageWeightReclaim::new((
			frame_system::AuthorizeCall::new(),
			frame_system::CheckNonZeroSender::new(),
			frame_system::CheckSpecVersion::new(),
			frame_system::CheckTxVersion::new(),
			frame_system::CheckGenesis::new(),
			frame_system::CheckEra::from(Era::Immortal),
			frame_system::CheckNonce::from(nonce),
			frame_system::CheckWeight::new(),
			pallet_transaction_payment::ChargeTransactionPayment::from(0),
			frame_metadata_hash_extension::CheckMetadataHash::new(false),
		));
		let implicit = (
			(),
			(),
			self.backend.spec_version(),
			VERSION.transaction_version,
			self.genesis,
			self.genesis,
			(),
			(),
			(),
			None,
		);
		let payload = SignedPayload::from_raw(call.into(), extension, implicit);
		let signature = payload.using_encoded(|bytes| signer.sign(bytes));
		let (call, extension, _) = payload.deconstruct();
		UncheckedExtrinsic::new_signed(
			call,
			signer.to_account_id().into(),
			signature.into(),
			extension,
		)
	}

	/// How far the chain has read what other chains sent it: the relay chain goes on from there.
	fn queue_heads(&self) -> MockXcmConfig {
		self.inspect(|| MockXcmConfig {
			starting_dmq_mqc_head: LastDmqMqcHead::<Runtime>::get().head(),
			starting_hrmp_mqc_heads: LastHrmpMqcHeads::<Runtime>::get()
				.into_iter()
				.map(|(sender, queue)| (sender, queue.head()))
				.collect(),
		})
	}

	/// The inherents' data for a block at `place`.
	fn inherents(
		&self,
		place: Place,
		messages: Messages,
		change: impl FnOnce(&mut ParachainInherentData),
	) -> (InherentData, PersistedValidationData) {
		let mut relay =
			relay_state(SEED, place, ParaId::from(DEFAULT_PARA_ID), &opaque_header(&self.head));
		relay.xcm_config = self.queue_heads();
		relay.raw_downward_messages = messages.from_relay;
		relay.raw_horizontal_messages = messages.from_siblings;
		let mut data = block_on(relay.create_inherent_data()).unwrap();
		// The provider leaves the head empty, which no validator would.
		let mut parachain: ParachainInherentData =
			data.get_data(&INHERENT_IDENTIFIER).unwrap().unwrap();
		parachain.validation_data.parent_head = self.head.encode().into();
		change(&mut parachain);
		let validation = parachain.validation_data.clone();
		data.replace_data(INHERENT_IDENTIFIER, &parachain);
		let time = Timestamp::new(place.slot * SLOT_DURATION_MILLIS);
		data.put_data(sp_timestamp::INHERENT_IDENTIFIER, &time).unwrap();
		(data, validation)
	}

	/// Makes the next block with these transactions.
	pub fn build(&mut self, transactions: Vec<UncheckedExtrinsic>) -> Built {
		self.build_with(transactions, |_| ()).unwrap()
	}

	/// Makes the next block, on what `change` makes of its relay chain data. `Err` says why the runtime refused.
	pub fn build_with(
		&mut self,
		transactions: Vec<UncheckedExtrinsic>,
		change: impl FnOnce(&mut ParachainInherentData),
	) -> Result<Built, String> {
		self.build_on(transactions, Messages::default(), change)
	}

	/// Makes the next block, with these messages and no transactions.
	pub fn receive(&mut self, messages: Messages) -> Built {
		self.build_on(Vec::new(), messages, |_| ()).unwrap()
	}

	fn build_on(
		&mut self,
		transactions: Vec<UncheckedExtrinsic>,
		messages: Messages,
		change: impl FnOnce(&mut ParachainInherentData),
	) -> Result<Built, String> {
		let place = self.place.next(0);
		let (inherents, validation) = self.inherents(place, messages, change);
		let slot = <DigestItem as CompatibleDigestItem<sr25519::Signature>>::aura_pre_digest(
			place.slot.into(),
		);
		let start = Header::new(
			self.head.number + 1,
			Default::default(),
			Default::default(),
			self.head.hash(),
			Digest { logs: vec![slot] },
		);

		let recorder = Recorder::<BlakeTwo256>::default();
		let recording =
			TrieBackendBuilder::wrap(&self.state).with_recorder(recorder.clone()).build();
		let mut overlay = OverlayedChanges::default();
		let mut extensions = Extensions::new();
		extensions.register(ProofSizeExt::new(recorder.clone()));

		let mut run = |overlay: &mut OverlayedChanges<BlakeTwo256>,
		               method: &str,
		               arguments: Vec<u8>|
		 -> Result<Vec<u8>, String> {
			let mut ext = Ext::new(overlay, &recording, Some(&mut extensions));
			self.call(&mut ext, method, &arguments)
		};
		run(&mut overlay, "Core_initialize_block", start.encode())?;
		let mut extrinsics: Vec<UncheckedExtrinsic> =
			decode(&run(&mut overlay, "BlockBuilder_inherent_extrinsics", inherents.encode())?);
		let inherent_count = extrinsics.len();
		extrinsics.extend(transactions);
		let mut outcomes = Vec::new();
		let mut included = Vec::new();
		for extrinsic in extrinsics {
			overlay.start_transaction();
			let applied = run(&mut overlay, "BlockBuilder_apply_extrinsic", extrinsic.encode())?;
			let outcome: ApplyExtrinsicResult = decode(&applied);
			// What cannot be applied, for want of room or because it is invalid, is not in the block.
			if outcome.is_ok() {
				overlay.commit_transaction().unwrap();
				included.push(extrinsic);
			} else {
				overlay.rollback_transaction().unwrap();
			}
			outcomes.push(outcome);
		}
		for outcome in outcomes.drain(..inherent_count) {
			outcome.unwrap().unwrap();
		}
		let header: Header = decode(&run(&mut overlay, "BlockBuilder_finalize_block", Vec::new())?);

		let proof = recorder.drain_storage_proof();
		let pov_proof = proof.into_compact_proof::<BlakeTwo256>(*self.state.root()).unwrap();
		let changes = overlay.drain_storage_changes(&self.state, StateVersion::V1).unwrap();
		self.state.apply_transaction(changes.transaction_storage_root, changes.transaction);
		assert_eq!(header.state_root(), self.state.root());

		let sealed = seal(header);
		let parent = std::mem::replace(&mut self.head, sealed.clone());
		self.place = place;
		let pov = ParachainBlockData::new(vec![Block::new(sealed, included)], pov_proof, None);
		Ok(Built { outcomes, pov, parent, validation })
	}

	/// Makes a block in which every transaction must succeed.
	pub fn build_all_good(&mut self, transactions: Vec<UncheckedExtrinsic>) -> Built {
		let built = self.build(transactions);
		for outcome in &built.outcomes {
			outcome.unwrap().unwrap();
		}
		built
	}
}

/// Signs a header as Alice, the only collator.
fn seal(mut header: Header) -> Header {
	let seal = Sr25519Keyring::Alice.pair().sign(header.hash().as_bytes());
	header.digest.push(CompatibleDigestItem::<sr25519::Signature>::aura_seal(seal));
	header
}

/// Replaces the seal of a header that was changed after it was sealed.
pub fn reseal(header: &mut Header) {
	header.digest.pop();
	*header = seal(header.clone());
}

/// The same header in the node's types.
fn opaque_header(header: &Header) -> nil_runtime::opaque::Header {
	header.clone()
}

fn decode<T: Decode>(bytes: &[u8]) -> T {
	T::decode(&mut &bytes[..]).unwrap()
}

/// A runtime as validators compile it.
pub fn uncompressed(wasm: &[u8]) -> Vec<u8> {
	sp_maybe_compressed_blob::decompress(wasm, 64 * 1024 * 1024).unwrap().into_owned()
}

/// Executes `validate_block` as a validator does whose relay chain is set up for `backend`.
pub fn validate(
	backend: Backend,
	artifact: &[u8],
	built: &Built,
) -> Result<ValidationResult, String> {
	let params = ValidationParams {
		parent_head: HeadData(built.parent.encode()),
		block_data: BlockData(built.pov.encode()),
		relay_parent_number: built.validation.relay_parent_number,
		relay_parent_storage_root: built.validation.relay_parent_storage_root,
	};
	// SAFETY: the artifact comes from `prepare` and was not modified.
	let result =
		unsafe { execute_artifact(artifact, &backend.executor_params(), &params.encode()) };
	let bytes = result.map_err(|error| error.to_string())?;
	ValidationResult::decode(&mut &bytes[..]).map_err(|error| error.to_string())
}

/// The runtime compiled as validators do.
pub fn artifact(backend: Backend) -> Vec<u8> {
	kept("artifact", backend.wasm(), || {
		let blob = prevalidate(&uncompressed(backend.wasm())).unwrap();
		prepare(blob, &backend.executor_params()).unwrap()
	})
}

/// `nil-host-fixture` compiled by validators whose relay chain is set up for `backend`.
pub fn fixture(backend: Backend) -> Vec<u8> {
	let wasm = nil_host_fixture::WASM_BINARY.expect("the tests need the fixture's wasm");
	kept(&format!("fixture-{backend:?}"), wasm, || {
		let blob = prevalidate(&uncompressed(wasm)).unwrap();
		prepare(blob, &backend.executor_params()).unwrap()
	})
}

/// Has the compiled fixture answer, executed by such validators.
pub fn ask_fixture(backend: Backend, artifact: &[u8], requests: &[Request]) -> Vec<Vec<u8>> {
	let params = backend.executor_params();
	// SAFETY: the artifact comes from `prepare` and was not modified.
	let answers = unsafe { execute_artifact(artifact, &params, &requests.encode()) }.unwrap();
	decode(&answers)
}

/// What `make` makes of a runtime, in a file: every test is a process of its own, and compiling a runtime takes seconds.
fn kept(what: &str, wasm: &[u8], make: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
	let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
	let path = folder.join(format!("{what}-{:?}", Hash::from(blake2b_256(wasm))));
	fs::read(&path).unwrap_or_else(|_| {
		let made = make();
		let mut file = tempfile::NamedTempFile::new_in(folder).unwrap();
		file.write_all(&made).unwrap();
		file.persist(&path).unwrap();
		made
	})
}
