//! # Deals
//!
//! Who stores what for how long, what it costs, and which content it has: escrow, content commitments, prices and
//! the end of deals.
//!
//! ## Terms
//!
//! * **Deal**: a term of storage that an *owner* pays for, striped by a [`Profile`] over slots.
//! * **Ledger**: the deal's part of its owner's hold. *Free* escrow pays future commits, *locked* rent was bought by
//!   past ones and is not paid yet, *deposits* stand for the state that commits and authorisations occupy and for the
//!   slots that the deal keeps.
//! * **Commit**: new content, appended to the deal's slab. Each makes one *generation*.
//! * **Manifest**: a KZG commitment to the MDU roots of the slab, one point per 4,096 MDUs. The chain computes it from
//!   the roots in the call, so it is append-only and the number of MDUs is a counted fact.
//! * **Uploader**: an account that the owner authorised to upload and commit, within a budget of payload bytes and up to
//!   a relay block.
//! * **Receipt**: the signature of a slot's provider over a commit, given once it has stored and checked its shards.
//! * **Relay block**: the unit of every duration and deadline, read from [`RelayBeacon::now`].
//! * **Epoch**: what providers are asked for in it is fixed when it begins ([`Config::Epochs`]).
//!
//! ## Who calls what
//!
//! | call | by | when |
//! |---|---|---|
//! | [`create_deal`](Call::create_deal) | anyone, who becomes the owner | |
//! | [`commit_content`](Call::commit_content) | owner, or an uploader within its budget and time | Active, before the deadline |
//! | [`add_receipt`](Call::add_receipt) | anyone | within [`Config::ReceiptGrace`] of the commit |
//! | [`replace_slot`](Call::replace_slot) | owner | a slot's receipt is missing, after that time |
//! | [`top_up`](Call::top_up) | anyone; a sponsor's money is held in the owner's account | before the deadline |
//! | [`extend_deal`](Call::extend_deal) | owner | before the deadline |
//! | [`cancel_deal`](Call::cancel_deal) | owner | always, also after the deadline |
//! | [`authorize_uploader`](Call::authorize_uploader) | owner | before the deadline |
//! | [`revoke_uploader`](Call::revoke_uploader) | owner, or the uploader | always, also after the deadline |
//! | [`set_params`](Call::set_params), [`set_min_term`](Call::set_min_term) | [`Config::AdminOrigin`] | |
//! | [`upkeep`](Call::upkeep) | anyone | when the hooks lag behind |
//!
//! Slots are drawn elsewhere ([`Config::Slots`]); [`DealHooks::placed`] tells this pallet when they are. Who checks proofs
//! about content reads manifests through [`ContentSource`].
//!
//! ## Formulas
//!
//! ```text
//! mdus(commit)   = ceil(size_bytes / MDU_PAYLOAD)                    must equal the number of roots
//! stored(commit) = bytes_per_slot(size_bytes, profile) * n           all slots, signed or not
//! rent(commit)   = ceil(storage_price * stored(commit) * (expires_at - now) / GiB)
//! rent(extend)   = ceil(max(storage_price * stored_bytes, rate) * blocks    / GiB)
//! rate           = sum over commits of price(commit) * stored(commit), and over extensions of raise * stored_bytes
//! raise(extend)  = max(storage_price * stored_bytes - rate, 0) * blocks / (expires_at - now) / stored_bytes
//! deposit(deal)  = slot_deposit * n                                  beside the escrow, at creation
//! refund(end)    = free + locked - owed + deposits
//! ```
//!
//! A commit is priced once, at the price of its block; later changes of the price do not touch it. Rent covers all `n` slots
//! from the start because a silent slot may still add its receipt.
//!
//! ## Rent
//!
//! Locked rent is paid to slots by whoever knows what they have earned, through [`RentPurse`]: a commit's price for each
//! byte that the slot signed, from after the commit to the deal's end. What is locked at relay block `t` and not earned
//! before covers this to the last unit, for as long as the deal lasts:
//!
//! ```text
//! locked >= rate * (expires_at - t) / GiB + all that was earned before t and is not paid
//! ```
//!
//! since a commit adds to both sides alike, rounded up on the left. An extension does so too: it costs the present price, but
//! never less than the prices locked in, because providers signed at these and have no say in an extension. What the
//! present price is above them *raises* what all slots earn, from now on and spread evenly to the new deadline.
//!
//! What of the locked rent belongs to the past and is neither owed nor paid, because somebody failed to earn it, is the
//! deal's *repair reserve*. It needs no account: it is what [`Pallet::repair_reserve`] finds left over. What is left of it at
//! the deal's end goes to the owner, like all that was not yet to be earned.
//!
//! A deal that ends keeps what its slots are owed on hold ([`Owed`]) until a relay block that is fixed at its end. What is
//! not paid by then, by number, is the owner's again. A deal that ends before it has lasted `min_term` relay blocks
//! ([`MinTerm`], as it was when the deal was created) owes its slots what they would have earned up to there.
//!
//! A provider cannot leave while it holds a slot, and an empty deal locks no rent. So that keeping `n` operators costs
//! something from the start, each slot has a deposit, at the rate of the deal's creation.
//!
//! ## Uploaders
//!
//! The owner may let others upload: each by its own key, within `max_bytes` payload bytes (`size_bytes` of its commits,
//! their indexes included) and up to relay block `until`, which counts by its number. Authorising an account again
//! replaces what it had, whatever is left of that by then; to lower a budget, revoke it first, and the event tells what was
//! left. A commit by an uploader is the owner's in everything else: its rent and its deposit come from the
//! deal's escrow, and it asks for the current generation. Fees of transactions are the uploader's own. One
//! call of either side revokes; its event tells the bytes that were left, and the deposit returns to the free
//! escrow. An authorisation whose time or budget is over keeps its place until it is revoked or the deal ends.
//!
//! What a budget does not bound is the number of commits: each costs the escrow a deposit and at least one blob per
//! slot, and takes at least one of the deal's 65,536 MDUs for good, however small it is. An owner that does not trust its
//! uploader keeps the free escrow small, and with it the number of deposits that it can pay.
//!
//! ## Deadlines
//!
//! A deal is over at relay block `expires_at` by number: every call but `cancel_deal` and `revoke_uploader` refuses it from
//! then on, whether or not anything has cleaned up. Cleaning up is the work of the *agenda*, a calendar queue: deadlines lie in buckets of
//! [`Config::BucketLength`] relay blocks, each bucket is a dense list with one item per storage entry, and every deal
//! knows its place. So entering, leaving (swap with the last) and moving on an extension take a constant number of
//! reads and writes however many deals end at the same time, no bucket can be filled up against others, and serving
//! it never looks at a deal that does not end. A cursor passes over the buckets that are due.
//!
//! What an ended deal leaves behind (commits and manifest points) enters a queue of remnants and is removed one item
//! per step, from the next epoch on. While a deal owes something, payments are made against what it left: until that is paid
//! or lapses it stands in the agenda with the relay block at which it does, and enters the queue of remnants only then. So no
//! deal's remnants wait for another one's debts. Agenda and remnants are served by `on_idle` under its weight meter, and by
//! anyone through [`upkeep`](Call::upkeep).
//!
//! ## Epochs
//!
//! In an epoch, proofs are asked for what was there when it began, and nothing that is done in it may spoil an answer. So
//! each manifest point is kept twice, as it is and as the epoch of its last change found it, and [`ContentSource`] reads
//! every point as the epoch in force found it, whether or not the deal has ended meanwhile:
//!
//! ```text
//! found(point, epoch) = point.before if point.changed_in = epoch, else point.now
//! ```
//!
//! ## Invariants
//!
//! Checked by `try_state` and stated there: every owner's hold is the sum of the ledgers of its deals and of what those
//! that ended still owe; generations, MDUs and bytes of a deal add up over its commits; each deal is once in the index
//! of its owner and once in the agenda; every stored item belongs to a deal, to one that owes something, or to a remnant;
//! uploaders' deposits are in
//! their deal's ledger.
//!
//! ## Limits
//!
//! A commit carries at most 1,024 roots and 32 receipts, a deal at most 65,536 MDUs (and so as many commits), 16
//! manifest points and 8 uploaders. Parameters stay within the pallet's constants. Nothing in a block depends on the
//! number of deals.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

