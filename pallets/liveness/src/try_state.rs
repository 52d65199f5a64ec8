//! The pallet's invariants, in words and as checks.

use crate::{
	BeganAt, BookOf, Books, Change, Config, Drawn, DrawnBefore, EndedCommits, EndingEnds,
	EndingQueue, Endings, Entries, EvictionEnds, EvictionQueue, HeldSlot, INDEX_ONE, Journal,
	JournalEnds, Journals, Pallet, Parameters, Place, Places, Sealed, SlotPlaces, Slots, Tenures,
	WHOLE, WatchEnds, WatchQueue,
};
use alloc::{collections::BTreeSet, vec::Vec};
use frame_support::{ensure, traits::Get};
use nil_types::{
	Hint,
	challenge::{SizeClass, samples_of},
	traits::EpochClock,
};
use sp_runtime::DispatchError;

type Checked = Result<(), DispatchError>;

impl<T: Config> Pallet<T> {
	/// Checks every invariant of the pallet. Walks all of its state: for tests and for `try-runtime` alone.
	pub fn do_try_state() -> Checked {
		Self::check_rounds()?;
		Self::check_journals()?;
		for (provider, book) in Books::<T>::iter() {
			Self::check_account(&book)?;
			Self::check_lists(&provider, &book)?;
			Self::check_slots(&provider, &book)?;
			Self::check_rent(&provider, &book)?;
		}
		Self::check_endings()?;
		Self::check_watched()?;
		Self::check_evictions()?;
		Self::check_owners()
	}

	/// * The parameters lie within the pallet's constants, those that are to be as well, which hold from the next round on
	///   at the latest.
	/// * A round is not drawn before it begins.
	/// * The round in force is drawn, or the one before it is; the one before that was drawn earlier, for an earlier epoch, by a
	///   block that is known.
	fn check_rounds() -> Checked {
		let round = Self::round();
		let planned = Parameters::<T>::get();
		ensure!(Self::within_bounds(&planned.now), "the parameters lie within constants");
		if let Some((from, params)) = planned.next {
			ensure!(Self::within_bounds(&params), "the next parameters lie within constants");
			ensure!(from <= round.saturating_add(1), "parameters hold from the next round");
		}
		let drawn = Drawn::<T>::get();
		let last = drawn.map_or(0, |record| record.round);
		ensure!(
			last == round || last.checked_add(1) == Some(round),
			"the round in force is drawn, or the one before it is"
		);
		ensure!(drawn.is_none_or(|record| record.round > 0), "rounds are counted from 1");
		ensure!(
			Self::epoch().is_none_or(|record| BeganAt::<T>::get() <= record.drawn_at),
			"a round is drawn after it began"
		);
		let Some(before) = DrawnBefore::<T>::get() else {
			ensure!(last <= 1, "what was drawn before is kept");
			return Ok(());
		};
		ensure!(
			drawn.is_some_and(|drawn| {
				before.round.checked_add(1) == Some(drawn.round)
					&& before.epoch < drawn.epoch
					&& before.drawn_at <= drawn.drawn_at
			}),
			"rounds are drawn one after another, each for a later epoch"
		);
		ensure!(
			before.block.is_some(),
			"the block that drew a round is known when the next one is drawn"
		);
		Ok(())
	}

	/// * A journal is dense between its ends, and has no notes elsewhere.
	/// * Its notes are in the order of rounds, and of none that has not begun.
	/// * A book is closed up to the round of the first of them at most: what is left can still be found by the next one.
	/// * When something is due already, nothing is left of earlier rounds.
	/// * Who has a journal has a book, and what is signed for a slot is not nothing.
	fn check_journals() -> Checked {
		let round = Self::round();
		let mut notes = 0u64;
		for (provider, JournalEnds { head, tail }) in Journals::<T>::iter() {
			ensure!(head <= tail, "a journal ends after it begins");
			let book = Books::<T>::get(&provider).ok_or("who has a journal has a book")?;
			let mut last = if book.due > 0 { book.round } else { book.round.saturating_sub(1) };
			for ticket in head..tail {
				let note = Journal::<T>::get(&provider, ticket)
					.ok_or("a journal is dense between its ends")?;
				ensure!(last <= note.round, "notes are in order, and not of before their book");
				last = note.round;
			}
			ensure!(last <= round, "no note is of a round that has not begun");
			notes = notes.saturating_add(tail.saturating_sub(head));
		}
		ensure!(
			Journal::<T>::iter_keys().count() as u64 == notes,
			"journals have no notes but those between their ends"
		);
		ensure!(
			Tenures::<T>::iter_values().all(|tenure| tenure.rows > 0 && tenure.mdus > 0),
			"what is signed for a slot is not nothing"
		);
		Ok(())
	}

