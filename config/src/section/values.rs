//! What a key may hold: amounts with units, numbers in a range, addresses, paths, words of a closed set.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::{Table, Value};

use super::Section;
use crate::units::{format_bytes, format_duration, parse_bytes, parse_duration};

/// Digits that a number may have, so that it goes through JSON and back without loss in any reader.
const SIGNIFICANT_DIGITS_MAX: usize = 15;

impl Section<'_> {
    /// `true` or `false`.
    pub(crate) fn flag(&mut self, key: &'static str) -> bool {
        self.required(key, "true or false", false, Value::as_bool)
    }

    /// A duration within `range`.
    pub(crate) fn duration(&mut self, key: &'static str, range: RangeInclusive<Duration>) -> Duration {
        let expected = duration_text(&range);
        self.required(key, &expected, *range.start(), |value| duration_in(value, &range))
    }

    /// A duration within `range`, if there is one.
    pub(crate) fn optional_duration(&mut self, key: &'static str, range: RangeInclusive<Duration>) -> Option<Duration> {
        let expected = duration_text(&range);
        self.optional(key, &expected, |value| duration_in(value, &range))
    }

    /// A duration within `range`, or `default` if there is none.
    pub(crate) fn duration_or(
        &mut self,
        key: &'static str,
        range: RangeInclusive<Duration>,
        default: Duration,
    ) -> Duration {
        self.optional_duration(key, range).unwrap_or(default)
    }

    /// A duration within `range`, or none by the word `"none"`.
    pub(crate) fn duration_or_none(&mut self, key: &'static str, range: RangeInclusive<Duration>) -> Option<Duration> {
        let expected = format!("\"none\", or {}", duration_text(&range));
        self.required(key, &expected, None, |value| {
            if is_none(value) { Some(None) } else { duration_in(value, &range).map(Some) }
        })
    }

    /// An amount of bytes within `range`.
    pub(crate) fn bytes(&mut self, key: &'static str, range: RangeInclusive<u64>) -> u64 {
        let expected = bytes_text(&range);
        self.required(key, &expected, *range.start(), |value| bytes_in(value, &range))
    }

    /// An amount of bytes within `range`, or none by the word `"none"`.
    pub(crate) fn bytes_or_none(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let expected = format!("\"none\", or {}", bytes_text(&range));
        self.required(
            key,
            &expected,
            None,
            |value| {
                if is_none(value) { Some(None) } else { bytes_in(value, &range).map(Some) }
            },
        )
    }

    /// An amount of bytes of memory within `range`.
    pub(crate) fn memory(&mut self, key: &'static str, range: RangeInclusive<u64>) -> usize {
        let expected = bytes_text(&range);
        self.required(key, &expected, 0, |value| usize::try_from(bytes_in(value, &range)?).ok())
    }

    /// A whole number within `range`.
    pub(crate) fn integer<T>(&mut self, key: &'static str, range: RangeInclusive<T>) -> T
    where
        T: Copy + PartialOrd + std::fmt::Display + TryFrom<i64>,
    {
        let expected = integer_text(&range);
        self.required(key, &expected, *range.start(), |value| integer_in(value, &range))
    }

    /// A whole number within `range`, if there is one.
    pub(crate) fn optional_integer<T>(&mut self, key: &'static str, range: RangeInclusive<T>) -> Option<T>
    where
        T: Copy + PartialOrd + std::fmt::Display + TryFrom<i64>,
    {
        let expected = integer_text(&range);
        self.optional(key, &expected, |value| integer_in(value, &range))
    }

    /// A number within `range`; NaN stands for one that is missing or wrong, which no check complains about again.
    pub(crate) fn number(&mut self, key: &'static str, range: RangeInclusive<f64>) -> f64 {
        let expected = range_text(&range);
        self.required(key, &expected, f64::NAN, |value| number_in(value, &range))
    }

    /// A share of 1 within `range`, which people write in percent; NaN as of [`Self::number`].
    pub(crate) fn share(&mut self, key: &'static str, range: RangeInclusive<f64>) -> f64 {
        let expected = format!("a share, not percent: {}", range_text(&range));
        self.required(key, &expected, f64::NAN, |value| number_in(value, &range))
    }

    /// A number within `range`, if there is one.
    pub(crate) fn optional_number(&mut self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let expected = range_text(&range);
        self.optional(key, &expected, |value| number_in(value, &range))
    }

    /// An IP address with a port.
    pub(crate) fn address(&mut self, key: &'static str) -> SocketAddr {
        let expected = "an IP address with a port, such as \"127.0.0.1:1883\" or \"[::1]:1883\"";
        let placeholder = SocketAddr::from(([127, 0, 0, 1], 0));
        self.required(key, expected, placeholder, |value| value.as_str()?.parse().ok())
    }

    /// A path, taken from `base` if it is relative, if there is one.
    pub(crate) fn optional_path(&mut self, key: &'static str, base: &Path) -> Option<PathBuf> {
        self.optional(key, "a path", |value| {
            let path = value.as_str()?;
            let sound = !path.is_empty() && !path.contains('\0');
            sound.then(|| base.join(path))
        })
    }

    /// A text of 1 to `bytes_max` bytes without control characters.
    pub(crate) fn text(&mut self, key: &'static str, bytes_max: usize) -> String {
        let expected = format!("a text of 1 to {bytes_max} bytes without control characters");
        self.required(key, &expected, String::new(), |value| {
            let text = value.as_str()?;
            let sound = !text.is_empty() && text.len() <= bytes_max && !text.contains(char::is_control);
            sound.then(|| text.to_owned())
        })
    }

    /// A list of texts; empty if it is absent.
    pub(crate) fn texts(&mut self, key: &'static str) -> Vec<String> {
        let texts = self.optional(key, "a list of texts", |value| {
            let texts = value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned));
            texts.collect::<Option<Vec<_>>>()
        });
        texts.unwrap_or_default()
    }

    /// A table of names of the user's choice with texts, numbers or flags, as texts; empty if it is absent. A name with
    /// dots may be quoted or not.
    pub(crate) fn properties(&mut self, key: &'static str, expected: &str) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let table = self.optional(key, "a table", |value| value.as_table().cloned()).unwrap_or_default();
        for name in flatten("", &table, &mut found) {
            self.problem(&format!("{key}.\"{name}\""), "", expected);
        }
        found
    }

    /// One word of a closed set.
    pub(crate) fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let listed: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let expected = listed.join(" or ");
        self.required(key, &expected, None, |value| {
            let word = value.as_str()?;
            let found = words.iter().find(|(known, _)| *known == word)?;
            Some(Some(found.1))
        })
    }
}

