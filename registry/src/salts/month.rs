//! A calendar month, UTC: the period of a salt key.

use std::fmt;

use chrono::{DateTime, Datelike as _};

/// A UTC calendar month. Shown as `YYYY-MM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i32,
    /// 1 to 12.
    month: u32,
}

impl Month {
    /// The month of a time in Unix microseconds; a time beyond the calendar counts as 1970-01.
    pub fn of_us(time_us: i64) -> Self {
        let time = DateTime::from_timestamp_micros(time_us).unwrap_or_default();
        Self { year: time.year(), month: time.month() }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_at_midnight_utc_of_their_first_day() {
        assert_eq!(Month::of_us(0).to_string(), "1970-01");
        let march = 1_772_323_200_000_000;
        assert_eq!(Month::of_us(march - 1).to_string(), "2026-02");
        assert_eq!(Month::of_us(march).to_string(), "2026-03");
        assert_eq!(Month::of_us(-1).to_string(), "1969-12");
        assert_eq!(Month::of_us(i64::MAX).to_string(), "1970-01");
    }
}
