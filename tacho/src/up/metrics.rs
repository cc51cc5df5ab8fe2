//! Every metric with its meaning and with what should wake someone: told to Prometheus, and on the page `docs/metrics.md`.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// What is counted how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// One metric.
struct Metric {
    name: &'static str,
    kind: Kind,
    unit: Unit,
    /// Labels, with their meaning.
    labels: &'static str,
    help: &'static str,
    /// When somebody should look, as a PromQL condition in words or as one; empty if it is for the curious.
    alert: &'static str,
}

const fn counter(name: &'static str, unit: Unit, labels: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, unit, labels, help, alert: "" }
}

const fn gauge(name: &'static str, unit: Unit, labels: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, unit, labels, help, alert: "" }
}

const fn histogram(name: &'static str, unit: Unit, labels: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Histogram, unit, labels, help, alert: "" }
}

impl Metric {
    const fn alert(mut self, alert: &'static str) -> Self {
        self.alert = alert;
        self
    }
}

/// In the order of a record's way.
#[rustfmt::skip]
const METRICS: &[Metric] = &[
    gauge("tacho_ready", Unit::Count, "", "1 if every part works, as /ready says it").alert("< 1 for 1 min"),
    gauge("tacho_part_failing", Unit::Count, "part", "1 while a part does not work; /ready says why").alert("> 0 for 1 min"),
    gauge("tacho_ingest_connections", Unit::Count, "", "MQTT connections that are open"),
    counter("tacho_ingest_connections_refused_total", Unit::Count, "reason", "Connections that were refused, above all for a wrong name or password").alert("a rise where there was none"),
    counter("tacho_ingest_closed_total", Unit::Count, "reason", "Connections that ended; `panicked` is a fault of this program").alert("reason `panicked`, or many `log_failed`"),
    counter("tacho_ingest_publishes_total", Unit::Count, "", "Telemetry publishes that were taken"),
    counter("tacho_ingest_publish_bytes_total", Unit::Bytes, "", "Bytes of their payloads"),
    counter("tacho_ingest_oversize_total", Unit::Count, "", "Publishes over the limit; of each a dead letter keeps the first 64 KiB, the length and the SHA-256").alert("> 0: a device is misconfigured"),
    counter("tacho_ingest_messages_total", Unit::Count, "", "Publishes that are no telemetry: ordinary MQTT between clients"),
    counter("tacho_ingest_refused_total", Unit::Count, "reason", "Publishes and subscriptions that were refused, by reason").alert("a rise where there was none"),
    counter("tacho_ingest_slow_subscribers_total", Unit::Count, "bound (`own`, `all`)", "Subscribers that read too slowly and were cut off"),
    counter("tacho_ingest_undistributed_total", Unit::Count, "", "Telemetry that subscribers did not get, because the router could not take it; it is in the log"),
    histogram("tacho_ingest_puback_seconds", Unit::Seconds, "", "From a publish to its PUBACK").alert("p99 > 5 s"),
    gauge("tacho_opcua_connected", Unit::Count, "server", "1 while the bridge has a session with an OPC UA server").alert("< 1 for 2 min"),
    counter("tacho_opcua_samples_total", Unit::Count, "server", "Values that came from a server and are durable in the bridge's journal"),
    counter("tacho_opcua_republished_total", Unit::Count, "server", "Messages that were missed and fetched again"),
    counter("tacho_opcua_history_total", Unit::Count, "server", "Values that were missed and read from the server's history"),
    counter("tacho_opcua_gaps_total", Unit::Count, "server", "Stretches of time of which nothing can be had; each is a row of `gap_events`").alert("> 0"),
    counter("tacho_opcua_journal_full_total", Unit::Count, "server", "Times that the bridge stopped asking because its journal was full").alert("> 0: the log does not take what the bridge cuts"),
    counter("tacho_opcua_records_total", Unit::Count, "", "Records that were cut from what servers said and are durable in the log"),
    counter("tacho_log_appended_records_total", Unit::Count, "", "Records that are durable in the log"),
    counter("tacho_log_appended_bytes_total", Unit::Bytes, "", "Bytes that were written to the log"),
    counter("tacho_log_groups_total", Unit::Count, "", "Batches that were written, each with one fsync"),
    histogram("tacho_log_sync_seconds", Unit::Seconds, "", "Time that writing and syncing a batch took").alert("p99 > 1 s: the disk is slow or failing"),
    counter("tacho_log_refused_records_total", Unit::Count, "", "Records that the log did not take; none of them was acknowledged").alert("> 0"),
    gauge("tacho_log_pending_bytes", Unit::Bytes, "", "Bytes that wait to be written").alert("near `log.queue_bytes` for 1 min"),
    gauge("tacho_log_bytes", Unit::Bytes, "", "Bytes of the log on disk"),
    gauge("tacho_log_segments", Unit::Count, "", "Files of the log"),
    counter("tacho_log_read_bytes_total", Unit::Bytes, "from (`memory`, `disk`)", "Bytes that were read for processing"),
    counter("tacho_log_damaged_bytes_total", Unit::Bytes, "", "Bytes of the log that cannot be read").alert("> 0: check the disk"),
    counter("tacho_log_lost_records_total", Unit::Count, "landed (`yes`, `no`)", "Records in them; `no` are rows of `gap_events`").alert("> 0"),
    gauge("tacho_spool_records", Unit::Count, "", "Records that are acknowledged and wait in the spool for Kafka").alert("> 0 for 5 min: Kafka is away, or slower than what comes"),
    gauge("tacho_spool_bytes", Unit::Bytes, "", "Bytes of the files that have them").alert("> 50 % of `tacho_spool_bytes_max`"),
    gauge("tacho_spool_bytes_max", Unit::Bytes, "", "Bytes that these files may have: `log.kafka.spool.max_bytes`"),
    gauge("tacho_spool_hours_left", Unit::Count, "", "Hours until the spool is full, as it has grown in the last minute; infinite while it does not grow").alert("< 4"),
    gauge("tacho_spool_partitions", Unit::Count, "", "Partitions whose new records are spooled").alert("> 0 for 5 min"),
    gauge("tacho_spool_kept_by_one_bytes", Unit::Bytes, "", "Bytes of files that wait for one partition alone; /ready says for which").alert("near `tacho_spool_bytes`: its leader is away alone, or refuses a record"),
    gauge("tacho_spool_refused_partitions", Unit::Count, "", "Partitions that wait at a record that Kafka refuses; /ready says which one, and why").alert("> 0"),
    counter("tacho_spool_appended_records_total", Unit::Count, "", "Records that were written to the spool"),
    counter("tacho_spool_drained_records_total", Unit::Count, "", "Records that were sent from the spool to Kafka"),
    counter("tacho_spool_lost_records_total", Unit::Count, "", "Acknowledged records of the spool that were lost with damaged or missing files, as far as they can be counted").alert("> 0: check the disk"),
    gauge("tacho_roster_version", Unit::Count, "", "Version of the roster in force; 0 if robots are judged without one").alert("< 1 where the settings name a roster, or a fall"),
    gauge("tacho_roster_issued_seconds", Unit::Seconds, "", "When it was issued, as Unix time").alert("`time()` is further ahead than the registry's interval"),
    gauge("tacho_roster_failing", Unit::Count, "", "1 while what stands at the roster's place cannot be had or is not taken; the log says why").alert("> 0 for 15 min"),
    gauge("tacho_process_lag_records", Unit::Count, "", "Records in the log that have not landed").alert("rising for 10 min"),
    counter("tacho_lake_received_total", Unit::Count, "", "Records that were decided on: landed, duplicate or rejected"),
    counter("tacho_lake_landed_total", Unit::Count, "", "Records that are in the lake"),
    counter("tacho_lake_duplicates_total", Unit::Count, "", "Records that were in the lake already"),
    counter("tacho_lake_rejected_total", Unit::Count, "", "Records that became dead letters").alert("a rise where there was none"),
    counter("tacho_lake_sequence_conflicts_total", Unit::Count, "", "Dead letters whose sequence number is taken by another record").alert("> 0: a clone, or a robot that counts anew without a new epoch"),
    counter("tacho_lake_gap_events_total", Unit::Count, "kind", "Gaps in sequence numbers that were opened, narrowed, closed or written off").alert("`opened` without `closed` for 1 h"),
    gauge("tacho_lake_next_offset", Unit::Count, "partition", "Offset up to which a partition has landed").alert("no change while the log grows"),
    histogram("tacho_lake_landing_seconds", Unit::Seconds, "", "Time that the landing of a batch took, from its rows to the last commit").alert("p99 > 10 s"),
    counter("tacho_lake_rows_total", Unit::Count, "table", "Rows that were committed"),
    counter("tacho_lake_commits_total", Unit::Count, "table", "Commits"),
    histogram("tacho_lake_commit_seconds", Unit::Seconds, "table", "Time that a commit took"),
    histogram("tacho_lake_write_seconds", Unit::Seconds, "table", "Time that encoding and writing the files of a batch took"),
    histogram("tacho_lake_file_bytes", Unit::Bytes, "table", "Bytes of a data file"),
    counter("tacho_lake_file_bytes_total", Unit::Bytes, "table", "Bytes of data files that were written"),
    counter("tacho_lake_checkpoints_total", Unit::Count, "table", "Checkpoints of Delta logs"),
    histogram("tacho_lake_checkpoint_seconds", Unit::Seconds, "table", "Time that a checkpoint took"),
    counter("tacho_lake_compactions_total", Unit::Count, "table", "Merges of small files"),
    counter("tacho_lake_compacted_files_total", Unit::Count, "table", "Files that were merged"),
    counter("tacho_lake_deleted_files_total", Unit::Count, "table", "Files that were removed once merged, and no longer needed"),
    counter("tacho_lake_deleted_entries_total", Unit::Count, "table", "Entries of Delta logs that were removed below a checkpoint"),
    gauge("tacho_anchor_age_seconds", Unit::Seconds, "", "Age of the oldest record without an anchor; 0 if all have one").alert("> 10 windows"),
];

