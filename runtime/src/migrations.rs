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
//! pallet raises its `STORAGE_VERSION` and the test that pins it. Here the migration is put into one of the two lists. It
//! leaves the list in the release after the last one from which a chain may still come, and its code leaves with it.
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

/// Migrations that run whole in the first block under this runtime, in this order, before the hooks of pallets.
pub type SingleBlock = ();

/// Migrations that run in steps, one migration after another, from the first block under this runtime on.
pub type MultiBlock = pallet_deals::migrations::V1ToV2<crate::Runtime>;
