//! Samples that the chain asks for, and the care for what they are about.

use super::{chain::State, chain::Taken, following::commit, peers::Peers, *};
use nil_provider::{daemon::DaemonError, store::ContentKey};
use nil_slab::manifest;
use nil_types::{
	DrawnInfo, Earnings, RentInfo, SampleInfo, SettleSampleInfo, SettlementInfo, challenge::Place,
	challenge::SizeClass, deal::SerdeBytes, layout::BLOB_BYTES,
};
use std::{fs, sync::atomic::Ordering};

const R_E: Hash32 = [7; 32];
/// The block that draws rounds.
const DRAWING: Hash32 = [6; 32];
/// Slow enough that a test is over before the scrubber has come to anything.
pub const NO_SCRUB: &str = "prover.scrub_rate = 0\nprover.mend = false";

/// The one manifest point over `roots`.
fn point(roots: &[Hash32]) -> SerdeBytes<48> {
	let points = manifest::points(roots).unwrap();
	SerdeBytes(manifest::compress(&points[0]).unwrap())
}

/// Sample `ordinal`: a row of MDU 0 at `slot`, of a deal with these roots.
pub fn sample(ordinal: u32, slot: u8, row: u8, roots: &[Hash32]) -> SampleInfo {
	let place = Place { class: SizeClass::of(2).unwrap(), index: 0 };
	SampleInfo {
		ordinal,
		deal: DEAL,
		slot,
		generation: 1,
		profile: profile(),
		mdu: 0,
		leaf: profile().leaf(slot, row),
		place: (ordinal % 8 == 7).then_some(place),
		manifest: point(roots),
		first_mdu: 0,
		mdus: roots.len() as u32,
	}
}

/// Nine samples of what slots 0, 1 and 2 hold of [`COMMIT`], the one drawn from slots among them, and one blob twice.
pub fn samples() -> Vec<SampleInfo> {
	let roots = COMMIT.roots();
	(0..9).map(|i| sample(i, (i % 3) as u8, (i / 3 % 2) as u8, &roots)).collect()
}

/// As if a round had begun and been drawn that asks for these samples.
pub fn draw(state: &mut State, round: u32, samples: Vec<SampleInfo>) {
	state.round.round = round;
	state.round.epoch = 40 + round;
	state.round.drawn = Some(DrawnInfo { randomness: R_E, at: 1, block: DRAWING });
	state.duty.answered.clear();
	state.samples = samples;
}

/// A provider whose slots 0 to 2 hold [`COMMIT`], and that has the operator's key.
pub async fn world(settings: &str) -> World {
	let mut world = World::stopped(settings);
	world.operator = Some(Signer::from_uri("//Operator").unwrap());
	world.start().await;
	for slot in 0..3 {
		world.promised(slot, &COMMIT).await;
	}
	world.chain.finalised(|state| commit(state, &COMMIT, 0b111));
	world
}

pub fn taken(world: &World) -> Vec<Taken> {
	world.chain.taken.lock().unwrap().clone()
}

pub fn answered(world: &World) -> Vec<u32> {
	let mut all: Vec<u32> = taken(world).into_iter().flat_map(|taken| taken.ordinals).collect();
	all.sort_unstable();
	all
}

/// Waits until so many samples are answered, while blocks pass.
pub async fn answers(world: &World, count: usize) {
	eventually("samples are answered", async || {
		world.chain.finalised(|_| {});
		answered(world).len() >= count
	})
	.await;
}

/// Lets blocks pass that change nothing.
pub async fn quiet(world: &World) {
	for _ in 0..10 {
		world.chain.finalised(|_| {});
		tokio::time::sleep(Duration::from_millis(30)).await;
	}
}

/// The file of a slot's shards.
fn shard(world: &World, slot: u8) -> std::path::PathBuf {
	let name = format!(".{slot:02}.");
	let all = files(&world.data().join("shards"));
	all.into_iter().find(|path| path.to_str().unwrap().contains(&name)).unwrap()
}

