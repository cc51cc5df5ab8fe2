//! The front's own table of topic filters, and the bounds of what rumqttd's router never frees.
//!
//! The router keeps a log per filter and a list per topic for ever, so both are counted here from the start of
//! the process; and a publish that no subscribed filter matches is never given to it.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::reason::Reason;
use super::settings::MqttSettings;
use super::topic::{TelemetryReach, matches, telemetry_reach};

/// Filters that are subscribed to, by how many sessions (also stored ones).
#[derive(Debug)]
pub(crate) struct Filters {
    max_known: usize,
    max_uses: usize,
    /// Number of subscriptions that reach telemetry; read without a lock by every burst.
    telemetry: AtomicUsize,
    table: RwLock<Table>,
    topics: Mutex<Topics>,
}

#[derive(Debug, Default)]
struct Table {
    /// Filters that the router knows, subscribed to or not.
    known: HashSet<Box<str>>,
    exact: HashMap<Box<str>, usize>,
    wild: HashMap<Box<str>, usize>,
    /// Subscriptions of all sessions.
    all_uses: usize,
    telemetry_all: usize,
    telemetry_one: HashMap<Box<str>, usize>,
}

#[derive(Debug)]
struct Topics {
    max_seen: usize,
    max_retained: usize,
    max_retained_bytes: usize,
    hasher: RandomState,
    seen: HashSet<u64>,
    retained: HashMap<Box<str>, usize>,
    retained_bytes: usize,
}

impl Filters {
    /// An empty table with the bounds of the settings.
    pub(crate) fn new(settings: &MqttSettings) -> Self {
        Self {
            max_known: settings.max_filters,
            max_uses: settings.max_subscriptions,
            telemetry: AtomicUsize::new(0),
            table: RwLock::default(),
            topics: Mutex::new(Topics {
                max_seen: settings.max_subscribed_topics,
                max_retained: settings.max_retained,
                max_retained_bytes: settings.max_retained_bytes,
                hasher: RandomState::new(),
                seen: HashSet::new(),
                retained: HashMap::new(),
                retained_bytes: 0,
            }),
        }
    }

