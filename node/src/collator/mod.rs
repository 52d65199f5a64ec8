//! A full node or collator of a parachain: blocks come from and go to a relay chain.
//!
//! Collating is Aura with asynchronous backing, one block at the beginning of each relay chain slot for each core that the
//! chain has (the slot-based collator of cumulus). The relay chain's node runs in this process, or an RPC endpoint stands in
//! for it (`--relay-chain-rpc-urls`).

mod relay_cli;

use crate::{
	cli::Cli,
	rpc,
	service::{FullBackend, FullClient, Parts},
};
use cumulus_client_cli::CollatorOptions;
use cumulus_client_collator::service::CollatorService;
use cumulus_client_consensus_aura::{
	collators::slot_based::{self, Params as SlotBasedParams, SlotBasedBlockImport},
	equivocation_import_queue::fully_verifying_import_queue,
};
use cumulus_client_consensus_common::ParachainBlockImport;
use cumulus_client_service::{
	BuildNetworkParams, DARecoveryProfile, StartRelayChainTasksParams, build_network,
	build_relay_chain_interface, prepare_node_config, start_relay_chain_tasks,
};
use cumulus_primitives_core::{GetParachainInfo, ParaId, relay_chain::ValidationCode};
use nil_runtime::{RELAY_SLOT_DURATION_MILLIS, opaque::Block};
use relay_cli::RelayChainCli;
use sc_client_api::UsageProvider;
use sc_consensus::{BasicQueue, ImportQueue};
use sc_network::{
	NetworkBackend, NetworkBlock,
	config::{FullNetworkConfiguration, NetworkBackendType},
};
use sc_service::{Configuration, Error, TaskManager};
use sc_telemetry::Telemetry;
use sp_api::ProvideRuntimeApi;
use sp_consensus_aura::sr25519::AuthorityPair;
use sp_core::H256;
use std::{sync::Arc, time::Duration};

/// How long after the beginning of a slot blocks are made: relay chain blocks of that slot have arrived by then.
const SLOT_OFFSET: Duration = Duration::from_secs(1);

/// Blocks pass through the collator on their way to the database, which collects their storage proofs.
type BlockImport = ParachainBlockImport<
	Block,
	SlotBasedBlockImport<Block, Arc<FullClient>, FullClient>,
	FullBackend,
>;

/// Starts a full node, or a collator when the command line says so.
pub async fn start(cli: &Cli, config: Configuration) -> sc_cli::Result<TaskManager> {
	let relay_cli = RelayChainCli::new(&config, &cli.relay_chain_args)?;
	let relay_config = sc_cli::SubstrateCli::create_configuration(
		&relay_cli,
		&relay_cli,
		config.tokio_handle.clone(),
	)
	.map_err(|error| format!("in the options of the relay chain's node: {error}"))?;
	let options = cli.run.collator_options();
	let started = match relay_config.network.network_backend {
		NetworkBackendType::Libp2p => {
			start_with::<sc_network::NetworkWorker<_, _>>(config, relay_config, options).await
		},
		NetworkBackendType::Litep2p => {
			start_with::<sc_network::Litep2pNetworkBackend>(config, relay_config, options).await
		},
	};
	started.map_err(Into::into)
}

fn import_queue(
	client: Arc<FullClient>,
	block_import: BlockImport,
	config: &Configuration,
	telemetry: Option<&Telemetry>,
	tasks: &TaskManager,
) -> BasicQueue<Block> {
	fully_verifying_import_queue::<AuthorityPair, _, _, _, _>(
		client,
		block_import,
		|_, ()| async { Ok(sp_timestamp::InherentDataProvider::from_system_time()) },
		&tasks.spawn_essential_handle(),
		config.prometheus_registry(),
		telemetry.map(Telemetry::handle),
	)
}

