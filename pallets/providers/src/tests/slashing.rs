//! What providers lose, and how they come back.

use super::*;
use crate::{MAX_REPORTER_SHARE, Profiles};
use nil_types::{
	ProviderStatus,
	traits::{Departure, ProviderRegistry, RegistryError, Slashing},
};

/// Slashes provider 1, reported by 2.
fn slash(amount: Amount, share: u16) -> (Amount, Amount) {
	<Providers as Slashing<_>>::slash(&1, amount, Some(&2), share)
}

fn jail(who: AccountId) {
	<Providers as Slashing<_>>::jail(&who);
}

#[test]
fn a_slash_is_burned_but_for_the_share_of_who_reported_it() {
	run(|| {
		register(1);
		let issuance = Balances::total_issuance();
		assert_eq!(slash(101, 1_000), (101, 10));
		assert_eq!((held(1), ledger(1).stake), (199, 199));
		assert_eq!(Balances::free_balance(2), ENDOWMENT + 10);
		assert_eq!(Balances::total_issuance(), issuance - 91);
		System::assert_last_event(
			Event::Slashed { operator: 1, taken: 101, reporter: Some(2), bounty: 10, stake: 199 }
				.into(),
		);
		// Less backs less: (199 - 100) / 10 GiB, of which it offers 10.
		assert_eq!(weight(1), 99 * 1024 / 10);
		// At least half is burned, whatever is asked for.
		assert_eq!(slash(100, 10_000), (100, 50));
		assert_eq!(MAX_REPORTER_SHARE, 5_000);
	});
}

#[test]
fn who_reports_itself_or_has_no_account_gets_nothing() {
	run(|| {
		register(1);
		assert_eq!(<Providers as Slashing<_>>::slash(&1, 100, Some(&1), 5_000), (100, 0));
		assert_eq!(held(1), 200);
		assert_eq!(<Providers as Slashing<_>>::slash(&7_777, 100, Some(&2), 5_000), (0, 0));
		// What nobody reported is burned whole.
		let issuance = Balances::total_issuance();
		assert_eq!(<Providers as Slashing<_>>::slash(&1, 100, None, 5_000), (100, 0));
		assert_eq!((held(1), Balances::total_issuance()), (100, issuance - 100));
	});
}

#[test]
fn what_unbonds_is_taken_when_the_stake_is_not_enough() {
	run(|| {
		register(1);
		assert_ok!(send(1, Call::remove_stake { amount: 60 }));
		Clock::set(5);
		assert_ok!(send(1, Call::remove_stake { amount: 90 }));
		assert_eq!(slash(150 + 70, 0), (220, 0));
		let left: Vec<_> =
			Profiles::<Test>::get(1).unwrap().unbonding.iter().map(|part| part.amount).collect();
		assert_eq!((ledger(1).stake, left), (0, vec![0, 80]));
		assert_eq!(held(1), 80);
		// No more than there is.
		assert_eq!(slash(1_000, 0), (80, 0));
		assert_eq!(slash(1_000, 0), (0, 0));
		Clock::set(5 + WINDOW);
		assert_ok!(send(1, Call::withdraw_stake {}));
	});
}

#[test]
fn what_is_no_longer_answerable_is_not_taken() {
	run(|| {
		register(1);
		assert_ok!(send(1, Call::remove_stake { amount: 60 }));
		Clock::set(5);
		assert_ok!(send(1, Call::remove_stake { amount: 90 }));
		// The window of the first part is over, whether or not it was withdrawn.
		Clock::set(1 + WINDOW);
		assert_eq!(slash(1_000, 0), (150 + 90, 0));
		assert_eq!(held(1), 60);
		Providers::do_try_state().unwrap();
		assert_ok!(send(1, Call::withdraw_stake {}));
		assert_eq!(held(1), 0);
	});
}

#[test]
fn a_jailed_provider_is_drawn_again_when_it_is_pardoned() {
	run(|| {
		register(1);
		register(2);
		assert_ok!(<Providers as ProviderRegistry<_>>::slot_taken(&1));
		jail(1);
		System::assert_last_event(Event::Jailed { operator: 1 }.into());
		assert_eq!((ledger(1).status, ledger(1).slots), (ProviderStatus::Jailed, 1));
		assert_eq!(Providers::active_count(), 1);
		assert_eq!(<Providers as ProviderRegistry<_>>::slot_taken(&1), Err(RegistryError::Unknown));
		Providers::do_try_state().unwrap();
		let events = System::events().len();
		// Twice is once, and who is not there cannot be jailed.
		jail(1);
		jail(7_777);
		assert_eq!(System::events().len(), events);

		let pardon = |provider| send_as_root(Call::pardon { provider });
		assert!(send(1, Call::pardon { provider: 1 }).is_err());
		assert_ok!(pardon(1));
		System::assert_last_event(Event::Pardoned { operator: 1 }.into());
		assert_eq!(Providers::active_count(), 2);
		assert_noop!(pardon(1), Error::<Test>::NotJailed);
		assert_noop!(pardon(7_777), Error::<Test>::NotRegistered);
	});
}

#[test]
fn a_jailed_provider_leaves_when_its_slots_are_gone_and_not_by_draining() {
	run(|| {
		register(1);
		assert_ok!(<Providers as ProviderRegistry<_>>::slot_taken(&1));
		jail(1);
		// It would be paid, and responsible, until it is replaced.
		assert_noop!(send(1, Call::drain {}), Error::<Test>::NotActive);
		assert_eq!(Providers::departure(&1), Some(Departure::Eviction));
		assert_noop!(send(1, Call::leave {}), Error::<Test>::StillInUse);
		Providers::slot_released(&1);
		assert_ok!(send(1, Call::leave {}));
		assert_eq!(ledger(1).status, ProviderStatus::Left);
		// What unbonds is answerable still.
		assert_eq!(slash(100, 0), (100, 0));
	});
}

#[test]
fn who_drains_can_be_jailed() {
	run(|| {
		register(1);
		assert_ok!(send(1, Call::drain {}));
		assert_eq!(Providers::departure(&1), Some(Departure::Drain));
		jail(1);
		System::assert_last_event(Event::Jailed { operator: 1 }.into());
		assert_eq!(Providers::departure(&1), Some(Departure::Eviction));
		Providers::do_try_state().unwrap();
		assert_ok!(send_as_root(Call::pardon { provider: 1 }));
		assert_eq!((ledger(1).status, Providers::active_count()), (ProviderStatus::Active, 1));
	});
}

#[test]
fn what_must_be_staked_follows_what_is_stored() {
	run(|| {
		register(1);
		let required = |who: AccountId| <Providers as Slashing<_>>::required(&who);
		assert_eq!((required(1), required(7_777)), (100, 0));
		assert_ok!(<Providers as ProviderRegistry<_>>::add_used(&1, 2 * GIB));
		assert_eq!(required(1), 120);
	});
}
