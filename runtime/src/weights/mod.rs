//! What operations cost.
//!
//! The weights of our pallets were measured in this runtime's wasm, with the curve arithmetic in it, as validators execute
//! it: `make weights` writes the files, for each backend its own. Those of the SDK's pallets, and of an empty block, an empty
//! transaction and accesses to ParityDB, the node's database, are the ones that the SDK measured. For what messages of other
//! chains do it has none that hold for every runtime; [`XCM_INSTRUCTION`] is an assumption.

macro_rules! generated {
	($($module:ident),*) => { $(
		#[allow(clippy::all, missing_debug_implementations, reason = "generated")]
		pub mod $module;
	)* };
}

#[cfg(not(feature = "rfc163"))]
mod portable;
#[cfg(feature = "rfc163")]
mod rfc163;

#[cfg(not(feature = "rfc163"))]
pub use portable::*;
#[cfg(feature = "rfc163")]
pub use rfc163::*;

pub use frame_support::weights::constants::{
	BlockExecutionWeight, ExtrinsicBaseWeight, ParityDbWeight,
};

use crate::Runtime;
use ::pallet_beacon::WeightInfo as _;
use ::pallet_liveness::WeightInfo as _;
use ::pallet_providers::WeightInfo as _;
use ::pallet_xcm::TestWeightInfo as SdkTests;
use frame_support::weights::Weight;
use nil_types::layout::MAX_SLOTS;

type Measured = pallet_mode2::WeightInfo<Runtime>;
type Registry = pallet_providers::WeightInfo<Runtime>;
type Randomness = pallet_beacon::WeightInfo<Runtime>;
type Samples = pallet_liveness::WeightInfo<Runtime>;
type Content = pallet_deals::WeightInfo<Runtime>;

/// The weights of mode 2, with a draw at its worst.
///
/// The benchmark of a placement draws from providers that all suit, with the only record that there is. At worst a draw
/// makes as many descents as it may, all of which the registry measures, and searches a full ring for its record, which
/// the beacon measures.
#[derive(Debug)]
pub struct Mode2Weight;

impl ::pallet_mode2::WeightInfo for Mode2Weight {
	fn place() -> Weight {
		Measured::place()
			.saturating_add(Registry::draw(MAX_SLOTS))
			.saturating_add(Randomness::first_at_or_after())
	}

	fn serve_base() -> Weight {
		Measured::serve_base()
	}

	fn pass_ticket() -> Weight {
		Measured::pass_ticket()
	}

	fn serve_repairs_base() -> Weight {
		Measured::serve_repairs_base()
	}

	fn draw_candidate() -> Weight {
		Measured::draw_candidate()
			.saturating_add(Registry::draw(1))
			.saturating_add(Randomness::first_at_or_after())
	}

	fn dismiss() -> Weight {
		Measured::dismiss()
	}

	fn adopt() -> Weight {
		Measured::adopt()
	}

	fn complete_repair(n: u32) -> Weight {
		Measured::complete_repair(n)
	}

	fn departure_step() -> Weight {
		Measured::departure_step()
	}

	fn come_back() -> Weight {
		Measured::come_back()
	}
}

/// The weights of samples. The benchmark of a draw finds the only records that there are; at worst it searches a full ring,
/// which the beacon measures.
#[derive(Debug)]
pub struct LivenessWeight;

impl ::pallet_liveness::WeightInfo for LivenessWeight {
	fn submit_proofs(n: u32) -> Weight {
		Samples::submit_proofs(n)
	}

	fn waive(n: u32) -> Weight {
		Samples::waive(n)
	}

	fn look_up() -> Weight {
		Samples::look_up()
	}

	fn advance_listing(s: u32) -> Weight {
		Samples::advance_listing(s)
	}

	fn advance_unlisting(s: u32) -> Weight {
		Samples::advance_unlisting(s)
	}

	fn advance_naming(s: u32) -> Weight {
		Samples::advance_naming(s)
	}

	fn set_params() -> Weight {
		Samples::set_params()
	}

	fn settle(n: u32) -> Weight {
		Samples::settle(n)
	}

	fn pay_out() -> Weight {
		Samples::pay_out()
	}

	fn pay_last() -> Weight {
		Samples::pay_last()
	}

	fn forfeit() -> Weight {
		Samples::forfeit()
	}

	fn slash_invalid() -> Weight {
		Samples::slash_invalid()
	}

	fn report() -> Weight {
		Samples::report()
	}

	fn report_slot() -> Weight {
		Samples::report_slot()
	}

	fn sweep_slot() -> Weight {
		Samples::sweep_slot()
	}

	fn look_at() -> Weight {
		Samples::look_at()
	}

	fn sweep_ending() -> Weight {
		Samples::sweep_ending()
	}

	fn poll() -> Weight {
		Samples::poll()
	}

	fn turn() -> Weight {
		Samples::turn().saturating_add(Randomness::first_at_or_after())
	}
}

/// The weights of deals, with what has to be done later for it and is free then: whatever a provider signs enters its lists and
/// leaves them again, and a raise is a step for each slot. What repairs make of it is not in them: a slot that changes hands leaves
/// lists and enters others once more.
#[derive(Debug)]
pub struct DealsWeight;

