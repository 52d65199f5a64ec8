//! The NilStore runtime for relay chains that have enabled the curve functions of RFC-163
//! (`ExecutorParam::EnabledHostFunction(EccRfc163)`): `nil-runtime` with its feature `rfc163`, as wasm.
//!
//! On any other relay chain its first block with a proof traps, and the chain stands still.
#![cfg_attr(not(feature = "std"), no_std)]
#![allow(missing_docs, reason = "the constants of the wasm build have none")]

#[cfg(feature = "std")]
include!(concat!(env!("OUT_DIR"), "/wasm_binary.rs"));

#[cfg(target_family = "wasm")]
pub use nil_runtime::*;
