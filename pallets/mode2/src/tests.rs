//! Tests by concern. Every one ends with a check of all invariants.

mod candidates;
mod ending;
mod hooks;
mod placement;
mod properties;
mod queries;
mod queue;
mod receipts;
mod repair;
