//! The NilStore runtime with the checks of FRAME's `try-runtime` in it, as wasm: `nil-runtime` with that feature.
//!
//! For tests: its API `TryRuntime` runs the hooks of an upgrade on a state, with their checks before and after, decodes
//! the whole state, and checks the invariants of every pallet. No chain should run it.
#![cfg_attr(target_family = "wasm", no_std)]
#![allow(missing_docs, reason = "the constants of the wasm build have none")]

#[cfg(feature = "std")]
include!(concat!(env!("OUT_DIR"), "/wasm_binary.rs"));

#[cfg(target_family = "wasm")]
pub use nil_runtime::*;
