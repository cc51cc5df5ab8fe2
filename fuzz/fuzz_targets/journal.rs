//! A script that writes the files of a log: opened, read, appended to, opened again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tacho_log::fuzzing::Journal;
use tempfile::TempDir;

thread_local! {
    static DIR: TempDir = tempfile::tempdir().expect("a temporary folder");
}

fuzz_target!(|bytes: &[u8]| DIR.with(|dir| Journal::new(dir.path()).open(bytes)));
