//! The runtime's configuration, on blocks made with its wasm: randomness, clocks, fees, genesis.

mod support;

use frame_support::traits::fungible::Inspect;
use nil_node::dev::relay::randomness;
use nil_runtime::{
	Balances, Beacon, EXISTENTIAL_DEPOSIT, Runtime, RuntimeCall, System, Timestamp, UNIT,
	configs::CollatorPot,
};
use nil_types::{Terms, traits::RelayBeacon};
use sp_keyring::Sr25519Keyring;
use support::{SEED, TestChain};

#[test]
fn every_block_records_the_randomness_of_its_relay_parent() {
	let mut chain = TestChain::new();
	for _ in 0..3 {
		chain.build_all_good(Vec::new());
	}
	let newest = chain.place().block;
	for block in newest - 2..=newest {
		let (one_epoch_ago, current) = randomness(SEED, block);
		let expected = [one_epoch_ago, current].concat();
		let record =
			chain.inspect(|| <Beacon as RelayBeacon>::first_at_or_after(block)).unwrap().unwrap();
		assert_eq!((record.0, record.1.to_vec()), (block, expected));
	}
	let terms: Terms = chain.query("NilApi_terms", &());
	assert_eq!(terms.relay_block, newest);
	assert_eq!(chain.inspect(|| <Beacon as RelayBeacon>::first_at_or_after(newest + 1)), Ok(None));
}

#[test]
fn time_follows_the_relay_chains_slots() {
	let mut chain = TestChain::new();
	chain.build_all_good(Vec::new());
	let before = chain.inspect(pallet_timestamp::Now::<Runtime>::get);
	chain.build_all_good(Vec::new());
	assert_eq!(chain.inspect(Timestamp::get), before + 6_000);
	assert_eq!(chain.inspect(System::block_number), 2);
}

#[test]
fn fees_are_as_announced_and_go_to_the_collators_pot() {
	let mut chain = TestChain::new();
	chain.build_all_good(Vec::new());
	let dest = Sr25519Keyring::Ferdie.to_account_id();
	let transfer = chain.sign(
		Sr25519Keyring::Bob,
		0,
		RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
			dest: dest.clone().into(),
			value: UNIT,
		}),
	);
	let bob = Sr25519Keyring::Bob.to_account_id();
	let held = |chain: &TestChain| {
		chain.inspect(|| {
			[&bob, &dest, &CollatorPot::get()].map(<Balances as Inspect<_>>::total_balance)
		})
	};
	let before = held(&chain);
	chain.build_all_good(vec![transfer]);
	let after = held(&chain);
	let fee = before[0] - after[0] - UNIT;
	assert_eq!(after[1] - before[1], UNIT);
	assert!(fee > 0, "no free transactions");
	assert!(fee < UNIT / 100, "a transfer costs less than a hundredth of a token, not {fee}");
	// The author took half of the pot above the existential deposit at the block's start: what is left over in the pot
	// is at least this block's fee.
	assert!(after[2] >= EXISTENTIAL_DEPOSIT + fee, "{after:?}");
	assert_eq!(before[2], EXISTENTIAL_DEPOSIT);
}

#[test]
fn a_transaction_cannot_be_replayed() {
	let mut chain = TestChain::new();
	chain.build_all_good(Vec::new());
	let remark = || RuntimeCall::System(frame_system::Call::remark { remark: b"once".to_vec() });
	let transaction = chain.sign(Sr25519Keyring::Bob, 0, remark());
	chain.build_all_good(vec![transaction.clone()]);
	let again = chain.build(vec![transaction]);
	assert!(again.outcomes[0].is_err(), "{:?}", again.outcomes);
}

#[test]
fn alice_administers_the_development_chain() {
	let mut chain = TestChain::new();
	chain.build_all_good(Vec::new());
	let terms: Terms = chain.query("NilApi_terms", &());
	let params = pallet_deals::DealParams {
		storage_price: terms.storage_price + 1,
		..chain.inspect(nil_runtime::Deals::params)
	};
	let set = RuntimeCall::Deals(pallet_deals::Call::set_params { params });
	let sudo =
		|call: RuntimeCall| RuntimeCall::Sudo(pallet_sudo::Call::sudo { call: Box::new(call) });
	let by_bob = chain.sign(Sr25519Keyring::Bob, 0, sudo(set.clone()));
	let directly = chain.sign(Sr25519Keyring::Charlie, 0, set.clone());
	let refused = chain.build(vec![by_bob, directly]);
	for outcome in refused.outcomes {
		outcome.unwrap().unwrap_err();
	}
	let by_alice = chain.sign(Sr25519Keyring::Alice, 0, sudo(set));
	chain.build_all_good(vec![by_alice]);
	let changed: Terms = chain.query("NilApi_terms", &());
	assert_eq!(changed.storage_price, terms.storage_price + 1);
	assert_eq!(
		chain.inspect(pallet_sudo::Key::<Runtime>::get),
		Some(Sr25519Keyring::Alice.to_account_id())
	);
}