mod agenda;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod errors;
mod events;
mod impls;
mod manifests;
pub mod migrations;
#[cfg(test)]
mod mock;
mod rent;
#[cfg(test)]
mod tests;
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod try_state;
mod types;
mod uploaders;
pub mod weights;

use frame_support::pallet_macros::import_section;
#[cfg(doc)]
use nil_types::{
	Profile,
	traits::{ContentSource, DealHooks, RelayBeacon, RentPurse},
};

#[import_section(errors::errors)]
#[import_section(events::events)]
#[frame_support::pallet]
#[allow(
	clippy::too_many_arguments,
	missing_debug_implementations,
	reason = "FRAME makes functions of calls' arguments, and defines the storage types"
)]
pub mod pallet {
	use super::*;

	use frame_support::{
		pallet_prelude::*,
		traits::{OnUnbalanced, fungible},
		weights::WeightMeter,
	};
	use frame_system::pallet_prelude::*;
	use nil_types::{
		Amount, CommitInfo, DealId, Generation, Hash32, Hint, Profile, RelayBlock, SlotIndex,
		layout::{MAX_ROOTS, MAX_SLOTS},
		traits::{EpochClock, ManifestMath, Receipt, RelayBeacon, SlotManager},
	};

	/// The pallet's storage layout.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(2);

