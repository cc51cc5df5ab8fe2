//! A topic full of records of six joints, landed by `tacho process` while `tacho anchor` follows.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use tacho_benches::fixture::record;
use tacho_log::Append;
use tacho_schemas::{Envelope, RawKind, RecordId, RobotKey};
use uuid::Uuid;

use super::{NO_KAFKA, deployment, log};
use crate::number::grouped;
use crate::record::{now_ms, robot_id};
use crate::table::Figure;

const RECORDS: usize = 1_000_000;
const ROBOTS: usize = 500;
/// Records that are appended in one go.
const BATCH: usize = 2_000;
/// Longest time until all has landed.
const LONGEST: Duration = Duration::from_secs(300);
const BUDGET: &str = "≥ 90,000 records/s";
/// Robot of the record that all are made from.
const MODEL_ROBOT: &str = "CNAB12HX00010000000000000042A";

pub(crate) fn measure() -> anyhow::Result<Vec<Figure>> {
    let what =
        "catch-up: a full Kafka topic → lake, 1,000,000 records of six joints, one `tacho process`, one `tacho anchor`";
    let Some((_broker, mut cluster)) = deployment()? else {
        return Ok(vec![Figure::missing(what, BUDGET, NO_KAFKA)]);
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("async runtime")?;
    let kafka = log(&runtime, &cluster)?;
    runtime.block_on(fill(&tacho_log::Appender::from(kafka.appender())))?;
    runtime.block_on(kafka.close());
    let _anchor = cluster.started("anchor")?;
    let (process, started) = (cluster.started("process")?, Instant::now());
    let landed = || cluster.metric(process, "tacho_lake_landed_total");
    while landed()? < RECORDS as f64 {
        ensure!(started.elapsed() < LONGEST, "{} of {RECORDS} landed", landed()?);
        std::thread::sleep(Duration::from_millis(100));
    }
    let rate = RECORDS as f64 / started.elapsed().as_secs_f64();
    let figure = format!("{} records/s from its start, joining the group included", grouped(rate));
    Ok(vec![Figure::alone(what, BUDGET, figure)])
}

async fn fill(appender: &tacho_log::Appender) -> anyhow::Result<()> {
    let session = Uuid::new_v4();
    let mut deliveries = Vec::new();
    for first in (0..RECORDS).step_by(BATCH) {
        let batch: anyhow::Result<Vec<Append>> = (first..first + BATCH).map(|number| append(session, number)).collect();
        // The bound in bytes sets the pace.
        deliveries.push(appender.enqueue(batch?).await.context("append")?);
    }
    for delivery in deliveries {
        delivery.await.context("append")?;
    }
    Ok(())
}

fn append(session: Uuid, number: usize) -> anyhow::Result<Append> {
    let robot = robot_id(1 + number % ROBOTS);
    let payload = record(1 + number / ROBOTS).replace(MODEL_ROBOT, &robot);
    let envelope = Envelope {
        id: RecordId { session, counter: u64::try_from(number)? },
        received_at_us: i64::try_from(now_ms())? * 1_000,
        robot: RobotKey::Id(robot.parse()?),
        topic_id: None,
        principal: "bench".into(),
        kind: RawKind::Telemetry,
    };
    Ok(Append { envelope, payload: Bytes::from(payload) })
}
