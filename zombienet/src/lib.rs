//! NilStore under a real relay chain: networks of unmodified `polkadot` validators and our own collators, as
//! [`zombienet_sdk`]'s native provider starts them, and what the tests on them need.
//!
//! * [`programs`] finds the binaries, or says why tests have to be skipped;
//! * [`network`] defines the networks, starts them and takes them down whatever happens;
//! * [`beacon`] reads the randomness of placement on both chains;
//! * [`chain`] is a small client for either chain;
//! * [`inclusion`] reads from the relay chain when parachain blocks got into it;
//! * [`paper`] fills blocks with commits of content that nobody stores;
//! * [`registry`] draws a deal's slots once more, from a seed and what our chain knows of providers;
//! * [`storage`] runs providers and `nil` as users do;
//! * [`window`] counts our blocks in a run of relay blocks.
//!
//! Everything waits for conditions and counts blocks; wall-clock limits only end what is stuck.

pub mod beacon;
pub mod chain;
pub mod inclusion;
pub mod network;
pub mod paper;
pub mod programs;
pub mod registry;
pub mod storage;
pub mod window;