	/// A fee on its way to [`Config::FeeHandler`].
	pub type CreditOf<T> =
		fungible::Credit<<T as frame_system::Config>::AccountId, <T as Config>::Currency>;

	/// The pallet.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// What the pallet needs.
	#[pallet::config]
	pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
		/// Who may set prices, fees and durations.
		type AdminOrigin: EnsureOrigin<Self::RuntimeOrigin>;

		/// The runtime's reasons for holds.
		type RuntimeHoldReason: From<HoldReason>;

		/// The money.
		type Currency: fungible::Balanced<Self::AccountId, Balance = Amount>
			+ fungible::Mutate<Self::AccountId>
			+ fungible::hold::Mutate<Self::AccountId, Reason = Self::RuntimeHoldReason>;

		/// Gets the fee of each new deal. `()` burns it.
		type FeeHandler: OnUnbalanced<CreditOf<Self>>;

		/// Draws slots and checks receipts.
		type Slots: SlotManager<Self::AccountId>;

		/// The relay chain's clock.
		type Beacon: RelayBeacon;

		/// The epochs in which providers are asked for content.
		type Epochs: EpochClock;

		/// The arithmetic on manifest points.
		type Manifests: ManifestMath;

		/// Relay blocks after a commit within which a slot may add its receipt.
		#[pallet::constant]
		type ReceiptGrace: Get<RelayBlock>;

		/// Relay blocks of deadlines that share a bucket of the agenda. The hooks end a deal at most so much late while
		/// blocks have room.
		#[pallet::constant]
		type BucketLength: Get<RelayBlock>;

		/// Steps that one [`Call::upkeep`] may take.
		#[pallet::constant]
		type MaxUpkeepSteps: Get<u32>;

		/// Highest storage price that may be set.
		#[pallet::constant]
		type MaxStoragePrice: Get<Amount>;

		/// Highest creation fee that may be set.
		#[pallet::constant]
		type MaxCreationFee: Get<Amount>;

		/// Highest deposit per commit that may be set.
		#[pallet::constant]
		type MaxCommitDeposit: Get<Amount>;

		/// Highest deposit per slot that may be set.
		#[pallet::constant]
		type MaxSlotDeposit: Get<Amount>;

		/// Highest deposit per uploader that may be set.
		#[pallet::constant]
		type MaxUploaderDeposit: Get<Amount>;

		/// Longest duration that may be set.
		#[pallet::constant]
		type MaxDuration: Get<RelayBlock>;