    /// Counts one more subscription to a valid filter.
    ///
    /// # Errors
    /// [`Reason::QuotaExceeded`] if the router would have to keep one filter or subscription too many.
    pub(crate) fn subscribe(&self, filter: &str) -> Result<(), Reason> {
        let mut table = self.write();
        if table.all_uses >= self.max_uses {
            return Err(Reason::QuotaExceeded);
        }
        if !table.known.contains(filter) {
            if table.known.len() >= self.max_known {
                return Err(Reason::QuotaExceeded);
            }
            table.known.insert(filter.into());
        }
        *table.uses(filter).entry(filter.into()).or_default() += 1;
        table.all_uses += 1;
        match telemetry_reach(filter) {
            TelemetryReach::None => return Ok(()),
            TelemetryReach::All => table.telemetry_all += 1,
            TelemetryReach::One(id) => *table.telemetry_one.entry(id.into()).or_default() += 1,
        }
        self.telemetry.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Counts one subscription less.
    pub(crate) fn unsubscribe(&self, filter: &str) {
        let mut table = self.write();
        if !decrement(table.uses(filter), filter) {
            return;
        }
        table.all_uses -= 1;
        match telemetry_reach(filter) {
            TelemetryReach::None => return,
            TelemetryReach::All => table.telemetry_all = table.telemetry_all.saturating_sub(1),
            TelemetryReach::One(id) => {
                decrement(&mut table.telemetry_one, id);
            }
        }
        self.telemetry.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether any subscription reaches any telemetry topic.
    pub(crate) fn any_telemetry(&self) -> bool {
        self.telemetry.load(Ordering::Relaxed) > 0
    }

    /// Whether a subscription matches the telemetry topic of this ID segment.
    pub(crate) fn match_telemetry(&self, id: &str) -> bool {
        let table = self.read();
        table.telemetry_all > 0 || table.telemetry_one.contains_key(id)
    }

    /// Whether a subscription matches a topic.
    pub(crate) fn matched(&self, topic: &str) -> bool {
        let table = self.read();
        table.exact.contains_key(topic) || table.wild.keys().any(|filter| matches(topic, filter))
    }

    /// Notes a topic whose message goes to the router because a filter matches it.
    ///
    /// # Errors
    /// [`Reason::QuotaExceeded`] if the router would have to keep one topic too many.
    pub(crate) fn note_topic(&self, topic: &str) -> Result<(), Reason> {
        let mut topics = self.topics();
        let hash = topics.hasher.hash_one(topic);
        if topics.seen.len() >= topics.max_seen && !topics.seen.contains(&hash) {
            return Err(Reason::QuotaExceeded);
        }
        topics.seen.insert(hash);
        Ok(())
    }

    /// Notes what a publish does to the retained message of its topic: the router replaces it by a retained publish,
    /// and removes it at any empty one.
    ///
    /// # Errors
    /// [`Reason::QuotaExceeded`] if it would be one message, or too many bytes, more than allowed.
    pub(crate) fn note_retained(&self, topic: &str, payload_bytes: usize, retain: bool) -> Result<(), Reason> {
        let mut topics = self.topics();
        let before = topics.retained.get(topic).copied();
        if payload_bytes == 0 {
            topics.retained_bytes -= before.unwrap_or(0);
            topics.retained.remove(topic);
        } else if retain {
            let bytes = topics.retained_bytes - before.unwrap_or(0) + topic.len() + payload_bytes;
            let one_more = before.is_none() && topics.retained.len() >= topics.max_retained;
            if one_more || bytes > topics.max_retained_bytes {
                return Err(Reason::QuotaExceeded);
            }
            topics.retained_bytes = bytes;
            topics.retained.insert(topic.into(), topic.len() + payload_bytes);
        }
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn topics(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn uses(&mut self, filter: &str) -> &mut HashMap<Box<str>, usize> {
        if filter.contains(['+', '#']) { &mut self.wild } else { &mut self.exact }
    }
}

/// Takes one off a count, and the count away at 0; `false` if there was none.
fn decrement(counts: &mut HashMap<Box<str>, usize>, key: &str) -> bool {
    let Some(count) = counts.get_mut(key) else {
        return false;
    };
    *count -= 1;
    if *count == 0 {
        counts.remove(key);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounded(max_filters: usize, max_retained: usize) -> Filters {
        Filters::new(&MqttSettings {
            max_filters,
            max_retained,
            max_retained_bytes: 100,
            max_subscribed_topics: 2,
            ..MqttSettings::default()
        })
    }

    #[test]
    fn a_topic_is_matched_only_while_someone_subscribes() {
        let filters = bounded(10, 10);
        assert!(!filters.matched("a/b"));
        filters.subscribe("a/+").unwrap();
        filters.subscribe("a/+").unwrap();
        filters.unsubscribe("a/+");
        assert!(filters.matched("a/b"));
        filters.unsubscribe("a/+");
        filters.unsubscribe("a/+");
        assert!(!filters.matched("a/b"));
        filters.subscribe("a/b").unwrap();
        assert!(filters.matched("a/b") && !filters.any_telemetry());
    }

    #[test]
    fn one_robots_filter_reaches_only_its_telemetry() {
        let filters = bounded(10, 10);
        filters.subscribe("robots/x/#").unwrap();
        assert!(filters.any_telemetry() && filters.match_telemetry("x") && !filters.match_telemetry("y"));
        filters.subscribe("robots/#").unwrap();
        assert!(filters.match_telemetry("y"));
        filters.unsubscribe("robots/#");
        filters.unsubscribe("robots/x/#");
        assert!(!filters.any_telemetry());
    }

    #[test]
    fn a_filter_counts_for_ever_because_the_router_keeps_it() {
        let filters = bounded(1, 10);
        filters.subscribe("a").unwrap();
        filters.unsubscribe("a");
        filters.subscribe("a").unwrap();
        assert_eq!(filters.subscribe("b"), Err(Reason::QuotaExceeded));
    }

    #[test]
    fn retained_messages_are_bounded_in_number_and_bytes_and_an_empty_one_frees() {
        let filters = bounded(1, 2);
        filters.note_retained("a", 10, true).unwrap();
        assert_eq!(filters.note_retained("b", 95, true), Err(Reason::QuotaExceeded));
        filters.note_retained("b", 10, true).unwrap();
        assert_eq!(filters.note_retained("c", 1, true), Err(Reason::QuotaExceeded));
        filters.note_retained("a", 60, true).unwrap();
        filters.note_retained("a", 0, false).unwrap();
        filters.note_retained("c", 80, true).unwrap();
        filters.note_retained("d", 80, false).unwrap();
    }

    #[test]
    fn topics_that_reached_the_router_are_bounded() {
        let filters = bounded(1, 2);
        filters.note_topic("a").unwrap();
        filters.note_topic("b").unwrap();
        filters.note_topic("a").unwrap();
        assert_eq!(filters.note_topic("c"), Err(Reason::QuotaExceeded));
    }
}
