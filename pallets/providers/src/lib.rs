//! # Providers pallet
//!
//! Registers storage providers, holds their stake, and draws them for slots by a weight that follows from it.
//!
//! ## Terms
//!
//! * *Operator*: the account that registers, holds the stake and is the provider's identity.
//! * *Service key*: an sr25519 key that signs receipts. No two providers share one, replaced keys included.
//! * *Class*: a capability, Archive, General or Edge. Hot deals draw from Edge and General, cold ones from Archive and
//!   General.
//! * *Domain*: what may fail together, say an ASN or a region. A provider declares a name; [`Config::AttestOrigin`]
//!   may attest that it is true. Each attested name is a domain, and all providers without an attestation share one.
//! * *Candidate*: an active provider. Draining and jailed providers get no new slots.
//!
//! ## Who calls what
//!
//! * An operator calls [`register`](Call::register), [`update`](Call::update),
//!   [`rotate_service_key`](Call::rotate_service_key), [`add_stake`](Call::add_stake),
//!   [`remove_stake`](Call::remove_stake) and [`withdraw_stake`](Call::withdraw_stake); to go,
//!   [`drain`](Call::drain), then, without slots, [`leave`](Call::leave), and when the evidence window is over
//!   [`withdraw_stake`](Call::withdraw_stake), which ends the record.
//! * [`Config::AttestOrigin`] calls [`attest`](Call::attest), [`Config::AdminOrigin`] calls
//!   [`set_params`](Call::set_params) and [`pardon`](Call::pardon).
//! * Other pallets draw and book through [`nil_types::traits::ProviderRegistry`], and punish through
//!   [`nil_types::traits::Slashing`].
//!
//! ## Stake
//!
//! Stake is a hold on the operator's balance for [`HoldReason::Stake`]. With the [`Params`] in force:
//!
//! ```text
//! required = min_stake + ceil(stake_per_gib * used / 2^30)
//! backed   = (stake - min_stake) * 2^30 / stake_per_gib        (bytes)
//! free     = min(capacity, backed) - used                      (bytes)
//! weight   = free / 2^20 while active, else 0                  (MiB)
//! ```
//!
//! Stake that is removed unbonds: it backs nothing any more but stays held, and so answerable for what was done before,
//! until [`Config::EvidenceWindow`] relay blocks have passed. Replaced service keys stay answerable as long. Both lists
//! are bounded. When the parameters rise, nobody is forced to add stake; a provider with too little gets no new bytes.
//!
//! A slash takes what it may of the stake, and, as far as that is not enough, of what unbonds. The share of who reported it
//! is bounded by [`MAX_REPORTER_SHARE`], so at least half is burned. What unbonds is taken only while it is answerable. A *jailed*
//! provider is no candidate until it is pardoned. Its slots are taken from it, also of one that was draining, and it cannot drain
//! instead, which would let it be paid until others have them. It may leave when it has none.
//!
//! ## Draws
//!
//! Each class has a dense list of its candidates (a candidate that goes is replaced by the last one) and a tree with
//! 16 children per node and a fixed depth of four over their weights, so 65,536 candidates per class. A draw of `count`
//! picks operators one after another, without replacement, each with a probability of its weight over that of all who
//! are eligible then. It reads `u = uniform(0..total)` and descends from the roots of the allowed classes. Whoever is
//! found and must not be picked is taken out and another descent is made, in memory: that is the same distribution as
//! if the eligible ones alone had been in the tree. Not eligible is
//!
//! * who has been picked, whose price floor is above the price, or whose free space the parameters in force no longer
//!   back;
//! * who is in the domain of one that has been picked, as long as the candidates in other domains hold at least half of
//!   the eligible weight (all candidates of the classes, less those found to be too dear). Else domains may repeat.
//!
//! While fewer than [`Params::diversity_threshold`] providers are active, domains do not count (bootstrap mode).
//!
//! Random numbers are `u = H("nil/draw/v1" ‖ seed ‖ counter) mod total`, with the first 16 bytes of the digest as a
//! little-endian integer, the counter a little-endian `u32` counting from 0, and numbers in the last incomplete run of
//! `total` rejected, so there is no bias. A draw gives up after `4 * count + 64` descents. Domains alone refuse at most
//! every second descent on average, so that bound is met only when most of the weight is too dear; the draw then finds
//! too few, and another seed may find enough.
//!
//! ## When parameters change
//!
//! [`set_params`](Call::set_params) takes values up to the pallet's constants and starts a sweep: `on_idle` re-weighs a bounded number of candidates per block. Until
//! it is through, draws use some weights of before; what a candidate may *store* is always checked by the parameters in
//! force.
//!
//! ## Limits
//!
//! A service key is registered without proof of possession: somebody who sees a registration may take its key first, at
//! the price of a stake, and the operator then registers another key. Receipts bind slot and deal, so a key that one
//! does not own is of no use.
//!
//! A draw decides by the registry as it is when the draw is made. Whoever makes draws should make them as soon as their
//! randomness is recorded, before the transactions of that block: who knows the randomness could otherwise change the
//! outcome by changing a weight.
//!
//! The invariants stand, in words, in `try_state.rs`.
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub use draw::{DRAW_TAG, Draw, max_descents};
pub use pallet::*;
pub use slashing::MAX_REPORTER_SHARE;
pub use tree::Node;
pub use types::{
	Domain, DomainKey, Ledger, Multiaddr, Multiaddrs, Params, Profile, RetiredKey, Sweep, Unbonding,
};
pub use weights::WeightInfo;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod candidates;
mod draw;
mod events;
mod impls;
#[cfg(test)]
mod mock;
mod registry;
mod slashing;
#[cfg(test)]
mod tests;
mod tree;
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod try_state;
mod types;
pub mod weights;

