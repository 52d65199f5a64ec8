//! Tests by concern. Every one ends with a check of all invariants.

mod accounts;
mod answers;
pub(crate) mod arithmetic;
mod credits;
mod epochs;
mod faults;
mod health;
mod independence;
mod journal;
mod params;
mod properties;
mod rent;
mod settling;
mod state;
mod statistics;
