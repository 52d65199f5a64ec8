//! Tests by concern. Every one ends with a check of all invariants.

mod content;
mod creation;
mod deadlines;
mod epochs;
mod migrations;
mod money;
mod params;
mod properties;
mod queries;
mod rent;
mod uploaders;
