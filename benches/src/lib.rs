//! Benches live in `benches/`; see `benches/results` for what they measured.
