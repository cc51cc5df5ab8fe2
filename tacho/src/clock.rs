//! The wall clock, where a command needs it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix microseconds.
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Unix seconds.
pub(crate) fn now_s() -> i64 {
    now_us() / 1_000_000
}
