//! What the pallet keeps: a section of the pallet's module, which imports it.

use frame_support::pallet_macros::pallet_section;

/// The storage. Names in it are those of the pallet's module.
#[pallet_section]
mod storage {
	/// Relay blocks of an epoch. Set at genesis and never changed.
	#[pallet::storage]
	pub type EpochLength<T: Config> =
		StorageValue<_, RelayBlock, ValueQuery, ConstU32<DEFAULT_EPOCH_LENGTH>>;

	/// Epochs of a settlement period. Set at genesis and never changed.
	#[pallet::storage]
	pub type SettlementEpochs<T: Config> =
		StorageValue<_, u32, ValueQuery, ConstU32<DEFAULT_SETTLEMENT_EPOCHS>>;

	/// The first round that was drawn in the period of the one that was drawn last.
	#[pallet::storage]
	pub type Sealed<T: Config> = StorageValue<_, EpochRecord, OptionQuery>;

	/// What each provider signed for the slots that it has.
	#[pallet::storage]
	pub type Tenures<T: Config> = StorageDoubleMap<
		_,
		Blake2_128Concat,
		T::AccountId,
		Identity,
		(DealId, SlotIndex),
		Tenure,
		OptionQuery,
	>;

	/// What slots that ended are owed, by the period in which they did. They are settled in the next one.
	#[pallet::storage]
	pub type Endings<T: Config> = StorageDoubleMap<
		_,
		Blake2_128Concat,
		T::AccountId,
		Identity,
		EndingKey,
		Ending,
		OptionQuery,
	>;

	/// The commits that were signed for these: what they are settled against.
	#[pallet::storage]
	pub type EndedCommits<T: Config> = StorageDoubleMap<
		_,
		Blake2_128Concat,
		(T::AccountId, DealId, SlotIndex, Period),
		Identity,
		Generation,
		(),
		OptionQuery,
	>;

	/// The slots that ended and were owed something, in the order in which they did, by ticket.
	#[pallet::storage]
	pub type EndingQueue<T: Config> =
		StorageMap<_, Twox64Concat, u64, (T::AccountId, DealId, SlotIndex, Period), OptionQuery>;

	/// The ends of that queue.
	#[pallet::storage]
	pub type EndingEnds<T: Config> = StorageValue<_, JournalEnds, ValueQuery>;

	/// The slots that had too many misses, in the order in which they did, by ticket.
	#[pallet::storage]
	pub type EvictionQueue<T: Config> =
		StorageMap<_, Twox64Concat, u64, (T::AccountId, DealId, SlotIndex), OptionQuery>;

	/// The ends of that queue.
	#[pallet::storage]
	pub type EvictionEnds<T: Config> = StorageValue<_, JournalEnds, ValueQuery>;

	/// The providers that have a book, by ticket, each with the round in which it entered: from then on its silence counts.
	#[pallet::storage]
	pub type WatchQueue<T: Config> =
		StorageMap<_, Twox64Concat, u64, (T::AccountId, Round), OptionQuery>;

	/// The ends of that queue.
	#[pallet::storage]
	pub type WatchEnds<T: Config> = StorageValue<_, JournalEnds, ValueQuery>;

	/// The round in force. 0 before the first one.
	#[pallet::storage]
	pub type CurrentRound<T: Config> = StorageValue<_, Round, ValueQuery>;

	/// The relay parent of the block in which it began.
	#[pallet::storage]
	pub type BeganAt<T: Config> = StorageValue<_, RelayBlock, ValueQuery>;

	/// The round that was drawn last: the one in force, or the one before.
	#[pallet::storage]
	pub type Drawn<T: Config> = StorageValue<_, EpochRecord, OptionQuery>;

	/// The round before that.
	#[pallet::storage]
	pub type DrawnBefore<T: Config> = StorageValue<_, EpochRecord, OptionQuery>;

	/// The parameters, and those that are to be.
	#[pallet::storage]
	pub type Parameters<T: Config> = StorageValue<_, Planned, ValueQuery>;

	/// The account of each provider that has allocations in its lists or notes in its journal, or was not looked at since.
	#[pallet::storage]
	pub type Books<T: Config> =
		StorageMap<_, Blake2_128Concat, T::AccountId, BookOf<T>, OptionQuery>;

	/// The ends of each provider's journal.
	#[pallet::storage]
	pub type Journals<T: Config> =
		StorageMap<_, Blake2_128Concat, T::AccountId, JournalEnds, ValueQuery>;

	/// What happened to providers' allocations and is not in their lists yet, by ticket.
	#[pallet::storage]
	pub type Journal<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, u64, Note, OptionQuery>;

	/// The lists of each provider's allocations, with all that a sample needs to know of one.
	#[pallet::storage]
	pub type Entries<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, EntryKey, Entry, OptionQuery>;

	/// Where each allocation stands in its provider's lists.
	#[pallet::storage]
	pub type Places<T: Config> = StorageDoubleMap<
		_,
		Blake2_128Concat,
		T::AccountId,
		Identity,
		(DealId, SlotIndex, Generation),
		Place,
		OptionQuery,
	>;

	/// The list of each provider's slots.
	#[pallet::storage]
	pub type Slots<T: Config> =
		StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, u32, HeldSlot, OptionQuery>;

	/// Where each slot stands in its provider's list of slots.
	#[pallet::storage]
	pub type SlotPlaces<T: Config> = StorageDoubleMap<
		_,
		Blake2_128Concat,
		T::AccountId,
		Identity,
		(DealId, SlotIndex),
		u32,
		OptionQuery,
	>;
}
