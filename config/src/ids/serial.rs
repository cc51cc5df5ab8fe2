//! What the serials of a manufacturer look like, where it is known: no rule of the scheme is public, so there is none by
//! default.

use std::fmt;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

/// A larger automaton is refused, bytes.
const COMPILED_BYTES_MAX: usize = 256 << 10;

/// A regular expression that the whole serial segment of an ID must match (syntax of the `regex` crate).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SerialPattern {
    text: String,
    regex: Regex,
}

impl SerialPattern {
    /// Whether a serial is as it should be.
    pub fn holds(&self, serial: &str) -> bool {
        self.regex.is_match(serial)
    }
}

impl TryFrom<String> for SerialPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let whole = RegexBuilder::new(&format!("^(?:{text})$")).size_limit(COMPILED_BYTES_MAX).build();
        let regex = whole.map_err(|error| error.to_string())?;
        Ok(Self { text, regex })
    }
}

impl From<SerialPattern> for String {
    fn from(pattern: SerialPattern) -> Self {
        pattern.text
    }
}

impl fmt::Display for SerialPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for SerialPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for SerialPattern {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_held_against_the_whole_serial() {
        let pattern = SerialPattern::try_from("20[0-9]{15}|X.*".to_owned()).unwrap();
        assert!(pattern.holds("20261121000000042") && pattern.holds("X0000000000000042"));
        assert!(!pattern.holds("120261121000000042") && !pattern.holds("2026112100000004A"));
        let json = serde_json::to_string(&pattern).unwrap();
        assert_eq!(serde_json::from_str::<SerialPattern>(&json).unwrap(), pattern);
    }

    #[test]
    fn what_is_no_pattern_or_would_be_too_large_is_refused() {
        for text in ["20[0-9", "(", "[A-Z]{5000}{100}"] {
            assert!(SerialPattern::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
