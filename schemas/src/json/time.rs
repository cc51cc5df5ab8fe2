//! Moments: RFC 3339 text and Unix milliseconds, to Unix microseconds UTC and back.
//!
//! By hand, because it is on the way of every record: no allocation, no calendar library, and one rule for all
//! input. Digits behind the microsecond are cut. A leap second, 23:59:60 UTC, is the first moment of the next day:
//! Unix time has none of its own.

use crate::reason::RejectReason;

const DAY_S: i64 = 86_400;
/// 0000-01-01T00:00:00Z, in milliseconds.
const FIRST_MS: i64 = -62_167_219_200_000;
/// 9999-12-31T23:59:59.999Z, in milliseconds.
const LAST_MS: i64 = 253_402_300_799_999;

/// Microseconds of an integer of Unix milliseconds, from the year 0 to 9999.
pub(super) fn time_of_millis(millis: i64) -> Result<i64, RejectReason> {
    if (FIRST_MS..=LAST_MS).contains(&millis) { Ok(millis * 1_000) } else { Err(RejectReason::OutOfRange) }
}

/// Microseconds UTC of an RFC 3339 text, with any fraction and offset.
///
/// # Errors
/// [`RejectReason::Type`] if it is no such text, [`RejectReason::OutOfRange`] if there is no such moment.
pub fn parse_time(text: &str) -> Result<i64, RejectReason> {
    let mut rest = text.as_bytes();
    let year = number(&mut rest, 4)?;
    literal(&mut rest, b"-")?;
    let month = number(&mut rest, 2)?;
    literal(&mut rest, b"-")?;
    let day = number(&mut rest, 2)?;
    literal(&mut rest, b"Tt")?;
    let hour = number(&mut rest, 2)?;
    literal(&mut rest, b":")?;
    let minute = number(&mut rest, 2)?;
    literal(&mut rest, b":")?;
    let second = number(&mut rest, 2)?;
    let fraction_us = fraction(&mut rest)?;
    let offset_s = offset(&mut rest)?;
    if !rest.is_empty() {
        return Err(RejectReason::Type);
    }
    let exists = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !exists {
        return Err(RejectReason::OutOfRange);
    }
    let seconds = days_from_civil(year, month, day) * DAY_S + hour * 3_600 + minute * 60 + second - offset_s;
    let leap_second_elsewhere = second == 60 && seconds.rem_euclid(DAY_S) != 0;
    if leap_second_elsewhere || !(FIRST_MS / 1_000..=LAST_MS / 1_000).contains(&seconds) {
        return Err(RejectReason::OutOfRange);
    }
    Ok(seconds * 1_000_000 + fraction_us)
}

/// RFC 3339 text in UTC with six digits behind the second, for times of the years 0 to 9999.
pub fn format_time(time_us: i64) -> String {
    let seconds = time_us.div_euclid(1_000_000);
    let (year, month, day) = civil_from_days(seconds.div_euclid(DAY_S));
    let of_day = seconds.rem_euclid(DAY_S);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    let micros = time_us.rem_euclid(1_000_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// The next `digits` digits.
fn number(rest: &mut &[u8], digits: usize) -> Result<i64, RejectReason> {
    let (head, tail) = rest.split_at_checked(digits).ok_or(RejectReason::Type)?;
    let mut value = 0;
    for byte in head {
        if !byte.is_ascii_digit() {
            return Err(RejectReason::Type);
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    *rest = tail;
    Ok(value)
}

/// The next byte, which is one of `allowed`.
fn literal(rest: &mut &[u8], allowed: &[u8]) -> Result<u8, RejectReason> {
    match rest.split_first() {
        Some((byte, tail)) if allowed.contains(byte) => {
            *rest = tail;
            Ok(*byte)
        }
        _ => Err(RejectReason::Type),
    }
}

/// The fraction of a second if there is one, in microseconds; finer digits are cut.
fn fraction(rest: &mut &[u8]) -> Result<i64, RejectReason> {
    if literal(rest, b".").is_err() {
        return Ok(0);
    }
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return Err(RejectReason::Type);
    }
    let mut micros = 0;
    for i in 0..6 {
        let digit = if i < digits { rest[i] - b'0' } else { 0 };
        micros = micros * 10 + i64::from(digit);
    }
    *rest = &rest[digits..];
    Ok(micros)
}

/// The offset from UTC, in seconds.
fn offset(rest: &mut &[u8]) -> Result<i64, RejectReason> {
    let sign = match literal(rest, b"Zz+-")? {
        b'+' => 1,
        b'-' => -1,
        _utc => return Ok(0),
    };
    let hours = number(rest, 2)?;
    literal(rest, b":")?;
    let minutes = number(rest, 2)?;
    if hours > 23 || minutes > 59 {
        return Err(RejectReason::OutOfRange);
    }
    Ok(sign * (hours * 3_600 + minutes * 60))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, by eras of 400 years that begin in March.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day: the reverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn offsets_and_fractions_give_the_same_moment() {
        let moment = 1_795_249_651_250_000;
        for text in [
            "2026-11-21T08:27:31.25Z",
            "2026-11-21t08:27:31.250000z",
            "2026-11-21T09:27:31.250+01:00",
            "2026-11-21T02:57:31.2500009999-05:30",
            "2026-11-21T08:27:31.25-00:00",
        ] {
            assert_eq!(parse_time(text), Ok(moment), "{text}");
        }
        assert_eq!(time_of_millis(1_795_249_651_250), Ok(moment));
    }

    #[test]
    fn a_leap_second_is_the_first_moment_of_the_next_day_and_stands_nowhere_else() {
        let next_day = parse_time("2017-01-01T00:00:00.5Z");
        assert_eq!(parse_time("2016-12-31T23:59:60.5Z"), next_day);
        assert_eq!(parse_time("2017-01-01T00:59:60.5+01:00"), next_day);
        assert_eq!(parse_time("2016-12-31T22:59:60Z"), Err(RejectReason::OutOfRange));
    }

    #[test]
    fn days_that_do_not_exist_are_out_of_range_and_other_texts_are_no_times() {
        for text in [
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:61Z",
            "2026-01-01T00:00:00+24:00",
            "0000-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
        ] {
            assert_eq!(parse_time(text), Err(RejectReason::OutOfRange), "{text}");
        }
        for text in [
            "",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-01-01 00:00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00Zx",
            "26-01-01T00:00:00Z",
            "2026-01-01T00:00:00+0100",
            "２026-01-01T00:00:00Z",
        ] {
            assert_eq!(parse_time(text), Err(RejectReason::Type), "{text}");
        }
        assert!(parse_time("2024-02-29T00:00:00Z").is_ok() && parse_time("2000-02-29T00:00:00Z").is_ok());
        assert_eq!(time_of_millis(i64::MAX), Err(RejectReason::OutOfRange));
    }

    proptest! {
        #[test]
        fn every_microsecond_of_ten_thousand_years_round_trips_and_agrees_with_chrono(
            time_us in FIRST_MS * 1_000..=LAST_MS * 1_000 + 999
        ) {
            let text = format_time(time_us);
            prop_assert_eq!(parse_time(&text), Ok(time_us));
            let chrono = chrono::DateTime::parse_from_rfc3339(&text).map(|time| time.timestamp_micros());
            prop_assert_eq!(chrono, Ok(time_us));
        }
    }
}
