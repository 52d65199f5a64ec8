//! Tests on networks with a real relay chain. Each starts one of its own, so they run one at a time.

mod failover;
mod full_blocks;
mod pace;
mod scaling;
mod smoke;
mod storage;
mod upgrade;
