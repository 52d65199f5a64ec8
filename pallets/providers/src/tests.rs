//! Tests, by concern.
