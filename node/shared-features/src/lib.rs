//! Nothing but dependencies.
//!
//! Cargo builds a crate once for each set of features that is asked of it. A relay chain's client, which only
//! collators link, asks a few crates at the bottom of the tree for features that nothing else here needs; without this
//! crate the collator would share nothing with the development node and its tests, and building it would take a second
//! build of the whole SDK. `scripts/check-borders.sh` compares both trees.
