//! XCM: who other chains are here, and what their messages may do.
//!
//! * *Accounts.* Every chain, and everybody on it, has an account here ([`LocationToAccountId`]) that holds the native
//!   token like any other. There is no other asset, and none is teleported or taken on trust.
//! * *Payment.* Messages pay for what they weigh, to the collators' pot, before they do anything. The relay chain need
//!   not, for whoever decides there decides about this chain anyhow; nor need what costs next to nothing: answers that
//!   this chain waits for, and neighbours that ask for its version.
//! * *Calls.* The account of another chain may own deals, and have somebody upload to them; it may call nothing else
//!   ([`RemoteCalls`]).

use super::{collators::CollatorPot, messages::Router, money::WeightToFee};
use crate::{
	AccountId, AllPalletsWithSystem, Balances, ParachainInfo, PolkadotXcm, Runtime, RuntimeCall,
	RuntimeEvent, RuntimeOrigin, weights,
};
use frame_support::{
	parameter_types,
	traits::{
		ConstU32, Contains, Disabled, Equals, Everything, Nothing, tokens::imbalance::ResolveTo,
	},
	weights::Weight,
};
use frame_system::EnsureRoot;
use pallet_xcm::XcmPassthrough;
use polkadot_parachain_primitives::primitives::Sibling;
use staging_xcm::latest::{InteriorLocation, Junction, Location, NetworkId};
use staging_xcm_builder::{
	AccountId32Aliases, AllowExplicitUnpaidExecutionFrom, AllowKnownQueryResponses,
	AllowSubscriptionsFrom, AllowTopLevelPaidExecutionFrom, DenyRecursively,
	DenyReserveTransferToRelayChain, DenyThenTry, DescribeAllTerminal, DescribeFamily,
	EnsureXcmOrigin, FixedWeightBounds, FrameTransactionalProcessor, FungibleAdapter,
	HashedDescription, IsConcrete, ParentIsPreset, RelayChainAsNative, SendXcmFeeToAccount,
	SiblingParachainAsNative, SiblingParachainConvertsVia, SignedAccountId32AsNative,
	SignedToAccountId32, SovereignSignedViaLocation, TakeWeightCredit, TrailingSetTopicAsId,
	UsingComponents, WithComputedOrigin, WithUniqueTopic, XcmFeeManagerFromComponents,
};
use staging_xcm_executor::XcmExecutor;

parameter_types! {
	/// This chain, and its token.
	pub const HereLocation: Location = Location::here();
	/// The relay chain.
	pub const RelayLocation: Location = Location::parent();
	/// The relay chain's place among all consensus systems. This runtime runs under any relay chain; one that is built for a
	/// public network names it here, before it opens its first channel.
	pub const RelayNetwork: Option<NetworkId> = None;
	/// What the relay chain is to calls.
	pub RelayChainOrigin: RuntimeOrigin = cumulus_pallet_xcm::Origin::Relay.into();
	/// Where this chain is, as far as [`RelayNetwork`] tells.
	pub UniversalLocation: InteriorLocation = universal_location();
	/// The account that fees for delivery go to, as for weight.
	pub CollatorPotLocation: Location = CollatorPot::get().into();
	/// What an instruction weighs, whichever it is; the call in a `Transact` comes on top.
	pub const InstructionWeight: Weight = weights::XCM_INSTRUCTION;
	/// Instructions of a message, nested ones included.
	pub const MaxInstructions: u32 = 100;
}

fn universal_location() -> InteriorLocation {
	let here = Junction::Parachain(ParachainInfo::parachain_id().into());
	match RelayNetwork::get() {
		Some(relay) => [Junction::GlobalConsensus(relay), here].into(),
		None => here.into(),
	}
}

/// The accounts of locations. What they hold depends on this never changing.
pub type LocationToAccountId = (
	// The relay chain.
	ParentIsPreset<AccountId>,
	// Its other parachains.
	SiblingParachainConvertsVia<Sibling, AccountId>,
	// Accounts of this chain.
	AccountId32Aliases<RelayNetwork, AccountId>,
	// Accounts, pallets and bodies of those other chains: a hash of where they are.
	HashedDescription<AccountId, DescribeFamily<DescribeAllTerminal>>,
);

/// Moves the native token, the only asset there is.
pub type AssetTransactor =
	FungibleAdapter<Balances, IsConcrete<HereLocation>, LocationToAccountId, AccountId, ()>;

/// The origins of calls in messages. None of them is root.
pub type TransactOrigin = (
	SovereignSignedViaLocation<LocationToAccountId, RuntimeOrigin>,
	RelayChainAsNative<RelayChainOrigin, RuntimeOrigin>,
	SiblingParachainAsNative<cumulus_pallet_xcm::Origin, RuntimeOrigin>,
	SignedAccountId32AsNative<RelayNetwork, RuntimeOrigin>,
	XcmPassthrough<RuntimeOrigin>,
);

/// The calls that messages may make: those with which a chain, or somebody on it, owns deals here.
///
/// Messages are served by hooks. A call that panics there, or whose host function a node lacks, does not invalidate a
/// transaction but every block: the chain would stand still. So what computes on curves stays with transactions. An owner
/// that is not on this chain authorises an uploader that is.
#[derive(Debug)]
pub struct RemoteCalls;

