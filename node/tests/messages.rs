//! Messages of other chains, on blocks made with the runtime's wasm: whose account is whose, what is executed at which
//! price, what is refused, and what waits.

mod support;

use codec::{Compact, Encode};
use cumulus_primitives_core::XcmpMessageFormat;
use frame_support::traits::{Contains, fungible::Inspect};
use frame_system::RawOrigin;
use nil_runtime::{
	AccountId, Balance, Balances, EXISTENTIAL_DEPOSIT, OriginCaller, Runtime, RuntimeCall,
	RuntimeEvent, SafeMode, System, UNIT,
	configs::{CollatorPot, TransactionByteFee, xcm::RemoteCalls},
};
use nil_types::{CodeKind, DealInfo, DealStatus, Hint, Profile, Terms, blake2b_256};
use sp_keyring::Sr25519Keyring;
use staging_xcm::{
	VersionedAssetId, VersionedAssets, VersionedLocation, VersionedXcm, latest::prelude::*,
};
use support::{Backend, Messages, TestChain, artifact, validate};
use xcm_runtime_apis::{
	dry_run::{self, CallDryRunEffects, XcmDryRunEffects},
	fees,
};

/// Another parachain.
const SIBLING: u32 = 2_001;
/// What other chains have here at first.
const FUNDS: Balance = 1_000 * UNIT;
/// What messages offer for their execution.
const BUDGET: Balance = 10 * UNIT;

/// The account of the chain at `location`, or of somebody on it, as the runtime API tells it.
fn account(chain: &TestChain, location: impl Into<Location>) -> Option<AccountId> {
	let location = VersionedLocation::from(location.into());
	chain.query::<Result<_, ()>>("LocationToAccountApi_convert_location", &location).ok()
}

/// The relay chain's account.
fn relay() -> AccountId {
	let mut account = [0; 32];
	account[..6].copy_from_slice(b"Parent");
	account.into()
}

/// The account of the parachain [`SIBLING`].
fn sibling() -> AccountId {
	let mut account = [0; 32];
	account[..4].copy_from_slice(b"sibl");
	account[4..8].copy_from_slice(&SIBLING.to_le_bytes());
	account.into()
}

/// Somebody who neither makes blocks nor pays for anything.
fn bystander() -> AccountId {
	Sr25519Keyring::Ferdie.to_account_id()
}

fn balance(chain: &TestChain, account: &AccountId) -> Balance {
	chain.inspect(|| <Balances as Inspect<_>>::total_balance(account))
}

/// A chain on which the relay chain and [`SIBLING`] have [`FUNDS`].
fn funded() -> TestChain {
	let mut chain = TestChain::new();
	let transfers = [relay(), sibling()].into_iter().zip(0..).map(|(dest, nonce)| {
		let transfer = RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
			dest: dest.into(),
			value: FUNDS,
		});
		chain.sign(Sr25519Keyring::Bob, nonce, transfer)
	});
	let transfers = transfers.collect();
	chain.build_all_good(transfers);
	chain
}

fn versioned(program: Vec<Instruction<()>>) -> VersionedXcm<()> {
	VersionedXcm::from(Xcm(program))
}

/// A program of the relay chain.
fn by_relay(program: Vec<Instruction<()>>) -> Messages {
	Messages { from_relay: vec![versioned(program).encode()], ..Default::default() }
}

/// A program of [`SIBLING`].
fn by_sibling(program: Vec<Instruction<()>>) -> Messages {
	let page = (XcmpMessageFormat::ConcatenatedVersionedXcm, versioned(program)).encode();
	Messages { from_siblings: vec![(SIBLING.into(), page)], ..Default::default() }
}

/// `amount` of the native token.
fn native(amount: Balance) -> Asset {
	(Here, amount).into()
}

/// Takes `amount` from the sender's account, of which all is offered for execution.
fn paid(amount: Balance) -> Vec<Instruction<()>> {
	vec![
		WithdrawAsset(native(amount).into()),
		BuyExecution { fees: native(amount), weight_limit: Unlimited },
	]
}

