//! # Liveness
//!
//! Asks every provider, once per epoch, for samples of all that it stores, keeps account of the answers, and pays rent for
//! them, slot by slot.
//!
//! ## Terms
//!
//! * **Epoch**: relay blocks `e * EpochLength ..= (e + 1) * EpochLength - 1`.
//! * **`R_e`**: its randomness, `H("nil/epoch/v1" ‖ genesis ‖ e ‖ record)` with the beacon's first record at or after relay
//!   block `e * EpochLength + DrawDelay`.
//! * **Round**: an epoch in which samples are asked for, by its place among these, counted from 1 without gaps. It is *in
//!   force* from when it begins until the next one does, and *drawn* once its `R_e` is known.
//! * **Allocation**: what a provider owes for one slot and commit that it signed: `rows` blobs ([`Allocation`]).
//! * **Lists**: a provider's allocations, in one dense list for each hint (hot or cold) and size class ([`Entries`]).
//! * **Slots**: those slots of a provider that have allocations, in one dense list ([`Slots`]).
//! * **Tenure**: all that a provider signed for a slot since it got it, listed or not ([`Tenure`]).
//! * **Census**: the lengths of all these lists.
//! * **Journal**: what happened to a provider's allocations and is not in its lists yet, in order ([`Note`]).
//! * **Book**: a provider's census and account ([`Book`]).
//! * **Ordinal**: the number of a sample, from 0.
//! * **Period**: epochs `p * SettlementEpochs ..= (p + 1) * SettlementEpochs - 1`.
//! * **Settlement**: the proof of samples of a slot, against which it is paid what it earned in a period.
//!
//! ## Who calls what
//!
//! | what | by | when |
//! |---|---|---|
//! | [`submit_proofs`](Call::submit_proofs) | the provider's operator, free of fees if it answered all | the round in force is drawn |
//! | [`waive`](Call::waive) | the provider's operator, free of fees | the round in force is drawn |
//! | [`advance`](Call::advance) | anyone, free of fees if it did something | changes of earlier rounds are left, or samples of the last one open |
//! | [`settle`](Call::settle) | the provider's operator | in the period after the one that is settled |
//! | [`report`](Call::report) | anyone, for a bounty | a provider was silent for too long |
//! | [`report_slot`](Call::report_slot) | anyone, for a bounty | a slot has too many misses |
//! | [`forfeit`](Call::forfeit) | anyone, free of fees if something was forfeited | nothing was settled in time |
//! | [`set_params`](Call::set_params) | [`Config::AdminOrigin`] | |
//! | [`SlotHooks`] | the slots | a provider signs a commit, what it signed earns more, a slot ends |
//! | [`EpochClock`] | the keeper of content | it changes |
//!
//! ## Rounds
//!
//! Both of these happen between the inherents and the transactions of a block:
//!
//! ```text
//! a round begins  in the first block whose relay parent lies in a later epoch than the one that was drawn last
//! it is drawn     in the first block that has the record for the epoch in which its own relay parent lies
//! ```
//!
//! So a round begins before its randomness exists, by [`Config::DrawDelay`]. A block may be built upon a relay parent that
//! is some blocks old. When a record is known to everybody there may still come blocks upon relay parents from before it,
//! and who makes or fills these must not be able to change what it draws from. None of them comes from before the round.
//!
//! An epoch may pass without a record, when the relay chain has none or this chain stands still. Then the round that waits
//! for it is drawn for the next epoch that has one. So every round that is over was drawn, and nobody is blamed for an epoch
//! in which nothing was asked.
//!
//! ## What is asked
//!
//! What a provider is asked in a round follows from `R_e` and from what had happened to its allocations before the round
//! began, and from nothing else. So no list is touched by what happens. Commits and ends are written into the journal, with
//! the round in force, and [`advance`](Call::advance) applies what is of *earlier* rounds, in order; while some of it is
//! left, the provider cannot answer. It does not matter who applies it, when in the round, or in how many steps: there is
//! one outcome, and whoever knows `R_e` can neither add a change to it nor hold one back.
//!
//! ```text
//! signed  -> the allocation is appended to the list of its hint and class; a new slot is appended to the slots
//! raised  -> what is listed of the slot earns more; no list changes
//! ended   -> the slot's allocations leave their lists, the one signed last first, one per step; then the slot leaves
//! leaving -> the last of the list takes the place
//! ```
//!
//! The round of a note is that in force when it is written. Hooks of other pallets that run before this one's in the block in
//! which a round begins still write the old one. What they do follows from earlier blocks, so nobody chooses it there either.
//!
//! What ends in a round is therefore owed to its end, and what is signed in it is owed from the next one on. Manifests are
//! read as the round found them ([`ContentSource`]), and parameters hold from the round after the one in which they were set.
//!
//! ```text
//! due    = min(samples_per_epoch, blobs in all lists)
//! sample = nil_types::challenge::sample(R_e, provider, ordinal, census, hot_factor, lists)     for ordinals below due
//! row    = the sample's row                 in the allocation that it drew from the lists
//!          the sample's row - start         in the allocation in which that row of the slot lies, if it drew a slot
//! mdu    = first_mdu + row / profile.rows
//! leaf   = profile.leaf(slot, row % profile.rows)
//! ```
//!
//! The rows of a slot are those of its allocations, in the order in which they were signed, which is that of their
//! generations but for late receipts; `start` is an allocation's first row among them. Which allocation a row of a slot
//! lies in is said by who answers, and checked in one read: [`Item::place`].
//!
//! ## Answers
//!
//! An answer names the epoch, and the block that drew its round by its hash. So one that was made on another branch of the chain
//! is refused as stale, and never taken for a wrong one. That block's hash is known from the block after it on, which keeps it
//! ([`EpochRecord::block`]), and answers are taken from there on. An answer has up to [`Config::MaxItems`] items, one for each ordinal that it answers, and one
//! opening for all of them. A round's ordinals may be answered in several calls, each ordinal once. Checks are made in the
//! order of the [errors](Error), and each of them refuses the whole call, which then changes nothing:
//!
//! | submission | outcome |
//! |---|---|
//! | while the round in force is not drawn, and in the block that draws it | `NotDrawn` |
//! | for another epoch than the one that was drawn | `WrongEpoch` |
//! | for a round that another block drew | `Stale` |
//! | without items | `NoItems` |
//! | with more than `MaxItems` items, or with a longer path than any profile has | does not decode |
//! | while changes of earlier rounds are left, or open samples of the last one are to be named | `NotAdvanced` |
//! | of somebody who owes nothing | `NothingDue` |
//! | with an ordinal twice, or in another order | `OutOfOrder` |
//! | with an ordinal that is not due | `NoSuchOrdinal` |
//! | with an ordinal that was answered before | `AlreadyAnswered` |
//! | with blobs that were not asked for, another provider's for example | `WrongPlace`, `WrongMdu`, `WrongLeaf` |
//! | with items that have not the form of the deal's profile | `BadStructure` |
//! | of some of the ordinals due | they count; the others can still be answered |
//!
//! An answer that is right is free of fees if it has an item for each ordinal that was open, or as many as a call may
//! have: to be asked is not to be taxed, and there is one such call in a round, or few. Answers that are split further pay
//! for themselves, for each costs the chain a pairing; so do those that leave something out, and those that are wrong.
//!
//! Only when nothing of this is found are the proofs checked, all with one call to [`AnswerMath`]. If they are wrong, the
//! call does *not* fail, because then it could leave no trace: nothing is answered, it costs its whole fee, and
//! [`Event::InvalidProof`] tells. Unless `slashing` is off the caller loses a share `slash_invalid` of the stake that it must
//! hold, at once, all of which is burned.
//!
//! ### Why nobody else is to blame for wrong proofs
//!
//! What an item must prove follows from what the drawing block `B` and its ancestors left, wherever on a branch with `B` in it the
//! call is included, so who has seen `B` can tell:
//!
//! * *`R_e`, due samples, parameters*: drawn in `B`; parameters of a round were set before it began, and `B` lies in it.
//! * *Lists*: what the round found, which is what earlier rounds noted, and all of that lies before the round began. Notes may be
//!   applied after `B`, and while some are left nothing is checked. There is one outcome of them.
//! * *Deals that end* stay in the lists to the round's end, by a note like any other.
//! * *Manifests*: as the round found them, kept beside what commits made of them since. While the round lasts neither those nor
//!   commits of deals that ended leave state.
//! * *Where an allocation stands*, which an item says, is checked before any proof, and refused without a slash.
//!
//! `B` may lie deeper than the block that drew, if the next one had no room to keep its hash: then more is fixed by it, not less.
//! What is not fixed is the code. An upgrade in the middle of a round must not change what is proven.
//!
//! ## Credits
//!
//! Who served a slot to readers showed that it has it. For each blob of a session that was settled, with sampled proofs that
//! passed, the slot has a credit, and [`waive`](Call::waive) spends one in the place of an answer:
//!
//! ```text
//! may be waived  = ordinals below floor(due * credit_cap / 10,000) that are open
//! by             = a credit of the (deal, slot) that the ordinal falls on, earned in a round before this one
//! ```
//!
//! The chain draws the ordinal to find its slot; nothing is proven. A waived ordinal is answered in every respect: it is worth
//! what an answer is at that time, and misses nothing. A slot's rent is settled against proofs all the same.
//!
//! Which ordinals may be waived follows from their numbers, and not from a count of those that were: else a provider
//! would waive those that ask for what it lost of a slot, and prove the others. So a share `1 - credit_cap` of all draws is
//! proven or missed, whatever anybody serves, and whichever slot a credit is of, it excuses no other.
//!
//! Credits are those that the round found ([`CreditSource`]): none that is earned after `R_e` is known counts in its round. A
//! call without enough of them is refused, and never slashed. What is checked is in the order of answers, and then
//! `NotWaivable`, `VoidOrdinal`, `NoCredit`.
//!
//! ## Accounts
//!
//! An answer is worth more the sooner it comes. `delay` counts relay blocks from the one in which the round was drawn, not
//! from the epoch's start, so that nobody pays for a collator that was late:
//!
//! ```text
//! share(delay) = 10,000              if delay <= prompt_blocks
//!                late[i].share       for the first i with delay <= late[i].within
//!                0                   else
//! credit       = sum of share over the ordinals answered in the round
//! growth       = floor(10^9 * credit / (10,000 * due))
//! index        = sum of growth over all rounds
//! ```
//!
//! So a provider that answers everything in time has an index that grows by exactly [`INDEX_ONE`], 10^9, per round. A round
//! is closed lazily, when the book is next touched in a later one, and any number of rounds at once: between two changes of
//! its lists a provider owes something in all rounds or in none. Closing counts
//!
//! * `silent`: rounds in which something was due and nothing was answered;
//! * `missed`: ordinals that stayed open in rounds that were not silent;
//! * `health`: of 10^9, from 10^9 on, `health = health - floor(health / 8) + floor(share answered / 8)` in each round in which
//!   something was due;
//! * `silent_row`: how many of the last rounds were silent in a row.
//!
//! Who was silent in `silent_rounds` rounds in a row may be reported by anyone, once for each such row, and once all notes of
//! earlier rounds are applied, which anyone does for free (`NotAdvanced`). It is jailed, so that it
//! gets no new slots, and unless `slashing` is off (while a network starts) it loses a share `slash` of the stake that it must
//! hold, of which a share `bounty` is the reporter's and the rest burned.
//!
//! ## Misses of slots
//!
//! An ordinal that stayed open in a round that was not silent is a miss of the slot that it fell on: one for each slot, however
//! many fell on it, so that a bad hour is a miss and not all that a slot may have. It is *named* in the round
//! after: drawn anew, from the `R_e` of its round and the lists that this round found. Those still stand then. What happened
//! before that round was applied before anything in it was answered, and what happened in it is applied only when all is named:
//!
//! ```text
//! a step of advance = name the next open ordinal of the last round, if any is left; else apply from the journal
//! ```
//!
//! Until then the provider cannot answer. So it names its own misses, or somebody else does, before it earns again. When nobody
//! did in that round, they are not named any more: the provider was silent in it. [`Book::named`] says how far it has come.
//!
//! So is each touch that finds rent forfeited a miss of the slot, unless one was counted in that round. What ended misses nothing. Misses heal with rounds, which a
//! slot reckons when it is next touched ([`Faults`]):
//!
//! ```text
//! deficit = deficit * (7/8)^rounds        in each round that passes, rounded down
//! deficit = deficit + floor((10^9 - deficit) / 8)       for each miss
//! health  = 10^9 - deficit
//! misses  = misses + 1 for each miss, and - 1 (to 0 at least) for each `forgive_rounds` rounds
//! ```
//!
//! A slot with `evict_misses` may be reported by anyone: it is taken from its provider ([`Config::Evictions`]), and unless
//! `slashing` is off that loses a share `slash_slot` of the stake which it must hold for what is listed of the slot.
//!
//! Nobody has to report anything. A slot that reached `evict_misses` enters a queue. Every provider that has a book stands once in
//! another one, from its first note on, and is looked at `silent_rounds` rounds after it was last, or when it comes to the head.
//! `on_idle` serves both in order, up to [`Config::MaxSweeps`] of each in a block: as a report does, with the bounty burned.
//! Before a provider is looked at its notes are applied, a few at each sweep, and it keeps its turn until they are: who is gone
//! applies none itself. When it then has nothing in its lists and no notes, its book and its journal are removed: after it was
//! reported, if it was silent for too long before it lost what it had.
//!
//! ## Rent
//!
//! ```text
//! rate(slot)  = sum over what it signed of floor(price * bytes * epoch_length / GiB)        per round
//! late        = floor(10^9 * (10,000 * answered - credit) / (10,000 * due))                 beside the growth of a round
//! paid        = floor(rate * growth of the index / 10^9)
//! burned      = floor(rate * growth of the sum of late / 10^9)
//! ```
//!
//! A slot keeps the counters of its provider up to which it is reckoned, so what it earned since follows when it is next
//! touched: in a constant number of reads and writes, whatever happened meanwhile. It is touched before its rate changes,
//! which is when the journal is applied: a provider with changes left cannot answer, so its counters stand where the change
//! found them. What is signed or raised in a round earns from the next one on, and what ends in a round earned up to the one
//! before.
//!
//! What a slot earned in a period is *open* until the period is over, and then *closed* for one period, in which the provider
//! may settle it. For that a book keeps the counters as the last two periods left them. What was not settled then is
//! *forfeited*: it is nobody's, and stays with the deal, as does all that its slot failed to earn (the deal's repair reserve).
//!
//! A slot that ends is owed what is open and closed together, and up to the deal's least term ([`Term::least`]) its rate as if
//! all had been answered: for what is not listed yet as well, from the epoch after the present one on. It is settled in the
//! period after the one in which it ended ([`Endings`]). Who loses a slot twice in a period is owed both in one; in different
//! periods each is kept.
//!
//! No deal pays more than it locked. A commit at relay block `t` of a deal that is over at `E` locks `price * bytes * (E - t) /
//! GiB` for the slot at least. It earns for rounds of different epochs, all after that of `t` and before that of `E`, however
//! late somebody ends the deal: a touch counts no more growth than a whole for each epoch since the last touch, and none for
//! the epoch of `E` and those after it. Those are fewer than `(E - t) / epoch_length`. The same holds for a raise, and for a
//! least term, which is no later than `E`.
//!
//! ## Settlement
//!
//! A settlement names the block that drew the round in force, as answers do, and wrong proofs are slashed like theirs. That round
//! was drawn in the present period, so the last one lies before that block, with what was earned in it and the
//! MDUs that were listed when it ended: notes that are applied later are reckoned before they add any. Manifests are those that
//! the round in force found, and rows follow from the sizes of commits, which never change. Who signed a commit is said by the
//! lists, which must be those that the round found: while notes are left nothing is settled.
//!
//! A period is settled against rows that follow from the `R_e` of the first round that is drawn after it ([`Pallet::seal`]), so
//! they are known to nobody while the rent is earned or while what it is earned for can still change, and cannot be diluted by
//! other slots:
//!
//! ```text
//! seed(try) = H("nil/settle/v1" ‖ R ‖ provider ‖ deal ‖ slot ‖ sample ‖ try)     samples 0 .. settle_samples
//! mdu(try)  = uniform(first half of the seed, mdus)                              up to the last one that was listed by then
//! row       = uniform(last half, live rows of that MDU)                          of the first try whose commit the provider signed
//! z         = hash_to_Fr("nil/settle/z/v1" ‖ R ‖ provider)
//! gamma     = hash_to_Fr("nil/settle/gamma/v1" ‖ R ‖ provider ‖ deal ‖ slot ‖ sample)
//! ```
//!
//! A provider signed the commits that are listed for the slot; of one that ended, those that left the lists by its end
//! ([`EndedCommits`]). What others signed for the slot before or after does not count, nor what was taken from it since.
//!
//! An item names the commit of each try, which is checked in one read; after [`SETTLE_TRIES`] the sample is void, and nothing
//! is proven under it. Several slots may be settled in one call, with one opening for all. What is checked is in the order
//! `WrongPeriod`, `NotDrawn`, `Stale`, `NoItems`, `NotAdvanced`, and then slot by slot `OutOfOrder`, `WrongSamples`, `NothingOwed`,
//! `WrongCommit`, `BadStructure`; wrong proofs settle nothing and are no error. While the round in force waits, nothing can be
//! settled.
//!
//! ## Limits
//!
//! * Silence is nobody's miss but the provider's: one that is silent in just the rounds that ask for a slot which it lost has no
//!   misses of it. Each time it pays with a round's rent for all others, and for that slot no settlement can be made.
//! * A late receipt that is given after a period may still bring a commit into the draws of its settlement.
//! * What a slot earned in the last period, and did not settle when it ends, is settled with the rest, against rows that are
//!   drawn a period later. So who leaves a slot after it has seen its rows may have others.
//! * Misses that nobody names in the round after are not counted for their slots. A provider that answers every other round alone
//!   earns half, and is found out as soon as anybody names them for it.
//! * A slot that answers all samples and settles nothing earns nothing. It is evicted only if periods are shorter than it takes to
//!   forgive a miss.
//! * A candidate that signed for a slot before it holds it misses samples of it, and does not lose it for that: its repair ends
//!   with its window.
//! * Who is silent and whom nobody reports is found within twice `silent_rounds`, while blocks have room, and later by what waits
//!   in journals: its own, and those of all that are before it in the queue. That is as many blocks as these have steps, over
//!   [`Config::MaxSweeps`] times 8. Who gets many commits ended at once and applies none keeps all behind it waiting so long; they
//!   can still be reported, and anyone may `advance` the first one.
//! * A provider that signed next to nothing of a deal has void samples: of a deal with a share `s` of MDUs that it signed, a
//!   sample is void with a probability of `(1 - s)^16`.
//! * What a slot that ended is owed leaves state when it is settled, or when `on_idle` comes to it, with the list of what it had
//!   signed: that serves those that ended in their order, with what its meter has left when misses and silence were looked
//!   after. When a period begins that may be more than many blocks have room for.
//! * A provider of whom nothing was kept for lack of content begins a new account, with full health.
//! * What is drawn is void with a probability of less than 2^-200; such an ordinal cannot be answered (`VoidOrdinal`).
//! * A sample reads one entry, and one more for each draw that missed, which is one in nine at most; every eighth reads a
//!   slot before. Each manifest point is read once per call.
//! * Keys end in numbers that the chain gives out, so these are not hashed. A slot takes 296 bytes of state, keys included,
//!   each commit 152. A change waits in the journal with 110 bytes at most until it is applied. A book has 5 bytes for each
//!   list, whatever it holds. Nothing grows with time.
//! * No hook walks deals, slots or providers: `on_idle` takes from queues, a few at a time; `on_poll` looks at the clock, and
//!   writes five entries per round, and one more in the first of a period.
//! * A round that waited is drawn when it can be, perhaps shortly before its epoch and it are over. Who is silent then is no
//!   more to blame than the chain.
//! * A slot with very many commits takes as many steps to leave. Every one of them was signed, and its step paid for with
//!   the commit, but until they are through the provider cannot answer.
//! * Who commits pays for the steps by which what was signed enters lists and leaves them, once. When a slot changes hands its
//!   commits leave one provider's lists and enter another's: two steps for each, which nobody pays for. An owner can cause that
//!   for a slot once in the cooldown of its repairs.
//!
//! ## Invariants
//!
//! Checked by `try_state` and stated there: lists and journals are dense; the census has the lengths of the lists, the
//! book their blobs; what is owed is reckoned up to rounds that are closed; entries and places say the same, and so do
//! slots and their places; the allocations of a slot lie one after another in its rows; notes are in order, and nothing
//! was answered while some of an earlier round were left; who has a journal has a book, and is watched, once; a slot that is to be
//! taken away stands in the queue.

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

