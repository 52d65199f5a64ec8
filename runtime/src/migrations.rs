//! Migrations: how the state that an older runtime left becomes one that this runtime reads.
//!
//! ## When one is needed
//!
//! Whenever this runtime would read an entry of the state otherwise than the runtime before it wrote it: a field more or
//! less, another order, another key or hasher, another name of an item or of a pallet, another meaning of the same
//! bytes. A new item needs none when absence is a good start, and new variants at the end of an enum need none.
//!
//! ## Where it is written
//!
//! In the pallet whose layout changes, in a module `migrations`, with the old types in it, and with its own tests. The
//! pallet raises its `STORAGE_VERSION` and the test that pins it. What takes several pallets is written here. Then the
//! migration is put into one of the two lists. It leaves the list in the release after the last one from which a chain may
//! still come, and its code leaves with it.
//!
//! ## In one block, or over many
//!
//! [`SingleBlock`] is for what is bounded by a constant: parameters, the ends of a queue, the beacon's ring. All of it
//! runs in the first block under this runtime, before anything else, and together with that block's inherents it must
//! stay within the time and the proof that validators allow: if it does not, no validator backs that block and the chain
//! stands still. A migration there is wrapped, so that it runs once and only on the version that it is for:
//!
//! ```ignore
//! // pallets/deals/src/migrations.rs
//! pub type V1ToV2<T> = frame_support::migrations::VersionedMigration<
//!     1,
//!     2,
//!     v2::Unchecked<T>, // `UncheckedOnRuntimeUpgrade`, private
//!     crate::Pallet<T>,
//!     <T as frame_system::Config>::DbWeight,
//! >;
//! ```
//!
//! [`MultiBlock`] is for what grows with deals, commits, slots or providers. Each migration there is a
//! [`SteppedMigration`](frame_support::migrations::SteppedMigration): a step takes as many entries as its meter has room
//! for and returns a cursor to go on from. While any of them runs, blocks have inherents alone, and neither `on_idle` nor
//! `on_poll` run; `on_initialize`, `on_finalize` and the relay chain's clock go on. So what these use, the beacon above
//! all, is migrated in [`SingleBlock`]. The runtime API says nothing about deals and providers until the last step is
//! done: content cannot be read meanwhile, and deadlines pass. A stepped migration
//!
//! * has an identifier that no other ever had, `MigrationId { pallet_id: *b"deals", version_from: 1, version_to: 2 }`;
//! * bounds its steps by `max_steps`, or a fault in it would last for ever;
//! * does nothing, and ends, when the version in the state is not the one that it is for, and writes the new version in
//!   its last step;
//! * changes nothing that was changed already: entries that it made may lie before and behind its cursor.
//!
//! Between upgrades, `MultiBlockMigrations::Cursor` must be empty: an upgrade that begins while another one's steps are
//! not done fails, and freezes the chain. The runtime refuses to schedule one.
//!
//! ## How it is tested
//!
//! A running chain compares no versions: the runtime of a pallet that was not migrated reads on, and wrongly. What
//! compares them is
//!
//! * `check_version` in `node/tests/upgrade.rs`, which `make test` runs after this runtime took over each of the states in
//!   `node/tests/snapshots`. It fails for a pallet whose version was raised when no migration raises it in the state;
//! * the `post_upgrade` that FRAME makes for every pallet under `try-runtime`, run by `Executive::try_runtime_upgrade` with
//!   the checks `All` or `PreAndPost`, in `make try-runtime`. `try_state` and the decoding of the whole state look at no
//!   version. The same target runs `pre_upgrade` and `post_upgrade` of migrations, in which they say what they must not
//!   lose, and every invariant of every pallet.

use crate::{AccountId, Liveness, Mode2, Providers, Runtime};
use frame_support::{
	migrations::{MigrationId, SteppedMigration, SteppedMigrationError},
	weights::{Weight, WeightMeter},
};
use nil_types::{
	CommitInfo, ContentShape, DealId, Generation, Hint, SlotIndex,
	layout::MAX_SLOTS,
	traits::{Allocation, DepartureHooks, EpochClock, ProviderRegistry, SlotHooks},
};
use pallet_deals::{CommitPrices, Commits, Deals};
use pallet_mode2::{Stripe, Stripes};
use pallet_providers::Ledgers;

/// Migrations that run whole in the first block under this runtime, in this order, before the hooks of pallets.
pub type SingleBlock = ();

/// Migrations that run in steps, one migration after another, from the first block under this runtime on.
pub type MultiBlock = (pallet_deals::migrations::V1ToV2<Runtime>, EnterContent, EnterDepartures);

/// Where [`EnterContent`] is: a deal, and the last of its commits that was entered. 0 before the first.
type Entered = (DealId, Generation);

/// Content that was committed before anybody was asked for samples enters the journals of those who signed for it, as if
/// they signed now. So the first round asks for it.
///
/// Rounds do not begin while migrations run, which is how it knows a state that needs it. A message may end a deal
/// meanwhile: one whose turn has not come by then leaves an end in journals of which nothing is found in lists, and so
/// nothing is taken out.
#[derive(Debug)]
pub struct EnterContent;

