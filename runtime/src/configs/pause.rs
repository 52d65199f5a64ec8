//! The pause switches: safe mode stops everything but a list of calls, and single calls can be paused one by one.
//!
//! Root or more than half of the technical committee operate both. Root's own calls pass either way, so that governance
//! can repair what is paused.
//!
//! Safe mode ends by itself: a committee that is lost, or was taken over, must not be able to stop the chain for good
//! without doing so again and again. A paused call stays paused until it is released.
//!
//! # What goes on in safe mode
//!
//! Deadlines count the relay chain's blocks and go on, so whatever users need to meet them, to get out, or to keep what
//! they have must go on too. What brings new content, new parties or more risk stops, and so does what lets stake out, for
//! stake is what answers for whatever made the committee stop the chain.
//!
//! | call | in safe mode | why |
//! |---|---|---|
//! | `deals.cancel_deal`, `revoke_uploader` | goes on | the way out; takes rights back |
//! | `deals.top_up`, `extend_deal` | goes on | content would be lost at its deadline |
//! | `deals.add_receipt` | goes on | the time for it runs out, and it makes commits safer that are there already |
//! | `deals.upkeep`, `mode2.place`, `mode2.repair` | goes on | do what the hooks do anyway |
//! | `mode2.decline`, `mode2.complete_repair` | goes on | windows of candidates go on |
//! | `mode2.relieve`, `mode2.come_back`, `deals.replace_slot` | goes on | slots get other providers anyway, and content is saved by it |
//! | `liveness.submit_proofs`, `waive`, `advance`, `report`, `report_slot` | goes on | rounds go on, and who does not answer is to blame |
//! | `liveness.settle` | goes on | rent is forfeited at its deadline |
//! | `liveness.forfeit` | goes on | does what the hook does anyway |
//! | `deals.create_deal`, `commit_content`, `authorize_uploader` | stops | new money and new content |
//! | `providers.add_stake`, `drain` | goes on | more security; fewer duties |
//! | `providers.update`, `rotate_service_key` | goes on | a provider that moves must be found, and a stolen key replaced |
//! | `providers.register` | stops | new parties |
//! | `providers.remove_stake`, `withdraw_stake`, `leave` | stops | lets stake out |
//! | `set_params`, `set_min_term`, `attest`, `pardon` | goes on | needs the administrator, who may be repairing |
//! | `balances.*` | stops | while it is not known what was taken, money moves into deals alone |
//! | messages of other chains | wait | they move money too |

use super::governance::RootOrMajority;
use crate::{
	AccountId, Balance, Balances, BlockNumber, ConvictionVoting, DAYS, Liveness, ParachainSystem,
	Preimage, Referenda, Runtime, RuntimeCall, RuntimeEvent, RuntimeHoldReason, SafeMode, Sudo,
	System, TechnicalCommittee, Timestamp, Whitelist,
};
use frame_support::{
	parameter_types,
	traits::{ConstU32, Contains, PalletInfoAccess},
};
use frame_system::{EnsureRoot, EnsureWithSuccess};
use pallet_tx_pause::RuntimeCallNameOf;

/// Blocks of safe mode, and of each extension: time for the committee to meet again.
type Duration = ConstU32<DAYS>;

/// Who operates safe mode, and for how many blocks each time.
type SafeModeOrigin = EnsureWithSuccess<RootOrMajority, AccountId, Duration>;

parameter_types! {
	/// No deposit buys the right to stop the chain.
	pub const NotForSale: Option<Balance> = None;
	/// So there is none to return.
	pub const NothingToRelease: Option<BlockNumber> = None;
}

/// What can be called in safe mode, beside the calls of safe mode itself; see the module's documentation.
#[derive(Debug)]
pub struct GoesOn;