pub use pallet::*;
pub use types::*;
pub use weights::WeightInfo;

mod answers;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod book;
mod config;
mod credits;
mod epochs;
mod errors;
mod events;
mod faults;
mod health;
mod journal;
mod lists;
#[cfg(test)]
mod mock;
mod queries;
mod rent;
mod settle;
mod storage;
#[cfg(test)]
mod tests;
#[cfg(any(feature = "std", feature = "try-runtime"))]
mod try_state;
mod types;
mod unsettled;
pub mod weights;

use frame_support::pallet_macros::import_section;
#[cfg(doc)]
use nil_types::{
	challenge::SETTLE_TRIES,
	traits::{Allocation, AnswerMath, ContentSource, CreditSource, EpochClock, SlotHooks, Term},
};

#[import_section(config::config)]
#[import_section(errors::errors)]
#[import_section(events::events)]
#[import_section(storage::storage)]
#[frame_support::pallet]
#[allow(missing_debug_implementations, reason = "FRAME defines the storage types")]
pub mod pallet {
	use super::*;
	use alloc::vec::Vec;
	use frame_support::{pallet_prelude::*, weights::WeightMeter};
	use frame_system::pallet_prelude::*;
	use nil_types::{
		Amount, DealId, Epoch, G1Compressed, Generation, Hash32, RelayBlock, Round, SlotIndex,
		traits::{
			AnswerMath, ContentSource, CreditSource, Evictions, RelayBeacon, RentPurse, Slashing,
		},
	};

