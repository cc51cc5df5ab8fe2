//! Files that this process has written and not yet committed: clean-up leaves them alone, however old they are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tacho_schemas::table::Table;

/// The set of a process; clones share it.
#[derive(Debug, Clone, Default)]
pub struct InFlight(Arc<Mutex<HashMap<(Table, String), usize>>>);

/// Keeps one file in the set until it is dropped.
#[derive(Debug)]
pub(crate) struct Guard {
    set: InFlight,
    key: (Table, String),
}

impl InFlight {
    /// Whether a file, named by its path in the table, is in flight.
    pub fn contains(&self, table: Table, path: &str) -> bool {
        let set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        set.contains_key(&(table, path.to_owned()))
    }

    /// Enters a file before its first byte is written.
    pub(crate) fn enter(&self, table: Table, path: &str) -> Arc<Guard> {
        let key = (table, path.to_owned());
        let mut set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *set.entry(key.clone()).or_default() += 1;
        drop(set);
        Arc::new(Guard { set: self.clone(), key })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut set = self.set.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = set.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                set.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_in_flight_until_its_last_guard_is_dropped() {
        let set = InFlight::default();
        let first = set.enter(Table::Joints, "a");
        let second = set.clone().enter(Table::Joints, "a");
        drop(first);
        assert!(set.contains(Table::Joints, "a"));
        assert!(!set.contains(Table::Records, "a"));
        drop(second);
        assert!(!set.contains(Table::Joints, "a"));
    }
}
