//! The registry as other pallets use it.

use super::*;
use nil_types::traits::{ProviderRegistry, RegistryError};

#[test]
fn used_bytes_follow_commits_and_move_the_weight() {
	run(|| {
		register(1);
		assert_ok!(Providers::slot_taken(&1));
		assert_ok!(Providers::add_used(&1, 3 * GIB));
		System::assert_last_event(
			Event::UsageChanged { operator: 1, slots: 1, used: 3 * GIB }.into(),
		);
		assert_eq!(weight(1), 7 * 1024);
		Providers::sub_used(&1, GIB);
		assert_eq!(weight(1), 8 * 1024);
		Providers::slot_released(&1);
		System::assert_last_event(
			Event::UsageChanged { operator: 1, slots: 0, used: 2 * GIB }.into(),
		);
	});
}

#[test]
fn bytes_beyond_capacity_or_stake_are_refused() {
	run(|| {
		register(1);
		assert_eq!(Providers::add_used(&1, 10 * GIB + 1), Err(RegistryError::OutOfCapacity));
		assert_eq!(Providers::add_used(&1, u64::MAX), Err(RegistryError::OutOfCapacity));
		assert_ok!(send(1, Call::remove_stake { amount: 150 }));
		assert_eq!(Providers::add_used(&1, 5 * GIB + 1), Err(RegistryError::OutOfStake));
		assert_ok!(Providers::add_used(&1, 5 * GIB));
		assert_eq!(Providers::add_used(&1, 1), Err(RegistryError::OutOfStake));
		assert_eq!(Providers::add_used(&1, u64::MAX), Err(RegistryError::OutOfCapacity));
		assert_eq!(ledger(1).used, 5 * GIB);
	});
}

#[test]
fn strangers_are_unknown() {
	run(|| {
		assert_eq!(Providers::slot_taken(&1), Err(RegistryError::Unknown));
		assert_eq!(Providers::add_used(&1, 1), Err(RegistryError::Unknown));
		assert_eq!(Providers::service_key(&1), None);
		assert!(Providers::multiaddrs(&1).is_empty());
	});
}

#[test]
fn key_and_addresses_are_the_current_ones() {
	run(|| {
		register(1);
		assert_ok!(send(1, Call::rotate_service_key { new: key(10) }));
		assert_eq!(Providers::service_key(&1), Some(key(10)));
		assert_eq!(Providers::multiaddrs(&1), [b"/ip4/127.0.0.1/tcp/4100/http".to_vec()]);
	});
}

#[cfg(feature = "runtime-benchmarks")]
#[test]
fn providers_for_benchmarks_can_sign_and_be_drawn() {
	use nil_types::{Hint, traits::BENCHMARK_KEY_TYPE};
	use sp_core::{crypto::KeyTypeId, sr25519::Public};
	run(|| {
		let mut made = Providers::benchmark_providers(12);
		made.extend(Providers::benchmark_providers(1));
		let mut accounts: Vec<_> = made.iter().map(|(operator, _)| *operator).collect();
		accounts.sort_unstable();
		accounts.dedup();
		assert_eq!(accounts.len(), 13);
		for (operator, service_key) in made {
			assert_eq!(Providers::service_key(&operator), Some(service_key));
			let public = Public::from_raw(service_key);
			let signature =
				sp_io::crypto::sr25519_sign(KeyTypeId(BENCHMARK_KEY_TYPE), &public, b"receipt");
			assert!(signature.is_some());
		}
		assert_eq!(Providers::draw([1; 32], 13, Hint::Hot, 0).map(|drawn| drawn.len()), Some(13));
	});
}