/// Puts what is left into `beneficiary`'s account.
fn deposit(beneficiary: impl Into<Location>) -> Instruction<()> {
	DepositAsset { assets: AllCounted(1).into(), beneficiary: beneficiary.into() }
}

/// Makes a call by the sender's account.
fn transact(call: RuntimeCall) -> Instruction<()> {
	Transact {
		origin_kind: OriginKind::SovereignAccount,
		fallback_max_weight: None,
		call: call.encode().into(),
	}
}

fn create_deal(escrow: Balance) -> RuntimeCall {
	RuntimeCall::Deals(pallet_deals::Call::create_deal {
		profile: Profile::new(2, 1, CodeKind::Fr).unwrap(),
		hint: Hint::Cold,
		duration: 100_000,
		max_monthly_spend: 0,
		escrow,
	})
}

/// For each message that the newest block executed, whether it came to its end.
fn executed(chain: &TestChain) -> Vec<bool> {
	let events = chain.inspect(System::events);
	events
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::MessageQueue(pallet_message_queue::Event::Processed {
				success, ..
			}) => Some(success),
			_ => None,
		})
		.collect()
}

/// What everybody holds whom the programs here know.
fn held(chain: &TestChain) -> [Balance; 3] {
	[relay(), sibling(), bystander()].map(|account| balance(chain, &account))
}

/// Asserts that nothing of this message is executed: whoever sent it keeps what it has, and nobody is paid.
fn assert_refused(chain: &mut TestChain, messages: Messages) {
	let before = held(chain);
	chain.receive(messages);
	assert_eq!(executed(chain), [false]);
	assert_eq!(held(chain), before);
}

#[test]
fn locations_have_accounts() {
	let chain = TestChain::new();
	assert_eq!(account(&chain, Parent), Some(relay()));
	assert_eq!(account(&chain, Location::new(1, [Parachain(SIBLING)])), Some(sibling()));

	let alice = Sr25519Keyring::Alice.to_account_id();
	let id: [u8; 32] = alice.clone().into();
	let local = AccountId32 { network: None, id };
	assert_eq!(account(&chain, local), Some(alice));

	// The same key on another chain is somebody else: a hash of the way to it.
	let terminal = (b"AccountId32", id).encode();
	let on_sibling = (b"SiblingChain", Compact(SIBLING), &terminal).encode();
	let on_relay = (b"ParentChain", &terminal).encode();
	assert_eq!(
		account(&chain, Location::new(1, [Parachain(SIBLING), local])),
		Some(blake2b_256(&on_sibling).into())
	);
	assert_eq!(account(&chain, Location::new(1, [local])), Some(blake2b_256(&on_relay).into()));

	// Beyond the relay chain there is nobody.
	assert_eq!(account(&chain, Location::new(2, [GlobalConsensus(Polkadot)])), None);
}

