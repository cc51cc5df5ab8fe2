//! What the figures and the benches of the pure parts share.

pub mod fixture;