use frame_support::pallet_macros::import_section;

#[import_section(events::events)]
#[frame_support::pallet]
#[allow(missing_docs, missing_debug_implementations, reason = "generated by the pallet macro")]
#[allow(clippy::too_many_arguments, reason = "the fields of a call are its arguments")]
pub mod pallet {
	use crate::{Domain, DomainKey, Ledger, Multiaddrs, Params, Profile, Sweep, WeightInfo, tree};
	use frame_support::{
		pallet_prelude::*,
		traits::fungible::{InspectHold, Mutate, MutateHold},
	};
	use frame_system::pallet_prelude::*;
	use nil_types::{
		Amount, Capability, RelayBlock, ServiceKey,
		traits::{DepartureHooks, RelayBeacon},
	};

	/// The version of the storage layout.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	/// The most bytes that a provider may offer: 1 EiB. Keeps sums of weights far inside 64 bits.
	pub const MAX_CAPACITY: u64 = 1 << 60;

	/// Why stake is held.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// Stake of a storage provider, unbonding stake included.
		#[codec(index = 0)]
		Stake,
	}

	/// The pallet.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// What the runtime decides.
	#[pallet::config]
	pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
		/// The runtime's reasons for holds.
		type RuntimeHoldReason: From<HoldReason>;

		/// The native token.
		type Currency: Mutate<Self::AccountId, Balance = Amount>
			+ InspectHold<Self::AccountId, Balance = Amount, Reason = Self::RuntimeHoldReason>
			+ MutateHold<Self::AccountId, Balance = Amount, Reason = Self::RuntimeHoldReason>;

		/// The relay chain's clock.
		type Beacon: RelayBeacon;

		/// Who gives the slots of providers that drain or are jailed to others.
		type Departures: DepartureHooks<Self::AccountId>;

		/// Sets the parameters.
		type AdminOrigin: EnsureOrigin<Self::RuntimeOrigin>;

		/// Attests failure domains.
		type AttestOrigin: EnsureOrigin<Self::RuntimeOrigin>;

		/// Relay blocks for which removed stake and replaced keys stay answerable.
		#[pallet::constant]
		type EvidenceWindow: Get<RelayBlock>;

		/// Removals of stake that may be on their way out at once; the last one is kept for leaving.
		#[pallet::constant]
		type MaxUnbonding: Get<u32>;

		/// Service keys that may be replaced within the evidence window.
		#[pallet::constant]
		type MaxRetiredKeys: Get<u32>;

		/// Highest [`Params::min_stake`] that may be set.
		#[pallet::constant]
		type MaxMinStake: Get<Amount>;

		/// Highest [`Params::stake_per_gib`] that may be set.
		#[pallet::constant]
		type MaxStakePerGib: Get<Amount>;

		/// Highest [`Params::diversity_threshold`] that may be set: above, failure domains would never count.
		#[pallet::constant]
		type MaxDiversityThreshold: Get<u32>;

		/// Weights of this pallet.
		type WeightInfo: WeightInfo;
	}

	/// The profile type with the runtime's bounds.
	pub type ProfileOf<T> = Profile<<T as Config>::MaxRetiredKeys, <T as Config>::MaxUnbonding>;

	/// What the administrator decided.
	#[pallet::storage]
	pub type Parameters<T: Config> = StorageValue<_, Params, ValueQuery>;

	/// Providers by operator: stake, space and place in draws.
	#[pallet::storage]
	pub type Ledgers<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Ledger>;

	/// Providers by operator: addresses, keys and unbonding stake. The same key set as [`Ledgers`].
	#[pallet::storage]
	pub type Profiles<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, ProfileOf<T>>;

	/// Who answers for a service key, the replaced ones included.
	#[pallet::storage]
	pub type ServiceKeys<T: Config> =
		StorageMap<_, Blake2_128Concat, ServiceKey, T::AccountId, OptionQuery>;

	/// How many candidates each class has.
	#[pallet::storage]
	pub type CandidateCount<T: Config> = StorageMap<_, Twox64Concat, Capability, u32, ValueQuery>;

	/// The candidates of each class, by position `0..CandidateCount`.
	#[pallet::storage]
	pub type Candidates<T: Config> =
		StorageDoubleMap<_, Twox64Concat, Capability, Twox64Concat, u32, T::AccountId, OptionQuery>;

	/// Weight trees: by class, level (0 holds the candidates' own weights) and index of the node in its level.
	#[pallet::storage]
	pub type Nodes<T: Config> = StorageNMap<
		_,
		(NMapKey<Twox64Concat, Capability>, NMapKey<Twox64Concat, u8>, NMapKey<Twox64Concat, u32>),
		tree::Node,
		ValueQuery,
	>;

	/// The weight of all candidates of a class in a domain; no entry for 0.
	#[pallet::storage]
	pub type DomainWeights<T: Config> =
		StorageDoubleMap<_, Twox64Concat, Capability, Blake2_128Concat, DomainKey, u64, ValueQuery>;

	/// The re-weighing after a change of the parameters, while it goes on.
	#[pallet::storage]
	pub type Reweighing<T: Config> = StorageValue<_, Sweep, OptionQuery>;

	/// The parameters at the start.
	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// What the administrator would set.
		pub params: Params,
		#[serde(skip)]
		#[allow(missing_docs, reason = "carries the type parameter alone")]
		pub _config: core::marker::PhantomData<T>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			assert!(
				Pallet::<T>::within_bounds(&self.params),
				"parameters of providers at genesis are out of bounds: {:?}",
				self.params
			);
			Parameters::<T>::put(self.params);
		}
	}

	/// Why a call fails.
	#[pallet::error]
	pub enum Error<T> {
		/// The account is registered already.
		#[codec(index = 0)]
		AlreadyRegistered,
		/// The account is not registered.
		#[codec(index = 1)]
		NotRegistered,
		/// The provider has left.
		#[codec(index = 2)]
		HasLeft,
		/// The provider is not active.
		#[codec(index = 3)]
		NotActive,
		/// The provider is neither draining nor jailed.
		#[codec(index = 4)]
		NotDraining,
		/// The provider still holds slots or bytes.
		#[codec(index = 5)]
		StillInUse,
		/// Another provider, or this one, answers for that service key.
		#[codec(index = 6)]
		ServiceKeyInUse,
		/// No address is given.
		#[codec(index = 7)]
		NoMultiaddr,
		/// An address is not UTF-8 text that begins with `/`.
		#[codec(index = 8)]
		BadMultiaddr,
		/// The domain is not UTF-8 text.
		#[codec(index = 9)]
		BadDomain,
		/// The capacity is zero or above 1 EiB.
		#[codec(index = 10)]
		BadCapacity,
		/// The capacity is below what is used.
		#[codec(index = 11)]
		CapacityBelowUsed,
		/// The stake would be below what the minimum and the used bytes require.
		#[codec(index = 12)]
		StakeTooLow,
		/// The amount is zero.
		#[codec(index = 13)]
		ZeroAmount,
		/// Too many removals of stake are on their way out.
		#[codec(index = 14)]
		TooManyUnbonding,
		/// Nothing can be withdrawn yet.
		#[codec(index = 15)]
		NothingToWithdraw,
		/// Too many service keys were replaced within the evidence window.
		#[codec(index = 16)]
		TooManyRetiredKeys,
		/// The domain to attest is empty or not the one that the provider declares.
		#[codec(index = 17)]
		DomainMismatch,
		/// The class has as many candidates as its tree can weigh.
		#[codec(index = 18)]
		ClassFull,
		/// A parameter is outside its bounds.
		#[codec(index = 19)]
		ParamsOutOfBounds,
		/// The provider is not jailed.
		#[codec(index = 20)]
		NotJailed,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_idle(_: BlockNumberFor<T>, remaining: Weight) -> Weight {
			Self::sweep(remaining)
		}

		fn integrity_test() {
			Self::check_constants();
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Registers the caller as an active provider and holds its stake.
		///
		/// * `service_key`: the sr25519 key that will sign receipts; nobody else's.
		/// * `multiaddrs`: 1 to 8 addresses as multiaddr text.
		/// * `domain`: the failure domain's name as UTF-8 text, or nothing.
		/// * `capacity`: bytes offered, at most 1 EiB.
		/// * `price_floor`: the lowest storage price taken, per GiB and relay block.
		/// * `stake`: at least `min_stake`; what is above backs bytes.
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::register())]
		pub fn register(
			origin: OriginFor<T>,
			service_key: ServiceKey,
			multiaddrs: Multiaddrs,
			capability: Capability,
			domain: Domain,
			capacity: u64,
			price_floor: Amount,
			stake: Amount,
		) -> DispatchResult {
			let operator = ensure_signed(origin)?;
			let ledger = Ledger {
				stake,
				capacity,
				used: 0,
				slots: 0,
				price_floor,
				capability,
				domain,
				attested: false,
				status: nil_types::ProviderStatus::Active,
				position: None,
			};
			Self::do_register(operator, service_key, multiaddrs, ledger)
		}

		/// Changes what is given. A domain other than the declared one ends its attestation.
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::update())]
		pub fn update(
			origin: OriginFor<T>,
			multiaddrs: Option<Multiaddrs>,
			capability: Option<Capability>,
			domain: Option<Domain>,
			capacity: Option<u64>,
			price_floor: Option<Amount>,
		) -> DispatchResult {
			let operator = ensure_signed(origin)?;
			Self::do_update(operator, multiaddrs, capability, domain, capacity, price_floor)
		}

		/// Replaces the service key. The old one stays answerable for the evidence window.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::rotate_service_key())]
		pub fn rotate_service_key(origin: OriginFor<T>, new: ServiceKey) -> DispatchResult {
			let operator = ensure_signed(origin)?;
			Self::do_rotate_service_key(operator, new)
		}

		/// Holds `amount` more as stake.
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::add_stake())]
		pub fn add_stake(origin: OriginFor<T>, amount: Amount) -> DispatchResult {
			let operator = ensure_signed(origin)?;
			Self::do_add_stake(operator, amount)
		}

		/// Takes `amount` out of the stake, down to what the used bytes require. It stays held for the evidence window.
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::remove_stake())]
		pub fn remove_stake(origin: OriginFor<T>, amount: Amount) -> DispatchResult {
			let operator = ensure_signed(origin)?;
			Self::do_remove_stake(operator, amount)
		}

		/// Releases removed stake whose evidence window is over. With the last of a provider that left, the record
		/// ends.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::withdraw_stake())]
		pub fn withdraw_stake(origin: OriginFor<T>) -> DispatchResult {
			let operator = ensure_signed(origin)?;
			Self::do_withdraw_stake(operator)
		}

		/// Starts leaving: no new slots from now on, and those that it holds go to others, one after another. It stays
		/// responsible for each until then. A jailed provider loses its slots instead.
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::drain())]
		pub fn drain(origin: OriginFor<T>) -> DispatchResult {
			let operator = ensure_signed(origin)?;
			Self::do_drain(operator)
		}

		/// Completes leaving, when the provider is draining or jailed and holds no slot any more. All stake unbonds.
		#[pallet::call_index(7)]
		#[pallet::weight(T::WeightInfo::leave())]
		pub fn leave(origin: OriginFor<T>) -> DispatchResult {
			let operator = ensure_signed(origin)?;
			Self::do_leave(operator)
		}

		/// Attests that `provider` is in the failure domain that it declares, or with `None` revokes that.
		///
		/// The name is repeated so that a provider cannot have another one attested by changing it meanwhile.
		#[pallet::call_index(8)]
		#[pallet::weight(T::WeightInfo::attest())]
		pub fn attest(
			origin: OriginFor<T>,
			provider: T::AccountId,
			domain: Option<Domain>,
		) -> DispatchResult {
			T::AttestOrigin::ensure_origin(origin)?;
			Self::do_attest(provider, domain)
		}

		/// Sets the parameters, within the pallet's constants, and starts the re-weighing of all candidates.
		#[pallet::call_index(9)]
		#[pallet::weight(T::WeightInfo::set_params())]
		pub fn set_params(origin: OriginFor<T>, params: Params) -> DispatchResult {
			T::AdminOrigin::ensure_origin(origin)?;
			Self::do_set_params(params)
		}

		/// Lets a jailed provider get slots again.
		#[pallet::call_index(10)]
		#[pallet::weight(T::WeightInfo::register())]
		pub fn pardon(origin: OriginFor<T>, provider: T::AccountId) -> DispatchResult {
			T::AdminOrigin::ensure_origin(origin)?;
			Self::do_pardon(provider)
		}
	}
}
