//! Letting go of old segments: never before the lake has all of their records.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task;
use tracing::info;

use super::EmbeddedLog;
use super::catalog::Retention;
use super::identity_file::now_us;
use super::positions::Positions;
use super::segment::{index_path, log_path};
use super::shared::{Shared, locked};
use crate::ReadError;

/// What a release removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Released {
    /// Segments removed.
    pub segments: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// Why nothing (more) was removed.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The log has no such partition.
    #[error(transparent)]
    Partition(#[from] ReadError),
    /// A file cannot be removed.
    #[error("removing {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The runtime is ending.
    #[error("the runtime is ending")]
    Ending,
}

impl EmbeddedLog {
    /// Tells that records below these next offsets are not needed any more, and removes the oldest segments that
    /// are released whole and are beyond the retention in bytes or age. The newest segment always stays.
    ///
    /// # Errors
    /// [`ReleaseError`]; what was removed before stays removed.
    pub async fn release(&self, progress: &[(i32, i64)]) -> Result<Released, ReleaseError> {
        let positions = Positions::new(progress, self.shared.identity.partitions)?;
        locked(&self.shared.catalog).release(&positions);
        let shared = Arc::clone(&self.shared);
        let removing = task::spawn_blocking(move || remove_expired(&shared));
        removing.await.map_err(|_ended| ReleaseError::Ending)?
    }
}

fn remove_expired(shared: &Shared) -> Result<Released, ReleaseError> {
    let _one_at_a_time = locked(&shared.removing);
    let age_us = |age: Duration| i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
    let retention = Retention {
        bytes: shared.settings.retention_bytes,
        old_before_us: shared.settings.retention_age.map(|age| now_us().saturating_sub(age_us(age))),
    };
    let mut released = Released::default();
    loop {
        let Some(segment) = locked(&shared.catalog).take_expired(retention) else {
            break;
        };
        let dir = shared.storage.dir();
        let path = log_path(dir, segment.base_seq);
        // The name is gone durably before the next segment's is: a power cut must not leave a hole in the log.
        let removed = shared
            .storage
            .remove(&path)
            .and_then(|()| shared.storage.remove(&index_path(dir, segment.base_seq)))
            .and_then(|()| shared.storage.sync_dir());
        if let Err(source) = removed {
            locked(&shared.catalog).put_back(segment);
            return Err(ReleaseError::Io { path, source });
        }
        info!(file = %path.display(), bytes = segment.length, "a released segment is removed");
        released.segments += 1;
        released.bytes += segment.length;
    }
    Ok(released)
}
