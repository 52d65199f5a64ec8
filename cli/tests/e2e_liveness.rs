//! Samples on a real network: who stores everything answers everything, also after a restart; who has lost something leaves
//! samples open, those that hit what is lost and no others, and the chain shows it in time. Readers notice nothing of it.
//!
//! Epochs of a development chain have 20 relay blocks, and a provider is asked for 8 samples in each. There is one deal with
//! one commit, so that each sample of a provider falls on each of its blobs alike, whether it is drawn by weight or by slot.

mod common;

use common::{Devnet, eventually, random_bytes, reading::Reading, runtime, write};
use nil_client::{
	account::AccountId,
	chain::{At, Chain},
	crypt::Identities,
	get::{ReadOptions, SlotRebuilder},
};
use nil_types::{DutyInfo, Hash32, SampleInfo};
use serde_json::Value;
use std::{collections::BTreeSet, path::Path, time::Duration};

/// Milliseconds between blocks: an epoch of 8 s leaves providers 5 s for their answers.
const BLOCK_MS: u64 = 400;
/// Samples that a provider is asked for in a round.
const SAMPLES: u32 = 8;
/// Those of them that are drawn by weight. The others are not counted on, as RFC 0008 does not.
const BY_WEIGHT: f64 = 7.0;
/// Bytes of the file: four MDUs.
const SIZE: usize = 32_000_000;
/// The slot whose provider loses data.
const VICTIM: u8 = 1;
/// For what takes an epoch or two, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

struct Scene {
	devnet: Devnet,
	chain: Chain,
	deal: u64,
	/// Who holds the slots, in order.
	holders: Vec<AccountId>,
}

/// What a provider owes and has answered, at one block.
struct Look {
	block: Hash32,
	round: u32,
	duty: DutyInfo,
}

impl Scene {
	fn new(file: &[u8]) -> Self {
		let devnet = Devnet::start_with_blocks(4, BLOCK_MS);
		let chain = runtime().block_on(Chain::connect(&devnet.url())).unwrap();
		let deal = devnet.deal("2+2", 128);
		let path = devnet.root.join("file");
		write(&path, file);
		let target = format!("{deal}:/file");
		let put = [Path::new("put"), &path, Path::new(&target), Path::new("--plain")];
		let put = devnet.nil(put).ok();
		assert_eq!(put["commits"][0]["signed"], serde_json::json!([0, 1, 2, 3]), "{put}");
		let holders = devnet.holders(deal).iter().map(|holder| holder.parse().unwrap()).collect();
		Self { devnet, chain, deal, holders }
	}

	fn look(&self, slot: u8) -> Look {
		let provider = self.holders[usize::from(slot)];
		runtime().block_on(async {
			let head = self.chain.head(At::Best).await.unwrap();
			let view = self.chain.at(head.hash);
			let round = view.round().await.unwrap().round;
			let duty = view.duty(provider).await.unwrap();
			Look { block: head.hash, round, duty }
		})
	}

	/// What the provider of a slot was asked at a block.
	fn samples(&self, slot: u8, block: Hash32) -> Vec<SampleInfo> {
		let provider = self.holders[usize::from(slot)];
		let view = self.chain.at(block);
		runtime().block_on(view.samples(provider, 0..SAMPLES)).unwrap()
	}

	fn round(&self) -> u32 {
		runtime().block_on(self.chain.best().round()).unwrap().round
	}

	fn look_at_all(&self) -> Vec<Look> {
		(0..4).map(|slot| self.look(slot)).collect()
	}

	/// Waits until a round has begun.
	fn wait_for_round(&self, round: u32, reading: &Reading) {
		let what = format!("round {round} begins");
		eventually(&what, PATIENCE * 2, || {
			reading.goes_on();
			self.round() >= round
		});
	}

	/// Waits for a round that all answer in full, and then for `rounds` more, in which all have to. The last of these.
	fn all_answer(&self, rounds: u32, reading: &Reading) -> u32 {
		let mut full = 0;
		eventually("everybody answers everything", PATIENCE * 2, || {
			let looks = self.look_at_all();
			full = looks[0].round;
			looks.iter().all(|look| {
				(look.round, look.duty.due) == (full, SAMPLES)
					&& look.duty.answered.len() == SAMPLES as usize
			})
		});
		self.wait_for_round(full + 1, reading);
		let before = self.look_at_all();
		self.wait_for_round(full + rounds + 1, reading);
		for (slot, (before, after)) in before.iter().zip(self.look_at_all()).enumerate() {
			let (before, after) = (&before.duty, &after.duty);
			assert_eq!(after.silent, before.silent, "slot {slot} was silent: {after:?}");
			assert_eq!(after.missed, before.missed, "slot {slot} left samples open: {after:?}");
			assert!(after.index > before.index, "slot {slot} earned nothing: {after:?}");
		}
		full + rounds
	}

	/// What `nil deal show` tells of the slots' samples.
	fn shown(&self) -> Value {
		self.devnet.nil(["deal", "show", &self.deal.to_string()]).ok()
	}

	/// The roots of the deal's MDUs, in order, from other slots than the victim's.
	fn roots(&self) -> Vec<Hash32> {
		runtime().block_on(async {
			let view = self.chain.best();
			let info = view.deal(self.deal).await.unwrap().unwrap();
			let slots = view.slots(self.deal).await.unwrap();
			let mut commits = view.commits(self.deal, 0).await.unwrap();
			assert_eq!(commits.len(), 1);
			let options = ReadOptions::new(Identities::none());
			let others =
				SlotRebuilder::new(info, commits.remove(0), &slots, VICTIM, options).unwrap();
			others.roots().await.unwrap().to_vec()
		})
	}
}