	/// * A book is of no round that has not begun.
	/// * No health is above that of who answers everything, and no row of silent rounds longer than all of them.
	/// * As many samples are answered as are counted, no more than are due, and none is worth more than all of it.
	/// * Nothing is named that was not due.
	/// * What is due is what there is to draw from, unless so much is not asked for.
	fn check_account(book: &BookOf<T>) -> Checked {
		ensure!(book.round <= Self::round(), "a book is of no round that has not begun");
		ensure!(
			u64::from(book.health) <= INDEX_ONE,
			"no health is above that of who answers everything"
		);
		ensure!(
			book.silent_row <= book.silent,
			"no row of silent rounds is longer than all of them"
		);
		let bits =
			book.answered.iter().fold(0, |sum: u32, bits| sum.saturating_add(bits.count_ones()));
		ensure!(bits == book.count, "as many samples are answered as are counted");
		ensure!(book.count <= book.due, "no more samples are answered than are due");
		ensure!(book.named <= book.due, "nothing is named that was not due");
		ensure!(
			book.answered.len() == book.due.div_ceil(8) as usize,
			"there is a bit for each sample that is due"
		);
		ensure!(
			book.credit <= book.count.saturating_mul(WHOLE.into()),
			"no answer is worth more than all of a sample"
		);
		if book.due > 0 {
			let params = Parameters::<T>::get().in_round(book.round);
			// A book may be of a round whose parameters are no longer kept.
			let asked = if book.round == Self::round() {
				params.samples_per_epoch
			} else {
				T::MaxSamples::get()
			};
			ensure!(book.due <= samples_of(asked, book.blobs), "no more is due than there is");
		}
		Ok(())
	}

	/// * The census has every class once, in order, and no list of length 0.
	/// * Each list is dense, and as long as the census says; there are no others.
	/// * An allocation stands in the list of its class, at the place that is noted for it, and no other places are noted.
	/// * The blobs of a book are those of all lists.
	fn check_lists(provider: &T::AccountId, book: &BookOf<T>) -> Checked {
		let (mut blobs, mut entries) = (0u64, 0usize);
		for (hint, lengths) in [(Hint::Cold, &book.census.cold), (Hint::Hot, &book.census.hot)] {
			let classes: Vec<SizeClass> = lengths.iter().map(|(class, _)| *class).collect();
			ensure!(classes.is_sorted_by(|a, b| a < b), "a census has every class once, in order");
			for (class, length) in lengths {
				ensure!(*length > 0, "a census has no list of length 0");
				for index in 0..*length {
					let entry = Entries::<T>::get(provider, (hint, *class, index))
						.ok_or("a list is dense, and as long as the census says")?;
					ensure!(
						SizeClass::of(entry.rows.into()) == Some(*class),
						"an allocation stands in the list of its class"
					);
					ensure!(
						Places::<T>::get(provider, (entry.deal, entry.slot, entry.generation))
							== Some(Place { class: *class, index }),
						"an allocation stands where it is noted"
					);
					blobs = blobs.saturating_add(entry.rows.into());
					entries = entries.saturating_add(1);
				}
			}
		}
		ensure!(blobs == book.blobs, "the blobs of a book are those of all lists");
		ensure!(
			Entries::<T>::iter_key_prefix(provider).count() == entries
				&& Places::<T>::iter_key_prefix(provider).count() == entries,
			"nothing is listed but what the census counts"
		);
		Ok(())
	}

