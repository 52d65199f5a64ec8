//! Governance and the pause switches, on blocks made with the runtime's wasm: a referendum from its proposal to what it
//! changes, the committee's motions, safe mode, and single calls that are paused.

mod support;

use codec::Encode;
use frame_support::{
	dispatch::GetDispatchInfo,
	traits::{Bounded, PalletsInfoAccess, schedule::DispatchTime},
};
use nil_runtime::{
	AllPalletsWithSystem, BlockNumber, DAYS, Deals, HOURS, OriginCaller, Referenda, Runtime,
	RuntimeCall, RuntimeEvent, SafeMode, System, UNIT,
	configs::governance::{GovernanceOrigin, TechnicalCollective, tracks},
};
use nil_types::{DealInfo, Hint, Profile};
use pallet_conviction_voting::{AccountVote, Conviction, Vote};
use pallet_referenda::{ReferendumInfo, ReferendumInfoFor};
use sp_keyring::Sr25519Keyring::{self, *};
use sp_runtime::{
	DispatchError, DispatchResult,
	traits::{BlakeTwo256, Hash},
};
use support::{Backend, TestChain, deals};

/// Two of the three members of the development chain's committee: a majority, and two thirds.
const MEMBERS: [Sr25519Keyring; 2] = [Bob, Charlie];

/// More than half of all tokens, when they vote with nearly all that they have.
const VOTERS: [Sr25519Keyring; 8] = [Alice, Bob, Charlie, Dave, Eve, Ferdie, AliceStash, BobStash];

/// What a call that is paused comes to.
fn filtered() -> DispatchResult {
	Err(frame_system::Error::<Runtime>::CallFiltered.into())
}

/// What came of the committee's motion for a call, of which `hash` is the hash, in the newest block.
fn executed(chain: &TestChain, hash: sp_core::H256) -> Option<DispatchResult> {
	chain.inspect(|| {
		System::read_events_no_consensus().find_map(|record| match record.event {
			RuntimeEvent::TechnicalCommittee(pallet_collective::Event::Executed {
				proposal_hash,
				result,
			}) if proposal_hash == hash => Some(result),
			_ => None,
		})
	})
}

fn propose(call: &RuntimeCall, threshold: u32) -> RuntimeCall {
	RuntimeCall::TechnicalCommittee(pallet_collective::Call::propose {
		threshold,
		proposal: Box::new(call.clone()),
		length_bound: call.encoded_size() as u32,
	})
}

/// Has the committee move, vote for and carry out a call. What came of it.
fn agree(chain: &mut TestChain, call: impl Into<RuntimeCall>) -> DispatchResult {
	let call = call.into();
	let hash = BlakeTwo256::hash_of(&call);
	let index =
		chain.inspect(pallet_collective::ProposalCount::<Runtime, TechnicalCollective>::get);
	chain.send(MEMBERS[0], propose(&call, 2)).unwrap();
	let vote = RuntimeCall::TechnicalCommittee(pallet_collective::Call::vote {
		proposal: hash,
		index,
		approve: true,
	});
	for member in MEMBERS {
		chain.send(member, vote.clone()).unwrap();
	}
	let close = RuntimeCall::TechnicalCommittee(pallet_collective::Call::close {
		proposal_hash: hash,
		index,
		proposal_weight_bound: call.get_dispatch_info().call_weight,
		length_bound: call.encoded_size() as u32,
	});
	chain.send(MEMBERS[0], close).unwrap();
	executed(chain, hash).expect("the motion had its votes")
}

fn create_deal(profile: Profile) -> RuntimeCall {
	RuntimeCall::Deals(pallet_deals::Call::create_deal {
		profile,
		hint: Hint::Cold,
		duration: 100_000,
		max_monthly_spend: 0,
		escrow: UNIT,
	})
}

fn batch(call: impl Into<RuntimeCall>) -> RuntimeCall {
	RuntimeCall::Utility(pallet_utility::Call::batch_all { calls: vec![call.into()] })
}

