//! Any bytes as a publish: decoded, validated, measured and made into rows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tacho_schemas::RobotId;

fuzz_target!(|bytes: &[u8]| {
    let robot = RobotId::parse(b"CNAB12HX00010000000000000042A").expect("a robot ID");
    tacho_processors::fuzzing::publish(bytes, robot);
});
