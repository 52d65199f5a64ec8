//! What development nodes and collators share: the client, its executor, the transaction pool.

use nil_runtime::{apis::RuntimeApi, opaque::Block};
use sc_executor::WasmExecutor;
use sc_service::{Configuration, Error, TFullBackend, TFullClient, TaskManager};
use sc_telemetry::{Telemetry, TelemetryWorker, TelemetryWorkerHandle};
use sc_transaction_pool::TransactionPoolHandle;
use std::sync::Arc;

/// The host functions that this node offers to runtimes: those of every parachain node, and the curve arithmetic of
/// `nil-host`.
///
/// The first three are `cumulus_client_service::ParachainHostFunctions`, written out because that crate comes with a
/// relay chain's node.
pub type HostFunctions = (
	cumulus_primitives_proof_size_hostfunction::storage_proof_size::HostFunctions,
	sp_io::SubstrateHostFunctions,
	sp_crypto_ec_utils::HostFunctionsRfc163,
	nil_host::host::HostFunctions,
);

/// Executes runtimes.
pub type Executor = WasmExecutor<HostFunctions>;
/// Reads and writes the chain.
pub type FullClient = TFullClient<Block, RuntimeApi, Executor>;
/// The database.
pub type FullBackend = TFullBackend<Block>;
/// Transactions that wait for a block.
pub type FullPool = TransactionPoolHandle<Block, FullClient>;

/// The parts of a node that exist before any networking.
pub struct Parts {
	/// Reads and writes the chain.
	pub client: Arc<FullClient>,
	/// The database.
	pub backend: Arc<FullBackend>,
	/// Runs the node's tasks.
	pub tasks: TaskManager,
	/// The node's keys.
	pub keystore: sc_service::KeystoreContainer,
	/// Transactions that wait for a block.
	pub pool: Arc<FullPool>,
	/// Reports to a telemetry server, when asked to.
	pub telemetry: Option<Telemetry>,
	/// Lets other parts report too.
	pub telemetry_worker: Option<TelemetryWorkerHandle>,
}

impl std::fmt::Debug for Parts {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		f.debug_struct("Parts").finish_non_exhaustive()
	}
}

impl Parts {
	/// Opens the database and starts the transaction pool.
	///
	/// `record_proofs`: whether blocks are imported with a recorder of their storage proof, which collators need for
	/// the proof sizes that runtimes ask about.
	pub fn new(config: &Configuration, record_proofs: bool) -> Result<Self, Error> {
		let executor = sc_service::new_wasm_executor::<HostFunctions>(&config.executor);
		Self::with_executor(config, executor, record_proofs)
	}

	/// As [`Parts::new`], with an executor of the caller's.
	pub fn with_executor(
		config: &Configuration,
		executor: Executor,
		record_proofs: bool,
	) -> Result<Self, Error> {
		let telemetry = config
			.telemetry_endpoints
			.clone()
			.filter(|endpoints| !endpoints.is_empty())
			.map(|endpoints| -> Result<_, sc_telemetry::Error> {
				let worker = TelemetryWorker::new(16)?;
				let telemetry = worker.handle().new_telemetry(endpoints);
				Ok((worker, telemetry))
			})
			.transpose()?;

		let (client, backend, keystore, tasks) =
			sc_service::new_full_parts_record_import::<Block, RuntimeApi, _>(
				config,
				telemetry.as_ref().map(|(_, telemetry)| telemetry.handle()),
				executor,
				record_proofs,
				Vec::new(),
			)?;
		let client = Arc::new(client);

		let telemetry_worker = telemetry.as_ref().map(|(worker, _)| worker.handle());
		let telemetry = telemetry.map(|(worker, telemetry)| {
			tasks.spawn_handle().spawn("telemetry", None, worker.run());
			telemetry
		});

		let pool = sc_transaction_pool::Builder::new(
			tasks.spawn_essential_handle(),
			client.clone(),
			config.role.is_authority().into(),
		)
		.with_options(config.transaction_pool.clone())
		.with_prometheus(config.prometheus_registry())
		.build();

		Ok(Self {
			client,
			backend,
			tasks,
			keystore,
			pool: Arc::new(pool),
			telemetry,
			telemetry_worker,
		})
	}
}