	/// The pallet's storage layout.
	const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

	/// The pallet.
	#[pallet::pallet]
	#[pallet::storage_version(STORAGE_VERSION)]
	pub struct Pallet<T>(_);

	/// Epochs and parameters at genesis.
	#[pallet::genesis_config]
	pub struct GenesisConfig<T: Config> {
		/// Relay blocks of an epoch.
		pub epoch_length: RelayBlock,
		/// Epochs of a settlement period.
		pub settlement_epochs: u32,
		/// The parameters.
		pub params: LivenessParams,
		/// Marks the runtime.
		#[serde(skip)]
		pub _config: PhantomData<T>,
	}

	impl<T: Config> Default for GenesisConfig<T> {
		fn default() -> Self {
			Self {
				epoch_length: DEFAULT_EPOCH_LENGTH,
				settlement_epochs: DEFAULT_SETTLEMENT_EPOCHS,
				params: LivenessParams::default(),
				_config: PhantomData,
			}
		}
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			assert!(
				self.epoch_length >= T::MinEpochLength::get(),
				"epochs at genesis are too short: {}",
				self.epoch_length
			);
			assert!(
				Pallet::<T>::within_bounds(&self.params),
				"liveness parameters at genesis are out of bounds: {:?}",
				self.params
			);
			assert!(self.settlement_epochs > 0, "a settlement period at genesis has no epoch");
			EpochLength::<T>::put(self.epoch_length);
			SettlementEpochs::<T>::put(self.settlement_epochs);
			Parameters::<T>::put(Planned { now: self.params, next: None });
		}
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		/// Runs after the inherents, which bring the randomness, and before the transactions, which could answer to it.
		fn on_poll(_: BlockNumberFor<T>, meter: &mut WeightMeter) {
			Self::turn(meter);
		}

