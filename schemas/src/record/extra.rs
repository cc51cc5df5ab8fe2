//! What a record carried that has no field here: unknown fields and dropped parts, by JSON pointer, as it came.
//!
//! Bounded by the size of a record: each byte of it stands here once at most.

use std::fmt::Write as _;

/// JSON pointers (RFC 6901) and the raw JSON text of what stood there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extra {
    parts: Vec<(String, Box<str>)>,
}

impl Extra {
    /// Whether nothing was unknown and nothing was dropped.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The parts, in the order in which they were put.
    pub fn parts(&self) -> &[(String, Box<str>)] {
        &self.parts
    }

    /// Keeps `raw`, JSON text, under `pointer`.
    pub fn put(&mut self, pointer: String, raw: &str) {
        self.parts.push((pointer, raw.into()));
    }

    /// Keeps `raw`, the whole of an element or a field, in the place of what was kept from within it.
    pub fn put_whole(&mut self, pointer: String, raw: &str) {
        let within = |other: &str| {
            other.strip_prefix(pointer.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.parts.retain(|(other, _)| !within(other));
        self.put(pointer, raw);
    }

    /// Number of parts, to go back to with [`Extra::truncate`].
    pub(crate) fn len(&self) -> usize {
        self.parts.len()
    }

    /// Forgets what was put after `len` parts.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.parts.truncate(len);
    }

    /// A JSON object from pointer to value, sorted by pointer; `None` if there is nothing.
    pub fn to_json_text(&self) -> Option<String> {
        if self.parts.is_empty() {
            return None;
        }
        let mut sorted: Vec<_> = self.parts.iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        let bytes: usize = sorted.iter().map(|(p, raw)| p.len() + raw.len() + 4).sum();
        let mut text = String::with_capacity(bytes + 2);
        for (i, (pointer, raw)) in sorted.into_iter().enumerate() {
            text.push(if i == 0 { '{' } else { ',' });
            push_json_string(&mut text, pointer);
            text.push(':');
            text.push_str(raw);
        }
        text.push('}');
        Some(text)
    }
}

/// Appends `text` as a JSON string, with its quotes.
pub(crate) fn push_json_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => write!(out, "\\u{:04x}", u32::from(c)).expect("a String takes all text"),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_sorted_by_pointer_and_keeps_values_as_they_came() {
        let mut extra = Extra::default();
        assert_eq!(extra.to_json_text(), None);
        extra.put("/vendor".into(), "1.50");
        extra.put("/joints/0/a\"b".into(), "{\"x\": [1, 2]}");
        assert_eq!(extra.to_json_text().as_deref(), Some(r#"{"/joints/0/a\"b":{"x": [1, 2]},"/vendor":1.50}"#));
    }

    #[test]
    fn a_dropped_whole_takes_the_place_of_its_parts_and_of_nothing_else() {
        let mut extra = Extra::default();
        extra.put("/joints/1/a".into(), "1");
        extra.put("/joints/10/a".into(), "2");
        extra.put_whole("/joints/1".into(), "{\"a\":1}");
        let pointers: Vec<_> = extra.parts().iter().map(|(p, _)| p.as_str()).collect();
        assert_eq!(pointers, ["/joints/10/a", "/joints/1"]);
    }

    #[test]
    fn control_characters_are_escaped() {
        let mut out = String::new();
        push_json_string(&mut out, "a\u{1}\n\\é");
        assert_eq!(out, "\"a\\u0001\\n\\\\é\"");
    }
}
