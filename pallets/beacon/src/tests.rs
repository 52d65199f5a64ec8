//! Tests, by concern.

mod properties;
mod records;
