//! The NilStore node.
//!
//! As it is built by default it runs *development chains*: one process, no relay chain, blocks sealed at an interval
//! on top of a relay chain that is made up ([`dev`]). That build links no relay chain client. With the feature
//! `collator` it is also a collator and a full node of a parachain under a real relay chain.
//!
//! * [`cli`], [`command`]: what can be asked on the command line;
//! * [`chain_spec`]: the chains that have names;
//! * [`dev`]: development chains, [`dev::relay`]: their relay chain;
//! * [`rpc`], [`service`]: what both kinds of node share.
#![allow(clippy::result_large_err, reason = "the SDK's own errors are that large")]

pub mod chain_spec;
pub mod cli;
#[cfg(feature = "collator")]
pub mod collator;
pub mod command;
pub mod dev;
pub mod rpc;
pub mod service;
