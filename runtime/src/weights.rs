//! What basic operations cost on the reference machine.
//!
//! Pallets carry the weights of their own calls. These are the constants that the SDK measured for an empty block,
//! an empty transaction and accesses to ParityDB, the node's database.

pub use frame_support::weights::constants::{
	BlockExecutionWeight, ExtrinsicBaseWeight, ParityDbWeight,
};
