//! What the chain refuses, each with the exact error: commits by strangers and for wrong generations, receipts by wrong
//! keys, for other deals, replayed, too few or too late, and providers without room or stake.
//!
//! The service keys of a devnet's providers lie in its directory, so the tests sign receipts themselves and can lie in
//! every way that a provider or an owner could.

mod common;

use common::{Devnet, runtime};
use nil_client::{
	account::AccountId,
	chain::{Call, Chain, ChainError, CommitContent, UpdateProvider, WaitFor},
	keys::Signer,
};
use nil_types::{
	ReceiptMessage, blake2b_256, layout::BLOB_PAYLOAD, messages::roots_hash, traits::Receipt,
};
use std::fs;

/// Profile 2+2: three receipts are enough, two are not.
const PROFILE: &str = "2+2";

struct Scene {
	devnet: Devnet,
	chain: Chain,
	alice: Signer,
	deal: u64,
	/// The service keys of the deal's slots, in order.
	keys: Vec<Signer>,
}

impl Scene {
	fn new() -> Self {
		let devnet = Devnet::start(4);
		let chain = runtime().block_on(Chain::connect(&devnet.url())).unwrap();
		let deal = devnet.deal(PROFILE, 64);
		let keys = devnet.holders(deal).iter().map(|holder| service_key(&devnet, holder)).collect();
		Self { devnet, chain, alice: Signer::from_uri("//Alice").unwrap(), deal, keys }
	}

	/// A commit of one full blob on generation `base_gen`, signed by all slots.
	fn commit(&self, base_gen: u32) -> CommitContent {
		let roots = vec![nil_types::hash_to_fr(&base_gen.to_le_bytes())];
		let mut commit = CommitContent {
			deal: self.deal,
			base_gen,
			roots,
			index_root: blake2b_256(b"index"),
			size_bytes: BLOB_PAYLOAD as u64,
			index_len: 5,
			receipts: Vec::new(),
		};
		let until = self.now() + 1000;
		commit.receipts = (0..4).map(|slot| self.receipt(&commit, slot, until, |_| ())).collect();
		commit
	}

	/// A receipt for `commit` by the provider of `slot`, after `change` to what it signs.
	fn receipt(
		&self,
		commit: &CommitContent,
		slot: u8,
		until: u32,
		change: impl FnOnce(&mut ReceiptMessage),
	) -> Receipt {
		let mut message = ReceiptMessage {
			genesis: self.chain.genesis(),
			deal: commit.deal,
			generation: commit.base_gen + 1,
			slot,
			roots_hash: roots_hash(&commit.roots),
			index_root: commit.index_root,
			size_bytes: commit.size_bytes,
			index_len: commit.index_len,
			until,
		};
		change(&mut message);
		let signature = self.keys[usize::from(slot)].sign(&message.signing_bytes());
		Receipt { slot, until, signature }
	}

	fn now(&self) -> u32 {
		runtime().block_on(self.chain.best().terms()).unwrap().relay_block
	}

	fn submit(&self, commit: &CommitContent, signer: &Signer) -> Result<(), ChainError> {
		let call = Call::commit_content(commit);
		runtime().block_on(self.chain.submit(&call, signer, WaitFor::Best)).map(|_| ())
	}

	/// The commit is refused with this error, and nothing about the deal changes.
	#[track_caller]
	fn refused(&self, commit: &CommitContent, signer: &Signer, expected: &str) {
		let read = || runtime().block_on(self.chain.best().deal(self.deal)).unwrap();
		let before = read();
		match self.submit(commit, signer) {
			Err(error) if error.is_dispatch("Deals", expected) => {},
			other => panic!("expected Deals.{expected}, got {other:?}"),
		}
		assert_eq!(read(), before, "a refused commit changes nothing");
	}
}

fn service_key(devnet: &Devnet, operator: &str) -> Signer {
	secret(devnet, operator, "service.key")
}

fn secret(devnet: &Devnet, operator: &str, name: &str) -> Signer {
	let dir = devnet.member(operator).dir;
	let path = common::files_below(&dir)
		.into_iter()
		.find(|path| path.file_name().is_some_and(|found| found == name))
		.unwrap_or_else(|| panic!("no {name} in {}", dir.display()));
	let text = fs::read_to_string(path).unwrap();
	let digits = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap();
	let mut seed = [0; 32];
	hex::decode_to_slice(digits.trim_start_matches("0x"), &mut seed).unwrap();
	Signer::from_seed(seed).unwrap()
}

