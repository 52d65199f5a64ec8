//! Random sequences of calls by operators, other pallets and time, with the invariants checked after each.

use super::*;
use crate::Params;
use frame_support::traits::{Hooks, fungible::Inspect};
use nil_types::{
	ProviderStatus,
	traits::{ProviderRegistry, Slashing},
};
use proptest::prelude::*;

/// Accounts that act: few, so that they meet.
const ACTORS: u64 = 6;

#[derive(Clone, Debug)]
enum Action {
	Register {
		who: u64,
		service_key: u64,
		class: u8,
		domain: u8,
		gib: u64,
		floor: u128,
		stake: u128,
	},
	Update {
		who: u64,
		class: Option<u8>,
		domain: Option<u8>,
		gib: Option<u64>,
	},
	Rotate {
		who: u64,
		service_key: u64,
	},
	AddStake {
		who: u64,
		amount: u128,
	},
	RemoveStake {
		who: u64,
		amount: u128,
	},
	Withdraw {
		who: u64,
	},
	Drain {
		who: u64,
	},
	Leave {
		who: u64,
	},
	Jail {
		who: u64,
	},
	Pardon {
		who: u64,
	},
	Attest {
		who: u64,
		domain: Option<u8>,
	},
	SetParams {
		min_stake: u128,
		stake_per_gib: u128,
	},
	TakeSlot {
		who: u64,
	},
	ReleaseSlot {
		who: u64,
	},
	AddUsed {
		who: u64,
		mib: u64,
	},
	SubUsed {
		who: u64,
		share: u8,
	},
	Idle {
		candidates: u64,
	},
	Wait {
		relay_blocks: u32,
	},
}

fn actions() -> impl Strategy<Value = Action> {
	let who = || 0..ACTORS;
	let stake = 50u128..400;
	prop_oneof![
		4 => (who(), 0u64..8, 0u8..3, 0u8..3, 0u64..40, 0u128..3, stake).prop_map(
			|(who, service_key, class, domain, gib, floor, stake)| {
				Action::Register { who, service_key, class, domain, gib, floor, stake }
			}
		),
		3 => (
			who(),
			prop::option::of(0u8..3),
			prop::option::of(0u8..3),
			prop::option::of(0u64..40),
		)
			.prop_map(|(who, class, domain, gib)| Action::Update { who, class, domain, gib }),
		2 => (who(), 0u64..8).prop_map(|(who, service_key)| Action::Rotate { who, service_key }),
		2 => (who(), 0u128..200).prop_map(|(who, amount)| Action::AddStake { who, amount }),
		3 => (who(), 0u128..200).prop_map(|(who, amount)| Action::RemoveStake { who, amount }),
		3 => who().prop_map(|who| Action::Withdraw { who }),
		2 => who().prop_map(|who| Action::Drain { who }),
		3 => who().prop_map(|who| Action::Leave { who }),
		1 => who().prop_map(|who| Action::Jail { who }),
		1 => who().prop_map(|who| Action::Pardon { who }),
		3 => (who(), prop::option::of(0u8..3))
			.prop_map(|(who, domain)| Action::Attest { who, domain }),
		1 => (0u128..200, 0u128..30)
			.prop_map(|(min_stake, stake_per_gib)| Action::SetParams { min_stake, stake_per_gib }),
		3 => who().prop_map(|who| Action::TakeSlot { who }),
		3 => who().prop_map(|who| Action::ReleaseSlot { who }),
		4 => (who(), 0u64..8_000).prop_map(|(who, mib)| Action::AddUsed { who, mib }),
		3 => (who(), any::<u8>()).prop_map(|(who, share)| Action::SubUsed { who, share }),
		2 => (0u64..4).prop_map(|candidates| Action::Idle { candidates }),
		3 => (1u32..2 * WINDOW).prop_map(|relay_blocks| Action::Wait { relay_blocks }),
	]
}

fn class(number: u8) -> Capability {
	crate::types::CLASSES[usize::from(number)]
}

fn name(number: u8) -> crate::Domain {
	domain(["", "eu", "us"][usize::from(number)])
}

/// The root of the whole state.
fn storage_root() -> Vec<u8> {
	sp_io::storage::root(sp_core::storage::StateVersion::V1)
}

