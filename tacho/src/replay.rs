//! `tacho replay`: recorded data as live telemetry, record by record over a real MQTT connection.
//!
//! The format is told by the file's header. A replay can be repeated: the same file gives the same keys and
//! the same bytes, so what has landed already is recognised as duplicate.

mod ur3;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use tacho_schemas::RobotId;
use tacho_schemas::json::encode;
use tacho_schemas::record::Record;
use tokio::sync::mpsc;

use crate::exit::Answer;
use crate::publishing::device::{Device, Outbound};
use crate::publishing::{Target, publish};

/// Publishes recorded data: `tacho replay ur3_cobotops.csv --to mqtt://127.0.0.1:1883`
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A recording: the UR3 CobotOps data set (CSV).
    file: PathBuf,
    #[command(flatten)]
    target: Target,
    /// The robot that the data is published for.
    #[arg(long, default_value = ur3::ROBOT_ID, overrides_with = "robot")]
    robot: RobotId,
    /// How many times faster than recorded; 0 is as fast as the broker acknowledges.
    #[arg(long, default_value_t = 0.0, overrides_with = "speed")]
    speed: f64,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> anyhow::Result<Answer> {
    let records = ur3::read(&args.file, args.robot).with_context(|| args.file.display().to_string())?;
    publish(&args.target, async |broker, tally, stop| {
        let done = BTreeMap::from([("replayed".to_owned(), u64::try_from(records.len()).unwrap_or(u64::MAX))]);
        let (outbox, items) = mpsc::channel(64);
        let device = Device { broker, client_id: format!("replay-{}", args.robot), tally };
        let publishing = tokio::spawn(device.run(items, stop.clone()));
        tokio::select! {
            () = stop.cancelled() => {}
            () = feed(records, outbox, args.speed) => {}
        }
        publishing.await.context("publishing was cut off")?;
        Ok(done)
    })
    .await
}

/// The record as JSON, with the columns that the record has no field for as further fields, as a device sends them.
fn with_extra(record: &Record) -> String {
    let mut text = encode(record);
    for (pointer, raw) in record.extra.parts() {
        text.pop();
        text.push_str(&format!(",\"{}\":{raw}}}", pointer.trim_start_matches('/')));
    }
    text
}

/// Hands the records out in order, at the recorded pace divided by `speed`.
async fn feed(records: Vec<Record>, outbox: mpsc::Sender<Outbound>, speed: f64) {
    let mut last_us = None;
    for record in records {
        let waited_us = last_us.map_or(0, |last| record.window_end_us - last);
        last_us = Some(record.window_end_us);
        if speed > 0.0 {
            #[expect(clippy::cast_precision_loss, reason = "a pause, not an identity")]
            let pause = (waited_us as f64 / 1e6 / speed).clamp(0.0, 3_600.0);
            tokio::time::sleep(std::time::Duration::from_secs_f64(pause)).await;
        }
        let outbound = Outbound {
            topic: format!("robots/{}/telemetry", record.robot_id),
            label: format!("{},{},{},replayed", record.robot_id, record.stream_epoch, record.seq),
            payload: with_extra(&record).into_bytes(),
        };
        if outbox.send(outbound).await.is_err() {
            return;
        }
    }
}