		/// Takes slots away that have too many misses, looks who was silent for too long, and drops what slots that ended are owed
		/// and did not settle in time. That comes last: it takes all room there is, the others a few steps.
		fn on_idle(_: BlockNumberFor<T>, remaining: Weight) -> Weight {
			let mut meter = WeightMeter::with_limit(remaining);
			Self::sweep_slots(&mut meter);
			Self::sweep_silent(&mut meter);
			Self::sweep_endings(&mut meter);
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
		/// Answers samples of the caller, all or some: `y` and `pi` open the combination of the items' commitments at
		/// the caller's point of the epoch. `block` is the hash of the block that drew the round. Wrong proofs answer nothing and
		/// are slashed, but are no error, see [`Event::InvalidProof`].
		/// Costs nothing when it is right and answers all that is open, or as much as one call may.
		#[pallet::call_index(0)]
		#[pallet::weight(Pallet::<T>::submit_weight(items.len() as u32))]
		pub fn submit_proofs(
			origin: OriginFor<T>,
			epoch: Epoch,
			block: Hash32,
			items: BoundedVec<Item, T::MaxItems>,
			y: [u8; 32],
			pi: G1Compressed,
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			Self::do_submit(who, epoch, block, &items, &y, &pi)
		}

		/// Names samples of the last round that `provider` left open, and applies to its lists what happened in earlier rounds,
		/// `steps` steps at most. Costs nothing when it did something: who committed has paid for it, but for what repairs bring,
		/// and no round has more than a few open samples.
		#[pallet::call_index(1)]
		#[pallet::weight(Pallet::<T>::advance_weight(*steps))]
		pub fn advance(
			origin: OriginFor<T>,
			provider: T::AccountId,
			steps: u32,
		) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			ensure!(steps <= T::MaxSteps::get(), Error::<T>::TooManySteps);
			let applied = Self::apply(&provider, steps);
			ensure!(applied.steps() > 0, Error::<T>::NothingToDo);
			Ok((Some(Self::applied_weight(&applied)), Pays::No).into())
		}

