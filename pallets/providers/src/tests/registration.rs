//! Registering and changing what was registered.

use super::*;
use crate::{MAX_CAPACITY, Profiles, ServiceKeys};
use nil_types::ProviderStatus;
use sp_runtime::TokenError;

#[test]
fn registering_holds_the_stake_and_makes_a_candidate() {
	run(|| {
		Clock::set(7);
		register(1);
		assert_eq!(held(1), 300);
		let info = Providers::provider_info(&1).expect("registered");
		assert_eq!(info.operator, 1);
		assert_eq!(info.service_key, key(1));
		assert_eq!(info.multiaddrs, [b"/ip4/127.0.0.1/tcp/4100/http".to_vec()]);
		assert_eq!(info.capability, Capability::General);
		assert_eq!((info.capacity, info.used, info.slots), (10 * GIB, 0, 0));
		assert_eq!((info.stake, info.status, info.since), (300, ProviderStatus::Active, 7));
		// 10 GiB, and the stake would back 20.
		assert_eq!(weight(1), 10 * 1024);
		System::assert_last_event(
			Event::Registered {
				operator: 1,
				service_key: key(1),
				multiaddrs: multiaddrs(&["/ip4/127.0.0.1/tcp/4100/http"]),
				capability: Capability::General,
				domain: domain(""),
				capacity: 10 * GIB,
				price_floor: 0,
				stake: 300,
			}
			.into(),
		);
	});
}

#[test]
fn registering_twice_or_with_a_known_key_fails() {
	run(|| {
		register(1);
		assert_noop!(send(1, registration(1)), Error::<Test>::AlreadyRegistered);
		let mut call = registration(2);
		if let Call::register { service_key, .. } = &mut call {
			*service_key = key(1);
		}
		assert_noop!(send(2, call), Error::<Test>::ServiceKeyInUse);
	});
}

#[test]
fn bad_fields_are_refused() {
	type Change = fn(&mut Call<Test>);
	let cases: [(Change, Error<Test>); 8] = [
		(
			|call| {
				if let Call::register { multiaddrs, .. } = call {
					*multiaddrs = Default::default();
				}
			},
			Error::NoMultiaddr,
		),
		(
			|call| {
				if let Call::register { multiaddrs, .. } = call {
					*multiaddrs = super::multiaddrs(&["/ip4/127.0.0.1", "ip4/127.0.0.1"]);
				}
			},
			Error::BadMultiaddr,
		),
		(
			|call| {
				if let Call::register { multiaddrs, .. } = call {
					*multiaddrs = super::multiaddrs(&[""]);
				}
			},
			Error::BadMultiaddr,
		),
		(
			|call| {
				if let Call::register { multiaddrs, .. } = call {
					let bytes = vec![b'/', 0xff].try_into().unwrap();
					*multiaddrs = vec![bytes].try_into().unwrap();
				}
			},
			Error::BadMultiaddr,
		),
		(
			|call| {
				if let Call::register { domain, .. } = call {
					*domain = vec![0xff].try_into().unwrap();
				}
			},
			Error::BadDomain,
		),
		(
			|call| {
				if let Call::register { capacity, .. } = call {
					*capacity = 0;
				}
			},
			Error::BadCapacity,
		),
		(
			|call| {
				if let Call::register { capacity, .. } = call {
					*capacity = MAX_CAPACITY + 1;
				}
			},
			Error::BadCapacity,
		),
		(
			|call| {
				if let Call::register { stake, .. } = call {
					*stake = PARAMS.min_stake - 1;
				}
			},
			Error::StakeTooLow,
		),
	];
	run(|| {
		for (change, error) in cases {
			let mut call = registration(1);
			change(&mut call);
			assert_noop!(send(1, call), error);
		}
	});
}

#[test]
fn stake_that_one_does_not_own_is_refused() {
	run(|| {
		let mut call = registration(1);
		if let Call::register { stake, .. } = &mut call {
			*stake = ENDOWMENT + 1;
		}
		assert_noop!(send(1, call), TokenError::FundsUnavailable);
		assert_eq!(ServiceKeys::<Test>::iter().count(), 0);
	});
}

#[test]
fn every_field_can_be_updated() {
	run(|| {
		register(1);
		let addresses = multiaddrs(&["/dns/example.org/tcp/443/https", "/ip6/::1/tcp/1/http"]);
		let call = Call::update {
			multiaddrs: Some(addresses.clone()),
			capability: Some(Capability::Edge),
			domain: Some(domain("AS64496")),
			capacity: Some(5 * GIB),
			price_floor: Some(3),
		};
		assert_ok!(send(1, call));
		assert_eq!(Profiles::<Test>::get(1).unwrap().multiaddrs, addresses);
		let ledger = ledger(1);
		assert_eq!(ledger.capability, Capability::Edge);
		assert_eq!(ledger.domain, domain("AS64496"));
		assert_eq!((ledger.capacity, ledger.price_floor), (5 * GIB, 3));
		assert_eq!(weight(1), 5 * 1024);
		System::assert_last_event(
			Event::Updated {
				operator: 1,
				multiaddrs: Some(addresses),
				capability: Some(Capability::Edge),
				domain: Some(domain("AS64496")),
				capacity: Some(5 * GIB),
				price_floor: Some(3),
			}
			.into(),
		);
	});
}

