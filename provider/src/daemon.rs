//! Everything put together and kept running until it is told to stop.
//!
//! # Order
//!
//! Start: store (recovery), node (waits for it), store bound to the chain, verifier with what is not checked yet, follower,
//! the signer of late receipts, the prover, the worker on repairs, that on what was lost, the scrubber, listeners. Stop, on SIGTERM or SIGINT:
//! listeners take nothing new and running requests get [`GRACE`]; then the others end. A kill at any moment loses nothing
//! that was acknowledged.
//!
//! When one of them ends of itself, everything stops with an error, so that whoever watches the process starts it again: a daemon
//! that answers requests and no samples would lose its stake, and one that checks no uploads would sign nothing.

use crate::{
	api::{self, App},
	chain::{
		ChainView,
		follower::{Follower, Heads},
		registration,
	},
	config::{Config, ConfigError},
	content::Reader,
	fetch::Fetcher,
	gaps::{Finder, Gaps, Wanted},
	late::LateSigner,
	metrics::{Metrics, clamp},
	prover::Prover,
	repair::Repairer,
	restore::Restorer,
	scrub::Scrubber,
	server::{self, ConnectionLimits},
	store::{Recovery, Store, StoreError},
	verifier::{self, Stopped, Verifier},
};
use axum::Router;
use futures::future::BoxFuture;
use nil_client::{
	account::AccountId,
	chain::{Chain, ChainError},
	http::Reach,
	keys::{KeyError, Signer},
};
use nil_kzg::Engines;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
	net::TcpListener,
	signal::unix::{SignalKind, signal},
	sync::watch,
	task::{JoinError, JoinSet, spawn_blocking},
	time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// How long running requests may take to end.
pub const GRACE: Duration = Duration::from_secs(10);
/// Pause between attempts to reach the node at the start.
const CONNECT_PAUSE: Duration = Duration::from_secs(1);