/// Does what the action says; failed calls must not change the state.
fn act(action: Action) {
	use crate::WeightInfo;
	let (who, call) = match action {
		Action::Register { who, service_key, class: number, domain, gib, floor, stake } => (
			who,
			Call::register {
				service_key: key(service_key),
				multiaddrs: multiaddrs(&["/ip4/127.0.0.1/tcp/4100/http"]),
				capability: class(number),
				domain: name(domain),
				capacity: gib * GIB,
				price_floor: floor,
				stake,
			},
		),
		Action::Update { who, class: number, domain, gib } => (
			who,
			Call::update {
				multiaddrs: None,
				capability: number.map(class),
				domain: domain.map(name),
				capacity: gib.map(|gib| gib * GIB),
				price_floor: None,
			},
		),
		Action::Rotate { who, service_key } => {
			(who, Call::rotate_service_key { new: key(service_key) })
		},
		Action::AddStake { who, amount } => (who, Call::add_stake { amount }),
		Action::RemoveStake { who, amount } => (who, Call::remove_stake { amount }),
		Action::Withdraw { who } => (who, Call::withdraw_stake {}),
		Action::Drain { who } => (who, Call::drain {}),
		Action::Leave { who } => (who, Call::leave {}),
		Action::Jail { who } => {
			let status = || Ledgers::<Test>::get(who).map(|ledger| ledger.status);
			let left = matches!(status(), None | Some(ProviderStatus::Left));
			<Providers as Slashing<_>>::jail(&who);
			assert_eq!(status() == Some(ProviderStatus::Jailed), !left, "draining is no way out");
			return;
		},
		Action::Pardon { who } => {
			let _ = send_as_root(Call::pardon { provider: who });
			return;
		},
		Action::Attest { who, domain } => {
			let _ = send_as_root(Call::attest { provider: who, domain: domain.map(name) });
			return;
		},
		Action::SetParams { min_stake, stake_per_gib } => {
			let params = Params { min_stake, stake_per_gib, ..PARAMS };
			assert_ok!(send_as_root(Call::set_params { params }));
			return;
		},
		Action::TakeSlot { who } => {
			let active =
				Ledgers::<Test>::get(who).is_some_and(|l| l.status == ProviderStatus::Active);
			assert_eq!(Providers::slot_taken(&who).is_ok(), active);
			return;
		},
		Action::ReleaseSlot { who } => {
			if Ledgers::<Test>::get(who).is_some_and(|ledger| ledger.slots > 0) {
				Providers::slot_released(&who);
			}
			return;
		},
		Action::AddUsed { who, mib } => {
			let before = Ledgers::<Test>::get(who);
			let fits = before.as_ref().is_some_and(|ledger| {
				let backed = Parameters::<Test>::get().backed(ledger.stake);
				!ledger.has_left() && ledger.used + (mib << 20) <= ledger.capacity.min(backed)
			});
			let root = storage_root();
			let added = Providers::add_used(&who, mib << 20);
			assert_eq!(added.is_ok(), fits);
			if added.is_err() {
				assert_eq!(root, storage_root());
			}
			return;
		},
		Action::SubUsed { who, share } => {
			if let Some(ledger) = Ledgers::<Test>::get(who) {
				// Mostly everything, so that leaving is reached.
				let bytes = if share < 160 { ledger.used } else { ledger.used / 3 };
				Providers::sub_used(&who, bytes);
			}
			return;
		},
		Action::Idle { candidates } => {
			let limit = <() as WeightInfo>::sweep_base()
				+ <() as WeightInfo>::sweep_candidate().saturating_mul(candidates);
			assert!(Providers::on_idle(1, limit).all_lte(limit));
			return;
		},
		Action::Wait { relay_blocks } => {
			Clock::set(Clock::get().saturating_add(relay_blocks));
			return;
		},
	};
	let root = storage_root();
	if send(who, call).is_err() {
		assert_eq!(root, storage_root(), "a failed call changes nothing");
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(48))]

	#[test]
	fn the_invariants_hold_after_any_sequence_of_calls(
		sequence in prop::collection::vec(actions(), 1..80),
	) {
		new_test_ext().execute_with(|| {
			for action in sequence {
				act(action.clone());
				if let Err(broken) = Providers::do_try_state() {
					panic!("after {action:?}: {broken:?}");
				}
				for who in 0..ACTORS {
					assert_eq!(Balances::total_balance(&who), ENDOWMENT, "no balance is lost");
				}
			}
			// Everyone can get out with everything.
			Clock::set(Clock::get().saturating_add(WINDOW));
			for who in 0..ACTORS {
				let Some(ledger) = Ledgers::<Test>::get(who) else { continue };
				(0..ledger.slots).for_each(|_| Providers::slot_released(&who));
				Providers::sub_used(&who, ledger.used);
				let _ = send(who, Call::withdraw_stake {});
				let _ = send(who, Call::drain {});
				let _ = send(who, Call::leave {});
			}
			Clock::set(Clock::get().saturating_add(WINDOW));
			for who in 0..ACTORS {
				let _ = send(who, Call::withdraw_stake {});
				assert_eq!(Balances::free_balance(who), ENDOWMENT);
			}
			assert_eq!(Ledgers::<Test>::iter().count(), 0);
			assert_eq!(Nodes::<Test>::iter().count(), 0);
			Providers::do_try_state().expect("an empty registry");
		});
	}
}
