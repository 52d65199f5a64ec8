//! A deal, and commits to it.

use super::{Backend, TestChain};
use codec::Encode;
use nil_runtime::{Nonce, Runtime, UNIT, UncheckedExtrinsic};
use nil_types::{
	Capability, CodeKind, ContentShape, DealInfo, DealStatus, Generation, Hash32, Hint, Profile,
	ReceiptMessage, SlotIndex, SlotInfo, SlotState, messages::roots_hash, traits::Receipt,
};
use sp_core::Pair;
use sp_keyring::Sr25519Keyring;
use std::sync::LazyLock;

type AccountId = [u8; 32];

/// The service key of the provider that `operator` runs.
pub fn service_key(operator: Sr25519Keyring) -> sp_core::sr25519::Pair {
	sp_core::sr25519::Pair::from_string(&format!("//{operator}//service"), None).unwrap()
}

/// The call by which `operator` registers, in the failure domain that it names.
pub fn registration(operator: Sr25519Keyring, domain: &str) -> pallet_providers::Call<Runtime> {
	pallet_providers::Call::register {
		service_key: service_key(operator).public().0,
		multiaddrs: vec![b"/ip4/127.0.0.1/tcp/4100/http".to_vec().try_into().unwrap()]
			.try_into()
			.unwrap(),
		capability: Capability::General,
		domain: domain.as_bytes().to_vec().try_into().unwrap(),
		capacity: 1 << 40,
		price_floor: 0,
		stake: 1_000_000 * UNIT,
	}
}

/// The call that asks for a deal of `profile`.
pub fn request(profile: Profile) -> pallet_deals::Call<Runtime> {
	pallet_deals::Call::create_deal {
		profile,
		hint: Hint::Cold,
		duration: 100_000,
		max_monthly_spend: 0,
		escrow: 1_000_000 * UNIT,
	}
}

/// Who runs providers: as many of them as a deal has slots, and one more.
pub const OPERATORS: [Sr25519Keyring; 13] = [
	Sr25519Keyring::Bob,
	Sr25519Keyring::Charlie,
	Sr25519Keyring::Dave,
	Sr25519Keyring::Eve,
	Sr25519Keyring::Ferdie,
	Sr25519Keyring::AliceStash,
	Sr25519Keyring::BobStash,
	Sr25519Keyring::CharlieStash,
	Sr25519Keyring::DaveStash,
	Sr25519Keyring::EveStash,
	Sr25519Keyring::FerdieStash,
	Sr25519Keyring::One,
	Sr25519Keyring::Two,
];

/// Their service keys. To derive one takes milliseconds.
static SERVICE_KEYS: LazyLock<[sp_core::sr25519::Pair; 13]> =
	LazyLock::new(|| OPERATORS.map(service_key));

/// A chain on which Alice's deal 0 of profile 2+1 has its slots.
pub fn placed(backend: Backend) -> (TestChain, Profile) {
	let profile = Profile::new(2, 1, CodeKind::Fr).unwrap();
	(placed_with(backend, profile), profile)
}

/// A chain on which Alice's deal 0 of `profile`, of at most twelve slots, has them.
pub fn placed_with(backend: Backend, profile: Profile) -> TestChain {
	let mut chain = TestChain::with(backend);
	let registrations = OPERATORS[..=usize::from(profile.n())]
		.iter()
		.map(|&operator| chain.sign(operator, 0, registration(operator, "")))
		.collect();
	chain.build_all_good(registrations);

	let create = chain.sign(Sr25519Keyring::Alice, 0, request(profile));
	chain.build_all_good(vec![create]);
	for _ in 0..20 {
		if info(&chain).status == DealStatus::Active {
			return chain;
		}
		chain.build(Vec::new());
	}
	panic!("the deal was not placed: {:?}", info(&chain));
}

pub fn info(chain: &TestChain) -> DealInfo<AccountId> {
	chain.query::<Option<_>>("NilApi_deal", &0u64).expect("deal 0 exists")
}

/// Who of [`OPERATORS`] holds the slots of deal 0, in the order of the slots.
fn holders(chain: &TestChain) -> Vec<usize> {
	let slots: Vec<SlotInfo<AccountId>> = chain.query("NilApi_slots", &0u64);
	let holder = |slot: &SlotInfo<AccountId>| {
		let SlotState::Active { provider } = slot.state else { panic!("{slot:?}") };
		OPERATORS.iter().position(|operator| operator.to_raw_public() == provider).unwrap()
	};
	slots.iter().map(holder).collect()
}

/// Who holds a slot of deal 0.
pub fn holder(chain: &TestChain, slot: SlotIndex) -> Sr25519Keyring {
	OPERATORS[holders(chain)[usize::from(slot)]]
}

/// The `index`th signed commit to deal 0 of [`placed`] or [`placed_with`], of `count` MDUs, with the receipts of all its
/// slots.
pub fn commit(chain: &TestChain, profile: Profile, index: u32, count: u32) -> UncheckedExtrinsic {
	commit_upon(chain, profile, index, 1 + index, count)
}

/// A commit as [`commit`] makes it, upon generation `base_gen` and with Alice's nonce `nonce`.
pub fn commit_upon(
	chain: &TestChain,
	profile: Profile,
	base_gen: Generation,
	nonce: Nonce,
	count: u32,
) -> UncheckedExtrinsic {
	// The last MDU has one byte.
	let size_bytes = u64::from(count - 1) * nil_types::layout::MDU_PAYLOAD as u64 + 1;
	assert_eq!(ContentShape::new(size_bytes).mdus(), u64::from(count));
	let roots = (0..count).map(|i| nil_types::hash_to_fr(&(base_gen, i).encode())).collect();
	commit_roots(chain, profile, base_gen, nonce, roots, size_bytes)
}

/// As [`commit_upon`], of content that there is: MDUs with these roots, of so many payload bytes together.
pub fn commit_roots(
	chain: &TestChain,
	profile: Profile,
	base_gen: Generation,
	nonce: Nonce,
	roots: Vec<Hash32>,
	size_bytes: u64,
) -> UncheckedExtrinsic {
	let index_root = nil_types::blake2b_256(b"index");
	let index_len = 1;
	let until = chain.place().block + 100;
	let holders = holders(chain);
	assert_eq!(holders.len(), usize::from(profile.n()));
	let receipts: Vec<_> = holders
		.into_iter()
		.zip(0..profile.n())
		.map(|(operator, slot)| {
			let message = ReceiptMessage {
				genesis: chain.genesis().0,
				deal: 0,
				generation: base_gen + 1,
				slot,
				roots_hash: roots_hash(&roots),
				index_root,
				size_bytes,
				index_len,
				until,
			};
			let signature = SERVICE_KEYS[operator].sign(&message.signing_bytes()).0;
			Receipt { slot, until, signature }
		})
		.collect();
	chain.sign(
		Sr25519Keyring::Alice,
		nonce,
		pallet_deals::Call::commit_content {
			deal: 0,
			base_gen,
			roots: roots.try_into().unwrap(),
			index_root,
			size_bytes,
			index_len,
			receipts: receipts.try_into().unwrap(),
		},
	)
}
