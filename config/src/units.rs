//! Amounts as people write them: `"64 MiB"`, `"30s"`, `"10 min"`. Whole numbers with one unit, so that what is written
//! back is what was read.

use std::time::Duration;

const BYTE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

const DURATION_UNITS_MS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)];

/// Bytes of `"64 MiB"`, `"64 MB"`, `"512B"`; `None` if it is not a whole number with a unit, or over `u64`.
pub fn parse_bytes(text: &str) -> Option<u64> {
    amount(text, &BYTE_UNITS)
}

/// Duration of `"30s"`, `"10 min"`, `"7d"` (`ms`, `s`, `min`, `h`, `d`); `None` if it is none.
pub fn parse_duration(text: &str) -> Option<Duration> {
    amount(text, &DURATION_UNITS_MS).map(Duration::from_millis)
}

/// The shortest text that [`parse_bytes`] reads as `bytes`.
pub fn format_bytes(bytes: u64) -> String {
    written(bytes, &BYTE_UNITS, " ")
}

/// The shortest text that [`parse_duration`] reads as `duration`, to the millisecond.
pub fn format_duration(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if ms == 0 {
        return "0s".to_owned();
    }
    written(ms, &DURATION_UNITS_MS, "")
}

fn amount(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let (_, size) = units.iter().find(|(name, _)| *name == unit)?;
    count.parse::<u64>().ok()?.checked_mul(*size)
}

/// `value` in the largest unit that divides it; of units that divide it, the largest gives the smallest count.
fn written(value: u64, units: &[(&str, u64)], space: &str) -> String {
    let exact = units.iter().find(|(_, size)| value >= *size && value.is_multiple_of(*size));
    match exact {
        Some((unit, size)) => format!("{}{space}{unit}", value / size),
        None => format!("{value}{space}{}", units.last().map_or("", |(unit, _)| unit)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_whole_numbers_with_a_unit() {
        assert_eq!(parse_bytes("64 MiB"), Some(64 << 20));
        assert_eq!(parse_bytes("64MB"), Some(64_000_000));
        assert_eq!(parse_bytes(" 512 B "), Some(512));
        assert_eq!(parse_duration("30s"), Some(Duration::from_secs(30)));
        assert_eq!(parse_duration("10 min"), Some(Duration::from_secs(600)));
        assert_eq!(parse_duration("250 ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_duration("7d"), Some(Duration::from_secs(604_800)));
    }

    #[test]
    fn what_has_no_unit_or_another_sign_or_does_not_fit_is_refused() {
        for text in ["", "64", "MiB", "-1 MiB", "+1 MiB", "1.5 MiB", "1 mib", "1 MiB x", "99999999 TiB", "１ B"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
        for text in ["30", "s", "30 sec", "-5s", "1h30min", "99999999999999999999d"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn amounts_are_written_in_the_unit_that_keeps_them_short() {
        assert_eq!(format_bytes(1 << 20), "1 MiB");
        assert_eq!(format_bytes(64_000_000), "64 MB");
        assert_eq!(format_bytes(0), "0 B");
        assert_eq!(format_duration(Duration::from_secs(90)), "90s");
        assert_eq!(format_duration(Duration::from_secs(600)), "10min");
        assert_eq!(format_duration(Duration::ZERO), "0s");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(bytes: u64, ms: u64) {
            prop_assert_eq!(parse_bytes(&format_bytes(bytes)), Some(bytes));
            let duration = Duration::from_millis(ms);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Some(duration));
        }
    }
}
