//! How the pallets are configured, by concern.

mod collators;
pub mod governance;
mod messages;
mod money;
pub mod pause;
pub mod storage;
mod system;
pub mod xcm;

pub use collators::CollatorPot;
pub use money::{LengthToFee, TransactionByteFee, WeightToFee};
pub use system::{RuntimeBlockLength, RuntimeBlockWeights};
