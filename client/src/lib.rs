//! The client side of NilStore: stores files in deals, reads them back, and checks everything that it is told.
//!
//! A reader needs a chain and a deal's number, nothing else: roots, witnesses and the index are fetched by hash from
//! whoever has them, blobs are checked against the commitments, and whoever lies is named.
//!
//! * [`chain`]: typed reads, transactions, blocks as they come;
//! * [`keys`], [`account`]: who signs;
//! * [`wire`], [`http`]: the providers' interface and its client;
#![forbid(unsafe_code)]

pub mod account;
pub mod chain;
pub mod keys;
pub mod progress;
pub mod wire;
