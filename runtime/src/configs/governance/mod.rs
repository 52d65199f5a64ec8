//! Governance: referenda of those who hold the token, and a technical committee for what cannot wait.
//!
//! * Anybody may propose a call, on one of three [`tracks`]: `root` for everything, `whitelisted_caller` for calls of root
//!   that the committee has looked at and whitelisted, `storage_admin` for the parameters of storage. Holders vote with
//!   their tokens, and with more weight the longer they let them be locked.
//! * The committee, whose members root sets, cannot decide anything by itself but what is undone easily: it stops
//!   referenda, whitelists calls, and pauses ([`super::pause`]).
//!
//! # Clock
//!
//! Deadlines of storage count the relay chain's blocks. The periods of referenda and what is scheduled count those among
//! them in which this chain had a block, one or several ([`SharedBlocks`]):
//!
//! * A vote must not run out while nobody can vote. When this chain stops, or has blocks less often, periods get longer. They
//!   never get shorter, on however many cores the chain makes blocks.
//! * The scheduler looks at each number of its clock one after the other, and accounts 110 KB of proof for each, so at
//!   about seventy a block. With the relay chain's own numbers a chain that begins under a relay chain with tens of millions
//!   of blocks, from 0 as every clock begins, would fill its blocks with that for weeks, and after every stop for a while.
//!
//! The committee's motions and safe mode know no other clock than the blocks of this chain, so that on three cores they last a
//! third as long. Both undo little: a motion can be moved again, safe mode extended.

pub mod origins;
pub mod tracks;

pub use origins::{GovernanceOrigin, StorageAdmin, WhitelistedCaller, pallet_custom_origins};
pub use tracks::Tracks;

use crate::{
	AccountId, Balance, Balances, DAYS, MAXIMUM_BLOCK_WEIGHT, MICROUNIT, NORMAL_DISPATCH_RATIO,
	OriginCaller, Preimage, Referenda, Runtime, RuntimeCall, RuntimeEvent, RuntimeHoldReason,
	RuntimeOrigin, Scheduler, UNIT, relay::SharedBlocks,
};
use frame_support::{
	parameter_types,
	traits::{
		ConstU32, ConstU128, EitherOf, EqualPrivilegeOnly, LinearStoragePrice,
		fungible::HoldConsideration, tokens::currency::ActiveIssuanceOf,
	},
	weights::Weight,
};
use frame_system::{EnsureRoot, EnsureSigned};
use pallet_collective::{
	DefaultVote, EnsureProportionAtLeast, EnsureProportionMoreThan, MemberCount,
};
use sp_runtime::Perbill;

/// The committee's instance of the pallet of collectives.
pub type TechnicalCollective = pallet_collective::Instance1;

/// Root, or more than half of the committee.
pub type RootOrMajority =
	EitherOf<EnsureRoot<AccountId>, EnsureProportionMoreThan<AccountId, TechnicalCollective, 1, 2>>;

/// At least two thirds of the committee.
pub type Supermajority = EnsureProportionAtLeast<AccountId, TechnicalCollective, 2, 3>;

parameter_types! {
	/// The deposit for any preimage.
	pub const PreimageBaseDeposit: Balance = UNIT;
	/// The deposit for each byte of a preimage: a megabyte takes ten tokens.
	pub const PreimageByteDeposit: Balance = 10 * MICROUNIT;
	/// Why the deposit for a preimage is held.
	pub const PreimageHoldReason: RuntimeHoldReason =
		RuntimeHoldReason::Preimage(pallet_preimage::HoldReason::Preimage);
	/// What scheduled calls may take of a block: as much as user transactions.
	pub SchedulerWeight: Weight = NORMAL_DISPATCH_RATIO * MAXIMUM_BLOCK_WEIGHT;
	/// What a motion of the committee may take of a block.
	pub MotionWeight: Weight = Perbill::from_percent(50) * MAXIMUM_BLOCK_WEIGHT;
}

impl pallet_custom_origins::Config for Runtime {}

impl pallet_preimage::Config for Runtime {
	type Consideration = HoldConsideration<
		AccountId,
		Balances,
		PreimageHoldReason,
		LinearStoragePrice<PreimageBaseDeposit, PreimageByteDeposit, Balance>,
	>;
	type Currency = Balances;
	type ManagerOrigin = EnsureRoot<AccountId>;
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = pallet_preimage::weights::SubstrateWeight<Self>;
}

impl pallet_scheduler::Config for Runtime {
	/// See the module's documentation.
	type BlockNumberProvider = SharedBlocks;
	/// Every step of a referendum takes a place on the block of that step.
	#[cfg(not(feature = "runtime-benchmarks"))]
	type MaxScheduledPerBlock = ConstU32<50>;
	/// Benchmarks bring more referenda together on one block than ever meet there.
	#[cfg(feature = "runtime-benchmarks")]
	type MaxScheduledPerBlock = ConstU32<512>;
	type MaximumWeight = SchedulerWeight;
	/// Who scheduled a task may cancel it.
	type OriginPrivilegeCmp = EqualPrivilegeOnly;
	type PalletsOrigin = OriginCaller;
	type Preimages = Preimage;
	type RuntimeCall = RuntimeCall;
	type RuntimeEvent = RuntimeEvent;
	type RuntimeOrigin = RuntimeOrigin;
	type ScheduleOrigin = EnsureRoot<AccountId>;
	type WeightInfo = pallet_scheduler::weights::SubstrateWeight<Self>;
}

