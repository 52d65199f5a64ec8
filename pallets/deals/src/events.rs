//! What the pallet tells: a section of the pallet's module, which imports it.

use frame_support::pallet_macros::pallet_section;

/// The events. Names in it are those of the pallet's module.
#[pallet_section]
mod events {
	/// What happened, complete enough to rebuild the pallet's state.
	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A deal was created and waits for its slots.
		#[codec(index = 0)]
		DealCreated {
			/// The deal.
			deal: DealId,
			/// Who pays, commits and cancels.
			owner: T::AccountId,
			/// How it is striped.
			profile: Profile,
			/// Which providers may be drawn.
			hint: Hint,
			/// Relay block of the request.
			created_at: RelayBlock,
			/// The first relay block at which it is over.
			expires_at: RelayBlock,
			/// The fee taken.
			fee: Amount,
			/// Escrow held.
			escrow: Amount,
			/// Deposit held for the slots.
			deposit: Amount,
			/// What may be spent per month beyond rent.
			max_monthly_spend: Amount,
		},
		/// All slots of a deal are drawn; content may be committed.
		#[codec(index = 1)]
		DealActivated {
			/// The deal.
			deal: DealId,
		},
		/// Content was committed.
		#[codec(index = 2)]
		ContentCommitted {
			/// The deal.
			deal: DealId,
			/// The generation that the commit made.
			generation: Generation,
			/// First MDU of the commit in the slab.
			first_mdu: u64,
			/// MDUs of the commit.
			mdus: u32,
			/// Payload bytes, index included.
			size_bytes: u64,
			/// Length of the index, the payload's tail.
			index_len: u32,
			/// `H` of the index bytes.
			index_root: Hash32,
			/// `H` of the commit's MDU roots.
			roots_hash: Hash32,
			/// Bit `s` is set when slot `s` has signed.
			signed: u32,
			/// Bytes that all slots together store for it.
			stored_bytes: u64,
			/// Rent moved from free escrow to locked.
			rent: Amount,
			/// Deposit moved from free escrow.
			deposit: Amount,
			/// Who committed: the owner, or an uploader, whose budget shrank by `size_bytes`.
			by: T::AccountId,
			/// Relay block of the commit, from which late receipts have their grace.
			at: RelayBlock,
		},
		/// A slot signed a commit late.
		#[codec(index = 3)]
		ReceiptAdded {
			/// The deal.
			deal: DealId,
			/// The generation that the commit made.
			generation: Generation,
			/// The slot.
			slot: SlotIndex,
		},
		/// Escrow was added.
		#[codec(index = 4)]
		ToppedUp {
			/// The deal.
			deal: DealId,
			/// Who paid.
			by: T::AccountId,
			/// How much.
			amount: Amount,
		},
		/// A deal got a later deadline.
		#[codec(index = 5)]
		DealExtended {
			/// The deal.
			deal: DealId,
			/// The first relay block at which it is over now.
			expires_at: RelayBlock,
			/// Rent moved from free escrow to locked.
			rent: Amount,
		},
		/// A deal ended; providers may free its space.
		#[codec(index = 6)]
		DealEnded {
			/// The deal.
			deal: DealId,
			/// Who owned it.
			owner: T::AccountId,
			/// Why it ended.
			reason: EndReason,
			/// What was released to the owner.
			refunded: Amount,
		},
		/// Nothing of an ended deal is left in state.
		#[codec(index = 7)]
		RemnantsRemoved {
			/// The deal that was.
			deal: DealId,
		},
		/// Prices, fees or durations were set.
		#[codec(index = 8)]
		ParamsSet {
			/// What holds from now on.
			params: DealParams,
		},
		/// An account may upload to a deal. What it was authorised to before no longer counts.
		#[codec(index = 9)]
		UploaderAuthorized {
			/// The deal.
			deal: DealId,
			/// The account.
			uploader: T::AccountId,
			/// Payload bytes that it may commit.
			max_bytes: u64,
			/// Last relay block at which it may.
			until: RelayBlock,
			/// Deposit moved from free escrow, after that of an authorisation replaced returned to it.
			deposit: Amount,
		},
		/// An account may not upload to a deal any more.
		#[codec(index = 10)]
		UploaderRevoked {
			/// The deal.
			deal: DealId,
			/// The account.
			uploader: T::AccountId,
			/// Payload bytes of its budget that it had not committed.
			left: u64,
			/// Deposit moved back to free escrow.
			deposit: Amount,
		},
		/// By an extension all that the slots of a deal have signed earns more.
		#[codec(index = 11)]
		RentRaised {
			/// The deal.
			deal: DealId,
			/// How much more, per GiB and relay block.
			price: Amount,
		},
		/// Locked rent was paid to a provider, and a part of it burned.
		#[codec(index = 12)]
		RentPaid {
			/// The deal.
			deal: DealId,
			/// The provider.
			to: T::AccountId,
			/// What it got.
			paid: Amount,
			/// What was burned.
			burned: Amount,
		},
		/// A deal that is ending owes rent to one of its slots. It stays on hold.
		#[codec(index = 13)]
		RentOwed {
			/// The deal.
			deal: DealId,
			/// How much, beside what it owes others.
			amount: Amount,
			/// The first relay block at which it can no longer be paid.
			until: RelayBlock,
		},
		/// What a deal that was owed and nobody claimed in time was released to who owned it.
		#[codec(index = 14)]
		OwedReleased {
			/// The deal that was.
			deal: DealId,
			/// Who owned it.
			owner: T::AccountId,
			/// How much.
			amount: Amount,
		},
		/// Deals created from now on owe rent at least for so long.
		#[codec(index = 15)]
		MinTermSet {
			/// Relay blocks from their creation.
			blocks: RelayBlock,
		},
	}
}
