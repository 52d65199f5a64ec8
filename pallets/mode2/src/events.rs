//! What the pallet tells: a section of the pallet's module, which imports it.

use frame_support::pallet_macros::pallet_section;

/// The events. Names in it are those of the pallet's module.
#[pallet_section]
mod events {
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
		/// A slot ended with its deal, or was given to another provider or taken. Its provider may be asked for what it stored
		/// to the end of the round, and must keep it until its rent is settled or forfeited.
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
		/// A slot gets another provider.
		#[codec(index = 6)]
		RepairRequested {
			/// The deal.
			deal: DealId,
			/// The slot.
			slot: SlotIndex,
			/// Why.
			cause: RepairCause,
			/// The first randomness recorded at or after this relay block draws a candidate.
			draw_at: RelayBlock,
		},
		/// No candidate was found; the repair waits on.
		#[codec(index = 7)]
		RepairDeferred {
			/// The deal.
			deal: DealId,
			/// The slot.
			slot: SlotIndex,
			/// Draws so far.
			attempts: u32,
			/// The first randomness recorded at or after this relay block draws again.
			draw_at: RelayBlock,
		},
		/// A candidate for a slot was drawn. It may decline.
		#[codec(index = 8)]
		CandidateDrawn {
			/// The deal.
			deal: DealId,
			/// The slot.
			slot: SlotIndex,
			/// The candidate.
			candidate: T::AccountId,
			/// The deal's generation.
			generation: Generation,
			/// Bytes that are booked with it.
			reserved: u64,
			/// The first randomness recorded at or after this relay block draws its samples.
			samples_at: RelayBlock,
		},
		/// The samples of a candidate were drawn, and its window began.
		#[codec(index = 9)]
		SamplesDrawn {
			/// The deal.
			deal: DealId,
			/// The slot.
			slot: SlotIndex,
			/// The candidate.
			candidate: T::AccountId,
			/// `R`, from which the samples follow.
			samples: Hash32,
			/// The last relay block of the window.
			until: RelayBlock,
		},
		/// A candidate was let go; another is drawn.
		#[codec(index = 10)]
		CandidateDismissed {
			/// The deal.
			deal: DealId,
			/// The slot.
			slot: SlotIndex,
			/// The candidate.
			candidate: T::AccountId,
			/// Why.
			reason: Dismissal,
			/// The first randomness recorded at or after this relay block draws another.
			draw_at: RelayBlock,
		},
		/// A candidate proved that it has a slot up to a generation, and is its provider.
		#[codec(index = 11)]
		RepairCompleted {
			/// The deal.
			deal: DealId,
			/// The slot.
			slot: SlotIndex,
			/// Its provider from now on.
			provider: T::AccountId,
			/// What it proved.
			generation: Generation,
			/// Why the slot was repaired.
			cause: RepairCause,
		},
		/// A slot's new provider owes a commit that it did not sign.
		#[codec(index = 12)]
		CommitAdopted {
			/// The deal.
			deal: DealId,
			/// The slot.
			slot: SlotIndex,
			/// The generation that the commit made.
			generation: Generation,
			/// The provider.
			provider: T::AccountId,
			/// Bytes that it stores for the commit.
			bytes: u64,
		},
		/// A candidate's proofs were wrong, or of other content than the chain's when the round in force began.
		#[codec(index = 13)]
		InvalidRepair {
			/// The deal.
			deal: DealId,
			/// The slot.
			slot: SlotIndex,
			/// The candidate.
			candidate: T::AccountId,
			/// What it was to prove.
			generation: Generation,
		},
		/// A slot was taken from its provider.
		#[codec(index = 14)]
		SlotEvicted {
			/// The deal.
			deal: DealId,
			/// The slot.
			slot: SlotIndex,
			/// Who held it.
			provider: T::AccountId,
		},
		/// A deal ended while a slot of it was repaired.
		#[codec(index = 15)]
		RepairWithdrawn {
			/// The deal.
			deal: DealId,
			/// The slot.
			slot: SlotIndex,
		},
		/// More than `m` slots of a deal are nobody's. It can be read again when enough of those come back whom they were
		/// taken from.
		#[codec(index = 16)]
		DealLost {
			/// The deal.
			deal: DealId,
			/// How many slots.
			missing: u8,
		},
		/// A lost deal has enough slots again.
		#[codec(index = 17)]
		DealRecovered {
			/// The deal.
			deal: DealId,
		},
	}
}
