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
//! | [`SlotManager::replace`] | the deals, for the owner | a receipt is missing for good |
//! | [`Evictions::evict`] | who finds fault with a slot | a slot's provider failed |
//! | [`DepartureHooks::departs`] | the registry | a provider drains or is jailed |
//! | [`relieve`](Call::relieve) | anyone, free of fees | a provider departs and the hooks have not come to a slot |
//! | [`repair`](Call::repair) | anyone | a step of a repair is due and the hooks have not served it |
//! | [`complete_repair`](Call::complete_repair), [`decline`](Call::decline) | the candidate, free of fees | it was drawn |
//! | [`come_back`](Call::come_back) | from whom a slot was taken | too few others hold the deal |
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
//! ## Repair
//!
//! ```text
//! Active(p)        --drain, missing receipt-->  Active(p), asked      --drawn-->  Repairing(p, c)   --proved-->  Active(c)
//! Active(p)        --eviction-->                Vacant, asked         --drawn-->  Repairing(-, c)   --proved-->  Active(c)
//! Repairing(p, c)  --eviction of p-->           Repairing(-, c)
//! Repairing(p, c)  --late, declined, departs--> Active(p), asked;     of (-, c): Vacant, asked
//! ```
//!
//! *Who.* The chain draws the candidate, as it draws stripes: from the first record `DrawDelay` after it was asked for, with
//! `H("nil/repair/place/v1" ‖ genesis ‖ deal ‖ slot ‖ attempts ‖ record ‖ its relay block)`, one that has room for all that the slot
//! may store, is neither a provider nor a candidate of the deal, and is neither the candidate that was let go just before nor whom
//! the slot was taken from. The room is booked with it at once. When nobody is found, it is drawn again after `RetryDelay`, and
//! may be one of these two then.
//!
//! *What it proves.* `R` is the hash of the same under the tag `nil/repair/v1`, with the first record `DrawDelay` after the candidate
//! was drawn. It is drawn once. With it begins the candidate's window, `RepairWindow` relay blocks unless genesis says
//! otherwise (as it does on development chains):
//!
//! ```text
//! sampled = the deal's generation when the candidate was drawn, and at least 1
//! seed(i) = H("nil/repair/chal/v1" ‖ R ‖ i)                 i < RepairSamples
//! mdu     = uniform(first half, MDUs up to the generation sampled)
//! row     = uniform(last half, live rows of that MDU)
//! z       = hash_to_Fr("nil/repair/z/v1" ‖ R ‖ generation)
//! gamma   = hash_to_Fr("nil/repair/gamma/v1" ‖ R ‖ i)
//! ```
//!
//! It may prove any generation from the one sampled on that is the deal's, or was until a commit that is no older than the grace
//! for receipts. So no stream of commits keeps it out. Whichever it names, its samples are the same, or it could choose among
//! them. For what was committed since the one sampled it gives its word, as who signs a receipt does. Only a deal that has no
//! content still is proved by nothing. Manifests are those that the round in force found: what was committed in this round can be
//! proved in the next. Wrong proofs change nothing; they may be of another branch of the chain, or of the round before.
//!
//! *What changes hands.* When the proof is right, the old provider is released and the candidate holds the slot. Commits are
//! then given to it, the latest first, `ADOPT_STEPS` at once and the rest by the hooks: those up to the generation it proved it
//! owes, at the prices locked in for them; of later ones a signature of the old provider is taken back, and it may sign them
//! while the grace for receipts lasts.
//!
//! *Who is responsible meanwhile.* A provider that drains or lacks a receipt: it is sampled, paid and can be slashed until it is
//! released, and its receipts count. After an eviction nobody is, and the candidate's receipts count; it owes what it signs, up
//! to 64 commits, and loses them with its candidacy.
//!
//! *How many.* Of a deal at most `m` slots at once, evictions apart, which are not put off; and at most `m - 1` because their
//! providers drain, or one where `m = 1`, since it is replaced before it goes. For a missing receipt each slot at most once in
//! `RepairCooldown`, unless genesis says otherwise.
//!
//! *Departures.* Providers that drain or were jailed stand in a queue. `on_idle` goes through the slots of the one at the head,
//! `MaxDepartureSteps` in a block and no more than repairs may wait; one some of whose slots had to wait goes to the end.
//!
//! *Lost deals.* When more than `m` slots are nobody's there is nothing to rebuild from, and an event says so. Whoever lost a slot
//! by eviction, and was pardoned, may then come back as its candidate.
//!
//! ## Invariants
//!
//! Checked by `try_state` and stated there: a deal has a request or a stripe, never both; a stripe has `n` slots of distinct
//! providers and candidates; the index of slots by provider says what the stripes say, candidates included; every waiting
//! request is in the queue once, and every repair; a slot has a candidate exactly while its repair has one.
//!
//! ## Limits
//!
//! * At most 32 slots per stripe, so every operation here is bounded. Nothing in a block depends on the number of deals.
//! * A new provider earns what commits locked in, without what extensions of the deal added since; that stays with the deal.
//! * What a provider earned of a slot that was taken from it can be settled as ever. When the slot has changed hands twice by
//!   the deal's end, what the first one had not settled by then is the owner's.
//! * A candidate knows its samples when its window begins. That it has more than these is for the samples of every round to
//!   find out, for which it answers from then on.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub use pallet::*;
pub use repair::ADOPT_STEPS;
pub use types::*;
pub use weights::WeightInfo;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod departures;
mod events;
mod impls;
#[cfg(test)]
mod mock;
mod queries;
mod queue;
mod repair;
#[cfg(test)]
mod tests;
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod try_state;
mod types;
pub mod weights;