/// The name of a pallet or a call.
fn name(text: &str) -> pallet_tx_pause::PalletNameOf<Runtime> {
	text.as_bytes().to_vec().try_into().expect("short enough")
}

fn pause(pallet: &str, call: &str) -> RuntimeCall {
	RuntimeCall::TxPause(pallet_tx_pause::Call::pause { full_name: (name(pallet), name(call)) })
}

fn transfer() -> RuntimeCall {
	RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
		dest: Two.to_account_id().into(),
		value: UNIT,
	})
}

#[test]
fn pallets_keep_their_numbers() {
	// Wallets and transactions that are signed already know calls by these.
	let mut pallets: Vec<_> = AllPalletsWithSystem::infos()
		.into_iter()
		.map(|pallet| (pallet.index, pallet.name))
		.collect();
	pallets.sort_unstable();
	assert_eq!(
		pallets,
		[
			(0, "System"),
			(1, "ParachainSystem"),
			(2, "Timestamp"),
			(3, "ParachainInfo"),
			(4, "WeightReclaim"),
			(5, "Utility"),
			(6, "MultiBlockMigrations"),
			(10, "Balances"),
			(11, "TransactionPayment"),
			(15, "Sudo"),
			(20, "Authorship"),
			(21, "CollatorSelection"),
			(22, "Session"),
			(23, "Aura"),
			(24, "AuraExt"),
			(30, "XcmpQueue"),
			(31, "PolkadotXcm"),
			(32, "CumulusXcm"),
			(33, "MessageQueue"),
			(40, "Beacon"),
			(41, "Providers"),
			(42, "Deals"),
			(43, "Mode2"),
			(44, "Liveness"),
			(50, "Preimage"),
			(51, "Scheduler"),
			(52, "ConvictionVoting"),
			(53, "Referenda"),
			(54, "Origins"),
			(55, "Whitelist"),
			(56, "TechnicalCommittee"),
			(57, "SafeMode"),
			(58, "TxPause"),
		]
	);
}

#[test]
fn safe_mode_stops_new_content_and_lets_users_out() {
	let (mut chain, profile) = deals::placed(Backend::Portable);
	agree(&mut chain, pallet_safe_mode::Call::force_enter {}).unwrap();
	let until = chain.inspect(pallet_safe_mode::EnteredUntil::<Runtime>::get).unwrap();
	assert_eq!(until, chain.inspect(System::block_number) + DAYS);

	assert_eq!(chain.send(Ferdie, create_deal(profile)), filtered());
	assert_eq!(chain.send(Ferdie, transfer()), filtered());
	let stake = 10 * UNIT;
	assert_eq!(
		chain.send(Dave, pallet_providers::Call::remove_stake { amount: stake }),
		filtered()
	);
	// Nor does it pass in the envelope of another call.
	assert_eq!(chain.send(Ferdie, batch(create_deal(profile))), filtered());
	let commit = deals::commit(&chain, profile, 0, 2);
	assert_eq!(chain.build(vec![commit]).outcomes[0].unwrap(), filtered());
	assert_eq!(deals::info(&chain).generation, 0);

	chain.send(Ferdie, pallet_deals::Call::top_up { deal: 0, amount: UNIT }).unwrap();
	chain.send(Dave, pallet_providers::Call::add_stake { amount: stake }).unwrap();
	chain.send(Alice, pallet_deals::Call::extend_deal { deal: 0, blocks: 1_000 }).unwrap();
	// Rounds go on, and so do answers.
	let advance = pallet_liveness::Call::advance { provider: Dave.to_account_id(), steps: 1 };
	let nothing: DispatchResult = Err(pallet_liveness::Error::<Runtime>::NothingToDo.into());
	assert_eq!(chain.send(Ferdie, advance), nothing);
	// So do repairs, whose calls are refused for another reason than the pause.
	let (provider, deal, slot) = (Dave.to_account_id(), 0, 0);
	let relieve = pallet_mode2::Call::relieve { provider, deal, slot };
	let stays: DispatchResult = Err(pallet_mode2::Error::<Runtime>::NothingToRelieve.into());
	assert_eq!(chain.send(Ferdie, relieve), stays);
	let come_back = pallet_mode2::Call::come_back { deal, slot };
	let held: DispatchResult = Err(pallet_mode2::Error::<Runtime>::NotLost.into());
	assert_eq!(chain.send(Ferdie, come_back), held);
	let replace = pallet_deals::Call::replace_slot { deal, slot, generation: 1 };
	let unknown: DispatchResult = Err(pallet_deals::Error::<Runtime>::UnknownCommit.into());
	assert_eq!(chain.send(Alice, replace), unknown);
	chain.send(Alice, batch(pallet_deals::Call::cancel_deal { deal: 0 })).unwrap();
	assert!(chain.query::<Option<DealInfo<[u8; 32]>>>("NilApi_deal", &0u64).is_none());

	agree(&mut chain, pallet_safe_mode::Call::force_exit {}).unwrap();
	chain.send(Ferdie, create_deal(profile)).unwrap();
	chain.send(Ferdie, transfer()).unwrap();
}

