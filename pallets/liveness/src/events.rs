//! What the pallet tells: a section of the pallet's module, which imports it.

use frame_support::pallet_macros::pallet_section;

/// The events. Names in it are those of the pallet's module.
#[pallet_section]
mod events {
	/// What happened, complete enough to rebuild the pallet's state.
	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A round began.
		#[codec(index = 0)]
		RoundBegan {
			/// The round.
			round: Round,
		},
		/// The round in force was drawn.
		#[codec(index = 1)]
		RoundDrawn {
			/// The round.
			round: Round,
			/// The epoch for which it was drawn.
			epoch: Epoch,
			/// `R_e`.
			randomness: Hash32,
			/// Relay block of the record that it comes from.
			record: RelayBlock,
			/// Relay block from which the delays of answers count.
			at: RelayBlock,
		},
		/// Something happened to a provider's allocations. It counts from the next round on.
		#[codec(index = 2)]
		Noted {
			/// The provider.
			provider: T::AccountId,
			/// The number of the note in the provider's journal.
			ticket: u64,
			/// The round in force.
			round: Round,
			/// What happened.
			change: Change,
		},
		/// Changes of earlier rounds were applied to a provider's lists.
		#[codec(index = 3)]
		Advanced {
			/// The provider.
			provider: T::AccountId,
			/// Steps taken.
			steps: u32,
			/// Whether nothing of earlier rounds is left.
			ready: bool,
		},
		/// A provider answered samples.
		#[codec(index = 4)]
		Answered {
			/// The provider.
			provider: T::AccountId,
			/// The epoch.
			epoch: Epoch,
			/// The samples.
			ordinals: Vec<u32>,
			/// What each is worth, of 10,000.
			share: u16,
		},
		/// A provider submitted proofs for what it was asked, and they are wrong. Nothing is answered by them.
		#[codec(index = 5)]
		InvalidProof {
			/// The provider.
			provider: T::AccountId,
			/// The epoch.
			epoch: Epoch,
			/// How many samples the proofs were for.
			items: u32,
			/// What the provider lost, all of which was burned.
			slashed: Amount,
		},
		/// Parameters were set.
		#[codec(index = 6)]
		ParamsSet {
			/// The parameters.
			params: LivenessParams,
			/// The round from which they hold.
			from: Round,
		},
		/// The rent of a slot for a period was settled.
		#[codec(index = 7)]
		Settled {
			/// The provider.
			provider: T::AccountId,
			/// The deal.
			deal: DealId,
			/// The slot.
			slot: SlotIndex,
			/// The period. That in which it ended, for a slot that did.
			period: Period,
			/// What the provider got, and what was burned.
			owed: Earned,
		},
		/// A provider submitted proofs of settlement, and they are wrong. Nothing is settled by them.
		#[codec(index = 8)]
		InvalidSettlement {
			/// The provider.
			provider: T::AccountId,
			/// The period.
			period: Period,
			/// How many samples the proofs were for.
			items: u32,
			/// What the provider lost, all of which was burned.
			slashed: Amount,
		},
		/// Rent was not settled in time. It stays with the deal.
		#[codec(index = 9)]
		RentForfeited {
			/// The provider.
			provider: T::AccountId,
			/// The deal.
			deal: DealId,
			/// The slot.
			slot: SlotIndex,
			/// What it would have got, and what would have been burned, together.
			amount: Amount,
		},
		/// A slot ended, and is owed rent. It can be settled in the next period.
		#[codec(index = 10)]
		RentEnded {
			/// The provider.
			provider: T::AccountId,
			/// The deal.
			deal: DealId,
			/// The slot.
			slot: SlotIndex,
			/// The period in which it ended.
			period: Period,
			/// What it is owed, and what is burned with it.
			owed: Earned,
		},
		/// A provider was silent for too long. It is jailed.
		#[codec(index = 11)]
		Reported {
			/// The provider.
			provider: T::AccountId,
			/// Who reported it. `None` when the chain found it itself.
			reporter: Option<T::AccountId>,
			/// In how many rounds in a row it was silent.
			silent: u32,
			/// What it lost.
			slashed: Amount,
			/// What of that the reporter got. The rest was burned.
			bounty: Amount,
		},
		/// A sample of a slot stayed open, or its rent was not settled in time.
		#[codec(index = 12)]
		SlotMissed {
			/// The provider.
			provider: T::AccountId,
			/// The deal.
			deal: DealId,
			/// The slot.
			slot: SlotIndex,
			/// Misses that are not forgiven.
			misses: u32,
			/// Its health, of 10^9.
			health: u32,
		},
		/// A slot with too many misses was taken from its provider.
		#[codec(index = 13)]
		SlotTaken {
			/// The provider.
			provider: T::AccountId,
			/// The deal.
			deal: DealId,
			/// The slot.
			slot: SlotIndex,
			/// Who reported it. `None` when the chain found it itself.
			reporter: Option<T::AccountId>,
			/// Misses that were not forgiven.
			misses: u32,
			/// What the provider lost.
			slashed: Amount,
			/// What of that the reporter got. The rest was burned.
			bounty: Amount,
		},
		/// A provider waived samples, each with a credit of the slot that it fell on. They count as answered.
		#[codec(index = 14)]
		Waived {
			/// The provider.
			provider: T::AccountId,
			/// The epoch.
			epoch: Epoch,
			/// The samples.
			ordinals: Vec<u32>,
			/// What each is worth, of 10,000.
			share: u16,
		},
		/// A provider stores nothing any more: its account and its journal are not kept.
		#[codec(index = 15)]
		Forgotten {
			/// The provider.
			provider: T::AccountId,
		},
	}
}
