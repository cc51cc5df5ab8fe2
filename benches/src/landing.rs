//! The whole way at a steady rate: published, landed and anchored.

use std::time::{Duration, Instant};

use anyhow::anyhow;

use crate::load::Load;
use crate::number::grouped;
use crate::plant::Plant;
use crate::table::Figure;

/// Records per second that are offered: a little over the budget.
const OFFERED: f64 = 60_000.0;
const DURATION: Duration = Duration::from_secs(20);
/// The beginning is left out: nothing has landed before the first commit.
const WARM_UP: Duration = Duration::from_secs(4);

pub(crate) fn measure() -> anyhow::Result<Vec<Figure>> {
    let plant = Plant::start("landing", "")?;
    let load = Load { broker: plant.mqtt, connections: 50, duration: DURATION, rate: Some(OFFERED) };
    let (published, landing) = std::thread::scope(|scope| {
        let publishing = scope.spawn(|| load.run());
        let landing = watch(&plant);
        (publishing.join().map_err(|_panic| anyhow!("the load's thread")), landing)
    });
    let (published, landing) = (published??, landing?);
    let landed = plant.metric("tacho_lake_landed_total")?;
    let rejected = plant.metric("tacho_lake_rejected_total")?;
    let figure = format!(
        "{} records/s landed of {} published/s; {} of {} not landed at the end, {} rejected",
        grouped(landing),
        grouped(published.rate()),
        grouped((published.records as f64 - landed - rejected).max(0.0)),
        grouped(published.records as f64),
        grouped(rejected),
    );
    let what = "publish → landed in the lake with anchors, the same records, sustained for 16 s";
    Ok(vec![Figure::alone(what, "≥ 50,000 records/s end to end", figure)])
}

/// Records landed in a second, from the end of the warm-up to the end of the load.
fn watch(plant: &Plant) -> anyhow::Result<f64> {
    let started = Instant::now();
    let landed = || plant.metric("tacho_lake_landed_total");
    std::thread::sleep(WARM_UP);
    // From a commit to a commit: between them the counter stands still.
    let (mut first, mut last) = (None, (landed()?, Instant::now()));
    while started.elapsed() < DURATION {
        std::thread::sleep(Duration::from_millis(50));
        let now = (landed()?, Instant::now());
        if now.0 > last.0 {
            last = now;
            first.get_or_insert(now);
        }
    }
    let first = first.ok_or_else(|| anyhow!("nothing landed"))?;
    Ok((last.0 - first.0) / (last.1 - first.1).as_secs_f64().max(f64::EPSILON))
}
