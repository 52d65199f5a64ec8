//! Commits that lack this provider's receipt.

use super::{chain::NOW, following::commit, peers::Peers, *};
use nil_provider::store::Kind;
use nil_types::layout::BLOB_BYTES;
use std::sync::atomic::{AtomicBool, Ordering};

/// Sweeps and second attempts soon.
pub const SOON: &str =
	"store.sweep_secs = 1\nreceipts.late_pause_secs = 1\nreceipts.private_peers = true";
/// The slot that this provider holds: parity. The others are elsewhere.
pub const SLOT: u8 = 2;
/// The receipts of all others, as bits.
pub const OTHERS: u32 = 0b1011;

/// A commit of two MDUs, of which the second has one live row.
pub static LARGE: LazyLock<Commit> = LazyLock::new(|| Commit::of(MDU_PAYLOAD + 100));

/// A provider that was away while `content` was uploaded to the others and became final, and is still.
pub async fn away(content: &'static Commit, settings: &str) -> (World, Arc<Peers>) {
	let mut world = World::stopped(settings);
	world.operator = Some(Signer::from_uri("//Operator").unwrap());
	let peers = Peers::start(content).await;
	world.chain.finalised(|state| {
		for slot in (0..4).filter(|slot| *slot != SLOT) {
			state.slots.insert(slot, AccountId([0xe0 + slot; 32]));
			state.addresses.insert(slot, peers.address.clone());
		}
		state.slots.insert(SLOT, operator());
		commit(state, content, OTHERS);
	});
	(world, peers)
}

/// As [`away`], and back.
async fn back(content: &'static Commit) -> (World, Arc<Peers>) {
	let (mut world, peers) = away(content, SOON).await;
	world.start().await;
	(world, peers)
}

/// Waits for the receipt, while blocks pass.
async fn added(world: &World) -> Receipt {
	eventually("the receipt is added", async || {
		world.chain.finalised(|_| {});
		!world.chain.added.lock().unwrap().is_empty()
	})
	.await;
	let [(1, receipt)] = &world.chain.added.lock().unwrap()[..] else {
		panic!("one, of generation 1")
	};
	receipt.clone()
}

/// Waits until the follower knows that the commit counts for this provider.
async fn settled(world: &World) {
	eventually("the promise is a commit", async || {
		world.chain.finalised(|_| {});
		world.metric("held{state=\"committed\"}").await == 1
	})
	.await;
}

/// Everything of `content` that slot `slot` holds is served.
pub async fn serves(world: &World, content: &Commit) {
	for (mdu, encoded) in (0u64..).zip(&content.mdus) {
		let path = wire::blobs_path(DEAL, mdu, SLOT, None);
		assert!(world.get(&path).await.unwrap() == encoded.shards[usize::from(SLOT)]);
		let witness = world.get(&wire::witness_path(DEAL, &encoded.root)).await.unwrap();
		assert_eq!(witness, encoded.witness.encode());
	}
	let roots = content.roots();
	let object = world.get(&wire::object_path(DEAL, &roots_hash(&roots))).await.unwrap();
	assert_eq!(object, roots.concat());
	let index = world.get(&wire::object_path(DEAL, &blake2b_256(&content.index))).await.unwrap();
	assert_eq!(index, content.index);
}

