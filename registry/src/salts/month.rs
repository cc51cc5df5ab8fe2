//! A calendar month, UTC: the period of a salt key.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike as _};
use serde::{Deserialize, Serialize};

/// A UTC calendar month. Shown as `YYYY-MM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
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

/// A text that names no month.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no month; YYYY-MM would be right")]
pub struct NoMonth(String);

impl FromStr for Month {
    type Err = NoMonth;

    fn from_str(text: &str) -> Result<Self, NoMonth> {
        let parts = text.rsplit_once('-').and_then(|(year, month)| Some((year.parse().ok()?, month.parse().ok()?)));
        match parts {
            Some((year, month)) if (1..=12).contains(&month) => Ok(Self { year, month }),
            _ => Err(NoMonth(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Month {
    type Error = NoMonth;

    fn try_from(text: String) -> Result<Self, NoMonth> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
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

    #[test]
    fn a_month_is_read_back_as_it_is_shown() {
        for time_us in [0, -1, 1_772_323_200_000_000, -70_000_000_000_000_000] {
            let month = Month::of_us(time_us);
            assert_eq!(month.to_string().parse(), Ok(month));
        }
        for wrong in ["", "2026", "2026-13", "2026-00", "a-01"] {
            assert!(wrong.parse::<Month>().is_err(), "{wrong}");
        }
    }
}
