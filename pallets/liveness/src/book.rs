//! A provider's account: which samples are answered, and what becomes of a round that is over.

use crate::{Book, Counters, INDEX_ONE, Period, WHOLE};
use frame_support::{BoundedVec, traits::Get};
use nil_types::{
	Round,
	challenge::{Census, samples_of},
};

/// The health of who answers everything.
pub(crate) const HEALTHY: u32 = INDEX_ONE as u32;
/// Silent rounds after which no health is left that could fade: 145 of them leave less than 8 of 10^9.
const FADED: u32 = 160;

/// By what an index grows in a round with `due` samples whose answers are worth `credit`.
pub(crate) fn growth(credit: u32, due: u32) -> u64 {
	let all = u64::from(due).saturating_mul(u64::from(WHOLE));
	// Below 2^62: a credit is four bytes long, and `INDEX_ONE` is below 2^30.
	u64::from(credit).saturating_mul(INDEX_ONE).checked_div(all).unwrap_or_default()
}

/// The byte of an ordinal, and its bit there.
const fn bit(ordinal: u32) -> (usize, u8) {
	((ordinal / 8) as usize, 1 << (ordinal % 8))
}

impl<S: Get<u32>> Book<BoundedVec<u8, S>> {
	/// The account of a provider that has nothing in its lists.
	pub(crate) fn new(round: Round) -> Self {
		Self {
			round,
			census: Census::default(),
			blobs: 0,
			due: 0,
			count: 0,
			credit: 0,
			named: 0,
			answered: BoundedVec::default(),
			index: 0,
			late: 0,
			period: 0,
			grown_in: 0,
			ends: [Counters::default(); 2],
			silent: 0,
			missed: 0,
			silent_row: 0,
			health: HEALTHY,
		}
	}

	/// Adds rounds to the average: one of which a share was answered (of [`HEALTHY`]), if any, and then silent ones.
	fn average(&mut self, answered: Option<u32>, silent: u32) {
		let fade = |health: u32| health.saturating_sub(health / 8);
		if let Some(share) = answered {
			self.health = fade(self.health).saturating_add(share / 8);
			self.silent_row = 0;
		}
		self.silent_row = self.silent_row.saturating_add(silent);
		// After so many nothing is left but what the division leaves.
		for _ in 0..silent.min(FADED) {
			self.health = fade(self.health);
		}
	}

	/// Closes all rounds before `round`. What was answered was so in the first of them; in the others nothing was.
	pub(crate) fn close_until(&mut self, round: Round) {
		let over = round.saturating_sub(self.round);
		if over == 0 {
			return;
		}
		let mut silent = if self.blobs == 0 { 0 } else { over };
		if self.count > 0 {
			self.enter_period();
			let in_time = self.count.saturating_mul(u32::from(WHOLE));
			let late = growth(in_time.saturating_sub(self.credit), self.due);
			// 2^32 rounds of `INDEX_ONE` each fit, and both together are no more than that.
			self.index = self.index.saturating_add(growth(self.credit, self.due));
			self.late = self.late.saturating_add(late);
			let open = self.due.saturating_sub(self.count);
			self.missed = self.missed.saturating_add(u64::from(open));
			silent = silent.saturating_sub(1);
			let share = u64::from(self.count)
				.saturating_mul(INDEX_ONE)
				.checked_div(self.due.into())
				.unwrap_or_default();
			self.average(Some(u32::try_from(share).unwrap_or(HEALTHY)), silent);
		} else {
			self.average(None, silent);
		}
		self.silent = self.silent.saturating_add(silent);
		self.round = round;
		(self.due, self.count, self.credit, self.named) = (0, 0, 0, 0);
		self.answered.clear();
	}

	/// Keeps the counters as the round's period finds them, before the first of its rounds adds to them.
	fn enter_period(&mut self) {
		let [found, _] = self.ends;
		let now = self.counters();
		match self.period.saturating_sub(self.grown_in) {
			0 => return,
			1 => self.ends = [now, found],
			_ => self.ends = [now, now],
		}
		self.grown_in = self.period;
	}

	/// The counters up to the last closed round.
	pub(crate) fn counters(&self) -> Counters {
		Counters { index: self.index, late: self.late }
	}

	/// The counters at the end of a period: the present one, or one of the two before it.
	pub(crate) fn at_end_of(&self, period: Period) -> Counters {
		let [found, found_before] = self.ends;
		if period >= self.grown_in {
			self.counters()
		} else if period.saturating_add(1) == self.grown_in {
			found
		} else {
			found_before
		}
	}

	/// Fixes what is due in the round, which is one of `period`, when so much is asked for. The same every time in a round.
	pub(crate) fn open(&mut self, samples_per_epoch: u32, period: Period) {
		if self.due == 0 {
			self.period = period;
			self.due = samples_of(samples_per_epoch, self.blobs);
			self.answered.bounded_resize(self.due.div_ceil(8) as usize, 0);
		}
	}

	/// Whether a sample is answered.
	pub(crate) fn is_answered(&self, ordinal: u32) -> bool {
		let (byte, bit) = bit(ordinal);
		self.answered.get(byte).is_some_and(|bits| bits & bit != 0)
	}

	/// The first sample that stayed open and was not named yet. `None` when nothing was answered: then the provider was silent.
	pub(crate) fn unnamed(&self) -> Option<u32> {
		(self.named..self.due).find(|ordinal| self.count > 0 && !self.is_answered(*ordinal))
	}

	/// Takes note of the answer to a sample that was open, worth `share` of [`WHOLE`].
	pub(crate) fn answer(&mut self, ordinal: u32, share: u16) {
		let (byte, bit) = bit(ordinal);
		if let Some(bits) = self.answered.get_mut(byte) {
			*bits |= bit;
		}
		self.count = self.count.saturating_add(1);
		self.credit = self.credit.saturating_add(u32::from(share));
	}
}
