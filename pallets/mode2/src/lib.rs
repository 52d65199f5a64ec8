//! # Mode 2: striped slots
//!
//! Draws the slots of every deal from randomness that did not exist when they were asked for, checks the receipts
//! that their providers sign, and gives slots and space back when a deal ends.
//!
//! ## Terms
//!
//! * **Stripe**: the `n = k + m` slots of a deal, in order; data slots first.
//! * **Slot**: a position in a stripe, held by one provider ([`SlotState`]). No provider holds two slots of a deal.
//! * **Request**: a deal's wish for slots, waiting for its *record*, the relay chain's randomness that decides it.
//! * **Receipt**: a slot provider's sr25519 signature, by its service key, over [`ReceiptMessage::signing_bytes`].
//! * **Relay block**: the unit of every duration and deadline, read from [`RelayBeacon::now`].
//!
//! ## Who calls what
//!
//! | what | by | when |
//! |---|---|---|
//! | [`place`](Call::place) | anyone | a request is due and the hooks have not served it |
//! | [`SlotManager::request`] | the deals | a deal is created |
//! | [`SlotManager::accept`], [`SlotManager::accept_late`] | the deals | content is committed, a receipt is added |
//! | [`SlotManager::raise`] | the deals | what is stored earns more |
//! | [`SlotManager::close`] | the deals | a deal ends |
//!
//! ## Placement
//!
//! ```text
//! draw_at = now + DrawDelay
//! record  = the first one of the beacon at a relay block >= draw_at
//! seed    = H("nil/place/v1" ‖ genesis ‖ deal ‖ attempts ‖ record's randomness ‖ record's relay block)
//! slots   = n distinct operators, drawn by the registry with that seed at the storage price of the moment
//! ```
//!
//! The seed is fixed by the request and by the relay chain alone: whoever serves it, and when, gets the same one.
//! What may still differ is the set of eligible providers, which is the one of the block that serves the request. The
//! queue is served by `on_poll`, after the inherent that brings the record and before any transaction, so that nobody
//! can register or withdraw providers knowing the record. Only when more requests are due than half a block can
//! serve do some wait for the next block, with transactions in between.
//!
//! * *Too few eligible*: the request stays, `attempts` grows (a new seed), and it is due again after
//!   [`Config::RetryDelay`]. A stripe never shrinks.
//! * *Record lost* (nobody served the request for so long that the beacon dropped the record): a new `draw_at`, from the
//!   present; `attempts` stays.
//!
//! The queue has two lanes, each in the order of `draw_at`, so that serving stops at the first request that is not due
//! and a request that cannot be placed holds nobody up. At most [`Config::MaxFresh`] requests wait in the first lane;
//! more are refused. At most [`Config::MaxRetrying`] wait in the second; those beyond are *parked*: still placeable, but
//! through [`place`](Call::place) only. `on_poll` serves the lanes in turn under its weight meter. A request that leaves
//! early is taken out at once and its ticket, found empty, is passed over.
//!
//! ## Receipts
//!
//! A receipt counts when its slot is held, `until` has not passed, the signature is the holder's over this chain,
//! deal, generation, slot, content and `until`, and no other receipt of the commit is for that slot. A commit needs `k + 1`.
//! Each signer is booked `bytes_per_slot` in the registry, which refuses beyond capacity and stake; the slot remembers
//! the sum, and exactly that is given back when the deal ends.
//!
//! Each receipt that counts with the price of its commit, each raise of what a slot earns, and the end of each slot that had
//! a receipt, is told to [`Config::Hooks`], once: that is who asks providers for what they store, and says what they have
//! earned.
//!
//! ## Invariants
//!
//! Checked by `try_state` and stated there: a deal has a request or a stripe, never both; a stripe has `n` slots of distinct
//! providers; the index of slots by provider says what the stripes say; every waiting request is in the queue once.
//!
//! ## Limits
//!
//! At most 32 slots per stripe, so every operation here is bounded. Nothing in a block depends on the number of deals.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod impls;
#[cfg(test)]
mod mock;
mod queue;
#[cfg(test)]
mod tests;
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod try_state;
mod types;
pub mod weights;

#[cfg(doc)]
use nil_types::{
	ReceiptMessage, SlotState,
	traits::{RelayBeacon, SlotManager},
};

#[frame_support::pallet]
#[allow(missing_debug_implementations, reason = "FRAME defines the storage types")]
pub mod pallet {
	use super::*;
	use frame_support::{pallet_prelude::*, weights::WeightMeter};
	use frame_system::pallet_prelude::*;
	use nil_types::{
		DealId, Generation, Hash32, Hint, Profile, RelayBlock, SlotIndex,
		traits::{DealHooks, ProviderRegistry, RelayBeacon, SlotHooks},
	};

