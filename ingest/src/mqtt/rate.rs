//! The rate limit of a robot: a token bucket each, for robots that spoke lately.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tacho_schemas::RobotKey;
use tokio::time::Instant;

use super::settings::RobotRate;

/// Shards, so that connections seldom wait for each other.
const SHARDS: usize = 16;
/// Robots that are looked after at once; beyond, a new one is not limited.
const ROBOTS_MAX: usize = 1_000_000;

/// Buckets of all robots.
#[derive(Debug)]
pub(crate) struct Rates {
    rate: Option<RobotRate>,
    hasher: RandomState,
    shards: Vec<Mutex<HashMap<RobotKey, Bucket>>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Rates {
    /// Full buckets of this rate; `None`: no limit.
    pub(crate) fn new(rate: Option<RobotRate>) -> Self {
        Self { rate, hasher: RandomState::new(), shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    /// Takes a token for a publish of this robot; `false`: there is none.
    pub(crate) fn allow(&self, robot: &RobotKey, now: Instant) -> bool {
        let Some(rate) = self.rate else {
            return true;
        };
        let mut buckets = self.shard(robot);
        let full = f64::from(rate.burst);
        let known = buckets.len() < ROBOTS_MAX / SHARDS || buckets.contains_key(robot);
        if !known {
            return true;
        }
        let bucket = buckets.entry(*robot).or_insert(Bucket { tokens: full, at: now });
        bucket.tokens = refilled(bucket, rate, now);
        bucket.at = now;
        let allowed = bucket.tokens >= 1.0;
        if allowed {
            bucket.tokens -= 1.0;
        }
        allowed
    }

    /// Forgets the buckets that are full again.
    pub(crate) fn sweep(&self, now: Instant) {
        let Some(rate) = self.rate else {
            return;
        };
        for shard in &self.shards {
            let mut buckets = shard.lock().unwrap_or_else(PoisonError::into_inner);
            buckets.retain(|_, bucket| refilled(bucket, rate, now) < f64::from(rate.burst));
        }
    }

    fn shard(&self, robot: &RobotKey) -> MutexGuard<'_, HashMap<RobotKey, Bucket>> {
        let nth = self.hasher.hash_one(robot) % SHARDS as u64;
        self.shards[usize::try_from(nth).unwrap_or(0)].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refilled(bucket: &Bucket, rate: RobotRate, now: Instant) -> f64 {
    let seconds = now.saturating_duration_since(bucket.at).as_secs_f64();
    (bucket.tokens + seconds * rate.records_per_s).min(f64::from(rate.burst))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ROBOT: RobotKey = RobotKey::Unreadable;

    #[test]
    fn a_burst_is_allowed_and_then_the_rate() {
        let rates = Rates::new(Some(RobotRate { records_per_s: 2.0, burst: 3 }));
        let start = Instant::now();
        let allowed = |ms: u64| rates.allow(&ROBOT, start + Duration::from_millis(ms));
        assert_eq!([allowed(0), allowed(0), allowed(0), allowed(0)], [true, true, true, false]);
        assert_eq!([allowed(500), allowed(600), allowed(1_000)], [true, false, true]);
        let other = RobotKey::Id("CNAB12HX00010000000000000042A".parse().unwrap());
        assert!(rates.allow(&other, start), "another robot has a bucket of its own");
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let rates = Rates::new(Some(RobotRate { records_per_s: 1.0, burst: 2 }));
        let start = Instant::now();
        rates.allow(&ROBOT, start);
        rates.sweep(start);
        assert_eq!(rates.shard(&ROBOT).len(), 1);
        rates.sweep(start + Duration::from_secs(1));
        assert_eq!(rates.shard(&ROBOT).len(), 0);
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let rates = Rates::new(None);
        assert!((0..1_000).all(|_| rates.allow(&ROBOT, Instant::now())));
        assert_eq!(rates.shard(&ROBOT).len(), 0);
    }
}
