//! Messages between chains: how they come in, wait for their turn, and go out. What those that come in may do is said in
//! [`super::xcm`].
//!
//! The parachain system takes messages out of a block's inherent: those of the relay chain go straight into the queues of
//! `MessageQueue`, those of siblings by way of `XcmpQueue`, which also tells siblings to pause. Every chain has a queue of
//! its own there, and the queues are served in turn, at the end of the block that brings a message or at the start of one
//! after it. Slots are drawn right after the inherent that brings their randomness, so a message can answer to it as little
//! as a transaction can.

use super::{money::TransactionByteFee, system::RuntimeBlockWeights, xcm::TransactOrigin};
use crate::{
	AccountId, Balance, MILLIUNIT, MessageQueue, ParachainSystem, PolkadotXcm, Runtime,
	RuntimeEvent, SafeMode, XcmpQueue,
};
use core::marker::PhantomData;
use cumulus_primitives_core::{AggregateMessageOrigin, ParaId};
use frame_support::{
	parameter_types,
	traits::{ConstU32, QueueFootprint, QueuePausedQuery, TransformOrigin},
	weights::Weight,
};
use frame_system::EnsureRoot;
use pallet_message_queue::OnQueueChanged;
use polkadot_runtime_common::xcm_sender::ExponentialPrice;
use sp_runtime::{Perbill, traits::Convert};
use staging_xcm::latest::{AssetId, Location};

parameter_types! {
	/// Whose queue downward messages go into.
	pub const RelayOrigin: AggregateMessageOrigin = AggregateMessageOrigin::Parent;
	/// What messages may take of a block before its transactions, and so the most that one message may weigh. It is the
	/// quarter that user transactions do not get anyhow, so messages leave them their room.
	pub MessageServiceWeight: Weight =
		Perbill::from_percent(25) * RuntimeBlockWeights::get().max_block;
}

/// A sibling's queue.
#[derive(Debug)]
pub struct QueueOf;

impl Convert<ParaId, AggregateMessageOrigin> for QueueOf {
	fn convert(sibling: ParaId) -> AggregateMessageOrigin {
		AggregateMessageOrigin::Sibling(sibling)
	}
}

/// Lets every queue wait while the chain is in safe mode: messages move tokens without a call that it could refuse.
#[derive(Debug)]
pub struct WhileInSafeMode;

impl QueuePausedQuery<AggregateMessageOrigin> for WhileInSafeMode {
	fn is_paused(_: &AggregateMessageOrigin) -> bool {
		SafeMode::is_entered()
	}
}

/// What `Inner` does for the queues of siblings; for it the relay chain's queue is never paused, and nobody hears of it.
#[derive(Debug)]
pub struct ForSiblings<Inner>(PhantomData<Inner>);

impl<Inner: QueuePausedQuery<ParaId>> QueuePausedQuery<AggregateMessageOrigin>
	for ForSiblings<Inner>
{
	fn is_paused(queue: &AggregateMessageOrigin) -> bool {
		match queue {
			AggregateMessageOrigin::Sibling(sibling) => Inner::is_paused(sibling),
			_ => false,
		}
	}
}

impl<Inner: OnQueueChanged<ParaId>> OnQueueChanged<AggregateMessageOrigin> for ForSiblings<Inner> {
	fn on_queue_changed(queue: AggregateMessageOrigin, footprint: QueueFootprint) {
		if let AggregateMessageOrigin::Sibling(sibling) = queue {
			Inner::on_queue_changed(sibling, footprint);
		}
	}
}

impl pallet_message_queue::Config for Runtime {
	/// Longer messages are dropped. The relay chains that there are pass down at most 51,200 bytes.
	type HeapSize = ConstU32<{ 64 * 1024 }>;
	/// What transactions have left of a block is used for the messages that came with it.
	type IdleMaxServiceWeight = MessageServiceWeight;
	type MaxStale = ConstU32<8>;
	#[cfg(not(feature = "runtime-benchmarks"))]
	type MessageProcessor = staging_xcm_builder::ProcessXcmMessage<
		AggregateMessageOrigin,
		super::xcm::Executor,
		crate::RuntimeCall,
	>;
	/// The pallet's benchmarks want to measure the queues alone.
	#[cfg(feature = "runtime-benchmarks")]
	type MessageProcessor =
		pallet_message_queue::mock_helpers::NoopMessageProcessor<AggregateMessageOrigin>;
	type QueueChangeHandler = ForSiblings<XcmpQueue>;
	type QueuePausedQuery = (ForSiblings<XcmpQueue>, WhileInSafeMode);
	type RuntimeEvent = RuntimeEvent;
	/// At the start of a block, before its transactions, so that a full chain still serves messages.
	type ServiceWeight = MessageServiceWeight;
	type Size = u32;
	type WeightInfo = pallet_message_queue::weights::SubstrateWeight<Self>;
}

parameter_types! {
	/// What delivery is paid in: the native token.
	pub const DeliveryAsset: AssetId = AssetId(Location::here());
	/// What delivering a message costs at least, beside its bytes.
	pub const BaseDeliveryFee: Balance = MILLIUNIT;
}

/// The price of delivery: rises while messages pile up behind `Tracker`, so that nobody can fill a queue cheaply.
type DeliveryPrice<Tracker> =
	ExponentialPrice<DeliveryAsset, BaseDeliveryFee, TransactionByteFee, Tracker>;

/// Takes messages to where they go: the relay chain, or a sibling to which there is a channel.
pub type Router = (
	cumulus_primitives_utility::ParentAsUmp<
		ParachainSystem,
		PolkadotXcm,
		DeliveryPrice<ParachainSystem>,
	>,
	XcmpQueue,
);

impl cumulus_pallet_xcmp_queue::Config for Runtime {
	type ChannelInfo = ParachainSystem;
	type ControllerOrigin = EnsureRoot<AccountId>;
	type ControllerOriginConverter = TransactOrigin;
	type MaxActiveOutboundChannels = ConstU32<128>;
	type MaxInboundSuspended = ConstU32<1_000>;
	/// More than the relay chains that there are let a channel's messages have, 102,400 bytes.
	type MaxPageSize = ConstU32<{ 103 * 1024 }>;
	type PriceForSiblingDelivery = DeliveryPrice<XcmpQueue>;
	type RuntimeEvent = RuntimeEvent;
	type VersionWrapper = PolkadotXcm;
	type WeightInfo = cumulus_pallet_xcmp_queue::weights::SubstrateWeight<Self>;
	type XcmpQueue = TransformOrigin<MessageQueue, AggregateMessageOrigin, ParaId, QueueOf>;
}
