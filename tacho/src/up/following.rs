//! The log of an instance, held against what the lake has landed of it: is it the one that the lake follows, and what
//! of it is lost?
//!
//! What is lost and has landed is told and read around. What is lost and has not landed, and a log that is not the one
//! that was followed, need the operator's word (`--new-log`).

mod anew;

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use metrics::counter;
use tacho_config::Settings;
use tacho_lake::Lake;
use tacho_lake::landing::{self, Landing, LandingOptions};
use tacho_log::{Damage, EmbeddedLog, HeldBefore, OffsetRange, OpenError, ReadError};
use tracing::{error, warn};

use super::mapping;

/// Damaged stretches that one message names; the others are in the log lines.
const NAMED_MAX: usize = 4;

/// A log, and the landing that goes on in it.
#[derive(Debug)]
pub(super) struct Following {
    pub(super) log: Arc<EmbeddedLog>,
    pub(super) landing: Landing,
}

/// What speaks against going on in this log.
#[derive(Debug, Default, PartialEq, Eq)]
struct Objections {
    /// Why it is not the log that was followed.
    other: Vec<String>,
    /// Partitions in which another record stands than the one that has landed.
    other_records: Vec<i32>,
    /// What is lost of it and has not landed.
    lost: Vec<String>,
}

/// Opens the log; blocks on the disk elsewhere.
pub(super) async fn open_log(settings: &Settings) -> anyhow::Result<EmbeddedLog> {
    let (dir, log_settings) = (settings.data_dir.join("log"), mapping::log(settings));
    let data_dir = settings.data_dir.display().to_string();
    let open = move || match EmbeddedLog::open(&dir, log_settings) {
        Err(OpenError::Locked { holder, .. }) => {
            let holder = holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
            bail!(
                "data directory {data_dir} is in use by {holder}: one instance at a time writes it; \
                 `tacho sql --data {data_dir}` reads beside it, and another --data begins another instance"
            );
        }
        opened => opened.with_context(|| format!("log {}", dir.display())),
    };
    tokio::task::spawn_blocking(open).await.context("opening the log was cut off")?
}

/// Makes sure that the lake follows this very log, or that the operator wants it otherwise (`accepted`).
pub(super) async fn follow(
    settings: &Settings,
    lake: &Lake,
    log: EmbeddedLog,
    accepted: bool,
) -> anyhow::Result<Following> {
    let landing = open_landing(lake, &log, accepted).await?;
    let objections = Objections::found(&landing, &log).await?;
    if !accepted {
        objections.refuse()?;
    }
    if objections.other.is_empty() {
        return Ok(Following { log: Arc::new(log), landing });
    }
    for why in &objections.other {
        warn!(why, "the log is set aside, and a new one begins");
    }
    let log = anew::begin(settings, log, &landing, &objections.other_records).await?;
    drop(landing);
    let landing = open_landing(lake, &log, accepted).await?;
    Ok(Following { log: Arc::new(log), landing })
}

async fn open_landing(lake: &Lake, log: &EmbeddedLog, new_log: bool) -> anyhow::Result<Landing> {
    let identity = landing::LogIdentity { log_id: log.identity().log_id, partitions: log.identity().partitions };
    let options = LandingOptions { new_log, ..LandingOptions::default() };
    Landing::open(lake, identity, options).await.context("lake")
}

impl Objections {
    async fn found(landing: &Landing, log: &EmbeddedLog) -> anyhow::Result<Self> {
        let mut found = Self::default();
        let progress = landing.progress();
        for damage in &log.report().damage {
            found.lost.extend(weigh(damage, &progress));
        }
        for (partition, next) in progress {
            let first = first_offset(log, partition);
            if first > next {
                found.other.push(let_go(partition, next, first));
                continue;
            }
            let Some(expected) = landing.record_before(partition) else { continue };
            match log.held_before(partition, next).await {
                Ok(HeldBefore::Record(held)) if held == expected => {}
                Ok(HeldBefore::Record(held)) => {
                    found.other_records.push(partition);
                    found.other.push(format!(
                        "before offset {next} of partition {partition} the lake has record {expected}, the log has {held}"
                    ));
                }
                // Retention has taken it, and with it nothing that the lake lacks.
                Ok(HeldBefore::Nothing) if first == next => {}
                Ok(HeldBefore::Nothing) => {
                    found.other.push(format!("it has nothing before offset {next} of partition {partition}"))
                }
                // The log's own number is right, and the lake has the record: nothing is missing.
                Ok(HeldBefore::Lost) => warn!(
                    partition,
                    next, "the last record that has landed cannot be compared: the log is damaged there"
                ),
                Err(ReadError::OutOfRange { next: end, .. }) => found.other.push(format!(
                    "it ends at offset {end} of partition {partition}, below {next}, up to where all has landed{}",
                    torn(log)
                )),
                Err(error) => return Err(anyhow!(error).context("the log cannot be read")),
            }
        }
        Ok(found)
    }

