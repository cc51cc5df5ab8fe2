//! Parts of a log of one partition: control records at offsets 0 and 3, publishes between and behind them.

use tacho_log::{Append, EmbeddedSettings};
use tacho_schemas::{Envelope, RecordId, RobotKey};
use uuid::Uuid;

use super::*;

const FIRST: Digest = Digest([1; 32]);
const SECOND: Digest = Digest([2; 32]);

/// Received at 10, 20, …, 60.
async fn log(dir: &std::path::Path) -> EmbeddedLog {
    let log = EmbeddedLog::open(dir, EmbeddedSettings { partitions: 1, ..EmbeddedSettings::default() }).unwrap();
    let appender = log.appender();
    for (counter, config) in [Some(FIRST), None, None, Some(SECOND), None, None].into_iter().enumerate() {
        let id = RecordId { session: Uuid::nil(), counter: counter.try_into().unwrap() };
        let received_at_us = 10 * (i64::try_from(counter).unwrap() + 1);
        if let Some(config) = config {
            appender.append_control(0, id, received_at_us, config).await.unwrap();
            continue;
        }
        let (robot, kind) = (RobotKey::Unreadable, RawKind::Telemetry);
        let envelope = Envelope { id, received_at_us, robot, topic_id: None, principal: "".into(), kind };
        appender.append(vec![Append { envelope, payload: "x".into() }]).await.unwrap();
    }
    log
}

#[tokio::test]
async fn a_part_lies_between_its_bounds_under_the_configuration_in_force_at_its_start() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(dir.path()).await;
    let at = |offset| Some(Bound::Offsets(BTreeMap::from([(0, offset)])));
    let then = |time| Some(Bound::Received(time));
    let part = |start, end, config| Part { start, end, config };
    for (from, to, expected) in [
        (None, None, part(0, 6, None)),
        (at(2), at(5), part(2, 5, Some(FIRST))),
        (at(3), None, part(3, 6, None)),
        (at(5), None, part(5, 6, Some(SECOND))),
        (then(15), then(50), part(1, 4, Some(FIRST))),
        (then(40), None, part(3, 6, None)),
        (then(45), at(6), part(4, 6, Some(SECOND))),
        (None, then(5), part(0, 0, None)),
        (then(99), None, part(6, 6, Some(SECOND))),
    ] {
        let found = find(&log, from.as_ref(), to.as_ref()).await.unwrap();
        assert_eq!(found[&0], expected, "{from:?} {to:?}");
    }
    for outside in [at(7), Some(Bound::Offsets(BTreeMap::from([(1, 0)])))] {
        assert!(find(&log, outside.as_ref(), None).await.is_err(), "{outside:?}");
    }
}
