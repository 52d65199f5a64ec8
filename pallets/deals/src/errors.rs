//! Why the pallet refuses: a section of the pallet's module, which imports it.

use frame_support::pallet_macros::pallet_section;

/// The errors.
#[pallet_section]
mod errors {
	/// Why a call is refused.
	#[pallet::error]
	pub enum Error<T> {
		/// No such deal.
		#[codec(index = 0)]
		UnknownDeal,
		/// The caller does not own the deal, and its owner has not authorised it to do this.
		#[codec(index = 1)]
		NotOwner,
		/// The deal's term is over.
		#[codec(index = 2)]
		DealExpired,
		/// The deal's slots are not drawn yet.
		#[codec(index = 3)]
		NotActive,
		/// The profile is not one that the protocol allows.
		#[codec(index = 4)]
		BadProfile,
		/// The duration is outside what the parameters allow.
		#[codec(index = 5)]
		DurationOutOfBounds,
		/// No more deals can be numbered.
		#[codec(index = 6)]
		TooManyDeals,
		/// The amount, or the number of blocks or bytes, is zero.
		#[codec(index = 7)]
		Zero,
		/// The commit was made for another generation than the deal's current one.
		#[codec(index = 8)]
		WrongGeneration,
		/// The number of roots is not the one that the size asks for, or is zero.
		#[codec(index = 9)]
		RootsMismatch,
		/// The deal would have more MDUs than the protocol allows.
		#[codec(index = 10)]
		TooManyMdus,
		/// The index is longer than the payload or than the protocol allows.
		#[codec(index = 11)]
		BadIndexLength,
		/// A root has a non-zero byte 0 or is not a canonical scalar.
		#[codec(index = 12)]
		NonCanonicalRoot,
		/// The free escrow does not cover rent and deposit.
		#[codec(index = 13)]
		InsufficientEscrow,
		/// No such commit.
		#[codec(index = 14)]
		UnknownCommit,
		/// The time to add receipts to the commit is over.
		#[codec(index = 15)]
		GraceOver,
		/// Too many deals wait for their slots.
		#[codec(index = 16)]
		PlacementQueueFull,
		/// No slot of that number, or nobody holds it.
		#[codec(index = 17)]
		NoSuchSlot,
		/// Two receipts for one slot, or the slot has signed the commit before.
		#[codec(index = 18)]
		DuplicateReceipt,
		/// The receipt's last relay block has passed.
		#[codec(index = 19)]
		ReceiptExpired,
		/// The signature is not the slot provider's over this commit.
		#[codec(index = 20)]
		BadReceiptSignature,
		/// Fewer than `k + 1` slots have signed.
		#[codec(index = 21)]
		TooFewReceipts,
		/// A signer's free capacity is too small.
		#[codec(index = 22)]
		ProviderOutOfCapacity,
		/// A signer's stake does not back so many bytes.
		#[codec(index = 23)]
		ProviderOutOfStake,
		/// A parameter is outside its bounds.
		#[codec(index = 24)]
		ParamsOutOfBounds,
		/// More steps than one call may take.
		#[codec(index = 25)]
		TooManySteps,
		/// No deal is due and nothing is left behind.
		#[codec(index = 26)]
		NothingToDo,
		/// The account is not authorised to upload to the deal.
		#[codec(index = 27)]
		UnknownUploader,
		/// As many accounts are authorised to upload to the deal as may be.
		#[codec(index = 28)]
		TooManyUploaders,
		/// The last relay block at which the account may upload has passed.
		#[codec(index = 29)]
		UploaderExpired,
		/// The commit is larger than what the uploader may still commit.
		#[codec(index = 30)]
		BudgetExceeded,
		/// The owner may upload without being authorised.
		#[codec(index = 31)]
		OwnerUploads,
		/// The slot is being repaired, or was replaced for a missing receipt not long ago, or too many of the deal are.
		#[codec(index = 32)]
		SlotNotReplaceable,
		/// The slot has signed the commit, or still may.
		#[codec(index = 33)]
		ReceiptNotMissing,
	}
}