		/// Sets the parameters, from the next round on.
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::set_params())]
		pub fn set_params(origin: OriginFor<T>, params: LivenessParams) -> DispatchResult {
			T::AdminOrigin::ensure_origin(origin)?;
			ensure!(Self::within_bounds(&params), Error::<T>::ParamsOutOfBounds);
			Self::plan(params);
			Ok(())
		}

		/// Settles what slots of the caller earned in the last period: pays it, against samples of each. `block` is the hash of
		/// the block that drew the round in force; `y` and `pi` open the combination of the samples' commitments. Items stand in
		/// the order of slots, as many for each as are asked for. Wrong proofs settle nothing and are slashed, but are no error,
		/// see [`Event::InvalidSettlement`].
		#[pallet::call_index(3)]
		#[pallet::weight(Pallet::<T>::settle_weight(items.len() as u32))]
		pub fn settle(
			origin: OriginFor<T>,
			period: Period,
			block: Hash32,
			items: BoundedVec<SettleItem, T::MaxItems>,
			y: [u8; 32],
			pi: G1Compressed,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_settle(who, period, block, &items, &y, &pi)
		}

		/// Writes down that a slot did not settle in time what it earned. Costs nothing when there was something. What is kept
		/// about slots that ended is removed in blocks that have room.
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::forfeit())]
		pub fn forfeit(
			origin: OriginFor<T>,
			provider: T::AccountId,
			deal: DealId,
			slot: SlotIndex,
		) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			Self::do_forfeit(&provider, deal, slot)?;
			Ok(Pays::No.into())
		}

		/// Reports a provider that was silent in as many rounds in a row as the parameters say. It is jailed and slashed, and the
		/// caller gets a share of the slash.
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::report())]
		pub fn report(origin: OriginFor<T>, provider: T::AccountId) -> DispatchResult {
			let reporter = ensure_signed(origin)?;
			let book = Books::<T>::get(&provider).ok_or(Error::<T>::NothingToReport)?;
			Ok(Self::do_report(provider, book, Some(reporter))?)
		}

		/// Reports a slot with as many misses as the parameters say. It is taken from its provider, who is slashed for it, and the
		/// caller gets a share of the slash.
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::report_slot())]
		pub fn report_slot(
			origin: OriginFor<T>,
			provider: T::AccountId,
			deal: DealId,
			slot: SlotIndex,
		) -> DispatchResult {
			let reporter = ensure_signed(origin)?;
			Ok(Self::take_slot(provider, deal, slot, Some(reporter))?)
		}

		/// Waives samples of the caller, each with a credit of the slot that it falls on. They count as answered now. Epoch and
		/// `block` are those of answers, and ordinals rise. Costs nothing when it is right: a credit was paid for by who read.
		#[pallet::call_index(7)]
		#[pallet::weight(Pallet::<T>::waive_weight(ordinals.len() as u32))]
		pub fn waive(
			origin: OriginFor<T>,
			epoch: Epoch,
			block: Hash32,
			ordinals: BoundedVec<u32, T::MaxItems>,
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			Self::do_waive(who, epoch, block, ordinals.into_inner())
		}
	}
}
