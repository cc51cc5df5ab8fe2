//! Processors: raw records in, rows and verdicts out. Pure functions over batches.
//!
//! A record is decoded, validated, measured against its robot's model, and made into rows of the lake's tables; what is no
//! record, or none that makes sense, becomes a dead letter with its bytes and reasons. There is no I/O, no clock, no state
//! between calls and no async here: replaying the same raw records under the same configuration gives the same rows, bit for bit.

pub mod decode;
pub mod fuzzing;
pub mod indicators;
mod processor;
mod rows;
pub mod validate;

pub use processor::{Processor, UnknownFormulas};
