//! Kinds of fields: how a value of each is read and written; numbers and times here, texts in [`super::texts`].
//!
//! A value of the wrong kind is an error whose text starts with the reject reason; [`super::diagnose`] reads it back.

use std::fmt;
use std::fmt::Write as _;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};

use super::time::{format_time, parse_time, time_of_millis};
use crate::reason::RejectReason;
use crate::record::{MAX_SEQUENCE, push_json_string};

/// How values of one kind of field are read and written.
pub(super) trait Kind {
    /// What it is in the record.
    type Value;

    /// Reads a value that is not null.
    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self::Value, D::Error>;

    /// The value of JSON text that [`Kind::decode`] refused for want of exactness; only the diagnosing pass asks.
    fn exact(_raw: &str) -> Option<Self::Value> {
        None
    }

    /// Writes a value as JSON.
    fn write(value: &Self::Value, out: &mut String);
}

/// Reads a mandatory value: null is an error.
pub(super) struct Must<K>(PhantomData<K>);

/// Reads an optional value: null is none.
pub(super) struct May<K>(PhantomData<K>);

impl<K> Must<K> {
    pub(super) const NEW: Self = Self(PhantomData);
}

impl<K> May<K> {
    pub(super) const NEW: Self = Self(PhantomData);
}

impl<'de, K: Kind> DeserializeSeed<'de> for Must<K> {
    type Value = K::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<K::Value, D::Error> {
        K::decode(deserializer)
    }
}

impl<'de, K: Kind> DeserializeSeed<'de> for May<K> {
    type Value = Option<K::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, K: Kind> Visitor<'de> for May<K> {
    type Value = Option<K::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or null")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        K::decode(deserializer).map(Some)
    }
}

/// An error that [`super::diagnose`] reads the reason back from.
pub(super) fn refuse<E: Error>(reason: RejectReason) -> E {
    E::custom(reason)
}

/// A finite number; an integer is one too.
pub(super) struct Float;

impl Kind for Float {
    type Value = f64;

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        deserializer.deserialize_f64(Self)
    }

    fn write(value: &f64, out: &mut String) {
        if value.is_finite() {
            write!(out, "{value:?}").expect("a String takes all text");
        } else {
            out.push_str("null");
        }
    }
}

impl Visitor<'_> for Float {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }
}

/// An integer from `MIN` to `MAX`; a float is one too where it is exact.
pub(super) struct Int<const MIN: i64, const MAX: i64>;

/// A count; that it is not negative is checked with the other ranges.
pub(super) type Count = Int<{ i64::MIN }, { i64::MAX }>;
/// A `seq` or a `stream_epoch`.
pub(super) type Sequence = Int<0, MAX_SEQUENCE>;
/// An epoch of a component: what 32 bits hold.
pub(super) type Epoch = Int<0, 0xffff_ffff>;

impl<const MIN: i64, const MAX: i64> Kind for Int<MIN, MAX> {
    type Value = i64;

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        deserializer.deserialize_i64(Self)
    }

    fn exact(raw: &str) -> Option<i64> {
        exact_text(raw).filter(|value| (MIN..=MAX).contains(value))
    }

    fn write(value: &i64, out: &mut String) {
        write!(out, "{value}").expect("a String takes all text");
    }
}

impl<const MIN: i64, const MAX: i64> Visitor<'_> for Int<MIN, MAX> {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<i64, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_too_large) => Err(refuse(RejectReason::OutOfRange)),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<i64, E> {
        if (MIN..=MAX).contains(&value) { Ok(value) } else { Err(refuse(RejectReason::OutOfRange)) }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<i64, E> {
        self.visit_i64(exact_integer(value).map_err(refuse)?)
    }
}

/// The integer that a float is exactly.
///
/// Up to 2^50 only: serde_json's floats are now and then off by one in the last place, which must not make another
/// integer. What is greater is read from its text by [`exact_text`].
pub(super) fn exact_integer(value: f64) -> Result<i64, RejectReason> {
    const LIMIT: f64 = (1_i64 << 50) as f64;
    if value.fract() != 0.0 {
        return Err(RejectReason::Type);
    }
    if value.abs() > LIMIT {
        return Err(RejectReason::OutOfRange);
    }
    #[expect(clippy::cast_possible_truncation, reason = "an integer within ±2^50")]
    Ok(value as i64)
}

/// The integer that a JSON number with a fraction or an exponent is exactly, if it is one.
fn exact_text(raw: &str) -> Option<i64> {
    let (mantissa, exponent) = raw.split_once(['e', 'E']).unwrap_or((raw, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    let zeros = i64::try_from(digits.len() - significant.len()).ok()?;
    let exponent = exponent.parse::<i64>().ok()?;
    let shift = exponent.checked_add(zeros)?.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    let power = 10_i64.checked_pow(u32::try_from(shift).ok()?)?;
    significant.parse::<i64>().ok()?.checked_mul(power)
}

/// A moment: RFC 3339, or an integer of Unix milliseconds; in microseconds.
pub(super) struct Time;

impl Kind for Time {
    type Value = i64;

    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        deserializer.deserialize_any(Self)
    }

    fn exact(raw: &str) -> Option<i64> {
        time_of_millis(exact_text(raw)?).ok()
    }

    fn write(value: &i64, out: &mut String) {
        if value.rem_euclid(1_000) == 0 {
            write!(out, "{}", value / 1_000).expect("a String takes all text");
        } else {
            push_json_string(out, &format_time(*value));
        }
    }
}

impl Visitor<'_> for Time {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time of RFC 3339, or an integer of Unix milliseconds")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<i64, E> {
        parse_time(value).map_err(refuse)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<i64, E> {
        time_of_millis(value).map_err(refuse)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<i64, E> {
        self.visit_i64(i64::try_from(value).unwrap_or(i64::MAX))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<i64, E> {
        self.visit_i64(exact_integer(value).map_err(refuse)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_text_is_the_integer_that_it_is_exactly_or_none() {
        for (text, value) in [
            ("9007199254740991.0", Some(9_007_199_254_740_991)),
            ("1795248000000000.000", Some(1_795_248_000_000_000)),
            ("9.007199254740993E15", Some(9_007_199_254_740_993)),
            ("-1200e-2", Some(-12)),
            ("1e18", Some(1_000_000_000_000_000_000)),
            ("10e1", Some(100)),
            ("1e19", None),
            ("1.5", None),
            ("12e-2", None),
            ("1e99999999999999999999", None),
            ("1e9223372036854775807", None),
            ("\"1\"", None),
        ] {
            assert_eq!(exact_text(text), value, "{text}");
        }
    }
}
