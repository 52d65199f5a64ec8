//! The NilStore parachain runtime.
//!
//! What is particular to it:
//! * five pallets of its own ([`configs::storage`]): the relay chain's randomness, providers, deals, the slots that tie
//!   providers to deals, and the samples that providers are asked for;
//! * the curve arithmetic that they need is a host function where the node has it and code of this blob where it
//!   has not, see [`executor`]; `nil-runtime-rfc163` is this runtime for relay chains with RFC-163;
//! * all deadlines of storage count relay chain blocks, whatever this chain's own pace; governance has a clock of its
//!   own, see [`configs::governance`];
//! * holders of the token govern by referenda, and a technical committee can pause what goes wrong ([`configs::pause`]);
//! * other chains may own deals through messages, and call nothing else ([`configs::xcm`]);
//! * transactions carry only the standard extensions, so that wallets and libraries need no custom types;
//! * what the state of an older runtime lacks is made up for as [`migrations`] says.
//!
//! The configuration of each concern lies in [`configs`], the runtime APIs in [`apis`], the genesis presets in
//! [`genesis`].
#![cfg_attr(not(feature = "std"), no_std)]
#![recursion_limit = "256"]
#![allow(missing_docs, reason = "`frame_support::runtime` puts what it generates into the root")]

#[cfg(feature = "std")]
include!(concat!(env!("OUT_DIR"), "/wasm_binary.rs"));

extern crate alloc;

pub mod answers;
pub mod apis;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarks;
pub mod configs;
pub mod executor;
pub mod genesis;
pub mod manifest;
pub mod migrations;
pub mod relay;
pub mod weights;

use alloc::{borrow::Cow, vec::Vec};
use configs::governance::pallet_custom_origins;
use frame_support::weights::{Weight, constants::WEIGHT_REF_TIME_PER_SECOND};
use sp_runtime::{
	MultiAddress, MultiSignature, Perbill, generic, impl_opaque_keys,
	traits::{BlakeTwo256, IdentifyAccount, Verify},
};
use sp_version::RuntimeVersion;

pub use sp_consensus_aura::sr25519::AuthorityId as AuraId;

/// A signature of a transaction.
pub type Signature = MultiSignature;
/// An account: the public key of its signatures, or a hash.
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;
/// An amount of the native token, see [`UNIT`].
pub type Balance = u128;
/// How many transactions an account has sent.
pub type Nonce = u32;
/// A hash of this chain.
pub type Hash = sp_core::H256;
/// A block number of this chain.
pub type BlockNumber = u32;
/// How transactions name accounts.
pub type Address = MultiAddress<AccountId, ()>;
/// A block's header.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// A block.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;
/// A block with its justifications.
pub type SignedBlock = generic::SignedBlock<Block>;

/// What every transaction carries beside its call. All of it is known to wallets and to `subxt` as it is.
pub type TxExtension = cumulus_pallet_weight_reclaim::StorageWeightReclaim<
	Runtime,
	(
		frame_system::AuthorizeCall<Runtime>,
		frame_system::CheckNonZeroSender<Runtime>,
		frame_system::CheckSpecVersion<Runtime>,
		frame_system::CheckTxVersion<Runtime>,
		frame_system::CheckGenesis<Runtime>,
		frame_system::CheckEra<Runtime>,
		frame_system::CheckNonce<Runtime>,
		frame_system::CheckWeight<Runtime>,
		pallet_transaction_payment::ChargeTransactionPayment<Runtime>,
		frame_metadata_hash_extension::CheckMetadataHash<Runtime>,
	),
>;

/// A transaction or an inherent.
pub type UncheckedExtrinsic =
	generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;

/// What a signer signs.
pub type SignedPayload = generic::SignedPayload<RuntimeCall, TxExtension>;

/// Dispatches blocks, transactions and hooks to the pallets.
pub type Executive = frame_executive::Executive<
	Runtime,
	Block,
	frame_system::ChainContext<Runtime>,
	Runtime,
	AllPalletsWithSystem,
>;

/// Types of blocks whose transactions are bytes, for parts of the node that work with any runtime.
pub mod opaque {
	use super::{BlakeTwo256, BlockNumber, generic};

	pub use sp_runtime::OpaqueExtrinsic as UncheckedExtrinsic;