		/// Weights of the calls and of the steps of upkeep.
		type WeightInfo: WeightInfo;
	}

	/// Why money is held.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// Escrow, rent and deposits of deals.
		#[codec(index = 0)]
		Escrow,
	}

	/// Prices, fees and durations in force.
	#[pallet::storage]
	pub type Params<T: Config> = StorageValue<_, DealParams, ValueQuery>;

	/// The number of the next deal.
	#[pallet::storage]
	pub type NextDealId<T: Config> = StorageValue<_, DealId, ValueQuery>;

	/// All deals.
	#[pallet::storage]
	pub type Deals<T: Config> =
		CountedStorageMap<_, Twox64Concat, DealId, Deal<T::AccountId>, OptionQuery>;

	/// The deals of each owner.
	#[pallet::storage]
	pub type DealsOf<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Twox64Concat, DealId, (), OptionQuery>;

	/// The commits of each deal, by the generation that they made.
	#[pallet::storage]
	pub type Commits<T: Config> = StorageDoubleMap<
		_,
		Twox64Concat,
		DealId,
		Twox64Concat,
		Generation,
		CommitInfo,
		OptionQuery,
	>;

	/// The price that each commit was locked in at, for as long as the commit is in state. Those from before rent was paid
	/// have none, and earn nothing.
	#[pallet::storage]
	pub type CommitPrices<T: Config> =
		StorageDoubleMap<_, Twox64Concat, DealId, Twox64Concat, Generation, Amount, ValueQuery>;

	/// The rent of each deal.
	#[pallet::storage]
	pub type Rents<T: Config> = StorageMap<_, Twox64Concat, DealId, DealRent, ValueQuery>;

	/// What deals that ended still owe.
	#[pallet::storage]
	pub type Owed<T: Config> =
		StorageMap<_, Twox64Concat, DealId, Owing<T::AccountId>, OptionQuery>;

	/// Relay blocks for which a new deal owes rent at least, however early it ends.
	#[pallet::storage]
	pub type MinTerm<T: Config> = StorageValue<_, RelayBlock, ValueQuery>;

	/// Who may upload to each deal beside its owner. No list is empty.
	#[pallet::storage]
	pub type Uploaders<T: Config> =
		StorageMap<_, Twox64Concat, DealId, Authorisations<T::AccountId>, ValueQuery>;

	/// The manifest points of each deal. Point `j` covers MDUs `4096j .. 4096j+4095`.
	#[pallet::storage]
	pub type ManifestPoints<T: Config> =
		StorageDoubleMap<_, Twox64Concat, DealId, Twox64Concat, u32, ManifestPoint, OptionQuery>;

	/// The agenda's lists: bucket and position to a deal.
	#[pallet::storage]
	pub type Agenda<T: Config> =
		StorageDoubleMap<_, Twox64Concat, u32, Twox64Concat, u32, DealId, OptionQuery>;

	/// Deals in each bucket of the agenda.
	#[pallet::storage]
	pub type AgendaLen<T: Config> = StorageMap<_, Twox64Concat, u32, u32, ValueQuery>;

	/// Where the agenda keeps each deal.
	#[pallet::storage]
	pub type AgendaPlaces<T: Config> =
		StorageMap<_, Twox64Concat, DealId, AgendaPlace, OptionQuery>;

	/// The first bucket of the agenda that may hold deals.
	#[pallet::storage]
	pub type AgendaCursor<T: Config> = StorageValue<_, u32, ValueQuery>;

	/// What ended deals left behind, by ticket.
	#[pallet::storage]
	pub type Remnants<T: Config> = StorageMap<_, Twox64Concat, u64, Remnant, OptionQuery>;

	/// The ends of the queue of remnants.
	#[pallet::storage]
	pub type RemnantQueue<T: Config> = StorageValue<_, QueueEnds, ValueQuery>;

	/// The parameters at genesis.
	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// Prices, fees and durations.
		pub params: DealParams,
		/// Relay blocks for which a deal owes rent at least.
		pub min_term: RelayBlock,
		/// Marks the runtime.
		#[serde(skip)]
		pub _config: core::marker::PhantomData<T>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			assert!(
				Pallet::<T>::within_bounds(&self.params),
				"deal parameters at genesis are out of bounds: {:?}",
				self.params
			);
			assert!(
				self.min_term <= T::MaxDuration::get(),
				"deals owe rent at least for longer than any may last: {}",
				self.min_term
			);
			Params::<T>::put(self.params);
			MinTerm::<T>::put(self.min_term);
		}
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_idle(_: BlockNumberFor<T>, remaining: Weight) -> Weight {
			let mut meter = WeightMeter::with_limit(remaining);
			Self::run_upkeep(&mut meter, u32::MAX);
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
		/// Creates a deal of `duration` relay blocks and asks for its slots, which are drawn later. Takes the creation
		/// fee for good and holds `escrow` and, beside it, the deposit for the slots.
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::create_deal())]
		pub fn create_deal(
			origin: OriginFor<T>,
			profile: Profile,
			hint: Hint,
			duration: RelayBlock,
			max_monthly_spend: Amount,
			escrow: Amount,
		) -> DispatchResult {
			let owner = ensure_signed(origin)?;
			Self::do_create_deal(owner, profile, hint, duration, max_monthly_spend, escrow)
		}

		/// Appends content to a deal: `size_bytes` payload bytes, of which the last `index_len` are the index, in MDUs
		/// of these `roots`. At least `k + 1` slots must have signed. An uploader's budget shrinks by `size_bytes`.
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::commit_content(roots.len() as u32, receipts.len() as u32))]
		pub fn commit_content(
			origin: OriginFor<T>,
			deal: DealId,
			base_gen: Generation,
			roots: BoundedVec<Hash32, ConstU32<MAX_ROOTS>>,
			index_root: Hash32,
			size_bytes: u64,
			index_len: u32,
			receipts: BoundedVec<Receipt, ConstU32<MAX_SLOTS>>,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			let content = NewContent { base_gen, roots, index_root, size_bytes, index_len };
			Self::do_commit_content(who, deal, content, &receipts)
		}

		/// Adds the receipt of a slot that was silent when the commit was made.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::add_receipt())]
		pub fn add_receipt(
			origin: OriginFor<T>,
			deal: DealId,
			generation: Generation,
			receipt: Receipt,
		) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_add_receipt(deal, generation, &receipt)
		}

		/// Adds `amount` of the caller's money to the deal's free escrow. It is held in the owner's account and goes to
		/// the owner when the deal ends.
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::top_up())]
		pub fn top_up(origin: OriginFor<T>, deal: DealId, amount: Amount) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_top_up(who, deal, amount)
		}

		/// Moves the deadline by `blocks` relay blocks and locks rent for what is stored, at the present price, or at the
		/// prices that are locked in if those are higher.
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::extend_deal())]
		pub fn extend_deal(
			origin: OriginFor<T>,
			deal: DealId,
			blocks: RelayBlock,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_extend_deal(who, deal, blocks)
		}

		/// Ends a deal and releases its ledger to the owner, but for the rent that its slots are owed.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::cancel_deal())]
		pub fn cancel_deal(origin: OriginFor<T>, deal: DealId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_cancel_deal(who, deal)
		}

		/// Sets prices, fees and durations. What was committed or created is not touched.
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::set_params())]
		pub fn set_params(origin: OriginFor<T>, params: DealParams) -> DispatchResult {
			T::AdminOrigin::ensure_origin(origin)?;
			ensure!(Self::within_bounds(&params), Error::<T>::ParamsOutOfBounds);
			Params::<T>::put(params);
			Self::deposit_event(Event::ParamsSet { params });
			Ok(())
		}

		/// Ends deals that are due and removes what ended ones left, `steps` steps at most. Costs what it did.
		#[pallet::call_index(7)]
		#[pallet::weight(Pallet::<T>::upkeep_weight(*steps))]
		pub fn upkeep(origin: OriginFor<T>, steps: u32) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			ensure!(steps <= T::MaxUpkeepSteps::get(), Error::<T>::TooManySteps);
			let mut meter = WeightMeter::with_limit(Self::upkeep_weight(steps));
			let done = Self::run_upkeep(&mut meter, steps);
			ensure!(done > 0, Error::<T>::NothingToDo);
			Ok(Some(meter.consumed()).into())
		}

		/// Lets `uploader` upload to a deal and commit up to `max_bytes` payload bytes, until relay block `until` has
		/// passed. Replaces what the same account was authorised to. Takes a deposit from the free escrow.
		#[pallet::call_index(8)]
		#[pallet::weight(T::WeightInfo::authorize_uploader())]
		pub fn authorize_uploader(
			origin: OriginFor<T>,
			deal: DealId,
			uploader: T::AccountId,
			max_bytes: u64,
			until: RelayBlock,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_authorize_uploader(who, deal, uploader, max_bytes, until)
		}

		/// Ends an authorisation to upload. The caller is the deal's owner or the uploader itself. The deposit returns to
		/// the free escrow.
		#[pallet::call_index(9)]
		#[pallet::weight(T::WeightInfo::revoke_uploader())]
		pub fn revoke_uploader(
			origin: OriginFor<T>,
			deal: DealId,
			uploader: T::AccountId,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_revoke_uploader(who, deal, uploader)
		}

		/// Sets for how many relay blocks deals owe rent at least that are created from now on.
		#[pallet::call_index(10)]
		#[pallet::weight(T::WeightInfo::set_params())]
		pub fn set_min_term(origin: OriginFor<T>, blocks: RelayBlock) -> DispatchResult {
			T::AdminOrigin::ensure_origin(origin)?;
			ensure!(blocks <= T::MaxDuration::get(), Error::<T>::ParamsOutOfBounds);
			MinTerm::<T>::put(blocks);
			Self::deposit_event(Event::MinTermSet { blocks });
			Ok(())
		}

		/// Lets the chain draw another provider for a slot that has not signed the commit of `generation` and may not any
		/// more. The present one stays responsible for what it signed until the other has all. The caller is the deal's
		/// owner; refused when the same was done for the slot not long ago.
		#[pallet::call_index(11)]
		#[pallet::weight(T::WeightInfo::replace_slot())]
		pub fn replace_slot(
			origin: OriginFor<T>,
			deal: DealId,
			slot: SlotIndex,
			generation: Generation,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_replace_slot(who, deal, slot, generation)
		}
	}
}
