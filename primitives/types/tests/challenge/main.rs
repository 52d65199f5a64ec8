//! What providers are asked in an epoch (RFC 0008), to be paid (RFC 0009) and to get a slot (RFC 0010).
//!
//! * `vectors`: what another implementation made of the same words;
//! * `properties`: any lists;
//! * `statistics`: how often each blob and slot is asked for.

mod properties;
mod statistics;
mod table;
mod vectors;
