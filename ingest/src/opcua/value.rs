//! Values of a server as the bridge keeps them: a truth, a number, a text, or what nothing can be made of.
//!
//! Variants come from outside, nested and of any type, so this never recurses deep and never fails.

use opcua::types::{DataValue, DateTime, Variant};
use serde::{Deserialize, Serialize};

/// Longest text that is kept, in bytes; the limit of a record's texts.
pub(super) const TEXT_BYTES_MAX: usize = 256;
/// Variants and data values within each other are followed so far.
const DEPTH_MAX: usize = 4;
/// Bits of a status that say that a queue overflowed: information of a data value, overflow.
pub(super) const OVERFLOW: u32 = 0x480;
/// 1601-01-01 to 1970-01-01, in microseconds.
const UNIX_EPOCH_US: i64 = 11_644_473_600_000_000;

/// A time in Unix microseconds UTC as OPC UA counts it, in 100 ns since 1601.
pub(super) fn ticks(unix_us: i64) -> i64 {
    unix_us.saturating_add(UNIX_EPOCH_US).saturating_mul(10)
}

/// A value as the journal holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// The server has none, which is no fault: a motor without a sensor.
    Null,
    /// A truth.
    Bool(bool),
    /// A finite number.
    Number(f64),
    /// A text of at most 256 bytes.
    Text(String),
    /// Something that no field holds: an array, a structure, NaN.
    Unusable,
}

/// One value of one signal, with what the server said of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Number of the signal in the table of its server.
    pub signal: u32,
    /// OPC UA status code; 0 is good.
    pub status: u32,
    /// The value.
    pub value: Value,
    /// When the source had it, Unix microseconds UTC.
    pub source_us: Option<i64>,
    /// When the server had it, Unix microseconds UTC.
    pub server_us: Option<i64>,
}

impl Sample {
    /// What a subscription delivered for a signal.
    pub fn of(signal: u32, delivered: DataValue) -> Self {
        Self {
            signal,
            status: delivered.status.map_or(0, |status| status.bits()),
            value: delivered.value.map_or(Value::Null, |value| Value::of(value, 0)),
            source_us: delivered.source_timestamp.and_then(unix_us),
            server_us: delivered.server_timestamp.and_then(unix_us),
        }
    }

    /// Whether the value may be computed with: good, or uncertain, which is kept and told.
    pub(super) fn is_usable(&self) -> bool {
        self.status >> 30 <= 1
    }

    /// Whether the server says that its queue overflowed before this value.
    pub(super) fn overflowed(&self) -> bool {
        self.status & OVERFLOW == OVERFLOW
    }
}

impl Value {
    fn of(variant: Variant, depth: usize) -> Self {
        match variant {
            Variant::Empty => Self::Null,
            Variant::Boolean(truth) => Self::Bool(truth),
            Variant::SByte(number) => Self::Number(number.into()),
            Variant::Byte(number) => Self::Number(number.into()),
            Variant::Int16(number) => Self::Number(number.into()),
            Variant::UInt16(number) => Self::Number(number.into()),
            Variant::Int32(number) => Self::Number(number.into()),
            Variant::UInt32(number) => Self::Number(number.into()),
            Variant::Int64(number) => Self::exact(number.unsigned_abs(), number < 0),
            Variant::UInt64(number) => Self::exact(number, false),
            Variant::Float(number) => Self::shortest(number),
            Variant::Double(number) => Self::finite(number),
            Variant::String(text) => text.value().as_deref().map_or(Self::Null, Self::text),
            Variant::LocalizedText(text) => text.text.value().as_deref().map_or(Self::Null, Self::text),
            Variant::QualifiedName(name) => name.name.value().as_deref().map_or(Self::Null, Self::text),
            Variant::Variant(inner) if depth < DEPTH_MAX => Self::of(*inner, depth + 1),
            Variant::DataValue(inner) if depth < DEPTH_MAX => {
                inner.value.map_or(Self::Null, |value| Self::of(value, depth + 1))
            }
            // A range of one element comes as an array of it.
            Variant::Array(mut array) if array.values.len() == 1 && depth < DEPTH_MAX => {
                array.values.pop().map_or(Self::Null, |value| Self::of(value, depth + 1))
            }
            _ => Self::Unusable,
        }
    }

    fn finite(number: f64) -> Self {
        if number.is_finite() { Self::Number(number) } else { Self::Unusable }
    }

    /// A float as its shortest decimal text says: 41.3 and not 41.29999923706055.
    fn shortest(number: f32) -> Self {
        number.to_string().parse().map_or(Self::Unusable, Self::finite)
    }

    /// A whole number as a float; beyond 2^53 it is not exact, and no counter is that high.
    #[expect(clippy::cast_precision_loss, reason = "bounded by 2^53 just before")]
    fn exact(size: u64, negative: bool) -> Self {
        if size > 1 << 53 {
            return Self::Unusable;
        }
        let size = size as f64;
        Self::Number(if negative { -size } else { size })
    }

