//! What a start finds in the log's directory: sealed segments by their index, the newest by a scan.
//!
//! An end of the newest segment that breaks off, or has a hole, is a torn tail: nobody was told that it is durable, so it
//! is cut off. Any other bad batch was durable: it stays, is reported, and readers step over it.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use tracing::warn;

use super::batch::Format;
use super::index::{self, Index};
use super::open_error::OpenError;
use super::scan::{Scan, ranges, scan};
use super::segment::{Segment, SegmentHeader, index_path, log_path, parse_name};
use super::storage::Storage;
use crate::{LogIdentity, OffsetRange};

/// What a start found, and what it did about it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenReport {
    /// Segments whose index was missing or damaged and was made anew, besides the newest one's.
    pub rebuilt_indexes: usize,
    /// What was cut off the end of the newest segment.
    pub torn: Option<TornTail>,
    /// What was durable once and cannot be read any more, as far as this start looked.
    pub damage: Vec<Damage>,
}

/// The unfinished end of a log, which nobody was told was durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The segment file.
    pub file: PathBuf,
    /// Its length now, in bytes; 0 if nothing was left and it was removed.
    pub position: u64,
    /// Bytes cut off.
    pub bytes: u64,
}

/// A stretch of the log that was durable once and cannot be read any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment file.
    pub file: PathBuf,
    /// Where the stretch begins, in bytes.
    pub position: u64,
    /// Its length in bytes; 0 if a whole file is missing.
    pub bytes: u64,
    /// The offsets that are lost with it.
    pub lost: Vec<OffsetRange>,
    /// Whether more may be lost with it: it is the end of the log, and nothing says how many records it had.
    pub size_unknown: bool,
}

/// Reads the directory of a log.
#[derive(Debug)]
pub(crate) struct Recovery<'a> {
    pub(crate) storage: &'a Storage,
    pub(crate) identity: LogIdentity,
    pub(crate) format: Format,
    pub(crate) segments: VecDeque<Segment>,
    pub(crate) report: OpenReport,
}

/// The sequence numbers of the segment files in a directory, rising.
pub(crate) fn segment_files(dir: &Path) -> Result<Vec<u64>, OpenError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(OpenError::io("reading", dir))? {
        let path = entry.map_err(OpenError::io("reading", dir))?.path();
        found.extend(parse_name(&path, "log"));
    }
    found.sort_unstable();
    Ok(found)
}