#[test]
fn another_chain_owns_a_deal_and_pays_for_its_message() {
	let mut chain = funded();
	let escrow = 100 * UNIT;
	let mut program = paid(BUDGET);
	program.extend([
		transact(create_deal(escrow)),
		ExpectTransactStatus(MaybeErrorCode::Success),
		RefundSurplus,
		deposit(Parent),
	]);

	// What it costs can be asked for.
	let message = versioned(program.clone());
	let weight =
		chain.query::<Result<Weight, ()>>("XcmPaymentApi_query_xcm_weight", &message).unwrap();
	let asset = VersionedAssetId::from(AssetId(Location::here()));
	let fee: Balance = chain
		.query::<Result<_, ()>>("XcmPaymentApi_query_weight_to_asset_fee", &(weight, asset))
		.unwrap();
	assert!((1..UNIT / 10).contains(&fee), "{fee}");

	let terms: Terms = chain.query("NilApi_terms", &());
	let built = chain.receive(by_relay(program));
	assert_eq!(executed(&chain), [true]);
	assert_eq!(balance(&chain, &relay()), FUNDS - fee - terms.creation_fee);
	// The author took half of the pot above the existential deposit at the block's start.
	assert!(balance(&chain, &CollatorPot::get()) >= EXISTENTIAL_DEPOSIT + fee);
	let deal: DealInfo<AccountId> = chain.query::<Option<_>>("NilApi_deal", &0u64).unwrap();
	assert_eq!((deal.owner, deal.free_escrow), (relay(), escrow));
	assert_eq!(deal.status, DealStatus::Placing);

	// Validators find the same, and the relay chain learns that its message was taken.
	let result = validate(Backend::Portable, &artifact(Backend::Portable), &built).unwrap();
	let [block] = built.pov.blocks() else { panic!("one block was built") };
	assert_eq!(result.head_data.0, block.header.encode());
	assert_eq!(result.processed_downward_messages, 1);

	// The next block goes on from there; a sibling does the same.
	let mut program = paid(BUDGET);
	program.extend([
		transact(create_deal(escrow)),
		ExpectTransactStatus(MaybeErrorCode::Success),
		deposit(Location::new(1, [Parachain(SIBLING)])),
	]);
	chain.receive(by_sibling(program));
	assert_eq!(executed(&chain), [true]);
	let deal: DealInfo<AccountId> = chain.query::<Option<_>>("NilApi_deal", &1u64).unwrap();
	assert_eq!(deal.owner, sibling());
	let left = balance(&chain, &sibling());
	assert!(left < FUNDS - terms.creation_fee && left > FUNDS - UNIT, "{left}");
}

#[test]
fn messages_that_do_not_pay_are_refused() {
	let mut chain = funded();
	let unpaid = vec![WithdrawAsset(native(BUDGET).into()), deposit(bystander())];
	assert_refused(&mut chain, by_relay(unpaid.clone()));
	assert_refused(&mut chain, by_sibling(unpaid.clone()));

	// Only the relay chain itself may say that it does not pay; a sibling may not, nor somebody on the relay chain.
	let mut free = vec![UnpaidExecution { weight_limit: Unlimited, check_origin: None }];
	free.extend(unpaid);
	assert_refused(&mut chain, by_sibling(free.clone()));
	let mut passed_on = free.clone();
	passed_on.insert(0, DescendOrigin(AccountId32 { network: None, id: [1; 32] }.into()));
	assert_refused(&mut chain, by_relay(passed_on));

	let before = balance(&chain, &bystander());
	chain.receive(by_relay(free));
	assert_eq!(executed(&chain), [true]);
	assert_eq!(balance(&chain, &bystander()), before + BUDGET);
	assert_eq!(balance(&chain, &relay()), FUNDS - BUDGET);
}

#[test]
fn nothing_puts_a_reserve_on_the_relay_chain() {
	let mut chain = funded();
	let to_relay = || DepositReserveAsset {
		assets: AllCounted(1).into(),
		dest: Location::parent(),
		xcm: Xcm::new(),
	};
	let mut direct = paid(BUDGET);
	direct.push(to_relay());
	assert_refused(&mut chain, by_sibling(direct));
	let mut hidden = paid(BUDGET);
	hidden.extend([SetAppendix(Xcm(vec![to_relay()])), deposit(bystander())]);
	assert_refused(&mut chain, by_sibling(hidden));

	// Nor does a transaction.
	let transfer = RuntimeCall::PolkadotXcm(pallet_xcm::Call::limited_reserve_transfer_assets {
		dest: Box::new(VersionedLocation::from(Location::parent())),
		beneficiary: Box::new(VersionedLocation::from(Location::from(bystander()))),
		assets: Box::new(VersionedAssets::from(Assets::from(native(UNIT)))),
		fee_asset_item: 0,
		weight_limit: Unlimited,
	});
	let transfer = chain.sign(Sr25519Keyring::Alice, 0, transfer);
	let relay_before = balance(&chain, &relay());
	chain.build(vec![transfer]).outcomes[0].unwrap().unwrap_err();
	assert_eq!(balance(&chain, &relay()), relay_before);

	// Within this chain the same program is fine.
	let before = balance(&chain, &bystander());
	let mut within = paid(BUDGET);
	within.push(deposit(bystander()));
	chain.receive(by_sibling(within));
	assert_eq!(executed(&chain), [true]);
	let gained = balance(&chain, &bystander()) - before;
	assert!(gained < BUDGET && gained > BUDGET - UNIT, "{gained}");
	assert_eq!(balance(&chain, &sibling()), FUNDS - BUDGET);
}

