//! JSON taken apart without being understood: members of objects and elements of arrays as slices of the text.
//!
//! For what is unknown or wrong; good records don't come here.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::MAX_DEPTH;
use super::path::Path;
use crate::reason::RejectReason;

/// A member of an object, as it came.
#[derive(Debug, Clone)]
pub(super) struct Member<'de> {
    /// The key, without escapes.
    pub(super) key: Cow<'de, str>,
    /// The value's JSON text.
    pub(super) raw: &'de str,
}

/// Reads a key; only one with escapes is copied.
pub(super) struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

/// The members of an object, in order. With an error, those that stand complete before it.
pub(super) fn members(text: &str) -> (Vec<Member<'_>>, Result<(), serde_json::Error>) {
    let mut found = Vec::new();
    let mut json = serde_json::Deserializer::from_str(text);
    let end = json.deserialize_map(MembersOf(&mut found)).and_then(|()| json.end());
    (found, end)
}

struct MembersOf<'a, 'de>(&'a mut Vec<Member<'de>>);

impl<'de> Visitor<'de> for MembersOf<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        // A number is complete only when something follows it, so each member waits for the next key.
        let mut last = None;
        while let Some(key) = map.next_key_seed(Key)? {
            self.0.extend(last.take());
            let raw = map.next_value::<&'de RawValue>()?.get();
            last = Some(Member { key, raw });
        }
        self.0.extend(last);
        Ok(())
    }
}

/// The elements of an array, in order; no more than `max` + 1 of them.
pub(super) fn elements(text: &str, max: usize) -> Result<Vec<&str>, serde_json::Error> {
    serde_json::Deserializer::from_str(text).deserialize_seq(ElementsOf(max))
}

struct ElementsOf(usize);

impl<'de> Visitor<'de> for ElementsOf {
    type Value = Vec<&'de str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(raw) = seq.next_element::<&'de RawValue>()? {
            if found.len() <= self.0 {
                found.push(raw.get());
            }
        }
        Ok(found)
    }
}

/// Keys that stand twice, with the value of each later occurrence. Leaves the first of each in `members`.
pub(super) fn take_duplicates<'de>(members: &mut Vec<Member<'de>>) -> Vec<Member<'de>> {
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by(|&a, &b| members[a].key.cmp(&members[b].key).then(a.cmp(&b)));
    let mut again = vec![false; members.len()];
    for pair in order.windows(2) {
        again[pair[1]] = members[pair[0]].key == members[pair[1]].key;
    }
    let mut duplicates = Vec::new();
    let mut again = again.into_iter();
    members.retain(|member| {
        let repeated = again.next() == Some(true);
        if repeated {
            duplicates.push(member.clone());
        }
        !repeated
    });
    duplicates
}

/// Whether the value of an unknown field can be kept: not too deep at its place, and no key twice.
///
/// # Errors
/// The reason, and the pointer of what is wrong.
pub(super) fn check_unknown(raw: &str, path: &Path<'_>) -> Result<(), (RejectReason, String)> {
    if !raw.starts_with(['{', '[']) {
        return Ok(());
    }
    if path.depth() + nesting(raw.as_bytes()) > MAX_DEPTH {
        return Err((RejectReason::Depth, path.pointer()));
    }
    check_duplicates(raw, path)
}

/// Goes down as far as [`MAX_DEPTH`] only: the caller has measured the nesting.
fn check_duplicates(raw: &str, path: &Path<'_>) -> Result<(), (RejectReason, String)> {
    if raw.starts_with('{') {
        let (mut members, _valid) = members(raw);
        if let Some(duplicate) = take_duplicates(&mut members).first() {
            return Err((RejectReason::DuplicateKey, Path::Key(path, &duplicate.key).pointer()));
        }
        members.iter().try_for_each(|member| check_duplicates(member.raw, &Path::Key(path, &member.key)))
    } else if raw.starts_with('[') {
        let elements = elements(raw, usize::MAX - 1).unwrap_or_default();
        (0_u32..).zip(elements).try_for_each(|(i, element)| check_duplicates(element, &Path::Index(path, i)))
    } else {
        Ok(())
    }
}

/// How deep objects and arrays are nested; of text that is no JSON, what its brackets outside of strings say.
pub(super) fn nesting(text: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    deepest
}

/// Goes behind the closing quote, or to the end.
pub(super) fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}

/// The raw JSON text at a JSON pointer of a record, as it came. For what is dropped or rejected after decoding.
pub fn raw_at<'a>(record: &'a [u8], pointer: &str) -> Option<&'a str> {
    let mut raw = std::str::from_utf8(record).ok()?.trim();
    if pointer.is_empty() {
        return Some(raw);
    }
    for token in pointer.strip_prefix('/')?.split('/') {
        let key = token.replace("~1", "/").replace("~0", "~");
        raw = if raw.starts_with('{') {
            members(raw).0.into_iter().find(|member| member.key == key)?.raw
        } else {
            elements(raw, usize::MAX - 1).ok()?.get(key.parse::<usize>().ok()?)?
        };
    }
    Some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_broken_object_the_members_before_the_break_are_found_and_a_cut_number_is_not() {
        let (found, end) = members(r#"{"a":1,"b":[2],"seq":10"#);
        assert!(end.is_err());
        let found: Vec<_> = found.iter().map(|m| (m.key.as_ref(), m.raw)).collect();
        assert_eq!(found, [("a", "1"), ("b", "[2]")]);
    }

    #[test]
    fn a_raw_value_is_found_by_its_pointer_as_it_came() {
        let record = br#"{"joints":[{"name":"J1"},{"a/b" : 1.50 }],"x~y":{}}"#;
        assert_eq!(raw_at(record, "/joints/1/a~1b"), Some("1.50"));
        assert_eq!(raw_at(record, "/joints/0"), Some(r#"{"name":"J1"}"#));
        assert_eq!(raw_at(record, "/x~0y"), Some("{}"));
        for nowhere in ["/joints/2", "/joints/x", "/none", "none", "/joints/0/name/more"] {
            assert_eq!(raw_at(record, nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn a_key_twice_is_found_within_an_unknown_value_also_if_one_is_escaped() {
        let path = Path::Key(&Path::Root, "vendor");
        let twice = r#"[{"a":1},{"b":{"c":1e999,"\u0063":2}}]"#;
        let found = Err((RejectReason::DuplicateKey, "/vendor/1/b/c".to_owned()));
        assert_eq!(check_unknown(twice, &path), found);
        assert_eq!(check_unknown(r#"[{"a":1},{"a":1}]"#, &path), Ok(()));
    }

    #[test]
    fn nesting_counts_brackets_outside_of_strings() {
        assert_eq!(nesting(br#"{"a":[["]]]\"[[[["]]}"#), 3);
        assert_eq!(nesting(b"]]]["), 1);
        assert_eq!(nesting(&b"[".repeat(10_000)), 10_000);
    }
}
