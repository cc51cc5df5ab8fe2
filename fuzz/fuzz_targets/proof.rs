//! Any bytes as a proof file: only the genuine one is believed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tacho_formats::note::VerifierKey;

const GENUINE: &[u8] = include_bytes!("../seeds/proof/genuine");
const KEY: &str = include_str!("../seeds/log.vkey");

fuzz_target!(|bytes: &[u8]| {
    let key: VerifierKey = KEY.trim().parse().expect("a verifier key");
    tacho_formats::fuzzing::proof(bytes, GENUINE, &key);
});