#[test]
fn safe_mode_ends_by_itself() {
	let mut chain = TestChain::new();
	chain.build_all_good(Vec::new());
	agree(&mut chain, pallet_safe_mode::Call::force_enter {}).unwrap();
	let until = chain.inspect(pallet_safe_mode::EnteredUntil::<Runtime>::get).unwrap();
	// Blocks count here. The next one is the last of safe mode.
	chain.skip_to(until - 1);
	assert_eq!(chain.send(Ferdie, transfer()), filtered());
	chain.send(Ferdie, transfer()).unwrap();
	assert!(!chain.inspect(SafeMode::is_entered));
}

#[test]
fn nobody_else_enters_safe_mode() {
	let mut chain = TestChain::new();
	chain.build_all_good(Vec::new());
	let enter = RuntimeCall::SafeMode(pallet_safe_mode::Call::force_enter {});
	assert_eq!(chain.send(Ferdie, enter.clone()), Err(DispatchError::BadOrigin));
	assert_eq!(
		chain.send(Ferdie, pallet_safe_mode::Call::enter {}),
		Err(pallet_safe_mode::Error::<Runtime>::NotConfigured.into())
	);
	// One member of three.
	chain.send(Alice, propose(&enter, 1)).unwrap();
	assert_eq!(executed(&chain, BlakeTwo256::hash_of(&enter)), Some(Err(DispatchError::BadOrigin)));
	assert!(!chain.inspect(SafeMode::is_entered));
}

#[test]
fn single_calls_can_be_paused() {
	let (mut chain, profile) = deals::placed(Backend::Portable);
	agree(&mut chain, pause("Deals", "create_deal")).unwrap();
	assert_eq!(chain.send(Ferdie, create_deal(profile)), filtered());
	chain.send(Ferdie, pallet_deals::Call::top_up { deal: 0, amount: UNIT }).unwrap();

	let unpausable: DispatchResult = Err(pallet_tx_pause::Error::<Runtime>::Unpausable.into());
	for (pallet, call) in [
		("Timestamp", "set"),
		("ParachainSystem", "set_validation_data"),
		("TechnicalCommittee", "propose"),
		("TxPause", "unpause"),
		// Rounds go on, and who does not answer is jailed.
		("Liveness", "submit_proofs"),
		("Liveness", "advance"),
	] {
		assert_eq!(agree(&mut chain, pause(pallet, call)), unpausable, "{pallet}.{call}");
	}

	let unpause = RuntimeCall::TxPause(pallet_tx_pause::Call::unpause {
		ident: (name("Deals"), name("create_deal")),
	});
	agree(&mut chain, unpause).unwrap();
	chain.send(Ferdie, create_deal(profile)).unwrap();
}

/// Makes the next block on which something is scheduled.
fn to_the_next_alarm(chain: &mut TestChain) {
	let alarm = chain.inspect(|| pallet_scheduler::Agenda::<Runtime>::iter_keys().min());
	chain.skip_to(alarm.expect("something is scheduled"));
	chain.build_all_good(Vec::new());
}