	/// A block's header.
	pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
	/// A block of opaque transactions.
	pub type Block = generic::Block<Header, UncheckedExtrinsic>;
}

impl_opaque_keys! {
	/// The keys of a collator's session.
	pub struct SessionKeys {
		/// Signs the collator's blocks.
		pub aura: Aura,
	}
}

/// The version, for a `spec_version` in literal digits, as the attribute wants it.
macro_rules! version {
	($spec_version:tt) => {
		/// The runtime's version. The last digit of `spec_version` tells the arithmetic that validators use (0:
		/// portable, 1: RFC-163), so that going over to RFC-163 is an upgrade like any other; the digits before it
		/// change with every release whose execution differs. `transaction_version` changes when calls change
		/// their encoding.
		#[sp_version::runtime_version]
		pub const VERSION: RuntimeVersion = RuntimeVersion {
			spec_name: Cow::Borrowed("nil"),
			impl_name: Cow::Borrowed("nil"),
			authoring_version: 1,
			spec_version: $spec_version,
			impl_version: 0,
			apis: apis::RUNTIME_API_VERSIONS,
			transaction_version: 1,
			system_version: 1,
		};
	};
}

#[cfg(not(feature = "rfc163"))]
version!(10);
#[cfg(feature = "rfc163")]
version!(11);

/// One token, NIL, in its smallest units.
pub const UNIT: Balance = 1_000_000_000_000;
/// A thousandth of a token.
pub const MILLIUNIT: Balance = UNIT / 1_000;
/// A millionth of a token.
pub const MICROUNIT: Balance = UNIT / 1_000_000;
/// The smallest balance that an account may hold.
pub const EXISTENTIAL_DEPOSIT: Balance = MILLIUNIT;

/// Length of this chain's slots.
pub const SLOT_DURATION_MILLIS: u64 = 6_000;
/// Length of the relay chain's slots.
pub const RELAY_SLOT_DURATION_MILLIS: u32 = 6_000;
/// Slots in a minute: blocks of the relay chain, and of this chain on one core.
pub const MINUTES: BlockNumber = 60_000 / SLOT_DURATION_MILLIS as BlockNumber;
/// Slots in an hour.
pub const HOURS: BlockNumber = 60 * MINUTES;
/// Slots in a day.
pub const DAYS: BlockNumber = 24 * HOURS;

/// Number of this parachain on its relay chain, unless a chain specification says otherwise.
pub const DEFAULT_PARA_ID: u32 = 2_000;
/// The address format: accounts read as on any Substrate chain without one of its own.
pub const SS58_PREFIX: u16 = 42;

/// Time and proof size that a block may take: two seconds, and what the relay chain accepts.
const MAXIMUM_BLOCK_WEIGHT: Weight = Weight::from_parts(
	WEIGHT_REF_TIME_PER_SECOND.saturating_mul(2),
	cumulus_primitives_core::relay_chain::MAX_POV_SIZE as u64,
);
/// What user transactions may take of a block; the rest is for operational ones.
const NORMAL_DISPATCH_RATIO: Perbill = Perbill::from_percent(75);
/// What hooks are expected to take of a block at most.
const AVERAGE_ON_INITIALIZE_RATIO: Perbill = Perbill::from_percent(5);

/// Blocks for each relay chain block, one for each core that the chain has there: three fill a relay block's time, at two
/// seconds each.
const BLOCK_PROCESSING_VELOCITY: u32 = 3;
/// How many blocks behind the newest one the relay parent is.
///
/// The SDK's guide has 1, so that a fork of the relay chain costs nothing. But a block is then included two relay blocks
/// later, and the end of a session costs three instead of one; without an offset a fork costs one block for each core, whose
/// transactions go into the next one. Measured in `benches/results/2026-11-23-relay-chain.md`.
pub const RELAY_PARENT_OFFSET: u32 = 0;
/// Blocks that may wait for their inclusion in the relay chain: those of three relay blocks, the time from being built to
/// the inclusion, and of the offset.
const UNINCLUDED_SEGMENT_CAPACITY: u32 = (3 + RELAY_PARENT_OFFSET) * BLOCK_PROCESSING_VELOCITY;