impl pallet_conviction_voting::Config for Runtime {
	type BlockNumberProvider = SharedBlocks;
	type Currency = Balances;
	/// All tokens may vote, also those that back deals or storage.
	type MaxTurnout = ActiveIssuanceOf<Balances, AccountId>;
	/// Referenda on one track that an account may have voted on before it must remove a vote.
	type MaxVotes = ConstU32<64>;
	type Polls = Referenda;
	type RuntimeEvent = RuntimeEvent;
	/// Tokens that vote with the least conviction are locked for a week after a referendum that went their way: longer
	/// than any enactment takes. Each further step of conviction doubles it.
	type VoteLockingPeriod = ConstU32<{ 7 * DAYS }>;
	type VotingHooks = ();
	type WeightInfo = pallet_conviction_voting::weights::SubstrateWeight<Self>;
}

impl pallet_referenda::Config for Runtime {
	/// Referenda move on in the very block in which they may.
	type AlarmInterval = ConstU32<1>;
	type BlockNumberProvider = SharedBlocks;
	/// The committee can stop a referendum; its deposits are returned.
	type CancelOrigin = RootOrMajority;
	type Currency = Balances;
	/// And take the deposits of one that was meant to do harm.
	type KillOrigin = EitherOf<EnsureRoot<AccountId>, Supermajority>;
	/// Referenda of a track that wait because as many as may are being decided.
	type MaxQueued = ConstU32<20>;
	type Preimages = Preimage;
	type RuntimeCall = RuntimeCall;
	type RuntimeEvent = RuntimeEvent;
	type Scheduler = Scheduler;
	/// Deposits of killed referenda are burned, as creation fees of deals are.
	type Slash = ();
	/// Returned when the referendum is approved or cancelled, kept for ever otherwise: low enough that everybody can
	/// propose, too high to fill the list with noise.
	type SubmissionDeposit = ConstU128<{ 10 * UNIT }>;
	type SubmitOrigin = EnsureSigned<AccountId>;
	type Tally = pallet_conviction_voting::TallyOf<Runtime>;
	type Tracks = Tracks;
	/// Time to find somebody who places the decision deposit.
	type UndecidingTimeout = ConstU32<{ 14 * DAYS }>;
	type Votes = pallet_conviction_voting::VotesOf<Runtime>;
	type WeightInfo = pallet_referenda::weights::SubstrateWeight<Self>;
}

impl pallet_whitelist::Config for Runtime {
	type BlockNumberProvider = SharedBlocks;
	/// A referendum may come into force before the committee has whitelisted its call: whoever wants it may then dispatch
	/// it for so long, once it is.
	type DeferredDispatchExpiration = ConstU32<{ 14 * DAYS }>;
	type DispatchWhitelistedOrigin = EitherOf<EnsureRoot<AccountId>, WhitelistedCaller>;
	type Preimages = Preimage;
	type RuntimeCall = RuntimeCall;
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = pallet_whitelist::weights::SubstrateWeight<Self>;
	type WhitelistOrigin = Supermajority;
}

/// Members who are silent have not agreed.
///
/// The pallet's own rules count silent members, when a motion's time is over, as the prime or the majority voted, and so
/// let half of the committee pass for two thirds of it.
#[derive(Debug)]
pub struct SilenceIsNo;

impl DefaultVote for SilenceIsNo {
	fn default_vote(
		prime_vote: Option<bool>,
		_: MemberCount,
		_: MemberCount,
		_: MemberCount,
	) -> bool {
		// The pallet's benchmarks have a prime that decides.
		cfg!(feature = "runtime-benchmarks") && prime_vote == Some(true)
	}
}

impl pallet_collective::Config<TechnicalCollective> for Runtime {
	/// Motions are the members' duty: there is no deposit for them.
	type Consideration = ();
	type DefaultVote = SilenceIsNo;
	type DisapproveOrigin = EnsureRoot<AccountId>;
	type KillOrigin = EnsureRoot<AccountId>;
	type MaxMembers = ConstU32<20>;
	type MaxProposalWeight = MotionWeight;
	type MaxProposals = ConstU32<20>;
	type MotionDuration = ConstU32<{ 3 * DAYS }>;
	type Proposal = RuntimeCall;
	type RuntimeEvent = RuntimeEvent;
	type RuntimeOrigin = RuntimeOrigin;
	type SetMembersOrigin = EnsureRoot<AccountId>;
	type WeightInfo = pallet_collective::weights::SubstrateWeight<Self>;
}
