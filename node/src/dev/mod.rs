//! Development chains: blocks without a relay chain.
//!
//! The node seals a block every so many milliseconds, and whenever it is asked to by the RPC `engine_createBlock`,
//! which also takes a parent and so makes forks. Every block carries what a relay chain would have given it
//! ([`relay`]). The chain lives in the base path and continues after a restart; without a base path it is temporary.
//!
//! Blocks carry no seal, so no other node can take them over the network, and the node does not listen for any. The
//! RPC server listens on the loopback interface.

pub mod relay;

use crate::{
	cli::DevParams,
	rpc,
	service::{Executor, Parts},
};
use futures::{
	SinkExt, Stream, StreamExt,
	channel::{mpsc, oneshot},
};
use nil_runtime::opaque::Block;
use relay::MockRelay;
use sc_consensus::LongestChain;
use sc_consensus_manual_seal::{
	EngineCommand, ManualSealParams,
	consensus::aura::AuraConsensusDataProvider,
	rpc::{ManualSeal, ManualSealApiServer},
};
use sc_executor::{DEFAULT_HEAP_ALLOC_STRATEGY, HeapAllocStrategy, WasmExecutor};
use sc_network::{NetworkBackend, config::FullNetworkConfiguration};
use sc_service::{Configuration, Error, TaskManager};
use sp_consensus_aura::SlotDuration;
use sp_core::H256;
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::time::MissedTickBehavior;

/// Seals blocks at an interval. One block at a time: ticks that pass while a block is made are not made up for.
async fn seal_at_interval(period: Duration, mut commands: mpsc::Sender<EngineCommand<H256>>) {
	let mut ticks = tokio::time::interval(period);
	ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
	loop {
		ticks.tick().await;
		let (sender, sealed) = oneshot::channel();
		let seal = EngineCommand::SealNewBlock {
			create_empty: true,
			finalize: true,
			parent_hash: None,
			sender: Some(sender),
		};
		if commands.send(seal).await.is_err() {
			return;
		}
		match sealed.await {
			Ok(Ok(_)) => {},
			Ok(Err(error)) => tracing::error!("No block was made: {error}"),
			Err(oneshot::Canceled) => return,
		}
	}
}

/// Starts a development chain.
pub fn start<Network: NetworkBackend<Block, H256>>(
	mut config: Configuration,
	params: &DevParams,
) -> Result<TaskManager, Error> {
	keep_to_itself(&mut config);
	let Parts { client, backend, mut tasks, keystore, pool, mut telemetry, telemetry_worker: _ } =
		Parts::with_executor(&config, executor(&config), false)?;

	let registry = config.prometheus_registry().cloned();
	let import_queue = sc_consensus_manual_seal::import_queue(
		Box::new(client.clone()),
		&tasks.spawn_essential_handle(),
		registry.as_ref(),
	);
	let metrics = Network::register_notification_metrics(registry.as_ref());
	let net_config =
		FullNetworkConfiguration::<_, _, Network>::new(&config.network, registry.clone());
	let (network, system_rpc_tx, tx_handler_controller, sync_service, _) =
		sc_service::build_network(sc_service::BuildNetworkParams {
			config: &config,
			net_config,
			client: client.clone(),
			transaction_pool: pool.clone(),
			spawn_handle: tasks.spawn_handle(),
			spawn_essential_handle: tasks.spawn_essential_handle(),
			import_queue,
			block_announce_validator_builder: None,
			warp_sync_config: None,
			block_relay: None,
			metrics,
			gap_sync_body_policy: None,
		})?;

	let (commands, asked) = mpsc::channel(1);
	if params.dev_block_time > 0 {
		let period = Duration::from_millis(params.dev_block_time);
		tasks.spawn_essential_handle().spawn_blocking(
			"seal-at-interval",
			Some("block-authoring"),
			seal_at_interval(period, commands.clone()),
		);
	}
	let proposer = sc_basic_authorship::ProposerFactory::new(
		tasks.spawn_handle(),
		client.clone(),
		pool.clone(),
		registry.as_ref(),
		telemetry.as_ref().map(sc_telemetry::Telemetry::handle),
	);
	let relay = Arc::new(MockRelay::new(client.clone(), params.dev_seed.as_bytes()));
	let sealing = sc_consensus_manual_seal::run_manual_seal(ManualSealParams {
		block_import: client.clone(),
		env: proposer,
		client: client.clone(),
		pool: pool.clone(),
		commands_stream: boxed(asked),
		select_chain: LongestChain::new(backend.clone()),
		consensus_data_provider: Some(Box::new(
			AuraConsensusDataProvider::<Block>::new_with_slot_duration(SlotDuration::from_millis(
				nil_runtime::SLOT_DURATION_MILLIS,
			)),
		)),
		create_inherent_data_providers: move |parent, ()| {
			let relay = relay.clone();
			async move { relay.next(parent) }
		},
	});
	tasks.spawn_essential_handle().spawn_blocking("manual-seal", Some("block-authoring"), sealing);

	let rpc_builder = {
		let (client, pool) = (client.clone(), pool.clone());
		Box::new(move |_| {
			let mut module = rpc::full(&client, &pool).map_err(Error::Application)?;
			module
				.merge(ManualSeal::new(commands.clone()).into_rpc())
				.map_err(|error| Error::Application(error.into()))?;
			Ok(module)
		})
	};
	let rpc_handlers = sc_service::spawn_tasks(sc_service::SpawnTasksParams {
		config,
		client,
		backend,
		task_manager: &mut tasks,
		keystore: keystore.keystore(),
		transaction_pool: pool,
		rpc_builder,
		network,
		system_rpc_tx,
		tx_handler_controller,
		sync_service,
		telemetry: telemetry.as_mut(),
		tracing_execute_block: None,
	})?;
	announce(&rpc_handlers);
	Ok(tasks)
}

