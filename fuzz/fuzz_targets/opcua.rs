//! Any values of an OPC UA server, on their way through the journal to records.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| tacho_ingest::opcua::fuzzing::values(bytes));