async fn start_with<Network: NetworkBackend<Block, H256>>(
	config: Configuration,
	relay_config: Configuration,
	options: CollatorOptions,
) -> Result<TaskManager, Error> {
	let config = prepare_node_config(config);
	let Parts { client, backend, mut tasks, keystore, pool, mut telemetry, telemetry_worker } =
		Parts::new(&config, true)?;
	let (block_import, block_import_handle) =
		SlotBasedBlockImport::new(client.clone(), client.clone());
	let block_import = BlockImport::new(block_import, backend.clone());
	let import_queue =
		import_queue(client.clone(), block_import.clone(), &config, telemetry.as_ref(), &tasks);
	let import_queue_service = import_queue.service();

	let (relay_chain, collator_key, relay_network, _) = build_relay_chain_interface(
		relay_config,
		&config,
		telemetry_worker,
		&mut tasks,
		options,
		None,
	)
	.await
	.map_err(|error| Error::Application(error.into()))?;

	let best = client.usage_info().chain.best_hash;
	let para_id: ParaId = client
		.runtime_api()
		.parachain_id(best)
		.map_err(|error| Error::Application(error.into()))?;
	let is_collator = config.role.is_authority();
	let registry = config.prometheus_registry().cloned();
	tracing::info!("Parachain {para_id}, {}", if is_collator { "collating" } else { "following" });

	let net_config =
		FullNetworkConfiguration::<_, _, Network>::new(&config.network, registry.clone());
	let metrics = Network::register_notification_metrics(registry.as_ref());
	let (network, system_rpc_tx, tx_handler_controller, sync_service, _) =
		build_network(BuildNetworkParams {
			parachain_config: &config,
			net_config,
			client: client.clone(),
			transaction_pool: pool.clone(),
			para_id,
			spawn_handle: tasks.spawn_handle(),
			spawn_essential_handle: tasks.spawn_essential_handle(),
			relay_chain_interface: relay_chain.clone(),
			import_queue,
			metrics,
			gap_sync_body_policy: None,
		})
		.await?;

	let rpc_builder = {
		let (client, pool) = (client.clone(), pool.clone());
		Box::new(move |_| rpc::full(&client, &pool).map_err(Error::Application))
	};
	sc_service::spawn_tasks(sc_service::SpawnTasksParams {
		config,
		client: client.clone(),
		backend: backend.clone(),
		task_manager: &mut tasks,
		keystore: keystore.keystore(),
		transaction_pool: pool.clone(),
		rpc_builder,
		network,
		system_rpc_tx,
		tx_handler_controller,
		sync_service: sync_service.clone(),
		telemetry: telemetry.as_mut(),
		tracing_execute_block: None,
	})?;

	let announce_block = {
		let sync_service = sync_service.clone();
		Arc::new(move |hash, data| sync_service.announce_block(hash, data))
	};
	let overseer_handle =
		relay_chain.overseer_handle().map_err(|error| Error::Application(error.into()))?;
	let relay_slot = Duration::from_millis(RELAY_SLOT_DURATION_MILLIS.into());
	start_relay_chain_tasks(StartRelayChainTasksParams {
		client: client.clone(),
		announce_block: announce_block.clone(),
		para_id,
		relay_chain_interface: relay_chain.clone(),
		task_manager: &mut tasks,
		da_recovery_profile: if is_collator {
			DARecoveryProfile::Collator
		} else {
			DARecoveryProfile::FullNode
		},
		import_queue: import_queue_service,
		relay_chain_slot_duration: relay_slot,
		recovery_handle: Box::new(overseer_handle.clone()),
		sync_service,
		prometheus_registry: registry.as_ref(),
	})?;

	if is_collator {
		let collator_key = collator_key
			.ok_or_else(|| Error::Other("the relay chain's node made no collator key".into()))?;
		let proposer = sc_basic_authorship::ProposerFactory::new(
			tasks.spawn_handle(),
			client.clone(),
			pool,
			registry.as_ref(),
			telemetry.as_ref().map(Telemetry::handle),
		);
		let collator_service = CollatorService::new(client.clone(), announce_block, client.clone());
		slot_based::run::<Block, AuthorityPair, _, _, _, _, _, _, _, _, _>(SlotBasedParams {
			create_inherent_data_providers: |_, ()| async { Ok(()) },
			block_import,
			para_client: client.clone(),
			para_backend: backend,
			relay_client: relay_chain,
			code_hash_provider: move |hash| {
				client.code_at(hash).ok().map(|code| ValidationCode::from(code).hash())
			},
			keystore: keystore.keystore(),
			collator_key,
			collator_peer_id: relay_network.local_peer_id(),
			para_id,
			proposer,
			collator_service,
			reinitialize: false,
			slot_offset: SLOT_OFFSET,
			block_import_handle,
			spawner: tasks.spawn_essential_handle(),
			relay_chain_slot_duration: relay_slot,
			export_pov: None,
			max_pov_percentage: None,
		});
	}
	Ok(tasks)
}
