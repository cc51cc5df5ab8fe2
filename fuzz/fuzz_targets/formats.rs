//! Any bytes as a note, a checkpoint, a statement, a key, a leaf, a tile's name, or a path in a tree.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tacho_formats::fuzzing::formats(bytes));
