//! The segment that is being written: bytes go to its end and count only when they are synced.

use std::io;
use std::path::PathBuf;

use super::batch::BatchHeader;
use super::catalog::Catalog;
use super::scan::IndexBuilder;
use super::segment::{IndexEntry, Segment, SegmentHeader, log_path};
use super::storage::{Output, Storage};
use super::wire::len_u64;

/// A segment file open for writing.
#[derive(Debug)]
pub(crate) struct OpenSegment {
    /// What of it is durable.
    pub(crate) durable: Segment,
    path: PathBuf,
    output: Output,
    /// Goes out with the first batch.
    header: Option<Vec<u8>>,
    index: IndexBuilder,
    /// How many index entries the catalog has; `None` before the first durable batch.
    published: Option<usize>,
}

/// What the storage could not do.
#[derive(Debug, thiserror::Error)]
#[error("{action} {}: {error}", path.display())]
pub(crate) struct Failure {
    action: &'static str,
    path: PathBuf,
    error: io::Error,
}

impl Failure {
    /// Whether there is no space left.
    pub(crate) fn is_disk_full(&self) -> bool {
        matches!(self.error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

impl OpenSegment {
    /// Creates the file of a segment. A file of the same name has nothing durable in it and is replaced.
    pub(crate) fn create(storage: &Storage, header: &SegmentHeader) -> Result<Self, Failure> {
        let path = log_path(storage.dir(), header.base_seq);
        let created = storage.create(&path);
        let output = created.map_err(|error| Failure { action: "creating", path: path.clone(), error })?;
        Ok(Self {
            durable: Segment::from(header),
            path,
            output,
            header: Some(header.bytes()),
            index: IndexBuilder::default(),
            published: None,
        })
    }

    /// A buffer for a batch of `bytes` bytes, with the segment's header in front of its first batch.
    pub(crate) fn take_header(&mut self, bytes: usize) -> Vec<u8> {
        let header = self.header.take().unwrap_or_default();
        let mut buffer = Vec::with_capacity(header.len() + bytes);
        buffer.extend_from_slice(&header);
        buffer
    }

    /// Writes and syncs the buffer, in which the batch begins at `batch_at`.
    pub(crate) fn append(
        &mut self,
        buffer: &[u8],
        batch_at: usize,
        batch: &BatchHeader,
        storage: &Storage,
    ) -> Result<(), Failure> {
        let failure = |action| {
            let path = self.path.clone();
            move |error| Failure { action, path, error }
        };
        self.output.write(buffer).map_err(failure("writing"))?;
        self.output.sync().map_err(failure("syncing"))?;
        if !self.is_published() {
            storage.sync_dir().map_err(failure("syncing the directory of"))?;
        }
        let position = self.durable.length + len_u64(batch_at);
        self.index.offer(position, batch.base_seq, &batch.base);
        self.durable.length += len_u64(buffer.len());
        self.durable.end_seq = batch.end_seq();
        self.durable.end = batch.end.as_ref().into();
        self.durable.version = self.durable.version.max(batch.version);
        self.durable.max_received_at_us = self.durable.max_received_at_us.max(batch.max_received_at_us);
        Ok(())
    }

    /// Tells the catalog of the batch that became durable.
    pub(crate) fn publish(&mut self, catalog: &mut Catalog) {
        let entries = &self.index.entries;
        match (self.published, entries.first()) {
            (None, Some(first)) => catalog.begin(self.durable.clone(), first.clone()),
            (published, _) => catalog.grow(&self.durable, entries.get(published.unwrap_or(0))),
        }
        self.published = Some(entries.len());
    }

    /// Whether anything in it is durable.
    pub(crate) fn is_published(&self) -> bool {
        self.published.is_some()
    }

    /// Its index so far.
    pub(crate) fn entries(&self) -> &[IndexEntry] {
        &self.index.entries
    }
}
