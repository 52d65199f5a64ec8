//! What providers are asked in an epoch (RFC 0008).
//!
//! * `vectors`: what another implementation made of the same words;
//! * `properties`: any lists;
//! * `statistics`: how often each blob and slot is asked for.

mod properties;
mod statistics;
mod table;
mod vectors;