impl Contains<RuntimeCall> for GoesOn {
	fn contains(call: &RuntimeCall) -> bool {
		match call {
			// No block is made without these.
			RuntimeCall::ParachainSystem(_) | RuntimeCall::Timestamp(_) => true,
			// Collators must be able to change keys, to join and to leave.
			RuntimeCall::CollatorSelection(_) | RuntimeCall::Session(_) => true,
			// Whoever is to end the pause, and to repair what it is for. An upgrade that was authorised is applied by
			// anybody.
			RuntimeCall::System(frame_system::Call::apply_authorized_upgrade { .. })
			| RuntimeCall::Sudo(_)
			| RuntimeCall::Preimage(_)
			| RuntimeCall::ConvictionVoting(_)
			| RuntimeCall::Referenda(_)
			| RuntimeCall::Whitelist(_)
			| RuntimeCall::TechnicalCommittee(_)
			| RuntimeCall::TxPause(_) => true,
			// Its calls carry other calls, each of which is looked at by itself.
			RuntimeCall::Utility(_) => true,
			RuntimeCall::Deals(call) => matches!(
				call,
				pallet_deals::Call::add_receipt { .. }
					| pallet_deals::Call::top_up { .. }
					| pallet_deals::Call::extend_deal { .. }
					| pallet_deals::Call::cancel_deal { .. }
					| pallet_deals::Call::set_params { .. }
					| pallet_deals::Call::set_min_term { .. }
					| pallet_deals::Call::upkeep { .. }
					| pallet_deals::Call::replace_slot { .. }
					| pallet_deals::Call::revoke_uploader { .. }
			),
			RuntimeCall::Providers(call) => matches!(
				call,
				pallet_providers::Call::update { .. }
					| pallet_providers::Call::rotate_service_key { .. }
					| pallet_providers::Call::add_stake { .. }
					| pallet_providers::Call::drain { .. }
					| pallet_providers::Call::attest { .. }
					| pallet_providers::Call::pardon { .. }
					| pallet_providers::Call::set_params { .. }
			),
			RuntimeCall::Mode2(call) => matches!(
				call,
				pallet_mode2::Call::place { .. }
					| pallet_mode2::Call::repair { .. }
					| pallet_mode2::Call::decline { .. }
					| pallet_mode2::Call::complete_repair { .. }
					| pallet_mode2::Call::relieve { .. }
					| pallet_mode2::Call::come_back { .. }
			),
			RuntimeCall::Liveness(call) => matches!(
				call,
				pallet_liveness::Call::submit_proofs { .. }
					| pallet_liveness::Call::waive { .. }
					| pallet_liveness::Call::advance { .. }
					| pallet_liveness::Call::set_params { .. }
					| pallet_liveness::Call::settle { .. }
					| pallet_liveness::Call::forfeit { .. }
					| pallet_liveness::Call::report { .. }
					| pallet_liveness::Call::report_slot { .. }
			),
			_ => false,
		}
	}
}

impl pallet_safe_mode::Config for Runtime {
	type Currency = Balances;
	type EnterDepositAmount = NotForSale;
	type EnterDuration = Duration;
	type ExtendDepositAmount = NotForSale;
	type ExtendDuration = Duration;
	type ForceDepositOrigin = EnsureRoot<AccountId>;
	type ForceEnterOrigin = SafeModeOrigin;
	type ForceExitOrigin = RootOrMajority;
	type ForceExtendOrigin = SafeModeOrigin;
	type Notify = ();
	type ReleaseDelay = NothingToRelease;
	type RuntimeEvent = RuntimeEvent;
	type RuntimeHoldReason = RuntimeHoldReason;
	type WeightInfo = pallet_safe_mode::weights::SubstrateWeight<Self>;
	type WhitelistedCalls = GoesOn;
}

/// Calls that cannot be paused: those without which there are no blocks, or nobody who could release anything; and those by
/// which providers answer. Rounds go on whatever is paused, so everybody would be jailed for silence. What answers may do wrong
/// is slashing and rent, and these can be stopped: by a parameter, and by pausing `liveness.settle` for less than a period.
///
/// Everything else can, also what goes on in safe mode: the error may lie in just that call.
#[derive(Debug)]
pub struct NeverPaused;

impl Contains<RuntimeCallNameOf<Runtime>> for NeverPaused {
	fn contains((pallet, call): &RuntimeCallNameOf<Runtime>) -> bool {
		let answers = pallet.as_slice() == Liveness::name().as_bytes()
			&& ["submit_proofs", "advance"].iter().any(|name| name.as_bytes() == call.as_slice());
		let needed = [
			System::name(),
			ParachainSystem::name(),
			Timestamp::name(),
			Sudo::name(),
			Preimage::name(),
			ConvictionVoting::name(),
			Referenda::name(),
			Whitelist::name(),
			TechnicalCommittee::name(),
			SafeMode::name(),
		]
		.iter()
		.any(|name| name.as_bytes() == pallet.as_slice());
		answers || needed
	}
}

impl pallet_tx_pause::Config for Runtime {
	/// Longer than any name of a pallet or a call.
	type MaxNameLen = ConstU32<256>;
	type PauseOrigin = RootOrMajority;
	type RuntimeCall = RuntimeCall;
	type RuntimeEvent = RuntimeEvent;
	type UnpauseOrigin = RootOrMajority;
	type WeightInfo = pallet_tx_pause::weights::SubstrateWeight<Self>;
	type WhitelistedCalls = NeverPaused;
}
