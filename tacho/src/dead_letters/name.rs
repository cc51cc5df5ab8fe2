//! How a dead letter is named: by its place in the log, `LOG_EPOCH:PARTITION:OFFSET:ORDINAL`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A row of `rejected`, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct LetterName {
    pub(crate) log_epoch: i64,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) ordinal: i64,
}

/// A text that names no dead letter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no dead letter: LOG_EPOCH:PARTITION:OFFSET:ORDINAL would, as in `tacho dead-letters list`")]
pub(crate) struct NoLetterName(String);

impl fmt::Display for LetterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}", self.log_epoch, self.partition, self.offset, self.ordinal)
    }
}

impl FromStr for LetterName {
    type Err = NoLetterName;

    fn from_str(text: &str) -> Result<Self, NoLetterName> {
        let numbers: Option<Vec<i64>> =
            text.split(':').map(|part| part.parse().ok().filter(|number| *number >= 0)).collect();
        let named = || match numbers.as_deref()? {
            [log_epoch, partition, offset, ordinal] => Some(Self {
                log_epoch: *log_epoch,
                partition: i32::try_from(*partition).ok()?,
                offset: *offset,
                ordinal: *ordinal,
            }),
            _ => None,
        };
        named().ok_or_else(|| NoLetterName(text.to_owned()))
    }
}

impl TryFrom<String> for LetterName {
    type Error = NoLetterName;

    fn try_from(text: String) -> Result<Self, NoLetterName> {
        text.parse()
    }
}

impl From<LetterName> for String {
    fn from(name: LetterName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_as_it_is_written_and_nothing_else_is_one() {
        let name: LetterName = "2:7:1024:3".parse().unwrap();
        assert_eq!(name, LetterName { log_epoch: 2, partition: 7, offset: 1024, ordinal: 3 });
        assert_eq!(name.to_string(), "2:7:1024:3");
        for text in ["", "1:2:3", "1:2:3:4:5", "1:2:-3:0", "1:2:x:0", "1:2147483648:0:0"] {
            let refused = text.parse::<LetterName>().unwrap_err().to_string();
            assert!(refused.contains("LOG_EPOCH:PARTITION:OFFSET:ORDINAL"), "{refused}");
        }
    }
}