#[test]
fn the_chain_takes_honest_commits_alone() {
	let scene = Scene::new();
	commits_are_checked(&scene);
	receipts_are_checked(&scene);
	honest_commits_pass_once(&scene);
	providers_without_room_or_stake(&scene);
	calls_for_deals_that_do_not_exist(&scene);
}

fn commits_are_checked(scene: &Scene) {
	let bob = Signer::from_uri("//Bob").unwrap();
	let good = scene.commit(0);
	scene.refused(&good, &bob, "NotOwner");
	scene.refused(&scene.commit(1), &scene.alice, "WrongGeneration");
	let changed = |change: fn(&mut CommitContent)| {
		let mut commit = good.clone();
		change(&mut commit);
		commit
	};
	let more_roots = changed(|commit| commit.roots.push(commit.roots[0]));
	scene.refused(&more_roots, &scene.alice, "RootsMismatch");
	let larger = changed(|commit| commit.size_bytes = 64 * BLOB_PAYLOAD as u64 + 1);
	scene.refused(&larger, &scene.alice, "RootsMismatch");
	let long_index = changed(|commit| commit.index_len = BLOB_PAYLOAD as u32 + 1);
	scene.refused(&long_index, &scene.alice, "BadIndexLength");
	let aliased = changed(|commit| commit.roots = vec![[0xff; 32]]);
	scene.refused(&aliased, &scene.alice, "NonCanonicalRoot");
	// Another size than the one that was signed for, with as many MDUs.
	let smaller = changed(|commit| commit.size_bytes -= 1);
	scene.refused(&smaller, &scene.alice, "BadReceiptSignature");
}

fn receipts_are_checked(scene: &Scene) {
	let good = scene.commit(0);
	let until = scene.now() + 1000;
	let with = |receipts: Vec<Receipt>| CommitContent { receipts, ..good.clone() };
	let replaced = |receipt: Receipt| {
		let mut receipts = good.receipts.clone();
		let slot = usize::from(receipt.slot);
		receipts[slot] = receipt;
		with(receipts)
	};
	let alice = &scene.alice;

	let for_another_deal = scene.receipt(&good, 1, until, |message| message.deal += 1);
	scene.refused(&replaced(for_another_deal), alice, "BadReceiptSignature");
	let for_another_generation = scene.receipt(&good, 1, until, |message| message.generation += 1);
	scene.refused(&replaced(for_another_generation), alice, "BadReceiptSignature");
	let for_another_chain = scene.receipt(&good, 1, until, |message| message.genesis[0] ^= 1);
	scene.refused(&replaced(for_another_chain), alice, "BadReceiptSignature");
	let for_another_index = scene.receipt(&good, 1, until, |message| message.index_root[0] ^= 1);
	scene.refused(&replaced(for_another_index), alice, "BadReceiptSignature");

	// Slot 2's provider signs what slot 1's should.
	let mut by_wrong_key = scene.receipt(&good, 2, until, |message| message.slot = 1);
	by_wrong_key.slot = 1;
	scene.refused(&replaced(by_wrong_key), alice, "BadReceiptSignature");
	let mut prolonged = good.receipts[1].clone();
	prolonged.until += 1;
	scene.refused(&replaced(prolonged), alice, "BadReceiptSignature");
	let late = scene.receipt(&good, 1, scene.now() - 1, |_| ());
	scene.refused(&replaced(late), alice, "ReceiptExpired");

	let mut twice = good.receipts.clone();
	twice.push(twice[0].clone());
	scene.refused(&with(twice), alice, "DuplicateReceipt");
	let mut nowhere = good.receipts.clone();
	nowhere[3].slot = 4;
	scene.refused(&with(nowhere), alice, "NoSuchSlot");
	scene.refused(&with(good.receipts[..2].to_vec()), alice, "TooFewReceipts");
	scene.refused(&with(Vec::new()), alice, "TooFewReceipts");
}

