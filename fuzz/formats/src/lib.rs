//! The formats of `tacho-registry` without its lake: the same files, compiled again, so that a fuzzing build does
//! not need DataFusion.

#![allow(dead_code, reason = "the rest of the registry is not here")]

#[path = "../../../registry/src"]
mod registry {
    pub mod cbor;
    pub mod checkpoint;
    pub mod durable;
    pub mod fuzzing;
    pub mod leaf;
    pub mod merkle;
    pub mod note;
    pub mod proof;
    pub mod salts;
    pub mod statement;
    pub(crate) mod text;
    pub mod tiles;
}

pub(crate) use registry::text;
pub use registry::{cbor, checkpoint, durable, fuzzing, leaf, merkle, note, proof, salts, statement, tiles};