    fn text(text: &str) -> Self {
        let mut end = text.len().min(TEXT_BYTES_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self::Text(text[..end].to_owned())
    }
}

/// Unix microseconds of a time stamp; servers send the first and the last of all times for "none".
pub(super) fn unix_us(time: DateTime) -> Option<i64> {
    let ticks = time.checked_ticks();
    (ticks > 0 && ticks < DateTime::endtimes_ticks()).then(|| ticks / 10 - UNIX_EPOCH_US)
}

/// Seconds of an ISO 8601 duration such as `P12DT3H4M5.5S`, by which controllers tell their hours of power-on.
///
/// Years and months have no length of their own, so a text with them is none.
pub(super) fn duration_s(text: &str) -> Option<f64> {
    let (days, times) = match text.strip_prefix('P')?.split_once('T') {
        Some((days, times)) if !times.is_empty() => (days, times),
        Some(_) => return None,
        None => (text.strip_prefix('P')?, ""),
    };
    let mut seconds = 0.0;
    let mut parts = 0;
    let of_days: &[(char, f64)] = &[('W', 604_800.0), ('D', 86_400.0)];
    let of_times: &[(char, f64)] = &[('H', 3600.0), ('M', 60.0), ('S', 1.0)];
    for (part, units) in [(days, of_days), (times, of_times)] {
        let mut rest = part;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let unit = rest[digits..].chars().next()?;
            let (_, factor) = units.iter().find(|(letter, _)| *letter == unit)?;
            seconds += rest[..digits].parse::<f64>().ok()? * factor;
            rest = &rest[digits + 1..];
            parts += 1;
        }
    }
    (parts > 0 && seconds.is_finite()).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use opcua::types::{Array, ExtensionObject, LocalizedText, StatusCode, VariantScalarTypeId};

    use super::*;

    fn value(variant: Variant) -> Value {
        Value::of(variant, 0)
    }

    #[test]
    fn every_scalar_becomes_a_truth_a_number_or_a_text() {
        assert_eq!(value(Variant::Boolean(true)), Value::Bool(true));
        assert_eq!(value(Variant::SByte(-3)), Value::Number(-3.0));
        assert_eq!(value(Variant::UInt64(1 << 53)), Value::Number(9_007_199_254_740_992.0));
        assert_eq!(value(Variant::Int64(-5)), Value::Number(-5.0));
        assert_eq!(value(Variant::Float(41.3)), Value::Number(41.3));
        assert_eq!(value(Variant::Double(1e300)), Value::Number(1e300));
        assert_eq!(value(Variant::from("x")), Value::Text("x".to_owned()));
        assert_eq!(value(Variant::from(LocalizedText::from("y"))), Value::Text("y".to_owned()));
        assert_eq!(value(Variant::Empty), Value::Null);
    }

    #[test]
    fn what_no_field_holds_is_unusable_and_no_panic() {
        let two = Array::new(VariantScalarTypeId::Double, vec![Variant::Double(1.0), Variant::Double(2.0)]).unwrap();
        let mut deep = Variant::Double(1.0);
        for _ in 0..1000 {
            deep = Variant::Variant(Box::new(deep));
        }
        for variant in [
            Variant::Double(f64::NAN),
            Variant::Float(f32::INFINITY),
            Variant::UInt64(u64::MAX),
            Variant::Int64(i64::MIN),
            Variant::Array(Box::new(two)),
            Variant::ExtensionObject(ExtensionObject::null()),
            deep,
        ] {
            assert_eq!(value(variant), Value::Unusable);
        }
    }

    #[test]
    fn an_array_of_one_is_its_element_and_a_long_text_is_cut_between_characters() {
        let one = Array::new(VariantScalarTypeId::Double, vec![Variant::Double(7.0)]).unwrap();
        assert_eq!(value(Variant::Array(Box::new(one))), Value::Number(7.0));
        let Value::Text(text) = value(Variant::from("ä".repeat(200).as_str())) else { panic!("no text") };
        assert_eq!(text, "ä".repeat(128));
    }

    #[test]
    fn time_stamps_are_unix_microseconds_and_the_ends_of_time_are_none() {
        let of = |time| Sample::of(0, DataValue { source_timestamp: Some(time), ..DataValue::default() }).source_us;
        assert_eq!(of(DateTime::ymd(1970, 1, 2)), Some(86_400_000_000));
        assert_eq!((of(DateTime::null()), of(DateTime::endtimes())), (None, None));
    }

    #[test]
    fn an_overflow_is_told_by_two_bits_and_uncertain_is_usable() {
        let sample =
            |status: u32| Sample::of(0, DataValue { status: Some(StatusCode::from(status)), ..DataValue::default() });
        assert!(sample(0x480).overflowed() && !sample(0x400).overflowed());
        assert!(sample(0x4000_0000).is_usable() && !sample(0x8000_0000).is_usable());
    }

    #[test]
    fn durations_of_iso_8601_are_seconds() {
        assert_eq!(duration_s("PT1204H30M"), Some(4_336_200.0));
        assert_eq!(duration_s("P12DT3H4M5.5S"), Some(1_047_845.5));
        assert_eq!(duration_s("P2W"), Some(1_209_600.0));
        for text in ["", "P", "PT", "P1Y", "P1M", "1H", "PT-5S", "PTS", "PT5", "PT1e5S", "P1T1H", "PTäS"] {
            assert_eq!(duration_s(text), None, "{text}");
        }
    }
}