/// Starts counting, with what every metric means.
pub(super) fn install() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new().install_recorder()?;
    for Metric { name, kind, unit, labels, help, alert } in METRICS {
        let mut help = (*help).to_owned();
        for (what, text) in [("by", labels), ("look when", alert)].into_iter().filter(|(_, text)| !text.is_empty()) {
            help.push_str(&format!("; {what} {text}"));
        }
        match kind {
            Kind::Counter => describe_counter!(*name, *unit, help),
            Kind::Gauge => describe_gauge!(*name, *unit, help),
            Kind::Histogram => describe_histogram!(*name, *unit, help),
        }
    }
    Ok(handle)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write as _;
    use std::path::Path;

    use super::*;

    const PAGE: &str = "../docs/metrics.md";

    fn page() -> String {
        let mut text = "# Metrics\n\nWhat `/metrics` on the admin endpoint tells, in the order of a record's way. This page is made \
            from [the code](../tacho/src/up/metrics.rs) and compared with it by a test.\n\n\
            | metric | kind | unit | labels | what it says | look when |\n|---|---|---|---|---|---|\n"
            .to_owned();
        for Metric { name, kind, unit, labels, help, alert } in METRICS {
            let kind = format!("{kind:?}").to_lowercase();
            let unit = unit.as_str();
            writeln!(text, "| `{name}` | {kind} | {unit} | {labels} | {help} | {alert} |").unwrap();
        }
        text
    }

    #[test]
    fn the_page_of_the_metrics_says_what_the_code_counts() {
        let written = std::fs::read_to_string(PAGE).unwrap_or_default();
        assert!(
            written == page(),
            "docs/metrics.md is not what the code says: write it anew with `cargo test --workspace metrics -- --ignored`"
        );
    }

    #[test]
    #[ignore = "writes docs/metrics.md"]
    fn write_the_page() {
        std::fs::write(PAGE, page()).unwrap();
    }

    /// Names of metrics that sources count.
    fn counted(folder: &Path, names: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                counted(&path, names);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for call in ["counter!(\"", "gauge!(\"", "histogram!(\""] {
                    let found = text.split(call).skip(1).filter_map(|rest| rest.split('"').next());
                    names.extend(found.filter(|name| name.starts_with("tacho_")).map(str::to_owned));
                }
            }
        }
    }

    #[test]
    fn every_metric_that_is_counted_is_described_and_the_other_way_round() {
        let mut names = BTreeSet::new();
        for folder in ["config", "ingest", "log", "lake", "query", "registry", "processors", "tacho"] {
            counted(&Path::new("..").join(folder).join("src"), &mut names);
        }
        let described: BTreeSet<String> = METRICS.iter().map(|metric| metric.name.to_owned()).collect();
        assert_eq!(described, names);
        assert_eq!(described.len(), METRICS.len(), "a name stands twice");
    }
}
