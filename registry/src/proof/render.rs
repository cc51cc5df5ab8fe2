//! Cells of a row as text: decimals with all digits of their scale, times as RFC 3339 in UTC with microseconds.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat};
use tacho_schemas::table::Kind;

use crate::cbor::Value;

/// The text of a cell; `None` is null.
///
/// # Errors
/// The cell is not of the column's kind.
pub fn cell(kind: Kind, value: &Value) -> Result<Option<String>, NotOfKind> {
    let text = match (kind, value) {
        (_, Value::Null) => return Ok(None),
        (Kind::Text, Value::Text(text)) => text.clone(),
        (Kind::Int, Value::Int(number)) => number.to_string(),
        (Kind::Bool, Value::Bool(value)) => value.to_string(),
        (Kind::Time, Value::Int(time_us)) => time(*time_us),
        (Kind::Decimal { scale, .. }, Value::Int(unscaled)) => decimal(*unscaled, scale),
        (Kind::DecimalList { scale, .. }, Value::Array(values)) => list(values, scale)?,
        (Kind::Binary, Value::Bytes(bytes)) => bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a String succeeds");
            text
        }),
        _ => return Err(NotOfKind),
    };
    Ok(Some(text))
}

/// A cell that its column cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotOfKind;

fn time(time_us: i64) -> String {
    match DateTime::from_timestamp_micros(time_us) {
        Some(time) => time.to_rfc3339_opts(SecondsFormat::Micros, true),
        None => format!("{time_us} us"),
    }
}

fn list(values: &[Value], scale: u8) -> Result<String, NotOfKind> {
    let mut texts = Vec::with_capacity(values.len());
    for value in values {
        texts.push(match value {
            Value::Null => "null".to_owned(),
            Value::Int(unscaled) => decimal(*unscaled, scale),
            _ => return Err(NotOfKind),
        });
    }
    Ok(format!("[{}]", texts.join(", ")))
}

/// An unscaled decimal with its point.
fn decimal(unscaled: i64, scale: u8) -> String {
    let scale = usize::from(scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = format!("{:0width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_show_every_digit_of_their_scale() {
        let cases = [(0, 2, "0.00"), (5, 2, "0.05"), (-5, 2, "-0.05"), (-12_345, 3, "-12.345"), (7, 0, "7")];
        for (unscaled, scale, text) in cases {
            assert_eq!(decimal(unscaled, scale), text);
        }
        assert_eq!(decimal(i64::MIN, 18), "-9.223372036854775808");
    }

    #[test]
    fn cells_are_shown_by_the_kind_of_their_column() {
        let shown = |kind, value: Value| cell(kind, &value);
        let list = Kind::DecimalList { precision: 9, scale: 1 };
        assert_eq!(shown(Kind::Text, Value::Null), Ok(None));
        assert_eq!(shown(Kind::Time, Value::Int(-1)), Ok(Some("1969-12-31T23:59:59.999999Z".into())));
        assert_eq!(shown(Kind::Time, Value::Int(i64::MAX)), Ok(Some("9223372036854775807 us".into())));
        assert_eq!(shown(Kind::Binary, Value::Bytes(vec![0, 255])), Ok(Some("00ff".into())));
        assert_eq!(shown(list, Value::Array(vec![Value::Int(15), Value::Null])), Ok(Some("[1.5, null]".into())));
        assert_eq!(shown(list, Value::Array(vec![Value::Bool(true)])), Err(NotOfKind));
        assert_eq!(shown(Kind::Int, Value::Text("1".into())), Err(NotOfKind));
        assert_eq!(shown(Kind::Text, Value::Bytes(Vec::new())), Err(NotOfKind));
    }
}