fn boxed(
	commands: mpsc::Receiver<EngineCommand<H256>>,
) -> impl Stream<Item = EngineCommand<H256>> + Unpin {
	commands.boxed()
}

/// An executor that keeps what it has compiled, in the user's cache. Compiling the runtime takes most of the time in
/// which a development chain starts, and such chains are started often, mostly with the same runtime.
fn executor(config: &Configuration) -> Executor {
	let heap = config.executor.default_heap_pages.map_or(DEFAULT_HEAP_ALLOC_STRATEGY, |pages| {
		HeapAllocStrategy::Static { extra_pages: u32::try_from(pages).unwrap_or(u32::MAX) }
	});
	let executor = WasmExecutor::builder()
		.with_execution_method(config.executor.wasm_method)
		.with_onchain_heap_alloc_strategy(heap)
		.with_offchain_heap_alloc_strategy(heap)
		.with_max_runtime_instances(config.executor.max_runtime_instances)
		.with_runtime_cache_size(config.executor.runtime_cache_size);
	match compiled_dir() {
		Ok(dir) => executor.with_cache_path(dir).build(),
		Err(error) => {
			tracing::warn!("compiled runtimes are not kept: {error}");
			executor.build()
		},
	}
}

/// A directory for compiled runtimes that nobody else can write to, for what lies in it is executed.
fn compiled_dir() -> std::io::Result<PathBuf> {
	let dir = nil_kzg::msm::cache_dir()
		.ok_or_else(|| std::io::Error::other("no cache directory: HOME is not set"))?
		.join("compiled-runtimes");
	let mut builder = std::fs::DirBuilder::new();
	builder.recursive(true);
	#[cfg(unix)]
	std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
	builder.create(&dir)?;
	dir.canonicalize()
}

/// No peers, and no port that could be taken already.
fn keep_to_itself(config: &mut Configuration) {
	config.network.default_peers_set.in_peers = 0;
	config.network.default_peers_set.out_peers = 0;
	config.network.boot_nodes.clear();
	config.network.public_addresses.clear();
	config.network.listen_addresses = "/ip4/127.0.0.1/tcp/0".parse().into_iter().collect();
}

/// Says where the chain can be reached.
fn announce(rpc: &sc_service::RpcHandlers) {
	for address in rpc.listen_addresses() {
		let Some(url) = websocket_url(&address.to_string()) else { continue };
		let escaped = url.replace(':', "%3A").replace('/', "%2F");
		tracing::info!("RPC: {url}");
		tracing::info!("Browse the chain: https://polkadot.js.org/apps/?rpc={escaped}");
	}
}

/// `/ip4/127.0.0.1/tcp/9944/ws` as `ws://127.0.0.1:9944`; IPv4 alone, since every listener has one.
fn websocket_url(multiaddr: &str) -> Option<String> {
	let mut parts = multiaddr.split('/').skip(1);
	match (parts.next()?, parts.next()?, parts.next()?, parts.next()?) {
		("ip4", host, "tcp", port) => Some(format!("ws://{host}:{port}")),
		_ => None,
	}
}

#[cfg(test)]
mod tests {
	use super::websocket_url;

	#[test]
	fn urls_from_multiaddrs() {
		assert_eq!(
			websocket_url("/ip4/127.0.0.1/tcp/9944/ws").as_deref(),
			Some("ws://127.0.0.1:9944")
		);
		assert_eq!(websocket_url("/ip6/::1/tcp/9944/ws"), None);
		assert_eq!(websocket_url("nonsense"), None);
	}
}
