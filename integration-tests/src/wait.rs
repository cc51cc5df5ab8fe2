//! Waiting: tests poll with a deadline and never sleep for luck.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// Between two looks.
const POLL: Duration = Duration::from_millis(50);

/// Polls until `look` gives a value.
///
/// # Panics
/// If it has not by the deadline; `what` says what was waited for.
pub fn until_some<T>(what: &str, deadline: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + deadline;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        if Instant::now() > end {
            panic!("{what}: not within {} s", deadline.as_secs());
        }
        std::thread::sleep(POLL);
    }
}

/// Polls until `look` gives the expected value.
///
/// # Panics
/// If it has not by the deadline; shows the value that was there instead.
pub fn until<T: PartialEq + Debug>(what: &str, deadline: Duration, expected: &T, mut look: impl FnMut() -> T) {
    let end = Instant::now() + deadline;
    loop {
        let seen = look();
        if seen == *expected {
            return;
        }
        if Instant::now() > end {
            panic!("{what}: expected {expected:?} within {} s, is {seen:?}", deadline.as_secs());
        }
        std::thread::sleep(POLL);
    }
}
