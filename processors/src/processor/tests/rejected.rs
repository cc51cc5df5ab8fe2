//! What becomes a dead letter, and what of it is kept.

use bytes::Bytes;
use serde_json::{Value, json};

use tacho_config::{IdPolicy, Limits, Models, Snapshot};
use tacho_schemas::dead_letter::DeadLetter;
use tacho_schemas::processed::{Processed, StreamKey, Verdict};
use tacho_schemas::reason::RejectReason;
use tacho_schemas::{Digest, RawKind, RobotKey};

use super::super::{Processor, UnknownFormulas};
use super::fixture::{full, full_with, process, processor, raw};

fn letter(processed: &Processed, entry: usize) -> (Option<StreamKey>, &DeadLetter) {
    match &processed.entries[entry].verdict {
        Verdict::Rejected { key, letter } => (*key, letter),
        Verdict::Kept(kept) => panic!("kept: {kept:?}"),
    }
}

fn rejected(record: &Value) -> (RejectReason, String, Option<StreamKey>) {
    let processed = process(record);
    let (key, letter) = letter(&processed, 0);
    (letter.reason, letter.pointer.clone(), key)
}

const KEY: Option<StreamKey> = Some(StreamKey { epoch: 1, seq: 1024 });

#[test]
fn a_window_that_ends_before_it_starts_or_lasts_longer_than_an_hour_rejects_the_record() {
    let at = |pointer: &str, time: &str| rejected(&full_with(pointer, json!(time)));
    let expected = (RejectReason::Window, "/window_end".to_owned(), KEY);
    assert_eq!(at("/window_start", "2026-11-21T08:15:00.000001Z"), expected);
    assert_eq!(at("/window_start", "2026-11-21T07:14:59.999999Z"), expected);
    let hour = process(&full_with("/window_start", json!("2026-11-21T07:15:00Z")));
    assert!(matches!(hour.entries[0].verdict, Verdict::Kept(_)));
}

#[test]
fn a_negative_mandatory_counter_rejects_the_record_with_its_key() {
    let found = rejected(&full_with("/counters/power_on_h", json!(-0.5)));
    assert_eq!(found, (RejectReason::Range, "/counters/power_on_h".to_owned(), KEY));
}

#[test]
fn of_a_publish_each_record_stands_for_itself_and_a_letter_has_its_own_bytes() {
    let good = full().to_string();
    let payload = format!("[{good}, {{\"robot_id\": 5}} ,{}]", full_with("/seq", json!(1025)));
    let processed = processor().process(3, 7..8, &[raw(7, payload)]);
    let ordinals: Vec<i64> = processed.entries.iter().map(|entry| entry.ordinal).collect();
    assert_eq!(ordinals, [0, 1, 2]);
    let (key, letter) = letter(&processed, 1);
    assert_eq!((key, &letter.bytes[..]), (None, &b"{\"robot_id\": 5}"[..]));
    let Verdict::Kept(kept) = &processed.entries[0].verdict else { panic!("the first is good") };
    assert_eq!((&kept.payload[..], kept.payload_hash), (good.as_bytes(), Digest::of(good.as_bytes()).first_i64()));
}

#[test]
fn an_oversize_publish_keeps_its_head_length_and_digest() {
    let mut oversize = raw(7, vec![b'x'; 65_536]);
    let sha256 = Digest::of(b"the whole");
    oversize.envelope.kind = RawKind::Oversize { bytes: 10_000_000, sha256 };
    let processed = processor().process(3, 7..8, &[oversize]);
    let (key, letter) = letter(&processed, 0);
    assert_eq!(
        (key, letter.reason, letter.original_len, letter.sha256),
        (None, RejectReason::TooLarge, 10_000_000, sha256)
    );
    assert_eq!(letter.bytes.len(), 65_536);
}

#[test]
fn a_topic_without_an_id_is_robot_unreadable_with_its_text_verbatim() {
    let mut nobodys = raw(7, full().to_string());
    nobodys.envelope.robot = RobotKey::Unreadable;
    nobodys.envelope.topic_id = Some("robot 7".into());
    let processed = processor().process(3, 7..8, &[nobodys]);
    let (key, letter) = letter(&processed, 0);
    assert_eq!((key, letter.reason, letter.value.as_str()), (None, RejectReason::IdMalformed, "robot 7"));
    assert_eq!(processed.entries[0].robot, RobotKey::Unreadable);
    assert_eq!(processed.entries[0].topic_id.as_deref(), Some("robot 7"));
}

#[test]
fn another_robots_record_is_a_mismatch_and_touches_no_stream() {
    let found = rejected(&full_with("/robot_id", json!("CNAB12HX00010000000000000042B")));
    assert_eq!(found, (RejectReason::IdMismatch, "/robot_id".to_owned(), None));
}

#[test]
fn poison_is_a_letter_each_and_the_rest_flows() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000)).into_bytes();
    let poison: [&[u8]; 9] = [b"", b" ", b"[]", b"{", b"\xff\xfe", b"nonsense", b"{\"seq\":1e400}", b"null", &deep];
    let mut raws: Vec<_> = (0_i64..).zip(poison).map(|(offset, payload)| raw(offset, payload)).collect();
    raws.push(raw(9, full().to_string()));
    let processed = processor().process(3, 0..10, &raws);
    assert_eq!(processed.entries.len(), 10);
    for (entry, payload) in poison.iter().enumerate() {
        let (_, letter) = letter(&processed, entry);
        assert!(letter.bytes == Bytes::copy_from_slice(payload), "{entry}: {:?}", letter.reason);
    }
    assert!(matches!(processed.entries[9].verdict, Verdict::Kept(_)));
}

#[test]
fn a_control_record_is_no_record() {
    let mut control = raw(7, "");
    control.envelope.kind = RawKind::Config(Digest::of(b"configuration"));
    let processed = processor().process(3, 7..8, &[control]);
    assert_eq!((processed.entries.len(), processed.offsets), (0, 7..8));
}

#[test]
fn formulas_that_this_binary_lacks_halt_before_any_row() {
    let schema_ids = std::collections::BTreeMap::new();
    let snapshot =
        Snapshot::build(Models::builtin(), Limits::builtin(), IdPolicy::builtin(), "2031.9", schema_ids).unwrap();
    let config = snapshot.digest();
    let refused = Processor::new(std::sync::Arc::new(snapshot), 1).unwrap_err();
    assert_eq!(refused, UnknownFormulas { formulas: "2031.9".to_owned(), config });
    assert!(refused.to_string().contains("\"2031.9\", this binary has 2026.3, 2026.2, 2026.1"), "{refused}");
}
