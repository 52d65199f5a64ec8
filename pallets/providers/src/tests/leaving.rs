//! Draining, leaving, and the end of a record.

use super::*;
use crate::{CandidateCount, Candidates, DomainWeights, ServiceKeys};
use nil_types::{
	ProviderStatus,
	traits::{ProviderRegistry, RegistryError},
};

#[test]
fn a_draining_provider_is_no_candidate_but_keeps_its_slots() {
	run(|| {
		register(1);
		assert_ok!(Providers::slot_taken(&1));
		assert_ok!(send(1, Call::drain {}));
		System::assert_last_event(Event::Draining { operator: 1 }.into());
		assert_eq!(ledger(1).status, ProviderStatus::Draining);
		assert_eq!(Providers::active_count(), 0);
		assert_eq!(Providers::slot_taken(&1), Err(RegistryError::Unknown));
		// Commits to slots that it holds still count.
		assert_ok!(Providers::add_used(&1, GIB));
		assert_noop!(send(1, Call::drain {}), Error::<Test>::NotActive);
	});
}

#[test]
fn leaving_waits_for_the_last_slot_and_the_last_byte() {
	run(|| {
		register(1);
		assert_noop!(send(1, Call::leave {}), Error::<Test>::NotDraining);
		assert_ok!(Providers::slot_taken(&1));
		assert_ok!(Providers::add_used(&1, GIB));
		assert_ok!(send(1, Call::drain {}));
		assert_noop!(send(1, Call::leave {}), Error::<Test>::StillInUse);
		Providers::slot_released(&1);
		assert_noop!(send(1, Call::leave {}), Error::<Test>::StillInUse);
		Providers::sub_used(&1, GIB);
		assert_ok!(send(1, Call::leave {}));
		System::assert_last_event(Event::Left { operator: 1 }.into());
		assert_eq!((held(1), ledger(1).stake), (300, 0));
		assert_eq!(Providers::service_key(&1), None);
		assert_eq!(Providers::add_used(&1, 1), Err(RegistryError::Unknown));
	});
}

#[test]
fn who_has_left_can_only_withdraw() {
	run(|| {
		register(1);
		assert_ok!(send(1, Call::drain {}));
		assert_ok!(send(1, Call::leave {}));
		for call in [
			Call::add_stake { amount: 1 },
			Call::remove_stake { amount: 1 },
			Call::rotate_service_key { new: key(9) },
			Call::drain {},
			Call::leave {},
		] {
			assert_noop!(send(1, call), Error::<Test>::HasLeft);
		}
		assert_noop!(
			send_as_root(Call::attest { provider: 1, domain: None }),
			Error::<Test>::HasLeft
		);
		assert_noop!(send(1, registration(1)), Error::<Test>::AlreadyRegistered);
	});
}

#[test]
fn the_record_ends_with_the_last_withdrawal_and_leaves_nothing() {
	run(|| {
		register(1);
		Clock::set(5);
		assert_ok!(send(1, Call::remove_stake { amount: 10 }));
		assert_ok!(send(1, Call::rotate_service_key { new: key(9) }));
		Clock::set(6);
		assert_ok!(send(1, Call::drain {}));
		assert_ok!(send(1, Call::leave {}));
		Clock::set(5 + WINDOW);
		assert_ok!(send(1, Call::withdraw_stake {}));
		assert!(Providers::provider_info(&1).is_some());
		Clock::set(6 + WINDOW);
		assert_ok!(send(1, Call::withdraw_stake {}));
		System::assert_last_event(Event::Removed { operator: 1 }.into());
		assert_eq!((held(1), Balances::free_balance(1)), (0, ENDOWMENT));
		assert_eq!(Providers::provider_info(&1), None);
		assert_eq!(ServiceKeys::<Test>::iter().count(), 0);
		assert_eq!(Nodes::<Test>::iter().count(), 0);
		assert_eq!(Candidates::<Test>::iter().count(), 0);
		assert_eq!(CandidateCount::<Test>::iter().count(), 0);
		assert_eq!(DomainWeights::<Test>::iter().count(), 0);
		// And one may come back, even with the same key.
		register(1);
	});
}

#[test]
fn leaving_has_room_when_the_removals_are_used_up() {
	run(|| {
		register(1);
		for relay_block in 1..=3 {
			Clock::set(relay_block);
			assert_ok!(send(1, Call::remove_stake { amount: 10 }));
		}
		Clock::set(4);
		assert_ok!(send(1, Call::drain {}));
		assert_ok!(send(1, Call::leave {}));
		Clock::set(4 + WINDOW);
		assert_ok!(send(1, Call::withdraw_stake {}));
		assert_eq!(Balances::free_balance(1), ENDOWMENT);
	});
}
