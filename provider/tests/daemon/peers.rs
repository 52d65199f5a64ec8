//! The other slots of a deal: one server that has everything of a commit, and that may lose it or lie.

use super::{chain::DEAL, *};
use axum::{
	Router,
	extract::{Path, Query, State},
	http::StatusCode as Status,
	routing::get,
};
use nil_client::wire::{Endpoint, RowRange};
use nil_types::{SlotIndex, layout::BLOB_BYTES};
use std::{
	collections::{BTreeSet, HashMap},
	sync::Mutex,
};

pub struct Peers {
	/// Where it listens.
	pub address: String,
	commit: &'static Commit,
	/// Slots that do not give their blobs.
	pub lost: Mutex<BTreeSet<SlotIndex>>,
	/// Slots that give other blobs.
	pub liars: Mutex<BTreeSet<SlotIndex>>,
	/// MDUs that nobody gives.
	pub withheld: Mutex<BTreeSet<u64>>,
	/// Whether roots, witnesses and index are given.
	pub objects: Mutex<bool>,
	/// Whether questions for them are never answered.
	pub stalls: Mutex<bool>,
	/// Every question, as the path that was asked for.
	pub asked: Mutex<Vec<String>>,
}

impl Peers {
	/// Serves `commit`, the first of the deal.
	pub async fn start(commit: &'static Commit) -> Arc<Self> {
		let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
		let peers = Arc::new(Self {
			address: Endpoint::of_socket(listener.local_addr().unwrap()).to_string(),
			commit,
			lost: Mutex::default(),
			liars: Mutex::default(),
			withheld: Mutex::default(),
			objects: Mutex::new(true),
			stalls: Mutex::default(),
			asked: Mutex::default(),
		});
		let router = Router::new()
			.route(wire::BLOBS_ROUTE, get(blobs))
			.route(wire::WITNESS_ROUTE, get(witness))
			.route(wire::OBJECT_ROUTE, get(object))
			.with_state(peers.clone());
		tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
		peers
	}

	/// How often something below `path` was asked for.
	pub fn asked_for(&self, path: &str) -> usize {
		self.asked.lock().unwrap().iter().filter(|asked| asked.starts_with(path)).count()
	}

	fn note(&self, path: String) {
		self.asked.lock().unwrap().push(path);
	}
}

type Answer = Result<Vec<u8>, Status>;

async fn blobs(
	State(peers): State<Arc<Peers>>,
	Path((deal, mdu, slot)): Path<(u64, u64, u8)>,
	Query(query): Query<HashMap<String, String>>,
) -> Answer {
	peers.note(format!("blobs/{mdu}/{slot}"));
	if deal != DEAL
		|| peers.lost.lock().unwrap().contains(&slot)
		|| peers.withheld.lock().unwrap().contains(&mdu)
	{
		return Err(Status::NOT_FOUND);
	}
	let rows: RowRange = query["rows"].parse().unwrap();
	let shard = &peers.commit.mdus[mdu as usize].shards[usize::from(slot)];
	let range = usize::from(rows.first) * BLOB_BYTES..(usize::from(rows.last) + 1) * BLOB_BYTES;
	let mut bytes = shard[range].to_vec();
	if peers.liars.lock().unwrap().contains(&slot) {
		bytes[40] ^= 1;
	}
	Ok(bytes)
}

async fn witness(State(peers): State<Arc<Peers>>, Path((_, root)): Path<(u64, String)>) -> Answer {
	peers.note(format!("witness/{root}"));
	let found = peers.commit.mdus.iter().find(|mdu| hex::encode(mdu.root) == root);
	let found = found.filter(|_| *peers.objects.lock().unwrap());
	found.map(|mdu| mdu.witness.encode()).ok_or(Status::NOT_FOUND)
}

async fn object(State(peers): State<Arc<Peers>>, Path((_, hash)): Path<(u64, String)>) -> Answer {
	peers.note(format!("object/{hash}"));
	let stalls = *peers.stalls.lock().unwrap();
	if stalls {
		std::future::pending::<()>().await;
	}
	let all = [peers.commit.roots().concat(), peers.commit.index.clone()];
	let found = all.into_iter().find(|bytes| hex::encode(blake2b_256(bytes)) == hash);
	found.filter(|_| *peers.objects.lock().unwrap()).ok_or(Status::NOT_FOUND)
}
