//! Where a part of a log begins or ends: at a time of receipt, or at offsets.

use std::collections::BTreeMap;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveTime};

/// A bound, in all partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bound {
    /// The first record that was received then or later, Unix microseconds UTC.
    Received(i64),
    /// These offsets of these partitions; the others are not bounded.
    Offsets(BTreeMap<i32, i64>),
}

/// A text that is no bound.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is neither a time (2026-11-21, 2026-11-21T18:00:00Z) nor offsets (PARTITION:OFFSET, several with commas)"
)]
pub(crate) struct NoBound(String);

impl FromStr for Bound {
    type Err = NoBound;

    fn from_str(text: &str) -> Result<Self, NoBound> {
        let day =
            || text.parse::<NaiveDate>().ok().map(|day| day.and_time(NaiveTime::MIN).and_utc().timestamp_micros());
        let instant = || DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp_micros());
        let offset = |part: &str| {
            let (partition, offset) = part.split_once(':')?;
            let (partition, offset): (i32, i64) = (partition.parse().ok()?, offset.parse().ok()?);
            (partition >= 0 && offset >= 0).then_some((partition, offset))
        };
        let offsets = || text.split(',').map(offset).collect::<Option<BTreeMap<_, _>>>().map(Self::Offsets);
        let received = day().or_else(instant).map(Self::Received);
        received.or_else(offsets).ok_or_else(|| NoBound(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_a_time_or_offsets() {
        assert_eq!("2026-11-21T18:00:00Z".parse(), Ok(Bound::Received(1_795_284_000_000_000)));
        assert_eq!("2026-11-21".parse(), Ok(Bound::Received(1_795_219_200_000_000)));
        assert_eq!("3:1024,0:7".parse(), Ok(Bound::Offsets(BTreeMap::from([(0, 7), (3, 1024)]))));
        for text in ["", "1024", "3:", "3:x", "-1:5", "3:-5", "2026-13-01", "3:1,,4:2"] {
            assert!(text.parse::<Bound>().is_err(), "{text}");
        }
    }
}
