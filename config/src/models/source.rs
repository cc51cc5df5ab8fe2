//! Where a number is from: the text of a model's file, and whether it says that the number is assumed.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Beginnings of the words by which a text says that a number is assumed, in small letters.
const ASSUMED_WORDS: [&str; 5] = ["assum", "estimat", "guess", "judgement", "judgment"];

/// A catalogue and page, a data sheet, or "assumed". Read once per model, so that asking costs nothing per record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    text: String,
    assumed: bool,
}

impl Source {
    /// The text, as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the text says that a number, or a part of them, is assumed, estimated, guessed or a judgement.
    pub fn is_assumed(&self) -> bool {
        self.assumed
    }
}

impl<T: Into<String>> From<T> for Source {
    fn from(text: T) -> Self {
        let text = text.into();
        let small = text.to_lowercase();
        let assumed = ASSUMED_WORDS.iter().any(|word| small.contains(word));
        Self { text, assumed }
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_word_says_that_a_number_is_no_rating_is_understood() {
        let assumed = [
            "assumed",
            "Assumed: like a CSF-17",
            "speed by the maker; current ASSUMED",
            "assumption",
            "our estimate",
            "Estimated from a teardown",
            "best guess",
            "engineering judgement",
            "Judgment of the integrator",
        ];
        for text in assumed {
            assert!(Source::from(text).is_assumed(), "{text}");
            assert_eq!(Source::from(text).as_str(), text, "the text stays as written");
        }
        for text in ["catalogue p. 19", "data sheet", "measured at commissioning", ""] {
            assert!(!Source::from(text).is_assumed(), "{text}");
        }
    }
}