use frame_support::pallet_macros::import_section;
#[cfg(doc)]
use nil_types::{
	ReceiptMessage, SlotState,
	traits::{DepartureHooks, Evictions, RelayBeacon, SlotManager},
};

#[import_section(events::events)]
#[frame_support::pallet]
#[allow(missing_debug_implementations, reason = "FRAME defines the storage types")]
pub mod pallet {
	use super::*;
	use frame_support::{pallet_prelude::*, weights::WeightMeter};
	use frame_system::pallet_prelude::*;
	use nil_types::{
		DealId, G1Compressed, Generation, Hash32, Hint, Profile, RelayBlock, RepairCause,
		SlotIndex,
		traits::{AnswerMath, ContentSource, DealHooks, ProviderRegistry, RelayBeacon, SlotHooks},
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

		/// The content that candidates prove. Its deals must be those.
		type Content: ContentSource;

		/// The arithmetic of proofs.
		type Answers: AnswerMath;

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

		/// Repairs that may wait for the draw of a candidate before slots of departing providers wait with asking for one.
		/// Evictions are not put off, so there may be more.
		#[pallet::constant]
		type MaxRepairs: Get<u32>;

		/// Relay blocks in which a candidate must prove that it has a slot, from when it knows its samples. Genesis may say
		/// otherwise.
		#[pallet::constant]
		type RepairWindow: Get<RelayBlock>;

		/// Relay blocks between two repairs of a slot for missing receipts. Genesis may say otherwise.
		#[pallet::constant]
		type RepairCooldown: Get<RelayBlock>;

		/// Blobs that a candidate proves.
		#[pallet::constant]
		type RepairSamples: Get<u32>;

		/// Slots of departing providers that a block looks at.
		#[pallet::constant]
		type MaxDepartureSteps: Get<u32>;

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

	/// The slots that get another provider.
	#[pallet::storage]
	pub type Repairs<T: Config> = StorageDoubleMap<
		_,
		Twox64Concat,
		DealId,
		Twox64Concat,
		SlotIndex,
		Repair<T::AccountId>,
		OptionQuery,
	>;

	/// The queue of repairs: lane and ticket to a slot.
	#[pallet::storage]
	pub type RepairQueue<T: Config> =
		StorageDoubleMap<_, Twox64Concat, Lane, Twox64Concat, u64, SlotKey, OptionQuery>;

	/// From whom each slot was taken last, while its deal lives.
	#[pallet::storage]
	pub type Formers<T: Config> = StorageDoubleMap<
		_,
		Twox64Concat,
		DealId,
		Twox64Concat,
		SlotIndex,
		T::AccountId,
		OptionQuery,
	>;

	/// When each slot was replaced last for a missing receipt.
	#[pallet::storage]
	pub type Asked<T: Config> =
		StorageDoubleMap<_, Twox64Concat, DealId, Twox64Concat, SlotIndex, RelayBlock, OptionQuery>;

	/// The deals of which more than `m` slots are nobody's, and since when.
	#[pallet::storage]
	pub type Lost<T: Config> = StorageMap<_, Twox64Concat, DealId, RelayBlock, OptionQuery>;

	/// What the chain's genesis says of the pace of repairs. Without it the constants hold.
	#[pallet::storage]
	pub type Pace<T: Config> = StorageValue<_, RepairPace, OptionQuery>;

	/// Providers whose slots go to others, by ticket. One that became active again is passed over.
	#[pallet::storage]
	pub type Departing<T: Config> = StorageMap<_, Twox64Concat, u64, T::AccountId, OptionQuery>;

	/// The ends of that queue.
	#[pallet::storage]
	pub type DepartureEnds<T: Config> = StorageValue<_, LaneEnds, ValueQuery>;

	/// The slot of the provider at its head that was looked at last.
	#[pallet::storage]
	pub type DepartureCursor<T: Config> = StorageValue<_, SlotKey, OptionQuery>;

	/// The pace of repairs at genesis.
	#[pallet::genesis_config]
	pub struct GenesisConfig<T: Config> {
		/// Relay blocks of a candidate's window.
		pub repair_window: RelayBlock,
		/// Relay blocks between two repairs of a slot for missing receipts.
		pub repair_cooldown: RelayBlock,
		/// Marks the runtime.
		#[serde(skip)]
		pub _config: PhantomData<T>,
	}

	impl<T: Config> Default for GenesisConfig<T> {
		fn default() -> Self {
			let RepairPace { window, cooldown } = Pallet::<T>::constant_pace();
			Self { repair_window: window, repair_cooldown: cooldown, _config: PhantomData }
		}
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			assert!(self.repair_window > 0, "no candidate could ever be in time");
			let pace = RepairPace { window: self.repair_window, cooldown: self.repair_cooldown };
			if pace != Pallet::<T>::constant_pace() {
				Pace::<T>::put(pace);
			}
		}
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
		/// The slot is not being repaired, or is but for its bookkeeping.
		#[codec(index = 2)]
		NoRepair,
		/// The caller is not the slot's candidate.
		#[codec(index = 3)]
		NotCandidate,
		/// The candidate's samples are not drawn yet.
		#[codec(index = 4)]
		NotDrawn,
		/// The candidate's window is over.
		#[codec(index = 5)]
		WindowOver,
		/// The generation does not exist, or is from before the candidate was drawn, or was followed by another for too long.
		#[codec(index = 6)]
		WrongGeneration,
		/// There are more or fewer items than samples.
		#[codec(index = 7)]
		WrongSamples,
		/// A commit is not the one that has the MDU drawn.
		#[codec(index = 8)]
		WrongCommit,
		/// A path has another length than its profile's.
		#[codec(index = 9)]
		BadStructure,
		/// The content is of the round in force, and can be proved from the next one on.
		#[codec(index = 10)]
		TooRecent,
		/// The candidate has neither the capacity nor the stake for what was committed since it was drawn.
		#[codec(index = 11)]
		NoRoom,
		/// The provider holds no slot of that number, or keeps it, or too much of the deal is being repaired.
		#[codec(index = 12)]
		NothingToRelieve,
		/// The deal has not lost too many slots.
		#[codec(index = 13)]
		NotLost,
		/// The slot was not taken from the caller, or the caller has another one of the deal.
		#[codec(index = 14)]
		NotFormer,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		/// Runs after the inherents, which bring the record, and before the transactions, which could answer to it.
		fn on_poll(_: BlockNumberFor<T>, meter: &mut WeightMeter) {
			// The other half is for calls, however long the queue.
			let mut half = WeightMeter::with_limit(meter.remaining() / 2);
			let mut quarter = WeightMeter::with_limit(half.remaining() / 2);
			Self::serve_repairs(&mut quarter);
			half.consume(quarter.consumed());
			Self::serve_queue(&mut half);
			meter.consume(half.consumed());
		}

		/// Lets slots of providers that depart go to others. What they ask for is drawn in later blocks.
		fn on_idle(_: BlockNumberFor<T>, remaining: Weight) -> Weight {
			let mut meter = WeightMeter::with_limit(remaining);
			Self::serve_departures(&mut meter);
			meter.consumed()
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

		/// Does what is due for the repair of a slot: draws a candidate, or its samples, or lets it go after its window, or
		/// gives commits to the slot's new provider. Finding no candidate is not an error.
		#[pallet::call_index(1)]
		#[pallet::weight(Pallet::<T>::repair_weight())]
		pub fn repair(origin: OriginFor<T>, deal: DealId, slot: SlotIndex) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_repair(deal, slot)
		}

		/// Lets the caller no longer be the candidate for a slot. Free of fees.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::dismiss())]
		pub fn decline(
			origin: OriginFor<T>,
			deal: DealId,
			slot: SlotIndex,
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			Self::do_decline(who, deal, slot)?;
			Ok(Pays::No.into())
		}

		/// Gives a slot to its candidate, the caller, which proves that it stores the slot up to `generation`: `items` are its
		/// samples in order, `y` and `pi` open the combination of their commitments. Wrong proofs change nothing and are no
		/// error, see [`Event::InvalidRepair`]. Free of fees when they are right.
		#[pallet::call_index(3)]
		#[pallet::weight(Pallet::<T>::complete_weight(items.len() as u32))]
		pub fn complete_repair(
			origin: OriginFor<T>,
			deal: DealId,
			slot: SlotIndex,
			generation: Generation,
			items: BoundedVec<RepairItem, T::RepairSamples>,
			y: [u8; 32],
			pi: G1Compressed,
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let right = Self::do_complete(who, deal, slot, generation, &items, &y, &pi)?;
			Ok(if right { Pays::No } else { Pays::Yes }.into())
		}

		/// Does with a slot what the status of its provider asks for: takes it from one that was jailed, asks for another for
		/// one that drains, and lets either go that is only its candidate. Free of fees, since there was something to do.
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::departure_step())]
		pub fn relieve(
			origin: OriginFor<T>,
			provider: T::AccountId,
			deal: DealId,
			slot: SlotIndex,
		) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			let done = Self::do_relieve(&provider, deal, slot);
			ensure!(done, Error::<T>::NothingToRelieve);
			Ok(Pays::No.into())
		}

		/// Makes the caller, from whom the slot was taken, its candidate again, in the place of another: its deal is lost
		/// unless it comes back. It proves that it has the slot, as every candidate does.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::come_back().saturating_add(T::WeightInfo::dismiss()))]
		pub fn come_back(origin: OriginFor<T>, deal: DealId, slot: SlotIndex) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_come_back(who, deal, slot)
		}
	}
}
