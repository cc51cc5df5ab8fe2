//! The whole way at a steady rate: published, landed and anchored.

use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};

use crate::load::{Load, ROBOTS};
use crate::number::grouped;
use crate::plant::Plant;
use crate::table::Figure;

/// Records per second that are offered: a little over the budget.
const OFFERED: f64 = 60_000.0;
const DURATION: Duration = Duration::from_secs(20);
/// When the plant is looked at for the first time.
const HALF: Duration = Duration::from_secs(10);
/// Longest time from the end of the load until all has landed.
const LAST: Duration = Duration::from_secs(30);

pub(crate) fn measure() -> anyhow::Result<Vec<Figure>> {
    let plant = Plant::start("landing", "")?;
    let load = Load { broker: plant.mqtt, connections: 50, robots: ROBOTS, duration: DURATION, rate: Some(OFFERED) };
    let (published, half, end) = std::thread::scope(|scope| {
        let publishing = scope.spawn(|| load.run());
        std::thread::sleep(HALF);
        let half = Moment::of(&plant);
        let published = publishing.join().map_err(|_panic| anyhow!("the load's thread"));
        (published, half, Moment::of(&plant))
    });
    let (published, half, end) = (published??, half?, end?);
    let all = published.records as f64;
    plant.wait_for("tacho_lake_landed_total", all, LAST)?;
    let rest = end.at.elapsed();
    let figure = format!(
        "{} records/s landed of {} published/s; {} not landed after {} s, {} after {:.0} s, all {:.1} s later; {} of the landed were anchored by then, in {} windows",
        grouped(end.landed / published.took.as_secs_f64()),
        grouped(published.rate()),
        grouped(half.waiting()),
        HALF.as_secs(),
        grouped(end.waiting()),
        published.took.as_secs_f64(),
        rest.as_secs_f64(),
        grouped(end.anchored),
        end.windows,
    );
    let what = "publish → landed in the lake with anchors, records of 300 B, from an empty lake";
    Ok(vec![Figure::alone(what, "≥ 50,000 records/s end to end", figure)])
}

/// How far a plant is.
#[derive(Debug)]
struct Moment {
    at: Instant,
    landed: f64,
    appended: f64,
    /// Records in windows that are lodged with the registry.
    anchored: f64,
    windows: usize,
}

impl Moment {
    fn of(plant: &Plant) -> anyhow::Result<Self> {
        let landed = plant.metric("tacho_lake_landed_total")?;
        let appended = plant.metric("tacho_log_appended_records_total")?;
        let windows = tacho_registry::summaries(&plant.data(), &plant.registry()).context("anchors")?;
        let anchored = windows.iter().map(|window| window.landed as f64).sum();
        Ok(Self { at: Instant::now(), landed, appended, anchored, windows: windows.len() })
    }

    /// Records in the log that have not landed.
    fn waiting(&self) -> f64 {
        (self.appended - self.landed).max(0.0)
    }
}