/// Rounds in which a loss of this share of all blobs is found, but for one time in a million. A round finds nothing with a
/// probability of `(1 - gone)^7`: half of the blobs gone, that is 0.8 %, and three rounds are enough.
fn rounds_to_be_found(gone: f64) -> u32 {
	(1e-6_f64.ln() / (BY_WEIGHT * (1.0 - gone).ln())).ceil() as u32
}

#[test]
fn who_lost_data_shows_and_who_did_not_answers_everything() {
	let file = random_bytes(SIZE, 31);
	let mut scene = Scene::new(&file);
	let reading = Reading::start(scene.chain.clone(), scene.deal, file);

	// Everybody is honest.
	let last = scene.all_answer(3, &reading);
	let shown = scene.shown();
	let rounds = &shown["rounds"];
	assert_eq!(
		rounds["current"]["round"].as_u64(),
		rounds["last"]["round"].as_u64().map(|r| r + 1)
	);
	assert!(rounds["last"]["round"].as_u64().unwrap() >= u64::from(last), "{rounds}");
	for slot in shown["slots"].as_array().unwrap() {
		let last = &slot["samples"]["last"];
		for name in ["due", "answered", "due_of_slot", "answered_of_slot"] {
			assert_eq!(last[name], SAMPLES, "{slot}");
		}
	}

	// The node and a provider crash, and go on as before; the provider does not look after its disk any more.
	let victim = scene.devnet.member(&scene.holders[usize::from(VICTIM)].to_string());
	scene.devnet.kill_node();
	victim.kill();
	victim.leave_damage();
	scene.devnet.up_again();
	scene.all_answer(1, &reading);

	// It loses half of its files, of which there is one for each MDU.
	let corrupt =
		["devnet", "corrupt", &victim.name, "--fraction", "0.5", "--seed", "5", "--delete"];
	let deleted = scene.devnet.devnet(&corrupt).ok();
	let roots: Vec<String> = scene.roots().iter().map(hex::encode).collect();
	let gone: BTreeSet<u64> = deleted["files"]
		.as_array()
		.unwrap()
		.iter()
		.map(|file| {
			let name = Path::new(file.as_str().unwrap()).file_name().unwrap().to_str().unwrap();
			let root = name.split('.').next().unwrap();
			roots.iter().position(|known| known == root).expect("it is of the deal") as u64
		})
		.collect();
	assert_eq!((roots.len(), gone.len()), (4, 2), "{deleted}");
	let blobs = |which: &str| deleted[which]["blobs"].as_u64().unwrap() as f64;
	let bound = rounds_to_be_found(blobs("damaged") / blobs("stored"));
	assert!((2..=4).contains(&bound), "{deleted}");

	// It answers what it can and leaves out the rest, round by round until it is caught.
	let mut round = scene.round();
	let caught = (0..bound).any(|_| {
		round += 1;
		caught_in(&scene, round, &gone, &reading)
	});
	assert!(caught, "nothing was found in {bound} rounds");
	let shown = scene.shown();
	let account = |slot: usize| {
		let samples = &shown["slots"][slot]["samples"];
		samples["missed_samples"].as_u64().unwrap() + samples["silent_rounds"].as_u64().unwrap()
	};
	assert!(account(usize::from(VICTIM)) > 0, "{shown}");
	// The others answer on.
	for slot in (0..4).filter(|slot| *slot != usize::from(VICTIM)) {
		let last = &shown["slots"][slot]["samples"]["last"];
		assert_eq!(last["answered"], SAMPLES, "slot {slot}: {shown}");
	}
	assert!(reading.stop() > 0);
}

/// Follows the victim through a round: exactly the samples of MDUs that are gone stay open, and its account tells of them.
/// Whether there were any.
fn caught_in(scene: &Scene, round: u32, gone: &BTreeSet<u64>, reading: &Reading) -> bool {
	scene.wait_for_round(round, reading);
	let mut seen = None;
	eventually("what can be answered is answered", PATIENCE, || {
		let Look { block, round: now, duty } = scene.look(VICTIM);
		assert_eq!(now, round, "the round is over, and samples were still open");
		if duty.due == 0 {
			return false;
		}
		let samples = scene.samples(VICTIM, block);
		assert_eq!(samples.len(), SAMPLES as usize, "no sample is void");
		let can = samples.iter().filter(|sample| !gone.contains(&sample.mdu));
		let can: Vec<u32> = can.map(|sample| sample.ordinal).collect();
		assert!(duty.answered.iter().all(|ordinal| can.contains(ordinal)), "{duty:?}");
		let done = duty.answered == can;
		seen = Some(duty);
		done
	});
	let before = seen.expect("it was seen");
	scene.wait_for_round(round + 1, reading);
	let after = scene.look(VICTIM);
	assert_eq!(after.round, round + 1);
	let after = after.duty;
	let open = u64::from(SAMPLES) - before.answered.len() as u64;
	if before.answered.is_empty() {
		assert_eq!((after.silent, after.missed), (before.silent + 1, before.missed));
	} else {
		assert_eq!((after.silent, after.missed), (before.silent, before.missed + open));
	}
	open > 0
}