fn honest_commits_pass_once(scene: &Scene) {
	let mut first = scene.commit(0);
	let late_one = first.receipts.pop().unwrap();
	scene.submit(&first, &scene.alice).unwrap();
	let read = || runtime().block_on(scene.chain.best().deal(scene.deal)).unwrap().unwrap();
	assert_eq!((read().generation, read().total_mdus), (1, 1));
	assert_eq!(read().manifests.len(), 1);

	// The commit again, and its receipts for the generation after it.
	scene.refused(&first, &scene.alice, "WrongGeneration");
	let replayed = CommitContent { base_gen: 1, ..first.clone() };
	scene.refused(&replayed, &scene.alice, "BadReceiptSignature");

	// A receipt that was late is added once, by anybody.
	let bob = Signer::from_uri("//Bob").unwrap();
	let add = |receipt: &Receipt| {
		let call = Call::add_receipt(scene.deal, 1, receipt);
		runtime().block_on(scene.chain.submit(&call, &bob, WaitFor::Best)).map(|_| ())
	};
	add(&late_one).unwrap();
	let error = add(&late_one).unwrap_err();
	assert!(error.is_dispatch("Deals", "DuplicateReceipt"), "{error}");
	let commits = runtime().block_on(scene.chain.best().commits(scene.deal, 0)).unwrap();
	assert_eq!(commits.len(), 1);
	assert_eq!(commits[0].1.signed, 0b1111);
}

fn providers_without_room_or_stake(scene: &Scene) {
	let holders = scene.devnet.holders(scene.deal);
	// A daemon would put its registration right again.
	for holder in &holders[..2] {
		scene.devnet.member(holder).kill();
	}
	let submit = |call: &Call, signer: &Signer| {
		runtime().block_on(scene.chain.submit(call, signer, WaitFor::Best)).unwrap();
	};
	let provider = |holder: &str| {
		let account: AccountId = holder.parse().unwrap();
		runtime().block_on(scene.chain.best().provider(account)).unwrap().unwrap()
	};
	let operator = secret(&scene.devnet, &holders[0], "operator.key");
	let (used, capacity) = (provider(&holders[0]).used, provider(&holders[0]).capacity);
	assert!(used > 0, "the first commit is booked");
	let set_capacity = |capacity| {
		let update = UpdateProvider { capacity: Some(capacity), ..Default::default() };
		submit(&Call::update(&update), &operator);
	};
	set_capacity(used);
	scene.refused(&scene.commit(1), &scene.alice, "ProviderOutOfCapacity");
	set_capacity(capacity);

	let terms = runtime().block_on(scene.chain.best().terms()).unwrap();
	assert_ne!(terms.stake_per_gib, 0, "a development chain asks for stake");
	let operator = secret(&scene.devnet, &holders[1], "operator.key");
	let before = provider(&holders[1]);
	let needed = terms.min_stake + terms.stake_per_gib * u128::from(before.used) / (1 << 30);
	submit(&Call::remove_stake(before.stake - needed - 1), &operator);
	scene.refused(&scene.commit(1), &scene.alice, "ProviderOutOfStake");

	// Without the poor one there are enough.
	let mut commit = scene.commit(1);
	commit.receipts.remove(1);
	scene.submit(&commit, &scene.alice).unwrap();
}

fn calls_for_deals_that_do_not_exist(scene: &Scene) {
	let unknown = u64::MAX;
	for call in [
		Call::top_up(unknown, 1),
		Call::extend_deal(unknown, 1),
		Call::cancel_deal(unknown),
		Call::commit_content(&CommitContent { deal: unknown, ..scene.commit(1) }),
	] {
		let error =
			runtime().block_on(scene.chain.submit(&call, &scene.alice, WaitFor::Best)).unwrap_err();
		assert!(error.is_dispatch("Deals", "UnknownDeal"), "{}: {error}", call.name());
	}
	let text = unknown.to_string();
	let failure = scene.devnet.nil(["deal", "show", &text]).fails(3);
	assert_eq!(failure.code, "deal_not_found");
	scene.devnet.nil(["deal", "top-up", &text, "1"]).fails(3);
	scene.devnet.nil(["deal", "show", "x"]).fails(2);
}
