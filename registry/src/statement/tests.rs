//! Every statement is read back from its bytes, and nothing but its bytes is read.

use super::*;
use crate::note::SignerKey;

fn digest(byte: u8) -> Digest {
    Digest([byte; 32])
}

fn segment() -> SegmentStatement {
    SegmentStatement {
        robot_id: "CNAB12HX00010000000000000042A".into(),
        seg_no: 7,
        stream_epoch: Some(1_760_000_000),
        present: vec![SeqRange { start: 0, end: 3 }, SeqRange { start: 5, end: 600 }],
        rejected: vec![SeqRange { start: 3, end: 4 }],
        count: 4187,
        t_min_us: 1_760_000_000_000_000,
        t_max_us: 1_760_000_060_000_000,
        rows_root: digest(1),
        prev_seg_hash: Some(digest(2)),
        flags: 0,
        device_sig: None,
        salt: [3; 16],
    }
}

fn window() -> WindowStatement {
    WindowStatement {
        origin: "registry.example/robots/telemetry-1".into(),
        win_no: 1,
        ranges: (0..2)
            .map(|partition| OffsetRange { log_id: "b1946ac9".into(), partition, from: 10, to: 20 })
            .collect(),
        counts: Counts { received: 20, landed: 15, duplicate: 3, rejected: 2, rows: vec![15, 90, 0, 0, 1, 0, 2, 4] },
        segs_root: digest(1),
        n_segs: 3,
        heads_root: digest(2),
        n_heads: 50,
        files_root: digest(3),
        n_files: 4,
        schema_ids: vec![digest(4), digest(5)],
        config_digests: vec![digest(6)],
        roster_digest: None,
        prev_win_hash: Some(digest(7)),
        beacon: Some(digest(8)),
    }
}

/// Reading gives the statement back, and no cut, longer or changed encoding gives the same.
fn round_trips<S: Statement + PartialEq + std::fmt::Debug>(statement: &S) {
    let bytes = statement.encode();
    assert_eq!(S::decode(&bytes).as_ref(), Ok(statement));
    assert_eq!(kind_of(&bytes), Ok(S::KIND));
    for end in 0..bytes.len() {
        assert!(S::decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    assert!(S::decode(&[bytes.as_slice(), &[0]].concat()).is_err());
    for at in 0..bytes.len() {
        for flip in [1, 0x20, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            if let Ok(other) = S::decode(&changed) {
                assert_ne!(&other, statement, "byte {at}");
                assert_eq!(other.encode(), changed, "byte {at}");
            }
        }
    }
}

#[test]
fn every_kind_is_read_back_and_has_one_encoding() {
    round_trips(&segment());
    round_trips(&SegmentStatement {
        seg_no: 0,
        stream_epoch: None,
        present: Vec::new(),
        prev_seg_hash: None,
        device_sig: Some(vec![9; 64]),
        ..segment()
    });
    round_trips(&HeadStatement {
        robot_id: "?".into(),
        last_epoch: None,
        last_seq: None,
        last_seg_no: 0,
        last_seg_hash: digest(1),
        status: 0,
        salt: [2; 16],
    });
    round_trips(&window());
    round_trips(&FileStatement { path: "joints/part-0.parquet".into(), size: 1 << 33, sha256: digest(1) });
    round_trips(&CompactStatement {
        table: "joints".into(),
        version: 12,
        inputs_root: digest(1),
        n_inputs: 60,
        outputs_root: digest(2),
        n_outputs: 1,
    });
    let key = SignerKey::from_seed("registry.example/1", &[1; 32]).unwrap().verifier().clone();
    round_trips(&KeyStatement { origin: "registry.example/1".into(), key });
}

#[test]
fn a_segment_is_about_220_bytes_and_its_encoding_never_changes() {
    let bytes = segment().encode();
    assert!((150..250).contains(&bytes.len()), "{} bytes", bytes.len());
    assert_eq!(&bytes[..14], b"\x8e\x6btacho-seg/1\x78");
    let pinned = "18d31c3b44859a8d104e83dd346fba4d02f1d06401c3d2f7c4068a16d5789431";
    assert_eq!(segment().leaf_hash().to_string(), pinned);
}

#[test]
fn segments_that_contradict_themselves_are_refused() {
    let range = |start, end| SeqRange { start, end };
    let segments = [
        SegmentStatement { present: vec![range(3, 3)], ..segment() },
        SegmentStatement { present: vec![range(0, 3), range(3, 4)], ..segment() },
        SegmentStatement { rejected: vec![range(5, 6), range(0, 1)], ..segment() },
        SegmentStatement { count: 0, ..segment() },
        SegmentStatement { t_min_us: 2, t_max_us: 1, ..segment() },
        SegmentStatement { prev_seg_hash: None, ..segment() },
        SegmentStatement { seg_no: 0, ..segment() },
    ];
    for segment in segments {
        let refused = SegmentStatement::decode(&segment.encode());
        assert!(matches!(refused, Err(StatementError::Content { .. })), "{segment:?}");
    }
}

#[test]
fn windows_that_contradict_themselves_are_refused() {
    let mut twice = window().ranges;
    twice[1].partition = 0;
    let windows = [
        WindowStatement { ranges: twice, ..window() },
        WindowStatement { schema_ids: vec![digest(5), digest(4)], ..window() },
        WindowStatement { config_digests: vec![digest(5); 2], ..window() },
        WindowStatement { win_no: 0, ..window() },
        WindowStatement { counts: Counts { received: 21, ..window().counts }, ..window() },
        WindowStatement { counts: Counts { landed: u64::MAX, ..window().counts }, ..window() },
    ];
    for window in windows {
        let refused = WindowStatement::decode(&window.encode());
        assert!(matches!(refused, Err(StatementError::Content { .. })), "{window:?}");
    }
}

#[test]
fn entries_of_the_log_are_told_by_their_kind() {
    assert_eq!(LogEntry::decode(&window().encode()), Ok(LogEntry::Window(Box::new(window()))));
    assert!(matches!(LogEntry::decode(b"\x81\x6ctacho-new/99"), Ok(LogEntry::Unknown(kind)) if kind == "tacho-new/99"));
    assert!(LogEntry::decode(b"").is_err());
    assert!(LogEntry::decode(b"\x81\x6btacho-win/1").is_err());
    let refused = HeadStatement::decode(&segment().encode()).unwrap_err();
    assert_eq!(refused.to_string(), "a statement \"tacho-seg/1\" where tacho-head/1 is expected");
}
