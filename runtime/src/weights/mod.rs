//! What operations cost.
//!
//! The weights of our pallets were measured in this runtime's wasm, with the curve arithmetic in it, as validators execute
//! it: `make weights` writes the files, for each backend its own. Those of the SDK's pallets, and of an empty block, an empty
//! transaction and accesses to ParityDB, the node's database, are the ones that the SDK measured.

macro_rules! generated {
	($($module:ident),*) => { $(
		#[allow(clippy::all, missing_debug_implementations, reason = "generated")]
		pub mod $module;
	)* };
}

#[cfg(not(feature = "rfc163"))]
mod portable;
#[cfg(feature = "rfc163")]
mod rfc163;

#[cfg(not(feature = "rfc163"))]
pub use portable::*;
#[cfg(feature = "rfc163")]
pub use rfc163::*;

pub use frame_support::weights::constants::{
	BlockExecutionWeight, ExtrinsicBaseWeight, ParityDbWeight,
};

use crate::Runtime;
use ::pallet_beacon::WeightInfo as _;
use ::pallet_providers::WeightInfo as _;
use frame_support::weights::Weight;
use nil_types::layout::MAX_SLOTS;

type Measured = pallet_mode2::WeightInfo<Runtime>;
type Registry = pallet_providers::WeightInfo<Runtime>;
type Randomness = pallet_beacon::WeightInfo<Runtime>;

/// The weights of mode 2, with a draw at its worst.
///
/// The benchmark of a placement draws from providers that all suit, with the only record that there is. At worst a draw
/// makes as many descents as it may, all of which the registry measures, and searches a full ring for its record, which
/// the beacon measures.
#[derive(Debug)]
pub struct Mode2Weight;

impl ::pallet_mode2::WeightInfo for Mode2Weight {
	fn place() -> Weight {
		Measured::place()
			.saturating_add(Registry::draw(MAX_SLOTS))
			.saturating_add(Randomness::first_at_or_after())
	}

	fn serve_base() -> Weight {
		Measured::serve_base()
	}

	fn pass_ticket() -> Weight {
		Measured::pass_ticket()
	}
}
