//! What a publish costs in ingest and in the log's writer, each by its own threads: front and log of this process, with
//! nothing behind them.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use tacho_ingest::{MqttFront, MqttSettings, Outlet};
use tacho_log::{EmbeddedLog, EmbeddedSettings};
use tokio_util::sync::CancellationToken;

use crate::load::{Load, ROBOTS};
use crate::machine::thread_cpu_of;
use crate::number::grouped;
use crate::plant::Folder;
use crate::table::Figure;

const CONNECTIONS: usize = 50;
const DURATION: Duration = Duration::from_secs(10);
/// Name of the threads that serve connections.
const SERVING: &str = "ingest";

pub(crate) fn measure() -> anyhow::Result<Vec<Figure>> {
    let folder = Folder::new("ingest")?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.thread_name(SERVING).enable_all().build().context("async runtime")?;
    let log = EmbeddedLog::open(folder.join("log"), EmbeddedSettings::default()).context("log")?;
    let settings = MqttSettings { listen: ([127, 0, 0, 1], 0).into(), anonymous: true, ..MqttSettings::default() };
    let front = runtime.block_on(MqttFront::bind(settings, Outlet::new(log.appender()))).context("MQTT")?;
    let (broker, stop) = (front.local_addr(), CancellationToken::new());
    let serving = runtime.spawn(front.run(stop.clone()));
    let before = by_thread()?;
    let load = Load { broker, connections: CONNECTIONS, robots: ROBOTS, duration: DURATION, rate: None }.run()?;
    let after = by_thread()?;
    stop.cancel();
    runtime.block_on(serving).context("MQTT")?.context("MQTT")?;
    runtime.block_on(log.close());
    let each_us = |name: &str| {
        let of = |times: &BTreeMap<String, Duration>| times.get(name).copied().unwrap_or_default();
        of(&after).saturating_sub(of(&before)).as_secs_f64() * 1e6 / load.records as f64
    };
    let figure = format!(
        "{:.2} µs of CPU each in ingest, {:.2} µs in the log's writer, at {}/s",
        each_us(SERVING),
        each_us("log-writer"),
        grouped(load.rate())
    );
    Ok(vec![Figure::alone("CPU of a publish, 300 B, ingest and log alone", "≤ 2 µs of CPU each in ingest", figure)])
}

/// Processor time of this process by the names of its threads.
fn by_thread() -> anyhow::Result<BTreeMap<String, Duration>> {
    let mut times = BTreeMap::<String, Duration>::new();
    for thread in fs::read_dir("/proc/self/task").context("threads")? {
        let folder = thread.context("threads")?.path();
        // A thread may end meanwhile; those that are asked for do not.
        let name = fs::read_to_string(folder.join("comm")).unwrap_or_default();
        *times.entry(name.trim().to_owned()).or_default() += thread_cpu_of(&folder).unwrap_or_default();
    }
    Ok(times)
}
