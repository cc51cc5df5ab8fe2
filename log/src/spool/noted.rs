//! How far each partition of the spool is known to be in Kafka: a file beside its segments, replaced as a whole.
//!
//! It is behind what Kafka has, never ahead: after a restart some records are appended again, in order.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tracing::warn;
use uuid::Uuid;

use super::OpenError;
use crate::{EmbeddedLog, LogIdentity};

/// The file's name.
const NAME: &str = "drained.json";
/// The format that this release writes and reads.
const FORMAT: u32 = 1;

/// What is noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Noted {
    /// The log that the records are for.
    pub(crate) log_id: Uuid,
    /// Per partition, the first offset of the spool that is not known to be in Kafka.
    pub(crate) drained: Vec<i64>,
}

/// The file's content.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NotedFile {
    format: u32,
    log_id: String,
    drained: Vec<i64>,
}

impl Noted {
    /// What is noted in a directory; `None` if nothing is.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>, OpenError> {
        let path = dir.join(NAME);
        let wrong = |why: String| OpenError::Noted { path: path.clone(), why };
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(error.to_string())),
        };
        let file: NotedFile = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        if file.format != FORMAT {
            return Err(wrong(format!("format {} where {FORMAT} is right: another release wrote it", file.format)));
        }
        let log_id = Uuid::parse_str(&file.log_id).map_err(|error| wrong(error.to_string()))?;
        Ok(Some(Self { log_id, drained: file.drained }))
    }

    /// What holds from now on: what was noted, if it is of this log and of what the files hold.
    pub(crate) fn of(
        noted: Option<Self>,
        kafka: &LogIdentity,
        log: &EmbeddedLog,
        dir: &Path,
    ) -> Result<Self, OpenError> {
        let (first, next) = (log.first_offsets(), log.next_offsets());
        let mut noted = noted.unwrap_or_else(|| Self { log_id: kafka.log_id, drained: first.to_vec() });
        if noted.log_id != kafka.log_id {
            let records = noted.waiting(log);
            if records > 0 {
                let (dir, held, log) = (dir.to_owned(), noted.log_id, kafka.log_id);
                return Err(OpenError::OtherLog { dir, records, held, log });
            }
            noted = Self { log_id: kafka.log_id, drained: next.to_vec() };
        }
        noted.drained.resize(next.len(), 0);
        for (partition, drained) in noted.drained.iter_mut().enumerate() {
            let held = (*drained).clamp(first[partition], next[partition]);
            if held != *drained {
                warn!(
                    partition,
                    drained, held, "the spool is drained to where it holds nothing: it goes on where it does"
                );
                *drained = held;
            }
        }
        Ok(noted)
    }

    /// Records that wait.
    pub(crate) fn waiting(&self, log: &EmbeddedLog) -> i64 {
        log.next_offsets().iter().zip(&self.drained).map(|(next, drained)| next - drained).sum()
    }

    /// Whether records of a partition wait.
    pub(crate) fn is_behind(&self, partition: i32, log: &EmbeddedLog) -> bool {
        let slot = usize::try_from(partition).unwrap_or(usize::MAX);
        self.drained.get(slot) != log.next_offsets().get(slot)
    }

    /// Makes it durable, elsewhere than in a thread of the runtime.
    pub(crate) async fn write(&self, log: &Arc<EmbeddedLog>) -> io::Result<()> {
        let file = NotedFile { format: FORMAT, log_id: self.log_id.to_string(), drained: self.drained.clone() };
        let (log, bytes) = (Arc::clone(log), serde_json::to_vec(&file).map_err(io::Error::other)?);
        let written = tokio::task::spawn_blocking(move || log.note(NAME, &bytes)).await;
        written.map_err(io::Error::other)?
    }
}
