//! What providers are asked in an epoch (RFC 0008).
//!
//! * `vectors`: what another implementation made of the same words.

mod table;
mod vectors;
