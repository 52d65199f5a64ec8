//! The chain itself: blocks, limits, time, and its place on the relay chain.

use super::messages::RelayOrigin;
use crate::{
	AVERAGE_ON_INITIALIZE_RATIO, AccountId, Aura, Balance, Block, ConsensusHook, Hash,
	MAXIMUM_BLOCK_WEIGHT, MessageQueue, MultiBlockMigrations, NORMAL_DISPATCH_RATIO, Nonce,
	OriginCaller, PalletInfo, RELAY_PARENT_OFFSET, Runtime, RuntimeCall, RuntimeEvent,
	RuntimeOrigin, RuntimeTask, SS58_PREFIX, SafeMode, TxPause, VERSION, XcmpQueue, migrations,
	relay::RecordRandomness,
	weights::{BlockExecutionWeight, ExtrinsicBaseWeight, ParityDbWeight},
};
use cumulus_pallet_parachain_system::RelayNumberMonotonicallyIncreases;
use frame_support::{
	derive_impl,
	dispatch::DispatchClass,
	migrations::FreezeChainOnFailedMigration,
	parameter_types,
	traits::{ConstU16, ConstU32, ConstU64, EnqueueWithOrigin, InsideBoth},
	weights::Weight,
};
use frame_system::limits::{BlockLength, BlockWeights};
use sp_version::RuntimeVersion;

parameter_types! {
	/// Blocks whose hashes stay known, and so the longest that a transaction may live.
	pub const BlockHashCount: u32 = 4_096;
	/// The runtime's version.
	pub const Version: RuntimeVersion = VERSION;
	/// Bytes of a block's transactions: 5 MiB, of which user transactions get three quarters.
	pub RuntimeBlockLength: BlockLength = BlockLength::builder()
		.max_length(5 * 1024 * 1024)
		.modify_max_length_for_class(DispatchClass::Normal, |length| {
			*length = NORMAL_DISPATCH_RATIO * *length;
		})
		.build();
	/// Time and proof size of a block.
	pub RuntimeBlockWeights: BlockWeights = BlockWeights::builder()
		.base_block(BlockExecutionWeight::get())
		.for_class(DispatchClass::all(), |weights| {
			weights.base_extrinsic = ExtrinsicBaseWeight::get();
		})
		.for_class(DispatchClass::Normal, |weights| {
			weights.max_total = Some(NORMAL_DISPATCH_RATIO * MAXIMUM_BLOCK_WEIGHT);
		})
		.for_class(DispatchClass::Operational, |weights| {
			weights.max_total = Some(MAXIMUM_BLOCK_WEIGHT);
			// What user transactions cannot take.
			weights.reserved =
				Some(MAXIMUM_BLOCK_WEIGHT - NORMAL_DISPATCH_RATIO * MAXIMUM_BLOCK_WEIGHT);
		})
		.avg_block_initialization(AVERAGE_ON_INITIALIZE_RATIO)
		.build_or_panic();
}

#[derive_impl(frame_system::config_preludes::ParaChainDefaultConfig)]
impl frame_system::Config for Runtime {
	type AccountData = pallet_balances::AccountData<Balance>;
	type AccountId = AccountId;
	// What is paused, as a whole or call by call, cannot be called: see `super::pause`.
	type BaseCallFilter = InsideBoth<SafeMode, TxPause>;
	type Block = Block;
	type BlockHashCount = BlockHashCount;
	type BlockLength = RuntimeBlockLength;
	type BlockWeights = RuntimeBlockWeights;
	type DbWeight = ParityDbWeight;
	type Hash = Hash;
	type MaxConsumers = ConstU32<16>;
	type MultiBlockMigrator = MultiBlockMigrations;
	type Nonce = Nonce;
	type OnSetCode = cumulus_pallet_parachain_system::ParachainSetCode<Self>;
	type SS58Prefix = ConstU16<SS58_PREFIX>;
	type SingleBlockMigrations = migrations::SingleBlock;
	type SystemWeightInfo = frame_system::weights::SubstrateWeight<Self>;
	type Version = Version;
}

impl pallet_utility::Config for Runtime {
	type PalletsOrigin = OriginCaller;
	type RuntimeCall = RuntimeCall;
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = pallet_utility::weights::SubstrateWeight<Self>;
}

parameter_types! {
	/// What steps of migrations may take of a block: the share of transactions, of which there are none meanwhile. The
	/// rest is for inherents and hooks, which go on.
	pub MigrationWeight: Weight = NORMAL_DISPATCH_RATIO * MAXIMUM_BLOCK_WEIGHT;
}

impl pallet_migrations::Config for Runtime {
	/// As large as the pallet's weights were measured with.
	type CursorMaxLen = ConstU32<65_536>;
	/// No transactions after a migration that failed. The state is then half of one layout and half of another: a call
	/// that runs on it may pay out money that is not there, and nothing takes that back, while deals and content wait.
	/// The price is that no transaction can repair it either, the administrator's included; RFC 0007 says what can.
	type FailedMigrationHandler = FreezeChainOnFailedMigration;
	type IdentifierMaxLen = ConstU32<256>;
	type MaxServiceWeight = MigrationWeight;
	type MigrationStatusHandler = ();
	#[cfg(not(feature = "runtime-benchmarks"))]
	type Migrations = migrations::MultiBlock;
	#[cfg(feature = "runtime-benchmarks")]
	type Migrations = pallet_migrations::mock_helpers::MockedMigrations;
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = pallet_migrations::weights::SubstrateWeight<Self>;
}

impl pallet_timestamp::Config for Runtime {
	type MinimumPeriod = ConstU64<0>;
	type Moment = u64;
	type OnTimestampSet = Aura;
	type WeightInfo = pallet_timestamp::weights::SubstrateWeight<Self>;
}

impl staging_parachain_info::Config for Runtime {}

impl cumulus_pallet_weight_reclaim::Config for Runtime {
	type WeightInfo = ();
}

parameter_types! {
	/// What taking in the messages of a block, from either side, may weigh. What does not fit is dropped.
	pub const ReservedMessageWeight: Weight = MAXIMUM_BLOCK_WEIGHT.saturating_div(4);
}

impl cumulus_pallet_parachain_system::Config for Runtime {
	type CheckAssociatedRelayNumber = RelayNumberMonotonicallyIncreases;
	type ConsensusHook = ConsensusHook;
	type DmpQueue = EnqueueWithOrigin<MessageQueue, RelayOrigin>;
	type OnSystemEvent = RecordRandomness;
	type OutboundXcmpMessageSource = XcmpQueue;
	type RelayParentOffset = ConstU32<RELAY_PARENT_OFFSET>;
	type ReservedDmpWeight = ReservedMessageWeight;
	type ReservedXcmpWeight = ReservedMessageWeight;
	type RuntimeEvent = RuntimeEvent;
	type SchedulingSignatureVerifier = ();
	type SelfParaId = staging_parachain_info::Pallet<Self>;
	type WeightInfo = cumulus_pallet_parachain_system::weights::SubstrateWeight<Self>;
	type XcmpMessageHandler = XcmpQueue;
}