fn update_capacity(capacity: u64) -> Call<Test> {
	Call::update {
		multiaddrs: None,
		capability: None,
		domain: None,
		capacity: Some(capacity),
		price_floor: None,
	}
}

#[test]
fn capacity_cannot_go_below_what_is_used() {
	use nil_types::traits::ProviderRegistry;
	run(|| {
		register(1);
		assert_ok!(Providers::add_used(&1, 4 * GIB));
		assert_noop!(send(1, update_capacity(4 * GIB - 1)), Error::<Test>::CapacityBelowUsed);
		assert_ok!(send(1, update_capacity(4 * GIB)));
		assert_eq!(weight(1), 0);
	});
}

#[test]
fn who_is_not_registered_can_change_nothing() {
	run(|| {
		for call in [
			update_capacity(1),
			Call::rotate_service_key { new: key(9) },
			Call::add_stake { amount: 1 },
			Call::remove_stake { amount: 1 },
			Call::withdraw_stake {},
			Call::drain {},
			Call::leave {},
		] {
			assert_noop!(send(1, call), Error::<Test>::NotRegistered);
		}
	});
}

#[test]
fn a_class_change_keeps_the_lists_dense() {
	run(|| {
		for who in 1..=3 {
			register(who);
		}
		let call = Call::update {
			multiaddrs: None,
			capability: Some(Capability::Archive),
			domain: None,
			capacity: None,
			price_floor: None,
		};
		assert_ok!(send(1, call));
		assert_eq!(ledger(1).position, Some(0));
		assert_eq!(ledger(3).position, Some(0));
		assert_eq!(ledger(2).position, Some(1));
		assert_eq!(Providers::active_count(), 3);
	});
}

#[test]
fn a_replaced_key_answers_for_the_evidence_window_and_then_is_free() {
	run(|| {
		register(1);
		register(2);
		assert_ok!(send(1, Call::rotate_service_key { new: key(10) }));
		System::assert_last_event(
			Event::ServiceKeyRotated { operator: 1, old: key(1), new: key(10), until: 1 + WINDOW }
				.into(),
		);
		for service_key in [key(1), key(10)] {
			assert_eq!(Providers::operator_of(&service_key), Some(1));
			assert_noop!(
				send(2, Call::rotate_service_key { new: service_key }),
				Error::<Test>::ServiceKeyInUse
			);
		}
		Clock::set(WINDOW);
		assert_eq!(Providers::operator_of(&key(1)), Some(1));
		Clock::set(1 + WINDOW);
		assert_eq!(Providers::operator_of(&key(1)), None);
		// The next rotation forgets it; one may even go back to it.
		assert_ok!(send(1, Call::rotate_service_key { new: key(1) }));
		assert_eq!(Providers::operator_of(&key(1)), Some(1));
		assert_eq!(Profiles::<Test>::get(1).unwrap().retired_keys.len(), 1);
	});
}

#[test]
fn keys_cannot_be_replaced_without_bound() {
	run(|| {
		register(1);
		assert_ok!(send(1, Call::rotate_service_key { new: key(10) }));
		assert_ok!(send(1, Call::rotate_service_key { new: key(11) }));
		let third = Call::rotate_service_key { new: key(12) };
		assert_noop!(send(1, third.clone()), Error::<Test>::TooManyRetiredKeys);
		Clock::set(1 + WINDOW);
		assert_ok!(send(1, third));
	});
}

#[test]
fn providers_are_listed_in_pages() {
	run(|| {
		for who in 1..=7 {
			register(who);
		}
		let all: Vec<_> =
			Providers::providers(None, 100).iter().map(|info| info.operator).collect();
		assert_eq!(all.len(), 7);
		let (mut paged, mut after) = (Vec::new(), None);
		loop {
			let page = Providers::providers(after, 3);
			assert!(page.len() <= 3);
			let Some(last) = page.last() else { break };
			after = Some(last.operator);
			paged.extend(page.iter().map(|info| info.operator));
		}
		assert_eq!(paged, all);
		assert!(Providers::providers(None, 0).is_empty());
		// A page may begin after somebody who is not there (any more).
		let stranger = 1_000;
		let after: Vec<_> =
			Providers::providers(Some(stranger), 100).iter().map(|info| info.operator).collect();
		assert!(all.ends_with(&after));
	});
}