    fn refuse(&self) -> anyhow::Result<()> {
        if !self.other.is_empty() {
            bail!(
                "the log is not the one that the lake follows, or not all of it: {}; bring the whole log back, or start \
                 with --new-log, which sets this one aside and takes over what it holds and the lake lacks",
                named(&self.other)
            );
        }
        if !self.lost.is_empty() {
            bail!(
                "the log has lost records that had not landed: {}; bring the file back from a backup, or start with \
                 --new-log, which goes on without them and records them as lost",
                named(&self.lost)
            );
        }
        Ok(())
    }
}

/// Tells a damage by its consequence, and gives the text of what is lost for the lake, if anything is.
fn weigh(damage: &Damage, progress: &[(i32, i64)]) -> Option<String> {
    let missing: Vec<OffsetRange> = damage.lost.iter().filter_map(|lost| not_landed(*lost, progress)).collect();
    let records = |ranges: &[OffsetRange]| ranges.iter().map(|range| range.end - range.start).sum::<i64>();
    let (all, missed) = (records(&damage.lost), records(&missing));
    counter!("tacho_log_lost_records_total", "landed" => "yes").increment((all - missed).unsigned_abs());
    counter!("tacho_log_lost_records_total", "landed" => "no").increment(missed.unsigned_abs());
    let (file, position, bytes) = (damage.file.display(), damage.position, damage.bytes);
    if missing.is_empty() {
        warn!(%file, position, bytes, lost = ?damage.lost, "the log is damaged where all has landed: nothing is lost");
        return None;
    }
    error!(%file, position, bytes, lost = ?missing, "the log is damaged where not all has landed");
    let mut text = format!("{file} is damaged at byte {position} ({bytes} bytes)");
    for OffsetRange { partition, start, end } in missing {
        write!(text, ", offsets {start}..{end} of partition {partition}").expect("writing to a String succeeds");
    }
    Some(text)
}

/// The lake is older than the log.
fn let_go(partition: i32, next: i64, first: i64) -> String {
    format!(
        "partition {partition} has landed up to offset {next}, and the log begins at {first}, because what is anchored may \
         go: the lake is older than it was (restore it, with the folder registry, from the newest backup)"
    )
}

/// The part of a range that has not landed.
fn not_landed(lost: OffsetRange, progress: &[(i32, i64)]) -> Option<OffsetRange> {
    let next = progress.iter().find(|(partition, _)| *partition == lost.partition).map_or(0, |(_, next)| *next);
    let start = lost.start.max(next);
    (start < lost.end).then_some(OffsetRange { start, ..lost })
}

fn first_offset(log: &EmbeddedLog, partition: i32) -> i64 {
    usize::try_from(partition).ok().and_then(|slot| log.first_offsets().get(slot).copied()).unwrap_or(0)
}

/// Where the end of the log was cut off, if it was.
fn torn(log: &EmbeddedLog) -> String {
    let torn = log.report().torn.as_ref();
    torn.map_or_else(String::new, |torn| {
        format!(" ({} was torn at byte {}, and {} bytes were cut off)", torn.file.display(), torn.position, torn.bytes)
    })
}

fn named(all: &[String]) -> String {
    let mut text = all[..all.len().min(NAMED_MAX)].join("; ");
    if all.len() > NAMED_MAX {
        write!(text, "; and {} more", all.len() - NAMED_MAX).expect("writing to a String succeeds");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_damaged_range_only_what_has_not_landed_is_missed() {
        let lost = |start, end| OffsetRange { partition: 1, start, end };
        let progress = [(0, 100), (1, 10)];
        assert_eq!(not_landed(lost(4, 10), &progress), None);
        assert_eq!(not_landed(lost(4, 12), &progress), Some(lost(10, 12)));
        assert_eq!(not_landed(lost(20, 22), &progress), Some(lost(20, 22)));
    }

    #[test]
    fn a_log_that_has_let_go_what_has_not_landed_is_refused_in_so_many_words() {
        let objections = Objections { other: vec![let_go(3, 10, 12)], ..Objections::default() };
        let refused = objections.refuse().unwrap_err().to_string();
        assert!(refused.contains("partition 3 has landed up to offset 10, and the log begins at 12"), "{refused}");
    }

    #[test]
    fn a_refusal_names_what_is_lost_and_the_way_on() {
        let damage = |start| Damage {
            file: "log/00000000000000000000.log".into(),
            position: 4_096,
            bytes: 300,
            lost: vec![OffsetRange { partition: 3, start, end: 12 }],
        };
        assert_eq!(weigh(&damage(8), &[(3, 12)]), None);
        let lost: Vec<String> = weigh(&damage(8), &[(3, 10)]).into_iter().collect();
        let refused = Objections { lost, ..Objections::default() }.refuse().unwrap_err().to_string();
        for part in ["00000000000000000000.log", "byte 4096", "offsets 10..12 of partition 3", "--new-log"] {
            assert!(refused.contains(part), "{part}: {refused}");
        }
        assert!(Objections::default().refuse().is_ok());
    }
}
