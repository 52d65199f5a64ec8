//! The storage provider's daemon: takes shards from deal owners, checks them, signs receipts, serves them.
//!
//! * [`config`]: the configuration file and its overrides;
//! * [`store`]: the disk, atomic and fsynced, and what is kept until when;
//! * [`verifier`]: shards against commitments, many at a time;
//! * [`chain`]: what is asked of the chain, and the follower that acts on it;
//! * [`gaps`]: what slots lack of commits; [`late`]: receipts for those that they missed; [`restore`]: what the disk lost of
//!   those that they signed; [`repair`]: slots whose provider failed or leaves, rebuilt here; [`fetch`]: how all of them get a
//!   slot's part of a commit;
//! * [`prover`]: answers to the samples that the chain asks for;
//! * [`content`]: reading what is held; [`scrub`]: checking it in the background, and rebuilding what is damaged;
//! * [`api`]: the requests of clients over HTTP, [`server`]: their connections;
//! * [`daemon`]: all of it, running;
//! * [`cli`], [`commands`]: the command line.
//!
//! A shard's way in: [`api`] takes a token that the deal's owner signed, recomputes the MDU's root from the witness,
//! parses every blob and stages it on disk; [`verifier`] checks the blobs against the commitments; a request for a receipt
//! finds all of a commit's MDUs staged and checked, makes the promise durable, and only then signs. [`chain::follower`]
//! turns the promise into a commit when the finalised chain does, or drops it when it is void.
#![forbid(unsafe_code)]

pub mod api;
pub mod chain;
pub mod cli;
pub mod commands;
pub mod config;
pub mod content;
pub mod daemon;
pub mod fetch;
pub mod gaps;
pub mod late;
pub mod metrics;
pub mod prover;
pub mod repair;
pub mod restore;
pub mod scrub;
pub mod server;
pub mod store;
pub mod verifier;

/// Seconds since the Unix epoch.
pub fn unix_now() -> u64 {
	std::time::SystemTime::now()
		.duration_since(std::time::UNIX_EPOCH)
		.map_or(0, |elapsed| elapsed.as_secs())
}