impl EnterContent {
	/// What a commit may weigh, with all of its slots: for each an entry of the journal and its end, what was signed, and an
	/// account that is watched.
	fn weight() -> Weight {
		let slots = u64::from(MAX_SLOTS);
		let (reads, writes) =
			(slots.saturating_mul(3).saturating_add(7), slots.saturating_mul(5).saturating_add(1));
		Weight::from_parts(slots.saturating_mul(60_000_000), 512 * 1024).saturating_add(
			<Runtime as frame_system::Config>::DbWeight::get().reads_writes(reads, writes),
		)
	}

	/// Enters the next commit of the deal, or goes on to the next deal. `None` when all are through.
	fn next(cursor: Option<Entered>) -> Option<Entered> {
		let mut deals = match cursor {
			None => Stripes::<Runtime>::iter_keys(),
			Some((deal, last)) => {
				let generation = last.saturating_add(1);
				if let Some(commit) = Commits::<Runtime>::get(deal, generation)
					&& let Some(held) = Deals::<Runtime>::get(deal)
				{
					Self::enter(deal, generation, held.hint, &commit);
					return Some((deal, generation));
				}
				Stripes::<Runtime>::iter_keys_from(Stripes::<Runtime>::hashed_key_for(deal))
			},
		};
		deals.next().map(|deal| (deal, 0))
	}

	fn enter(deal: DealId, generation: Generation, hint: Hint, commit: &CommitInfo) {
		let Some(Stripe { profile, slots }) = Stripes::<Runtime>::get(deal) else { return };
		let rows = ContentShape::new(commit.size_bytes).blobs_per_slot(&profile);
		// What was committed before rent was paid has none, and earns nothing: nobody knows what was locked for it.
		let price = CommitPrices::<Runtime>::get(deal, generation);
		for (slot, held) in (SlotIndex::MIN..).zip(slots) {
			let signed = commit.signed.checked_shr(slot.into()).is_some_and(|bits| bits & 1 == 1);
			let Some(provider) = held.state.provider().filter(|_| signed) else { continue };
			let first_mdu = commit.first_mdu;
			let allocation =
				Allocation { deal, slot, generation, hint, profile, first_mdu, rows, price };
			Liveness::signed(provider, allocation);
		}
	}
}

/// A step of what is done in states without rounds alone: as many times `next` as there is room for, each of weight `required`.
fn before_rounds<Cursor>(
	mut cursor: Option<Cursor>,
	meter: &mut WeightMeter,
	required: Weight,
	next: impl Fn(Option<Cursor>) -> Option<Cursor>,
) -> Result<Option<Cursor>, SteppedMigrationError> {
	if Liveness::round() > 0 {
		return Ok(None);
	}
	if !meter.can_consume(required) {
		return Err(SteppedMigrationError::InsufficientWeight { required });
	}
	while meter.try_consume(required).is_ok() {
		cursor = next(cursor);
		if cursor.is_none() {
			break;
		}
	}
	Ok(cursor)
}

impl SteppedMigration for EnterContent {
	type Cursor = Entered;
	type Identifier = MigrationId<8>;

	fn id() -> Self::Identifier {
		MigrationId { pallet_id: *b"liveness", version_from: 0, version_to: 1 }
	}

	/// As of deals: most steps enter as many commits as a block has room for.
	fn max_steps() -> Option<u32> {
		Some(100_000)
	}

	fn step(
		cursor: Option<Self::Cursor>,
		meter: &mut WeightMeter,
	) -> Result<Option<Self::Cursor>, SteppedMigrationError> {
		before_rounds(cursor, meter, Self::weight(), Self::next)
	}
}

/// Providers that began to drain when nobody replaced them enter the queue of those who depart.
///
/// It knows a state that needs it as [`EnterContent`] does.
#[derive(Debug)]
pub struct EnterDepartures;

impl EnterDepartures {
	/// Looking at a provider, and a place in the queue with its end.
	fn weight() -> Weight {
		Weight::from_parts(40_000_000, 16 * 1024)
			.saturating_add(<Runtime as frame_system::Config>::DbWeight::get().reads_writes(4, 2))
	}

	/// Looks at the provider after the last one. `None` when there are no more.
	fn next(cursor: Option<AccountId>) -> Option<AccountId> {
		let mut providers = match cursor {
			None => Ledgers::<Runtime>::iter(),
			Some(last) => Ledgers::<Runtime>::iter_from(Ledgers::<Runtime>::hashed_key_for(last)),
		};
		let (provider, ledger) = providers.next()?;
		if ledger.slots > 0 && Providers::departure(&provider).is_some() {
			Mode2::departs(&provider);
		}
		Some(provider)
	}
}

impl SteppedMigration for EnterDepartures {
	type Cursor = AccountId;
	type Identifier = MigrationId<8>;

	fn id() -> Self::Identifier {
		MigrationId { pallet_id: *b"departed", version_from: 0, version_to: 1 }
	}

	/// Most steps look at as many providers as a block has room for.
	fn max_steps() -> Option<u32> {
		Some(10_000)
	}

	fn step(
		cursor: Option<Self::Cursor>,
		meter: &mut WeightMeter,
	) -> Result<Option<Self::Cursor>, SteppedMigrationError> {
		before_rounds(cursor, meter, Self::weight(), Self::next)
	}
}
