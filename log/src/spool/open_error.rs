//! Why a spool is not opened, and what would be right.

use std::path::PathBuf;

use uuid::Uuid;

use super::SpoolSettings;
use crate::{embedded, kafka};

/// Why a spool is not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its files cannot be opened.
    #[error("spool {}", dir.display())]
    Files {
        /// Its directory.
        dir: PathBuf,
        /// What is in the way.
        source: embedded::OpenError,
    },
    /// The log in Kafka cannot be opened.
    #[error(transparent)]
    Kafka(#[from] kafka::OpenError),
    /// How far it is drained is noted in a way that this release does not read.
    #[error("{} does not say how far the spool is drained: {why}; bring the file back, or remove it: then all that \
             the spool holds is appended again, and the lake drops what it has", path.display())]
    Noted {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// It holds records that were acknowledged for another log.
    #[error("spool {} holds {records} records that were acknowledged for log {held}, and this is log {log}: start with that \
             one until the spool is empty (`tacho_spool_records` is 0), or move the folder away and keep it", dir.display())]
    OtherLog {
        /// Its directory.
        dir: PathBuf,
        /// Records in it.
        records: i64,
        /// The log that they were for.
        held: Uuid,
        /// The log that was opened.
        log: Uuid,
    },
    /// The runtime is ending.
    #[error("the runtime is ending")]
    Ending,
}

impl OpenError {
    pub(crate) fn files(settings: &SpoolSettings, source: embedded::OpenError) -> Self {
        Self::Files { dir: settings.dir.clone(), source }
    }
}
