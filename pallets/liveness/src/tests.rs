//! Tests by concern. Every one ends with a check of all invariants.

mod accounts;
mod answers;
mod epochs;
mod journal;
mod params;
mod properties;
mod state;
