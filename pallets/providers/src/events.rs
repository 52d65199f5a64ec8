//! What the pallet tells: a section of the pallet's module, which imports it.

use frame_support::pallet_macros::pallet_section;

/// The events. Names in it are those of the pallet's module.
#[pallet_section]
mod events {
	/// What happened.
	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A provider was registered; it is active.
		#[codec(index = 0)]
		Registered {
			/// Its identity.
			operator: T::AccountId,
			/// Its key for receipts.
			service_key: ServiceKey,
			/// Its addresses.
			multiaddrs: Multiaddrs,
			/// Its class.
			capability: Capability,
			/// Its declared failure domain.
			domain: Domain,
			/// Bytes that it offers.
			capacity: u64,
			/// The lowest price that it takes.
			price_floor: Amount,
			/// Its stake.
			stake: Amount,
		},
		/// A provider changed what is given here. A changed domain is no longer attested.
		#[codec(index = 1)]
		Updated {
			/// The provider.
			operator: T::AccountId,
			/// Its addresses, when given.
			multiaddrs: Option<Multiaddrs>,
			/// Its class, when given.
			capability: Option<Capability>,
			/// Its declared failure domain, when given.
			domain: Option<Domain>,
			/// Bytes that it offers, when given.
			capacity: Option<u64>,
			/// The lowest price that it takes, when given.
			price_floor: Option<Amount>,
		},
		/// A service key was replaced; the old one stays answerable until `until`.
		#[codec(index = 2)]
		ServiceKeyRotated {
			/// The provider.
			operator: T::AccountId,
			/// The key of before.
			old: ServiceKey,
			/// The key from now on.
			new: ServiceKey,
			/// The first relay block at which the old one no longer counts.
			until: RelayBlock,
		},
		/// Stake was added.
		#[codec(index = 3)]
		StakeAdded {
			/// The provider.
			operator: T::AccountId,
			/// How much.
			amount: Amount,
			/// The stake after it.
			stake: Amount,
		},
		/// Stake was removed; it stays held until `until`.
		#[codec(index = 4)]
		StakeUnbonding {
			/// The provider.
			operator: T::AccountId,
			/// How much.
			amount: Amount,
			/// The stake after it.
			stake: Amount,
			/// The first relay block at which it may be withdrawn.
			until: RelayBlock,
		},
		/// Removed stake was released.
		#[codec(index = 5)]
		StakeWithdrawn {
			/// The provider.
			operator: T::AccountId,
			/// How much.
			amount: Amount,
		},
		/// A provider gets no new slots any more.
		#[codec(index = 6)]
		Draining {
			/// The provider.
			operator: T::AccountId,
		},
		/// A provider has left; all its stake unbonds.
		#[codec(index = 7)]
		Left {
			/// The provider.
			operator: T::AccountId,
		},
		/// A provider's record ended.
		#[codec(index = 8)]
		Removed {
			/// The provider.
			operator: T::AccountId,
		},
		/// A provider's failure domain was attested, or with `None` the attestation was revoked.
		#[codec(index = 9)]
		Attested {
			/// The provider.
			operator: T::AccountId,
			/// The domain.
			domain: Option<Domain>,
		},
		/// The parameters were set; candidates are re-weighed from now on.
		#[codec(index = 10)]
		ParamsSet {
			/// The parameters in force.
			params: Params,
		},
		/// All candidates have weights by the parameters in force.
		#[codec(index = 11)]
		Reweighed,
		/// What a provider stores changed.
		#[codec(index = 12)]
		UsageChanged {
			/// The provider.
			operator: T::AccountId,
			/// Slots that it holds now.
			slots: u32,
			/// Bytes that it stores now.
			used: u64,
		},
		/// Stake was taken from a provider. What the reporter did not get was burned.
		#[codec(index = 13)]
		Slashed {
			/// The provider.
			operator: T::AccountId,
			/// How much: of the stake, and of what was unbonding, the oldest first, as far as that was not enough.
			taken: Amount,
			/// Who reported it. `None` when the chain found it itself.
			reporter: Option<T::AccountId>,
			/// What the reporter got of it.
			bounty: Amount,
			/// The stake after it.
			stake: Amount,
		},
		/// A provider gets no new slots until it is pardoned.
		#[codec(index = 14)]
		Jailed {
			/// The provider.
			operator: T::AccountId,
		},
		/// A jailed provider is active again.
		#[codec(index = 15)]
		Pardoned {
			/// The provider.
			operator: T::AccountId,
		},
	}
}
