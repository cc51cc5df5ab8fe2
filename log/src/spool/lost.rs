//! What of the spool is lost with its files: known from the start on, and not counted again where the drain comes to it.

use metrics::counter;
use tracing::error;

use super::noted::Noted;
use crate::embedded::EmbeddedLog;
use crate::{LogIdentity, OffsetRange};

/// The losses of one run.
#[derive(Debug, Default)]
pub(crate) struct Lost {
    /// What the start has found.
    known: Vec<OffsetRange>,
    records: u64,
    /// Whether there may be more: nothing says how many records a damaged end had.
    is_open: bool,
}

impl Lost {
    /// What a start finds lost of what was not drained, as far as it looks.
    pub(crate) fn at_start(noted: Option<&Noted>, kafka: &LogIdentity, log: &EmbeddedLog) -> Self {
        let mut lost = Self::default();
        let first = log.first_offsets();
        let noted = noted.filter(|noted| noted.log_id == kafka.log_id);
        let drained = noted.map_or(&first[..], |noted| &noted.drained);
        let undrained = |range: &OffsetRange| {
            let slot = usize::try_from(range.partition).ok()?;
            let start = range.start.max(*drained.get(slot)?);
            (start < range.end).then_some(OffsetRange { start, ..*range })
        };
        // The oldest files are gone: what they had is told by the note alone.
        let missing =
            (0..).zip(first.iter()).map(|(partition, first)| OffsetRange { partition, start: 0, end: *first });
        let missing: Vec<_> = missing.filter(|_| noted.is_some()).filter_map(|range| undrained(&range)).collect();
        lost.tell("the oldest files of the spool are missing", missing);
        for damage in &log.report().damage {
            let file = damage.file.display();
            lost.is_open |= damage.size_unknown;
            let what = format!("{file} is damaged at byte {} ({} bytes)", damage.position, damage.bytes);
            lost.tell(&what, damage.lost.iter().filter_map(undrained).collect());
        }
        lost
    }

    fn tell(&mut self, what: &str, ranges: Vec<OffsetRange>) {
        if !ranges.is_empty() {
            error!(?ranges, "{what}: acknowledged records of the spool are lost");
        }
        self.count(ranges.iter().map(|range| range.end - range.start).sum());
        self.known.extend(ranges);
    }

    fn count(&mut self, records: i64) {
        let records = records.max(0).unsigned_abs();
        self.records += records;
        counter!("tacho_spool_lost_records_total").increment(records);
    }

    /// The drain cannot read these.
    pub(crate) fn found(&mut self, range: &OffsetRange) {
        let overlap = |known: &OffsetRange| range.end.min(known.end) - range.start.max(known.start);
        let known = self.known.iter().filter(|known| known.partition == range.partition).map(overlap);
        let news = range.end - range.start - known.map(|records| records.max(0)).sum::<i64>();
        if news > 0 {
            error!(?range, "records of the spool are damaged beyond reading: they are lost");
        }
        self.count(news);
    }

    /// Records that are lost, at least; `None` if none is.
    pub(crate) fn records(&self) -> Option<u64> {
        (self.records > 0 || self.is_open).then_some(self.records)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::super::tests::{closed, opened, record, settings};
    use crate::Append;

    /// The segment files of a spool, oldest first.
    fn segments(dir: &tempfile::TempDir) -> Vec<PathBuf> {
        let files = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|kind| kind == "log")).collect();
        files.sort();
        files
    }

    #[tokio::test]
    async fn missing_and_damaged_files_are_counted_once_and_told_from_the_start_on() {
        let dir = tempfile::tempdir().unwrap();
        let spool = || super::super::SpoolSettings { bytes_max: 64 << 20, ..settings(&dir) };
        let open = opened(spool()).await;
        let payload: bytes::Bytes = vec![b'x'; 400_000].into();
        for counter in 0..40 {
            let append = Append { payload: payload.clone(), ..record(1, counter) };
            crate::Appender::from(open.1.appender()).append(vec![append]).await.unwrap();
        }
        let next = open.1.log.next_offsets();
        closed(open).await;
        let files = segments(&dir);
        assert!(files.len() >= 3, "{files:?}");
        std::fs::remove_file(&files[0]).unwrap();
        let mut bytes = std::fs::read(&files[1]).unwrap();
        bytes[300_000..500_000].fill(0);
        std::fs::write(&files[1], bytes).unwrap();
        std::fs::remove_file(files[1].with_extension("index")).unwrap();

        let open = opened(spool()).await;
        let mut depth = open.1.depth();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        while depth.lost.is_none() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
            depth = open.1.depth();
        }
        let missing: i64 = open.1.log.first_offsets().iter().sum();
        let damaged: i64 =
            open.1.report().damage.iter().flat_map(|damage| &damage.lost).map(|lost| lost.end - lost.start).sum();
        assert!(missing > 0 && damaged > 0 && missing + damaged < next.iter().sum(), "{missing} {damaged}");
        assert_eq!(depth.lost, Some((missing + damaged).unsigned_abs()));
        assert!(!depth.is_empty() && depth.to_string().contains(" are lost with damaged files"), "{depth}");

        let noted = super::Noted::read(dir.path()).unwrap();
        let kafka = open.0.identity();
        let mut lost = super::Lost::at_start(noted.as_ref(), &kafka, &open.1.log);
        let before = lost.records();
        for range in open.1.report().damage.iter().flat_map(|damage| &damage.lost) {
            lost.found(range);
        }
        assert_eq!(lost.records(), before, "the drain comes to what is known");
        lost.found(&crate::OffsetRange { partition: 0, start: 1_000, end: 1_002 });
        assert_eq!(lost.records(), Some(before.unwrap_or(0) + 2), "this is news");
        closed(open).await;
    }
}