#[tokio::test]
async fn a_round_is_answered_in_one_call_and_once() {
	let world = world(NO_SCRUB).await;
	world.chain.finalised(|state| draw(state, 1, samples()));
	answers(&world, 9).await;
	quiet(&world).await;
	let all = (0..9).collect::<Vec<_>>();
	assert_eq!(taken(&world), [Taken { round: 1, block: DRAWING, ordinals: all.clone() }]);
	assert_eq!(world.metric("samples{state=\"due\"}").await, 9);
	assert_eq!(world.metric("samples{state=\"answered\"}").await, 9);
	assert_eq!(world.metric("left_out_total").await, 0);
	assert_eq!(world.metric("round").await, 1);

	// The next round, which is drawn later than it begins.
	world.chain.finalised(|state| {
		state.round.round = 2;
		state.round.drawn = None;
	});
	quiet(&world).await;
	assert_eq!(taken(&world).len(), 1);
	world.chain.finalised(|state| draw(state, 2, samples()));
	answers(&world, 18).await;
	assert_eq!(taken(&world)[1], Taken { round: 2, block: DRAWING, ordinals: all });
}

#[tokio::test]
async fn a_daemon_without_its_prover_ends() {
	let mut world = world(NO_SCRUB).await;
	let mut daemon = world.daemon.take().unwrap();
	// The prover breaks off: the chain has no answer for it.
	world.chain.finalised(|state| {
		state.provider = None;
		draw(state, 1, samples());
	});
	let ended = tokio::time::timeout(Duration::from_secs(10), daemon.ended()).await.unwrap();
	assert!(matches!(&ended, Err(DaemonError::Task(_))), "{ended:?}");
	daemon.stop().await.unwrap();
}

#[tokio::test]
async fn a_round_that_is_not_final_waits() {
	let world = world(NO_SCRUB).await;
	world.chain.best(|state| draw(state, 1, samples()));
	for _ in 0..10 {
		world.chain.best(|_| {});
		tokio::time::sleep(Duration::from_millis(30)).await;
	}
	assert_eq!(taken(&world), []);
	answers(&world, 9).await;
}

