//! Why the pallet refuses: a section of the pallet's module, which imports it.

use frame_support::pallet_macros::pallet_section;

/// The errors.
#[pallet_section]
mod errors {
	/// Why a call is refused. What refuses answers stands in the order in which it is checked.
	#[pallet::error]
	pub enum Error<T> {
		/// The randomness of the round in force is not known yet, or the hash of the block that drew it.
		#[codec(index = 0)]
		NotDrawn,
		/// The answer is for another epoch than the one for which the round in force was drawn.
		#[codec(index = 1)]
		WrongEpoch,
		/// The answer is for a round that another block drew, on another branch of the chain.
		#[codec(index = 2)]
		Stale,
		/// The answer has no items.
		#[codec(index = 3)]
		NoItems,
		/// Changes of earlier rounds are not applied to the provider's lists yet, or open samples of the last one not named.
		/// Anyone may do both for free.
		#[codec(index = 4)]
		NotAdvanced,
		/// The caller owes nothing in this round.
		#[codec(index = 5)]
		NothingDue,
		/// An ordinal is not above the one before it.
		#[codec(index = 6)]
		OutOfOrder,
		/// An ordinal is not below the number of samples that are due.
		#[codec(index = 7)]
		NoSuchOrdinal,
		/// An ordinal was answered before.
		#[codec(index = 8)]
		AlreadyAnswered,
		/// An ordinal draws nothing.
		#[codec(index = 9)]
		VoidOrdinal,
		/// An item that was drawn by its slot does not say where the allocation of its row stands, or another item says
		/// so.
		#[codec(index = 10)]
		WrongPlace,
		/// An item is of another MDU than the one drawn.
		#[codec(index = 11)]
		WrongMdu,
		/// An item is of another leaf than the one drawn.
		#[codec(index = 12)]
		WrongLeaf,
		/// An item has more or fewer live blobs than an MDU can have, or a path of another length than its profile's.
		#[codec(index = 13)]
		BadStructure,
		/// What is drawn from is not there. A fault of the chain, which its invariants exclude.
		#[codec(index = 14)]
		Inconsistent,
		/// More steps than one call may take.
		#[codec(index = 15)]
		TooManySteps,
		/// No change of an earlier round is left, or no step was asked for.
		#[codec(index = 16)]
		NothingToDo,
		/// A parameter is outside its bounds.
		#[codec(index = 17)]
		ParamsOutOfBounds,
		/// The settlement is for another period than the last one.
		#[codec(index = 18)]
		WrongPeriod,
		/// A slot has more or fewer samples than are asked for.
		#[codec(index = 19)]
		WrongSamples,
		/// A commit is not the one that has the MDU drawn, or not the first that the provider signed, or there is none and a
		/// blob is given.
		#[codec(index = 20)]
		WrongCommit,
		/// Nothing is owed for the slot, for that period.
		#[codec(index = 21)]
		NothingOwed,
		/// The rent could not be paid: the caller's account would be too small to exist.
		#[codec(index = 22)]
		Unpaid,
		/// The provider was not silent for so long, or lost what it loses for it. The slot has not so many misses, is nobody's to
		/// take, or is gone.
		#[codec(index = 23)]
		NothingToReport,
		/// An ordinal is not among those that credits may waive, which are the first of those due.
		#[codec(index = 24)]
		NotWaivable,
		/// The slot that an ordinal falls on has no credit left that is older than the round.
		#[codec(index = 25)]
		NoCredit,
	}
}
