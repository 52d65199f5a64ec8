//! How long work tells what it does: an observer that the caller passes in. Nothing here prints.

use crate::account::AccountId;
use nil_types::{DealId, Generation, MduIndex, SlotIndex};
use std::sync::Arc;

/// Something that happened during a put, a get or a verification.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
	/// How much there is to do, in bytes of files (put, get) or of blobs (verify). May come again with a better number.
	Total {
		/// Bytes.
		bytes: u64,
		/// Files.
		files: u64,
	},
	/// So many more bytes of files (put, get) or of blobs (verify) are done.
	Advanced {
		/// Bytes.
		bytes: u64,
	},
	/// A file was begun.
	File {
		/// Its path in the deal.
		path: String,
	},
	/// An MDU is on disk at so many slots.
	Uploaded {
		/// Its place in the deal's slab.
		mdu: MduIndex,
		/// Slots that hold it.
		slots: u8,
	},
	/// A slot signed its receipt.
	Receipt {
		/// The slot.
		slot: SlotIndex,
	},
	/// A commit is on the chain.
	Committed {
		/// The deal.
		deal: DealId,
		/// The new generation.
		generation: Generation,
	},
	/// An interrupted put goes on.
	Resumed {
		/// MDUs that were staged everywhere already.
		mdus: u64,
	},
	/// A slot failed; work goes on without it.
	SlotFailed {
		/// The slot.
		slot: SlotIndex,
		/// Who holds it.
		provider: AccountId,
		/// What happened.
		reason: String,
	},
	/// A slot gave bytes that are not the committed ones.
	Blamed {
		/// The slot.
		slot: SlotIndex,
		/// Who holds it.
		provider: AccountId,
		/// The MDU.
		mdu: MduIndex,
		/// The rows that are wrong.
		rows: Vec<u8>,
	},
	/// Something that the user should know: a link that was skipped, a put that stands on too few slots.
	Warning {
		/// For people.
		message: String,
	},
}

/// Receives [`Event`]s, from any thread; must not block.
pub trait Observer: Send + Sync {
	/// Takes note of `event`.
	fn on(&self, event: Event);
}

impl<F: Fn(Event) + Send + Sync> Observer for F {
	fn on(&self, event: Event) {
		self(event);
	}
}

/// An observer that clones share, or none.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<dyn Observer>>);

impl Progress {
	/// Tells `observer`.
	pub fn to(observer: impl Observer + 'static) -> Self {
		Self(Some(Arc::new(observer)))
	}

	/// Tells nobody.
	pub fn none() -> Self {
		Self(None)
	}

	/// Passes `event` on.
	pub fn emit(&self, event: Event) {
		if let Some(observer) = &self.0 {
			observer.on(event);
		}
	}

	/// Passes a warning on.
	pub fn warn(&self, message: impl Into<String>) {
		let message = message.into();
		tracing::warn!("{message}");
		self.emit(Event::Warning { message });
	}
}

impl std::fmt::Debug for Progress {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		f.write_str(if self.0.is_some() { "Progress(observed)" } else { "Progress(silent)" })
	}
}
