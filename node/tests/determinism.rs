//! One state and one randomness ask the same of everybody: of the wasm that makes blocks and answers providers, and of the same
//! code built for this machine, with which a provider or somebody else may check it.

mod support;

use nil_runtime::{Liveness, Runtime, RuntimeOrigin};
use nil_slab::manifest;
use nil_types::{
	CommitInfo, DealId, DutyInfo, Generation, Hint, Profile, RoundInfo, SampleInfo, hash_to_fr,
	layout::MDU_PAYLOAD,
	traits::{Allocation, SlotHooks},
};
use pallet_deals::{Commits, ManifestPoint, ManifestPoints};
use pallet_liveness::{Asked, Parameters};
use sp_keyring::Sr25519Keyring::{self, Alice, Bob, Charlie};
use support::{Backend, TestChain};

/// Who is asked: each holds another slot of all deals.
const PROVIDERS: [Sr25519Keyring; 3] = [Alice, Bob, Charlie];
/// Deals, every third of which is hot, and the commits of each.
const DEALS: DealId = 9;
const COMMITS: Generation = 3;
/// Samples of a round, so that slots are drawn sixteen times.
const ASKED: u32 = 128;

/// MDUs of a commit, other ones for each.
fn mdus(deal: DealId, generation: Generation) -> u64 {
	1 + 5 * deal + u64::from(generation)
}

fn first_mdu(deal: DealId, generation: Generation) -> u64 {
	(1..generation).map(|earlier| mdus(deal, earlier)).sum()
}

/// What the provider of a slot signs with a commit.
fn allocation(deal: DealId, slot: u8, generation: Generation) -> Allocation {
	let profile = Profile::DEFAULT;
	Allocation {
		deal,
		slot,
		generation,
		hint: if deal.is_multiple_of(3) { Hint::Hot } else { Hint::Cold },
		profile,
		first_mdu: first_mdu(deal, generation),
		rows: mdus(deal, generation) * u64::from(profile.rows()),
		price: 0,
	}
}

/// A chain before its first block, in whose state content, lists and parameters are written: who paid, and signed, is nothing
/// to draws.
fn chain(backend: Backend) -> TestChain {
	let mut chain = TestChain::with(backend);
	let point = manifest::points(&[hash_to_fr(b"a root")]).unwrap()[0];
	chain.alter(|| {
		Parameters::<Runtime>::mutate(|planned| planned.now.samples_per_epoch = ASKED);
		for deal in 0..DEALS {
			let manifest = ManifestPoint { now: point, changed_in: 0, before: None };
			ManifestPoints::<Runtime>::insert(deal, 0u32, manifest);
			for generation in 1..=COMMITS {
				let commit = CommitInfo {
					first_mdu: first_mdu(deal, generation),
					size_bytes: mdus(deal, generation) * MDU_PAYLOAD as u64,
					index_len: 0,
					index_root: [0; 32],
					roots_hash: [0; 32],
					signed: 0,
					at: 0,
				};
				Commits::<Runtime>::insert(deal, generation, commit);
			}
			// The last one is signed later.
			sign(deal, 1..COMMITS);
		}
	});
	// The first one begins the first round.
	chain.build_all_good(Vec::new());
	chain
}

/// Lets all providers sign commits of a deal.
fn sign(deal: DealId, generations: impl Iterator<Item = Generation> + Clone) {
	for (slot, provider) in (0..).zip(PROVIDERS) {
		for generation in generations.clone() {
			let allocation = allocation(deal, slot, generation);
			<Liveness as SlotHooks<_>>::signed(&provider.to_account_id(), allocation);
		}
	}
}

/// Makes blocks until a round is drawn, and applies what happened before it.
fn go_to(chain: &mut TestChain, round: u32) {
	for _ in 0..100 {
		let now: RoundInfo = chain.query("NilApi_round", &());
		assert_eq!(now, chain.inspect(Liveness::round_info));
		if now.round == round && now.drawn.is_some() {
			chain.alter(|| {
				for provider in PROVIDERS.map(Sr25519Keyring::to_account_id) {
					if Liveness::duty(&provider).behind {
						let origin = RuntimeOrigin::signed(provider.clone());
						Liveness::advance(origin, provider, 64).unwrap();
					}
				}
			});
			return;
		}
		chain.build_all_good(Vec::new());
	}
	panic!("no round {round}");
}

/// What wasm tells that a provider is asked, after a comparison with what is drawn here.
fn asked(chain: &TestChain, provider: Sr25519Keyring) -> Vec<SampleInfo> {
	let (account, id) = (provider.to_account_id(), provider.to_raw_public());
	let told: Vec<SampleInfo> = chain.query("NilApi_samples", &(id, 0u32, ASKED));
	let ordinals: Vec<u32> = told.iter().map(|sample| sample.ordinal).collect();
	assert_eq!(ordinals, (0..ASKED).collect::<Vec<_>>());
	let told_of = |sample: &SampleInfo| {
		let SampleInfo { deal, slot, generation, profile, mdu, leaf, place, .. } = *sample;
		Some(Asked { deal, slot, generation, profile, mdu, leaf, place })
	};
	let wasm: Vec<_> = told.iter().map(told_of).collect();
	let native: Vec<_> =
		chain.inspect(|| (0..ASKED).map(|i| Liveness::asked(&account, i)).collect());
	assert_eq!(wasm, native, "{provider:?}");
	let duty: DutyInfo = chain.query("NilApi_duty", &id);
	assert_eq!(duty, chain.inspect(|| Liveness::duty(&account)));
	told
}

#[test]
fn wasm_and_native_code_ask_the_same() {
	for backend in Backend::ALL {
		let mut chain = chain(backend);
		let mut seen = Vec::new();
		for round in 1..=5 {
			go_to(&mut chain, round);
			let all = PROVIDERS.map(|provider| asked(&chain, provider));
			// Each round asks each provider for something else, or this would show nothing.
			for samples in all {
				let places: Vec<_> =
					samples.iter().map(|it| (it.deal, it.generation, it.mdu, it.leaf)).collect();
				assert!(samples.iter().any(|sample| sample.place.is_some()));
				assert!(!seen.contains(&places), "round {round}");
				seen.push(places);
			}
			// What is drawn from changes from round to round: some deals grow, others end.
			chain.alter(|| {
				let deal = DealId::from(round);
				sign(deal, COMMITS..=COMMITS);
				for (slot, provider) in (0..).zip(PROVIDERS) {
					<Liveness as SlotHooks<_>>::ended(&provider.to_account_id(), deal - 1, slot);
				}
			});
		}
	}
}