#[test]
fn messages_call_nothing_but_what_owners_of_deals_need() {
	let mut chain = funded();
	let before = balance(&chain, &bystander());
	let pot = balance(&chain, &CollatorPot::get());
	let transfer = RuntimeCall::Balances(pallet_balances::Call::transfer_allow_death {
		dest: bystander().into(),
		value: UNIT,
	});
	let mut program = paid(BUDGET);
	program.extend([transact(transfer), deposit(Location::new(1, [Parachain(SIBLING)]))]);
	chain.receive(by_sibling(program));
	// The call is not made, and the program ends there. It has paid; what it has left can be claimed.
	assert_eq!(executed(&chain), [false]);
	assert_eq!(balance(&chain, &bystander()), before);
	assert_eq!(balance(&chain, &sibling()), FUNDS - BUDGET);
	let to_author = (pot - EXISTENTIAL_DEPOSIT) / 2;
	assert!(balance(&chain, &CollatorPot::get()) > pot - to_author);

	// Nothing that computes on curves, however good it is.
	assert!(RemoteCalls::contains(&create_deal(UNIT)));
	assert!(!RemoteCalls::contains(&RuntimeCall::Deals(pallet_deals::Call::commit_content {
		deal: 0,
		base_gen: 0,
		roots: Default::default(),
		index_root: Default::default(),
		size_bytes: 1,
		index_len: 1,
		receipts: Default::default(),
	})));
}

#[test]
fn messages_wait_while_the_chain_is_in_safe_mode() {
	let mut chain = funded();
	let sudo = |call: pallet_safe_mode::Call<Runtime>| {
		RuntimeCall::Sudo(pallet_sudo::Call::sudo { call: Box::new(call.into()) })
	};
	let before = held(&chain);
	chain.send(Sr25519Keyring::Alice, sudo(pallet_safe_mode::Call::force_enter {})).unwrap();
	assert!(chain.inspect(SafeMode::is_entered));

	let mut program = paid(BUDGET);
	program.push(deposit(bystander()));
	chain.receive(by_relay(program.clone()));
	let mut done = executed(&chain);
	chain.receive(by_sibling(program));
	done.extend(executed(&chain));
	for _ in 0..3 {
		chain.build_all_good(Vec::new());
		done.extend(executed(&chain));
	}
	assert!(done.is_empty(), "{done:?}");
	assert_eq!(held(&chain), before);

	// Nothing is lost. What is left of the block that ends safe mode is used for them.
	chain.send(Sr25519Keyring::Alice, sudo(pallet_safe_mode::Call::force_exit {})).unwrap();
	done.extend(executed(&chain));
	chain.build_all_good(Vec::new());
	done.extend(executed(&chain));
	assert_eq!(done, [true; 2]);
	let after = held(&chain);
	assert_eq!(after[..2], [FUNDS - BUDGET; 2]);
	let gained = after[2] - before[2];
	assert!(gained < 2 * BUDGET && gained > 2 * BUDGET - UNIT, "{gained}");
}

