//! The status line: what flows, what lags, what was anchored; and, once, which commands to try.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::time::Duration;

use tacho_config::Settings;
use tokio_util::sync::CancellationToken;

use super::Part;
use super::board::{Board, Facts};
use super::instance::Endpoints;

/// Between two lines where standard error is no terminal.
const SPARSE: Duration = Duration::from_secs(10);
/// Between two updates in a terminal.
const LIVE: Duration = Duration::from_secs(1);

/// Writes the line until `stop`: in place in a terminal, else a line now and then.
pub(super) async fn run(board: Board, stop: CancellationToken) {
    let live = std::io::stderr().is_terminal();
    let every = if live { LIVE } else { SPARSE };
    let mut last = board.read();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(every) => {}
        }
        let facts = board.read();
        let line = line(&last, &facts, every, board.readiness().ready);
        write(if live { format!("\r\x1b[2K{line}") } else { format!("{line}\n") });
        last = facts;
    }
    if live {
        write("\n".to_owned());
    }
}

fn line(last: &Facts, facts: &Facts, every: Duration, ready: bool) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = (facts.appended - last.appended) as f64 / every.as_secs_f64();
    let anchored = match facts.anchored_at {
        None => "no window yet".to_owned(),
        Some(at) => format!("window {} anchored {} s ago", facts.windows, at.elapsed().as_secs()),
    };
    let spool = facts.spool.as_ref().map(|depth| format!("  spool {depth}")).unwrap_or_default();
    format!(
        "{} {rate:.0}/s  landed {}  dup {}  rej {}  lag {}  {anchored}{spool}",
        if ready { "ready" } else { "NOT READY" },
        facts.landed,
        facts.duplicate,
        facts.rejected,
        facts.lag_records,
    )
}

/// What a person can do now; `cell` is the URL of the demo's OPC UA server.
pub(super) fn greet(endpoints: &Endpoints, settings: &Settings, config: Option<&Path>, cell: Option<String>) {
    let Some(mqtt) = endpoints.mqtt else { return };
    let (data, anonymous) = (settings.data_dir.display(), settings.mqtt.anonymous);
    let found_by = match (config, &settings.lake.url) {
        (Some(config), Some(_)) => format!("--config {}", config.display()),
        _ => format!("--data {data}"),
    };
    let (who, login) =
        if anonymous { ("anyone on this machine may connect", "") } else { ("users by file", " -u USER -P PASSWORD") };
    let fleet = |url: String| {
        format!(
            "demo    {} simulated robots publish once a second; a second of theirs is ten hours of work\n        \
             {} more work by the clock, and are found at the OPC UA server {url}\n",
            super::demo::ROBOTS,
            super::demo::CELL_ROBOTS
        )
    };
    let fleet = cell.map(fleet).unwrap_or_default();
    write(format!(
        "tacho is up\n\
         MQTT    {}  ({who})\n\
         admin   http://{}/ready  /live  /metrics\n\
         data    {data}\n\
         {fleet}\
         try     tacho sql {found_by} \"select robot_id, robot_kind, power_on_h, robot_health_index from fleet limit 10\"\n        \
         tacho sql {found_by} \"select robot_id, joint, reducer_damage, reducer_rul_h from joint_wear order by reducer_rul_h limit 10\"\n        \
         mosquitto_pub -h {} -p {}{login} -q 1 -t robots/ID/telemetry -f record.json\n",
        mqtt,
        endpoints.admin,
        mqtt.ip(),
        mqtt.port(),
    ));
}

/// Where a process with one role listens.
pub(super) fn greet_role(part: Part, endpoints: &Endpoints) {
    let role = match part {
        Part::All => "up",
        Part::Ingest => "ingest",
        Part::Process => "process",
        Part::Anchor => "anchor",
    };
    let mqtt = endpoints.mqtt.map(|mqtt| format!("MQTT    {mqtt}\n")).unwrap_or_default();
    write(format!("tacho {role} is up\n{mqtt}admin   http://{}/ready  /live  /metrics\n", endpoints.admin));
}

fn write(text: String) {
    // A closed standard error is no reason to stop recording.
    drop(std::io::stderr().lock().write_all(text.as_bytes()));
}
