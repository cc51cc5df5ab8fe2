//! An error as one text, for log lines, `/ready` and findings: each error says what it is, its sources say why.

use std::error::Error;

/// The error and its sources, outermost first; a source that its error has already shown is left out.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let told = source.to_string();
        if !text.contains(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("outer: {0}")]
    struct Showing(#[source] std::io::Error);

    #[test]
    fn each_error_is_told_once_and_outermost_first() {
        assert_eq!(chain(&Outer(std::io::Error::other("inner"))), "outer: inner");
        assert_eq!(chain(&Showing(std::io::Error::other("inner"))), "outer: inner");
        assert_eq!(chain(&std::fmt::Error), std::fmt::Error.to_string());
    }
}