/// Keeps blocks in step with the relay chain.
pub type ConsensusHook = cumulus_pallet_aura_ext::FixedVelocityConsensusHook<
	Runtime,
	RELAY_SLOT_DURATION_MILLIS,
	BLOCK_PROCESSING_VELOCITY,
	UNINCLUDED_SEGMENT_CAPACITY,
>;

#[frame_support::runtime]
mod runtime {
	/// The runtime.
	#[runtime::runtime]
	#[runtime::derive(
		RuntimeCall,
		RuntimeEvent,
		RuntimeError,
		RuntimeOrigin,
		RuntimeFreezeReason,
		RuntimeHoldReason,
		RuntimeSlashReason,
		RuntimeLockId,
		RuntimeTask,
		RuntimeViewFunction
	)]
	pub struct Runtime;

	#[runtime::pallet_index(0)]
	pub type System = frame_system;
	#[runtime::pallet_index(1)]
	pub type ParachainSystem = cumulus_pallet_parachain_system;
	#[runtime::pallet_index(2)]
	pub type Timestamp = pallet_timestamp;
	#[runtime::pallet_index(3)]
	pub type ParachainInfo = staging_parachain_info;
	#[runtime::pallet_index(4)]
	pub type WeightReclaim = cumulus_pallet_weight_reclaim;
	#[runtime::pallet_index(5)]
	pub type Utility = pallet_utility;
	#[runtime::pallet_index(6)]
	pub type MultiBlockMigrations = pallet_migrations;

	#[runtime::pallet_index(10)]
	pub type Balances = pallet_balances;
	#[runtime::pallet_index(11)]
	pub type TransactionPayment = pallet_transaction_payment;

	#[runtime::pallet_index(15)]
	pub type Sudo = pallet_sudo;

	// Collators. Session changes must see the candidates of the block that ends, so the order matters.
	#[runtime::pallet_index(20)]
	pub type Authorship = pallet_authorship;
	#[runtime::pallet_index(21)]
	pub type CollatorSelection = pallet_collator_selection;
	#[runtime::pallet_index(22)]
	pub type Session = pallet_session;
	#[runtime::pallet_index(23)]
	pub type Aura = pallet_aura;
	#[runtime::pallet_index(24)]
	pub type AuraExt = cumulus_pallet_aura_ext;

	// Other chains.
	#[runtime::pallet_index(30)]
	pub type XcmpQueue = cumulus_pallet_xcmp_queue;
	#[runtime::pallet_index(31)]
	pub type PolkadotXcm = pallet_xcm;
	#[runtime::pallet_index(32)]
	pub type CumulusXcm = cumulus_pallet_xcm;
	#[runtime::pallet_index(33)]
	pub type MessageQueue = pallet_message_queue;

	// Storage.
	#[runtime::pallet_index(40)]
	pub type Beacon = pallet_beacon;
	#[runtime::pallet_index(41)]
	pub type Providers = pallet_providers;
	#[runtime::pallet_index(42)]
	pub type Deals = pallet_deals;
	#[runtime::pallet_index(43)]
	pub type Mode2 = pallet_mode2;
	#[runtime::pallet_index(44)]
	pub type Liveness = pallet_liveness;

	// Governance.
	#[runtime::pallet_index(50)]
	pub type Preimage = pallet_preimage;
	#[runtime::pallet_index(51)]
	pub type Scheduler = pallet_scheduler;
	#[runtime::pallet_index(52)]
	pub type ConvictionVoting = pallet_conviction_voting;
	#[runtime::pallet_index(53)]
	pub type Referenda = pallet_referenda;
	#[runtime::pallet_index(54)]
	pub type Origins = pallet_custom_origins;
	#[runtime::pallet_index(55)]
	pub type Whitelist = pallet_whitelist;
	#[runtime::pallet_index(56)]
	pub type TechnicalCommittee = pallet_collective<Instance1>;
	#[runtime::pallet_index(57)]
	pub type SafeMode = pallet_safe_mode;
	#[runtime::pallet_index(58)]
	pub type TxPause = pallet_tx_pause;
}

cumulus_pallet_parachain_system::register_validate_block! {
	Runtime = Runtime,
	BlockExecutor = executor::InRuntimeArithmetic::<
		cumulus_pallet_aura_ext::BlockExecutor::<Runtime, Executive>
	>,
}