	/// The pallet's storage layout.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	/// The pallet.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// What the pallet needs.
	#[pallet::config]
	pub trait Config:
		frame_system::Config<RuntimeEvent: From<Event<Self>>, Hash: Into<Hash32>>
	{
		/// The registry of providers: draws them, and keeps their space and keys.
		type Providers: ProviderRegistry<Self::AccountId>;

		/// The relay chain's clock and randomness.
		type Beacon: RelayBeacon;

		/// The deals.
		type Deals: DealHooks;

		/// Who is told what providers owe.
		type Hooks: SlotHooks<Self::AccountId>;

		/// Relay blocks between a request and the randomness that decides it, at least 1.
		#[pallet::constant]
		type DrawDelay: Get<RelayBlock>;

		/// Relay blocks until a request that found too few providers is due again.
		#[pallet::constant]
		type RetryDelay: Get<RelayBlock>;

		/// Requests that may wait for their first draw.
		#[pallet::constant]
		type MaxFresh: Get<u32>;

		/// Requests that found too few providers and that the hooks try again.
		#[pallet::constant]
		type MaxRetrying: Get<u32>;

		/// Weights of the calls and of the steps of the hooks.
		type WeightInfo: WeightInfo;
	}

	/// The slots of each deal that is placed.
	#[pallet::storage]
	pub type Stripes<T: Config> =
		StorageMap<_, Twox64Concat, DealId, Stripe<T::AccountId>, OptionQuery>;

	/// The slots of each provider.
	#[pallet::storage]
	pub type SlotsOf<T: Config> = StorageDoubleMap<
		_,
		Blake2_128Concat,
		T::AccountId,
		Twox64Concat,
		(DealId, SlotIndex),
		(),
		OptionQuery,
	>;

	/// The requests for slots that are not served yet.
	#[pallet::storage]
	pub type Requests<T: Config> = StorageMap<_, Twox64Concat, DealId, Request, OptionQuery>;

	/// The queue: lane and ticket to a deal.
	#[pallet::storage]
	pub type Queue<T: Config> =
		StorageDoubleMap<_, Twox64Concat, Lane, Twox64Concat, u64, DealId, OptionQuery>;

	/// The ends of each lane.
	#[pallet::storage]
	pub type Lanes<T: Config> = StorageMap<_, Twox64Concat, Lane, LaneEnds, ValueQuery>;

	/// What happened, complete enough to rebuild the pallet's state.
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A deal asked for slots.
		#[codec(index = 0)]
		SlotsRequested {
			/// The deal.
			deal: DealId,
			/// How many slots, and how.
			profile: Profile,
			/// Which providers may be drawn.
			hint: Hint,
			/// The first randomness recorded at or after this relay block decides.
			draw_at: RelayBlock,
		},
		/// The slots of a deal were drawn.
		#[codec(index = 1)]
		SlotsPlaced {
			/// The deal.
			deal: DealId,
			/// The providers, in the order of the slots.
			providers: ProviderList<T::AccountId>,
			/// Relay block of the record that decided.
			record: RelayBlock,
			/// Draws before this one.
			attempts: u32,
		},
		/// A draw did not succeed; the deal waits on.
		#[codec(index = 2)]
		PlacementDeferred {
			/// The deal.
			deal: DealId,
			/// Why.
			reason: Deferral,
			/// Draws so far that found too few providers.
			attempts: u32,
			/// The first randomness recorded at or after this relay block decides now.
			draw_at: RelayBlock,
			/// Whether the hooks will not try again, but anyone may.
			parked: bool,
		},
		/// A slot's provider signed a commit.
		#[codec(index = 3)]
		ReceiptAccepted {
			/// The deal.
			deal: DealId,
			/// The generation that the commit makes.
			generation: Generation,
			/// The slot.
			slot: SlotIndex,
			/// Its provider.
			provider: T::AccountId,
			/// Bytes that it stores for the commit.
			bytes: u64,
		},
		/// A deal ended before its slots were drawn.
		#[codec(index = 4)]
		RequestWithdrawn {
			/// The deal.
			deal: DealId,
		},
		/// A slot ended with its deal; its provider may free the space.
		#[codec(index = 5)]
		SlotReleased {
			/// The deal.
			deal: DealId,
			/// The slot.
			slot: SlotIndex,
			/// Its provider.
			provider: T::AccountId,
			/// Bytes given back.
			bytes: u64,
		},
	}

	/// Why a call is refused.
	#[pallet::error]
	pub enum Error<T> {
		/// The deal does not wait for slots.
		#[codec(index = 0)]
		NoRequest,
		/// The request's relay block has not come, or no randomness was recorded since.
		#[codec(index = 1)]
		NotDue,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		/// Runs after the inherents, which bring the record, and before the transactions, which could answer to it.
		fn on_poll(_: BlockNumberFor<T>, meter: &mut WeightMeter) {
			// The other half is for calls, however long the queue.
			let mut half = WeightMeter::with_limit(meter.remaining() / 2);
			Self::serve_queue(&mut half);
			meter.consume(half.consumed());
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
		/// Draws the slots of a deal whose request is due. Too few eligible providers is not an error: the request is
		/// due again later, and an event says so.
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::place())]
		pub fn place(origin: OriginFor<T>, deal: DealId) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_place(deal)
		}
	}
}
