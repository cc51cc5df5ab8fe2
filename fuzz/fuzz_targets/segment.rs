//! A script that writes a segment of the log: scanned, and its batches decoded.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tacho_log::fuzzing::segment(bytes));