	/// * The list of slots is dense, and as long as the census says; each slot stands where it is noted.
	/// * The allocations of a slot lie one after another in its rows, from the one signed last back to the first; every
	///   allocation is one of a slot.
	fn check_slots(provider: &T::AccountId, book: &BookOf<T>) -> Checked {
		let slots = book.census.slots;
		let mut allocations = 0usize;
		for index in 0..slots {
			let held = Slots::<T>::get(provider, index).ok_or("the list of slots is dense")?;
			let HeldSlot { deal, slot, hint, rows, newest, .. } = held;
			ensure!(
				SlotPlaces::<T>::get(provider, (deal, slot)) == Some(index),
				"a slot stands where it is noted"
			);
			let (mut end, mut generation) = (rows, newest);
			while generation != 0 {
				let place = Places::<T>::get(provider, (deal, slot, generation))
					.ok_or("what a slot signed is listed")?;
				let entry = Entries::<T>::get(provider, (hint, place.class, place.index))
					.ok_or("what a slot signed is in the lists of its hint")?;
				ensure!(
					entry.start.checked_add(entry.rows) == Some(end),
					"the allocations of a slot lie one after another"
				);
				(end, generation) = (entry.start, entry.before);
				allocations = allocations.saturating_add(1);
			}
			ensure!(end == 0 && rows > 0, "the first allocation of a slot begins its rows");
		}
		ensure!(
			Slots::<T>::iter_key_prefix(provider).count() == slots as usize
				&& SlotPlaces::<T>::iter_key_prefix(provider).count() == slots as usize,
			"there are as many slots as the census says"
		);
		ensure!(
			Places::<T>::iter_key_prefix(provider).count() == allocations,
			"every allocation is one of a slot"
		);
		Ok(())
	}

	/// * A book keeps its counters as the period of its last growth found them, and as the one before did: none of them falls,
	///   and none is of a period to come.
	/// * No round was worth more than a whole.
	/// * A slot's rent is reckoned up to rounds that are closed, by the present at most; it is settled against MDUs that are
	///   listed.
	/// * A slot that has ended earns nothing, and its provider's journal says so.
	fn check_rent(provider: &T::AccountId, book: &BookOf<T>) -> Checked {
		let present = Self::present();
		let [found, found_before] = book.ends;
		let now = book.counters();
		ensure!(
			found_before.index <= found.index
				&& found.index <= now.index
				&& found_before.late <= found.late
				&& found.late <= now.late,
			"counters do not fall"
		);
		ensure!(
			book.grown_in <= book.period && book.period <= Self::period_of(present),
			"no counter is of a period to come"
		);
		let whole = INDEX_ONE.saturating_mul(Self::round().into());
		ensure!(
			now.index.saturating_add(now.late) <= whole,
			"no round was worth more than a whole"
		);
		let Some(closed) = Self::closed_book(provider) else { return Ok(()) };
		for held in Slots::<T>::iter_prefix_values(provider) {
			let rent = held.rent;
			ensure!(
				rent.mark.index <= closed.index && rent.mark.late <= closed.late,
				"rent is reckoned up to rounds that are closed"
			);
			ensure!(rent.since <= present, "rent is reckoned up to the present at most");
			ensure!(rent.closed_mdus <= rent.mdus, "rent is settled against MDUs that are listed");
			if rent.ended {
				let earns = rent.rate > 0 || rent.open.total() > 0 || rent.closed.total() > 0;
				ensure!(!earns, "a slot that has ended earns nothing");
				let end = Change::Ended { deal: held.deal, slot: held.slot };
				ensure!(
					Journal::<T>::iter_prefix_values(provider).any(|note| note.change == end),
					"the end of a slot is in the journal until it leaves the lists"
				);
			}
		}
		Ok(())
	}