#[tokio::test]
async fn answers_are_split_by_what_a_call_takes() {
	let world = world(NO_SCRUB).await;
	world.chain.finalised(|state| {
		state.round.max_items = 4;
		draw(state, 1, samples());
	});
	answers(&world, 9).await;
	quiet(&world).await;
	let mut lengths: Vec<_> = taken(&world).iter().map(|taken| taken.ordinals.len()).collect();
	lengths.sort_unstable();
	assert_eq!(lengths, [1, 4, 4]);
	assert_eq!(answered(&world), (0..9).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_has_credit_is_waived_and_the_rest_answered() {
	let world = world(NO_SCRUB).await;
	world.chain.finalised(|state| {
		state.duty.waivable = vec![0, 2, 5];
		state.round.max_items = 2;
		draw(state, 1, samples());
	});
	answers(&world, 6).await;
	quiet(&world).await;
	assert_eq!(*world.chain.waived.lock().unwrap(), [vec![0, 2], vec![5]]);
	assert_eq!(answered(&world), [1, 3, 4, 6, 7, 8]);
}

#[tokio::test]
async fn what_cannot_be_waived_after_all_is_answered() {
	let world = world(NO_SCRUB).await;
	world.chain.broke.store(true, Ordering::SeqCst);
	world.chain.finalised(|state| {
		state.duty.waivable = vec![0, 2, 5];
		draw(state, 1, samples());
	});
	answers(&world, 9).await;
	assert_eq!(answered(&world), (0..9).collect::<Vec<_>>());
	assert_eq!(world.metric("prover_failures_total").await, 1);
}

#[tokio::test]
async fn the_journal_is_applied_in_steps_before_anything_is_answered() {
	let world = world(NO_SCRUB).await;
	world.chain.finalised(|state| {
		state.duty.behind = true;
		state.duty.waiting = 20;
		draw(state, 1, samples());
	});
	answers(&world, 9).await;
	assert_eq!(*world.chain.advanced.lock().unwrap(), [8, 8, 8]);
}

#[tokio::test]
async fn what_is_damaged_or_missing_leaves_out_its_samples_alone() {
	let world = world(NO_SCRUB).await;
	// One bit of row 1 of slot 0, and all of slot 2.
	let path = shard(&world, 0);
	let mut bytes = fs::read(&path).unwrap();
	bytes[BLOB_BYTES + 31] ^= 1;
	fs::write(path, bytes).unwrap();
	fs::remove_file(shard(&world, 2)).unwrap();
	world.chain.finalised(|state| draw(state, 1, samples()));
	let lost = |i: &u32| i % 3 == 2 || (i.is_multiple_of(3) && !(i / 3).is_multiple_of(2));
	let good: Vec<u32> = (0..9).filter(|i| !lost(i)).collect();
	answers(&world, good.len()).await;
	quiet(&world).await;
	assert_eq!(answered(&world), good);
	assert_eq!(world.metric("left_out_total").await, 9 - good.len() as u64);
	assert_eq!(world.metric("samples{state=\"left_out\"}").await, 9 - good.len() as u64);
	assert_eq!(world.metric("quarantine").await, 2);
	// Nor is it served.
	world.blobs(0).await.unwrap_err().is(500, ErrorCode::Internal);
	let first = wire::RowRange { first: 0, last: 0 };
	let row = world.get(&wire::blobs_path(DEAL, 0, 0, Some(first))).await.unwrap();
	assert_eq!(row, COMMIT.mdus[0].shards[0][..BLOB_BYTES]);
	world.blobs(2).await.unwrap_err().is(500, ErrorCode::Internal);
	assert_eq!(world.blobs(1).await.unwrap(), COMMIT.mdus[0].shards[1]);
}

#[tokio::test]
async fn a_restart_between_sending_and_inclusion_sends_nothing_twice() {
	let mut world = world(NO_SCRUB).await;
	world.chain.hold.store(true, Ordering::SeqCst);
	world.chain.finalised(|state| draw(state, 1, samples()));
	eventually("the answer is sent", async || {
		world.chain.finalised(|_| {});
		world.chain.noted.load(Ordering::SeqCst) == 1
	})
	.await;
	quiet(&world).await;
	assert_eq!(taken(&world), []);
	world.restart().await;
	answers(&world, 9).await;
	quiet(&world).await;
	// It was the same transaction.
	assert_eq!(world.chain.noted.load(Ordering::SeqCst), 1);
	assert_eq!(taken(&world).len(), 1);

	// What was sent for a round that is over is forgotten.
	world.chain.finalised(|state| draw(state, 2, samples()));
	eventually("the next answer is sent", async || {
		world.chain.finalised(|_| {});
		world.chain.noted.load(Ordering::SeqCst) == 2
	})
	.await;
	world.daemon.take().unwrap().stop().await.unwrap();
	world.chain.hold.store(false, Ordering::SeqCst);
	world.chain.finalised(|state| draw(state, 3, samples()));
	world.start().await;
	answers(&world, 18).await;
	quiet(&world).await;
	let rounds: Vec<_> = taken(&world).iter().map(|taken| taken.round).collect();
	assert_eq!(rounds, [1, 3]);
	assert_eq!(world.chain.noted.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_reorganisation_that_draws_anew_is_answered_anew() {
	// From the same record, in another block.
	let world = world(NO_SCRUB).await;
	*world.chain.redraw.lock().unwrap() = Some([8; 32]);
	world.chain.finalised(|state| draw(state, 1, samples()));
	answers(&world, 9).await;
	quiet(&world).await;
	let all = (0..9).collect::<Vec<_>>();
	assert_eq!(taken(&world), [Taken { round: 1, block: [8; 32], ordinals: all }]);
	assert_eq!(world.chain.noted.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_deal_that_ended_is_answered_to_the_end_of_its_round() {
	let world = world(&format!("{NO_SCRUB}\nstore.sweep_secs = 1")).await;
	world.chain.finalised(|state| {
		state.round.round = 1;
		state.deal = None;
	});
	following::blocks_pass(&world).await;
	world.chain.finalised(|state| draw(state, 1, samples()));
	answers(&world, 9).await;
	// In the next round nothing is owed, and nothing is kept.
	world.chain.finalised(|state| draw(state, 2, Vec::new()));
	eventually("the round is over", async || {
		world.chain.finalised(|_| {});
		files(&world.data().join("shards")).is_empty()
	})
	.await;
}

/// What a slot that ended is owed.
pub fn owed(slot: u8) -> RentInfo {
	let closed = Earnings { paid: 900, burned: 100 };
	RentInfo { deal: DEAL, slot, rate: 0, open: Earnings::default(), closed, ended: true }
}

/// What settles it: a sample of each row, the second one found by the second try.
pub fn settle_samples(slot: u8) -> Vec<SettleSampleInfo> {
	let roots = COMMIT.roots();
	(0..2u32)
		.map(|number| SettleSampleInfo {
			deal: DEAL,
			slot,
			sample: number,
			commits: vec![1; 1 + number as usize],
			blob: Some(SampleInfo { place: None, ..sample(number, slot, number as u8, &roots) }),
		})
		.collect()
}

#[tokio::test]
async fn what_an_ended_deal_owes_is_settled_once_and_kept_until_then() {
	let world = world(&format!("{NO_SCRUB}\nstore.sweep_secs = 1")).await;
	world.chain.finalised(|state| {
		state.deal = None;
		state.endings = (0..3).map(owed).collect();
		draw(state, 1, Vec::new());
	});
	following::blocks_pass(&world).await;
	// The period in which it ended is not over yet.
	world.chain.finalised(|state| draw(state, 2, Vec::new()));
	following::blocks_pass(&world).await;
	assert_eq!(files(&world.data().join("shards")).len(), 3);
	eventually("it is told", async || world.metric("rent{state=\"owed\"}").await == 2_700).await;
	assert!(world.chain.settled.lock().unwrap().is_empty());

	world.chain.finalised(|state| {
		let (randomness, until) = ([9; 32], chain::NOW + 5_000);
		let settlement = SettlementInfo { period: 4, randomness, samples: 2, until, max_items: 4 };
		state.settlement = Some(settlement);
		state.settle_samples = (0..3).flat_map(settle_samples).collect();
		draw(state, 3, Vec::new());
	});
	eventually("rent is settled", async || {
		world.chain.finalised(|_| {});
		world.chain.settled.lock().unwrap().len() >= 2
	})
	.await;
	quiet(&world).await;
	let mut calls = world.chain.settled.lock().unwrap().clone();
	calls.sort_unstable();
	assert_eq!(calls, [vec![0, 1], vec![2]]);
	assert_eq!(world.metric("settlements_total").await, 2);
	assert_eq!(world.metric("rent{state=\"owed\"}").await, 0);
	eventually("nothing is kept", async || {
		world.chain.finalised(|_| {});
		files(&world.data().join("shards")).is_empty()
	})
	.await;
}

/// A provider of slot 0 alone, whose others are `peers`.
pub async fn among(peers: &Peers, settings: &str) -> World {
	let mut world = World::stopped(&format!("{settings}\nreceipts.private_peers = true"));
	world.operator = Some(Signer::from_uri("//Operator").unwrap());
	world.chain.finalised(|state| {
		for slot in 1..4 {
			state.slots.insert(slot, AccountId([0xe0 + slot; 32]));
			state.addresses.insert(slot, peers.address.clone());
		}
	});
	world.start().await;
	world.promised(0, &COMMIT).await;
	world.chain.finalised(|state| commit(state, &COMMIT, 0b1111));
	world
}

/// As if [`OTHER`] had been committed as generation 2, without slot 0.
pub fn miss_another(state: &mut State, first_mdu: u64) {
	let second = nil_types::CommitInfo {
		first_mdu,
		size_bytes: OTHER.size,
		index_len: OTHER.index.len() as u32,
		index_root: blake2b_256(&OTHER.index),
		roots_hash: roots_hash(&OTHER.roots()),
		signed: 0b1110,
		..state.commits[&1].clone()
	};
	state.commits.insert(2, second);
	let deal = state.deal.as_mut().unwrap();
	(deal.generation, deal.total_mdus) = (2, first_mdu + 1);
}

#[tokio::test]
async fn roots_that_nobody_gives_hold_up_no_other_answer() {
	let peers = Peers::start(&OTHER).await;
	*peers.stalls.lock().unwrap() = true;
	let world = among(&peers, &format!("{NO_SCRUB}\nreceipts.sign_late = false")).await;
	world.chain.finalised(|state| {
		// The first MDU under the deal's second manifest point.
		let mdu = 4096;
		miss_another(state, mdu);
		let mut samples: Vec<_> =
			(0..4).map(|i| sample(i, 0, (i % 2) as u8, &COMMIT.roots())).collect();
		let lacking = sample(4, 0, 0, &OTHER.roots());
		samples.push(SampleInfo { mdu, first_mdu: mdu, generation: 2, ..lacking });
		draw(state, 1, samples);
	});
	answers(&world, 4).await;
	assert_eq!(answered(&world), [0, 1, 2, 3]);
	let hash = hex::encode(roots_hash(&OTHER.roots()));
	let asked = format!("object/{hash}");
	eventually("the rest is asked for", async || peers.asked_for(&asked) > 0).await;
}

#[tokio::test]
async fn roots_of_a_commit_that_the_slot_missed_are_fetched_once() {
	let peers = Peers::start(&OTHER).await;
	let world = among(&peers, &format!("{NO_SCRUB}\nreceipts.sign_late = false")).await;
	let roots = [COMMIT.roots(), OTHER.roots()].concat();
	let ask = |state: &mut State, round| {
		let samples = (0..4).map(|i| sample(i, 0, (i % 2) as u8, &roots)).collect();
		draw(state, round, samples);
	};
	world.chain.finalised(|state| {
		miss_another(state, 1);
		ask(state, 1);
	});
	answers(&world, 4).await;
	let hash = hex::encode(roots_hash(&OTHER.roots()));
	let fetched = peers.asked_for(&format!("object/{hash}"));
	assert!(fetched > 0);
	world.chain.finalised(|state| ask(state, 2));
	answers(&world, 8).await;
	assert_eq!(peers.asked_for(&format!("object/{hash}")), fetched);
}

#[tokio::test]
async fn an_mdu_that_cannot_be_checked_holds_up_no_other() {
	let mut world = world("prover.mend = false").await;
	world.daemon.take().unwrap().stop().await.unwrap();
	// The index cannot say what is wrong with the first slot's shards.
	let key = ContentKey::shard(COMMIT.mdus[0].root, 0).bytes();
	let index = redb::Database::open(world.data().join("index.redb")).unwrap();
	let write = index.begin_write().unwrap();
	{
		let table = redb::TableDefinition::<&[u8], &[u8]>::new("rotten");
		write.open_table(table).unwrap().insert(key.as_slice(), [1].as_slice()).unwrap();
	}
	write.commit().unwrap();
	drop(index);
	world.start().await;
	eventually("others are checked", async || {
		world.chain.finalised(|_| {});
		world.metric("scrubbed_bytes_total").await >= 2 * BLOB_BYTES as u64
	})
	.await;
	assert!(world.metric("unchecked_total").await > 0);
}

#[tokio::test]
async fn damage_is_found_and_mended_before_anybody_asks() {
	let peers = Peers::start(&COMMIT).await;
	let mut world = among(&peers, "").await;
	eventually("the promise is a commit", async || {
		world.chain.finalised(|_| {});
		world.metric("held{state=\"committed\"}").await == 1
	})
	.await;
	world.daemon.take().unwrap().stop().await.unwrap();
	let path = shard(&world, 0);
	let mut bytes = fs::read(&path).unwrap();
	bytes[31] ^= 1;
	fs::write(path, bytes).unwrap();
	world.start().await;
	eventually("it is mended", async || world.metric("mended_total").await == 1).await;
	assert_eq!(world.metric("quarantine").await, 0);
	assert_eq!(world.blobs(0).await.unwrap(), COMMIT.mdus[0].shards[0]);
	assert!(world.metric("rebuilt_bytes_total").await >= 2 * BLOB_BYTES as u64);
	assert_eq!(files(&world.data().join("shards")).len(), 1);
	world.chain.finalised(|state| {
		let roots = COMMIT.roots();
		draw(state, 1, (0..2).map(|i| sample(i, 0, i as u8, &roots)).collect());
	});
	answers(&world, 2).await;
}
