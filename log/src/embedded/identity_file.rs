//! The file that says which log this is: written once, durably, before the first record.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::storage::Storage;
use crate::LogIdentity;

/// The format that this release writes and reads.
pub(crate) const FORMAT: u32 = 1;

/// The file's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityFile {
    format: u32,
    log_id: String,
    partitions: i32,
    /// Unix microseconds.
    created_us: i64,
}

/// Why there is no identity to be had.
#[derive(Debug)]
pub(crate) enum IdentityError {
    /// The file is not what this release wrote.
    Malformed(String),
    /// A later release wrote it.
    Newer(u32),
    /// Not readable or not writable.
    Io(io::Error),
}

/// Reads the identity; `None` if there is none yet.
pub(crate) fn read(path: &Path) -> Result<Option<LogIdentity>, IdentityError> {
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(IdentityError::Io(error)),
    };
    let malformed = |error: serde_json::Error| IdentityError::Malformed(error.to_string());
    let Version { format } = serde_json::from_slice(&bytes).map_err(malformed)?;
    if format > FORMAT {
        return Err(IdentityError::Newer(format));
    }
    let file: IdentityFile = serde_json::from_slice(&bytes).map_err(malformed)?;
    let log_id = Uuid::parse_str(&file.log_id).map_err(|error| IdentityError::Malformed(error.to_string()))?;
    Ok(Some(LogIdentity { log_id, partitions: file.partitions }))
}

/// Draws an identity and makes it durable.
pub(crate) fn create(path: &Path, storage: &Storage, partitions: i32) -> Result<LogIdentity, IdentityError> {
    let log_id = Uuid::new_v4();
    let created_us = now_us();
    let file = IdentityFile { format: FORMAT, log_id: log_id.to_string(), partitions, created_us };
    let mut text = serde_json::to_string_pretty(&file).map_err(|error| IdentityError::Malformed(error.to_string()))?;
    text.push('\n');
    storage.replace(path, text.as_bytes()).map_err(IdentityError::Io)?;
    Ok(LogIdentity { log_id, partitions })
}

/// The time now, Unix microseconds.
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
