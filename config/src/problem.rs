//! What is wrong with a file: every problem at once, each with its key, the value and what would be right.

use std::fmt;
use std::path::Path;

/// Characters of a value that a problem shows at most.
const VALUE_CHARS_MAX: usize = 64;

/// One thing that is wrong in what an operator wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where: `mqtt.listen`, `joints[2].gear_ratio`, `line 7`; with `FILE: ` before it where several files are read.
    pub key: String,
    /// What stands there, cut at 64 characters; empty if nothing does; `***` if it is a secret.
    pub value: String,
    /// What would be right.
    pub expected: String,
}

impl Problem {
    /// A problem at `key`; `value` is cut to 64 characters.
    pub fn new(key: impl Into<String>, value: &str, expected: impl Into<String>) -> Self {
        Self { key: key.into(), value: cut(value), expected: expected.into() }
    }

    /// The same problem, told as one of a file among several.
    pub(crate) fn of_file(mut self, file: &str) -> Self {
        self.key = format!("{file}: {}", self.key);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.value.is_empty() {
            write!(f, "{}: expected {}", self.key, self.expected)
        } else {
            write!(f, "{} = {}: expected {}", self.key, self.value, self.expected)
        }
    }
}

/// All problems of a file or a folder, in the order of reading; shown one per line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// `Ok(value)` if nothing is wrong.
    pub(crate) fn unless_none<T>(problems: Vec<Problem>, value: T) -> Result<T, Self> {
        if problems.is_empty() { Ok(value) } else { Err(Self(problems)) }
    }

    /// The problem of a file that cannot be read.
    pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self(vec![Problem::new(path.display().to_string(), &error.to_string(), "a file that can be read, UTF-8")])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for problem in &self.0 {
            write!(f, "{separator}{problem}")?;
            separator = "\n";
        }
        Ok(())
    }
}

/// A setting that is allowed and likely to hurt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The key, such as `mqtt.anonymous`.
    pub key: String,
    /// Its value.
    pub value: String,
    /// What may come of it.
    pub reason: String,
}

impl Warning {
    pub(crate) fn new(key: &str, value: impl fmt::Display, reason: &str) -> Self {
        Self { key: key.to_owned(), value: value.to_string(), reason: reason.to_owned() }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}: {}", self.key, self.value, self.reason)
    }
}

fn cut(value: &str) -> String {
    match value.char_indices().nth(VALUE_CHARS_MAX) {
        None => value.to_owned(),
        Some((end, _)) => format!("{}…", &value[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_shown_one_per_line_with_key_value_and_what_would_be_right() {
        let problems = Problems(vec![
            Problem::new("mqtt.listen", "\"localhost\"", "an IP address with a port"),
            Problem::new("mqtt.users_file", "", "a path"),
        ]);
        assert_eq!(
            problems.to_string(),
            "mqtt.listen = \"localhost\": expected an IP address with a port\nmqtt.users_file: expected a path"
        );
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let shown = Problem::new("k", &"ä".repeat(100), "less").value;
        assert_eq!(shown, format!("{}…", "ä".repeat(64)));
    }
}
