//! Where a number is from: the text of a model's file, and whether it says that the number is assumed.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

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

    /// Whether the text says that a number, or a part of them, is assumed.
    pub fn is_assumed(&self) -> bool {
        self.assumed
    }
}

impl<T: Into<String>> From<T> for Source {
    fn from(text: T) -> Self {
        let text = text.into();
        let assumed = text.contains("assumed");
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
