//! Tests of the outbox on a real journal and a real log: whatever was released when, and wherever a run ended, the same
//! records come of the journal.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tacho_log::{EmbeddedLog, EmbeddedSettings, ReadItem};
use tempfile::TempDir;

use super::*;
use crate::opcua::cutter::{RobotEntry, SignalEntry, Table};
use crate::opcua::journal::{Data, Subscribed};
use crate::opcua::value::{Sample, Value};

const SEGMENT_BYTES: u64 = 4 << 10;
const WINDOW: Duration = Duration::from_millis(60);
const DEADLINE: Duration = Duration::from_secs(120);
const ROBOTS: [&str; 3] =
    ["CNAB12HX00010000000000000042A", "CNAB12HX00010000000000000042B", "CNAB12HX00010000000000000042C"];
/// None is integrated, and values are multiples of 1/8: what a state holds of them is the same in JSON.
const FIELDS: [&str; 3] = ["joints.J1.speed_rad_s", "counters.power_on_h", "counters.energy_kwh"];

fn cutter() -> Cutter {
    Cutter::new(WINDOW, Duration::from_secs(3600))
}

/// A table of the first robots; what a value means depends on its factor.
fn table(robots: usize, factor: f64) -> Table {
    let mut table = Table::default();
    for (robot, id) in ROBOTS.iter().enumerate().take(robots) {
        let (robot_id, robot_kind) = ((*id).to_owned(), "arm".to_owned());
        table.robots.push(RobotEntry { robot_id, robot_kind, power_on_h_start: None, joints: Vec::new() });
        let signal =
            |field: &&str| SignalEntry { robot, field: (*field).to_owned(), factor, offset: 0.0, of_seconds: 0.0 };
        table.signals.extend(FIELDS.iter().map(signal));
    }
    table
}

/// A series of numbers from a seed.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        u32::try_from(self.0 >> 33).unwrap() % limit
    }

    fn entry(&mut self, sequence: u32) -> Entry {
        match self.below(20) {
            0 => Entry::Table(table(2 + self.below(2) as usize, f64::from(self.below(3) + 1))),
            1 => Entry::Gap(Gap { from_us: now_us() - 1000, to_us: now_us(), cause: "away".to_owned(), signals: None }),
            2 | 3 => Entry::Tick,
            _ => {
                // The third robot hardly ever says anything.
                let signal = if self.below(40) == 0 { 6 + self.below(3) } else { self.below(6) };
                let value = Value::Number(f64::from(self.below(1000)) / 8.0);
                let sample = Sample { signal, status: 0, value, source_us: Some(now_us()), server_us: None };
                Entry::Data(Data { subscription: 7, sequence, samples: vec![sample], ..Data::default() })
            }
        }
    }
}

