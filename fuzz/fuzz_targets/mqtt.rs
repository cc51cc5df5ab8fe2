//! Any bytes over a connection of an MQTT front with a real log.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use tacho_ingest::mqtt::fuzzing::Front;
use tempfile::TempDir;

/// Inputs that one front and its log serve; then both begin anew, so that the log stays small. Not more often: the
/// thread of rumqttd's router never ends.
const INPUTS: u32 = 50_000;

thread_local! {
    static FRONT: RefCell<Option<(Front, TempDir, u32)>> = const { RefCell::new(None) };
}

fuzz_target!(|bytes: &[u8]| {
    FRONT.with_borrow_mut(|slot| {
        if slot.as_ref().is_some_and(|(_, _, left)| *left == 0) {
            let (front, dir, _) = slot.take().expect("it was just seen");
            front.close();
            drop(dir);
        }
        let (front, _, left) = slot.get_or_insert_with(|| {
            let dir = tempfile::tempdir().expect("a temporary folder");
            (Front::open(dir.path()), dir, INPUTS)
        });
        let _acknowledged = front.feed(bytes);
        *left -= 1;
    });
});
