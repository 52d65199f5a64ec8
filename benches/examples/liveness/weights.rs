//! What calls weigh in the runtime, for each arithmetic that validators may use: the runtime's own files, read for a runtime with
//! the same database.

use crate::chain::Runtime;
use frame_support::weights::Weight;
use pallet_liveness::WeightInfo;

#[path = "../../../runtime/src/weights/portable/pallet_liveness.rs"]
#[allow(clippy::all, missing_debug_implementations, reason = "generated")]
mod portable;
#[path = "../../../runtime/src/weights/rfc163/pallet_liveness.rs"]
#[allow(clippy::all, missing_debug_implementations, reason = "generated")]
mod rfc163;

/// The arithmetic that validators use.
#[derive(Clone, Copy, Debug)]
pub enum Backend {
	Portable,
	Rfc163,
}

macro_rules! weights {
	($($call:ident($($size:ident)?)),*) => { $(
		pub fn $call(self, $($size: u32)?) -> Weight {
			match self {
				Self::Portable => portable::WeightInfo::<Runtime>::$call($($size)?),
				Self::Rfc163 => rfc163::WeightInfo::<Runtime>::$call($($size)?),
			}
		}
	)* };
}

impl Backend {
	pub const ALL: [Self; 2] = [Self::Portable, Self::Rfc163];

	pub const fn name(self) -> &'static str {
		match self {
			Self::Portable => "portable",
			Self::Rfc163 => "rfc163",
		}
	}

	weights!(submit_proofs(items), look_up(), settle(items), pay_out());
}
