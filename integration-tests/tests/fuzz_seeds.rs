//! The seeds of the fuzz targets, and what fuzzing found: each input is fed to its target's body.

use std::path::PathBuf;

use tacho_ingest::mqtt::fuzzing::Front;
use tacho_log::fuzzing::Journal;
use tacho_registry::note::VerifierKey;
use tacho_schemas::RobotId;

fn folder() -> PathBuf {
    PathBuf::from("../fuzz/seeds")
}

/// Feeds the seeds of a target to its body; the name of the one at hand is printed, for when it fails.
fn each(target: &str, mut body: impl FnMut(&[u8])) {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder().join(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 4, "{target} has seeds: {paths:?}");
    for path in paths {
        println!("{}", path.display());
        body(&std::fs::read(&path).unwrap());
    }
}

fn robot() -> RobotId {
    RobotId::parse(b"CNAB12HX00010000000000000042A").unwrap()
}

#[test]
fn seeds_of_the_record_decoder_hold() {
    each("record", |bytes| tacho_schemas::json::fuzzing::publish(bytes, robot()));
}

#[test]
fn seeds_of_the_opc_ua_values_hold() {
    each("opcua", tacho_ingest::opcua::fuzzing::values);
}

#[test]
fn seeds_of_the_processors_hold() {
    each("record", |bytes| tacho_processors::fuzzing::publish(bytes, robot()));
}

#[test]
fn seeds_of_the_mqtt_front_hold() {
    let dir = tempfile::tempdir().unwrap();
    let mut front = Front::open(dir.path());
    // Twice: what the first round left in sessions, filters and retained messages is met by the second.
    let mut acknowledged = 0;
    for _round in 0..2 {
        each("mqtt", |bytes| acknowledged += front.feed(bytes));
    }
    assert!(acknowledged >= 8, "{acknowledged} publishes of the seeds were acknowledged");
    front.close();
}

#[test]
fn seeds_of_the_logs_segments_hold() {
    each("segment", tacho_log::fuzzing::segment);
}

#[test]
fn seeds_of_the_logs_recovery_hold() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::new(dir.path());
    each("journal", |bytes| journal.open(bytes));
}

#[test]
fn seeds_of_the_proof_parser_hold() {
    let key: VerifierKey = std::fs::read_to_string(folder().join("log.vkey")).unwrap().trim().parse().unwrap();
    let genuine = std::fs::read(folder().join("proof/genuine")).unwrap();
    each("proof", |bytes| tacho_registry::fuzzing::proof(bytes, &genuine, &key));
}

#[test]
fn seeds_of_the_other_formats_hold() {
    each("formats", tacho_registry::fuzzing::formats);
}
