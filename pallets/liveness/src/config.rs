//! What the pallet needs of its runtime: a section of the pallet's module, which imports it.

use frame_support::pallet_macros::pallet_section;

/// The configuration. Names in it are those of the pallet's module.
#[pallet_section]
mod config {
	/// What the pallet needs. In hashes, a provider is the 32 bytes of its operator's account.
	#[pallet::config]
	pub trait Config:
		frame_system::Config<
			RuntimeEvent: From<Event<Self>>,
			Hash: Into<Hash32>,
			AccountId: Into<Hash32>,
		>
	{
		/// Who may set parameters.
		type AdminOrigin: EnsureOrigin<Self::RuntimeOrigin>;

		/// The relay chain's clock and randomness. It must keep records for longer than an epoch.
		type Beacon: RelayBeacon;

		/// The content that samples are of. Its rounds must be those of this pallet.
		type Content: ContentSource;

		/// What slots earned by serving reads. Its rounds must be those of this pallet.
		type Credits: CreditSource<Self::AccountId>;

		/// The rent that deals have locked. Its deals must be those of the content.
		type Purse: RentPurse<Self::AccountId>;

		/// What providers have at stake.
		type Stakes: Slashing<Self::AccountId>;

		/// Who takes slots from their providers. Tells [`SlotHooks`] of it at once.
		type Evictions: Evictions<Self::AccountId>;

		/// The arithmetic of proofs.
		type Answers: AnswerMath;

		/// Relay blocks from the start of an epoch to the first record that may draw it. More than a relay parent may be
		/// behind, and less than an epoch.
		#[pallet::constant]
		type DrawDelay: Get<RelayBlock>;

		/// Shortest epoch that a genesis may have.
		#[pallet::constant]
		type MinEpochLength: Get<RelayBlock>;

		/// Most samples that an epoch may ask a provider for.
		#[pallet::constant]
		type MaxSamples: Get<u32>;

		/// Highest factor by which hot deals may be asked for more often than cold ones.
		#[pallet::constant]
		type MaxHotFactor: Get<u32>;

		/// Largest share of the samples due that credits may waive, in units of 1/10,000: not all.
		#[pallet::constant]
		type MaxCreditCap: Get<u16>;

		/// Items that one [`Call::submit_proofs`] may have, and ordinals that one [`Call::waive`] may.
		#[pallet::constant]
		type MaxItems: Get<u32>;

		/// Steps that one [`Call::advance`] may take.
		#[pallet::constant]
		type MaxSteps: Get<u32>;

		/// Fewest silent rounds in a row after which providers may be reported.
		#[pallet::constant]
		type MinSilentRounds: Get<u32>;

		/// Fewest misses after which a slot may be taken from its provider.
		#[pallet::constant]
		type MinEvictMisses: Get<u32>;

		/// Slots, and as many silent providers, that a block looks at without a report.
		#[pallet::constant]
		type MaxSweeps: Get<u32>;

		/// Largest share of the stake for what failed that may be taken at once, in units of 1/10,000.
		#[pallet::constant]
		type MaxSlash: Get<u16>;

		/// Largest share of a slash that a reporter may get, in units of 1/10,000: no more than half.
		#[pallet::constant]
		type MaxBounty: Get<u16>;

		/// Weights of the calls and of the hook.
		type WeightInfo: WeightInfo;
	}
}