#[test]
fn what_a_message_would_do_is_told() {
	let mut chain = funded();
	let ask = |chain: &TestChain, program: Vec<Instruction<()>>| {
		let origin = VersionedLocation::from(Location::new(1, [Parachain(SIBLING)]));
		chain
			.query::<Result<XcmDryRunEffects<RuntimeEvent>, dry_run::Error>>(
				"DryRunApi_dry_run_xcm",
				&(origin, versioned(program)),
			)
			.unwrap()
	};
	let unpaid = vec![WithdrawAsset(native(BUDGET).into()), deposit(bystander())];
	let refused = ask(&chain, unpaid).execution_result.ensure_complete().unwrap_err();
	assert_eq!(refused.error, XcmError::Barrier);

	let mut program = paid(BUDGET);
	program.push(deposit(bystander()));
	let before = held(&chain);
	let effects = ask(&chain, program.clone());
	effects.execution_result.ensure_complete().unwrap();
	assert!(effects.forwarded_xcms.is_empty());
	let moved = |event: &RuntimeEvent| matches!(event, RuntimeEvent::Balances(_));
	assert!(effects.emitted_events.iter().any(moved), "{:?}", effects.emitted_events);
	assert_eq!(held(&chain), before);
	chain.receive(by_sibling(program));
	assert_eq!(executed(&chain), [true]);
}

#[test]
fn what_sending_costs_is_told() {
	let mut chain = funded();
	let to_relay = || VersionedLocation::from(Location::parent());
	let cost = |chain: &TestChain, dest: VersionedLocation, message: VersionedXcm<()>| {
		let asset = VersionedAssetId::from(AssetId(Location::here()));
		chain.query::<Result<VersionedAssets, fees::Error>>(
			"XcmPaymentApi_query_delivery_fees",
			&(dest, message, asset),
		)
	};

	// The message is told by the call that would send it, and its cost by the message.
	let send = RuntimeCall::PolkadotXcm(pallet_xcm::Call::send {
		dest: Box::new(to_relay()),
		message: Box::new(versioned(vec![ClearOrigin])),
	});
	let alice = Sr25519Keyring::Alice.to_account_id();
	let origin = OriginCaller::system(RawOrigin::Signed(alice.clone()));
	let effects = chain
		.query::<Result<CallDryRunEffects<RuntimeEvent>, dry_run::Error>>(
			"DryRunApi_dry_run_call",
			&(origin, send.clone(), XCM_VERSION),
		)
		.unwrap();
	effects.execution_result.unwrap();
	assert_eq!(effects.local_xcm, None);
	let [(dest, messages)] = &effects.forwarded_xcms[..] else {
		panic!("{:?}", effects.forwarded_xcms)
	};
	assert_eq!(*dest, to_relay());
	let [message] = &messages[..] else { panic!("{messages:?}") };
	let told = cost(&chain, to_relay(), message.clone()).unwrap();

	chain.send(Sr25519Keyring::Alice, send).unwrap();
	let paid: Vec<_> = chain
		.inspect(System::events)
		.into_iter()
		.filter_map(|record| match record.event {
			RuntimeEvent::PolkadotXcm(pallet_xcm::Event::FeesPaid { paying, fees }) => {
				Some((paying, VersionedAssets::from(fees)))
			},
			_ => None,
		})
		.collect();
	assert_eq!(paid, [(Location::from(alice), told)]);

	// Every byte costs what a transaction's does.
	let amount = |length: usize| {
		let message = versioned(vec![ClearOrigin; length]);
		let fees = Assets::try_from(cost(&chain, to_relay(), message).unwrap()).unwrap();
		match &fees.inner()[..] {
			[Asset { fun: Fungible(amount), .. }] => *amount,
			_ => panic!("{fees:?}"),
		}
	};
	assert_eq!(amount(10), amount(1) + 9 * TransactionByteFee::get());

	// Beyond the relay chain nothing can be sent.
	let beyond = VersionedLocation::from(Location::new(2, [GlobalConsensus(Polkadot)]));
	let refused = cost(&chain, beyond, versioned(vec![ClearOrigin]));
	assert_eq!(refused, Err(fees::Error::Unroutable));
}
