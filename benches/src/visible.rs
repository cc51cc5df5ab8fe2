//! From a publish to the first answer of SQL that has its row, under light load.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::Int64Type;
use tacho_query::Session;

use crate::load::publish_all;
use crate::number::{quantile, short};
use crate::plant::Plant;
use crate::record::{robot_id, small, topic};
use crate::table::Figure;

/// Records, one after the other.
const RECORDS: usize = 30;
const BETWEEN: Duration = Duration::from_millis(300);
/// Between two questions.
const LOOK: Duration = Duration::from_millis(20);
/// Longest time until all are visible.
const LONGEST: Duration = Duration::from_secs(30);

pub(crate) fn measure(plant: &Plant) -> anyhow::Result<Figure> {
    let robot = robot_id(1);
    let lake = plant.data().join("lake");
    let started = Instant::now();
    let (published, seen) = std::thread::scope(|scope| {
        let publishing = scope.spawn(|| publish(plant, &robot));
        let seen = watch(&lake, &robot, started);
        (publishing.join().map_err(|_panic| anyhow!("the publishing thread")), seen)
    });
    let (published, (seen, asked)) = (published??, seen?);
    let mut delays: Vec<Duration> = seen.iter().zip(&published).map(|(seen, published)| *seen - *published).collect();
    let (median, late) = (quantile(&mut delays, 50), quantile(&mut delays, 99));
    Ok(Figure::alone(
        format!(
            "publish → visible to SQL, one process, {RECORDS} single records, a new session each {} on average",
            short(asked)
        ),
        "p99 ≤ 2 s now, ≤ 1 s later",
        format!("p50 {}, p99 {}", short(median), short(late)),
    ))
}

/// Publishes one record after the other; when each was sent.
fn publish(plant: &Plant, robot: &str) -> anyhow::Result<Vec<Instant>> {
    (1..=RECORDS)
        .map(|seq| {
            let sent = Instant::now();
            publish_all(plant.mqtt, &[(topic(robot), small(robot, seq).into_bytes())])?;
            std::thread::sleep(BETWEEN);
            Ok(sent)
        })
        .collect()
}

/// When each record was first seen, and the mean time between two answers.
fn watch(lake: &Path, robot: &str, started: Instant) -> anyhow::Result<(Vec<Instant>, Duration)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("async runtime")?;
    let sql = format!("select max(seq) from records where robot_id = '{robot}'");
    let (mut seen, mut asked) = (Vec::new(), 0_u32);
    while seen.len() < RECORDS {
        let newest = runtime.block_on(newest(lake, &sql))?;
        asked += 1;
        seen.resize(newest.max(seen.len()), Instant::now());
        ensure!(started.elapsed() < LONGEST, "{} of {RECORDS} records are visible", seen.len());
        std::thread::sleep(LOOK);
    }
    Ok((seen, started.elapsed() / asked))
}

/// The highest sequence number that SQL knows; zero if none.
async fn newest(lake: &Path, sql: &str) -> anyhow::Result<usize> {
    let session = Session::open(lake, || Ok(Vec::new())).await.context("lake")?;
    let (_, batches) = session.query(sql).await.context("query")?;
    let batch = batches.first().context("an answer")?;
    let column = batch.column(0).as_primitive_opt::<Int64Type>().context("an integer")?;
    Ok(if column.is_valid(0) { usize::try_from(column.value(0))? } else { 0 })
}
