//! The client side of NilStore: stores files in deals, reads them back, and checks everything that it is told.
//!
//! A reader needs a chain and a deal's number, nothing else: roots, witnesses and the index are fetched by hash from
//! whoever has them, blobs are checked against the commitments, and whoever lies is named.
//!
//! * [`chain`]: typed reads, transactions, blocks as they come;
//! * [`keys`], [`account`]: who signs; [`crypt`]: who can read;
//! * [`wire`], [`http`]: the providers' interface and its client;
//! * [`put`]: files into a deal; [`prepare`]: the same without a network;
//! * [`get`], [`fs`]: files out of a deal; [`verify`]: everything in it, checked;
//! * [`progress`]: how long work tells what it does; [`quantity`]: sizes and amounts as people write them;
//!   [`dirs`]: where a user's things are kept; [`text`]: what others wrote, fit to be shown.
#![forbid(unsafe_code)]

pub mod account;
pub mod chain;
pub mod crypt;
pub mod dirs;
pub mod fs;
pub mod get;
pub mod http;
pub mod keys;
mod peers;
pub mod prepare;
pub mod progress;
pub mod put;
pub mod quantity;
pub mod text;
pub mod verify;
pub mod wire;