#[tokio::test]
async fn what_was_missed_is_fetched_checked_rebuilt_and_signed() {
	let (world, peers) = back(&LARGE).await;
	let receipt = added(&world).await;
	assert_eq!((receipt.slot, receipt.until), (SLOT, NOW + 100));
	assert!(world.holds(&receipt, &LARGE));
	settled(&world).await;
	serves(&world, &LARGE).await;
	let rows = LARGE.mdus.iter().map(|mdu| mdu.shards[usize::from(SLOT)].len() as u64).sum::<u64>();
	assert_eq!(world.metric("rebuilt_bytes_total").await, rows);
	assert_eq!(world.metric("late_receipts_total").await, 1);
	assert_eq!(world.metric("late_failures_total").await, 0);
	assert_eq!(
		peers.asked_for("blobs/0/2") + peers.asked_for("blobs/1/2"),
		0,
		"it asks the others"
	);

	// That was all, and nothing is fetched or signed again.
	let asked = peers.asked.lock().unwrap().len();
	following::blocks_pass(&world).await;
	assert_eq!(world.metric("late_open").await, 0);
	assert_eq!(peers.asked.lock().unwrap().len(), asked);
	assert_eq!(world.chain.added.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn liars_are_found_out_and_what_nobody_kept_follows_from_blobs() {
	let (mut world, peers) = away(&COMMIT, SOON).await;
	peers.liars.lock().unwrap().insert(0);
	world.start().await;
	assert!(world.holds(&added(&world).await, &COMMIT));
	serves(&world, &COMMIT).await;

	let (mut world, peers) = away(&COMMIT, SOON).await;
	*peers.objects.lock().unwrap() = false;
	world.start().await;
	assert!(world.holds(&added(&world).await, &COMMIT));
	serves(&world, &COMMIT).await;
}

#[tokio::test]
async fn attempts_fail_until_enough_slots_and_the_chain_are_there() {
	let (mut world, peers) = away(&COMMIT, SOON).await;
	peers.lost.lock().unwrap().extend([0, 1]);
	world.chain.refuse.store(1, Ordering::SeqCst);
	world.start().await;
	eventually("an attempt fails", async || world.metric("late_failures_total").await > 0).await;
	assert_eq!(files(&world.data().join(Kind::Shard.folder())).len(), 0);
	peers.lost.lock().unwrap().clear();
	eventually("the chain refuses", async || world.chain.refuse.load(Ordering::SeqCst) == 0).await;
	assert_eq!(world.chain.added.lock().unwrap().len(), 0);
	// What was promised stands, so that the last step alone is repeated.
	let asked = peers.asked.lock().unwrap().len();
	assert!(world.holds(&added(&world).await, &COMMIT));
	assert_eq!(peers.asked.lock().unwrap().len(), asked);
	settled(&world).await;
}

#[tokio::test]
async fn a_stop_half_way_costs_nothing_that_was_fetched() {
	let (mut world, peers) = away(&LARGE, SOON).await;
	peers.withheld.lock().unwrap().insert(1);
	world.start().await;
	eventually("the second MDU fails", async || world.metric("late_failures_total").await >= 1)
		.await;
	following::blocks_pass(&world).await;
	assert_eq!(world.metric("held{state=\"staged\"}").await, 1, "the first one is kept");
	let first = peers.asked_for("blobs/0/");
	world.restart().await;
	eventually("it fails again", async || world.metric("late_failures_total").await >= 1).await;
	peers.withheld.lock().unwrap().clear();
	assert!(world.holds(&added(&world).await, &LARGE));
	serves(&world, &LARGE).await;
	assert_eq!(peers.asked_for("blobs/0/"), first, "the first MDU was fetched once");
}

#[tokio::test]
async fn what_a_stop_left_behind_needs_no_space_again() {
	let (mut world, peers) = away(&LARGE, &format!("{SOON}\nstore.reserve = 0")).await;
	// A disk with room for the commit, and no byte more.
	let bytes = |path: &std::path::PathBuf| std::fs::metadata(path).map_or(0, |data| data.len());
	let size: u64 = LARGE.mdus.iter().map(|mdu| mdu.shards[usize::from(SLOT)].len() as u64).sum();
	let shards = world.data().join(Kind::Shard.folder());
	world.disk =
		Some(Arc::new(move || size.saturating_sub(files(&shards).iter().map(bytes).sum::<u64>())));
	peers.withheld.lock().unwrap().insert(1);
	world.start().await;
	eventually("the second MDU fails", async || world.metric("late_failures_total").await >= 1)
		.await;
	peers.withheld.lock().unwrap().clear();
	world.restart().await;
	assert!(world.holds(&added(&world).await, &LARGE));
	serves(&world, &LARGE).await;
}

#[tokio::test]
async fn an_mdu_is_not_fetched_when_its_space_is_gone_meanwhile() {
	let (mut world, peers) = away(&LARGE, SOON).await;
	// As if the first MDU were the last thing that finds room.
	let filled = Arc::new(AtomicBool::new(true));
	let (asked, fills) = (peers.clone(), filled.clone());
	world.disk = Some(Arc::new(move || {
		if fills.load(Ordering::SeqCst) && asked.asked_for("blobs/0/") > 0 { 0 } else { 1u64 << 40 }
	}));
	world.start().await;
	eventually("an attempt fails", async || world.metric("late_failures_total").await >= 1).await;
	assert_eq!(files(&world.data().join(Kind::Shard.folder())).len(), 1, "the first MDU");
	assert_eq!(peers.asked_for("blobs/1/"), 0);
	filled.store(false, Ordering::SeqCst);
	assert!(world.holds(&added(&world).await, &LARGE));
	serves(&world, &LARGE).await;
}

/// A provider that gave a receipt for [`COMMIT`], and is away since. The commit was made without that receipt, which is void.
async fn left_out() -> (World, Arc<Peers>, Receipt) {
	let (mut world, peers) = away(&COMMIT, SOON).await;
	world.chain.finalised(|state| {
		state.deal.as_mut().unwrap().generation = 0;
		state.deal.as_mut().unwrap().total_mdus = 0;
		state.commits.clear();
	});
	world.start().await;
	let receipt = world.promised(SLOT, &COMMIT).await;
	world.daemon.take().unwrap().stop().await.unwrap();
	world.chain.finalised(|state| {
		commit(state, &COMMIT, OTHERS);
		state.terms.relay_block = NOW + 101;
	});
	assert!(receipt.until < NOW + 101);
	(world, peers, receipt)
}

#[tokio::test]
async fn a_promise_that_the_commit_left_out_is_signed_again_without_fetching() {
	let (mut world, peers, first) = left_out().await;
	world.start().await;
	let second = added(&world).await;
	assert!(world.holds(&second, &COMMIT) && second.until > first.until);
	assert_eq!(*peers.asked.lock().unwrap(), Vec::<String>::new());
	settled(&world).await;
}

#[tokio::test]
async fn a_promise_is_signed_again_only_while_capacity_and_stake_cover_it() {
	let (mut world, peers, _) = left_out().await;
	let bytes = 2 * BLOB_BYTES as u64;
	world.chain.finalised(|state| state.provider.as_mut().unwrap().capacity = bytes - 1);
	world.start().await;
	eventually("an attempt fails", async || world.metric("late_failures_total").await > 0).await;
	assert_eq!(world.chain.added.lock().unwrap().len(), 0);
	world.chain.finalised(|state| state.provider.as_mut().unwrap().capacity = bytes);
	assert!(world.holds(&added(&world).await, &COMMIT));
	assert_eq!(*peers.asked.lock().unwrap(), Vec::<String>::new());
}

/// Where nothing can or need be done, nobody is asked for anything, and nothing is submitted.
#[tokio::test]
async fn nothing_is_done_without_need_grace_room_or_key() {
	let bytes = 2 * BLOB_BYTES as u64;
	type Change = fn(&mut chain::State);
	let none: Change = |_| {};
	let cases: [(&str, Change, bool); 6] = [
		("signed", |state| state.commits.get_mut(&1).unwrap().signed = 0b1111, true),
		("the grace is over", |state| state.terms.relay_block = NOW + 102, true),
		("the deal has ended", |state| state.deal = None, true),
		("the deal has expired", |state| state.deal.as_mut().unwrap().expires_at = NOW, true),
		("no capacity", |state| state.provider.as_mut().unwrap().capacity = 1, true),
		("no key", none, false),
	];
	for (what, change, key) in cases {
		// What was signed and is not here would be fetched, too.
		let (mut world, peers) = away(&COMMIT, &format!("{SOON}\nprover.mend = false")).await;
		world.chain.finalised(change);
		if !key {
			world.operator = None;
		}
		world.start().await;
		following::blocks_pass(&world).await;
		if what == "no capacity" {
			eventually("it fails", async || world.metric("late_failures_total").await > 0).await;
			world.chain.finalised(|state| state.provider.as_mut().unwrap().capacity = bytes);
			assert_eq!(*peers.asked.lock().unwrap(), Vec::<String>::new(), "{what}");
			added(&world).await;
			continue;
		}
		assert_eq!(*peers.asked.lock().unwrap(), Vec::<String>::new(), "{what}");
		assert_eq!(world.chain.added.lock().unwrap().len(), 0, "{what}");
		assert_eq!(world.metric("late_failures_total").await, 0, "{what}");
	}
}

#[tokio::test]
async fn private_addresses_are_asked_only_when_that_is_allowed() {
	for host in ["/ip4/127.0.0.1/", "/dns/localhost/"] {
		let settings = SOON.replace("private_peers = true", "private_peers = false");
		let (mut world, peers) = away(&COMMIT, &settings).await;
		world.chain.finalised(|state| {
			for address in state.addresses.values_mut() {
				*address = address.replace("/ip4/127.0.0.1/", host);
			}
		});
		world.start().await;
		eventually("an attempt fails", async || world.metric("late_failures_total").await > 0)
			.await;
		assert_eq!(*peers.asked.lock().unwrap(), Vec::<String>::new(), "{host}");
		assert_eq!(world.chain.added.lock().unwrap().len(), 0, "{host}");
	}
}

#[tokio::test]
async fn sign_late_can_be_turned_off() {
	let (mut world, peers) = away(&COMMIT, &format!("{SOON}\nreceipts.sign_late = false")).await;
	world.start().await;
	following::blocks_pass(&world).await;
	assert_eq!(*peers.asked.lock().unwrap(), Vec::<String>::new());
	for kind in Kind::ALL {
		assert_eq!(files(&world.data().join(kind.folder())).len(), 0, "{kind:?}");
	}
}
