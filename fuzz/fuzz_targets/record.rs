//! Any bytes as a publish: split, decoded by both passes, written and read back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tacho_schemas::RobotId;

fuzz_target!(|bytes: &[u8]| {
    let robot = RobotId::parse(b"CNAB12HX00010000000000000042A").expect("a robot ID");
    tacho_schemas::json::fuzzing::publish(bytes, robot);
});