	/// * What is owed to a slot that ended is not nothing, and the period and the round in which it ended have begun.
	/// * The queue of slots that ended is dense between its ends, and in the order of periods; it has each that is owed
	///   something, once.
	/// * Commits are kept for slots in that queue alone.
	/// * What is sealed is the first round of the period of the one that was drawn last.
	fn check_endings() -> Checked {
		let present = Self::period_of(Self::present());
		let JournalEnds { head, tail } = EndingEnds::<T>::get();
		let (mut queued, mut last) = (BTreeSet::new(), 0);
		for ticket in head..tail {
			let (provider, deal, slot, period) =
				EndingQueue::<T>::get(ticket).ok_or("the queue of slots that ended is dense")?;
			ensure!(last <= period, "slots that ended are in the order of periods");
			last = period;
			let ending = (provider, deal, slot, period);
			ensure!(queued.insert(ending), "a slot that ended is queued once in a period");
		}
		ensure!(last <= present, "a slot did not end in a period to come");
		ensure!(
			EndingQueue::<T>::iter_keys().count() as u64 == tail.saturating_sub(head),
			"the queue of slots that ended has nothing beyond its ends"
		);
		for (provider, (deal, slot, period), ending) in Endings::<T>::iter() {
			ensure!(ending.owed.total() > 0, "what is owed to a slot that ended is not nothing");
			ensure!(ending.round <= Self::round(), "a slot did not end in a round to come");
			ensure!(
				queued.contains(&(provider, deal, slot, period)),
				"a slot that is owed something is in the queue"
			);
		}
		ensure!(
			EndedCommits::<T>::iter_keys().all(|(ending, _)| queued.contains(&ending)),
			"commits are kept for slots in the queue alone"
		);
		let (sealed, drawn) = (Sealed::<T>::get(), Drawn::<T>::get());
		ensure!(
			sealed.is_none_or(|sealed| {
				drawn.is_some_and(|drawn| {
					Self::period_of(sealed.epoch) == Self::period_of(drawn.epoch)
						&& sealed.round <= drawn.round
				})
			}),
			"what is sealed is the first round of the period of the last one"
		);
		Ok(())
	}

	/// * The queue of providers is dense between its ends, in the order in which they entered, and has each that has a book once.
	///   Nobody else has one.
	fn check_watched() -> Checked {
		let JournalEnds { head, tail } = WatchEnds::<T>::get();
		let (mut queued, mut last) = (BTreeSet::new(), 0);
		for ticket in head..tail {
			let (provider, entered) =
				WatchQueue::<T>::get(ticket).ok_or("the queue of providers is dense")?;
			ensure!(
				last <= entered && entered <= Self::round(),
				"providers stand in the order in which they entered"
			);
			last = entered;
			ensure!(queued.insert(provider), "nobody stands in the queue twice");
		}
		ensure!(
			WatchQueue::<T>::iter_keys().count() == queued.len(),
			"the queue of providers has nothing beyond its ends"
		);
		let books: BTreeSet<_> = Books::<T>::iter_keys().collect();
		ensure!(books == queued, "who has a book is in the queue, and nobody else");
		Ok(())
	}

	/// * The queue of slots with too many misses is dense between its ends, and has each that knows that it stands there.
	/// * No miss was of a round to come, and no health is below nothing.
	fn check_evictions() -> Checked {
		let round = Self::round();
		let JournalEnds { head, tail } = EvictionEnds::<T>::get();
		let mut queued = BTreeSet::new();
		for ticket in head..tail {
			let slot = EvictionQueue::<T>::get(ticket)
				.ok_or("the queue of slots to be taken away is dense")?;
			queued.insert(slot);
		}
		ensure!(
			EvictionQueue::<T>::iter_keys().count() as u64 == tail.saturating_sub(head),
			"the queue of slots to be taken away has nothing beyond its ends"
		);
		for (provider, _, held) in Slots::<T>::iter() {
			let HeldSlot { deal, slot, faults, .. } = held;
			ensure!(
				!faults.queued || queued.contains(&(provider, deal, slot)),
				"a slot that is to be taken away is in the queue"
			);
			ensure!(faults.at <= round && faults.forgiven_at <= round, "misses are of the past");
			ensure!(u64::from(faults.deficit) <= INDEX_ONE, "no health is below nothing");
		}
		Ok(())
	}

	/// * Who has lists has a book.
	fn check_owners() -> Checked {
		let has_book = |provider: &T::AccountId| Books::<T>::contains_key(provider);
		ensure!(
			Entries::<T>::iter_keys().all(|(provider, _)| has_book(&provider))
				&& Places::<T>::iter_keys().all(|(provider, _)| has_book(&provider))
				&& Slots::<T>::iter_keys().all(|(provider, _)| has_book(&provider))
				&& SlotPlaces::<T>::iter_keys().all(|(provider, _)| has_book(&provider)),
			"who has lists has a book"
		);
		Ok(())
	}
}
