//! What must hold for any publish: the body of the fuzz target `publish` and of property tests.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use tacho_config::{FORMULAS, IdPolicy, Limits, Models, Snapshot};
use tacho_schemas::processed::{Processed, Verdict};
use tacho_schemas::table::Table;
use tacho_schemas::{Envelope, RawKind, RawRecord, RecordId, RobotId, RobotKey};

use crate::Processor;

/// Receipt of every publish here: 2026-11-21T08:15:01Z, Unix microseconds.
const RECEIVED_AT_US: i64 = 1_795_248_901_000_000;

static PROCESSOR: LazyLock<Processor> = LazyLock::new(|| {
    let schema_ids = Table::ALL.map(|table| (table.name().to_owned(), table.schema_id()));
    let snapshot =
        Snapshot::build(Models::builtin(), Limits::builtin(), IdPolicy::builtin(), FORMULAS, schema_ids.into());
    Processor::new(Arc::new(snapshot.expect("the built-in models are sound")), 1).expect("formulas of this release")
});

/// Processes bytes as a publish of `robot`, under the built-in configuration.
///
/// # Panics
/// If a record has no verdict, if rows and verdicts disagree, or if a dead letter lacks its bytes.
pub fn publish(bytes: &[u8], robot: RobotId) {
    let raw = RawRecord {
        partition: 3,
        offset: 7,
        envelope: Envelope {
            id: RecordId { session: Default::default(), counter: 7 },
            received_at_us: RECEIVED_AT_US,
            robot: RobotKey::Id(robot),
            topic_id: None,
            principal: "fuzz".into(),
            kind: RawKind::Telemetry,
        },
        payload: Bytes::copy_from_slice(bytes),
    };
    let processed = PROCESSOR.process(3, 7..8, std::slice::from_ref(&raw));
    every_record_has_a_verdict(&processed, std::slice::from_ref(&raw));
    rows_agree_with_verdicts(&processed);
    for entry in &processed.entries {
        if let Verdict::Rejected { letter, .. } = &entry.verdict {
            let kept = usize::try_from(letter.original_len).is_ok_and(|len| len == letter.bytes.len());
            assert!(kept && is_part(&letter.bytes, bytes), "a dead letter has its original bytes: {letter:?}");
        }
    }
}

fn is_part(part: &[u8], whole: &[u8]) -> bool {
    part.is_empty() || whole.windows(part.len()).any(|window| window == part)
}

/// Checks that each publish has entries, in the order of their places.
///
/// # Panics
/// If not.
pub fn every_record_has_a_verdict(processed: &Processed, raws: &[RawRecord]) {
    for raw in raws {
        assert!(processed.entries.iter().any(|entry| entry.offset == raw.offset), "offset {}", raw.offset);
    }
    let places: Vec<_> = processed.entries.iter().map(|entry| (entry.offset, entry.ordinal)).collect();
    assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{places:?} are not in order");
}

/// Checks that tables have as many rows as the verdicts say.
///
/// # Panics
/// If not.
pub fn rows_agree_with_verdicts(processed: &Processed) {
    let mut records = 0;
    let mut components = [0_usize; 5];
    for entry in &processed.entries {
        if let Verdict::Kept(kept) = &entry.verdict {
            records += 1;
            for (sum, rows) in components.iter_mut().zip(kept.component_rows) {
                *sum += rows as usize;
            }
        }
    }
    assert_eq!(processed.rows.get(Table::Records).num_rows(), records);
    for (table, rows) in Table::COMPONENTS.into_iter().zip(components) {
        assert_eq!(processed.rows.get(table).num_rows(), rows, "{}", table.name());
    }
    for table in [Table::Rejected, Table::GapEvents] {
        assert_eq!(processed.rows.get(table).num_rows(), 0);
    }
}