impl DealsWeight {
	/// Calls that are free, each of one step: every slot has another provider, and no call is for two of these.
	fn calls(count: u32, step: Weight) -> Weight {
		step.saturating_add(ExtrinsicBaseWeight::get()).saturating_mul(count.into())
	}

	/// Steps for so many receipts.
	fn listing(receipts: u32) -> Weight {
		Self::calls(receipts, Samples::advance_listing(1))
			.saturating_add(Self::calls(receipts, Samples::advance_unlisting(1)))
	}
}

impl ::pallet_deals::WeightInfo for DealsWeight {
	fn commit_content(r: u32, s: u32) -> Weight {
		Content::commit_content(r, s).saturating_add(Self::listing(s))
	}

	fn add_receipt() -> Weight {
		Content::add_receipt().saturating_add(Self::listing(1))
	}

	fn extend_deal() -> Weight {
		Content::extend_deal().saturating_add(Self::calls(MAX_SLOTS, Samples::advance_listing(1)))
	}

	fn create_deal() -> Weight {
		Content::create_deal()
	}

	fn top_up() -> Weight {
		Content::top_up()
	}

	fn cancel_deal() -> Weight {
		Content::cancel_deal()
	}

	fn set_params() -> Weight {
		Content::set_params()
	}

	fn authorize_uploader() -> Weight {
		Content::authorize_uploader()
	}

	fn revoke_uploader() -> Weight {
		Content::revoke_uploader()
	}

	fn replace_slot() -> Weight {
		Content::replace_slot()
	}

	fn upkeep_base() -> Weight {
		Content::upkeep_base()
	}

	fn expire_deal() -> Weight {
		Content::expire_deal()
	}

	fn pass_bucket() -> Weight {
		Content::pass_bucket()
	}

	fn remove_remnant() -> Weight {
		Content::remove_remnant()
	}
}

/// What an instruction of a message from another chain weighs, whichever it is: a millisecond, and the proof of several accounts
/// and queues. None does more than move the native token and put a message into a queue.
pub const XCM_INSTRUCTION: Weight = Weight::from_parts(1_000_000_000, 16 * 1024);

/// The weights of the pallet for messages that accounts of this chain send. The SDK has such for its tests only, without
/// any proof; here each call weighs what an instruction does.
#[derive(Debug)]
pub struct XcmWeight;

macro_rules! as_an_instruction {
	($($call:ident),*) => { $(
		fn $call() -> Weight {
			XCM_INSTRUCTION
		}
	)* };
}

impl ::pallet_xcm::WeightInfo for XcmWeight {
	as_an_instruction!(
		send,
		teleport_assets,
		reserve_transfer_assets,
		transfer_assets,
		execute,
		force_xcm_version,
		force_default_xcm_version,
		force_subscribe_version_notify,
		force_unsubscribe_version_notify,
		force_suspension,
		migrate_supported_version,
		migrate_version_notifiers,
		already_notified_target,
		notify_current_targets,
		notify_target_migration_fail,
		migrate_version_notify_targets,
		migrate_and_notify_old_targets,
		new_query,
		take_response,
		add_authorized_alias,
		remove_authorized_alias
	);

	fn claim_assets(assets: u32) -> Weight {
		XCM_INSTRUCTION.saturating_mul(1 + u64::from(assets))
	}

	fn weigh_message(bytes: u32) -> Weight {
		SdkTests::weigh_message(bytes)
	}

	fn decode_xcm(bytes: u32) -> Weight {
		SdkTests::decode_xcm(bytes)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use ::pallet_deals::WeightInfo as _;

	#[test]
	fn what_is_signed_pays_for_the_calls_that_are_free_later() {
		let call = |step: Weight| ExtrinsicBaseWeight::get().saturating_add(step);
		let all =
			|calls: u32, weight: Weight| (0..calls).fold(Weight::zero(), |sum, _| sum + weight);
		let (enters, leaves) =
			(call(Samples::advance_listing(1)), call(Samples::advance_unlisting(1)));
		for count in [1, 9, MAX_SLOTS] {
			let commit = DealsWeight::commit_content(1, count);
			let later = commit - Content::commit_content(1, count);
			assert_eq!(later, all(count, enters) + all(count, leaves));
		}
		assert_eq!(DealsWeight::add_receipt() - Content::add_receipt(), enters + leaves);
		let raise = DealsWeight::extend_deal() - Content::extend_deal();
		assert_eq!(raise, all(MAX_SLOTS, enters));
	}

	/// Weights that were measured before there were such accounts are below this.
	#[test]
	fn what_touches_the_accounts_of_all_slots_is_weighed_with_them() {
		let accesses = |reads: u64, writes: u64| {
			let slots = u64::from(MAX_SLOTS);
			ParityDbWeight::get().reads_writes(reads * slots, writes * slots).ref_time()
		};
		// Of each slot what was signed for it, its provider's book, the end of its journal, and a note.
		assert!(Content::extend_deal().ref_time() > accesses(3, 3));
		// Beside these its place, its rent, what it and who had it before are owed, its repair and its former provider; and the
		// place in the registry of who has it, and of the candidate.
		let end = accesses(11, 12);
		assert!(Content::cancel_deal().ref_time() > end);
		assert!(Content::expire_deal().ref_time() > end);
	}
}