impl Contains<RuntimeCall> for RemoteCalls {
	fn contains(call: &RuntimeCall) -> bool {
		use pallet_deals::Call;
		matches!(
			call,
			RuntimeCall::Deals(
				Call::create_deal { .. }
					| Call::top_up { .. }
					| Call::extend_deal { .. }
					| Call::cancel_deal { .. }
					| Call::authorize_uploader { .. }
					| Call::revoke_uploader { .. }
			)
		)
	}
}

/// The relay chain and its other parachains; not who is on them.
#[derive(Debug)]
pub struct Neighbours;

impl Contains<Location> for Neighbours {
	fn contains(location: &Location) -> bool {
		matches!(location.unpack(), (1, [] | [Junction::Parachain(_)]))
	}
}

/// Which messages are executed.
pub type Barrier = TrailingSetTopicAsId<
	DenyThenTry<
		// What arrives there as a reserve is out of everybody's reach.
		DenyRecursively<DenyReserveTransferToRelayChain>,
		(
			// What transactions of this chain execute, their fee has paid.
			TakeWeightCredit,
			AllowKnownQueryResponses<PolkadotXcm>,
			// By whom a message is in the end, if a chain passes it on for somebody on it.
			WithComputedOrigin<
				(
					AllowTopLevelPaidExecutionFrom<Everything>,
					AllowExplicitUnpaidExecutionFrom<Equals<RelayLocation>>,
					AllowSubscriptionsFrom<Neighbours>,
				),
				UniversalLocation,
				ConstU32<8>,
			>,
		),
	>,
>;

/// How messages are executed.
#[derive(Debug)]
pub struct XcmConfig;

/// Executes messages.
pub type Executor = XcmExecutor<XcmConfig>;

/// Weighs messages.
pub type Weigher = FixedWeightBounds<InstructionWeight, RuntimeCall, MaxInstructions>;

/// Sells weight.
pub type Trader = UsingComponents<
	WeightToFee,
	HereLocation,
	AccountId,
	Balances,
	ResolveTo<CollatorPot, Balances>,
>;

/// Sends messages.
pub type XcmRouter = WithUniqueTopic<Router>;

impl staging_xcm_executor::Config for XcmConfig {
	type Aliasers = Nothing;
	type AssetExchanger = ();
	type AssetLocker = ();
	type AssetTransactor = AssetTransactor;
	type AssetTrap = PolkadotXcm;
	type Barrier = Barrier;
	type CallDispatcher = RuntimeCall;
	/// This chain itself, through root, pays nobody.
	type FeeManager = XcmFeeManagerFromComponents<
		Equals<HereLocation>,
		SendXcmFeeToAccount<AssetTransactor, CollatorPotLocation>,
	>;
	type HrmpChannelAcceptedHandler = ();
	type HrmpChannelClosingHandler = ();
	type HrmpNewChannelOpenRequestHandler = ();
	/// Nobody: assets of other chains have no place here.
	type IsReserve = ();
	/// Nobody.
	type IsTeleporter = ();
	type MaxAssetsIntoHolding = ConstU32<64>;
	type MessageExporter = ();
	type OriginConverter = TransactOrigin;
	type PalletInstancesInfo = AllPalletsWithSystem;
	type ResponseHandler = PolkadotXcm;
	type RuntimeCall = RuntimeCall;
	type SafeCallFilter = RemoteCalls;
	type SubscriptionService = PolkadotXcm;
	type Trader = Trader;
	type TransactionalProcessor = FrameTransactionalProcessor;
	type UniversalAliases = Nothing;
	type UniversalLocation = UniversalLocation;
	type Weigher = Weigher;
	type XcmEventEmitter = PolkadotXcm;
	type XcmRecorder = PolkadotXcm;
	type XcmSender = XcmRouter;
}

/// Who an account of this chain is in the messages that it sends.
type LocalOrigin =
	EnsureXcmOrigin<RuntimeOrigin, SignedToAccountId32<RuntimeOrigin, AccountId, RelayNetwork>>;

impl pallet_xcm::Config for Runtime {
	type AdminOrigin = EnsureRoot<AccountId>;
	type AdvertisedXcmVersion = pallet_xcm::CurrentXcmVersion;
	/// Without aliases, nobody need authorise them.
	type AuthorizedAliasConsideration = Disabled;
	type Currency = Balances;
	type CurrencyMatcher = ();
	type ExecuteXcmOrigin = LocalOrigin;
	type MaxLockers = ConstU32<8>;
	type MaxRemoteLockConsumers = ConstU32<0>;
	type RemoteLockConsumerIdentifier = ();
	type RuntimeCall = RuntimeCall;
	type RuntimeEvent = RuntimeEvent;
	type RuntimeOrigin = RuntimeOrigin;
	type SendXcmOrigin = LocalOrigin;
	type SovereignAccountOf = LocationToAccountId;
	type TrustedLockers = ();
	type UniversalLocation = UniversalLocation;
	type Weigher = Weigher;
	type WeightInfo = weights::XcmWeight;
	/// Whoever is on this chain calls its pallets: there is nothing to gain from programs.
	type XcmExecuteFilter = Nothing;
	type XcmExecutor = Executor;
	/// No token leaves the chain before some chain is known to take it.
	type XcmReserveTransferFilter = Nothing;
	type XcmRouter = XcmRouter;
	type XcmTeleportFilter = Nothing;

	const VERSION_DISCOVERY_QUEUE_SIZE: u32 = 100;
}

impl cumulus_pallet_xcm::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type XcmExecutor = Executor;
}