/// Proposes `call` as the storage's administrator and has most tokens vote for it. The block of the proposal.
fn submit_and_vote(chain: &mut TestChain, call: RuntimeCall) -> BlockNumber {
	let submit = RuntimeCall::Referenda(pallet_referenda::Call::submit {
		proposal_origin: Box::new(OriginCaller::Origins(GovernanceOrigin::StorageAdmin)),
		proposal: Bounded::Inline(call.encode().try_into().expect("at most 128 bytes")),
		enactment_moment: DispatchTime::After(0),
	});
	chain.send(Ferdie, submit).unwrap();
	let submitted = chain.inspect(System::block_number);
	let deposit =
		RuntimeCall::Referenda(pallet_referenda::Call::place_decision_deposit { index: 0 });
	chain.send(Eve, deposit).unwrap();
	let vote = RuntimeCall::ConvictionVoting(pallet_conviction_voting::Call::vote {
		poll_index: 0,
		vote: AccountVote::Standard {
			vote: Vote { aye: true, conviction: Conviction::Locked1x },
			balance: 990_000_000 * UNIT,
		},
	});
	let votes =
		VOTERS.iter().map(|&voter| chain.sign(voter, chain.nonce(voter), vote.clone())).collect();
	chain.build_all_good(votes);
	submitted
}

#[test]
fn a_referendum_changes_a_price() {
	let mut chain = TestChain::new();
	chain.build_all_good(Vec::new());
	let before = chain.inspect(Deals::params);
	let params = pallet_deals::DealParams { storage_price: before.storage_price + 1, ..before };
	let submitted =
		submit_and_vote(&mut chain, RuntimeCall::Deals(pallet_deals::Call::set_params { params }));
	assert_eq!(
		chain.inspect(|| Referenda::ensure_ongoing(0).map(|status| status.track)),
		Ok(tracks::STORAGE_ADMIN)
	);

	for _ in 0..10 {
		assert_eq!(chain.inspect(Deals::params), before);
		to_the_next_alarm(&mut chain);
		if chain.inspect(Deals::params) == params {
			break;
		}
	}
	assert_eq!(chain.inspect(Deals::params), params);
	assert!(matches!(
		chain.inspect(|| ReferendumInfoFor::<Runtime>::get(0)),
		Some(ReferendumInfo::Approved(..))
	));
	// Preparation, confirmation and the time until it came into force. The scheduler runs before its block has told the time.
	let passed = chain.inspect(System::block_number) - 1 - submitted;
	assert_eq!(passed, HOURS + 12 * HOURS + DAYS);
}

#[test]
fn a_referendum_on_storage_reaches_nothing_else() {
	let mut chain = TestChain::new();
	chain.build_all_good(Vec::new());
	let call = RuntimeCall::Sudo(pallet_sudo::Call::remove_key {});
	submit_and_vote(&mut chain, call);
	let dispatched = (0..10).find_map(|_| {
		to_the_next_alarm(&mut chain);
		chain.inspect(|| {
			System::read_events_no_consensus().find_map(|record| match record.event {
				RuntimeEvent::Scheduler(pallet_scheduler::Event::Dispatched {
					id: Some(_),
					result,
					..
				}) => Some(result),
				_ => None,
			})
		})
	});
	assert!(dispatched.expect("the referendum passed").is_err());
	assert!(chain.inspect(pallet_sudo::Key::<Runtime>::get).is_some());
}

#[test]
fn the_committee_stops_a_referendum() {
	let mut chain = TestChain::new();
	chain.build_all_good(Vec::new());
	let params = chain.inspect(Deals::params);
	submit_and_vote(&mut chain, RuntimeCall::Deals(pallet_deals::Call::set_params { params }));
	let cancel = RuntimeCall::Referenda(pallet_referenda::Call::cancel { index: 0 });
	assert_eq!(chain.send(Ferdie, cancel.clone()), Err(DispatchError::BadOrigin));
	agree(&mut chain, cancel).unwrap();
	assert!(matches!(
		chain.inspect(|| ReferendumInfoFor::<Runtime>::get(0)),
		Some(ReferendumInfo::Cancelled(..))
	));
}