impl Recovery<'_> {
    /// Goes through all segments, oldest first.
    pub(crate) fn run(&mut self) -> Result<(), OpenError> {
        let files = segment_files(self.storage.dir())?;
        self.sweep(&files)?;
        for (at, base_seq) in files.iter().enumerate() {
            let next_seq = files.get(at + 1).copied();
            match (self.indexed(*base_seq)?, next_seq) {
                (Some(segment), _) => self.push(segment)?,
                (None, Some(next_seq)) => self.rebuild(*base_seq, next_seq)?,
                (None, None) => self.newest(*base_seq)?,
            }
        }
        Ok(())
    }

    /// Removes what an interrupted start, seal, probe or removal left.
    fn sweep(&self, files: &[u64]) -> Result<(), OpenError> {
        let dir = self.storage.dir();
        for entry in fs::read_dir(dir).map_err(OpenError::io("reading", dir))? {
            let path = entry.map_err(OpenError::io("reading", dir))?.path();
            let orphan = parse_name(&path, "index").is_some_and(|seq| files.binary_search(&seq).is_err());
            let ours = ["probe", "identity.tmp"].iter().any(|name| path.ends_with(name));
            if orphan || ours {
                self.storage.remove(&path).map_err(OpenError::io("removing", &path))?;
            }
        }
        Ok(())
    }

    /// A sealed segment, if its index is good.
    fn indexed(&mut self, base_seq: u64) -> Result<Option<Segment>, OpenError> {
        let LogIdentity { log_id, .. } = self.identity;
        let Ok(bytes) = fs::read(index_path(self.storage.dir(), base_seq)) else {
            return Ok(None);
        };
        let Some(Index { mut segment, .. }) = Index::parse(&bytes, log_id, base_seq, self.format.partitions()) else {
            return Ok(None);
        };
        let file = log_path(self.storage.dir(), base_seq);
        let length = fs::metadata(&file).map_err(OpenError::io("reading", &file))?.len();
        if length < segment.length {
            let found = self.scan(base_seq, u64::MAX)?;
            self.report.damage.push(Damage {
                file,
                position: found.segment.length,
                bytes: segment.length - found.segment.length,
                lost: ranges(&found.segment.end, &segment.end),
                size_unknown: false,
            });
            segment.length = length;
        }
        Ok(Some(segment))
    }

    fn scan(&self, base_seq: u64, limit_seq: u64) -> Result<Scan, OpenError> {
        let path = log_path(self.storage.dir(), base_seq);
        let bytes = fs::read(&path).map_err(OpenError::io("reading", &path))?;
        if let Some(header) = SegmentHeader::parse(&bytes, self.format.partitions())
            && header.log_id != self.identity.log_id
        {
            let (found, log_id) = (header.log_id, self.identity.log_id);
            return Err(OpenError::Foreign { path, found, log_id });
        }
        let before = self.segments.back().map(|segment| segment.end.as_ref());
        let found = scan(&bytes, &self.format, base_seq, limit_seq, before);
        match found.newer {
            Some((version, codec)) => Err(OpenError::NewerSegment { path, version, codec }),
            None => Ok(found),
        }
    }

    /// A segment that others follow, but has no good index.
    fn rebuild(&mut self, base_seq: u64, next_seq: u64) -> Result<(), OpenError> {
        let found = self.scan(base_seq, next_seq)?;
        self.report.rebuilt_indexes += 1;
        self.keep(found)
    }

    /// The segment that was being written when the log ended.
    fn newest(&mut self, base_seq: u64) -> Result<(), OpenError> {
        let path = log_path(self.storage.dir(), base_seq);
        let found = self.scan(base_seq, u64::MAX)?;
        let nothing = found.segment.end_seq == base_seq && found.damage.is_empty();
        let position = if nothing { 0 } else { found.segment.length };
        let bytes = found.tail_bytes + found.segment.length - position;
        if bytes > 0 {
            let torn = TornTail { file: path.clone(), position, bytes };
            warn!(file = %path.display(), position, bytes, "the torn end of the log is cut off");
            self.report.torn = Some(torn);
        }
        if nothing {
            let known_seq = self.segments.back().map_or(0, |segment| segment.end_seq);
            if known_seq != base_seq {
                return Err(OpenError::Undecidable { path, known_seq, base_seq });
            }
            self.storage.remove(&path).map_err(OpenError::io("removing", &path))?;
        } else {
            // What the scan read may be in the page cache only: it is durable, and may be read, from here on.
            self.storage.cut(&path, position).map_err(OpenError::io("cutting", &path))?;
        }
        let dir = self.storage.dir();
        self.storage.sync_dir().map_err(OpenError::io("syncing", dir))?;
        if nothing { Ok(()) } else { self.keep(found) }
    }

    /// Keeps a scanned segment, and writes the index that it lacks. A damaged one gets none: with an index the next
    /// start would trust it, and say nothing of what is lost.
    fn keep(&mut self, found: Scan) -> Result<(), OpenError> {
        let file = log_path(self.storage.dir(), found.segment.base_seq);
        let damage = found.damage.into_iter().map(|stretch| Damage {
            file: file.clone(),
            position: stretch.bytes.start,
            bytes: stretch.bytes.end - stretch.bytes.start,
            lost: stretch.lost,
            size_unknown: stretch.size_unknown,
        });
        let before = self.report.damage.len();
        self.report.damage.extend(damage);
        let index = Index { segment: found.segment, entries: found.entries };
        if self.report.damage.len() == before {
            index::write(self.storage, self.identity.log_id, &index);
        }
        self.push(index.segment)
    }

    fn push(&mut self, segment: Segment) -> Result<(), OpenError> {
        if let Some(before) = self.segments.back() {
            let file = log_path(self.storage.dir(), before.base_seq);
            if before.end_seq > segment.base_seq {
                let (known_seq, base_seq) = (before.end_seq, segment.base_seq);
                return Err(OpenError::Undecidable { path: file, known_seq, base_seq });
            }
            if before.end_seq < segment.base_seq {
                let length = fs::metadata(&file).map_or(before.length, |metadata| metadata.len());
                self.report.damage.push(Damage {
                    file,
                    position: before.length,
                    bytes: length.saturating_sub(before.length),
                    lost: ranges(&before.end, &segment.base),
                    size_unknown: false,
                });
            }
        }
        self.segments.push_back(segment);
        Ok(())
    }
}
