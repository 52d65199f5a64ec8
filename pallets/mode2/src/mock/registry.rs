//! The registry of providers: in storage, with real sr25519 keys.

use super::{AccountId, PRICE};
use frame_support::{Blake2_128Concat, storage_alias};
use nil_types::{
	Hash32, Hint, ServiceKey, blake2b_256,
	traits::{Departure, ProviderRegistry, RegistryError},
};
use sp_core::{Pair, sr25519};

/// What the registry of the mock keeps about a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, codec::Encode, codec::Decode)]
pub struct Registered {
	pub capacity: u64,
	pub used: u64,
	pub slots: u32,
	pub draining: bool,
	pub jailed: bool,
}

#[storage_alias]
pub type Registry = StorageMap<Mock, Blake2_128Concat, AccountId, Registered>;

/// A registry that draws by sorting hashes: every operator alike.
#[derive(Debug)]
pub struct MockRegistry;

/// The pair behind a provider's service key.
pub fn service_pair(provider: AccountId) -> sr25519::Pair {
	sr25519::Pair::from_string(&service_uri(provider), None).expect("a valid URI")
}

fn service_uri(provider: AccountId) -> String {
	// A seed in hex: quick, unlike one derived from a phrase.
	format!("0x{:064x}", provider + 1)
}

impl ProviderRegistry<AccountId> for MockRegistry {
	fn draw(seed: Hash32, count: u32, _: Hint, price: u128) -> Option<Vec<AccountId>> {
		assert_eq!(price, PRICE, "slots are drawn at the deals' price");
		let mut eligible: Vec<_> = Registry::iter()
			.filter(|(_, provider)| !provider.draining && !provider.jailed)
			.map(|(id, _)| (blake2b_256(&[&seed[..], &id.to_le_bytes()].concat()), id))
			.collect();
		eligible.sort_unstable();
		let drawn: Vec<_> = eligible.into_iter().map(|(_, id)| id).take(count as usize).collect();
		(drawn.len() == count as usize).then_some(drawn)
	}

	fn draw_another(
		seed: Hash32,
		_: Hint,
		price: u128,
		bytes: u64,
		excluded: &[AccountId],
	) -> Option<AccountId> {
		assert_eq!(price, PRICE, "slots are drawn at the deals' price");
		Registry::iter()
			.filter(|(id, provider)| {
				!provider.draining
					&& !provider.jailed
					&& !excluded.contains(id)
					&& provider.capacity - provider.used >= bytes
			})
			.map(|(id, _)| (blake2b_256(&[&seed[..], &id.to_le_bytes()].concat()), id))
			.min()
			.map(|(_, id)| id)
	}

	fn departure(provider: &AccountId) -> Option<Departure> {
		match Registry::get(provider)? {
			Registered { jailed: true, .. } => Some(Departure::Eviction),
			Registered { draining: true, .. } => Some(Departure::Drain),
			_ => None,
		}
	}

	fn slot_taken(provider: &AccountId) -> Result<(), RegistryError> {
		Registry::mutate(provider, |entry| {
			entry
				.as_mut()
				.filter(|entry| !entry.draining && !entry.jailed)
				.map(|entry| entry.slots += 1)
				.ok_or(RegistryError::Unknown)
		})
	}

	fn slot_released(provider: &AccountId) {
		Registry::mutate(provider, |entry| entry.as_mut().expect("registered").slots -= 1);
	}

	fn add_used(provider: &AccountId, bytes: u64) -> Result<(), RegistryError> {
		Registry::mutate(provider, |entry| {
			let entry = entry.as_mut().ok_or(RegistryError::Unknown)?;
			if entry.used + bytes > entry.capacity {
				return Err(RegistryError::OutOfCapacity);
			}
			entry.used += bytes;
			Ok(())
		})
	}

	fn sub_used(provider: &AccountId, bytes: u64) {
		Registry::mutate(provider, |entry| entry.as_mut().expect("registered").used -= bytes);
	}

	fn service_key(provider: &AccountId) -> Option<ServiceKey> {
		Registry::contains_key(provider).then(|| service_pair(*provider).public().0)
	}

	fn multiaddrs(provider: &AccountId) -> Vec<Vec<u8>> {
		vec![format!("/ip4/127.0.0.1/tcp/{provider}/http").into_bytes()]
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn benchmark_providers(count: u32) -> Vec<(AccountId, ServiceKey)> {
		use nil_types::traits::BENCHMARK_KEY_TYPE;
		(1_000..1_000 + u64::from(count))
			.map(|id| {
				Registry::insert(id, Registered { capacity: u64::MAX / 2, ..Default::default() });
				let uri = service_uri(id).into_bytes();
				let key = sp_io::crypto::sr25519_generate(
					sp_core::crypto::KeyTypeId(BENCHMARK_KEY_TYPE),
					Some(uri),
				);
				(id, key.0)
			})
			.collect()
	}
}