async fn opened(dir: &Path, bytes_max: u64) -> Journal {
    let start = Instant::now();
    loop {
        match Journal::open_cut(dir, bytes_max, SEGMENT_BYTES) {
            Ok(journal) => return journal,
            // The one of before is still letting go of its lock.
            Err(error) => assert!(start.elapsed() < DEADLINE, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn outbox(journal: Journal, outlet: &Outlet) -> Outbox {
    let recovery = Recovery::read(&journal).await.unwrap();
    let mut outbox = Outbox::open(journal, cutter(), recovery, outlet.clone()).unwrap();
    outbox.behind_max = 30;
    outbox
}

/// The records in a log.
async fn records(log: &EmbeddedLog) -> BTreeSet<Bytes> {
    let mut reader = log.reader(&[(0, 0)]).unwrap();
    let mut records = BTreeSet::new();
    while !reader.is_caught_up() {
        for item in reader.next(1 << 20).await.unwrap() {
            let ReadItem::Records(batch) = item else { panic!("lost") };
            records.extend(batch.records.iter().map(|record| record.payload.clone()));
        }
    }
    records
}

fn log(dir: &TempDir) -> EmbeddedLog {
    EmbeddedLog::open(dir.path(), EmbeddedSettings { partitions: 1, ..EmbeddedSettings::default() }).unwrap()
}

/// The records of entries, by a cutter that never starts anew.
fn records_of(all: Vec<Placed>) -> BTreeSet<Bytes> {
    let mut reference = cutter();
    let cuts = all.into_iter().flat_map(|Placed { offset, server, received_us, entry }| {
        reference.apply(At { offset, server: &server, received_us }, entry.unwrap())
    });
    cuts.map(|cut| cut.record).collect()
}

/// Runs that end anywhere, over a journal that is let go of behind them; gives the offset of its first entry at the end.
async fn same_records(seed: u64) -> i64 {
    let (journal_dir, log_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = log(&log_dir);
    let outlet = Outlet::new(log.appender());
    let (mut seeded, mut all, mut sequence) = (Seeded(seed), Vec::new(), 0);
    for round in 0..4 {
        let journal = opened(journal_dir.path(), 1 << 30).await;
        let (_, next) = journal.range();
        let (mut tap, writer) = (journal.reader(next).unwrap(), journal.writer("s"));
        let outbox = outbox(journal, &outlet).await;
        if round == 0 {
            writer.append(&[Entry::Table(table(3, 1.0))]).await.unwrap();
            writer.append(&[Entry::Subscribed(Subscribed { subscription: 7, ..Subscribed::default() })]).await.unwrap();
        }
        let (mut end, stop) = (next, CancellationToken::new());
        // The log lags: most of it is in the journal before the first record is cut.
        for _ in 0..120 {
            sequence += 1;
            end = writer.append(&[seeded.entry(sequence)]).await.unwrap();
        }
        let running = tokio::spawn(outbox.run(stop.clone()));
        for _ in 0..seeded.below(40) {
            sequence += 1;
            end = writer.append(&[seeded.entry(sequence)]).await.unwrap();
        }
        while all.last().is_none_or(|placed: &Placed| placed.offset < end - 1) {
            all.extend(tap.next().await.unwrap());
        }
        drop((tap, writer));
        let (wanted, start) = (log.next_offsets()[0] + i64::from(seeded.below(30)), Instant::now());
        while log.next_offsets()[0] < wanted && start.elapsed() < Duration::from_secs(2) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        running.abort();
        let _ended = running.await;
    }
    let wanted = records_of(all);
    let journal = opened(journal_dir.path(), 1 << 30).await;
    let recovery = Recovery::read(&journal).await.unwrap();
    let heard = recovery.needed.heard().next().unwrap().1.resumed().unwrap().0;
    assert_eq!(heard.subscription, 7, "seed {seed}");
    let first = journal.range().0;
    let (stop, start) = (CancellationToken::new(), Instant::now());
    let running = tokio::spawn(outbox(journal, &outlet).await.run(stop.clone()));
    let mut found = records(&log).await;
    while found.len() < wanted.len() && start.elapsed() < DEADLINE {
        tokio::time::sleep(Duration::from_millis(20)).await;
        found = records(&log).await;
    }
    stop.cancel();
    running.await.unwrap().unwrap().close().await;
    let strange: Vec<_> = found.difference(&wanted).chain(wanted.difference(&found)).collect();
    let (few, cut) = (strange.len(), wanted.len());
    assert!(strange.is_empty(), "seed {seed}: {few} of {cut}: {:?}", &strange[..few.min(4)]);
    first
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_records_come_of_a_journal_whatever_was_released_and_wherever_runs_ended() {
    let mut released = 0;
    for seed in 1..=2 {
        released += same_records(seed).await;
    }
    assert!(released > 50, "{released}: hardly anything was released");
}

/// A message with a value.
fn value(sequence: u32) -> Entry {
    let value = Value::Number(f64::from(sequence));
    let sample = Sample { signal: 0, status: 0, value, source_us: Some(now_us()), server_us: None };
    Entry::Data(Data { subscription: 7, sequence, samples: vec![sample], ..Data::default() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_of_nothing_but_keep_alives_is_let_go_of_and_a_start_in_it_cuts_the_same_records() {
    const BYTES_MAX: u64 = 48 << 10;
    let (journal_dir, log_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = log(&log_dir);
    let outlet = Outlet::new(log.appender());
    let mut all = Vec::new();
    for round in 1..=3 {
        let journal = opened(journal_dir.path(), BYTES_MAX).await;
        let (_, next) = journal.range();
        let (mut tap, writer) = (journal.reader(next).unwrap(), journal.writer("s"));
        let running = tokio::spawn(outbox(journal, &outlet).await.run(CancellationToken::new()));
        if round == 1 {
            let subscribed = Subscribed { subscription: 7, ..Subscribed::default() };
            writer.append(&[Entry::Table(table(3, 1.0)), Entry::Subscribed(subscribed)]).await.unwrap();
        }
        writer.append(&[value(round)]).await.unwrap();
        let (mut told, start) = (BTreeSet::new(), Instant::now());
        while told.len() < round as usize {
            assert!(start.elapsed() < DEADLINE, "{} records in round {round}", told.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
            writer.append(&[Entry::Tick]).await.unwrap();
            told = records(&log).await;
        }
        let alive = Entry::Data(Data { subscription: 7, ..Data::default() });
        let mut end = 0;
        for _ in 0..60 {
            end = writer.append(&[vec![alive.clone(); 30], vec![Entry::Tick]].concat()).await.unwrap();
        }
        while all.last().is_none_or(|placed: &Placed| placed.offset < end - 1) {
            all.extend(tap.next().await.unwrap());
        }
        let start = Instant::now();
        while writer.is_full() {
            assert!(start.elapsed() < DEADLINE, "nothing is let go of while no record is cut");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        drop((tap, writer));
        running.abort();
        let _ended = running.await;
    }
    let (found, wanted) = (records(&log).await, records_of(all));
    assert_eq!(found.len(), 3);
    assert!(found == wanted, "{found:?} and not {wanted:?}");
    let journal = opened(journal_dir.path(), BYTES_MAX).await;
    let recovery = Recovery::read(&journal).await.unwrap();
    assert_eq!(recovery.needed.heard().next().unwrap().1.resumed().unwrap().0.expected, 4);
}
