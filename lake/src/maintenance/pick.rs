//! Which files are merged next: small ones of one day and about one size, so that a row is rewritten only a few times.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};

use crate::table::DataFile;

/// Least size class, bytes; each class is [`GROWTH`] times the one before.
const CLASS_MIN: u64 = 64 * 1024;

/// Growth from class to class.
const GROWTH: u64 = 8;

/// Which files are merged.
#[derive(Debug, Clone)]
pub struct CompactOptions {
    /// Size that merged files should have, bytes; larger ones are left alone.
    pub target_bytes: u64,
    /// Files of a size class that are worth a merge.
    pub files_min: usize,
    /// Files of a merge, at most.
    pub files_max: usize,
}

impl Default for CompactOptions {
    fn default() -> Self {
        Self { target_bytes: 128 << 20, files_min: 8, files_max: 64 }
    }
}

/// A past day is merged for good when no file has come for so long, milliseconds.
const QUIET_MS: i64 = 3_600_000;

/// The files of the next merge; none if nothing is worth it. `open` are files of windows that are not closed.
pub(super) fn pick(
    files: Vec<DataFile>,
    open: &HashSet<String>,
    now: DateTime<Utc>,
    options: &CompactOptions,
) -> Vec<DataFile> {
    let mut days: BTreeMap<String, Vec<DataFile>> = BTreeMap::new();
    for file in files {
        if file.size < options.target_bytes / 2 && !open.contains(&file.path) {
            days.entry(file.received_day.clone()).or_default().push(file);
        }
    }
    let today = now.format("%Y-%m-%d").to_string();
    let quiet = |file: &DataFile| now.timestamp_millis() - file.written_ms > QUIET_MS;
    for (day, files) in days {
        let past = day < today && files.iter().all(quiet);
        let picked = if past { of_past_day(files, options) } else { of_growing_day(files, options) };
        if !picked.is_empty() {
            return picked;
        }
    }
    Vec::new()
}

/// A past day gets no more rows, or few: all of its small files are merged.
fn of_past_day(mut files: Vec<DataFile>, options: &CompactOptions) -> Vec<DataFile> {
    files.sort_by_key(|file| file.size);
    let picked = up_to_target(files, options);
    if picked.len() > 1 { picked } else { Vec::new() }
}

/// The smallest class with enough files, the oldest first.
fn of_growing_day(files: Vec<DataFile>, options: &CompactOptions) -> Vec<DataFile> {
    let mut classes: BTreeMap<u32, Vec<DataFile>> = BTreeMap::new();
    for file in files {
        classes.entry(class(file.size)).or_default().push(file);
    }
    for (_, mut files) in classes {
        files.sort_by(|a, b| (a.written_ms, &a.path).cmp(&(b.written_ms, &b.path)));
        let picked = up_to_target(files, options);
        let full = picked.iter().map(|file| file.size).sum::<u64>() >= options.target_bytes / 2;
        if picked.len() >= options.files_min || (full && picked.len() > 1) {
            return picked;
        }
    }
    Vec::new()
}

fn class(size: u64) -> u32 {
    (size / CLASS_MIN).checked_ilog(GROWTH).map_or(0, |class| class + 1)
}

fn up_to_target(files: Vec<DataFile>, options: &CompactOptions) -> Vec<DataFile> {
    let mut total = 0;
    let fits = |file: &DataFile| {
        total += file.size;
        total <= options.target_bytes
    };
    files.into_iter().take(options.files_max).take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: u64 = 1024;

    fn file(n: usize, day: &str, size: u64) -> DataFile {
        DataFile {
            path: format!("{day}/{n}"),
            received_day: day.to_owned(),
            size,
            sha256: None,
            data_change: true,
            stats: None,
            written_ms: i64::try_from(n).unwrap(),
        }
    }

    /// 2026-03-02, some time after all files of these tests were written.
    fn now() -> DateTime<Utc> {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    fn picked(files: Vec<DataFile>, open: &[&str]) -> Vec<String> {
        let options = CompactOptions { target_bytes: 10_000 * KIB, files_min: 4, files_max: 6 };
        let open = open.iter().map(|path| (*path).to_owned()).collect();
        pick(files, &open, now(), &options).into_iter().map(|file| file.path).collect()
    }

    #[test]
    fn today_enough_files_of_one_class_are_merged_and_fewer_are_left() {
        let small = |n| file(n, "2026-03-02", 10 * KIB);
        assert!(picked((0..3).map(small).collect(), &[]).is_empty());
        assert_eq!(picked((0..4).map(small).collect(), &[]).len(), 4);
        assert_eq!(picked((0..9).map(small).collect(), &[]).len(), 6, "a merge has a bound");
        let mixed = vec![small(0), small(1), small(2), file(3, "2026-03-02", 900 * KIB)];
        assert!(picked(mixed, &[]).is_empty());
    }

    #[test]
    fn files_of_open_windows_and_large_files_are_left_alone() {
        let small = |n| file(n, "2026-03-02", 10 * KIB);
        assert!(picked((0..4).map(small).collect(), &["2026-03-02/2"]).is_empty());
        assert!(picked((0..8).map(|n| file(n, "2026-03-02", 6_000 * KIB)).collect(), &[]).is_empty());
    }

    #[test]
    fn a_past_day_is_merged_down_to_one_small_file() {
        let old = |n, size| file(n, "2026-03-01", size);
        assert_eq!(picked(vec![old(0, KIB), old(1, 900 * KIB)], &[]).len(), 2);
        assert!(picked(vec![old(0, KIB)], &[]).is_empty());
        let late = DataFile { written_ms: now().timestamp_millis(), ..old(1, KIB) };
        assert!(picked(vec![old(0, KIB), late], &[]).is_empty(), "more may come");
    }

    #[test]
    fn a_stream_of_small_files_leaves_few_live_files() {
        let options = CompactOptions { target_bytes: 100_000 * KIB, files_min: 8, files_max: 64 };
        let (mut live, mut rewritten, mut most) = (Vec::new(), 0, 0);
        for n in 0..5_000 {
            live.push(file(n, "2026-03-02", 60 * KIB));
            loop {
                let merged = pick(live.clone(), &HashSet::new(), now(), &options);
                if merged.is_empty() {
                    break;
                }
                let size = merged.iter().map(|file| file.size).sum();
                live.retain(|file| !merged.contains(file));
                rewritten += size;
                live.push(DataFile { path: format!("merged {n} {rewritten}"), ..file(n, "2026-03-02", size) });
            }
            most = most.max(live.len());
        }
        assert!(most < 60, "{most}");
        assert!(rewritten < 5 * 5_000 * 60 * KIB, "each row is rewritten fewer than five times: {rewritten}");
    }
}