/// Puts the values below `table` under their whole names; gives the names whose values are none.
fn flatten(path: &str, table: &Table, found: &mut BTreeMap<String, String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (key, value) in table {
        let name = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let text = match value {
            Value::Table(inner) => {
                wrong.extend(flatten(&name, inner, found));
                continue;
            }
            Value::String(text) => Some(text.clone()),
            Value::Integer(number) => Some(number.to_string()),
            Value::Boolean(flag) => Some(flag.to_string()),
            _ => None,
        };
        match text {
            Some(text) => drop(found.insert(name, text)),
            None => wrong.push(name),
        }
    }
    wrong.sort_unstable();
    wrong
}

/// Whether `number` survives any JSON reader: finite, 0 or 1e-7 to 1e15 in size, at most 15
/// significant digits. (Its digits and its power of ten are then exact doubles, so one division rounds it right.)
fn is_exact(number: f64) -> bool {
    if number == 0.0 {
        return true;
    }
    let size = number.abs();
    if !(1e-7..=1e15).contains(&size) {
        return false;
    }
    let scientific = format!("{size:e}");
    let mantissa = scientific.split('e').next().unwrap_or_default();
    mantissa.bytes().filter(u8::is_ascii_digit).count() <= SIGNIFICANT_DIGITS_MAX
}

/// What a number within `range` is, for people.
fn range_text(range: &RangeInclusive<f64>) -> String {
    format!("a number from {} to {} with at most {SIGNIFICANT_DIGITS_MAX} digits", range.start(), range.end())
}

fn is_none(value: &Value) -> bool {
    value.as_str() == Some("none")
}

fn number_in(value: &Value, range: &RangeInclusive<f64>) -> Option<f64> {
    let number = match value {
        Value::Float(number) => *number,
        // Through text, which rounds as any reader of the text would; what it cannot keep is refused below.
        Value::Integer(number) if number.unsigned_abs() <= 1_000_000_000_000_000 => number.to_string().parse().ok()?,
        _ => return None,
    };
    (range.contains(&number) && is_exact(number)).then_some(number)
}

fn integer_in<T>(value: &Value, range: &RangeInclusive<T>) -> Option<T>
where
    T: Copy + PartialOrd + TryFrom<i64>,
{
    let number = T::try_from(value.as_integer()?).ok()?;
    range.contains(&number).then_some(number)
}

fn integer_text<T: std::fmt::Display>(range: &RangeInclusive<T>) -> String {
    format!("a whole number from {} to {}", range.start(), range.end())
}

fn duration_in(value: &Value, range: &RangeInclusive<Duration>) -> Option<Duration> {
    let duration = parse_duration(value.as_str()?)?;
    range.contains(&duration).then_some(duration)
}

fn duration_text(range: &RangeInclusive<Duration>) -> String {
    let (low, high) = (format_duration(*range.start()), format_duration(*range.end()));
    format!("a duration from \"{low}\" to \"{high}\" (units ms, s, min, h, d)")
}

fn bytes_in(value: &Value, range: &RangeInclusive<u64>) -> Option<u64> {
    let bytes = parse_bytes(value.as_str()?)?;
    range.contains(&bytes).then_some(bytes)
}

fn bytes_text(range: &RangeInclusive<u64>) -> String {
    let (low, high) = (format_bytes(*range.start()), format_bytes(*range.end()));
    format!("an amount from \"{low}\" to \"{high}\" (units B, kB, KiB, MB, MiB, GB, GiB, TB, TiB)")
}

#[cfg(test)]
mod tests;
