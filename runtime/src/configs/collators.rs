//! Who makes blocks.

use crate::{
	AccountId, Aura, AuraId, Balances, CollatorSelection, HOURS, Runtime, RuntimeEvent,
	SLOT_DURATION_MILLIS, Session, SessionKeys,
};
use frame_support::{
	PalletId, parameter_types,
	traits::{ConstBool, ConstU32, ConstU64, ConstU128},
};
use frame_system::EnsureRoot;

parameter_types! {
	/// Blocks of a session; collators change at its end.
	pub const Period: u32 = 6 * HOURS;
	/// The first session begins with the chain.
	pub const Offset: u32 = 0;
	/// The account that collects fees for collators.
	pub const PotId: PalletId = PalletId(*b"PotStake");
	/// The account of [`PotId`].
	pub CollatorPot: AccountId = CollatorSelection::account_id();
}

impl pallet_authorship::Config for Runtime {
	type EventHandler = (CollatorSelection,);
	type FindAuthor = pallet_session::FindAccountFromAuthorIndex<Self, Aura>;
}

impl pallet_session::Config for Runtime {
	type Currency = Balances;
	type DisablingStrategy = ();
	type KeyDeposit = ConstU128<0>;
	type Keys = SessionKeys;
	type NextSessionRotation = pallet_session::PeriodicSessions<Period, Offset>;
	type RuntimeEvent = RuntimeEvent;
	type SessionHandler = <SessionKeys as sp_runtime::traits::OpaqueKeys>::KeyTypeIdProviders;
	type SessionManager = CollatorSelection;
	type ShouldEndSession = pallet_session::PeriodicSessions<Period, Offset>;
	type ValidatorId = AccountId;
	type ValidatorIdOf = pallet_collator_selection::IdentityCollator;
	type WeightInfo = pallet_session::weights::SubstrateWeight<Self>;
}

impl pallet_aura::Config for Runtime {
	type AllowMultipleBlocksPerSlot = ConstBool<true>;
	type AuthorityId = AuraId;
	type DisabledValidators = ();
	type MaxAuthorities = ConstU32<100_000>;
	type SlotDuration = ConstU64<SLOT_DURATION_MILLIS>;
}

impl cumulus_pallet_aura_ext::Config for Runtime {}

impl pallet_collator_selection::Config for Runtime {
	type Currency = Balances;
	type KickThreshold = Period;
	type MaxCandidates = ConstU32<100>;
	type MaxInvulnerables = ConstU32<20>;
	type MinEligibleCollators = ConstU32<1>;
	type PotId = PotId;
	type RuntimeEvent = RuntimeEvent;
	type UpdateOrigin = EnsureRoot<AccountId>;
	type ValidatorId = AccountId;
	type ValidatorIdOf = pallet_collator_selection::IdentityCollator;
	type ValidatorRegistration = Session;
	type WeightInfo = pallet_collator_selection::weights::SubstrateWeight<Self>;
}
