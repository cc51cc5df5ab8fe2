//! Canonical JSON: keys sorted by bytes, no blanks, numbers as `serde_json` writes them (the shortest text that is read
//! back to the same). Sorted here, because `serde_json`'s own order depends on a feature that any crate may switch on.

use serde_json::Value;

/// The canonical bytes of `value`.
pub(super) fn bytes(value: &Value) -> Vec<u8> {
    let mut out = String::new();
    write(value, &mut out);
    out.into_bytes()
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| key.as_bytes());
            out.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
        Value::Array(array) => {
            out.push('[');
            for (index, value) in array.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(value, out);
            }
            out.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => out.push_str(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_at_every_level_and_there_are_no_blanks() {
        let value: Value =
            serde_json::from_str(r#"{"b": [1, {"z": 0.1, "a": null}], "a\"": "ä", "B": 87.0}"#).expect("JSON");
        let text = String::from_utf8(bytes(&value)).expect("UTF-8");
        assert_eq!(text, r#"{"B":87.0,"a\"":"ä","b":[1,{"a":null,"z":0.1}]}"#);
    }
}
