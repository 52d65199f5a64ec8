//! Progress bars on a terminal, and the notes that work leaves behind.

use crate::{output::Output, units};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nil_client::{
	progress::{Event, Observer, Progress},
	text::legible,
};
use serde::Serialize;
use std::{
	sync::{Arc, Mutex, PoisonError},
	time::Duration,
};

/// Follows one piece of work.
#[derive(Clone, Debug)]
pub struct Watch {
	bar: ProgressBar,
	output: Output,
	seen: Arc<Mutex<Seen>>,
}

/// What happened and belongs into the result.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Seen {
	/// Slots that failed, with the reasons; work went on without them.
	pub failed: Vec<FailedSlot>,
	/// Slots that gave wrong bytes.
	pub blamed: Vec<BlamedSlot>,
	/// What else the user should know.
	pub warnings: Vec<String>,
	/// MDUs that an interrupted put had staged already.
	pub resumed_mdus: u64,
}

/// A slot that work went on without.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedSlot {
	/// The slot.
	pub slot: u8,
	/// Its provider's account.
	pub provider: String,
	/// Why.
	pub reason: String,
}

/// A slot that gave other bytes than the committed ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlamedSlot {
	/// The slot.
	pub slot: u8,
	/// Its provider's account.
	pub provider: String,
	/// Where.
	pub mdu: u64,
	/// The rows.
	pub rows: Vec<u8>,
}

impl Watch {
	/// Begins to watch `what`.
	pub fn new(what: &str, output: &Output) -> Self {
		let bar = ProgressBar::new(0);
		if output.progress() {
			let style = ProgressStyle::with_template(
				"{spinner} {prefix} {bytes:>11} of {total_bytes:>11} {bar:32} {binary_bytes_per_sec:>13} {eta:>4} left {msg}",
			);
			if let Ok(style) = style {
				bar.set_style(style);
			}
			bar.set_prefix(what.to_owned());
			bar.enable_steady_tick(Duration::from_millis(120));
		} else {
			bar.set_draw_target(ProgressDrawTarget::hidden());
		}
		Self { bar, output: *output, seen: Arc::default() }
	}

	/// Watches without a bar.
	pub fn silent(output: &Output) -> Self {
		Self { bar: ProgressBar::hidden(), output: *output, seen: Arc::default() }
	}

	/// The observer to hand to the work.
	pub fn progress(&self) -> Progress {
		Progress::to(self.clone())
	}

	/// Ends the bar and returns what happened.
	pub fn finish(&self) -> Seen {
		self.bar.finish_and_clear();
		self.seen().clone()
	}

	fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
		self.seen.lock().unwrap_or_else(PoisonError::into_inner)
	}

	fn note(&self, text: impl std::fmt::Display) {
		self.bar.suspend(|| self.output.note(text));
	}
}

impl Observer for Watch {
	fn on(&self, event: Event) {
		match event {
			Event::Total { bytes, .. } => self.bar.set_length(bytes),
			Event::Advanced { bytes } => self.bar.inc(bytes),
			Event::File { path } => self.bar.set_message(legible(&path).into_owned()),
			Event::Resumed { mdus } => {
				self.seen().resumed_mdus = mdus;
				self.note(format_args!(
					"going on where an earlier put stopped: {mdus} MDUs are stored"
				));
			},
			Event::SlotFailed { slot, provider, reason } => {
				let failed = FailedSlot { slot, provider: provider.to_string(), reason };
				let mut seen = self.seen();
				if !seen.failed.iter().any(|known| known.slot == slot) {
					seen.failed.push(failed.clone());
					drop(seen);
					self.note(format_args!("slot {slot} ({}): {}", failed.provider, failed.reason));
				}
			},
			Event::Blamed { slot, provider, mdu, rows } => {
				let provider = provider.to_string();
				self.note(format_args!(
					"slot {slot} ({provider}) gave wrong bytes for MDU {mdu}, rows {rows:?}"
				));
				self.seen().blamed.push(BlamedSlot { slot, provider, mdu, rows });
			},
			Event::Warning { message } => {
				self.note(format_args!("warning: {message}"));
				self.seen().warnings.push(message);
			},
			_ => {},
		}
	}
}

/// What this process has used up.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Usage {
	/// Seconds of processor time, all threads together.
	pub cpu_seconds: f64,
	/// The most memory that was resident at a time, in bytes.
	pub peak_rss_bytes: u64,
}

impl Usage {
	/// Up to now.
	pub fn now() -> Self {
		use nix::sys::{
			resource::{UsageWho, getrusage},
			time::TimeValLike,
		};
		let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return Self::default() };
		let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
		Self {
			cpu_seconds: micros as f64 / 1e6,
			// Linux counts in KiB.
			peak_rss_bytes: u64::try_from(usage.max_rss()).unwrap_or(0).saturating_mul(1024),
		}
	}

	/// `12.3 s of CPU, at most 210.0 MiB`.
	pub fn text(&self) -> String {
		format!("{:.1} s of CPU, at most {}", self.cpu_seconds, units::size(self.peak_rss_bytes))
	}
}
