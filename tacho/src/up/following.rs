//! The log of an instance, held against what the lake has landed of it: is it the one that the lake follows, and what
//! of it is lost?
//!
//! What is lost and has landed is told and read around. What is lost and has not landed, and a log that is not the one
//! that was followed, need the operator's word (`--new-log`).

mod anew;

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail, ensure};
use metrics::counter;
use tacho_config::Settings;
use tacho_config::settings::LogKind;
use tacho_lake::landing::{self, Landing, LandingOptions};
use tacho_lake::ledger::Logs;
use tacho_lake::{Lake, LakePlace};
use tacho_log::{Damage, EmbeddedLog, HeldBefore, KafkaLog, Log, OffsetRange, OpenError, ReadError, Spool, spool};
use tacho_schemas::RecordId;
use tracing::{error, warn};

use super::mapping;

/// Damaged stretches that one message names; the others are in the log lines.
const NAMED_MAX: usize = 4;

/// A log, and the landing that goes on in it.
#[derive(Debug)]
pub(super) struct Following {
    pub(super) log: Arc<Log>,
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

/// Refuses a data directory whose lake follows a log that is not there, before a new one is made in its place.
pub(super) async fn require_log(settings: &Settings) -> anyhow::Result<()> {
    if settings.log.kind != LogKind::Embedded {
        return Ok(());
    }
    let (dir, place) = (settings.data_dir.join("log"), mapping::lake_place(settings)?);
    let is_new = matches!(&place, LakePlace::Folder(folder) if !folder.exists());
    if is_new || tacho_log::identity_in(&dir).with_context(|| format!("log {}", dir.display()))?.is_some() {
        return Ok(());
    }
    let lake = Lake::read_only(&place).with_context(|| format!("lake {place}"))?;
    if let Some(log) = Logs::load(&lake.object_store()).await.context("lake")?.last() {
        bail!(
            "{} holds no log, and the lake follows log {}: bring that log back, or start with --new-log, which begins a new \
             one; what had not landed is lost with the old one",
            dir.display(),
            log.log_id
        );
    }
    Ok(())
}

/// Opens the log for who does not ingest. A topic that is missing is made if `create`.
pub(super) async fn open_log(settings: &Settings, create: bool) -> anyhow::Result<Log> {
    match settings.log.kind {
        LogKind::Embedded => open_embedded(settings).await.map(Log::Embedded),
        LogKind::Kafka => {
            let opened = KafkaLog::open(mapping::kafka(settings), create).await;
            opened.map(|log| Log::Kafka(log, None)).context("log")
        }
    }
}

/// Opens the log for who ingests, `alone` or perhaps beside others: with a spool, if there is to be one. Who is not alone
/// also needs no Kafka to begin with, once it had one.
pub(super) async fn open_log_to_append(settings: &Settings, alone: bool) -> anyhow::Result<Log> {
    if settings.log.kind == LogKind::Kafka && settings.log.kafka.spools(alone) {
        let opened = Spool::open(mapping::kafka(settings), mapping::spool(settings), alone, !alone).await;
        return opened.map(|(log, spool)| Log::Kafka(log, Some(spool))).context("log");
    }
    require_empty_spool(settings).await?;
    open_log(settings, alone).await
}

/// Refuses to leave records behind that a spool has acknowledged.
async fn require_empty_spool(settings: &Settings) -> anyhow::Result<()> {
    let dir = mapping::spool_dir(settings);
    let looked = tokio::task::spawn_blocking(move || spool::waiting_in(&dir)).await;
    let waiting = looked.context("looking at the spool was cut off")??;
    ensure!(
        waiting == 0,
        "{} holds {waiting} records that were acknowledged and are not in Kafka: start with log.kafka.spool.mode = \"spool\" \
         until it is empty (`tacho_spool_records` is 0)",
        mapping::spool_dir(settings).display()
    );
    Ok(())
}

/// Opens the embedded log; blocks on the disk elsewhere.
async fn open_embedded(settings: &Settings) -> anyhow::Result<EmbeddedLog> {
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
pub(super) async fn follow(settings: &Settings, lake: &Lake, log: Log, accepted: bool) -> anyhow::Result<Following> {
    let landing = open_landing(lake, &log, accepted, None).await?;
    let objections = Objections::found(&landing, &log).await?;
    if !accepted {
        objections.refuse(settings.log.kind)?;
    }
    let log = match log {
        log if objections.other.is_empty() => return Ok(Following { log: Arc::new(log), landing }),
        // Nobody sets a topic aside: one that was made anew is told by its generation.
        Log::Kafka(..) => return Err(objections.refused(settings.log.kind)),
        Log::Embedded(log) => log,
    };
    for why in &objections.other {
        warn!(why, "the log is set aside, and a new one begins");
    }
    let log = Log::Embedded(anew::begin(settings, lake, log, &landing, &objections.other_records).await?);
    drop(landing);
    let landing = open_landing(lake, &log, accepted, None).await?;
    Ok(Following { log: Arc::new(log), landing })
}

/// Opens the lake for a log, holding these partitions, or all.
pub(super) async fn open_landing(
    lake: &Lake,
    log: &Log,
    new_log: bool,
    partitions: Option<Vec<i32>>,
) -> anyhow::Result<Landing> {
    let identity = landing::LogIdentity { log_id: log.identity().log_id, partitions: log.identity().partitions };
    let options = LandingOptions { new_log, partitions, ..LandingOptions::default() };
    Landing::open(lake, identity, options).await.context("lake")
}

impl Objections {
    async fn found(landing: &Landing, log: &Log) -> anyhow::Result<Self> {
        let mut found = Self::default();
        let progress = landing.progress();
        let report = log.report();
        for damage in report.iter().flat_map(|report| &report.damage) {
            found.lost.extend(weigh(damage, &progress));
        }
        let held = log.held_before(&progress).await.context("the log cannot be read")?;
        let first = log.first_offsets();
        for ((partition, next), held) in progress.into_iter().zip(held) {
            let first = usize::try_from(partition).ok().and_then(|slot| first.get(slot).copied()).unwrap_or(0);
            found.hold((partition, next), first, landing.record_before(partition), held)?;
        }
        if let Some(torn) = report.and_then(|report| report.torn.as_ref()).filter(|_| !found.other.is_empty()) {
            let (file, position, bytes) = (torn.file.display(), torn.position, torn.bytes);
            found.other.push(format!("{file} was torn at byte {position}, and {bytes} bytes were cut off"));
        }
        Ok(found)
    }

    /// Holds a partition that has landed up to `next` against a log that begins at `first`, and in which `held` stands
    /// before `next`.
    fn hold(
        &mut self,
        (partition, next): (i32, i64),
        first: i64,
        expected: Option<RecordId>,
        held: Result<HeldBefore, ReadError>,
    ) -> anyhow::Result<()> {
        match (held, expected) {
            _ if first > next => self.other.push(format!(
                "partition {partition} has landed up to offset {next}, and the log begins at {first}, because what is \
                 anchored may go: the lake is older than it was, and is to be restored from the newest backup, with the \
                 folder registry"
            )),
            (Ok(HeldBefore::Record(held)), Some(expected)) if held != expected => {
                self.other_records.push(partition);
                self.other.push(format!(
                    "before offset {next} of partition {partition} the lake has record {expected}, the log has {held}"
                ));
            }
            // It is this log by its number, and the lake has the record: nothing is missing.
            (Ok(HeldBefore::Lost), Some(_)) => {
                warn!(partition, next, "the last record that has landed cannot be compared: the log is damaged there");
            }
            (Ok(_), _) => {}
            (Err(ReadError::OutOfRange { next: end, .. }), _) => self.other.push(format!(
                "it ends at offset {end} of partition {partition}, and the lake has landed up to {next}"
            )),
            (Err(error), _) => return Err(anyhow!(error).context("the log cannot be read")),
        }
        Ok(())
    }

    fn refuse(&self, kind: LogKind) -> anyhow::Result<()> {
        let none = self.other.is_empty() && self.lost.is_empty();
        if none { Ok(()) } else { Err(self.refused(kind)) }
    }

    /// The refusal, with what would be right.
    fn refused(&self, kind: LogKind) -> anyhow::Error {
        if self.other.is_empty() {
            return anyhow!(
                "the log has lost records that had not landed: {}; bring the file back from a backup, or start with \
                 --new-log, which goes on without them and records them as lost",
                named(&self.lost)
            );
        }
        let way_on = match kind {
            LogKind::Embedded => {
                "bring the whole log back, or start with --new-log, which sets this one aside and takes over what it holds \
                 and the lake lacks"
            }
            LogKind::Kafka => {
                "bring the topic back; one that was deleted and made anew is a new log: raise log.kafka.generation, and \
                 start with --new-log, which gives up what had not landed from the old one"
            }
        };
        anyhow!("the log is not the one that the lake follows, or not all of it: {}; {way_on}", named(&self.other))
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
    if damage.size_unknown {
        error!(%file, position, bytes, "the end of the log is damaged: how many records it had cannot be told");
        return Some(format!(
            "{file} is damaged from byte {position} to its end, and how many records it had there cannot be told"
        ));
    }
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

/// The part of a range that has not landed.
fn not_landed(lost: OffsetRange, progress: &[(i32, i64)]) -> Option<OffsetRange> {
    let next = progress.iter().find(|(partition, _)| *partition == lost.partition).map_or(0, |(_, next)| *next);
    let start = lost.start.max(next);
    (start < lost.end).then_some(OffsetRange { start, ..lost })
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

    fn id(counter: u64) -> RecordId {
        RecordId { session: uuid::Uuid::from_u128(7), counter }
    }

    /// What speaks against a log of offsets `first..`, in which the lake has landed 10 records up to record 9.
    fn held(first: i64, held: Result<HeldBefore, ReadError>) -> String {
        let mut found = Objections::default();
        found.hold((3, 10), first, Some(id(9)), held).unwrap();
        found.refuse(LogKind::Embedded).map_or_else(|refused| refused.to_string(), |()| String::new())
    }

    #[test]
    fn a_log_goes_on_where_the_lake_ends() {
        assert_eq!(held(2, Ok(HeldBefore::Record(id(9)))), "");
        assert_eq!(held(10, Ok(HeldBefore::Nothing)), "", "retention has taken all that has landed");
        assert_eq!(held(2, Ok(HeldBefore::Lost)), "", "what is damaged has landed");
    }

    #[test]
    fn another_log_a_shorter_one_and_one_that_begins_too_late_are_refused() {
        let other = held(2, Ok(HeldBefore::Record(id(8))));
        assert!(other.contains("before offset 10 of partition 3") && other.contains("--new-log"), "{other}");
        let short = held(2, Err(ReadError::OutOfRange { partition: 3, offset: 10, first: 2, next: 5 }));
        assert!(short.contains("ends at offset 5 of partition 3, and the lake has landed up to 10"), "{short}");
        let late = held(12, Ok(HeldBefore::Nothing));
        assert!(late.contains("landed up to offset 10, and the log begins at 12"), "{late}");
    }

    #[test]
    fn a_refusal_names_what_is_lost_and_the_way_on() {
        let damage = |start| Damage {
            file: "log/00000000000000000000.log".into(),
            position: 4_096,
            bytes: 300,
            lost: vec![OffsetRange { partition: 3, start, end: 12 }],
            size_unknown: false,
        };
        assert_eq!(weigh(&damage(8), &[(3, 12)]), None);
        let lost: Vec<String> = weigh(&damage(8), &[(3, 10)]).into_iter().collect();
        let refused = Objections { lost, ..Objections::default() }.refuse(LogKind::Embedded).unwrap_err().to_string();
        for part in ["00000000000000000000.log", "byte 4096", "offsets 10..12 of partition 3", "--new-log"] {
            assert!(refused.contains(part), "{part}: {refused}");
        }
        assert!(Objections::default().refuse(LogKind::Kafka).is_ok());
        let other = Objections { other: vec!["it ends".to_owned()], ..Objections::default() };
        assert!(other.refused(LogKind::Kafka).to_string().contains("log.kafka.generation"));
        let end = Damage { lost: Vec::new(), size_unknown: true, ..damage(8) };
        assert!(weigh(&end, &[(3, 12)]).is_some_and(|why| why.contains("cannot be told")));
    }
}
