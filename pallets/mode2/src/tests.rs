//! Tests by concern. Every one ends with a check of all invariants.

mod ending;
mod placement;
mod properties;
mod queries;
mod queue;
mod receipts;