/// Why the daemon does not run (any more).
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
	/// The configuration cannot be used.
	#[error(transparent)]
	Config(#[from] ConfigError),
	/// A key cannot be used.
	#[error(transparent)]
	Key(#[from] KeyError),
	/// The operator's key is another account's.
	#[error("configuration field `operator.key_file`: the key is of {found}, expected {expected}")]
	OtherOperator {
		/// The key's account.
		found: AccountId,
		/// The account in the configuration.
		expected: AccountId,
	},
	/// The store cannot be used.
	#[error("store: {0}")]
	Store(#[from] StoreError),
	/// The chain cannot be used.
	#[error("chain: {0}")]
	Chain(#[from] ChainError),
	/// The node is on another chain than the configuration asks for.
	#[error(
		"configuration field `node.genesis`: expected 0x{}, the node has 0x{}",
		hex::encode(expected),
		hex::encode(found)
	)]
	OtherGenesis {
		/// The configuration's.
		expected: [u8; 32],
		/// The node's.
		found: [u8; 32],
	},
	/// An address cannot be listened on.
	#[error("configuration field `{field}`: cannot listen on {address}: {source}")]
	Listen {
		/// The field.
		field: &'static str,
		/// The address.
		address: SocketAddr,
		/// Why.
		source: io::Error,
	},
	/// Metrics cannot be made.
	#[error("metrics: {0}")]
	Metrics(#[from] prometheus::Error),
	/// A part of the daemon broke off.
	#[error(transparent)]
	Task(#[from] JoinError),
	/// A part of the daemon ended of itself.
	#[error("{part} ended of itself: the log may say why")]
	Ended {
		/// Which one.
		part: &'static str,
	},
	/// A part of the daemon is gone.
	#[error(transparent)]
	Stopped(#[from] Stopped),
	/// Signals cannot be waited for.
	#[error(transparent)]
	Io(#[from] io::Error),
}

/// A daemon that listens.
#[derive(Debug)]
pub struct Daemon {
	/// Where the API listens.
	pub api: SocketAddr,
	/// Where the metrics listen.
	pub metrics: Option<SocketAddr>,
	/// What the store found.
	pub recovery: Recovery,
	stop: CancellationToken,
	/// What runs until it is told to stop, by name, and in the order in which it ends: the listeners first.
	listeners: JoinSet<&'static str>,
	parts: JoinSet<&'static str>,
	/// This ends when nobody can ask for a check any more.
	verifier: JoinSet<&'static str>,
}

/// Runs the daemon of `config` until SIGTERM or SIGINT.
pub async fn run(config: Config) -> Result<(), DaemonError> {
	let service = Signer::from_file(&config.service.key_file)?;
	let operator = operator_key(&config)?;
	let path = config.store.path.clone();
	let (store, recovery) = spawn_blocking(move || Store::open(&path)).await??;
	let stop = CancellationToken::new();
	stop_on_signals(stop.clone())?;
	let chain = tokio::select! {
		() = stop.cancelled() => return Ok(()),
		chain = connect(&config) => chain?,
	};
	if let Some(operator) = operator.clone().filter(|_| config.registration.keep_updated) {
		let task = registration::keep_updated(
			chain.clone(),
			config.clone(),
			service.public_key(),
			operator,
			stop.clone(),
		);
		tokio::spawn(task);
	}
	let mut daemon =
		Daemon::start(&config, service, operator, Arc::new(chain), store, recovery, stop.clone())
			.await?;
	tracing::info!(api = %daemon.api, metrics = ?daemon.metrics, "running");
	let ended = daemon.ended().await;
	let stopped = daemon.stop().await;
	ended.and(stopped)
}

fn operator_key(config: &Config) -> Result<Option<Signer>, DaemonError> {
	let Some(path) = &config.operator.key_file else { return Ok(None) };
	let key = Signer::from_file(path)?;
	let expected = AccountId(config.operator.account.0);
	if key.account_id() != expected {
		return Err(DaemonError::OtherOperator { found: key.account_id(), expected });
	}
	Ok(Some(key))
}

/// Waits for the node, however long it takes, and checks that it is on the chain asked for.
async fn connect(config: &Config) -> Result<Chain, DaemonError> {
	let expected = config.expected_genesis()?;
	loop {
		match Chain::connect(&config.node.url).await {
			Ok(chain) => match expected.filter(|expected| *expected != chain.genesis()) {
				Some(expected) => {
					return Err(DaemonError::OtherGenesis { expected, found: chain.genesis() });
				},
				None => return Ok(chain),
			},
			Err(error @ ChainError::Connect { .. }) => {
				tracing::warn!(%error, "waiting for the node");
				sleep(CONNECT_PAUSE).await;
			},
			Err(error) => return Err(error.into()),
		}
	}
}

fn stop_on_signals(stop: CancellationToken) -> io::Result<()> {
	let mut terminate = signal(SignalKind::terminate())?;
	let mut interrupt = signal(SignalKind::interrupt())?;
	tokio::spawn(async move {
		tokio::select! {
			_ = terminate.recv() => {},
			_ = interrupt.recv() => {},
		}
		tracing::info!("stopping");
		stop.cancel();
	});
	Ok(())
}

impl Daemon {
	/// Starts everything over an open store and a chain. Without the `operator`'s key nothing is submitted to the chain.
	pub async fn start(
		config: &Config,
		service: Signer,
		operator: Option<Signer>,
		chain: Arc<dyn ChainView>,
		store: Store,
		recovery: Recovery,
		stop: CancellationToken,
	) -> Result<Self, DaemonError> {
		let metrics = Arc::new(Metrics::new()?);
		let store = Arc::new(store);
		let (bound, genesis) = (store.clone(), chain.genesis());
		spawn_blocking(move || bound.bind(&genesis)).await??;
		report(&recovery, &metrics);

		let (verifier, checks) = Verifier::new(store.clone(), metrics.clone());
		let mut verifier_task = JoinSet::new();
		spawn(&mut verifier_task, "the check of uploads", checks);
		requeue(&store, &verifier, &recovery).await?;

		let (heads, followed) = watch::channel(Heads::default());
		let (gaps, told) = watch::channel(Gaps::default());
		let app = App::new(
			config,
			service.clone(),
			chain.clone(),
			store.clone(),
			verifier,
			metrics.clone(),
			followed.clone(),
		);
		let reach = if config.receipts.private_peers { Reach::Anywhere } else { Reach::Public };
		let prover = prover(config, operator.clone(), |operator| Prover {
			chain: chain.clone(),
			store: store.clone(),
			metrics: metrics.clone(),
			operator,
			engine: Engines::pippenger(),
			reach,
			heads: followed.clone(),
			stop: stop.clone(),
		});
		let scrubber = Scrubber {
			chain: chain.clone(),
			reader: Reader { store: store.clone(), metrics: metrics.clone() },
			engine: Engines::pippenger(),
			rate: config.prover.scrub_rate.0,
			mend: config.prover.mend,
			reach,
			stop: stop.clone(),
		};
		let fetcher = Fetcher {
			store: store.clone(),
			metrics: metrics.clone(),
			limits: app.limits.clone(),
			reserve: config.store.reserve.0,
			operator: AccountId(config.operator.account.0),
			reach,
			stop: stop.clone(),
		};
		let repairer = operator.clone().map(|operator| {
			Repairer::new(
				chain.clone(),
				fetcher.clone(),
				Engines::pippenger(),
				operator,
				&config.repair,
				followed,
			)
		});
		let restorer = Restorer {
			chain: chain.clone(),
			fetcher: fetcher.clone(),
			parallel: config.repair.parallel,
			first_pause: Duration::from_secs(config.repair.pause_secs),
			gaps: told.clone(),
		};
		let late = operator.filter(|_| config.receipts.sign_late).map(|operator| LateSigner {
			chain: chain.clone(),
			fetcher,
			service,
			operator,
			valid_blocks: config.receipts.valid_blocks,
			first_pause: Duration::from_secs(config.receipts.late_pause_secs),
			gaps: told,
		});
		let wanted =
			Wanted { missed: late.is_some(), lost: config.prover.mend, roots: prover.is_some() };
		let follower = Follower {
			chain,
			store,
			metrics: metrics.clone(),
			operator: AccountId(config.operator.account.0),
			staged_ttl: config.store.staged_ttl_secs,
			sweep_every: Duration::from_secs(config.store.sweep_secs),
			reserve: config.store.reserve.0,
			finder: Finder::new(wanted),
			gaps,
		};
		let mut parts = JoinSet::new();
		spawn(&mut parts, "the follower of the chain", follower.run(heads, stop.clone()));
		spawn(&mut parts, "the scrubber", scrubber.run());
		spawn(&mut parts, "the worker on what was lost", restorer.run());
		if let Some(late) = late {
			spawn(&mut parts, "the signer of late receipts", late.run());
		}
		if let Some(prover) = prover {
			spawn(&mut parts, "the prover", prover.run());
		}
		if let Some(repairer) = repairer {
			spawn(&mut parts, "the worker on repairs", repairer.run());
		}

		let limits = ConnectionLimits {
			connections: config.limits.connections,
			head: Duration::from_secs(config.limits.head_secs),
		};
		let (api, work) =
			listen("api.listen", config.api.listen, api::router(Arc::new(app)), limits, &stop)
				.await?;
		let mut listeners = JoinSet::new();
		spawn(&mut listeners, "the API's listener", work);
		let mut metrics_address = None;
		if config.metrics.enabled {
			let router = api::metrics_router(metrics);
			let (address, work) =
				listen("metrics.listen", config.metrics.listen, router, limits, &stop).await?;
			metrics_address = Some(address);
			spawn(&mut listeners, "the metrics' listener", work);
		}
		Ok(Self {
			api,
			metrics: metrics_address,
			recovery,
			stop,
			listeners,
			parts,
			verifier: verifier_task,
		})
	}

	/// Waits until the daemon is told to stop, or a part of it ends of itself, which is an error: without any of them the
	/// provider would lose its stake, and nobody would know.
	pub async fn ended(&mut self) -> Result<(), DaemonError> {
		let ended = tokio::select! {
			() = self.stop.cancelled() => return Ok(()),
			Some(ended) = self.listeners.join_next() => ended,
			Some(ended) = self.parts.join_next() => ended,
			Some(ended) = self.verifier.join_next() => ended,
		};
		match ended? {
			// One that is told may end before this is.
			_ if self.stop.is_cancelled() => Ok(()),
			part => Err(DaemonError::Ended { part }),
		}
	}

	/// Takes nothing new, gives running requests [`GRACE`], and ends.
	pub async fn stop(mut self) -> Result<(), DaemonError> {
		self.stop.cancel();
		match timeout(GRACE, all_end(&mut self.listeners)).await {
			Ok(ended) => ended?,
			Err(_) => {
				tracing::warn!("requests still run, ending them");
				self.listeners.shutdown().await;
			},
		}
		all_end(&mut self.parts).await?;
		// Its handles went with the listeners; what it does not get to is checked after the next start.
		if timeout(GRACE, self.verifier.join_next()).await.is_err() {
			tracing::warn!("a check of shards still runs, leaving it");
			self.verifier.detach_all();
		}
		Ok(())
	}
}

/// Waits until all of these have ended.
async fn all_end(parts: &mut JoinSet<&'static str>) -> Result<(), JoinError> {
	while let Some(ended) = parts.join_next().await {
		ended?;
	}
	Ok(())
}

fn spawn(
	parts: &mut JoinSet<&'static str>,
	name: &'static str,
	work: impl Future<Output = ()> + Send + 'static,
) {
	parts.spawn(async move {
		work.await;
		name
	});
}

/// The prover, if the configuration asks for it and there is a key to sign answers with.
fn prover(
	config: &Config,
	operator: Option<Signer>,
	make: impl FnOnce(Signer) -> Prover,
) -> Option<Prover> {
	if !config.prover.enabled {
		tracing::warn!(
			"samples are not answered, and so nothing is earned: prover.enabled is false"
		);
		return None;
	}
	if operator.is_none() {
		tracing::warn!(
			"samples are not answered, and so nothing is earned: set operator.key_file, with whose key answers are signed"
		);
	}
	operator.map(make)
}

fn report(recovery: &Recovery, metrics: &Metrics) {
	metrics.damaged.set(clamp(recovery.damaged.len() as u64));
	for content in &recovery.damaged {
		tracing::error!(
			kind = ?content.kind,
			hash = hex::encode(content.hash),
			slot = content.slot,
			"content is missing on disk, or cut short"
		);
	}
	tracing::info!(
		orphans = recovery.orphans,
		lost_uploads = recovery.lost_uploads.len(),
		unverified = recovery.unverified.len(),
		damaged = recovery.damaged.len(),
		"store is open"
	);
}

/// Queues the check of what was uploaded and not checked before the last stop.
async fn requeue(
	store: &Arc<Store>,
	verifier: &Verifier,
	recovery: &Recovery,
) -> Result<(), DaemonError> {
	for key in recovery.unverified.clone() {
		let store = store.clone();
		let claim = spawn_blocking(move || {
			let Some(staged) = store.staged(&key)? else { return Ok(None) };
			let claim = verifier::claim_of(&store, key, &staged)?;
			if claim.is_none() {
				store.unstage(&key, &staged)?;
			}
			Ok::<_, StoreError>(claim)
		})
		.await??;
		if let Some(claim) = claim {
			verifier.check(claim).await?;
		}
	}
	Ok(())
}

async fn listen(
	field: &'static str,
	address: SocketAddr,
	router: Router,
	limits: ConnectionLimits,
	stop: &CancellationToken,
) -> Result<(SocketAddr, BoxFuture<'static, ()>), DaemonError> {
	let fault = |source| DaemonError::Listen { field, address, source };
	let listener = TcpListener::bind(address).await.map_err(fault)?;
	let bound = listener.local_addr().map_err(fault)?;
	Ok((bound, Box::pin(server::serve(listener, router, limits, stop.clone()))))
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::{future::pending, net::Ipv4Addr};

	#[tokio::test]
	async fn whatever_ends_of_itself_ends_the_daemon() {
		for which in 0..3 {
			let [mut listeners, mut parts, mut verifier] = [(); 3].map(|()| JoinSet::new());
			for (at, set) in [&mut listeners, &mut parts, &mut verifier].into_iter().enumerate() {
				spawn(set, "one that goes on", pending());
				if at == which {
					spawn(set, "one that ends", async {});
				}
			}
			let mut daemon = Daemon {
				api: (Ipv4Addr::LOCALHOST, 1).into(),
				metrics: None,
				recovery: Recovery::default(),
				stop: CancellationToken::new(),
				listeners,
				parts,
				verifier,
			};
			let ended = timeout(GRACE, daemon.ended()).await.unwrap();
			let part = "one that ends";
			assert!(matches!(ended, Err(DaemonError::Ended { part: found }) if found == part));
			daemon.stop.cancel();
			assert!(daemon.ended().await.is_ok());
		}
	}
}
