//! Tests, by concern.

mod attestation;
mod draws;
mod leaving;
mod properties;
mod registration;
mod registry;
mod reweighing;
mod slashing;
mod stake;
mod statistics;
mod tree;

use crate::{Call, Error, Event, Ledger, Ledgers, Nodes, Parameters, mock::*};
use frame_support::{assert_noop, assert_ok};
use nil_types::{Amount, Capability};
use sp_runtime::{DispatchResult, traits::Dispatchable};

/// Sends a call as a transaction would: in a storage layer of its own.
fn send(who: AccountId, call: Call<Test>) -> DispatchResult {
	RuntimeCall::Providers(call)
		.dispatch(RuntimeOrigin::signed(who))
		.map(|_| ())
		.map_err(|failed| failed.error)
}

/// Sends a call as root.
fn send_as_root(call: Call<Test>) -> DispatchResult {
	RuntimeCall::Providers(call)
		.dispatch(RuntimeOrigin::root())
		.map(|_| ())
		.map_err(|failed| failed.error)
}

/// The plain registration that tests vary: General, 10 GiB, stake for 20 GiB, no domain, any price.
fn registration(who: AccountId) -> Call<Test> {
	Call::register {
		service_key: key(who),
		multiaddrs: multiaddrs(&["/ip4/127.0.0.1/tcp/4100/http"]),
		capability: Capability::General,
		domain: domain(""),
		capacity: 10 * GIB,
		price_floor: 0,
		stake: 300,
	}
}

fn register(who: AccountId) {
	assert_ok!(send(who, registration(who)));
}

/// A candidate of `weight` MiB with just the stake that it needs, in an attested domain or none.
fn candidate(
	who: AccountId,
	class: Capability,
	weight: u64,
	attested: Option<&str>,
	floor: Amount,
) {
	let capacity = weight << 20;
	assert_ok!(send(
		who,
		Call::register {
			service_key: key(who),
			multiaddrs: multiaddrs(&["/ip4/127.0.0.1/tcp/4100/http"]),
			capability: class,
			domain: domain(attested.unwrap_or_default()),
			capacity,
			price_floor: floor,
			stake: Parameters::<Test>::get().required(capacity),
		}
	));
	if let Some(name) = attested {
		assert_ok!(send_as_root(Call::attest { provider: who, domain: Some(domain(name)) }));
	}
}

fn ledger(who: AccountId) -> Ledger {
	Ledgers::<Test>::get(who).expect("registered")
}

/// The weight that the tree has for a provider.
fn weight(who: AccountId) -> u64 {
	use crate::tree::{State, Store};
	let ledger = ledger(who);
	let position = ledger.position.expect("a candidate");
	State::<Test>::new().leaf(ledger.capability, position)
}

fn held(who: AccountId) -> u128 {
	use frame_support::traits::fungible::InspectHold;
	Balances::balance_on_hold(&crate::HoldReason::Stake.into(), &who)
}

/// Runs a test on a fresh chain and checks the invariants after it.
fn run(test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		test();
		Providers::do_try_state().expect("the invariants hold");
	});
}
